/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages, as far as an embedded server needs them: one question, answers made of addresses or
 * one name, everything else passed on as it came.  Pure; the input is hostile: every length is
 * checked, names have at most 255 octets, and pointers only lead backwards.
 */
#ifndef NET_DNS_PACKET_H
#define NET_DNS_PACKET_H

#include "base/str.h"
#include "net/net.h"

#define DNS_HEADER	12
#define DNS_NAME_MAX	256 /* as text */
#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_MAX	512 /* unless the client says more (EDNS) */

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_ANY = 255,
};
enum dns_class { DNS_IN = 1, DNS_CLASS_ANY = 255 };
enum dns_rcode {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
};

struct dns_question {
	uint16_t id, flags, type, class;
	char name[DNS_NAME_MAX]; /* lower case, no final dot; "" when it has bytes of no host name
				  */
	size_t end;		 /* offset behind the question */
	size_t udp_max;		 /* what an answer by UDP may be */
};

/*
 * Reads a query.  0: go on with it.  A positive value is the rcode to answer with (only id and
 * flags are set then); -EBADMSG: not worth an answer.
 */
int dns_parse_query(const uint8_t *msg, size_t len, struct dns_question *ret) MUST_CHECK;
/* Is `msg` an answer to the query `asked` (its question ends at `end`) that carries `id`? */
bool dns_is_answer(const uint8_t *msg, size_t len, const uint8_t *asked, size_t end, uint16_t id);
unsigned dns_rcode_of(const uint8_t *msg); /* of a message with a header */
void dns_set_id(uint8_t *msg, uint16_t id);
/* "2.0.17.172.in-addr.arpa" and the nibbles of ip6.arpa. */
bool dns_parse_reverse(const char *name, struct net_addr *ret);

/* Answers to the query `msg`; `ret` is emptied first.  `max`: longer ones are cut and say so. */
void dns_answer_code(const uint8_t *msg, const struct dns_question *q, enum dns_rcode code,
		     struct buf *ret);
void dns_answer_addresses(const uint8_t *msg, const struct dns_question *q,
			  const struct net_addr *addrs, size_t count, size_t max, struct buf *ret);
void dns_answer_name(const uint8_t *msg, const struct dns_question *q, const char *name,
		     struct buf *ret);

#endif
