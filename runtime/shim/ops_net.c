/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network: sending prepared netlink messages, and the sockets that outlive the supervisor. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define MESSAGE_MAX 4096
#define DNS_BACKLOG 64
#define DNS_ADDRESS 0x7f00000bu /* 127.0.0.11 */

static int netlink_open(int protocol)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), one = 1;

	if (fd < 0)
		return -errno;
	/* Refusals in words, and without a copy of the message. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int dns_socket(int type, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(DNS_ADDRESS),
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, DNS_BACKLOG) < 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int op_socket(struct machine *m, const struct program_op *op)
{
	int fd;

	switch (op->a[0]) {
	case PROGRAM_SOCKET_ROUTE:
		fd = netlink_open(NETLINK_ROUTE);
		break;
	case PROGRAM_SOCKET_DNS_UDP:
		fd = dns_socket(SOCK_DGRAM, (uint16_t)op->a[1]);
		break;
	case PROGRAM_SOCKET_DNS_TCP:
		fd = dns_socket(SOCK_STREAM, (uint16_t)op->a[1]);
		break;
	default:
		return -EBADMSG;
	}
	if (fd < 0)
		return fd;
	set_slot(m, op->a[2], fd);
	if (op->a[0] != PROGRAM_SOCKET_DNS_TCP)
		return 0;
	return child_say(m, CHILD_DNS, 0,
			 (const int[]){m->slots[SLOT_DNS_UDP], m->slots[SLOT_DNS_TCP]}, 2);
}

int op_netns(struct machine *m, const struct program_op *op)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	set_slot(m, op->a[0], fd);
	return 0;
}

/* The kernel's words about a refusal (NLMSGERR_ATTR_MSG), if it has any. */
static void take_words(struct machine *m, struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t skip = sizeof(*e) +
		      (h->nlmsg_flags & NLM_F_CAPPED ? 0 : e->msg.nlmsg_len - sizeof(e->msg));
	const char *at = (const char *)e + NLMSG_ALIGN(skip);
	const char *end = (const char *)h + h->nlmsg_len;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	while (end - at >= (ptrdiff_t)sizeof(struct nlattr)) {
		struct nlattr a;

		memcpy(&a, at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > end - at)
			return;
		if ((a.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG && !at[a.nla_len - 1]) {
			set_detail(m, at + sizeof(a));
			return;
		}
		at += NLA_ALIGN(a.nla_len);
	}
}

/* Reads answers until each of `acks` requests has been acknowledged or one has failed. */
static int await_acks(struct machine *m, int fd, unsigned acks)
{
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];

	while (acks) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_TRUNC);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n > sizeof(buf))
			return -EMSGSIZE;
		for (; NLMSG_OK(h, (uint32_t)n) && acks; h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error) {
				take_words(m, h);
				return e->error;
			}
			acks--;
		}
	}
	return 0;
}

static int interface_index(struct machine *m, const char *name)
{
	struct ifreq req = {0};

	if (m->address_query < 0)
		m->address_query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(req.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (m->address_query < 0 || ioctl(m->address_query, SIOCGIFINDEX, &req) < 0)
		return -errno;
	return req.ifr_ifindex;
}

static int patch(char *message, uint32_t len, uint32_t offset, int value)
{
	if (offset > len || len - offset < sizeof(value))
		return -EBADMSG;
	memcpy(message + offset, &value, sizeof(value));
	return 0;
}

int op_netlink(struct machine *m, const struct program_op *op)
{
	_Alignas(struct nlmsghdr) char message[MESSAGE_MAX];
	uint32_t len = op->a[2];
	int fd = slot_of(m, op->a[0]), r = 0;

	if (len > sizeof(message) || len < sizeof(struct nlmsghdr))
		return -EMSGSIZE;
	memcpy(message, text_of(m, op->a[1]), len);
	if (op->a[3] != PROGRAM_NO_OFFSET)
		r = patch(message, len, op->a[3], m->slots[SLOT_NETNS]);
	if (r == 0 && op->a[4] != PROGRAM_NO_OFFSET) {
		r = interface_index(m, text_of(m, op->a[5]));
		if (r >= 0)
			r = patch(message, len, op->a[4], r);
	}
	if (r < 0)
		return r;
	if (send(fd, message, len, 0) != (ssize_t)len)
		return -errno;
	return await_acks(m, fd, 1);
}

/* A batch: one acknowledgement for each message that asks for it. */
int op_nft(struct machine *m, const struct program_op *op)
{
	const char *batch = text_of(m, op->a[0]);
	uint32_t len = op->a[1], at = 0;
	int fd = netlink_open(NETLINK_NETFILTER), r;
	unsigned acks = 0;

	if (fd < 0)
		return fd;
	while (at + sizeof(struct nlmsghdr) <= len) {
		struct nlmsghdr h;

		memcpy(&h, batch + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h))
			break;
		acks += !!(h.nlmsg_flags & NLM_F_ACK);
		at += NLMSG_ALIGN(h.nlmsg_len);
	}
	r = send(fd, batch, len, 0) == (ssize_t)len ? await_acks(m, fd, acks) : -errno;
	close(fd);
	return r;
}
