/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pull.h. */
#include "engine/pull.h"

#include "base/json.h"
#include "engine/events.h"

/* What is told of a pull or a push. */
struct telling {
	struct pull_sink sink;
	char *name, *shown;
	const char *verb; /* "pull" */
	bool quiet, tolerated, cancelled;
};

struct pull {
	struct telling t;
	struct daemon *daemon;
	struct image_pull *image;
};

struct push {
	struct telling t;
	struct daemon *daemon;
	struct image_push *image;
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

static void tell(const struct telling *t, const char *status, const char *text, const char *details)
{
	json_t *event = event_of(t->shown, status, text);

	json_set_str(event, "details", details);
	t->sink.event(t->sink.arg, event);
}

static void on_progress(void *arg, const struct image_progress *progress)
{
	const struct telling *t = arg;
	json_t *event;

	if (t->cancelled)
		return;
	if (progress->retry) {
		event = json_object();
		json_set_str(event, "type", "warning");
		json_set_strf(event, "message", "%s %s: %s", t->verb, t->name, progress->text);
		t->sink.event(t->sink.arg, event);
		return;
	}
	if (t->quiet)
		return;
	event = event_of(progress->layer ?: t->shown, progress->done ? "Done" : "Working",
			 progress->text);
	if (progress->layer)
		json_set_str(event, "parent", t->shown);
	if (progress->total_bytes) {
		json_set_int(event, "current", progress->current_bytes);
		json_set_int(event, "total", progress->total_bytes);
	}
	t->sink.event(t->sink.arg, event);
}

static void ended(struct telling *t, struct daemon *d, const char *id, const char *word,
		  const struct error *err)
{
	if (id)
		events_emit(d->events, "image", t->verb, t->name, NULL);
	if (!t->cancelled) {
		if (id)
			tell(t, "Done", word, NULL);
		else
			tell(t, t->tolerated ? "Warning" : "Error",
			     t->tolerated ? "Warning" : "Error", err->msg);
		t->sink.done(t->sink.arg, id, err);
	}
	free(t->name);
	free(t->shown);
}

static void on_pulled(void *arg, struct image *im, bool changed, const struct error *err)
{
	struct pull *p = container_of((struct telling *)arg, struct pull, t);

	(void)changed;
	ended(&p->t, p->daemon, im ? im->id : NULL, "Pulled", err);
	free(p);
}

int pull_start(struct daemon *d, const struct image_pull_args *image, const struct pull_how *how,
	       const struct pull_sink *sink, struct pull **ret, struct error *err)
{
	struct pull *p = xcalloc(1, sizeof(*p));
	struct image_pull_args args = *image;

	args.progress = on_progress;
	args.done = on_pulled;
	args.arg = &p->t;
	if (image_pull_start(d->images, &args, &p->image, err) < 0) {
		free(p);
		return -err->code;
	}
	p->daemon = d;
	p->t = (struct telling){.sink = *sink,
				.name = xstrdup(image->name),
				.shown = xstrdup(how->shown),
				.verb = "pull",
				.quiet = how->quiet,
				.tolerated = how->tolerated};
	tell(&p->t, "Working", "Pulling", NULL);
	*ret = p;
	return 0;
}

void pull_cancel(struct pull *p)
{
	p->t.cancelled = true;
	image_pull_cancel(p->image);
}

static void on_pushed(void *arg, const char *digest, const struct error *err)
{
	struct push *p = container_of((struct telling *)arg, struct push, t);

	ended(&p->t, p->daemon, digest, "Pushed", err);
	free(p);
}

int push_start(struct daemon *d, const char *name, const json_t *auth, bool quiet,
	       const struct pull_sink *sink, struct push **ret, struct error *err)
{
	struct push *p = xcalloc(1, sizeof(*p));
	struct image_push_args args = {.name = name,
				       .auth = auth,
				       .progress = on_progress,
				       .done = on_pushed,
				       .arg = &p->t};

	if (image_push_start(d->images, &args, &p->image, err) < 0) {
		free(p);
		return -err->code;
	}
	p->daemon = d;
	p->t = (struct telling){.sink = *sink,
				.name = xstrdup(name),
				.shown = xasprintf("Image %s", name),
				.verb = "push",
				.quiet = quiet};
	tell(&p->t, "Working", "Pushing", NULL);
	*ret = p;
	return 0;
}

void push_cancel(struct push *p)
{
	p->t.cancelled = true;
	image_push_cancel(p->image);
}
