/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp version: ours, and the supervisor's when it runs (it is not started for this). */
#include "base/json.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	char *format;
	bool short_form, client;
};

static const struct option_def options[] = {
	{'f', "format", OPTION_STR, offsetof(struct values, format), "pretty|json",
	 "Format of the output"},
	{0, "short", OPTION_FLAG, offsetof(struct values, short_form), NULL,
	 "Show only the version number"},
	{0, "client", OPTION_FLAG, offsetof(struct values, client), NULL,
	 "Show only this program's version"},
	{0},
};

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *reply = NULL, *both = NULL;
	struct error err = ERROR_INIT;

	(void)argc;
	(void)argv;
	if (v->short_form) {
		puts(PACKAGE_VERSION);
		return 0;
	}
	if (!v->client &&
	    client_call(cli->socket_path, false, "GET", "/cmp/v1/version", NULL, &reply, &err) < 0)
		reply = NULL; /* not running: that is no error here */
	if (str_eq(v->format, "json")) {
		both = json_object();
		json_set_str(both, "version", PACKAGE_VERSION);
		if (reply)
			json_set_new(both, "supervisor", json_incref(reply));
		out_json_line(both, stdout);
		return 0;
	}
	printf("cmp version %s\n", PACKAGE_VERSION);
	if (reply)
		printf("cmpd version %s (pid %lld, state in %s)\n", json_get_str(reply, "version"),
		       (long long)json_get_int(reply, "pid", 0), json_get_str(reply, "state_dir"));
	else if (!v->client)
		printf("cmpd is not running\n");
	return 0;
}

const struct command cmd_version = {
	.name = "version",
	.usage = "[OPTIONS]",
	.summary = "Show the version of cmp and of its supervisor",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
