/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A build from its request to its image.  Everything that calls back is counted in `pending`; the
 * first failure, a cancel, or the target being built makes the build end: what is under way is
 * stopped, and when the last one has called back, the session is ended, which keeps what is
 * complete.
 */
#include "engine/build.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/reference.h"
#include "base/time.h"
#include "engine/build_int.h"
#include "engine/container.h"
#include "engine/events.h"
#include "images/platform.h"

#define DOCKERFILE_NAME "Dockerfile"

/* ---- telling */

bool build_event(struct build *b, json_t *event)
{
	if (!b->cancelled)
		return b->sink.event(b->sink.arg, event);
	json_decref(event);
	return true;
}

void build_progress(const struct build_stage *s, const char *status, const char *text)
{
	json_t *event = json_object();

	json_set_str(event, "type", "progress");
	json_set_new(event, "id", json_str(s->shown));
	json_set_str(event, "status", status);
	json_set_str(event, "text", text);
	(void)build_event(s->build, event);
}

static void tell_end(struct build *b, const struct image *im, const struct error *err)
{
	json_t *event = json_object();
	const char *failure = b->failure ?: err ? err->msg : NULL;

	json_set_str(event, "type", im && !failure ? "end" : "error");
	if (im && !failure) {
		json_set_str(event, "image", im->id);
		json_set_new(event, "tags", json_strv(im->tags));
	} else {
		json_set_new(event, "message", json_str(b->failure ?: failure ?: "failed"));
	}
	json_set_int(event, "exit", im && !failure ? 0 : 1);
	(void)build_event(b, event);
}

/* ---- the end */

static void build_free(struct build *b)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; b->stages && i < b->file->stage_count; i++)
		build_stage_release(&b->stages[i]);
	if (b->run_dir && file_remove_tree(AT_FDCWD, b->run_dir, &err) < 0)
		log_warn("build", "%s", err.msg);
	list_remove(&b->link);
	builder_release(&b->builder);
	free(b->stages);
	map_free(b->args);
	arena_free(b->arena);
	json_decref(b->options);
	free(b->context_dir);
	free(b->run_dir);
	free(b->empty_dir);
	free(b->failure);
	free(b);
}

static void on_session_end(void *arg, struct image *im, const struct error *err)
{
	struct build *b = arg;
	struct build_sink sink = b->sink;
	bool cancelled = b->cancelled;

	if (im)
		events_emit(b->daemon->events, "image", "build", im->id, NULL);
	tell_end(b, im, err);
	build_free(b);
	if (!cancelled)
		sink.done(sink.arg);
}

static void set_labels(const struct build *b, json_t *config)
{
	json_t *labels = json_get_obj(b->options, "labels"), *to;

	if (!json_object_size(labels))
		return;
	to = json_get_obj(config, "Labels");
	if (!to) {
		to = json_object();
		json_object_set_new(config, "Labels", to);
	}
	json_object_update(to, labels);
}

static json_t *make_document(struct build *b, const struct build_stage *s)
{
	AUTO(strv_free) char **diffs = NULL;
	struct platform host;

	for (size_t i = 0; i < s->layer_count; i++)
		strv_push(&diffs, xstrdup(s->layers[i]->diff_id));
	platform_host(&host);
	set_labels(b, s->st.config);
	return builder_stage_document(&s->st, diffs, host.arch, host.variant);
}

static void end_session(struct build *b)
{
	const struct build_stage *s = b->stages ? &b->stages[b->target] : NULL;
	AUTO(strv_free) char **tags = json_to_strv(json_get_arr(b->options, "tags"));
	struct image_build_result r = {.names = tags, .created_ns = b->created_ns};

	b->ended = true;
	if (!b->failure && !b->cancelled && s && s->state == BUILD_BUILT) {
		r.document = make_document(b, s);
		r.layers = s->layers;
		r.layer_count = s->layer_count;
	}
	image_build_end(b->session, &r, on_session_end, b);
}

static void maybe_end(struct build *b)
{
	if (b->ending && !b->pending && !b->ended)
		end_session(b);
}

void build_op_begin(struct build *b)
{
	b->pending++;
}

bool build_op_end(struct build *b)
{
	b->pending--;
	if (!b->ending)
		return true;
	maybe_end(b);
	return false;
}

