/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One instruction that makes a layer: first the digest of what it reads, then a look into the
 * cache, then the work, then the layer.  All that touches foreign files is done by cmp-layer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/build_int.h"

/* ---- cmp-layer */

static void on_helper(void *arg, const char *output, const struct error *err)
{
	struct build_stage *s = arg;
	struct error failure = err ? *err : ERROR_INIT;

	s->helper = NULL;
	if (err)
		build_fail(s->build, s->in, &failure, NULL);
	if (build_op_end(s->build) && !err)
		s->helper_done(s, output);
}

static int job_fd(const json_t *job, struct error *err)
{
	auto_free char *text = json_text(job);
	int fd = memfd_create("job", MFD_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "make room for a job");
	if (file_write_all(fd, text, strlen(text), err) < 0) {
		close(fd);
		return -err->code;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

int build_helper(struct build_stage *s, json_t *job,
		 void (*done)(struct build_stage *s, const char *result), struct error *err)
{
	static const char *const argv[] = {"--step", NULL};
	auto_fd int fd = job_fd(job, err);
	struct image_helper_args args = {
		.program = "cmp-layer",
		.argv = argv,
		.input = fd,
		.socket = -1,
		.done = on_helper,
		.arg = s,
	};

	json_decref(job);
	if (fd < 0)
		return fd;
	s->helper_done = done;
	if (image_helper_start(s->build->daemon->loop, &args, &s->helper, err) < 0)
		return -err->code;
	build_op_begin(s->build);
	return 0;
}

static void fail(struct build_stage *s, const struct error *err)
{
	build_fail(s->build, s->in, err, NULL);
}

/* ---- the key */

static bool cache_off(const struct build_stage *s)
{
	const json_t *o = s->build->options;
	const char *name = s->build->file->stages[s->index].name;
	AUTO(strv_free) char **filter = json_to_strv(json_get_arr(o, "no_cache_filter"));

	return json_get_bool(o, "no_cache") || (name && strv_has(filter, name));
}

bool build_step_cached(struct build_stage *s, const char *content)
{
	auto_free char *text =
		xasprintf("1\n%s\n%s\n%s", build_stage_chain(s), content, s->action.key);
	struct image_layer *layer;

	digest_of(text, strlen(text), s->key);
	layer = cache_off(s) ? NULL : image_build_cached(s->build->session, s->key);
	if (!layer)
		return false;
	build_progress(s, "Done", "Cached");
	build_stage_step_done(s, layer);
	return true;
}

/* ---- jobs */

static json_t *target_json(const struct build_stage *s)
{
	AUTO(strv_free) char **paths = build_stage_paths(s);
	json_t *o = json_object(), *layers = json_strv(paths);

	if (!json_array_size(layers))
		json_array_append_new(layers, json_str(s->build->empty_dir));
	json_set_new(o, "layers", layers);
	json_set_strf(o, "upper", "%s/layer/fs", s->dir);
	json_set_strf(o, "work", "%s/work", s->dir);
	return o;
}

json_t *build_commit_json(const struct build_stage *s)
{
	json_t *o = json_object();

	json_set_strf(o, "upper", "%s/layer/fs", s->dir);
	json_set_strf(o, "blob", "%s/blob", s->dir);
	json_set_int(o, "epoch_s", s->build->epoch_s);
	return o;
}

void build_step_committed(struct build_stage *s, const char *result)
{
	struct image_layer *layer;
	struct error err = ERROR_INIT;

	if (image_build_add(s->build->session, build_stage_chain(s), s->key, s->action.created_by,
			    s->dir, result, &layer, &err) < 0) {
		fail(s, &err);
		return;
	}
	build_progress(s, "Done", "Done");
	build_stage_step_done(s, layer);
}

static json_t *new_job(const struct build_stage *s)
{
	json_t *job = json_object();

	json_set_strf(job, "place", "%s/place", s->dir);
	return job;
}

/* ---- WORKDIR */

static json_t *mkdir_job(const struct build_stage *s)
{
	json_t *job = new_job(s), *action = json_object();

	json_set_str(action, "do", "mkdir");
	json_set_str(action, "dest", s->action.workdir);
	if (!str_empty(s->action.user))
		json_set_str(action, "owner", s->action.user);
	json_set_new(job, "target", target_json(s));
	json_set_new(job, "actions", json_pack("[o]", action));
	json_set_new(job, "commit", build_commit_json(s));
	return job;
}

/* ---- COPY, ADD */

static void set_owner(const struct build_stage *s, bool context, json_t *action)
{
	const struct builder_action *a = &s->action;

	/* What comes from the context belongs to root, whoever has it on the client's machine. */
	json_set_str(action, "owner", a->chown ?: context ? "0:0" : NULL);
	json_set_str(action, "owner_of", a->chown ? "--chown" : NULL);
	json_set_str(action, "mode", a->chmod);
}

static json_t *copy_action(const struct build_stage *s, bool context)
{
	const struct builder_action *a = &s->action;
	json_t *o = json_object();

	json_set_str(o, "do", "copy");
	json_set_new(o, "sources", json_strv(a->sources));
	json_set_new(o, "excludes", json_strv(a->excludes));
	json_set_str(o, "dest", a->dest);
	json_set_bool(o, "parents", a->parents);
	json_set_bool(o, "unpack", a->unpack);
	set_owner(s, context, o);
	return o;
}

static json_t *copy_job(struct build_stage *s, const struct build_source *src)
{
	const struct builder_action *a = &s->action;
	json_t *job = new_job(s), *actions = json_array();

	json_set_new(job, "target", target_json(s));
	if (*a->sources) {
		json_set_new(job, "source", build_source_tree(s, src));
		json_set_str(job, "where", build_source_name(src, a->from));
		json_array_append_new(actions, copy_action(s, src->context));
	}
	for (size_t i = 0; i < a->content_count; i++) {
		json_t *o = json_object();

		json_set_str(o, "do", "write");
		json_set_str(o, "dest", a->dest);
		json_set_str(o, "name", a->contents[i].name);
		json_set_new(o, "data", json_str(a->contents[i].data));
		set_owner(s, true, o);
		json_array_append_new(actions, o);
	}
	json_set_new(job, "actions", actions);
	json_set_new(job, "commit", build_commit_json(s));
	return job;
}

static void work(struct build_stage *s)
{
	struct build_source src = {.stage = BUILDER_NO_STAGE};
	struct error err = ERROR_INIT;
	json_t *job;
	int r = 0;

	build_progress(s, "Working", "Working");
	if (s->action.kind == BUILDER_RUN) {
		if (build_run_start(s, &err) < 0)
			fail(s, &err);
		return;
	}
	if (s->action.kind == BUILDER_COPY)
		r = build_source_find(s, s->action.from, &src, &err);
	if (r == 0) {
		job = s->action.kind == BUILDER_COPY ? copy_job(s, &src) : mkdir_job(s);
		r = build_helper(s, job, build_step_committed, &err);
	}
	if (r < 0)
		fail(s, &err);
}

/* ---- the digest of what is read */

static void on_content(struct build_stage *s, const char *result)
{
	auto_json json_t *doc = NULL;
	struct error err = ERROR_INIT;

	if (json_load_text(result, strlen(result), &doc, &err) < 0) {
		error_wrap(&err, "result of cmp-layer");
		fail(s, &err);
		return;
	}
	if (!build_step_cached(s, json_get_str(doc, "content") ?: ""))
		work(s);
}

static json_t *digest_json(char *const *sources, char *const *excludes, bool owners)
{
	json_t *o = json_object();

	json_set_new(o, "sources", json_strv(sources));
	json_set_new(o, "excludes", json_strv(excludes));
	json_set_bool(o, "owners", owners);
	return o;
}

static int hash(struct build_stage *s, const struct build_source *src, char *const *sources,
		char *const *excludes, struct error *err)
{
	json_t *job = new_job(s);

	json_set_new(job, "source", build_source_tree(s, src));
	json_set_str(job, "where", build_source_name(src, s->action.from));
	json_set_new(job, "digest", digest_json(sources, excludes, !src->context));
	return build_helper(s, job, on_content, err);
}

/* RUN reads what its mounts bring: of the context the files, of a stage all of it. */
static int hash_mounts(struct build_stage *s, struct error *err)
{
	const struct build_source context = {.stage = BUILDER_NO_STAGE, .context = true};
	AUTO(strv_free) char **sources = NULL;
	auto_buf struct buf key = BUF_INIT;

	buf_adds(&key, s->action.key);
	if (build_mounts_key(s, &sources, &key, err) < 0)
		return -err->code;
	s->action.key = arena_strdup(s->build->arena, key.data);
	if (sources)
		return hash(s, &context, sources, NULL, err);
	if (!build_step_cached(s, ""))
		work(s);
	return 0;
}

void build_step_start(struct build_stage *s)
{
	const struct builder_action *a = &s->action;
	struct build_source src;
	struct error err = ERROR_INIT;
	int r = 0;

	if (s->layer_count >= BUILD_LAYERS_MAX)
		error_set(&err, E2BIG, "more than %d layers", BUILD_LAYERS_MAX);
	else
		s->dir = build_new_dir(s->build, &err);
	if (!s->dir) {
		fail(s, &err);
		return;
	}
	if (a->kind == BUILDER_RUN) {
		r = hash_mounts(s, &err);
	} else if (a->kind == BUILDER_COPY && *a->sources) {
		r = build_source_find(s, a->from, &src, &err);
		if (r == 0)
			r = hash(s, &src, a->sources, a->excludes, &err);
	} else if (!build_step_cached(s, "")) {
		work(s);
	}
	if (r < 0)
		fail(s, &err);
}
