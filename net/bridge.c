/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links of the host: bridges, one per network, and looking at and removing links.  A bridge gets a
 * fixed MAC address, so that it does not change with its ports, no forwarding delay, the gateways'
 * addresses, and sysctls that keep neighbours from configuring the host.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <netlink/attr.h>
#include <sys/ioctl.h>

#include "base/file.h"
#include "net/net_int.h"

#define BRIDGE_MTU_DEFAULT 1500

/* ---- looking */

static struct nl_msg *list_query(void)
{
	struct ifinfomsg i = {0};
	struct nl_msg *msg = net_message(RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i));

	nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return msg;
}

/* Any socket of the namespace answers this, without the weight of a dump. */
int net_index_of(int fd, const char *name)
{
	struct ifreq req = {0};

	str_copy(req.ifr_name, sizeof(req.ifr_name), name);
	return ioctl(fd, SIOCGIFINDEX, &req) < 0 ? -errno : req.ifr_ifindex;
}

int net_link_index(struct net *n, const char *name)
{
	return net_index_of(n->route_fd, name);
}

bool net_link_exists(struct net *n, const char *name)
{
	return net_link_index(n, name) > 0;
}

struct listing {
	const char *prefix;
	char **names;
};

static void on_link_name(void *arg, const struct nlmsghdr *h)
{
	struct listing *l = arg;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)))
		return;
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (a && str_starts(nla_get_string(a), l->prefix))
		strv_push(&l->names, xstrdup(nla_get_string(a)));
}

int net_link_list(struct net *n, const char *prefix, char ***ret, struct error *err)
{
	struct listing l = {.prefix = prefix};
	int r = net_dump(n, list_query(), on_link_name, &l, err);

	if (r < 0) {
		strv_free(l.names);
		return error_wrap(err, "list links");
	}
	*ret = l.names;
	return 0;
}

int net_link_destroy(struct net *n, const char *name, struct error *err)
{
	struct ifinfomsg i = {0};
	struct nl_msg *msg = net_message(RTM_DELLINK, 0, &i, sizeof(i));
	int r;

	nla_put_string(msg, IFLA_IFNAME, name);
	r = net_request(n, msg, err);
	return r == 0 || r == -ENODEV ? 0 : error_wrap(err, "remove link %s", name);
}

/* ---- making */

/* Locally administered, the same for the same name. */
static void derive_mac(const char *name, uint8_t mac[6])
{
	uint64_t h = 0xcbf29ce484222325u;
	size_t i;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	mac[0] = 0x02;
	for (i = 1; i < 6; i++)
		mac[i] = (uint8_t)(h >> (8 * i));
}

bool net_ifname_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len < NET_IFNAME_MAX && str_valid_name(name);
}

static int make_link(struct net *n, const struct net_network *nw, struct error *err)
{
	struct ifinfomsg i = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = net_message(RTM_NEWLINK, NLM_F_CREATE, &i, sizeof(i));
	struct nlattr *info, *data;
	uint8_t mac[6];
	int r;

	derive_mac(nw->bridge, mac);
	nla_put_string(msg, IFLA_IFNAME, nw->bridge);
	nla_put(msg, IFLA_ADDRESS, sizeof(mac), mac);
	nla_put_u32(msg, IFLA_MTU, nw->mtu ? nw->mtu : BRIDGE_MTU_DEFAULT);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	r = net_request(n, msg, err);
	return r < 0 ? error_wrap(err, "create bridge %s", nw->bridge) : 0;
}

struct nl_msg *net_address_message(int ifindex, const struct net_addr *addr, unsigned bits)
{
	struct ifaddrmsg a = {
		.ifa_family = (uint8_t)addr->family,
		.ifa_prefixlen = (uint8_t)bits,
		.ifa_index = (uint32_t)ifindex,
	};
	struct nl_msg *msg = net_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &a, sizeof(a));
	struct in_addr broadcast = {.s_addr = addr->v4.s_addr};

	nla_put(msg, IFA_LOCAL, (int)net_addr_len(addr), &addr->v6);
	nla_put(msg, IFA_ADDRESS, (int)net_addr_len(addr), &addr->v6);
	if (addr->family == AF_INET6) {
		nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD); /* usable at once; the pool knows */
	} else if (bits < 31) {
		broadcast.s_addr |= htonl(bits ? (1u << (32 - bits)) - 1 : ~0u);
		nla_put(msg, IFA_BROADCAST, sizeof(broadcast), &broadcast);
	}
	return msg;
}

