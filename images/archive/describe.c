/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See describe.h. */
#include "images/archive/describe.h"

#include <errno.h>

#include "base/json.h"
#include "base/reference.h"
#include "images/registry/document.h"
#include "images/registry/protocol.h"

#define IMAGES_MAX 1000

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG	"application/vnd.docker.container.image.v1+json"
#define DOCKER_LAYER	"application/vnd.docker.image.rootfs.diff.tar"

/* ---- documents in the spool */

static int no_blob(const char *digest, struct error *err)
{
	return error_set(err, EBADMSG, "the archive lacks the blob %s", digest);
}

static int read_text(const struct spool *s, const char *digest, size_t max, struct buf *ret,
		     struct error *err)
{
	const struct spool_file *f = spool_blob(s, digest);

	buf_init(ret, max + 1);
	return f ? spool_text(s, f, max, ret, err) : no_blob(digest, err);
}

static int read_manifest(const struct spool *s, const char *digest, enum document_kind *ret_kind,
			 json_t **ret, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (read_text(s, digest, REGISTRY_MANIFEST_MAX, &text, err) < 0)
		return -err->code;
	return document_read(text.data ?: "", text.len, ret_kind, ret, err);
}

static int read_json(const struct spool *s, const struct spool_file *f, json_t **ret,
		     struct error *err)
{
	auto_buf struct buf text;

	buf_init(&text, REGISTRY_MANIFEST_MAX + 1);
	if (spool_text(s, f, REGISTRY_MANIFEST_MAX, &text, err) < 0)
		return -err->code;
	return document_load(text.data ?: "", text.len, REGISTRY_MANIFEST_MAX, ret, err);
}

/* ---- one image */

static json_t *layer_object(const struct descriptor *layer, const json_t *diff)
{
	json_t *o = json_object();

	json_set_str(o, "digest", layer->digest);
	json_set_int(o, "size", (int64_t)layer->size);
	json_set_str(o, "diff_id", json_string_value(diff));
	return o;
}

static int add_layers(const struct spool *s, const struct descriptor *layers, size_t count,
		      const json_t *diffs, json_t *list, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct spool_file *f = spool_blob(s, layers[i].digest);

		if (!f)
			return no_blob(layers[i].digest, err);
		if (f->size != layers[i].size)
			return error_set(err, EBADMSG,
					 "the blob %s has another size than the manifest says",
					 layers[i].digest);
		json_array_append_new(list, layer_object(&layers[i], json_array_get(diffs, i)));
	}
	return 0;
}

/* The image of a manifest; *ret: its description without names. */
static int describe_manifest(const struct spool *s, const char *digest, const json_t *manifest,
			     json_t **ret, struct error *err)
{
	auto_json json_t *o = json_object(), *diffs = NULL;
	auto_free struct descriptor *layers = NULL;
	auto_buf struct buf text = BUF_INIT;
	json_t *list = json_array();
	struct descriptor config;
	size_t count;

	json_set_new(o, "layers", list);
	json_set_new(o, "names", json_array());
	json_set_str(o, "manifest", digest);
	if (document_parts(manifest, &config, &layers, &count, err) < 0 ||
	    read_text(s, config.digest, REGISTRY_CONFIG_MAX, &text, err) < 0 ||
	    document_config(text.data ?: "", text.len, count, NULL, &diffs, err) < 0 ||
	    add_layers(s, layers, count, diffs, list, err) < 0)
		return -err->code;
	json_set_str(o, "config", config.digest);
	*ret = steal_ptr(&o);
	return 0;
}

static void add_name(json_t *image, const char *text)
{
	auto_reference struct image_reference r = {0};
	auto_free char *name = NULL;
	struct error ignored = ERROR_INIT;
	json_t *names = json_get_arr(image, "names"), *other;
	size_t i;

	/* Names come from strangers: what is none is left out. */
	if (!text || image_reference_parse(text, &r, &ignored) < 0 || r.digest)
		return;
	name = image_reference_familiar(&r);
	json_array_foreach (names, i, other)
		if (!strcmp(json_string_value(other), name))
			return;
	json_array_append_new(names, json_str(name));
}

