/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference of the format: every key has its text, entries are found the way people write them,
 * and what it says of ignored keys is what the engine does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "compose/reference.h"
#include "compose/schema.h"
#include "engine/translate_int.h"

static void every_key(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct reference_section *const *all, *where;
	size_t i, k, count, keys = 0;

	(void)state;
	all = reference_sections(a, &count);
	assert_true(count > 50);
	for (i = 0; i < count; i++) {
		assert_int_equal(i == 0, !*all[i]->path);
		for (where = all[i]; where->same;)
			where = where->same;
		assert_ptr_equal(where->type->keys, all[i]->type->keys);
		/* What has an effect is not described where it has none. */
		assert_true(all[i]->ignored || !where->ignored);
		for (k = 0; all[i]->sorted[k]; k++, keys++) {
			const struct compose_key *key = all[i]->sorted[k];
			auto_buf struct buf value = BUF_INIT;

			if (!key->help || !str_ends(key->help, ".") || strstr(key->help, "  "))
				fail_msg("%s.%s: no sentence", all[i]->path, key->name);
			assert_true(!k || strcmp(all[i]->sorted[k - 1]->name, key->name) < 0);
			reference_value(&value, key);
			assert_true(value.len > 0);
			assert_non_null(reference_merge(all[i]->type, key));
		}
	}
	assert_true(keys > 300);
}

/* The paths of all sections lead to an entry, and so does every key in them. */
static void every_path(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct reference_section *const *all;
	size_t i, k, count;

	(void)state;
	all = reference_sections(a, &count);
	for (i = 0; i < count; i++)
		for (k = 0; all[i]->sorted[k]; k++) {
			auto_free char *path =
				xasprintf("%s%s%s", all[i]->path, *all[i]->path ? "." : "",
					  all[i]->sorted[k]->name);
			auto_free char *near = NULL;
			auto_buf struct buf out = BUF_INIT;

			if (!reference_explain(path, &out, &near) || !str_starts(out.data, path))
				fail_msg("%s: %s", path, out.len ? out.data : "not found");
		}
}

static void entries(void **state)
{
	static const char *const cases[][2] = {
		{"services.web.ports", "services.NAME.ports\n"},
		{"services.web.ports[0].target", "services.NAME.ports[].target\n"},
		{"services.web.ports.target", "services.NAME.ports[].target\n"},
		{"services.healthcheck.interval", "services.NAME.healthcheck.interval\n"},
		{"healthcheck.interval", "services.NAME.healthcheck.interval\n"},
		{"services.ports.image", "services.NAME.image\n"},
		{"services.web", "services.NAME\n"},
		{"volumes", "volumes\n"},
		{"networks.default.ipam.config[].subnet", "networks.NAME.ipam.config[].subnet\n"},
		{"build.args", "services.NAME.build.args\n"},
		{"build.sbom", "services.NAME.build.sbom (cmp ignores it)\n"},
		{"services.web.gpus", "services.NAME.gpus (cmp refuses it)\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf out = BUF_INIT;
		auto_free char *near = NULL;

		assert_true(reference_explain(cases[i][0], &out, &near));
		assert_null(near);
		if (!str_starts(out.data, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], out.data);
	}
}

static void hints(void **state)
{
	static const char *const cases[][2] = {
		{"services.web.prots", "services.web.ports"},
		{"servces.web", "services.web"},
		{"services.web.ports[0].targt", "services.web.ports[0].target"},
		{"healthcheck.intervall", "healthcheck.interval"},
		{"zzzzzz", NULL},
		{"", NULL},
		{".", NULL},
		{"[", NULL},
		{"services[0]", NULL},
		{"services.web.image.x", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf out = BUF_INIT;
		auto_free char *near = NULL;

		if (reference_explain(cases[i][0], &out, &near))
			fail_msg("%s: %s", cases[i][0], out.data);
		if (cases[i][1] && !str_eq(near, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], near ? near : "nothing is near");
		assert_int_equal(out.len, 0);
	}
}

/* What is warned of is called ignored, and what `up` translates is not. */
static void as_the_engine_does(void **state)
{
	static const struct translate_row *const tables[] = {
		translate_mount_rows, translate_net_rows, translate_limit_rows};
	const struct translate_row *row;
	const struct compose_key *key;
	size_t i;

	(void)state;
	for (key = type_service.keys; key->name; key++)
		if ((key->flags & KEY_WARNED) && !(key->flags & KEY_IGNORED))
			fail_msg("%s is ignored", key->name);
	for (i = 0; i < ARRAY_LEN(tables); i++)
		for (row = tables[i]; row->key; row++) {
			key = schema_key(&type_service, row->key);
			assert_non_null(key);
			if (key->flags & KEY_IGNORED)
				fail_msg("%s is not ignored", key->name);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(every_path),
		cmocka_unit_test(entries),
		cmocka_unit_test(hints),
		cmocka_unit_test(as_the_engine_does),
	};

	return cmocka_run_group_tests_name("compose_reference", tests, NULL, NULL);
}
