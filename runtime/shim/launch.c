/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes: the container's first one, further ones, and their ends.  A child executes its section
 * of a program and talks over a socket that its exec closes; until then the shim just listens to
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define CHILD_EXIT 127

/* ---- what a child says */

static int send_fds(int sock, const void *data, size_t len, const int *fds, unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
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
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int child_say(struct machine *m, enum child_word word, int code, const int *fds, unsigned count)
{
	struct child_message say = {.word = word, .op = m->at, .code = code};

	memcpy(say.detail, m->detail, DETAIL_MAX);
	return send_fds(m->status, &say, sizeof(say), fds, count);
}

int child_hear(int status, struct child_message *ret, int *fds, unsigned *ret_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_count = 0;
	do
		n = recvmsg(status, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*ret_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *ret_count * sizeof(int));
	}
	return n == sizeof(*ret) ? 1 : -EBADMSG;
}

/* What came of a start: filled from the child's words. */
struct outcome {
	int code; /* 0: it runs */
	uint32_t op;
	char detail[DETAIL_MAX];
	int master; /* of its terminal, -1 */
	int dns[2];
	pid_t pid; /* of the process in the container, when another one than was forked */
};

static void hear_out(int status, struct outcome *o)
{
	struct child_message say;
	int fds[SHIM_FDS_MAX], r;
	unsigned count;

	*o = (struct outcome){.master = -1, .dns = {-1, -1}};
	while ((r = child_hear(status, &say, fds, &count)) > 0) {
		if (say.word == CHILD_FAILED) {
			o->code = say.code;
			o->op = say.op;
			memcpy(o->detail, say.detail, DETAIL_MAX);
			o->detail[DETAIL_MAX - 1] = '\0';
		} else if (say.word == CHILD_FDS && count == 2) {
			o->dns[0] = fds[0];
			o->dns[1] = fds[1];
		} else if (say.word == CHILD_MASTER && count == 1) {
			o->master = fds[0];
		} else if (say.word == CHILD_PID) {
			o->pid = say.code;
		}
	}
	if (r < 0 && !o->code)
		o->code = -r;
}

static _Noreturn void child_main(struct machine *m)
{
	int r;

	umask(0); /* modes are as the program says; exec sets the usual one */
	r = machine_run(m, m->program->parent_end, m->program->child_end);

	child_say(m, CHILD_FAILED, r < 0 ? -r : EPROTO, NULL, 0);
	_exit(CHILD_EXIT);
}

static long clone_child(uint64_t flags, int cgroup, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	return syscall(SYS_clone3, &args, sizeof(args));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the container */

/* The child's ends in machine.stdio, ours in the shim. */
static int make_streams(struct shim *s)
{
	struct machine *m = &s->machine;
	int p[2], i;

	if (m->program->flags & PROGRAM_TTY)
		return 0;
	for (i = m->program->flags & PROGRAM_STDIN_OPEN ? 0 : 1; i < 3; i++) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		m->stdio[i] = p[i == 0 ? 0 : 1];
		if (i == 0)
			s->in = p[1];
		else if (i == 1)
			s->out = p[0];
		else
			s->err = p[0];
		if (i)
			fcntl(p[0], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static int start_child(struct shim *s, struct outcome *o)
{
	struct machine *m = &s->machine;
	int status[2], i;
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) < 0)
		return -errno;
	pid = clone_child(m->program->clone_flags | CLONE_PIDFD, m->slots[SLOT_CGROUP], &s->pidfd);
	if (pid < 0) {
		close(status[0]);
		close(status[1]);
		return -errno;
	}
	if (pid == 0) {
		m->status = status[1];
		close(status[0]);
		child_main(m);
	}
	s->child = (pid_t)pid;
	close(status[1]);
	for (i = 0; i < 3; i++)
		close_fd(&m->stdio[i]);
	machine_close_slots(m);
	hear_out(status[0], o);
	close(status[0]);
	return 0;
}

/* The child's pid namespace was another container's: later children are our own's again. */
static void restore_pid_namespace(void)
{
	int fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	setns(fd, CLONE_NEWPID);
	close(fd);
}

static void teardown(struct shim *s)
{
	struct machine *m = &s->machine;
	unsigned at;

	/* Each for itself: one that fails does not keep the others from happening. */
	for (at = m->program->child_end; at < m->program->op_count; at++)
		machine_run(m, at, at + 1);
}

static void say_started(struct shim *s)
{
	struct shim_message m = {.type = SHIM_STARTED, .arg = s->child};
	int fds[3] = {s->pidfd, s->dns[0], s->dns[1]};

	control_send(s, &m, NULL, fds, s->dns[0] >= 0 && s->dns[1] >= 0 ? 3 : 1);
}

int launch(struct shim *s)
{
	struct machine *m = &s->machine;
	struct outcome o = {.code = 0};
	int r = make_streams(s);

	if (r == 0)
		r = machine_run(m, 0, m->program->parent_end);
	if (r < 0) {
		o.op = m->at;
		memcpy(o.detail, m->detail, DETAIL_MAX);
	}
	if (r == 0)
		r = start_child(s, &o);
	if (m->program->flags & PROGRAM_EXEC)
		r = r < 0 ? r : -EBADMSG;
	restore_pid_namespace();
	if (r == 0)
		r = -o.code;
	if (r < 0) {
		if (s->child > 0)
			waitpid(s->child, NULL, 0);
		teardown(s);
		control_fail(s, 0, 0, o.op, -r, o.detail);
		return r;
	}
	if (o.master >= 0) {
		s->out = o.master;
		fcntl(s->out, F_SETFL, O_NONBLOCK);
	}
	s->dns[0] = o.dns[0];
	s->dns[1] = o.dns[1];
	s->started_ns = now_ns();
	say_started(s);
	return 0;
}

/* ---- further processes */

static struct further *find_further(struct shim *s, uint32_t number, pid_t pid)
{
	size_t i;

	for (i = 0; i < SHIM_EXECS_MAX; i++)
		if (s->further[i].number &&
		    (number ? s->further[i].number == number : s->further[i].pid == pid))
			return &s->further[i];
	return NULL;
}

static struct further *free_further(struct shim *s)
{
	size_t i;

	for (i = 0; i < SHIM_EXECS_MAX; i++)
		if (!s->further[i].number)
			return &s->further[i];
	return NULL;
}

static int run_further(struct shim *s, struct machine *m, const int *fds, unsigned count,
		       struct outcome *o, pid_t *ret_forked)
{
	int status[2], pidfd = -1, i;
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) < 0)
		return -errno;
	m->join_pidfd = s->pidfd;
	for (i = 0; i < 3 && count == 4; i++)
		m->stdio[i] = fds[i + 1];
	pid = clone_child(0, -1, &pidfd);
	if (pid == 0) {
		m->status = status[1];
		close(status[0]);
		child_main(m);
	}
	close(status[1]);
	*ret_forked = (pid_t)pid;
	if (pid > 0)
		hear_out(status[0], o);
	close(status[0]);
	return pid < 0 ? -errno : 0;
}

