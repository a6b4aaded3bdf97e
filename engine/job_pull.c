/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The images that a job needs from registries: which ones is said by the verb, its options,
 * `pull_policy` and what is there.  All are fetched side by side, each once, before the job looks
 * at what exists.
 */
#include <errno.h>

#include "base/json.h"
#include "base/reference.h"
#include "base/time.h"
#include "compose/compose.h"
#include "engine/job_int.h"
#include "engine/pull.h"
#include "engine/translate.h"

struct wanted {
	struct job_pulls *set;
	struct pull *pull; /* NULL: it has ended */
	char *key;	   /* image and platform */
	char *service;
	bool buildable;
};

struct job_pulls {
	struct job *job;
	struct wanted *list;
	size_t count, left;
	bool explicit; /* the verb is pull */
	char **to_build;
	struct error err;
	uv_timer_t timer; /* the end is told in a turn of the loop of its own */
};

/* ---- when */

enum need { NEED_NO, NEED_MISSING, NEED_ALWAYS, NEED_AFTER };

/* What a policy asks for; *ret_ns: how long the last pull may be ago. */
static int read_policy(const char *policy, enum need *ret, int64_t *ret_ns, struct error *err)
{
	static const struct {
		const char *name;
		enum need need;
		int64_t ns;
	} known[] = {
		{"missing", NEED_MISSING, 0},
		{"if_not_present", NEED_MISSING, 0},
		{"always", NEED_ALWAYS, 0},
		{"refresh", NEED_ALWAYS, 0},
		{"never", NEED_NO, 0},
		{"build", NEED_NO, 0},
		{"daily", NEED_AFTER, 24 * 3600 * NS_PER_SEC},
		{"weekly", NEED_AFTER, 7 * 24 * 3600 * NS_PER_SEC},
	};
	const char *every = str_skip(policy, "every_");

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].name, policy) != 0)
			continue;
		*ret = known[i].need;
		*ret_ns = known[i].ns;
		return 0;
	}
	if (every && parse_duration_ns(every, ret_ns) == 0) {
		*ret = NEED_AFTER;
		return 0;
	}
	return error_set(
		err, EINVAL,
		"unknown pull policy \"%s\": use always, missing, never, build, daily, weekly or "
		"every_DURATION",
		policy);
}

/* When the image was last confirmed by a registry: 0 for never, -1 when it is not there. */
static int64_t pulled_at(const struct job *j, const char *image)
{
	AUTO(image_unref) struct image *im = NULL;
	struct error ignored = ERROR_INIT;

	if (image_resolve(j->project->daemon->images, image, &im, &ignored) < 0)
		return -1;
	return im->pulled_ns;
}

static const char *policy_of(const struct job *j, const json_t *definition)
{
	const char *option = j->request.options.pull;

	if (!str_empty(option) && strcmp(option, "policy") != 0)
		return option;
	return json_get_str(definition, "pull_policy") ?: "missing";
}

static int is_needed(const struct job *j, const json_t *definition, const char *image, bool *ret,
		     struct error *err)
{
	enum need need = NEED_NO;
	int64_t ns = 0, at;

	if (read_policy(policy_of(j, definition), &need, &ns, err) < 0)
		return -err->code;
	at = pulled_at(j, image);
	*ret = need == NEED_ALWAYS || (need == NEED_MISSING && at < 0) ||
	       (need == NEED_AFTER && (at < 0 || time_now_ns() - at >= ns));
	return 0;
}

/* Why `pull` leaves a service out; NULL: it does not. */
static const char *reason_to_skip(const struct job *j, const json_t *definition)
{
	const char *policy = json_get_str(definition, "pull_policy") ?: "",
		   *option = j->request.options.policy ?: "",
		   *image = json_get_str(definition, "image");

	if (json_get_obj(definition, "build") && (j->request.options.ignore_buildable || !image))
		return "Image can be built";
	if (!image)
		return "No image to be pulled";
	if (!strcmp(policy, "never") || !strcmp(policy, "build"))
		return "Pull policy says so";
	if ((!strcmp(policy, "missing") || !strcmp(policy, "if_not_present") ||
	     !strcmp(option, "missing")) &&
	    strcmp(option, "always") != 0 && pulled_at(j, image) >= 0)
		return "Image is already present locally";
	return NULL;
}

/* ---- the end */

static void on_closed(uv_handle_t *handle)
{
	struct job_pulls *set = handle->data;

	for (size_t i = 0; i < set->count; i++) {
		free(set->list[i].key);
		free(set->list[i].service);
	}
	strv_free(set->to_build);
	free(set->list);
	free(set);
}

static void set_free(struct job_pulls *set)
{
	uv_close((uv_handle_t *)&set->timer, on_closed);
}

