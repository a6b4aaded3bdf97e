/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A further process: compiled, handed to the shim with the container's ends of three pipes (or a
 * terminal that comes back), its output read here.  The exec ends when the process has ended and
 * its output with it; it is freed when the last handle has closed.
 */
#include "engine/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "engine/container_int.h"

#define READ_BYTES    ((size_t)64 << 10)
#define QUEUE_HIGH    ((size_t)1 << 20)
#define DRAIN_WAIT_MS 200 /* for output that somebody else in the container still holds open */
#define DRAIN_STEP_MS 20
#define DRAIN_STEPS   250 /* as long as there is something to read */

enum { IN, OUT, ERR, STREAMS };

struct stream {
	uv_pipe_t pipe;
	bool open;
	int fd; /* as on_output tells it */
};

struct exec {
	struct container *container; /* referenced */
	struct exec_args args;	     /* strings in it are not used after the start */
	uint32_t process;
	struct stream streams[STREAMS];
	uv_timer_t timer;
	unsigned handles;
	int terminal; /* its master, for the size; -1 */
	unsigned rows, columns;
	bool started, exited, detached, paused, done, stdin_closed;
	bool progress;	      /* something was read since the last look */
	unsigned drain_steps; /* looks since the end */
	int exit_code;
	struct error err;
	size_t queued;
	void (*on_drain)(void *arg);
};

static void finish(struct exec *e);

static struct exec *exec_of(struct stream *s)
{
	return s->pipe.data;
}

/* ---- the end */

static void maybe_free(struct exec *e)
{
	if (!e->done || e->handles)
		return;
	if (e->terminal >= 0)
		close(e->terminal);
	container_unref(e->container);
	free(e);
}

static void on_stream_closed(uv_handle_t *h)
{
	struct exec *e = h->data;

	e->handles--;
	finish(e);
	maybe_free(e);
}

static void close_stream(struct stream *s)
{
	if (!s->open)
		return;
	s->open = false;
	uv_close((uv_handle_t *)&s->pipe, on_stream_closed);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct exec *e = h->data;

	e->handles--;
	maybe_free(e);
}

/* Tells once, when the process has ended and nothing more can be read. */
static void finish(struct exec *e)
{
	if (e->done || !e->exited || e->streams[OUT].open || e->streams[ERR].open)
		return;
	e->done = true;
	close_stream(&e->streams[IN]);
	uv_timer_stop(&e->timer);
	uv_close((uv_handle_t *)&e->timer, on_timer_closed);
	if (!e->detached)
		e->args.on_exit(e->args.arg, e->exit_code, e->err.code ? &e->err : NULL);
}

static void on_late(uv_timer_t *timer)
{
	struct exec *e = timer->data;
	bool first = !e->drain_steps;

	/* A busy loop comes here before it has read what was there in time. */
	if (e->paused || ((first || e->progress) && e->drain_steps++ < DRAIN_STEPS)) {
		e->progress = false;
		uv_timer_start(timer, on_late, DRAIN_STEP_MS, 0);
		return;
	}
	close_stream(&e->streams[OUT]);
	close_stream(&e->streams[ERR]);
}

static void process_ended(struct exec *e, int exit_code)
{
	e->exited = true;
	e->exit_code = exit_code;
	if (!e->done && (e->streams[OUT].open || e->streams[ERR].open))
		uv_timer_start(&e->timer, on_late, DRAIN_WAIT_MS, 0);
	finish(e);
}

/* ---- output */

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	(void)h;
	(void)size;
	*buf = uv_buf_init(xmalloc(READ_BYTES), READ_BYTES);
}

static void stop_reading(struct exec *e)
{
	size_t i;

	e->paused = true;
	for (i = OUT; i < STREAMS; i++)
		if (e->streams[i].open)
			uv_read_stop((uv_stream_t *)&e->streams[i].pipe);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = container_of((uv_pipe_t *)(void *)stream, struct stream, pipe);
	struct exec *e = exec_of(s);
	bool go_on = true;

	e->progress |= n > 0;
	if (n > 0 && !e->detached && e->args.on_output)
		go_on = e->args.on_output(e->args.arg, s->fd, buf->base, (size_t)n);
	free(buf->base);
	if (n < 0) /* EOF; EIO of a terminal */
		close_stream(s);
	else if (!go_on)
		stop_reading(e);
}

static void start_reading(struct exec *e)
{
	size_t i;

	e->paused = false;
	for (i = OUT; i < STREAMS; i++)
		if (e->streams[i].open)
			uv_read_start((uv_stream_t *)&e->streams[i].pipe, on_alloc, on_read);
}

void exec_resume(struct exec *e)
{
	if (e->paused && !e->done)
		start_reading(e);
}

/* ---- starting */

static int open_stream(struct exec *e, int which, int fd)
{
	struct stream *s = &e->streams[which];

	uv_pipe_init(e->container->daemon->loop, &s->pipe, 0);
	s->pipe.data = e;
	s->fd = which;
	e->handles++;
	s->open = true;
	return uv_pipe_open(&s->pipe, fd);
}

static void on_started(void *arg, int pid, int terminal_fd, const struct error *err)
{
	struct exec *e = arg;

	if (err) {
		e->err = *err;
		error_wrap(&e->err, "exec in container %s", e->container->name);
		close_stream(&e->streams[OUT]);
		close_stream(&e->streams[ERR]);
		process_ended(e, err->code == ENOENT ? 127 : err->code == EACCES ? 126 : 128);
		return;
	}
	e->started = true;
	if (terminal_fd >= 0) {
		e->terminal = fcntl(terminal_fd, F_DUPFD_CLOEXEC, 0);
		open_stream(e, OUT, terminal_fd);
		if (e->rows)
			exec_resize(e, e->rows, e->columns);
	}
	if (!e->args.stdin_open)
		exec_close_stdin(e);
	start_reading(e);
	if (!e->detached && e->args.on_started)
		e->args.on_started(e->args.arg, pid);
}