/* Stops what is under way; each of it calls back. */
static void begin_end(struct build *b)
{
	if (b->ending)
		return;
	b->ending = true;
	build_op_begin(b); /* until everybody has been told */
	build_context_cancel(b);
	for (size_t i = 0; b->stages && i < b->file->stage_count; i++)
		build_stage_cancel(&b->stages[i]);
	build_op_end(b);
}

void build_fail(struct build *b, const struct dockerfile_instruction *in, const struct error *err,
		const char *more)
{
	auto_buf struct buf text = BUF_INIT;

	if (!b->failure && !b->cancelled && !b->ending) {
		if (in && b->file)
			dockerfile_render_at(b->file, in->mark, err->msg, &text);
		else
			buf_adds(&text, err->msg);
		while (text.len && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		if (!str_empty(more))
			buf_addf(&text, "\nlast output:\n%s", more);
		b->failure = buf_steal(&text);
	}
	begin_end(b);
}

void build_succeed(struct build *b)
{
	begin_end(b);
}

void build_cancel(struct build *b)
{
	b->cancelled = true;
	begin_end(b);
}

char *build_new_dir(struct build *b, struct error *err)
{
	char *dir = xasprintf("%s/%u", image_build_dir(b->session), b->steps++);
	auto_free char *fs = xasprintf("%s/layer/fs", dir), *work = xasprintf("%s/work", dir),
		       *place = xasprintf("%s/place", dir);

	if (file_mkdir_p(fs, 0755, err) < 0 || file_mkdir_p(work, 0700, err) < 0 ||
	    file_mkdir_p(place, 0700, err) < 0)
		free(steal_ptr(&dir));
	return dir;
}

/* ---- the plan */

/* The file comes with the request, or lies in the context. */
static int read_dockerfile(struct build *b, struct buf *ret, const char **ret_name,
			   struct error *err)
{
	const char *text = json_get_str(b->options, "dockerfile");
	const char *path = json_get_str(b->options, "dockerfile_path") ?: DOCKERFILE_NAME;
	auto_fd int root = -1, fd = -1;

	*ret_name = json_get_str(b->options, "dockerfile_name") ?: path;
	if (text) {
		buf_adds(ret, text);
		return 0;
	}
	root = open(b->context_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "open the build context");
	fd = file_inroot_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	if (fd < 0)
		return error_wrap(err, "read the Dockerfile in the build context");
	return file_read_fd(fd, DOCKERFILE_MAX, ret, err);
}

static void fail_with_problems(struct build *b)
{
	auto_buf struct buf text = BUF_INIT;

	dockerfile_render(b->file, &text);
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (!b->failure)
		b->failure = buf_steal(&text);
	begin_end(b);
}

static int prepare(struct build *b, struct error *err)
{
	auto_buf struct buf text = {.max = DOCKERFILE_MAX + 1};
	char platform[PLATFORM_TEXT_MAX], created[TIME_TEXT_MAX];
	struct platform host;
	const char *name;

	if (read_dockerfile(b, &text, &name, err) < 0)
		return -err->code;
	b->file = dockerfile_parse(b->arena, name, text.data, text.len);
	if (b->file->stage_count > BUILD_STAGE_MAX)
		return error_set(err, E2BIG, "%s: more than %d stages", name, BUILD_STAGE_MAX);
	platform_host(&host);
	platform_text(&host, platform);
	time_format(b->created_ns, created);
	builder_init(&b->builder, b->arena, b->file, b->args, platform, created);
	if (b->file->problems.count)
		return 0;
	return builder_target(b->file, json_get_str(b->options, "target"), &b->target, err);
}

/* The context is there. */
void build_context_done(struct build *b)
{
	struct error err = ERROR_INIT;

	if (prepare(b, &err) < 0) {
		build_fail(b, NULL, &err, NULL);
		return;
	}
	if (b->file->problems.count) {
		fail_with_problems(b);
		return;
	}
	b->stages = xcalloc(b->file->stage_count, sizeof(*b->stages));
	for (size_t i = 0; i < b->file->stage_count; i++) {
		b->stages[i].build = b;
		b->stages[i].index = i;
	}
	build_stage_go(&b->stages[b->target]);
}

/* ---- the request */

static int take_args(struct build *b, struct error *err)
{
	json_t *args = json_get_obj(b->options, "build_args"), *value;
	const char *name, *epoch;

	json_object_foreach (args, name, value) {
		if (json_is_null(value))
			continue;
		if (!json_is_string(value))
			return error_set(err, EINVAL, "build argument %s must be a string", name);
		map_set(b->args, name, (void *)(uintptr_t)json_string_value(value));
	}
	b->epoch_s = -1;
	epoch = map_get(b->args, "SOURCE_DATE_EPOCH");
	if (!str_empty(epoch) && (parse_i64(epoch, &b->epoch_s) < 0 || b->epoch_s < 0))
		return error_set(err, EINVAL, "SOURCE_DATE_EPOCH must be a number of seconds: %s",
				 epoch);
	b->created_ns = b->epoch_s >= 0 ? b->epoch_s * NS_PER_SEC : time_now_ns();
	return 0;
}

/* A bad name is said before anything is done. */
static int check_tags(const json_t *options, struct error *err)
{
	AUTO(strv_free) char **tags = json_to_strv(json_get_arr(options, "tags"));

	for (char **t = tags; t && *t; t++) {
		auto_reference struct image_reference r = {0};

		if (image_reference_parse(*t, &r, err) < 0)
			return -err->code;
		if (r.digest)
			return error_set(err, EINVAL,
					 "a name for an image may not have a digest: %s", *t);
	}
	return 0;
}

static int check_platform(const char *text, struct error *err)
{
	struct platform host, wanted;

	if (str_empty(text))
		return 0;
	platform_host(&host);
	if (platform_parse(text, &wanted, err) < 0)
		return -err->code;
	if (!platform_rank(&wanted, &host))
		return error_set(err, EOPNOTSUPP,
				 "building for %s is not supported: only for this machine's "
				 "platform",
				 text);
	return 0;
}

static int make_places(struct build *b, struct error *err)
{
	char id[DIGEST_HEX_MAX];

	digest_random_id(id);
	b->run_dir = xasprintf("%s/build/%.16s", b->daemon->run_dir, id);
	b->empty_dir = xasprintf("%s/empty", image_build_dir(b->session));
	if (file_mkdir_p(b->run_dir, 0700, err) < 0)
		return -err->code;
	return file_mkdir_p(b->empty_dir, 0755, err);
}

static void on_discarded(void *arg, struct image *im, const struct error *err)
{
	(void)im;
	(void)err;
	build_free(arg);
}

int build_start(struct daemon *d, const json_t *options, const struct build_sink *sink,
		struct build **ret, struct error *err)
{
	struct build *b = xcalloc(1, sizeof(*b));
	const struct image_build_result nothing = {.document = NULL};
	int r;

	list_append(&d->builds, &b->link);
	b->daemon = d;
	b->sink = *sink;
	b->options = json_deep_copy(options);
	b->arena = arena_new();
	b->args = map_new(NULL);
	r = take_args(b, err);
	if (r == 0)
		r = check_tags(options, err);
	if (r == 0)
		r = check_platform(json_get_str(options, "platform"), err);
	if (r == 0)
		r = image_build_new(d->images, &b->session, err);
	if (r < 0) {
		build_free(b);
		return r;
	}
	r = make_places(b, err);
	if (r == 0)
		r = build_context_start(b, err);
	if (r < 0) {
		image_build_end(b->session, &nothing, on_discarded, b);
		return r;
	}
	*ret = b;
	return 0;
}

bool build_write(struct build *b, const char *data, size_t len)
{
	return build_context_write(b, data, len);
}

void build_eof(struct build *b)
{
	build_context_eof(b);
}

void build_drained(struct build *b)
{
	for (size_t i = 0; b->stages && i < b->file->stage_count; i++)
		if (b->stages[i].run)
			build_run_resume(&b->stages[i]);
}

/* ---- the supervisor's end and beginning */

void builds_stop(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		struct container *c = it.value;
		struct error ignored = ERROR_INIT; /* it does not run any more */

		if (c->pid && json_get_str(c->config.labels, BUILD_LABEL))
			(void)!container_kill(c, SIGKILL, &ignored);
	}
}

void builds_sweep(struct daemon *d)
{
	auto_free char *run = xasprintf("%s/build", d->run_dir);
	AUTO(strv_free) char **ids = NULL;
	struct error err = ERROR_INIT;
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		if (json_get_str(c->config.labels, BUILD_LABEL))
			strv_push(&ids, xstrdup(c->id));
	}
	for (char **id = ids; id && *id; id++)
		container_remove(map_get(d->containers, *id), true, true, NULL, NULL);
	if (file_remove_tree(AT_FDCWD, run, &err) < 0)
		log_warn("build", "%s", err.msg);
}