/* ---- OCI layouts */

static void add_annotated(json_t *image, const json_t *entry)
{
	const json_t *notes = json_get_obj(entry, "annotations");
	const char *full = json_get_str(notes, "io.containerd.image.name"),
		   *ref = json_get_str(notes, "org.opencontainers.image.ref.name");

	/* The second is by its definition only a tag, but some write names there. */
	if (full)
		add_name(image, full);
	else if (ref && strpbrk(ref, ":/"))
		add_name(image, ref);
}

static bool is_attestation(const json_t *entry)
{
	const json_t *platform = json_get_obj(entry, "platform");

	return str_eq(json_get_str(platform, "os"), "unknown");
}

/* The image of which `key` is `value`, NULL: there is none yet. */
static json_t *find_image(const json_t *images, const char *key, const char *value)
{
	json_t *image;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)images, i, image)
		if (str_eq(json_get_str(image, key), value))
			return image;
	return NULL;
}

static int describe_entry(const struct spool *s, const json_t *entry, json_t *images,
			  struct error *err)
{
	const char *digest = json_get_str(entry, "digest");
	auto_json json_t *doc = NULL, *image = NULL;
	json_t *known;
	struct descriptor chosen;
	enum document_kind kind;
	struct platform host;

	if (!digest || !digest_valid(digest))
		return error_set(err, EBADMSG, "index.json: an entry has no sha256 digest");
	if (read_manifest(s, digest, &kind, &doc, err) < 0)
		return -err->code;
	if (kind == DOCUMENT_INDEX) {
		platform_host(&host);
		if (document_choose(doc, &host, &chosen, err) < 0)
			return -err->code;
		digest = chosen.digest;
		json_decref(steal_ptr(&doc));
		if (read_manifest(s, digest, &kind, &doc, err) < 0)
			return -err->code;
		if (kind == DOCUMENT_INDEX)
			return error_set(err, ENOTSUP, "an index within an index is not supported");
	}
	/* One image under several names has an entry for each. */
	known = find_image(images, "manifest", digest);
	if (!known) {
		if (describe_manifest(s, digest, doc, &image, err) < 0)
			return -err->code;
		json_array_append(images, image);
		known = image;
	}
	add_annotated(known, entry);
	return 0;
}

static int describe_layout(const struct spool *s, const struct spool_file *index, json_t *images,
			   struct error *err)
{
	auto_json json_t *doc = NULL;
	json_t *entries, *entry;
	size_t i;

	if (read_json(s, index, &doc, err) < 0)
		return error_wrap(err, "index.json");
	entries = json_get_arr(doc, "manifests");
	if (json_array_size(entries) > IMAGES_MAX)
		return error_set(err, E2BIG, "index.json: more than %d images", IMAGES_MAX);
	json_array_foreach (entries, i, entry)
		if (!is_attestation(entry) && describe_entry(s, entry, images, err) < 0)
			return -err->code;
	return 0;
}

/* ---- docker's manifest.json */

static json_t *descriptor_object(const char *type, const struct spool_file *f)
{
	json_t *o = json_object();

	json_set_str(o, "mediaType", type);
	json_set_str(o, "digest", f->digest);
	json_set_int(o, "size", (int64_t)f->size);
	return o;
}

/* Tars as they are mostly, compressed ones sometimes. */
static const char *layer_type(const struct spool_file *f)
{
	if (!memcmp(f->head, "\x1f\x8b", 2))
		return DOCKER_LAYER ".gzip";
	return !memcmp(f->head, "\x28\xb5\x2f\xfd", 4) ? DOCKER_LAYER ".zstd" : DOCKER_LAYER;
}

