/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules as text (goldens, which are also offered to the kernel), and the worker that applies
 * them. */
#include "tests/unit/net_world.h"

#include <uv.h>

#include "base/file.h"
#include "base/time.h"
#include "net/firewall.h"

static struct error err;

static void network(struct net_network *nw, const char *bridge, const char *subnet,
		    const char *subnet6)
{
	*nw = (struct net_network){.icc = true, .masquerade = true};
	str_copy(nw->bridge, sizeof(nw->bridge), bridge);
	assert_int_equal(net_prefix_parse(subnet, &nw->subnets[0], &err), 0);
	if (subnet6)
		assert_int_equal(net_prefix_parse(subnet6, &nw->subnets[1], &err), 0);
}

static void port(struct net_port *p, struct list *all, int protocol, const char *host,
		 uint16_t number)
{
	*p = (struct net_port){.spec.protocol = protocol, .number = number};
	if (host)
		assert_int_equal(net_addr_parse(host, &p->spec.host, &err), 0);
	list_append(all, &p->link);
}

static void backend(struct net_port *p, const char *addr, uint16_t number)
{
	struct net_backend b = {.port = number};

	assert_int_equal(net_addr_parse(addr, &b.addr, &err), 0);
	p->backends = xreallocarray(p->backends, p->backend_count + 1, sizeof(b));
	p->backends[p->backend_count++] = b;
}

static void offer_to_kernel(const char *text)
{
	int fd;

	if (world_host < 0)
		return;
	fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text), &err), 0);
	{
		auto_free char *command =
			xasprintf("nft -f /proc/%d/fd/%d && nft flush ruleset", getpid(), fd);

		world_run(command);
	}
	close(fd);
}

