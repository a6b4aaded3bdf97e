/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table as text.  The transaction replaces the whole table, which is atomic; what is
 *established lives in conntrack and does not notice.  Whatever grows with the number of networks or
 *ports stands in sets and maps, so that a packet meets a fixed number of rules.
 *
 *	cmp_direct	nobody outside may route straight to a container
 *	cmp_dnat	published ports, for packets that come over a link; local programs are
 *served by the listening socket, so that 127.0.0.1 needs no route_localnet cmp_forward	networks are
 *isolated from each other; what was published is let through
 *	cmp_postrouting	masquerading
 *
 * An accept here does not overrule the drop of another table, see firewall_guest.c.
 */
#include "base/map.h"
#include "net/firewall.h"
#include "net/net_int.h"

static const char *const family_name[] = {"ip", "ip6"};
static const char *const addr_type[] = {"ipv4_addr", "ipv6_addr"};
static const char *const nf_proto[] = {"ipv4", "ipv6"};

static const char *protocol(const struct net_port *p)
{
	return p->spec.protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* ---- sets: an element each time `add_element` says so */

struct set {
	struct buf *out;
	bool any;
};

static void set_begin(struct set *s, struct buf *out, const char *kind, const char *name,
		      const char *type)
{
	*s = (struct set){.out = out};
	buf_addf(out, "\t%s %s {\n\t\ttype %s\n", kind, name, type);
}

static void set_element(struct set *s)
{
	buf_adds(s->out, s->any ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t");
	s->any = true;
}

static void set_end(struct set *s)
{
	buf_adds(s->out, s->any ? "\n\t\t}\n\t}\n" : "\t}\n");
}

static bool any_network(const struct net_network *nw)
{
	return nw->bridge[0];
}

static bool is_internal(const struct net_network *nw)
{
	return nw->internal;
}

static bool has_icc(const struct net_network *nw)
{
	return nw->icc;
}

static void add_bridge_set(const struct firewall_state *s, struct buf *out, const char *name,
			   bool pairs, bool (*wanted)(const struct net_network *))
{
	struct set set;
	size_t i;

	set_begin(&set, out, "set", name, pairs ? "ifname . ifname" : "ifname");
	for (i = 0; i < s->network_count; i++) {
		const char *bridge = s->networks[i].bridge;

		if (!wanted(&s->networks[i]))
			continue;
		set_element(&set);
		if (pairs)
			buf_addf(out, "\"%s\" . \"%s\"", bridge, bridge);
		else
			buf_addf(out, "\"%s\"", bridge);
	}
	set_end(&set);
}

static void add_subnet_set(const struct firewall_state *s, struct buf *out, const char *name,
			   size_t slot, bool masqueraded)
{
	char text[NET_PREFIX_TEXT], full[NET_IFNAME_MAX + 8];
	struct set set;
	size_t i;

	snprintf(full, sizeof(full), "%s%d", name, slot ? 6 : 4);
	set_begin(&set, out, "set", full, addr_type[slot]);
	buf_adds(out, "\t\tflags interval\n\t\tauto-merge\n");
	for (i = 0; i < s->network_count; i++) {
		const struct net_network *nw = &s->networks[i];

		if (!nw->subnets[slot].addr.family ||
		    (masqueraded && (!nw->masquerade || nw->internal)))
			continue;
		net_prefix_text(&nw->subnets[slot], text);
		set_element(&set);
		buf_adds(out, text);
	}
	set_end(&set);
}

/* ---- published ports */

/* Does this port lead anywhere in this family, and by an address of its own or by any? */
static bool leads(const struct net_port *p, size_t slot, bool by_address)
{
	int family = slot ? AF_INET6 : AF_INET;
	const struct net_addr *host = &p->spec.host;
	size_t i;

	if (host->family ? !by_address || host->family != family : by_address)
		return false;
	for (i = 0; i < p->backend_count; i++)
		if (p->backends[i].addr.family == family)
			return true;
	return false;
}

/* Only the host can reach its loopback; nothing from outside may be sent on for it. */
static bool is_loopback(const struct net_addr *a)
{
	return a->family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&a->v6)
				     : a->family == AF_INET && ntohl(a->v4.s_addr) >> 24 == 127;
}

static size_t family_backends(const struct net_port *p, size_t slot)
{
	size_t i, count = 0;

	for (i = 0; i < p->backend_count; i++)
		count += p->backends[i].addr.family == (slot ? AF_INET6 : AF_INET);
	return count;
}

static void chain_name(const struct net_port *p, size_t slot, char ret[NET_ADDR_TEXT + 32])
{
	char host[NET_ADDR_TEXT] = "any", *c;

	if (p->spec.host.family)
		net_addr_text(&p->spec.host, host);
	for (c = host; *c; c++)
		if (*c == '.' || *c == ':')
			*c = '_';
	snprintf(ret, NET_ADDR_TEXT + 32, "cmp_%s%u_%s_%d", protocol(p), p->number, host,
		 slot ? 6 : 4);
}

static void add_port_key(const struct net_port *p, bool by_address, struct buf *out)
{
	char host[NET_ADDR_TEXT];

	if (by_address) {
		net_addr_text(&p->spec.host, host);
		buf_addf(out, "%s . ", host);
	}
	buf_addf(out, "%s . %u : ", protocol(p), p->number);
}

/* Ports with one backend are mapped at once; those with several go to a chain that takes turns. */
static void add_port_map(const struct firewall_state *s, struct buf *out, size_t slot,
			 bool by_address, bool spread)
{
	const struct net_port *p;
	char name[64], type[64], text[NET_ADDR_TEXT + 32];
	struct set set;

	snprintf(name, sizeof(name), "cmp_%s%s%d", spread ? "spread" : "port",
		 by_address ? "_addr" : "", slot ? 6 : 4);
	snprintf(type, sizeof(type),
		 "%s%sinet_proto . inet_service : ", by_address ? addr_type[slot] : "",
		 by_address ? " . " : "");
	buf_addf(out, "\tmap %s {\n\t\ttype %s", name, type);
	if (spread)
		buf_adds(out, "verdict\n");
	else
		buf_addf(out, "%s . inet_service\n", addr_type[slot]);
	set = (struct set){.out = out};
	list_for_each (p, s->ports, link) {
		size_t i = 0;

		if (!leads(p, slot, by_address) || is_loopback(&p->spec.host) ||
		    (family_backends(p, slot) > 1) != spread)
			continue;
		set_element(&set);
		add_port_key(p, by_address, out);
		if (spread) {
			chain_name(p, slot, text);
			buf_addf(out, "goto %s", text);
			continue;
		}
		while (p->backends[i].addr.family != (slot ? AF_INET6 : AF_INET))
			i++;
		net_addr_text(&p->backends[i].addr, text);
		buf_addf(out, "%s . %u", text, p->backends[i].port);
	}
	set_end(&set);
}

static void add_spread_chain(const struct net_port *p, size_t slot, struct buf *out)
{
	char text[NET_ADDR_TEXT + 32];
	size_t i, turn = 0;

	chain_name(p, slot, text);
	buf_addf(
		out,
		"\tchain %s {\n\t\tmeta nfproto %s meta l4proto %s dnat %s to numgen inc mod %zu map {",
		text, nf_proto[slot], protocol(p), family_name[slot], family_backends(p, slot));
	for (i = 0; i < p->backend_count; i++) {
		if (p->backends[i].addr.family != (slot ? AF_INET6 : AF_INET))
			continue;
		net_addr_text(&p->backends[i].addr, text);
		buf_addf(out, "%s %zu : %s . %u", turn ? "," : "", turn, text, p->backends[i].port);
		turn++;
	}
	buf_adds(out, " }\n\t}\n");
}

static void add_spread_chains(const struct firewall_state *s, struct buf *out)
{
	const struct net_port *p;
	size_t slot;

	list_for_each (p, s->ports, link)
		for (slot = 0; slot < 2; slot++)
			if ((leads(p, slot, true) || leads(p, slot, false)) &&
			    !is_loopback(&p->spec.host) && family_backends(p, slot) > 1)
				add_spread_chain(p, slot, out);
}

/* Everything that our sockets take, with or without backends; each number once. */
static void add_listening_set(const struct firewall_state *s, struct buf *out)
{
	AUTO(map_free) struct map *seen = map_new(NULL);
	const struct net_port *p;
	struct set set;
	char text[32];

	set_begin(&set, out, "set", "cmp_listening", "inet_proto . inet_service");
	list_for_each (p, s->ports, link) {
		snprintf(text, sizeof(text), "%s . %u", protocol(p), p->number);
		if (map_has(seen, text))
			continue;
		map_set(seen, text, seen);
		set_element(&set);
		buf_adds(out, text);
	}
	set_end(&set);
}

static void add_published(const struct firewall_state *s, struct buf *out)
{
	size_t slot;
	int kind;

	for (slot = 0; slot < 2; slot++)
		for (kind = 0; kind < 4; kind++)
			add_port_map(s, out, slot, kind & 1, kind & 2);
	add_spread_chains(s, out);
	add_listening_set(s, out);
	buf_adds(out, "\tchain cmp_published {\n");
	for (slot = 0; slot < 2; slot++) {
		const char *f = family_name[slot];
		int v = slot ? 6 : 4;

		buf_addf(out,
			 "\t\tmeta l4proto { tcp, udp } dnat %s to %s daddr . meta l4proto . th "
			 "dport map @cmp_port_addr%d\n",
			 f, f, v);
		buf_addf(out, "\t\t%s daddr . meta l4proto . th dport vmap @cmp_spread_addr%d\n", f,
			 v);
		buf_addf(out,
			 "\t\tmeta nfproto %s meta l4proto { tcp, udp } dnat %s to meta l4proto "
			 ". th dport map @cmp_port%d\n",
			 nf_proto[slot], f, v);
		buf_addf(out, "\t\tmeta nfproto %s meta l4proto . th dport vmap @cmp_spread%d\n",
			 nf_proto[slot], v);
	}
	buf_adds(out, "\t}\n"
		      "\tchain cmp_dnat {\n"
		      "\t\ttype nat hook prerouting priority -100; policy accept;\n"
		      "\t\tiifname \"lo\" return\n"
		      "\t\tiifname @cmp_bridges return\n"
		      "\t\tfib daddr type local jump cmp_published\n"
		      "\t}\n"
		      "\tchain cmp_input {\n"
		      "\t\ttype filter hook input priority 0; policy accept;\n"
		      "\t\tiifname @cmp_internal meta l4proto . th dport @cmp_listening drop\n"
		      "\t}\n");
}

/* ---- the rest */

static const char rules_direct[] = "\tchain cmp_outside {\n"
				   "\t\tiifname \"lo\" return\n"
				   "\t\tiifname @cmp_bridges return\n"
				   "\t\tct state established,related return\n"
				   "\t\tdrop\n"
				   "\t}\n"
				   "\tchain cmp_direct {\n"
				   "\t\ttype filter hook prerouting priority -150; policy accept;\n"
				   "\t\tiifname != \"lo\" ip daddr 127.0.0.0/8 drop\n"
				   "\t\tip daddr @cmp_subnets4 jump cmp_outside\n"
				   "\t\tip6 daddr @cmp_subnets6 jump cmp_outside\n"
				   "\t}\n";

static const char rules_forward[] = "\tchain cmp_forward {\n"
				    "\t\ttype filter hook forward priority 0; policy accept;\n"
				    "\t\tct state established,related accept\n"
				    "\t\tiifname . oifname @cmp_same accept\n"
				    "\t\tiifname @cmp_internal drop\n"
				    "\t\toifname @cmp_internal drop\n"
				    "\t\toifname @cmp_bridges ct status dnat accept\n"
				    "\t\toifname @cmp_bridges drop\n"
				    "\t\tiifname @cmp_bridges accept\n";

/* Virtual links (other engines' bridges, tunnels) are somebody else's business. */
#define OTHERS                                                                                     \
	"{ \"bridge\", \"veth\", \"tun\", \"wireguard\", \"vxlan\", \"macvlan\", \"ipvlan\" }"
static const char rules_foreign[] = "\tchain cmp_foreign {\n"
				    "\t\tmeta iifkind " OTHERS " return\n"
				    "\t\tmeta oifkind " OTHERS " return\n"
				    "\t\tdrop\n"
				    "\t}\n";

static const char rules_postrouting[] =
	"\tchain cmp_postrouting {\n"
	"\t\ttype nat hook postrouting priority 100; policy accept;\n"
	"\t\toifname != @cmp_bridges ip saddr @cmp_masquerade4 masquerade\n"
	"\t\toifname != @cmp_bridges ip6 saddr @cmp_masquerade6 masquerade\n"
	"\t}\n";

void firewall_text(const struct firewall_state *s, struct buf *out)
{
	size_t slot;

	buf_addf(out, "table inet %s {\n}\ndelete table inet %s\n", s->table, s->table);
	if (!s->network_count)
		return;
	buf_addf(out, "table inet %s {\n", s->table);
	add_bridge_set(s, out, "cmp_bridges", false, any_network);
	add_bridge_set(s, out, "cmp_internal", false, is_internal);
	add_bridge_set(s, out, "cmp_same", true, has_icc);
	for (slot = 0; slot < 2; slot++) {
		add_subnet_set(s, out, "cmp_subnets", slot, false);
		add_subnet_set(s, out, "cmp_masquerade", slot, true);
	}
	buf_adds(out, rules_direct);
	if (!list_empty(s->ports))
		add_published(s, out);
	if (s->owns_forwarding)
		buf_adds(out, rules_foreign);
	buf_adds(out, rules_forward);
	if (s->owns_forwarding)
		buf_adds(out, "\t\tjump cmp_foreign\n");
	buf_adds(out, "\t}\n");
	buf_adds(out, rules_postrouting);
	buf_adds(out, "}\n");
}
