/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/mount.h>

#include "base/str.h"
#include "volumes/volumes.h"

#define ATTR_DEFAULT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static void test_options(void **state)
{
	static const struct {
		const char *text, *target, *data; /* data NULL: refused */
		unsigned long attr;
	} rows[] = {
		{"/run", "/run", "mode=1777", ATTR_DEFAULT},
		{"/run:size=64m,mode=755,uid=5", "/run", "size=67108864,mode=755,uid=5",
		 ATTR_DEFAULT},
		{"/x:exec,ro", "/x", "mode=1777",
		 (ATTR_DEFAULT & ~(unsigned long)MOUNT_ATTR_NOEXEC) | MOUNT_ATTR_RDONLY},
		{"/x:nr_inodes=10k,gid=7", "/x", "nr_inodes=10240,mode=1777,gid=7", ATTR_DEFAULT},
		{"run", NULL, NULL, 0},
		{"/x:sise=1", NULL, NULL, 0},
		{"/x:size=-1", NULL, NULL, 0},
		{"/x:mode=99", NULL, NULL, 0},
		{"/x:mode=77777", NULL, NULL, 0},
		{"/x:bogus", NULL, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct volume_tmpfs t = {0};
		struct error err = ERROR_INIT;
		int r = volume_tmpfs_parse(rows[i].text, &t, &err);
		auto_free char *data = NULL;

		if ((r == 0) != (rows[i].data != NULL))
			fail_msg("%s: %s", rows[i].text, err.msg);
		if (r < 0)
			continue;
		data = volume_tmpfs_data(&t);
		assert_string_equal(t.target, rows[i].target);
		assert_string_equal(data, rows[i].data);
		assert_int_equal(t.attr, rows[i].attr);
		volume_tmpfs_release(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_options)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
