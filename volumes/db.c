/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table `volumes` of the database, one statement an operation. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

#include "volumes/volumes_int.h"

#define BUSY_TIMEOUT_MS 10000
#define ANONYMOUS_BOUND 2 /* in the column `anonymous`; 1: without a container, or let go */

static const char set_up[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, driver TEXT NOT NULL,"
	" options TEXT NOT NULL, labels TEXT NOT NULL, created_ns INTEGER NOT NULL,"
	" populated INTEGER NOT NULL, anonymous INTEGER NOT NULL) WITHOUT ROWID;";

static int failed(struct sqlite3 *db, struct error *err)
{
	int code = sqlite3_errcode(db);

	return error_set(err, code == SQLITE_FULL ? ENOSPC : EIO, "volume database: %s",
			 sqlite3_errmsg(db));
}

int volume_db_open(const char *path, struct sqlite3 **ret, struct error *err)
{
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct sqlite3 *db = NULL;
	int r;

	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS) == SQLITE_OK &&
	    sqlite3_exec(db, set_up, NULL, NULL, NULL) == SQLITE_OK) {
		*ret = db;
		return 0;
	}
	r = db ? failed(db, err) : error_set(err, ENOMEM, "open %s", path);
	sqlite3_close(db);
	return r;
}

void volume_db_close(struct sqlite3 *db)
{
	sqlite3_close(db);
}

static json_t *column_object(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	struct error ignored = ERROR_INIT;
	json_t *o = NULL;

	if (!text || json_load_text(text, strlen(text), &o, &ignored) < 0 || !json_is_object(o)) {
		json_decref(o);
		o = json_object();
	}
	return o;
}

int volume_db_load(struct sqlite3 *db, void (*found)(void *arg, struct volume *v), void *arg,
		   struct error *err)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(db,
			       "SELECT name, driver, options, labels, created_ns, populated, "
			       "anonymous FROM volumes ORDER BY name",
			       -1, &st, NULL) != SQLITE_OK)
		return failed(db, err);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		struct volume *v = xcalloc(1, sizeof(*v));

		v->name = xstrdup((const char *)sqlite3_column_text(st, 0));
		v->driver = xstrdup((const char *)sqlite3_column_text(st, 1));
		v->driver_opts = column_object(st, 2);
		v->labels = column_object(st, 3);
		v->created_ns = sqlite3_column_int64(st, 4);
		v->populated = sqlite3_column_int(st, 5);
		v->anonymous = sqlite3_column_int(st, 6) > 0;
		v->bound = sqlite3_column_int(st, 6) == ANONYMOUS_BOUND;
		found(arg, v);
	}
	r = r == SQLITE_DONE ? 0 : failed(db, err);
	sqlite3_finalize(st);
	return r;
}

static int run(struct sqlite3 *db, sqlite3_stmt *st, struct error *err)
{
	int r = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(db, err);

	sqlite3_finalize(st);
	return r;
}

int volume_db_insert(struct sqlite3 *db, const struct volume *v, struct error *err)
{
	auto_free char *opts = json_text(v->driver_opts), *labels = json_text(v->labels);
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, "INSERT INTO volumes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", -1,
			       &st, NULL) != SQLITE_OK)
		return failed(db, err);
	sqlite3_bind_text(st, 1, v->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, v->driver, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, opts, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, labels, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, v->created_ns);
	sqlite3_bind_int(st, 6, v->populated);
	sqlite3_bind_int(st, 7, v->bound ? ANONYMOUS_BOUND : v->anonymous);
	return run(db, st, err);
}

static int run_named(struct sqlite3 *db, const char *sql, const char *name, struct error *err)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return failed(db, err);
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	return run(db, st, err);
}

int volume_db_delete(struct sqlite3 *db, const char *name, struct error *err)
{
	return run_named(db, "DELETE FROM volumes WHERE name = ?1", name, err);
}

int volume_db_set_populated(struct sqlite3 *db, const char *name, struct error *err)
{
	return run_named(db, "UPDATE volumes SET populated = 1 WHERE name = ?1", name, err);
}

int volume_db_let_go(struct sqlite3 *db, const char *name, struct error *err)
{
	return run_named(db, "UPDATE volumes SET anonymous = 1 WHERE name = ?1", name, err);
}
