/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports.  A publish is one host port; its users are the containers that asked for it. The
 * replicas of a service share a fixed port; anybody else's is refused.  Copies of the sockets are
 * kept by the shims of all users, under "80/tcp HOST:8080 FAMILY", so that they outlive this
 * process.
 */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "engine/network.h"
#include "engine/shim.h"

struct publish {
	struct list link; /* in daemon.published */
	unsigned users;
	char *project, *service; /* of those who share it; NULL: one container's own */
	struct net_port_spec spec;
	uint16_t container_port;
	struct net_port *port;
};

struct publish_use {
	struct publish *publish;
};

struct kept_socket {
	struct list link; /* in container.kept_sockets */
	char *name;
	int fd;
};

static const char *protocol_name(int protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* ---- what a container asks for */

static int parse_protocol(const char *text, int *ret, struct error *err)
{
	if (str_empty(text) || !strcmp(text, "tcp"))
		*ret = IPPROTO_TCP;
	else if (!strcmp(text, "udp"))
		*ret = IPPROTO_UDP;
	else
		return error_set(err, EOPNOTSUPP,
				 "protocol %s cannot be published, only tcp and udp can", text);
	return 0;
}

static int parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last, struct error *err)
{
	const char *dash = text ? strchr(text, '-') : NULL;
	auto_free char *first = dash ? xstrndup(text, (size_t)(dash - text)) : xstrdup(text);

	*ret_first = *ret_last = 0;
	if (str_empty(text))
		return 0;
	if (parse_u16(first, ret_first) < 0 || parse_u16(dash ? dash + 1 : first, ret_last) < 0 ||
	    *ret_first > *ret_last)
		return error_set(err, EINVAL, "host port \"%s\" is no port and no range of ports",
				 text);
	return 0;
}

static int parse_spec(const struct config_port *p, struct net_port_spec *ret, uint16_t *ret_last,
		      struct error *err)
{
	int r = parse_protocol(p->protocol, &ret->protocol, err);

	if (r == 0)
		r = parse_range(p->host_port, &ret->port, ret_last, err);
	if (r == 0 && !str_empty(p->host_ip))
		r = net_addr_parse(p->host_ip, &ret->host, err);
	return r;
}

/* ---- finding and making */

static bool same_address(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && (!a->family || net_addr_equal(a, b));
}

static bool collides(const struct net_addr *a, const struct net_addr *b)
{
	return !a->family || !b->family || net_addr_equal(a, b);
}

static bool may_share(const struct publish *p, const struct container *c, uint16_t container_port,
		      const struct net_port_spec *spec)
{
	return p->service && c->service && str_eq(p->project, c->project) &&
	       str_eq(p->service, c->service) && p->container_port == container_port &&
	       same_address(&p->spec.host, &spec->host);
}

static struct publish *find_taken(struct daemon *d, const struct net_port_spec *spec)
{
	struct publish *p;

	list_for_each (p, &d->published, link)
		if (p->spec.protocol == spec->protocol && net_port_number(p->port) == spec->port &&
		    collides(&p->spec.host, &spec->host))
			return p;
	return NULL;
}

static const struct container *user_of(struct daemon *d, const struct publish *p)
{
	struct map_iter it = {0};
	size_t i;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->published_count; i++)
			if (c->published[i].publish == p)
				return c;
	}
	return NULL;
}

static int refuse(struct daemon *d, const struct publish *p, struct error *err)
{
	const struct container *user = user_of(d, p);

	return error_set(err, EADDRINUSE, "port %u/%s is already published by container %s",
			 net_port_number(p->port), protocol_name(p->spec.protocol),
			 user ? user->name : "another");
}

static void kept_name(const struct publish *p, int family, char *ret, size_t size)
{
	char host[NET_ADDR_TEXT] = "*";

	if (p->spec.host.family)
		net_addr_text(&p->spec.host, host);
	snprintf(ret, size, "%u/%s %s:%u %d", p->container_port, protocol_name(p->spec.protocol),
		 host, (unsigned)(p->port ? net_port_number(p->port) : p->spec.port),
		 family == AF_INET6 ? 6 : 4);
}

