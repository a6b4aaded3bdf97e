/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a service is reached and what it reaches: networks, network_mode, ports, names, resolvers.
 */
#include <errno.h>

#include "engine/translate_int.h"

/* ---- networks */

/* `links: ["db:database"]` of any service gives db the further name database. */
static void add_link_aliases(struct translate *t, char ***aliases)
{
	json_t *services = json_get_obj(t->args->model, "services"), *other, *link;
	const char *name;
	size_t i;

	json_object_foreach (services, name, other) {
		json_array_foreach (json_get_arr(other, "links"), i, link) {
			const char *text = json_string_value(link), *alias = NULL;

			if (text)
				alias = str_skip(text, t->args->service);
			if (alias && alias[0] == ':' && alias[1])
				strv_push(aliases, xstrdup(alias + 1));
		}
	}
}

static int add_network(struct translate *t, const char *key, const json_t *options,
		       struct config_network *n)
{
	static const struct translate_row rows[] = {
		{"aliases", set_strv, offsetof(struct config_network, aliases)},
		{"ipv4_address", set_str, offsetof(struct config_network, ipv4)},
		{"ipv6_address", set_str, offsetof(struct config_network, ipv6)},
		{"mac_address", set_str, offsetof(struct config_network, mac)},
		{"priority", set_int, offsetof(struct config_network, priority)},
		{"gw_priority", set_int, offsetof(struct config_network, gw_priority)},
		{"interface_name", set_str, offsetof(struct config_network, interface_name)},
		{0},
	};
	const json_t *top = json_get_obj(json_get_obj(t->args->model, "networks"), key);
	const char *name = json_get_str(top, "name");

	if (!top)
		return error_set(t->err, EINVAL, "undefined network %s", key);
	n->network = name ? xstrdup(name) : xasprintf("%s_%s", t->args->project, key);
	if (json_is_object(options) && translate_rows(t, options, rows, n) < 0)
		return error_wrap(t->err, "%s", key);
	add_link_aliases(t, &n->aliases);
	return 0;
}

