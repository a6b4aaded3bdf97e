/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pull: one cmp-registry fetches documents and layers, a cmp-layer for each layer unpacks it while
 * it arrives, through a pipe between the two that no byte of leaves; here it is decided what is
 * needed, and what has come is brought into the store.
 *
 * What is there already is decided in a turn of the queue, and from then on the pull's blobs and
 * chains are counted as in use (image_pulls_live), so that no removal takes them away under it.  A
 * layer that another pull is fetching is waited for.  Ends are many (programs, the conversation,
 * turns of the queue): they are counted in `pending`, and the last one starts the final turn, which
 * records the image or cleans up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "images/helper.h"
#include "images/platform.h"
#include "images/store_int.h"
#include "images/talk.h"

#define PULLS_MAX     4 /* with a cmp-registry at a time */
#define UNPACKERS_MAX 4 /* cmp-layer programs at a time, of all pulls */
#define PIPE_BYTES    (1 << 20)
#define LAYER_MAX     ((uint64_t)100 << 30) /* unpacked */

enum layer_state { LAYER_WAITING, LAYER_FETCHING, LAYER_STORING, LAYER_DONE };

struct pull_layer {
	struct image_op op; /* STORING */
	struct image_pull *pull;
	enum layer_state state;
	char digest[DIGEST_TEXT_MAX], diff_id[DIGEST_TEXT_MAX], chain[DIGEST_HEX_MAX];
	int64_t size;
	bool stored; /* unpacked from the store's own blob */
	struct image_helper *unpacker;
	char *tmp;	/* below the store */
	json_t *result; /* of cmp-layer */
};

struct image_pull {
	struct list link; /* in store.pulls */
	struct image_op op;
	struct image_store *store;
	char *name, *full, *repository, *reference, *registry, *path, *platform;
	json_t *auth;
	void (*progress)(void *arg, const struct image_progress *p);
	void (*done)(void *arg, struct image *im, bool changed, const struct error *err);
	void *arg;

	char *tmp;	 /* below the store */
	char *spool;	 /* below the store: where the blobs are, instead of at a registry */
	json_t *spooled; /* its layers */
	bool held;	 /* `pending` counts one until the layers of the spool are done */
	struct image_talk *talk; /* NULL: it has ended */
	struct buf index, manifest, config;
	struct pull_layer *layers;
	size_t count, left;
	unsigned pending;
	bool begun, planned, complete, cancelled;
	struct error failure;

	char id[DIGEST_TEXT_MAX], manifest_id[DIGEST_TEXT_MAX];
	char *source;
	bool known, changed;
	int64_t now_ns;
	struct image_entry *entry; /* loaded by the worker */
};

static void schedule(struct image_store *s);

/* ---- progress */

static void tell(struct image_pull *p, const struct pull_layer *l, const char *text, bool done,
		 int64_t current)
{
	char id[13] = "";
	struct image_progress progress = {
		.layer = l ? id : NULL,
		.text = text,
		.done = done,
		.current_bytes = current,
		.total_bytes = l && current ? l->size : 0,
	};

	if (l)
		str_copy(id, sizeof(id), l->digest + strlen("sha256:"));
	if (p->progress && !p->cancelled)
		p->progress(p->arg, &progress);
}

/* ---- the end */

static void pull_free(struct image_pull *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->layers[i].tmp);
		json_decref(p->layers[i].result);
	}
	if (p->entry)
		image_unref(&p->entry->im);
	buf_release(&p->index);
	buf_release(&p->manifest);
	buf_release(&p->config);
	json_decref(p->auth);
	json_decref(p->spooled);
	free(p->spool);
	free(p->layers);
	free(p->name);
	free(p->full);
	free(p->repository);
	free(p->reference);
	free(p->registry);
	free(p->path);
	free(p->platform);
	free(p->tmp);
	free(p->source);
	free(p);
}

static int final_decide(struct image_op *op, struct error *err)
{
	struct image_pull *p = container_of(op, struct image_pull, op);
	char hex[DIGEST_HEX_MAX];

	(void)err;
	if (!p->complete)
		return 0;
	digest_of(p->config.data ?: "", p->config.len, hex);
	snprintf(p->id, sizeof(p->id), "sha256:%s", hex);
	p->known = image_entry_find(op->store, p->id) != NULL;
	return 0;
}

