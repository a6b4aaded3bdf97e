/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One poll loop over standard input, the connection and a signalfd.  The terminal's mode is
 * restored on every way out, a fatal signal included, because signals only ever arrive through the
 * descriptor.
 */
#include "cli/stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/json.h"

#define FRAME_HEAD 8
#define FRAME_MAX  ((size_t)1 << 20)
#define CHUNK	   ((size_t)32 << 10)

enum { FRAME_STDIN, FRAME_STDOUT, FRAME_STDERR, FRAME_EXIT, FRAME_RESIZE, FRAME_SIGNAL };

struct session {
	int fd, signals;
	const struct stream_options *options;
	struct buf in;	/* from the connection */
	struct buf out; /* for the connection: what it did not take at once */
	struct termios saved;
	bool raw, stdin_done, exited;
	bool deaf; /* the other side takes no more input; what it says is still to be read */
	int exit;
};

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Never waits: who is stuck in sending does not read, and then neither side goes on. */
static int flush_out(struct session *s, struct error *err)
{
	size_t at = 0;

	while (at < s->out.len && !s->deaf) {
		ssize_t n =
			send(s->fd, s->out.data + at, s->out.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != EPIPE && errno != ECONNRESET)
			return error_sys(err, errno, "send to the supervisor");
		s->deaf = n < 0;
		at += n < 0 ? 0 : (size_t)n;
	}
	buf_consume(&s->out, s->deaf ? s->out.len : at);
	return 0;
}

static int send_frame(struct session *s, int type, const void *data, size_t len, struct error *err)
{
	unsigned char head[FRAME_HEAD] = {(unsigned char)type};

	head[4] = (unsigned char)(len >> 24);
	head[5] = (unsigned char)(len >> 16);
	head[6] = (unsigned char)(len >> 8);
	head[7] = (unsigned char)len;
	buf_add(&s->out, head, sizeof(head));
	if (len)
		buf_add(&s->out, data, len);
	if (s->out.overflow)
		return error_set(err, ENOBUFS, "the supervisor takes no input");
	return flush_out(s, err);
}

static int send_size(struct session *s, struct error *err)
{
	unsigned char size[4];
	struct winsize ws;

	if (!s->options->tty || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return 0;
	size[0] = (unsigned char)(ws.ws_row >> 8);
	size[1] = (unsigned char)ws.ws_row;
	size[2] = (unsigned char)(ws.ws_col >> 8);
	size[3] = (unsigned char)ws.ws_col;
	return send_frame(s, FRAME_RESIZE, size, sizeof(size), err);
}

static void raw_mode(struct session *s)
{
	struct termios raw;

	if (!s->options->tty || tcgetattr(STDIN_FILENO, &s->saved) < 0)
		return;
	raw = s->saved;
	cfmakeraw(&raw);
	s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int take_exit(struct session *s, const char *data, size_t len, struct error *err)
{
	auto_json json_t *info = NULL;
	int r = json_load_text(data, len, &info, err);

	if (r < 0)
		return r;
	/* Why it did not start goes with the status that a shell would give: 126 or 127. */
	s->exit = (int)json_get_int(info, "exit_code", 0);
	if (json_get_str(info, "error") && !s->exit)
		return error_set(err, EIO, "%s", json_get_str(info, "error"));
	if (json_get_str(info, "error"))
		fprintf(stderr, "%s\n", json_get_str(info, "error"));
	s->exited = true;
	return 0;
}

static int take_frames(struct session *s, struct error *err)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && s->in.len - at >= FRAME_HEAD && !s->exited) {
		const unsigned char *h = (const unsigned char *)s->in.data + at;
		size_t len = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
		const char *payload = s->in.data + at + FRAME_HEAD;

		if (len > FRAME_MAX)
			return error_set(err, EBADMSG, "the supervisor's stream is damaged");
		if (s->in.len - at - FRAME_HEAD < len)
			break;
		if (h[0] == FRAME_STDOUT || h[0] == FRAME_STDERR)
			write_all(h[0] == FRAME_STDOUT ? STDOUT_FILENO : STDERR_FILENO, payload,
				  len);
		else if (h[0] == FRAME_EXIT)
			r = take_exit(s, payload, len, err);
		at += FRAME_HEAD + len;
	}
	buf_consume(&s->in, at);
	return r;
}

static int on_connection(struct session *s, struct error *err)
{
	char *at = buf_reserve(&s->in, CHUNK);
	ssize_t n = at ? recv(s->fd, at, CHUNK, 0) : -1;

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return error_sys(err, errno, "read from the supervisor");
	if (n == 0)
		return error_set(err, ECONNRESET, "the supervisor closed the stream");
	s->in.len += (size_t)n;
	return take_frames(s, err);
}

static int on_stdin(struct session *s, struct error *err)
{
	char data[CHUNK];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		s->stdin_done = true;
	return send_frame(s, FRAME_STDIN, data, n > 0 ? (size_t)n : 0, err);
}

static int on_signal(struct session *s, struct error *err)
{
	struct signalfd_siginfo info;
	unsigned char number;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo == SIGWINCH)
		return send_size(s, err);
	number = (unsigned char)info.ssi_signo;
	if (s->options->forward_signals)
		return send_frame(s, FRAME_SIGNAL, &number, 1, err);
	return error_set(err, EINTR, "interrupted");
}

static bool takes_stdin(const struct session *s)
{
	return !s->stdin_done && !s->deaf && !s->out.len;
}

static int loop(struct session *s, struct error *err)
{
	int r = take_frames(s, err);

	while (r == 0 && !s->exited) {
		struct pollfd fds[] = {
			{.fd = s->fd, .events = (short)(s->out.len ? POLLIN | POLLOUT : POLLIN)},
			{.fd = s->signals, .events = POLLIN},
			{.fd = takes_stdin(s) ? STDIN_FILENO : -1, .events = POLLIN},
		};

		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return error_sys(err, errno, "wait for the stream");
		if (fds[1].revents)
			r = on_signal(s, err);
		if (r == 0 && fds[0].revents & POLLOUT)
			r = flush_out(s, err);
		if (r == 0 && fds[0].revents & ~POLLOUT)
			r = on_connection(s, err);
		if (r == 0 && fds[2].revents && !s->exited)
			r = on_stdin(s, err);
	}
	return r;
}

static int open_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int stream_serve(struct client *c, const struct stream_options *options, int *ret_exit,
		 struct error *err)
{
	struct session s = {.fd = client_fd(c), .signals = -1, .options = options};
	sigset_t old;
	int r;

	buf_init(&s.in, 2 * FRAME_MAX);
	buf_init(&s.out, FRAME_MAX);
	r = client_upgraded(c, &s.in, err);
	if (r < 0)
		goto out;
	s.signals = open_signals(&old);
	if (!options->stdin_open) {
		s.stdin_done = true;
		r = send_frame(&s, FRAME_STDIN, NULL, 0, err);
	}
	raw_mode(&s);
	if (r == 0)
		r = send_size(&s, err);
	if (r == 0 && options->on_open)
		r = options->on_open(options->arg, err);
	if (r == 0)
		r = loop(&s, err);
	if (s.raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &s.saved);
	close(s.signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		*ret_exit = s.exit;
out:
	buf_release(&s.in);
	buf_release(&s.out);
	return r;
}
