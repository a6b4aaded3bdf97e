/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See state.h.  One table a kind of object, all of the same shape, so that one set of statements
 * serves them all. */
#include "engine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <uv.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

#define FORMAT_VERSION 1
#define BUSY_MS	       5000

enum object { CONTAINERS, NETWORKS, PROJECTS, FACTS, OBJECT_COUNT };

static const char *const tables[OBJECT_COUNT] = {"containers", "networks", "projects", "facts"};

enum statement { PUT, DELETE, STATEMENT_COUNT };

static const char *const texts[STATEMENT_COUNT] = {
	[PUT] = "INSERT INTO %s (key, doc) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET doc = ?2",
	[DELETE] = "DELETE FROM %s WHERE key = ?1",
};

struct state {
	sqlite3 *db;
	struct uv_loop_s *loop;
	char *wal; /* path of the write-ahead log */
	unsigned depth;
	sqlite3_stmt *statements[OBJECT_COUNT][STATEMENT_COUNT];
};

static int fail(struct state *s, struct error *err, const char *what)
{
	int code = sqlite3_extended_errcode(s->db) & 0xff;

	return error_set(err,
			 code == SQLITE_FULL   ? ENOSPC
			 : code == SQLITE_BUSY ? EBUSY
					       : EIO,
			 "%s in the state database: %s", what, sqlite3_errmsg(s->db));
}

static int run(struct state *s, const char *sql, struct error *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, err, "write");
}

/* ---- opening */

static int check_version(struct state *s, struct error *err)
{
	auto_free char *text = state_fact(s, "format");
	uint32_t version = 0;
	char number[16];

	if (!text) {
		snprintf(number, sizeof(number), "%d", FORMAT_VERSION);
		return state_fact_put(s, "format", number, err);
	}
	if (parse_u32(text, &version) < 0 || version > FORMAT_VERSION)
		return error_set(
			err, EPROTONOSUPPORT,
			"the state was written by a newer cmp (format %s, this one knows %d)", text,
			FORMAT_VERSION);
	return 0;
}

static int make_tables(struct state *s, struct error *err)
{
	size_t i;
	int r = run(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-256",
		    err);

	for (i = 0; i < OBJECT_COUNT && r == 0; i++) {
		auto_free char *sql =
			xasprintf("CREATE TABLE IF NOT EXISTS %s (seq INTEGER PRIMARY KEY, "
				  "key TEXT NOT NULL UNIQUE, doc TEXT NOT NULL)",
				  tables[i]);

		r = run(s, sql, err);
	}
	return r;
}

static int prepare(struct state *s, struct error *err)
{
	size_t i, k;

	for (i = 0; i < OBJECT_COUNT; i++)
		for (k = 0; k < STATEMENT_COUNT; k++) {
			auto_buf struct buf sql = BUF_INIT;
			const char *at = strstr(texts[k], "%s");

			buf_add(&sql, texts[k], (size_t)(at - texts[k]));
			buf_addf(&sql, "%s%s", tables[i], at + 2);
			if (sqlite3_prepare_v2(s->db, sql.data, -1, &s->statements[i][k], NULL) !=
			    SQLITE_OK)
				return fail(s, err, "prepare");
		}
	return 0;
}

