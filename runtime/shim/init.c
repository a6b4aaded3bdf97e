/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small init of `init: true`: pid 1 of the container, with the command as its child.  Forwards
 * every signal that can be, reaps whatever is left to it, and ends as the command ended.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

static void end_like(int status)
{
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void reap_all(pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == child)
			end_like(status);
}

/* The container can read this process's command line, and with a debugger's capability more: the
 * environment of the supervisor is none of its business. */
static void forget_environment(void)
{
	char **e;

	for (e = environ; *e; e++)
		memset(*e, 0, strlen(*e));
}

_Noreturn void init_main(pid_t child)
{
	siginfo_t info;
	sigset_t all;

	forget_environment();
	prctl(PR_SET_NAME, "cmp-init");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close_range(0, ~0u, 0);
	for (;;) {
		int signo = sigwaitinfo(&all, &info);

		if (signo < 0 && errno != EINTR)
			_exit(1);
		if (signo == SIGCHLD)
			reap_all(child);
		else if (signo > 0 && signo != SIGTTIN && signo != SIGTTOU)
			kill(child, signo);
	}
}
