/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors, memory, buffers, vectors, maps, numbers, names, digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"

/* ---- errors */

static void test_error_chain(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_sys(&err, ENOENT, "open %s", "/x"), -ENOENT);
	assert_string_equal(err.msg, "open /x: No such file or directory");
	assert_int_equal(error_wrap(&err, "start container %s", "web"), -ENOENT);
	assert_string_equal(err.msg, "start container web: open /x: No such file or directory");
}

static void test_error_overflow(void **state)
{
	struct error err = ERROR_INIT;
	char before[sizeof(err.msg)];
	char context[400];

	(void)state;
	memset(context, 'c', sizeof(context) - 1);
	context[sizeof(context) - 1] = '\0';
	error_set(&err, EIO, "the root cause %s", context);
	memcpy(before, err.msg, sizeof(before));
	assert_int_equal(error_wrap(&err, "%s", context), -EIO);
	assert_string_equal(err.msg, before); /* the new context is dropped, not the cause */
}

/* ---- memory */

static int closed = -1;

static void test_cleanup(void **state)
{
	char *kept;

	(void)state;
	{
		auto_free char *gone = xstrdup("gone");
		auto_free char *text = xstrdup("kept");
		auto_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		closed = fd;
		kept = steal_ptr(&text);
		assert_null(text);
		assert_non_null(gone);
	}
	assert_string_equal(kept, "kept");
	assert_int_equal(fcntl(closed, F_GETFD), -1);
	free(kept);
}

static void test_arena(void **state)
{
	struct arena *a = arena_new();
	char *small = arena_strdup(a, "text"), *large = arena_alloc(a, (size_t)1 << 20);
	size_t i;

	(void)state;
	for (i = 0; i < (size_t)1 << 20; i++)
		assert_int_equal(large[i], 0);
	assert_string_equal(arena_printf(a, "%s %d", small, 5), "text 5");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_true(arena_used_bytes(a) >= (size_t)1 << 20);
	assert_int_equal((uintptr_t)arena_alloc(a, 1) % sizeof(void *), 0);
	arena_free(a);
}

/* ---- buffers */

static void test_buf(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 16);
	buf_adds(&b, "0123456789");
	buf_addf(&b, "%s", "abcde");
	assert_string_equal(b.data, "0123456789abcde");
	buf_adds(&b, "xx"); /* would pass the ceiling: nothing of it is added */
	assert_true(b.overflow);
	assert_string_equal(b.data, "0123456789abcde");
	buf_consume(&b, 10);
	assert_string_equal(b.data, "abcde");
	text = buf_steal(&b);
	assert_string_equal(text, "abcde");
	free(text);
	text = buf_steal(&b);
	assert_string_equal(text, "");
	free(text);
	buf_release(&b);
}

/* ---- vectors */

static void test_strv(void **state)
{
	char **v = strv_split("  a b   c ", " "), **copy;
	char *text;
	int i;

	(void)state;
	assert_int_equal(strv_len(v), 3);
	assert_int_equal(strv_len(NULL), 0);
	copy = strv_dup(v);
	for (i = 0; i < 20; i++) /* beyond any capacity that the copy was made with */
		strv_pushf(&copy, "%02d", i);
	assert_int_equal(strv_len(copy), 23);
	assert_true(strv_has(copy, "19"));
	assert_false(strv_has(v, "19"));
	strv_sort(copy);
	assert_string_equal(copy[0], "00");
	text = strv_join(v, ", ");
	assert_string_equal(text, "a, b, c");
	free(text);
	strv_free(v);
	strv_free(copy);
}

/* ---- maps */

