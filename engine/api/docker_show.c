/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers as Docker's clients see them: inspect, and the list with its filters. */
#include <errno.h>
#include <regex.h>
#include <stdio.h>

#include "base/reference.h"
#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/health.h"
#include "engine/launch.h"

#define PATTERN_MAX 512

/* ---- what both show */

const char *docker_status(const struct container *c)
{
	/* What could not be started has never been anything else. */
	if (c->state == CONTAINER_STARTING || (c->state == CONTAINER_EXITED && !c->started_ns))
		return container_state_name(CONTAINER_CREATED);
	return container_state_name(c->state);
}

static bool is_running(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
	       c->state == CONTAINER_RESTARTING || c->state == CONTAINER_STOPPING;
}

/* The name it was made with, or the id of the image once that name means another one. */
static void put_image_name(struct buf *b, const struct container *c)
{
	auto_reference struct image_reference ref = {0};
	auto_free char *familiar = NULL;
	struct error ignored = ERROR_INIT;
	const char *name = c->config.image;

	if (!c->image || strv_has(c->image->tags, name) || image_reference_is_id(name)) {
		docker_put_str(b, name);
		return;
	}
	if (image_reference_parse(name, &ref, &ignored) == 0)
		familiar = image_reference_familiar(&ref);
	docker_put_str(b, (familiar && strv_has(c->image->tags, familiar)) || ref.digest
				  ? name
				  : c->image_id);
}

/* ---- inspect */

#define C(key, kind, member, empty)                                                                \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct container, member), empty, NULL, NULL          \
	}
#define PUT(key, put)                                                                              \
	{                                                                                          \
		key, DOCKER_PUT, 0, NULL, put, NULL                                                \
	}
#define CONST(key, text)                                                                           \
	{                                                                                          \
		key, DOCKER_CONST, 0, text, NULL, NULL                                             \
	}

static void put_health(struct buf *b, const void *container)
{
	auto_json json_t *health = health_inspect(container);
	json_t *entry;
	size_t i;

	if (!health)
		return;
	buf_adds(b, "{\"Status\":");
	docker_put_str(b, json_get_str(health, "status"));
	buf_addf(b, ",\"FailingStreak\":%lld,\"Log\":[",
		 (long long)json_get_int(health, "failing_streak", 0));
	json_array_foreach (json_get_arr(health, "log"), i, entry) {
		docker_put_comma(b);
		buf_adds(b, "{\"Start\":");
		docker_put_time(b, json_get_int(entry, "start_ns", 0));
		buf_adds(b, ",\"End\":");
		docker_put_time(b, json_get_int(entry, "end_ns", 0));
		buf_addf(b, ",\"ExitCode\":%lld,\"Output\":",
			 (long long)json_get_int(entry, "exit_code", 0));
		docker_put_str(b, json_get_str(entry, "output"));
		buf_addc(b, '}');
	}
	buf_adds(b, "]}");
}

static void put_status(struct buf *b, const void *container)
{
	docker_put_str(b, docker_status(container));
}

static void put_running(struct buf *b, const void *container)
{
	docker_put_bool(b, is_running(container));
}

static void put_paused(struct buf *b, const void *container)
{
	docker_put_bool(b, ((const struct container *)container)->state == CONTAINER_PAUSED);
}

static void put_restarting(struct buf *b, const void *container)
{
	docker_put_bool(b, ((const struct container *)container)->state == CONTAINER_RESTARTING);
}

static void put_dead(struct buf *b, const void *container)
{
	docker_put_bool(b, ((const struct container *)container)->state == CONTAINER_DEAD);
}

static void put_pid(struct buf *b, const void *container)
{
	docker_put_int(b, ((const struct container *)container)->pid);
}

static void put_exit_code(struct buf *b, const void *container)
{
	const struct container *c = container;

	docker_put_int(b, c->pid ? 0 : c->exit_code);
}

