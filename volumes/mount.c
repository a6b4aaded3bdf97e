/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a volume is mounted: its data directory, a directory of the host (`o: bind`), or a file
 * system of its own.  Options are those of Docker's local driver: type, o, device.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "volumes/volumes_int.h"

static const struct {
	const char *name;
	unsigned long flag;
	bool clear;
} mount_flags[] = {
	{"ro", MS_RDONLY, false},	  {"rw", MS_RDONLY, true},
	{"nosuid", MS_NOSUID, false},	  {"suid", MS_NOSUID, true},
	{"nodev", MS_NODEV, false},	  {"dev", MS_NODEV, true},
	{"noexec", MS_NOEXEC, false},	  {"exec", MS_NOEXEC, true},
	{"sync", MS_SYNCHRONOUS, false},  {"async", MS_SYNCHRONOUS, true},
	{"noatime", MS_NOATIME, false},	  {"atime", MS_NOATIME, true},
	{"relatime", MS_RELATIME, false}, {"nodiratime", MS_NODIRATIME, false},
	{"defaults", 0, false},
};

static bool has_option(const json_t *opts, const char *option)
{
	AUTO(strv_free) char **list = NULL;
	const char *o = json_get_str(opts, "o");

	if (o)
		list = strv_split(o, ",");
	return strv_has(list, option);
}

static bool is_bind(const struct volume *v)
{
	return has_option(v->driver_opts, "bind") || has_option(v->driver_opts, "rbind");
}

/* Has it a file system of its own? */
static bool is_own(const struct volume *v)
{
	return json_get_str(v->driver_opts, "type") && !is_bind(v);
}

int volume_opts_check(const json_t *opts, struct error *err)
{
	const char *key, *device = json_get_str(opts, "device");
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)opts, key, value) {
		if (strcmp(key, "type") != 0 && strcmp(key, "o") != 0 && strcmp(key, "device") != 0)
			return error_set(err, EINVAL, "invalid option of a local volume: %s", key);
		if (!json_is_string(value))
			return error_set(err, EINVAL, "the volume option %s must be a string", key);
	}
	if (has_option(opts, "bind") || has_option(opts, "rbind")) {
		if (!device || *device != '/')
			return error_set(
				err, EINVAL,
				"a bound volume needs the option device, an absolute path");
		return 0;
	}
	if (str_empty(json_get_str(opts, "type")) != str_empty(device))
		return error_set(err, EINVAL, "the volume options type and device belong together");
	return 0;
}

int volume_bind_prepare(const char *source, bool create, struct error *err)
{
	int fd;

	if (*source != '/')
		return error_set(err, EINVAL, "bind source path is not absolute: %s", source);
	fd = open(source, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		if (file_mkdir_p(source, 0755, err) < 0)
			return error_wrap(err, "create bind source path %s", source);
		fd = open(source, O_PATH | O_CLOEXEC);
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_set(err, ENOENT, "bind source path does not exist: %s", source);
	return error_sys(err, errno, "bind source path %s", source);
}

static const char *place_of(const struct volume *v)
{
	return is_bind(v) ? json_get_str(v->driver_opts, "device") : v->mountpoint;
}

int volume_open(struct volume_store *s, const struct volume *v, struct error *err)
{
	int fd = open(place_of(v), O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)s;
	return fd < 0 ? error_sys(err, errno, "volume %s: open %s", v->name, place_of(v)) : fd;
}

static bool is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Splits "size=1m,nosuid" into flags and what the file system reads. */
static char *split_options(const char *o, unsigned long *flags)
{
	AUTO(strv_free) char **list = strv_split(o, ",");
	AUTO(strv_free) char **rest = NULL;
	size_t i;

	for (char **at = list; at && *at; at++) {
		for (i = 0; i < ARRAY_LEN(mount_flags); i++)
			if (!strcmp(*at, mount_flags[i].name))
				break;
		if (i == ARRAY_LEN(mount_flags))
			strv_push(&rest, xstrdup(*at));
		else if (mount_flags[i].clear)
			*flags &= ~mount_flags[i].flag;
		else
			*flags |= mount_flags[i].flag;
	}
	return strv_join(rest, ",");
}

static int mount_own(const struct volume *v, struct error *err)
{
	const char *type = json_get_str(v->driver_opts, "type");
	const char *device = json_get_str(v->driver_opts, "device");
	unsigned long flags = 0;
	auto_free char *data = split_options(json_get_str(v->driver_opts, "o") ?: "", &flags);

	if (is_mounted(v->mountpoint))
		return 0;
	if (mount(device, v->mountpoint, type, flags, data) < 0)
		return error_sys(err, errno, "volume %s: mount %s of type %s", v->name, device,
				 type);
	return 0;
}

int volume_mount(struct volume_store *s, struct volume *v, char **ret_path, struct error *err)
{
	auto_fd int fd = -1;

	if (is_own(v) && mount_own(v, err) < 0)
		return -err->code;
	fd = volume_open(s, v, err);
	if (fd < 0)
		return fd;
	*ret_path = xstrdup(place_of(v));
	return 0;
}

int volume_unmount(struct volume_store *s, struct volume *v, struct error *err)
{
	(void)s;
	if (!is_own(v) || !is_mounted(v->mountpoint))
		return 0;
	if (umount2(v->mountpoint, UMOUNT_NOFOLLOW) < 0)
		return error_sys(err, errno, "volume %s: unmount", v->name);
	return 0;
}
