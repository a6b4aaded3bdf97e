/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What flows: attach, logs, events. */
#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/api/stream.h"
#include "engine/container_int.h"
#include "engine/events.h"
#include "engine/logs.h"

/* ---- attach */

void docker_attach(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct stream_options o = {0};
	struct error err = ERROR_INIT;

	if (!c)
		return;
	if (c->state == CONTAINER_PAUSED) {
		docker_fail(r, 409, "container %s is paused, unpause the container before attach",
			    c->id);
		return;
	}
	o.style = c->config.tty ? STREAM_RAW : STREAM_MUX;
	o.input = docker_flag(r, "stdin");
	o.keep_input = !c->config.stdin_once || c->config.tty;
	o.replay = docker_flag(r, "logs");
	o.hide_stdout = !docker_flag(r, "stdout");
	o.hide_stderr = !docker_flag(r, "stderr");
	if (c->config.tty && o.input &&
	    detach_keys_parse(api_query(r, "detachKeys"), &o.keys, &err) < 0) {
		api_reply_error(r, &err);
		return;
	}
	container_emit(c, "attach", NULL, NULL);
	stream_attach_open(r, c, &o);
}

/* ---- logs */

struct log_stream {
	struct api_request *request;
	struct logs *logs;
	enum stream_style style;
	bool timestamps, details, continued;
	char *prefix; /* of details */
};

static uint64_t number(const unsigned char *p, size_t len)
{
	uint64_t n = 0;

	while (len--)
		n = n << 8 | *p++;
	return n;
}

/* An entry that was split is one line again: only its first part is stamped. */
static bool send_entry(struct log_stream *s, const unsigned char *h, const char *text, size_t len)
{
	auto_buf struct buf b = BUF_INIT;
	char when[TIME_TEXT_MAX];

	if (!s->continued && s->timestamps) {
		time_format((int64_t)number(h + 8, 8), when);
		buf_addf(&b, "%s ", when);
	}
	if (!s->continued && s->prefix)
		buf_adds(&b, s->prefix);
	buf_add(&b, text, len);
	s->continued = h[1] & SHIM_LOG_PARTIAL;
	return stream_output(s->request, s->style, h[0] == SHIM_LOG_STDERR ? 2 : 1,
			     b.data ? b.data : "", b.len);
}

static bool on_log_data(void *arg, const char *data, size_t len)
{
	struct log_stream *s = arg;
	bool go_on = true;
	size_t at = 0;

	while (len - at >= SHIM_LOG_HEAD) {
		const unsigned char *h = (const unsigned char *)data + at;
		size_t size = (size_t)number(h + 4, 4);

		if (h[0] == SHIM_LOG_STDOUT || h[0] == SHIM_LOG_STDERR)
			go_on = send_entry(s, h, data + at + SHIM_LOG_HEAD, size);
		at += SHIM_LOG_HEAD + size;
	}
	return go_on;
}

static void log_free(struct log_stream *s)
{
	free(s->prefix);
	free(s);
}

static void on_log_end(void *arg, const struct error *err)
{
	struct log_stream *s = arg;

	(void)err; /* what could be read has been sent */
	s->request->on_hangup = NULL;
	s->request->on_drain = NULL;
	api_stream_end(s->request);
	log_free(s);
}

static void on_log_drain(void *arg)
{
	logs_resume(((struct log_stream *)arg)->logs);
}

static void on_log_hangup(void *arg)
{
	struct log_stream *s = arg;

	logs_stop(s->logs);
	log_free(s);
}

static int64_t tail_of(const struct api_request *r)
{
	const char *text = api_query(r, "tail");
	int64_t n;

	return text && parse_i64(text, &n) == 0 && n >= 0 ? n : -1;
}

/* The options "labels" and "env" of the logging driver name what --details shows. */
static char *details_of(const struct container *c)
{
	const char *names = json_get_str(c->config.log_options, "labels"), *value;
	AUTO(strv_free) char **list = strv_split(names ? names : "", ",");
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < strv_len(list); i++) {
		value = json_get_str(c->config.labels, list[i]);
		if (value)
			buf_addf(&b, "%s%s=%s", b.len ? "," : "", list[i], value);
	}
	buf_addc(&b, ' ');
	return buf_steal(&b);
}

void docker_logs(struct api_request *r)
{
	struct container *c = docker_container(r);
	bool out = docker_flag(r, "stdout"), err_too = docker_flag(r, "stderr");
	struct log_stream *s;
	struct logs_args args;
	struct error err = ERROR_INIT;
	int64_t since, until;

	if (!c)
		return;
	if (!out && !err_too) {
		docker_fail(r, 400, "Bad parameters: you must choose at least one stream");
		return;
	}
	if (!docker_time(r, "since", &since) || !docker_time(r, "until", &until))
		return;
	if (str_eq(c->config.log_driver, "none")) {
		docker_fail(r, 500, "configured logging driver does not support reading");
		return;
	}
	s = xcalloc(1, sizeof(*s));
	args = (struct logs_args){
		.container = c->id,
		.one_offs = true,
		.follow = docker_flag(r, "follow"),
		.tail = tail_of(r),
		.since_ns = since,
		.until_ns = until,
		.stdout_only = !err_too,
		.stderr_only = !out,
		.until_exit = true,
		.on_data = on_log_data,
		.on_end = on_log_end,
		.arg = s,
	};
	s->request = r;
	s->style = c->config.tty ? STREAM_RAW : STREAM_MUX;
	s->timestamps = docker_flag(r, "timestamps");
	s->prefix = docker_flag(r, "details") ? details_of(c) : NULL;
	if (logs_start(r->daemon, &args, &s->logs, &err) < 0) {
		log_free(s);
		api_reply_error(r, &err);
		return;
	}
	r->arg = s;
	r->on_hangup = on_log_hangup;
	r->on_drain = on_log_drain;
	api_stream_start(r, stream_type(s->style));
}

