/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's places on its networks: addresses and names are given at creation and kept until
 * removal; links exist while it runs.  The host's end of a link has a new name at every start,
 * because the kernel takes the old one away only some time after the namespace has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/json.h"
#include "engine/container_int.h"
#include "engine/events.h"
#include "engine/network.h"

#define LINK_ID_DIGITS 6

static const int families[2] = {AF_INET, AF_INET6};

/* ---- allocation */

static int give_address(struct container_endpoint *e, int slot, const char *asked,
			struct error *err)
{
	struct net_pool *pool = e->network->pools[slot];
	struct net_addr *addr = &e->link.addrs[slot];
	int r;

	if (!asked && !pool)
		return 0;
	if (!pool)
		return error_set(err, EINVAL, "address %s: network %s has no IPv%d subnet", asked,
				 e->network->name, slot ? 6 : 4);
	if (!asked)
		return net_pool_take(pool, addr, err);
	r = net_addr_parse(asked, addr, err);
	if (r == 0 && addr->family != families[slot])
		r = error_set(err, EINVAL, "address %s is not an IPv%d address", asked,
			      slot ? 6 : 4);
	if (r == 0)
		r = net_pool_claim(pool, addr, err);
	if (r < 0)
		addr->family = 0;
	return r;
}

static int parse_mac(const char *text, uint8_t mac[6], struct error *err)
{
	size_t i;

	if (strlen(text) != 17)
		return error_set(err, EINVAL,
				 "mac address \"%s\": must look like 02:42:ac:11:00:02", text);
	for (i = 0; i < 6; i++) {
		char pair[3] = {text[3 * i], text[3 * i + 1]}, *end;
		unsigned long value = strtoull(pair, &end, 16);

		if (*end || (i < 5 && text[3 * i + 2] != ':'))
			return error_set(err, EINVAL,
					 "mac address \"%s\": must look like 02:42:ac:11:00:02",
					 text);
		mac[i] = (uint8_t)value;
	}
	return 0;
}

static void add_names(struct container *c, struct container_endpoint *e, char *const *aliases)
{
	size_t i;

	for (i = 0; i < strv_len(aliases); i++)
		if (!strv_has(e->aliases, aliases[i]))
			strv_push(&e->aliases, str_lower(xstrdup(aliases[i])));
	if (c->service && !c->one_off && !strv_has(e->aliases, c->service))
		strv_push(&e->aliases, str_lower(xstrdup(c->service)));
}

static int allocate_one(struct container *c, struct container_endpoint *e,
			const struct config_network *asked, size_t index, struct error *err)
{
	struct network *n;
	int r = !strcmp(asked->network, NETWORK_DEFAULT)
			? network_default(c->daemon, &n, err)
			: network_find(c->daemon, asked->network, &n, err);

	if (r < 0)
		return r;
	e->network = network_ref(n);
	r = give_address(e, 0, asked->ipv4, err);
	if (r == 0)
		r = give_address(e, 1, asked->ipv6, err);
	if (r == 0 && asked->mac)
		r = parse_mac(asked->mac, e->link.mac, err);
	if (r < 0)
		return error_wrap(err, "network %s", n->name);
	if (asked->interface_name)
		str_copy(e->link.ifname, sizeof(e->link.ifname), asked->interface_name);
	else
		snprintf(e->link.ifname, sizeof(e->link.ifname), "eth%u", (unsigned)index);
	add_names(c, e, asked->aliases);
	return 0;
}

/* The default route goes through the network of the highest gw_priority, the first one on a tie. */
static void choose_gateway(struct container *c)
{
	struct container_endpoint *best = NULL;
	int64_t best_priority = 0;
	size_t i;

	for (i = 0; i < c->endpoint_count; i++) {
		struct container_endpoint *e = &c->endpoints[i];
		int64_t priority =
			i < c->config.network_count ? c->config.networks[i].gw_priority : 0;

		e->link.default_route = false;
		if (e->network->internal || (best && priority <= best_priority))
			continue;
		best = e;
		best_priority = priority;
	}
	if (best)
		best->link.default_route = true;
}

int endpoints_allocate(struct container *c, struct error *err)
{
	size_t i, count = c->config.network_count;
	int r;

	c->endpoints = xcalloc(count ? count : 1, sizeof(*c->endpoints));
	for (i = 0; i < count; i++) {
		c->endpoint_count = i + 1;
		r = allocate_one(c, &c->endpoints[i], &c->config.networks[i], i, err);
		if (r < 0) {
			endpoints_release(c);
			return r;
		}
	}
	choose_gateway(c);
	return 0;
}

