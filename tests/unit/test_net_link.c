/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges and endpoints, in namespaces of the test's own. */
#include "tests/unit/net_world.h"

#include "base/time.h"

static struct error err;
static struct net *net;

static struct net_network network(const char *bridge, const char *subnet, const char *gateway)
{
	struct net_network nw = {.icc = true, .masquerade = true};

	str_copy(nw.bridge, sizeof(nw.bridge), bridge);
	assert_int_equal(net_prefix_parse(subnet, &nw.subnets[0], &err), 0);
	assert_int_equal(net_addr_parse(gateway, &nw.gateways[0], &err), 0);
	return nw;
}

static struct net_endpoint endpoint(const struct net_network *nw, const char *host,
				    const char *ifname, const char *addr)
{
	struct net_endpoint ep = {.network = nw, .default_route = true};

	str_copy(ep.host_ifname, sizeof(ep.host_ifname), host);
	str_copy(ep.ifname, sizeof(ep.ifname), ifname);
	assert_int_equal(net_addr_parse(addr, &ep.addrs[0], &err), 0);
	return ep;
}

static void connect_endpoint(const struct net_endpoint *ep, int ns)
{
	if (net_endpoint_connect(net, ep, ns, &err) < 0)
		fail_msg("%s", err.msg);
}

static int opens(void **state)
{
	struct net_options options = {.netns_fd = -1, .table = "cmptne"};

	(void)state;
	if (world_host < 0)
		return 0;
	return net_open(&options, &net, &err);
}

static int closes(void **state)
{
	(void)state;
	net_free(net);
	return 0;
}

static void makes_bridges(void **state)
{
	struct net_network nw = network("cmptne0", "10.90.0.0/24", "10.90.0.1");
	AUTO(strv_free) char **names = NULL;
	int64_t start;

	(void)state;
	NEED_ROOT();
	start = time_boot_ns();
	assert_int_equal(net_bridge_create(net, &nw, &err), 0);
	print_message("# bridge made in %ld us\n", (long)((time_boot_ns() - start) / 1000));
	assert_int_equal(net_bridge_create(net, &nw, &err), 0); /* again: no change */
	assert_true(net_link_exists(net, "cmptne0"));
	assert_false(net_link_exists(net, "cmptne1"));
	world_run("ip -4 addr show cmptne0 | grep -q 'inet 10.90.0.1/24 brd 10.90.0.255'");
	world_run("test $(cat /proc/sys/net/ipv4/ip_forward) = 1");
	world_run("test $(cat /proc/sys/net/ipv6/conf/cmptne0/disable_ipv6) = 1");
	world_run("test $(cat /proc/sys/net/ipv6/conf/cmptne0/accept_ra) = 0");
	assert_int_equal(net_link_list(net, "cmptne", &names, &err), 0);
	assert_int_equal(strv_len(names), 1);
	assert_int_equal(net_bridge_destroy(net, "cmptne0", &err), 0);
	assert_int_equal(net_bridge_destroy(net, "cmptne0", &err), 0);
	assert_false(net_link_exists(net, "cmptne0"));
}

static void chooses_subnets(void **state)
{
	struct net_prefix used, got;
	char text[NET_PREFIX_TEXT];

	(void)state;
	NEED_ROOT();
	assert_int_equal(net_prefix_parse("172.17.0.0/16", &used, &err), 0);
	world_run("ip link add cmptned type bridge && ip link set cmptned up && "
		  "ip addr add 172.18.5.5/24 dev cmptned");
	assert_int_equal(net_subnet_choose(net, AF_INET, &used, 1, &got, &err), 0);
	net_prefix_text(&got, text);
	assert_string_equal(text, "172.19.0.0/16");
	assert_int_equal(net_subnet_choose(net, AF_INET6, NULL, 0, &got, &err), 0);
	assert_int_equal(got.bits, 64);
	assert_int_equal(got.addr.v6.s6_addr[0], 0xfd);
	world_run("ip link del cmptned");
}

