/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans of the verbs that act on what exists: down, start, stop, restart, kill, pause, unpause,
 * rm. They work without a model too: then the containers' services are taken in the order that is
 * given.
 */
#include <errno.h>

#include "base/json.h"
#include "engine/plan.h"

/* Per service, the operations that others of the same plan wait for. */
struct group {
	size_t *ops;
	size_t count;
};

struct verbs {
	const struct plan_input *in;
	const struct plan_options *o;
	struct plan plan;
	struct map *groups;
};

static void group_free(void *value)
{
	struct group *g = value;

	free(g->ops);
	free(g);
}

static void group_add(struct map *groups, const char *service, size_t op)
{
	struct group *g = map_get(groups, service);

	if (!g) {
		g = xcalloc(1, sizeof(*g));
		map_set(groups, service, g);
	}
	if ((g->count & (g->count - 1)) == 0)
		g->ops = xreallocarray(g->ops, g->count ? g->count * 2 : 1, sizeof(*g->ops));
	g->ops[g->count++] = op;
}

static void need_group(struct plan *plan, const struct map *groups, const char *service, size_t op,
		       enum plan_need_kind kind)
{
	const struct group *g = map_get(groups, service);
	size_t i;

	for (i = 0; g && i < g->count; i++)
		plan_need(plan, op, g->ops[i], kind);
}

static bool is_up(const struct plan_container *c)
{
	return c->status == PLAN_IS_RUNNING || c->status == PLAN_IS_PAUSED;
}

static size_t add_for(struct plan *plan, enum plan_action action, const struct plan_container *c,
		      const char *cause)
{
	size_t op = plan_add(plan, action, c->name, c->service, xstrdup(cause));

	plan->ops[op].container = xstrdup(c->id);
	plan->ops[op].number = c->number;
	plan->ops[op].one_off = c->one_off;
	return op;
}

static const json_t *definition_of(const struct plan_input *in, const char *service)
{
	return json_get_obj(json_get_obj(in->model, "services"), service);
}

/* A vector that can be added to. */
static char **copy_names(char *const *names)
{
	char **copy = NULL;

	for (; names && *names; names++)
		strv_push(&copy, xstrdup(*names));
	return copy;
}

/* The order of all services: as given, then those that only containers know. */
static char **all_services(const struct plan_input *in)
{
	char **all = copy_names(in->order);
	size_t i;

	for (i = 0; i < in->container_count; i++)
		if (in->containers[i].service && !strv_has(all, in->containers[i].service))
			strv_push(&all, xstrdup(in->containers[i].service));
	return all;
}

/* Adds the order "dependents first" to the operations in `groups`, in a walk from the last service
 * to the first: an operation needs only earlier ones. */
static void need_dependents(struct verbs *v, const char *service, size_t op)
{
	json_t *services = json_get_obj(v->in->model, "services"), *other;
	const char *name;

	json_object_foreach (services, name, other)
		if (json_object_get(json_get_obj(other, "depends_on"), service))
			need_group(&v->plan, v->groups, name, op, PLAN_NEED_ORDER);
}

/* ---- stop and down */

/* Named services and those that depend on them, transitively: down. */
static char **with_dependents(const struct plan_input *in, char *const *services)
{
	char **set = copy_names(services);
	json_t *all = json_get_obj(in->model, "services"), *other, *dependency;
	const char *name, *needs;
	size_t before;

	do {
		before = strv_len(set);
		json_object_foreach (all, name, other)
			json_object_foreach (json_get_obj(other, "depends_on"), needs, dependency)
				if (strv_has(set, needs) && !strv_has(set, name))
					strv_push(&set, xstrdup(name));
	} while (strv_len(set) != before);
	return set;
}

static bool known_service(const struct plan_input *in, const struct plan_container *c)
{
	return !in->model || in->from_labels || definition_of(in, c->service) ||
	       strv_has(in->disabled, c->service);
}

