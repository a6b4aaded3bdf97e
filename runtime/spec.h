/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container is to look like, complete and resolved: the input of the compiler.  It follows
 * the OCI runtime specification's config.json (names as there where they exist), plus image layers,
 * the network plan and the files that an engine writes.  Everything is borrowed from the caller for
 * the duration of runtime_compile; nothing here is persisted.
 */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

enum runtime_ns { RT_NS_PRIVATE, RT_NS_HOST, RT_NS_PATH };

struct runtime_namespace {
	enum runtime_ns mode;
	const char *path; /* RT_NS_PATH: "/proc/PID/ns/net" of another container */
};

enum runtime_mount_kind {
	RT_MOUNT_BIND,	 /* `source`: absolute host path; file or directory; recursive */
	RT_MOUNT_VOLUME, /* bind of a volume's data directory */
	RT_MOUNT_TMPFS,	 /* `data`: mount data, "size=…,mode=…" */
};

struct runtime_mount {
	enum runtime_mount_kind kind;
	const char *source;	 /* absolute path on the host */
	const char *subpath;	 /* within the source, resolved in it; or NULL */
	const char *target;	 /* absolute path in the container; made when missing (rule 2) */
	const char *data;	 /* of tmpfs */
	uint64_t attr;		 /* MOUNT_ATTR_RDONLY | NOSUID | NODEV | NOEXEC … */
	const char *propagation; /* NULL: rprivate; "rslave", "rshared", "private" … */
	bool populate; /* copy what the image has at `target` into the (empty) source first */
};

struct runtime_device {
	const char *source, *target; /* "/dev/ttyUSB0" on the host, path in the container */
	const char *permissions;     /* "rwm" */
};

/* A file of ours that appears read-write in the container as a bind mount, content in the
 * container's directory on the host: /etc/hosts, /etc/hostname, /etc/resolv.conf, secrets. */
struct runtime_file {
	const char *source; /* absolute host path, exists already */
	const char *target;
	bool readonly;
};

struct runtime_rlimit {
	int resource;	     /* RLIMIT_* */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

struct runtime_process {
	char *const *args; /* argv, at least one */
	char *const *env;  /* complete environment, "K=V" */
	const char *cwd;   /* absolute; made when missing */
	const char *user;  /* "", "name", "1000", "name:group", "1:2": looked up in the image */
	char *const *additional_groups; /* names or numbers; NULL-terminated or NULL */
	bool tty;
	unsigned short rows, columns; /* initial size of the terminal, 0: unset */
	bool stdin_open;	      /* otherwise /dev/null */
	uint64_t capabilities;	      /* bounding = effective = permitted, bits by CAP_* number */
	bool no_new_privileges;
	bool privileged; /* exec --privileged: all capabilities, no seccomp */
};

/* A prepared netlink message (built by net/), sent when the namespaces exist. */
struct runtime_netlink {
	bool in_host;	     /* on a socket of the host's namespace, otherwise the container's */
	const void *message; /* one whole nlmsghdr; acknowledged */
	size_t len;
	int netns_fd_offset; /* where the descriptor of the container's network namespace is written
				(u32), or -1 */
	int ifindex_offset;  /* where the index of the container's interface `ifname` is written
				(s32), or -1 */
	const char *ifname;  /* in the container, for ifindex_offset */
	const char *sentence; /* what it does: "set address 10.0.0.2/24 on eth0" */
};

struct runtime_resources {						   /* 0 / NULL: no limit */
	int64_t memory_bytes, memory_reservation_bytes, memory_swap_bytes; /* -1: unlimited swap */
	int64_t cpu_quota_us, cpu_period_us, cpu_shares;
	const char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* 0: default 4096 (see sandbox.md), -1: unlimited */
	bool oom_kill_disable;
};

struct runtime_spec {
	const char *id; /* 64 hex digits */
	/* root */
	char *const *layers;	   /* absolute directories, lowest first */
	const char *container_dir; /* absolute; holds upper/ and work/ (made by the program) */
	/* An existing directory that the root is mounted on, in a mount namespace of its own: all
	 * containers may use the same.  NULL: container_dir/merged. */
	const char *mount_dir;
	bool readonly_root;
	/* process */
	struct runtime_process process;
	bool init; /* run a small init as pid 1 that reaps and forwards signals (`init: true`) */
	int oom_score_adj;
	bool reset_oom_score; /* the shim's own is not 0: write oom_score_adj in any case */
	const struct runtime_rlimit *rlimits;
	size_t rlimit_count;
	/* namespaces */
	struct runtime_namespace pid, network, ipc, uts, cgroup;
	const char *hostname, *domainname;
	/* mounts in the order given (sorted by target depth by the compiler) */
	const struct runtime_mount *mounts;
	size_t mount_count;
	const struct runtime_file *files;
	size_t file_count;
	const struct runtime_device *devices;
	size_t device_count;
	char *const *device_rules; /* "c 1:3 rwm", "b *:* r", "a 10:* rw": allowed as well */
	uint64_t shm_bytes;	   /* of /dev/shm; 0: 64 MiB */
	/* isolation */
	bool privileged;
	char *const *sysctls; /* "net.core.somaxconn=1024" */
	const char *seccomp;  /* NULL: default profile; "unconfined"; else JSON text of a profile */
	const char *apparmor; /* NULL, or a profile name */
	bool unmask;	      /* systempaths=unconfined */
	/* cgroup */
	const char *cgroup_parent; /* NULL: "cmp" */
	struct runtime_resources resources;
	/* network of the container's own namespace */
	const struct runtime_netlink *netlink;
	size_t netlink_count;
	bool dns;      /* make the sockets of 127.0.0.11:53 and hand them to the supervisor */
	bool loopback; /* bring lo up */
	bool no_ipv6;  /* none of its interfaces gets an IPv6 address, lo included */
	/* log */
	int64_t log_max_bytes; /* of one file; 0: no rotation */
	int log_max_files;
};

#endif
