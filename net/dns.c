/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS server of the containers: each has a UDP and a TCP socket in its own namespace that this
 * process serves.  Names of the zone are answered here, with addresses in random order and no time
 * to live; a known name is never asked about elsewhere, whatever the type.  The rest is forwarded.
 *
 * The sockets are also held by shims, so closing ours does not end epoll's interest: it is removed.
 */
#include "net/dns.h"

#include <errno.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/time.h"

#define ADDRESSES_MAX	   256
#define QUERIES_MAX	   64 /* of one client in one turn */
#define CONNECTIONS_MAX	   16 /* of one client */
#define CONNECTION_IDLE_NS (10 * NS_PER_SEC)
#define QUERY_PER_SECOND   5000u /* of one client; a burst of as many again is served */

struct dns_connection {
	struct list link;
	struct doomed doomed;
	struct watch watch;
	struct net_dns_client *client;
	int fd;
	int64_t used_ns;
	struct buf in;
	bool closed;
};

/* ---- what is ours */

static void shuffle(struct net_addr *addrs, size_t count)
{
	uint32_t random[ADDRESSES_MAX];
	size_t i;

	if (count < 2 || getrandom(random, count * sizeof(*random), 0) < 0)
		return;
	for (i = count - 1; i; i--) {
		size_t k = random[i] % (i + 1);
		struct net_addr t = addrs[i];

		addrs[i] = addrs[k];
		addrs[k] = t;
	}
}

/* A name that exists is known whatever the family; other types than addresses have no answers. */
static size_t look_up(struct net_dns_client *c, const struct dns_question *q,
		      struct net_addr *addrs, bool *ret_known)
{
	const struct net_dns_zone *z = &c->dns->zone;
	int family = q->type == DNS_AAAA ? AF_INET6 : AF_INET;
	size_t count;

	*ret_known = false;
	count = z->resolve(z->arg, c->owner, q->name, family, addrs, ADDRESSES_MAX, ret_known);
	if (*ret_known && q->type == DNS_ANY)
		count += z->resolve(z->arg, c->owner, q->name, AF_INET6, addrs + count,
				    ADDRESSES_MAX - count, ret_known);
	else if (q->type != DNS_A && q->type != DNS_AAAA)
		count = 0;
	shuffle(addrs, count);
	return count;
}

/* true: `ret` is the answer. */
static bool answer_here(struct net_dns_client *c, const uint8_t *msg, const struct dns_question *q,
			size_t max, struct buf *ret)
{
	struct net_addr addrs[ADDRESSES_MAX];
	const char *name;
	bool known;
	size_t count;

	if (q->class != DNS_IN && q->class != DNS_CLASS_ANY) {
		dns_answer_code(msg, q, DNS_REFUSED, ret);
		return true;
	}
	if (!q->name[0])
		return false;
	if (q->type == DNS_PTR && dns_parse_reverse(q->name, &addrs[0])) {
		name = c->dns->zone.reverse(c->dns->zone.arg, c->owner, &addrs[0]);
		if (name)
			dns_answer_name(msg, q, name, ret);
		return name;
	}
	count = look_up(c, q, addrs, &known);
	if (known)
		dns_answer_addresses(msg, q, addrs, count, max, ret);
	return known;
}

/* A client that asks faster than this is not answered. */
static bool take_token(struct net_dns_client *c, int64_t now)
{
	int64_t gained = (now - c->refilled_ns) * QUERY_PER_SECOND / NS_PER_SEC;

	if (gained > 0) {
		c->tokens = (unsigned)MIN((int64_t)c->tokens + gained, (int64_t)QUERY_PER_SECOND);
		c->refilled_ns = now;
	}
	if (!c->tokens)
		return false;
	c->tokens--;
	return true;
}

static void serve(const struct dns_origin *origin, const uint8_t *msg, size_t len)
{
	struct net_dns_client *c = origin->client;
	auto_buf struct buf answer = {.max = DNS_MESSAGE_MAX};
	struct dns_question q;
	int r = dns_parse_query(msg, len, &q);
	size_t max = origin->connection ? DNS_MESSAGE_MAX : q.udp_max;

	if (r < 0 || !take_token(c, time_boot_ns()))
		return;
	if (r > 0) {
		dns_answer_code(msg, &q, (enum dns_rcode)r, &answer);
	} else if (!answer_here(c, msg, &q, max, &answer)) {
		if (c->forward) {
			dns_forward(origin, msg, len, &q);
			return;
		}
		dns_answer_code(msg, &q, DNS_NXDOMAIN, &answer);
	}
	dns_send(origin, answer.data, answer.len);
}

