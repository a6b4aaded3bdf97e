/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container sees of other trees: volumes (anonymous ones are made with the container),
 * binds, tmpfs, what volumes_from shares, and the files that we write for it: those that it may
 * write to as well in STATE/containers/ID, where its other bytes are, the others in
 * RUN/containers/ID.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/events.h"
#include "engine/launch.h"
#include "engine/launch_int.h"
#include "engine/network.h"

#define HOST_FILE_MAX ((size_t)1 << 20)

/* ---- volumes, at creation */

static bool has_mount(const struct container_config *o, const char *target)
{
	size_t i;

	for (i = 0; i < o->mount_count; i++)
		if (str_eq(o->mounts[i].target, target))
			return true;
	return false;
}

/* VOLUME of the image: an anonymous volume wherever nothing else is mounted. */
static void add_image_volumes(struct container *c)
{
	struct container_config *o = &c->config;
	const char *target;
	json_t *value;

	json_object_foreach (json_get_obj(c->image->config, "Volumes"), target, value) {
		struct config_mount *m;

		if (has_mount(o, target))
			continue;
		o->mounts = xreallocarray(o->mounts, o->mount_count + 1, sizeof(*o->mounts));
		m = &o->mounts[o->mount_count++];
		*m = (struct config_mount){
			.type = xstrdup("volume"),
			.target = xstrdup(target),
			.from_image = true,
		};
	}
}

static int make_volume(struct container *c, struct config_mount *m, struct error *err)
{
	const struct volume_args args = {
		.name = str_empty(m->source) ? NULL : m->source,
		.labels = m->volume_labels,
		.anonymous = str_empty(m->source),
	};
	struct volume *v;
	bool created;
	int r;

	if (!args.anonymous && volume_get(c->daemon->volumes, m->source))
		return 0;
	r = volume_create(c->daemon->volumes, &args, &v, &created, err);
	if (r < 0)
		return r;
	if (created)
		events_emit(c->daemon->events, "volume", "create", v->name, NULL);
	free(m->source);
	m->source = xstrdup(v->name);
	return 0;
}

int container_prepare_volumes(struct container *c, struct error *err)
{
	size_t i;
	int r = 0;

	add_image_volumes(c);
	for (i = 0; i < c->config.mount_count && r == 0; i++)
		if (str_eq(c->config.mounts[i].type, "volume"))
			r = make_volume(c, &c->config.mounts[i], err);
	return r;
}

/* ---- mounts of the specification */

static struct runtime_mount *add_mount(struct draft *f)
{
	f->mounts = xreallocarray(f->mounts, f->mount_count + 1, sizeof(*f->mounts));
	f->mounts[f->mount_count] = (struct runtime_mount){0};
	return &f->mounts[f->mount_count++];
}

static const char *keep(struct draft *f, char *owned)
{
	strv_push(&f->strings, owned);
	return owned;
}

static int bind_mount(struct draft *f, const struct config_mount *m, struct error *err)
{
	auto_fd int fd = volume_bind_prepare(m->source, !m->no_create, err);
	struct runtime_mount *mount;

	if (fd < 0)
		return fd;
	mount = add_mount(f);
	mount->kind = RT_MOUNT_BIND;
	mount->source = m->source;
	mount->propagation = m->propagation;
	mount->target = m->target;
	mount->attr = m->read_only ? MOUNT_ATTR_RDONLY : 0;
	return 0;
}

static int volume_mounted(struct draft *f, const struct config_mount *m, struct error *err)
{
	struct volume_store *store = f->container->daemon->volumes;
	struct volume *v = volume_get(store, m->source);
	struct runtime_mount *mount;
	char *path;
	int r;

	if (!v)
		return error_set(err, ENOENT, "volume %s is not there any more", m->source);
	r = volume_mount(store, v, &path, err);
	if (r < 0)
		return r;
	mount = add_mount(f);
	mount->kind = RT_MOUNT_VOLUME;
	mount->source = keep(f, path);
	mount->subpath = m->subpath;
	mount->target = m->target;
	mount->attr = m->read_only ? MOUNT_ATTR_RDONLY : 0;
	mount->populate = !m->no_copy && str_empty(m->subpath) && volume_needs_populate(v);
	return 0;
}

