/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A confined program at work for the store: started with descriptors that the caller made, its two
 * outputs collected, its end told once everything of it is closed.  Loop thread only.
 */
#ifndef IMAGES_HELPER_H
#define IMAGES_HELPER_H

#include <stddef.h>

#include "base/error.h"

struct uv_loop_s;
struct image_helper;

struct image_helper_args {
	const char *program;	 /* "cmp-layer"; found beside the running program or in libexec */
	const char *const *argv; /* after the name, NULL-terminated */
	const char *const *pass; /* names of environment variables to hand on, or NULL */
	int input;		 /* standard input; borrowed, -1: none */
	int socket;		 /* descriptor 3; borrowed, -1: none */
	/* Once, on the loop thread, never before the start has returned: what it wrote to standard
	 * output, or why it failed.  The helper is gone afterwards. */
	void (*done)(void *arg, const char *output, const struct error *err);
	void *arg;
};
int image_helper_start(struct uv_loop_s *loop, const struct image_helper_args *args,
		       struct image_helper **ret, struct error *err) MUST_CHECK;
void image_helper_kill(struct image_helper *h);

#endif