static void stop_one(struct verbs *v, const struct plan_container *c, bool remove)
{
	size_t op = PLAN_NONE, removal;

	if (is_up(c) || !remove) {
		op = add_for(&v->plan, PLAN_STOP, c, NULL);
		need_dependents(v, c->service, op);
		group_add(v->groups, c->service, op);
	}
	if (!remove)
		return;
	removal = add_for(&v->plan, PLAN_REMOVE, c, NULL);
	plan_need(&v->plan, removal, op, PLAN_NEED_HARD);
	group_add(v->groups, c->service, removal);
	group_add(v->groups, "", removal); /* all removals */
}

/* Is the container one that `stop` or `down` is about? */
static bool is_meant(const struct verbs *v, const struct plan_container *c, char *const *services,
		     bool remove)
{
	if (c->one_off)
		return remove && v->o->remove_orphans;
	if (!known_service(v->in, c))
		return remove && v->o->remove_orphans && !strv_len(services);
	return plan_selected(services, c->service);
}

static void stop_all(struct verbs *v, char *const *services, bool remove)
{
	AUTO(strv_free) char **order = all_services(v->in);
	size_t i, k;

	for (i = strv_len(order); i-- > 0;) {
		for (k = 0; k < v->in->container_count; k++) {
			const struct plan_container *c = &v->in->containers[k];

			if (str_eq(c->service, order[i]) && is_meant(v, c, services, remove))
				stop_one(v, c, remove);
		}
	}
}

static void down_objects(struct verbs *v, const char *kind, enum plan_action action,
			 const struct map *present)
{
	const char *key;
	json_t *top;

	json_object_foreach (json_get_obj(v->in->model, kind), key, top) {
		const char *name = json_get_str(top, "name");
		size_t op;

		if (!name || json_get_bool(top, "external") || !map_has(present, name))
			continue;
		op = plan_add(&v->plan, action, name, key, NULL);
		need_group(&v->plan, v->groups, "", op, PLAN_NEED_ORDER);
	}
}

/* Without files everything that carries the project's label is `present`. */
static void down_labelled(struct verbs *v, enum plan_action action, const struct map *present)
{
	struct map_iter it = {0};

	while (map_next(present, &it)) {
		size_t op = plan_add(&v->plan, action, it.key, NULL, NULL);

		need_group(&v->plan, v->groups, "", op, PLAN_NEED_ORDER);
	}
}

static void down_images(struct verbs *v, const char *rmi)
{
	const char *name;
	json_t *service;
	char **seen = NULL; /* services may share an image */

	json_object_foreach (json_get_obj(v->in->model, "services"), name, service) {
		const char *image = json_get_str(service, "image");
		auto_free char *built = image ? NULL : xasprintf("%s-%s", v->in->project, name);
		size_t op;

		if (!json_object_get(v->in->images, name) || (image && strcmp(rmi, "all") != 0) ||
		    (image && strv_has(seen, image)))
			continue;
		strv_push(&seen, xstrdup(image ? image : built));
		op = plan_add(&v->plan, PLAN_IMAGE_REMOVE, image ? image : built, name, NULL);
		need_group(&v->plan, v->groups, "", op, PLAN_NEED_ORDER);
	}
	strv_free(seen);
}

static void verbs_init(struct verbs *v, const struct plan_input *in, const struct plan_options *o)
{
	*v = (struct verbs){.in = in, .o = o, .groups = map_new(group_free)};
	v->plan.services = strv_dup(o->services);
}

static int verbs_finish(struct verbs *v, struct plan *ret)
{
	map_free(v->groups);
	*ret = v->plan;
	return 0;
}

/* Named services must exist, in the model or as containers. */
static int check_named(const struct plan_input *in, char *const *services, struct error *err)
{
	AUTO(strv_free) char **all = all_services(in);

	if (in->model && json_get_obj(in->model, "services"))
		return plan_check_services(in, services, err);
	for (; services && *services; services++)
		if (!strv_has(all, *services))
			return error_set(err, ENOENT, "no such service: %s", *services);
	return 0;
}

