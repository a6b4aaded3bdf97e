/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files confined to a root, JSON and its codec, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"

/* ---- files: a tree with links that try to lead out of it */

static char *dir;
static int root;

static int set_up(void **state)
{
	struct error err = ERROR_INIT;
	char template[] = "/tmp/cmpt-base.XXXXXX";
	int fd;

	(void)state;
	dir = xstrdup(mkdtemp(template));
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	fd = file_inroot_mkdir_p(root, "a/b/c", 0755, getuid(), getgid(), &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlinkat("/etc", root, "abs"), 0);
	assert_int_equal(symlinkat("../../../../etc", root, "up"), 0);
	assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	close(root);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &err), 0);
	assert_false(file_exists(AT_FDCWD, dir));
	free(dir);
	return 0;
}

static void test_inroot(void **state)
{
	static const char *const outside[] = {"abs/passwd", "up/passwd", "../../etc/passwd",
					      "a/../../../etc/passwd"};
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(outside); i++)
		assert_int_equal(file_inroot_open(root, outside[i], O_RDONLY, 0, &err), -ENOENT);
}

static void test_parent(void **state)
{
	struct error err = ERROR_INIT;
	const char *name;
	int fd = file_inroot_parent(root, "a/b/new", &name, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_string_equal(name, "new");
	close(fd);
	assert_true(file_inroot_parent(root, "a/..", &name, &err) < 0);
	assert_true(file_inroot_parent(root, "missing/x", &name, &err) < 0);
}

static void test_read_limits(void **state)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = xasprintf("%s/file", dir), *fifo = xasprintf("%s/fifo", dir);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "0123456789", 10, 0600, &err), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 10, &text, &err), 0);
	assert_string_equal(text.data, "0123456789");
	buf_reset(&text);
	assert_true(file_read(AT_FDCWD, path, 9, &text, &err) < 0);
	assert_true(file_read(AT_FDCWD, fifo, 10, &text, &err) < 0); /* does not hang */
	assert_true(file_read(AT_FDCWD, "/dev/zero", 10, &text, &err) < 0);
	assert_true(file_poke(AT_FDCWD, "/nowhere/at/all", "x", &err) < 0);
}

static void test_remove_keeps_outside(void **state)
{
	auto_free char *outside = xasprintf("%s.outside", dir),
		       *kept = xasprintf("%s/kept", outside);
	auto_free char *tree = xasprintf("%s/tree", dir), *link = xasprintf("%s/tree/link", dir);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(file_mkdir_p(outside, 0700, &err), 0);
	assert_int_equal(file_mkdir_p(tree, 0700, &err), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, kept, "x", 1, 0600, &err), 0);
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, &err), 0);
	assert_true(file_exists(AT_FDCWD, kept));
	assert_int_equal(file_remove_tree(AT_FDCWD, outside, &err), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, outside, &err), 0); /* absence is success */
}

/* ---- JSON */

struct item {
	char *name;
	int64_t count;
};

struct thing {
	char *text, **list;
	bool on;
	struct item *items;
	size_t item_count;
	json_t *any;
};

static const struct json_field item_fields[] = {
	{"name", JSON_K_STR, offsetof(struct item, name), 0, 0, NULL, JSON_F_REQUIRED},
	{"count", JSON_K_INT, offsetof(struct item, count), 0, 0, NULL, 0},
	{0},
};

static const struct json_field thing_fields[] = {
	{"text", JSON_K_STR, offsetof(struct thing, text), 0, 0, NULL, 0},
	{"list", JSON_K_STRV, offsetof(struct thing, list), 0, 0, NULL, 0},
	{"on", JSON_K_BOOL, offsetof(struct thing, on), 0, 0, NULL, 0},
	{"items", JSON_K_LIST, offsetof(struct thing, items), offsetof(struct thing, item_count),
	 sizeof(struct item), item_fields, 0},
	{"any", JSON_K_VALUE, offsetof(struct thing, any), 0, 0, NULL, 0},
	{0},
};

static int decode(const char *text, struct thing *t, struct error *err)
{
	auto_json json_t *doc = NULL;
	int r = json_load_text(text, strlen(text), &doc, err);

	*t = (struct thing){0};
	return r < 0 ? r : json_decode(doc, thing_fields, t, "thing", err);
}

static void test_codec(void **state)
{
	static const char text[] = "{\"text\":\"a\",\"list\":[\"x\",\"y\"],\"on\":true,"
				   "\"items\":[{\"name\":\"n\",\"count\":3}],\"any\":{\"k\":1}}";
	auto_json json_t *out = NULL;
	auto_free char *again = NULL;
	struct error err = ERROR_INIT;
	struct thing t;

	(void)state;
	assert_int_equal(decode(text, &t, &err), 0);
	assert_int_equal(t.item_count, 1);
	assert_int_equal(t.items[0].count, 3);
	out = json_encode(thing_fields, &t);
	again = json_text(out);
	assert_string_equal(again, text);
	json_release(thing_fields, &t);
}

static void test_codec_wrong(void **state)
{
	static const char *const cases[][2] = {
		{"{\"text\":5}", "thing.text"},
		{"{\"list\":[1]}", "thing.list"},
		{"{\"items\":[{\"name\":\"a\"},{\"count\":1}]}", "thing.items[1]"},
		{"{\"on\":\"yes\"}", "thing.on"},
	};
	struct error err;
	struct thing t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		err = ERROR_INIT;
		assert_int_equal(decode(cases[i][0], &t, &err), -EINVAL);
		assert_non_null(strstr(err.msg, cases[i][1]));
		json_release(thing_fields, &t);
	}
	assert_true(decode("{\"a\":1,\"a\":2}", &t, &err) < 0); /* twice the same key */
	assert_true(decode("{", &t, &err) < 0);
}

/* ---- times */

static void test_times(void **state)
{
	struct error err = ERROR_INIT;
	char text[TIME_TEXT_MAX];
	int64_t ns;

	(void)state;
	time_format(1767323045000000006, text);
	assert_string_equal(text, "2026-01-02T03:04:05.000000006Z");
	assert_int_equal(time_parse("2026-01-02T04:04:05.000000006+01:00", 0, &ns, &err), 0);
	assert_true(ns == 1767323045000000006);
	assert_int_equal(time_parse("10m", 1767323045000000006, &ns, &err), 0);
	assert_true(ns == 1767323045000000006 - 600 * NS_PER_SEC);
	assert_int_equal(time_parse("1767323045.5", 0, &ns, &err), 0);
	assert_true(ns == 1767323045500000000);
	assert_true(time_parse("yesterday", 0, &ns, &err) < 0);
	time_format_duration(90 * NS_PER_SEC, text);
	assert_string_equal(text, "1m30s");
	time_format_duration(1500 * NS_PER_MS, text);
	assert_string_equal(text, "1.5s");
	assert_true(time_boot_ns() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inroot),	    cmocka_unit_test(test_parent),
		cmocka_unit_test(test_read_limits), cmocka_unit_test(test_remove_keeps_outside),
		cmocka_unit_test(test_codec),	    cmocka_unit_test(test_codec_wrong),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
