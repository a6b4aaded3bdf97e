/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See feed.h.  Two ends are counted in `pending`: that of the program and that of its input. */
#include "images/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <uv.h>

#include "images/helper.h"

#define HIGH_BYTES ((size_t)4 << 20) /* asks the caller to stop */
#define LOW_BYTES  ((size_t)1 << 20)

struct image_feed {
	struct image_feed_args args;
	struct image_helper *helper; /* NULL: it has ended */
	char *output;
	struct error failure;
	uv_pipe_t input;
	unsigned pending;
	size_t queued_bytes;
	bool asked_to_stop, ended;
};

static void one_ended(struct image_feed *f)
{
	if (--f->pending)
		return;
	f->args.done(f->args.arg, f->output, f->failure.code ? &f->failure : NULL);
	free(f->output);
	free(f);
}

static void on_input_closed(uv_handle_t *handle)
{
	one_ended(handle->data);
}

static void close_input(struct image_feed *f)
{
	if (!uv_is_closing((uv_handle_t *)&f->input))
		uv_close((uv_handle_t *)&f->input, on_input_closed);
}

static void drained(struct image_feed *f)
{
	if (!f->asked_to_stop)
		return;
	f->asked_to_stop = false;
	if (f->args.on_drain)
		f->args.on_drain(f->args.arg);
}

static void on_helper_end(void *arg, const char *output, const struct error *err)
{
	struct image_feed *f = arg;

	f->helper = NULL;
	f->output = xstrdup(output);
	if (err)
		f->failure = *err;
	f->ended = true; /* writes are dropped from now on */
	close_input(f);
	drained(f);
	one_ended(f);
}

int image_feed_start(struct uv_loop_s *loop, const struct image_feed_args *args,
		     struct image_feed **ret, struct error *err)
{
	struct image_feed *f = xcalloc(1, sizeof(*f));
	struct image_helper_args helper = {.program = args->program,
					   .argv = args->argv,
					   .socket = -1,
					   .done = on_helper_end,
					   .arg = f};
	int fds[2], r;

	f->args = *args;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(f);
		return error_sys(err, errno, "make a pipe");
	}
	helper.input = fds[0];
	r = image_helper_start(loop, &helper, &f->helper, err);
	close(fds[0]);
	if (r < 0) {
		close(fds[1]);
		free(f);
		return r;
	}
	uv_pipe_init(loop, &f->input, 0);
	f->input.data = f;
	f->pending = 2;
	/* Fails only for what is no descriptor of a stream. */
	if (uv_pipe_open(&f->input, fds[1]) < 0)
		abort();
	*ret = f;
	return 0;
}

struct chunk {
	uv_write_t request;
	struct image_feed *feed;
	size_t len;
	char data[];
};

static void on_written(uv_write_t *request, int status)
{
	struct chunk *c = container_of(request, struct chunk, request);
	struct image_feed *f = c->feed;

	(void)status; /* that the program is gone is told by its exit */
	f->queued_bytes -= c->len;
	free(c);
	if (f->queued_bytes <= LOW_BYTES)
		drained(f);
}

int image_feed_write(struct image_feed *f, const char *data, size_t len)
{
	struct chunk *c;
	uv_buf_t buf;

	if (f->ended || !len)
		return 0;
	c = xmalloc(sizeof(*c) + len);
	c->feed = f;
	c->len = len;
	memcpy(c->data, data, len);
	buf = uv_buf_init(c->data, (unsigned)len);
	if (uv_write(&c->request, (uv_stream_t *)&f->input, &buf, 1, on_written) < 0) {
		free(c);
		return 0;
	}
	f->queued_bytes += len;
	f->asked_to_stop = f->queued_bytes > HIGH_BYTES;
	return f->asked_to_stop;
}

static void on_shut(uv_shutdown_t *request, int status)
{
	struct image_feed *f = request->data;

	(void)status;
	free(request);
	close_input(f);
}

void image_feed_eof(struct image_feed *f)
{
	uv_shutdown_t *request;

	if (f->ended)
		return;
	f->ended = true;
	request = xcalloc(1, sizeof(*request));
	request->data = f;
	if (uv_shutdown(request, (uv_stream_t *)&f->input, on_shut) < 0) {
		free(request);
		close_input(f);
	}
}

void image_feed_kill(struct image_feed *f)
{
	f->ended = true;
	if (f->helper)
		image_helper_kill(f->helper);
}
