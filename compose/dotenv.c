/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Env files.  One pass over the text; a value in quotes may span lines.  After a closing quote
 * parsing continues on the same line as if a new statement began, as the reference does.
 */
#include "compose/dotenv.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "compose/interpolate.h"
#include "compose/schema.h"

struct reader {
	struct dotenv *d;
	const struct compose_source *source;
	struct compose_node *out;
	const char *at, *end;
	const char *line_start;
	unsigned line;
	bool failed;
};

static struct compose_mark here(const struct reader *r, const char *at)
{
	return (struct compose_mark){r->source, r->line,
				     at >= r->line_start ? (unsigned)(at - r->line_start) + 1 : 1};
}

#define problem(r, at, ...)                                                                        \
	do {                                                                                       \
		(r)->failed = true;                                                                \
		diag_add((r)->d->diags, DIAG_ERROR, DIAG_DOTENV, here(r, at), NULL, __VA_ARGS__);  \
	} while (0)

static const char *line_end(const struct reader *r)
{
	const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));

	return newline ? newline : r->end;
}

static void advance(struct reader *r, const char *to)
{
	const char *newline;

	while ((newline = memchr(r->at, '\n', (size_t)(to - r->at)))) {
		r->line++;
		r->at = r->line_start = newline + 1;
	}
	r->at = to;
}

/* Past blanks, empty lines and comments; false at the end. */
static bool skip_to_statement(struct reader *r)
{
	while (r->at < r->end) {
		if (*r->at == '#')
			advance(r, line_end(r));
		else if (isspace((unsigned char)*r->at))
			advance(r, r->at + 1);
		else
			return true;
	}
	return false;
}

/* ---- values */

static const char *lookup(void *arg, const char *name)
{
	struct reader *r = arg;
	const char *value = r->d->lookup ? r->d->lookup(r->d->arg, name) : NULL;
	const struct compose_node *own;

	if (value)
		return value;
	own = node_get(r->out, name);
	return own ? own->text : NULL;
}

static void unset(void *arg, const char *name, size_t offset)
{
	struct reader *r = arg;

	(void)offset;
	diag_add(r->d->diags, DIAG_WARNING, DIAG_UNSET, here(r, r->at), NULL,
		 "variable \"%s\" is not set: using an empty string", name);
}

static const char *expand(struct reader *r, const char *text, const char *place)
{
	struct interpolation in = {
		.arena = r->d->arena, .lookup = lookup, .on_unset = unset, .arg = r};
	struct error err = ERROR_INIT;
	const char *value;

	if (interpolate(&in, text, &value, &err) == 0)
		return value;
	problem(r, place, "%s", err.msg);
	return "";
}

/* End of the quoted value that starts at r->at, or NULL. */
static const char *closing_quote(const struct reader *r)
{
	char quote = *r->at;
	const char *at;

	for (at = r->at + 1; at < r->end; at++) {
		if (*at == '\\' && at + 1 < r->end)
			at++;
		else if (*at == quote)
			return at;
	}
	return NULL;
}

static size_t add_octal(const char *digits, struct buf *out)
{
	unsigned value = 0;
	size_t n = 0;

	while (n < 3 && digits[n] >= '0' && digits[n] <= '7')
		value = value * 8 + (unsigned)(digits[n++] - '0');
	if (n)
		buf_addc(out, (char)value);
	return n;
}

/* The text between double quotes; "\$" becomes "$$" for the interpolation that follows. */
static const char *unescape(struct reader *r, const char *text, size_t len)
{
	static const char names[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
	auto_buf struct buf out = BUF_INIT;
	size_t i, octal;
	const char *known;

	for (i = 0; i < len; i++) {
		if (text[i] != '\\' || i + 1 == len) {
			buf_addc(&out, text[i]);
			continue;
		}
		i++;
		known = memchr(names, text[i], sizeof(names) - 1);
		octal = text[i] == '0' && i + 1 < len ? add_octal(text + i + 1, &out) : 0;
		if (known)
			buf_addc(&out, values[known - names]);
		else if (text[i] == '$')
			buf_adds(&out, "$$");
		else if (octal)
			i += octal;
		else {
			buf_addc(&out, '\\');
			buf_addc(&out, text[i]);
		}
	}
	return arena_strndup(r->d->arena, out.data ? out.data : "", out.len);
}

static const char *single_quoted(struct reader *r, const char *text, size_t len)
{
	char *value = arena_strndup(r->d->arena, text, len);
	size_t i, kept = 0;

	for (i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && text[i + 1] == '\'')
			i++;
		value[kept++] = text[i];
	}
	value[kept] = '\0';
	return value;
}

static const char *quoted(struct reader *r)
{
	const char *close = closing_quote(r), *start = r->at + 1, *value, *place = r->at;
	size_t len;

	if (!close) {
		problem(r, r->at, "the quote is not closed");
		advance(r, line_end(r));
		return "";
	}
	len = (size_t)(close - start);
	if (*place == '\'')
		value = single_quoted(r, start, len);
	else
		value = expand(r, unescape(r, start, len), place);
	advance(r, close + 1);
	return value;
}

