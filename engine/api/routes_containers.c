/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of single containers. */
#include <errno.h>

#include "base/json.h"
#include "base/time.h"
#include "engine/api/routes.h"
#include "engine/container.h"

/* The container that the request names; answers the request when there is none. */
static struct container *wanted(struct api_request *r)
{
	struct error err = ERROR_INIT;
	struct container *c;

	if (container_find(r->daemon, r->params[0], &c, &err) == 0)
		return c;
	api_reply_error(r, &err);
	return NULL;
}

static void reply(struct api_request *r, int rc, const struct error *err)
{
	if (rc < 0)
		api_reply_error(r, err);
	else
		api_reply_json(r, 200, json_object());
}

static bool shown(const struct api_request *r, const struct container *c, char *const *services)
{
	const char *project = api_query(r, "project");
	bool active = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
		      c->state == CONTAINER_RESTARTING || c->state == CONTAINER_STOPPING;

	if (project && !str_eq(project, c->project))
		return false;
	if (!active && !api_query_flag(r, "all"))
		return false;
	if (c->one_off && str_eq(api_query(r, "oneoff"), "0"))
		return false;
	return !services || strv_has(services, c->service);
}

static int by_name(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a,
			       *y = *(struct container *const *)b;
	int r = strcmp(x->service ? x->service : "", y->service ? y->service : "");

	if (!r && x->number != y->number)
		r = x->number < y->number ? -1 : 1;
	return r ? r : strcmp(x->name, y->name);
}

static void get_containers(struct api_request *r)
{
	AUTO(strv_free) char **services = api_query_list(r, "service");
	auto_free struct container **found =
		xcalloc(map_len(r->daemon->containers) + 1, sizeof(struct container *));
	struct map_iter it = {0};
	json_t *list = json_array();
	size_t i, count = 0;

	while (map_next(r->daemon->containers, &it))
		if (shown(r, it.value, services))
			found[count++] = it.value;
	qsort(found, count, sizeof(struct container *), by_name);
	for (i = 0; i < count; i++)
		json_array_append_new(list, container_summary(found[i]));
	api_reply_json(r, 200, list);
}

static void get_container(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		api_reply_json(r, 200, container_inspect(c));
}

static void get_launch(struct api_request *r)
{
	struct container *c = wanted(r);
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	if (!c)
		return;
	if (container_describe_launch(c, &text, &err) < 0)
		api_reply_error(r, &err);
	else
		api_reply_text(r, 200, text.data ? text.data : "", text.len);
}

static void get_top(struct api_request *r)
{
	struct container *c = wanted(r);
	struct error err = ERROR_INIT;
	json_t *o = NULL;

	if (!c)
		return;
	if (container_top(c, NULL, &o, &err) < 0)
		api_reply_error(r, &err);
	else
		api_reply_json(r, 200, o);
}

static void get_logs(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		stream_logs(r, NULL, c->id);
}

/* ---- life */

static int64_t timeout_ns(const struct api_request *r)
{
	int64_t seconds = api_query_int(r, "timeout_s", -1);

	return seconds < 0 ? -1 : seconds * NS_PER_SEC;
}

static void post_start(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		container_start(c, api_on_done, api_pending_new(r));
}

static void post_stop(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		container_stop(c, NULL, timeout_ns(r), api_on_done, api_pending_new(r));
}

static void post_restart(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		container_restart(c, timeout_ns(r), api_on_done, api_pending_new(r));
}

static void post_kill(struct api_request *r)
{
	struct container *c = wanted(r);
	const char *name = api_query(r, "signal");
	struct error err = ERROR_INIT;
	int signo = SIGKILL, rc;

	if (!c)
		return;
	rc = name ? runtime_signal(name, &signo, &err) : 0;
	reply(r, rc < 0 ? rc : container_kill(c, signo, &err), &err);
}

static void set_paused(struct api_request *r, bool pause)
{
	struct container *c = wanted(r);
	struct error err = ERROR_INIT;

	if (c)
		reply(r, container_pause(c, pause, &err), &err);
}

static void post_pause(struct api_request *r)
{
	set_paused(r, true);
}

static void post_unpause(struct api_request *r)
{
	set_paused(r, false);
}

static void delete_container(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		container_remove(c, api_query_flag(r, "force"), api_query_flag(r, "volumes"),
				 api_on_done, api_pending_new(r));
}

static void post_exec(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		stream_exec(r, c);
}

static void post_attach(struct api_request *r)
{
	struct container *c = wanted(r);

	if (c)
		stream_attach(r, c);
}

/* ---- wait */

struct waiting {
	struct container_watch watch;
	struct container *container;
	struct api_request *request;
	bool removed; /* the condition */
};

static void waiting_free(struct waiting *w)
{
	container_watch_remove(&w->watch);
	container_unref(w->container);
	free(w);
}

static void on_wait_hangup(void *arg)
{
	waiting_free(arg);
}

static bool has_ended(const struct container *c)
{
	return c->state == CONTAINER_EXITED || c->state == CONTAINER_DEAD ||
	       c->state == CONTAINER_CREATED;
}

static void answer_wait(struct waiting *w)
{
	struct api_request *r = w->request;
	json_t *o = json_object();

	json_set_int(o, "exit_code", w->container->exit_code);
	r->on_hangup = NULL;
	waiting_free(w);
	api_reply_json(r, 200, o);
}

static void on_wait_change(struct container_watch *watch, struct container *c,
			   enum container_change what)
{
	struct waiting *w = container_of(watch, struct waiting, watch);

	if (c != w->container)
		return;
	if (what == CONTAINER_CHANGED_REMOVED || (!w->removed && has_ended(c)))
		answer_wait(w);
}

static void get_wait(struct api_request *r)
{
	struct container *c = wanted(r);
	const char *condition = api_query(r, "condition");
	struct error err = ERROR_INIT;
	struct waiting *w;

	if (!c)
		return;
	if (condition && strcmp(condition, "exited") && strcmp(condition, "removed")) {
		error_set(&err, EINVAL, "condition \"%s\": use exited or removed", condition);
		api_reply_error(r, &err);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->container = container_ref(c);
	w->request = r;
	w->removed = str_eq(condition, "removed");
	w->watch.changed = on_wait_change;
	container_watch_add(r->daemon, &w->watch);
	r->arg = w;
	r->on_hangup = on_wait_hangup;
	if (!w->removed && has_ended(c))
		answer_wait(w);
}

#define CONTAINER "/cmp/v1/containers/{}"

const struct api_route container_routes[] = {
	{"GET", "/cmp/v1/containers", get_containers, false},
	{"GET", CONTAINER "/launch", get_launch, false},
	{"GET", CONTAINER "/top", get_top, false},
	{"GET", CONTAINER "/wait", get_wait, false},
	{"GET", CONTAINER "/logs", get_logs, false},
	{"GET", CONTAINER, get_container, false},
	{"POST", CONTAINER "/start", post_start, false},
	{"POST", CONTAINER "/stop", post_stop, false},
	{"POST", CONTAINER "/restart", post_restart, false},
	{"POST", CONTAINER "/kill", post_kill, false},
	{"POST", CONTAINER "/pause", post_pause, false},
	{"POST", CONTAINER "/unpause", post_unpause, false},
	{"POST", CONTAINER "/exec", post_exec, false},
	{"POST", CONTAINER "/attach", post_attach, false},
	{"DELETE", CONTAINER, delete_container, false},
	{0},
};
