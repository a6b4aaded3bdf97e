/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp up: make and start what the files say. */
#include "base/json.h"
#include "cli/attach.h"
#include "cli/auth.h"
#include "cli/project.h"
#include "cli/upopts.h"
#include "cli/verbs.h"

struct values {
	struct up_options up;
	bool detach, wait, no_start, abort_on_exit, abort_on_failure, no_color, no_prefix,
		timestamps, menu, attach_dependencies;
	char **attach, **no_attach, *exit_code_from;
	int wait_timeout;
};

static const struct values defaults = {.up = UP_OPTIONS_DEFAULT};

static const struct option_def options[] = {
	{0, "abort-on-container-exit", OPTION_FLAG, offsetof(struct values, abort_on_exit), NULL,
	 "Stop everything when a container ends"},
	{0, "abort-on-container-failure", OPTION_FLAG, offsetof(struct values, abort_on_failure),
	 NULL, "Stop everything when a container ends with a failure"},
	{0, "attach", OPTION_STRV, offsetof(struct values, attach), "SERVICE",
	 "Show only the logs of this service (repeatable)"},
	{0, "attach-dependencies", OPTION_FLAG, offsetof(struct values, attach_dependencies), NULL,
	 "Show the logs of the services it depends on too (default)"},
	{'d', "detach", OPTION_FLAG, offsetof(struct values, detach), NULL,
	 "Run in the background"},
	{0, "exit-code-from", OPTION_STR, offsetof(struct values, exit_code_from), "SERVICE",
	 "Return this service's exit code; implies --abort-on-container-exit"},
	{0, "menu", OPTION_FLAG, offsetof(struct values, menu), NULL, NULL},
	{0, "no-attach", OPTION_STRV, offsetof(struct values, no_attach), "SERVICE",
	 "Do not show the logs of this service (repeatable)"},
	{0, "no-color", OPTION_FLAG, offsetof(struct values, no_color), NULL,
	 "Print without colours"},
	{0, "no-log-prefix", OPTION_FLAG, offsetof(struct values, no_prefix), NULL,
	 "Print without the container's name"},
	{0, "no-start", OPTION_FLAG, offsetof(struct values, no_start), NULL,
	 "Make containers without starting them"},
	{0, "timestamps", OPTION_FLAG, offsetof(struct values, timestamps), NULL,
	 "Show when each line was written"},
	{0, "wait", OPTION_FLAG, offsetof(struct values, wait), NULL,
	 "Wait until services are running or healthy; implies --detach"},
	{0, "wait-timeout", OPTION_UINT, offsetof(struct values, wait_timeout), "SECONDS",
	 "Longest time to wait"},
	UP_OPTION_ROWS,
	{0},
};

static int check(struct cli *cli, const struct values *v, bool detached)
{
	if (detached && (v->abort_on_exit || v->abort_on_failure))
		return cli_usage(cli,
				 "--abort-on-container-exit and --abort-on-container-failure do "
				 "not go together with --detach or --wait");
	if (detached && v->exit_code_from)
		return cli_usage(cli,
				 "--exit-code-from does not go together with --detach or --wait");
	if (detached && (v->attach || v->attach_dependencies))
		return cli_usage(cli, "--attach does not go together with --detach or --wait");
	if (v->no_start && v->wait)
		return cli_usage(cli, "--no-start does not go together with --wait");
	return 0;
}

/* Services that the options name: the supervisor refuses unknown ones before it begins. */
static json_t *mentioned(const struct values *v)
{
	json_t *names = json_strv(v->attach);
	auto_json json_t *silent = json_strv(v->no_attach);

	json_array_extend(names, silent);
	if (v->exit_code_from)
		json_array_append_new(names, json_str(v->exit_code_from));
	return names;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	bool detached = v->detach || v->wait || v->no_start;
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	json_t *opts = cli_service_options(argc, argv);
	struct attach_options attach = {
		.no_color = v->no_color,
		.no_prefix = v->no_prefix,
		.timestamps = v->timestamps,
		.abort_on_exit = v->abort_on_exit || v->exit_code_from,
		.abort_on_failure = v->abort_on_failure,
		.exit_code_from = v->exit_code_from,
		.attach = v->attach,
		.no_attach = v->no_attach,
		.timeout_s = v->up.timeout,
	};
	int r = check(cli, v, detached);

	json_set_new(body, "options", opts);
	if (!r)
		r = up_options_request(cli, &v->up, opts);
	json_set_new(opts, "mentioned", mentioned(v));
	json_set_bool(opts, "detach", detached);
	json_set_bool(opts, "wait", v->wait);
	json_set_bool(opts, "no_start", v->no_start);
	if (v->wait_timeout > 0)
		json_set_int(opts, "wait_timeout_s", v->wait_timeout);
	if (!r)
		r = cli_project_model(cli, MODEL_MAKES, body, &project, argc, argv);
	if (!r)
		r = up_build(cli, &v->up, body, argc, argv);
	if (!r)
		r = auth_for_model(cli, body, str_eq(v->up.pull, "always"));
	if (r)
		return r;
	if (detached || cli->dry_run)
		return cli_project_stream(cli, project, "up", body, "up");
	return attach_up(cli, project, body, &attach);
}

const struct command cmd_up = {
	.name = "up",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Make and start containers",
	.options = options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = run,
	.dry_run = DRY_PLANS,
};
