/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are made to hurt, or are no files: each is refused with a sentence, at once, in
 * bounded memory.  What fits into a few lines is in tests/golden/compose-errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/time.h"
#include "compose/compose.h"
#include "compose/schema.h"

#define QUICK_MS 1000  /* milliseconds in fact; sanitizers and busy machines have their share */
#define SLOW_MS	 30000 /* what fills memory first */
#define BIG	 ((size_t)100 << 20)

static char dir[] = "/tmp/cmptlimits.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && chmod(dir, 0755) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	return file_remove_tree(AT_FDCWD, dir, &err);
}

static char *path_of(const char *name)
{
	return name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
}

static void put(const char *name, const char *text, size_t len)
{
	auto_free char *path = path_of(name);
	struct error err = ERROR_INIT;

	if (file_write_atomic(AT_FDCWD, path, text, len, 0644, &err) < 0)
		fail_msg("%s", err.msg);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

/* The file is refused in time and says so in these words. */
static void refused(const char *name, char *variable, int within_ms, const char *words)
{
	auto_free char *path = path_of(name);
	char *files[] = {path, NULL}, *environment[] = {variable, NULL};
	struct compose_options options = {
		.files = files, .cwd = dir, .project_name = "p", .environment = environment};
	AUTO(compose_project_free) struct compose_project *p = NULL;
	auto_buf struct buf said = BUF_INIT;
	struct error err = ERROR_INIT;
	int64_t begun = time_boot_ns();

	assert_int_equal(compose_load(&options, &p, &err), -EINVAL);
	if (time_boot_ns() - begun > within_ms * NS_PER_MS)
		fail_msg("%s: it took %lld ms", name,
			 (long long)((time_boot_ns() - begun) / NS_PER_MS));
	diag_render(p->diags, false, &said);
	if (!said.data || !strstr(said.data, words))
		fail_msg("%s: \"%s\" is not in:\n%s", name, words, said.data ? said.data : err.msg);
	/* What multiplies is asked one step before; a step is at most a range of ports. */
	if (arena_used_bytes(p->arena) > 2 * COMPOSE_BYTES_MAX)
		fail_msg("%s: %zu MiB", name, arena_used_bytes(p->arena) >> 20);
}

static void refused_text(const char *text, size_t len, const char *words)
{
	put("text.yaml", text, len);
	refused("text.yaml", NULL, QUICK_MS, words);
}

/* libyaml alone takes minutes for the first of these. */
static void nesting(void **state)
{
	static const char *const units[] = {"[", "{", "- ", "? ", "[a, ", "{a: "};
	auto_buf struct buf text = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(units); i++) {
		buf_reset(&text);
		while (text.len < 200000)
			buf_adds(&text, units[i]);
		refused_text(text.data, text.len, "error: more than 100 levels of nesting [E003]");
	}
	buf_reset(&text);
	for (i = 0; i < 2000; i++)
		buf_addf(&text, "%*sa:\n", (int)i, "");
	refused_text(text.data, text.len, "error: more than 100 levels of nesting [E003]");
}

static void laughs(void **state)
{
	static const char *const forms[][2] = {{"[", "]"}, {"{", "}"}, {"[", "]"}};
	auto_buf struct buf text = BUF_INIT;
	size_t i, k, form;

	(void)state;
	for (form = 0; form < ARRAY_LEN(forms); form++) {
		buf_reset(&text);
		buf_adds(&text, "x-0: &a0 [lol]\n");
		for (i = 1; i < 20; i++) {
			buf_addf(&text, "x-%zu: &a%zu %s", i, i, forms[form][0]);
			for (k = 0; k < 9; k++) {
				buf_adds(&text, k ? ", " : "");
				if (form == 1)
					buf_addf(&text, "k%zu: *a%zu", k, i - 1);
				else
					buf_addf(&text, form ? "[*a%zu]" : "*a%zu", i - 1);
			}
			buf_addf(&text, "%s\n", forms[form][1]);
		}
		refused_text(text.data, text.len,
			     "error: more than 200000 values, with aliases expanded [E003]");
	}
}

