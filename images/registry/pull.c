/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See pull.h.  The documents come one after the other; layers side by side, each into the pipe that
 * the supervisor has sent for it.  A pipe that is full stops its transfer only.
 */
#include "images/registry/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "images/registry/document.h"
#include "images/registry/protocol.h"

#define STEP_MS	    60000
#define PROGRESS_NS (100 * NS_PER_MS)

struct pull;

struct layer {
	struct pull *pull;
	struct descriptor descriptor;
	struct transfer *transfer; /* NULL: not under way */
	int fd;			   /* the pipe; -1: not asked for, or all written */
	struct buf rest;	   /* what the pipe did not take */
	bool arrived;		   /* nothing more comes from the registry */
	uint64_t bytes;
	int64_t told_ns;
};

struct pull {
	struct registry_client *client;
	int socket;
	struct layer *layers;
	size_t count;
	bool failed;
	struct error error;
};

/* ---- to the supervisor */

static int say(struct pull *p, enum registry_frame kind, const void *data, size_t len,
	       struct error *err)
{
	auto_buf struct buf out;

	buf_init(&out, REGISTRY_CONFIG_MAX + REGISTRY_HEAD);
	registry_frame_add(&out, kind, data, len);
	return file_write_all(p->socket, out.data, out.len, err);
}

static void say_json(struct pull *p, enum registry_frame kind, json_t *value)
{
	auto_json json_t *owned = value;
	auto_free char *text = json_text(owned);

	if (p->socket >= 0 && !p->failed && say(p, kind, text, strlen(text), &p->error) < 0)
		p->failed = true; /* nobody listens */
}

static void fail(struct pull *p, const struct error *err)
{
	json_t *o = json_object();

	json_set_int(o, "code", err->code);
	json_set_str(o, "message", err->msg);
	say_json(p, REGISTRY_FAILED, o);
	if (!p->failed)
		p->error = *err;
	p->failed = true;
}

static void note(struct pull *p, const struct layer *l, const char *text)
{
	json_t *o = json_object();

	if (l)
		json_set_int(o, "layer", l - p->layers);
	json_set_str(o, "text", text);
	say_json(p, REGISTRY_NOTE, o);
}

/* ---- documents */

struct download {
	struct pull *pull;
	struct buf text;
	bool done;
	struct error error;
};

static int on_document_data(void *arg, const char *data, size_t len, struct error *err)
{
	struct download *d = arg;

	buf_add(&d->text, data, len);
	return d->text.overflow ? error_set(err, E2BIG, "a document is too long") : 0;
}

static void on_document_retry(void *arg, const char *text)
{
	struct download *d = arg;

	note(d->pull, NULL, text);
}

static void on_document_done(void *arg, const struct error *err)
{
	struct download *d = arg;

	d->done = true;
	if (err)
		d->error = *err;
}

static int download(struct pull *p, const char *path, bool manifest, uint64_t size, bool up_to,
		    struct buf *ret, struct error *err)
{
	struct download d = {.pull = p};
	struct transfer_args args = {
		.path = path,
		.accept = manifest ? "Accept: " DOCUMENT_ACCEPT : NULL,
		.size = size,
		.up_to = up_to,
		.on_data = on_document_data,
		.on_retry = on_document_retry,
		.on_done = on_document_done,
		.arg = &d,
	};
	int r = 0;

	buf_init(&d.text, REGISTRY_CONFIG_MAX + 1);
	transfer_start(p->client, &args);
	while (!d.done && r == 0) {
		int timeout_ms = STEP_MS;

		r = registry_client_work(p->client, &timeout_ms, err);
		if (r == 0 && !d.done)
			r = registry_client_wait(p->client, NULL, 0, timeout_ms, err);
	}
	if (r == 0 && d.error.code) {
		*err = d.error;
		r = -err->code;
	}
	*ret = d.text;
	return r;
}

static int check_digest(const struct buf *text, const char *digest, struct error *err)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(text->data ?: "", text->len, hex);
	if (!strcmp(hex, digest + strlen("sha256:")))
		return 0;
	return error_set(err, EBADMSG,
			 "the registry sent a document with the digest sha256:%s for %s", hex,
			 digest);
}

static int get_manifest(struct pull *p, const char *reference, uint64_t size, bool up_to,
			struct buf *ret, struct error *err)
{
	auto_free char *path = xasprintf("manifests/%s", reference);

	if (download(p, path, true, size, up_to, ret, err) < 0)
		return -err->code;
	return digest_valid(reference) ? check_digest(ret, reference, err) : 0;
}

static int get_blob(struct pull *p, const struct descriptor *d, struct buf *ret, struct error *err)
{
	auto_free char *path = xasprintf("blobs/%s", d->digest);

	if (download(p, path, false, d->size, false, ret, err) < 0)
		return -err->code;
	return check_digest(ret, d->digest, err);
}

