/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP connections of this host's own programs to published ports.  Bytes are moved with splice(2)
 * through a pipe for each direction; a pipe is held only while there are bytes in it, so an idle
 * connection costs two sockets.  A backend that refuses is passed over for the next one.
 *
 * A connection is freed after the events of the turn in which it ended, since more of them may
 * name it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "base/log.h"
#include "base/time.h"
#include "net/proxy.h"

#define EVENTS_MAX   256
#define ACCEPTS_MAX  256 /* connections taken in one turn */
#define PIPE_BYTES   (512 << 10)
#define PIPES_KEPT   64
#define PUMPS_MAX    64 /* pipes filled and emptied in one turn of a connection */
#define CONNECT_SYNS 3	/* repetitions: a silent backend is given up after some 15 s */
#define PAUSE_MS     100
#define UDP_SWEEP_MS 10000

struct pipe {
	int fds[2];
};

struct proxy {
	struct net *net;
	int epoll_fd;
	uv_poll_t poll;
	uv_timer_t timer; /* runs while there are UDP sessions, and after a pause */
	unsigned handles; /* not closed yet */
	struct list connections;
	struct list doomed;
	struct pipe pipes[PIPES_KEPT];
	size_t pipe_count;
};

/* One direction. */
struct flow {
	struct pipe pipe; /* fds[0] -1: none */
	size_t in_pipe;
	bool ended; /* the source said so */
	bool shut;  /* and the target was told */
};

struct connection {
	struct doomed doomed;
	struct list link;
	struct proxy *proxy;
	struct net_port *port; /* NULL once the port is gone */
	struct watch client_watch, server_watch;
	int client, server;
	bool connected, closed;
	struct net_backend backend; /* that is being tried, or serves */
	size_t first, tries;
	struct flow up, down;
};

/* ---- the epoll instance */

int proxy_watch(struct proxy *p, int fd, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void proxy_unwatch(struct proxy *p, int fd)
{
	epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void proxy_doom(struct proxy *p, struct doomed *d)
{
	list_append(&p->doomed, &d->link);
}

static void bury(struct proxy *p)
{
	struct doomed *d, *next;

	list_for_each_safe (d, next, &p->doomed, link) {
		list_remove(&d->link);
		d->release(d);
	}
}

static void on_events(uv_poll_t *poll, UNUSED int status, UNUSED int events)
{
	struct proxy *p = container_of(poll, struct proxy, poll);
	struct epoll_event e[EVENTS_MAX];
	int i, count = epoll_wait(p->epoll_fd, e, EVENTS_MAX, 0);

	for (i = 0; i < count; i++) {
		struct watch *w = e[i].data.ptr;

		w->on_event(w, e[i].events);
	}
	bury(p);
}

static void on_timer(uv_timer_t *timer)
{
	struct proxy *p = container_of(timer, struct proxy, timer);
	int64_t now = time_boot_ns();
	struct net_port *port;

	bool busy = false;

	list_for_each (port, &p->net->ports, link) {
		busy |= udp_expire(port, now);
		port_rearm(port);
	}
	bury(p);
	if (!busy)
		uv_timer_stop(timer);
}

void proxy_sweep(struct proxy *p)
{
	if (!uv_is_active((const uv_handle_t *)&p->timer))
		uv_timer_start(&p->timer, on_timer, UDP_SWEEP_MS, UDP_SWEEP_MS);
}

void proxy_pause(struct proxy *p)
{
	struct net_port *port;
	size_t k;

	log_warn("ports", "out of descriptors or memory: new connections wait");
	list_for_each (port, &p->net->ports, link)
		for (k = 0; k < 2; k++) {
			struct listener *l = &port->io->listeners[k];

			if (l->watched)
				proxy_unwatch(p, l->fd);
			l->watched = false;
		}
	uv_timer_start(&p->timer, on_timer, PAUSE_MS, UDP_SWEEP_MS);
}

int proxy_open(struct net *n, struct error *err)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct proxy *p;
	int r;

	if (n->proxy)
		return 0;
	p = xcalloc(1, sizeof(*p));
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0) {
		r = error_sys(err, errno, "watch published ports");
		free(p);
		return r;
	}
	p->net = n;
	list_init(&p->connections);
	list_init(&p->doomed);
	if (uv_poll_init(n->loop, &p->poll, p->epoll_fd) < 0 ||
	    uv_timer_init(n->loop, &p->timer) < 0)
		abort(); /* an epoll instance can be watched */
	uv_poll_start(&p->poll, UV_READABLE, on_events);
	uv_unref((uv_handle_t *)&p->poll);
	uv_unref((uv_handle_t *)&p->timer);
	sigaction(SIGPIPE, &ignore, NULL); /* splice(2) cannot be told to leave it */
	p->handles = 2;
	n->refs++;
	n->proxy = p;
	return 0;
}