static int make_manifest(struct spool *s, const json_t *entry, const struct spool_file *config,
			 const struct spool_file **ret, struct error *err)
{
	auto_json json_t *manifest = json_object();
	auto_free char *text = NULL, *name = NULL;
	json_t *layers = json_array(), *layer;
	size_t i;

	json_set_int(manifest, "schemaVersion", 2);
	json_set_str(manifest, "mediaType", DOCKER_MANIFEST);
	json_set_new(manifest, "config", descriptor_object(DOCKER_CONFIG, config));
	json_set_new(manifest, "layers", layers);
	json_array_foreach (json_get_arr(entry, "Layers"), i, layer) {
		const struct spool_file *f =
			json_is_string(layer) ? spool_find(s, json_string_value(layer)) : NULL;

		if (!f)
			return error_set(err, EBADMSG,
					 "manifest.json: a layer is not in the archive");
		json_array_append_new(layers, descriptor_object(layer_type(f), f));
	}
	text = json_text(manifest);
	name = xasprintf("made for %s", config->digest);
	return spool_add(s, name, text, strlen(text), ret, err);
}

static int describe_docker_entry(struct spool *s, const json_t *entry, json_t *images,
				 struct error *err)
{
	const char *name = json_get_str(entry, "Config");
	const struct spool_file *config = name ? spool_find(s, name) : NULL, *manifest;
	auto_json json_t *doc = NULL;
	json_t *image, *tag;
	enum document_kind kind;
	size_t i;

	if (!config)
		return error_set(err, EBADMSG,
				 "manifest.json: a configuration is not in the archive");
	image = find_image(images, "config", config->digest);
	if (!image) {
		if (make_manifest(s, entry, config, &manifest, err) < 0 ||
		    read_manifest(s, manifest->digest, &kind, &doc, err) < 0 ||
		    describe_manifest(s, manifest->digest, doc, &image, err) < 0)
			return -err->code;
		json_array_append_new(images, image);
	}
	json_array_foreach (json_get_arr(entry, "RepoTags"), i, tag)
		add_name(image, json_string_value(tag));
	return 0;
}

static int describe_docker(struct spool *s, const struct spool_file *list, json_t *images,
			   struct error *err)
{
	auto_buf struct buf text;
	auto_json json_t *wrapped = NULL, *entries = NULL;
	auto_free char *object = NULL;
	json_t *entry;
	size_t i;

	buf_init(&text, REGISTRY_MANIFEST_MAX + 1);
	if (spool_text(s, list, REGISTRY_MANIFEST_MAX, &text, err) < 0)
		return error_wrap(err, "manifest.json");
	/* An array; documents are objects. */
	object = xasprintf("{\"list\":%s}", text.data ?: "");
	if (document_load(object, strlen(object), REGISTRY_MANIFEST_MAX + 16, &wrapped, err) < 0)
		return error_wrap(err, "manifest.json");
	entries = json_incref(json_object_get(wrapped, "list"));
	if (!json_is_array(entries) || json_array_size(entries) > IMAGES_MAX)
		return error_set(err, EBADMSG, "manifest.json: it is no list of at most %d images",
				 IMAGES_MAX);
	json_array_foreach (entries, i, entry)
		if (describe_docker_entry(s, entry, images, err) < 0)
			return -err->code;
	return 0;
}

int archive_describe(struct spool *s, json_t **ret, struct error *err)
{
	const struct spool_file *index = spool_find(s, "index.json"),
				*list = spool_find(s, "manifest.json");
	auto_json json_t *images = json_array();

	if (!index && !list)
		return error_set(err, EBADMSG,
				 "this is no archive of images: it has neither index.json nor "
				 "manifest.json");
	if (index && describe_layout(s, index, images, err) < 0)
		return -err->code;
	if (list && describe_docker(s, list, images, err) < 0)
		return -err->code;
	*ret = steal_ptr(&images);
	return 0;
}
