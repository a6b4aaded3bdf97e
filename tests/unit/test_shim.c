/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real cmp-shim with real containers of busybox, the test being the supervisor; needs root.
 * What is looked at: the protocol, what a container can see of us, what is left afterwards, and
 * what happens when the supervisor dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "base/time.h"
#include "runtime/protocol.h"
#include "runtime/runtime.h"

#define S(text)	    ((char *)(uintptr_t)(text))
#define BUSYBOX	    "/bin/busybox"
#define PARENT	    "cmptrs-shim"
#define FIRST_FD    32
#define HEAR_SECS   20
#define MEMORY_KIB  150
#define OUTPUT_MAX  ((size_t)4 << 20)
#define STARTS_FILE "starts"

struct world {
	char dir[64], shim[4200], *layer;
	char *layers[2];
	struct runtime_host host;
	unsigned next;
};

struct box {
	struct world *world;
	char id[65], *dir, *run;
	int control, pid;
	pid_t shim;
	struct runtime_spec spec;
	char *args[4];
};

struct packet {
	struct shim_message m;
	char payload[SHIM_PAYLOAD_MAX + 1];
	int fds[SHIM_FDS_MAX];
	size_t fd_count;
};

/* ---- the world */

static int set_up(void **state)
{
	struct world *w;
	struct error err = ERROR_INIT;
	char dir[4096];
	auto_free char *command = NULL;

	if (geteuid() != 0 || access(BUSYBOX, X_OK) < 0)
		return 0;
	w = xcalloc(1, sizeof(*w));
	assert_int_equal(file_program_dir(dir, sizeof(dir), &err), 0);
	snprintf(w->shim, sizeof(w->shim), "%s/../../cmp-shim", dir);
	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptrs-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->layer = w->layers[0] = xasprintf("%s/layer", w->dir);
	command = xasprintf("mkdir -p %s/bin && cp " BUSYBOX " %s/bin && cd %s/bin && for n in sh "
			    "sleep cat ls id true head kill grep dd tty stty sync env; do ln -s "
			    "busybox $n; done",
			    w->layer, w->layer, w->layer);
	assert_int_equal(system(command), 0); /* banned-ok: a test */
	assert_int_equal(runtime_host_probe(&w->host, &err), 0);
	assert_int_equal(runtime_cgroup_prepare(&w->host, PARENT, &err), 0);
	setenv("CMP_RUN_DIR", w->dir, 1);
	setenv("CMP_STATE_DIR", w->dir, 1);
	unsetenv("CMP_HOST");
	unsetenv("CMPD");
	*state = w;
	return 0;
}

static void remove_parents(const struct world *w)
{
	auto_free char *command = xasprintf("rmdir %s/" PARENT " %s/*/" PARENT " 2>/dev/null",
					    w->host.cgroup_root, w->host.cgroup_root);

	if (system(command) < 0)
		fail();
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;
	struct world *w = *state;

	if (!w)
		return 0;
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, &err), 0);
	remove_parents(w);
	runtime_host_release(&w->host);
	free(w->layer);
	free(w);
	return 0;
}

static struct world *world_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

/* ---- a container */

static void box_init(struct box *b, struct world *w, const char *script)
{
	struct error err = ERROR_INIT;
	static char *const env[] = {S("PATH=/bin"), NULL};

	*b = (struct box){.world = w, .control = -1};
	snprintf(b->id, sizeof(b->id), "%08x%056x", (unsigned)getpid(), w->next++);
	b->dir = xasprintf("%s/%s", w->dir, b->id);
	b->run = xasprintf("%s/run", b->dir);
	assert_int_equal(file_mkdir_p(b->run, 0700, &err), 0);
	b->args[0] = S("/bin/sh");
	b->args[1] = S("-c");
	b->args[2] = S(script);
	b->spec = (struct runtime_spec){
		.id = b->id,
		.layers = w->layers,
		.container_dir = b->dir,
		.hostname = "box",
		.cgroup_parent = PARENT,
		.process = {.args = b->args,
			    .env = env,
			    .cwd = "/",
			    .capabilities = runtime_default_capabilities()},
	};
}

