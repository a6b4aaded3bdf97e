/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state database: records, their order, nested transactions, damage, versions, durability. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/state.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	str_copy(dir, sizeof(dir), "/tmp/cmp-state.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	return file_remove_tree(AT_FDCWD, dir, &err);
}

static struct state *open_it(void)
{
	struct state *s = NULL;
	struct error err = ERROR_INIT;

	if (state_open(dir, uv_default_loop(), &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void put(struct state *s, const char *id, int n)
{
	auto_json json_t *doc = json_pack("{s: i}", "n", n);
	struct error err = ERROR_INIT;

	if (state_container_put(s, id, doc, &err) < 0)
		fail_msg("%s", err.msg);
}

static int list_one(void *arg, const char *key, const json_t *doc, struct error *err)
{
	(void)err;
	buf_addf(arg, "%s=%d ", key, (int)json_get_int(doc, "n", -1));
	return 0;
}

static void expect(struct state *s, const char *all)
{
	auto_buf struct buf got = BUF_INIT;
	struct error err = ERROR_INIT;

	buf_adds(&got, "");
	assert_int_equal(state_containers_each(s, list_one, &got, &err), 0);
	assert_string_equal(got.data ? got.data : "", all);
}

static void raw(const char *sql)
{
	auto_free char *path = xasprintf("%s/cmp.db", dir);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_records(void **state)
{
	struct state *s = open_it();
	struct error err = ERROR_INIT;

	(void)state;
	put(s, "b", 1);
	put(s, "a", 2);
	put(s, "b", 3); /* keeps its place */
	put(s, "c", 4);
	assert_int_equal(state_container_delete(s, "a", &err), 0);
	assert_int_equal(state_container_delete(s, "none", &err), 0);
	expect(s, "b=3 c=4 ");
	state_close(s);
	s = open_it();
	expect(s, "b=3 c=4 ");
	state_close(s);
}

static int stop_here(void *arg, const char *key, const json_t *doc, struct error *err)
{
	(void)key;
	(void)doc;
	++*(int *)arg;
	return error_set(err, ECANCELED, "enough");
}

static void test_kinds_are_apart(void **state)
{
	struct state *s = open_it();
	auto_json json_t *doc = json_object();
	struct error err = ERROR_INIT;
	int calls = 0;

	(void)state;
	assert_int_equal(state_network_put(s, "n", doc, &err), 0);
	assert_int_equal(state_project_put(s, "p", doc, &err), 0);
	expect(s, "");
	assert_int_equal(state_networks_each(s, stop_here, &calls, &err), -ECANCELED);
	assert_int_equal(state_projects_each(s, stop_here, &calls, &err), -ECANCELED);
	assert_int_equal(calls, 2);
	assert_int_equal(state_network_delete(s, "n", &err), 0);
	assert_int_equal(state_project_delete(s, "p", &err), 0);
	assert_int_equal(state_networks_each(s, stop_here, &calls, &err), 0);
	state_close(s);
}

static void test_transactions(void **state)
{
	struct state *s = open_it();
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(state_begin(s, &err), 0);
	assert_int_equal(state_begin(s, &err), 0);
	put(s, "x", 1);
	assert_int_equal(state_commit(s, &err), 0);
	put(s, "y", 2);
	state_close(s); /* as a crash: the outer one was never committed */
	s = open_it();
	expect(s, "");
	assert_int_equal(state_begin(s, &err), 0);
	put(s, "x", 1);
	assert_int_equal(state_commit(s, &err), 0);
	state_close(s);
	s = open_it();
	expect(s, "x=1 ");
	state_close(s);
}

static void test_facts(void **state)
{
	struct state *s = open_it();
	struct error err = ERROR_INIT;
	char *value = state_fact(s, "boot_id");

	(void)state;
	assert_null(value);
	assert_int_equal(state_fact_put(s, "boot_id", "one", &err), 0);
	assert_int_equal(state_fact_put(s, "boot_id", "two", &err), 0);
	value = state_fact(s, "boot_id");
	assert_string_equal(value, "two");
	free(value);
	state_close(s);
}

/* A record that cannot be read is left out; the others are not lost with it. */
static void test_damage(void **state)
{
	struct state *s = open_it();

	(void)state;
	put(s, "a", 1);
	put(s, "b", 2);
	state_close(s);
	raw("UPDATE containers SET doc = '{\"n\": ' WHERE key = 'a'");
	s = open_it();
	expect(s, "b=2 ");
	state_close(s);
}

static void test_newer_format(void **state)
{
	struct state *s = open_it();
	struct error err = ERROR_INIT;

	(void)state;
	state_close(s);
	raw("UPDATE facts SET doc = '99' WHERE key = 'format'");
	s = NULL;
	assert_int_equal(state_open(dir, uv_default_loop(), &s, &err), -EPROTONOSUPPORT);
	assert_null(s);
	assert_non_null(strstr(err.msg, "written by a newer cmp (format 99"));
}

static void test_no_database(void **state)
{
	auto_free char *path = xasprintf("%s/cmp.db", dir);
	auto_free char *nowhere = xasprintf("%s/nowhere", dir);
	struct state *s = NULL;
	struct error err = ERROR_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char page[4096];

	(void)state;
	memset(page, 'x', sizeof(page)); /* as long as a database, and none */
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
	assert_true(state_open(dir, uv_default_loop(), &s, &err) < 0);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(state_open(nowhere, uv_default_loop(), &s, &err), -EIO);
}

static void on_synced(void *arg, const struct error *err)
{
	++*(int *)arg;
	if (err)
		fail_msg("%s", err->msg);
}

static void test_sync(void **state)
{
	struct state *s = open_it();
	int count = 0;

	(void)state;
	put(s, "a", 1);
	state_sync(s, on_synced, &count);
	state_sync(s, on_synced, &count);
	assert_int_equal(count, 0);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	assert_int_equal(count, 2);
	state_close(s);
}

/* Others have connections of their own to the same file. */
static void test_shared_file(void **state)
{
	struct state *s = open_it();

	(void)state;
	raw("CREATE TABLE other (x); INSERT INTO other VALUES (1)");
	put(s, "a", 1);
	raw("INSERT INTO other VALUES (2)");
	expect(s, "a=1 ");
	state_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_records),	 TEST(test_kinds_are_apart),
		TEST(test_transactions), TEST(test_facts),
		TEST(test_damage),	 TEST(test_newer_format),
		TEST(test_no_database),	 TEST(test_sync),
		TEST(test_shared_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
