/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams of this host's own programs to published ports.  A session is a client's address and
 * the address it sent to, and a socket connected to a backend; it ends when it has been idle, when
 * its backend is gone or refuses, or when there are too many (the longest idle one goes).
 */
#include <errno.h>

#include "base/time.h"
#include "net/proxy.h"

#define SESSIONS_MAX  4096
#define BUCKETS	      256
#define IDLE_NS	      (90 * NS_PER_SEC)
#define DATAGRAM_MAX  65536
#define DATAGRAMS_MAX 256 /* in one turn of a socket */

/* What identifies a session: zeroed before it is filled, compared as bytes. */
struct key {
	struct sockaddr_in6 client; /* of IPv4: mapped, so that both families are alike */
	struct in6_addr local;
	uint32_t ifindex; /* of link-local addresses */
};

struct session {
	struct list link;   /* in port_io.sessions */
	struct list bucket; /* in port_io.buckets[] */
	struct doomed doomed;
	struct watch watch;
	struct net_port *port;
	struct listener *listener;
	struct key key;
	struct net_backend backend;
	int fd;
	bool closed;
	int64_t used_ns;
};

static size_t bucket_of(const struct key *key)
{
	const unsigned char *b = (const unsigned char *)key;
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < sizeof(*key); i++)
		h = (h ^ b[i]) * 16777619u;
	return h % BUCKETS;
}

static void release_session(struct doomed *d)
{
	free(container_of(d, struct session, doomed));
}

static void close_session(struct session *s)
{
	if (s->closed)
		return;
	s->closed = true;
	close(s->fd);
	list_remove(&s->link);
	list_remove(&s->bucket);
	s->port->io->session_count--;
	proxy_doom(s->port->net->proxy, &s->doomed);
}

/* ---- from the backend to the client */

static void set_source(struct msghdr *m, const struct session *s)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (s->listener->family == AF_INET6) {
		struct in6_pktinfo info = {.ipi6_addr = s->key.local,
					   .ipi6_ifindex = s->key.ifindex};

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, s->key.local.s6_addr + 12, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	m->msg_controllen = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
}

static void answer(const struct session *s, void *data, size_t len)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = s->key.client.sin6_port};
	struct sockaddr_in6 six = s->key.client;
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr m = {
		.msg_name = &six,
		.msg_namelen = sizeof(six),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (s->listener->family == AF_INET) {
		memcpy(&four.sin_addr, s->key.client.sin6_addr.s6_addr + 12, 4);
		m.msg_name = &four;
		m.msg_namelen = sizeof(four);
	}
	set_source(&m, s);
	sendmsg(s->listener->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT); /* a datagram may be lost */
}

static void on_session(struct watch *w, UNUSED uint32_t events)
{
	struct session *s = container_of(w, struct session, watch);
	char data[DATAGRAM_MAX];
	unsigned left = DATAGRAMS_MAX;

	while (!s->closed && left--) {
		ssize_t n = recv(s->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n >= 0)
			answer(s, data, (size_t)n);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			close_session(s); /* refused: the next datagram tries another backend */
	}
}

/* ---- from the client to the backend */

static struct session *find_session(struct port_io *io, const struct key *key)
{
	struct session *s;

	if (!io->buckets)
		return NULL;
	list_for_each (s, &io->buckets[bucket_of(key)], bucket)
		if (!memcmp(&s->key, key, sizeof(*key)))
			return s;
	return NULL;
}

static int connect_backend(struct net_port *p, struct session *s)
{
	struct sockaddr_storage sa;
	socklen_t len;

	s->backend = p->backends[p->io->turn++ % p->backend_count];
	len = backend_address(&s->backend, &sa);
	s->fd = net_socket_in(p->net->netns_fd, s->backend.addr.family, SOCK_DGRAM | SOCK_NONBLOCK,
			      0);
	if (s->fd < 0)
		return s->fd;
	if (connect(s->fd, (const struct sockaddr *)&sa, len) < 0)
		return -errno;
	return proxy_watch(p->net->proxy, s->fd, &s->watch, EPOLLIN);
}

