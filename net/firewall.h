/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wanted state of the table and its text: pure, so that goldens show every rule.
 */
#ifndef NET_FIREWALL_H
#define NET_FIREWALL_H

#include "base/list.h"
#include "net/net.h"

struct firewall_state {
	const char *table;
	const struct net_network *networks;
	size_t network_count;
	const struct list *ports; /* struct net_port */
	bool owns_forwarding;	  /* nothing else may be forwarded between physical links */
};

/* The transaction that replaces the table as a whole; without networks it only removes it. */
void firewall_text(const struct firewall_state *s, struct buf *out);

#endif
