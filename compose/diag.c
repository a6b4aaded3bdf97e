/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems of compose files.  They are kept in the order of their discovery and sorted when shown.
 * Text of files and messages may hold anything: what a terminal would act on is replaced.
 */
#include "compose/diag.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define DIAG_KEPT_MAX  1000 /* more are counted, not kept */
#define DIAG_SHOWN_MAX 100  /* of these, the first are rendered */
#define DIAG_LINE_MAX  200  /* characters of a source line that are shown */

struct diag_note {
	struct diag_note *next;
	struct compose_mark mark;
	const char *text;
};

struct diag {
	enum diag_severity severity;
	const char *code, *text, *hint, *replacement; /* the last two may be NULL */
	struct compose_mark mark;
	struct diag_note *notes;
	size_t order;
};

struct diag_list {
	struct arena *arena;
	struct diag *items, *last; /* last: added last, NULL when it was not kept */
	size_t count, room, errors, warnings;
	bool strict;
};

struct diag_list *diag_list_new(struct arena *a)
{
	struct diag_list *l = arena_alloc(a, sizeof(*l));

	l->arena = a;
	return l;
}

static struct diag *add(struct diag_list *l)
{
	struct diag *items;

	if (l->count == DIAG_KEPT_MAX)
		return NULL;
	if (l->count == l->room) {
		l->room = MAX(l->room * 2, (size_t)8);
		items = arena_alloc(l->arena, l->room * sizeof(*items));
		if (l->count)
			memcpy(items, l->items, l->count * sizeof(*items));
		l->items = items;
	}
	return &l->items[l->count++];
}

void diag_strict(struct diag_list *l)
{
	l->strict = true;
}

static void PRINTF(6, 0)
	add_text(struct diag_list *l, enum diag_severity severity, const char *code,
		 struct compose_mark mark, const char *where, const char *fmt, va_list ap)
{
	auto_free char *what = NULL;

	if (severity == DIAG_ERROR)
		l->errors++;
	else
		l->warnings++;
	l->last = add(l);
	if (!l->last)
		return;
	what = xvasprintf(fmt, ap);
	*l->last =
		(struct diag){.severity = severity, .code = code, .mark = mark, .order = l->count};
	l->last->text = where ? arena_printf(l->arena, "%s: %s", where, what)
			      : arena_strdup(l->arena, what);
}

void diag_add(struct diag_list *l, enum diag_severity severity, enum diag_code code,
	      struct compose_mark mark, const char *where, const char *fmt, ...)
{
	char letter = severity == DIAG_ERROR ? 'E' : 'W';
	va_list ap;

	va_start(ap, fmt);
	add_text(l, l->strict ? DIAG_ERROR : severity,
		 arena_printf(l->arena, "%c%03u", letter, (unsigned)code % 1000), mark, where, fmt,
		 ap);
	va_end(ap);
}

void diag_finding(struct diag_list *l, const char *code, struct compose_mark mark,
		  const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_text(l, DIAG_WARNING, code, mark, where, fmt, ap);
	va_end(ap);
}

/* ---- about the last one */

void diag_hint(struct diag_list *l, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	if (!l->last)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	l->last->hint = arena_strdup(l->arena, text);
}

void diag_mean(struct diag_list *l, const char *near)
{
	if (!near || !l->last)
		return;
	diag_hint(l, "did you mean \"%s\"?", near);
	l->last->replacement = arena_strdup(l->arena, near);
}

void diag_note(struct diag_list *l, struct compose_mark mark, const char *fmt, ...)
{
	auto_free char *text = NULL;
	struct diag_note *note, **at;
	va_list ap;

	if (!l->last || !mark.source)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	note = arena_alloc(l->arena, sizeof(*note));
	*note = (struct diag_note){NULL, mark, arena_strdup(l->arena, text)};
	for (at = &l->last->notes; *at;)
		at = &(*at)->next;
	*at = note;
}

/* ---- the list */

void diag_drop(struct diag_list *l, const char *code)
{
	size_t i, kept = 0;

	for (i = 0; i < l->count; i++)
		if (l->items[i].severity == DIAG_WARNING && !strcmp(l->items[i].code, code))
			l->warnings--;
		else
			l->items[kept++] = l->items[i];
	l->count = kept;
	l->last = NULL;
}

