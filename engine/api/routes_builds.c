/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes of builds.  The body of a build is its options, LENGTH in decimal digits and a newline
 * before them, then the context as a tar stream: options hold secrets, which do not belong into a
 * target.
 */
#include <errno.h>

#include "base/json.h"
#include "base/time.h"
#include "engine/api/routes.h"
#include "engine/build.h"
#include "images/build.h"

#define OPTIONS_MAX   ((size_t)16 << 20)
#define LENGTH_DIGITS 10

struct building {
	struct api_request *request;
	struct build *build; /* NULL: the options are not complete yet */
	struct buf head;
	size_t options_at, options_len; /* in head; 0: not known yet */
	bool streaming;
};

static bool on_event(void *arg, json_t *event)
{
	struct building *b = arg;
	bool room;

	if (!b->streaming)
		api_stream_start(b->request, "application/x-ndjson");
	b->streaming = true;
	room = api_stream_json(b->request, event);
	json_decref(event);
	return room;
}

static void building_free(struct building *b)
{
	buf_release(&b->head);
	free(b);
}

static void on_done(void *arg)
{
	struct building *b = arg;
	struct api_request *r = b->request;

	r->on_data = NULL;
	r->on_end = r->on_hangup = r->on_drain = NULL;
	api_pause(r, false);
	api_stream_end(r);
	building_free(b);
}

static void on_drain(void *arg)
{
	struct building *b = arg;

	api_pause(b->request, false);
}

static void refuse(struct building *b, const struct error *err)
{
	struct api_request *r = b->request;

	r->on_data = NULL;
	r->on_end = r->on_hangup = r->on_drain = NULL;
	api_reply_error(r, err);
	building_free(b);
}

/* 1: the head is complete; 0: more is needed. */
static int read_head(struct building *b, struct error *err)
{
	const char *newline;
	uint32_t len;

	if (!b->options_len) {
		newline = memchr(b->head.data, '\n', MIN(b->head.len, LENGTH_DIGITS + 1));
		if (!newline && b->head.len <= LENGTH_DIGITS)
			return 0;
		b->options_at = newline ? (size_t)(newline - b->head.data) + 1 : 0;
		if (newline)
			b->head.data[b->options_at - 1] = '\0';
		if (!newline || parse_u32(b->head.data, &len) < 0 || !len || len > OPTIONS_MAX)
			return error_set(
				err, EINVAL,
				"the body of a build begins with the length of its options");
		b->options_len = len;
	}
	return b->head.len >= b->options_at + b->options_len;
}

static int start(struct building *b, struct error *err)
{
	const struct build_sink sink = {
		.event = on_event, .done = on_done, .drain = on_drain, .arg = b};
	auto_json json_t *options = NULL;

	if (json_load_text(b->head.data + b->options_at, b->options_len, &options, err) < 0)
		return error_wrap(err, "options of the build");
	if (!json_is_object(options))
		return error_set(err, EINVAL, "options of the build: must be an object");
	return build_start(b->request->daemon, options, &sink, &b->build, err);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct building *b = arg;
	struct error err = ERROR_INIT;
	size_t used;
	int r = 0;

	if (b->build) {
		if (!build_write(b->build, data, len))
			api_pause(b->request, true);
		return;
	}
	buf_add(&b->head, data, len);
	if (b->head.overflow)
		r = error_set(&err, EMSGSIZE, "the options of the build are too long");
	if (r == 0)
		r = read_head(b, &err);
	if (r > 0)
		r = start(b, &err);
	if (r < 0) {
		refuse(b, &err);
		return;
	}
	used = b->options_at + b->options_len;
	if (b->build && b->head.len > used &&
	    !build_write(b->build, b->head.data + used, b->head.len - used))
		api_pause(b->request, true);
	if (b->build)
		buf_release(&b->head);
}

static void on_end(void *arg)
{
	struct building *b = arg;
	struct error err = ERROR_INIT;

	if (b->build) {
		build_eof(b->build);
		return;
	}
	error_set(&err, EINVAL, "the body of the build is not complete");
	refuse(b, &err);
}

static void on_hangup(void *arg)
{
	struct building *b = arg;

	if (b->build)
		build_cancel(b->build);
	building_free(b);
}

/* The client has read. */
static void on_read(void *arg)
{
	struct building *b = arg;

	if (b->build)
		build_drained(b->build);
}

static void post_build(struct api_request *r)
{
	struct building *b = xcalloc(1, sizeof(*b));

	b->request = r;
	buf_init(&b->head, OPTIONS_MAX + ((size_t)2 << 20));
	r->arg = b;
	r->on_data = on_data;
	r->on_end = on_end;
	r->on_hangup = on_hangup;
	r->on_drain = on_read;
}

/* ---- the cache */

static void on_listed(void *arg, const json_t *entries, const struct error *err)
{
	api_pending_done(arg, entries ? json_deep_copy(entries) : NULL, err);
}

static void get_cache(struct api_request *r)
{
	image_cache_list(r->daemon->images, on_listed, api_pending_new(r));
}

static void on_pruned(void *arg, int64_t freed_bytes, const struct error *err)
{
	json_t *o = json_object();

	json_set_int(o, "freed_bytes", freed_bytes);
	api_pending_done(arg, o, err);
}

/* unused_ns: only what was not used for so long; cache mounts have no such time and stay then. */
static void post_prune(struct api_request *r)
{
	int64_t unused_ns = api_query_int(r, "unused_ns", 0);

	if (unused_ns <= 0)
		builds_prune_mounts(r->daemon);
	image_cache_prune(r->daemon->images, unused_ns > 0 ? time_now_ns() - unused_ns : 0,
			  on_pruned, api_pending_new(r));
}

const struct api_route build_routes[] = {
	{"POST", "/cmp/v1/build", post_build, true},
	{"GET", "/cmp/v1/build/cache", get_cache, false},
	{"POST", "/cmp/v1/build/prune", post_prune, false},
	{0},
};
