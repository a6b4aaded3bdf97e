/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image store: blobs by digest, layers unpacked once into directories keyed by chain id,
 * images and references in the database.
 *
 *	images/blobs/sha256/<hex>	manifests, configs, layer tars, byte for byte
 *	images/layers/<chain hex>/fs	the unpacked tree of one layer, a lower directory of overlay
 *	images/layers/<chain hex>/done	completion marker (JSON), written after the tree is on disk
 *	images/tmp/			half-made things; emptied at open
 *
 * Threads: a store belongs to one libuv loop and all functions are called on its thread.  Reading
 * (resolve, list) answers from memory and never blocks.  Changing is asynchronous: operations run
 * one at a time in the order of their calls; each decides on the loop thread when its turn comes,
 * writes files and database in a worker, and calls done exactly once, on the loop thread, never
 * before the starting function has returned.  Nothing else touches the database connection.
 */
#ifndef IMAGES_IMAGES_H
#define IMAGES_IMAGES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"

struct uv_loop_s; /* uv_loop_t */
struct image_store;

/* One image.  Immutable except for names; reference counted, because containers being started
 * outlive a concurrent rmi.  Loop thread only. */
struct image {
	char id[DIGEST_TEXT_MAX];	/* "sha256:…", the digest of the config document */
	char manifest[DIGEST_TEXT_MAX]; /* digest of the manifest */
	json_t *document;		/* the OCI image document {architecture, os, config, …} */
	const json_t *config; /* its "config" object, never NULL (Env, Cmd, Entrypoint, …) */
	char **layers;	      /* absolute paths of the unpacked trees, LOWEST FIRST */
	char **tags;	      /* familiar names, sorted: "busybox:latest" */
	char **digests;	 /* familiar names of what it was pulled as, sorted: "busybox@sha256:…" */
	char **diff_ids; /* of the layers, lowest first */
	int64_t *layer_bytes; /* of the unpacked layers, as many as diff_ids */
	int64_t size_bytes;   /* their sum */
	int64_t created_ns;
	int64_t pulled_ns; /* when a registry last confirmed it; 0: never */
	/* private to images/ */
	unsigned refs;
	bool removing;
};
struct image *image_ref(struct image *im);
void image_unref(struct image *im); /* accepts NULL */
DEFINE_AUTO(struct image, image_unref)

/*
 * Opens (and makes) `<state_dir>/images` and the image tables of `<state_dir>/images.db`, removes
 * half-made things, loads all images.  Blocking; at start only.  An image whose files are missing
 * is left out and logged, it does not fail the open.
 */
int image_store_open(const char *state_dir, struct uv_loop_s *loop, struct image_store **ret,
		     struct error *err) MUST_CHECK;
/* Closes the database and frees the store.  No operation may be under way (image_store_busy). */
void image_store_free(struct image_store *s);
bool image_store_busy(const struct image_store *s);

/*
 * Looks an image up by name (tag defaults to latest), by name@digest, by id or by unique prefix of
 * the id.  *ret is a new reference.  ENOENT "no such image: x", EINVAL for a malformed name or an
 * ambiguous prefix.
 */
int image_resolve(struct image_store *s, const char *ref, struct image **ret, struct error *err)
	MUST_CHECK;
/* All images, newest first: a NULL-terminated array of borrowed pointers; free() the array. */
struct image **image_list(struct image_store *s);
/* Summary for listings: {id, tags[], digests[], size_bytes, created_ns, architecture, os}; new
 * reference. */
json_t *image_summary(const struct image *im);
/* What `inspect` shows: id, tags, manifest, size, created, layers and the document; new reference.
 */
json_t *image_inspect(const struct image *im);
/* How it was made, newest step first: [{created, created_by, comment, size_bytes, empty}]; new
 * reference. */
json_t *image_history(const struct image *im);

/* ---- changing ---- */

/* Gives the image `ref` the further name `name` (moved when another image has it). */
void image_tag(struct image_store *s, const char *ref, const char *name,
	       void (*done)(void *arg, const struct error *err), void *arg);

enum image_use { IMAGE_USE_NONE, IMAGE_USE_STOPPED, IMAGE_USE_RUNNING };

struct image_remove_args {
	const char *ref; /* copied */
	bool force;	 /* an id with several names; an image used by stopped containers */
	bool no_prune;	 /* keep what nothing refers to any more until the next gc */
	/* Who uses the image: asked on the loop thread when the operation's turn comes.  *ret_by is
	 * an owned name for the message. NULL: nobody. */
	enum image_use (*in_use)(void *arg, const char *image_id, char **ret_by);
	void *arg; /* for in_use */
};
/*
 * A name: untagged; the image itself goes with its last name unless it is used.  An id: all its
 * names, then the image.  EBUSY when that is refused.  `removed` (borrowed, NULL on failure): an
 * array of {"untagged": name} and {"deleted": id}, in order.
 */
void image_remove(struct image_store *s, const struct image_remove_args *args,
		  void (*done)(void *arg, const json_t *removed, const struct error *err),
		  void *arg);

struct image_prune_args {
	bool images; /* images too, otherwise only files that no image refers to */
	bool all;    /* also images that have a name */
	enum image_use (*in_use)(void *arg, const char *image_id, char **ret_by); /* as above */
	void *arg;
};
/*
 * Removes images that no container uses, and blobs and layers that no image refers to.  `removed`
 * as of image_remove; freed_bytes of the unpacked trees and blobs.
 */
void image_prune(struct image_store *s, const struct image_prune_args *args,
		 void (*done)(void *arg, const json_t *removed, int64_t freed_bytes,
			      const struct error *err),
		 void *arg);

/* ---- import: one tar stream becomes an image of one layer ---- */

