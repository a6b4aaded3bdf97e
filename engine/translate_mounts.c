/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service sees of other trees: volumes, tmpfs, volumes_from, secrets, configs, devices.
 * Sources of volumes are keys of the model's top level; their real names are looked up here.
 */
#include <errno.h>

#include "engine/translate_int.h"

struct mount_type {
	const char *name;
	int (*add)(struct translate *t, const json_t *entry, struct config_mount *m);
};

static int add_bind(struct translate *t, const json_t *entry, struct config_mount *m)
{
	const json_t *bind = json_get_obj(entry, "bind");

	if (str_empty(m->source))
		return error_set(t->err, EINVAL, "a bind mount needs a source");
	m->no_create = bind && !json_get_bool(bind, "create_host_path");
	m->propagation = xstrdup(json_get_str(bind, "propagation"));
	return 0;
}

static int add_volume(struct translate *t, const json_t *entry, struct config_mount *m)
{
	const json_t *volume = json_get_obj(entry, "volume"), *top;

	m->no_copy = json_get_bool(volume, "nocopy");
	m->subpath = xstrdup(json_get_str(volume, "subpath"));
	m->volume_labels = json_incref(json_get_obj(volume, "labels"));
	if (str_empty(m->source)) {
		free(m->source);
		m->source = xstrdup("");
		return 0;
	}
	top = json_get_obj(json_get_obj(t->args->model, "volumes"), m->source);
	if (json_get_str(top, "name")) {
		free(m->source);
		m->source = xstrdup(json_get_str(top, "name"));
	}
	return 0;
}

static int add_tmpfs(struct translate *t, const json_t *entry, struct config_mount *m)
{
	const json_t *tmpfs = json_get_obj(entry, "tmpfs");
	const json_t *size = json_object_get(tmpfs, "size");
	int64_t mode = json_get_int(tmpfs, "mode", -1), bytes = 0;
	struct buf b = BUF_INIT;

	if (size && set_bytes(t, size, &bytes) < 0)
		return error_wrap(t->err, "tmpfs.size");
	if (bytes > 0)
		buf_addf(&b, "size=%lld", (long long)bytes);
	if (mode >= 0)
		buf_addf(&b, "%smode=%llo", b.len ? "," : "", (unsigned long long)mode);
	if (b.len)
		m->tmpfs_options = buf_steal(&b);
	buf_release(&b);
	return 0;
}

static const struct mount_type mount_types[] = {
	{"bind", add_bind},
	{"volume", add_volume},
	{"tmpfs", add_tmpfs},
};

static int add_mount(struct translate *t, const json_t *entry)
{
	struct config_mount *m = ARRAY_GROW(t->c->mounts, &t->c->mount_count);
	const char *type = json_get_str(entry, "type"), *target = json_get_str(entry, "target");
	size_t i;

	if (str_empty(target))
		return error_set(t->err, EINVAL, "no target");
	m->type = xstrdup(type);
	m->target = xstrdup(target);
	m->source = xstrdup(json_get_str(entry, "source"));
	m->read_only = json_get_bool(entry, "read_only");
	for (i = 0; i < ARRAY_LEN(mount_types); i++)
		if (str_eq(type, mount_types[i].name))
			return mount_types[i].add(t, entry, m);
	return error_set(t->err, EINVAL, "mounts of type \"%s\" are not supported",
			 type ? type : "");
}

/* Calls `add` for every element of a list. */
static int each(struct translate *t, const json_t *list,
		int (*add)(struct translate *t, const json_t *entry))
{
	json_t *entry;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > TRANSLATE_ENTRIES_MAX)
		return error_set(t->err, EINVAL, "must be a list");
	json_array_foreach ((json_t *)(uintptr_t)list, i, entry)
		if (add(t, entry) < 0)
			return error_wrap(t->err, "[%zu]", i);
	return 0;
}

static int set_volumes(struct translate *t, const json_t *value, void *field UNUSED)
{
	return each(t, value, add_mount);
}

/* "/run:size=64m": the target, and options that volume_tmpfs_parse knows. */
static int set_tmpfs(struct translate *t, const json_t *value, void *field UNUSED)
{
	AUTO(strv_free) char **list = NULL;
	size_t i;

	if (set_strv(t, value, &list) < 0)
		return -t->err->code;
	for (i = 0; i < strv_len(list); i++) {
		struct config_mount *m = ARRAY_GROW(t->c->mounts, &t->c->mount_count);
		size_t len = strcspn(list[i], ":");

		m->type = xstrdup("tmpfs");
		m->target = xstrndup(list[i], len);
		if (list[i][len])
			m->tmpfs_options = xstrdup(list[i] + len + 1);
	}
	return 0;
}

