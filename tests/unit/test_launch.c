/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container executes: Docker's rules for entrypoint and command, environment, host name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "engine/launch.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct daemon daemon;
	struct image image;
	struct container c, other;
};

/* `image` and `config` are JSON of an image's config and of a container's. */
static void make(struct world *w, const char *image, const char *config)
{
	struct error err = ERROR_INIT;
	auto_json json_t *doc = NULL;

	*w = (struct world){0};
	w->daemon.containers = map_new(NULL);
	w->daemon.container_names = map_new(NULL);
	assert_int_equal(json_load_text(image, strlen(image), &w->image.document, &err), 0);
	w->image.config = w->image.document;
	assert_int_equal(json_load_text(config, strlen(config), &doc, &err), 0);
	assert_int_equal(container_config_decode(doc, &w->c.config, &err), 0);
	w->c.image = &w->image;
	w->c.daemon = w->other.daemon = &w->daemon;
	str_copy(w->c.id, sizeof(w->c.id), ID);
	str_copy(w->other.id, sizeof(w->other.id), "fedcba9876543210");
	map_set(w->daemon.containers, w->other.id, &w->other);
}

static void release(struct world *w)
{
	json_decref(w->image.document);
	container_config_release(&w->c.config);
	map_free(w->daemon.containers);
	map_free(w->daemon.container_names);
}

static void test_argv(void **state)
{
	static const char both[] = "{\"Entrypoint\": [\"e\"], \"Cmd\": [\"c\", \"d\"]}";
	static const char command[] = "{\"Cmd\": [\"c\"]}";
	static const struct {
		const char *image, *config, *argv;
	} cases[] = {
		{both, "{}", "e c d"},
		{command, "{}", "c"},
		{"{}", "{}", ""},
		{both, "{\"command_set\": true, \"command\": [\"x\"]}", "e x"},
		{both, "{\"command_set\": true}", "e"},
		{both, "{\"entrypoint_set\": true, \"entrypoint\": [\"y\"]}", "y"},
		{both, "{\"entrypoint_set\": true}", ""},
		{both,
		 "{\"entrypoint_set\": true, \"entrypoint\": [\"y\"], \"command_set\": true, "
		 "\"command\": [\"x\"]}",
		 "y x"},
		{both, "{\"entrypoint_set\": true, \"command_set\": true, \"command\": [\"x\"]}",
		 "x"},
		{command, "{\"entrypoint_set\": true, \"entrypoint\": [\"y\"]}", "y"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strv_free) char **argv = NULL;
		auto_free char *joined = NULL;
		struct world w;

		make(&w, cases[i].image, cases[i].config);
		argv = launch_argv(&w.c);
		joined = argv ? strv_join(argv, " ") : xstrdup("");
		assert_string_equal(joined, cases[i].argv);
		release(&w);
	}
}

static void test_env(void **state)
{
	struct world w;
	AUTO(strv_free) char **env = NULL;
	auto_free char *joined = NULL;

	(void)state;
	make(&w, "{\"Env\": [\"A=1\", \"B=2\", \"PATH=/x\", \"AB=0\"]}",
	     "{\"env\": [\"B=3\", \"C=\", \"C=4\", \"A=\"], \"hostname\": \"h\", \"tty\": true}");
	env = launch_env(&w.c);
	joined = strv_join(env, " ");
	assert_string_equal(joined, "PATH=/x HOSTNAME=h TERM=xterm A= B=3 AB=0 C=4");
	release(&w);
}

static void test_hostname(void **state)
{
	static const struct {
		const char *config, *other, *name;
	} cases[] = {
		{"{}", NULL, "0123456789ab"},
		{"{\"hostname\": \"h\"}", NULL, "h"},
		{"{\"network_mode\": \"none\"}", NULL, "0123456789ab"},
		{"{\"network_mode\": \"container:fedcba9876543210\"}", NULL, "fedcba987654"},
		{"{\"network_mode\": \"container:fedcba9876543210\"}", "o", "o"},
		{"{\"network_mode\": \"container:fedcba9876543210\", \"hostname\": \"h\"}", "o",
		 "h"},
	};
	char host[256] = {0};
	size_t i;

	(void)state;
	for (i = 0; i <= ARRAY_LEN(cases); i++) {
		bool last = i == ARRAY_LEN(cases);
		auto_free char *name = NULL;
		struct world w;

		make(&w, "{}", last ? "{\"network_mode\": \"host\"}" : cases[i].config);
		w.other.config.hostname = last ? NULL : (char *)(uintptr_t)cases[i].other;
		name = launch_hostname(&w.c);
		gethostname(host, sizeof(host) - 1);
		assert_string_equal(name, last ? host : cases[i].name);
		release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_hostname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
