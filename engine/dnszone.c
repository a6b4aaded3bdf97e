/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What names mean to a container: the containers that run on the networks it is on, by alias,
 * service, container name and short id, bare or with ".NETWORK" behind; and the host.  Also hands
 * the DNS sockets of a starting container to the server.
 */
#include <errno.h>

#include "engine/network.h"

#define SHORT_ID 12

static bool answers_to(const struct container *c, const struct container_endpoint *e,
		       const char *name)
{
	return strv_has(e->aliases, name) || !strcasecmp(c->name, name) ||
	       (c->config.hostname && !strcasecmp(c->config.hostname, name)) ||
	       (strlen(name) == SHORT_ID && str_starts(c->id, name));
}

static bool shares(const struct container *owner, const struct network *n)
{
	size_t i;

	for (i = 0; i < owner->endpoint_count; i++)
		if (owner->endpoints[i].network == n)
			return true;
	return false;
}

/* "web.app_default" means web on that network only. */
static bool matches(const struct container *c, const struct container_endpoint *e, const char *name)
{
	size_t len = strlen(name), suffix = strlen(e->network->name);
	auto_free char *bare = NULL;

	if (answers_to(c, e, name))
		return true;
	if (len <= suffix + 1 || name[len - suffix - 1] != '.' ||
	    strcasecmp(name + len - suffix, e->network->name))
		return false;
	bare = xstrndup(name, len - suffix - 1);
	return answers_to(c, e, bare);
}

static size_t host_address(const struct container *owner, int family, struct net_addr *ret)
{
	size_t i, slot = family == AF_INET6;

	for (i = 0; i < owner->endpoint_count; i++) {
		const struct network *n = owner->endpoints[i].network;

		if (n->internal || !n->net.gateways[slot].family)
			continue;
		*ret = n->net.gateways[slot];
		return 1;
	}
	return 0;
}

static size_t resolve(void *arg, void *owner_arg, const char *name, int family,
		      struct net_addr *ret, size_t max, bool *ret_known)
{
	const struct daemon *d = arg;
	const struct container *owner = owner_arg;
	struct map_iter it = {0};
	size_t i, count = 0, slot = family == AF_INET6;

	*ret_known = false;
	while (map_next(d->containers, &it) && count < max) {
		const struct container *c = it.value;

		for (i = 0; i < c->endpoint_count && count < max; i++) {
			const struct container_endpoint *e = &c->endpoints[i];

			if (!e->attached || !shares(owner, e->network) || !matches(c, e, name))
				continue;
			*ret_known = true;
			if (e->link.addrs[slot].family)
				ret[count++] = e->link.addrs[slot];
		}
	}
	if (!*ret_known &&
	    (!strcmp(name, "host.docker.internal") || !strcmp(name, "gateway.docker.internal"))) {
		*ret_known = true;
		count = max ? host_address(owner, family, ret) : 0;
	}
	return count;
}

static const char *reverse(void *arg, void *owner_arg, const struct net_addr *addr)
{
	const struct daemon *d = arg;
	const struct container *owner = owner_arg;
	struct map_iter it = {0};
	size_t i, k;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->endpoint_count; i++) {
			const struct container_endpoint *e = &c->endpoints[i];

			if (!e->attached || !shares(owner, e->network))
				continue;
			for (k = 0; k < 2; k++)
				if (net_addr_equal(&e->link.addrs[k], addr))
					return c->name;
		}
	}
	return NULL;
}

const struct net_dns_zone network_dns_zone = {.resolve = resolve, .reverse = reverse};

/* Only internal networks: the resolver must not be a way out. */
static bool may_forward(const struct container *c)
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++)
		if (!c->endpoints[i].network->internal)
			return true;
	return false;
}

void endpoints_up(struct container *c, int dns_udp_fd, int dns_tcp_fd)
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++)
		c->endpoints[i].attached = true;
	if (dns_udp_fd >= 0 && dns_tcp_fd >= 0) {
		struct net_dns_client_args args = {
			.owner = c,
			.udp_fd = dns_udp_fd,
			.tcp_fd = dns_tcp_fd,
			.servers = c->config.dns,
			.forward = may_forward(c),
		};

		net_dns_client_remove(c->dns);
		c->dns = net_dns_client_add(c->daemon->dns, &args);
	} else {
		if (dns_udp_fd >= 0)
			close(dns_udp_fd);
		if (dns_tcp_fd >= 0)
			close(dns_tcp_fd);
	}
	publish_refresh(c);
}

void endpoints_down(struct container *c)
{
	size_t i;

	for (i = 0; i < c->endpoint_count; i++)
		c->endpoints[i].attached = false;
	net_dns_client_remove(c->dns);
	c->dns = NULL;
	publish_refresh(c);
}
