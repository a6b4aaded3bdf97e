/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp __complete -- WORD...: what may stand in place of the last word, for the shells
 * (completion/). Everything comes from the tables of commands and options: the words in their
 * usage, SERVICE or always|never, say what belongs there.  A line is a candidate, with a tab and
 * its meaning; a line that begins with a colon tells the shell :files, :dirs or :nospace.
 */
#include <stdio.h>

#include "base/json.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "compose/lint.h"
#include "compose/reference.h"
#include "compose/schema.h"

struct completion {
	struct cli *cli;
	const char *current; /* the word to complete */
	const char *prefix;  /* "--name=" in front of what is completed of it, or "" */
	const char *suffix;  /* "=" behind every candidate, or "" */
	size_t count;
};

static void offer(struct completion *c, const char *word, const char *meaning)
{
	const char *typed = c->current + strlen(c->prefix);

	if (str_empty(word) || !str_starts(word, typed) || !str_printable(word))
		return;
	printf("%s%s%s%s%s\n", c->prefix, word, c->suffix, meaning ? "\t" : "",
	       meaning ? meaning : "");
	c->count++;
}

/* A name from a file or from the supervisor: nothing that a shell could take for more. */
static void offer_name(struct completion *c, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_.:/@+-";

	if (name && name[0] != '-' && !name[strspn(name, plain)])
		offer(c, name, NULL);
}

/* ---- what there is */

static void add_node_keys(struct completion *c, const struct compose_node *map)
{
	size_t i;

	for (i = 0; map && map->kind == COMPOSE_MAP && i < map->map.count; i++)
		offer_name(c, map->map.pairs[i].key);
}

/* Of the list at `target`, the members of that name; nothing when no supervisor answers. */
static void add_listed(struct completion *c, const char *target, const char *member)
{
	auto_json json_t *list = NULL;
	struct error err = ERROR_INIT;
	size_t i, k;
	json_t *one, *item;

	if (client_call(c->cli->socket_path, false, "GET", target, NULL, &list, &err) < 0)
		return;
	json_array_foreach (list, i, one) {
		const json_t *value = json_object_get(one, member);

		if (json_is_string(value))
			offer_name(c, json_string_value(value));
		json_array_foreach ((json_t *)(uintptr_t)value, k, item)
			offer_name(c, json_string_value(item));
	}
}

/* The project as far as it can be read; problems are for other commands to tell. */
static struct compose_project *load(struct completion *c)
{
	struct compose_project *p = NULL;
	struct compose_options options;
	struct error err = ERROR_INIT;

	if (cli_compose_options(c->cli, NULL, &options))
		return NULL;
	options.no_consistency = options.no_env_resolution = options.all_resources = true;
	if (compose_load(&options, &p, &err) == 0)
		return p;
	compose_project_free(p);
	return NULL;
}

static void add_services(struct completion *c)
{
	AUTO(compose_project_free) struct compose_project *p = load(c);

	if (p) {
		add_node_keys(c, node_get(p->model, "services"));
		add_node_keys(c, p->disabled);
	} else if (c->cli->project_name) {
		auto_free char *target =
			cli_containers_target(c->cli->project_name, true, false, NULL, 0);

		add_listed(c, target, "service");
	}
}

static void add_profiles(struct completion *c)
{
	AUTO(compose_project_free) struct compose_project *p = load(c);
	const struct compose_node *list;
	AUTO(strv_free) char **seen = NULL;
	size_t i, k;

	for (i = 0; p && p->disabled && i < p->disabled->map.count; i++) {
		list = node_get(p->disabled->map.pairs[i].value, "profiles");
		for (k = 0; list && list->kind == COMPOSE_LIST && k < list->list.count; k++) {
			const char *name = list->list.items[k]->text;

			if (strv_has(seen, name))
				continue;
			strv_push(&seen, xstrdup(name));
			offer_name(c, name);
		}
	}
}

static void add_projects(struct completion *c)
{
	add_listed(c, "/cmp/v1/projects", "name");
}

static void add_containers(struct completion *c)
{
	add_listed(c, "/cmp/v1/containers?all=1", "name");
}

static void add_images(struct completion *c)
{
	add_listed(c, "/cmp/v1/images", "tags");
}

static void add_volumes(struct completion *c)
{
	add_listed(c, "/cmp/v1/volumes", "name");
}

static void add_networks(struct completion *c)
{
	add_listed(c, "/cmp/v1/networks", "name");
}

