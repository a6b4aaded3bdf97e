/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places in the container's tree: found within it whatever its links say. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/file.h"
#include "images/copy/copy.h"

void archive_place_release(struct archive_place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->parent >= 0)
		close(p->parent);
	free(p->name);
	free(p->link);
	*p = (struct archive_place){.parent = -1, .fd = -1};
}

/* "a/./b/../c" as "/a/c". */
static char *clean(const char *path)
{
	AUTO(strv_free) char **parts = strv_split(path, "/");
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < strv_len(parts); i++) {
		if (!strcmp(parts[i], "."))
			continue;
		if (strcmp(parts[i], "..")) {
			buf_addf(&b, "/%s", parts[i]);
			continue;
		}
		while (b.len && b.data[b.len - 1] != '/')
			b.len--;
		b.len -= b.len > 0;
	}
	buf_addc(&b, '\0');
	if (!*b.data)
		buf_reset(&b), buf_addc(&b, '/');
	return buf_steal(&b);
}

/* The path that a link means, without following further links. */
static char *link_target(const struct archive_place *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	char text[PATH_MAX];
	ssize_t n = readlinkat(p->fd, "", text, sizeof(text) - 1);
	auto_free char *whole = NULL;

	if (n < 0)
		return NULL;
	text[n] = '\0';
	whole = text[0] == '/' ? xstrdup(text)
			       : xasprintf("%.*s/%s", (int)(slash - path), path, text);
	return clean(whole);
}

int archive_find(int root, const char *path, bool inside, struct archive_place *ret,
		 struct error *err)
{
	const char *name;
	int flags = O_PATH | (inside ? O_DIRECTORY : O_NOFOLLOW);

	if (!strcmp(path, "/")) {
		ret->parent = fcntl(root, F_DUPFD_CLOEXEC, 0);
		ret->fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
		ret->name = xstrdup(".");
	} else {
		ret->parent = file_inroot_parent(root, path, &name, err);
		if (ret->parent < 0)
			return ret->parent;
		ret->name = xstrdup(name);
		ret->fd = file_inroot_open(root, path, flags, 0, err);
	}
	if (ret->fd < 0)
		return err->code ? -err->code : -EIO;
	if (fstat(ret->fd, &ret->st) < 0)
		return error_sys(err, errno, "look at %s", path);
	if (S_ISLNK(ret->st.st_mode))
		ret->link = link_target(ret, path);
	return 0;
}

json_t *archive_stat(const struct archive_place *p)
{
	json_t *o = json_object();

	json_set_str(o, "name", p->name);
	json_set_int(o, "size", p->st.st_size);
	json_set_int(o, "mode", p->st.st_mode);
	json_set_int(o, "mtime_ns", p->st.st_mtim.tv_sec * 1000000000LL + p->st.st_mtim.tv_nsec);
	json_set_str(o, "link", p->link);
	return o;
}
