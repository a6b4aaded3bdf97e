/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files, and the one path primitive for foreign trees: see file.h.  Everything is done on
 * descriptors; nothing here follows a link that leaves the root it was given.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/digest.h"
#include "base/time.h"

#define EAGAIN_TRIES 128 /* a rename storm in the tree makes openat2 give up; it is asked again */
#define EAGAIN_NS    (2 * NS_PER_MS)

static int openat2_call(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
}

int file_inroot_open(int rootfd, const char *path, int flags, mode_t mode, struct error *err)
{
	int64_t until = 0;
	int fd, tries;

	for (tries = 0;; tries++) {
		fd = openat2_call(rootfd, *path ? path : ".", flags, mode);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return error_sys(err, errno, "open %s", path);
		if (!until)
			until = time_boot_ns() + EAGAIN_NS;
		if (tries >= EAGAIN_TRIES && time_boot_ns() > until)
			return error_sys(err, EAGAIN, "open %s", path);
	}
}

int file_inroot_parent(int rootfd, const char *path, const char **ret_name, struct error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	int fd;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return error_set(err, EINVAL, "%s does not name a file", path);
	fd = file_inroot_open(rootfd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, err);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}

/* Opens or makes one directory below `parent`; a link in its place is resolved inside the root. */
static int mkdir_step(int rootfd, int parent, const char *so_far, const char *name, mode_t mode,
		      uid_t uid, gid_t gid, struct error *err)
{
	int fd;

	fd = file_inroot_open(rootfd, so_far, O_PATH | O_DIRECTORY, 0, err);
	if (fd >= 0 || err->code != ENOENT)
		return fd;
	*err = ERROR_INIT;
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return error_sys(err, errno, "create directory %s", so_far);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open directory %s", so_far);
	if ((uid || gid) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0) {
		close(fd);
		return error_sys(err, errno, "change owner of %s", so_far);
	}
	return fd;
}

int file_inroot_mkdir_p(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid,
			struct error *err)
{
	auto_free char *so_far = xcalloc(strlen(path) + 2, 1);
	auto_fd int parent = -1;
	size_t len, used = 0;
	int fd;

	parent = file_inroot_open(rootfd, "/", O_PATH | O_DIRECTORY, 0, err);
	if (parent < 0)
		return err->code ? -err->code : -EIO;
	for (; *path; path += len) {
		auto_free char *name = NULL;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!len)
			break;
		name = xstrndup(path, len);
		if (!strcmp(name, "..") || !strcmp(name, "."))
			return error_set(err, EINVAL, "%s is not allowed in the path %s", name,
					 path);
		if (used)
			so_far[used++] = '/';
		memcpy(so_far + used, name, len);
		used += len;
		fd = mkdir_step(rootfd, parent, so_far, name, mode, uid, gid, err);
		if (fd < 0)
			return fd;
		close(parent);
		parent = fd;
	}
	return steal_fd(&parent);
}

int file_read_fd(int fd, size_t max, struct buf *ret, struct error *err)
{
	size_t chunk = 16384;
	struct stat st;
	ssize_t n;
	char *at;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (st.st_size > 0 && (uint64_t)st.st_size > max)
			return error_set(err, EFBIG, "the file is larger than %zu bytes", max);
		if (st.st_size > 0)
			chunk = (size_t)st.st_size + 1;
	}
	for (;;) {
		if (ret->len >= max)
			chunk = 1;
		at = buf_reserve(ret, chunk);
		if (!at)
			return error_set(err, EFBIG, "the file is larger than %zu bytes", ret->max);
		n = read(fd, at, chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read");
		if (n == 0)
			break;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len > max)
			return error_set(err, EFBIG, "the file is larger than %zu bytes", max);
		chunk = 16384;
	}
	ret->data[ret->len] = '\0';
	return 0;
}

int file_read(int dirfd, const char *path, size_t max, struct buf *ret, struct error *err)
{
	auto_fd int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "stat %s", path);
	if (S_ISDIR(st.st_mode))
		return error_set(err, EISDIR, "open %s: is a directory", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "open %s: is not a regular file", path);
	r = file_read_fd(fd, max, ret, err);
	return r < 0 ? error_wrap(err, "read %s", path) : 0;
}

