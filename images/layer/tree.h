/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign trees seen through descriptors: sorted names, sources of a copy, owners. */
#ifndef IMAGES_LAYER_TREE_H
#define IMAGES_LAYER_TREE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

#define TREE_DEPTH_MAX 400 /* levels of directories, one descriptor each */

/* Names in a directory, sorted by bytes, without . and ..; owned, NULL for none.  `dir` may be an
 * O_PATH descriptor. */
int tree_names(int dir, char ***ret, struct error *err) MUST_CHECK;
/*
 * The paths that a source of COPY means in `root`, relative and clean ("" is the root itself),
 * sorted.  Without wildcards the path must exist: ENOENT with the nearest name.  `where` is how
 * messages call the root.
 */
int tree_find(int root, const char *source, const char *where, char ***ret, struct error *err)
	MUST_CHECK;

struct tree_owner {
	bool set;
	uid_t uid;
	gid_t gid;
};
/* "user", "user:group", numbers; names are looked up in /etc/passwd and /etc/group of `root`. */
int tree_owner(int root, const char *text, struct tree_owner *ret, struct error *err) MUST_CHECK;

/* A name for messages. */
const char *tree_shown(const char *path);

#endif
