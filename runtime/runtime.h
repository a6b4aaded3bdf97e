/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler: runtime spec → launch program (program.h), a pure function apart from one-time
 * probing of the kernel that `struct runtime_host` records.  The supervisor writes the program into
 * a sealed memfd and starts cmp-shim with it; see protocol.h for what follows.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "runtime/spec.h"

/* What the compiler needs to know about the host; probed once by runtime_host_probe. */
struct runtime_host {
	bool cgroup_v2;		     /* pure v2; otherwise v1 (or hybrid) controllers */
	const char *cgroup_root;     /* "/sys/fs/cgroup" */
	char *const *v1_controllers; /* mounted v1 hierarchies, "cpu,cpuacct" as directory names */
	const char *v1_freezer;	     /* directory of the freezer hierarchy, or NULL */
	uint64_t capabilities;	     /* that exist on this kernel and are ours to give */
	bool mount_api; /* fsopen, fsconfig, fsmount, move_mount, open_tree, mount_setattr */
	bool overlay_lowerdir_append; /* "lowerdir+" (6.5) */
	bool clone_into_cgroup;	      /* clone3 with CLONE_INTO_CGROUP */
	bool apparmor;
	uint64_t core_hard, nofile_hard; /* our own hard limits, UINT64_MAX: none */
	const char *dev_dir;		 /* whose devices privileged containers get; NULL: none */
	unsigned thermal_cpus;		 /* cpuN with a thermal_throttle directory, 0 … N-1 */
};
int runtime_host_probe(struct runtime_host *ret, struct error *err) MUST_CHECK;
void runtime_host_release(struct runtime_host *h);

/*
 * Compiles.  -EINVAL names what in the spec is wrong ("sysctl kernel.foo is not in a namespace of
 * the container").  `ret` is an initialised buffer; the program is position-independent.
 */
int runtime_compile(const struct runtime_host *host, const struct runtime_spec *spec,
		    struct buf *ret, struct error *err) MUST_CHECK;

/* A further process in a running container (exec, healthcheck): joins the namespaces of pid
 * `init_pid`, same cgroup, same isolation as `spec` says. */
int runtime_compile_exec(const struct runtime_host *host, const struct runtime_spec *spec,
			 const struct runtime_process *process, struct buf *ret, struct error *err)
	MUST_CHECK;

/* The program in words, one operation a line: `cmp inspect --launch` and the goldens. */
void runtime_describe(const void *program, size_t len, struct buf *out);
/* "mount tmpfs on /dev: No space left on device": the sentence of a failed operation. */
void runtime_explain(const void *program, size_t len, unsigned op, int code, const char *detail,
		     struct error *err);

/* ---- names */
int runtime_capability(const char *name, uint64_t *ret_bit, struct error *err)
	MUST_CHECK; /* "NET_ADMIN", "CAP_…", "ALL" */
uint64_t runtime_default_capabilities(void);
int runtime_signal(const char *name, int *ret, struct error *err)
	MUST_CHECK; /* "SIGTERM", "term", "15", "RTMIN+3" */
const char *runtime_signal_name(int signo);
int runtime_rlimit(const char *name, int *ret, struct error *err) MUST_CHECK; /* "nofile" */
const char *runtime_rlimit_name(int resource);

/* ---- cgroups of a running or dead container (short writes; loop thread) */
enum runtime_cgroup_event { RT_CGROUP_FREEZE, RT_CGROUP_THAW, RT_CGROUP_KILL };
int runtime_cgroup_act(const struct runtime_host *host, const char *parent, const char *id,
		       enum runtime_cgroup_event what, struct error *err) MUST_CHECK;
/* Pids in the container, in the order of the kernel; owned array. */
int runtime_cgroup_pids(const struct runtime_host *host, const char *parent, const char *id,
			pid_t **ret, size_t *ret_count, struct error *err) MUST_CHECK;
/* Makes the parent of all containers' cgroups and, on v2, passes the controllers on to it.  Once,
 * at the supervisor's start. */
int runtime_cgroup_prepare(const struct runtime_host *host, const char *parent, struct error *err)
	MUST_CHECK;
/* Undoes it where nothing runs any more. */
void runtime_cgroup_forget(const struct runtime_host *host, const char *parent);
/* Removes the empty cgroups; absence is success, -EBUSY while processes are left. */
int runtime_cgroup_remove(const struct runtime_host *host, const char *parent, const char *id,
			  struct error *err) MUST_CHECK;
/* Names (ids) of all cgroups below the parent: what reconcile looks at. */
int runtime_cgroup_list(const struct runtime_host *host, const char *parent, char ***ret,
			struct error *err) MUST_CHECK;
/* Sets the limits that are not 0 or NULL; -EOPNOTSUPP where the container is not in the cgroup that
 * it would take (v1). */
int runtime_cgroup_update(const struct runtime_host *host, const char *parent, const char *id,
			  const struct runtime_resources *r, struct error *err) MUST_CHECK;
/* What a running container uses; 0 where nothing is known or there is no limit. */
struct runtime_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	uint64_t periods, throttled, throttled_ns; /* of a limit on processors */
	uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes;
	char *memory_stat; /* the kernel's file: "key number" lines; NULL: none */
	uint64_t pids, pids_limit;
};
int runtime_cgroup_stats(const struct runtime_host *host, const char *parent, const char *id,
			 struct runtime_stats *ret, struct error *err) MUST_CHECK;
void runtime_stats_release(struct runtime_stats *s);
bool runtime_cgroup_oom_killed(const struct runtime_host *host, const char *parent, const char *id);

#endif
