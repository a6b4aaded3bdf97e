/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ends of `struct docker_field`: rows to text, and what clients send to members.  Text is
 * written directly: a list of hundreds of containers is asked for many times a second.
 */
#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "engine/api/docker.h"

/* ---- values */

/* Length of a string that needs no escapes; -1 for any other. */
static ssize_t plain(const char *s)
{
	const char *p;

	for (p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\' || (unsigned char)*p > 0x7e)
			return -1;
	return p - s;
}

/* The string in quotes, and what follows it. */
static void put_quoted(struct buf *b, const char *s, const char *after)
{
	ssize_t len = plain(s);
	size_t more = strlen(after);
	auto_json json_t *value = NULL;
	auto_free char *text = NULL;
	char *to = len < 0 ? NULL : buf_reserve(b, (size_t)len + more + 2);

	if (to) {
		*to++ = '"';
		memcpy(to, s, (size_t)len);
		to[len] = '"';
		memcpy(to + len + 1, after, more + 1);
		b->len += (size_t)len + more + 2;
		return;
	}
	value = json_str(s);
	text = json_text(value);
	buf_adds(b, text);
	buf_adds(b, after);
}

void docker_put_str(struct buf *b, const char *s)
{
	put_quoted(b, s ? s : "", "");
}

void docker_put_int(struct buf *b, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	buf_adds(b, text);
}

void docker_put_bool(struct buf *b, bool value)
{
	buf_adds(b, value ? "true" : "false");
}

/* Go leaves zeros at the end of the fraction out. */
void docker_put_time(struct buf *b, int64_t ns)
{
	char text[TIME_TEXT_MAX];
	size_t len;

	if (!ns) {
		buf_adds(b, "\"0001-01-01T00:00:00Z\"");
		return;
	}
	time_format(ns, text);
	len = strlen(text);
	if (len && text[len - 1] == 'Z' && strchr(text, '.')) {
		len--;
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
		text[len] = '\0';
	}
	buf_addf(b, "\"%sZ\"", text);
}

void docker_put_comma(struct buf *b)
{
	char last = b->len ? b->data[b->len - 1] : '[';

	if (last != '[' && last != '{' && last != ':' && last != ',')
		buf_addc(b, ',');
}

void docker_put_key(struct buf *b, const char *key)
{
	docker_put_comma(b);
	put_quoted(b, key, ":");
}

void docker_put_strv(struct buf *b, char *const *v, const char *empty)
{
	if (!strv_len(v)) {
		buf_adds(b, empty);
		return;
	}
	buf_addc(b, '[');
	for (; *v; v++) {
		docker_put_comma(b);
		docker_put_str(b, *v);
	}
	buf_addc(b, ']');
}

void docker_put_value(struct buf *b, const json_t *value)
{
	auto_free char *text = NULL;
	const char *key;
	json_t *item;

	if (json_is_object(value)) { /* most often of strings: labels */
		buf_addc(b, '{');
		json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
			docker_put_key(b, key);
			if (json_is_string(item))
				docker_put_str(b, json_string_value(item));
			else
				docker_put_value(b, item);
		}
		buf_addc(b, '}');
		return;
	}
	text = value ? json_text(value) : xstrdup("null");
	buf_adds(b, text);
}

/* ---- rows */

static const void *member(const struct docker_field *f, const void *object)
{
	return (const char *)object + f->offset;
}

static bool is_unset(const struct docker_field *f, const void *p)
{
	switch (f->kind) {
	case DOCKER_CONST:
		return true;
	case DOCKER_STR:
		return str_empty(*(char *const *)p);
	case DOCKER_BOOL:
		return !*(const bool *)p;
	case DOCKER_INT:
		return !*(const int64_t *)p;
	case DOCKER_STRV:
		return !strv_len(*(char **const *)p);
	case DOCKER_VALUE:
		return !*(json_t *const *)p;
	default:
		return false;
	}
}

static void put_member(struct buf *b, const struct docker_field *f, const void *p)
{
	switch (f->kind) {
	case DOCKER_STR:
		docker_put_str(b, *(char *const *)p);
		break;
	case DOCKER_BOOL:
		docker_put_bool(b, *(const bool *)p);
		break;
	case DOCKER_INT:
		docker_put_int(b, *(const int64_t *)p);
		break;
	case DOCKER_STRV:
		docker_put_strv(b, *(char **const *)p, "[]");
		break;
	case DOCKER_VALUE:
		docker_put_value(b, *(json_t *const *)p);
		break;
	case DOCKER_TIME:
		docker_put_time(b, *(const int64_t *)p);
		break;
	default:
		break;
	}
}

