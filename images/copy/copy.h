/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of cmp-copy share. */
#ifndef IMAGES_COPY_COPY_H
#define IMAGES_COPY_COPY_H

#include <sys/stat.h>

#include "base/json.h"

/* A name in a directory of the container's tree, and what it stands for. */
struct archive_place {
	int parent, fd; /* O_PATH; the root has itself as parent and the name "." */
	char *name;	/* what entries of the archive begin with */
	char *link;	/* where a symbolic link leads, as a path in the container; or NULL */
	struct stat st;
};
void archive_place_release(struct archive_place *p);

/* enter.c: the tree becomes the root of this process, then everything is given up that reading and
 * writing it does not need.  The descriptor of the root. */
int archive_enter(const json_t *plan, struct error *err) MUST_CHECK;
/* place.c; `inside`: a link at the end is followed. */
int archive_find(int root, const char *path, bool inside, struct archive_place *ret,
		 struct error *err) MUST_CHECK;
json_t *archive_stat(const struct archive_place *p);
/* pack.c */
/* `whole`: without what is mounted in it. */
int archive_pack(const struct archive_place *p, bool whole, struct error *err) MUST_CHECK;
int archive_unpack(int root, const struct archive_place *p, const json_t *plan, struct error *err)
	MUST_CHECK;

#endif
