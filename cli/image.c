/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp image VERB: what is not in images.c and pull.c, and the table of all. */
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

#define CREATED_BY_COLUMNS 45

struct values {
	bool all, force, no_trunc, quiet;
	char *format;
};

static char *target_of(const char *name, const char *more)
{
	auto_buf struct buf target = BUF_INIT;

	buf_adds(&target, "/cmp/v1/images/");
	http_percent_encode(&target, name);
	buf_adds(&target, more);
	return buf_steal(&target);
}

/* ---- inspect */

static int inspect_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_json json_t *all = json_array();
	int status = 0;

	(void)values;
	if (!argc)
		return cli_usage(cli, "\"cmp image inspect\" requires at least 1 argument: IMAGE");
	for (int i = 0; i < argc; i++) {
		auto_free char *target = target_of(argv[i], "");
		json_t *o = NULL;

		if (cli_get(cli, target, &o))
			status = 1;
		else
			json_array_append_new(all, o);
	}
	out_json_pretty(all, stdout);
	return status;
}

static const struct command image_inspect = {
	.name = "inspect",
	.usage = "IMAGE...",
	.summary = "Show everything about images",
	.run = inspect_run,
	.dry_run = DRY_READS,
};

/* ---- history */

static const struct option_def history_options[] = {
	{0, "format", OPTION_STR, offsetof(struct values, format), "FORMAT",
	 "table, json, or a template like \"{{.CreatedBy}}\""},
	{0, "no-trunc", OPTION_FLAG, offsetof(struct values, no_trunc), NULL,
	 "Do not shorten what a step did"},
	{0},
};

/* "/bin/sh -c #(nop)  CMD …": what docker's older builders write. */
static json_t *history_row(const json_t *step, bool no_trunc)
{
	const char *by = json_get_str(step, "created_by") ?: "",
		   *created = json_get_str(step, "created");
	char size[32], ago[64] = "N/A";
	struct error ignored = ERROR_INIT;
	json_t *row = json_object();
	int64_t ns;

	if (created && time_parse(created, time_now_ns(), &ns, &ignored) == 0)
		out_ago(ns, ago, sizeof(ago));
	str_human_bytes((uint64_t)json_get_int(step, "size_bytes", 0), size, sizeof(size));
	json_set_str(row, "CreatedSince", ago);
	json_set_str(row, "CreatedAt", created ?: "");
	if (!no_trunc && strlen(by) > CREATED_BY_COLUMNS)
		json_set_strf(row, "CreatedBy", "%.*s…", CREATED_BY_COLUMNS - 1, by);
	else
		json_set_str(row, "CreatedBy", by);
	json_set_str(row, "Size", size);
	json_set_str(row, "Comment", json_get_str(step, "comment") ?: "");
	return row;
}

static int history_run(struct cli *cli, const void *values, int argc, char **argv)
{
	static const char *const heads[] = {"CREATED", "CREATED BY", "SIZE", "COMMENT", NULL};
	static const char *const cells[] = {"CreatedSince", "CreatedBy", "Size", "Comment"};
	const struct values *v = values;
	auto_free char *target = argc == 1 ? target_of(argv[0], "/history") : NULL;
	auto_json json_t *steps = NULL, *rows = json_array();
	struct error err = ERROR_INIT;
	enum format_kind kind;
	struct table *t;
	json_t *step;
	size_t i;

	if (!target)
		return cli_usage(cli, "\"cmp image history\" requires 1 argument: IMAGE");
	if (format_parse(v->format, &kind, &err) < 0)
		return cli_fail(cli, &err);
	if (cli_get(cli, target, &steps))
		return 1;
	t = table_new(heads);
	json_array_foreach (steps, i, step) {
		json_t *row = history_row(step, v->no_trunc);

		json_array_append_new(rows, row);
		if (kind == FORMAT_JSON)
			out_json_line(row, stdout);
		for (size_t k = 0; k < ARRAY_LEN(cells); k++)
			table_cell(t, json_get_str(row, cells[k]));
	}
	if (kind == FORMAT_TABLE)
		table_print(t, stdout);
	table_free(t);
	if (kind == FORMAT_TEMPLATE && format_rows(v->format, rows, stdout, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

static const struct command image_history = {
	.name = "history",
	.usage = "[OPTIONS] IMAGE",
	.summary = "Show how an image was made",
	.options = history_options,
	.values_size = sizeof(struct values),
	.run = history_run,
	.dry_run = DRY_READS,
};

/* ---- tag */

static int tag_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_buf struct buf target = BUF_INIT;
	auto_json json_t *reply = NULL;
	auto_free char *path = argc == 2 ? target_of(argv[0], "/tag?name=") : NULL;
	struct error err = ERROR_INIT;

	(void)values;
	if (!path)
		return cli_usage(cli, "\"cmp image tag\" requires 2 arguments: IMAGE NAME[:TAG]");
	buf_adds(&target, path);
	http_percent_encode(&target, argv[1]);
	if (client_call(cli->socket_path, true, "POST", target.data, NULL, &reply, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

static const struct command image_tag = {
	.name = "tag",
	.usage = "IMAGE NAME[:TAG]",
	.summary = "Give an image a further name",
	.run = tag_run,
};

/* ---- prune */

static const struct option_def prune_options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL,
	 "Images with names too, when no container uses them"},
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL, "Do not ask"},
	{0},
};

static void print_removed(const json_t *reply)
{
	json_t *removed = json_get_arr(reply, "removed"), *entry, *value;
	char freed[32];
	const char *key;
	size_t i;

	json_array_foreach (removed, i, entry)
		json_object_foreach (entry, key, value)
			printf("%s: %s\n", !strcmp(key, "deleted") ? "Deleted" : "Untagged",
			       json_string_value(value));
	str_human_bytes((uint64_t)json_get_int(reply, "freed_bytes", 0), freed, sizeof(freed));
	printf("Total reclaimed space: %s\n", freed);
}

static int prune_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *target = xasprintf("/cmp/v1/images/prune?all=%d", v->all);
	auto_json json_t *reply = NULL;
	struct error err = ERROR_INIT;

	(void)argc;
	(void)argv;
	if (!v->force &&
	    !cli_confirm(cli, v->all ? "all images that no container uses"
				     : "all images without a name that no container uses"))
		return 1;
	if (client_call(cli->socket_path, true, "POST", target, NULL, &reply, &err) < 0)
		return cli_fail(cli, &err);
	print_removed(reply);
	return 0;
}

static const struct command image_prune = {
	.name = "prune",
	.usage = "[OPTIONS]",
	.summary = "Remove images that are not used",
	.options = prune_options,
	.values_size = sizeof(struct values),
	.run = prune_run,
};

/* ---- all */

static const struct command *const verbs[] = {
	&cmd_image_build,
	&image_history,
	&cmd_import,
	&image_inspect,
	&cmd_image_load,
	&cmd_image_ls,
	&image_prune,
	&cmd_image_pull,
	&cmd_image_push,
	&cmd_image_rm,
	&cmd_image_save,
	&image_tag,
	NULL,
};

const struct command cmd_image = {
	.name = "image",
	.usage = "COMMAND",
	.summary = "Work with images",
	.verbs = verbs,
};
