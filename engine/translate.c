/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a service to a container: the driver, the plain attributes, and the labels by which a
 * project finds its containers again.  Every attribute is one row of a table; lists of objects have
 * their own files (translate_mounts.c, translate_net.c, translate_limits.c).
 */
#include "engine/translate.h"

#include <errno.h>

#include "engine/translate_int.h"

#define LABEL(name) "com.docker.compose." name

char *scalar_text(const json_t *value)
{
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_number(value) || json_is_boolean(value))
		return json_text(value);
	return NULL;
}

int set_str(struct translate *t, const json_t *value, void *field)
{
	char *text = scalar_text(value), **at = field;

	if (!text)
		return error_set(t->err, EINVAL, "must be a string");
	free(*at);
	*at = text;
	return 0;
}

int set_bool(struct translate *t, const json_t *value, void *field)
{
	const char *text = json_string_value(value);

	if (!json_is_boolean(value) && !str_eq(text, "true") && !str_eq(text, "false"))
		return error_set(t->err, EINVAL, "must be true or false");
	*(bool *)field = text ? !strcmp(text, "true") : json_is_true(value);
	return 0;
}

int set_int(struct translate *t, const json_t *value, void *field)
{
	auto_free char *text = scalar_text(value);

	if (parse_i64(text, field) < 0)
		return error_set(t->err, EINVAL, "\"%s\" is not a whole number", text ? text : "");
	return 0;
}

int set_bytes(struct translate *t, const json_t *value, void *field)
{
	auto_free char *text = scalar_text(value);
	uint64_t bytes;

	if (str_eq(text, "-1")) {
		*(int64_t *)field = -1;
		return 0;
	}
	if (parse_bytes(text, &bytes) < 0)
		return error_set(t->err, EINVAL, "\"%s\" is not a size", text ? text : "");
	*(int64_t *)field = (int64_t)bytes;
	return 0;
}

int set_duration(struct translate *t, const json_t *value, void *field)
{
	const char *text = json_string_value(value);

	if (parse_duration_ns(text, field) < 0)
		return error_set(t->err, EINVAL, "\"%s\" is not a duration", text ? text : "");
	return 0;
}

int set_strv(struct translate *t, const json_t *value, void *field)
{
	char ***at = field;
	size_t i;
	json_t *item;

	if (json_is_string(value)) {
		strv_push(at, xstrdup(json_string_value(value)));
		return 0;
	}
	if (!json_is_array(value) || json_array_size(value) > TRANSLATE_ENTRIES_MAX)
		return error_set(t->err, EINVAL, "must be a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		char *text = scalar_text(item);

		if (!text)
			return error_set(t->err, EINVAL, "[%zu]: must be a string", i);
		strv_push(at, text);
	}
	return 0;
}

int set_map(struct translate *t, const json_t *value, void *field)
{
	json_t **at = field, *item;
	const char *key;

	if (!json_is_object(value))
		return error_set(t->err, EINVAL, "must be a mapping");
	if (!*at)
		*at = json_object();
	json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
		auto_free char *text = json_is_null(item) ? xstrdup("") : scalar_text(item);

		if (!text)
			return error_set(t->err, EINVAL, "%s: must be a string", key);
		json_object_set_new(*at, key, json_str(text));
	}
	return 0;
}

/* NULL means "as the image says", an empty list means none: the flag tells them apart. */
static int set_words(struct translate *t, const json_t *value, char ***words, bool *set)
{
	int r = set_strv(t, value, words);

	if (!*words)
		*words = xcalloc(1, sizeof(**words));
	*set = true;
	return r;
}

static int set_command(struct translate *t, const json_t *value, void *field)
{
	return set_words(t, value, field, &t->c->command_set);
}

static int set_entrypoint(struct translate *t, const json_t *value, void *field)
{
	return set_words(t, value, field, &t->c->entrypoint_set);
}