int plan_down(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err)
{
	AUTO(strv_free) char **services = with_dependents(in, o->services);
	struct verbs v;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	verbs_init(&v, in, o);
	stop_all(&v, services, true);
	if (in->model && !in->from_labels) {
		down_objects(&v, "networks", PLAN_NETWORK_REMOVE, in->networks);
		if (o->volumes)
			down_objects(&v, "volumes", PLAN_VOLUME_REMOVE, in->volumes);
	} else {
		down_labelled(&v, PLAN_NETWORK_REMOVE, in->networks);
		if (o->volumes)
			down_labelled(&v, PLAN_VOLUME_REMOVE, in->volumes);
	}
	if (!str_empty(o->rmi) && strcmp(o->rmi, "none") != 0)
		down_images(&v, o->rmi);
	if (!v.plan.count)
		strv_pushf(&v.plan.warnings, "No resource found to remove for project \"%s\".",
			   in->project);
	return verbs_finish(&v, ret);
}

int plan_stop(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err)
{
	struct verbs v;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	verbs_init(&v, in, o);
	stop_all(&v, o->services, false);
	return verbs_finish(&v, ret);
}

/* ---- start and restart */

static enum plan_condition condition_of(const json_t *dependency)
{
	const char *condition = json_get_str(dependency, "condition");

	if (str_eq(condition, "service_healthy"))
		return PLAN_HEALTHY;
	return str_eq(condition, "service_completed_successfully") ? PLAN_COMPLETED : PLAN_STARTED;
}

/* Waits for the containers of a dependency; one set of waits per condition is shared. */
static void need_condition(struct verbs *v, const char *service, enum plan_condition condition)
{
	auto_free char *slot = xasprintf("%s wait %d", service, (int)condition);
	size_t i;

	if (condition == PLAN_STARTED || map_has(v->groups, slot))
		return;
	for (i = 0; i < v->in->container_count; i++) {
		const struct plan_container *c = &v->in->containers[i];
		size_t op;

		if (c->one_off || !str_eq(c->service, service))
			continue;
		op = add_for(&v->plan, PLAN_WAIT, c, NULL);
		v->plan.ops[op].condition = condition;
		need_group(&v->plan, v->groups, service, op, PLAN_NEED_ORDER);
		group_add(v->groups, slot, op);
	}
}

static void dependency_waits(struct verbs *v, const char *service)
{
	json_t *depends = json_get_obj(definition_of(v->in, service), "depends_on"), *dependency;
	const char *name;

	json_object_foreach (depends, name, dependency)
		need_condition(v, name, condition_of(dependency));
}

static void need_dependencies(struct verbs *v, const char *service, size_t op)
{
	json_t *depends = json_get_obj(definition_of(v->in, service), "depends_on"), *dependency;
	const char *name;

	json_object_foreach (depends, name, dependency) {
		enum plan_condition condition = condition_of(dependency);
		auto_free char *slot = xasprintf("%s wait %d", name, (int)condition);
		bool optional = json_is_false(json_object_get(dependency, "required"));

		need_group(&v->plan, v->groups, condition == PLAN_STARTED ? name : slot, op,
			   optional ? PLAN_NEED_OPTIONAL : PLAN_NEED_HARD);
	}
}

static void start_service(struct verbs *v, const char *service, enum plan_action action,
			  const char *cause)
{
	bool waits = false;
	size_t k;

	for (k = 0; k < v->in->container_count; k++) {
		const struct plan_container *c = &v->in->containers[k];
		size_t op;

		if (c->one_off || !str_eq(c->service, service) ||
		    (action == PLAN_START && c->status == PLAN_IS_RUNNING))
			continue;
		if (!waits)
			dependency_waits(v, service);
		waits = true;
		op = add_for(&v->plan, action, c, cause);
		need_dependencies(v, service, op);
		group_add(v->groups, service, op);
	}
}

static void final_waits(struct verbs *v, char *const *services)
{
	size_t k;

	for (k = 0; k < v->in->container_count; k++) {
		const struct plan_container *c = &v->in->containers[k];
		size_t op;

		if (c->one_off || !plan_selected(services, c->service))
			continue;
		op = add_for(&v->plan, PLAN_WAIT, c, NULL);
		v->plan.ops[op].condition = PLAN_READY;
		need_group(&v->plan, v->groups, c->service, op, PLAN_NEED_HARD);
	}
}

