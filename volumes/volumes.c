/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of volumes and their directories.  A directory without a row is half-made or
 * half-removed and goes to the trash at open; a row without a directory gets an empty one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "volumes/volumes_int.h"

#define TRASH_PREFIX "volume-"
#define DIR_MODE     0700
#define DATA_MODE    0755
#define OBJECT_MAX   1000 /* labels, options */

static void volume_free(void *arg)
{
	struct volume *v = arg;

	free(v->name);
	free(v->driver);
	free(v->mountpoint);
	json_decref(v->driver_opts);
	json_decref(v->labels);
	free(v);
}

/* ---- trash: emptied by workers that know nothing but a path */

struct trash_job {
	uv_work_t request;
	char *path;
	struct error error;
};

static void trash_work(uv_work_t *request)
{
	struct trash_job *job = container_of(request, struct trash_job, request);

	(void)!file_remove_tree(AT_FDCWD, job->path, &job->error);
}

static void trash_done(uv_work_t *request, int status)
{
	struct trash_job *job = container_of(request, struct trash_job, request);

	if (status < 0 || job->error.code)
		log_warn("volumes", "left in the trash: %s",
			 job->error.code ? job->error.msg : job->path);
	free(job->path);
	free(job);
}

static void empty_later(struct volume_store *s, const char *name)
{
	struct trash_job *job = xcalloc(1, sizeof(*job));

	job->path = xasprintf("%s/%s", s->trash, name);
	if (uv_queue_work(s->loop, &job->request, trash_work, trash_done) < 0)
		abort();
}

static int throw_away(struct volume_store *s, const char *name, struct error *err)
{
	char id[DIGEST_HEX_MAX];
	auto_free char *to = NULL;

	digest_random_id(id);
	to = xasprintf(TRASH_PREFIX "%.16s", id);
	if (renameat(s->root_fd, name, s->trash_fd, to) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "remove volume %s", name);
	empty_later(s, to);
	return 0;
}

static DIR *list_dir(const char *path, struct error *err)
{
	DIR *d = opendir(path);

	if (!d)
		error_sys(err, errno, "open %s", path);
	return d;
}

static int sweep(struct volume_store *s, struct error *err)
{
	DIR *d = list_dir(s->trash, err);
	struct dirent *e;
	int r = 0;

	if (!d)
		return -err->code;
	while ((e = readdir(d)))
		if (str_starts(e->d_name, TRASH_PREFIX))
			empty_later(s, e->d_name);
	closedir(d);
	d = list_dir(s->root, err);
	if (!d)
		return -err->code;
	while (r == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !map_has(s->volumes, e->d_name))
			r = throw_away(s, e->d_name, err);
	closedir(d);
	return r;
}

/* ---- opening */

static int open_dir(const char *path, int *ret, struct error *err)
{
	if (file_mkdir_p(path, DIR_MODE, err) < 0)
		return -err->code;
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? error_sys(err, errno, "open %s", path) : 0;
}

