/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See challenge.h. */
#include "images/registry/challenge.h"

#include <errno.h>

#include "base/http.h"

#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int malformed(struct error *err)
{
	return error_set(err, EBADMSG, "malformed WWW-Authenticate header");
}

static const char *skip_blank(const char *at)
{
	return at + strspn(at, " \t");
}

static const char *skip_separators(const char *at)
{
	return at + strspn(at, " \t,");
}

static enum challenge_scheme scheme_of(const char *name, size_t len)
{
	if (len == strlen("Bearer") && !strncasecmp(name, "Bearer", len))
		return CHALLENGE_BEARER;
	return len == strlen("Basic") && !strncasecmp(name, "Basic", len) ? CHALLENGE_BASIC
									  : CHALLENGE_NONE;
}

/* The value after "=": a quoted string or a token.  NULL when it is neither. */
static const char *parse_value(const char *at, char **ret)
{
	auto_buf struct buf value = BUF_INIT;
	size_t len;

	if (*at != '"') {
		len = strspn(at, TOKEN_CHARS "/:=?");
		*ret = xstrndup(at, len);
		return len ? at + len : NULL;
	}
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		buf_addc(&value, *at);
	}
	if (!*at)
		return NULL;
	*ret = buf_steal(&value);
	return at + 1;
}

static char **member_of(struct challenge *c, const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = {{"realm", offsetof(struct challenge, realm)},
		       {"service", offsetof(struct challenge, service)},
		       {"scope", offsetof(struct challenge, scope)}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (strlen(members[i].name) == len && !strncasecmp(members[i].name, name, len))
			return (char **)(void *)((char *)c + members[i].offset);
	return NULL;
}

/* The parameters of one challenge; stops before the next scheme.  NULL: malformed. */
static const char *parse_parameters(const char *at, struct challenge *c)
{
	while (*at) {
		size_t len = strspn(at, TOKEN_CHARS);
		const char *after = skip_blank(at + len);
		auto_free char *value = NULL;
		char **member;

		if (!len)
			return NULL;
		if (*after != '=')
			return at;
		member = member_of(c, at, len);
		at = parse_value(skip_blank(after + 1), &value);
		if (!at || (*at && !strchr(" \t,", *at)))
			return NULL;
		if (member && !*member)
			*member = steal_ptr(&value);
		at = skip_separators(at);
	}
	return at;
}

static void keep_stronger(struct challenge *c, struct challenge *other)
{
	struct challenge old = *c;

	if (other->scheme <= c->scheme || (other->scheme == CHALLENGE_BEARER && !other->realm))
		return;
	*c = *other;
	*other = old;
}

int challenge_parse(const char *header, struct challenge *c, struct error *err)
{
	const char *at = skip_separators(header);

	if (strlen(header) > CHALLENGE_HEADER_MAX || !str_printable(header))
		return malformed(err);
	while (*at) {
		auto_challenge struct challenge one = {0};
		size_t len = strspn(at, TOKEN_CHARS);

		if (!len || (at[len] && !strchr(" \t,", at[len])))
			return malformed(err);
		one.scheme = scheme_of(at, len);
		at = parse_parameters(skip_separators(at + len), &one);
		if (!at)
			return malformed(err);
		keep_stronger(c, &one);
	}
	return 0;
}

void challenge_release(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){0};
}

static void add_parameter(struct buf *url, const char *name, const char *value)
{
	if (str_empty(value))
		return;
	buf_addf(url, "%c%s=", strchr(url->data, '?') ? '&' : '?', name);
	http_percent_encode(url, value);
}

char *challenge_token_url(const struct challenge *c, const char *scope, const char *account)
{
	auto_buf struct buf url = BUF_INIT;

	buf_adds(&url, c->realm);
	add_parameter(&url, "account", account);
	add_parameter(&url, "scope", scope);
	add_parameter(&url, "service", c->service);
	return buf_steal(&url);
}
