/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See confine.h. */
#include "images/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

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

bool confine_sanitized(void)
{
	return SANITIZED;
}

int confine_pivot(const char *root, struct error *err)
{
	auto_fd int fd = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchdir(fd) < 0)
		return error_sys(err, errno, "open %s", root);
	/* Puts the old root on top of the new one, from where it is taken off. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return error_sys(err, errno, "make %s the root", root);
	return 0;
}

int confine_root(const char *root, struct error *err)
{
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return error_sys(err, errno, "make namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND, NULL) < 0)
		return error_sys(err, errno, "bind %s", root);
	if (confine_pivot(root, err) < 0)
		return -err->code;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0)
		return error_sys(err, errno, "open the new root");
	return fd;
}

int confine_limit(int resource, uint64_t value, struct error *err)
{
	struct rlimit rl = {value, value};

	if (setrlimit((__rlimit_resource_t)resource, &rl) < 0)
		return error_sys(err, errno, "set limits");
	return 0;
}

int confine_capabilities(const int *kept, size_t count, struct error *err)
{
	cap_t caps = cap_init();
	bool keep;
	int r = 0;

	if (!caps)
		abort();
	for (cap_value_t c = 0; CAP_IS_SUPPORTED(c) && !r; c++) {
		keep = false;
		for (size_t i = 0; i < count; i++)
			keep |= kept[i] == c;
		if (!keep)
			r = cap_drop_bound(c);
	}
	if (count && !r)
		r = cap_set_flag(caps, CAP_PERMITTED, (int)count, kept, CAP_SET) ||
		    cap_set_flag(caps, CAP_EFFECTIVE, (int)count, kept, CAP_SET);
	if (r || cap_set_proc(caps))
		r = error_sys(err, errno, "drop capabilities");
	cap_free(caps);
	return r;
}

int confine_privileges(struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, errno, "give up new privileges");
	return 0;
}

int confine_filter(const int *calls, size_t count, uint32_t refusal, confine_rules *rules,
		   struct error *err)
{
	scmp_filter_ctx ctx;
	int r;

	if (SANITIZED)
		return 0;
	ctx = seccomp_init(refusal);
	r = ctx ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && r >= 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	/* Threads, no processes; the C library falls back from clone3. */
	if (r >= 0 && refusal != SCMP_ACT_ERRNO(ENOSYS))
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r >= 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r >= 0 && rules)
		r = rules(ctx);
	if (r >= 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? error_sys(err, -r, "load the system call filter") : 0;
}