static int tmpfs_mount(struct draft *f, const struct config_mount *m, struct error *err)
{
	auto_free char *text = str_empty(m->tmpfs_options)
				       ? xstrdup(m->target)
				       : xasprintf("%s:%s", m->target, m->tmpfs_options);
	struct volume_tmpfs t;
	struct runtime_mount *mount;
	int r = volume_tmpfs_parse(text, &t, err);

	if (r < 0)
		return r;
	mount = add_mount(f);
	mount->kind = RT_MOUNT_TMPFS;
	mount->target = m->target;
	mount->data = keep(f, volume_tmpfs_data(&t));
	mount->attr = t.attr | (m->read_only ? MOUNT_ATTR_RDONLY : 0);
	volume_tmpfs_release(&t);
	return 0;
}

static const struct {
	const char *type;
	int (*add)(struct draft *f, const struct config_mount *m, struct error *err);
} kinds[] = {{"bind", bind_mount}, {"volume", volume_mounted}, {"tmpfs", tmpfs_mount}};

static int one_mount(struct draft *f, const struct config_mount *m, struct error *err)
{
	size_t i;
	int r;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq(m->type, kinds[i].type))
			continue;
		r = kinds[i].add(f, m, err);
		return r < 0 ? error_wrap(err, "mount on %s", m->target) : 0;
	}
	return error_set(err, EOPNOTSUPP, "mount on %s: type \"%s\" is not supported", m->target,
			 m->type);
}

/* "ID" or "ID:ro": the mounts of another container, unless something is mounted there already. */
static int mounts_from(struct draft *f, const char *entry, struct error *err)
{
	size_t len = strcspn(entry, ":"), i;
	auto_free char *ref = xstrndup(entry, len);
	struct container *other;
	int r = container_find(f->container->daemon, ref, &other, err);

	if (r < 0)
		return error_wrap(err, "volumes_from");
	for (i = 0; i < other->config.mount_count && r == 0; i++) {
		struct config_mount m = other->config.mounts[i];

		if (has_mount(&f->container->config, m.target))
			continue;
		m.read_only |= !strcmp(entry + len, ":ro");
		r = one_mount(f, &m, err);
	}
	return r;
}

/* ---- files of ours */

static char *file_path(const struct container *c, const char *name)
{
	return xasprintf("%s/containers/%s/%s", c->daemon->run_dir, c->id, name);
}

char *launch_etc_path(const struct container *c, const char *name)
{
	char *path = xasprintf("%s/%s", c->dir, name);

	if (!c->pid || access(path, F_OK) == 0)
		return path;
	/* it was started when they were in the other place */
	free(path);
	return file_path(c, name);
}

static void add_file(struct draft *f, const char *source, const char *target, bool readonly)
{
	f->files = xreallocarray(f->files, f->file_count + 1, sizeof(*f->files));
	f->files[f->file_count++] = (struct runtime_file){source, target, readonly};
}

/* Does the container have a network of its own, or somebody else's. */
static bool shares_network(const struct container *c, const char **ret_other)
{
	const char *mode = c->config.network_mode;

	*ret_other = mode ? str_skip(mode, "container:") : NULL;
	return *ret_other || str_eq(mode, "host");
}

static int etc_files(struct draft *f, struct error *err)
{
	static const char *const names[] = {"hosts", "hostname", "resolv.conf"};
	struct container *c = f->container, *owner = c;
	const char *other;
	size_t i;
	int r;

	if (shares_network(c, &other) && other) {
		r = container_find(c->daemon, other, &owner, err);
		if (r < 0)
			return r;
	}
	for (i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *target = xasprintf("/etc/%s", names[i]);

		if (!has_mount(&c->config, target))
			add_file(f, keep(f, launch_etc_path(owner, names[i])),
				 keep(f, xstrdup(target)), false);
	}
	return 0;
}

static void user_files(struct draft *f)
{
	const struct container_config *o = &f->container->config;
	size_t i;

	for (i = 0; i < o->file_count; i++) {
		const struct config_file *file = &o->files[i];
		auto_free char *name = xasprintf("file-%zu", i);

		if (file->source)
			add_file(f, file->source, file->target, true);
		else
			add_file(f, keep(f, file_path(f->container, name)), file->target, true);
	}
}