static int write_documents(struct image_pull *p, struct error *err)
{
	const struct image_store *s = p->store;
	char top[DIGEST_TEXT_MAX] = "";

	if (!p->spool && p->index.len &&
	    image_blob_put(s, p->index.data, p->index.len, top, err) < 0)
		return -err->code;
	if (image_blob_put(s, p->manifest.data ?: "", p->manifest.len, p->manifest_id, err) < 0 ||
	    image_blob_put(s, p->config.data ?: "", p->config.len, p->id, err) < 0)
		return -err->code;
	if (!p->spool)
		p->source = xasprintf("%s@%s", p->repository, *top ? top : p->manifest_id);
	return 0;
}

/* When the image says that it was made. */
static int64_t creation_of(const struct image_pull *p)
{
	auto_json json_t *config = NULL;
	struct error ignored = ERROR_INIT;
	const char *text = NULL;
	int64_t ns;

	if (json_load_text(p->config.data ?: "", p->config.len, &config, &ignored) == 0)
		text = json_get_str(config, "created");
	return text && strchr(text, '-') && time_parse(text, p->now_ns, &ns, &ignored) == 0 ? ns
											    : 0;
}

static int commit(struct image_pull *p, struct error *err)
{
	int64_t created_ns;

	p->now_ns = time_now_ns();
	created_ns = creation_of(p);
	if (write_documents(p, err) < 0)
		return -err->code;
	if (image_entry_load(p->store, p->id, p->manifest_id, created_ns, &p->entry, err) < 0)
		return -err->code;
	return image_record(p->store,
			    &(struct image_row){.id = p->id,
						.manifest = p->manifest_id,
						.name = p->full,
						.source = p->source,
						.created_ns = created_ns,
						.pulled_ns = p->now_ns,
						.keep_manifest = p->known},
			    err);
}

static int final_work(struct image_op *op, struct error *err)
{
	struct image_pull *p = container_of(op, struct image_pull, op);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */
	int r = 0;

	if (p->complete)
		r = commit(p, err);
	else
		*err = p->failure;
	if (p->tmp)
		(void)!file_remove_tree(op->store->dir, p->tmp, &ignored);
	return p->complete ? r : -err->code;
}

static void final_apply(struct image_op *op)
{
	struct image_pull *p = container_of(op, struct image_pull, op);
	struct image_store *s = op->store;
	const struct image_entry *old = p->full	    ? map_get(s->names, p->full)
					: p->source ? map_get(s->digests, p->source)
						    : NULL;

	p->entry = image_entry_insert(s, steal_ptr(&p->entry));
	image_ref(&p->entry->im); /* until the end is told */
	p->changed = old != p->entry;
	if (p->full)
		image_name_set(s, p->entry, p->full);
	if (p->source)
		image_source_set(s, p->entry, p->source, p->now_ns);
}

static void final_finish(struct image_op *op)
{
	struct image_pull *p = container_of(op, struct image_pull, op);
	struct image_store *s = op->store;

	list_remove(&p->link);
	if (p->begun)
		s->pulling--;
	if (op->error.code && !p->spool)
		error_wrap(&op->error, "pull %s", p->name);
	p->done(p->arg, op->error.code ? NULL : &p->entry->im, p->changed,
		op->error.code ? &op->error : NULL);
	pull_free(p);
	schedule(s);
}

static void one_ended(struct image_pull *p)
{
	static const struct image_op_kind kind = {final_decide, final_work, final_apply,
						  final_finish};

	if (--p->pending)
		return;
	if (!p->complete && !p->failure.code)
		error_set(&p->failure, EIO, "cmp-registry ended before its work was done");
	image_op_start(p->store, &p->op, &kind);
}

/* ---- the conversation with cmp-registry */

static void stop_unpackers(struct image_pull *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->layers[i].unpacker)
			image_helper_kill(p->layers[i].unpacker);
}

static void release(struct image_pull *p)
{
	if (!p->held)
		return;
	p->held = false;
	one_ended(p);
}

/* The first reason counts; what is under way is stopped. */
static void pull_fail(struct image_pull *p, const struct error *err)
{
	if (!p->failure.code)
		p->failure = *err;
	if (p->talk)
		image_talk_kill(p->talk);
	stop_unpackers(p);
	release(p);
}

static void keep(struct buf *document, const char *data, size_t len)
{
	buf_reset(document);
	buf_add(document, data, len);
}

