/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The project of the command line: loaded once, its problems printed once, and put into requests.
 * Verbs that only look (ps, logs, exec …) need no more than its name.
 */
#include "cli/project.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/out.h"
#include "compose/compose.h"
#include "compose/diag.h"

extern char **environ;

int cli_compose_options(struct cli *cli, char *const *services, struct compose_options *ret)
{
	struct error err = ERROR_INIT;

	if (!cli->cwd)
		cli->cwd = getcwd(NULL, 0);
	if (!cli->cwd) {
		error_sys(&err, errno, "find the current directory");
		return cli_fail(cli, &err);
	}
	*ret = (struct compose_options){
		.files = cli->files,
		.profiles = cli->profiles,
		.all_resources = cli->all_resources,
		.env_files = cli->env_files,
		.project_name = cli->project_name,
		.project_directory = cli->project_directory,
		.cwd = cli->cwd,
		.environment = environ,
		.services = services,
		.strict = cli->strict,
	};
	return 0;
}

void cli_print_problems(struct cli *cli, const struct compose_project *p, bool as_json)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *all = NULL;

	if (as_json) {
		all = diag_json(p->diags);
		out_json_pretty(all, stdout);
		return;
	}
	diag_render(p->diags, cli->color_err, &text);
	if (text.len)
		fputs(text.data, stderr);
}

int cli_load_silently(struct cli *cli, const struct compose_options *options,
		      struct compose_project **ret)
{
	struct error err = ERROR_INIT;
	int r = compose_load(options, ret, &err);

	/* What is wrong is in the list; the summary adds nothing but a count. */
	return r == 0 ? 0 : diag_errors((*ret)->diags) ? 1 : cli_fail(cli, &err);
}

int cli_load_options(struct cli *cli, const struct compose_options *options,
		     struct compose_project **ret)
{
	struct compose_project *p = NULL;
	int r = cli_load_silently(cli, options, &p);

	cli_print_problems(cli, p, false);
	if (r)
		compose_project_free(p);
	else
		*ret = p;
	return r;
}

int cli_load(struct cli *cli, char *const *services, struct compose_project **ret)
{
	struct compose_options options;
	int r = cli_compose_options(cli, services, &options);

	return r ? r : cli_load_options(cli, &options, ret);
}

int cli_project_name(struct cli *cli, char **ret)
{
	struct compose_options options;
	struct compose_project *p = NULL;
	int r;

	if (cli->project_name) {
		*ret = xstrdup(cli->project_name);
		return 0;
	}
	r = cli_compose_options(cli, NULL, &options);
	options.name_only = true;
	if (!r)
		r = cli_load_options(cli, &options, &p);
	if (r)
		return r;
	*ret = xstrdup(p->name);
	compose_project_free(p);
	return 0;
}

/* ---- services */

static const char **service_names(const struct compose_project *p, size_t *ret_count)
{
	const struct compose_node *maps[2] = {node_get(p->model, "services"), p->disabled};
	const char **names = NULL;
	size_t i, k, count = 0;

	for (k = 0; k < 2; k++) {
		if (!maps[k] || maps[k]->kind != COMPOSE_MAP)
			continue;
		names = xreallocarray(names, count + maps[k]->map.count + 1, sizeof(*names));
		for (i = 0; i < maps[k]->map.count; i++)
			names[count++] = maps[k]->map.pairs[i].key;
	}
	*ret_count = count;
	return names;
}

static int check_one(struct cli *cli, const char *const *names, size_t count, const char *wanted)
{
	const char *near;
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], wanted))
			return 0;
	near = str_nearest(wanted, names, count);
	return near ? cli_usage(cli, "no such service: %s (did you mean %s?)", wanted, near)
		    : cli_usage(cli, "no such service: %s", wanted);
}

int cli_check_services(struct cli *cli, const struct compose_project *project, int argc,
		       char **argv)
{
	struct compose_project *own = NULL;
	auto_free const char **names = NULL;
	size_t count;
	int i, r = 0;

	if (!argc)
		return 0;
	if (!project) {
		r = cli_load(cli, argv, &own);
		if (r)
			return r;
		project = own;
	}
	names = service_names(project, &count);
	for (i = 0; i < argc && !r; i++)
		r = check_one(cli, names, count, argv[i]);
	compose_project_free(own);
	return r;
}

