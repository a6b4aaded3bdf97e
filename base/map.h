/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Map from strings to pointers: open addressing, keys copied, iteration in order of insertion.
 * Values are borrowed unless a destructor was given.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>

#include "base/mem.h"

struct map;
struct map *map_new(void (*free_value)(void *)); /* destructor may be NULL */
void map_free(struct map *m);			 /* accepts NULL */
size_t map_len(const struct map *m);		 /* NULL is empty, here and below */
void *map_get(const struct map *m, const char *key);
bool map_has(const struct map *m, const char *key);
void *map_set(struct map *m, const char *key,
	      void *value); /* returns the old value if there is no destructor, which otherwise
			       frees it */
void *map_take(struct map *m, const char *key); /* removes without destroying; NULL if absent */
bool map_remove(struct map *m, const char *key);
/* Iteration: `struct map_iter it = { 0 }; while (map_next(m, &it)) use(it.key, it.value);`
 * Removing the current entry while iterating is allowed, adding is not. */
struct map_iter {
	size_t at;
	const char *key;
	void *value;
};
bool map_next(const struct map *m, struct map_iter *it);
DEFINE_AUTO(struct map, map_free)

#endif