static int memfd_of(const struct buf *program)
{
	struct error err = ERROR_INIT;
	int fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(file_write_all(fd, program->data, program->len, &err), 0);
	return fd;
}

static void box_spawn(struct box *b)
{
	const struct timeval limit = {.tv_sec = HEAR_SECS};
	auto_buf struct buf program;
	struct error err = ERROR_INIT;
	int from[4], pair[2], i;

	buf_init(&program, BUF_MAX_DEFAULT);
	if (runtime_compile(&b->world->host, &b->spec, &program, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	from[0] = memfd_of(&program);
	from[1] = pair[1];
	from[2] = open(b->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	from[3] = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->shim = fork();
	assert_true(b->shim >= 0);
	if (b->shim == 0) {
		/* as careless a parent as there may be */
		sigset_t odd;

		sigemptyset(&odd);
		sigaddset(&odd, SIGUSR1);
		sigprocmask(SIG_BLOCK, &odd, NULL);
		sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
		sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
		umask(077);
		if (chdir(b->dir) < 0)
			_exit(126);
		dup3(open("supervisor.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), 2, 0);
		for (i = 0; i < 4; i++)
			from[i] = fcntl(from[i], F_DUPFD, FIRST_FD);
		for (i = 0; i < 4; i++)
			dup3(from[i], SHIM_FD_PROGRAM + i, 0);
		execl(b->world->shim, "cmp-shim", b->id, (char *)NULL);
		_exit(127);
	}
	for (i = 0; i < 4; i++)
		close(from[i]);
	b->control = pair[0];
	setsockopt(b->control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* ---- the conversation */

static bool hear_any(int fd, struct packet *p)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	struct iovec iov[2] = {{&p->m, sizeof(p->m)}, {p->payload, SHIM_PAYLOAD_MAX}};
	struct msghdr msg = {.msg_iov = iov,
			     .msg_iovlen = 2,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	p->fd_count = 0;
	if (n <= 0)
		return false;
	assert_true(n >= (ssize_t)sizeof(p->m));
	assert_int_equal(n - (ssize_t)sizeof(p->m), p->m.len);
	p->payload[p->m.len] = '\0';
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		p->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(p->fds, CMSG_DATA(c), p->fd_count * sizeof(int));
	}
	return true;
}

static void drop_fds(struct packet *p)
{
	for (size_t i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
	p->fd_count = 0;
}

/* The next packet must be this one; its descriptors stay open. */
static void hear(struct box *b, uint32_t type, struct packet *p)
{
	if (!hear_any(b->control, p))
		fail_msg("heard nothing instead of %u: %s", type, strerror(errno));
	if (p->m.type != type)
		fail_msg("heard %u instead of %u; arg %d, \"%s\"", p->m.type, type, p->m.arg,
			 p->payload + sizeof(struct shim_failure));
}

static void say(struct box *b, const struct shim_message *m, const char *payload, const int *fds,
		size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)] = {0};
	struct shim_message copy = *m;
	struct iovec iov[2] = {{&copy, sizeof(copy)}, {S(payload), payload ? strlen(payload) : 0}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	copy.len = (uint32_t)iov[1].iov_len;
	if (count) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	assert_true(sendmsg(b->control, &msg, MSG_NOSIGNAL) > 0);
}

static void box_started(struct box *b)
{
	struct packet p;

	hear(b, SHIM_STARTED, &p);
	assert_true(p.m.arg > 1);
	assert_true(p.fd_count >= 1);
	b->pid = p.m.arg;
	drop_fds(&p);
}

static void box_start(struct box *b, struct world *w, const char *script)
{
	box_init(b, w, script);
	box_spawn(b);
	box_started(b);
}

static void box_signal(struct box *b, uint32_t process, int signo)
{
	say(b,
	    &(struct shim_message){.type = SHIM_SIGNAL, .seq = 7, .process = process, .arg = signo},
	    NULL, NULL, 0);
}

/* The exit of a process, whatever else is said before. */
static struct shim_exit await_exit(struct box *b, uint32_t process)
{
	struct shim_exit e;
	struct packet p;

	do {
		if (!hear_any(b->control, &p))
			fail_msg("no exit of %u", process);
		drop_fds(&p);
	} while (p.m.type != SHIM_EXITED || p.m.process != process);
	assert_int_equal(p.m.len, sizeof(e));
	memcpy(&e, p.payload, sizeof(e));
	return e;
}

/* What the container has written, by kind of stream. */
static void read_log(const struct box *b, char kind, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = xasprintf("%s/log", b->dir);
	struct error err = ERROR_INIT;
	size_t at = 0;

	assert_int_equal(file_read(AT_FDCWD, path, OUTPUT_MAX, &text, &err), 0);
	while (at < text.len) {
		uint32_t len;

		memcpy(&len, text.data + at + 4, 4);
		len = ntohl(len);
		assert_true(at + SHIM_LOG_HEAD + len <= text.len);
		if (text.data[at] == kind)
			buf_add(out, text.data + at + SHIM_LOG_HEAD, len);
		at += SHIM_LOG_HEAD + len;
	}
	buf_addc(out, '\0');
}

/* The shim is gone, and with it everything that is not the container's directory. */
static void box_end(struct box *b)
{
	struct error err = ERROR_INIT;
	AUTO(strv_free) char **ids = NULL;

	if (b->control >= 0)
		close(b->control);
	assert_int_equal(waitpid(b->shim, NULL, 0), b->shim);
	assert_int_equal(runtime_cgroup_list(&b->world->host, PARENT, &ids, &err), 0);
	assert_false(strv_has(ids, b->id));
	assert_int_equal(file_remove_tree(AT_FDCWD, b->dir, &err), 0);
	free(b->dir);
	free(b->run);
}

static void start_exec(struct box *b, uint32_t number, const char *script, bool tty, int out)
{
	auto_buf struct buf program;
	struct error err = ERROR_INIT;
	char *args[] = {S("/bin/sh"), S("-c"), S(script), NULL};
	struct runtime_process process = b->spec.process;
	auto_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC), image = -1;

	process.args = args;
	process.tty = tty;
	buf_init(&program, BUF_MAX_DEFAULT);
	assert_int_equal(runtime_compile_exec(&b->world->host, &b->spec, &process, &program, &err),
			 0);
	image = memfd_of(&program);
	say(b, &(struct shim_message){.type = SHIM_EXEC, .seq = 100 + number, .process = number},
	    NULL, (int[]){image, null, out, out}, tty || out < 0 ? 1 : 4);
}

/* ---- tests */

static void test_life(void **state)
{
	auto_buf struct buf out = BUF_INIT, errors = BUF_INIT, record = BUF_INIT;
	struct error err = ERROR_INIT;
	struct shim_exit e, *kept;
	auto_free char *exit_path = NULL, *sock = NULL;
	struct box b;

	box_start(&b, world_of(state), "echo out; echo err >&2; echo -n tail; exit 3");
	e = await_exit(&b, 0);
	assert_int_equal(e.status, 3);
	assert_int_equal(e.signal, 0);
	assert_true(e.started_ns > 0 && e.finished_ns >= e.started_ns);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	read_log(&b, SHIM_LOG_STDERR, &errors);
	assert_string_equal(out.data, "out\ntail");
	assert_string_equal(errors.data, "err\n");
	exit_path = xasprintf("%s/exit", b.run);
	sock = xasprintf("%s/shim.sock", b.run);
	assert_int_equal(file_read(AT_FDCWD, exit_path, 4096, &record, &err), 0);
	assert_int_equal(record.len, sizeof(e));
	kept = (struct shim_exit *)(void *)record.data;
	assert_int_equal(kept->status, 3);
	assert_false(file_exists(AT_FDCWD, sock));
	box_end(&b);
}

static void test_signal(void **state)
{
	struct packet p;
	struct shim_exit e;
	struct box b;

	box_start(&b, world_of(state), "trap 'exit 9' TERM; while :; do sleep 0.05; done");
	usleep(100000);
	box_signal(&b, 0, SIGTERM);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.m.seq, 7);
	assert_int_equal(p.m.arg, 0);
	assert_int_equal(await_exit(&b, 0).status, 9);
	box_end(&b);
	box_start(&b, world_of(state), "sleep 1000");
	box_signal(&b, 0, 1000);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.m.arg, EINVAL);
	box_signal(&b, 5, SIGTERM);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.m.arg, ESRCH);
	box_signal(&b, 0, SIGKILL);
	e = await_exit(&b, 0);
	assert_int_equal(e.status, 137);
	assert_int_equal(e.signal, SIGKILL);
	box_end(&b);
}

static void failing(struct world *w, const char *command, int code)
{
	struct shim_failure f;
	struct packet p;
	struct box b;

	box_init(&b, w, NULL);
	b.args[0] = S(command);
	b.args[1] = NULL;
	box_spawn(&b);
	hear(&b, SHIM_FAILED, &p);
	assert_int_equal(p.m.arg, code);
	memcpy(&f, p.payload, sizeof(f));
	assert_int_equal(f.code, code);
	assert_string_equal(p.payload + sizeof(f), command);
	box_end(&b);
}

static void test_failures(void **state)
{
	struct world *w = world_of(state);

	failing(w, "/bin/nothing", ENOENT);
	failing(w, "nothing", ENOENT);
	failing(w, "/bin", EACCES);
}

/* What the container sees of itself: nothing of ours. */
static void test_inheritance(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct box b;

	box_start(&b, world_of(state),
		  "grep -E 'Sig(Blk|Ign)|CapInh|CapAmb' /proc/self/status; umask; "
		  "ls /proc/$$/fd; cat /proc/self/oom_score_adj; "
		  "cat /proc/$$/stat | (read a b c d e f g; echo $a $f); env | grep CMP");
	await_exit(&b, 0);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
				      "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n0022\n"
				      "0\n1\n2\n0\n1 1\n");
	box_end(&b);
}

static void test_user_streams(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct box b;

	box_init(&b, world_of(state),
		 "echo a >/dev/stdout; id -u; grep -c 'CapEff:.0*$' "
		 "/proc/self/status");
	b.spec.process.user = "1000:1000";
	box_spawn(&b);
	box_started(&b);
	assert_int_equal(await_exit(&b, 0).status, 0);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "a\n1000\n1\n");
	box_end(&b);
}