static bool has_container(const struct plan_input *in, const char *service)
{
	size_t k;

	for (k = 0; k < in->container_count; k++)
		if (!in->containers[k].one_off && str_eq(in->containers[k].service, service))
			return true;
	return false;
}

int plan_start(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	       struct error *err)
{
	char *const *service;
	struct verbs v;
	size_t i;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	for (service = o->services; service && *service; service++)
		if (!has_container(in, *service))
			return error_set(err, ENOENT, "service \"%s\" has no container to start",
					 *service);
	verbs_init(&v, in, o);
	for (i = 0; i < strv_len(in->order); i++)
		start_service(&v, in->order[i], PLAN_START, NULL);
	if (o->wait)
		final_waits(&v, o->services);
	return verbs_finish(&v, ret);
}

/* The service, of those restarted so far, that this one wants to follow. */
static const char *follows(struct verbs *v, const char *service)
{
	json_t *depends = json_get_obj(definition_of(v->in, service), "depends_on"), *dependency;
	const char *name;

	json_object_foreach (depends, name, dependency)
		if (json_get_bool(dependency, "restart") && map_has(v->groups, name))
			return name;
	return NULL;
}

int plan_restart(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		 struct error *err)
{
	AUTO(strv_free) char **order = all_services(in);
	struct verbs v;
	size_t i;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	verbs_init(&v, in, o);
	for (i = 0; i < strv_len(order); i++) {
		const char *leader = o->no_deps ? NULL : follows(&v, order[i]);
		auto_free char *cause = leader ? xasprintf("%s is restarted", leader) : NULL;

		if (plan_selected(o->services, order[i]) || leader)
			start_service(&v, order[i], PLAN_RESTART, cause);
	}
	return verbs_finish(&v, ret);
}

/* ---- at once, without order */

static int plan_each(const struct plan_input *in, const struct plan_options *o,
		     enum plan_action action, bool (*meant)(const struct plan_container *c),
		     struct plan *ret, struct error *err)
{
	struct verbs v;
	size_t i;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	verbs_init(&v, in, o);
	for (i = 0; i < in->container_count; i++) {
		const struct plan_container *c = &in->containers[i];

		if (!c->one_off && plan_selected(o->services, c->service) && meant(c))
			add_for(&v.plan, action, c, NULL);
	}
	return verbs_finish(&v, ret);
}

static bool is_paused(const struct plan_container *c)
{
	return c->status == PLAN_IS_PAUSED;
}

int plan_kill(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err)
{
	int r = plan_each(in, o, PLAN_KILL, is_up, ret, err);

	if (r == 0 && !ret->count)
		strv_pushf(&ret->warnings, "No container to kill");
	return r;
}

/* One that is paused already is refused by the container, as Docker does. */
int plan_pause(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	       struct error *err)
{
	return plan_each(in, o, PLAN_PAUSE, is_up, ret, err);
}

int plan_unpause(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		 struct error *err)
{
	return plan_each(in, o, PLAN_UNPAUSE, is_paused, ret, err);
}

int plan_rm(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	    struct error *err)
{
	struct verbs v;
	size_t i;

	if (check_named(in, o->services, err) < 0)
		return -err->code;
	verbs_init(&v, in, o);
	for (i = 0; i < in->container_count; i++) {
		const struct plan_container *c = &in->containers[i];
		size_t stop = PLAN_NONE, op;

		if (c->one_off || !plan_selected(o->services, c->service) || (is_up(c) && !o->stop))
			continue;
		if (is_up(c))
			stop = add_for(&v.plan, PLAN_STOP, c, NULL);
		op = add_for(&v.plan, PLAN_REMOVE, c, NULL);
		plan_need(&v.plan, op, stop, PLAN_NEED_HARD);
	}
	return verbs_finish(&v, ret);
}