static void on_exited(void *arg, const struct shim_exit *exit)
{
	struct exec *e = arg;

	if (!e->exited)
		process_ended(e, exit->status);
}

/* Pipes: ours become streams, the container's ends go to the shim. */
static int make_pipes(struct exec *e, int theirs[STREAMS], struct error *err)
{
	int i, p[2];

	for (i = 0; i < STREAMS; i++)
		theirs[i] = -1;
	for (i = e->args.stdin_open ? IN : OUT; i < STREAMS; i++) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return error_sys(err, errno, "make a pipe");
		theirs[i] = p[i == IN ? 0 : 1];
		open_stream(e, i, p[i == IN ? 1 : 0]);
	}
	if (theirs[IN] < 0)
		theirs[IN] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return theirs[IN] < 0 ? error_sys(err, errno, "open /dev/null") : 0;
}

static struct exec *exec_new(struct container *c, const struct exec_args *args)
{
	struct exec *e = xcalloc(1, sizeof(*e));

	e->container = container_ref(c);
	e->args = *args;
	e->terminal = -1;
	e->rows = args->rows;
	e->columns = args->columns;
	uv_timer_init(c->daemon->loop, &e->timer);
	e->timer.data = e;
	e->handles = 1;
	return e;
}

/* Nothing was started: no callback. */
static void discard(struct exec *e)
{
	size_t i;

	e->detached = e->exited = true;
	for (i = 0; i < STREAMS; i++)
		close_stream(&e->streams[i]);
	finish(e);
}

int exec_start(struct container *c, const struct exec_args *args, struct exec **ret,
	       struct error *err)
{
	auto_buf struct buf program = {.max = (size_t)4 << 20};
	int theirs[STREAMS] = {-1, -1, -1}, i, r = 0;
	struct shim_exec_args call = {.started = on_started, .exited = on_exited};
	struct exec *e;

	if (c->out_of_reach)
		return error_set(err, EBUSY,
				 "cannot exec in container %s: its shim does not answer", c->name);
	if (c->state != CONTAINER_RUNNING || !c->shim)
		return error_set(err, EBUSY, "cannot exec in container %s: it is %s", c->name,
				 container_state_name(c->state));
	r = container_compile_exec(c, args, &program, err);
	if (r < 0)
		return error_wrap(err, "exec in container %s", c->name);
	e = exec_new(c, args);
	if (!args->tty)
		r = make_pipes(e, theirs, err);
	call.program = program.data;
	call.len = program.len;
	call.fds = args->tty ? NULL : theirs;
	call.arg = e;
	if (r == 0)
		r = shim_exec(c->shim, &call, &e->process, err);
	for (i = 0; i < STREAMS; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (r < 0) {
		discard(e);
		return error_wrap(err, "exec in container %s", c->name);
	}
	*ret = e;
	return 0;
}

/* ---- input */

struct write {
	uv_write_t req;
	struct exec *exec;
	size_t len;
	char data[];
};

static void on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);
	struct exec *e = w->exec;
	void (*on_drain)(void *) = e->on_drain;

	e->queued -= w->len;
	free(w);
	if (status < 0)
		close_stream(&e->streams[IN]);
	if (on_drain && e->queued <= QUEUE_HIGH / 2 && !e->detached && !e->done) {
		e->on_drain = NULL;
		on_drain(e->args.arg);
	}
}

bool exec_write(struct exec *e, const char *data, size_t len, void (*on_drain)(void *arg))
{
	struct stream *s = e->terminal >= 0 ? &e->streams[OUT] : &e->streams[IN];
	struct write *w;
	uv_buf_t buf;

	if (!s->open || e->stdin_closed)
		return true;
	w = xmalloc(sizeof(*w) + len);
	w->exec = e;
	w->len = len;
	memcpy(w->data, data, len);
	buf = uv_buf_init(w->data, (unsigned)len);
	e->queued += len;
	if (uv_write(&w->req, (uv_stream_t *)&s->pipe, &buf, 1, on_written) < 0) {
		e->queued -= len;
		free(w);
		return true;
	}
	if (e->queued <= QUEUE_HIGH)
		return true;
	e->on_drain = on_drain;
	return false;
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct exec *e = req->data;

	(void)status;
	free(req);
	close_stream(&e->streams[IN]);
}

void exec_close_stdin(struct exec *e)
{
	uv_shutdown_t *req;

	if (e->stdin_closed || !e->streams[IN].open)
		return;
	e->stdin_closed = true;
	req = xcalloc(1, sizeof(*req));
	req->data = e;
	if (uv_shutdown(req, (uv_stream_t *)&e->streams[IN].pipe, on_shutdown) < 0) {
		free(req);
		close_stream(&e->streams[IN]);
	}
}

void exec_resize(struct exec *e, unsigned rows, unsigned columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	e->rows = rows;
	e->columns = columns;
	if (e->terminal >= 0)
		ioctl(e->terminal, TIOCSWINSZ, &size);
}

int exec_signal(struct exec *e, int signo, struct error *err)
{
	if (e->exited || !e->container->shim)
		return error_set(err, ESRCH, "the process has ended");
	return shim_signal(e->container->shim, e->process, signo, err);
}

void exec_detach(struct exec *e)
{
	e->detached = true;
	e->on_drain = NULL;
	exec_close_stdin(e);
	exec_resume(e);
}
