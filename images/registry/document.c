/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See document.h. */
#include "images/registry/document.h"

#include <errno.h>

#include "base/json.h"
#include "images/registry/protocol.h"

static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
	"application/octet-stream", /* of old registries */
};

static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
};

static const char *shown(const char *text)
{
	return text && str_printable(text) && strlen(text) < 128 ? text : "(unprintable)";
}

/* Brackets outside strings never stand deeper than the limit. */
static bool shallow(const char *text, size_t len)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && depth && (text[i] == '}' || text[i] == ']'))
			depth--;
		if (depth > DOCUMENT_DEPTH_MAX)
			return false;
	}
	return true;
}

int document_load(const char *text, size_t len, size_t max, json_t **ret, struct error *err)
{
	if (len > max)
		return error_set(err, E2BIG, "it is larger than %zu bytes", max);
	if (!shallow(text, len))
		return error_set(err, EBADMSG, "it is nested deeper than %d levels",
				 DOCUMENT_DEPTH_MAX);
	if (json_load_text(text, len, ret, err) < 0) {
		/* The parser's message may quote what is wrong. */
		if (!str_printable(err->msg))
			return error_set(err, EBADMSG, "it is no valid JSON");
		return error_wrap(err, "it is no valid JSON");
	}
	return json_is_object(*ret) ? 0 : error_set(err, EBADMSG, "it is no JSON object");
}

int document_read(const char *text, size_t len, enum document_kind *ret_kind, json_t **ret,
		  struct error *err)
{
	auto_json json_t *doc = NULL;
	bool index, manifest;

	if (document_load(text, len, REGISTRY_MANIFEST_MAX, &doc, err) < 0)
		return error_wrap(err, "manifest");
	if (json_object_get(doc, "fsLayers") || json_get_int(doc, "schemaVersion", 0) == 1)
		return error_set(err, ENOTSUP,
				 "the image has only a manifest of the old schema 1, which is not "
				 "supported");
	if (json_get_int(doc, "schemaVersion", 0) != 2)
		return error_set(err, EBADMSG, "manifest: schemaVersion is not 2");
	index = json_is_array(json_object_get(doc, "manifests"));
	manifest = json_is_array(json_object_get(doc, "layers")) &&
		   json_is_object(json_object_get(doc, "config"));
	/* A document that can be read as both means different images to different readers. */
	if (index == manifest || (index && json_object_get(doc, "layers")))
		return error_set(err, EBADMSG, "manifest: it is neither an index nor an image");
	*ret_kind = index ? DOCUMENT_INDEX : DOCUMENT_MANIFEST;
	*ret = steal_ptr(&doc);
	return 0;
}

static int read_descriptor(const json_t *o, const char *what, struct descriptor *ret,
			   struct error *err)
{
	const char *digest = json_get_str(o, "digest");
	int64_t size = json_get_int(o, "size", -1);

	if (!digest || !digest_valid(digest))
		return error_set(err, EBADMSG, "manifest: %s has no sha256 digest", what);
	if (size < 0)
		return error_set(err, EBADMSG, "manifest: %s has no size", what);
	str_copy(ret->digest, sizeof(ret->digest), digest);
	ret->size = (uint64_t)size;
	return 0;
}

/* ---- index */

static bool platform_of(const json_t *entry, struct platform *ret)
{
	const json_t *p = json_get_obj(entry, "platform");

	platform_set(ret, json_get_str(p, "os"), json_get_str(p, "architecture"),
		     json_get_str(p, "variant"));
	return p && strcmp(ret->arch, "unknown") != 0; /* those are attestations */
}

static int no_platform(const json_t *entries, const struct platform *want, struct error *err)
{
	auto_buf struct buf list = {.max = 256};
	char text[PLATFORM_TEXT_MAX];
	struct platform p;
	size_t i;
	json_t *entry;

	json_array_foreach ((json_t *)(uintptr_t)entries, i, entry) {
		if (!platform_of(entry, &p))
			continue;
		platform_text(&p, text);
		if (str_printable(text))
			buf_addf(&list, "%s%s", list.len ? ", " : "", text);
	}
	platform_text(want, text);
	return error_set(err, ENOENT, "there is no image for %s; there is: %s", text,
			 list.len ? list.data : "none");
}

int document_choose(const json_t *index, const struct platform *want, struct descriptor *ret,
		    struct error *err)
{
	const json_t *entries = json_get_arr(index, "manifests"), *best = NULL;
	size_t i, count = json_array_size(entries);
	int rank = 0, its;

