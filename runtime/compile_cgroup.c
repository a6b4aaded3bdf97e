/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cgroups.  On v2 the child is born into its cgroup; on v1 it writes itself into each hierarchy.
 * Devices: everything may be made by mknod, only the harmless ones opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/cgroup.h"
#include "runtime/compile_int.h"

#define PIDS_DEFAULT 4096
#define INSNS_MAX    4096

struct device_rule {
	char type;	      /* 'c', 'b' */
	int64_t major, minor; /* -1: any */
	char access[4];
};

/* The console of the host (5:1) and net/tun are left out on purpose. */
static const struct device_rule default_rules[] = {
	{'c', -1, -1, "m"}, {'b', -1, -1, "m"},	   {'c', 1, 3, "rwm"}, {'c', 1, 5, "rwm"},
	{'c', 1, 7, "rwm"}, {'c', 1, 8, "rwm"},	   {'c', 1, 9, "rwm"}, {'c', 5, 0, "rwm"},
	{'c', 5, 2, "rwm"}, {'c', 136, -1, "rwm"},
};

/* "*" or a number. */
static bool rule_number(const char *text, size_t len, int64_t *ret)
{
	auto_free char *number = xstrndup(text, len);
	uint32_t value;

	*ret = -1;
	if (!strcmp(number, "*"))
		return true;
	if (parse_u32(number, &value) < 0)
		return false;
	*ret = value;
	return value <= INT32_MAX; /* what an instruction can compare with */
}

/* One of the user: TYPE MAJOR:MINOR ACCESS.  `a` is for the caller to make two of. */
static int parse_rule(const char *text, struct device_rule *ret, struct error *err)
{
	const char *numbers = text[0] && text[1] == ' ' ? text + 2 : "";
	const char *colon = strchr(numbers, ':'), *space = colon ? strchr(colon, ' ') : NULL;
	size_t len = space ? strspn(space + 1, "rwm") : 0;

	if (!strchr("abc", text[0]) || !len || len > 3 || space[1 + len] ||
	    !rule_number(numbers, (size_t)(colon - numbers), &ret->major) ||
	    !rule_number(colon + 1, (size_t)(space - colon - 1), &ret->minor))
		return error_set(err, EINVAL,
				 "device cgroup rule \"%s\" is not of the form \"c 1:3 rwm\"",
				 text);
	ret->type = text[0];
	str_copy(ret->access, sizeof(ret->access), space + 1);
	return 0;
}

/* All rules of the container; owned. */
static int collect_rules(const struct assembler *a, struct device_rule **ret, size_t *ret_count)
{
	size_t i, n = ARRAY_LEN(default_rules), users = strv_len(a->spec->device_rules);
	auto_free struct device_rule *rules =
		xcalloc(n + a->node_count + 2 * users, sizeof(*rules));

	memcpy(rules, default_rules, sizeof(default_rules));
	for (i = 0; i < a->node_count; i++) {
		const struct device_node *node = &a->nodes[i];
		struct device_rule *rule = &rules[n++];

		rule->type = S_ISCHR(node->mode) ? 'c' : 'b';
		rule->major = major(node->rdev);
		rule->minor = minor(node->rdev);
		str_copy(rule->access, sizeof(rule->access), node->permissions);
	}
	for (i = 0; i < users; i++) {
		struct device_rule *rule = &rules[n++];
		int r = parse_rule(a->spec->device_rules[i], rule, a->err);

		if (r < 0)
			return r;
		if (rule->type != 'a')
			continue;
		rule->type = 'c';
		rules[n] = *rule;
		rules[n++].type = 'b';
	}
	*ret = steal_ptr(&rules);
	*ret_count = n;
	return 0;
}

/* ---- v1 */

static bool mounted(const struct assembler *a, const char *controller)
{
	return strv_has(a->host->v1_controllers, controller);
}

static bool limits_cpu(const struct runtime_resources *r)
{
	return r->cpu_quota_us || r->cpu_period_us || r->cpu_shares;
}

static bool limits_cpuset(const struct runtime_resources *r)
{
	return !str_empty(r->cpuset_cpus) || !str_empty(r->cpuset_mems);
}

