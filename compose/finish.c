/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last walk with the tables: every value gets the one type and spelling that the model has, in
 * the order of the tables; free mappings are sorted.  Empty values are left out unless their key
 * says otherwise.  Marks stay, for the checks that follow.
 */
#include <string.h>

#include "base/time.h"
#include "compose/schema.h"
#include "compose/yaml.h"

static struct compose_node *text_node(struct compose_ctx *c, const struct compose_node *like,
				      const char *text)
{
	struct compose_node *n = node_string(c->arena, text, like->mark);

	n->outside = like->outside;
	return n;
}

/* ---- scalars */

struct compose_node *finish_string(struct compose_ctx *c, const struct compose_path *path,
				   const struct compose_type *type, bool keep,
				   struct compose_node *n)
{
	const char *text = yaml_scalar_text(c->arena, n);

	(void)path;
	(void)type;
	if (!*text && !keep)
		return NULL;
	return n->kind == COMPOSE_STRING ? n : text_node(c, n, text);
}

struct compose_node *finish_nullable(struct compose_ctx *c, const struct compose_path *path,
				     const struct compose_type *type, bool keep,
				     struct compose_node *n)
{
	return n->kind == COMPOSE_NULL ? n : finish_string(c, path, type, keep, n);
}

/* Fits an integer; what is larger, infinite or no number does not. */
static bool is_whole(double value)
{
	return value > -9e18 && value < 9e18 && !(value < (double)(int64_t)value) &&
	       !(value > (double)(int64_t)value);
}

struct compose_node *finish_int(struct compose_ctx *c, const struct compose_path *path,
				const struct compose_type *type, bool keep, struct compose_node *n)
{
	(void)type;
	if (n->kind == COMPOSE_FLOAT && !is_whole(n->real)) {
		problem_at(c, DIAG_VALUE, path, n->mark, "must be a whole number");
		return NULL;
	}
	if (n->kind == COMPOSE_FLOAT) {
		n->integer = (int64_t)n->real;
		n->kind = COMPOSE_INT;
	}
	if (n->kind != COMPOSE_INT)
		return n->kind == COMPOSE_NULL ? NULL : n;
	return n->integer || keep ? n : NULL;
}

struct compose_node *finish_bool(struct compose_ctx *c, const struct compose_path *path,
				 const struct compose_type *type, bool keep, struct compose_node *n)
{
	(void)c;
	(void)path;
	(void)type;
	if (n->kind != COMPOSE_BOOL)
		return n->kind == COMPOSE_NULL ? NULL : n;
	return n->boolean || keep ? n : NULL;
}

/* Single precision, as the reference has it: 0.1 stays 0.1 only when rounded to its digits. */
struct compose_node *finish_float(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, bool keep,
				  struct compose_node *n)
{
	char digits[40];

	(void)c;
	(void)path;
	(void)type;
	if (n->kind == COMPOSE_FLOAT) {
		yaml_float_text((double)(float)n->real, true, digits);
		if (parse_double(digits, &n->real) < 0)
			return NULL;
		if (n->real >= -1e15 && n->real <= 1e15 && !(n->real < (double)(int64_t)n->real) &&
		    !(n->real > (double)(int64_t)n->real)) {
			n->integer = (int64_t)n->real;
			n->kind = COMPOSE_INT;
		}
	}
	if (n->kind == COMPOSE_INT)
		return n->integer || keep ? n : NULL;
	return n->kind == COMPOSE_NULL ? NULL : n;
}

struct compose_node *finish_bytes(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, bool keep,
				  struct compose_node *n)
{
	uint64_t bytes;
	int64_t plain;

	(void)type;
	(void)keep;
	if (n->kind == COMPOSE_NULL || n->kind == COMPOSE_FLOAT)
		return NULL;
	if (n->kind == COMPOSE_INT)
		return n->integer ? text_node(c, n, yaml_scalar_text(c->arena, n)) : NULL;
	if (is_opaque(c, n))
		return n;
	if (parse_i64(n->text, &plain) == 0)
		return plain ? text_node(c, n, arena_printf(c->arena, "%lld", (long long)plain))
			     : NULL;
	if (parse_bytes(n->text, &bytes) < 0) {
		problem_at(c, DIAG_VALUE, path, n->mark, "\"%s\" is not a size", n->text);
		diag_hint(c->diags, "write a number and one of b, k, m, g, t, like \"64m\"");
		return NULL;
	}
	return bytes ? text_node(c, n, arena_printf(c->arena, "%llu", (unsigned long long)bytes))
		     : NULL;
}

