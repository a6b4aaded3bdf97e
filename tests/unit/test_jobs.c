/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs from the request to the last line of the stream, in a world of pretended containers: they
 * start after a moment, become healthy or not as their healthcheck says ("true", "false"), and end
 * by themselves when their command is ["exit", N].  What happens is written down in order.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/time.h"
#include "compose/compose.h"
#include "engine/health.h"
#include "engine/hooks.h"
#include "engine/job.h"
#include "engine/logs.h"
#include "engine/network.h"
#include "engine/project.h"
#include "engine/pull.h"
#include "engine/state.h"

#define LABEL(name) "com.docker.compose." name

static struct daemon world;
static struct buf happened;	  /* "start app-web-1\n…" */
static const char *refuse_create; /* name of the container that cannot be made */
static int batch_depth;

/* ---- the pretended container layer */

struct pretended {
	struct container c;
	uv_timer_t timer;
	container_done done;
	void *arg;
	void (*then)(struct pretended *p);
};

static struct pretended *of(struct container *c)
{
	return container_of(c, struct pretended, c);
}

static void on_timer(uv_timer_t *timer)
{
	struct pretended *p = timer->data;
	void (*then)(struct pretended *) = p->then;

	p->then = NULL;
	then(p);
}

static void later(struct pretended *p, void (*then)(struct pretended *p))
{
	p->then = then;
	uv_timer_start(&p->timer, on_timer, 1, 0);
}

static void call_done(struct pretended *p)
{
	container_done done = p->done;

	p->done = NULL;
	if (done)
		done(p->arg, NULL);
}

struct container *container_ref(struct container *c)
{
	c->refs++;
	return c;
}

static void on_closed(uv_handle_t *handle)
{
	struct pretended *p = handle->data;

	container_config_release(&p->c.config);
	free(p->c.name);
	free(p->c.project);
	free(p->c.service);
	free(p->c.config_hash);
	free(p->c.image_id);
	free(p);
}

void container_unref(struct container *c)
{
	if (c && --c->refs == 0)
		uv_close((uv_handle_t *)&of(c)->timer, on_closed);
}

int container_find(struct daemon *d, const char *ref, struct container **ret, struct error *err)
{
	struct container *c = map_get(d->containers, ref);

	if (!c)
		c = map_get(d->container_names, ref);
	if (!c)
		return error_set(err, ENOENT, "no such container: %s", ref);
	*ret = c;
	return 0;
}

int container_create(struct daemon *d, const struct container_create_args *args,
		     struct container **ret, struct error *err)
{
	const json_t *labels = args->config->labels;
	auto_json json_t *copy = NULL;
	struct pretended *p;
	struct container *c;
	int64_t number = 0;

	assert_true(batch_depth > 0 || str_eq(refuse_create, "late"));
	if (refuse_create && str_ends(args->name, refuse_create))
		return error_set(err, EIO, "the disk is full");
	if (map_has(d->container_names, args->name))
		return error_set(err, EEXIST, "the name %s is taken", args->name);
	buf_addf(&happened, "create %s\n", strchr(args->name, '_') ? "temporary" : args->name);
	p = xcalloc(1, sizeof(*p));
	c = &p->c;
	copy = container_config_encode(args->config);
	assert_int_equal(container_config_decode(copy, &c->config, err), 0);
	c->daemon = d;
	c->refs = 1;
	digest_random_id(c->id);
	c->name = xstrdup(args->name);
	c->project = xstrdup(json_get_str(labels, LABEL("project")));
	c->service = xstrdup(json_get_str(labels, LABEL("service")));
	c->config_hash = xstrdup(json_get_str(labels, LABEL("config-hash")));
	c->image_id = xstrdup(json_get_str(labels, LABEL("image")));
	c->one_off = str_eq(json_get_str(labels, LABEL("oneoff")), "True");
	if (!c->one_off)
		assert_int_equal(
			parse_i64(json_get_str(labels, LABEL("container-number")), &number), 0);
	c->number = number;
	uv_timer_init(d->loop, &p->timer);
	p->timer.data = p;
	map_set(d->containers, c->id, c);
	map_set(d->container_names, c->name, c);
	*ret = c;
	return 0;
}

static void change(struct container *c, enum container_state state)
{
	c->state = state;
	c->pid = state == CONTAINER_RUNNING ? 1 : 0;
	container_notify(c, CONTAINER_CHANGED_STATE);
}

