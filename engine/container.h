/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers.  The life cycle is a const table [state][event] → action in lifecycle.c; everything
 * that happens to a container goes through container_event there.
 */
#ifndef ENGINE_CONTAINER_H
#define ENGINE_CONTAINER_H

#include "engine/config.h"
#include "engine/daemon.h"

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_STARTING, /* the shim runs the launch program */
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPING,   /* asked to stop; killed when the time is over */
	CONTAINER_RESTARTING, /* ended, waits for its restart */
	CONTAINER_EXITED,
	CONTAINER_DEAD, /* could not be removed, or its shim was lost */
	CONTAINER_REMOVING,
	CONTAINER_STATE_MAX,
};
const char *
container_state_name(enum container_state s); /* Docker's words: "created", "running", … */

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_status_name(enum health_status s); /* "", "starting", "healthy", "unhealthy" */

struct shim;   /* the connection to its shim, shim.c */
struct health; /* health.c */
struct life;
struct network;

/* A container's place on a network. */
struct container_endpoint {
	struct network *network;  /* referenced */
	struct net_endpoint link; /* names, addresses, MAC as allocated */
	char **aliases; /* names it answers to there: service, container name, short id, aliases */
	bool attached;	/* the link exists now */
};

struct container {
	struct daemon *daemon;
	unsigned refs; /* jobs that outlive a removal hold one */
	char id[DIGEST_HEX_MAX];
	char *name;
	struct container_config config;
	struct image *image; /* referenced; NULL when it is gone */
	char *image_id;
	/* from the labels com.docker.compose.*; NULL/0 outside of projects */
	char *project, *service;
	int64_t number;
	bool one_off;
	char *config_hash;

	enum container_state state;
	int64_t created_ns, started_ns, finished_ns;
	int pid; /* of pid 1 on the host; 0 when not running */
	int exit_code;
	bool oom_killed;
	bool stopped_by_user; /* unless-stopped stays down */
	char *error;	      /* why it did not start */
	int64_t restart_count;
	enum health_status health_status;
	struct health *health;
	struct shim *shim;	    /* NULL when none */
	bool out_of_reach;	    /* it runs, but its shim does not answer; pid is unknown */
	struct net_dns_client *dns; /* its resolver, while it runs; dnszone.c */
	struct container_endpoint *endpoints;
	size_t endpoint_count;
	struct publish_use *published; /* its host ports while it holds them; publish.c */
	size_t published_count;
	unsigned files_busy;	  /* its tree is mounted elsewhere: starts wait; archive.c */
	struct list kept_sockets; /* of a shim found again, until publish_acquire; publish.c */
	char *dir;		  /* STATE/containers/ID */
	struct life *life;	  /* lifecycle.c */
};

struct container *container_ref(struct container *c);
void container_unref(struct container *c);
/* By id, unique id prefix or name.  ENOENT "no such container: x". */
int container_find(struct daemon *d, const char *ref, struct container **ret, struct error *err)
	MUST_CHECK;

/* ---- operations.  `done` is called exactly once, on the loop thread, never before the starting
 * function has returned; err is NULL on success.  All of them may be asked for at any time: the
 * table decides what happens. */
typedef void (*container_done)(void *arg, const struct error *err);

struct container_create_args {
	const char *name;		       /* NULL: one is made up */
	const struct container_config *config; /* copied */
	struct image *image; /* of a build, in no list; NULL: what the configuration names */
};
/* Checks, allocates (id, addresses, anonymous volumes), records.  No kernel object is made.  The
 * image must be present.  -EEXIST when the name is taken, with the id of the holder. */
int container_create(struct daemon *d, const struct container_create_args *args,
		     struct container **ret, struct error *err) MUST_CHECK;
/* Would its launch be refused for what it asks (capabilities, sysctls, profiles, targets, …)?
 * Makes nothing. */
int container_rehearse(struct container *c, struct error *err) MUST_CHECK;
void container_start(struct container *c, container_done done, void *arg);
/* timeout_ns < 0: the container's own stop_grace; signal NULL: its stop signal. */
void container_stop(struct container *c, const char *signal, int64_t timeout_ns,
		    container_done done, void *arg);
void container_restart(struct container *c, int64_t timeout_ns, container_done done, void *arg);
int container_kill(struct container *c, int signo, struct error *err) MUST_CHECK;
int container_pause(struct container *c, bool pause, struct error *err) MUST_CHECK;
/* force: a running one is killed first.  volumes: its anonymous volumes go too. */
void container_remove(struct container *c, bool force, bool volumes, container_done done,
		      void *arg);
/* The processes in it, as the host numbers them; owned array. */
int container_pids(const struct container *c, pid_t **ret, size_t *ret_count, struct error *err)
	MUST_CHECK;
/* New name (also answers by it in DNS). */
int container_rename(struct container *c, const char *name, struct error *err) MUST_CHECK;

/* Changes the limits that are not 0 or NULL, at once when it runs, and the policy when it has one.
 */
int container_update(struct container *c, const struct config_resources *resources,
		     const struct config_restart *restart, struct error *err) MUST_CHECK;

/* ---- watching: what executor, wait, logs, health gates and the API wait for */
enum container_change {
	CONTAINER_CHANGED_STATE,
	CONTAINER_CHANGED_HEALTH,
	CONTAINER_CHANGED_REMOVED, /* last call for this container */
};
struct container_watch {
	struct list link; /* in daemon.container_watchers */
	/* The watch may remove itself in the call. */
	void (*changed)(struct container_watch *w, struct container *c, enum container_change what);
};
void container_watch_add(struct daemon *d, struct container_watch *w);
void container_watch_remove(struct container_watch *w);
void container_notify(struct container *c, enum container_change what); /* lifecycle.c, health.c */

/* "Up 3 minutes (healthy)", "Exited (0) 2 hours ago", as docker says it; owned. */
char *container_status_text(const struct container *c);
/* As the native API shows it, see docs/internals/native-api.md; new references. */
json_t *container_summary(const struct container *c);
json_t *container_inspect(const struct container *c);
/* The compiled launch program in words (inspect --launch). */
int container_describe_launch(struct container *c, struct buf *out, struct error *err) MUST_CHECK;

/* ---- at start */
int containers_load(struct daemon *d, struct error *err) MUST_CHECK; /* from the state */
/* Connects to the shims that run, settles what ended meanwhile, removes what belongs to nothing,
 * applies restart policies. */
void containers_adopt(struct daemon *d);
void containers_free(struct daemon *d);

#endif