static void bad_duration(struct compose_ctx *c, const struct compose_path *path,
			 const struct compose_node *n)
{
	size_t digits = strspn(n->text, "0123456789.");
	const char *unit = n->text + digits;
	char fixed = (char)(*unit | 32);

	problem_at(c, DIAG_VALUE, path, n->mark, "\"%s\" is not a duration", n->text);
	if (digits && *unit && strchr("smhdw", fixed))
		diag_mean(c->diags, arena_printf(c->arena, "%.*s%c", (int)digits, n->text, fixed));
	else
		diag_hint(c->diags, "write it like \"10s\" or \"1m30s\"");
}

struct compose_node *finish_duration(struct compose_ctx *c, const struct compose_path *path,
				     const struct compose_type *type, bool keep,
				     struct compose_node *n)
{
	char text[TIME_TEXT_MAX];
	int64_t ns;

	(void)type;
	if (n->kind == COMPOSE_NULL)
		return NULL;
	if (is_opaque(c, n))
		return n;
	if (parse_duration_ns(n->text, &ns) < 0) {
		bad_duration(c, path, n);
		return NULL;
	}
	if (!ns && !keep)
		return NULL;
	time_format_duration(ns, text);
	return text_node(c, n, text);
}

/* Number of devices; "all" is -1. */
struct compose_node *finish_count(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, bool keep,
				  struct compose_node *n)
{
	int64_t count = -1;

	(void)type;
	(void)keep;
	if (n->kind != COMPOSE_STRING || is_opaque(c, n))
		return n->kind == COMPOSE_NULL || (n->kind == COMPOSE_INT && !n->integer) ? NULL
											  : n;
	if (strcmp(n->text, "all") != 0 && parse_i64(n->text, &count) < 0)
		problem_at(c, DIAG_VALUE, path, n->mark, "must be a number or \"all\", not \"%s\"",
			   n->text);
	n->kind = COMPOSE_INT;
	n->integer = count;
	return n;
}

/* ---- lists, mappings */

struct compose_node *finish_list(struct compose_ctx *c, const struct compose_path *path,
				 const struct compose_type *type, bool keep, struct compose_node *n)
{
	struct compose_node *list, *item;
	size_t i;

	if (n->kind != COMPOSE_LIST)
		return n->kind == COMPOSE_NULL ? NULL : n;
	if (!n->list.count && !keep)
		return NULL;
	list = node_new(c->arena, COMPOSE_LIST, n->mark);
	node_reserve(c->arena, list, n->list.count);
	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};

		item = type->item->finish(c, &at, type->item, true, n->list.items[i]);
		if (item)
			node_append(c->arena, list, item);
	}
	return list;
}

static int compare_texts(const void *x, const void *y)
{
	return strcmp((*(struct compose_node *const *)x)->text,
		      (*(struct compose_node *const *)y)->text);
}

struct compose_node *finish_hosts(struct compose_ctx *c, const struct compose_path *path,
				  const struct compose_type *type, bool keep,
				  struct compose_node *n)
{
	struct compose_node *list = finish_list(c, path, type, keep, n);

	if (list && list->kind == COMPOSE_LIST && list->list.count)
		qsort(list->list.items, list->list.count, sizeof(struct compose_node *),
		      compare_texts);
	return list;
}

static int compare_keys(const void *x, const void *y)
{
	return strcmp(((const struct compose_pair *)x)->key, ((const struct compose_pair *)y)->key);
}

struct compose_node *finish_mapping(struct compose_ctx *c, const struct compose_path *path,
				    const struct compose_type *type, bool keep,
				    struct compose_node *n)
{
	struct compose_node *map, *value;
	size_t i;

	if (n->kind != COMPOSE_MAP)
		return n->kind == COMPOSE_NULL ? NULL : n;
	if (!n->map.count && !keep)
		return NULL;
	map = node_new(c->arena, COMPOSE_MAP, n->mark);
	node_reserve(c->arena, map, n->map.count);
	for (i = 0; i < n->map.count; i++) {
		struct compose_pair *pair = &n->map.pairs[i];
		struct compose_path at = {path, pair->key, 0};

		value = type->value->finish(c, &at, type->value, true, pair->value);
		if (!value)
			value = node_new(c->arena, COMPOSE_NULL, pair->value->mark);
		node_put(c->arena, map, pair->key, pair->key_mark, value);
	}
	if (map->map.count)
		qsort(map->map.pairs, map->map.count, sizeof(struct compose_pair), compare_keys);
	node_index(c->arena, map);
	return map;
}

