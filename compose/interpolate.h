/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${…}: the grammar of variable references, over any text. */
#ifndef COMPOSE_INTERPOLATE_H
#define COMPOSE_INTERPOLATE_H

#include <stdbool.h>

#include "base/error.h"

#define INTERPOLATE_DEPTH_MAX 50
#define INTERPOLATE_BYTES_MAX ((size_t)1 << 20)

struct interpolation {
	struct arena *arena;
	/* The value of a variable, or NULL when it is not set. */
	const char *(*lookup)(void *arg, const char *name);
	/* Optional.  A variable without value and default stands for "". */
	void (*on_unset)(void *arg, const char *name, size_t offset);
	/* Optional.  Every reference, used or not; fallback is NULL when there is none. */
	void (*on_variable)(void *arg, const char *name, const char *fallback, bool required);
	void *arg;
	size_t offset; /* after an error: where in the text */
};

/* *ret is `text` itself when it has no "$".  -EINVAL: malformed, or a required value is missing. */
int interpolate(struct interpolation *in, const char *text, const char **ret, struct error *err)
	MUST_CHECK;

#endif
