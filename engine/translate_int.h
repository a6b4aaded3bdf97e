/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the translation share: one row per key of a service, and its setter. */
#ifndef ENGINE_TRANSLATE_INT_H
#define ENGINE_TRANSLATE_INT_H

#include "engine/translate.h"

#define TRANSLATE_ENTRIES_MAX 4096 /* of any one list of a service */

struct translate {
	const struct translate_args *args;
	const json_t *service;
	struct container_config *c;
	struct error *err;
};

/* `value` is never null; `field` points into the configuration.  0 or -EINVAL with t->err. */
typedef int (*translate_set)(struct translate *t, const json_t *value, void *field);
struct translate_row {
	const char *key;
	translate_set set;
	size_t offset;
};
#define TRANSLATE_ROW(key, set, member)                                                            \
	{                                                                                          \
		key, set, offsetof(struct container_config, member)                                \
	}
/* The rows of a table that the object has keys for; errors are wrapped with the key. */
int translate_rows(struct translate *t, const json_t *object, const struct translate_row *rows,
		   void *base) MUST_CHECK;

extern const struct translate_row translate_mount_rows[], translate_net_rows[],
	translate_limit_rows[];

/* Setters of plain values. */
int set_str(struct translate *t, const json_t *value, void *field);   /* char *; numbers as text */
int set_bool(struct translate *t, const json_t *value, void *field);  /* bool, or "true" */
int set_int(struct translate *t, const json_t *value, void *field);   /* int64_t, or its text */
int set_bytes(struct translate *t, const json_t *value, void *field); /* int64_t; -1: unlimited */
int set_duration(struct translate *t, const json_t *value, void *field); /* int64_t, ns */
int set_strv(struct translate *t, const json_t *value, void *field); /* char **; a string is one */
int set_map(struct translate *t, const json_t *value,
	    void *field); /* json_t *, object of strings */

/* Text of a scalar, owned; NULL for null, lists and objects. */
char *scalar_text(const json_t *value);
/* The container of "service:x" as "container:ID"; anything else is copied.  *ret is replaced. */
int resolve_service_mode(struct translate *t, const char *mode, char **ret);
/* Room for one more element at the end of a counted array; zeroed. */
void *array_grow(void *items_pointer, size_t *count, size_t size);
#define ARRAY_GROW(items, count)                                                                   \
	((__typeof__(*(items)) *)array_grow(&(items), (count), sizeof(**(&(items)))))

#endif
