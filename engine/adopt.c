/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a start: what runs is found again, what ended meanwhile is settled, what belongs to nothing
 * goes.  In this order: connect to the shims, sweep, then the events of those that ended, because
 * those may start containers anew, which the sweep must not see.
 *
 * A shim that is gone without its record was killed, and could not remove its container's cgroup;
 * that happens here before the container counts as ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/health.h"
#include "engine/network.h"
#include "engine/state.h"
#include "engine/sweep.h"

#define FACT_BOOT      "boot_id"
#define EXIT_REBOOTED  255
#define EXIT_LOST      137
#define HELLO_MS       1000 /* at the start; later nobody is kept waiting */
#define REACH_FIRST_NS (NS_PER_SEC / 4)
#define REACH_LAST_NS  (30 * NS_PER_SEC)

static bool alive(const struct container *c)
{
	return c->state == CONTAINER_STARTING || c->state == CONTAINER_RUNNING ||
	       c->state == CONTAINER_PAUSED || c->state == CONTAINER_STOPPING;
}

/* ---- those that run */

/* What it holds (sockets, names) is served again.  Only now can it be told what to keep. */
static void take_over(struct container *c)
{
	struct error err = ERROR_INIT;

	if (publish_acquire(c, &err) < 0)
		log_err("adopt", "ports of container %s: %s", c->name, err.msg);
	publish_keep(c);
}

static void go_on(struct container *c)
{
	switch (c->state) {
	case CONTAINER_STARTING:
		container_set_populated(c);
		container_event(c, EVENT_STARTED);
		break;
	case CONTAINER_STOPPING:
		/* Its time begins anew. */
		c->state = CONTAINER_RUNNING;
		publish_refresh(c);
		container_stop(c, NULL, -1, NULL, NULL);
		break;
	default:
		publish_refresh(c);
		health_start(c);
	}
}

enum finding { FOUND, GONE, OUT_OF_REACH };

/* What says that nobody is there; anything else is our own trouble, or a shim that hangs. */
static bool means_gone(int code)
{
	return code == 0 || code == ENOENT || code == ECONNREFUSED || code == ECONNRESET ||
	       code == EPIPE;
}

/* The shim has answered, at once or later. */
static void on_answered(void *arg, int pid, int dns_udp_fd, int dns_tcp_fd)
{
	struct container *c = arg;
	bool late = c->out_of_reach;

	c->pid = pid;
	endpoints_up(c, dns_udp_fd, dns_tcp_fd);
	if (!pid) /* it has ended: that is what the shim says next */
		return;
	c->out_of_reach = false;
	take_over(c);
	if (!late)
		return;
	log_info("adopt", "container %s is within reach again", c->name);
	if (c->state != CONTAINER_STOPPING)
		uv_timer_stop(&c->life->timer);
	publish_refresh(c);
	health_start(c);
}

static void lose(struct container *c)
{
	shim_free(c->shim);
	c->shim = NULL;
	endpoints_down(c);
}

static enum finding find_shim(struct container *c, int wait_ms)
{
	struct shim_events events = container_shim_events;
	struct error err = ERROR_INIT;
	int r;

	events.on_started = on_answered;
	r = shim_connect(c->daemon, c->id, wait_ms, &events, c, &c->shim, &err);
	if (r == 0 && c->pid)
		return FOUND;
	if (r != -ETIMEDOUT)
		lose(c);
	if (means_gone(err.code)) {
		log_debug("adopt", "container %s: %s", c->name,
			  err.code ? err.msg : "it has ended");
		return GONE;
	}
	if (!c->out_of_reach)
		log_err("adopt", "container %s runs, but out of our reach: %s", c->name, err.msg);
	return OUT_OF_REACH;
}

/* ---- those that ended */

/* The record of this run, not of one before. */
static bool find_exit(struct container *c)
{
	struct shim_exit exit;

	if (shim_read_exit(c->daemon, c->id, &exit) < 0 || exit.finished_ns <= c->finished_ns)
		return false;
	c->life->exit = exit;
	return true;
}

static void settle(void *arg)
{
	struct container *c = arg;

	if (c->state == CONTAINER_STARTING && c->life->failure.code) {
		c->life->restart_launch = true; /* as its policy says */
		container_event(c, EVENT_FAILED);
	} else if (alive(c)) {
		container_event(c, EVENT_ENDED);
	}
	container_unref(c);
}

