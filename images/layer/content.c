/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See copy.h.  Every value is preceded by its kind and length, so that no two trees look alike. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/str.h"
#include "images/layer/copy.h"

#define BLOCK	   ((size_t)256 << 10)
#define LINK_MAX   4096
#define XATTRS_MAX ((size_t)64 << 10)

struct hashing {
	const struct content_args *args;
	struct digest d;
	char *block;
};

static void add(struct hashing *h, char kind, const void *data, size_t len)
{
	char head[32];

	snprintf(head, sizeof(head), "%c%zu:", kind, len);
	digest_add(&h->d, head, strlen(head));
	digest_add(&h->d, data, len);
}

static void add_stat(struct hashing *h, const struct stat *st)
{
	char text[96];

	snprintf(text, sizeof(text), "%o %u %u %llx", st->st_mode, h->args->owners ? st->st_uid : 0,
		 h->args->owners ? st->st_gid : 0,
		 S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? (unsigned long long)st->st_rdev
							      : 0);
	add(h, 's', text, strlen(text));
}

static int add_file(struct hashing *h, int fd, const char *path, struct error *err)
{
	auto_free char *cap = xmalloc(XATTRS_MAX);
	ssize_t n = fgetxattr(fd, "security.capability", cap, XATTRS_MAX);
	uint64_t total = 0;
	char end[32];

	if (n > 0)
		add(h, 'x', cap, (size_t)n);
	for (;;) {
		n = read(fd, h->block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", tree_shown(path));
		if (!n)
			break;
		digest_add(&h->d, h->block, (size_t)n);
		total += (uint64_t)n;
	}
	snprintf(end, sizeof(end), "e%llu:", (unsigned long long)total);
	digest_add(&h->d, end, strlen(end));
	return 0;
}

static int add_dir(struct hashing *h, int dir, const char *path, unsigned depth, struct error *err);

static int add_entry(struct hashing *h, int dir, const char *name, const char *path, unsigned depth,
		     struct error *err)
{
	char link[LINK_MAX];
	auto_fd int fd = -1;
	struct stat st;
	ssize_t n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "look at %s", tree_shown(path));
	add(h, 'n', path, strlen(path));
	add_stat(h, &st);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir, name, link, sizeof(link));
		if (n < 0)
			return error_sys(err, errno, "read the link %s", tree_shown(path));
		add(h, 'l', link, (size_t)n);
		return 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", tree_shown(path));
	return S_ISREG(st.st_mode) ? add_file(h, fd, path, err)
				   : add_dir(h, fd, path, depth + 1, err);
}

static int add_dir(struct hashing *h, int dir, const char *path, unsigned depth, struct error *err)
{
	AUTO(strv_free) char **names = NULL;

	if (depth > TREE_DEPTH_MAX)
		return error_set(err, E2BIG, "%s: directories are nested too deeply",
				 tree_shown(path));
	if (tree_names(dir, &names, err) < 0)
		return -err->code;
	for (char **n = names; n && *n; n++) {
		auto_free char *below = *path ? xasprintf("%s/%s", path, *n) : xstrdup(*n);

		if (pattern_list_match(h->args->excludes, below) &&
		    !pattern_list_takes_back(h->args->excludes))
			continue;
		if (add_entry(h, dir, *n, below, depth, err) < 0)
			return -err->code;
	}
	return 0;
}

/* One found source: what it leads to, as the copy sees it. */
static int add_source(struct hashing *h, const char *path, struct error *err)
{
	struct error gone = ERROR_INIT;
	auto_fd int fd = file_inroot_open(h->args->source, path, O_PATH, 0, &gone);
	auto_fd int data = -1;
	struct stat st;

	add(h, 'p', path, strlen(path));
	if (fd < 0)
		return 0; /* a link that leads nowhere: the copy says so */
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "look at %s", tree_shown(path));
	add_stat(h, &st);
	if (S_ISDIR(st.st_mode))
		return add_dir(h, fd, "", 0, err);
	if (!S_ISREG(st.st_mode))
		return 0;
	data = file_inroot_open(h->args->source, path, O_RDONLY | O_NONBLOCK, 0, err);
	return data < 0 ? data : add_file(h, data, path, err);
}

int tree_digest(const struct content_args *args, char ret[65], struct error *err)
{
	struct hashing h = {.args = args};
	auto_free char *block = xmalloc(BLOCK);

	h.block = block;
	digest_init(&h.d);
	for (char *const *s = args->sources; s && *s; s++) {
		AUTO(strv_free) char **found = NULL;

		if (tree_find(args->source, *s, args->where, &found, err) < 0)
			return -err->code;
		for (char **f = found; f && *f; f++)
			if (add_source(&h, *f, err) < 0)
				return -err->code;
	}
	digest_hex(&h.d, ret);
	return 0;
}