/* ---- requests */

/* A variable of the environment that the files were read with, or NULL. */
static const char *variable_value(const struct compose_project *p, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; p->environment && p->environment[i]; i++)
		if (str_starts(p->environment[i], name) && p->environment[i][len] == '=')
			return p->environment[i] + len + 1;
	return NULL;
}

/* Values of secrets and configs that come from the environment of this process.  What is missing
 * becomes a problem in `problems`. */
static void add_secrets(const struct compose_project *p, const char *section, json_t *out,
			struct diag_list *problems)
{
	const struct compose_node *all = node_get(p->model, section);
	size_t i;

	for (i = 0; all && all->kind == COMPOSE_MAP && i < all->map.count; i++) {
		const char *name = all->map.pairs[i].key, *value;
		const struct compose_node *variable =
			node_get(all->map.pairs[i].value, "environment");
		auto_free char *where = xasprintf("%s.%s", section, name);

		if (!variable || !variable->text)
			continue;
		value = variable_value(p, variable->text);
		if (value)
			json_set_new(out, name, json_str(value));
		else
			diag_add(problems, DIAG_ERROR, DIAG_INTERPOLATION, variable->mark, where,
				 "environment variable \"%s\" is not set", variable->text);
	}
}

/* 0, or 1 when a value is missing. */
static int add_all_secrets(struct cli *cli, const struct compose_project *p, json_t *body)
{
	struct diag_list *problems = diag_list_new(p->arena);
	auto_buf struct buf text = BUF_INIT;
	json_t *secrets = json_object();

	json_set_new(body, "secrets", secrets);
	add_secrets(p, "secrets", secrets, problems);
	add_secrets(p, "configs", secrets, problems);
	if (!diag_errors(problems))
		return 0;
	diag_render(problems, cli->color_err, &text);
	fputs(text.data, stderr);
	return 1;
}

/* Names of the services that no profile enables: their containers are no orphans. */
static json_t *disabled_services(const struct compose_project *p)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; p->disabled && p->disabled->kind == COMPOSE_MAP && i < p->disabled->map.count;
	     i++)
		json_array_append_new(names, json_str(p->disabled->map.pairs[i].key));
	return names;
}

static json_t *request(const struct compose_project *p)
{
	json_t *body = json_object();

	json_set_new(body, "model", compose_model_json(p));
	json_set_new(body, "files", json_strv(p->files));
	json_set_str(body, "working_dir", p->working_dir);
	json_set_new(body, "disabled", disabled_services(p));
	return body;
}

/* With -p NAME the files are optional: the supervisor remembers the model of the last up. */
static bool files_missing(struct cli *cli)
{
	struct compose_options options;
	struct compose_project *p = NULL;
	struct error err = ERROR_INIT;
	int r;

	if (!cli->project_name || cli->files || cli_compose_options(cli, NULL, &options))
		return false;
	options.name_only = true;
	r = compose_load(&options, &p, &err);
	r = r == -ENOENT || (r == 0 && !(p->files && p->files[0])) ? 1 : 0;
	compose_project_free(p);
	return r;
}

int cli_project_model(struct cli *cli, enum model_use use, json_t *body, char **ret_name, int argc,
		      char **argv)
{
	AUTO(compose_project_free) struct compose_project *p = NULL;
	auto_free char **services = xcalloc((size_t)argc + 1, sizeof(*services));
	auto_json json_t *about = NULL;
	int r;

	if (files_missing(cli)) {
		*ret_name = xstrdup(cli->project_name);
		return 0;
	}
	memcpy(services, argv, (size_t)argc * sizeof(*services));
	r = cli_load(cli, services, &p);
	if (!r)
		r = cli_check_services(cli, p, argc, argv);
	if (r)
		return r;
	about = request(p);
	json_object_update(body, about);
	if (use == MODEL_MAKES && !cli->dry_run && add_all_secrets(cli, p, body))
		return 1;
	*ret_name = xstrdup(p->name);
	return 0;
}
