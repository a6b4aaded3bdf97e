/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inputs of tests/fuzz/corpus/NAME through one fuzz target, without libFuzzer: the program
 * replay_NAME.  Directories given as arguments are taken instead.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count;

static bool replay_file(const char *path)
{
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	uint8_t *copy;

	if (file_read(AT_FDCWD, path, (size_t)1 << 24, &text, &err) < 0) {
		printf("not ok %u - %s: %s\n", ++count, path, err.msg);
		return false;
	}
	/* Of its exact size, so that a sanitizer sees the first byte behind it. */
	copy = xmalloc(text.len ? text.len : 1);
	if (text.len)
		memcpy(copy, text.data, text.len);
	LLVMFuzzerTestOneInput(copy, text.len);
	free(copy);
	printf("ok %u - %s\n", ++count, path);
	return true;
}

static bool replay_dir(const char *path)
{
	struct dirent **entries;
	int i, n = scandir(path, &entries, NULL, alphasort);
	bool good = n > 2;

	if (!good)
		printf("not ok %u - %s has no inputs\n", ++count, path);
	for (i = 0; i < n; i++) {
		auto_free char *file = xasprintf("%s/%s", path, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.')
			good &= replay_file(file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return good;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strstr(argv[0], "replay_");
	auto_free char *dir = xasprintf("%s/tests/fuzz/corpus/%s", top ? top : ".",
					name ? name + strlen("replay_") : "");
	bool good = true;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1)
		good = replay_dir(dir);
	for (i = 1; i < argc; i++)
		good &= replay_dir(argv[i]);
	printf("1..%u\n", count);
	return good ? 0 : 1;
}
