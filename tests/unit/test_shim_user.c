/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users and groups of an image: who is found, who is refused, and files that are traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "runtime/shim/shim.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "\n"
			     "broken\n"
			     "alice:x:1000:1001:A:/home/alice:/bin/sh\n"
			     "wrap:x:4294967296:0::/:/bin/sh\n"
			     "neg:x:-1:0::/:/bin/sh\n"
			     "nogid:x:5:x::/:/bin/sh\n"
			     "42:x:7:7::/:/bin/sh\n"
			     "last:x:9:9::/l:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "wheel:x:10:root,alice\n"
			    "staff:x:20:alice,bob\n"
			    "other:x:30:alic,alicea\n"
			    "alice:x:1001:\n"
			    "wrap:x:4294967295:alice\n";

struct world {
	char dir[64];
	int root;
};

static void put(const struct world *w, const char *path, const char *text, size_t len)
{
	struct error err = ERROR_INIT;
	auto_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, len, &err), 0);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptrs-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->root = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->root, "etc", 0755), 0);
	put(w, "etc/passwd", passwd, strlen(passwd));
	put(w, "etc/group", group, strlen(group));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;
	struct world *w = *state;

	close(w->root);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, &err), 0);
	free(w);
	return 0;
}

static void test_table(void **state)
{
	static const struct {
		const char *spec;
		int r;
		unsigned uid, gid;
		const char *groups, *home; /* groups in the order found */
	} rows[] = {
		{"", 0, 0, 0, "0 10", "/root"},
		{"root", 0, 0, 0, "0 10", "/root"},
		{"alice", 0, 1000, 1001, "1001 10 20", "/home/alice"},
		{"1000", 0, 1000, 1001, "1001 10 20", "/home/alice"},
		{"alice:staff", 0, 1000, 20, "20", "/home/alice"},
		{"alice:5", 0, 1000, 5, "5", "/home/alice"},
		{"77", 0, 77, 0, "0", "/"},
		{"77:88", 0, 77, 88, "88", "/"},
		{":20", 0, 0, 20, "20", "/root"},
		{"42", 0, 42, 0, "0", "/"}, /* digits are a number, whatever passwd says */
		{"last", 0, 9, 9, "9", "/l"},
		{"4294967294", 0, 4294967294u, 0, "0", "/"},
		{"4294967295", -ERANGE, 0, 0, "", ""},
		{"4294967296", -ERANGE, 0, 0, "", ""},
		{"99999999999999999999999", -ERANGE, 0, 0, "", ""},
		{"0:4294967296", -ERANGE, 0, 0, "", ""},
		{"-1", -ENOENT, 0, 0, "", ""},
		{"1x", -ENOENT, 0, 0, "", ""},
		{"0x0", -ENOENT, 0, 0, "", ""},
		{"wrap", -ENOENT, 0, 0, "", ""},
		{"neg", -ENOENT, 0, 0, "", ""},
		{"nogid", -ENOENT, 0, 0, "", ""},
		{"broken", -ENOENT, 0, 0, "", ""},
		{"bob", -ENOENT, 0, 0, "", ""},
		{"alice:wrap", -ENOENT, 0, 0, "", ""},
		{"alice:nobody", -ENOENT, 0, 0, "", ""},
	};
	const struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf found = BUF_INIT;
		char detail[DETAIL_MAX] = "";
		struct user_ids ids;
		int r = user_lookup(w->root, rows[i].spec, "", 0, &ids, detail);

		if (r != rows[i].r)
			fail_msg("\"%s\": %d, %s", rows[i].spec, r, detail);
		if (r < 0)
			continue;
		assert_int_equal(ids.uid, rows[i].uid);
		assert_int_equal(ids.gid, rows[i].gid);
		for (size_t g = 0; g < ids.group_count; g++)
			buf_addf(&found, "%s%u", g ? " " : "", ids.groups[g]);
		assert_string_equal(found.data, rows[i].groups);
		assert_string_equal(ids.home, rows[i].home);
	}
}

static void test_additional_groups(void **state)
{
	static const char names[] = "staff\0"
				    "10\0"
				    "10\0"
				    "555";
	const struct world *w = *state;
	char detail[DETAIL_MAX] = "";
	struct user_ids ids;

	assert_int_equal(user_lookup(w->root, "77", names, 4, &ids, detail), 0);
	assert_int_equal(ids.group_count, 4);
	assert_int_equal(ids.groups[1], 20);
	assert_int_equal(ids.groups[3], 555);
	assert_int_equal(user_lookup(w->root, "77", "nope", 1, &ids, detail), -ENOENT);
	assert_string_equal(detail, "the image has no group nope");
}

static void test_traps(void **state)
{
	const struct world *w = *state;
	char detail[DETAIL_MAX] = "";
	struct user_ids ids;

	/* a FIFO must not hang, a device and a directory are no files */
	assert_int_equal(unlinkat(w->root, "etc/passwd", 0), 0);
	assert_int_equal(mkfifoat(w->root, "etc/passwd", 0644), 0);
	assert_int_equal(user_lookup(w->root, "alice", "", 0, &ids, detail), -ENOENT);
	assert_int_equal(user_lookup(w->root, "5", "", 0, &ids, detail), 0);
	assert_int_equal(unlinkat(w->root, "etc/passwd", 0), 0);
	assert_int_equal(mkdirat(w->root, "etc/passwd", 0755), 0);
	assert_int_equal(user_lookup(w->root, "alice", "", 0, &ids, detail), -ENOENT);
	assert_int_equal(unlinkat(w->root, "etc/passwd", AT_REMOVEDIR), 0);
	/* out of the root */
	assert_int_equal(symlinkat("../../../../../../etc/passwd", w->root, "etc/passwd"), 0);
	assert_int_equal(user_lookup(w->root, "root", "", 0, &ids, detail), -ENOENT);
	assert_int_equal(unlinkat(w->root, "etc/passwd", 0), 0);
	/* too big a file, by its size alone */
	put(w, "etc/passwd", passwd, strlen(passwd));
	auto_fd int fd = openat(w->root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (10 << 20) + 1), 0);
	assert_int_equal(user_lookup(w->root, "alice", "", 0, &ids, detail), -ENOENT);
}

static void test_long_lines(void **state)
{
	const struct world *w = *state;
	auto_buf struct buf text = BUF_INIT;
	char detail[DETAIL_MAX] = "";
	struct user_ids ids;

	/* a list of members that a cut would end with "ali" */
	buf_adds(&text, "big:x:50:");
	while (text.len < 1023 - 3)
		buf_addc(&text, ',');
	buf_adds(&text, "alice\nsmall:x:60:ali\n");
	put(w, "etc/group", text.data, text.len);
	put(w, "etc/passwd", "ali:x:3:3::/:\n", 14);
	assert_int_equal(user_lookup(w->root, "ali", "", 0, &ids, detail), 0);
	assert_int_equal(ids.group_count, 2);
	assert_int_equal(ids.groups[1], 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_additional_groups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_traps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
