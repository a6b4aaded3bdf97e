/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp builder: the cache of builds. */
#include <stdio.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

#define DESCRIPTION_BYTES 60

struct values {
	bool all, force, verbose;
	char *until, *format;
};

static const struct option_def du_options[] = {
	{0, "format", OPTION_STR, offsetof(struct values, format), "FORMAT",
	 "table, json, or a template like \"{{.ID}}\""},
	{0},
};

static json_t *row(const json_t *entry)
{
	auto_free char *text = xstrdup(json_get_str(entry, "text") ?: "");
	char size[32], ago[64];
	json_t *r = json_object();

	str_human_bytes((uint64_t)json_get_int(entry, "size_bytes", 0), size, sizeof(size));
	out_ago(json_get_int(entry, "used_ns", 0), ago, sizeof(ago));
	json_set_strf(r, "ID", "%.12s", json_get_str(entry, "key"));
	json_set_str(r, "InUse", json_get_bool(entry, "in_use") ? "true" : "false");
	json_set_str(r, "Size", size);
	json_set_str(r, "LastUsed", ago);
	for (char *c = text; *c; c++)
		*c = (unsigned char)*c < ' ' ? ' ' : *c;
	if (strlen(text) > DESCRIPTION_BYTES)
		text[DESCRIPTION_BYTES] = '\0';
	json_set_new(r, "Description", json_str(text));
	return r;
}

static int du_run(struct cli *cli, const void *values, int argc, char **argv)
{
	static const char *const heads[] = {"ID",	 "IN USE",	"SIZE",
					    "LAST USED", "DESCRIPTION", NULL};
	static const char *const cells[] = {"ID", "InUse", "Size", "LastUsed", "Description"};
	const struct values *v = values;
	auto_json json_t *list = NULL, *rows = json_array();
	struct error err = ERROR_INIT;
	enum format_kind kind;
	struct table *t;
	int64_t total = 0;
	char size[32];
	json_t *entry;
	size_t i;

	(void)argv;
	if (argc)
		return cli_usage(cli, "\"cmp builder du\" takes no arguments");
	if (format_parse(v->format, &kind, &err) < 0)
		return cli_fail(cli, &err);
	if (cli_get(cli, "/cmp/v1/build/cache", &list))
		return 1;
	t = table_new(heads);
	json_array_foreach (list, i, entry) {
		json_t *r = row(entry);

		json_array_append_new(rows, r);
		total += json_get_int(entry, "size_bytes", 0);
		if (kind == FORMAT_JSON)
			out_json_line(r, stdout);
		for (size_t k = 0; k < ARRAY_LEN(cells); k++)
			table_cell(t, json_get_str(r, cells[k]));
	}
	if (kind == FORMAT_TABLE) {
		table_print(t, stdout);
		str_human_bytes((uint64_t)total, size, sizeof(size));
		printf("Total: %s\n", size);
	}
	table_free(t);
	if (kind == FORMAT_TEMPLATE && format_rows(v->format, rows, stdout, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

static const struct command builder_du = {
	.name = "du",
	.usage = "[OPTIONS]",
	.summary = "Show what the cache of builds holds",
	.options = du_options,
	.values_size = sizeof(struct values),
	.run = du_run,
	.dry_run = DRY_READS,
};

static const struct option_def prune_options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL, NULL},
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL, "Do not ask"},
	{0, "until", OPTION_STR, offsetof(struct values, until), "DURATION",
	 "Only what was not used for so long, like 24h"},
	{0},
};

static int prune_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *reply = NULL;
	auto_free char *target = NULL;
	struct error err = ERROR_INIT;
	int64_t unused_ns = 0;
	char size[32];

	(void)argv;
	if (argc)
		return cli_usage(cli, "\"cmp builder prune\" takes no arguments");
	if (v->until && (parse_duration_ns(v->until, &unused_ns) < 0 || unused_ns <= 0))
		return cli_usage(cli, "--until %s: must be a duration like 24h", v->until);
	if (!v->force && !cli_confirm(cli, "the cache of builds"))
		return 1;
	target = xasprintf("/cmp/v1/build/prune?unused_ns=%lld", (long long)unused_ns);
	if (client_call(cli->socket_path, true, "POST", target, NULL, &reply, &err) < 0)
		return cli_fail(cli, &err);
	str_human_bytes((uint64_t)json_get_int(reply, "freed_bytes", 0), size, sizeof(size));
	printf("Total reclaimed space: %s\n", size);
	return 0;
}

static const struct command builder_prune = {
	.name = "prune",
	.usage = "[OPTIONS]",
	.summary = "Remove the cache of builds",
	.options = prune_options,
	.values_size = sizeof(struct values),
	.run = prune_run,
};

static const struct command *const builder_verbs[] = {&cmd_image_build, &builder_du, &builder_prune,
						      NULL};

const struct command cmd_builder = {
	.name = "builder",
	.usage = "COMMAND",
	.summary = "Work with the cache of builds",
	.verbs = builder_verbs,
};
