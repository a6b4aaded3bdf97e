/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table as text.  The transaction replaces the whole table, which is atomic; what is
 * established lives in conntrack and does not notice.  Whatever grows with the number of networks
 * or ports stands in sets and maps, so that a packet meets a fixed number of rules.  A packet of a
 * connection that has been let through meets one, the first of cmp_forward: a short connection has
 * ten packets, and whatever looks at each of them is the price of a published port.
 *
 *	cmp_dnat	nobody outside may route straight to a container; published ports, for
 *			packets that come over a link (local programs are served by the listening
 *			socket, so that 127.0.0.1 needs no route_localnet)
 *	cmp_input	internal networks do not reach published ports through the host
 *	cmp_forward	networks are isolated from each other; what was published is let through
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

/* ---- the table: what is not there cannot be referred to */

struct table {
	struct buf *out;
	char **names; /* of the sets and chains written so far */
};

/* Does the name that follows `mark` in the rule, if any does, stand in the table? */
static bool refers_well(const struct table *t, const char *rule, const char *mark)
{
	const char *name = rule;

	while ((name = strstr(name, mark))) {
		auto_free char *full = NULL;

		name += strlen(mark);
		full = xstrndup(name, strcspn(name, " "));
		if (!strv_has(t->names, full))
			return false;
	}
	return true;
}

/* A rule about a set without elements matches nothing, and is left out. */
static void add_rule(struct table *t, const char *rule)
{
	if (refers_well(t, rule, "@") && refers_well(t, rule, "jump "))
		buf_addf(t->out, "\t\t%s\n", rule);
}

static void add_chain(struct table *t, const char *name, const char *const *rules)
{
	buf_addf(t->out, "\tchain %s {\n", name);
	for (; *rules; rules++)
		add_rule(t, *rules);
	buf_adds(t->out, "\t}\n");
	strv_push(&t->names, xstrdup(name));
}

/* A set is written with its first element, one without any is not. */
struct set {
	struct table *table;
	const char *kind, *name, *type, *flags;
	bool any;
};

static void set_element(struct set *s)
{
	if (s->any) {
		buf_adds(s->table->out, ",\n\t\t\t");
		return;
	}
	s->any = true;
	buf_addf(s->table->out, "\t%s %s {\n\t\ttype %s\n%s\t\telements = {\n\t\t\t", s->kind,
		 s->name, s->type, s->flags ? s->flags : "");
	strv_push(&s->table->names, xstrdup(s->name));
}

