/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/files.c and load.c: which files, which directory, which variables, which name. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "compose/compose.h"

#define LIST_MAX 6

/*
 * "PATH=TEXT" files are made in a directory, and a project loaded there.  In texts and expectations
 * "@" stands for that directory.
 */
struct load_case {
	const char *files[LIST_MAX];
	const char *cwd; /* below the directory, or NULL */
	const char *named[LIST_MAX], *env_files[LIST_MAX], *environment[LIST_MAX];
	const char *project_directory, *project_name;
	int status;
	const char *name, *working_dir, *image, *loaded; /* files, joined by ":" */
	const char *said;
};

#define A(image) "services: {a: {image: \"" image "\"}}\n"

static char *with_dir(const char *text, const char *dir)
{
	auto_buf struct buf out = BUF_INIT;

	for (; *text; text++)
		if (*text == '@')
			buf_adds(&out, dir);
		else
			buf_addc(&out, *text);
	return buf_steal(&out);
}

static char **list(const char *const *from, const char *dir)
{
	char **out = NULL;

	for (; *from; from++)
		strv_push(&out, with_dir(*from, dir));
	return out;
}

static void make_file(const char *dir, const char *file)
{
	const char *equals = strchr(file, '=');
	auto_free char *path = xasprintf("%s/%.*s", dir, (int)(equals - file), file);
	auto_free char *text = with_dir(equals + 1, dir), *parent = xstrdup(path);
	struct error err = ERROR_INIT;

	*strrchr(parent, '/') = '\0';
	if (file_mkdir_p(parent, 0700, &err) < 0 ||
	    file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, &err) < 0)
		fail_msg("%s", err.msg);
}

static void same(const char *what, const char *found, const char *expected, const char *dir)
{
	auto_free char *text = expected ? with_dir(expected, dir) : NULL;

	if (text && !str_eq(found, text))
		fail_msg("%s is %s, not %s", what, found ? found : "nothing", text);
}

static void compare(const struct load_case *t, const struct compose_project *p, const char *dir)
{
	auto_free char *loaded = strv_join(p->files, ":");
	auto_json json_t *model = p->model ? compose_model_json(p) : NULL;

	same("the name", p->name, t->name, dir);
	same("the directory", p->working_dir, t->working_dir, dir);
	same("the list of files", loaded, t->loaded, dir);
	same("the image", json_get_str(json_get_path(model, "services.a"), "image"), t->image, dir);
}

static void run(const struct load_case *t)
{
	char dir[] = "/tmp/cmptload.XXXXXX";
	auto_free char *cwd = NULL, *directory = NULL, *said = NULL;
	AUTO(strv_free) char **named = NULL, **env_files = NULL, **environment = NULL;
	AUTO(compose_project_free) struct compose_project *p = NULL;
	struct compose_options options = {.project_name = t->project_name};
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	size_t i;
	int r;

	assert_non_null(mkdtemp(dir));
	for (i = 0; i < LIST_MAX && t->files[i]; i++)
		make_file(dir, t->files[i]);
	cwd = xasprintf("%s%s%s", dir, t->cwd ? "/" : "", t->cwd ? t->cwd : "");
	options.cwd = cwd;
	options.files = named = list(t->named, dir);
	options.env_files = env_files = list(t->env_files, dir);
	options.environment = environment = list(t->environment, dir);
	options.project_directory = directory =
		t->project_directory ? with_dir(t->project_directory, dir) : NULL;
	r = compose_load(&options, &p, &err);
	diag_render(p->diags, false, &text);
	(void)!file_remove_tree(AT_FDCWD, dir, &ignored);
	if (r != t->status)
		fail_msg("%d: %s\n%s", r, err.msg, text.data ? text.data : "");
	said = xasprintf("%s%s", text.data ? text.data : "", err.msg);
	if (t->said && !strstr(said, t->said))
		fail_msg("\"%s\" is not in:\n%s", t->said, said);
	compare(t, p, dir);
}

#define RUN(cases)                                                                                 \
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)                                           \
	run(&(cases)[at])

