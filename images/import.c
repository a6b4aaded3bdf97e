/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Import: the stream goes to a cmp-layer of its own, which unpacks it in tmp/; when it has ended,
 * one operation of the queue moves layer and blob to their places, writes config and manifest, and
 * records the image, or cleans up.
 */
#include <errno.h>

#include "base/file.h"
#include "base/time.h"
#include "images/change.h"
#include "images/feed.h"
#include "images/platform.h"
#include "images/store_int.h"

#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"

struct image_import {
	struct image_op op;
	struct image_store *store;
	char *full; /* the name, or NULL */
	json_t *document;
	int64_t created_ns;
	void (*on_drain)(void *arg);
	void (*done)(void *arg, const char *id, const struct error *err);
	void *arg;

	char *tmp;		 /* below the store: tmp/<id> */
	struct image_feed *feed; /* NULL: it has ended */
	char *result;		 /* what it wrote */
	struct error failure;	 /* why it failed */
	bool cancelled;
	bool refused; /* cancelled before its turn came */

	char id[DIGEST_TEXT_MAX], manifest[DIGEST_TEXT_MAX];
	struct image_entry *entry; /* loaded by the worker */
};

/* ---- the end: a turn in the queue */

static json_t *descriptor(const char *media_type, const char *digest, int64_t size)
{
	json_t *o = json_object();

	json_set_str(o, "mediaType", media_type);
	json_set_str(o, "digest", digest);
	json_set_int(o, "size", size);
	return o;
}

static json_t *manifest_of(const char *config, size_t config_len, const json_t *result)
{
	json_t *o = json_object(), *layers = json_array();

	json_array_append_new(layers, descriptor(json_get_str(result, "media_type"),
						 json_get_str(result, "digest"),
						 json_get_int(result, "blob_bytes", 0)));
	json_set_int(o, "schemaVersion", 2);
	json_set_str(o, "mediaType", MEDIA_MANIFEST);
	json_set_new(o, "config", descriptor(MEDIA_CONFIG, config, (int64_t)config_len));
	json_set_new(o, "layers", layers);
	return o;
}

static int commit(struct image_import *im, struct error *err)
{
	const struct image_store *s = im->store;
	json_t *diffs = json_get_path(im->document, "rootfs.diff_ids");
	auto_json json_t *result = NULL, *manifest = NULL;
	auto_free char *text = NULL;
	const char *diff;

	if (image_layer_result(im->result, &result, err) < 0)
		return -err->code;
	diff = json_get_str(result, "diff_id");
	/* The only layer: its chain is the layer itself. */
	if (image_layer_put(s, im->tmp, diff + strlen("sha256:"), result, err) < 0)
		return -err->code;
	json_array_append_new(diffs, json_str(diff));
	text = json_text(im->document);
	if (image_blob_put(s, text, strlen(text), im->id, err) < 0)
		return -err->code;
	manifest = manifest_of(im->id, strlen(text), result);
	free(steal_ptr(&text));
	text = json_text(manifest);
	if (image_blob_put(s, text, strlen(text), im->manifest, err) < 0 ||
	    image_entry_load(s, im->id, im->manifest, im->created_ns, &im->entry, err) < 0)
		return -err->code;
	return image_record(s,
			    &(struct image_row){.id = im->id,
						.manifest = im->manifest,
						.name = im->full,
						.created_ns = im->created_ns},
			    err);
}

/* Why cmp-layer did not do it. */
static int outcome(const struct image_import *im, struct error *err)
{
	if (im->refused)
		return error_set(err, ECANCELED, "the import was cancelled");
	if (!im->failure.code)
		return 0;
	*err = im->failure;
	return -err->code;
}

static int import_decide(struct image_op *op, struct error *err)
{
	struct image_import *im = container_of(op, struct image_import, op);

	(void)err;
	im->refused = im->cancelled;
	return 0;
}

static int import_work(struct image_op *op, struct error *err)
{
	struct image_import *im = container_of(op, struct image_import, op);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */
	int r = outcome(im, err);

	if (r == 0)
		r = commit(im, err);
	(void)!file_remove_tree(im->store->dir, im->tmp, &ignored);
	return r;
}

static void import_apply(struct image_op *op)
{
	struct image_import *im = container_of(op, struct image_import, op);
	struct image_entry *e = image_entry_insert(im->store, steal_ptr(&im->entry));

	if (im->full)
		image_name_set(im->store, e, im->full);
}

