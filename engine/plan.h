/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: what has to happen so that a project becomes what was asked for, as operations with their
 * causes in words and their order.  Pure: made from plain data, changes nothing; the executor runs
 * it, `cmp plan` prints it.
 *
 * Invariant: an operation needs only operations before it.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/map.h"
#include "base/str.h"

#define PLAN_REPLICAS_MAX 10000
#define PLAN_NONE	  SIZE_MAX
/* While a container is replaced the new one is called "<12 hex digits>_NAME". */
#define PLAN_TEMPORARY_LEN 13

enum plan_action {
	PLAN_NETWORK_CREATE,
	PLAN_NETWORK_REMOVE,
	PLAN_VOLUME_CREATE,
	PLAN_VOLUME_REMOVE,
	PLAN_IMAGE_REMOVE,
	PLAN_CREATE,
	PLAN_RECREATE, /* stands for the old container until the new one exists */
	PLAN_START,
	PLAN_RUNNING, /* nothing to do */
	PLAN_WAIT,    /* for `condition` */
	PLAN_STOP,
	PLAN_RESTART,
	PLAN_KILL,
	PLAN_PAUSE,
	PLAN_UNPAUSE,
	PLAN_REMOVE,
	PLAN_ACTION_MAX,
};
const char *plan_action_name(enum plan_action a); /* "create", "recreate", … */
bool plan_action_changes(enum plan_action a);	  /* not PLAN_RUNNING, PLAN_WAIT */

enum plan_condition {
	PLAN_STARTED,
	PLAN_HEALTHY,
	PLAN_COMPLETED,
	PLAN_READY, /* healthy, or running where there is no check: up --wait */
	PLAN_CONDITION_MAX,
};

enum plan_need_kind {
	PLAN_NEED_HARD,	    /* if that fails, this is skipped */
	PLAN_NEED_OPTIONAL, /* … this goes on, with a warning: required: false */
	PLAN_NEED_ORDER,    /* … this goes on */
};
struct plan_need {
	size_t op;
	enum plan_need_kind kind;
};

struct plan_op {
	enum plan_action action;
	char *name; /* of the container, network, volume or image */
	char *key;  /* service, or key in the model */
	char *cause;
	int64_t number;	 /* of the container; 0: one-off */
	char *container; /* id of the one that exists, NULL: made by `made` */
	size_t made;	 /* operation that makes the container, or PLAN_NONE */
	enum plan_condition condition;
	size_t inherits; /* PLAN_CREATE: the removal of the container that it stands for, or
			    PLAN_NONE */
	bool one_off;
	struct plan_need *needs;
	size_t need_count;
};

struct plan {
	struct plan_op *ops;
	size_t count;
	char **warnings;
	char **services; /* that it is about, as the user named them; NULL: all */
};
void plan_release(struct plan *p);

/* ---- what it is made from; everything is borrowed */

enum plan_status { PLAN_IS_CREATED, PLAN_IS_RUNNING, PLAN_IS_PAUSED, PLAN_IS_EXITED };

struct plan_container {
	const char *id, *name, *service, *config_hash, *image_id;
	int64_t number;
	bool one_off;
	enum plan_status status;
	/* The service as it was when this container was made, to say what changed; NULL: not known.
	 */
	const json_t *definition;
};

struct plan_input {
	const char *project;
	const json_t *model;
	/* The model was made up from labels: it knows services and their order, nothing else;
	 * `networks` and `volumes` then are all that carry the project's label. */
	bool from_labels;
	/* Services that the verb may touch, dependencies first (compose_order). */
	char *const *order;
	const json_t *hashes;  /* service -> config hash */
	const json_t *images;  /* service -> id of the image it should run */
	char *const *disabled; /* services that exist but are not enabled: no orphans */
	const struct plan_container *containers; /* of the project, by service and number */
	size_t container_count;
	const struct map *networks, *volumes; /* names that exist */
	const struct map *changed; /* names of networks that are defined differently now */
};

struct plan_options {
	char **services;     /* NULL: all */
	const json_t *scale; /* service -> replicas, or NULL */
	bool force_recreate, no_recreate, remove_orphans, always_recreate_deps, no_deps;
	bool start; /* not only create */
	bool wait;  /* until everything is ready */
	const char
		*one_off; /* run: instead of the (one) service a one-off container of this name */
	bool ignore_orphans;
	bool all_resources; /* also networks and volumes that no service uses */
	/* down, rm */
	bool volumes, stop;
	const char *rmi; /* "local", "all" or NULL */
};

/* Everything for `up`, `create` and `scale`.  -ENOENT for unknown services and missing external
 * objects, -EINVAL. */
int plan_up(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	    struct error *err) MUST_CHECK;
int plan_down(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err) MUST_CHECK;
/* Existing containers with what they depend on: `start`. */
int plan_start(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	       struct error *err) MUST_CHECK;
/* stop, in reverse order of dependencies. */
int plan_stop(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err) MUST_CHECK;
/* restart, with the dependents that asked for it (depends_on.restart). */
int plan_restart(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		 struct error *err) MUST_CHECK;
/* kill, pause, unpause: at once, on those in the state for it. */
int plan_kill(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	      struct error *err) MUST_CHECK;
int plan_pause(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	       struct error *err) MUST_CHECK;
int plan_unpause(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		 struct error *err) MUST_CHECK;
int plan_rm(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
	    struct error *err) MUST_CHECK;

/* ---- building blocks */

/* Adds an operation; `name` and `key` are copied, `cause` is taken.  Returns its index. */
size_t plan_add(struct plan *p, enum plan_action action, const char *name, const char *key,
		char *cause);
void plan_need(struct plan *p, size_t op, size_t needed,
	       enum plan_need_kind kind); /* PLAN_NONE: none */
/* "env LOG_LEVEL changed, image changed"; "configuration changed" when nothing can be told; owned.
 */
char *plan_difference(const json_t *old, const json_t *new);
/* Is `service` among the selected ones?  NULL selects all. */
bool plan_selected(char *const *services, const char *service);
/* "no such service: x (did you mean y?)" unless all are in the model. */
int plan_check_services(const struct plan_input *in, char *const *services, struct error *err)
	MUST_CHECK;
const char *plan_object_name(const json_t *model, const char *kind,
			     const char *key); /* may be NULL */

/* ---- showing */

/* "Container app-web-1": the id of progress events; owned. */
char *plan_op_id(const struct plan_op *op);
/* One line an operation that changes something: "Container app-web-1  recreate  <- env A changed".
 */
void plan_text(const struct plan *p, struct buf *out);
json_t *plan_json(const struct plan *p); /* [{id, action, cause}]; new reference */

#endif