static void read_pipe(int fd, const char *expected)
{
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	assert_int_equal(file_read_fd(fd, OUTPUT_MAX, &text, &err), 0);
	buf_addc(&text, '\0');
	assert_string_equal(text.data, expected);
}

static void test_exec(void **state)
{
	struct packet p;
	struct box b;
	int pipes[2];

	box_start(&b, world_of(state), "sleep 1000");
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	start_exec(&b, 5,
		   "echo $$; ls /proc/$$/fd; umask; "
		   "grep -E 'SigIgn|SigBlk' /proc/self/status; exit 6",
		   false, pipes[1]);
	close(pipes[1]);
	hear(&b, SHIM_EXEC_STARTED, &p);
	assert_int_equal(p.m.process, 5);
	assert_int_equal(p.m.seq, 105);
	assert_int_equal(await_exit(&b, 5).status, 6);
	read_pipe(pipes[0],
		  "2\n0\n1\n2\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	close(pipes[0]);
	/* without streams it would get ours */
	start_exec(&b, 6, "exit 0", false, -1);
	hear(&b, SHIM_FAILED, &p);
	assert_int_equal(p.m.process, 6);
	assert_int_equal(p.m.arg, EBADMSG);
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	box_end(&b);
}

/* Many that end at once: each is told of, none is lost. */
static void test_many_execs(void **state)
{
	enum { MANY = 60 };
	bool started[MANY + 1] = {false}, ended[MANY + 1] = {false};
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned count = 0;
	struct packet p;
	struct box b;

	box_start(&b, world_of(state), "sleep 1000");
	for (uint32_t i = 1; i <= MANY; i++)
		start_exec(&b, i, "exit 0", false, null);
	while (count < 2 * MANY) {
		assert_true(hear_any(b.control, &p));
		assert_true(p.m.process >= 1 && p.m.process <= MANY);
		if (p.m.type == SHIM_EXEC_STARTED) {
			assert_false(started[p.m.process]);
			started[p.m.process] = true;
		} else {
			assert_int_equal(p.m.type, SHIM_EXITED);
			assert_true(started[p.m.process] && !ended[p.m.process]);
			ended[p.m.process] = true;
		}
		count++;
	}
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	box_end(&b);
}

/* A container that may debug its processes watches who comes in: no descriptor of ours is there. */
static void test_watched_exec(void **state)
{
	enum { MANY = 150 };
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_buf struct buf out = BUF_INIT;
	unsigned ended = 0;
	struct packet p;
	struct box b;

	box_init(
		&b, world_of(state),
		"while :; do ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd /proc/[0-9]*/root 2>/dev/null | "
		"grep -e '-> /[^dp ]'; done; echo looked");
	b.spec.process.capabilities |= 1ull << 19; /* SYS_PTRACE */
	box_spawn(&b);
	box_started(&b);
	for (uint32_t i = 1; i <= MANY; i++) {
		start_exec(&b, i, ":", false, null);
		while (ended < i && hear_any(b.control, &p))
			ended += p.m.type == SHIM_EXITED;
	}
	assert_int_equal(ended, MANY);
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "");
	box_end(&b);
}

