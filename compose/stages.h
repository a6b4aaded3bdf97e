/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the stages of compose/: what the loader (files, includes, variables) and the back half
 * (schema, merge, normal form, checks) need of each other.  Private to the room.
 *
 * A context is one scope: the files of the project, or those of one include.  Scopes share arena,
 * diagnostics and options; each has its directory and its variables.  Problems go to the
 * diagnostics and work goes on with what is usable; functions return NULL or false only when
 * nothing is.
 */
#ifndef COMPOSE_STAGES_H
#define COMPOSE_STAGES_H

#include "base/error.h"
#include "compose/compose.h"

struct compose_context {
	struct arena *arena;
	struct diag_list *diags;
	const struct compose_options *options;
	const char *dir;  /* absolute: of the project, or of the include; relative paths start here */
	const char *name; /* of the project; known before compose_finish */
	const char *(*lookup)(void *arg, const char *name); /* a variable or NULL */
	void *lookup_arg;
	char *const *profiles; /* active ones; "*" is all.  Those of compose_options and environment */
	void *loader;	       /* the loader's own */
};

/* ---- the loader's side */

/* Reads and parses a file and interpolates its documents with the variables of the scope: a list
 * of documents, or NULL.  `mark` is the place that names the file. */
struct compose_node *compose_read_documents(struct compose_context *c, const char *path,
					    struct compose_mark mark);
/* Takes `include` out of doc and adds what it names to it. */
void compose_include(struct compose_context *c, struct compose_node *doc);
/* Adds the variables of an env file to the map; lookup as in dotenv.h, on top of the scope's. */
bool compose_read_env(struct compose_context *c, const char *path, bool raw,
		      const struct compose_node *over, struct compose_mark mark,
		      struct compose_node *out);

/* ---- the back half's side */

/* Gives text the type of its key ("3" for replicas is 3).  Once for each document, after
 * interpolation. */
void compose_cast(struct compose_context *c, struct compose_node *doc);
/* One more document, interpolated, on top of what is there (NULL at first): extends, include,
 * !reset, merge, schema, long forms.  Returns the new whole. */
struct compose_node *compose_add(struct compose_context *c, struct compose_node *sofar,
				 struct compose_node *doc);
/* Makes the relative paths of a tree in long form absolute, beginning at c->dir. */
void compose_resolve_paths(struct compose_context *c, struct compose_node *tree);
/* Everything after the last file: defaults, names, dependencies, profiles, references.  Returns
 * the model; *disabled becomes the map of the services that no profile enables. */
struct compose_node *compose_finish(struct compose_context *c, struct compose_node *tree,
				    struct compose_node **disabled);

#endif