/* The hierarchies that a container has a directory in; the list depends on nothing but the spec. */
static void controllers_of(const struct assembler *a, const char *ret[8], size_t *ret_count)
{
	static const char *const always[] = {"memory", "pids", "devices", "freezer"};
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(always); i++)
		if (mounted(a, always[i]))
			ret[n++] = always[i];
	if (limits_cpu(&a->spec->resources) && mounted(a, "cpu"))
		ret[n++] = "cpu";
	if (limits_cpuset(&a->spec->resources) && mounted(a, "cpuset"))
		ret[n++] = "cpuset";
	*ret_count = n;
}

static int path_of(const struct assembler *a, const char *controller, bool parent, char **ret)
{
	return runtime_cgroup_path(a->host, controller, a->spec->cgroup_parent,
				   parent ? NULL : a->spec->id, ret, a->err);
}

static void write_limit(struct assembler *a, const char *dir, const char *file, long long value)
{
	auto_free char *path = xasprintf("%s/%s", dir, file);
	char text[32];

	snprintf(text, sizeof(text), "%lld", value);
	as_write(a, 0, as_strf(a, "set %s to %s", file, text), path, text);
}

static void write_text(struct assembler *a, const char *dir, const char *file, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, file);

	as_write(a, 0, as_strf(a, "set %s to %s", file, text), path, text);
}

static int64_t pids_limit(const struct runtime_resources *r)
{
	return r->pids_limit ? r->pids_limit : PIDS_DEFAULT;
}

/* Memory and swap together; as much swap as memory when only memory is limited. */
static int64_t memory_swap(const struct runtime_resources *r)
{
	return r->memory_swap_bytes ? r->memory_swap_bytes : 2 * r->memory_bytes;
}

static void v1_memory(struct assembler *a, const char *dir)
{
	const struct runtime_resources *r = &a->spec->resources;

	if (r->memory_bytes)
		write_limit(a, dir, "memory.limit_in_bytes", r->memory_bytes);
	if (r->memory_reservation_bytes)
		write_limit(a, dir, "memory.soft_limit_in_bytes", r->memory_reservation_bytes);
	if (memory_swap(r)) {
		auto_free char *path = xasprintf("%s/memory.memsw.limit_in_bytes", dir);
		auto_free char *text = xasprintf("%lld", (long long)memory_swap(r));

		as_write(a, OP_OPTIONAL, as_strf(a, "limit memory and swap to %s", text), path,
			 text);
	}
	if (r->oom_kill_disable)
		write_text(a, dir, "memory.oom_control", "1");
}

static int v1_devices(struct assembler *a, const char *dir)
{
	auto_free struct device_rule *rules = NULL;
	size_t i, count;
	int r = collect_rules(a, &rules, &count);

	if (r < 0 || a->spec->privileged)
		return r;
	write_text(a, dir, "devices.deny", "a");
	for (i = 0; i < count; i++) {
		char text[64], minor_text[24] = "*", major_text[24] = "*";

		if (rules[i].major >= 0)
			snprintf(major_text, sizeof(major_text), "%lld", (long long)rules[i].major);
		if (rules[i].minor >= 0)
			snprintf(minor_text, sizeof(minor_text), "%lld", (long long)rules[i].minor);
		snprintf(text, sizeof(text), "%c %s:%s %s", rules[i].type, major_text, minor_text,
			 rules[i].access);
		write_text(a, dir, "devices.allow", text);
	}
	return 0;
}

static void v1_cpu(struct assembler *a, const char *dir)
{
	const struct runtime_resources *r = &a->spec->resources;

	if (r->cpu_period_us)
		write_limit(a, dir, "cpu.cfs_period_us", r->cpu_period_us);
	if (r->cpu_quota_us)
		write_limit(a, dir, "cpu.cfs_quota_us", r->cpu_quota_us);
	if (r->cpu_shares)
		write_limit(a, dir, "cpu.shares", r->cpu_shares);
}

