/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of images. */
#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "engine/api/routes.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/pull.h"

static void get_images(struct api_request *r)
{
	struct image **all = image_list(r->daemon->images);
	json_t *list = json_array();
	size_t i;

	for (i = 0; all[i]; i++)
		json_array_append_new(list, image_summary(all[i]));
	free(all);
	api_reply_json(r, 200, list);
}

static void get_image(struct api_request *r)
{
	AUTO(image_unref) struct image *im = NULL;
	struct error err = ERROR_INIT;

	if (image_resolve(r->daemon->images, r->params[0], &im, &err) < 0)
		api_reply_error(r, &err);
	else
		api_reply_json(r, 200, image_inspect(im));
}

static void get_history(struct api_request *r)
{
	AUTO(image_unref) struct image *im = NULL;
	struct error err = ERROR_INIT;

	if (image_resolve(r->daemon->images, r->params[0], &im, &err) < 0)
		api_reply_error(r, &err);
	else
		api_reply_json(r, 200, image_history(im));
}

static void post_tag(struct api_request *r)
{
	const char *name = api_query(r, "name");
	struct error err = ERROR_INIT;

	if (!name) {
		error_set(&err, EINVAL, "tag image %s: the new name is missing", r->params[0]);
		api_reply_error(r, &err);
		return;
	}
	image_tag(r->daemon->images, r->params[0], name, api_on_done, api_pending_new(r));
}

/* ---- removing */

enum image_use image_users(void *arg, const char *image_id, char **ret_by)
{
	const struct daemon *d = arg;
	enum image_use use = IMAGE_USE_NONE;
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;
		enum image_use its = c->pid ? IMAGE_USE_RUNNING : IMAGE_USE_STOPPED;

		if (!str_eq(c->image_id, image_id) || its <= use)
			continue;
		use = its;
		free(*ret_by);
		*ret_by = xstrdup(c->name);
	}
	return use;
}

static void on_removed(void *arg, const json_t *removed, const struct error *err)
{
	api_pending_done(arg, removed ? json_deep_copy(removed) : NULL, err);
}

static void delete_image(struct api_request *r)
{
	struct image_remove_args args = {
		.ref = r->params[0],
		.force = api_query_flag(r, "force"),
		.no_prune = api_query_flag(r, "no_prune"),
		.in_use = image_users,
		.arg = r->daemon,
	};

	image_remove(r->daemon->images, &args, on_removed, api_pending_new(r));
}

static void on_pruned(void *arg, const json_t *removed, int64_t freed_bytes,
		      const struct error *err)
{
	json_t *o = NULL;

	if (!err) {
		o = json_object();
		json_set_new(o, "removed", json_deep_copy(removed));
		json_set_int(o, "freed_bytes", freed_bytes);
	}
	api_pending_done(arg, o, err);
}

static void post_prune(struct api_request *r)
{
	struct image_prune_args args = {
		.images = true,
		.all = api_query_flag(r, "all"),
		.in_use = image_users,
		.arg = r->daemon,
	};

	image_prune(r->daemon->images, &args, on_pruned, api_pending_new(r));
}

static void on_digest(void *arg, const char *digest, const struct error *err)
{
	json_t *o = NULL;

	if (!err) {
		o = json_object();
		json_set_str(o, "digest", digest);
	}
	api_pending_done(arg, o, err);
}

/* What a name stands for at its registry now. */
static void post_digest(struct api_request *r)
{
	const char *name = json_get_str(r->body, "name");
	const json_t *auth = json_get_obj(r->body, "auth");
	struct api_pending *pending = api_pending_new(r);
	struct error err = ERROR_INIT;

	if (image_digest(r->daemon->images, name ?: "", auth, on_digest, pending, &err) < 0)
		api_pending_done(pending, NULL, &err);
}

/* ---- import: the body is a tar stream */

struct importing {
	struct api_request *request; /* NULL: the client is gone */
	struct image_import *import;
};

static void on_import_drain(void *arg)
{
	struct importing *i = arg;

	if (i->request)
		api_pause(i->request, false);
}

static void on_import_done(void *arg, const char *id, const struct error *err)
{
	struct importing *i = arg;
	struct api_request *r = i->request;
	json_t *o;

	free(i);
	if (!r)
		return;
	r->on_data = NULL;
	r->on_end = r->on_hangup = NULL;
	api_pause(r, false);
	if (err) {
		api_reply_error(r, err);
		return;
	}
	events_emit(r->daemon->events, "image", "import", id, NULL);
	o = json_object();
	json_set_str(o, "id", id);
	api_reply_json(r, 200, o);
}

static void on_import_data(void *arg, const char *data, size_t len)
{
	struct importing *i = arg;

	if (image_import_write(i->import, data, len) > 0)
		api_pause(i->request, true);
}

static void on_import_end(void *arg)
{
	struct importing *i = arg;

	image_import_eof(i->import);
}

