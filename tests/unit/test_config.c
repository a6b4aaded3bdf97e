/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of a container as JSON: what goes in comes out, and what is wrong is named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/config.h"

/* Something in every member of every table, so that a row that is missing is missed. */
static json_t *sample(const struct json_field *fields, int seed)
{
	json_t *o = json_object();

	for (; fields->key; fields++) {
		json_t *value = NULL;

		switch (fields->kind) {
		case JSON_K_STR:
			value = json_sprintf("%s-%d", fields->key, seed);
			break;
		case JSON_K_BOOL:
			value = json_true();
			break;
		case JSON_K_INT:
			value = json_integer(++seed);
			break;
		case JSON_K_STRV:
			value = json_pack("[s, s]", fields->key, "");
			break;
		case JSON_K_VALUE:
			value = json_pack("{s: s}", "key", fields->key);
			break;
		case JSON_K_STRUCT:
			value = sample(fields->sub, seed + 100);
			break;
		case JSON_K_LIST:
			value = json_pack("[o, o]", sample(fields->sub, seed + 200),
					  sample(fields->sub, seed + 300));
			break;
		default:
			fail_msg("%s: a kind that nothing here has", fields->key);
		}
		json_object_set_new(o, fields->key, value);
	}
	return o;
}

static void test_round_trip(void **state)
{
	auto_json json_t *in = sample(container_config_fields, 1), *out = NULL;
	struct container_config c;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(container_config_decode(in, &c, &err), 0);
	out = container_config_encode(&c);
	container_config_release(&c);
	if (!json_equal(in, out)) {
		auto_free char *text = json_text(out);

		fail_msg("comes back as %s", text);
	}
}

/* Every byte of the struct belongs to a row: two members at one place would show here. */
static void test_rows_do_not_overlap(void **state)
{
	const struct json_field *a, *b;

	(void)state;
	for (a = container_config_fields; a->key; a++)
		for (b = a + 1; b->key; b++) {
			if (a->offset == b->offset || !strcmp(a->key, b->key))
				fail_msg("%s and %s share a place or a name", a->key, b->key);
		}
}

static void test_empty(void **state)
{
	auto_json json_t *in = json_object(), *out = NULL;
	struct container_config c;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(container_config_decode(in, &c, &err), 0);
	assert_non_null(c.labels);
	assert_null(c.command);
	assert_int_equal(c.mount_count, 0);
	out = container_config_encode(&c);
	container_config_release(&c);
	json_object_del(out, "labels");
	assert_int_equal(json_object_size(out), 0);
}

/* An empty command is not the same as none. */
static void test_cleared_command(void **state)
{
	auto_json json_t *in = json_pack("{s: [], s: b}", "entrypoint", "entrypoint_set", 1);
	auto_json json_t *out = NULL;
	struct container_config c;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(container_config_decode(in, &c, &err), 0);
	assert_true(c.entrypoint_set);
	assert_int_equal(strv_len(c.entrypoint), 0);
	out = container_config_encode(&c);
	container_config_release(&c);
	assert_true(json_get_bool(out, "entrypoint_set"));
	assert_false(json_get_bool(out, "command_set"));
}

static void test_unlimited(void **state)
{
	auto_json json_t *in = json_pack("{s: [{s: s, s: i, s: i}]}", "ulimits", "name", "core",
					 "soft", 0, "hard", -1);
	struct container_config c;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(container_config_decode(in, &c, &err), 0);
	assert_int_equal(c.ulimits[0].soft, 0);
	assert_int_equal(c.ulimits[0].hard, -1);
	container_config_release(&c);
}

static void test_wrong_types(void **state)
{
	static const struct {
		const char *json, *where;
	} cases[] = {
		{"{\"image\": 5}", "image"},
		{"{\"tty\": \"yes\"}", "tty"},
		{"{\"env\": \"A=1\"}", "env"},
		{"{\"env\": [1, {}]}", "env"},
		{"{\"mounts\": [{}, {\"target\": []}]}", "mounts[1].target"},
		{"{\"ports\": {}}", "ports"},
		{"{\"restart\": \"always\"}", "restart"},
		{"{\"resources\": {\"memory_bytes\": \"1g\"}}", "resources.memory_bytes"},
		{"[]", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *in = NULL;
		struct container_config c;
		struct error err = ERROR_INIT;

		assert_int_equal(json_load_text(cases[i].json, strlen(cases[i].json), &in, &err),
				 0);
		if (container_config_decode(in, &c, &err) != -EINVAL)
			fail_msg("%s was taken", cases[i].json);
		if (!strstr(err.msg, cases[i].where))
			fail_msg("%s: \"%s\" does not name %s", cases[i].json, err.msg,
				 cases[i].where);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_rows_do_not_overlap),
		cmocka_unit_test(test_empty),	   cmocka_unit_test(test_cleared_command),
		cmocka_unit_test(test_unlimited),  cmocka_unit_test(test_wrong_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
