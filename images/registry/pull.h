/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pull from the side of the registry: the documents of an image, then the layers that are asked
 * for. */
#ifndef IMAGES_REGISTRY_PULL_H
#define IMAGES_REGISTRY_PULL_H

#include "images/registry/client.h"

/*
 * Serves a pull over the socket until the supervisor closes it.  `request` as in protocol.h.
 * Failures are sent as REGISTRY_FAILED and returned.
 */
int registry_pull(struct registry_client *c, const json_t *request, int socket, struct error *err)
	MUST_CHECK;

/* Asks the registry as a whole whether it lets us in. */
int registry_check(struct registry_client *c, struct error *err) MUST_CHECK;

#endif
