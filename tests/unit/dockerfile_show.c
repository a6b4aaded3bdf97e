/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dockerfile-show [--tree] [--build-arg NAME=VALUE]... [--target NAME] FILE: what the builder reads
 * in a Dockerfile, for goldens: the tree, then each stage with what is to be done and the
 * configuration at its end, as if every base image were empty.  Problems go to standard error.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "images/builder/builder.h"

static void set_list(json_t *o, const char *key, char *const *list)
{
	if (list && *list)
		json_set_new(o, key, json_strv(list));
}

static json_t *mounts_json(const struct builder_action *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->mount_count; i++) {
		const struct dockerfile_mount *m = &a->mounts[i];
		json_t *o = json_object();

		json_set_int(o, "type", m->type);
		json_set_str(o, "from", m->from);
		json_set_str(o, "source", m->source);
		json_set_str(o, "target", m->target);
		json_set_str(o, "id", m->id);
		json_set_bool(o, "read_only", m->read_only);
		if (m->required)
			json_set_bool(o, "required", true);
		if (m->mode >= 0)
			json_set_strf(o, "mode", "%04llo", (unsigned long long)m->mode);
		if (m->sharing)
			json_set_int(o, "sharing", m->sharing);
		if (m->size_bytes)
			json_set_int(o, "size", (int64_t)m->size_bytes);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *action_json(const struct builder_action *a)
{
	static const char *const kinds[] = {"nothing", "run", "copy", "mkdir"};
	json_t *o = json_object(), *contents = json_object();

	json_set_str(o, "does", kinds[a->kind]);
	json_set_new(o, "history", json_str(a->created_by));
	set_list(o, "argv", a->argv);
	set_list(o, "env", a->env);
	if (a->kind == BUILDER_RUN || a->kind == BUILDER_MKDIR) {
		json_set_str(o, "user", str_empty(a->user) ? NULL : a->user);
		json_set_str(o, "workdir", a->workdir);
	}
	if (a->mount_count)
		json_set_new(o, "mounts", mounts_json(a));
	json_set_str(o, "script", a->script.data);
	set_list(o, "sources", a->sources);
	set_list(o, "excludes", a->excludes);
	json_set_str(o, "dest", a->dest);
	json_set_str(o, "from", a->from);
	json_set_str(o, "chown", a->chown);
	json_set_str(o, "chmod", a->chmod);
	for (size_t i = 0; i < a->content_count; i++)
		json_set_str(contents, a->contents[i].name, a->contents[i].data);
	if (a->content_count)
		json_object_set(o, "contents", contents);
	json_decref(contents);
	return o;
}

static void add_need(void *arg, size_t stage)
{
	json_array_append_new(arg, json_integer((json_int_t)stage));
}

static json_t *stage_json(struct builder *b, struct builder_stage *stages, size_t i)
{
	json_t *o = json_object(), *actions = json_array(), *needs = json_array();
	const struct dockerfile_stage *s = &b->file->stages[i];
	struct error err = ERROR_INIT;
	const char *image;
	size_t base = 0;

	if (builder_base(b, i, &base, &image, &err) < 0) {
		dockerfile_problem(b->file, s->from->mark, "%s", err.msg);
		base = BUILDER_NO_STAGE;
		image = NULL;
	}
	if (base == BUILDER_NO_STAGE)
		builder_stage_init(&stages[i], b, i, NULL);
	else
		builder_stage_inherit(&stages[i], b, i, &stages[base]);
	json_set_str(o, "image", image);
	if (base != BUILDER_NO_STAGE)
		json_set_int(o, "stage", (int64_t)base);
	builder_stage_needs(b, i, add_need, needs);
	json_set_new(o, "needs", needs);
	for (size_t k = 0; k < s->count; k++) {
		struct builder_action a;

		err = ERROR_INIT;
		if (s->list[k]->broken)
			continue;
		if (builder_dispatch(&stages[i], s->list[k], &a, &err) < 0) {
			dockerfile_problem(b->file, s->list[k]->mark, "%s", err.msg);
			continue;
		}
		builder_stage_commit(&stages[i], &a, NULL);
		json_array_append_new(actions, action_json(&a));
	}
	json_set_new(o, "actions", actions);
	json_set_new(o, "config", json_incref(stages[i].config));
	return o;
}

static json_t *stages_json(struct dockerfile *f, struct map *args, const char *target)
{
	struct builder_stage *stages = xcalloc(f->stage_count + 1, sizeof(*stages));
	json_t *list = json_array();
	struct error err = ERROR_INIT;
	struct builder b;
	size_t wanted = 0;

	builder_init(&b, f->arena, f, args, "linux/amd64", "2001-02-03T04:05:06Z");
	if (!f->problems.count && builder_target(f, target, &wanted, &err) < 0)
		dockerfile_problem(f, (struct dockerfile_mark){0}, "%s", err.msg);
	for (size_t i = 0; i < f->stage_count && i <= wanted; i++)
		json_array_append_new(list, stage_json(&b, stages, i));
	for (size_t i = 0; i < f->stage_count; i++)
		builder_stage_release(&stages[i]);
	free(stages);
	builder_release(&b);
	return list;
}

static void show(json_t *value)
{
	auto_free char *text = json_dumps(value, JSON_INDENT(1));

	puts(text ?: "");
	json_decref(value);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"tree", no_argument, NULL, 't'},
						{"build-arg", required_argument, NULL, 'a'},
						{"target", required_argument, NULL, 'T'},
						{0}};
	AUTO(arena_free) struct arena *arena = arena_new();
	AUTO(map_free) struct map *args = map_new(NULL);
	auto_buf struct buf text = BUF_INIT, problems = BUF_INIT;
	struct error err = ERROR_INIT;
	const char *target = NULL;
	struct dockerfile *f;
	json_t *stages;
	bool tree = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *equals = c == 'a' ? strchr(optarg, '=') : NULL;

		tree |= c == 't';
		if (c == 'T')
			target = optarg;
		if (!equals)
			continue;
		*equals = '\0';
		map_set(args, optarg, equals + 1);
	}
	if (optind + 1 != argc)
		return 2;
	if (file_read(AT_FDCWD, argv[optind], DOCKERFILE_MAX, &text, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	f = dockerfile_parse(arena, argv[optind], text.data, text.len);
	stages = f->problems.count ? NULL : stages_json(f, args, target);
	dockerfile_render(f, &problems);
	fputs(problems.data ?: "", stderr);
	if (tree)
		show(dockerfile_json(f));
	if (stages)
		show(stages);
	return f->problems.count ? 1 : 0;
}
