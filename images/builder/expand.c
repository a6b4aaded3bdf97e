/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See expand.h.  One pass over the word; what is between ${NAME: and } is read by the same
 * function up to its closing character.
 */
#include "images/builder/expand.h"

#include <ctype.h>
#include <errno.h>

#define DEPTH_MAX  32
#define RESULT_MAX ((size_t)1 << 20)
#define MATCH_MAX  ((size_t)16 << 10) /* bytes of a value that patterns are tried on */

/* What has been made so far: the text, and the words that it falls into. */
struct output {
	struct buf text, word;
	bool in_word;
	char **words;
};

struct scan {
	const struct expansion *x;
	const char *at;
	unsigned depth;
};

static int dollar(struct scan *s, struct buf *ret, struct error *err);

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- output */

static void end_word(struct output *o)
{
	if (!o->word.len)
		return;
	strv_push(&o->words, xstrndup(o->word.data, o->word.len));
	buf_reset(&o->word);
	o->in_word = false;
}

static void add_char(struct output *o, char c, bool raw)
{
	buf_addc(&o->text, c);
	if (!raw && is_blank(c)) {
		if (o->in_word)
			end_word(o);
		return;
	}
	buf_addc(&o->word, c);
	o->in_word = true;
}

static void add_text(struct output *o, const struct buf *b, bool raw)
{
	for (size_t i = 0; i < b->len; i++)
		add_char(o, b->data[i], raw);
	o->in_word |= raw;
}

static void output_release(struct output *o)
{
	buf_release(&o->text);
	buf_release(&o->word);
	strv_free(o->words);
}

/* ---- quotes */

static int single_quoted(struct scan *s, struct buf *ret, struct error *err)
{
	const char *end = strchr(s->at + 1, '\'');

	if (!end)
		return error_set(err, EINVAL, "a single quote is not closed");
	buf_add(ret, s->at + 1, (size_t)(end - s->at - 1));
	s->at = end + 1;
	return 0;
}

static int double_quoted(struct scan *s, bool raw_escapes, struct buf *ret, struct error *err)
{
	char escape = s->x->escape;

	s->at++;
	while (*s->at && *s->at != '"') {
		if (*s->at == '$') {
			if (dollar(s, ret, err) < 0)
				return -err->code;
			continue;
		}
		if (*s->at == escape) {
			if (raw_escapes)
				buf_addc(ret, escape);
			if (!s->at[1]) {
				s->at++;
				continue;
			}
			/* Only these can be escaped; before others the escape stays. */
			if (s->at[1] == '"' || s->at[1] == '$' || s->at[1] == escape)
				s->at++;
		}
		buf_addc(ret, *s->at++);
	}
	if (!*s->at)
		return error_set(err, EINVAL, "a double quote is not closed");
	s->at++;
	return 0;
}

/* ---- text up to `stop` (0: the end), which is taken too */

static int special(struct scan *s, bool raw_escapes, struct output *o, struct error *err)
{
	auto_buf struct buf part = {.max = RESULT_MAX};
	char c = *s->at;
	int r = c == '$'   ? dollar(s, &part, err)
		: c == '"' ? double_quoted(s, raw_escapes, &part, err)
			   : single_quoted(s, &part, err);

	if (r == 0)
		add_text(o, &part, c != '$');
	return r;
}

static int run(struct scan *s, char stop, bool raw_escapes, struct output *o, struct error *err)
{
	bool quotes = !s->x->keep_quotes;

	while (*s->at && (!stop || *s->at != stop)) {
		if (*s->at == '$' || (quotes && (*s->at == '"' || *s->at == '\''))) {
			if (special(s, raw_escapes, o, err) < 0)
				return -err->code;
		} else if (*s->at == s->x->escape) {
			if (raw_escapes)
				add_char(o, *s->at, true);
			if (!*++s->at)
				break;
			add_char(o, *s->at++, true);
		} else {
			add_char(o, *s->at++, false);
		}
		if (o->text.overflow)
			return error_set(err, E2BIG, "the text grows beyond %zu bytes", RESULT_MAX);
	}
	if (stop && !*s->at)
		return error_set(err, EINVAL, "%c is missing after ${", stop);
	s->at += stop != '\0';
	return 0;
}

static int nested(struct scan *s, char stop, bool raw_escapes, struct buf *ret, struct error *err)
{
	struct output o = {.text.max = RESULT_MAX, .word.max = RESULT_MAX};
	int r;

	if (s->depth == DEPTH_MAX)
		return error_set(err, E2BIG, "variables are nested too deeply");
	s->depth++;
	r = run(s, stop, raw_escapes, &o, err);
	s->depth--;
	if (r == 0)
		buf_add(ret, o.text.data ?: "", o.text.len);
	output_release(&o);
	return r;
}

