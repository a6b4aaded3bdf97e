/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp port, cmp top, cmp wait, cmp inspect: questions about the project's containers. */
#include <errno.h>
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	int index;
	char *protocol;
	bool down_project, launch;
};

static const struct values defaults = {.index = 0};

/* The project's containers of the services in argv. 0 or an exit status. */
static int containers_of(struct cli *cli, bool all, int argc, char **argv, json_t **ret)
{
	auto_free char *project = NULL, *target = NULL;
	int r = cli_project_name(cli, &project);

	if (!r && argc && !cli->project_name)
		r = cli_check_services(cli, NULL, argc, argv);
	if (r)
		return r;
	target = cli_containers_target(project, all, false, argv, argc);
	return cli_get(cli, target, ret);
}

static char *container_target(const json_t *c, const char *what)
{
	return xasprintf("/cmp/v1/containers/%s%s", json_get_str(c, "id"), what);
}

/* ---- port */

static const struct option_def port_options[] = {
	{0, "index", OPTION_INT, offsetof(struct values, index), "N",
	 "The Nth container of the service (default: the first)"},
	{0, "protocol", OPTION_STR, offsetof(struct values, protocol), "tcp|udp",
	 "Protocol of the port, tcp if not given"},
	{0},
};

static int port_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	const char *protocol = v->protocol ? v->protocol : "tcp";
	auto_json json_t *list = NULL;
	size_t i, k;
	uint16_t wanted;
	json_t *c, *p;
	int r;

	if (argc != 2)
		return cli_usage(cli, "\"cmp port\" requires 2 arguments: SERVICE PRIVATE_PORT");
	if (parse_u16(argv[1], &wanted) < 0)
		return cli_usage(cli, "\"%s\" is not a port", argv[1]);
	r = containers_of(cli, true, 1, argv, &list);
	if (r)
		return r;
	json_array_foreach (list, i, c) {
		if (v->index && json_get_int(c, "number", 0) != v->index)
			continue;
		json_array_foreach (json_get_arr(c, "ports"), k, p) {
			if (json_get_int(p, "container_port", 0) != wanted ||
			    !str_eq(json_get_str(p, "protocol"), protocol))
				continue;
			printf("%s:%lld\n", json_get_str(p, "host_ip"),
			       (long long)json_get_int(p, "host_port", 0));
			return 0;
		}
	}
	return cli_usage(cli, "no port %u/%s for service %s is published", wanted, protocol,
			 argv[0]);
}

const struct command cmd_port = {
	.name = "port",
	.usage = "[OPTIONS] SERVICE PRIVATE_PORT",
	.summary = "Show the host port of a service's port",
	.options = port_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = port_run,
	.dry_run = DRY_READS,
};

/* ---- top */

static void print_top(const json_t *c, const json_t *top)
{
	AUTO(strv_free) char **heads = NULL;
	json_t *rows = json_get_arr(top, "processes"), *row, *cell;
	struct table *t;
	size_t i, k;

	strv_push(&heads, xstrdup("SERVICE"));
	strv_push(&heads, xstrdup("#"));
	json_array_foreach (json_get_arr(top, "titles"), i, cell)
		strv_push(&heads, xstrdup(json_string_value(cell)));
	t = table_new((const char *const *)heads);
	json_array_foreach (rows, i, row) {
		table_cell(t, json_get_str(c, "service"));
		table_cellf(t, "%lld", (long long)json_get_int(c, "number", 0));
		json_array_foreach (row, k, cell)
			table_cell(t, json_string_value(cell));
	}
	table_print(t, stdout);
	table_free(t);
}

static int top_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_json json_t *list = NULL;
	size_t i;
	json_t *c;
	int r = containers_of(cli, false, argc, argv, &list);

	(void)values;
	json_array_foreach (list, i, c) {
		auto_free char *target = container_target(c, "/top");
		auto_json json_t *top = NULL;

		r = cli_get(cli, target, &top);
		if (r)
			return r;
		printf("%s%s\n", i ? "\n" : "", json_get_str(c, "name"));
		print_top(c, top);
	}
	return r;
}

const struct command cmd_top = {
	.name = "top",
	.usage = "[SERVICE...]",
	.summary = "Show the running processes",
	.run = top_run,
	.dry_run = DRY_READS,
};

