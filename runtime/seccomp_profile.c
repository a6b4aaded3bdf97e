/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What containers may ask of the kernel.  The default profile is Docker's, as tables: names that
 * are always allowed, names that a capability allows, and the few calls that are allowed by their
 * arguments.  Everything else fails with EPERM, and what is newer than the profile with ENOSYS, so
 * that a C library falls back.  Not filtered: the arguments of the 32-bit socketcall, which are in
 * memory.
 *
 * A profile of the user's comes as JSON, in Docker's form (includes and excludes by capability,
 * architecture and kernel) or in OCI's.
 */
#include "runtime/seccomp_int.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "runtime/runtime.h"

#define BIT(cap) (UINT64_C(1) << (cap))

#define PROFILE_TEXT_MAX     ((size_t)1 << 20)
#define PROFILE_SYSCALLS_MAX 4096

/* clang-format off */
static const struct {
	const char *names;
} always[] = {
	/* files: open, attributes, directories */
	{ "access faccessat faccessat2 open openat openat2 creat close close_range chdir "
	  "fchdir chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat "
	  "lchown lchown32 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx "
	  "statfs statfs64 fstatfs fstatfs64 getcwd getdents getdents64 link linkat symlink "
	  "symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 mkdir "
	  "mkdirat rmdir mknod mknodat truncate truncate64 ftruncate ftruncate64 umask utime "
	  "utimes utimensat utimensat_time64 futimesat name_to_handle_at statmount listmount" },
	/* xattrs */
	{ "getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat "
	  "listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr "
	  "removexattrat" },
	/* file data */
	{ "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek "
	  "_llseek readahead fadvise64 fadvise64_64 fallocate copy_file_range sendfile "
	  "sendfile64 splice tee vmsplice sync syncfs fsync fdatasync sync_file_range flock "
	  "fcntl fcntl64 ioctl dup dup2 dup3 pipe pipe2 cachestat" },
	/* polling, events, notify */
	{ "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create "
	  "epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait "
	  "epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime "
	  "timerfd_gettime64 timerfd_settime timerfd_settime64 inotify_init inotify_init1 "
	  "inotify_add_watch inotify_rm_watch fanotify_mark io_setup io_destroy io_submit "
	  "io_cancel io_getevents io_pgetevents io_pgetevents_time64" },
	/* sockets */
	{ "accept accept4 bind connect getpeername getsockname getsockopt setsockopt listen "
	  "recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendto sendmsg sendmmsg "
	  "shutdown socketpair socketcall" },
	/* memory */
	{ "brk mmap mmap2 munmap mprotect mremap msync madvise mincore mlock mlock2 mlockall "
	  "munlock munlockall remap_file_pages memfd_create memfd_secret membarrier mseal "
	  "map_shadow_stack pkey_alloc pkey_free pkey_mprotect process_mrelease shmat shmctl "
	  "shmdt shmget" },
	/* System V IPC and message queues */
	{ "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 "
	  "mq_open mq_unlink mq_notify mq_getsetattr mq_timedreceive mq_timedreceive_time64 "
	  "mq_timedsend mq_timedsend_time64" },
	/* processes */
	{ "execve execveat exit exit_group fork vfork wait4 waitid waitpid kill tkill tgkill "
	  "pidfd_open pidfd_send_signal getpid getppid gettid getpgid getpgrp setpgid getsid "
	  "setsid set_tid_address getcpu prctl seccomp restart_syscall rseq uretprobe "
	  "riscv_hwprobe" },
	/* identity and limits */
	{ "capget capset getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 "
	  "getgroups getgroups32 setgroups setgroups32 setuid setuid32 setgid setgid32 "
	  "setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid "
	  "setresgid32 getresuid getresuid32 getresgid getresgid32 setfsuid setfsuid32 "
	  "setfsgid setfsgid32 getrlimit setrlimit prlimit64 ugetrlimit getrusage getpriority "
	  "setpriority ioprio_get ioprio_set sysinfo uname times landlock_create_ruleset "
	  "landlock_add_rule landlock_restrict_self" },
	/* scheduling */
	{ "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr "
	  "sched_getparam sched_setparam sched_getscheduler sched_setscheduler "
	  "sched_get_priority_max sched_get_priority_min sched_rr_get_interval "
	  "sched_rr_get_interval_time64" },
	/* signals */
	{ "rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_sigreturn "
	  "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack "
	  "sigprocmask sigreturn pause alarm" },
	/* time and timers */
	{ "time gettimeofday clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
	  "clock_nanosleep clock_nanosleep_time64 clock_adjtime clock_adjtime64 adjtimex "
	  "nanosleep getitimer setitimer timer_create timer_delete timer_getoverrun "
	  "timer_gettime timer_gettime64 timer_settime timer_settime64" },
	/* futex and threads */
	{ "futex futex_time64 futex_wait futex_wake futex_waitv futex_requeue set_robust_list "
	  "get_robust_list set_thread_area get_thread_area" },
	/* random */
	{ "getrandom" },
	/* processes: the kernel filters again what a tracer rewrites (4.8) */
	{ "ptrace process_vm_readv process_vm_writev" },
#if defined(__x86_64__)
	{ "arch_prctl modify_ldt" },
#elif defined(__aarch64__)
	{ "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls" },
#elif defined(__riscv)
	{ "riscv_flush_icache" },
#endif
};

