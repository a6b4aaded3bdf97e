/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nothing refers to: finding it and taking it away.  Layers are taken out of their place by
 * one rename before they are deleted, so that a place never holds half of one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "images/store_int.h"

static void live_add(struct map *m, char **hex)
{
	static char yes;

	for (; hex && *hex; hex++)
		map_set(m, *hex, &yes);
}

static void live_blob(void *arg, const char *hex)
{
	live_add(((struct image_live *)arg)->blobs, (char *[]){(char *)(uintptr_t)hex, NULL});
}

static void live_chain(void *arg, const char *hex)
{
	live_add(((struct image_live *)arg)->chains, (char *[]){(char *)(uintptr_t)hex, NULL});
}

static bool listed(struct image *const *list, const struct image *im)
{
	for (; list && *list; list++)
		if (*list == im)
			return true;
	return false;
}

struct image_live image_live_of(struct image_store *s, struct image *const *but)
{
	struct image_live live = {map_new(NULL), map_new(NULL)};
	struct image_entry *e;

	list_for_each (e, &s->images, link) {
		if (listed(but, &e->im))
			continue;
		live_add(live.blobs, e->blobs);
		live_add(live.chains, e->chains);
	}
	image_pulls_live(s, live_blob, live_chain, &live);
	image_builds_live(s, live_chain, &live);
	return live;
}

void image_live_release(struct image_live *live)
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

int image_dead_remove(const struct image_store *s, char **chains, char **blobs,
		      struct image_live *live, int64_t *freed, struct error *err)
{
	if (image_cache_live(s, live_blob, live_chain, live, err) < 0)
		return -err->code;
	(void)!remove_dead(s, chains, live->chains, remove_layer, freed, err);
	return remove_dead(s, blobs, live->blobs, remove_blob, freed, err);
}

/* ---- prune */

struct prune_op {
	struct image_op op;
	struct image_prune_args args;
	struct image **list; /* the images that go, referenced; NULL-terminated */
	struct image_live live;
	json_t *removed;
	int64_t freed;
	void (*done)(void *arg, const json_t *removed, int64_t freed_bytes,
		     const struct error *err);
	void *arg;
};

/* Nobody needs it: no container, no start under way, and with a name only if all are meant. */
static bool may_go(const struct prune_op *p, struct image *im)
{
	auto_free char *by = NULL;

	if (!p->args.images || (!p->args.all && strv_len(im->tags)) || im->refs > 1)
		return false;
	return !p->args.in_use || p->args.in_use(p->args.arg, im->id, &by) == IMAGE_USE_NONE;
}

static int prune_decide(struct image_op *op, struct error *err)
{
	struct prune_op *p = container_of(op, struct prune_op, op);
	size_t n = 0;

	(void)err;
	p->list = image_list(op->store);
	for (struct image **im = p->list; *im; im++)
		if (may_go(p, *im))
			p->list[n++] = *im;
	p->list[n] = NULL;
	for (struct image **im = p->list; *im; im++)
		image_ref(*im);
	p->live = image_live_of(op->store, p->list);
	return 0;
}

static int delete_rows(const struct prune_op *p, struct error *err)
{
	int r = image_db_begin(p->op.store->db, err);

	if (r < 0)
		return r;
	for (struct image **im = p->list; *im && r == 0; im++)
		r = image_rows_delete(p->op.store, (*im)->id, err);
	return image_db_end(p->op.store->db, r, err);
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

static int prune_work(struct image_op *op, struct error *err)
{
	struct prune_op *p = container_of(op, struct prune_op, op);
	AUTO(strv_free) char **layers = NULL;
	AUTO(strv_free) char **blobs = NULL;

	if (delete_rows(p, err) < 0 || list_place(op->store, IMAGE_LAYER_DIR, &layers, err) < 0 ||
	    list_place(op->store, IMAGE_BLOB_DIR, &blobs, err) < 0)
		return -err->code;
	return image_dead_remove(op->store, layers, blobs, &p->live, &p->freed, err);
}

static void prune_apply(struct image_op *op)
{
	struct prune_op *p = container_of(op, struct prune_op, op);

	for (struct image **im = p->list; *im; im++)
		image_forget(*im, p->removed);
}

static void prune_finish(struct image_op *op)
{
	struct prune_op *p = container_of(op, struct prune_op, op);

	for (struct image **im = p->list; im && *im; im++)
		image_unref(*im);
	p->done(p->arg, p->removed, p->freed, op->error.code ? &op->error : NULL);
	json_decref(p->removed);
	image_live_release(&p->live);
	free(p->list);
	free(p);
}

void image_prune(struct image_store *s, const struct image_prune_args *args,
		 void (*done)(void *arg, const json_t *removed, int64_t freed_bytes,
			      const struct error *err),
		 void *arg)
{
	static const struct image_op_kind kind = {prune_decide, prune_work, prune_apply,
						  prune_finish};
	struct prune_op *p = xcalloc(1, sizeof(*p));

	p->args = *args;
	p->removed = json_array();
	p->done = done;
	p->arg = arg;
	image_op_start(s, &p->op, &kind);
}