static int add_gateways(struct net *n, const struct net_network *nw, struct error *err)
{
	int index = net_link_index(n, nw->bridge), r;
	char text[NET_ADDR_TEXT];
	size_t k;

	if (index < 0)
		return error_sys(err, -index, "find bridge %s", nw->bridge);
	for (k = 0; k < 2; k++) {
		if (!nw->subnets[k].addr.family || !nw->gateways[k].family)
			continue;
		r = net_request(
			n, net_address_message(index, &nw->gateways[k], nw->subnets[k].bits), err);
		if (r < 0) {
			net_addr_text(&nw->gateways[k], text);
			return error_wrap(err, "set address %s/%u on bridge %s", text,
					  nw->subnets[k].bits, nw->bridge);
		}
	}
	return 0;
}

/* ---- sysctls */

struct settings {
	const struct net_network *nw;
	bool enabled_forwarding;
};

static int poke(const char *path, const char *value)
{
	struct error ignored = ERROR_INIT;

	return file_poke(AT_FDCWD, path, value, &ignored);
}

/* The first character of a sysctl, or NUL. */
static char peek(const char *path)
{
	struct error ignored = ERROR_INIT;
	auto_buf struct buf text = BUF_INIT;

	return file_read(AT_FDCWD, path, 16, &text, &ignored) == 0 && text.len ? *text.data : '\0';
}

/* Writes 1 where there is 0; says whether it did. */
static bool enable(const char *path)
{
	return peek(path) == '0' && poke(path, "1") == 0;
}

/*
 * A host that forwards ignores router advertisements, by which it may have its own default route:
 * links that take them go on to do so (2).
 */
static bool enable_v6_forwarding(void)
{
	static const char forwarding[] = "/proc/sys/net/ipv6/conf/all/forwarding";
	DIR *dir = peek(forwarding) == '0' ? opendir("/proc/sys/net/ipv6/conf") : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/accept_ra", e->d_name);

		if (e->d_name[0] != '.' && strcmp(e->d_name, "all") && peek(path) == '1')
			poke(path, "2");
	}
	if (dir)
		closedir(dir);
	return enable(forwarding);
}

/* A kernel without IPv6 has none of its files. */
static int apply_settings(void *arg)
{
	struct settings *s = arg;
	const char *br = s->nw->bridge;
	bool v6 = s->nw->subnets[1].addr.family;
	const struct {
		const char *family, *key, *value;
	} rows[] = {
		{"ipv4", "rp_filter", "1"},
		{"ipv4", "route_localnet", "0"},
		{"ipv6", "accept_ra", "0"},
		{"ipv6", "disable_ipv6", v6 ? "0" : "1"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *path =
			xasprintf("/proc/sys/net/%s/conf/%s/%s", rows[i].family, br, rows[i].key);
		int r = poke(path, rows[i].value);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (s->nw->internal)
		return 0;
	s->enabled_forwarding = enable("/proc/sys/net/ipv4/ip_forward");
	if (v6)
		s->enabled_forwarding |= enable_v6_forwarding();
	return 0;
}

int net_bridge_create(struct net *n, const struct net_network *nw, struct error *err)
{
	struct settings s = {.nw = nw};
	bool existed = net_link_exists(n, nw->bridge);
	int r;

	if (!net_ifname_valid(nw->bridge))
		return error_set(err, EINVAL, "\"%s\" cannot be the name of a bridge", nw->bridge);
	r = make_link(n, nw, err);
	if (r < 0)
		return r;
	r = net_inside(n->netns_fd, apply_settings, &s);
	n->owns_forwarding |= s.enabled_forwarding;
	r = r < 0 ? error_sys(err, -r, "set the sysctls of bridge %s", nw->bridge)
		  : add_gateways(n, nw, err);
	if (r < 0 && !existed) {
		struct error ignored = ERROR_INIT;

		(void)!net_link_destroy(n, nw->bridge, &ignored);
	}
	return r;
}

int net_bridge_destroy(struct net *n, const char *bridge, struct error *err)
{
	return net_link_destroy(n, bridge, err);
}
