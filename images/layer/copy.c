/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See copy.h. */
#include "images/layer/copy.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "images/layer/source.h"
#include "images/layer/unpack.h"

#define BLOCK	     ((size_t)1 << 20)
#define LINK_MAX     4096
#define XATTRS_MAX   ((size_t)64 << 10)
#define HARDLINK_MAX ((size_t)1 << 20)
#define NEW_MODE     0755

struct known_inode {
	dev_t dev;
	ino_t ino;
	char *path; /* in the target */
};

struct copying {
	const struct copy_args *args;
	struct known_inode *links;
	size_t link_count, link_room;
};

/* One entry on its way: where it is, where it goes, what it is called there. */
struct entry {
	int from;
	const char *name;
	int to;
	const char *to_name;
	const char *path; /* in the target, for links and messages */
	struct stat st;
};

static int failed(struct error *err, const char *what, const char *path)
{
	return error_sys(err, errno, "%s %s", what, tree_shown(path));
}

/* ---- directories of the target */

/* mkdir -p in the root; links on the way are resolved within it.  Returns an O_PATH descriptor. */
static int make_dirs(int target, const char *path, const struct tree_owner *owner,
		     struct error *err)
{
	return file_inroot_mkdir_p(target, path, NEW_MODE, owner->set ? owner->uid : 0,
				   owner->set ? owner->gid : 0, err);
}

int tree_mkdir(int target, const char *path, const struct tree_owner *owner, struct error *err)
{
	auto_fd int fd = make_dirs(target, path, owner, err);

	return fd < 0 ? fd : 0;
}

static bool is_dir(int target, const char *path)
{
	struct error ignored = ERROR_INIT;
	auto_fd int fd = file_inroot_open(target, path, O_PATH | O_DIRECTORY, 0, &ignored);

	return fd >= 0;
}

/* Takes away what is in the way of something that is no directory. */
static int make_room(const struct entry *e, struct error *err)
{
	if (unlinkat(e->to, e->to_name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return error_set(err, EISDIR, "cannot replace the directory /%s with a file",
				 tree_shown(e->path));
	return failed(err, "replace", e->path);
}

/* ---- metadata */

static uid_t uid_of(const struct copying *c, const struct entry *e)
{
	return c->args->owner.set ? c->args->owner.uid : e->st.st_uid;
}

static gid_t gid_of(const struct copying *c, const struct entry *e)
{
	return c->args->owner.set ? c->args->owner.gid : e->st.st_gid;
}

static void times_of(const struct entry *e, struct timespec ret[2])
{
	ret[0] = ret[1] = e->st.st_mtim;
}

static bool xattr_kept(const char *name)
{
	return !strcmp(name, "security.capability") ||
	       (str_starts(name, "user.") && !str_starts(name, "user.overlay."));
}

static int copy_xattrs(int from, int to, const char *path, struct error *err)
{
	auto_free char *names = xmalloc(XATTRS_MAX), *value = xmalloc(XATTRS_MAX);
	ssize_t len = flistxattr(from, names, XATTRS_MAX), n;

	for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		if (!xattr_kept(name))
			continue;
		n = fgetxattr(from, name, value, XATTRS_MAX);
		if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP)
			return failed(err, "set an attribute of", path);
	}
	return 0;
}

/* Owner first: it clears setuid and capabilities. */
static int set_metadata(const struct copying *c, const struct entry *e, int from, int to,
			struct error *err)
{
	mode_t mode = c->args->mode >= 0 ? (mode_t)c->args->mode : e->st.st_mode & 07777;
	struct timespec times[2];

	times_of(e, times);
	if (fchown(to, uid_of(c, e), gid_of(c, e)) < 0)
		return failed(err, "change the owner of", e->path);
	if (fchmod(to, mode) < 0)
		return failed(err, "change the mode of", e->path);
	if (copy_xattrs(from, to, e->path, err) < 0)
		return -err->code;
	return futimens(to, times) < 0 ? failed(err, "set the times of", e->path) : 0;
}

