/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing the store: the queue that runs one operation at a time, and the operations tag, remove
 * and gc.  Files are taken out of their place by one rename before they are deleted, so that a
 * place never holds half a layer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "images/store_int.h"

/* ---- the queue */

static void next_op(struct image_store *s);

static void finish(struct image_op *op)
{
	struct image_store *s = op->store;

	op->kind->finish(op);
	s->running = NULL;
	next_op(s);
}

static void do_work(uv_work_t *req)
{
	struct image_op *op = container_of(req, struct image_op, request);

	(void)!op->kind->work(op, &op->error);
}

static void after_work(uv_work_t *req, int status)
{
	struct image_op *op = container_of(req, struct image_op, request);

	if (status < 0 && !op->error.code)
		error_sys(&op->error, -status, "change the images");
	if (!op->error.code && op->kind->apply)
		op->kind->apply(op);
	finish(op);
}

/* A turn is a request without work: so nothing is called back before the caller has returned. */
static void no_work(uv_work_t *req)
{
	(void)req;
}

static void on_turn(uv_work_t *req, int status)
{
	struct image_op *op = container_of(req, struct image_op, request);
	int r;

	if (status < 0)
		error_sys(&op->error, -status, "change the images");
	if (!op->error.code && op->kind->decide)
		(void)!op->kind->decide(op, &op->error);
	if (op->error.code) {
		finish(op);
		return;
	}
	if (!op->kind->work) {
		after_work(req, 0);
		return;
	}
	r = uv_queue_work(op->store->loop, req, do_work, after_work);
	if (r < 0)
		after_work(req, r);
}

static void next_op(struct image_store *s)
{
	struct image_op *op;

	if (s->running || list_empty(&s->queue))
		return;
	op = list_entry(s->queue.next, struct image_op, link);
	list_remove(&op->link);
	s->running = op;
	/* Fails for a missing callback only. */
	if (uv_queue_work(s->loop, &op->request, no_work, on_turn) < 0)
		abort();
}

void image_op_start(struct image_store *s, struct image_op *op, const struct image_op_kind *kind)
{
	op->kind = kind;
	op->store = s;
	op->error = ERROR_INIT;
	list_append(&s->queue, &op->link);
	next_op(s);
}

static const struct error *error_of(const struct image_op *op)
{
	return op->error.code ? &op->error : NULL;
}

/* ---- tag */

struct tag_op {
	struct image_op op;
	char *ref, *name;
	struct image *im; /* referenced */
	char *full;
	void (*done)(void *arg, const struct error *err);
	void *arg;
};

static int tag_decide(struct image_op *op, struct error *err)
{
	struct tag_op *t = container_of(op, struct tag_op, op);
	auto_reference struct image_reference r = {0};

	if (image_reference_parse(t->name, &r, err) < 0)
		return -err->code;
	if (r.digest)
		return error_set(err, EINVAL, "a name for an image may not have a digest: %s",
				 t->name);
	t->full = image_reference_full(&r);
	return image_resolve(op->store, t->ref, &t->im, err);
}

static int tag_work(struct image_op *op, struct error *err)
{
	struct tag_op *t = container_of(op, struct tag_op, op);
	const char *const params[IMAGE_DB_PARAMS] = {t->full, t->im->id};

	return image_db_run(op->store->db,
			    "INSERT OR REPLACE INTO image_names (name, image) VALUES (?1, ?2)",
			    params, NULL, NULL, err);
}

static void tag_apply(struct image_op *op)
{
	struct tag_op *t = container_of(op, struct tag_op, op);

	image_name_set(op->store, image_entry_of(t->im), t->full);
}

static void tag_finish(struct image_op *op)
{
	struct tag_op *t = container_of(op, struct tag_op, op);

	t->done(t->arg, error_of(op));
	image_unref(t->im);
	free(t->ref);
	free(t->name);
	free(t->full);
	free(t);
}

void image_tag(struct image_store *s, const char *ref, const char *name,
	       void (*done)(void *arg, const struct error *err), void *arg)
{
	static const struct image_op_kind kind = {tag_decide, tag_work, tag_apply, tag_finish};
	struct tag_op *t = xcalloc(1, sizeof(*t));

	t->ref = xstrdup(ref);
	t->name = xstrdup(name);
	t->done = done;
	t->arg = arg;
	image_op_start(s, &t->op, &kind);
}

/* ---- files that nothing refers to */

struct live {
	struct map *blobs, *chains;
};

static void live_add(struct map *m, char **hex)
{
	static char yes;

	for (; hex && *hex; hex++)
		map_set(m, *hex, &yes);
}

static void live_blob(void *arg, const char *hex)
{
	live_add(((struct live *)arg)->blobs, (char *[]){(char *)(uintptr_t)hex, NULL});
}

static void live_chain(void *arg, const char *hex)
{
	live_add(((struct live *)arg)->chains, (char *[]){(char *)(uintptr_t)hex, NULL});
}

/* What the images other than `but` and the pulls under way need.  Loop thread. */
static struct live live_of(struct image_store *s, const struct image_entry *but)
{
	struct live live = {map_new(NULL), map_new(NULL)};
	struct image_entry *e;

