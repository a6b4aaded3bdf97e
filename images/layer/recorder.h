/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second thread of cmp-layer: takes blocks of bytes in order and hashes, compresses and writes
 * them while the first one unpacks.  Two streams pass through it: the bytes as they came (RAW) and
 * the decompressed ones (PLAIN); which of them becomes the blob is said at the start.
 */
#ifndef IMAGES_LAYER_RECORDER_H
#define IMAGES_LAYER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

#define RECORDER_BLOCK ((size_t)256 << 10)

enum recorder_kind {
	RECORDER_RAW,  /* hashed and written to the blob as it is */
	RECORDER_PLAIN /* hashed for the diff id; compressed into the blob if there is no RAW */
};

struct recorder;

/* `compress`: the blob is made of PLAIN bytes by zstd; otherwise of RAW ones. blob_fd may be -1. */
int recorder_start(int blob_fd, bool compress, struct recorder **ret, struct error *err) MUST_CHECK;
/* Hands bytes over (copied into the ring); waits while the ring is full. */
void recorder_put(struct recorder *r, enum recorder_kind kind, const void *data, size_t len);
/* End of both streams: waits for the thread and gives the results. */
int recorder_finish(struct recorder *r, char diff_id[DIGEST_TEXT_MAX], char digest[DIGEST_TEXT_MAX],
		    uint64_t *ret_blob_bytes, struct error *err) MUST_CHECK;
void recorder_free(struct recorder *r); /* stops the thread if it still runs; accepts NULL */

#endif
