/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between container.c, lifecycle.c, launch*.c and adopt.c. */
#ifndef ENGINE_CONTAINER_INT_H
#define ENGINE_CONTAINER_INT_H

#include "engine/container.h"
#include "engine/shim.h"

enum container_event {
	EVENT_START,	   /* asked for */
	EVENT_STARTED,	   /* its first process runs */
	EVENT_FAILED,	   /* it could not be started */
	EVENT_ENDED,	   /* its first process has ended, or its shim was lost */
	EVENT_STOP,	   /* asked for */
	EVENT_STOP_LATE,   /* it did not stop in time */
	EVENT_RESTART_DUE, /* the pause before a restart is over */
	EVENT_PAUSE,
	EVENT_UNPAUSE,
	EVENT_REMOVE, /* asked for */
	CONTAINER_EVENT_MAX,
};

/* What is known only while something happens. */
struct life {
	/* the end of the time to stop, of the pause before a restart, or before its shim is tried
	 */
	uv_timer_t timer;
	struct list starting, stopping, removing; /* struct waiter */
	struct list postponed;			  /* starts, until its files are free */
	struct error failure;			  /* of the last start */
	int stop_signal;			  /* of the stop under way */
	int64_t stop_grace_ns;
	bool stop_when_started; /* asked while STARTING */
	bool restart_launch;	/* the start under way is a restart by policy */
	bool remove_when_ended, remove_volumes, force;
	bool keeps_ports;      /* over a stop that is half of a restart */
	int64_t pause_ns;      /* before the next restart, or the next try to reach its shim */
	struct shim_exit exit; /* of the event ENDED */
};

/* The only way that a container's state changes. */
void container_event(struct container *c, enum container_event event);
const char *container_event_name(enum container_event e);
/* The table, for its test: 0 nothing, -1 refused, else the number of an action. */
int container_event_action(enum container_state s, enum container_event e);
struct life *life_new(struct container *c);
void life_free(struct container *c); /* closes its timer */
/* One less who has its tree mounted elsewhere (files_busy): starts that waited go on. */
void container_files_done(struct container *c);
/* The timer: what it means depends on the container's state. */
void life_arm(struct container *c, int64_t ns);

/* adopt.c: tries again to connect to the shim of one that is out of reach. */
void container_reach(struct container *c);

/* container.c */
int container_save(struct container *c, struct error *err) MUST_CHECK;
void container_save_or_log(struct container *c);
void container_emit(struct container *c, const char *action, const char *detail_key,
		    const char *detail);
/* Everything that it has is given back, its record and its files go. */
void container_destroy(struct container *c, bool volumes);
int container_stop_signal(const struct container *c);

/* launch.c: all that comes before the shim; -errno with words. */
int container_launch(struct container *c, const struct shim_events *events, struct error *err)
	MUST_CHECK;
extern const struct shim_events container_shim_events; /* lifecycle.c */
/* The specification, compiled: of the container, or of a further process in it. */
struct exec_args;
int container_compile(struct container *c, struct buf *program, struct error *err) MUST_CHECK;
int container_compile_exec(struct container *c, const struct exec_args *args, struct buf *program,
			   struct error *err) MUST_CHECK;
/* launch_mounts.c: volumes are there, anonymous ones have names. */
int container_prepare_volumes(struct container *c, struct error *err) MUST_CHECK;
void container_set_populated(struct container *c);
/* restart.c: does the policy want it again, and after which pause. */
bool restart_wanted(const struct container *c);
int64_t restart_pause_ns(struct container *c);

#endif