/* What is not asked for was copied from the parent (runtime_cgroup_prepare sees to that). */
static void v1_cpuset(struct assembler *a, const char *dir)
{
	const struct runtime_resources *r = &a->spec->resources;

	if (!str_empty(r->cpuset_cpus))
		write_text(a, dir, "cpuset.cpus", r->cpuset_cpus);
	if (!str_empty(r->cpuset_mems))
		write_text(a, dir, "cpuset.mems", r->cpuset_mems);
}

static int v1_controller(struct assembler *a, const char *controller)
{
	auto_free char *parent = NULL, *dir = NULL;
	int r = path_of(a, controller, true, &parent);

	if (r == 0)
		r = path_of(a, controller, false, &dir);
	if (r < 0)
		return r;
	as_op(a, OP_MKDIR, 0, as_strf(a, "make the cgroup %s", parent), as_str(a, parent), 0755);
	as_op(a, OP_MKDIR, 0, as_strf(a, "make the cgroup %s", dir), as_str(a, dir), 0755);
	if (!strcmp(controller, "memory"))
		v1_memory(a, dir);
	else if (!strcmp(controller, "pids") && pids_limit(&a->spec->resources) > 0)
		write_limit(a, dir, "pids.max", pids_limit(&a->spec->resources));
	else if (!strcmp(controller, "devices"))
		return v1_devices(a, dir);
	else if (!strcmp(controller, "cpu"))
		v1_cpu(a, dir);
	else if (!strcmp(controller, "cpuset"))
		v1_cpuset(a, dir);
	return 0;
}

/* ---- v2 */

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

static unsigned access_bits(const char *access)
{
	return (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0u) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0u);
}

/*
 * One rule: r2 type, r3 access wanted, r4 major, r5 minor; each test that fails jumps behind the
 * rule, and what passes them all is allowed.
 */
