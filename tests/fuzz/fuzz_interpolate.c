/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: references to variables in a text.  Doubled dollar signs give the text itself, an
 * error has its place in the text, what is mentioned is a name. */
#include <assert.h>

#include "base/str.h"
#include "compose/interpolate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	assert(*name && !strpbrk(name, "${}:-?+ "));
	return name[0] == 'A' ? "a$b" : name[0] == 'E' ? "" : NULL;
}

static void on_unset(void *arg, const char *name, size_t offset)
{
	assert(*name && offset < *(const size_t *)arg);
}

static void on_variable(void *arg, const char *name, const char *fallback, bool required)
{
	(void)arg;
	assert(*name && !(fallback && required));
}

static void expand(struct arena *a, const char *text)
{
	size_t len = strlen(text);
	struct interpolation in = {.arena = a,
				   .lookup = lookup,
				   .on_unset = on_unset,
				   .on_variable = on_variable,
				   .arg = &len};
	struct error err = ERROR_INIT;
	const char *out;

	if (interpolate(&in, text, &out, &err) < 0)
		assert(err.msg[0] && in.offset <= len);
	else
		assert(strlen(out) <= INTERPOLATE_BYTES_MAX && (strchr(text, '$') || out == text));
}

static void escaped(struct arena *a, const char *text)
{
	struct interpolation in = {.arena = a, .lookup = lookup};
	auto_buf struct buf doubled = BUF_INIT;
	struct error err = ERROR_INIT;
	const char *at, *out;

	for (at = text; *at; at++)
		buf_addf(&doubled, "%s%c", *at == '$' ? "$" : "", *at);
	if (interpolate(&in, doubled.data ? doubled.data : "", &out, &err) < 0)
		assert(doubled.len > INTERPOLATE_BYTES_MAX);
	else
		assert(!strcmp(out, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *text = arena_strndup(a, (const char *)data, size);

	expand(a, text);
	escaped(a, text);
	return 0;
}
