/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about several services, and about what the file defines for them. */
#include <string.h>

#include "base/time.h"
#include "compose/lint_rules.h"

#define PATIENCE_MIN_S 30 /* that a service which others wait for should be given to start */

/* ---- dependencies */

/* Does the service say so itself, or does the format imply it? */
static bool implied(const struct lint_service *s, const char *name)
{
	static const char *const keys[] = {"network_mode", "ipc", "pid", "uts", "cgroup"};
	const struct compose_node *links = node_get(s->n, "links"),
				  *from = node_get(s->n, "volumes_from");
	size_t i, len = strlen(name);
	const char *text;

	for (i = 0; i < ARRAY_LEN(keys); i++) {
		text = lint_text(s->n, keys[i]);
		if (text && str_skip(text, "service:") && !strcmp(str_skip(text, "service:"), name))
			return true;
	}
	for (i = 0; i < lint_length(links) + lint_length(from); i++) {
		text = i < lint_length(links) ? links->list.items[i]->text
					      : from->list.items[i - lint_length(links)]->text;
		if (text && !strncmp(text, name, len) && (!text[len] || text[len] == ':'))
			return true;
	}
	return false;
}

void lint_healthy_without_probe(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *map = node_get(s->n, "depends_on"), *other;
	const struct compose_pair *pair;
	size_t i;

	for (i = 0; i < lint_length(map); i++) {
		pair = &map->map.pairs[i];
		other = lint_find_service(l, pair->key);
		if (!str_eq(lint_text(pair->value, "condition"), "service_healthy") || !other ||
		    lint_has_probe(other))
			continue;
		if (node_pair(other, "healthcheck"))
			lint_find(l, s, "depends_on", node_get(pair->value, "condition")->mark,
				  "%s will never be healthy: its health check is switched off",
				  pair->key);
		else if (
			lint_find(
				l, s, "depends_on", node_get(pair->value, "condition")->mark,
				"%s has no health check here, and the start fails unless its image has one",
				pair->key))
			diag_hint(l->p->diags, "add \"healthcheck:\" to %s", pair->key);
	}
}

void lint_not_waiting(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *map = node_get(s->n, "depends_on"), *other, *condition;
	const struct compose_pair *pair;
	size_t i;

	for (i = 0; i < lint_length(map); i++) {
		pair = &map->map.pairs[i];
		other = lint_find_service(l, pair->key);
		condition = node_get(pair->value, "condition");
		/* In the long syntax the condition was chosen and stands at its own place. */
		if (!condition || !lint_same_place(condition->mark, pair->key_mark) || !other ||
		    !lint_has_probe(other) || implied(s, pair->key))
			continue;
		if (lint_find(l, s, "depends_on", pair->key_mark,
			      "%s has a health check, but nobody waits for it here", pair->key))
			diag_hint(l->p->diags, "write \"%s: {condition: service_healthy}\"",
				  pair->key);
	}
}

static bool awaited(const struct lint *l, const char *name)
{
	const char *condition;
	size_t i;

	for (i = 0; i < lint_length(l->services); i++) {
		const struct compose_node *map =
			node_get(l->services->map.pairs[i].value, "depends_on");

		condition = lint_text(node_get(map, name), "condition");
		if (str_eq(condition, "service_healthy"))
			return true;
	}
	return false;
}

static int64_t duration_of(const struct compose_node *map, const char *key, int64_t fallback_ns)
{
	const char *text = lint_text(map, key);
	int64_t ns;

	return text && parse_duration_ns(text, &ns) == 0 ? ns : fallback_ns;
}

/* Seconds until as many probes as it takes have failed. */
void lint_short_patience(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *health = node_get(s->n, "healthcheck"),
				  *retries = node_get(health, "retries");
	int64_t count = retries && retries->kind == COMPOSE_INT ? retries->integer : 3, patience;
	double seconds;

	if (!lint_has_probe(s->n) || duration_of(health, "start_period", 0) ||
	    !awaited(l, s->name) || count > PATIENCE_MIN_S)
		return;
	patience = duration_of(health, "interval", 30 * NS_PER_SEC);
	if (patience >= PATIENCE_MIN_S * NS_PER_SEC / MAX(count, 1))
		return;
	seconds = (double)(patience * count) / NS_PER_SEC;
	if (lint_find(l, s, NULL, node_pair(s->n, "healthcheck")->key_mark,
		      "others wait for it, and it is given up after %.3g s of starting", seconds))
		diag_hint(l->p->diags,
			  "add \"start_period: 30s\", in which failed probes do not count");
}

