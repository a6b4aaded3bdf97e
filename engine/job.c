/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of jobs of each project, and the stream of progress.  The first job of a queue runs;
 * the next one begins when it has ended, so that two `up` of one project never see each other half
 * done.  Two things do not wait: a verb that needs no plan over others (kill, pull) runs beside the
 * queue, and one that takes the project down ends what brings it up.
 */
#include "engine/job.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "engine/job_int.h"
#include "engine/state.h"

/* ---- the stream */

void job_event(struct job *j, json_t *event)
{
	if (!j->hung_up)
		j->sink.event(j->sink.arg, event);
	json_decref(event);
}

void job_progress(struct job *j, const char *id, const char *status, const char *text,
		  const char *details)
{
	json_t *event;

	if (j->hung_up)
		return;
	event = json_object();
	json_set_str(event, "type", "progress");
	json_set_str(event, "id", id);
	json_set_str(event, "status", status);
	json_set_str(event, "text", text);
	json_set_str(event, "details", details);
	job_event(j, event);
}

void job_warn(struct job *j, const char *fmt, ...)
{
	auto_free char *text = NULL;
	json_t *event = json_object();
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_set_str(event, "type", "warning");
	json_set_str(event, "message", text);
	job_event(j, event);
}

/* ---- one after the other */

static void kick_first(struct project *p);

static void on_closed(uv_handle_t *handle)
{
	struct job *j = handle->data;

	job_request_release(&j->request);
	observation_release(&j->seen);
	json_decref(j->stored);
	json_decref(j->from_labels);
	json_decref(j->scale);
	json_decref(j->one_off);
	free(j->one_off_name);
	free(j);
}

/* The last line; the queue goes on. */
static void finish(struct job *j, json_t *last)
{
	struct project *p = j->project;

	job_event(j, last);
	j->sink.done(j->sink.arg);
	list_remove(&j->link);
	uv_close((uv_handle_t *)&j->kick, on_closed);
	kick_first(p);
	project_settle(p);
}

static void finish_error(struct job *j, const struct error *err, const char *details)
{
	json_t *event = json_object();

	json_set_str(event, "type", "error");
	if (str_empty(details))
		json_set_str(event, "message", err->msg);
	else
		json_set_strf(event, "message", "%s\n%s", err->msg, details);
	json_set_int(event, "exit", 1);
	if (j->hung_up)
		log_warn("job", "%s %s: %s", j->verb->name, j->project->name, err->msg);
	finish(j, event);
}

static void finish_well(struct job *j, json_t *end)
{
	json_set_str(end, "type", "end");
	json_set_int(end, "exit", 0);
	finish(j, end);
}

/* What is acknowledged is on the disk. */
static void on_synced(void *arg, const struct error *err)
{
	struct job *j = arg;
	json_t *end = steal_ptr(&j->end);

	if (!err) {
		finish_well(j, end);
		return;
	}
	json_decref(end);
	finish_error(j, err, NULL);
}

static void finish_ended(struct job *j)
{
	struct error err = ERROR_INIT;

	error_set(&err, ECANCELED, "%s of project %s was ended by cmp %s", j->verb->name,
		  j->project->name, j->ended_by);
	finish_error(j, &err, NULL);
}

void job_executed(void *arg, const struct executor_result *result)
{
	struct job *j = arg;
	struct error err = ERROR_INIT;

	j->executor = NULL;
	if (j->ended_by && result->cut_short) {
		finish_ended(j);
		return;
	}
	if (result->err) {
		finish_error(j, result->err, result->details);
		return;
	}
	if ((j->verb->flags & VERB_FORGET) && !strv_len(j->request.options.services) &&
	    project_forget(j->project, &err) < 0) {
		finish_error(j, &err, NULL);
		return;
	}
	j->end = json_object();
	verb_end(j, j->end, result);
	state_sync(j->project->daemon->state, on_synced, j);
}

/* Everything that it needs from elsewhere is there. */
static void go_on(struct job *j)
{
	struct error err = ERROR_INIT;
	json_t *end = NULL;

	if (j->verb->flags & VERB_PULL)
		finish_well(j, json_object());
	else if (verb_begin(j, &end, &err) < 0)
		finish_error(j, &err, NULL);
	else if (end)
		finish_well(j, end);
}

void job_pulled(struct job *j, const struct error *err)
{
	if (err)
		finish_error(j, err, NULL);
	else
		go_on(j);
}

static void begin(uv_timer_t *timer)
{
	struct job *j = timer->data;
	struct error err = ERROR_INIT;
	int r;

	if (j->ended_by) {
		finish_ended(j);
		return;
	}
	if (j->hung_up && !(j->verb->flags & VERB_FINISH)) {
		error_set(&err, ECANCELED, "the client has gone");
		finish_error(j, &err, NULL);
		return;
	}
	r = verb_prepare(j, &err);
	if (r == 0 && (j->verb->flags & VERB_MODEL) && !(j->verb->flags & VERB_DRY))
		r = job_pulls_start(j, &err);
	if (r < 0)
		finish_error(j, &err, NULL);
	else if (r == 0)
		go_on(j);
}

static void kick(struct job *j)
{
	if (j->started)
		return;
	j->started = true;
	uv_timer_start(&j->kick, begin, 0, 0);
}

static void kick_first(struct project *p)
{
	struct job *j;

	list_for_each (j, &p->jobs, link) {
		if (j->verb->flags & VERB_BESIDE)
			continue;
		kick(j);
		return;
	}
}

/* What brings things up stops where it is; what takes them down is brought to its end. */
static void cut_short(struct job *j)
{
	if (j->pulls) {
		job_pulls_cancel(j);
		uv_timer_start(&j->kick, begin, 0, 0);
	}
	if (j->executor && !(j->verb->flags & VERB_FINISH))
		executor_cancel(j->executor);
}

static void end_others(struct project *p, const struct verb *by)
{
	struct job *j, *next;

	list_for_each_safe (j, next, &p->jobs, link) {
		if (j->ended_by || j->verb->flags & (VERB_FINISH | VERB_BESIDE))
			continue;
		j->ended_by = by->name;
		cut_short(j);
	}
}

int job_start(struct daemon *d, const char *name, const char *verb, const json_t *body,
	      const struct job_sink *sink, struct job **ret, struct error *err)
{
	const struct verb *v = verb_find(verb);
	struct job_request request = {0};
	struct job *j;

	if (!v)
		return error_set(err, ENOENT, "no such verb: %s", verb);
	if (!str_valid_name(name))
		return error_set(err, EINVAL, "invalid project name \"%s\"", name);
	if (job_request_decode(body, &request, err) < 0) {
		job_request_release(&request);
		return -err->code;
	}
	j = xcalloc(1, sizeof(*j));
	j->verb = v;
	j->request = request;
	j->sink = *sink;
	j->project = project_ensure(d, name);
	uv_timer_init(d->loop, &j->kick);
	j->kick.data = j;
	if (v->flags & VERB_ENDS)
		end_others(j->project, v);
	list_append(&j->project->jobs, &j->link);
	if (v->flags & VERB_BESIDE)
		kick(j);
	else
		kick_first(j->project);
	*ret = j;
	return 0;
}

void job_hangup(struct job *j)
{
	j->hung_up = true;
	cut_short(j);
}
