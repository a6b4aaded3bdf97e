/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wanted state of the table and its text (pure, so that goldens show every rule), and what else
 * the worker does in the kernel.
 */
#ifndef NET_FIREWALL_H
#define NET_FIREWALL_H

#include "base/list.h"
#include "net/net.h"

struct nft_ctx;

struct firewall_state {
	const char *table;
	const struct net_network *networks;
	size_t network_count;
	const struct list *ports; /* struct net_port */
	bool owns_forwarding;	  /* nothing else may be forwarded between physical links */
};

/* The transaction that replaces the table as a whole; without networks it only removes it. */
void firewall_text(const struct firewall_state *s, struct buf *out);

/* Runs commands of nft in the context's namespace; `out` (may be NULL) gets what they print. */
int firewall_run(struct nft_ctx *ctx, const char *commands, bool handles, struct buf *out,
		 struct error *err) MUST_CHECK;

/* Sees to it that other firewalls let these bridges' packets by; NULL: takes all of that back. */
void firewall_guest(struct nft_ctx *ctx, const char *table, char *const *bridges);

/* Keeps containers from configuring their neighbours (or takes that back). */
void firewall_guard(struct nft_ctx *ctx, const char *table, bool wanted);

/* Ends the UDP flows that are redirected to this backend, which serves no more. */
void firewall_forget(int netns_fd, const struct net_backend *backend);

#endif
