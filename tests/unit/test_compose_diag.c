/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/diag.c, span.c, explain.c: order, places, what terminals and editors get to see. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "compose/lint.h"

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
			    "[{\"code\":\"E018\",\"column\":4,\"end_column\":5,\"end_line\":1,"
			    "\"file\":\"/p/a.yaml\",\"line\":1,"
			    "\"message\":\"round\",\"severity\":\"error\"}]");
}

/* What is said about a problem besides it: how to mend it, other places. */
static void more_about(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	struct compose_mark mark = {&other, 1, 1}, nowhere = {NULL, 0, 0};
	auto_json json_t *all = NULL;
	auto_free char *text = NULL;

	(void)state;
	diag_hint(l, "nothing to give a hint on");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, mark, NULL, "bad");
	diag_hint(l, "write \"%s\"", "good");
	diag_note(l, (struct compose_mark){&other, 1, 4}, "see here");
	diag_note(l, nowhere, "not shown");
	diag_add(l, DIAG_ERROR, DIAG_VALUE, nowhere, "x", "bad");
	diag_mean(l, NULL);
	diag_mean(l, "bat");
	check(l, "error: x: bad (did you mean \"bat\"?) [E014]\n"
		 "a.yaml:1:1: error: bad: write \"good\" [E014]\n"
		 "   1 | k: v\n"
		 "     | ^\n"
		 "a.yaml:1:4: note: see here\n"
		 "   1 | k: v\n"
		 "     |    ^\n");
	all = diag_json(l);
	text = json_dumps(json_array_get(all, 0), JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"code\":\"E014\",\"hint\":\"did you mean \\\"bat\\\"?\","
				  "\"message\":\"x: bad\",\"replacement\":\"bat\","
				  "\"severity\":\"error\"}");
	assert_string_equal(json_get_str(json_array_get(all, 1), "hint"), "write \"good\"");
	assert_int_equal(json_array_size(json_get_arr(json_array_get(all, 1), "notes")), 1);
}

/* Warnings that are errors keep their code; findings are none. */
static void strict(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	struct compose_mark nowhere = {NULL, 0, 0};

	(void)state;
	diag_strict(l);
	diag_add(l, DIAG_WARNING, DIAG_OBSOLETE, nowhere, NULL, "old");
	diag_finding(l, "L001", nowhere, "services.web", "no good");
	check(l, "error: old [W019]\nwarning: services.web: no good [L001]\n");
	assert_int_equal(diag_errors(l), 1);
	assert_int_equal(diag_warnings(l), 1);
}

static void drops(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct diag_list *l = diag_list_new(a);
	struct compose_mark nowhere = {NULL, 0, 0};

	(void)state;
	diag_add(l, DIAG_ERROR, DIAG_UNSET, nowhere, NULL, "an error");
	diag_add(l, DIAG_WARNING, DIAG_UNSET, nowhere, NULL, "one");
	diag_add(l, DIAG_WARNING, DIAG_OBSOLETE, nowhere, NULL, "two");
	diag_add(l, DIAG_WARNING, DIAG_UNSET, nowhere, NULL, "three");
	diag_drop(l, "W006");
	diag_hint(l, "the last one may be gone");
	check(l, "error: an error [E006]\nwarning: two [W019]\n");
	assert_int_equal(diag_warnings(l), 1);
}