struct image_import;
struct image_import_args {
	const char *name;     /* NAME[:TAG]; NULL or "" for an image without a name */
	char *const *changes; /* Dockerfile instructions, may be NULL */
	const char *message;  /* comment in the history, may be NULL */
	const char *platform; /* "linux/amd64"; NULL for the host's */
	/* Room again after image_import_write returned 1.  May be NULL. */
	void (*on_drain)(void *arg);
	/* Once, at the end: `id` ("sha256:…") or, when it failed, NULL and the error.  The import
	 * frees itself afterwards. */
	void (*done)(void *arg, const char *id, const struct error *err);
	void *arg;
};
/*
 * Starts cmp-layer.  All strings are copied.  Bad names and instructions are refused here (EINVAL),
 * before a byte is read.
 */
int image_import_start(struct image_store *s, const struct image_import_args *args,
		       struct image_import **ret, struct error *err) MUST_CHECK;
/* Feeds bytes of the tar stream (copied).  Returns 0, or 1: please stop until on_drain.  Bytes
 * after a failure are dropped; done tells. */
int image_import_write(struct image_import *im, const char *data, size_t len);
void image_import_eof(struct image_import *im);
/* The client went away: stops cmp-layer, leaves nothing behind; done is called with ECANCELED. */
void image_import_cancel(struct image_import *im);

/* ---- pull: an image from a registry */

struct image_pull;
struct image_progress {
	const char *layer;		    /* 12 hex digits of its digest; NULL: about the image */
	const char *text;		    /* "Downloading" */
	bool done;			    /* with this layer, well */
	bool retry;			    /* `text` says what went wrong and is tried again */
	int64_t current_bytes, total_bytes; /* 0: not said */
};
struct image_pull_args {
	const char *name;     /* NAME[:TAG][@DIGEST] */
	const char *platform; /* "linux/arm64"; NULL: the host's */
	/* Credentials for its registry as in Docker's X-Registry-Auth, referenced; NULL: none. */
	const json_t *auth;
	void (*progress)(void *arg, const struct image_progress *p);
	/* Once, at the end: the image (borrowed; `changed`: it was not there under this name), or
	 * NULL and why. */
	void (*done)(void *arg, struct image *im, bool changed, const struct error *err);
	void *arg;
};
/*
 * Begins when its turn comes.  Strings are copied.  EINVAL for a malformed name.  Nothing of the
 * image is visible before all of it is on disk; layers that have been completed stay for the next
 * attempt.
 */
int image_pull_check(const struct image_pull_args *args, struct error *err)
	MUST_CHECK; /* the name only */
int image_pull_start(struct image_store *s, const struct image_pull_args *args,
		     struct image_pull **ret, struct error *err) MUST_CHECK;
/* Nobody waits for it any more: ends it; done is called with ECANCELED. */
void image_pull_cancel(struct image_pull *p);

/*
 * The digest ("sha256:…") that a name stands for at its registry now, of the index where there is
 * one; nothing is fetched.  `auth` as of a pull.  `done` is called once, unless the start fails.
 */
typedef void (*image_resolved)(void *arg, const char *digest, const struct error *err);
int image_digest(struct image_store *s, const char *name, const json_t *auth, image_resolved done,
		 void *arg, struct error *err) MUST_CHECK;

/* ---- push: an image to the registry that its name says */

struct image_push;
struct image_push_args {
	const char *name;   /* NAME[:TAG] of an image that is there; copied */
	const json_t *auth; /* as of a pull; referenced */
	void (*progress)(void *arg, const struct image_progress *p);
	/* Once, at the end: the digest of the manifest that the registry has now, or NULL and why.
	 */
	void (*done)(void *arg, const char *digest, const struct error *err);
	void *arg;
};
int image_push_start(struct image_store *s, const struct image_push_args *args,
		     struct image_push **ret, struct error *err) MUST_CHECK;
void image_push_cancel(struct image_push *p); /* ends it; done is called with ECANCELED */

/* ---- load: an archive of images, of `docker save` or an OCI layout, plain or compressed */

struct image_load;
struct image_load_args {
	void (*on_drain)(void *arg); /* room again after image_load_write returned 1 */
	/* Once, at the end: [{id, names}] (borrowed), or NULL and why; images that were complete by
	 * then stay. */
	void (*done)(void *arg, const json_t *loaded, const struct error *err);
	void *arg;
};
int image_load_start(struct image_store *s, const struct image_load_args *args,
		     struct image_load **ret, struct error *err) MUST_CHECK;
/* Feeding and ending as with an import. */
int image_load_write(struct image_load *l, const char *data, size_t len);
void image_load_eof(struct image_load *l);
void image_load_cancel(struct image_load *l);

/* ---- save: images as a tar that is an OCI layout and docker's archive in one */

struct image_save;
struct image_save_args {
	bool (*write)(void *arg, const char *data,
		      size_t len); /* false: stop until image_save_resume */
	/* Once, at the end, also when it broke off (the tar has no end then); not after a cancel.
	 */
	void (*done)(void *arg, const struct error *err);
	void *arg;
};
/* `refs`: names, which go along, or ids.  ENOENT for what is not there. */
int image_save_start(struct image_store *s, char *const *refs, const struct image_save_args *args,
		     struct image_save **ret, struct error *err) MUST_CHECK;
void image_save_resume(struct image_save *s);
void image_save_cancel(struct image_save *s);

/* ---- credentials */

/* Asks the registry ("localhost:5000") whether it takes `auth`, as of a pull.  EINVAL for a name
 * that is none. */
int image_registry_check(struct image_store *s, const char *registry, const json_t *auth,
			 void (*done)(void *arg, const struct error *err), void *arg,
			 struct error *err) MUST_CHECK;

#endif
