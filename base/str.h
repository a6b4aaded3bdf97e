/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strings: a growing buffer with a ceiling, vectors of strings, full-check number parsing, nearest
 * names for "did you mean".
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Growing byte buffer, always NUL-terminated when data is not NULL.  `max` is the ceiling in bytes;
 * an addition that would pass it is refused as a whole and `overflow` is set (sticky).
 */
struct buf {
	char *data;
	size_t len, cap, max;
	bool overflow;
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_INIT	((struct buf){.max = BUF_MAX_DEFAULT})

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees the contents; the buffer is empty and usable again */
void buf_reset(struct buf *b);	 /* length 0, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Adds words, those that would pass `columns` on a new line that is indented so far. */
void buf_wrap(struct buf *b, const char *text, size_t indent, size_t columns);
void buf_consume(struct buf *b, size_t len);   /* drops bytes from the front */
char *buf_reserve(struct buf *b, size_t want); /* room for `want` more bytes, or NULL past max */
char *buf_steal(struct buf *b);		       /* never NULL: an empty buffer gives "" */
static inline void buf_auto(struct buf *b)
{
	buf_release(b);
}
#define auto_buf __attribute__((cleanup(buf_auto)))

/* NULL-terminated vectors of strings; NULL is the empty vector. */
size_t strv_len(char *const *v);
char **strv_dup(char *const *v);
void strv_free(char **v);
void strv_push(char ***v, char *owned); /* takes ownership of the string */
void strv_pushf(char ***v, const char *fmt, ...) PRINTF(2, 3);
bool strv_has(char *const *v, const char *s);
char **strv_split(const char *s, const char *separators); /* empty fields are dropped */
char *strv_join(char *const *v, const char *glue);
void strv_sort(char **v);
DEFINE_AUTO(char *, strv_free)

bool str_eq(const char *a, const char *b); /* NULL equals NULL only */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
const char *str_skip(const char *s, const char *prefix); /* after the prefix, or NULL */
bool str_empty(const char *s);				 /* NULL or "" */
char *str_trim(char *s);				 /* in place; returns the first non-blank */
char *str_lower(char *s);				 /* ASCII, in place */
/* Copies with truncation; always terminated.  Returns false when it did not fit. */
bool str_copy(char *dst, size_t size, const char *src);

/* Whole-string number parsing: no sign tricks, no blanks, no overflow.  Return 0 or
 * -EINVAL/-ERANGE. */
int parse_u64(const char *s, uint64_t *ret) MUST_CHECK;
int parse_i64(const char *s, int64_t *ret) MUST_CHECK;
int parse_u32(const char *s, uint32_t *ret) MUST_CHECK;
int parse_u16(const char *s, uint16_t *ret) MUST_CHECK;
int parse_octal(const char *s, uint32_t *ret) MUST_CHECK; /* file modes */
int parse_double(const char *s, double *ret) MUST_CHECK;
/* Bytes: "512", "1.5g", "64MiB", "10 kb": base 1024, any case. */
int parse_bytes(const char *s, uint64_t *ret) MUST_CHECK;
/* Go durations: "1h30m", "500ms", "0", also d and w; result in nanoseconds. */
int parse_duration_ns(const char *s, int64_t *ret_ns) MUST_CHECK;

/*
 * The candidate nearest to `word` by edit distance (transpositions count one), or NULL when none is
 * near enough to be worth suggesting.
 */
const char *str_nearest(const char *word, const char *const *candidates, size_t count);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}: the names of containers, networks, volumes, projects. */
bool str_valid_name(const char *s);
/* RFC 1123 label sequence, at most 253 octets. */
bool str_valid_hostname(const char *s);
/* No control bytes anywhere. */
bool str_printable(const char *s);

/* Human sizes and durations for tables: "12.3MB", "About a minute". */
void str_human_bytes(uint64_t bytes, char *ret, size_t size);
void str_human_duration(int64_t seconds, char *ret, size_t size); /* as docker prints CREATED */

#endif
