/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One walk over a file's tree with the tables: shapes are checked, unknown keys reported with the
 * nearest known one, strings cast to the numbers and booleans they stand for, short syntax made
 * long.  What is wrong is reported and removed, so that later stages see well-formed values only.
 */
#include <stdio.h>
#include <string.h>

#include "compose/schema.h"
#include "compose/yaml.h"

#define CANDIDATES_MAX 128

/* ---- messages */

static void path_add(struct buf *out, const struct compose_path *path)
{
	if (path->up)
		path_add(out, path->up);
	if (path->key)
		buf_addf(out, "%s%s", out->len ? "." : "", path->key);
	else if (path->up)
		buf_addf(out, "[%zu]", path->index);
}

const char *path_text(struct arena *a, const struct compose_path *path)
{
	auto_buf struct buf out = BUF_INIT;

	if (path)
		path_add(&out, path);
	return out.len ? arena_strdup(a, out.data) : NULL;
}

static void PRINTF(6, 0) report(struct compose_ctx *c, enum diag_severity severity,
				enum diag_code code, const struct compose_path *path,
				struct compose_mark mark, const char *fmt, va_list ap)
{
	auto_free char *text = xvasprintf(fmt, ap);

	diag_add(c->diags, severity, code, mark, path_text(c->arena, path), "%s", text);
}

void problem_at(struct compose_ctx *c, enum diag_code code, const struct compose_path *path,
		struct compose_mark mark, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(c, DIAG_ERROR, code, path, mark, fmt, ap);
	va_end(ap);
}

void warning_at(struct compose_ctx *c, enum diag_code code, const struct compose_path *path,
		struct compose_mark mark, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(c, DIAG_WARNING, code, path, mark, fmt, ap);
	va_end(ap);
}

bool ctx_room(struct compose_ctx *c, struct compose_mark mark)
{
	if (arena_used_bytes(c->arena) <= COMPOSE_BYTES_MAX)
		return true;
	if (!diag_has(c->diags, DIAG_LIMIT))
		diag_add(c->diags, DIAG_ERROR, DIAG_LIMIT, mark, NULL,
			 "the project takes more than %zu MiB of memory", COMPOSE_BYTES_MAX >> 20);
	return false;
}

/* ---- shapes */

static const char *const kind_words[] = {
	[COMPOSE_NULL] = "nothing",  [COMPOSE_STRING] = "a string", [COMPOSE_BOOL] = "a boolean",
	[COMPOSE_INT] = "a number",  [COMPOSE_FLOAT] = "a number",  [COMPOSE_LIST] = "a list",
	[COMPOSE_MAP] = "a mapping",
};

void shape_words(struct buf *out, unsigned shapes)
{
	static const enum compose_kind order[] = {COMPOSE_STRING, COMPOSE_INT, COMPOSE_BOOL,
						  COMPOSE_LIST, COMPOSE_MAP};
	size_t i;

	if (shapes & SHAPE_FLOAT)
		shapes |= SHAPE_INT;
	for (i = 0; i < ARRAY_LEN(order); i++)
		if (shapes & (1u << order[i]))
			buf_addf(out, "%s%s", out->len ? " or " : "", kind_words[order[i]]);
}

bool is_opaque(const struct compose_ctx *c, const struct compose_node *n)
{
	return c->options && c->options->no_interpolate && n && n->kind == COMPOSE_STRING &&
	       strchr(n->text, '$');
}

/* Needs no quotes wherever it stands. */
static bool is_word(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.");

	return len && !text[len];
}

bool want_shape(struct compose_ctx *c, const struct compose_path *path,
		const struct compose_node *n, unsigned shapes, const char *wanted)
{
	auto_buf struct buf words = BUF_INIT;

	if ((shapes & (1u << n->kind)) || is_opaque(c, n))
		return true;
	if (wanted)
		buf_adds(&words, wanted);
	else
		shape_words(&words, shapes);
	problem_at(c, DIAG_TYPE, path, n->mark, "must be %s, not %s", words.data,
		   kind_words[n->kind]);
	if (shapes == SHAPE_STRING && (SHAPE_SCALAR & (1u << n->kind)))
		diag_hint(c->diags, "put it in quotes");
	else if ((shapes & SHAPE_LIST) && n->kind == COMPOSE_STRING && is_word(n->text) &&
		 !strstr(words.data, "like"))
		diag_hint(c->diags, "write [%s]", n->text);
	return false;
}

/* ---- casts */

