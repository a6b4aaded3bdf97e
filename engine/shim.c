/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to a shim.  Requests that are answered wait in a list by their sequence number;
 * what a shim says of its own accord goes to the events.  A shim object is freed by shim_free only,
 * and its handle closes behind that.
 */
#include "engine/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "runtime/program.h"
#include "runtime/runtime.h"

extern char **environ;

struct request { /* waits for its answer */
	struct list link;
	uint32_t seq, process;
	struct buf program; /* of an exec, for the sentence of a failure */
	void (*on_exec)(void *arg, int pid, int terminal_fd, const struct error *err);
	void (*on_stdin)(void *arg, int fd, const struct error *err);
	void *arg;
};

struct running { /* a further process */
	struct list link;
	uint32_t process;
	void (*exited)(void *arg, const struct shim_exit *exit);
	void *arg;
};

struct shim {
	struct daemon *daemon;
	char *id;
	pid_t pid; /* our child; 0 when another supervisor has started it */
	int fd;
	uv_poll_t poll;
	struct shim_events events;
	void *arg;
	struct buf program; /* of the launch, until it has started */
	struct list requests, processes;
	uint32_t next_seq, next_process;
	bool freed, ended;
	bool greeting; /* connected, and has not said all of its state */
	int found_pid, found_dns[2];
	struct error refused; /* we cannot talk to it */
	struct shim_exit exit;
};

struct packet {
	struct shim_message m;
	char payload[SHIM_PAYLOAD_MAX + 1];
	int fds[SHIM_FDS_MAX];
	unsigned fd_count;
};

/* ---- sending */

static int send_packet(struct shim *s, const struct shim_message *m, const void *payload,
		       const int *fds, unsigned count, struct error *err)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	} control = {0};
	struct iovec iov[2] = {
		{.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = m->len},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = m->len ? 2 : 1};
	struct cmsghdr *c;

	if (s->fd < 0)
		return error_set(err, ENOTCONN, "the container's shim is gone");
	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	if (sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return error_sys(err, errno, "send to the container's shim");
	return 0;
}

static int say(struct shim *s, uint32_t type, uint32_t process, int32_t arg, struct error *err)
{
	struct shim_message m = {
		.type = type, .seq = ++s->next_seq, .process = process, .arg = arg};

	return send_packet(s, &m, NULL, NULL, 0, err);
}

static struct request *request_new(struct shim *s, void *arg)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->seq = ++s->next_seq;
	r->arg = arg;
	buf_init(&r->program, PROGRAM_MAX);
	list_append(&s->requests, &r->link);
	return r;
}

static void request_free(struct request *r)
{
	list_remove(&r->link);
	buf_release(&r->program);
	free(r);
}

/* ---- receiving */

static void close_fds(struct packet *p)
{
	unsigned i;

	for (i = 0; i < p->fd_count; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->fd_count = 0;
}

static int take_fd(struct packet *p, unsigned index)
{
	return index < p->fd_count ? steal_fd(&p->fds[index]) : -1;
}

static ssize_t receive(int fd, struct packet *p, int flags)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	} control;
	struct iovec iov[2] = {
		{.iov_base = &p->m, .iov_len = sizeof(p->m)},
		{.iov_base = p->payload, .iov_len = SHIM_PAYLOAD_MAX},
	};
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | flags);

	p->fd_count = 0;
	if (n < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		p->fd_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(p->fds, CMSG_DATA(c), p->fd_count * sizeof(int));
	}
	if (n == 0)
		return 0;
	if (n < (ssize_t)sizeof(p->m) || (size_t)n - sizeof(p->m) != p->m.len) {
		close_fds(p);
		return -EBADMSG;
	}
	p->payload[p->m.len] = '\0';
	return n;
}

static struct request *find_request(struct shim *s, uint32_t seq)
{
	struct request *r;

	list_for_each (r, &s->requests, link)
		if (r->seq == seq)
			return r;
	return NULL;
}

static void on_started(struct shim *s, struct packet *p)
{
	int udp = take_fd(p, 1), tcp = take_fd(p, 2);

	buf_release(&s->program);
	s->events.on_started(s->arg, p->m.arg, udp, tcp);
}

