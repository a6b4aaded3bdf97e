/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.1 client of the supervisor over its unix socket.  A connection is a file descriptor that
 * can be polled together with others: client_read takes what has arrived and calls back.  The
 * supervisor is started when none answers: the client binds the socket and hands it over, so that
 * the request waits in the socket's queue and nobody sleeps.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct cli;
struct client;

struct client_events {
	/* One line of an ndjson stream. Non-zero ends the reading with that value as error code. */
	int (*on_line)(void *arg, json_t *line);
	/* Body bytes of any other stream (logs); used when on_line is NULL. */
	int (*on_data)(void *arg, const char *data, size_t len);
};

/* Opens a connection; starts the supervisor if needed and `start` is set. */
int client_open(const char *socket_path, bool start, struct client **ret, struct error *err)
	MUST_CHECK;
void client_free(struct client *c);
int client_fd(const struct client *c);

/* Sends a request with an optional JSON body (borrowed). */
int client_send(struct client *c, const char *method, const char *target, const json_t *body,
		bool upgrade, struct error *err) MUST_CHECK;
/* Sends the head of a request whose body follows in chunks; an empty chunk ends it. */
int client_send_chunked(struct client *c, const char *method, const char *target, struct error *err)
	MUST_CHECK;
int client_send_chunk(struct client *c, const char *data, size_t len, struct error *err) MUST_CHECK;

/* Takes what has arrived (blocks when nothing has, unless the fd was polled readable).
 * 1: more to come; 0: the answer is complete; -errno: failed (an error reply has its message in
 * err). */
int client_read(struct client *c, const struct client_events *events, void *arg, struct error *err)
	MUST_CHECK;
/* Reads to the end. 0 or -errno. */
int client_drain(struct client *c, const struct client_events *events, void *arg, struct error *err)
	MUST_CHECK;
/* Reads the whole answer as one JSON value (NULL for an empty one). */
int client_reply(struct client *c, json_t **ret, struct error *err) MUST_CHECK;
/* One request, one JSON answer, on a connection of its own. */
int client_call(const char *socket_path, bool start, const char *method, const char *target,
		const json_t *body, json_t **ret, struct error *err) MUST_CHECK;
/* Waits for the answer to an upgrade; bytes that came with it are in *early. */
int client_upgraded(struct client *c, struct buf *early, struct error *err) MUST_CHECK;

#endif
