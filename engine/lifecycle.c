/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a container: one table [state][event] → action.  Requests put who waits into a list
 * and raise an event; what the shim says and what timers find are events too.  Nothing else changes
 * a container's state, and every change is recorded, told to the watches, and logged in `enter`.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/health.h"
#include "engine/network.h"
#include "engine/sweep.h"

#define STOP_GRACE_NS (10 * NS_PER_SEC)

enum action {
	NOTHING, /* the event means nothing here */
	REFUSE,	 /* whoever asked gets an error */
	READY,	 /* whoever asked has what he wants already */
	LAUNCH,
	RUN,
	GIVE_UP, /* of a start */
	END,
	SIGNAL, /* stop */
	SIGNAL_LATER,
	CANCEL, /* the restart that was due */
	KILL,
	RELAUNCH,
	FREEZE,
	THAW,
	DESTROY,
	KILL_AND_DESTROY,
};

#define S(state) [CONTAINER_##state]
#define E(event) [EVENT_##event]

static const enum action table[CONTAINER_STATE_MAX][CONTAINER_EVENT_MAX] = {
	S(CREATED) = {E(START) = LAUNCH, E(STOP) = READY, E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE,
		      E(REMOVE) = DESTROY},
	S(STARTING) = {E(START) = NOTHING, E(STARTED) = RUN, E(FAILED) = GIVE_UP, E(ENDED) = END,
		       E(STOP) = SIGNAL_LATER, E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE,
		       E(REMOVE) = KILL_AND_DESTROY},
	S(RUNNING) = {E(START) = READY, E(ENDED) = END, E(STOP) = SIGNAL, E(PAUSE) = FREEZE,
		      E(UNPAUSE) = REFUSE, E(REMOVE) = KILL_AND_DESTROY},
	S(PAUSED) = {E(START) = REFUSE, E(ENDED) = END, E(STOP) = SIGNAL, E(PAUSE) = REFUSE,
		     E(UNPAUSE) = THAW, E(REMOVE) = KILL_AND_DESTROY},
	S(STOPPING) = {E(START) = REFUSE, E(ENDED) = END, E(STOP) = NOTHING, E(STOP_LATE) = KILL,
		       E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE, E(REMOVE) = KILL_AND_DESTROY},
	S(RESTARTING) = {E(START) = LAUNCH, E(STOP) = CANCEL, E(RESTART_DUE) = RELAUNCH,
			 E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE, E(REMOVE) = DESTROY},
	S(EXITED) = {E(START) = LAUNCH, E(STOP) = READY, E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE,
		     E(REMOVE) = DESTROY},
	S(DEAD) = {E(START) = REFUSE, E(STOP) = READY, E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE,
		   E(REMOVE) = DESTROY},
	S(REMOVING) = {E(START) = REFUSE, E(STOP) = READY, E(PAUSE) = REFUSE, E(UNPAUSE) = REFUSE,
		       E(REMOVE) = NOTHING},
};

static const char *const state_names[] = {
	S(CREATED) = "created", S(STARTING) = "starting", S(RUNNING) = "running",
	S(PAUSED) = "paused",	S(STOPPING) = "running",  S(RESTARTING) = "restarting",
	S(EXITED) = "exited",	S(DEAD) = "dead",	  S(REMOVING) = "removing",
};

static const char *const event_names[] = {
	E(START) = "start",
	E(STARTED) = "started",
	E(FAILED) = "failed",
	E(ENDED) = "ended",
	E(STOP) = "stop",
	E(STOP_LATE) = "stop-late",
	E(RESTART_DUE) = "restart-due",
	E(PAUSE) = "pause",
	E(UNPAUSE) = "unpause",
	E(REMOVE) = "remove",
};

const char *container_state_name(enum container_state s)
{
	return state_names[s];
}

const char *container_event_name(enum container_event e)
{
	return event_names[e];
}

