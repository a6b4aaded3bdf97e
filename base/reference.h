/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of images: [registry[:port]/]path[:tag][@digest], normalised as Docker does ("busybox" is
 * docker.io/library/busybox:latest and is shown as busybox:latest).  Pure: no I/O, no state.
 */
#ifndef BASE_REFERENCE_H
#define BASE_REFERENCE_H

#include <stdbool.h>

#include "base/error.h"

#define IMAGE_REFERENCE_MAX 512 /* bytes of a whole reference */
#define IMAGE_TAG_MAX	    128

struct image_reference {
	char *registry; /* "docker.io", "localhost:5000"; lower-case host */
	char *path;	/* "library/busybox" */
	char *tag;	/* NULL only when a digest was given without a tag */
	char *digest;	/* "sha256:…" or NULL */
};

/*
 * Parses and normalises.  Without tag and digest the tag is "latest".  On failure *ret is untouched
 * and the error (EINVAL) says what is wrong with which part.
 */
int image_reference_parse(const char *text, struct image_reference *ret, struct error *err)
	MUST_CHECK;
void image_reference_release(struct image_reference *r);
static inline void image_reference_auto(struct image_reference *r)
{
	image_reference_release(r);
}
#define auto_reference __attribute__((cleanup(image_reference_auto)))
/* Owned strings.  Full: "docker.io/library/busybox:latest"; familiar: "busybox:latest". */
char *image_reference_full(const struct image_reference *r);
char *image_reference_familiar(const struct image_reference *r);

/* "sha256:" and 64 hex digits, 64 hex digits, or a prefix of 1 to 63 hex digits (lower case). */
bool image_reference_is_id(const char *text);

#endif
