/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/diag.c: order, places, what a terminal gets to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/diag.h"

static const struct compose_source source = {
	"/p/f.yaml", "f.yaml", "/p", "one: \"two words\"\n\tx: größe y\nred: \033[31m\n", 46};
static const struct compose_source other = {"/p/a.yaml", "a.yaml", "/p", "k: v", 4};

static void check(struct diag_list *l, const char *expected)
{
	auto_buf struct buf text = BUF_INIT;

	diag_render(l, false, &text);
	assert_string_equal(text.data ? text.data : "", expected);
}

static void renders(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);

	(void)state;
	check(l, "");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){&source, 1, 6}, "one", "is %s",
		 "bad");
	check(l, "f.yaml:1:6: error: one: is bad [E014]\n"
		 "   1 | one: \"two words\"\n"
		 "     |      ^~~~~~~~~~~\n");
	assert_int_equal(diag_errors(l), 1);
	assert_int_equal(diag_warnings(l), 0);
}

static void characters(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);

	(void)state;
	diag_add(l, DIAG_WARNING, DIAG_UNSET, (struct compose_mark){&source, 2, 11}, NULL, "here");
	diag_add(l, DIAG_WARNING, DIAG_UNSET, (struct compose_mark){&source, 3, 6}, NULL,
		 "a\033[2Jb\xc2\x9b"
		 "c\rd");
	check(l, "f.yaml:2:11: warning: here [W006]\n"
		 "   2 |  x: größe y\n"
		 "     |           ^\n"
		 "f.yaml:3:6: warning: a?[2Jb?c?d [W006]\n"
		 "   3 | red: ?[31m\n"
		 "     |      ^~~~~\n");
}

static void order(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	struct compose_mark nowhere = {NULL, 0, 0};

	(void)state;
	diag_add(l, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){&source, 3, 1}, NULL, "third");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){&other, 9, 1}, NULL, "second");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, nowhere, NULL, "first");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){&other, 9, 1}, NULL, "second");
	check(l, "error: first [E014]\n"
		 "a.yaml:9:1: error: second [E014]\n"
		 "f.yaml:3:1: error: third [E014]\n"
		 "   3 | red: ?[31m\n"
		 "     | ^~~\n");
}

static void as_json(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	auto_json json_t *all = NULL;
	auto_free char *text = NULL;

	(void)state;
	diag_add(l, DIAG_ERROR, DIAG_CYCLE, (struct compose_mark){&other, 1, 4}, NULL, "round");
	all = diag_json(l);
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text,
			    "[{\"code\":\"E018\",\"column\":4,\"file\":\"/p/a.yaml\",\"line\":1,"
			    "\"message\":\"round\",\"severity\":\"error\"}]");
}

static void many(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	auto_buf struct buf text = BUF_INIT;
	unsigned i;

	(void)state;
	for (i = 0; i < 5000; i++)
		diag_add(l, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){&other, i + 2, 1}, NULL,
			 "x");
	assert_int_equal(diag_errors(l), 5000);
	diag_render(l, false, &text);
	assert_non_null(strstr(text.data, "4900 more problems are not shown\n"));
}

static void explains(void **state)
{
	(void)state;
	assert_non_null(strstr(diag_explain("E012"), "spelling"));
	assert_non_null(diag_explain("w006"));
	assert_non_null(diag_explain("E022"));
	assert_null(diag_explain("E999"));
	assert_null(diag_explain("E12"));
	assert_null(diag_explain("nonsense"));
	assert_null(diag_explain(""));
	assert_null(diag_explain(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders), cmocka_unit_test(characters), cmocka_unit_test(order),
		cmocka_unit_test(as_json), cmocka_unit_test(many),	 cmocka_unit_test(explains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
