/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must fit together: names that stand for something, keys that exclude each other, limits
 * that are given twice, targets and container names that are taken twice, cycles.  Works on the
 * merged tree in long syntax, after normalisation; reports everything at the place where it
 * stands and changes nothing.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "compose/schema.h"
#include "compose/yaml.h"

#define CANDIDATES_MAX 256

struct check {
	struct compose_ctx *c;
	const struct compose_node *model, *services, *disabled, *models;
	struct map *containers; /* container_name to the name of its service */
};

/* One service under check. */
struct subject {
	struct check *k;
	const struct compose_path *at;
	const struct compose_pair *pair;
	const struct compose_node *n;
	const char *name;
};

static const char *text_of(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_STRING ? n->text : NULL;
}

static size_t length(const struct compose_node *n)
{
	if (n && n->kind == COMPOSE_LIST)
		return n->list.count;
	return n && n->kind == COMPOSE_MAP ? n->map.count : 0;
}

static bool is_true(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && ((n->kind == COMPOSE_BOOL && n->boolean) ||
		     (n->kind == COMPOSE_STRING && str_eq(n->text, "true")));
}

/* The name in the map that is spelled almost like this one, or NULL. */
static const char *nearest(const struct compose_node *map, const char *name)
{
	const char *candidates[CANDIDATES_MAX];
	size_t i;

	for (i = 0; i < length(map) && i < CANDIDATES_MAX; i++)
		candidates[i] = map->map.pairs[i].key;
	return str_nearest(name, candidates, i);
}

/* ---- references */

static void refer(const struct subject *s, const struct compose_path *at, struct compose_mark mark,
		  const char *section, const char *name)
{
	const struct compose_node *all =
		strcmp(section, "models") != 0 ? node_get(s->k->model, section) : s->k->models;
	const char *near;

	if (!name ||
	    is_opaque(s->k->c, &(struct compose_node){.kind = COMPOSE_STRING, .text = name}) ||
	    node_pair(all, name))
		return;
	near = nearest(all, name);
	problem_at(s->k->c, DIAG_REFERENCE, at, mark, "refers to undefined %.*s \"%s\"",
		   (int)strlen(section) - 1, section, name);
	if (near)
		diag_hint(s->k->c->diags, "did you mean \"%s\"?", near);
	else
		diag_hint(s->k->c->diags, "add \"%s:\" under \"%s:\" at the top level of the file",
			  name, section);
}

static void refer_keys(const struct subject *s, const char *key)
{
	struct compose_path at = {s->at, key, 0};
	const struct compose_node *map = node_get(s->n, key);
	size_t i;

	for (i = 0; map && map->kind == COMPOSE_MAP && i < map->map.count; i++)
		refer(s, &at, map->map.pairs[i].key_mark, key, map->map.pairs[i].key);
}

static void refer_sources(const struct subject *s, const struct compose_path *up,
			  const struct compose_node *list, const char *section)
{
	struct compose_path key = {up, section, 0};
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path at = {&key, NULL, i};
		const struct compose_node *item = list->list.items[i];

		refer(s, &at, item->mark, section, text_of(item, "source"));
	}
}

static void check_volumes(const struct subject *s)
{
	const struct compose_node *list = node_get(s->n, "volumes"), *item;
	struct compose_path key = {s->at, "volumes", 0};
	const char *type, *source;
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path at = {&key, NULL, i};

		item = list->list.items[i];
		type = text_of(item, "type");
		source = text_of(item, "source");
		if (str_eq(type, "volume") && !str_empty(source))
			refer(s, &at, item->mark, "volumes", source);
		if (str_eq(type, "bind") && str_empty(source))
			problem_at(s->k->c, DIAG_REQUIRED, &at, item->mark,
				   "a bind mount needs a source: the path on the host");
	}
}

static bool is_optional(const struct compose_node *dependency)
{
	const struct compose_node *required = node_get(dependency, "required");

	return required && required->kind == COMPOSE_BOOL && !required->boolean;
}

static const char *profiles_of(struct check *k, const struct compose_node *service)
{
	const struct compose_node *list = node_get(service, "profiles");
	auto_buf struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < length(list); i++)
		buf_addf(&out, "%s%s", i ? ", " : "",
			 yaml_scalar_text(k->c->arena, list->list.items[i]));
	return arena_strdup(k->c->arena, out.data ? out.data : "");
}

