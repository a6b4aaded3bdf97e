/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between stage.c, configure.c and action.c. */
#ifndef IMAGES_BUILDER_STAGE_INT_H
#define IMAGES_BUILDER_STAGE_INT_H

#include "base/json.h"
#include "images/builder/builder.h"
#include "images/builder/expand.h"

/* Words of an instruction with the variables of the stage expanded; in the arena. */
int stage_expand(const struct builder_stage *s, const char *word, const char **ret,
		 struct error *err) MUST_CHECK;
int stage_expand_words(const struct builder_stage *s, const char *word, char ***ret,
		       struct error *err) MUST_CHECK; /* owned */
/* The same with quotes as ordinary characters. */
int stage_expand_raw(const struct builder_stage *s, const char *word, const char **ret,
		     struct error *err) MUST_CHECK;
/* The value of an ENV or ARG, or NULL. */
const char *stage_value(const struct builder_stage *s, const char *name);
/* "K=V" of all ENV, then of the ARGs that no ENV hides; in the arena, NULL-terminated. */
char **stage_environment(const struct builder_stage *s);
/* The shell that runs what is no JSON array; borrowed from the configuration or constant. */
char **stage_shell(const struct builder_stage *s);	  /* in the arena */
const char *stage_workdir(const struct builder_stage *s); /* "/" by default */
/* `path` below the working directory, cleaned; a slash at the end is kept. */
const char *stage_path(const struct builder_stage *s, const char *path);
json_t *stage_member(json_t *config, const char *key, json_t *(*make)(void));
char **stage_strv(const struct builder_stage *s, char *const *v); /* a copy in the arena */

/* configure.c: all that changes the configuration only; 1: `in` is another instruction. */
int stage_configure(struct builder_stage *s, const struct dockerfile_instruction *in,
		    struct builder_action *a, struct error *err) MUST_CHECK;
/* action.c */
int stage_run(struct builder_stage *s, const struct dockerfile_instruction *in,
	      struct builder_action *a, struct error *err) MUST_CHECK;
int stage_copy(struct builder_stage *s, const struct dockerfile_instruction *in,
	       struct builder_action *a, struct error *err) MUST_CHECK;
int stage_mkdir(struct builder_stage *s, const struct dockerfile_instruction *in,
		struct builder_action *a, struct error *err) MUST_CHECK;

#endif