static void import_free(struct image_import *im)
{
	if (im->entry)
		image_unref(&im->entry->im);
	json_decref(im->document);
	free(im->result);
	free(im->full);
	free(im->tmp);
	free(im);
}

static void import_finish(struct image_op *op)
{
	struct image_import *im = container_of(op, struct image_import, op);

	im->store->imports--;
	im->done(im->arg, op->error.code ? NULL : im->id, op->error.code ? &op->error : NULL);
	import_free(im);
}

/* ---- the program */

static void on_unpacked(void *arg, const char *output, const struct error *err)
{
	static const struct image_op_kind kind = {import_decide, import_work, import_apply,
						  import_finish};
	struct image_import *im = arg;

	im->feed = NULL;
	im->result = xstrdup(output);
	if (err)
		im->failure = *err;
	image_op_start(im->store, &im->op, &kind);
}

static void on_drain(void *arg)
{
	struct image_import *im = arg;

	if (im->on_drain)
		im->on_drain(im->arg);
}

static int start(struct image_import *im, struct error *err)
{
	auto_free char *fs = xasprintf("%s/%s/layer/fs", im->store->root, im->tmp);
	auto_free char *blob = xasprintf("%s/%s/blob", im->store->root, im->tmp);
	const char *const argv[] = {fs, blob, NULL};
	struct image_feed_args args = {.program = "cmp-layer",
				       .argv = argv,
				       .on_drain = on_drain,
				       .done = on_unpacked,
				       .arg = im};
	struct error ignored = ERROR_INIT;

	if (file_mkdir_p(fs, 0755, err) == 0 &&
	    image_feed_start(im->store->loop, &args, &im->feed, err) == 0)
		return 0;
	(void)!file_remove_tree(im->store->dir, im->tmp, &ignored);
	return -err->code;
}

/* ---- arguments */

static int set_platform(json_t *document, const char *text, struct error *err)
{
	struct platform p;

	platform_host(&p);
	if (!str_empty(text) && platform_parse(text, &p, err) < 0)
		return -err->code;
	json_set_str(document, "architecture", p.arch);
	json_set_str(document, "os", p.os);
	json_set_str(document, "variant", *p.variant ? p.variant : NULL);
	return 0;
}

static int make_document(struct image_import *im, const struct image_import_args *args,
			 struct error *err)
{
	json_t *doc = json_object(), *config = json_object(), *history = json_object();
	char created[TIME_TEXT_MAX];

	im->document = doc;
	time_format(im->created_ns, created);
	json_set_str(doc, "created", created);
	json_set_new(doc, "config", config);
	json_set_new(doc, "rootfs", json_pack("{s:s, s:[]}", "type", "layers", "diff_ids"));
	json_set_str(history, "created", created);
	if (args->message)
		json_set_new(history, "comment", json_str(args->message));
	json_set_new(doc, "history", json_pack("[o]", history));
	for (char *const *c = args->changes; c && *c; c++)
		if (image_change_apply(config, *c, err) < 0)
			return -err->code;
	return set_platform(doc, args->platform, err);
}

static int take_args(struct image_import *im, const struct image_import_args *args,
		     struct error *err)
{
	auto_reference struct image_reference r = {0};
	char id[DIGEST_HEX_MAX];

	if (!str_empty(args->name)) {
		if (image_reference_parse(args->name, &r, err) < 0)
			return -err->code;
		if (r.digest)
			return error_set(err, EINVAL,
					 "a name for an image may not have a digest: %s",
					 args->name);
		im->full = image_reference_full(&r);
	}
	im->created_ns = time_now_ns();
	im->on_drain = args->on_drain;
	im->done = args->done;
	im->arg = args->arg;
	digest_random_id(id);
	im->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	return make_document(im, args, err);
}

int image_import_start(struct image_store *s, const struct image_import_args *args,
		       struct image_import **ret, struct error *err)
{
	struct image_import *im = xcalloc(1, sizeof(*im));

	im->store = s;
	if (take_args(im, args, err) < 0 || start(im, err) < 0) {
		import_free(im);
		return -err->code;
	}
	s->imports++;
	*ret = im;
	return 0;
}

/* ---- feeding */

int image_import_write(struct image_import *im, const char *data, size_t len)
{
	return im->feed ? image_feed_write(im->feed, data, len) : 0;
}

void image_import_eof(struct image_import *im)
{
	if (im->feed)
		image_feed_eof(im->feed);
}

void image_import_cancel(struct image_import *im)
{
	im->cancelled = true;
	if (im->feed)
		image_feed_kill(im->feed);
}
