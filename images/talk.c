/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See talk.h.  Two ends are counted in `pending`: that of the program and that of the socket. */
#include "images/talk.h"

#include <errno.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/file.h"
#include "base/json.h"
#include "images/helper.h"

#define CHUNK ((size_t)64 << 10)

static const char *const environment[] = {
	"CMP_CONFIG_DIR", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",  "https_proxy",   "NO_PROXY",
	"no_proxy",	  "ALL_PROXY",	"all_proxy",  "ASAN_OPTIONS", "UBSAN_OPTIONS", NULL,
};

struct image_talk {
	struct image_talk_args args;
	struct image_helper *program; /* NULL: it has ended */
	uv_pipe_t socket;
	struct buf in;
	unsigned pending;
	bool killed;
	struct error failure;
};

static void one_ended(struct image_talk *t)
{
	if (--t->pending)
		return;
	t->args.done(t->args.arg, t->failure.code ? &t->failure : NULL);
	buf_release(&t->in);
	free(t);
}

static void on_closed(uv_handle_t *handle)
{
	one_ended(handle->data);
}

static void close_socket(struct image_talk *t)
{
	if (!uv_is_closing((uv_handle_t *)&t->socket))
		uv_close((uv_handle_t *)&t->socket, on_closed);
}

static void on_program_end(void *arg, const char *output, const struct error *err)
{
	struct image_talk *t = arg;

	(void)output;
	t->program = NULL;
	if (err && !t->failure.code)
		t->failure = *err;
	one_ended(t);
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct image_talk *t = handle->data;

	(void)suggested;
	*ret = uv_buf_init(buf_reserve(&t->in, CHUNK), CHUNK);
	if (!ret->base)
		ret->len = 0; /* a frame is never that long: reading ends with an error */
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
	struct image_talk *t = stream->data;
	enum registry_frame kind;
	const char *data;
	size_t len;
	int r = 0;

	(void)chunk;
	if (n < 0) {
		close_socket(t);
		return;
	}
	t->in.len += (size_t)n;
	while (!t->killed &&
	       (r = registry_frame_next(&t->in, &kind, &data, &len, &t->failure)) > 0) {
		t->args.frame(t->args.arg, kind, data, len);
		registry_frame_drop(&t->in);
	}
	if (r < 0)
		image_talk_kill(t);
	if (t->killed)
		close_socket(t);
}

static int start_program(struct uv_loop_s *loop, struct image_talk *t, int socket,
			 struct error *err)
{
	const char *const argv[] = {t->args.root, NULL};
	struct image_helper_args args = {.program = "cmp-registry",
					 .argv = argv,
					 .pass = environment,
					 .input = -1,
					 .socket = socket,
					 .done = on_program_end,
					 .arg = t};

	if (file_mkdir_p(t->args.root, 0755, err) < 0)
		return -err->code;
	return image_helper_start(loop, &args, &t->program, err);
}

int image_talk_start(struct uv_loop_s *loop, const struct image_talk_args *args,
		     struct image_talk **ret, struct error *err)
{
	struct image_talk *t = xcalloc(1, sizeof(*t));
	int fds[2], r;

	t->args = *args;
	buf_init(&t->in, REGISTRY_CONFIG_MAX + CHUNK + REGISTRY_HEAD);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		free(t);
		return error_sys(err, errno, "make a socket");
	}
	r = start_program(loop, t, fds[1], err);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		free(t);
		return r;
	}
	t->args.root = NULL; /* the caller's */
	t->pending = 2;
	uv_pipe_init(loop, &t->socket, 0);
	t->socket.data = t;
	/* Fails only for what is no descriptor of a stream. */
	if (uv_pipe_open(&t->socket, fds[0]) < 0 ||
	    uv_read_start((uv_stream_t *)&t->socket, give_chunk, on_bytes) < 0)
		abort();
	*ret = t;
	return 0;
}

int image_talk_send(struct image_talk *t, enum registry_frame kind, json_t *request, int fd,
		    struct error *err)
{
	auto_json json_t *owned = request;
	auto_free char *text = json_text(owned);
	int socket;

	if (uv_fileno((uv_handle_t *)&t->socket, &socket) < 0)
		return error_set(err, EIO, "cmp-registry has gone");
	return registry_frame_send(socket, kind, text, strlen(text), fd, err);
}

void image_talk_finish(struct image_talk *t)
{
	int socket;

	if (uv_fileno((uv_handle_t *)&t->socket, &socket) == 0)
		shutdown(socket, SHUT_WR);
}

void image_talk_kill(struct image_talk *t)
{
	t->killed = true;
	if (t->program)
		image_helper_kill(t->program);
}
