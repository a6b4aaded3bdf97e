/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp volume ls|inspect|rm|prune|create, cmp network ls|inspect|rm. */
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool quiet, force, all;
	char *format, *driver, **labels, **opts;
};

/* One kind of object: where its routes are and how its list looks. */
struct kind {
	const char *path, *word;
	const char *const *heads; /* titles */
	const char *const *keys;  /* members of the summaries, as many */
	const char *id_key;
};

static const char *const volume_heads[] = {"DRIVER", "VOLUME NAME", NULL};
static const char *const volume_keys[] = {"driver", "name"};
static const struct kind volumes = {"/cmp/v1/volumes", "volume", volume_heads, volume_keys, "name"};

static const char *const network_heads[] = {"NETWORK ID", "NAME", "DRIVER", "SCOPE", NULL};
static const char *const network_keys[] = {"id", "name", "driver", "scope"};
static const struct kind networks = {"/cmp/v1/networks", "network", network_heads, network_keys,
				     "id"};

static const struct option_def ls_options[] = {
	{0, "format", OPTION_STR, offsetof(struct values, format), "table|json|TEMPLATE",
	 "Format of the output; a template is like \"{{.name}}\""},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show only names or ids"},
	{0},
};

static char *target_of(const struct kind *k, const char *name)
{
	auto_buf struct buf target = BUF_INIT;

	buf_addf(&target, "%s/", k->path);
	http_percent_encode(&target, name);
	return buf_steal(&target);
}

static void add_row(struct table *t, const struct kind *k, const json_t *o)
{
	size_t i;

	for (i = 0; k->heads[i]; i++)
		table_cellf(t, "%.*s", !strcmp(k->keys[i], "id") ? 12 : 4096,
			    json_get_str(o, k->keys[i]));
}

static int list(struct cli *cli, const struct kind *k, const struct values *v)
{
	auto_json json_t *all = NULL;
	struct error err = ERROR_INIT;
	enum format_kind format;
	struct table *t;
	size_t i;
	json_t *o;

	if (format_parse(v->format, &format, &err) < 0)
		return cli_fail(cli, &err);
	if (cli_get(cli, k->path, &all))
		return 1;
	t = table_new(k->heads);
	json_array_foreach (all, i, o) {
		if (v->quiet)
			printf("%.*s\n", !strcmp(k->id_key, "id") ? 12 : 4096,
			       json_get_str(o, k->id_key));
		else if (format == FORMAT_JSON)
			out_json_line(o, stdout);
		add_row(t, k, o);
	}
	if (!v->quiet && format == FORMAT_TABLE)
		table_print(t, stdout);
	table_free(t);
	if (!v->quiet && format == FORMAT_TEMPLATE && format_rows(v->format, all, stdout, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

static int inspect(struct cli *cli, const struct kind *k, int argc, char **argv)
{
	auto_json json_t *all = json_array();
	int i, status = 0;

	if (!argc)
		return cli_usage(cli, "\"cmp %s inspect\" requires at least 1 argument", k->word);
	for (i = 0; i < argc; i++) {
		auto_free char *target = target_of(k, argv[i]);
		json_t *o = NULL;

		if (cli_get(cli, target, &o))
			status = 1;
		else
			json_array_append_new(all, o);
	}
	out_json_pretty(all, stdout);
	return status;
}

static int remove_all(struct cli *cli, const struct kind *k, const struct values *v, int argc,
		      char **argv)
{
	int i, status = 0;

	if (!argc)
		return cli_usage(cli, "\"cmp %s rm\" requires at least 1 argument", k->word);
	for (i = 0; i < argc; i++) {
		auto_free char *path = target_of(k, argv[i]);
		auto_free char *target = xasprintf("%s?force=%d", path, v->force);
		auto_json json_t *reply = NULL;
		struct error err = ERROR_INIT;

		if (client_call(cli->socket_path, true, "DELETE", target, NULL, &reply, &err) < 0)
			status = cli_fail(cli, &err);
		else
			puts(argv[i]);
	}
	return status;
}

#define OBJECT_VERB(object, verb, dry, usage_text, summary_text, option_table, body)               \
	static int object##_##verb##_run(struct cli *cli, const void *values, int argc,            \
					 char **argv)                                              \
	{                                                                                          \
		(void)values;                                                                      \
		(void)argc;                                                                        \
		(void)argv;                                                                        \
		return body;                                                                       \
	}                                                                                          \
	static const struct command object##_##verb = {                                            \
		.name = #verb,                                                                     \
		.usage = usage_text,                                                               \
		.summary = summary_text,                                                           \
		.options = option_table,                                                           \
		.values_size = sizeof(struct values),                                              \
		.dry_run = dry,                                                                    \
		.run = object##_##verb##_run,                                                      \
	}

static const struct option_def rm_options[] = {
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL,
	 "Do not complain when it does not exist"},
	{0},
};

