/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input of a container's main process: the shim lends its write end (or the terminal's
 * master).  What is written before it has arrived waits.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/container_int.h"
#include "engine/exec.h"

#define QUEUE_HIGH ((size_t)1 << 20)
#define EARLY_HIGH (QUEUE_HIGH / 2) /* of what waits for the descriptor; more still has room */

struct attach_input {
	struct container *container; /* referenced */
	uv_pipe_t pipe;
	bool open, asked, closing, eof;
	struct buf early;
	size_t queued;
	void (*on_drain)(void *arg);
	void *drain_arg;
};

struct write {
	uv_write_t req;
	struct attach_input *input;
	size_t len;
	char data[];
};

static void on_closed(uv_handle_t *h)
{
	struct attach_input *a = container_of((uv_pipe_t *)(void *)h, struct attach_input, pipe);

	if (a->eof && a->container->shim)
		shim_stdin_close(a->container->shim);
	container_unref(a->container);
	buf_release(&a->early);
	free(a);
}

static void maybe_close(struct attach_input *a)
{
	if (a->closing && !a->asked && !a->queued && !uv_is_closing((uv_handle_t *)&a->pipe))
		uv_close((uv_handle_t *)&a->pipe, on_closed);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);
	struct attach_input *a = w->input;
	void (*on_drain)(void *) = a->on_drain;

	a->queued -= w->len;
	free(w);
	if (status < 0)
		a->open = false;
	if (on_drain && !a->closing && a->queued <= QUEUE_HIGH / 2) {
		a->on_drain = NULL;
		on_drain(a->drain_arg);
	}
	maybe_close(a);
}

static void send_input(struct attach_input *a, const char *data, size_t len)
{
	struct write *w = xmalloc(sizeof(*w) + len);
	uv_buf_t buf;

	w->input = a;
	w->len = len;
	memcpy(w->data, data, len);
	buf = uv_buf_init(w->data, (unsigned)len);
	a->queued += len;
	if (uv_write(&w->req, (uv_stream_t *)&a->pipe, &buf, 1, on_written) < 0) {
		a->queued -= len;
		free(w);
	}
}

static void on_lent(void *arg, int fd, const struct error *err)
{
	struct attach_input *a = arg;

	a->asked = false;
	if (!err && uv_pipe_open(&a->pipe, fd) == 0) {
		a->open = true;
		if (a->early.len)
			send_input(a, a->early.data, a->early.len);
	}
	buf_reset(&a->early);
	maybe_close(a);
}

int attach_input_open(struct container *c, struct attach_input **ret, struct error *err)
{
	struct attach_input *a;
	int r;

	if (!c->shim)
		return error_set(err, EBUSY, "container %s is not running", c->name);
	a = xcalloc(1, sizeof(*a));
	a->container = container_ref(c);
	buf_init(&a->early, QUEUE_HIGH);
	uv_pipe_init(c->daemon->loop, &a->pipe, 0);
	a->asked = true;
	r = shim_stdin(c->shim, on_lent, a, err);
	if (r < 0) {
		a->asked = false;
		a->closing = true;
		maybe_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

bool attach_input_write(struct attach_input *a, const char *data, size_t len,
			void (*on_drain)(void *arg), void *arg)
{
	if (a->asked)
		buf_add(&a->early, data, len);
	else if (a->open)
		send_input(a, data, len);
	if (a->queued <= QUEUE_HIGH && a->early.len <= EARLY_HIGH)
		return true;
	a->on_drain = on_drain;
	a->drain_arg = arg;
	return false;
}

void attach_input_close(struct attach_input *a, bool eof)
{
	a->closing = true;
	a->on_drain = NULL;
	/* A terminal has no end of file to give. */
	a->eof = eof && !a->container->config.tty;
	maybe_close(a);
}

void container_resize(struct container *c, unsigned rows, unsigned columns)
{
	if (c->shim)
		shim_resize(c->shim, 0, rows, columns);
}
