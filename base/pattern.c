/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See pattern.h.  A pattern is compiled to tokens; matching keeps the set of places in the path
 * that can be reached, so that its cost is the product of the lengths whatever the pattern is.
 */
#include "base/pattern.h"

#include <errno.h>

#include "base/str.h"

enum kind {
	CHAR,
	ONE,	  /* ? */
	MANY,	  /* * */
	DEEP,	  /* ** at the end: anything */
	DEEP_DIR, /* ** before something: nothing, or anything that ends in / */
	SET,	  /* [...] */
};
struct token {
	enum kind kind;
	char c;
	bool negated;
	const char *set; /* between the brackets, in the pattern */
	size_t set_len;
};

struct pattern {
	char *text; /* cleaned, without "!" */
	bool takes_back;
	bool suffix; /* ** and plain text: any path that ends so */
	struct token *tokens;
	size_t count;
};

struct pattern_list {
	struct pattern *list;
	size_t count;
	bool takes_back;
};

/* ---- compiling */

/* The set after "[": sets *ret_end after its "]". */
static bool read_set(const char *s, struct token *t, const char **ret_end)
{
	const char *first;

	*t = (struct token){.kind = SET, .negated = *s == '^'};
	s += t->negated;
	t->set = first = s;
	while (*s && (*s != ']' || s == first)) {
		if (*s == '\\' && !*++s)
			return false;
		s++;
	}
	if (*s != ']')
		return false;
	t->set_len = (size_t)(s - first);
	*ret_end = s + 1;
	return true;
}

static const char *read_star(const char *s, bool deep, struct token *t)
{
	if (!deep || s[1] != '*') {
		t->kind = MANY;
		return s + 1;
	}
	s += 2;
	if (*s == '/')
		s++;
	t->kind = *s ? DEEP_DIR : DEEP;
	return s;
}

/* `deep`: ** has its meaning. */
static bool compile(const char *pattern, bool deep, struct token **ret, size_t *ret_count)
{
	struct token *list = xcalloc(strlen(pattern) + 1, sizeof(*list));
	const char *s = pattern;
	size_t n = 0;
	bool good = strlen(pattern) <= PATTERN_MAX;

	while (*s && good) {
		struct token *t = &list[n++];

		if (*s == '*') {
			s = read_star(s, deep, t);
		} else if (*s == '[') {
			good = read_set(s + 1, t, &s);
		} else if (*s == '?') {
			t->kind = ONE;
			s++;
		} else {
			if (*s == '\\')
				s++;
			good = *s != '\0';
			t->c = *s;
			s += good;
		}
	}
	if (!good) {
		free(list);
		return false;
	}
	*ret = list;
	*ret_count = n;
	return true;
}

/* ---- matching */