static void release_one(struct container_endpoint *e)
{
	size_t k;

	for (k = 0; k < 2; k++)
		if (e->network && e->network->pools[k] && e->link.addrs[k].family)
			net_pool_release(e->network->pools[k], &e->link.addrs[k]);
	strv_free(e->aliases);
	network_unref(e->network);
	*e = (struct container_endpoint){0};
}

void endpoints_release(struct container *c)
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++)
		release_one(&c->endpoints[i]);
	free(c->endpoints);
	c->endpoints = NULL;
	c->endpoint_count = 0;
}

/* ---- the record */

json_t *endpoints_encode(const struct container *c)
{
	json_t *list = json_array();
	char text[NET_ADDR_TEXT];
	size_t i, k;

	for (i = 0; i < c->endpoint_count; i++) {
		const struct container_endpoint *e = &c->endpoints[i];
		const uint8_t *m = e->link.mac;
		json_t *o = json_object();

		json_set_str(o, "network", e->network->id);
		json_set_str(o, "ifname", e->link.ifname);
		json_set_str(o, "host_ifname", e->link.host_ifname);
		json_set_strf(o, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
			      m[4], m[5]);
		for (k = 0; k < 2; k++) {
			if (!e->link.addrs[k].family)
				continue;
			net_addr_text(&e->link.addrs[k], text);
			json_set_str(o, k ? "ipv6" : "ipv4", text);
		}
		json_set_new(o, "aliases", json_strv(e->aliases));
		json_array_append_new(list, o);
	}
	return list;
}

static int restore_one(struct container *c, struct container_endpoint *e, const json_t *o,
		       struct error *err)
{
	const char *id = json_get_str(o, "network"), *mac = json_get_str(o, "mac");
	struct network *n;
	int r = network_find(c->daemon, id ? id : "", &n, err);

	if (r < 0)
		return r;
	e->network = network_ref(n);
	str_copy(e->link.ifname, sizeof(e->link.ifname), json_get_str(o, "ifname") ?: "eth0");
	str_copy(e->link.host_ifname, sizeof(e->link.host_ifname),
		 json_get_str(o, "host_ifname") ?: "");
	e->aliases = json_to_strv(json_get_arr(o, "aliases"));
	r = mac ? parse_mac(mac, e->link.mac, err) : 0;
	if (r == 0 && json_get_str(o, "ipv4"))
		r = give_address(e, 0, json_get_str(o, "ipv4"), err);
	if (r == 0 && json_get_str(o, "ipv6"))
		r = give_address(e, 1, json_get_str(o, "ipv6"), err);
	return r;
}

int endpoints_restore(struct container *c, const json_t *endpoints, struct error *err)
{
	size_t i, count = json_array_size(endpoints);
	int r;

	c->endpoints = xcalloc(count ? count : 1, sizeof(*c->endpoints));
	for (i = 0; i < count; i++) {
		c->endpoint_count = i + 1;
		r = restore_one(c, &c->endpoints[i], json_array_get(endpoints, i), err);
		if (r < 0) {
			endpoints_release(c);
			return error_wrap(err, "endpoints of container %s", c->name);
		}
	}
	choose_gateway(c);
	return 0;
}

/* ---- links */

static void link_prefix(const struct container *c, char ret[NET_IFNAME_MAX])
{
	snprintf(ret, NET_IFNAME_MAX, "%sv%.*s", c->daemon->tag, LINK_ID_DIGITS, c->id);
}

bool endpoint_owns_link(const struct container *c, const char *name)
{
	char prefix[NET_IFNAME_MAX];

	link_prefix(c, prefix);
	return str_starts(name, prefix);
}

/* A name that this container's last start did not use. */
static void name_link(struct container *c, size_t index)
{
	struct net_endpoint *link = &c->endpoints[index].link;
	char prefix[NET_IFNAME_MAX];
	const char *last =
		link->host_ifname + (*link->host_ifname ? strlen(link->host_ifname) - 2 : 0);
	unsigned long generation = *last ? strtoull(last, NULL, 16) : 0;

	link_prefix(c, prefix);
	/* High bits: the start; low bits: which of its networks. */
	generation = ((generation >> 3) + 1) % 32 << 3 | (index & 7);
	snprintf(link->host_ifname, sizeof(link->host_ifname), "%.13s%02lx", prefix,
		 generation & 0xff);
}

