/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a profile to BPF.  libseccomp builds the filter, as a search tree; in front of it goes a
 * prologue of ours for the system calls from number LATE_FIRST on.  Their numbers are the same on
 * every architecture, and the library may be older than they are.  Numbers beyond the newest one
 * that the profile knows fail with ENOSYS instead of the profile's error, so that a C library falls
 * back to what it used before.
 *
 * Building takes milliseconds, so the filters are kept, by profile and capabilities.
 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/file.h"
#include "runtime/seccomp_int.h"

#define CACHE_ENTRIES 16
#define FILTER_MAX    4096 /* instructions: BPF_MAXINSNS */
#define PROLOGUE_MAX  (2 * FILTER_LATE_MAX + 24)

#define LATE_FIRST 444 /* landlock_create_ruleset (5.13) */
static const struct {
	const char *name;
	uint32_t nr;
} late[] = {
	{"landlock_create_ruleset", 444},
	{"landlock_add_rule", 445},
	{"landlock_restrict_self", 446},
	{"memfd_secret", 447},
	{"process_mrelease", 448},
	{"futex_waitv", 449},
	{"set_mempolicy_home_node", 450},
	{"cachestat", 451},
	{"fchmodat2", 452},
	{"map_shadow_stack", 453},
	{"futex_wake", 454},
	{"futex_wait", 455},
	{"futex_requeue", 456},
	{"statmount", 457},
	{"listmount", 458},
	{"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460},
	{"lsm_list_modules", 461},
	{"mseal", 462},
	{"setxattrat", 463},
	{"getxattrat", 464},
	{"listxattrat", 465},
	{"removexattrat", 466},
	{"open_tree_attr", 467},
	{"file_getattr", 468},
	{"file_setattr", 469},
};

#if defined(__x86_64__)
#define AUDIT_NATIVE AUDIT_ARCH_X86_64
#define AUDIT_COMPAT AUDIT_ARCH_I386
#define COMPAT_NAME  "x86"
#define X32_BIT	     0x40000000u
#define X32_FIRST    512 /* numbers of x32 alone, 512 to 547 */
#define X32_LAST     547
#define NR_URETPROBE 335
#elif defined(__aarch64__)
#define AUDIT_NATIVE AUDIT_ARCH_AARCH64
#define AUDIT_COMPAT AUDIT_ARCH_ARM
#define COMPAT_NAME  "arm"
#elif defined(__riscv)
#define AUDIT_NATIVE AUDIT_ARCH_RISCV64
#define AUDIT_COMPAT AUDIT_ARCH_RISCV32
#define COMPAT_NAME  "riscv32"
#else
#error "the system call numbers of this architecture have not been looked at"
#endif

/* ---- building */

static int failed(struct error *err, int r, const char *what)
{
	return error_sys(err, r < 0 ? -r : r, "seccomp: %s", what);
}

int filter_begin(struct filter_builder *b, uint32_t default_action, struct error *err)
{
	int r;

	*b = (struct filter_builder){.default_action = default_action, .has_native = true};
	b->ctx = seccomp_init(default_action);
	if (!b->ctx)
		return error_set(err, EINVAL, "seccomp: the default action is not supported");
	/* a search tree instead of a list; older libraries do without */
	r = seccomp_attr_set(b->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0 && r != -EOPNOTSUPP && r != -EINVAL)
		return failed(err, r, "optimise");
	return 0;
}

int filter_arch(struct filter_builder *b, const char *name, struct error *err)
{
	uint32_t arch = seccomp_arch_resolve_name(name);
	int r;

	if (arch == 0)
		return error_set(err, EINVAL, "seccomp: unknown architecture %s", name);
	if (arch == SCMP_ARCH_NATIVE || arch == seccomp_arch_native())
		return 0;
	r = seccomp_arch_add(b->ctx, arch);
	if (r < 0 && r != -EEXIST)
		return failed(err, r, name);
	if (str_eq(name, COMPAT_NAME))
		b->has_compat = true;
	return 0;
}

static uint32_t late_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(late); i++) {
		if (str_eq(late[i].name, name))
			return late[i].nr;
	}
	return 0;
}

static int add_late(struct filter_builder *b, const char *name, uint32_t nr, uint32_t action,
		    unsigned arg_count, struct error *err)
{
	if (arg_count)
		return error_set(err, EINVAL, "seccomp: no argument tests of %s are supported",
				 name);
	for (size_t i = 0; i < b->late_count; i++) {
		if (b->late[i].nr == nr)
			return 0; /* the first rule counts */
	}
	if (b->late_count == FILTER_LATE_MAX)
		return error_set(err, E2BIG, "seccomp: too many rules");
	b->late[b->late_count++] = (struct filter_late){nr, action};
	return 0;
}

int filter_add(struct filter_builder *b, const char *name, uint32_t action,
	       const struct scmp_arg_cmp *args, unsigned arg_count, struct error *err)
{
	uint32_t nr_late = late_number(name);
	int nr, r;

	if (action == b->default_action)
		return 0;
	if (nr_late)
		return add_late(b, name, nr_late, action, arg_count, err);
	if (str_eq(name, "uretprobe")) {
		b->uretprobe = action == SCMP_ACT_ALLOW;
		return 0;
	}
	nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(b->ctx, action, nr, arg_count, args);
	if (r < 0 && r != -EEXIST && r != -EDOM)
		return failed(err, r, name);
	return 0;
}

void filter_release(struct filter_builder *b)
{
	if (b->ctx)
		seccomp_release(b->ctx);
	b->ctx = NULL;
}

/* ---- the prologue */

/* A jump to the end goes on with libseccomp's filter; its distance is filled in at last. */
struct code {
	struct sock_filter insn[PROLOGUE_MAX];
	size_t count;
	size_t to_end[4], to_end_count;
};

