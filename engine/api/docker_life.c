/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of containers as Docker's clients ask for it. */
#include <errno.h>
#include <stdio.h>

#include "base/reference.h"
#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/api/routes.h"
#include "engine/exec.h"
#include "engine/launch.h"

/* ---- an answer that comes later */

struct later {
	struct api_request *request; /* NULL: the client is gone */
	struct container *container; /* referenced */
	void (*failed)(struct later *l, const struct error *err);
	bool starts; /* one that is to remove itself goes when it cannot be started, too */
};

static void on_hangup(void *arg)
{
	((struct later *)arg)->request = NULL;
}

static struct later *later_new(struct api_request *r, struct container *c,
			       void (*failed)(struct later *l, const struct error *err))
{
	struct later *l = xcalloc(1, sizeof(*l));

	l->request = r;
	l->container = container_ref(c);
	l->failed = failed;
	r->arg = l;
	r->on_hangup = on_hangup;
	return l;
}

static void on_done(void *arg, const struct error *err)
{
	struct later *l = arg;

	if (err && l->starts && l->container->config.auto_remove)
		container_remove(l->container, true, true, NULL, NULL);
	if (l->request) {
		l->request->on_hangup = NULL;
		if (!err)
			api_reply_empty(l->request, 204);
		else if (l->failed)
			l->failed(l, err);
		else
			api_reply_error(l->request, err);
	}
	container_unref(l->container);
	free(l);
}

static bool is_up(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_STOPPING ||
	       c->state == CONTAINER_PAUSED;
}

static bool need_running(struct api_request *r, const struct container *c)
{
	if (is_up(c))
		return true;
	docker_fail(r, 409, "container %s is not running", c->id);
	return false;
}

/* ---- start */

#define OCI_FAILED                                                                                 \
	"failed to create task for container: failed to create shim task: OCI runtime create "     \
	"failed: runc create failed: unable to start container process: error during container "   \
	"init: "

/* Clients tell by these words whether a command was not there or could not be executed. */
static bool exec_failed(struct later *l, const struct error *err)
{
	AUTO(strv_free) char **argv = launch_argv(l->container);
	const char *program = strv_len(argv) ? argv[0] : "";
	auto_free char *sentence = xasprintf("exec %s: ", program);

	if (!strstr(err->msg, sentence))
		return false;
	if (err->code == ENOENT && strchr(program, '/'))
		docker_fail(l->request, 400,
			    OCI_FAILED "exec: \"%s\": stat %s: no such file or "
				       "directory",
			    program, program);
	else if (err->code == ENOENT)
		docker_fail(l->request, 400,
			    OCI_FAILED "exec: \"%s\": executable file not found in $PATH", program);
	else if (err->code == EACCES)
		docker_fail(l->request, 400, OCI_FAILED "exec: \"%s\": permission denied", program);
	else
		docker_fail(l->request, 400, OCI_FAILED "exec: \"%s\": %s", program, err->msg);
	return true;
}

static void start_failed(struct later *l, const struct error *err)
{
	const struct container *c = l->container;
	const char *user = strstr(err->msg, "no user ");

	if (exec_failed(l, err))
		return;
	if (user)
		docker_fail(l->request, 500,
			    "unable to find user %s: no matching entries in passwd file",
			    c->config.user ? c->config.user : "");
	else if (err->code == EADDRINUSE)
		docker_fail(l->request, 500,
			    "failed to set up container networking: driver failed programming "
			    "external connectivity on endpoint %s: Bind failed: port is already "
			    "allocated: %s",
			    c->name, err->msg);
	else
		docker_fail(l->request, err->code == EINVAL ? 400 : 500, "%s", err->msg);
}

static void start(struct api_request *r, struct container *c)
{
	struct later *l = later_new(r, c, start_failed);

	l->starts = true;
	container_start(c, on_done, l);
}

static void post_start(struct api_request *r)
{
	struct container *c = docker_container(r);

	if (!c)
		return;
	if (c->state == CONTAINER_PAUSED)
		docker_fail(r, 409, "cannot start a paused container, try unpause instead");
	else if (c->state == CONTAINER_RUNNING)
		api_reply_empty(r, 304);
	else
		start(r, c);
}

/* ---- stop, restart, kill, pause */

