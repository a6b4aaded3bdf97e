/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job: one verb on a project (up, down, scale …), with a stream of progress that a client may be
 * reading.  Jobs of one project run one after the other, but kill and pull at once; down, stop and
 * rm end those before them that bring things up.  Different projects run side by side.
 */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include "engine/daemon.h"

struct job;

struct job_sink {				 /* who reads the progress; all borrowed */
	void (*event)(void *arg, json_t *event); /* one object of the ndjson stream, borrowed */
	void (*done)(void *arg);		 /* after the last event ("end" or "error") */
	void *arg;
};

/* "Container web-1", status Working | Done | Warning | Error, "Starting", details or NULL. */
void job_progress(struct job *j, const char *id, const char *status, const char *text,
		  const char *details);
void job_warn(struct job *j, const char *fmt, ...) PRINTF(2, 3);

/*
 * Starts verb `verb` ("up", "down", "create", "start", "stop", "restart", "kill", "pause",
 * "unpause", "rm", "scale", "run", "plan") of project `name` with the request's body (see
 * docs/internals/native-api.md).  -ENOENT for an unknown verb, -EINVAL for a bad body.
 */
int job_start(struct daemon *d, const char *name, const char *verb, const json_t *body,
	      const struct job_sink *sink, struct job **ret, struct error *err) MUST_CHECK;
/* The reader went away.  What is under way is finished or undone as the verb says; nothing is sent
 * any more. */
void job_hangup(struct job *j);

#endif
