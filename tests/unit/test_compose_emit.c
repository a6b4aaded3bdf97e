/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/emit.c: YAML that people read and that loads back to the same strings; doubled "$". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/compose.h"
#include "compose/yaml.h"

static const struct compose_mark nowhere;

static struct compose_node *from_json(struct arena *a, const json_t *value)
{
	struct compose_node *n;
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		return node_string(a, json_string_value(value), nowhere);
	if (json_is_object(value)) {
		n = node_new(a, COMPOSE_MAP, nowhere);
		json_object_foreach ((json_t *)(uintptr_t)value, key, item)
			node_set(a, n, key, nowhere, from_json(a, item));
		return n;
	}
	if (json_is_array(value)) {
		n = node_new(a, COMPOSE_LIST, nowhere);
		json_array_foreach (value, i, item)
			node_append(a, n, from_json(a, item));
		return n;
	}
	n = node_new(a, json_is_null(value) ? COMPOSE_NULL : COMPOSE_INT, nowhere);
	if (json_is_boolean(value)) {
		n->kind = COMPOSE_BOOL;
		n->boolean = json_is_true(value);
	} else if (json_is_integer(value)) {
		n->integer = json_integer_value(value);
	} else if (json_is_real(value)) {
		n->kind = COMPOSE_FLOAT;
		n->real = json_real_value(value);
	}
	return n;
}

static json_t *load(const char *text)
{
	struct error err = ERROR_INIT;
	json_t *value = NULL;

	if (json_load_text(text, strlen(text), &value, &err) < 0)
		fail_msg("%s", err.msg);
	return value;
}

static void check(const char *json, const char *yaml)
{
	AUTO(arena_free) struct arena *a = arena_new();
	auto_json json_t *value = load(json);
	auto_buf struct buf out = BUF_INIT;

	compose_model_yaml(from_json(a, value), &out);
	assert_string_equal(out.data, yaml);
}

static void structure(void **state)
{
	(void)state;
	check("{\"name\":\"p\",\"services\":{\"web\":{\"command\":null,\"entrypoint\":null,"
	      "\"image\":\"nginx:1\",\"networks\":{\"default\":null},"
	      "\"ports\":[{\"mode\":\"ingress\",\"target\":80,\"published\":\"8080\"}],"
	      "\"dns\":[\"8.8.8.8\"]}},\"networks\":{\"default\":{\"name\":\"p_default\",\"ipam\":"
	      "{}}}}",
	      "name: p\nservices:\n  web:\n    image: nginx:1\n    networks:\n      default: null\n"
	      "    ports:\n      - mode: ingress\n        target: 80\n        published: \"8080\"\n"
	      "    dns:\n      - \"8.8.8.8\"\nnetworks:\n  default:\n    name: p_default\n");
}

static void noise(void **state)
{
	(void)state;
	check("{\"services\":{\"a\":{\"deploy\":{\"resources\":{},\"placement\":{}},"
	      "\"environment\":{\"command\":null}}}}",
	      "services:\n  a:\n    deploy: {}\n    environment:\n      command: null\n");
	check("{\"services\":{}}", "services: {}\n");
}

static void scalars(void **state)
{
	(void)state;
	check("{\"a\":[\"y\",\"80\",\"1.5\",\"\",\"- x\",\"a: b\",\"a #b\",\"null\",\"plain "
	      "text\",\"tab\\there\",\"2001-01-01\",\"*x\",\"0x1F\",\"x:\",true,3,0.1]}",
	      "a:\n  - \"y\"\n  - \"80\"\n  - \"1.5\"\n  - \"\"\n  - \"- x\"\n  - \"a: b\"\n"
	      "  - \"a #b\"\n  - \"null\"\n  - plain text\n  - \"tab\\there\"\n"
	      "  - \"2001-01-01\"\n  - \"*x\"\n  - \"0x1F\"\n  - \"x:\"\n  - true\n  - 3\n  - "
	      "0.1\n");
}

static void blocks_and_dollars(void **state)
{
	(void)state;
	check("{\"a\":{\"s\":\"one\\ntwo\\n\",\"t\":\"one\\n\\ntwo\",\"u\":\"x\\n\\n\",\"$K\":\"${V}"
	      "\"}}",
	      "a:\n  s: |\n    one\n    two\n  t: |-\n    one\n\n    two\n  u: |+\n    x\n\n"
	      "  $$K: $${V}\n");
}

/* What was written is read again as the same strings. */
static void loads_back(void **state)
{
	static const char json[] =
		"{\"a\":[\"one\\ntwo\",\" x\",\"x\\n\\n\",\"\\u0001\\u007f\",\"\\\"\\\\\",\"~\",\"#\",\"é\","
		"\"? x\",\"%TAG\",\"a\\n  b\\n\",\"\\n\",\"-\",\"---\",\"12e3\",\"No\",\"{}\",\"@\"],"
		"\"é: x\":\"y\",\"1\":{\"2\":null},\"e\":[],\"f\":[[\"g\",[\"h\"]]]}";
	AUTO(arena_free) struct arena *a = arena_new();
	struct compose_source source = {.path = "/x", .shown = "x", .dir = "/"};
	struct diag_list *diags = diag_list_new(a);
	auto_json json_t *value = load(json), *again = NULL;
	struct compose_node *documents = NULL;
	auto_buf struct buf out = BUF_INIT;

	(void)state;
	compose_model_yaml(from_json(a, value), &out);
	source.text = out.data;
	source.len = out.len;
	assert_true(yaml_parse(a, diags, &source, &documents));
	assert_int_equal(diag_errors(diags), 0);
	assert_int_equal(documents->list.count, 1);
	again = node_to_json(documents->list.items[0]);
	if (!json_equal(value, again))
		fail_msg("%s", out.data);
}

static void escaped_json(void **state)
{
	auto_json json_t *value = load("{\"$a\":[\"$b\",1,null]}");
	auto_json json_t *out = compose_model_escape(value);
	auto_free char *text = json_text(out);

	(void)state;
	assert_string_equal(text, "{\"$$a\":[\"$$b\",1,null]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure),  cmocka_unit_test(noise),
		cmocka_unit_test(scalars),    cmocka_unit_test(blocks_and_dollars),
		cmocka_unit_test(loads_back), cmocka_unit_test(escaped_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
