/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and prefixes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net.h"

static struct net_prefix prefix(const char *text)
{
	struct error err = ERROR_INIT;
	struct net_prefix p;

	if (net_prefix_parse(text, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static struct net_addr addr(const char *text)
{
	struct error err = ERROR_INIT;
	struct net_addr a;

	if (net_addr_parse(text, &a, &err) < 0)
		fail_msg("%s", err.msg);
	return a;
}

static void parses_and_prints(UNUSED void **state)
{
	static const char *const prefixes[] = {"10.1.0.0/16", "0.0.0.0/0", "10.1.2.3/32",
					       "fd00::/64",   "::/0",	   "fd00::1/128"};
	char text[NET_PREFIX_TEXT];
	size_t i;

	for (i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct net_prefix p = prefix(prefixes[i]);

		net_prefix_text(&p, text);
		assert_string_equal(text, prefixes[i]);
	}
}

static void refuses(UNUSED void **state)
{
	static const char *const bad[] = {
		"10.1.0.0", "10.1.0.0/33", "10.1.0.1/16", "fd00::1/64", "10.1.0.0/16x", "/16",
		"",	    "fd00::/129",  "10.1.0.0/-1", "a/8",	"10.1.0.0/"};
	struct error err = ERROR_INIT;
	struct net_prefix p;
	struct net_addr a;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(net_prefix_parse(bad[i], &p, &err), -EINVAL);
	assert_int_equal(net_addr_parse("10.1.0", &a, &err), -EINVAL);
	assert_int_equal(net_addr_parse("010.1.0.1", &a, &err), -EINVAL);
	assert_int_equal(net_prefix_parse("10.1.0.1/16", &p, &err), -EINVAL);
	assert_string_equal(err.msg, "subnet 10.1.0.1/16 has bits set behind its first 16");
}

static void contains(UNUSED void **state)
{
	struct net_prefix a = prefix("172.17.0.0/20"), b = prefix("fd00:1::/33");
	struct net_addr in = addr("172.17.15.255"), out = addr("172.17.16.0");
	struct net_addr in6 = addr("fd00:1:7fff::1"), out6 = addr("fd00:1:8000::1");

	assert_true(net_prefix_contains(&a, &in));
	assert_false(net_prefix_contains(&a, &out));
	assert_true(net_prefix_contains(&b, &in6));
	assert_false(net_prefix_contains(&b, &out6));
	assert_false(net_prefix_contains(&a, &in6));
}

static void overlaps(UNUSED void **state)
{
	struct net_prefix big = prefix("10.0.0.0/8"), small = prefix("10.9.0.0/16");
	struct net_prefix other = prefix("11.0.0.0/8"), six = prefix("fd00::/8"),
			  all = prefix("::/0");

	assert_true(net_prefix_overlaps(&big, &small));
	assert_true(net_prefix_overlaps(&small, &big));
	assert_false(net_prefix_overlaps(&big, &other));
	assert_false(net_prefix_overlaps(&big, &six));
	assert_true(net_prefix_overlaps(&all, &six));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_prints),
		cmocka_unit_test(refuses),
		cmocka_unit_test(contains),
		cmocka_unit_test(overlaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
