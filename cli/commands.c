/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is on the command line: the global options, and the table of all commands. */
#include "cli/verbs.h"

const struct command *const cli_commands[] = {
	&cmd_build,  &cmd_builder,  &cmd_complete, &cmd_config, &cmd_create, &cmd_down,
	&cmd_events, &cmd_exec,	    &cmd_explain,  &cmd_help,	&cmd_image,  &cmd_images,
	&cmd_import, &cmd_inspect,  &cmd_kill,	   &cmd_lint,	&cmd_login,  &cmd_logout,
	&cmd_logs,   &cmd_ls,	    &cmd_network,  &cmd_pause,	&cmd_plan,   &cmd_port,
	&cmd_ps,     &cmd_pull,	    &cmd_restart,  &cmd_rm,	&cmd_rmi,    &cmd_run,
	&cmd_scale,  &cmd_shutdown, &cmd_start,	   &cmd_stop,	&cmd_top,    &cmd_unpause,
	&cmd_up,     &cmd_version,  &cmd_volume,   &cmd_wait,	NULL,
};

const struct option_def cli_global_options[] = {
	{0, "all-resources", OPTION_FLAG, offsetof(struct cli, all_resources), NULL,
	 "Include all resources, even those not used by services"},
	{0, "ansi", OPTION_STR, offsetof(struct cli, ansi), "never|always|auto",
	 "When to use control characters"},
	{0, "compatibility", OPTION_FLAG, offsetof(struct cli, compatibility), NULL, NULL},
	{0, "dry-run", OPTION_FLAG, offsetof(struct cli, dry_run), NULL,
	 "Show what would be done and do nothing"},
	{0, "env-file", OPTION_STRV, offsetof(struct cli, env_files), "FILE",
	 "Read variables from this file instead of .env"},
	{'f', "file", OPTION_STRV, offsetof(struct cli, files), "FILE",
	 "Compose file (repeatable)"},
	{'h', "help", OPTION_FLAG, offsetof(struct cli, help), NULL, "Show help"},
	{0, "parallel", OPTION_INT, offsetof(struct cli, parallel), "N",
	 "At most N operations at a time, -1: no limit"},
	{0, "profile", OPTION_STRV, offsetof(struct cli, profiles), "PROFILE",
	 "Enable this profile (repeatable)"},
	{0, "progress", OPTION_STR, offsetof(struct cli, progress), "auto|tty|plain|json|quiet",
	 "How progress is shown"},
	{0, "project-directory", OPTION_STR, offsetof(struct cli, project_directory), "DIR",
	 "Directory that relative paths start from"},
	{'p', "project-name", OPTION_STR, offsetof(struct cli, project_name), "PROJECT",
	 "Name of the project"},
	{0, "strict", OPTION_FLAG, offsetof(struct cli, strict), NULL,
	 "Warnings about the files are errors"},
	{0, "verbose", OPTION_FLAG, offsetof(struct cli, verbose), NULL, NULL},
	{'v', "version", OPTION_FLAG, offsetof(struct cli, version), NULL, "Show the version"},
	{0},
};

const struct command *cli_find_command(const char *name)
{
	size_t i, k;

	for (i = 0; cli_commands[i]; i++) {
		const struct command *c = cli_commands[i];

		if (!strcmp(c->name, name))
			return c;
		for (k = 0; c->aliases && c->aliases[k]; k++)
			if (!strcmp(c->aliases[k], name))
				return c;
	}
	return NULL;
}

/* Verbs of Compose and Docker that have no command here; asked only about words that have none. */
static const struct {
	const char *name, *instead;
} foreign[] = {
	{"alpha", NULL},
	{"attach", NULL},
	{"bridge", NULL},
	{"buildx", NULL},
	{"checkpoint", NULL},
	{"commit", NULL},
	{"compose", "the verbs stand alone here, as in \"cmp up\""},
	{"container", "there are \"cmp ps\" and \"cmp inspect\""},
	{"context", NULL},
	{"cp", NULL},
	{"diff", NULL},
	{"export", NULL},
	{"history", "there is \"cmp image history\""},
	{"info", "there is \"cmp version\""},
	{"load", "there is \"cmp image load\""},
	{"manifest", NULL},
	{"plugin", NULL},
	{"publish", NULL},
	{"push", NULL},
	{"rename", NULL},
	{"save", "there is \"cmp image save\""},
	{"search", NULL},
	{"secret", NULL},
	{"service", NULL},
	{"stack", NULL},
	{"stats", NULL},
	{"swarm", NULL},
	{"system", NULL},
	{"tag", "there is \"cmp image tag\""},
	{"trust", NULL},
	{"update", NULL},
	{"viz", NULL},
	{"watch", NULL},
};

bool cli_foreign_command(const char *word, const char **ret_instead)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(foreign); i++) {
		if (strcmp(foreign[i].name, word))
			continue;
		*ret_instead = foreign[i].instead;
		return !cli_find_command(word);
	}
	return false;
}

const char *cli_nearest_command(const char *word)
{
	const char *names[ARRAY_LEN(cli_commands)];
	size_t i, count = 0;

	for (i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			names[count++] = cli_commands[i]->name;
	return str_nearest(word, names, count);
}

void cli_help(struct buf *out)
{
	size_t i;

	buf_adds(out, "Usage:  cmp [OPTIONS] COMMAND\n\n"
		      "Run the services of a Compose file as containers\n\nCommands:\n");
	for (i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			buf_addf(out, "  %-14s%s\n", cli_commands[i]->name,
				 cli_commands[i]->summary);
	buf_adds(out, "\nOptions:\n");
	options_help(out, cli_global_options);
	buf_adds(out, "\nRun 'cmp COMMAND --help' for more information on a command.\n");
}
