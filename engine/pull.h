/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pulls as the engine's clients see them: progress as events of a stream, an event when an image
 * has come. */
#ifndef ENGINE_PULL_H
#define ENGINE_PULL_H

#include "engine/daemon.h"

struct pull_sink {
	void (*event)(void *arg, json_t *event); /* one object of the stream, taken */
	/* Once, after the last event: `id` of the image, or NULL and why.  Not called after a
	 * cancel. */
	void (*done)(void *arg, const char *id, const struct error *err);
	void *arg;
};
struct pull;
/*
 * `shown`: what the events are about ("web", "Image busybox").  `quiet`: only its beginning and end
 * are told.
 */
int pull_start(struct daemon *d, const struct image_pull_args *image, const char *shown, bool quiet,
	       const struct pull_sink *sink, struct pull **ret, struct error *err) MUST_CHECK;
void pull_cancel(struct pull *p);

#endif
