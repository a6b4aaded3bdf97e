/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users and groups as the image's own /etc/passwd and /etc/group name them.  These files are
 * foreign: only regular files are read, within limits, and nothing of the host's name service is
 * ever asked.  Digits alone are always a number; numbers go from 0 to 2^32 - 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define FILE_MAX   (10L << 20)
#define LINE_BYTES 1024
#define NAME_BYTES 256
#define FIELDS	   8

struct reader {
	int fd;
	char buf[4096];
	size_t used, len;
	long total;
};

static int reader_open(struct reader *r, int root, const char *path)
{
	struct stat st;

	r->used = r->len = 0;
	r->total = 0;
	r->fd = open_inroot(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (r->fd < 0)
		return r->fd;
	if (fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX)
		return 0;
	close(r->fd);
	return -EINVAL;
}

static int next_char(struct reader *r)
{
	if (r->used == r->len) {
		ssize_t n = r->total < FILE_MAX ? read(r->fd, r->buf, sizeof(r->buf)) : 0;

		if (n <= 0)
			return -1;
		r->total += n;
		r->len = (size_t)n;
		r->used = 0;
	}
	return (unsigned char)r->buf[r->used++];
}

/* The next line; one that is too long counts as empty: cut, it could name somebody else. False at
 * the end. */
static bool next_line(struct reader *r, char line[LINE_BYTES])
{
	size_t len = 0;
	int c = next_char(r);

	if (c < 0)
		return false;
	for (; c >= 0 && c != '\n'; c = next_char(r)) {
		if (len < LINE_BYTES)
			line[len] = (char)c;
		len++;
	}
	line[len < LINE_BYTES ? len : 0] = '\0';
	return true;
}

/* Splits at colons in place. */
static unsigned split(char *line, char *fields[FIELDS])
{
	unsigned n = 0;

	while (n < FIELDS) {
		fields[n++] = line;
		line = strchr(line, ':');
		if (!line)
			break;
		*line++ = '\0';
	}
	return n;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static int parse_id(const char *s, uint32_t *ret)
{
	uint64_t value = 0;

	if (!all_digits(s))
		return -EINVAL;
	for (; *s; s++) {
		value = value * 10 + (uint64_t)(*s - '0');
		if (value >= UINT32_MAX)
			return -ERANGE;
	}
	*ret = (uint32_t)value;
	return 0;
}

/* Finds a user by name, or by number; name_ret gets its name for the groups. 1 found, 0 not. */
static int find_user(int root, const char *user, bool number, struct user_ids *ret,
		     char name_ret[NAME_BYTES])
{
	struct reader r;
	char line[LINE_BYTES], *f[FIELDS];
	uint32_t uid, gid, wanted = 0;
	int found = 0;

	if (number && parse_id(user, &wanted) < 0)
		return -ERANGE;
	if (reader_open(&r, root, "/etc/passwd") < 0)
		return 0;
	while (!found && next_line(&r, line)) {
		if (split(line, f) < 6 || parse_id(f[2], &uid) < 0 || parse_id(f[3], &gid) < 0)
			continue;
		if (number ? uid != wanted : strcmp(f[0], user) != 0)
			continue;
		ret->uid = uid;
		ret->gid = gid;
		if (strlen(f[5]) < sizeof(ret->home))
			memcpy(ret->home, f[5], strlen(f[5]) + 1);
		if (strlen(f[0]) < NAME_BYTES)
			memcpy(name_ret, f[0], strlen(f[0]) + 1);
		found = 1;
	}
	close(r.fd);
	return found;
}

static int find_group(int root, const char *group, gid_t *ret)
{
	struct reader r;
	char line[LINE_BYTES], *f[FIELDS];
	uint32_t gid;
	int found = 0;

	if (all_digits(group))
		return parse_id(group, ret) < 0 ? -ERANGE : 1;
	if (reader_open(&r, root, "/etc/group") < 0)
		return 0;
	while (!found && next_line(&r, line)) {
		if (split(line, f) < 3 || strcmp(f[0], group) || parse_id(f[2], &gid) < 0)
			continue;
		*ret = gid;
		found = 1;
	}
	close(r.fd);
	return found;
}

static void add_group(struct user_ids *u, gid_t gid)
{
	size_t i;

	for (i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return;
	if (u->group_count < GROUPS_MAX)
		u->groups[u->group_count++] = gid;
}

static bool lists(const char *members, const char *name)
{
	size_t len = strlen(name);

	while (*members) {
		size_t n = strcspn(members, ",");

		if (n == len && !strncmp(members, name, len))
			return true;
		members += n + (members[n] == ',');
	}
	return false;
}

/* Groups that have the user among their members. */
static void add_memberships(int root, const char *name, struct user_ids *u)
{
	struct reader r;
	char line[LINE_BYTES], *f[FIELDS];
	uint32_t gid;

	if (!*name || reader_open(&r, root, "/etc/group") < 0)
		return;
	while (next_line(&r, line))
		if (split(line, f) >= 4 && parse_id(f[2], &gid) == 0 && lists(f[3], name))
			add_group(u, gid);
	close(r.fd);
}

static void explain(char detail[DETAIL_MAX], const char *before, const char *name)
{
	size_t a = strlen(before), b = strnlen(name, DETAIL_MAX - a - 1);

	memcpy(detail, before, a);
	memcpy(detail + a, name, b);
	detail[a + b] = '\0';
}

int user_lookup(int root, const char *spec, const char *groups, unsigned count,
		struct user_ids *ret, char detail[DETAIL_MAX])
{
	char user[NAME_BYTES] = "0", name[NAME_BYTES] = "";
	const char *colon = strchr(spec, ':'), *group = colon ? colon + 1 : "";
	size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
	int found;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->home, "/", 2);
	if (len >= sizeof(user))
		return -ENAMETOOLONG;
	if (len) {
		memcpy(user, spec, len);
		user[len] = '\0';
	}
	found = find_user(root, user, all_digits(user), ret, name);
	if (found < 0 || (!found && !all_digits(user))) {
		explain(detail, "the image has no user ", user);
		return found < 0 ? found : -ENOENT;
	}
	if (!found) {
		uint32_t uid = 0;

		if (parse_id(user, &uid) < 0)
			return -ERANGE;
		ret->uid = uid;
	}
	if (*group) {
		found = find_group(root, group, &ret->gid);
		if (found <= 0) {
			explain(detail, "the image has no group ", group);
			return found < 0 ? found : -ENOENT;
		}
	}
	add_group(ret, ret->gid);
	if (!*group)
		add_memberships(root, name, ret);
	for (; count; count--, groups += strlen(groups) + 1) {
		gid_t gid;

		found = find_group(root, groups, &gid);
		if (found <= 0) {
			explain(detail, "the image has no group ", groups);
			return found < 0 ? found : -ENOENT;
		}
		add_group(ret, gid);
	}
	return 0;
}