int container_event_action(enum container_state s, enum container_event e)
{
	return table[s][e] == REFUSE ? -1 : (int)table[s][e];
}

/* ---- who waits */

struct waiter {
	struct list link;
	container_done done;
	void *arg;
};

static void wait_for(struct list *list, container_done done, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->done = done;
	w->arg = arg;
	list_append(list, &w->link);
}

static void take_waiters(struct list *from, struct list *to)
{
	list_init(to);
	while (!list_empty(from)) {
		struct list *first = from->next;

		list_remove(first);
		list_append(to, first);
	}
}

/* Those who come in a call wait for the next time. */
static void tell(struct list *list, const struct error *err)
{
	struct list told;

	take_waiters(list, &told);
	while (!list_empty(&told)) {
		struct waiter *w = list_entry(told.next, struct waiter, link);

		list_remove(&w->link);
		if (w->done)
			w->done(w->arg, err);
		free(w);
	}
}

/* An answer that is known at once is given in the loop's next round. */
struct later {
	uv_timer_t timer;
	container_done done;
	void *arg;
	struct error err;
};

static void on_later_closed(uv_handle_t *h)
{
	free(container_of((uv_timer_t *)(void *)h, struct later, timer));
}

static void on_later(uv_timer_t *timer)
{
	struct later *l = container_of(timer, struct later, timer);

	l->done(l->arg, l->err.code ? &l->err : NULL);
	uv_close((uv_handle_t *)timer, on_later_closed);
}

static void answer_later(struct daemon *d, container_done done, void *arg, const struct error *err)
{
	struct later *l;

	if (!done)
		return;
	l = xcalloc(1, sizeof(*l));
	l->done = done;
	l->arg = arg;
	if (err)
		l->err = *err;
	uv_timer_init(d->loop, &l->timer);
	uv_timer_start(&l->timer, on_later, 0, 0);
}

/* ---- actions */

static void enter(struct container *c, enum container_state next)
{
	log_debug("container", "%s: %s -> %s", c->name, state_names[c->state], state_names[next]);
	c->state = next;
	container_save_or_log(c);
	container_notify(c, CONTAINER_CHANGED_STATE);
}

static void on_timer(uv_timer_t *timer)
{
	struct container *c = timer->data;

	if (c->out_of_reach && c->state != CONTAINER_STOPPING) {
		container_reach(c);
		return;
	}
	container_event(c, c->state == CONTAINER_STOPPING ? EVENT_STOP_LATE : EVENT_RESTART_DUE);
}

void life_arm(struct container *c, int64_t ns)
{
	uv_timer_start(&c->life->timer, on_timer, (uint64_t)((ns + NS_PER_MS - 1) / NS_PER_MS), 0);
}

/* 127 when the command is not there, 126 when it cannot be executed, as shells and Docker say. */
static int exit_code_of(const struct error *err)
{
	return err->code == ENOENT ? 127 : err->code == EACCES || err->code == ENOEXEC ? 126 : 128;
}

static void go_on_after_end(struct container *c);

static void start_failed(struct container *c, const struct error *why)
{
	struct error err = *why;
	struct list waiting; /* taken out: the container may remove itself */

	take_waiters(&c->life->starting, &waiting);
	error_wrap(&err, "start container %s", c->name);
	shim_free(c->shim);
	c->shim = NULL;
	c->pid = 0;
	free(c->error);
	c->error = xstrdup(err.msg);
	c->exit_code = exit_code_of(&err);
	c->finished_ns = time_now_ns();
	c->life->failure = err;
	endpoints_down(c);
	if (c->life->restart_launch)
		log_warn("container", "%s", err.msg);
	go_on_after_end(c);
	tell(&waiting, &err);
}

