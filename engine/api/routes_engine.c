/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes about the supervisor itself: version, events, shutdown; and the list of all tables. */
#include "engine/api/routes.h"

#include "base/json.h"
#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/events.h"

static void get_version(struct api_request *r)
{
	const struct daemon *d = r->daemon;
	json_t *o = json_object();

	json_set_str(o, "version", PACKAGE_VERSION);
	json_set_int(o, "api", 1);
	json_set_int(o, "pid", getpid());
	json_set_str(o, "state_dir", d->state_dir);
	json_set_str(o, "run_dir", d->run_dir);
	json_set_int(o, "started_ns", d->started_ns);
	api_reply_json(r, 200, o);
}

static void post_shutdown(struct api_request *r)
{
	struct daemon *d = r->daemon;

	api_reply_json(r, 200, json_object());
	daemon_stop(d);
}

/* ---- events */

struct event_stream {
	struct events_watch watch;
	struct api_request *request;
	char *project;
	int64_t since_ns, until_ns;
	uv_timer_t timer; /* until */
};

static void on_stream_closed(uv_handle_t *h)
{
	struct event_stream *s = container_of((uv_timer_t *)(void *)h, struct event_stream, timer);

	free(s->project);
	free(s);
}

static void event_stream_stop(void *arg)
{
	struct event_stream *s = arg;

	events_watch_remove(&s->watch);
	uv_close((uv_handle_t *)&s->timer, on_stream_closed);
}

static void on_event(struct events_watch *w, const json_t *event)
{
	struct event_stream *s = container_of(w, struct event_stream, watch);
	const json_t *attributes = json_get_obj(event, "attributes");

	if (s->project &&
	    !str_eq(json_get_str(attributes, "com.docker.compose.project"), s->project))
		return;
	if (s->until_ns && json_get_int(event, "time_ns", 0) > s->until_ns)
		return;
	if (!api_stream_json(s->request, event)) {
		/* A reader that slow gets no more; the kept events are there for the next one. */
		api_stream_end(s->request);
		event_stream_stop(s);
	}
}

static void on_until(uv_timer_t *timer)
{
	struct event_stream *s = container_of(timer, struct event_stream, timer);

	s->request->on_hangup = NULL;
	api_stream_end(s->request);
	event_stream_stop(s);
}

static void get_events(struct api_request *r)
{
	struct event_stream *s = xcalloc(1, sizeof(*s));
	int64_t left_ns;

	s->request = r;
	s->project = xstrdup(api_query(r, "project"));
	s->since_ns = api_query_int(r, "since", 0);
	s->until_ns = api_query_int(r, "until", 0);
	s->watch.event = on_event;
	list_init(&s->watch.link);
	uv_timer_init(r->daemon->loop, &s->timer);
	r->arg = s;
	r->on_hangup = event_stream_stop;
	api_stream_start(r, "application/x-ndjson");
	events_watch_add(r->daemon->events, &s->watch, s->since_ns);
	left_ns = s->until_ns - time_now_ns();
	if (s->until_ns)
		uv_timer_start(&s->timer, on_until,
			       left_ns > 0 ? (uint64_t)(left_ns / NS_PER_MS) + 1 : 0, 0);
}

static const struct api_route engine_routes[] = {
	{"GET", "/cmp/v1/version", get_version, false},
	{"GET", "/cmp/v1/events", get_events, false},
	{"POST", "/cmp/v1/shutdown", post_shutdown, false},
	{0},
};

#define NATIVE(rows)                                                                               \
	{                                                                                          \
		rows, sizeof(struct api_route), false                                              \
	}
#define DOCKER(rows)                                                                               \
	{                                                                                          \
		&(rows)[0].route, sizeof(struct docker_route), true                                \
	}

const struct api_table api_tables[] = {
	NATIVE(engine_routes),		 NATIVE(project_routes),
	NATIVE(container_routes),	 NATIVE(image_routes),
	NATIVE(object_routes),		 NATIVE(build_routes),
	DOCKER(docker_container_routes), DOCKER(docker_exec_routes),
	DOCKER(docker_image_routes),	 DOCKER(docker_pull_routes),
	DOCKER(docker_archive_routes),	 DOCKER(docker_network_routes),
	DOCKER(docker_volume_routes),	 DOCKER(docker_system_routes),
	DOCKER(docker_refused_routes),	 {0},
};
