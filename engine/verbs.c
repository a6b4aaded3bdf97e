/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of projects: one row each.  A verb decodes its request, looks at what exists, makes a
 * plan, checks what can be checked before anything is touched, and hands the plan to the executor.
 */
#include <errno.h>

#include "base/digest.h"
#include "base/time.h"
#include "compose/compose.h"
#include "engine/executor_int.h"
#include "engine/job_int.h"
#include "engine/state.h"

/* ---- the request */

#define OPTION(key, kind, member)                                                                  \
	{                                                                                          \
		key, kind, offsetof(struct job_options, member), 0, 0, NULL, 0                     \
	}
static const struct json_field option_fields[] = {
	OPTION("services", JSON_K_STRV, services),
	OPTION("mentioned", JSON_K_STRV, mentioned),
	OPTION("scale", JSON_K_VALUE, scale),
	OPTION("force_recreate", JSON_K_BOOL, force_recreate),
	OPTION("no_recreate", JSON_K_BOOL, no_recreate),
	OPTION("remove_orphans", JSON_K_BOOL, remove_orphans),
	OPTION("ignore_orphans", JSON_K_BOOL, ignore_orphans),
	OPTION("renew_anon_volumes", JSON_K_BOOL, renew_anon_volumes),
	OPTION("always_recreate_deps", JSON_K_BOOL, always_recreate_deps),
	OPTION("no_deps", JSON_K_BOOL, no_deps),
	OPTION("no_start", JSON_K_BOOL, no_start),
	OPTION("wait", JSON_K_BOOL, wait),
	OPTION("all_resources", JSON_K_BOOL, all_resources),
	OPTION("wait_timeout_s", JSON_K_INT, wait_timeout_s),
	OPTION("timeout_s", JSON_K_INT, timeout_s),
	OPTION("parallel", JSON_K_INT, parallel),
	OPTION("stop", JSON_K_BOOL, stop),
	OPTION("quiet_pull", JSON_K_BOOL, quiet_pull),
	OPTION("ignore_pull_failures", JSON_K_BOOL, ignore_pull_failures),
	OPTION("ignore_buildable", JSON_K_BOOL, ignore_buildable),
	OPTION("include_deps", JSON_K_BOOL, include_deps),
	OPTION("pull", JSON_K_STR, pull),
	OPTION("policy", JSON_K_STR, policy),
	OPTION("rmi", JSON_K_STR, rmi),
	OPTION("signal", JSON_K_STR, signal),
	OPTION("command", JSON_K_VALUE, command),
	OPTION("labels", JSON_K_VALUE, labels),
	OPTION("entrypoint", JSON_K_STR, entrypoint),
	OPTION("user", JSON_K_STR, user),
	OPTION("working_dir", JSON_K_STR, working_dir),
	OPTION("name", JSON_K_STR, name),
	OPTION("env", JSON_K_STRV, env),
	OPTION("publish", JSON_K_STRV, publish),
	OPTION("cap_add", JSON_K_STRV, cap_add),
	OPTION("cap_drop", JSON_K_STRV, cap_drop),
	OPTION("tty", JSON_K_BOOL, tty),
	OPTION("stdin", JSON_K_BOOL, stdin_open),
	OPTION("service_ports", JSON_K_BOOL, service_ports),
	OPTION("use_aliases", JSON_K_BOOL, use_aliases),
	OPTION("rm", JSON_K_BOOL, remove),
	{0},
};

#define FIELD(key, kind, member)                                                                   \
	{                                                                                          \
		key, kind, offsetof(struct job_request, member), 0, 0, NULL, 0                     \
	}
static const struct json_field request_fields[] = {
	FIELD("model", JSON_K_VALUE, model),	 FIELD("files", JSON_K_VALUE, files),
	FIELD("secrets", JSON_K_VALUE, secrets), FIELD("scale", JSON_K_VALUE, scale),
	FIELD("auths", JSON_K_VALUE, auths),	 FIELD("working_dir", JSON_K_STR, working_dir),
	FIELD("service", JSON_K_STR, service),	 FIELD("disabled", JSON_K_STRV, disabled),
	FIELD("no_deps", JSON_K_BOOL, no_deps),	 {0},
};

/* `volumes` is a switch of down and rm, and the list of mounts of run. */
static int decode_volumes(const json_t *value, struct job_options *o, struct error *err)
{
	if (json_is_array(value))
		o->mounts = json_to_strv(value);
	else if (value && !json_is_boolean(value))
		return error_set(err, EINVAL, "options.volumes: must be true, false or a list");
	o->volumes = json_is_true(value);
	return 0;
}

