/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See api.h.  A connection is a uv pipe, an HTTP parser, and at most one request.  Bytes that
 * arrive while a request is being answered are kept until its answer is complete.  Connections and
 * requests are one object each; a connection is freed when its handle has been closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/api/api.h"

#define LISTEN_QUEUE 1024
#define READ_BYTES   ((size_t)64 << 10)
#define HEAD_TIME_MS 10000
#define EARLY_MAX    ((size_t)1 << 20) /* bytes of the next request kept while one is answered */

enum conn_state { CONN_HEAD, CONN_BODY, CONN_ANSWERING, CONN_STREAM, CONN_UPGRADED, CONN_CLOSING };

struct api_server {
	struct daemon *daemon;
	uv_pipe_t listener;
	struct list conns;
	unsigned count;
	char input[READ_BYTES]; /* of whichever connection is being read: it is taken at once */
};

struct conn {
	struct list link;
	struct api_server *server;
	uv_pipe_t pipe;
	uv_timer_t deadline; /* of the head and the body */
	uv_poll_t gone;	     /* of a client that has said all it had to say */
	int gone_fd;	     /* its descriptor, a copy; -1: not watched */
	unsigned handles;
	enum conn_state state;
	struct http_conn *http;
	struct buf body, early;
	const struct api_route *route;
	struct api_request request;
	char *method;
	char *target;	    /* of the request, as it came */
	char *path, *extra; /* path: method and path; extra: further header fields of the answer */
	bool keep_alive, upgrade_asked, full, reading, dispatched, feeding;
	bool body_done, answered; /* answered before the body was there: the rest is dropped */
	size_t queued;
};

struct out {
	uv_write_t write;
	struct conn *conn;
	size_t len;
	char data[];
};

static void conn_close(struct conn *c);
static void conn_feed(struct conn *c, const char *data, size_t len);

/* ---- closing */

static void request_release(struct conn *c)
{
	struct api_request *r = &c->request;
	size_t i;

	for (i = 0; i < API_PARAMS_MAX; i++)
		free(r->params[i]);
	map_free(r->query);
	json_decref(r->body);
	*r = (struct api_request){0};
	c->route = NULL;
	c->dispatched = false;
	free(c->method);
	c->method = NULL;
	free(c->path);
	free(c->extra);
	free(c->target);
	c->path = c->extra = c->target = NULL;
	c->body_done = c->answered = false;
}

static void on_handle_closed(struct conn *c)
{
	if (--c->handles)
		return;
	list_remove(&c->link);
	c->server->count--;
	request_release(c);
	http_conn_free(c->http);
	buf_release(&c->body);
	buf_release(&c->early);
	free(c);
}

static void on_pipe_closed(uv_handle_t *h)
{
	on_handle_closed(container_of((uv_pipe_t *)(void *)h, struct conn, pipe));
}

static void on_deadline_closed(uv_handle_t *h)
{
	on_handle_closed(container_of((uv_timer_t *)(void *)h, struct conn, deadline));
}

static void on_gone_closed(uv_handle_t *h)
{
	struct conn *c = container_of((uv_poll_t *)(void *)h, struct conn, gone);

	close(c->gone_fd);
	on_handle_closed(c);
}

static void conn_close(struct conn *c)
{
	void (*on_hangup)(void *) = c->request.on_hangup;
	void *arg = c->request.arg;
	bool open = c->dispatched && c->state != CONN_CLOSING;

	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
	uv_close((uv_handle_t *)&c->deadline, on_deadline_closed);
	if (c->gone_fd >= 0)
		uv_close((uv_handle_t *)&c->gone, on_gone_closed);
	if (open && on_hangup)
		on_hangup(arg);
}

/* ---- writing */

static void on_written(uv_write_t *write, int status)
{
	struct out *out = container_of(write, struct out, write);
	struct conn *c = out->conn;

	c->queued -= out->len;
	free(out);
	if (status < 0) {
		conn_close(c);
		return;
	}
	if (c->full && c->queued <= API_QUEUE_LOW && c->state != CONN_CLOSING) {
		c->full = false;
		if (c->request.on_drain)
			c->request.on_drain(c->request.arg);
	}
}

