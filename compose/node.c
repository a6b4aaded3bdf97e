/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: growing lists and maps in an arena.  Old arrays are left behind when they grow; growth is
 * geometric, so that a tree wastes at most as much as it uses.  Keys of a map are unique.  Long
 * maps have an index, which is only used while it has as many pairs as the map.
 */
#include "compose/node.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define INDEXED_MIN 32

struct slot {
	uint32_t hash, position; /* from 1; 0: free */
};

struct node_index {
	const struct compose_pair *pairs;
	size_t count;
	uint32_t mask;
	struct slot slots[];
};

struct compose_node *node_new(struct arena *a, enum compose_kind kind, struct compose_mark mark)
{
	struct compose_node *n = arena_alloc(a, sizeof(*n));

	n->kind = kind;
	n->mark = mark;
	return n;
}

struct compose_node *node_text(struct arena *a, const char *text, struct compose_mark mark)
{
	struct compose_node *n = node_new(a, COMPOSE_STRING, mark);

	n->text = text;
	return n;
}

struct compose_node *node_string(struct arena *a, const char *text, struct compose_mark mark)
{
	return node_text(a, arena_strdup(a, text), mark);
}

struct compose_node *node_copy(struct arena *a, const struct compose_node *n)
{
	struct compose_node *copy;
	size_t i;

	if (!n)
		return NULL;
	copy = arena_alloc(a, sizeof(*copy));
	*copy = *n;
	if (n->kind == COMPOSE_LIST) {
		copy->list.room = n->list.count;
		copy->list.items = arena_alloc(a, (n->list.count + 1) * sizeof(*n->list.items));
		for (i = 0; i < n->list.count; i++)
			copy->list.items[i] = node_copy(a, n->list.items[i]);
	} else if (n->kind == COMPOSE_MAP) {
		copy->map.room = n->map.count;
		copy->map.index = NULL;
		copy->map.pairs = arena_alloc(a, (n->map.count + 1) * sizeof(*n->map.pairs));
		for (i = 0; i < n->map.count; i++) {
			copy->map.pairs[i] = n->map.pairs[i];
			copy->map.pairs[i].value = node_copy(a, n->map.pairs[i].value);
		}
		node_index(a, copy);
	}
	return copy;
}

static bool lists_equal(const struct compose_node *x, const struct compose_node *y)
{
	size_t i;

	if (x->list.count != y->list.count)
		return false;
	for (i = 0; i < x->list.count; i++)
		if (!node_equal(x->list.items[i], y->list.items[i]))
			return false;
	return true;
}

static bool maps_equal(const struct compose_node *x, const struct compose_node *y)
{
	const struct compose_node *other;
	size_t i;

	if (x->map.count != y->map.count)
		return false;
	for (i = 0; i < x->map.count; i++) {
		other = node_get(y, x->map.pairs[i].key);
		if (!other || !node_equal(x->map.pairs[i].value, other))
			return false;
	}
	return true;
}

bool node_equal(const struct compose_node *x, const struct compose_node *y)
{
	if (!x || !y)
		return x == y;
	if (x->kind != y->kind)
		return false;
	switch (x->kind) {
	case COMPOSE_NULL:
		return true;
	case COMPOSE_STRING:
		return str_eq(x->text, y->text);
	case COMPOSE_BOOL:
		return x->boolean == y->boolean;
	case COMPOSE_INT:
		return x->integer == y->integer;
	case COMPOSE_FLOAT:
		return !(x->real < y->real) && !(x->real > y->real);
	case COMPOSE_LIST:
		return lists_equal(x, y);
	case COMPOSE_MAP:
		return maps_equal(x, y);
	}
	return false;
}

/* ---- the index of a map */

static uint32_t hash_key(const char *key)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	return hash;
}

static void index_add(struct node_index *index, uint32_t hash, size_t position)
{
	uint32_t at = hash & index->mask;

	while (index->slots[at].position)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct slot){hash, (uint32_t)position};
}

static bool index_valid(const struct compose_node *map)
{
	const struct node_index *index = map->map.index;

	return index && index->count == map->map.count && index->pairs == map->map.pairs;
}

void node_index(struct arena *a, struct compose_node *map)
{
	size_t i, size = INDEXED_MIN;
	struct node_index *index;

	if (map->map.count < INDEXED_MIN || map->map.count > UINT32_MAX / 8)
		return;
	while (size < map->map.count * 4)
		size *= 2;
	index = arena_alloc(a, sizeof(*index) + size * sizeof(struct slot));
	index->mask = (uint32_t)size - 1;
	index->pairs = map->map.pairs;
	index->count = map->map.count;
	for (i = 0; i < map->map.count; i++)
		index_add(index, hash_key(map->map.pairs[i].key), i + 1);
	map->map.index = index;
}

/* The last pair was added: the index follows, or is made anew when it is too small. */
static void index_grow(struct arena *a, struct compose_node *map, bool was_valid)
{
	struct node_index *index = map->map.index;
	size_t count = map->map.count;

	if (!was_valid || count * 2 > index->mask) {
		node_index(a, map);
		return;
	}
	index_add(index, hash_key(map->map.pairs[count - 1].key), count);
	index->pairs = map->map.pairs;
	index->count = count;
}

