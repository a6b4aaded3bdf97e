/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filters, run by a small interpreter of classic BPF. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define ALLOW	 SECCOMP_RET_ALLOW
#define EPERM_	 (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_	 (SECCOMP_RET_ERRNO | ENOSYS)
#define X32	 0x40000000

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static bool jumps(uint16_t test, uint32_t a, uint32_t k)
{
	switch (test) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	default:
		fail_msg("unknown test %x", test);
		return false;
	}
}

/* What the filter answers; fails the test when it runs off or does what it must not. */
static uint32_t run(const struct sock_filter *f, size_t count, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *i = &f[pc];

		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k % 4 == 0 && i->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + i->k, 4);
		} else if (i->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= i->k;
		} else if (i->code == (BPF_RET | BPF_K)) {
			return i->k;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			pc += i->k;
		} else {
			assert_int_equal(i->code & 0x07, BPF_JMP);
			pc += jumps(i->code & 0xf0, a, i->k) ? i->jt : i->jf;
		}
	}
	fail_msg("the filter does not end");
	return 0;
}

static uint32_t ask_arch(const char *profile, uint64_t caps, uint32_t arch, uint32_t nr,
			 uint64_t arg0)
{
	const struct sock_filter *f;
	struct error err = ERROR_INIT;
	struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {arg0}};
	size_t count;

	if (runtime_seccomp_filter(profile, caps, &f, &count, &err) < 0)
		fail_msg("%s", err.msg);
	return run(f, count, &data);
}

static uint32_t ask(uint64_t caps, uint32_t nr, uint64_t arg0)
{
	return ask_arch(NULL, caps, NATIVE, nr, arg0);
}

static void test_default(void **state)
{
	uint64_t caps = runtime_default_capabilities();
	static const struct {
		uint32_t nr;
		uint64_t arg0;
		uint32_t want;
	} rows[] = {
		{SYS_read, 0, ALLOW},
		{SYS_openat, 0, ALLOW},
		{SYS_execve, 0, ALLOW},
		{SYS_ptrace, 0, ALLOW},
		{SYS_chroot, 0, ALLOW},
		{SYS_mount, 0, EPERM_},
		{SYS_unshare, 0, EPERM_},
		{SYS_setns, 0, EPERM_},
		{SYS_pivot_root, 0, EPERM_},
		{SYS_bpf, 0, EPERM_},
		{SYS_perf_event_open, 0, EPERM_},
		{SYS_add_key, 0, EPERM_},
		{SYS_keyctl, 0, EPERM_},
		{SYS_userfaultfd, 0, EPERM_},
		{SYS_io_uring_setup, 0, EPERM_},
		{SYS_io_uring_enter, 0, EPERM_},
		{SYS_kexec_load, 0, EPERM_},
		{SYS_init_module, 0, EPERM_},
		{SYS_reboot, 0, EPERM_},
		{SYS_open_by_handle_at, 0, EPERM_},
		{SYS_settimeofday, 0, EPERM_},
		{SYS_clone3, 0, ENOSYS_},
		{SYS_clone, 0x11, ALLOW},
		{SYS_clone, 0x10000000, EPERM_}, /* NEWUSER */
		{SYS_clone, 0x00020011, EPERM_}, /* NEWNS */
		{SYS_socket, 1, ALLOW},
		{SYS_socket, 2, ALLOW},
		{SYS_socket, 16, ALLOW},
		{SYS_socket, 38, EPERM_}, /* ALG */
		{SYS_socket, 39, ALLOW},
		{SYS_socket, 40, EPERM_}, /* VSOCK */
		{SYS_socket, 41, ALLOW},
		{SYS_socket, 0x100000026, EPERM_}, /* the kernel takes the low half */
		{SYS_socket, 0x100000002, ALLOW},
		{SYS_personality, 0, ALLOW},
		{SYS_personality, 0xffffffff, ALLOW},
		{SYS_personality, 0x0040000, EPERM_}, /* ADDR_NO_RANDOMIZE */
		{443, 0, EPERM_},		      /* quotactl_fd */
		{444, 0, ALLOW},		      /* landlock_create_ruleset */
		{447, 0, ALLOW},		      /* memfd_secret */
		{450, 0, EPERM_},		      /* set_mempolicy_home_node */
		{452, 0, ALLOW},		      /* fchmodat2 */
		{459, 0, EPERM_},		      /* lsm_get_self_attr */
		{462, 0, ALLOW},		      /* mseal */
		{466, 0, ALLOW},		      /* removexattrat */
		{467, 0, ENOSYS_},
		{511, 0, ENOSYS_},
		{1000, 0, ENOSYS_},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t got = ask(caps, rows[i].nr, rows[i].arg0);

		if (got != rows[i].want)
			fail_msg("call %u(%#llx): %#x, not %#x", rows[i].nr,
				 (unsigned long long)rows[i].arg0, got, rows[i].want);
	}
}

static void test_capabilities(void **state)
{
	uint64_t caps = runtime_default_capabilities();

	(void)state;
	assert_int_equal(ask(caps | BIT(CAP_SYS_ADMIN), SYS_mount, 0), ALLOW);
	assert_int_equal(ask(caps | BIT(CAP_SYS_ADMIN), SYS_clone, 0x10000000), ALLOW);
	assert_int_equal(ask(caps | BIT(CAP_SYS_ADMIN), SYS_clone3, 0), ALLOW);
	assert_int_equal(ask(caps | BIT(CAP_SYS_ADMIN), 459, 0), ALLOW);
	assert_int_equal(ask(caps | BIT(CAP_SYS_TIME), SYS_clock_settime, 0), ALLOW);
	assert_int_equal(ask(caps | BIT(CAP_SYS_NICE), 450, 0), ALLOW);
	assert_int_equal(ask(caps & ~BIT(CAP_SYS_CHROOT), SYS_chroot, 0), EPERM_);
	assert_int_equal(ask(0, SYS_read, 0), ALLOW);
}

