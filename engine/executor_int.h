/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the executor share: the running form of a plan. */
#ifndef ENGINE_EXECUTOR_INT_H
#define ENGINE_EXECUTOR_INT_H

#include <uv.h>

#include "engine/executor.h"

enum task_state {
	TASK_WAITING, /* for what it needs */
	TASK_READY,   /* in a queue */
	TASK_RUNNING,
	TASK_DONE,
	TASK_FAILED,
	TASK_SKIPPED,
};

struct task_edge {
	struct task *to;
	enum plan_need_kind kind;
};

/* One operation under way. */
struct task {
	struct executor *x;
	const struct plan_op *op;
	enum task_state state;
	size_t waiting; /* needs that are not settled */
	struct task_edge *dependents;
	size_t dependent_count;
	struct list link;      /* in a queue, or in x->watched */
	struct container *c;   /* the container that it is about or has made; referenced */
	struct container *old; /* the one being replaced; referenced */
	char *failure;	       /* its error, for those that go on without it */
	bool slow_part;	       /* of a recreation: the new one is made, the old one goes */
};

struct executor {
	struct executor_args args;
	struct plan plan;
	struct task *tasks;
	size_t unsettled; /* tasks that are not done, failed or skipped */
	size_t launching;
	struct list quick;    /* end in the call: records only */
	struct list slow;     /* end by a callback */
	struct list launches; /* slow ones that the limit holds back */
	struct list watched;  /* waits */
	struct container_watch watch;
	uv_timer_t timer; /* of the whole: up --wait --wait-timeout */
	struct error err; /* the first failure */
	char *details;
	char *one_off;
	bool cancelled, cut_short, pumping, closing;
};

/* Settles a running task; err NULL: done. */
void task_end(struct task *t, const struct error *err);
void task_progress(struct task *t, const char *status, const char *text, const char *details);
/* The container of the task: made by an earlier one, or found by its id. */
int task_container(struct task *t, struct error *err) MUST_CHECK;
/* Keeps the explanation of the first failure; takes the text. */
void executor_explain(struct executor *x, char *details);
/* conditions.c: appends the last lines that something wrote, each set off: what people look for
 * first. */
void add_last_output(struct buf *b, const char *name, const char *text);

/* tasks.c: begins a task of the given kind; ends it by task_end. */
struct task_kind {
	const char *working, *done; /* Compose's words */
	void (*run)(struct task *t);
	bool quick, launch;
};
extern const struct task_kind task_kinds[PLAN_ACTION_MAX];

/* recreate.c */
int make_container(struct task *t, struct error *err) MUST_CHECK;
void run_create(struct task *t);
void run_recreate(struct task *t);

/* conditions.c */
void run_wait(struct task *t);
void conditions_changed(struct container_watch *w, struct container *c, enum container_change what);

#endif
