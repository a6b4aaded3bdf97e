/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the store share: the entry behind a struct image, the queue of operations, the
 * places on disk.  Functions marked "any thread" touch the disk only; `db` belongs to the worker of
 * the one operation that runs, everything else to the loop thread.
 */
#ifndef IMAGES_STORE_INT_H
#define IMAGES_STORE_INT_H

#include <uv.h>

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "base/reference.h"
#include "base/str.h"
#include "images/images.h"

#define IMAGE_BLOB_DIR	   "blobs/sha256"
#define IMAGE_LAYER_DIR	   "layers"
#define IMAGE_TMP_DIR	   "tmp"
#define IMAGE_CACHE_DIR	   "cache"
#define IMAGE_MANIFEST_MAX ((size_t)4 << 20)
#define IMAGE_CONFIG_MAX   ((size_t)8 << 20)
#define IMAGE_LAYERS_MAX   500

struct sqlite3;
struct image_op;

struct image_store {
	struct uv_loop_s *loop;
	char *root; /* absolute path of images/ */
	int dir;
	struct sqlite3 *db;
	struct map *names;  /* full name -> struct image_entry, borrowed */
	struct list images; /* all entries, also those removed but still referred to */
	struct list queue;
	struct image_op *running;
	unsigned imports;    /* under way */
	struct map *digests; /* "registry/path@sha256:…" -> struct image_entry, borrowed */
	struct list pulls;   /* all that have not ended, in order; see pull.c */
	unsigned pulling, unpacking;
	struct list builds; /* sessions of build.c */
	unsigned pruning;   /* the cache is being emptied: nothing of it may be used */
};

struct image_entry {
	struct image im;
	struct image_store *store; /* NULL after the store was freed */
	struct list link;
	char **names;	/* full names, in no order; im.tags follows them */
	char **sources; /* full names with digests, what it was pulled as; im.digests follows them
			 */
	char **blobs;	/* hex digests: manifest, config, layers, what it was pulled as */
	char **chains;	/* hex chain ids, lowest first */
};

static inline struct image_entry *image_entry_of(struct image *im)
{
	return container_of(im, struct image_entry, im);
}

/* ---- entry.c */
/* Reads an image whose files are all there.  Any thread. */
int image_entry_load(const struct image_store *s, const char *id, const char *manifest,
		     int64_t created_ns, struct image_entry **ret, struct error *err) MUST_CHECK;
/* Puts it into the store, which takes over the reference.  An image of this id that is there
 * already stays and the new entry is dropped; returns the one that is in the store. */
struct image_entry *image_entry_insert(struct image_store *s, struct image_entry *e);
void image_entry_remove(struct image_entry *e); /* drops the reference of the store */
struct image_entry *image_entry_find(struct image_store *s, const char *id);
void image_name_set(struct image_store *s, struct image_entry *e, const char *full);
void image_name_clear(struct image_store *s, const char *full);
void image_source_set(struct image_store *s, struct image_entry *e, const char *full,
		      int64_t pulled_ns);
/* The chain id names a layer on top of those below it; "" below the lowest. */
void image_chain_next(char chain[DIGEST_HEX_MAX], const char *diff_id);
/* The tree size that the marker of a finished layer tells, or -1.  Any thread. */
int64_t image_layer_bytes(const struct image_store *s, const char *chain);

/* ---- db.c: any thread, one at a time */
int image_db_open(const char *path, struct sqlite3 **ret, struct error *err) MUST_CHECK;
void image_db_close(struct sqlite3 *db);
/* Runs a statement with text parameters ("" binds as it is, NULL as NULL) and calls `row` for each
 * row with its columns as text. */
#define IMAGE_DB_PARAMS 4
int image_db_run(struct sqlite3 *db, const char *sql, const char *const params[IMAGE_DB_PARAMS],
		 void (*row)(void *arg, const char *const *columns), void *arg, struct error *err)
	MUST_CHECK;
int image_db_begin(struct sqlite3 *db, struct error *err) MUST_CHECK;
/* Commits, or rolls back when `failed` is negative.  Returns `failed` or the failure of commit. */
int image_db_end(struct sqlite3 *db, int failed, struct error *err) MUST_CHECK;

