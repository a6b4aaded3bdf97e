/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What images an archive has: from index.json of an OCI layout, manifest.json of `docker save`, or
 * both. */
#ifndef IMAGES_ARCHIVE_DESCRIBE_H
#define IMAGES_ARCHIVE_DESCRIBE_H

#include <jansson.h>

#include "images/archive/spool.h"

/*
 * [{names: [..], manifest, config: digests, layers: [{digest, size, diff_id}]}], new
 * reference.  Documents are checked as those of a registry are, every blob is in the spool.  An
 * image of docker's alone gets a manifest, which is added to the spool.
 */
int archive_describe(struct spool *s, json_t **ret, struct error *err) MUST_CHECK;

#endif
