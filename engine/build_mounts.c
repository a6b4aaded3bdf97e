/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUN --mount.  What is bound read-only from the context is bound as it lies there; whatever else a
 * bind mount shows is a copy of its own, so that writes go nowhere and a stage is never changed.
 * Cache mounts are directories of the state, named by the digest of their id.  The targets are made
 * as stubs in a layer below all others, so that nothing of them gets into the new layer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/build_int.h"
#include "engine/trash.h"

#define SECRET_MODE   0400
#define SECRET_TARGET "/run/secrets/"
#define CACHE_MODE    0755

struct cache_use {
	unsigned users;
	bool locked;
};

static struct dockerfile_mount *mount_at(const struct build_stage *s, size_t i)
{
	return &s->action.mounts[i];
}

static const char *source_path(const struct dockerfile_mount *m)
{
	return str_empty(m->source) ? "." : m->source;
}

/* Has it to be copied before it is bound? */
static bool is_copied(const struct dockerfile_mount *m)
{
	return m->type == DOCKERFILE_MOUNT_BIND && (m->from || !m->read_only);
}

/* ---- what they need */

static int check(const struct dockerfile_mount *m, struct error *err)
{
	if (m->type == DOCKERFILE_MOUNT_SSH)
		return error_set(err, EOPNOTSUPP, "--mount=type=ssh is not supported");
	if (m->type == DOCKERFILE_MOUNT_CACHE && (m->from || m->source))
		return error_set(err, EOPNOTSUPP,
				 "--mount=type=cache with from or source is not supported");
	if (m->type == DOCKERFILE_MOUNT_SECRET && m->env)
		return error_set(err, EOPNOTSUPP,
				 "--mount=type=secret with env is not supported: use a target");
	return 0;
}

int build_mounts_ready(struct build_stage *s, struct error *err)
{
	struct build_source ignored;
	int r = 0;

	for (size_t i = 0; i < s->action.mount_count && r == 0; i++) {
		const struct dockerfile_mount *m = mount_at(s, i);

		r = check(m, err);
		if (r == 0 && m->from)
			r = build_source_find(s, m->from, &ignored, err);
	}
	return r;
}

int build_mounts_key(struct build_stage *s, char ***context, struct buf *key, struct error *err)
{
	for (size_t i = 0; i < s->action.mount_count; i++) {
		const struct dockerfile_mount *m = mount_at(s, i);
		struct build_source src;

		if (m->type != DOCKERFILE_MOUNT_BIND)
			continue;
		if (build_source_find(s, m->from, &src, err) < 0)
			return -err->code;
		if (src.context)
			strv_push(context, xstrdup(source_path(m)));
		else
			buf_addf(key, "from %s\n",
				 src.image ? src.image->id
					   : build_stage_chain(&s->build->stages[src.stage]));
	}
	return 0;
}

static char *copy_dir(const struct build_stage *s, size_t i)
{
	return xasprintf("%s/mount-%zu", s->dir, i);
}

static json_t *copy_job(struct build_stage *s, size_t i, struct error *err)
{
	const struct dockerfile_mount *m = mount_at(s, i);
	auto_free char *dir = copy_dir(s, i);
	json_t *job, *action, *target;
	struct build_source src;

	if (build_source_find(s, m->from, &src, err) < 0 || file_mkdir_p(dir, 0755, err) < 0)
		return NULL;
	job = json_object();
	action = json_object();
	target = json_object();
	json_set_strf(job, "place", "%s/place", s->dir);
	json_set_new(job, "source", build_source_tree(s, &src));
	json_set_str(job, "where", build_source_name(&src, m->from));
	json_set_str(target, "path", dir);
	json_set_new(job, "target", target);
	json_set_str(action, "do", "copy");
	json_set_new(action, "sources", json_pack("[s]", source_path(m)));
	/* A directory becomes one of that name, a file a file. */
	json_set_str(action, "dest", "/d");
	json_set_new(job, "actions", json_pack("[o]", action));
	return job;
}

json_t *build_mounts_copy(struct build_stage *s, size_t *at, struct error *err)
{
	while (*at < s->action.mount_count) {
		size_t i = (*at)++;

		if (is_copied(mount_at(s, i)))
			return copy_job(s, i, err);
	}
	return NULL;
}

/* ---- cache mounts */

static void cache_key(const struct dockerfile_mount *m, char ret[DIGEST_HEX_MAX])
{
	const char *id = str_empty(m->id) ? m->target : m->id;

	digest_of(id, strlen(id), ret);
}

static struct cache_use *use_of(struct daemon *d, const char *key)
{
	struct cache_use *u = map_get(d->build_caches, key);

	if (!u) {
		u = xcalloc(1, sizeof(*u));
		map_set(d->build_caches, key, u);
	}
	return u;
}

static bool is_free(struct daemon *d, const struct dockerfile_mount *m, const char *key)
{
	const struct cache_use *u = map_get(d->build_caches, key);

	return !u || !u->users || (m->sharing == DOCKERFILE_SHARED && !u->locked);
}

