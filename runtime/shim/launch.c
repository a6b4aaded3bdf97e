/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes: the container's first one, further ones, and their ends.  What a child does before its
 * exec may take long (a foreign file system that does not answer), so the shim never waits for it:
 * news of it arrive in the loop like everything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define DRAIN_READS 64 /* more than fits in a pipe */

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

static int start_child(struct shim *s)
{
	struct process *p = &s->processes[0];
	struct machine *m = &s->machine;
	int i, fd = -1, r;

	/* SETNS_PID has changed where children are born; not for long. */
	if (!(m->program->clone_flags & CLONE_NEWPID))
		fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	r = child_start(m, m->program->clone_flags, &p->status, &s->pidfd);
	if (fd >= 0) {
		setns(fd, CLONE_NEWPID);
		close(fd);
	}
	if (r < 0)
		return r;
	p->pid = r;
	s->starting++;
	for (i = 0; i < 3; i++)
		close_fd(&m->stdio[i]);
	machine_close_slots(m);
	return 0;
}

static void teardown(struct shim *s)
{
	struct machine *m = &s->machine;
	unsigned at;

	/* Each for itself: one that fails does not keep the others from happening. */
	for (at = m->program->child_end; at < m->program->op_count; at++)
		machine_run(m, at, at + 1);
}

/* The start has come to nothing: what is left of it is removed before anybody is told. */
static void give_up(struct shim *s, uint32_t op, int code, const char *detail)
{
	struct process *p = &s->processes[0];

	if (p->pid > 0) {
		syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
		waitpid(p->pid, NULL, 0);
	}
	teardown(s);
	control_unlisten(s);
	control_fail(s, 0, 0, op, code, detail);
	p->failed = true;
	s->ended = true;
}

int launch(struct shim *s)
{
	struct machine *m = &s->machine;
	int r = m->program->flags & PROGRAM_EXEC ? -EBADMSG : make_streams(s);

	if (r < 0) {
		give_up(s, SHIM_NO_OP, -r, "make its streams");
		return r;
	}
	r = machine_run(m, 0, m->program->parent_end);
	if (r < 0) {
		s->failure = (struct child_message){.op = m->at};
		memcpy(s->failure.detail, m->detail, DETAIL_MAX);
		give_up(s, s->failure.op, -r, s->failure.detail);
		return r;
	}
	r = start_child(s);
	if (r < 0)
		give_up(s, SHIM_NO_OP, -r, "make its process");
	return r;
}

static void say_started(struct shim *s)
{
	struct shim_message m = {.type = SHIM_STARTED, .arg = s->processes[0].pid};
	int fds[3] = {s->pidfd, s->dns[0], s->dns[1]};

	s->started_ns = now_ns();
	control_send(s, &m, NULL, fds, s->dns[0] >= 0 && s->dns[1] >= 0 ? 3 : 1);
}

/* ---- further processes */

struct process *find_process(struct shim *s, uint32_t number)
{
	struct process *p;

	for (p = s->processes + 1; p <= s->processes + SHIM_EXECS_MAX; p++)
		if (p->number == number)
			return p;
	return NULL;
}

static struct process *free_place(struct shim *s)
{
	struct process *p;

	for (p = s->processes + 1; p <= s->processes + SHIM_EXECS_MAX; p++)
		if (!p->number)
			return p;
	return NULL;
}

/* Of a further process; one program at a time is looked at. */
static struct machine further;

static int run_further(struct shim *s, struct process *p, const int *fds, unsigned count)
{
	struct machine *m = &further;
	int r, i, pidfd = -1;

	/* Streams, or none when the program makes a terminal: never our own. */
	if (!(m->program->flags & PROGRAM_EXEC) ||
	    count != (m->program->flags & PROGRAM_TTY ? 1 : 4))
		return -EBADMSG;
	for (i = 0; i < 3 && count == 4; i++)
		m->stdio[i] = fds[i + 1];
	m->join_pidfd = s->pidfd;
	r = machine_run(m, 0, m->program->parent_end);
	if (r == 0)
		r = child_start(m, 0, &p->status, &pidfd);
	close_fd(&pidfd);
	machine_close_slots(m);
	return r < 0 ? r : 0;
}

static int load_further(struct shim *s, struct process *p, const int *fds, unsigned count)
{
	struct stat st;
	void *image;
	int r;

	if (count < 1 || fstat(fds[0], &st) < 0 || st.st_size > PROGRAM_MAX)
		return -EBADMSG;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fds[0], 0);
	if (image == MAP_FAILED)
		return -errno;
	r = machine_load(&further, image, (size_t)st.st_size);
	if (r == 0)
		r = run_further(s, p, fds, count);
	munmap(image, (size_t)st.st_size);
	return r;
}

void launch_exec(struct shim *s, const struct shim_message *msg, const int *fds, unsigned count)
{
	struct process *p = free_place(s);
	int r;

	if (!p)
		r = -EAGAIN;
	else if (!msg->process || find_process(s, msg->process))
		r = -EINVAL;
	else if (s->processes[0].status >= 0)
		r = -ESRCH;
	else
		r = load_further(s, p, fds, count);
	if (r < 0) {
		control_fail(s, msg->seq, msg->process, SHIM_NO_OP, -r, "make the process");
		return;
	}
	p->number = msg->process;
	p->seq = msg->seq;
	p->pid = 0;
	p->master = -1;
	p->failed = p->gone = false;
	s->starting++;
}

