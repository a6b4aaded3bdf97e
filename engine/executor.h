/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a plan: every operation as soon as what it needs is done, all that are ready at once,
 * container launches up to a limit.  Nothing is polled: operations end by their callbacks,
 * conditions by watching containers.  When an operation fails, those that need it are skipped and
 * the rest goes on.
 */
#ifndef ENGINE_EXECUTOR_H
#define ENGINE_EXECUTOR_H

#include "engine/container.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/translate.h"

struct executor;

struct executor_result {
	const struct error *err; /* the first failure, or NULL */
	const char *details;	 /* lines that explain it, or NULL */
	const char *one_off;	 /* id of the container that `run` made, or NULL */
	bool cut_short;		 /* it was cancelled, and something was not begun or awaited */
};

struct executor_args {
	struct daemon *daemon;
	struct job *job;
	/* What containers are made from: project, model, files, working_dir, secrets; borrowed. */
	struct translate_args translate;
	const json_t *hashes, *images; /* by service; borrowed */
	/* of the one-off container; borrowed, NULL: none */
	const json_t *one_off;
	bool one_off_remove;
	bool renew_anon_volumes;
	bool volumes;		 /* anonymous volumes go with their containers */
	int64_t timeout_ns;	 /* for stops; -1: each container's own */
	const char *signal;	 /* of kill; borrowed, NULL: SIGKILL */
	int64_t wait_timeout_ns; /* 0: none */
	size_t parallel;	 /* launches at a time; 0: measured default */
	/* Once, on the loop thread, never before executor_start has returned. */
	void (*done)(void *arg, const struct executor_result *result);
	void *arg;
};
/* The plan is taken.  The executor frees itself after `done`. */
struct executor *executor_start(const struct executor_args *args, struct plan *plan);
/* Nothing new is begun; what is under way is finished. */
void executor_cancel(struct executor *x);

#endif
