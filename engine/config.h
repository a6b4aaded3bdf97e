/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container was asked to be: the neutral form between those who ask (a compose service, an
 * API client) and those who make it.  Complete in itself: nothing is looked up in files later.
 * Stored as JSON in the state, read and written by one codec table.
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

struct config_mount {
	char *type;   /* "bind", "volume", "tmpfs" */
	char *source; /* absolute path, or volume name ("" = anonymous) */
	char *target;
	bool read_only;
	bool no_copy;	       /* volume: do not populate from the image */
	bool no_create;	       /* bind: the source must exist */
	char *subpath;	       /* volume */
	char *propagation;     /* bind */
	char *tmpfs_options;   /* "size=64m,mode=1777": the syntax of volume_tmpfs_parse after the
				  colon */
	bool from_image;       /* VOLUME of the image: anonymous */
	json_t *volume_labels; /* of an anonymous volume; NULL: none */
};

struct config_port {
	char *host_ip;	 /* NULL: all addresses */
	char *host_port; /* NULL or "": any; "8080"; "8000-8010": the first free one */
	int64_t container_port;
	char *protocol; /* "tcp", "udp" */
};

struct config_network {
	char *network; /* id or name of a network object */
	char **aliases;
	char *ipv4, *ipv6, *mac; /* asked for; NULL: allocated */
	int64_t priority, gw_priority;
	char *interface_name; /* NULL: ethN */
};

struct config_file {   /* secrets and configs */
	char *source;  /* absolute host path; or NULL: `content` */
	char *content; /* written 0400 to a tmpfs of ours when the container starts */
	char *target;  /* absolute path in the container */
	char *uid, *gid;
	int64_t mode; /* -1: 0444 */
};

struct config_ulimit {
	char *name;
	int64_t soft, hard; /* -1: unlimited */
};

struct config_device {
	char *source, *target, *permissions;
};

struct config_health {
	char **test; /* {"NONE"}, {"CMD", …}, {"CMD-SHELL", "…"}; NULL: as the image says */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns,
		retries; /* 0: default */
};

struct config_restart {
	char *policy; /* "no", "always", "unless-stopped", "on-failure" */
	int64_t max;  /* of on-failure; 0: for ever */
};

struct config_resources { /* 0: none; -1 unlimited where that makes sense */
	int64_t memory_bytes, memory_reservation_bytes, memory_swap_bytes;
	int64_t cpu_quota_us, cpu_period_us, cpu_shares, pids_limit;
	char *cpuset_cpus, *cpuset_mems;
	bool oom_kill_disable;
};

struct container_config {
	char *image;		      /* reference, as the user said */
	char **entrypoint, **command; /* NULL: as the image says; empty list: cleared */
	bool entrypoint_set, command_set;
	char **env; /* added to the image's */
	char *working_dir, *user, *hostname, *domainname;
	char **group_add;
	json_t *labels; /* object of strings; never NULL after decode */
	bool tty, stdin_open;
	bool stdin_once; /* its input ends with the first client that ended it */
	bool init, read_only, privileged, auto_remove;
	char *stop_signal;     /* NULL: the image's, else SIGTERM */
	int64_t stop_grace_ns; /* 0: 10 s */
	struct config_restart restart;
	struct config_health health;
	struct config_mount *mounts;
	size_t mount_count;
	char **volumes_from; /* container ids, ":ro" */
	struct config_port *ports;
	size_t port_count;
	char **expose;	    /* "80/tcp" */
	char *network_mode; /* NULL or "networks": `networks` below; "none", "host", "container:ID"
			     */
	struct config_network *networks;
	size_t network_count;
	char *pid_mode, *ipc_mode, *uts_mode,
		*cgroup_mode; /* NULL, "host", "container:ID", "private", "shareable" */
	char *cgroup_parent;
	char **cap_add, **cap_drop, **security_opt;
	struct config_device *devices;
	size_t device_count;
	char **device_cgroup_rules;
	json_t *sysctls; /* object of strings or NULL */
	struct config_ulimit *ulimits;
	size_t ulimit_count;
	char **extra_hosts; /* "name:ip" */
	char **dns, **dns_search, **dns_opt;
	int64_t shm_bytes, oom_score_adj;
	struct config_resources resources;
	struct config_file *files;
	size_t file_count;
	char *log_driver; /* NULL: ours; "none" */
	json_t *log_options;
	char *runtime_platform; /* "linux/amd64" or NULL */
};

extern const struct json_field container_config_fields[]; /* the codec's table, in config.c */

int container_config_decode(const json_t *object, struct container_config *ret, struct error *err)
	MUST_CHECK;
json_t *container_config_encode(const struct container_config *c);
void config_network_release(struct config_network *n);
void container_config_release(struct container_config *c);

#endif
