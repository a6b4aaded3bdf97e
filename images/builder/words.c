/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the rest of an instruction is taken apart: words, quoted words, JSON arrays, heredocs. */
#include <ctype.h>
#include <errno.h>

#include "base/json.h"
#include "images/builder/dockerfile.h"

#define WORDS_MAX 10000

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void dockerfile_word_add(struct arena *a, struct dockerfile_words *w, const char *text, size_t len,
			 size_t at)
{
	if (w->count == WORDS_MAX)
		return;
	DOCKERFILE_GROW(a, w->list, w->count, w->room);
	w->list[w->count++] = (struct dockerfile_word){arena_strndup(a, text, len), at};
}

/* Bytes of the word that starts here: quotes and escapes protect blanks. */
static size_t word_bytes(const char *s, char escape)
{
	char quote = '\0';
	size_t i;

	for (i = 0; s[i]; i++) {
		if (s[i] == escape && quote != '\'' && s[i + 1])
			i++;
		else if (quote)
			quote = s[i] == quote ? '\0' : quote;
		else if (s[i] == '"' || s[i] == '\'')
			quote = s[i];
		else if (is_blank(s[i]))
			break;
	}
	return i;
}

void dockerfile_split(struct arena *a, const char *text, size_t at, char escape,
		      struct dockerfile_words *ret)
{
	const char *s = text;
	size_t len, kept;

	for (;;) {
		while (is_blank(*s))
			s++;
		if (!*s)
			break;
		len = kept = word_bytes(s, escape);
		/* An escape character that nothing follows is no part of the word. */
		if (!s[len] && s[len - 1] == escape && (len < 2 || s[len - 2] != escape))
			kept--;
		if (kept)
			dockerfile_word_add(a, ret, s, kept, at + (size_t)(s - text));
		s += len;
	}
}

void dockerfile_split_plain(struct arena *a, const char *text, size_t at,
			    struct dockerfile_words *ret)
{
	const char *s = text;
	size_t len;

	for (;;) {
		while (is_blank(*s))
			s++;
		for (len = 0; s[len] && !is_blank(s[len]);)
			len++;
		if (!len)
			break;
		dockerfile_word_add(a, ret, s, len, at + (size_t)(s - text));
		s += len;
	}
}

int dockerfile_exec_form(struct arena *a, const char *text, size_t at, struct dockerfile_words *ret)
{
	auto_json json_t *array = NULL;
	json_error_t ignored;
	const char *s = text;
	json_t *item;
	size_t i;

	while (is_blank(*s))
		s++;
	if (*s != '[')
		return 0;
	array = json_loads(s, JSON_ALLOW_NUL, &ignored);
	if (!array)
		return 0;
	json_array_foreach (array, i, item)
		if (!json_is_string(item) ||
		    strlen(json_string_value(item)) != json_string_length(item))
			return -EINVAL;
	json_array_foreach (array, i, item)
		dockerfile_word_add(a, ret, json_string_value(item), json_string_length(item),
				    at + (size_t)(s - text));
	return 1;
}

bool dockerfile_heredoc_parse(struct arena *a, const char *word, struct dockerfile_heredoc *ret)
{
	size_t digits = strspn(word, "0123456789");
	const char *s = word + digits;
	auto_buf struct buf name = BUF_INIT;
	auto_free char *fd = xstrndup(word, digits);
	uint32_t number = 0;
	bool quoted = false;

	if (strncmp(s, "<<", 2) != 0 || (digits && parse_u32(fd, &number) < 0))
		return false;
	s += 2;
	*ret = (struct dockerfile_heredoc){.chomp = *s == '-', .fd = number};
	s += ret->chomp;
	if (!*s || strchr(s, '<'))
		return false;
	for (; *s; s++) {
		if (*s == '"' || *s == '\'' || *s == '\\')
			quoted = true;
		else if (is_blank(*s) && !quoted)
			return false;
		else
			buf_addc(&name, *s);
	}
	if (!name.len)
		return false;
	ret->name = arena_strndup(a, name.data, name.len);
	ret->expand = !quoted;
	return true;
}
