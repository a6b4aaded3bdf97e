/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The veth pair of one container on one network, as netlink messages that the launch program sends.
 *
 * The pair is one RTM_NEWLINK: the host's end up and on its bridge, the peer born in the
 * container's namespace under its final name.  (A peer index of our own choice, which would spare
 * the one patch below, is taken by the kernel only together with one for the host's end.)  The peer
 * comes up by a message of its own: before that, a network without IPv6 turns off address
 * generation, which is impossible in the message that creates it.  Routes need no interface: the
 * gateway is on one.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/veth.h>
#include <netlink/attr.h>

#include "net/net_int.h"

#define MESSAGES_MAX 8
#define TEXT_MAX     128

/* Docker's: 02:42 and the IPv4 address; without one, the end of the IPv6 address. */
static void endpoint_mac(const struct net_endpoint *ep, uint8_t mac[6])
{
	static const uint8_t none[6];

	memcpy(mac, ep->mac, 6);
	if (memcmp(mac, none, 6))
		return;
	mac[0] = 0x02;
	mac[1] = 0x42;
	if (ep->addrs[0].family)
		memcpy(mac + 2, &ep->addrs[0].v4, 4);
	else
		memcpy(mac + 2, ep->addrs[1].v6.s6_addr + 12, 4);
}

static struct net_message *take(struct net_messages *m, struct nl_msg *msg, bool in_host,
				const char *sentence)
{
	struct net_message *item;

	m->items = m->items ? m->items : xcalloc(MESSAGES_MAX, sizeof(*m->items));
	item = &m->items[m->count++];
	item->len = nlmsg_hdr(msg)->nlmsg_len;
	item->data = xmemdup(nlmsg_hdr(msg), item->len);
	item->in_host = in_host;
	item->netns_fd_offset = item->ifindex_offset = -1;
	item->sentence = xstrdup(sentence);
	nlmsg_free(msg);
	return item;
}

static void put_peer(struct nl_msg *msg, const struct net_endpoint *ep, unsigned mtu,
		     int *ret_fd_offset)
{
	struct ifinfomsg peer = {0};
	struct nlattr *nest = nla_nest_start(msg, VETH_INFO_PEER), *fd;
	uint8_t mac[6];

	endpoint_mac(ep, mac);
	nlmsg_append(msg, &peer, sizeof(peer), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, ep->ifname);
	nla_put(msg, IFLA_ADDRESS, sizeof(mac), mac);
	nla_put_u32(msg, IFLA_MTU, mtu);
	fd = nlmsg_tail(nlmsg_hdr(msg));
	*ret_fd_offset = (int)((char *)nla_data(fd) - (char *)nlmsg_hdr(msg));
	nla_put_u32(msg, IFLA_NET_NS_FD, UINT32_MAX);
	nla_nest_end(msg, nest);
}

static void add_pair(struct net_messages *m, const struct net_endpoint *ep, int master)
{
	struct ifinfomsg i = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = net_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	unsigned mtu = ep->mtu ? ep->mtu : ep->network->mtu ? ep->network->mtu : 1500;
	struct nlattr *info, *data;
	char text[TEXT_MAX];
	int fd_offset;

	nla_put_string(msg, IFLA_IFNAME, ep->host_ifname);
	nla_put_u32(msg, IFLA_MTU, mtu);
	nla_put_u32(msg, IFLA_MASTER, (uint32_t)master);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	put_peer(msg, ep, mtu, &fd_offset);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	snprintf(text, sizeof(text), "connect %s to bridge %s with link %s", ep->ifname,
		 ep->network->bridge, ep->host_ifname);
	take(m, msg, true, text)->netns_fd_offset = fd_offset;
}

/* Ports that are isolated reach the bridge itself, but not each other. */
static void add_isolation(struct net_messages *m, const struct net_endpoint *ep)
{
	struct ifinfomsg i = {0};
	struct nl_msg *msg = net_message(RTM_NEWLINK, 0, &i, sizeof(i));
	struct nlattr *info, *data;
	char text[TEXT_MAX];

	nla_put_string(msg, IFLA_IFNAME, ep->host_ifname);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	nla_put_u8(msg, IFLA_BRPORT_ISOLATED, 1);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	snprintf(text, sizeof(text), "isolate link %s on bridge %s", ep->host_ifname,
		 ep->network->bridge);
	take(m, msg, true, text);
}

