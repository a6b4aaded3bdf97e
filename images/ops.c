/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing the store: the queue that runs one operation at a time, and the operations tag and
 * remove.
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

/* ---- remove */

struct remove_op {
	struct image_op op;
	struct image_remove_args args;
	char *ref;
	struct image *im; /* referenced */
	char **names;	  /* full names that go */
	bool whole;	  /* the image goes too */
	bool prune;	  /* and its files */
	struct image_live live;
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
		o->live = image_live_of(op->store, (struct image *[]){o->im, NULL});
	return 0;
}

int image_rows_delete(const struct image_store *s, const char *id, struct error *err)
{
	static const char *const statements[] = {"DELETE FROM image_names WHERE image = ?1",
						 "DELETE FROM image_sources WHERE image = ?1",
						 "DELETE FROM image_images WHERE id = ?1"};
	const char *const params[IMAGE_DB_PARAMS] = {id};

	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (image_db_run(s->db, statements[i], params, NULL, NULL, err) < 0)
			return -err->code;
	return 0;
}

static int remove_rows(struct remove_op *o, struct error *err)
{
	const char *params[IMAGE_DB_PARAMS] = {NULL};

	for (char **n = o->names; n && *n; n++) {
		params[0] = *n;
		if (image_db_run(o->op.store->db, "DELETE FROM image_names WHERE name = ?1", params,
				 NULL, NULL, err) < 0)
			return -err->code;
	}
	return o->whole ? image_rows_delete(o->op.store, o->im->id, err) : 0;
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
	(void)!image_dead_remove(op->store, e->chains, e->blobs, &o->live, &freed, &ignored);
	return 0;
}

static void report(json_t *removed, const char *key, const char *value)
{
	json_t *item = json_object();

	json_set_str(item, key, value);
	json_array_append_new(removed, item);
}

static void report_untagged(json_t *removed, const char *full)
{
	auto_reference struct image_reference r = {0};
	auto_free char *familiar = NULL;
	struct error err = ERROR_INIT;

	if (image_reference_parse(full, &r, &err) == 0)
		familiar = image_reference_familiar(&r);
	report(removed, "untagged", familiar ?: full);
}

void image_forget(struct image *im, json_t *removed)
{
	struct image_entry *e = image_entry_of(im);
	AUTO(strv_free) char **names = strv_dup(e->names);

	for (char **n = names; n && *n; n++) {
		image_name_clear(e->store, *n);
		report_untagged(removed, *n);
	}
	for (char **n = im->digests; n && *n; n++)
		report(removed, "untagged", *n);
	report(removed, "deleted", im->id);
	image_entry_remove(e);
}

static void remove_apply(struct image_op *op)
{
	struct remove_op *o = container_of(op, struct remove_op, op);

	o->removed = json_array();
	if (o->whole) {
		image_forget(o->im, o->removed);
		return;
	}
	for (char **n = o->names; n && *n; n++) {
		image_name_clear(op->store, *n);
		report_untagged(o->removed, *n);
	}
}

static void remove_finish(struct image_op *op)
{
	struct remove_op *o = container_of(op, struct remove_op, op);

	o->done(o->arg, o->removed, error_of(op));
	json_decref(o->removed);
	image_unref(o->im);
	image_live_release(&o->live);
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
