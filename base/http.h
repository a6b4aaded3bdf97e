/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.1 parsing for both ends, over llhttp or http-parser, with our own limits and strictness:
 * at most 100 headers, 64 KiB of headers, 16 KiB of request line, one Content-Length, no
 * Content-Length together with Transfer-Encoding, no obs-fold, no NUL.  No I/O happens here.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/map.h"
#include "base/str.h"

#define HTTP_HEADERS_MAX      100
#define HTTP_HEADER_BYTES_MAX ((size_t)64 << 10)
#define HTTP_TARGET_MAX	      ((size_t)16 << 10)

struct http_parser_state; /* wraps the library */

struct http_message {
	/* request */
	char *method, *target; /* target as sent: path and query */
	/* response */
	int status;
	/* both */
	struct map *headers; /* lower-case name to char *; repeated fields joined by ", " */
	bool upgrade;	     /* what follows the headers is not HTTP */
	bool keep_alive;
	int64_t content_length; /* -1 when unknown */
};

struct http_events {
	/* Headers are complete. Return 0, or -errno to stop with that error. */
	int (*on_headers)(void *arg, const struct http_message *msg, struct error *err);
	int (*on_body)(void *arg, const char *data, size_t len, struct error *err);
	int (*on_done)(void *arg, struct error *err);
};

enum http_role { HTTP_REQUESTS, HTTP_RESPONSES };

struct http_conn;
struct http_conn *http_conn_new(enum http_role role, const struct http_events *events, void *arg);
void http_conn_free(struct http_conn *c);
/*
 * Feeds bytes.  Returns how many were consumed: less than len only after an upgrade (the rest
 * belongs to the upgraded stream) or after http_conn_pause; -EBADMSG with the reason on malformed
 * input (err->code EBADMSG; EMSGSIZE when a limit was passed).
 */
ssize_t http_conn_feed(struct http_conn *c, const char *data, size_t len, struct error *err)
	MUST_CHECK;
/* End of stream: completes a response without length. */
int http_conn_eof(struct http_conn *c, struct error *err) MUST_CHECK;
void http_conn_pause(struct http_conn *c); /* from a callback: stop before the next message */
void http_conn_resume(struct http_conn *c);

/* Query and path helpers.  Decoding is done once; %00 is refused. */
int http_percent_decode(const char *in, size_t len, bool plus_is_space, char **ret,
			struct error *err) MUST_CHECK;
/* Splits "path?query"; the query becomes a map of decoded names to decoded char * values (last
 * wins). */
int http_split_target(const char *target, char **ret_path, struct map **ret_query,
		      struct error *err) MUST_CHECK;
void http_percent_encode(struct buf *out, const char *text);
const char *http_status_text(int status);

#endif
