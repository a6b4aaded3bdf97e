/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to the supervisor, and starting it when none answers. */
#ifndef CLI_START_H
#define CLI_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The socket's path from CMP_HOST (unix://PATH) or CMP_RUN_DIR; owned by the caller. */
int start_socket_path(char **ret, struct error *err) MUST_CHECK;
/* A connected socket, or -errno.  A supervisor is started, when `start` says so, only for the
 * socket of the run directory. */
int start_connect(const char *socket_path, bool start, struct error *err) MUST_CHECK;
/* Where the supervisor's log ends now; -1 when the one at that socket does not write to it. */
int64_t start_log_end(const char *socket_path);
/* The supervisor closed the connection without a word: says why, if its log behind `since` does. */
int start_explain_death(int64_t since, struct error *err);

#endif
