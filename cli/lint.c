/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp lint: what a reviewer would object to in the files. */
#include <stdio.h>

#include "base/json.h"
#include "cli/out.h"
#include "cli/sarif.h"
#include "cli/verbs.h"
#include "compose/lint.h"

#define EXIT_FINDINGS 3 /* 1 and 2 mean that the files, or the call, are wrong */

struct values {
	bool quiet;
	char *format;
};

static const struct option_def options[] = {
	{0, "format", OPTION_STR, offsetof(struct values, format), "text|json|sarif",
	 "text, if not given; the others go to standard output"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL,
	 "Print nothing: the exit status tells"},
	{0},
};

static void print(struct cli *cli, const struct compose_project *p, const char *format)
{
	auto_json json_t *problems = NULL, *log = NULL;

	if (!str_eq(format, "sarif")) {
		cli_print_problems(cli, p, str_eq(format, "json"));
		return;
	}
	problems = diag_json(p->diags);
	log = sarif_log(cli->cwd, problems);
	out_json_pretty(log, stdout);
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	AUTO(compose_project_free) struct compose_project *p = NULL;
	struct compose_options opts;
	int r;

	(void)argv;
	if (argc)
		return cli_usage(cli, "\"cmp lint\" takes no arguments: it looks at all services");
	if (!str_empty(v->format) && strcmp(v->format, "text") != 0 &&
	    strcmp(v->format, "json") != 0 && strcmp(v->format, "sarif") != 0)
		return cli_usage(cli, "unsupported format \"%s\": use text, json or sarif",
				 v->format);
	r = cli_compose_options(cli, NULL, &opts);
	if (r)
		return r;
	opts.all_resources = true;
	r = cli_load_silently(cli, &opts, &p);
	if (!r)
		compose_lint(p);
	if (!v->quiet)
		print(cli, p, v->format);
	return r ? r : diag_warnings(p->diags) ? EXIT_FINDINGS : 0;
}

const struct command cmd_lint = {
	.name = "lint",
	.usage = "[OPTIONS]",
	.summary = "Look for what a reviewer would object to",
	.more = "Findings have codes: \"cmp explain L001\".  One is switched off in the file,\n"
		"at a service or at the top level for the whole project:\n"
		"  x-cmp:\n"
		"    lint:\n"
		"      L001: off, or the reason\n\n"
		"Exit status: 0 nothing found, 1 the files have errors, 3 something was found.",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