/* A start that hangs (here: in a frozen cgroup) holds up nothing else. */
static void test_hanging_exec(void **state)
{
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct error err = ERROR_INIT;
	struct packet p;
	struct box b;

	box_start(&b, world_of(state), "sleep 1000");
	assert_int_equal(runtime_cgroup_act(&b.world->host, PARENT, b.id, RT_CGROUP_FREEZE, &err),
			 0);
	start_exec(&b, 1, "exit 4", false, null);
	say(&b, &(struct shim_message){.type = SHIM_KEEP, .seq = 2}, "port", &null, 1);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.m.seq, 2);
	assert_int_equal(runtime_cgroup_act(&b.world->host, PARENT, b.id, RT_CGROUP_THAW, &err), 0);
	hear(&b, SHIM_EXEC_STARTED, &p);
	assert_int_equal(await_exit(&b, 1).status, 4);
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	box_end(&b);
}

static void expect_on(int fd, const char *expected)
{
	auto_buf struct buf text = BUF_INIT;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char some[256];

	while (poll(&pfd, 1, HEAR_SECS * 1000) > 0) {
		ssize_t n = read(fd, some, sizeof(some));

		if (n <= 0)
			break;
		buf_add(&text, some, (size_t)n);
		buf_addc(&text, '\0');
		text.len--;
		if (strstr(text.data, expected))
			return;
	}
	fail_msg("\"%s\" instead of \"%s\"", text.data ? text.data : "", expected);
}