static void expect_golden(const struct firewall_state *s, const char *name)
{
	auto_free char *path = xasprintf("%s/tests/golden/nft/%s.nft",
					 getenv("top_srcdir") ? getenv("top_srcdir") : "..", name);
	auto_buf struct buf text = BUF_INIT, want = BUF_INIT;

	firewall_text(s, &text);
	if (getenv("CMP_UPDATE_GOLDEN")) {
		assert_int_equal(file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, &err),
				 0);
	}
	if (file_read(AT_FDCWD, path, 1 << 20, &want, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(text.data, want.data);
	offer_to_kernel(text.data);
}

static void without_networks(UNUSED void **state)
{
	struct list ports = LIST_INIT(ports);
	struct firewall_state s = {.table = "cmptne", .ports = &ports};

	expect_golden(&s, "empty");
}

static void networks_alone(UNUSED void **state)
{
	struct list ports = LIST_INIT(ports);
	struct net_network nw[4];
	struct firewall_state s = {
		.table = "cmptne",
		.ports = &ports,
		.networks = nw,
		.network_count = 4,
		.owns_forwarding = true,
	};

	network(&nw[0], "cmpb01", "172.18.0.0/16", NULL);
	network(&nw[1], "cmpb02", "172.19.0.0/16", "fd00:2::/64");
	nw[1].icc = false;
	network(&nw[2], "cmpb03", "172.20.0.0/16", "fd00:3::/64");
	nw[2].internal = true;
	network(&nw[3], "br-own", "10.0.0.0/24", NULL);
	nw[3].masquerade = false;
	expect_golden(&s, "networks");
}

static void published(UNUSED void **state)
{
	struct list ports = LIST_INIT(ports);
	struct net_network nw[2];
	struct net_port p[7];
	struct firewall_state s = {
		.table = "cmptne", .ports = &ports, .networks = nw, .network_count = 2};
	size_t i;

	network(&nw[0], "cmpb01", "172.18.0.0/16", NULL);
	network(&nw[1], "cmpb02", "172.19.0.0/16", "fd00:2::/64");
	port(&p[0], &ports, IPPROTO_TCP, NULL, 8080); /* three replicas */
	backend(&p[0], "172.18.0.2", 80);
	backend(&p[0], "172.18.0.3", 80);
	backend(&p[0], "172.18.0.4", 80);
	port(&p[1], &ports, IPPROTO_UDP, NULL, 5353); /* one, and one of IPv6 */
	backend(&p[1], "172.18.0.2", 53);
	backend(&p[1], "fd00:2::2", 53);
	port(&p[2], &ports, IPPROTO_TCP, "127.0.0.1", 9000); /* never for others */
	backend(&p[2], "172.18.0.2", 90);
	port(&p[3], &ports, IPPROTO_TCP, "192.0.2.1", 443);
	backend(&p[3], "172.19.0.2", 443);
	port(&p[4], &ports, IPPROTO_TCP, NULL, 8081); /* nobody yet */
	port(&p[5], &ports, IPPROTO_TCP, "2001:db8::1", 443);
	backend(&p[5], "fd00:2::2", 443);
	backend(&p[5], "fd00:2::3", 443);
	port(&p[6], &ports, IPPROTO_TCP, "192.0.2.1", 444);
	backend(&p[6], "172.19.0.2", 444);
	backend(&p[6], "172.19.0.3", 444);
	expect_golden(&s, "published");
	for (i = 0; i < ARRAY_LEN(p); i++)
		free(p[i].backends);
}

/* ---- the worker */

struct result {
	unsigned calls;
	int code;
};

static void on_done(void *arg, const struct error *e)
{
	struct result *r = arg;

	r->calls++;
	r->code = e ? e->code : 0;
	if (e)
		print_message("# %s\n", e->msg);
}

static void applies(UNUSED void **state)
{
	uv_loop_t loop;
	struct net_options options = {.loop = &loop, .netns_fd = -1, .table = "cmptne"};
	struct net_network nw[2];
	struct result a = {0}, b = {0};
	struct net *net;
	int64_t start;

	NEED_ROOT();
	uv_loop_init(&loop);
	start = time_boot_ns();
	assert_int_equal(net_open(&options, &net, &err), 0);
	print_message("# opened in %ld us\n", (long)((time_boot_ns() - start) / 1000));
	network(&nw[0], "cmpb01", "172.18.0.0/16", NULL);
	network(&nw[1], "cmpb02", "172.19.0.0/16", NULL);
	net_firewall_networks(net, nw, 1);
	net_firewall_sync(net, on_done, &a);
	net_firewall_networks(net, nw, 2);
	net_firewall_sync(net, on_done, &b);
	assert_int_equal(a.calls, 0);
	start = time_boot_ns();
	while (!b.calls)
		uv_run(&loop, UV_RUN_ONCE);
	print_message("# in force after %ld us\n", (long)((time_boot_ns() - start) / 1000));
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.code, 0);
	assert_int_equal(b.code, 0);
	world_run("nft list set inet cmptne cmp_bridges | grep -q cmpb02");
	/* Nothing changed: no transaction, but an answer. */
	net_firewall_sync(net, on_done, &a);
	while (a.calls < 2)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(net_firewall_destroy(net, &err), 0);
	world_run("! nft list table inet cmptne 2>/dev/null");
	/* The same state again, after all. */
	net_firewall_networks(net, nw, 2);
	net_firewall_sync(net, on_done, &a);
	while (a.calls < 3)
		uv_run(&loop, UV_RUN_ONCE);
	world_run("nft list set inet cmptne cmp_bridges | grep -q cmpb02");
	net_free(net);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void sync_rules(struct net *net, uv_loop_t *loop)
{
	struct result r = {0};

	net_firewall_sync(net, on_done, &r);
	while (!r.calls)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(r.code, 0);
}

/* Another firewall that drops what it does not know. */
static void lives_with_others(UNUSED void **state)
{
	uv_loop_t loop;
	struct net_options options = {.loop = &loop, .netns_fd = -1, .table = "cmptne"};
	struct net_network nw[2];
	struct net *net;

	NEED_ROOT();
	world_run("printf '%s\n' 'table ip filter {' 'chain DOCKER-USER { return; }' "
		  "'chain FORWARD { type filter hook forward priority 0; policy drop;' "
		  "'jump DOCKER-USER;' '}' '}' | nft -f -");
	uv_loop_init(&loop);
	assert_int_equal(net_open(&options, &net, &err), 0);
	network(&nw[0], "cmpb01", "172.18.0.0/16", NULL);
	network(&nw[1], "cmpb02", "172.19.0.0/16", NULL);
	net_firewall_networks(net, nw, 2);
	sync_rules(net, &loop);
	world_run("test $(nft list chain ip filter DOCKER-USER | grep -c 'accept comment') = 4");
	net_firewall_networks(net, nw + 1, 1);
	sync_rules(net, &loop);
	world_run("test $(nft list chain ip filter DOCKER-USER | grep -c 'accept comment') = 2");
	world_run("test $(nft list chain ip filter DOCKER-USER | grep -c cmpb02) = 2");
	assert_int_equal(net_firewall_destroy(net, &err), 0);
	world_run("! nft list chain ip filter DOCKER-USER | grep -q comment");
	world_run("nft flush ruleset");
	net_free(net);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_networks),  cmocka_unit_test(networks_alone),
		cmocka_unit_test(published),	     cmocka_unit_test(applies),
		cmocka_unit_test(lives_with_others),
	};

	world_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