static void failure(const struct packet *p, const struct buf *program, struct error *err)
{
	struct shim_failure f;

	if (p->m.len < sizeof(f)) {
		error_sys(err, p->m.arg ? p->m.arg : EIO, "the container's shim failed");
		return;
	}
	memcpy(&f, p->payload, sizeof(f));
	runtime_explain(program->data, program->len, f.op, f.code, p->payload + sizeof(f), err);
}

/* It has not started: nobody is to hear of its end. */
static void forget_process(struct shim *s, uint32_t process)
{
	struct running *run, *next;

	list_for_each_safe (run, next, &s->processes, link) {
		if (run->process != process)
			continue;
		list_remove(&run->link);
		free(run);
	}
}

static void on_failed(struct shim *s, struct packet *p)
{
	struct error err = ERROR_INIT;
	struct request *r = p->m.seq ? find_request(s, p->m.seq) : NULL;

	if (!p->m.seq) {
		s->ended = true;
		failure(p, &s->program, &err);
		s->events.on_failed(s->arg, &err);
		return;
	}
	if (!r)
		return;
	if (r->on_exec) {
		failure(p, &r->program, &err);
		forget_process(s, r->process);
		list_remove(&r->link);
		r->on_exec(r->arg, 0, -1, &err);
	} else if (r->on_stdin) {
		error_sys(&err, p->m.arg, "open the container's standard input");
		list_remove(&r->link);
		r->on_stdin(r->arg, -1, &err);
	}
	request_free(r);
}

static void on_exec_started(struct shim *s, struct packet *p)
{
	struct request *r = find_request(s, p->m.seq);

	if (!r || !r->on_exec)
		return;
	list_remove(&r->link);
	r->on_exec(r->arg, p->m.arg, take_fd(p, 0), NULL);
	request_free(r);
}

static void on_exited(struct shim *s, struct packet *p)
{
	struct running *run, *next;
	struct shim_exit exit;

	if (p->m.len != sizeof(exit))
		return;
	memcpy(&exit, p->payload, sizeof(exit));
	if (!p->m.process) {
		s->ended = true;
		s->exit = exit;
		s->events.on_exited(s->arg, &exit);
		return;
	}
	list_for_each_safe (run, next, &s->processes, link) {
		if (run->process != p->m.process)
			continue;
		list_remove(&run->link);
		run->exited(run->arg, &exit);
		free(run);
		return;
	}
}

static void on_kept(struct shim *s, struct packet *p)
{
	int fd = take_fd(p, 0);

	if (fd >= 0)
		s->events.on_kept(s->arg, p->payload, fd);
}

static void close_found(struct shim *s)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(s->found_dns); i++)
		if (s->found_dns[i] >= 0)
			close(steal_fd(&s->found_dns[i]));
}

static void on_state(struct shim *s, struct packet *p)
{
	struct shim_state state;

	if (!s->greeting || p->m.len != sizeof(state))
		return;
	memcpy(&state, p->payload, sizeof(state));
	if (state.version != SHIM_VERSION)
		error_set(&s->refused, EPROTONOSUPPORT, "its shim speaks version %u",
			  state.version);
	close_found(s);
	s->found_pid = p->m.arg;
	s->found_dns[0] = take_fd(p, 1);
	s->found_dns[1] = take_fd(p, 2);
}

static void on_state_end(struct shim *s, struct packet *p UNUSED)
{
	if (!s->greeting || s->refused.code)
		return;
	s->greeting = false;
	s->events.on_started(s->arg, s->found_pid, steal_fd(&s->found_dns[0]),
			     steal_fd(&s->found_dns[1]));
}

static void on_done(struct shim *s, struct packet *p)
{
	struct request *r = find_request(s, p->m.seq);
	struct error err = ERROR_INIT;
	int fd = take_fd(p, 0);

	if (!r) {
		if (fd >= 0)
			close(fd);
		return;
	}
	list_remove(&r->link);
	if (r->on_stdin) {
		if (fd < 0)
			error_sys(&err, p->m.arg ? p->m.arg : EPIPE,
				  "open the container's standard input");
		r->on_stdin(r->arg, fd, fd < 0 ? &err : NULL);
	} else if (fd >= 0) {
		close(fd);
	}
	request_free(r);
}

