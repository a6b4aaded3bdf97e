/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories that are to go: renamed into STATE/trash at once, removed in a worker. */
#ifndef ENGINE_TRASH_H
#define ENGINE_TRASH_H

#include "engine/daemon.h"

/* Absence is fine; what cannot be renamed is logged. */
void trash_put(struct daemon *d, const char *path);
/* Removes what an earlier supervisor has left of it. */
void trash_empty(struct daemon *d);

#endif