	list_for_each (e, &s->images, link) {
		if (e == but)
			continue;
		live_add(live.blobs, e->blobs);
		live_add(live.chains, e->chains);
	}
	image_pulls_live(s, live_blob, live_chain, &live);
	image_builds_live(s, live_chain, &live);
	return live;
}

static void live_release(struct live *live)
{
	map_free(live->blobs);
	map_free(live->chains);
}

static int remove_blob(const struct image_store *s, const char *hex, int64_t *freed,
		       struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_BLOB_DIR "/%s", hex);
	struct stat st;

	if (fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "remove blob %s", hex);
	if (unlinkat(s->dir, path, 0) < 0)
		return error_sys(err, errno, "remove blob %s", hex);
	*freed += st.st_size;
	return 0;
}

static int remove_layer(const struct image_store *s, const char *chain, int64_t *freed,
			struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_LAYER_DIR "/%s", chain);
	auto_free char *gone = xasprintf(IMAGE_TMP_DIR "/gone-%s", chain);
	int64_t bytes = image_layer_bytes(s, chain);

	if (file_remove_tree(s->dir, gone, err) < 0)
		return -err->code;
	if (renameat(s->dir, path, s->dir, gone) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "remove layer %s", chain);
	*freed += MAX(bytes, 0);
	return file_remove_tree(s->dir, gone, err);
}

typedef int (*remove_fn)(const struct image_store *s, const char *hex, int64_t *freed,
			 struct error *err);

/* Removes the listed ones that are not live; goes on after a failure and reports the first. */
static int remove_dead(const struct image_store *s, char **hex, const struct map *live,
		       remove_fn fn, int64_t *freed, struct error *err)
{
	for (; hex && *hex; hex++) {
		struct error one = ERROR_INIT;

		if (!map_has(live, *hex) && fn(s, *hex, freed, &one) < 0 && !err->code)
			*err = one;
	}
	return -err->code;
}

/* ---- remove */

struct remove_op {
	struct image_op op;
	struct image_remove_args args;
	char *ref;
	struct image *im; /* referenced */
	char **names;	  /* full names that go */
	bool whole;	  /* the image goes too */
	bool prune;	  /* and its files */
	struct live live;
	json_t *removed;
	void (*done)(void *arg, const json_t *removed, const struct error *err);
	void *arg;
};

/* The full name that the reference is, when the image was found by it. */
static char *name_used(struct image_store *s, const struct remove_op *o)
{
	auto_reference struct image_reference r = {0};
	struct error err = ERROR_INIT;
	char *full;

	if (image_reference_parse(o->ref, &r, &err) < 0 || r.digest)
		return NULL;
	full = image_reference_full(&r);
	if (map_get(s->names, full) != image_entry_of(o->im))
		free(steal_ptr(&full));
	return full;
}

/* May the image go?  Sets o->whole. */
static int judge(struct remove_op *o, bool by_name, struct error *err)
{
	auto_free char *by = NULL;
	enum image_use use = IMAGE_USE_NONE;

	if (o->args.in_use)
		use = o->args.in_use(o->args.arg, o->im->id, &by);
	o->whole = true;
	if (use == IMAGE_USE_NONE)
		return 0;
	if (!o->args.force)
		return error_set(err, EBUSY, "image %s is used by %s container %s", o->ref,
				 use == IMAGE_USE_RUNNING ? "the running" : "the stopped",
				 by ?: "(unknown)");
	if (use == IMAGE_USE_STOPPED)
		return 0;
	o->whole = false;
	if (!by_name)
		return error_set(err, EBUSY,
				 "image %s is used by the running container %s and cannot be "
				 "removed by force",
				 o->ref, by ?: "(unknown)");
	return 0;
}

static int choose(struct remove_op *o, struct error *err)
{
	struct image_entry *e = image_entry_of(o->im);
	auto_free char *name = name_used(o->op.store, o);

	if (name && strv_len(e->names) > 1) {
		strv_push(&o->names, steal_ptr(&name));
		return 0;
	}
	if (!name && strv_len(e->names) > 1 && !o->args.force)
		return error_set(err, EBUSY,
				 "image %s has several names: remove them, or use force", o->ref);
	if (judge(o, name != NULL, err) < 0)
		return -err->code;
	o->names = strv_dup(e->names);
	return 0;
}

static int remove_decide(struct image_op *op, struct error *err)
{
	struct remove_op *o = container_of(op, struct remove_op, op);

	if (image_resolve(op->store, o->ref, &o->im, err) < 0 || choose(o, err) < 0)
		return -err->code;
	/* The store's reference and ours: nobody else needs the files. */
	o->prune = o->whole && !o->args.no_prune && o->im->refs == 2;
	if (o->prune)
		o->live = live_of(op->store, image_entry_of(o->im));
	return 0;
}

