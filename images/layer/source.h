/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of tar bytes from a stranger, seen from the inside: decompressed (plain, gzip, zstd, xz,
 * bzip2), counted against a quota, hashed on both sides, and kept as a blob on the way.
 *
 * The blob is the stream as it came when that is gzip or zstd, media types that every registry
 * takes; anything else is kept as zstd level 1, which costs less time than writing the plain bytes
 * to disk would.  Hashing and keeping run in a second thread behind a bounded ring, so that they
 * overlap with unpacking; memory does not depend on the size of the stream.
 */
#ifndef IMAGES_LAYER_SOURCE_H
#define IMAGES_LAYER_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/error.h"

struct layer_source;

struct layer_source_args {
	int fd;		  /* where the bytes come from, or -1 for `data` */
	const void *data; /* borrowed */
	size_t len;
	int blob_fd;	    /* where the blob goes (empty file), or -1 */
	bool verbatim;	    /* the blob is the stream as it came, whatever that is */
	uint64_t max_bytes; /* of the decompressed stream */
};

struct layer_digests {
	char diff_id[DIGEST_TEXT_MAX]; /* of the decompressed bytes */
	char digest[DIGEST_TEXT_MAX];  /* of the blob */
	const char *media_type;	       /* of the blob */
	uint64_t blob_bytes;
};

int layer_source_new(const struct layer_source_args *args, struct layer_source **ret,
		     struct error *err) MUST_CHECK;
void layer_source_free(struct layer_source *s); /* accepts NULL */
DEFINE_AUTO(struct layer_source, layer_source_free)
/* The next decompressed bytes: their count and place (valid until the next call), 0 at the end. */
ssize_t layer_source_read(struct layer_source *s, const void **ret, struct error *err) MUST_CHECK;
/* Reads what is left, completes the blob. */
int layer_source_finish(struct layer_source *s, struct layer_digests *ret, struct error *err)
	MUST_CHECK;

#endif
