/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's places on networks, and its published ports. */
#include <errno.h>
#include <stdio.h>

#include "base/digest.h"
#include "engine/api/docker.h"

/* ---- reading */

#define N(key, kind, member)                                                                       \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct config_network, member), NULL, NULL, NULL      \
	}

static int set_ipam(struct docker_input *in, const json_t *value, void *network)
{
	static const struct docker_field rows[] = {
		N("IPv4Address", STR, ipv4),
		N("IPv6Address", STR, ipv6),
		{"LinkLocalIPs", DOCKER_CONST, 0, NULL, NULL, docker_refuse},
		{0},
	};

	return docker_read(in, rows, value, network);
}

/* The address that a container has on a network; -1: none. */
static int address_on(const struct container *c, const char *network, char ret[NET_ADDR_TEXT])
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++) {
		const struct container_endpoint *e = &c->endpoints[i];

		if (strcmp(e->network->name, network) && strcmp(e->network->id, network))
			continue;
		net_addr_text(&e->link.addrs[!e->link.addrs[0].family], ret);
		return 0;
	}
	return -1;
}

/* "db:database", or "db" alone.  Addresses stay as long as a container: a link is a line of hosts.
 */
static int add_link(struct docker_input *in, const char *text, const char *network)
{
	size_t len = strcspn(text, ":");
	auto_free char *ref = xstrndup(text + (text[0] == '/'), len - (text[0] == '/'));
	const char *alias = text[len] ? text + len + 1 : NULL, *slash;
	char address[NET_ADDR_TEXT];
	struct error ignored = ERROR_INIT;
	struct container *c;

	if (container_find(in->daemon, ref, &c, &ignored) < 0)
		return error_set(in->err, ENOENT,
				 "could not get container for %s: No such container: %s", ref, ref);
	if (address_on(c, network, address) < 0)
		return error_set(in->err, EINVAL, "cannot link to %s, which is not on network %s",
				 c->name, network);
	slash = alias ? strrchr(alias, '/') : NULL;
	alias = slash ? slash + 1 : alias;
	if (!str_empty(alias) && strcmp(alias, c->name))
		strv_pushf(&in->config->extra_hosts, "%s:%s", alias, address);
	if (!strcmp(network, NETWORK_DEFAULT) || str_empty(alias))
		strv_pushf(&in->config->extra_hosts, "%s:%s", c->name, address);
	return 0;
}

int docker_links_read(struct docker_input *in, const json_t *list, const char *network)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list))
		return docker_wrong(in, "a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
		if (!json_is_string(item))
			return docker_wrong(in, "a list of strings");
		if (add_link(in, json_string_value(item), network) < 0)
			return -in->err->code;
	}
	return 0;
}

/* Of a container that is being made; one that is there cannot get further names. */
static int set_links(struct docker_input *in, const json_t *value, void *network)
{
	if (!in->config)
		return docker_warn(in, value, network);
	return docker_links_read(in, value, ((const struct config_network *)network)->network);
}

static const struct docker_field endpoint_fields[] = {
	{"IPAMConfig", DOCKER_PUT, 0, NULL, NULL, set_ipam},
	{"Links", DOCKER_PUT, 0, NULL, NULL, set_links},
	N("Aliases", STRV, aliases),
	N("MacAddress", STR, mac),
	{"DriverOpts", DOCKER_CONST, 0, NULL, NULL, docker_warn},
	N("GwPriority", INT, gw_priority),
	{0},
};

int docker_endpoint_read(struct docker_input *in, const json_t *value, struct config_network *ret)
{
	in->key = "EndpointsConfig";
	return docker_read(in, endpoint_fields, value, ret);
}

/* ---- writing */

/* Links have no ids of their own. */
void docker_put_endpoint_id(struct buf *b, const struct container *c,
			    const struct container_endpoint *e)
{
	auto_free char *text = NULL;
	char id[DIGEST_HEX_MAX] = "";

	if (e->attached) {
		text = xasprintf("%s %s", c->id, e->network->id);
		digest_of(text, strlen(text), id);
	}
	buf_addf(b, "\"%s\"", id);
}

/* As net/ gives it: 02:42 and the IPv4 address, unless it was asked for. */
void docker_put_mac(struct buf *b, const struct container_endpoint *e)
{
	static const uint8_t none[6];
	uint8_t mac[6] = {0x02, 0x42};

	if (memcmp(e->link.mac, none, sizeof(none)))
		memcpy(mac, e->link.mac, sizeof(mac));
	else if (e->link.addrs[0].family)
		memcpy(mac + 2, &e->link.addrs[0].v4, 4);
	else
		memcpy(mac + 2, e->link.addrs[1].v6.s6_addr + 12, 4);
	if (!e->attached)
		buf_adds(b, "\"\"");
	else
		buf_addf(b, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1], mac[2], mac[3],
			 mac[4], mac[5]);
}

