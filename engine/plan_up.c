/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of `up`, `create`, `scale` and of what `run` starts before its own container.  Service
 * by service, dependencies first: what exists is compared with what should be, then starts are
 * ordered by depends_on.  Networks, volumes and namespaces order the creations; conditions order
 * the starts.
 */
#include <errno.h>

#include "base/json.h"
#include "engine/plan.h"
#include "engine/translate.h"

/* One container of a service as it will be. */
struct instance {
	const struct plan_container *have; /* NULL: to be made */
	int64_t number;
	char *name;
	char *cause;	 /* why it must be made anew; NULL: it is as it should be */
	bool unfinished; /* left behind by an interrupted recreation */
	size_t gone;	 /* its removal, when it has to go before the new one is made */
	size_t made, started;
	size_t waits[PLAN_CONDITION_MAX];
};

struct unit {
	const char *name;
	const json_t *definition;
	struct instance *instances;
	size_t count;
	const char
		*touched; /* "recreated", "restarted": what happens to a container of it, or NULL */
};

struct planner {
	const struct plan_input *in;
	const struct plan_options *o;
	struct plan *plan;
	struct unit *units;
	size_t unit_count;
	struct unit one_off; /* of run: no part of the rest */
	struct map *unit_by_name;
	struct map *objects; /* "networks/key" -> index of the operation that makes it, plus one */
	struct map *gone; /* id of a container that leaves a changed network -> likewise, removal */
	struct error *err;
};

static void planner_release(struct planner *p)
{
	size_t i, k;

	for (i = 0; i < p->unit_count; i++) {
		for (k = 0; k < p->units[i].count; k++) {
			free(p->units[i].instances[k].name);
			free(p->units[i].instances[k].cause);
		}
		free(p->units[i].instances);
	}
	free(p->units);
	map_free(p->unit_by_name);
	map_free(p->objects);
	map_free(p->gone);
}

/* Is it one of the services that the user asked for, not only a dependency? */
static bool targeted(const struct planner *p, const struct unit *u)
{
	return plan_selected(p->o->services, u->name);
}

/* Stops what runs and removes it; returns the removal. */
static size_t plan_discard(struct plan *plan, const struct plan_container *c, const char *cause)
{
	size_t stop = PLAN_NONE, op;

	if (c->status == PLAN_IS_RUNNING || c->status == PLAN_IS_PAUSED) {
		stop = plan_add(plan, PLAN_STOP, c->name, c->service, xstrdup(cause));
		plan->ops[stop].container = xstrdup(c->id);
	}
	op = plan_add(plan, PLAN_REMOVE, c->name, c->service, xstrdup(cause));
	plan->ops[op].container = xstrdup(c->id);
	plan_need(plan, op, stop, PLAN_NEED_HARD);
	return op;
}

/* ---- networks and volumes */

static int external_missing(struct planner *p, enum plan_action action, const char *name)
{
	if (action == PLAN_NETWORK_CREATE)
		return error_set(p->err, ENOENT,
				 "network %s declared as external, but could not be found", name);
	return error_set(p->err, ENOENT,
			 "external volume \"%s\" not found: create it with `cmp volume create %s`",
			 name, name);
}

/* A changed network is made anew: the containers on it have to leave it first. */
static size_t plan_changed_network(struct planner *p, const char *key, const char *name)
{
	auto_free char *cause = xasprintf("network %s changed", key);
	size_t removal, i, first = p->plan->count, last;

	for (i = 0; i < p->in->container_count; i++) {
		const struct plan_container *c = &p->in->containers[i];
		const struct unit *u = map_get(p->unit_by_name, c->service);

		if (!u || c->one_off || map_has(p->gone, c->id) ||
		    !json_object_get(json_get_obj(u->definition, "networks"), key))
			continue;
		removal = plan_discard(p->plan, c, cause);
		map_set(p->gone, c->id, (void *)(uintptr_t)(removal + 1));
	}
	last = p->plan->count;
	removal = plan_add(p->plan, PLAN_NETWORK_REMOVE, name, key, xstrdup("definition changed"));
	for (i = first; i < last; i++)
		plan_need(p->plan, removal, i, PLAN_NEED_HARD);
	return removal;
}

static bool network_changed(struct planner *p, enum plan_action action, const char *name)
{
	if (action != PLAN_NETWORK_CREATE || !map_has(p->in->changed, name))
		return false;
	if (!strv_len(p->o->services))
		return true;
	strv_pushf(
		&p->plan->warnings,
		"network %s is defined differently now; it stays as it is until all services are "
		"brought up",
		name);
	return false;
}

