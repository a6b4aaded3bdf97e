/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See unpack.h.  libarchive parses the headers; nothing of its disk writer is used.  Times of
 * directories are set at the end, because filling a directory changes them.
 */
#include "images/layer/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "images/layer/name.h"

#define ENTRIES_MAX	((uint64_t)10 << 20)
#define DIR_TEXT_MAX	((size_t)256 << 20) /* bytes of remembered directory names */
#define XATTR_BYTES_MAX ((size_t)64 << 10)
#define ID_MAX		((int64_t)0xfffffffe)
#define BLOCK		512
#define WAY_MODE	0755 /* of directories that the archive uses but does not have */

struct dir_time {
	char *path;
	struct timespec mtime;
};

struct unpacker {
	struct unpack_args args;
	struct unpack_result result;
	struct archive *archive;
	struct error source_error;
	uint64_t stream_bytes;
	/* the parent of the last entry, kept because the next one is usually beside it */
	char *parent_path;
	int parent;
	struct dir_time *dirs;
	size_t dir_count, dir_cap, dir_text;
};

/* One entry on its way to the disk. */
struct item {
	struct archive_entry *entry;
	char *path;	  /* normalised, owned */
	const char *name; /* its last component, on the descriptor `parent` */
	int parent;	  /* borrowed from the unpacker */
	mode_t mode;	  /* permission bits */
	uid_t uid;
	gid_t gid;
	struct timespec times[2];
};

static const char *shown(const struct item *it)
{
	return str_printable(it->path) ? it->path : "(unprintable name)";
}

static int failed(struct error *err, const struct item *it, const char *what)
{
	return error_sys(err, errno, "%s %s", what, shown(it));
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct unpacker *u = arg;
	static const char zeros[BLOCK];
	ssize_t n = layer_source_read(u->args.source, ret, &u->source_error);

	if (n == 0 && u->args.pad && u->stream_bytes % BLOCK) {
		*ret = zeros;
		n = (ssize_t)(BLOCK - u->stream_bytes % BLOCK);
	}
	if (n > 0)
		u->stream_bytes += (uint64_t)n;
	if (n < 0)
		archive_set_error(a, u->source_error.code, "%s", u->source_error.msg);
	return n < 0 ? -1 : n;
}

static int archive_failed(struct unpacker *u, struct error *err)
{
	const char *text = archive_error_string(u->archive);

	if (u->source_error.code) {
		*err = u->source_error;
		return -err->code;
	}
	if (!text || !str_printable(text))
		text = "damaged header";
	return error_set(err, EBADMSG, "the archive is not a valid tar stream: %s", text);
}

/* ---- places */

static void forget_parent(struct unpacker *u)
{
	if (u->parent >= 0)
		close(u->parent);
	u->parent = -1;
	free(steal_ptr(&u->parent_path));
}

/* Sets it->parent and it->name, making directories on the way. */
static int find_parent(struct unpacker *u, struct item *it, struct error *err)
{
	char *slash = strrchr(it->path, '/');
	auto_free char *path = slash ? xstrndup(it->path, (size_t)(slash - it->path)) : xstrdup("");

	it->name = slash ? slash + 1 : it->path;
	if (!str_eq(path, u->parent_path)) {
		forget_parent(u);
		u->parent = file_inroot_open(u->args.root, path, O_PATH | O_DIRECTORY, 0, err);
		if (u->parent < 0 && err->code == ENOENT) {
			*err = ERROR_INIT;
			u->parent = file_inroot_mkdir_p(u->args.root, path, WAY_MODE, 0, 0, err);
		}
		if (u->parent < 0)
			return err->code ? -err->code : -EIO;
		u->parent_path = steal_ptr(&path);
	}
	it->parent = u->parent;
	return 0;
}

