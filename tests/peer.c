/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end for the integration tests and the benchmarks, static so that it runs in any image:
 * UDP echo, TCP sources and sinks, and system calls that a container must be refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK 65536

static char block[BLOCK];

static int fail(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerrordesc_np(errno));
	return 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A socket bound to (serve) or connected with HOST:PORT; host is an address. */
static int open_socket(const char *host, const char *port, int type, bool serve)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to = {.in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtod(port, NULL))}};
	socklen_t len = sizeof(to.in);
	int fd, r, one = 1;

	if (inet_pton(AF_INET, host, &to.in.sin_addr) != 1) {
		to.in6.sin6_family = AF_INET6;
		len = sizeof(to.in6);
		errno = EINVAL;
		if (inet_pton(AF_INET6, host, &to.in6.sin6_addr) != 1)
			return -1;
	}
	fd = socket(to.sa.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = serve ? bind(fd, &to.sa, len) : connect(fd, &to.sa, len);
	if (r == 0 && serve && type == SOCK_STREAM)
		r = listen(fd, 1024);
	if (r == 0)
		return fd;
	close(fd);
	return -1;
}

/* udp-echo PORT: answers every datagram with its text and the host's name. */
static int udp_echo(char **argv)
{
	int fd = open_socket("0.0.0.0", argv[0], SOCK_DGRAM, true);
	struct sockaddr_storage from;
	char text[2048], name[65] = "";

	if (fd < 0)
		return fail("bind");
	gethostname(name, sizeof(name) - 1);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - sizeof(name) - 1, 0,
				     (struct sockaddr *)&from, &len);

		if (n < 0)
			return fail("recvfrom");
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s", name);
		if (sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, len) < 0)
			return fail("sendto");
	}
}

/* udp-ask HOST PORT TEXT: prints the answer; 1 after a second of silence. */
static int udp_ask(char **argv)
{
	struct timeval second = {.tv_sec = 1};
	int fd = open_socket(argv[0], argv[1], SOCK_DGRAM, false);
	char text[2048];
	ssize_t n;

	if (fd < 0)
		return fail("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (send(fd, argv[2], strlen(argv[2]), 0) < 0)
		return fail("send");
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return fail("recv");
	printf("%.*s\n", (int)n, text);
	return 0;
}

/* tcp-source PORT: gives every connection zeros until it is closed. */
static int tcp_source(char **argv)
{
	int fd = open_socket("0.0.0.0", argv[0], SOCK_STREAM, true);

	if (fd < 0)
		return fail("listen");
	signal(SIGCHLD, SIG_IGN); /* banned-ok: a test program */
	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0)
			return fail("accept");
		if (fork() == 0) {
			while (send(c, block, BLOCK, MSG_NOSIGNAL) > 0)
				;
			_exit(0);
		}
		close(c);
	}
}

/* tcp-hello PORT: writes one byte into every connection and closes it. */
static int tcp_hello(char **argv)
{
	int fd = open_socket("0.0.0.0", argv[0], SOCK_STREAM, true);

	if (fd < 0)
		return fail("listen");
	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0)
			return fail("accept");
		send(c, "x", 1, MSG_NOSIGNAL);
		close(c);
	}
}

/* tcp-pull HOST PORT SECONDS: prints MB/s that were read. */
static int tcp_pull(char **argv)
{
	int fd = open_socket(argv[0], argv[1], SOCK_STREAM, false);
	double start = now(), span = strtod(argv[2], NULL), bytes = 0;

	if (fd < 0)
		return fail("connect");
	while (now() - start < span) {
		ssize_t n = recv(fd, block, BLOCK, 0);

		if (n <= 0)
			return fail("recv");
		bytes += (double)n;
	}
	printf("%.1f\n", bytes / (now() - start) / 1e6);
	return 0;
}

#define RATE_MAX 100000

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * tcp-rate HOST PORT SECONDS: prints new connections a second, one after another, by the median of
 * what one takes: other work on the machine holds up some for milliseconds.
 */