/* How much of "LINE" is what is written at a column. */
static void spans(void **state)
{
	static const struct {
		const char *line;
		unsigned column, end_line, end_column;
	} cases[] = {
		{"a: plain # comment", 4, 1, 9},
		{"a: two words", 4, 1, 13},
		{"a: b:c", 4, 1, 7},
		{"key: v", 1, 1, 4},
		{"key with blank: v", 1, 1, 15},
		{"a: [x, yy]", 5, 1, 6},
		{"a: [x, yy]", 8, 1, 10},
		{"a: {b: c}", 8, 1, 9},
		{"a: {b: c} # d", 4, 1, 10},
		{"a: [x, [y, \"]\"], z]", 4, 1, 20},
		{"a: [open", 4, 1, 9},
		{"a: \"x \\\" y\" z", 4, 1, 12},
		{"a: 'it''s' z", 4, 1, 11},
		{"a: \"over\n  lines\"", 4, 2, 9},
		{"a: \"never closed", 4, 1, 5},
		{"a: x${B:-{}}y", 5, 1, 13},
		{"a: x$BCD-e", 5, 1, 9},
		{"a: $", 4, 1, 5},
		{"a: *alias", 4, 1, 10},
		{"- x", 1, 1, 2},
		{"a: größe, x", 4, 1, 12},
		{"a: b", 5, 1, 5},
		{"a: b", 9, 1, 9},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct compose_source s = {"/f", "f", "/", cases[i].line, strlen(cases[i].line)};
		struct compose_mark end =
			diag_span_end((struct compose_mark){&s, 1, cases[i].column});

		if (end.line != cases[i].end_line || end.column != cases[i].end_column)
			fail_msg("%s at %u ends at %u:%u", cases[i].line, cases[i].column, end.line,
				 end.column);
	}
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
	assert_non_null(strstr(diag_explain("E012")->text, "spelling"));
	assert_string_equal(diag_explain("w006")->code, "W006");
	assert_ptr_equal(diag_explain("W014"), diag_explain("E014"));
	assert_non_null(diag_explain("E022"));
	assert_null(diag_explain("E999"));
	assert_null(diag_explain("E12"));
	assert_null(diag_explain("L001"));
	assert_null(diag_explain("nonsense"));
	assert_null(diag_explain(""));
	assert_null(diag_explain(NULL));
	assert_string_equal(lint_explain("l001")->code, "L001");
	assert_null(lint_explain("E001"));
	assert_null(lint_explain("L999"));
	assert_null(lint_explain(NULL));
}

/* Adds "L001" to the codes; fails when it is there already or out of order. */
static void one_code(const struct diag_explanation *about, unsigned *last)
{
	uint32_t number = 0;

	assert_int_equal(strlen(about->code), 4);
	assert_int_equal(parse_u32(about->code + 1 + strspn(about->code + 1, "0"), &number), 0);
	if (number <= *last)
		fail_msg("%s is used twice or out of order", about->code);
	*last = number;
	assert_true(strlen(about->title) > 0 && strlen(about->text) > 0);
	assert_false(str_ends(about->title, "."));
	assert_true(str_ends(about->text, ".") || strchr(about->text, '\n'));
}

/* No line of an explanation is wider than a terminal. */
static void narrow(const struct diag_explanation *about)
{
	const char *line = about->text;
	size_t len;

	for (; *line; line += len + !!line[len]) {
		len = strcspn(line, "\n");
		if (len > 90)
			fail_msg("%s: %.*s", about->code, (int)len, line);
	}
}

static void every_code_once(void **state)
{
	const struct diag_explanation *all, *about;
	size_t i, count;
	unsigned last = 0;

	(void)state;
	all = diag_explanations(&count);
	for (i = 0; i < count; i++) {
		one_code(&all[i], &last);
		narrow(&all[i]);
	}
	last = 0;
	for (i = 0; (about = lint_explanation(i)); i++) {
		assert_int_equal(about->code[0], 'L');
		one_code(about, &last);
		narrow(about);
	}
	assert_true(i > 0);
}

/* The numbers of diag.h: each has an explanation, none stands for two things. */
static void every_number_explained(void **state)
{
	const char *top = getenv("top_srcdir"), *at;
	auto_free char *path = xasprintf("%s/compose/diag.h", top ? top : ".");
	bool seen[1000] = {false};
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	unsigned count = 0;
	size_t explained;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, &err), 0);
	for (at = text.data; (at = strstr(at, "DIAG_")); at++) {
		auto_free char *code = NULL;
		uint32_t number = 0;
		auto_free char *digits = NULL;
		const char *equals = at + strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

		if (!str_starts(equals, " = "))
			continue;
		digits = xstrndup(equals + 3, strspn(equals + 3, "0123456789"));
		assert_int_equal(parse_u32(digits, &number), 0);
		assert_true(number < 1000 && !seen[number]);
		seen[number] = true;
		code = xasprintf("E%03u", number);
		if (!diag_explain(code))
			fail_msg("%s has no explanation", code);
		count++;
	}
	(void)diag_explanations(&explained);
	assert_int_equal(count, explained);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders),
		cmocka_unit_test(characters),
		cmocka_unit_test(order),
		cmocka_unit_test(as_json),
		cmocka_unit_test(more_about),
		cmocka_unit_test(strict),
		cmocka_unit_test(drops),
		cmocka_unit_test(spans),
		cmocka_unit_test(many),
		cmocka_unit_test(explains),
		cmocka_unit_test(every_code_once),
		cmocka_unit_test(every_number_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