bool diag_has(const struct diag_list *l, enum diag_code code)
{
	char text[8];
	size_t i;

	snprintf(text, sizeof(text), "E%03u", (unsigned)code % 1000);
	for (i = 0; i < l->count; i++)
		if (!strcmp(l->items[i].code, text))
			return true;
	return false;
}

size_t diag_errors(const struct diag_list *l)
{
	return l->errors;
}

size_t diag_warnings(const struct diag_list *l)
{
	return l->warnings;
}

/* ---- order */

static int compare_numbers(size_t x, size_t y)
{
	return (x > y) - (x < y);
}

static int compare_places(const struct diag *x, const struct diag *y)
{
	const struct compose_source *sx = x->mark.source, *sy = y->mark.source;
	int r = compare_numbers(!!sx, !!sy);

	if (r == 0 && sx && sx != sy)
		r = strcmp(sx->shown, sy->shown);
	if (r == 0)
		r = compare_numbers(x->mark.line, y->mark.line);
	return r ? r : compare_numbers(x->mark.column, y->mark.column);
}

static int compare(const void *x, const void *y)
{
	int r = compare_places(x, y);

	return r ? r
		 : compare_numbers(((const struct diag *)x)->order,
				   ((const struct diag *)y)->order);
}

static bool same(const struct diag *x, const struct diag *y)
{
	return compare_places(x, y) == 0 && x->severity == y->severity && !strcmp(x->text, y->text);
}

/* Sorted copy without duplicates; the caller frees it. */
static struct diag *sorted(const struct diag_list *l, size_t *ret_count)
{
	struct diag *all = xcalloc(l->count + 1, sizeof(*all));
	size_t i, k, kept = 0;

	if (l->count)
		memcpy(all, l->items, l->count * sizeof(*all));
	qsort(all, l->count, sizeof(*all), compare);
	for (i = 0; i < l->count; i++) {
		for (k = kept; k && compare_places(&all[k - 1], &all[i]) == 0; k--)
			if (same(&all[k - 1], &all[i]))
				break;
		if (k && same(&all[k - 1], &all[i]))
			continue;
		all[kept++] = all[i];
	}
	*ret_count = kept;
	return all;
}

/* ---- text */

/* Adds text with control characters, also those of two bytes (U+0080 to U+009F), made harmless. */
static void add_clean(struct buf *out, const char *text, size_t len, bool keep_newlines)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\t')
			buf_addc(out, ' ');
		else if (c == '\n' && keep_newlines)
			buf_adds(out, "\n  ");
		else if (c < 0x20 || c == 0x7f)
			buf_addc(out, '?');
		else if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0) {
			buf_addc(out, '?');
			i++;
		} else {
			buf_addc(out, (char)c);
		}
	}
}

/* How many characters of the line to underline, from the mark on. */
static unsigned underlined(struct compose_mark mark, const char *rest, size_t len)
{
	struct compose_mark end = diag_span_end(mark);
	unsigned chars = 0;
	size_t i;

	for (i = 0; i < len; i++)
		chars += ((unsigned char)rest[i] & 0xc0) != 0x80;
	if (end.line == mark.line && end.column - mark.column < chars)
		chars = end.column - mark.column;
	return chars;
}

static void render_source(struct compose_mark mark, bool color, struct buf *out)
{
	size_t len, start;
	const char *line;
	unsigned chars;
	char number[16];

	if (!diag_source_line(mark.source, mark.line, &line, &len))
		return;
	len = diag_chars_bytes(line, len, DIAG_LINE_MAX);
	snprintf(number, sizeof(number), "%4u", mark.line);
	buf_addf(out, "%s | ", number);
	add_clean(out, line, len, false);
	start = mark.column ? diag_chars_bytes(line, len, mark.column - 1) : 0;
	if (!mark.column || (start >= len && start)) {
		buf_addc(out, '\n');
		return;
	}
	buf_addf(out, "\n%*s | %*s%s^", (int)strlen(number), "", (int)mark.column - 1, "",
		 color ? "\033[32m" : "");
	for (chars = underlined(mark, line + start, len - start); chars > 1; chars--)
		buf_addc(out, '~');
	buf_adds(out, color ? "\033[0m\n" : "\n");
}

