/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The graph of services of a model in JSON form: an edge leads from a service to each one in its
 * depends_on.  Edges to services that the model does not have are left out here: whether they may
 * be missing is the loader's business.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "compose/compose.h"

#define GRAPH_SERVICES_MAX 100000

enum color { WHITE, GREY, BLACK }; /* not seen, being followed, done */

struct vertex {
	const char *name;
	struct vertex **needs; /* sorted by name */
	size_t count;
	size_t next; /* edge to follow next */
	enum color color;
	bool wanted;
	struct vertex *from; /* that led here; valid while grey */
};

struct graph {
	struct vertex *vertices; /* sorted by name */
	size_t count;
	struct map *index; /* name to vertex */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct vertex *)a)->name, ((const struct vertex *)b)->name);
}

static int by_name_pointer(const void *a, const void *b)
{
	return by_name(*(struct vertex *const *)a, *(struct vertex *const *)b);
}

static void add_edges(struct graph *g, struct vertex *v, const json_t *service)
{
	json_t *needs = json_object_get(service, "depends_on"), *value;
	struct vertex *other;
	const char *name;

	if (!json_is_object(needs))
		return;
	v->needs = xcalloc(json_object_size(needs) + 1, sizeof(struct vertex *));
	json_object_foreach (needs, name, value) {
		other = map_get(g->index, name);
		if (other)
			v->needs[v->count++] = other;
	}
	qsort(v->needs, v->count, sizeof(struct vertex *), by_name_pointer);
}

static void graph_init(struct graph *g, const json_t *model)
{
	json_t *services = json_get_obj(model, "services"), *service;
	const char *name;
	size_t i;

	*g = (struct graph){.index = map_new(NULL)};
	g->vertices = xcalloc(json_object_size(services) + 1, sizeof(*g->vertices));
	json_object_foreach (services, name, service)
		g->vertices[g->count++].name = name;
	qsort(g->vertices, g->count, sizeof(*g->vertices), by_name);
	for (i = 0; i < g->count; i++)
		map_set(g->index, g->vertices[i].name, &g->vertices[i]);
	for (i = 0; i < g->count; i++)
		add_edges(g, &g->vertices[i], json_object_get(services, g->vertices[i].name));
}

static void graph_release(struct graph *g)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		free(g->vertices[i].needs);
	free(g->vertices);
	map_free(g->index);
}

/* The cycle that the edge from `last` back to `first` closes. */
static int cycle(struct vertex *last, const struct vertex *first, struct error *err)
{
	AUTO(strv_free) char **names = NULL;
	auto_buf struct buf path = BUF_INIT;
	struct vertex *v;
	size_t i;

	for (v = last; v && v != first; v = v->from)
		strv_push(&names, xstrdup(v->name));
	buf_adds(&path, first->name);
	for (i = strv_len(names); i-- > 0;)
		buf_addf(&path, " -> %s", names[i]);
	return error_set(err, ELOOP, "dependency cycle detected: %s -> %s", path.data, first->name);
}

/* Depth first without recursion: a chain of services may be long. */
static int follow(struct vertex *start, bool with_deps, char ***order, struct error *err)
{
	struct vertex *v = start, *other;

	if (start->color != WHITE)
		return 0;
	start->color = GREY;
	start->from = NULL;
	while (v) {
		if (v->next == v->count) {
			v->color = BLACK;
			if (with_deps || v->wanted)
				strv_push(order, xstrdup(v->name));
			v = v->from;
			continue;
		}
		other = v->needs[v->next++];
		if (other->color == GREY)
			return cycle(v, other, err);
		if (other->color == WHITE) {
			other->color = GREY;
			other->from = v;
			v = other;
		}
	}
	return 0;
}

static int mark_wanted(struct graph *g, char *const *wanted, struct error *err)
{
	const char *nearest, **names;
	struct vertex *v;
	size_t i, k;

	for (i = 0; i < strv_len(wanted); i++) {
		v = map_get(g->index, wanted[i]);
		if (v) {
			v->wanted = true;
			continue;
		}
		names = xcalloc(g->count + 1, sizeof(*names));
		for (k = 0; k < g->count; k++)
			names[k] = g->vertices[k].name;
		nearest = str_nearest(wanted[i], names, g->count);
		free(names);
		if (nearest)
			return error_set(err, ENOENT, "no such service: %s (did you mean %s?)",
					 wanted[i], nearest);
		return error_set(err, ENOENT, "no such service: %s", wanted[i]);
	}
	return 0;
}

int compose_order(const json_t *model, char *const *wanted, bool with_deps, char ***ret,
		  struct error *err)
{
	AUTO(strv_free) char **order = NULL;
	struct graph g;
	size_t i;
	int r;

	*ret = NULL;
	if (json_object_size(json_get_obj(model, "services")) > GRAPH_SERVICES_MAX)
		return error_set(err, E2BIG, "more than %d services", GRAPH_SERVICES_MAX);
	graph_init(&g, model);
	r = mark_wanted(&g, wanted, err);
	for (i = 0; i < g.count && r == 0; i++)
		if (!wanted || g.vertices[i].wanted)
			r = follow(&g.vertices[i], with_deps || !wanted, &order, err);
	graph_release(&g);
	if (r == 0)
		*ret = steal_ptr(&order);
	return r;
}
