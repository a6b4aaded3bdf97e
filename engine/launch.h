/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container executes: the image's defaults under the configuration. */
#ifndef ENGINE_LAUNCH_H
#define ENGINE_LAUNCH_H

#include "engine/container.h"

/* Entrypoint and command by Docker's rules; owned, may be empty. */
char **launch_argv(const struct container *c);
/* What the container calls itself; owned. */
char *launch_hostname(const struct container *c);
/* Environment: defaults, the image's, the configuration's, later ones winning; owned. */
char **launch_env(const struct container *c);

/*
 * Where the container's own hosts, hostname or resolv.conf is; owned.  It may write to them, so
 * they are in its directory of the state, and not where they would fill the memory of the run
 * directory.
 */
char *launch_etc_path(const struct container *c, const char *name);

/* Sets "K=V" over one of the same name in a vector; "K" alone takes the name out. */
void launch_env_set(char ***env, const char *setting);

#endif
