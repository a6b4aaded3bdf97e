/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of one subnet.  They are numbers of 128 bits here, of both families alike; what is
 * taken stands in a map, so that an IPv6 subnet costs no more than a small one.  Giving goes round
 * the range: an address that came back is the last to be given again.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "base/map.h"
#include "net/net_int.h"

typedef unsigned __int128 number;

struct net_pool {
	struct net_prefix subnet;
	struct net_addr gateway;
	number first, last;		/* of the subnet: what may be claimed */
	number range_first, range_last; /* what is given */
	number next;
	struct map *taken; /* text of the address → the pool */
};

static number to_number(const struct net_addr *a)
{
	number n = 0;
	size_t i;

	if (a->family == AF_INET)
		return ntohl(a->v4.s_addr);
	for (i = 0; i < sizeof(a->v6); i++)
		n = n << 8 | a->v6.s6_addr[i];
	return n;
}

static struct net_addr from_number(int family, number n)
{
	struct net_addr a = {.family = family};
	size_t i;

	if (family == AF_INET) {
		a.v4.s_addr = htonl((uint32_t)n);
		return a;
	}
	for (i = sizeof(a.v6); i--; n >>= 8)
		a.v6.s6_addr[i] = (uint8_t)n;
	return a;
}

static number last_of(const struct net_prefix *p)
{
	unsigned host = (p->addr.family == AF_INET ? 32 : 128) - p->bits;

	return to_number(&p->addr) | (host >= 128 ? ~(number)0 : ((number)1 << host) - 1);
}

/* The subnet's own address and, of IPv4, broadcast belong to nobody; /31, /32, /127, /128 have
 * none. */
static void set_bounds(struct net_pool *p)
{
	unsigned host = (p->subnet.addr.family == AF_INET ? 32 : 128) - p->subnet.bits;

	p->first = to_number(&p->subnet.addr);
	p->last = last_of(&p->subnet);
	if (host < 2)
		return;
	p->first++;
	if (p->subnet.addr.family == AF_INET)
		p->last--;
}

struct net_pool *net_pool_new(const struct net_prefix *subnet, const struct net_prefix *range,
			      const struct net_addr *gateway)
{
	struct net_pool *p = xcalloc(1, sizeof(*p));
	char text[NET_ADDR_TEXT];

	p->subnet = *subnet;
	set_bounds(p);
	p->range_first = p->first;
	p->range_last = p->last;
	if (range && net_prefix_overlaps(subnet, range) && range->bits > subnet->bits) {
		p->range_first = MAX(p->first, to_number(&range->addr));
		p->range_last = MIN(p->last, last_of(range));
	}
	p->next = p->range_first;
	p->taken = map_new(NULL);
	p->gateway = gateway ? *gateway : from_number(subnet->addr.family, p->first);
	net_addr_text(&p->gateway, text);
	map_set(p->taken, text, p);
	return p;
}

void net_pool_free(struct net_pool *p)
{
	if (!p)
		return;
	map_free(p->taken);
	free(p);
}

const struct net_addr *net_pool_gateway(const struct net_pool *p)
{
	return &p->gateway;
}

/* At most as many steps as addresses are taken, plus one: then one of them was free, or none is. */
int net_pool_take(struct net_pool *p, struct net_addr *ret, struct error *err)
{
	size_t tries = map_len(p->taken) + 1;
	char text[NET_PREFIX_TEXT];

	while (tries-- && p->range_first <= p->range_last) {
		struct net_addr a = from_number(p->subnet.addr.family, p->next);

		p->next = p->next >= p->range_last ? p->range_first : p->next + 1;
		net_addr_text(&a, text);
		if (map_has(p->taken, text))
			continue;
		map_set(p->taken, text, p);
		*ret = a;
		return 0;
	}
	net_prefix_text(&p->subnet, text);
	return error_set(err, ENOSPC, "no address of subnet %s is free", text);
}

int net_pool_claim(struct net_pool *p, const struct net_addr *a, struct error *err)
{
	char text[NET_ADDR_TEXT], subnet[NET_PREFIX_TEXT];
	number n = to_number(a);

	net_addr_text(a, text);
	net_prefix_text(&p->subnet, subnet);
	if (!net_prefix_contains(&p->subnet, a))
		return error_set(err, ERANGE, "address %s is not in subnet %s", text, subnet);
	if (n < p->first || n > p->last)
		return error_set(err, ERANGE, "address %s of subnet %s cannot be given to anybody",
				 text, subnet);
	if (map_has(p->taken, text))
		return error_set(err, EADDRINUSE, "address %s is already taken%s", text,
				 net_addr_equal(a, &p->gateway) ? " by the gateway" : "");
	map_set(p->taken, text, p);
	return 0;
}

void net_pool_release(struct net_pool *p, const struct net_addr *a)
{
	char text[NET_ADDR_TEXT];

	if (!a->family || net_addr_equal(a, &p->gateway))
		return;
	net_addr_text(a, text);
	map_remove(p->taken, text);
}
