/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the format implies is written out: the default network, names of objects, dependencies that
 * links and shared namespaces bring, where a build happens, variables without value.  Works on the
 * merged tree in long syntax.
 */
#include <string.h>

#include "base/map.h"
#include "compose/schema.h"
#include "compose/yaml.h"

static struct compose_node *text_node(struct compose_ctx *c, const char *text,
				      struct compose_mark mark)
{
	return node_string(c->arena, text, mark);
}

static void set_text(struct compose_ctx *c, struct compose_node *map, const char *key,
		     const char *text)
{
	node_put(c->arena, map, key, map->mark, text_node(c, text, map->mark));
}

static struct compose_node *section(struct compose_ctx *c, struct compose_node *map,
				    const char *key)
{
	struct compose_node *n = node_get(map, key);

	if (!n || n->kind != COMPOSE_MAP) {
		n = node_new(c->arena, COMPOSE_MAP, map->mark);
		node_put(c->arena, map, key, map->mark, n);
	}
	return n;
}

static const char *text_of(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_STRING ? n->text : NULL;
}

/* ---- dependencies */

static void add_dependency(struct compose_ctx *c, struct compose_node *service, const char *name,
			   bool restart, struct compose_mark mark)
{
	struct compose_node *all = section(c, service, "depends_on"), *one, *flag;

	if (node_pair(all, name))
		return;
	one = node_new(c->arena, COMPOSE_MAP, mark);
	set_text(c, one, "condition", "service_started");
	if (restart) {
		flag = node_new(c->arena, COMPOSE_BOOL, mark);
		flag->boolean = true;
		node_put(c->arena, one, "restart", mark, flag);
	}
	flag = node_new(c->arena, COMPOSE_BOOL, mark);
	flag->boolean = true;
	node_put(c->arena, one, "required", mark, flag);
	node_put(c->arena, all, name, mark, one);
}

static void dependencies(struct compose_ctx *c, struct compose_node *service)
{
	static const char *const namespaces[] = {"network_mode", "ipc", "pid", "uts", "cgroup"};
	const struct compose_node *links = node_get(service, "links"),
				  *from = node_get(service, "volumes_from");
	const char *value, *name;
	size_t i;

	for (i = 0; links && links->kind == COMPOSE_LIST && i < links->list.count; i++) {
		value = links->list.items[i]->text;
		add_dependency(c, service, arena_strndup(c->arena, value, strcspn(value, ":")),
			       true, links->list.items[i]->mark);
	}
	for (i = 0; i < ARRAY_LEN(namespaces); i++) {
		value = text_of(service, namespaces[i]);
		name = value ? str_skip(value, "service:") : NULL;
		if (name)
			add_dependency(c, service, name, true,
				       node_get(service, namespaces[i])->mark);
	}
	for (i = 0; from && from->kind == COMPOSE_LIST && i < from->list.count; i++) {
		value = from->list.items[i]->text;
		if (!str_starts(value, "container:"))
			add_dependency(c, service,
				       arena_strndup(c->arena, value, strcspn(value, ":")), false,
				       from->list.items[i]->mark);
	}
}

/* ---- variables without value */

/* Takes values from the environment; what is not there is dropped or stays as it is. */
static void resolve_nulls(struct compose_ctx *c, struct compose_node *map, bool drop)
{
	size_t i, kept = 0;

	for (i = 0; map && map->kind == COMPOSE_MAP && i < map->map.count; i++) {
		struct compose_pair *pair = &map->map.pairs[i];
		const char *value = map_get(c->env, pair->key);

		if (pair->value->kind == COMPOSE_NULL && value) {
			pair->value = text_node(c, value, pair->value->mark);
			pair->value->outside = true;
		}
		if (pair->value->kind != COMPOSE_NULL || !drop)
			map->map.pairs[kept++] = *pair;
	}
	if (map && map->kind == COMPOSE_MAP)
		map->map.count = kept;
}

