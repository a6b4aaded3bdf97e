/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler, without root: specifications become programs, whose text is compared with
 * tests/golden/launch/NAME.txt (UPDATE_GOLDEN=1 rewrites them).  The hosts are made up, so that
 * both versions of cgroups are seen on every machine.  What the seccomp filters do is
 * test_seccomp's matter; here they are left out, since they differ from one libseccomp to the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <linux/mount.h>

#include "base/file.h"
#include "base/str.h"
#include "runtime/program.h"
#include "runtime/runtime.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
/* strings for vectors of char *, which nobody writes to */
#define S(text)	   ((char *)(uintptr_t)(text))
#define GOLDEN_MAX ((size_t)1 << 20)

static char *const controllers[] = {S("memory"),  S("cpu,cpuacct"), S("cpuset"), S("devices"),
				    S("freezer"), S("blkio"),	    S("pids"),	 NULL};
static const struct runtime_host v1 = {
	.cgroup_root = "/sys/fs/cgroup",
	.v1_controllers = controllers,
	.v1_freezer = "freezer",
	.capabilities = 0x1ffffffffff,
	.core_hard = UINT64_MAX,
	.nofile_hard = 524288,
	.mount_api = true,
	.overlay_lowerdir_append = true,
};
static const struct runtime_host v2 = {
	.cgroup_v2 = true,
	.cgroup_root = "/sys/fs/cgroup",
	.capabilities = 0x1ffffffffff,
	.core_hard = UINT64_MAX,
	.nofile_hard = 524288,
	.mount_api = true,
	.overlay_lowerdir_append = true,
	.clone_into_cgroup = true,
};

static char *const layers[] = {S("/s/layers/base"), S("/s/layers/top"), NULL};
static char *const args[] = {S("sleep"), S("10"), NULL};
static char *const env[] = {S("PATH=/usr/bin:/bin"), S("A=b c"), NULL};

static struct runtime_spec plain(void)
{
	return (struct runtime_spec){
		.id = ID,
		.layers = layers,
		.container_dir = "/s/containers/" ID,
		.process = {.args = args,
			    .env = env,
			    .cwd = "/",
			    .user = "",
			    .capabilities = runtime_default_capabilities()},
		.hostname = "web",
		.loopback = true,
	};
}

/* ---- the cases */

static struct runtime_spec spec_default(void)
{
	return plain();
}

static struct runtime_spec spec_tty_init(void)
{
	struct runtime_spec s = plain();

	s.init = true;
	s.process.tty = true;
	s.process.stdin_open = true;
	s.process.rows = 24;
	s.process.columns = 80;
	s.process.user = "app:staff";
	s.process.cwd = "/srv/app";
	s.log_max_bytes = 10 << 20;
	s.log_max_files = 3;
	return s;
}

static struct runtime_spec spec_privileged(void)
{
	struct runtime_spec s = plain();

	s.privileged = true;
	s.process.privileged = true;
	s.process.capabilities = UINT64_MAX;
	s.network.mode = s.pid.mode = s.ipc.mode = s.uts.mode = RT_NS_HOST;
	s.loopback = false;
	return s;
}

static struct runtime_spec spec_limits(void)
{
	static const struct runtime_rlimit rlimits[] = {
		{RLIMIT_NOFILE, 1024, 4096},
		{RLIMIT_MEMLOCK, UINT64_MAX, UINT64_MAX},
	};
	static char *const rules[] = {S("c 1:3 mr"), S("a 42:* rmw"), NULL};
	struct runtime_spec s = plain();

	s.rlimits = rlimits;
	s.rlimit_count = ARRAY_LEN(rlimits);
	s.oom_score_adj = 300;
	s.resources = (struct runtime_resources){
		.memory_bytes = 256 << 20,
		.memory_reservation_bytes = 64 << 20,
		.memory_swap_bytes = 512 << 20,
		.cpu_quota_us = 150000,
		.cpu_period_us = 100000,
		.cpu_shares = 512,
		.cpuset_cpus = "0-1",
		.pids_limit = 100,
	};
	s.cgroup_parent = "/stack/web";
	s.device_rules = rules;
	return s;
}

static struct runtime_spec spec_mounts(void)
{
	static const struct runtime_mount mounts[] = {
		{.kind = RT_MOUNT_VOLUME,
		 .source = "/s/volumes/data/_data",
		 .target = "/var/lib/data/deep",
		 .populate = true},
		{.kind = RT_MOUNT_BIND,
		 .source = "/home/me/src",
		 .subpath = "lib",
		 .target = "/usr/src",
		 .attr = MOUNT_ATTR_RDONLY,
		 .propagation = "rslave"},
		{.kind = RT_MOUNT_TMPFS,
		 .target = "/tmp",
		 .data = "size=64m,mode=1777",
		 .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV},
	};
	static const struct runtime_file files[] = {
		{.source = "/s/containers/" ID "/hosts", .target = "/etc/hosts"},
		{.source = "/s/secrets/key", .target = "/run/secrets/key", .readonly = true},
	};
	static const struct runtime_device devices[] = {
		{.source = "/dev/zero", .target = "/dev/nought", .permissions = "rw"},
	};
	struct runtime_spec s = plain();