/* False when the index cannot tell: the pairs may have been reordered. */
static bool index_find(const struct compose_node *map, const char *key, struct compose_pair **ret)
{
	const struct node_index *index = map->map.index;
	uint32_t hash = hash_key(key), at;

	*ret = NULL;
	for (at = hash & index->mask; index->slots[at].position; at = (at + 1) & index->mask) {
		if (index->slots[at].hash != hash)
			continue;
		*ret = &map->map.pairs[index->slots[at].position - 1];
		return !strcmp((*ret)->key, key);
	}
	return true;
}

struct compose_pair *node_pair(const struct compose_node *map, const char *key)
{
	struct compose_pair *pair;
	size_t i;

	if (!map || map->kind != COMPOSE_MAP)
		return NULL;
	if (index_valid(map) && index_find(map, key, &pair))
		return pair;
	for (i = 0; i < map->map.count; i++)
		if (map->map.pairs[i].key[0] == key[0] && !strcmp(map->map.pairs[i].key, key))
			return &map->map.pairs[i];
	return NULL;
}

struct compose_node *node_get(const struct compose_node *map, const char *key)
{
	struct compose_pair *pair = node_pair(map, key);

	return pair ? pair->value : NULL;
}

struct compose_node *node_path(const struct compose_node *map, const char *dotted)
{
	struct compose_node *value;
	char key[128];
	size_t len = strcspn(dotted, ".");

	if (len >= sizeof(key))
		return NULL;
	memcpy(key, dotted, len);
	key[len] = '\0';
	value = node_get(map, key);
	return value && dotted[len] ? node_path(value, dotted + len + 1) : value;
}

/* How much room the next array has: half as much again, and a few. */
static uint32_t more_room(uint32_t room)
{
	if (room > UINT32_MAX / 2)
		abort(); /* the limits are far below */
	return room + MAX(room / 2, 4u);
}

void node_reserve(struct arena *a, struct compose_node *n, size_t count)
{
	if (n->kind == COMPOSE_MAP && !n->map.room && count) {
		n->map.room = (uint32_t)count;
		n->map.pairs = arena_alloc(a, count * sizeof(*n->map.pairs));
	} else if (n->kind == COMPOSE_LIST && !n->list.room && count) {
		n->list.room = (uint32_t)count;
		n->list.items = arena_alloc(a, count * sizeof(struct compose_node *));
	}
}

void node_put(struct arena *a, struct compose_node *map, const char *key, struct compose_mark mark,
	      struct compose_node *value)
{
	struct compose_pair *pair = node_pair(map, key), *pairs;
	bool indexed = index_valid(map);

	if (pair) {
		pair->value = value;
		pair->key_mark = mark;
		return;
	}
	if (map->map.count == map->map.room) {
		map->map.room = more_room(map->map.room);
		pairs = arena_alloc(a, map->map.room * sizeof(*pairs));
		if (map->map.count)
			memcpy(pairs, map->map.pairs, map->map.count * sizeof(*pairs));
		map->map.pairs = pairs;
	}
	map->map.pairs[map->map.count++] = (struct compose_pair){key, mark, value};
	if (map->map.count >= INDEXED_MIN)
		index_grow(a, map, indexed);
}

void node_set(struct arena *a, struct compose_node *map, const char *key, struct compose_mark mark,
	      struct compose_node *value)
{
	node_put(a, map, node_pair(map, key) ? key : arena_strdup(a, key), mark, value);
}

bool node_remove(struct compose_node *map, const char *key)
{
	struct compose_pair *pair = node_pair(map, key);
	size_t after;

	if (!pair)
		return false;
	after = map->map.count - (size_t)(pair - map->map.pairs) - 1;
	memmove(pair, pair + 1, after * sizeof(*pair));
	map->map.count--;
	return true;
}

void node_append(struct arena *a, struct compose_node *list, struct compose_node *item)
{
	struct compose_node **items;

	if (list->list.count == list->list.room) {
		list->list.room = more_room(list->list.room);
		items = arena_alloc(a, list->list.room * sizeof(struct compose_node *));
		if (list->list.count)
			memcpy(items, list->list.items, list->list.count * sizeof(*items));
		list->list.items = items;
	}
	list->list.items[list->list.count++] = item;
}

json_t *node_to_json(const struct compose_node *n)
{
	json_t *out;
	size_t i;

	switch (n ? n->kind : COMPOSE_NULL) {
	case COMPOSE_STRING:
		return json_str(n->text ? n->text : "");
	case COMPOSE_BOOL:
		return json_boolean(n->boolean);
	case COMPOSE_INT:
		return json_integer(n->integer);
	case COMPOSE_FLOAT:
		out = json_real(n->real);
		return out ? out : json_null();
	case COMPOSE_LIST:
		out = json_array();
		for (i = 0; i < n->list.count; i++)
			json_array_append_new(out, node_to_json(n->list.items[i]));
		return out;
	case COMPOSE_MAP:
		out = json_object();
		for (i = 0; i < n->map.count; i++)
			json_set_new(out, n->map.pairs[i].key, node_to_json(n->map.pairs[i].value));
		return out;
	case COMPOSE_NULL:
		break;
	}
	return json_null();
}
