/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job from inside: the queue (job.c) and what verbs make of a request (verbs.c). */
#ifndef ENGINE_JOB_INT_H
#define ENGINE_JOB_INT_H

#include <uv.h>

#include "engine/executor.h"
#include "engine/job.h"
#include "engine/observe.h"
#include "engine/project_int.h"

/* The body of a request; strings are owned, values referenced. */
struct job_options {
	char **services;
	char **mentioned; /* must exist */
	json_t *scale;
	bool force_recreate, no_recreate, remove_orphans, ignore_orphans, renew_anon_volumes,
		always_recreate_deps, no_deps, no_start, wait, volumes, stop, all_resources,
		quiet_pull, ignore_pull_failures, ignore_buildable, include_deps;
	int64_t wait_timeout_s, timeout_s, parallel;
	char *rmi, *signal;
	char *pull;   /* of up: replaces pull_policy */
	char *policy; /* of pull */
	/* run */
	json_t *command, *labels;
	char *entrypoint, *user, *working_dir, *name;
	char **env, **publish, **mounts, **cap_add, **cap_drop;
	bool tty, stdin_open, service_ports, use_aliases, remove;
};
struct job_request {
	json_t *model, *files, *secrets, *scale, *auths;
	char *working_dir, *service;
	char **disabled;
	bool no_deps;
	struct job_options options;
};

#define VERB_MODEL  1u /* does not work without a model */
#define VERB_STORE  2u /* the model becomes the desired state */
#define VERB_FINISH 4u /* goes on when nobody listens any more */
#define VERB_FORGET 8u /* the record goes when all services are meant */
#define VERB_START  16u
#define VERB_DRY    32u /* the plan is shown, not run */
#define VERB_ALL    64u /* the order of all services matters, not only of those named */
#define VERB_RUN    128u
#define VERB_PULL   256u  /* nothing but pulls */
#define VERB_BESIDE 512u  /* needs no plan over others: does not wait for them, nor they for it */
#define VERB_ENDS   1024u /* ends what brings things up: the user has changed his mind */
#define VERB_SCALE  2048u /* numbers of some services; containers stay as they are */
#define VERB_SAY    4096u /* with VERB_DRY: a line for every operation */

struct verb {
	const char *name;
	int (*plan)(const struct plan_input *in, const struct plan_options *o, struct plan *ret,
		    struct error *err);
	unsigned flags;
};
const struct verb *verb_find(const char *name); /* NULL: unknown */

struct job {
	struct list link; /* in project.jobs */
	struct project *project;
	const struct verb *verb;
	struct job_request request;
	const json_t *model; /* the request's, the stored one, or from_labels */
	json_t *from_labels; /* what the containers tell of a project without a model */
	json_t *scale;	     /* numbers that the user said */
	json_t *stored;	     /* reference to the model of the last up, to say what changed */
	json_t *one_off;     /* definition of the container of run */
	char *one_off_name;
	struct observation seen;
	struct job_sink sink;
	bool hung_up, started;
	const char *ended_by; /* the verb that came after it; static */
	uv_timer_t kick;
	struct job_pulls *pulls; /* images on their way; see job_pull.c */
	struct executor *executor;
	json_t *end; /* the last line, while the state is brought to the disk */
};

/* verbs.c: -EINVAL for a bad body. */
int job_request_decode(const json_t *body, struct job_request *ret, struct error *err) MUST_CHECK;
void job_request_release(struct job_request *r);
/* Settles which services and which model it is about. */
int verb_prepare(struct job *j, struct error *err) MUST_CHECK;
/* Plans and begins; *ret_executor stays NULL when there was nothing to run (`plan`), *ret_end is
 * then what the last line says. */
int verb_begin(struct job *j, json_t **ret_end, struct error *err) MUST_CHECK;
/* After the last operation: completes the "end" object. */
void verb_end(struct job *j, json_t *end, const struct executor_result *result);
/* The executor's `done` for a job; in job.c. */
void job_executed(void *arg, const struct executor_result *result);

/* job.c: takes the event. */
void job_event(struct job *j, json_t *event);
/* The images are there, or one is not: the job goes on. */
void job_pulled(struct job *j, const struct error *err);

/* job_pull.c: begins to fetch the images that are needed.  0: none; 1: job_pulled will be called.
 */
int job_pulls_start(struct job *j, struct error *err) MUST_CHECK;
void job_pulls_cancel(struct job *j); /* job_pulled is not called any more */

/* oneoff.c: the service's definition with what `run` says about it; new reference. */
int one_off_definition(const struct job_request *r, const json_t *service, json_t **ret,
		       struct error *err) MUST_CHECK;

#endif