/* Makes volumes/<name>/data, on disk when it returns. */
static int make_dirs(struct volume_store *s, const char *name, struct error *err)
{
	auto_fd int dir = -1, data = -1;

	if (mkdirat(s->root_fd, name, DIR_MODE) < 0 && errno != EEXIST)
		return error_sys(err, errno, "create volume %s", name);
	dir = openat(s->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || (mkdirat(dir, "data", DATA_MODE) < 0 && errno != EEXIST))
		return error_sys(err, errno, "create volume %s", name);
	data = openat(dir, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (data < 0)
		return error_sys(err, errno, "create volume %s", name);
	if (fsync(data) < 0 || fsync(dir) < 0 || fsync(s->root_fd) < 0)
		return error_sys(err, errno, "write volume %s to disk", name);
	return 0;
}

static void adopt(struct volume_store *s, struct volume *v)
{
	v->mountpoint = xasprintf("%s/%s/data", s->root, v->name);
	map_set(s->volumes, v->name, v);
}

static void load(void *arg, struct volume *v)
{
	struct volume_store *s = arg;
	struct error err = ERROR_INIT;
	auto_free char *data = xasprintf("%s/data", v->name);

	adopt(s, v);
	if (!file_exists(s->root_fd, data)) {
		log_warn("volumes", "the directory of %s was gone", v->name);
		if (make_dirs(s, v->name, &err) < 0)
			log_warn("volumes", "%s", err.msg);
	}
}

int volume_store_open(const char *state_dir, struct uv_loop_s *loop, struct volume_store **ret,
		      struct error *err)
{
	struct volume_store *s = xcalloc(1, sizeof(*s));
	auto_free char *db = xasprintf("%s/volumes.db", state_dir);

	s->loop = loop;
	s->root = xasprintf("%s/volumes", state_dir);
	s->trash = xasprintf("%s/trash", state_dir);
	s->root_fd = s->trash_fd = -1;
	s->volumes = map_new(volume_free);
	if (open_dir(s->root, &s->root_fd, err) < 0 || open_dir(s->trash, &s->trash_fd, err) < 0 ||
	    volume_db_open(db, &s->db, err) < 0 || volume_db_load(s->db, load, s, err) < 0 ||
	    sweep(s, err) < 0) {
		volume_store_free(s);
		return error_wrap(err, "volume store");
	}
	*ret = s;
	return 0;
}

void volume_store_free(struct volume_store *s)
{
	if (!s)
		return;
	map_free(s->volumes);
	volume_db_close(s->db);
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->trash_fd >= 0)
		close(s->trash_fd);
	free(s->root);
	free(s->trash);
	free(s);
}

/* ---- records */

static json_t *object_or_empty(const json_t *o)
{
	return o ? json_deep_copy(o) : json_object();
}

static int check_args(const struct volume_args *args, struct error *err)
{
	const char *key;
	json_t *value;

	if (args->name && (!str_valid_name(args->name) || strlen(args->name) < 2))
		return error_set(err, EINVAL,
				 "invalid volume name %s: at least two of letters, digits and _ . "
				 "-, the first a letter or digit",
				 args->name);
	if (args->driver && *args->driver && strcmp(args->driver, "local") != 0)
		return error_set(err, EINVAL, "unknown volume driver %s: only local is known",
				 args->driver);
	if (json_object_size(args->labels) > OBJECT_MAX)
		return error_set(err, EINVAL, "a volume has more than %d labels", OBJECT_MAX);
	json_object_foreach ((json_t *)(uintptr_t)args->labels, key, value)
		if (!json_is_string(value))
			return error_set(err, EINVAL, "the volume label %s must be a string", key);
	return volume_opts_check(args->driver_opts, err);
}

static int existing(struct volume *v, const struct volume_args *args, struct volume **ret,
		    bool *ret_created, struct error *err)
{
	if (json_object_size(args->driver_opts) && !json_equal(v->driver_opts, args->driver_opts))
		return error_set(err, EEXIST, "volume %s exists with other options", v->name);
	*ret = v;
	*ret_created = false;
	return 0;
}

int volume_create(struct volume_store *s, const struct volume_args *args, struct volume **ret,
		  bool *ret_created, struct error *err)
{
	struct volume *v;
	char id[DIGEST_HEX_MAX];

	if (check_args(args, err) < 0)
		return -err->code;
	v = args->name ? map_get(s->volumes, args->name) : NULL;
	if (v)
		return existing(v, args, ret, ret_created, err);
	digest_random_id(id);
	v = xcalloc(1, sizeof(*v));
	v->name = xstrdup(args->name ?: id);
	v->driver = xstrdup("local");
	v->driver_opts = object_or_empty(args->driver_opts);
	v->labels = object_or_empty(args->labels);
	v->created_ns = time_now_ns();
	v->anonymous = args->anonymous || !args->name;
	v->bound = v->anonymous && args->bound;
	/* What somebody else made has its content already. */
	v->populated = json_object_size(v->driver_opts) > 0;
	if (make_dirs(s, v->name, err) < 0 || volume_db_insert(s->db, v, err) < 0) {
		struct error ignored = ERROR_INIT;

		(void)!throw_away(s, v->name, &ignored);
		volume_free(v);
		return -err->code;
	}
	adopt(s, v);
	*ret = v;
	*ret_created = true;
	return 0;
}

