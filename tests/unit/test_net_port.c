/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports: taken, served on the host by splicing, from the LAN by the rules, spread over
 * replicas and followed when they change.  The world: a host, a LAN neighbour (192.0.2.2 behind
 * 192.0.2.1), two containers on one network (10.90.0.2, .3) and one on another (10.91.0.2).
 */
#include "tests/unit/net_world.h"

#include <linux/if_ether.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <uv.h>

#include "base/time.h"

static struct error err;
static struct net *net;
static uv_loop_t loop;
static int lan, web[2], other;

/* ---- servers: each answers a connection with its letter, then echoes */

struct server {
	int ns;
	uint16_t port;
	char letter;
	int listen_fd, udp_fd;
	pthread_t thread;
};
static struct server servers[3];

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	struct server *s = arg;

	for (;;) {
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t t;

		if (fd < 0)
			return NULL;
		send(fd, &s->letter, 1, MSG_NOSIGNAL);
		pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
}

static void *serve_udp(void *arg)
{
	const struct server *s = arg;

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		char buf[1500];
		ssize_t n =
			recvfrom(s->udp_fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (n < 1)
			return NULL;
		buf[0] = s->letter;
		sendto(s->udp_fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static void start_server(struct server *s, int ns, char letter)
{
	struct sockaddr_in sa = world_addr("0.0.0.0", 80);
	pthread_t t;

	*s = (struct server){.ns = ns, .port = 80, .letter = letter};
	s->listen_fd = world_listen(ns, "0.0.0.0", 80);
	s->udp_fd = world_socket(ns, AF_INET, SOCK_DGRAM);
	assert_int_equal(bind(s->udp_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	pthread_create(&s->thread, NULL, serve, s);
	pthread_create(&t, NULL, serve_udp, s);
}

/* ---- the loop runs in the test's thread; clients run in another */

struct client {
	int ns;
	const char *ip;
	uint16_t port;
	int timeout_ms;
	size_t echo; /* bytes to send and get back */
	bool udp;
	char letter; /* the answer, or 0 */
	int result;
	uv_async_t done;
	bool ended;
};

static void *client_main(void *arg)
{
	struct client *c = arg;
	size_t sent = 0, got = 0, i;
	char out[65536], in[65536];
	int fd;

	if (c->udp) {
		struct sockaddr_in sa = world_addr(c->ip, c->port);
		struct timeval tv = {.tv_usec = c->timeout_ms * 1000};

		fd = net_socket_in(c->ns, AF_INET, SOCK_DGRAM, 0);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		c->result = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		send(fd, "?hello", 6, 0);
		c->result = recv(fd, in, sizeof(in), 0) == 6 ? 0 : -errno;
		c->letter = c->result ? 0 : in[0];
		close(fd);
		uv_async_send(&c->done);
		return NULL;
	}
	fd = world_connect(c->ns, c->ip, c->port, c->timeout_ms);
	c->result = fd < 0 ? fd : 0;
	if (fd >= 0 && recv(fd, &c->letter, 1, 0) != 1)
		c->result = errno ? -errno : -EPIPE;
	for (i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	while (fd >= 0 && !c->result && got < c->echo) {
		ssize_t n = sent < c->echo ? send(fd, out, MIN(sizeof(out), c->echo - sent),
						  MSG_NOSIGNAL | MSG_DONTWAIT)
					   : -1;

		sent += n > 0 ? (size_t)n : 0;
		n = recv(fd, in, sizeof(in), sent < c->echo ? MSG_DONTWAIT : 0);
		if (n == 0 || (n < 0 && errno != EAGAIN) || (n < 0 && sent == c->echo))
			c->result = -EIO;
		got += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	uv_async_send(&c->done);
	return NULL;
}

static void on_client_done(uv_async_t *done)
{
	container_of(done, struct client, done)->ended = true;
	uv_close((uv_handle_t *)done, NULL);
}

static void run_client(struct client *c)
{
	pthread_t t;

	c->timeout_ms = c->timeout_ms ? c->timeout_ms : 5000;
	uv_async_init(&loop, &c->done, on_client_done);
	pthread_create(&t, NULL, client_main, c);
	while (!c->ended)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	pthread_join(t, NULL);
}

/* The letter that answers, or 0. */
static char ask_port(int ns, const char *ip, uint16_t port, int timeout_ms, bool udp)
{
	struct client c = {.ns = ns, .ip = ip, .port = port, .timeout_ms = timeout_ms, .udp = udp};

	run_client(&c);
	return c.letter;
}

static void on_sync(void *arg, const struct error *e)
{
	if (e)
		print_message("# %s\n", e->msg);
	*(int *)arg = e ? -e->code : 1;
}

static void sync_rules(void)
{
	int done = 0;

	net_firewall_sync(net, on_sync, &done);
	while (!done)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(done, 1);
}

/* ---- the world */

static struct net_network networks[2];

static void make_network(struct net_network *nw, const char *bridge, const char *subnet,
			 const char *gateway)
{
	*nw = (struct net_network){.icc = true, .masquerade = true};
	str_copy(nw->bridge, sizeof(nw->bridge), bridge);
	assert_int_equal(net_prefix_parse(subnet, &nw->subnets[0], &err), 0);
	assert_int_equal(net_addr_parse(gateway, &nw->gateways[0], &err), 0);
	if (net_bridge_create(net, nw, &err) < 0)
		fail_msg("%s", err.msg);
}

static int make_container(const struct net_network *nw, const char *link, const char *addr)
{
	struct net_endpoint ep = {.network = nw, .default_route = true, .ifname = "eth0"};
	int ns = world_new();

	str_copy(ep.host_ifname, sizeof(ep.host_ifname), link);
	assert_int_equal(net_addr_parse(addr, &ep.addrs[0], &err), 0);
	if (net_endpoint_connect(net, &ep, ns, &err) < 0)
		fail_msg("%s", err.msg);
	return ns;
}

static int make_world(void **state)
{
	struct net_options options = {.loop = &loop, .netns_fd = -1, .table = "cmptne"};
	auto_free char *command = NULL;

	(void)state;
	if (world_host < 0)
		return 0;
	uv_loop_init(&loop);
	assert_int_equal(net_open(&options, &net, &err), 0);
	lan = world_new();
	command = xasprintf("ip link add cmptnel type veth peer name lan0 && "
			    "ip addr add 192.0.2.1/24 dev cmptnel && ip link set cmptnel up && "
			    "ip link set lan0 netns /proc/%d/fd/%d",
			    getpid(), lan);
	world_run(command);
	world_run_in(lan, "ip addr add 192.0.2.2/24 dev lan0 && ip link set lan0 up && "
			  "ip route add 10.90.0.0/16 via 192.0.2.1 && "
			  "ip route add 127.0.0.2/32 via 192.0.2.1 dev lan0");
	make_network(&networks[0], "cmptne0", "10.90.0.0/24", "10.90.0.1");
	make_network(&networks[1], "cmptne1", "10.91.0.0/24", "10.91.0.1");
	web[0] = make_container(&networks[0], "cmptnev1", "10.90.0.2");
	web[1] = make_container(&networks[0], "cmptnev2", "10.90.0.3");
	other = make_container(&networks[1], "cmptnev3", "10.91.0.2");
	start_server(&servers[0], web[0], 'a');
	start_server(&servers[1], web[1], 'b');
	start_server(&servers[2], other, 'c');
	net_firewall_networks(net, networks, 2);
	return 0;
}

static int end_world(void **state)
{
	(void)state;
	if (world_host < 0)
		return 0;
	net_free(net);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static struct net_port *open_port(int protocol, const char *host, uint16_t number)
{
	struct net_port_spec spec = {.protocol = protocol, .port = number};
	struct net_port *p;

	if (host)
		assert_int_equal(net_addr_parse(host, &spec.host, &err), 0);
	if (net_port_open(net, &spec, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static void set_backends(struct net_port *p, const char *first, const char *second)
{
	const char *addrs[] = {first, second};
	struct net_backend b[2] = {{.port = 80}, {.port = 80}};
	size_t i, count = 0;

	for (i = 0; i < 2 && addrs[i]; i++)
		assert_int_equal(net_addr_parse(addrs[i], &b[count++].addr, &err), 0);
	net_port_backends(p, b, count);
}

/* ---- tests */

static void serves_the_host(void **state)
{
	struct net_port *p;
	struct client c = {.ip = "127.0.0.1", .port = 8080, .echo = 8 << 20};

	(void)state;
	NEED_ROOT();
	c.ns = world_host;
	p = open_port(IPPROTO_TCP, NULL, 8080);
	set_backends(p, "10.90.0.2", NULL);
	assert_int_equal(net_port_number(p), 8080);
	run_client(&c);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.letter, 'a');
	assert_int_equal(ask_port(world_host, "192.0.2.1", 8080, 0, false), 'a');
	net_port_free(p);
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 0, false), 0);
}

static void serves_the_lan(void **state)
{
	struct net_port *p;
	struct client c = {.ip = "192.0.2.1", .port = 8080, .echo = 1 << 20};

	(void)state;
	NEED_ROOT();
	p = open_port(IPPROTO_TCP, NULL, 8080);
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	c.ns = lan;
	run_client(&c);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.letter, 'a');
	world_run("nft list map inet cmptne cmp_port4 | grep -q 'tcp . 8080 : 10.90.0.2 . 80'");
	/* Containers: of another network, of the same one, and the very one. */
	assert_int_equal(ask_port(other, "192.0.2.1", 8080, 0, false), 'a');
	assert_int_equal(ask_port(other, "10.91.0.1", 8080, 0, false), 'a');
	assert_int_equal(ask_port(web[1], "192.0.2.1", 8080, 0, false), 'a');
	assert_int_equal(ask_port(web[0], "192.0.2.1", 8080, 0, false), 'a');
	net_port_free(p);
	sync_rules();
	assert_int_equal(ask_port(lan, "192.0.2.1", 8080, 0, false), 0);
}

static void keeps_others_out(void **state)
{
	struct net_port *p;

	(void)state;
	NEED_ROOT();
	sync_rules();
	p = open_port(IPPROTO_TCP, "127.0.0.1", 8080);
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 0, false), 'a');
	assert_int_equal(ask_port(lan, "192.0.2.1", 8080, 300, false), 0);
	assert_int_equal(ask_port(lan, "10.90.0.2", 80, 300, false), 0); /* straight to it */
	assert_int_equal(ask_port(other, "10.90.0.2", 80, 300, false), 0);
	assert_int_equal(ask_port(web[1], "10.90.0.2", 80, 0, false), 'a');
	assert_int_equal(ask_port(world_host, "10.90.0.2", 80, 0, false), 'a');
	net_port_free(p);
	/* Out into the LAN, masqueraded. */
	{
		int server = world_listen(lan, "192.0.2.2", 7000), fd;

		world_run_in(lan, "ip route del 10.90.0.0/16");
		fd = world_connect(web[0], "192.0.2.2", 7000, 3000);
		assert_true(fd >= 0);
		close(fd);
		close(server);
	}
}

static void internal_networks(void **state)
{
	struct net_port *p;
	int server;

	(void)state;
	NEED_ROOT();
	networks[1].internal = true;
	net_firewall_networks(net, networks, 2);
	p = open_port(IPPROTO_TCP, NULL, 8080);
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	server = world_listen(lan, "192.0.2.2", 7000);
	assert_true(world_connect(other, "192.0.2.2", 7000, 300) < 0);
	assert_int_equal(ask_port(other, "10.91.0.1", 8080, 300, false), 0);
	assert_int_equal(ask_port(web[1], "192.0.2.1", 8080, 0, false), 'a');
	close(server);
	net_port_free(p);
	networks[1].internal = false;
	net_firewall_networks(net, networks, 2);
	sync_rules();
}

static void spreads(void **state)
{
	struct net_port *p;
	unsigned seen[2][2] = {{0}}, i;
	int held;
	char byte = 0;

	(void)state;
	NEED_ROOT();
	p = open_port(IPPROTO_TCP, NULL, 8080);
	set_backends(p, "10.90.0.2", "10.90.0.3");
	sync_rules();
	for (i = 0; i < 10; i++) {
		seen[0][ask_port(world_host, "127.0.0.1", 8080, 0, false) == 'b']++;
		seen[1][ask_port(lan, "192.0.2.1", 8080, 0, false) == 'b']++;
	}
	assert_int_equal(seen[0][0], 5);
	assert_int_equal(seen[0][1], 5);
	assert_int_equal(seen[1][0], 5);
	assert_int_equal(seen[1][1], 5);
	/* An established connection does not notice that the replicas change. */
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	held = world_connect(lan, "192.0.2.1", 8080, 3000);
	assert_true(held >= 0);
	assert_int_equal(recv(held, &byte, 1, 0), 1);
	assert_int_equal(byte, 'a');
	set_backends(p, "10.90.0.3", NULL);
	sync_rules();
	assert_int_equal(ask_port(lan, "192.0.2.1", 8080, 0, false), 'b');
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 0, false), 'b');
	assert_int_equal(send(held, "x", 1, 0), 1);
	assert_int_equal(recv(held, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	close(held);
	net_port_free(p);
}

static void on_ready(uv_timer_t *t)
{
	set_backends(t->data, "10.90.0.3", NULL);
	uv_close((uv_handle_t *)t, NULL);
}

static void on_nobody(uv_timer_t *t)
{
	net_port_backends(t->data, NULL, 0);
	uv_close((uv_handle_t *)t, NULL);
}

static void waits_and_retries(void **state)
{
	struct net_port *p;
	uv_timer_t timer, nobody;
	int64_t start;
	int fd4, fd6;

	(void)state;
	NEED_ROOT();
	p = open_port(IPPROTO_TCP, NULL, 8080);
	uv_timer_init(&loop, &timer);
	timer.data = p;
	uv_timer_start(&timer, on_ready, 150, 0);
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 3000, false), 'b');
	/* 10.90.0.1 (the host itself) refuses. */
	set_backends(p, "10.90.0.1", "10.90.0.2");
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 3000, false), 'a');
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 3000, false), 'a');
	/* Nobody has 10.90.0.9; the connection goes to the next who comes. */
	set_backends(p, "10.90.0.9", NULL);
	uv_timer_init(&loop, &timer);
	uv_timer_init(&loop, &nobody);
	timer.data = nobody.data = p;
	uv_timer_start(&nobody, on_nobody, 100, 0);
	uv_timer_start(&timer, on_ready, 200, 0);
	start = time_boot_ns();
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 3000, false), 'b');
	assert_true(time_boot_ns() - start < NS_PER_SEC);
	/* All refuse: the client is told. */
	set_backends(p, "10.90.0.1", NULL);
	assert_int_equal(ask_port(world_host, "127.0.0.1", 8080, 3000, false), 0);
	net_port_fds(p, &fd4, &fd6);
	assert_true(fd4 >= 0 && fd6 >= 0);
	net_port_free(p);
}

