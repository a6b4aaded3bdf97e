/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written at a place: a quoted text, a reference to a variable, something in brackets, or
 * a plain value or key up to what ends it.  Only the text is looked at, so that no node has to
 * remember its end; good enough to underline and to replace.
 */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "compose/diag.h"

bool diag_source_line(const struct compose_source *s, unsigned number, const char **ret,
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

#define SPAN_MAX 4096 /* bytes of a quoted text that are looked through */

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t diag_chars_bytes(const char *text, size_t len, size_t chars)
{
	size_t i = 0;

	while (i < len && chars--)
		for (i++; i < len && continues(text[i]);)
			i++;
	return i;
}

/* Bytes up to and with the closing quote, which may be on a later line; 1 when there is none. */
static size_t quoted(const char *text, size_t len)
{
	size_t i;

	for (i = 1; i < len; i++) {
		if (text[0] == '"' && text[i] == '\\')
			i++;
		else if (text[i] == text[0] && text[0] == '\'' && i + 1 < len &&
			 text[i + 1] == '\'')
			i++;
		else if (text[i] == text[0])
			return i + 1;
	}
	return 1;
}

/* Bytes up to and with the bracket that closes this one; `len` when there is none. */
static size_t bracketed(const char *text, size_t len)
{
	size_t i, depth = 0;

	for (i = 0; i < len; i++) {
		if (strchr("[{", text[i]))
			depth++;
		else if (strchr("]}", text[i]) && --depth == 0)
			return i + 1;
		else if (strchr("\"'", text[i]) && i && strchr(" ,:[{", text[i - 1]))
			i += quoted(text + i, len - i) - 1;
	}
	return len;
}

static size_t reference(const char *text, size_t len)
{
	size_t i;

	if (len > 1 && text[1] == '{')
		return 1 + bracketed(text + 1, len - 1);
	for (i = 1; i < len && (isalnum((unsigned char)text[i]) || text[i] == '_');)
		i++;
	return i;
}

static bool is_blank(const char *text, size_t len, size_t i)
{
	return i >= len || text[i] == ' ' || text[i] == '\t';
}

/* A key or a value without quotes; inside of brackets "," and closing ones end it, too. */
static size_t plain(const char *text, size_t len, bool flow)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((text[i] == ':' &&
		     (is_blank(text, len, i + 1) || (flow && strchr(",[]{}", text[i + 1])))) ||
		    (text[i] == '#' && i && is_blank(text, len, i - 1)) ||
		    (flow && strchr(",[]{}", text[i])))
			break;
	while (i && is_blank(text, i, i - 1))
		i--;
	return MAX(i, (size_t)1);
}

/* Is an opening bracket on this line still open where its text ends? */
static bool in_brackets(const char *text, size_t len)
{
	size_t i, depth = 0;

	for (i = 0; i < len; i++) {
		if (strchr("\"'", text[i]) && i && strchr(" ,:[{", text[i - 1]))
			i += quoted(text + i, len - i) - 1;
		else if (strchr("[{", text[i]))
			depth += !i || text[i - 1] != '$';
		else if (strchr("]}", text[i]) && depth)
			depth--;
	}
	return depth;
}

static size_t span(const char *line, size_t len, size_t at)
{
	switch (line[at]) {
	case ' ':
	case '\t':
		return strspn(line + at, " \t");
	case '-':
		return is_blank(line, len, at + 1)
			       ? 1
			       : plain(line + at, len - at, in_brackets(line, at));
	case '[':
	case '{':
		return bracketed(line + at, len - at);
	case '$':
		return reference(line + at, len - at);
	case '*':
	case '&':
	case '!':
	case '|':
	case '>':
		return MAX(strcspn(line + at, " \t\r\n,]}"), (size_t)1);
	default:
		return plain(line + at, len - at, in_brackets(line, at));
	}
}

struct compose_mark diag_span_end(struct compose_mark start)
{
	struct compose_mark end = start;
	size_t len, rest, at, bytes, i;
	const char *line;

	if (!start.source || !start.column ||
	    !diag_source_line(start.source, start.line, &line, &len))
		return end;
	at = diag_chars_bytes(line, len, start.column - 1);
	if (at >= len)
		return end;
	rest = (size_t)(start.source->text + start.source->len - line) - at;
	if (strchr("\"'", line[at]))
		bytes = quoted(line + at, MIN(rest, (size_t)SPAN_MAX));
	else
		bytes = span(line, len, at);
	for (i = at; i < at + bytes; i++) {
		end.column = line[i] == '\n' ? 1 : end.column + !continues(line[i]);
		end.line += line[i] == '\n';
	}
	return end;
}