static bool cast_bool(struct compose_ctx *c, const struct compose_path *path,
		      struct compose_node *n)
{
	static const struct {
		const char *word;
		bool value, plain;
	} words[] = {
		{"true", true, true}, {"false", false, true}, {"yes", true, false},
		{"y", true, false},   {"on", true, false},    {"no", false, false},
		{"n", false, false},  {"off", false, false},
	};
	auto_free char *lower = str_lower(xstrdup(n->text));
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(lower, words[i].word) != 0)
			continue;
		if (!words[i].plain)
			warning_at(c, DIAG_VALUE, path, n->mark, "write %s instead of \"%s\"",
				   words[i].value ? "true" : "false", n->text);
		n->kind = COMPOSE_BOOL;
		n->boolean = words[i].value;
		return true;
	}
	problem_at(c, DIAG_VALUE, path, n->mark, "must be true or false, not \"%s\"", n->text);
	return false;
}

static bool cast(struct compose_ctx *c, const struct compose_path *path, enum compose_cast to,
		 struct compose_node *n)
{
	int64_t integer;
	double real;

	if (n->kind != COMPOSE_STRING || is_opaque(c, n))
		return true;
	if (to == CAST_BOOL)
		return cast_bool(c, path, n);
	if (to == CAST_INT && parse_i64(n->text, &integer) == 0) {
		n->kind = COMPOSE_INT;
		n->integer = integer;
		return true;
	}
	if (to == CAST_FLOAT && parse_double(n->text, &real) == 0) {
		n->kind = COMPOSE_FLOAT;
		n->real = real;
		return true;
	}
	problem_at(c, DIAG_VALUE, path, n->mark, "must be a %snumber, not \"%s\"",
		   to == CAST_INT ? "whole " : "", n->text);
	return false;
}

static bool word_allowed(const char *values, const char *text)
{
	size_t len = strlen(text);

	while (values) {
		if (!strncmp(values, text, len) && (values[len] == '|' || !values[len]))
			return true;
		values = strchr(values, '|');
		if (values)
			values++;
	}
	return false;
}

/* "a, b or c" */
static const char *words_text(struct arena *a, const char *const *words, size_t count)
{
	auto_buf struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < count; i++)
		buf_addf(&out, "%s%s", !i ? "" : i + 1 < count ? ", " : " or ", words[i]);
	return arena_strdup(a, out.data);
}

static bool check_word(struct compose_ctx *c, const struct compose_path *path, const char *values,
		       const struct compose_node *n)
{
	const char *candidates[CANDIDATES_MAX], *near;
	auto_free char *list = NULL;
	size_t count = 0;
	char *at, *save = NULL;

	if (!values || n->kind != COMPOSE_STRING || is_opaque(c, n) ||
	    word_allowed(values, n->text))
		return true;
	list = xstrdup(values);
	for (at = strtok_r(list, "|", &save); at && count < CANDIDATES_MAX;
	     at = strtok_r(NULL, "|", &save))
		candidates[count++] = at;
	near = str_nearest(n->text, candidates, count);
	problem_at(c, DIAG_VALUE, path, n->mark, "\"%s\" is not allowed", n->text);
	if (near)
		diag_mean(c->diags, near);
	else
		diag_hint(c->diags, "it must be %s", words_text(c->arena, candidates, count));
	return false;
}

/* ---- parts */

static void drop_reset_items(struct compose_node *list)
{
	size_t i, kept = 0;

	for (i = 0; i < list->list.count; i++)
		if (list->list.items[i]->tag != COMPOSE_TAG_RESET)
			list->list.items[kept++] = list->list.items[i];
	list->list.count = kept;
}

static void decode_list(struct compose_ctx *c, const struct compose_path *path,
			const struct compose_type *type, struct compose_node *n)
{
	size_t i, kept = 0;

	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};
		struct compose_node *item = n->list.items[i];

		if (type->item)
			item = decode_value(c, &at, type->item, NULL, item);
		if (item)
			n->list.items[kept++] = item;
	}
	n->list.count = kept;
	if (type->item && type->item->index)
		merge_unique(c->arena, type->item, n);
	else if (type->flags & TYPE_UNIQUE)
		check_twice(c, path, n);
}

static const char *nearest_key(const struct compose_type *type, const char *name)
{
	const char *candidates[CANDIDATES_MAX];
	const struct compose_key *key;
	size_t count = 0;

	for (key = type->keys; key->name && count < CANDIDATES_MAX; key++)
		candidates[count++] = key->name;
	return str_nearest(name, candidates, count);
}

static void unknown_key(struct compose_ctx *c, const struct compose_path *path,
			const struct compose_type *type, const struct compose_pair *pair)
{
	const char *near = nearest_key(type, pair->key);
	bool service = type == &type_file && pair->value->kind == COMPOSE_MAP &&
		       (node_get(pair->value, "image") || node_get(pair->value, "build"));

	problem_at(c, DIAG_UNKNOWN_KEY, path, pair->key_mark, "unknown key \"%s\"", pair->key);
	/* A key of another level is worth a word more than one that is spelled alike. */
	if (service)
		diag_hint(c->diags, "put services under \"services:\"");
	else if (near)
		diag_mean(c->diags, near);
	else if (type == &type_service && schema_key(&type_file, pair->key))
		diag_hint(c->diags, "it belongs to the top of the file: check the indentation");
	else if (type != &type_service && schema_key(&type_service, pair->key))
		diag_hint(c->diags, "it is a key of services: check the indentation");
}

