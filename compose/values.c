/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values that have the right shape and still cannot be: numbers out of range, words that follow no
 * pattern, names of limits and variables.  One row for a key of a service; works on the model.
 */
#include <ctype.h>
#include <string.h>

#include "compose/schema.h"

struct value_rule {
	const char *key;
	double min, max;		  /* of a number */
	bool (*valid)(const char *text);  /* or: of a text */
	bool (*valid_name)(const char *); /* or: of each key of a mapping */
	const char *wanted;
};

static bool valid_pull_policy(const char *text)
{
	static const char *const words[] = {"always",  "never",	  "build", "if_not_present",
					    "missing", "refresh", "daily", "weekly"};
	const char *every = strstr(text, "every_");
	size_t i;

	/* The reference's pattern has no anchors: it is enough that one of the words occurs. */
	for (i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(text, words[i]))
			return true;
	if (!every || !isdigit((unsigned char)every[6]))
		return false;
	every += 6;
	every += strspn(every, "0123456789");
	return *every && strchr("wdhms", *every);
}

/* Not anchored either: two good characters in a row will do. */
static bool valid_container_name(const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)text[0]) && text[1] &&
		    (isalnum((unsigned char)text[1]) || strchr("_.-", text[1])))
			return true;
	return false;
}

static bool valid_limit(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz") == strlen(name);
}

static bool valid_variable(const char *name)
{
	size_t len = strlen(name);

	return len == 0 || !isblank((unsigned char)name[len - 1]);
}

static const struct value_rule rules[] = {
	{"cpu_percent", 0, 100, NULL, NULL, "must be between 0 and 100"},
	{"cpu_count", 0, 1e9, NULL, NULL, "cannot be negative"},
	{"oom_score_adj", -1000, 1000, NULL, NULL, "must be between -1000 and 1000"},
	{"pull_policy", 0, 0, valid_pull_policy, NULL,
	 "must be always, never, missing, build, refresh, daily, weekly or every_TIME, like every_12h"},
	{"container_name", 0, 0, valid_container_name, NULL,
	 "must consist of letters, digits, \"_\", \".\" and \"-\", two at least, like web-1"},
	{"ulimits", 0, 0, NULL, valid_limit, "is not the name of a limit, like nofile or nproc"},
	{"environment", 0, 0, NULL, valid_variable, "is a variable with a blank at its end"},
};

static void check_number(struct compose_ctx *c, const struct compose_path *at,
			 const struct value_rule *rule, const struct compose_node *n)
{
	double value = n->kind == COMPOSE_INT ? (double)n->integer : n->real;

	if ((n->kind == COMPOSE_INT || n->kind == COMPOSE_FLOAT) &&
	    (value < rule->min || value > rule->max))
		problem_at(c, DIAG_VALUE, at, n->mark, "%s", rule->wanted);
}

static void check_names(struct compose_ctx *c, const struct compose_path *at,
			const struct value_rule *rule, const struct compose_node *n)
{
	size_t i;

	for (i = 0; n->kind == COMPOSE_MAP && i < n->map.count; i++)
		if (!rule->valid_name(n->map.pairs[i].key))
			problem_at(c, DIAG_NAME, at, n->map.pairs[i].key_mark, "\"%s\" %s",
				   n->map.pairs[i].key, rule->wanted);
}

static void check_hooks(struct compose_ctx *c, const struct compose_path *service, const char *key,
			const struct compose_node *list)
{
	struct compose_path up = {service, key, 0};
	const struct compose_node *command;
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path at = {&up, NULL, i};

		command = node_get(list->list.items[i], "command");
		if (!command || command->kind == COMPOSE_NULL)
			problem_at(c, DIAG_REQUIRED, &at, list->list.items[i]->mark,
				   "command is missing: what to run");
	}
}

void check_values(struct compose_ctx *c, const struct compose_path *at,
		  const struct compose_node *service)
{
	const struct compose_node *n;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rules); i++) {
		const struct value_rule *rule = &rules[i];
		struct compose_path here = {at, rule->key, 0};

		n = node_get(service, rule->key);
		if (!n || is_opaque(c, n))
			continue;
		if (rule->valid_name)
			check_names(c, &here, rule, n);
		else if (!rule->valid)
			check_number(c, &here, rule, n);
		else if (n->kind == COMPOSE_STRING && !rule->valid(n->text))
			problem_at(c, DIAG_VALUE, &here, n->mark, "%s", rule->wanted);
	}
	check_hooks(c, at, "post_start", node_get(service, "post_start"));
	check_hooks(c, at, "pre_stop", node_get(service, "pre_stop"));
}