struct volume *volume_get(struct volume_store *s, const char *name)
{
	return map_get(s->volumes, name);
}

static int by_name(const void *a, const void *b)
{
	const struct volume *x = *(struct volume *const *)a, *y = *(struct volume *const *)b;

	return strcmp(x->name, y->name);
}

struct volume **volume_list(struct volume_store *s)
{
	struct volume **list = xcalloc(map_len(s->volumes) + 1, sizeof(struct volume *));
	struct map_iter it = {0};
	size_t count = 0;

	while (map_next(s->volumes, &it))
		list[count++] = it.value;
	qsort(list, count, sizeof(struct volume *), by_name);
	return list;
}

json_t *volume_inspect(const struct volume *v)
{
	json_t *o = json_object();

	json_set_str(o, "name", v->name);
	json_set_str(o, "driver", v->driver);
	json_set_str(o, "mountpoint", v->mountpoint);
	json_set_int(o, "created_ns", v->created_ns);
	json_set_str(o, "scope", "local");
	json_set_new(o, "labels", json_deep_copy(v->labels));
	json_set_new(o, "options", json_deep_copy(v->driver_opts));
	json_set_bool(o, "anonymous", v->anonymous);
	return o;
}

static int remove_volume(struct volume_store *s, struct volume *v, struct error *err)
{
	if (volume_unmount(s, v, err) < 0 || volume_db_delete(s->db, v->name, err) < 0)
		return -err->code;
	/* The row is gone: a directory that stays behind is found at the next open. */
	if (throw_away(s, v->name, err) < 0)
		log_warn("volumes", "%s", err->msg);
	*err = ERROR_INIT;
	map_remove(s->volumes, v->name);
	return 0;
}

int volume_remove(struct volume_store *s, const char *name, bool force, volume_in_use_fn in_use,
		  void *arg, struct error *err)
{
	struct volume *v = volume_get(s, name);
	auto_free char *by = NULL;

	if (!v)
		return force ? 0 : error_set(err, ENOENT, "no such volume: %s", name);
	if (in_use && in_use(arg, name, &by))
		return error_set(err, EBUSY, "volume %s is used by container %s", name,
				 by ?: "(unknown)");
	return remove_volume(s, v, err);
}

int volume_prune(struct volume_store *s, bool all, volume_in_use_fn in_use, void *arg,
		 char ***ret_names, struct error *err)
{
	auto_free struct volume **list = volume_list(s);
	AUTO(strv_free) char **names = NULL;

	for (struct volume **v = list; *v; v++) {
		auto_free char *by = NULL;
		auto_free char *name = xstrdup((*v)->name);

		if ((!all && !(*v)->anonymous) || (in_use && in_use(arg, name, &by)))
			continue;
		if (remove_volume(s, *v, err) < 0)
			return -err->code;
		strv_push(&names, steal_ptr(&name));
	}
	*ret_names = steal_ptr(&names);
	return 0;
}

bool volume_needs_populate(const struct volume *v)
{
	return !v->populated;
}

int volume_set_populated(struct volume_store *s, struct volume *v, struct error *err)
{
	if (v->populated)
		return 0;
	if (volume_db_set_populated(s->db, v->name, err) < 0)
		return -err->code;
	v->populated = true;
	return 0;
}

int volume_let_go(struct volume_store *s, struct volume *v, struct error *err)
{
	int r = v->bound ? volume_db_let_go(s->db, v->name, err) : 0;

	if (r == 0)
		v->bound = false;
	return r;
}

void volumes_sweep(struct volume_store *s, volume_in_use_fn in_use, void *arg)
{
	auto_free struct volume **list = volume_list(s);
	struct volume **v;

	for (v = list; *v; v++) {
		struct error err = ERROR_INIT;
		auto_free char *by = NULL;
		auto_free char *name = xstrdup((*v)->name);

		if (!(*v)->bound || in_use(arg, name, &by))
			continue;
		log_info("volumes", "removing volume %s, whose container was never made", name);
		if (volume_remove(s, name, true, NULL, NULL, &err) < 0)
			log_warn("volumes", "%s", err.msg);
	}
}
