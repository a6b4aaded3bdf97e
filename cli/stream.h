/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framed two-way streams (attach, exec): terminal to container and back. */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include <stdbool.h>

#include "cli/client.h"

struct cli;

struct stream_options {
	bool tty;	      /* raw mode, window size */
	bool stdin_open;      /* forward standard input; otherwise EOF at once */
	bool forward_signals; /* SIGINT, SIGTERM … go to the process */
	/* Called once the stream is up (run: starts the container); may be NULL. */
	int (*on_open)(void *arg, struct error *err);
	void *arg;
};

/* Serves an upgraded connection until the exit frame. *ret_exit is the process's exit status. */
int stream_serve(struct client *c, const struct stream_options *options, int *ret_exit,
		 struct error *err) MUST_CHECK;

#endif
