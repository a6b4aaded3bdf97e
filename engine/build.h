/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building an image from a Dockerfile: the stages that the target needs, side by side, each RUN in
 * a container of our own runtime, each file step in a cmp-layer.  What the language means is in
 * images/builder, what is kept is in images/build.
 */
#ifndef ENGINE_BUILD_H
#define ENGINE_BUILD_H

#include "engine/daemon.h"

struct build;

struct build_sink {
	/* Objects of the stream, taken: progress as those of jobs; {"type": "log", id, text}: a
	 * line of output; as the last one "end" with the image, or "error".  false: enough is
	 * waiting, output is not read before build_drained. */
	bool (*event)(void *arg, json_t *event);
	void (*done)(void *arg);  /* the build is gone */
	void (*drain)(void *arg); /* build_write may go on */
	void *arg;
};
/*
 * Begins; the context follows by build_write as a tar stream, build_eof ends it.  `options` (see
 * docs/internals/native-api.md) is borrowed.  -EINVAL for bad ones.
 */
int build_start(struct daemon *d, const json_t *options, const struct build_sink *sink,
		struct build **ret, struct error *err) MUST_CHECK;
bool build_write(struct build *b, const char *data, size_t len); /* false: wait for drain */
void build_eof(struct build *b);
void build_drained(struct build *b); /* output may be read again */
/* Nobody waits for it: everything of it is ended and removed; no event is sent any more. */
void build_cancel(struct build *b);

/* Removes the cache mounts that no step uses now, in the background. */
void builds_prune_mounts(struct daemon *d);
/* The supervisor ends: the containers of RUN end, too.  The next one removes them. */
void builds_stop(struct daemon *d);
/* Removes what builds of an earlier supervisor have left running. */
void builds_sweep(struct daemon *d);

#endif
