/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking other servers: the message goes on unparsed, from a socket of its own (so the source port
 * is the kernel's random choice) under a random id, and only an answer from that server with that
 * id and the same question is passed back.  Servers are tried in turn, twice.  A query that came by
 * TCP is asked by TCP; a truncated answer is passed on as such, the client then comes by TCP.
 *
 * All attempts have the same time, so the list of the pending is in the order of their deadlines.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/time.h"
#include "net/dns.h"

#define ATTEMPT_NS     (2 * NS_PER_SEC)
#define ROUNDS	       2
#define PENDING_MAX    4096 /* of all */
#define CLIENT_PENDING 256
#define RESOLV_CONF    "/etc/resolv.conf"
#define RESOLV_MAX     ((size_t)64 << 10)
#define RECHECK_NS     NS_PER_SEC

struct forward {
	struct list link; /* in net_dns.pending */
	struct doomed doomed;
	struct watch watch;
	struct net_dns *dns;
	struct dns_origin origin;
	struct dns_question question;
	uint8_t *msg;
	size_t len;
	struct dns_servers servers;
	unsigned attempt; /* the next one */
	uint16_t id;
	int fd;
	bool sent; /* TCP: the query is on its way */
	struct buf in;
	int64_t deadline_ns;
	bool closed;
};

/* ---- which servers */

static void parse_resolv(char *text, struct dns_servers *ret)
{
	struct error ignored = ERROR_INIT;
	char *line, *end;

	ret->count = 0;
	for (line = text; line && *line; line = end ? end + 1 : NULL) {
		AUTO(strv_free) char **words = NULL;

		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		words = strv_split(line, " \t");
		if (strv_len(words) >= 2 && !strcmp(words[0], "nameserver") &&
		    ret->count < DNS_SERVERS_MAX &&
		    net_addr_parse(words[1], &ret->addrs[ret->count], &ignored) == 0)
			ret->count++;
	}
}

/* As the C library: this host itself when nobody is named. */
static void set_default(struct dns_servers *s)
{
	if (s->count)
		return;
	s->addrs[0] = (struct net_addr){.family = AF_INET, .v4.s_addr = htonl(INADDR_LOOPBACK)};
	s->count = 1;
}

static void refresh_host_servers(struct net_dns *d)
{
	auto_buf struct buf text = BUF_INIT;
	struct error ignored = ERROR_INIT;
	int64_t now = time_boot_ns();
	struct stat st = {0};

	if (d->host_checked_ns && now - d->host_checked_ns < RECHECK_NS)
		return;
	if (stat(RESOLV_CONF, &st) < 0)
		st.st_ino = 0;
	if (!d->host_checked_ns || st.st_ino != d->host_inode ||
	    st.st_mtim.tv_sec != d->host_changed.tv_sec ||
	    st.st_mtim.tv_nsec != d->host_changed.tv_nsec) {
		d->host.count = 0;
		if (file_read(AT_FDCWD, RESOLV_CONF, RESOLV_MAX, &text, &ignored) == 0 && text.len)
			parse_resolv(text.data, &d->host);
		set_default(&d->host);
	}
	d->host_checked_ns = now;
	d->host_inode = st.st_ino;
	d->host_changed = st.st_mtim;
}

/* ---- one query */

static void release_forward(struct doomed *d)
{
	struct forward *f = container_of(d, struct forward, doomed);

	buf_release(&f->in);
	free(f->msg);
	free(f);
}

static void close_socket(struct forward *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->sent = false;
	buf_reset(&f->in);
}

static void end(struct forward *f)
{
	if (f->closed)
		return;
	f->closed = true;
	close_socket(f);
	list_remove(&f->link);
	f->dns->pending_count--;
	f->origin.client->pending--;
	proxy_doom(f->dns->net->proxy, &f->doomed);
}

static void give_up(struct forward *f)
{
	auto_buf struct buf answer = {.max = DNS_MESSAGE_MAX};

	dns_answer_code(f->msg, &f->question, DNS_SERVFAIL, &answer);
	dns_send(&f->origin, answer.data, answer.len);
	end(f);
}

static int send_tcp(struct forward *f)
{
	uint8_t prefix[2] = {(uint8_t)(f->len >> 8), (uint8_t)f->len};
	struct iovec iov[] = {{prefix, 2}, {f->msg, f->len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = sendmsg(f->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	f->sent = true;
	return n == (ssize_t)(f->len + 2) ? 0 : -EIO; /* a new socket takes 64 KiB */
}

/* Asks the next server: 0, or -errno when that one cannot be asked. */
static int ask(struct forward *f)
{
	bool tcp = f->origin.connection;
	const struct net_backend server = {.addr = f->servers.addrs[f->attempt % f->servers.count],
					   .port = DNS_PORT};
	struct sockaddr_storage sa;
	socklen_t len = backend_address(&server, &sa);
	int r;

	if (getrandom(&f->id, sizeof(f->id), 0) != sizeof(f->id))
		return -EIO;
	dns_set_id(f->msg, f->id);
	f->fd = net_socket_in(f->dns->net->netns_fd, server.addr.family,
			      (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	if (f->fd < 0)
		return f->fd;
	if (connect(f->fd, (const struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	r = proxy_watch(f->dns->net->proxy, f->fd, &f->watch,
			tcp ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN);
	if (r == 0 && !tcp && send(f->fd, f->msg, f->len, MSG_NOSIGNAL) < 0)
		r = -errno;
	return r;
}

static void next_server(struct forward *f)
{
	int r = -ETIMEDOUT;

	while (r < 0 && f->attempt < f->servers.count * ROUNDS) {
		close_socket(f);
		r = ask(f);
		f->attempt++;
	}
	if (r < 0) {
		give_up(f);
		return;
	}
	f->deadline_ns = time_boot_ns() + ATTEMPT_NS;
	list_remove(&f->link);
	list_append(&f->dns->pending, &f->link);
	dns_set_timer(f->dns, f->deadline_ns);
}

/* A server that cannot help leaves it to the next one, as long as there is one that was not asked.
 */
static bool is_no_help(const struct forward *f, const uint8_t *msg)
{
	unsigned code = dns_rcode_of(msg);

	return f->attempt < f->servers.count &&
	       (code == DNS_SERVFAIL || code == DNS_REFUSED || code == DNS_NOTIMP);
}

/* 0: the answer was taken, -EAGAIN: it is none. */
static int take_answer(struct forward *f, uint8_t *msg, size_t len)
{
	if (!dns_is_answer(msg, len, f->msg, f->question.end, f->id))
		return -EAGAIN;
	if (is_no_help(f, msg)) {
		next_server(f);
		return 0;
	}
	dns_set_id(msg, f->question.id);
	dns_send(&f->origin, msg, len);
	end(f);
	return 0;
}

static void on_udp_answer(struct forward *f)
{
	uint8_t msg[DNS_MESSAGE_MAX];
	ssize_t n = recv(f->fd, msg, sizeof(msg), MSG_DONTWAIT);

	if (n >= 0)
		(void)take_answer(f, msg, (size_t)n); /* what is no answer is waited on */
	else if (errno != EAGAIN && errno != EINTR)
		next_server(f);
}

static void on_tcp_answer(struct forward *f, uint32_t events)
{
	const uint8_t *data;
	char chunk[4096];
	ssize_t n = 1;

	if (events & (EPOLLERR | EPOLLHUP)) {
		next_server(f);
		return;
	}
	if (!f->sent && (!(events & EPOLLOUT) || send_tcp(f) < 0)) {
		next_server(f);
		return;
	}
	while ((n = recv(f->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0) {
		buf_add(&f->in, chunk, (size_t)n);
		data = (const uint8_t *)f->in.data;
		if (f->in.len < 2 || f->in.len < 2 + (size_t)(data[0] << 8 | data[1]))
			continue;
		if (f->in.overflow || take_answer(f, (uint8_t *)f->in.data + 2, f->in.len - 2) < 0)
			next_server(f);
		return;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		next_server(f);
}

static void on_event(struct watch *w, uint32_t events)
{
	struct forward *f = container_of(w, struct forward, watch);

	if (f->closed || f->fd < 0)
		return;
	if (f->origin.connection)
		on_tcp_answer(f, events);
	else
		on_udp_answer(f);
}

void dns_forward(const struct dns_origin *origin, const uint8_t *msg, size_t len,
		 const struct dns_question *q)
{
	struct net_dns_client *c = origin->client;
	struct net_dns *d = c->dns;
	struct forward *f = xcalloc(1, sizeof(*f));

	f->dns = d;
	f->origin = *origin;
	f->question = *q;
	f->msg = xmemdup(msg, len);
	f->len = len;
	f->fd = -1;
	f->watch.on_event = on_event;
	f->doomed.release = release_forward;
	list_init(&f->doomed.link);
	buf_init(&f->in, DNS_MESSAGE_MAX + 2 + 4096);
	list_append(&d->pending, &f->link);
	d->pending_count++;
	c->pending++;
	if (c->own_servers) {
		f->servers = c->servers;
	} else {
		refresh_host_servers(d);
		f->servers = d->host;
	}
	if (!f->servers.count || d->pending_count > PENDING_MAX || c->pending > CLIENT_PENDING)
		give_up(f);
	else
		next_server(f);
}

/* ---- endings */

void dns_forget_client(struct net_dns_client *c)
{
	struct forward *f, *next;

	list_for_each_safe (f, next, &c->dns->pending, link)
		if (f->origin.client == c)
			end(f);
}

void dns_forget_connection(struct net_dns_client *c, const struct dns_connection *k)
{
	struct forward *f, *next;

	list_for_each_safe (f, next, &c->dns->pending, link)
		if (f->origin.connection == k)
			end(f);
}

int64_t dns_forward_expire(struct net_dns *d, int64_t now_ns)
{
	while (!list_empty(&d->pending)) {
		struct forward *f = list_entry(d->pending.next, struct forward, link);

		if (f->deadline_ns > now_ns)
			return f->deadline_ns;
		next_server(f); /* goes behind the others, or ends */
	}
	return INT64_MAX;
}
