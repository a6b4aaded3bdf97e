/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `extends`: a service over the one it extends, which may extend another, in this file or in one
 * whose own directory its paths are relative to.  Of another file only what is extended is looked
 * at.
 */
#include <string.h>

#include "compose/load.h"
#include "compose/yaml.h"

struct extend_file {
	struct extend_file *next;
	const char *path;
	const char *dir;
	struct compose_node *services; /* as parsed; of the document itself: decoded */
	struct compose_node *done;     /* services that are resolved */
	bool decoded;
};

/* What is being resolved, for cycles. */
struct chain {
	const struct chain *up;
	const struct extend_file *file;
	const char *service;
	unsigned depth;
};

static struct compose_node *resolve(struct loader *l, struct extend_file *file, const char *name,
				    const struct chain *up);

static struct extend_file *new_file(struct loader *l, const char *path, const char *dir,
				    struct compose_node *services)
{
	struct extend_file *f = arena_alloc(l->c.arena, sizeof(*f));

	*f = (struct extend_file){.path = path, .dir = dir, .services = services};
	f->done = node_new(l->c.arena, COMPOSE_MAP, (struct compose_mark){NULL, 0, 0});
	return f;
}

/* The services of all documents of a file, one over the other. */
static struct compose_node *parse_services(struct loader *l, const char *path,
					   struct compose_mark from)
{
	struct compose_source *source = files_read(l, path, from, false);
	struct compose_node *documents, *services = NULL;
	size_t i;

	if (!source || !yaml_parse(l->c.arena, l->c.diags, source, &documents)) {
		l->shared->incomplete = true;
		return NULL;
	}
	for (i = 0; i < documents->list.count; i++) {
		struct compose_node *one = node_get(documents->list.items[i], "services");

		if (one && one->kind == COMPOSE_MAP)
			/* Alone it keeps its marks: what it resets is in what it extends. */
			services = services ? merge_nodes(&l->c, NULL, NULL, false, services, one)
					    : one;
	}
	if (!services)
		diag_add(l->c.diags, DIAG_ERROR, DIAG_REFERENCE, from, NULL, "%s has no services",
			 source->shown);
	return services;
}

static struct extend_file *other_file(struct loader *l, const char *dir,
				      const struct compose_node *name)
{
	const char *path = name->text;
	struct extend_file *f;
	struct compose_node *services;
	size_t len;

	path = path_clean(l->c.arena,
			  path[0] == '/' ? path : arena_printf(l->c.arena, "%s/%s", dir, path));
	for (f = l->extended; f; f = f->next)
		if (!strcmp(f->path, path))
			return f;
	services = parse_services(l, path, name->mark);
	if (!services)
		return NULL;
	len = (size_t)(strrchr(path, '/') - path);
	f = new_file(l, path, arena_strndup(l->c.arena, path, MAX(len, (size_t)1)), services);
	f->next = l->extended;
	l->extended = f;
	return f;
}

static bool in_chain(const struct chain *at, const struct extend_file *file, const char *service)
{
	for (; at; at = at->up)
		if (at->file == file && !strcmp(at->service, service))
			return true;
	return false;
}

/* Adds the services from the one that is met again down to `at`. */
static void add_links(struct buf *out, const struct chain *at, const struct extend_file *file,
		      const char *service)
{
	if (at->file != file || strcmp(at->service, service) != 0)
		add_links(out, at->up, file, service);
	buf_adds(out, at->service);
	if (at->up && at->file != at->up->file)
		buf_addf(out, " in %s", strrchr(at->file->path, '/') + 1);
	buf_adds(out, " -> ");
}

static void report_cycle(struct loader *l, const struct compose_path *path,
			 const struct compose_node *name, const struct extend_file *file,
			 const struct chain *chain)
{
	auto_buf struct buf links = BUF_INIT;

	add_links(&links, chain, file, name->text);
	problem_at(&l->c, DIAG_CYCLE, path, name->mark, "extends cycle: %s%s", links.data,
		   name->text);
}

