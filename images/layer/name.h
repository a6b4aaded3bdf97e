/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in archives: normalised before they touch the file system; pure. */
#ifndef IMAGES_LAYER_NAME_H
#define IMAGES_LAYER_NAME_H

#include "base/error.h"

/*
 * Without leading slashes, "." and doubled slashes; "" is the root itself.  EBADMSG for "..", for
 * names longer than PATH_MAX and components longer than NAME_MAX.  *ret is owned.
 */
int layer_name_normal(const char *name, char **ret, struct error *err) MUST_CHECK;

enum layer_whiteout {
	LAYER_WHITEOUT_NO,
	LAYER_WHITEOUT_FILE,   /* hides `*ret_hidden` (within `name`) of the layers below */
	LAYER_WHITEOUT_OPAQUE, /* hides the whole content of the directory below */
	LAYER_WHITEOUT_META,   /* bookkeeping of aufs, means nothing */
	LAYER_WHITEOUT_BAD     /* hides "", "." or ".." */
};
/* What the last component of a name means. */
enum layer_whiteout layer_name_whiteout(const char *name, const char **ret_hidden);

#endif