static void decide(struct pretended *p)
{
	struct container *c = &p->c;
	uint16_t code;

	if (strv_len(c->config.command) == 2 && str_eq(c->config.command[0], "exit") &&
	    parse_u16(c->config.command[1], &code) == 0) {
		c->exit_code = code;
		buf_addf(&happened, "exited %s\n", c->name);
		change(c, CONTAINER_EXITED);
	} else if (strv_len(c->config.health.test) == 2) {
		bool well = str_eq(c->config.health.test[1], "true");

		c->health_status = well ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;
		buf_addf(&happened, "%s %s\n", well ? "healthy" : "unhealthy", c->name);
		container_notify(c, CONTAINER_CHANGED_HEALTH);
	}
}

static void started(struct pretended *p)
{
	if (strv_len(p->c.config.health.test) == 2)
		p->c.health_status = HEALTH_STARTING;
	change(&p->c, CONTAINER_RUNNING);
	later(p, decide);
	call_done(p);
}

void container_start(struct container *c, container_done done, void *arg)
{
	struct pretended *p = of(c);

	buf_addf(&happened, "start %s\n", c->name);
	p->done = done;
	p->arg = arg;
	c->state = CONTAINER_STARTING;
	later(p, started);
}

static void stopped(struct pretended *p)
{
	change(&p->c, CONTAINER_EXITED);
	call_done(p);
}

void container_stop(struct container *c, const char *signal UNUSED, int64_t timeout_ns UNUSED,
		    container_done done, void *arg)
{
	buf_addf(&happened, "stop %s\n", c->name);
	of(c)->done = done;
	of(c)->arg = arg;
	later(of(c), stopped);
}

void container_restart(struct container *c, int64_t timeout_ns UNUSED, container_done done,
		       void *arg)
{
	buf_addf(&happened, "restart %s\n", c->name);
	of(c)->done = done;
	of(c)->arg = arg;
	later(of(c), started);
}

static void removed(struct pretended *p)
{
	struct container *c = &p->c;

	map_take(world.container_names, c->name);
	map_take(world.containers, c->id);
	container_notify(c, CONTAINER_CHANGED_REMOVED);
	call_done(p);
	container_unref(c);
}

void container_remove(struct container *c, bool force UNUSED, bool volumes UNUSED,
		      container_done done, void *arg)
{
	buf_addf(&happened, "remove %s\n", c->name);
	of(c)->done = done;
	of(c)->arg = arg;
	later(of(c), removed);
}

int container_kill(struct container *c, int signo, struct error *err UNUSED)
{
	buf_addf(&happened, "kill %s %d\n", c->name, signo);
	return 0;
}

int container_pause(struct container *c, bool pause, struct error *err UNUSED)
{
	buf_addf(&happened, "%s %s\n", pause ? "pause" : "unpause", c->name);
	return 0;
}

int container_rename(struct container *c, const char *name, struct error *err UNUSED)
{
	assert_false(map_has(world.container_names, name));
	map_take(world.container_names, c->name);
	free(c->name);
	c->name = xstrdup(name);
	map_set(world.container_names, name, c);
	buf_addf(&happened, "rename %s\n", name);
	return 0;
}

void container_watch_add(struct daemon *d, struct container_watch *w)
{
	list_append(&d->container_watchers, &w->link);
}

void container_watch_remove(struct container_watch *w)
{
	list_remove(&w->link);
}

void container_notify(struct container *c, enum container_change what)
{
	struct container_watch *w, *next;

	list_for_each_safe (w, next, &c->daemon->container_watchers, link)
		w->changed(w, c, what);
}

const char *container_state_name(enum container_state s)
{
	return s == CONTAINER_RUNNING ? "running" : "other";
}

/* ---- the rest of the world */

char *health_explain(const struct container *c UNUSED)
{
	return xstrdup("probe `false` exited with 1");
}

/* The definitions here have none. */
void hooks_run(struct container *c UNUSED, const char *which UNUSED, const json_t *hooks,
	       hooks_done done, void *arg)
{
	assert_int_equal(json_array_size(hooks), 0);
	done(arg, NULL, "");
}

char *logs_tail_text(const struct container *c UNUSED, int lines UNUSED)
{
	return xstrdup("first\nsecond\n");
}

