/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line's pure parts: options, templates, the frame of progress, the log view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/logview.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/project.h"

struct values {
	bool all, force;
	char *format, **env;
	int timeout;
};

static const struct option_def table[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL, "All"},
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL, "Force"},
	{0, "format", OPTION_STR, offsetof(struct values, format), "FORMAT", "Format"},
	{'e', "env", OPTION_STRV, offsetof(struct values, env), "K=V", "Variables"},
	{'t', "timeout", OPTION_INT, offsetof(struct values, timeout), "SECONDS", "Timeout"},
	{0},
};

/* The parser moves the arguments within argv, so the words are owned by another vector. */
static char **words, *argv_of[32];

static int parse(struct values *v, const char *line, bool stop, int *ret_rest, struct error *err)
{
	size_t n;

	words = strv_split(line, " ");
	n = strv_len(words);
	assert_true(n < ARRAY_LEN(argv_of));
	memcpy(argv_of, words, n * sizeof(*words));
	*v = (struct values){.timeout = -1};
	return options_parse(table, v, (int)n, argv_of, stop, ret_rest, err);
}

static void done(struct values *v)
{
	options_release(table, v);
	strv_free(words);
}

static void test_options(void **state)
{
	struct error err = ERROR_INIT;
	struct values v;
	int rest;

	(void)state;
	assert_int_equal(
		parse(&v, "web -af --format=json -t5 -e A=1 --env B=2 db", false, &rest, &err), 0);
	assert_true(v.all && v.force);
	assert_string_equal(v.format, "json");
	assert_int_equal(v.timeout, 5);
	assert_int_equal(strv_len(v.env), 2);
	assert_string_equal(argv_of[rest], "web");
	assert_string_equal(argv_of[rest + 1], "db");
	done(&v);
}

static void test_options_stop(void **state)
{
	struct error err = ERROR_INIT;
	struct values v;
	int rest;

	(void)state;
	assert_int_equal(parse(&v, "-a web ls -f", true, &rest, &err), 0);
	assert_true(v.all);
	assert_false(v.force);
	assert_string_equal(argv_of[rest + 2], "-f");
	done(&v);
}

static void test_options_wrong(void **state)
{
	static const char *const lines[][2] = {
		{"--forse", "--force"},
		{"-t x", "x"},
		{"--format", "format"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		struct error err = ERROR_INIT;
		struct values v;
		int rest;

		assert_true(parse(&v, lines[i][0], false, &rest, &err) < 0);
		assert_non_null(strstr(err.msg, lines[i][1]));
		done(&v);
	}
}

static void test_scale(void **state)
{
	auto_json json_t *scale = json_object();

	(void)state;
	assert_int_equal(scale_parse("web=5", scale), 0);
	assert_int_equal(json_get_int(scale, "web", 0), 5);
	assert_true(scale_parse("web", scale) < 0);
	assert_true(scale_parse("=5", scale) < 0);
	assert_true(scale_parse("web=-1", scale) < 0);
	assert_true(scale_parse("web=999999999", scale) < 0);
}

static char *printed(const char *template, const json_t *rows)
{
	struct error err = ERROR_INIT;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(format_rows(template, rows, f, &err), 0);
	fclose(f);
	return text;
}

static void test_format(void **state)
{
	auto_json json_t *rows = json_pack("[{s:s, s:i}, {s:s, s:i}]", "Name", "web-1", "ExitCode",
					   3, "Name", "db-1-long", "ExitCode", 4);
	auto_free char *lines = printed("{{.Name}}\\t{{.ExitCode}}", rows);
	auto_free char *aligned = printed("table {{.Name}}\\t{{.ExitCode}}", rows);
	auto_free char *lower = printed("{{ .name }}", rows);
	struct error err = ERROR_INIT;
	enum format_kind kind;

	(void)state;
	assert_string_equal(lines, "web-1\t3\ndb-1-long\t4\n");
	assert_string_equal(aligned, "NAME        EXIT CODE\nweb-1       3\ndb-1-long   4\n");
	assert_string_equal(lower, "web-1\ndb-1-long\n");
	assert_true(format_rows("{{.Nonsense}}", rows, stdout, &err) < 0);
	assert_non_null(strstr(err.msg, ".Nonsense"));
	assert_int_equal(format_parse("json", &kind, &err), 0);
	assert_int_equal(kind, FORMAT_JSON);
	assert_int_equal(format_parse("{{.Name}}", &kind, &err), 0);
	assert_int_equal(kind, FORMAT_TEMPLATE);
	assert_true(format_parse("{{.Name", &kind, &err) < 0);
}

static void test_ports(void **state)
{
	static const struct {
		const char *ports, *text;
	} cases[] = {
		{"[[\"0.0.0.0\",80,8080]]", "0.0.0.0:8080->80/tcp"},
		{"[[\"0.0.0.0\",80,8080],[\"0.0.0.0\",81,8081],[\"0.0.0.0\",82,8082]]",
		 "0.0.0.0:8080-8082->80-82/tcp"},
		{"[[\"0.0.0.0\",80,8080],[\"::\",81,8081],[\"::\",82,9000]]",
		 "0.0.0.0:8080->80/tcp, [::]:8081->81/tcp, [::]:9000->82/tcp"},
		{"[[\"\",80,0],[\"\",81,0],[\"\",90,0]]", "80-81/tcp, 90/tcp"},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *short_form = json_loads(cases[i].ports, 0, NULL),
				 *ports = json_array();
		auto_buf struct buf text = BUF_INIT;
		json_t *p;

		json_array_foreach (short_form, k, p)
			json_array_append_new(ports,
					      json_pack("{s:O, s:O, s:O, s:s}", "host_ip",
							json_array_get(p, 0), "container_port",
							json_array_get(p, 1), "host_port",
							json_array_get(p, 2), "protocol", "tcp"));
		out_ports(ports, &text);
		assert_string_equal(text.data, cases[i].text);
	}
}

static void feed(struct progress *p, const char *id, const char *status, const char *text)
{
	auto_json json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "type", "progress", "id", id,
					    "status", status, "text", text);

	assert_true(progress_event(p, event));
}

