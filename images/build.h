/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's side of a build.  A session has a directory below tmp/ in which layers are made; what
 * is complete is found again by later builds through the cache:
 *
 *	images/cache/<key>	a link whose target is the chain id of the layer
 *
 * The key says all that went into the layer: the chain below, the instruction, its inputs.  Only
 * what was built here gets there.  Layers of a session move to their places at its end, after they
 * have been put on disk, together with their links and the image.
 */
#ifndef IMAGES_BUILD_H
#define IMAGES_BUILD_H

#include "base/digest.h"
#include "images/images.h"

struct image_build;

/* One layer that the session knows.  Belongs to it. */
struct image_layer {
	char chain[DIGEST_HEX_MAX];
	char diff_id[DIGEST_TEXT_MAX];
	char *path; /* its tree */
	int64_t created_ns;
	/* private */
	json_t *result; /* what cmp-layer said, NULL: it is in its place */
	char *tmp;	/* directory in which layer/ and blob are; NULL: in its place */
	char *key, *text;
};

/* Loop thread, all of them. */
int image_build_new(struct image_store *s, struct image_build **ret, struct error *err) MUST_CHECK;
const char *image_build_dir(const struct image_build *b); /* absolute */
/* The layers of an image that is in the store; it is kept until the session ends. */
void image_build_base(struct image_build *b, struct image *im, struct image_layer ***ret,
		      size_t *ret_count);
/* A layer that an earlier build, or this one, has made; NULL: there is none. */
struct image_layer *image_build_cached(struct image_build *b, const char *key);
/*
 * Takes over DIR/layer/fs and DIR/blob, which a step has made on top of `below` (chain, "" for
 * nothing).  `result` is what cmp-layer wrote.  `text`: the instruction, for people.
 */
int image_build_add(struct image_build *b, const char *below, const char *key, const char *text,
		    const char *dir, const char *result, struct image_layer **ret,
		    struct error *err) MUST_CHECK;
/* An image in no list, for a container: its trees and an empty configuration. */
struct image *image_build_draft(struct image_build *b, char *const *paths);

struct image_build_result {
	json_t *document;	     /* the image's; taken; NULL: only the layers are kept */
	struct image_layer **layers; /* lowest first; borrowed until done */
	size_t layer_count;
	char *const *names; /* NAME[:TAG], normalised here; copied */
	int64_t created_ns;
};
/*
 * Ends the session: puts everything on disk and to its place, records the image and its names.
 * `done` once, with the image (borrowed) or NULL, and the error.  The session is gone afterwards.
 */
void image_build_end(struct image_build *b, const struct image_build_result *r,
		     void (*done)(void *arg, struct image *im, const struct error *err), void *arg);

/* ---- the cache as a whole */
/* [{key, chain, text, size_bytes, used_ns, in_use}], borrowed by `done`. */
void image_cache_list(struct image_store *s,
		      void (*done)(void *arg, const json_t *entries, const struct error *err),
		      void *arg);
/* Forgets all that was not used after `before_ns` (0: everything) and removes the layers that
 * nothing refers to then. */
void image_cache_prune(struct image_store *s, int64_t before_ns,
		       void (*done)(void *arg, int64_t freed_bytes, const struct error *err),
		       void *arg);

#endif
