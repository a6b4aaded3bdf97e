/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image tables of the database: image_images (id, manifest, created_ns), image_names (name,
 * image) and image_sources (name with the digest that a registry gave, image, pulled_ns).  What an
 * image consists of is in its documents, not here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

#include "images/store_int.h"

#define FORMAT		"1"
#define BUSY_TIMEOUT_MS 10000
#define COLUMNS_MAX	8

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS image_format (version INTEGER NOT NULL);"
	"INSERT INTO image_format SELECT " FORMAT " WHERE NOT EXISTS (SELECT 1 FROM image_format);"
	"CREATE TABLE IF NOT EXISTS image_images (id TEXT PRIMARY KEY, manifest TEXT NOT NULL,"
	" created_ns INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS image_names (name TEXT PRIMARY KEY,"
	" image TEXT NOT NULL REFERENCES image_images (id)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS image_sources (name TEXT PRIMARY KEY, image TEXT NOT NULL,"
	" pulled_ns INTEGER NOT NULL) WITHOUT ROWID;";

static int db_failed(struct sqlite3 *db, struct error *err)
{
	int code = sqlite3_errcode(db);

	return error_set(err,
			 code == SQLITE_FULL   ? ENOSPC
			 : code == SQLITE_BUSY ? EBUSY
					       : EIO,
			 "image database: %s", sqlite3_errmsg(db));
}

static int exec(struct sqlite3 *db, const char *sql, struct error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_failed(db, err);
}

static void take_version(void *arg, const char *const *columns)
{
	*(bool *)arg = str_eq(columns[0], FORMAT);
}

static int set_up(struct sqlite3 *db, struct error *err)
{
	const char *const none[IMAGE_DB_PARAMS] = {NULL};
	bool known = false;

	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	if (exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", err) < 0 ||
	    exec(db, "BEGIN IMMEDIATE;", err) < 0 || exec(db, schema, err) < 0 ||
	    exec(db, "COMMIT;", err) < 0 ||
	    image_db_run(db, "SELECT version FROM image_format", none, take_version, &known, err) <
		    0)
		return -err->code;
	if (!known)
		return error_set(err, ENOTSUP,
				 "the image tables were written by a newer version of cmp");
	return 0;
}

int image_db_open(const char *path, struct sqlite3 **ret, struct error *err)
{
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct sqlite3 *db = NULL;
	int r;

	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) !=
	    SQLITE_OK) {
		r = db ? db_failed(db, err) : error_set(err, ENOMEM, "open %s", path);
		sqlite3_close(db);
		return r;
	}
	r = set_up(db, err);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void image_db_close(struct sqlite3 *db)
{
	sqlite3_close(db);
}

int image_db_run(struct sqlite3 *db, const char *sql, const char *const params[IMAGE_DB_PARAMS],
		 void (*row)(void *arg, const char *const *columns), void *arg, struct error *err)
{
	const char *columns[COLUMNS_MAX] = {NULL};
	sqlite3_stmt *st = NULL;
	int r, count;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return db_failed(db, err);
	count = sqlite3_bind_parameter_count(st);
	for (int i = 0; i < count && i < IMAGE_DB_PARAMS; i++)
		sqlite3_bind_text(st, i + 1, params[i], -1, SQLITE_STATIC);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		for (int i = 0; i < MIN(sqlite3_column_count(st), COLUMNS_MAX); i++)
			columns[i] = (const char *)sqlite3_column_text(st, i);
		if (row)
			row(arg, columns);
	}
	r = r == SQLITE_DONE ? 0 : db_failed(db, err);
	sqlite3_finalize(st);
	return r;
}

int image_db_begin(struct sqlite3 *db, struct error *err)
{
	return exec(db, "BEGIN IMMEDIATE;", err);
}

int image_db_end(struct sqlite3 *db, int failed, struct error *err)
{
	if (failed >= 0)
		failed = exec(db, "COMMIT;", err);
	if (failed < 0)
		sqlite3_exec(db, "ROLLBACK;", NULL, NULL, NULL);
	return failed;
}