static const struct {
	uint32_t type;
	void (*handle)(struct shim *s, struct packet *p);
} answers[] = {
	{SHIM_STARTED, on_started},
	{SHIM_FAILED, on_failed},
	{SHIM_EXEC_STARTED, on_exec_started},
	{SHIM_EXITED, on_exited},
	{SHIM_KEPT, on_kept},
	{SHIM_DONE, on_done},
	{SHIM_STATE, on_state},
	{SHIM_STATE_END, on_state_end},
};

static void dispatch(struct shim *s, struct packet *p)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].type == p->m.type)
			answers[i].handle(s, p);
	close_fds(p);
}

/* ---- the connection's end */

/* Whoever waits hears that nothing comes any more. */
static void abandon(struct shim *s)
{
	const struct shim_exit lost = {.status = 137, .signal = SIGKILL};
	struct error err = ERROR_INIT;

	error_set(&err, ECONNRESET, "the container has ended");
	while (!list_empty(&s->requests)) {
		struct request *r = list_entry(s->requests.next, struct request, link);

		list_remove(&r->link);
		forget_process(s, r->process);
		if (r->on_exec)
			r->on_exec(r->arg, 0, -1, &err);
		if (r->on_stdin)
			r->on_stdin(r->arg, -1, &err);
		request_free(r);
	}
	while (!list_empty(&s->processes)) {
		struct running *run = list_entry(s->processes.next, struct running, link);

		list_remove(&run->link);
		run->exited(run->arg, &lost);
		free(run);
	}
}

/* ---- waiting for the processes: a shim outlives its connection by a moment */

struct leaving {
	struct list link;
	pid_t pid;
};

