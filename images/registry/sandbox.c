/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sandbox.h. */
#include "images/registry/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/file.h"
#include "images/confine.h"

#define NOBODY	   65534
#define FILES_MAX  1024 /* a descriptor a layer, and the connections */
#define MEMORY_MAX ((uint64_t)1 << 30)
#define FILE_MAX   ((size_t)4 << 20)

/* What getaddrinfo reads. */
static const char *const resolver_files[] = {"/etc/resolv.conf",   "/etc/hosts",
					     "/etc/nsswitch.conf", "/etc/host.conf",
					     "/etc/gai.conf",	   "/etc/services"};

static const int allowed_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(openat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(socketpair),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(prlimit64),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(alarm),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* ---- the file system */

static int put_file(int root, const char *path, const struct buf *text, struct error *err)
{
	auto_fd int fd =
		openat(root, path + 1, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return error_sys(err, errno, "create %s in the sandbox", path);
	return text->len ? file_write_all(fd, text->data, text->len, err) : 0;
}

/* What is not there, or no file, is not needed. */
static int copy_file(int root, const char *from, const char *to, const struct buf *more,
		     struct error *err)
{
	auto_buf struct buf text;
	struct error missing = ERROR_INIT;

	buf_init(&text, 2 * FILE_MAX);
	if (from && file_read(AT_FDCWD, from, FILE_MAX, &text, &missing) < 0)
		buf_reset(&text);
	if (more && more->len) {
		buf_addc(&text, '\n');
		buf_add(&text, more->data, more->len);
	}
	return text.len ? put_file(root, to, &text, err) : 0;
}

static int fill(int root, const char *system_ca, const struct registry_settings *s,
		struct error *err)
{
	if (mkdirat(root, "etc", 0755) < 0)
		return error_sys(err, errno, "create /etc in the sandbox");
	for (size_t i = 0; i < ARRAY_LEN(resolver_files); i++)
		if (copy_file(root, resolver_files[i], resolver_files[i], NULL, err) < 0)
			return -err->code;
	if (copy_file(root, system_ca, SANDBOX_CA, &s->ca, err) < 0 ||
	    copy_file(root, NULL, SANDBOX_CERT, &s->cert, err) < 0 ||
	    copy_file(root, NULL, SANDBOX_KEY, &s->key, err) < 0)
		return -err->code;
	return 0;
}

static int change_root(const char *path, const char *system_ca, const struct registry_settings *s,
		       struct error *err)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	auto_fd int root = -1;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return error_sys(err, errno, "make namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", flags, "mode=0755,size=16m") < 0)
		return error_sys(err, errno, "mount on %s", path);
	root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "open %s", path);
	if (fill(root, system_ca, s, err) < 0)
		return -err->code;
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY | flags, NULL) < 0)
		return error_sys(err, errno, "make %s read-only", path);
	return confine_pivot(path, err);
}

/* ---- the rest */

/* Modules of the name service are found as long as there is a file system. */
static void load_resolver(void)
{
	struct addrinfo *list = NULL;

	if (getaddrinfo("localhost", NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}

/* With the user go all capabilities. */
static int become_nobody(struct error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return error_sys(err, errno, "change the user");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten with the user */
	return 0;
}

static int set_limits(struct error *err)
{
	if (confine_limit(RLIMIT_FSIZE, 0, err) < 0 || confine_limit(RLIMIT_CORE, 0, err) < 0)
		return -err->code;
	if (confine_sanitized())
		return 0;
	if (confine_limit(RLIMIT_NOFILE, FILES_MAX, err) < 0 ||
	    confine_limit(RLIMIT_AS, MEMORY_MAX, err) < 0)
		return -err->code;
	return 0;
}

/* Internet sockets, and the one that tells the addresses of this machine. */
static int socket_rules(void *ctx)
{
	static const unsigned families[] = {AF_INET, AF_INET6, AF_NETLINK};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(families) && r >= 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	return r;
}

int sandbox_enter(const char *root, const char *system_ca, const struct registry_settings *s,
		  struct error *err)
{
	load_resolver();
	if (change_root(root, system_ca, s, err) < 0 || set_limits(err) < 0 ||
	    confine_capabilities((const int[]){CAP_SETUID, CAP_SETGID}, 2, err) < 0 ||
	    become_nobody(err) < 0 || confine_privileges(err) < 0)
		return -err->code;
	/* An unknown call is one that the C library can do without. */
	return confine_filter(allowed_calls, ARRAY_LEN(allowed_calls), SCMP_ACT_ERRNO(ENOSYS),
			      socket_rules, err);
}
