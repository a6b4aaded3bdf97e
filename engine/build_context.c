/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The context arrives as a tar stream and goes to a cmp-layer, which unpacks it below the session's
 * directory.  What cannot be written yet waits; beyond a limit the client is asked to stop.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "engine/build_int.h"

#define HIGH_BYTES ((size_t)4 << 20)
#define LOW_BYTES  ((size_t)1 << 20)

struct build_context {
	struct build *build;
	struct image_helper *helper; /* NULL: it has ended */
	uv_pipe_t pipe;
	unsigned ends; /* to come: of the program and of the pipe */
	size_t queued;
	bool eof, full, broken, failed;
};

struct chunk {
	uv_write_t request;
	struct build_context *c;
	size_t len;
	char data[];
};

static void one_ended(struct build_context *c)
{
	struct build *b = c->build;
	bool failed = c->failed;

	if (--c->ends)
		return;
	free(c);
	b->context = NULL;
	if (build_op_end(b) && !failed)
		build_context_done(b);
}

static void on_closed(uv_handle_t *handle)
{
	one_ended(handle->data);
}

static void close_pipe(struct build_context *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_closed);
}

/* The program has ended: whatever is still in the pipe is of no use. */
static void on_unpacked(void *arg, const char *output, const struct error *err)
{
	struct build_context *c = arg;
	struct error failure = err ? *err : ERROR_INIT;

	(void)output;
	c->helper = NULL;
	c->broken = true;
	if (err) {
		c->failed = true;
		error_wrap(&failure, "unpack the build context");
		build_fail(c->build, NULL, &failure, NULL);
	}
	close_pipe(c);
	one_ended(c);
}

static int spawn(struct build_context *c, int input, struct error *err)
{
	const char *argv[] = {"--passing", c->build->context_dir, "-", NULL};
	struct image_helper_args args = {
		.program = "cmp-layer",
		.argv = argv,
		.input = input,
		.socket = -1,
		.done = on_unpacked,
		.arg = c,
	};

	return image_helper_start(c->build->daemon->loop, &args, &c->helper, err);
}

int build_context_start(struct build *b, struct error *err)
{
	struct build_context *c;
	auto_fd int in = -1, out = -1;
	int fds[2];

	b->context_dir = xasprintf("%s/context", image_build_dir(b->session));
	if (file_mkdir_p(b->context_dir, 0755, err) < 0)
		return -err->code;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	in = fds[0];
	out = fds[1];
	c = xcalloc(1, sizeof(*c));
	c->build = b;
	c->ends = 2;
	if (spawn(c, in, err) < 0) {
		free(c);
		return -err->code;
	}
	uv_pipe_init(b->daemon->loop, &c->pipe, 0);
	c->pipe.data = c;
	b->context = c;
	build_op_begin(b);
	if (uv_pipe_open(&c->pipe, out) < 0)
		abort(); /* it fails for bad descriptors only */
	steal_fd(&out);
	return 0;
}

static void on_written(uv_write_t *request, int status)
{
	struct chunk *k = container_of(request, struct chunk, request);
	struct build_context *c = k->c;
	struct build *b = c->build;

	c->queued -= k->len;
	c->broken |= status < 0;
	free(k);
	if (c->full && c->queued <= LOW_BYTES) {
		c->full = false;
		if (!b->cancelled)
			b->sink.drain(b->sink.arg);
	}
	/* The end of the stream is the end of the pipe, once all has been written. */
	if (c->eof && !c->queued)
		close_pipe(c);
}

bool build_context_write(struct build *b, const char *data, size_t len)
{
	struct build_context *c = b->context;
	struct chunk *k;
	uv_buf_t buf;

	if (!c || c->broken || c->eof || !len)
		return true;
	k = xmalloc(sizeof(*k) + len);
	k->c = c;
	k->len = len;
	memcpy(k->data, data, len);
	buf = uv_buf_init(k->data, (unsigned)len);
	c->queued += len;
	if (uv_write(&k->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		c->queued -= len;
		c->broken = true;
		free(k);
	}
	c->full = c->queued > HIGH_BYTES;
	return !c->full;
}

void build_context_eof(struct build *b)
{
	struct build_context *c = b->context;

	if (!c)
		return;
	c->eof = true;
	if (!c->queued)
		close_pipe(c);
}

void build_context_cancel(struct build *b)
{
	struct build_context *c = b->context;

	if (!c)
		return;
	c->failed = true;
	c->broken = true;
	if (c->helper)
		image_helper_kill(c->helper);
	close_pipe(c);
}
