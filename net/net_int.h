/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of net/ share: the handle, netlink with the kernel's own words on failure, and the
 * one way into another network namespace.
 */
#ifndef NET_NET_INT_H
#define NET_NET_INT_H

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "base/list.h"
#include "net/net.h"

#define NET_TABLE_MAX 32

struct firewall;
struct proxy;

struct net {
	struct uv_loop_s *loop;
	int netns_fd; /* -1: this process's; owned */
	int route_fd; /* NETLINK_ROUTE in the namespace */
	uint32_t seq;
	char table[NET_TABLE_MAX];
	struct list ports;	   /* struct net_port */
	struct firewall *firewall; /* made with the handle */
	struct proxy *proxy;	   /* made with the first port */
	bool owns_forwarding; /* it was off before us: what does not concern us is not forwarded */
	bool closing;
	unsigned refs; /* the handle itself, uv handles and work in flight */
};
void net_unref(struct net *n);

/* ---- namespaces */

/*
 * Runs `fn` with the calling thread's network namespace being `netns_fd` (-1: directly).  A thread
 * of its own enters and ends there, so that no thread of ours is ever left in a foreign namespace;
 * fn makes sockets or writes sysctls, and returns 0 or -errno.
 */
int net_inside(int netns_fd, int (*fn)(void *arg), void *arg) MUST_CHECK;
/* socket(2) in a namespace; close-on-exec.  The descriptor or -errno. */
int net_socket_in(int netns_fd, int family, int type, int protocol) MUST_CHECK;
/* One write to /proc/sys/net/`path` of the namespace.  0 or -errno. */
int net_sysctl(const struct net *n, const char *path, const char *value) MUST_CHECK;

/* ---- netlink: libnl builds the messages, these send them */

int net_netlink_open(int netns_fd, struct error *err) MUST_CHECK;
/* Sends one message and waits for its acknowledgement; the error carries the kernel's words. */
int net_netlink_send(int fd, void *message, size_t len, struct error *err) MUST_CHECK;
/* The same for a message of libnl, which is freed in any case. */
int net_request(struct net *n, struct nl_msg *msg, struct error *err) MUST_CHECK;
/* Sends a dump request (freed) and calls `each` for every answer. */
int net_dump(struct net *n, struct nl_msg *msg, void (*each)(void *arg, const struct nlmsghdr *h),
	     void *arg, struct error *err) MUST_CHECK;
/* A message with its family header; NLM_F_ACK is added. */
struct nl_msg *net_message(int type, int flags, const void *header, size_t len);

/* ---- shared by bridge.c and endpoint.c */

size_t net_addr_len(const struct net_addr *a);
struct nl_msg *net_address_message(int ifindex, const struct net_addr *addr, unsigned bits);
/* Letters, digits, _ . and -: what may stand in a rule. */
bool net_ifname_valid(const char *name);
int net_index_of(int fd, const char *name); /* in the namespace of a socket; or -errno */
int net_link_index(struct net *n, const char *name);

/* ---- ports and firewall */

struct net_port {
	struct list link; /* in net.ports */
	struct net *net;
	struct net_port_spec spec;
	uint16_t number;
	struct net_backend *backends;
	size_t backend_count;
	struct port_io *io; /* sockets and their watchers (port.c) */
};

/* Something that the rules depend on has changed: a transaction follows soon. */
void firewall_touch(struct net *n);
/* This backend of a UDP port serves no more; its flows end with the next transaction. */
void firewall_leaves(struct net *n, const struct net_backend *backend);
int firewall_open(struct net *n, struct error *err) MUST_CHECK;
void firewall_close(struct net *n); /* may outlive the call: holds a reference of n */
void proxy_close(struct net *n);

#endif