static void on_all(uv_timer_t *timer)
{
	struct job_pulls *set = timer->data;
	auto_free char *names = strv_join(set->to_build, " ");
	struct job *j = set->job;
	struct error err = set->err;

	if (set->explicit && strv_len(set->to_build) && !err.code)
		job_warn(j, "some images could not be pulled and must be built: cmp build %s",
			 names);
	j->pulls = NULL;
	set_free(set);
	job_pulled(j, err.code ? &err : NULL);
}

static void one_ended(struct job_pulls *set)
{
	if (!--set->left)
		uv_timer_start(&set->timer, on_all, 0, 0);
}

static void on_event(void *arg, json_t *event)
{
	struct wanted *w = arg;

	job_event(w->set->job, event);
}

static void on_done(void *arg, const char *id, const struct error *err)
{
	struct wanted *w = arg;
	struct job_pulls *set = w->set;

	(void)id;
	w->pull = NULL;
	if (err && w->buildable)
		strv_push(&set->to_build, xstrdup(w->service));
	else if (err && !set->job->request.options.ignore_pull_failures && !set->err.code) {
		set->err = *err;
		error_wrap(&set->err, "service %s", w->service);
	}
	one_ended(set);
}

/* ---- the beginning */

static const json_t *auth_of(const struct job *j, const char *image)
{
	auto_reference struct image_reference r = {0};
	struct error ignored = ERROR_INIT;

	if (image_reference_parse(image, &r, &ignored) < 0)
		return NULL;
	return json_get_obj(j->request.auths, r.registry);
}

static bool asked_already(const struct job_pulls *set, const char *key)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->list[i].key, key))
			return true;
	return false;
}

static int add(struct job_pulls *set, const char *service, const json_t *definition,
	       const char *image, struct error *err)
{
	struct job *j = set->job;
	const char *platform = json_get_str(definition, "platform");
	auto_free char *key = xasprintf("%s %s", image, platform ?: "");
	struct wanted *w = &set->list[set->count];
	struct image_pull_args args = {
		.name = image, .platform = platform, .auth = auth_of(j, image)};
	struct pull_sink sink = {.event = on_event, .done = on_done, .arg = w};
	struct pull_how how = {.shown = service, .quiet = j->request.options.quiet_pull};

	if (asked_already(set, key))
		return 0;
	w->set = set;
	w->buildable = json_get_obj(definition, "build") != NULL;
	how.tolerated = w->buildable || j->request.options.ignore_pull_failures;
	if (pull_start(j->project->daemon, &args, &how, &sink, &w->pull, err) < 0)
		return error_wrap(err, "service %s", service);
	w->key = steal_ptr(&key);
	w->service = xstrdup(service);
	set->count++;
	set->left++;
	return 0;
}

static int consider(struct job_pulls *set, const char *service, struct error *err)
{
	struct job *j = set->job;
	const json_t *definition = json_get_obj(json_get_obj(j->model, "services"), service);
	const char *image = json_get_str(definition, "image"), *reason;
	bool needed = true;

	if (set->explicit) {
		reason = reason_to_skip(j, definition);
		if (reason)
			job_progress(j, service, "Done", "Skipped", reason);
		return reason ? 0 : add(set, service, definition, image, err);
	}
	if (!image)
		return 0;
	if (is_needed(j, definition, image, &needed, err) < 0)
		return error_wrap(err, "service %s", service);
	return needed ? add(set, service, definition, image, err) : 0;
}

static size_t service_count(const struct job *j)
{
	return json_object_size(json_get_obj(j->model, "services"));
}

int job_pulls_start(struct job *j, struct error *err)
{
	const struct job_options *o = &j->request.options;
	AUTO(strv_free) char **order = NULL;
	bool explicit = (j->verb->flags & VERB_PULL) != 0;
	struct job_pulls *set;
	int r = compose_order(j->model, strv_len(o->services) ? o->services : NULL,
			      explicit ? o->include_deps : !o->no_deps, &order, err);

	if (r < 0)
		return r;
	set = xcalloc(1, sizeof(*set));
	set->job = j;
	set->explicit = explicit;
	set->list = xcalloc(service_count(j) + 1, sizeof(*set->list));
	uv_timer_init(j->project->daemon->loop, &set->timer);
	set->timer.data = set;
	j->pulls = set;
	for (char **s = order; s && *s && r == 0; s++)
		r = consider(set, *s, err);
	if (r < 0 || !set->left) {
		job_pulls_cancel(j);
		return r;
	}
	return 1;
}

void job_pulls_cancel(struct job *j)
{
	struct job_pulls *set = steal_ptr(&j->pulls);

	for (size_t i = 0; set && i < set->count; i++)
		if (set->list[i].pull)
			pull_cancel(set->list[i].pull);
	if (set)
		set_free(set);
}
