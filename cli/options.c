/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Table-driven options.  Accepted forms: --name value, --name=value, --flag, --flag=false, -f
 * value, -fvalue, -f=value, grouped letters; "--" ends the options.  Arguments may stand between
 * options unless the verb stops at the first one.
 */
#include <errno.h>

#include "cli/cli.h"

static void *at(void *values, const struct option_def *o)
{
	return (char *)values + o->offset;
}

static bool takes_value(const struct option_def *o)
{
	return o->kind != OPTION_FLAG && o->kind != OPTION_TRI;
}

static int parse_bool(const char *s, bool *ret)
{
	static const char *const words[] = {"0", "f", "F", "false", "False", "FALSE",
					    "1", "t", "T", "true",  "True",  "TRUE"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(s, words[i])) {
			*ret = i >= ARRAY_LEN(words) / 2;
			return 0;
		}
	}
	return -EINVAL;
}

static int store(const struct option_def *o, void *values, const char *shown, const char *value,
		 struct error *err)
{
	int64_t number;
	bool flag = true;

	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_TRI:
		if (value && parse_bool(value, &flag) < 0)
			return error_set(
				err, EINVAL,
				"invalid argument \"%s\" for \"%s\" flag: must be true or false",
				value, shown);
		if (o->kind == OPTION_FLAG)
			*(bool *)at(values, o) = flag;
		else
			*(int *)at(values, o) = flag;
		return 0;
	case OPTION_STR:
		free(*(char **)at(values, o));
		*(char **)at(values, o) = xstrdup(value);
		return 0;
	case OPTION_STRV:
		strv_push(at(values, o), xstrdup(value));
		return 0;
	default:
		if (parse_i64(value, &number) < 0 || number < INT32_MIN || number > INT32_MAX)
			return error_set(
				err, EINVAL,
				"invalid argument \"%s\" for \"%s\" flag: must be a whole number",
				value, shown);
		if (o->kind == OPTION_UINT && number < 0)
			return error_set(err, EINVAL,
					 "invalid argument \"%s\" for \"%s\" flag: must not be "
					 "negative",
					 value, shown);
		*(int *)at(values, o) = (int)number;
		return 0;
	}
}

static const struct option_def *find_name(const struct option_def *table, const char *name,
					  size_t len)
{
	for (; table && (table->name || table->letter); table++)
		if (table->name && strlen(table->name) == len && !strncmp(table->name, name, len))
			return table;
	return NULL;
}

