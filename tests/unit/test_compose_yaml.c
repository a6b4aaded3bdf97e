/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/yaml.c: types of scalars, anchors, merge keys, documents, places, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/yaml.h"

struct parsed {
	struct arena *arena;
	struct diag_list *diags;
	struct compose_source source;
	struct compose_node *documents;
	bool good;
};

static void parse_bytes_of(struct parsed *p, const char *text, size_t len)
{
	p->arena = arena_new();
	p->diags = diag_list_new(p->arena);
	p->source = (struct compose_source){"/f.yaml", "f.yaml", "/", text, len};
	p->good = yaml_parse(p->arena, p->diags, &p->source, &p->documents);
}

static void check_json(const char *text, const char *json)
{
	auto_json json_t *found = NULL, *expected = json_loads(json, JSON_DECODE_ANY, NULL);
	auto_free char *dump = NULL;
	struct parsed p;

	parse_bytes_of(&p, text, strlen(text));
	assert_true(p.good);
	assert_int_equal(diag_errors(p.diags), 0);
	found = node_to_json(p.documents);
	dump = json_dumps(found, JSON_COMPACT);
	assert_non_null(expected);
	if (!json_equal(found, expected))
		fail_msg("%s is %s, not %s", text, dump, json);
	arena_free(p.arena);
}

static void check_message(const char *text, size_t len, const char *message)
{
	auto_buf struct buf said = BUF_INIT;
	struct parsed p;

	parse_bytes_of(&p, text, len);
	diag_render(p.diags, false, &said);
	if (!said.data || !strstr(said.data, message))
		fail_msg("\"%s\" is not in:\n%s", message, said.data ? said.data : "");
	arena_free(p.arena);
}

