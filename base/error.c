/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chained error value: see error.h.  No allocation; safe after fork. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

int error_setv(struct error *err, int code, const char *fmt, va_list ap)
{
	err->code = code;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	return -code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_setv(err, code, fmt, ap);
	va_end(ap);
	return -code;
}

int error_sys(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t len;
	const char *text = strerrordesc_np(code);

	va_start(ap, fmt);
	error_setv(err, code, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	if (text)
		snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", text);
	else
		snprintf(err->msg + len, sizeof(err->msg) - len, ": error %d", code);
	return -code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char context[sizeof(err->msg)];
	size_t len, old = strlen(err->msg);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	len = strlen(context);
	if (len + 2 + old < sizeof(err->msg)) {
		memmove(err->msg + len + 2, err->msg, old + 1);
		memcpy(err->msg, context, len);
		memcpy(err->msg + len, ": ", 2);
	}
	return -err->code;
}