static void on_failed(struct image_pull *p, const json_t *o)
{
	const char *message = json_get_str(o, "message");
	struct error err = ERROR_INIT;

	error_set(&err, (int)MIN(MAX(json_get_int(o, "code", EIO), 1), 4095), "%s",
		  message && str_printable(message) ? message : "cmp-registry failed");
	/* A layer that has failed meanwhile has done so because its bytes ended. */
	if (!p->cancelled)
		p->failure = err;
	pull_fail(p, &err);
}

static struct pull_layer *layer_of(struct image_pull *p, const json_t *o)
{
	int64_t index = json_get_int(o, "layer", -1);

	return index >= 0 && (size_t)index < p->count ? &p->layers[index] : NULL;
}

static void on_progress(struct image_pull *p, const json_t *o)
{
	struct pull_layer *l = layer_of(p, o);

	if (l && l->state == LAYER_FETCHING)
		tell(p, l, "Downloading", false, MIN(json_get_int(o, "bytes", 0), l->size));
}

static void on_fetched(struct image_pull *p, const json_t *o)
{
	struct pull_layer *l = layer_of(p, o);

	if (l && l->state == LAYER_FETCHING)
		tell(p, l, "Extracting", false, 0);
}

static void on_note(struct image_pull *p, const json_t *o)
{
	const char *text = json_get_str(o, "text");
	struct image_progress progress = {.text = text, .retry = true};

	if (text && str_printable(text) && p->progress && !p->cancelled)
		p->progress(p->arg, &progress);
}

static void on_layers(struct image_pull *p, const json_t *o);

static void on_json(struct image_pull *p, enum registry_frame kind, const char *data, size_t len)
{
	static void (*const handlers[REGISTRY_FRAME_MAX])(struct image_pull *, const json_t *) = {
		[REGISTRY_LAYERS] = on_layers,	 [REGISTRY_PROGRESS] = on_progress,
		[REGISTRY_FETCHED] = on_fetched, [REGISTRY_NOTE] = on_note,
		[REGISTRY_FAILED] = on_failed,
	};
	auto_json json_t *o = NULL;
	struct error err = ERROR_INIT;

	if (!handlers[kind] || json_load_text(data, len, &o, &err) < 0) {
		error_set(&err, EBADMSG, "the conversation with cmp-registry is damaged");
		pull_fail(p, &err);
		return;
	}
	handlers[kind](p, o);
}

static void on_frame(void *arg, enum registry_frame kind, const char *data, size_t len)
{
	struct image_pull *p = arg;
	struct buf *const documents[REGISTRY_FRAME_MAX] = {
		[REGISTRY_INDEX] = &p->index,
		[REGISTRY_MANIFEST] = &p->manifest,
		[REGISTRY_CONFIG] = &p->config,
	};

	if (documents[kind])
		keep(documents[kind], data, len);
	else
		on_json(p, kind, data, len);
}

/* ---- layers: what there is to do */

static bool layer_exists(const struct pull_layer *l)
{
	const struct image_store *s = l->pull->store;

	return image_layer_bytes(s, l->chain) >= 0 && image_blob_exists(s, l->digest);
}

static int plan_decide(struct image_op *op, struct error *err)
{
	struct image_pull *p = container_of(op, struct image_pull, op);

	(void)err;
	p->planned = true; /* from now on what it needs is in use */
	return 0;
}

static void plan_finish(struct image_op *op)
{
	struct image_pull *p = container_of(op, struct image_pull, op);

	for (size_t i = 0; i < p->count && !p->failure.code; i++) {
		struct pull_layer *l = &p->layers[i];

		if (layer_exists(l)) {
			l->state = LAYER_DONE;
			p->left--;
			tell(p, l, "Already exists", true, 0);
		} else {
			tell(p, l, "Pulling fs layer", false, 0);
		}
	}
	one_ended(p);
	schedule(p->store);
}

static int take_layer(struct image_pull *p, const json_t *o, struct error *err)
{
	const char *digest = json_get_str(o, "digest"), *diff = json_get_str(o, "diff_id");
	struct pull_layer *l = &p->layers[p->count];

	if (!digest || !diff || !digest_valid(digest) || !digest_valid(diff))
		return error_set(err, EBADMSG, "cmp-registry told of an impossible layer");
	*l = (struct pull_layer){.pull = p, .size = MAX(json_get_int(o, "size", 0), 0)};
	str_copy(l->digest, sizeof(l->digest), digest);
	str_copy(l->diff_id, sizeof(l->diff_id), diff);
	if (p->count)
		str_copy(l->chain, sizeof(l->chain), p->layers[p->count - 1].chain);
	image_chain_next(l->chain, diff);
	l->tmp = xasprintf("%s/%zu", p->tmp, p->count);
	p->count++;
	return 0;
}

