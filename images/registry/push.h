/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A push from the side of the registry: blobs that it lacks, then the manifest. */
#ifndef IMAGES_REGISTRY_PUSH_H
#define IMAGES_REGISTRY_PUSH_H

#include "images/registry/client.h"

/* Serves a push over the socket; `request` as in protocol.h.  Failures are sent as REGISTRY_FAILED
 * and returned. */
int registry_push(struct registry_client *c, const json_t *request, int socket, struct error *err)
	MUST_CHECK;

#endif
