/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for containers: depends_on conditions and `up --wait`.  A wait looks once when it begins
 * and then at every change of its container.
 */
#include <errno.h>

#include "engine/executor_int.h"
#include "engine/health.h"
#include "engine/logs.h"

#define TAIL_LINES 10

enum verdict { PENDING, FULFILLED, REFUSED };

void add_last_output(struct buf *b, const char *name, const char *text)
{
	AUTO(strv_free) char **lines = str_empty(text) ? NULL : strv_split(text, "\n");
	size_t i;

	if (strv_len(lines))
		buf_addf(b, "%slast output of %s:", b->len ? "\n" : "", name);
	for (i = 0; i < strv_len(lines); i++)
		buf_addf(b, "\n  %s", lines[i]);
}

static enum verdict refuse(struct task *t, bool with_probe)
{
	auto_free char *probe = with_probe ? health_explain(t->c) : NULL;
	auto_free char *tail = logs_tail_text(t->c, TAIL_LINES);
	struct buf b = BUF_INIT;

	if (probe)
		buf_adds(&b, probe);
	add_last_output(&b, t->c->name, tail);
	executor_explain(t->x, buf_steal(&b));
	return REFUSED;
}

static bool has_ended(const struct container *c)
{
	return c->state == CONTAINER_EXITED || c->state == CONTAINER_DEAD ||
	       c->state == CONTAINER_REMOVING;
}

/* "dependency failed to start" for depends_on, nothing before it for --wait. */
static const char *prefix_of(const struct task *t)
{
	return t->op->condition == PLAN_READY ? "" : "dependency failed to start: ";
}

static enum verdict ended(struct task *t, struct error *err)
{
	error_set(err, ECHILD, "%scontainer %s exited (%d)", prefix_of(t), t->c->name,
		  t->c->exit_code);
	return refuse(t, false);
}

static enum verdict check_healthy(struct task *t, struct error *err)
{
	const struct container *c = t->c;

	if (has_ended(c))
		return ended(t, err);
	if (c->state == CONTAINER_CREATED) {
		error_set(err, ESRCH, "%scontainer %s is not running", prefix_of(t), c->name);
		return REFUSED;
	}
	if (c->state != CONTAINER_RUNNING)
		return PENDING;
	switch (c->health_status) {
	case HEALTH_HEALTHY:
		return FULFILLED;
	case HEALTH_UNHEALTHY:
		error_set(err, EPROTO, "%scontainer %s is unhealthy", prefix_of(t), c->name);
		return refuse(t, true);
	case HEALTH_STARTING:
		return PENDING;
	case HEALTH_NONE:
		break;
	}
	if (t->op->condition == PLAN_READY)
		return FULFILLED;
	error_set(err, EINVAL, "container %s has no healthcheck configured", c->name);
	return REFUSED;
}

static enum verdict check_completed(struct task *t, struct error *err)
{
	if (!has_ended(t->c))
		return PENDING;
	if (t->c->state == CONTAINER_EXITED && t->c->exit_code == 0)
		return FULFILLED;
	error_set(err, ECHILD, "service \"%s\" didn't complete successfully: exit %d", t->op->key,
		  t->c->exit_code);
	return refuse(t, false);
}

static enum verdict check_started(struct task *t UNUSED, struct error *err UNUSED)
{
	return FULFILLED;
}

static const struct {
	enum verdict (*check)(struct task *t, struct error *err);
	const char *done;
} conditions[PLAN_CONDITION_MAX] = {
	[PLAN_STARTED] = {check_started, "Started"},
	[PLAN_HEALTHY] = {check_healthy, "Healthy"},
	[PLAN_COMPLETED] = {check_completed, "Exited"},
	[PLAN_READY] = {check_healthy, "Healthy"},
};

/* Looks; a settled task leaves the list. */
static void look(struct task *t)
{
	struct error err = ERROR_INIT;
	enum verdict verdict = conditions[t->op->condition].check(t, &err);

	if (verdict == PENDING)
		return;
	list_remove(&t->link);
	if (verdict == FULFILLED)
		task_progress(t, "Done", conditions[t->op->condition].done, NULL);
	task_end(t, verdict == FULFILLED ? NULL : &err);
}

void run_wait(struct task *t)
{
	struct error err = ERROR_INIT;

	if (task_container(t, &err) < 0) {
		task_end(t, &err);
		return;
	}
	list_append(&t->x->watched, &t->link);
	look(t);
}

void conditions_changed(struct container_watch *w, struct container *c,
			enum container_change what UNUSED)
{
	struct executor *x = container_of(w, struct executor, watch);
	struct list mine = LIST_INIT(mine);
	struct task *t, *next;

	/* Looking may end waits of others: only those of this container are walked. */
	list_for_each_safe (t, next, &x->watched, link) {
		if (t->c != c)
			continue;
		list_remove(&t->link);
		list_append(&mine, &t->link);
	}
	while (!list_empty(&mine)) {
		t = list_entry(mine.next, struct task, link);
		list_remove(&t->link);
		list_append(&x->watched, &t->link);
		look(t);
	}
	if (x->cancelled)
		executor_cancel(x);
}
