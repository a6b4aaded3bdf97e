/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Population of a volume: what the image has at a mount point is copied into the volume's empty
 * directory, with owners, modes, times, extended attributes and links as they are.  Only
 * descriptors are used; nothing is followed; devices and sockets are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define DEPTH_MAX   128
#define XATTR_LIST  4096
#define XATTR_VALUE 4096
#define LINK_TARGET 4096

static int copy_tree(int from, int to, int depth);

static int copy_xattrs(int from, int to)
{
	char names[XATTR_LIST], value[XATTR_VALUE], *name;
	ssize_t len = flistxattr(from, names, sizeof(names)), n;

	if (len < 0)
		return errno == ENOTSUP || errno == ERANGE ? 0 : -errno;
	for (name = names; name < names + len; name += strlen(name) + 1) {
		if (!strncmp(name, "trusted.", 8))
			continue;
		n = fgetxattr(from, name, value, sizeof(value));
		if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP)
			return -errno;
	}
	return 0;
}

static int copy_meta(int from, int to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	r = copy_xattrs(from, to);
	if (r == 0 && futimens(to, times) < 0)
		r = -errno;
	return r;
}

static int copy_bytes(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)size, 0);

		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
			n = sendfile(to, from, NULL, (size_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size -= n;
	}
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to, r;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : copy_bytes(from, to, st->st_size);
	if (r == 0)
		r = copy_meta(from, to, st);
	if (to >= 0)
		close(to);
	close(from);
	return r;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[LINK_TARGET];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_dir(int from_dir, int to_dir, const char *name, const struct stat *st, int depth)
{
	int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to = -1,
	    r = 0;

	if (from < 0)
		return -errno;
	if (mkdirat(to_dir, name, 0700) < 0)
		r = -errno;
	if (r == 0) {
		to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = to < 0 ? -errno : copy_tree(from, to, depth + 1);
	}
	if (r == 0)
		r = copy_meta(from, to, st);
	if (to >= 0)
		close(to);
	close(from);
	return r;
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	if (S_ISDIR(st.st_mode))
		return copy_dir(from, to, name, &st, depth);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st);
	if (S_ISFIFO(st.st_mode) &&
	    (mkfifoat(to, name, st.st_mode & 0777) < 0 ||
	     fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0))
		return -errno;
	return 0;
}

static int copy_tree(int from, int to, int depth)
{
	struct dir_reader d = {.fd = from};
	unsigned char type;
	const char *name;
	int r;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	while ((r = dir_next(&d, &name, &type)) > 0) {
		r = copy_entry(from, to, name, depth);
		if (r < 0)
			break;
	}
	return r;
}

static int is_empty(int dir)
{
	struct dir_reader d = {.fd = dir};
	unsigned char type;
	const char *name;
	int r = dir_next(&d, &name, &type);

	return r < 0 ? r : !r;
}

/* What a copy that failed has made: half a volume would be taken for a whole one. */
static void remove_all(int dir, int depth)
{
	struct dir_reader d = {.fd = dir};
	unsigned char type;
	const char *name;
	int below;

	if (depth > DEPTH_MAX || lseek(dir, 0, SEEK_SET) < 0)
		return;
	while (dir_next(&d, &name, &type) > 0) {
		if (unlinkat(dir, name, 0) == 0)
			continue;
		below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		remove_all(below, depth + 1);
		close(below);
		unlinkat(dir, name, AT_REMOVEDIR);
	}
}

/* Fills an empty directory; one that is not is somebody's. */
static int populate(int from, int to)
{
	struct stat st;
	int r = is_empty(to);

	if (r <= 0)
		return r;
	r = copy_tree(from, to, 0);
	if (r == 0)
		r = fstat(from, &st) < 0 ? -errno : copy_meta(from, to, &st);
	if (r < 0)
		remove_all(to, 0);
	return r;
}

int op_copy_up(struct machine *m, const struct program_op *op)
{
	int from = openat(slot_of(m, op->a[0]), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int to = openat(slot_of(m, op->a[1]), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (from < 0 || to < 0)
		r = errno == ENOTDIR ? 0 : -errno; /* files are not copied */
	else
		r = populate(from, to);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return r;
}