static const struct {
	uint64_t capability;
	const char *names;
} by_capability[] = {
	{ BIT(CAP_SYS_ADMIN),
	  "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
	  "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount "
	  "open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
	  "umount umount2 unshare" },
	{ BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at" },
	{ BIT(CAP_SYS_BOOT), "reboot" },
	{ BIT(CAP_SYS_CHROOT), "chroot" },
	{ BIT(CAP_SYS_MODULE), "init_module finit_module delete_module" },
	{ BIT(CAP_SYS_PACCT), "acct" },
	{ BIT(CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise" },
	{ BIT(CAP_SYS_RAWIO), "iopl ioperm" },
	{ BIT(CAP_SYS_TIME), "settimeofday stime clock_settime clock_settime64" },
	{ BIT(CAP_SYS_TTY_CONFIG), "vhangup" },
	{ BIT(CAP_SYS_NICE), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
	{ BIT(CAP_SYSLOG), "syslog" },
	{ BIT(CAP_BPF), "bpf" },
	{ BIT(CAP_PERFMON), "perf_event_open" },
};

#define CLONE_NEW_ANY 0x7e020000 /* every namespace */
static const struct {
	const char *name;
	uint64_t without; /* only for processes that lack this capability */
	uint32_t action;
	enum scmp_compare op; /* on argument 0; 0: no test */
	uint64_t a, b;
} by_argument[] = {
	/* no AF_ALG (38), no AF_VSOCK (40) */
	{ "socket", 0, SCMP_ACT_ALLOW, SCMP_CMP_LT, 38, 0 },
	{ "socket", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 39, 0 },
	{ "socket", 0, SCMP_ACT_ALLOW, SCMP_CMP_GT, 40, 0 },
	{ "personality", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 0, 0 },
	{ "personality", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 0x8, 0 },
	{ "personality", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 0x20000, 0 },
	{ "personality", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 0x20008, 0 },
	{ "personality", 0, SCMP_ACT_ALLOW, SCMP_CMP_EQ, 0xffffffff, 0 },
	{ "clone", BIT(CAP_SYS_ADMIN), SCMP_ACT_ALLOW, SCMP_CMP_MASKED_EQ, CLONE_NEW_ANY, 0 },
	/* its flags are in memory: C libraries fall back to clone */
	{ "clone3", BIT(CAP_SYS_ADMIN), SCMP_ACT_ERRNO(ENOSYS), 0, 0, 0 },
};
/* clang-format on */

#if defined(__x86_64__)
#define GO_ARCH "amd64"
static const char *const default_arches[] = {"x86", "x32"};
#elif defined(__aarch64__)
#define GO_ARCH "arm64"
static const char *const default_arches[] = {"arm"};
#else
#define GO_ARCH "unknown"
static const char *const default_arches[] = {"native"};
#endif

static void add_names(struct filter_builder *b, const char *names)
{
	AUTO(strv_free) char **list = strv_split(names, " ");

	for (char **name = list; name && *name; name++)
		filter_add(b, *name, SCMP_ACT_ALLOW, NULL, 0);
}

static void add_by_argument(struct filter_builder *b, uint64_t capabilities)
{
	for (size_t i = 0; i < ARRAY_LEN(by_argument); i++) {
		const struct filter_test test = {
			.op = by_argument[i].op,
			.a = by_argument[i].a,
			.b = by_argument[i].b,
			.narrow = true,
		};

		if (!(capabilities & by_argument[i].without))
			filter_add(b, by_argument[i].name, by_argument[i].action, &test,
				   by_argument[i].op ? 1 : 0);
	}
}

static int add_default_arches(struct filter_builder *b, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(default_arches); i++) {
		int r = filter_arch(b, default_arches[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int filter_default_profile(struct filter_builder *b, uint64_t capabilities, struct error *err)
{
	int r;

	filter_begin(b, SCMP_ACT_ERRNO(EPERM));
	r = add_default_arches(b, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		add_names(b, always[i].names);
	for (size_t i = 0; i < ARRAY_LEN(by_capability); i++) {
		if (capabilities & by_capability[i].capability)
			add_names(b, by_capability[i].names);
	}
	add_by_argument(b, capabilities);
	return 0;
}

uint64_t filter_default_profile_capabilities(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_LEN(by_capability); i++)
		all |= by_capability[i].capability;
	return all;
}

/* ---- JSON */

static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static int read_action(const char *name, int64_t errno_value, uint32_t *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_eq(name, actions[i].name))
			continue;
		*ret = actions[i].action;
		if (actions[i].takes_errno)
			*ret |= (uint32_t)errno_value & 0xffff;
		return 0;
	}
	return error_set(err, EINVAL, "seccomp profile: unknown action %s", name ? name : "(none)");
}

static int read_arg(const json_t *object, struct filter_test *ret, struct error *err)
{
	const char *op = json_get_str(object, "op");
	int64_t index = json_get_int(object, "index", -1);

	if (index < 0 || index >= FILTER_ARGS_MAX)
		return error_set(err, EINVAL, "seccomp profile: argument index %lld is not 0 to 5",
				 (long long)index);
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (!str_eq(op, operators[i].name))
			continue;
		*ret = (struct filter_test){
			.arg = (unsigned)index,
			.op = operators[i].op,
			.a = (uint64_t)json_get_int(object, "value", 0),
			.b = (uint64_t)json_get_int(object, "valueTwo", 0),
		};
		return 0;
	}
	return error_set(err, EINVAL, "seccomp profile: unknown operator %s", op ? op : "(none)");
}

/* Whether the running kernel is at least "4.8". */
static bool kernel_at_least(const char *version)
{
	struct utsname u;
	AUTO(strv_free) char **want = strv_split(version, ".");
	AUTO(strv_free) char **have = NULL;

	if (uname(&u) < 0)
		return false;
	have = strv_split(u.release, ".-+");
	for (size_t i = 0; i < 2; i++) {
		uint32_t w = 0, h = 0;

		if (i >= strv_len(want))
			return true;
		if (i >= strv_len(have) || parse_u32(want[i], &w) < 0 || parse_u32(have[i], &h) < 0)
			return false;
		if (w != h)
			return h > w;
	}
	return true;
}

static bool any_capability(const json_t *names, uint64_t capabilities, bool all)
{
	size_t i;
	json_t *name;

	json_array_foreach (names, i, name) {
		struct error ignored = ERROR_INIT;
		uint64_t bit = 0;
		bool has = json_is_string(name) &&
			   runtime_capability(json_string_value(name), &bit, &ignored) == 0 &&
			   (capabilities & bit);

		if (has != all)
			return has;
	}
	return all;
}

/* "includes": all that is named must hold; "excludes": nothing of it may. */
static bool rule_applies(const json_t *rule, uint64_t capabilities)
{
	const json_t *in = json_get_obj(rule, "includes"), *out = json_get_obj(rule, "excludes");
	AUTO(strv_free) char **in_arches = json_to_strv(json_get_arr(in, "arches"));
	AUTO(strv_free) char **out_arches = json_to_strv(json_get_arr(out, "arches"));
	const char *min = json_get_str(in, "minKernel"), *max = json_get_str(out, "minKernel");

	if (json_get_arr(in, "arches") && !strv_has(in_arches, GO_ARCH))
		return false;
	if (strv_has(out_arches, GO_ARCH))
		return false;
	if (!any_capability(json_get_arr(in, "caps"), capabilities, true))
		return false;
	if (any_capability(json_get_arr(out, "caps"), capabilities, false))
		return false;
	return (!min || kernel_at_least(min)) && (!max || !kernel_at_least(max));
}

static void add_rule_name(struct filter_builder *b, const char *name, uint32_t action,
			  const struct filter_test *tests, unsigned count)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < count; i++) {
		if (seen & 1u << tests[i].arg) { /* tests of one argument are alternatives */
			for (i = 0; i < count; i++)
				filter_add(b, name, action, tests + i, 1);
			return;
		}
		seen |= 1u << tests[i].arg;
	}
	filter_add(b, name, action, tests, count);
}

static int add_rule(struct filter_builder *b, const json_t *rule, struct error *err)
{
	const json_t *list = json_get_arr(rule, "args");
	AUTO(strv_free) char **names = json_to_strv(json_get_arr(rule, "names"));
	struct filter_test tests[FILTER_ARGS_MAX];
	uint32_t action = 0;
	int r = read_action(json_get_str(rule, "action"), json_get_int(rule, "errnoRet", EPERM),
			    &action, err);

	if (r < 0)
		return r;
	if (json_array_size(list) > FILTER_ARGS_MAX)
		return error_set(err, EINVAL, "seccomp profile: more than %d argument tests",
				 FILTER_ARGS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		r = read_arg(json_array_get(list, i), &tests[i], err);
		if (r < 0)
			return r;
	}
	if (json_get_str(rule, "name"))
		strv_push(&names, xstrdup(json_get_str(rule, "name")));
	for (char **name = names; name && *name; name++)
		add_rule_name(b, *name, action, tests, (unsigned)json_array_size(list));
	return 0;
}

static int add_arch_names(struct filter_builder *b, const json_t *list, struct error *err)
{
	AUTO(strv_free) char **names = json_to_strv(list);

	for (char **name = names; name && *name; name++) {
		const char *bare = str_skip(*name, "SCMP_ARCH_");
		int r;

		if (!bare)
			return error_set(err, EINVAL, "seccomp profile: unknown architecture %s",
					 *name);
		str_lower(*name);
		r = filter_arch(b, bare, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* OCI: "architectures"; Docker: "archMap", of which the native entry counts. */
static int add_arches(struct filter_builder *b, const json_t *profile, struct error *err)
{
	const json_t *map = json_get_arr(profile, "archMap");
	uint32_t native = seccomp_arch_native();
	size_t i;
	json_t *entry;

	if (!map && !json_get_arr(profile, "architectures"))
		return add_default_arches(b, err);
	json_array_foreach (map, i, entry) {
		const char *bare =
			str_skip(json_get_str(entry, "architecture") ?: "", "SCMP_ARCH_");
		auto_free char *name = bare ? str_lower(xstrdup(bare)) : NULL;

		if (name && seccomp_arch_resolve_name(name) == native)
			return add_arch_names(b, json_get_arr(entry, "subArchitectures"), err);
	}
	return add_arch_names(b, json_get_arr(profile, "architectures"), err);
}

int filter_json_profile(struct filter_builder *b, const char *text, uint64_t capabilities,
			struct error *err)
{
	auto_json json_t *profile = NULL;
	const json_t *rules;
	size_t len = strlen(text);
	uint32_t action = 0;
	int r;

	if (len > PROFILE_TEXT_MAX)
		return error_set(err, EINVAL, "seccomp profile: larger than 1 MiB");
	r = json_load_text(text, len, &profile, err);
	if (r < 0)
		return error_wrap(err, "seccomp profile");
	rules = json_get_arr(profile, "syscalls");
	if (json_array_size(rules) > PROFILE_SYSCALLS_MAX)
		return error_set(err, EINVAL, "seccomp profile: more than %d rules",
				 PROFILE_SYSCALLS_MAX);
	r = read_action(json_get_str(profile, "defaultAction"),
			json_get_int(profile, "defaultErrnoRet", EPERM), &action, err);
	if (r < 0)
		return r;
	filter_begin(b, action);
	r = add_arches(b, profile, err);
	for (size_t i = 0; r == 0 && i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);

		if (rule_applies(rule, capabilities))
			r = add_rule(b, rule, err);
	}
	return r;
}
