/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upper directory of an overlay as a layer: a tar stream with whiteouts as images have them,
 * sorted, so that equal trees give equal bytes; hashed and kept as a blob on the way.
 */
#ifndef IMAGES_LAYER_COMMIT_H
#define IMAGES_LAYER_COMMIT_H

#include "images/layer/source.h"
#include "images/layer/unpack.h"

struct commit_args {
	int upper;
	int blob_fd;
	int64_t epoch_s; /* times later than this are set to it; -1: none */
	uint64_t max_bytes;
};
int commit_layer(const struct commit_args *args, struct layer_digests *ret,
		 struct unpack_result *ret_size, struct error *err) MUST_CHECK;

#endif
