/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two definitions of one thing, both in long syntax: mappings merge, lists are appended and freed
 * of doubles, scalars are replaced.  A value marked !reset removes what was there, one marked
 * !override replaces it whole.
 */
#include <string.h>

#include "base/map.h"
#include "compose/schema.h"
#include "compose/yaml.h"

/* ---- what makes items the same */

const char *index_text(struct arena *a, const struct compose_node *item)
{
	return yaml_scalar_text(a, item);
}

const char *index_assignment(struct arena *a, const struct compose_node *item)
{
	const char *text = yaml_scalar_text(a, item);

	return arena_strndup(a, text, strcspn(text, "="));
}

static const char *member(struct arena *a, const struct compose_node *item, const char *key,
			  const char *fallback)
{
	const struct compose_node *n = node_get(item, key);

	return n && n->kind != COMPOSE_NULL ? yaml_scalar_text(a, n) : fallback;
}

static const char *index_member(struct arena *a, const struct compose_node *item, const char *key)
{
	if (item->kind != COMPOSE_MAP)
		return yaml_scalar_text(a, item);
	return member(a, item, key, member(a, item, "source", ""));
}

const char *index_target(struct arena *a, const struct compose_node *item)
{
	return index_member(a, item, "target");
}

const char *index_path(struct arena *a, const struct compose_node *item)
{
	return index_member(a, item, "path");
}

const char *index_subnet(struct arena *a, const struct compose_node *item)
{
	return index_member(a, item, "subnet");
}

const char *index_port(struct arena *a, const struct compose_node *item)
{
	if (item->kind != COMPOSE_MAP)
		return yaml_scalar_text(a, item);
	return arena_printf(a, "%s:%s:%s/%s", member(a, item, "host_ip", "0.0.0.0"),
			    member(a, item, "published", ""), member(a, item, "target", ""),
			    member(a, item, "protocol", "tcp"));
}

/* An item with the index of an earlier one: mappings of networks' addresses merge, others replace.
 */
static struct compose_node *again(struct arena *a, const struct compose_type *type,
				  struct compose_node *before, struct compose_node *item)
{
	size_t i;

	if (type->index != index_subnet || before->kind != COMPOSE_MAP || item->kind != COMPOSE_MAP)
		return item;
	for (i = 0; i < item->map.count; i++)
		node_put(a, before, item->map.pairs[i].key, item->map.pairs[i].key_mark,
			 item->map.pairs[i].value);
	return before;
}

void merge_unique(struct arena *a, const struct compose_type *type, struct compose_node *list)
{
	AUTO(map_free) struct map *seen = map_new(NULL);
	size_t i, kept = 0;

	for (i = 0; i < list->list.count; i++) {
		struct compose_node *item = list->list.items[i];
		const char *index = type->index(a, item);
		uintptr_t at = (uintptr_t)map_get(seen, index);

		if (at) {
			list->list.items[at - 1] = again(a, type, list->list.items[at - 1], item);
			continue;
		}
		list->list.items[kept++] = item;
		map_set(seen, index, (void *)(uintptr_t)kept);
	}
	list->list.count = kept;
}

void check_twice(struct compose_ctx *c, const struct compose_path *path,
		 const struct compose_node *list)
{
	size_t i, k;

	if (list->list.count > COMPOSE_TWICE_MAX)
		return;
	for (i = 1; i < list->list.count; i++)
		for (k = 0; k < i; k++)
			if (node_equal(list->list.items[i], list->list.items[k])) {
				problem_at(c, DIAG_CONFLICT, path, list->list.items[i]->mark,
					   "items %zu and %zu are equal", k, i);
				diag_note(c->diags, list->list.items[k]->mark, "the first of them");
				return;
			}
}

/* ---- marks */

struct compose_node *merge_strip(struct compose_node *n)
{
	size_t i, kept = 0;

	if (!n || n->tag == COMPOSE_TAG_RESET)
		return NULL;
	n->tag = COMPOSE_TAG_NONE;
	if (n->kind == COMPOSE_LIST) {
		for (i = 0; i < n->list.count; i++)
			if (merge_strip(n->list.items[i]))
				n->list.items[kept++] = n->list.items[i];
		n->list.count = kept;
	} else if (n->kind == COMPOSE_MAP) {
		for (i = 0; i < n->map.count; i++)
			if (merge_strip(n->map.pairs[i].value))
				n->map.pairs[kept++] = n->map.pairs[i];
		n->map.count = kept;
	}
	return n;
}

