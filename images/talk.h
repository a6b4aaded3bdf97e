/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A conversation with a cmp-registry: the program, its socket, frames both ways
 * (registry/protocol.h).  Loop thread only. */
#ifndef IMAGES_TALK_H
#define IMAGES_TALK_H

#include <jansson.h>

#include "images/registry/protocol.h"

struct uv_loop_s;
struct image_talk;

struct image_talk_args {
	const char *root; /* absolute path of an empty directory for its sandbox */
	/* A frame has come.  Not after image_talk_kill. */
	void (*frame)(void *arg, enum registry_frame kind, const char *data, size_t len);
	/* Once, when all of it is over, never before the start has returned: why the program
	 * failed, or NULL. The talk is gone afterwards. */
	void (*done)(void *arg, const struct error *err);
	void *arg;
};
int image_talk_start(struct uv_loop_s *loop, const struct image_talk_args *args,
		     struct image_talk **ret, struct error *err) MUST_CHECK;
/* Sends a request (taken), a descriptor with it (borrowed) unless that is -1. */
int image_talk_send(struct image_talk *t, enum registry_frame kind, json_t *request, int fd,
		    struct error *err) MUST_CHECK;
/* Nothing more is asked; what it still has to say is heard. */
void image_talk_finish(struct image_talk *t);
void image_talk_kill(struct image_talk *t);

#endif