static void check_dependencies(const struct subject *s)
{
	const struct compose_node *map = node_get(s->n, "depends_on"), *off;
	struct compose_path key = {s->at, "depends_on", 0};
	size_t i;

	for (i = 0; map && map->kind == COMPOSE_MAP && i < map->map.count; i++) {
		const struct compose_pair *pair = &map->map.pairs[i];

		if (node_pair(s->k->services, pair->key))
			continue;
		off = node_get(s->k->disabled, pair->key);
		if (off && is_optional(pair->value))
			continue;
		if (off) {
			problem_at(s->k->c, DIAG_REFERENCE, &key, pair->key_mark,
				   "depends on service \"%s\", which is disabled", pair->key);
			diag_hint(s->k->c->diags, "it belongs to profile %s",
				  profiles_of(s->k, off));
		} else {
			problem_at(s->k->c, DIAG_REFERENCE, &key, pair->key_mark,
				   "depends on undefined service \"%s\"", pair->key);
			diag_mean(s->k->c->diags, nearest(s->k->services, pair->key));
		}
	}
}

/* ---- image and build */

static void check_contexts(const struct subject *s, const struct compose_path *build,
			   const struct compose_node *contexts)
{
	struct compose_path key = {build, "additional_contexts", 0};
	const struct compose_node *other;
	const char *name, *near;
	size_t i;

	for (i = 0; contexts && contexts->kind == COMPOSE_MAP && i < contexts->map.count; i++) {
		const struct compose_pair *pair = &contexts->map.pairs[i];
		struct compose_path at = {&key, pair->key, 0};

		name = pair->value->kind == COMPOSE_STRING ? str_skip(pair->value->text, "service:")
							   : NULL;
		if (!name)
			continue;
		other = node_get(s->k->services, name);
		near = other ? NULL : nearest(s->k->services, name);
		if (!other)
			problem_at(s->k->c, DIAG_REFERENCE, &at, pair->value->mark,
				   "refers to undefined service \"%s\"", name);
		else if (!node_pair(other, "build"))
			problem_at(s->k->c, DIAG_REFERENCE, &at, pair->value->mark,
				   "service \"%s\" is not built: it has no build section", name);
		if (near)
			diag_hint(s->k->c->diags, "did you mean \"%s\"?", near);
	}
}

static void check_platforms(const struct subject *s, const struct compose_path *build,
			    const struct compose_node *n)
{
	const struct compose_node *list = node_get(n, "platforms");
	const char *platform = text_of(s->n, "platform");
	size_t i;

	if (!platform || !length(list))
		return;
	for (i = 0; i < length(list); i++)
		if (str_eq(list->list.items[i]->text, platform))
			return;
	problem_at(s->k->c, DIAG_CONFLICT, build, list->mark,
		   "platforms must include the service's platform \"%s\"", platform);
}

static void check_image(const struct subject *s)
{
	const struct compose_node *build = node_get(s->n, "build");
	struct compose_path at = {s->at, "build", 0};

	if (!build && !s->n->damaged && str_empty(text_of(s->n, "image")) &&
	    !node_get(s->n, "provider")) {
		problem_at(s->k->c, DIAG_REQUIRED, s->at, s->pair->key_mark,
			   "has neither an image nor a build context");
		diag_hint(s->k->c->diags, "add \"image: NAME\" or \"build: DIRECTORY\"");
	}
	if (!build || build->kind != COMPOSE_MAP)
		return;
	if (text_of(build, "dockerfile") && text_of(build, "dockerfile_inline"))
		problem_at(s->k->c, DIAG_CONFLICT, &at,
			   node_pair(build, "dockerfile_inline")->key_mark,
			   "dockerfile and dockerfile_inline exclude each other");
	check_contexts(s, &at, node_get(build, "additional_contexts"));
	check_platforms(s, &at, build);
	refer_sources(s, &at, node_get(build, "secrets"), "secrets");
}

/* ---- the service itself */

static void check_network_mode(const struct subject *s)
{
	if (!str_empty(text_of(s->n, "network_mode")) && length(node_get(s->n, "networks")))
		problem_at(s->k->c, DIAG_CONFLICT, s->at, node_pair(s->n, "network_mode")->key_mark,
			   "network_mode and networks exclude each other");
}