	s.mounts = mounts;
	s.mount_count = ARRAY_LEN(mounts);
	s.files = files;
	s.file_count = ARRAY_LEN(files);
	s.devices = devices;
	s.device_count = ARRAY_LEN(devices);
	s.readonly_root = true;
	s.shm_bytes = 1 << 20;
	return s;
}

static struct runtime_spec spec_network(void)
{
	static const char link[32] = "\x20\0\0\0link";
	static const struct runtime_netlink netlink[] = {
		{.in_host = true,
		 .message = link,
		 .len = sizeof(link),
		 .netns_fd_offset = 16,
		 .ifindex_offset = -1,
		 .sentence = "connect eth0 to the network web_default"},
		{.message = link,
		 .len = sizeof(link),
		 .netns_fd_offset = -1,
		 .ifindex_offset = 20,
		 .ifname = "eth0",
		 .sentence = "set address 10.89.0.2/24 on eth0"},
	};
	static char *const sysctls[] = {S("net.core.somaxconn=1024"), NULL};
	struct runtime_spec s = plain();

	s.netlink = netlink;
	s.netlink_count = ARRAY_LEN(netlink);
	s.dns = true;
	s.no_ipv6 = true;
	s.sysctls = sysctls;
	return s;
}

static struct runtime_spec spec_shared(void)
{
	struct runtime_spec s = plain();

	s.network = (struct runtime_namespace){RT_NS_PATH, "/proc/17/ns/net"};
	s.pid = (struct runtime_namespace){RT_NS_PATH, "/proc/17/ns/pid"};
	s.ipc = (struct runtime_namespace){RT_NS_PATH, "/proc/17/ns/ipc"};
	s.loopback = false;
	s.process.no_new_privileges = true;
	s.unmask = true;
	return s;
}

static const struct {
	const char *name;
	struct runtime_spec (*spec)(void);
	const struct runtime_host *host;
} cases[] = {
	{"default-v1", spec_default, &v1},	 {"default-v2", spec_default, &v2},
	{"tty-init", spec_tty_init, &v2},	 {"privileged-v1", spec_privileged, &v1},
	{"privileged-v2", spec_privileged, &v2}, {"limits-v1", spec_limits, &v1},
	{"limits-v2", spec_limits, &v2},	 {"mounts", spec_mounts, &v2},
	{"network", spec_network, &v2},		 {"shared", spec_shared, &v1},
};

/* ---- goldens */

/* Without the sizes and digests of what libraries make. */
static char *normalise(char *text)
{
	static const char *const words[] = {"seccomp [", "nft ["};
	auto_buf struct buf out = BUF_INIT;
	AUTO(strv_free) char **lines = strv_split(text, "\n");

	for (char **line = lines; line && *line; line++) {
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			char *from = strstr(*line, words[i]), *to = from ? strchr(from, ']') : NULL;

			if (to)
				memmove(from + strlen(words[i]), to, strlen(to) + 1);
		}
		buf_addf(&out, "%s\n", *line);
	}
	return buf_steal(&out);
}

static void compare(const char *name, const struct buf *program)
{
	const char *top = getenv("top_srcdir");
	auto_free char *path = xasprintf("%s/tests/golden/launch/%s.txt", top ? top : ".", name);
	auto_buf struct buf text = BUF_INIT, want = BUF_INIT;
	struct error err = ERROR_INIT;
	auto_free char *got = NULL;

	runtime_describe(program->data, program->len, &text);
	got = normalise(text.data);
	if (getenv("UPDATE_GOLDEN")) {
		assert_int_equal(file_write_atomic(AT_FDCWD, path, got, strlen(got), 0644, &err),
				 0);
		return;
	}
	if (file_read(AT_FDCWD, path, GOLDEN_MAX, &want, &err) < 0)
		fail_msg("%s", err.msg);
	if (!str_eq(got, want.data))
		fail_msg("%s differs; it is now:\n%s", path, got);
}

static void test_goldens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct runtime_spec spec = cases[i].spec();
		auto_buf struct buf program = BUF_INIT;
		struct error err = ERROR_INIT;

		if (runtime_compile(cases[i].host, &spec, &program, &err) < 0)
			fail_msg("%s: %s", cases[i].name, err.msg);
		compare(cases[i].name, &program);
	}
}

