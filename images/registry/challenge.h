/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a registry answers to a request without sufficient credentials (WWW-Authenticate).  Pure. */
#ifndef IMAGES_REGISTRY_CHALLENGE_H
#define IMAGES_REGISTRY_CHALLENGE_H

#include "base/error.h"
#include "base/str.h"

#define CHALLENGE_HEADER_MAX ((size_t)8 << 10)

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char *realm, *service, *scope; /* of a Bearer challenge; NULL: not said */
};

/*
 * Reads one header, which may have several challenges; the strongest that it or an earlier header
 * has stays in *c.  Unknown schemes are skipped.  -EBADMSG for a malformed one.
 */
int challenge_parse(const char *header, struct challenge *c, struct error *err) MUST_CHECK;
void challenge_release(struct challenge *c);
static inline void challenge_auto(struct challenge *c)
{
	challenge_release(c);
}
#define auto_challenge __attribute__((cleanup(challenge_auto)))

/* Where the token is fetched: the realm with service and scope.  Owned. */
char *challenge_token_url(const struct challenge *c, const char *scope, const char *account);

#endif
