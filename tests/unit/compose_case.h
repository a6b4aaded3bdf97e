/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compose files as test data: texts are written into a directory of their own, loaded, and compared
 * with a part of the model as JSON, or with the messages.
 */
#ifndef TESTS_UNIT_COMPOSE_CASE_H
#define TESTS_UNIT_COMPOSE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "compose/compose.h"

#define CASE_FILES 4

/* Texts of a.yaml, b.yaml … in order; all but those from `last` on are given with -f. */
struct compose_case {
	const char *files[CASE_FILES];
	size_t aside;			  /* so many of the files, the last ones, are only there */
	const char *path, *json;	  /* part of the model, "services.a", and its value */
	const char *messages[CASE_FILES]; /* or: each of these is said */
};

/* Returns what compose_load returned. */
static int case_load(const struct compose_case *t, char *dir, struct compose_project **ret)
{
	char *environment[] = {(char[]){"FROM=environment"}, (char[]){"HOME=/root"}, NULL};
	struct compose_options options = {
		.cwd = dir, .environment = environment, .project_name = "p", .all_resources = true};
	AUTO(strv_free) char **paths = NULL;
	struct error err = ERROR_INIT;
	size_t i;
	int r;

	for (i = 0; i < CASE_FILES && t->files[i]; i++)
		strv_pushf(&paths, "%s/%c.yaml", dir, (char)('a' + i));
	for (i = 0; i < strv_len(paths); i++) {
		r = file_write_atomic(AT_FDCWD, paths[i], t->files[i], strlen(t->files[i]), 0600,
				      &err);
		assert_int_equal(r, 0);
	}
	for (i = 0; i < t->aside; i++) {
		free(paths[strv_len(paths) - 1]);
		paths[strv_len(paths) - 1] = NULL;
	}
	options.files = paths;
	return compose_load(&options, ret, &err);
}

static void case_check(const struct compose_case *t)
{
	char dir[] = "/tmp/cmptcompose.XXXXXX";
	AUTO(compose_project_free) struct compose_project *p = NULL;
	auto_buf struct buf said = BUF_INIT;
	auto_json json_t *model = NULL, *expected = NULL;
	struct error err = ERROR_INIT;
	auto_free char *found = NULL;
	size_t i;
	int r;

	assert_non_null(mkdtemp(dir));
	r = case_load(t, dir, &p);
	diag_render(p->diags, false, &said);
	if (file_remove_tree(AT_FDCWD, dir, &err) < 0)
		fail_msg("%s", err.msg);
	if (r != (t->json ? 0 : -EINVAL))
		fail_msg("%d for\n%s\n%s", r, t->files[0], said.data ? said.data : "");
	for (i = 0; i < CASE_FILES && t->messages[i]; i++)
		if (!said.data || !strstr(said.data, t->messages[i]))
			fail_msg("\"%s\" is not in:\n%s", t->messages[i], said.data);
	if (!t->json)
		return;
	model = compose_model_json(p);
	found = json_dumps(json_get_path(model, t->path), JSON_ENCODE_ANY | JSON_COMPACT);
	expected = json_loads(t->json, JSON_DECODE_ANY, NULL);
	assert_non_null(expected);
	if (!json_equal(json_get_path(model, t->path), expected))
		fail_msg("%s of\n%s\nis %s\nnot %s", t->path, t->files[0], found, t->json);
}

#define CASES_CHECK(cases)                                                                         \
	do {                                                                                       \
		for (size_t case_at = 0; case_at < ARRAY_LEN(cases); case_at++)                    \
			case_check(&(cases)[case_at]);                                             \
	} while (0)

#endif
