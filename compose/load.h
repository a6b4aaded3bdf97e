/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What load.c, files.c, extends.c and include.c share: one loader per project and per include. */
#ifndef COMPOSE_LOAD_H
#define COMPOSE_LOAD_H

#include "base/map.h"
#include "compose/schema.h"

#define LOAD_FILES_MAX	 4000 /* that one project reads, of all kinds */
#define LOAD_INCLUDE_MAX 50   /* levels */
#define LOAD_EXTENDS_MAX 200  /* levels */

/* Of a project and all it includes. */
struct load_shared {
	unsigned reads;	 /* files, so far */
	bool incomplete; /* one could not be used: what refers to it is not wrong */
};

struct loader {
	struct compose_ctx c;
	struct compose_project *project;
	struct loader *parent;		     /* of an include */
	struct map *env;		     /* owned; c.env points at it */
	struct compose_node *documents;	     /* parsed files in order; marks tell which */
	const struct compose_node *document; /* of them, the one that is interpolated */
	struct compose_node *tree;	     /* what they come to */
	struct extend_file *extended;	     /* files that services extend from */
	char **paths; /* absolute paths of the files, owned; "-" is standard input */
	unsigned depth;
	struct load_shared *shared;
	struct compose_mark from; /* of an include: where it is written */
};

/* ---- files.c */
/* Where the files are, what .env says: fills env, dir, paths.  -ENOENT when no file was found. */
int files_locate(struct loader *l, struct error *err);
/* Reads a text; NULL after reporting at `from`, or silently when optional and not there. */
struct compose_source *files_read(struct loader *l, const char *path, struct compose_mark from,
				  bool optional);
/* False, after reporting at `from`, when a limit of the project is passed. */
bool files_room(struct loader *l, struct compose_mark from);
bool files_remote(const char *path); /* a URL or a git repository */
const char *files_absolute(struct loader *l, const char *path);
/* As messages name it: relative to the current directory when it is below. */
const char *files_shown(struct loader *l, const char *path);
/* Adds the variables of an env file to `vars`. */
bool files_read_env(struct loader *l, const char *path, struct compose_mark from, bool optional,
		    struct compose_node *vars);
/* Variables of `vars` that the environment lacks. */
void files_add_env(struct loader *l, const struct compose_node *vars);
const char *files_lookup(void *arg, const char *name); /* arg: the loader */

/* ---- load.c */
/* Parses, interpolates, decodes and merges l->paths into l->tree. */
void load_parse(struct loader *l);
void load_tree(struct loader *l);
void load_interpolate(struct loader *l, const struct compose_path *path, struct compose_node *n);

/* ---- extends.c, include.c */
void extends_resolve(struct loader *l, struct compose_node *document);
/* Loads what the document includes; NULL when nothing. */
struct compose_node *include_load(struct loader *l, struct compose_node *document);

/* ---- service_env.c: env_file and label_file of services */
void service_files_resolve(struct loader *l, struct compose_node *services);
/* Has it no profile, or one that is enabled? */
bool service_enabled(const struct compose_project *p, const struct compose_node *service);

#endif