void normalize_environment(struct compose_ctx *c, struct compose_node *services)
{
	const struct compose_node *hooks;
	static const char *const keys[] = {"pre_start", "post_start", "pre_stop"};
	size_t i, k, h;

	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++) {
		struct compose_node *service = services->map.pairs[i].value;

		resolve_nulls(c, node_get(service, "environment"), false);
		for (k = 0; k < ARRAY_LEN(keys); k++) {
			hooks = node_get(service, keys[k]);
			for (h = 0; hooks && hooks->kind == COMPOSE_LIST && h < hooks->list.count;
			     h++)
				resolve_nulls(c, node_get(hooks->list.items[h], "environment"),
					      false);
		}
	}
}

/* ---- services */

static void build(struct compose_ctx *c, struct compose_node *service)
{
	struct compose_node *n = node_get(service, "build");

	if (!n || n->kind != COMPOSE_MAP)
		return;
	if (!text_of(n, "context"))
		set_text(c, n, "context", c->options->no_path_resolution ? "." : c->dir);
	if (!text_of(n, "dockerfile") && !text_of(n, "dockerfile_inline"))
		set_text(c, n, "dockerfile", "Dockerfile");
	resolve_nulls(c, node_get(n, "args"), true);
}

static bool uses_default_network(struct compose_ctx *c, struct compose_node *service)
{
	struct compose_node *networks = node_get(service, "networks");

	if (node_pair(service, "provider") || text_of(service, "network_mode"))
		return false;
	if (!networks || networks->kind != COMPOSE_MAP || !networks->map.count)
		node_put(c->arena, section(c, service, "networks"), "default", service->mark,
			 node_new(c->arena, COMPOSE_NULL, service->mark));
	return node_pair(node_get(service, "networks"), "default");
}

static void hooks_image(struct compose_ctx *c, struct compose_node *service)
{
	const struct compose_node *hooks = node_get(service, "pre_start");
	const char *image = text_of(service, "image");
	size_t i;

	for (i = 0; image && hooks && hooks->kind == COMPOSE_LIST && i < hooks->list.count; i++)
		if (!text_of(hooks->list.items[i], "image"))
			set_text(c, hooks->list.items[i], "image", image);
}

static bool service(struct compose_ctx *c, struct compose_node *n)
{
	const char *policy = text_of(n, "pull_policy");

	if (policy && !strcmp(policy, "if_not_present"))
		set_text(c, n, "pull_policy", "missing");
	build(c, n);
	dependencies(c, n);
	hooks_image(c, n);
	return uses_default_network(c, n);
}

/* ---- objects */

static bool is_true(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_BOOL && n->boolean;
}

static void names(struct compose_ctx *c, struct compose_node *objects)
{
	size_t i;

	for (i = 0; objects && objects->kind == COMPOSE_MAP && i < objects->map.count; i++) {
		struct compose_pair *pair = &objects->map.pairs[i];

		if (pair->value->kind == COMPOSE_NULL)
			pair->value = node_new(c->arena, COMPOSE_MAP, pair->value->mark);
		if (pair->value->kind != COMPOSE_MAP || !str_empty(text_of(pair->value, "name")))
			continue;
		set_text(c, pair->value, "name",
			 is_true(pair->value, "external")
				 ? pair->key
				 : arena_printf(c->arena, "%s_%s", c->name, pair->key));
	}
}

void normalize_model(struct compose_ctx *c, struct compose_node *model)
{
	static const char *const kinds[] = {"networks", "volumes", "secrets", "configs"};
	struct compose_node *services = node_get(model, "services"), *networks;
	bool wants_default = false;
	size_t i;

	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++)
		wants_default |= service(c, services->map.pairs[i].value);
	networks = node_get(model, "networks");
	if (wants_default && !node_pair(networks, "default"))
		node_put(c->arena, section(c, model, "networks"), "default", model->mark,
			 node_new(c->arena, COMPOSE_MAP, model->mark));
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		names(c, node_get(model, kinds[i]));
}
