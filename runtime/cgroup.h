/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the cgroups of a container are: shared by the compiler, which has them made, and cgroup.c,
 * which acts on them. */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include "runtime/runtime.h"

#define RUNTIME_CGROUP_PARENT "cmp" /* when the specification names none */

/*
 * "/sys/fs/cgroup/memory/cmp/ID" (controller: a directory name of v1_controllers) or
 * "/sys/fs/cgroup/cmp/ID" (controller NULL: v2).  `parent` NULL is the default one; `id` NULL gives
 * the parent's directory.  -EINVAL when the parent is no plain relative path.
 */
int runtime_cgroup_path(const struct runtime_host *host, const char *controller, const char *parent,
			const char *id, char **ret, struct error *err) MUST_CHECK;

#endif
