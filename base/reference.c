/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See reference.h.  The grammar is the one of distribution's reference package: the first component
 * is a registry when it has a dot or a colon or is "localhost"; names without one belong to
 * docker.io, and there names of one component to "library".
 */
#include "base/reference.h"

#include <errno.h>

#include "base/digest.h"
#include "base/str.h"

#define DEFAULT_REGISTRY "docker.io"
#define LEGACY_REGISTRY	 "index.docker.io"
#define LIBRARY		 "library/"
#define PATH_BYTES_MAX	 255

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int bad(struct error *err, const char *text, const char *why)
{
	return error_set(err, EINVAL, "invalid reference %s: %s", text, why);
}

/* alphanumerics, separated by one of . _ __ or any number of dashes */
static bool valid_component(const char *s, size_t len)
{
	size_t at = 0, run, sep;

	for (;;) {
		run = strspn(s + at, LOWER DIGITS);
		if (!run || at + run > len)
			return false;
		at += run;
		if (at == len)
			return true;
		sep = strspn(s + at, "-");
		if (!sep && (s[at] == '.' || s[at] == '_'))
			sep = s[at] == '_' && s[at + 1] == '_' ? 2 : 1;
		if (!sep)
			return false;
		at += sep;
	}
}

static bool valid_path(const char *path)
{
	size_t len;

	if (!*path || strlen(path) > PATH_BYTES_MAX)
		return false;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if (!valid_component(path, len))
			return false;
		if (!path[len])
			return true;
	}
}

static bool valid_tag(const char *tag)
{
	size_t len = strlen(tag);

	return len && len <= IMAGE_TAG_MAX && tag[0] != '.' && tag[0] != '-' &&
	       strspn(tag, LOWER UPPER DIGITS "_.-") == len;
}

static bool valid_registry(const char *registry)
{
	const char *colon = strrchr(registry, ':');
	auto_free char *host = NULL;
	size_t len;
	uint16_t port;

	if (registry[0] == '[') { /* an IPv6 address */
		len = strcspn(registry, "]");
		if (!registry[len] || len < 3 ||
		    1 + strspn(registry + 1, "abcdefABCDEF:" DIGITS) != len)
			return false;
		registry += len + 1;
		return !*registry || (*registry == ':' && parse_u16(registry + 1, &port) == 0);
	}
	if (colon && parse_u16(colon + 1, &port) < 0)
		return false;
	host = colon ? xstrndup(registry, (size_t)(colon - registry)) : xstrdup(registry);
	return str_valid_hostname(host);
}

/* Does the text before the first slash name a registry? */
static bool names_registry(const char *first)
{
	return strpbrk(first, ".:") || !strcmp(first, "localhost") || strpbrk(first, UPPER);
}

static void split_registry(const char *name, struct image_reference *r)
{
	const char *slash = strchr(name, '/');
	auto_free char *first = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
	const char *path = name;

	if (first && names_registry(first)) {
		r->registry = xstrdup(str_lower(first));
		path = slash + 1;
	}
	if (!r->registry || !strcmp(r->registry, LEGACY_REGISTRY)) {
		free(r->registry);
		r->registry = xstrdup(DEFAULT_REGISTRY);
	}
	if (!strcmp(r->registry, DEFAULT_REGISTRY) && !strchr(path, '/'))
		r->path = xasprintf(LIBRARY "%s", path);
	else
		r->path = xstrdup(path);
}

/* Cuts off "@digest" and ":tag" from `name`. */
static void split_tail(char *name, struct image_reference *r)
{
	char *at = strchr(name, '@'), *colon, *slash;

	if (at) {
		*at = '\0';
		r->digest = xstrdup(at + 1);
	}
	colon = strrchr(name, ':');
	slash = strrchr(name, '/');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		r->tag = xstrdup(colon + 1);
	}
	if (!r->tag && !r->digest)
		r->tag = xstrdup("latest");
}

static int check(const char *text, const struct image_reference *r, struct error *err)
{
	if (r->digest && !digest_valid(r->digest))
		return bad(err, text, "the digest must be sha256: and 64 lower-case hex digits");
	if (r->tag && !valid_tag(r->tag))
		return bad(err, text,
			   "the tag may have letters, digits and _ . - only, at most 128");
	if (!valid_registry(r->registry))
		return bad(err, text, "the registry is no host name");
	if (strpbrk(r->path, UPPER))
		return bad(err, text, "the repository name must be lower case");
	if (!valid_path(r->path))
		return bad(err, text,
			   "the repository name may have lower-case letters, digits and "
			   "separators only");
	return 0;
}

int image_reference_parse(const char *text, struct image_reference *ret, struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_free char *name = NULL;
	int code;

	if (str_empty(text))
		return error_set(err, EINVAL, "an image reference is empty");
	if (strlen(text) > IMAGE_REFERENCE_MAX)
		return error_set(err, EINVAL, "an image reference is longer than %d bytes",
				 IMAGE_REFERENCE_MAX);
	if (!str_printable(text))
		return error_set(err, EINVAL, "an image reference has control characters");
	name = xstrdup(text);
	split_tail(name, &r);
	split_registry(name, &r);
	code = check(text, &r, err);
	if (code < 0)
		return code;
	*ret = r;
	r = (struct image_reference){0};
	return 0;
}

void image_reference_release(struct image_reference *r)
{
	free(r->registry);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct image_reference){0};
}

static char *text_of(const char *registry, const char *path, const struct image_reference *r)
{
	return xasprintf("%s%s%s%s%s%s%s", registry, *registry ? "/" : "", path, r->tag ? ":" : "",
			 r->tag ?: "", r->digest ? "@" : "", r->digest ?: "");
}

char *image_reference_full(const struct image_reference *r)
{
	return text_of(r->registry, r->path, r);
}

char *image_reference_familiar(const struct image_reference *r)
{
	const char *rest;

	if (strcmp(r->registry, DEFAULT_REGISTRY) != 0)
		return text_of(r->registry, r->path, r);
	rest = str_skip(r->path, LIBRARY);
	return text_of("", rest && !strchr(rest, '/') ? rest : r->path, r);
}

bool image_reference_is_id(const char *text)
{
	size_t len = strlen(text);

	return digest_valid(text) || (len && len <= 64 && strspn(text, DIGITS "abcdef") == len);
}
