/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stage: its base, then one instruction after the other.  build_stage_go carries on from
 * wherever the stage is; it returns when something must be waited for, and is called again by what
 * was waited for.  A stage is started when the target, or one that the target needs, needs it.
 */
#include <errno.h>

#include "base/json.h"
#include "base/reference.h"
#include "base/time.h"
#include "engine/build_int.h"
#include "images/platform.h"

#define ONE_SHOWN 120 /* bytes of an instruction in its progress */

/* ---- names */

static const struct dockerfile_stage *written(const struct build_stage *s)
{
	return &s->build->file->stages[s->index];
}

/* "[build 2/5] RUN make": the stage's name where there are several. */
static void set_shown(struct build_stage *s, const struct dockerfile_instruction *in,
		      unsigned number)
{
	const struct build *b = s->build;
	auto_free char *name = NULL, *text = xstrdup(in->text);

	if (written(s)->name)
		name = xasprintf("%s ", written(s)->name);
	else if (b->file->stage_count > 1)
		name = xasprintf("stage-%zu ", s->index);
	for (char *c = text; *c; c++)
		*c = (unsigned char)*c < ' ' ? ' ' : *c;
	free(s->shown);
	s->shown = xasprintf("[%s%u/%u] %.*s%s", name ?: "", number, s->total, ONE_SHOWN, text,
			     strlen(text) > ONE_SHOWN ? "…" : "");
}

static bool makes_layer(const struct dockerfile_instruction *in)
{
	return in->kind == DOCKERFILE_RUN || in->kind == DOCKERFILE_COPY ||
	       in->kind == DOCKERFILE_ADD || in->kind == DOCKERFILE_WORKDIR;
}

static void count_steps(struct build_stage *s)
{
	s->total = 1; /* FROM */
	for (size_t i = 0; i < s->count; i++)
		s->total += makes_layer(s->list[i]);
}

/* ---- layers */

char **build_stage_paths(const struct build_stage *s)
{
	char **paths = NULL;

	for (size_t i = 0; i < s->layer_count; i++)
		strv_push(&paths, xstrdup(s->layers[i]->path));
	return paths;
}

const char *build_stage_chain(const struct build_stage *s)
{
	return s->layer_count ? s->layers[s->layer_count - 1]->chain : "";
}

static void add_layer(struct build_stage *s, struct image_layer *layer)
{
	s->layers = xreallocarray(s->layers, s->layer_count + 1, sizeof(struct image_layer *));
	s->layers[s->layer_count++] = layer;
}

/* ---- images that are read */

static void keep_image(struct build_stage *s, const char *ref, struct image *im)
{
	if (!s->images)
		s->images = map_new((void (*)(void *))(void (*)(void))image_unref);
	map_set(s->images, ref, im);
}

static void on_pull_event(void *arg, json_t *event)
{
	const struct build_stage *s = arg;

	(void)build_event(s->build, event);
}

static void on_pulled(void *arg, const char *id, const struct error *err)
{
	struct build_stage *s = arg;
	struct error failure = err ? *err : ERROR_INIT;

	(void)id;
	s->pull = NULL;
	if (err)
		build_fail(s->build, s->in, &failure, NULL);
	if (build_op_end(s->build) && !err)
		build_stage_go(s);
}

static const json_t *auth_of(const struct build *b, const char *ref)
{
	auto_reference struct image_reference r = {0};
	struct error ignored = ERROR_INIT;

	if (image_reference_parse(ref, &r, &ignored) < 0)
		return NULL;
	return json_get_obj(json_get_obj(b->options, "auths"), r.registry);
}

static int start_pull(struct build_stage *s, const char *ref, struct error *err)
{
	struct image_pull_args args = {.name = ref, .auth = auth_of(s->build, ref)};
	auto_free char *shown = xasprintf("Image %s", ref);
	struct pull_sink sink = {.event = on_pull_event, .done = on_pulled, .arg = s};
	struct pull_how how = {.shown = shown};

	free(s->pull_ref);
	s->pull_ref = xstrdup(ref);
	build_op_begin(s->build);
	if (pull_start(s->build->daemon, &args, &how, &sink, &s->pull, err) < 0) {
		s->build->pending--;
		return -err->code;
	}
	return 1;
}

