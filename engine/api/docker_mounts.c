/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binds, Mounts, Tmpfs and Volumes, which are one list of mounts to the engine. */
#include <errno.h>

#include "engine/api/docker.h"
#include "engine/translate_int.h"

/* ---- reading */

static struct config_mount *new_mount(struct docker_input *in, const char *type, const char *target)
{
	struct config_mount *m = ARRAY_GROW(in->config->mounts, &in->config->mount_count);

	m->type = xstrdup(type);
	m->target = xstrdup(target);
	return m;
}

static bool is_mounted(const struct docker_input *in, const char *target)
{
	const struct container_config *o = in->config;
	size_t i;

	for (i = 0; i < o->mount_count; i++)
		if (str_eq(o->mounts[i].target, target))
			return true;
	return false;
}

static int check_target(struct docker_input *in, const char *target)
{
	if (str_empty(target) || target[0] != '/')
		return error_set(in->err, EINVAL,
				 "invalid mount path: '%s' mount path must be absolute",
				 target ? target : "");
	if (strspn(target, "/") == strlen(target))
		return error_set(in->err, EINVAL,
				 "invalid specification: destination can't be '/'");
	if (is_mounted(in, target))
		return error_set(in->err, EINVAL, "Duplicate mount point: %s", target);
	return 0;
}

static int bind_option(struct docker_input *in, struct config_mount *m, const char *word)
{
	static const char *const propagations[] = {"private", "rprivate", "shared",
						   "rshared", "slave",	  "rslave"};
	static const char *const ignored[] = {"z", "Z", "rw", "consistent", "cached", "delegated"};
	size_t i;

	if (!strcmp(word, "ro"))
		m->read_only = true;
	else if (!strcmp(word, "nocopy"))
		m->no_copy = true;
	else {
		for (i = 0; i < ARRAY_LEN(ignored); i++)
			if (!strcmp(word, ignored[i]))
				return 0;
		for (i = 0; i < ARRAY_LEN(propagations); i++)
			if (!strcmp(word, propagations[i])) {
				free(m->propagation);
				m->propagation = xstrdup(word);
				return 0;
			}
		return error_set(in->err, EINVAL, "invalid mode: %s", word);
	}
	return 0;
}

static int fill_bind(struct docker_input *in, char *const *parts, size_t count)
{
	const char *target = count > 1 ? parts[1] : parts[0], *source = count > 1 ? parts[0] : "";
	AUTO(strv_free) char **options = strv_split(count > 2 ? parts[2] : "", ",");
	struct config_mount *m;
	size_t i;

	if (check_target(in, target) < 0)
		return source[0] == '/'
			       ? -in->err->code
			       : error_wrap(in->err, "invalid mount config for type \"volume\"");
	if (source[0] != '/' && *source && !str_valid_name(source))
		return error_set(
			in->err, EINVAL,
			"\"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass "
			"a host directory, use absolute path",
			source);
	m = new_mount(in, source[0] == '/' ? "bind" : "volume", target);
	m->source = xstrdup(source);
	for (i = 0; i < strv_len(options); i++)
		if (bind_option(in, m, options[i]) < 0)
			return -in->err->code;
	return 0;
}

/* "SOURCE:TARGET[:OPTIONS]"; the status of what is wrong in it is 500, as Docker has it. */
static int add_bind(struct docker_input *in, const char *text)
{
	AUTO(strv_free) char **parts = strv_split(text, ":");
	size_t count = strv_len(parts);

	if (!count || count > 3)
		return error_set(in->err, EIO, "invalid volume specification: '%s'", text);
	if (fill_bind(in, parts, count) < 0) {
		in->err->code = EIO;
		return error_wrap(in->err, "invalid volume specification: '%s'", text);
	}
	return 0;
}

int docker_set_binds(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return docker_wrong(in, "a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		if (!json_is_string(item))
			return docker_wrong(in, "a list of strings");
		if (add_bind(in, json_string_value(item)) < 0)
			return -in->err->code;
	}
	return 0;
}

