/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * String map: entries in an array in the order of insertion, and an open-addressing index of entry
 * numbers (+1; 0 = empty) with linear probing.  Removed entries leave a NULL key in the array until
 * the next rebuild; the index still points at them, which keeps probe chains whole.  The hash is
 * seeded at random, so that keys from outside cannot be chosen to collide.
 */
#include "base/map.h"

#include <string.h>
#include <sys/random.h>

struct entry {
	char *key; /* NULL: removed */
	void *value;
	uint64_t hash;
};

struct map {
	struct entry *entries;
	uint32_t *index;
	size_t used, live, entries_cap, index_size; /* used counts removed entries too */
	void (*free_value)(void *);
};

static uint64_t map_seed(void)
{
	static uint64_t seed; /* written once with equal effect: a race only wastes a getrandom */

	if (!seed && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
	seed |= 1;
	return seed;
}

static uint64_t hash_key(const char *key)
{
	uint64_t h = map_seed() ^ 0xcbf29ce484222325u;

	for (; *key; key++) {
		h ^= (unsigned char)*key;
		h *= 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return h ^ (h >> 32);
}

struct map *map_new(void (*free_value)(void *))
{
	struct map *m = xcalloc(1, sizeof(*m));

	m->free_value = free_value;
	return m;
}

void map_free(struct map *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->used; i++) {
		if (m->entries[i].key && m->free_value)
			m->free_value(m->entries[i].value);
		free(m->entries[i].key);
	}
	free(m->entries);
	free(m->index);
	free(m);
}

size_t map_len(const struct map *m)
{
	return m ? m->live : 0;
}

static struct entry *find(const struct map *m, const char *key, uint64_t hash)
{
	size_t at;

	if (!m || !m->live)
		return NULL;
	for (at = hash & (m->index_size - 1); m->index[at]; at = (at + 1) & (m->index_size - 1)) {
		struct entry *e = &m->entries[m->index[at] - 1];

		if (e->key && e->hash == hash && !strcmp(e->key, key))
			return e;
	}
	return NULL;
}

static void index_entry(struct map *m, size_t number)
{
	size_t at = m->entries[number].hash & (m->index_size - 1);

	while (m->index[at])
		at = (at + 1) & (m->index_size - 1);
	m->index[at] = (uint32_t)number + 1;
}

/* Drops removed entries and makes room for at least one more. */
static void rebuild(struct map *m)
{
	size_t i, kept = 0, cap = 8;

	for (i = 0; i < m->used; i++)
		if (m->entries[i].key)
			m->entries[kept++] = m->entries[i];
	m->used = kept;
	while (cap < kept + kept / 2 + 1)
		cap *= 2;
	m->entries = xreallocarray(m->entries, cap, sizeof(*m->entries));
	m->entries_cap = cap;
	free(m->index);
	m->index_size = cap * 2;
	m->index = xcalloc(m->index_size, sizeof(*m->index));
	for (i = 0; i < kept; i++)
		index_entry(m, i);
}

void *map_get(const struct map *m, const char *key)
{
	struct entry *e = m ? find(m, key, hash_key(key)) : NULL;

	return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
	return m && find(m, key, hash_key(key));
}

void *map_set(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_key(key);
	struct entry *e = find(m, key, hash);
	void *old;

	if (e) {
		old = e->value;
		e->value = value;
		if (m->free_value && old != value) {
			m->free_value(old);
			old = NULL;
		}
		return old;
	}
	if (m->used == m->entries_cap)
		rebuild(m);
	m->entries[m->used] = (struct entry){xstrdup(key), value, hash};
	index_entry(m, m->used++);
	m->live++;
	return NULL;
}

void *map_take(struct map *m, const char *key)
{
	struct entry *e = m ? find(m, key, hash_key(key)) : NULL;
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	free(e->key);
	e->key = NULL;
	e->value = NULL;
	m->live--;
	return value;
}

bool map_remove(struct map *m, const char *key)
{
	void *value;

	if (!map_has(m, key))
		return false;
	value = map_take(m, key);
	if (m->free_value)
		m->free_value(value);
	return true;
}

bool map_next(const struct map *m, struct map_iter *it)
{
	while (m && it->at < m->used) {
		const struct entry *e = &m->entries[it->at++];

		if (e->key) {
			it->key = e->key;
			it->value = e->value;
			return true;
		}
	}
	return false;
}
