/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocation that aborts when memory is out, and the arena: a chain of blocks, each twice as large
 * as the one before up to a ceiling, freed at once.
 */
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define ARENA_FIRST   ((size_t)16 << 10)
#define ARENA_LARGEST ((size_t)1 << 20)
#define ARENA_ALIGN   ((size_t)16)

static NORETURN void out_of_memory(void)
{
	static const char text[] = "out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

static void *checked(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *ptr, size_t size)
{
	return checked(realloc(ptr, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	return checked(reallocarray(ptr, count ? count : 1, size ? size : 1));
}

void *xmemdup(const void *ptr, size_t size)
{
	void *p = xmalloc(size);

	if (size)
		memcpy(p, ptr, size);
	return p;
}

char *xstrdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t max)
{
	return s ? checked(strndup(s, max)) : NULL;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(16) char data[];
};

struct arena {
	struct block *blocks; /* the first one is being filled */
	size_t used;
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	struct block *b, *next;

	if (!a)
		return;
	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static struct block *arena_grow(struct arena *a, size_t want)
{
	size_t size = a->blocks ? MIN(a->blocks->size * 2, ARENA_LARGEST) : ARENA_FIRST;
	struct block *b;

	if (size < want)
		size = want;
	if (size > SIZE_MAX - sizeof(*b))
		out_of_memory();
	b = xcalloc(1, sizeof(*b) + size);
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->blocks;
	void *p;

	if (size > SIZE_MAX - ARENA_ALIGN)
		out_of_memory();
	size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (!b || b->size - b->used < size)
		b = arena_grow(a, size);
	p = b->data + b->used;
	b->used += size;
	a->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p;

	if (!s)
		return NULL;
	p = arena_alloc(a, len + 1);
	memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int len;
	char *p;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		out_of_memory();
	p = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t arena_used_bytes(const struct arena *a)
{
	return a->used;
}
