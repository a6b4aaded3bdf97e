/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two-way streams of exec and attach, as the native routes and Docker's have them. */
#ifndef ENGINE_API_STREAM_H
#define ENGINE_API_STREAM_H

#include "engine/api/api.h"

struct container;

enum stream_style {
	STREAM_FRAMES, /* the native protocol: frames both ways, an exit at the end */
	STREAM_MUX,    /* Docker's without a terminal: frames of output, input as it is */
	STREAM_RAW,    /* Docker's with one: bytes both ways */
};
/* Its Content-Type in Docker's API. */
const char *stream_type(enum stream_style style);
/* One piece of output (fd 1 or 2).  false: stop until on_drain. */
bool stream_output(struct api_request *r, enum stream_style style, int fd, const char *data,
		   size_t len);

/* The keys by which a client leaves a terminal without ending what runs there. */
#define DETACH_KEYS_MAX 16
struct detach_keys {
	char keys[DETACH_KEYS_MAX];
	size_t count, matched; /* count 0: none */
};
/* "ctrl-p,ctrl-q", "a,ctrl-@"; NULL or "": the default.  -EINVAL. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err) MUST_CHECK;
/* True when they have been pressed; otherwise what is input is added to `passed`. */
bool detach_keys_feed(struct detach_keys *k, const char *data, size_t len, struct buf *passed);

struct stream_options {
	enum stream_style style;
	bool input, keep_input, replay, hide_stdout, hide_stderr;
	struct detach_keys keys;
};
/* Answers the request, then it is a stream until the container ends or the client goes. */
void stream_attach_open(struct api_request *r, struct container *c,
			const struct stream_options *options);

#endif