static void on_import_hangup(void *arg)
{
	struct importing *i = arg;

	i->request = NULL;
	image_import_cancel(i->import);
}

static int changes_of(const struct api_request *r, char ***ret, struct error *err)
{
	const char *text = api_query(r, "change");
	auto_json json_t *list = NULL;
	int rc;

	if (!text)
		return 0;
	rc = json_load_text(text, strlen(text), &list, err);
	if (rc < 0)
		return rc;
	if (!json_is_array(list))
		return error_set(err, EINVAL, "change must be a list of instructions");
	*ret = json_to_strv(list);
	return 0;
}

static void post_import(struct api_request *r)
{
	AUTO(strv_free) char **changes = NULL;
	struct importing *i = xcalloc(1, sizeof(*i));
	struct image_import_args args = {
		.name = api_query(r, "name"),
		.message = api_query(r, "message"),
		.platform = api_query(r, "platform"),
		.on_drain = on_import_drain,
		.done = on_import_done,
		.arg = i,
	};
	struct error err = ERROR_INIT;
	int rc = changes_of(r, &changes, &err);

	i->request = r;
	args.changes = changes;
	if (rc == 0)
		rc = image_import_start(r->daemon->images, &args, &i->import, &err);
	if (rc < 0) {
		free(i);
		api_reply_error(r, &err);
		return;
	}
	r->arg = i;
	r->on_data = on_import_data;
	r->on_end = on_import_end;
	r->on_hangup = on_import_hangup;
}

/* ---- load: the body is an archive */

struct loading {
	struct api_request *request; /* NULL: the client is gone */
	struct image_load *load;
};

static void on_load_drain(void *arg)
{
	struct loading *l = arg;

	if (l->request)
		api_pause(l->request, false);
}

static void on_load_done(void *arg, const json_t *loaded, const struct error *err)
{
	struct loading *l = arg;
	struct api_request *r = l->request;
	json_t *image;
	size_t i;

	free(l);
	if (!r)
		return;
	r->on_data = NULL;
	r->on_end = r->on_hangup = NULL;
	api_pause(r, false);
	if (err) {
		api_reply_error(r, err);
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)loaded, i, image)
		events_emit(r->daemon->events, "image", "load", json_get_str(image, "id"), NULL);
	api_reply_json(r, 200, json_deep_copy(loaded));
}

static void on_load_data(void *arg, const char *data, size_t len)
{
	struct loading *l = arg;

	if (image_load_write(l->load, data, len) > 0)
		api_pause(l->request, true);
}

static void on_load_end(void *arg)
{
	struct loading *l = arg;

	image_load_eof(l->load);
}

static void on_load_hangup(void *arg)
{
	struct loading *l = arg;

	l->request = NULL;
	image_load_cancel(l->load);
}

static void post_load(struct api_request *r)
{
	struct loading *l = xcalloc(1, sizeof(*l));
	struct image_load_args args = {.on_drain = on_load_drain, .done = on_load_done, .arg = l};
	struct error err = ERROR_INIT;

	l->request = r;
	if (image_load_start(r->daemon->images, &args, &l->load, &err) < 0) {
		free(l);
		api_reply_error(r, &err);
		return;
	}
	r->arg = l;
	r->on_data = on_load_data;
	r->on_end = on_load_end;
	r->on_hangup = on_load_hangup;
}

/* ---- save: the answer is an archive */

struct saving {
	struct api_request *request;
	struct image_save *save;
};

static bool on_save_data(void *arg, const char *data, size_t len)
{
	struct saving *s = arg;

	return api_stream_write(s->request, data, len);
}

static void on_save_done(void *arg, const struct error *err)
{
	struct saving *s = arg;

	if (err)
		log_err("images", "save: %s", err->msg);
	s->request->on_hangup = s->request->on_drain = NULL;
	api_stream_end(s->request);
	free(s);
}

static void on_save_drain(void *arg)
{
	struct saving *s = arg;

	image_save_resume(s->save);
}

static void on_save_hangup(void *arg)
{
	struct saving *s = arg;

	image_save_cancel(s->save);
	free(s);
}

static void get_save(struct api_request *r)
{
	AUTO(strv_free) char **names = api_query_list(r, "names");
	struct saving *s = xcalloc(1, sizeof(*s));
	struct image_save_args args = {.write = on_save_data, .done = on_save_done, .arg = s};
	struct error err = ERROR_INIT;

	s->request = r;
	if (!strv_len(names))
		error_set(&err, EINVAL, "save: no image is named");
	if (err.code || image_save_start(r->daemon->images, names, &args, &s->save, &err) < 0) {
		free(s);
		api_reply_error(r, &err);
		return;
	}
	r->arg = s;
	r->on_drain = on_save_drain;
	r->on_hangup = on_save_hangup;
	api_stream_start(r, "application/x-tar");
}

/* ---- pull: a stream of progress */

struct pulling {
	struct api_request *request;
	struct pull *pull;
};

