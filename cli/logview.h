/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log frames of the supervisor as prefixed, coloured lines: "web-1  | text".  The prefix is padded
 * to the widest name seen; the colour is the service's, the same in every run.
 */
#ifndef CLI_LOGVIEW_H
#define CLI_LOGVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct logview_options {
	bool prefix, color, timestamps;
	bool split_streams;  /* the containers' standard error goes to ours (up); otherwise all to
				stdout (logs) */
	const char *project; /* its name and "-" are dropped from container names */
	/* A container exited; NULL to print nothing. */
	void (*on_exit)(void *arg, const char *container, int exit_code, bool restarting);
	void *arg;
};

struct logview;
struct logview *logview_new(const struct logview_options *options);
void logview_free(struct logview *v);
/* Makes the prefix at least as wide as this name. */
void logview_expect(struct logview *v, const char *container);
/* Feeds bytes of the log stream. 0, or -EBADMSG. */
int logview_feed(struct logview *v, const char *data, size_t len, struct error *err) MUST_CHECK;
/* Prints a line of our own under a container's prefix-free column. */
void logview_note(struct logview *v, const char *text);

#endif
