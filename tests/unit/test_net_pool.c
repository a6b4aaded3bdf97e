/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The allocator of addresses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net.h"

static struct error err;

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;

	assert_int_equal(net_prefix_parse(text, &p, &err), 0);
	return p;
}

static struct net_addr addr(const char *text)
{
	struct net_addr a;

	assert_int_equal(net_addr_parse(text, &a, &err), 0);
	return a;
}

static struct net_pool *pool(const char *subnet, const char *range, const char *gateway)
{
	struct net_prefix s = prefix(subnet), r = range ? prefix(range) : s;
	struct net_addr g = gateway ? addr(gateway) : (struct net_addr){0};

	return net_pool_new(&s, range ? &r : NULL, gateway ? &g : NULL);
}

static void expect_take(struct net_pool *p, const char *want)
{
	char text[NET_ADDR_TEXT];
	struct net_addr a;
	int r = net_pool_take(p, &a, &err);

	if (!want) {
		assert_int_equal(r, -ENOSPC);
		return;
	}
	assert_int_equal(r, 0);
	net_addr_text(&a, text);
	assert_string_equal(text, want);
}

static void gives_in_order(void **state)
{
	struct net_pool *p = pool("172.17.0.0/16", NULL, NULL);
	struct net_addr a = addr("172.17.0.2");
	char text[NET_ADDR_TEXT];

	(void)state;
	net_addr_text(net_pool_gateway(p), text);
	assert_string_equal(text, "172.17.0.1");
	expect_take(p, "172.17.0.2");
	expect_take(p, "172.17.0.3");
	net_pool_release(p, &a);
	expect_take(p, "172.17.0.4"); /* not the one that came back just now */
	net_pool_free(p);
}

static void ends(void **state)
{
	struct net_pool *p = pool("10.0.0.0/29", NULL, "10.0.0.3");
	struct net_addr a = addr("10.0.0.4");

	(void)state;
	expect_take(p, "10.0.0.1");
	expect_take(p, "10.0.0.2");
	expect_take(p, "10.0.0.4");
	expect_take(p, "10.0.0.5");
	expect_take(p, "10.0.0.6");
	expect_take(p, NULL);
	assert_string_equal(err.msg, "no address of subnet 10.0.0.0/29 is free");
	net_pool_release(p, &a);
	expect_take(p, "10.0.0.4");
	expect_take(p, NULL);
	net_pool_free(p);
}

static void small_subnets(void **state)
{
	struct net_pool *p = pool("10.0.0.4/31", NULL, NULL);

	(void)state;
	expect_take(p, "10.0.0.5");
	expect_take(p, NULL);
	net_pool_free(p);
	p = pool("10.0.0.4/32", NULL, NULL);
	expect_take(p, NULL);
	net_pool_free(p);
	p = pool("10.0.0.4/30", NULL, NULL);
	expect_take(p, "10.0.0.6");
	expect_take(p, NULL);
	net_pool_free(p);
}

static void ranges(void **state)
{
	struct net_pool *p = pool("10.0.0.0/16", "10.0.5.0/30", NULL);
	struct net_addr outside = addr("10.0.9.9");

	(void)state;
	expect_take(p, "10.0.5.0"); /* an ordinary address of the subnet */
	expect_take(p, "10.0.5.1");
	expect_take(p, "10.0.5.2");
	expect_take(p, "10.0.5.3");
	expect_take(p, NULL);
	assert_int_equal(net_pool_claim(p, &outside, &err),
			 0); /* a fixed address may lie outside */
	net_pool_free(p);
}

static void claims(void **state)
{
	struct net_pool *p = pool("10.0.0.0/24", NULL, NULL);
	struct net_addr a = addr("10.0.0.2"), gw = addr("10.0.0.1"), net = addr("10.0.0.0");
	struct net_addr broadcast = addr("10.0.0.255"), other = addr("10.0.1.1"),
			six = addr("fd00::1");

	(void)state;
	assert_int_equal(net_pool_claim(p, &a, &err), 0);
	assert_int_equal(net_pool_claim(p, &a, &err), -EADDRINUSE);
	assert_int_equal(net_pool_claim(p, &gw, &err), -EADDRINUSE);
	assert_string_equal(err.msg, "address 10.0.0.1 is already taken by the gateway");
	assert_int_equal(net_pool_claim(p, &net, &err), -ERANGE);
	assert_int_equal(net_pool_claim(p, &broadcast, &err), -ERANGE);
	assert_int_equal(net_pool_claim(p, &other, &err), -ERANGE);
	assert_int_equal(net_pool_claim(p, &six, &err), -ERANGE);
	net_pool_release(p, &gw);
	expect_take(p, "10.0.0.3");
	net_pool_free(p);
}

static void six(void **state)
{
	struct net_pool *p = pool("fd00::/64", NULL, NULL);
	struct net_addr last = addr("fd00::ffff:ffff:ffff:ffff");

	(void)state;
	expect_take(p, "fd00::2");
	expect_take(p, "fd00::3");
	assert_int_equal(net_pool_claim(p, &last, &err), 0);
	net_pool_free(p);
	p = pool("::/0", NULL, NULL);
	expect_take(p, "::2");
	net_pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_in_order), cmocka_unit_test(ends),
		cmocka_unit_test(small_subnets),  cmocka_unit_test(ranges),
		cmocka_unit_test(claims),	  cmocka_unit_test(six),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
