/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp: global options, the verb, its options, its run.  diffutils has a cmp too: a call that is
 * none of ours and looks like one of its goes to the next cmp on PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/start.h"
#include "cli/verbs.h"

#define EXIT_TROUBLE 2 /* as diffutils' */

/* ---- the other cmp */

static bool is_ours(const char *option)
{
	const struct option_def *o;
	size_t len = strcspn(option, "=");

	for (o = cli_global_options; o->name; o++) {
		if (option[1] == '-'
			    ? strlen(o->name) == len - 2 && !strncmp(o->name, option + 2, len - 2)
			    : o->letter && option[1] == o->letter)
			return true;
	}
	return false;
}

/* cmp [OPTION]... FILE1 [FILE2 [SKIP1 [SKIP2]]], none of it ours. */
static bool looks_like_diffutils(int argc, char **argv)
{
	const char *first = argv[1], *ignored;
	int i, operands = 0;
	bool exists = false;

	if (argc < 2 || (first[0] == '-' && first[1] && is_ours(first)) ||
	    cli_find_command(first) || cli_foreign_command(first, &ignored))
		return false;
	for (i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			continue;
		operands++;
		exists |= !strcmp(argv[i], "-") || file_exists(AT_FDCWD, argv[i]);
	}
	if (first[0] == '-')
		return operands > 0;
	return exists || (operands >= 2 && !cli_nearest_command(first));
}

/* Executes the next cmp on PATH that is another file than we are; returns when there is none. */
static void exec_other_cmp(char **argv)
{
	AUTO(strv_free)
	char **dirs = strv_split(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin", ":");
	struct stat self, st;
	size_t i;

	if (stat("/proc/self/exe", &self) < 0)
		return;
	for (i = 0; i < strv_len(dirs); i++) {
		auto_free char *path = xasprintf("%s/cmp", dirs[i]);

		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111) ||
		    (st.st_dev == self.st_dev && st.st_ino == self.st_ino))
			continue;
		execv(path, argv);
	}
}

/* ---- running a verb */

static int print_help(const char *prefix, const struct command *cmd)
{
	auto_buf struct buf text = BUF_INIT;

	command_help(&text, prefix, cmd);
	fputs(text.data, stdout);
	return 0;
}

static bool wants_help(const struct command *cmd, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
		if (cmd->stop_at_argument && argv[i][0] != '-')
			return false;
	}
	return false;
}

static int run_command(struct cli *cli, const char *prefix, const struct command *cmd, int argc,
		       char **argv)
{
	const struct command *const *sub;
	auto_free void *values = NULL;
	auto_free char *deeper = NULL;
	struct error err = ERROR_INIT;
	int rest, status;

	if (cmd->verbs) {
		for (sub = cmd->verbs; argc && *sub; sub++) {
			if (strcmp((*sub)->name, argv[0]))
				continue;
			deeper = xasprintf("%s%s ", prefix, cmd->name);
			return run_command(cli, deeper, *sub, argc - 1, argv + 1);
		}
		if (argc && argv[0][0] != '-')
			return cli_usage(cli,
					 "unknown command \"cmp %s%s %s\"; see \"cmp %s%s --help\"",
					 prefix, cmd->name, argv[0], prefix, cmd->name);
		return print_help(prefix, cmd);
	}
	if (wants_help(cmd, argc, argv))
		return print_help(prefix, cmd);
	if (cli->dry_run && cmd->dry_run == DRY_REFUSED)
		return cli_usage(cli, "\"cmp %s%s\" has no dry run: nothing was done", prefix,
				 cmd->name);
	values = xcalloc(1, cmd->values_size ? cmd->values_size : 1);
	if (cmd->defaults)
		memcpy(values, cmd->defaults, cmd->values_size);
	if (options_parse(cmd->options, values, argc, argv, cmd->stop_at_argument, &rest, &err) <
	    0) {
		error_wrap(&err, "cmp %s%s", prefix, cmd->name);
		status = cli_fail(cli, &err);
	} else {
		status = cmd->run(cli, values, argc - rest, argv + rest);
	}
	options_release(cmd->options, values);
	return status;
}

static int not_done(struct cli *cli, const char *word, const char *instead)
{
	if (instead)
		return cli_usage(cli, "cmp does not do \"%s\": %s", word, instead);
	if (file_exists(AT_FDCWD, word))
		return cli_usage(cli,
				 "cmp does not do \"%s\" yet; to compare the file of that name, "
				 "write ./%s",
				 word, word);
	return cli_usage(cli, "cmp does not do \"%s\" yet", word);
}

static int unknown(struct cli *cli, const char *word)
{
	const char *near = cli_nearest_command(word), *instead;

	if (cli_foreign_command(word, &instead))
		return not_done(cli, word, instead);
	if (near)
		cli_usage(cli, "unknown command \"%s\" (did you mean \"%s\"?)", word, near);
	else
		cli_usage(cli, "unknown command \"%s\"; see \"cmp --help\"", word);
	return EXIT_TROUBLE;
}

static int run_cli(struct cli *cli, int argc, char **argv)
{
	auto_buf struct buf text = BUF_INIT;
	const struct command *cmd;
	struct error err = ERROR_INIT;
	int rest;

	if (options_parse(cli_global_options, cli, argc, argv, true, &rest, &err) < 0)
		return cli_fail(cli, &err);
	argv += rest;
	argc -= rest;
	cli->color_out = out_color(cli, stdout);
	cli->color_err = out_color(cli, stderr);
	if (start_socket_path(&cli->socket_path, &err) < 0)
		return cli_fail(cli, &err);
	if (cli->version)
		return run_command(cli, "", &cmd_version, 0, argv);
	if (!argc || cli->help) {
		cli_help(&text);
		fputs(text.data, cli->help ? stdout : stderr);
		return cli->help ? 0 : 1;
	}
	cmd = cli_find_command(argv[0]);
	return cmd ? run_command(cli, "", cmd, argc - 1, argv + 1) : unknown(cli, argv[0]);
}

int main(int argc, char **argv)
{
	struct cli cli = {.parallel = 0};
	int status;

	if (argc > 1 && looks_like_diffutils(argc, argv)) {
		exec_other_cmp(argv);
		if (argv[1][0] == '-') {
			fprintf(stderr, "cmp: no other cmp was found on PATH to compare files\n");
			return EXIT_TROUBLE;
		}
	}
	cli.program = argv[0];
	status = run_cli(&cli, argc - 1, argv + 1);
	options_release(cli_global_options, &cli);
	free(cli.socket_path);
	free(cli.cwd);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "write to standard output: %s\n", strerrordesc_np(errno));
		return status ? status : 1;
	}
	return status;
}
