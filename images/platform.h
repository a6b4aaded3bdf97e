/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Platforms of images: OS/ARCHITECTURE[/VARIANT].  Pure but for platform_host. */
#ifndef IMAGES_PLATFORM_H
#define IMAGES_PLATFORM_H

#include <stdbool.h>

#include "base/error.h"

#define PLATFORM_PART_MAX 32
#define PLATFORM_TEXT_MAX (3 * PLATFORM_PART_MAX)

struct platform {
	char os[PLATFORM_PART_MAX], arch[PLATFORM_PART_MAX], variant[PLATFORM_PART_MAX];
};

/* "linux/arm64/v8", "arm64", "linux/aarch64": the names that images use.  -EINVAL for another
 * system than Linux. */
int platform_parse(const char *text, struct platform *ret, struct error *err) MUST_CHECK;
void platform_host(struct platform *ret);
/* What an image says of itself; parts may be NULL.  Names are brought to their usual form. */
void platform_set(struct platform *p, const char *os, const char *arch, const char *variant);
/*
 * How well an image of platform `have` runs where `want` is asked for: 0 not at all, the more the
 * better (a v6 program runs on a v7 processor, but a v7 one is better).
 */
int platform_rank(const struct platform *want, const struct platform *have);
void platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX]);

#endif
