/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: queries of containers, and answers of other servers to the same bytes. */
#include <assert.h>

#include "net/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf out = {.max = DNS_MESSAGE_MAX};
	struct net_addr a = {0};
	struct dns_question q;
	int r = dns_parse_query(data, size, &q);

	if (r < 0)
		return 0;
	dns_answer_code(data, &q, DNS_SERVFAIL, &out);
	assert(out.len <= size);
	if (r > 0)
		return 0;
	assert(strlen(q.name) < 255);
	(void)dns_parse_reverse(q.name, &a);
	a.family = AF_INET6;
	dns_answer_addresses(data, &q, &a, 1, q.udp_max, &out);
	assert(out.len <= MAX(q.udp_max, q.end));
	assert(dns_is_answer((const uint8_t *)out.data, out.len, data, q.end, q.id));
	dns_answer_name(data, &q, "web-1.some.where", &out);
	return 0;
}