/* What is short in the files and long in the model. */
static void growth(void **state)
{
	size_t i, len = (size_t)1 << 20;
	auto_free char *variable = xmalloc(len);
	auto_buf struct buf text = BUF_INIT;

	(void)state;
	memset(variable, 'x', len);
	memcpy(variable, "BIG=", 4);
	variable[len - 1] = '\0';
	buf_adds(&text, "services:\n  a:\n    image: x\n    labels:\n");
	for (i = 0; i < 5000; i++)
		buf_addf(&text, "      l%zu: $BIG\n", i);
	put("grow.yaml", text.data, text.len);
	refused("grow.yaml", variable, SLOW_MS,
		"error: the project takes more than 512 MiB of memory [E003]");

	buf_reset(&text);
	for (i = 0; i < 5000; i++)
		buf_addf(&text, "V%zu=$BIG\n", i);
	put("grow.env", text.data, text.len);
	put_text("env.yaml", "services: {a: {image: x, env_file: grow.env}}");
	refused("env.yaml", variable, SLOW_MS, "grow.env:");

	buf_reset(&text);
	buf_adds(&text, "services:\n");
	for (i = 0; i < 1000; i++)
		buf_addf(&text, "  s%zu: {image: x, ports: [\"1-65535:1-65535\"]}\n", i);
	put("ports.yaml", text.data, text.len);
	refused("ports.yaml", NULL, SLOW_MS,
		"error: the project takes more than 512 MiB of memory [E003]");
}

static void no_files(void **state)
{
	auto_free char *folder = path_of("folder"), *pipe = path_of("pipe"),
		       *big = path_of("big.yaml");
	int fd = open(big, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0 && ftruncate(fd, (off_t)BIG) == 0);
	close(fd);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	refused("folder", NULL, QUICK_MS, "folder: Is a directory [E002]");
	refused("pipe", NULL, QUICK_MS, "pipe: it is a pipe that nobody writes to [E002]");
	refused("big.yaml", NULL, QUICK_MS, "the file is larger than 16777216 bytes [E003]");
	refused("/dev/zero", NULL, QUICK_MS, "the file is larger than 16777216 bytes [E003]");
	refused("/dev/null", NULL, QUICK_MS, "is empty: it needs \"services:\" [E022]");
	put_text("a.yaml", "services: {a: {image: x, env_file: [folder, pipe, big.yaml]}}");
	refused("a.yaml", NULL, QUICK_MS, "folder: Is a directory [E002]");
	refused("a.yaml", NULL, QUICK_MS, "pipe: it is a pipe that nobody writes to [E002]");
	refused("a.yaml", NULL, QUICK_MS, "the file is larger than 16777216 bytes [E003]");
	put_text("b.yaml", "include: [folder]\nservices: {a: {extends: {file: pipe, service: a}}}");
	refused("b.yaml", NULL, QUICK_MS, "b.yaml:1:11: error: cannot read");
	refused("b.yaml", NULL, QUICK_MS, "b.yaml:2:32: error: cannot read");
}

static void unreadable(void **state)
{
	auto_free char *path = path_of("secret.env");

	(void)state;
	if (geteuid() != 0)
		skip();
	put("secret.env", "A=1\n", 4);
	put_text("c.yaml", "services: {a: {image: x, env_file: secret.env}}");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(seteuid(65534), 0);
	refused("c.yaml", NULL, QUICK_MS, "c.yaml:1:36: error: cannot read /tmp/cmptlimits.");
	refused("c.yaml", NULL, QUICK_MS, "/secret.env: Permission denied [E002]");
	assert_int_equal(seteuid(0), 0);
}

/* Files that include each other twice would be read 2^n times. */
static void many_files(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i <= 20; i++) {
		auto_free char *name = xasprintf("i%zu.yaml", i);
		auto_free char *text = xasprintf(
			"include: [i%zu.yaml, {path: [i%zu.yaml]}]\nservices: {}\n", i + 1, i + 1);

		put(name, i < 20 ? text : "services: {}\n", i < 20 ? strlen(text) : 13);
	}
	refused("i0.yaml", NULL, SLOW_MS, "error: more than 4000 files are read [E003]");
	for (i = 0; i <= 60; i++) {
		auto_free char *name = xasprintf("d%zu.yaml", i);
		auto_free char *text = xasprintf("include: [d%zu.yaml]\n", i + 1);

		put(name, text, strlen(text));
	}
	refused("d0.yaml", NULL, QUICK_MS,
		"error: include[0]: more than 50 levels of include [E003]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting),    cmocka_unit_test(laughs),
		cmocka_unit_test(growth),     cmocka_unit_test(no_files),
		cmocka_unit_test(unreadable), cmocka_unit_test(many_files),
	};

	return cmocka_run_group_tests_name("compose_limits", tests, make_dir, remove_dir);
}
