/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of images and the instructions that change a configuration: tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/json.h"
#include "base/reference.h"
#include "images/change.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_normalisation(void **state)
{
	static const struct {
		const char *text, *full, *familiar;
	} rows[] = {
		{"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
		{"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
		{"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
		{"index.docker.io/library/a", "docker.io/library/a:latest", "a:latest"},
		{"me/app", "docker.io/me/app:latest", "me/app:latest"},
		{"localhost/app", "localhost/app:latest", "localhost/app:latest"},
		{"localhost:5000/a/b:x", "localhost:5000/a/b:x", "localhost:5000/a/b:x"},
		{"Reg.Example/app", "reg.example/app:latest", "reg.example/app:latest"},
		{"[::1]:5000/app:1", "[::1]:5000/app:1", "[::1]:5000/app:1"},
		{"a@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64, "a@sha256:" HEX64},
		{"a:t@sha256:" HEX64, "docker.io/library/a:t@sha256:" HEX64, "a:t@sha256:" HEX64},
		{"a__b--c.d", "docker.io/library/a__b--c.d:latest", "a__b--c.d:latest"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_reference struct image_reference r = {0};
		struct error err = ERROR_INIT;
		auto_free char *full = NULL, *familiar = NULL;

		if (image_reference_parse(rows[i].text, &r, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		full = image_reference_full(&r);
		familiar = image_reference_familiar(&r);
		assert_string_equal(full, rows[i].full);
		assert_string_equal(familiar, rows[i].familiar);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"",	 "Busybox",	"a:",	       "a:-x",		 "a b",	   "a//b",
		"/a",	 "a/",		"a@sha256:12", "a___b",		 "-a",	   "a.",
		"a:b:c", "x:99999/app", "a\n",	       ("a@md5:" HEX64), "../etc", "x.y/Upper",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct image_reference r = {0};
		struct error err = ERROR_INIT;

		if (image_reference_parse(rows[i], &r, &err) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
	}
}

static void test_ids(void **state)
{
	(void)state;
	assert_true(image_reference_is_id("sha256:" HEX64));
	assert_true(image_reference_is_id(HEX64));
	assert_true(image_reference_is_id("cafe"));
	assert_false(image_reference_is_id("sha256:cafe"));
	assert_false(image_reference_is_id("CAFE"));
	assert_false(image_reference_is_id(""));
	assert_false(image_reference_is_id(HEX64 "0"));
}

static void test_changes(void **state)
{
	static const struct {
		const char *line, *config; /* NULL: refused */
	} rows[] = {
		{"CMD [\"a\", \"b c\"]", "{\"Cmd\":[\"a\",\"b c\"]}"},
		{"cmd echo $X", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $X\"]}"},
		{"ENTRYPOINT [\"/x\"]", "{\"Entrypoint\":[\"/x\"]}"},
		{"ENV A=1 B='x y' C=\"a\\\"b\"", "{\"Env\":[\"A=1\",\"B=x y\",\"C=a\\\"b\"]}"},
		{"ENV A some text", "{\"Env\":[\"A=some text\"]}"},
		{"EXPOSE 80 53/UDP", "{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}"},
		{"EXPOSE 1-2", "{\"ExposedPorts\":{\"1/tcp\":{},\"2/tcp\":{}}}"},
		{"USER 1000:1000", "{\"User\":\"1000:1000\"}"},
		{"VOLUME [\"/a\",\"/b\"]", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}"},
		{"VOLUME /a /b", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}"},
		{"WORKDIR srv", "{\"WorkingDir\":\"/srv\"}"},
		{"LABEL a=b \"c d\"=e", "{\"Labels\":{\"a\":\"b\",\"c d\":\"e\"}}"},
		{"STOPSIGNAL SIGINT", "{\"StopSignal\":\"SIGINT\"}"},
		{"HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}"},
		{"HEALTHCHECK --interval=5s --retries=3 CMD curl x",
		 "{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":3,"
		 "\"Test\":[\"CMD-SHELL\",\"curl x\"]}}"},
		{"HEALTHCHECK CMD [\"x\"]", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}}"},
		{"ONBUILD RUN x", "{\"OnBuild\":[\"RUN x\"]}"},
		{"RUN x", NULL},
		{"CMD", NULL},
		{"ENV =x", NULL},
		{"ENV A=\"open", NULL},
		{"EXPOSE 0", NULL},
		{"EXPOSE 80/icmp", NULL},
		{"USER a b", NULL},
		{"ONBUILD FROM x", NULL},
		{"HEALTHCHECK --bad=1 CMD x", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_json json_t *config = json_object(), *want = NULL;
		struct error err = ERROR_INIT;
		int r = image_change_apply(config, rows[i].line, &err);

		if ((r == 0) != (rows[i].config != NULL))
			fail_msg("%s: %s", rows[i].line, err.msg);
		if (r < 0)
			continue;
		assert_int_equal(
			json_load_text(rows[i].config, strlen(rows[i].config), &want, &err), 0);
		if (!json_equal(config, want))
			fail_msg("%s: %s", rows[i].line, json_text(config));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalisation),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