static void discovery(void **state)
{
	static const struct load_case cases[] = {
		{.files = {"Pro.Ject/compose.yaml=" A("x")},
		 .cwd = "Pro.Ject",
		 .name = "project",
		 .working_dir = "@/Pro.Ject",
		 .loaded = "@/Pro.Ject/compose.yaml",
		 .image = "x"},
		{.files = {"p/docker-compose.yml=" A("x"), "p/a/b/c/keep="},
		 .cwd = "p/a/b/c",
		 .name = "p",
		 .working_dir = "@/p",
		 .image = "x"},
		{.files = {"p/compose.yml=" A("x"), "p/docker-compose.yaml=" A("y"),
			   "p/compose.override.yaml=" A("z")},
		 .cwd = "p",
		 .image = "z",
		 .loaded = "@/p/compose.yml:@/p/compose.override.yaml",
		 .said = "docker-compose.yaml is ignored"},
		{.files = {"p/compose.yaml=" A("x"), "p/compose.override.yaml=" A("z")},
		 .cwd = "p",
		 .named = {"compose.yaml"},
		 .image = "x",
		 .loaded = "@/p/compose.yaml"},
		{.files = {"q/keep="},
		 .cwd = "q",
		 .status = -ENOENT,
		 .said = "no compose file found in "},
		{.files = {"p/compose.yaml=" A("x"), "q/keep="},
		 .cwd = "q",
		 .project_directory = "../p",
		 .working_dir = "@/p",
		 .name = "p",
		 .image = "x"},
		{.files = {"p/sub/one.yaml=" A("x"), "p/two.yaml=" A("y")},
		 .cwd = "p",
		 .named = {"sub/one.yaml", "two.yaml"},
		 .working_dir = "@/p/sub",
		 .name = "sub",
		 .image = "y"},
		{.files = {"p/sub/one.yaml=" A("x")},
		 .cwd = "p",
		 .named = {"sub/one.yaml"},
		 .project_directory = ".",
		 .working_dir = "@/p",
		 .name = "p"},
	};

	(void)state;
	RUN(cases);
}

static void variables(void **state)
{
	static const struct load_case cases[] = {
		{.files = {"p/one.yaml=" A("x"), "p/two.yaml=" A("y")},
		 .cwd = "p",
		 .environment = {"COMPOSE_FILE=one.yaml:two.yaml"},
		 .image = "y",
		 .loaded = "@/p/one.yaml:@/p/two.yaml"},
		{.files = {"p/one.yaml=" A("x"), "p/two.yaml=" A("y")},
		 .cwd = "p",
		 .environment = {"COMPOSE_FILE=two.yaml,@/p/one.yaml", "COMPOSE_PATH_SEPARATOR=,"},
		 .image = "x"},
		{.files = {"p/.env=COMPOSE_FILE=sub/one.yaml\nV=outer\n",
			   "p/sub/one.yaml=" A("${V}-${W}"), "p/sub/.env=V=inner\nW=inner\n"},
		 .cwd = "p",
		 .working_dir = "@/p/sub",
		 .image = "outer-inner"},
		{.files = {"p/d/.env=COMPOSE_FILE=d/one.yaml\nV=project\n",
			   "p/d/one.yaml=" A("${V}"), "p/.env=V=current\n"},
		 .cwd = "p",
		 .project_directory = "d",
		 .image = "project"},
		{.files = {"p/.env=V=current\n", "p/d/one.yaml=" A("${V:-none}")},
		 .cwd = "p",
		 .named = {"d/one.yaml"},
		 .image = "none"},
		{.files = {"p/compose.yaml=" A("${A}${B}${C}"), "p/.env=A=no\n",
			   "p/1.env=A=1\nB=1\n", "p/2.env=B=2$A\nC=2\n"},
		 .cwd = "p",
		 .env_files = {"1.env", "2.env"},
		 .environment = {"C=process"},
		 .image = "121process"},
		{.files = {"p/compose.yaml=" A("${A}"), "p/1.env=A=1\n"},
		 .cwd = "p",
		 .environment = {"COMPOSE_ENV_FILES=1.env"},
		 .image = "1"},
		{.files = {"p/compose.yaml=" A("${A:-none}"), "p/.env=A=1\n"},
		 .cwd = "p",
		 .environment = {"COMPOSE_DISABLE_ENV_FILE=true"},
		 .image = "none"},
		{.files = {"p/compose.yaml=" A("x")},
		 .cwd = "p",
		 .env_files = {"missing.env"},
		 .status = -EINVAL,
		 .said = "missing.env: No such file or directory"},
		{.files = {"p/compose.yaml=" A("${PWD}")}, .cwd = "p", .image = "@/p"},
	};

	(void)state;
	RUN(cases);
}