static const struct option_def *find_letter(const struct option_def *table, char letter)
{
	for (; table && (table->name || table->letter); table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int unknown(const struct option_def *table, const char *name, struct error *err)
{
	const char *names[64];
	const char *near;
	size_t n = 0;

	for (; table && (table->name || table->letter); table++)
		if (table->name && table->help && n < ARRAY_LEN(names))
			names[n++] = table->name;
	near = str_nearest(name, names, n);
	if (near)
		return error_set(err, EINVAL, "unknown flag: --%s (did you mean --%s?)", name,
				 near);
	return error_set(err, EINVAL, "unknown flag: --%s", name);
}

/* One "--name" word; *used is set when the next word was its value. */
static int parse_long(const struct option_def *table, void *values, char *word, char *next,
		      bool *used, struct error *err)
{
	char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct option_def *o = find_name(table, word + 2, len - 2);
	auto_free char *shown = xstrndup(word, len);

	if (!o)
		return unknown(table, shown + 2, err);
	if (!takes_value(o) || eq)
		return store(o, values, shown, eq ? eq + 1 : NULL, err);
	if (!next)
		return error_set(err, EINVAL, "flag needs an argument: %s", shown);
	*used = true;
	return store(o, values, shown, next, err);
}

static int parse_letters(const struct option_def *table, void *values, char *word, char *next,
			 bool *used, struct error *err)
{
	char shown[3] = "-?";
	int r;

	for (word++; *word; word++) {
		const struct option_def *o = find_letter(table, *word);

		shown[1] = *word;
		if (!o)
			return error_set(err, EINVAL, "unknown shorthand flag: '%c' in -%s", *word,
					 word);
		if (!takes_value(o)) {
			if (word[1] == '=')
				return store(o, values, shown, word + 2, err);
			r = store(o, values, shown, NULL, err);
			if (r < 0)
				return r;
			continue;
		}
		if (word[1])
			return store(o, values, shown, word + 1 + (word[1] == '='), err);
		if (!next)
			return error_set(err, EINVAL, "flag needs an argument: '%c' in %s", *word,
					 shown);
		*used = true;
		return store(o, values, shown, next, err);
	}
	return 0;
}

int options_parse(const struct option_def *table, void *values, int argc, char **argv,
		  bool stop_at_argument, int *ret_rest, struct error *err)
{
	char **args = xcalloc((size_t)argc + 1, sizeof(*args));
	int i, r = 0, count = 0;

	for (i = 0; i < argc && r == 0; i++) {
		char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = false;

		if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				args[count++] = argv[i];
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			args[count++] = argv[i];
			if (!stop_at_argument)
				continue;
			while (++i < argc)
				args[count++] = argv[i];
			break;
		}
		if (argv[i][1] == '-')
			r = parse_long(table, values, argv[i], next, &used, err);
		else
			r = parse_letters(table, values, argv[i], next, &used, err);
		i += used;
	}
	memcpy(argv + argc - count, args, (size_t)count * sizeof(*args));
	*ret_rest = argc - count;
	free(args);
	return r;
}

void options_release(const struct option_def *table, void *values)
{
	for (; table && (table->name || table->letter); table++) {
		if (table->kind == OPTION_STR) {
			free(*(char **)at(values, table));
			*(char **)at(values, table) = NULL;
		} else if (table->kind == OPTION_STRV) {
			strv_free(*(char ***)at(values, table));
			*(char ***)at(values, table) = NULL;
		}
	}
}

/* ---- help */

#define HELP_COLUMNS 80
#define HELP_INDENT  28

void options_help(struct buf *out, const struct option_def *table)
{
	for (; table && (table->name || table->letter); table++) {
		char left[128];
		size_t len;

		if (!table->help)
			continue;
		snprintf(left, sizeof(left), "  %c%c%s%s%s%s%s", table->letter ? '-' : ' ',
			 table->letter ? table->letter : ' ',
			 table->letter && table->name ? ", " : "  ", table->name ? "--" : "",
			 table->name ? table->name : "", table->arg ? " " : "",
			 table->arg ? table->arg : "");
		len = strlen(left);
		buf_adds(out, left);
		if (len + 2 > HELP_INDENT) {
			buf_addf(out, "\n%*s", HELP_INDENT, "");
		} else {
			buf_addf(out, "%*s", (int)(HELP_INDENT - len), "");
		}
		buf_wrap(out, table->help, HELP_INDENT, HELP_COLUMNS - 1);
		buf_addc(out, '\n');
	}
}

void command_help(struct buf *out, const char *prefix, const struct command *cmd)
{
	const struct command *const *sub;
	size_t i;

	buf_addf(out, "Usage:  cmp %s%s %s\n\n%s\n", prefix, cmd->name, cmd->usage,
		 cmd->summary ? cmd->summary : "");
	for (i = 0; cmd->aliases && cmd->aliases[i]; i++)
		buf_addf(out, "%s%s", i ? ", " : "\nAliases: ", cmd->aliases[i]);
	if (i)
		buf_addc(out, '\n');
	if (cmd->verbs) {
		buf_adds(out, "\nCommands:\n");
		for (sub = cmd->verbs; *sub; sub++)
			buf_addf(out, "  %-14s%s\n", (*sub)->name, (*sub)->summary);
	}
	if (cmd->options && (cmd->options->name || cmd->options->letter)) {
		buf_adds(out, "\nOptions:\n");
		options_help(out, cmd->options);
	}
	if (cmd->more)
		buf_addf(out, "\n%s\n", cmd->more);
}
