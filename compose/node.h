/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree that every stage of compose/ works on.  A node keeps the place it was read from to the
 * end: merging, interpolation and extends move nodes between trees but never change `mark`.  All
 * memory belongs to the project's arena.
 */
#ifndef COMPOSE_NODE_H
#define COMPOSE_NODE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/mem.h"

/* One file that was read; lives as long as the arena. */
struct compose_source {
	const char *path; /* absolute */
	const char
		*shown;	 /* as messages show it: relative to the working directory when inside it */
	const char *dir; /* its directory, for relative paths */
	const char *text; /* whole text, for the line under a message */
	size_t len;
};

struct compose_mark {
	const struct compose_source *source; /* NULL: not from a file (defaults, environment) */
	unsigned line, column;		     /* from 1; column in characters */
};

enum compose_kind {
	COMPOSE_NULL,
	COMPOSE_STRING, /* also every scalar before it is typed */
	COMPOSE_BOOL,
	COMPOSE_INT,
	COMPOSE_FLOAT,
	COMPOSE_LIST,
	COMPOSE_MAP,
};

/* Merge tags of the format. */
enum compose_tag { COMPOSE_TAG_NONE, COMPOSE_TAG_RESET, COMPOSE_TAG_OVERRIDE };

/* Small: there are thousands, and a line of cache holds one. */
struct compose_node {
	struct compose_mark mark;
	const char *text; /* of every scalar, as written (after interpolation) */
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct {
			struct compose_node **items;
			uint32_t count, room;
		} list;
		struct {
			struct compose_pair *pairs; /* in the order of the file, keys unique */
			uint32_t count, room;
			struct node_index *index; /* of long maps, see node_index() */
		} map;
	};
	enum compose_kind kind : 8;
	enum compose_tag tag : 8;
	bool damaged; /* a mapping from which something wrong was taken out */
	bool outside; /* a scalar whose text is, in part, that of a variable or an env file */
	bool quoted; /* a scalar written in quotes or as a block: a string whatever it looks like */
};

struct compose_pair {
	const char *key;
	struct compose_mark key_mark;
	struct compose_node *value;
};

struct compose_node *node_new(struct arena *a, enum compose_kind kind, struct compose_mark mark);
/* A string whose text lives as long as the arena, and one whose text is copied. */
struct compose_node *node_text(struct arena *a, const char *text, struct compose_mark mark);
struct compose_node *node_string(struct arena *a, const char *text, struct compose_mark mark);
/* Deep copy; marks are kept. */
struct compose_node *node_copy(struct arena *a, const struct compose_node *n);
bool node_equal(const struct compose_node *x, const struct compose_node *y); /* marks aside */

struct compose_node *node_get(const struct compose_node *map, const char *key); /* NULL: absent */
struct compose_pair *node_pair(const struct compose_node *map, const char *key);
/* Path of keys, "deploy.replicas". */
struct compose_node *node_path(const struct compose_node *map, const char *dotted);
/* Adds or replaces; key is copied into the arena. */
void node_set(struct arena *a, struct compose_node *map, const char *key, struct compose_mark mark,
	      struct compose_node *value);
/* As node_set for a key that lives as long as the arena: it is not copied. */
void node_put(struct arena *a, struct compose_node *map, const char *key, struct compose_mark mark,
	      struct compose_node *value);
/* Room for so many pairs, or items, in one that has none yet. */
void node_reserve(struct arena *a, struct compose_node *n, size_t count);
/*
 * Makes lookups in a long map fast; without effect on a short one.  Maps that node_set makes have
 * an index already.  Code may reorder pairs and drop some (fewer, count lowered): the index
 * notices. It may not change keys in place.
 */
void node_index(struct arena *a, struct compose_node *map);
bool node_remove(struct compose_node *map, const char *key);
void node_append(struct arena *a, struct compose_node *list, struct compose_node *item);

/* The tree as JSON (new reference).  Members in insertion order. */
json_t *node_to_json(const struct compose_node *n);

#endif