static void names(void **state)
{
	static const struct load_case cases[] = {
		{.files = {"p/compose.yaml=name: From ${V}_File.\n" A("${COMPOSE_PROJECT_NAME}")},
		 .cwd = "p",
		 .environment = {"V=the"},
		 .name = "fromthe_file",
		 .image = "fromthe_file"},
		{.files = {"p/compose.yaml=name: one\n" A("x"),
			   "p/compose.override.yaml=name: two\nservices: {}\n"},
		 .cwd = "p",
		 .name = "two"},
		{.files = {"p/compose.yaml=name: one\n" A("x"),
			   "p/.env=COMPOSE_PROJECT_NAME=three\n"},
		 .cwd = "p",
		 .name = "three"},
		{.files = {"p/compose.yaml=name: one\n" A("x")},
		 .cwd = "p",
		 .environment = {"COMPOSE_PROJECT_NAME=three"},
		 .project_name = "four",
		 .name = "four"},
		{.files = {"p/compose.yaml=" A("x")},
		 .cwd = "p",
		 .project_name = "Four",
		 .status = -EINVAL,
		 .said = "invalid project name \"Four\""},
		{.files = {"__-P.1/compose.yaml=" A("x")}, .cwd = "__-P.1", .name = "p1"},
		{.files = {"---/compose.yaml=" A("x")},
		 .cwd = "---",
		 .status = -EINVAL,
		 .said = "project name"},
	};

	(void)state;
	RUN(cases);
}

static void damage(void **state)
{
	static const struct load_case cases[] = {
		{.files = {"p/compose.yaml=services: {a: {image: x, networks: [n]}}\n"},
		 .cwd = "p",
		 .named = {"compose.yaml", "missing.yaml"},
		 .status = -EINVAL,
		 .said = "1 error"}, /* n may be defined by the missing file */
		{.files = {"p/compose.yaml=" A("x"), "p/d/keep="},
		 .cwd = "p",
		 .named = {"d"},
		 .status = -EINVAL,
		 .said = "Is a directory"},
		{.files = {"p/compose.yaml=# empty\n"},
		 .cwd = "p",
		 .status = -EINVAL,
		 .said = "is empty"},
		{.files = {"p/compose.yaml=" A("x"), "p/.env=A B=1\n"},
		 .cwd = "p",
		 .status = -EINVAL,
		 .said = ".env:1:2: error"},
		{.files = {"p/compose.yaml=include: [b.yaml]\n" A("x"),
			   "p/b.yaml=include: [c.yaml]\n", "p/c.yaml=include: [compose.yaml]\n"},
		 .cwd = "p",
		 .status = -EINVAL,
		 .said = "c.yaml:1:11: error: include"},
	};

	(void)state;
	RUN(cases);
}

/* A pipe that nobody writes to is empty at once. */
static void pipes(void **state)
{
	char dir[] = "/tmp/cmptload.XXXXXX", *path = NULL;
	AUTO(compose_project_free) struct compose_project *p = NULL;
	struct compose_options options = {.cwd = dir};
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	char *files[2] = {NULL, NULL};

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/f", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	files[0] = path;
	options.files = files;
	assert_int_equal(compose_load(&options, &p, &err), -EINVAL);
	(void)!file_remove_tree(AT_FDCWD, dir, &ignored);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discovery), cmocka_unit_test(variables), cmocka_unit_test(names),
		cmocka_unit_test(damage),    cmocka_unit_test(pipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