int job_request_decode(const json_t *body, struct job_request *ret, struct error *err)
{
	const json_t *options = json_object_get(body, "options");
	struct job_options *o = &ret->options;
	int r = json_decode(body, request_fields, ret, "", err);

	o->timeout_s = -1;
	if (r == 0 && options && !json_is_null(options)) {
		r = json_decode(options, option_fields, o, "options", err);
		if (r == 0)
			r = decode_volumes(json_object_get(options, "volumes"), o, err);
	}
	if (r == 0 && ret->model && !json_is_null(ret->model) && !json_is_object(ret->model))
		r = error_set(err, EINVAL, "model: must be an object");
	if (r == 0 && (o->parallel < 0 || o->wait_timeout_s < 0 || o->wait_timeout_s > INT32_MAX))
		r = error_set(err, EINVAL, "options: out of range");
	if (r == 0)
		o->no_deps = o->no_deps || ret->no_deps;
	return r;
}

void job_request_release(struct job_request *r)
{
	strv_free(r->options.mounts);
	json_release(option_fields, &r->options);
	json_release(request_fields, r);
}

/* ---- the table */

/* Under the name "dry-VERB" every verb that has a plan only says what it would do. */
#define VERB(name, plan, flags)                                                                    \
	{name, plan, flags},                                                                       \
	{                                                                                          \
		"dry-" name, plan, ((flags) & ~VERB_ENDS) | VERB_DRY | VERB_SAY                    \
	}

static const struct verb verbs[] = {
	VERB("up", plan_up, VERB_MODEL | VERB_STORE | VERB_START),
	VERB("create", plan_up, VERB_MODEL | VERB_STORE),
	VERB("scale", plan_up, VERB_MODEL | VERB_STORE | VERB_START | VERB_SCALE),
	VERB("run", plan_up, VERB_MODEL | VERB_START | VERB_RUN),
	VERB("down", plan_down, VERB_FINISH | VERB_FORGET | VERB_ALL | VERB_ENDS),
	VERB("start", plan_start, VERB_START),
	VERB("stop", plan_stop, VERB_FINISH | VERB_ALL | VERB_ENDS),
	VERB("restart", plan_restart, VERB_FINISH | VERB_ALL),
	VERB("kill", plan_kill, VERB_FINISH | VERB_ALL | VERB_BESIDE),
	VERB("pause", plan_pause, VERB_FINISH | VERB_ALL),
	VERB("unpause", plan_unpause, VERB_FINISH | VERB_ALL),
	VERB("rm", plan_rm, VERB_FINISH | VERB_ALL | VERB_ENDS),
	{"plan", plan_up, VERB_MODEL | VERB_START | VERB_DRY},
	{"pull", NULL, VERB_MODEL | VERB_PULL | VERB_BESIDE},
};

const struct verb *verb_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* ---- before anything is touched */

static int check_images(const struct job *j, const struct plan *plan, struct error *err)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		const struct plan_op *op = &plan->ops[i];
		const json_t *definition =
			json_get_obj(json_get_obj(j->model, "services"), op->key);
		auto_free char *image = NULL;

		if ((op->action != PLAN_CREATE && op->action != PLAN_RECREATE) ||
		    json_object_get(j->seen.images, op->key))
			continue;
		image = translate_image(j->project->name, op->key, definition);
		if (json_get_obj(definition, "build"))
			return error_set(err, ENOENT,
					 "service %s: image %s has not been built: cmp build %s",
					 op->key, image, op->key);
		return error_set(
			err, ENOENT,
			"service %s: image %s not found: its pull policy is \"%s\"; pull it with "
			"`cmp pull`, or import it",
			op->key, image, json_get_str(definition, "pull_policy") ?: "never");
	}
	return 0;
}

static void translation(const struct job *j, struct translate_args *ret)
{
	const struct job_request *r = &j->request;

	*ret = (struct translate_args){
		.project = j->project->name,
		.model = j->model,
		.files = json_is_array(r->files) ? r->files : j->project->files,
		.working_dir = r->working_dir ? r->working_dir : j->project->working_dir,
		.secrets = r->secrets,
	};
}

