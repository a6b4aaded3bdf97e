/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See observe.h.  Reads the supervisor's objects, changes nothing. */
#include "engine/observe.h"

#include "compose/compose.h"
#include "engine/network.h"
#include "engine/translate.h"

#define LABEL_PROJECT	 "com.docker.compose.project"
#define LABEL_DEPENDS_ON "com.docker.compose.depends_on"
#define LABEL_HASH	 "com.docker.compose.config-hash"

static enum plan_status status_of(const struct container *c)
{
	switch (c->state) {
	case CONTAINER_CREATED:
		return PLAN_IS_CREATED;
	case CONTAINER_STARTING:
	case CONTAINER_RUNNING:
	case CONTAINER_RESTARTING:
	case CONTAINER_STOPPING:
		return PLAN_IS_RUNNING;
	case CONTAINER_PAUSED:
		return PLAN_IS_PAUSED;
	default:
		return PLAN_IS_EXITED;
	}
}

/* The old definition says what changed only if the container was really made from it. */
static const json_t *made_from(const struct container *c, const json_t *old_model,
			       const json_t *hashes)
{
	const json_t *definition =
		c->service ? json_get_obj(json_get_obj(old_model, "services"), c->service) : NULL;
	char hash[65];

	if (!definition || str_eq(json_get_str(hashes, c->service), c->config_hash))
		return NULL;
	compose_service_hash(definition, hash);
	return str_eq(hash, c->config_hash) ? definition : NULL;
}

static void observe_containers(struct daemon *d, const char *name, const json_t *old_model,
			       struct observation *o)
{
	size_t i, n = 0;

	o->containers = project_containers(d, name, true);
	while (o->containers[n])
		n++;
	o->items = xcalloc(n + 1, sizeof(*o->items));
	for (i = 0; i < n; i++) {
		const struct container *c = o->containers[i];

		o->items[i] = (struct plan_container){
			.id = c->id,
			.name = c->name,
			.service = c->service ? c->service : "",
			.config_hash = c->config_hash,
			.image_id = c->image_id,
			.number = c->number,
			.one_off = c->one_off,
			.status = status_of(c),
			.definition = made_from(c, old_model, o->hashes),
		};
	}
	o->input.container_count = n;
}

static void observe_images(struct daemon *d, const char *name, const json_t *model,
			   struct observation *o)
{
	json_t *services = json_get_obj(model, "services"), *definition;
	const char *service;

	json_object_foreach (services, service, definition) {
		auto_free char *ref = translate_image(name, service, definition);
		struct error ignored = ERROR_INIT;
		AUTO(image_unref) struct image *image = NULL;
		char hash[65];

		compose_service_hash(definition, hash);
		json_set_str(o->hashes, service, hash);
		if (image_resolve(d->images, ref, &image, &ignored) == 0)
			json_set_str(o->images, service, image->id);
	}
}

void observe_object_hash(const json_t *definition, char ret[DIGEST_HEX_MAX])
{
	char *text = json_dumps(definition, JSON_COMPACT | JSON_SORT_KEYS);

	digest_of(text ? text : "", text ? strlen(text) : 0, ret);
	free(text);
}

/* What exists under a name of the model need not be what the model means. */
static void compare_object(struct observation *o, const char *project, const char *kind,
			   const char *name, const json_t *definition, const json_t *labels)
{
	const char *owner = json_get_str(labels, LABEL_PROJECT);
	const char *hash = json_get_str(labels, LABEL_HASH);
	char wanted[DIGEST_HEX_MAX];

	if (json_get_bool(definition, "external"))
		return;
	observe_object_hash(definition, wanted);
	if (!owner)
		strv_pushf(&o->warnings,
			   "%s %s already exists but was not created for a project; set `external: "
			   "true` to use an existing one",
			   kind, name);
	else if (strcmp(owner, project) != 0)
		strv_pushf(&o->warnings,
			   "%s %s already exists but was created for project %s (expected %s); set "
			   "`external: true` to use an existing one",
			   kind, name, owner, project);
	else if (!hash || !strcmp(hash, wanted))
		return;
	else if (!strcmp(kind, "network"))
		map_set(o->changed, name, o);
	else
		strv_pushf(
			&o->warnings,
			"%s %s was defined differently when it was made; it stays as it is until "
			"it is removed",
			kind, name);
}