OBJECT_VERB(volume, ls, DRY_READS, "[OPTIONS]", "List volumes", ls_options,
	    list(cli, &volumes, values));
OBJECT_VERB(volume, inspect, DRY_READS, "VOLUME...", "Show everything about volumes", NULL,
	    inspect(cli, &volumes, argc, argv));
OBJECT_VERB(volume, rm, DRY_REFUSED, "[OPTIONS] VOLUME...", "Remove volumes", rm_options,
	    remove_all(cli, &volumes, values, argc, argv));
OBJECT_VERB(network, ls, DRY_READS, "[OPTIONS]", "List networks", ls_options,
	    list(cli, &networks, values));
OBJECT_VERB(network, inspect, DRY_READS, "NETWORK...", "Show everything about networks", NULL,
	    inspect(cli, &networks, argc, argv));
OBJECT_VERB(network, rm, DRY_REFUSED, "NETWORK...", "Remove networks", rm_options,
	    remove_all(cli, &networks, values, argc, argv));

/* ---- volume create, prune */

static const struct option_def create_options[] = {
	{'d', "driver", OPTION_STR, offsetof(struct values, driver), "NAME", "Driver (local)"},
	{0, "label", OPTION_STRV, offsetof(struct values, labels), "K=V", "Label (repeatable)"},
	{'o', "opt", OPTION_STRV, offsetof(struct values, opts), "K=V",
	 "Driver option (repeatable)"},
	{0},
};

static json_t *pairs(char *const *list)
{
	json_t *o = json_object();

	for (; list && *list; list++) {
		size_t len = strcspn(*list, "=");
		auto_free char *key = xstrndup(*list, len);

		json_set_str(o, key, (*list)[len] ? *list + len + 1 : "");
	}
	return o;
}

static int create(struct cli *cli, const struct values *v, int argc, char **argv)
{
	auto_json json_t *body = json_object(), *reply = NULL;
	struct error err = ERROR_INIT;

	json_set_str(body, "name", argc ? argv[0] : NULL);
	json_set_str(body, "driver", v->driver);
	json_set_new(body, "labels", pairs(v->labels));
	json_set_new(body, "driver_opts", pairs(v->opts));
	if (client_call(cli->socket_path, true, "POST", volumes.path, body, &reply, &err) < 0)
		return cli_fail(cli, &err);
	puts(json_get_str(reply, "name"));
	return 0;
}

static const struct option_def prune_options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL,
	 "Named volumes too, not just anonymous ones"},
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL, "Do not ask"},
	{0},
};

static int prune(struct cli *cli, const struct values *v)
{
	auto_free char *target = xasprintf("%s/prune?all=%d", volumes.path, v->all);
	auto_json json_t *reply = NULL;
	struct error err = ERROR_INIT;
	size_t i;
	json_t *name;

	if (!v->force && !cli_confirm(cli, v->all ? "all volumes that no container uses"
						  : "all anonymous volumes that no container uses"))
		return 1;
	if (client_call(cli->socket_path, true, "POST", target, NULL, &reply, &err) < 0)
		return cli_fail(cli, &err);
	json_array_foreach (json_get_arr(reply, "removed"), i, name)
		puts(json_string_value(name));
	return 0;
}

OBJECT_VERB(volume, create, DRY_REFUSED, "[OPTIONS] [NAME]", "Make a volume", create_options,
	    create(cli, values, argc, argv));
OBJECT_VERB(volume, prune, DRY_REFUSED, "[OPTIONS]", "Remove volumes that no container uses",
	    prune_options, prune(cli, values));

static const struct command *const volume_verbs[] = {
	&volume_create, &volume_inspect, &volume_ls, &volume_prune, &volume_rm, NULL,
};
static const struct command *const network_verbs[] = {
	&network_inspect,
	&network_ls,
	&network_rm,
	NULL,
};

const struct command cmd_volume = {
	.name = "volume",
	.usage = "COMMAND",
	.summary = "Work with volumes",
	.verbs = volume_verbs,
};

const struct command cmd_network = {
	.name = "network",
	.usage = "COMMAND",
	.summary = "Work with networks",
	.verbs = network_verbs,
};
