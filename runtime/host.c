/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel of this host can do, asked once.  Each probe is a system call that fails in one
 * way where the feature exists and in another where it does not; none of them makes anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "runtime/runtime.h"

#define CGROUP_ROOT   "/sys/fs/cgroup"
#define MOUNTINFO_MAX ((size_t)16 << 20)
#define SHORT_MAX     ((size_t)4096)
#define CPUS_MAX      4096
#define NO_SUCH_FD    0x7ffffffful

#ifndef FSCONFIG_SET_STRING
#define FSCONFIG_SET_STRING 1
#endif

static bool has_call(long number)
{
	return syscall(number, NO_SUCH_FD, NULL, 0, NULL, 0) == 0 || errno != ENOSYS;
}

static bool has_mount_api(void)
{
	static const long calls[] = {SYS_fsopen,       SYS_fsconfig,  SYS_fsmount,
				     SYS_move_mount,   SYS_open_tree,
#ifdef SYS_mount_setattr
				     SYS_mount_setattr
#else
				     442
#endif
	};

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (!has_call(calls[i]))
			return false;
	}
	return true;
}

static bool has_overlay_append(void)
{
	auto_fd int fd = (int)syscall(SYS_fsopen, "overlay", 1 /* FSOPEN_CLOEXEC */);

	return fd >= 0 && syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, "lowerdir+", "/", 0) == 0;
}

static bool has_clone_into_cgroup(void)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .cgroup = NO_SUCH_FD};

	/* never succeeds: there is no such descriptor */
	return syscall(SYS_clone3, &args, sizeof(args)) < 0 && errno == EBADF;
}

/* Those that exist on this kernel and that we have: in a container of another engine not all. */
static int probe_capabilities(struct runtime_host *h, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct own[2];
	uint32_t last = 0;
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", SHORT_MAX, &text, err);

	if (r < 0)
		return r;
	if (parse_u32(str_trim(text.data), &last) < 0 || last > 62)
		return error_set(err, EINVAL, "the kernel's last capability is %s", text.data);
	if (syscall(SYS_capget, &head, own) < 0)
		return error_sys(err, errno, "read our capabilities");
	h->capabilities = (UINT64_C(1) << (last + 1)) - 1;
	if (geteuid() == 0) /* others ask what there is, not what they may */
		h->capabilities &= (uint64_t)own[1].permitted << 32 | own[0].permitted;
	return 0;
}

static bool has_apparmor(void)
{
	auto_buf struct buf text = BUF_INIT;
	struct error none = ERROR_INIT;

	return file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", SHORT_MAX, &text,
			 &none) == 0 &&
	       str_starts(text.data ?: "", "Y");
}

static uint64_t hard_limit(__rlimit_resource_t resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) < 0 ? 0 : limit.rlim_max;
}

static unsigned count_thermal_cpus(void)
{
	unsigned n = 0;

	while (n < CPUS_MAX) {
		auto_free char *path =
			xasprintf("/sys/devices/system/cpu/cpu%u/thermal_throttle", n);

		if (!file_exists(AT_FDCWD, path))
			break;
		n++;
	}
	return n;
}

/* One line of mountinfo: ID PARENT DEV ROOT TARGET OPTIONS [TAGS] - TYPE SOURCE SUPER_OPTIONS */
static void read_mount(struct runtime_host *h, char ***controllers, const char *line)
{
	AUTO(strv_free) char **fields = strv_split(line, " ");
	size_t n = strv_len(fields), dash = 6;
	const char *name, *super;

	while (dash < n && !str_eq(fields[dash], "-"))
		dash++;
	if (dash + 3 >= n)
		return;
	if (str_eq(fields[dash + 1], "cgroup2") && str_eq(fields[4], CGROUP_ROOT))
		h->cgroup_v2 = true;
	name = str_skip(fields[4], CGROUP_ROOT "/");
	super = fields[dash + 3];
	if (!str_eq(fields[dash + 1], "cgroup") || !name || strchr(name, '/') ||
	    strstr(super, "name=") || strv_has(*controllers, name))
		return;
	strv_push(controllers, xstrdup(name));
	if (str_eq(name, "freezer"))
		h->v1_freezer = (*controllers)[strv_len(*controllers) - 1];
}

static int probe_cgroups(struct runtime_host *h, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	AUTO(strv_free) char **lines = NULL;
	char **controllers = NULL;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, err);

	if (r < 0)
		return r;
	lines = strv_split(text.data ?: "", "\n");
	for (char **line = lines; line && *line; line++)
		read_mount(h, &controllers, *line);
	if (!controllers && !h->cgroup_v2)
		return error_set(err, ENOENT, "no cgroups are mounted below " CGROUP_ROOT);
	if (h->cgroup_v2) { /* what else is mounted below it is not ours */
		h->v1_freezer = NULL;
		strv_free(controllers);
		controllers = NULL;
	}
	h->cgroup_root = CGROUP_ROOT;
	h->v1_controllers = controllers;
	return 0;
}

int runtime_host_probe(struct runtime_host *ret, struct error *err)
{
	struct runtime_host h = {.cgroup_v2 = false};
	int r = probe_capabilities(&h, err);

	if (r == 0)
		r = probe_cgroups(&h, err);
	if (r < 0)
		return error_wrap(err, "look at the kernel");
	h.mount_api = has_mount_api();
	h.overlay_lowerdir_append = h.mount_api && has_overlay_append();
	h.clone_into_cgroup = h.cgroup_v2 && has_clone_into_cgroup();
	h.dev_dir = "/dev";
	h.apparmor = has_apparmor();
	h.core_hard = hard_limit(RLIMIT_CORE);
	h.nofile_hard = hard_limit(RLIMIT_NOFILE);
	h.thermal_cpus = count_thermal_cpus();
	*ret = h;
	return 0;
}

void runtime_host_release(struct runtime_host *h)
{
	union {
		char *const *borrowed;
		char **owned;
	} controllers = {.borrowed = h->v1_controllers};

	strv_free(controllers.owned);
	*h = (struct runtime_host){.cgroup_v2 = false};
}
