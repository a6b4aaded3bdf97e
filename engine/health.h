/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks: probes by exec on a timer.  Status is reset to starting on every start. */
#ifndef ENGINE_HEALTH_H
#define ENGINE_HEALTH_H

#include "engine/container.h"

/* Begins probing if the config or the image asks for it; sets c->health_status. */
void health_start(struct container *c);
/* The container ended or is going: no more probes. */
void health_stop(struct container *c);
void health_free(struct container *c);
/* {status, failing_streak, log: [{start_ns, end_ns, exit_code, output}]} or NULL without check. */
json_t *health_inspect(const struct container *c);
/* Command and last output of the failing probe in words, for "is unhealthy" messages; owned, or
 * NULL. */
char *health_explain(const struct container *c);

#endif