/* ---- UDP */

static void on_udp(struct watch *w, UNUSED uint32_t events)
{
	struct net_dns_client *c = container_of(w, struct net_dns_client, udp_watch);
	unsigned left = QUERIES_MAX;
	uint8_t msg[DNS_MESSAGE_MAX];

	while (!c->removed && left--) {
		struct dns_origin origin = {.client = c, .from_len = sizeof(origin.from)};
		ssize_t n = recvfrom(c->udp_fd, msg, sizeof(msg), MSG_DONTWAIT,
				     (struct sockaddr *)&origin.from, &origin.from_len);

		if (n >= 0)
			serve(&origin, msg, (size_t)n);
		else if (errno == EAGAIN)
			return;
	}
}

/* ---- TCP: messages with their length before them */

static void release_connection(struct doomed *d)
{
	struct dns_connection *k = container_of(d, struct dns_connection, doomed);

	buf_release(&k->in);
	free(k);
}

static void close_connection(struct dns_connection *k)
{
	if (k->closed)
		return;
	k->closed = true;
	close(k->fd);
	list_remove(&k->link);
	k->client->connections--;
	dns_forget_connection(k->client, k);
	proxy_doom(k->client->dns->net->proxy, &k->doomed);
}

/* Small, or the client does not read: a connection that cannot take an answer is closed. */
void dns_send(const struct dns_origin *to, const void *data, size_t len)
{
	uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct iovec iov[] = {{prefix, 2}, {(void *)(uintptr_t)data, len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

	if (!to->connection)
		sendto(to->client->udp_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&to->from, to->from_len);
	else if (!to->connection->closed &&
		 sendmsg(to->connection->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(len + 2))
		close_connection(to->connection);
}

static void serve_buffered(struct dns_connection *k)
{
	struct dns_origin origin = {.client = k->client, .connection = k};

	while (!k->closed && k->in.len >= 2) {
		const uint8_t *data = (const uint8_t *)k->in.data;
		size_t len = (size_t)(data[0] << 8 | data[1]);

		if (k->in.len < 2 + len)
			return;
		serve(&origin, data + 2, len);
		if (!k->closed)
			buf_consume(&k->in, 2 + len);
	}
}

static void on_connection(struct watch *w, UNUSED uint32_t events)
{
	struct dns_connection *k = container_of(w, struct dns_connection, watch);
	char data[4096];
	ssize_t n;

	if (k->closed)
		return;
	n = recv(k->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	k->used_ns = time_boot_ns();
	if (n > 0)
		buf_add(&k->in, data, (size_t)n);
	if (n <= 0 || k->in.overflow)
		close_connection(k);
	else
		serve_buffered(k);
}

static void on_tcp(struct watch *w, UNUSED uint32_t events)
{
	struct net_dns_client *c = container_of(w, struct net_dns_client, tcp_watch);
	struct dns_connection *k;
	int fd;

	while (!c->removed &&
	       (fd = accept4(c->tcp_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (c->connections >= CONNECTIONS_MAX) {
			close(fd);
			continue;
		}
		k = xcalloc(1, sizeof(*k));
		k->client = c;
		k->fd = fd;
		k->used_ns = time_boot_ns();
		k->watch.on_event = on_connection;
		k->doomed.release = release_connection;
		list_init(&k->doomed.link);
		buf_init(&k->in, DNS_MESSAGE_MAX + 2 + 4096);
		list_append(&c->connection_list, &k->link);
		c->connections++;
		if (proxy_watch(c->dns->net->proxy, fd, &k->watch, EPOLLIN | EPOLLRDHUP) < 0)
			close_connection(k);
		dns_set_timer(c->dns, k->used_ns + CONNECTION_IDLE_NS);
	}
}

/* ---- deadlines */

static int64_t expire_connections(struct net_dns *d, int64_t now)
{
	struct dns_connection *k, *next;
	struct net_dns_client *c;
	int64_t soonest = INT64_MAX;

	list_for_each (c, &d->clients, link)
		list_for_each_safe (k, next, &c->connection_list, link) {
			if (now - k->used_ns >= CONNECTION_IDLE_NS)
				close_connection(k);
			else
				soonest = MIN(soonest, k->used_ns + CONNECTION_IDLE_NS);
		}
	return soonest;
}

static void on_timer(uv_timer_t *timer)
{
	struct net_dns *d = container_of(timer, struct net_dns, timer);
	int64_t now = time_boot_ns();
	int64_t a = dns_forward_expire(d, now), b = expire_connections(d, now);

	if (MIN(a, b) != INT64_MAX)
		dns_set_timer(d, MIN(a, b));
}

/* Not later than this. */
void dns_set_timer(struct net_dns *d, int64_t at_ns)
{
	int64_t in_ms = MAX((at_ns - time_boot_ns()) / NS_PER_MS + 1, 1);

	if (uv_is_active((uv_handle_t *)&d->timer) &&
	    uv_timer_get_due_in(&d->timer) <= (uint64_t)in_ms)
		return;
	uv_timer_start(&d->timer, on_timer, (uint64_t)in_ms, 0);
}

/* ---- clients */

struct net_dns *net_dns_new(struct net *n, const struct net_dns_zone *zone)
{
	struct net_dns *d = xcalloc(1, sizeof(*d));

	d->net = n;
	d->zone = *zone;
	list_init(&d->clients);
	list_init(&d->pending);
	uv_timer_init(n->loop, &d->timer);
	uv_unref((uv_handle_t *)&d->timer);
	n->refs++;
	return d;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct net_dns *d = container_of((uv_timer_t *)handle, struct net_dns, timer);

	net_unref(d->net);
	free(d);
}

void net_dns_free(struct net_dns *d)
{
	struct net_dns_client *c, *next;

	if (!d)
		return;
	list_for_each_safe (c, next, &d->clients, link)
		net_dns_client_remove(c);
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void take_servers(struct net_dns_client *c, char *const *servers)
{
	struct error ignored = ERROR_INIT;

	for (; servers && *servers && c->servers.count < DNS_SERVERS_MAX; servers++) {
		c->own_servers = true;
		if (net_addr_parse(*servers, &c->servers.addrs[c->servers.count], &ignored) == 0)
			c->servers.count++;
	}
}

static void release_client(struct doomed *d)
{
	free(container_of(d, struct net_dns_client, doomed));
}

struct net_dns_client *net_dns_client_add(struct net_dns *d, const struct net_dns_client_args *args)
{
	struct net_dns_client *c;
	struct error err = ERROR_INIT;

	if (proxy_open(d->net, &err) < 0) {
		log_err("dns", "%s", err.msg);
		close(args->udp_fd);
		close(args->tcp_fd);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->dns = d;
	c->owner = args->owner;
	c->udp_fd = args->udp_fd;
	c->tcp_fd = args->tcp_fd;
	c->forward = args->forward;
	c->tokens = QUERY_PER_SECOND;
	c->refilled_ns = time_boot_ns();
	c->udp_watch.on_event = on_udp;
	c->tcp_watch.on_event = on_tcp;
	c->doomed.release = release_client;
	list_init(&c->doomed.link);
	list_init(&c->connection_list);
	take_servers(c, args->servers);
	list_append(&d->clients, &c->link);
	if (proxy_watch(d->net->proxy, c->udp_fd, &c->udp_watch, EPOLLIN) < 0 ||
	    proxy_watch(d->net->proxy, c->tcp_fd, &c->tcp_watch, EPOLLIN) < 0)
		log_err("dns", "a container's socket cannot be watched: %s", strerror(errno));
	return c;
}

void net_dns_client_remove(struct net_dns_client *c)
{
	struct dns_connection *k, *next;
	struct proxy *p;

	if (!c)
		return;
	p = c->dns->net->proxy;
	c->removed = true;
	list_remove(&c->link);
	list_for_each_safe (k, next, &c->connection_list, link)
		close_connection(k);
	dns_forget_client(c);
	proxy_unwatch(p, c->udp_fd);
	proxy_unwatch(p, c->tcp_fd);
	close(c->udp_fd);
	close(c->tcp_fd);
	proxy_doom(p, &c->doomed);
}
