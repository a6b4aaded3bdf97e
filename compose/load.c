/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From files to the model: parse, interpolate, decode, include, extend, merge; then normalize,
 * finish, select by profiles, check.  Problems do not end the way: the stages that follow see what
 * is well formed, so that one run reports everything.
 */
#include "compose/compose.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "compose/interpolate.h"
#include "compose/load.h"
#include "compose/yaml.h"

static struct compose_mark nowhere(void)
{
	return (struct compose_mark){NULL, 0, 0};
}

/* ---- interpolation of trees */

struct reference {
	struct loader *l;
	const struct compose_path *path;
	struct compose_node *node;
};

/* Where the line starts in the text of the source, or NULL. */
static const char *line_start(const struct compose_source *s, unsigned line)
{
	const char *at = s->text;

	while (at && --line) {
		at = memchr(at, '\n', s->len - (size_t)(at - s->text));
		at = at ? at + 1 : NULL;
	}
	return at;
}

/*
 * The place of the dollar sign at `offset` of the scalar: as many of them stand before it in the
 * source as in the value, in whatever style the scalar is written.
 */
static struct compose_mark inside(const struct compose_node *n, size_t offset)
{
	struct compose_mark mark = n->mark;
	const struct compose_source *s = mark.source;
	const char *at = s && mark.line ? line_start(s, mark.line) : NULL;
	size_t i, before = 0;

	for (i = 0; i < offset && n->text[i]; i++)
		before += n->text[i] == '$';
	for (mark.column = 1; at && at < s->text + s->len; at++) {
		if ((mark.line > n->mark.line || mark.column >= n->mark.column) && *at == '$' &&
		    before-- == 0)
			return mark;
		/* Bytes that continue a character have no column of their own. */
		mark.column =
			*at == '\n' ? 1 : mark.column + (((unsigned char)at[1] & 0xc0) != 0x80);
		mark.line += *at == '\n';
	}
	return n->mark;
}

static const char *reference_lookup(void *arg, const char *name)
{
	return files_lookup(((struct reference *)arg)->l, name);
}

/* Does `environment`, as it is written, set the variable? */
static bool sets(const struct compose_node *environment, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; environment && environment->kind == COMPOSE_LIST && i < environment->list.count;
	     i++) {
		const struct compose_node *item = environment->list.items[i];

		if (item->kind == COMPOSE_STRING && !strncmp(item->text, name, len) &&
		    (item->text[len] == '=' || !item->text[len]))
			return true;
	}
	return node_pair(environment, name);
}

/* Is it a command of a service that has the variable in its containers? */
static bool meant_for_container(const struct reference *r, const char *name)
{
	static const char *const keys[] = {"command", "entrypoint", "healthcheck"};
	const struct compose_path *at = r->path, *service = NULL, *key = NULL;
	const struct compose_node *n;
	size_t i;

	for (; at && at->up; at = at->up) {
		key = service;
		service = at;
	}
	if (!at || !service || !key || !str_eq(at->key, "services") || !service->key)
		return false;
	for (i = 0; i < ARRAY_LEN(keys) && !str_eq(key->key, keys[i]);)
		i++;
	n = node_get(node_get(r->l->document, "services"), service->key);
	return i < ARRAY_LEN(keys) && sets(node_get(n, "environment"), name);
}

static void reference_unset(void *arg, const char *name, size_t offset)
{
	const struct reference *r = arg;

	warning_at(&r->l->c, DIAG_UNSET, r->path, inside(r->node, offset),
		   "variable \"%s\" is not set: using an empty string", name);
	if (meant_for_container(r, name))
		diag_hint(r->l->c.diags, "for that of the container write $$%s", name);
}