/* "web:ro" and "container:name:ro" become "<id>:ro". */
static int set_volumes_from(struct translate *t, const json_t *value, void *field)
{
	AUTO(strv_free) char **list = NULL;
	size_t i;

	if (set_strv(t, value, &list) < 0)
		return -t->err->code;
	for (i = 0; i < strv_len(list); i++) {
		const char *container = str_skip(list[i], "container:");
		auto_free char *mode = NULL, *resolved = NULL;
		const char *options;

		if (container) {
			strv_push(field, xstrdup(container));
			continue;
		}
		options = strchr(list[i], ':');
		mode = xasprintf("service:%.*s", (int)strcspn(list[i], ":"), list[i]);
		if (resolve_service_mode(t, mode, &resolved) < 0)
			return -t->err->code;
		strv_pushf(field, "%s%s", str_skip(resolved, "container:"), options ? options : "");
	}
	return 0;
}

/* ---- secrets and configs */

struct file_kind {
	const char *key, *word, *folder;
};
static const struct file_kind secret_kind = {"secrets", "secret", "/run/secrets/"};
static const struct file_kind config_kind = {"configs", "config", "/"};

/* Where the bytes come from: a file of the host, the model, or what the client sent along. */
static int file_source(struct translate *t, const struct file_kind *kind, const char *name,
		       struct config_file *f)
{
	const json_t *top = json_get_obj(json_get_obj(t->args->model, kind->key), name);
	const char *variable = json_get_str(top, "environment");

	if (!top)
		return error_set(t->err, EINVAL, "undefined %s %s", kind->word, name);
	if (json_get_bool(top, "external"))
		return error_set(t->err, EINVAL, "unsupported external %s %s", kind->word, name);
	f->source = xstrdup(json_get_str(top, "file"));
	f->content = xstrdup(json_get_str(top, "content"));
	if (variable)
		f->content = xstrdup(json_get_str(t->args->secrets, name));
	if (variable && !f->content)
		return error_set(t->err, EINVAL,
				 "environment variable \"%s\" required by %s \"%s\" is not set",
				 variable, kind->word, name);
	if (!f->source && !f->content)
		return error_set(t->err, EINVAL, "%s %s has neither file nor content", kind->word,
				 name);
	return 0;
}

static int file_mode(struct translate *t, const json_t *mode, int64_t *ret)
{
	uint32_t octal;

	*ret = -1;
	if (!mode)
		return 0;
	if (json_is_integer(mode)) {
		*ret = (int64_t)json_integer_value(mode);
		return 0;
	}
	if (parse_octal(json_string_value(mode), &octal) < 0)
		return error_set(t->err, EINVAL, "mode: must be octal, like \"0440\"");
	*ret = octal;
	return 0;
}

static int add_file(struct translate *t, const struct file_kind *kind, const json_t *entry)
{
	struct config_file *f = ARRAY_GROW(t->c->files, &t->c->file_count);
	const char *name =
		json_is_string(entry) ? json_string_value(entry) : json_get_str(entry, "source");
	const char *target = json_get_str(entry, "target");

	if (!name)
		return error_set(t->err, EINVAL, "no source");
	if (!target)
		target = name;
	f->target = target[0] == '/' ? xstrdup(target) : xasprintf("%s%s", kind->folder, target);
	f->uid = scalar_text(json_object_get(entry, "uid"));
	f->gid = scalar_text(json_object_get(entry, "gid"));
	if (file_mode(t, json_object_get(entry, "mode"), &f->mode) < 0)
		return -t->err->code;
	return file_source(t, kind, name, f);
}

static int add_secret(struct translate *t, const json_t *entry)
{
	return add_file(t, &secret_kind, entry);
}

static int add_config(struct translate *t, const json_t *entry)
{
	return add_file(t, &config_kind, entry);
}

static int set_secrets(struct translate *t, const json_t *value, void *field UNUSED)
{
	return each(t, value, add_secret);
}

static int set_configs(struct translate *t, const json_t *value, void *field UNUSED)
{
	return each(t, value, add_config);
}

static int add_device(struct translate *t, const json_t *entry)
{
	struct config_device *d = ARRAY_GROW(t->c->devices, &t->c->device_count);
	const char *source = json_get_str(entry, "source"), *target = json_get_str(entry, "target");
	const char *permissions = json_get_str(entry, "permissions");

	if (!source)
		return error_set(t->err, EINVAL, "no source");
	d->source = xstrdup(source);
	d->target = xstrdup(target ? target : source);
	d->permissions = xstrdup(permissions ? permissions : "rwm");
	return 0;
}

static int set_devices(struct translate *t, const json_t *value, void *field UNUSED)
{
	return each(t, value, add_device);
}

const struct translate_row translate_mount_rows[] = {
	TRANSLATE_ROW("volumes", set_volumes, mounts),
	TRANSLATE_ROW("tmpfs", set_tmpfs, mounts),
	TRANSLATE_ROW("volumes_from", set_volumes_from, volumes_from),
	TRANSLATE_ROW("secrets", set_secrets, files),
	TRANSLATE_ROW("configs", set_configs, files),
	TRANSLATE_ROW("devices", set_devices, devices),
	{0},
};