static int remove_rows(struct remove_op *o, struct error *err)
{
	struct sqlite3 *db = o->op.store->db;
	const char *params[IMAGE_DB_PARAMS] = {NULL};

	for (char **n = o->names; n && *n; n++) {
		params[0] = *n;
		if (image_db_run(db, "DELETE FROM image_names WHERE name = ?1", params, NULL, NULL,
				 err) < 0)
			return -err->code;
	}
	params[0] = o->im->id;
	if (o->whole && image_db_run(db, "DELETE FROM image_sources WHERE image = ?1", params, NULL,
				     NULL, err) < 0)
		return -err->code;
	return o->whole ? image_db_run(db, "DELETE FROM image_images WHERE id = ?1", params, NULL,
				       NULL, err)
			: 0;
}

static int remove_work(struct image_op *op, struct error *err)
{
	struct remove_op *o = container_of(op, struct remove_op, op);
	struct image_entry *e = image_entry_of(o->im);
	struct error ignored = ERROR_INIT; /* what stays is found by the next gc */
	int64_t freed = 0;
	int r;

	r = image_db_begin(op->store->db, err);
	if (r < 0)
		return r;
	r = image_db_end(op->store->db, remove_rows(o, err), err);
	if (r < 0 || !o->prune)
		return r;
	if (image_cache_live(op->store, live_blob, live_chain, &o->live, &ignored) < 0)
		return 0;
	(void)!remove_dead(op->store, e->chains, o->live.chains, remove_layer, &freed, &ignored);
	(void)!remove_dead(op->store, e->blobs, o->live.blobs, remove_blob, &freed, &ignored);
	return 0;
}

static void report(struct remove_op *o, const char *key, const char *value)
{
	json_t *item = json_object();

	json_set_str(item, key, value);
	json_array_append_new(o->removed, item);
}

static void remove_apply(struct image_op *op)
{
	struct remove_op *o = container_of(op, struct remove_op, op);

	o->removed = json_array();
	for (char **n = o->names; n && *n; n++) {
		auto_reference struct image_reference r = {0};
		auto_free char *familiar = NULL;
		struct error err = ERROR_INIT;

		image_name_clear(op->store, *n);
		if (image_reference_parse(*n, &r, &err) == 0)
			familiar = image_reference_familiar(&r);
		report(o, "untagged", familiar ?: *n);
	}
	if (!o->whole)
		return;
	for (char **n = o->im->digests; n && *n; n++)
		report(o, "untagged", *n);
	report(o, "deleted", o->im->id);
	image_entry_remove(image_entry_of(o->im));
}

static void remove_finish(struct image_op *op)
{
	struct remove_op *o = container_of(op, struct remove_op, op);

	o->done(o->arg, o->removed, error_of(op));
	json_decref(o->removed);
	image_unref(o->im);
	live_release(&o->live);
	strv_free(o->names);
	free(o->ref);
	free(o);
}

void image_remove(struct image_store *s, const struct image_remove_args *args,
		  void (*done)(void *arg, const json_t *removed, const struct error *err),
		  void *arg)
{
	static const struct image_op_kind kind = {remove_decide, remove_work, remove_apply,
						  remove_finish};
	struct remove_op *o = xcalloc(1, sizeof(*o));

	o->args = *args;
	o->ref = xstrdup(args->ref);
	o->done = done;
	o->arg = arg;
	image_op_start(s, &o->op, &kind);
}

/* ---- gc */

struct gc_op {
	struct image_op op;
	struct live live;
	int64_t freed;
	void (*done)(void *arg, int64_t freed_bytes, const struct error *err);
	void *arg;
};

static int gc_decide(struct image_op *op, struct error *err)
{
	struct gc_op *g = container_of(op, struct gc_op, op);

	(void)err;
	g->live = live_of(op->store, NULL);
	return 0;
}

static int list_place(const struct image_store *s, const char *place, char ***ret,
		      struct error *err)
{
	int fd = openat(s->dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return error_sys(err, errno, "open %s", place);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			strv_push(ret, xstrdup(e->d_name));
	closedir(d);
	return 0;
}

static int gc_work(struct image_op *op, struct error *err)
{
	struct gc_op *g = container_of(op, struct gc_op, op);
	AUTO(strv_free) char **layers = NULL;
	AUTO(strv_free) char **blobs = NULL;

	if (image_cache_live(op->store, live_blob, live_chain, &g->live, err) < 0 ||
	    list_place(op->store, IMAGE_LAYER_DIR, &layers, err) < 0 ||
	    list_place(op->store, IMAGE_BLOB_DIR, &blobs, err) < 0)
		return -err->code;
	(void)!remove_dead(op->store, layers, g->live.chains, remove_layer, &g->freed, err);
	return remove_dead(op->store, blobs, g->live.blobs, remove_blob, &g->freed, err);
}

static void gc_finish(struct image_op *op)
{
	struct gc_op *g = container_of(op, struct gc_op, op);

	g->done(g->arg, g->freed, error_of(op));
	live_release(&g->live);
	free(g);
}

void image_gc(struct image_store *s,
	      void (*done)(void *arg, int64_t freed_bytes, const struct error *err), void *arg)
{
	static const struct image_op_kind kind = {gc_decide, gc_work, NULL, gc_finish};
	struct gc_op *g = xcalloc(1, sizeof(*g));

	g->done = done;
	g->arg = arg;
	image_op_start(s, &g->op, &kind);
}
