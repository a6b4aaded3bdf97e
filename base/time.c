/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks and their texts: see time.h. */
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t time_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t time_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

void time_format(int64_t realtime_ns, char ret[TIME_TEXT_MAX])
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_SEC);
	char text[96];
	struct tm tm;

	if (realtime_ns <= 0) {
		str_copy(ret, TIME_TEXT_MAX, "0001-01-01T00:00:00Z");
		return;
	}
	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (long)(realtime_ns % NS_PER_SEC));
	str_copy(ret, TIME_TEXT_MAX, text);
}

/* Reads `digits` decimal digits at *s. */
static int number(const char **s, int digits, int *ret)
{
	int value = 0;

	for (; digits; digits--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -EINVAL;
		value = value * 10 + (**s - '0');
	}
	*ret = value;
	return 0;
}

static int expect(const char **s, const char *any)
{
	if (!**s || !strchr(any, **s))
		return -EINVAL;
	(*s)++;
	return 0;
}

static int64_t fraction(const char **s)
{
	int64_t ns = 0, unit = NS_PER_SEC / 10;

	if (**s != '.' && **s != ',')
		return 0;
	for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		ns += (**s - '0') * unit;
	return ns;
}

static int offset(const char **s, int *ret_seconds)
{
	int sign, hours, minutes;

	*ret_seconds = 0;
	if (!**s)
		return 0; /* local time is not guessed: taken as UTC */
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return 0;
	}
	sign = **s == '-' ? -1 : 1;
	if (expect(s, "+-") || number(s, 2, &hours))
		return -EINVAL;
	if (**s == ':')
		(*s)++;
	if (number(s, 2, &minutes))
		return -EINVAL;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return 0;
}

static bool plausible(const struct tm *tm)
{
	return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 &&
	       tm->tm_hour <= 24 && tm->tm_min <= 59 && tm->tm_sec <= 60 && tm->tm_year >= 1970 &&
	       tm->tm_year <= 2261;
}

static int parse_clock(const char **s, struct tm *tm, int64_t *ret_ns)
{
	*ret_ns = 0;
	if (expect(s, "Tt ") || number(s, 2, &tm->tm_hour) || expect(s, ":") ||
	    number(s, 2, &tm->tm_min))
		return -EINVAL;
	if (**s != ':')
		return 0;
	(*s)++;
	if (number(s, 2, &tm->tm_sec))
		return -EINVAL;
	*ret_ns = fraction(s);
	return 0;
}

static int parse_rfc3339(const char *s, int64_t *ret_ns)
{
	struct tm tm = {0};
	int64_t ns = 0;
	int shift = 0;

	if (number(&s, 4, &tm.tm_year) || expect(&s, "-") || number(&s, 2, &tm.tm_mon) ||
	    expect(&s, "-") || number(&s, 2, &tm.tm_mday))
		return -EINVAL;
	if (*s && (parse_clock(&s, &tm, &ns) || offset(&s, &shift) || *s))
		return -EINVAL;
	if (!plausible(&tm))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_ns = ((int64_t)timegm(&tm) - shift) * NS_PER_SEC + ns;
	return 0;
}

static int parse_unix(const char *s, int64_t *ret_ns)
{
	int64_t seconds = 0, ns;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (seconds > 9000000000LL)
			return -ERANGE;
		seconds = seconds * 10 + (*s - '0');
	}
	ns = fraction(&s);
	if (*s || seconds > 9000000000LL)
		return -EINVAL;
	*ret_ns = seconds * NS_PER_SEC + ns;
	return 0;
}

int time_parse(const char *s, int64_t now_ns, int64_t *ret_ns, struct error *err)
{
	int64_t ago;

	if (!parse_rfc3339(s, ret_ns) || !parse_unix(s, ret_ns))
		return 0;
	if (!parse_duration_ns(s, &ago)) {
		*ret_ns = now_ns - ago;
		return 0;
	}
	return error_set(
		err, EINVAL,
		"\"%s\" is no time: use 2026-01-02T15:04:05Z, Unix seconds, or a duration like 10m",
		s);
}

/* Appends value with its fraction of `unit`, zeros at the end dropped. */
static void add_fraction(char *ret, size_t size, uint64_t value, uint64_t unit, const char *name)
{
	char digits[24];
	size_t len;
	uint64_t rest = value % unit;
	int width = unit == 1000 ? 3 : unit == 1000000 ? 6 : 9;

	if (!rest) {
		snprintf(ret, size, "%llu%s", (unsigned long long)(value / unit), name);
		return;
	}
	snprintf(digits, sizeof(digits), "%0*llu", width, (unsigned long long)rest);
	for (len = strlen(digits); len && digits[len - 1] == '0'; len--)
		digits[len - 1] = '\0';
	snprintf(ret, size, "%llu.%s%s", (unsigned long long)(value / unit), digits, name);
}

void time_format_duration(int64_t ns, char ret[TIME_TEXT_MAX])
{
	uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t minutes = value / (60 * (uint64_t)NS_PER_SEC);
	size_t at = 0;

	if (ns < 0)
		ret[at++] = '-';
	ret[at] = '\0';
	if (!value) {
		str_copy(ret, TIME_TEXT_MAX, "0s");
	} else if (value < 1000) {
		snprintf(ret + at, TIME_TEXT_MAX - at, "%lluns", (unsigned long long)value);
	} else if (value < 1000000) {
		add_fraction(ret + at, TIME_TEXT_MAX - at, value, 1000, "\xc2\xb5s");
	} else if (value < (uint64_t)NS_PER_SEC) {
		add_fraction(ret + at, TIME_TEXT_MAX - at, value, 1000000, "ms");
	} else {
		if (minutes >= 60)
			at += (size_t)snprintf(ret + at, TIME_TEXT_MAX - at, "%lluh",
					       (unsigned long long)(minutes / 60));
		if (minutes)
			at += (size_t)snprintf(ret + at, TIME_TEXT_MAX - at, "%llum",
					       (unsigned long long)(minutes % 60));
		add_fraction(ret + at, TIME_TEXT_MAX - at, value % (60 * (uint64_t)NS_PER_SEC),
			     (uint64_t)NS_PER_SEC, "s");
	}
}
