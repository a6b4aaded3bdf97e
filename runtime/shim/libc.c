/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of a C library that the shim uses, under its usual names and with the system's
 * headers.  A static glibc spends more on starting itself (cpu features, locales, a loader) than
 * the shim on everything before its child exists, and there is one shim per container; without it
 * the program is also a fraction of the size.  Single-threaded, no heap, no stdio.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SIGSET_BYTES 8 /* of the kernel; ours is longer */
#define DIGITS	     20

/* ---- the beginning */

char **environ;
static int error_number;

int main(int argc, char **argv);
_Noreturn void shim_start(long *stack);
int *__errno_location(void)
{
	return &error_number;
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n"
	"\tcall shim_start\n");

static long call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(n)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return n;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n"
	"\tand sp, x0, #-16\n\tbl shim_start\n");

static long call(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "the shim does not know this machine's system calls"
#endif

static long done(long r)
{
	if (r >= -4095 && r < 0) {
		error_number = (int)-r;
		return -1;
	}
	return r;
}

/* A call with any number of arguments up to six; pointers and numbers alike. */
#define L(x)			   ((long)(x))
#define CALL6(n, a, b, c, d, e, f) done(call(n, L(a), L(b), L(c), L(d), L(e), L(f)))
#define CALL5(n, a, b, c, d, e)	   CALL6(n, a, b, c, d, e, 0)
#define CALL4(n, a, b, c, d)	   CALL6(n, a, b, c, d, 0, 0)
#define CALL3(n, a, b, c)	   CALL6(n, a, b, c, 0, 0, 0)
#define CALL2(n, a, b)		   CALL6(n, a, b, 0, 0, 0, 0)
#define CALL1(n, a)		   CALL6(n, a, 0, 0, 0, 0, 0)
#define CALL0(n)		   CALL6(n, 0, 0, 0, 0, 0, 0)

void _exit(int status)
{
	for (;;)
		call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

_Noreturn void shim_start(long *stack)
{
	char **argv = (char **)(stack + 1);

	environ = argv + *stack + 1;
	_exit(main((int)*stack, argv));
}

long syscall(long n, ...)
{
	long a[6];
	va_list ap;
	int i;

	va_start(ap, n);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return done(call(n, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/* ---- memory and strings.  The barriers keep the compiler from seeing a memcpy in memcpy. */

#define BARRIER() __asm__ volatile("" ::: "memory")

typedef uint64_t __attribute__((may_alias, aligned(1))) any_word; /* anywhere */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

#ifdef __x86_64__
	__asm__ volatile("rep movsb" : "+D"(t), "+S"(f), "+c"(n) : : "memory");
#else
	for (; n >= 8; n -= 8, t += 8, f += 8) {
		*(any_word *)(void *)t = *(const any_word *)(const void *)f;
		BARRIER();
	}
	for (; n; n--) {
		*t++ = *f++;
		BARRIER();
	}
#endif
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t <= f || t >= f + n)
		return memcpy(to, from, n);
	while (n--) {
		t[n] = f[n];
		BARRIER();
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	unsigned char *t = to;

#ifdef __x86_64__
	__asm__ volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(c) : "memory");
#else
	for (; n; n--) {
		*t++ = (unsigned char)c;
		BARRIER();
	}
#endif
	return to;
}

int memcmp(const void *x, const void *y, size_t n)
{
	const unsigned char *a = x, *b = y;

	for (; n; n--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

/* What clang makes of a memcmp that is only asked for equality. */
int bcmp(const void *x, const void *y, size_t n)
{
	return memcmp(x, y, n);
}

/* Eight bytes at a time: every byte that a container writes passes here. */
void *memchr(const void *s, int c, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
	const uint64_t wanted = ones * (unsigned char)c;
	const unsigned char *p = s;
	uint64_t word;

	for (; n >= 8; n -= 8, p += 8) {
		word = *(const any_word *)(const void *)p ^ wanted;
		if ((word - ones) & ~word & highs)
			break;
	}
	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++)
		BARRIER();
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	const char *end = memchr(s, '\0', max);

	return end ? (size_t)(end - s) : max;
}

static int compare(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--)
		a++, b++;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

int strncmp(const char *a, const char *b, size_t n)
{
	return compare(a, b, n);
}

int strcmp(const char *a, const char *b)
{
	return compare(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do
		if (*s == (char)c)
			found = s;
	while (*s++);
	return (char *)(uintptr_t)found;
}

size_t strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && strchr(set, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && !strchr(set, s[n]))
		n++;
	return n;
}

char *getenv(const char *name)
{
	size_t len = strlen(name);
	char **e;

	for (e = environ; *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			return *e + len + 1;
	return NULL;
}

static const char *digits(unsigned long n, bool minus, char out[DIGITS + 2])
{
	char *p = out + DIGITS + 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (minus)
		*--p = '-';
	return p;
}

/* %s, %d and %u. */
int snprintf(char *restrict out, size_t size, const char *restrict fmt, ...)
{
	char buf[DIGITS + 2], one[2] = "";
	const char *piece;
	size_t n = 0;
	va_list ap;
	int d;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		one[0] = *fmt;
		piece = one;
		if (*fmt == '%' && *++fmt == 's') {
			piece = va_arg(ap, const char *);
		} else if (one[0] == '%' && *fmt == 'u') {
			piece = digits(va_arg(ap, unsigned), false, buf);
		} else if (one[0] == '%') {
			d = va_arg(ap, int);
			piece = digits(d < 0 ? -(unsigned long)d : (unsigned long)d, d < 0, buf);
		}
		for (; *piece; piece++, n++)
			if (n + 1 < size)
				out[n] = *piece;
	}
	va_end(ap);
	if (size)
		out[n < size ? n : size - 1] = '\0';
	return (int)n;
}

/* ---- files */

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)CALL4(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)CALL4(SYS_openat, AT_FDCWD, path, flags, mode);
}

int close(int fd)
{
	return (int)CALL1(SYS_close, fd);
}

int close_range(unsigned first, unsigned last, int flags)
{
	return (int)CALL3(SYS_close_range, first, last, flags);
}

ssize_t read(int fd, void *buf, size_t n)
{
	return CALL3(SYS_read, fd, buf, n);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	return CALL3(SYS_write, fd, buf, n);
}

off_t lseek(int fd, off_t offset, int whence)
{
	return CALL3(SYS_lseek, fd, offset, whence);
}

int ftruncate(int fd, off_t len)
{
	return (int)CALL2(SYS_ftruncate, fd, len);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t n)
{
	return CALL4(SYS_sendfile, out, in, offset, n);
}

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t n, unsigned flags)
{
	return CALL6(SYS_copy_file_range, in, in_at, out, out_at, n, flags);
}

int fcntl(int fd, int what, ...)
{
	va_list ap;
	long arg;

	va_start(ap, what);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)CALL3(SYS_fcntl, fd, what, arg);
}