static const struct docker_field state_fields[] = {
	PUT("Status", put_status),
	PUT("Running", put_running),
	PUT("Paused", put_paused),
	PUT("Restarting", put_restarting),
	C("OOMKilled", BOOL, oom_killed, "false"),
	PUT("Dead", put_dead),
	PUT("Pid", put_pid),
	PUT("ExitCode", put_exit_code),
	C("Error", STR, error, "\"\""),
	C("StartedAt", TIME, started_ns, NULL),
	C("FinishedAt", TIME, finished_ns, NULL),
	PUT("Health", put_health),
	{0},
};

static void put_state(struct buf *b, const void *container)
{
	docker_put(b, state_fields, container);
}

static void put_id(struct buf *b, const void *container)
{
	docker_put_str(b, ((const struct container *)container)->id);
}

static void put_path(struct buf *b, const void *container)
{
	AUTO(strv_free) char **argv = launch_argv(container);

	docker_put_str(b, strv_len(argv) ? argv[0] : "");
}

static void put_args(struct buf *b, const void *container)
{
	AUTO(strv_free) char **argv = launch_argv(container);

	docker_put_strv(b, strv_len(argv) ? argv + 1 : NULL, "[]");
}

static void put_name(struct buf *b, const void *container)
{
	auto_free char *name = xasprintf("/%s", ((const struct container *)container)->name);

	docker_put_str(b, name);
}

static void put_etc_file(struct buf *b, const struct container *c, const char *name)
{
	auto_free char *path = launch_etc_path(c, name);

	docker_put_str(b, c->started_ns ? path : "");
}

static void put_resolv(struct buf *b, const void *container)
{
	put_etc_file(b, container, "resolv.conf");
}

static void put_hostname_path(struct buf *b, const void *container)
{
	put_etc_file(b, container, "hostname");
}

static void put_hosts(struct buf *b, const void *container)
{
	put_etc_file(b, container, "hosts");
}

static void put_log_path(struct buf *b, const void *container)
{
	const struct container *c = container;
	auto_free char *path = xasprintf("%s/log", c->dir);

	docker_put_str(b, str_eq(c->config.log_driver, "none") ? "" : path);
}

static void put_host_config(struct buf *b, const void *container)
{
	docker_put_host_config(b, container);
}

static void put_config(struct buf *b, const void *container)
{
	docker_put_config(b, container);
}

static void put_graph(struct buf *b, const void *container)
{
	const struct container *c = container;
	size_t i = c->image ? strv_len(c->image->layers) : 0;
	auto_buf struct buf lower = BUF_INIT;

	while (i--)
		buf_addf(&lower, "%s%s", lower.len ? ":" : "", c->image->layers[i]);
	buf_adds(b, "{\"Data\":{\"ID\":");
	docker_put_str(b, c->id);
	buf_adds(b, ",\"LowerDir\":");
	docker_put_str(b, lower.data);
	buf_addf(b, ",\"UpperDir\":\"%s/upper\",\"WorkDir\":\"%s/work\"},\"Name\":\"overlay2\"}",
		 c->dir, c->dir);
}

static void put_exec_ids(struct buf *b, const void *container)
{
	docker_put_exec_ids(b, container);
}

static const struct docker_field inspect_fields[] = {
	PUT("Id", put_id),
	C("Created", TIME, created_ns, NULL),
	PUT("Path", put_path),
	PUT("Args", put_args),
	PUT("State", put_state),
	C("Image", STR, image_id, "\"\""),
	PUT("ResolvConfPath", put_resolv),
	PUT("HostnamePath", put_hostname_path),
	PUT("HostsPath", put_hosts),
	PUT("LogPath", put_log_path),
	PUT("Name", put_name),
	C("RestartCount", INT, restart_count, "0"),
	CONST("Driver", "\"overlay2\""),
	CONST("Platform", "\"linux\""),
	CONST("MountLabel", "\"\""),
	CONST("ProcessLabel", "\"\""),
	CONST("AppArmorProfile", "\"\""),
	PUT("ExecIDs", put_exec_ids),
	PUT("HostConfig", put_host_config),
	PUT("GraphDriver", put_graph),
	PUT("Mounts", docker_put_mount_points),
	PUT("Config", put_config),
	PUT("NetworkSettings", docker_put_network_settings),
	{0},
};

