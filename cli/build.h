/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds as the command line asks for them: one request each, shown together. */
#ifndef CLI_BUILD_H
#define CLI_BUILD_H

#include "cli/cli.h"

struct build_request {
	const char *name; /* what its progress is called; NULL: a single one */
	char *context;	  /* directory, or "-": a tar on standard input */
	char *dockerfile; /* path on this machine; NULL: in the context, or `options` has it */
	json_t *options;  /* of the request; owned */
	/* what came of it */
	char *image; /* id, or NULL */
};
void build_request_release(struct build_request *r);
/* Runs all of them side by side; each problem is printed.  0 or an exit status. */
int build_run_all(struct cli *cli, struct build_request *list, size_t count, bool quiet);

/* ---- shared by the plain form and that of projects */
/* NAME=VALUE; NAME alone takes this process's value or, with `from_environment` unset, "". */
json_t *build_pairs(char *const *list, bool from_environment);
/* Adds the value of a secret from a file or, when that is NULL, a variable. */
int build_add_secret(json_t *to, const char *id, const char *file, const char *env,
		     struct error *err) MUST_CHECK;
/* Reads the Dockerfile (NULL: the usual one, "-": standard input) into the options. */
int build_set_dockerfile(const char *file, struct build_request *r, struct error *err) MUST_CHECK;
/* Credentials for the base images that must be fetched. */
int build_add_auths(struct cli *cli, json_t *options, struct error *err) MUST_CHECK;
void build_set_epoch(json_t *args); /* SOURCE_DATE_EPOCH of the environment */
bool build_is_remote(const char *context);
bool build_image_exists(struct cli *cli, const char *image);

/*
 * For up, create, run: builds what a request's model needs: services with a build section whose
 * image is not there, or all of them with `force`.  `services` as for compose_order.  0 or an exit
 * status.
 */
int build_for_model(struct cli *cli, const json_t *body, char *const *services, bool with_deps,
		    bool force);

#endif
