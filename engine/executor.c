/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queues and the bookkeeping of a running plan; what an operation does is in tasks.c,
 * recreate.c and conditions.c.
 *
 * Quick tasks only write records: all that are ready share one transaction, which is committed
 * before any slow one begins, so that a container is recorded before anything of it exists.
 */
#include "engine/executor.h"

#include <errno.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/executor_int.h"
#include "engine/state.h"

static void pump(struct executor *x);

void executor_explain(struct executor *x, char *details)
{
	if (x->err.code || x->details)
		free(details);
	else
		x->details = details;
}

void task_progress(struct task *t, const char *status, const char *text, const char *details)
{
	auto_free char *id = plan_op_id(t->op);

	job_progress(t->x->args.job, id, status, text, details);
}

int task_container(struct task *t, struct error *err)
{
	struct container *c;
	int r;

	if (t->c)
		return 0;
	if (t->op->made != PLAN_NONE) {
		t->c = container_ref(t->x->tasks[t->op->made].c);
		return 0;
	}
	r = container_find(t->x->args.daemon, t->op->container, &c, err);
	if (r == 0)
		t->c = container_ref(c);
	return r;
}

/* ---- ends */

static void free_executor(struct executor *x)
{
	size_t i;

	for (i = 0; i < x->plan.count; i++) {
		free(x->tasks[i].dependents);
		free(x->tasks[i].failure);
		if (x->tasks[i].c)
			container_unref(x->tasks[i].c);
		if (x->tasks[i].old)
			container_unref(x->tasks[i].old);
	}
	free(x->tasks);
	plan_release(&x->plan);
	free(x->details);
	free(x->one_off);
	free(x);
}

static void on_closed(uv_handle_t *handle)
{
	struct executor *x = handle->data;
	struct executor_result result = {
		.err = x->err.code ? &x->err : NULL,
		.details = x->details,
		.one_off = x->one_off,
		.cut_short = x->cut_short,
	};

	x->args.done(x->args.arg, &result);
	free_executor(x);
}

static void maybe_close(struct executor *x)
{
	if (x->unsettled || x->closing)
		return;
	x->closing = true;
	container_watch_remove(&x->watch);
	uv_close((uv_handle_t *)&x->timer, on_closed);
}

/* ---- the order */

static void enqueue(struct task *t)
{
	struct executor *x = t->x;
	bool quick = task_kinds[t->op->action].quick && !t->slow_part;

	t->state = TASK_READY;
	list_append(quick ? &x->quick : &x->slow, &t->link);
}

static void settle(struct task *t, enum task_state state);

static void dependency_settled(struct task *t, enum plan_need_kind kind, const struct task *needed)
{
	bool failed = needed->state != TASK_DONE;

	t->waiting--;
	if (t->state != TASK_WAITING)
		return;
	if (failed && kind == PLAN_NEED_HARD) {
		settle(t, TASK_SKIPPED);
		return;
	}
	if (failed && kind == PLAN_NEED_OPTIONAL)
		job_warn(t->x->args.job, "optional dependency \"%s\" failed to start: %s",
			 needed->op->key, needed->failure ? needed->failure : "it was skipped");
	if (!t->waiting)
		enqueue(t);
}

static void settle(struct task *t, enum task_state state)
{
	size_t i;

	t->state = state;
	t->x->unsettled--;
	for (i = 0; i < t->dependent_count; i++)
		dependency_settled(t->dependents[i].to, t->dependents[i].kind, t);
}

/* Is it a wait that only optional dependents asked for? */
static bool is_optional(const struct task *t)
{
	size_t i;

	for (i = 0; i < t->dependent_count; i++)
		if (t->dependents[i].kind != PLAN_NEED_OPTIONAL)
			return false;
	return t->op->action == PLAN_WAIT && t->dependent_count > 0;
}

void task_end(struct task *t, const struct error *err)
{
	struct executor *x = t->x;

	if (task_kinds[t->op->action].launch)
		x->launching--;
	if (err) {
		t->failure = xstrdup(err->msg);
		task_progress(t, is_optional(t) ? "Warning" : "Error", "Error", err->msg);
		if (!x->err.code && !is_optional(t))
			x->err = *err;
		else if (!x->err.code)
			free(steal_ptr(&x->details)); /* explained what is forgiven */
	} else if (task_kinds[t->op->action].done) {
		task_progress(t, "Done", task_kinds[t->op->action].done, NULL);
	}
	settle(t, err ? TASK_FAILED : TASK_DONE);
	pump(x);
}

/* ---- the pump */

static struct task *take(struct list *queue)
{
	struct task *t;

	if (list_empty(queue))
		return NULL;
	t = list_entry(queue->next, struct task, link);
	list_remove(&t->link);
	return t;
}

