/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The assembler that the compile_*.c files share: operations and data are appended, offsets and
 * slots handed out.  The first error sticks. */
#ifndef RUNTIME_COMPILE_INT_H
#define RUNTIME_COMPILE_INT_H

#include "runtime/program.h"
#include "runtime/runtime.h"

struct placed;

/* A device that is there besides the usual ones. */
struct device_node {
	char *source, *target;
	const char *permissions; /* "rwm" */
	uint32_t mode, uid, gid;
	uint64_t rdev;
};

struct assembler {
	const struct runtime_host *host;
	const struct runtime_spec *spec;
	struct buf ops, data;
	struct program_header header;
	uint32_t next_slot;
	uint32_t host_socket; /* netlink in the host's namespace, made in PARENT; NONE */
	uint32_t slot_proc, slot_sys, slot_null; /* mounted file systems of the container */
	struct device_node *nodes;		 /* compile_devices.c, sorted by target */
	size_t node_count;
	struct placed *mounts; /* compile_binds.c, sorted */
	size_t mount_count;
	char **targets; /* of them */
	struct error *err;
};

/* Data; every offset is below 4 GiB because PROGRAM_MAX is. */
uint32_t as_str(struct assembler *a, const char *s); /* NULL and "" give 0 */
uint32_t as_strf(struct assembler *a, const char *fmt, ...) PRINTF(2, 3);
uint32_t as_data(struct assembler *a, const void *data, size_t len); /* aligned to 8 */
uint32_t as_strv(struct assembler *a, char *const *v, uint32_t *ret_count);
uint32_t as_slot(struct assembler *a);

/* as_op(a, OP_X, flags, sentence, operands…) */
void as_emit(struct assembler *a, enum program_code code, unsigned flags, uint32_t sentence,
	     const uint32_t operands[PROGRAM_OPERANDS]);
#define as_op(a, code, flags, sentence, ...)                                                       \
	as_emit(a, code, flags, sentence, (const uint32_t[PROGRAM_OPERANDS]){__VA_ARGS__})
/* OP_WRITE of a text by an absolute path. */
void as_write(struct assembler *a, unsigned flags, uint32_t sentence, const char *path,
	      const char *text);

static inline bool is_private(const struct runtime_namespace *ns)
{
	return ns->mode == RT_NS_PRIVATE;
}

/* compile_binds.c */
int compile_sources(struct assembler *a) MUST_CHECK; /* before the mount namespace is private */
void compile_attach(struct assembler *a);
/* compile_cgroup.c */
int compile_cgroup_parent(struct assembler *a) MUST_CHECK;
int compile_cgroup_exec(struct assembler *a) MUST_CHECK; /* PARENT of a further process */
int compile_cgroup_child(struct assembler *a) MUST_CHECK;
int compile_cgroup_mounts(struct assembler *a) MUST_CHECK; /* what the container sees of them */
int compile_cgroup_teardown(struct assembler *a) MUST_CHECK;
/* compile_devices.c */
int compile_devices(struct assembler *a) MUST_CHECK; /* looks at the host's; first of all */
void compile_devices_release(struct assembler *a);
void compile_nodes(struct assembler *a); /* in SLOT_DEV */
bool device_is_below_dev(const struct device_node *node);
/* compile_dns.c */
void compile_dns(struct assembler *a); /* in a network namespace of its own, with lo up */
/* compile_mounts.c */
int compile_root(struct assembler *a) MUST_CHECK;
int compile_mounts(struct assembler *a) MUST_CHECK;
void compile_masks(struct assembler *a);
/* compile_process.c */
void compile_self(struct assembler *a); /* what is written to /proc/self while that is the host's */
int compile_namespaces(struct assembler *a) MUST_CHECK; /* and network, host name, sysctls */
int compile_process(struct assembler *a, const struct runtime_process *p, bool further) MUST_CHECK;

#endif