/* ---- wait */

static const struct option_def wait_options[] = {
	{0, "down-project", OPTION_FLAG, offsetof(struct values, down_project), NULL,
	 "Take the project down when the first one has ended"},
	{0},
};

static int down(struct cli *cli)
{
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	int r = cli_project_name(cli, &project);

	json_set_new(body, "options", json_object());
	return r ? r : cli_project_stream(cli, project, "down", body, "down");
}

static int wait_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *list = NULL;
	int status = 0, r;
	size_t i;
	json_t *c;

	if (!argc)
		return cli_usage(cli, "\"cmp wait\" requires at least 1 argument: SERVICE");
	r = containers_of(cli, false, argc, argv, &list);
	if (r)
		return r;
	if (!json_array_size(list))
		return cli_usage(cli, "no containers of %s are running", argv[0]);
	json_array_foreach (list, i, c) {
		auto_free char *target = container_target(c, "/wait");
		auto_json json_t *reply = NULL;

		r = cli_get(cli, target, &reply);
		if (r)
			return r;
		status = (int)json_get_int(reply, "exit_code", 0);
		printf("%d\n", status);
		if (v->down_project)
			break;
	}
	if (v->down_project) {
		r = down(cli);
		return r ? r : status;
	}
	return status;
}

const struct command cmd_wait = {
	.name = "wait",
	.usage = "[OPTIONS] SERVICE...",
	.summary = "Wait until containers have ended; the last one's exit code",
	.options = wait_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = wait_run,
	.dry_run = DRY_READS,
};

/* ---- inspect */

static const struct option_def inspect_options[] = {
	{0, "launch", OPTION_FLAG, offsetof(struct values, launch), NULL,
	 "Show the launch program: every operation that makes the container"},
	{0},
};

struct text_sink {
	FILE *stream;
};

static int on_text(void *arg, const char *data, size_t len)
{
	struct text_sink *sink = arg;

	fwrite(data, 1, len, sink->stream);
	return 0;
}

static int inspect_launch(struct cli *cli, const char *name)
{
	static const struct client_events events = {.on_data = on_text};
	auto_buf struct buf target = BUF_INIT;
	struct text_sink sink = {stdout};
	struct error err = ERROR_INIT;
	struct client *c = NULL;
	int r;

	buf_adds(&target, "/cmp/v1/containers/");
	http_percent_encode(&target, name);
	buf_adds(&target, "/launch");
	r = client_open(cli->socket_path, true, &c, &err);
	if (r == 0)
		r = client_send(c, "GET", target.data, NULL, false, &err);
	if (r == 0)
		r = client_drain(c, &events, &sink, &err);
	client_free(c);
	return r < 0 ? cli_fail(cli, &err) : 0;
}

static int inspect_one(struct cli *cli, const char *name, json_t *out)
{
	static const char *const kinds[] = {"containers", "images", "volumes", "networks"};
	struct error err = ERROR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_buf struct buf target = BUF_INIT;
		json_t *reply = NULL;
		int r;

		buf_addf(&target, "/cmp/v1/%s/", kinds[i]);
		http_percent_encode(&target, name);
		r = client_call(cli->socket_path, true, "GET", target.data, NULL, &reply, &err);
		if (r == 0) {
			json_array_append_new(out, reply);
			return 0;
		}
		if (r != -ENOENT && r != -EINVAL)
			return cli_fail(cli, &err);
	}
	return cli_usage(cli, "no such container, image, volume or network: %s", name);
}

static int inspect_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *all = json_array();
	int i, r = 0;

	if (!argc)
		return cli_usage(cli, "\"cmp inspect\" requires at least 1 argument: OBJECT");
	for (i = 0; i < argc && !r; i++)
		r = v->launch ? inspect_launch(cli, argv[i]) : inspect_one(cli, argv[i], all);
	if (!v->launch && json_array_size(all))
		out_json_pretty(all, stdout);
	return r;
}

const struct command cmd_inspect = {
	.name = "inspect",
	.usage = "[OPTIONS] OBJECT...",
	.summary = "Show everything about containers, images, volumes, networks",
	.options = inspect_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = inspect_run,
	.dry_run = DRY_READS,
};
