/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to one registry: which scheme it speaks, who we are to it, redirects, retries.  All
 * transfers run side by side in one thread, driven by registry_client_work and _wait.
 *
 * Credentials go to the registry itself and to the token server that it names, never to where a
 * redirect leads.
 */
#ifndef IMAGES_REGISTRY_CLIENT_H
#define IMAGES_REGISTRY_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "images/registry/settings.h"

struct registry_client;
struct transfer;

struct registry_client_args {
	const char *registry,
		*path; /* of the reference; copied.  Path "": the registry as a whole */
	const json_t
		*auth; /* {username, password}, {identitytoken} or {registrytoken}; may be NULL */
	bool insecure;
	bool client_cert; /* the sandbox has one */
	bool push;	  /* tokens are for writing, too */
};
int registry_client_new(const struct registry_client_args *args, struct registry_client **ret,
			struct error *err) MUST_CHECK;
void registry_client_free(struct registry_client *c); /* with all transfers; accepts NULL */

enum transfer_method { TRANSFER_GET, TRANSFER_HEAD, TRANSFER_POST, TRANSFER_PUT };

struct transfer_args {
	enum transfer_method method;
	const char *url;  /* where an upload goes, relative or absolute, instead of `path`; copied;
			     may be NULL */
	const char *path; /* below /v2/NAME/: "blobs/sha256:…"; copied */
	const char *accept; /* header, borrowed for ever; may be NULL */
	uint64_t size;	    /* the exact number of bytes, or with `up_to` the largest */
	bool up_to;
	/* Bytes in order, each once.  0: taken; 1: none taken, again after transfer_resume; -errno
	 * with `err`. */
	int (*on_data)(void *arg, const char *data, size_t len, struct error *err);
	/* PUT: what is sent: bytes of a file (borrowed) and their type (borrowed for ever). */
	int body_fd;
	uint64_t body_size;
	const char *body_type;
	void (*on_sent)(void *arg, uint64_t bytes); /* may be NULL */
	/* Not of a GET: the answer, 2xx or 404 for HEAD; Location as it was sent or NULL. */
	void (*on_answer)(void *arg, long status, const char *location);
	/* Something went wrong and is tried again.  May be NULL. */
	void (*on_retry)(void *arg, const char *text);
	/* Once, from registry_client_work; the transfer is gone afterwards. */
	void (*on_done)(void *arg, const struct error *err);
	void *arg;
};
struct transfer *transfer_start(struct registry_client *c, const struct transfer_args *args);
void transfer_resume(struct transfer *t);

/* Moves all transfers on; callbacks are called from here.  *timeout_ms is shortened to when there
 * is more to do. */
int registry_client_work(struct registry_client *c, int *timeout_ms, struct error *err) MUST_CHECK;
/* What else to wait for. */
struct registry_wait {
	int fd;
	bool writable; /* otherwise readable */
	bool ready;    /* set */
};
/* Waits until something happens or the time is over. */
int registry_client_wait(struct registry_client *c, struct registry_wait *waits, size_t count,
			 int timeout_ms, struct error *err) MUST_CHECK;

/* Pure: are scheme, host and port of two URLs the same, or only the host? */
bool registry_same_origin(const char *a, const char *b);
bool registry_same_host(const char *a, const char *b);

#endif
