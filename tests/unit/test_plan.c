/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans against goldens: tests/golden/plan/NAME.json says what exists and what is asked for,
 * NAME.txt the operations.  CMP_UPDATE_GOLDEN=1 writes the latter.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/plan.h"

static const struct {
	const char *name;
	int (*plan)(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		    struct error *err);
} verbs[] = {
	{"up", plan_up},       {"down", plan_down},	  {"start", plan_start},
	{"stop", plan_stop},   {"restart", plan_restart}, {"kill", plan_kill},
	{"pause", plan_pause}, {"unpause", plan_unpause}, {"rm", plan_rm},
};

static enum plan_status status_of(const char *word)
{
	static const char *const words[] = {"created", "running", "paused", "exited"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(word, words[i]))
			return (enum plan_status)i;
	return PLAN_IS_RUNNING;
}

static struct map *names_of(const json_t *list)
{
	struct map *m = map_new(NULL);
	size_t i;
	json_t *name;

	json_array_foreach ((json_t *)(uintptr_t)list, i, name)
		map_set(m, json_string_value(name), m);
	return m;
}

static struct plan_container *containers_of(const json_t *list)
{
	struct plan_container *c = xcalloc(json_array_size(list) + 1, sizeof(*c));
	size_t i;
	json_t *o;

	json_array_foreach ((json_t *)(uintptr_t)list, i, o) {
		c[i] = (struct plan_container){
			.id = json_get_str(o, "id") ? json_get_str(o, "id")
						    : json_get_str(o, "name"),
			.name = json_get_str(o, "name"),
			.service = json_get_str(o, "service"),
			.config_hash = json_get_str(o, "hash"),
			.image_id = json_get_str(o, "image"),
			.number = json_get_int(o, "number", 1),
			.one_off = json_get_bool(o, "one_off"),
			.status = status_of(json_get_str(o, "status")),
			.definition = json_get_obj(o, "definition"),
		};
	}
	return c;
}

static void describe(const struct plan *p, struct buf *out)
{
	static const char *const kinds[] = {"", "?", "~"};
	static const char *const conditions[] = {" started", " healthy", " completed", " ready"};
	char **w;
	size_t i, k;

	for (w = p->warnings; w && *w; w++)
		buf_addf(out, "warning: %s\n", *w);
	for (i = 0; i < p->count; i++) {
		const struct plan_op *op = &p->ops[i];
		auto_free char *id = plan_op_id(op);

		buf_addf(out, "%zu %s: %s%s", i, id, plan_action_name(op->action),
			 op->action == PLAN_WAIT ? conditions[op->condition] : "");
		if (op->cause)
			buf_addf(out, " <- %s", op->cause);
		for (k = 0; k < op->need_count; k++) {
			assert_true(op->needs[k].op < i);
			buf_addf(out, "%s%s%zu", k ? "," : " | after ", kinds[op->needs[k].kind],
				 op->needs[k].op);
		}
		buf_addc(out, '\n');
	}
}