static void launch(struct container *c, bool by_policy)
{
	struct error err = ERROR_INIT;

	uv_timer_stop(&c->life->timer);
	c->life->restart_launch = by_policy;
	c->life->stop_when_started = false;
	if (!by_policy) {
		c->restart_count = 0;
		c->life->pause_ns = 0;
	}
	c->stopped_by_user = false;
	free(c->error);
	c->error = NULL;
	c->oom_killed = false;
	enter(c, CONTAINER_STARTING);
	if (container_launch(c, &container_shim_events, &err) < 0)
		start_failed(c, &err);
}

static void send_signal(struct container *c, int signo)
{
	struct error err = ERROR_INIT;

	container_emit(c, "kill", "signal", runtime_signal_name(signo));
	if (!c->shim || shim_signal(c->shim, 0, signo, &err) < 0)
		log_debug("container", "signal %d for %s: %s", signo, c->name, err.msg);
}

static void thaw(struct container *c)
{
	struct error err = ERROR_INIT;

	if (runtime_cgroup_act(&c->daemon->host, c->daemon->tag, c->id, RT_CGROUP_THAW, &err) < 0)
		log_warn("container", "%s: %s", c->name, err.msg);
}

static void stop(struct container *c)
{
	if (c->state == CONTAINER_PAUSED)
		thaw(c);
	health_stop(c);
	enter(c, CONTAINER_STOPPING);
	publish_refresh(c); /* no new connections for one that is told to end */
	send_signal(c, c->life->stop_signal);
	life_arm(c, c->life->stop_grace_ns);
}

/* The container of a lost shim counts as ended when nothing of it is left. */
static void on_swept(void *arg)
{
	struct container *c = arg;

	if (c->state == CONTAINER_STARTING) {
		error_set(&c->life->failure, ECONNRESET, "its shim died");
		container_event(c, EVENT_FAILED);
	} else {
		container_event(c, EVENT_ENDED);
	}
	container_unref(c);
}

static void kill_without_shim(struct container *c)
{
	c->life->exit = (struct shim_exit){.status = 128 + SIGKILL, .signal = SIGKILL};
	sweep_cgroup(c->daemon, c->id, on_swept, container_ref(c));
}

static void kill_all(struct container *c)
{
	if (c->out_of_reach && c->shim) { /* what it does when it wakes is not wanted any more */
		shim_kill(c->shim);
		shim_free(c->shim);
		c->shim = NULL;
	}
	if (c->out_of_reach)
		uv_timer_stop(&c->life->timer);
	c->out_of_reach = false;
	if (c->shim)
		send_signal(c, SIGKILL);
	else
		kill_without_shim(c);
}

static void running(struct container *c)
{
	c->started_ns = time_now_ns();
	enter(c, CONTAINER_RUNNING);
	publish_refresh(c);
	container_emit(c, "start", NULL, NULL);
	health_start(c);
	tell(&c->life->starting, NULL);
	if (c->life->remove_when_ended)
		kill_all(c);
	else if (c->life->stop_when_started)
		stop(c);
}

static void ended(struct container *c)
{
	const struct shim_exit *e = &c->life->exit;
	char code[16];

	uv_timer_stop(&c->life->timer);
	health_stop(c);
	shim_free(c->shim);
	c->shim = NULL;
	c->out_of_reach = false;
	c->pid = 0;
	c->exit_code = e->status;
	c->oom_killed = e->oom_killed;
	c->finished_ns = e->finished_ns ? e->finished_ns : time_now_ns();
	endpoints_down(c);
	snprintf(code, sizeof(code), "%d", c->exit_code);
	if (c->oom_killed)
		container_emit(c, "oom", NULL, NULL);
	container_emit(c, "die", "exitCode", code);
	go_on_after_end(c);
}