static void put_field(struct buf *b, const struct docker_field *f, const void *object)
{
	size_t before = b->len, start;

	if (f->kind != DOCKER_PUT && is_unset(f, member(f, object))) {
		if (!f->empty)
			return;
		docker_put_key(b, f->key);
		buf_adds(b, f->empty);
		return;
	}
	docker_put_key(b, f->key);
	start = b->len;
	if (f->kind == DOCKER_PUT)
		f->put(b, member(f, object));
	else
		put_member(b, f, member(f, object));
	if (b->len > start)
		return;
	b->len = f->empty ? start : before;
	b->data[b->len] = '\0';
	if (f->empty)
		buf_adds(b, f->empty);
}

void docker_put_fields(struct buf *b, const struct docker_field *fields, const void *object)
{
	for (; fields->key; fields++)
		put_field(b, fields, object);
}

void docker_put(struct buf *b, const struct docker_field *fields, const void *object)
{
	buf_addc(b, '{');
	docker_put_fields(b, fields, object);
	buf_addc(b, '}');
}

/* ---- reading */

int docker_wrong(struct docker_input *in, const char *want)
{
	return error_set(in->err, EINVAL, "invalid JSON: %s must be %s", in->key, want);
}

bool docker_blank(const json_t *value)
{
	const json_t *item;
	size_t i;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return true;
	case JSON_STRING:
		return !json_string_length(value);
	case JSON_INTEGER:
		return !json_integer_value(value);
	case JSON_OBJECT:
		return !json_object_size(value);
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(value); i++) {
			item = json_array_get(value, i);
			if (!json_is_integer(item) || json_integer_value(item))
				return false;
		}
		return true;
	default:
		return false;
	}
}

int docker_refuse(struct docker_input *in, const json_t *value, void *object UNUSED)
{
	return docker_blank(value) ? 0
				   : error_set(in->err, EOPNOTSUPP, "%s is not supported", in->key);
}

int docker_warn(struct docker_input *in, const json_t *value, void *object UNUSED)
{
	if (!docker_blank(value))
		strv_pushf(&in->warnings, "%s is not supported, it has no effect", in->key);
	return 0;
}

static int read_strv(struct docker_input *in, const json_t *value, char ***ret)
{
	const json_t *item;
	size_t i;

	if (json_is_string(value)) {
		strv_free(*ret);
		*ret = NULL;
		strv_push(ret, xstrdup(json_string_value(value)));
		return 0;
	}
	if (!json_is_array(value))
		return docker_wrong(in, "a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item)
		if (!json_is_string(item))
			return docker_wrong(in, "a list of strings");
	strv_free(*ret);
	*ret = json_to_strv(value);
	return 0;
}

static int read_map(struct docker_input *in, const json_t *value, json_t **ret)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return docker_wrong(in, "an object of strings");
	json_object_foreach ((json_t *)(uintptr_t)value, key, item)
		if (!json_is_string(item))
			return docker_wrong(in, "an object of strings");
	json_decref(*ret);
	*ret = json_deep_copy(value);
	return 0;
}

static int read_member(struct docker_input *in, const struct docker_field *f, const json_t *value,
		       void *p)
{
	switch (f->kind) {
	case DOCKER_STR:
		if (!json_is_string(value))
			return docker_wrong(in, "a string");
		free(*(char **)p);
		*(char **)p = json_string_length(value) ? xstrdup(json_string_value(value)) : NULL;
		return 0;
	case DOCKER_BOOL:
		if (!json_is_boolean(value))
			return docker_wrong(in, "true or false");
		*(bool *)p = json_is_true(value);
		return 0;
	case DOCKER_INT:
		if (!json_is_integer(value))
			return docker_wrong(in, "a whole number");
		*(int64_t *)p = json_integer_value(value);
		return 0;
	case DOCKER_STRV:
		return read_strv(in, value, p);
	case DOCKER_VALUE:
		return read_map(in, value, p);
	default:
		return 0;
	}
}

int docker_read(struct docker_input *in, const struct docker_field *fields, const json_t *object,
		void *ret)
{
	const struct docker_field *f;
	int r = 0;

	if (!json_is_object(object))
		return docker_wrong(in, "an object");
	for (f = fields; f->key && r == 0; f++) {
		const json_t *value = json_object_get(object, f->key);

		if (!value || json_is_null(value))
			continue;
		in->key = f->key;
		if (f->set && json_array_size(value) + json_object_size(value) > DOCKER_ENTRIES_MAX)
			r = error_set(in->err, EINVAL, "%s has more than %d entries", f->key,
				      DOCKER_ENTRIES_MAX);
		else if (f->set)
			r = f->set(in, value, (char *)ret + f->offset);
		else
			r = read_member(in, f, value, (char *)ret + f->offset);
	}
	return r;
}
