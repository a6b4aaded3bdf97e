/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: durations.  What is accepted has the sign it was written with, and means the same when
 * it is printed. */
#include <assert.h>

#include "base/str.h"
#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	char printed[TIME_TEXT_MAX];
	int64_t ns, again;

	if (parse_duration_ns(text, &ns) < 0)
		return 0;
	assert(text[0] == '-' ? ns <= 0 : ns >= 0);
	time_format_duration(ns, printed);
	if (parse_duration_ns(printed, &again) < 0)
		abort();
	assert(ns == again);
	return 0;
}
