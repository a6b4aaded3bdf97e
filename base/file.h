/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files.  The one path primitive for foreign trees (images, containers, volumes) is
 * file_inroot_open: openat2 with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, so that no path, link or
 * race can leave the root; everything afterwards works on the descriptor.  Nobody else opens a
 * foreign path. Descriptors are always close-on-exec.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

/* Opens `path` inside the tree `rootfd`; retries EAGAIN within bounds.  Returns the fd or -errno.
 */
int file_inroot_open(int rootfd, const char *path, int flags, mode_t mode, struct error *err)
	MUST_CHECK;
/* Opens the parent directory of `path` in the root (O_PATH); *ret_name points at the last component
 * within `path` ("." and ".." are refused).  The parent must exist. */
int file_inroot_parent(int rootfd, const char *path, const char **ret_name, struct error *err)
	MUST_CHECK;
/* Makes each missing directory of `path` one component at a time, O_NOFOLLOW; returns an O_PATH fd
 * of the last. */
int file_inroot_mkdir_p(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid,
			struct error *err) MUST_CHECK;

/* Reads a whole regular file (never a FIFO or device), at most `max` bytes. dirfd may be AT_FDCWD.
 */
int file_read(int dirfd, const char *path, size_t max, struct buf *ret, struct error *err)
	MUST_CHECK;
int file_read_fd(int fd, size_t max, struct buf *ret, struct error *err) MUST_CHECK;
int file_write_all(int fd, const void *data, size_t len, struct error *err) MUST_CHECK;
/* Temporary name in the same directory, write, fsync, rename, fsync of the directory. */
int file_write_atomic(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      struct error *err) MUST_CHECK;
/* One write(2) of a short text to an existing file (sysctl, cgroup): no O_CREAT, no O_TRUNC. */
int file_poke(int dirfd, const char *path, const char *text, struct error *err) MUST_CHECK;
/* mkdir -p of a path of our own (state and run directories). */
int file_mkdir_p(const char *path, mode_t mode, struct error *err) MUST_CHECK;
/* Removes a tree by descriptors without following links or crossing mounts; absence is success. */
int file_remove_tree(int dirfd, const char *path, struct error *err) MUST_CHECK;
bool file_exists(int dirfd, const char *path);
/* Directory of the running program ("/usr/bin"), from /proc/self/exe. */
int file_program_dir(char *ret, size_t size, struct error *err) MUST_CHECK;

#endif
