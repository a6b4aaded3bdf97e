/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the seccomp profiles (what is allowed) and the filter builder (how that becomes BPF). */
#ifndef RUNTIME_SECCOMP_INT_H
#define RUNTIME_SECCOMP_INT_H

#include <seccomp.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

#define FILTER_ARGS_MAX 6
#define FILTER_ARCHES	3

/* A test of one argument; a and b as in libseccomp (of MASKED_EQ the mask and the value). */
struct filter_test {
	unsigned arg;
	enum scmp_compare op;
	uint64_t a, b;
	bool narrow; /* the kernel takes the low 32 bits alone, so the others must not matter */
};

struct filter_rule {
	uint32_t nr, order, action;
	unsigned test_count; /* all of them must hold */
	struct filter_test tests[FILTER_ARGS_MAX];
};

/* The rules of one system call interface. */
struct filter_table {
	uint32_t arch; /* SCMP_ARCH_… */
	struct filter_rule *rules;
	size_t count, cap;
};

struct filter_builder {
	uint32_t default_action;
	struct filter_table tables[FILTER_ARCHES]; /* the native one first */
	size_t table_count;
};

void filter_begin(struct filter_builder *b, uint32_t default_action);
/* "x86_64", "x32", "aarch64" …: the native architecture is there from the beginning. */
int filter_arch(struct filter_builder *b, const char *name, struct error *err) MUST_CHECK;
/*
 * One rule.  Of several for a system call those with tests are tried in the order of their adding,
 * then the first without counts.  Names that an architecture of the filter does not know are
 * skipped for it.
 */
void filter_add(struct filter_builder *b, const char *name, uint32_t action,
		const struct filter_test *tests, unsigned test_count);
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