static struct session *new_session(struct listener *l, const struct key *key)
{
	struct net_port *p = l->port;
	struct port_io *io = p->io;
	struct session *s;
	size_t i;

	if (!io->buckets) {
		io->buckets = xcalloc(BUCKETS, sizeof(*io->buckets));
		for (i = 0; i < BUCKETS; i++)
			list_init(&io->buckets[i]);
	}
	if (io->session_count >= SESSIONS_MAX)
		close_session(list_entry(io->sessions.next, struct session, link));
	s = xcalloc(1, sizeof(*s));
	s->port = p;
	s->listener = l;
	s->key = *key;
	s->watch.on_event = on_session;
	s->doomed.release = release_session;
	list_init(&s->doomed.link);
	if (connect_backend(p, s) < 0) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return NULL;
	}
	list_append(&io->sessions, &s->link);
	list_append(&io->buckets[bucket_of(key)], &s->bucket);
	io->session_count++;
	proxy_sweep(p->net->proxy);
	return s;
}

static void map_v4(struct in6_addr *ret, const struct in_addr *a)
{
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(ret->s6_addr + 12, a, 4);
}

static void read_key(struct msghdr *m, const struct sockaddr_storage *from, struct key *ret)
{
	struct in6_pktinfo six;
	struct in_pktinfo four;
	struct cmsghdr *c;

	memset(ret, 0, sizeof(*ret));
	if (from->ss_family == AF_INET6) {
		memcpy(&ret->client, from, sizeof(ret->client));
	} else {
		const struct sockaddr_in *sa = (const struct sockaddr_in *)(const void *)from;

		ret->client.sin6_port = sa->sin_port;
		map_v4(&ret->client.sin6_addr, &sa->sin_addr);
	}
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&six, CMSG_DATA(c), sizeof(six));
			ret->local = six.ipi6_addr;
			ret->ifindex = IN6_IS_ADDR_LINKLOCAL(&six.ipi6_addr) ? six.ipi6_ifindex : 0;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&four, CMSG_DATA(c), sizeof(four));
			map_v4(&ret->local, &four.ipi_addr);
		}
	}
}

static void pass_on(struct listener *l, const struct key *key, const void *data, size_t len)
{
	struct port_io *io = l->port->io;
	struct session *s = find_session(io, key);

	s = s ? s : new_session(l, key);
	if (!s)
		return;
	s->used_ns = time_boot_ns();
	list_remove(&s->link);
	list_append(&io->sessions, &s->link);
	if (send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
		close_session(s);
}

void udp_on_listener(struct watch *w, UNUSED uint32_t events)
{
	struct listener *l = container_of(w, struct listener, watch);
	unsigned left = DATAGRAMS_MAX;
	char data[DATAGRAM_MAX];

	while (l->watched && l->port->backend_count && left--) {
		_Alignas(struct cmsghdr) char control[128];
		struct sockaddr_storage from = {0};
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr m = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(l->fd, &m, MSG_DONTWAIT);
		struct key key;

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			continue;
		read_key(&m, &from, &key);
		pass_on(l, &key, data, (size_t)n);
	}
}

/* ---- endings */

void udp_backends_changed(struct net_port *p)
{
	struct session *s, *next;

	list_for_each_safe (s, next, &p->io->sessions, link)
		if (!backend_listed(p->backends, p->backend_count, &s->backend))
			close_session(s);
}

bool udp_expire(struct net_port *p, int64_t now_ns)
{
	struct session *s, *next;

	list_for_each_safe (s, next, &p->io->sessions, link)
		if (now_ns - s->used_ns > IDLE_NS)
			close_session(s);
	return p->io->session_count > 0;
}

void udp_close(struct net_port *p)
{
	struct session *s, *next;

	list_for_each_safe (s, next, &p->io->sessions, link)
		close_session(s);
	free(p->io->buckets);
	p->io->buckets = NULL;
}