/* -1: the container's own time; a negative t means for ever. */
static bool stop_time(struct api_request *r, int64_t *ret_ns)
{
	const char *text = api_query(r, "t");
	int64_t seconds;

	*ret_ns = -1;
	if (str_empty(text))
		return true;
	if (parse_i64(text, &seconds) < 0 || seconds > INT64_MAX / NS_PER_SEC) {
		docker_fail(r, 400, "strconv.Atoi: parsing \"%s\": invalid syntax", text);
		return false;
	}
	*ret_ns = seconds < 0 ? INT64_MAX / 4 : seconds * NS_PER_SEC;
	return true;
}

static bool check_signal(struct api_request *r, const char *name, int *ret)
{
	struct error ignored = ERROR_INIT;

	if (runtime_signal(name, ret, &ignored) == 0 && *ret > 0)
		return true;
	docker_fail(r, 400, "cannot kill container: %s: invalid signal: %s", r->params[0], name);
	return false;
}

static void post_stop(struct api_request *r)
{
	struct container *c = docker_container(r);
	const char *signal = api_query(r, "signal");
	int64_t ns;
	int signo;

	if (!c || !stop_time(r, &ns) || (!str_empty(signal) && !check_signal(r, signal, &signo)))
		return;
	if (!is_up(c) && c->state != CONTAINER_STARTING && c->state != CONTAINER_RESTARTING)
		api_reply_empty(r, 304);
	else
		container_stop(c, str_empty(signal) ? NULL : signal, ns, on_done,
			       later_new(r, c, NULL));
}

static void post_restart(struct api_request *r)
{
	struct container *c = docker_container(r);
	int64_t ns;

	if (c && stop_time(r, &ns))
		container_restart(c, ns, on_done, later_new(r, c, start_failed));
}

static void reply(struct api_request *r, int rc, const struct error *err)
{
	if (rc < 0)
		api_reply_error(r, err);
	else
		api_reply_empty(r, 204);
}

static void post_kill(struct api_request *r)
{
	struct container *c = docker_container(r);
	const char *name = api_query(r, "signal");
	struct error err = ERROR_INIT;
	int signo = SIGKILL;

	if (!c || (!str_empty(name) && !check_signal(r, name, &signo)))
		return;
	if (!is_up(c))
		docker_fail(r, 409, "cannot kill container: %s: container %s is not running",
			    r->params[0], c->id);
	else
		reply(r, container_kill(c, signo, &err), &err);
}

static void post_pause(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct error err = ERROR_INIT;

	if (!c || !need_running(r, c))
		return;
	if (c->state == CONTAINER_PAUSED)
		docker_fail(r, 409, "Container %s is already paused", c->id);
	else
		reply(r, container_pause(c, true, &err), &err);
}

static void post_unpause(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct error err = ERROR_INIT;

	if (!c)
		return;
	if (c->state != CONTAINER_PAUSED)
		docker_fail(r, 500, "Container %s is not paused", c->id);
	else
		reply(r, container_pause(c, false, &err), &err);
}

/* ---- names */

static bool valid_name(const char *name)
{
	return str_valid_name(name) && strlen(name) > 1;
}

