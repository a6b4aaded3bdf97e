/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each kind of operation does: one small function, and one row with Compose's words for it.
 */
#include <errno.h>
#include <signal.h>

#include "base/json.h"
#include "engine/executor_int.h"
#include "engine/hooks.h"
#include "engine/network.h"
#include "engine/observe.h"

/* Ends a quick task by the result of a call. */
static void end_by(struct task *t, int r, const struct error *err)
{
	task_end(t, r < 0 ? err : NULL);
}

static void on_container_done(void *arg, const struct error *err)
{
	task_end(arg, err);
}

/* ---- networks, volumes, images */

static const json_t *definition_of(const struct task *t, const char *kind)
{
	return json_get_obj(json_get_obj(t->x->args.translate.model, kind), t->op->key);
}

/* The labels by which a project finds its objects again. */
static json_t *object_labels(const struct task *t, const json_t *top, const char *kind)
{
	auto_free char *key = xasprintf("com.docker.compose.%s", kind);
	json_t *labels = json_get_obj(top, "labels");
	char hash[DIGEST_HEX_MAX];

	observe_object_hash(top, hash);
	labels = labels ? json_copy(labels) : json_object();
	json_set_str(labels, "com.docker.compose.project", t->x->args.translate.project);
	json_set_str(labels, key, t->op->key);
	json_set_str(labels, "com.docker.compose.config-hash", hash);
	json_set_str(labels, "com.docker.compose.version", PACKAGE_VERSION);
	return labels;
}

static void run_network_create(struct task *t)
{
	const json_t *top = definition_of(t, "networks");
	auto_json json_t *labels = object_labels(t, top, "network");
	struct network_args args = {
		.name = t->op->name,
		.driver = json_get_str(top, "driver"),
		.labels = labels,
		.options = json_get_obj(top, "driver_opts"),
		.ipam = json_get_obj(top, "ipam"),
		.internal = json_get_bool(top, "internal"),
		.attachable = json_get_bool(top, "attachable"),
		.enable_ipv6 = json_get_bool(top, "enable_ipv6"),
		.disable_ipv4 = json_is_false(json_object_get(top, "enable_ipv4")),
	};
	struct error err = ERROR_INIT;
	struct network *n;

	/* Nothing is sent on it before its rules are in force: what slips through unmasqueraded
	 * stays so for the whole connection. */
	if (network_create(t->x->args.daemon, &args, &n, &err) < 0)
		end_by(t, -err.code, &err);
	else
		network_settled(n, on_container_done, t);
}

/* One that others still use stays, as Compose leaves it. */
static void run_network_remove(struct task *t)
{
	struct error err = ERROR_INIT;
	struct network *n;
	int r = network_find(t->x->args.daemon, t->op->name, &n, &err);

	if (r == 0)
		r = network_remove(n, &err);
	if (r == -EBUSY) {
		task_progress(t, "Warning", "Resource is still in use", err.msg);
		r = 0;
	}
	end_by(t, r == -ENOENT ? 0 : r, &err);
}

static void run_volume_create(struct task *t)
{
	const json_t *top = definition_of(t, "volumes");
	auto_json json_t *labels = object_labels(t, top, "volume");
	struct volume_args args = {
		.name = t->op->name,
		.driver = json_get_str(top, "driver"),
		.driver_opts = json_get_obj(top, "driver_opts"),
		.labels = labels,
	};
	struct error err = ERROR_INIT;
	struct volume *v;
	bool created;

	end_by(t, volume_create(t->x->args.daemon->volumes, &args, &v, &created, &err), &err);
}

/* Which container mounts a volume? */
static bool volume_used(void *arg, const char *name, char **ret_by)
{
	const struct daemon *d = arg;
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;
		size_t i;

		for (i = 0; i < c->config.mount_count; i++) {
			if (!str_eq(c->config.mounts[i].type, "volume") ||
			    !str_eq(c->config.mounts[i].source, name))
				continue;
			*ret_by = xstrdup(c->name);
			return true;
		}
	}
	return false;
}

static void run_volume_remove(struct task *t)
{
	struct daemon *d = t->x->args.daemon;
	struct error err = ERROR_INIT;
	int r = volume_remove(d->volumes, t->op->name, true, volume_used, d, &err);

	if (r == -EBUSY) {
		task_progress(t, "Warning", "Resource is still in use", err.msg);
		r = 0;
	}
	end_by(t, r, &err);
}

static enum image_use image_used(void *arg, const char *image_id, char **ret_by)
{
	const struct daemon *d = arg;
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		if (!str_eq(c->image_id, image_id))
			continue;
		*ret_by = xstrdup(c->name);
		return c->pid ? IMAGE_USE_RUNNING : IMAGE_USE_STOPPED;
	}
	return IMAGE_USE_NONE;
}

/* Several services may run one image: then it is gone already, or still used. */
static void on_image_removed(void *arg, const json_t *removed UNUSED, const struct error *err)
{
	struct task *t = arg;

	if (err && err->code == EBUSY)
		task_progress(t, "Warning", "Resource is still in use", err->msg);
	task_end(t, err && err->code != ENOENT && err->code != EBUSY ? err : NULL);
}

static void run_image_remove(struct task *t)
{
	struct image_remove_args args = {
		.ref = t->op->name,
		.in_use = image_used,
		.arg = t->x->args.daemon,
	};

	image_remove(t->x->args.daemon->images, &args, on_image_removed, t);
}

