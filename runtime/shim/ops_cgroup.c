/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cgroups: the filter for devices, and the end.  What is still in a container's cgroup when its
 * pid 1 has gone (it shared a pid namespace, say) is killed; cgroups that it made inside go, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define RMDIR_TRIES    200
#define RMDIR_PAUSE_NS 1000000L
#define DEPTH_MAX      16

int op_bpf_device(struct machine *m, const struct program_op *op)
{
	static const char license[] = "GPL";
	union bpf_attr attr = {0};
	long prog;
	int r = 0;

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)text_of(m, op->a[1]);
	attr.insn_cnt = op->a[2];
	attr.license = (uint64_t)(uintptr_t)license;
	prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (prog < 0)
		return -errno;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)slot_of(m, op->a[0]);
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		r = -errno;
	close((int)prog);
	return r;
}

/* All processes of a v1 cgroup, one number a line. */
static void kill_listed(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	pid_t pid = 0, self = getpid();
	char buf[1024];
	ssize_t n, i;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (pid > 1 && pid != self)
				kill(pid, SIGKILL);
			pid = 0;
		}
	close(fd);
}

static void kill_all(int dir)
{
	int fd = openat(dir, "cgroup.kill", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) == 1) {
		close(fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	kill_listed(dir);
}

/* Kills what is in a cgroup and below, and removes what is below. */
static void empty_cgroup(int at, const char *path, int depth)
{
	struct dir_reader d = {
		.fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
	unsigned char type;
	const char *name;

	if (d.fd < 0)
		return;
	kill_all(d.fd);
	while (depth < DEPTH_MAX && dir_next(&d, &name, &type) > 0)
		if (type == DT_DIR && unlinkat(d.fd, name, AT_REMOVEDIR) < 0 && errno == EBUSY) {
			empty_cgroup(d.fd, name, depth + 1);
			unlinkat(d.fd, name, AT_REMOVEDIR);
		}
	close(d.fd);
}

int op_rmdir(struct machine *m, const struct program_op *op)
{
	const struct timespec pause = {.tv_nsec = RMDIR_PAUSE_NS};
	const char *path = text_of(m, op->a[0]);
	int tries = op->flags & OP_BUSY_OK ? RMDIR_TRIES : 1;

	while (rmdir(path) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || !--tries)
			return op->flags & OP_BUSY_OK ? 0 : -errno;
		empty_cgroup(AT_FDCWD, path, 0);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* A line "oom_kill N" in memory.events or memory.oom_control. */
int op_oom(struct machine *m, const struct program_op *op)
{
	static const char key[] = "oom_kill ";
	char text[1024];
	const char *at;
	int fd = open(text_of(m, op->a[0]), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, key, sizeof(key) - 1))
			m->oom_killed = at[sizeof(key) - 1] != '0';
	}
	return 0;
}
