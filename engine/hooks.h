/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lifecycle hooks: commands that Compose has run in a container once it runs, or before it stops.
 */
#ifndef ENGINE_HOOKS_H
#define ENGINE_HOOKS_H

#include "engine/container.h"

/*
 * Runs the hooks of a list (`which` is "post_start" or "pre_stop", the list that of a service of
 * the model; borrowed) in a container, one after the other.  The first that fails ends it, and the
 * last lines that it wrote come with the error.  `done` may be called before this returns, and is
 * when there is nothing to run.
 */
typedef void (*hooks_done)(void *arg, const struct error *err, const char *output);
void hooks_run(struct container *c, const char *which, const json_t *hooks, hooks_done done,
	       void *arg);

#endif
