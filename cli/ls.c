/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp ls: the projects the supervisor knows. */
#include <fnmatch.h>

#include "base/json.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool all, quiet;
	char *format, **filters;
};

static const struct option_def options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL,
	 "Show projects without running containers too"},
	{0, "filter", OPTION_STRV, offsetof(struct values, filters), "name=PATTERN",
	 "Show only projects with this name"},
	{0, "format", OPTION_STR, offsetof(struct values, format), "table|json",
	 "Format of the output"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show only names"},
	{0},
};

static bool matches(const struct values *v, const json_t *project)
{
	const char *name = json_get_str(project, "name"), *pattern;
	size_t i;

	if (!v->all &&
	    !strstr(json_get_str(project, "status") ? json_get_str(project, "status") : "",
		    "running"))
		return false;
	for (i = 0; v->filters && v->filters[i]; i++) {
		pattern = str_skip(v->filters[i], "name=");
		if (!pattern || (fnmatch(pattern, name, 0) && !strstr(name, pattern)))
			return false;
	}
	return true;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	static const char *const heads[] = {"NAME", "STATUS", "CONFIG FILES", NULL};
	const struct values *v = values;
	auto_json json_t *list = NULL, *rows = json_array();
	struct table *t;
	size_t i;
	json_t *p;
	int r = cli_get(cli, "/cmp/v1/projects", &list);

	(void)argc;
	(void)argv;
	if (r)
		return r;
	t = table_new(heads);
	json_array_foreach (list, i, p) {
		const char *files = json_get_str(p, "config_files");
		json_t *row;

		if (!matches(v, p))
			continue;
		if (v->quiet)
			puts(json_get_str(p, "name"));
		table_cell(t, json_get_str(p, "name"));
		table_cell(t, json_get_str(p, "status"));
		table_cell(t, str_empty(files) ? "N/A" : files);
		row = json_object();
		json_set_str(row, "Name", json_get_str(p, "name"));
		json_set_str(row, "Status", json_get_str(p, "status"));
		json_set_str(row, "ConfigFiles", str_empty(files) ? "N/A" : files);
		json_array_append_new(rows, row);
	}
	if (str_eq(v->format, "json"))
		out_json_line(rows, stdout);
	else if (!v->quiet)
		table_print(t, stdout);
	table_free(t);
	return 0;
}

const struct command cmd_ls = {
	.name = "ls",
	.usage = "[OPTIONS]",
	.summary = "List running projects",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
