/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp help [COMMAND], cmp explain CODE|KEY, cmp shutdown. */
#include <stdio.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "compose/diag.h"
#include "compose/lint.h"
#include "compose/reference.h"

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
	.dry_run = DRY_READS,
};

static void list_codes(void)
{
	const struct diag_explanation *about;
	size_t i, count;

	about = diag_explanations(&count);
	for (i = 0; i < count; i++)
		printf("%s  %s\n", about[i].code, about[i].title);
	for (i = 0; (about = lint_explanation(i)); i++)
		printf("%s  %s\n", about->code, about->title);
}

static int explain_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_buf struct buf entry = BUF_INIT;
	auto_free char *near = NULL;
	const struct diag_explanation *about;

	(void)values;
	if (argc > 1)
		return cli_usage(cli, "\"cmp explain\" takes 1 argument: the code of a message, "
				      "like E012, or a key, like services.web.ports");
	if (!argc) {
		list_codes();
		return 0;
	}
	about = diag_explain(argv[0]);
	about = about ? about : lint_explain(argv[0]);
	if (about)
		buf_addf(&entry, "%s: %s\n\n%s\n", about->code, about->title, about->text);
	else if (!reference_explain(argv[0], &entry, &near))
		return cli_usage(cli, "\"%s\" is no code and no key%s%s%s", argv[0],
				 near ? " (did you mean \"" : "", near ? near : "",
				 near ? "\"?)" : "");
	fputs(entry.data, stdout);
	return 0;
}

const struct command cmd_explain = {
	.name = "explain",
	.usage = "[CODE|KEY]",
	.summary = "Explain a message (E012) or a key of the format (services.web.ports)",
	.more = "Without an argument all codes are listed.",
	.run = explain_run,
	.dry_run = DRY_READS,
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
