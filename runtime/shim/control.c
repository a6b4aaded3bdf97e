/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol's end on this side: see runtime/protocol.h.  One function a request, in one table.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define SEND_SECONDS 5

struct packet {
	struct shim_message m;
	char payload[SHIM_PAYLOAD_MAX];
	int fds[SHIM_FDS_MAX];
	unsigned fd_count;
};

/* ---- sending */

static void lose(struct shim *s)
{
	if (s->control < 0)
		return;
	close(s->control);
	s->control = -1;
	if (!s->goodbye)
		respawn_want(s);
}

bool send_packet(int sock, const struct iovec *iov, size_t iov_count, const int *fds,
		 unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)] = {0};
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iov_count};
	struct cmsghdr *c;

	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) >= 0;
}

int control_send(struct shim *s, const struct shim_message *m, const void *payload, const int *fds,
		 unsigned count)
{
	const struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = m->len},
	};
	int r;

	if (s->control < 0)
		return -ENOTCONN;
	if (send_packet(s->control, iov, m->len ? 2 : 1, fds, count))
		return 0;
	r = -errno;
	lose(s);
	return r;
}

void control_say(struct shim *s, uint32_t type, uint32_t seq, uint32_t process, int32_t arg)
{
	struct shim_message m = {.type = type, .seq = seq, .process = process, .arg = arg};

	control_send(s, &m, NULL, NULL, 0);
}

void control_fail(struct shim *s, uint32_t seq, uint32_t process, uint32_t op, int code,
		  const char *detail)
{
	struct {
		struct shim_failure f;
		char detail[DETAIL_MAX];
	} say = {.f = {.op = op, .code = code}};
	size_t len = strnlen(detail, DETAIL_MAX - 1);
	struct shim_message m = {
		.type = SHIM_FAILED,
		.seq = seq,
		.process = process,
		.arg = code,
		.len = (uint32_t)(sizeof(say.f) + len),
	};

	memcpy(say.detail, detail, len);
	control_send(s, &m, &say, NULL, 0);
}

/* ---- requests */

static void on_hello(struct shim *s, struct packet *p)
{
	struct shim_state state = {.version = SHIM_VERSION, .started_ns = s->started_ns};
	struct shim_message m = {
		.type = SHIM_STATE,
		.seq = p->m.seq,
		.arg = s->processes[0].pid,
		.len = sizeof(state),
	};
	int fds[3] = {s->pidfd, s->dns[0], s->dns[1]};
	size_t i;

	control_send(s, &m, &state, fds, s->dns[0] >= 0 && s->dns[1] >= 0 ? 3 : 1);
	for (i = 0; i < SHIM_KEPT_MAX; i++) {
		if (!s->kept[i].len)
			continue;
		m = (struct shim_message){
			.type = SHIM_KEPT, .seq = p->m.seq, .len = s->kept[i].len};
		control_send(s, &m, s->kept[i].name, &s->kept[i].fd, 1);
	}
	control_say(s, SHIM_STATE_END, p->m.seq, 0, 0);
}

static void on_signal(struct shim *s, struct packet *p)
{
	struct process *further = p->m.process ? find_process(s, p->m.process) : NULL;
	int r = -1;

	errno = ESRCH;
	if (!p->m.process)
		r = (int)syscall(SYS_pidfd_send_signal, s->pidfd, p->m.arg, NULL, 0);
	else if (further && further->pid > 0)
		r = kill(further->pid, p->m.arg);
	control_say(s, SHIM_DONE, p->m.seq, p->m.process, r < 0 ? errno : 0);
}

static void on_exec(struct shim *s, struct packet *p)
{
	launch_exec(s, &p->m, p->fds, p->fd_count);
}

static void on_resize(struct shim *s, struct packet *p)
{
	struct winsize size = {
		.ws_row = (unsigned short)((uint32_t)p->m.arg >> 16),
		.ws_col = (unsigned short)p->m.arg,
	};

	if (!p->m.process && s->machine.program->flags & PROGRAM_TTY && s->out >= 0)
		ioctl(s->out, TIOCSWINSZ, &size);
}

static void on_stdin(struct shim *s, struct packet *p)
{
	struct shim_message m = {.type = SHIM_DONE, .seq = p->m.seq};
	int fd = s->machine.program->flags & PROGRAM_TTY ? s->out : s->in;

	if (fd < 0)
		control_fail(s, p->m.seq, 0, 0, EPIPE, "");
	else
		control_send(s, &m, NULL, &fd, 1);
}

static void on_stdin_close(struct shim *s, struct packet *p)
{
	(void)p;
	if (s->in >= 0)
		close(s->in);
	s->in = -1;
}

static struct kept *find_kept(struct shim *s, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < SHIM_KEPT_MAX; i++)
		if (s->kept[i].len == len && !memcmp(s->kept[i].name, name, len))
			return &s->kept[i];
	return NULL;
}