static void check_healthcheck(const struct subject *s)
{
	const struct compose_node *health = node_get(s->n, "healthcheck");
	const struct compose_node *test = node_get(health, "test");
	struct compose_path up = {s->at, "healthcheck", 0}, at = {&up, "test", 0};
	const char *first;

	if (!length(test) || test->kind != COMPOSE_LIST)
		return;
	first = test->list.items[0]->text;
	if (!str_eq(first, "CMD") && !str_eq(first, "CMD-SHELL") && !str_eq(first, "NONE"))
		problem_at(s->k->c, DIAG_VALUE, &at, test->mark,
			   "must start with \"CMD\", \"CMD-SHELL\" or \"NONE\", not \"%s\"",
			   first ? first : "");
}

/* The number that a value stands for; false when there is none. */
static bool number_of(const struct compose_node *n, bool size, double *ret)
{
	uint64_t bytes;

	*ret = 0;
	if (!n)
		return false;
	if (n->kind == COMPOSE_INT)
		*ret = (double)n->integer;
	else if (n->kind == COMPOSE_FLOAT)
		*ret = n->real;
	else if (n->kind != COMPOSE_STRING)
		return false;
	else if (parse_double(n->text, ret) < 0) {
		if (!size || parse_bytes(n->text, &bytes) < 0)
			return false;
		*ret = (double)bytes;
	}
	return true;
}

static bool differs(double x, double y)
{
	return (float)x < (float)y || (float)x > (float)y;
}

static void check_scale(const struct subject *s)
{
	const struct compose_node *scale = node_get(s->n, "scale"),
				  *replicas = node_path(s->n, "deploy.replicas");
	bool has_scale, has_replicas;
	double one, two;

	has_scale = number_of(scale, false, &one);
	has_replicas = number_of(replicas, false, &two);
	if (has_scale && has_replicas && differs(one, two)) {
		problem_at(s->k->c, DIAG_CONFLICT, s->at, scale->mark,
			   "scale and deploy.replicas differ");
		diag_hint(s->k->c->diags, "give one of them");
		diag_note(s->k->c->diags, replicas->mark, "deploy.replicas");
	}
	if (has_scale && one < 0)
		problem_at(s->k->c, DIAG_VALUE, s->at, scale->mark, "scale cannot be negative");
	if (!str_empty(text_of(s->n, "container_name")) && (has_scale	   ? one
							    : has_replicas ? two
									   : 1) > 1)
		problem_at(s->k->c, DIAG_CONFLICT, s->at,
			   node_pair(s->n, "container_name")->key_mark,
			   "container_name allows one container only, but scale asks for more");
}

/* A limit that can also be given under deploy must be the same there. */
static void check_limits(const struct subject *s)
{
	static const struct {
		const char *key, *group, *name;
		bool size;
	} twins[] = {
		{"cpus", "limits", "cpus", false},
		{"mem_limit", "limits", "memory", true},
		{"mem_reservation", "reservations", "memory", true},
		{"pids_limit", "limits", "pids", false},
	};
	const struct compose_node *resources = node_path(s->n, "deploy.resources"), *group;
	double one, two;
	size_t i;

	for (i = 0; i < ARRAY_LEN(twins); i++) {
		group = node_get(resources, twins[i].group);
		if (!group || group->kind != COMPOSE_MAP ||
		    !number_of(node_get(s->n, twins[i].key), twins[i].size, &one) ||
		    !differs(one, 0))
			continue;
		(void)number_of(node_get(group, twins[i].name), twins[i].size, &two);
		if (differs(one, two)) {
			problem_at(s->k->c, DIAG_CONFLICT, s->at,
				   node_pair(s->n, twins[i].key)->key_mark,
				   "%s and deploy.resources.%s.%s differ", twins[i].key,
				   twins[i].group, twins[i].name);
			diag_hint(s->k->c->diags, "give one of them");
		}
	}
}

static void check_watch(const struct subject *s)
{
	const struct compose_node *list = node_path(s->n, "develop.watch"), *item;
	struct compose_path develop = {s->at, "develop", 0}, watch = {&develop, "watch", 0};
	const char *action;
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path at = {&watch, NULL, i};

		item = list->list.items[i];
		action = text_of(item, "action");
		if (action && strcmp(action, "rebuild") != 0 && strcmp(action, "restart") != 0 &&
		    str_empty(text_of(item, "target")))
			problem_at(s->k->c, DIAG_REQUIRED, &at, item->mark,
				   "action %s needs a target: the path in the container", action);
	}
}

