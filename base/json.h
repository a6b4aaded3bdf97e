/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on top of jansson: bounded loading, short accessors, and the table-driven codec by which
 * structs are read and written (`struct json_field`).  `auto_json json_t *x = NULL;` drops its
 * reference at the end of the scope.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

static inline void json_auto(json_t **p)
{
	json_decref(*p);
}
#define auto_json __attribute__((cleanup(json_auto)))

#define JSON_TEXT_MAX ((size_t)64 << 20)

/* Loads one document (duplicates rejected, depth bounded by jansson's 2048).  -EINVAL with
 * line:column. */
int json_load_text(const char *text, size_t len, json_t **ret, struct error *err) MUST_CHECK;
/* Compact text, newline not included.  Never fails for a valid value. */
char *json_text(const json_t *value);

/* Accessors: NULL/false/fallback when the object lacks the key or has another type. */
const char *json_get_str(const json_t *object, const char *key);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);
bool json_get_bool(const json_t *object, const char *key);
json_t *json_get_obj(const json_t *object, const char *key); /* borrowed */
json_t *json_get_arr(const json_t *object, const char *key); /* borrowed */
/* Path of keys, "deploy.resources.limits"; borrowed. */
json_t *json_get_path(const json_t *object, const char *dotted);

/* New string; bytes that are not UTF-8 become U+FFFD. */
json_t *json_str(const char *text);
/* Setters: NULL strings are not set. */
void json_set_str(json_t *object, const char *key, const char *value);
void json_set_strf(json_t *object, const char *key, const char *fmt, ...) PRINTF(3, 4);
void json_set_int(json_t *object, const char *key, int64_t value);
void json_set_bool(json_t *object, const char *key, bool value);
void json_set_new(json_t *object, const char *key, json_t *owned); /* takes the reference */
json_t *json_strv(char *const *v);				   /* new array of strings */
char **json_to_strv(const json_t *array); /* strings of the array; numbers and bools as text */

/*
 * Codec.  A table of fields ends with { 0 }.  Decoding checks types and reports
 * "config.mounts[2].target: must be a string" as -EINVAL; unknown keys are ignored unless the flag
 * says otherwise.  Encoding omits what is empty, zero or false unless JSON_F_ALWAYS.
 */
enum json_kind {
	JSON_K_NONE,
	JSON_K_STR,    /* char *, owned */
	JSON_K_BOOL,   /* bool */
	JSON_K_INT,    /* int64_t */
	JSON_K_REAL,   /* double */
	JSON_K_STRV,   /* char **, owned */
	JSON_K_VALUE,  /* json_t *, a reference */
	JSON_K_STRUCT, /* embedded struct, table in `sub` */
	JSON_K_LIST, /* pointer to an owned array of structs at `offset`, size_t count at `offset2`,
			element size in `size`, table in `sub` */
};
#define JSON_F_REQUIRED 1u
#define JSON_F_ALWAYS	2u /* encode also when empty */

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t offset, offset2, size;
	const struct json_field *sub;
	unsigned flags;
};

int json_decode(const json_t *object, const struct json_field *fields, void *out, const char *where,
		struct error *err) MUST_CHECK;
json_t *json_encode(const struct json_field *fields, const void *in); /* new reference */
void json_release(const struct json_field *fields, void *out); /* frees what decode allocated */

#endif
