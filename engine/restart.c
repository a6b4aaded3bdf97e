/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restart policies: whether, and after how long.  Docker's figures: 100 ms, doubled up to a minute,
 * from the beginning again after ten seconds of running. */
#include "base/time.h"
#include "engine/container_int.h"

#define FIRST_PAUSE_NS (100 * NS_PER_MS)
#define LAST_PAUSE_NS  (60 * NS_PER_SEC)
#define GOOD_RUN_NS    (10 * NS_PER_SEC)

bool restart_wanted(const struct container *c)
{
	const struct config_restart *r = &c->config.restart;

	if (c->stopped_by_user || str_empty(r->policy) || !strcmp(r->policy, "no"))
		return false;
	if (strcmp(r->policy, "on-failure"))
		return true; /* always, unless-stopped */
	return c->exit_code != 0 && (!r->max || c->restart_count < r->max);
}

int64_t restart_pause_ns(struct container *c)
{
	struct life *l = c->life;

	if (!l->pause_ns || c->finished_ns - c->started_ns >= GOOD_RUN_NS)
		l->pause_ns = FIRST_PAUSE_NS;
	else
		l->pause_ns = MIN(l->pause_ns * 2, LAST_PAUSE_NS);
	return l->pause_ns;
}
