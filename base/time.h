/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time: CLOCK_BOOTTIME for everything that waits, CLOCK_REALTIME for what is shown or stored. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NS_PER_SEC 1000000000LL
#define NS_PER_MS  1000000LL

int64_t time_now_ns(void);  /* CLOCK_REALTIME */
int64_t time_boot_ns(void); /* CLOCK_BOOTTIME */
/* RFC 3339 with nanoseconds in UTC ("2026-01-02T03:04:05.000000006Z"); 0 gives Docker's zero time.
 */
#define TIME_TEXT_MAX 40
void time_format(int64_t realtime_ns, char ret[TIME_TEXT_MAX]);
/* RFC 3339 (any fraction and offset), Unix seconds with fraction, or a Go duration meaning "that
 * long before now": what --since and --until take. */
int time_parse(const char *s, int64_t now_ns, int64_t *ret_ns, struct error *err) MUST_CHECK;
/* Go's Duration.String(): 90s as "1m30s", 1500ms as "1.5s", 0 as "0s". */
void time_format_duration(int64_t ns, char ret[TIME_TEXT_MAX]);

#endif