static void add_objects(struct completion *c)
{
	add_containers(c);
	add_images(c);
	add_volumes(c);
	add_networks(c);
}

static void add_commands(struct completion *c)
{
	size_t i;

	for (i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			offer(c, cli_commands[i]->name, cli_commands[i]->summary);
}

static void add_codes(struct completion *c)
{
	const struct diag_explanation *about;
	size_t i, count;

	about = diag_explanations(&count);
	for (i = 0; i < count; i++)
		offer(c, about[i].code, about[i].title);
	for (i = 0; (about = lint_explanation(i)); i++)
		offer(c, about->code, about->title);
}

static void add_table_keys(struct completion *c, const struct compose_type *type)
{
	const struct compose_key *key;

	for (key = type->keys; key->name; key++)
		offer(c, key->name, key->help);
}

static void add_keys(struct completion *c)
{
	add_table_keys(c, &type_file);
	add_table_keys(c, &type_service);
}

static void add_files(struct completion *c)
{
	puts(":files");
	c->count++;
}

static void add_dirs(struct completion *c)
{
	puts(":dirs");
	c->count++;
}

/* Words of usage texts; other capital words stand for what only the user knows. */
static const struct {
	const char *word;
	void (*add)(struct completion *c);
	const char *values; /* instead of add */
} kinds[] = {
	{"SERVICE", add_services, NULL},
	{"PROFILE", add_profiles, NULL},
	{"PROJECT", add_projects, NULL},
	{"CONTAINER", add_containers, NULL},
	{"IMAGE", add_images, NULL},
	{"VOLUME", add_volumes, NULL},
	{"NETWORK", add_networks, NULL},
	{"OBJECT", add_objects, NULL},
	{"COMMAND", add_commands, NULL},
	{"CODE", add_codes, NULL},
	{"KEY", add_keys, NULL},
	{"FILE", add_files, NULL},
	{"TAR", add_files, NULL},
	{"DIR", add_dirs, NULL},
	{"STATUS", NULL, "created|running|paused|restarting|exited|removing|dead"},
	{"SIGNAL", NULL,
	 "SIGTERM|SIGKILL|SIGINT|SIGHUP|SIGQUIT|SIGUSR1|SIGUSR2|SIGSTOP|SIGCONT|SIGWINCH"},
};

/* ---- what belongs where */

static void offer_values(struct completion *c, const char *values)
{
	AUTO(strv_free) char **list = strv_split(values, "|");
	size_t i;

	for (i = 0; i < strv_len(list); i++)
		offer(c, list[i], NULL);
}

static void add_word(struct completion *c, const char *word)
{
	size_t i, len = strcspn(word, "=");
	auto_free char *name = xstrndup(word, len);

	if (word[len])
		c->suffix = "=";
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].word, name) != 0)
			continue;
		if (kinds[i].values)
			offer_values(c, kinds[i].values);
		else
			kinds[i].add(c);
	}
	if (name[0] >= 'a' && name[0] <= 'z')
		offer(c, name, NULL);
	if (word[len] && c->count)
		puts(":nospace");
	c->suffix = "";
}

/* "always|never", "SERVICE=NUM", "CODE|KEY" */
static void add_words(struct completion *c, const char *words)
{
	AUTO(strv_free) char **list = strv_split(words, "|");
	size_t i;

	for (i = 0; i < strv_len(list); i++)
		add_word(c, list[i]);
}

static const struct option_def *find_option(const struct option_def *table, const char *word)
{
	size_t len = strcspn(word, "=");

	for (; table && (table->name || table->letter); table++) {
		bool is_long = table->name && str_starts(word, "--") &&
			       strlen(table->name) == len - 2 &&
			       !strncmp(table->name, word + 2, len - 2);

		if (is_long ||
		    (table->letter && word[0] == '-' && word[1] == table->letter && !word[2]))
			return table;
	}
	return NULL;
}

static bool takes_value(const struct option_def *o)
{
	return o && o->kind != OPTION_FLAG && o->kind != OPTION_TRI;
}

static void add_options(struct completion *c, const struct option_def *table, bool help)
{
	const struct option_def *o;
	auto_free char *name = NULL;
	const char *equals = strchr(c->current, '=');

	o = equals ? find_option(table, c->current) : NULL;
	if (o && o->arg) {
		c->prefix = name = xstrndup(c->current, (size_t)(equals - c->current) + 1);
		add_words(c, o->arg);
		c->prefix = "";
	}
	for (o = table; !equals && o && (o->name || o->letter); o++) {
		auto_free char *word =
			o->name ? xasprintf("--%s", o->name) : xasprintf("-%c", o->letter);

		if (o->help)
			offer(c, word, o->help);
	}
	if (help && !equals)
		offer(c, "--help", "Show help");
}

