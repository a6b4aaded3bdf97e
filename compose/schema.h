/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format as a table: one row for a key.  Casting, checking with nearest names, merging, long
 * forms, typed output in canonical order and the reference page all walk this table; a new
 * attribute is one row in keys.c.
 */
#ifndef COMPOSE_SCHEMA_H
#define COMPOSE_SCHEMA_H

#include "compose/stages.h"

/* Shapes that are accepted. */
#define S_NULL	 (1u << COMPOSE_NULL)
#define S_STRING (1u << COMPOSE_STRING)
#define S_BOOL	 (1u << COMPOSE_BOOL)
#define S_INT	 (1u << COMPOSE_INT)
#define S_FLOAT	 (1u << COMPOSE_FLOAT)
#define S_LIST	 (1u << COMPOSE_LIST)
#define S_MAP	 (1u << COMPOSE_MAP)
#define S_NUMBER (S_INT | S_FLOAT)
#define S_SCALAR (S_STRING | S_BOOL | S_NUMBER)

/* What the value is in the model. */
enum schema_value {
	V_STRING,
	V_BOOL,
	V_INT,
	V_REAL,	    /* as a float of 32 bits */
	V_BYTES,    /* "64m" is "67108864" */
	V_DURATION, /* "90s" is "1m30s" */
	V_MODE,	    /* of a file: "0440" */
	V_OCTETS,   /* of a tmpfs: the number itself */
	V_COUNT,    /* of devices: a number, "all" is -1 */
	V_STRINGS,  /* list of strings */
	V_WORDS,    /* a command: null, words of a string, list */
	V_PAIRS,    /* names to strings; also written as a list of NAME=VALUE */
	V_LISTS,    /* names to lists of strings */
	V_HOSTS,    /* extra_hosts: sorted list of NAME=ADDRESS */
	V_KEYS,	    /* build.ssh: list of ID=PATH */
	V_OBJECT,   /* the keys in sub */
	V_OBJECTS,  /* list of them */
	V_NAMED,    /* names of the user's choice to objects */
	V_LIMITS,   /* names to a number or {soft, hard} */
	V_ANY,
};

enum schema_merge {
	MERGE_DEFAULT,	/* maps key by key, lists one after the other, scalars: the later */
	MERGE_REPLACE,	/* the later, whatever it is; null too */
	MERGE_SEQUENCE, /* both become lists of NAME=VALUE, then one after the other */
	MERGE_LONG,	/* both take their long form first */
	MERGE_LOGGING,	/* options of one driver only */
	MERGE_IPAM,	/* by subnet */
	MERGE_WHOLE,	/* the later unless it is null; maps key by key */
};

/* By what items of a list are the same one; the later one replaces the earlier in its place. */
enum schema_unique {
	UNIQUE_NONE,
	UNIQUE_NAME, /* before "=" */
	UNIQUE_PORT,
	UNIQUE_TARGET, /* volumes */
	UNIQUE_DEVICE,
	UNIQUE_CONFIG,
	UNIQUE_SECRET,
	UNIQUE_PATH, /* env_file */
};

#define KEY_REQUIRED (1u << 0)
#define KEY_ALWAYS   (1u << 1) /* printed even when it is not given */
#define KEY_ZERO     (1u << 2) /* 0 and false are printed */
#define KEY_HIDDEN   (1u << 3) /* not in the model */
#define KEY_NULLS    (1u << 4) /* pairs without value stay null, else they are "" */
#define KEY_DISTINCT (1u << 5) /* the items of the list must differ */
#define KEY_PATH     (1u << 6) /* relative to the directory of the project */
#define KEY_NAMES    (1u << 7) /* names are [a-zA-Z0-9._-]+ */
#define KEY_LATER    (1u << 8) /* dropped from the model when empty, though it is an object */

/* Where a value is, for messages: rendered only when there is something to say. */
struct schema_path {
	const struct schema_path *up;
	const char *key; /* NULL: item number `index` */
	size_t index;
};

struct schema;
struct schema_key {
	const char *name;
	unsigned shapes, items; /* of the value, and of the items of a list or of free names */
	enum schema_value value;
	enum schema_merge merge;
	enum schema_unique unique;
	unsigned flags;
	const struct schema *sub;
	const char *const *words; /* the only values, ends with NULL */
	bool (*valid)(const char *text);
	double min, max; /* both 0: any number */
	/* The long form of a value; also of one that has it already.  NULL after errors. */
	struct compose_node *(*lengthen)(struct compose_context *c, const struct schema_path *at,
					 struct compose_node *n);
	const char *example, *since, *help;
};

struct schema {
	const char *what; /* "a service" */
	const struct schema_key *keys;
	size_t count;
};

extern const struct schema schema_project;

const struct schema_key *schema_find(const struct schema *s, const char *name); /* NULL: none */
/* "services.web.ports[0]", in the arena. */
const char *schema_where(struct arena *a, const struct schema_path *at);
/* "a list or a string" */
const char *schema_shapes_text(struct arena *a, unsigned shapes);
static inline bool schema_extension(const char *name)
{
	return name[0] == 'x' && name[1] == '-';
}

/* ---- long forms (normal_*.c), the lengthen functions of the table */
#define LENGTHEN(name)                                                                             \
	struct compose_node *name(struct compose_context *c, const struct schema_path *at,         \
				  struct compose_node *n)
LENGTHEN(lengthen_build);
LENGTHEN(lengthen_depends_on);
LENGTHEN(lengthen_devices);
LENGTHEN(lengthen_env_file);
LENGTHEN(lengthen_extends);
LENGTHEN(lengthen_external);
LENGTHEN(lengthen_gpus);
LENGTHEN(lengthen_mounts);
LENGTHEN(lengthen_names);
LENGTHEN(lengthen_ports);
LENGTHEN(lengthen_strings);
LENGTHEN(lengthen_test);
LENGTHEN(lengthen_volumes);

/* ---- stages over a whole tree */
struct compose_node *merge_trees(struct compose_context *c, struct compose_node *base,
				 struct compose_node *over);
/* Two services without looking at the names: extends. */
struct compose_node *merge_services(struct compose_context *c, struct compose_node *base,
				    struct compose_node *over);
void merge_unique(struct compose_context *c, struct compose_node *tree);
/* Paths that a document marks with !reset and !override. */
struct merge_resets;
struct merge_resets *merge_take_resets(struct compose_context *c, struct compose_node *doc);
void merge_apply_resets(const struct merge_resets *resets, struct compose_node *tree);

void decode_check(struct compose_context *c, const struct compose_node *tree);
void normal_lengthen(struct compose_context *c, struct compose_node *tree);
/* The service `n` in long form, as part of a tree. */
void extends_apply(struct compose_context *c, struct compose_node *doc,
		   const struct merge_resets *resets);

/* ---- after the last file */
void normal_defaults(struct compose_context *c, struct compose_node *tree);
void normal_environment(struct compose_context *c, struct compose_node *tree);
void normal_names(struct compose_context *c, struct compose_node *tree);
void normal_dependencies(struct compose_context *c, struct compose_node *tree);
void normal_env_files(struct compose_context *c, struct compose_node *services);
struct compose_node *normal_profiles(struct compose_context *c, struct compose_node *tree);
/* The typed model, keys in the order of the table, what is empty left out. */
struct compose_node *decode_model(struct compose_context *c, const struct compose_node *tree);
/* What is wrong whatever the rest says (resources), and what must fit together. */
void validate_resources(struct compose_context *c, const struct compose_node *tree);
void validate_model(struct compose_context *c, const struct compose_node *model,
		    const struct compose_node *disabled);

#endif