static void test_exec_golden(void **state)
{
	struct runtime_spec spec = spec_default();
	struct runtime_process process = spec.process;
	auto_buf struct buf program = BUF_INIT, privileged = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	process.user = "1000:1000";
	process.tty = true;
	process.cwd = "/tmp";
	if (runtime_compile_exec(&v2, &spec, &process, &program, &err) < 0)
		fail_msg("%s", err.msg);
	compare("exec", &program);
	process.privileged = true;
	process.tty = false;
	if (runtime_compile_exec(&v1, &spec, &process, &privileged, &err) < 0)
		fail_msg("%s", err.msg);
	compare("exec-privileged", &privileged);
}

/* ---- what is refused */

static void refused(const struct runtime_spec *spec, const char *word)
{
	auto_buf struct buf program = BUF_INIT;
	struct error err = ERROR_INIT;

	assert_int_equal(runtime_compile(&v2, spec, &program, &err), -EINVAL);
	if (!strstr(err.msg, word))
		fail_msg("\"%s\" does not name %s", err.msg, word);
}

static void test_refused_targets(void **state)
{
	static const char *const targets[] = {"/proc",	  "/proc/sys",	"/",   "//proc/./self",
					      "relative", "/a/../proc", "/..", "/sys/fs/cgroup"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct runtime_mount mount = {.kind = RT_MOUNT_BIND, .source = "/srv"};
		struct runtime_spec spec = plain();

		if (str_eq(targets[i], "/sys/fs/cgroup"))
			continue; /* allowed: the user's own view of it */
		mount.target = targets[i];
		spec.mounts = &mount;
		spec.mount_count = 1;
		refused(&spec, targets[i]);
	}
}

static void test_refused_values(void **state)
{
	static char *const bad_sysctls[][2] = {
		{S("kernel.core_pattern=|/x"), NULL}, {S("vm.swappiness=1"), NULL},
		{S("net/../kernel.x=1"), NULL},	      {S("net.core"), NULL},
		{S("net.core.x=1\n2"), NULL},
	};
	static char *const bad_rules[][2] = {
		{S(""), NULL},	       {S("c"), NULL},
		{S("c 1:3"), NULL},    {S("x 1:3 rwm"), NULL},
		{S("c 1 rwm"), NULL},  {S("c 1:3 rwmr"), NULL},
		{S("c 1:3 "), NULL},   {S("c 1:3 rwm\n"), NULL},
		{S("c -1:3 r"), NULL}, {S("c 1:4294967295 r"), NULL},
		{S("c : r"), NULL},    {S("c1:3 r"), NULL},
	};
	char *const none[] = {NULL};
	struct runtime_spec spec = plain();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_sysctls); i++) {
		spec = plain();
		spec.sysctls = bad_sysctls[i];
		refused(&spec, "sysctl");
	}
	spec = plain();
	spec.sysctls = (char *const[]){S("net.core.somaxconn=1"), NULL};
	spec.network.mode = RT_NS_HOST;
	refused(&spec, "sysctl");
	spec = plain();
	spec.process.args = none;
	refused(&spec, "command");
	spec = plain();
	spec.cgroup_parent = "../other";
	refused(&spec, "../other");
	for (size_t i = 0; i < ARRAY_LEN(bad_rules); i++) {
		spec = plain();
		spec.device_rules = bad_rules[i];
		refused(&spec, "device cgroup rule");
	}
	spec = plain();
	spec.process.cwd = "relative";
	refused(&spec, "relative");
}

/* ---- explaining */

static void test_explain(void **state)
{
	struct runtime_spec spec = plain();
	auto_buf struct buf program = BUF_INIT;
	const struct program_header *h;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(runtime_compile(&v2, &spec, &program, &err), 0);
	h = (const struct program_header *)(const void *)program.data;
	runtime_explain(program.data, program.len, h->child_end - 1, ENOENT, "sleep", &err);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "sleep"));
	assert_true(str_ends(err.msg, ": No such file or directory"));
	runtime_explain(program.data, program.len, 4000000, EIO, NULL, &err);
	assert_string_equal(err.msg, "start the container: Input/output error");
	runtime_explain("x", 1, 0, EIO, "", &err);
	assert_string_equal(err.msg, "start the container: Input/output error");
}

/* Two compilations of one specification are the same bytes. */
static void test_deterministic(void **state)
{
	struct runtime_spec spec = spec_mounts();
	auto_buf struct buf a = BUF_INIT, b = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(runtime_compile(&v2, &spec, &a, &err), 0);
	assert_int_equal(runtime_compile(&v2, &spec, &b, &err), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),		cmocka_unit_test(test_exec_golden),
		cmocka_unit_test(test_refused_targets), cmocka_unit_test(test_refused_values),
		cmocka_unit_test(test_explain),		cmocka_unit_test(test_deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
