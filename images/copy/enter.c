/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Into the tree of a container: its mount namespace when it runs, otherwise the same mounts in one
 * of our own.  Order matters: mounting needs CAP_SYS_ADMIN, so capabilities go after it and the
 * filter comes last.  The process stays outside of the container's other namespaces: nobody in
 * there can see or trace it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/file.h"
#include "images/confine.h"
#include "images/copy/copy.h"

#define FILES_MAX  256
#define MEMORY_MAX ((uint64_t)1 << 30)

static const int kept_caps[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
				CAP_FSETID, CAP_MKNOD,	      CAP_SETFCAP};

static const int allowed_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(readlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchmod),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(utimensat),
	SCMP_SYS(getdents64),
	SCMP_SYS(fsync),
	SCMP_SYS(fcntl),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(umask),
};

static int open_root(struct error *err)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, errno, "open the container's root") : fd;
}

/* ---- of a container that does not run */

static int bind_one(int root, const json_t *mount_plan, struct error *err)
{
	const char *source = json_get_str(mount_plan, "source");
	const char *target = json_get_str(mount_plan, "target");
	auto_free char *on = NULL;
	auto_fd int fd = -1;
	struct stat st;

	if (!source || !target || stat(source, &st) < 0)
		return 0; /* said when the container starts */
	fd = S_ISDIR(st.st_mode) ? file_inroot_mkdir_p(root, target, 0755, 0, 0, err)
				 : file_inroot_open(root, target, O_PATH, 0, err);
	if (fd < 0) {
		*err = ERROR_INIT;
		return 0;
	}
	on = xasprintf("/proc/self/fd/%d", fd);
	if (mount(source, on, NULL, MS_BIND | MS_REC, NULL) < 0)
		return error_sys(err, errno, "mount on %s", target);
	if (!json_get_bool(mount_plan, "read_only"))
		return 0;
	close(steal_fd(&fd));
	fd = file_inroot_open(root, target, O_PATH, 0, err);
	if (fd < 0)
		return fd;
	free(on);
	on = xasprintf("/proc/self/fd/%d", fd);
	if (mount(NULL, on, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return error_sys(err, errno, "mount on %s read-only", target);
	return 0;
}

static int bind_all(const char *target, const json_t *mounts, struct error *err)
{
	auto_fd int root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *one;
	size_t i;

	if (root < 0)
		return error_sys(err, errno, "open %s", target);
	json_array_foreach ((json_t *)(uintptr_t)mounts, i, one)
		if (bind_one(root, one, err) < 0)
			return -err->code;
	return 0;
}

static int mount_tree(const json_t *plan, struct error *err)
{
	const char *parent = json_get_str(plan, "parent"), *options = json_get_str(plan, "options");
	const char *target = json_get_str(plan, "target");
	auto_fd int dir = -1;

	if (!parent || !options || !target)
		return error_set(err, EINVAL, "the plan has no mount");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fchdir(dir) < 0)
		return error_sys(err, errno, "open %s", parent);
	if (mount("overlay", target, "overlay", 0, options) < 0)
		return error_sys(err, errno, "mount the container's tree");
	if (bind_all(target, json_get_arr(plan, "mounts"), err) < 0)
		return -err->code;
	if (json_get_bool(plan, "read_only") &&
	    mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return error_sys(err, errno, "mount the container's tree read-only");
	return confine_pivot(target, err);
}

/* ---- both */

static int enter_tree(const json_t *plan, struct error *err)
{
	int fd = (int)json_get_int(plan, "namespace", -1);

	if (fd < 0)
		return mount_tree(plan, err);
	if (setns(fd, CLONE_NEWNS) < 0)
		return error_sys(err, errno, "enter the container's mount namespace");
	close(fd);
	return 0;
}

static int set_limits(struct error *err)
{
	if (confine_limit(RLIMIT_CORE, 0, err) < 0)
		return -err->code;
	if (confine_sanitized())
		return 0;
	if (confine_limit(RLIMIT_NOFILE, FILES_MAX, err) < 0 ||
	    confine_limit(RLIMIT_AS, MEMORY_MAX, err) < 0)
		return -err->code;
	return 0;
}

int archive_enter(const json_t *plan, struct error *err)
{
	auto_fd int root = -1;

	if (enter_tree(plan, err) < 0)
		return -err->code;
	root = open_root(err);
	if (root < 0)
		return root;
	if (set_limits(err) < 0 || confine_capabilities(kept_caps, ARRAY_LEN(kept_caps), err) < 0 ||
	    confine_privileges(err) < 0 ||
	    confine_filter(allowed_calls, ARRAY_LEN(allowed_calls), SCMP_ACT_KILL_PROCESS, NULL,
			   err) < 0)
		return -err->code;
	return steal_fd(&root);
}