/* Two things at one place in the container. */
static void check_targets(const struct subject *s)
{
	const struct compose_node *tmpfs = node_get(s->n, "tmpfs"),
				  *volumes = node_get(s->n, "volumes");
	AUTO(map_free) struct map *seen = map_new(NULL);
	struct arena *a = s->k->c->arena;
	const char *target, *before;
	size_t i;

	if (!length(tmpfs) || tmpfs->kind != COMPOSE_LIST)
		return; /* volumes alone: the later one has replaced the earlier */
	for (i = 0; i < tmpfs->list.count; i++) {
		struct compose_path key = {s->at, "tmpfs", 0}, at = {&key, NULL, i};

		target = yaml_scalar_text(a, tmpfs->list.items[i]);
		target = arena_strndup(a, target, strcspn(target, ":"));
		before = map_get(seen, target);
		if (before)
			problem_at(s->k->c, DIAG_CONFLICT, &at, tmpfs->list.items[i]->mark,
				   "%s is already mounted by %s", target, before);
		else
			map_set(seen, target, arena_printf(a, "tmpfs[%zu]", i));
	}
	for (i = 0; volumes && volumes->kind == COMPOSE_LIST && i < volumes->list.count; i++) {
		struct compose_path key = {s->at, "volumes", 0}, at = {&key, NULL, i};

		target = text_of(volumes->list.items[i], "target");
		before = target ? map_get(seen, target) : NULL;
		if (before)
			problem_at(s->k->c, DIAG_CONFLICT, &at, volumes->list.items[i]->mark,
				   "%s is already mounted by %s", target, before);
	}
}

static void check_container_name(const struct subject *s)
{
	const char *name = text_of(s->n, "container_name");
	const char *other = str_empty(name) ? NULL : map_get(s->k->containers, name);

	if (str_empty(name))
		return;
	if (other) {
		problem_at(
			s->k->c, DIAG_CONFLICT, s->at, node_pair(s->n, "container_name")->key_mark,
			"container name \"%s\" is already in use by service \"%s\"", name, other);
		diag_note(s->k->c->diags,
			  node_pair(node_get(s->k->services, other), "container_name")->key_mark,
			  "of service \"%s\"", other);
	} else
		map_set(s->k->containers, name, (void *)(uintptr_t)s->name);
}

static void check_service(struct check *k, const struct compose_path *services,
			  const struct compose_pair *pair)
{
	static void (*const checks[])(const struct subject *) = {
		check_image,   check_network_mode,   check_dependencies, check_volumes,
		check_targets, check_healthcheck,    check_scale,	 check_limits,
		check_watch,   check_container_name,
	};
	struct compose_path at = {services, pair->key, 0};
	struct subject s = {k, &at, pair, pair->value, pair->key};
	size_t i;

	if (pair->value->kind != COMPOSE_MAP)
		return;
	for (i = 0; i < ARRAY_LEN(checks); i++)
		checks[i](&s);
	refer_keys(&s, "networks");
	refer_keys(&s, "models");
	refer_sources(&s, &at, node_get(s.n, "configs"), "configs");
	refer_sources(&s, &at, node_get(s.n, "secrets"), "secrets");
}

/* ---- cycles */

struct step {
	const struct step *up;
	const struct compose_pair *service;
};

enum { UNSEEN, OPEN, DONE };

/* Where each of the steps from the first service to the last one is written. */
static void note_steps(struct check *k, const struct step *last, const char *first)
{
	const struct compose_node *from;

	if (!strcmp(last->service->key, first))
		return;
	note_steps(k, last->up, first);
	from = node_get(last->up->service->value, "depends_on");
	diag_note(k->c->diags, node_pair(from, last->service->key)->key_mark, "%s depends on %s",
		  last->up->service->key, last->service->key);
}

static void report_cycle(struct check *k, const struct step *last, const struct compose_pair *edge)
{
	struct compose_path services = {NULL, "services", 0};
	struct compose_path at = {&services, last->service->key, 0}, key = {&at, "depends_on", 0};
	AUTO(strv_free) char **names = NULL;
	auto_buf struct buf path = BUF_INIT;
	const struct step *s;
	size_t i;

	for (s = last; strcmp(s->service->key, edge->key) != 0; s = s->up)
		strv_push(&names, xstrdup(s->service->key));
	buf_adds(&path, edge->key);
	for (i = strv_len(names); i-- > 0;)
		buf_addf(&path, " -> %s", names[i]);
	problem_at(k->c, DIAG_CYCLE, &key, edge->key_mark, "dependency cycle: %s -> %s", path.data,
		   edge->key);
	note_steps(k, last, edge->key);
}