/* ---- events */

struct event_stream {
	struct events_watch watch;
	struct api_request *request;
	struct docker_filters *filters;
	int64_t until_ns;
	uv_timer_t timer; /* until */
};

static void on_stream_closed(uv_handle_t *h)
{
	struct event_stream *s = container_of((uv_timer_t *)(void *)h, struct event_stream, timer);

	docker_filters_free(s->filters);
	free(s);
}

static void event_stream_stop(void *arg)
{
	struct event_stream *s = arg;

	events_watch_remove(&s->watch);
	uv_close((uv_handle_t *)&s->timer, on_stream_closed);
}

/* "exec_die" and "health_status" stand for all that begins with them and a colon. */
static bool is_action(const struct docker_filters *f, const char *action)
{
	char *const *v = docker_filter(f, "event");

	if (!v)
		return true;
	for (; *v; v++) {
		const char *rest = str_skip(action, *v);

		if (rest && (!*rest || *rest == ':'))
			return true;
	}
	return false;
}

/* A filter named like a type of object takes its events only, by id, short id or name. */
static bool is_object(const struct docker_filters *f, const char *type, const json_t *event)
{
	static const char *const types[] = {"container", "image", "network", "volume"};
	const char *id = json_get_str(event, "id");
	const char *name = json_get_str(json_get_obj(event, "attributes"), "name");
	bool asked = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		char *const *v = docker_filter(f, types[i]);

		asked |= v != NULL;
		for (; v && *v && !strcmp(type, types[i]); v++)
			if (str_eq(*v, name) || (id && str_starts(id, *v)))
				return true;
	}
	return !asked;
}

static bool is_wanted(const struct event_stream *s, const json_t *event)
{
	const char *type = json_get_str(event, "type"), *action = json_get_str(event, "action");

	if (!type || !action || (s->until_ns && json_get_int(event, "time_ns", 0) > s->until_ns))
		return false;
	return docker_filter_is(s->filters, "type", type) && is_action(s->filters, action) &&
	       is_object(s->filters, type, event) &&
	       docker_filter_is(s->filters, "scope", "local") &&
	       docker_filter_labels(s->filters, json_get_obj(event, "attributes"));
}

static void put_event(struct buf *b, const json_t *event)
{
	const json_t *attributes = json_get_obj(event, "attributes");
	const char *type = json_get_str(event, "type"), *image = json_get_str(attributes, "image");
	const char *id = json_get_str(event, "id");
	int64_t ns = json_get_int(event, "time_ns", 0);

	buf_addc(b, '{');
	if (str_eq(type, "container") || str_eq(type, "image")) {
		docker_put_key(b, "status");
		docker_put_str(b, json_get_str(event, "action"));
		docker_put_key(b, "id");
		docker_put_str(b, id);
		if (image) {
			docker_put_key(b, "from");
			docker_put_str(b, image);
		}
	}
	docker_put_key(b, "Type");
	docker_put_str(b, type);
	docker_put_key(b, "Action");
	docker_put_str(b, json_get_str(event, "action"));
	docker_put_key(b, "Actor");
	buf_adds(b, "{\"ID\":");
	docker_put_str(b, id);
	buf_adds(b, ",\"Attributes\":");
	docker_put_value(b, attributes);
	buf_addf(b, "},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}\n",
		 (long long)(ns / NS_PER_SEC), (long long)ns);
}

static void on_event(struct events_watch *w, const json_t *event)
{
	struct event_stream *s = container_of(w, struct event_stream, watch);
	auto_buf struct buf b = BUF_INIT;

	if (!is_wanted(s, event))
		return;
	put_event(&b, event);
	if (api_stream_write(s->request, b.data, b.len))
		return;
	/* A reader that slow gets no more; the kept events are there for the next one. */
	s->request->on_hangup = NULL;
	api_stream_end(s->request);
	event_stream_stop(s);
}

static void on_until(uv_timer_t *timer)
{
	struct event_stream *s = container_of(timer, struct event_stream, timer);

	s->request->on_hangup = NULL;
	api_stream_end(s->request);
	event_stream_stop(s);
}

void docker_events(struct api_request *r)
{
	static const char *const known[] = {"container", "image",   "network", "volume", "type",
					    "event",	 "label",   "daemon",  "scope",	 "plugin",
					    "node",	 "service", "secret",  "config", NULL};
	struct docker_filters *filters;
	struct event_stream *s;
	int64_t since, until, left_ns;

	if (!docker_time(r, "since", &since) || !docker_time(r, "until", &until))
		return;
	if (since && until && since > until) {
		docker_fail(r, 400, "`since` time (%lld) cannot be after `until` time (%lld)",
			    (long long)(since / NS_PER_SEC), (long long)(until / NS_PER_SEC));
		return;
	}
	if (!docker_filters_read(r, known, &filters))
		return;
	s = xcalloc(1, sizeof(*s));
	s->request = r;
	s->filters = filters;
	s->until_ns = until;
	s->watch.event = on_event;
	list_init(&s->watch.link);
	uv_timer_init(r->daemon->loop, &s->timer);
	r->arg = s;
	r->on_hangup = event_stream_stop;
	api_stream_start(r, "application/json");
	events_watch_add(r->daemon->events, &s->watch, since);
	left_ns = until - time_now_ns();
	if (until)
		uv_timer_start(&s->timer, on_until,
			       left_ns > 0 ? (uint64_t)(left_ns / NS_PER_MS) + 1 : 0, 0);
}
