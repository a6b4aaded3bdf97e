/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp exec: a further process in a running container. */
#include <errno.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/stream.h"
#include "cli/verbs.h"

struct values {
	bool detach, privileged, no_tty, interactive, tty;
	char **env, *user, *workdir;
	int index;
};

static const struct values defaults = {.interactive = true};

static const struct option_def options[] = {
	{'d', "detach", OPTION_FLAG, offsetof(struct values, detach), NULL,
	 "Run in the background"},
	{'e', "env", OPTION_STRV, offsetof(struct values, env), "K=V", "Set environment variables"},
	{0, "index", OPTION_INT, offsetof(struct values, index), "N",
	 "Which container of the service (default the first)"},
	{'i', "interactive", OPTION_FLAG, offsetof(struct values, interactive), NULL,
	 "Keep standard input open (default)"},
	{'t', "tty", OPTION_FLAG, offsetof(struct values, tty), NULL,
	 "Allocate a terminal (default when there is one)"},
	{'T', "no-tty", OPTION_FLAG, offsetof(struct values, no_tty), NULL,
	 "Do not allocate a terminal"},
	{0, "privileged", OPTION_FLAG, offsetof(struct values, privileged), NULL,
	 "Give the process all privileges"},
	{'u', "user", OPTION_STR, offsetof(struct values, user), "USER", "Run as this user"},
	{'w', "workdir", OPTION_STR, offsetof(struct values, workdir), "DIR", "Working directory"},
	{0},
};

/* K alone takes our value; unset here means not passed. */
json_t *env_list(char *const *env)
{
	json_t *list = json_array();

	for (; env && *env; env++) {
		const char *value = strchr(*env, '=') ? NULL : getenv(*env);

		if (strchr(*env, '='))
			json_array_append_new(list, json_str(*env));
		else if (value)
			json_array_append_new(list, json_sprintf("%s=%s", *env, value));
	}
	return list;
}

/* The service's container: the first, or the one with --index; "" when it does not run. */
static int find_container(struct cli *cli, const char *project, char *service, int index,
			  char **ret)
{
	auto_free char *target = cli_containers_target(project, false, false, &service, 1);
	auto_json json_t *list = NULL;
	const json_t *found = NULL;
	size_t i;
	json_t *c;
	int r = cli_get(cli, target, &list);

	if (r)
		return r;
	json_array_foreach (list, i, c) {
		int64_t number = json_get_int(c, "number", 0);

		if (index ? number == index : !found || number < json_get_int(found, "number", 0))
			found = c;
	}
	if (!found && index)
		return cli_usage(cli, "service \"%s\" is not running container #%d", service,
				 index);
	if (!found)
		return cli_usage(cli, "service \"%s\" is not running", service);
	*ret = xstrdup(json_get_str(found, "id"));
	return 0;
}

static json_t *request(const struct values *v, bool tty, int argc, char **argv)
{
	json_t *body = json_object(), *cmd = json_array();
	int i;

	for (i = 1; i < argc; i++)
		json_array_append_new(cmd, json_str(argv[i]));
	json_set_new(body, "cmd", cmd);
	json_set_new(body, "env", env_list(v->env));
	json_set_str(body, "user", v->user);
	json_set_str(body, "working_dir", v->workdir);
	json_set_bool(body, "tty", tty);
	json_set_bool(body, "stdin", v->interactive && !v->detach);
	json_set_bool(body, "privileged", v->privileged);
	json_set_bool(body, "detach", v->detach);
	return body;
}

static int attached(struct cli *cli, const char *target, const json_t *body, bool tty,
		    bool interactive, int *ret_exit, struct error *err)
{
	struct stream_options stream = {
		.tty = tty, .stdin_open = interactive, .forward_signals = !tty};
	struct client *c = NULL;
	int r = client_open(cli->socket_path, true, &c, err);

	if (r == 0)
		r = client_send(c, "POST", target, body, true, err);
	if (r == 0)
		r = stream_serve(c, &stream, ret_exit, err);
	client_free(c);
	return r;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL, *id = NULL, *target = NULL;
	auto_json json_t *body = NULL, *reply = NULL;
	struct error err = ERROR_INIT;
	bool tty = !v->no_tty && !v->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int r, status = 0;

	if (argc < 2)
		return cli_usage(cli,
				 "\"cmp exec\" requires at least 2 arguments: SERVICE COMMAND");
	if (v->tty && !v->no_tty && !isatty(STDIN_FILENO))
		return cli_usage(cli, "the input device is not a TTY");
	r = cli_project_name(cli, &project);
	if (!r)
		r = find_container(cli, project, argv[0], v->index, &id);
	if (r)
		return r;
	body = request(v, tty, argc, argv);
	target = xasprintf("/cmp/v1/containers/%s/exec", id);
	if (v->detach)
		r = client_call(cli->socket_path, true, "POST", target, body, &reply, &err);
	else
		r = attached(cli, target, body, tty, v->interactive, &status, &err);
	return r < 0 ? cli_fail(cli, &err) : status;
}

const struct command cmd_exec = {
	.name = "exec",
	.usage = "[OPTIONS] SERVICE COMMAND [ARG...]",
	.summary = "Run a command in a running container",
	.options = options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.stop_at_argument = true,
	.run = run,
};
