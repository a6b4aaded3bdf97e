/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Projects: the desired state in memory and in the database.  A project is known while it has a
 * record, containers, or jobs; containers alone carry it by their labels.
 */
#include "engine/project.h"

#include <errno.h>

#include "base/log.h"
#include "engine/project_int.h"
#include "engine/state.h"

#define LABEL(name) "com.docker.compose." name

static void project_free(struct project *p)
{
	free(p->name);
	json_decref(p->model);
	json_decref(p->files);
	free(p->working_dir);
	json_decref(p->scale);
	free(p);
}

struct project *project_ensure(struct daemon *d, const char *name)
{
	struct project *p = map_get(d->projects, name);

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->daemon = d;
	p->name = xstrdup(name);
	list_init(&p->jobs);
	map_set(d->projects, name, p);
	return p;
}

static bool has_containers(const struct daemon *d, const char *name)
{
	struct map_iter it = {0};

	while (map_next(d->containers, &it))
		if (str_eq(((const struct container *)it.value)->project, name))
			return true;
	return false;
}

struct project *project_get(struct daemon *d, const char *name)
{
	struct project *p = map_get(d->projects, name);

	if ((p && p->model) || has_containers(d, name))
		return project_ensure(d, name);
	return NULL;
}

/* ---- the record */

static void replace_json(json_t **at, const json_t *value)
{
	json_t *new = value ? json_incref((json_t *)(uintptr_t)value) : NULL;

	json_decref(*at);
	*at = new;
}

static int save(struct project *p, struct error *err)
{
	auto_json json_t *doc = json_object();
	int r;

	json_set_new(doc, "model", json_incref(p->model));
	if (p->files)
		json_set_new(doc, "files", json_incref(p->files));
	if (p->scale)
		json_set_new(doc, "scale", json_incref(p->scale));
	json_set_str(doc, "working_dir", p->working_dir);
	r = state_project_put(p->daemon->state, p->name, doc, err);
	return r < 0 ? error_wrap(err, "project %s", p->name) : 0;
}

int project_store(struct project *p, const json_t *model, const json_t *files,
		  const char *working_dir, const json_t *scale, struct error *err)
{
	char *directory = xstrdup(working_dir); /* may be the one that is replaced */

	replace_json(&p->model, model);
	replace_json(&p->files, files);
	replace_json(&p->scale, scale);
	free(p->working_dir);
	p->working_dir = directory;
	return save(p, err);
}

int project_forget(struct project *p, struct error *err)
{
	replace_json(&p->model, NULL);
	replace_json(&p->files, NULL);
	replace_json(&p->scale, NULL);
	free(steal_ptr(&p->working_dir));
	return state_project_delete(p->daemon->state, p->name, err);
}

void project_settle(struct project *p)
{
	struct map *projects = p->daemon->projects;

	if (p->model || !list_empty(&p->jobs))
		return;
	map_take(projects, p->name);
	project_free(p);
}

static int load_one(void *arg, const char *name, const json_t *doc, struct error *err UNUSED)
{
	struct project *p = project_ensure(arg, name);

	replace_json(&p->model, json_get_obj(doc, "model"));
	replace_json(&p->files, json_get_arr(doc, "files"));
	replace_json(&p->scale, json_get_obj(doc, "scale"));
	p->working_dir = xstrdup(json_get_str(doc, "working_dir"));
	return 0;
}

int projects_load(struct daemon *d, struct error *err)
{
	if (!d->projects)
		d->projects = map_new(NULL);
	return state_projects_each(d->state, load_one, d, err);
}

void projects_free(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_next(d->projects, &it))
		project_free(it.value);
	map_free(d->projects);
	d->projects = NULL;
}

/* ---- their containers */

static int compare_containers(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a,
			       *y = *(struct container *const *)b;
	int r = strcmp(x->service ? x->service : "", y->service ? y->service : "");

	if (r == 0)
		r = (x->number > y->number) - (x->number < y->number);
	return r ? r : strcmp(x->name, y->name);
}

struct container **project_containers(struct daemon *d, const char *name, bool one_offs)
{
	struct container **list = xcalloc(map_len(d->containers) + 1, sizeof(*list));
	struct map_iter it = {0};
	size_t n = 0;

	while (map_next(d->containers, &it)) {
		struct container *c = it.value;

		if (str_eq(c->project, name) && (one_offs || !c->one_off))
			list[n++] = c;
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_containers);
	return list;
}

/* ---- the list */

struct tally {
	size_t counts[CONTAINER_STATE_MAX];
	const char *files;
};

static json_t *tally_text(const struct tally *t)
{
	struct buf b = BUF_INIT;
	json_t *text;
	int s;

	for (s = 0; s < CONTAINER_STATE_MAX; s++)
		if (t->counts[s])
			buf_addf(&b, "%s%s(%zu)", b.len ? ", " : "",
				 container_state_name((enum container_state)s), t->counts[s]);
	text = json_str(b.data ? b.data : "");
	buf_release(&b);
	return text;
}

json_t *projects_list(struct daemon *d)
{
	struct map *tallies = map_new(free);
	struct map_iter it = {0};
	AUTO(strv_free) char **names = NULL;
	json_t *list = json_array();
	char **name;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;
		struct tally *t;

		if (!c->project)
			continue;
		t = map_get(tallies, c->project);
		if (!t) {
			t = xcalloc(1, sizeof(*t));
			map_set(tallies, c->project, t);
			strv_push(&names, xstrdup(c->project));
		}
		t->counts[c->state]++;
		if (!t->files)
			t->files = json_get_str(c->config.labels, LABEL("project.config_files"));
	}
	if (names)
		strv_sort(names);
	for (name = names; name && *name; name++) {
		const struct tally *t = map_get(tallies, *name);
		json_t *o = json_object();

		json_set_str(o, "name", *name);
		json_set_new(o, "status", tally_text(t));
		json_set_str(o, "config_files", t->files ? t->files : "N/A");
		json_array_append_new(list, o);
	}
	map_free(tallies);
	return list;
}
