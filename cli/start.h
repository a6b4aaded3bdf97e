/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to the supervisor, and starting it when none answers. */
#ifndef CLI_START_H
#define CLI_START_H

#include <stdbool.h>

#include "base/error.h"

/* The socket's path from CMP_HOST (unix://PATH) or CMP_RUN_DIR; owned by the caller. */
int start_socket_path(char **ret, struct error *err) MUST_CHECK;
/* A connected socket, or -errno. */
int start_connect(const char *socket_path, bool start, struct error *err) MUST_CHECK;
/* The supervisor closed the connection without a word: says why, with the end of its log. */
int start_explain_death(struct error *err);

#endif
