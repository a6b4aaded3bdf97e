/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: archives of images, from the tar to the description. */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/json.h"
#include "images/archive/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The spool, emptied; memory only. */
static int fresh_dir(void)
{
	static char path[] = "/dev/shm/cmp-fuzz.XXXXXX";
	static int dir = -1;
	struct dirent *e;
	DIR *d;

	if (dir < 0) {
		if (!mkdtemp(path))
			abort();
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dir, e->d_name, 0);
	closedir(d);
	return dir;
}

static int as_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

static void check(const json_t *images)
{
	json_t *image, *layer;
	size_t i, k;

	json_array_foreach ((json_t *)(uintptr_t)images, i, image) {
		assert(digest_valid(json_get_str(image, "manifest")));
		assert(digest_valid(json_get_str(image, "config")));
		json_array_foreach (json_get_arr(image, "layers"), k, layer)
			assert(digest_valid(json_get_str(layer, "digest")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(spool_free) struct spool *spool = NULL;
	auto_json json_t *images = NULL;
	auto_fd int input = as_file(data, size);
	struct error err = ERROR_INIT;

	if (spool_read(input, fresh_dir(), (uint64_t)1 << 20, &spool, &err) < 0 ||
	    archive_describe(spool, &images, &err) < 0)
		assert(str_printable(err.msg));
	else
		check(images);
	return 0;
}
