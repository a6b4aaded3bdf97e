/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What client.c and token.c share. */
#ifndef IMAGES_REGISTRY_CLIENT_INT_H
#define IMAGES_REGISTRY_CLIENT_INT_H

#include <curl/curl.h>

#include "base/list.h"
#include "base/str.h"
#include "images/registry/challenge.h"
#include "images/registry/client.h"

#define REFUSAL_MAX ((size_t)64 << 10) /* of what an error's body says */

struct registry_client {
	CURLM *multi;
	char *registry, *path;
	char *base; /* "https://registry-1.docker.io" */
	bool insecure, client_cert, push;
	bool answered; /* it has, at least once */
	bool settled;  /* the scheme is known, or the other one has been tried */
	char *username, *password, *identity_token;
	char *token;		      /* bearer, from the token server or given */
	enum challenge_scheme scheme; /* what the registry wants */
	struct list transfers;
};

/* Sets what every request has: the URL, TLS, protocols, time limits. */
void client_configure(const struct registry_client *c, CURL *easy, const char *url);
/* "the registry answered 404 Not Found (manifest unknown) to GET url"; -errno by the status. */
int client_refused(long status, const char *method, const char *url, const struct buf *body,
		   struct error *err) MUST_CHECK;
/* "GET url: why" for a request that got no answer. */
int client_failed(CURLcode code, const char *method, const char *url, const char *detail,
		  struct error *err) MUST_CHECK;

/*
 * token.c: the registry asks who we are: gets ready to say it.  Blocks for the request to the token
 * server. -EACCES when there is nothing more to say.
 */
int client_authenticate(struct registry_client *c, const struct challenge *challenge,
			struct error *err) MUST_CHECK;

#endif