static void reference_seen(void *arg, const char *name, const char *fallback, bool required)
{
	const struct reference *r = arg;
	struct compose_project *p = r->l->project;
	struct compose_node *one = node_get(p->variables, name), *flag;

	r->node->outside = true;
	if (!one) {
		one = node_new(p->arena, COMPOSE_MAP, r->node->mark);
		node_set(p->arena, p->variables, name, r->node->mark, one);
	}
	if (fallback)
		node_put(p->arena, one, "default", r->node->mark,
			 node_text(p->arena, fallback, r->node->mark));
	if (!required && node_pair(one, "required"))
		return;
	flag = node_new(p->arena, COMPOSE_BOOL, r->node->mark);
	flag->boolean = required;
	node_put(p->arena, one, "required", r->node->mark, flag);
}

static void interpolate_string(struct loader *l, const struct compose_path *path,
			       struct compose_node *n)
{
	struct reference r = {l, path, n};
	struct interpolation in = {.arena = l->c.arena,
				   .lookup = reference_lookup,
				   .on_unset = reference_unset,
				   .on_variable = reference_seen,
				   .arg = &r};
	struct error err = ERROR_INIT;
	const char *value;

	if (!ctx_room(&l->c, n->mark))
		return;
	if (interpolate(&in, n->text, &value, &err) == 0)
		n->text = value;
	else
		problem_at(&l->c, DIAG_INTERPOLATION, path, inside(n, in.offset), "%s", err.msg);
}

void load_interpolate(struct loader *l, const struct compose_path *path, struct compose_node *n)
{
	size_t i;

	if (l->c.options->no_interpolate)
		return;
	if (n->kind == COMPOSE_STRING)
		interpolate_string(l, path, n);
	for (i = 0; n->kind == COMPOSE_LIST && i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};

		load_interpolate(l, &at, n->list.items[i]);
	}
	for (i = 0; n->kind == COMPOSE_MAP && i < n->map.count; i++) {
		struct compose_path at = {path, n->map.pairs[i].key, 0};

		load_interpolate(l, &at, n->map.pairs[i].value);
	}
}

/* ---- files to one tree */

static bool usable(struct loader *l, const struct compose_node *root)
{
	if (root->kind == COMPOSE_NULL)
		return false;
	return want_shape(&l->c, NULL, root, SHAPE_MAP, "a mapping with \"services:\"");
}

void load_parse(struct loader *l)
{
	struct compose_source *source;
	struct compose_node *documents;
	bool good;
	size_t i, k;

	l->documents = node_new(l->c.arena, COMPOSE_LIST, nowhere());
	for (i = 0; i < strv_len(l->paths); i++) {
		source = files_read(l, l->paths[i], l->from, false);
		/* After an error in the text the rest of the tree says nothing reliable. */
		good = source && yaml_parse(l->c.arena, l->c.diags, source, &documents);
		if (!good)
			l->shared->incomplete = true;
		for (k = 0; good && k < documents->list.count; k++)
			if (usable(l, documents->list.items[k]))
				node_append(l->c.arena, l->documents, documents->list.items[k]);
	}
}

static void check_version(struct loader *l, const struct compose_node *document)
{
	const struct compose_pair *version = node_pair(document, "version");

	if (!version)
		return;
	warning_at(&l->c, DIAG_OBSOLETE, NULL, version->key_mark,
		   "\"version\" is obsolete and ignored");
	diag_hint(l->c.diags, "remove it");
}

void load_tree(struct loader *l)
{
	struct compose_node *document, *included;
	size_t i;

	for (i = 0; i < l->documents->list.count; i++) {
		document = l->documents->list.items[i];
		l->document = document;
		load_interpolate(l, NULL, document);
		document = decode_value(&l->c, NULL, &type_file, NULL, document);
		if (!document)
			continue;
		check_version(l, document);
		included = include_load(l, document);
		if (included)
			document = merge_nodes(&l->c, NULL, &type_file, false, included, document);
		extends_resolve(l, document);
		l->tree = merge_nodes(&l->c, NULL, &type_file, false, l->tree, document);
	}
}

