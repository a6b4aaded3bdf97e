/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp scale web=5 db=1. */
#include <errno.h>

#include "base/json.h"
#include "cli/project.h"
#include "cli/verbs.h"

struct values {
	bool no_deps;
};

static const struct option_def options[] = {
	{0, "no-deps", OPTION_FLAG, offsetof(struct values, no_deps), NULL,
	 "Leave the services it depends on alone"},
	{0},
};

int scale_parse(const char *text, json_t *scale)
{
	const char *eq = strchr(text, '=');
	auto_free char *service = NULL;
	uint32_t count;

	if (!eq || eq == text || parse_u32(eq + 1, &count) < 0 || count > 100000)
		return -EINVAL;
	service = xstrndup(text, (size_t)(eq - text));
	json_set_int(scale, service, count);
	return 0;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	json_t *scale = json_object();
	AUTO(strv_free) char **services = NULL;
	int i, r;

	json_set_new(body, "scale", scale);
	json_set_bool(body, "no_deps", v->no_deps);
	if (!argc)
		return cli_usage(cli,
				 "\"cmp scale\" requires at least 1 argument: SERVICE=REPLICAS");
	for (i = 0; i < argc; i++) {
		if (scale_parse(argv[i], scale) < 0)
			return cli_usage(cli, "invalid scale specifier: %s", argv[i]);
		strv_push(&services, xstrndup(argv[i], strcspn(argv[i], "=")));
	}
	r = cli_project_model(cli, MODEL_MAKES, body, &project, argc, services);
	return r ? r : cli_project_stream(cli, project, "scale", body, "scale");
}

const struct command cmd_scale = {
	.name = "scale",
	.usage = "[OPTIONS] SERVICE=REPLICAS...",
	.summary = "Set how many containers a service runs",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_PLANS,
};