int network_find(struct daemon *d, const char *ref, struct network **ret, struct error *err)
{
	struct network *n = map_get(d->networks, ref);

	if (!n)
		return error_set(err, ENOENT, "no such network: %s", ref);
	*ret = n;
	return 0;
}

int network_create(struct daemon *d, const struct network_args *args, struct network **ret,
		   struct error *err UNUSED)
{
	struct network *n = xcalloc(1, sizeof(*n));

	n->name = xstrdup(args->name);
	n->project = xstrdup(json_get_str(args->labels, LABEL("project")));
	n->labels = json_deep_copy(args->labels);
	assert_string_equal(json_get_str(args->labels, LABEL("project")), "app");
	buf_addf(&happened, "network %s\n", n->name);
	map_set(d->networks, n->name, n);
	*ret = n;
	return 0;
}

struct settling {
	uv_timer_t timer;
	container_done done;
	void *arg;
};

static void on_settling_closed(uv_handle_t *h)
{
	free(container_of((uv_timer_t *)(void *)h, struct settling, timer));
}

static void on_settled(uv_timer_t *timer)
{
	struct settling *s = container_of(timer, struct settling, timer);

	s->done(s->arg, NULL);
	uv_close((uv_handle_t *)timer, on_settling_closed);
}

void network_settled(struct network *n UNUSED, container_done done, void *arg)
{
	struct settling *s = xcalloc(1, sizeof(*s));

	s->done = done;
	s->arg = arg;
	uv_timer_init(world.loop, &s->timer);
	uv_timer_start(&s->timer, on_settled, 1, 0);
}

static void free_network(void *value)
{
	struct network *n = value;

	free(n->name);
	free(n->project);
	json_decref(n->labels);
	free(n);
}

int network_remove(struct network *n, struct error *err UNUSED)
{
	buf_addf(&happened, "remove network %s\n", n->name);
	map_remove(world.networks, n->name);
	return 0;
}

int volume_create(struct volume_store *s UNUSED, const struct volume_args *args UNUSED,
		  struct volume **ret UNUSED, bool *created UNUSED, struct error *err)
{
	return error_set(err, ENOSYS, "no volumes here");
}

struct volume *volume_get(struct volume_store *s UNUSED, const char *name UNUSED)
{
	return NULL;
}

struct volume **volume_list(struct volume_store *s UNUSED)
{
	return xcalloc(1, sizeof(struct volume *));
}

int volume_remove(struct volume_store *s UNUSED, const char *name UNUSED, bool force UNUSED,
		  volume_in_use_fn in_use UNUSED, void *arg UNUSED, struct error *err UNUSED)
{
	return 0;
}

static struct image the_image = {.id = "sha256:0123"};
static struct image pulled_image = {.id = "sha256:4567"};
static const char *pulled_name; /* of pulled_image; NULL: not there */

int image_resolve(struct image_store *s UNUSED, const char *ref, struct image **ret,
		  struct error *err)
{
	if (!str_eq(ref, "busybox") && !str_eq(ref, pulled_name))
		return error_set(err, ENOENT, "no such image: %s", ref);
	*ret = str_eq(ref, "busybox") ? &the_image : &pulled_image;
	return 0;
}

int container_rehearse(struct container *c UNUSED, struct error *err UNUSED)
{
	return 0;
}

/* ---- pretended pulls: of "remote" they succeed, of others not */

struct pull {
	struct pull_sink sink;
	uv_timer_t timer;
	char *name;
};

static void on_pull_closed(uv_handle_t *handle)
{
	struct pull *p = handle->data;

	free(p->name);
	free(p);
}

static void on_pull_timer(uv_timer_t *timer)
{
	struct pull *p = timer->data;
	struct error err = ERROR_INIT;

	if (!strcmp(p->name, "remote"))
		pulled_name = "remote";
	else
		error_set(&err, ENOENT, "pull %s: refused", p->name);
	p->sink.done(p->sink.arg, err.code ? NULL : pulled_image.id, err.code ? &err : NULL);
	uv_close((uv_handle_t *)timer, on_pull_closed);
}