static void run(struct task *t)
{
	const struct task_kind *kind = &task_kinds[t->op->action];

	t->state = TASK_RUNNING;
	if (kind->launch)
		t->x->launching++;
	if (kind->working && !t->slow_part)
		task_progress(t, "Working", kind->working, NULL);
	kind->run(t);
}

static void begin(struct executor *x)
{
	struct error err = ERROR_INIT;

	if (state_begin(x->args.daemon->state, &err) < 0)
		log_err("executor", "%s", err.msg);
}

static void commit(struct executor *x)
{
	struct error err = ERROR_INIT;

	if (state_commit(x->args.daemon->state, &err) < 0 && !x->err.code)
		x->err = err;
}

static void run_queue(struct executor *x, struct list *queue)
{
	struct task *t;

	if (list_empty(queue))
		return;
	begin(x);
	while ((t = take(queue)))
		run(t);
	commit(x);
}

/* Launches wait in their own queue for a free place. */
static void run_slow(struct executor *x)
{
	struct list now = LIST_INIT(now);
	size_t places = x->args.parallel - MIN(x->launching, x->args.parallel);
	struct task *t;

	while ((t = take(&x->slow)))
		list_append(task_kinds[t->op->action].launch ? &x->launches : &now, &t->link);
	for (; places && (t = take(&x->launches)); places--)
		list_append(&now, &t->link);
	run_queue(x, &now);
}

static void drop_queue(struct list *queue)
{
	struct task *t;

	while ((t = take(queue))) {
		t->x->cut_short = true;
		settle(t, TASK_SKIPPED);
	}
}

static void drop_everything(struct executor *x)
{
	size_t i;

	drop_queue(&x->quick);
	drop_queue(&x->slow);
	drop_queue(&x->launches);
	drop_queue(&x->watched);
	for (i = 0; i < x->plan.count; i++)
		if (x->tasks[i].state == TASK_WAITING) {
			x->cut_short = true;
			settle(&x->tasks[i], TASK_SKIPPED);
		}
}

static void pump(struct executor *x)
{
	if (x->pumping)
		return;
	x->pumping = true;
	do {
		if (x->cancelled)
			drop_everything(x);
		run_queue(x, &x->quick);
		run_slow(x);
	} while (!list_empty(&x->quick) || !list_empty(&x->slow));
	x->pumping = false;
	maybe_close(x);
}

/* ---- start and cancel */

static void on_timeout(uv_timer_t *timer)
{
	struct executor *x = timer->data;

	if (!x->err.code)
		error_set(&x->err, ETIMEDOUT, "application not healthy after %llds",
			  (long long)(x->args.wait_timeout_ns / NS_PER_SEC));
	executor_cancel(x);
}

void executor_cancel(struct executor *x)
{
	x->cancelled = true;
	pump(x);
}

static void connect_tasks(struct executor *x)
{
	size_t i, k;

	for (i = 0; i < x->plan.count; i++) {
		const struct plan_op *op = &x->plan.ops[i];

		x->tasks[i].x = x;
		x->tasks[i].op = op;
		x->tasks[i].waiting = op->need_count;
		list_init(&x->tasks[i].link);
		for (k = 0; k < op->need_count; k++) {
			struct task *needed = &x->tasks[op->needs[k].op];
			size_t n = needed->dependent_count++;

			if ((n & (n - 1)) == 0)
				needed->dependents =
					xreallocarray(needed->dependents, n ? n * 2 : 1,
						      sizeof(*needed->dependents));
			needed->dependents[n] = (struct task_edge){&x->tasks[i], op->needs[k].kind};
		}
	}
}

/* Twice the processors: launches wait for the kernel's locks as much as they compute. */
static size_t default_parallel(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 ? (size_t)cores * 2 : 2;
}

struct executor *executor_start(const struct executor_args *args, struct plan *plan)
{
	struct executor *x = xcalloc(1, sizeof(*x));
	size_t i;

	x->args = *args;
	x->plan = *plan;
	*plan = (struct plan){0};
	x->tasks = xcalloc(x->plan.count + 1, sizeof(*x->tasks));
	x->unsettled = x->plan.count;
	if (!x->args.parallel)
		x->args.parallel = default_parallel();
	list_init(&x->quick);
	list_init(&x->slow);
	list_init(&x->launches);
	list_init(&x->watched);
	connect_tasks(x);
	x->watch.changed = conditions_changed;
	container_watch_add(x->args.daemon, &x->watch);
	uv_timer_init(x->args.daemon->loop, &x->timer);
	x->timer.data = x;
	if (x->args.wait_timeout_ns > 0)
		uv_timer_start(&x->timer, on_timeout,
			       (uint64_t)(x->args.wait_timeout_ns / NS_PER_MS), 0);
	for (i = 0; i < x->plan.count; i++)
		if (!x->tasks[i].waiting)
			enqueue(&x->tasks[i]);
	pump(x);
	return x;
}