static void emit(struct code *c, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	c->insn[c->count++] = (struct sock_filter){code, jt, jf, k};
}
static void emit_load(struct code *c, size_t offset)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}
static void emit_return_if(struct code *c, uint16_t test, uint32_t k, uint32_t action)
{
	emit(c, BPF_JMP | BPF_K | test, k, 0, 1);
	emit(c, BPF_RET | BPF_K, action, 0, 0);
}
/* To the end unless the test holds. */
static void emit_continue_if(struct code *c, uint16_t test, uint32_t k)
{
	emit(c, BPF_JMP | BPF_K | test, k, 1, 0);
	c->to_end[c->to_end_count++] = c->count;
	emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
}
static void emit_end(struct code *c)
{
	for (size_t i = 0; i < c->to_end_count; i++)
		c->insn[c->to_end[i]].k = (uint32_t)(c->count - c->to_end[i] - 1);
}

static uint32_t newest_number(const struct filter_builder *b)
{
	uint32_t newest = LATE_FIRST - 1;

	for (size_t i = 0; i < b->late_count; i++)
		newest = MAX(newest, b->late[i].nr);
	return newest;
}

static bool is_errno(uint32_t action)
{
	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

static void build_prologue(const struct filter_builder *b, struct code *c)
{
	emit_load(c, offsetof(struct seccomp_data, arch));
#ifdef NR_URETPROBE
	if (b->uretprobe) {
		emit(c, BPF_JMP | BPF_K | BPF_JEQ, AUDIT_NATIVE, 0, 4);
		emit_load(c, offsetof(struct seccomp_data, nr));
		emit_return_if(c, BPF_JEQ, NR_URETPROBE, SCMP_ACT_ALLOW);
		emit_load(c, offsetof(struct seccomp_data, arch));
	}
#endif
	if (b->has_compat)
		emit(c, BPF_JMP | BPF_K | BPF_JEQ, AUDIT_COMPAT, 2, 0);
	emit_continue_if(c, BPF_JEQ, AUDIT_NATIVE);
	emit_load(c, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	emit(c, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT, 0, 0);
#endif
	emit_continue_if(c, BPF_JGE, LATE_FIRST);
	for (size_t i = 0; i < b->late_count; i++)
		emit_return_if(c, BPF_JEQ, b->late[i].nr, b->late[i].action);
#ifdef X32_BIT
	emit(c, BPF_JMP | BPF_K | BPF_JGE, X32_FIRST, 0, 2);
	emit_continue_if(c, BPF_JGT, X32_LAST);
#endif
	if (is_errno(b->default_action))
		emit_return_if(c, BPF_JGT, newest_number(b), SCMP_ACT_ERRNO(ENOSYS));
	emit(c, BPF_RET | BPF_K, b->default_action, 0, 0);
	emit_end(c);
}

/* ---- finishing, and the cache */

static int export_filter(const struct filter_builder *b, struct buf *ret, struct error *err)
{
	struct code prologue = {.count = 0};
	auto_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	auto_buf struct buf tail = BUF_INIT;
	int r;

	if (fd < 0)
		return error_sys(err, errno, "seccomp: memfd_create");
	r = seccomp_export_bpf(b->ctx, fd);
	if (r < 0)
		return failed(err, r, "export");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, errno, "seccomp: seek");
	r = file_read_fd(fd, FILTER_MAX * sizeof(struct sock_filter), &tail, err);
	if (r < 0)
		return error_wrap(err, "seccomp");
	build_prologue(b, &prologue);
	buf_add(ret, prologue.insn, prologue.count * sizeof(prologue.insn[0]));
	buf_add(ret, tail.data, tail.len);
	if (ret->len > FILTER_MAX * sizeof(struct sock_filter))
		return error_set(err, E2BIG, "seccomp: the filter has more than %d instructions",
				 FILTER_MAX);
	return 0;
}

static int build(const char *profile, uint64_t capabilities, struct buf *ret, struct error *err)
{
	struct filter_builder b = {.ctx = NULL};
	int r = profile ? filter_json_profile(&b, profile, capabilities, err)
			: filter_default_profile(&b, capabilities, err);

	if (r == 0)
		r = export_filter(&b, ret, err);
	filter_release(&b);
	return r;
}

struct cache_entry {
	char profile[DIGEST_HEX_MAX]; /* "" for the default one */
	uint64_t capabilities;
	struct buf filter;
};

int runtime_seccomp_filter(const char *profile, uint64_t capabilities,
			   const struct sock_filter **ret, size_t *ret_count, struct error *err)
{
	static struct cache_entry cache[CACHE_ENTRIES];
	static size_t next;
	struct cache_entry made = {.capabilities = capabilities, .filter = BUF_INIT};
	struct cache_entry *hit = NULL;

	if (profile)
		digest_of(profile, strlen(profile), made.profile);
	else
		made.capabilities &= filter_default_profile_capabilities();
	for (size_t i = 0; i < CACHE_ENTRIES && !hit; i++) {
		if (cache[i].filter.len && cache[i].capabilities == made.capabilities &&
		    str_eq(cache[i].profile, made.profile))
			hit = &cache[i];
	}
	if (!hit) {
		int r = build(profile, capabilities, &made.filter, err);

		if (r < 0) {
			buf_release(&made.filter);
			return r;
		}
		hit = &cache[next];
		next = (next + 1) % CACHE_ENTRIES;
		buf_release(&hit->filter);
		*hit = made;
	}
	*ret = (const struct sock_filter *)(const void *)hit->filter.data;
	*ret_count = hit->filter.len / sizeof(struct sock_filter);
	return 0;
}