#define CHAIN_MAX 2000

/* Depth first; `color` maps names to UNSEEN, OPEN and DONE. */
static void follow(struct check *k, struct map *color, const struct step *up,
		   const struct compose_pair *service, unsigned depth)
{
	const struct compose_node *map = node_get(service->value, "depends_on");
	struct step here = {up, service};
	const struct compose_pair *next;
	size_t i;

	map_set(color, service->key, (void *)(uintptr_t)OPEN);
	for (i = 0; map && map->kind == COMPOSE_MAP && i < map->map.count; i++) {
		next = node_pair(k->services, map->map.pairs[i].key);
		if (!next)
			continue;
		switch ((uintptr_t)map_get(color, next->key)) {
		case OPEN:
			report_cycle(k, &here, &map->map.pairs[i]);
			break;
		case UNSEEN:
			if (depth < CHAIN_MAX)
				follow(k, color, &here, next, depth + 1);
			else
				problem_at(k->c, DIAG_LIMIT, NULL, map->mark,
					   "a chain of more than %d dependencies", CHAIN_MAX);
			break;
		}
	}
	map_set(color, service->key, (void *)(uintptr_t)DONE);
}

static void check_cycles(struct check *k)
{
	AUTO(map_free) struct map *color = map_new(NULL);
	size_t i;

	for (i = 0; i < length(k->services); i++)
		if ((uintptr_t)map_get(color, k->services->map.pairs[i].key) == UNSEEN)
			follow(k, color, NULL, &k->services->map.pairs[i], 0);
}

/* ---- what is at the top */

static void check_secret_sources(struct check *k)
{
	const struct compose_node *secrets = node_get(k->model, "secrets");
	struct compose_path up = {NULL, "secrets", 0};
	size_t i;

	for (i = 0; i < length(secrets); i++) {
		const struct compose_pair *pair = &secrets->map.pairs[i];
		struct compose_path at = {&up, pair->key, 0};

		/* Without a driver it has been said before: see check_file_objects. */
		if (node_pair(pair->value, "driver") && !is_true(pair->value, "external") &&
		    str_empty(text_of(pair->value, "file")) &&
		    str_empty(text_of(pair->value, "environment")))
			problem_at(k->c, DIAG_REQUIRED, &at, pair->key_mark,
				   "must declare either file or environment");
	}
}

void check_model(struct compose_ctx *c, const struct compose_node *model,
		 const struct compose_node *disabled, const struct compose_node *models)
{
	AUTO(map_free) struct map *containers = map_new(NULL);
	struct compose_path services = {NULL, "services", 0};
	struct check k = {c, model, node_get(model, "services"), disabled, models, containers};
	size_t i;

	if (!k.services || k.services->kind != COMPOSE_MAP)
		return;
	for (i = 0; i < k.services->map.count; i++)
		check_service(&k, &services, &k.services->map.pairs[i]);
	check_secret_sources(&k);
	check_cycles(&k);
}

/* ---- sources and devices: wrong whatever the rest says */

/* Exactly one of the keys says where the text comes from. */
static void check_file_objects(struct compose_ctx *c, const struct compose_node *model,
			       const char *section, const char *const *keys, const char *list)
{
	const struct compose_node *objects = node_get(model, section);
	struct compose_path up = {NULL, section, 0};
	size_t i, k, count;

	for (i = 0; objects && objects->kind == COMPOSE_MAP && i < objects->map.count; i++) {
		const struct compose_pair *pair = &objects->map.pairs[i];
		struct compose_path at = {&up, pair->key, 0};

		if (pair->value->kind != COMPOSE_MAP)
			continue;
		for (count = 0, k = 0; keys[k]; k++)
			count += node_pair(pair->value, keys[k]) != NULL;
		if (count > 1)
			problem_at(c, DIAG_CONFLICT, &at, pair->key_mark,
				   "only one of %s can be given", list);
		else if (count == 0 && !node_pair(pair->value, "driver") &&
			 !node_pair(pair->value, "external"))
			problem_at(c, DIAG_REQUIRED, &at, pair->key_mark, "one of %s must be set",
				   list);
	}
}