int pull_start(struct daemon *d, const struct image_pull_args *image, const struct pull_how *how,
	       const struct pull_sink *sink, struct pull **ret, struct error *err UNUSED)
{
	struct pull *p = xcalloc(1, sizeof(*p));

	buf_addf(&happened, "pull %s for %s%s%s%s\n", image->name, how->shown,
		 image->platform ? " on " : "", image->platform ? image->platform : "",
		 image->auth ? " with credentials" : "");
	p->sink = *sink;
	p->name = xstrdup(image->name);
	uv_timer_init(d->loop, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_pull_timer, 1, 0);
	*ret = p;
	return 0;
}

void pull_cancel(struct pull *p)
{
	buf_addf(&happened, "cancel pull %s\n", p->name);
	uv_close((uv_handle_t *)&p->timer, on_pull_closed);
}

void image_unref(struct image *im UNUSED)
{
}

void image_remove(struct image_store *s UNUSED, const struct image_remove_args *args UNUSED,
		  void (*done)(void *arg, const json_t *gone, const struct error *err) UNUSED,
		  void *arg UNUSED)
{
}

void compose_service_hash(const json_t *service, char ret[65])
{
	auto_json json_t *rest = json_copy((json_t *)(uintptr_t)service);
	char *text;

	json_object_del(rest, "pull_policy");
	text = json_dumps(rest, JSON_SORT_KEYS);
	digest_of(text, strlen(text), ret);
	free(text);
}

/* The model lists dependencies first. */
int compose_order(const json_t *model, char *const *wanted UNUSED, bool with_deps UNUSED,
		  char ***ret, struct error *err UNUSED)
{
	char **order = NULL;
	const char *name;
	json_t *service;

	json_object_foreach (json_get_obj(model, "services"), name, service)
		strv_push(&order, xstrdup(name));
	*ret = order;
	return 0;
}

int state_begin(struct state *s UNUSED, struct error *err UNUSED)
{
	batch_depth++;
	return 0;
}

int state_commit(struct state *s UNUSED, struct error *err UNUSED)
{
	batch_depth--;
	return 0;
}

void state_sync(struct state *s UNUSED, void (*done)(void *arg, const struct error *err), void *arg)
{
	done(arg, NULL);
}

int state_project_put(struct state *s UNUSED, const char *name UNUSED, const json_t *doc UNUSED,
		      struct error *err UNUSED)
{
	return 0;
}

int state_project_delete(struct state *s UNUSED, const char *name UNUSED, struct error *err UNUSED)
{
	return 0;
}

int state_projects_each(struct state *s UNUSED,
			int (*each)(void *arg, const char *name, const json_t *doc,
				    struct error *err) UNUSED,
			void *arg UNUSED, struct error *err UNUSED)
{
	return 0;
}

/* ---- asking */

struct asked {
	struct job *job;
	struct buf texts; /* "Container app-web-1 Started\n" */
	json_t *last;
	bool done, hang_up_on_start;
};

static void on_event(void *arg, json_t *event)
{
	struct asked *a = arg;
	const char *text = json_get_str(event, "text");

	assert_false(a->done);
	if (str_eq(json_get_str(event, "type"), "progress")) {
		buf_addf(&a->texts, "%s %s\n", json_get_str(event, "id"), text);
		if (a->hang_up_on_start && str_eq(text, "Started"))
			job_hangup(a->job);
	}
	if (str_eq(json_get_str(event, "type"), "warning"))
		buf_addf(&a->texts, "warning: %s\n", json_get_str(event, "message"));
	json_decref(a->last);
	a->last = json_incref(event);
}

static void on_done(void *arg)
{
	struct asked *a = arg;

	assert_false(a->done);
	a->done = true;
}

