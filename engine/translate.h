/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service of the canonical compose model becomes the configuration of one of its containers.
 * Pure: reads nothing but its arguments.
 */
#ifndef ENGINE_TRANSLATE_H
#define ENGINE_TRANSLATE_H

#include "engine/config.h"

struct translate_args {
	const char *project;
	const json_t *model;
	const char *service;
	const json_t *definition; /* of the service; NULL: the model's */
	int64_t number;		  /* 0 for a one-off */
	bool one_off;
	const char *config_hash, *image_id; /* NULL: no such label */
	const json_t *files;		    /* array of paths, or NULL */
	const char *working_dir;	    /* of the project, or NULL */
	const json_t *secrets;		    /* values that come from the client: name -> text */
	/* Id of a container of another service of the project, for namespaces and volumes_from;
	 * NULL when there is none.  Without the function the service's name stands for it: a check.
	 */
	const char *(*find)(void *arg, const char *service);
	void *arg;
};
/* -EINVAL "service web: ports: …"; on failure *ret needs no release. */
int translate_service(const struct translate_args *args, struct container_config *ret,
		      struct error *err) MUST_CHECK;

/* Name of the image that a service runs: `image`, or PROJECT-SERVICE for one that is only built;
 * owned. */
char *translate_image(const char *project, const char *service, const json_t *definition);
/* How many containers the service should have: scale, deploy.replicas, or one. */
int64_t translate_replicas(const json_t *definition);
/* The short forms that `run` takes: "127.0.0.1:8080:80/tcp" and "src:/target:ro", as canonical
 * entries (new references). */
int translate_short_port(const char *text, json_t **ret, struct error *err) MUST_CHECK;
int translate_short_volume(const char *text, const char *cwd, json_t **ret, struct error *err)
	MUST_CHECK;
/* Words of a shell, with quotes and backslashes, without anything else of it; new reference. */
int translate_words(const char *text, json_t **ret, struct error *err) MUST_CHECK;

#endif
