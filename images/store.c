/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store as a whole: opening, closing, looking up.  What was half-made when the supervisor died
 * lies in tmp/ or has the temporary name of an atomic write; both are removed here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "images/store_int.h"

#define DIR_MODE    0700
#define SWEEP_TRIES 200
#define SWEEP_NS    (5 * NS_PER_MS)

static int make_places(struct image_store *s, struct error *err)
{
	static const char *const below[] = {IMAGE_BLOB_DIR, IMAGE_LAYER_DIR, IMAGE_TMP_DIR,
					    IMAGE_CACHE_DIR};

	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		auto_free char *path = xasprintf("%s/%s", s->root, below[i]);

		if (file_mkdir_p(path, DIR_MODE, err) < 0)
			return -err->code;
	}
	s->dir = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->dir < 0 ? error_sys(err, errno, "open %s", s->root) : 0;
}

/* A cmp-layer of the supervisor before us may still be dying, and writing. */
static int remove_half_made(int dir, const char *name, struct error *err)
{
	const struct timespec pause = {.tv_nsec = SWEEP_NS};

	for (int tries = 0;; tries++) {
		*err = ERROR_INIT;
		if (file_remove_tree(dir, name, err) == 0)
			return 0;
		if (err->code != ENOTEMPTY || tries == SWEEP_TRIES)
			return -err->code;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

/* Removes what is not named by 64 hex digits; with `all` everything. */
static int sweep(struct image_store *s, const char *place, bool all, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", s->root, place);
	DIR *d = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!d)
		return error_sys(err, errno, "open %s", path);
	while (r == 0 && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (all || strlen(e->d_name) != 64 || !image_reference_is_id(e->d_name))
			r = remove_half_made(dirfd(d), e->d_name, err);
	}
	closedir(d);
	return r;
}

static void load_image(void *arg, const char *const *columns)
{
	struct error err = ERROR_INIT;
	struct image_store *s = arg;
	struct image_entry *e;
	int64_t created = 0;

	if (parse_i64(columns[2], &created) < 0)
		created = 0;
	if (image_entry_load(s, columns[0], columns[1], created, &e, &err) < 0)
		log_warn("images", "left out: %s", err.msg);
	else
		image_entry_insert(s, e);
}

static void load_name(void *arg, const char *const *columns)
{
	struct image_store *s = arg;
	struct image_entry *e = image_entry_find(s, columns[1]);

	if (e)
		image_name_set(s, e, columns[0]);
}

static void load_source(void *arg, const char *const *columns)
{
	struct image_store *s = arg;
	struct image_entry *e = image_entry_find(s, columns[1]);
	int64_t pulled = 0;

	if (e && strchr(columns[0], '@') && parse_i64(columns[2], &pulled) == 0)
		image_source_set(s, e, columns[0], pulled);
}

static int open_parts(struct image_store *s, const char *state_dir, struct error *err)
{
	auto_free char *db = xasprintf("%s/images.db", state_dir);
	const char *const none[IMAGE_DB_PARAMS] = {NULL};

	if (make_places(s, err) < 0 || sweep(s, IMAGE_TMP_DIR, true, err) < 0 ||
	    sweep(s, IMAGE_BLOB_DIR, false, err) < 0 || sweep(s, IMAGE_LAYER_DIR, false, err) < 0 ||
	    sweep(s, IMAGE_CACHE_DIR, false, err) < 0 || image_db_open(db, &s->db, err) < 0)
		return -err->code;
	if (image_db_run(s->db, "SELECT id, manifest, created_ns FROM image_images", none,
			 load_image, s, err) < 0 ||
	    image_db_run(s->db, "SELECT name, image FROM image_names", none, load_name, s, err) <
		    0 ||
	    image_db_run(s->db, "SELECT name, image, pulled_ns FROM image_sources", none,
			 load_source, s, err) < 0)
		return -err->code;
	return 0;
}

int image_store_open(const char *state_dir, struct uv_loop_s *loop, struct image_store **ret,
		     struct error *err)
{
	struct image_store *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->dir = -1;
	s->root = xasprintf("%s/images", state_dir);
	s->names = map_new(NULL);
	s->digests = map_new(NULL);
	list_init(&s->pulls);
	list_init(&s->images);
	list_init(&s->queue);
	list_init(&s->builds);
	if (open_parts(s, state_dir, err) < 0) {
		image_store_free(s);
		return error_wrap(err, "image store");
	}
	*ret = s;
	return 0;
}

void image_store_free(struct image_store *s)
{
	struct image_entry *e, *tmp;

	if (!s)
		return;
	list_for_each_safe (e, tmp, &s->images, link) {
		list_remove(&e->link);
		e->store = NULL;
		if (!e->im.removing)
			image_unref(&e->im);
	}
	map_free(s->names);
	map_free(s->digests);
	image_db_close(s->db);
	if (s->dir >= 0)
		close(s->dir);
	free(s->root);
	free(s);
}

bool image_store_busy(const struct image_store *s)
{
	return s->running || !list_empty(&s->queue) || s->imports || !list_empty(&s->pulls);
}

/* ---- looking up */

static int no_image(struct error *err, const char *ref)
{
	return error_set(err, ENOENT, "no such image: %s", ref);
}

static int find_by_id(struct image_store *s, const char *ref, struct image_entry **ret,
		      struct error *err)
{
	const char *hex = str_skip(ref, "sha256:") ?: ref;
	struct image_entry *e, *found = NULL;

	list_for_each (e, &s->images, link) {
		if (e->im.removing || !str_starts(e->im.id + strlen("sha256:"), hex))
			continue;
		if (found)
			return error_set(err, EINVAL, "the prefix %s fits several images", ref);
		found = e;
	}
	*ret = found;
	return found ? 0 : no_image(err, ref);
}

/* What was pulled as this digest, or an image of the digest that has a name of the same repository.
 */
static struct image_entry *find_by_digest(struct image_store *s, const struct image_reference *r)
{
	auto_free char *repository = xasprintf("%s/%s:", r->registry, r->path);
	auto_free char *source = xasprintf("%s/%s@%s", r->registry, r->path, r->digest);
	struct image_entry *e = map_get(s->digests, source);

	if (e)
		return e;

	list_for_each (e, &s->images, link) {
		if (e->im.removing ||
		    (strcmp(e->im.manifest, r->digest) != 0 && strcmp(e->im.id, r->digest) != 0))
			continue;
		for (char **n = e->names; n && *n; n++)
			if (str_starts(*n, repository))
				return e;
	}
	return NULL;
}

static int find(struct image_store *s, const char *ref, struct image_entry **ret, struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_free char *full = NULL;
	bool id = !str_empty(ref) && image_reference_is_id(ref);

	/* 64 hex digits can be no name, as in Docker. */
	if (id && (str_starts(ref, "sha256:") || strlen(ref) == 64))
		return find_by_id(s, ref, ret, err);
	if (image_reference_parse(ref, &r, err) < 0)
		return -err->code;
	full = image_reference_full(&r);
	*ret = r.digest ? find_by_digest(s, &r) : map_get(s->names, full);
	if (*ret)
		return 0;
	return id ? find_by_id(s, ref, ret, err) : no_image(err, ref);
}

int image_resolve(struct image_store *s, const char *ref, struct image **ret, struct error *err)
{
	struct image_entry *e = NULL;
	int r = find(s, ref, &e, err);

	if (r == 0)
		*ret = image_ref(&e->im);
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

	if (x->created_ns != y->created_ns)
		return x->created_ns > y->created_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

struct image **image_list(struct image_store *s)
{
	struct image_entry *e;
	struct image **list;
	size_t count = 0;

	list_for_each (e, &s->images, link)
		count++;
	list = xcalloc(count + 1, sizeof(struct image *));
	count = 0;
	list_for_each (e, &s->images, link)
		if (!e->im.removing)
			list[count++] = &e->im;
	qsort(list, count, sizeof(struct image *), newest_first);
	return list;
}
