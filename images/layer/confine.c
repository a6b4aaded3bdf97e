/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See confine.h.  Order matters: the namespaces and the root need CAP_SYS_ADMIN, the bounding set
 * CAP_SETPCAP, so capabilities go after them and the filter comes last.
 */
#include "images/layer/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define FILES_MAX  64
#define MEMORY_MAX ((rlim_t)1 << 30)

/* The sanitizers want terabytes of address space and system calls of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
/* The leak checker needs /proc and ptrace, which are gone by the end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static const cap_value_t kept_caps[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,    CAP_FSETID,
	CAP_MKNOD, CAP_SETFCAP,	     CAP_SYS_ADMIN, /* last: with args->overlay only */
};

static const int allowed_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(recvmsg),
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
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchmod),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(utimensat),
	SCMP_SYS(getdents64),
	SCMP_SYS(syncfs),
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
};

static int change_root(const char *root, struct error *err)
{
	auto_fd int fd = -1;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return error_sys(err, errno, "make namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND, NULL) < 0)
		return error_sys(err, errno, "bind %s", root);
	fd = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0)
		return error_sys(err, errno, "open %s", root);
	/* Puts the old root on top of the new one, from where it is taken off. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return error_sys(err, errno, "make %s the root", root);
	close(steal_fd(&fd));
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0)
		return error_sys(err, errno, "open the new root");
	return steal_fd(&fd);
}

static int limit(int resource, rlim_t value)
{
	struct rlimit rl = {value, value};

	return setrlimit((__rlimit_resource_t)resource, &rl);
}

static int set_limits(uint64_t file_bytes, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* A file that would grow past the limit gives EFBIG, no signal. */
	sigaction(SIGXFSZ, &ignore, NULL);
	if (limit(RLIMIT_FSIZE, file_bytes) < 0 || limit(RLIMIT_CORE, 0) < 0 ||
	    (!SANITIZED && limit(RLIMIT_NOFILE, FILES_MAX) < 0) ||
	    (!SANITIZED && limit(RLIMIT_AS, MEMORY_MAX) < 0))
		return error_sys(err, errno, "set limits");
	return 0;
}

static int drop_capabilities(bool overlay, struct error *err)
{
	int count = (int)ARRAY_LEN(kept_caps) - !overlay;
	cap_t caps = cap_init();
	bool kept;
	int r = 0;

	if (!caps)
		abort();
	for (cap_value_t c = 0; CAP_IS_SUPPORTED(c) && !r; c++) {
		kept = false;
		for (int i = 0; i < count; i++)
			kept |= kept_caps[i] == c;
		if (!kept)
			r = cap_drop_bound(c);
	}
	if (r || cap_set_flag(caps, CAP_PERMITTED, count, kept_caps, CAP_SET) ||
	    cap_set_flag(caps, CAP_EFFECTIVE, count, kept_caps, CAP_SET) || cap_set_proc(caps))
		r = error_sys(err, errno, "drop capabilities");
	cap_free(caps);
	return r;
}

static int set_filter(struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_LEN(allowed_calls) && r >= 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	/* Threads, no processes; the C library falls back from clone3. */
	if (r >= 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r >= 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r >= 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? error_sys(err, -r, "load the system call filter") : 0;
}

int confine(const struct confine_args *args, struct error *err)
{
	auto_fd int root = change_root(args->root, err);

	if (root < 0)
		return root;
	if (set_limits(args->file_bytes, err) < 0 || drop_capabilities(args->overlay, err) < 0)
		return -err->code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, errno, "give up new privileges");
	if (!SANITIZED && set_filter(err) < 0)
		return -err->code;
	return steal_fd(&root);
}
