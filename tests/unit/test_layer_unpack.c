/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile archives for the real cmp-layer, with a canary outside of its root; needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"

#define MAX_BYTES "100000000"

struct item {
	char type; /* d directory, f file, l symbolic link, h hard link, c device; 0: end */
	const char *path, *data; /* content or target */
	mode_t mode;
	const char *xattr;
};

struct world {
	char dir[64];
	char program[4200];
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct error err = ERROR_INIT;
	char dir[4096];
	auto_free char *command = NULL;

	if (geteuid() != 0) {
		free(w);
		return 0;
	}
	assert_int_equal(file_program_dir(dir, sizeof(dir), &err), 0);
	snprintf(w->program, sizeof(w->program), "%s/../../cmp-layer", dir);
	str_copy(w->dir, sizeof(w->dir), "/tmp/cmptiml-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	command = xasprintf("cd %s && mkdir -m 755 root root-evil outside && echo safe > "
			    "outside/canary && chmod 600 outside/canary",
			    w->dir);
	assert_int_equal(system(command), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct error err = ERROR_INIT;
	struct world *w = *state;

	if (w)
		assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, &err), 0);
	free(w);
	return 0;
}

static struct world *world_of(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void add(struct archive *a, const struct item *it)
{
	struct archive_entry *e = archive_entry_new();
	size_t len = it->type == 'f' && it->data ? strlen(it->data) : 0;

	archive_entry_set_pathname(e, it->path);
	archive_entry_set_perm(e, it->mode ? it->mode : 0755);
	archive_entry_set_mtime(e, 1000000, 5);
	archive_entry_set_filetype(e, it->type == 'd'	? AE_IFDIR
				      : it->type == 'l' ? AE_IFLNK
				      : it->type == 'c' ? AE_IFCHR
							: AE_IFREG);
	archive_entry_set_size(e, (int64_t)len);
	if (it->type == 'l')
		archive_entry_set_symlink(e, it->data);
	if (it->type == 'h')
		archive_entry_set_hardlink(e, it->data);
	if (it->type == 'c') {
		archive_entry_set_rdevmajor(e, 1);
		archive_entry_set_rdevminor(e, 3);
	}
	if (it->xattr)
		archive_entry_xattr_add_entry(e, it->xattr, "v", 1);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	if (len)
		archive_write_data(a, it->data, len);
	archive_entry_free(e);
}

/* Unpacks t.tar; returns the exit status of cmp-layer and checks the canary. */
static int run(struct world *w, const char *options)
{
	auto_free char *command = NULL, *check = NULL;
	int status;

	command = xasprintf("cd %s && rm -rf root blob && mkdir root && "
			    "exec %s %s root blob " MAX_BYTES " < t.tar > out 2> log",
			    w->dir, w->program, options);
	status = system(command);
	assert_true(WIFEXITED(status));
	check = xasprintf("cd %s/outside && test \"$(cat canary)\" = safe && "
			  "test \"$(stat -c '%%a %%h' canary)\" = '600 1' && "
			  "test \"$(ls)\" = canary && test -z \"$(ls ../root-evil)\"",
			  w->dir);
	assert_int_equal(system(check), 0);
	return WEXITSTATUS(status);
}

static int unpack(struct world *w, const char *options, const struct item *items)
{
	auto_free char *tar = xasprintf("%s/t.tar", w->dir);
	struct archive *a = archive_write_new();

	archive_write_set_format_pax(a);
	assert_int_equal(archive_write_open_filename(a, tar), ARCHIVE_OK);
	for (; items->type; items++)
		add(a, items);
	archive_write_free(a);
	return run(w, options);
}

static struct stat look(const struct world *w, const char *path)
{
	auto_free char *full = xasprintf("%s/root/%s", w->dir, path);
	struct stat st = {0};

	lstat(full, &st);
	return st;
}

static void test_refused(void **state)
{
	static const struct item rows[][4] = {
		{{'f', "../outside/canary", "bad", 0, NULL}},
		{{'f', "a/../../outside/canary", "bad", 0, NULL}},
		{{'h', "x", "../outside/canary", 0, NULL}},
		{{'l', "a", "../outside", 0, NULL}, {'h', "x", "a/canary", 0, NULL}},
		{{'f', ".wh.", "", 0, NULL}},
		{{'f', ".wh...", "", 0, NULL}},
		{{'f', "d/.wh..", "", 0, NULL}},
		{{'f', "./", "root", 0, NULL}},
		{{'f', "file", "x", 0, NULL}, {'f', "file/below", "x", 0, NULL}},
	};
	struct world *w = world_of(state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (unpack(w, "", rows[i]) != 1)
			fail_msg("row %zu, %s: was not refused", i, rows[i][0].path);
}

/* Headers that claim more than follows. */
static void test_lying_sizes(void **state)
{
	static const unsigned char claims[][12] = {
		"77777777777",			      /* 8 GiB, more than the limit */
		"00000001000",			      /* less than the limit, but cut short */
		{0x80, 0, 0, 0, 0x10},		      /* 2^60 in base 256 */
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* negative */
	};
	struct world *w = world_of(state);
	auto_free char *tar = xasprintf("%s/t.tar", w->dir);

	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		unsigned char block[512] = "file";
		unsigned sum = 8 * ' ';
		struct error err = ERROR_INIT;

		memcpy(block + 100, "0000644\0000000000\0000000000", 23);
		memcpy(block + 124, claims[i], sizeof(claims[i]));
		memcpy(block + 136, "00000000000", 11);
		block[156] = '0';
		memcpy(block + 257, "ustar\00000", 8);
		for (size_t at = 0; at < sizeof(block); at++)
			sum += block[at];
		snprintf((char *)block + 148, 8, "%06o", sum);
		block[155] = ' ';
		assert_int_equal(file_write_atomic(AT_FDCWD, tar, block, sizeof(block), 0600, &err),
				 0);
		if (run(w, "") != 1)
			fail_msg("claim %zu was believed", i);
	}
}

static void test_confined(void **state)
{
	static const struct item items[] = {
		{'l', "out", "../outside", 0, NULL},
		{'f', "out/canary2", "x", 0, NULL}, /* through the link: below the root */
		{0},
	};
	struct world *w = world_of(state);
	const struct item absolute[] = {
		{'d', "/outside", NULL, 0700, NULL},
		{'l', "abs", "/outside", 0, NULL},
		{'f', "abs/canary", "mine", 0777, NULL},
		{'f', "//etc//passwd", "mine", 0, NULL},
		{0},
	};

	/* A dangling link as parent is an error, never an escape. */
	assert_int_equal(unpack(w, "", items), 1);
	assert_int_equal(unpack(w, "", absolute), 0);
	assert_int_equal(look(w, "outside/canary").st_size, 4);
	assert_true(S_ISREG(look(w, "etc/passwd").st_mode));
}

static void test_replacing(void **state)
{
	static const struct item items[] = {
		{'f', "a", "one", 0, NULL},	  {'l', "a", "/outside/canary", 0, NULL},
		{'f', "a", "three", 04755, NULL}, /* replaces the link, does not follow */
		{'d', "d", NULL, 0700, NULL},	  {'f', "d/x", "x", 0, NULL},
		{'d', "d", NULL, 0555, NULL}, /* merges */
		{'f', "e", "x", 0, NULL},	  {'d', "e", NULL, 0, NULL},
		{'d', "g/h", NULL, 0, NULL},	  {'f', "g", "file", 0, NULL},
		{'f', "one", "x", 0, NULL},	  {'h', "two", "/one", 0, NULL},
		{'h', "one", "one", 0, NULL},	  {0},
	};
	struct world *w = world_of(state);

	assert_int_equal(unpack(w, "", items), 0);
	assert_int_equal(look(w, "a").st_mode, S_IFREG | 04755);
	assert_int_equal(look(w, "a").st_size, 5);
	assert_int_equal(look(w, "a").st_mtim.tv_nsec, 5);
	assert_int_equal(look(w, "d").st_mode, S_IFDIR | 0555);
	assert_int_equal(look(w, "d").st_mtim.tv_sec, 1000000);
	assert_int_equal(look(w, "d/x").st_size, 1);
	assert_true(S_ISDIR(look(w, "e").st_mode));
	assert_true(S_ISREG(look(w, "g").st_mode));
	assert_int_equal(look(w, "two").st_nlink, 2);
}

static ssize_t xattr_of(const struct world *w, const char *path, const char *name)
{
	auto_free char *full = xasprintf("%s/root/%s", w->dir, path);
	char value[16];

	return lgetxattr(full, name, value, sizeof(value));
}

static void test_devices_and_attributes(void **state)
{
	static const struct item items[] = {
		{'c', "null", NULL, 0666, NULL},
		{'f', "kept", "x", 0, "user.kept"},
		{'f', "trusted", "x", 0, "trusted.overlay.redirect"},
		{'f', "overlay", "x", 0, "user.overlay.opaque"},
		{0},
	};
	struct world *w = world_of(state);

	assert_int_equal(unpack(w, "", items), 0);
	assert_true(S_ISCHR(look(w, "null").st_mode));
	assert_int_equal(look(w, "null").st_rdev, 0x103);
	if (xattr_of(w, "kept", "user.kept") < 0)
		assert_int_equal(errno, ENOTSUP); /* tmpfs of old kernels */
	assert_true(xattr_of(w, "trusted", "trusted.overlay.redirect") < 0);
	assert_true(xattr_of(w, "overlay", "user.overlay.opaque") < 0);
}

static void test_whiteouts(void **state)
{
	static const struct item items[] = {
		{'f', "d/.wh.gone", "", 0, NULL},
		{'f', "o/.wh..wh..opq", "", 0, NULL},
		{'f', ".wh..wh.plnk", "", 0, NULL},
		{'f', ".wh.new", "", 0, NULL}, /* hides below, then something new is there */
		{'d', "new", NULL, 0, NULL},
		{'f', "here", "x", 0, NULL},
		{'f', ".wh.here", "", 0, NULL}, /* speaks of below only */
		{0},
	};
	struct world *w = world_of(state);
	struct stat st;

	assert_int_equal(unpack(w, "--overlay", items), 0);
	st = look(w, "d/gone");
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	assert_int_equal(xattr_of(w, "o", "trusted.overlay.opaque"), 1);
	assert_int_equal(xattr_of(w, "new", "trusted.overlay.opaque"), 1);
	assert_true(S_ISREG(look(w, "here").st_mode));
	assert_int_equal(look(w, ".wh..wh.plnk").st_mode, 0);
	/* Without a layer below there is nothing to hide. */
	assert_int_equal(unpack(w, "", items), 0);
	assert_int_equal(look(w, "d/gone").st_mode, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lying_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_confined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replacing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_devices_and_attributes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whiteouts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