static void endpoints_talk(void **state)
{
	struct net_network nw = network("cmptne0", "10.90.0.0/24", "10.90.0.1");
	struct net_endpoint a = endpoint(&nw, "cmptnev1", "eth0", "10.90.0.2");
	struct net_endpoint b = endpoint(&nw, "cmptnev2", "eth0", "10.90.0.3");
	int na, nb, server, client;
	int64_t start;

	(void)state;
	NEED_ROOT();
	na = world_new();
	nb = world_new();
	assert_int_equal(net_bridge_create(net, &nw, &err), 0);
	start = time_boot_ns();
	connect_endpoint(&a, na);
	print_message("# endpoint connected in %ld us\n", (long)((time_boot_ns() - start) / 1000));
	connect_endpoint(&b, nb);
	world_run_in(na, "ip -o link show eth0 | grep -q '02:42:0a:5a:00:02'");
	world_run_in(na, "ip route | grep -q 'default via 10.90.0.1 dev eth0'");
	world_run_in(na, "! ip -6 addr show eth0 | grep -q fe80");
	server = world_listen(na, "0.0.0.0", 80);
	client = world_connect(nb, "10.90.0.2", 80, 3000);
	assert_true(client >= 0);
	close(client);
	client = world_connect(world_host, "10.90.0.2", 80, 3000);
	assert_true(client >= 0);
	close(client);
	close(server);
	/* A second pair of the same name is refused, and the first stays. */
	assert_int_equal(net_endpoint_connect(net, &a, nb, &err), -EEXIST);
	assert_true(str_starts(err.msg, "connect eth0 to bridge cmptne0 with link cmptnev1: "));
	assert_true(net_link_exists(net, "cmptnev1"));
	close(na);
	close(nb);
	assert_int_equal(net_link_destroy(net, "cmptnev1", &err), 0);
	assert_int_equal(net_link_destroy(net, "cmptnev2", &err), 0);
	assert_int_equal(net_bridge_destroy(net, "cmptne0", &err), 0);
}

static void isolated_endpoints_do_not(void **state)
{
	struct net_network nw = network("cmptne0", "10.90.0.0/24", "10.90.0.1");
	struct net_endpoint a, b;
	int na, nb, server;

	(void)state;
	NEED_ROOT();
	nw.icc = false;
	a = endpoint(&nw, "cmptnev1", "eth0", "10.90.0.2");
	b = endpoint(&nw, "cmptnev2", "eth0", "10.90.0.3");
	na = world_new();
	nb = world_new();
	assert_int_equal(net_bridge_create(net, &nw, &err), 0);
	connect_endpoint(&a, na);
	connect_endpoint(&b, nb);
	server = world_listen(na, "0.0.0.0", 80);
	assert_true(world_connect(nb, "10.90.0.2", 80, 300) < 0);
	assert_true(world_connect(world_host, "10.90.0.2", 80, 3000) >= 0);
	close(server);
	close(na);
	close(nb);
	assert_int_equal(net_bridge_destroy(net, "cmptne0", &err), 0);
}

static void version_six(void **state)
{
	struct net_network nw = network("cmptne0", "10.90.0.0/24", "10.90.0.1");
	struct net_endpoint a;
	int na;

	(void)state;
	NEED_ROOT();
	assert_int_equal(net_prefix_parse("fd00:90::/64", &nw.subnets[1], &err), 0);
	assert_int_equal(net_addr_parse("fd00:90::1", &nw.gateways[1], &err), 0);
	a = endpoint(&nw, "cmptnev1", "eth1", "10.90.0.2");
	assert_int_equal(net_addr_parse("fd00:90::2", &a.addrs[1], &err), 0);
	na = world_new();
	world_run("ip link add cmptned type bridge");
	if (net_bridge_create(net, &nw, &err) < 0)
		fail_msg("%s", err.msg);
	connect_endpoint(&a, na);
	world_run_in(na, "ip -6 addr show eth1 | grep -q 'inet6 fd00:90::2/64 scope global'");
	world_run_in(na, "ip -6 route | grep -q 'default via fd00:90::1 dev eth1'");
	world_run("test $(cat /proc/sys/net/ipv6/conf/cmptned/accept_ra) = 2");
	world_run("test $(cat /proc/sys/net/ipv6/conf/cmptne0/accept_ra) = 0");
	world_run("test $(cat /proc/sys/net/ipv6/conf/all/forwarding) = 1");
	world_run("ip link del cmptned");
	world_run("ip -6 addr show cmptne0 | grep -q 'inet6 fd00:90::1/64 scope global'");
	close(na);
	assert_int_equal(net_bridge_destroy(net, "cmptne0", &err), 0);
}

/* Another namespace than the process's own. */
static void works_elsewhere(void **state)
{
	struct net_network nw = network("cmptne0", "10.90.0.0/24", "10.90.0.1");
	struct net_options options = {.table = "cmptne"};
	struct net *there;

	(void)state;
	NEED_ROOT();
	options.netns_fd = world_new();
	assert_int_equal(net_open(&options, &there, &err), 0);
	assert_int_equal(net_bridge_create(there, &nw, &err), 0);
	assert_false(net_link_exists(net, "cmptne0"));
	world_run_in(options.netns_fd, "test $(cat /proc/sys/net/ipv4/ip_forward) = 1");
	world_run_in(options.netns_fd, "ip link show cmptne0 >/dev/null");
	net_free(there);
	close(options.netns_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_bridges),  cmocka_unit_test(chooses_subnets),
		cmocka_unit_test(endpoints_talk), cmocka_unit_test(isolated_endpoints_do_not),
		cmocka_unit_test(version_six),	  cmocka_unit_test(works_elsewhere),
	};

	world_enter();
	return cmocka_run_group_tests(tests, opens, closes);
}
