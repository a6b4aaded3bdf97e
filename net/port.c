/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports: binding, and who serves.  A port without an address is two sockets, IPv4 and
 * IPv6 apart.  While nobody serves, the sockets are not looked at: connections wait in the kernel's
 * queue, datagrams in the socket's.  What comes from other machines is sent on by the firewall's
 * rules once somebody serves; the sockets then serve this host's own programs.
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "net/proxy.h"

#define BACKLOG		 4096
#define EPHEMERAL_TRIES	 32
#define UDP_BUFFER_BYTES (1 << 20)

static const int families[] = {AF_INET, AF_INET6};

static bool is_udp(const struct net_port_spec *spec)
{
	return spec->protocol == IPPROTO_UDP;
}

static socklen_t fill_address(struct sockaddr_storage *ret, int family, const struct net_addr *a,
			      uint16_t port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		six->sin6_port = htons(port);
		six->sin6_addr = a->family ? a->v6 : in6addr_any;
		return sizeof(*six);
	}
	four->sin_port = htons(port);
	four->sin_addr.s_addr = a->family ? a->v4.s_addr : htonl(INADDR_ANY);
	return sizeof(*four);
}

socklen_t backend_address(const struct net_backend *b, struct sockaddr_storage *ret)
{
	return fill_address(ret, b->addr.family, &b->addr, b->port);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	return ntohs(sa.ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)(const void *)&sa)->sin6_port
			     : ((const struct sockaddr_in *)(const void *)&sa)->sin_port);
}

static void prepare(int fd, int family, const struct net_port_spec *spec)
{
	int one = 1, bytes = UDP_BUFFER_BYTES;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!is_udp(spec)) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* inherited */
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	/* An answer leaves from the address that was asked. */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
}

/* The socket or -errno. */
static int bind_one(struct net *n, int family, const struct net_port_spec *spec, uint16_t port)
{
	int type = (is_udp(spec) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK;
	auto_fd int fd = net_socket_in(n->netns_fd, family, type, 0);
	struct sockaddr_storage sa;
	socklen_t len = fill_address(&sa, family, &spec->host, port);

	if (fd < 0)
		return fd;
	prepare(fd, family, spec);
	if (bind(fd, (const struct sockaddr *)&sa, len) < 0 ||
	    (!is_udp(spec) && listen(fd, BACKLOG) < 0))
		return -errno;
	return steal_fd(&fd);
}

static bool lacks_v6(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

/* Both families on one port; a host without IPv6 has the first alone. */
static int bind_both(struct net *n, const struct net_port_spec *spec, int fds[2])
{
	unsigned tries = spec->port ? 1 : EPHEMERAL_TRIES;
	int r = 0;

	while (tries--) {
		fds[0] = bind_one(n, AF_INET, spec, spec->port);
		if (fds[0] < 0)
			return fds[0];
		r = bind_one(n, AF_INET6, spec, bound_port(fds[0]));
		if (r >= 0 || lacks_v6(r)) {
			fds[1] = r >= 0 ? r : -1;
			return 0;
		}
		close(fds[0]);
		fds[0] = -1;
		if (r != -EADDRINUSE)
			break;
	}
	return r;
}

static int bind_port(struct net *n, const struct net_port_spec *spec, int fds[2])
{
	size_t slot = spec->host.family == AF_INET6;

	if (!spec->host.family)
		return bind_both(n, spec, fds);
	fds[slot] = bind_one(n, spec->host.family, spec, spec->port);
	return fds[slot] < 0 ? fds[slot] : 0;
}

static int refuse(struct net *n, const struct net_port_spec *spec, int code, struct error *err)
{
	char host[NET_ADDR_TEXT] = "0.0.0.0", holder[128] = "";
	const char *protocol = is_udp(spec) ? "udp" : "tcp";

	if (spec->host.family)
		net_addr_text(&spec->host, host);
	if (code != EADDRINUSE)
		return error_sys(err, code, "bind port %u/%s on %s", spec->port, protocol, host);
	port_holder(n, spec, holder, sizeof(holder));
	return error_set(err, code, "port %u/%s on %s is already taken%s", spec->port, protocol,
			 host, holder);
}

static int port_new(struct net *n, const struct net_port_spec *spec, const int fds[2],
		    struct net_port **ret, struct error *err)
{
	struct net_port *p;
	int r = proxy_open(n, err);
	size_t k;

	if (r < 0)
		return r;
	p = xcalloc(1, sizeof(*p));
	p->net = n;
	p->spec = *spec;
	p->io = xcalloc(1, sizeof(*p->io));
	list_init(&p->io->sessions);
	for (k = 0; k < 2; k++) {
		struct listener *l = &p->io->listeners[k];

		*l = (struct listener){.port = p, .family = families[k], .fd = fds[k]};
		l->watch.on_event = is_udp(spec) ? udp_on_listener : tcp_on_listener;
		if (!p->number && fds[k] >= 0)
			p->number = bound_port(fds[k]);
	}
	list_append(&n->ports, &p->link);
	*ret = p;
	return 0;
}

int net_port_open(struct net *n, const struct net_port_spec *spec, struct net_port **ret,
		  struct error *err)
{
	int fds[2] = {-1, -1};
	int r = bind_port(n, spec, fds);

	if (r < 0)
		return refuse(n, spec, -r, err);
	r = port_new(n, spec, fds, ret, err);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
	}
	return r;
}

/* A kept socket is believed only if it is what it should be. */
static bool fits(int fd, int family, const struct net_port_spec *spec)
{
	int domain = 0, protocol = 0;
	socklen_t len = sizeof(int);

	return fd < 0 ||
	       (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && domain == family &&
		protocol == (is_udp(spec) ? IPPROTO_UDP : IPPROTO_TCP) && bound_port(fd) &&
		(!spec->port || bound_port(fd) == spec->port));
}

int net_port_adopt(struct net *n, const struct net_port_spec *spec, int fd4, int fd6,
		   struct net_port **ret, struct error *err)
{
	int fds[2] = {fd4, fd6}, r;

	if ((fd4 < 0 && fd6 < 0) || !fits(fd4, AF_INET, spec) || !fits(fd6, AF_INET6, spec))
		r = error_set(err, EINVAL, "a kept socket is not that of port %u/%s", spec->port,
			      is_udp(spec) ? "udp" : "tcp");
	else
		r = port_new(n, spec, fds, ret, err);
	if (r < 0) {
		if (fd4 >= 0)
			close(fd4);
		if (fd6 >= 0)
			close(fd6);
	}
	return r;
}

/* The sockets may be kept elsewhere, so that closing them would not end the watch. */
static void set_watched(struct net_port *p, bool wanted)
{
	size_t k;

	for (k = 0; k < 2; k++) {
		struct listener *l = &p->io->listeners[k];

		if (l->fd < 0 || l->watched == wanted)
			continue;
		if (!wanted)
			proxy_unwatch(p->net->proxy, l->fd);
		else if (proxy_watch(p->net->proxy, l->fd, &l->watch, EPOLLIN) < 0)
			continue;
		l->watched = wanted;
	}
}

void port_rearm(struct net_port *p)
{
	set_watched(p, p->backend_count > 0);
}

bool backend_listed(const struct net_backend *all, size_t count, const struct net_backend *b)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (all[i].port == b->port && net_addr_equal(&all[i].addr, &b->addr))
			return true;
	return false;
}

