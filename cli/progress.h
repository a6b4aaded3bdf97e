/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Progress of an operation: events of the supervisor's stream shown as a repainted frame on a
 * terminal, as lines, as JSON, or not at all.  Written to standard error (COMPOSE_STATUS_STDOUT=1:
 * standard output).
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

enum progress_mode { PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_QUIET };

struct progress;
/* Mode from --progress, COMPOSE_PROGRESS, or what standard error is; -EINVAL for an unknown one. */
int progress_new(struct cli *cli, const char *title, struct progress **ret, struct error *err)
	MUST_CHECK;
/* Finishes the frame: what was shown stays. */
void progress_free(struct progress *p);
enum progress_mode progress_mode_of(const struct progress *p);
/* One line of the stream.  Returns false when it was the last one ("end", "error"). */
bool progress_event(struct progress *p, const json_t *event);
/* Repaints what moves (spinner, timers); for a loop that polls. No-op unless on a terminal. */
void progress_tick(struct progress *p);
/* Stops showing progress (attached logs take over); errors and warnings still appear. */
void progress_mute(struct progress *p);
/* After the last event: exit status and the "end" object (borrowed), or NULL. */
int progress_exit(const struct progress *p);
const json_t *progress_end(const struct progress *p);
/* The frame as text, for tests: `columns` x `rows`, times relative to `now_ns`. */
void progress_render(const struct progress *p, unsigned columns, unsigned rows, int64_t now_ns,
		     bool color, struct buf *out);

#endif