static void test_terminal(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct packet p;
	int master, further;
	struct box b;

	box_init(&b, world_of(state), "read a; stty size; echo got $a; tty </dev/console; exit 8");
	b.spec.process.tty = true;
	b.spec.process.rows = 24;
	b.spec.process.columns = 80;
	box_spawn(&b);
	box_started(&b);
	start_exec(&b, 1, "tty; read x; exit 2", true, -1);
	hear(&b, SHIM_EXEC_STARTED, &p);
	assert_int_equal(p.fd_count, 1);
	further = p.fds[0];
	expect_on(further, "/dev/pts/1");
	assert_int_equal(write(further, "x\n", 2), 2);
	assert_int_equal(await_exit(&b, 1).status, 2);
	close(further);
	say(&b, &(struct shim_message){.type = SHIM_RESIZE, .seq = 3, .arg = 40 << 16 | 100}, NULL,
	    NULL, 0);
	say(&b, &(struct shim_message){.type = SHIM_STDIN, .seq = 4}, NULL, NULL, 0);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.m.seq, 4);
	assert_int_equal(p.fd_count, 1);
	master = p.fds[0];
	assert_int_equal(write(master, "hello\n", 6), 6);
	close(master);
	assert_int_equal(await_exit(&b, 0).status, 8);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_non_null(strstr(out.data, "40 100\r\ngot hello\r\n"));
	box_end(&b);
}

