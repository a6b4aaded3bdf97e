/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts: detached by the new mount API, attributes set before they are attached, attached onto
 * descriptors.  Only overlay uses mount(2), on a directory of our own: its option string does not
 * fit fsconfig's 256 bytes on kernels before 6.5.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define OPTION_MAX 256

int op_private(struct machine *m, const struct program_op *op)
{
	(void)m;
	(void)op;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int op_overlay(struct machine *m, const struct program_op *op)
{
	const char *dir = text_of(m, op->a[0]), *target = text_of(m, op->a[2]);
	int fd;

	if (*dir && chdir(dir) < 0) /* banned-ok: the layer store, ours */
		return -errno;
	if (mount("overlay", target, "overlay", 0, text_of(m, op->a[1])) < 0)
		return -errno;
	fd = open(target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	set_slot(m, op->a[3], fd);
	return 0;
}

/* "size=64k,mode=755,ro" as single settings. */
static int configure(int fs, const char *options)
{
	char one[OPTION_MAX], *value;

	while (*options) {
		size_t len = strcspn(options, ",");
		int r;

		if (len >= sizeof(one))
			return -ENAMETOOLONG;
		memcpy(one, options, len);
		one[len] = '\0';
		options += len + (options[len] == ',');
		if (!len)
			continue;
		value = strchr(one, '=');
		if (value)
			*value++ = '\0';
		r = value ? fsconfig(fs, FSCONFIG_SET_STRING, one, value, 0)
			  : fsconfig(fs, FSCONFIG_SET_FLAG, one, NULL, 0);
		if (r < 0)
			return -errno;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int op_mount_new(struct machine *m, const struct program_op *op)
{
	int fs = fsopen(text_of(m, op->a[0]), FSOPEN_CLOEXEC), fd, r;

	if (fs < 0)
		return -errno;
	r = configure(fs, text_of(m, op->a[1]));
	if (r == 0) {
		fd = fsmount(fs, FSMOUNT_CLOEXEC, op->a[2]);
		if (fd < 0)
			r = -errno;
		else
			set_slot(m, op->a[3], fd);
	}
	close(fs);
	return r;
}

/* A path inside a source is resolved in it first; then everything works on the descriptor. */
int op_open_tree(struct machine *m, const struct program_op *op)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 (op->flags & OP_RECURSIVE ? (unsigned)AT_RECURSIVE : 0);
	const char *path = text_of(m, op->a[1]);
	int dir = slot_of(m, op->a[0]), fd, r = 0;

	if (op->a[0] == PROGRAM_SLOT_NONE) {
		fd = open_tree(AT_FDCWD, path, flags);
		r = fd < 0 ? -errno : 0;
	} else {
		int source = *path ? open_inroot(dir, path, O_PATH, 0) : dir;

		if (source < 0)
			return source;
		fd = open_tree(source, "", flags | AT_EMPTY_PATH);
		r = fd < 0 ? -errno : 0;
		if (source != dir)
			close(source);
	}
	if (r < 0)
		return r;
	set_slot(m, op->a[3], fd);
	return 0;
}

static int set_attr(int fd, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
	unsigned flags = AT_EMPTY_PATH | (recursive ? (unsigned)AT_RECURSIVE : 0);

	return mount_setattr(fd, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int op_mount_attr(struct machine *m, const struct program_op *op)
{
	return set_attr(slot_of(m, op->a[0]), op->flags & OP_RECURSIVE, op->a[1], op->a[2],
			op->a[3]);
}

static int attach(int from, int to)
{
	return move_mount(from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

int op_move_mount(struct machine *m, const struct program_op *op)
{
	return attach(slot_of(m, op->a[0]), slot_of(m, op->a[1]));
}

/* An empty directory that nobody can write to. */
static int empty_dir(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), fd = -1, r;

	if (fs < 0)
		return -errno;
	r = configure(fs, "nr_blocks=1,nr_inodes=1,mode=0555");
	if (r == 0) {
		fd = fsmount(fs, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				     MOUNT_ATTR_NOEXEC);
		r = fd < 0 ? -errno : fd;
	}
	close(fs);
	return r;
}

static int cover_by_clone(int source, int target)
{
	int tree = open_tree(source, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (tree < 0)
		return -errno;
	r = attach(tree, target);
	close(tree);
	return r;
}

/* The first one is attached itself: kernels before 6.15 clone only what is. */
static int cover_dir(struct machine *m, int target)
{
	if (m->empty >= 0)
		return cover_by_clone(m->empty, target);
	m->empty = empty_dir();
	return m->empty < 0 ? m->empty : attach(m->empty, target);
}

/* The null device that covers files is really one. */
static int check_null(struct machine *m, int null)
{
	struct stat st;

	if (m->null_is_null)
		return 0;
	if (fstat(null, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -EINVAL;
	m->null_is_null = true;
	return 0;
}

static int cover(struct machine *m, int target, int null)
{
	struct stat st;
	int r;

	if (fstat(target, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return cover_dir(m, target);
	r = check_null(m, null);
	return r < 0 ? r : cover_by_clone(null, target);
}

/* What is not there needs no covering. */
int op_mask(struct machine *m, const struct program_op *op)
{
	int target = open_inroot(slot_of(m, op->a[0]), text_of(m, op->a[1]), O_PATH, 0), r;

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? 0 : target;
	r = cover(m, target, slot_of(m, op->a[2]));
	close(target);
	return r;
}

int op_readonly(struct machine *m, const struct program_op *op)
{
	int target = open_inroot(slot_of(m, op->a[0]), text_of(m, op->a[1]), O_PATH, 0), tree, r;

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? 0 : target;
	tree = open_tree(target, "",
			 AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	r = tree < 0 ? -errno : set_attr(tree, true, MOUNT_ATTR_RDONLY, 0, 0);
	if (r == 0)
		r = attach(tree, target);
	if (tree >= 0)
		close(tree);
	close(target);
	return r;
}

int op_pivot(struct machine *m, const struct program_op *op)
{
	if (fchdir(slot_of(m, op->a[0])) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) /* banned-ok: the new root */
		return -errno;
	return 0;
}
