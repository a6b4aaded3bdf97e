/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From where a YAML parser gave up to what was done wrong: often it notices a line later.  Guesses
 * are made on the text of the two lines only, and only where they are safe.
 */
#include "compose/syntax.h"

#include <ctype.h>
#include <string.h>

#define MISPLACED_COLON "mapping values are not allowed in this context"
#define MISSING_KEY	"did not find expected key"

static const struct syntax_words {
	const char *problem, *words, *hint;
} syntax_words[] = {
	{"found character that cannot start any token", "this character cannot start a value",
	 "put the value in quotes"},
	{MISPLACED_COLON, "\":\" is not allowed inside of a value", "put the value in quotes"},
	{MISSING_KEY, "expected a key here",
	 "check the indentation, and the quotes on the line before"},
	{"could not find expected ':'", "a \":\" is missing after this key", NULL},
	{"did not find expected '-' indicator", "expected \"- \" of the list here",
	 "check the indentation"},
	{"did not find expected node content", "expected a value here", NULL},
	{"found unexpected end of stream", "the file ends inside a quoted value",
	 "a quote is missing"},
	{"found unexpected document indicator", "this quote is not closed", NULL},
	{"did not find expected ',' or ']'", "expected \",\" or \"]\" here", NULL},
	{"did not find expected ',' or '}'", "expected \",\" or \"}\" here", NULL},
	{"block sequence entries are not allowed in this context",
	 "a list item is not allowed here", "check the indentation"},
	{"found unknown escape character", "unknown escape in a quoted value",
	 "write \\\\ for a backslash, or use single quotes"},
};

/* ---- lines */

struct line {
	const char *text;
	size_t len, indent;
	unsigned number;
};

static bool get_line(const struct compose_source *s, unsigned number, struct line *ret)
{
	ret->number = number;
	if (!number || !diag_source_line(s, number, &ret->text, &ret->len))
		return false;
	ret->indent = MIN(strspn(ret->text, " "), ret->len);
	return true;
}

static struct compose_mark mark_in(const struct compose_source *s, const struct line *l,
				   const char *at)
{
	struct compose_mark mark = {s, l->number, 1};
	const char *p;

	for (p = l->text; p < at; p++)
		mark.column += ((unsigned char)*p & 0xc0) != 0x80;
	return mark;
}

/* The value after the first key of the line, or NULL. */
static const char *value_of(const struct line *l)
{
	const char *at = memchr(l->text, ':', l->len), *end = l->text + l->len;

	if (!at || at + 1 >= end || at[1] != ' ')
		return NULL;
	for (at++; at < end && *at == ' ';)
		at++;
	return at < end && *at != '#' ? at : NULL;
}

/* Does it start with a word that may be a key, and have no colon at all? */
static bool lacks_colon(const struct line *l)
{
	char first = l->indent < l->len ? l->text[l->indent] : '\0';

	return (isalpha((unsigned char)first) || first == '_') && !memchr(l->text, ':', l->len);
}

/* ---- causes: true when this is it, and was reported */

static bool tab_indents(struct diag_list *diags, const struct syntax_problem *p)
{
	struct line l;

	if (!get_line(p->mark.source, p->mark.line, &l) || l.indent >= l.len ||
	    l.text[l.indent] != '\t')
		return false;
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX, p->mark, NULL, "a tab is used for indentation");
	diag_hint(diags, "use spaces");
	return true;
}

/* In { } and [ ] the brace of a reference opens a mapping. */
static bool bare_reference(struct diag_list *diags, const struct syntax_problem *p)
{
	struct compose_mark mark = p->mark;
	struct line l;
	size_t at;

	if (mark.column < 2 || !get_line(mark.source, mark.line, &l))
		return false;
	at = diag_chars_bytes(l.text, l.len, mark.column - 1);
	if (!at || at >= l.len || l.text[at - 1] != '$' || l.text[at] != '{')
		return false;
	mark.column--;
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX, mark, NULL,
		 "inside { } and [ ] a value with ${…} must be in quotes");
	return true;
}

/* A key without its colon goes on as text on the next line, and there a colon is wrong. */
static bool forgotten_colon(struct diag_list *diags, const struct syntax_problem *p)
{
	struct line here, before;

	if (strcmp(p->what, MISPLACED_COLON) != 0 ||
	    !get_line(p->mark.source, p->mark.line, &here) ||
	    !get_line(p->mark.source, p->mark.line - 1, &before) || before.indent > here.indent ||
	    !lacks_colon(&before))
		return false;
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX,
		 mark_in(p->mark.source, &before, before.text + before.indent), NULL,
		 "a \":\" is missing after \"%.*s\"",
		 (int)strcspn(before.text + before.indent, " \t\r\n#"),
		 before.text + before.indent);
	return true;
}

/* A line that is indented further than one with key and value is taken for more of that value. */
static bool too_far_in(struct diag_list *diags, const struct syntax_problem *p)
{
	struct line here, before;
	size_t at;

	if (strcmp(p->what, MISPLACED_COLON) != 0 ||
	    !get_line(p->mark.source, p->mark.line, &here) ||
	    !get_line(p->mark.source, p->mark.line - 1, &before) || before.indent >= here.indent ||
	    !value_of(&before))
		return false;
	/* It is about the first colon of the line: another one would be inside of a value. */
	at = diag_chars_bytes(here.text, here.len, p->mark.column - 1);
	if (at < here.indent || memchr(here.text + here.indent, ':', at - here.indent))
		return false;
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX,
		 mark_in(p->mark.source, &here, here.text + here.indent), NULL,
		 "this line is indented further than the one before, which has its value already");
	diag_hint(diags, "indent both alike");
	return true;
}

/* A quote that is not closed takes what follows with it, up to the next one. */
static bool open_quote(struct diag_list *diags, const struct syntax_problem *p)
{
	struct line before;
	const char *at;

	if (strcmp(p->what, MISSING_KEY) != 0 ||
	    !get_line(p->mark.source, p->mark.line - 1, &before))
		return false;
	at = value_of(&before);
	if (!at || !strchr("\"'", *at) ||
	    memchr(at + 1, *at, (size_t)(before.text + before.len - at) - 1))
		return false;
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX, mark_in(p->mark.source, &before, at), NULL,
		 "this quote is not closed on its line");
	return true;
}

void syntax_report(struct diag_list *diags, const struct syntax_problem *p)
{
	static bool (*const causes[])(struct diag_list *, const struct syntax_problem *) = {
		tab_indents, bare_reference, forgotten_colon, too_far_in, open_quote,
	};
	struct compose_mark mark = p->mark;
	size_t i;

	for (i = 0; i < ARRAY_LEN(causes) && p->mark.line; i++)
		if (causes[i](diags, p))
			return;
	/* What is not closed says more than where the file ends. */
	if (!strcmp(p->context, "while scanning a quoted scalar"))
		mark = p->context_mark;
	for (i = 0; i < ARRAY_LEN(syntax_words); i++)
		if (!strcmp(p->what, syntax_words[i].problem))
			break;
	if (i == ARRAY_LEN(syntax_words)) {
		diag_add(diags, DIAG_ERROR, DIAG_SYNTAX, mark, NULL, "%s", p->what);
		return;
	}
	diag_add(diags, DIAG_ERROR, DIAG_SYNTAX, mark, NULL, "%s", syntax_words[i].words);
	if (syntax_words[i].hint)
		diag_hint(diags, "%s", syntax_words[i].hint);
}
