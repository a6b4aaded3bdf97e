/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images in memory: read from their documents, counted, named.  The documents are foreign: every
 * field is checked here once, so that the engine can rely on their shape.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "images/store_int.h"

#define MARKER_MAX ((size_t)64 << 10)

static int read_document(const struct image_store *s, const char *digest, size_t max, json_t **ret,
			 struct error *err)
{
	auto_free char *path = NULL;
	auto_buf struct buf text;

	buf_init(&text, max + 1);
	if (!digest || !digest_valid(digest))
		return error_set(err, EINVAL, "a document has an invalid digest");
	path = xasprintf(IMAGE_BLOB_DIR "/%s", strchr(digest, ':') + 1);
	if (file_read(s->dir, path, max, &text, err) < 0 ||
	    json_load_text(text.data ?: "", text.len, ret, err) < 0)
		return error_wrap(err, "%s", digest);
	if (!json_is_object(*ret))
		return error_set(err, EINVAL, "%s is no JSON object", digest);
	return 0;
}

int64_t image_layer_bytes(const struct image_store *s, const char *chain)
{
	auto_free char *path = xasprintf(IMAGE_LAYER_DIR "/%s/done", chain);
	auto_json json_t *marker = NULL;
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	if (file_read(s->dir, path, MARKER_MAX, &text, &err) < 0 ||
	    json_load_text(text.data ?: "", text.len, &marker, &err) < 0)
		return -1;
	return json_get_int(marker, "tree_bytes", -1);
}

static void add_hex(char ***list, const char *digest)
{
	strv_push(list, xstrdup(strchr(digest, ':') + 1));
}

static int take_blobs(struct image_entry *e, const json_t *manifest, struct error *err)
{
	json_t *layers = json_get_arr(manifest, "layers");
	const char *digest;

	add_hex(&e->blobs, e->im.manifest);
	add_hex(&e->blobs, e->im.id);
	if (json_array_size(layers) > IMAGE_LAYERS_MAX)
		return error_set(err, EINVAL, "more than %d layers", IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < json_array_size(layers); i++) {
		digest = json_get_str(json_array_get(layers, i), "digest");
		if (!digest || !digest_valid(digest))
			return error_set(err, EINVAL, "a layer has no digest");
		add_hex(&e->blobs, digest);
	}
	return 0;
}

void image_chain_next(char chain[DIGEST_HEX_MAX], const char *diff_id)
{
	auto_free char *text = NULL;

	if (!*chain) {
		str_copy(chain, DIGEST_HEX_MAX, strchr(diff_id, ':') + 1);
		return;
	}
	text = xasprintf("sha256:%s %s", chain, diff_id);
	digest_of(text, strlen(text), chain);
}

static int take_layers(const struct image_store *s, struct image_entry *e, struct error *err)
{
	json_t *diffs = json_get_path(e->im.document, "rootfs.diff_ids");
	char chain[DIGEST_HEX_MAX] = "";
	const char *diff;
	int64_t bytes;

	if (json_array_size(diffs) > IMAGE_LAYERS_MAX)
		return error_set(err, EINVAL, "more than %d layers", IMAGE_LAYERS_MAX);
	e->im.layer_bytes = xcalloc(json_array_size(diffs) + 1, sizeof(*e->im.layer_bytes));
	for (size_t i = 0; i < json_array_size(diffs); i++) {
		diff = json_string_value(json_array_get(diffs, i));
		if (!diff || !digest_valid(diff))
			return error_set(err, EINVAL, "a diff id is no digest");
		image_chain_next(chain, diff);
		bytes = image_layer_bytes(s, chain);
		if (bytes < 0)
			return error_set(err, ENOENT, "layer %s is missing", chain);
		e->im.size_bytes += bytes;
		e->im.layer_bytes[i] = bytes;
		strv_push(&e->im.diff_ids, xstrdup(diff));
		strv_push(&e->chains, xstrdup(chain));
		strv_pushf(&e->im.layers, "%s/" IMAGE_LAYER_DIR "/%s/fs", s->root, chain);
	}
	return 0;
}

static void entry_free(struct image_entry *e)
{
	list_remove(&e->link);
	json_decref(e->im.document);
	strv_free(e->im.layers);
	strv_free(e->im.tags);
	strv_free(e->im.diff_ids);
	free(e->im.layer_bytes);
	strv_free(e->im.digests);
	strv_free(e->sources);
	strv_free(e->names);
	strv_free(e->blobs);
	strv_free(e->chains);
	free(e);
}

static int fill(const struct image_store *s, struct image_entry *e, struct error *err)
{
	auto_json json_t *manifest = NULL;

	if (read_document(s, e->im.manifest, IMAGE_MANIFEST_MAX, &manifest, err) < 0 ||
	    read_document(s, e->im.id, IMAGE_CONFIG_MAX, &e->im.document, err) < 0 ||
	    take_blobs(e, manifest, err) < 0 || take_layers(s, e, err) < 0)
		return -err->code;
	if (!json_get_obj(e->im.document, "config"))
		json_set_new(e->im.document, "config", json_object());
	e->im.config = json_get_obj(e->im.document, "config");
	return 0;
}