/* Every service that gets containers must have a meaning: all of it is read once. */
static int check_services(struct job *j, const struct plan *plan, struct error *err)
{
	struct translate_args args;
	struct container_config config;
	const char *last = NULL;
	size_t i;

	translation(j, &args);
	for (i = 0; i < plan->count; i++) {
		const struct plan_op *op = &plan->ops[i];

		if ((op->action != PLAN_CREATE && op->action != PLAN_RECREATE) ||
		    str_eq(last, op->key))
			continue;
		last = args.service = op->key;
		args.definition = op->one_off ? j->one_off : NULL;
		if (translate_service(&args, &config, err) < 0)
			return -err->code;
		container_config_release(&config);
	}
	return 0;
}

/* ---- planning */

/* `scale` names its services as the keys of its numbers, `run` one. */
static void name_services(struct job *j)
{
	struct job_request *r = &j->request;
	const char *name;
	json_t *value;

	if (r->service && !strv_len(r->options.services))
		strv_push(&r->options.services, xstrdup(r->service));
	if (!json_is_object(r->scale))
		return;
	json_decref(r->options.scale);
	r->options.scale = json_incref(r->scale);
	if (strv_len(r->options.services))
		return;
	json_object_foreach (r->scale, name, value)
		strv_push(&r->options.services, xstrdup(name));
}

static int prepare_one_off(struct job *j, struct error *err)
{
	const struct job_request *r = &j->request;
	const json_t *service =
		r->service ? json_get_obj(json_get_obj(j->model, "services"), r->service) : NULL;
	char id[DIGEST_HEX_MAX];
	int n;

	if (!service)
		return error_set(err, ENOENT, "no such service: %s", r->service ? r->service : "");
	n = one_off_definition(r, service, &j->one_off, err);
	if (n < 0)
		return n;
	digest_random_id(id);
	j->one_off_name = r->options.name
				  ? xstrdup(r->options.name)
				  : xasprintf("%s-%s-run-%.12s", j->project->name, r->service, id);
	json_set_str(json_get_obj(j->one_off, "labels"), "com.docker.compose.slug", id);
	return 0;
}

/* What the user last said: `up` says it anew for all services, `scale` for some. */
static json_t *merged_scale(const struct job *j)
{
	bool some = j->verb->flags & VERB_SCALE;
	json_t *scale = some && j->project->scale ? json_copy(j->project->scale) : json_object();

	if (json_is_object(j->request.options.scale))
		json_object_update(scale, j->request.options.scale);
	return scale;
}

static void options_of(const struct job *j, struct plan_options *ret)
{
	const struct job_options *o = &j->request.options;

	*ret = (struct plan_options){
		.services = o->services,
		.scale = j->scale,
		.force_recreate = o->force_recreate,
		.no_recreate = o->no_recreate || (j->verb->flags & VERB_SCALE),
		.remove_orphans = o->remove_orphans,
		.ignore_orphans = o->ignore_orphans,
		.always_recreate_deps = o->always_recreate_deps,
		.no_deps = o->no_deps,
		.start = (j->verb->flags & VERB_START) && !o->no_start,
		.wait = o->wait,
		.one_off = j->one_off_name,
		.all_resources = o->all_resources,
		.volumes = o->volumes,
		.stop = o->stop,
		.rmi = o->rmi,
	};
}

static int make_plan(struct job *j, struct plan *ret, struct error *err)
{
	const struct job_options *o = &j->request.options;
	bool all = (j->verb->flags & VERB_ALL) || !strv_len(o->services);
	struct plan_options options;
	int r = 0;

	if (j->verb->flags & VERB_RUN)
		r = prepare_one_off(j, err);
	if (r == 0)
		r = observe(j->project->daemon, j->project->name, j->model, j->stored,
			    all ? NULL : o->services, !o->no_deps, &j->seen, err);
	if (r < 0)
		return r;
	j->seen.input.disabled = j->request.disabled;
	j->seen.input.from_labels = j->from_labels != NULL;
	options_of(j, &options);
	return j->verb->plan(&j->seen.input, &options, ret, err);
}

static json_t *show_plan(const struct plan *plan)
{
	json_t *end = json_object();
	struct buf text = BUF_INIT;

	plan_text(plan, &text);
	json_set_new(end, "operations", plan_json(plan));
	json_set_str(end, "text", text.data ? text.data : "");
	buf_release(&text);
	return end;
}

/* What the operations would say if they were done. */
static void say_plan(struct job *j, const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		const struct plan_op *op = &plan->ops[i];
		const struct task_kind *kind = &task_kinds[op->action];
		auto_free char *id = plan_op_id(op);

		if (kind->working && kind->done)
			job_progress(j, id, "Working", kind->working, NULL);
		if (kind->done)
			job_progress(j, id, "Done", kind->done, NULL);
	}
}

