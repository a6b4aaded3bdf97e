/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lost containers have left in the kernel. */
#ifndef ENGINE_SWEEP_H
#define ENGINE_SWEEP_H

#include "engine/daemon.h"

/*
 * Kills what is left in a container's cgroup, waits for it and removes the cgroup, all in a worker.
 * `done` (may be NULL) is called on the loop thread, never before the function has returned; what
 * could not be removed is logged.
 */
void sweep_cgroup(struct daemon *d, const char *id, void (*done)(void *arg), void *arg);
/* Cgroups and directories that belong to no container; those of containers without a shim too,
 * except where `keep` holds the id. */
void sweep(struct daemon *d, const struct map *keep);

#endif
