/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COPY and ADD: trees from one root into another, both known by descriptors only.  Links in the
 * way are resolved within the root; nothing inside a copied tree is followed.
 */
#ifndef IMAGES_LAYER_COPY_H
#define IMAGES_LAYER_COPY_H

#include "base/pattern.h"
#include "images/layer/tree.h"

struct copy_args {
	int source, target; /* roots */
	const char *where;  /* how messages call the source */
	char *const *sources;
	const char *dest;	 /* absolute; with / at its end: a directory */
	struct tree_owner owner; /* of everything that is made; unset: as in the source */
	int64_t mode;		 /* -1: as in the source */
	bool parents, unpack;
	const struct pattern_list *excludes; /* NULL: none */
	uint64_t max_bytes;
};
int tree_copy(const struct copy_args *args, struct error *err) MUST_CHECK;

struct write_args {
	int target;
	const char *dest, *name, *data; /* `name` when dest is a directory */
	struct tree_owner owner;
	int64_t mode; /* -1: 0644 */
};
int tree_write(const struct write_args *args, struct error *err) MUST_CHECK;
/* Makes a directory and what is missing above it, all owned by `owner`. */
int tree_mkdir(int target, const char *path, const struct tree_owner *owner, struct error *err)
	MUST_CHECK;

/* content.c: the digest of what a copy would read: names, kinds, modes, contents, owners when
 * `owners`; not times. */
struct content_args {
	int source;
	const char *where;
	char *const *sources;
	const struct pattern_list *excludes;
	bool owners;
};
int tree_digest(const struct content_args *args, char ret[65], struct error *err) MUST_CHECK;

#endif
