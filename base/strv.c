/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NULL-terminated vectors of strings: see str.h.  NULL is the empty vector. */
#include "base/str.h"

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

char **strv_dup(char *const *v)
{
	size_t i, n = strv_len(v);
	char **copy = xcalloc(n + 1, sizeof(*copy));

	for (i = 0; i < n; i++)
		copy[i] = xstrdup(v[i]);
	return copy;
}

void strv_free(char **v)
{
	size_t i;

	for (i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void strv_push(char ***v, char *owned)
{
	size_t n = strv_len(*v);

	*v = xreallocarray(*v, n + 2, sizeof(**v));
	(*v)[n] = owned;
	(*v)[n + 1] = NULL;
}

void strv_pushf(char ***v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_push(v, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strv_has(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (!strcmp(*v, s))
			return true;
	return false;
}

char **strv_split(const char *s, const char *separators)
{
	char **v = xcalloc(2, sizeof(*v));
	size_t len;

	for (; s && *s; s += len) {
		s += strspn(s, separators);
		len = strcspn(s, separators);
		if (len)
			strv_push(&v, xstrndup(s, len));
	}
	return v;
}

char *strv_join(char *const *v, const char *glue)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; v && v[i]; i++) {
		if (i)
			buf_adds(&b, glue);
		buf_adds(&b, v[i]);
	}
	return buf_steal(&b);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **v)
{
	if (v)
		qsort(v, strv_len(v), sizeof(*v), compare);
}
