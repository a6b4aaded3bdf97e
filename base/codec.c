/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table-driven codec of json.h: one row per member, one function pair per kind.  Decoding into
 * a zeroed struct; what was decoded before an error is left for json_release.
 */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"

#define WHERE_MAX 200

static void *at(const void *base, size_t offset)
{
	return (char *)(uintptr_t)base + offset;
}

static int wrong(struct error *err, const char *where, const char *key, const char *want)
{
	return error_set(err, EINVAL, "%s%s%s: must be %s", where, *where ? "." : "", key, want);
}

static int decode_strv(const json_t *value, char ***ret, const char *where, const char *key,
		       struct error *err)
{
	size_t i;
	json_t *item;

	if (json_is_null(value))
		return 0;
	if (!json_is_array(value))
		return wrong(err, where, key, "a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item)
		if (!json_is_string(item))
			return wrong(err, where, key, "a list of strings");
	*ret = json_to_strv(value);
	return 0;
}

static int decode_list(const json_t *value, const struct json_field *f, void *out,
		       const char *where, struct error *err)
{
	void **items = at(out, f->offset);
	size_t *count = at(out, f->offset2), i, n = json_array_size(value);
	char inner[WHERE_MAX];
	int r;

	if (json_is_null(value))
		return 0;
	if (!json_is_array(value))
		return wrong(err, where, f->key, "a list");
	*items = xcalloc(n, f->size);
	*count = n;
	for (i = 0; i < n; i++) {
		snprintf(inner, sizeof(inner), "%.80s%s%s[%zu]", where, *where ? "." : "", f->key,
			 i);
		r = json_decode(json_array_get(value, i), f->sub, at(*items, i * f->size), inner,
				err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_scalar(const json_t *value, const struct json_field *f, void *out,
			 const char *where, struct error *err)
{
	switch (f->kind) {
	case JSON_K_STR:
		if (!json_is_string(value))
			return wrong(err, where, f->key, "a string");
		*(char **)out = xstrdup(json_string_value(value));
		return 0;
	case JSON_K_BOOL:
		if (!json_is_boolean(value))
			return wrong(err, where, f->key, "true or false");
		*(bool *)out = json_is_true(value);
		return 0;
	case JSON_K_INT:
		if (!json_is_integer(value))
			return wrong(err, where, f->key, "a whole number");
		*(int64_t *)out = json_integer_value(value);
		return 0;
	case JSON_K_REAL:
		if (!json_is_number(value))
			return wrong(err, where, f->key, "a number");
		*(double *)out = json_number_value(value);
		return 0;
	default:
		return error_set(err, EINVAL, "%s: no such kind of field", f->key);
	}
}

static int decode_field(const json_t *value, const struct json_field *f, void *out,
			const char *where, struct error *err)
{
	char inner[WHERE_MAX];

	switch (f->kind) {
	case JSON_K_STRV:
		return decode_strv(value, at(out, f->offset), where, f->key, err);
	case JSON_K_VALUE:
		*(json_t **)at(out, f->offset) = json_incref((json_t *)(uintptr_t)value);
		return 0;
	case JSON_K_LIST:
		return decode_list(value, f, out, where, err);
	case JSON_K_STRUCT:
		if (json_is_null(value))
			return 0;
		snprintf(inner, sizeof(inner), "%.120s%s%s", where, *where ? "." : "", f->key);
		return json_decode(value, f->sub, at(out, f->offset), inner, err);
	default:
		if (json_is_null(value))
			return 0;
		return decode_scalar(value, f, at(out, f->offset), where, err);
	}
}

int json_decode(const json_t *object, const struct json_field *fields, void *out, const char *where,
		struct error *err)
{
	const struct json_field *f;
	const json_t *value;
	int r;

	if (!json_is_object(object))
		return error_set(err, EINVAL, "%s: must be an object", *where ? where : "request");
	for (f = fields; f->key; f++) {
		value = json_object_get(object, f->key);
		if (!value && (f->flags & JSON_F_REQUIRED))
			return error_set(err, EINVAL, "%s%s%s: is missing", where,
					 *where ? "." : "", f->key);
		if (!value)
			continue;
		r = decode_field(value, f, out, where, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *encode_list(const struct json_field *f, const void *in)
{
	void *items = *(void **)at(in, f->offset);
	size_t i, count = *(size_t *)at(in, f->offset2);
	json_t *array = json_array();

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_encode(f->sub, at(items, i * f->size)));
	return array;
}

static bool is_empty(const struct json_field *f, const void *in)
{
	const void *p = at(in, f->offset);

	switch (f->kind) {
	case JSON_K_STR:
		return str_empty(*(char *const *)p);
	case JSON_K_BOOL:
		return !*(const bool *)p;
	case JSON_K_INT:
		return !*(const int64_t *)p;
	case JSON_K_REAL:
		return !(*(const double *)p > 0 || *(const double *)p < 0);
	case JSON_K_LIST:
		return !*(size_t *)at(in, f->offset2);
	case JSON_K_STRUCT:
		return false;
	default:
		return !*(void *const *)p;
	}
}

static json_t *encode_field(const struct json_field *f, const void *in)
{
	const void *p = at(in, f->offset);

	switch (f->kind) {
	case JSON_K_STR:
		return json_str(*(char *const *)p ? *(char *const *)p : "");
	case JSON_K_BOOL:
		return json_boolean(*(const bool *)p);
	case JSON_K_INT:
		return json_integer(*(const int64_t *)p);
	case JSON_K_REAL:
		return json_real(*(const double *)p);
	case JSON_K_STRV:
		return json_strv(*(char **const *)p);
	case JSON_K_VALUE:
		return *(json_t *const *)p ? json_incref(*(json_t *const *)p) : json_null();
	case JSON_K_LIST:
		return encode_list(f, in);
	default:
		return json_encode(f->sub, p);
	}
}

json_t *json_encode(const struct json_field *fields, const void *in)
{
	json_t *object = json_object(), *value;
	const struct json_field *f;

	for (f = fields; f->key; f++) {
		bool always = f->flags & JSON_F_ALWAYS;

		if (!always && is_empty(f, in))
			continue;
		value = encode_field(f, in);
		if (!always && f->kind == JSON_K_STRUCT && !json_object_size(value))
			json_decref(value);
		else
			json_set_new(object, f->key, value);
	}
	return object;
}

void json_release(const struct json_field *fields, void *out)
{
	const struct json_field *f;
	size_t i;

	for (f = fields; f->key; f++) {
		void *p = at(out, f->offset);

		switch (f->kind) {
		case JSON_K_STR:
			free(*(char **)p);
			*(char **)p = NULL;
			break;
		case JSON_K_STRV:
			strv_free(*(char ***)p);
			*(char ***)p = NULL;
			break;
		case JSON_K_VALUE:
			json_decref(*(json_t **)p);
			*(json_t **)p = NULL;
			break;
		case JSON_K_STRUCT:
			json_release(f->sub, p);
			break;
		case JSON_K_LIST:
			for (i = 0; i < *(size_t *)at(out, f->offset2); i++)
				json_release(f->sub, at(*(void **)p, i * f->size));
			free(*(void **)p);
			*(void **)p = NULL;
			*(size_t *)at(out, f->offset2) = 0;
			break;
		default:
			break;
		}
	}
}
