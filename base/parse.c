/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole-string number parsing: no blanks, no surprises, no overflow.  See str.h. */
#include <errno.h>
#include <math.h>

#include "base/str.h"

static int parse_base(const char *s, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (str_empty(s))
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || digit >= base)
			return -EINVAL;
		if (value > (max - digit) / base)
			return -ERANGE;
		value = value * base + digit;
	}
	*ret = value;
	return 0;
}

int parse_u64(const char *s, uint64_t *ret)
{
	return parse_base(s, 10, UINT64_MAX, ret);
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t value;
	int r = parse_base(s, 10, UINT32_MAX, &value);

	if (!r)
		*ret = (uint32_t)value;
	return r;
}

int parse_u16(const char *s, uint16_t *ret)
{
	uint64_t value;
	int r = parse_base(s, 10, UINT16_MAX, &value);

	if (!r)
		*ret = (uint16_t)value;
	return r;
}

int parse_octal(const char *s, uint32_t *ret)
{
	uint64_t value;
	int r = parse_base(s, 8, UINT32_MAX, &value);

	if (!r)
		*ret = (uint32_t)value;
	return r;
}

int parse_i64(const char *s, int64_t *ret)
{
	bool negative = s && *s == '-';
	uint64_t value;
	int r;

	if (s && (*s == '-' || *s == '+'))
		s++;
	r = parse_base(s, 10, negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &value);
	if (r)
		return r;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

/* A decimal number with an optional fraction at the start of *s; moves *s past it. */
static int parse_decimal(const char **s, double *ret)
{
	const char *p = *s;
	double value = 0, scale = 1;
	bool digits = false;

	for (; *p >= '0' && *p <= '9'; p++, digits = true)
		value = value * 10 + (*p - '0');
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, digits = true) {
			scale /= 10;
			value += (*p - '0') * scale;
		}
	}
	if (!digits)
		return -EINVAL;
	*s = p;
	*ret = value;
	return 0;
}

int parse_double(const char *s, double *ret)
{
	char *end;
	double value;

	if (str_empty(s) || strspn(s, "0123456789+-.eE") != strlen(s))
		return -EINVAL;
	errno = 0;
	value = strtod(s, &end);
	if (*end || end == s)
		return -EINVAL;
	if (errno == ERANGE || !isfinite(value))
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_bytes(const char *s, uint64_t *ret)
{
	static const char letters[] = "bkmgtp";
	char suffix[8];
	const char *at;
	double value;
	size_t i;

	if (str_empty(s) || parse_decimal(&s, &value) < 0)
		return -EINVAL;
	if (*s == ' ')
		s++;
	if (!str_copy(suffix, sizeof(suffix), s))
		return -EINVAL;
	str_lower(suffix);
	if (suffix[0]) {
		at = strchr(letters, suffix[0]);
		if (!at)
			return -EINVAL;
		if (suffix[1] &&
		    (suffix[0] == 'b' || (strcmp(suffix + 1, "b") && strcmp(suffix + 1, "ib"))))
			return -EINVAL;
		for (i = (size_t)(at - letters); i; i--)
			value *= 1024;
	}
	if (value >= 9223372036854775808.0)
		return -ERANGE;
	*ret = (uint64_t)value;
	return 0;
}

static const struct {
	const char *name;
	double ns;
} duration_units[] = {
	{"ns", 1},  {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3}, {"ms", 1e6},
	{"s", 1e9}, {"m", 60e9}, {"h", 3600e9},	     {"d", 24 * 3600e9}, {"w", 7 * 24 * 3600e9},
};

static int duration_unit(const char **s, double *ret)
{
	size_t len = 0, i;

	while ((*s)[len] && (*s)[len] != '.' && ((*s)[len] < '0' || (*s)[len] > '9'))
		len++;
	for (i = 0; i < ARRAY_LEN(duration_units); i++) {
		if (strlen(duration_units[i].name) == len &&
		    !strncmp(*s, duration_units[i].name, len)) {
			*ret = duration_units[i].ns;
			*s += len;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_duration_ns(const char *s, int64_t *ret_ns)
{
	bool negative = s && *s == '-';
	long double total = 0;
	double value, unit;

	if (s && (*s == '-' || *s == '+'))
		s++;
	if (str_empty(s))
		return -EINVAL;
	if (!strcmp(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	while (*s) {
		if (parse_decimal(&s, &value) < 0 || duration_unit(&s, &unit) < 0)
			return -EINVAL;
		total += (long double)value * unit;
		if (total > (long double)INT64_MAX)
			return -ERANGE;
	}
	*ret_ns = (int64_t)(total + 0.5L);
	if (negative)
		*ret_ns = -*ret_ns;
	return 0;
}
