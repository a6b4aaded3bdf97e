/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One error value, chained by context.  Fallible functions return 0 or -errno and take a
 * `struct error *err` (never NULL) as their last parameter.  The value has a fixed size and owns no
 * heap memory: it can be copied, sent over a pipe and used after fork.  On overflow the new context
 * is dropped, never the root cause.  Text: lower case, no full stop, names in plain form.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/mem.h"

struct error {
	int code; /* positive errno value; 0 = no error */
	char msg[508];
};

#define ERROR_INIT ((struct error){0})

/* Sets the error; returns -code. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF(3, 4);
int error_setv(struct error *err, int code, const char *fmt, va_list ap) PRINTF(3, 0);
/* Same, with ": " and the text of errno value `code` appended. */
int error_sys(struct error *err, int code, const char *fmt, ...) PRINTF(3, 4);
/* Puts "context: " before the message; returns -code. */
int error_wrap(struct error *err, const char *fmt, ...) PRINTF(2, 3);

#endif