static void drop_kept(struct kept *k)
{
	if (!k)
		return;
	close(k->fd);
	k->len = 0;
}

static void on_keep(struct shim *s, struct packet *p)
{
	struct kept *k;
	size_t i;
	int code = 0;

	if (!p->m.len || p->m.len > KEPT_NAME || p->fd_count != 1)
		code = EINVAL;
	if (!code) {
		drop_kept(find_kept(s, p->payload, p->m.len));
		for (i = 0, k = NULL; i < SHIM_KEPT_MAX && !k; i++)
			k = s->kept[i].len ? NULL : &s->kept[i];
		code = k ? 0 : ENFILE;
	}
	if (!code) {
		k->fd = p->fds[0];
		k->len = (uint16_t)p->m.len;
		memcpy(k->name, p->payload, p->m.len);
		p->fd_count = 0; /* kept */
	}
	control_say(s, SHIM_DONE, p->m.seq, 0, code);
}

static void on_drop(struct shim *s, struct packet *p)
{
	if (p->m.len && p->m.len <= KEPT_NAME)
		drop_kept(find_kept(s, p->payload, p->m.len));
}

static void on_goodbye(struct shim *s, struct packet *p)
{
	(void)p;
	s->goodbye = true;
}

static void (*const requests[])(struct shim *s, struct packet *p) = {
	[SHIM_HELLO] = on_hello,   [SHIM_SIGNAL] = on_signal, [SHIM_EXEC] = on_exec,
	[SHIM_RESIZE] = on_resize, [SHIM_STDIN] = on_stdin,   [SHIM_STDIN_CLOSE] = on_stdin_close,
	[SHIM_KEEP] = on_keep,	   [SHIM_DROP] = on_drop,     [SHIM_GOODBYE] = on_goodbye,
};

/* ---- receiving */

static void close_fds(struct packet *p)
{
	unsigned i;

	for (i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
	p->fd_count = 0;
}

unsigned take_control(struct msghdr *msg, int fds[SHIM_FDS_MAX], pid_t *ret_sender)
{
	struct cmsghdr *c;
	struct ucred peer;
	unsigned count = 0;

	*ret_sender = 0;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&peer, CMSG_DATA(c), sizeof(peer));
			*ret_sender = peer.pid;
		}
	}
	return count;
}

/* One packet, or -errno; 0 bytes is the end. */
static ssize_t receive(int fd, struct packet *p)
{
	pid_t sender;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	struct iovec iov[2] = {
		{.iov_base = &p->m, .iov_len = sizeof(p->m)},
		{.iov_base = p->payload, .iov_len = sizeof(p->payload)},
	};
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	p->fd_count = 0;
	if (n < 0)
		return -errno;
	p->fd_count = take_control(&msg, p->fds, &sender);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	return n;
}

void control_read(struct shim *s)
{
	static struct packet p;
	ssize_t n = receive(s->control, &p);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n < (ssize_t)sizeof(p.m) || p.m.len != (size_t)n - sizeof(p.m) ||
	    p.m.type >= sizeof(requests) / sizeof(requests[0]) || !requests[p.m.type]) {
		close_fds(&p);
		lose(s);
		return;
	}
	requests[p.m.type](s, &p);
	close_fds(&p);
}

/* ---- connections */

/* A supervisor that has stopped reading must not stop the container. */
void control_limit(int fd)
{
	const struct timeval limit = {.tv_sec = SEND_SECONDS};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

void control_accept(struct shim *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		close(fd);
		return;
	}
	control_limit(fd);
	if (s->control >= 0)
		close(s->control);
	s->control = fd;
	s->goodbye = false;
	respawn_cancel(s);
}

/*
 * Whoever hears of the end may bind the ports anew: no copy of theirs is left here, not even one
 * that is still on its way.  Nothing more can be sent to us then.
 */
void control_drop_kept(struct shim *s)
{
	static struct packet p;
	size_t i;
	ssize_t n;

	for (i = 0; i < SHIM_KEPT_MAX; i++)
		if (s->kept[i].len)
			drop_kept(&s->kept[i]);
	if (s->control < 0)
		return;
	shutdown(s->control, SHUT_RD);
	while ((n = receive(s->control, &p)) > 0 || n == -EINTR || n == -EBADMSG)
		close_fds(&p);
}

/* The socket is reached through the directory's descriptor, so that its path may be of any length.
 */
int control_listen(struct shim *s)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	mode_t mask = umask(0177);
	int r = 0;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/shim.sock", s->run_dir);
	unlinkat(s->run_dir, "shim.sock", 0);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(s->listener, 8) < 0)
		r = -errno;
	umask(mask);
	return r;
}

void control_unlisten(struct shim *s)
{
	if (s->listener >= 0)
		close(s->listener);
	s->listener = -1;
	unlinkat(s->run_dir, "shim.sock", 0);
}
