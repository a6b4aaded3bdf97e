/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What launch.c and launch_mounts.c share. */
#ifndef ENGINE_LAUNCH_INT_H
#define ENGINE_LAUNCH_INT_H

#include "engine/container_int.h"

/* Owns everything that a specification borrows. */
struct draft {
	struct container *container;
	bool rehearsal; /* containers whose namespaces it shares need not run yet */
	char **layers, **argv, **env, **strings, **sysctls;
	char *hostname, *seccomp, *apparmor;
	struct runtime_rlimit *rlimits;
	struct runtime_device *devices;
	struct net_messages messages;
	struct runtime_netlink *netlink;
	struct runtime_mount *mounts;
	size_t mount_count;
	struct runtime_file *files;
	size_t file_count;
};

int launch_mounts(struct draft *f, struct runtime_spec *spec, struct error *err) MUST_CHECK;
/* Writes hosts, hostname, resolv.conf, secrets and configs of the container. */
int launch_files(struct container *c, struct error *err) MUST_CHECK;

#endif
