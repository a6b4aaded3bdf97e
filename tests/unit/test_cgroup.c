/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Acting on real cgroups, below a parent of the test's own; skipped without root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "runtime/cgroup.h"

#define PARENT "cmptrc"
#define ID     "00000000000000000000000000000000000000000000000000000000000000ff"

static struct runtime_host host;

static void make(const char *controller, const char *id)
{
	auto_free char *path = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(runtime_cgroup_path(&host, controller, PARENT, id, &path, &err), 0);
	assert_int_equal(file_mkdir_p(path, 0755, &err), 0);
}

static void for_all(const char *id)
{
	if (host.cgroup_v2)
		make(NULL, id);
	for (char *const *c = host.v1_controllers; c && *c; c++) {
		if (!str_eq(*c, "cpuset")) /* takes no process before it has CPUs */
			make(*c, id);
	}
}

static void enter(const char *controller, const char *id, pid_t pid)
{
	auto_free char *path = NULL, *text = xasprintf("%d", pid);
	struct error err = ERROR_INIT;
	auto_fd int fd = -1;

	assert_int_equal(runtime_cgroup_path(&host, controller, PARENT, id, &path, &err), 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_poke(fd, "cgroup.procs", text, &err), 0);
}

static pid_t sleeper(const char *id)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	enter(host.cgroup_v2 ? NULL : host.v1_freezer, id, pid);
	return pid;
}

static void test_life(void **state)
{
	struct error err = ERROR_INIT;
	AUTO(strv_free) char **names = NULL;
	auto_free pid_t *pids = NULL;
	pid_t a, b;
	size_t count = 0;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	for_all(ID);
	make(host.cgroup_v2 ? NULL : host.v1_freezer, ID "/below");
	a = sleeper(ID);
	b = sleeper(ID "/below");
	assert_int_equal(runtime_cgroup_pids(&host, PARENT, ID, &pids, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(pids[0], a);
	assert_int_equal(pids[1], b);
	assert_int_equal(runtime_cgroup_list(&host, PARENT, &names, &err), 0);
	assert_int_equal(strv_len(names), 1);
	assert_string_equal(names[0], ID);
	assert_false(runtime_cgroup_oom_killed(&host, PARENT, ID));
	assert_int_equal(runtime_cgroup_remove(&host, PARENT, ID, &err), -EBUSY);
	assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_FREEZE, &err), 0);
	assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_THAW, &err), 0);
	assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_FREEZE, &err), 0);
	assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_KILL, &err), 0);
	if (host.cgroup_v2) /* killed while frozen; v1's killing thaws by itself */
		assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_THAW, &err), 0);
	assert_int_equal(waitpid(a, &status, 0), a);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(b, &status, 0), b);
	assert_int_equal(runtime_cgroup_remove(&host, PARENT, ID, &err), 0);
	assert_int_equal(runtime_cgroup_remove(&host, PARENT, ID, &err), 0); /* absence */
	assert_int_equal(runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_KILL, &err), -ENOENT);
}

static int setup(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	return runtime_host_probe(&host, &err);
}

/* The parent's directories, and what a failed test left in them. */
static int teardown(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	(void)!runtime_cgroup_act(&host, PARENT, ID, RT_CGROUP_KILL, &err);
	(void)!runtime_cgroup_remove(&host, PARENT, ID, &err);
	for (char *const *c = host.v1_controllers; c && *c; c++) {
		auto_free char *path = xasprintf("%s/%s/" PARENT, host.cgroup_root, *c);

		rmdir(path);
	}
	if (host.cgroup_v2) {
		auto_free char *path = xasprintf("%s/" PARENT, host.cgroup_root);

		rmdir(path);
	}
	runtime_host_release(&host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