static void run_case(const json_t *doc, struct buf *out)
{
	const json_t *o = json_get_obj(doc, "options");
	AUTO(strv_free) char **order = json_to_strv(json_get_arr(doc, "order"));
	AUTO(strv_free) char **services = json_to_strv(json_get_arr(o, "services"));
	auto_free struct plan_container *containers =
		containers_of(json_get_arr(doc, "containers"));
	struct map *networks = names_of(json_get_arr(doc, "networks"));
	struct map *volumes = names_of(json_get_arr(doc, "volumes"));
	struct map *changed = names_of(json_get_arr(doc, "changed"));
	struct plan_input in = {
		.project = "app",
		.model = json_get_obj(doc, "model"),
		.order = order,
		.hashes = json_get_obj(doc, "hashes"),
		.images = json_get_obj(doc, "images"),
		.containers = containers,
		.container_count = json_array_size(json_get_arr(doc, "containers")),
		.networks = networks,
		.volumes = volumes,
		.changed = changed,
	};
	struct plan_options options = {
		.services = strv_len(services) ? services : NULL,
		.scale = json_get_obj(o, "scale"),
		.force_recreate = json_get_bool(o, "force_recreate"),
		.no_recreate = json_get_bool(o, "no_recreate"),
		.remove_orphans = json_get_bool(o, "remove_orphans"),
		.always_recreate_deps = json_get_bool(o, "always_recreate_deps"),
		.no_deps = json_get_bool(o, "no_deps"),
		.start = !json_get_bool(o, "no_start"),
		.wait = json_get_bool(o, "wait"),
		.one_off = json_get_str(o, "one_off"),
		.volumes = json_get_bool(o, "volumes"),
		.stop = json_get_bool(o, "stop"),
		.rmi = json_get_str(o, "rmi"),
	};
	struct error err = ERROR_INIT;
	struct plan plan = {0};
	size_t i;

	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(json_get_str(doc, "verb"), verbs[i].name))
			break;
	assert_true(i < ARRAY_LEN(verbs));
	if (verbs[i].plan(&in, &options, &plan, &err) < 0)
		buf_addf(out, "error %d: %s\n", err.code, err.msg);
	else
		describe(&plan, out);
	plan_release(&plan);
	map_free(networks);
	map_free(volumes);
	map_free(changed);
}

static void check_golden(int dir, const char *name)
{
	auto_free char *base = xstrndup(name, strlen(name) - strlen(".json"));
	auto_free char *golden = xasprintf("%s.txt", base);
	auto_buf struct buf text = BUF_INIT, got = BUF_INIT, want = BUF_INIT;
	struct error err = ERROR_INIT;
	auto_json json_t *doc = NULL;

	assert_int_equal(file_read(dir, name, 1 << 20, &text, &err), 0);
	if (json_load_text(text.data, text.len, &doc, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	run_case(doc, &got);
	buf_adds(&got, "");
	if (getenv("CMP_UPDATE_GOLDEN")) {
		assert_int_equal(file_write_atomic(dir, golden, got.data, got.len, 0644, &err), 0);
		return;
	}
	assert_int_equal(file_read(dir, golden, 1 << 20, &want, &err), 0);
	if (!str_eq(got.data, want.data))
		fail_msg("%s: got\n%s\nwant\n%s", base, got.data, want.data);
}

static void goldens(void **state UNUSED)
{
	const char *top = getenv("top_srcdir");
	auto_free char *path = xasprintf("%s/tests/golden/plan", top ? top : ".");
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = dir < 0 ? NULL : fdopendir(dir);
	AUTO(strv_free) char **names = NULL;
	struct dirent *e;
	size_t i;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (str_ends(e->d_name, ".json"))
			strv_push(&names, xstrdup(e->d_name));
	assert_true(strv_len(names) > 10);
	strv_sort(names);
	for (i = 0; i < strv_len(names); i++)
		check_golden(dir, names[i]);
	closedir(d);
}

static void check_difference(const char *old, const char *new, const char *want)
{
	struct error err = ERROR_INIT;
	auto_json json_t *a = NULL, *b = NULL;
	auto_free char *text = NULL;

	assert_int_equal(json_load_text(old, strlen(old), &a, &err), 0);
	assert_int_equal(json_load_text(new, strlen(new), &b, &err), 0);
	text = plan_difference(a, b);
	assert_string_equal(text, want);
}

static void differences(void **state UNUSED)
{
	check_difference("{}", "{}", "configuration changed");
	check_difference("{\"environment\":{\"A\":\"1\"}}", "{\"environment\":{\"A\":\"2\"}}",
			 "env A changed");
	check_difference("{\"environment\":{\"A\":\"1\"}}", "{\"environment\":{\"B\":\"1\"}}",
			 "env B added, env A removed");
	check_difference("{\"image\":\"a\",\"scale\":1}", "{\"image\":\"b\",\"scale\":2}",
			 "image changed");
	check_difference("{\"tty\":true}", "{\"user\":\"a\",\"init\":true,\"hostname\":\"h\"}",
			 "user added, init added, hostname added and 1 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens),
		cmocka_unit_test(differences),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
