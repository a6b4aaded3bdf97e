/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree becomes a tar stream on descriptor 3, or a stream becomes files in a directory. Everything
 * is walked by descriptors, links are stored and never followed.  What the kernel pretends to be
 * files
 * (/proc, /sys …) is left out.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "images/copy/copy.h"
#include "images/layer/source.h"
#include "images/layer/unpack.h"

#define OUTPUT_FD  3
#define DEPTH_MAX  128
#define BLOCK	   ((size_t)128 << 10)
#define BYTES_MAX  ((uint64_t)1 << 40)
#define PASSWD_MAX ((size_t)1 << 20)

struct packer {
	struct archive *archive;
	dev_t whole; /* of a whole tree: other file systems are left out; 0: they are not */
	char *block;
	struct error *err;
};

static int archive_failed(const struct packer *p, const char *path)
{
	const char *text = archive_error_string(p->archive);

	return error_set(p->err, EIO, "pack %s: %s", str_printable(path) ? path : "(unprintable)",
			 text ? text : "failed");
}

/* ---- packing */

static bool is_pretended(int fd)
{
	static const unsigned long magics[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
					       CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC};
	struct statfs fs;
	size_t i;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (i = 0; i < ARRAY_LEN(magics); i++)
		if ((unsigned long)fs.f_type == magics[i])
			return true;
	return false;
}

/* A directory is that of the overlay or of something mounted; of files that cannot be told. */
static bool is_elsewhere(const struct packer *p, int fd)
{
	struct stat st;

	return p->whole && fstat(fd, &st) == 0 && st.st_dev != p->whole;
}

static int put_header(struct packer *p, const struct stat *st, const char *path, const char *link)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	archive_entry_copy_stat(e, st);
	archive_entry_set_pathname(e, path);
	if (link)
		archive_entry_set_symlink(e, link);
	if (!S_ISREG(st->st_mode))
		archive_entry_set_size(e, 0);
	archive_entry_set_nlink(e, 1);
	r = archive_write_header(p->archive, e);
	archive_entry_free(e);
	return r < ARCHIVE_WARN ? archive_failed(p, path) : 0;
}

/* As many bytes as the header promised: less is filled up, more is left. */
static int put_content(struct packer *p, int fd, off_t size, const char *path)
{
	ssize_t n;

	while (size > 0) {
		n = read(fd, p->block, MIN((size_t)size, BLOCK));
		if (n < 0)
			return error_sys(p->err, errno, "read %s", path);
		if (!n)
			break;
		if (archive_write_data(p->archive, p->block, (size_t)n) < 0)
			return archive_failed(p, path);
		size -= n;
	}
	return 0;
}

static int pack_one(struct packer *p, int parent, const char *name, const char *path,
		    unsigned depth);

static int pack_children(struct packer *p, int fd, const char *path, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		close(fd);
		return error_sys(p->err, errno, "read %s", path);
	}
	while (r == 0 && (e = readdir(dir))) {
		auto_free char *child = NULL;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		child = xasprintf("%s%s%s", path, *path ? "/" : "", e->d_name);
		r = pack_one(p, dirfd(dir), e->d_name, child, depth + 1);
	}
	closedir(dir);
	return r;
}

static int pack_dir(struct packer *p, int parent, const char *name, const struct stat *st,
		    const char *path, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_free char *slashed = xasprintf("%s/", path);

	if (fd < 0)
		return error_sys(p->err, errno, "open %s", path);
	/* Of a whole tree the root itself is not said, and names begin with its children's. */
	if ((*path && put_header(p, st, slashed, NULL) < 0) || is_elsewhere(p, fd) ||
	    depth > DEPTH_MAX || is_pretended(fd)) {
		close(fd);
		return depth > DEPTH_MAX ? error_set(p->err, ELOOP, "pack %s: too deep", path)
					 : -p->err->code;
	}
	return pack_children(p, fd, path, depth);
}

static int pack_file(struct packer *p, int parent, const char *name, const char *path)
{
	auto_fd int fd =
		openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0; /* it has just gone */
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(p->err, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return 0; /* something else has its name by now */
	if (put_header(p, &st, path, NULL) < 0)
		return -p->err->code;
	return put_content(p, fd, st.st_size, path);
}

static int pack_link(struct packer *p, int parent, const char *name, const struct stat *st,
		     const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(parent, name, text, sizeof(text) - 1);

	if (n < 0)
		return errno == ENOENT || errno == EINVAL
			       ? 0
			       : error_sys(p->err, errno, "read %s", path);
	text[n] = '\0';
	return put_header(p, st, path, text);
}

static int pack_one(struct packer *p, int parent, const char *name, const char *path,
		    unsigned depth)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(p->err, errno, "look at %s", path);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return pack_dir(p, parent, name, &st, path, depth);
	case S_IFREG:
		return pack_file(p, parent, name, path);
	case S_IFLNK:
		return pack_link(p, parent, name, &st, path);
	case S_IFSOCK:
		return 0;
	default:
		return put_header(p, &st, path, NULL);
	}
}

