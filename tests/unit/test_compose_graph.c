/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/graph.c and hash.c: order of services, cycles, hints, fingerprints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/compose.h"

static json_t *load(const char *text)
{
	struct error err = ERROR_INIT;
	json_t *value = NULL;

	if (json_load_text(text, strlen(text), &value, &err) < 0)
		fail_msg("%s", err.msg);
	return value;
}

static const char diamond[] =
	"{\"services\":{\"web\":{\"depends_on\":{\"db\":{},\"cache\":{}}},"
	"\"db\":{\"depends_on\":{\"disk\":{}}},\"cache\":{\"depends_on\":{\"disk\":{}}},"
	"\"disk\":{},\"alone\":{\"depends_on\":{\"elsewhere\":{\"required\":false}}}}}";

static void check_order(const char *text, char *const *wanted, bool deps, const char *expected)
{
	auto_json json_t *model = load(text);
	AUTO(strv_free) char **order = NULL;
	struct error err = ERROR_INIT;
	auto_free char *joined = NULL;

	if (compose_order(model, wanted, deps, &order, &err) < 0)
		fail_msg("%s", err.msg);
	joined = strv_join(order, " ");
	assert_string_equal(joined ? joined : "", expected);
}

static void order_is_by_need_then_name(void **state)
{
	(void)state;
	check_order(diamond, NULL, false, "alone disk cache db web");
	check_order("{\"services\":{}}", NULL, true, "");
	check_order("{}", NULL, true, "");
}

static void wanted_restricts(void **state)
{
	char *web[] = {(char[]){"web"}, NULL};
	char *two[] = {(char[]){"web"}, (char[]){"disk"}, NULL};

	(void)state;
	check_order(diamond, web, true, "disk cache db web");
	check_order(diamond, web, false, "web");
	check_order(diamond, two, false, "disk web");
}

static void unknown_has_a_hint(void **state)
{
	auto_json json_t *model = load(diamond);
	char *wanted[] = {(char[]){"cashe"}, NULL};
	struct error err = ERROR_INIT;
	char **order = NULL;

	(void)state;
	assert_int_equal(compose_order(model, wanted, true, &order, &err), -ENOENT);
	assert_null(order);
	assert_string_equal(err.msg, "no such service: cashe (did you mean cache?)");
}

static void cycle_is_shown(void **state)
{
	auto_json json_t *model = load("{\"services\":{\"x\":{\"depends_on\":{\"a\":{}}},"
				       "\"a\":{\"depends_on\":{\"b\":{}}},"
				       "\"b\":{\"depends_on\":{\"c\":{}}},"
				       "\"c\":{\"depends_on\":{\"a\":{}}}}}");
	auto_json json_t *self = load("{\"services\":{\"a\":{\"depends_on\":{\"a\":{}}}}}");
	struct error err = ERROR_INIT;
	char **order = NULL;

	(void)state;
	assert_int_equal(compose_order(model, NULL, true, &order, &err), -ELOOP);
	assert_string_equal(err.msg, "dependency cycle detected: a -> b -> c -> a");
	err = ERROR_INIT;
	assert_int_equal(compose_order(self, NULL, true, &order, &err), -ELOOP);
	assert_string_equal(err.msg, "dependency cycle detected: a -> a");
}

static void long_chain(void **state)
{
	enum { LENGTH = 20000 };
	auto_json json_t *model = json_object();
	AUTO(strv_free) char **order = NULL;
	json_t *services = json_object();
	struct error err = ERROR_INIT;
	char name[16];
	int i;

	(void)state;
	json_set_new(model, "services", services);
	for (i = 0; i < LENGTH; i++) {
		json_t *needs = json_object();

		snprintf(name, sizeof(name), "s%05d", i + 1);
		if (i + 1 < LENGTH)
			json_set_new(needs, name, json_object());
		snprintf(name, sizeof(name), "s%05d", i);
		json_set_new(services, name, json_pack("{s:o}", "depends_on", needs));
	}
	assert_int_equal(compose_order(model, NULL, true, &order, &err), 0);
	assert_int_equal(strv_len(order), LENGTH);
	assert_string_equal(order[0], "s19999");
}

static void check_hash(const char *x, const char *y, bool same)
{
	auto_json json_t *a = load(x), *b = load(y);
	char first[65], second[65];

	compose_service_hash(a, first);
	compose_service_hash(b, second);
	assert_int_equal(strlen(first), 64);
	if (same)
		assert_string_equal(first, second);
	else
		assert_string_not_equal(first, second);
}

static void hash_ignores_what_makes_no_difference(void **state)
{
	(void)state;
	check_hash("{\"image\":\"a\",\"user\":\"b\"}", "{\"user\":\"b\",\"image\":\"a\"}", true);
	check_hash("{\"image\":\"a\"}",
		   "{\"image\":\"a\",\"scale\":3,\"build\":{},\"pull_policy\":\"always\","
		   "\"depends_on\":{\"b\":{}},\"profiles\":[\"p\"],"
		   "\"deploy\":{\"replicas\":2,\"resources\":{},\"placement\":{}}}",
		   true);
	check_hash("{\"image\":\"a\"}",
		   "{\"image\":\"a\",\"deploy\":{\"resources\":{\"limits\":{\"cpus\":1}}}}", false);
	check_hash("{\"image\":\"a\"}", "{\"image\":\"b\"}", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_by_need_then_name),
		cmocka_unit_test(wanted_restricts),
		cmocka_unit_test(unknown_has_a_hint),
		cmocka_unit_test(cycle_is_shown),
		cmocka_unit_test(long_chain),
		cmocka_unit_test(hash_ignores_what_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
