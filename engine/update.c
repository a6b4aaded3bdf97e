/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits and the restart policy of a container, changed after it was made. */
#include <errno.h>

#include "engine/container_int.h"

static void set_number(int64_t *to, int64_t from)
{
	if (from)
		*to = from;
}

static void set_text(char **to, const char *from)
{
	if (str_empty(from))
		return;
	free(*to);
	*to = xstrdup(from);
}

static void merge(struct config_resources *to, const struct config_resources *from)
{
	set_number(&to->memory_bytes, from->memory_bytes);
	set_number(&to->memory_reservation_bytes, from->memory_reservation_bytes);
	set_number(&to->memory_swap_bytes, from->memory_swap_bytes);
	set_number(&to->cpu_quota_us, from->cpu_quota_us);
	set_number(&to->cpu_period_us, from->cpu_period_us);
	set_number(&to->cpu_shares, from->cpu_shares);
	set_number(&to->pids_limit, from->pids_limit);
	set_text(&to->cpuset_cpus, from->cpuset_cpus);
	set_text(&to->cpuset_mems, from->cpuset_mems);
}

/* What swap is to be depends on the memory that there is, even when only one of them changes. */
static int apply(struct container *c, const struct config_resources *r, struct error *err)
{
	const struct config_resources *now = &c->config.resources;
	const struct runtime_resources wanted = {
		.memory_bytes = r->memory_bytes	       ? r->memory_bytes
				: r->memory_swap_bytes ? now->memory_bytes
						       : 0,
		.memory_reservation_bytes = r->memory_reservation_bytes,
		.memory_swap_bytes = r->memory_swap_bytes ? r->memory_swap_bytes
				     : r->memory_bytes	  ? now->memory_swap_bytes
							  : 0,
		.cpu_quota_us = r->cpu_quota_us,
		.cpu_period_us = r->cpu_period_us,
		.cpu_shares = r->cpu_shares,
		.cpuset_cpus = r->cpuset_cpus,
		.cpuset_mems = r->cpuset_mems,
		.pids_limit = r->pids_limit,
	};

	return runtime_cgroup_update(&c->daemon->host, c->daemon->tag, c->id, &wanted, err);
}

int container_update(struct container *c, const struct config_resources *resources,
		     const struct config_restart *restart, struct error *err)
{
	const struct config_resources *now = &c->config.resources;
	int r = 0;

	if (resources->memory_bytes > 0 && !resources->memory_swap_bytes &&
	    now->memory_swap_bytes > 0 && resources->memory_bytes > now->memory_swap_bytes)
		return error_set(
			err, EBUSY,
			"Memory limit should be smaller than already set memoryswap limit, "
			"update the memoryswap at the same time");
	if (c->pid)
		r = apply(c, resources, err);
	if (r < 0)
		return error_wrap(err, "update container %s", c->name);
	merge(&c->config.resources, resources);
	if (restart->policy) {
		set_text(&c->config.restart.policy, restart->policy);
		c->config.restart.max = restart->max;
	}
	container_emit(c, "update", NULL, NULL);
	return container_save(c, err);
}
