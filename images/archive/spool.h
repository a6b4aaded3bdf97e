/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An archive of images (of `docker save`, or an OCI layout in a tar) read once: every regular file
 * is kept under the hex of its digest in a directory; names lead to digests.
 */
#ifndef IMAGES_ARCHIVE_SPOOL_H
#define IMAGES_ARCHIVE_SPOOL_H

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/str.h"

struct spool;

/* Reads the tar stream (plain or compressed) from `input` into the directory `dir` (descriptor). */
int spool_read(int input, int dir, uint64_t max_bytes, struct spool **ret, struct error *err)
	MUST_CHECK;
void spool_free(struct spool *s);
DEFINE_AUTO(struct spool, spool_free)

struct spool_file {
	char digest[DIGEST_TEXT_MAX];
	uint64_t size;
	char head[4]; /* its first bytes, to tell compressions apart */
};
/* The file of a name in the archive, links followed; NULL: none. */
const struct spool_file *spool_find(const struct spool *s, const char *name);
/* The file of a digest, NULL: the archive has none. */
const struct spool_file *spool_blob(const struct spool *s, const char *digest);
/* Its content, at most `max` bytes. */
int spool_text(const struct spool *s, const struct spool_file *f, size_t max, struct buf *ret,
	       struct error *err) MUST_CHECK;
/* Adds a file that the archive does not have. */
int spool_add(struct spool *s, const char *name, const void *data, size_t len,
	      const struct spool_file **ret, struct error *err) MUST_CHECK;

#endif
