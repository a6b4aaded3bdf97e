/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 and identifiers. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DIGEST_HEX_MAX	65 /* 64 hex digits and NUL */
#define DIGEST_TEXT_MAX 72 /* "sha256:" and hex and NUL */

struct digest {
	struct sha256_ctx ctx;
};
void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_hex(struct digest *d, char ret[DIGEST_HEX_MAX]); /* finishes */
void digest_of(const void *data, size_t len, char ret[DIGEST_HEX_MAX]);
bool digest_valid(const char *text); /* "sha256:" and 64 lower-case hex digits */
/* 64 random hex digits from getrandom(2): container and network ids. */
void digest_random_id(char ret[DIGEST_HEX_MAX]);

#endif
