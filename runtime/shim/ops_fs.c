/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and directories.  Paths inside a container's root are resolved by openat2 in that root, and
 * what is made there is made one component at a time on the descriptor of its parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define AGAIN_TRIES   128
#define COMPONENT_MAX 256

int open_inroot(int root, const char *path, uint64_t flags, uint64_t extra_resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | extra_resolve,
	};
	long fd;
	int tries = 0;

	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < AGAIN_TRIES);
	return fd < 0 ? -errno : (int)fd;
}

/* The next component of a path; 0 at the end, -errno for one that is not allowed. */
static int next_component(const char **path, char ret[COMPONENT_MAX])
{
	size_t len;

	while (**path == '/')
		(*path)++;
	len = strcspn(*path, "/");
	if (!len)
		return 0;
	if (len >= COMPONENT_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, *path, len);
	ret[len] = '\0';
	*path += len;
	return strcmp(ret, "..") ? 1 : -EINVAL;
}

/* One step down: what exists may be a link inside the root (resolved there) unless `real`; what is
 * missing is made. */
static int step(int root, int dir, const char *path_so_far, const char *name, mode_t mode,
		bool real)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT) {
		if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (real || (errno != ENOTDIR && errno != ELOOP))
		return -errno;
	return open_inroot(root, path_so_far, O_PATH | O_DIRECTORY, 0);
}

int make_dir_inroot(int root, const char *path, mode_t mode, bool real)
{
	char name[COMPONENT_MAX], so_far[4096] = "";
	int dir = root, next = 0, r;
	size_t used = 0;

	while ((r = next_component(&path, name)) > 0 && next >= 0) {
		size_t len = strlen(name);

		if (!strcmp(name, "."))
			continue;
		if (used + len + 2 > sizeof(so_far)) {
			r = -ENAMETOOLONG;
			break;
		}
		so_far[used++] = '/';
		memcpy(so_far + used, name, len + 1);
		used += len;
		next = step(root, dir, so_far, name, mode, real);
		if (dir != root)
			close(dir);
		dir = next;
	}
	if (next < 0)
		return next;
	if (r < 0) {
		if (dir != root)
			close(dir);
		return r;
	}
	if (dir == root)
		dir = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

int dir_next(struct dir_reader *d, const char **ret_name, unsigned char *ret_type)
{
	struct linux_dirent64 {
		uint64_t ino;
		int64_t off;
		unsigned short reclen;
		unsigned char type;
		char name[];
	};

	for (;;) {
		const struct linux_dirent64 *e = (const void *)(d->buf + d->at);

		if (d->at == d->len) {
			d->at = 0;
			d->len = syscall(SYS_getdents64, d->fd, d->buf, sizeof(d->buf));
			if (d->len < 0)
				d->len = -errno;
			if (d->len <= 0)
				return (int)d->len;
		}
		d->at += e->reclen;
		if (!strcmp(e->name, ".") || !strcmp(e->name, ".."))
			continue;
		*ret_name = e->name;
		*ret_type = e->type;
		return 1;
	}
}

int op_mkdir(struct machine *m, const struct program_op *op)
{
	if (mkdir(text_of(m, op->a[0]), op->a[1]) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int op_open(struct machine *m, const struct program_op *op)
{
	int dir = slot_of(m, op->a[0]), fd;

	if (op->a[0] == PROGRAM_SLOT_NONE) {
		fd = open(text_of(m, op->a[1]), (int)op->a[2] | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	} else {
		fd = open_inroot(dir, text_of(m, op->a[1]), op->a[2], 0);
	}
	if (fd < 0)
		return fd;
	set_slot(m, op->a[3], fd);
	return 0;
}

int op_write(struct machine *m, const struct program_op *op)
{
	int dir = op->a[0] == PROGRAM_SLOT_NONE ? AT_FDCWD : slot_of(m, op->a[0]), r = 0;
	int fd = openat(dir, text_of(m, op->a[1]), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text_of(m, op->a[2]), op->a[3]);
	if (n != (ssize_t)op->a[3])
		r = n < 0 ? -errno : -EIO;
	close(fd);
	return r;
}

int op_dir(struct machine *m, const struct program_op *op)
{
	int fd = make_dir_inroot(slot_of(m, op->a[0]), text_of(m, op->a[1]), op->a[2],
				 op->flags & OP_REAL);

	if (fd < 0)
		return fd;
	set_slot(m, op->a[3], fd);
	return 0;
}

/* A file as mount point: what exists is taken, links resolved in the root. */
static int make_file_inroot(int root, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[4096];
	size_t len = slash ? (size_t)(slash - path) : 0;
	int dir, fd = open_inroot(root, path, O_PATH, 0);

	if (fd >= 0 || fd != -ENOENT)
		return fd;
	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = '\0';
	dir = make_dir_inroot(root, parent, 0755, false);
	if (dir < 0)
		return dir;
	fd = openat(dir, slash ? slash + 1 : path,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	fd = openat(dir, slash ? slash + 1 : path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	close(dir);
	return fd;
}

/* The path names another place, but a link in the image leads there: what is mounted over parts of
 * /proc would take in whoever trusts it. */
static bool is_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC;
}

int op_target(struct machine *m, const struct program_op *op)
{
	int root = slot_of(m, op->a[0]), fd;
	struct stat st;

	if (fstat(slot_of(m, op->a[2]), &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		fd = make_dir_inroot(root, text_of(m, op->a[1]), 0755, false);
	else
		fd = make_file_inroot(root, text_of(m, op->a[1]));
	if (fd < 0)
		return fd;
	if (is_proc(fd)) {
		close(fd);
		set_detail(m, "the target is in /proc");
		return -EPERM;
	}
	set_slot(m, op->a[3], fd);
	return 0;
}

int op_mknod(struct machine *m, const struct program_op *op)
{
	int dir = slot_of(m, op->a[0]);
	const char *name = text_of(m, op->a[1]);

	if (mknodat(dir, name, op->a[2], op->a[3]) < 0)
		return -errno;
	if ((op->a[4] || op->a[5]) &&
	    fchownat(dir, name, op->a[4], op->a[5], AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

int op_symlink(struct machine *m, const struct program_op *op)
{
	return symlinkat(text_of(m, op->a[2]), slot_of(m, op->a[0]), text_of(m, op->a[1])) < 0
		       ? -errno
		       : 0;
}

/* The working directory must be inside: getcwd says "(unreachable)" for one that is not. */
int op_chdir(struct machine *m, const struct program_op *op)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd, r;
	char cwd[4096];
	long n;

	if (root < 0)
		return -errno;
	fd = make_dir_inroot(root, text_of(m, op->a[0]), 0755, false);
	close(root);
	if (fd < 0)
		return fd;
	r = fchdir(fd) < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	n = syscall(SYS_getcwd, cwd, sizeof(cwd));
	return n < 0 ? -errno : cwd[0] == '/' ? 0 : -ENOENT;
}