/* An image of the store, or 1: it is being fetched. */
static int need_image(struct build_stage *s, const char *ref, struct image **ret, struct error *err)
{
	bool pull = json_get_bool(s->build->options, "pull") && !str_eq(s->pull_ref, ref);
	struct error absent = ERROR_INIT;

	*ret = s->images ? map_get(s->images, ref) : NULL;
	if (*ret)
		return 0;
	if (!pull && image_resolve(s->build->daemon->images, ref, ret, &absent) == 0) {
		keep_image(s, ref, *ret);
		return 0;
	}
	if (absent.code && absent.code != ENOENT) {
		*err = absent;
		return -err->code;
	}
	if (str_eq(s->pull_ref, ref) || image_reference_is_id(ref))
		return error_set(err, ENOENT, "there is no image %s", ref);
	return start_pull(s, ref, err);
}

/* ---- other stages */

/* 1: it is not built yet.  While the other one runs its first steps, this one is not waiting: it is
 * not called back from below itself. */
static int need_stage(struct build_stage *s, size_t index)
{
	struct build_stage *other = &s->build->stages[index];

	if (other->state == BUILD_IDLE)
		build_stage_go(other);
	s->waiting = other->state != BUILD_BUILT;
	return s->waiting;
}

int build_source_find(struct build_stage *s, const char *from, struct build_source *ret,
		      struct error *err)
{
	*ret = (struct build_source){.stage = BUILDER_NO_STAGE, .context = !from};
	if (!from)
		return 0;
	ret->stage = builder_stage_find(s->build->file, from, s->index);
	if (ret->stage != BUILDER_NO_STAGE)
		return need_stage(s, ret->stage);
	if (!strcmp(from, "scratch"))
		return error_set(err, EINVAL, "scratch has no files to copy from");
	return need_image(s, from, &ret->image, err);
}

json_t *build_source_tree(const struct build_stage *s, const struct build_source *src)
{
	const struct build *b = s->build;
	AUTO(strv_free) char **paths = NULL;
	json_t *tree = json_object();

	if (src->context) {
		json_set_str(tree, "path", b->context_dir);
		return tree;
	}
	paths = src->image ? strv_dup(src->image->layers)
			   : build_stage_paths(&b->stages[src->stage]);
	if (strv_len(paths))
		json_set_new(tree, "layers", json_strv(paths));
	else
		json_set_str(tree, "path", b->empty_dir);
	return tree;
}

const char *build_source_name(const struct build_source *src, const char *from)
{
	(void)from;
	return src->context ? "the build context (after .dockerignore)"
	       : src->image ? "the image"
			    : "the stage";
}

/* ---- the base */

static int check_base_platform(const struct build_stage *s, struct error *err)
{
	struct platform host, wanted;
	const char *text;

	if (builder_platform(&s->build->builder, s->index, &text, err) < 0)
		return -err->code;
	if (str_empty(text))
		return 0;
	platform_host(&host);
	if (platform_parse(text, &wanted, err) < 0)
		return -err->code;
	if (platform_rank(&wanted, &host))
		return 0;
	return error_set(err, EOPNOTSUPP,
			 "--platform=%s is not supported: only this machine's platform", text);
}

static void take_triggers(struct build_stage *s)
{
	struct build *b = s->build;
	const struct dockerfile_stage *w = written(s);
	auto_json json_t *triggers = builder_stage_triggers(&s->st);
	struct dockerfile_instruction *in;
	size_t count = json_array_size(triggers);

	s->list = arena_alloc(b->arena, (count + w->count + 1) * sizeof(*s->list));
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(triggers, i));

		in = text ? dockerfile_parse_trigger(b->file, text, w->from->mark) : NULL;
		if (in)
			s->list[s->count++] = in;
	}
	for (size_t i = 0; i < w->count; i++)
		s->list[s->count++] = w->list[i];
}

static void set_base(struct build_stage *s, const struct build_stage *parent, struct image *im)
{
	struct image_layer **layers = NULL;
	size_t count = 0;

	if (parent) {
		builder_stage_inherit(&s->st, &s->build->builder, s->index, &parent->st);
		for (size_t i = 0; i < parent->layer_count; i++)
			add_layer(s, parent->layers[i]);
	} else {
		builder_stage_init(&s->st, &s->build->builder, s->index, im ? im->document : NULL);
	}
	if (im)
		image_build_base(s->build->session, im, &layers, &count);
	for (size_t i = 0; i < count; i++)
		add_layer(s, layers[i]);
	free(layers);
	s->ready = true;
}

