/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems of compose files.  They are kept in the order of their discovery and sorted when shown.
 * Text of files and messages may hold anything: what a terminal would act on is replaced.
 */
#include "compose/diag.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define DIAG_KEPT_MAX	1000 /* more are counted, not kept */
#define DIAG_SHOWN_MAX	100  /* of these, the first are rendered */
#define DIAG_LINE_MAX	200  /* characters of a source line that are shown */
#define DIAG_CODE_BYTES 5

struct diag {
	enum diag_severity severity;
	enum diag_code code;
	struct compose_mark mark;
	const char *text;
	size_t order;
};

struct diag_list {
	struct arena *arena;
	struct diag *items;
	size_t count, room, errors, warnings;
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

void diag_add(struct diag_list *l, enum diag_severity severity, enum diag_code code,
	      struct compose_mark mark, const char *where, const char *fmt, ...)
{
	auto_free char *what = NULL;
	struct diag *d = add(l);
	va_list ap;

	if (severity == DIAG_ERROR)
		l->errors++;
	else
		l->warnings++;
	if (!d)
		return;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	*d = (struct diag){severity, code, mark, NULL, l->count};
	d->text = where ? arena_printf(l->arena, "%s: %s", where, what)
			: arena_strdup(l->arena, what);
}

bool diag_has(const struct diag_list *l, enum diag_code code)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->items[i].code == code && l->items[i].severity == DIAG_ERROR)
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

