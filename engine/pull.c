/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pull.h. */
#include "engine/pull.h"

#include "base/json.h"
#include "engine/events.h"

struct pull {
	struct daemon *daemon;
	struct image_pull *image;
	struct pull_sink sink;
	char *name, *shown;
	bool quiet, tolerated, cancelled;
};

static json_t *event_of(const char *id, const char *status, const char *text)
{
	json_t *event = json_object();

	json_set_str(event, "type", "progress");
	json_set_str(event, "id", id);
	json_set_str(event, "status", status);
	json_set_str(event, "text", text);
	return event;
}

static void tell(const struct pull *p, const char *status, const char *text, const char *details)
{
	json_t *event = event_of(p->shown, status, text);

	json_set_str(event, "details", details);
	p->sink.event(p->sink.arg, event);
}

static void on_progress(void *arg, const struct image_progress *progress)
{
	const struct pull *p = arg;
	json_t *event;

	if (p->cancelled)
		return;
	if (progress->retry) {
		event = json_object();
		json_set_str(event, "type", "warning");
		json_set_strf(event, "message", "pull %s: %s", p->name, progress->text);
		p->sink.event(p->sink.arg, event);
		return;
	}
	if (p->quiet)
		return;
	event = event_of(progress->layer ?: p->shown, progress->done ? "Done" : "Working",
			 progress->text);
	if (progress->layer)
		json_set_str(event, "parent", p->shown);
	if (progress->total_bytes) {
		json_set_int(event, "current", progress->current_bytes);
		json_set_int(event, "total", progress->total_bytes);
	}
	p->sink.event(p->sink.arg, event);
}

static void on_done(void *arg, struct image *im, bool changed, const struct error *err)
{
	struct pull *p = arg;

	(void)changed;
	if (im)
		events_emit(p->daemon->events, "image", "pull", p->name, NULL);
	if (!p->cancelled) {
		if (im)
			tell(p, "Done", "Pulled", NULL);
		else
			tell(p, p->tolerated ? "Warning" : "Error",
			     p->tolerated ? "Warning" : "Error", err->msg);
		p->sink.done(p->sink.arg, im ? im->id : NULL, err);
	}
	free(p->name);
	free(p->shown);
	free(p);
}

int pull_start(struct daemon *d, const struct image_pull_args *image, const struct pull_how *how,
	       const struct pull_sink *sink, struct pull **ret, struct error *err)
{
	struct pull *p = xcalloc(1, sizeof(*p));
	struct image_pull_args args = *image;
	int r;

	p->daemon = d;
	p->sink = *sink;
	p->quiet = how->quiet;
	p->tolerated = how->tolerated;
	p->name = xstrdup(image->name);
	p->shown = xstrdup(how->shown);
	args.progress = on_progress;
	args.done = on_done;
	args.arg = p;
	r = image_pull_start(d->images, &args, &p->image, err);
	if (r < 0) {
		free(p->name);
		free(p->shown);
		free(p);
		return r;
	}
	tell(p, "Working", "Pulling", NULL);
	*ret = p;
	return 0;
}

void pull_cancel(struct pull *p)
{
	p->cancelled = true;
	image_pull_cancel(p->image);
}