static bool reaped(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

static void reap_later(struct shim *s)
{
	struct leaving *l;

	if (!s->pid || reaped(s->pid))
		return;
	l = xcalloc(1, sizeof(*l));
	l->pid = s->pid;
	list_append(&s->daemon->shims_leaving, &l->link);
}

void shims_reap(struct daemon *d)
{
	struct leaving *l, *next;

	list_for_each_safe (l, next, &d->shims_leaving, link) {
		if (!reaped(l->pid))
			continue;
		list_remove(&l->link);
		free(l);
	}
}

static void on_poll_closed(uv_handle_t *h)
{
	struct shim *s = container_of((uv_poll_t *)(void *)h, struct shim, poll);

	buf_release(&s->program);
	free(s->id);
	free(s);
}

void shim_free(struct shim *s)
{
	if (!s || s->freed)
		return;
	s->freed = true;
	abandon(s);
	close_found(s);
	reap_later(s);
	if (s->fd >= 0) {
		uv_poll_stop(&s->poll);
		close(steal_fd(&s->fd));
	}
	uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static void on_broken(struct shim *s)
{
	struct shim_exit exit;
	bool known = s->ended;

	exit = s->exit;
	if (!known)
		known = shim_read_exit(s->daemon, s->id, &exit) == 0;
	uv_poll_stop(&s->poll);
	close(steal_fd(&s->fd));
	abandon(s);
	if (!s->freed)
		s->events.on_gone(s->arg, known ? &exit : NULL);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct shim *s = container_of(poll, struct shim, poll);
	struct packet p;
	ssize_t n;

	(void)status;
	(void)events;
	while (!s->freed && s->fd >= 0) {
		n = receive(s->fd, &p, MSG_DONTWAIT);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n <= 0) {
			on_broken(s);
			return;
		}
		dispatch(s, &p);
	}
}

/* ---- starting one */

static struct shim *shim_new(struct daemon *d, const char *id, int fd,
			     const struct shim_events *events, void *arg)
{
	struct shim *s = xcalloc(1, sizeof(*s));

	s->daemon = d;
	s->id = xstrdup(id);
	s->fd = fd;
	s->events = *events;
	s->arg = arg;
	s->found_dns[0] = s->found_dns[1] = -1;
	buf_init(&s->program, PROGRAM_MAX);
	list_init(&s->requests);
	list_init(&s->processes);
	uv_poll_init(d->loop, &s->poll, fd);
	uv_poll_start(&s->poll, UV_READABLE, on_readable);
	return s;
}

static int program_memfd(const void *program, size_t len, struct error *err)
{
	auto_fd int fd = memfd_create("launch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return error_sys(err, errno, "make room for the launch program");
	r = file_write_all(fd, program, len, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return error_sys(err, errno, "seal the launch program");
	return steal_fd(&fd);
}

/* Descriptors 3 to 6 as the protocol says, from anywhere.  They are lifted above 6 first, so that
 * no dup2 overwrites one that is still to come. */
static int spawn_with(struct daemon *d, const char *id, const int fds[4], pid_t *ret,
		      struct error *err)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = {xstrdup("cmp-shim"), xstrdup(id), NULL};
	auto_free char *exe = xasprintf("/proc/self/fd/%d", d->shim_fd);
	int high[4], i, r = 0;

	posix_spawn_file_actions_init(&actions);
	for (i = 0; i < 4; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	for (i = 0; i < 4; i++) {
		if (high[i] < 0)
			r = EMFILE;
		else
			posix_spawn_file_actions_adddup2(&actions, high[i], SHIM_FD_PROGRAM + i);
	}
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	if (r == 0)
		r = posix_spawn(ret, exe, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	for (i = 0; i < 4; i++)
		if (high[i] >= 0)
			close(high[i]);
	free(argv[0]);
	free(argv[1]);
	return r ? error_sys(err, r, "start cmp-shim") : 0;
}

static char *run_path(const struct daemon *d, const char *id, const char *name)
{
	return xasprintf("%s/containers/%s%s%s", d->run_dir, id, name ? "/" : "", name ? name : "");
}

static int open_dir(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}

int shim_spawn(struct daemon *d, const char *id, const char *container_dir, const void *program,
	       size_t len, const struct shim_events *events, void *arg, struct shim **ret,
	       struct error *err)
{
	auto_free char *run = run_path(d, id, NULL), *record = run_path(d, id, "exit");
	auto_fd int memfd = -1, ours = -1, theirs = -1, run_fd = -1, log_fd = -1;
	int sp[2], r;
	pid_t pid;

	r = file_mkdir_p(run, 0700, err);
	if (r < 0)
		return r;
	unlink(record);
	memfd = program_memfd(program, len, err);
	if (memfd < 0)
		return memfd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
		return error_sys(err, errno, "connect to the shim");
	ours = sp[0];
	theirs = sp[1];
	run_fd = open_dir(run, err);
	if (run_fd < 0)
		return run_fd;
	log_fd = open_dir(container_dir, err);
	if (log_fd < 0)
		return log_fd;
	r = spawn_with(d, id, (const int[]){memfd, theirs, run_fd, log_fd}, &pid, err);
	if (r < 0)
		return r;
	*ret = shim_new(d, id, steal_fd(&ours), events, arg);
	(*ret)->pid = pid;
	buf_add(&(*ret)->program, program, len);
	return 0;
}

/* ---- finding one again */

/* The socket is reached through the directory's descriptor, so that its path may be of any length.
 */
static int connect_to(const char *dir, struct error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	auto_fd int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd int fd = -1;

	if (dir_fd < 0)
		return error_sys(err, errno, "open %s", dir);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/shim.sock", dir_fd);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return errno == EAGAIN /* others wait there already */
			       ? error_set(err, EAGAIN, "its shim does not answer")
			       : error_sys(err, errno, "connect to the shim in %s", dir);
	return steal_fd(&fd);
}

/* Asks for the state and takes what the shim kept; in general that takes microseconds. */
static int hello(struct shim *s, int wait_ms, struct error *err)
{
	struct packet p;
	ssize_t n;
	int r;

	s->greeting = true;
	r = say(s, SHIM_HELLO, 0, 0, err);
	while (r == 0 && s->greeting) {
		struct pollfd readable = {.fd = s->fd, .events = POLLIN};

		if (poll(&readable, 1, wait_ms) == 0)
			return error_set(err, ETIMEDOUT, "its shim does not answer");
		n = receive(s->fd, &p, MSG_DONTWAIT);
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n <= 0) {
			r = error_sys(err, n ? (int)-n : ECONNRESET, "hear from the shim");
			break;
		}
		dispatch(s, &p);
		if (s->refused.code)
			*err = s->refused;
		r = -s->refused.code;
	}
	return r;
}

int shim_connect(struct daemon *d, const char *id, int wait_ms, const struct shim_events *events,
		 void *arg, struct shim **ret, struct error *err)
{
	auto_free char *dir = run_path(d, id, NULL);
	int fd = connect_to(dir, err), r;
	struct shim *s;

	if (fd < 0)
		return fd;
	s = shim_new(d, id, fd, events, arg);
	*ret = s;
	r = hello(s, wait_ms, err);
	if (r < 0 && r != -ETIMEDOUT) {
		*ret = NULL;
		shim_free(s);
	}
	return r;
}

/* Who listens is who was asked: the kernel knows it from then on. */
void shim_kill(struct shim *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct pollfd broken = {.fd = s->fd};
	auto_fd int pidfd = -1;

	if (s->fd < 0 || getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return;
	pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	/* unbroken: it lives, so that the number is still its own */
	if (pidfd >= 0 && poll(&broken, 1, 0) == 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

int shim_read_exit(struct daemon *d, const char *id, struct shim_exit *ret)
{
	auto_free char *path = run_path(d, id, "exit");
	auto_buf struct buf text = BUF_INIT;
	struct error ignored = ERROR_INIT;
	int r = file_read(AT_FDCWD, path, sizeof(*ret), &text, &ignored);

	if (r < 0)
		return r;
	if (text.len != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, text.data, sizeof(*ret));
	return 0;
}

/* ---- requests */

void shim_goodbye(struct shim *s)
{
	struct error ignored = ERROR_INIT;

	if (say(s, SHIM_GOODBYE, 0, 0, &ignored) < 0)
		log_debug("shim", "%s", ignored.msg);
}

int shim_signal(struct shim *s, uint32_t process, int signo, struct error *err)
{
	return say(s, SHIM_SIGNAL, process, signo, err);
}

int shim_resize(struct shim *s, uint32_t process, unsigned rows, unsigned columns)
{
	struct error ignored = ERROR_INIT;

	return say(s, SHIM_RESIZE, process, (int32_t)(rows << 16 | (columns & 0xffff)), &ignored);
}

static int say_name(struct shim *s, uint32_t type, const char *name, int fd, struct error *err)
{
	struct shim_message m = {.type = type, .seq = ++s->next_seq, .len = (uint32_t)strlen(name)};

	return send_packet(s, &m, name, &fd, fd >= 0, err);
}

int shim_keep(struct shim *s, const char *name, int fd, struct error *err)
{
	return say_name(s, SHIM_KEEP, name, fd, err);
}

void shim_drop(struct shim *s, const char *name)
{
	struct error ignored = ERROR_INIT;

	if (say_name(s, SHIM_DROP, name, -1, &ignored) < 0)
		log_debug("shim", "%s", ignored.msg);
}

int shim_exec(struct shim *s, const struct shim_exec_args *args, uint32_t *ret_process,
	      struct error *err)
{
	auto_fd int memfd = program_memfd(args->program, args->len, err);
	int fds[4] = {memfd, args->fds ? args->fds[0] : -1, args->fds ? args->fds[1] : -1,
		      args->fds ? args->fds[2] : -1};
	struct shim_message m = {.type = SHIM_EXEC, .process = ++s->next_process};
	struct running *run;
	struct request *r;
	int rc;

	if (memfd < 0)
		return memfd;
	/* Numbers of a supervisor before us may still be in use: ours start above them. */
	if (m.process == 1)
		s->next_process = m.process = (uint32_t)(getpid() << 8 & 0x7fffff00) + 1;
	r = request_new(s, args->arg);
	r->process = m.process;
	r->on_exec = args->started;
	buf_add(&r->program, args->program, args->len);
	m.seq = r->seq;
	rc = send_packet(s, &m, NULL, fds, args->fds ? 4 : 1, err);
	if (rc < 0) {
		request_free(r);
		return rc;
	}
	run = xcalloc(1, sizeof(*run));
	run->process = m.process;
	run->exited = args->exited;
	run->arg = args->arg;
	list_append(&s->processes, &run->link);
	*ret_process = m.process;
	return 0;
}

int shim_stdin(struct shim *s, void (*done)(void *arg, int fd, const struct error *err), void *arg,
	       struct error *err)
{
	struct request *r = request_new(s, arg);
	struct shim_message m = {.type = SHIM_STDIN, .seq = r->seq};
	int rc = send_packet(s, &m, NULL, NULL, 0, err);

	r->on_stdin = done;
	if (rc < 0)
		request_free(r);
	return rc;
}

void shim_stdin_close(struct shim *s)
{
	struct error ignored = ERROR_INIT;

	if (say(s, SHIM_STDIN_CLOSE, 0, 0, &ignored) < 0)
		log_debug("shim", "%s", ignored.msg);
}
