/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between port.c (sockets, who serves), proxy.c (TCP) and relay.c (UDP): one epoll instance of our
 * own below one handle of the loop, so that a connection costs two registrations in its whole life,
 * edge-triggered, instead of a change of interest at every turn.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <sys/epoll.h>

#include "net/net_int.h"

/* What epoll hands back.  on_event may free its owner only through the owner's deferred release. */
struct watch {
	void (*on_event)(struct watch *w, uint32_t events);
};

struct listener {
	struct watch watch;
	struct net_port *port;
	int family;
	int fd; /* -1: absent */
	bool watched;
};

struct port_io {
	struct listener listeners[2]; /* v4, v6 */
	size_t turn;		      /* of the next connection */
	struct list sessions;	      /* UDP: the longest idle first */
	struct list *buckets;	      /* the same by address; NULL until there are any */
	size_t session_count;
};

int proxy_open(struct net *n, struct error *err) MUST_CHECK; /* once; later calls do nothing */
int proxy_watch(struct proxy *p, int fd, struct watch *w, uint32_t events);
void proxy_unwatch(struct proxy *p, int fd);
/* No descriptor or memory was left: listening pauses for a moment. */
void proxy_pause(struct proxy *p);
void proxy_sweep(struct proxy *p); /* there are UDP sessions */
/* After the events of this turn. */
struct doomed {
	struct list link;
	void (*release)(struct doomed *d);
};
void proxy_doom(struct proxy *p, struct doomed *d);

/* Watches the listeners when there is somebody to serve, and not otherwise. */
void port_rearm(struct net_port *p);

void tcp_on_listener(struct watch *w, uint32_t events);
void tcp_backends_changed(struct net_port *p);
void tcp_forget_port(struct net_port *p); /* connections go on without it */

void udp_on_listener(struct watch *w, uint32_t events);
void udp_backends_changed(struct net_port *p);	     /* ends sessions with those that are gone */
bool udp_expire(struct net_port *p, int64_t now_ns); /* false: no session is left */
void udp_close(struct net_port *p);

socklen_t backend_address(const struct net_backend *b, struct sockaddr_storage *ret);

bool backend_listed(const struct net_backend *all, size_t count, const struct net_backend *b);

/* Who has the port, in words (" by nginx (pid 123)"), or "". */
void port_holder(struct net *n, const struct net_port_spec *spec, char *ret, size_t size);

#endif
