/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One container's log on disk (`log`, `log.1` … in its directory, written by the shim), read
 * forward frame by frame across rotations.  No loop, no daemon: used by a worker, which owns the
 * reader.
 */
#ifndef ENGINE_LOGFILE_H
#define ENGINE_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct logfile;

struct logfile_frame {
	const unsigned char *head; /* the whole frame: head and text; valid until the next call */
	size_t len;		   /* of head and text */
	int64_t time_ns;
};

/* `dir` is copied; files need not exist yet. */
struct logfile *logfile_new(const char *dir);
void logfile_free(struct logfile *f); /* accepts NULL */
/* Begins `lines` lines before the present end (0: at the end; negative: at the very beginning). */
int logfile_seek_tail(struct logfile *f, int64_t lines, struct error *err) MUST_CHECK;
/* Opens the first file now: what is written, renamed or removed after the call is read all the
 * same.
 */
int logfile_open(struct logfile *f, struct error *err) MUST_CHECK;
/* The next frame without taking it.  1: *ret is set; 0: nothing more for now. */
int logfile_peek(struct logfile *f, struct logfile_frame *ret, struct error *err) MUST_CHECK;
void logfile_next(struct logfile *f); /* takes it */

#endif