static int take_kept(struct container *c, const char *name)
{
	struct kept_socket *k, *next;
	int fd = -1;

	list_for_each_safe (k, next, &c->kept_sockets, link) {
		if (strcmp(k->name, name))
			continue;
		fd = k->fd;
		list_remove(&k->link);
		free(k->name);
		free(k);
		break;
	}
	return fd;
}

/* The sockets of this very port that the container's shim kept, if it did. */
static int open_kept(struct container *c, struct publish *p, struct error *err)
{
	char name[128];
	int fd4, fd6;

	kept_name(p, AF_INET, name, sizeof(name));
	fd4 = take_kept(c, name);
	kept_name(p, AF_INET6, name, sizeof(name));
	fd6 = take_kept(c, name);
	if (fd4 < 0 && fd6 < 0)
		return -ENOENT;
	return net_port_adopt(c->daemon->net, &p->spec, fd4, fd6, &p->port, err);
}

/* An ephemeral port is known only from the names of what was kept. */
static uint16_t kept_port(const struct container *c, const struct publish *p)
{
	auto_free char *start =
		xasprintf("%u/%s ", p->container_port, protocol_name(p->spec.protocol));
	const struct kept_socket *k;
	uint16_t port = 0;

	list_for_each (k, &c->kept_sockets, link) {
		const char *colon = strrchr(k->name, ':');
		auto_free char *number =
			colon ? xstrndup(colon + 1, strcspn(colon + 1, " ")) : NULL;

		if (str_starts(k->name, start) && number && parse_u16(number, &port) == 0)
			return port;
	}
	return 0;
}

static void publish_unref(struct publish *p)
{
	if (!p || --p->users)
		return;
	list_remove(&p->link);
	net_port_free(p->port);
	free(p->project);
	free(p->service);
	free(p);
}

static int open_one(struct container *c, const struct config_port *asked,
		    const struct net_port_spec *spec, bool fixed, struct publish **ret,
		    struct error *err)
{
	struct daemon *d = c->daemon;
	struct publish *p = spec->port ? find_taken(d, spec) : NULL;
	int r;

	if (p && fixed && may_share(p, c, (uint16_t)asked->container_port, spec)) {
		p->users++;
		*ret = p;
		return 0;
	}
	if (p)
		return refuse(d, p, err);
	p = xcalloc(1, sizeof(*p));
	p->users = 1;
	p->spec = *spec;
	p->container_port = (uint16_t)asked->container_port;
	if (fixed) {
		p->project = xstrdup(c->project);
		p->service = xstrdup(c->service);
	}
	list_init(&p->link);
	r = open_kept(c, p, err);
	if (r == -ENOENT)
		r = net_port_open(d->net, spec, &p->port, err);
	if (r < 0) {
		free(p->project);
		free(p->service);
		free(p);
		return r;
	}
	list_append(&d->published, &p->link);
	*ret = p;
	return 0;
}

/* A fixed port, the first free one of a range, or any. */
static int acquire_one(struct container *c, const struct config_port *asked, struct publish **ret,
		       struct error *err)
{
	struct net_port_spec spec = {0};
	struct publish probe = {.container_port = (uint16_t)asked->container_port};
	uint16_t last, kept;
	bool fixed;
	int r = parse_spec(asked, &spec, &last, err);

	if (r < 0)
		return r;
	fixed = spec.port && spec.port == last;
	probe.spec = spec;
	kept = fixed ? 0 : kept_port(c, &probe);
	if (kept)
		spec.port = last = kept;
	do {
		r = open_one(c, asked, &spec, fixed, ret, err);
	} while (r == -EADDRINUSE && spec.port < last && ++spec.port);
	return r;
}

static void drop_kept(struct container *c)
{
	struct kept_socket *k, *next;

	if (!c->kept_sockets.next)
		list_init(&c->kept_sockets);
	list_for_each_safe (k, next, &c->kept_sockets, link) {
		list_remove(&k->link);
		close(k->fd);
		free(k->name);
		free(k);
	}
}

int publish_acquire(struct container *c, struct error *err)
{
	size_t i;
	int r;

	if (!c->kept_sockets.next)
		list_init(&c->kept_sockets);
	if (c->published || !c->config.port_count || !c->endpoint_count) {
		drop_kept(c);
		return 0;
	}
	c->published = xcalloc(c->config.port_count, sizeof(*c->published));
	for (i = 0; i < c->config.port_count; i++) {
		r = acquire_one(c, &c->config.ports[i], &c->published[i].publish, err);
		if (r < 0) {
			publish_release(c);
			return r;
		}
		c->published_count = i + 1;
	}
	drop_kept(c);
	return 0;
}