/* Layers stand below their image, are not counted, and have a bar while they move. */
static void test_progress_parts(void **state)
{
	struct cli cli = {.progress = xstrdup("quiet")};
	auto_json json_t *moving =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "type", "progress", "id", "0123",
			  "parent", "web", "status", "Working", "text", "Downloading", "current",
			  5000000, "total", 10000000);
	auto_buf struct buf frame = BUF_INIT;
	struct error err = ERROR_INIT;
	struct progress *p;
	const char *image, *layer, *other;

	(void)state;
	assert_int_equal(progress_new(&cli, "pull", &p, &err), 0);
	feed(p, "web", "Working", "Pulling");
	feed(p, "db", "Done", "Pulled");
	assert_true(progress_event(p, moving));
	progress_render(p, 100, 24, 0, false, &frame);
	assert_non_null(strstr(frame.data, "[+] pull 1/2"));
	image = strstr(frame.data, "web");
	layer = strstr(frame.data, "0123");
	other = strstr(frame.data, "db");
	assert_true(image && layer && other && image < layer && layer < other);
	assert_non_null(strstr(frame.data, "[==========>         ] 5MB/10MB"));
	progress_free(p);
	free(cli.progress);
}

static void test_progress(void **state)
{
	struct cli cli = {.progress = xstrdup("quiet")};
	auto_json json_t *end = json_pack("{s:s, s:i}", "type", "end", "exit", 7);
	auto_buf struct buf frame = BUF_INIT;
	struct error err = ERROR_INIT;
	struct progress *p;

	(void)state;
	assert_int_equal(progress_new(&cli, "up", &p, &err), 0);
	feed(p, "Container web-1", "Working", "Starting");
	feed(p, "Container db-1", "Done", "Started");
	progress_render(p, 60, 24, 0, false, &frame);
	assert_non_null(strstr(frame.data, "[+] up 1/2"));
	assert_non_null(strstr(frame.data, "✔ Container db-1"));
	assert_false(progress_event(p, end));
	assert_int_equal(progress_exit(p), 7);
	progress_free(p);
	free(cli.progress);
}

static void test_progress_mode(void **state)
{
	struct cli cli = {.progress = xstrdup("loud")};
	struct error err = ERROR_INIT;
	struct progress *p;

	(void)state;
	assert_true(progress_new(&cli, "up", &p, &err) < 0);
	assert_non_null(strstr(err.msg, "loud"));
	free(cli.progress);
}

static int exits;

static void on_exit_frame(void *arg, const char *container, int exit_code, bool restarting)
{
	(void)arg;
	assert_string_equal(container, "web-1");
	assert_int_equal(exit_code, 3);
	assert_false(restarting);
	exits++;
}

static void test_logview(void **state)
{
	/* announce "app-web-1" as source 0, a line of it, its exit */
	static const char frames[] = "\0\0\0\0\0\0\0\011\0\0\0\0\0\0\0\0app-web-1"
				     "\1\0\0\0\0\0\0\3\0\0\0\0\0\0\0\1hi\n"
				     "\3\0\0\0\0\0\0\017\0\0\0\0\0\0\0\2{\"exit_code\":3}";
	struct logview_options options = {
		.prefix = false, .project = "app", .on_exit = on_exit_frame};
	struct error err = ERROR_INIT;
	struct logview *v = logview_new(&options);
	size_t i;

	(void)state;
	exits = 0;
	for (i = 0; i < sizeof(frames) - 1; i++) /* in the smallest pieces */
		assert_int_equal(logview_feed(v, frames + i, 1, &err), 0);
	assert_int_equal(exits, 1);
	assert_true(logview_feed(v, "\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, &err) < 0);
	logview_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),	      cmocka_unit_test(test_options_stop),
		cmocka_unit_test(test_options_wrong), cmocka_unit_test(test_scale),
		cmocka_unit_test(test_format),	      cmocka_unit_test(test_ports),
		cmocka_unit_test(test_progress),      cmocka_unit_test(test_progress_parts),
		cmocka_unit_test(test_progress_mode), cmocka_unit_test(test_logview),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
