/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection and its HTTP: see client.h.  Starting the supervisor is in start.c. */
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/start.h"

#define REPLY_MAX    ((size_t)256 << 20)
#define READ_BYTES   ((size_t)256 << 10)
#define ATTEMPTS_MAX 3 /* of sending a request that nobody has read */

struct client {
	int fd;
	char *socket_path;
	int64_t log_begin; /* where the supervisor's log ended before */
	bool start;
	struct buf request; /* until its answer begins: it may have to be sent again */
	unsigned attempts;
	struct http_conn *http;
	const struct client_events *events;
	void *arg;
	int status;
	bool done, upgrade, ndjson, own_body;
	struct buf line;  /* the unfinished ndjson line */
	struct buf reply; /* body of a plain or error answer */
	char *input;
};

/* ---- what the parser reports */

static int on_headers(void *arg, const struct http_message *msg, struct error *err)
{
	struct client *c = arg;
	const char *type = map_get(msg->headers, "content-type");

	(void)err;
	c->status = msg->status;
	c->upgrade = msg->upgrade && msg->status == 101;
	c->ndjson = str_starts(type, "application/x-ndjson");
	c->own_body = !c->events || msg->status >= 400;
	return 0;
}

static int line_done(struct client *c, const char *text, size_t len, struct error *err)
{
	auto_json json_t *line = NULL;
	int r;

	if (!len)
		return 0;
	r = json_load_text(text, len, &line, err);
	if (r < 0)
		return error_wrap(err, "read the supervisor's answer");
	r = c->events->on_line(c->arg, line);
	return r ? error_set(err, ECANCELED, "stopped") : 0;
}

static int on_body(void *arg, const char *data, size_t len, struct error *err)
{
	struct client *c = arg;
	const char *eol;
	int r;

	if (c->own_body) {
		buf_add(&c->reply, data, len);
		return c->reply.overflow
			       ? error_set(err, EMSGSIZE, "the supervisor's answer is too large")
			       : 0;
	}
	if (!c->events->on_line)
		return c->events->on_data(c->arg, data, len) ? error_set(err, ECANCELED, "stopped")
							     : 0;
	while ((eol = memchr(data, '\n', len))) {
		size_t piece = (size_t)(eol - data);

		if (c->line.len) {
			buf_add(&c->line, data, piece);
			r = line_done(c, c->line.data, c->line.len, err);
			buf_reset(&c->line);
		} else {
			r = line_done(c, data, piece, err);
		}
		if (r < 0)
			return r;
		data += piece + 1;
		len -= piece + 1;
	}
	buf_add(&c->line, data, len);
	return c->line.overflow
		       ? error_set(err, EMSGSIZE, "a line of the supervisor's answer is too long")
		       : 0;
}

static int on_done(void *arg, struct error *err)
{
	struct client *c = arg;

	(void)err;
	c->done = true;
	return 0;
}

static const struct http_events parser_events = {on_headers, on_body, on_done};

/* ---- connection */