static void udp(void **state)
{
	struct net_port *p;

	(void)state;
	NEED_ROOT();
	p = open_port(IPPROTO_UDP, NULL, 5353);
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	assert_int_equal(ask_port(world_host, "127.0.0.1", 5353, 900, true), 'a');
	assert_int_equal(ask_port(world_host, "192.0.2.1", 5353, 900, true), 'a');
	assert_int_equal(ask_port(lan, "192.0.2.1", 5353, 900, true), 'a');
	assert_int_equal(ask_port(web[1], "10.90.0.1", 5353, 900, true), 'a');
	set_backends(p, "10.90.0.3", NULL);
	sync_rules();
	assert_int_equal(ask_port(world_host, "127.0.0.1", 5353, 900, true), 'b');
	assert_int_equal(ask_port(lan, "192.0.2.1", 5353, 900, true), 'b');
	net_port_free(p);
}

/* A client that keeps its port follows the backends too. */
static void udp_follows(void **state)
{
	struct sockaddr_in sa = world_addr("192.0.2.1", 5353);
	struct timeval tv = {.tv_sec = 1};
	struct net_port *p;
	char byte = 0;
	int fd;

	(void)state;
	NEED_ROOT();
	fd = world_socket(lan, AF_INET, SOCK_DGRAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	p = open_port(IPPROTO_UDP, NULL, 5353);
	set_backends(p, "10.90.0.2", NULL);
	sync_rules();
	assert_int_equal(send(fd, "?", 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'a');
	set_backends(p, "10.90.0.3", NULL);
	sync_rules();
	assert_int_equal(send(fd, "?", 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'b');
	net_port_free(p);
	close(fd);
}

/* Sends an ICMPv6 message to all nodes on web[0]'s network from web[1]. */
static void send_icmp6(uint8_t type)
{
	static const uint8_t all_nodes[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t frame[70] = {0x33, 0x33, 0, 0, 0, 1, 2, 0x42, 10, 90, 0, 3, 0x86, 0xdd, 0x60};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
	int fd = world_socket(web[1], AF_PACKET, SOCK_RAW);

	frame[19] = 16; /* length of the payload */
	frame[20] = 58; /* ICMPv6 */
	frame[21] = 255;
	frame[22] = 0xfe;
	frame[23] = 0x80;
	frame[37] = 3;
	memcpy(frame + 38, all_nodes, sizeof(all_nodes));
	frame[54] = type;
	to.sll_ifindex = net_index_of(fd, "eth0");
	assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(frame));
	close(fd);
}

static bool sees_icmp6(int fd, uint8_t type)
{
	uint8_t frame[2048];
	ssize_t n;

	while ((n = recv(fd, frame, sizeof(frame), 0)) > 0)
		if (n >= 55 && frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 58 &&
		    frame[37] == 3 && frame[54] == type)
			return true;
	return false;
}

static void no_router_among_containers(void **state)
{
	struct timeval tv = {.tv_usec = 300000};
	int fd;

	(void)state;
	NEED_ROOT();
	sync_rules();
	fd = world_socket(web[0], AF_PACKET, SOCK_RAW);
	{
		struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

		at.sll_ifindex = net_index_of(fd, "eth0");
		assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	send_icmp6(128); /* an echo request passes */
	assert_true(sees_icmp6(fd, 128));
	send_icmp6(134); /* an advertisement does not */
	assert_false(sees_icmp6(fd, 134));
	close(fd);
}

static void taken(void **state)
{
	struct net_port_spec spec = {.protocol = IPPROTO_TCP, .port = 8080};
	struct net_port *p;
	auto_free char *want = xasprintf(
		"port 8080/tcp on 0.0.0.0 is already taken by test_net_port (pid %d)", getpid());
	int fd;

	(void)state;
	NEED_ROOT();
	fd = world_listen(world_host, "127.0.0.1", 8080);
	assert_int_equal(net_port_open(net, &spec, &p, &err), -EADDRINUSE);
	assert_string_equal(err.msg, want);
	close(fd);
	assert_int_equal(net_addr_parse("203.0.113.9", &spec.host, &err), 0);
	assert_int_equal(net_port_open(net, &spec, &p, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.msg,
			    "bind port 8080/tcp on 203.0.113.9: Cannot assign requested address");
}

static void adopts(void **state)
{
	struct net_port_spec spec = {.protocol = IPPROTO_TCP};
	struct net_port *p;
	uint16_t number;
	int fd4, fd6, held;

	(void)state;
	NEED_ROOT();
	p = open_port(IPPROTO_TCP, NULL, 0);
	number = net_port_number(p);
	assert_true(number > 0);
	net_port_fds(p, &fd4, &fd6);
	fd4 = fcntl(fd4, F_DUPFD_CLOEXEC, 3);
	fd6 = fcntl(fd6, F_DUPFD_CLOEXEC, 3);
	net_port_free(p);
	held = world_connect(world_host, "127.0.0.1", number, 1000); /* waits in the queue */
	assert_true(held >= 0);
	spec.port = number;
	assert_int_equal(net_port_adopt(net, &spec, fd4, fd6, &p, &err), 0);
	set_backends(p, "10.90.0.2", NULL);
	assert_int_equal(ask_port(world_host, "127.0.0.1", number, 0, false), 'a');
	close(held);
	net_port_free(p);
	assert_int_equal(net_port_adopt(net, &spec, world_listen(world_host, "127.0.0.1", 9999), -1,
					&p, &err),
			 -EINVAL);
}

/* ---- not tests of speed, but figures to look at */

#define FIGURE_CONNECTIONS 4000
#define FIGURE_BYTES	   (1u << 30)

static void *accept_and_close(void *arg)
{
	int fd;

	while ((fd = accept4((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		send(fd, "q", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void *swallow(void *arg)
{
	static char buf[1 << 20];
	int fd;

	while ((fd = accept4((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		size_t got = 0;
		ssize_t n;

		while (got < FIGURE_BYTES && (n = recv(fd, buf, sizeof(buf), MSG_TRUNC)) > 0)
			got += (size_t)n;
		send(fd, "q", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* Many short connections, then one long stream. */
static void *load(void *arg)
{
	static char data[1 << 20];
	struct client *c = arg;
	unsigned i, good = 0;
	int64_t start = time_boot_ns();
	size_t sent = 0;
	char byte;
	int fd;

	for (i = 0; i < FIGURE_CONNECTIONS && c->port == 8081; i++) {
		fd = world_connect(c->ns, "127.0.0.1", c->port, 2000);
		good += fd >= 0 && recv(fd, &byte, 1, 0) == 1;
		close(fd);
	}
	if (i) {
		print_message("# %u connections, one after the other: %.0f a second\n", good,
			      i * 1e9 / (double)(time_boot_ns() - start));
		c->result = good == i ? 0 : -EIO;
		uv_async_send(&c->done);
		return NULL;
	}
	fd = world_connect(c->ns, "127.0.0.1", c->port, 10000);
	while (fd >= 0 && sent < FIGURE_BYTES) {
		ssize_t n = send(fd, data, sizeof(data), MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	c->result = recv(fd, &byte, 1, 0) == 1 ? 0 : -EIO;
	print_message("# a stream: %.2f GB/s\n", (double)sent / (double)(time_boot_ns() - start));
	close(fd);
	uv_async_send(&c->done);
	return NULL;
}

static int64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static void figure(uint16_t number, void *(*server)(void *))
{
	struct client c = {.ns = world_host, .port = number};
	struct net_backend b = {.port = number};
	struct net_port *p = open_port(IPPROTO_TCP, NULL, number);
	int fd = world_listen(web[0], "0.0.0.0", number);
	pthread_t s, t;
	int64_t used;

	assert_int_equal(net_addr_parse("10.90.0.2", &b.addr, &err), 0);
	net_port_backends(p, &b, 1);
	pthread_create(&s, NULL, server, (void *)(intptr_t)fd);
	uv_async_init(&loop, &c.done, on_client_done);
	used = thread_ns();
	pthread_create(&t, NULL, load, &c);
	while (!c.ended)
		uv_run(&loop, UV_RUN_ONCE);
	print_message("# the loop used %.0f ms\n", (double)(thread_ns() - used) / NS_PER_MS);
	uv_run(&loop, UV_RUN_NOWAIT);
	pthread_join(t, NULL);
	assert_int_equal(c.result, 0);
	net_port_free(p);
	shutdown(fd, SHUT_RDWR);
	pthread_join(s, NULL);
	close(fd);
}

static void figures(void **state)
{
	(void)state;
	NEED_ROOT();
	figure(8081, accept_and_close);
	figure(8082, swallow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_the_host),
		cmocka_unit_test(serves_the_lan),
		cmocka_unit_test(keeps_others_out),
		cmocka_unit_test(internal_networks),
		cmocka_unit_test(spreads),
		cmocka_unit_test(waits_and_retries),
		cmocka_unit_test(udp),
		cmocka_unit_test(udp_follows),
		cmocka_unit_test(no_router_among_containers),
		cmocka_unit_test(taken),
		cmocka_unit_test(adopts),
		cmocka_unit_test(figures),
	};

	world_enter();
	return cmocka_run_group_tests(tests, make_world, end_world);
}