static void test_stdin(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct packet p;
	struct box b;

	box_init(&b, world_of(state), "cat; exit 5");
	b.spec.process.stdin_open = true;
	box_spawn(&b);
	box_started(&b);
	say(&b, &(struct shim_message){.type = SHIM_STDIN, .seq = 4}, NULL, NULL, 0);
	hear(&b, SHIM_DONE, &p);
	assert_int_equal(p.fd_count, 1);
	say(&b, &(struct shim_message){.type = SHIM_STDIN_CLOSE, .seq = 5}, NULL, NULL, 0);
	assert_int_equal(write(p.fds[0], "some\n", 5), 5);
	close(p.fds[0]);
	assert_int_equal(await_exit(&b, 0).status, 5);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "some\n");
	box_end(&b);
}

static void test_init(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct shim_exit e;
	struct box b;

	/* pid 2, told of signals; an orphan is reaped; pid 1 shows nothing */
	box_init(
		&b, world_of(state),
		"echo $$; cat /proc/1/environ /proc/1/maps 2>/dev/null; ls /proc/1/fd 2>/dev/null; "
		"trap 'exit 12' USR1; (sleep 0.01 &); while :; do sleep 0.05; done");
	b.spec.init = true;
	box_spawn(&b);
	box_started(&b);
	usleep(200000);
	box_signal(&b, 0, SIGUSR1);
	e = await_exit(&b, 0);
	assert_int_equal(e.status, 12);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "2\n");
	box_end(&b);
	/* the command cannot be executed: as without init */
	box_init(&b, world_of(state), NULL);
	b.spec.init = true;
	b.args[0] = S("/bin/nothing");
	b.args[1] = NULL;
	box_spawn(&b);
	hear(&b, SHIM_FAILED, &(struct packet){.fd_count = 0});
	box_end(&b);
}

/* Who shares the host's pid namespace leaves processes behind: they go with the container. */
static void test_leftovers(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	uint64_t pid;
	struct box b;

	box_init(&b, world_of(state), "(while :; do echo; sleep 0.01; done) & echo $! >&2; exit 1");
	b.spec.pid.mode = RT_NS_HOST;
	box_spawn(&b);
	box_started(&b);
	assert_int_equal(await_exit(&b, 0).status, 1);
	read_log(&b, SHIM_LOG_STDERR, &out);
	out.data[strcspn(out.data, "\n")] = '\0';
	assert_int_equal(parse_u64(out.data, &pid), 0);
	box_end(&b);
	for (int i = 0; i < 100 && kill((pid_t)pid, 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill((pid_t)pid, 0), -1);
}

/* A pid namespace of the host's, and one of another container's: both can be exec'd into, and one
 * container's end is not the other's. */
/* Until its log has something. */
static void await_output(const struct box *b)
{
	auto_free char *path = xasprintf("%s/log", b->dir);
	struct stat st;
	size_t i;

	for (i = 0; i < HEAR_SECS * 100; i++) {
		if (stat(path, &st) == 0 && st.st_size > 0)
			return;
		usleep(10000);
	}
	fail_msg("no output");
}

static void test_shared_pids(void **state)
{
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_buf struct buf out = BUF_INIT;
	struct world *w = world_of(state);
	auto_free char *path = NULL;
	struct box first, second;
	struct packet p;

	box_init(&first, w, "sleep 1000");
	first.spec.pid.mode = RT_NS_HOST;
	box_spawn(&first);
	box_started(&first);
	start_exec(&first, 1, "exit 7", false, null);
	hear(&first, SHIM_EXEC_STARTED, &p);
	assert_int_equal(await_exit(&first, 1).status, 7);
	box_signal(&first, 0, SIGKILL);
	await_exit(&first, 0);
	box_end(&first);

	box_start(&first, w, "sleep 1000");
	path = xasprintf("/proc/%d/ns/pid", first.pid);
	box_init(&second, w, "echo $$; kill -0 1 && sleep 1000");
	second.spec.pid = (struct runtime_namespace){.mode = RT_NS_PATH, .path = path};
	box_spawn(&second);
	box_started(&second);
	await_output(&second);
	start_exec(&second, 2, "kill -9 2", false, null);
	hear(&second, SHIM_EXEC_STARTED, &p);
	assert_int_equal(await_exit(&second, 0).status, 137);
	read_log(&second, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "2\n");
	box_end(&second);
	start_exec(&first, 3, "exit 8", false, null);
	hear(&first, SHIM_EXEC_STARTED, &p);
	assert_int_equal(await_exit(&first, 3).status, 8);
	box_signal(&first, 0, SIGKILL);
	await_exit(&first, 0);
	box_end(&first);
}

static void test_population(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct world *w = world_of(state);
	auto_free char *volume = xasprintf("%s/volume", w->dir), *inside = NULL;
	auto_free char *command =
		xasprintf("mkdir -p %s/data/deep && cd %s/data && echo x >deep/f && "
			  "chown -R 5:6 deep && chmod 2750 deep && ln -s deep/f l && "
			  "mkfifo p && mkdir %s",
			  w->layer, w->layer, volume);
	struct runtime_mount mount = {
		.kind = RT_MOUNT_VOLUME, .source = volume, .target = "/data", .populate = true};
	struct stat st;
	struct box b;

	assert_int_equal(system(command), 0);
	box_init(&b, w, "cat /data/l; echo mine >/data/deep/f; ls /data");
	b.spec.mounts = &mount;
	b.spec.mount_count = 1;
	box_spawn(&b);
	box_started(&b);
	await_exit(&b, 0);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "x\ndeep\nl\np\n");
	box_end(&b);
	inside = xasprintf("%s/deep", volume);
	assert_int_equal(lstat(inside, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	/* what is there stays */
	buf_reset(&out);
	box_init(&b, w, "cat /data/l");
	b.spec.mounts = &mount;
	b.spec.mount_count = 1;
	box_spawn(&b);
	box_started(&b);
	await_exit(&b, 0);
	read_log(&b, SHIM_LOG_STDOUT, &out);
	assert_string_equal(out.data, "mine\n");
	box_end(&b);
}

static void test_memory(void **state)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = NULL;
	struct error err = ERROR_INIT;
	const char *line;
	unsigned long kib = 0;
	struct box b;

	box_start(&b, world_of(state), "sleep 1000");
	path = xasprintf("/proc/%d/smaps_rollup", b.shim);
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, &err), 0);
	line = strstr(text.data, "Private_Dirty:");
	assert_non_null(line);
	for (line += strlen("Private_Dirty:"); *line && *line != 'k'; line++)
		if (*line >= '0' && *line <= '9')
			kib = kib * 10 + (unsigned long)(*line - '0');
	assert_true(kib > 0 && kib <= MEMORY_KIB);
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	box_end(&b);
}

