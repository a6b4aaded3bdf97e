/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One write(2) a line, so that lines of several threads and processes stay whole: see log.h. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/time.h"

#define LINE_MAX_BYTES 2048

static struct {
	enum log_level level;
	enum log_format format;
	bool journal;
} setup = {LOG_LEVEL_INFO, LOG_FORMAT_PLAIN, false};

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERR] = {"error", 3},
	[LOG_LEVEL_WARN] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

/* JOURNAL_STREAM=DEV:INODE names our standard error when the journal reads it. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return !strcmp(mine, stream);
}

void log_setup(enum log_level level, enum log_format format)
{
	setup.level = level;
	setup.format = format;
	setup.journal = stderr_is_journal();
}

bool log_enabled(enum log_level level)
{
	return level <= setup.level;
}

static size_t json_escape(char *out, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text && at + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			out[at++] = '\\';
		if (c < 0x20)
			at += (size_t)snprintf(out + at, size - at, "\\u%04x", c);
		else
			out[at++] = (char)c;
	}
	out[at] = '\0';
	return at;
}

void log_write(enum log_level level, const char *area, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], escaped[LINE_MAX_BYTES], line[2 * LINE_MAX_BYTES],
		when[TIME_TEXT_MAX];
	va_list ap;
	int len;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (setup.format == LOG_FORMAT_JSON) {
		time_format(time_now_ns(), when);
		json_escape(escaped, sizeof(escaped), text);
		len = snprintf(line, sizeof(line),
			       "{\"ts\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":\"%s\"}\n",
			       when, levels[level].name, area, escaped);
	} else if (setup.journal) {
		len = snprintf(line, sizeof(line), "<%d>%s: %s\n", levels[level].priority, area,
			       text);
	} else {
		time_format(time_now_ns(), when);
		len = snprintf(line, sizeof(line), "%.23sZ %s %s: %s\n", when, levels[level].name,
			       area, text);
	}
	if (len > 0 && write(STDERR_FILENO, line, MIN((size_t)len, sizeof(line) - 1)) < 0)
		return; /* nowhere to say it */
}