/* Sends a head and a body as one write; the first attempt goes to the socket at once. */
static void conn_send(struct conn *c, const char *head, size_t head_len, const char *data,
		      size_t len, const char *tail)
{
	size_t tail_len = strlen(tail), total = head_len + len + tail_len;
	struct out *out;
	uv_buf_t buf;

	if (c->state == CONN_CLOSING || !total)
		return;
	out = xmalloc(sizeof(*out) + total);
	out->conn = c;
	out->len = total;
	memcpy(out->data, head, head_len);
	if (len)
		memcpy(out->data + head_len, data, len);
	memcpy(out->data + head_len + len, tail, tail_len);
	buf = uv_buf_init(out->data, (unsigned)total);
	c->queued += total;
	if (uv_write(&out->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		c->queued -= total;
		free(out);
		conn_close(c);
	}
}

static struct conn *conn_of(struct api_request *r)
{
	return container_of(r, struct conn, request);
}

/* The answer is complete: the connection takes the next request, or ends. */
static void next_request(struct conn *c)
{
	auto_buf struct buf early = {.max = EARLY_MAX};

	if (c->state == CONN_CLOSING)
		return;
	if (!c->keep_alive) {
		c->dispatched = false; /* no hang-up: this is the regular end */
		conn_close(c);
		return;
	}
	if (!c->body_done) {
		c->answered = true;
		c->request.on_data = NULL;
		c->request.on_end = c->request.on_drain = c->request.on_hangup = NULL;
		return;
	}
	request_release(c);
	buf_reset(&c->body);
	c->state = CONN_HEAD;
	http_conn_resume(c->http);
	early = c->early;
	c->early = (struct buf){.max = EARLY_MAX};
	if (!c->feeding && early.len)
		conn_feed(c, early.data, early.len);
	else if (early.len)
		buf_add(&c->early, early.data, early.len);
}

/* What every answer of Docker's API says. */
static char *docker_fields(const struct conn *c)
{
	time_t now = time(NULL);
	char date[64] = "";
	struct tm tm;

	if (!c->request.docker)
		return xstrdup("");
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return xasprintf("Api-Version: %u.%u\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
			 "Server: Docker/" PACKAGE_VERSION " (linux)\r\nDate: %s\r\n",
			 API_TEXT(API_DOCKER), date);
}

/* The head of an answer: the given fields, what the handler added, what the connection needs. */
static char *make_head(const struct conn *c, int status, const char *fields)
{
	auto_free char *docker = docker_fields(c);

	return xasprintf("HTTP/1.1 %d %s\r\n%s%s%s%s\r\n", status, http_status_text(status), fields,
			 docker, c->extra ? c->extra : "",
			 c->keep_alive ? "" : "Connection: close\r\n");
}

static void reply(struct api_request *r, int status, const char *type, const char *text, size_t len)
{
	struct conn *c = conn_of(r);
	auto_free char *fields =
		xasprintf("Content-Type: %s\r\nContent-Length: %zu\r\n", type, len);
	auto_free char *head = make_head(c, status, fields);

	if (c->method && !strcmp(c->method, "HEAD"))
		len = 0;
	conn_send(c, head, strlen(head), text, len, "");
	next_request(c);
}

void api_reply_empty(struct api_request *r, int status)
{
	struct conn *c = conn_of(r);
	auto_free char *head =
		make_head(c, status, status == 204 || status == 304 ? "" : "Content-Length: 0\r\n");

	conn_send(c, head, strlen(head), NULL, 0, "");
	next_request(c);
}

void api_header(struct api_request *r, const char *name, const char *value)
{
	struct conn *c = conn_of(r);
	char *old = c->extra;

	c->extra = xasprintf("%s%s: %s\r\n", old ? old : "", name, value);
	free(old);
}

void api_reply_text(struct api_request *r, int status, const char *text, size_t len)
{
	reply(r, status, "text/plain; charset=utf-8", text, len);
}

void api_reply_body(struct api_request *r, int status, const char *text, size_t len)
{
	reply(r, status, "application/json", text, len);
}

void api_reply_json(struct api_request *r, int status, json_t *value)
{
	auto_free char *text = json_text(value);
	auto_free char *line = xasprintf("%s\n", text);

	json_decref(value);
	api_reply_body(r, status, line, strlen(line));
}

void api_reply_error(struct api_request *r, const struct error *err)
{
	json_t *o = json_object();

	json_set_new(o, "message", json_str(err->msg));
	api_reply_json(r, api_status(err), o);
}

/* ---- streams */

void api_stream_start(struct api_request *r, const char *content_type)
{
	struct conn *c = conn_of(r);
	auto_free char *fields =
		xasprintf("Content-Type: %s\r\nTransfer-Encoding: chunked\r\n", content_type);
	auto_free char *head = make_head(c, 200, fields);

	c->state = CONN_STREAM;
	conn_send(c, head, strlen(head), NULL, 0, "");
}

bool api_stream_write(struct api_request *r, const char *data, size_t len)
{
	struct conn *c = conn_of(r);
	char head[24];
	int n = 0;

	if (c->state == CONN_CLOSING || !len)
		return true;
	if (c->state == CONN_STREAM)
		n = snprintf(head, sizeof(head), "%zx\r\n", len);
	conn_send(c, head, (size_t)n, data, len, n ? "\r\n" : "");
	c->full |= c->queued > API_QUEUE_HIGH;
	return !c->full;
}

bool api_stream_json(struct api_request *r, const json_t *line)
{
	auto_free char *text = json_text(line);
	auto_free char *with_newline = xasprintf("%s\n", text);

	return api_stream_write(r, with_newline, strlen(with_newline));
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	struct conn *c = shutdown->data;

	(void)status;
	free(shutdown);
	c->dispatched = false;
	conn_close(c);
}

void api_stream_end(struct api_request *r)
{
	struct conn *c = conn_of(r);
	uv_shutdown_t *shutdown;

	if (c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_STREAM) {
		conn_send(c, "0\r\n\r\n", 5, NULL, 0, "");
		next_request(c);
		return;
	}
	c->dispatched = false;
	c->request.on_data = NULL;
	shutdown = xcalloc(1, sizeof(*shutdown));
	shutdown->data = c;
	if (uv_shutdown(shutdown, (uv_stream_t *)&c->pipe, on_shutdown) < 0) {
		free(shutdown);
		conn_close(c);
	}
}

void api_stream_abort(struct api_request *r)
{
	struct conn *c = conn_of(r);

	c->dispatched = false; /* no hang-up: who ends it knows */
	conn_close(c);
}

void api_upgrade(struct api_request *r)
{
	static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
				   "Connection: Upgrade\r\nUpgrade: cmp-stream\r\n\r\n";
	struct conn *c = conn_of(r);

	c->state = CONN_UPGRADED;
	c->keep_alive = false;
	conn_send(c, head, sizeof(head) - 1, NULL, 0, "");
}

void api_hijack(struct api_request *r, const char *content_type)
{
	struct conn *c = conn_of(r);
	auto_free char *head = NULL;

	if (c->upgrade_asked)
		head = xasprintf("HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\n"
				 "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
				 content_type);
	else
		head = xstrdup("HTTP/1.1 200 OK\r\n"
			       "Content-Type: application/vnd.docker.raw-stream\r\n\r\n");
	c->state = CONN_UPGRADED;
	c->keep_alive = false;
	conn_send(c, head, strlen(head), NULL, 0, "");
}

/* ---- routing */

/* Matches "/a/{}/b"; what {} stands for is kept, percent-decoded. */
static bool match(const char *pattern, const char *path, char *params[API_PARAMS_MAX])
{
	size_t count = 0;

	while (*pattern) {
		if (pattern[0] == '{') {
			size_t len = pattern[2] ? strcspn(path, "/") : strlen(path);

			/* An image's name has slashes: before a fixed tail the last one counts. */
			if (pattern[2] && str_ends(path, pattern + 2) &&
			    strlen(path) > strlen(pattern + 2))
				len = strlen(path) - strlen(pattern + 2);
			if (!len || count == API_PARAMS_MAX)
				return false;
			params[count++] = xstrndup(path, len);
			path += len;
			pattern += 2;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path;
}

static const struct api_route *match_row(struct conn *c, const struct api_route *row,
					 const char *method, const char *path,
					 bool *ret_other_method)
{
	size_t k;

	if (match(row->pattern, path, c->request.params)) {
		if (!strcmp(row->method, method))
			return row;
		*ret_other_method = true;
	}
	for (k = 0; k < API_PARAMS_MAX; k++) {
		free(c->request.params[k]);
		c->request.params[k] = NULL;
	}
	return NULL;
}

static const struct api_route *find_route(struct conn *c, const char *method, const char *path,
					  bool *ret_other_method)
{
	const struct api_table *table;

	*ret_other_method = false;
	for (table = api_tables; table->rows; table++) {
		const struct api_route *row = table->rows, *found;

		if (table->docker != (c->request.docker > 0))
			continue;
		for (; row->method; row = (const void *)((const char *)row + table->stride)) {
			found = match_row(c, row, method, path, ret_other_method);
			if (found)
				return found;
		}
	}
	return NULL;
}

/* "/v1.41/containers/json": whoever says no version gets the newest. */
static int docker_version(struct api_request *r, const char **path, struct error *err)
{
	const char *rest = *path + strlen("/v");
	auto_free char *major = NULL, *minor = NULL;
	size_t a, b;
	uint16_t x, y;

	r->docker = API_DOCKER;
	if (!str_starts(*path, "/v"))
		return 0;
	a = strspn(rest, "0123456789");
	b = rest[a] == '.' ? strspn(rest + a + 1, "0123456789") : 0;
	major = xstrndup(rest, a);
	minor = xstrndup(rest + a + (b > 0), b);
	if (!b || rest[a + 1 + b] != '/' || parse_u16(major, &x) < 0 || parse_u16(minor, &y) < 0)
		return 0; /* "/volumes", or no version */
	*path = rest + a + 1 + b;
	if (x * 100u + y < API_DOCKER_MIN)
		return error_set(
			err, EINVAL,
			"client version %u.%u is too old. Minimum supported API version is "
			"%u.%u, please upgrade your client to a newer version",
			x, y, API_TEXT(API_DOCKER_MIN));
	if (x * 100u + y > API_DOCKER)
		return error_set(
			err, EINVAL,
			"client version %u.%u is too new. Maximum supported API version is "
			"%u.%u",
			x, y, API_TEXT(API_DOCKER));
	r->docker = x * 100u + y;
	return 0;
}

static void refuse(struct conn *c, int status, const char *message)
{
	json_t *o = json_object();

	c->dispatched = true;
	json_set_str(o, "message", message);
	api_reply_json(&c->request, status, o);
}

static int load_body(struct conn *c, struct error *err)
{
	struct api_request *r = &c->request;
	const char *type = map_get(r->headers, "content-type");

	if (r->docker && type && strncasecmp(type, "application/json", 16))
		return error_set(
			err, EINVAL,
			"unsupported Content-Type header (%.80s): must be 'application/json'",
			type);
	if (json_load_text(c->body.data, c->body.len, &r->body, err) < 0)
		return error_wrap(err, r->docker ? "invalid JSON" : "read the request's body");
	return 0;
}

static void dispatch(struct conn *c)
{
	struct error err = ERROR_INIT;

	uv_timer_stop(&c->deadline);
	c->dispatched = true;
	c->state = CONN_ANSWERING;
	if (!c->route->stream_body && c->body.len && load_body(c, &err) < 0) {
		api_reply_error(&c->request, &err);
		return;
	}
	c->route->handler(&c->request);
	c->request.headers = NULL;
}

static void page_not_found(struct api_request *r)
{
	struct error err = ERROR_INIT;

	error_set(&err, ENOENT, "page not found");
	api_reply_error(r, &err);
}

static const struct api_route docker_page_not_found = {"*", "*", page_not_found, false};

static int on_headers(void *arg, const struct http_message *msg, struct error *err)
{
	struct conn *c = arg;
	struct api_request *r = &c->request;
	auto_free char *path = NULL;
	const char *local, *expect = map_get(msg->headers, "expect");
	bool other_method;
	int rc;

	c->state = CONN_BODY;
	c->keep_alive = msg->keep_alive && !msg->upgrade;
	c->upgrade_asked = msg->upgrade;
	c->method = xstrdup(msg->method);
	c->target = xstrdup(msg->target);
	r->daemon = c->server->daemon;
	r->method = c->method;
	r->headers = msg->headers;
	rc = http_split_target(msg->target, &path, &r->query, err);
	local = path;
	if (rc == 0 && !str_starts(path, "/cmp/"))
		rc = docker_version(r, &local, err);
	if (rc < 0)
		return rc;
	if (msg->content_length > (int64_t)API_BODY_MAX)
		return error_set(err, EMSGSIZE, "the request's body is larger than %zu bytes",
				 API_BODY_MAX);
	c->route = find_route(c, msg->method, local, &other_method);
	c->path = xasprintf("%s %s", c->method, local);
	if (!c->route && r->docker)
		c->route = &docker_page_not_found;
	if (!c->route)
		return error_set(err, other_method ? ENOSYS : ENOENT, "there is no %s %s",
				 msg->method, path);
	if (expect && !strcasecmp(expect, "100-continue"))
		conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25, NULL, 0, "");
	if (c->route->stream_body)
		dispatch(c);
	return 0;
}

static int on_body(void *arg, const char *data, size_t len, struct error *err)
{
	struct conn *c = arg;

	if (c->answered)
		return 0;
	if (c->route->stream_body) {
		if (c->request.on_data)
			c->request.on_data(c->request.arg, data, len);
		return 0;
	}
	buf_add(&c->body, data, len);
	return c->body.overflow
		       ? error_set(err, EMSGSIZE, "the request's body is larger than %zu bytes",
				   API_BODY_MAX)
		       : 0;
}

static int on_message_done(void *arg, struct error *err)
{
	struct conn *c = arg;

	(void)err;
	http_conn_pause(c->http);
	c->body_done = true;
	if (c->answered)
		next_request(c);
	else if (!c->route->stream_body)
		dispatch(c);
	else if (c->request.on_end)
		c->request.on_end(c->request.arg);
	return 0;
}

static const struct http_events http_events = {on_headers, on_body, on_message_done};

/* ---- reading */

static void on_deadline(uv_timer_t *t)
{
	struct conn *c = container_of(t, struct conn, deadline);

	c->keep_alive = false;
	conn_close(c);
}

static void bad_request(struct conn *c, const struct error *err)
{
	c->keep_alive = false;
	if (c->dispatched)
		conn_close(c);
	else
		refuse(c, api_status(err), err->msg);
}

/* Bytes for the parser; what it leaves belongs to the next request or the upgraded stream. */
static void conn_feed(struct conn *c, const char *data, size_t len)
{
	struct error err = ERROR_INIT;
	ssize_t used;

	c->feeding = true;
	do {
		used = http_conn_feed(c->http, data, len, &err);
		if (used < 0) {
			c->feeding = false;
			bad_request(c, &err);
			return;
		}
		data += used;
		len -= (size_t)used;
	} while (len && used && c->state == CONN_HEAD);
	c->feeding = false;
	if (!len || c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_UPGRADED) {
		if (c->request.on_data)
			c->request.on_data(c->request.arg, data, len);
		return;
	}
	buf_add(&c->early, data, len);
	if (c->early.overflow)
		conn_close(c);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct conn *c = container_of((uv_pipe_t *)(void *)h, struct conn, pipe);

	(void)size;
	*buf = uv_buf_init(c->server->input, sizeof(c->server->input));
}

static void on_gone(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	conn_close(container_of(poll, struct conn, gone));
}

/*
 * The end of a client's input is not its own end: that is told by a hang-up, which is reported
 * whatever else is asked for (here: urgent data, of which these sockets have none).
 */
static void watch_gone(struct conn *c)
{
	uv_os_fd_t fd;

	if (c->state == CONN_CLOSING || c->gone_fd >= 0 ||
	    uv_fileno((const uv_handle_t *)&c->pipe, &fd) < 0)
		return;
	c->gone_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->gone_fd < 0)
		return;
	c->handles++;
	uv_poll_init(c->server->daemon->loop, &c->gone, c->gone_fd);
	uv_poll_start(&c->gone, UV_PRIORITIZED, on_gone);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = container_of((uv_pipe_t *)(void *)s, struct conn, pipe);

	if (n == 0)
		return;
	if (n < 0) {
		if (n == UV_EOF && c->state == CONN_UPGRADED && c->request.on_end) {
			uv_read_stop(s);
			watch_gone(c);
			c->request.on_end(c->request.arg);
			return;
		}
		conn_close(c);
		return;
	}
	if (c->state == CONN_UPGRADED) {
		if (c->request.on_data)
			c->request.on_data(c->request.arg, buf->base, (size_t)n);
		return;
	}
	if (c->state == CONN_HEAD && !uv_is_active((uv_handle_t *)&c->deadline))
		uv_timer_start(&c->deadline, on_deadline, HEAD_TIME_MS, 0);
	if ((c->state == CONN_ANSWERING || c->state == CONN_STREAM) && !c->route->stream_body)
		buf_add(&c->early, buf->base, (size_t)n);
	else
		conn_feed(c, buf->base, (size_t)n);
}

void api_pause(struct api_request *r, bool pause)
{
	struct conn *c = conn_of(r);

	if (c->state == CONN_CLOSING || c->reading == !pause)
		return;
	c->reading = !pause;
	if (pause)
		uv_read_stop((uv_stream_t *)&c->pipe);
	else
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct api_server *server =
		container_of((uv_pipe_t *)(void *)listener, struct api_server, listener);
	struct conn *c;

	if (status < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	c->server = server;
	c->handles = 2;
	c->gone_fd = -1;
	server->count++;
	list_append(&server->conns, &c->link);
	buf_init(&c->body, API_BODY_MAX);
	buf_init(&c->early, EARLY_MAX);
	c->http = http_conn_new(HTTP_REQUESTS, &http_events, c);
	uv_pipe_init(server->daemon->loop, &c->pipe, 0);
	uv_timer_init(server->daemon->loop, &c->deadline);
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 || server->count > API_CONNS_MAX) {
		conn_close(c);
		return;
	}
	c->reading = true;
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

int api_server_start(struct daemon *d, int listen_fd, struct error *err)
{
	struct api_server *server = xcalloc(1, sizeof(*server));
	int r;

	server->daemon = d;
	list_init(&server->conns);
	uv_pipe_init(d->loop, &server->listener, 0);
	r = uv_pipe_open(&server->listener, listen_fd);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&server->listener, LISTEN_QUEUE, on_connection);
	d->api = server;
	return r < 0 ? error_set(err, -r, "serve the socket %s: %s", d->socket_path, uv_strerror(r))
		     : 0;
}

static void on_listener_closed(uv_handle_t *h)
{
	struct api_server *server =
		container_of((uv_pipe_t *)(void *)h, struct api_server, listener);

	if (list_empty(&server->conns))
		free(server);
}

void api_server_stop(struct daemon *d)
{
	struct api_server *server = d->api;
	struct conn *c, *next;

	if (!server)
		return;
	d->api = NULL;
	list_for_each_safe (c, next, &server->conns, link)
		conn_close(c);
	uv_close((uv_handle_t *)&server->listener, on_listener_closed);
}

/* ---- answers that come later */

struct api_pending {
	struct api_request *request; /* NULL: the client is gone */
};

static void on_pending_hangup(void *arg)
{
	((struct api_pending *)arg)->request = NULL;
}

struct api_pending *api_pending_new(struct api_request *r)
{
	struct api_pending *p = xcalloc(1, sizeof(*p));

	p->request = r;
	r->arg = p;
	r->on_hangup = on_pending_hangup;
	return p;
}

void api_pending_done(struct api_pending *p, json_t *value, const struct error *err)
{
	struct api_request *r = p->request;

	free(p);
	if (!r) {
		json_decref(value);
		return;
	}
	r->on_hangup = NULL;
	r->arg = NULL;
	if (err)
		api_reply_error(r, err);
	else
		api_reply_json(r, 200, value ? value : json_object());
}

void api_on_done(void *arg, const struct error *err)
{
	api_pending_done(arg, NULL, err);
}

const char *api_path(struct api_request *r)
{
	const struct conn *c = conn_of(r);

	return c->path ? c->path : "";
}

/* ---- query */

const char *api_query(const struct api_request *r, const char *name)
{
	return map_get(r->query, name);
}

bool api_query_flag(const struct api_request *r, const char *name)
{
	const char *value = api_query(r, name);

	return str_eq(value, "1") || str_eq(value, "true");
}

int64_t api_query_int(const struct api_request *r, const char *name, int64_t fallback)
{
	const char *value = api_query(r, name);
	int64_t n;

	return value && parse_i64(value, &n) == 0 ? n : fallback;
}

char **api_query_list(const struct api_request *r, const char *name)
{
	const char *value = api_query(r, name);

	return str_empty(value) ? NULL : strv_split(value, ",");
}

/* The map of parameters keeps the last value only. */
char **api_query_all(struct api_request *r, const char *name)
{
	const char *target = conn_of(r)->target, *mark = target ? strchr(target, '?') : NULL;
	AUTO(strv_free) char **parts = strv_split(mark ? mark + 1 : "", "&");
	char **values = xcalloc(1, sizeof(*values));
	size_t i;

	for (i = 0; i < strv_len(parts); i++) {
		struct error ignored = ERROR_INIT;
		const char *value = str_skip(parts[i], name);
		char *decoded;

		if (value && *value == '=' &&
		    http_percent_decode(value + 1, strlen(value + 1), true, &decoded, &ignored) ==
			    0)
			strv_push(&values, decoded);
	}
	return values;
}
