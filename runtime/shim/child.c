/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child of the shim, from its fork to its exec: it executes its section of a program and talks
 * over a socket that a successful exec closes.  Before anything else it closes what the program
 * does not need; like the shim, it cannot be inspected: it may join the namespaces of a container
 * whose processes look for just that.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define CHILD_EXIT 127

int child_say(struct machine *m, enum child_word word, int code, const int *fds, unsigned count)
{
	struct child_message say = {.word = word, .op = m->at, .code = code};
	struct iovec iov = {.iov_base = &say, .iov_len = sizeof(say)};

	memcpy(say.detail, m->detail, DETAIL_MAX);
	return send_packet(m->status, &iov, 1, fds, count) ? 0 : -errno;
}

int child_hear(int status, struct child_news *ret)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {.iov_base = &ret->say, .iov_len = sizeof(ret->say)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do
		n = recvmsg(status, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	ret->fd_count = 0;
	if (n <= 0)
		return n < 0 ? -errno : 0;
	ret->fd_count = take_control(&msg, ret->fds, &ret->sender);
	ret->say.detail[DETAIL_MAX - 1] = '\0';
	return n == sizeof(ret->say) ? 1 : -EBADMSG;
}

static void sort(int *v, size_t count)
{
	size_t i, k;

	for (i = 1; i < count; i++)
		for (k = i; k > 0 && v[k] < v[k - 1]; k--) {
			int t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

/* Closes everything above 2 but what the program uses. */
static void close_others(const struct machine *m)
{
	int keep[PROGRAM_SLOTS + 2], last = 2;
	size_t n = 0, i;

	keep[n++] = m->status;
	keep[n++] = m->join_pidfd;
	for (i = 0; i < PROGRAM_SLOTS; i++)
		if (m->slots[i] >= 0)
			keep[n++] = m->slots[i];
	sort(keep, n);
	for (i = 0; i < n; i++) {
		if (keep[i] > last + 1)
			close_range((unsigned)last + 1, (unsigned)keep[i] - 1, 0);
		last = keep[i] > last ? keep[i] : last;
	}
	close_range((unsigned)last + 1, ~0u, 0);
}

/* 0, 1, 2 become the streams that were made for it.  Where there are none, a terminal will come, or
 * the container's null device; until then it is ours, but never the supervisor's log. */
static int take_streams(const struct machine *m)
{
	int i;

	for (i = 0; i < 3; i++) {
		int fd = m->stdio[i] >= 0 ? m->stdio[i] : 0;

		if (fd != i && dup3(fd, i, 0) < 0)
			return -errno;
	}
	return 0;
}

static _Noreturn void child_main(struct machine *m)
{
	int r = take_streams(m);

	set_slot(m, SLOT_CGROUP, -1); /* it was born there */
	close_others(m);
	umask(0); /* modes are as the program says; exec sets the usual one */
	if (r == 0)
		r = machine_run(m, m->program->parent_end, m->program->child_end);
	child_say(m, CHILD_FAILED, r < 0 ? -r : EPROTO, NULL, 0);
	_exit(CHILD_EXIT);
}

pid_t child_start(struct machine *m, uint64_t flags, int *ret_status, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	int status[2], r, one = 1;
	long pid;

	if (m->slots[SLOT_CGROUP] >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)m->slots[SLOT_CGROUP];
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) < 0)
		return -errno;
	if (m->join_pidfd >= 0) /* who is in the container says so, and the kernel says who it is */
		setsockopt(status[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	r = pid < 0 ? -errno : 0;
	if (pid == 0) {
		m->status = status[1];
		child_main(m);
	}
	close(status[1]);
	if (r < 0)
		close(status[0]);
	else
		*ret_status = status[0];
	return r < 0 ? r : (pid_t)pid;
}