/* Takes away what has the name already. */
static int make_room(const struct item *it, struct error *err)
{
	if (unlinkat(it->parent, it->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return failed(err, it, "replace");
	if (file_remove_tree(it->parent, it->name, err) < 0)
		return error_wrap(err, "replace %s", shown(it));
	return 0;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static int set_opaque(int fd, const struct item *it, struct error *err)
{
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return failed(err, it, "make opaque");
	return 0;
}

static int open_dir(const struct item *it, struct error *err)
{
	int fd = openat(it->parent, it->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? failed(err, it, "open") : fd;
}

/* ---- metadata */

static bool xattr_kept(const char *name)
{
	if (!strcmp(name, "security.capability"))
		return true;
	return str_starts(name, "user.") && !str_starts(name, "user.overlay.");
}

static int set_xattrs(int fd, const struct item *it, struct error *err)
{
	const char *name;
	const void *value;
	size_t len;

	archive_entry_xattr_reset(it->entry);
	while (archive_entry_xattr_next(it->entry, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !xattr_kept(name))
			continue;
		if (len > XATTR_BYTES_MAX)
			return error_set(err, E2BIG, "%s has an attribute of more than %zu bytes",
					 shown(it), XATTR_BYTES_MAX);
		if (fsetxattr(fd, name, value, len, 0) < 0 && errno != ENOTSUP)
			return failed(err, it, "set an attribute of");
	}
	return 0;
}

/* Owner first (it clears setuid and capabilities), then mode, then attributes. */
static int set_metadata(int fd, const struct item *it, struct error *err)
{
	if (fchown(fd, it->uid, it->gid) < 0)
		return failed(err, it, "change the owner of");
	if (fchmod(fd, it->mode) < 0)
		return failed(err, it, "change the mode of");
	return set_xattrs(fd, it, err);
}

static int remember_dir(struct unpacker *u, const struct item *it, struct error *err)
{
	u->dir_text += strlen(it->path) + sizeof(*u->dirs);
	if (u->dir_text > DIR_TEXT_MAX)
		return error_set(err, E2BIG, "the archive has too many directories");
	if (u->dir_count == u->dir_cap) {
		u->dir_cap = MAX(64, u->dir_cap * 2);
		u->dirs = xreallocarray(u->dirs, u->dir_cap, sizeof(*u->dirs));
	}
	u->dirs[u->dir_count++] =
		(struct dir_time){.path = xstrdup(it->path), .mtime = it->times[1]};
	return 0;
}

static int set_dir_times(struct unpacker *u, struct error *err)
{
	for (size_t i = 0; i < u->dir_count; i++) {
		struct timespec times[2] = {u->dirs[i].mtime, u->dirs[i].mtime};
		struct error gone = ERROR_INIT;
		auto_fd int fd = file_inroot_open(u->args.root, u->dirs[i].path,
						  O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &gone);

		/* A later entry may have put something else in its place. */
		if (fd >= 0 && futimens(fd, times) < 0)
			return error_sys(err, errno, "set the times of a directory");
	}
	return 0;
}

/* ---- kinds of entries */

static int make_dir(struct unpacker *u, struct item *it, struct error *err)
{
	auto_fd int fd = -1;
	struct stat st;
	bool hides = false;
	int r;

	if (*it->path) {
		if (fstatat(it->parent, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode)) {
			hides = is_whiteout(&st);
			r = make_room(it, err);
			if (r < 0)
				return r;
		}
		if (mkdirat(it->parent, it->name, 0700) < 0 && errno != EEXIST)
			return failed(err, it, "create directory");
		fd = open_dir(it, err);
	} else {
		fd = file_inroot_open(u->args.root, ".", O_RDONLY | O_DIRECTORY, 0, err);
	}
	if (fd < 0)
		return err->code ? -err->code : -EIO;
	if (hides && u->args.overlay && set_opaque(fd, it, err) < 0)
		return -err->code;
	r = set_metadata(fd, it, err);
	return r < 0 ? r : remember_dir(u, it, err);
}

/* Opens a new file; what is there is in the way. */
static int create_file(struct item *it, struct error *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, fd;

	fd = openat(it->parent, it->name, flags | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		if (make_room(it, err) < 0)
			return -err->code;
		fd = openat(it->parent, it->name, flags | O_CLOEXEC, 0600);
	}
	return fd < 0 ? failed(err, it, "create") : fd;
}

static int write_at(int fd, const char *data, size_t len, off_t at)
{
	ssize_t n;

	for (; len; data += n, len -= (size_t)n, at += n) {
		n = pwrite(fd, data, len, at);
		if (n < 0)
			return -1;
	}
	return 0;
}

static int write_content(struct unpacker *u, struct item *it, int fd, struct error *err)
{
	int64_t size = archive_entry_size(it->entry), end = 0;
	la_int64_t at;
	const void *data;
	size_t len;
	int r;

	if (size < 0 || (uint64_t)size > u->args.max_bytes)
		return error_set(err, EFBIG, "%s is larger than the limit of %llu bytes", shown(it),
				 (unsigned long long)u->args.max_bytes);
	while ((r = archive_read_data_block(u->archive, &data, &len, &at)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK)
			return archive_failed(u, err);
		if (at < 0 || at > size || (int64_t)len > size - at)
			return error_set(err, EBADMSG, "%s has data beyond its size", shown(it));
		if (write_at(fd, data, len, at) < 0)
			return failed(err, it, "write");
		end = MAX(end, at + (int64_t)len);
		u->result.tree_bytes += len;
	}
	if (end < size && ftruncate(fd, size) < 0)
		return failed(err, it, "extend");
	return 0;
}

static int make_file(struct unpacker *u, struct item *it, struct error *err)
{
	auto_fd int fd = create_file(it, err);

	if (fd < 0)
		return fd;
	if (write_content(u, it, fd, err) < 0 || set_metadata(fd, it, err) < 0)
		return -err->code;
	if (futimens(fd, it->times) < 0)
		return failed(err, it, "set the times of");
	return 0;
}

/* Owner and times of what is not opened. */
static int finish_node(const struct item *it, struct error *err)
{
	if (fchownat(it->parent, it->name, it->uid, it->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, it, "change the owner of");
	if (utimensat(it->parent, it->name, it->times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, it, "set the times of");
	return 0;
}

static int make_symlink(struct item *it, struct error *err)
{
	const char *target = archive_entry_symlink(it->entry);

	if (str_empty(target))
		return error_set(err, EBADMSG, "the link %s has no target", shown(it));
	if (make_room(it, err) < 0)
		return -err->code;
	if (symlinkat(target, it->parent, it->name) < 0)
		return failed(err, it, "create link");
	return finish_node(it, err);
}

static int make_node(struct item *it, struct error *err)
{
	mode_t type = archive_entry_filetype(it->entry);
	dev_t dev = type == S_IFIFO ? 0
				    : makedev((unsigned)archive_entry_rdevmajor(it->entry),
					      (unsigned)archive_entry_rdevminor(it->entry));

	if (make_room(it, err) < 0)
		return -err->code;
	if (mknodat(it->parent, it->name, type | it->mode, dev) < 0)
		return failed(err, it, "create");
	return finish_node(it, err);
}

static bool same_file(int a_dir, const char *a, int b_dir, const char *b)
{
	struct stat x, y;

	return fstatat(a_dir, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b_dir, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int make_hardlink(struct unpacker *u, struct item *it, const char *text, struct error *err)
{
	auto_free char *target = NULL;
	auto_fd int dir = -1;
	const char *name;

	if (layer_name_normal(text, &target, err) < 0)
		return -err->code;
	dir = file_inroot_parent(u->args.root, target, &name, err);
	if (dir < 0)
		return error_wrap(err, "target of the link %s", shown(it));
	if (same_file(dir, name, it->parent, it->name))
		return 0;
	if (make_room(it, err) < 0)
		return -err->code;
	if (linkat(dir, name, it->parent, it->name, 0) < 0)
		return failed(err, it, "create link");
	return 0;
}

/* ---- whiteouts: they speak of the layers below, never of what this one has */

static int hide_file(struct item *it, const char *hidden, struct error *err)
{
	struct stat st;

	it->name = hidden;
	if (fstatat(it->parent, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		auto_fd int fd = -1;

		if (!S_ISDIR(st.st_mode))
			return 0;
		fd = open_dir(it, err);
		return fd < 0 ? fd : set_opaque(fd, it, err);
	}
	if (mknodat(it->parent, hidden, S_IFCHR, 0) < 0)
		return failed(err, it, "hide");
	return 0;
}

static int hide_all(struct unpacker *u, struct item *it, struct error *err)
{
	auto_fd int fd =
		file_inroot_open(u->args.root, u->parent_path, O_RDONLY | O_DIRECTORY, 0, err);

	return fd < 0 ? fd : set_opaque(fd, it, err);
}

/* ---- entries */

/* What an entry may take the place of. */
static int check_kind(const struct unpacker *u, const struct item *it, struct error *err)
{
	bool is_dir =
		archive_entry_filetype(it->entry) == AE_IFDIR && !archive_entry_hardlink(it->entry);
	struct stat st;

	if (!*it->path)
		return is_dir ? 0 : error_set(err, EBADMSG, "the archive replaces its root");
	if (!u->args.keep_kinds || fstatat(it->parent, it->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) && !is_dir)
		return error_set(err, EINVAL,
				 "cannot overwrite directory \"/%s\" with non-directory",
				 shown(it));
	if (!S_ISDIR(st.st_mode) && is_dir)
		return error_set(err, EINVAL,
				 "cannot overwrite non-directory \"/%s\" with directory",
				 shown(it));
	return 0;
}

static int place(struct unpacker *u, struct item *it, struct error *err)
{
	const char *link = archive_entry_hardlink(it->entry), *hidden = NULL;
	enum layer_whiteout whiteout =
		u->args.plain ? LAYER_WHITEOUT_NO : layer_name_whiteout(it->path, &hidden);

	if (whiteout == LAYER_WHITEOUT_BAD)
		return error_set(err, EBADMSG, "the archive hides an impossible name");
	if (whiteout == LAYER_WHITEOUT_META || (whiteout && !u->args.overlay))
		return 0;
	if (*it->path && find_parent(u, it, err) < 0)
		return -err->code;
	if (whiteout)
		return whiteout == LAYER_WHITEOUT_FILE ? hide_file(it, hidden, err)
						       : hide_all(u, it, err);
	if (check_kind(u, it, err) < 0)
		return -err->code;
	if (link)
		return make_hardlink(u, it, link, err);
	switch (archive_entry_filetype(it->entry)) {
	case AE_IFDIR:
		return make_dir(u, it, err);
	case AE_IFREG:
		return make_file(u, it, err);
	case AE_IFLNK:
		return make_symlink(it, err);
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		return make_node(it, err);
	default:
		return error_set(err, EBADMSG, "%s has an unknown type", shown(it));
	}
}

static int add_entry(struct unpacker *u, struct archive_entry *e, struct error *err)
{
	const char *name = archive_entry_pathname(e) ?: archive_entry_pathname_utf8(e);
	struct item it = {.entry = e, .parent = -1, .mode = archive_entry_perm(e)};
	auto_free char *path = NULL;
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);

	if (!name)
		return error_set(err, EBADMSG, "the archive has an entry without a name");
	if (++u->result.entries > ENTRIES_MAX)
		return error_set(err, E2BIG, "the archive has more than %llu entries",
				 (unsigned long long)ENTRIES_MAX);
	if (layer_name_normal(name, &path, err) < 0)
		return -err->code;
	it.path = path;
	it.name = path;
	if (uid < 0 || uid > ID_MAX || gid < 0 || gid > ID_MAX)
		return error_set(err, EBADMSG, "%s has an impossible owner", shown(&it));
	it.uid = u->args.owner ? u->args.uid : (uid_t)uid;
	it.gid = u->args.owner ? u->args.gid : (gid_t)gid;
	it.times[0] = it.times[1] = (struct timespec){
		.tv_sec = archive_entry_mtime(e),
		.tv_nsec = MIN(MAX(archive_entry_mtime_nsec(e), 0), 999999999),
	};
	return place(u, &it, err);
}

static int run(struct unpacker *u, struct error *err)
{
	struct archive_entry *e;
	int r;

	archive_read_support_format_tar(u->archive);
	archive_read_support_format_empty(u->archive);
	archive_read_set_option(u->archive, "tar", "mac-ext", NULL);
	if (archive_read_open(u->archive, u, NULL, on_read, NULL) != ARCHIVE_OK)
		return archive_failed(u, err);
	while ((r = archive_read_next_header(u->archive, &e)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_failed(u, err);
		r = add_entry(u, e, err);
		if (r < 0)
			return r;
	}
	return set_dir_times(u, err);
}

int unpack(const struct unpack_args *args, struct unpack_result *ret, struct error *err)
{
	struct unpacker u = {.args = *args, .parent = -1, .archive = archive_read_new()};
	int r;

	if (!u.archive)
		abort();
	r = run(&u, err);
	archive_read_free(u.archive);
	forget_parent(&u);
	for (size_t i = 0; i < u.dir_count; i++)
		free(u.dirs[i].path);
	free(u.dirs);
	*ret = u.result;
	return r;
}