/* ---- the desired state */

static int store(struct job *j, struct error *err)
{
	struct translate_args args;

	if (!(j->verb->flags & VERB_STORE))
		return 0;
	translation(j, &args);
	return project_store(j->project, j->model, args.files, args.working_dir, j->scale, err);
}

/* ---- begin and end */

static void execute(struct job *j, struct plan *plan)
{
	const struct job_options *o = &j->request.options;
	struct executor_args args = {
		.daemon = j->project->daemon,
		.job = j,
		.hashes = j->seen.hashes,
		.images = j->seen.images,
		.one_off = j->one_off,
		.one_off_remove = o->remove,
		.renew_anon_volumes = o->renew_anon_volumes,
		.volumes = o->volumes,
		.timeout_ns = o->timeout_s < 0 ? -1 : o->timeout_s * NS_PER_SEC,
		.signal = o->signal,
		.wait_timeout_ns = o->wait ? o->wait_timeout_s * NS_PER_SEC : 0,
		.parallel = (size_t)o->parallel,
		.done = job_executed,
		.arg = j,
	};

	translation(j, &args.translate);
	j->executor = executor_start(&args, plan);
}

static int choose_model(struct job *j, struct error *err)
{
	if (j->project->model)
		j->stored = json_incref(j->project->model);
	j->model = json_is_object(j->request.model) ? j->request.model : j->stored;
	if (j->model)
		return 0;
	if (j->verb->flags & VERB_MODEL)
		return error_set(err, EINVAL,
				 "no compose file found, and no model of project %s is kept from "
				 "an earlier up: write a compose.yaml, or name one with -f",
				 j->project->name);
	j->from_labels = observe_labels(j->project->daemon, j->project->name);
	j->model = j->from_labels;
	return 0;
}

static void warn_all(struct job *j, char *const *warnings)
{
	for (; warnings && *warnings; warnings++)
		job_warn(j, "%s", *warnings);
}

/* Services that are not what it is about, but must exist, too. */
static char **mentioned_services(const struct job_options *o)
{
	char **names = strv_dup(o->mentioned);
	const char *name;
	json_t *value;

	json_object_foreach (o->scale, name, value)
		strv_push(&names, xstrdup(name));
	return names;
}

int verb_prepare(struct job *j, struct error *err)
{
	AUTO(strv_free) char **mentioned = mentioned_services(&j->request.options);
	struct plan_input in = {0};
	int r;

	name_services(j);
	j->scale = merged_scale(j);
	if (choose_model(j, err) < 0)
		return -err->code;
	if (!j->model)
		return 0;
	/* the names first: their message knows the nearest one */
	in.model = j->model;
	r = plan_check_services(&in, j->request.options.services, err);
	if (r == 0)
		r = plan_check_services(&in, mentioned, err);
	if (r == 0 && j->verb->plan == plan_up &&
	    !json_object_size(json_get_obj(j->model, "services")))
		r = error_set(err, EINVAL, "no service selected");
	return r;
}

int verb_begin(struct job *j, json_t **ret_end, struct error *err)
{
	struct plan plan = {0};
	int r = make_plan(j, &plan, err);

	if (r < 0)
		return r;
	warn_all(j, plan.warnings);
	if (j->verb->flags & VERB_MODEL)
		warn_all(j, j->seen.warnings);
	if (j->verb->flags & VERB_DRY) {
		if (j->verb->flags & VERB_SAY)
			say_plan(j, &plan);
		*ret_end = show_plan(&plan);
	} else {
		r = check_services(j, &plan, err);
		if (r == 0)
			r = check_images(j, &plan, err);
		if (r == 0)
			r = store(j, err);
		if (r == 0)
			execute(j, &plan);
	}
	plan_release(&plan);
	return r;
}

void verb_end(struct job *j, json_t *end, const struct executor_result *result)
{
	json_t *about = json_array();
	struct container **list = project_containers(j->project->daemon, j->project->name, false);
	size_t i;

	for (i = 0; list[i]; i++) {
		const struct container *c = list[i];
		json_t *o;

		if (!plan_selected(j->request.options.services, c->service))
			continue;
		o = json_object();
		json_set_str(o, "id", c->id);
		json_set_str(o, "name", c->name);
		json_set_bool(o, "exited",
			      c->state == CONTAINER_EXITED || c->state == CONTAINER_DEAD);
		json_array_append_new(about, o);
	}
	free(list);
	json_set_new(end, "containers", about);
	json_set_str(end, "container", result->one_off);
}
