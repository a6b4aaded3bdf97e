/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS server: messages by themselves, the corpus of the fuzzer, and a server in a namespace of
 * the test's own, asked by hand and by dig, with a pretended resolver of the host behind it.
 */
#include "tests/unit/net_world.h"

#include <dirent.h>
#include <pthread.h>
#include <uv.h>

#include "base/file.h"
#include "base/time.h"
#include "net/dns_packet.h"

static struct error err;

/* ---- messages */

/* A query of one question; `extra` bytes of rubbish behind it. */
static size_t query(uint8_t *msg, uint16_t id, const char *name, unsigned type)
{
	size_t at = DNS_HEADER;

	memset(msg, 0, DNS_HEADER);
	msg[0] = (uint8_t)(id >> 8);
	msg[1] = (uint8_t)id;
	msg[2] = 1; /* recursion desired */
	msg[5] = 1;
	while (*name) {
		size_t len = strcspn(name, ".");

		msg[at++] = (uint8_t)len;
		memcpy(msg + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	msg[at++] = 0;
	msg[at++] = (uint8_t)(type >> 8);
	msg[at++] = (uint8_t)type;
	msg[at++] = 0;
	msg[at++] = 1;
	return at;
}

static void reads_queries(UNUSED void **state)
{
	struct dns_question q;
	uint8_t msg[600];
	size_t len = query(msg, 0x1234, "Web-1.Example.COM", DNS_AAAA);

	assert_int_equal(dns_parse_query(msg, len, &q), 0);
	assert_int_equal(q.id, 0x1234);
	assert_string_equal(q.name, "web-1.example.com");
	assert_int_equal(q.type, DNS_AAAA);
	assert_int_equal(q.class, DNS_IN);
	assert_int_equal(q.end, len);
	assert_int_equal(q.udp_max, 512);
	/* EDNS: root, OPT, 1232 bytes */
	memcpy(msg + len, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	msg[11] = 1;
	assert_int_equal(dns_parse_query(msg, len + 11, &q), 0);
	assert_int_equal(q.udp_max, 1232);
	assert_int_equal(dns_parse_query(msg, len + 10, &q), DNS_FORMERR);
	len = query(msg, 1, "a b", DNS_A); /* no host name, but a name */
	assert_int_equal(dns_parse_query(msg, len, &q), 0);
	assert_string_equal(q.name, "");
}

static void refuses_rubbish(UNUSED void **state)
{
	struct dns_question q;
	uint8_t msg[1024];
	size_t len = query(msg, 1, "web", DNS_A), i;

	for (i = 0; i < DNS_HEADER; i++)
		assert_int_equal(dns_parse_query(msg, i, &q), -EBADMSG);
	for (; i < len; i++)
		assert_int_equal(dns_parse_query(msg, i, &q), DNS_FORMERR);
	msg[2] = 0x81; /* an answer */
	assert_int_equal(dns_parse_query(msg, len, &q), -EBADMSG);
	msg[2] = 0x28; /* an update */
	assert_int_equal(dns_parse_query(msg, len, &q), DNS_NOTIMP);
	msg[2] = 1;
	msg[5] = 2; /* two questions */
	assert_int_equal(dns_parse_query(msg, len, &q), DNS_FORMERR);
	msg[5] = 1;
	msg[DNS_HEADER] = 0xc0; /* a pointer, to itself */
	msg[DNS_HEADER + 1] = DNS_HEADER;
	assert_int_equal(dns_parse_query(msg, len, &q), DNS_FORMERR);
	msg[DNS_HEADER] = 64; /* too long a label */
	assert_int_equal(dns_parse_query(msg, sizeof(msg), &q), DNS_FORMERR);
	for (i = 0; i < 5; i++) { /* 5 labels of 63: more than 255 octets */
		msg[DNS_HEADER + 64 * i] = 63;
		memset(msg + DNS_HEADER + 64 * i + 1, 'a', 63);
	}
	msg[DNS_HEADER + 64 * i] = 0;
	assert_int_equal(dns_parse_query(msg, sizeof(msg), &q), DNS_FORMERR);
}

static void writes_answers(UNUSED void **state)
{
	auto_buf struct buf out = {.max = DNS_MESSAGE_MAX};
	struct net_addr addrs[200];
	struct dns_question q;
	uint8_t msg[600];
	size_t len = query(msg, 0xabcd, "web", DNS_A), i;

	for (i = 0; i < ARRAY_LEN(addrs); i++)
		assert_int_equal(net_addr_parse("10.0.0.1", &addrs[i], &err), 0);
	assert_int_equal(dns_parse_query(msg, len, &q), 0);
	dns_answer_addresses(msg, &q, addrs, 2, 512, &out);
	assert_int_equal(out.len, len + 32);
	assert_memory_equal(out.data, "\xab\xcd\x85\x80\0\1\0\2\0\0\0\0", 12);
	assert_memory_equal(out.data + len, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x0a\0\0\1", 16);
	assert_true(dns_is_answer((uint8_t *)out.data, out.len, msg, q.end, 0xabcd));
	assert_false(dns_is_answer((uint8_t *)out.data, out.len, msg, q.end, 0xabce));
	out.data[DNS_HEADER + 1] = 'x';
	assert_false(dns_is_answer((uint8_t *)out.data, out.len, msg, q.end, 0xabcd));
	dns_answer_addresses(msg, &q, addrs, ARRAY_LEN(addrs), 512, &out); /* cut */
	assert_true(out.len <= 512);
	assert_true(out.data[2] & 2);
	dns_answer_name(msg, &q, "web-1", &out);
	assert_memory_equal(out.data + len, "\xc0\x0c\0\x0c\0\1\0\0\0\0\0\7\5web-1\0", 19);
}

static void reverse_names(UNUSED void **state)
{
	static const char *const bad[] = {
		"1.2.3.in-addr.arpa",
		"1.2.3.4.5.in-addr.arpa",
		"256.2.3.4.in-addr.arpa",
		"a.2.3.4.in-addr.arpa",
		"in-addr.arpa",
		"x.ip6.arpa",
		"web",
	};
	struct net_addr a;
	char text[NET_ADDR_TEXT];
	size_t i;

	assert_true(dns_parse_reverse("2.0.17.172.in-addr.arpa", &a));
	net_addr_text(&a, text);
	assert_string_equal(text, "172.17.0.2");
	assert_true(
		dns_parse_reverse("b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
				  "ip6.arpa",
				  &a));
	net_addr_text(&a, text);
	assert_string_equal(text, "2001:db8::567:89ab");
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dns_parse_reverse(bad[i], &a));
}

/* What the fuzzer found worth keeping: nothing may break, and answers are well-formed. */
static void corpus(UNUSED void **state)
{
	const char *top = getenv("top_srcdir");
	auto_free char *path = xasprintf("%s/tests/fuzz/corpus/dns", top ? top : "..");
	DIR *dir = opendir(path);
	const struct dirent *e;
	unsigned count = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		auto_buf struct buf in = BUF_INIT, out = {.max = DNS_MESSAGE_MAX};
		struct dns_question q;

		if (e->d_name[0] == '.')
			continue;
		count++;
		assert_int_equal(file_read(dirfd(dir), e->d_name, DNS_MESSAGE_MAX, &in, &err), 0);
		if (dns_parse_query((uint8_t *)in.data, in.len, &q) >= 0) {
			dns_answer_code((uint8_t *)in.data, &q, DNS_NXDOMAIN, &out);
			assert_true(out.len >= DNS_HEADER && out.len <= in.len);
		}
	}
	closedir(dir);
	assert_true(count > 5);
}

/* ---- a server */

static uv_loop_t loop;
static struct net *net;
static struct net_dns *dns;
static struct net_dns_client *client;
static int upstream_udp, upstream_tcp;

static size_t resolve(void *arg, void *owner, const char *name, int family, struct net_addr *ret,
		      size_t max, bool *ret_known)
{
	size_t i, count;

	(void)arg;
	assert_string_equal(owner, "me");
	count = !strcmp(name, "web") ? 3 : !strcmp(name, "many") ? 100 : 0;
	*ret_known = count;
	if (family == AF_INET6 && count == 100)
		return 0;
	for (i = 0; i < count && i < max; i++) {
		char text[NET_ADDR_TEXT];

		snprintf(text, sizeof(text), family == AF_INET ? "10.9.0.%zu" : "fd00::%zx", i + 2);
		assert_int_equal(net_addr_parse(text, &ret[i], &err), 0);
	}
	return i;
}

static const char *reverse(void *arg, void *owner, const struct net_addr *a)
{
	char text[NET_ADDR_TEXT];

	(void)arg, (void)owner;
	net_addr_text(a, text);
	return !strcmp(text, "10.9.0.2") ? "web-1" : NULL;
}

/* The host's resolver: every name has the address 192.0.2.7; "fail…" is refused, "mute…" ignored.
 */
static size_t upstream_answer(uint8_t *msg, size_t len, uint8_t *out)
{
	auto_buf struct buf b = {.max = DNS_MESSAGE_MAX};
	struct net_addr a[30];
	struct dns_question q;
	size_t i;

	if (dns_parse_query(msg, len, &q) != 0 || str_starts(q.name, "mute"))
		return 0;
	for (i = 0; i < ARRAY_LEN(a); i++)
		assert_int_equal(net_addr_parse("192.0.2.7", &a[i], &err), 0);
	if (str_starts(q.name, "fail"))
		dns_answer_code(msg, &q, DNS_REFUSED, &b);
	else
		dns_answer_addresses(msg, &q, a, 1, 512, &b);
	memcpy(out, b.data, b.len);
	return b.len;
}

static void *upstream_udp_main(UNUSED void *arg)
{
	for (;;) {
		uint8_t msg[2048], out[2048];
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(upstream_udp, msg, sizeof(msg), 0, (struct sockaddr *)&from, &len);
		size_t answer;

		if (n < 0)
			return NULL;
		/* A forged answer first: wrong id. */
		answer = upstream_answer(msg, (size_t)n, out);
		if (!answer)
			continue;
		out[0] ^= 0xff;
		sendto(upstream_udp, out, answer, 0, (struct sockaddr *)&from, len);
		out[0] ^= 0xff;
		sendto(upstream_udp, out, answer, 0, (struct sockaddr *)&from, len);
	}
}

static void *upstream_tcp_main(UNUSED void *arg)
{
	for (;;) {
		uint8_t msg[2048], out[2050];
		int fd = accept4(upstream_tcp, NULL, NULL, SOCK_CLOEXEC);
		size_t answer;
		ssize_t n;

		if (fd < 0)
			return NULL;
		n = recv(fd, msg, sizeof(msg), 0);
		answer = n > 2 ? upstream_answer(msg + 2, (size_t)n - 2, out + 2) : 0;
		out[0] = (uint8_t)(answer >> 8);
		out[1] = (uint8_t)answer;
		send(fd, out, answer + 2, MSG_NOSIGNAL);
		close(fd);
	}
}

static int bound_udp(const char *ip)
{
	struct sockaddr_in sa = world_addr(ip, 53);
	int fd = world_socket(world_host, AF_INET, SOCK_DGRAM);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static char *servers[] = {(char *)(uintptr_t) "127.0.0.99", (char *)(uintptr_t) "127.0.0.1", NULL};

static void add_client(bool forward)
{
	struct net_dns_client_args args = {
		.owner = (void *)(uintptr_t) "me",
		.servers = servers, /* nobody listens at the first */
		.forward = forward,
	};

	args.udp_fd = bound_udp("127.0.0.11");
	args.tcp_fd = world_listen(world_host, "127.0.0.11", 53);
	assert_int_equal(fcntl(args.tcp_fd, F_SETFL, O_NONBLOCK), 0);
	client = net_dns_client_add(dns, &args);
	assert_non_null(client);
}

static int begin(UNUSED void **state)
{
	struct net_options options = {.loop = &loop, .netns_fd = -1, .table = "cmptne"};
	const struct net_dns_zone zone = {.resolve = resolve, .reverse = reverse};
	pthread_t t;

	if (world_host < 0)
		return 0;
	uv_loop_init(&loop);
	assert_int_equal(net_open(&options, &net, &err), 0);
	dns = net_dns_new(net, &zone);
	upstream_udp = bound_udp("127.0.0.1");
	upstream_tcp = world_listen(world_host, "127.0.0.1", 53);
	pthread_create(&t, NULL, upstream_udp_main, NULL);
	pthread_create(&t, NULL, upstream_tcp_main, NULL);
	add_client(true);
	return 0;
}

static int finish(UNUSED void **state)
{
	if (world_host < 0)
		return 0;
	net_dns_client_remove(client);
	net_dns_free(dns);
	net_free(net);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

struct command {
	const char *text;
	char output[16384];
	uv_async_t done;
	bool ended;
};

static void *command_main(void *arg)
{
	struct command *c = arg;
	FILE *f = popen(c->text, "r"); /* banned-ok: a test */
	size_t n = f ? fread(c->output, 1, sizeof(c->output) - 1, f) : 0;

	c->output[n] = '\0';
	if (f)
		pclose(f);
	uv_async_send(&c->done);
	return NULL;
}

static void on_command(uv_async_t *done)
{
	container_of(done, struct command, done)->ended = true;
	uv_close((uv_handle_t *)done, NULL);
}

/* Runs it in the namespace of the host while the server serves; the output is the caller's. */
static char *run(const char *text)
{
	struct command *c = xcalloc(1, sizeof(*c));
	char *output;
	pthread_t t;

	c->text = text;
	uv_async_init(&loop, &c->done, on_command);
	pthread_create(&t, NULL, command_main, c);
	while (!c->ended)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	pthread_join(t, NULL);
	output = xstrdup(c->output);
	free(c);
	return output;
}

#define NEED_DIG()                                                                                 \
	do {                                                                                       \
		NEED_ROOT();                                                                       \
		if (system("command -v dig >/dev/null")) /* banned-ok: a test */                   \
			skip();                                                                    \
	} while (0)
#define DIG "dig +noall +answer +comments +tries=1 +time=6 @127.0.0.11 "

static unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text += strlen(word);
	}
	return n;
}

static void expect(const char *command, const char *word, unsigned count)
{
	auto_free char *out = run(command);

	if (count_of(out, word) != count)
		fail_msg("%s: not %u times \"%s\":\n%s", command, count, word, out);
}

static void answers_names(void **state)
{
	(void)state;
	NEED_DIG();
	expect(DIG "web A", "IN\tA\t10.9.0.", 3);
	expect(DIG "WEB. A", "NOERROR", 1);
	expect(DIG "web AAAA", "IN\tAAAA\tfd00::", 3);
	expect(DIG "+notcp web ANY", "IN\t", 6);
	expect(DIG "many AAAA", "status: NOERROR", 1);
	expect(DIG "many AAAA", "ANSWER: 0", 1);
	expect(DIG "web MX", "ANSWER: 0", 1);
	expect(DIG "web A | grep -c '^web.*\t0\t'", "3", 1);
	expect(DIG "-x 10.9.0.2", "web-1.", 1);
	expect(DIG "+tcp web A", "IN\tA\t10.9.0.", 3);
	expect(DIG "+ignore +noedns many A", "flags: qr aa tc", 1);
	expect(DIG "+noedns many A", "IN\tA\t10.9.0.", 100); /* dig comes again by TCP */
	expect(DIG "+bufsize=4096 many A", "IN\tA\t10.9.0.", 100);
	expect(DIG "version.bind TXT CH", "REFUSED", 1);
}

static void forwards(void **state)
{
	(void)state;
	NEED_DIG();
	expect(DIG "example.org A", "192.0.2.7", 1);
	expect(DIG "+tcp example.org A", "192.0.2.7", 1);
	expect(DIG "-x 192.0.2.99", "192.0.2.7", 1);
	expect(DIG "fail.example.org A", "REFUSED", 1);
	expect(DIG "+time=12 mute.example.org A", "SERVFAIL", 1);
}

static void keeps_inside(void **state)
{
	(void)state;
	NEED_DIG();
	net_dns_client_remove(client);
	add_client(false);
	expect(DIG "example.org A", "NXDOMAIN", 1);
	expect(DIG "web A", "IN\tA\t10.9.0.", 3);
}

static void shuffles(void **state)
{
	unsigned first[3] = {0}, i;

	(void)state;
	NEED_DIG();
	for (i = 0; i < 30; i++) {
		auto_free char *out = run("dig +short @127.0.0.11 web A | head -1");

		assert_true(str_starts(out, "10.9.0."));
		first[out[7] - '2']++;
	}
	for (i = 0; i < 3; i++)
		assert_true(first[i] > 0); /* fails once in 60 000 runs */
}

/* A thousand queries from one socket, and rubbish among them. */
static void *flood(void *arg)
{
	struct command *c = arg;
	struct sockaddr_in sa = world_addr("127.0.0.11", 53);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval tv = {.tv_sec = 1};
	unsigned i, got = 0;
	uint8_t msg[600];
	int64_t start = time_boot_ns();

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	for (i = 0; i < 2000; i++) {
		size_t len = query(msg, (uint16_t)i, "web", DNS_A);

		send(fd, msg, i % 7, 0);
		send(fd, msg, len, 0);
		got += recv(fd, msg, sizeof(msg), 0) == (ssize_t)len + 48;
	}
	snprintf(c->output, sizeof(c->output), "%u", got);
	print_message("# a query takes %.1f us\n", (double)(time_boot_ns() - start) / 1000 / 2000);
	close(fd);
	uv_async_send(&c->done);
	return NULL;
}

static void stands_a_flood(void **state)
{
	struct command c = {0};
	pthread_t t;

	(void)state;
	NEED_ROOT();
	uv_async_init(&loop, &c.done, on_command);
	pthread_create(&t, NULL, flood, &c);
	while (!c.ended)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	pthread_join(t, NULL);
	assert_string_equal(c.output, "2000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_queries),  cmocka_unit_test(refuses_rubbish),
		cmocka_unit_test(writes_answers), cmocka_unit_test(reverse_names),
		cmocka_unit_test(corpus),	  cmocka_unit_test(answers_names),
		cmocka_unit_test(forwards),	  cmocka_unit_test(keeps_inside),
		cmocka_unit_test(shuffles),	  cmocka_unit_test(stands_a_flood),
	};

	world_enter();
	return cmocka_run_group_tests(tests, begin, finish);
}
