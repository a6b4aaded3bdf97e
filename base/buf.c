/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The growing buffer: see str.h.  It never passes its ceiling; a refused addition sets `overflow`.
 */
#include <stdio.h>

#include "base/str.h"

#define BUF_FIRST ((size_t)256)

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t want)
{
	size_t need, cap;

	if (want > b->max || b->len > b->max - want) {
		b->overflow = true;
		return NULL;
	}
	need = b->len + want + 1;
	if (need > b->cap) {
		cap = b->cap ? b->cap : BUF_FIRST;
		while (cap < need)
			cap *= 2;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *at = buf_reserve(b, len);

	if (!at)
		return;
	if (len)
		memcpy(at, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;
	char *at;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	at = buf_reserve(b, (size_t)len);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

/* Characters, not bytes, of UTF-8. */
static size_t width(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

static size_t column_of(const struct buf *b)
{
	size_t start = b->len;

	while (start && b->data[start - 1] != '\n')
		start--;
	return b->len > start ? width(b->data + start, b->len - start) : 0;
}

void buf_wrap(struct buf *b, const char *text, size_t indent, size_t columns)
{
	size_t column = column_of(b);
	bool first = true;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " "), wide = width(text, len);

		if (!first && column + 1 + wide > columns) {
			buf_addf(b, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			buf_addc(b, ' ');
			column++;
		}
		buf_add(b, text, len);
		column += wide;
		text += len;
		first = false;
	}
}

void buf_consume(struct buf *b, size_t len)
{
	if (len >= b->len) {
		buf_reset(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

char *buf_steal(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");

	*b = (struct buf){.max = b->max};
	return s;
}
