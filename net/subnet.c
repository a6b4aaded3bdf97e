/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Choosing a subnet for a network that names none: Docker's default pools in Docker's order, so
 * that what people know about these ranges (firewalls, VPNs) holds, and a random unique local /64
 * for IPv6.  What the namespace already routes or has is left alone; its default routes say
 * nothing.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <sys/random.h>

#include "net/net_int.h"

#define V6_TRIES 16

static const struct {
	uint32_t base;
	unsigned pool_bits, bits;
} pools[] = {
	{0xac110000u, 16, 16}, {0xac120000u, 16, 16}, {0xac130000u, 16, 16}, {0xac140000u, 14, 16},
	{0xac180000u, 14, 16}, {0xac1c0000u, 14, 16}, {0xc0a80000u, 16, 20},
};

struct used {
	struct net_prefix *items;
	size_t count;
};

static void add_used(struct used *u, int family, const struct nlattr *a, unsigned bits)
{
	struct net_prefix p = {.addr.family = family, .bits = bits};

	if (!a || !bits || (family != AF_INET && family != AF_INET6) ||
	    nla_len(a) < (int)net_addr_len(&p.addr) || bits > 8 * net_addr_len(&p.addr))
		return;
	memcpy(&p.addr.v6, nla_data(a), net_addr_len(&p.addr));
	u->items = xreallocarray(u->items, u->count + 1, sizeof(*u->items));
	u->items[u->count++] = p;
}

static void on_route(void *arg, const struct nlmsghdr *h)
{
	const struct rtmsg *rt = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWROUTE && nlmsg_valid_hdr(h, sizeof(*rt)))
		add_used(arg, rt->rtm_family,
			 nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), RTA_DST),
			 rt->rtm_dst_len);
}

static bool is_free(const struct used *u, const struct net_prefix *p)
{
	size_t i;

	for (i = 0; i < u->count; i++)
		if (net_prefix_overlaps(&u->items[i], p))
			return false;
	return true;
}

static bool choose_v4(const struct used *u, struct net_prefix *ret)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(pools); i++) {
		uint32_t step = 1u << (32 - pools[i].bits), at = pools[i].base;
		uint32_t last = pools[i].base + ((1u << (32 - pools[i].pool_bits)) - 1);

		for (; at < last; at += step) {
			struct net_prefix p = {.addr.family = AF_INET, .bits = pools[i].bits};

			p.addr.v4.s_addr = htonl(at);
			if (!is_free(u, &p))
				continue;
			*ret = p;
			return true;
		}
	}
	return false;
}

/* RFC 4193: fd, 40 random bits, and a subnet number, random as well. */
static bool choose_v6(const struct used *u, struct net_prefix *ret)
{
	unsigned tries;

	for (tries = V6_TRIES; tries; tries--) {
		struct net_prefix p = {.addr.family = AF_INET6, .bits = 64};

		if (getrandom(p.addr.v6.s6_addr, 8, 0) != 8)
			return false;
		p.addr.v6.s6_addr[0] = 0xfd;
		if (!is_free(u, &p))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

/* Addresses need no look of their own: each has a route in the local table. */
int net_subnet_choose(struct net *n, int family, const struct net_prefix *used, size_t count,
		      struct net_prefix *ret, struct error *err)
{
	struct rtmsg rt = {.rtm_family = (unsigned char)family};
	struct used u = {.items = xcalloc(count + 1, sizeof(*used)), .count = count};
	bool found;
	int r;

	if (count)
		memcpy(u.items, used, count * sizeof(*used));
	r = net_dump(n, net_message(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt)), on_route, &u, err);
	if (r < 0) {
		free(u.items);
		return error_wrap(err, "list routes");
	}
	found = family == AF_INET6 ? choose_v6(&u, ret) : choose_v4(&u, ret);
	free(u.items);
	return found ? 0
		     : error_set(err, ENOSPC,
				 "no default subnet is free: give the network one of its own");
}