/* The value that a key has when it is absent, or NULL. */
static struct compose_node *absent(struct compose_ctx *c, const struct compose_path *path,
				   const struct compose_key *key, const struct compose_node *map)
{
	struct compose_node *empty;

	if ((key->flags & KEY_REQUIRED) && !map->damaged)
		problem_at(c, DIAG_REQUIRED, path, map->mark, "\"%s\" is missing", key->name);
	if (c->options && c->options->no_interpolate)
		return NULL;
	if (key->flags & KEY_ALWAYS_NULL)
		return node_new(c->arena, COMPOSE_NULL, map->mark);
	if (!(key->flags & KEY_ALWAYS_MAP))
		return NULL;
	empty = node_new(c->arena, COMPOSE_MAP, map->mark);
	return key->type->finish(c, path, key->type, true, empty);
}

static const char *printed_name(struct compose_ctx *c, const struct compose_type *type,
				const struct compose_key *key)
{
	char *name;

	if (!(type->flags & TYPE_CAPITALS))
		return key->name;
	name = arena_strdup(c->arena, key->name);
	name[0] = (char)(name[0] - 'a' + 'A');
	return name;
}

/* Keys that are printed though they are absent. */
static size_t count_always(const struct compose_type *type)
{
	const struct compose_key *key;
	size_t count = 0;

	for (key = type->keys; key->name; key++)
		count += (key->flags & (KEY_ALWAYS_NULL | KEY_ALWAYS_MAP)) != 0;
	return count;
}

struct compose_node *finish_struct(struct compose_ctx *c, const struct compose_path *path,
				   const struct compose_type *type, bool keep,
				   struct compose_node *n)
{
	const struct compose_key *key;
	struct compose_node *map, *value;

	(void)keep;
	if (n->kind != COMPOSE_MAP)
		return n->kind == COMPOSE_NULL ? NULL : n;
	map = node_new(c->arena, COMPOSE_MAP, n->mark);
	map->damaged = n->damaged;
	node_reserve(c->arena, map, n->map.count + count_always(type));
	for (key = type->keys; key->name; key++) {
		const struct compose_pair *pair = node_pair(n, key->name);
		struct compose_path at = {path, key->name, 0};
		struct compose_mark mark = pair ? pair->key_mark : n->mark;

		if (key->flags & KEY_HIDDEN)
			continue;
		value = NULL;
		if (pair)
			/* A list that is there, if empty, differs from none where null is printed.
			 */
			value = key->type->finish(c, &at, key->type,
						  key->flags & (KEY_KEEP | KEY_ALWAYS_NULL),
						  pair->value);
		if (!value)
			value = absent(
				c, pair ? &at : path,
				pair ? &(struct compose_key){.name = key->name,
							     .type = key->type,
							     .flags = key->flags & ~KEY_REQUIRED}
				     : key,
				n);
		if (value && (key->flags & KEY_WARNED))
			warning_at(c, DIAG_UNSUPPORTED, path, mark,
				   "\"%s\" is ignored: cmp does not do it", key->name);
		if (value)
			node_put(c->arena, map, printed_name(c, type, key), mark, value);
	}
	return map;
}

/* A limit of 0 is printed as {}, as the reference does, and {} reads as 0 again. */
struct compose_node *finish_ulimit(struct compose_ctx *c, const struct compose_path *path,
				   const struct compose_type *type, bool keep,
				   struct compose_node *n)
{
	if (n->kind == COMPOSE_MAP)
		return n->map.count ? finish_struct(c, path, type, keep, n) : n;
	n = finish_int(c, path, type, true, n);
	if (n && n->kind == COMPOSE_INT && !n->integer)
		n = node_new(c->arena, COMPOSE_MAP, n->mark);
	return n;
}

/* What is not said to be optional is required. */
struct compose_node *finish_dependency(struct compose_ctx *c, const struct compose_path *path,
				       const struct compose_type *type, bool keep,
				       struct compose_node *n)
{
	struct compose_node *required;

	if (n->kind == COMPOSE_MAP && !node_pair(n, "required")) {
		required = node_new(c->arena, COMPOSE_BOOL, n->mark);
		required->boolean = true;
		node_set(c->arena, n, "required", n->mark, required);
	}
	return finish_struct(c, path, type, keep, n);
}
