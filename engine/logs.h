/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the logs of containers, past and to come: one stream of frames over many containers.
 *
 * Frame: kind (0 announce: payload is the container's name; 1 stdout; 2 stderr; 3 exited: payload
 * is JSON {exit_code, restarting}), flags (1: partial line), source index (big-endian 16 bit, given
 * by the announce), length (32 bit), time (64 bit ns), payload.  Kinds 1 and 2 are what the shims
 * write (runtime/protocol.h) with the source filled in.
 */
#ifndef ENGINE_LOGS_H
#define ENGINE_LOGS_H

#include "engine/container.h"

struct logs_args {
	const char *project;   /* all containers of it, or NULL: `container` */
	const char *container; /* id */
	char *const *services; /* NULL: all */
	int64_t index;	       /* only this number; 0: all */
	bool one_offs;
	bool follow;
	int64_t tail;		    /* lines per container; -1: all */
	int64_t since_ns, until_ns; /* 0: open */
	bool stdout_only, stderr_only;
	bool until_exit; /* follow ends when no container of it runs any more (default for projects:
			    on) */
	bool events;	 /* frames of kind 3 too */
	bool attached;	 /* what flows, not what is kept: also where no log is kept */
	/* Frames; return false to pause until logs_resume. */
	bool (*on_data)(void *arg, const char *data, size_t len);
	/* End; the logs object is freed afterwards. */
	void (*on_end)(void *arg, const struct error *err);
	void *arg;
};
struct logs;
/* Strings are copied.  Reading happens in workers; without `follow` several files are merged by
 * time when more than one container is asked for. */
int logs_start(struct daemon *d, const struct logs_args *args, struct logs **ret, struct error *err)
	MUST_CHECK;
void logs_resume(struct logs *l);
void logs_stop(struct logs *l); /* the reader has gone; no more calls */
/* The last `lines` lines of a container as text, for messages; blocking, small.  Owned. */
char *logs_tail_text(const struct container *c, int lines);

#endif
