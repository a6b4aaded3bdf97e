/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tree.h. */
#include "images/layer/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/pattern.h"
#include "base/str.h"

#define NAMES_MAX     ((size_t)4 << 20)
#define PASSWD_MAX    ((size_t)10 << 20)
#define NEAREST_COUNT 1000

const char *tree_shown(const char *path)
{
	return !*path ? "/" : str_printable(path) ? path : "(unprintable name)";
}

/* ---- names */

int tree_names(int dir, char ***ret, struct error *err)
{
	auto_fd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(strv_free) char **names = NULL;
	size_t count = 0, room = 0;
	struct dirent *e;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return error_sys(err, errno, "read a directory");
	fd = -1;
	while ((errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (count + 1 >= room) {
			room = MAX(64, room * 2);
			names = xreallocarray(names, room, sizeof(*names));
		}
		names[count++] = xstrdup(e->d_name);
		names[count] = NULL;
		if (count > NAMES_MAX)
			break;
	}
	closedir(d);
	if (count > NAMES_MAX)
		return error_set(err, E2BIG, "a directory has more than %zu entries", NAMES_MAX);
	if (names)
		strv_sort(names);
	*ret = steal_ptr(&names);
	return 0;
}

/* ---- sources */

static char *join(const char *dir, const char *name)
{
	return *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
}

static bool exists(int root, const char *path)
{
	struct error ignored = ERROR_INIT;
	auto_fd int fd = file_inroot_open(root, path, O_PATH, 0, &ignored);

	return fd >= 0;
}

/* The last component may be a link that leads nowhere: it is copied as it is. */
static bool exists_at_all(int root, const char *path)
{
	struct error ignored = ERROR_INIT;
	auto_fd int fd = file_inroot_open(root, path, O_PATH | O_NOFOLLOW, 0, &ignored);

	return fd >= 0 || exists(root, path);
}

static int missing(int root, const char *dir, const char *name, const char *source,
		   const char *where, struct error *err)
{
	struct error ignored = ERROR_INIT;
	auto_fd int fd = file_inroot_open(root, dir, O_PATH | O_DIRECTORY, 0, &ignored);
	AUTO(strv_free) char **names = NULL;
	const char *near = NULL;

	if (fd >= 0 && tree_names(fd, &names, &ignored) == 0)
		near = str_nearest(name, (const char *const *)names,
				   MIN(strv_len(names), NEAREST_COUNT));
	if (near && str_printable(near)) {
		auto_free char *path = join(dir, near);

		return error_set(err, ENOENT, "%s is not in %s (did you mean %s?)", source, where,
				 path);
	}
	return error_set(err, ENOENT, "%s is not in %s", source, where);
}

/* Takes backslashes out of a component without wildcards. */
static char *plain(const char *component)
{
	auto_buf struct buf out = BUF_INIT;

	for (; *component; component++) {
		if (*component == '\\' && component[1])
			component++;
		buf_addc(&out, *component);
	}
	return buf_steal(&out);
}

struct search {
	int root;
	char **parts;
	const char *source, *where;
	bool wild;
	char **found;
};

static int descend(struct search *s, const char *dir, size_t at, struct error *err);

static int descend_wild(struct search *s, const char *dir, size_t at, struct error *err)
{
	struct error ignored = ERROR_INIT;
	auto_fd int fd = file_inroot_open(s->root, dir, O_PATH | O_DIRECTORY, 0, &ignored);
	AUTO(strv_free) char **names = NULL;

	if (fd < 0)
		return 0;
	if (tree_names(fd, &names, err) < 0)
		return -err->code;
	for (char **n = names; n && *n; n++) {
		auto_free char *path = join(dir, *n);

		if (pattern_match(s->parts[at], *n) && descend(s, path, at + 1, err) < 0)
			return -err->code;
	}
	return 0;
}

static int descend(struct search *s, const char *dir, size_t at, struct error *err)
{
	auto_free char *name = NULL, *path = NULL;

	if (!s->parts || !s->parts[at]) {
		strv_push(&s->found, xstrdup(dir));
		return 0;
	}
	if (s->parts[at][strcspn(s->parts[at], "*?[")])
		return descend_wild(s, dir, at, err);
	name = plain(s->parts[at]);
	path = join(dir, name);
	if (s->parts[at + 1] ? exists(s->root, path) : exists_at_all(s->root, path))
		return descend(s, path, at + 1, err);
	return s->wild ? 0 : missing(s->root, dir, name, s->source, s->where, err);
}

int tree_find(int root, const char *source, const char *where, char ***ret, struct error *err)
{
	/* The root is as high as .. gets. */
	auto_free char *absolute = xasprintf("/%s", source), *clean = pattern_clean(absolute);
	AUTO(strv_free) char **parts = strv_split(clean, "/");
	struct search s = {.root = root,
			   .parts = parts,
			   .source = source,
			   .where = where,
			   .wild = source[strcspn(source, "*?[")] != '\0'};

	if (strv_len(parts) > TREE_DEPTH_MAX)
		return error_set(err, E2BIG, "%s has too many levels", source);
	if (descend(&s, "", 0, err) < 0) {
		strv_free(s.found);
		return -err->code;
	}
	*ret = s.found;
	return 0;
}

/* ---- owners: the image's own files are read, never the host's name service */

static int read_table(int root, const char *path, struct buf *ret, struct error *err)
{
	auto_fd int fd = file_inroot_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s is no regular file", path);
	return file_read_fd(fd, PASSWD_MAX, ret, err);
}

/* The line of `name`: field 2 is its number, field 3 of passwd the group. */
static bool look_up(const char *table, const char *name, uint32_t *ret_id, uint32_t *ret_group)
{
	size_t len = strlen(name);

	for (const char *line = table; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		auto_free char *text = NULL;
		char *fields[4] = {NULL}, *at;
		size_t n = 0;

		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		text = xstrndup(line, strcspn(line, "\n"));
		for (at = text; at && n < ARRAY_LEN(fields); n++) {
			fields[n] = at;
			at = strchr(at, ':');
			if (at)
				*at++ = '\0';
		}
		if (n < 3 || parse_u32(fields[2], ret_id) < 0)
			continue;
		if (ret_group && (n < 4 || parse_u32(fields[3], ret_group) < 0))
			*ret_group = 0;
		return true;
	}
	return false;
}

static int find_id(int root, const char *path, const char *kind, const char *name, uint32_t *ret_id,
		   uint32_t *ret_group, struct error *err)
{
	auto_buf struct buf table = BUF_INIT;

	if (parse_u32(name, ret_id) == 0 && *ret_id != UINT32_MAX) {
		if (ret_group)
			*ret_group = *ret_id;
		return 0;
	}
	if (read_table(root, path, &table, err) < 0)
		return error_wrap(err, "find the %s %s", kind, name);
	if (!look_up(table.data ?: "", name, ret_id, ret_group))
		return error_set(err, ENOENT, "there is no %s %s in %s of the image", kind, name,
				 path);
	return 0;
}

int tree_owner(int root, const char *text, struct tree_owner *ret, struct error *err)
{
	size_t len = strcspn(text, ":");
	auto_free char *user = xstrndup(text, len);
	uint32_t uid = 0, gid = 0;

	if (!*user || find_id(root, "/etc/passwd", "user", user, &uid, &gid, err) < 0)
		return err->code ? -err->code
				 : error_set(err, EINVAL, "the owner \"%s\" has no user", text);
	if (text[len] && text[len + 1] &&
	    find_id(root, "/etc/group", "group", text + len + 1, &gid, NULL, err) < 0)
		return -err->code;
	*ret = (struct tree_owner){true, uid, gid};
	return 0;
}
