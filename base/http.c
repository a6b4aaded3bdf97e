/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.1 over llhttp or http-parser, stricter than either.  Headers are handed to the library
 * line by line, so that folding, NUL, bare CR and the size limits are seen before it interprets
 * anything; bodies go through in whole.  The library pauses after each message, which puts the next
 * one's head under the same watch.
 */
#include "base/http.h"

#include <errno.h>
#include <stdio.h>

#ifdef HAVE_LLHTTP
#include <llhttp.h>
typedef llhttp_t parser_t;
typedef llhttp_settings_t settings_t;
#else
#include <http_parser.h>
typedef http_parser parser_t;
typedef http_parser_settings settings_t;
#endif

struct http_conn {
	parser_t parser;
	settings_t settings;
	enum http_role role;
	const struct http_events *events;
	void *arg;
	struct http_message msg;
	struct buf target, name, value;
	struct error err;
	size_t head_bytes, head_count;
	bool in_head, value_seen, trailers, complete, paused, upgraded, first_line, line_start;
};

static void message_reset(struct http_conn *c)
{
	free(c->msg.method);
	free(c->msg.target);
	map_free(c->msg.headers);
	c->msg = (struct http_message){.content_length = -1};
	buf_reset(&c->target);
	buf_reset(&c->name);
	buf_reset(&c->value);
	c->head_bytes = c->head_count = 0;
	c->in_head = c->first_line = c->line_start = true;
	c->value_seen = c->trailers = c->complete = false;
}

/* ---- what the library calls */

static int refuse(struct http_conn *c, int code, const char *why)
{
	error_set(&c->err, code, "%s", why);
	return -1;
}

static int header_finish(struct http_conn *c)
{
	char *old, *value;

	if (!c->name.len)
		return 0;
	if (++c->head_count > HTTP_HEADERS_MAX)
		return refuse(c, EMSGSIZE, "more than 100 header fields");
	str_lower(c->name.data);
	buf_addc(&c->value, '\0');
	value = str_trim(c->value.data);
	if (c->trailers)
		goto done; /* trailers are read and forgotten */
	old = map_get(c->msg.headers, c->name.data);
	if (old && (!strcmp(c->name.data, "content-length") || !strcmp(c->name.data, "host") ||
		    !strcmp(c->name.data, "transfer-encoding")))
		return refuse(c, EBADMSG, "a header field that must not be repeated is repeated");
	map_set(c->msg.headers, c->name.data,
		old ? xasprintf("%s, %s", old, value) : xstrdup(value));
done:
	buf_reset(&c->name);
	buf_reset(&c->value);
	c->value_seen = false;
	return 0;
}

static int on_begin(parser_t *p)
{
	struct http_conn *c = p->data;

	message_reset(c);
	c->msg.headers = map_new(free);
	return 0;
}

static int on_target(parser_t *p, const char *at, size_t len)
{
	struct http_conn *c = p->data;

	buf_add(&c->target, at, len);
	return c->target.overflow ? refuse(c, EMSGSIZE, "the request line is longer than 16 KiB")
				  : 0;
}

