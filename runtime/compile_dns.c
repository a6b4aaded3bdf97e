/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resolver's sockets at 127.0.0.11 in the container's network namespace.
 *
 * They are not bound to port 53 itself, which a server in the container may want on 0.0.0.0, but to
 * another port, and packets to 127.0.0.11:53 are rewritten on their way: both ends are in this
 * namespace, so everything between them passes the loopback interface, where a chain changes the
 * port of what goes to the resolver and changes it back in what comes from it.  No state is kept,
 * and no connection tracking comes into the namespace; other interfaces see nothing of it.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include "runtime/compile_int.h"

#define DNS_PORT     53
#define OUR_PORT     40053
#define DNS_ADDRESS  0x7f00000bu /* 127.0.0.11 */
#define TABLE	     "cmp_dns"
#define CHAIN	     "cmp_lo"
#define PRIORITY     (-300) /* before whatever the container does */
#define BATCH_MAX    8192
#define UDP_CHECKSUM 6 /* offsets in the headers */
#define TCP_CHECKSUM 16

/* To the resolver: destination; from it: source.  The ports lie at the same place in UDP and TCP.
 */
struct direction {
	uint32_t address_offset, port_offset;
	uint16_t from, to;
};
static const struct direction there = {16, 2, DNS_PORT, OUR_PORT};
static const struct direction back = {12, 0, OUR_PORT, DNS_PORT};

struct batch {
	_Alignas(struct nlmsghdr) char bytes[BATCH_MAX];
	size_t len;
	uint32_t seq;
};

static char *at(struct batch *b)
{
	return b->bytes + b->len;
}
static void done(struct batch *b, const struct nlmsghdr *h)
{
	b->len += MNL_ALIGN(h->nlmsg_len);
	b->seq++;
}

static struct nlmsghdr *begin(struct batch *b, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(at(b), type, NFPROTO_NETDEV, flags, b->seq);
}

static void add_table(struct batch *b)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, TABLE);
	nftnl_table_nlmsg_build_payload(h, t);
	nftnl_table_free(t);
	done(b, h);
}

static void add_chain(struct batch *b)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *h = begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, CHAIN);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, NF_NETDEV_INGRESS);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, PRIORITY);
	nftnl_chain_set_str(c, NFTNL_CHAIN_DEV, "lo");
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	done(b, h);
}

/* ---- one rule: "ip daddr 127.0.0.11 PROTO dport 53 PROTO dport set PORT", or back */

static void add_equals(struct nftnl_rule *r, const void *value, uint32_t len)
{
	struct nftnl_expr *e = nftnl_expr_alloc("cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, len);
	nftnl_rule_add_expr(r, e);
}

static void add_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, const void *value,
			uint32_t len)
{
	struct nftnl_expr *e = nftnl_expr_alloc("payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_rule_add_expr(r, e);
	add_equals(r, value, len);
}

static void add_meta(struct nftnl_rule *r, uint32_t key, const void *value, uint32_t len)
{
	struct nftnl_expr *e = nftnl_expr_alloc("meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	nftnl_rule_add_expr(r, e);
	add_equals(r, value, len);
}

static void add_port_change(struct nftnl_rule *r, const struct direction *d, uint32_t checksum)
{
	const uint16_t port = htons(d->to);
	struct nftnl_expr *e = nftnl_expr_alloc("immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &port, sizeof(port));
	nftnl_rule_add_expr(r, e);
	e = nftnl_expr_alloc("payload");
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, d->port_offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, sizeof(port));
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, checksum);
	nftnl_rule_add_expr(r, e);
}

static void add_rule(struct batch *b, const struct direction *d, uint8_t protocol, uint16_t flags)
{
	const uint32_t address = htonl(DNS_ADDRESS);
	const uint16_t ip = htons(ETH_P_IP), port = htons(d->from);
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nlmsghdr *h =
		begin(b, NFT_MSG_NEWRULE, (uint16_t)(NLM_F_CREATE | NLM_F_APPEND | flags));

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, CHAIN);
	add_meta(r, NFT_META_PROTOCOL, &ip, sizeof(ip));
	add_payload(r, NFT_PAYLOAD_NETWORK_HEADER, d->address_offset, &address, sizeof(address));
	add_meta(r, NFT_META_L4PROTO, &protocol, sizeof(protocol));
	add_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, d->port_offset, &port, sizeof(port));
	add_port_change(r, d, protocol == IPPROTO_UDP ? UDP_CHECKSUM : TCP_CHECKSUM);
	nftnl_rule_nlmsg_build_payload(h, r);
	nftnl_rule_free(r);
	done(b, h);
}

/* Only the last message asks for an acknowledgement: what fails before it is answered anyway. */
static void redirect(struct assembler *a)
{
	struct batch b = {.seq = 1};

	done(&b, nftnl_batch_begin(at(&b), b.seq));
	add_table(&b);
	add_chain(&b);
	add_rule(&b, &there, IPPROTO_UDP, 0);
	add_rule(&b, &back, IPPROTO_UDP, 0);
	add_rule(&b, &there, IPPROTO_TCP, 0);
	add_rule(&b, &back, IPPROTO_TCP, NLM_F_ACK);
	done(&b, nftnl_batch_end(at(&b), b.seq));
	as_op(a, OP_NFT, 0, as_str(a, "redirect 127.0.0.11:53 to the resolver's sockets"),
	      as_data(a, b.bytes, b.len), (uint32_t)b.len);
}

void compile_dns(struct assembler *a)
{
	if (!a->spec->dns)
		return;
	redirect(a);
	as_op(a, OP_SOCKET, 0, as_str(a, "open the resolver's UDP socket at 127.0.0.11"),
	      PROGRAM_SOCKET_DNS_UDP, OUR_PORT, SLOT_DNS_UDP);
	as_op(a, OP_SOCKET, 0, as_str(a, "open the resolver's TCP socket at 127.0.0.11"),
	      PROGRAM_SOCKET_DNS_TCP, OUR_PORT, SLOT_DNS_TCP);
}
