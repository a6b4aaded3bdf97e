/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POST /images/create: an image from a registry, or from a tar stream in the request's body. */
#include <errno.h>

#include "base/reference.h"
#include "engine/api/docker.h"
#include "engine/events.h"

#define AUTH_MAX ((size_t)64 << 10)

/* ---- credentials: base64 of JSON, in either alphabet, padded or not */

static int digit64(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *at = c ? strchr(digits, c) : NULL;

	if (at)
		return (int)(at - digits);
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* What is no JSON object says nothing, as in Docker; new reference or NULL. */
static json_t *read_auth(const struct api_request *r)
{
	const char *text = map_get(r->headers, "x-registry-auth");
	auto_buf struct buf b = {.max = AUTH_MAX};
	struct error ignored = ERROR_INIT;
	unsigned bits = 0, count = 0;
	json_t *object = NULL;

	for (; text && *text && *text != '='; text++) {
		int digit = digit64(*text);

		if (digit < 0)
			return NULL;
		bits = bits << 6 | (unsigned)digit;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		buf_addc(&b, (char)(bits >> count));
		bits &= (1u << count) - 1;
	}
	if (!b.len || b.overflow || json_load_text(b.data, b.len, &object, &ignored) < 0)
		return NULL;
	if (!json_is_object(object) || !json_object_size(object)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ---- pull */

struct pulling {
	struct api_request *request; /* NULL: the client is gone */
	struct daemon *daemon;
	struct image_pull *pull;
	struct image_reference ref;
	char *name; /* as it is shown: "busybox:latest" */
	bool streaming;
};

static void put_status(struct buf *b, const char *status, const char *id)
{
	buf_adds(b, "{\"status\":");
	docker_put_str(b, status);
	if (id) {
		buf_adds(b, ",\"id\":");
		docker_put_str(b, id);
	}
	buf_adds(b, "}\r\n");
}

/* As long as nothing has been said a failure has a status of its own. */
static void begin(struct pulling *p)
{
	auto_free char *text = xasprintf("Pulling from %s", p->ref.path);
	auto_buf struct buf b = BUF_INIT;

	if (p->streaming)
		return;
	p->streaming = true;
	api_stream_start(p->request, "application/json");
	put_status(&b, text, p->ref.tag ? p->ref.tag : p->ref.digest);
	api_stream_write(p->request, b.data, b.len);
}

static void on_progress(void *arg, const struct image_progress *progress)
{
	struct pulling *p = arg;
	auto_buf struct buf b = BUF_INIT;

	if (!p->request || (!progress->layer && !progress->retry))
		return;
	begin(p);
	buf_adds(&b, "{\"status\":");
	docker_put_str(&b, progress->text);
	buf_adds(&b, ",\"progressDetail\":{");
	if (progress->total_bytes)
		buf_addf(&b, "\"current\":%lld,\"total\":%lld", (long long)progress->current_bytes,
			 (long long)progress->total_bytes);
	buf_addc(&b, '}');
	if (progress->layer) {
		buf_adds(&b, ",\"id\":");
		docker_put_str(&b, progress->layer);
	}
	buf_adds(&b, "}\r\n");
	api_stream_write(p->request, b.data, b.len);
}

static void pulled(struct pulling *p, const struct image *im, bool changed)
{
	auto_free char *digest = xasprintf("Digest: %s", im->manifest);
	auto_free char *status =
		xasprintf("Status: %s for %s",
			  changed ? "Downloaded newer image" : "Image is up to date", p->name);
	auto_buf struct buf b = BUF_INIT;

	begin(p);
	put_status(&b, digest, NULL);
	put_status(&b, status, NULL);
	api_stream_write(p->request, b.data, b.len);
	api_stream_end(p->request);
}

static void pull_failed(struct pulling *p, const struct error *err)
{
	auto_free char *text = NULL;
	auto_buf struct buf b = BUF_INIT;

	if (err->code == ENOENT)
		text = xasprintf("manifest for %s not found: manifest unknown: %s", p->name,
				 err->msg);
	else if (err->code == EACCES || err->code == EPERM)
		text = xasprintf("pull access denied for %s, repository does not exist or may "
				 "require 'docker login': denied: %s",
				 p->name, err->msg);
	else
		text = xstrdup(err->msg);
	if (!p->streaming) {
		docker_fail(p->request,
			    err->code == ENOENT || err->code == EACCES || err->code == EPERM ? 404
			    : err->code == EINVAL					     ? 400
											     : 500,
			    "%s", text);
		return;
	}
	buf_adds(&b, "{\"errorDetail\":{\"message\":");
	docker_put_str(&b, text);
	buf_adds(&b, "},\"error\":");
	docker_put_str(&b, text);
	buf_adds(&b, "}\r\n");
	api_stream_write(p->request, b.data, b.len);
	api_stream_end(p->request);
}

static void pulling_free(struct pulling *p)
{
	image_reference_release(&p->ref);
	free(p->name);
	free(p);
}

static void on_pulled(void *arg, struct image *im, bool changed, const struct error *err)
{
	struct pulling *p = arg;
	json_t *attributes;

	if (im) {
		attributes = json_object();
		json_set_str(attributes, "name", p->name);
		events_emit(p->daemon->events, "image", "pull", p->name, attributes);
	}
	if (p->request) {
		p->request->on_hangup = NULL;
		if (im)
			pulled(p, im, changed);
		else
			pull_failed(p, err);
	}
	pulling_free(p);
}

static void on_pull_hangup(void *arg)
{
	struct pulling *p = arg;

	p->request = NULL;
	image_pull_cancel(p->pull);
}

/* "busybox" and "1.36" or "sha256:…". */
static char *wanted_name(const struct api_request *r)
{
	const char *from = api_query(r, "fromImage"), *tag = api_query(r, "tag");

	if (str_empty(tag))
		return xstrdup(from);
	return xasprintf("%s%s%s", from, strchr(tag, ':') ? "@" : ":", tag);
}

static void start_pull(struct api_request *r)
{
	struct pulling *p = xcalloc(1, sizeof(*p));
	auto_free char *name = wanted_name(r);
	const char *platform = api_query(r, "platform");
	auto_json json_t *auth = read_auth(r);
	const struct image_pull_args args = {
		.name = name,
		.platform = str_empty(platform) ? NULL : platform,
		.auth = auth,
		.progress = on_progress,
		.done = on_pulled,
		.arg = p,
	};
	struct error err = ERROR_INIT;

	p->request = r;
	p->daemon = r->daemon;
	if (image_reference_parse(name, &p->ref, &err) < 0)
		docker_fail(r, 400, "invalid reference format: %s", err.msg);
	else if (image_pull_start(r->daemon->images, &args, &p->pull, &err) < 0)
		api_reply_error(r, &err);
	else {
		p->name = image_reference_familiar(&p->ref);
		r->arg = p;
		r->on_hangup = on_pull_hangup;
		return;
	}
	pulling_free(p);
}

/* ---- import */

struct importing {
	struct api_request *request; /* NULL: the client is gone */
	struct daemon *daemon;
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
	auto_buf struct buf b = BUF_INIT;
	json_t *attributes;

	if (id) {
		attributes = json_object();
		json_set_str(attributes, "name", id);
		events_emit(i->daemon->events, "image", "import", id, attributes);
	}
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
	put_status(&b, id, NULL);
	api_reply_body(r, 200, b.data, b.len);
}

static void on_import_data(void *arg, const char *data, size_t len)
{
	struct importing *i = arg;

	if (image_import_write(i->import, data, len) > 0)
		api_pause(i->request, true);
}

static void on_import_end(void *arg)
{
	image_import_eof(((struct importing *)arg)->import);
}

static void on_import_hangup(void *arg)
{
	struct importing *i = arg;

	i->request = NULL;
	image_import_cancel(i->import);
}

static void start_import(struct api_request *r)
{
	const char *repo = api_query(r, "repo"), *tag = api_query(r, "tag");
	const char *platform = api_query(r, "platform");
	auto_free char *name =
		xasprintf("%s%s%s", repo ? repo : "", str_empty(tag) ? "" : ":", tag ? tag : "");
	AUTO(strv_free) char **changes = api_query_all(r, "changes");
	struct importing *i = xcalloc(1, sizeof(*i));
	const struct image_import_args args = {
		.name = str_empty(repo) ? NULL : name,
		.changes = changes,
		.message = api_query(r, "message"),
		.platform = str_empty(platform) ? NULL : platform,
		.on_drain = on_import_drain,
		.done = on_import_done,
		.arg = i,
	};
	struct error err = ERROR_INIT;

	i->request = r;
	i->daemon = r->daemon;
	if (image_import_start(r->daemon->images, &args, &i->import, &err) < 0) {
		free(i);
		api_reply_error(r, &err);
		return;
	}
	r->arg = i;
	r->on_data = on_import_data;
	r->on_end = on_import_end;
	r->on_hangup = on_import_hangup;
}

static void post_create(struct api_request *r)
{
	const char *source = api_query(r, "fromSrc");

	if (!str_empty(api_query(r, "fromImage")))
		start_pull(r);
	else if (str_eq(source, "-"))
		start_import(r);
	else if (!str_empty(source))
		docker_fail(r, 501, "import from %s: only a tar stream in the request is taken",
			    source);
	else
		docker_fail(r, 400, "neither fromImage nor fromSrc is given");
}

const struct docker_route docker_pull_routes[] = {
	{{"POST", "/images/create", post_create, true},
	 DOCKER_PARTLY,
	 "pull of one tag; import of the request's body, not of addresses"},
	DOCKER_ROUTE_END,
};