static void on_layers(struct image_pull *p, const json_t *list)
{
	static const struct image_op_kind kind = {plan_decide, NULL, NULL, plan_finish};
	struct error err = ERROR_INIT;
	size_t n = json_array_size(list);

	if (p->layers || !p->manifest.len || !p->config.len || n > REGISTRY_LAYERS_MAX) {
		error_set(&err, EBADMSG, "the conversation with cmp-registry is damaged");
		pull_fail(p, &err);
		return;
	}
	p->layers = xcalloc(n + 1, sizeof(*p->layers));
	for (size_t i = 0; i < n; i++) {
		if (take_layer(p, json_array_get(list, i), &err) < 0) {
			pull_fail(p, &err);
			return;
		}
	}
	p->left = n;
	p->pending++;
	image_op_start(p->store, &p->op, &kind);
}

void image_pulls_live(const struct image_store *s, void (*blob)(void *arg, const char *hex),
		      void (*chain)(void *arg, const char *hex), void *arg)
{
	const struct image_pull *p;

	list_for_each (p, &s->pulls, link) {
		for (size_t i = 0; p->planned && i < p->count; i++) {
			blob(arg, p->layers[i].digest + strlen("sha256:"));
			chain(arg, p->layers[i].chain);
		}
	}
}

/* ---- layers: doing it */

static void layer_failed(struct pull_layer *l, const struct error *why)
{
	struct image_pull *p = l->pull;
	struct error err = *why;

	error_wrap(&err, "layer %s", l->digest);
	if (!p->failure.code)
		p->failure = err;
	stop_unpackers(p);
	release(p);
	/* What it has to say about the reason is heard before it goes. */
	if (p->talk)
		image_talk_finish(p->talk);
}

static int store_work(struct image_op *op, struct error *err)
{
	struct pull_layer *l = container_of(op, struct pull_layer, op);

	return image_layer_put(op->store, l->tmp, l->chain, l->result, err);
}

static void store_finish(struct image_op *op)
{
	struct pull_layer *l = container_of(op, struct pull_layer, op);
	struct image_pull *p = l->pull;

	if (op->error.code) {
		layer_failed(l, &op->error);
	} else {
		l->state = LAYER_DONE;
		p->left--;
		tell(p, l, "Pull complete", true, 0);
	}
	one_ended(p);
	schedule(op->store);
}

static int check_result(struct pull_layer *l, const char *output, struct error *err)
{
	if (image_layer_result(output, &l->result, err) < 0)
		return -err->code;
	if (!str_eq(json_get_str(l->result, "digest"), l->digest))
		return error_set(err, EBADMSG, "the registry sent bytes with the digest %s",
				 json_get_str(l->result, "digest"));
	if (!str_eq(json_get_str(l->result, "diff_id"), l->diff_id))
		return error_set(err, EBADMSG,
				 "its content has the digest %s, but the image says %s",
				 json_get_str(l->result, "diff_id"), l->diff_id);
	return 0;
}

static void on_unpacked(void *arg, const char *output, const struct error *failure)
{
	static const struct image_op_kind kind = {NULL, store_work, NULL, store_finish};
	struct pull_layer *l = arg;
	struct image_pull *p = l->pull;
	struct error err = failure ? *failure : ERROR_INIT;

	l->unpacker = NULL;
	p->store->unpacking--;
	if (!failure && !p->failure.code)
		(void)!check_result(l, output, &err);
	if (err.code || p->failure.code) {
		l->state = LAYER_WAITING;
		if (err.code)
			layer_failed(l, &err);
		one_ended(p);
		schedule(p->store);
		return;
	}
	l->state = LAYER_STORING;
	image_op_start(p->store, &l->op, &kind); /* its end is ours */
}

uint64_t image_quota(const struct image_store *s)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (fstatvfs(s->dir, &fs) < 0)
		return LAYER_MAX;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return MIN(LAYER_MAX, free_bytes - free_bytes / 20);
}

