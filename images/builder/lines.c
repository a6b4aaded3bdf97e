/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the text to instructions: directives at the very top, comments, lines that go on in the
 * next one, heredocs.  A comment between continued lines is dropped, an empty line too.
 */
#include <strings.h>

#include "images/builder/dockerfile.h"

#define HEREDOCS_MAX 100

struct dockerfile_reader {
	struct dockerfile *f;
	const char *at, *end;
	unsigned number; /* of the line that comes next, from 1 */
	bool directives; /* still looking for them */
	bool seen_escape, seen_syntax, seen_check;
};

struct line {
	const char *text;
	size_t len;
	unsigned number;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct dockerfile_reader *dockerfile_reader_new(struct dockerfile *f)
{
	struct dockerfile_reader *r = arena_alloc(f->arena, sizeof(*r));

	r->f = f;
	r->at = f->text;
	r->end = f->text + f->len;
	if (f->len >= 3 && !memcmp(r->at, "\xef\xbb\xbf", 3))
		r->at += 3;
	r->number = 1;
	r->directives = true;
	return r;
}

/* The next line without its end ("\n", "\r\n"). */
static bool next_line(struct dockerfile_reader *r, struct line *ret)
{
	const char *newline;

	if (r->at >= r->end)
		return false;
	newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	*ret = (struct line){r->at, (size_t)((newline ? newline : r->end) - r->at), r->number++};
	r->at = newline ? newline + 1 : r->end;
	if (ret->len && ret->text[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static size_t leading_blanks(const struct line *l)
{
	size_t n = 0;

	while (n < l->len && is_blank(l->text[n]))
		n++;
	return n;
}

static bool is_comment(const struct line *l)
{
	size_t n = leading_blanks(l);

	return n < l->len && l->text[n] == '#';
}

/* ---- directives: "# name = value" */

static bool split_directive(const struct line *l, char **ret_name, char **ret_value)
{
	auto_free char *text = xstrndup(l->text, l->len);
	char *name = str_trim(text), *equals = strchr(name, '=');
	size_t len;

	if (*name != '#' || !equals)
		return false;
	*equals = '\0';
	name = str_trim(name + 1);
	len = strlen(name);
	if (!len ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != len)
		return false;
	*ret_name = xstrdup(name);
	*ret_value = xstrdup(str_trim(equals + 1));
	return true;
}

static void set_escape(struct dockerfile_reader *r, const struct line *l, const char *value)
{
	if (!strcmp(value, "\\") || !strcmp(value, "`"))
		r->f->escape = *value;
	else
		dockerfile_problem(r->f, (struct dockerfile_mark){l->number, 1},
				   "invalid escape directive \"%s\": it must be \\ or `", value);
}

/* Anything that is no directive ends them. */
static void take_directive(struct dockerfile_reader *r, const struct line *l)
{
	auto_free char *name = NULL, *value = NULL;
	bool *seen = NULL;

	if (!r->directives)
		return;
	r->directives = split_directive(l, &name, &value) && *value;
	if (!r->directives)
		return;
	if (!strcasecmp(name, "escape"))
		seen = &r->seen_escape;
	else if (!strcasecmp(name, "syntax"))
		seen = &r->seen_syntax;
	else if (!strcasecmp(name, "check"))
		seen = &r->seen_check;
	r->directives = seen != NULL;
	if (!seen)
		return;
	if (*seen)
		dockerfile_problem(r->f, (struct dockerfile_mark){l->number, 1},
				   "only one %s directive can be used", name);
	else if (seen == &r->seen_escape)
		set_escape(r, l, value);
	else if (seen == &r->seen_syntax)
		r->f->syntax = arena_strdup(r->f->arena, value);
	*seen = true;
}

/* ---- joining */

/* Takes the escape character at the end of the line away; was there one? */
static bool goes_on(const struct dockerfile_reader *r, struct line *l)
{
	size_t n = l->len;

	while (n && (l->text[n - 1] == ' ' || l->text[n - 1] == '\t'))
		n--;
	if (!n || l->text[n - 1] != r->f->escape || (n > 1 && l->text[n - 2] == r->f->escape))
		return false;
	l->len = n - 1;
	return true;
}

static void add_segment(struct dockerfile_reader *r, struct dockerfile_raw *raw, size_t at,
			unsigned line, unsigned column)
{
	DOCKERFILE_GROW(r->f->arena, raw->segments, raw->segment_count, raw->segment_room);
	raw->segments[raw->segment_count++] = (struct dockerfile_segment){at, line, column};
}

/* ---- heredocs */

static bool ends_heredoc(const struct dockerfile_heredoc *h, const struct line *l)
{
	const char *s = l->text;
	size_t len = l->len;

	while (h->chomp && len && *s == '\t') {
		s++;
		len--;
	}
	return len == strlen(h->name) && !memcmp(s, h->name, len);
}

static void read_heredoc(struct dockerfile_reader *r, const struct dockerfile_raw *raw,
			 struct dockerfile_heredoc *h)
{
	auto_buf struct buf content = {.max = DOCKERFILE_MAX};
	struct line l;

	h->line = r->number;
	while (next_line(r, &l)) {
		if (ends_heredoc(h, &l)) {
			h->content = arena_strndup(r->f->arena, content.data ?: "", content.len);
			return;
		}
		while (h->chomp && l.len && *l.text == '\t') {
			l.text++;
			l.len--;
		}
		buf_add(&content, l.text, l.len);
		buf_addc(&content, '\n');
	}
	h->content = arena_strndup(r->f->arena, content.data ?: "", content.len);
	dockerfile_problem(r->f, raw->mark, "the heredoc %s is not ended: no line \"%s\" follows",
			   h->name, h->name);
}

static void read_heredocs(struct dockerfile_reader *r, struct dockerfile_raw *raw)
{
	struct dockerfile_words words = {0};
	struct dockerfile_heredoc h;
	size_t room = 0;

	if (!strstr(raw->text, "<<") || !dockerfile_takes_heredocs(raw->text))
		return;
	dockerfile_split(r->f->arena, raw->text, 0, r->f->escape, &words);
	for (size_t i = 0; i < words.count && raw->heredoc_count < HEREDOCS_MAX; i++) {
		if (!dockerfile_heredoc_parse(r->f->arena, words.list[i].text, &h))
			continue;
		DOCKERFILE_GROW(r->f->arena, raw->heredocs, raw->heredoc_count, room);
		read_heredoc(r, raw, &h);
		raw->heredocs[raw->heredoc_count++] = h;
	}
}

/* ---- one instruction */

/* The first line of an instruction; comments and empty lines before it are passed over. */
static bool first_line(struct dockerfile_reader *r, struct line *ret)
{
	while (next_line(r, ret)) {
		take_directive(r, ret);
		if (!is_comment(ret) && leading_blanks(ret) < ret->len)
			return true;
	}
	return false;
}

static void join(struct dockerfile_reader *r, struct line *l, struct dockerfile_raw *raw,
		 struct buf *text)
{
	bool more = goes_on(r, l);

	buf_add(text, l->text, l->len);
	raw->last_line = l->number;
	while (more && next_line(r, l)) {
		raw->last_line = l->number;
		if (is_comment(l) || leading_blanks(l) == l->len)
			continue;
		more = goes_on(r, l);
		add_segment(r, raw, text->len, l->number, 1);
		buf_add(text, l->text, l->len);
	}
}

bool dockerfile_read(struct dockerfile_reader *r, struct dockerfile_raw *ret)
{
	auto_buf struct buf text = {.max = DOCKERFILE_LINE_MAX};
	struct line l;
	size_t blanks;

	do {
		*ret = (struct dockerfile_raw){0};
		buf_reset(&text);
		if (!first_line(r, &l))
			return false;
		blanks = leading_blanks(&l);
		l.text += blanks;
		l.len -= blanks;
		ret->mark = (struct dockerfile_mark){l.number, (unsigned)blanks + 1};
		add_segment(r, ret, 0, l.number, ret->mark.column);
		join(r, &l, ret, &text);
	} while (!text.len && !text.overflow);
	if (text.overflow)
		dockerfile_problem(r->f, ret->mark, "the instruction is longer than %zu bytes",
				   DOCKERFILE_LINE_MAX);
	if (memchr(text.data ?: "", '\0', text.len))
		dockerfile_problem(r->f, ret->mark, "the instruction has a NUL byte");
	while (text.len && is_blank(text.data[text.len - 1]))
		text.len--;
	ret->text = arena_strndup(r->f->arena, text.data ?: "", text.len);
	read_heredocs(r, ret);
	return true;
}
