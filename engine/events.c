/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of the last events and a list of those who listen; see events.h.  Those that happened are
 * kept as text, a tenth of what their objects would take.
 */
#include "engine/events.h"

#include "base/json.h"
#include "base/time.h"

struct kept {
	int64_t time_ns;
	char *text;
};

struct events {
	struct list watches;
	struct kept ring[EVENTS_KEPT];
	size_t at, count; /* at: where the next one goes */
};

struct events *events_new(void)
{
	struct events *e = xcalloc(1, sizeof(*e));

	list_init(&e->watches);
	return e;
}

void events_free(struct events *e)
{
	size_t i;

	if (!e)
		return;
	for (i = 0; i < EVENTS_KEPT; i++)
		free(e->ring[i].text);
	free(e);
}

void events_emit(struct events *e, const char *type, const char *action, const char *id,
		 json_t *attributes)
{
	struct events_watch *w, *next;
	struct kept *kept = &e->ring[e->at];
	auto_json json_t *event = json_object();

	free(kept->text);
	kept->time_ns = time_now_ns();
	json_set_int(event, "time_ns", kept->time_ns);
	json_set_str(event, "type", type);
	json_set_str(event, "action", action);
	json_set_str(event, "id", id);
	json_set_new(event, "attributes", attributes ? attributes : json_object());
	kept->text = json_text(event);
	e->at = (e->at + 1) % EVENTS_KEPT;
	e->count += e->count < EVENTS_KEPT;
	list_for_each_safe (w, next, &e->watches, link)
		w->event(w, event);
}

static void tell_again(struct events_watch *w, const struct kept *kept)
{
	struct error ignored = ERROR_INIT;
	auto_json json_t *event = NULL;

	if (json_load_text(kept->text, strlen(kept->text), &event, &ignored) == 0)
		w->event(w, event);
}

void events_watch_add(struct events *e, struct events_watch *w, int64_t since_ns)
{
	size_t i;

	for (i = 0; since_ns && i < e->count; i++) {
		const struct kept *kept =
			&e->ring[(e->at + EVENTS_KEPT - e->count + i) % EVENTS_KEPT];

		if (kept->time_ns >= since_ns)
			tell_again(w, kept);
	}
	list_append(&e->watches, &w->link);
}

void events_watch_remove(struct events_watch *w)
{
	list_remove(&w->link);
}
