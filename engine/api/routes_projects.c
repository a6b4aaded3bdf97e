/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of projects: list, verbs with their stream of progress, logs. */
#include <errno.h>

#include "base/json.h"
#include "engine/api/routes.h"
#include "engine/logs.h"
#include "engine/project.h"

static void get_projects(struct api_request *r)
{
	api_reply_json(r, 200, projects_list(r->daemon));
}

static void get_project(struct api_request *r)
{
	struct project *p = project_get(r->daemon, r->params[0]);
	struct error err = ERROR_INIT;
	json_t *o;

	if (!p) {
		error_set(&err, ENOENT, "no such project: %s", r->params[0]);
		api_reply_error(r, &err);
		return;
	}
	o = json_object();
	json_set_str(o, "name", p->name);
	json_set_new(o, "model", p->model ? json_incref(p->model) : json_null());
	json_set_new(o, "files", p->files ? json_incref(p->files) : json_array());
	json_set_str(o, "working_dir", p->working_dir);
	json_set_new(o, "scale", p->scale ? json_incref(p->scale) : json_object());
	api_reply_json(r, 200, o);
}

/* ---- verbs */

struct verb_stream {
	struct api_request *request; /* NULL: the client is gone */
	struct job *job;
};

static void on_job_event(void *arg, json_t *event)
{
	struct verb_stream *s = arg;

	if (s->request)
		api_stream_json(s->request, event);
}

static void on_job_done(void *arg)
{
	struct verb_stream *s = arg;

	if (s->request) {
		s->request->on_hangup = NULL;
		api_stream_end(s->request);
	}
	free(s);
}

static void on_verb_hangup(void *arg)
{
	struct verb_stream *s = arg;

	s->request = NULL;
	job_hangup(s->job);
}

static void post_verb(struct api_request *r)
{
	struct verb_stream *s = xcalloc(1, sizeof(*s));
	struct job_sink sink = {.event = on_job_event, .done = on_job_done, .arg = s};
	struct error err = ERROR_INIT;
	auto_json json_t *empty = json_object();

	s->request = r;
	if (job_start(r->daemon, r->params[0], r->params[1], r->body ? r->body : empty, &sink,
		      &s->job, &err) < 0) {
		free(s);
		api_reply_error(r, &err);
		return;
	}
	r->arg = s;
	r->on_hangup = on_verb_hangup;
	api_stream_start(r, "application/x-ndjson");
}

/* ---- logs */

struct log_stream {
	struct api_request *request;
	struct logs *logs;
};

static bool on_log_data(void *arg, const char *data, size_t len)
{
	struct log_stream *s = arg;

	return api_stream_write(s->request, data, len);
}

static void on_log_end(void *arg, const struct error *err)
{
	struct log_stream *s = arg;

	(void)err; /* what could be read has been sent */
	s->request->on_hangup = NULL;
	s->request->on_drain = NULL;
	api_stream_end(s->request);
	free(s);
}

static void on_log_drain(void *arg)
{
	struct log_stream *s = arg;

	logs_resume(s->logs);
}

static void on_log_hangup(void *arg)
{
	struct log_stream *s = arg;

	logs_stop(s->logs);
	free(s);
}

void stream_logs(struct api_request *r, const char *project, const char *container)
{
	AUTO(strv_free) char **services = api_query_list(r, "service");
	struct log_stream *s = xcalloc(1, sizeof(*s));
	struct logs_args args = {
		.project = project,
		.container = container,
		.services = services,
		.index = api_query_int(r, "index", 0),
		.one_offs = container != NULL,
		.follow = api_query_flag(r, "follow"),
		.tail = api_query_int(r, "tail", -1),
		.since_ns = api_query_int(r, "since", 0),
		.until_ns = api_query_int(r, "until", 0),
		.until_exit = !api_query_flag(r, "hold"),
		.events = api_query_flag(r, "exits"),
		.on_data = on_log_data,
		.on_end = on_log_end,
		.arg = s,
	};
	struct error err = ERROR_INIT;

	s->request = r;
	if (logs_start(r->daemon, &args, &s->logs, &err) < 0) {
		free(s);
		api_reply_error(r, &err);
		return;
	}
	r->arg = s;
	r->on_hangup = on_log_hangup;
	r->on_drain = on_log_drain;
	api_stream_start(r, "application/vnd.cmp.log");
}

static void get_logs(struct api_request *r)
{
	stream_logs(r, r->params[0], NULL);
}

const struct api_route project_routes[] = {
	{"GET", "/cmp/v1/projects", get_projects, false},
	{"GET", "/cmp/v1/projects/{}/logs", get_logs, false},
	{"GET", "/cmp/v1/projects/{}", get_project, false},
	{"POST", "/cmp/v1/projects/{}/{}", post_verb, false},
	{0},
};
