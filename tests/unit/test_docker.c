/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients of Docker send and see: fields, filters of strings, detach keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "engine/api/docker.h"
#include "engine/api/stream.h"

struct thing {
	char *name;
	bool on;
	int64_t number, when_ns;
	char **list;
	json_t *map;
};

static void put_shout(struct buf *b, const void *object)
{
	const struct thing *t = object;

	if (t->on)
		docker_put_str(b, "ON");
}

#define T(key, kind, member, empty)                                                                \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct thing, member), empty, NULL, NULL              \
	}

static const struct docker_field fields[] = {
	T("Name", STR, name, "\"\""),
	T("On", BOOL, on, NULL),
	T("Number", INT, number, "0"),
	T("When", TIME, when_ns, NULL),
	T("List", STRV, list, "null"),
	T("Map", VALUE, map, "{}"),
	{"Fixed", DOCKER_CONST, 0, "[0,0]", NULL, NULL},
	{"Shout", DOCKER_PUT, 0, NULL, put_shout, NULL},
	{"Quiet", DOCKER_PUT, 0, "null", put_shout, NULL},
	{"Refused", DOCKER_CONST, 0, NULL, NULL, docker_refuse},
	{"Warned", DOCKER_CONST, 0, NULL, NULL, docker_warn},
	{0},
};

static void release(struct thing *t)
{
	free(t->name);
	strv_free(t->list);
	json_decref(t->map);
}

static int read_thing(const char *text, struct thing *ret, char ***warnings, struct error *err)
{
	struct docker_input in = {.err = err, .key = "body"};
	auto_json json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
	int r;

	*ret = (struct thing){0};
	*err = ERROR_INIT;
	assert_non_null(object);
	r = docker_read(&in, fields, object, ret);
	if (warnings)
		*warnings = in.warnings;
	else
		strv_free(in.warnings);
	return r;
}

static void test_nothing_is_shown_as_docker_shows_it(void **state)
{
	const struct thing t = {0};
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	docker_put(&b, fields, &t);
	assert_string_equal(b.data, "{\"Name\":\"\",\"Number\":0,\"When\":\"0001-01-01T00:00:00Z\","
				    "\"List\":null,\"Map\":{},\"Fixed\":[0,0],\"Quiet\":null}");
}

static void test_what_is_read_is_shown_again(void **state)
{
	static const char text[] =
		"{\"Name\":\"a\\\"\\u00e9\\u0001\",\"On\":true,\"Number\":-7,\"List\":[\"x\",\"\"],"
		"\"Map\":{\"k\":\"v\",\"l\":\"\"},\"Unknown\":{},\"Number2\":null}";
	struct thing t;
	struct error err;
	auto_buf struct buf b = BUF_INIT;
	auto_json json_t *shown = NULL;

	(void)state;
	assert_int_equal(read_thing(text, &t, NULL, &err), 0);
	t.when_ns = 1500000000120000000;
	docker_put(&b, fields, &t);
	shown = json_loads(b.data, 0, NULL);
	assert_non_null(shown);
	assert_string_equal(json_get_str(shown, "Name"), "a\"\xc3\xa9\x01");
	assert_string_equal(json_get_str(shown, "When"), "2017-07-14T02:40:00.12Z");
	assert_int_equal(json_get_int(shown, "Number", 0), -7);
	assert_int_equal(json_array_size(json_get_arr(shown, "List")), 2);
	assert_string_equal(json_get_str(json_get_obj(shown, "Map"), "k"), "v");
	assert_string_equal(json_get_str(shown, "Shout"), "ON");
	release(&t);
}

static void test_wrong_types_name_the_field(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[]", "body must be an object"},
		{"{\"Name\":1}", "Name must be a string"},
		{"{\"On\":\"yes\"}", "On must be true or false"},
		{"{\"Number\":1.5}", "Number must be a whole number"},
		{"{\"List\":[1]}", "List must be a list of strings"},
		{"{\"Map\":{\"a\":[]}}", "Map must be an object of strings"},
		{"{\"Refused\":[\"x\"]}", "Refused is not supported"},
	};
	struct thing t;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(read_thing(cases[i].text, &t, NULL, &err) < 0);
		assert_non_null(strstr(err.msg, cases[i].message));
		release(&t);
	}
}

static void test_blank_values_ask_for_nothing(void **state)
{
	static const char *const blank[] = {"null", "\"\"", "0", "false", "[]", "{}", "[0,0]"};
	struct thing t;
	struct error err;
	char **warnings;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(blank); i++) {
		auto_free char *text =
			xasprintf("{\"Refused\":%s,\"Warned\":%s}", blank[i], blank[i]);

		assert_int_equal(read_thing(text, &t, &warnings, &err), 0);
		assert_null(warnings);
		release(&t);
	}
	assert_int_equal(read_thing("{\"Warned\":5}", &t, &warnings, &err), 0);
	assert_int_equal(strv_len(warnings), 1);
	assert_non_null(strstr(warnings[0], "Warned is not supported"));
	strv_free(warnings);
	release(&t);
}

static void press(struct detach_keys *k, const char *keys, bool left, const char *passed)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(detach_keys_feed(k, keys, strlen(keys), &b), left);
	assert_string_equal(b.data ? b.data : "", passed);
}

static void test_detach_keys(void **state)
{
	struct detach_keys k;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(detach_keys_parse(NULL, &k, &err), 0);
	press(&k, "abc", false, "abc");
	press(&k, "a\x10", false, "a");
	press(&k, "b", false,
	      "\x10"
	      "b");
	press(&k, "\x10\x10", false, "\x10");
	press(&k, "\x11", true, "");
	assert_int_equal(detach_keys_parse("a,ctrl-@", &k, &err), 0);
	assert_int_equal(k.count, 2);
	assert_int_equal(k.keys[1], 0);
	assert_int_equal(detach_keys_parse("ctrl-", &k, &err), -EINVAL);
	assert_int_equal(detach_keys_parse("a,,ab", &k, &err), -EINVAL);
	assert_int_equal(detach_keys_parse("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", &k, &err), -EINVAL);
}

static void test_no_keys_pass_everything(void **state)
{
	struct detach_keys k = {.count = 0};

	(void)state;
	press(&k, "\x10\x11", false, "\x10\x11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_shown_as_docker_shows_it),
		cmocka_unit_test(test_what_is_read_is_shown_again),
		cmocka_unit_test(test_wrong_types_name_the_field),
		cmocka_unit_test(test_blank_values_ask_for_nothing),
		cmocka_unit_test(test_detach_keys),
		cmocka_unit_test(test_no_keys_pass_everything),
	};

	return cmocka_run_group_tests_name("docker", tests, NULL, NULL);
}