static size_t add_rule(const struct device_rule *rule, struct bpf_insn *out)
{
	struct bpf_insn test[16];
	size_t n = 0, i;
	unsigned bits = access_bits(rule->access);
	int type = rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK;

	test[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, type);
	test[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
	test[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, (int32_t)bits);
	test[n++] = insn(BPF_JMP | BPF_JNE | BPF_X, 1, 3, 0, 0);
	if (rule->major >= 0)
		test[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int32_t)rule->major);
	if (rule->minor >= 0)
		test[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int32_t)rule->minor);
	test[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	test[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (i = 0; i < n; i++) {
		out[i] = test[i];
		if (BPF_CLASS(test[i].code) == BPF_JMP && BPF_OP(test[i].code) == BPF_JNE)
			out[i].off = (int16_t)(n - i - 1);
	}
	return n;
}

static int v2_devices(struct assembler *a)
{
	auto_free struct device_rule *rules = NULL;
	struct bpf_insn code[INSNS_MAX];
	size_t i, count, n = 0;
	int r = collect_rules(a, &rules, &count);

	if (r < 0 || a->spec->privileged)
		return r;
	if (count * 8 + 16 > INSNS_MAX)
		return error_set(a->err, E2BIG, "too many devices");
	/* struct bpf_cgroup_dev_ctx { u32 access_type (type | access << 16), major, minor } in r1
	 */
	code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	code[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	code[n++] = insn(BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	for (i = 0; i < count; i++)
		n += add_rule(&rules[i], code + n);
	code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	code[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	as_op(a, OP_BPF_DEVICE, 0, as_str(a, "restrict the devices of the container"), SLOT_CGROUP,
	      as_data(a, code, n * sizeof(code[0])), (uint32_t)n);
	return 0;
}

/* Docker's shares (2 … 262144, 1024) as a weight (1 … 10000, 100). */
static long long weight_of(int64_t shares)
{
	return 1 + (shares - 2) * 9999 / 262142;
}

/* A kernel without swap accounting has no such file. */
static void v2_swap(struct assembler *a, const char *dir, long long bytes)
{
	auto_free char *path = xasprintf("%s/memory.swap.max", dir);
	auto_free char *text = xasprintf("%lld", bytes);

	as_write(a, OP_OPTIONAL, as_strf(a, "limit swap to %s", text), path, text);
}

static void v2_limits(struct assembler *a, const char *dir)
{
	const struct runtime_resources *r = &a->spec->resources;
	char text[64];

	if (pids_limit(r) > 0)
		write_limit(a, dir, "pids.max", pids_limit(r));
	if (r->memory_bytes)
		write_limit(a, dir, "memory.max", r->memory_bytes);
	if (r->memory_reservation_bytes)
		write_limit(a, dir, "memory.low", r->memory_reservation_bytes);
	if (memory_swap(r) > 0 && memory_swap(r) >= r->memory_bytes)
		v2_swap(a, dir, memory_swap(r) - r->memory_bytes);
	if (r->memory_bytes)
		write_text(a, dir, "memory.oom.group", "1");
	if (r->cpu_quota_us || r->cpu_period_us) {
		long long period = r->cpu_period_us ? r->cpu_period_us : 100000;

		if (r->cpu_quota_us > 0)
			snprintf(text, sizeof(text), "%lld %lld", (long long)r->cpu_quota_us,
				 period);
		else
			snprintf(text, sizeof(text), "max %lld", period);
		write_text(a, dir, "cpu.max", text);
	}
	if (r->cpu_shares >= 2)
		write_limit(a, dir, "cpu.weight", weight_of(r->cpu_shares));
	if (!str_empty(r->cpuset_cpus))
		write_text(a, dir, "cpuset.cpus", r->cpuset_cpus);
	if (!str_empty(r->cpuset_mems))
		write_text(a, dir, "cpuset.mems", r->cpuset_mems);
}

static int v2_parent(struct assembler *a)
{
	auto_free char *dir = NULL;
	int r = path_of(a, NULL, false, &dir);

	if (r < 0)
		return r;
	as_op(a, OP_MKDIR, 0, as_strf(a, "make the cgroup %s", dir), as_str(a, dir), 0755);
	as_op(a, OP_OPEN, 0, as_strf(a, "open the cgroup %s", dir), PROGRAM_SLOT_NONE,
	      as_str(a, dir), O_RDONLY | O_DIRECTORY, SLOT_CGROUP);
	v2_limits(a, dir);
	return v2_devices(a);
}

/* ---- what compile.c calls */

int compile_cgroup_parent(struct assembler *a)
{
	const char *controllers[8];
	size_t i, count;
	int r = 0;

	if (a->host->cgroup_v2)
		return v2_parent(a);
	controllers_of(a, controllers, &count);
	for (i = 0; i < count && r == 0; i++)
		r = v1_controller(a, controllers[i]);
	return r;
}

/*
 * Into `tasks`, where there is one: a thread that moves itself alone needs no lock, while a process
 * waits for all CPUs to have passed a quiet moment, which takes longer than all the rest of a
 * start.
 */
static int enter(struct assembler *a, const char *controller)
{
	auto_free char *dir = NULL, *procs = NULL;
	int r = path_of(a, controller, false, &dir);

	if (r < 0)
		return r;
	procs = xasprintf("%s/%s", dir, a->host->cgroup_v2 ? "cgroup.procs" : "tasks");
	as_write(a, 0, as_strf(a, "enter the cgroup %s", dir), procs, "0");
	return 0;
}

int compile_cgroup_exec(struct assembler *a)
{
	auto_free char *dir = NULL;
	int r;

	if (!a->host->cgroup_v2 || !a->host->clone_into_cgroup)
		return 0;
	r = path_of(a, NULL, false, &dir);
	if (r == 0)
		as_op(a, OP_OPEN, 0, as_strf(a, "open the cgroup %s", dir), PROGRAM_SLOT_NONE,
		      as_str(a, dir), O_RDONLY | O_DIRECTORY, SLOT_CGROUP);
	return r;
}

int compile_cgroup_child(struct assembler *a)
{
	bool further = a->header.flags & PROGRAM_EXEC;
	const char *controllers[8];
	size_t i, count;
	int r = 0;

	if (a->host->cgroup_v2)
		return a->host->clone_into_cgroup ? 0 : enter(a, NULL);
	controllers_of(a, controllers, &count);
	for (i = 0; i < count && r == 0; i++)
		r = enter(a, controllers[i]);
	if (r == 0 && !further && is_private(&a->spec->cgroup))
		as_op(a, OP_UNSHARE, 0, as_str(a, "make a cgroup namespace"), CLONE_NEWCGROUP);
	return r;
}

static void mount_v2(struct assembler *a, unsigned attr)
{
	uint32_t mount = as_slot(a), target = as_slot(a);
	uint32_t sentence = as_str(a, "mount cgroup2 on /sys/fs/cgroup");

	as_op(a, OP_MOUNT_NEW, 0, sentence, as_str(a, "cgroup2"), 0, attr, mount);
	as_op(a, OP_OPEN, 0, sentence, a->slot_sys, as_str(a, "fs/cgroup"), O_PATH | O_DIRECTORY,
	      target);
	as_op(a, OP_MOVE_MOUNT, 0, sentence, mount, target);
}

/* One directory a controller on a small tmpfs, bound from the host's hierarchy. */
static int mount_v1(struct assembler *a, unsigned attr)
{
	uint32_t tmp = as_slot(a), target = as_slot(a), dir = as_slot(a), tree = as_slot(a);
	uint32_t sentence = as_str(a, "mount cgroups on /sys/fs/cgroup");
	const char *controllers[8];
	size_t i, count;
	int r;

	as_op(a, OP_MOUNT_NEW, 0, sentence, as_str(a, "tmpfs"), as_str(a, "mode=755,size=64k"),
	      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, tmp);
	as_op(a, OP_OPEN, 0, sentence, a->slot_sys, as_str(a, "fs/cgroup"), O_PATH | O_DIRECTORY,
	      target);
	as_op(a, OP_MOVE_MOUNT, 0, sentence, tmp, target);
	controllers_of(a, controllers, &count);
	for (i = 0; i < count; i++) {
		auto_free char *path = NULL;

		if (strcmp(controllers[i], "memory") && strcmp(controllers[i], "cpu") &&
		    strcmp(controllers[i], "pids"))
			continue;
		r = path_of(a, controllers[i], false, &path);
		if (r < 0)
			return r;
		as_op(a, OP_OPEN_TREE, 0, sentence, PROGRAM_SLOT_NONE, as_str(a, path), 0, tree);
		as_op(a, OP_MOUNT_ATTR, 0, sentence, tree, attr, 0, MS_PRIVATE);
		as_op(a, OP_DIR, OP_REAL, sentence, tmp, as_str(a, controllers[i]), 0755, dir);
		as_op(a, OP_MOVE_MOUNT, 0, sentence, tree, dir);
	}
	as_op(a, OP_MOUNT_ATTR, 0, sentence, tmp, MOUNT_ATTR_RDONLY, 0, 0);
	return 0;
}

int compile_cgroup_mounts(struct assembler *a)
{
	unsigned attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			(a->spec->privileged ? 0 : MOUNT_ATTR_RDONLY);

	if (!a->host->cgroup_v2)
		return mount_v1(a, attr);
	mount_v2(a, attr);
	return 0;
}

static int leave(struct assembler *a, const char *controller, const char *oom_file)
{
	auto_free char *dir = NULL, *oom = NULL;
	int r = path_of(a, controller, false, &dir);

	if (r < 0)
		return r;
	if (oom_file) {
		oom = xasprintf("%s/%s", dir, oom_file);
		as_op(a, OP_OOM, 0, as_str(a, "look for kills for want of memory"), as_str(a, oom));
	}
	as_op(a, OP_RMDIR, OP_BUSY_OK, as_strf(a, "remove the cgroup %s", dir), as_str(a, dir));
	return 0;
}

int compile_cgroup_teardown(struct assembler *a)
{
	const char *controllers[8];
	size_t i, count;
	int r = 0;

	if (a->host->cgroup_v2)
		return leave(a, NULL, "memory.events");
	controllers_of(a, controllers, &count);
	for (i = 0; i < count && r == 0; i++)
		r = leave(a, controllers[i],
			  strcmp(controllers[i], "memory") ? NULL : "memory.oom_control");
	return r;
}
