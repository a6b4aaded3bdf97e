/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the volume store share. */
#ifndef VOLUMES_VOLUMES_INT_H
#define VOLUMES_VOLUMES_INT_H

#include "base/json.h"
#include "base/map.h"
#include "volumes/volumes.h"

struct sqlite3;

struct volume_store {
	struct uv_loop_s *loop;
	char *root;  /* volumes/ */
	char *trash; /* trash/: shared with nobody by the prefix of our names there */
	int root_fd, trash_fd;
	struct sqlite3 *db;
	struct map *volumes; /* name -> struct volume, owned */
};

/* ---- db.c: the table `volumes` */
int volume_db_open(const char *path, struct sqlite3 **ret, struct error *err) MUST_CHECK;
void volume_db_close(struct sqlite3 *db);
/* Calls `found` with a new volume (mountpoint not set) for each row. */
int volume_db_load(struct sqlite3 *db, void (*found)(void *arg, struct volume *v), void *arg,
		   struct error *err) MUST_CHECK;
int volume_db_insert(struct sqlite3 *db, const struct volume *v, struct error *err) MUST_CHECK;
int volume_db_delete(struct sqlite3 *db, const char *name, struct error *err) MUST_CHECK;
int volume_db_let_go(struct sqlite3 *db, const char *name, struct error *err) MUST_CHECK;
int volume_db_set_populated(struct sqlite3 *db, const char *name, struct error *err) MUST_CHECK;

/* ---- mount.c */
/* EINVAL for options that no volume can have. */
int volume_opts_check(const json_t *opts, struct error *err) MUST_CHECK;

#endif