static int on_name(parser_t *p, const char *at, size_t len)
{
	struct http_conn *c = p->data;
	size_t i;

	if (c->value_seen && header_finish(c) < 0)
		return -1;
	for (i = 0; i < len; i++)
		if (at[i] <= ' ' || at[i] == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", at[i]))
			return refuse(
				c, EBADMSG,
				"a byte that does not belong into the name of a header field");
	buf_add(&c->name, at, len);
	return 0;
}

static int on_value(parser_t *p, const char *at, size_t len)
{
	struct http_conn *c = p->data;
	size_t i;

	c->value_seen = true;
	for (i = 0; i < len; i++)
		if (((unsigned char)at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
			return refuse(c, EBADMSG, "a control byte in a header field");
	buf_add(&c->value, at, len);
	return 0;
}

static int content_length(struct http_conn *c)
{
	const char *text = map_get(c->msg.headers, "content-length");
	const char *coding = map_get(c->msg.headers, "transfer-encoding");
	uint64_t length;

	if (text && coding)
		return refuse(c, EBADMSG, "both Content-Length and Transfer-Encoding");
	if (coding && strcasecmp(coding, "chunked"))
		return refuse(c, EBADMSG, "a Transfer-Encoding other than chunked");
	if (!text)
		return 0;
	if (parse_u64(text, &length) < 0 || length > INT64_MAX)
		return refuse(c, EBADMSG, "a Content-Length that is no number");
	c->msg.content_length = (int64_t)length;
	return 0;
}

#ifdef HAVE_LLHTTP
#define parser_keep_alive(p) llhttp_should_keep_alive(p)
#define parser_method(p)     llhttp_method_name((llhttp_method_t)(p)->method)
#else
#define parser_keep_alive(p) http_should_keep_alive(p)
#define parser_method(p)     http_method_str((enum http_method)(p)->method)
#endif

static int on_headers_complete(parser_t *p)
{
	struct http_conn *c = p->data;

	if (c->value_seen || c->name.len)
		if (header_finish(c) < 0)
			return -1;
	if (content_length(c) < 0)
		return -1;
	c->msg.keep_alive = parser_keep_alive(p);
	c->msg.upgrade = p->upgrade;
	if (c->role == HTTP_REQUESTS) {
		c->msg.method = xstrdup(parser_method(p));
		c->msg.target = buf_steal(&c->target);
	} else {
		c->msg.status = p->status_code;
	}
	c->in_head = false;
	if (c->events->on_headers && c->events->on_headers(c->arg, &c->msg, &c->err) < 0)
		return -1;
	c->trailers = true;
	return 0;
}

static int on_body(parser_t *p, const char *at, size_t len)
{
	struct http_conn *c = p->data;

	if (c->events->on_body && c->events->on_body(c->arg, at, len, &c->err) < 0)
		return -1;
	return 0;
}

static int on_complete(parser_t *p)
{
	struct http_conn *c = p->data;

	if (c->name.len && header_finish(c) < 0)
		return -1;
	c->complete = true;
	if (c->events->on_done && c->events->on_done(c->arg, &c->err) < 0)
		return -1;
#ifdef HAVE_LLHTTP
	return p->upgrade ? 0 : HPE_PAUSED;
#else
	if (!p->upgrade)
		http_parser_pause(p, 1);
	return 0;
#endif
}

/* ---- ours */

struct http_conn *http_conn_new(enum http_role role, const struct http_events *events, void *arg)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->role = role;
	c->events = events;
	c->arg = arg;
	buf_init(&c->target, HTTP_TARGET_MAX);
	buf_init(&c->name, HTTP_HEADER_BYTES_MAX);
	buf_init(&c->value, HTTP_HEADER_BYTES_MAX);
#ifdef HAVE_LLHTTP
	llhttp_settings_init(&c->settings);
#else
	http_parser_settings_init(&c->settings);
#endif
	c->settings.on_message_begin = on_begin;
	c->settings.on_url = on_target;
	c->settings.on_header_field = on_name;
	c->settings.on_header_value = on_value;
	c->settings.on_headers_complete = on_headers_complete;
	c->settings.on_body = on_body;
	c->settings.on_message_complete = on_complete;
#ifdef HAVE_LLHTTP
	llhttp_init(&c->parser, role == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &c->settings);
#else
	http_parser_init(&c->parser, role == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE);
#endif
	c->parser.data = c;
	message_reset(c);
	return c;
}

void http_conn_free(struct http_conn *c)
{
	if (!c)
		return;
	message_reset(c);
	buf_release(&c->target);
	buf_release(&c->name);
	buf_release(&c->value);
	free(c);
}

/* Runs the library over one piece; *ret_used is what it took. */
static int execute(struct http_conn *c, const char *data, size_t len, size_t *ret_used,
		   struct error *err)
{
	const char *why = NULL;
#ifdef HAVE_LLHTTP
	llhttp_errno_t e = llhttp_execute(&c->parser, data, len);

	*ret_used = len;
	if (e == HPE_PAUSED || e == HPE_PAUSED_UPGRADE) {
		*ret_used = (size_t)(llhttp_get_error_pos(&c->parser) - data);
		c->upgraded = e == HPE_PAUSED_UPGRADE;
		if (e == HPE_PAUSED)
			llhttp_resume(&c->parser);
	} else if (e != HPE_OK) {
		why = llhttp_get_error_reason(&c->parser);
	}
#else
	enum http_errno e;

	*ret_used = http_parser_execute(&c->parser, &c->settings, data, len);
	e = HTTP_PARSER_ERRNO(&c->parser);
	if (e == HPE_PAUSED)
		http_parser_pause(&c->parser, 0);
	else if (e != HPE_OK)
		why = http_errno_description(e);
	else if (c->parser.upgrade && c->complete)
		c->upgraded = true;
#endif
	if (!why)
		return 0;
	if (c->err.code) {
		*err = c->err;
		return -err->code;
	}
	return error_set(err, EBADMSG, "malformed HTTP: %s", why);
}

/* Looks at one line, or a piece of one, of a message's head before the library sees it. */
static int watch_head(struct http_conn *c, const char *data, size_t len, struct error *err)
{
	size_t i;

	c->head_bytes += len;
	if (c->head_bytes > HTTP_HEADER_BYTES_MAX)
		return error_set(err, EMSGSIZE, "the header block is larger than 64 KiB");
	if (c->line_start && !c->first_line && (data[0] == ' ' || data[0] == '\t'))
		return error_set(err, EBADMSG, "a folded header field");
	for (i = 0; i < len; i++) {
		if (data[i] == '\0')
			return error_set(err, EBADMSG, "a NUL byte in the header block");
		if (data[i] == '\r' && i + 1 < len && data[i + 1] != '\n')
			return error_set(err, EBADMSG, "a CR without LF in the header block");
	}
	c->line_start = data[len - 1] == '\n';
	if (c->line_start && c->head_bytes > 2)
		c->first_line = false;
	return 0;
}

ssize_t http_conn_feed(struct http_conn *c, const char *data, size_t len, struct error *err)
{
	size_t at = 0, used, piece;
	const char *eol;
	int r;

	while (at < len && !c->paused && !c->upgraded) {
		piece = len - at;
		if (c->in_head) {
			eol = memchr(data + at, '\n', piece);
			if (eol)
				piece = (size_t)(eol - data) - at + 1;
			r = watch_head(c, data + at, piece, err);
			if (r < 0)
				return r;
		}
		r = execute(c, data + at, piece, &used, err);
		if (r < 0)
			return r;
		at += used;
		if (c->complete && !c->upgraded)
			message_reset(c);
		if (!used && !c->upgraded)
			return error_set(err, EBADMSG, "malformed HTTP");
	}
	return (ssize_t)at;
}

int http_conn_eof(struct http_conn *c, struct error *err)
{
#ifdef HAVE_LLHTTP
	if (llhttp_finish(&c->parser) == HPE_OK)
		return 0;
#else
	if (http_parser_execute(&c->parser, &c->settings, NULL, 0) == 0 &&
	    (HTTP_PARSER_ERRNO(&c->parser) == HPE_OK ||
	     HTTP_PARSER_ERRNO(&c->parser) == HPE_PAUSED))
		return 0;
#endif
	return error_set(err, ECONNRESET, "the connection was closed in the middle of a message");
}

void http_conn_pause(struct http_conn *c)
{
	c->paused = true;
}

void http_conn_resume(struct http_conn *c)
{
	c->paused = false;
}

/* ---- targets */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int http_percent_decode(const char *in, size_t len, bool plus_is_space, char **ret,
			struct error *err)
{
	auto_free char *out = xmalloc(len + 1);
	size_t i, at = 0;
	int high, low;

	for (i = 0; i < len; i++) {
		if (in[i] == '+' && plus_is_space) {
			out[at++] = ' ';
			continue;
		}
		if (in[i] != '%') {
			out[at++] = in[i];
			continue;
		}
		high = i + 2 < len ? hex_digit(in[i + 1]) : -1;
		low = high >= 0 ? hex_digit(in[i + 2]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return error_set(err, EINVAL, "bad %% escape in the request target");
		out[at++] = (char)(high << 4 | low);
		i += 2;
	}
	out[at] = '\0';
	*ret = steal_ptr(&out);
	return 0;
}

static int add_parameter(struct map *query, const char *part, size_t len, struct error *err)
{
	const char *eq = memchr(part, '=', len);
	size_t name_len = eq ? (size_t)(eq - part) : len;
	auto_free char *name = NULL;
	char *value = NULL;
	int r;

	if (!len)
		return 0;
	r = http_percent_decode(part, name_len, true, &name, err);
	if (r < 0)
		return r;
	if (eq)
		r = http_percent_decode(eq + 1, len - name_len - 1, true, &value, err);
	else
		value = xstrdup("");
	if (r < 0)
		return r;
	map_set(query, name, value);
	return 0;
}

int http_split_target(const char *target, char **ret_path, struct map **ret_query,
		      struct error *err)
{
	const char *mark = strchr(target, '?'), *part;
	size_t path_len = mark ? (size_t)(mark - target) : strlen(target), len;
	auto_free char *path = NULL;
	struct map *query;
	int r;

	r = http_percent_decode(target, path_len, false, &path, err);
	if (r < 0)
		return r;
	query = map_new(free);
	for (part = mark ? mark + 1 : ""; *part; part += len + (part[len] == '&')) {
		len = strcspn(part, "&");
		r = add_parameter(query, part, len, err);
		if (r < 0) {
			map_free(query);
			return r;
		}
	}
	*ret_path = steal_ptr(&path);
	*ret_query = query;
	return 0;
}

void http_percent_encode(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr("-._~", *text))
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{413, "Payload Too Large"},
		{415, "Unsupported Media Type"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}