/* Flows of UDP know no end: those that the rules sent to a backend that left would go on for ever.
 */
static void dismiss(struct net_port *p, const struct net_backend *now, size_t count)
{
	size_t i;

	for (i = 0; is_udp(&p->spec) && i < p->backend_count; i++)
		if (!backend_listed(now, count, &p->backends[i]))
			firewall_leaves(p->net, &p->backends[i]);
}

void net_port_free(struct net_port *p)
{
	size_t k;

	if (!p)
		return;
	dismiss(p, NULL, 0);
	list_remove(&p->link);
	set_watched(p, false);
	for (k = 0; k < 2; k++)
		if (p->io->listeners[k].fd >= 0)
			close(p->io->listeners[k].fd);
	tcp_forget_port(p);
	udp_close(p);
	firewall_touch(p->net);
	free(p->backends);
	free(p->io);
	free(p);
}

uint16_t net_port_number(const struct net_port *p)
{
	return p->number;
}

void net_port_fds(const struct net_port *p, int *ret_fd4, int *ret_fd6)
{
	*ret_fd4 = p->io->listeners[0].fd;
	*ret_fd6 = p->io->listeners[1].fd;
}

static bool same_backends(const struct net_port *p, const struct net_backend *b, size_t count)
{
	size_t i;

	if (p->backend_count != count)
		return false;
	for (i = 0; i < count; i++)
		if (p->backends[i].port != b[i].port ||
		    !net_addr_equal(&p->backends[i].addr, &b[i].addr))
			return false;
	return true;
}

void net_port_backends(struct net_port *p, const struct net_backend *backends, size_t count)
{
	if (same_backends(p, backends, count))
		return;
	dismiss(p, backends, count);
	free(p->backends);
	p->backends = count ? xmemdup(backends, count * sizeof(*backends)) : NULL;
	p->backend_count = count;
	udp_backends_changed(p);
	tcp_backends_changed(p);
	port_rearm(p);
	firewall_touch(p->net);
}