void publish_release(struct container *c)
{
	size_t i;

	publish_refresh(c);
	for (i = 0; i < c->published_count; i++)
		publish_unref(c->published[i].publish);
	free(c->published);
	c->published = NULL;
	c->published_count = 0;
	drop_kept(c);
}

/* ---- who serves */

/* The address that the port leads to: on the network of the default route, else on any. */
static const struct net_addr *backend_address(const struct container *c)
{
	const struct net_addr *found = NULL;
	size_t i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < c->endpoint_count; i++) {
			const struct container_endpoint *e = &c->endpoints[i];

			if (!e->attached || !e->link.addrs[k].family)
				continue;
			if (e->link.default_route)
				return &e->link.addrs[k];
			found = found ? found : &e->link.addrs[k];
		}
	}
	return found;
}

/* 2: ready, 1: runs but is still starting or unhealthy, 0: not there. */
static int readiness(const struct container *c)
{
	if (c->state != CONTAINER_RUNNING || !backend_address(c))
		return 0;
	return c->health_status == HEALTH_NONE || c->health_status == HEALTH_HEALTHY ? 2 : 1;
}

static bool uses(const struct container *c, const struct publish *p)
{
	size_t i;

	for (i = 0; i < c->published_count; i++)
		if (c->published[i].publish == p)
			return true;
	return false;
}

/* The ready ones; as long as there are none, those that at least run. */
static void set_backends(struct daemon *d, struct publish *p)
{
	struct net_backend *backends = xcalloc(map_len(d->containers) + 1, sizeof(*backends));
	size_t count = 0;
	int wanted;

	for (wanted = 2; wanted > 0 && !count; wanted--) {
		struct map_iter it = {0};

		while (map_next(d->containers, &it)) {
			const struct container *c = it.value;

			if (readiness(c) != wanted || !uses(c, p))
				continue;
			backends[count].addr = *backend_address(c);
			backends[count++].port = p->container_port;
		}
	}
	net_port_backends(p->port, backends, count);
	free(backends);
}

void publish_refresh(struct container *c)
{
	size_t i;

	for (i = 0; i < c->published_count; i++)
		set_backends(c->daemon, c->published[i].publish);
}

/* ---- surviving this process */

void publish_keep(struct container *c)
{
	struct error err = ERROR_INIT;
	char name[128];
	size_t i, k;

	for (i = 0; i < c->published_count; i++) {
		const struct publish *p = c->published[i].publish;
		int fds[2];

		net_port_fds(p->port, &fds[0], &fds[1]);
		for (k = 0; k < 2; k++) {
			if (fds[k] < 0 || !c->shim)
				continue;
			kept_name(p, k ? AF_INET6 : AF_INET, name, sizeof(name));
			if (shim_keep(c->shim, name, fds[k], &err) < 0 && err.code != EPIPE)
				log_warn("publish", "%s of container %s is not kept: %s", name,
					 c->name, err.msg);
		}
	}
}

void publish_adopt(struct container *c, const char *name, int fd)
{
	struct kept_socket *k = xcalloc(1, sizeof(*k));

	if (!c->kept_sockets.next)
		list_init(&c->kept_sockets);
	k->name = xstrdup(name);
	k->fd = fd;
	list_append(&c->kept_sockets, &k->link);
}

json_t *publish_list(const struct container *c)
{
	json_t *list = json_array();
	char host[NET_ADDR_TEXT];
	size_t i;

	for (i = 0; i < c->published_count; i++) {
		const struct publish *p = c->published[i].publish;
		const char *both[] = {"0.0.0.0", "::"};
		size_t k, count = p->spec.host.family ? 1 : 2;

		if (p->spec.host.family)
			net_addr_text(&p->spec.host, host);
		for (k = 0; k < count; k++) {
			json_t *o = json_object();

			json_set_str(o, "host_ip", count == 2 ? both[k] : host);
			json_set_int(o, "host_port", net_port_number(p->port));
			json_set_int(o, "container_port", p->container_port);
			json_set_str(o, "protocol", protocol_name(p->spec.protocol));
			json_array_append_new(list, o);
		}
	}
	return list;
}