	if (count > DOCUMENT_CHOICE_MAX)
		return error_set(err, E2BIG, "manifest: more than %d in one index",
				 DOCUMENT_CHOICE_MAX);
	for (i = 0; i < count; i++) {
		const json_t *entry = json_array_get(entries, i);
		struct platform have;

		its = platform_of(entry, &have) ? platform_rank(want, &have) : 0;
		if (its > rank) {
			rank = its;
			best = entry;
		}
	}
	/* An index without platforms has one image. */
	if (!best && count == 1 && !json_object_get(json_array_get(entries, 0), "platform"))
		best = json_array_get(entries, 0);
	return best ? read_descriptor(best, "a manifest of the index", ret, err)
		    : no_platform(entries, want, err);
}

/* ---- manifest */

static bool listed(const char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i], text))
			return true;
	return false;
}

static int check_layer(const json_t *layer, struct error *err)
{
	const char *type = json_get_str(layer, "mediaType");

	if (json_array_size(json_get_arr(layer, "urls")) ||
	    (type && (strstr(type, "foreign") || strstr(type, "nondistributable"))))
		return error_set(err, ENOTSUP,
				 "the image has a layer that is not in the registry (a foreign "
				 "layer), which is not supported");
	if (!type || !listed(layer_types, ARRAY_LEN(layer_types), type))
		return error_set(err, ENOTSUP, "layers of type %s are not supported",
				 type ? shown(type) : "(none)");
	return 0;
}

int document_parts(const json_t *manifest, struct descriptor *ret_config,
		   struct descriptor **ret_layers, size_t *ret_count, struct error *err)
{
	const json_t *config = json_get_obj(manifest, "config"),
		     *layers = json_get_arr(manifest, "layers");
	const char *type = json_get_str(config, "mediaType");
	size_t count = json_array_size(layers);
	auto_free struct descriptor *list = xcalloc(count + 1, sizeof(*list));

	if (type && !listed(config_types, ARRAY_LEN(config_types), type))
		return error_set(err, ENOTSUP, "this is no image but an artifact of type %s",
				 shown(type));
	if (read_descriptor(config, "the configuration", ret_config, err) < 0)
		return -err->code;
	if (ret_config->size > REGISTRY_CONFIG_MAX)
		return error_set(err, E2BIG, "the configuration is larger than %zu bytes",
				 REGISTRY_CONFIG_MAX);
	if (count > REGISTRY_LAYERS_MAX)
		return error_set(err, E2BIG, "the image has more than %d layers",
				 REGISTRY_LAYERS_MAX);
	for (size_t i = 0; i < count; i++) {
		const json_t *layer = json_array_get(layers, i);

		if (check_layer(layer, err) < 0 ||
		    read_descriptor(layer, "a layer", &list[i], err) < 0)
			return -err->code;
	}
	*ret_layers = steal_ptr(&list);
	*ret_count = count;
	return 0;
}

/* ---- configuration */

static int check_platform(const json_t *config, const struct platform *want, struct error *err)
{
	char wanted[PLATFORM_TEXT_MAX], is[PLATFORM_TEXT_MAX];
	struct platform have;

	platform_set(&have, json_get_str(config, "os"), json_get_str(config, "architecture"),
		     json_get_str(config, "variant"));
	platform_text(&have, is);
	if (strcmp(have.os, "linux") != 0)
		return error_set(err, ENOTSUP, "the image is for %s", shown(is));
	if (!want || !*have.arch || platform_rank(want, &have))
		return 0;
	platform_text(want, wanted);
	return error_set(err, ENOENT, "there is no image for %s; there is: %s", wanted, shown(is));
}

int document_config(const char *text, size_t len, size_t layers, const struct platform *want,
		    json_t **ret_diffs, struct error *err)
{
	auto_json json_t *config = NULL;
	json_t *diffs, *settings;

	if (document_load(text, len, REGISTRY_CONFIG_MAX, &config, err) < 0)
		return error_wrap(err, "image configuration");
	if (check_platform(config, want, err) < 0)
		return -err->code;
	diffs = json_get_path(config, "rootfs.diff_ids");
	settings = json_object_get(config, "config");
	if (settings && !json_is_object(settings) && !json_is_null(settings))
		return error_set(err, EBADMSG, "image configuration: config is no object");
	if (json_array_size(diffs) != layers)
		return error_set(err, EBADMSG, "image configuration: %zu diff ids for %zu layers",
				 json_array_size(diffs), layers);
	for (size_t i = 0; i < layers; i++) {
		const char *diff = json_string_value(json_array_get(diffs, i));

		if (!diff || !digest_valid(diff))
			return error_set(err, EBADMSG,
					 "image configuration: a diff id is no sha256 digest");
	}
	*ret_diffs = diffs ? json_incref(diffs) : json_array();
	return 0;
}
