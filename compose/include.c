/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `include`: other files, loaded as a project of their own (directory, .env), whose objects are
 * then taken over.  What the including file says about the same object wins.
 */
#include <string.h>

#include "compose/load.h"

static const char *absolute(struct loader *l, const char *dir, const char *path)
{
	return path_clean(l->c.arena,
			  path[0] == '/' ? path : arena_printf(l->c.arena, "%s/%s", dir, path));
}

static bool included_before(const struct loader *l, const char *path)
{
	for (; l; l = l->parent)
		if (strv_has(l->paths, path))
			return true;
	return false;
}

/* Adds the files from `target` down to the one that holds an include of `l`. */
static void add_includers(struct buf *out, const struct loader *l,
			  const struct compose_source *source, const char *target)
{
	if (source && strcmp(source->path, target) != 0 && l->parent) {
		add_includers(out, l->parent, l->from.source, target);
		buf_adds(out, " -> ");
	}
	if (source)
		buf_adds(out, source->shown);
}

static void report_cycle(struct loader *l, const struct compose_path *at,
			 const struct compose_node *item, const char *path)
{
	auto_buf struct buf files = BUF_INIT;

	add_includers(&files, l, item->mark.source, path);
	problem_at(&l->c, DIAG_CYCLE, at, item->mark, "include cycle: %s -> %s",
		   files.data ? files.data : "", files_shown(l, path));
}

static bool collect_paths(struct loader *l, struct loader *sub, const struct compose_path *at,
			  const struct compose_node *entry)
{
	const struct compose_node *paths = node_get(entry, "path");
	const char *path;
	size_t i;

	if (!paths || paths->kind != COMPOSE_LIST || !paths->list.count) {
		problem_at(&l->c, DIAG_REQUIRED, at, entry->mark, "\"path\" is missing");
		return false;
	}
	for (i = 0; i < paths->list.count; i++) {
		const struct compose_node *item = paths->list.items[i];

		if (files_remote(item->text)) {
			problem_at(&l->c, DIAG_UNSUPPORTED, at, item->mark,
				   "\"%s\" is not a local file: only these can be included",
				   item->text);
			return false;
		}
		path = absolute(l, l->c.dir, item->text);
		if (included_before(l, path)) {
			report_cycle(l, at, item, path);
			return false;
		}
		if (l->depth == LOAD_INCLUDE_MAX) {
			problem_at(&l->c, DIAG_LIMIT, at, item->mark,
				   "more than %d levels of include", LOAD_INCLUDE_MAX);
			return false;
		}
		strv_push(&sub->paths, xstrdup(path));
	}
	return true;
}

static void read_env(struct loader *l, struct loader *sub, const struct compose_node *entry)
{
	const struct compose_node *files = node_get(entry, "env_file");
	struct compose_node *vars = node_new(l->c.arena, COMPOSE_MAP, entry->mark);
	size_t i;

	for (i = 0; files && files->kind == COMPOSE_LIST && i < files->list.count; i++)
		if (strcmp(files->list.items[i]->text, "/dev/null") != 0)
			files_read_env(sub, absolute(l, l->c.dir, files->list.items[i]->text),
				       files->list.items[i]->mark, false, vars);
	if (!files)
		files_read_env(sub, arena_printf(l->c.arena, "%s/.env", sub->c.dir), entry->mark,
			       true, vars);
	files_add_env(sub, vars);
}

static const char *project_dir(struct loader *l, const struct loader *sub,
			       const struct compose_node *entry)
{
	const struct compose_node *dir = node_get(entry, "project_directory");
	const char *slash = strrchr(sub->paths[0], '/');

	if (dir && dir->kind == COMPOSE_STRING && *dir->text)
		return absolute(l, l->c.dir, dir->text);
	return arena_strndup(l->c.arena, sub->paths[0],
			     MAX((size_t)(slash - sub->paths[0]), (size_t)1));
}

static struct compose_node *load_entry(struct loader *l, const struct compose_path *at,
				       const struct compose_node *entry)
{
	struct loader sub = {.c = l->c,
			     .project = l->project,
			     .parent = l,
			     .env = map_new(NULL),
			     .depth = l->depth + 1,
			     .shared = l->shared,
			     .from = entry->mark};
	struct map_iter it = {0};

	sub.c.env = sub.env;
	while (map_next(l->env, &it))
		map_set(sub.env, it.key, it.value);
	if (collect_paths(l, &sub, at, entry)) {
		sub.c.dir = project_dir(l, &sub, entry);
		read_env(l, &sub, entry);
		load_parse(&sub);
		load_tree(&sub);
		if (sub.tree)
			normalize_environment(&sub.c, node_get(sub.tree, "services"));
	}
	map_free(sub.env);
	strv_free(sub.paths);
	return sub.tree;
}

/* Only objects are taken over: not the name, not what is free for extensions. */
static void keep_objects(struct compose_node *tree)
{
	static const char *const kinds[] = {"services", "networks", "volumes",
					    "secrets",	"configs",  "models"};
	size_t i, k, kept = 0;

	for (i = 0; i < tree->map.count; i++)
		for (k = 0; k < ARRAY_LEN(kinds); k++)
			if (!strcmp(tree->map.pairs[i].key, kinds[k]))
				tree->map.pairs[kept++] = tree->map.pairs[i];
	tree->map.count = kept;
}

struct compose_node *include_load(struct loader *l, struct compose_node *document)
{
	struct compose_path root = {NULL, "include", 0};
	struct compose_node *includes = node_get(document, "include"), *all = NULL, *one;
	size_t i;

	if (!includes || includes->kind != COMPOSE_LIST)
		return NULL;
	node_remove(document, "include");
	for (i = 0; i < includes->list.count; i++) {
		struct compose_path at = {&root, NULL, i};

		one = load_entry(l, &at, includes->list.items[i]);
		if (!one)
			continue;
		keep_objects(one);
		all = merge_nodes(&l->c, NULL, &type_file, false, all, one);
	}
	return all;
}
