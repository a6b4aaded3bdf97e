/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See confine.h.
 */
#include "images/layer/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "images/confine.h"

#define FILES_MAX  64
#define MEMORY_MAX ((rlim_t)1 << 30)

static const int kept_caps[] = {
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
	SCMP_SYS(readlinkat),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(copy_file_range),
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
	SCMP_SYS(sysinfo), /* sorting asks how much memory there is */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_getaffinity),
};

static int set_limits(uint64_t file_bytes, unsigned files, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* A file that would grow past the limit gives EFBIG, no signal. */
	sigaction(SIGXFSZ, &ignore, NULL);
	if (confine_limit(RLIMIT_FSIZE, file_bytes, err) < 0 ||
	    confine_limit(RLIMIT_CORE, 0, err) < 0)
		return -err->code;
	if (confine_sanitized())
		return 0;
	if (confine_limit(RLIMIT_NOFILE, files ?: FILES_MAX, err) < 0 ||
	    confine_limit(RLIMIT_AS, MEMORY_MAX, err) < 0)
		return -err->code;
	return 0;
}

int confine(const struct confine_args *args, struct error *err)
{
	auto_fd int root = confine_root(args->root, err);

	if (root < 0)
		return root;
	if (set_limits(args->file_bytes, args->files, err) < 0 ||
	    confine_capabilities(kept_caps, ARRAY_LEN(kept_caps) - !args->overlay, err) < 0 ||
	    confine_privileges(err) < 0 ||
	    confine_filter(allowed_calls, ARRAY_LEN(allowed_calls), SCMP_ACT_KILL_PROCESS, NULL,
			   err) < 0)
		return -err->code;
	return steal_fd(&root);
}
