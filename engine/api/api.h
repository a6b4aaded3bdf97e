/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP server of the supervisor's socket, and what its routes see of it.  One request at a time
 * per connection.  A handler answers at once, later, or with a stream; when the client goes away
 * before the answer is complete, on_hangup is called once and the request must not be touched
 * again.
 */
#ifndef ENGINE_API_API_H
#define ENGINE_API_API_H

#include <jansson.h>

#include "engine/daemon.h"

#define API_BODY_MAX  ((size_t)64 << 20)
#define API_CONNS_MAX 1024
#define API_QUEUE_HIGH                                                                             \
	((size_t)4 << 20) /* bytes waiting for a slow reader before producers stop                 \
			   */
#define API_QUEUE_LOW  ((size_t)1 << 20)
#define API_PARAMS_MAX 2

/* Docker's API: major * 100 + minor. */
#define API_DOCKER	  151u
#define API_DOCKER_MIN	  124u
#define API_TEXT(version) (version) / 100, (version) % 100

struct api_request {
	struct daemon *daemon;
	const char *method;
	char *params[API_PARAMS_MAX]; /* what the {} of the route's pattern matched, decoded */
	struct map *query;
	json_t *body;		   /* NULL without one */
	unsigned docker;	   /* the version of Docker's API it speaks; 0: the native one */
	const struct map *headers; /* only while the handler is called */

	/* Set by the handler, all optional. */
	void (*on_data)(void *arg, const char *data,
			size_t len); /* streamed body, or bytes after an upgrade */
	void (*on_end)(
		void *arg); /* the streamed body is complete; after an upgrade: end of file */
	void (*on_drain)(void *arg);  /* the queue of a stream has room again */
	void (*on_hangup)(void *arg); /* the client is gone */
	void *arg;
};

typedef void (*api_handler)(struct api_request *r);

struct api_route {
	/* "/cmp/v1/projects/{}/logs"; those of Docker's API without the "/v1.51" that may precede
	 */
	const char *method, *pattern;
	api_handler handler;
	bool stream_body; /* called when the headers are there; the body arrives by on_data */
};
/* Rows that begin with a struct api_route, `stride` bytes apart; the last one has no method. */
struct api_table {
	const struct api_route *rows;
	size_t stride;
	bool docker;
};
extern const struct api_table api_tables[]; /* the last one has no rows */

/* Serves on a listening socket (taken). */
int api_server_start(struct daemon *d, int listen_fd, struct error *err) MUST_CHECK;
/* Closes the listener and every connection. */
void api_server_stop(struct daemon *d);

/* ---- answers; each completes the request */
void api_reply_json(struct api_request *r, int status, json_t *value); /* takes the reference */
void api_reply_text(struct api_request *r, int status, const char *text, size_t len);
void api_reply_error(struct api_request *r, const struct error *err);
void api_reply_empty(struct api_request *r, int status); /* 204, 304; 200 with an empty body */
/* JSON text as it is. */
void api_reply_body(struct api_request *r, int status, const char *text, size_t len);
/* A further header field of the answer to come. */
void api_header(struct api_request *r, const char *name, const char *value);
int api_status(const struct error *err); /* status.c: the HTTP status of an error */

/* ---- streams */
void api_stream_start(struct api_request *r, const char *content_type);
/* false: enough is waiting, stop until on_drain. */
bool api_stream_write(struct api_request *r, const char *data, size_t len);
bool api_stream_json(struct api_request *r, const json_t *line); /* and a newline */
void api_stream_end(struct api_request *r);
/* The stream ends without being complete, and so that the client sees it: the connection breaks. */
void api_stream_abort(struct api_request *r);
/* 101; from now on api_stream_write sends as it is, on_data receives, api_stream_end closes. */
void api_upgrade(struct api_request *r);
/* The same as Docker has it: 101 when the client asked for an upgrade, otherwise 200 and everything
 * after the head belongs to the stream. */
void api_hijack(struct api_request *r, const char *content_type);
/* Reading from the client stops and goes on (on_data cannot keep up). */
void api_pause(struct api_request *r, bool pause);

/* ---- an answer that comes when something is done: survives a hang-up */
struct api_pending;
struct api_pending *api_pending_new(struct api_request *r);
/* Completes with `value` (taken, NULL: {}) or the error, unless the client is gone; frees. */
void api_pending_done(struct api_pending *p, json_t *value, const struct error *err);
/* The shape of container_done: `arg` is the pending. */
void api_on_done(void *arg, const struct error *err);

/* What the request was for, "POST /build", for messages. */
const char *api_path(struct api_request *r);

/* ---- query */
const char *api_query(const struct api_request *r, const char *name); /* NULL: absent */
bool api_query_flag(const struct api_request *r, const char *name);   /* "1" or "true" */
int64_t api_query_int(const struct api_request *r, const char *name, int64_t fallback);
char **api_query_list(const struct api_request *r,
		      const char *name); /* "a,b"; owned, NULL: absent */

/* All values of a parameter that may be repeated; owned, may be empty. */
char **api_query_all(struct api_request *r, const char *name);

#endif