static void take_messages(struct net_messages *all, struct net_messages *more)
{
	all->items = xreallocarray(all->items, all->count + more->count, sizeof(*all->items));
	memcpy(all->items + all->count, more->items, more->count * sizeof(*more->items));
	all->count += more->count;
	free(more->items);
}

int endpoints_messages(struct container *c, struct net_messages *ret, struct error *err)
{
	struct net_messages all = {0};
	size_t i;
	int r;

	for (i = 0; i < c->endpoint_count; i++) {
		struct container_endpoint *e = &c->endpoints[i];
		struct net_messages more = {0};

		r = network_complete(e->network, err);
		if (r < 0)
			goto fail;
		name_link(c, i);
		e->link.network = &e->network->net;
		e->link.mtu = e->network->net.mtu;
		r = net_endpoint_messages(c->daemon->net, &e->link, &more, err);
		if (r < 0)
			goto fail;
		take_messages(&all, &more);
	}
	*ret = all;
	return 0;
fail:
	net_messages_release(&all);
	return r;
}

/* ---- connecting and disconnecting */

static size_t place_of(const struct container *c, const struct network *n)
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++)
		if (c->endpoints[i].network == n)
			break;
	return i;
}

static size_t free_interface(const struct container *c)
{
	size_t n, i;
	char name[NET_IFNAME_MAX];

	for (n = 0;; n++) {
		snprintf(name, sizeof(name), "eth%u", (unsigned)n);
		for (i = 0; i < c->endpoint_count; i++)
			if (!strcmp(c->endpoints[i].link.ifname, name))
				break;
		if (i == c->endpoint_count)
			return n;
	}
}

static void emit(const struct container *c, const struct network *n, const char *action)
{
	json_t *attributes = json_object();

	json_set_str(attributes, "container", c->id);
	json_set_str(attributes, "name", n->name);
	json_set_str(attributes, "type", n->driver);
	events_emit(c->daemon->events, "network", action, n->id, attributes);
}

/* The link of a running container; its other links and routes stay as they are. */
static int plug(struct container *c, size_t i, struct error *err)
{
	struct container_endpoint *e = &c->endpoints[i];
	auto_free char *path = xasprintf("/proc/%d/ns/net", c->pid);
	auto_fd int netns = open(path, O_RDONLY | O_CLOEXEC);
	size_t k;
	int r;

	if (netns < 0)
		return error_sys(err, errno, "open %s", path);
	for (k = 0; k < i; k++)
		e->link.default_route &= !c->endpoints[k].link.default_route;
	r = network_complete(e->network, err);
	if (r < 0)
		return r;
	name_link(c, i);
	e->link.network = &e->network->net;
	e->link.mtu = e->network->net.mtu;
	r = container_save(c, err); /* the link's name is recorded before the link is made */
	if (r == 0)
		r = net_endpoint_connect(c->daemon->net, &e->link, netns, err);
	e->attached = r == 0;
	return r;
}

static int may_connect(const struct container *c, struct error *err)
{
	const char *mode = c->config.network_mode;

	if (str_empty(mode) || !strcmp(mode, "networks"))
		return 0;
	return error_set(err, EINVAL, "container %s has no networks of its own (network mode %s)",
			 c->name, mode);
}

int endpoint_connect(struct container *c, struct config_network *asked, struct error *err)
{
	struct container_config *o = &c->config;
	size_t i = c->endpoint_count;
	struct network *n;
	int r = may_connect(c, err);

	if (r == 0)
		r = network_find(c->daemon, asked->network, &n, err);
	if (r == 0 && place_of(c, n) < i)
		r = error_set(err, EEXIST, "container %s is on network %s already", c->name,
			      n->name);
	if (r < 0)
		return r;
	c->endpoints = xreallocarray(c->endpoints, i + 1, sizeof(*c->endpoints));
	c->endpoints[i] = (struct container_endpoint){0};
	r = allocate_one(c, &c->endpoints[i], asked, free_interface(c), err);
	if (r == 0) {
		c->endpoint_count = i + 1;
		o->networks = xreallocarray(o->networks, i + 1, sizeof(*o->networks));
		o->networks[i] = *asked;
		o->network_count = i + 1;
		choose_gateway(c);
		r = c->pid ? plug(c, i, err) : 0;
		if (r == 0)
			r = container_save(c, err);
	}
	if (r < 0) {
		release_one(&c->endpoints[i]);
		c->endpoint_count = o->network_count = i;
		choose_gateway(c);
		return error_wrap(err, "connect container %s", c->name);
	}
	*asked = (struct config_network){0};
	publish_refresh(c);
	emit(c, c->endpoints[i].network, "connect");
	return 0;
}