static void put_address(struct buf *b, const char *key, const struct net_addr *a, bool shown)
{
	char text[NET_ADDR_TEXT] = "";

	if (shown && a->family)
		net_addr_text(a, text);
	buf_addf(b, ",\"%s\":\"%s\"", key, text);
}

static void put_addresses(struct buf *b, const struct container_endpoint *e)
{
	const struct net_network *net = &e->network->net;
	bool up = e->attached;

	put_address(b, "Gateway", &net->gateways[0], up && !net->internal);
	put_address(b, "IPAddress", &e->link.addrs[0], up);
	buf_addf(b, ",\"IPPrefixLen\":%u",
		 up && e->link.addrs[0].family ? net->subnets[0].bits : 0);
	put_address(b, "IPv6Gateway", &net->gateways[1], up && !net->internal);
	put_address(b, "GlobalIPv6Address", &e->link.addrs[1], up);
	buf_addf(b, ",\"GlobalIPv6PrefixLen\":%u",
		 up && e->link.addrs[1].family ? net->subnets[1].bits : 0);
}

static void put_ipam(struct buf *b, const struct config_network *asked)
{
	if (!asked || (str_empty(asked->ipv4) && str_empty(asked->ipv6))) {
		buf_adds(b, "null");
		return;
	}
	buf_addc(b, '{');
	if (!str_empty(asked->ipv4)) {
		docker_put_key(b, "IPv4Address");
		docker_put_str(b, asked->ipv4);
	}
	if (!str_empty(asked->ipv6)) {
		docker_put_key(b, "IPv6Address");
		docker_put_str(b, asked->ipv6);
	}
	buf_addc(b, '}');
}

static void put_dns_names(struct buf *b, const struct container *c,
			  const struct container_endpoint *e)
{
	size_t i;

	if (!strcmp(e->network->name, "bridge")) {
		buf_adds(b, "null");
		return;
	}
	buf_addc(b, '[');
	docker_put_str(b, c->name);
	for (i = 0; i < strv_len(e->aliases); i++) {
		if (!strcmp(e->aliases[i], c->name))
			continue;
		docker_put_comma(b);
		docker_put_str(b, e->aliases[i]);
	}
	buf_addf(b, ",\"%.*s\"]", DOCKER_SHORT_ID, c->id);
}

static void put_endpoint(struct buf *b, const struct container *c, size_t i)
{
	const struct container_endpoint *e = &c->endpoints[i];
	const struct config_network *asked =
		i < c->config.network_count ? &c->config.networks[i] : NULL;

	buf_adds(b, "{\"IPAMConfig\":");
	put_ipam(b, asked);
	buf_adds(b, ",\"Links\":null,\"Aliases\":");
	docker_put_strv(b, asked ? asked->aliases : NULL, "null");
	buf_adds(b, ",\"MacAddress\":");
	docker_put_mac(b, e);
	buf_addf(b,
		 ",\"DriverOpts\":null,\"GwPriority\":%lld,\"NetworkID\":\"%s\","
		 "\"EndpointID\":",
		 (long long)(asked ? asked->gw_priority : 0), e->network->id);
	docker_put_endpoint_id(b, c, e);
	put_addresses(b, e);
	buf_adds(b, ",\"DNSNames\":");
	put_dns_names(b, c, e);
	buf_addc(b, '}');
}

/* Without networks of its own it has one that says why: "host" or "none". */
static void put_mode_network(struct buf *b, const struct container *c)
{
	const char *mode = docker_network_mode(c);

	if (str_starts(mode, "container:"))
		return;
	docker_put_key(b, mode);
	buf_adds(b, "{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\","
		    "\"DriverOpts\":null,\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\","
		    "\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\","
		    "\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}");
}

void docker_put_networks(struct buf *b, const void *container)
{
	const struct container *c = container;
	size_t i;

	buf_addc(b, '{');
	for (i = 0; i < c->endpoint_count; i++) {
		docker_put_key(b, c->endpoints[i].network->name);
		put_endpoint(b, c, i);
	}
	if (!c->endpoint_count)
		put_mode_network(b, c);
	buf_addc(b, '}');
}

/* ---- ports */

static void put_binding(struct buf *b, const json_t *port)
{
	docker_put_comma(b);
	buf_adds(b, "{\"HostIp\":");
	docker_put_str(b, json_get_str(port, "host_ip"));
	buf_addf(b, ",\"HostPort\":\"%lld\"}", (long long)json_get_int(port, "host_port", 0));
}

static bool is_port(const json_t *port, const char *text)
{
	auto_free char *own =
		xasprintf("%lld/%s", (long long)json_get_int(port, "container_port", 0),
			  json_get_str(port, "protocol"));

	return !strcmp(own, text);
}

