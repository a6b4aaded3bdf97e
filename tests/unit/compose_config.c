/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compose-config [GLOBAL OPTION...] config|lint [OPTION...]: what `cmp config` and `cmp lint` do
 * with nothing but the compose room linked, for goldens, the corpus and measurements.  Problems go
 * to standard error, the model to standard output; status 1 after errors, 3 after findings.
 * --repeat N loads N times and prints how long one load takes and how much memory; --diagnostics
 * json prints the problems for editors.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/time.h"
#include "compose/lint.h"

#define STATUS_FINDINGS 3

extern char **environ;

struct arguments {
	struct compose_options options;
	char **files, **profiles, **env_files;
	const char *format, *diagnostics;
	uint32_t repeat;
	bool quiet, lint;
};

enum { OPTION_FIRST = 256, PROJECT_DIRECTORY, PROFILE, ENV_FILE, FORMAT, DIAGNOSTICS, REPEAT };

static const struct option long_options[] = {
	{"file", required_argument, NULL, 'f'},
	{"project-name", required_argument, NULL, 'p'},
	{"project-directory", required_argument, NULL, PROJECT_DIRECTORY},
	{"profile", required_argument, NULL, PROFILE},
	{"env-file", required_argument, NULL, ENV_FILE},
	{"format", required_argument, NULL, FORMAT},
	{"diagnostics", required_argument, NULL, DIAGNOSTICS},
	{"repeat", required_argument, NULL, REPEAT},
	{"quiet", no_argument, NULL, 'q'},
	{"strict", no_argument, NULL, OPTION_FIRST},
	{"no-interpolate", no_argument, NULL, OPTION_FIRST},
	{"no-normalize", no_argument, NULL, OPTION_FIRST},
	{"no-path-resolution", no_argument, NULL, OPTION_FIRST},
	{"no-consistency", no_argument, NULL, OPTION_FIRST},
	{"no-env-resolution", no_argument, NULL, OPTION_FIRST},
	{0},
};

static void set_flag(struct compose_options *o, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"strict", &o->strict},
		{"no-interpolate", &o->no_interpolate},
		{"no-normalize", &o->no_normalize},
		{"no-path-resolution", &o->no_path_resolution},
		{"no-consistency", &o->no_consistency},
		{"no-env-resolution", &o->no_env_resolution},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(flags); i++)
		if (!strcmp(name, flags[i].name))
			*flags[i].flag = true;
}

static bool take_option(struct arguments *a, int option, int index)
{
	switch (option) {
	case 'f':
		strv_push(&a->files, xstrdup(optarg));
		return true;
	case 'p':
		a->options.project_name = optarg;
		return true;
	case 'q':
		a->quiet = true;
		return true;
	case PROJECT_DIRECTORY:
		a->options.project_directory = optarg;
		return true;
	case PROFILE:
		strv_push(&a->profiles, xstrdup(optarg));
		return true;
	case ENV_FILE:
		strv_push(&a->env_files, xstrdup(optarg));
		return true;
	case FORMAT:
		a->format = optarg;
		return true;
	case DIAGNOSTICS:
		a->diagnostics = optarg;
		return true;
	case REPEAT:
		return parse_u32(optarg, &a->repeat) == 0;
	case OPTION_FIRST:
		set_flag(&a->options, long_options[index].name);
		return true;
	default:
		return false;
	}
}

/* "config" or "lint" may stand anywhere; what follows it are names of services. */
static bool parse(struct arguments *a, int argc, char **argv)
{
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "f:p:q", long_options, &index)) != -1)
		if (!take_option(a, option, index))
			return false;
	if (optind == argc)
		return false;
	a->lint = a->options.all_resources = !strcmp(argv[optind], "lint");
	if (!a->lint && strcmp(argv[optind], "config") != 0)
		return false;
	a->options.services = optind + 1 < argc ? argv + optind + 1 : NULL;
	a->options.files = a->files;
	a->options.profiles = a->profiles;
	a->options.env_files = a->env_files;
	return true;
}

static void print_problems(const struct compose_project *p, bool as_json)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *all = NULL;

	if (as_json) {
		all = diag_json(p->diags);
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	diag_render(p->diags, false, &text);
	fputs(text.data ? text.data : "", stderr);
}

static void print_model(const struct compose_project *p, const char *format, bool plain)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *model = NULL, *escaped = NULL;

	if (format && !strcmp(format, "json")) {
		model = compose_model_json(p);
		escaped = plain ? json_incref(model) : compose_model_escape(model);
		json_dumpf(escaped, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	compose_model_yaml(p->model, &text);
	fputs(text.data ? text.data : "", stdout);
}

static int load_once(const struct arguments *a, bool print)
{
	AUTO(compose_project_free) struct compose_project *p = NULL;
	struct error err = ERROR_INIT;
	int r = compose_load(&a->options, &p, &err);

	if (r == 0 && a->lint)
		compose_lint(p);
	if (!print)
		return r;
	print_problems(p, a->diagnostics && !strcmp(a->diagnostics, "json"));
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	else if (a->lint)
		return diag_warnings(p->diags) ? STATUS_FINDINGS : 0;
	else if (!a->quiet)
		print_model(p, a->format, a->options.no_interpolate);
	return r;
}

/* The peak is that of the process, with its code. */
static void measure(const struct arguments *a)
{
	struct rusage usage = {0};
	size_t bytes = 0;
	int64_t start = time_boot_ns();
	uint32_t i;

	for (i = 0; i < a->repeat; i++) {
		AUTO(compose_project_free) struct compose_project *p = NULL;
		struct error err = ERROR_INIT;

		(void)!compose_load(&a->options, &p, &err);
		bytes = arena_used_bytes(p->arena);
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%.3f ms for one load, %zu KiB of nodes and texts, peak %ld KiB\n",
		(double)(time_boot_ns() - start) / 1e6 / a->repeat, bytes >> 10, usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	struct arguments a = {.options = {.environment = environ}};
	auto_free char *cwd = getcwd(NULL, 0);
	int r;

	a.options.cwd = cwd;
	if (!cwd || !parse(&a, argc, argv)) {
		fputs("usage: compose-config [OPTION...] config|lint [OPTION...] [SERVICE...]\n",
		      stderr);
		return 2;
	}
	if (a.repeat)
		measure(&a);
	r = load_once(&a, !a.repeat);
	strv_free(a.files);
	strv_free(a.profiles);
	strv_free(a.env_files);
	return r < 0 ? 1 : r;
}
