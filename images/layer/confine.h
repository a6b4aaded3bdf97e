/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives up everything unpacking does not need, before the first foreign byte is read: the target is
 * the root of an own mount namespace, there is no network, a handful of capabilities, no new
 * privileges, a list of allowed system calls, and limits on memory, files and descriptors.
 */
#ifndef IMAGES_LAYER_CONFINE_H
#define IMAGES_LAYER_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct confine_args {
	const char *root;    /* directory that becomes "/" */
	uint64_t file_bytes; /* the largest file */
	bool overlay;	/* trusted.overlay.* is read or set: CAP_SYS_ADMIN stays, within the list */
	unsigned files; /* descriptors; 0: 64 */
};
/* Call with one thread.  Returns the descriptor of the root. */
int confine(const struct confine_args *args, struct error *err) MUST_CHECK;

#endif
