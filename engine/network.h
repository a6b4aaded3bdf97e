/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network objects: record, bridge, address pools, and the names that containers answer to.  Also
 * published ports: one publish per host port, shared by all replicas of a service.
 */
#ifndef ENGINE_NETWORK_H
#define ENGINE_NETWORK_H

#include "engine/container.h"

struct network {
	struct daemon *daemon;
	unsigned refs;
	char id[DIGEST_HEX_MAX];
	char *name;
	char *driver;			 /* "bridge" */
	json_t *labels, *options, *ipam; /* objects, as asked for; never NULL */
	bool internal, attachable, enable_ipv6, enable_ipv4;
	bool implied; /* nobody asked for it: it goes with the supervisor when nothing uses it */
	int64_t created_ns;
	char *project; /* from the label, or NULL */
	struct net_network net;
	struct net_pool *pools[2]; /* v4, v6 */
	bool up;		   /* the bridge exists */
};

struct network_args {
	const char *name, *driver;	/* driver NULL: bridge */
	const json_t *labels, *options; /* objects of strings, or NULL */
	const json_t *ipam; /* compose's form: {driver, config: [{subnet, ip_range, gateway,
			       aux_addresses}], options} or NULL */
	bool internal, attachable, enable_ipv6, disable_ipv4;
	const char *id; /* NULL: a new one */
	bool implied;
};
struct network *network_ref(struct network *n);
void network_unref(struct network *n); /* accepts NULL */
/* Makes sure that the bridge exists. */
int network_complete(struct network *n, struct error *err) MUST_CHECK;
/* Records it and makes the bridge.  -EEXIST when the name is taken. */
int network_create(struct daemon *d, const struct network_args *args, struct network **ret,
		   struct error *err) MUST_CHECK;
/* The network of containers that ask for none: "bridge", made when it is needed, always with the
 * same id. */
#define NETWORK_DEFAULT "bridge"
int network_default(struct daemon *d, struct network **ret, struct error *err) MUST_CHECK;
void network_default_id(const struct daemon *d, char ret[DIGEST_HEX_MAX]);
/* At the end of the supervisor: those that nobody asked for and nobody uses. */
void networks_leave(struct daemon *d);
/* `done` when the rules of the firewall that it needs are in force. */
void network_settled(struct network *n, container_done done, void *arg);
/* -EBUSY "network x is in use by container y". */
int network_remove(struct network *n, struct error *err) MUST_CHECK;
int network_find(struct daemon *d, const char *ref, struct network **ret, struct error *err)
	MUST_CHECK; /* id, prefix, name */
json_t *network_summary(const struct network *n);
json_t *network_inspect(const struct network *n); /* with its containers */
int networks_load(struct daemon *d, struct error *err)
	MUST_CHECK;		       /* from the state; completes bridges */
void networks_sweep(struct daemon *d); /* removes links of ours that belong to nothing */
void networks_free(struct daemon *d);

/* A container that has the volume mounted, running or not: the shape of volume_in_use_fn; `arg` is
 * the daemon.  (container.c) */
bool volume_users(void *arg, const char *name, char **ret_by);

/* ---- endpoints of a container */

/* Allocates addresses, MAC and names for every network of its config (c->endpoints), at creation;
 * fixed addresses are claimed.  Records nothing itself: the state row of the container holds them.
 */
int endpoints_allocate(struct container *c, struct error *err) MUST_CHECK;
/* After loading: claims what is recorded.  `endpoints` as endpoints_encode wrote it. */
int endpoints_restore(struct container *c, const json_t *endpoints, struct error *err) MUST_CHECK;
json_t *endpoints_encode(const struct container *c);
/* One more network, or one less, at any time in a container's life.  -EEXIST, -ENOENT. */
int endpoint_connect(struct container *c, struct config_network *asked, struct error *err)
	MUST_CHECK; /* `asked` is emptied on success */
int endpoint_disconnect(struct container *c, const struct network *n, struct error *err) MUST_CHECK;
/* Gives everything back (removal). */
void endpoints_release(struct container *c);
/* Is `name` a host-side link of this container?  (TAGv, six digits of its id, two of the start.) */
bool endpoint_owns_link(const struct container *c, const char *name);
/* Netlink messages of all its endpoints for the launch program; the bridge is completed before. */
int endpoints_messages(struct container *c, struct net_messages *ret, struct error *err) MUST_CHECK;
/* The container runs / has ended: its names resolve and ports are served (or no more).  Sockets of
 * DNS are handed to net_dns by endpoints_up (taken; -1: none). */
void endpoints_up(struct container *c, int dns_udp_fd, int dns_tcp_fd);
void endpoints_down(struct container *c);
/* Text of /etc/hosts and /etc/resolv.conf of the container. */
void endpoints_hosts(const struct container *c, struct buf *ret);
void endpoints_resolv(const struct container *c, struct buf *ret);

/* The names that containers resolve; for net_dns_new.  `arg` is the daemon, owners are containers.
 */
extern const struct net_dns_zone network_dns_zone;

/* ---- published ports (publish.c) */

/*
 * Takes the host ports of a container: a fixed port of the same (project, service, container port,
 * protocol, host address) is shared with its replicas; anybody else's is refused with its holder.
 * Called before a start, and for an adopted container after its shim has returned what it kept
 * (publish_adopt): those sockets are used before new ones are bound.  What it holds already stays.
 */
int publish_acquire(struct container *c, struct error *err) MUST_CHECK;
/* Closes the ports that nobody needs any more.  When the container has ended for good. */
void publish_release(struct container *c);
/* Tells the ports of this container which replicas are ready now. */
void publish_refresh(struct container *c);
/* Hands copies of the sockets to the container's shim, which keeps them for the next supervisor. */
void publish_keep(struct container *c);
/* A shim returned a socket that it kept.  Takes the descriptor. */
void publish_adopt(struct container *c, const char *name, int fd);
/* [{host_ip, host_port, container_port, protocol}] actual ports; new reference. */
json_t *publish_list(const struct container *c);

#endif
