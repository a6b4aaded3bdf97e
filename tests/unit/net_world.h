/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces for the tests of net/: the test process moves into a network namespace of its own
 * (world_enter, before any thread exists) that plays the host; others are made as containers or as
 * neighbours in the LAN.  Everything vanishes with the process.
 */
#ifndef TESTS_UNIT_NET_WORLD_H
#define TESTS_UNIT_NET_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net_int.h"

#define NEED_ROOT()                                                                                \
	do {                                                                                       \
		if (geteuid() || world_host < 0)                                                   \
			skip();                                                                    \
	} while (0)

static int world_host = -1; /* the namespace that plays the host */

static int world_current(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void world_in(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static void world_run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execl("/bin/sh", "sh", "-ec", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("failed: %s", command);
}

static UNUSED void world_run_in(int ns, const char *command)
{
	world_in(ns);
	world_run(command);
	world_in(world_host);
}

/* A new namespace with lo up; the caller stays in the host's. */
static UNUSED int world_new(void)
{
	int ns;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	ns = world_current();
	assert_true(ns >= 0);
	world_run("ip link set lo up");
	world_in(world_host);
	return ns;
}

static void world_enter(void)
{
	if (geteuid() || unshare(CLONE_NEWNET) < 0)
		return;
	world_host = world_current();
	if (world_host >= 0 && system("ip link set lo up")) /* banned-ok: a test */
		world_host = -1;
}

/* A socket made in a namespace stays in it. */
static UNUSED int world_socket(int ns, int family, int type)
{
	int fd = net_socket_in(ns, family, type, 0);

	assert_true(fd >= 0);
	return fd;
}

static UNUSED struct sockaddr_in world_addr(const char *ip, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET, ip, &sa.sin_addr), 1);
	return sa;
}

static UNUSED int world_listen(int ns, const char *ip, uint16_t port)
{
	struct sockaddr_in sa = world_addr(ip, port);
	int fd = world_socket(ns, AF_INET, SOCK_STREAM), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

/* Connected within `timeout_ms`, or -errno. */
static UNUSED int world_connect(int ns, const char *ip, uint16_t port, int timeout_ms)
{
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	struct sockaddr_in sa = world_addr(ip, port);
	int fd = world_socket(ns, AF_INET, SOCK_STREAM), r;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

#endif