/* ---- containers */

/* The container, or the task has failed. */
static struct container *container_of_task(struct task *t)
{
	struct error err = ERROR_INIT;

	if (task_container(t, &err) == 0)
		return t->c;
	task_end(t, &err);
	return NULL;
}

/* ---- starting and stopping, with the hooks of the service after the one and before the other */

static void run_hooks(struct task *t, const char *which, hooks_done done)
{
	const json_t *service = definition_of(t, "services");

	hooks_run(t->c, which, json_get_arr(service, which), done, t);
}

static void hooks_failed(struct task *t, const struct error *err, const char *output)
{
	struct buf b = BUF_INIT;

	add_last_output(&b, "the hook", output);
	executor_explain(t->x, buf_steal(&b));
	task_end(t, err);
}

static void after_post_start(void *arg, const struct error *err, const char *output)
{
	if (err)
		hooks_failed(arg, err, output);
	else
		task_end(arg, NULL);
}

static void on_started(void *arg, const struct error *err)
{
	if (err)
		task_end(arg, err);
	else
		run_hooks(arg, "post_start", after_post_start);
}

static void run_start(struct task *t)
{
	struct container *c = container_of_task(t);

	if (c)
		container_start(c, on_started, t);
}

/* The hooks of one that does not run cannot be, and are not, run. */
static void run_before_stop(struct task *t, hooks_done done)
{
	struct container *c = container_of_task(t);

	if (c && c->state == CONTAINER_RUNNING)
		run_hooks(t, "pre_stop", done);
	else if (c)
		done(t, NULL, "");
}

static void run_running(struct task *t)
{
	struct error err = ERROR_INIT;

	end_by(t, task_container(t, &err), &err);
}

static void stop_now(void *arg, const struct error *err, const char *output)
{
	struct task *t = arg;

	if (err)
		hooks_failed(t, err, output);
	else
		container_stop(t->c, NULL, t->x->args.timeout_ns, on_container_done, t);
}

static void run_stop(struct task *t)
{
	run_before_stop(t, stop_now);
}

static void restart_now(void *arg, const struct error *err, const char *output)
{
	struct task *t = arg;

	if (err)
		hooks_failed(t, err, output);
	else
		container_restart(t->c, t->x->args.timeout_ns, on_started, t);
}

static void run_restart(struct task *t)
{
	run_before_stop(t, restart_now);
}

static void run_remove(struct task *t)
{
	const struct executor_args *args = &t->x->args;
	struct container *c = container_of_task(t);

	if (c)
		container_remove(c, true, args->volumes || args->renew_anon_volumes,
				 on_container_done, t);
}

/* "SIGTERM", "TERM", "15" */
static int signal_number(const char *text, struct error *err)
{
	const char *name = text ? str_skip(text, "SIG") : "KILL";
	uint16_t number;
	int i;

	if (!name)
		name = text;
	if (parse_u16(name, &number) == 0 && number > 0 && number < NSIG)
		return number;
	for (i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && !strcmp(sigabbrev_np(i), name))
			return i;
	return error_set(err, EINVAL, "unknown signal %s", text);
}

static void run_kill(struct task *t)
{
	struct container *c = container_of_task(t);
	struct error err = ERROR_INIT;
	int signo = signal_number(t->x->args.signal, &err);

	if (!c)
		return;
	end_by(t, signo < 0 ? signo : container_kill(c, signo, &err), &err);
}

static void pause_or_not(struct task *t, bool pause)
{
	struct container *c = container_of_task(t);
	struct error err = ERROR_INIT;

	if (c)
		end_by(t, container_pause(c, pause, &err), &err);
}

static void run_pause(struct task *t)
{
	pause_or_not(t, true);
}

static void run_unpause(struct task *t)
{
	pause_or_not(t, false);
}

const struct task_kind task_kinds[PLAN_ACTION_MAX] = {
	[PLAN_NETWORK_CREATE] = {"Creating", "Created", run_network_create, true, false},
	[PLAN_NETWORK_REMOVE] = {"Removing", "Removed", run_network_remove, false, false},
	[PLAN_VOLUME_CREATE] = {"Creating", "Created", run_volume_create, true, false},
	[PLAN_VOLUME_REMOVE] = {"Removing", "Removed", run_volume_remove, false, false},
	[PLAN_IMAGE_REMOVE] = {"Removing", "Removed", run_image_remove, false, false},
	[PLAN_CREATE] = {"Creating", "Created", run_create, true, false},
	[PLAN_RECREATE] = {"Recreate", "Recreated", run_recreate, true, false},
	[PLAN_START] = {"Starting", "Started", run_start, false, true},
	[PLAN_RUNNING] = {NULL, "Running", run_running, true, false},
	[PLAN_WAIT] = {"Waiting", NULL, run_wait, false, false},
	[PLAN_STOP] = {"Stopping", "Stopped", run_stop, false, false},
	[PLAN_RESTART] = {"Restarting", "Started", run_restart, false, true},
	[PLAN_KILL] = {"Killing", "Killed", run_kill, false, false},
	[PLAN_PAUSE] = {"Pausing", "Paused", run_pause, false, false},
	[PLAN_UNPAUSE] = {"Unpausing", "Unpaused", run_unpause, false, false},
	[PLAN_REMOVE] = {"Removing", "Removed", run_remove, false, false},
};
