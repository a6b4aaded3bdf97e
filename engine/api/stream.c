/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two-way streams over an upgraded connection: a further process (exec), or the main one (attach).
 * Frames both ways: type, three zero bytes, length (big-endian), payload.  Docker's clients get
 * frames of output only, or output as it is, and what they send is input.
 */
#include <errno.h>

#include "base/json.h"
#include "engine/api/routes.h"
#include "engine/api/stream.h"
#include "engine/exec.h"
#include "engine/logs.h"
#include "runtime/protocol.h"

#define FRAME_HEAD  8
#define FRAME_MAX   ((size_t)1 << 20)
#define SIGNAL_LAST 64
#define EARLY_HIGH  (FRAME_MAX / 2) /* input from before the container ran */

enum frame_type {
	FRAME_STDIN,
	FRAME_STDOUT,
	FRAME_STDERR,
	FRAME_EXIT,
	FRAME_RESIZE,
	FRAME_SIGNAL,
	FRAME_TYPES
};

struct stream;

/* What a frame from the client does. */
struct stream_ops {
	void (*input)(struct stream *s, const char *data, size_t len); /* len 0: end of file */
	void (*resize)(struct stream *s, unsigned rows, unsigned columns);
	void (*signal)(struct stream *s, int signo);
	void (*close)(struct stream *s); /* the client is gone */
};

struct stream {
	struct api_request *request;
	const struct stream_ops *ops;
	struct container *container; /* referenced */
	enum stream_style style;
	struct buf in;
	bool detach, upgraded;
	/* exec */
	struct exec *exec;
	/* attach */
	struct logs *logs;
	struct container_watch watch;
	struct attach_input *input;
	struct buf early;			/* input from before the container ran */
	bool wants_input, eof_early, hidden[3]; /* hidden: by descriptor */
	bool keep_input; /* the end of the client's input is not the end of the container's */
	struct detach_keys keys;
	unsigned rows, columns;
};

/* ---- to the client */

static bool send_frame(struct api_request *r, enum frame_type type, const char *data, size_t len)
{
	auto_free char *frame = xmalloc(FRAME_HEAD + len);
	const char head[FRAME_HEAD] = {
		(char)type,	  0,	    0, 0, (char)(len >> 24), (char)(len >> 16),
		(char)(len >> 8), (char)len};

	memcpy(frame, head, sizeof(head));
	if (len)
		memcpy(frame + FRAME_HEAD, data, len);
	return api_stream_write(r, frame, FRAME_HEAD + len);
}

bool stream_output(struct api_request *r, enum stream_style style, int fd, const char *data,
		   size_t len)
{
	if (style == STREAM_RAW)
		return api_stream_write(r, data, len);
	return send_frame(r, fd == 2 ? FRAME_STDERR : FRAME_STDOUT, data, len);
}

static void stream_free(struct stream *s)
{
	buf_release(&s->in);
	buf_release(&s->early);
	container_unref(s->container);
	free(s);
}

/* The last frame: how it ended, or why it could not be started. */
static void send_exit(struct stream *s, int exit_code, const struct error *err)
{
	auto_json json_t *o = json_object();
	auto_free char *text = NULL;

	if (s->style == STREAM_FRAMES) {
		if (err)
			json_set_new(o, "error", json_str(err->msg));
		json_set_int(o, "exit_code", exit_code);
		text = json_text(o);
		send_frame(s->request, FRAME_EXIT, text, strlen(text));
	} else if (err) {
		stream_output(s->request, s->style, 2, err->msg, strlen(err->msg));
	}
	s->request->on_hangup = NULL;
	s->request->on_data = NULL;
	s->request->on_end = s->request->on_drain = NULL;
	api_stream_end(s->request);
}

/* ---- from the client */

static unsigned number16(const char *data)
{
	return (unsigned)(unsigned char)data[0] << 8 | (unsigned char)data[1];
}

static void take_frame(struct stream *s, unsigned type, const char *data, size_t len)
{
	if (type == FRAME_STDIN)
		s->ops->input(s, data, len);
	else if (type == FRAME_RESIZE && len == 4)
		s->ops->resize(s, number16(data), number16(data + 2));
	else if (type == FRAME_SIGNAL && len == 1 && data[0] > 0 && data[0] <= SIGNAL_LAST)
		s->ops->signal(s, data[0]);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct stream *s = arg;
	size_t at = 0;

	buf_add(&s->in, data, len);
	while (s->in.len - at >= FRAME_HEAD) {
		const unsigned char *h = (const unsigned char *)s->in.data + at;
		size_t size = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

		if (size > FRAME_MAX)
			s->in.overflow = true;
		if (size > FRAME_MAX || s->in.len - at - FRAME_HEAD < size)
			break;
		take_frame(s, h[0], s->in.data + at + FRAME_HEAD, size);
		at += FRAME_HEAD + size;
	}
	buf_consume(&s->in, at);
}