static void ask(struct asked *a, const char *verb, const char *body)
{
	struct job_sink sink = {on_event, on_done, a};
	struct error err = ERROR_INIT;
	auto_json json_t *request = NULL;

	buf_init(&a->texts, BUF_MAX_DEFAULT);
	if (json_load_text(body, strlen(body), &request, &err) < 0)
		fail_msg("%s", err.msg);
	if (job_start(&world, "app", verb, request, &sink, &a->job, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(a->texts.len, 0);
}

static void release(struct asked *a)
{
	buf_release(&a->texts);
	json_decref(a->last);
	*a = (struct asked){0};
}

/* Asks, waits for the end, and compares what happened. */
static void expect(const char *verb, const char *body, const char *want_message,
		   const char *want_happened)
{
	struct asked a = {0};

	buf_reset(&happened);
	ask(&a, verb, body);
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(a.done);
	assert_string_equal(json_get_str(a.last, "type"), want_message ? "error" : "end");
	if (want_message)
		assert_string_equal(json_get_str(a.last, "message"), want_message);
	assert_string_equal(happened.data ? happened.data : "", want_happened);
	release(&a);
}

static int setup(void **state UNUSED)
{
	static uv_loop_t loop;

	world = (struct daemon){.loop = &loop};
	uv_loop_init(&loop);
	world.containers = map_new(NULL);
	world.container_names = map_new(NULL);
	world.networks = map_new(free_network);
	world.projects = map_new(NULL);
	list_init(&world.container_watchers);
	buf_init(&happened, BUF_MAX_DEFAULT);
	refuse_create = NULL;
	pulled_name = NULL;
	pulled_image.pulled_ns = 0;
	return 0;
}

static int teardown(void **state UNUSED)
{
	struct map_iter it = {0};

	while (map_next(world.containers, &it))
		container_unref(it.value);
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(world.loop), 0);
	assert_true(list_empty(&world.container_watchers));
	projects_free(&world);
	map_free(world.containers);
	map_free(world.container_names);
	map_free(world.networks);
	buf_release(&happened);
	return 0;
}

/* ---- models */

#define NETWORKS "\"networks\":{\"default\":{\"name\":\"app_default\",\"ipam\":{}}}"
#define SERVICE(name, more)                                                                        \
	"\"" name "\":{\"image\":\"busybox\",\"networks\":{\"default\":null}" more "}"
#define MODEL(services) "{\"model\":{\"name\":\"app\",\"services\":{" services "}," NETWORKS "}"
#define NEEDS(service, condition)                                                                  \
	",\"depends_on\":{\"" service "\":{\"condition\":\"" condition "\",\"required\":true}}"
#define HEALTH(command) ",\"healthcheck\":{\"test\":[\"CMD-SHELL\",\"" command "\"]}"

static void up_and_down(void **state UNUSED)
{
	const char *model = MODEL(SERVICE("db", HEALTH("true")) "," SERVICE(
		"web", NEEDS("db", "service_healthy"))) "}";

	expect("up", model, NULL,
	       "network app_default\ncreate app-db-1\ncreate app-web-1\nstart app-db-1\n"
	       "healthy app-db-1\nstart app-web-1\n");
	expect("up", model, NULL, "");
	expect("down", "{}", NULL,
	       "stop app-web-1\nremove app-web-1\nstop app-db-1\nremove app-db-1\n"
	       "remove network app_default\n");
	assert_int_equal(map_len(world.containers), 0);
	assert_int_equal(map_len(world.projects), 0);
}

static void unhealthy(void **state UNUSED)
{
	expect("up",
	       MODEL(SERVICE("db", HEALTH("false")) "," SERVICE(
		       "web", NEEDS("db", "service_healthy"))) "}",
	       "dependency failed to start: container app-db-1 is unhealthy\n"
	       "probe `false` exited with 1\nlast output of app-db-1:\n  first\n  second",
	       "network app_default\ncreate app-db-1\ncreate app-web-1\nstart app-db-1\n"
	       "unhealthy app-db-1\n");
	assert_int_equal(map_len(world.containers), 2);
}

static void completed(void **state UNUSED)
{
	expect("up",
	       MODEL(SERVICE("job", ",\"command\":[\"exit\",\"0\"]") "," SERVICE(
		       "web", NEEDS("job", "service_completed_successfully"))) "}",
	       NULL,
	       "network app_default\ncreate app-job-1\ncreate app-web-1\nstart app-job-1\n"
	       "exited app-job-1\nstart app-web-1\n");
}

static void completed_badly(void **state UNUSED)
{
	expect("up",
	       MODEL(SERVICE("job", ",\"command\":[\"exit\",\"3\"]") "," SERVICE(
		       "web", NEEDS("job", "service_completed_successfully"))) "}",
	       "service \"job\" didn't complete successfully: exit 3\n"
	       "last output of app-job-1:\n  first\n  second",
	       "network app_default\ncreate app-job-1\ncreate app-web-1\nstart app-job-1\n"
	       "exited app-job-1\n");
}

static void recreated(void **state UNUSED)
{
	expect("up", MODEL(SERVICE("web", "")) "}", NULL,
	       "network app_default\ncreate app-web-1\nstart app-web-1\n");
	expect("up", MODEL(SERVICE("web", ",\"environment\":{\"A\":\"1\"}")) "}", NULL,
	       "create temporary\nstop app-web-1\nremove app-web-1\nrename app-web-1\n"
	       "start app-web-1\n");
	assert_int_equal(map_len(world.containers), 1);
}

/* Nothing is lost when the new one cannot be made. */
static void recreation_fails(void **state UNUSED)
{
	expect("up", MODEL(SERVICE("web", "")) "}", NULL,
	       "network app_default\ncreate app-web-1\nstart app-web-1\n");
	refuse_create = "_app-web-1";
	expect("up", MODEL(SERVICE("web", ",\"environment\":{\"A\":\"1\"}")) "}",
	       "service web: the disk is full", "");
	assert_true(map_has(world.container_names, "app-web-1"));
}

static void scaled(void **state UNUSED)
{
	const char *model = MODEL(SERVICE("web", "")) ",\"scale\":{\"web\":3}}";

	expect("scale", model, NULL,
	       "network app_default\ncreate app-web-1\ncreate app-web-2\ncreate app-web-3\n"
	       "start app-web-1\nstart app-web-2\nstart app-web-3\n");
	expect("scale", "{\"scale\":{\"web\":1}}", NULL,
	       "stop app-web-3\nstop app-web-2\nremove app-web-3\nremove app-web-2\n");
}

/* The record is lost: the labels of the containers know the order, and which networks are ours. */
static void by_labels(void **state UNUSED)
{
	const char *model =
		MODEL(SERVICE("db", "") "," SERVICE("web", NEEDS("db", "service_started"))) "}";
	struct project *p;

	expect("up", model, NULL,
	       "network app_default\ncreate app-db-1\ncreate app-web-1\nstart app-db-1\n"
	       "start app-web-1\n");
	p = project_get(&world, "app");
	assert_non_null(p->model);
	json_decref(p->model);
	p->model = NULL;
	expect("down", "{}", NULL,
	       "stop app-web-1\nremove app-web-1\nstop app-db-1\nremove app-db-1\n"
	       "remove network app_default\n");
}

static void missing_image(void **state UNUSED)
{
	expect("up",
	       "{\"model\":{\"services\":{\"web\":{\"image\":\"nginx\",\"networks\":{\"default\":null}}}," NETWORKS
	       "}}",
	       "service web: pull nginx: refused", "pull nginx for web\n");
}

static void bad_service(void **state UNUSED)
{
	expect("up", MODEL(SERVICE("web", ",\"stop_grace_period\":\"soon\"")) "}",
	       "service web: stop_grace_period: \"soon\" is not a duration", "");
}

static void planned(void **state UNUSED)
{
	struct asked a = {0};

	ask(&a, "plan", MODEL(SERVICE("web", "")) "}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_string_equal(
		json_get_str(a.last, "text"),
		"Network app_default  create  <- missing\n"
		"Container app-web-1  create  <- missing\nContainer app-web-1  start\n");
	assert_int_equal(map_len(world.containers), 0);
	assert_int_equal(map_len(world.projects), 0);
	release(&a);
}

/* The containers leave a network that is meant differently now, and come back. */
static void changed_network(void **state UNUSED)
{
	expect("up", MODEL(SERVICE("web", "")) "}", NULL,
	       "network app_default\ncreate app-web-1\nstart app-web-1\n");
	expect("up",
	       "{\"model\":{\"services\":{" SERVICE("web",
						    "") "},\"networks\":{\"default\":{\"name\":"
							"\"app_default\",\"internal\":true}}}}",
	       NULL,
	       "stop app-web-1\nremove app-web-1\nremove network app_default\n"
	       "network app_default\ncreate app-web-1\nstart app-web-1\n");
}

static void one_after_the_other(void **state UNUSED)
{
	struct asked first = {0}, second = {0};

	ask(&first, "up", MODEL(SERVICE("web", "")) "}");
	ask(&second, "up", MODEL(SERVICE("web", "") "," SERVICE("db", "")) "}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(first.done && second.done);
	assert_string_equal(happened.data,
			    "network app_default\ncreate app-web-1\nstart app-web-1\n"
			    "create app-db-1\nstart app-db-1\n");
	release(&first);
	release(&second);
}

static const char waits[] =
	MODEL(SERVICE("db", HEALTH("true")) "," SERVICE("web", NEEDS("db", "service_healthy"))) "}";

static void run_until_started(struct asked *a)
{
	while (!a->texts.data || !strstr(a->texts.data, "Container app-db-1 Waiting"))
		uv_run(world.loop, UV_RUN_ONCE);
}

static void down_ends_up(void **state UNUSED)
{
	struct asked running = {0}, queued = {0}, down = {0};

	ask(&running, "up", waits);
	ask(&queued, "up", waits);
	run_until_started(&running);
	ask(&down, "down", "{}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(running.done && queued.done && down.done);
	assert_string_equal(json_get_str(running.last, "message"),
			    "up of project app was ended by cmp down");
	assert_string_equal(json_get_str(queued.last, "message"),
			    "up of project app was ended by cmp down");
	assert_string_equal(json_get_str(down.last, "type"), "end");
	assert_null(strstr(happened.data, "start app-web-1"));
	assert_true(str_ends(happened.data, "remove network app_default\n"));
	release(&running);
	release(&queued);
	release(&down);
}

static void kill_does_not_wait(void **state UNUSED)
{
	struct asked up = {0}, kill = {0}, down = {0};

	ask(&up, "up", waits);
	run_until_started(&up);
	ask(&kill, "kill", "{}");
	while (!kill.done)
		uv_run(world.loop, UV_RUN_ONCE);
	assert_false(up.done);
	ask(&down, "down", "{}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(up.done && down.done);
	release(&up);
	release(&kill);
	release(&down);
}

static void hang_up(void **state UNUSED)
{
	struct asked a = {.hang_up_on_start = true};

	ask(&a, "up",
	    MODEL(SERVICE("db", HEALTH("true")) "," SERVICE("web",
							    NEEDS("db", "service_healthy"))) "}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(a.done);
	assert_null(strstr(happened.data, "start app-web-1"));
	assert_true(str_ends(a.texts.data, "Container app-db-1 Started\n"));
	release(&a);
}

static void one_off(void **state UNUSED)
{
	struct asked a = {0};
	struct container *c;

	ask(&a, "run",
	    MODEL(SERVICE("db", "") "," SERVICE(
		    "web",
		    NEEDS("db",
			  "service_started"))) ",\"service\":"
					       "\"web\",\"options\":{\"command\":[\"sh\"],\"name\":\"shell\",\"env\":[\"A=1\"],\"rm\":"
					       "true,\"volumes\":[\"/tmp:/t:ro\"],\"publish\":[\"127.0.0.1:80:8080\"]}}");
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_string_equal(json_get_str(a.last, "type"), "end");
	c = map_get(world.containers, json_get_str(a.last, "container"));
	if (!c) {
		fail_msg("no container");
		return;
	}
	assert_string_equal(c->name, "shell");
	assert_true(c->one_off && c->config.auto_remove);
	assert_string_equal(c->config.env[0], "A=1");
	assert_string_equal(c->config.mounts[0].source, "/tmp");
	assert_true(c->config.mounts[0].read_only);
	assert_string_equal(c->config.ports[0].host_ip, "127.0.0.1");
	assert_int_equal(c->config.ports[0].container_port, 8080);
	assert_string_equal(happened.data, "network app_default\ncreate app-db-1\nstart app-db-1\n"
					   "create shell\n");
	release(&a);
}

static void not_ready_in_time(void **state UNUSED)
{
	expect("up",
	       MODEL(SERVICE("db", HEALTH("true")) "," SERVICE(
		       "web",
		       HEALTH("true") ",\"command\":[\"exit\",\"1\"]")) ","
									"\"options\":{\"wait\":true,\"services\":[\"web\"],\"wait_timeout_s\":5}}",
	       "container app-web-1 exited (1)\nlast output of app-web-1:\n  first\n  second",
	       "network app_default\ncreate app-db-1\ncreate app-web-1\nstart app-db-1\n"
	       "start app-web-1\nhealthy app-db-1\nexited app-web-1\n");
}

/* ---- images from registries */

#define IMAGE(name, image, more) "\"" name "\":{\"image\":\"" image "\"" more "}"
#define POLICY(policy)		 ",\"pull_policy\":\"" policy "\""
#define OPTIONS(options)	 "},\"options\":{" options "}}"
#define IMAGES(services)	 "{\"model\":{\"name\":\"app\",\"services\":{" services "}"

static void pulls_what_is_missing(void **state UNUSED)
{
	const char *model = IMAGES(IMAGE("a", "remote", "") "," IMAGE("b", "remote", "") "," IMAGE(
		"c", "busybox", "")) "}}";

	expect("create", model, NULL,
	       "pull remote for a\ncreate app-a-1\ncreate app-b-1\ncreate app-c-1\n");
	expect("create", model, NULL, "");
	expect("create", IMAGES(IMAGE("a", "gone", "")) "}}", "service a: pull gone: refused",
	       "pull gone for a\n");
}

static void pulls_by_policy(void **state UNUSED)
{
	const char *daily = IMAGES(IMAGE("a", "remote", POLICY("daily"))) "}}";

	expect("create", IMAGES(IMAGE("a", "remote", POLICY("never"))) "}}",
	       "service a: image remote not found: its pull policy is \"never\"; pull it with "
	       "`cmp pull`, or import it",
	       "");
	expect("create", IMAGES(IMAGE("a", "busybox", POLICY("always"))) "}}",
	       "service a: pull busybox: refused", "pull busybox for a\n");
	expect("create", daily, NULL, "pull remote for a\ncreate app-a-1\n");
	pulled_image.pulled_ns = time_now_ns() - 23 * 3600 * NS_PER_SEC;
	expect("create", daily, NULL, "");
	pulled_image.pulled_ns = time_now_ns() - 25 * 3600 * NS_PER_SEC;
	expect("create", daily, NULL, "pull remote for a\n");
	expect("create", IMAGES(IMAGE("a", "remote", POLICY("every_12h"))) "}}", NULL,
	       "pull remote for a\n");
	expect("create", IMAGES(IMAGE("a", "remote", POLICY("every_2d"))) "}}", NULL, "");
	expect("create",
	       IMAGES(IMAGE("a", "remote", POLICY("never"))) OPTIONS("\"pull\":\"always\""), NULL,
	       "pull remote for a\n");
	expect("create", IMAGES(IMAGE("a", "remote", "")) OPTIONS("\"pull\":\"often\""),
	       "service a: unknown pull policy \"often\": use always, missing, never, build, daily, "
	       "weekly or every_DURATION",
	       "");
}

static void pull_verb(void **state UNUSED)
{
	const char *three = IMAGES(IMAGE("a", "remote", ",\"platform\":\"linux/arm64\"") "," IMAGE(
		"b", "gone", "") "," IMAGE("c", "busybox", POLICY("never")));
	auto_free char *lenient = xasprintf("%s" OPTIONS("\"ignore_pull_failures\":true"), three);
	auto_free char *strict = xasprintf("%s}}", three);

	expect("pull", strict, "service b: pull gone: refused",
	       "pull remote for a on linux/arm64\npull gone for b\n");
	expect("pull", lenient, NULL, "pull remote for a on linux/arm64\npull gone for b\n");
	expect("pull",
	       IMAGES(IMAGE("a", "h:1/gone",
			    ",\"build\":{\"context\":\".\"}")) "},"
							       "\"auths\":{\"h:1\":{}}}",
	       NULL, "pull h:1/gone for a with credentials\n");
}

static void pull_hang_up(void **state UNUSED)
{
	struct asked a = {0};

	ask(&a, "up", IMAGES(IMAGE("a", "remote", "")) "}}");
	uv_run(world.loop, UV_RUN_NOWAIT);
	job_hangup(a.job);
	uv_run(world.loop, UV_RUN_DEFAULT);
	assert_true(a.done);
	assert_string_equal(happened.data, "pull remote for a\ncancel pull remote\n");
	release(&a);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(up_and_down),
		CASE(unhealthy),
		CASE(completed),
		CASE(completed_badly),
		CASE(recreated),
		CASE(recreation_fails),
		CASE(scaled),
		CASE(by_labels),
		CASE(missing_image),
		CASE(bad_service),
		CASE(planned),
		CASE(changed_network),
		CASE(one_after_the_other),
		CASE(down_ends_up),
		CASE(kill_does_not_wait),
		CASE(hang_up),
		CASE(one_off),
		CASE(not_ready_in_time),
		CASE(pulls_what_is_missing),
		CASE(pulls_by_policy),
		CASE(pull_verb),
		CASE(pull_hang_up),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