void launch_exec(struct shim *s, const struct shim_message *msg, const int *fds, unsigned count)
{
	static struct machine m;
	struct further *f = free_further(s);
	struct outcome o = {.master = -1};
	struct stat st;
	void *image = MAP_FAILED;
	pid_t forked = -1;
	int r = 0;

	memset(&m, 0, sizeof(m));
	if (!f || !msg->process || find_further(s, msg->process, 0))
		r = f ? -EINVAL : -EAGAIN;
	else if (count < 1 || fstat(fds[0], &st) < 0 || st.st_size > PROGRAM_MAX)
		r = -EBADMSG;
	if (r == 0) {
		image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fds[0], 0);
		r = image == MAP_FAILED ? -errno : machine_load(&m, image, (size_t)st.st_size);
	}
	if (r == 0 && !(m.program->flags & PROGRAM_EXEC))
		r = -EBADMSG;
	if (r == 0)
		r = run_further(s, &m, fds, count, &o, &forked);
	if (forked > 0)
		waitpid(forked, NULL, 0);
	if (r == 0 && o.code)
		r = -o.code;
	if (r == 0 && o.pid > 0) {
		struct shim_message say = {.type = SHIM_EXEC_STARTED,
					   .seq = msg->seq,
					   .process = msg->process,
					   .arg = o.pid};

		*f = (struct further){msg->process, o.pid};
		control_send(s, &say, NULL, &o.master, o.master >= 0);
	} else {
		control_fail(s, msg->seq, msg->process, o.op, r < 0 ? -r : ESRCH, o.detail);
	}
	close_fd(&o.master);
	if (image != MAP_FAILED)
		munmap(image, (size_t)st.st_size);
}

/* ---- ends */

static struct shim_exit exit_of(const struct shim *s, int status)
{
	struct shim_exit e = {.started_ns = s->started_ns, .finished_ns = now_ns()};

	e.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	e.status = e.signal ? 128 + e.signal : WEXITSTATUS(status);
	return e;
}

static void say_exited(struct shim *s, uint32_t process, const struct shim_exit *e)
{
	struct shim_message m = {.type = SHIM_EXITED, .process = process, .len = sizeof(*e)};

	control_send(s, &m, e, NULL, 0);
}

void reap(struct shim *s)
{
	struct further *f;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct shim_exit e = exit_of(s, status);

		if (pid == s->child) {
			s->ended = true;
			s->end = e;
			continue;
		}
		f = find_further(s, 0, pid);
		if (!f)
			continue;
		say_exited(s, f->number, &e);
		f->number = 0;
	}
}

static void write_record(struct shim *s)
{
	int fd = openat(s->run_dir, "exit.new",
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	if (write(fd, &s->end, sizeof(s->end)) == sizeof(s->end))
		renameat(s->run_dir, "exit.new", s->run_dir, "exit");
	close(fd);
}

/* pid 1 is gone and with it everything in its pid namespace: the pipes end. */
static void drain(struct shim *s, int fd, int kind)
{
	if (fd < 0)
		return;
	errno = 0;
	while (log_take(&s->log, fd, kind) > 0 && errno != EAGAIN)
		errno = 0;
}

void finish(struct shim *s)
{
	drain(s, s->out, SHIM_LOG_STDOUT);
	drain(s, s->err, SHIM_LOG_STDERR);
	close_fd(&s->dns[0]);
	close_fd(&s->dns[1]);
	teardown(s);
	s->end.oom_killed = s->machine.oom_killed;
	write_record(s);
	say_exited(s, 0, &s->end);
}
