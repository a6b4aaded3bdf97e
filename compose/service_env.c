/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * env_file and label_file of services: their values go under those that the service has itself.
 */
#include <string.h>

#include "compose/dotenv.h"
#include "compose/load.h"

#define LABEL_FILE "label_file"

struct lookup {
	struct loader *l;
	const struct compose_node *own; /* `environment` of the service */
};

/* The project's environment, then the service's; earlier lines come last, by dotenv itself. */
static const char *lookup(void *arg, const char *name)
{
	const struct lookup *in = arg;
	const char *value = files_lookup(in->l, name);
	const struct compose_node *own;

	if (value)
		return value;
	own = node_get(in->own, name);
	return own && own->kind == COMPOSE_STRING ? own->text : NULL;
}

static const char *text_of(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_STRING ? n->text : NULL;
}

static void read_one(struct loader *l, const struct compose_path *path,
		     const struct compose_node *own, const struct compose_node *entry,
		     struct compose_node *vars)
{
	const struct compose_node *required = node_get(entry, "required");
	const char *file = entry->kind == COMPOSE_STRING ? entry->text : text_of(entry, "path");
	const char *format = text_of(entry, "format");
	struct lookup in = {l, own};
	struct dotenv d = {.arena = l->c.arena, .diags = l->c.diags, .lookup = lookup, .arg = &in};
	struct compose_source *source;

	if (!file || is_opaque(&l->c, entry))
		return;
	if (!strcmp(path->key, LABEL_FILE))
		d.lookup = NULL; /* labels see no environment */
	d.raw = format && !strcmp(format, "raw");
	if (format && *format && !d.raw)
		problem_at(&l->c, DIAG_VALUE, path, entry->mark,
			   "\"%s\" is not a format of env files: leave it out, or write \"raw\"",
			   format);
	source = files_read(
		l, file[0] == '/' ? file : arena_printf(l->c.arena, "%s/%s", l->c.dir, file),
		entry->mark, required && required->kind == COMPOSE_BOOL && !required->boolean);
	if (source)
		dotenv_parse(&d, source, vars);
}

static void resolve(struct loader *l, const struct compose_path *service,
		    struct compose_node *values, const char *files_key, const char *key)
{
	struct compose_path path = {service, files_key, 0};
	const struct compose_node *files = node_get(values, files_key);
	struct compose_node *own = node_get(values, key), *vars;
	size_t i;

	if (!files || files->kind != COMPOSE_LIST)
		return;
	vars = node_new(l->c.arena, COMPOSE_MAP, files->mark);
	for (i = 0; i < files->list.count; i++)
		read_one(l, &path, own, files->list.items[i], vars);
	for (i = 0; own && own->kind == COMPOSE_MAP && i < own->map.count; i++)
		node_put(l->c.arena, vars, own->map.pairs[i].key, own->map.pairs[i].key_mark,
			 own->map.pairs[i].value);
	if (vars->map.count || own)
		node_put(l->c.arena, values, key, own ? own->mark : files->mark, vars);
	node_remove(values, files_key);
}

void service_files_resolve(struct loader *l, struct compose_node *services)
{
	struct compose_path root = {NULL, "services", 0};
	size_t i;

	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++) {
		struct compose_pair *pair = &services->map.pairs[i];
		struct compose_path path = {&root, pair->key, 0};

		/* One that is not enabled may lack its files. */
		if (!service_enabled(l->project, pair->value))
			continue;
		resolve(l, &path, pair->value, "env_file", "environment");
		resolve(l, &path, pair->value, LABEL_FILE, "labels");
	}
}