static int plan_object(struct planner *p, const char *kind, enum plan_action action,
		       const struct map *present, const char *key)
{
	const json_t *top = json_get_obj(json_get_obj(p->in->model, kind), key);
	auto_free char *slot = xasprintf("%s/%s", kind, key);
	const char *name = json_get_str(top, "name");
	size_t op, removal = PLAN_NONE;

	if (map_has(p->objects, slot))
		return 0;
	if (!name)
		return error_set(p->err, EINVAL, "%s.%s is not in the model", kind, key);
	map_set(p->objects, slot, NULL);
	if (network_changed(p, action, name))
		removal = plan_changed_network(p, key, name);
	else if (map_has(present, name))
		return 0;
	if (json_get_bool(top, "external"))
		return external_missing(p, action, name);
	op = plan_add(p->plan, action, name, key,
		      xstrdup(removal == PLAN_NONE ? "missing" : "definition changed"));
	plan_need(p->plan, op, removal, PLAN_NEED_HARD);
	map_set(p->objects, slot, (void *)(uintptr_t)(op + 1));
	return 0;
}

static int plan_network(struct planner *p, const char *key)
{
	return plan_object(p, "networks", PLAN_NETWORK_CREATE, p->in->networks, key);
}

static int plan_volume(struct planner *p, const char *key)
{
	return plan_object(p, "volumes", PLAN_VOLUME_CREATE, p->in->volumes, key);
}

static void need_object(struct planner *p, size_t op, const char *kind, const char *key)
{
	auto_free char *slot = xasprintf("%s/%s", kind, key);
	uintptr_t made = (uintptr_t)map_get(p->objects, slot);

	if (made)
		plan_need(p->plan, op, made - 1, PLAN_NEED_HARD);
}

/* The key of a named volume that a mount of a service refers to, or NULL. */
static const char *mount_volume(const json_t *mount)
{
	const char *source = json_get_str(mount, "source");

	return str_eq(json_get_str(mount, "type"), "volume") && !str_empty(source) ? source : NULL;
}

static int plan_unit_objects(struct planner *p, const struct unit *u)
{
	json_t *mount, *options;
	const char *key;
	size_t i;

	json_object_foreach (json_get_obj(u->definition, "networks"), key, options)
		if (plan_network(p, key) < 0)
			return error_wrap(p->err, "service %s", u->name);
	json_array_foreach (json_get_arr(u->definition, "volumes"), i, mount)
		if (mount_volume(mount) && plan_volume(p, mount_volume(mount)) < 0)
			return error_wrap(p->err, "service %s", u->name);
	return 0;
}

static int plan_all_objects(struct planner *p)
{
	const char *key;
	json_t *value;

	json_object_foreach (json_get_obj(p->in->model, "networks"), key, value)
		if (plan_network(p, key) < 0)
			return -p->err->code;
	json_object_foreach (json_get_obj(p->in->model, "volumes"), key, value)
		if (plan_volume(p, key) < 0)
			return -p->err->code;
	return 0;
}

static int plan_objects(struct planner *p)
{
	size_t i;

	if (p->o->all_resources && plan_all_objects(p) < 0)
		return -p->err->code;
	for (i = 0; i < p->unit_count; i++)
		if (plan_unit_objects(p, &p->units[i]) < 0)
			return -p->err->code;
	return p->one_off.name ? plan_unit_objects(p, &p->one_off) : 0;
}

/* ---- containers that nobody asked for any more */

static bool is_orphan(const struct planner *p, const struct plan_container *c)
{
	if (c->one_off)
		return c->status == PLAN_IS_EXITED && p->o->remove_orphans;
	return !json_get_obj(json_get_obj(p->in->model, "services"), c->service) &&
	       !strv_has(p->in->disabled, c->service);
}

static void plan_orphans(struct planner *p)
{
	auto_buf struct buf names = BUF_INIT;
	size_t i;

	for (i = 0; i < p->in->container_count; i++) {
		const struct plan_container *c = &p->in->containers[i];

		if (!is_orphan(p, c))
			continue;
		if (p->o->remove_orphans)
			plan_discard(p->plan, c, "orphan");
		else
			buf_addf(&names, "%s%s", names.len ? " " : "", c->name);
	}
	if (names.len && !p->o->ignore_orphans)
		strv_pushf(
			&p->plan->warnings,
			"Found orphan containers ([%s]) for this project. If you removed or renamed this "
			"service in your compose file, you can run this command with the "
			"--remove-orphans flag to clean it up.",
			names.data);
}

