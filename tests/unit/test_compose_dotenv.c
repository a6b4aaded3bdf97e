/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/dotenv.c: the syntax of env files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/dotenv.h"

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "FROM") ? NULL : "environment";
}

struct parsed {
	struct arena *arena;
	struct diag_list *diags;
	struct compose_source source;
	struct compose_node *vars;
	bool good;
};

static void parse(struct parsed *p, const char *text, bool raw)
{
	struct dotenv d = {.lookup = lookup, .raw = raw};

	p->arena = d.arena = arena_new();
	p->diags = d.diags = diag_list_new(p->arena);
	p->source = (struct compose_source){"/.env", ".env", "/", text, strlen(text)};
	p->vars = node_new(p->arena, COMPOSE_MAP, (struct compose_mark){NULL, 0, 0});
	p->good = dotenv_parse(&d, &p->source, p->vars);
}

static void check(const char *text, bool raw, const char *json)
{
	auto_json json_t *found = NULL, *expected = json_loads(json, 0, NULL);
	auto_free char *dump = NULL;
	struct parsed p;

	parse(&p, text, raw);
	assert_true(p.good);
	assert_int_equal(diag_errors(p.diags), 0);
	found = node_to_json(p.vars);
	dump = json_dumps(found, JSON_COMPACT);
	assert_non_null(expected);
	if (!json_equal(found, expected))
		fail_msg("%s is %s, not %s", text, dump, json);
	arena_free(p.arena);
}

static void values(void **state)
{
	static const char *const cases[][2] = {
		{"", "{}"},
		{"\n  # c\n\n", "{}"},
		{"A=1\nB=2", "{\"A\":\"1\",\"B\":\"2\"}"},
		{"\xef\xbb\xbf"
		 "A=1\r\nB=x \r\n",
		 "{\"A\":\"1\",\"B\":\"x\"}"},
		{"export A=1\nexport\tB=2\nexported=3",
		 "{\"A\":\"1\",\"B\":\"2\",\"exported\":\"3\"}"},
		{"  A = 1 \nB : 2\nC: \"3\"\n", "{\"A\":\"1\",\"B\":\"2\",\"C\":\"3\"}"},
		{"A=\nB= \nC=''\nD=\"\"\n", "{\"A\":\"\",\"B\":\"\",\"C\":\"\",\"D\":\"\"}"},
		{"A=x # c\nB=x#y\nC=#x\nD= #x\n",
		 "{\"A\":\"x\",\"B\":\"x#y\",\"C\":\"#x\",\"D\":\"#x\"}"},
		{"A=a'b' \"c\"\n", "{\"A\":\"a'b' \\\"c\\\"\"}"},
		{"A='$x \\n \\' #' # c\nB=1\n", "{\"A\":\"$x \\\\n ' #\",\"B\":\"1\"}"},
		{"A=\"x\\ty\\n\\\"q\\\" \\\\ \\$B \\z\"\n",
		 "{\"A\":\"x\\ty\\n\\\"q\\\" \\\\ $B \\\\z\"}"},
		{"A=\"one\ntwo\"\nB='three\nfour'\n",
		 "{\"A\":\"one\\ntwo\",\"B\":\"three\\nfour\"}"},
		{"A=1\nB=$A-${A}\nC='$A'\nD=\"${A}\"\nE=${NO:-d}\n",
		 "{\"A\":\"1\",\"B\":\"1-1\",\"C\":\"$A\",\"D\":\"1\",\"E\":\"d\"}"},
		{"FROM\nABSENT\nA=$FROM\n", "{\"FROM\":\"environment\",\"A\":\"environment\"}"},
		{"A=1\nA=2\n", "{\"A\":\"2\"}"},
		{"a.b-c[0]=1\n", "{\"a.b-c[0]\":\"1\"}"},
		{"A=$(cmd) `x`\n", "{\"A\":\"$(cmd) `x`\"}"},
		{"A=b=c\n", "{\"A\":\"b=c\"}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i][0], false, cases[i][1]);
}

static void raw(void **state)
{
	(void)state;
	check("# c\nA=\"x\" # y\nB=$A\nFROM\nC=\nD=a=b\r\n", true,
	      "{\"A\":\"\\\"x\\\" # y\",\"B\":\"$A\",\"FROM\":\"environment\",\"C\":\"\",\"D\":\"a=b\"}");
}

static void mistakes(void **state)
{
	static const char *const cases[][2] = {
		{"A=1\nB C=2\n", ".env:2:2: error: a name cannot contain a blank [E007]"},
		{"A$=2\n", ".env:1:2: error: character \"$\" is not allowed in a name"},
		{"A=1\nB=\"x\nC=3\n", ".env:2:3: error: the quote is not closed"},
		{"A=${B\n", ".env:1:3: error: \"${B\" is not a valid variable reference"},
		{"A=${B:?must be}\n",
		 ".env:1:3: error: required variable B is missing a value: must be"},
		{"A='x\ny'\nB C=1\n", ".env:3:2: error: a name cannot contain a blank"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf said = BUF_INIT;
		struct parsed p;

		parse(&p, cases[i][0], false);
		assert_false(p.good);
		diag_render(p.diags, false, &said);
		if (!said.data || !strstr(said.data, cases[i][1]))
			fail_msg("\"%s\" is not in:\n%s", cases[i][1], said.data ? said.data : "");
		arena_free(p.arena);
	}
}

/* All mistakes are reported, and what is good is there. */
static void goes_on(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "A B=1\nC=2\nD%=3\n", false);
	assert_int_equal(diag_errors(p.diags), 2);
	assert_string_equal(node_get(p.vars, "C")->text, "2");
	arena_free(p.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(raw),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