static const char *plain(struct reader *r)
{
	const char *end = line_end(r), *place = r->at, *at;

	for (at = r->at; at + 1 < end; at++)
		if ((at[0] == ' ' || at[0] == '\t') && at[1] == '#') {
			end = at;
			break;
		}
	while (end > place && isspace((unsigned char)end[-1]))
		end--;
	at = expand(r, arena_strndup(r->d->arena, place, (size_t)(end - place)), place);
	advance(r, line_end(r));
	return at;
}

/* ---- statements */

static bool key_char(char c)
{
	return isalnum((unsigned char)c) || strchr("_.-[]", c);
}

/* The model is UTF-8 in all its forms. */
static const char *as_utf8(struct reader *r, struct compose_mark mark, const char *value)
{
	auto_json json_t *string = json_str(value);

	if (!strcmp(json_string_value(string), value))
		return value;
	diag_add(r->d->diags, DIAG_WARNING, DIAG_DOTENV, mark, NULL,
		 "the value is not UTF-8: what is not ASCII in it becomes U+FFFD");
	return arena_strdup(r->d->arena, json_string_value(string));
}

static void set(struct reader *r, const char *key, struct compose_mark mark, const char *value)
{
	struct compose_node *text = node_text(r->d->arena, as_utf8(r, mark, value), mark);

	text->outside = true;
	node_put(r->d->arena, r->out, key, mark, text);
}

/* NAME alone: the value is that of the environment. */
static void inherit(struct reader *r, const char *key, struct compose_mark mark)
{
	const char *value = r->d->lookup ? r->d->lookup(r->d->arg, key) : NULL;

	if (value)
		set(r, key, mark, value);
}

static void statement(struct reader *r)
{
	const char *start = r->at, *end = line_end(r), *at, *last;
	struct compose_mark mark;
	const char *key;

	if ((size_t)(end - start) > 7 && !memcmp(start, "export", 6) &&
	    isblank((unsigned char)start[6]))
		for (start += 7; start < end && isblank((unsigned char)*start);)
			start++;
	for (at = start; at < end && key_char(*at);)
		at++;
	for (last = at; last < end && isspace((unsigned char)*last);)
		last++;
	mark = here(r, start);
	key = arena_strndup(r->d->arena, start, (size_t)(at - start));
	if (last == end) {
		inherit(r, key, mark);
		advance(r, end);
		return;
	}
	if (*last != '=' && *last != ':') {
		if (last > at)
			problem(r, at, "a name cannot contain a blank");
		else
			problem(r, at, "character \"%c\" is not allowed in a name", *at);
		advance(r, end);
		return;
	}
	for (last++; last < end && isblank((unsigned char)*last);)
		last++;
	advance(r, last);
	set(r, key, mark, last < end && (*last == '"' || *last == '\'') ? quoted(r) : plain(r));
}

static void raw_line(struct reader *r)
{
	const char *end = line_end(r), *equals = memchr(r->at, '=', (size_t)(end - r->at));
	struct compose_mark mark = here(r, r->at);
	const char *stop = end > r->at && end[-1] == '\r' ? end - 1 : end;
	const char *key =
		arena_strndup(r->d->arena, r->at, (size_t)((equals ? equals : stop) - r->at));

	if (equals && (equals == r->at || key[strcspn(key, " \t")]))
		diag_add(r->d->diags, DIAG_ERROR, DIAG_DOTENV, mark, NULL,
			 equals == r->at ? "a line without a variable's name"
					 : "the name of a variable has no spaces");
	else if (equals)
		set(r, key, mark,
		    arena_strndup(r->d->arena, equals + 1,
				  (size_t)(MAX(stop, equals + 1) - equals - 1)));
	else
		inherit(r, key, mark);
	advance(r, end);
}

static bool has_room(struct reader *r)
{
	struct compose_ctx c = {.arena = r->d->arena, .diags = r->d->diags};

	if (ctx_room(&c, here(r, r->at)))
		return true;
	r->failed = true;
	return false;
}

bool dotenv_parse(struct dotenv *d, const struct compose_source *source, struct compose_node *out)
{
	struct reader r = {.d = d,
			   .source = source,
			   .out = out,
			   .at = source->text,
			   .end = source->text + source->len,
			   .line_start = source->text,
			   .line = 1};

	if (source->len >= 3 && !memcmp(source->text, "\xef\xbb\xbf", 3))
		r.at += 3;
	if (memchr(source->text, '\0', source->len)) {
		problem(&r, r.at, "the file holds a NUL byte");
		return false;
	}
	while (skip_to_statement(&r) && has_room(&r))
		d->raw ? raw_line(&r) : statement(&r);
	return !r.failed;
}