static void on_pull_event(void *arg, json_t *event)
{
	struct pulling *p = arg;

	api_stream_json(p->request, event);
	json_decref(event);
}

static void on_pull_done(void *arg, const char *id, const struct error *err)
{
	struct pulling *p = arg;
	json_t *end = json_object();

	json_set_str(end, "type", id ? "end" : "error");
	json_set_int(end, "exit", id ? 0 : 1);
	json_set_str(end, "id", id);
	json_set_str(end, "message", err ? err->msg : NULL);
	p->request->on_hangup = NULL;
	on_pull_event(p, end);
	api_stream_end(p->request);
	free(p);
}

static void on_pull_hangup(void *arg)
{
	struct pulling *p = arg;

	pull_cancel(p->pull);
	free(p);
}

static void post_pull(struct api_request *r)
{
	struct pulling *p = xcalloc(1, sizeof(*p));
	struct pull_sink sink = {.event = on_pull_event, .done = on_pull_done, .arg = p};
	struct image_pull_args args = {
		.name = json_get_str(r->body, "name"),
		.platform = json_get_str(r->body, "platform"),
		.auth = json_get_obj(r->body, "auth"),
	};
	struct error err = ERROR_INIT;
	auto_free char *shown = xasprintf("Image %s", args.name ?: "");
	struct pull_how how = {.shown = shown, .quiet = json_get_bool(r->body, "quiet")};

	p->request = r;
	/* A stream begins once it is sure that there is one. */
	if (image_pull_check(&args, &err) < 0) {
		free(p);
		api_reply_error(r, &err);
		return;
	}
	api_stream_start(r, "application/x-ndjson");
	if (pull_start(r->daemon, &args, &how, &sink, &p->pull, &err) < 0) {
		on_pull_done(p, NULL, &err);
		return;
	}
	r->arg = p;
	r->on_hangup = on_pull_hangup;
}

/* ---- push: a stream of progress */

struct pushing {
	struct api_request *request;
	struct push *push;
};

static void on_push_event(void *arg, json_t *event)
{
	struct pushing *p = arg;

	api_stream_json(p->request, event);
	json_decref(event);
}

static void on_push_done(void *arg, const char *digest, const struct error *err)
{
	struct pushing *p = arg;
	json_t *end = json_object();

	json_set_str(end, "type", digest ? "end" : "error");
	json_set_int(end, "exit", digest ? 0 : 1);
	json_set_str(end, "digest", digest);
	json_set_str(end, "message", err ? err->msg : NULL);
	p->request->on_hangup = NULL;
	on_push_event(p, end);
	api_stream_end(p->request);
	free(p);
}

static void on_push_hangup(void *arg)
{
	struct pushing *p = arg;

	push_cancel(p->push);
	free(p);
}

static void post_push(struct api_request *r)
{
	struct pushing *p = xcalloc(1, sizeof(*p));
	struct pull_sink sink = {.event = on_push_event, .done = on_push_done, .arg = p};
	AUTO(image_unref) struct image *im = NULL;
	struct error err = ERROR_INIT;

	p->request = r;
	/* A stream begins once it is sure that there is something to push. */
	if (image_resolve(r->daemon->images, r->params[0], &im, &err) < 0) {
		free(p);
		api_reply_error(r, &err);
		return;
	}
	api_stream_start(r, "application/x-ndjson");
	if (push_start(r->daemon, r->params[0], json_get_obj(r->body, "auth"),
		       json_get_bool(r->body, "quiet"), &sink, &p->push, &err) < 0) {
		on_push_done(p, NULL, &err);
		return;
	}
	r->arg = p;
	r->on_hangup = on_push_hangup;
}

/* ---- credentials */

static void post_auth(struct api_request *r)
{
	struct api_pending *pending = api_pending_new(r);
	struct error err = ERROR_INIT;

	if (image_registry_check(r->daemon->images, json_get_str(r->body, "registry"),
				 json_get_obj(r->body, "auth"), api_on_done, pending, &err) < 0)
		api_pending_done(pending, NULL, &err);
}

const struct api_route image_routes[] = {
	{"POST", "/cmp/v1/auth", post_auth, false},
	{"GET", "/cmp/v1/images", get_images, false},
	{"GET", "/cmp/v1/images/save", get_save, false},
	{"GET", "/cmp/v1/images/{}/history", get_history, false},
	{"GET", "/cmp/v1/images/{}", get_image, false},
	{"POST", "/cmp/v1/images/import", post_import, true},
	{"POST", "/cmp/v1/images/load", post_load, true},
	{"POST", "/cmp/v1/images/digest", post_digest, false},
	{"POST", "/cmp/v1/images/pull", post_pull, false},
	{"POST", "/cmp/v1/images/prune", post_prune, false},
	{"POST", "/cmp/v1/images/{}/tag", post_tag, false},
	{"POST", "/cmp/v1/images/{}/push", post_push, false},
	{"DELETE", "/cmp/v1/images/{}", delete_image, false},
	{0},
};