static void no_such(struct loader *l, const struct compose_path *path,
		    const struct compose_node *name, const struct extend_file *file)
{
	const char *candidates[64], *near;
	size_t i, count = MIN(file->services->map.count, ARRAY_LEN(candidates));

	for (i = 0; i < count; i++)
		candidates[i] = file->services->map.pairs[i].key;
	near = str_nearest(name->text, candidates, count);
	problem_at(&l->c, DIAG_REFERENCE, path, name->mark, "there is no service \"%s\" to extend",
		   name->text);
	diag_mean(l->c.diags, near);
}

/* The service that `extends` names, resolved, or NULL after reporting. */
static struct compose_node *base_of(struct loader *l, struct extend_file *file,
				    const struct compose_node *extends, const struct chain *chain)
{
	struct compose_path services = {NULL, "services", 0};
	struct compose_path service = {&services, chain->service, 0};
	struct compose_path path = {&service, "extends", 0};
	const struct compose_node *name = node_get(extends, "service"),
				  *other = node_get(extends, "file");

	if (!name || name->kind != COMPOSE_STRING) {
		problem_at(&l->c, DIAG_REQUIRED, &path, extends->mark, "\"service\" is missing");
		return NULL;
	}
	if (other && other->kind == COMPOSE_STRING && files_remote(other->text)) {
		problem_at(&l->c, DIAG_UNSUPPORTED, &path, other->mark,
			   "\"%s\" is not a local file: services can only extend from these",
			   other->text);
		return NULL;
	}
	if (other && other->kind == COMPOSE_STRING)
		file = other_file(l, file->dir, other);
	if (!file || !files_room(l, name->mark))
		return NULL;
	if (chain->depth == LOAD_EXTENDS_MAX) {
		problem_at(&l->c, DIAG_LIMIT, &path, name->mark,
			   "more than %d services extend each other", LOAD_EXTENDS_MAX);
		return NULL;
	}
	if (!node_pair(file->services, name->text)) {
		no_such(l, &path, name, file);
		return NULL;
	}
	if (in_chain(chain, file, name->text)) {
		report_cycle(l, &path, name, file, chain);
		return NULL;
	}
	return resolve(l, file, name->text, chain);
}

static struct compose_node *decoded(struct loader *l, struct extend_file *file, const char *name)
{
	struct compose_path services = {NULL, "services", 0};
	struct compose_path path = {&services, name, 0};
	struct compose_node *n = node_get(file->services, name);
	const char *dir = l->c.dir;

	if (file->decoded)
		return n;
	n = node_copy(l->c.arena, n);
	if (n->kind == COMPOSE_NULL) /* left empty on purpose: nothing is inherited */
		return node_new(l->c.arena, COMPOSE_MAP, n->mark);
	l->c.dir = file->dir;
	load_interpolate(l, &path, n);
	n = decode_value(&l->c, &path, &type_service, NULL, n);
	l->c.dir = dir;
	return n;
}

static struct compose_node *resolve(struct loader *l, struct extend_file *file, const char *name,
				    const struct chain *up)
{
	struct compose_node *service = node_get(file->done, name), *extends, *base;
	struct chain chain = {up, file, name, up ? up->depth + 1 : 0};

	if (service)
		return service;
	service = decoded(l, file, name);
	extends = node_get(service, "extends");
	if (service && extends && extends->kind == COMPOSE_MAP) {
		node_remove(service, "extends");
		base = base_of(l, file, extends, &chain);
		if (base)
			service = merge_nodes(&l->c, NULL, &type_service, false,
					      merge_strip(node_copy(l->c.arena, base)), service);
		else
			service->damaged = true; /* what is missing may be in the base */
	}
	if (service)
		node_set(l->c.arena, file->done, name, service->mark, service);
	return service;
}

void extends_resolve(struct loader *l, struct compose_node *document)
{
	struct compose_node *services = node_get(document, "services");
	struct extend_file *own;
	size_t i;

	if (!services || services->kind != COMPOSE_MAP)
		return;
	own = new_file(l, document->mark.source ? document->mark.source->path : "", l->c.dir,
		       services);
	own->decoded = true;
	for (i = 0; i < services->map.count; i++) {
		struct compose_pair *pair = &services->map.pairs[i];

		/* Another service may have needed this one before. */
		if (node_pair(pair->value, "extends") || node_pair(own->done, pair->key))
			pair->value = resolve(l, own, pair->key, NULL);
	}
}