/* ---- losing the supervisor */

static unsigned starts_of(const struct world *w)
{
	auto_free char *path = xasprintf("%s/" STARTS_FILE, w->dir);
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	unsigned n = 0;

	if (file_read(AT_FDCWD, path, 65536, &text, &err) < 0)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	return n;
}

/* A supervisor that only says that it was started, and holds the lock for a while. */
static void use_fake_supervisor(struct world *w)
{
	auto_free char *path = xasprintf("%s/cmpd", w->dir), *starts = NULL;
	auto_free char *command = xasprintf(
		"printf '#!/bin/sh\\necho $CMP_START_LOCK $(readlink /proc/$$/fd/3) $(ls "
		"/proc/$$/fd | wc -l) $PPID >>%s/" STARTS_FILE "; exec sleep 2\\n' >%s && chmod +x "
		"%s",
		w->dir, path, path);

	assert_int_equal(system(command), 0);
	starts = xasprintf("%s/" STARTS_FILE, w->dir);
	unlink(starts);
	setenv("CMPD", path, 1);
}

static void box_connect(struct box *b)
{
	const struct timeval limit = {.tv_sec = HEAR_SECS};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	auto_fd int dir = open(b->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/shim.sock", dir);
	b->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(b->control, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	setsockopt(b->control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	say(b, &(struct shim_message){.type = SHIM_HELLO, .seq = 1}, NULL, NULL, 0);
}

/* What the shim tells of itself; the kept descriptor is a pipe's end with one byte in it. */
static void check_state(struct box *b, bool kept)
{
	struct shim_state st;
	struct packet p;
	char c;

	hear(b, SHIM_STATE, &p);
	assert_int_equal(p.m.seq, 1);
	assert_int_equal(p.m.arg, b->pid);
	assert_int_equal(p.fd_count, b->spec.dns ? 3 : 1);
	assert_int_equal(p.m.len, sizeof(st));
	memcpy(&st, p.payload, sizeof(st));
	assert_int_equal(st.version, SHIM_VERSION);
	assert_true(st.started_ns > 0);
	assert_int_equal(syscall(SYS_pidfd_send_signal, p.fds[0], 0, NULL, 0), 0);
	drop_fds(&p);
	if (kept) {
		hear(b, SHIM_KEPT, &p);
		assert_string_equal(p.payload, "tcp:8080");
		assert_int_equal(p.fd_count, 1);
		assert_int_equal(read(p.fds[0], &c, 1), 1);
		assert_int_equal(c, 'k');
		drop_fds(&p);
	}
	hear(b, SHIM_STATE_END, &p);
}

static void keep_something(struct box *b)
{
	struct packet p;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "k", 1), 1);
	say(b, &(struct shim_message){.type = SHIM_KEEP, .seq = 9}, "tcp:8080", pipes, 1);
	hear(b, SHIM_DONE, &p);
	assert_int_equal(p.m.arg, 0);
	say(b, &(struct shim_message){.type = SHIM_KEEP, .seq = 9}, "gone", pipes, 1);
	hear(b, SHIM_DONE, &p);
	say(b, &(struct shim_message){.type = SHIM_DROP, .seq = 9}, "gone", NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_lost_supervisor(void **state)
{
	enum { BOXES = 4 };
	struct world *w = world_of(state);
	struct box b[BOXES];
	int64_t lost_ns;

	use_fake_supervisor(w);
	for (int i = 0; i < BOXES; i++) {
		box_init(&b[i], w, "while :; do echo x; sleep 0.1; done");
		b[i].spec.dns = b[i].spec.loopback = i == 0;
		box_spawn(&b[i]);
		box_started(&b[i]);
	}
	keep_something(&b[0]);
	lost_ns = time_boot_ns();
	for (int i = 0; i < BOXES; i++)
		close(b[i].control);
	while (starts_of(w) == 0 && time_boot_ns() - lost_ns < 10000000000)
		usleep(1000); /* some milliseconds, but the machine may be an emulated one */
	usleep(700000);
	assert_int_equal(starts_of(w), 1);
	for (int i = 0; i < BOXES; i++) {
		box_connect(&b[i]);
		check_state(&b[i], i == 0);
	}
	usleep(1800000); /* the lock is free again, but nobody wants it */
	assert_int_equal(starts_of(w), 1);
	for (int i = 0; i < BOXES; i++) {
		box_signal(&b[i], 0, SIGKILL);
		assert_int_equal(await_exit(&b[i], 0).status, 137);
		box_end(&b[i]);
	}
	unsetenv("CMPD");
}

static void test_goodbye(void **state)
{
	struct world *w = world_of(state);
	auto_free char *record = NULL;
	struct box b;

	use_fake_supervisor(w);
	box_start(&b, w, "sleep 0.3; exit 2");
	say(&b, &(struct shim_message){.type = SHIM_GOODBYE}, NULL, NULL, 0);
	close(b.control);
	b.control = -1;
	record = xasprintf("%s/exit", b.run);
	for (int i = 0; i < 500 && !file_exists(AT_FDCWD, record); i++)
		usleep(10000);
	assert_true(file_exists(AT_FDCWD, record));
	assert_int_equal(starts_of(w), 0);
	box_end(&b);
	unsetenv("CMPD");
}

static void test_nonsense(void **state)
{
	struct packet p;
	struct box b;

	box_start(&b, world_of(state), "sleep 1000");
	say(&b, &(struct shim_message){.type = 999}, "x", NULL, 0);
	assert_false(hear_any(b.control, &p));
	close(b.control);
	box_connect(&b);
	check_state(&b, false);
	/* a newer one takes the place of the older */
	int old = b.control;
	box_connect(&b);
	check_state(&b, false);
	assert_int_equal(recv(old, &p, sizeof(p), 0), 0);
	close(old);
	box_signal(&b, 0, SIGKILL);
	await_exit(&b, 0);
	box_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_user_streams),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_many_execs),
		cmocka_unit_test(test_watched_exec),
		cmocka_unit_test(test_hanging_exec),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_shared_pids),
		cmocka_unit_test(test_population),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_lost_supervisor),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
