/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a supervisor when ours has vanished.  All shims see it at once; the start lock lets one
 * of them act, and only if nobody answers at the socket.  Tried again, less and less often, until a
 * supervisor has connected.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define FIRST_DELAY_MS 50
#define LAST_DELAY_MS  5000
#define LOCK_FD	       3
#define PATH_BYTES     4096
#define ENV_MAX	       1024

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int64_t boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void respawn_want(struct shim *s)
{
	s->respawn_delay_ms = FIRST_DELAY_MS;
	s->respawn_at_ms = boot_ms();
}

void respawn_cancel(struct shim *s)
{
	s->respawn_at_ms = 0;
}

int respawn_timeout_ms(const struct shim *s)
{
	int64_t left = s->respawn_at_ms - boot_ms();

	if (!s->respawn_at_ms)
		return -1;
	return left > 0 ? (int)left : 0;
}

/* unix:///PATH of CMP_HOST, else RUN/cmp.sock. */
static void socket_path(const char *run, char *ret, size_t size)
{
	const char *host = getenv("CMP_HOST");

	if (host && !strncmp(host, "unix://", 7))
		snprintf(ret, size, "%s", host + 7);
	else
		snprintf(ret, size, "%s/cmp.sock", run);
}

static bool answers(const char *run)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	socket_path(run, sa.sun_path, sizeof(sa.sun_path));
	yes = fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0;
	if (fd >= 0)
		close(fd);
	return yes;
}

/* Ours, with the lock; without what systemd said to the one before. */
static char **supervisor_environment(void)
{
	static char lock[] = "CMP_START_LOCK=3", *env[ENV_MAX + 2];
	size_t n = 0;
	char **e;

	for (e = environ; *e && n < ENV_MAX; e++)
		if (strncmp(*e, "LISTEN_", 7) && strncmp(*e, "CMP_START_LOCK=", 15))
			env[n++] = *e;
	env[n] = lock;
	return env;
}

/* In the grandchild: nothing of ours is passed on but the lock. */
static _Noreturn void become_supervisor(const char *program, int lock, const char *run)
{
	char log[PATH_BYTES], name[] = "cmpd", *argv[] = {name, NULL};
	sigset_t none;
	int fd;

	snprintf(log, sizeof(log), "%s/cmpd.log", run);
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		dup3(fd, 2, 0);
	if (lock == LOCK_FD)
		fcntl(lock, F_SETFD, 0);
	else
		dup3(lock, LOCK_FD, 0);
	close_range(LOCK_FD + 1, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(program, argv, supervisor_environment());
	_exit(127);
}

/* As a child of init, not of ours: for this moment we are no subreaper. */
static void start_supervisor(const char *program, int lock, const char *run)
{
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		if (fork() == 0)
			become_supervisor(program, lock, run);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void respawn_try(struct shim *s)
{
	const char *run = getenv("CMP_RUN_DIR"), *program = getenv("CMPD");
	char path[PATH_BYTES];
	int lock;

	s->respawn_at_ms = boot_ms() + s->respawn_delay_ms;
	s->respawn_delay_ms =
		s->respawn_delay_ms * 2 > LAST_DELAY_MS ? LAST_DELAY_MS : s->respawn_delay_ms * 2;
	if (!run || !program)
		return;
	snprintf(path, sizeof(path), "%s/start.lock", run);
	lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0 && !answers(run))
		start_supervisor(program, lock, run);
	close(lock);
}
