/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process becomes: namespaces joined, ids, capabilities, filters, and at last the command.
 * The order is the compiler's; each of these does one thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define VECTOR_MAX   8190
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CAP_LAST     63

int op_setns(struct machine *m, const struct program_op *op)
{
	int fd = open(text_of(m, op->a[0]), O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = setns(fd, (int)op->a[1]) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int op_unshare(struct machine *m, const struct program_op *op)
{
	(void)m;
	return unshare((int)op->a[0]) < 0 ? -errno : 0;
}

int op_setns_pid(struct machine *m, const struct program_op *op)
{
	int fd = open(text_of(m, op->a[0]), O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/*
 * All namespaces of pid 1 at once, by its pidfd.  The process itself stays in its pid namespace; a
 * child (of the shim: CLONE_PARENT) is born into the container's and goes on with the program.
 */
int op_join(struct machine *m, const struct program_op *op)
{
	struct clone_args args = {.flags = CLONE_PARENT};
	long pid;

	if (setns(m->join_pidfd, (int)op->a[0]) < 0)
		return -errno;
	close(m->join_pidfd);
	m->join_pidfd = -1;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0)
		_exit(0);
	return child_say(m, CHILD_JOINED, 0, NULL, 0);
}

int op_hostname(struct machine *m, const struct program_op *op)
{
	const char *name = text_of(m, op->a[0]);

	return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int op_domainname(struct machine *m, const struct program_op *op)
{
	const char *name = text_of(m, op->a[0]);

	return setdomainname(name, strlen(name)) < 0 ? -errno : 0;
}

int op_user(struct machine *m, const struct program_op *op)
{
	return user_lookup(slot_of(m, op->a[0]), text_of(m, op->a[1]), text_of(m, op->a[2]),
			   op->a[3], &m->user, m->detail);
}

int op_rlimit(struct machine *m, const struct program_op *op)
{
	uint64_t values[2];
	struct rlimit limit;

	memcpy(values, text_of(m, op->a[1]), sizeof(values));
	limit = (struct rlimit){.rlim_cur = values[0], .rlim_max = values[1]};
	return setrlimit((int)op->a[0], &limit) < 0 ? -errno : 0;
}

/* The terminal shown as /dev/console: a file of our own new /dev with the peer bound on it. */
static int show_console(int dev, int peer)
{
	int file =
		openat(dev, "console", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int target = -1, tree = -1, r = file < 0 ? -errno : 0;

	if (r == 0) {
		close(file);
		target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
		tree = open_tree(peer, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (target < 0 || tree < 0 ||
		    move_mount(tree, "", target, "",
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			r = -errno;
	}
	if (target >= 0)
		close(target);
	if (tree >= 0)
		close(tree);
	return r;
}

/* Makes the peer of a terminal the process's controlling one and its 0, 1, 2. */
static int take_terminal(int peer)
{
	int i;

	setsid();
	if (ioctl(peer, TIOCSCTTY, 0) < 0)
		return -errno;
	for (i = 0; i < 3; i++)
		if (dup3(peer, i, 0) < 0)
			return -errno;
	return 0;
}

int op_console(struct machine *m, const struct program_op *op)
{
	const struct program_header *h = m->program;
	int master = -1, peer = -1, r;

	(void)op;
	r = tty_open(m->slots[SLOT_PTS], h->rows, h->columns, &master, &peer);
	if (r < 0)
		return r;
	r = child_say(m, CHILD_TERMINAL, 0, (const int[]){master, peer},
		      h->flags & PROGRAM_EXEC ? 1 : 2);
	if (r == 0 && !(h->flags & PROGRAM_EXEC))
		r = show_console(m->slots[SLOT_DEV], peer);
	if (r == 0)
		r = take_terminal(peer);
	close(master);
	close(peer);
	m->has_terminal = r == 0;
	return r;
}

int op_no_new_privs(struct machine *m, const struct program_op *op)
{
	(void)m;
	(void)op;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int op_seccomp(struct machine *m, const struct program_op *op)
{
	struct sock_fprog filter = {
		.len = (unsigned short)op->a[1],
		.filter = (struct sock_filter *)(uintptr_t)text_of(m, op->a[0]),
	};

	if (op->a[1] > BPF_MAXINSNS)
		return -E2BIG;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) <
	    0)
		return -errno;
	return 0;
}

/* Who is not root could not open /dev/stdout again if it belonged to root.  Only what was made for
 * this process: a pipe, or its terminal. */
static void give_streams(const struct machine *m)
{
	struct stat st;
	int i;

	for (i = 0; i < 3; i++) {
		if (fstat(i, &st) == 0 && (m->has_terminal || S_ISFIFO(st.st_mode)) &&
		    fchown(i, m->user.uid, (gid_t)-1) < 0)
			return;
	}
}

/* The inheritable set, and with it the ambient one, is always empty; another user than root has no
 * capability at all. */
int op_identity(struct machine *m, const struct program_op *op)
{
	uint64_t mask = (uint64_t)op->a[1] << 32 | op->a[0];
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {{0}};
	unsigned cap;

	for (cap = 0; cap <= CAP_LAST; cap++)
		if (!(mask >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* above the last one of this kernel */
			return -errno;
		}
	if (m->user.uid)
		give_streams(m);
	if (setgroups(m->user.group_count, m->user.groups) < 0 ||
	    setresgid(m->user.gid, m->user.gid, m->user.gid) < 0 ||
	    setresuid(m->user.uid, m->user.uid, m->user.uid) < 0)
		return -errno;
	if (!m->user.uid) {
		caps[0].effective = caps[0].permitted = (uint32_t)mask;
		caps[1].effective = caps[1].permitted = (uint32_t)(mask >> 32);
	}
	if (syscall(SYS_capset, &head, caps) < 0)
		return -errno;
	/* A change of ids has made it inspectable again. */
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

/* ---- the command */

static char *vector[2][VECTOR_MAX + 2];

static int build_vector(const struct machine *m, uint32_t offset, uint32_t count, char **out)
{
	const char *s = text_of(m, offset);
	uint32_t i;

	if (count > VECTOR_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++, s += strlen(s) + 1)
		out[i] = (char *)(uintptr_t)s;
	out[count] = NULL;
	return 0;
}

static const char *env_value(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* HOME comes from the image's passwd when nobody said otherwise. */
static void add_home(struct machine *m, char **env, uint32_t count)
{
	static char home[sizeof("HOME=") + sizeof(m->user.home)] = "HOME=";

	if (env_value(env, "HOME"))
		return;
	memcpy(home + 5, m->user.home, sizeof(m->user.home));
	env[count] = home;
	env[count + 1] = NULL;
}

/* A program of the image; the last element that existed decides the error. */
static int exec_by_path(const char *name, char **argv, char **env)
{
	const char *path = env_value(env, "PATH");
	char full[4096];
	size_t len = strlen(name);
	int r = -ENOENT;

	if (strchr(name, '/')) {
		execve(name, argv, env);
		return -errno;
	}
	if (!*name)
		return -ENOENT;
	for (path = path ? path : PATH_DEFAULT; *path; path += *path == ':') {
		size_t n = strcspn(path, ":");

		if (n + len + 2 < sizeof(full) && n) {
			memcpy(full, path, n);
			full[n] = '/';
			memcpy(full + n + 1, name, len + 1);
			execve(full, argv, env);
			if (errno != ENOENT && errno != ENOTDIR)
				r = -errno;
		}
		path += n;
	}
	return r;
}

/* Standard input without anybody at the other end is the container's own null device. */
static void null_stdin(const struct machine *m)
{
	int fd;

	if (m->has_terminal || m->stdio[0] >= 0 || m->slots[SLOT_DEV] < 0)
		return;
	fd = openat(m->slots[SLOT_DEV], "null", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	dup3(fd, 0, 0);
	close(fd);
}

static int run_under_init(struct machine *m)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		init_main(pid);
	/* The foreground group of the terminal, so that its signals do not come twice: by init,
	 * too. */
	if (m->has_terminal) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
	}
	return 0;
}

int op_exec(struct machine *m, const struct program_op *op)
{
	int r = build_vector(m, op->a[0], op->a[1], vector[0]);
	sigset_t none;

	if (r == 0)
		r = build_vector(m, op->a[2], op->a[3], vector[1]);
	if (r < 0)
		return r;
	if (!op->a[1])
		return -EINVAL;
	add_home(m, vector[1], op->a[3]);
	null_stdin(m);
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	if (m->program->flags & PROGRAM_INIT) {
		r = run_under_init(m);
		if (r < 0)
			return r;
	}
	if (!m->has_terminal)
		setsid();
	umask(022);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	set_detail(m, vector[0][0]);
	return exec_by_path(vector[0][0], vector[0], vector[1]);
}