/*
 * Passes over options and arguments in front of the current word.  *ret_arguments counts the
 * latter, not beyond the first if the walk is to end there; the index where it ended is returned.
 * *ret_pending is the option whose value the next word would be.
 */
static int walk(const struct option_def *table, int count, char **words, bool stop,
		int *ret_arguments, const struct option_def **ret_pending, bool *ret_over)
{
	int i;

	*ret_arguments = 0;
	*ret_pending = NULL;
	*ret_over = false;
	for (i = 0; i < count; i++) {
		const struct option_def *o = find_option(table, words[i]);

		if (!strcmp(words[i], "--"))
			*ret_over = true;
		else if (*ret_over || words[i][0] != '-' || !words[i][1])
			(*ret_arguments)++;
		else if (takes_value(o) && !strchr(words[i], '=') && ++i == count)
			*ret_pending = o;
		if (stop && *ret_arguments)
			break;
	}
	return i;
}

/* The word of "[OPTIONS] SERVICE [COMMAND] [ARG...]" for an argument; the last may be repeated. */
static void add_argument(struct completion *c, const struct command *cmd, int index)
{
	AUTO(strv_free) char **words = strv_split(cmd->usage, " ");
	size_t i, k, at = 0;

	for (i = 0; i < strv_len(words); i++) {
		char *word = words[i] + (words[i][0] == '[');
		bool repeated = strstr(word, "...");

		if (str_starts(word, "OPTIONS") || !*word)
			continue;
		for (k = 0; word[k] && word[k] != ']' && word[k] != '.' && word[k] != '['; k++)
			;
		word[k] = '\0';
		if (at++ != (size_t)index && !repeated)
			continue;
		/* What a container runs is in the container. */
		if (!cmd->stop_at_argument || index == 0)
			add_words(c, word);
		return;
	}
}

static void complete_command(struct completion *c, const struct command *cmd, int count,
			     char **words)
{
	const struct option_def *pending;
	int arguments;
	bool over;
	size_t i;

	for (; cmd->verbs && count; count--, words++) {
		for (i = 0; cmd->verbs[i]; i++)
			if (!strcmp(cmd->verbs[i]->name, words[0])) {
				complete_command(c, cmd->verbs[i], count - 1, words + 1);
				return;
			}
	}
	for (i = 0; cmd->verbs && cmd->verbs[i]; i++)
		offer(c, cmd->verbs[i]->name, cmd->verbs[i]->summary);
	walk(cmd->options, count, words, cmd->stop_at_argument, &arguments, &pending, &over);
	if (pending && pending->arg)
		add_words(c, pending->arg);
	else if (c->current[0] == '-' && !over && !(cmd->stop_at_argument && arguments))
		add_options(c, cmd->options, true);
	else if (!pending && !cmd->verbs)
		add_argument(c, cmd, arguments);
}

static void complete(struct completion *c, int count, char **words)
{
	const struct option_def *pending;
	struct error err = ERROR_INIT;
	const struct command *cmd;
	int arguments, rest, at;
	bool over;

	at = walk(cli_global_options, count, words, true, &arguments, &pending, &over);
	/* -f, -p and others say which project is meant; one that has no value yet is left aside. */
	if (options_parse(cli_global_options, c->cli, pending ? at - 2 : at, words, true, &rest,
			  &err) < 0)
		return;
	cmd = arguments ? cli_find_command(words[at]) : NULL;
	if (cmd)
		complete_command(c, cmd, count - at - 1, words + at + 1);
	else if (pending && pending->arg)
		add_words(c, pending->arg);
	else if (!arguments && c->current[0] == '-')
		add_options(c, cli_global_options, false);
	else if (!arguments)
		add_commands(c);
	/* It may be a call of the other cmp. */
	if (!cmd && !pending && !c->count)
		add_files(c);
}

static int run(struct cli *cli, const void *values UNUSED, int argc, char **argv)
{
	struct completion c = {.cli = cli, .current = "", .prefix = "", .suffix = ""};

	if (argc)
		c.current = argv[argc - 1];
	complete(&c, MAX(argc - 1, 0), argv);
	return 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.usage = "WORD...",
	.stop_at_argument = true,
	.run = run,
	.dry_run = DRY_READS,
};