static void code_text(const struct diag *d, char ret[DIAG_CODE_BYTES])
{
	snprintf(ret, DIAG_CODE_BYTES, "%c%03u", d->severity == DIAG_ERROR ? 'E' : 'W',
		 (unsigned)d->code % 1000);
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

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

/* The line `number` of the source; false when there is none. */
static bool source_line(const struct compose_source *s, unsigned number, const char **ret,
			size_t *ret_len)
{
	const char *at = s->text, *end = s->text ? s->text + s->len : NULL, *newline;

	while (at && at < end && number > 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : NULL;
		number--;
	}
	if (!at || at >= end || number != 1)
		return false;
	newline = memchr(at, '\n', (size_t)(end - at));
	*ret = at;
	*ret_len = (size_t)((newline ? newline : end) - at);
	if (*ret_len && at[*ret_len - 1] == '\r')
		--*ret_len;
	return true;
}

/* Bytes that `chars` characters of the text take. */
static size_t chars_bytes(const char *text, size_t len, size_t chars)
{
	size_t i = 0;

	while (i < len && chars--)
		for (i++; i < len && continues(text[i]);)
			i++;
	return i;
}

/* How much of the line to underline: a word, a quoted text, a reference to a variable. */
static size_t word_chars(const char *text, size_t len)
{
	char quote = len && (*text == '"' || *text == '\'') ? *text : '\0';
	size_t i, count = 0;

	if (len > 1 && text[0] == '$' && text[1] == '{')
		quote = '}';

	for (i = 0; i < len; i++) {
		if (quote ? i && text[i] == quote : !!strchr(" \t:,]}#", text[i]))
			return quote ? count + 1 : count;
		count += !continues(text[i]);
	}
	return count;
}

static void render_source(const struct diag *d, bool color, struct buf *out)
{
	size_t len, start, chars;
	const char *line;
	char number[16];

	if (!d->mark.source || !source_line(d->mark.source, d->mark.line, &line, &len))
		return;
	len = chars_bytes(line, len, DIAG_LINE_MAX);
	snprintf(number, sizeof(number), "%4u", d->mark.line);
	buf_addf(out, "%s | ", number);
	add_clean(out, line, len, false);
	start = d->mark.column ? chars_bytes(line, len, d->mark.column - 1) : 0;
	if (!d->mark.column || (start >= len && start)) {
		buf_addc(out, '\n');
		return;
	}
	buf_addf(out, "\n%*s | %*s%s^", (int)strlen(number), "", (int)d->mark.column - 1, "",
		 color ? "\033[32m" : "");
	for (chars = word_chars(line + start, len - start); chars > 1; chars--)
		buf_addc(out, '~');
	buf_adds(out, color ? "\033[0m\n" : "\n");
}

static void render_one(const struct diag *d, bool color, struct buf *out)
{
	bool error = d->severity == DIAG_ERROR;
	char code[DIAG_CODE_BYTES];

	code_text(d, code);
	buf_adds(out, color ? "\033[1m" : "");
	if (d->mark.source) {
		add_clean(out, d->mark.source->shown, strlen(d->mark.source->shown), false);
		if (d->mark.line)
			buf_addf(out, ":%u:%u", d->mark.line, MAX(d->mark.column, 1u));
		buf_adds(out, ": ");
	}
	if (color)
		buf_adds(out, error ? "\033[31m" : "\033[33m");
	buf_addf(out, "%s: %s", error ? "error" : "warning", color ? "\033[0m" : "");
	add_clean(out, d->text, strlen(d->text), true);
	buf_addf(out, " [%s]\n", code);
	render_source(d, color, out);
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

json_t *diag_json(const struct diag_list *l)
{
	auto_free struct diag *all = NULL;
	json_t *out = json_array();
	size_t i, count;

	all = sorted(l, &count);
	for (i = 0; i < count; i++) {
		json_t *one = json_object();
		char code[DIAG_CODE_BYTES];

		code_text(&all[i], code);
		if (all[i].mark.source) {
			json_set_str(one, "file", all[i].mark.source->path);
			json_set_int(one, "line", all[i].mark.line);
			json_set_int(one, "column", all[i].mark.column);
		}
		json_set_str(one, "severity", all[i].severity == DIAG_ERROR ? "error" : "warning");
		json_set_str(one, "code", code);
		json_set_str(one, "message", all[i].text);
		json_array_append_new(out, one);
	}
	return out;
}

/* ---- explanations */

static const struct {
	enum diag_code code;
	const char *text;
} explanations[] = {
	{DIAG_SYNTAX,
	 "The file is not valid YAML.  Look at the marked line and the one before it: usual causes\n"
	 "are a tab in the indentation (only spaces are allowed), a missing blank after \":\" or\n"
	 "\"-\", a quote that is not closed, and lines that are indented unevenly."},
	{DIAG_READ, "The file cannot be read: it is missing, is a directory, is too large, or its\n"
		    "permissions do not allow it."},
	{DIAG_LIMIT,
	 "The file passes a limit that protects against files made to exhaust memory: nesting of\n"
	 "100 levels, 200000 values after all aliases have been expanded, 16 MiB of text; and for a\n"
	 "project 4000 files, 50 levels of include, 200 of extends and 512 MiB of memory."},
	{DIAG_DUPLICATE_KEY,
	 "The same key stands twice in one mapping.  One of them would be lost:\n"
	 "remove one, or put both values into one key."},
	{DIAG_INTERPOLATION,
	 "A variable reference is not well formed, or a required variable has no value.\n"
	 "  $NAME ${NAME}        the value\n"
	 "  ${NAME:-word}        word when NAME is unset or empty (${NAME-word}: only when unset)\n"
	 "  ${NAME:?message}     an error when NAME is unset or empty\n"
	 "  ${NAME:+word}        word when NAME is set and not empty\n"
	 "  $$                   a dollar sign"},
	{DIAG_UNSET,
	 "A variable is not set, neither in the environment nor in an env file, and\n"
	 "stands for the empty string.  Give it a value, or a default: ${NAME:-default}."},
	{DIAG_DOTENV, "A line of an env file is not NAME=VALUE.  Names have no blanks; a value in\n"
		      "quotes must end with the same quote."},
	{DIAG_UNKNOWN_KEY,
	 "The key is not part of the format at this place.  Check its spelling and its\n"
	 "indentation.  Keys that start with \"x-\" are free for your own use."},
	{DIAG_TYPE, "The value has the wrong shape: a string where a list belongs, a list where a\n"
		    "mapping belongs, and so on."},
	{DIAG_VALUE, "The value has the right shape but cannot be understood: a port, duration,\n"
		     "size, number, or one of a set of words.\n"
		     "  durations: 10s, 1m30s, 500ms      sizes: 64m, 1.5g, 512k\n"
		     "  ports: 80, 8080:80, 127.0.0.1:8080:80/tcp, 9000-9005:9000-9005"},
	{DIAG_REQUIRED, "A key that must be there is missing."},
	{DIAG_CONFLICT, "Two settings exclude each other, or a name or target is used twice."},
	{DIAG_REFERENCE,
	 "A service names something that the file does not define.  Networks, volumes, secrets and\n"
	 "configs are defined at the top level of the file, under the key of that name:\n"
	 "  volumes:\n"
	 "    data:"},
	{DIAG_CYCLE, "Services, extends or includes depend on each other in a circle."},
	{DIAG_OBSOLETE, "The key has no meaning any more and is ignored."},
	{DIAG_UNSUPPORTED, "The format knows this, but cmp does not do it."},
	{DIAG_NAME,
	 "The name has characters that are not allowed.  Names consist of letters,\n"
	 "digits, \"_\", \".\" and \"-\"; names of projects of lower-case letters, digits,\n"
	 "\"_\" and \"-\", and start with a letter or digit."},
	{DIAG_PROJECT,
	 "There is no project to load: no compose file was found, it has no services, or no name\n"
	 "could be derived from its directory."},
};

const char *diag_explain(const char *code)
{
	uint32_t number;
	size_t i;

	if (!code || !strchr("EeWw", code[0]) || strlen(code) != 4 ||
	    parse_u32(code + 1 + strspn(code + 1, "0"), &number) < 0)
		return NULL;
	for (i = 0; i < ARRAY_LEN(explanations); i++)
		if (explanations[i].code == number)
			return explanations[i].text;
	return NULL;
}
