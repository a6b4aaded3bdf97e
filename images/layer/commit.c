/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See commit.h.  The tree was written by a container: everything is opened without following
 * links, and what overlay marks is translated:
 *
 *	a character device 0/0		the empty file .wh.NAME
 *	trusted.overlay.opaque = y	the empty file .wh..wh..opq in the directory
 */
#include "images/layer/commit.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "images/layer/recorder.h"
#include "images/layer/tree.h"

#define BLOCK	     ((size_t)256 << 10)
#define LINK_MAX     4096
#define XATTRS_MAX   ((size_t)64 << 10)
#define HARDLINK_MAX ((size_t)4 << 20)
#define OPAQUE	     "trusted.overlay.opaque"

struct known_inode {
	ino_t ino;
	char *path;
};

struct commit {
	struct commit_args args;
	struct archive *tar;
	struct recorder *recorder;
	struct unpack_result size;
	struct known_inode *links;
	size_t link_count, link_room;
	char *block;
};

static int failed(struct error *err, const char *what, const char *path)
{
	return error_sys(err, errno, "%s %s", what, tree_shown(path));
}

static la_ssize_t on_tar(struct archive *a, void *arg, const void *data, size_t len)
{
	struct commit *c = arg;

	(void)a;
	recorder_put(c->recorder, RECORDER_PLAIN, data, len);
	return (la_ssize_t)len;
}

static int tar_failed(struct commit *c, const char *path, struct error *err)
{
	return error_set(err, EIO, "write %s to the layer: %s", tree_shown(path),
			 archive_error_string(c->tar) ?: "unknown error");
}

/* ---- metadata */

static void add_xattrs(struct archive_entry *e, int fd)
{
	auto_free char *names = xmalloc(XATTRS_MAX), *value = xmalloc(XATTRS_MAX);
	ssize_t len = flistxattr(fd, names, XATTRS_MAX), n;
	AUTO(strv_free) char **sorted = NULL;

	for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1)
		if (!strcmp(name, "security.capability") || str_starts(name, "user."))
			strv_push(&sorted, xstrdup(name));
	if (sorted)
		strv_sort(sorted);
	for (char **s = sorted; s && *s; s++) {
		n = fgetxattr(fd, *s, value, XATTRS_MAX);
		if (n >= 0)
			archive_entry_xattr_add_entry(e, *s, value, (size_t)n);
	}
}

static void set_stat(const struct commit *c, struct archive_entry *e, const char *path,
		     const struct stat *st)
{
	int64_t mtime = st->st_mtim.tv_sec;

	if (c->args.epoch_s >= 0)
		mtime = MIN(mtime, c->args.epoch_s);
	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, st->st_mode);
	archive_entry_set_uid(e, st->st_uid);
	archive_entry_set_gid(e, st->st_gid);
	archive_entry_set_mtime(e, mtime, 0);
	if (S_ISREG(st->st_mode))
		archive_entry_set_size(e, st->st_size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		archive_entry_set_rdevmajor(e, major(st->st_rdev));
		archive_entry_set_rdevminor(e, minor(st->st_rdev));
	}
}

static int put_header(struct commit *c, struct archive_entry *e, const char *path,
		      struct error *err)
{
	int r = archive_write_header(c->tar, e);

	c->size.entries++;
	return r != ARCHIVE_OK && r != ARCHIVE_WARN ? tar_failed(c, path, err) : 0;
}

/* An empty file that means something. */
static int put_marker(struct commit *c, const char *path, struct error *err)
{
	struct archive_entry *e = archive_entry_new();
	struct stat st = {.st_mode = S_IFREG};
	int r;

	set_stat(c, e, path, &st);
	r = put_header(c, e, path, err);
	archive_entry_free(e);
	return r;
}

/* ---- kinds */

static int put_bytes(struct commit *c, int fd, const char *path, int64_t size, struct error *err)
{
	ssize_t n;

	for (int64_t left = size; left > 0; left -= n) {
		n = read(fd, c->block, (size_t)MIN(left, (int64_t)BLOCK));
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n < 0)
			return failed(err, "read", path);
		if (!n)
			return error_set(err, EIO, "%s became shorter while it was read",
					 tree_shown(path));
		if (archive_write_data(c->tar, c->block, (size_t)n) != n)
			return tar_failed(c, path, err);
	}
	c->size.tree_bytes += (uint64_t)size;
	if (c->size.tree_bytes > c->args.max_bytes)
		return error_set(err, EFBIG, "the layer is larger than %llu bytes",
				 (unsigned long long)c->args.max_bytes);
	return 0;
}

/* The name under which the file is in the stream already, or NULL. */
static int known_link(struct commit *c, const struct stat *st, const char *path, const char **ret,
		      struct error *err)
{
	*ret = NULL;
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	for (size_t i = 0; i < c->link_count; i++)
		if (c->links[i].ino == st->st_ino) {
			*ret = c->links[i].path;
			return 0;
		}
	if (c->link_count == HARDLINK_MAX)
		return error_set(err, E2BIG, "more than %zu files have several names",
				 HARDLINK_MAX);
	if (c->link_count == c->link_room) {
		c->link_room = MAX(64, c->link_room * 2);
		c->links = xreallocarray(c->links, c->link_room, sizeof(*c->links));
	}
	c->links[c->link_count++] = (struct known_inode){st->st_ino, xstrdup(path)};
	return 0;
}