static void render_place(struct compose_mark mark, struct buf *out)
{
	if (!mark.source)
		return;
	add_clean(out, mark.source->shown, strlen(mark.source->shown), false);
	if (mark.line)
		buf_addf(out, ":%u:%u", mark.line, MAX(mark.column, 1u));
	buf_adds(out, ": ");
}

static void render_hint(const char *hint, struct buf *out)
{
	bool question = str_ends(hint, "?");

	buf_adds(out, question ? " (" : ": ");
	add_clean(out, hint, strlen(hint), true);
	buf_adds(out, question ? ")" : "");
}

static void render_note(const struct diag_note *note, bool color, struct buf *out)
{
	buf_adds(out, color ? "\033[1m" : "");
	render_place(note->mark, out);
	buf_adds(out, color ? "\033[36mnote: \033[0m" : "note: ");
	add_clean(out, note->text, strlen(note->text), true);
	buf_addc(out, '\n');
	render_source(note->mark, color, out);
}

static void render_one(const struct diag *d, bool color, struct buf *out)
{
	bool error = d->severity == DIAG_ERROR;
	const struct diag_note *note;

	buf_adds(out, color ? "\033[1m" : "");
	render_place(d->mark, out);
	if (color)
		buf_adds(out, error ? "\033[31m" : "\033[33m");
	buf_addf(out, "%s: %s", error ? "error" : "warning", color ? "\033[0m" : "");
	add_clean(out, d->text, strlen(d->text), true);
	if (d->hint)
		render_hint(d->hint, out);
	buf_addf(out, " [%s]\n", d->code);
	if (d->mark.source)
		render_source(d->mark, color, out);
	for (note = d->notes; note; note = note->next)
		render_note(note, color, out);
}

void diag_render(const struct diag_list *l, bool color, struct buf *out)
{
	auto_free struct diag *all = NULL;
	size_t i, count, total = l->errors + l->warnings;

	all = sorted(l, &count);
	for (i = 0; i < count && i < DIAG_SHOWN_MAX; i++)
		render_one(&all[i], color, out);
	if (count > DIAG_SHOWN_MAX)
		buf_addf(out, "%zu more problems are not shown\n",
			 MAX(total, count) - DIAG_SHOWN_MAX);
}

/* ---- JSON */

static void set_place(json_t *one, struct compose_mark mark)
{
	struct compose_mark end;

	if (!mark.source)
		return;
	json_set_str(one, "file", mark.source->path);
	if (!mark.line)
		return;
	mark.column = MAX(mark.column, 1u);
	end = diag_span_end(mark);
	json_set_int(one, "line", mark.line);
	json_set_int(one, "column", mark.column);
	json_set_int(one, "end_line", end.line);
	json_set_int(one, "end_column", end.column);
}

static json_t *one_json(const struct diag *d)
{
	json_t *one = json_object(), *notes = d->notes ? json_array() : NULL, *other;
	const struct diag_note *note;

	json_set_str(one, "severity", d->severity == DIAG_ERROR ? "error" : "warning");
	json_set_str(one, "code", d->code);
	json_set_str(one, "message", d->text);
	set_place(one, d->mark);
	if (d->hint)
		json_set_str(one, "hint", d->hint);
	if (d->replacement)
		json_set_str(one, "replacement", d->replacement);
	for (note = d->notes; note; note = note->next) {
		other = json_object();
		json_set_str(other, "message", note->text);
		set_place(other, note->mark);
		json_array_append_new(notes, other);
	}
	if (notes)
		json_set_new(one, "notes", notes);
	return one;
}

json_t *diag_json(const struct diag_list *l)
{
	auto_free struct diag *all = NULL;
	json_t *out = json_array();
	size_t i, count;

	all = sorted(l, &count);
	for (i = 0; i < count; i++)
		json_array_append_new(out, one_json(&all[i]));
	return out;
}
