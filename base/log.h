/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging of the supervisor and its helpers to standard error: "<area>: text key=value", a "<N>"
 * prefix when standard error is the journal, JSON lines when asked.  Libraries do not print; only
 * the ends of operations do.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/mem.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_PLAIN, LOG_FORMAT_JSON };

void log_setup(enum log_level level, enum log_format format); /* before any thread starts */
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *area, const char *fmt, ...) PRINTF(3, 4);

#define log_err(area, ...)  log_write(LOG_LEVEL_ERR, area, __VA_ARGS__)
#define log_warn(area, ...) log_write(LOG_LEVEL_WARN, area, __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_debug(area, ...)                                                                       \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_write(LOG_LEVEL_DEBUG, area, __VA_ARGS__);                             \
	} while (0)

#endif