int state_open(const char *state_dir, struct uv_loop_s *loop, struct state **ret, struct error *err)
{
	auto_free char *path = xasprintf("%s/cmp.db", state_dir);
	struct state *s = xcalloc(1, sizeof(*s));
	mode_t mask = umask(0077);
	int r = sqlite3_open_v2(path, &s->db,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				NULL);

	umask(mask);
	s->loop = loop;
	s->wal = xasprintf("%s-wal", path);
	if (r != SQLITE_OK) {
		r = fail(s, err, "open");
	} else {
		sqlite3_busy_timeout(s->db, BUSY_MS);
		r = make_tables(s, err);
		if (r == 0)
			r = prepare(s, err);
		if (r == 0)
			r = check_version(s, err);
	}
	if (r < 0) {
		error_wrap(err, "%s", path);
		state_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void state_close(struct state *s)
{
	size_t i, k;

	if (!s)
		return;
	for (i = 0; i < OBJECT_COUNT; i++)
		for (k = 0; k < STATEMENT_COUNT; k++)
			sqlite3_finalize(s->statements[i][k]);
	sqlite3_close(s->db);
	free(s->wal);
	free(s);
}

/* ---- transactions */

int state_begin(struct state *s, struct error *err)
{
	int r = s->depth ? 0 : run(s, "BEGIN IMMEDIATE", err);

	s->depth += r == 0;
	return r;
}

int state_commit(struct state *s, struct error *err)
{
	struct error ignored = ERROR_INIT;
	int r;

	if (--s->depth)
		return 0;
	r = run(s, "COMMIT", err);
	/* On a full disk SQLite may have rolled back already. */
	if (r < 0 && !sqlite3_get_autocommit(s->db) && run(s, "ROLLBACK", &ignored) < 0)
		log_err("state", "%s", ignored.msg);
	return r;
}

/* ---- records */

static int step(struct state *s, sqlite3_stmt *stmt, const char *what, struct error *err)
{
	int r = sqlite3_step(stmt) == SQLITE_DONE ? 0 : fail(s, err, what);

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return r;
}

static int put_text(struct state *s, enum object o, const char *key, const char *text,
		    struct error *err)
{
	sqlite3_stmt *stmt = s->statements[o][PUT];

	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
	return step(s, stmt, "write", err);
}

static int put(struct state *s, enum object o, const char *key, const json_t *doc,
	       struct error *err)
{
	auto_free char *text = json_text(doc);

	return put_text(s, o, key, text, err);
}

static int delete (struct state *s, enum object o, const char *key, struct error *err)
{
	sqlite3_stmt *stmt = s->statements[o][DELETE];

	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	return step(s, stmt, "delete", err);
}

static int each(struct state *s, enum object o, state_each_fn fn, void *arg, struct error *err)
{
	auto_free char *sql = xasprintf("SELECT key, doc FROM %s ORDER BY seq", tables[o]);
	sqlite3_stmt *stmt;
	int r = 0, rc;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return fail(s, err, "read");
	while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(stmt, 0);
		const char *text = (const char *)sqlite3_column_text(stmt, 1);
		auto_json json_t *doc = NULL;
		struct error bad = ERROR_INIT;

		if (json_load_text(text, strlen(text), &doc, &bad) < 0)
			log_err("state", "record %s of %s is damaged and left out: %s", key,
				tables[o], bad.msg);
		else
			r = fn(arg, key, doc, err);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = fail(s, err, "read");
	sqlite3_finalize(stmt);
	return r;
}

#define RECORD(word, plural, object)                                                               \
	int state_##word##_put(struct state *s, const char *key, const json_t *doc,                \
			       struct error *err)                                                  \
	{                                                                                          \
		return put(s, object, key, doc, err);                                              \
	}                                                                                          \
	int state_##word##_delete(struct state *s, const char *key, struct error *err)             \
	{                                                                                          \
		return delete (s, object, key, err);                                               \
	}                                                                                          \
	int state_##plural##_each(struct state *s, state_each_fn fn, void *arg, struct error *err) \
	{                                                                                          \
		return each(s, object, fn, arg, err);                                              \
	}

RECORD(container, containers, CONTAINERS)
RECORD(network, networks, NETWORKS)
RECORD(project, projects, PROJECTS)

int state_fact_put(struct state *s, const char *name, const char *value, struct error *err)
{
	return put_text(s, FACTS, name, value, err);
}

char *state_fact(struct state *s, const char *name)
{
	sqlite3_stmt *stmt;
	char *value = NULL;

	if (sqlite3_prepare_v2(s->db, "SELECT doc FROM facts WHERE key = ?1", -1, &stmt, NULL) !=
	    SQLITE_OK)
		return NULL;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = xstrdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return value;
}

/* ---- durability */

struct sync {
	uv_work_t work;
	char *path;
	void (*done)(void *arg, const struct error *err);
	void *arg;
	struct error err;
};

static void sync_work(uv_work_t *work)
{
	struct sync *y = container_of(work, struct sync, work);
	int fd = open(y->path, O_RDONLY | O_CLOEXEC);

	/* No log: everything is in the database already, which SQLite has synced. */
	if (fd < 0 || fdatasync(fd) == 0)
		y->err.code = 0;
	else
		error_sys(&y->err, errno, "make the state durable");
	if (fd >= 0)
		close(fd);
}

static void sync_done(uv_work_t *work, int status)
{
	struct sync *y = container_of(work, struct sync, work);

	(void)status;
	y->done(y->arg, y->err.code ? &y->err : NULL);
	free(y->path);
	free(y);
}

void state_sync(struct state *s, void (*done)(void *arg, const struct error *err), void *arg)
{
	struct sync *y = xcalloc(1, sizeof(*y));

	y->path = xstrdup(s->wal);
	y->done = done;
	y->arg = arg;
	if (uv_queue_work(s->loop, &y->work, sync_work, sync_done) < 0) {
		sync_work(&y->work);
		sync_done(&y->work, 0);
	}
}