/* The directory of a cache: for a private one the first that nobody has. */
static void choose_cache(struct daemon *d, const struct dockerfile_mount *m,
			 char ret[DIGEST_HEX_MAX + 16])
{
	char key[DIGEST_HEX_MAX];

	cache_key(m, key);
	str_copy(ret, DIGEST_HEX_MAX + 16, key);
	for (unsigned n = 1; m->sharing == DOCKERFILE_PRIVATE && !is_free(d, m, ret); n++)
		snprintf(ret, DIGEST_HEX_MAX + 16, "%s-%u", key, n);
}

int build_mounts_lock(struct build_stage *s, struct error *err)
{
	struct daemon *d = s->build->daemon;
	char key[DIGEST_HEX_MAX + 16];

	(void)err;
	for (size_t i = 0; i < s->action.mount_count; i++) {
		if (mount_at(s, i)->type != DOCKERFILE_MOUNT_CACHE)
			continue;
		choose_cache(d, mount_at(s, i), key);
		if (!is_free(d, mount_at(s, i), key)) {
			s->lock_wait = true;
			return 1;
		}
	}
	for (size_t i = 0; i < s->action.mount_count; i++) {
		const struct dockerfile_mount *m = mount_at(s, i);
		struct cache_use *u;

		if (m->type != DOCKERFILE_MOUNT_CACHE)
			continue;
		choose_cache(d, m, key);
		u = use_of(d, key);
		u->users++;
		u->locked |= m->sharing != DOCKERFILE_SHARED;
		strv_push(&s->caches, xstrdup(key));
	}
	return 0;
}

static void wake(struct daemon *d)
{
	struct build *b;

	list_for_each (b, &d->builds, link) {
		for (size_t i = 0; b->stages && i < b->file->stage_count; i++) {
			struct build_stage *s = &b->stages[i];
			struct error err = ERROR_INIT;

			if (!s->lock_wait || b->ending)
				continue;
			s->lock_wait = false;
			if (build_run_start(s, &err) < 0)
				build_fail(b, s->in, &err, NULL);
		}
	}
}

void build_mounts_unlock(struct build_stage *s)
{
	struct daemon *d = s->build->daemon;

	if (!s->caches)
		return;
	for (char **key = s->caches; *key; key++) {
		struct cache_use *u = use_of(d, *key);

		if (--u->users)
			continue;
		map_remove(d->build_caches, *key);
		free(u);
	}
	strv_free(steal_ptr(&s->caches));
	wake(d);
}

static int make_cache(const struct build *b, const struct dockerfile_mount *m, const char *key,
		      char **ret, struct error *err)
{
	auto_free char *dir = xasprintf("%s/cache-mounts/%s", b->daemon->state_dir, key);
	char *data = xasprintf("%s/data", dir);

	*ret = data;
	if (file_exists(AT_FDCWD, data))
		return 0;
	if (file_mkdir_p(dir, 0700, err) < 0 || file_mkdir_p(data, 0755, err) < 0)
		return -err->code;
	if (lchown(data, m->uid < 0 ? 0 : (uid_t)m->uid, m->gid < 0 ? 0 : (gid_t)m->gid) < 0 ||
	    chmod(data, m->mode < 0 ? CACHE_MODE : (mode_t)m->mode) < 0)
		return error_sys(err, errno, "make the cache mount %s", m->target);
	return 0;
}

void builds_prune_mounts(struct daemon *d)
{
	auto_free char *dir = xasprintf("%s/cache-mounts", d->state_dir);
	DIR *entries = opendir(dir);
	struct dirent *e;

	while (entries && (e = readdir(entries))) {
		auto_free char *path = xasprintf("%s/%s", dir, e->d_name);

		if (e->d_name[0] != '.' && !map_has(d->build_caches, e->d_name))
			trash_put(d, path);
	}
	if (entries)
		closedir(entries);
}

/* ---- the container's configuration */

static struct config_mount *add(struct container_config *c, const char *type,
				const struct dockerfile_mount *m)
{
	struct config_mount *to;

	c->mounts = xreallocarray(c->mounts, c->mount_count + 1, sizeof(*c->mounts));
	to = &c->mounts[c->mount_count++];
	*to = (struct config_mount){.type = xstrdup(type),
				    .target = xstrdup(m->target),
				    .no_create = true,
				    .read_only = m->read_only};
	return to;
}

/* The target exists below all layers: a directory, or an empty file. */
static int stub(const char *stubs, const char *target, bool is_file, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", stubs, target), *parent = NULL;
	auto_fd int fd = -1;

	if (!is_file)
		return file_mkdir_p(path, 0755, err);
	while (str_ends(path, "/"))
		path[strlen(path) - 1] = '\0';
	parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	if (file_mkdir_p(parent, 0755, err) < 0)
		return -err->code;
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? error_sys(err, errno, "create %s", path) : 0;
}