/* 0: the base is there; 1: it is waited for. */
static int find_base(struct build_stage *s, struct error *err)
{
	struct image *im = NULL;
	const char *ref;
	size_t stage;
	int r = check_base_platform(s, err);

	if (r == 0)
		r = builder_base(&s->build->builder, s->index, &stage, &ref, err);
	if (r == 0 && ref && strcmp(ref, "scratch") != 0)
		r = need_image(s, ref, &im, err);
	else if (r == 0 && !ref)
		r = need_stage(s, stage);
	if (r)
		return r;
	set_base(s, ref ? NULL : &s->build->stages[stage], im);
	take_triggers(s);
	if (s->build->file->problems.count)
		return error_set(err, EINVAL, "%s", s->build->file->problems.list[0].text);
	count_steps(s);
	s->number = 1;
	set_shown(s, written(s)->from, 1);
	build_progress(s, "Done", ref ? "Found" : "Continued");
	return 0;
}

/* ---- instructions */

void build_stage_step_done(struct build_stage *s, struct image_layer *layer)
{
	char created[TIME_TEXT_MAX];

	add_layer(s, layer);
	time_format(s->build->epoch_s >= 0 ? s->build->created_ns : layer->created_ns, created);
	builder_stage_commit(&s->st, &s->action, created);
	s->dispatched = false;
	free(steal_ptr(&s->dir));
	s->at++;
	build_stage_go(s);
}

/* What needs no file system is done at once; 1: the step at hand makes a layer. */
static int next_instruction(struct build_stage *s, struct error *err)
{
	while (s->at < s->count) {
		s->in = s->list[s->at];
		if (builder_dispatch(&s->st, s->in, &s->action, err) < 0)
			return -err->code;
		if (makes_layer(s->in))
			set_shown(s, s->in, ++s->number);
		if (s->action.kind != BUILDER_NOTHING) {
			s->dispatched = true;
			return 1;
		}
		if (makes_layer(s->in))
			build_progress(s, "Done", "Set");
		builder_stage_commit(&s->st, &s->action,
				     s->build->epoch_s >= 0 ? s->build->builder.created : NULL);
		s->at++;
	}
	return 0;
}

static int sources_ready(struct build_stage *s, struct error *err)
{
	struct build_source ignored;

	if (s->action.kind == BUILDER_RUN)
		return build_mounts_ready(s, err);
	if (s->action.kind == BUILDER_COPY && s->action.from)
		return build_source_find(s, s->action.from, &ignored, err);
	return 0;
}

static void finished(struct build_stage *s)
{
	struct build *b = s->build;

	s->state = BUILD_BUILT;
	if (s->index == b->target) {
		build_succeed(b);
		return;
	}
	for (size_t i = 0; i < b->file->stage_count && !b->ending; i++) {
		struct build_stage *other = &b->stages[i];

		if (!other->waiting)
			continue;
		other->waiting = false;
		build_stage_go(other);
	}
}

static void start_early(void *arg, size_t stage)
{
	struct build *b = arg;

	if (b->stages[stage].state == BUILD_IDLE && !b->ending)
		build_stage_go(&b->stages[stage]);
}

void build_stage_go(struct build_stage *s)
{
	struct build *b = s->build;
	struct error err = ERROR_INIT;
	int r = 0;

	if (b->ending)
		return;
	if (s->state == BUILD_IDLE) {
		s->state = BUILD_STARTED;
		s->in = written(s)->from;
		/* What it will copy from is built meanwhile. */
		builder_stage_needs(&b->builder, s->index, start_early, b);
	}
	if (!s->ready)
		r = find_base(s, &err);
	if (r == 0 && !s->dispatched)
		r = next_instruction(s, &err);
	else if (r == 0)
		r = 1;
	if (b->ending)
		return;
	if (r < 0) {
		build_fail(b, s->in, &err, NULL);
		return;
	}
	if (r == 0) {
		finished(s);
		return;
	}
	if (!s->dispatched)
		return; /* the base is waited for */
	r = sources_ready(s, &err);
	if (r < 0)
		build_fail(b, s->in, &err, NULL);
	else if (r == 0 && !b->ending)
		build_step_start(s);
}

/* ---- the end */

void build_stage_cancel(struct build_stage *s)
{
	if (s->helper)
		image_helper_kill(s->helper);
	if (s->run)
		build_run_cancel(s);
	if (s->pull) {
		pull_cancel(steal_ptr(&s->pull));
		build_op_end(s->build);
	}
}

void build_stage_release(struct build_stage *s)
{
	builder_stage_release(&s->st);
	map_free(s->images);
	free(s->layers);
	free(s->shown);
	free(s->dir);
	free(s->pull_ref);
}
