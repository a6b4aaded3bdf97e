/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accessors over jansson: see json.h.  The table-driven codec is in codec.c. */
#include "base/json.h"

#include <errno.h>

int json_load_text(const char *text, size_t len, json_t **ret, struct error *err)
{
	json_error_t where;
	json_t *value;

	if (len > JSON_TEXT_MAX)
		return error_set(err, EMSGSIZE, "JSON of %zu bytes is larger than %zu", len,
				 JSON_TEXT_MAX);
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (!value)
		return error_set(err, EINVAL, "%d:%d: %s", where.line, where.column, where.text);
	*ret = value;
	return 0;
}

char *json_text(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	return text ? text : xstrdup("null");
}

const char *json_get_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

json_t *json_get_obj(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}

json_t *json_get_arr(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_array(value) ? value : NULL;
}

json_t *json_get_path(const json_t *object, const char *dotted)
{
	char key[128];
	json_t *value = NULL;
	size_t len;

	for (; *dotted; dotted += len + (dotted[len] == '.')) {
		len = strcspn(dotted, ".");
		if (len >= sizeof(key))
			return NULL;
		memcpy(key, dotted, len);
		key[len] = '\0';
		value = json_object_get(object, key);
		if (!value)
			return NULL;
		object = value;
	}
	return value;
}

void json_set_new(json_t *object, const char *key, json_t *owned)
{
	if (json_object_set_new_nocheck(object, key, owned) < 0)
		abort();
}

json_t *json_str(const char *text)
{
	struct buf b = BUF_INIT;
	json_t *value = json_string(text);

	if (value)
		return value;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			buf_addc(&b, *text);
		else
			buf_adds(&b, "\xef\xbf\xbd");
	}
	value = json_string(b.data ? b.data : "");
	buf_release(&b);
	return value;
}

void json_set_str(json_t *object, const char *key, const char *value)
{
	if (value)
		json_set_new(object, key, json_str(value));
}

void json_set_strf(json_t *object, const char *key, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_set_str(object, key, text);
}

void json_set_int(json_t *object, const char *key, int64_t value)
{
	json_set_new(object, key, json_integer(value));
}

void json_set_bool(json_t *object, const char *key, bool value)
{
	json_set_new(object, key, json_boolean(value));
}

json_t *json_strv(char *const *v)
{
	json_t *array = json_array();

	for (; v && *v; v++)
		json_array_append_new(array, json_str(*v));
	return array;
}

char **json_to_strv(const json_t *array)
{
	char **v = xcalloc(2, sizeof(*v));
	size_t i;
	json_t *item;

	json_array_foreach ((json_t *)(uintptr_t)array, i, item) {
		if (json_is_string(item))
			strv_push(&v, xstrdup(json_string_value(item)));
		else if (!json_is_null(item))
			strv_push(&v, json_text(item));
	}
	return v;
}