/* What is asked for and cannot be had, where going on without it does no harm. */
static void warn_of_ignored(struct planner *p, const struct unit *u)
{
	if (!str_empty(json_get_str(u->definition, "cgroup_parent")))
		strv_pushf(&p->plan->warnings,
			   "service %s: cgroup_parent is ignored: the cgroups of all containers "
			   "lie together",
			   u->name);
}

/* ---- what is there against what should be */

/* "sha256:0123456789ab": enough to tell two images apart. */
static void short_image(const char *id, char ret[20])
{
	str_copy(ret, 20, id);
}

static bool forced(const struct planner *p, const struct unit *u)
{
	return targeted(p, u) ? p->o->force_recreate : p->o->always_recreate_deps;
}

/* The service whose namespace or volumes it uses and that is made anew; NULL: none. */
static const char *moved_parent(struct planner *p, const json_t *definition)
{
	static const char *const modes[] = {"network_mode", "pid", "ipc"};
	const struct unit *parent;
	json_t *item;
	size_t i;

	for (i = 0; i < ARRAY_LEN(modes); i++) {
		const char *mode = json_get_str(definition, modes[i]);
		const char *service = mode ? str_skip(mode, "service:") : NULL;

		parent = service ? map_get(p->unit_by_name, service) : NULL;
		if (parent && str_eq(parent->touched, "recreated"))
			return parent->name;
	}
	json_array_foreach (json_get_arr(definition, "volumes_from"), i, item) {
		const char *text = json_string_value(item);
		auto_free char *service = text ? xstrndup(text, strcspn(text, ":")) : NULL;

		parent = service ? map_get(p->unit_by_name, service) : NULL;
		if (parent && str_eq(parent->touched, "recreated"))
			return parent->name;
	}
	return NULL;
}

static int64_t replicas_of(const struct planner *p, const struct unit *u)
{
	int64_t asked = json_get_int(p->o->scale, u->name, -1);

	return asked >= 0 ? asked : translate_replicas(u->definition);
}

static char *instance_name(const struct planner *p, const struct unit *u, int64_t number)
{
	const char *name = json_get_str(u->definition, "container_name");

	if (name)
		return xstrdup(name);
	return xasprintf("%s-%s-%lld", p->in->project, u->name, (long long)number);
}

/* A supervisor that died while a container was replaced leaves the new one under a temporary name.
 */
static bool unfinished(const struct planner *p, const struct unit *u,
		       const struct plan_container *c)
{
	auto_free char *name = instance_name(p, u, c->number);

	return strlen(c->name) == strlen(name) + PLAN_TEMPORARY_LEN && str_ends(c->name, name) &&
	       c->name[PLAN_TEMPORARY_LEN - 1] == '_';
}

/* Why a container must be made anew, in words; owned, or NULL. */
static char *recreate_cause(struct planner *p, const struct unit *u, const struct plan_container *c)
{
	const char *hash = json_get_str(p->in->hashes, u->name);
	const char *image = json_get_str(p->in->images, u->name);
	const char *parent = moved_parent(p, u->definition);
	char old[20], new[20];

	if (unfinished(p, u, c))
		return xstrdup("its recreation was interrupted");
	if (map_has(p->gone, c->id))
		return xstrdup("its network changed");
	if (forced(p, u))
		return xstrdup("forced");
	if (p->o->no_recreate)
		return NULL;
	if (parent)
		return xasprintf("%s is recreated", parent);
	if (hash && !str_eq(hash, c->config_hash))
		return plan_difference(c->definition, u->definition);
	if (image && c->image_id && strcmp(image, c->image_id) != 0) {
		short_image(c->image_id, old);
		short_image(image, new);
		return xasprintf("image changed %s -> %s", old, new);
	}
	return NULL;
}

/* Obsolete ones last, otherwise by number: what is too many is cut off at the end. */
static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	if (x->unfinished != y->unfinished)
		return x->unfinished ? 1 : -1;
	if (!x->cause != !y->cause)
		return x->cause ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static struct instance *add_instance(struct unit *u, int64_t number)
{
	struct instance *i = &u->instances[u->count++];
	size_t k;

	*i = (struct instance){
		.number = number, .gone = PLAN_NONE, .made = PLAN_NONE, .started = PLAN_NONE};
	for (k = 0; k < PLAN_CONDITION_MAX; k++)
		i->waits[k] = PLAN_NONE;
	return i;
}

