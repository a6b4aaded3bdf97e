/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp ps: the project's containers. */
#include <errno.h>
#include <time.h>

#include "base/json.h"
#include "base/time.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool all, all_projects, quiet, services, no_trunc, orphans;
	char *format, **status, **filters;
};

static const struct option_def options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL,
	 "Show stopped containers too, and those made by run"},
	{0, "all-projects", OPTION_FLAG, offsetof(struct values, all_projects), NULL,
	 "Show the containers of every project"},
	{0, "filter", OPTION_STRV, offsetof(struct values, filters), "status=STATUS",
	 "Show only containers in this state"},
	{0, "format", OPTION_STR, offsetof(struct values, format), "table|json|TEMPLATE",
	 "Format of the output; a template is like \"{{.Name}}\""},
	{0, "no-trunc", OPTION_FLAG, offsetof(struct values, no_trunc), NULL,
	 "Do not shorten the command and ids"},
	{0, "orphans", OPTION_FLAG, offsetof(struct values, orphans), NULL,
	 "Include services that the files no longer define (default)"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show only ids"},
	{0, "services", OPTION_FLAG, offsetof(struct values, services), NULL,
	 "Show only service names"},
	{0, "status", OPTION_STRV, offsetof(struct values, status), "STATUS",
	 "Show only containers in this state (running, exited, paused, …)"},
	{0},
};

/* As Go prints a time. */
static void created_at(int64_t seconds, char *ret, size_t size)
{
	time_t then = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&then, &tm) || !strftime(ret, size, "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		*ret = '\0';
}

static void labels_text(const json_t *labels, struct buf *out)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)labels, key, value)
		buf_addf(out, "%s%s=%s", out->len ? "," : "", key, json_string_value(value) ?: "");
}

static void names_text(const json_t *map, struct buf *out)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)map, key, value)
		buf_addf(out, "%s%s", out->len ? "," : "", key);
}

/* A container of the supervisor's list in the shape of compose's JSON rows. */
static json_t *row(const json_t *c, bool no_trunc)
{
	auto_buf struct buf ports = BUF_INIT, labels = BUF_INIT, networks = BUF_INIT;
	auto_free char *command = NULL;
	char ago[64], when[64];
	json_t *r = json_object(), *publishers = json_array(), *port;
	const char *text = json_get_str(c, "command");
	size_t i;

	out_ago(json_get_int(c, "created_ns", 0), ago, sizeof(ago));
	out_ports(json_get_arr(c, "ports"), &ports);
	if (text && !no_trunc && strlen(text) > 20)
		command = xasprintf("\"%.19s…\"", text);
	else
		command = xasprintf("\"%s\"", text ? text : "");
	json_set_str(r, "Command", command);
	created_at(json_get_int(c, "created_ns", 0) / NS_PER_SEC, when, sizeof(when));
	json_set_str(r, "CreatedAt", when);
	json_set_int(r, "ExitCode", json_get_int(c, "exit_code", 0));
	json_set_str(r, "Health", json_get_str(c, "health") ? json_get_str(c, "health") : "");
	json_set_strf(r, "ID", "%.*s", no_trunc ? 64 : 12, json_get_str(c, "id"));
	json_set_str(r, "Image", json_get_str(c, "image"));
	labels_text(json_get_obj(c, "labels"), &labels);
	json_set_str(r, "Labels", labels.data ? labels.data : "");
	json_set_str(r, "Name", json_get_str(c, "name"));
	json_set_str(r, "Names", json_get_str(c, "name"));
	names_text(json_get_obj(c, "networks"), &networks);
	json_set_str(r, "Networks", networks.data ? networks.data : "");
	json_set_str(r, "Ports", ports.data ? ports.data : "");
	json_set_str(r, "Project", json_get_str(c, "project") ?: "");
	json_array_foreach (json_get_arr(c, "ports"), i, port) {
		json_t *p = json_object();

		json_set_str(p, "URL", json_get_str(port, "host_ip"));
		json_set_int(p, "TargetPort", json_get_int(port, "container_port", 0));
		json_set_int(p, "PublishedPort", json_get_int(port, "host_port", 0));
		json_set_str(p, "Protocol", json_get_str(port, "protocol"));
		json_array_append_new(publishers, p);
	}
	json_set_new(r, "Publishers", publishers);
	json_set_str(r, "RunningFor", ago);
	json_set_str(r, "Service", json_get_str(c, "service") ? json_get_str(c, "service") : "");
	json_set_str(r, "State", json_get_str(c, "status"));
	json_set_str(r, "Status", json_get_str(c, "state"));
	return r;
}

