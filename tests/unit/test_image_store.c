/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image store against real files, a real database and the real cmp-layer; needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <uv.h>

#include "base/file.h"
#include "base/json.h"
#include "images/images.h"

struct world {
	char dir[64];
	uv_loop_t loop;
	struct image_store *s;
	bool done;
	int code;
	char id[DIGEST_TEXT_MAX];
	char *removed;
	int64_t freed;
	enum image_use use;
};

static void shell(const struct world *w, const char *command)
{
	auto_free char *text = xasprintf("cd %s && %s", w->dir, command);

	assert_int_equal(system(text), 0);
}

static void open_store(struct world *w)
{
	struct error err = ERROR_INIT;
	auto_free char *state = xasprintf("%s/state", w->dir);

	if (image_store_open(state, &w->loop, &w->s, &err) < 0)
		fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct world *w = xcalloc(1, sizeof(*w));
	char program[4096];
	auto_free char *link = NULL;
	struct error err = ERROR_INIT;

	if (geteuid() != 0) {
		free(w);
		return 0;
	}
	sigaction(SIGPIPE, &ignore, NULL);
	/* The store looks for cmp-layer beside the running program. */
	assert_int_equal(file_program_dir(program, sizeof(program), &err), 0);
	link = xasprintf("%s/cmp-layer", program);
	unlink(link);
	assert_int_equal(symlink("../../cmp-layer", link), 0);
	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptim-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	uv_loop_init(&w->loop);
	shell(w,
	      "mkdir -p state a/bin a/etc && echo hello > a/etc/motd && ln a/etc/motd a/bin/sh && "
	      "ln -s ../etc/motd a/bin/link && tar -C a -cf a.tar . && echo x > a/etc/x && "
	      "tar -C a -czf b.tar .");
	open_store(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	if (!w)
		return 0;
	image_store_free(w->s);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	shell(w, "rm -rf \"$PWD\"");
	free(w->removed);
	free(w);
	return 0;
}

static struct world *world_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void wait_done(struct world *w)
{
	while (!w->done)
		uv_run(&w->loop, UV_RUN_ONCE);
	w->done = false;
}

static void on_done(void *arg, const struct error *err)
{
	struct world *w = arg;

	w->done = true;
	w->code = err ? err->code : 0;
}

static void on_import(void *arg, const char *id, const struct error *err)
{
	struct world *w = arg;

	on_done(arg, err);
	if (id)
		str_copy(w->id, sizeof(w->id), id);
}

static void on_removed(void *arg, const json_t *removed, const struct error *err)
{
	struct world *w = arg;

	on_done(arg, err);
	free(w->removed);
	w->removed = removed ? json_text(removed) : NULL;
}

static void on_gc(void *arg, const json_t *removed UNUSED, int64_t freed, const struct error *err)
{
	struct world *w = arg;

	on_done(arg, err);
	w->freed = freed;
}

static void import(struct world *w, const char *file, const char *name)
{
	static const char *const changes[] = {"CMD [\"/bin/sh\"]", "ENV A=1 B=\"two words\"", NULL};
	char **list = NULL;
	struct image_import_args args = {.name = name, .done = on_import, .arg = w};
	auto_free char *path = xasprintf("%s/%s", w->dir, file);
	auto_buf struct buf data = BUF_INIT;
	struct error err = ERROR_INIT;
	struct image_import *im = NULL;

	for (size_t i = 0; changes[i]; i++)
		strv_push(&list, xstrdup(changes[i]));
	args.changes = list;
	assert_int_equal(file_read(AT_FDCWD, path, BUF_MAX_DEFAULT - 1, &data, &err), 0);
	if (image_import_start(w->s, &args, &im, &err) < 0)
		fail_msg("%s", err.msg);
	strv_free(list);
	image_import_write(im, data.data, data.len);
	image_import_eof(im);
	assert_false(w->done);
	wait_done(w);
}

static void remove_image(struct world *w, const char *ref, bool force)
{
	struct image_remove_args args = {.ref = ref, .force = force};

	image_remove(w->s, &args, on_removed, w);
	assert_false(w->done);
	wait_done(w);
}

static int resolves(struct world *w, const char *ref)
{
	struct error err = ERROR_INIT;
	struct image *im = NULL;
	int r = image_resolve(w->s, ref, &im, &err);

	if (r == 0)
		image_unref(im);
	return r;
}

static int count_files(const struct world *w)
{
	auto_free char *text = xasprintf("exit $(ls %s/state/images/blobs/sha256 "
					 "%s/state/images/layers %s/state/images/tmp | "
					 "grep -cE '^[0-9a-f]')",
					 w->dir, w->dir, w->dir);

	return WEXITSTATUS(system(text));
}

static void test_import_and_look_up(void **state)
{
	struct world *w = world_of(state);
	struct error err = ERROR_INIT;
	struct image *im = NULL;
	struct image **list;
	char prefix[32];

	import(w, "a.tar", "box");
	assert_int_equal(w->code, 0);
	assert_int_equal(image_resolve(w->s, "docker.io/library/box:latest", &im, &err), 0);
	assert_string_equal(im->id, w->id);
	assert_string_equal(im->tags[0], "box:latest");
	assert_string_equal(json_string_value(json_array_get(json_get_arr(im->config, "Env"), 1)),
			    "B=two words");
	assert_int_equal(strv_len(im->layers), 1);
	assert_true(im->size_bytes > 0);
	auto_free char *motd = xasprintf("%s/bin/link", im->layers[0]);
	assert_true(file_exists(AT_FDCWD, motd));
	json_decref(image_inspect(im));
	image_unref(im);
	snprintf(prefix, sizeof(prefix), "%.12s", w->id + 7);
	assert_int_equal(resolves(w, w->id), 0);
	assert_int_equal(resolves(w, w->id + 7), 0);
	assert_int_equal(resolves(w, prefix), 0);
	assert_int_equal(resolves(w, "nothing"), -ENOENT);
	assert_int_equal(resolves(w, "a b"), -EINVAL);
	list = image_list(w->s);
	assert_non_null(list[0]);
	assert_null(list[1]);
	free(list);
	assert_int_equal(count_files(w), 4);
	remove_image(w, "box", false);
	assert_int_equal(w->code, 0);
	assert_non_null(strstr(w->removed, "\"untagged\":\"box:latest\""));
	assert_int_equal(count_files(w), 0);
	assert_int_equal(resolves(w, "box"), -ENOENT);
}

static enum image_use in_use(void *arg, const char *id, char **by)
{
	struct world *w = arg;

	(void)id;
	*by = xstrdup("web");
	return w->use;
}

static void test_names_and_use(void **state)
{
	struct world *w = world_of(state);
	struct image_remove_args args = {.ref = "one", .in_use = in_use, .arg = w};

	import(w, "a.tar", "one");
	image_tag(w->s, "one", "two:v2", on_done, w);
	wait_done(w);
	assert_int_equal(w->code, 0);
	image_tag(w->s, "none", "three", on_done, w);
	wait_done(w);
	assert_int_equal(w->code, ENOENT);
	remove_image(w, w->id, false);
	assert_int_equal(w->code, EBUSY);
	remove_image(w, "two:v2", false);
	assert_int_equal(w->code, 0);
	assert_int_equal(resolves(w, "one"), 0);
	w->use = IMAGE_USE_STOPPED;
	image_remove(w->s, &args, on_removed, w);
	wait_done(w);
	assert_int_equal(w->code, EBUSY);
	args.force = true;
	w->use = IMAGE_USE_RUNNING;
	image_remove(w->s, &args, on_removed, w);
	wait_done(w);
	assert_int_equal(w->code, 0); /* the name went, the image stays */
	assert_int_equal(resolves(w, w->id), 0);
	args.ref = w->id;
	image_remove(w->s, &args, on_removed, w);
	wait_done(w);
	assert_int_equal(w->code, EBUSY);
	w->use = IMAGE_USE_STOPPED;
	image_remove(w->s, &args, on_removed, w);
	wait_done(w);
	assert_int_equal(w->code, 0);
	assert_int_equal(count_files(w), 0);
}

static void test_reference_keeps_files(void **state)
{
	struct world *w = world_of(state);
	struct error err = ERROR_INIT;
	struct image *im = NULL;

	import(w, "a.tar", "held");
	assert_int_equal(image_resolve(w->s, "held", &im, &err), 0);
	remove_image(w, "held", false);
	assert_int_equal(w->code, 0);
	assert_int_equal(count_files(w), 4);
	image_prune(w->s, &(struct image_prune_args){0}, on_gc, w);
	wait_done(w);
	assert_int_equal(count_files(w), 4);
	image_unref(im);
	image_prune(w->s, &(struct image_prune_args){0}, on_gc, w);
	wait_done(w);
	assert_true(w->freed > 0);
	assert_int_equal(count_files(w), 0);
}

static void test_reopen(void **state)
{
	struct world *w = world_of(state);

	import(w, "a.tar", "box:1");
	import(w, "b.tar", "box:2");
	image_store_free(w->s);
	shell(w, "mkdir state/images/tmp/half && touch state/images/blobs/sha256/x.tmp");
	open_store(w);
	assert_int_equal(resolves(w, "box:1"), 0);
	assert_int_equal(resolves(w, "box:2"), 0);
	assert_int_equal(count_files(w), 8);
	shell(w, "test -z \"$(ls state/images/tmp)\" && test ! -e state/images/blobs/sha256/x.tmp");
	shell(w, "test $(stat -c %a state/images.db) = 600");
	image_store_free(w->s);
	shell(w, "rm -r state/images/layers/*");
	open_store(w);
	assert_int_equal(resolves(w, "box:1"), -ENOENT);
}

static void test_failures(void **state)
{
	struct world *w = world_of(state);
	struct image_import_args args = {.name = "Upper", .done = on_import, .arg = w};
	struct error err = ERROR_INIT;
	struct image_import *im = NULL;

	assert_int_equal(image_import_start(w->s, &args, &im, &err), -EINVAL);
	shell(w, "head -c 100000 /dev/urandom > junk && head -c 3000 a.tar > cut");
	import(w, "junk", "junk");
	assert_int_equal(w->code, EBADMSG);
	import(w, "cut", "cut");
	assert_int_equal(w->code, EBADMSG);
	args.name = "later";
	assert_int_equal(image_import_start(w->s, &args, &im, &err), 0);
	assert_true(image_store_busy(w->s));
	image_import_cancel(im);
	wait_done(w);
	assert_int_equal(w->code, ECANCELED);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_false(image_store_busy(w->s));
	assert_int_equal(count_files(w), 0);
}

/* A supervisor that dies in the middle of an import leaves nothing after the next open. */
static void test_killed(void **state)
{
	struct world *w = world_of(state);
	pid_t pid;

	image_store_free(w->s);
	pid = fork();
	if (pid == 0) {
		struct image_import_args args = {.name = "k", .done = on_import, .arg = w};
		struct image_import *im = NULL;
		struct error err = ERROR_INIT;
		uv_loop_t loop;

		uv_loop_init(&loop);
		auto_free char *dir = xasprintf("%s/state", w->dir);
		if (image_store_open(dir, &loop, &w->s, &err) < 0 ||
		    image_import_start(w->s, &args, &im, &err) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	open_store(w);
	assert_int_equal(count_files(w), 0);
	assert_int_equal(resolves(w, "k"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_import_and_look_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_and_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reference_keeps_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reopen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
