/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `filters` parameter: keys AND together, the values of one OR, except those of labels. */
#include <errno.h>

#include "base/time.h"
#include "engine/api/docker.h"

struct docker_filters {
	struct map *values;
};

static void free_values(void *v)
{
	strv_free(v);
}

void docker_filters_free(struct docker_filters *f)
{
	if (!f)
		return;
	map_free(f->values);
	free(f);
}

static bool add_value(char ***list, const char *value)
{
	if (!value || strv_len(*list) >= DOCKER_FILTER_VALUES_MAX)
		return false;
	strv_push(list, xstrdup(value));
	return true;
}

/* ["a", "b"], or {"a": true, "b": true} as Docker's own clients send it. */
static bool read_values(const json_t *value, char ***ret)
{
	const char *key;
	json_t *item;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t)value, key, item)
		if (json_is_true(item) && !add_value(ret, key))
			return false;
	json_array_foreach ((json_t *)(uintptr_t)value, i, item)
		if (!add_value(ret, json_string_value(item)))
			return false;
	return json_is_object(value) || json_is_array(value);
}

static bool read_all(struct api_request *r, const json_t *object, const char *const *known,
		     struct docker_filters *f)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		const char *const *k = known;
		char **values = NULL;

		while (*k && strcmp(*k, key))
			k++;
		if (!*k) {
			docker_fail(r, 400, "invalid filter '%s'", key);
			return false;
		}
		if (!read_values(value, &values)) {
			strv_free(values);
			docker_fail(r, 400, "invalid filter");
			return false;
		}
		if (values)
			map_set(f->values, key, values);
	}
	return true;
}

bool docker_filters_read(struct api_request *r, const char *const *known,
			 struct docker_filters **ret)
{
	const char *text = api_query(r, "filters");
	struct docker_filters *f = xcalloc(1, sizeof(*f));
	auto_json json_t *object = NULL;
	struct error err = ERROR_INIT;

	f->values = map_new(free_values);
	if (str_empty(text)) {
		*ret = f;
		return true;
	}
	if (json_load_text(text, strlen(text), &object, &err) < 0 || !json_is_object(object)) {
		docker_filters_free(f);
		docker_fail(r, 400, "invalid filter");
		return false;
	}
	if (!read_all(r, object, known, f)) {
		docker_filters_free(f);
		return false;
	}
	*ret = f;
	return true;
}

char *const *docker_filter(const struct docker_filters *f, const char *key)
{
	return map_get(f->values, key);
}

bool docker_filter_is(const struct docker_filters *f, const char *key, const char *value)
{
	char *const *values = docker_filter(f, key);

	return !values || (value && strv_has(values, value));
}

bool docker_filter_in(const struct docker_filters *f, const char *key, const char *value)
{
	char *const *v = docker_filter(f, key);

	if (!v)
		return true;
	for (; *v; v++)
		if (strstr(value, *v))
			return true;
	return false;
}

/* "k": the label is there; "k=v": with that value. */
static bool has_label(const json_t *labels, const char *wanted)
{
	size_t len = strcspn(wanted, "=");
	auto_free char *key = xstrndup(wanted, len);
	const char *value = json_get_str(labels, key);

	return value && (!wanted[len] || !strcmp(value, wanted + len + 1));
}

bool docker_filter_labels(const struct docker_filters *f, const json_t *labels)
{
	char *const *v;

	for (v = docker_filter(f, "label"); v && *v; v++)
		if (!has_label(labels, *v))
			return false;
	for (v = docker_filter(f, "label!"); v && *v; v++)
		if (has_label(labels, *v))
			return false;
	return true;
}

bool docker_filter_until(struct api_request *r, const struct docker_filters *f, int64_t *ret_ns)
{
	char *const *v = docker_filter(f, "until");
	struct error err = ERROR_INIT;

	*ret_ns = 0;
	if (!v || time_parse(*v, time_now_ns(), ret_ns, &err) == 0)
		return true;
	docker_fail(r, 400, "invalid filter 'until=%s': %s", *v, err.msg);
	return false;
}
