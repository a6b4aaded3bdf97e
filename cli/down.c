/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp down: stop and remove what `up` made. */
#include "base/json.h"
#include "cli/project.h"
#include "cli/verbs.h"

struct values {
	bool volumes, remove_orphans;
	char *rmi;
	int timeout;
};

static const struct values defaults = {.timeout = -1};

static const struct option_def options[] = {
	{0, "remove-orphans", OPTION_FLAG, offsetof(struct values, remove_orphans), NULL,
	 "Remove containers of services that are not in the files"},
	{0, "rmi", OPTION_STR, offsetof(struct values, rmi), "local|all",
	 "Remove images too: those that were built and have no name of their own, or all"},
	{'t', "timeout", OPTION_INT, offsetof(struct values, timeout), "SECONDS",
	 "Seconds to wait before a container is killed"},
	{'v', "volumes", OPTION_FLAG, offsetof(struct values, volumes), NULL,
	 "Remove named and anonymous volumes"},
	{0},
};

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	json_t *opts = cli_service_options(argc, argv);
	const char *env = getenv("COMPOSE_REMOVE_ORPHANS");
	int r;

	json_set_new(body, "options", opts);
	if (v->rmi && strcmp(v->rmi, "local") && strcmp(v->rmi, "all"))
		return cli_usage(cli, "invalid value for --rmi: \"%s\" (use local or all)", v->rmi);
	json_set_bool(opts, "volumes", v->volumes);
	json_set_str(opts, "rmi", v->rmi ? v->rmi : "none");
	json_set_bool(opts, "remove_orphans",
		      v->remove_orphans || str_eq(env, "1") || str_eq(env, "true"));
	if (v->timeout >= 0)
		json_set_int(opts, "timeout_s", v->timeout);
	r = cli_project_model(cli, MODEL_LOOKS, body, &project, argc, argv);
	return r ? r : cli_project_stream(cli, project, "down", body, "down");
}

const struct command cmd_down = {
	.name = "down",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Stop and remove containers and networks",
	.options = options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = run,
	.dry_run = DRY_PLANS,
};
