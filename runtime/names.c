/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of capabilities, signals and resource limits, as people write them. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <strings.h>
#include <sys/resource.h>

#include "runtime/runtime.h"

#define BIT(cap) (UINT64_C(1) << (cap))

/* ---- capabilities */

static const char *const capabilities[] = {
	[CAP_CHOWN] = "CHOWN",
	[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
	[CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID",
	[CAP_KILL] = "KILL",
	[CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID",
	[CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST",
	[CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW",
	[CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER",
	[CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO",
	[CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE",
	[CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN",
	[CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE",
	[CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD",
	[CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
	[CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN",
	[CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ",
	[CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF",
	[CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

/* Skips "CAP_", "SIG", "RLIMIT_" in any case. */
static const char *without_prefix(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncasecmp(name, prefix, len) == 0 ? name + len : name;
}

int runtime_capability(const char *name, uint64_t *ret_bit, struct error *err)
{
	const char *bare = without_prefix(name, "CAP_"), *near;
	auto_free char *upper = NULL;

	if (strcasecmp(bare, "ALL") == 0) {
		*ret_bit = BIT(ARRAY_LEN(capabilities)) - 1;
		return 0;
	}
	upper = xstrdup(bare);
	for (char *p = upper; *p; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p -= 'a' - 'A';
	}
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
		if (str_eq(upper, capabilities[i])) {
			*ret_bit = BIT(i);
			return 0;
		}
	}
	near = str_nearest(upper, capabilities, ARRAY_LEN(capabilities));
	if (near)
		return error_set(err, EINVAL, "unknown capability %s, did you mean %s?", name,
				 near);
	return error_set(err, EINVAL, "unknown capability %s", name);
}

uint64_t runtime_default_capabilities(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
	       BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
	       BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
	       BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

/* ---- signals */

#define SIGNALS	  64
#define REALTIME  34 /* the C library keeps 32 and 33 for itself */
#define ROW(name) [SIG##name] = "SIG" #name
static const char *const signals[SIGNALS + 1] = {
	ROW(HUP),      ROW(INT),	  ROW(QUIT),	 ROW(ILL),	ROW(TRAP),
	ROW(ABRT),     ROW(BUS),	  ROW(FPE),	 ROW(KILL),	ROW(USR1),
	ROW(SEGV),     ROW(USR2),	  ROW(PIPE),	 ROW(ALRM),	ROW(TERM),
	ROW(STKFLT),   ROW(CHLD),	  ROW(CONT),	 ROW(STOP),	ROW(TSTP),
	ROW(TTIN),     ROW(TTOU),	  ROW(URG),	 ROW(XCPU),	ROW(XFSZ),
	ROW(VTALRM),   ROW(PROF),	  ROW(WINCH),	 ROW(IO),	ROW(PWR),
	ROW(SYS),      [34] = "SIGRTMIN", "SIGRTMIN+1",	 "SIGRTMIN+2",	"SIGRTMIN+3",
	"SIGRTMIN+4",  "SIGRTMIN+5",	  "SIGRTMIN+6",	 "SIGRTMIN+7",	"SIGRTMIN+8",
	"SIGRTMIN+9",  "SIGRTMIN+10",	  "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13",
	"SIGRTMIN+14", "SIGRTMIN+15",	  "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12",
	"SIGRTMAX-11", "SIGRTMAX-10",	  "SIGRTMAX-9",	 "SIGRTMAX-8",	"SIGRTMAX-7",
	"SIGRTMAX-6",  "SIGRTMAX-5",	  "SIGRTMAX-4",	 "SIGRTMAX-3",	"SIGRTMAX-2",
	"SIGRTMAX-1",  "SIGRTMAX",
};
static const struct {
	const char *name;
	int signo;
} signal_aliases[] = {{"CLD", SIGCHLD}, {"IOT", SIGABRT}, {"POLL", SIGIO}, {"UNUSED", SIGSYS}};

static int unknown_signal(const char *name, struct error *err)
{
	return error_set(err, EINVAL, "unknown signal %s", name);
}

/* "RTMIN+3", "RTMAX-1" and what the table does not spell ("RTMIN+20"). */
static int realtime_signal(const char *bare, int *ret)
{
	bool min = strncasecmp(bare, "RTMIN", 5) == 0;
	uint32_t offset = 0;
	int signo;

	if (!min && strncasecmp(bare, "RTMAX", 5) != 0)
		return -EINVAL;
	bare += 5;
	if (*bare && (*bare != (min ? '+' : '-') || parse_u32(bare + 1, &offset) < 0))
		return -EINVAL;
	if (offset > SIGNALS - REALTIME)
		return -EINVAL;
	signo = min ? REALTIME + (int)offset : SIGNALS - (int)offset;
	*ret = signo;
	return 0;
}

int runtime_signal(const char *name, int *ret, struct error *err)
{
	const char *bare = without_prefix(name, "SIG");
	uint32_t number;

	if (parse_u32(name, &number) == 0) {
		if (number < 1 || number > SIGNALS)
			return unknown_signal(name, err);
		*ret = (int)number;
		return 0;
	}
	for (int i = 1; i < REALTIME; i++) {
		if (signals[i] && strcasecmp(bare, signals[i] + 3) == 0) {
			*ret = i;
			return 0;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(signal_aliases); i++) {
		if (strcasecmp(bare, signal_aliases[i].name) == 0) {
			*ret = signal_aliases[i].signo;
			return 0;
		}
	}
	return realtime_signal(bare, ret) == 0 ? 0 : unknown_signal(name, err);
}

const char *runtime_signal_name(int signo)
{
	if (signo < 1 || signo > SIGNALS || !signals[signo])
		return "unknown";
	return signals[signo];
}

/* ---- resource limits */

static const char *const rlimits[] = {
	[RLIMIT_CPU] = "cpu",		[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_DATA] = "data",		[RLIMIT_STACK] = "stack",
	[RLIMIT_CORE] = "core",		[RLIMIT_RSS] = "rss",
	[RLIMIT_NPROC] = "nproc",	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_MEMLOCK] = "memlock",	[RLIMIT_AS] = "as",
	[RLIMIT_LOCKS] = "locks",	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_RTPRIO] = "rtprio",	[RLIMIT_RTTIME] = "rttime",
};

int runtime_rlimit(const char *name, int *ret, struct error *err)
{
	const char *bare = without_prefix(name, "RLIMIT_"), *near;

	for (size_t i = 0; i < ARRAY_LEN(rlimits); i++) {
		if (strcasecmp(bare, rlimits[i]) == 0) {
			*ret = (int)i;
			return 0;
		}
	}
	near = str_nearest(bare, rlimits, ARRAY_LEN(rlimits));
	if (near)
		return error_set(err, EINVAL, "unknown resource limit %s, did you mean %s?", name,
				 near);
	return error_set(err, EINVAL, "unknown resource limit %s", name);
}

const char *runtime_rlimit_name(int resource)
{
	return resource >= 0 && (size_t)resource < ARRAY_LEN(rlimits) ? rlimits[resource]
								      : "unknown";
}
