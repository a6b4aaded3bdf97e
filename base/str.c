/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain string helpers, name rules, nearest names and human sizes: see str.h. */
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

const char *str_skip(const char *s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s && !strncmp(s, prefix, len) ? s + len : NULL;
}

bool str_starts(const char *s, const char *prefix)
{
	return str_skip(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = s ? strlen(s) : 0, tail = strlen(suffix);

	return s && len >= tail && !strcmp(s + len - tail, suffix);
}

bool str_empty(const char *s)
{
	return !s || !*s;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char *str_trim(char *s)
{
	size_t len;

	while (blank(*s))
		s++;
	len = strlen(s);
	while (len && blank(s[len - 1]))
		s[--len] = '\0';
	return s;
}

char *str_lower(char *s)
{
	char *p;

	for (p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return s;
}

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (!size)
		return false;
	if (len >= size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return false;
	}
	memcpy(dst, src, len + 1);
	return true;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool str_valid_name(const char *s)
{
	size_t i;

	if (!s || !name_char(s[0]))
		return false;
	for (i = 1; s[i]; i++)
		if (i >= 128 || (!name_char(s[i]) && !strchr("_.-", s[i])))
			return false;
	return true;
}

bool str_valid_hostname(const char *s)
{
	size_t i, label = 0, len = s ? strlen(s) : 0;

	if (len == 0 || len > 253)
		return false;
	for (i = 0; i <= len; i++) {
		if (i == len || s[i] == '.') {
			if (label == 0 || label > 63 || s[i - 1] == '-')
				return false;
			label = 0;
		} else if (name_char(s[i]) || s[i] == '_' || (s[i] == '-' && label)) {
			label++;
		} else {
			return false;
		}
	}
	return true;
}

bool str_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* ---- nearest names */

#define NEAREST_MAX 64

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Optimal string alignment distance, ignoring case; at most NEAREST_MAX characters each. */
static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned char row[3][NEAREST_MAX + 1];
	unsigned char *before = row[0], *above = row[1], *now = row[2], *spare;
	size_t i, j, best;

	for (j = 0; j <= blen; j++)
		above[j] = (unsigned char)j;
	for (i = 1; i <= alen; i++) {
		now[0] = (unsigned char)i;
		for (j = 1; j <= blen; j++) {
			best = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			best = MIN(best, (size_t)above[j] + 1);
			best = MIN(best, (size_t)now[j - 1] + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				best = MIN(best, (size_t)before[j - 2] + 1);
			now[j] = (unsigned char)best;
		}
		spare = before;
		before = above;
		above = now;
		now = spare;
	}
	return above[blen];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t i, len = strlen(word), other, d, best = SIZE_MAX;
	const char *nearest = NULL;

	if (len > NEAREST_MAX)
		return NULL;
	for (i = 0; i < count; i++) {
		other = strlen(candidates[i]);
		if (other > NEAREST_MAX)
			continue;
		d = distance(word, len, candidates[i], other);
		if (d < best && d <= MAX((size_t)1, MIN((size_t)3, MAX(len, other) / 3))) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* ---- for people */

void str_human_bytes(uint64_t bytes, char *ret, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1000 && i + 1 < ARRAY_LEN(units)) {
		value /= 1000;
		i++;
	}
	snprintf(ret, size, "%.4g%s", value, units[i]);
}

void str_human_duration(int64_t s, char *ret, size_t size)
{
	int64_t minutes = s / 60, hours = (s + 1800) / 3600;

	if (s < 1)
		snprintf(ret, size, "Less than a second");
	else if (s == 1)
		snprintf(ret, size, "1 second");
	else if (s < 60)
		snprintf(ret, size, "%lld seconds", (long long)s);
	else if (minutes == 1)
		snprintf(ret, size, "About a minute");
	else if (minutes < 60)
		snprintf(ret, size, "%lld minutes", (long long)minutes);
	else if (hours == 1)
		snprintf(ret, size, "About an hour");
	else if (hours < 48)
		snprintf(ret, size, "%lld hours", (long long)hours);
	else if (hours < 24 * 7 * 2)
		snprintf(ret, size, "%lld days", (long long)hours / 24);
	else if (hours < 24 * 30 * 2)
		snprintf(ret, size, "%lld weeks", (long long)hours / 24 / 7);
	else if (hours < 24 * 365 * 2)
		snprintf(ret, size, "%lld months", (long long)hours / 24 / 30);
	else
		snprintf(ret, size, "%lld years", (long long)hours / 24 / 365);
}