/* Removed, started again, or left as it is. */
static void go_on_after_end(struct container *c)
{
	struct life *l = c->life;
	bool was_stopping = c->state == CONTAINER_STOPPING;

	if (l->remove_when_ended || (c->config.auto_remove && !restart_wanted(c))) {
		enter(c, CONTAINER_EXITED);
		tell(&l->stopping, NULL);
		container_destroy(c, l->remove_when_ended ? l->remove_volumes : true);
		return;
	}
	if (!was_stopping && restart_wanted(c) && (l->restart_launch || !l->failure.code)) {
		c->restart_count++;
		enter(c, CONTAINER_RESTARTING);
		life_arm(c, restart_pause_ns(c));
	} else {
		enter(c, CONTAINER_EXITED);
		if (!l->keeps_ports)
			publish_release(c);
		if (was_stopping)
			container_emit(c, "stop", NULL, NULL);
	}
	l->failure = ERROR_INIT;
	tell(&l->stopping, NULL);
}

static void freeze(struct container *c, bool frozen)
{
	enter(c, frozen ? CONTAINER_PAUSED : CONTAINER_RUNNING);
	publish_refresh(c);
	container_emit(c, frozen ? "pause" : "unpause", NULL, NULL);
}

static void refuse(struct container *c, enum container_event event)
{
	struct error err = ERROR_INIT;

	error_set(&err, EBUSY, "cannot %s container %s: it is %s", event_names[event], c->name,
		  state_names[c->state]);
	if (event == EVENT_START && c->life)
		tell(&c->life->starting, &err);
}

static void kill_and_destroy(struct container *c)
{
	if (c->state == CONTAINER_PAUSED)
		thaw(c);
	c->life->remove_when_ended = true;
	c->stopped_by_user = true;
	kill_all(c);
}

void container_event(struct container *c, enum container_event event)
{
	container_ref(c);
	switch (table[c->state][event]) {
	case NOTHING:
	case READY:
		break;
	case REFUSE:
		refuse(c, event);
		break;
	case LAUNCH:
		launch(c, false);
		break;
	case RELAUNCH:
		launch(c, true);
		break;
	case RUN:
		running(c);
		break;
	case GIVE_UP:
		start_failed(c, &c->life->failure);
		break;
	case END:
		ended(c);
		break;
	case SIGNAL:
		stop(c);
		break;
	case SIGNAL_LATER:
		c->life->stop_when_started = true;
		break;
	case CANCEL:
		uv_timer_stop(&c->life->timer);
		enter(c, CONTAINER_EXITED);
		publish_release(c);
		tell(&c->life->stopping, NULL);
		break;
	case KILL:
		kill_all(c);
		break;
	case FREEZE:
	case THAW:
		freeze(c, event == EVENT_PAUSE);
		break;
	case DESTROY:
		container_destroy(c, c->life->remove_volumes);
		break;
	case KILL_AND_DESTROY:
		kill_and_destroy(c);
		break;
	}
	container_unref(c);
}

/* ---- what the shim says */

static void on_started(void *arg, int pid, int dns_udp_fd, int dns_tcp_fd)
{
	struct container *c = arg;

	c->pid = pid;
	endpoints_up(c, dns_udp_fd, dns_tcp_fd);
	publish_keep(c);
	container_set_populated(c);
	container_event(c, EVENT_STARTED);
}

static void on_failed(void *arg, const struct error *err)
{
	struct container *c = arg;

	c->life->failure = *err;
	container_event(c, EVENT_FAILED);
}

static void on_exited(void *arg, const struct shim_exit *exit)
{
	struct container *c = arg;

	c->life->exit = *exit;
	container_event(c, EVENT_ENDED);
}

static void on_kept(void *arg, const char *name, int fd)
{
	publish_adopt(arg, name, fd);
}

static void on_gone(void *arg, const struct shim_exit *exit)
{
	struct container *c = arg;

	if (exit) {
		on_exited(c, exit);
		return;
	}
	log_err("container", "the shim of container %s was lost; the container is killed", c->name);
	kill_without_shim(c);
}

const struct shim_events container_shim_events = {
	.on_started = on_started,
	.on_failed = on_failed,
	.on_exited = on_exited,
	.on_kept = on_kept,
	.on_gone = on_gone,
};

/* ---- requests */