static int start_unpacker(struct pull_layer *l, int input, struct error *err)
{
	const struct image_store *s = l->pull->store;
	auto_free char *fs = xasprintf("%s/%s/layer/fs", s->root, l->tmp);
	auto_free char *blob = l->stored ? xstrdup("-") : xasprintf("%s/%s/blob", s->root, l->tmp);
	auto_free char *max = xasprintf("%llu", (unsigned long long)image_quota(s));
	const char *lowest[] = {"--verbatim", fs, blob, max, NULL};
	const char *upper[] = {"--overlay", "--verbatim", fs, blob, max, NULL};
	struct image_helper_args args = {.program = "cmp-layer",
					 .argv = l == l->pull->layers ? lowest : upper,
					 .input = input,
					 .socket = -1,
					 .done = on_unpacked,
					 .arg = l};

	if (file_mkdir_p(fs, 0755, err) < 0)
		return -err->code;
	return image_helper_start(s->loop, &args, &l->unpacker, err);
}

static int open_spooled(const struct pull_layer *l, struct error *err)
{
	auto_free char *path = xasprintf("%s/%s", l->pull->spool, l->digest + strlen("sha256:"));
	int fd = openat(l->pull->store->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_sys(err, errno, "open the blob %s", l->digest) : fd;
}

/* The bytes come from the store when it has them, otherwise from the spool or the registry. */
static int open_bytes(struct pull_layer *l, struct error *err)
{
	const struct image_store *s = l->pull->store;
	auto_free char *blob = xasprintf(IMAGE_BLOB_DIR "/%s", l->digest + strlen("sha256:"));
	json_t *request;
	int fds[2], r;

	fds[0] = openat(s->dir, blob, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	l->stored = fds[0] >= 0;
	if (l->stored)
		return fds[0];
	if (l->pull->spool)
		return open_spooled(l, err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* smaller ones do, slower */
	request = json_object();
	json_set_int(request, "layer", l - l->pull->layers);
	r = l->pull->talk ? image_talk_send(l->pull->talk, REGISTRY_FETCH, request, fds[1], err)
			  : error_set(err, EIO, "cmp-registry has gone");
	close(fds[1]);
	if (r >= 0)
		return fds[0];
	close(fds[0]);
	return r;
}

static void start_layer(struct pull_layer *l)
{
	struct error err = ERROR_INIT;
	auto_fd int input = open_bytes(l, &err);

	if (input < 0 || start_unpacker(l, input, &err) < 0) {
		layer_failed(l, &err);
		return;
	}
	l->state = LAYER_FETCHING;
	l->pull->pending++;
	l->pull->store->unpacking++;
}

/* Is the same layer, or its blob, on its way already? */
static bool under_way(const struct pull_layer *l)
{
	const struct image_pull *p;

	list_for_each (p, &l->pull->store->pulls, link) {
		for (size_t i = 0; i < p->count; i++) {
			const struct pull_layer *other = &p->layers[i];

			if ((other->state == LAYER_FETCHING || other->state == LAYER_STORING) &&
			    (!strcmp(other->digest, l->digest) || !strcmp(other->chain, l->chain)))
				return true;
		}
	}
	return false;
}

static void advance(struct image_pull *p)
{
	for (size_t i = 0; i < p->count && !p->failure.code; i++) {
		struct pull_layer *l = &p->layers[i];

		if (l->state != LAYER_WAITING || under_way(l))
			continue;
		if (layer_exists(l)) { /* another pull has brought it */
			l->state = LAYER_DONE;
			p->left--;
			tell(p, l, "Already exists", true, 0);
		} else if (p->store->unpacking < UNPACKERS_MAX) {
			start_layer(l);
		}
	}
	if (p->left || p->failure.code || p->complete)
		return;
	p->complete = true;
	if (p->talk)
		image_talk_kill(p->talk); /* nothing more is wanted of it */
	release(p);
}

/* ---- beginning */

static void on_talk_end(void *arg, const struct error *err)
{
	struct image_pull *p = arg;

	p->talk = NULL;
	if (err && !p->complete && !p->failure.code)
		p->failure = *err;
	if (!p->complete)
		stop_unpackers(p);
	one_ended(p);
}

static json_t *request_of(const struct image_pull *p)
{
	json_t *o = json_object();

	json_set_str(o, "registry", p->registry);
	json_set_str(o, "path", p->path);
	json_set_str(o, "reference", p->reference);
	json_set_str(o, "platform", p->platform);
	if (p->auth)
		json_set_new(o, "auth", json_incref(p->auth));
	return o;
}

static int begin(struct image_pull *p, struct error *err)
{
	auto_free char *root = xasprintf("%s/%s/root", p->store->root, p->tmp);
	struct image_talk_args args = {
		.root = root, .frame = on_frame, .done = on_talk_end, .arg = p};

	if (p->spool) {
		p->held = true;
		p->pending++;
		on_layers(p, p->spooled);
		return 0;
	}
	if (image_talk_start(p->store->loop, &args, &p->talk, err) < 0)
		return -err->code;
	p->pending++;
	return image_talk_send(p->talk, REGISTRY_PULL, request_of(p), -1, err);
}

static void try_begin(struct image_pull *p)
{
	struct error err = ERROR_INIT;

	p->begun = true;
	p->store->pulling++;
	p->pending++; /* until this has been done */
	if (begin(p, &err) < 0)
		pull_fail(p, &err);
	one_ended(p);
}

/* Gives free places to those that wait, in the order in which they came. */
static void schedule(struct image_store *s)
{
	struct image_pull *p, *next;

	list_for_each_safe (p, next, &s->pulls, link) {
		if (!p->begun && s->pulling < PULLS_MAX)
			try_begin(p);
		else if (p->planned && !p->complete)
			advance(p);
	}
}

int image_pull_check(const struct image_pull_args *args, struct error *err)
{
	auto_reference struct image_reference r = {0};
	struct platform ignored;

	if (image_reference_parse(args->name, &r, err) < 0)
		return -err->code;
	return str_empty(args->platform) ? 0 : platform_parse(args->platform, &ignored, err);
}

static int take_args(struct image_pull *p, const struct image_pull_args *args, struct error *err)
{
	auto_reference struct image_reference r = {0};

	if (image_pull_check(args, err) < 0 || image_reference_parse(args->name, &r, err) < 0)
		return -err->code;
	p->name = xstrdup(args->name);
	p->repository = xasprintf("%s/%s", r.registry, r.path);
	p->full = r.tag ? xasprintf("%s:%s", p->repository, r.tag) : NULL;
	/* Who asks for a digest gets it, whatever the tag means by now. */
	if (r.digest)
		free(steal_ptr(&p->full));
	p->reference = xstrdup(r.digest ?: r.tag);
	p->registry = steal_ptr(&r.registry);
	p->path = steal_ptr(&r.path);
	p->platform = str_empty(args->platform) ? NULL : xstrdup(args->platform);
	p->auth = json_incref((json_t *)(uintptr_t)args->auth);
	return 0;
}

static struct image_pull *pull_new(struct image_store *s, const struct image_pull_args *args)
{
	struct image_pull *p = xcalloc(1, sizeof(*p));
	char id[DIGEST_HEX_MAX];

	p->store = s;
	list_init(&p->link);
	p->progress = args->progress;
	p->done = args->done;
	p->arg = args->arg;
	digest_random_id(id);
	p->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	buf_init(&p->index, REGISTRY_MANIFEST_MAX);
	buf_init(&p->manifest, REGISTRY_MANIFEST_MAX);
	buf_init(&p->config, REGISTRY_CONFIG_MAX);
	return p;
}

int image_pull_start(struct image_store *s, const struct image_pull_args *args,
		     struct image_pull **ret, struct error *err)
{
	struct image_pull *p = pull_new(s, args);

	if (take_args(p, args, err) < 0) {
		pull_free(p);
		return -err->code;
	}
	list_append(&s->pulls, &p->link);
	*ret = p;
	schedule(s);
	return 0;
}

void image_pull_spooled(struct image_store *s, const struct image_spooled *from,
			const struct image_pull_args *args, struct image_pull **ret)
{
	struct image_pull *p = pull_new(s, args);
	auto_reference struct image_reference r = {0};
	struct error ignored = ERROR_INIT;

	if (args->name && image_reference_parse(args->name, &r, &ignored) == 0)
		p->full = image_reference_full(&r);
	p->name = xstrdup(args->name ?: "image");
	p->spool = xstrdup(from->dir);
	p->spooled = json_incref((json_t *)(uintptr_t)from->layers);
	keep(&p->manifest, from->manifest->data ?: "", from->manifest->len);
	keep(&p->config, from->config->data ?: "", from->config->len);
	list_append(&s->pulls, &p->link);
	*ret = p;
	schedule(s);
}

void image_pull_cancel(struct image_pull *p)
{
	struct error err = ERROR_INIT;

	p->cancelled = true;
	if (p->begun && !p->pending)
		return; /* all is there, and being recorded */
	error_set(&err, ECANCELED, "the pull was cancelled");
	p->complete = false;
	if (p->begun) {
		pull_fail(p, &err);
		return;
	}
	p->failure = err;
	p->begun = true;
	p->store->pulling++;
	p->pending++;
	one_ended(p);
}