/* ---- merging */

static void append_all(struct compose_ctx *c, const struct compose_path *path,
		       const struct compose_type *type, struct compose_node *base,
		       const struct compose_node *over)
{
	size_t i;

	for (i = 0; i < over->list.count; i++)
		node_append(c->arena, base, over->list.items[i]);
	if (type && type->item && type->item->index)
		merge_unique(c->arena, type->item, base);
	else if (type && (type->flags & TYPE_UNIQUE))
		check_twice(c, path, base);
}

static void merge_pair(struct compose_ctx *c, const struct compose_path *path,
		       const struct compose_type *type, struct compose_node *base,
		       const struct compose_pair *pair)
{
	const struct compose_key *key = type && type->keys ? schema_key(type, pair->key) : NULL;
	const struct compose_type *part = key ? key->type : type ? type->value : NULL;
	struct compose_path at = {path, pair->key, 0};
	struct compose_pair *before = node_pair(base, pair->key);
	bool replace = key && (key->flags & KEY_REPLACE);

	if (pair->value->tag == COMPOSE_TAG_RESET) {
		node_remove(base, pair->key);
		return;
	}
	if (!before) {
		struct compose_node *value = merge_strip(pair->value);

		node_put(c->arena, base, pair->key, pair->key_mark, value);
		return;
	}
	if (pair->value->kind == COMPOSE_NULL && type && (type->flags & TYPE_NULL_WINS))
		replace = true;
	before->value = merge_nodes(c, &at, part, replace, before->value, pair->value);
	if (before->value == pair->value)
		before->key_mark = pair->key_mark;
}

struct compose_node *merge_nodes(struct compose_ctx *c, const struct compose_path *path,
				 const struct compose_type *type, bool replace,
				 struct compose_node *base, struct compose_node *over)
{
	bool scalars;
	size_t i;

	if (!base || over->tag == COMPOSE_TAG_OVERRIDE || replace)
		return merge_strip(over);
	if (over->kind == COMPOSE_NULL)
		return base;
	if (base->kind == COMPOSE_NULL)
		return merge_strip(over);
	if (type && type->merge)
		return merge_strip(type->merge(c, base, over));
	scalars = base->kind < COMPOSE_LIST && over->kind < COMPOSE_LIST;
	if (scalars)
		return over;
	if (base->kind != over->kind) {
		problem_at(c, DIAG_TYPE, path, over->mark,
			   "cannot override: the value before has another shape");
		return base;
	}
	if (base->kind == COMPOSE_LIST)
		append_all(c, path, type, base, merge_strip(over));
	else
		for (i = 0; i < over->map.count; i++)
			merge_pair(c, path, type, base, &over->map.pairs[i]);
	base->damaged |= over->damaged;
	return base;
}

/* "all" in its long form. */
static bool is_all(const struct compose_node *list)
{
	const struct compose_node *one = list->list.count == 1 ? list->list.items[0] : NULL;
	const struct compose_node *count = one ? node_get(one, "count") : NULL;

	return count && one->map.count == 1 && count->kind == COMPOSE_INT && count->integer == -1;
}

/* Lists are appended; "all" is one word, and replaces or is replaced. */
struct compose_node *merge_gpus(struct compose_ctx *c, struct compose_node *base,
				struct compose_node *over)
{
	size_t i;

	if (base->kind != COMPOSE_LIST || over->kind != COMPOSE_LIST || is_all(base) ||
	    is_all(over))
		return over;
	for (i = 0; i < over->list.count; i++)
		node_append(c->arena, base, over->list.items[i]);
	return base;
}

/* Options of another driver mean nothing to this one. */
struct compose_node *merge_logging(struct compose_ctx *c, struct compose_node *base,
				   struct compose_node *over)
{
	struct compose_node *before = node_get(base, "driver"), *after = node_get(over, "driver");
	struct compose_node *options = node_get(base, "options"), *more = node_get(over, "options");
	size_t i;

	if (before && after && !node_equal(before, after))
		return over;
	if (after)
		node_put(c->arena, base, "driver", after->mark, after);
	if (!more || more->kind != COMPOSE_MAP)
		return base;
	if (!options || options->kind != COMPOSE_MAP) {
		node_put(c->arena, base, "options", more->mark, more);
		return base;
	}
	for (i = 0; i < more->map.count; i++)
		node_put(c->arena, options, more->map.pairs[i].key, more->map.pairs[i].key_mark,
			 more->map.pairs[i].value);
	return base;
}
