/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and prefixes of both families: text, comparison, containment. */
#include <arpa/inet.h>
#include <errno.h>

#include "net/net_int.h"

size_t net_addr_len(const struct net_addr *a)
{
	return a->family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static unsigned addr_bits(const struct net_addr *a)
{
	return (unsigned)net_addr_len(a) * 8;
}

static const uint8_t *bytes(const struct net_addr *a)
{
	return a->family == AF_INET6 ? a->v6.s6_addr : (const uint8_t *)&a->v4;
}

int net_addr_parse(const char *text, struct net_addr *ret, struct error *err)
{
	struct net_addr a = {.family = AF_INET};

	if (inet_pton(AF_INET, text, &a.v4) != 1) {
		a.family = AF_INET6;
		if (inet_pton(AF_INET6, text, &a.v6) != 1)
			return error_set(err, EINVAL, "\"%s\" is no IP address", text);
	}
	*ret = a;
	return 0;
}

/* Do the first `bits` bits agree? */
static bool same_bits(const struct net_addr *a, const struct net_addr *b, unsigned bits)
{
	const uint8_t *x = bytes(a), *y = bytes(b);
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(x, y, whole))
		return false;
	return !rest || !((x[whole] ^ y[whole]) >> (8 - rest));
}

static bool host_bits_clear(const struct net_prefix *p)
{
	const uint8_t *b = bytes(&p->addr);
	unsigned i;

	for (i = p->bits; i < addr_bits(&p->addr); i++)
		if (b[i / 8] & (0x80 >> (i % 8)))
			return false;
	return true;
}

int net_prefix_parse(const char *text, struct net_prefix *ret, struct error *err)
{
	const char *slash = strchr(text, '/');
	auto_free char *addr = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	struct net_prefix p;
	uint32_t bits;

	if (!slash || net_addr_parse(addr, &p.addr, err) < 0 || parse_u32(slash + 1, &bits) < 0 ||
	    bits > addr_bits(&p.addr))
		return error_set(err, EINVAL,
				 "\"%s\" is no subnet: write it like 10.1.0.0/16 or fd00::/64",
				 text);
	p.bits = bits;
	if (!host_bits_clear(&p))
		return error_set(err, EINVAL, "subnet %s has bits set behind its first %u", text,
				 bits);
	*ret = p;
	return 0;
}

void net_addr_text(const struct net_addr *a, char ret[NET_ADDR_TEXT])
{
	*ret = '\0';
	if (a->family)
		inet_ntop(a->family, bytes(a), ret, NET_ADDR_TEXT);
}

void net_prefix_text(const struct net_prefix *p, char ret[NET_PREFIX_TEXT])
{
	char addr[NET_ADDR_TEXT];

	net_addr_text(&p->addr, addr);
	snprintf(ret, NET_PREFIX_TEXT, "%s/%u", addr, p->bits % 1000);
}

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && (!a->family || same_bits(a, b, addr_bits(a)));
}

bool net_prefix_contains(const struct net_prefix *p, const struct net_addr *a)
{
	return p->addr.family && p->addr.family == a->family && same_bits(&p->addr, a, p->bits);
}

bool net_prefix_overlaps(const struct net_prefix *a, const struct net_prefix *b)
{
	return a->addr.family && a->addr.family == b->addr.family &&
	       same_bits(&a->addr, &b->addr, MIN(a->bits, b->bits));
}