void docker_put_container(struct buf *b, const struct container *c)
{
	docker_put(b, inspect_fields, c);
}

/* ---- the list */

static void put_names(struct buf *b, const void *container)
{
	buf_addc(b, '[');
	put_name(b, container);
	buf_addc(b, ']');
}

static void put_image(struct buf *b, const void *container)
{
	put_image_name(b, container);
}

static void put_command(struct buf *b, const void *container)
{
	AUTO(strv_free) char **argv = launch_argv(container);
	auto_buf struct buf text = BUF_INIT;
	size_t i;

	for (i = 0; i < strv_len(argv); i++) {
		bool quote = i && strchr(argv[i], ' ');

		buf_addf(&text, "%s%s%s%s", i ? " " : "", quote ? "'" : "", argv[i],
			 quote ? "'" : "");
	}
	docker_put_str(b, text.data);
}

static void put_created(struct buf *b, const void *container)
{
	docker_put_int(b, ((const struct container *)container)->created_ns / NS_PER_SEC);
}

static void put_summary_ports(struct buf *b, const void *container)
{
	docker_put_ports(b, container);
}

static void put_status_text(struct buf *b, const void *container)
{
	const struct container *c = container;
	auto_free char *text = container_status_text(c);

	docker_put_str(b, str_eq(docker_status(c), "created") ? "Created" : text);
}

static void put_summary_host(struct buf *b, const void *container)
{
	buf_adds(b, "{\"NetworkMode\":");
	docker_put_str(b, docker_network_mode(container));
	buf_addc(b, '}');
}

static void put_summary_networks(struct buf *b, const void *container)
{
	buf_adds(b, "{\"Networks\":");
	docker_put_networks(b, container);
	buf_addc(b, '}');
}

static const struct docker_field summary_fields[] = {
	PUT("Id", put_id),
	PUT("Names", put_names),
	PUT("Image", put_image),
	C("ImageID", STR, image_id, "\"\""),
	PUT("Command", put_command),
	PUT("Created", put_created),
	PUT("Ports", put_summary_ports),
	C("Labels", VALUE, config.labels, "{}"),
	PUT("State", put_status),
	PUT("Status", put_status_text),
	PUT("HostConfig", put_summary_host),
	PUT("NetworkSettings", put_summary_networks),
	PUT("Mounts", docker_put_mount_points),
	{0},
};

void docker_put_summary(struct buf *b, const struct container *c)
{
	docker_put(b, summary_fields, c);
}

/* ---- its filters */

struct listing {
	struct docker_filters *filters;
	bool all;
	int64_t before_ns, since_ns;
};

/* Repetitions by number and references back would take for ever: such a pattern is a plain word. */
static bool is_costly(const char *pattern)
{
	return strlen(pattern) > PATTERN_MAX || strpbrk(pattern, "{\\");
}

