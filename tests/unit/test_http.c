/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each case is fed whole and byte by byte; the record of what was reported must be the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/http.h"

static int on_headers(void *arg, const struct http_message *msg, struct error *err)
{
	struct buf *log = arg;
	struct map_iter it = {0};

	(void)err;
	if (msg->method)
		buf_addf(log, "[%s %s", msg->method, msg->target);
	else
		buf_addf(log, "[%d", msg->status);
	while (map_next(msg->headers, &it))
		buf_addf(log, " %s=%s", it.key, (const char *)it.value);
	buf_addf(log, " len=%lld%s]", (long long)msg->content_length,
		 msg->upgrade ? " upgrade" : "");
	return 0;
}

static int on_body(void *arg, const char *data, size_t len, struct error *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static int on_done(void *arg, struct error *err)
{
	(void)err;
	buf_adds(arg, ".");
	return 0;
}

static const struct http_events events = {on_headers, on_body, on_done};

static ssize_t run(enum http_role role, const char *input, size_t len, size_t step, struct buf *log,
		   struct error *err)
{
	struct http_conn *c = http_conn_new(role, &events, log);
	size_t at = 0;
	ssize_t n = 0;

	while (at < len) {
		n = http_conn_feed(c, input + at, MIN(step, len - at), err);
		if (n < 0)
			break;
		at += (size_t)n;
		if ((size_t)n < MIN(step, len - at + (size_t)n))
			break;
	}
	http_conn_free(c);
	return n < 0 ? n : (ssize_t)at;
}

static const struct {
	enum http_role role;
	const char *input, *log; /* log NULL: refused */
} cases[] = {
	{HTTP_REQUESTS, "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "[GET /a?b=c host=x len=-1]."},
	{HTTP_REQUESTS,
	 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: y\r\n\r\n",
	 "[POST / host=x content-length=3 len=3]abc.[GET /2 host=y len=-1]."},
	{HTTP_REQUESTS,
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	 "[POST / transfer-encoding=chunked len=-1]abc."},
	{HTTP_REQUESTS, "GET / HTTP/1.1\r\nX:  a \r\nX: b\r\n\r\n", "[GET / x=a, b len=-1]."},
	{HTTP_REQUESTS,
	 "POST /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: cmp\r\nContent-Length: 2\r\n\r\n{}raw",
	 "[POST /x connection=Upgrade upgrade=cmp content-length=2 len=2 upgrade]{}."},
	{HTTP_RESPONSES,
	 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
	 "[200 content-length=2 len=2]ok.[404 content-length=0 len=0]."},
	{HTTP_RESPONSES, "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: cmp\r\n\r\nraw",
	 "[101 connection=Upgrade upgrade=cmp len=-1 upgrade]."},
	{HTTP_REQUESTS,
	 "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 NULL},
	{HTTP_REQUESTS, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	 NULL},
	{HTTP_REQUESTS, "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", NULL},
	{HTTP_REQUESTS, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	 NULL},
	{HTTP_REQUESTS, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", NULL},
	{HTTP_REQUESTS, "GET / HTTP/1.1\r\nA : b\r\n\r\n", NULL},
	{HTTP_REQUESTS, "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", NULL},
	{HTTP_REQUESTS, "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", NULL},
	{HTTP_REQUESTS, "nonsense\r\n\r\n", NULL},
};

static void test_cases(void **state)
{
	static const size_t steps[] = {1000, 1, 7};
	size_t i, s;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		for (s = 0; s < ARRAY_LEN(steps); s++) {
			struct error err = ERROR_INIT;
			auto_buf struct buf log = BUF_INIT;
			ssize_t n = run(cases[i].role, cases[i].input, strlen(cases[i].input),
					steps[s], &log, &err);

			if (!cases[i].log) {
				if (n >= 0)
					fail_msg("case %zu step %zu was accepted: %s", i, steps[s],
						 log.data);
				continue;
			}
			if (n < 0)
				fail_msg("case %zu step %zu: %s", i, steps[s], err.msg);
			assert_string_equal(log.data, cases[i].log);
		}
	}
}

static void test_upgrade_leaves_the_rest(void **state)
{
	const char *input = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: cmp\r\n\r\nrest";
	struct error err = ERROR_INIT;
	auto_buf struct buf log = BUF_INIT;
	ssize_t n;

	(void)state;
	n = run(HTTP_REQUESTS, input, strlen(input), 1000, &log, &err);
	assert_int_equal(n, strlen(input) - 4);
}

static void test_limits(void **state)
{
	auto_buf struct buf input = BUF_INIT, log = BUF_INIT;
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	buf_adds(&input, "GET / HTTP/1.1\r\n");
	for (i = 0; i < 101; i++)
		buf_addf(&input, "H%d: v\r\n", i);
	buf_adds(&input, "\r\n");
	assert_true(run(HTTP_REQUESTS, input.data, input.len, input.len, &log, &err) < 0);
	assert_int_equal(err.code, EMSGSIZE);
	buf_reset(&input);
	buf_adds(&input, "GET /");
	for (i = 0; i < 17000; i++)
		buf_addc(&input, 'a');
	assert_true(run(HTTP_REQUESTS, input.data, input.len, input.len, &log, &err) < 0);
}

static void test_targets(void **state)
{
	struct error err = ERROR_INIT;
	auto_free char *path = NULL;
	AUTO(map_free) struct map *query = NULL;

	(void)state;
	assert_int_equal(http_split_target("/a%20b?x=1&y=%41+b&z", &path, &query, &err), 0);
	assert_string_equal(path, "/a b");
	assert_string_equal(map_get(query, "x"), "1");
	assert_string_equal(map_get(query, "y"), "A b");
	assert_string_equal(map_get(query, "z"), "");
	assert_true(http_percent_decode("%00", 3, false, &path, &err) < 0);
	assert_true(http_percent_decode("%4", 2, false, &path, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_upgrade_leaves_the_rest),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