/* Two keys, one after the other, leave a terminal. */
static void on_raw_data(void *arg, const char *data, size_t len)
{
	struct stream *s = arg;
	auto_buf struct buf passed = BUF_INIT;

	if (!detach_keys_feed(&s->keys, data, len, &passed)) {
		if (passed.len)
			s->ops->input(s, passed.data, passed.len);
		return;
	}
	s->request->on_hangup = NULL;
	s->request->on_data = NULL;
	s->request->on_end = s->request->on_drain = NULL;
	api_stream_end(s->request);
	s->ops->close(s);
	stream_free(s);
}

static void on_raw_end(void *arg)
{
	struct stream *s = arg;

	if (!s->keep_input)
		s->ops->input(s, NULL, 0);
}

static void on_hangup(void *arg)
{
	struct stream *s = arg;

	s->ops->close(s);
	stream_free(s);
}

static void on_input_drain(void *arg)
{
	struct stream *s = arg;

	api_pause(s->request, false);
}

static struct stream *stream_new(struct api_request *r, struct container *c,
				 const struct stream_ops *ops)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->request = r;
	s->ops = ops;
	s->container = container_ref(c);
	buf_init(&s->in, 2 * FRAME_MAX);
	buf_init(&s->early, FRAME_MAX);
	return s;
}

static void stream_open(struct stream *s)
{
	struct api_request *r = s->request;

	s->upgraded = true;
	r->arg = s;
	r->on_data = s->style == STREAM_FRAMES ? on_data : on_raw_data;
	r->on_hangup = on_hangup;
	if (s->style == STREAM_FRAMES) {
		api_upgrade(r);
		return;
	}
	r->on_end = on_raw_end;
	api_hijack(r, stream_type(s->style));
}

/* ---- exec */

static void exec_input(struct stream *s, const char *data, size_t len)
{
	if (!s->exec)
		return;
	if (!len)
		exec_close_stdin(s->exec);
	else if (!exec_write(s->exec, data, len, on_input_drain))
		api_pause(s->request, true);
}

static void exec_set_size(struct stream *s, unsigned rows, unsigned columns)
{
	if (s->exec)
		exec_resize(s->exec, rows, columns);
}

static void exec_send_signal(struct stream *s, int signo)
{
	struct error ignored = ERROR_INIT;

	if (s->exec && exec_signal(s->exec, signo, &ignored) < 0)
		return; /* it has just ended: its exit is on the way */
}

/* As docker: the process goes on when nobody listens, but its input has ended. */
static void exec_close(struct stream *s)
{
	if (s->exec)
		exec_detach(s->exec);
}

static const struct stream_ops exec_ops = {exec_input, exec_set_size, exec_send_signal, exec_close};

static bool on_exec_output(void *arg, int fd, const char *data, size_t len)
{
	struct stream *s = arg;

	return stream_output(s->request, s->style, fd, data, len);
}

static void on_exec_drain(void *arg)
{
	struct stream *s = arg;

	if (s->exec)
		exec_resume(s->exec);
}

static void on_exec_started(void *arg, int pid)
{
	struct stream *s = arg;
	struct exec *e = s->exec;

	(void)pid;
	if (!s->detach)
		return;
	s->exec = NULL;
	exec_detach(e);
	s->request->on_hangup = NULL;
	api_reply_json(s->request, 200, json_object());
	stream_free(s);
}

static void on_exec_exit(void *arg, int exit_code, const struct error *err)
{
	struct stream *s = arg;

	s->exec = NULL;
	s->request->on_hangup = NULL;
	if (s->upgraded)
		send_exit(s, exit_code, err);
	else if (err)
		api_reply_error(s->request, err);
	else
		api_reply_json(s->request, 200, json_object());
	stream_free(s);
}

void stream_exec(struct api_request *r, struct container *c)
{
	struct stream *s = stream_new(r, c, &exec_ops);
	AUTO(strv_free) char **cmd = json_to_strv(json_get_arr(r->body, "cmd"));
	AUTO(strv_free) char **env = json_to_strv(json_get_arr(r->body, "env"));
	struct exec_args args = {
		.cmd = cmd,
		.env = env,
		.user = json_get_str(r->body, "user"),
		.working_dir = json_get_str(r->body, "working_dir"),
		.tty = json_get_bool(r->body, "tty"),
		.stdin_open = json_get_bool(r->body, "stdin"),
		.privileged = json_get_bool(r->body, "privileged"),
		.on_output = on_exec_output,
		.on_started = on_exec_started,
		.on_exit = on_exec_exit,
		.arg = s,
	};
	struct error err = ERROR_INIT;
	int rc = strv_len(cmd)
			 ? 0
			 : error_set(&err, EINVAL, "exec in container %s: no command", c->name);

	s->detach = json_get_bool(r->body, "detach");
	if (rc == 0)
		rc = exec_start(c, &args, &s->exec, &err);
	if (rc < 0) {
		stream_free(s);
		api_reply_error(r, &err);
		return;
	}
	r->arg = s;
	r->on_hangup = on_hangup;
	if (!s->detach) {
		r->on_drain = on_exec_drain;
		stream_open(s);
	}
}

/* ---- attach */