static bool matches_pattern(const char *pattern, const char *text)
{
	regex_t re;
	bool found;

	if (is_costly(pattern) || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return strstr(text, pattern) != NULL;
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static bool is_named(const struct listing *l, const struct container *c)
{
	auto_free char *slashed = xasprintf("/%s", c->name);
	char *const *v = docker_filter(l->filters, "name");

	if (!v)
		return true;
	for (; *v; v++)
		if (matches_pattern(*v, c->name) || matches_pattern(*v, slashed))
			return true;
	return false;
}

static bool has_id(const struct listing *l, const struct container *c)
{
	char *const *v = docker_filter(l->filters, "id");

	if (!v)
		return true;
	for (; *v; v++)
		if (str_starts(c->id, *v))
			return true;
	return false;
}

static bool has_exit_code(const struct listing *l, const struct container *c)
{
	auto_free char *code = xasprintf("%d", c->exit_code);

	return !docker_filter(l->filters, "exited") ||
	       (str_eq(docker_status(c), "exited") && docker_filter_is(l->filters, "exited", code));
}

/* The image itself, or one that it was made on: not known here, so only itself. */
static bool has_ancestor(const struct listing *l, const struct container *c)
{
	char *const *v = docker_filter(l->filters, "ancestor");

	if (!v)
		return true;
	for (; *v; v++) {
		AUTO(image_unref) struct image *im = NULL;
		struct error ignored = ERROR_INIT;

		if (str_eq(c->config.image, *v))
			return true;
		if (image_resolve(c->daemon->images, *v, &im, &ignored) == 0 &&
		    str_eq(im->id, c->image_id))
			return true;
	}
	return false;
}

static bool has_volume(const struct listing *l, const struct container *c)
{
	char *const *v = docker_filter(l->filters, "volume");
	size_t i;

	if (!v)
		return true;
	for (i = 0; i < c->config.mount_count; i++)
		if (strv_has(v, c->config.mounts[i].target) ||
		    (c->config.mounts[i].source && strv_has(v, c->config.mounts[i].source)))
			return true;
	return false;
}

static bool has_network(const struct listing *l, const struct container *c)
{
	char *const *v = docker_filter(l->filters, "network");
	size_t i;

	if (!v)
		return true;
	for (; *v; v++) {
		for (i = 0; i < c->endpoint_count; i++)
			if (str_eq(c->endpoints[i].network->name, *v) ||
			    (strlen(*v) >= DOCKER_SHORT_ID &&
			     str_starts(c->endpoints[i].network->id, *v)))
				return true;
		if (str_eq(docker_network_mode(c), *v))
			return true;
	}
	return false;
}

/* "80", "80/udp", "80-90/tcp" */
static bool in_range(const char *range, int64_t port, const char *protocol)
{
	size_t len = strcspn(range, "/");
	auto_free char *first = xstrndup(range, len);
	char *dash = strchr(first, '-');
	uint16_t low, high;

	if (dash)
		*dash++ = '\0';
	if (parse_u16(first, &low) < 0 || parse_u16(dash ? dash : first, &high) < 0)
		return false;
	return port >= low && port <= high &&
	       !strcmp(range[len] ? range + len + 1 : "tcp", protocol ? protocol : "tcp");
}

static bool publishes(const struct listing *l, const struct container *c)
{
	char *const *v = docker_filter(l->filters, "publish");
	auto_json json_t *list = NULL;
	json_t *port;
	size_t i;

	if (!v)
		return true;
	list = publish_list(c);
	for (; *v; v++)
		json_array_foreach (list, i, port)
			if (in_range(*v, json_get_int(port, "host_port", 0),
				     json_get_str(port, "protocol")))
				return true;
	return false;
}

static bool exposes_one(const char *exposed, const char *range)
{
	size_t len = strcspn(exposed, "/");
	auto_free char *number = xstrndup(exposed, len);
	uint16_t port;

	return parse_u16(number, &port) == 0 &&
	       in_range(range, port, exposed[len] ? exposed + len + 1 : "tcp");
}

static bool exposes(const struct listing *l, const struct container *c)
{
	const json_t *own = c->image ? json_get_obj(c->image->config, "ExposedPorts") : NULL;
	char *const *v = docker_filter(l->filters, "expose");
	const char *key;
	json_t *value;
	size_t i;

	if (!v)
		return true;
	for (; *v; v++) {
		for (i = 0; i < strv_len(c->config.expose); i++)
			if (exposes_one(c->config.expose[i], *v))
				return true;
		for (i = 0; i < c->config.port_count; i++)
			if (in_range(*v, c->config.ports[i].container_port,
				     c->config.ports[i].protocol))
				return true;
		json_object_foreach ((json_t *)(uintptr_t)own, key, value)
			if (exposes_one(key, *v))
				return true;
	}
	return false;
}

static bool has_health(const struct listing *l, const struct container *c)
{
	const char *status = health_status_name(c->health_status);

	return docker_filter_is(l->filters, "health", *status ? status : "none");
}

static bool is_shown(const struct listing *l, const struct container *c)
{
	static bool (*const tests[])(const struct listing *l, const struct container *c) = {
		is_named,    has_id,	has_exit_code, has_ancestor, has_volume,
		has_network, publishes, exposes,       has_health,
	};
	size_t i;

	if (!l->all && !is_running(c))
		return false;
	if (l->before_ns && c->created_ns >= l->before_ns)
		return false;
	if (l->since_ns && c->created_ns <= l->since_ns)
		return false;
	if (!docker_filter_is(l->filters, "status", docker_status(c)) ||
	    !docker_filter_is(l->filters, "is-task", "false") ||
	    !docker_filter_labels(l->filters, c->config.labels))
		return false;
	for (i = 0; i < ARRAY_LEN(tests); i++)
		if (!tests[i](l, c))
			return false;
	return true;
}

static bool check_status(struct api_request *r, const struct docker_filters *f)
{
	static const char *const states[] = {"created",	 "running", "paused", "restarting",
					     "removing", "exited",  "dead"};
	char *const *v = docker_filter(f, "status");
	size_t i;

	for (; v && *v; v++) {
		for (i = 0; i < ARRAY_LEN(states); i++)
			if (!strcmp(*v, states[i]))
				break;
		if (i < ARRAY_LEN(states))
			continue;
		docker_fail(r, 400,
			    "invalid filter 'status=%s': invalid value for state (%s): must be one "
			    "of created, running, paused, restarting, removing, exited, dead",
			    *v, *v);
		return false;
	}
	return true;
}

/* "before" and "since" name containers. */
static bool take_bound(struct api_request *r, const struct docker_filters *f, const char *key,
		       int64_t *ret_ns)
{
	char *const *v = docker_filter(f, key);
	const struct container *c = v ? docker_container_named(r, *v) : NULL;

	*ret_ns = c ? c->created_ns : 0;
	return !v || c;
}

static void put_list(const struct daemon *d, const struct listing *l, int64_t limit, struct buf *b)
{
	size_t count = map_len(d->containers);
	auto_free const struct container **all =
		xcalloc(count + 1, sizeof(const struct container *));
	struct map_iter it = {0};

	for (count = 0; map_next(d->containers, &it); count++)
		all[count] = it.value;
	buf_addc(b, '[');
	while (count--) {
		if (!is_shown(l, all[count]))
			continue;
		docker_put_comma(b);
		docker_put_summary(b, all[count]);
		if (limit > 0 && !--limit)
			break;
	}
	buf_addc(b, ']');
}

void docker_list_containers(struct api_request *r)
{
	static const char *const known[] = {"id",	 "name",     "label",  "label!", "status",
					    "exited",	 "ancestor", "before", "since",	 "volume",
					    "network",	 "publish",  "expose", "health", "is-task",
					    "isolation", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	struct listing l = {.all = docker_flag(r, "all")};
	const char *limit_text = api_query(r, "limit");
	auto_buf struct buf b = BUF_INIT;
	int64_t limit = 0;

	if (!str_empty(limit_text) && parse_i64(limit_text, &limit) < 0) {
		docker_fail(r, 500, "strconv.Atoi: parsing \"%s\": invalid syntax", limit_text);
		return;
	}
	if (!docker_filters_read(r, known, &filters) || !check_status(r, filters) ||
	    !take_bound(r, filters, "before", &l.before_ns) ||
	    !take_bound(r, filters, "since", &l.since_ns))
		return;
	l.filters = filters;
	l.all |= limit > 0 || docker_filter(filters, "status") ||
		 docker_filter(filters, "exited") || l.before_ns || l.since_ns;
	put_list(r->daemon, &l, limit, &b);
	docker_reply(r, 200, &b);
}
