/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns of paths: wildcards of COPY and the rules of .dockerignore. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/pattern.h"
#include "base/str.h"

static void wildcards(UNUSED void **state)
{
	static const struct {
		const char *pattern, *path;
		bool yes;
	} cases[] = {
		{"a", "a", true},	  {"a", "b", false},	   {"*", "abc", true},
		{"*", "a/b", false},	  {"*/b", "a/b", true},	   {"a*c", "abbc", true},
		{"?", "\xc3\xa4", true},  {"?", "/", false},	   {"[a-c]x", "bx", true},
		{"[^a-c]x", "bx", false}, {"[^a-c]x", "dx", true}, {"\\*", "*", true},
		{"\\*", "a", false},	  {"[", "[", false},	   {"[]a]", "]", true},
		{"[\\]]", "]", true},	  {"a**b", "axyb", true},  {"**/b", "x/b", true},
		{"", "", true},		  {"*.c", ".c", true},	   {"[a", "a", false},
		{"\\", "\\", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (pattern_match(cases[i].pattern, cases[i].path) != cases[i].yes)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
}

static bool ignored(const char *text, const char *path)
{
	AUTO(strv_free) char **lines = pattern_lines(text);
	AUTO(pattern_list_free) struct pattern_list *l = NULL;
	struct error err = ERROR_INIT;

	if (pattern_list_new(lines, &l, &err) < 0)
		fail_msg("%s", err.msg);
	return pattern_list_match(l, path);
}

static void lists(UNUSED void **state)
{
	static const struct {
		const char *text, *path;
		bool yes;
	} cases[] = {
		{"node_modules\n", "node_modules/a/b", true},
		{"node_modules\n", "x/node_modules", false},
		{"**/node_modules\n", "x/node_modules/y", true},
		{"**/node_modules\n", "node_modules", true},
		{"*.md\n", "README.md", true},
		{"*.md\n", "docs/README.md", false},
		{"**/*.md", "docs/README.md", true},
		{"**/*.md", "README.md", true},
		{"*.md\n!README.md\n", "README.md", false},
		{"*.md\n!README.md\n", "a.md", true},
		{"!README.md\n*.md\n", "README.md", true},
		{"*\n!src\n", "src/a.c", false},
		{"*\n!src/a.c\n", "src/a.c", false},
		{"*\n!src/a.c\n", "src/b.c", true},
		{"a/**\n", "a", false},
		{"a/**\n", "a/b/c", true},
		{"a/**/z\n", "a/z", true},
		{"a/**/z\n", "a/b/c/z", true},
		{"a/**/z\n", "a/bz", false},
		{"**\n", "anything/at/all", true},
		{"**.o\n", "a/b.o", true},
		{"# comment\n  spaces  \n", "spaces", true},
		{"# comment\n", "# comment", false},
		{"/abs\n", "abs", true},
		{"a//b/../c/\n", "a/c", true},
		{"! a\nb\n", "a", false},
		{"\xef\xbb\xbf"
		 "bom\n",
		 "bom", true},
		{"a b\n", "a b", true},
		{"foo?\n", "foo1", true},
		{"temp*/x\n", "temp1/x/y", true},
		{".git\r\n", ".git/HEAD", true},
		{"../x\n", "x", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (ignored(cases[i].text, cases[i].path) != cases[i].yes)
			fail_msg("%zu: %s on %s", i, cases[i].text, cases[i].path);
}

static void malformed(UNUSED void **state)
{
	static const char *const bad[] = {"!", "[", "a[b", "x\\"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *lines[] = {(char *)(uintptr_t)bad[i], NULL};
		struct pattern_list *l = NULL;
		struct error err = ERROR_INIT;

		assert_int_equal(pattern_list_new(lines, &l, &err), -EINVAL);
		assert_true(err.msg[0]);
	}
}

static void cleaned(UNUSED void **state)
{
	static const char *const cases[][2] = {
		{"", "."},
		{".", "."},
		{"/", "/"},
		{"a/", "a"},
		{"a//b", "a/b"},
		{"a/../..", ".."},
		{"/../a", "/a"},
		{"../a", "../a"},
		{"a/./b/../c", "a/c"},
		{"../../a/..", "../.."},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *clean = pattern_clean(cases[i][0]);

		assert_string_equal(clean, cases[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),
		cmocka_unit_test(lists),
		cmocka_unit_test(malformed),
		cmocka_unit_test(cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
