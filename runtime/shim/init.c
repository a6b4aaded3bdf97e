/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small init of `init: true`: pid 1 of the container, with the command as its child.  Forwards
 * every signal that can be, reaps whatever is left to it, and ends as the command ended.
 */
#include <errno.h>
#include <signal.h>
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

_Noreturn void init_main(pid_t child)
{
	siginfo_t info;
	sigset_t all;

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