int image_entry_load(const struct image_store *s, const char *id, const char *manifest,
		     int64_t created_ns, struct image_entry **ret, struct error *err)
{
	struct image_entry *e = xcalloc(1, sizeof(*e));

	list_init(&e->link);
	e->im.refs = 1;
	e->im.created_ns = created_ns;
	str_copy(e->im.id, sizeof(e->im.id), id);
	str_copy(e->im.manifest, sizeof(e->im.manifest), manifest);
	if (fill(s, e, err) < 0) {
		entry_free(e);
		return error_wrap(err, "image %s", id);
	}
	*ret = e;
	return 0;
}

struct image *image_ref(struct image *im)
{
	im->refs++;
	return im;
}

void image_unref(struct image *im)
{
	if (im && --im->refs == 0)
		entry_free(image_entry_of(im));
}

struct image_entry *image_entry_find(struct image_store *s, const char *id)
{
	struct image_entry *e;

	list_for_each (e, &s->images, link)
		if (!e->im.removing && !strcmp(e->im.id, id))
			return e;
	return NULL;
}

struct image_entry *image_entry_insert(struct image_store *s, struct image_entry *e)
{
	struct image_entry *old = image_entry_find(s, e->im.id);

	if (old) {
		image_unref(&e->im);
		return old;
	}
	e->store = s;
	list_append(&s->images, &e->link);
	return e;
}

void image_entry_remove(struct image_entry *e)
{
	e->im.removing = true;
	for (char **n = e->sources; e->store && n && *n; n++)
		map_take(e->store->digests, *n);
	image_unref(&e->im);
}

/* The familiar forms of full names, sorted. */
static char **familiar(char *const *full)
{
	struct error err = ERROR_INIT;
	char **list = NULL;

	for (; full && *full; full++) {
		auto_reference struct image_reference r = {0};

		if (image_reference_parse(*full, &r, &err) == 0)
			strv_push(&list, image_reference_familiar(&r));
	}
	if (list)
		strv_sort(list);
	return list;
}

static void update_tags(struct image_entry *e)
{
	strv_free(e->im.tags);
	e->im.tags = familiar(e->names);
}

static char **without(char **list, const char *gone)
{
	char **kept = NULL;

	for (char **n = list; n && *n; n++)
		if (strcmp(*n, gone) != 0)
			strv_push(&kept, xstrdup(*n));
	strv_free(list);
	return kept;
}

void image_name_clear(struct image_store *s, const char *full)
{
	struct image_entry *e = map_take(s->names, full);

	if (!e)
		return;
	e->names = without(e->names, full);
	update_tags(e);
}

void image_name_set(struct image_store *s, struct image_entry *e, const char *full)
{
	image_name_clear(s, full);
	map_set(s->names, full, e);
	strv_push(&e->names, xstrdup(full));
	update_tags(e);
}

static void set_sources(struct image_entry *e, char **sources)
{
	e->sources = sources;
	strv_free(e->im.digests);
	e->im.digests = familiar(e->sources);
}

void image_source_set(struct image_store *s, struct image_entry *e, const char *full,
		      int64_t pulled_ns)
{
	struct image_entry *old = map_get(s->digests, full);

	e->im.pulled_ns = MAX(e->im.pulled_ns, pulled_ns);
	if (old == e)
		return;
	if (old)
		set_sources(old, without(old->sources, full));
	map_set(s->digests, full, e);
	strv_push(&e->sources, xstrdup(full));
	add_hex(&e->blobs, strchr(full, '@') + 1);
	set_sources(e, e->sources);
}

json_t *image_summary(const struct image *im)
{
	json_t *o = json_object();

	json_set_str(o, "id", im->id);
	json_set_new(o, "tags", json_strv(im->tags));
	json_set_new(o, "digests", json_strv(im->digests));
	json_set_int(o, "size_bytes", im->size_bytes);
	json_set_int(o, "created_ns", im->created_ns);
	json_set_str(o, "architecture", json_get_str(im->document, "architecture"));
	json_set_str(o, "os", json_get_str(im->document, "os"));
	return o;
}

json_t *image_inspect(const struct image *im)
{
	json_t *o = image_summary(im);

	json_set_str(o, "manifest", im->manifest);
	json_set_new(o, "layers", json_strv(im->diff_ids));
	json_set_new(o, "document", json_incref(im->document));
	return o;
}

json_t *image_history(const struct image *im)
{
	const json_t *steps = json_get_arr(im->document, "history");
	json_t *list = json_array();
	size_t layer = 0, layers = strv_len(im->diff_ids);

	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);
		bool empty = json_get_bool(step, "empty_layer");
		json_t *o = json_object();

		json_set_str(o, "created", json_get_str(step, "created"));
		json_set_str(o, "created_by", json_get_str(step, "created_by"));
		json_set_str(o, "comment", json_get_str(step, "comment"));
		json_set_bool(o, "empty", empty);
		json_set_int(o, "size_bytes",
			     empty || layer >= layers ? 0 : im->layer_bytes[layer]);
		layer += !empty;
		json_array_insert_new(list, 0, o);
	}
	return list;
}
