/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp image pull. */
#include <stdio.h>

#include "base/json.h"
#include "cli/auth.h"
#include "cli/verbs.h"

struct values {
	bool quiet;
	char *platform;
};

static const struct option_def image_pull_options[] = {
	{0, "platform", OPTION_STR, offsetof(struct values, platform), "OS/ARCH",
	 "Platform of the image (default: this machine's)"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL,
	 "Print only the image's id"},
	{0},
};

static int image_pull_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *body = json_object(), *auth = NULL, *end = NULL;
	struct error err = ERROR_INIT;
	int status;

	if (argc != 1)
		return cli_usage(cli, "\"cmp image pull\" requires 1 argument: NAME[:TAG|@DIGEST]");
	if (auth_for_image(cli, argv[0], &auth, &err) < 0)
		return cli_fail(cli, &err);
	json_set_str(body, "name", argv[0]);
	json_set_str(body, "platform", v->platform);
	if (auth)
		json_set_new(body, "auth", steal_ptr(&auth));
	if (v->quiet) {
		free(cli->progress);
		cli->progress = xstrdup("quiet");
	}
	status = cli_stream(cli, "/cmp/v1/images/pull", body, "Pulling", &end);
	if (!status && json_get_str(end, "id"))
		puts(json_get_str(end, "id"));
	return status;
}

const struct command cmd_image_pull = {
	.name = "pull",
	.usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Fetch an image from a registry",
	.options = image_pull_options,
	.values_size = sizeof(struct values),
	.run = image_pull_run,
};