/* An anonymous volume wherever nothing else is mounted. */
int docker_set_volumes(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const char *target;
	json_t *ignored;

	if (!json_is_object(value) || json_object_size(value) > DOCKER_ENTRIES_MAX)
		return docker_wrong(in, "an object of no more than 4096 entries");
	json_object_foreach ((json_t *)(uintptr_t)value, target, ignored) {
		if (is_mounted(in, target))
			continue;
		if (check_target(in, target) < 0)
			return -in->err->code;
		new_mount(in, "volume", target)->source = xstrdup("");
	}
	return 0;
}

static int check_tmpfs(struct docker_input *in, const struct config_mount *m)
{
	auto_free char *text =
		xasprintf("%s%s%s", m->target, str_empty(m->tmpfs_options) ? "" : ":",
			  m->tmpfs_options ? m->tmpfs_options : "");
	struct volume_tmpfs t;
	int r = volume_tmpfs_parse(text, &t, in->err);

	if (r == 0)
		volume_tmpfs_release(&t);
	return r;
}

int docker_set_tmpfs(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const char *target;
	json_t *options;

	if (!json_is_object(value))
		return docker_wrong(in, "an object of strings");
	json_object_foreach ((json_t *)(uintptr_t)value, target, options) {
		struct config_mount *m;

		if (!json_is_string(options))
			return docker_wrong(in, "an object of strings");
		if (check_target(in, target) < 0)
			return -in->err->code;
		m = new_mount(in, "tmpfs", target);
		if (json_string_length(options))
			m->tmpfs_options = xstrdup(json_string_value(options));
		if (check_tmpfs(in, m) < 0)
			return -in->err->code;
	}
	return 0;
}

/* ---- reading Mounts */

static int mount_bind(struct docker_input *in, const json_t *entry, struct config_mount *m)
{
	const json_t *options = json_get_obj(entry, "BindOptions");

	if (str_empty(m->source) || m->source[0] != '/')
		return error_set(in->err, EINVAL,
				 "invalid mount path: '%s' mount path must be absolute",
				 m->source ? m->source : "");
	m->propagation = xstrdup(json_get_str(options, "Propagation"));
	if (str_empty(m->propagation)) {
		free(m->propagation);
		m->propagation = NULL;
	}
	m->no_create = !json_get_bool(options, "CreateMountpoint");
	if (json_get_bool(options, "NonRecursive"))
		strv_pushf(&in->warnings,
			   "BindOptions.NonRecursive is not supported, the bind of "
			   "%s is recursive",
			   m->source);
	if (m->no_create && access(m->source, F_OK) < 0)
		return error_set(in->err, EINVAL, "bind source path does not exist: %s", m->source);
	return 0;
}

/* A volume with options of its own has to be there before the container. */
static int make_volume(struct docker_input *in, const json_t *options, const struct config_mount *m)
{
	const json_t *driver = json_get_obj(options, "DriverConfig");
	const char *name = json_get_str(driver, "Name");
	struct volume_args args = {
		.name = m->source,
		.driver = str_empty(name) ? NULL : name,
		.driver_opts = json_get_obj(driver, "Options"),
		.labels = json_get_obj(options, "Labels"),
	};
	struct volume *v;
	bool created;

	if (str_empty(m->source) || volume_get(in->daemon->volumes, m->source) ||
	    (!json_object_size(args.driver_opts) && !json_object_size(args.labels) && !args.driver))
		return 0;
	return volume_create(in->daemon->volumes, &args, &v, &created, in->err);
}