static int set_node_metadata(const struct copying *c, const struct entry *e, struct error *err)
{
	struct timespec times[2];

	times_of(e, times);
	if (fchownat(e->to, e->to_name, uid_of(c, e), gid_of(c, e), AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, "change the owner of", e->path);
	if (utimensat(e->to, e->to_name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, "set the times of", e->path);
	return 0;
}

/* ---- kinds */

static int copy_bytes(int from, int to, const char *path, struct error *err)
{
	auto_free char *block = NULL;
	ssize_t n;

	/* The file system shares or copies; where it does not, we do. */
	while ((n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS &&
	    errno != EBADF)
		return failed(err, "write", path);
	block = xmalloc(BLOCK);
	for (;;) {
		n = read(from, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(err, "read", path);
		if (!n)
			return 0;
		if (file_write_all(to, block, (size_t)n, err) < 0)
			return error_wrap(err, "%s", tree_shown(path));
	}
}

static int link_known(struct copying *c, const struct entry *e, bool *ret_done, struct error *err)
{
	*ret_done = false;
	if (e->st.st_nlink < 2)
		return 0;
	for (size_t i = 0; i < c->link_count; i++) {
		const char *name;
		auto_fd int dir = -1;

		if (c->links[i].ino != e->st.st_ino || c->links[i].dev != e->st.st_dev)
			continue;
		dir = file_inroot_parent(c->args->target, c->links[i].path, &name, err);
		if (dir < 0 || make_room(e, err) < 0)
			return err->code ? -err->code : -EIO;
		if (linkat(dir, name, e->to, e->to_name, 0) < 0)
			return failed(err, "link", e->path);
		*ret_done = true;
		return 0;
	}
	if (c->link_count == HARDLINK_MAX)
		return error_set(err, E2BIG, "more than %zu files have several names",
				 HARDLINK_MAX);
	if (c->link_count == c->link_room) {
		c->link_room = MAX(64, c->link_room * 2);
		c->links = xreallocarray(c->links, c->link_room, sizeof(*c->links));
	}
	c->links[c->link_count++] =
		(struct known_inode){e->st.st_dev, e->st.st_ino, xstrdup(e->path)};
	return 0;
}

static int create_file(const struct entry *e, struct error *err)
{
	int fd;

	if (make_room(e, err) < 0)
		return -err->code;
	fd = openat(e->to, e->to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? failed(err, "create", e->path) : fd;
}

static int copy_file(struct copying *c, const struct entry *e, int from, struct error *err)
{
	auto_fd int to = -1;
	bool done;

	if (link_known(c, e, &done, err) < 0)
		return -err->code;
	if (done)
		return 0;
	to = create_file(e, err);
	if (to < 0)
		return to;
	if (copy_bytes(from, to, e->path, err) < 0)
		return -err->code;
	return set_metadata(c, e, from, to, err);
}

static int copy_link(const struct copying *c, const struct entry *e, struct error *err)
{
	char text[LINK_MAX];
	ssize_t n = readlinkat(e->from, e->name, text, sizeof(text) - 1);

	if (n < 0)
		return failed(err, "read the link", e->path);
	text[n] = '\0';
	if (make_room(e, err) < 0)
		return -err->code;
	if (symlinkat(text, e->to, e->to_name) < 0)
		return failed(err, "create the link", e->path);
	return set_node_metadata(c, e, err);
}

static int copy_node(const struct copying *c, const struct entry *e, struct error *err)
{
	if (S_ISSOCK(e->st.st_mode))
		return 0; /* nobody listens there any more */
	if (make_room(e, err) < 0)
		return -err->code;
	if (mknodat(e->to, e->to_name, e->st.st_mode, e->st.st_rdev) < 0)
		return failed(err, "create", e->path);
	return set_node_metadata(c, e, err);
}

static int copy_contents(struct copying *c, int from, int to, const char *path, const char *below,
			 unsigned depth, struct error *err);

static int copy_dir(struct copying *c, const struct entry *e, const char *below, unsigned depth,
		    struct error *err)
{
	auto_fd int from = -1, to = -1;
	struct stat st;

	if (fstatat(e->to, e->to_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR,
				 "cannot copy the directory %s onto what is no directory",
				 tree_shown(e->path));
	if (mkdirat(e->to, e->to_name, 0700) < 0 && errno != EEXIST)
		return failed(err, "create the directory", e->path);
	from = openat(e->from, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	to = openat(e->to, e->to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return failed(err, "open the directory", e->path);
	if (copy_contents(c, from, to, e->path, below, depth + 1, err) < 0)
		return -err->code;
	return set_metadata(c, e, from, to, err);
}

static int copy_entry(struct copying *c, struct entry *e, const char *below, unsigned depth,
		      struct error *err)
{
	auto_fd int from = -1;

	if (fstatat(e->from, e->name, &e->st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, "look at", e->path);
	if (S_ISDIR(e->st.st_mode))
		return copy_dir(c, e, below, depth, err);
	if (S_ISLNK(e->st.st_mode))
		return copy_link(c, e, err);
	if (!S_ISREG(e->st.st_mode))
		return copy_node(c, e, err);
	from = openat(e->from, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return failed(err, "open", e->path);
	return copy_file(c, e, from, err);
}

/* `path` is where it goes, `below` where it is in the source: what patterns look at. */
static int copy_contents(struct copying *c, int from, int to, const char *path, const char *below,
			 unsigned depth, struct error *err)
{
	AUTO(strv_free) char **names = NULL;

	if (depth > TREE_DEPTH_MAX)
		return error_set(err, E2BIG, "%s: directories are nested too deeply",
				 tree_shown(path));
	if (tree_names(from, &names, err) < 0)
		return -err->code;
	for (char **n = names; n && *n; n++) {
		auto_free char *to_path = *path ? xasprintf("%s/%s", path, *n) : xstrdup(*n);
		auto_free char *rel = *below ? xasprintf("%s/%s", below, *n) : xstrdup(*n);
		struct entry e = {
			.from = from, .name = *n, .to = to, .to_name = *n, .path = to_path};
		struct stat st;
		bool out = pattern_list_match(c->args->excludes, rel);

		/* Something below an excluded directory may be taken back. */
		if (out &&
		    (!pattern_list_takes_back(c->args->excludes) ||
		     fstatat(from, *n, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
			continue;
		if (copy_entry(c, &e, rel, depth, err) < 0)
			return -err->code;
	}
	return 0;
}

/* ---- archives */

/* Is the file a tar archive, compressed or not? */
static bool is_archive(int fd)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	bool yes;

	if (!a)
		abort();
	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	yes = archive_read_open_fd(a, fd, 10240) == ARCHIVE_OK &&
	      archive_read_next_header(a, &e) == ARCHIVE_OK;
	archive_read_free(a);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return false;
	return yes;
}

static int unpack_into(const struct copying *c, int fd, const char *dest, const char *path,
		       struct error *err)
{
	struct layer_source_args stream = {
		.fd = fd, .blob_fd = -1, .max_bytes = c->args->max_bytes};
	AUTO(layer_source_free) struct layer_source *source = NULL;
	struct unpack_args args = {.max_bytes = c->args->max_bytes};
	struct unpack_result result;
	struct layer_digests ignored;
	auto_fd int dir = make_dirs(c->args->target, dest, &c->args->owner, err);

	if (dir < 0)
		return dir;
	args.root = dir;
	if (layer_source_new(&stream, &source, err) < 0)
		return error_wrap(err, "unpack %s", tree_shown(path));
	args.source = source;
	if (unpack(&args, &result, err) < 0 || layer_source_finish(source, &ignored, err) < 0)
		return error_wrap(err, "unpack %s", tree_shown(path));
	return 0;
}

/* ---- sources */

/* What --parents keeps of a path: all of it, or what comes after "/./". */
static char *kept_path(const char *written, const char *found)
{
	const char *pivot = strstr(written, "/./");
	auto_free char *before = NULL, *clean = NULL;
	size_t len;

	if (!pivot)
		return xstrdup(found);
	before = xasprintf("/%.*s", (int)(pivot - written), written);
	clean = pattern_clean(before);
	len = strlen(clean + 1);
	return xstrdup(!strncmp(found, clean + 1, len) && (found[len] == '/' || !len)
			       ? found + len + (len > 0)
			       : found);
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A directory: its contents go into the destination. */
static int copy_tree(struct copying *c, int from, const char *dest, const struct stat *st,
		     struct error *err)
{
	bool made = !is_dir(c->args->target, dest);
	auto_free char *clean = pattern_clean(dest);
	auto_fd int path = make_dirs(c->args->target, dest, &c->args->owner, err), to = -1;
	struct entry e = {.path = clean + 1, .st = *st};

	if (path < 0)
		return path;
	to = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return failed(err, "open", dest);
	if (copy_contents(c, from, to, clean + 1, "", 0, err) < 0)
		return -err->code;
	return made ? set_metadata(c, &e, from, to, err) : 0;
}

static int copy_single(struct copying *c, int from, const char *dest, const char *name,
		       const struct stat *st, struct error *err)
{
	bool into = str_ends(dest, "/") || is_dir(c->args->target, dest);
	auto_free char *full = into ? xasprintf("%s/%s", dest, name) : xstrdup(dest),
		       *clean = pattern_clean(full);
	const char *last = last_name(clean);
	auto_free char *parent = xstrndup(clean, (size_t)(last - clean));
	auto_fd int to = -1;
	struct entry e = {.from = -1, .to_name = last, .path = clean + 1, .st = *st};

	if (!*last)
		return error_set(err, EISDIR, "a file cannot replace /");
	to = make_dirs(c->args->target, parent, &c->args->owner, err);
	if (to < 0)
		return to;
	e.to = to;
	return S_ISREG(st->st_mode) ? copy_file(c, &e, from, err) : copy_node(c, &e, err);
}

static int copy_found(struct copying *c, const char *written, const char *found, struct error *err)
{
	const struct copy_args *a = c->args;
	auto_fd int fd = file_inroot_open(a->source, found, O_PATH, 0, err);
	auto_free char *dest = xstrdup(a->dest), *kept = NULL;
	auto_fd int data = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err->code ? -err->code : failed(err, "look at", found);
	if (a->parents) {
		const char *last;

		kept = kept_path(written, found);
		last = S_ISDIR(st.st_mode) ? kept + strlen(kept) : last_name(kept);
		free(dest);
		dest = xasprintf("%s/%.*s/", a->dest, (int)(last - kept), kept);
	}
	if (!S_ISDIR(st.st_mode) && pattern_list_match(a->excludes, last_name(found)))
		return 0;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return copy_single(c, -1, dest, last_name(found), &st, err);
	data = file_inroot_open(a->source, found, O_RDONLY | O_NONBLOCK, 0, err);
	if (data < 0)
		return data;
	if (S_ISDIR(st.st_mode))
		return copy_tree(c, data, dest, &st, err);
	if (a->unpack && is_archive(data))
		return unpack_into(c, data, dest, found, err);
	return copy_single(c, data, dest, last_name(found), &st, err);
}

static int copy_all(struct copying *c, struct error *err)
{
	size_t total = 0;

	for (char *const *s = c->args->sources; s && *s; s++) {
		AUTO(strv_free) char **found = NULL;

		if (tree_find(c->args->source, *s, c->args->where, &found, err) < 0)
			return -err->code;
		total += strv_len(found);
		if (total > 1 && !str_ends(c->args->dest, "/") &&
		    !is_dir(c->args->target, c->args->dest))
			return error_set(err, EINVAL,
					 "%s means several files: the destination must be a "
					 "directory and end with a /",
					 *s);
		for (char **f = found; f && *f; f++)
			if (copy_found(c, *s, *f, err) < 0)
				return -err->code;
	}
	return 0;
}

int tree_copy(const struct copy_args *args, struct error *err)
{
	struct copying c = {.args = args};
	int r = copy_all(&c, err);

	for (size_t i = 0; i < c.link_count; i++)
		free(c.links[i].path);
	free(c.links);
	return r;
}

/* ---- heredocs */

int tree_write(const struct write_args *a, struct error *err)
{
	bool into = str_ends(a->dest, "/") || is_dir(a->target, a->dest);
	auto_free char *full = into ? xasprintf("%s/%s", a->dest, a->name) : xstrdup(a->dest),
		       *clean = pattern_clean(full);
	const char *last = last_name(clean);
	auto_free char *parent = xstrndup(clean, (size_t)(last - clean));
	auto_fd int to = -1, fd = -1;
	struct entry e = {.to_name = last, .path = clean + 1};

	if (!*last)
		return error_set(err, EISDIR, "a file cannot replace /");
	to = make_dirs(a->target, parent, &a->owner, err);
	if (to < 0)
		return to;
	e.to = to;
	fd = create_file(&e, err);
	if (fd < 0)
		return fd;
	if (file_write_all(fd, a->data, strlen(a->data), err) < 0)
		return error_wrap(err, "%s", tree_shown(e.path));
	if (fchown(fd, a->owner.set ? a->owner.uid : 0, a->owner.set ? a->owner.gid : 0) < 0)
		return failed(err, "change the owner of", e.path);
	if (fchmod(fd, a->mode >= 0 ? (mode_t)a->mode : 0644) < 0)
		return failed(err, "change the mode of", e.path);
	return 0;
}
