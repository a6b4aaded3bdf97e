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

/* Keeps credentials of a registry ("docker.io", "localhost:5000"): in the helper that the file
 * names, else in the file. */
int auth_store(struct cli *cli, const char *registry, const char *user, const char *password,
	       struct error *err) MUST_CHECK;
/* Forgets them; *ret_was: there were some. */
int auth_erase(const char *registry, bool *ret_was, struct error *err) MUST_CHECK;

#endif