static void settle_lost(struct container *c, bool rebooted)
{
	c->out_of_reach = false;
	if (c->state == CONTAINER_STARTING)
		error_set(&c->life->failure, ECONNRESET,
			  "the supervisor ended while it was starting");
	else
		c->life->exit = (struct shim_exit){
			.status = rebooted ? EXIT_REBOOTED : EXIT_LOST,
			.signal = SIGKILL,
		};
	log_warn("adopt", "container %s was lost%s", c->name,
		 rebooted ? " when the machine went down" : ": its shim is gone");
	sweep_cgroup(c->daemon, c->id, settle, container_ref(c));
}

/* ---- those whose shims do not answer */

static void try_later(struct container *c)
{
	struct life *l = c->life;

	l->pause_ns = MIN(l->pause_ns ? l->pause_ns * 2 : REACH_FIRST_NS, REACH_LAST_NS);
	life_arm(c, l->pause_ns);
}

/* One that is connected and silent will be heard; nothing is asked twice. */
void container_reach(struct container *c)
{
	enum finding found;

	if (c->shim)
		return;
	found = find_shim(c, 0);
	if (found == OUT_OF_REACH && !c->shim)
		try_later(c);
	else if (found == GONE && find_exit(c))
		settle(container_ref(c));
	else if (found == GONE)
		settle_lost(c, false);
}

static void leave_alone(struct container *c)
{
	if (c->state != CONTAINER_PAUSED)
		c->state = CONTAINER_RUNNING; /* can be stopped: by killing its cgroup */
	c->life->pause_ns = 0;
	if (!c->shim)
		try_later(c);
}

/* ---- those that should run */

static void resume(struct container *c, bool rebooted)
{
	if (c->state == CONTAINER_RESTARTING)
		container_event(c, EVENT_RESTART_DUE);
	else if (c->state == CONTAINER_EXITED && rebooted && c->started_ns &&
		 str_eq(c->config.restart.policy, "always"))
		container_start(c, NULL, NULL);
}

/* ---- all */

/* A new boot id: nothing that the records speak of runs any more. */
static bool note_boot(struct daemon *d)
{
	auto_free char *last = state_fact(d->state, FACT_BOOT);
	auto_buf struct buf now = BUF_INIT;
	struct error err = ERROR_INIT;
	const char *id;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &now, &err) < 0)
		return false;
	id = str_trim(now.data);
	if (str_eq(last, id))
		return false;
	if (state_fact_put(d->state, FACT_BOOT, id, &err) < 0)
		log_err("adopt", "%s", err.msg);
	return last != NULL;
}

/* What is to be done with one, after the sweep. */
struct adopted {
	struct container *container; /* referenced: events may remove it */
	enum { AT_REST, RUNS, ENDED, LOST, LEFT_ALONE } how;
};

static void look_for(struct adopted *a, bool rebooted)
{
	enum finding found;

	a->how = AT_REST;
	if (!alive(a->container))
		return;
	found = rebooted ? GONE : find_shim(a->container, HELLO_MS);
	a->container->out_of_reach = found == OUT_OF_REACH;
	if (found == FOUND)
		a->how = RUNS;
	else if (found == OUT_OF_REACH)
		a->how = LEFT_ALONE;
	else
		a->how = find_exit(a->container) ? ENDED : LOST;
}

static void carry_on(struct adopted *a, bool rebooted)
{
	struct container *c = a->container;

	if (a->how == AT_REST)
		resume(c, rebooted);
	else if (a->how == RUNS)
		go_on(c);
	else if (a->how == ENDED)
		settle(container_ref(c));
	else if (a->how == LOST)
		settle_lost(c, rebooted);
	else
		leave_alone(c);
}

void containers_adopt(struct daemon *d)
{
	AUTO(map_free) struct map *keep = map_new(NULL); /* cgroups that are seen to otherwise */
	bool rebooted = note_boot(d);
	struct adopted *all = xcalloc(map_len(d->containers) + 1, sizeof(*all));
	struct map_iter it = {0};
	size_t count = 0, found = 0, i;

	while (map_next(d->containers, &it))
		all[count++].container = container_ref(it.value);
	for (i = 0; i < count; i++) {
		look_for(&all[i], rebooted);
		found += all[i].how == RUNS;
		if (all[i].how == LOST || all[i].how == LEFT_ALONE)
			map_set(keep, all[i].container->id, all[i].container);
	}
	sweep(d, keep);
	networks_sweep(d);
	containers_sweep_volumes(d);
	for (i = 0; i < count; i++) {
		carry_on(&all[i], rebooted);
		container_unref(all[i].container);
	}
	free(all);
	if (found)
		log_info("adopt", "%zu running containers found again", found);
}