static bool check_name(struct api_request *r, const char *name)
{
	const struct container *other = map_get(r->daemon->container_names, name);

	if (!valid_name(name))
		docker_fail(
			r, 400,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	else if (other)
		docker_fail(r, 409,
			    "Conflict. The container name \"/%s\" is already in use by container "
			    "\"%s\". You have to remove (or rename) that container to be able to "
			    "reuse that name.",
			    name, other->id);
	else
		return true;
	return false;
}

static const char *asked_name(const struct api_request *r)
{
	const char *name = api_query(r, "name");

	return name && name[0] == '/' ? name + 1 : name;
}

static void post_rename(struct api_request *r)
{
	struct container *c = docker_container(r);
	const char *name = asked_name(r);
	struct error err = ERROR_INIT;

	if (!c)
		return;
	if (str_empty(name))
		docker_fail(r, 400, "Neither old nor new names may be empty");
	else if (!strcmp(name, c->name))
		docker_fail(r, 400, "Renaming a container with the same name as its current name");
	else if (check_name(r, name))
		reply(r, container_rename(c, name, &err), &err);
}

/* ---- removing */

static void delete_container(struct api_request *r)
{
	struct container *c = docker_container(r);
	bool force = docker_flag(r, "force");

	if (!c)
		return;
	if (docker_flag(r, "link"))
		docker_fail(r, 500,
			    "Conflict, cannot remove the default link name of the container");
	else if (c->state == CONTAINER_PAUSED && !force)
		docker_fail(r, 409,
			    "cannot remove container \"%s\": container is paused and must be "
			    "unpaused first",
			    r->params[0]);
	else if ((is_up(c) || c->state == CONTAINER_STARTING) && !force)
		docker_fail(r, 409,
			    "cannot remove container \"%s\": container is running: stop the "
			    "container before removing or force remove",
			    r->params[0]);
	else
		container_remove(c, force, docker_flag(r, "v"), on_done, later_new(r, c, NULL));
}

static bool prunable(const struct container *c, const struct docker_filters *f, int64_t until_ns)
{
	return (c->state == CONTAINER_CREATED || c->state == CONTAINER_EXITED ||
		c->state == CONTAINER_DEAD) &&
	       (!until_ns || c->created_ns < until_ns) && docker_filter_labels(f, c->config.labels);
}

static void post_prune(struct api_request *r)
{
	static const char *const known[] = {"until", "label", "label!", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	AUTO(strv_free) char **ids = NULL;
	auto_buf struct buf b = BUF_INIT;
	struct map_iter it = {0};
	int64_t until_ns;
	size_t i;

	if (!docker_filters_read(r, known, &filters) || !docker_filter_until(r, filters, &until_ns))
		return;
	while (map_next(r->daemon->containers, &it))
		if (prunable(it.value, filters, until_ns))
			strv_push(&ids, xstrdup(it.key));
	for (i = 0; i < strv_len(ids); i++)
		container_remove(map_get(r->daemon->containers, ids[i]), false, false, NULL, NULL);
	buf_adds(&b, "{\"ContainersDeleted\":");
	docker_put_strv(&b, ids, "null");
	buf_adds(&b, ",\"SpaceReclaimed\":0}");
	docker_reply(r, 200, &b);
}

/* ---- wait */

enum condition { NOT_RUNNING, NEXT_EXIT, REMOVED };

struct waiting {
	struct container_watch watch;
	struct container *container; /* referenced */
	struct api_request *request;
	enum condition condition;
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
	auto_free char *text = xasprintf("{\"StatusCode\":%d}\n", w->container->exit_code);

	r->on_hangup = NULL;
	api_stream_write(r, text, strlen(text));
	api_stream_end(r);
	waiting_free(w);
}

static void on_wait_change(struct container_watch *watch, struct container *c,
			   enum container_change what)
{
	struct waiting *w = container_of(watch, struct waiting, watch);
	bool exit;

	if (c != w->container || what == CONTAINER_CHANGED_HEALTH)
		return;
	exit = has_ended(c) || (w->condition == NEXT_EXIT && c->state == CONTAINER_RESTARTING);
	if (what == CONTAINER_CHANGED_REMOVED || (w->condition != REMOVED && exit))
		answer_wait(w);
}

static bool read_condition(struct api_request *r, enum condition *ret)
{
	static const char *const names[] = {
		[NOT_RUNNING] = "not-running",
		[NEXT_EXIT] = "next-exit",
		[REMOVED] = "removed",
	};
	const char *name = api_query(r, "condition");
	size_t i;

	*ret = NOT_RUNNING;
	if (str_empty(name))
		return true;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]))
			continue;
		*ret = (enum condition)i;
		return true;
	}
	docker_fail(r, 400, "invalid condition: \"%s\"", name);
	return false;
}

/* The head of the answer goes out at once: clients wait for it before they start the container. */
static void post_wait(struct api_request *r)
{
	struct container *c = docker_container(r);
	enum condition condition;
	struct waiting *w;

	if (!c || !read_condition(r, &condition))
		return;
	w = xcalloc(1, sizeof(*w));
	w->container = container_ref(c);
	w->request = r;
	w->condition = condition;
	w->watch.changed = on_wait_change;
	container_watch_add(r->daemon, &w->watch);
	r->arg = w;
	r->on_hangup = on_wait_hangup;
	api_stream_start(r, "application/json");
	if (condition == NOT_RUNNING && has_ended(c))
		answer_wait(w);
}

/* ---- create */

static bool check_platform(struct api_request *r, const struct image *im)
{
	const char *platform = api_query(r, "platform"), *arch;
	AUTO(strv_free) char **parts = NULL;

	if (str_empty(platform))
		return true;
	parts = strv_split(platform, "/");
	arch = json_get_str(im->document, "architecture");
	if (strv_len(parts) < 2 || !arch || !strcmp(parts[1], arch))
		return true;
	docker_fail(r, 404,
		    "image with reference %s was found but does not provide the specified "
		    "platform (%s)",
		    im->id, platform);
	return false;
}

