/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened, kept for a while and told to those who listen. */
#ifndef ENGINE_EVENTS_H
#define ENGINE_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#include "base/list.h"

#define EVENTS_KEPT 256 /* the last ones, in memory */

struct events;
struct events_watch {
	struct list link;
	void (*event)(struct events_watch *w, const json_t *event); /* borrowed */
};
struct events *events_new(void);
void events_free(struct events *e);
/* {time_ns, type, action, id, attributes}; attributes: object of strings, taken; may be NULL. */
void events_emit(struct events *e, const char *type, const char *action, const char *id,
		 json_t *attributes);
/* Calls for the kept ones since `since_ns` (0: none of them), then for each to come. */
void events_watch_add(struct events *e, struct events_watch *w, int64_t since_ns);
void events_watch_remove(struct events_watch *w);

#endif