/*
 * A taken port leaves the container as it was.  What fails before the shim runs fails at once; then
 * there is nobody to be told later.
 */
static bool begin_launch(struct container *c, struct error *err)
{
	bool started;

	if (publish_acquire(c, err) < 0) {
		error_wrap(err, "start container %s", c->name);
		return false;
	}
	c->life->failure = ERROR_INIT;
	container_ref(c);
	container_event(c, EVENT_START);
	started = c->state == CONTAINER_STARTING;
	if (!started)
		error_set(err, c->exit_code == 127 ? ENOENT : EIO, "%s",
			  c->error ? c->error : "it ended at once");
	container_unref(c);
	return started;
}

void container_start(struct container *c, container_done done, void *arg)
{
	enum action action = table[c->state][EVENT_START];
	struct error err = ERROR_INIT;

	if (action == READY) {
		answer_later(c->daemon, done, arg, NULL);
		return;
	}
	if (action == REFUSE) {
		error_set(&err, EBUSY, "cannot start container %s: it is %s", c->name,
			  state_names[c->state]);
		answer_later(c->daemon, done, arg, &err);
		return;
	}
	if (action == LAUNCH && c->files_busy) {
		wait_for(&c->life->postponed, done, arg);
		return;
	}
	container_ref(c); /* it may remove itself when it cannot be started */
	if (action == LAUNCH && !begin_launch(c, &err))
		answer_later(c->daemon, done, arg, &err);
	else
		wait_for(&c->life->starting, done, arg);
	container_unref(c);
}

void container_files_done(struct container *c)
{
	struct list waiting;

	if (--c->files_busy || !c->life)
		return;
	take_waiters(&c->life->postponed, &waiting);
	while (!list_empty(&waiting)) {
		struct waiter *w = list_entry(waiting.next, struct waiter, link);

		list_remove(&w->link);
		container_start(c, w->done, w->arg);
		free(w);
	}
}

void container_stop(struct container *c, const char *signal, int64_t timeout_ns,
		    container_done done, void *arg)
{
	struct error err = ERROR_INIT;
	int signo = container_stop_signal(c);
	int64_t grace = c->config.stop_grace_ns ? c->config.stop_grace_ns : STOP_GRACE_NS;

	if (signal && runtime_signal(signal, &signo, &err) < 0) {
		answer_later(c->daemon, done, arg, &err);
		return;
	}
	c->stopped_by_user = true;
	if (table[c->state][EVENT_STOP] == READY) {
		if (c->state != CONTAINER_REMOVING)
			container_save_or_log(c); /* it was the user's will: it stays down */
		answer_later(c->daemon, done, arg, NULL);
		return;
	}
	c->life->stop_signal = signo;
	c->life->stop_grace_ns = timeout_ns >= 0 ? timeout_ns : grace;
	if (table[c->state][EVENT_STOP] == CANCEL) {
		container_event(c, EVENT_STOP);
		answer_later(c->daemon, done, arg, NULL);
		return;
	}
	wait_for(&c->life->stopping, done, arg);
	container_event(c, EVENT_STOP);
}

struct restarting {
	struct container *container;
	container_done done;
	void *arg;
};

static void on_restart_stopped(void *arg, const struct error *err)
{
	struct restarting *r = arg;

	if (r->container->life)
		r->container->life->keeps_ports = false;
	if (err)
		answer_later(r->container->daemon, r->done, r->arg, err);
	else
		container_start(r->container, r->done, r->arg);
	if (r->container->state == CONTAINER_EXITED)
		publish_release(r->container); /* it was not started */
	container_unref(r->container);
	free(r);
}

void container_restart(struct container *c, int64_t timeout_ns, container_done done, void *arg)
{
	struct restarting *r = xcalloc(1, sizeof(*r));

	r->container = container_ref(c);
	r->done = done;
	r->arg = arg;
	container_emit(c, "restart", NULL, NULL);
	c->life->keeps_ports = true; /* nobody takes them meanwhile, and clients wait */
	container_stop(c, NULL, timeout_ns, on_restart_stopped, r);
}