static int put_other(struct commit *c, int dir, const char *name, const char *path,
		     const struct stat *st, struct error *err)
{
	struct archive_entry *e = archive_entry_new();
	auto_fd int fd = -1;
	char link[LINK_MAX];
	const char *known;
	ssize_t n = 0;
	int r = known_link(c, st, path, &known, err);

	set_stat(c, e, path, st);
	if (r == 0 && known) {
		archive_entry_set_hardlink(e, known);
		archive_entry_set_size(e, 0);
	} else if (r == 0 && S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, link, sizeof(link) - 1);
		if (n < 0)
			r = failed(err, "read the link", path);
		link[MAX(n, 0)] = '\0';
		archive_entry_set_symlink(e, link);
	} else if (r == 0 && S_ISREG(st->st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			r = failed(err, "open", path);
		else
			add_xattrs(e, fd);
	}
	if (r == 0)
		r = put_header(c, e, path, err);
	if (r == 0 && fd >= 0)
		r = put_bytes(c, fd, path, st->st_size, err);
	archive_entry_free(e);
	return r;
}

/* ---- directories */

/* What other overlays may have been told to write, and images cannot express. */
static int check_plain(int fd, const char *path, struct error *err)
{
	static const char *const refused[] = {"trusted.overlay.redirect",
					      "trusted.overlay.metacopy"};

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (fgetxattr(fd, refused[i], NULL, 0) >= 0)
			return error_set(err, EOPNOTSUPP,
					 "%s was moved in a way that a layer cannot express (%s)",
					 tree_shown(path), refused[i]);
	return 0;
}

static bool is_opaque(int fd)
{
	char value[2];

	return fgetxattr(fd, OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y';
}

static int put_dir_entry(struct commit *c, int fd, const char *path, const struct stat *st,
			 struct error *err)
{
	auto_free char *name = xasprintf("%s/", path);
	struct archive_entry *e = archive_entry_new();
	int r;

	set_stat(c, e, name, st);
	add_xattrs(e, fd);
	r = put_header(c, e, name, err);
	archive_entry_free(e);
	return r;
}

static int put_contents(struct commit *c, int dir, const char *path, unsigned depth,
			struct error *err);

static int put_dir(struct commit *c, int dir, const char *name, const char *path,
		   const struct stat *st, unsigned depth, struct error *err)
{
	auto_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return failed(err, "open the directory", path);
	if (check_plain(fd, path, err) < 0 || put_dir_entry(c, fd, path, st, err) < 0)
		return -err->code;
	if (is_opaque(fd)) {
		auto_free char *marker = xasprintf("%s/.wh..wh..opq", path);

		if (put_marker(c, marker, err) < 0)
			return -err->code;
	}
	return put_contents(c, fd, path, depth + 1, err);
}

static int put_entry(struct commit *c, int dir, const char *name, const char *prefix,
		     unsigned depth, struct error *err)
{
	auto_free char *path = *prefix ? xasprintf("%s/%s", prefix, name) : xstrdup(name);
	struct stat st;

	if (str_starts(name, ".wh."))
		return error_set(err, EINVAL,
				 "%s: a file whose name begins with .wh. cannot be in a layer",
				 tree_shown(path));
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, "look at", path);
	if (S_ISCHR(st.st_mode) && st.st_rdev == 0) {
		auto_free char *marker =
			*prefix ? xasprintf("%s/.wh.%s", prefix, name) : xasprintf(".wh.%s", name);

		return put_marker(c, marker, err);
	}
	if (S_ISDIR(st.st_mode))
		return put_dir(c, dir, name, path, &st, depth, err);
	if (S_ISSOCK(st.st_mode))
		return 0; /* nobody listens there any more */
	return put_other(c, dir, name, path, &st, err);
}

static int put_contents(struct commit *c, int dir, const char *path, unsigned depth,
			struct error *err)
{
	AUTO(strv_free) char **names = NULL;

	if (depth > TREE_DEPTH_MAX)
		return error_set(err, E2BIG, "%s: directories are nested too deeply",
				 tree_shown(path));
	if (tree_names(dir, &names, err) < 0)
		return -err->code;
	for (char **n = names; n && *n; n++)
		if (put_entry(c, dir, *n, path, depth, err) < 0)
			return -err->code;
	return 0;
}

/* ---- */

static int open_tar(struct commit *c, struct error *err)
{
	c->tar = archive_write_new();
	if (!c->tar)
		abort();
	/* Headers of the old form wherever they can hold the entry. */
	if (archive_write_set_format_pax_restricted(c->tar) != ARCHIVE_OK ||
	    archive_write_set_format_option(c->tar, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(c->tar, 1) != ARCHIVE_OK ||
	    archive_write_open(c->tar, c, NULL, on_tar, NULL) != ARCHIVE_OK)
		return tar_failed(c, "", err);
	return recorder_start(c->args.blob_fd, true, &c->recorder, err);
}

int commit_layer(const struct commit_args *args, struct layer_digests *ret,
		 struct unpack_result *ret_size, struct error *err)
{
	struct commit c = {.args = *args, .block = xmalloc(BLOCK)};
	int r = open_tar(&c, err);

	if (r == 0)
		r = put_contents(&c, args->upper, "", 0, err);
	if (r == 0 && archive_write_close(c.tar) != ARCHIVE_OK)
		r = tar_failed(&c, "", err);
	if (r == 0)
		r = recorder_finish(c.recorder, ret->diff_id, ret->digest, &ret->blob_bytes, err);
	ret->media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
	*ret_size = c.size;
	/* Freeing writes what is left. */
	archive_write_free(c.tar);
	recorder_free(c.recorder);
	for (size_t i = 0; i < c.link_count; i++)
		free(c.links[i].path);
	free(c.links);
	free(c.block);
	return r;
}