static int tcp_rate(char **argv)
{
	static double took[RATE_MAX];
	double start = now(), span = strtod(argv[2], NULL), before = start;
	size_t count = 0;

	while (count < RATE_MAX && before - start < span) {
		int fd = open_socket(argv[0], argv[1], SOCK_STREAM, false);

		if (fd < 0 || recv(fd, block, 1, 0) != 1)
			return fail("connect");
		close(fd);
		took[count] = now() - before;
		before += took[count++];
	}
	qsort(took, count, sizeof(*took), ascending);
	printf("%.0f\n", 1 / took[count / 2]);
	return 0;
}

/* lines COUNT: that many lines of 100 bytes, for the logs. */
static int print_lines(char **argv)
{
	double i, count = strtod(argv[0], NULL);

	for (i = 0; i < count; i++)
		printf("%010.0f %88s\n", i,
		       "a line of a log as services write them, of one hundred bytes");
	return fflush(stdout) ? fail("write") : 0;
}

/* What a container may not ask of the kernel, with arguments that would do no harm if it might. */
static const struct {
	const char *name;
	long number, args[5];
} dangerous[] = {
	{"mount", SYS_mount, {0, 0, 0, MS_REMOUNT}},
	{"umount", SYS_umount2, {0}},
	{"pivot-root", SYS_pivot_root, {0}},
	{"fsopen", SYS_fsopen, {0}},
	{"open-tree", SYS_open_tree, {AT_FDCWD, (long)"/", 1 /* OPEN_TREE_CLONE */}},
	{"move-mount", SYS_move_mount, {-1, 0, -1, 0}},
	{"mount-setattr", SYS_mount_setattr, {-1, 0, 0, 0, 0}},
	{"unshare", SYS_unshare, {CLONE_NEWUSER}},
	{"setns", SYS_setns, {-1, 0}},
	{"clone-namespace", SYS_clone, {CLONE_NEWUSER | CLONE_VM | CLONE_SIGHAND | CLONE_FS}},
	{"clone3", SYS_clone3, {0, 0}},
	{"keyctl", SYS_keyctl, {0, -3, 1}},
	{"add-key", SYS_add_key, {0}},
	{"request-key", SYS_request_key, {0}},
	{"bpf", SYS_bpf, {0}},
	{"perf-event", SYS_perf_event_open, {0, 0, -1, -1, 0}},
	{"userfaultfd", SYS_userfaultfd, {0}},
	{"io-uring", SYS_io_uring_setup, {1, 0}},
	{"handle", SYS_open_by_handle_at, {-1, 0, 0}},
	{"module", SYS_init_module, {0, 0, (long)""}},
	{"module-file", SYS_finit_module, {-1, (long)"", 0}},
	{"kexec", SYS_kexec_load, {0, 0, 0, -1}},
	{"reboot", SYS_reboot, {0}},
	{"swapon", SYS_swapon, {0}},
	{"acct", SYS_acct, {0}},
	{"quotactl", SYS_quotactl, {-1, 0, 0, 0}},
	{"settime", SYS_clock_settime, {CLOCK_REALTIME, 0}},
	{"syslog", SYS_syslog, {3, 0, 0}},
	{"sethostname", SYS_sethostname, {0, -1}},
	{"pidfd-getfd", SYS_pidfd_getfd, {-1, 0, 0}},
	{"vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
};

/* refused NAME|all: 0 when the system call, or each of them, is refused with EPERM or ENOSYS. */
static int refused(char **argv)
{
	int status = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(dangerous); i++) {
		const long *a = dangerous[i].args;
		long r;

		if (strcmp(argv[0], dangerous[i].name) && strcmp(argv[0], "all"))
			continue;
		errno = 0;
		r = syscall(dangerous[i].number, a[0], a[1], a[2], a[3], a[4]);
		if (r < 0 && (errno == EPERM || errno == ENOSYS))
			continue;
		printf("%s: %ld %s\n", dangerous[i].name, r, strerrorname_np(errno));
		status = 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} verbs[] = {
		{"udp-echo", 1, udp_echo},     {"udp-ask", 3, udp_ask},
		{"tcp-source", 1, tcp_source}, {"tcp-hello", 1, tcp_hello},
		{"tcp-pull", 3, tcp_pull},     {"tcp-rate", 3, tcp_rate},
		{"lines", 1, print_lines},     {"refused", 1, refused},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (argc == verbs[i].args + 2 && !strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argv + 2);
	fprintf(stderr, "usage: peer VERB ARGUMENT...\n");
	return 2;
}
