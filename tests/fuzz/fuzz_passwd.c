/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: an image's passwd and group (a NUL between them), asked for a few users. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/shim/shim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int root_dir(void)
{
	static int root = -1;
	char dir[] = "/tmp/cmpt-passwd-XXXXXX";

	if (root >= 0)
		return root;
	if (!mkdtemp(dir))
		abort();
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, "etc", 0700) < 0)
		abort();
	return root;
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	int fd = openat(root_dir(), path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const specs[] = {"",	    "root", "a",   "0",
					    "1000", "a:b",  "7:7", "a:4294967296"};
	const uint8_t *second = size ? memchr(data, 0, size) : NULL;
	size_t first = second ? (size_t)(second - data) : size;

	put("etc/passwd", data, first);
	put("etc/group", second ? second + 1 : data, second ? size - first - 1 : 0);
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		char detail[DETAIL_MAX] = "";
		struct user_ids ids;

		if (user_lookup(root_dir(), specs[i], "b", i & 1, &ids, detail) < 0) {
			if (strnlen(detail, DETAIL_MAX) == DETAIL_MAX)
				abort();
			continue;
		}
		if (ids.uid == UINT32_MAX || ids.gid == UINT32_MAX ||
		    ids.group_count > GROUPS_MAX || ids.home[sizeof(ids.home) - 1])
			abort();
	}
	return 0;
}