static void put_port(struct buf *b, const json_t *list, json_t *seen, const char *text)
{
	json_t *port;
	size_t i, start;

	if (json_object_get(seen, text))
		return;
	json_object_set_new(seen, text, json_true());
	docker_put_key(b, text);
	start = b->len;
	json_array_foreach ((json_t *)(uintptr_t)list, i, port) {
		if (!is_port(port, text))
			continue;
		if (b->len == start)
			buf_addc(b, '[');
		put_binding(b, port);
	}
	buf_adds(b, b->len > start ? "]" : "null");
}

/* Of a running container: what is published, and what is exposed without. */
static void put_port_map(struct buf *b, const struct container *c)
{
	auto_json json_t *list = publish_list(c), *seen = json_object();
	const char *key;
	json_t *value;
	size_t i;

	buf_addc(b, '{');
	if (c->pid) {
		for (i = 0; i < c->config.port_count; i++) {
			const struct config_port *p = &c->config.ports[i];
			auto_free char *text = xasprintf("%lld/%s", (long long)p->container_port,
							 p->protocol ? p->protocol : "tcp");

			put_port(b, list, seen, text);
		}
		json_object_foreach (c->image ? json_get_obj(c->image->config, "ExposedPorts")
					      : NULL,
				     key, value)
			put_port(b, list, seen, key);
		for (i = 0; i < strv_len(c->config.expose); i++)
			put_port(b, list, seen, c->config.expose[i]);
	}
	buf_addc(b, '}');
}

static void put_summary_exposed(struct buf *b, const json_t *list, const char *text)
{
	size_t len = strcspn(text, "/"), i;
	auto_free char *number = xstrndup(text, len);
	const char *protocol = text[len] ? text + len + 1 : "tcp";
	uint16_t port;
	json_t *published;

	json_array_foreach ((json_t *)(uintptr_t)list, i, published)
		if (is_port(published, text))
			return;
	if (parse_u16(number, &port) < 0)
		return;
	docker_put_comma(b);
	buf_addf(b, "{\"PrivatePort\":%u,\"Type\":\"%s\"}", port,
		 !strcmp(protocol, "udp") ? "udp" : "tcp");
}

void docker_put_ports(struct buf *b, const struct container *c)
{
	auto_json json_t *list = NULL;
	const json_t *exposed = c->image ? json_get_obj(c->image->config, "ExposedPorts") : NULL;
	const char *key;
	json_t *item;
	size_t i;

	buf_addc(b, '[');
	if (c->pid) {
		list = publish_list(c);
		json_object_foreach ((json_t *)(uintptr_t)exposed, key, item)
			put_summary_exposed(b, list, key);
		for (i = 0; i < strv_len(c->config.expose); i++)
			if (!json_object_get(exposed, c->config.expose[i]))
				put_summary_exposed(b, list, c->config.expose[i]);
		json_array_foreach (list, i, item) {
			docker_put_comma(b);
			buf_adds(b, "{\"IP\":");
			docker_put_str(b, json_get_str(item, "host_ip"));
			buf_addf(b, ",\"PrivatePort\":%lld,\"PublicPort\":%lld,\"Type\":\"%s\"}",
				 (long long)json_get_int(item, "container_port", 0),
				 (long long)json_get_int(item, "host_port", 0),
				 json_get_str(item, "protocol"));
		}
	}
	buf_addc(b, ']');
}

/* The address at the top level is that of the default bridge. */
void docker_put_network_settings(struct buf *b, const void *container)
{
	static const struct container_endpoint none;
	static struct network no_network;
	const struct container *c = container;
	struct container_endpoint e = none;
	size_t i;

	e.network = &no_network;
	for (i = 0; i < c->endpoint_count; i++)
		if (!strcmp(c->endpoints[i].network->name, "bridge"))
			e = c->endpoints[i];
	buf_addf(b, "{\"Bridge\":\"\",\"SandboxID\":\"%s\",\"SandboxKey\":\"", c->pid ? c->id : "");
	if (c->pid)
		buf_addf(b, "/proc/%d/ns/net", c->pid);
	buf_adds(b, "\",\"Ports\":");
	put_port_map(b, c);
	buf_adds(b, ",\"HairpinMode\":false,\"LinkLocalIPv6Address\":\"\","
		    "\"LinkLocalIPv6PrefixLen\":0,\"SecondaryIPAddresses\":null,"
		    "\"SecondaryIPv6Addresses\":null,\"EndpointID\":");
	docker_put_endpoint_id(b, c, &e);
	put_addresses(b, &e);
	buf_adds(b, ",\"MacAddress\":");
	docker_put_mac(b, &e);
	buf_adds(b, ",\"Networks\":");
	docker_put_networks(b, c);
	buf_addc(b, '}');
}