int file_write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write_atomic(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      struct error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	auto_fd int dir = -1, fd = -1;
	char temporary[96], id[DIGEST_HEX_MAX];
	int r;

	dir = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_sys(err, errno, "open %s", parent);
	digest_random_id(id);
	snprintf(temporary, sizeof(temporary), ".tmp-%.16s", id);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_sys(err, errno, "create %s", path);
	r = file_write_all(fd, data, len, err);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = error_sys(err, errno, "change mode");
	if (r == 0 && fsync(fd) < 0)
		r = error_sys(err, errno, "sync");
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = error_sys(err, errno, "rename");
	if (r < 0) {
		unlinkat(dir, temporary, 0);
		return error_wrap(err, "write %s", path);
	}
	if (fsync(dir) < 0)
		return error_sys(err, errno, "sync directory of %s", path);
	return 0;
}

int file_poke(int dirfd, const char *path, const char *text, struct error *err)
{
	auto_fd int fd = openat(dirfd, path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return error_sys(err, errno, "write \"%s\" to %s", text, path);
	return 0;
}

int file_mkdir_p(const char *path, mode_t mode, struct error *err)
{
	auto_free char *copy = xstrdup(path);
	struct stat st;
	char *p;

	for (p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return error_sys(err, errno, "create directory %s", copy);
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st) < 0)
		return error_sys(err, errno, "stat %s", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "%s is not a directory", path);
	return 0;
}

/* ---- removal: depth first with one open directory a level; beyond DEPTH_OPEN levels a subtree is
 * first moved up into the top directory, so that neither descriptors nor the stack are exhausted.
 */

#define DEPTH_OPEN 64

struct removal {
	int top;
	dev_t dev;
	unsigned long moved;
	struct error *err;
};

static int remove_entry(struct removal *rm, int dirfd, const char *name, int depth);

static int remove_contents(struct removal *rm, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		close(fd);
		return error_sys(rm->err, errno, "read directory");
	}
	while (r == 0 && (errno = 0, e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = remove_entry(rm, dirfd(dir), e->d_name, depth);
	if (r == 0 && errno)
		r = error_sys(rm->err, errno, "read directory");
	closedir(dir);
	return r;
}

static int remove_entry(struct removal *rm, int dirfd, const char *name, int depth)
{
	char moved[32];
	struct stat st;
	int fd, r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_sys(rm->err, errno, "remove %s", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(rm->err, errno, "open directory %s", name);
	if (fstat(fd, &st) < 0 || st.st_dev != rm->dev) {
		close(fd);
		return error_set(rm->err, EBUSY, "remove %s: something is mounted there", name);
	}
	if (depth >= DEPTH_OPEN) {
		close(fd);
		snprintf(moved, sizeof(moved), ".rm-%lu", rm->moved++);
		if (renameat(dirfd, name, rm->top, moved) < 0)
			return error_sys(rm->err, errno, "remove %s", name);
		return 0; /* the top directory is read again */
	}
	r = remove_contents(rm, fd, depth + 1);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = error_sys(rm->err, errno, "remove directory %s", name);
	return r;
}

int file_remove_tree(int dirfd, const char *path, struct error *err)
{
	struct removal rm = {.top = -1, .err = err};
	auto_fd int top = -1;
	unsigned long before;
	struct stat st;
	int fd, r;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_sys(err, errno, "remove %s", path);
	top = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0 || fstat(top, &st) < 0)
		return error_sys(err, errno, "open %s", path);
	rm.top = top;
	rm.dev = st.st_dev;
	do {
		before = rm.moved;
		fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(err, errno, "open %s", path);
		r = remove_contents(&rm, fd, 0);
		if (r < 0)
			return error_wrap(err, "remove %s", path);
	} while (rm.moved != before);
	if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_sys(err, errno, "remove %s", path);
	return 0;
}

bool file_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_program_dir(char *ret, size_t size, struct error *err)
{
	ssize_t len = readlink("/proc/self/exe", ret, size - 1);
	char *slash;

	if (len < 0)
		return error_sys(err, errno, "read /proc/self/exe");
	ret[len] = '\0';
	slash = strrchr(ret, '/');
	if (slash)
		*slash = '\0';
	return 0;
}