/* A null value is a variable that is set nowhere: the container does not get it. */
static int set_environment(struct translate *t, const json_t *value, void *field)
{
	const char *key;
	json_t *item;

	if (json_is_array(value))
		return set_strv(t, value, field);
	if (!json_is_object(value))
		return error_set(t->err, EINVAL, "must be a mapping");
	json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
		auto_free char *text = scalar_text(item);

		if (!text && !json_is_null(item))
			return error_set(t->err, EINVAL, "%s: must be a string", key);
		if (text)
			strv_pushf(field, "%s=%s", key, text);
	}
	return 0;
}

int resolve_service_mode(struct translate *t, const char *mode, char **ret)
{
	const char *service = str_skip(mode, "service:"), *id = service;

	if (service && t->args->find)
		id = t->args->find(t->args->arg, service);
	if (service && !id)
		return error_set(t->err, EINVAL, "service %s has no container", service);
	free(*ret);
	*ret = service ? xasprintf("container:%s", id) : xstrdup(mode);
	return 0;
}

static int set_mode(struct translate *t, const json_t *value, void *field)
{
	if (!json_is_string(value))
		return error_set(t->err, EINVAL, "must be a string");
	return resolve_service_mode(t, json_string_value(value), field);
}

/* A seccomp profile in a file is found from the project's directory. */
static int set_security(struct translate *t, const json_t *value, void *field)
{
	char ***options = field;
	int r = set_strv(t, value, options);
	size_t i;

	for (i = 0; r == 0 && t->args->working_dir && i < strv_len(*options); i++) {
		char *option = (*options)[i];
		const char *file = str_skip(option, "seccomp") ? option + strlen("seccomp:") : NULL;

		if (!file || !strchr("=:", file[-1]) || strchr("/{", *file) ||
		    !strcmp(file, "unconfined"))
			continue;
		(*options)[i] = xasprintf("seccomp=%s/%s", t->args->working_dir, file);
		free(option);
	}
	return r;
}

static int set_logging(struct translate *t, const json_t *value, void *field)
{
	static const struct translate_row rows[] = {
		TRANSLATE_ROW("driver", set_str, log_driver),
		TRANSLATE_ROW("options", set_map, log_options),
		{0},
	};

	(void)field;
	return translate_rows(t, value, rows, t->c);
}

static int refuse_provider(struct translate *t, const json_t *value UNUSED, void *field UNUSED)
{
	return error_set(t->err, EOPNOTSUPP, "providers are not supported");
}

static const struct translate_row plain_rows[] = {
	{"provider", refuse_provider, 0},
	TRANSLATE_ROW("entrypoint", set_entrypoint, entrypoint),
	TRANSLATE_ROW("command", set_command, command),
	TRANSLATE_ROW("environment", set_environment, env),
	TRANSLATE_ROW("working_dir", set_str, working_dir),
	TRANSLATE_ROW("user", set_str, user),
	TRANSLATE_ROW("hostname", set_str, hostname),
	TRANSLATE_ROW("domainname", set_str, domainname),
	TRANSLATE_ROW("group_add", set_strv, group_add),
	TRANSLATE_ROW("labels", set_map, labels),
	TRANSLATE_ROW("tty", set_bool, tty),
	TRANSLATE_ROW("stdin_open", set_bool, stdin_open),
	TRANSLATE_ROW("init", set_bool, init),
	TRANSLATE_ROW("read_only", set_bool, read_only),
	TRANSLATE_ROW("privileged", set_bool, privileged),
	TRANSLATE_ROW("stop_signal", set_str, stop_signal),
	TRANSLATE_ROW("stop_grace_period", set_duration, stop_grace_ns),
	TRANSLATE_ROW("pid", set_mode, pid_mode),
	TRANSLATE_ROW("ipc", set_mode, ipc_mode),
	TRANSLATE_ROW("uts", set_str, uts_mode),
	TRANSLATE_ROW("cgroup", set_str, cgroup_mode),
	TRANSLATE_ROW("cgroup_parent", set_str, cgroup_parent),
	TRANSLATE_ROW("cap_add", set_strv, cap_add),
	TRANSLATE_ROW("cap_drop", set_strv, cap_drop),
	TRANSLATE_ROW("security_opt", set_security, security_opt),
	TRANSLATE_ROW("device_cgroup_rules", set_strv, device_cgroup_rules),
	TRANSLATE_ROW("sysctls", set_map, sysctls),
	TRANSLATE_ROW("logging", set_logging, image),
	TRANSLATE_ROW("platform", set_str, runtime_platform),
	{0},
};