static void add_without_v6(struct net_messages *m, const struct net_endpoint *ep)
{
	struct ifinfomsg i = {0};
	struct nl_msg *msg = net_message(RTM_NEWLINK, 0, &i, sizeof(i));
	struct nlattr *spec, *family;
	char text[TEXT_MAX];

	nla_put_string(msg, IFLA_IFNAME, ep->ifname);
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	family = nla_nest_start(msg, AF_INET6);
	nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, family);
	nla_nest_end(msg, spec);
	snprintf(text, sizeof(text), "turn off IPv6 addresses of %s", ep->ifname);
	take(m, msg, false, text);
}

static void add_up(struct net_messages *m, const struct net_endpoint *ep)
{
	struct ifinfomsg i = {
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nl_msg *msg = net_message(RTM_NEWLINK, 0, &i, sizeof(i));
	char text[TEXT_MAX];

	nla_put_string(msg, IFLA_IFNAME, ep->ifname);
	snprintf(text, sizeof(text), "bring up %s", ep->ifname);
	take(m, msg, false, text);
}

static void add_address(struct net_messages *m, const struct net_endpoint *ep, size_t slot)
{
	char addr[NET_ADDR_TEXT], text[TEXT_MAX];
	unsigned bits = ep->network->subnets[slot].bits;
	struct net_message *item;

	net_addr_text(&ep->addrs[slot], addr);
	snprintf(text, sizeof(text), "set address %s/%u on %s", addr, bits, ep->ifname);
	item = take(m, net_address_message(0, &ep->addrs[slot], bits), false, text);
	item->ifindex_offset = (int)(NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_index));
	str_copy(item->ifname, sizeof(item->ifname), ep->ifname);
}

static void add_route(struct net_messages *m, const struct net_endpoint *ep, size_t slot)
{
	const struct net_addr *gateway = &ep->network->gateways[slot];
	struct rtmsg rt = {
		.rtm_family = (unsigned char)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg =
		net_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rt, sizeof(rt));
	char addr[NET_ADDR_TEXT], text[TEXT_MAX];

	nla_put(msg, RTA_GATEWAY, (int)net_addr_len(gateway), &gateway->v6);
	net_addr_text(gateway, addr);
	snprintf(text, sizeof(text), "set the default route through %s on %s", addr, ep->ifname);
	take(m, msg, false, text);
}

int net_endpoint_messages(struct net *n, const struct net_endpoint *ep, struct net_messages *ret,
			  struct error *err)
{
	const struct net_network *nw = ep->network;
	int master = net_link_index(n, nw->bridge);
	struct net_messages m = {0};
	size_t k;

	if (master < 0)
		return error_sys(err, -master, "find bridge %s", nw->bridge);
	add_pair(&m, ep, master);
	if (!nw->icc)
		add_isolation(&m, ep);
	if (!ep->addrs[1].family)
		add_without_v6(&m, ep);
	add_up(&m, ep);
	for (k = 0; k < 2; k++) {
		if (!ep->addrs[k].family)
			continue;
		add_address(&m, ep, k);
		if (ep->default_route && !nw->internal && nw->gateways[k].family)
			add_route(&m, ep, k);
	}
	*ret = m;
	return 0;
}

void net_messages_release(struct net_messages *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->items[i].data);
		free(m->items[i].sentence);
	}
	free(m->items);
	*m = (struct net_messages){0};
}

/* As the machine of the launch program does it. */
static int send_message(struct net *n, struct net_message *item, int inside, int netns_fd,
			struct error *err)
{
	char *data = item->data;
	int index;

	if (item->netns_fd_offset >= 0)
		memcpy(data + item->netns_fd_offset, &netns_fd, sizeof(netns_fd));
	if (item->ifindex_offset >= 0) {
		index = net_index_of(inside, item->ifname);
		if (index < 0)
			return error_sys(err, -index, "%s", item->sentence);
		memcpy(data + item->ifindex_offset, &index, sizeof(index));
	}
	if (net_netlink_send(item->in_host ? n->route_fd : inside, data, item->len, err) < 0)
		return error_wrap(err, "%s", item->sentence);
	return 0;
}

int net_endpoint_connect(struct net *n, const struct net_endpoint *ep, int netns_fd,
			 struct error *err)
{
	struct net_messages m;
	auto_fd int inside = net_netlink_open(netns_fd, err);
	int r = inside < 0 ? inside : net_endpoint_messages(n, ep, &m, err);
	size_t i;

	if (r < 0)
		return r;
	for (i = 0; i < m.count && r == 0; i++)
		r = send_message(n, &m.items[i], inside, netns_fd, err);
	net_messages_release(&m);
	if (r < 0 && i > 1) { /* the pair was made */
		struct error ignored = ERROR_INIT;

		(void)!net_link_destroy(n, ep->host_ifname, &ignored);
	}
	return r;
}