/* The names of the model that exist; if it has none, all that carry the project's label. */
static void observe_networks(struct daemon *d, const char *name, const json_t *model,
			     struct observation *o)
{
	json_t *top = json_get_obj(model, "networks"), *entry;
	struct map_iter it = {0};
	const char *key;

	if (!top) {
		while (map_next(d->networks, &it)) {
			const struct network *n = it.value;

			if (str_eq(n->project, name))
				map_set(o->networks, n->name, it.value);
		}
		return;
	}
	json_object_foreach (top, key, entry) {
		const char *real = json_get_str(entry, "name");
		struct error ignored = ERROR_INIT;
		struct network *n;

		if (!real || network_find(d, real, &n, &ignored) < 0)
			continue;
		map_set(o->networks, real, n);
		compare_object(o, name, "network", real, entry, n->labels);
	}
}

static void observe_volumes(struct daemon *d, const char *name, const json_t *model,
			    struct observation *o)
{
	json_t *top = json_get_obj(model, "volumes"), *entry;
	const char *key;
	size_t i;

	if (!top) {
		struct volume **all = volume_list(d->volumes);

		for (i = 0; all[i]; i++)
			if (str_eq(json_get_str(all[i]->labels, LABEL_PROJECT), name))
				map_set(o->volumes, all[i]->name, all[i]);
		free(all);
		return;
	}
	json_object_foreach (top, key, entry) {
		const char *real = json_get_str(entry, "name");
		struct volume *v = real ? volume_get(d->volumes, real) : NULL;

		if (!v)
			continue;
		map_set(o->volumes, real, v);
		compare_object(o, name, "volume", real, entry, v->labels);
	}
}

/* "db:service_healthy:false,…" */
static void add_dependencies(json_t *services, json_t *depends, const char *label)
{
	AUTO(strv_free) char **entries = strv_split(label, ",");
	size_t i;

	for (i = 0; i < strv_len(entries); i++) {
		AUTO(strv_free) char **parts = strv_split(entries[i], ":");
		json_t *dependency;

		if (strv_len(parts) != 3 || !json_object_get(services, parts[0]))
			continue;
		dependency = json_object();
		json_set_str(dependency, "condition", parts[1]);
		json_set_bool(dependency, "restart", !strcmp(parts[2], "true"));
		json_object_set_new(depends, parts[0], dependency);
	}
}

json_t *observe_labels(struct daemon *d, const char *name)
{
	struct container **list = project_containers(d, name, false);
	json_t *model = json_object(), *services = json_object();
	size_t i;

	for (i = 0; list[i]; i++)
		if (list[i]->service)
			json_object_set_new(services, list[i]->service,
					    json_pack("{s:{}}", "depends_on"));
	for (i = 0; list[i]; i++)
		if (list[i]->service)
			add_dependencies(services,
					 json_get_obj(json_get_obj(services, list[i]->service),
						      "depends_on"),
					 json_get_str(list[i]->config.labels, LABEL_DEPENDS_ON));
	free(list);
	json_set_str(model, "name", name);
	json_set_new(model, "services", services);
	return model;
}

int observe(struct daemon *d, const char *name, const json_t *model, const json_t *old_model,
	    char *const *wanted, bool with_deps, struct observation *ret, struct error *err)
{
	struct observation o = {.hashes = json_object(), .images = json_object()};
	int r = 0;

	o.networks = map_new(NULL);
	o.volumes = map_new(NULL);
	o.changed = map_new(NULL);
	if (model)
		r = compose_order(model, wanted, with_deps, &o.order, err);
	if (r < 0) {
		observation_release(&o);
		return r;
	}
	observe_images(d, name, model, &o);
	observe_containers(d, name, old_model, &o);
	observe_networks(d, name, model, &o);
	observe_volumes(d, name, model, &o);
	o.input.project = name;
	o.input.model = model;
	o.input.order = o.order;
	o.input.hashes = o.hashes;
	o.input.images = o.images;
	o.input.containers = o.items;
	o.input.networks = o.networks;
	o.input.volumes = o.volumes;
	o.input.changed = o.changed;
	*ret = o;
	return 0;
}

void observation_release(struct observation *o)
{
	strv_free(o->order);
	strv_free(o->warnings);
	json_decref(o->hashes);
	json_decref(o->images);
	free(o->containers);
	free(o->items);
	map_free(o->networks);
	map_free(o->volumes);
	map_free(o->changed);
	*o = (struct observation){0};
}