void lint_never_completes(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *map = node_get(s->n, "depends_on"), *other;
	const struct compose_pair *pair;
	const char *restart;
	size_t i;

	for (i = 0; i < lint_length(map); i++) {
		pair = &map->map.pairs[i];
		other = lint_find_service(l, pair->key);
		restart = lint_text(other, "restart");
		if (!str_eq(lint_text(pair->value, "condition"),
			    "service_completed_successfully") ||
		    (!str_eq(restart, "always") && !str_eq(restart, "unless-stopped")))
			continue;
		if (lint_find(l, s, "depends_on", node_get(pair->value, "condition")->mark,
			      "%s is started again when it completes", pair->key)) {
			diag_hint(l->p->diags, "write \"restart: on-failure\" there");
			diag_note(l->p->diags, node_get(other, "restart")->mark, "restart of %s",
				  pair->key);
		}
	}
}

/* ---- what is defined */

static void use_sources(struct map *used, const struct compose_node *list)
{
	const char *source;
	size_t i;

	for (i = 0; i < lint_length(list) && list->kind == COMPOSE_LIST; i++) {
		source = lint_text(list->list.items[i], "source");
		if (source)
			map_set(used, source, used);
	}
}

static void use_all(struct map *used, const struct compose_node *services, const char *kind)
{
	const struct compose_node *own;
	size_t i, k;

	for (i = 0; i < lint_length(services); i++) {
		own = node_get(services->map.pairs[i].value, kind);
		use_sources(used, own);
		use_sources(used, node_path(services->map.pairs[i].value, "build.secrets"));
		for (k = 0; own && own->kind == COMPOSE_MAP && k < own->map.count; k++)
			map_set(used, own->map.pairs[k].key, used);
	}
}

void lint_unused(struct lint *l)
{
	static const char *const kinds[] = {"networks", "volumes", "secrets", "configs"};
	const struct compose_node *objects;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(kinds); k++) {
		AUTO(map_free) struct map *used = map_new(NULL);

		objects = node_get(l->p->model, kinds[k]);
		use_all(used, l->services, kinds[k]);
		use_all(used, l->p->disabled, kinds[k]);
		for (i = 0; i < lint_length(objects); i++) {
			const struct compose_pair *pair = &objects->map.pairs[i];

			if (map_has(used, pair->key) || !pair->key_mark.source ||
			    !strcmp(pair->key, "default"))
				continue;
			if (lint_find(l, NULL, NULL, pair->key_mark, "%s.%s: no service uses it",
				      kinds[k], pair->key))
				diag_hint(l->p->diags,
					  "remove it, or list it under \"%s:\" of a service",
					  kinds[k]);
		}
	}
}

/* ---- ports of the host */

struct taken {
	const char *service, *ip, *protocol;
	uint32_t port;
	struct compose_mark mark;
};

struct ports {
	struct taken *all;
	size_t count;
};

static bool wildcard(const char *ip)
{
	return !*ip || !strcmp(ip, "0.0.0.0") || !strcmp(ip, "::");
}

static bool clash(const struct taken *x, const struct taken *y)
{
	return x->port == y->port && !strcmp(x->protocol, y->protocol) &&
	       (wildcard(x->ip) || wildcard(y->ip) || !strcmp(x->ip, y->ip));
}

static void take(struct lint *l, struct ports *ports, const struct lint_service *s,
		 const struct compose_node *port)
{
	const char *ip = lint_text(port, "host_ip"), *protocol = lint_text(port, "protocol"),
		   *published = lint_text(port, "published");
	struct taken t = {s->name, ip ? ip : "", protocol ? protocol : "tcp", 0, port->mark};
	size_t i;

	/* Of a range one port is taken, whichever is free. */
	if (!published || parse_u32(published, &t.port) < 0 || !t.port)
		return;
	for (i = 0; i < ports->count; i++) {
		if (!clash(&ports->all[i], &t))
			continue;
		if (lint_find(l, s, "ports", t.mark, "port %u of the host is already taken",
			      t.port))
			diag_note(l->p->diags, ports->all[i].mark, "by service \"%s\"",
				  ports->all[i].service);
		return;
	}
	ports->all = xreallocarray(ports->all, ports->count + 1, sizeof(*ports->all));
	ports->all[ports->count++] = t;
}

void lint_same_port(struct lint *l)
{
	struct ports ports = {0};
	size_t i, k;

	for (i = 0; i < lint_length(l->services); i++) {
		const struct compose_pair *pair = &l->services->map.pairs[i];
		struct lint_service s = {pair, pair->value, pair->key};
		const struct compose_node *list = node_get(s.n, "ports");

		if (str_eq(lint_text(s.n, "network_mode"), "host"))
			continue;
		for (k = 0; k < lint_length(list); k++)
			take(l, &ports, &s, list->list.items[k]);
	}
	free(ports.all);
}
