/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: sizes, and the numbers of other kinds that are written alike. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bytes(const char *text)
{
	char printed[32];
	uint64_t value, again;

	if (parse_bytes(text, &value) < 0)
		return;
	assert(value <= INT64_MAX && text[0] != '-');
	snprintf(printed, sizeof(printed), "%" PRIu64, value);
	if (parse_bytes(printed, &again) < 0)
		abort();
	/* Sizes are read with the precision of a double. */
	assert(value < (UINT64_C(1) << 53) ? again == value : again / 2 == value / 2 || again > 0);
}

static void whole(const char *text)
{
	char printed[32];
	int64_t value, again;
	double real;

	if (parse_i64(text, &value) < 0)
		return;
	snprintf(printed, sizeof(printed), "%" PRId64, value);
	if (parse_i64(printed, &again) < 0 || parse_double(printed, &real) < 0)
		abort();
	assert(value == again && isfinite(real));
}

static void mode(const char *text)
{
	char printed[32];
	uint32_t value, again;

	if (parse_octal(text, &value) < 0)
		return;
	snprintf(printed, sizeof(printed), "%" PRIo32, value);
	if (parse_octal(printed, &again) < 0)
		abort();
	assert(value == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	bytes(text);
	whole(text);
	mode(text);
	return 0;
}
