/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the helper programs that touch foreign bytes give up before they do: the steps they have in
 * common.  Each program puts them together in its own confine.c or sandbox.c.  Order matters:
 * namespaces and the root need CAP_SYS_ADMIN, the bounding set CAP_SETPCAP, so capabilities go
 * after them and the filter comes last.
 */
#ifndef IMAGES_CONFINE_H
#define IMAGES_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Under the sanitizers, which want terabytes of address space and system calls of their own, limits
 * of memory and the filter of system calls are left out. */
bool confine_sanitized(void);

/* Makes `root`, which must be a mount point already, the root of the calling process, in whose own
 * mount namespace the caller is. */
int confine_pivot(const char *root, struct error *err) MUST_CHECK;
/* New namespaces, without a network, in which the directory `root` is the root.  Its descriptor. */
int confine_root(const char *root, struct error *err) MUST_CHECK;
int confine_limit(int resource, uint64_t value, struct error *err) MUST_CHECK;
/* Keeps these capabilities (numbers), also in the bounding set, and no others. */
int confine_capabilities(const int *kept, size_t count, struct error *err) MUST_CHECK;
int confine_privileges(struct error *err) MUST_CHECK; /* no new ones; not to be traced */

/* Sees the filter before it is loaded, for rules about arguments; returns 0 or -errno. */
typedef int confine_rules(void *scmp_filter_ctx);
/*
 * Allows the listed system calls and threads.  `refusal`: the action for all others (SCMP_ACT_…).
 */
int confine_filter(const int *calls, size_t count, uint32_t refusal, confine_rules *rules,
		   struct error *err) MUST_CHECK;

#endif