int client_open(const char *socket_path, bool start, struct client **ret, struct error *err)
{
	struct client *c;
	int fd;
	int64_t log_begin = start_log_end(socket_path);

	fd = start_connect(socket_path, start, err);
	if (fd < 0)
		return fd;
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	c->socket_path = xstrdup(socket_path);
	c->start = start;
	c->log_begin = log_begin;
	buf_init(&c->request, JSON_TEXT_MAX);
	c->http = http_conn_new(HTTP_RESPONSES, &parser_events, c);
	buf_init(&c->line, (size_t)16 << 20);
	buf_init(&c->reply, REPLY_MAX);
	c->input = xmalloc(READ_BYTES);
	*ret = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	http_conn_free(c->http);
	free(c->socket_path);
	buf_release(&c->request);
	buf_release(&c->line);
	buf_release(&c->reply);
	free(c->input);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

static int send_all(struct client *c, const char *data, size_t len, struct error *err)
{
	while (len) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "send the request to the supervisor");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * A reset before any answer means that nobody has read the request: the connection was waiting in
 * the queue of a supervisor that died.  The next one, which is on its way, gets it instead.  The
 * descriptor keeps its number.
 */
static int send_again(struct client *c, struct error *err)
{
	int fd;

	if (!c->request.len || c->status || c->attempts >= ATTEMPTS_MAX)
		return -err->code;
	c->attempts++;
	*err = ERROR_INIT;
	fd = start_connect(c->socket_path, c->start, err);
	if (fd < 0)
		return fd;
	if (dup3(fd, c->fd, O_CLOEXEC) < 0) {
		close(fd);
		return error_sys(err, errno, "connect to the supervisor again");
	}
	close(fd);
	return send_all(c, c->request.data, c->request.len, err);
}

static bool nobody_read_it(int code)
{
	return code == ECONNRESET || code == EPIPE;
}

static int send_request(struct client *c, struct error *err)
{
	int r;

	c->attempts = 0;
	r = send_all(c, c->request.data, c->request.len, err);
	while (r < 0 && nobody_read_it(err->code) && c->attempts < ATTEMPTS_MAX)
		r = send_again(c, err);
	return r;
}

int client_send(struct client *c, const char *method, const char *target, const json_t *body,
		bool upgrade, struct error *err)
{
	struct buf *head = &c->request;
	auto_free char *text = body ? json_text(body) : NULL;

	c->done = false;
	c->status = 0;
	buf_reset(&c->reply);
	buf_reset(head);
	buf_addf(head, "%s %s HTTP/1.1\r\nHost: cmp\r\n", method, target);
	if (upgrade)
		buf_adds(head, "Connection: Upgrade\r\nUpgrade: cmp-stream\r\n");
	if (text)
		buf_addf(head, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(text), text);
	else
		buf_adds(head, strcmp(method, "POST") ? "\r\n" : "Content-Length: 0\r\n\r\n");
	if (head->overflow)
		return error_set(err, EMSGSIZE, "the request is larger than %zu bytes", head->max);
	return send_request(c, err);
}

int client_send_chunked(struct client *c, const char *method, const char *target, struct error *err)
{
	auto_buf struct buf head = BUF_INIT;

	c->done = false;
	buf_reset(&c->request);
	buf_addf(&head,
		 "%s %s HTTP/1.1\r\nHost: cmp\r\nContent-Type: application/x-tar\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 method, target);
	return send_all(c, head.data, head.len, err);
}

int client_send_chunk(struct client *c, const char *data, size_t len, struct error *err)
{
	char head[24];
	int r;

	snprintf(head, sizeof(head), "%zx\r\n", len);
	r = send_all(c, head, strlen(head), err);
	if (r == 0 && len)
		r = send_all(c, data, len, err);
	return r < 0 ? r : send_all(c, "\r\n", 2, err);
}

/* ---- answers */

static int errno_of_status(int status)
{
	static const struct {
		int status, code;
	} codes[] = {{400, EINVAL}, {403, EACCES}, {404, ENOENT},   {409, EEXIST},
		     {501, ENOSYS}, {503, EAGAIN}, {504, ETIMEDOUT}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return EIO;
}

/* An error reply {"message": "..."} as an error. */
static int refused(struct client *c, struct error *err)
{
	auto_json json_t *reply = NULL;
	struct error ignored = ERROR_INIT;
	const char *message = NULL;

	if (c->reply.len && json_load_text(c->reply.data, c->reply.len, &reply, &ignored) == 0)
		message = json_get_str(reply, "message");
	if (message)
		return error_set(err, errno_of_status(c->status), "%s", message);
	return error_set(err, errno_of_status(c->status), "the supervisor answered %d %s",
			 c->status, http_status_text(c->status));
}

int client_read(struct client *c, const struct client_events *events, void *arg, struct error *err)
{
	ssize_t n, used;

	c->events = events;
	c->arg = arg;
	do {
		n = recv(c->fd, c->input, READ_BYTES, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		int r = error_sys(err, errno, "read the supervisor's answer");

		r = nobody_read_it(err->code) ? send_again(c, err) : r;
		if ((r == -ECONNRESET || r == -EPIPE) && !c->status)
			return start_explain_death(c->log_begin, err);
		return r < 0 ? r : 1;
	}
	buf_release(&c->request);
	if (n == 0) {
		if (!c->status)
			return start_explain_death(c->log_begin, err);
		if (!c->done)
			return error_set(err, ECONNRESET,
					 "the supervisor went away in the middle of its answer");
		return 0;
	}
	used = http_conn_feed(c->http, c->input, (size_t)n, err);
	if (used < 0)
		return (int)used;
	if (c->upgrade && used < n)
		buf_add(&c->reply, c->input + used, (size_t)(n - used));
	if (!c->done && !c->upgrade)
		return 1;
	return c->status >= 400 ? refused(c, err) : 0;
}

int client_drain(struct client *c, const struct client_events *events, void *arg, struct error *err)
{
	int r;

	do {
		r = client_read(c, events, arg, err);
	} while (r > 0);
	return r;
}

int client_reply(struct client *c, json_t **ret, struct error *err)
{
	int r = client_drain(c, NULL, NULL, err);

	*ret = NULL;
	if (r < 0)
		return r;
	if (!c->reply.len)
		return 0;
	r = json_load_text(c->reply.data, c->reply.len, ret, err);
	return r < 0 ? error_wrap(err, "read the supervisor's answer") : 0;
}

int client_call(const char *socket_path, bool start, const char *method, const char *target,
		const json_t *body, json_t **ret, struct error *err)
{
	struct client *c = NULL;
	int r = client_open(socket_path, start, &c, err);

	if (r == 0)
		r = client_send(c, method, target, body, false, err);
	if (r == 0)
		r = client_reply(c, ret, err);
	client_free(c);
	return r;
}

int client_upgraded(struct client *c, struct buf *early, struct error *err)
{
	int r = client_drain(c, NULL, NULL, err);

	if (r < 0)
		return r;
	if (!c->upgrade)
		return error_set(err, EPROTO, "the supervisor did not open a stream");
	buf_add(early, c->reply.data ? c->reply.data : "", c->reply.len);
	buf_reset(&c->reply);
	return 0;
}