/* The containers that exist, those too many removed, those too few added. */
static int fill_instances(struct planner *p, struct unit *u, size_t existing)
{
	int64_t wanted = replicas_of(p, u), highest = 0, n;
	auto_free char *cause = xasprintf("scale %zu -> %lld", existing, (long long)wanted);
	size_t i;

	if (wanted > PLAN_REPLICAS_MAX)
		return error_set(p->err, EINVAL, "service %s: %lld containers are more than %d",
				 u->name, (long long)wanted, PLAN_REPLICAS_MAX);
	if (wanted > 1 && json_get_str(u->definition, "container_name"))
		return error_set(
			p->err, EINVAL,
			"service %s: cannot scale, its container_name \"%s\" must be unique",
			u->name, json_get_str(u->definition, "container_name"));
	if (u->count)
		qsort(u->instances, u->count, sizeof(*u->instances), compare_instances);
	for (; u->count > (size_t)wanted; u->count--) {
		struct instance *last = &u->instances[u->count - 1];

		if (last->gone == PLAN_NONE)
			plan_discard(p->plan, last->have, last->unfinished ? last->cause : cause);
		free(last->name);
		free(last->cause);
	}
	if (u->count)
		qsort(u->instances, u->count, sizeof(*u->instances), compare_numbers);
	for (i = 0; i < u->count; i++)
		highest = MAX(highest, u->instances[i].number);
	u->instances = xreallocarray(u->instances, (size_t)wanted + 1, sizeof(*u->instances));
	for (n = (int64_t)u->count; n < wanted; n++) {
		struct instance *new = add_instance(u, ++highest);

		new->name = instance_name(p, u, new->number);
		new->cause = existing ? xstrdup(cause) : xstrdup("missing");
	}
	return 0;
}

static int observe_unit(struct planner *p, struct unit *u)
{
	size_t i;

	u->instances = xcalloc(p->in->container_count + 1, sizeof(*u->instances));
	for (i = 0; i < p->in->container_count; i++) {
		const struct plan_container *c = &p->in->containers[i];
		struct instance *instance;

		if (c->one_off || !str_eq(c->service, u->name))
			continue;
		instance = add_instance(u, c->number);
		instance->have = c;
		instance->unfinished = unfinished(p, u, c);
		instance->name =
			instance->unfinished ? instance_name(p, u, c->number) : xstrdup(c->name);
		instance->cause = recreate_cause(p, u, c);
		if (map_has(p->gone, c->id))
			instance->gone = (uintptr_t)map_get(p->gone, c->id) - 1;
	}
	return fill_instances(p, u, u->count);
}

/* ---- creations */

/* An address that was asked for can be held by one container only. */
static bool has_fixed_address(const json_t *definition)
{
	const char *key;
	json_t *options;

	json_object_foreach (json_get_obj(definition, "networks"), key, options)
		if (json_get_str(options, "ipv4_address") || json_get_str(options, "ipv6_address"))
			return true;
	return false;
}

/* The first container of a service whose namespace is shared must be there before. */
static void need_service(struct planner *p, size_t op, const char *service)
{
	const struct unit *u = service ? map_get(p->unit_by_name, service) : NULL;

	if (u && u->count)
		plan_need(p->plan, op, u->instances[0].made, PLAN_NEED_HARD);
}

static void creation_needs(struct planner *p, const struct unit *u, size_t op)
{
	static const char *const modes[] = {"network_mode", "pid", "ipc"};
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach (json_get_obj(u->definition, "networks"), key, value)
		need_object(p, op, "networks", key);
	json_array_foreach (json_get_arr(u->definition, "volumes"), i, value)
		if (mount_volume(value))
			need_object(p, op, "volumes", mount_volume(value));
	for (i = 0; i < ARRAY_LEN(modes); i++) {
		const char *mode = json_get_str(u->definition, modes[i]);

		need_service(p, op, mode ? str_skip(mode, "service:") : NULL);
	}
	json_array_foreach (json_get_arr(u->definition, "volumes_from"), i, value) {
		const char *text = json_string_value(value);
		auto_free char *service = text ? xstrndup(text, strcspn(text, ":")) : NULL;

		need_service(p, op, service);
	}
}