static void say_exec_started(struct shim *s, struct process *p)
{
	struct shim_message m = {
		.type = SHIM_EXEC_STARTED, .seq = p->seq, .process = p->number, .arg = p->pid};

	control_send(s, &m, NULL, &p->master, p->master >= 0);
	close_fd(&p->master);
}

/* ---- news of a start */

static void take_news(struct shim *s, struct process *p, struct child_news *n)
{
	bool first = p == s->processes;
	unsigned i, used = 0;

	switch (n->say.word) {
	case CHILD_FAILED:
		if (first)
			s->failure = n->say;
		else
			control_fail(s, p->seq, p->number, n->say.op, n->say.code, n->say.detail);
		p->failed = true;
		break;
	case CHILD_DNS:
		for (used = 0; first && used < n->fd_count && used < 2; used++)
			s->dns[used] = n->fds[used];
		break;
	case CHILD_TERMINAL:
		if (n->fd_count < 1)
			break;
		used = first ? n->fd_count : 1;
		*(first ? &s->out : &p->master) = n->fds[0];
		if (first) {
			s->peer = used > 1 ? n->fds[1] : -1;
			fcntl(s->out, F_SETFL, O_NONBLOCK);
		}
		break;
	case CHILD_JOINED:
		p->pid = n->sender;
		break;
	}
	for (i = used; i < n->fd_count; i++)
		close(n->fds[i]);
}

static void say_exited(struct shim *s, uint32_t process, const struct shim_exit *e)
{
	struct shim_message m = {.type = SHIM_EXITED, .process = process, .len = sizeof(*e)};

	control_send(s, &m, e, NULL, 0);
}

static void first_heard_out(struct shim *s, struct process *p)
{
	if (p->failed) {
		give_up(s, s->failure.op, s->failure.code, s->failure.detail);
		return;
	}
	say_started(s);
	s->end = p->end;
	s->ended = p->gone;
}

static void further_heard_out(struct shim *s, struct process *p)
{
	bool runs = !p->failed && p->pid > 0;

	if (runs)
		say_exec_started(s, p);
	else if (!p->failed)
		control_fail(s, p->seq, p->number, SHIM_NO_OP, ESRCH, "enter the container");
	if (runs && p->gone)
		say_exited(s, p->number, &p->end);
	close_fd(&p->master);
	if (!runs || p->gone)
		p->number = 0;
}

void launch_heard(struct shim *s, struct process *p)
{
	static struct child_news n;
	int r;

	while ((r = child_hear(p->status, &n)) > 0)
		take_news(s, p, &n);
	if (r == -EAGAIN)
		return;
	close_fd(&p->status);
	s->starting--;
	if (p == s->processes)
		first_heard_out(s, p);
	else
		further_heard_out(s, p);
}

/* ---- ends */

static struct shim_exit exit_of(const struct shim *s, int status)
{
	struct shim_exit e = {.started_ns = s->started_ns, .finished_ns = now_ns()};

	e.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	e.status = e.signal ? 128 + e.signal : WEXITSTATUS(status);
	return e;
}

static struct process *by_pid(struct shim *s, pid_t pid)
{
	struct process *p;

	for (p = s->processes; p <= s->processes + SHIM_EXECS_MAX; p++)
		if (p->pid == pid && (p->number || p == s->processes))
			return p;
	return NULL;
}

static void hear_further(struct shim *s)
{
	size_t i;

	for (i = 1; s->starting && i <= SHIM_EXECS_MAX; i++)
		if (s->processes[i].number && s->processes[i].status >= 0)
			launch_heard(s, &s->processes[i]);
}

/* Who has joined the container says so before it can end, but that may not have been heard yet. */
static struct process *who_ended(struct shim *s, pid_t pid)
{
	struct process *p = by_pid(s, pid);

	if (p)
		return p;
	hear_further(s);
	return by_pid(s, pid);
}

void reap(struct shim *s)
{
	struct process *p;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		p = who_ended(s, pid);
		if (!p)
			continue;
		p->end = exit_of(s, status);
		if (p->status >= 0) {
			p->gone = true;
		} else if (p == s->processes) {
			s->ended = true;
			s->end = p->end;
		} else {
			say_exited(s, p->number, &p->end);
			p->number = 0;
		}
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

/* pid 1 is gone, and in general everything that could write.  Others may go on (a shared pid
 * namespace): what is in the pipe now is the container's, not more. */
static void drain(struct shim *s, int fd, int kind)
{
	int n;

	for (n = 0; n < DRAIN_READS && fd >= 0; n++)
		if (log_take(&s->log, fd, kind) != LOG_SOME)
			return;
}

void finish(struct shim *s)
{
	hear_further(s); /* it may have been the container's end */
	drain(s, s->out, SHIM_LOG_STDOUT);
	drain(s, s->err, SHIM_LOG_STDERR);
	close_fd(&s->dns[0]);
	close_fd(&s->dns[1]);
	teardown(s);
	reap(s); /* what that has killed, and further processes */
	s->end.oom_killed = s->machine.oom_killed;
	control_drop_kept(s);
	write_record(s);
	control_unlisten(s);
	say_exited(s, 0, &s->end);
}
