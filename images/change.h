/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dockerfile instructions that change an image configuration: `import --change`, `commit --change`.
 */
#ifndef IMAGES_CHANGE_H
#define IMAGES_CHANGE_H

#include <jansson.h>

#include "base/error.h"

/*
 * Applies one instruction (CMD, ENTRYPOINT, ENV, EXPOSE, USER, VOLUME, WORKDIR, LABEL, STOPSIGNAL,
 * HEALTHCHECK, ONBUILD; any case) to the "config" object of an image document.  EINVAL with the
 * instruction's name when it is malformed; the object may then be half-changed.
 */
int image_change_apply(json_t *config, const char *line, struct error *err) MUST_CHECK;

#endif
