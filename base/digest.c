/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 by nettle, and random identifiers: see digest.h. */
#include "base/digest.h"

#include <string.h>
#include <sys/random.h>

#include "base/str.h"

static void to_hex(const uint8_t *bytes, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

void digest_init(struct digest *d)
{
	sha256_init(&d->ctx);
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	sha256_update(&d->ctx, len, data);
}

void digest_hex(struct digest *d, char ret[DIGEST_HEX_MAX])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(&d->ctx, sizeof(sum), sum);
	to_hex(sum, sizeof(sum), ret);
}

void digest_of(const void *data, size_t len, char ret[DIGEST_HEX_MAX])
{
	struct digest d;

	digest_init(&d);
	digest_add(&d, data, len);
	digest_hex(&d, ret);
}

bool digest_valid(const char *text)
{
	const char *hex = str_skip(text, "sha256:");

	return hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

void digest_random_id(char ret[DIGEST_HEX_MAX])
{
	uint8_t bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	to_hex(bytes, sizeof(bytes), ret);
}
