/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of capabilities, signals and limits; cgroup paths. */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"

static void test_capabilities(void **state)
{
	struct error err = ERROR_INIT;
	uint64_t bit = 0;

	(void)state;
	assert_int_equal(runtime_capability("NET_ADMIN", &bit, &err), 0);
	assert_int_equal(bit, 1ull << CAP_NET_ADMIN);
	assert_int_equal(runtime_capability("cap_sys_time", &bit, &err), 0);
	assert_int_equal(bit, 1ull << CAP_SYS_TIME);
	assert_int_equal(runtime_capability("all", &bit, &err), 0);
	assert_int_equal(bit, (1ull << (CAP_LAST_CAP + 1)) - 1);
	assert_int_equal(runtime_capability("NET_ADMN", &bit, &err), -EINVAL);
	assert_string_equal(err.msg, "unknown capability NET_ADMN, did you mean NET_ADMIN?");
	assert_int_equal(runtime_capability("", &bit, &err), -EINVAL);
	assert_int_equal(runtime_default_capabilities(), 0xa80425fb);
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int signo;
	} good[] = {
		{"SIGTERM", SIGTERM}, {"term", SIGTERM}, {"15", 15},	      {"Kill", SIGKILL},
		{"sigusr1", SIGUSR1}, {"IOT", SIGABRT},	 {"CLD", SIGCHLD},    {"POLL", SIGIO},
		{"RTMIN", 34},	      {"RTMIN+3", 37},	 {"SIGRTMIN+15", 49}, {"RTMAX-14", 50},
		{"RTMAX", 64},	      {"64", 64},	 {"WINCH", SIGWINCH},
	};
	static const char *const bad[] = {"",	     "0",	 "65",	    "-1",     "TERMINATE",
					  "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMIN+", "SIG"};
	struct error err = ERROR_INIT;
	int signo = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(runtime_signal(good[i].text, &signo, &err), 0);
		assert_int_equal(signo, good[i].signo);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(runtime_signal(bad[i], &signo, &err), -EINVAL);
	assert_string_equal(runtime_signal_name(SIGTERM), "SIGTERM");
	assert_string_equal(runtime_signal_name(37), "SIGRTMIN+3");
	assert_string_equal(runtime_signal_name(64), "SIGRTMAX");
	assert_string_equal(runtime_signal_name(0), "unknown");
	for (int i = 1; i <= 64; i++) {
		if (i == 32 || i == 33)
			continue;
		assert_int_equal(runtime_signal(runtime_signal_name(i), &signo, &err), 0);
		assert_int_equal(signo, i);
	}
}

static void test_rlimits(void **state)
{
	struct error err = ERROR_INIT;
	int resource = -1;

	(void)state;
	assert_int_equal(runtime_rlimit("nofile", &resource, &err), 0);
	assert_int_equal(resource, RLIMIT_NOFILE);
	assert_int_equal(runtime_rlimit("RLIMIT_CORE", &resource, &err), 0);
	assert_int_equal(resource, RLIMIT_CORE);
	assert_int_equal(runtime_rlimit("nofiles", &resource, &err), -EINVAL);
	assert_string_equal(err.msg, "unknown resource limit nofiles, did you mean nofile?");
}

static void test_cgroup_paths(void **state)
{
	const struct runtime_host host = {.cgroup_root = "/sys/fs/cgroup"};
	static const struct {
		const char *controller, *parent, *id, *want;
	} rows[] = {
		{NULL, NULL, "1f", "/sys/fs/cgroup/cmp/1f"},
		{"memory", NULL, "1f", "/sys/fs/cgroup/memory/cmp/1f"},
		{"memory", "/a/b/", "1f", "/sys/fs/cgroup/memory/a/b/1f"},
		{NULL, "x.slice", NULL, "/sys/fs/cgroup/x.slice"},
		{NULL, "..", "1f", NULL},
		{NULL, "a/../..", "1f", NULL},
		{NULL, "/", "1f", NULL},
		{NULL, "", "1f", NULL},
		{NULL, "a\nb", "1f", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = ERROR_INIT;
		auto_free char *path = NULL;
		int r = runtime_cgroup_path(&host, rows[i].controller, rows[i].parent, rows[i].id,
					    &path, &err);

		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			assert_string_equal(path, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_cgroup_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