static void set_end(struct set *s)
{
	if (s->any)
		buf_adds(s->table->out, "\n\t\t}\n\t}\n");
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

static void add_bridge_set(const struct firewall_state *s, struct table *t, const char *name,
			   bool pairs, bool (*wanted)(const struct net_network *))
{
	struct set set = {.table = t,
			  .kind = "set",
			  .name = name,
			  .type = pairs ? "ifname . ifname" : "ifname"};
	size_t i;

	for (i = 0; i < s->network_count; i++) {
		const char *bridge = s->networks[i].bridge;

		if (!wanted(&s->networks[i]))
			continue;
		set_element(&set);
		if (pairs)
			buf_addf(t->out, "\"%s\" . \"%s\"", bridge, bridge);
		else
			buf_addf(t->out, "\"%s\"", bridge);
	}
	set_end(&set);
}

static void add_subnet_set(const struct firewall_state *s, struct table *t, const char *name,
			   size_t slot, bool masqueraded)
{
	char text[NET_PREFIX_TEXT], full[NET_IFNAME_MAX + 8];
	struct set set = {.table = t,
			  .kind = "set",
			  .name = full,
			  .type = addr_type[slot],
			  .flags = "\t\tflags interval\n\t\tauto-merge\n"};
	size_t i;

	snprintf(full, sizeof(full), "%s%d", name, slot ? 6 : 4);
	for (i = 0; i < s->network_count; i++) {
		const struct net_network *nw = &s->networks[i];

		if (!nw->subnets[slot].addr.family ||
		    (masqueraded && (!nw->masquerade || nw->internal)))
			continue;
		net_prefix_text(&nw->subnets[slot], text);
		set_element(&set);
		buf_adds(t->out, text);
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
static void add_port_map(const struct firewall_state *s, struct table *t, size_t slot,
			 bool by_address, bool spread)
{
	const struct net_port *p;
	char name[64], type[96], text[NET_ADDR_TEXT + 32];
	struct set set = {.table = t, .kind = "map", .name = name, .type = type};

	snprintf(name, sizeof(name), "cmp_%s%s%d", spread ? "spread" : "port",
		 by_address ? "_addr" : "", slot ? 6 : 4);
	snprintf(type, sizeof(type), "%s%sinet_proto . inet_service : %s%s",
		 by_address ? addr_type[slot] : "", by_address ? " . " : "",
		 spread ? "verdict" : addr_type[slot], spread ? "" : " . inet_service");
	list_for_each (p, s->ports, link) {
		size_t i = 0;

		if (!leads(p, slot, by_address) || is_loopback(&p->spec.host) ||
		    (family_backends(p, slot) > 1) != spread)
			continue;
		set_element(&set);
		add_port_key(p, by_address, t->out);
		if (spread) {
			chain_name(p, slot, text);
			buf_addf(t->out, "goto %s", text);
			continue;
		}
		while (p->backends[i].addr.family != (slot ? AF_INET6 : AF_INET))
			i++;
		net_addr_text(&p->backends[i].addr, text);
		buf_addf(t->out, "%s . %u", text, p->backends[i].port);
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
static void add_listening_set(const struct firewall_state *s, struct table *t)
{
	struct set set = {.table = t,
			  .kind = "set",
			  .name = "cmp_listening",
			  .type = "inet_proto . inet_service"};
	AUTO(map_free) struct map *seen = map_new(NULL);
	const struct net_port *p;
	char text[32];

	list_for_each (p, s->ports, link) {
		snprintf(text, sizeof(text), "%s . %u", protocol(p), p->number);
		if (map_has(seen, text))
			continue;
		map_set(seen, text, seen);
		set_element(&set);
		buf_adds(t->out, text);
	}
	set_end(&set);
}

/* A port of an address goes before one of all addresses. */
static const char *const rules_published[] = {
	"meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map "
	"@cmp_port_addr4",
	"ip daddr . meta l4proto . th dport vmap @cmp_spread_addr4",
	"meta nfproto ipv4 meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map "
	"@cmp_port4",
	"meta nfproto ipv4 meta l4proto . th dport vmap @cmp_spread4",
	"meta l4proto { tcp, udp } dnat ip6 to ip6 daddr . meta l4proto . th dport map "
	"@cmp_port_addr6",
	"ip6 daddr . meta l4proto . th dport vmap @cmp_spread_addr6",
	"meta nfproto ipv6 meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map "
	"@cmp_port6",
	"meta nfproto ipv6 meta l4proto . th dport vmap @cmp_spread6",
	NULL,
};

static const char *const rules_input[] = {
	"type filter hook input priority 0; policy accept;",
	"ct state established,related accept",
	"iifname @cmp_internal meta l4proto . th dport @cmp_listening drop",
	NULL,
};

static void add_published(const struct firewall_state *s, struct table *t)
{
	size_t slot;
	int kind;

	for (slot = 0; slot < 2; slot++)
		for (kind = 0; kind < 4; kind++)
			add_port_map(s, t, slot, kind & 1, kind & 2);
	add_spread_chains(s, t->out);
	add_listening_set(s, t);
	add_chain(t, "cmp_published", rules_published);
	if (strv_has(t->names, "cmp_internal"))
		add_chain(t, "cmp_input", rules_input);
}

/* ---- the rest */

static const char *const rules_outside[] = {
	"ct state related return",
	"drop",
	NULL,
};

/* Only the first packet of a connection comes here; what belongs to none is left to cmp_forward. */
static const char *const rules_dnat[] = {
	"type nat hook prerouting priority -100; policy accept;",
	"iifname \"lo\" return",
	"ip daddr 127.0.0.0/8 drop",
	"iifname @cmp_bridges return",
	"ip daddr @cmp_subnets4 jump cmp_outside",
	"ip6 daddr @cmp_subnets6 jump cmp_outside",
	"fib daddr type local jump cmp_published",
	NULL,
};

/* Virtual links (other engines' bridges, tunnels) are somebody else's business. */
#define OTHERS                                                                                     \
	"{ \"bridge\", \"veth\", \"tun\", \"wireguard\", \"vxlan\", \"macvlan\", \"ipvlan\" }"
static const char *const rules_foreign[] = {
	"meta iifkind " OTHERS " return",
	"meta oifkind " OTHERS " return",
	"drop",
	NULL,
};

static const char *const rules_forward[] = {
	"type filter hook forward priority 0; policy accept;",
	"ct state established,related accept",
	"iifname . oifname @cmp_same accept",
	"iifname @cmp_internal drop",
	"oifname @cmp_internal drop",
	"oifname @cmp_bridges ct status dnat accept",
	"oifname @cmp_bridges drop",
	"iifname @cmp_bridges accept",
	"jump cmp_foreign",
	NULL,
};

static const char *const rules_postrouting[] = {
	"type nat hook postrouting priority 100; policy accept;",
	"oifname @cmp_bridges accept",
	"ip saddr @cmp_masquerade4 masquerade",
	"ip6 saddr @cmp_masquerade6 masquerade",
	NULL,
};

void firewall_text(const struct firewall_state *s, struct buf *out)
{
	struct table t = {.out = out};
	size_t slot;

	buf_addf(out, "table inet %s {\n}\ndelete table inet %s\n", s->table, s->table);
	if (!s->network_count)
		return;
	buf_addf(out, "table inet %s {\n", s->table);
	add_bridge_set(s, &t, "cmp_bridges", false, any_network);
	add_bridge_set(s, &t, "cmp_internal", false, is_internal);
	add_bridge_set(s, &t, "cmp_same", true, has_icc);
	for (slot = 0; slot < 2; slot++) {
		add_subnet_set(s, &t, "cmp_subnets", slot, false);
		add_subnet_set(s, &t, "cmp_masquerade", slot, true);
	}
	if (!list_empty(s->ports))
		add_published(s, &t);
	add_chain(&t, "cmp_outside", rules_outside);
	add_chain(&t, "cmp_dnat", rules_dnat);
	if (s->owns_forwarding)
		add_chain(&t, "cmp_foreign", rules_foreign);
	add_chain(&t, "cmp_forward", rules_forward);
	add_chain(&t, "cmp_postrouting", rules_postrouting);
	buf_adds(out, "}\n");
	strv_free(t.names);
}