/* The main network first: the highest priority, then by name. */
static int compare_networks(const void *a, const void *b)
{
	const struct config_network *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

static int set_networks(struct translate *t, const json_t *value, void *field UNUSED)
{
	struct container_config *c = t->c;
	const char *key;
	json_t *options;

	if (!json_is_object(value) || json_object_size(value) > TRANSLATE_ENTRIES_MAX)
		return error_set(t->err, EINVAL, "must be a mapping");
	json_object_foreach ((json_t *)(uintptr_t)value, key, options)
		if (add_network(t, key, options, ARRAY_GROW(c->networks, &c->network_count)) < 0)
			return -t->err->code;
	if (c->network_count)
		qsort(c->networks, c->network_count, sizeof(*c->networks), compare_networks);
	return 0;
}

static int set_network_mode(struct translate *t, const json_t *value, void *field)
{
	const char *mode = json_string_value(value);
	struct config_network *n;

	if (!mode)
		return error_set(t->err, EINVAL, "must be a string");
	if (!strcmp(mode, "none") || !strcmp(mode, "host") || str_starts(mode, "service:") ||
	    str_starts(mode, "container:"))
		return resolve_service_mode(t, mode, field);
	/* The name of a network that exists ("bridge" among them). */
	n = ARRAY_GROW(t->c->networks, &t->c->network_count);
	n->network = xstrdup(mode);
	return 0;
}

/* The service's own address is that of its main network. */
static int set_mac_address(struct translate *t, const json_t *value, void *field UNUSED)
{
	if (!t->c->network_count || t->c->networks[0].mac)
		return 0;
	return set_str(t, value, &t->c->networks[0].mac);
}

/* ---- ports */

static int port_number(struct translate *t, const char *text, uint16_t *ret)
{
	if (parse_u16(text, ret) < 0 || !*ret)
		return error_set(t->err, EINVAL, "\"%s\" is not a port", text ? text : "");
	return 0;
}

/* "8080" or "8000-8010". */
static int check_published(struct translate *t, const char *text)
{
	const char *dash = strchr(text, '-');
	auto_free char *first = dash ? xstrndup(text, (size_t)(dash - text)) : xstrdup(text);
	uint16_t low, high;
	uint32_t any;

	if (parse_u32(text, &any) == 0 && any == 0)
		return 0; /* any free port */
	if (port_number(t, first, &low) < 0 || (dash && port_number(t, dash + 1, &high) < 0))
		return -t->err->code;
	if (dash && high < low)
		return error_set(t->err, EINVAL, "\"%s\" is not a range of ports", text);
	return 0;
}

static int add_port(struct translate *t, const json_t *entry)
{
	static const struct translate_row rows[] = {
		{"host_ip", set_str, offsetof(struct config_port, host_ip)},
		{"published", set_str, offsetof(struct config_port, host_port)},
		{"protocol", set_str, offsetof(struct config_port, protocol)},
		{"target", set_int, offsetof(struct config_port, container_port)},
		{0},
	};
	struct config_port *p = ARRAY_GROW(t->c->ports, &t->c->port_count);

	if (translate_rows(t, entry, rows, p) < 0)
		return -t->err->code;
	if (!p->protocol)
		p->protocol = xstrdup("tcp");
	str_lower(p->protocol);
	if (strcmp(p->protocol, "tcp") && strcmp(p->protocol, "udp"))
		return error_set(t->err, EINVAL, "protocol %s is not supported", p->protocol);
	if (p->container_port < 1 || p->container_port > UINT16_MAX)
		return error_set(t->err, EINVAL, "target %lld is not a port",
				 (long long)p->container_port);
	return p->host_port ? check_published(t, p->host_port) : 0;
}

static int set_ports(struct translate *t, const json_t *value, void *field UNUSED)
{
	size_t i;
	json_t *entry;

	if (!json_is_array(value) || json_array_size(value) > UINT16_MAX)
		return error_set(t->err, EINVAL, "must be a list");
	json_array_foreach ((json_t *)(uintptr_t)value, i, entry)
		if (add_port(t, entry) < 0)
			return error_wrap(t->err, "[%zu]", i);
	return 0;
}

/* "80", "80-90", "53/udp" as single "80/tcp" entries. */
static int set_expose(struct translate *t, const json_t *value, void *field)
{
	AUTO(strv_free) char **list = NULL;
	size_t i;

	if (set_strv(t, value, &list) < 0)
		return -t->err->code;
	for (i = 0; i < strv_len(list); i++) {
		size_t len = strcspn(list[i], "/");
		const char *protocol = list[i][len] ? list[i] + len + 1 : "tcp";
		auto_free char *ports = xstrndup(list[i], len), *last = NULL;
		char *dash = strchr(ports, '-');
		uint16_t low, high;
		uint32_t port;

		if (dash) {
			last = xstrdup(dash + 1);
			*dash = '\0';
		}
		if (port_number(t, ports, &low) < 0 ||
		    port_number(t, last ? last : ports, &high) < 0)
			return error_wrap(t->err, "%s", list[i]);
		for (port = low; port <= high; port++)
			strv_pushf(field, "%u/%s", port, protocol);
	}
	return 0;
}

const struct translate_row translate_net_rows[] = {
	TRANSLATE_ROW("network_mode", set_network_mode, network_mode),
	TRANSLATE_ROW("networks", set_networks, networks),
	TRANSLATE_ROW("mac_address", set_mac_address, networks),
	TRANSLATE_ROW("ports", set_ports, ports),
	TRANSLATE_ROW("expose", set_expose, expose),
	TRANSLATE_ROW("extra_hosts", set_strv, extra_hosts),
	TRANSLATE_ROW("dns", set_strv, dns),
	TRANSLATE_ROW("dns_search", set_strv, dns_search),
	TRANSLATE_ROW("dns_opt", set_strv, dns_opt),
	{0},
};