/* ---- the project's name */

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static const char *normalized_name(struct arena *a, const char *text)
{
	char *name = str_lower(arena_strdup(a, text));
	size_t i, kept = 0;

	for (i = 0; name[i]; i++)
		if (name_char(name[i]) && (kept || (name[i] != '_' && name[i] != '-')))
			name[kept++] = name[i];
	name[kept] = '\0';
	return name;
}

bool compose_valid_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!name_char(name[i]))
			return false;
	return i && name[0] != '_' && name[0] != '-';
}

static const char *name_of_files(struct loader *l)
{
	const char *name = NULL, *value;
	size_t i;

	for (i = 0; i < l->documents->list.count; i++) {
		const struct compose_node *n = node_get(l->documents->list.items[i], "name");
		struct interpolation in = {.arena = l->c.arena, .lookup = files_lookup, .arg = l};
		struct error err = ERROR_INIT;

		/* What is wrong with it is reported when the tree is interpolated. */
		if (n && n->kind == COMPOSE_STRING && *n->text &&
		    interpolate(&in, n->text, &value, &err) == 0)
			name = value;
	}
	return name;
}

/* The name that was given whatever the files say, or NULL. */
static const char *given_name(struct loader *l)
{
	const char *given = l->c.options->project_name;

	return str_empty(given) ? map_get(l->env, "COMPOSE_PROJECT_NAME") : given;
}

static void find_name(struct loader *l)
{
	const char *given = given_name(l), *name;
	const char *slash;

	if (!str_empty(given)) {
		name = given;
		if (!compose_valid_name(name))
			diag_add(l->c.diags, DIAG_ERROR, DIAG_NAME, nowhere(), NULL,
				 COMPOSE_BAD_NAME, name);
	} else {
		name = name_of_files(l);
		slash = strrchr(l->c.dir, '/');
		name = normalized_name(l->c.arena, name ? name : slash ? slash + 1 : l->c.dir);
		if (!*name)
			diag_add(l->c.diags, DIAG_ERROR, DIAG_PROJECT, nowhere(), NULL,
				 "the project name is empty: give one with -p or \"name:\"");
	}
	l->c.name = l->project->name = arena_strdup(l->c.arena, name);
	map_set(l->env, "COMPOSE_PROJECT_NAME", (void *)(uintptr_t)l->project->name);
}

/* ---- profiles */

bool service_enabled(const struct compose_project *p, const struct compose_node *service)
{
	const struct compose_node *profiles = node_get(service, "profiles");
	size_t i;

	if (!profiles || profiles->kind != COMPOSE_LIST || !profiles->list.count ||
	    strv_has(p->profiles, "*"))
		return true;
	for (i = 0; i < profiles->list.count; i++)
		if (strv_has(p->profiles, profiles->list.items[i]->text))
			return true;
	return false;
}

/* A service that is named on the command line brings its profiles. */
static void name_profiles(struct compose_project *p, const struct compose_node *services,
			  char *const *wanted)
{
	const struct compose_node *service, *profiles;
	size_t i, k;

	for (i = 0; i < strv_len(wanted); i++) {
		service = node_get(services, wanted[i]);
		profiles = node_get(service, "profiles");
		if (!service || service_enabled(p, service) || !profiles)
			continue;
		for (k = 0; k < profiles->list.count; k++)
			strv_push(&p->profiles, xstrdup(profiles->list.items[k]->text));
	}
}

static void find_profiles(struct loader *l)
{
	const struct compose_node *services = node_get(l->tree, "services");
	const char *list = map_get(l->env, "COMPOSE_PROFILES");
	struct compose_project *p = l->project;

	p->profiles = l->c.options->profiles ? strv_dup(l->c.options->profiles)
					     : strv_split(list ? list : "", ",");
	if (services && services->kind == COMPOSE_MAP)
		name_profiles(p, services, l->c.options->services);
}