static struct image *need_image(struct api_request *r, const char *name)
{
	auto_reference struct image_reference ref = {0};
	struct error err = ERROR_INIT;
	auto_free char *full = NULL;
	struct image *im;

	if (image_resolve(r->daemon->images, name, &im, &err) == 0)
		return im;
	if (err.code != ENOENT) {
		docker_fail(r, 400, "invalid reference format: %s", err.msg);
		return NULL;
	}
	if (image_reference_parse(name, &ref, &err) == 0)
		full = image_reference_familiar(&ref);
	docker_fail(r, 404, "No such image: %s", full ? full : name);
	return NULL;
}

/* `docker run -P`: every exposed port on a free one of the host. */
static void publish_all(struct container_config *o, const struct image *im)
{
	AUTO(strv_free) char **ports = strv_dup(o->expose);
	const char *key;
	json_t *value;
	size_t i, k;

	json_object_foreach (json_get_obj(im->config, "ExposedPorts"), key, value)
		if (!strv_has(ports, key))
			strv_push(&ports, xstrdup(key));
	for (i = 0; i < strv_len(ports); i++) {
		size_t len = strcspn(ports[i], "/");
		auto_free char *number = xstrndup(ports[i], len);
		const char *protocol = ports[i][len] ? ports[i] + len + 1 : "tcp";
		uint16_t port;

		if (parse_u16(number, &port) < 0)
			continue;
		for (k = 0; k < o->port_count; k++)
			if (o->ports[k].container_port == port &&
			    str_eq(o->ports[k].protocol, protocol))
				break;
		if (k < o->port_count)
			continue;
		o->ports = xreallocarray(o->ports, o->port_count + 1, sizeof(*o->ports));
		o->ports[o->port_count++] =
			(struct config_port){.container_port = port, .protocol = xstrdup(protocol)};
	}
}

static bool has_command(const struct container_config *o, const struct image *im)
{
	if (strv_len(o->entrypoint) || strv_len(o->command))
		return true;
	if (!o->entrypoint_set && json_array_size(json_get_arr(im->config, "Entrypoint")))
		return true;
	return !o->entrypoint_set && json_array_size(json_get_arr(im->config, "Cmd"));
}

static void made(struct api_request *r, const struct docker_input *in, const struct container *c)
{
	auto_buf struct buf b = BUF_INIT;

	buf_addf(&b, "{\"Id\":\"%s\",\"Warnings\":", c->id);
	docker_put_strv(&b, in->warnings, "[]");
	buf_addc(&b, '}');
	docker_reply(r, 201, &b);
}

/* 404 says that the image is not there, and clients go and pull it. */
static void create_failed(struct api_request *r, const struct error *err)
{
	struct error e = *err;
	const char *network = strstr(e.msg, "no such network: ");

	if (e.code == ENOENT)
		e.code = EINVAL;
	if (network)
		docker_fail(r, 400, "failed to set up container networking: network %s not found",
			    network + strlen("no such network: "));
	else
		api_reply_error(r, &e);
}

static void make(struct api_request *r, struct docker_input *in, const char *name)
{
	AUTO(image_unref) struct image *im = NULL;
	struct container_create_args args = {.name = str_empty(name) ? NULL : name,
					     .config = in->config};
	struct container *c;

	if (str_empty(in->config->image)) {
		docker_fail(r, 400, "no image specified");
		return;
	}
	im = need_image(r, in->config->image);
	if (!im || !check_platform(r, im))
		return;
	if (!has_command(in->config, im)) {
		docker_fail(r, 400, "no command specified");
		return;
	}
	if (json_get_bool(json_get_obj(r->body, "HostConfig"), "PublishAllPorts"))
		publish_all(in->config, im);
	if (container_create(r->daemon, &args, &c, in->err) < 0)
		create_failed(r, in->err);
	else
		made(r, in, c);
}

void docker_create(struct api_request *r)
{
	const char *name = asked_name(r);
	struct container_config config = {0};
	struct error err = ERROR_INIT;
	struct docker_input in = {
		.daemon = r->daemon, .config = &config, .err = &err, .key = "body"};

	if (!r->body || (json_is_object(r->body) && !json_object_size(r->body))) {
		docker_fail(r, 400, "config cannot be empty in order to create a container");
		return;
	}
	if (!str_empty(name) && !check_name(r, name))
		return;
	if (docker_config_read(&in, r->body) < 0)
		create_failed(r, &err);
	else
		make(r, &in, name);
	strv_free(in.warnings);
	container_config_release(&config);
}

