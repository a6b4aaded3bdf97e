/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See upopts.h. */
#include "cli/upopts.h"

#include <errno.h>

#include "base/json.h"
#include "cli/build.h"
#include "cli/project.h"

static bool environment_says(const char *name)
{
	const char *value = getenv(name);

	return str_eq(value, "1") || str_eq(value, "true");
}

bool is_pull_option(const char *value)
{
	static const char *const values[] = {"always", "missing", "if_not_present",
					     "never",  "build",	  "policy"};

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (!strcmp(values[i], value))
			return true;
	return false;
}

int up_options_request(struct cli *cli, const struct up_options *o, json_t *options)
{
	json_t *scale = json_object();
	size_t i;

	json_set_new(options, "scale", scale);
	if (o->force_recreate && o->no_recreate)
		return cli_usage(cli, "--force-recreate and --no-recreate are incompatible");
	if (o->pull && !is_pull_option(o->pull))
		return cli_usage(cli, PULL_USAGE, o->pull);
	if (o->build && o->no_build)
		return cli_usage(cli, "--build and --no-build are incompatible");
	for (i = 0; i < strv_len(o->scale); i++)
		if (scale_parse(o->scale[i], scale) < 0)
			return cli_usage(cli,
					 "invalid --scale option \"%s\": should be SERVICE=NUM",
					 o->scale[i]);
	json_set_bool(options, "force_recreate", o->force_recreate);
	json_set_bool(options, "no_recreate", o->no_recreate);
	json_set_bool(options, "remove_orphans",
		      o->remove_orphans || environment_says("COMPOSE_REMOVE_ORPHANS"));
	json_set_bool(options, "ignore_orphans", environment_says("COMPOSE_IGNORE_ORPHANS"));
	json_set_bool(options, "renew_anon_volumes", o->renew_anon_volumes);
	json_set_bool(options, "always_recreate_deps", o->always_recreate_deps);
	json_set_bool(options, "no_deps", o->no_deps);
	json_set_bool(options, "no_build", o->no_build);
	json_set_bool(options, "build", o->build);
	json_set_bool(options, "quiet_pull", o->quiet_pull);
	json_set_str(options, "pull", o->pull);
	if (cli->parallel)
		json_set_int(options, "parallel", cli->parallel);
	if (o->timeout >= 0)
		json_set_int(options, "timeout_s", o->timeout);
	return 0;
}

int up_build(struct cli *cli, const struct up_options *o, const json_t *body, int argc, char **argv)
{
	auto_free char **services = xcalloc((size_t)argc + 1, sizeof(*services));

	if (o->no_build)
		return 0;
	memcpy(services, argv, (size_t)argc * sizeof(*services));
	return build_for_model(cli, body, services, !o->no_deps, o->build);
}
