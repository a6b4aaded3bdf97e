/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp help [COMMAND], cmp explain CODE, cmp shutdown. */
#include <stdio.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "compose/diag.h"
#include "compose/lint.h"

static int help_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_buf struct buf text = BUF_INIT;
	const struct command *cmd = argc ? cli_find_command(argv[0]) : NULL;

	(void)values;
	if (argc && !cmd)
		return cli_usage(cli, "unknown command \"%s\"; see \"cmp --help\"", argv[0]);
	if (cmd)
		command_help(&text, "", cmd);
	else
		cli_help(&text);
	fputs(text.data, stdout);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "Show help on a command",
	.run = help_run,
};

static void list_codes(const struct diag_explanation *all, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		printf("%s  %s\n", all[i].code, all[i].title);
}

static int explain_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct diag_explanation *about;
	size_t count;

	(void)values;
	if (argc > 1)
		return cli_usage(cli, "\"cmp explain\" takes 1 argument: a code like E012");
	if (!argc) {
		about = diag_explanations(&count);
		list_codes(about, count);
		for (count = 0; (about = lint_explanation(count)); count++)
			list_codes(about, 1);
		return 0;
	}
	about = diag_explain(argv[0]);
	about = about ? about : lint_explain(argv[0]);
	if (!about)
		return cli_usage(cli, "there is no code %s: \"cmp explain\" lists all", argv[0]);
	printf("%s: %s\n\n%s\n", about->code, about->title, about->text);
	return 0;
}

const struct command cmd_explain = {
	.name = "explain",
	.usage = "[CODE]",
	.summary = "Explain the code of a message, like E012, or list all",
	.run = explain_run,
};

static int shutdown_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_json json_t *reply = NULL;
	struct error err = ERROR_INIT;

	(void)values;
	(void)argc;
	(void)argv;
	if (client_call(cli->socket_path, false, "POST", "/cmp/v1/shutdown", NULL, &reply, &err) <
	    0)
		return cli_fail(cli, &err);
	return 0;
}

const struct command cmd_shutdown = {
	.name = "shutdown",
	.usage = "",
	.summary = "End the supervisor; containers go on",
	.run = shutdown_run,
};