static void plan_creation(struct planner *p, struct unit *u, struct instance *i)
{
	size_t op;

	if (!i->cause)
		return;
	if (i->have && i->gone == PLAN_NONE && has_fixed_address(u->definition))
		i->gone = plan_discard(p->plan, i->have, i->cause);
	op = plan_add(p->plan, i->have && i->gone == PLAN_NONE ? PLAN_RECREATE : PLAN_CREATE,
		      i->name, u->name, steal_ptr(&i->cause));
	p->plan->ops[op].number = i->number;
	p->plan->ops[op].inherits = i->gone;
	plan_need(p->plan, op, i->gone, PLAN_NEED_HARD);
	if (i->have) {
		p->plan->ops[op].container = xstrdup(i->have->id);
		u->touched = "recreated";
	}
	creation_needs(p, u, op);
	i->made = op;
}

/* ---- starts */

static void attach_container(struct plan *plan, size_t op, const struct instance *i)
{
	plan->ops[op].made = i->made;
	plan->ops[op].number = i->number;
	if (i->have && i->made == PLAN_NONE)
		plan->ops[op].container = xstrdup(i->have->id);
}

static enum plan_condition condition_of(const json_t *dependency)
{
	const char *condition = json_get_str(dependency, "condition");

	if (str_eq(condition, "service_healthy"))
		return PLAN_HEALTHY;
	return str_eq(condition, "service_completed_successfully") ? PLAN_COMPLETED : PLAN_STARTED;
}

/* The operation that a start waits for: the start of the dependency, or a wait for its condition,
 * which all dependents share. */
static size_t gate(struct planner *p, const struct unit *u, struct instance *i,
		   enum plan_condition condition)
{
	size_t op;

	if (condition == PLAN_STARTED)
		return i->started;
	if (i->waits[condition] != PLAN_NONE)
		return i->waits[condition];
	op = plan_add(p->plan, PLAN_WAIT, i->name, u->name, NULL);
	p->plan->ops[op].condition = condition;
	attach_container(p->plan, op, i);
	plan_need(p->plan, op, i->started, PLAN_NEED_HARD);
	i->waits[condition] = op;
	return op;
}

/* Gates of one service, computed once for all of its containers. */
struct gates {
	struct plan_need *items;
	size_t count;
	const char *restarts; /* the dependency that was touched, with restart: true */
	const char *how;
};

static void collect_gates(struct planner *p, const struct unit *u, struct gates *g)
{
	json_t *dependency;
	const char *name;
	size_t i;

	json_object_foreach (json_get_obj(u->definition, "depends_on"), name, dependency) {
		struct unit *d = map_get(p->unit_by_name, name);
		bool optional = json_is_false(json_object_get(dependency, "required"));

		if (!d)
			continue; /* --no-deps, or not enabled and not required */
		if (d->touched && json_get_bool(dependency, "restart")) {
			g->restarts = d->name;
			g->how = d->touched;
		}
		g->items = xreallocarray(g->items, g->count + d->count + 1, sizeof(*g->items));
		for (i = 0; i < d->count; i++)
			g->items[g->count++] = (struct plan_need){
				gate(p, d, &d->instances[i], condition_of(dependency)),
				optional ? PLAN_NEED_OPTIONAL : PLAN_NEED_HARD};
	}
}

static enum plan_action start_action(const struct instance *i, const struct gates *g)
{
	if (i->made != PLAN_NONE || !i->have)
		return PLAN_START;
	if (i->have->status == PLAN_IS_PAUSED)
		return PLAN_UNPAUSE;
	if (i->have->status != PLAN_IS_RUNNING)
		return PLAN_START;
	return g->restarts ? PLAN_RESTART : PLAN_RUNNING;
}

static void plan_instance_start(struct planner *p, struct unit *u, struct instance *i,
				const struct gates *g)
{
	enum plan_action action = start_action(i, g);
	char *cause = NULL;
	size_t op, k;

	if (action == PLAN_RESTART) {
		cause = xasprintf("%s is %s", g->restarts, g->how);
		u->touched = "restarted";
	} else if (action == PLAN_START && i->made == PLAN_NONE) {
		cause = xstrdup("not running");
	}
	op = plan_add(p->plan, action, i->name, u->name, cause);
	attach_container(p->plan, op, i);
	plan_need(p->plan, op, i->made, PLAN_NEED_HARD);
	for (k = 0; action != PLAN_RUNNING && k < g->count; k++)
		plan_need(p->plan, op, g->items[k].op, g->items[k].kind);
	i->started = op;
}

