/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's own layer is the upper directory of its overlay: what is there has been added or
 * modified, a whiteout stands for what was deleted.  Walked by descriptors, without following
 * links; what the image has at a place is looked up in its layers from the top.
 */
#include "engine/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"

#define CHANGES_MAX 200000
#define DEPTH_MAX   128

struct looking {
	uv_work_t work;
	char *upper;
	int *layers; /* descriptors, lowest first */
	size_t layer_count;
	struct change *changes;
	size_t count, cap;
	struct error err;
	void (*done)(void *arg, const struct change *changes, size_t count,
		     const struct error *err);
	void *arg;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* ---- the worker's part */

static bool in_image(const struct looking *l, const char *path)
{
	size_t i = l->layer_count;

	while (i-- > 0) {
		struct error ignored = ERROR_INIT;
		auto_fd int fd =
			file_inroot_open(l->layers[i], path, O_PATH | O_NOFOLLOW, 0, &ignored);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0)
			return !is_whiteout(&st);
	}
	return false;
}

static int add(struct looking *l, const char *path, enum change_kind kind)
{
	if (l->count == CHANGES_MAX)
		return error_set(&l->err, E2BIG, "more than %d changes", CHANGES_MAX);
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->changes = xreallocarray(l->changes, l->cap, sizeof(*l->changes));
	}
	l->changes[l->count++] = (struct change){xstrdup(path), kind};
	return 0;
}

static int walk(struct looking *l, int fd, const char *path, unsigned depth);

static int look_at(struct looking *l, int parent, const char *name, const char *path,
		   unsigned depth)
{
	struct stat st;
	int r, fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* it has just gone */
	r = add(l, path,
		is_whiteout(&st)    ? CHANGE_DELETED
		: in_image(l, path) ? CHANGE_MODIFIED
				    : CHANGE_ADDED);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : walk(l, fd, path, depth + 1);
}

/* Takes the descriptor. */
static int walk(struct looking *l, int fd, const char *path, unsigned depth)
{
	DIR *dir = depth > DEPTH_MAX ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		close(fd);
		return error_set(&l->err, ELOOP, "%s: too deep", path);
	}
	while (r == 0 && (e = readdir(dir))) {
		auto_free char *child = NULL;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		child = xasprintf("%s/%s", path, e->d_name);
		r = look_at(l, dirfd(dir), e->d_name, child, depth);
	}
	closedir(dir);
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

static void look(uv_work_t *work)
{
	struct looking *l = container_of(work, struct looking, work);
	int fd = open(l->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return; /* it has never been started */
	if (walk(l, fd, "", 0) == 0 && l->count)
		qsort(l->changes, l->count, sizeof(*l->changes), by_path);
}

/* ---- the loop's */

static void looking_free(struct looking *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		free(l->changes[i].path);
	for (i = 0; i < l->layer_count; i++)
		close(l->layers[i]);
	free(l->changes);
	free(l->layers);
	free(l->upper);
	free(l);
}

static void after(uv_work_t *work, int status)
{
	struct looking *l = container_of(work, struct looking, work);

	if (status < 0)
		error_set(&l->err, EIO, "no worker");
	l->done(l->arg, l->changes, l->count, l->err.code ? &l->err : NULL);
	looking_free(l);
}

static int open_layers(struct looking *l, const struct container *c, struct error *err)
{
	size_t i, count = c->image ? strv_len(c->image->layers) : 0;
	const char *path;

	l->layers = xcalloc(count + 1, sizeof(*l->layers));
	for (i = 0; i <= count; i++) {
		path = i ? c->image->layers[i - 1] : c->daemon->skeleton;
		l->layers[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (l->layers[i] < 0)
			return error_sys(err, errno, "open %s", path);
		l->layer_count++;
	}
	return 0;
}

int container_changes(struct container *c,
		      void (*done)(void *arg, const struct change *changes, size_t count,
				   const struct error *err),
		      void *arg, struct error *err)
{
	struct looking *l = xcalloc(1, sizeof(*l));

	l->upper = xasprintf("%s/upper", c->dir);
	l->done = done;
	l->arg = arg;
	if (open_layers(l, c, err) < 0) {
		looking_free(l);
		return -err->code;
	}
	if (uv_queue_work(c->daemon->loop, &l->work, look, after) == 0)
		return 0;
	looking_free(l);
	return error_set(err, EIO, "look at the changes of container %s: no worker", c->name);
}