int container_kill(struct container *c, int signo, struct error *err)
{
	int r;

	if (c->out_of_reach && signo != SIGKILL)
		return error_set(err, EBUSY,
				 "cannot send signal %s to container %s: its shim does not answer",
				 runtime_signal_name(signo), c->name);
	if (c->out_of_reach) {
		c->stopped_by_user = true;
		if (c->state == CONTAINER_PAUSED)
			thaw(c);
		kill_all(c);
		return 0;
	}
	/* a start that hangs can be killed, too */
	if (!c->shim || (!c->pid && signo != SIGKILL))
		return error_set(err, EBUSY, "cannot kill container %s: it is not running",
				 c->name);
	if (signo == SIGKILL && c->state == CONTAINER_PAUSED)
		thaw(c);
	if (signo == SIGKILL || signo == container_stop_signal(c)) {
		c->stopped_by_user = true; /* as docker kill: no restart */
		container_save_or_log(c);
	}
	container_emit(c, "kill", "signal", runtime_signal_name(signo));
	r = shim_signal(c->shim, 0, signo, err);
	return r == -EPIPE ? 0 : r; /* it has ended; we hear of it in a moment */
}

int container_pause(struct container *c, bool pause, struct error *err)
{
	enum container_event event = pause ? EVENT_PAUSE : EVENT_UNPAUSE;
	int r;

	if (table[c->state][event] != FREEZE && table[c->state][event] != THAW)
		return error_set(err, EBUSY, "cannot %s container %s: it is %s", event_names[event],
				 c->name, state_names[c->state]);
	r = runtime_cgroup_act(&c->daemon->host, c->daemon->tag, c->id,
			       pause ? RT_CGROUP_FREEZE : RT_CGROUP_THAW, err);
	if (r < 0)
		return error_wrap(err, "%s container %s", event_names[event], c->name);
	container_event(c, event);
	return 0;
}

void container_remove(struct container *c, bool force, bool volumes, container_done done, void *arg)
{
	enum action action = table[c->state][EVENT_REMOVE];
	struct error err = ERROR_INIT;

	if (action == KILL_AND_DESTROY && !force) {
		error_set(&err, EBUSY,
			  "container %s is running: stop it before removing it, or use force",
			  c->name);
		answer_later(c->daemon, done, arg, &err);
		return;
	}
	if (action == NOTHING) { /* it is gone already, and held by somebody */
		answer_later(c->daemon, done, arg, NULL);
		return;
	}
	c->life->remove_volumes = volumes;
	if (action == DESTROY) {
		struct daemon *d = c->daemon;

		container_event(c, EVENT_REMOVE);
		answer_later(d, done, arg, NULL);
		return;
	}
	wait_for(&c->life->removing, done, arg);
	container_event(c, EVENT_REMOVE);
}

/* ---- its memory */

struct life *life_new(struct container *c)
{
	struct life *l = xcalloc(1, sizeof(*l));

	uv_timer_init(c->daemon->loop, &l->timer);
	l->timer.data = c;
	list_init(&l->starting);
	list_init(&l->postponed);
	list_init(&l->stopping);
	list_init(&l->removing);
	return l;
}

static void on_life_closed(uv_handle_t *h)
{
	free(container_of((uv_timer_t *)(void *)h, struct life, timer));
}

/* Whoever still waits hears of the removal. */
void life_free(struct container *c)
{
	struct life *l = c->life;
	struct error err = ERROR_INIT;

	if (!l)
		return;
	error_set(&err, ENOENT, "container %s was removed", c->name);
	tell(&l->starting, &err);
	tell(&l->postponed, &err);
	tell(&l->stopping, NULL);
	tell(&l->removing, NULL);
	c->life = NULL;
	uv_timer_stop(&l->timer);
	uv_close((uv_handle_t *)&l->timer, on_life_closed);
}