/* The place was found with its links followed or not: its own descriptor decides. */
static int pack_place(struct packer *p, const struct archive_place *place)
{
	if (S_ISDIR(place->st.st_mode))
		return pack_dir(p, place->fd, ".", &place->st, place->name, 0);
	return pack_one(p, place->parent, place->name, place->name, 0);
}

int archive_pack(const struct archive_place *place, bool whole, struct error *err)
{
	struct packer p = {.archive = archive_write_new(),
			   .whole = whole ? place->st.st_dev : 0,
			   .block = xmalloc(BLOCK),
			   .err = err};
	int r = 0;

	if (!p.archive)
		abort();
	archive_write_set_format_pax_restricted(p.archive);
	archive_write_set_bytes_in_last_block(p.archive, 1);
	if (archive_write_open_fd(p.archive, OUTPUT_FD) != ARCHIVE_OK)
		r = archive_failed(&p, place->name);
	if (r == 0)
		r = pack_place(&p, place);
	if (r == 0 && archive_write_close(p.archive) != ARCHIVE_OK)
		r = archive_failed(&p, place->name);
	archive_write_free(p.archive);
	free(p.block);
	return r;
}

/* ---- unpacking */

/* A name of the container's own /etc/passwd. */
static int look_up(int root, const char *user, struct unpack_args *args, struct error *err)
{
	auto_fd int fd = file_inroot_open(root, "/etc/passwd", O_RDONLY | O_NONBLOCK, 0, err);
	auto_buf struct buf text = {.max = PASSWD_MAX};
	AUTO(strv_free) char **lines = NULL;
	size_t i;

	if (fd < 0 || file_read_fd(fd, PASSWD_MAX, &text, err) < 0)
		return error_wrap(err, "unable to find user %s", user);
	lines = strv_split(text.data ? text.data : "", "\n");
	for (i = 0; i < strv_len(lines); i++) {
		AUTO(strv_free) char **fields = strv_split(lines[i], ":");
		uint32_t uid, gid;

		if (strv_len(fields) < 4 || strcmp(fields[0], user) ||
		    parse_u32(fields[2], &uid) < 0 || parse_u32(fields[3], &gid) < 0)
			continue;
		args->owner = true;
		args->uid = uid;
		args->gid = gid;
		return 0;
	}
	return error_set(err, EINVAL, "unable to find user %s: no matching entries in passwd file",
			 user);
}

static int set_owner(int root, const char *user, struct unpack_args *args, struct error *err)
{
	size_t len = strcspn(user, ":");
	auto_free char *name = xstrndup(user, len);
	uint32_t id;

	if (!len || (parse_u32(name, &id) == 0)) {
		args->owner = true;
		args->uid = len ? id : 0;
		args->gid = user[len] && parse_u32(user + len + 1, &id) == 0 ? id : 0;
		return 0;
	}
	return look_up(root, name, args, err);
}

int archive_unpack(int root, const struct archive_place *p, const json_t *plan, struct error *err)
{
	struct layer_source_args stream = {
		.fd = STDIN_FILENO, .blob_fd = -1, .verbatim = true, .max_bytes = BYTES_MAX};
	AUTO(layer_source_free) struct layer_source *source = NULL;
	struct unpack_args args = {.max_bytes = BYTES_MAX,
				   .plain = true,
				   .keep_kinds = json_get_bool(plan, "keep_kinds")};
	const char *user = json_get_str(plan, "user");
	auto_fd int dir = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct unpack_result result;
	struct layer_digests digests;

	if (dir < 0)
		return error_sys(err, errno, "open %s", p->name);
	if (user && set_owner(root, user, &args, err) < 0)
		return -err->code;
	if (layer_source_new(&stream, &source, err) < 0)
		return -err->code;
	args.root = dir;
	args.source = source;
	if (unpack(&args, &result, err) < 0)
		return -err->code;
	return layer_source_finish(source, &digests, err);
}
