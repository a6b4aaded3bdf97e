/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See push.h.  Each blob goes through: is it there? (HEAD) → may it be mounted, or where does it
 * go? (POST) → there it goes (PUT). Several at a time; the manifest last, when all that it names is
 * there.
 */
#include "images/registry/push.h"

#include <errno.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "base/time.h"
#include "images/registry/protocol.h"

#define STEP_MS	     60000
#define PROGRESS_NS  (100 * NS_PER_MS)
#define PARALLEL_MAX 4
#define MANIFEST_MAX 500 /* bytes of a media type and what stands before it */

struct push;

struct upload {
	struct push *push;
	char *digest, *mount, *location;
	uint64_t size;
	int fd;
	long status; /* of the last answer */
	void (*next)(struct upload *u);
	bool begun, done;
	int64_t told_ns;
};

struct push {
	struct registry_client *client;
	const json_t *request;
	int socket;
	struct upload *blobs; /* and the manifest behind them */
	size_t count, left, running;
	bool failed;
	struct error error;
	char type[MANIFEST_MAX];
};

/* ---- to the supervisor */

static void say(struct push *p, enum registry_frame kind, json_t *value)
{
	auto_json json_t *owned = value;
	auto_free char *text = json_text(owned);
	auto_buf struct buf out = BUF_INIT;

	registry_frame_add(&out, kind, text, strlen(text));
	if (!p->failed && file_write_all(p->socket, out.data, out.len, &p->error) < 0)
		p->failed = true; /* nobody listens */
}

static json_t *about(const struct upload *u)
{
	json_t *o = json_object();

	json_set_int(o, "blob", u - u->push->blobs);
	return o;
}

static void fail(struct push *p, const struct error *err)
{
	json_t *o = json_object();

	json_set_int(o, "code", err->code);
	json_set_str(o, "message", err->msg);
	say(p, REGISTRY_FAILED, o);
	if (!p->failed)
		p->error = *err;
	p->failed = true;
}

static void tell(struct upload *u, const char *text, bool done)
{
	json_t *o = about(u);

	json_set_str(o, "text", text);
	json_set_bool(o, "done", done);
	say(u->push, REGISTRY_STATE, o);
}

/* The file comes at once: nothing else is said on the socket. */
static int get_file(struct upload *u, struct error *err)
{
	auto_buf struct buf text;
	enum registry_frame kind;
	int r;

	buf_init(&text, REGISTRY_REQUEST_MAX + 1);
	say(u->push, REGISTRY_WANT, about(u));
	r = registry_frame_receive(u->push->socket, &kind, &text, &u->fd, err);
	if (r == 0)
		return error_set(err, ECANCELED, "the supervisor has gone");
	if (r > 0 && (kind != REGISTRY_GIVE || u->fd < 0))
		return error_set(err, EBADMSG, "an unknown answer");
	return r < 0 ? r : 0;
}

/* ---- one upload, step by step */

static void on_answer(void *arg, long status, const char *location)
{
	struct upload *u = arg;

	u->status = status;
	free(u->location);
	u->location = xstrdup(location);
}

static void on_sent(void *arg, uint64_t bytes)
{
	struct upload *u = arg;
	int64_t now = time_boot_ns();
	json_t *o;

	if (now - u->told_ns < PROGRESS_NS)
		return;
	u->told_ns = now;
	o = about(u);
	json_set_int(o, "bytes", (int64_t)bytes);
	say(u->push, REGISTRY_SENT, o);
}

static void on_retry(void *arg, const char *text)
{
	struct upload *u = arg;
	json_t *o = json_object();

	json_set_str(o, "text", text);
	say(u->push, REGISTRY_NOTE, o);
}

static void on_step_done(void *arg, const struct error *err)
{
	struct upload *u = arg;

	if (err)
		fail(u->push, err);
	else
		u->next(u);
}

static void step(struct upload *u, const struct transfer_args *what, void (*next)(struct upload *u))
{
	struct transfer_args args = *what;

	u->next = next;
	args.on_answer = on_answer;
	args.on_retry = on_retry;
	args.on_done = on_step_done;
	args.on_sent = on_sent;
	args.arg = u;
	transfer_start(u->push->client, &args);
}

static void finished(struct upload *u, const char *text)
{
	if (u->fd >= 0)
		close(steal_fd(&u->fd));
	tell(u, text, true);
	u->done = true;
	u->push->running--;
	u->push->left--;
}

static void after_put(struct upload *u)
{
	finished(u, "Pushed");
}

