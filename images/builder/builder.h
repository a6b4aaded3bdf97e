/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Dockerfile asks for: which stages need which, and for each instruction of a stage, in
 * order, what is to be done to the file system, given what the instructions before it have made of
 * the image's configuration.  Pure; the execution is in engine/build*.c.
 */
#ifndef IMAGES_BUILDER_BUILDER_H
#define IMAGES_BUILDER_BUILDER_H

#include <jansson.h>

#include "base/map.h"
#include "images/builder/dockerfile.h"

#define BUILDER_NO_STAGE SIZE_MAX

/* What all stages of one build share. */
struct builder {
	struct arena *arena;
	struct dockerfile *file;
	struct map *build_args; /* name -> char *, as the user gave them */
	struct map *globals;	/* ARG before the first FROM, and the platform's; name -> char * */
	const char *created;	/* time of the history, RFC 3339 */
};
/*
 * `build_args` is borrowed.  `os_arch` is the platform of the result ("linux/amd64").  Expands the
 * global arguments; a bad one is reported in the file's problems.
 */
void builder_init(struct builder *b, struct arena *a, struct dockerfile *f, struct map *build_args,
		  const char *platform, const char *created);
void builder_release(struct builder *b);

/* ---- stages */

/* The stage that `name` is (a name or a number) among those before `before`; BUILDER_NO_STAGE when
 * it is none: an image. */
size_t builder_stage_find(const struct dockerfile *f, const char *name, size_t before);
/* The stage to build: NULL or "" is the last.  ENOENT with the nearest name. */
int builder_target(const struct dockerfile *f, const char *name, size_t *ret, struct error *err)
	MUST_CHECK;
/* FROM, expanded: a stage, or an image reference ("scratch" for nothing).  *ret_image is in the
 * arena. */
int builder_base(const struct builder *b, size_t stage, size_t *ret_stage, const char **ret_image,
		 struct error *err) MUST_CHECK;
/* FROM --platform, expanded; NULL without it. */
int builder_platform(const struct builder *b, size_t stage, const char **ret, struct error *err)
	MUST_CHECK;
/* Calls back for each stage that this one copies from or mounts. */
void builder_stage_needs(const struct builder *b, size_t stage,
			 void (*need)(void *arg, size_t stage), void *arg);

/* ---- one stage */

struct builder_stage {
	const struct builder *builder;
	size_t index;
	json_t *config;	 /* of the image: Env, Cmd, … */
	json_t *history; /* array */
	char *author;
	char **args; /* "K=V" or "K": the ARGs in force, in order of their declaration */
	bool cmd_set;
};
/* `document` is the base image's (borrowed; NULL: scratch). */
void builder_stage_init(struct builder_stage *s, const struct builder *b, size_t index,
			const json_t *document);
/* The same from a stage that has been built. */
void builder_stage_inherit(struct builder_stage *s, const struct builder *b, size_t index,
			   const struct builder_stage *base);
void builder_stage_release(struct builder_stage *s);
/* The instructions that the base image left for this moment, taken out of the configuration;
 * array of strings, new reference. */
json_t *builder_stage_triggers(struct builder_stage *s);

enum builder_action_kind {
	BUILDER_NOTHING, /* the configuration was all */
	BUILDER_RUN,
	BUILDER_COPY, /* and ADD */
	BUILDER_MKDIR,
};
struct builder_content { /* a heredoc */
	const char *name, *data;
};
/* Strings and arrays are in the arena. */
struct builder_action {
	enum builder_action_kind kind;
	const struct dockerfile_instruction *in;
	const char *shown;	/* "RUN make", for progress */
	const char *created_by; /* for the history */
	const char *key;	/* what the cache goes by, but for files: text */
	/* RUN */
	char **argv, **env;
	const char *user, *workdir;
	struct dockerfile_mount *mounts;
	size_t mount_count;
	const char *network; /* "default", "none", "host" */
	bool insecure;
	struct builder_content script; /* of a heredoc with #!; name NULL: none */
	/* COPY, ADD */
	char **sources;
	struct builder_content *contents;
	size_t content_count;
	const char *dest; /* absolute; with a slash at its end when it must be a directory */
	const char *from, *chown, *chmod;
	char **excludes;
	bool add, link, parents, unpack;
	/* MKDIR: workdir, user */
};
/*
 * One instruction: changes the configuration, says what is to be done.  The history gets its entry
 * by builder_stage_commit.  EINVAL with the reason; EOPNOTSUPP for what is not supported.
 */
int builder_dispatch(struct builder_stage *s, const struct dockerfile_instruction *in,
		     struct builder_action *ret, struct error *err) MUST_CHECK;
/* `created`: when its layer was made, RFC 3339; NULL without one: the time of the entry before. */
void builder_stage_commit(struct builder_stage *s, const struct builder_action *a,
			  const char *created);
/* The image document of a stage: {architecture, os, config, rootfs, history}; `diff_ids` is
 * borrowed.  New reference. */
json_t *builder_stage_document(const struct builder_stage *s, char *const *diff_ids,
			       const char *architecture, const char *variant);

#endif