static void check_external_volumes(struct compose_ctx *c, const struct compose_node *model)
{
	const struct compose_node *volumes = node_get(model, "volumes");
	struct compose_path up = {NULL, "volumes", 0};
	size_t i, k;

	for (i = 0; volumes && volumes->kind == COMPOSE_MAP && i < volumes->map.count; i++) {
		const struct compose_node *n = volumes->map.pairs[i].value;
		struct compose_path at = {&up, volumes->map.pairs[i].key, 0};

		if (!is_true(n, "external"))
			continue;
		for (k = 0; k < n->map.count; k++) {
			const struct compose_pair *pair = &n->map.pairs[k];

			if (strcmp(pair->key, "name") != 0 && strcmp(pair->key, "external") != 0 &&
			    !str_starts(pair->key, "x-"))
				problem_at(
					c, DIAG_CONFLICT, &at, pair->key_mark,
					"external and %s exclude each other: the volume exists already",
					pair->key);
		}
	}
}

static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static void check_ports(struct compose_ctx *c, const struct compose_path *service,
			const struct compose_node *n)
{
	const struct compose_node *ports = node_get(n, "ports");
	struct compose_path key = {service, "ports", 0};
	const char *ip;
	size_t i;

	for (i = 0; ports && ports->kind == COMPOSE_LIST && i < ports->list.count; i++) {
		struct compose_path at = {&key, NULL, i};

		ip = text_of(ports->list.items[i], "host_ip");
		if (ip && *ip && !is_address(ip) &&
		    !is_opaque(c, node_get(ports->list.items[i], "host_ip")))
			problem_at(c, DIAG_VALUE, &at,
				   node_get(ports->list.items[i], "host_ip")->mark,
				   "invalid ip address: %s", ip);
	}
}

static void check_devices(struct compose_ctx *c, const struct compose_path *at,
			  const struct compose_node *list, bool capabilities)
{
	const struct compose_node *item;
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path here = {at, NULL, i};

		item = list->list.items[i];
		if (node_pair(item, "count") && node_pair(item, "device_ids"))
			problem_at(c, DIAG_CONFLICT, &here, item->mark,
				   "count and device_ids exclude each other");
		if (capabilities && !node_pair(item, "capabilities"))
			problem_at(c, DIAG_REQUIRED, &here, item->mark,
				   "capabilities is missing: for example \"capabilities: [gpu]\"");
	}
}

static void check_tmpfs(struct compose_ctx *c, const struct compose_path *service,
			const struct compose_node *n)
{
	const struct compose_node *volumes = node_get(n, "volumes"), *size;
	struct compose_path key = {service, "volumes", 0};
	size_t i;

	for (i = 0; volumes && volumes->kind == COMPOSE_LIST && i < volumes->list.count; i++) {
		struct compose_path at = {&key, NULL, i};

		size = node_path(volumes->list.items[i], "tmpfs.size");
		if (size && size->kind == COMPOSE_STRING && size->text[0] == '-')
			problem_at(c, DIAG_VALUE, &at, size->mark, "tmpfs.size cannot be negative");
	}
}

static void check_watch_paths(struct compose_ctx *c, const struct compose_path *service,
			      const struct compose_node *n)
{
	const struct compose_node *list = node_path(n, "develop.watch"), *path;
	struct compose_path develop = {service, "develop", 0}, watch = {&develop, "watch", 0};
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		struct compose_path at = {&watch, NULL, i};

		path = node_get(list->list.items[i], "path");
		if (path && path->kind == COMPOSE_STRING && !*path->text)
			problem_at(c, DIAG_VALUE, &at, path->mark, "path cannot be empty");
	}
}

void check_sources(struct compose_ctx *c, const struct compose_node *model)
{
	static const char *const config_keys[] = {"file", "environment", "content", NULL};
	static const char *const secret_keys[] = {"file", "environment", NULL};
	const struct compose_node *services = node_get(model, "services");
	struct compose_path up = {NULL, "services", 0};
	size_t i;

	check_file_objects(c, model, "configs", config_keys, "file, environment and content");
	check_file_objects(c, model, "secrets", secret_keys, "file and environment");
	check_external_volumes(c, model);
	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++) {
		const struct compose_node *n = services->map.pairs[i].value;
		struct compose_path at = {&up, services->map.pairs[i].key, 0};
		struct compose_path gpus = {&at, "gpus", 0}, devices = {&at, "deploy", 0};

		check_values(c, &at, n);
		check_ports(c, &at, n);
		check_tmpfs(c, &at, n);
		check_devices(c, &gpus, node_get(n, "gpus"), false);
		check_devices(c, &devices, node_path(n, "deploy.resources.reservations.devices"),
			      true);
		check_watch_paths(c, &at, n);
	}
}