/* Where a path of the context really is: links in it stay within it. */
static int context_path(const struct build *b, const struct dockerfile_mount *m, char **ret,
			bool *ret_file, struct error *err)
{
	auto_fd int root = open(b->context_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (root < 0)
		return error_sys(err, errno, "open the build context");
	fd = file_inroot_open(root, source_path(m), O_PATH, 0, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_wrap(err, "mount on %s from the build context", m->target);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return error_sys(err, errno, "find %s in the build context", source_path(m));
	path[n] = '\0';
	*ret = xstrdup(path);
	*ret_file = !S_ISDIR(st.st_mode);
	return 0;
}

static int set_bind(struct build_stage *s, size_t i, struct container_config *c, const char *stubs,
		    struct error *err)
{
	const struct dockerfile_mount *m = mount_at(s, i);
	auto_free char *dir = NULL;
	char *path = NULL;
	bool is_file = false;
	struct stat st;

	if (is_copied(m)) {
		dir = copy_dir(s, i);
		path = xasprintf("%s/d", dir);
		is_file = lstat(path, &st) == 0 && !S_ISDIR(st.st_mode);
	} else if (context_path(s->build, m, &path, &is_file, err) < 0) {
		return -err->code;
	}
	add(c, "bind", m)->source = path;
	return stub(stubs, m->target, is_file, err);
}

static int set_cache(struct build_stage *s, size_t i, size_t *cache, struct container_config *c,
		     const char *stubs, struct error *err)
{
	const struct dockerfile_mount *m = mount_at(s, i);

	if (make_cache(s->build, m, s->caches[(*cache)++], &add(c, "bind", m)->source, err) < 0)
		return -err->code;
	return stub(stubs, m->target, false, err);
}

static int set_tmpfs(struct build_stage *s, size_t i, struct container_config *c, const char *stubs,
		     struct error *err)
{
	const struct dockerfile_mount *m = mount_at(s, i);
	struct config_mount *to = add(c, "tmpfs", m);

	if (m->size_bytes)
		to->tmpfs_options = xasprintf("size=%llu", (unsigned long long)m->size_bytes);
	return stub(stubs, m->target, false, err);
}

static struct config_file *add_file(struct container_config *c)
{
	c->files = xreallocarray(c->files, c->file_count + 1, sizeof(*c->files));
	c->files[c->file_count] = (struct config_file){.mode = -1};
	return &c->files[c->file_count++];
}

static const char *secret_id(const struct dockerfile_mount *m)
{
	const char *slash = str_empty(m->target) ? NULL : strrchr(m->target, '/');

	return m->id ?: slash ? slash + 1 : "";
}

/* The value lies in the run directory, which is in memory, and never in a record. */
static int write_secret(const struct build *b, const struct dockerfile_mount *m, const char *value,
			const char *path, struct error *err)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	(void)b;
	if (fd < 0 || file_write_all(fd, value, strlen(value), err) < 0)
		return fd < 0 ? error_sys(err, errno, "write a secret") : -err->code;
	if (fchown(fd, m->uid < 0 ? 0 : (uid_t)m->uid, m->gid < 0 ? 0 : (gid_t)m->gid) < 0 ||
	    fchmod(fd, m->mode < 0 ? SECRET_MODE : (mode_t)m->mode) < 0)
		return error_sys(err, errno, "write a secret");
	return 0;
}

static int set_secret(struct build_stage *s, size_t i, struct container_config *c,
		      const char *stubs, struct error *err)
{
	const struct dockerfile_mount *m = mount_at(s, i);
	const char *id = secret_id(m),
		   *value = json_get_str(json_get_obj(s->build->options, "secrets"), id);
	auto_free char *target =
		str_empty(m->target) ? xasprintf(SECRET_TARGET "%s", id) : xstrdup(m->target);
	struct config_file *file;

	if (!value && !m->required)
		return 0;
	if (!value)
		return error_set(err, ENOENT, "the secret %s is required and was not given", id);
	if (stub(stubs, target, true, err) < 0)
		return -err->code;
	file = add_file(c);
	file->source = xasprintf("%s/%zu-%u-%zu", s->build->run_dir, s->index, s->number, i);
	file->target = steal_ptr(&target);
	return write_secret(s->build, m, value, file->source, err);
}

static int set_one(struct build_stage *s, size_t i, size_t *cache, struct container_config *c,
		   const char *stubs, struct error *err)
{
	switch (mount_at(s, i)->type) {
	case DOCKERFILE_MOUNT_BIND:
		return set_bind(s, i, c, stubs, err);
	case DOCKERFILE_MOUNT_CACHE:
		return set_cache(s, i, cache, c, stubs, err);
	case DOCKERFILE_MOUNT_TMPFS:
		return set_tmpfs(s, i, c, stubs, err);
	case DOCKERFILE_MOUNT_SECRET:
		return set_secret(s, i, c, stubs, err);
	default:
		return check(mount_at(s, i), err);
	}
}

int build_mounts_set(struct build_stage *s, struct container_config *config, const char *stubs,
		     struct error *err)
{
	struct config_file *script;
	size_t cache = 0;

	for (size_t i = 0; i < s->action.mount_count; i++)
		if (set_one(s, i, &cache, config, stubs, err) < 0)
			return -err->code;
	if (!s->action.script.name)
		return 0;
	script = add_file(config);
	script->content = xstrdup(s->action.script.data);
	script->target = xstrdup(s->action.script.name);
	script->mode = 0755;
	return 0;
}