/* The manifest of the platform; an index on the way is told of. */
static int find_manifest(struct pull *p, const char *reference, const struct platform *want,
			 struct buf *text, json_t **ret, struct error *err)
{
	struct descriptor chosen;
	enum document_kind kind;
	auto_json json_t *doc = NULL;

	if (get_manifest(p, reference, REGISTRY_MANIFEST_MAX, true, text, err) < 0 ||
	    document_read(text->data ?: "", text->len, &kind, &doc, err) < 0)
		return -err->code;
	if (kind == DOCUMENT_INDEX) {
		if (say(p, REGISTRY_INDEX, text->data, text->len, err) < 0 ||
		    document_choose(doc, want, &chosen, err) < 0)
			return -err->code;
		if (chosen.size > REGISTRY_MANIFEST_MAX)
			return error_set(err, E2BIG, "manifest: it is larger than %zu bytes",
					 REGISTRY_MANIFEST_MAX);
		json_decref(steal_ptr(&doc));
		buf_release(text);
		if (get_manifest(p, chosen.digest, chosen.size, false, text, err) < 0 ||
		    document_read(text->data ?: "", text->len, &kind, &doc, err) < 0)
			return -err->code;
		if (kind == DOCUMENT_INDEX)
			return error_set(err, ENOTSUP, "an index within an index is not supported");
	}
	*ret = steal_ptr(&doc);
	return say(p, REGISTRY_MANIFEST, text->data, text->len, err);
}

static void tell_layers(struct pull *p, const struct descriptor *layers, const json_t *diffs)
{
	json_t *list = json_array();

	p->layers = xcalloc(p->count + 1, sizeof(*p->layers));
	for (size_t i = 0; i < p->count; i++) {
		json_t *o = json_object();

		p->layers[i] = (struct layer){.pull = p, .descriptor = layers[i], .fd = -1};
		buf_init(&p->layers[i].rest, REGISTRY_CONFIG_MAX);
		json_set_str(o, "digest", layers[i].digest);
		json_set_int(o, "size", (int64_t)layers[i].size);
		json_set_str(o, "diff_id", json_string_value(json_array_get(diffs, i)));
		json_array_append_new(list, o);
	}
	say_json(p, REGISTRY_LAYERS, list);
}

static int get_documents(struct pull *p, const json_t *request, struct error *err)
{
	const char *reference = json_get_str(request, "reference"),
		   *text = json_get_str(request, "platform");
	auto_buf struct buf manifest = BUF_INIT, config = BUF_INIT;
	auto_json json_t *doc = NULL, *diffs = NULL;
	auto_free struct descriptor *layers = NULL;
	struct descriptor of_config;
	struct platform want;

	platform_host(&want);
	if (text && platform_parse(text, &want, err) < 0)
		return -err->code;
	if (find_manifest(p, reference, &want, &manifest, &doc, err) < 0 ||
	    document_parts(doc, &of_config, &layers, &p->count, err) < 0 ||
	    get_blob(p, &of_config, &config, err) < 0 ||
	    document_config(config.data ?: "", config.len, p->count, text ? &want : NULL, &diffs,
			    err) < 0 ||
	    say(p, REGISTRY_CONFIG, config.data, config.len, err) < 0)
		return -err->code;
	tell_layers(p, layers, diffs);
	return 0;
}

/* ---- layers */

static void close_pipe(struct layer *l)
{
	close(steal_fd(&l->fd));
	buf_release(&l->rest);
}

static void fetched(struct layer *l)
{
	json_t *o = json_object();

	json_set_int(o, "layer", l - l->pull->layers);
	say_json(l->pull, REGISTRY_FETCHED, o);
	close_pipe(l);
}

