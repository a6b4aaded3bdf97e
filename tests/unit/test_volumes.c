/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume records and directories against real files and a real database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <uv.h>

#include "base/file.h"
#include "base/json.h"
#include "volumes/volumes.h"

struct world {
	char dir[64], state[80];
	uv_loop_t loop;
	struct volume_store *s;
};

static void open_store(struct world *w)
{
	struct error err = ERROR_INIT;

	if (volume_store_open(w->state, &w->loop, &w->s, &err) < 0)
		fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptimv-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	uv_loop_init(&w->loop);
	open_store(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;
	struct world *w = *state;

	volume_store_free(w->s);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, &err), 0);
	free(w);
	return 0;
}

static bool used(void *arg, const char *name, char **by)
{
	if (!str_eq(arg, name))
		return false;
	*by = xstrdup("web");
	return true;
}

static void make(struct world *w, const char *name, struct volume **ret, int code)
{
	struct volume_args args = {.name = name};
	struct error err = ERROR_INIT;
	bool created;

	assert_int_equal(volume_create(w->s, &args, ret, &created, &err), code);
}

static void test_life(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	struct volume *v = NULL, *again = NULL;
	auto_free char *path = NULL;
	char in_use[] = "data";
	int fd;

	make(w, "data", &v, 0);
	make(w, "data", &again, 0);
	assert_ptr_equal(v, again);
	make(w, "../x", &again, -EINVAL);
	make(w, "a", &again, -EINVAL);
	assert_true(volume_needs_populate(v));
	assert_int_equal(volume_set_populated(w->s, v, &err), 0);
	fd = volume_open(w->s, v, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(volume_mount(w->s, v, &path, &err), 0);
	assert_string_equal(path, v->mountpoint);
	json_decref(volume_inspect(v));

	volume_store_free(w->s);
	open_store(w);
	v = volume_get(w->s, "data");
	assert_non_null(v);
	assert_false(volume_needs_populate(v));
	assert_int_equal(volume_remove(w->s, "data", false, used, in_use, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "web"));
	assert_int_equal(volume_remove(w->s, "data", false, NULL, NULL, &err), 0);
	assert_false(file_exists(AT_FDCWD, path));
	assert_int_equal(volume_remove(w->s, "data", false, NULL, NULL, &err), -ENOENT);
	assert_int_equal(volume_remove(w->s, "data", true, NULL, NULL, &err), 0);
}

static void test_prune(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	struct volume *v = NULL, **list;
	char in_use[] = "keep";
	char **names = NULL;

	make(w, "keep", &v, 0);
	make(w, "named", &v, 0);
	make(w, NULL, &v, 0);
	assert_int_equal(strlen(v->name), 64);
	assert_int_equal(volume_prune(w->s, false, NULL, NULL, &names, &err), 0);
	assert_int_equal(strv_len(names), 1);
	strv_free(names);
	assert_int_equal(volume_prune(w->s, true, used, in_use, &names, &err), 0);
	assert_string_equal(names[0], "named");
	strv_free(names);
	list = volume_list(w->s);
	assert_string_equal(list[0]->name, "keep");
	assert_null(list[1]);
	free(list);
}

static void test_half_made(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	auto_free char *orphan = xasprintf("%s/volumes/orphan/data/x", w->state);
	auto_free char *parent = xasprintf("%s/volumes/orphan", w->state);

	volume_store_free(w->s);
	assert_int_equal(file_mkdir_p(orphan, 0755, &err), 0);
	open_store(w);
	assert_false(file_exists(AT_FDCWD, parent));
	assert_null(volume_get(w->s, "orphan"));
}

static void test_options(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	auto_json json_t *bad = json_pack("{s:s}", "size", "1"),
			 *bind = json_pack("{s:s, s:s, s:s}", "type", "none", "o", "bind", "device",
					   w->dir),
			 *tmpfs = json_pack("{s:s, s:s, s:s}", "type", "tmpfs", "device", "tmpfs",
					    "o", "size=1m,noexec");
	struct volume_args args = {.name = "opt", .driver_opts = bad};
	auto_free char *path = NULL, *own = NULL;
	struct volume *v = NULL;
	bool created;

	assert_int_equal(volume_create(w->s, &args, &v, &created, &err), -EINVAL);
	args.driver_opts = bind;
	assert_int_equal(volume_create(w->s, &args, &v, &created, &err), 0);
	assert_int_equal(volume_mount(w->s, v, &path, &err), 0);
	assert_string_equal(path, w->dir);
	args.driver_opts = tmpfs;
	assert_int_equal(volume_create(w->s, &args, &v, &created, &err), -EEXIST);
	if (geteuid() != 0)
		return;
	args.name = "own";
	assert_int_equal(volume_create(w->s, &args, &v, &created, &err), 0);
	assert_int_equal(volume_mount(w->s, v, &own, &err), 0);
	free(steal_ptr(&own));
	assert_int_equal(volume_mount(w->s, v, &own, &err), 0); /* once only */
	assert_int_equal(volume_unmount(w->s, v, &err), 0);
	assert_int_equal(volume_unmount(w->s, v, &err), 0);
}

static void test_bind_source(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	auto_free char *path = xasprintf("%s/deep/er", w->dir);
	int fd;

	assert_int_equal(volume_bind_prepare(path, false, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "bind source path does not exist"));
	err = ERROR_INIT;
	fd = volume_bind_prepare(path, true, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(volume_bind_prepare("rel", true, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_prune, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bind_source, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
