/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS server's inside: dns.c has the clients and answers what is ours, dns_forward.c asks other
 * servers about the rest.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <uv.h>

#include "net/dns_packet.h"
#include "net/proxy.h"

#define DNS_PORT	53
#define DNS_SERVERS_MAX 3

struct dns_servers {
	struct net_addr addrs[DNS_SERVERS_MAX];
	size_t count;
};

struct net_dns {
	struct net *net;
	struct net_dns_zone zone;
	uv_timer_t timer; /* deadlines of what is pending and of idle connections */
	struct list clients;
	struct list pending; /* struct forward, the next deadline first */
	size_t pending_count;
	struct dns_servers host; /* of the host's resolv.conf */
	int64_t host_checked_ns;
	struct timespec host_changed;
	ino_t host_inode;
};

struct net_dns_client {
	struct list link;
	struct doomed doomed;
	struct net_dns *dns;
	void *owner;
	int udp_fd, tcp_fd;
	struct watch udp_watch, tcp_watch;
	bool own_servers, forward, removed;
	struct dns_servers servers;
	size_t pending, connections;
	struct list connection_list;
	int64_t refilled_ns; /* the token bucket */
	unsigned tokens;
};

/* Where an answer goes. */
struct dns_connection;
struct dns_origin {
	struct net_dns_client *client;
	struct dns_connection *connection; /* TCP; NULL: UDP, to: */
	struct sockaddr_storage from;
	socklen_t from_len;
};
void dns_send(const struct dns_origin *to, const void *data, size_t len);

/* Asks others and answers the origin some time later. */
void dns_forward(const struct dns_origin *origin, const uint8_t *msg, size_t len,
		 const struct dns_question *q);
/* Their answers are not wanted any more. */
void dns_forget_client(struct net_dns_client *c);
void dns_forget_connection(struct net_dns_client *c, const struct dns_connection *k);
/* Gives up what is too late; returns the next deadline or INT64_MAX. */
int64_t dns_forward_expire(struct net_dns *d, int64_t now_ns);
void dns_set_timer(struct net_dns *d, int64_t at_ns);

#endif