static void scalars(void **state)
{
	static const char *const cases[][2] = {
		{"[~, null, Null, NULL, ]", "[[null,null,null,null]]"},
		{"[true, True, TRUE, false, False, FALSE]", "[[true,true,true,false,false,false]]"},
		{"[yes, no, on, off, y, n, tRUE]",
		 "[[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"tRUE\"]]"},
		{"[1, -1, +1, 0, 0x10, 0o17, 010, 0b11, 1_000]", "[[1,-1,1,0,16,15,8,3,1000]]"},
		{"[9223372036854775807]", "[[9223372036854775807]]"},
		{"[1.5, -.5, 1e3, 1., 089]", "[[1.5,-0.5,1000.0,1.0,89.0]]"},
		{"[22:22, 1.2.3, 0x, 0xg, -, +, ., 1e, e1, 1-2]",
		 "[[\"22:22\",\"1.2.3\",\"0x\",\"0xg\",\"-\",\"+\",\".\",\"1e\",\"e1\",\"1-2\"]]"},
		{"['1', \"true\", !!str 1, !custom 2]", "[[\"1\",\"true\",\"1\",\"2\"]]"},
		{"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "[{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}]"},
		{"\xef\xbb\xbf"
		 "a: 1",
		 "[{\"a\":1}]"},
		{"a: 1\r\nb: 2\r\n", "[{\"a\":1,\"b\":2}]"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		check_json(cases[i][0], cases[i][1]);
}

static void structures(void **state)
{
	(void)state;
	check_json("", "[]");
	check_json("# nothing\n", "[]");
	check_json("a: 1\n---\nb: 2\n...\n---\nc: 3\n", "[{\"a\":1},{\"b\":2},{\"c\":3}]");
	check_json("a: &x {b: 1}\nc: *x\n", "[{\"a\":{\"b\":1},\"c\":{\"b\":1}}]");
	check_json("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n",
		   "[{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":1,\"c\":3}}]");
	check_json("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nd: {<<: [*x, *y], c: 3}\n",
		   "[{\"x\":{\"a\":1},\"y\":{\"a\":2,\"b\":2},\"d\":{\"c\":3,\"a\":1,\"b\":2}}]");
	check_json("a: {\"<<\": 1}\n", "[{\"a\":{\"<<\":1}}]");
	check_json("a: &x 1\na2: &x 2\nb: *x\n", "[{\"a\":1,\"a2\":2,\"b\":2}]");
}

static void tags(void **state)
{
	const char *text = "a: !reset\nb: !override [1]\nc: !reset {d: 1}\n";
	struct parsed p;
	struct compose_node *root;

	(void)state;
	parse_bytes_of(&p, text, strlen(text));
	root = p.documents->list.items[0];
	assert_int_equal(node_get(root, "a")->tag, COMPOSE_TAG_RESET);
	assert_int_equal(node_get(root, "b")->tag, COMPOSE_TAG_OVERRIDE);
	assert_int_equal(node_get(root, "c")->tag, COMPOSE_TAG_RESET);
	arena_free(p.arena);
}

static void marks(void **state)
{
	const char *text = "services:\n  größe: x\n  web:\n    - ä: [1, two]\n";
	struct parsed p;
	const struct compose_node *services, *list;

	(void)state;
	parse_bytes_of(&p, text, strlen(text));
	services = node_get(p.documents->list.items[0], "services");
	assert_int_equal(services->map.pairs[0].key_mark.line, 2);
	assert_int_equal(services->map.pairs[0].key_mark.column, 3);
	assert_int_equal(services->map.pairs[0].value->mark.column, 10);
	list = node_get(node_get(services, "web")->list.items[0], "ä");
	assert_int_equal(list->list.items[1]->mark.line, 4);
	assert_int_equal(list->list.items[1]->mark.column, 14);
	arena_free(p.arena);
}

static void mistakes(void **state)
{
	static const char *const cases[][2] = {
		{"a:\n\tb: 1\n",
		 "f.yaml:2:1: error: a tab is used for indentation: use spaces [E001]"},
		{"a: 1\na: 2\na: 3\n",
		 "f.yaml:3:1: error: key \"a\" is already defined at line 1: remove one of them [E004]"},
		{"a: {b: 1, b: 2}\n", "f.yaml:1:11: error: key \"b\""},
		{"1: a\n", "f.yaml:1:1: error: a key must be a string: write \"1\" in quotes"},
		{"? [a]\n: b\n", "a key must be a string"},
		{"a: *b\n", "f.yaml:1:4: error: unknown anchor \"b\""},
		{"a: &a [*a]\n", "f.yaml:1:8: error: anchor \"a\" contains itself"},
		{"a: {<<: 1}\n", "\"<<\" merges a mapping or a list of mappings"},
		{"a: &a {b: 1}\nc: {<<: *a, <<: *a}\n",
		 "key \"<<\" is already defined at line 2: give it a list"},
		{"a: [1, 2\nb: 3\n", "expected \",\" or \"]\" here"},
		{"a: \"x\n", "a quote is missing"},
		{"a: b: c\n", "f.yaml:1:5: error: \":\" is not allowed inside"},
		{"a:\n  b: 1\n   c: 2\n", "f.yaml:3:4: error: this line is indented further"},
		{"a:\n  b\n    c: 2\n", "f.yaml:2:3: error: a \":\" is missing after \"b\""},
		{"a: b\n  c: d: e\n", "f.yaml:2:3: error: this line is indented further"},
		{"é: \"x\ny: \"z\"\n", "f.yaml:1:4: error: this quote is not closed on its line"},
		{"é: {b: ${C}}\n", "f.yaml:1:8: error: inside { } and [ ]"},
		{"a: \xff\n", "f.yaml:1:4: error: the text is not UTF-8"},
		{"a: \xc0\x80\n", "the text is not UTF-8"},
		{"a: \xed\xa0\x80\n", "the text is not UTF-8"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		check_message(cases[i][0], strlen(cases[i][0]), cases[i][1]);
	check_message("a: x\0y\n", 7, "f.yaml:1:5: error: a NUL byte is not allowed");
}

static void limits(void **state)
{
	static const char *const openings[] = {"[", "{", "- ", "? "};
	auto_buf struct buf text = BUF_INIT;
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(openings); i++) {
		buf_reset(&text);
		for (k = 0; k < 50000; k++)
			buf_adds(&text, openings[i]);
		check_message(text.data, text.len, "more than 100 levels of nesting [E003]");
	}
	buf_reset(&text);
	buf_adds(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (i = 1; i < 10; i++) {
		buf_addf(&text, "a%zu: &a%zu [", i, i);
		for (k = 0; k < 10; k++)
			buf_addf(&text, "*a%zu, ", i - 1);
		buf_adds(&text, "]\n");
	}
	check_message(text.data, text.len, "more than 200000 values, with aliases expanded [E003]");
}

/* A mapping with many keys is looked up through its index, whatever was done to it. */
static void long_mappings(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct compose_mark mark = {NULL, 0, 0};
	struct compose_node *map = node_new(a, COMPOSE_MAP, mark), *copy;
	struct compose_pair swap;
	char key[16];
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%zu", i);
		node_set(a, map, key, mark, node_string(a, key, mark));
	}
	assert_int_equal(map->map.count, 1000);
	assert_string_equal(node_get(map, "k999")->text, "k999");
	assert_null(node_get(map, "k1000"));
	swap = map->map.pairs[0];
	map->map.pairs[0] = map->map.pairs[999];
	map->map.pairs[999] = swap;
	assert_string_equal(node_get(map, "k0")->text, "k0");
	assert_true(node_remove(map, "k500"));
	assert_null(node_get(map, "k500"));
	map->map.count = 400;
	assert_null(node_get(map, "k900"));
	node_set(a, map, "k900", mark, node_string(a, "new", mark));
	assert_string_equal(node_get(map, "k900")->text, "new");
	copy = node_copy(a, map);
	node_set(a, copy, "k900", mark, node_string(a, "other", mark));
	assert_string_equal(node_get(map, "k900")->text, "new");
	assert_false(node_equal(map, copy));
}

static void float_texts(void **state)
{
	static const struct {
		double value;
		bool single;
		const char *text;
	} cases[] = {
		{1.5, false, "1.5"},
		{1, false, "1"},
		{1000, false, "1000"},
		{0.00001, false, "1e-05"},
		{0.0001, false, "0.0001"},
		{1e21, false, "1e+21"},
		{1e20, false, "100000000000000000000"},
		{100000000.5, false, "100000000.5"},
		{-2.25, false, "-2.25"},
		{0, false, "0"},
		{0.1, true, "0.1"},
		{1.0 / 3, true, "0.33333334"},
		{1.0 / 3, false, "0.3333333333333333"},
		{1e300, false, "1e+300"},
		{5e-324, false, "5e-324"},
	};
	char text[40];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		yaml_float_text(cases[i].value, cases[i].single, text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),     cmocka_unit_test(structures),
		cmocka_unit_test(tags),	       cmocka_unit_test(marks),
		cmocka_unit_test(mistakes),    cmocka_unit_test(limits),
		cmocka_unit_test(float_texts), cmocka_unit_test(long_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
