/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp create, cmp plan: what up would do, without starting, or without doing it. */
#include <stdio.h>

#include "base/json.h"
#include "cli/auth.h"
#include "cli/out.h"
#include "cli/project.h"
#include "cli/upopts.h"
#include "cli/verbs.h"

#define EXIT_CHANGES 10 /* of plan: something would be done */

struct values {
	struct up_options up;
	char *output;
};

static const struct values defaults = {.up = UP_OPTIONS_DEFAULT};

static const struct option_def create_options[] = {UP_OPTION_ROWS, {0}};

static const struct option_def plan_options[] = {
	UP_OPTION_ROWS,
	{'o', "output", OPTION_STR, offsetof(struct values, output), "text|json",
	 "How the plan is shown"},
	{0},
};

static int request(struct cli *cli, const struct values *v, enum model_use use, int argc,
		   char **argv, json_t *body, char **ret_project)
{
	json_t *options = cli_service_options(argc, argv);
	int r;

	json_set_new(body, "options", options);
	r = up_options_request(cli, &v->up, options);
	if (!r)
		r = cli_project_model(cli, use, body, ret_project, argc, argv);
	if (!r && use == MODEL_MAKES)
		r = up_build(cli, &v->up, body, argc, argv);
	return r ? r : auth_for_model(cli, body, str_eq(v->up.pull, "always"));
}

static int create_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	int r = request(cli, values, MODEL_MAKES, argc, argv, body, &project);

	return r ? r : cli_project_stream(cli, project, "create", body, "create");
}

static int plan_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL;
	auto_json json_t *body = json_object(), *end = NULL;
	int r = request(cli, v, MODEL_LOOKS, argc, argv, body, &project);

	if (!r)
		r = cli_project_stream_end(cli, project, "plan", body, "plan", &end);
	if (r)
		return r;
	if (str_eq(v->output, "json"))
		out_json_pretty(json_get_arr(end, "operations"), stdout);
	else if (json_get_str(end, "text"))
		fputs(json_get_str(end, "text"), stdout);
	return json_array_size(json_get_arr(end, "operations")) ? EXIT_CHANGES : 0;
}

const struct command cmd_create = {
	.name = "create",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Make containers without starting them",
	.options = create_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = create_run,
	.dry_run = DRY_PLANS,
};

const struct command cmd_plan = {
	.name = "plan",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Show what up would do and why (status 10: something)",
	.options = plan_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = plan_run,
	.dry_run = DRY_READS,
};
