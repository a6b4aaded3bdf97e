/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format as tables.  A type says which shapes a value may have, how its short syntax becomes
 * the long one, what its parts are, how two of them merge and how it is printed; a key is a name
 * with a type.  keys.c has the tables; decode.c, merge.c and finish.c walk them.  Nothing else
 * knows which keys there are.
 */
#ifndef COMPOSE_SCHEMA_H
#define COMPOSE_SCHEMA_H

#include "compose/compose.h"

/* Where a value is, for messages: services.web.ports[0].  Lives on the stack. */
struct compose_path {
	const struct compose_path *up;
	const char *key; /* NULL: an item of a list */
	size_t index;
};

/* What every stage needs. */
struct compose_ctx {
	struct arena *arena;
	struct diag_list *diags;
	const struct compose_options *options;
	const struct map *env; /* what interpolation sees: name to const char * */
	const char *dir;       /* relative paths are meant from here */
	const char *name;      /* of the project; NULL until it is known */
};

#define COMPOSE_BYTES_MAX ((size_t)512 << 20) /* nodes and texts of a project */

#define SHAPE_NULL   (1u << COMPOSE_NULL)
#define SHAPE_STRING (1u << COMPOSE_STRING)
#define SHAPE_BOOL   (1u << COMPOSE_BOOL)
#define SHAPE_INT    (1u << COMPOSE_INT)
#define SHAPE_FLOAT  (1u << COMPOSE_FLOAT)
#define SHAPE_LIST   (1u << COMPOSE_LIST)
#define SHAPE_MAP    (1u << COMPOSE_MAP)
#define SHAPE_NUMBER (SHAPE_INT | SHAPE_FLOAT)
#define SHAPE_SCALAR (SHAPE_STRING | SHAPE_BOOL | SHAPE_NUMBER)
#define SHAPE_ANY    (SHAPE_NULL | SHAPE_SCALAR | SHAPE_LIST | SHAPE_MAP)

enum compose_cast { CAST_NONE, CAST_INT, CAST_FLOAT, CAST_BOOL };

#define TYPE_NULL_WINS 1u  /* null values of an override replace: lists that became mappings */
#define TYPE_UNIQUE    2u  /* equal items are an error */
#define TYPE_NAMES     8u  /* keys are names of objects */
#define TYPE_CAPITALS  16u /* keys are printed with a capital, as the reference does */

#define KEY_REPLACE	1u  /* an override replaces instead of merging */
#define KEY_KEEP	2u  /* printed also when zero, false or empty */
#define KEY_ALWAYS_NULL 4u  /* printed as null when absent */
#define KEY_ALWAYS_MAP	8u  /* printed as {} when absent */
#define KEY_HIDDEN	16u /* not part of the model */
#define KEY_REQUIRED	32u
#define KEY_OBSOLETE	64u
#define KEY_IGNORED	128u /* accepted; cmp does nothing with it, nor with what is below it */
#define KEY_REFUSED	256u /* part of the format, but no container is made with it */
#define KEY_WARNED	512u /* ignored, and a warning says so: the container lacks something */

struct compose_key;

struct compose_type {
	unsigned shapes;
	unsigned flags;
	const char *wanted;		  /* for messages: a list of ports, like "8080:80" */
	const struct compose_key *keys;	  /* a mapping with these keys */
	const struct compose_type *item;  /* of a list */
	const struct compose_type *value; /* of a mapping with free keys */
	enum compose_cast cast;
	/* Short to long.  NULL: unusable, reported. */
	struct compose_node *(*expand)(struct compose_ctx *c, const struct compose_path *path,
				       struct compose_node *n);
	/* Items of a list with equal index are one item, the later wins in the earlier's place. */
	const char *(*index)(struct arena *a, const struct compose_node *item);
	/* Instead of the usual merge. */
	struct compose_node *(*merge)(struct compose_ctx *c, struct compose_node *base,
				      struct compose_node *over);
	/* The value of the model, NULL: left out. */
	struct compose_node *(*finish)(struct compose_ctx *c, const struct compose_path *path,
				       const struct compose_type *type, bool keep,
				       struct compose_node *n);
};

struct compose_key {
	const char *name;
	const struct compose_type *type;
	unsigned flags;
	const char *values; /* allowed words, separated by "|" */
	const char *help;   /* what it means to cmp: sentences, for the reference */
};

/* ---- keys.c */
extern const struct compose_type type_file, type_service;
const struct compose_key *schema_key(const struct compose_type *type, const char *name);

/* ---- decode.c: shapes, unknown keys, casts, short syntax to long */
struct compose_node *decode_value(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, const char *values,
				  struct compose_node *n);