static void test_map(void **state)
{
	struct map *m = map_new(free);
	struct map_iter it = {0};
	char key[16];
	int i, n = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set(m, key, xstrdup(key));
	}
	assert_int_equal(map_len(m), 1000);
	map_set(m, "k5", xstrdup("new")); /* frees the old value, keeps the place */
	assert_string_equal(map_get(m, "k5"), "new");
	while (map_next(m, &it)) {
		snprintf(key, sizeof(key), "k%d", n++);
		assert_string_equal(it.key, key); /* in the order of insertion */
		if (n % 2)
			assert_true(map_remove(m, it.key)); /* allowed in the walk */
	}
	assert_int_equal(n, 1000);
	assert_int_equal(map_len(m), 500);
	assert_null(map_get(m, "k0"));
	assert_non_null(map_get(m, "k999"));
	assert_false(map_remove(m, "k0"));
	map_free(m);
	assert_int_equal(map_len(NULL), 0);
}

/* ---- numbers */

static void test_numbers(void **state)
{
	static const char *const bad[] = {"",	" 1",  "1 ",  "+1",
					  "-1", "0x1", "1e3", "18446744073709551616"};
	uint64_t u64;
	uint16_t u16;
	int64_t i64;
	uint32_t u32;
	size_t i;

	(void)state;
	assert_int_equal(parse_u64("18446744073709551615", &u64), 0);
	assert_true(u64 == UINT64_MAX);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(parse_u64(bad[i], &u64) < 0);
	assert_int_equal(parse_i64("-5", &i64), 0);
	assert_int_equal(i64, -5);
	assert_int_equal(parse_u16("65535", &u16), 0);
	assert_true(parse_u16("65536", &u16) < 0);
	assert_int_equal(parse_octal("0755", &u32), 0);
	assert_int_equal(u32, 0755);
	assert_true(parse_octal("8", &u32) < 0);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"512", 512},
		    {"10k", 10240},
		    {"64MiB", 67108864},
		    {"1.5g", 1610612736},
		    {"10 kb", 10240}};
	static const char *const bad[] = {"", "k", "10q", "1.2.3m", "-1m", "99999999999999g"};
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(parse_bytes(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(parse_bytes(bad[i], &bytes) < 0);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"0", 0}, {"1m30s", 90000000000}, {"500ms", 500000000}, {"1.5h", 5400000000000}};
	static const char *const bad[] = {"", "10", "10sec", "s", "1m30", "99999999h"};
	int64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(parse_duration_ns(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(parse_duration_ns(bad[i], &ns) < 0);
}

/* ---- names */

static void test_names(void **state)
{
	static const char *const verbs[] = {"up", "down", "scale", "image", "ports"};

	(void)state;
	assert_string_equal(str_nearest("imge", verbs, ARRAY_LEN(verbs)), "image");
	assert_string_equal(str_nearest("prots", verbs, ARRAY_LEN(verbs)), "ports");
	assert_null(str_nearest("completely", verbs, ARRAY_LEN(verbs)));
	assert_true(str_valid_name("web-1_a.b"));
	assert_false(str_valid_name(""));
	assert_false(str_valid_name("-web"));
	assert_false(str_valid_name("a/b"));
	assert_true(str_valid_hostname("a.b-c"));
	assert_false(str_valid_hostname("a\nb"));
	assert_false(str_valid_hostname("-a"));
	assert_false(str_printable("a\tb"));
}

static void test_digest(void **state)
{
	char hex[DIGEST_HEX_MAX], other[DIGEST_HEX_MAX];
	struct digest d;

	(void)state;
	digest_of("abc", 3, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_init(&d);
	digest_add(&d, "a", 1);
	digest_add(&d, "bc", 2);
	digest_hex(&d, other);
	assert_string_equal(hex, other);
	assert_true(digest_valid(
		"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_false(digest_valid(
		"sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_false(digest_valid("sha256:ba78"));
	digest_random_id(hex);
	digest_random_id(other);
	assert_string_not_equal(hex, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_chain), cmocka_unit_test(test_error_overflow),
		cmocka_unit_test(test_cleanup),	    cmocka_unit_test(test_arena),
		cmocka_unit_test(test_buf),	    cmocka_unit_test(test_strv),
		cmocka_unit_test(test_map),	    cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),	    cmocka_unit_test(test_durations),
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
