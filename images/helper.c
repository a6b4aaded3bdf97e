/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See helper.h.  The ends of the process and of its outputs are counted in `pending`; the last one
 * tells. */
#include "images/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <uv.h>

#include "base/file.h"
#include "base/str.h"

#define REPLY_MAX ((size_t)16 << 10)
#define ARGS_MAX  8

/* One output, collected. */
struct reply {
	uv_pipe_t pipe;
	struct buf text;
	char chunk[4096];
};

struct image_helper {
	struct image_helper_args args;
	uv_process_t process;
	struct reply out, log;
	unsigned pending; /* handles that are open */
	bool started, exited;
	int64_t status;
	int signal;
};

static void helper_free(struct image_helper *h)
{
	buf_release(&h->out.text);
	buf_release(&h->log.text);
	free(h);
}

/* Why it did not do it. */
static int outcome(const struct image_helper *h, struct error *err)
{
	auto_free char *text = xstrdup(h->log.text.data ?: "");
	char *line = str_trim(text);

	if (!h->status && !h->signal)
		return 0;
	if (h->signal)
		return error_set(err, EIO, "%s was killed by signal %d", h->args.program,
				 h->signal);
	line[strcspn(line, "\n")] = '\0';
	if (*line && str_printable(line))
		return error_set(err, EBADMSG, "%s", line);
	return error_set(err, EBADMSG, "%s failed", h->args.program);
}

static void on_closed(uv_handle_t *handle)
{
	struct image_helper *h = handle->data;
	struct error err = ERROR_INIT;

	if (--h->pending)
		return;
	if (h->started) {
		int r = outcome(h, &err);

		h->args.done(h->args.arg, h->out.text.data ?: "", r < 0 ? &err : NULL);
	}
	helper_free(h);
}

static void close_once(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct image_helper *h = process->data;

	h->exited = true;
	h->status = status;
	h->signal = signal;
	close_once(&h->process);
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct reply *r = container_of((uv_pipe_t *)handle, struct reply, pipe);

	(void)suggested;
	*ret = uv_buf_init(r->chunk, sizeof(r->chunk));
}

static void on_reply(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
	struct reply *r = container_of((uv_pipe_t *)stream, struct reply, pipe);

	if (n < 0)
		close_once(stream);
	else
		buf_add(&r->text, chunk->base, (size_t)n); /* beyond REPLY_MAX: dropped */
}

static int find_program(const char *name, char *ret, size_t size, struct error *err)
{
	char dir[PATH_MAX];

	if (file_program_dir(dir, sizeof(dir), err) < 0)
		return -err->code;
	snprintf(ret, size, "%s/%s", dir, name);
	if (!file_exists(AT_FDCWD, ret))
		snprintf(ret, size, "%s/%s", PKGLIBEXECDIR, name);
	return 0;
}

static void init_reply(struct uv_loop_s *loop, struct image_helper *h, struct reply *r)
{
	uv_pipe_init(loop, &r->pipe, 0);
	r->pipe.data = h;
	h->pending++;
	buf_init(&r->text, REPLY_MAX);
}

static char **environment(const char *const *pass)
{
	char **env = NULL;

	for (; pass && *pass; pass++)
		if (getenv(*pass))
			strv_pushf(&env, "%s=%s", *pass, getenv(*pass));
	return env;
}

static uv_stdio_container_t inherited(int fd)
{
	return (uv_stdio_container_t){.flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = fd};
}

static int spawn(struct uv_loop_s *loop, struct image_helper *h, struct error *err)
{
	char program[PATH_MAX + 64];
	AUTO(strv_free) char **env = environment(h->args.pass);
	char *argv[ARGS_MAX + 2] = {program}, *no_env[] = {NULL};
	uv_stdio_container_t stdio[] = {
		inherited(h->args.input),
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (void *)&h->out.pipe},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (void *)&h->log.pipe},
		inherited(h->args.socket),
	};
	uv_process_options_t options = {.file = program,
					.args = argv,
					.env = env ?: no_env,
					.stdio = stdio,
					.stdio_count = h->args.socket < 0 ? 3 : 4,
					.exit_cb = on_exit_of};
	int r;

	for (size_t i = 0; i < ARGS_MAX && h->args.argv[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)h->args.argv[i];
	if (find_program(h->args.program, program, sizeof(program), err) < 0)
		return -err->code;
	r = uv_spawn(loop, &h->process, &options);
	return r < 0 ? error_sys(err, -r, "start %s", program) : 0;
}

int image_helper_start(struct uv_loop_s *loop, const struct image_helper_args *args,
		       struct image_helper **ret, struct error *err)
{
	struct image_helper *h = xcalloc(1, sizeof(*h));

	h->args = *args;
	init_reply(loop, h, &h->out);
	init_reply(loop, h, &h->log);
	/* A process handle that was never spawned has nothing to close. */
	uv_handle_set_data((uv_handle_t *)&h->process, h);
	if (spawn(loop, h, err) < 0) {
		if (h->process.loop) {
			h->pending++;
			close_once(&h->process);
		}
		close_once(&h->out.pipe);
		close_once(&h->log.pipe);
		return -err->code;
	}
	h->pending++;
	h->started = true;
	uv_read_start((uv_stream_t *)&h->out.pipe, give_chunk, on_reply);
	uv_read_start((uv_stream_t *)&h->log.pipe, give_chunk, on_reply);
	*ret = h;
	return 0;
}

void image_helper_kill(struct image_helper *h)
{
	if (!h->exited)
		uv_process_kill(&h->process, SIGKILL);
}
