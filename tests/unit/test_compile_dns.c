/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The redirection of 127.0.0.11:53, tried in a network namespace: queries reach the resolver's
 * sockets and answers come back from port 53, while somebody else listens on 0.0.0.0:53.  Skipped
 * without root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/str.h"
#include "runtime/program.h"
#include "runtime/runtime.h"

#define RESOLVER 0x7f00000bu

static const struct runtime_host host = {.cgroup_v2 = true,
					 .cgroup_root = "/sys/fs/cgroup",
					 .capabilities = 0x1ffffffffff,
					 .mount_api = true,
					 .clone_into_cgroup = true};

/* The batch and the port out of a program. */
static const void *find_batch(const struct buf *program, uint32_t *ret_len, uint16_t *ret_port)
{
	const struct program_header *h = (const void *)program->data;
	const struct program_op *op = (const void *)(h + 1);
	const void *batch = NULL;

	for (uint32_t i = 0; i < h->op_count; i++) {
		if (op[i].code == OP_NFT) {
			batch = program->data + h->data_offset + op[i].a[0];
			*ret_len = op[i].a[1];
		} else if (op[i].code == OP_SOCKET && op[i].a[0] == PROGRAM_SOCKET_DNS_UDP) {
			*ret_port = (uint16_t)op[i].a[1];
		}
	}
	return batch;
}

static bool send_batch(const void *batch, uint32_t len)
{
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[4096];
	} answer;

	return fd >= 0 && send(fd, batch, len, 0) == (ssize_t)len &&
	       recv(fd, &answer, sizeof(answer), 0) > 0 && answer.head.nlmsg_type == NLMSG_ERROR &&
	       answer.err.error == 0;
}

static bool lo_up(void)
{
	struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &req) == 0;
}

static int bound(int type, uint32_t address, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
	struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 4) < 0))
		return -1;
	return fd;
}

static int connected(int type, uint32_t address)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(address)};
	struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? -1 : fd;
}

/* A connected client takes answers from the port it asked alone. */
static bool udp_answers(int server, uint32_t address)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	auto_fd int client = connected(SOCK_DGRAM, address);
	char text[16] = "";

	return client >= 0 && send(client, "ask", 3, 0) == 3 &&
	       recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &len) == 3 &&
	       sendto(server, "tell", 4, 0, (const struct sockaddr *)&from, len) == 4 &&
	       recv(client, text, sizeof(text), 0) == 4 && !memcmp(text, "tell", 4);
}

static bool tcp_answers(int server, uint32_t address)
{
	static char big[1 << 16];
	auto_fd int client = connected(SOCK_STREAM, address), session = -1;

	if (client < 0)
		return false;
	session = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	return session >= 0 && send(client, "ask", 3, 0) == 3 &&
	       recv(session, big, sizeof(big), 0) == 3 &&
	       send(session, big, sizeof(big), 0) == sizeof(big) &&
	       recv(client, big, sizeof(big), MSG_WAITALL) == sizeof(big);
}

static int in_namespace(const void *batch, uint32_t len, uint16_t port)
{
	int udp, tcp, other_udp, other_tcp;

	if (unshare(CLONE_NEWNET) < 0 || !lo_up())
		return 77;
	if (!send_batch(batch, len))
		return 1;
	udp = bound(SOCK_DGRAM, RESOLVER, port);
	tcp = bound(SOCK_STREAM, RESOLVER, port);
	other_udp = bound(SOCK_DGRAM, INADDR_ANY, 53);
	other_tcp = bound(SOCK_STREAM, INADDR_ANY, 53);
	if (udp < 0 || tcp < 0)
		return 2;
	if (other_udp < 0 || other_tcp < 0)
		return 3;
	if (!udp_answers(udp, RESOLVER))
		return 4;
	if (!tcp_answers(tcp, RESOLVER))
		return 5;
	if (!udp_answers(other_udp, INADDR_LOOPBACK) || !tcp_answers(other_tcp, INADDR_LOOPBACK))
		return 6;
	return 0;
}

static void test_redirect(void **state)
{
	char *const args[] = {(char *)(uintptr_t) "x", NULL};
	const struct runtime_spec spec = {.id = "1",
					  .container_dir = "/c",
					  .process = {.args = args},
					  .dns = true,
					  .loopback = true};
	auto_buf struct buf program = BUF_INIT;
	struct error err = ERROR_INIT;
	const void *batch;
	uint32_t len = 0;
	uint16_t port = 0;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(runtime_compile(&host, &spec, &program, &err), 0);
	batch = find_batch(&program, &len, &port);
	assert_non_null(batch);
	assert_int_not_equal(port, 53);
	pid = fork();
	if (pid == 0)
		_exit(in_namespace(batch, len, port));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
