/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between build.c, build_stage.c, build_step.c, build_run.c and build_mounts.c. */
#ifndef ENGINE_BUILD_INT_H
#define ENGINE_BUILD_INT_H

#include "engine/build.h"
#include "engine/config.h"
#include "engine/pull.h"
#include "images/build.h"
#include "images/builder/builder.h"
#include "images/helper.h"

#define BUILD_LABEL	 "cmp.build" /* of the containers of RUN */
#define BUILD_TAIL	 20	     /* lines of output that a failure shows */
#define BUILD_STAGE_MAX	 1000
#define BUILD_LAYERS_MAX 500

struct build_context; /* the stream that is being unpacked; build_context.c */
struct build_run;     /* a container; build_run.c */
struct build_stage;

struct build {
	struct daemon *daemon;
	struct list link; /* in daemon.builds */
	json_t *options;  /* a copy */
	struct build_sink sink;
	struct image_build *session;
	struct build_context *context; /* NULL: unpacked */
	char *context_dir, *run_dir, *empty_dir;
	struct arena *arena;
	struct dockerfile *file;
	struct builder builder;
	struct map *args; /* name -> char * */
	struct build_stage *stages;
	size_t target;
	unsigned pending; /* operations that will call back */
	unsigned steps;	  /* directories made */
	bool cancelled, ending, ended;
	char *failure; /* text of the error, NULL: none */
	int64_t epoch_s, created_ns;
};

/* What a tree is read from. */
struct build_source {
	size_t stage;	     /* BUILDER_NO_STAGE: not one */
	struct image *image; /* borrowed from `images` of the stage */
	bool context;
};

enum build_stage_state { BUILD_IDLE, BUILD_STARTED, BUILD_BUILT };

struct build_stage {
	struct build *build;
	size_t index;
	enum build_stage_state state;
	bool ready;   /* `st` is set: the base is there */
	bool waiting; /* for another stage */
	struct builder_stage st;
	struct image_layer **layers; /* lowest first */
	size_t layer_count;
	struct dockerfile_instruction **list; /* triggers of the base, then its own */
	size_t count, at;
	struct map *images; /* that it reads from: reference -> struct image, referenced */
	/* the instruction at work */
	bool dispatched;
	struct builder_action action;
	const struct dockerfile_instruction *in;
	char *shown; /* "[build 2/5] RUN make" */
	unsigned number, total;
	char *dir; /* of this step */
	char key[DIGEST_HEX_MAX];
	struct image_helper *helper;
	void (*helper_done)(struct build_stage *s, const char *result);
	struct pull *pull;
	char *pull_ref;
	struct build_run *run;
	size_t mount_at; /* the next mount that is prepared */
	bool lock_wait;	 /* for a cache mount */
	char **caches;	 /* cache mounts that it holds, in the order of the mounts */
};

/* ---- build.c */
bool build_event(struct build *b, json_t *event); /* taken; false: see build_sink */
void build_progress(const struct build_stage *s, const char *status, const char *text);
/* The first failure ends the build: with the place of the instruction, or without one (in NULL).
 * `more` (may be NULL) is shown below. */
void build_fail(struct build *b, const struct dockerfile_instruction *in, const struct error *err,
		const char *more);
void build_op_begin(struct build *b);
/* An operation has called back.  true: the build goes on; false: it is ending, touch nothing. */
bool build_op_end(struct build *b);
void build_succeed(struct build *b);			 /* the target is built */
char *build_new_dir(struct build *b, struct error *err); /* owned; NULL on failure */

/* ---- build_context.c */
int build_context_start(struct build *b, struct error *err) MUST_CHECK;
bool build_context_write(struct build *b, const char *data, size_t len);
void build_context_eof(struct build *b);
void build_context_cancel(struct build *b);
void build_context_done(struct build *b); /* build.c: all is there */

/* ---- build_stage.c */
void build_stage_go(struct build_stage *s);
void build_stage_cancel(struct build_stage *s);
void build_stage_release(struct build_stage *s);
/* Takes the layer of the instruction at work, and goes on. */
void build_stage_step_done(struct build_stage *s, struct image_layer *layer);
/* What `from` (NULL: the context) means: 0, or 1 when it must be waited for; an error ends the
 * build. */
int build_source_find(struct build_stage *s, const char *from, struct build_source *ret,
		      struct error *err) MUST_CHECK;
json_t *build_source_tree(const struct build_stage *s, const struct build_source *src);
const char *build_source_name(const struct build_source *src, const char *from);
/* The paths of the stage's layers, lowest first; owned. */
char **build_stage_paths(const struct build_stage *s);
const char *build_stage_chain(const struct build_stage *s);

/* ---- build_step.c */
void build_step_start(struct build_stage *s);
/* Runs cmp-layer with the job (taken). */
int build_helper(struct build_stage *s, json_t *job,
		 void (*done)(struct build_stage *s, const char *result), struct error *err)
	MUST_CHECK;
/* Sets s->key; when there is a layer for it, the step is done.  true: it is. */
bool build_step_cached(struct build_stage *s, const char *content);
/* The job that makes a layer of STEP/layer/fs, once it is full. */
json_t *build_commit_json(const struct build_stage *s);
/* cmp-layer has made the layer. */
void build_step_committed(struct build_stage *s, const char *result);

/* ---- build_run.c, build_mounts.c */
int build_run_start(struct build_stage *s, struct error *err) MUST_CHECK;
void build_run_cancel(struct build_stage *s);
void build_run_resume(struct build_stage *s); /* its output is read again */
/* Are all that the mounts read from there?  As build_source_find. */
int build_mounts_ready(struct build_stage *s, struct error *err) MUST_CHECK;
/* Sources in the context, for the key, and the chains of other stages; `key` grows. */
int build_mounts_key(struct build_stage *s, char ***context, struct buf *key, struct error *err)
	MUST_CHECK;
/* The next mount that must be copied first: its job, or NULL when there is none left. */
json_t *build_mounts_copy(struct build_stage *s, size_t *at, struct error *err);
/* Adds mounts and files to the container's configuration, and stubs of their targets to `stubs`. */
int build_mounts_set(struct build_stage *s, struct container_config *config, const char *stubs,
		     struct error *err) MUST_CHECK;
/* May the cache mounts be used now?  1: one is locked by another step. */
int build_mounts_lock(struct build_stage *s, struct error *err) MUST_CHECK;
void build_mounts_unlock(struct build_stage *s);

#endif