/* Does any container of it need starting?  What runs and stays needs no gates. */
static bool unit_moves(const struct planner *p, const struct unit *u)
{
	json_t *dependency;
	const char *name;
	size_t i;

	for (i = 0; i < u->count; i++)
		if (u->instances[i].made != PLAN_NONE ||
		    u->instances[i].have->status != PLAN_IS_RUNNING)
			return true;
	json_object_foreach (json_get_obj(u->definition, "depends_on"), name, dependency) {
		const struct unit *d = map_get(p->unit_by_name, name);

		if (d && d->touched && json_get_bool(dependency, "restart"))
			return true;
	}
	return false;
}

static void plan_unit_start(struct planner *p, struct unit *u)
{
	struct gates g = {0};
	size_t i;

	if (unit_moves(p, u))
		collect_gates(p, u, &g);
	for (i = 0; i < u->count; i++)
		plan_instance_start(p, u, &u->instances[i], &g);
	free(g.items);
}

/* up --wait: one-shot services that others wait for must complete, all others be ready. */
static bool is_one_shot(const struct planner *p, const char *service)
{
	size_t i;

	for (i = 0; i < p->unit_count; i++) {
		const json_t *depends = json_get_obj(p->units[i].definition, "depends_on");

		if (condition_of(json_get_obj(depends, service)) == PLAN_COMPLETED)
			return true;
	}
	return false;
}

static void plan_waits(struct planner *p)
{
	size_t i, k;

	for (i = 0; i < p->unit_count; i++) {
		struct unit *u = &p->units[i];
		enum plan_condition condition =
			is_one_shot(p, u->name) ? PLAN_COMPLETED : PLAN_READY;

		for (k = 0; k < u->count; k++)
			gate(p, u, &u->instances[k], condition);
	}
}

/* The container of `run`: recorded when everything that it waits for is there. */
static void plan_one_off(struct planner *p)
{
	struct gates g = {0};
	size_t op, k;

	collect_gates(p, &p->one_off, &g);
	op = plan_add(p->plan, PLAN_CREATE, p->o->one_off, p->one_off.name, NULL);
	p->plan->ops[op].one_off = true;
	creation_needs(p, &p->one_off, op);
	for (k = 0; k < g.count; k++)
		plan_need(p->plan, op, g.items[k].op, g.items[k].kind);
	free(g.items);
}

/* ---- the whole */

static int plan_units(struct planner *p)
{
	json_t *services = json_get_obj(p->in->model, "services");
	size_t i, n = strv_len(p->in->order);

	p->units = xcalloc(n + 1, sizeof(*p->units));
	for (i = 0; i < n; i++) {
		struct unit *u = &p->units[p->unit_count];

		u->name = p->in->order[i];
		u->definition = json_get_obj(services, u->name);
		if (!u->definition)
			return error_set(p->err, ENOENT, "no such service: %s", u->name);
		if (p->o->one_off && plan_selected(p->o->services, u->name)) {
			p->one_off = *u;
			continue;
		}
		p->unit_count++;
		map_set(p->unit_by_name, u->name, u);
	}
	return 0;
}

static int plan_everything(struct planner *p)
{
	size_t i, k;

	if (plan_units(p) < 0 || plan_objects(p) < 0)
		return -p->err->code;
	plan_orphans(p);
	for (i = 0; i < p->unit_count; i++) {
		struct unit *u = &p->units[i];

		if (observe_unit(p, u) < 0)
			return -p->err->code;
		warn_of_ignored(p, u);
		for (k = 0; k < u->count; k++)
			plan_creation(p, u, &u->instances[k]);
	}
	for (i = 0; p->o->start && i < p->unit_count; i++)
		plan_unit_start(p, &p->units[i]);
	if (p->o->start && p->o->wait)
		plan_waits(p);
	if (p->one_off.name)
		plan_one_off(p);
	return 0;
}

int plan_up(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	    struct error *err)
{
	struct plan plan = {.services = strv_dup(o->services)};
	struct planner p = {
		.in = in,
		.o = o,
		.plan = &plan,
		.unit_by_name = map_new(NULL),
		.objects = map_new(NULL),
		.gone = map_new(NULL),
		.err = err,
	};
	int r = plan_check_services(in, o->services, err);

	if (r == 0)
		r = plan_everything(&p);
	planner_release(&p);
	if (r < 0)
		plan_release(&plan);
	else
		*ret = plan;
	return r;
}