int ioctl(int fd, unsigned long what, ...)
{
	va_list ap;
	long arg;

	va_start(ap, what);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)CALL3(SYS_ioctl, fd, what, arg);
}

int dup3(int from, int to, int flags)
{
	return (int)CALL3(SYS_dup3, from, to, flags);
}

int pipe2(int fds[2], int flags)
{
	return (int)CALL2(SYS_pipe2, fds, flags);
}

int flock(int fd, int what)
{
	return (int)CALL2(SYS_flock, fd, what);
}

int fstat(int fd, struct stat *st)
{
	return (int)CALL2(SYS_fstat, fd, st);
}

int fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	return (int)CALL4(SYS_newfstatat, dir, path, st, flags);
}

int fstatfs(int fd, struct statfs *st)
{
	return (int)CALL2(SYS_fstatfs, fd, st);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	return (int)CALL3(SYS_mkdirat, dir, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
	return (int)CALL3(SYS_unlinkat, dir, path, flags);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)CALL5(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int symlinkat(const char *target, int dir, const char *path)
{
	return (int)CALL3(SYS_symlinkat, target, dir, path);
}

ssize_t readlinkat(int dir, const char *restrict path, char *restrict buf, size_t n)
{
	return CALL4(SYS_readlinkat, dir, path, buf, n);
}

int mknodat(int dir, const char *path, mode_t mode, dev_t dev)
{
	return (int)CALL4(SYS_mknodat, dir, path, mode, dev);
}

int mkfifoat(int dir, const char *path, mode_t mode)
{
	return mknodat(dir, path, mode | S_IFIFO, 0);
}

int fchmod(int fd, mode_t mode)
{
	return (int)CALL2(SYS_fchmod, fd, mode);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
	return (int)CALL3(SYS_fchown, fd, uid, gid);
}

int fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags)
{
	return (int)CALL5(SYS_fchownat, dir, path, uid, gid, flags);
}

int futimens(int fd, const struct timespec times[2])
{
	return (int)CALL4(SYS_utimensat, fd, NULL, times, 0);
}

ssize_t flistxattr(int fd, char *list, size_t n)
{
	return CALL3(SYS_flistxattr, fd, list, n);
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t n)
{
	return CALL4(SYS_fgetxattr, fd, name, value, n);
}

int fsetxattr(int fd, const char *name, const void *value, size_t n, int flags)
{
	return (int)CALL5(SYS_fsetxattr, fd, name, value, n, flags);
}

int chdir(const char *path) /* banned-ok: this is it */
{
	return (int)CALL1(SYS_chdir, path);
}

int fchdir(int fd)
{
	return (int)CALL1(SYS_fchdir, fd);
}

mode_t umask(mode_t mode)
{
	return (mode_t)CALL1(SYS_umask, mode);
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)CALL6(SYS_mmap, at, len, prot, flags, fd, offset);
}

int munmap(void *at, size_t len)
{
	return (int)CALL2(SYS_munmap, at, len);
}

/* ---- mounts */

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data)
{
	return (int)CALL5(SYS_mount, source, target, type, flags, data);
}

int umount2(const char *target, int flags)
{
	return (int)CALL2(SYS_umount2, target, flags);
}

int fsopen(const char *type, unsigned flags)
{
	return (int)CALL2(SYS_fsopen, type, flags);
}