/* Deletes what the database has of an image; within a transaction.  Any thread. */
int image_rows_delete(const struct image_store *s, const char *id, struct error *err) MUST_CHECK;
/* Takes an image out of the store and reports that as image_remove does.  Loop thread. */
void image_forget(struct image *im, json_t *removed);

/* ---- prune.c */
struct image_live {
	struct map *blobs, *chains; /* sets of hex */
};
/* What the images other than `but` (NULL-terminated, may be NULL) and the pulls under way need.
 * Loop thread. */
struct image_live image_live_of(struct image_store *s, struct image *const *but);
void image_live_release(struct image_live *live);
/* Removes the listed ones that are not live; goes on after a failure and reports the first.  Any
 * thread. */
int image_dead_remove(const struct image_store *s, char **chains, char **blobs,
		      struct image_live *live, int64_t *freed, struct error *err) MUST_CHECK;

/* ---- record.c: what a new image consists of, brought to the disk.  Any thread, one at a time */
/* Writes a blob unless it is there; its digest is in `id`. */
int image_blob_put(const struct image_store *s, const void *data, size_t len,
		   char id[DIGEST_TEXT_MAX], struct error *err) MUST_CHECK;
bool image_blob_exists(const struct image_store *s, const char *digest);
/* Reads and checks what cmp-layer says at the end: it has handled foreign bytes. */
int image_layer_result(const char *text, json_t **ret, struct error *err) MUST_CHECK;
/* Moves TMP/layer to its place by chain (hex), and TMP/blob if there is one.  What is there already
 * stays. */
int image_layer_put(const struct image_store *s, const char *tmp, const char *chain,
		    const json_t *result, struct error *err) MUST_CHECK;
struct image_row {
	const char *id, *manifest;
	const char *name;   /* full, or NULL */
	const char *source; /* full name with digest, or NULL */
	int64_t created_ns, pulled_ns;
	bool keep_manifest; /* of an image that is there already */
};
int image_record(const struct image_store *s, const struct image_row *row, struct error *err)
	MUST_CHECK;

/* ---- pull.c */
/* How many bytes something foreign may unpack to: it may not fill the disk. */
uint64_t image_quota(const struct image_store *s);
struct image_spooled {
	const char *dir;      /* below the store: blobs under the hex of their digests */
	const json_t *layers; /* [{digest, size, diff_id}], lowest first; referenced */
	const struct buf *manifest, *config; /* copied */
};
/* As image_pull_start, from blobs that are here already; args->name may be NULL. */
void image_pull_spooled(struct image_store *s, const struct image_spooled *from,
			const struct image_pull_args *args, struct image_pull **ret);
/* Adds what pulls under way have found or made: hex digests and chains. */
void image_pulls_live(const struct image_store *s, void (*blob)(void *arg, const char *hex),
		      void (*chain)(void *arg, const char *hex), void *arg);

/* ---- build.c */
/* Chains of the builds under way.  Loop thread. */
void image_builds_live(const struct image_store *s, void (*chain)(void *arg, const char *hex),
		       void *arg);
/* What the cache leads to.  Any thread. */
int image_cache_live(const struct image_store *s, void (*blob)(void *arg, const char *hex),
		     void (*chain)(void *arg, const char *hex), void *arg, struct error *err)
	MUST_CHECK;

/* ---- ops.c: the queue */
struct image_op_kind {
	/* All may be NULL but finish.  decide: loop thread, when its turn comes; work: worker,
	 * after decide went well; apply: loop thread, after work went well; finish: always, loop
	 * thread, calls back and frees. */
	int (*decide)(struct image_op *op, struct error *err);
	int (*work)(struct image_op *op, struct error *err);
	void (*apply)(struct image_op *op);
	void (*finish)(struct image_op *op);
};
struct image_op {
	const struct image_op_kind *kind;
	struct image_store *store;
	struct list link;
	uv_work_t request;
	struct error error; /* code 0: it went well */
};
void image_op_start(struct image_store *s, struct image_op *op, const struct image_op_kind *kind);

#endif
