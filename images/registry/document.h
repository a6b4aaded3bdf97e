/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The documents that describe an image, as registries and archives have them: indexes, manifests
 * and image configurations, of OCI and of Docker's schema 2.  Read with limits, every field
 * checked; what is not understood is refused.  Pure.
 */
#ifndef IMAGES_REGISTRY_DOCUMENT_H
#define IMAGES_REGISTRY_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "images/platform.h"

#define DOCUMENT_DEPTH_MAX  64
#define DOCUMENT_CHOICE_MAX 1000 /* manifests of an index */

/* What an Accept header says: everything that document_read understands. */
#define DOCUMENT_ACCEPT                                                                            \
	"application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "    \
	"application/vnd.docker.distribution.manifest.list.v2+json, "                              \
	"application/vnd.docker.distribution.manifest.v2+json"

enum document_kind { DOCUMENT_INDEX, DOCUMENT_MANIFEST };

struct descriptor {
	char digest[DIGEST_TEXT_MAX];
	uint64_t size;
};

/* Reads a JSON object with the limits of all documents.  `ret`: new reference. */
int document_load(const char *text, size_t len, size_t max, json_t **ret, struct error *err)
	MUST_CHECK;
/* Reads an index or a manifest.  `ret`: new reference. */
int document_read(const char *text, size_t len, enum document_kind *ret_kind, json_t **ret,
		  struct error *err) MUST_CHECK;
/* The manifest of an index that fits the platform best.  -ENOENT says what there is. */
int document_choose(const json_t *index, const struct platform *want, struct descriptor *ret,
		    struct error *err) MUST_CHECK;
/* Of a manifest: the image configuration and the layers, lowest first.  free() the array. */
int document_parts(const json_t *manifest, struct descriptor *ret_config,
		   struct descriptor **ret_layers, size_t *ret_count, struct error *err) MUST_CHECK;
/*
 * Reads an image configuration and checks it against its manifest: as many diff ids as `layers`,
 * the platform that was wanted (unless `want` is NULL).  `ret_diffs`: array of strings, new
 * reference.
 */
int document_config(const char *text, size_t len, size_t layers, const struct platform *want,
		    json_t **ret_diffs, struct error *err) MUST_CHECK;

#endif