int launch_mounts(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	const struct container_config *o = &f->container->config;
	char *const *entry;
	size_t i;
	int r = etc_files(f, err);

	user_files(f);
	for (i = 0; i < o->mount_count && r == 0; i++)
		r = one_mount(f, &o->mounts[i], err);
	for (entry = o->volumes_from; entry && *entry && r == 0; entry++)
		r = mounts_from(f, *entry, err);
	spec->mounts = f->mounts;
	spec->mount_count = f->mount_count;
	spec->files = f->files;
	spec->file_count = f->file_count;
	return r;
}

void container_set_populated(struct container *c)
{
	struct volume_store *store = c->daemon->volumes;
	struct error ignored = ERROR_INIT;
	size_t i;

	for (i = 0; i < c->config.mount_count; i++) {
		const struct config_mount *m = &c->config.mounts[i];
		struct volume *v = str_eq(m->type, "volume") && !m->no_copy
					   ? volume_get(store, m->source)
					   : NULL;

		if (v && volume_needs_populate(v) && volume_set_populated(store, v, &ignored) < 0)
			ignored = ERROR_INIT; /* copied once more, into a volume that is not empty:
						 no harm */
	}
}

/* ---- writing them */

static int write_file(const char *path, const void *data, size_t len, mode_t mode,
		      struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return error_sys(err, errno, "write %s", path);
	r = file_write_all(fd, data, len, err);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = error_sys(err, errno, "write %s", path);
	close(fd);
	return r;
}

static void add_host_file(const char *path, struct buf *text)
{
	struct error ignored = ERROR_INIT;

	if (file_read(AT_FDCWD, path, HOST_FILE_MAX, text, &ignored) < 0)
		buf_reset(text);
}

static int write_etc_file(const struct container *c, const char *name, const struct buf *text,
			  struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", c->dir, name);

	return write_file(path, text->data ? text->data : "", text->len, 0644, err);
}

static int write_etc(struct container *c, struct error *err)
{
	auto_buf struct buf hosts = BUF_INIT, resolv = BUF_INIT, line = BUF_INIT;
	auto_free char *hostname = launch_hostname(c);
	const char *other;
	bool shared = shares_network(c, &other);
	int r;

	if (other)
		return 0; /* that container's files are shown */
	if (shared)
		add_host_file("/etc/hosts", &hosts);
	else
		endpoints_hosts(c, &hosts);
	if (shared || !c->endpoint_count)
		add_host_file("/etc/resolv.conf", &resolv);
	else
		endpoints_resolv(c, &resolv);
	buf_addf(&line, "%s\n", hostname);
	r = write_etc_file(c, "hosts", &hosts, err);
	if (r == 0)
		r = write_etc_file(c, "resolv.conf", &resolv, err);
	if (r == 0)
		r = write_etc_file(c, "hostname", &line, err);
	return r;
}

static int write_content(struct container *c, size_t index, struct error *err)
{
	const struct config_file *file = &c->config.files[index];
	auto_free char *name = xasprintf("file-%zu", index), *path = file_path(c, name);
	uint32_t uid = 0, gid = 0;
	int r;

	if ((file->uid && parse_u32(file->uid, &uid) < 0) ||
	    (file->gid && parse_u32(file->gid, &gid) < 0))
		return error_set(err, EINVAL, "%s: uid and gid must be numbers", file->target);
	r = write_file(path, file->content ? file->content : "",
		       file->content ? strlen(file->content) : 0,
		       file->mode < 0 ? 0444 : (mode_t)(file->mode & 0777), err);
	if (r == 0 && (uid || gid) && lchown(path, uid, gid) < 0)
		r = error_sys(err, errno, "give %s to %u:%u", path, uid, gid);
	return r;
}

int launch_files(struct container *c, struct error *err)
{
	auto_free char *dir = xasprintf("%s/containers/%s", c->daemon->run_dir, c->id);
	size_t i;
	int r = file_mkdir_p(dir, 0700, err);

	if (r == 0)
		r = write_etc(c, err);
	for (i = 0; i < c->config.file_count && r == 0; i++)
		if (!c->config.files[i].source)
			r = write_content(c, i, err);
	return r;
}
