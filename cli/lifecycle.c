/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp start, stop, restart, kill, pause, unpause, rm: verbs that act on the project's containers.
 */
#include "base/json.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	int timeout, wait_timeout;
	char *signal;
	bool force, stop, volumes, no_deps, wait, remove_orphans, ignored;
};

static const struct values defaults = {.timeout = -1, .wait_timeout = 0};

/* Sends the verb with the options that the values hold. */
static int act(struct cli *cli, const struct values *v, const char *verb, const char *title,
	       int argc, char **argv)
{
	auto_free char *project = NULL;
	auto_json json_t *body = json_object();
	json_t *options = cli_service_options(argc, argv);
	int r;

	json_set_new(body, "options", options);
	if (v->timeout >= 0)
		json_set_int(options, "timeout_s", v->timeout);
	json_set_str(options, "signal", v->signal);
	json_set_bool(options, "force", v->force);
	json_set_bool(options, "stop", v->stop);
	json_set_bool(options, "volumes", v->volumes);
	json_set_bool(options, "no_deps", v->no_deps);
	json_set_bool(options, "remove_orphans", v->remove_orphans);
	if (v->wait) {
		json_set_bool(options, "wait", true);
		json_set_int(options, "wait_timeout_s", v->wait_timeout);
	}
	r = cli_project_name(cli, &project);
	if (!r && argc && !cli->project_name)
		r = cli_check_services(cli, NULL, argc, argv);
	return r ? r : cli_project_stream(cli, project, verb, body, title);
}

#define OPT_TIMEOUT                                                                                \
	{                                                                                          \
		't', "timeout", OPTION_INT, offsetof(struct values, timeout), "SECONDS",           \
			"Seconds to wait before a container is killed"                             \
	}

#define VERB(verb, title_text, summary_text, ...)                                                  \
	static const struct option_def verb##_options[] = {__VA_ARGS__{0}};                        \
	static int verb##_run(struct cli *cli, const void *values, int argc, char **argv)          \
	{                                                                                          \
		return act(cli, values, #verb, title_text, argc, argv);                            \
	}                                                                                          \
	const struct command cmd_##verb = {                                                        \
		.name = #verb,                                                                     \
		.usage = "[OPTIONS] [SERVICE...]",                                                 \
		.summary = summary_text,                                                           \
		.options = verb##_options,                                                         \
		.values_size = sizeof(struct values),                                              \
		.defaults = &defaults,                                                             \
		.dry_run = DRY_PLANS,                                                              \
		.run = verb##_run,                                                                 \
	}

VERB(start, "start", "Start existing containers",
     {0, "wait", OPTION_FLAG, offsetof(struct values, wait), NULL,
      "Wait until services are running or healthy"},
     {0, "wait-timeout", OPTION_INT, offsetof(struct values, wait_timeout), "SECONDS",
      "Longest time to wait"}, );
VERB(stop, "stop", "Stop running containers", OPT_TIMEOUT, );
VERB(restart, "restart", "Restart containers", OPT_TIMEOUT,
     {0, "no-deps", OPTION_FLAG, offsetof(struct values, no_deps), NULL,
      "Do not restart dependent services"}, );
VERB(kill, "kill", "Send a signal to running containers",
     {'s', "signal", OPTION_STR, offsetof(struct values, signal), "SIGNAL",
      "Signal to send (default SIGKILL)"},
     {0, "remove-orphans", OPTION_FLAG, offsetof(struct values, remove_orphans), NULL,
      "Remove containers of services that are not in the files"}, );
VERB(pause, "pause", "Freeze running containers", );
VERB(unpause, "unpause", "Let paused containers go on", );

static const struct option_def rm_options[] = {
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL, "Do not ask"},
	{'s', "stop", OPTION_FLAG, offsetof(struct values, stop), NULL,
	 "Stop the containers first if needed"},
	{'v', "volumes", OPTION_FLAG, offsetof(struct values, volumes), NULL,
	 "Remove their anonymous volumes too"},
	{'a', "all", OPTION_FLAG, offsetof(struct values, ignored), NULL, NULL},
	{0},
};

/* Lists what would go and asks; false when the answer is no. */
static bool confirm(struct cli *cli, const struct values *v, const char *project, int argc,
		    char **argv, int *ret_status)
{
	auto_free char *target = cli_containers_target(project, true, false, argv, argc);
	auto_json json_t *list = NULL;
	auto_buf struct buf names = BUF_INIT;
	char answer[8] = "";
	size_t i;
	json_t *c;

	*ret_status = cli_get(cli, target, &list);
	if (*ret_status)
		return false;
	json_array_foreach (list, i, c)
		if (v->stop || !str_eq(json_get_str(c, "status"), "running"))
			buf_addf(&names, "%s%s", names.len ? ", " : "", json_get_str(c, "name"));
	if (!names.len) {
		fprintf(stderr, "No stopped containers\n");
		return false;
	}
	printf("Going to remove %s\n", names.data);
	if (v->force)
		return true;
	if (!isatty(STDIN_FILENO)) {
		*ret_status = cli_usage(
			cli, "rm asks before it removes, and there is no terminal: add --force");
		return false;
	}
	printf("Are you sure? [yN] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int rm_run(struct cli *cli, const void *values, int argc, char **argv)
{
	struct values v = *(const struct values *)values;
	auto_free char *project = NULL;
	int status = cli_project_name(cli, &project);

	if (status)
		return status;
	if (!cli->dry_run && !confirm(cli, &v, project, argc, argv, &status))
		return status;
	return act(cli, &v, "rm", "rm", argc, argv);
}

const struct command cmd_rm = {
	.name = "rm",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Remove stopped containers",
	.options = rm_options,
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.run = rm_run,
	.dry_run = DRY_PLANS,
};