int translate_rows(struct translate *t, const json_t *object, const struct translate_row *rows,
		   void *base)
{
	const struct translate_row *row;

	if (!json_is_object(object))
		return error_set(t->err, EINVAL, "must be a mapping");
	for (row = rows; row->key; row++) {
		const json_t *value = json_object_get(object, row->key);

		if (value && !json_is_null(value) &&
		    row->set(t, value, (char *)base + row->offset) < 0)
			return error_wrap(t->err, "%s", row->key);
	}
	return 0;
}

void *array_grow(void *items_pointer, size_t *count, size_t size)
{
	void **items = items_pointer;

	*items = xreallocarray(*items, *count + 1, size);
	return memset((char *)*items + size * (*count)++, 0, size);
}

/* "db:service_healthy:false,…": what a project whose files are gone is stopped by. */
static char *depends_label(const json_t *service)
{
	json_t *depends = json_get_obj(service, "depends_on"), *item;
	struct buf b = BUF_INIT;
	const char *key;

	json_object_foreach (depends, key, item) {
		const char *condition = json_get_str(item, "condition");

		buf_addf(&b, "%s%s:%s:%s", b.len ? "," : "", key,
			 condition ? condition : "service_started",
			 json_get_bool(item, "restart") ? "true" : "false");
	}
	return buf_steal(&b);
}

static void add_labels(struct translate *t)
{
	const struct translate_args *a = t->args;
	AUTO(strv_free) char **paths = json_to_strv(a->files);
	auto_free char *files = strv_join(paths, ","), *depends = depends_label(t->service);
	json_t *labels = t->c->labels;

	json_set_str(labels, LABEL("project"), a->project);
	json_set_str(labels, LABEL("service"), a->service);
	json_set_str(labels, LABEL("oneoff"), a->one_off ? "True" : "False");
	if (!a->one_off)
		json_set_strf(labels, LABEL("container-number"), "%lld", (long long)a->number);
	json_set_str(labels, LABEL("config-hash"), a->config_hash);
	json_set_str(labels, LABEL("image"), a->image_id);
	json_set_str(labels, LABEL("version"), PACKAGE_VERSION);
	json_set_str(labels, LABEL("depends_on"), depends);
	if (!str_empty(files))
		json_set_str(labels, LABEL("project.config_files"), files);
	json_set_str(labels, LABEL("project.working_dir"), a->working_dir);
}

static int translate_all(struct translate *t)
{
	static const struct translate_row *const tables[] = {
		plain_rows, translate_mount_rows, translate_net_rows, translate_limit_rows};
	size_t i;

	for (i = 0; i < ARRAY_LEN(tables); i++)
		if (translate_rows(t, t->service, tables[i], t->c) < 0)
			return -t->err->code;
	return 0;
}

int translate_service(const struct translate_args *args, struct container_config *ret,
		      struct error *err)
{
	struct container_config c = {0};
	struct translate t = {.args = args, .c = &c, .err = err};

	t.service = args->definition
			    ? args->definition
			    : json_get_obj(json_get_obj(args->model, "services"), args->service);
	if (!t.service)
		return error_set(err, EINVAL, "service %s is not in the model", args->service);
	c.labels = json_object();
	c.image = translate_image(args->project, args->service, t.service);
	if (translate_all(&t) < 0) {
		container_config_release(&c);
		return error_wrap(err, "service %s", args->service);
	}
	add_labels(&t);
	*ret = c;
	return 0;
}
