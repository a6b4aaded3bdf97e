/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar stream becomes a tree below a root descriptor.  Everything is created with the parent
 * opened inside the root and one component on it, never through a link; whatever the stream says
 * twice is replaced, directories are merged.
 */
#ifndef IMAGES_LAYER_UNPACK_H
#define IMAGES_LAYER_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "images/layer/source.h"

struct unpack_args {
	int root;
	struct layer_source *source;
	uint64_t max_bytes; /* of one file */
	bool pad; /* the stream may end without the padding of its last block, as Go's tools accept
		     it: for streams whose digest is checked */
	bool overlay;	 /* whiteouts become those of overlay; otherwise there is nothing below and
			    they are dropped */
	bool plain;	 /* no layer: names of whiteouts are names like others */
	bool keep_kinds; /* a directory is not replaced by something else, nor the other way round
			  */
	bool owner;	 /* everything belongs to uid and gid, whatever the stream says */
	uid_t uid;
	gid_t gid;
};
struct unpack_result {
	uint64_t tree_bytes; /* content of the files */
	uint64_t entries;
};
int unpack(const struct unpack_args *args, struct unpack_result *ret, struct error *err) MUST_CHECK;

#endif