int fsconfig(int fd, unsigned what, const char *key, const void *value, int aux)
{
	return (int)CALL5(SYS_fsconfig, fd, what, key, value, aux);
}

int fsmount(int fd, unsigned flags, unsigned attr)
{
	return (int)CALL3(SYS_fsmount, fd, flags, attr);
}

int open_tree(int dir, const char *path, unsigned flags)
{
	return (int)CALL3(SYS_open_tree, dir, path, flags);
}

int move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)CALL5(SYS_move_mount, from_dir, from, to_dir, to, flags);
}

int mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr, size_t n)
{
	return (int)CALL5(SYS_mount_setattr, dir, path, flags, attr, n);
}

/* ---- sockets */

int socket(int domain, int type, int protocol)
{
	return (int)CALL3(SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	return (int)CALL4(SYS_socketpair, domain, type, protocol, fds);
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	return (int)CALL3(SYS_bind, fd, sa, len);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return (int)CALL3(SYS_connect, fd, sa, len);
}

int listen(int fd, int backlog)
{
	return (int)CALL2(SYS_listen, fd, backlog);
}

int shutdown(int fd, int how)
{
	return (int)CALL2(SYS_shutdown, fd, how);
}

int accept4(int fd, struct sockaddr *restrict sa, socklen_t *restrict len, int flags)
{
	return (int)CALL4(SYS_accept4, fd, sa, len, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL5(SYS_setsockopt, fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	return (int)CALL5(SYS_getsockopt, fd, level, name, value, len);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	return CALL6(SYS_sendto, fd, buf, n, flags, NULL, 0);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return CALL6(SYS_recvfrom, fd, buf, n, flags, NULL, NULL);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return CALL3(SYS_sendmsg, fd, msg, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return CALL3(SYS_recvmsg, fd, msg, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

	return (int)CALL5(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &t, NULL, SIGSET_BYTES);
}

/* ---- processes and signals */

pid_t fork(void)
{
	return (pid_t)CALL5(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

int execve(const char *path, char *const argv[], char *const env[])
{
	return (int)CALL3(SYS_execve, path, argv, env);
}

pid_t waitpid(pid_t pid, int *status, int flags)
{
	return (pid_t)CALL4(SYS_wait4, pid, status, flags, NULL);
}

int kill(pid_t pid, int signo)
{
	return (int)CALL2(SYS_kill, pid, signo);
}

pid_t getpid(void)
{
	return (pid_t)CALL0(SYS_getpid);
}

uid_t geteuid(void)
{
	return (uid_t)CALL0(SYS_geteuid);
}

pid_t setsid(void)
{
	return (pid_t)CALL0(SYS_setsid);
}

int setpgid(pid_t pid, pid_t group)
{
	return (int)CALL2(SYS_setpgid, pid, group);
}

int tcsetpgrp(int fd, pid_t group)
{
	return ioctl(fd, TIOCSPGRP, &group);
}

int setgroups(size_t count, const gid_t *groups)
{
	return (int)CALL2(SYS_setgroups, count, groups);
}

int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return (int)CALL3(SYS_setresuid, real, effective, saved);
}

int setresgid(gid_t real, gid_t effective, gid_t saved)
{
	return (int)CALL3(SYS_setresgid, real, effective, saved);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return (int)CALL2(SYS_setrlimit, resource, limit);
}

int prctl(int what, ...)
{
	long a[4];
	va_list ap;
	int i;

	va_start(ap, what);
	for (i = 0; i < 4; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return (int)CALL5(SYS_prctl, what, a[0], a[1], a[2], a[3]);
}

int setns(int fd, int type)
{
	return (int)CALL2(SYS_setns, fd, type);
}

int unshare(int flags)
{
	return (int)CALL1(SYS_unshare, flags);
}

int sethostname(const char *name, size_t n)
{
	return (int)CALL2(SYS_sethostname, name, n);
}

int setdomainname(const char *name, size_t n)
{
	return (int)CALL2(SYS_setdomainname, name, n);
}

int sigemptyset(sigset_t *set)
{
	set->__val[0] = 0;
	return 0;
}

int sigfillset(sigset_t *set)
{
	set->__val[0] = ~0ul;
	return 0;
}

int sigaddset(sigset_t *set, int signo)
{
	set->__val[0] |= 1ul << (signo - 1);
	return 0;
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return (int)CALL4(SYS_rt_sigprocmask, how, set, old, SIGSET_BYTES);
}

/* SIG_DFL and SIG_IGN only: handlers would want a way back. */
int sigaction(int signo, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	const struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} kernel = {.handler = new->sa_handler};

	(void)old;
	return (int)CALL4(SYS_rt_sigaction, signo, &kernel, NULL, SIGSET_BYTES);
}

int signalfd(int fd, const sigset_t *set, int flags)
{
	return (int)CALL4(SYS_signalfd4, fd, set, SIGSET_BYTES, flags);
}

int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	return (int)CALL4(SYS_rt_sigtimedwait, set, info, NULL, SIGSET_BYTES);
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	return (int)CALL2(SYS_nanosleep, time, left);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	return (int)CALL2(SYS_clock_gettime, clock, ret);
}
