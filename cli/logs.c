/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp logs: output of the project's containers. */
#include <errno.h>

#include "base/http.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/logview.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool follow, timestamps, no_prefix, no_color;
	char *tail, *since, *until;
	int index;
};

static const struct option_def options[] = {
	{'f', "follow", OPTION_FLAG, offsetof(struct values, follow), NULL,
	 "Go on with what comes"},
	{0, "index", OPTION_INT, offsetof(struct values, index), "N",
	 "Only the Nth container of the service"},
	{0, "no-color", OPTION_FLAG, offsetof(struct values, no_color), NULL,
	 "Print without colours"},
	{0, "no-log-prefix", OPTION_FLAG, offsetof(struct values, no_prefix), NULL,
	 "Print without the container's name"},
	{0, "since", OPTION_STR, offsetof(struct values, since), "TIME",
	 "Only what came after (2026-01-02T13:23:37Z, or 42m for 42 minutes ago)"},
	{'n', "tail", OPTION_STR, offsetof(struct values, tail), "N",
	 "Lines to show from the end of each container's log (default all)"},
	{'t', "timestamps", OPTION_FLAG, offsetof(struct values, timestamps), NULL,
	 "Show when each line was written"},
	{0, "until", OPTION_STR, offsetof(struct values, until), "TIME", "Only what came before"},
	{0},
};

static int add_time(struct buf *target, const char *name, const char *text, struct error *err)
{
	int64_t ns;
	int r;

	if (!text)
		return 0;
	r = time_parse(text, time_now_ns(), &ns, err);
	if (r == 0)
		buf_addf(target, "&%s=%lld", name, (long long)ns);
	return r;
}

static int build_target(const struct values *v, const char *project, int argc, char **argv,
			struct buf *target, struct error *err)
{
	auto_free char *path = cli_project_target(project, "logs");
	uint64_t lines;
	int i, r;

	buf_addf(target, "%s?follow=%d&timestamps=%d", path, v->follow, v->timestamps);
	if (v->tail && strcmp(v->tail, "all")) {
		if (parse_u64(v->tail, &lines) < 0)
			return error_set(err, EINVAL,
					 "--tail takes a number or \"all\", not \"%s\"", v->tail);
		buf_addf(target, "&tail=%llu", (unsigned long long)lines);
	}
	if (v->index) {
		if (argc != 1)
			return error_set(err, EINVAL,
					 "--index requires one service to be selected");
		buf_addf(target, "&index=%d", v->index);
	}
	for (i = 0; i < argc; i++) {
		buf_adds(target, i ? "," : "&service=");
		http_percent_encode(target, argv[i]);
	}
	r = add_time(target, "since", v->since, err);
	return r < 0 ? r : add_time(target, "until", v->until, err);
}

struct sink {
	struct logview *view;
	struct error *err;
};

static int on_data(void *arg, const char *data, size_t len)
{
	struct sink *sink = arg;
	int r = logview_feed(sink->view, data, len, sink->err);

	if (isatty(STDOUT_FILENO))
		fflush(stdout);
	return r;
}

/* Fetches and shows; with --follow until everything has stopped or the user had enough. */
static int show(struct cli *cli, const char *target, struct logview *view, bool follow,
		struct error *err)
{
	static const struct client_events events = {.on_data = on_data};
	struct sink sink = {view, err};
	struct client *c = NULL;
	int r = client_open(cli->socket_path, true, &c, err);

	if (r == 0)
		r = client_send(c, "GET", target, NULL, false, err);
	while (r == 0 || r > 0) {
		r = client_read(c, &events, &sink, err);
		if (follow)
			fflush(stdout);
		if (r <= 0)
			break;
	}
	client_free(c);
	fflush(stdout);
	return r;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL;
	auto_buf struct buf target = BUF_INIT;
	struct logview_options view_options = {
		.prefix = !v->no_prefix,
		.color = !v->no_color && cli->color_out,
		.timestamps = v->timestamps,
	};
	struct error err = ERROR_INIT;
	struct logview *view;
	int r = cli_project_name(cli, &project);

	if (!r && argc && !cli->project_name)
		r = cli_check_services(cli, NULL, argc, argv);
	if (r)
		return r;
	if (build_target(v, project, argc, argv, &target, &err) < 0)
		return cli_fail(cli, &err);
	view_options.project = project;
	view = logview_new(&view_options);
	r = show(cli, target.data, view, v->follow, &err);
	logview_free(view);
	return r < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_logs = {
	.name = "logs",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Show the output of containers",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
