/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container has changed in its image's tree. */
#ifndef ENGINE_CHANGES_H
#define ENGINE_CHANGES_H

#include "engine/container.h"

enum change_kind { CHANGE_MODIFIED, CHANGE_ADDED, CHANGE_DELETED };
struct change {
	char *path; /* absolute in the container */
	enum change_kind kind;
};
/* Looks in a worker; `done` once, on the loop thread: sorted by path, borrowed. */
int container_changes(struct container *c,
		      void (*done)(void *arg, const struct change *changes, size_t count,
				   const struct error *err),
		      void *arg, struct error *err) MUST_CHECK;

#endif
