/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a build: a directory without what .dockerignore names, packed by the system's tar.
 */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include <sys/types.h>

#include "base/str.h"

/*
 * Packs `dir`; `ignore` is the text of the .dockerignore, or NULL.  Returns the descriptor to read
 * from; context_finish waits for the program.
 */
int context_open(const char *dir, const char *ignore, pid_t *ret_pid, struct error *err) MUST_CHECK;
/* After reading to the end. */
int context_finish(pid_t pid, const char *dir, struct error *err) MUST_CHECK;

#endif
