/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See trash.h. */
#include "engine/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"

#define PREFIX "container-"

struct removal {
	uv_work_t work;
	char *path;
	struct error err;
};

static void remove_work(uv_work_t *work)
{
	struct removal *r = container_of(work, struct removal, work);

	if (file_remove_tree(AT_FDCWD, r->path, &r->err) < 0)
		error_wrap(&r->err, "remove %s", r->path);
}

static void remove_done(uv_work_t *work, int status)
{
	struct removal *r = container_of(work, struct removal, work);

	(void)status;
	if (r->err.code)
		log_warn("trash", "%s", r->err.msg);
	free(r->path);
	free(r);
}

/* Takes the path. */
static void remove_later(struct daemon *d, char *path)
{
	struct removal *r = xcalloc(1, sizeof(*r));

	r->path = path;
	if (uv_queue_work(d->loop, &r->work, remove_work, remove_done) < 0) {
		remove_work(&r->work);
		remove_done(&r->work, 0);
	}
}

void trash_put(struct daemon *d, const char *path)
{
	char id[DIGEST_HEX_MAX];
	char *to;

	digest_random_id(id);
	to = xasprintf("%s/trash/" PREFIX "%.16s", d->state_dir, id);
	if (renameat(AT_FDCWD, path, AT_FDCWD, to) == 0) {
		remove_later(d, to);
		return;
	}
	if (errno != ENOENT)
		log_warn("trash", "move %s away: %s", path, strerrordesc_np(errno));
	free(to);
}

void trash_empty(struct daemon *d)
{
	auto_free char *dir = xasprintf("%s/trash", d->state_dir);
	DIR *entries = opendir(dir);
	struct dirent *e;

	while (entries && (e = readdir(entries)))
		if (str_starts(e->d_name, PREFIX))
			remove_later(d, xasprintf("%s/%s", dir, e->d_name));
	if (entries)
		closedir(entries);
}