static void take_out(struct container *c, size_t i)
{
	struct container_config *o = &c->config;

	release_one(&c->endpoints[i]);
	c->endpoint_count--;
	memmove(&c->endpoints[i], &c->endpoints[i + 1],
		(c->endpoint_count - i) * sizeof(*c->endpoints));
	if (i >= o->network_count)
		return;
	config_network_release(&o->networks[i]);
	o->network_count--;
	memmove(&o->networks[i], &o->networks[i + 1],
		(o->network_count - i) * sizeof(*o->networks));
}

int endpoint_disconnect(struct container *c, const struct network *n, struct error *err)
{
	size_t i = place_of(c, n);
	int r = 0;

	if (i == c->endpoint_count)
		return error_set(err, ENOENT, "container %s is not on network %s", c->name,
				 n->name);
	if (c->endpoints[i].attached)
		r = net_link_destroy(c->daemon->net, c->endpoints[i].link.host_ifname, err);
	if (r < 0)
		return error_wrap(err, "disconnect container %s", c->name);
	take_out(c, i);
	choose_gateway(c);
	publish_refresh(c);
	emit(c, n, "disconnect");
	return container_save(c, err);
}

/* ---- files of the container that speak of the network */

static void add_host(struct buf *b, const char *address, const char *names)
{
	buf_addf(b, "%s\t%s\n", address, names);
}

/* `host-gateway` in extra_hosts: the host as the container sees it. */
static bool host_gateway(const struct container *c, char ret[NET_ADDR_TEXT])
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++) {
		const struct network *n = c->endpoints[i].network;

		if (!n->net.gateways[0].family)
			continue;
		net_addr_text(&n->net.gateways[0], ret);
		return true;
	}
	return false;
}

void endpoints_hosts(const struct container *c, struct buf *ret)
{
	char text[NET_ADDR_TEXT];
	const char *hostname = c->config.hostname;
	size_t i, k;

	add_host(ret, "127.0.0.1", "localhost");
	add_host(ret, "::1", "localhost ip6-localhost ip6-loopback");
	add_host(ret, "fe00::0", "ip6-localnet");
	add_host(ret, "ff00::0", "ip6-mcastprefix");
	add_host(ret, "ff02::1", "ip6-allnodes");
	add_host(ret, "ff02::2", "ip6-allrouters");
	for (i = 0; i < strv_len(c->config.extra_hosts); i++) {
		const char *entry = c->config.extra_hosts[i];
		size_t len = strcspn(entry, ":=");
		const char *address = entry[len] ? entry + len + 1 : "";
		auto_free char *name = xstrndup(entry, len);

		if (!strcmp(address, "host-gateway"))
			address = host_gateway(c, text) ? text : "127.0.0.1";
		add_host(ret, address, name);
	}
	for (i = 0; i < c->endpoint_count; i++) {
		for (k = 0; k < 2; k++) {
			auto_free char *names = NULL;

			if (!c->endpoints[i].link.addrs[k].family)
				continue;
			net_addr_text(&c->endpoints[i].link.addrs[k], text);
			if (hostname && c->config.domainname)
				names = xasprintf("%s.%s %s", hostname, c->config.domainname,
						  hostname);
			else
				names = hostname ? xstrdup(hostname) : xstrndup(c->id, 12);
			add_host(ret, text, names);
		}
	}
}

void endpoints_resolv(const struct container *c, struct buf *ret)
{
	size_t i;

	buf_adds(ret, "nameserver 127.0.0.11\n");
	if (strv_len(c->config.dns_search)) {
		buf_adds(ret, "search");
		for (i = 0; c->config.dns_search[i]; i++)
			buf_addf(ret, " %s", c->config.dns_search[i]);
		buf_addc(ret, '\n');
	}
	buf_adds(ret, "options");
	for (i = 0; i < strv_len(c->config.dns_opt); i++)
		buf_addf(ret, " %s", c->config.dns_opt[i]);
	buf_adds(ret, strv_len(c->config.dns_opt) ? "\n" : " ndots:0\n");
}
