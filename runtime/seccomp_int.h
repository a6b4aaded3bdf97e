/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the seccomp profiles (what is allowed) and the filter builder (how that becomes BPF). */
#ifndef RUNTIME_SECCOMP_INT_H
#define RUNTIME_SECCOMP_INT_H

#include <seccomp.h>

#include "base/error.h"
#include "base/str.h"

#define FILTER_LATE_MAX 64

/* A system call whose number is the same everywhere and that libseccomp may be too old to know. */
struct filter_late {
	uint32_t nr, action;
};

struct filter_builder {
	scmp_filter_ctx ctx;
	uint32_t default_action;
	bool has_native, has_compat; /* x86_64 with x86, or arm64 with arm */
	bool uretprobe;		     /* allowed */
	struct filter_late late[FILTER_LATE_MAX];
	size_t late_count;
};

int filter_begin(struct filter_builder *b, uint32_t default_action, struct error *err) MUST_CHECK;
/* "x86_64", "x32", "aarch64" …: the native architecture is there from the beginning. */
int filter_arch(struct filter_builder *b, const char *name, struct error *err) MUST_CHECK;
/* One rule: all of the argument tests must hold.  Names that no architecture of the filter knows
 * are skipped. */
int filter_add(struct filter_builder *b, const char *name, uint32_t action,
	       const struct scmp_arg_cmp *args, unsigned arg_count, struct error *err) MUST_CHECK;
void filter_release(struct filter_builder *b);

/* Docker's default profile for a process with these capabilities. */
int filter_default_profile(struct filter_builder *b, uint64_t capabilities, struct error *err)
	MUST_CHECK;
/* The capabilities that make a difference to it. */
uint64_t filter_default_profile_capabilities(void);
/* A profile in Docker's or OCI's JSON. */
int filter_json_profile(struct filter_builder *b, const char *text, uint64_t capabilities,
			struct error *err) MUST_CHECK;

#endif