static bool is_state(const char *word)
{
	static const char *const states[] = {"created",	 "running", "paused", "restarting",
					     "removing", "exited",  "dead"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(states[i], word))
			return true;
	return false;
}

/* The wanted states from --status and --filter. */
static int wanted(const struct values *v, char ***ret, struct error *err)
{
	size_t i;

	*ret = strv_dup(v->status);
	for (i = 0; v->filters && v->filters[i]; i++) {
		const char *status = str_skip(v->filters[i], "status=");

		if (!strchr(v->filters[i], '='))
			return error_set(err, EINVAL,
					 "arguments to --filter should be in form KEY=VAL");
		if (!status)
			return error_set(err, EINVAL, "unknown filter %s", v->filters[i]);
		strv_push(ret, xstrdup(status));
	}
	for (i = 0; *ret && (*ret)[i]; i++)
		if (!is_state((*ret)[i]))
			return error_set(err, EINVAL,
					 "no container is ever in the state \"%s\": use created, "
					 "running, paused, restarting, removing, exited or dead",
					 (*ret)[i]);
	return 0;
}

static void print_services(const json_t *rows)
{
	char **seen = NULL;
	size_t i;
	json_t *r;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, r) {
		const char *service = json_get_str(r, "Service");

		if (strv_has(seen, service))
			continue;
		strv_push(&seen, xstrdup(service));
		puts(service);
	}
	strv_free(seen);
}

static void print_table(const json_t *rows, bool projects)
{
	static const char *const heads[] = {"NAME",    "IMAGE",	 "COMMAND", "SERVICE",
					    "CREATED", "STATUS", "PORTS",   NULL};
	static const char *const all_heads[] = {"PROJECT", "NAME",   "IMAGE", "COMMAND", "SERVICE",
						"CREATED", "STATUS", "PORTS", NULL};
	struct table *t = table_new(projects ? all_heads : heads);
	size_t i;
	json_t *r;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, r) {
		if (projects)
			table_cell(t, json_get_str(r, "Project"));
		table_cell(t, json_get_str(r, "Name"));
		table_cell(t, json_get_str(r, "Image"));
		table_cell(t, json_get_str(r, "Command"));
		table_cell(t, json_get_str(r, "Service"));
		table_cell(t, json_get_str(r, "RunningFor"));
		table_cell(t, json_get_str(r, "Status"));
		table_cell(t, json_get_str(r, "Ports"));
	}
	table_print(t, stdout);
	table_free(t);
}

static int print(struct cli *cli, const struct values *v, const json_t *rows)
{
	struct error err = ERROR_INIT;
	enum format_kind kind;
	size_t i;
	json_t *r;

	if (format_parse(v->format, &kind, &err) < 0)
		return cli_fail(cli, &err);
	if (v->services) {
		print_services(rows);
	} else if (v->quiet) {
		json_array_foreach ((json_t *)(uintptr_t)rows, i, r)
			puts(json_get_str(r, "ID"));
	} else if (kind == FORMAT_TABLE) {
		print_table(rows, v->all_projects);
	} else if (kind == FORMAT_JSON) {
		json_array_foreach ((json_t *)(uintptr_t)rows, i, r)
			out_json_line(r, stdout);
	} else if (format_rows(v->format, rows, stdout, &err) < 0) {
		return cli_fail(cli, &err);
	}
	return 0;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL, *target = NULL;
	auto_json json_t *list = NULL, *rows = json_array();
	AUTO(strv_free) char **states = NULL;
	struct error err = ERROR_INIT;
	size_t i;
	json_t *c;
	int r;

	if (wanted(v, &states, &err) < 0)
		return cli_fail(cli, &err);
	if (!v->all_projects) {
		r = cli_project_name(cli, &project);
		if (r)
			return r;
		r = argc && !cli->project_name ? cli_check_services(cli, NULL, argc, argv) : 0;
		if (r)
			return r;
	}
	target = cli_containers_target(project, v->all || strv_len(states), v->all, argv, argc);
	r = cli_get(cli, target, &list);
	if (r)
		return r;
	json_array_foreach (list, i, c)
		if (!strv_len(states) || strv_has(states, json_get_str(c, "status")))
			json_array_append_new(rows, row(c, v->no_trunc));
	return print(cli, v, rows);
}

const struct command cmd_ps = {
	.name = "ps",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "List the project's containers",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
