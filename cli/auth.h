/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Credentials for registries, from where docker keeps them: $DOCKER_CONFIG/config.json or
 * ~/.docker/config.json, and the credential helpers that it names.  They are read here, with the
 * rights of the user, and sent with the request that needs them.
 */
#ifndef CLI_AUTH_H
#define CLI_AUTH_H

#include "cli/cli.h"

/*
 * For the registry of an image name.  *ret: {username, password} or {identitytoken}, new reference;
 * NULL when there are none.
 */
int auth_for_image(struct cli *cli, const char *image, json_t **ret, struct error *err) MUST_CHECK;

/*
 * For the images of a request's model: {"auths": {registry: credentials}} is added to it.  A
 * credential helper is run only when an image of its registry is not there, or `always` is set.  0
 * or an exit status.
 */
int auth_for_model(struct cli *cli, json_t *body, bool always);

#endif
