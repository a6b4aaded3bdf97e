/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory and ownership: allocation that aborts when memory is out (state is on disk and containers
 * do not depend on us, so restart is recovery), cleanup attributes, and the arena in which the
 * compose pipeline lives.  Every size that comes from outside is checked against a limit before
 * it gets here.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/param.h> /* MIN, MAX: the ones that uv.h also brings */
#include <unistd.h>

#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN	  __attribute__((noreturn))
#define UNUSED		  __attribute__((unused))

#define ARRAY_LEN(a)			(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* These never return NULL: out of memory prints one line and aborts. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* zeroed; aborts on overflow of count * size */
void *xrealloc(void *ptr, size_t size);
void *xreallocarray(void *ptr, size_t count, size_t size);
void *xmemdup(const void *ptr, size_t size);
char *xstrdup(const char *s);		   /* NULL gives NULL */
char *xstrndup(const char *s, size_t max); /* NULL gives NULL */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);

/* Cleanup attributes.  `DEFINE_AUTO(struct x, x_free)` makes `auto_x_free struct x *x = NULL;`
 * work. */
static inline void mem_auto_free(void *p)
{
	free(*(void **)p);
}
static inline void mem_auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define auto_free __attribute__((cleanup(mem_auto_free)))
#define auto_fd	  __attribute__((cleanup(mem_auto_close))) /* fd variables start at -1 */
#define DEFINE_AUTO(type, fn)                                                                      \
	static inline void fn##_auto(type **p)                                                     \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}
#define AUTO(fn) __attribute__((cleanup(fn##_auto)))

static inline int steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}
#define steal_ptr(pp)                                                                              \
	({                                                                                         \
		__typeof__(*(pp)) stolen_ = *(pp);                                                 \
		*(pp) = NULL;                                                                      \
		stolen_;                                                                           \
	})

/* Arena: memory with one lifetime, freed at once. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);		 /* accepts NULL */
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
size_t arena_used_bytes(const struct arena *a);
DEFINE_AUTO(struct arena, arena_free)

#endif
