/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp pull: the images of services; cmp image pull and push: one by its name. */
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/auth.h"
#include "cli/project.h"
#include "cli/verbs.h"

struct values {
	bool quiet, ignore_buildable, ignore_failures, include_deps;
	char *platform, *policy;
};

static const struct option_def image_pull_options[] = {
	{0, "platform", OPTION_STR, offsetof(struct values, platform), "OS/ARCH",
	 "Platform of the image (default: this machine's)"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL,
	 "Print only the image's id"},
	{0},
};

static void show_nothing(struct cli *cli)
{
	free(cli->progress);
	cli->progress = xstrdup("quiet");
}

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
	if (v->quiet)
		show_nothing(cli);
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

/* ---- image push */

static const struct option_def image_push_options[] = {
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Print only the digest"},
	{0},
};

static int image_push_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *body = json_object(), *auth = NULL, *end = NULL;
	auto_buf struct buf target = BUF_INIT;
	struct error err = ERROR_INIT;
	int status;

	if (argc != 1)
		return cli_usage(cli, "\"cmp image push\" requires 1 argument: NAME[:TAG]");
	if (auth_for_image(cli, argv[0], &auth, &err) < 0)
		return cli_fail(cli, &err);
	if (auth)
		json_set_new(body, "auth", steal_ptr(&auth));
	if (v->quiet)
		show_nothing(cli);
	buf_adds(&target, "/cmp/v1/images/");
	http_percent_encode(&target, argv[0]);
	buf_adds(&target, "/push");
	status = cli_stream(cli, target.data, body, "Pushing", &end);
	if (!status && json_get_str(end, "digest"))
		puts(json_get_str(end, "digest"));
	return status;
}

const struct command cmd_image_push = {
	.name = "push",
	.usage = "[OPTIONS] NAME[:TAG]",
	.summary = "Send an image to the registry of its name",
	.options = image_push_options,
	.values_size = sizeof(struct values),
	.run = image_push_run,
};

/* ---- pull SERVICE */

static const struct option_def pull_options[] = {
	{0, "ignore-buildable", OPTION_FLAG, offsetof(struct values, ignore_buildable), NULL,
	 "Leave images that can be built"},
	{0, "ignore-pull-failures", OPTION_FLAG, offsetof(struct values, ignore_failures), NULL,
	 "Pull what it can and ignore the rest"},
	{0, "include-deps", OPTION_FLAG, offsetof(struct values, include_deps), NULL,
	 "Also the services that the named ones depend on"},
	{0, "policy", OPTION_STR, offsetof(struct values, policy), "missing|always",
	 "Pull what is missing, or all"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show no progress"},
	{0},
};

static int pull_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	json_t *options = cli_service_options(argc, argv);
	int r;

	json_set_new(body, "options", options);
	if (v->policy && strcmp(v->policy, "missing") != 0 && strcmp(v->policy, "always") != 0)
		return cli_usage(cli, "unsupported --policy value \"%s\": use missing or always",
				 v->policy);
	json_set_str(options, "policy", v->policy);
	json_set_bool(options, "ignore_buildable", v->ignore_buildable);
	json_set_bool(options, "ignore_pull_failures", v->ignore_failures);
	json_set_bool(options, "include_deps", v->include_deps);
	r = cli_project_model(cli, MODEL_LOOKS, body, &project, argc, argv);
	if (!r)
		r = auth_for_model(cli, body, true);
	if (r)
		return r;
	if (v->quiet)
		show_nothing(cli);
	return cli_project_stream(cli, project, "pull", body, "pull");
}

const struct command cmd_pull = {
	.name = "pull",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Fetch the images of services from their registries",
	.options = pull_options,
	.values_size = sizeof(struct values),
	.run = pull_run,
};
