/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages: reading queries, recognising answers, writing answers. */
#include "net/dns_packet.h"

#include <arpa/inet.h>
#include <errno.h>

#define LABEL_MAX   63
#define NAME_OCTETS 255
#define RECORDS_MAX 64	   /* that are looked through for EDNS */
#define ANSWER_NAME 0xc00c /* a pointer to the name of the question */

#define FLAG_ANSWER    0x8000
#define FLAG_OPCODE    0x7800
#define FLAG_AUTHORITY 0x0400
#define FLAG_CUT       0x0200
#define FLAG_RECURSE   0x0100
#define FLAG_RECURSES  0x0080

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(struct buf *b, unsigned v)
{
	buf_addc(b, (char)(v >> 8));
	buf_addc(b, (char)v);
}

static void set16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ---- reading */

static bool is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* The name of the question, which stands first and so cannot be compressed.  The offset behind it,
 * or 0. */
static size_t read_name(const uint8_t *msg, size_t len, char ret[DNS_NAME_MAX])
{
	size_t at = DNS_HEADER, used = 0;
	bool plain = true;

	while (at < len && msg[at]) {
		size_t label = msg[at++], i;

		if (label > LABEL_MAX || at + label >= len ||
		    at - DNS_HEADER + label >= NAME_OCTETS)
			return 0;
		if (used)
			ret[used++] = '.';
		for (i = 0; i < label; i++) {
			uint8_t c = lower(msg[at + i]);

			plain &= is_host_byte(c);
			ret[used++] = (char)c;
		}
		at += label;
	}
	if (at >= len)
		return 0;
	ret[plain ? used : 0] = '\0';
	return at + 1;
}

/* Any name: the offset behind it, or 0.  Pointers end it; what they lead to is not looked at. */
static size_t skip_name(const uint8_t *msg, size_t len, size_t at)
{
	size_t start = at;

	while (at < len) {
		uint8_t label = msg[at];

		if (!label)
			return at + 1;
		if ((label & 0xc0) == 0xc0)
			return at + 2 <= len && (size_t)(get16(msg + at) & 0x3fff) < start ? at + 2
											   : 0;
		if (label > LABEL_MAX || at + 1 + label - start > NAME_OCTETS)
			return 0;
		at += 1 + (size_t)label;
	}
	return 0;
}

/* The size that the client's EDNS record names, which may stand behind other records. */
static bool find_edns(const uint8_t *msg, size_t len, size_t at, unsigned records, size_t *ret)
{
	if (records > RECORDS_MAX)
		return false;
	while (records--) {
		size_t data;

		at = skip_name(msg, len, at);
		if (!at || at + 10 > len)
			return false;
		if (get16(msg + at) == DNS_OPT)
			*ret = MAX(get16(msg + at + 2), (uint16_t)DNS_UDP_MAX);
		data = get16(msg + at + 8);
		if (at + 10 + data > len)
			return false;
		at += 10 + data;
	}
	return true;
}

