/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Problems of a Dockerfile and how they are shown.  What a terminal would act on is replaced. */
#include <stdio.h>

#include "images/builder/dockerfile.h"

#define PROBLEMS_MAX 50
#define SHOWN_MAX    200 /* bytes of a source line */

void dockerfile_problem(struct dockerfile *f, struct dockerfile_mark mark, const char *fmt, ...)
{
	struct dockerfile_problems *p = &f->problems;
	auto_free char *text = NULL;
	va_list ap;

	if (p->count == PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	DOCKERFILE_GROW(f->arena, p->list, p->count, p->room);
	p->list[p->count++] =
		(struct dockerfile_problem){mark, arena_strndup(f->arena, text, strlen(text))};
}

static void add_clean(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		buf_addc(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

static const char *line_of(const struct dockerfile *f, unsigned number, size_t *ret_len)
{
	const char *at = f->text, *end = f->text + f->len, *newline;

	for (; number > 1; number--) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			return NULL;
		at = newline + 1;
	}
	newline = memchr(at, '\n', (size_t)(end - at));
	*ret_len = (size_t)((newline ? newline : end) - at);
	if (*ret_len && at[*ret_len - 1] == '\r')
		--*ret_len;
	return at;
}

static void add_source(const struct dockerfile *f, struct dockerfile_mark mark, struct buf *out)
{
	size_t len = 0, column = mark.column ? mark.column - 1 : 0, word;
	const char *line = line_of(f, mark.line, &len);

	if (!line || !len)
		return;
	len = MIN(len, SHOWN_MAX);
	buf_addf(out, "%4u | ", mark.line);
	add_clean(out, line, len);
	buf_addc(out, '\n');
	if (column >= len)
		return;
	/* Tabs are shown as one blank, so that bytes before the caret are columns, but for bytes
	 * that continue a character. */
	buf_adds(out, "     | ");
	for (size_t i = 0; i < column; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			buf_addc(out, ' ');
	buf_addc(out, '^');
	word = 0;
	while (column + word < len && line[column + word] != ' ' && line[column + word] != '\t')
		word++;
	for (size_t i = 1; i < word; i++)
		if (((unsigned char)line[column + i] & 0xc0) != 0x80)
			buf_addc(out, '~');
	buf_addc(out, '\n');
}

void dockerfile_render_at(const struct dockerfile *f, struct dockerfile_mark mark, const char *text,
			  struct buf *out)
{
	add_clean(out, f->name, strlen(f->name));
	if (mark.line)
		buf_addf(out, ":%u:%u", mark.line, MAX(mark.column, 1u));
	buf_adds(out, ": error: ");
	add_clean(out, text, strlen(text));
	buf_addc(out, '\n');
	if (mark.line)
		add_source(f, mark, out);
}

void dockerfile_render(const struct dockerfile *f, struct buf *out)
{
	for (size_t i = 0; i < f->problems.count; i++)
		dockerfile_render_at(f, f->problems.list[i].mark, f->problems.list[i].text, out);
}
