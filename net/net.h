/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/: bridges, veth pairs, addresses, firewall, published ports, DNS.  Nothing here assumes the
 * host's namespace: a `struct net` works in the network namespace it was opened for.  It decides
 * nothing: what should exist is told by the engine.
 *
 * Threads: the loop thread only.  Netlink requests are synchronous and short; nft transactions run
 * in a worker (one at a time, the latest wanted state wins).
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct uv_loop_s;
struct net;

struct net_options {
	struct uv_loop_s *loop;
	int netns_fd;	   /* -1: the namespace of this process */
	const char *table; /* name of the nft table: "cmp"; copied */
};
int net_open(const struct net_options *options, struct net **ret, struct error *err) MUST_CHECK;
/* Kernel objects stay.  Ports and DNS are freed before; nothing calls back after it.  Memory goes
 * when the loop has closed the handles. */
void net_free(struct net *n);

/* ---- addresses */

struct net_addr {
	int family; /* AF_INET, AF_INET6; 0: none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};
struct net_prefix {
	struct net_addr addr;
	unsigned bits;
};
#define NET_ADDR_TEXT	46
#define NET_PREFIX_TEXT 50
int net_addr_parse(const char *text, struct net_addr *ret, struct error *err) MUST_CHECK;
int net_prefix_parse(const char *text, struct net_prefix *ret, struct error *err)
	MUST_CHECK; /* "10.1.0.0/16"; host bits must be 0 */
void net_addr_text(const struct net_addr *a, char ret[NET_ADDR_TEXT]);
void net_prefix_text(const struct net_prefix *p, char ret[NET_PREFIX_TEXT]);
bool net_addr_equal(const struct net_addr *a, const struct net_addr *b);
bool net_prefix_contains(const struct net_prefix *p, const struct net_addr *a);
bool net_prefix_overlaps(const struct net_prefix *a, const struct net_prefix *b);

/* Allocator of the addresses of one subnet: pure.  Network, broadcast and gateway are never given.
 */
struct net_pool;
struct net_pool *net_pool_new(const struct net_prefix *subnet, const struct net_prefix *range,
			      const struct net_addr *gateway); /* range, gateway may be NULL */
void net_pool_free(struct net_pool *p);
const struct net_addr *
net_pool_gateway(const struct net_pool *p); /* the first address unless given */
/* The next free address, after the last one given (an address is not reused at once).  -ENOSPC. */
int net_pool_take(struct net_pool *p, struct net_addr *ret, struct error *err) MUST_CHECK;
/* This very address.  -EADDRINUSE, -ERANGE when outside. */
int net_pool_claim(struct net_pool *p, const struct net_addr *a, struct error *err) MUST_CHECK;
void net_pool_release(struct net_pool *p, const struct net_addr *a);

/* A free default subnet (172.17.0.0/16 …, then 192.168.x.0/20 as Docker does; ULA /64 for v6) that
 * overlaps neither `used` nor a route or address of the namespace. */
int net_subnet_choose(struct net *n, int family, const struct net_prefix *used, size_t count,
		      struct net_prefix *ret, struct error *err) MUST_CHECK;

/* ---- networks: one bridge each */

#define NET_IFNAME_MAX 16

struct net_network {
	char bridge[NET_IFNAME_MAX];  /* "cmp" and the first hex digits of the id, or as the driver
					 option says */
	struct net_prefix subnets[2]; /* family 0: unused */
	struct net_addr gateways[2];
	bool internal; /* no masquerade, no default route, nothing forwarded in or out */
	bool icc;      /* containers may talk to each other (default true) */
	bool masquerade;
	unsigned mtu; /* 0: 1500 */
};
/* Idempotent: makes or completes the bridge (up, addresses, sysctls: accept_ra, rp_filter,
 * ip_forward). */
int net_bridge_create(struct net *n, const struct net_network *nw, struct error *err) MUST_CHECK;
/* Absence is success. */
int net_bridge_destroy(struct net *n, const char *bridge, struct error *err) MUST_CHECK;
bool net_link_exists(struct net *n, const char *name);
int net_link_destroy(struct net *n, const char *name, struct error *err) MUST_CHECK;
/* Names of the links that start with `prefix`: what reconcile looks at. */
int net_link_list(struct net *n, const char *prefix, char ***ret, struct error *err) MUST_CHECK;

/* ---- endpoints: the veth pair of one container on one network */

struct net_endpoint {
	char host_ifname[NET_IFNAME_MAX]; /* the table's name, "v" and 8 digits: rules go by it */
	char ifname[NET_IFNAME_MAX];	  /* in the container: "eth0" */
	const struct net_network *network;
	struct net_addr addrs[2];
	uint8_t mac[6];	    /* all 0: derived from the IPv4 address as Docker does (02:42:…) */
	bool default_route; /* through this network's gateway */
	unsigned mtu;
};
/*
 * Netlink messages that make it, for the launch program: the pair in one RTM_NEWLINK sent from the
 * host (peer namespace, master, MAC, MTU, up), then addresses and route in the container.
 */
struct net_message {
	void *data; /* owned by the vector */
	size_t len;
	bool in_host;
	int netns_fd_offset; /* see struct runtime_netlink */
	int ifindex_offset;
	char ifname[NET_IFNAME_MAX];
	char *sentence;
};
struct net_messages {
	struct net_message *items;
	size_t count;
};
int net_endpoint_messages(struct net *n, const struct net_endpoint *ep, struct net_messages *ret,
			  struct error *err) MUST_CHECK;
void net_messages_release(struct net_messages *m);
/* The same for a running container (connect), through its namespace descriptor. */
int net_endpoint_connect(struct net *n, const struct net_endpoint *ep, int netns_fd,
			 struct error *err) MUST_CHECK;

/* ---- published ports */

struct net_port_spec {
	int protocol;	      /* IPPROTO_TCP, IPPROTO_UDP */
	struct net_addr host; /* family 0: 0.0.0.0 and :: both (as Docker) */
	uint16_t port;	      /* 0: any free one */
};
struct net_backend {
	struct net_addr addr;
	uint16_t port;
	bool same_host; /* reserved */
};
struct net_port;
/*
 * Binds and listens.  The port is really taken; connections wait in the queue while there is no
 * backend.  -EADDRINUSE names the holder: "port 8080/tcp on 0.0.0.0 is already taken by nginx (pid
 * 123)".
 */
int net_port_open(struct net *n, const struct net_port_spec *spec, struct net_port **ret,
		  struct error *err) MUST_CHECK;
/* The same around sockets that a shim kept (v4 or v6 each; -1: absent).  Takes the descriptors. */
int net_port_adopt(struct net *n, const struct net_port_spec *spec, int fd4, int fd6,
		   struct net_port **ret, struct error *err) MUST_CHECK;
void net_port_free(struct net_port *p); /* closes; established connections go on until they end */
uint16_t net_port_number(const struct net_port *p);
/* Its sockets, to be kept by shims; -1: absent.  Borrowed. */
void net_port_fds(const struct net_port *p, int *ret_fd4, int *ret_fd6);
/*
 * Who serves it: connections are spread evenly over these.  A backend that is gone gets no new
 * connections; waiting ones are passed on as soon as there is one.  A refused connect tries
 * another.
 */
void net_port_backends(struct net_port *p, const struct net_backend *backends, size_t count);

/* ---- firewall: the table's whole wanted state; ports and backends come from the net_ports */

/* Networks that exist now (copied), then asks for a transaction if something has changed. */
void net_firewall_networks(struct net *n, const struct net_network *networks, size_t count);
/*
 * Calls back when the rules that were wanted at the time of the call are in force (or failed: err).
 * Never before the function has returned.
 */
void net_firewall_sync(struct net *n, void (*done)(void *arg, const struct error *err), void *arg);
/* Deletes the table (nothing of ours is left); blocking; at shutdown of the last network. */
int net_firewall_destroy(struct net *n, struct error *err) MUST_CHECK;

/* ---- DNS */

struct net_dns;
struct net_dns_client;

struct net_dns_zone { /* how names are looked up: the engine's tables */
	/*
	 * Addresses of `name` (lower case, without final dot) as seen by `owner`.  Returns the
	 * number (0 with *ret_known true: the name exists but not in this family: empty answer).
	 */
	size_t (*resolve)(void *arg, void *owner, const char *name, int family,
			  struct net_addr *ret, size_t max, bool *ret_known);
	/* The name of an address, or NULL. */
	const char *(*reverse)(void *arg, void *owner, const struct net_addr *addr);
	void *arg;
};
struct net_dns_client_args {
	void *owner;
	int udp_fd, tcp_fd;   /* sockets in the container's namespace; taken */
	char *const *servers; /* `dns:` of the container, else NULL: the host's resolv.conf */
	bool forward;	      /* false on internal networks: unknown names get NXDOMAIN */
};
struct net_dns *net_dns_new(struct net *n, const struct net_dns_zone *zone);
void net_dns_free(struct net_dns *d);
struct net_dns_client *net_dns_client_add(struct net_dns *d,
					  const struct net_dns_client_args *args);
void net_dns_client_remove(struct net_dns_client *c); /* accepts NULL */

#endif