static void after_post(struct upload *u)
{
	auto_buf struct buf url = BUF_INIT;
	struct error err = ERROR_INIT;

	if (u->status == 201 && u->mount) {
		auto_free char *text = xasprintf("Mounted from %s", u->mount);

		finished(u, text);
		return;
	}
	if (str_empty(u->location))
		error_set(&err, EBADMSG, "the registry did not say where to send the blob %s",
			  u->digest);
	else if (get_file(u, &err) == 0) {
		buf_addf(&url, "%s%cdigest=", u->location, strchr(u->location, '?') ? '&' : '?');
		http_percent_encode(&url, u->digest);
		step(u,
		     &(struct transfer_args){.method = TRANSFER_PUT,
					     .url = url.data,
					     .path = "",
					     .body_fd = u->fd,
					     .body_size = u->size,
					     .body_type = "Content-Type: application/octet-stream"},
		     after_put);
	}
	if (err.code)
		fail(u->push, &err);
}

static void after_head(struct upload *u)
{
	auto_buf struct buf path = BUF_INIT;

	if (u->status != 404) {
		finished(u, "Layer already exists");
		return;
	}
	tell(u, "Pushing", false);
	buf_adds(&path, "blobs/uploads/");
	if (u->mount) {
		buf_adds(&path, "?mount=");
		http_percent_encode(&path, u->digest);
		buf_adds(&path, "&from=");
		http_percent_encode(&path, u->mount);
	}
	step(u, &(struct transfer_args){.method = TRANSFER_POST, .path = path.data}, after_post);
}

static void begin_blob(struct upload *u)
{
	auto_free char *path = xasprintf("blobs/%s", u->digest);

	u->begun = true;
	u->push->running++;
	step(u, &(struct transfer_args){.method = TRANSFER_HEAD, .path = path}, after_head);
}

static void begin_manifest(struct upload *u)
{
	struct push *p = u->push;
	auto_free char *path = xasprintf("manifests/%s", json_get_str(p->request, "reference"));
	struct error err = ERROR_INIT;

	u->begun = true;
	p->running++;
	if (get_file(u, &err) < 0) {
		fail(p, &err);
		return;
	}
	step(u,
	     &(struct transfer_args){.method = TRANSFER_PUT,
				     .path = path,
				     .body_fd = u->fd,
				     .body_size = u->size,
				     .body_type = p->type},
	     after_put);
}

/* ---- all of them */

static void begin_more(struct push *p)
{
	for (size_t i = 0; i < p->count && p->running < PARALLEL_MAX; i++)
		if (!p->blobs[i].begun)
			begin_blob(&p->blobs[i]);
	if (p->left == 1 && !p->blobs[p->count].begun)
		begin_manifest(&p->blobs[p->count]);
}

static int read_request(struct push *p, struct error *err)
{
	const json_t *blobs = json_get_arr(p->request, "blobs"),
		     *manifest = json_get_obj(p->request, "manifest");
	const char *type = json_get_str(manifest, "type");

	p->count = json_array_size(blobs);
	p->left = p->count + 1;
	p->blobs = xcalloc(p->left, sizeof(*p->blobs));
	for (size_t i = 0; i <= p->count; i++) {
		const json_t *o = i < p->count ? json_array_get(blobs, i) : manifest;
		struct upload *u = &p->blobs[i];

		u->push = p;
		u->fd = -1;
		u->size = (uint64_t)MAX(json_get_int(o, "size", 0), 0);
		u->digest = xstrdup(json_get_str(o, "digest"));
		u->mount = xstrdup(json_get_str(o, "mount"));
		if (i < p->count && (!u->digest || !digest_valid(u->digest)))
			return error_set(err, EBADMSG, "an unknown request");
	}
	snprintf(p->type, sizeof(p->type), "Content-Type: %s", type ?: "application/json");
	return 0;
}

static int serve(struct push *p, struct error *err)
{
	int r = 0;

	while (r == 0 && p->left && !p->failed) {
		struct registry_wait supervisor = {.fd = p->socket};
		int timeout_ms = STEP_MS;

		begin_more(p);
		r = registry_client_work(p->client, &timeout_ms, err);
		if (r == 0 && p->left && !p->failed)
			r = registry_client_wait(p->client, &supervisor, 1, timeout_ms, err);
		/* It says nothing unless it is asked. */
		if (r == 0 && supervisor.ready)
			return error_set(err, ECANCELED, "the supervisor has gone");
	}
	return r;
}

int registry_push(struct registry_client *c, const json_t *request, int socket, struct error *err)
{
	struct push p = {.client = c, .request = request, .socket = socket};
	int r = read_request(&p, err);

	if (r == 0)
		r = serve(&p, err);
	if (r < 0)
		fail(&p, err);
	else
		say(&p, REGISTRY_PUSHED, json_object());
	if (p.failed) {
		*err = p.error;
		r = -err->code;
	}
	for (size_t i = 0; i <= p.count; i++) {
		free(p.blobs[i].digest);
		free(p.blobs[i].mount);
		free(p.blobs[i].location);
		if (p.blobs[i].fd >= 0)
			close(p.blobs[i].fd);
	}
	free(p.blobs);
	return r;
}
