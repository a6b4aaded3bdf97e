/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variable references.  A word (default, message, alternative) is text itself and is expanded only
 * when it is used.  Offsets count bytes of the outermost text.
 */
#include "compose/interpolate.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

struct reference {
	char *name;
	bool colon; /* the operator also looks at empty values */
	char op;    /* '-', '?', '+' or NUL */
	const char *word;
	size_t word_len;
};

static int expand(struct interpolation *in, const char *text, size_t len, size_t offset,
		  unsigned depth, struct buf *out, struct error *err);

static bool name_char(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && name_char(text[n], n == 0))
		n++;
	return n;
}

/*
 * Length of "{…}", or 0 when nothing closes it on its line.  As the reference counts: what follows
 * an opening brace is not looked at, and where the braces do not balance the last one closes, so
 * that "${A:-{}" has the default "{" and "${A:-{}}" has "{}".
 */
static size_t braces_length(const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);
	size_t line = newline ? (size_t)(newline - text) : len, i, open = 0;
	const char *last = memrchr(text, '}', line);

	for (i = 0; last && i <= (size_t)(last - text); i++) {
		if (text[i] == '}' && --open == 0)
			return i + 1;
		if (text[i] == '{') {
			open++;
			i++;
		}
	}
	return last ? (size_t)(last - text) + 1 : 0;
}

/* Takes apart what stands between the braces. */
static bool parse_reference(struct interpolation *in, const char *text, size_t len,
			    struct reference *ret)
{
	size_t at = name_length(text, len);

	if (!at)
		return false;
	*ret = (struct reference){.name = arena_strndup(in->arena, text, at)};
	if (at == len)
		return true;
	ret->colon = text[at] == ':';
	at += ret->colon;
	if (at == len || !strchr("-?+", text[at]))
		return false;
	ret->op = text[at++];
	ret->word = text + at;
	ret->word_len = len - at;
	return true;
}

static int required(struct interpolation *in, const struct reference *ref, size_t offset,
		    unsigned depth, struct error *err)
{
	auto_buf struct buf message = BUF_INIT;
	int r = expand(in, ref->word, ref->word_len, offset, depth + 1, &message, err);

	if (r < 0)
		return r;
	in->offset = offset;
	return error_set(err, EINVAL, "required variable %s is missing a value%s%s", ref->name,
			 message.len ? ": " : "", message.len ? message.data : "");
}

static int apply(struct interpolation *in, const struct reference *ref, size_t offset,
		 unsigned depth, struct buf *out, struct error *err)
{
	const char *value = in->lookup(in->arg, ref->name);
	bool present = value && (!ref->colon || *value);

	if (in->on_variable)
		in->on_variable(in->arg, ref->name,
				ref->op == '-' ? arena_strndup(in->arena, ref->word, ref->word_len)
					       : NULL,
				ref->op == '?');
	if (ref->op == '?' && !present)
		return required(in, ref, offset, depth, err);
	if ((ref->op == '-' && !present) || (ref->op == '+' && present))
		return expand(in, ref->word, ref->word_len, offset, depth + 1, out, err);
	if (!value && !ref->op && in->on_unset)
		in->on_unset(in->arg, ref->name, offset);
	buf_adds(out, value ? value : "");
	return 0;
}

static int malformed(struct interpolation *in, const char *text, size_t len, size_t offset,
		     struct error *err)
{
	size_t shown = MIN(len, (size_t)60);

	in->offset = offset;
	return error_set(err, EINVAL,
			 "\"%.*s\" is not a valid variable reference; write $$ for a dollar sign",
			 (int)shown, text);
}

/* Expands what starts with the "$" at text[0]; *ret_used is how much of the text it was. */
static int expand_dollar(struct interpolation *in, const char *text, size_t len, size_t offset,
			 unsigned depth, struct buf *out, size_t *ret_used, struct error *err)
{
	size_t n = len > 1 ? name_length(text + 1, len - 1) : 0;
	struct reference ref;

	if (n) {
		ref = (struct reference){.name = arena_strndup(in->arena, text + 1, n)};
		*ret_used = n + 1;
		return apply(in, &ref, offset, depth, out, err);
	}
	if (len > 1 && text[1] == '{') {
		n = braces_length(text + 1, len - 1);
		if (!n || !parse_reference(in, text + 2, n - 2, &ref))
			return malformed(in, text, n ? n + 1 : len, offset, err);
		*ret_used = n + 1;
		return apply(in, &ref, offset, depth, out, err);
	}
	buf_addc(out, '$');
	*ret_used = len > 1 && text[1] == '$' ? 2 : 1;
	return 0;
}

static int expand(struct interpolation *in, const char *text, size_t len, size_t offset,
		  unsigned depth, struct buf *out, struct error *err)
{
	const char *dollar;
	size_t used;
	int r;

	in->offset = offset;
	if (depth > INTERPOLATE_DEPTH_MAX)
		return error_set(err, EINVAL, "variable references are nested too deeply");
	while (len) {
		dollar = memchr(text, '$', len);
		used = dollar ? (size_t)(dollar - text) : len;
		buf_add(out, text, used);
		if (dollar) {
			/* Offsets inside a word would need its own place: the reference's will do.
			 */
			r = expand_dollar(in, dollar, len - used, depth ? offset : offset + used,
					  depth, out, &used, err);
			if (r < 0)
				return r;
			used += (size_t)(dollar - text);
		}
		text += used;
		len -= used;
		offset += depth ? 0 : used;
	}
	if (out->overflow)
		return error_set(err, EINVAL, "more than %zu bytes after interpolation",
				 INTERPOLATE_BYTES_MAX);
	return 0;
}

int interpolate(struct interpolation *in, const char *text, const char **ret, struct error *err)
{
	auto_buf struct buf out = {.max = INTERPOLATE_BYTES_MAX};
	int r;

	*ret = text;
	if (!strchr(text, '$'))
		return 0;
	r = expand(in, text, strlen(text), 0, 0, &out, err);
	if (r < 0)
		return r;
	*ret = arena_strndup(in->arena, out.data ? out.data : "", out.len);
	return 0;
}