static void select_services(struct loader *l, struct compose_node *model)
{
	struct compose_project *p = l->project;
	struct compose_node *services = node_get(model, "services");
	size_t i, kept = 0;

	p->disabled = node_new(p->arena, COMPOSE_MAP, nowhere());
	if (!services || services->kind != COMPOSE_MAP)
		return;
	for (i = 0; i < services->map.count; i++) {
		struct compose_pair *pair = &services->map.pairs[i];

		if (service_enabled(p, pair->value))
			services->map.pairs[kept++] = *pair;
		else
			node_put(p->arena, p->disabled, pair->key, pair->key_mark, pair->value);
	}
	services->map.count = kept;
}

/* ---- objects that no service uses */

static void use_sources(struct map *used, const struct compose_node *list)
{
	size_t i;

	for (i = 0; list && list->kind == COMPOSE_LIST && i < list->list.count; i++) {
		const struct compose_node *source = node_get(list->list.items[i], "source"),
					  *type = node_get(list->list.items[i], "type");

		if (source && source->text &&
		    (!type || str_eq(type->text, "volume") || str_eq(type->text, "cluster")))
			map_set(used, source->text, used);
	}
}

/* Names of the objects of this kind that the service uses. */
static void use_objects(struct map *used, const struct compose_node *service, const char *kind)
{
	const struct compose_node *own = node_get(service, kind);
	size_t i;

	use_sources(used, own);
	if (!strcmp(kind, "secrets"))
		use_sources(used, node_path(service, "build.secrets"));
	for (i = 0; own && own->kind == COMPOSE_MAP && i < own->map.count; i++)
		map_set(used, own->map.pairs[i].key, used);
}

static void drop_unused_kind(struct compose_node *model, const char *kind)
{
	AUTO(map_free) struct map *used = map_new(NULL);
	const struct compose_node *services = node_get(model, "services");
	struct compose_node *objects = node_get(model, kind);
	size_t i, kept = 0;

	if (!objects || objects->kind != COMPOSE_MAP)
		return;
	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++)
		use_objects(used, services->map.pairs[i].value, kind);
	for (i = 0; i < objects->map.count; i++)
		if (map_has(used, objects->map.pairs[i].key))
			objects->map.pairs[kept++] = objects->map.pairs[i];
	objects->map.count = kept;
	if (!kept)
		node_remove(model, kind);
}

