/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `up` in the foreground: progress and logs side by side, Ctrl-C, exit statuses. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include "cli/cli.h"

struct attach_options {
	bool no_color, no_prefix, timestamps;
	bool abort_on_exit, abort_on_failure;
	const char *exit_code_from;		/* service, or NULL */
	char *const *attach, *const *no_attach; /* services */
	int timeout_s;				/* -1: the services' own */
};

/* Sends `up` with the body and stays until everything has ended or the user had enough.  The exit
 * status. */
int attach_up(struct cli *cli, const char *project, const json_t *body,
	      const struct attach_options *options);

#endif