static int mount_volume(struct docker_input *in, const json_t *entry, struct config_mount *m)
{
	const json_t *options = json_get_obj(entry, "VolumeOptions");

	if (!m->source)
		m->source = xstrdup("");
	if (*m->source && !str_valid_name(m->source))
		return error_set(in->err, EINVAL,
				 "\"%s\" includes invalid characters for a local "
				 "volume name",
				 m->source);
	m->no_copy = json_get_bool(options, "NoCopy");
	m->subpath = xstrdup(json_get_str(options, "Subpath"));
	if (!*m->source)
		m->volume_labels = json_incref(json_get_obj(options, "Labels"));
	return make_volume(in, options, m);
}

static int mount_tmpfs(struct docker_input *in, const json_t *entry, struct config_mount *m)
{
	const json_t *options = json_get_obj(entry, "TmpfsOptions");
	int64_t bytes = json_get_int(options, "SizeBytes", 0),
		mode = json_get_int(options, "Mode", 0);
	auto_buf struct buf b = BUF_INIT;

	if (!str_empty(m->source))
		return error_set(in->err, EINVAL, "source must be empty");
	if (bytes > 0)
		buf_addf(&b, "size=%lld", (long long)bytes);
	if (mode > 0)
		buf_addf(&b, "%smode=%llo", b.len ? "," : "", (unsigned long long)mode);
	if (b.len)
		m->tmpfs_options = buf_steal(&b);
	return check_tmpfs(in, m);
}

static const struct {
	const char *type;
	int (*read)(struct docker_input *in, const json_t *entry, struct config_mount *m);
} mount_types[] = {{"bind", mount_bind}, {"volume", mount_volume}, {"tmpfs", mount_tmpfs}};

static int add_mount(struct docker_input *in, const json_t *entry)
{
	const char *type = json_get_str(entry, "Type"), *target = json_get_str(entry, "Target");
	const char *source = json_get_str(entry, "Source");
	struct config_mount *m;
	size_t i;
	int r;

	for (i = 0; i < ARRAY_LEN(mount_types); i++)
		if (str_eq(type, mount_types[i].type))
			break;
	if (i == ARRAY_LEN(mount_types))
		return error_set(in->err, EINVAL, "mount type \"%s\" is not supported",
				 type ? type : "");
	r = check_target(in, target);
	if (r == 0) {
		m = new_mount(in, type, target);
		m->source = xstrdup(source);
		m->read_only = json_get_bool(entry, "ReadOnly");
		r = mount_types[i].read(in, entry, m);
	}
	return r < 0 ? error_wrap(in->err, "invalid mount config for type \"%s\"", type) : 0;
}

int docker_set_mounts(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return docker_wrong(in, "a list");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item)
		if (add_mount(in, item) < 0)
			return -in->err->code;
	return 0;
}

/* ---- writing */

/* The object of the rows is the config in a container. */
static const struct container *owner(const void *config)
{
	return (const void *)((const char *)config - offsetof(struct container, config));
}

static const struct volume *volume_of(const struct container *c, const struct config_mount *m)
{
	return str_eq(m->type, "volume") && m->source ? volume_get(c->daemon->volumes, m->source)
						      : NULL;
}

/* What only the long form can say. */
static bool needs_long_form(const struct config_mount *m)
{
	return m->no_create || !str_empty(m->subpath);
}

static bool in_binds(const struct container *c, const struct config_mount *m)
{
	const struct volume *v = volume_of(c, m);

	return !needs_long_form(m) && (str_eq(m->type, "bind") || (v && !v->anonymous));
}

void docker_put_binds(struct buf *b, const void *config)
{
	const struct container *c = owner(config);
	size_t start = b->len, i;

	for (i = 0; i < c->config.mount_count; i++) {
		const struct config_mount *m = &c->config.mounts[i];
		auto_free char *text = NULL;

		if (!in_binds(c, m))
			continue;
		text = xasprintf("%s:%s:%s%s%s%s", m->source, m->target, m->read_only ? "ro" : "rw",
				 m->no_copy ? ",nocopy" : "", m->propagation ? "," : "",
				 m->propagation ? m->propagation : "");
		if (b->len == start)
			buf_addc(b, '[');
		docker_put_comma(b);
		docker_put_str(b, text);
	}
	if (b->len > start)
		buf_addc(b, ']');
}