int dns_parse_query(const uint8_t *msg, size_t len, struct dns_question *ret)
{
	unsigned records;
	size_t at;

	memset(ret, 0, sizeof(*ret));
	if (len < DNS_HEADER || len > DNS_MESSAGE_MAX)
		return -EBADMSG;
	ret->id = get16(msg);
	ret->flags = get16(msg + 2);
	ret->udp_max = DNS_UDP_MAX;
	if (ret->flags & FLAG_ANSWER)
		return -EBADMSG;
	if (ret->flags & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (get16(msg + 4) != 1)
		return DNS_FORMERR;
	at = read_name(msg, len, ret->name);
	if (!at || at + 4 > len)
		return DNS_FORMERR;
	ret->type = get16(msg + at);
	ret->class = get16(msg + at + 2);
	ret->end = at + 4;
	records = (unsigned)get16(msg + 6) + get16(msg + 8) + get16(msg + 10);
	if (!find_edns(msg, len, ret->end, records, &ret->udp_max)) {
		ret->end = 0;
		return DNS_FORMERR;
	}
	return 0;
}

bool dns_is_answer(const uint8_t *msg, size_t len, const uint8_t *asked, size_t end, uint16_t id)
{
	size_t i;

	if (len < end || end < DNS_HEADER || get16(msg) != id || !(get16(msg + 2) & FLAG_ANSWER) ||
	    get16(msg + 4) != 1)
		return false;
	for (i = DNS_HEADER; i < end; i++)
		if (lower(msg[i]) != lower(asked[i]))
			return false;
	return true;
}

unsigned dns_rcode_of(const uint8_t *msg)
{
	return msg[3] & 15;
}

void dns_set_id(uint8_t *msg, uint16_t id)
{
	set16(msg, id);
}

static bool reverse_v4(const char *name, size_t len, struct net_addr *ret)
{
	auto_free char *text = xstrndup(name, len);
	AUTO(strv_free) char **octets = strv_split(text, ".");
	uint8_t *bytes = (uint8_t *)&ret->v4;
	size_t i;

	if (strv_len(octets) != 4)
		return false;
	for (i = 0; i < 4; i++) {
		uint16_t v;

		if (parse_u16(octets[3 - i], &v) < 0 || v > 255)
			return false;
		bytes[i] = (uint8_t)v;
	}
	ret->family = AF_INET;
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool reverse_v6(const char *name, size_t len, struct net_addr *ret)
{
	size_t i;

	if (len != 63)
		return false;
	for (i = 0; i < 32; i++) {
		int v = nibble(name[2 * i]);

		if (v < 0 || (i < 31 && name[2 * i + 1] != '.'))
			return false;
		ret->v6.s6_addr[15 - i / 2] |= (uint8_t)(i & 1 ? v << 4 : v);
	}
	ret->family = AF_INET6;
	return true;
}

bool dns_parse_reverse(const char *name, struct net_addr *ret)
{
	static const char v4[] = ".in-addr.arpa", v6[] = ".ip6.arpa";
	size_t len = strlen(name);

	memset(ret, 0, sizeof(*ret));
	if (str_ends(name, v4))
		return reverse_v4(name, len - (sizeof(v4) - 1), ret);
	if (str_ends(name, v6))
		return reverse_v6(name, len - (sizeof(v6) - 1), ret);
	return false;
}

/* ---- writing */

static void begin(const uint8_t *msg, const struct dns_question *q, unsigned flags, struct buf *ret)
{
	buf_reset(ret);
	put16(ret, q->id);
	put16(ret, FLAG_ANSWER | FLAG_RECURSES | (q->flags & (FLAG_OPCODE | FLAG_RECURSE)) | flags);
	put16(ret, q->end ? 1 : 0);
	put16(ret, 0);
	put16(ret, 0);
	put16(ret, 0);
	if (q->end)
		buf_add(ret, msg + DNS_HEADER, q->end - DNS_HEADER);
}

static void begin_record(struct buf *ret, unsigned type, size_t len)
{
	put16(ret, ANSWER_NAME);
	put16(ret, type);
	put16(ret, DNS_IN);
	put16(ret, 0); /* time to live: containers come and go */
	put16(ret, 0);
	put16(ret, (unsigned)len);
}

void dns_answer_code(const uint8_t *msg, const struct dns_question *q, enum dns_rcode code,
		     struct buf *ret)
{
	begin(msg, q, code, ret);
}

void dns_answer_addresses(const uint8_t *msg, const struct dns_question *q,
			  const struct net_addr *addrs, size_t count, size_t max, struct buf *ret)
{
	size_t i, given = 0;

	begin(msg, q, FLAG_AUTHORITY, ret);
	for (i = 0; i < count; i++) {
		bool six = addrs[i].family == AF_INET6;
		size_t len = six ? sizeof(addrs[i].v6) : sizeof(addrs[i].v4);

		if (ret->len + 12 + len > max) {
			set16((uint8_t *)ret->data + 2, get16((uint8_t *)ret->data + 2) | FLAG_CUT);
			break;
		}
		begin_record(ret, six ? DNS_AAAA : DNS_A, len);
		buf_add(ret, &addrs[i].v6, len);
		given++;
	}
	set16((uint8_t *)ret->data + 6, (unsigned)given);
}

void dns_answer_name(const uint8_t *msg, const struct dns_question *q, const char *name,
		     struct buf *ret)
{
	AUTO(strv_free) char **labels = strv_split(name, ".");
	size_t i, len = 1, count = strv_len(labels);

	for (i = 0; i < count; i++) {
		len += 1 + strlen(labels[i]);
		if (strlen(labels[i]) > LABEL_MAX || len > NAME_OCTETS) {
			dns_answer_code(msg, q, DNS_NXDOMAIN, ret);
			return;
		}
	}
	begin(msg, q, FLAG_AUTHORITY, ret);
	begin_record(ret, DNS_PTR, len);
	for (i = 0; i < count; i++) {
		buf_addc(ret, (char)strlen(labels[i]));
		buf_adds(ret, labels[i]);
	}
	buf_addc(ret, '\0');
	set16((uint8_t *)ret->data + 6, 1);
}
