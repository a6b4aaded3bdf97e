/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp run: a one-off container of a service, its dependencies started first. */
#include <errno.h>

#include "base/json.h"
#include "cli/auth.h"
#include "cli/build.h"
#include "cli/client.h"
#include "cli/project.h"
#include "cli/stream.h"
#include "cli/upopts.h"
#include "cli/verbs.h"

struct values {
	bool build, detach, rm, no_tty, tty, service_ports, no_deps, use_aliases, quiet_pull,
		remove_orphans, interactive;
	char **env, **labels, **volumes, **publish, **cap_add, **cap_drop;
	char *name, *user, *workdir, *entrypoint, *pull;
};

static const struct values defaults = {.interactive = true};

static const struct option_def options[] = {
	{0, "build", OPTION_FLAG, offsetof(struct values, build), NULL, "Build images first"},
	{0, "cap-add", OPTION_STRV, offsetof(struct values, cap_add), "CAP", "Add capabilities"},
	{0, "cap-drop", OPTION_STRV, offsetof(struct values, cap_drop), "CAP", "Drop capabilities"},
	{'d', "detach", OPTION_FLAG, offsetof(struct values, detach), NULL,
	 "Run in the background and print the container's id"},
	{0, "entrypoint", OPTION_STR, offsetof(struct values, entrypoint), "PROGRAM",
	 "Replace the image's entrypoint"},
	{'e', "env", OPTION_STRV, offsetof(struct values, env), "K=V", "Set environment variables"},
	{'i', "interactive", OPTION_FLAG, offsetof(struct values, interactive), NULL,
	 "Keep standard input open (default)"},
	{'l', "label", OPTION_STRV, offsetof(struct values, labels), "K=V", "Add labels"},
	{0, "name", OPTION_STR, offsetof(struct values, name), "NAME", "Name of the container"},
	{0, "no-deps", OPTION_FLAG, offsetof(struct values, no_deps), NULL,
	 "Do not start the services it depends on"},
	{'T', "no-tty", OPTION_FLAG, offsetof(struct values, no_tty), NULL,
	 "Do not allocate a terminal"},
	{'p', "publish", OPTION_STRV, offsetof(struct values, publish), "PORT",
	 "Publish a port to the host"},
	{0, "pull", OPTION_STR, offsetof(struct values, pull), "always|missing|never",
	 "When to pull images"},
	{0, "quiet-pull", OPTION_FLAG, offsetof(struct values, quiet_pull), NULL,
	 "Pull without progress"},
	{0, "remove-orphans", OPTION_FLAG, offsetof(struct values, remove_orphans), NULL,
	 "Remove containers of services that are not in the files"},
	{0, "rm", OPTION_FLAG, offsetof(struct values, rm), NULL,
	 "Remove the container when it exits"},
	{'P', "service-ports", OPTION_FLAG, offsetof(struct values, service_ports), NULL,
	 "Publish the service's ports"},
	{'t', "tty", OPTION_FLAG, offsetof(struct values, tty), NULL,
	 "Allocate a terminal (default when there is one)"},
	{0, "use-aliases", OPTION_FLAG, offsetof(struct values, use_aliases), NULL,
	 "Use the service's network aliases"},
	{'u', "user", OPTION_STR, offsetof(struct values, user), "USER", "Run as this user"},
	{'v', "volume", OPTION_STRV, offsetof(struct values, volumes), "VOLUME", "Mount a volume"},
	{'w', "workdir", OPTION_STR, offsetof(struct values, workdir), "DIR", "Working directory"},
	{0},
};

static int labels_object(char *const *labels, json_t *out, struct error *err)
{
	for (; labels && *labels; labels++) {
		const char *eq = strchr(*labels, '=');
		auto_free char *key = eq ? xstrndup(*labels, (size_t)(eq - *labels)) : NULL;

		if (!eq)
			return error_set(err, EINVAL, "label must be set as KEY=VALUE");
		json_set_str(out, key, eq + 1);
	}
	return 0;
}

static json_t *strv_options(const struct values *v, json_t *o)
{
	json_set_new(o, "env", env_list(v->env));
	json_set_new(o, "publish", json_strv(v->publish));
	json_set_new(o, "volumes", json_strv(v->volumes));
	json_set_new(o, "cap_add", json_strv(v->cap_add));
	json_set_new(o, "cap_drop", json_strv(v->cap_drop));
	return o;
}