/* ---- pipes */

static bool take_pipe(struct proxy *p, struct pipe *ret)
{
	if (p->pipe_count) {
		*ret = p->pipes[--p->pipe_count];
		return true;
	}
	if (pipe2(ret->fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		ret->fds[0] = -1;
		return false;
	}
	fcntl(ret->fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	return true;
}

static void close_pipe(struct pipe *pipe)
{
	if (pipe->fds[0] < 0)
		return;
	close(pipe->fds[0]);
	close(pipe->fds[1]);
	pipe->fds[0] = -1;
}

/* Only an empty pipe may serve another connection. */
static void give_pipe(struct proxy *p, struct pipe *pipe)
{
	if (pipe->fds[0] >= 0 && p->pipe_count < PIPES_KEPT)
		p->pipes[p->pipe_count++] = *pipe;
	else
		close_pipe(pipe);
	pipe->fds[0] = -1;
}

/* ---- connections */

static void release_connection(struct doomed *d)
{
	free(container_of(d, struct connection, doomed));
}

static void end_flow(struct proxy *p, struct flow *f)
{
	if (f->in_pipe)
		close_pipe(&f->pipe);
	else
		give_pipe(p, &f->pipe);
}

/* `abruptly`: the client shall see that its connection broke. */
static void close_connection(struct connection *c, bool abruptly)
{
	struct linger reset = {.l_onoff = 1};

	if (c->closed)
		return;
	c->closed = true;
	if (abruptly)
		setsockopt(c->client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->client);
	if (c->server >= 0)
		close(c->server);
	end_flow(c->proxy, &c->up);
	end_flow(c->proxy, &c->down);
	list_remove(&c->link);
	proxy_doom(c->proxy, &c->doomed);
}

/* 1: moved something, 0: nothing to do for now, or -errno. */
static int fill(struct proxy *p, struct flow *f, int from)
{
	ssize_t n;

	if (f->ended)
		return 0;
	if (f->pipe.fds[0] < 0 && !take_pipe(p, &f->pipe))
		return -errno;
	n = splice(from, NULL, f->pipe.fds[1], NULL, PIPE_BYTES, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->ended = n == 0;
	f->in_pipe += (size_t)n;
	return n > 0;
}

static int drain(struct flow *f, int to)
{
	ssize_t n;

	if (!f->in_pipe)
		return 0;
	n = splice(f->pipe.fds[0], NULL, to, NULL, f->in_pipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->in_pipe -= (size_t)n;
	return n > 0;
}

/* Until neither end moves any more, or this turn is over (1). */
static int pump(struct proxy *p, struct flow *f, int from, int to)
{
	unsigned turns = PUMPS_MAX;
	int in = 1, out = 1;

	while (turns && (in > 0 || out > 0)) {
		in = fill(p, f, from);
		out = in < 0 ? in : drain(f, to);
		if (out < 0)
			return out;
		turns--;
	}
	if (!f->in_pipe)
		give_pipe(p, &f->pipe);
	return !turns;
}

/* Nothing more will come this way.  The last to end needs no shutdown: both are closed. */
static void pass_end(struct flow *f, const struct flow *other, int to)
{
	if (!f->ended || f->in_pipe || f->shut)
		return;
	f->shut = true;
	if (!other->shut)
		shutdown(to, SHUT_WR);
}

/* The edge has been used up while there was more: asks for it again. */
static void again(struct proxy *p, int fd, struct watch *w)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w};

	epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, fd, &e);
}

static void pump_both(struct connection *c)
{
	int up = pump(c->proxy, &c->up, c->client, c->server);
	int down = up < 0 ? up : pump(c->proxy, &c->down, c->server, c->client);

	if (down < 0) {
		close_connection(c, true);
		return;
	}
	pass_end(&c->up, &c->down, c->server);
	pass_end(&c->down, &c->up, c->client);
	if (c->up.shut && c->down.shut)
		close_connection(c, false);
	else if (up || down)
		again(c->proxy, c->server, &c->server_watch);
}

/* Starts a connection to one backend: 0, or -errno when that one cannot be had. */
static int try_one(struct connection *c, const struct net_backend *b)
{
	int one = 1, syns = CONNECT_SYNS;
	struct sockaddr_storage sa;
	socklen_t len = backend_address(b, &sa);

	c->server = net_socket_in(c->proxy->net->netns_fd, b->addr.family,
				  SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->server < 0)
		return c->server;
	setsockopt(c->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->server, IPPROTO_TCP, TCP_SYNCNT, &syns, sizeof(syns));
	if (connect(c->server, (const struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return proxy_watch(c->proxy, c->server, &c->server_watch,
			   EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

/* While nobody serves any more, a connection that was taken waits as those in the queue do. */
static void try_backends(struct connection *c)
{
	if (c->port && !c->port->backend_count)
		return;
	while (c->port && c->tries < c->port->backend_count) {
		c->backend = c->port->backends[(c->first + c->tries++) % c->port->backend_count];
		if (try_one(c, &c->backend) == 0)
			return;
		if (c->server >= 0)
			close(c->server);
		c->server = -1;
	}
	close_connection(c, true);
}

static void on_client(struct watch *w, uint32_t events)
{
	struct connection *c = container_of(w, struct connection, client_watch);

	if (events & EPOLLERR)
		close_connection(c, true);
	if (!c->closed && c->connected)
		pump_both(c);
}

static void on_server(struct watch *w, uint32_t events)
{
	struct connection *c = container_of(w, struct connection, server_watch);

	if (c->closed)
		return;
	if (!c->connected) {
		if (events & (EPOLLERR | EPOLLHUP)) { /* refused */
			close(c->server);
			c->server = -1;
			try_backends(c);
			return;
		}
		c->connected = events & EPOLLOUT;
		if (!c->connected)
			return;
	} else if (events & EPOLLERR) {
		close_connection(c, true);
		return;
	}
	pump_both(c);
}

static void begin_connection(struct net_port *port, int client)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->proxy = port->net->proxy;
	c->port = port;
	c->client = client;
	c->server = c->up.pipe.fds[0] = c->down.pipe.fds[0] = -1;
	c->doomed.release = release_connection;
	list_init(&c->doomed.link);
	c->client_watch.on_event = on_client;
	c->server_watch.on_event = on_server;
	c->first = port->io->turn++;
	list_append(&c->proxy->connections, &c->link);
	if (proxy_watch(c->proxy, client, &c->client_watch,
			EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
		close_connection(c, true);
	else
		try_backends(c);
}

void tcp_on_listener(struct watch *w, UNUSED uint32_t events)
{
	struct listener *l = container_of(w, struct listener, watch);
	unsigned left = ACCEPTS_MAX;

	while (l->watched && l->port->backend_count && left--) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			begin_connection(l->port, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			proxy_pause(l->port->net->proxy);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* Who waits for an answer of a backend that is gone would wait long. */
void tcp_backends_changed(struct net_port *p)
{
	struct connection *c, *next;

	list_for_each_safe (c, next, &p->net->proxy->connections, link) {
		if (c->port != p || c->connected ||
		    (c->server >= 0 && backend_listed(p->backends, p->backend_count, &c->backend)))
			continue;
		if (c->server >= 0)
			close(c->server);
		c->server = -1;
		c->tries = 0;
		try_backends(c);
	}
}

void tcp_forget_port(struct net_port *p)
{
	struct connection *c, *next;

	list_for_each_safe (c, next, &p->net->proxy->connections, link) {
		if (c->port != p)
			continue;
		c->port = NULL;
		if (c->server < 0)
			close_connection(c, true);
	}
}

/* ---- the end */

static void on_closed(struct proxy *p)
{
	struct net *n = p->net;

	if (--p->handles)
		return;
	bury(p);
	close(p->epoll_fd);
	while (p->pipe_count)
		close_pipe(&p->pipes[--p->pipe_count]);
	free(p);
	n->proxy = NULL;
	net_unref(n);
}

static void on_poll_closed(uv_handle_t *handle)
{
	on_closed(container_of((uv_poll_t *)handle, struct proxy, poll));
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_closed(container_of((uv_timer_t *)handle, struct proxy, timer));
}

void proxy_close(struct net *n)
{
	struct proxy *p = n->proxy;
	struct connection *c, *next;

	if (!p)
		return;
	list_for_each_safe (c, next, &p->connections, link)
		close_connection(c, true);
	bury(p);
	uv_close((uv_handle_t *)&p->poll, on_poll_closed);
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
