/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs options as `--tmpfs` and the short form of Compose give them: "/run:size=64m,mode=1777". */
#include <errno.h>
#include <limits.h>
#include <linux/mount.h>

#include "base/str.h"
#include "volumes/volumes.h"

#define ATTR_DEFAULT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define MODE_DEFAULT 01777u

static const struct {
	const char *name;
	unsigned long set, clear;
} flags[] = {
	{"ro", MOUNT_ATTR_RDONLY, 0},
	{"rw", 0, MOUNT_ATTR_RDONLY},
	{"nosuid", MOUNT_ATTR_NOSUID, 0},
	{"suid", 0, MOUNT_ATTR_NOSUID},
	{"nodev", MOUNT_ATTR_NODEV, 0},
	{"dev", 0, MOUNT_ATTR_NODEV},
	{"noexec", MOUNT_ATTR_NOEXEC, 0},
	{"exec", 0, MOUNT_ATTR_NOEXEC},
	{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
	{"diratime", 0, MOUNT_ATTR_NODIRATIME},
	{"defaults", 0, 0},
};

static int set_value(struct volume_tmpfs *t, const char *key, const char *value)
{
	uint32_t mode;
	int r;

	if (!strcmp(key, "size"))
		return parse_bytes(value, &t->size_bytes);
	if (!strcmp(key, "nr_inodes"))
		return parse_bytes(value, &t->nr_inodes);
	if (!strcmp(key, "uid"))
		return parse_u32(value, &t->uid);
	if (!strcmp(key, "gid"))
		return parse_u32(value, &t->gid);
	if (strcmp(key, "mode") != 0)
		return -ENOENT;
	r = parse_octal(value, &mode);
	if (r == 0 && mode > 07777)
		r = -EINVAL;
	if (r == 0)
		t->mode = (mode_t)mode;
	return r;
}

static int set_option(struct volume_tmpfs *t, char *option, struct error *err)
{
	char *equals = strchr(option, '=');
	int r;

	for (size_t i = 0; !equals && i < ARRAY_LEN(flags); i++)
		if (!strcmp(option, flags[i].name)) {
			t->attr = (t->attr & ~flags[i].clear) | flags[i].set;
			return 0;
		}
	if (!equals)
		return error_set(err, EINVAL, "unknown tmpfs option %s", option);
	*equals = '\0';
	r = set_value(t, option, equals + 1);
	if (r == -ENOENT)
		return error_set(err, EINVAL, "unknown tmpfs option %s", option);
	return r < 0 ? error_set(err, EINVAL, "invalid value of the tmpfs option %s: %s", option,
				 equals + 1)
		     : 0;
}

static int parse(const char *text, struct volume_tmpfs *t, struct error *err)
{
	const char *colon = strchr(text, ':');
	AUTO(strv_free) char **options = NULL;
	int r = 0;

	t->target = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	if (t->target[0] != '/' || strlen(t->target) >= PATH_MAX)
		return error_set(err, EINVAL, "the tmpfs target %s is no absolute path", t->target);
	options = colon ? strv_split(colon + 1, ",") : NULL;
	for (char **o = options; o && *o && r == 0; o++)
		r = set_option(t, *o, err);
	return r;
}

int volume_tmpfs_parse(const char *text, struct volume_tmpfs *ret, struct error *err)
{
	struct volume_tmpfs t = {.mode = (mode_t)-1, .attr = ATTR_DEFAULT};
	int r = parse(text, &t, err);

	if (r < 0)
		volume_tmpfs_release(&t);
	else
		*ret = t;
	return r;
}

void volume_tmpfs_release(struct volume_tmpfs *t)
{
	free(t->target);
	*t = (struct volume_tmpfs){0};
}

char *volume_tmpfs_data(const struct volume_tmpfs *t)
{
	auto_buf struct buf b = BUF_INIT;

	if (t->size_bytes)
		buf_addf(&b, "size=%llu,", (unsigned long long)t->size_bytes);
	if (t->nr_inodes)
		buf_addf(&b, "nr_inodes=%llu,", (unsigned long long)t->nr_inodes);
	buf_addf(&b, "mode=%o", t->mode == (mode_t)-1 ? MODE_DEFAULT : t->mode);
	if (t->uid)
		buf_addf(&b, ",uid=%u", t->uid);
	if (t->gid)
		buf_addf(&b, ",gid=%u", t->gid);
	return buf_steal(&b);
}
