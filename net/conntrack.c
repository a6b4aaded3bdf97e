/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends flows of UDP that were redirected to a backend which is gone: without this a client that
 * keeps sending from one port would be sent there for ever.  The kernel does the search (5.8 and
 * later filter by parts of a tuple; an older one refuses, and such flows end by their timeout).
 */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>

#include "base/log.h"
#include "net/firewall.h"
#include "net/net_int.h"

/* Which parts of the tuple count: the kernel's numbers, which no header of it exports. */
enum { FILTER_SOURCE = 1 << 0, FILTER_PROTOCOL = 1 << 3, FILTER_SOURCE_PORT = 1 << 4 };

static struct nl_msg *deletion(const struct net_backend *b)
{
	struct nfgenmsg nf = {.nfgen_family = (uint8_t)b->addr.family, .version = NFNETLINK_V0};
	struct nl_msg *msg =
		net_message(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &nf, sizeof(nf));
	struct nlattr *tuple, *part;

	tuple = nla_nest_start(msg, CTA_TUPLE_REPLY | NLA_F_NESTED);
	part = nla_nest_start(msg, CTA_TUPLE_IP | NLA_F_NESTED);
	nla_put(msg, b->addr.family == AF_INET6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC,
		(int)net_addr_len(&b->addr), &b->addr.v6);
	nla_nest_end(msg, part);
	part = nla_nest_start(msg, CTA_TUPLE_PROTO | NLA_F_NESTED);
	nla_put_u8(msg, CTA_PROTO_NUM, IPPROTO_UDP);
	nla_put_u16(msg, CTA_PROTO_SRC_PORT, htons(b->port));
	nla_nest_end(msg, part);
	nla_nest_end(msg, tuple);
	part = nla_nest_start(msg, CTA_FILTER | NLA_F_NESTED);
	nla_put_u32(msg, CTA_FILTER_ORIG_FLAGS, 0);
	nla_put_u32(msg, CTA_FILTER_REPLY_FLAGS,
		    FILTER_SOURCE | FILTER_PROTOCOL | FILTER_SOURCE_PORT);
	nla_nest_end(msg, part);
	return msg;
}

void firewall_forget(int netns_fd, const struct net_backend *backend)
{
	auto_fd int fd = net_socket_in(netns_fd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	struct nl_msg *msg = deletion(backend);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct error err = ERROR_INIT;

	if (fd >= 0 && net_netlink_send(fd, h, h->nlmsg_len, &err) < 0)
		log_debug("firewall", "flows to a backend that left: %s", err.msg);
	nlmsg_free(msg);
}
