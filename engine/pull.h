/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pulls and pushes as the engine's clients see them: progress as events of a stream, and what went
 * wrong. */
#ifndef ENGINE_PULL_H
#define ENGINE_PULL_H

#include "engine/daemon.h"

struct pull_sink {
	void (*event)(void *arg, json_t *event); /* one object of the stream, taken */
	/* Once, after the last event: `id` of the image, or NULL and why. */
	void (*done)(void *arg, const char *id, const struct error *err);
	void *arg;
};
/* done's `id` is the digest of the manifest. */
struct push;
int push_start(struct daemon *d, const char *name, const json_t *auth, bool quiet,
	       const struct pull_sink *sink, struct push **ret, struct error *err) MUST_CHECK;
void push_cancel(struct push *p); /* the sink is not called any more */

struct pull_how {
	const char *shown; /* what the events are about: "web", "Image busybox" */
	bool quiet;	   /* only the beginning and the end are told */
	bool tolerated;	   /* a failure is a warning */
};
struct pull;
int pull_start(struct daemon *d, const struct image_pull_args *image, const struct pull_how *how,
	       const struct pull_sink *sink, struct pull **ret, struct error *err) MUST_CHECK;
void pull_cancel(struct pull *p); /* the sink is not called any more */

#endif