#ifdef __x86_64__
static void test_other_architectures(void **state)
{
	uint64_t caps = runtime_default_capabilities();

	(void)state;
	assert_int_equal(ask(caps, 335, 0), ALLOW);				 /* uretprobe */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 3, 0), ALLOW);	 /* read */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 21, 0), EPERM_);	 /* mount */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 310, 0), EPERM_); /* unshare */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 359, 38), EPERM_);
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 359, 2), ALLOW); /* socket */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 407, 0), ALLOW); /* ..._time64 */
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 462, 0), ALLOW);
	assert_int_equal(ask_arch(NULL, caps, AUDIT_ARCH_I386, 900, 0), ENOSYS_);
}

/* A kernel without x32 has all of it refused with what it says itself. */
static void test_x32(void **state)
{
	uint64_t caps = runtime_default_capabilities();

	(void)state;
	if (syscall(X32 | SYS_getpid) < 0) {
		assert_int_equal(ask(caps, X32 | SYS_openat, 0), ENOSYS_);
		skip();
	}
	assert_int_equal(ask(caps, X32 | SYS_readv, 0), EPERM_); /* x32 has another number */
	assert_int_equal(ask(caps, X32 | SYS_openat, 0), ALLOW);
	assert_int_equal(ask(caps, X32 | SYS_mount, 0), EPERM_);
	assert_int_equal(ask(caps, X32 | 520, 0), ALLOW);  /* execve */
	assert_int_equal(ask(caps, X32 | 521, 0), ALLOW);  /* ptrace */
	assert_int_equal(ask(caps, X32 | 528, 0), EPERM_); /* kexec_load */
	assert_int_equal(ask(caps, X32 | 548, 0), ENOSYS_);
}
#endif

#define PROFILE                                                                                      \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"syscalls\":["                 \
	"{\"names\":[\"read\",\"mseal\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"},"           \
	"{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"                     \
	"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":["              \
	"\"CAP_SYS_ADMIN\"]}},"                                                                      \
	"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"99.1\"}}," \
	"{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}}," \
	"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["                             \
	"{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"},"                                          \
	"{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]}]}"

static void test_json(void **state)
{
	uint64_t admin = BIT(CAP_SYS_ADMIN);

	(void)state;
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_read, 0), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_write, 0), EPERM_);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_mkdir, 0), ENOSYS_);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, 462, 0), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, 463, 0), ENOSYS_);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_mount, 0), EPERM_);
	assert_int_equal(ask_arch(PROFILE, admin, NATIVE, SYS_mount, 0), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_dup, 0), EPERM_);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_dup3, 0), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_kill, 7), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_kill, 9), ALLOW);
	assert_int_equal(ask_arch(PROFILE, 0, NATIVE, SYS_kill, 8), EPERM_);
	assert_int_equal(ask_arch("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", 0, NATIVE, 900, 0),
			 ALLOW);
}

/* Every operator, at and around values that differ in either half. */
static void test_operators(void **state)
{
	static const uint64_t values[] = {0,	       1,	    5,		 0xffffffff,
					  0x100000000, 0x100000004, 0x100000005, 0x100000006,
					  0x200000000, UINT64_MAX};
	static const char *const names[] = {"EQ", "NE", "GT", "GE", "LT", "LE", "MASKED_EQ"};
	const uint64_t k = 0x100000005, mask = 0x100000004;

	(void)state;
	for (size_t op = 0; op < ARRAY_LEN(names); op++) {
		auto_free char *profile = xasprintf(
			"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"name\":\"kill\","
			"\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"op\":\"SCMP_CMP_%s\","
			"\"value\":%llu,\"valueTwo\":%llu}]}]}",
			names[op], (unsigned long long)(op == 6 ? mask : k),
			(unsigned long long)mask);

		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			uint64_t v = values[i];
			const bool want[] = {
				v == k, v != k, v > k, v >= k, v < k, v <= k, (v & mask) == mask};
			uint32_t got = ask_arch(profile, 0, NATIVE, SYS_kill, v);

			if ((got == ALLOW) != want[op])
				fail_msg("%s %#llx", names[op], (unsigned long long)v);
		}
	}
}

static void test_bad_json(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"defaultAction\":\"ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_KILL\",\"architectures\":[\"SCMP_ARCH_PDP11\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"op\":\"==\"}]}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = ERROR_INIT;
		const struct sock_filter *f = NULL;
		size_t count = 0;

		assert_int_equal(runtime_seccomp_filter(bad[i], 0, &f, &count, &err), -EINVAL);
		assert_true(str_starts(err.msg, "seccomp"));
	}
}

static void test_cache(void **state)
{
	struct error err = ERROR_INIT;
	const struct sock_filter *a, *b;
	size_t count;

	(void)state;
	assert_int_equal(runtime_seccomp_filter(NULL, 0, &a, &count, &err), 0);
	assert_int_equal(runtime_seccomp_filter(NULL, BIT(CAP_NET_RAW), &b, &count, &err), 0);
	assert_ptr_equal(a, b); /* makes no difference to the filter */
	assert_int_equal(runtime_seccomp_filter(NULL, BIT(CAP_SYS_ADMIN), &b, &count, &err), 0);
	assert_ptr_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_capabilities),
#ifdef __x86_64__
		cmocka_unit_test(test_other_architectures),
		cmocka_unit_test(test_x32),
#endif
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