/* Reports and removes what is nothing where the tables want something: after merging. */
void decode_nulls(struct compose_ctx *c, const struct compose_path *path,
		  const struct compose_type *type, struct compose_node *n);
const char *path_text(struct arena *a, const struct compose_path *path);
/* Errors and warnings at a node; the path is put before the text. */
void problem_at(struct compose_ctx *c, enum diag_code code, const struct compose_path *path,
		struct compose_mark mark, const char *fmt, ...) PRINTF(5, 6);
void warning_at(struct compose_ctx *c, enum diag_code code, const struct compose_path *path,
		struct compose_mark mark, const char *fmt, ...) PRINTF(5, 6);
/* False when the project has outgrown COMPOSE_BYTES_MAX, which is reported once.  Asked before
 * whatever multiplies: references, ranges of ports, files, extends. */
bool ctx_room(struct compose_ctx *c, struct compose_mark mark);
/* "a string or a list" */
void shape_words(struct buf *out, unsigned shapes);
/* True when the node has one of the shapes; else reports what is wanted. */
bool want_shape(struct compose_ctx *c, const struct compose_path *path,
		const struct compose_node *n, unsigned shapes, const char *wanted);
/* A value with a reference that was not interpolated: it cannot be checked. */
bool is_opaque(const struct compose_ctx *c, const struct compose_node *n);

/* ---- expand.c, expand_service.c, ports.c, mounts.c: short syntax */
typedef struct compose_node *
compose_expand_fn(struct compose_ctx *c, const struct compose_path *path, struct compose_node *n);
compose_expand_fn expand_mapping, expand_list, expand_servers, expand_names, expand_path,
	expand_command, expand_file, expand_probe, expand_extra_hosts, expand_build,
	expand_build_context, expand_contexts, expand_ssh, expand_depends_on, expand_env_file,
	expand_extends, expand_gpus, expand_requests, expand_secrets, expand_configs,
	expand_external, expand_volume_object, expand_include, expand_ports, expand_volumes,
	expand_devices, expand_mode;
const char *path_resolve(const struct compose_ctx *c, const char *path);
const char *path_clean(struct arena *a, const char *path);
/* Words of a shell command line without a shell; NULL when quotes are not closed. */
struct compose_node *split_words(struct arena *a, const char *text, struct compose_mark mark);

/* ---- merge.c */
struct compose_node *merge_nodes(struct compose_ctx *c, const struct compose_path *path,
				 const struct compose_type *type, bool replace,
				 struct compose_node *base, struct compose_node *over);
/* Drops what is marked !reset and forgets the marks. */
struct compose_node *merge_strip(struct compose_node *n);
/* Says so when two items of a list are equal; a list too long to be compared is let through. */
#define COMPOSE_TWICE_MAX 256
void check_twice(struct compose_ctx *c, const struct compose_path *path,
		 const struct compose_node *list);
/* Items with equal index become one. */
void merge_unique(struct arena *a, const struct compose_type *type, struct compose_node *list);
struct compose_node *merge_gpus(struct compose_ctx *c, struct compose_node *base,
				struct compose_node *over);
struct compose_node *merge_logging(struct compose_ctx *c, struct compose_node *base,
				   struct compose_node *over);
const char *index_text(struct arena *a, const struct compose_node *item);
const char *index_assignment(struct arena *a, const struct compose_node *item);
const char *index_target(struct arena *a, const struct compose_node *item);
const char *index_path(struct arena *a, const struct compose_node *item);
const char *index_port(struct arena *a, const struct compose_node *item);
const char *index_subnet(struct arena *a, const struct compose_node *item);

/* ---- finish.c: typed values of the model */
typedef struct compose_node *compose_finish_fn(struct compose_ctx *c,
					       const struct compose_path *path,
					       const struct compose_type *type, bool keep,
					       struct compose_node *n);
compose_finish_fn finish_string, finish_int, finish_bool, finish_float, finish_bytes,
	finish_duration, finish_list, finish_struct, finish_mapping, finish_count, finish_ulimit,
	finish_nullable, finish_hosts, finish_dependency;

/* ---- normalize.c */
void normalize_model(struct compose_ctx *c, struct compose_node *model);
void normalize_environment(struct compose_ctx *c, struct compose_node *services);

/* ---- check.c: references and what excludes each other */
/* `models`: the section, which is no part of the model. */
void check_model(struct compose_ctx *c, const struct compose_node *model,
		 const struct compose_node *disabled, const struct compose_node *models);
void check_sources(struct compose_ctx *c, const struct compose_node *model);

/* ---- values.c: ranges and patterns of one service */
void check_values(struct compose_ctx *c, const struct compose_path *at,
		  const struct compose_node *service);

#endif
