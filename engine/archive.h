/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files into and out of containers, running or not, by the confined program cmp-copy. */
#ifndef ENGINE_ARCHIVE_H
#define ENGINE_ARCHIVE_H

#include "engine/container.h"

struct archive_args {
	const char *op;	  /* "stat", "get", "put" */
	const char *path; /* in the container */
	bool whole;	  /* get: all of the tree, without what is mounted in it; path is "/" */
	bool keep_kinds;  /* put: a directory is not replaced by something else, nor the other way
			     round */
	bool chown;	  /* put: what is written belongs to the container's user */
	int input;	  /* put: where the tar stream is read from; borrowed */
	int output;	  /* get: where it is written to; borrowed */
	/* Once, later: {name, size, mode, mtime_ns, link} of the place (borrowed), or why not. */
	void (*done)(void *arg, const json_t *stat, const struct error *err);
	void *arg;
};
struct archive;
/* The start of a container that does not run waits until it is done.  -EBUSY while it is starting.
 */
int archive_start(struct container *c, const struct archive_args *args, struct archive **ret,
		  struct error *err) MUST_CHECK;
void archive_kill(struct archive *a); /* done is called all the same */

#endif
