/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of Dockerfiles: expansion one by one, places.  Whole files are in
 * tests/golden/dockerfile, the corpus of the fuzzer in tests/fuzz/corpus/dockerfile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "images/builder/builder.h"
#include "images/builder/expand.h"

static const char *lookup(UNUSED void *arg, const char *name)
{
	static const char *const vars[][2] = {{"A", "a b"},
					      {"E", ""},
					      {"P", "/x/y.tar.gz"},
					      {"S", "foo-foo"},
					      {"U", "\xc3\xa4z"}};

	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		if (!strcmp(vars[i][0], name))
			return vars[i][1];
	return NULL;
}

static void expansion(UNUSED void **state)
{
	static const char *const cases[][2] = {
		{"$A", "a b"},
		{"${A}c", "a bc"},
		{"'$A'", "$A"},
		{"\"$A\"", "a b"},
		{"\\$A", "$A"},
		{"$", "$"},
		{"$/x", "$/x"},
		{"${N:-x}", "x"},
		{"${E:-x}", "x"},
		{"${E-x}", ""},
		{"${N-x y}", "x y"},
		{"${A:+x}", "x"},
		{"${E:+x}", ""},
		{"${E+x}", "x"},
		{"${N+x}", ""},
		{"${A:?no}", "a b"},
		{"${P##*/}", "y.tar.gz"},
		{"${P#*/}", "x/y.tar.gz"},
		{"${P%.*}", "/x/y.tar"},
		{"${P%%.*}", "/x/y"},
		{"${S/foo/bar}", "bar-foo"},
		{"${S//foo/bar}", "bar-bar"},
		{"${S/o*/x}", "fx"},
		{"${P//\\//_}", "_x_y.tar.gz"},
		{"${U#?}", "z"},
		{"${N:-${A}}", "a b"},
		{"${N:-\"}\"}", "}"},
		{"a\\ b", "a b"},
		{"\"a\\\"b\"", "a\"b"},
		{"\"a\\nb\"", "a\\nb"},
		{"$1x", "x"},
		{"${S%%f*}", ""},
		{"${S#x}", "foo-foo"},
		{"${N/a/b}", ""},
		{"x\\", "x"},
		{"${E:#x}", ""},
	};
	struct expansion x = {.escape = '\\', .lookup = lookup};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = NULL;
		struct error err = ERROR_INIT;

		if (expand_word(&x, cases[i][0], &text, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		if (strcmp(text, cases[i][1]) != 0)
			fail_msg("%s: %s", cases[i][0], text);
	}
}

static void bad_expansion(UNUSED void **state)
{
	static const char *const cases[][2] = {
		{"${A", "} is missing"},
		{"${}", "no name"},
		{"${:x}", "no name"},
		{"'a", "single quote"},
		{"\"a", "double quote"},
		{"${N:?gone}", "N: gone"},
		{"${N?}", "allowed to be unset"},
		{"${E:?}", "allowed to be empty"},
		{"${A:=x}", "unsupported"},
		{"${A^}", "unsupported"},
		{"${A/x}", "/ is missing"},
		{"${S/\\q/x}", "invalid escape"},
	};
	struct expansion x = {.escape = '\\', .lookup = lookup};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = NULL;
		struct error err = ERROR_INIT;

		assert_int_not_equal(expand_word(&x, cases[i][0], &text, &err), 0);
		if (!strstr(err.msg, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.msg);
	}
}

static void words(UNUSED void **state)
{
	struct expansion x = {.escape = '\\', .lookup = lookup};
	AUTO(strv_free) char **list = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(expand_words(&x, "x $A \"$A\" y\\ z", &list, &err), 0);
	assert_int_equal(strv_len(list), 5);
	assert_string_equal(list[1], "a");
	assert_string_equal(list[3], "a b");
	assert_string_equal(list[4], "y z");
}

/* Deep nesting and huge repetition end with an error, not with the stack. */
static void limits(UNUSED void **state)
{
	struct expansion x = {.escape = '\\', .lookup = lookup};
	auto_buf struct buf deep = BUF_INIT;
	auto_free char *text = NULL;
	struct error err = ERROR_INIT;

	for (int i = 0; i < 10000; i++)
		buf_adds(&deep, "${N:-");
	assert_int_not_equal(expand_word(&x, deep.data, &text, &err), 0);
	assert_non_null(strstr(err.msg, "too deeply"));
}

static void places(UNUSED void **state)
{
	static const char text[] =
		"FROM a\nRUN --mount=type=x \\\n # c\n  --network=none \\\n    cmd\n";
	AUTO(arena_free) struct arena *a = arena_new();
	struct dockerfile *f = dockerfile_parse(a, "D", text, strlen(text));
	const struct dockerfile_instruction *in = f->stages[0].list[0];
	struct dockerfile_mark m = dockerfile_place(in, in->flags[1].at);

	assert_int_equal(f->problems.count, 0);
	assert_int_equal(m.line, 4);
	assert_int_equal(m.column, 3);
	m = dockerfile_place(in, in->args.list[0].at);
	assert_int_equal(m.line, 5);
	assert_int_equal(m.column, 5);
}

static void triggers(UNUSED void **state)
{
	static const char text[] = "FROM a\n";
	AUTO(arena_free) struct arena *a = arena_new();
	struct dockerfile *f = dockerfile_parse(a, "D", text, strlen(text));
	struct dockerfile_mark m = {1, 1};
	struct dockerfile_instruction *in = dockerfile_parse_trigger(f, "COPY . /app", m);

	assert_int_equal(in->kind, DOCKERFILE_COPY);
	assert_null(dockerfile_parse_trigger(f, "COPPY . /app", m));
	assert_int_equal(f->problems.count, 1);
	assert_non_null(strstr(f->problems.list[0].text, "did you mean COPY?"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(expansion), cmocka_unit_test(bad_expansion),
		cmocka_unit_test(words),     cmocka_unit_test(limits),
		cmocka_unit_test(places),    cmocka_unit_test(triggers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
