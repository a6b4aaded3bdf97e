/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seccomp filters as BPF bytes, ready for the launch program: the default profile, or one given as
 * JSON in Docker's format.
 */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include <linux/filter.h>

#include "base/error.h"

/*
 * The filter for a process with these capabilities.  `profile`: NULL for the default, else JSON
 * text ("unconfined" is the caller's matter).  *ret is borrowed from a cache and valid until the
 * filters of sixteen other profiles have been asked for; loop thread only.  -EINVAL for a bad
 * profile.
 */
int runtime_seccomp_filter(const char *profile, uint64_t capabilities,
			   const struct sock_filter **ret, size_t *ret_count, struct error *err)
	MUST_CHECK;

#endif
