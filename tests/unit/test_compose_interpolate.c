/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/interpolate.c: the grammar of variable references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "compose/interpolate.h"

struct seen {
	char unset[64], variables[256];
};

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	if (!strcmp(name, "A"))
		return "a";
	if (!strcmp(name, "EMPTY"))
		return "";
	if (!strcmp(name, "_x1"))
		return "under";
	return strcmp(name, "REF") ? NULL : "${A}";
}

static void on_unset(void *arg, const char *name, size_t offset)
{
	struct seen *s = arg;
	size_t len = strlen(s->unset);

	snprintf(s->unset + len, sizeof(s->unset) - len, "%s@%zu ", name, offset);
}

static void on_variable(void *arg, const char *name, const char *fallback, bool required)
{
	struct seen *s = arg;
	size_t len = strlen(s->variables);

	snprintf(s->variables + len, sizeof(s->variables) - len, "%s%s%s%s ", name,
		 fallback ? "=" : "", fallback ? fallback : "", required ? "!" : "");
}

static int run(struct arena *a, const char *text, const char **ret, struct seen *seen,
	       size_t *ret_offset, struct error *err)
{
	struct interpolation in = {.arena = a,
				   .lookup = lookup,
				   .on_unset = on_unset,
				   .on_variable = on_variable,
				   .arg = seen};
	int r = interpolate(&in, text, ret, err);

	*ret_offset = in.offset;
	return r;
}

static void values(void **state)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"$A ${A} x${A}y $A-b", "a a xay a-b"},
		{"$_x1 ${_x1}", "under under"},
		{"$$ $$A $$$A $$${A}", "$ $A $a $a"},
		{"$ $5 $- $", "$ $5 $- $"},
		{"${A:-d} ${A-d} ${EMPTY:-d} ${EMPTY-d}", "a a d "},
		{"${NO:-d} ${NO-d} ${NO:-} ${NO-}", "d d  "},
		{"${A:+w} ${A+w} ${EMPTY:+w} ${EMPTY+w} ${NO:+w}${NO+w}", "w w  w "},
		{"${A:?m} ${A?m} ${EMPTY?m}", "a a "},
		{"${NO:-${A}} ${NO:-${NO2:-${A:-x}}}", "a a"},
		{"${NO:-a b:c \"q\"}", "a b:c \"q\""},
		{"${NO:-{}a", "{a"},
		{"${NO:-{{}}", "{{}"},
		{"${NO:-${NO:-{}}b", "{b"},
		{"${NO:-{\"k\": {}}}", "{\"k\": {}}"},
		{"${NO:-$$x} ${NO:-x-y?z+w}", "$x x-y?z+w"},
		{"$REF ${REF}", "${A} ${A}"},
		{"ä${A}ö", "äaö"},
	};
	AUTO(arena_free) struct arena *a = arena_new();
	size_t i, offset;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = {"", ""};
		struct error err = ERROR_INIT;
		const char *value = NULL;

		if (run(a, cases[i][0], &value, &seen, &offset, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		assert_string_equal(value, cases[i][1]);
	}
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *message;
		size_t offset;
	} cases[] = {
		{"x ${", "\"${\" is not a valid", 2},
		{"${A", "\"${A\" is not a valid", 0},
		{"${}", "\"${}\" is not a valid", 0},
		{"ab${1A}", "\"${1A}\" is", 2},
		{"${A.b}", "\"${A.b}\" is", 0},
		{"${A:}", "\"${A:}\" is", 0},
		{"${A:0:1}", "\"${A:0:1}\" is", 0},
		{"${A%x}", "\"${A%x}\" is", 0},
		{"${ A }", "\"${ A }\" is", 0},
		{"${NO:-a\nb}", "\"${NO:-a\nb}\" is", 0},
		{"$A ${NO:-${A:}}", "\"${A:}\" is", 3},
		{"${NO:?}", "required variable NO is missing a value", 0},
		{"$A${NO?need $A}", "required variable NO is missing a value: need a", 2},
		{"${EMPTY:?}", "required variable EMPTY", 0},
	};
	AUTO(arena_free) struct arena *a = arena_new();
	size_t i, offset;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = {"", ""};
		struct error err = ERROR_INIT;
		const char *value = NULL;

		assert_true(run(a, cases[i].text, &value, &seen, &offset, &err) < 0);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(offset, cases[i].offset);
	}
}

static void reports(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct seen seen = {"", ""};
	struct error err = ERROR_INIT;
	const char *value = NULL;
	size_t offset;

	(void)state;
	assert_int_equal(run(a, "$NO x${B}${C:-d}${A?m}", &value, &seen, &offset, &err), 0);
	assert_string_equal(seen.unset, "NO@0 B@5 ");
	assert_string_equal(seen.variables, "NO B C=d A! ");
}

static void limits(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	auto_buf struct buf text = BUF_INIT;
	struct seen seen = {"", ""};
	struct error err = ERROR_INIT;
	const char *value = NULL;
	size_t i, offset;

	(void)state;
	for (i = 0; i < 10000; i++)
		buf_adds(&text, "${NO:-");
	buf_adds(&text, "x");
	for (i = 0; i < 10000; i++)
		buf_adds(&text, "}");
	assert_true(run(a, text.data, &value, &seen, &offset, &err) < 0);
	assert_non_null(strstr(err.msg, "too deeply"));
	buf_reset(&text);
	for (i = 0; i < INTERPOLATE_BYTES_MAX + 1; i++)
		buf_adds(&text, "$A");
	assert_true(run(a, text.data, &value, &seen, &offset, &err) < 0);
	assert_non_null(strstr(err.msg, "bytes after interpolation"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(reports),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