static size_t char_bytes(const char *s)
{
	size_t n = 1;

	while (((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static bool in_set(const struct token *t, const char *s)
{
	unsigned char c = (unsigned char)*s, low, high;
	const char *at = t->set, *end = t->set + t->set_len;
	bool found = false;

	while (at < end) {
		at += *at == '\\';
		low = high = (unsigned char)*at++;
		if (at + 1 < end && *at == '-') {
			at++;
			at += *at == '\\';
			high = (unsigned char)*at++;
		}
		found |= c >= low && c <= high;
	}
	return found != t->negated;
}

/* Tokens that stand for one character. */
static bool takes_one(const struct token *t, const char *s)
{
	if (t->kind == CHAR)
		return *s == t->c;
	return *s != '/' && (t->kind == ONE || in_set(t, s));
}

static void step_one(const struct token *t, const char *path, size_t len, const bool *now,
		     bool *next)
{
	for (size_t i = 0; i < len; i++)
		if (now[i] && takes_one(t, path + i))
			next[MIN(i + (t->kind == CHAR ? 1 : char_bytes(path + i)), len)] = true;
}

/* Tokens that stand for any number of them. */
static void step_many(const struct token *t, const char *path, size_t len, const bool *now,
		      bool *next)
{
	bool before = false; /* some place before this one was reached */

	for (size_t i = 0; i <= len; i++) {
		if (t->kind == DEEP_DIR)
			next[i] = now[i] || (before && path[i - 1] == '/');
		else
			next[i] = now[i] ||
				  (i && next[i - 1] && (t->kind == DEEP || path[i - 1] != '/'));
		before |= now[i];
	}
}

/* One token: from the places that `now` has to those in `next`. */
static void step(const struct token *t, const char *path, size_t len, const bool *now, bool *next)
{
	if (t->kind == CHAR || t->kind == ONE || t->kind == SET)
		step_one(t, path, len, now, next);
	else
		step_many(t, path, len, now, next);
}

static bool match(const struct token *tokens, size_t count, const char *path, size_t len)
{
	bool *now = xcalloc(len + 1, sizeof(*now)), *next = xcalloc(len + 1, sizeof(*next)), *swap;
	bool yes;

	now[0] = true;
	for (size_t k = 0; k < count; k++) {
		memset(next, 0, (len + 1) * sizeof(*next));
		step(&tokens[k], path, len, now, next);
		swap = now;
		now = next;
		next = swap;
	}
	yes = now[len];
	free(now);
	free(next);
	return yes;
}

bool pattern_match(const char *pattern, const char *path)
{
	auto_free struct token *tokens = NULL;
	size_t count;

	return compile(pattern, false, &tokens, &count) && match(tokens, count, path, strlen(path));
}

int pattern_check(const char *pattern, struct error *err)
{
	auto_free struct token *tokens = NULL;
	size_t count;

	if (!compile(pattern, false, &tokens, &count))
		return error_set(err, EINVAL, "the pattern \"%s\" is malformed", pattern);
	return 0;
}

bool pattern_has_wildcards(const char *text)
{
	return text[strcspn(text, "*?[\\")] != '\0';
}

char *pattern_clean(const char *path)
{
	AUTO(strv_free) char **parts = strv_split(path, "/");
	auto_free const char **kept = xcalloc(strv_len(parts) + 1, sizeof(*kept));
	auto_buf struct buf out = BUF_INIT;
	bool absolute = *path == '/';
	size_t count = 0;

	for (char **p = parts; p && *p; p++) {
		if (!strcmp(*p, "."))
			continue;
		if (strcmp(*p, "..") != 0)
			kept[count++] = *p;
		else if (count && strcmp(kept[count - 1], "..") != 0)
			count--;
		else if (!absolute)
			kept[count++] = *p;
	}
	for (size_t i = 0; i < count; i++)
		buf_addf(&out, "%s%s", i || absolute ? "/" : "", kept[i]);
	if (!out.len)
		buf_addc(&out, absolute ? '/' : '.');
	return buf_steal(&out);
}

/* ---- lists */

static int add(struct pattern_list *l, const char *text, struct error *err)
{
	struct pattern *p = &l->list[l->count];
	auto_free char *copy = xstrdup(text), *trimmed = xstrdup(str_trim(copy));
	const char *s = trimmed;

	if (!*s)
		return 0;
	p->takes_back = *s == '!';
	s += p->takes_back;
	if (!*s)
		return error_set(err, EINVAL, "the pattern \"!\" says nothing");
	p->text = pattern_clean(s);
	p->suffix = str_starts(p->text, "**") && !p->text[2 + strcspn(p->text + 2, "*?[]\\")];
	if (!p->suffix && !compile(p->text, true, &p->tokens, &p->count)) {
		free(steal_ptr(&p->text));
		return error_set(err, EINVAL, "the pattern \"%s\" is malformed", text);
	}
	l->takes_back |= p->takes_back;
	l->count++;
	return 0;
}

int pattern_list_new(char *const *patterns, struct pattern_list **ret, struct error *err)
{
	AUTO(pattern_list_free) struct pattern_list *l = xcalloc(1, sizeof(*l));
	size_t count = strv_len(patterns);

	if (count > PATTERNS_MAX)
		return error_set(err, E2BIG, "more than %d patterns", PATTERNS_MAX);
	l->list = xcalloc(count + 1, sizeof(*l->list));
	for (size_t i = 0; i < count; i++)
		if (add(l, patterns[i], err) < 0)
			return -err->code;
	*ret = steal_ptr(&l);
	return 0;
}

void pattern_list_free(struct pattern_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		free(l->list[i].text);
		free(l->list[i].tokens);
	}
	free(l->list);
	free(l);
}

static bool matches(const struct pattern *p, const char *path, size_t len)
{
	const char *suffix;
	size_t n;

	if (!p->suffix)
		return match(p->tokens, p->count, path, len);
	suffix = p->text + 2;
	n = strlen(suffix);
	if (len >= n && !memcmp(path + len - n, suffix, n))
		return true;
	return *suffix == '/' && len == n - 1 && !memcmp(path, suffix + 1, len);
}

static bool matches_or_parent(const struct pattern *p, const char *path)
{
	size_t len = strlen(path);

	if (matches(p, path, len))
		return true;
	for (size_t i = 0; i < len; i++)
		if (path[i] == '/' && matches(p, path, i))
			return true;
	return false;
}

bool pattern_list_match(const struct pattern_list *l, const char *path)
{
	bool yes = false;

	for (size_t i = 0; l && i < l->count; i++)
		if (l->list[i].takes_back == yes && matches_or_parent(&l->list[i], path))
			yes = !l->list[i].takes_back;
	return yes;
}

bool pattern_list_takes_back(const struct pattern_list *l)
{
	return l && l->takes_back;
}

char **pattern_lines(const char *text)
{
	char **ret = NULL;

	if (str_starts(text, "\xef\xbb\xbf"))
		text += 3;
	while (*text) {
		size_t len = strcspn(text, "\n");
		auto_free char *line = xstrndup(text, len), *clean = NULL;
		const char *s = *line == '#' ? "" : str_trim(line);
		bool back = *s == '!';

		text += len + (text[len] == '\n');
		s += back;
		s += strspn(s, " \t");
		if (!*s && !back)
			continue;
		clean = *s ? pattern_clean(s) : xstrdup("");
		s = clean[0] == '/' && clean[1] ? clean + 1 : clean;
		strv_pushf(&ret, "%s%s", back ? "!" : "", s);
	}
	return ret;
}