static bool valid_object_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
			    name[i]))
			return false;
	return i > 0;
}

/* One pair of a mapping; NULL when it is not to stay. */
static struct compose_node *decode_pair(struct compose_ctx *c, const struct compose_path *path,
					const struct compose_type *type,
					const struct compose_pair *pair)
{
	struct compose_path at = {path, pair->key, 0};
	const struct compose_key *key;

	if (!type->keys) {
		if ((type->flags & TYPE_NAMES) && !valid_object_name(pair->key) &&
		    !str_starts(pair->key, "x-")) {
			problem_at(
				c, DIAG_NAME, path, pair->key_mark,
				"\"%s\" is not a name: letters, digits, \"_\", \".\" and \"-\" are allowed",
				pair->key);
			return NULL;
		}
		return type->value ? decode_value(c, &at, type->value, NULL, pair->value)
				   : pair->value;
	}
	key = schema_key(type, pair->key);
	if (key)
		return decode_value(c, &at, key->type, key->values, pair->value);
	if (!str_starts(pair->key, "x-")) {
		unknown_key(c, path, type, pair);
		return NULL;
	}
	return type == &type_file ? pair->value : NULL;
}

static void decode_map(struct compose_ctx *c, const struct compose_path *path,
		       const struct compose_type *type, struct compose_node *n)
{
	size_t i, kept = 0;

	for (i = 0; i < n->map.count; i++) {
		struct compose_pair pair = n->map.pairs[i];

		pair.value = decode_pair(c, path, type, &pair);
		if (pair.value)
			n->map.pairs[kept++] = pair;
		else if (!str_starts(pair.key, "x-"))
			n->damaged = true;
	}
	n->map.count = kept;
}

static bool want_value(struct compose_ctx *c, const struct compose_path *path,
		       const struct compose_type *type, const struct compose_node *n)
{
	if (want_shape(c, path, n, type->shapes, type->wanted))
		return true;
	if (type == &type_service && path && path->key && schema_key(type, path->key))
		diag_hint(c->diags, "it is a key of services: check the indentation");
	return false;
}

struct compose_node *decode_value(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, const char *values,
				  struct compose_node *n)
{
	enum compose_tag tag = n->tag;

	if (tag == COMPOSE_TAG_RESET)
		return n;
	if (n->kind == COMPOSE_LIST)
		drop_reset_items(n);
	/* Nothing may stand anywhere: merging decides what it does, decode_nulls looks last. */
	if (n->kind == COMPOSE_NULL && !(type->shapes & SHAPE_NULL))
		return n;
	if (!want_value(c, path, type, n))
		return NULL;
	if (is_opaque(c, n))
		return n;
	if ((type->cast && !cast(c, path, type->cast, n)) || !check_word(c, path, values, n))
		return NULL;
	if (type->expand)
		n = type->expand(c, path, n);
	if (!n)
		return NULL;
	n->tag = tag;
	if (n->kind == COMPOSE_LIST)
		decode_list(c, path, type, n);
	else if (n->kind == COMPOSE_MAP && (type->keys || type->value || type->flags & TYPE_NAMES))
		decode_map(c, path, type, n);
	return n;
}

/* ---- nothing where something must be */

static bool keep_value(struct compose_ctx *c, const struct compose_path *path,
		       const struct compose_type *type, struct compose_mark mark,
		       struct compose_node *n)
{
	if (!type)
		return true;
	if (n->kind == COMPOSE_NULL) {
		n->mark = mark; /* of its key: nothing itself has no place */
		return want_shape(c, path, n, type->shapes, type->wanted);
	}
	decode_nulls(c, path, type, n);
	return true;
}

void decode_nulls(struct compose_ctx *c, const struct compose_path *path,
		  const struct compose_type *type, struct compose_node *n)
{
	const struct compose_key *key;
	size_t i, kept = 0;

	for (i = 0; n->kind == COMPOSE_MAP && i < n->map.count; i++) {
		struct compose_pair *pair = &n->map.pairs[i];
		struct compose_path at = {path, pair->key, 0};

		key = type->keys ? schema_key(type, pair->key) : NULL;
		if (keep_value(c, &at, key ? key->type : type->value, pair->key_mark, pair->value))
			n->map.pairs[kept++] = *pair;
		else
			n->damaged = true;
	}
	if (n->kind == COMPOSE_MAP)
		n->map.count = kept;
	for (i = kept = 0; n->kind == COMPOSE_LIST && i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};

		if (keep_value(c, &at, type->item, n->list.items[i]->mark, n->list.items[i]))
			n->list.items[kept++] = n->list.items[i];
	}
	if (n->kind == COMPOSE_LIST)
		n->list.count = kept;
}
