/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer (-max_len=65536): launch programs.  The mutator starts from a compiled one; whatever
 * becomes of it is refused or leads nowhere outside. */
#include "base/str.h"
#include "runtime/runtime.h"
#include "runtime/shim/shim.h"

#define COMPILED_MAX ((size_t)1 << 16)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(struct buf *out)
{
	static char *const args[] = {(char *)(uintptr_t) "sh", NULL};
	static char *const layers[] = {(char *)(uintptr_t) "/l/a", NULL};
	const struct runtime_host host = {.cgroup_v2 = true, .cgroup_root = "/cg"};
	const struct runtime_spec spec = {
		.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		.layers = layers,
		.container_dir = "/c",
		.hostname = "h",
		.loopback = true,
		.dns = true,
		.seccomp = "unconfined",
		.process = {.args = args},
	};
	struct error err = ERROR_INIT;

	buf_init(out, COMPILED_MAX);
	if (runtime_compile(&host, &spec, out, &err) < 0)
		abort();
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static struct buf image;

	(void)seed;
	if (!image.len)
		compile(&image);
	if (size < sizeof(struct program_header) && image.len <= max) {
		memcpy(data, image.data, image.len);
		size = image.len;
	}
	return LLVMFuzzerMutate(data, size, max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	void *copy = xmalloc(size + 1);

	memcpy(copy, data, size);
	if (machine_load(&m, copy, size) == 0)
		for (unsigned i = 0; i < m.program->op_count; i++)
			if (strlen(m.data + m.ops[i].sentence) >= size)
				abort();
	free(copy);
	return 0;
}
