/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A confined program that is fed a stream of bytes from the loop.  Loop thread only. */
#ifndef IMAGES_FEED_H
#define IMAGES_FEED_H

#include <stddef.h>

#include "base/error.h"

struct uv_loop_s;
struct image_feed;

struct image_feed_args {
	const char *program;
	const char *const *argv;     /* after the name, NULL-terminated */
	void (*on_drain)(void *arg); /* room again after image_feed_write returned 1 */
	/* Once, never before the start has returned: what it wrote to standard output, or why it
	 * failed. The feed is gone afterwards. */
	void (*done)(void *arg, const char *output, const struct error *err);
	void *arg;
};
int image_feed_start(struct uv_loop_s *loop, const struct image_feed_args *args,
		     struct image_feed **ret, struct error *err) MUST_CHECK;
/* Bytes are copied; those after the end of the program are dropped.  1: please stop until on_drain.
 */
int image_feed_write(struct image_feed *f, const char *data, size_t len);
void image_feed_eof(struct image_feed *f);
void image_feed_kill(struct image_feed *f);

#endif
