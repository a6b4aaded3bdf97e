/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about one service: what will not do what it seems to say. */
#include <string.h>

#include "compose/lint_rules.h"

/* ---- the image */

/* Made here, by this service or another. */
static bool is_built(const struct lint *l, const struct lint_service *s, const char *image)
{
	const char *policy = lint_text(s->n, "pull_policy");
	size_t i;

	if (node_pair(s->n, "build") || str_eq(policy, "never") || str_eq(policy, "build"))
		return true;
	for (i = 0; i < lint_length(l->services); i++)
		if (node_pair(l->services->map.pairs[i].value, "build") &&
		    str_eq(lint_text(l->services->map.pairs[i].value, "image"), image))
			return true;
	return false;
}

void lint_image_version(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *image = node_get(s->n, "image");
	const char *slash, *name, *tag;

	if (!image || image->kind != COMPOSE_STRING || image->outside || strchr(image->text, '@') ||
	    is_built(l, s, image->text))
		return;
	slash = strrchr(image->text, '/');
	name = slash ? slash + 1 : image->text;
	tag = strchr(name, ':');
	if (tag && strcmp(tag, ":latest") != 0)
		return;
	if (lint_find(l, s, "image", image->mark,
		      tag ? "\"latest\" stands for something else with every release"
			  : "no version is named, and the newest changes with every release"))
		diag_hint(l->p->diags, "write \"%.*s:VERSION\"",
			  (int)(name - image->text + strcspn(name, ":")), image->text);
}

/* ---- the health check */

static bool for_shell(const char *word)
{
	static const char *const words[] = {"||", "&&", "|", ";", ">", ">>", "2>&1", ">/dev/null"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

void lint_probe_words(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *test = node_path(s->n, "healthcheck.test");
	const char *word;
	size_t i;

	if (lint_length(test) < 2 || test->kind != COMPOSE_LIST ||
	    !str_eq(test->list.items[0]->text, "CMD"))
		return;
	word = test->list.items[1]->text;
	if (lint_length(test) == 2 && word && strchr(word, ' ')) {
		if (lint_find(l, s, "healthcheck", test->list.items[1]->mark,
			      "CMD takes one word an item, and there is no program of this name"))
			diag_hint(l->p->diags, "write CMD-SHELL instead of CMD");
		return;
	}
	for (i = 2; i < lint_length(test); i++)
		if (test->list.items[i]->text && for_shell(test->list.items[i]->text)) {
			if (lint_find(l, s, "healthcheck", test->list.items[i]->mark,
				      "CMD starts no shell, \"%s\" is an argument like any other",
				      test->list.items[i]->text))
				diag_hint(l->p->diags,
					  "write CMD-SHELL and the command as one string");
			return;
		}
}

/* ---- values */

void lint_quoted_values(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *map = node_get(s->n, "environment");
	size_t i, len;

	for (i = 0; i < lint_length(map); i++) {
		const struct compose_pair *pair = &map->map.pairs[i];
		const char *text = pair->value->text;

		/* Of a list, key and value are one text and stand at one place. */
		if (pair->value->kind != COMPOSE_STRING || pair->value->outside ||
		    !lint_same_place(pair->key_mark, pair->value->mark))
			continue;
		len = strlen(text);
		if (len < 2 || !strchr("\"'", text[0]) || text[len - 1] != text[0])
			continue;
		if (lint_find(l, s, "environment", pair->value->mark,
			      "the quotes are part of the value of %s", pair->key))
			diag_hint(l->p->diags, "write %s=%.*s", pair->key, (int)len - 2, text + 1);
	}
}

void lint_host_network_ports(struct lint *l, const struct lint_service *s)
{
	const struct compose_pair *ports = node_pair(s->n, "ports");

	if (!str_eq(lint_text(s->n, "network_mode"), "host") || !ports ||
	    !lint_length(ports->value))
		return;
	if (lint_find(l, s, NULL, ports->key_mark,
		      "ports have no effect with \"network_mode: host\""))
		diag_hint(l->p->diags, "remove them, the program listens on the host itself");
}

void lint_links(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *list = node_get(s->n, "links"), *item;
	const struct compose_pair *depends;
	size_t i;

	for (i = 0; i < lint_length(list); i++) {
		item = list->list.items[i];
		if (item->kind != COMPOSE_STRING || strchr(item->text, ':'))
			continue; /* another name for it is of use */
		if (!lint_find(l, s, "links", item->mark,
			       "services reach each other by name without links"))
			continue;
		depends = node_pair(node_get(s->n, "depends_on"), item->text);
		if (depends && lint_same_place(depends->key_mark, item->mark))
			diag_hint(l->p->diags, "for the order alone write \"depends_on: [%s]\"",
				  item->text);
		else
			diag_hint(l->p->diags, "remove it");
	}
}

/* ---- data */

/* Near enough to hold the data: images differ in where below the directory they write. */
static bool near(const char *target, const char *directory)
{
	const char *slash = strrchr(directory, '/');
	size_t parent = slash == directory ? strlen(directory) : (size_t)(slash - directory);

	return target && (!strncmp(target, directory, parent) || str_starts(directory, target));
}

static bool covers(const struct compose_node *mount, const char *directory)
{
	if (!near(lint_text(mount, "target"), directory))
		return false;
	return !str_eq(lint_text(mount, "type"), "volume") ||
	       !str_empty(lint_text(mount, "source"));
}

void lint_lost_data(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *volumes = node_get(s->n, "volumes"),
				  *tmpfs = node_get(s->n, "tmpfs"),
				  *image = node_get(s->n, "image");
	const struct lint_database *d;
	bool official;
	size_t i;

	d = lint_database(lint_text(s->n, "image"), &official);
	if (!d || !d->data || !official || node_pair(s->n, "build") ||
	    node_pair(s->n, "volumes_from") || node_path(s->n, "environment.PGDATA"))
		return;
	for (i = 0; i < lint_length(volumes); i++)
		if (covers(volumes->list.items[i], d->data))
			return;
	for (i = 0; i < lint_length(tmpfs); i++)
		if (near(tmpfs->list.items[i]->text, d->data))
			return;
	if (lint_find(l, s, NULL, image->mark, "the data is lost when the container is removed"))
		diag_hint(l->p->diags, "mount a named volume on %s",
			  d->advice ? d->advice : d->data);
}

/* ---- deploy */

void lint_cluster(struct lint *l, const struct lint_service *s)
{
	static const char *const keys[] = {"placement", "update_config", "rollback_config",
					   "endpoint_mode"};
	const struct compose_node *deploy = node_get(s->n, "deploy");
	const struct compose_pair *pair;
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++) {
		pair = node_pair(deploy, keys[i]);
		if (pair && (pair->value->kind != COMPOSE_MAP || pair->value->map.count))
			lint_find(l, s, "deploy", pair->key_mark,
				  "%s has no effect on a single host", keys[i]);
	}
	if (str_eq(lint_text(deploy, "mode"), "global"))
		lint_find(l, s, "deploy", node_pair(deploy, "mode")->key_mark,
			  "on a single host \"mode: global\" means one container");
}
