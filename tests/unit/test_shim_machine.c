/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of a program: what the compiler makes is taken, and nothing that leads out of the image
 * is, whatever is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/str.h"
#include "runtime/runtime.h"
#include "runtime/shim/shim.h"

#define S(text) ((char *)(uintptr_t)(text))

static char *const layers[] = {S("/l/a"), S("/l/b"), NULL};
static char *const args[] = {S("sh"), S("-c"), S("true"), NULL};
static char *const env[] = {S("PATH=/bin"), NULL};

static void compile(struct buf *out)
{
	const struct runtime_host host = {
		.cgroup_v2 = true, .cgroup_root = "/sys/fs/cgroup", .clone_into_cgroup = true};
	const struct runtime_spec spec = {
		.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		.layers = layers,
		.container_dir = "/c",
		.hostname = "h",
		.loopback = true,
		.dns = true,
		.process = {.args = args, .env = env, .capabilities = 0xa80425fb},
	};
	struct error err = ERROR_INIT;

	if (runtime_compile(&host, &spec, out, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Loads a copy that ends where the image ends, so that a sanitizer sees every step outside. */
static int load(const char *image, size_t len)
{
	_Alignas(8) char *copy = xmalloc(len ? len : 1);
	struct machine m;
	int r;

	memcpy(copy, image, len);
	r = machine_load(&m, copy, len);
	free(copy);
	return r;
}

static void test_compiled(void **state)
{
	auto_buf struct buf image = BUF_INIT;

	(void)state;
	compile(&image);
	assert_int_equal(load(image.data, image.len), 0);
}

static void test_cut(void **state)
{
	auto_buf struct buf image = BUF_INIT;

	(void)state;
	compile(&image);
	for (size_t len = 0; len < image.len; len += 1 + len / 40)
		assert_int_equal(load(image.data, len), -EBADMSG);
}

static void test_header(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
	} rows[] = {
		{offsetof(struct program_header, magic), 0},
		{offsetof(struct program_header, version), 2},
		{offsetof(struct program_header, len), 8},
		{offsetof(struct program_header, op_count), 0x10000000},
		{offsetof(struct program_header, parent_end), 0xffffffff},
		{offsetof(struct program_header, child_end), 0xffffffff},
		{offsetof(struct program_header, data_offset), 0xfffffff8},
		{offsetof(struct program_header, data_len), 0xffffffff},
		{offsetof(struct program_header, data_len), 0},
	};
	auto_buf struct buf image = BUF_INIT;

	(void)state;
	compile(&image);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t old;

		memcpy(&old, image.data + rows[i].offset, 4);
		memcpy(image.data + rows[i].offset, &rows[i].value, 4);
		assert_int_equal(load(image.data, image.len), -EBADMSG);
		memcpy(image.data + rows[i].offset, &old, 4);
	}
}

/* Every number of every operation at its extremes: refused or harmless, but never read outside. */
static void test_operands(void **state)
{
	static const uint32_t values[] = {0, 1, 95, 96, 0x7fffffff, 0xfffffffe, 0xffffffff};
	auto_buf struct buf image = BUF_INIT;
	struct program_header h;
	size_t at, end;

	(void)state;
	compile(&image);
	memcpy(&h, image.data, sizeof(h));
	end = sizeof(h) + h.op_count * sizeof(struct program_op);
	for (at = sizeof(h); at < end; at += 4)
		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			uint32_t old;

			memcpy(&old, image.data + at, 4);
			memcpy(image.data + at, &values[i], 4);
			load(image.data, image.len);
			memcpy(image.data + at, &old, 4);
		}
	assert_int_equal(load(image.data, image.len), 0);
}

static void test_strings_end(void **state)
{
	auto_buf struct buf image = BUF_INIT;

	(void)state;
	compile(&image);
	image.data[image.len - 1] = 'x';
	assert_int_equal(load(image.data, image.len), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled),    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_header),	    cmocka_unit_test(test_operands),
		cmocka_unit_test(test_strings_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