/* How many bytes the pipe takes now. */
static ssize_t put(struct layer *l, const char *data, size_t len, struct error *err)
{
	ssize_t n;

	do
		n = write(l->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n < 0 ? error_sys(err, errno, "hand over a layer") : n;
}

static void tell_progress(struct layer *l)
{
	int64_t now = time_boot_ns();
	json_t *o;

	if (now - l->told_ns < PROGRESS_NS)
		return;
	l->told_ns = now;
	o = json_object();
	json_set_int(o, "layer", l - l->pull->layers);
	json_set_int(o, "bytes", (int64_t)l->bytes);
	say_json(l->pull, REGISTRY_PROGRESS, o);
}

static int on_layer_data(void *arg, const char *data, size_t len, struct error *err)
{
	struct layer *l = arg;
	ssize_t n;

	if (l->rest.len)
		return 1;
	n = put(l, data, len, err);
	if (n < 0)
		return (int)n;
	buf_add(&l->rest, data + n, len - (size_t)n);
	l->bytes += len;
	tell_progress(l);
	return 0;
}

static void on_layer_retry(void *arg, const char *text)
{
	struct layer *l = arg;

	note(l->pull, l, text);
}

static void on_layer_done(void *arg, const struct error *err)
{
	struct layer *l = arg;

	l->transfer = NULL;
	l->arrived = true;
	if (err && err->code == EPIPE)
		close_pipe(l); /* whoever unpacks has its own reason to stop */
	else if (err)
		fail(l->pull, err);
	else if (!l->rest.len)
		fetched(l);
}

static void on_writable(struct layer *l)
{
	struct error err = ERROR_INIT;
	ssize_t n = put(l, l->rest.data, l->rest.len, &err);

	if (n < 0) {
		if (l->transfer)
			buf_reset(&l->rest); /* the transfer finds out */
		else
			close_pipe(l);
	} else {
		buf_consume(&l->rest, (size_t)n);
	}
	if (l->fd < 0 || l->rest.len)
		return;
	if (l->transfer)
		transfer_resume(l->transfer);
	else if (l->arrived)
		fetched(l);
}

static int start_layer(struct pull *p, const json_t *request, int fd, struct error *err)
{
	int64_t index = json_get_int(request, "layer", -1);
	struct layer *l = index >= 0 && (size_t)index < p->count ? &p->layers[index] : NULL;
	auto_free char *path = l ? xasprintf("blobs/%s", l->descriptor.digest) : NULL;
	struct transfer_args args = {
		.path = path,
		.on_data = on_layer_data,
		.on_retry = on_layer_retry,
		.on_done = on_layer_done,
		.arg = l,
	};

	if (!l || l->fd >= 0 || l->arrived || fd < 0) {
		close(fd);
		return error_set(err, EINVAL, "an impossible request for a layer");
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return error_sys(err, errno, "hand over a layer");
	}
	l->fd = fd;
	args.size = l->descriptor.size;
	l->transfer = transfer_start(p->client, &args);
	return 0;
}

/* 0: the supervisor has hung up. */
static int take_request(struct pull *p, struct error *err)
{
	auto_json json_t *request = NULL;
	auto_buf struct buf text;
	enum registry_frame kind;
	int fd = -1, r;

	buf_init(&text, REGISTRY_REQUEST_MAX + 1);
	r = registry_frame_receive(p->socket, &kind, &text, &fd, err);
	if (r <= 0)
		return r;
	if (kind != REGISTRY_FETCH ||
	    json_load_text(text.data ?: "", text.len, &request, err) < 0) {
		close(fd);
		return error_set(err, EBADMSG, "an unknown request");
	}
	r = start_layer(p, request, fd, err);
	return r < 0 ? r : 1;
}

/* The socket, and the pipes that are full; *who tells whose they are. */
static size_t collect_waits(struct pull *p, struct registry_wait *waits, struct layer **who)
{
	size_t n = 1;

	waits[0] = (struct registry_wait){.fd = p->socket};
	for (size_t i = 0; i < p->count; i++) {
		if (p->layers[i].fd < 0 || !p->layers[i].rest.len)
			continue;
		who[n] = &p->layers[i];
		waits[n++] = (struct registry_wait){.fd = p->layers[i].fd, .writable = true};
	}
	return n;
}

static int serve(struct pull *p, struct error *err)
{
	struct registry_wait *waits = xcalloc(p->count + 1, sizeof(*waits));
	struct layer **who = xcalloc(p->count + 1, sizeof(*who));
	int r = 1;

	while (r > 0 && !p->failed) {
		int timeout_ms = STEP_MS;
		size_t n;

		r = registry_client_work(p->client, &timeout_ms, err);
		n = collect_waits(p, waits, who); /* the work may have filled a pipe */
		if (r == 0)
			r = registry_client_wait(p->client, waits, n, timeout_ms, err);
		for (size_t i = 1; i < n && r == 0; i++)
			if (waits[i].ready)
				on_writable(who[i]);
		if (r == 0)
			r = waits[0].ready ? take_request(p, err) : 1;
	}
	free(waits);
	free(who);
	return r;
}

int registry_pull(struct registry_client *c, const json_t *request, int socket, struct error *err)
{
	struct pull p = {.client = c, .socket = socket};
	int r = get_documents(&p, request, err);

	if (r == 0 && !p.failed)
		r = serve(&p, err);
	if (r < 0)
		fail(&p, err);
	if (p.failed) {
		*err = p.error;
		r = -err->code;
	}
	for (size_t i = 0; i < p.count && p.layers; i++)
		if (p.layers[i].fd >= 0)
			close_pipe(&p.layers[i]);
	free(p.layers);
	return r;
}

int registry_check(struct registry_client *c, struct error *err)
{
	struct pull p = {.client = c, .socket = -1};
	auto_buf struct buf answer = BUF_INIT;

	return download(&p, "", false, REGISTRY_MANIFEST_MAX, true, &answer, err);
}