static void put_long_form(struct buf *b, const struct config_mount *m)
{
	buf_adds(b, "{\"Type\":");
	docker_put_str(b, m->type);
	buf_adds(b, ",\"Source\":");
	docker_put_str(b, m->source);
	buf_adds(b, ",\"Target\":");
	docker_put_str(b, m->target);
	if (m->read_only)
		buf_adds(b, ",\"ReadOnly\":true");
	if (m->propagation) {
		buf_adds(b, ",\"BindOptions\":{\"Propagation\":");
		docker_put_str(b, m->propagation);
		buf_addc(b, '}');
	}
	if (!str_empty(m->subpath)) {
		buf_adds(b, ",\"VolumeOptions\":{\"Subpath\":");
		docker_put_str(b, m->subpath);
		buf_addc(b, '}');
	}
	buf_addc(b, '}');
}

void docker_put_mounts(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	size_t start = b->len, i;

	for (i = 0; i < o->mount_count; i++) {
		if (!needs_long_form(&o->mounts[i]))
			continue;
		if (b->len == start)
			buf_addc(b, '[');
		docker_put_comma(b);
		put_long_form(b, &o->mounts[i]);
	}
	if (b->len > start)
		buf_addc(b, ']');
}

void docker_put_tmpfs(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	size_t start = b->len, i;

	for (i = 0; i < o->mount_count; i++) {
		if (!str_eq(o->mounts[i].type, "tmpfs"))
			continue;
		if (b->len == start)
			buf_addc(b, '{');
		docker_put_key(b, o->mounts[i].target);
		docker_put_str(b, o->mounts[i].tmpfs_options);
	}
	if (b->len > start)
		buf_addc(b, '}');
}

static void put_mount_point(struct buf *b, const struct container *c, const struct config_mount *m)
{
	const struct volume *v = volume_of(c, m);

	docker_put_comma(b);
	buf_adds(b, "{\"Type\":");
	docker_put_str(b, m->type);
	if (v) {
		buf_adds(b, ",\"Name\":");
		docker_put_str(b, v->name);
	}
	buf_adds(b, ",\"Source\":");
	docker_put_str(b, v ? v->mountpoint : m->source);
	buf_adds(b, ",\"Destination\":");
	docker_put_str(b, m->target);
	if (v)
		buf_adds(b, ",\"Driver\":\"local\"");
	buf_addf(b, ",\"Mode\":\"%s\",\"RW\":%s,\"Propagation\":",
		 m->read_only ? "ro"
		 : v	      ? "z"
			      : "",
		 m->read_only ? "false" : "true");
	docker_put_str(b, v ? "" : m->propagation ? m->propagation : "rprivate");
	buf_addc(b, '}');
}

static void put_points_of(struct buf *b, const struct container *c, const struct container *from)
{
	size_t i, k;

	for (i = 0; i < from->config.mount_count; i++) {
		const struct config_mount *m = &from->config.mounts[i];
		bool covered = str_eq(m->type, "tmpfs");

		for (k = 0; from != c && k < c->config.mount_count; k++)
			covered |= str_eq(c->config.mounts[k].target, m->target);
		if (!covered)
			put_mount_point(b, from, m);
	}
}

void docker_put_mount_points(struct buf *b, const void *container)
{
	const struct container *c = container;
	char *const *entry;

	buf_addc(b, '[');
	put_points_of(b, c, c);
	for (entry = c->config.volumes_from; entry && *entry; entry++) {
		auto_free char *ref = xstrndup(*entry, strcspn(*entry, ":"));
		struct error ignored = ERROR_INIT;
		struct container *other;

		if (container_find(c->daemon, ref, &other, &ignored) == 0)
			put_points_of(b, c, other);
	}
	buf_addc(b, ']');
}