/* ---- update */

static void post_update(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct container_config config = {0};
	struct error err = ERROR_INIT;
	struct docker_input in = {
		.daemon = r->daemon, .config = &config, .err = &err, .key = "body"};
	auto_buf struct buf b = BUF_INIT;

	if (!c)
		return;
	if (docker_update_read(&in, r->body) < 0)
		api_reply_error(r, &err);
	else if (config.restart.policy && strcmp(config.restart.policy, "no") &&
		 c->config.auto_remove)
		docker_fail(r, 409,
			    "Restart policy cannot be updated because AutoRemove is enabled for "
			    "the container");
	else if (container_update(c, &config.resources, &config.restart, &err) < 0)
		api_reply_error(r, &err);
	else {
		buf_adds(&b, "{\"Warnings\":");
		docker_put_strv(&b, in.warnings, "null");
		buf_addc(&b, '}');
		docker_reply(r, 200, &b);
	}
	strv_free(in.warnings);
	container_config_release(&config);
}

/* ---- looking */

static void get_container(struct api_request *r)
{
	struct container *c = docker_container(r);
	auto_buf struct buf b = BUF_INIT;

	if (!c)
		return;
	docker_put_container(&b, c);
	docker_reply(r, 200, &b);
}

static void get_top(struct api_request *r)
{
	struct container *c = docker_container(r);
	auto_buf struct buf b = BUF_INIT;
	struct error err = ERROR_INIT;
	auto_json json_t *o = NULL;

	if (!c || !need_running(r, c))
		return;
	if (container_top(c, api_query(r, "ps_args"), &o, &err) < 0) {
		api_reply_error(r, &err);
		return;
	}
	buf_adds(&b, "{\"Processes\":");
	docker_put_value(&b, json_get_arr(o, "processes"));
	buf_adds(&b, ",\"Titles\":");
	docker_put_value(&b, json_get_arr(o, "titles"));
	buf_addc(&b, '}');
	docker_reply(r, 200, &b);
}

static void post_resize(struct api_request *r)
{
	struct container *c = docker_container(r);
	uint16_t rows, columns;

	if (!c || !docker_size(r, &rows, &columns) || !need_running(r, c))
		return;
	container_resize(c, rows, columns);
	api_reply_empty(r, 200);
}

#define CONTAINER "/containers/{}"

const struct docker_route docker_container_routes[] = {
	DOCKER_ROUTE_PARTLY("GET", "/containers/json", docker_list_containers,
			    "sizes are not computed; ancestor matches the image itself only"),
	DOCKER_ROUTE_PARTLY("GET", CONTAINER "/json", get_container, "sizes are not computed"),
	DOCKER_ROUTE_PARTLY("POST", "/containers/create", docker_create,
			    "what is not supported is refused, or answered with a warning"),
	DOCKER_ROUTE_PARTLY("POST", "/containers/prune", post_prune, "the space is not computed"),
	DOCKER_ROUTE("POST", CONTAINER "/start", post_start),
	DOCKER_ROUTE("POST", CONTAINER "/stop", post_stop),
	DOCKER_ROUTE("POST", CONTAINER "/restart", post_restart),
	DOCKER_ROUTE("POST", CONTAINER "/kill", post_kill),
	DOCKER_ROUTE("POST", CONTAINER "/pause", post_pause),
	DOCKER_ROUTE("POST", CONTAINER "/unpause", post_unpause),
	DOCKER_ROUTE("POST", CONTAINER "/wait", post_wait),
	DOCKER_ROUTE("POST", CONTAINER "/rename", post_rename),
	DOCKER_ROUTE_PARTLY(
		"POST", CONTAINER "/update", post_update,
		"cgroup v1: limits of processors only where there was one at the start"),
	DOCKER_ROUTE("POST", CONTAINER "/attach", docker_attach),
	DOCKER_ROUTE("POST", CONTAINER "/resize", post_resize),
	DOCKER_ROUTE("GET", CONTAINER "/logs", docker_logs),
	DOCKER_ROUTE_PARTLY("GET", CONTAINER "/top", get_top,
			    "ps_args: -ef, aux, -o with the usual columns"),
	DOCKER_ROUTE_PARTLY("GET", CONTAINER "/stats", docker_stats, "no figures of block devices"),
	DOCKER_ROUTE("DELETE", CONTAINER, delete_container),
	DOCKER_ROUTE_END,
};