static void drop_unused(struct compose_node *model)
{
	static const char *const kinds[] = {"networks", "volumes", "secrets", "configs"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		drop_unused_kind(model, kinds[i]);
}

/* ---- the model */

static void add_extensions(struct loader *l, struct compose_node *model)
{
	size_t i;

	for (i = 0; i < l->tree->map.count; i++)
		if (str_starts(l->tree->map.pairs[i].key, "x-"))
			node_put(l->c.arena, model, l->tree->map.pairs[i].key,
				 l->tree->map.pairs[i].key_mark, l->tree->map.pairs[i].value);
}

static void build_model(struct loader *l)
{
	const struct compose_options *o = l->c.options;
	struct compose_node *model;

	node_set(l->c.arena, l->tree, "name", nowhere(),
		 node_string(l->c.arena, l->c.name, nowhere()));
	decode_nulls(&l->c, NULL, &type_file, l->tree);
	normalize_environment(&l->c, node_get(l->tree, "services"));
	if (!o->no_normalize)
		normalize_model(&l->c, l->tree);
	find_profiles(l);
	if (!o->no_env_resolution)
		service_files_resolve(l, node_get(l->tree, "services"));
	l->project->merged = node_get(l->tree, "services");
	model = type_file.finish(&l->c, NULL, &type_file, true, l->tree);
	add_extensions(l, model);
	select_services(l, model);
	check_sources(&l->c, model);
	/* Names that are still references cannot be looked up, nor what a broken file defines. */
	if (!o->no_consistency && !o->no_interpolate && !l->shared->incomplete)
		check_model(&l->c, model, l->project->disabled, node_get(l->tree, "models"));
	if (!o->all_resources && !o->no_interpolate)
		drop_unused(model);
	l->project->model = model;
}

static void keep_environment(struct loader *l)
{
	struct map_iter it = {0};

	while (map_next(l->env, &it))
		strv_pushf(&l->project->environment, "%s=%s", it.key, (const char *)it.value);
	strv_sort(l->project->environment);
}

static int summary(struct loader *l, struct error *err)
{
	const struct diag_list *diags = l->c.diags;
	size_t errors = diag_errors(diags);

	l->project->model = NULL;
	return error_set(err, EINVAL, "%zu error%s in %s", errors, errors == 1 ? "" : "s",
			 l->paths && l->paths[0] ? l->paths[0] : "the environment");
}

static int load(struct loader *l, struct error *err)
{
	int r = files_locate(l, err);

	if (l->c.options->name_only && !str_empty(given_name(l))) {
		/* Who only wants the name needs no files, nor good ones. */
		l->project->files = strv_dup(l->paths);
		find_name(l);
		return diag_errors(l->c.diags) ? summary(l, err) : 0;
	}
	if (r < 0) {
		diag_add(l->c.diags, DIAG_ERROR, DIAG_PROJECT, nowhere(), NULL, "%s", err->msg);
		diag_hint(l->c.diags, "write a compose.yaml, or name one with -f");
		return r;
	}
	l->project->working_dir = l->c.dir;
	l->project->files = strv_dup(l->paths);
	load_parse(l);
	find_name(l);
	if (l->c.options->name_only)
		return diag_errors(l->c.diags) ? summary(l, err) : 0;
	load_tree(l);
	if (!l->tree && !diag_errors(l->c.diags))
		diag_add(l->c.diags, DIAG_ERROR, DIAG_PROJECT, nowhere(), NULL,
			 "%s is empty: it needs \"services:\"", l->paths[0]);
	/* What has outgrown its limits would only grow more. */
	if (l->tree && files_room(l, nowhere()))
		build_model(l);
	keep_environment(l);
	return diag_errors(l->c.diags) ? summary(l, err) : 0;
}

int compose_load(const struct compose_options *options, struct compose_project **ret,
		 struct error *err)
{
	struct arena *arena = arena_new();
	struct compose_project *p = arena_alloc(arena, sizeof(*p));
	struct load_shared shared = {0};
	struct loader l = {.project = p, .env = map_new(NULL), .shared = &shared};
	int r;

	p->arena = arena;
	p->diags = diag_list_new(arena);
	if (options->strict)
		diag_strict(p->diags);
	p->variables = node_new(arena, COMPOSE_MAP, nowhere());
	l.c = (struct compose_ctx){
		.arena = arena, .diags = p->diags, .options = options, .env = l.env};
	r = load(&l, err);
	map_free(l.env);
	strv_free(l.paths);
	*ret = p;
	return r;
}

void compose_project_free(struct compose_project *p)
{
	if (!p)
		return;
	strv_free(p->files);
	strv_free(p->env_files);
	strv_free(p->profiles);
	strv_free(p->environment);
	arena_free(p->arena);
}

int compose_project_restrict(struct compose_project *p, char *const *services, struct error *err)
{
	struct compose_node *all = node_get(p->model, "services");
	auto_json json_t *model = node_to_json(p->model);
	AUTO(strv_free) char **kept_names = NULL;
	size_t i, kept = 0;
	int r = compose_order(model, services, true, &kept_names, err);

	if (r < 0)
		return r;
	for (i = 0; all && i < all->map.count; i++)
		if (strv_has(kept_names, all->map.pairs[i].key))
			all->map.pairs[kept++] = all->map.pairs[i];
	if (all)
		all->map.count = kept;
	drop_unused(p->model);
	return 0;
}