static void attach_feed(struct stream *s, const char *data, size_t len)
{
	if (!s->wants_input)
		return;
	if (!s->input) { /* it does not run yet */
		buf_add(&s->early, data, len);
		s->eof_early |= !len;
		if (s->early.len > EARLY_HIGH)
			api_pause(s->request, true);
		return;
	}
	if (!len) {
		attach_input_close(s->input, true);
		s->input = NULL;
		s->wants_input = false;
	} else if (!attach_input_write(s->input, data, len, on_input_drain, s)) {
		api_pause(s->request, true);
	}
}

static void attach_set_size(struct stream *s, unsigned rows, unsigned columns)
{
	s->rows = rows;
	s->columns = columns;
	if (s->container->state == CONTAINER_RUNNING)
		container_resize(s->container, rows, columns);
}

static void attach_send_signal(struct stream *s, int signo)
{
	struct error ignored = ERROR_INIT;

	if (container_kill(s->container, signo, &ignored) < 0)
		return; /* it has ended */
}

static void attach_release(struct stream *s)
{
	container_watch_remove(&s->watch);
	if (s->logs)
		logs_stop(s->logs);
	if (s->input)
		attach_input_close(s->input, false);
}

static const struct stream_ops attach_ops = {attach_feed, attach_set_size, attach_send_signal,
					     attach_release};

static void attach_running(struct stream *s)
{
	struct error err = ERROR_INIT;

	if (s->rows)
		container_resize(s->container, s->rows, s->columns);
	if (!s->wants_input || s->input)
		return;
	if (attach_input_open(s->container, &s->input, &err) < 0) {
		s->wants_input = false;
		return;
	}
	if (!s->early.len ||
	    attach_input_write(s->input, s->early.data, s->early.len, on_input_drain, s))
		api_pause(s->request, false);
	buf_reset(&s->early);
	if (s->eof_early)
		attach_feed(s, NULL, 0);
}

static void on_attach_change(struct container_watch *w, struct container *c,
			     enum container_change what)
{
	struct stream *s = container_of(w, struct stream, watch);

	if (c == s->container && what == CONTAINER_CHANGED_STATE && c->state == CONTAINER_RUNNING)
		attach_running(s);
}

/* An exit frame of the log: the end, unless it is about to be restarted. */
static bool attach_exit(struct stream *s, const char *payload, size_t len)
{
	auto_json json_t *info = NULL;
	struct error err = ERROR_INIT;

	if (json_load_text(payload, len, &info, &err) < 0 || json_get_bool(info, "restarting"))
		return true;
	send_exit(s, (int)json_get_int(info, "exit_code", 0), NULL);
	attach_release(s);
	stream_free(s);
	return false;
}

static bool on_attach_data(void *arg, const char *data, size_t len)
{
	struct stream *s = arg;
	bool go_on = true;
	size_t at = 0;

	while (len - at >= SHIM_LOG_HEAD) {
		const unsigned char *h = (const unsigned char *)data + at;
		size_t size = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

		if ((h[0] == SHIM_LOG_STDOUT || h[0] == SHIM_LOG_STDERR) && !s->hidden[h[0]])
			go_on = stream_output(s->request, s->style, h[0], data + at + SHIM_LOG_HEAD,
					      size);
		else if (h[0] > SHIM_LOG_STDERR && !attach_exit(s, data + at + SHIM_LOG_HEAD, size))
			return true;
		at += SHIM_LOG_HEAD + size;
	}
	return go_on;
}

static void on_attach_end(void *arg, const struct error *err)
{
	struct stream *s = arg;

	s->logs = NULL;
	send_exit(s, s->container->exit_code, err);
	attach_release(s);
	stream_free(s);
}

static void on_attach_drain(void *arg)
{
	struct stream *s = arg;

	if (s->logs)
		logs_resume(s->logs);
}

void stream_attach_open(struct api_request *r, struct container *c,
			const struct stream_options *options)
{
	struct stream *s = stream_new(r, c, &attach_ops);
	struct logs_args args = {
		.container = c->id,
		.follow = true,
		.events = true,
		.attached = true,
		/* Of one that has not run everything is to come, and where its log ends may be
		 * found only after it has begun to write. */
		.tail = options->replay || c->state == CONTAINER_CREATED ? -1 : 0,
		.on_data = on_attach_data,
		.on_end = on_attach_end,
		.arg = s,
	};
	struct error err = ERROR_INIT;

	s->style = options->style;
	s->wants_input = options->input && c->config.stdin_open;
	s->keep_input = options->keep_input;
	s->hidden[1] = options->hide_stdout;
	s->hidden[2] = options->hide_stderr;
	s->keys = options->keys;
	s->watch.changed = on_attach_change;
	list_init(&s->watch.link);
	if (logs_start(r->daemon, &args, &s->logs, &err) < 0) {
		stream_free(s);
		api_reply_error(r, &err);
		return;
	}
	container_watch_add(r->daemon, &s->watch);
	r->on_drain = on_attach_drain;
	stream_open(s);
	if (c->state == CONTAINER_RUNNING)
		attach_running(s);
}

void stream_attach(struct api_request *r, struct container *c)
{
	const struct stream_options options = {
		.style = STREAM_FRAMES,
		.input = api_query_flag(r, "stdin"),
	};

	stream_attach_open(r, c, &options);
}
