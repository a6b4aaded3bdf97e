/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending netlink messages and reading what comes back.  libnl builds the messages; the exchange is
 * ours, because libnl turns errnos into its own numbers and drops the kernel's explanation.  Every
 * request is acknowledged; an interrupted dump is made again, so that lists are consistent.
 */
#include <errno.h>
#include <netlink/attr.h>

#include "net/net_int.h"

#define ANSWER_MAX   ((size_t)64 << 10) /* one datagram of the kernel */
#define DUMP_MAX     ((size_t)64 << 20)
#define DUMP_RETRIES 8

int net_netlink_open(int netns_fd, struct error *err)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK};
	int fd = net_socket_in(netns_fd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), one = 1, r;

	if (fd < 0)
		return error_sys(err, -fd, "open a netlink socket");
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = error_sys(err, errno, "connect a netlink socket");
		close(fd);
		return r;
	}
	return fd;
}

struct nl_msg *net_message(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST | NLM_F_ACK);

	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0)
		abort(); /* out of memory */
	return msg;
}

/* The kernel's words about a refusal, or NULL. */
static const char *words(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, (int)skip, NLMSGERR_ATTR_MSG);
	return a ? nla_get_string(a) : NULL;
}

static int refusal(const struct nlmsghdr *h, struct error *err)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	const char *text = words(h);

	if (!e->error)
		return 0;
	return text ? error_sys(err, -e->error, "the kernel says \"%s\"", text)
		    : error_set(err, -e->error, "%s", strerror(-e->error));
}

enum answer { ANSWER_MORE, ANSWER_END };

/* One datagram of answers to request `seq`; whole messages of data are added to `data`. */
static int take_answers(char *buf, size_t size, uint32_t seq, struct buf *data, bool *ret_torn,
			enum answer *ret, struct error *err)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
	int left = (int)size;

	*ret = ANSWER_MORE;
	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != seq)
			continue;
		*ret_torn |= !!(h->nlmsg_flags & NLM_F_DUMP_INTR);
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
			*ret = ANSWER_END;
		if (h->nlmsg_type == NLMSG_ERROR)
			return refusal(h, err);
		if (data && h->nlmsg_type >= NLMSG_MIN_TYPE)
			buf_add(data, h, NLMSG_ALIGN(h->nlmsg_len));
	}
	return 0;
}

static int exchange(int fd, void *message, size_t len, struct buf *data, bool *ret_torn,
		    struct error *err)
{
	const struct nlmsghdr *h = message;
	auto_free char *buf = NULL;
	enum answer answer = ANSWER_MORE;
	int r = 0;

	while (send(fd, message, len, 0) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "send to the kernel");
	buf = xmalloc(ANSWER_MAX);
	while (r == 0 && answer == ANSWER_MORE) {
		ssize_t got = recv(fd, buf, ANSWER_MAX, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(err, errno, "receive from the kernel");
		r = take_answers(buf, (size_t)got, h->nlmsg_seq, data, ret_torn, &answer, err);
	}
	return r;
}

int net_netlink_send(int fd, void *message, size_t len, struct error *err)
{
	bool torn = false;

	return exchange(fd, message, len, NULL, &torn, err);
}

int net_request(struct net *n, struct nl_msg *msg, struct error *err)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	int r;

	h->nlmsg_seq = ++n->seq;
	r = net_netlink_send(n->route_fd, h, h->nlmsg_len, err);
	nlmsg_free(msg);
	return r;
}

int net_dump(struct net *n, struct nl_msg *msg, void (*each)(void *arg, const struct nlmsghdr *h),
	     void *arg, struct error *err)
{
	auto_buf struct buf data = {.max = DUMP_MAX};
	struct nlmsghdr *h = nlmsg_hdr(msg);
	unsigned tries = DUMP_RETRIES;
	bool torn;
	int r, left;

	do {
		torn = false;
		buf_reset(&data);
		h->nlmsg_seq = ++n->seq;
		r = exchange(n->route_fd, h, h->nlmsg_len, &data, &torn, err);
	} while (r == 0 && torn && --tries);
	nlmsg_free(msg);
	if (r == 0 && (torn || data.overflow))
		r = error_set(err, EAGAIN, "the kernel's list keeps changing");
	if (r < 0)
		return r;
	left = (int)data.len;
	for (h = (struct nlmsghdr *)(void *)data.data; left > 0 && nlmsg_ok(h, left);
	     h = nlmsg_next(h, &left))
		each(arg, h);
	return 0;
}