/* ---- patterns: * any characters, ? one, a backslash protects */

struct token {
	enum { TOKEN_CHAR, TOKEN_ONE, TOKEN_ANY } kind;
	char c;
};

static int compile(const char *pattern, struct token **ret, size_t *ret_count, struct error *err)
{
	struct token *list = xcalloc(strlen(pattern) + 1, sizeof(*list));
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		if (*p == '*')
			list[n++].kind = TOKEN_ANY;
		else if (*p == '?')
			list[n++].kind = TOKEN_ONE;
		else if (*p == '\\' && (p[1] == '}' || p[1] == '/'))
			continue;
		else if (*p != '\\')
			list[n++].c = *p;
		else if (p[1] == '*' || p[1] == '?' || p[1] == '\\')
			list[n++].c = *++p;
		else {
			free(list);
			return error_set(err, EINVAL, "invalid escape in the pattern \"%s\"",
					 pattern);
		}
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

static size_t char_bytes(const char *s)
{
	size_t n = 1;

	while (((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Where can the tokens end that begin at `s`?  ends[i] is set for s + i.  One row a token. */
static void match_ends(const struct token *t, size_t count, const char *s, size_t len, bool *ends)
{
	auto_free bool *next = xcalloc(len + 1, sizeof(*next));

	memset(ends, 0, (len + 1) * sizeof(*ends));
	ends[0] = true;
	for (size_t k = 0; k < count; k++) {
		memset(next, 0, (len + 1) * sizeof(*next));
		for (size_t i = 0; i <= len; i++) {
			if (t[k].kind == TOKEN_ANY)
				next[i] = ends[i] || (i && next[i - 1] && s[i - 1] != '\n');
			else if (!ends[i] || i == len)
				continue;
			else if (t[k].kind == TOKEN_CHAR && s[i] == t[k].c)
				next[i + 1] = true;
			else if (t[k].kind == TOKEN_ONE && s[i] != '\n')
				next[MIN(i + char_bytes(s + i), len)] = true;
		}
		memcpy(ends, next, (len + 1) * sizeof(*ends));
	}
}

/* Length of the longest or shortest match at the beginning, or -1. */
static ssize_t match_prefix(const struct token *t, size_t count, const char *s, size_t len,
			    bool longest)
{
	auto_free bool *ends = xcalloc(len + 1, sizeof(*ends));

	match_ends(t, count, s, len, ends);
	for (size_t i = 0; i <= len; i++) {
		size_t at = longest ? len - i : i;

		if (ends[at])
			return (ssize_t)at;
	}
	return -1;
}

/* Start of the longest or shortest match that reaches to the end, or -1. */
static ssize_t match_suffix(const struct token *t, size_t count, const char *s, size_t len,
			    bool longest)
{
	auto_free bool *ends = xcalloc(len + 1, sizeof(*ends));

	for (size_t i = 0; i <= len; i++) {
		size_t start = longest ? i : len - i;

		match_ends(t, count, s + start, len - start, ends);
		if (ends[len - start])
			return (ssize_t)start;
	}
	return -1;
}

static int trim(const char *value, const char *pattern, char side, struct buf *ret,
		struct error *err)
{
	bool longest = *pattern == side;
	auto_free struct token *t = NULL;
	size_t count, len = strlen(value);
	ssize_t n;

	if (len > MATCH_MAX)
		return error_set(err, E2BIG, "the value is too long for a pattern");
	if (compile(pattern + longest, &t, &count, err) < 0)
		return -err->code;
	if (side == '#') {
		n = match_prefix(t, count, value, len, longest);
		buf_adds(ret, value + MAX(n, 0));
	} else {
		n = match_suffix(t, count, value, len, longest);
		buf_add(ret, value, n < 0 ? len : (size_t)n);
	}
	return 0;
}

static int replace(const char *value, const char *pattern, const char *with, bool all,
		   struct buf *ret, struct error *err)
{
	auto_free struct token *t = NULL;
	size_t count, len = strlen(value), i = 0;
	bool done = false;
	ssize_t n;

	if (len > MATCH_MAX)
		return error_set(err, E2BIG, "the value is too long for a pattern");
	if (compile(pattern, &t, &count, err) < 0)
		return -err->code;
	while (i <= len) {
		n = done && !all ? -1 : match_prefix(t, count, value + i, len - i, true);
		if (n >= 0) {
			buf_adds(ret, with);
			done = true;
			i += (size_t)n;
		}
		if (n > 0)
			continue;
		if (i < len)
			buf_addc(ret, value[i]);
		i++;
	}
	return 0;
}

/* ---- variables */

static size_t name_bytes(const char *s)
{
	size_t n = 0;

	if (isdigit((unsigned char)*s)) {
		while (isdigit((unsigned char)s[n]))
			n++;
		return n;
	}
	if (*s && strchr("@*#?-$!0", *s))
		return 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || (unsigned char)s[n] >= 0x80)
		n++;
	return n;
}

static const char *value_of(const struct scan *s, const char *name)
{
	return s->x->lookup ? s->x->lookup(s->x->arg, name) : NULL;
}

/* What follows "${NAME" and the character `c` (after a colon: the one after it). */
static int modifier(struct scan *s, const char *name, char c, bool colon, struct buf *ret,
		    struct error *err)
{
	auto_buf struct buf word = {.max = RESULT_MAX};
	const char *value = value_of(s, name), *text;
	bool set = value && !(colon && !*value);

	if (nested(s, '}', c == '#' || c == '%', &word, err) < 0)
		return -err->code;
	text = word.data ?: "";
	switch (c) {
	case '-':
		buf_adds(ret, set ? value : text);
		return 0;
	case '+':
		buf_adds(ret, set ? text : "");
		return 0;
	case '?':
		if (!set)
			return error_set(err, EINVAL, "%s: %s", name,
					 *text	 ? text
					 : value ? "is not allowed to be empty"
						 : "is not allowed to be unset");
		buf_adds(ret, value);
		return 0;
	default:
		return trim(value ?: "", text, c, ret, err);
	}
}

static int substitution(struct scan *s, const char *name, struct buf *ret, struct error *err)
{
	auto_buf struct buf pattern = {.max = RESULT_MAX}, with = {.max = RESULT_MAX};
	const char *value = value_of(s, name);
	bool all = *s->at == '/';

	s->at += all;
	if (nested(s, '/', true, &pattern, err) < 0 || nested(s, '}', true, &with, err) < 0)
		return -err->code;
	return replace(value ?: "", pattern.data ?: "", with.data ?: "", all, ret, err);
}

static int braced(struct scan *s, struct buf *ret, struct error *err)
{
	auto_free char *name = NULL;
	bool colon = false;
	char c;

	if (!*s->at)
		return error_set(err, EINVAL, "} is missing after ${");
	if (strchr("{}:", *s->at))
		return error_set(err, EINVAL, "a variable has no name: ${%c", *s->at);
	name = xstrndup(s->at, name_bytes(s->at));
	s->at += strlen(name);
	c = *s->at;
	if (c)
		s->at++;
	if (c == '}') {
		buf_adds(ret, value_of(s, name) ?: "");
		return 0;
	}
	if (c == '/')
		return substitution(s, name, ret, err);
	if (c == ':') {
		colon = true;
		c = *s->at;
		if (c)
			s->at++;
	}
	if (!c)
		return error_set(err, EINVAL, "} is missing after ${%s", name);
	if (!strchr("+-?#%", c))
		return error_set(err, EINVAL, "${%s%s%c…}: unsupported modifier", name,
				 colon ? ":" : "", c);
	return modifier(s, name, c, colon, ret, err);
}

static int dollar(struct scan *s, struct buf *ret, struct error *err)
{
	auto_free char *name = NULL;

	s->at++;
	if (*s->at == '{') {
		s->at++;
		return braced(s, ret, err);
	}
	name = xstrndup(s->at, name_bytes(s->at));
	s->at += strlen(name);
	buf_adds(ret, *name ? value_of(s, name) ?: "" : "$");
	return 0;
}

/* ---- */

int expand_word(const struct expansion *x, const char *word, char **ret, struct error *err)
{
	struct output o = {.text.max = RESULT_MAX, .word.max = RESULT_MAX};
	struct scan s = {.x = x, .at = word};
	int r = run(&s, '\0', false, &o, err);

	if (r == 0)
		*ret = buf_steal(&o.text);
	output_release(&o);
	return r;
}

int expand_words(const struct expansion *x, const char *word, char ***ret, struct error *err)
{
	struct output o = {.text.max = RESULT_MAX, .word.max = RESULT_MAX};
	struct scan s = {.x = x, .at = word};
	int r = run(&s, '\0', false, &o, err);

	if (r == 0) {
		end_word(&o);
		*ret = steal_ptr(&o.words);
	}
	output_release(&o);
	return r;
}