static int request(struct cli *cli, const struct values *v, bool tty, int argc, char **argv,
		   json_t *body)
{
	json_t *o = json_object(), *command = json_array(), *labels = json_object();
	struct error err = ERROR_INIT;
	int i;

	for (i = 1; i < argc; i++)
		json_array_append_new(command, json_str(argv[i]));
	json_set_str(body, "service", argv[0]);
	json_set_new(body, "options", strv_options(v, o));
	if (argc > 1)
		json_set_new(o, "command", command);
	else
		json_decref(command);
	json_set_new(o, "labels", labels);
	json_set_bool(o, "no_deps", v->no_deps);
	json_set_bool(o, "quiet_pull", v->quiet_pull);
	json_set_str(o, "pull", v->pull);
	json_set_bool(o, "tty", tty);
	json_set_bool(o, "stdin", v->interactive && !v->detach);
	json_set_bool(o, "service_ports", v->service_ports);
	json_set_bool(o, "use_aliases", v->use_aliases);
	json_set_bool(o, "rm", v->rm);
	json_set_bool(o, "remove_orphans", v->remove_orphans);
	json_set_str(o, "name", v->name);
	json_set_str(o, "entrypoint", v->entrypoint);
	json_set_str(o, "user", v->user);
	json_set_str(o, "working_dir", v->workdir);
	return labels_object(v->labels, labels, &err) < 0 ? cli_fail(cli, &err) : 0;
}

struct started {
	struct cli *cli;
	const char *id;
};

static int start_container(void *arg, struct error *err)
{
	struct started *s = arg;
	auto_free char *target = xasprintf("/cmp/v1/containers/%s/start", s->id);
	auto_json json_t *reply = NULL;

	return client_call(s->cli->socket_path, true, "POST", target, NULL, &reply, err);
}

static int attach_and_start(struct cli *cli, const char *id, bool tty, bool interactive,
			    int *ret_exit, struct error *err)
{
	auto_free char *target =
		xasprintf("/cmp/v1/containers/%s/attach?stdin=%d", id, interactive);
	struct started started = {cli, id};
	struct stream_options stream = {
		.tty = tty,
		.stdin_open = interactive,
		.forward_signals = true,
		.on_open = start_container,
		.arg = &started,
	};
	struct client *c = NULL;
	int r = client_open(cli->socket_path, true, &c, err);

	if (r == 0)
		r = client_send(c, "POST", target, NULL, true, err);
	if (r == 0)
		r = stream_serve(c, &stream, ret_exit, err);
	client_free(c);
	return r;
}

/* What never started is not left behind when it was to be removed anyway. */
static void discard(struct cli *cli, const char *id)
{
	auto_free char *target = xasprintf("/cmp/v1/containers/%s?force=1&volumes=1", id);
	struct error ignored = ERROR_INIT;
	auto_json json_t *reply = NULL;

	if (client_call(cli->socket_path, true, "DELETE", target, NULL, &reply, &ignored) < 0)
		return; /* already gone */
}

/* What the options may not say together.  0 or an exit status. */
static int check(struct cli *cli, const struct values *v, int argc)
{
	if (!argc)
		return cli_usage(cli,
				 "\"cmp run\" requires at least 1 argument: SERVICE [COMMAND]");
	if (v->service_ports && strv_len(v->publish))
		return cli_usage(cli, "--service-ports and --publish are incompatible");
	if (v->tty && v->no_tty)
		return cli_usage(cli, "--tty and --no-tty can't be used together");
	if (v->pull && !is_pull_option(v->pull))
		return cli_usage(cli, PULL_USAGE, v->pull);
	if (v->tty && !isatty(STDIN_FILENO))
		return cli_usage(cli, "the input device is not a TTY");
	return 0;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	bool tty = !v->no_tty && !v->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	auto_free char *project = NULL;
	auto_json json_t *body = json_object(), *end = NULL;
	struct error err = ERROR_INIT;
	const char *id;
	int r, status = 0;

	r = check(cli, v, argc);
	if (r)
		return r;
	r = cli_project_model(cli, MODEL_MAKES, body, &project, 1, argv);
	if (!r) {
		char *service[] = {argv[0], NULL};

		r = build_for_model(cli, body, service, !v->no_deps, v->build);
	}
	if (!r)
		r = auth_for_model(cli, body, str_eq(v->pull, "always"));
	if (!r)
		r = request(cli, v, tty, argc, argv, body);
	if (!r)
		r = cli_project_stream_end(cli, project, "run", body, "run", &end);
	id = json_get_str(end, "container");
	if (r || cli->dry_run)
		return r;
	if (!id)
		return cli_usage(cli, "the supervisor made no container");
	if (v->detach) {
		struct started started = {cli, id};

		r = start_container(&started, &err);
		if (r == 0)
			puts(id);
	} else {
		r = attach_and_start(cli, id, tty, v->interactive, &status, &err);
	}
	if (r < 0 && v->rm)
		discard(cli, id);
	return r < 0 ? cli_fail(cli, &err) : status;
}

const struct command cmd_run = {
	.name = "run",
	.usage = "[OPTIONS] SERVICE [COMMAND] [ARG...]",
	.summary = "Run a one-off command in a new container of a service",
	.options = options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.stop_at_argument = true,
	.run = run,
	.dry_run = DRY_PLANS,
};
