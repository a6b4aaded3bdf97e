/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp-shim ID: start-up and the one loop.  See shim.h and runtime/protocol.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

/* The processes that are being started stand behind these. */
enum { WATCH_SIGNALS, WATCH_CONTROL, WATCH_LISTENER, WATCH_OUT, WATCH_ERR, WATCH_COUNT };

static struct shim shim = {
	.control = SHIM_FD_CONTROL,
	.listener = -1,
	.run_dir = SHIM_FD_RUN,
	.signals = -1,
	.pidfd = -1,
	.dns = {-1, -1},
	.in = -1,
	.out = -1,
	.err = -1,
	.peer = -1,
	/* in the program's file: pages that nobody writes to cost nothing */
	.processes[0 ... SHIM_EXECS_MAX] = {.status = -1, .master = -1},
};

static int load_program(struct shim *s)
{
	struct stat st;
	void *image;
	int r;

	if (fstat(SHIM_FD_PROGRAM, &st) < 0)
		return -errno;
	if (st.st_size > PROGRAM_MAX)
		return -EBADMSG;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, SHIM_FD_PROGRAM, 0);
	if (image == MAP_FAILED)
		return -errno;
	r = machine_load(&s->machine, image, (size_t)st.st_size);
	close(SHIM_FD_PROGRAM);
	return r;
}

static int write_pid(struct shim *s)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	int fd = openat(s->run_dir, "shim.pid",
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)len) != len) {
		close(fd);
		return -EIO;
	}
	close(fd);
	return 0;
}

/* All signals wait in a descriptor, or for ever.  None is ignored, as the supervisor may have left
 * them: that would be inherited by the container. */
static void take_signals(sigset_t *ret_wanted)
{
	const struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t all;
	int signo;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &dfl, NULL);
	sigemptyset(ret_wanted);
	sigaddset(ret_wanted, SIGCHLD);
}

static int set_up(struct shim *s)
{
	sigset_t wanted;
	int fd, r;

	for (fd = SHIM_FD_PROGRAM; fd <= SHIM_FD_LOG; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	close_range(SHIM_FD_LOG + 1, ~0u, 0);
	control_limit(s->control);
	setsid();
	umask(022); /* of cgroups, which the container's users read; and never the supervisor's */
	/* Children that join a container are not inspected from there; from their first moment. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "cmp-shim"); /* it was started from a nameless file */
	/* keyrings know no namespaces: the container gets one of its own instead of the
	 * supervisor's */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	take_signals(&wanted);
	s->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return -errno;
	r = load_program(s);
	if (r == 0)
		r = log_open(&s->log, SHIM_FD_LOG, s->machine.program->log_max_bytes,
			     s->machine.program->log_max_files);
	if (r == 0)
		r = control_listen(s);
	return r < 0 ? r : write_pid(s);
}

static void on_signals(struct shim *s)
{
	struct signalfd_siginfo info[8];

	while (read(s->signals, info, sizeof(info)) > 0)
		;
	reap(s);
}

static void on_output(struct shim *s, int *fd, int kind)
{
	if (log_take(&s->log, *fd, kind) != LOG_ENDED)
		return;
	close(*fd);
	*fd = -1;
}

static unsigned watch(struct shim *s, struct pollfd *fds)
{
	bool started = s->processes[0].status < 0;
	unsigned n = WATCH_COUNT, i;

	fds[WATCH_SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	fds[WATCH_CONTROL] = (struct pollfd){.fd = s->control, .events = POLLIN};
	/* A new supervisor is told of a container that runs; until then it waits. */
	fds[WATCH_LISTENER] = (struct pollfd){.fd = started ? s->listener : -1, .events = POLLIN};
	fds[WATCH_OUT] = (struct pollfd){.fd = s->out, .events = POLLIN};
	fds[WATCH_ERR] = (struct pollfd){.fd = s->err, .events = POLLIN};
	for (i = 0; i <= SHIM_EXECS_MAX && n < WATCH_COUNT + s->starting; i++)
		if (s->processes[i].status >= 0)
			fds[n++] = (struct pollfd){.fd = s->processes[i].status, .events = POLLIN};
	return n;
}

/* Before anything else of a round: what ended may be what has just started. */
static void hear_starts(struct shim *s, const struct pollfd *fds, unsigned count)
{
	unsigned i, n = WATCH_COUNT;

	for (i = 0; i <= SHIM_EXECS_MAX && n < count; i++) {
		if (s->processes[i].status != fds[n].fd)
			continue;
		if (fds[n++].revents)
			launch_heard(s, &s->processes[i]);
	}
}

static void loop(struct shim *s)
{
	static struct pollfd fds[WATCH_COUNT + 1 + SHIM_EXECS_MAX];

	while (!s->ended) {
		unsigned count = watch(s, fds);

		if (poll(fds, count, respawn_timeout_ms(s)) < 0)
			continue;
		hear_starts(s, fds, count);
		if (s->respawn_at_ms && respawn_timeout_ms(s) == 0)
			respawn_try(s);
		if (fds[WATCH_OUT].revents)
			on_output(s, &s->out, SHIM_LOG_STDOUT);
		if (fds[WATCH_ERR].revents)
			on_output(s, &s->err, SHIM_LOG_STDERR);
		if (fds[WATCH_CONTROL].revents && fds[WATCH_CONTROL].fd == s->control)
			control_read(s);
		if (fds[WATCH_LISTENER].revents)
			control_accept(s);
		if (fds[WATCH_SIGNALS].revents)
			on_signals(s);
	}
}

int main(int argc, char **argv)
{
	static const char usage[] = "cmp-shim is started by cmpd\n";
	struct shim *s = &shim;
	int r;

	if (argc != 2) {
		(void)!write(2, usage, sizeof(usage) - 1);
		return 2;
	}
	s->id = argv[1];
	r = set_up(s);
	if (r < 0) {
		control_unlisten(s);
		control_fail(s, 0, 0, SHIM_NO_OP, -r, "set up its shim");
		return 1;
	}
	if (launch(s) == 0)
		loop(s);
	if (s->processes[0].failed)
		return 1;
	finish(s);
	/* Nobody has heard of the end: whoever comes next finds the record. */
	if (s->control < 0 && !s->goodbye) {
		respawn_want(s);
		respawn_try(s);
	}
	return 0;
}
