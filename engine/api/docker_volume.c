/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes. */
#include <errno.h>

#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/events.h"

#define LABEL_ANONYMOUS "com.docker.volume.anonymous"

/* ---- writing */

static const json_t *non_empty(const json_t *object)
{
	return json_object_size(object) ? object : NULL;
}

static size_t users_of(const struct daemon *d, const char *name)
{
	struct map_iter it = {0};
	size_t i, count = 0;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->config.mount_count; i++)
			count += str_eq(c->config.mounts[i].type, "volume") &&
				 str_eq(c->config.mounts[i].source, name);
	}
	return count;
}

/* Clients tell anonymous ones by a label. */
static void put_labels(struct buf *b, const struct volume *v)
{
	auto_json json_t *labels = NULL;

	if (!v->anonymous) {
		docker_put_value(b, non_empty(v->labels));
		return;
	}
	labels = json_copy(v->labels);
	json_set_str(labels, LABEL_ANONYMOUS, "");
	docker_put_value(b, labels);
}

void docker_put_volume(struct buf *b, const struct volume *v, const struct daemon *usage)
{
	buf_adds(b, "{\"CreatedAt\":");
	docker_put_time(b, v->created_ns / NS_PER_SEC * NS_PER_SEC);
	buf_adds(b, ",\"Driver\":");
	docker_put_str(b, v->driver);
	buf_adds(b, ",\"Labels\":");
	put_labels(b, v);
	buf_adds(b, ",\"Mountpoint\":");
	docker_put_str(b, v->mountpoint);
	buf_adds(b, ",\"Name\":");
	docker_put_str(b, v->name);
	buf_adds(b, ",\"Options\":");
	docker_put_value(b, non_empty(v->driver_opts));
	buf_adds(b, ",\"Scope\":\"local\"");
	if (usage)
		buf_addf(b, ",\"UsageData\":{\"RefCount\":%zu,\"Size\":-1}",
			 users_of(usage, v->name));
	buf_addc(b, '}');
}

/* ---- list, inspect */

static bool is_wanted(const struct daemon *d, const struct docker_filters *f,
		      const struct volume *v)
{
	char *const *dangling = docker_filter(f, "dangling");

	if (dangling && (users_of(d, v->name) == 0) !=
				(!strcmp(*dangling, "1") || !strcasecmp(*dangling, "true")))
		return false;
	return docker_filter_in(f, "name", v->name) && docker_filter_is(f, "driver", v->driver) &&
	       docker_filter_labels(f, v->labels);
}

static void get_volumes(struct api_request *r)
{
	static const char *const known[] = {"dangling", "driver", "label", "label!", "name", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	auto_free struct volume **all = NULL;
	auto_buf struct buf b = BUF_INIT;
	size_t i;

	if (!docker_filters_read(r, known, &filters))
		return;
	all = volume_list(r->daemon->volumes);
	buf_adds(&b, "{\"Volumes\":[");
	for (i = 0; all[i]; i++) {
		if (!is_wanted(r->daemon, filters, all[i]))
			continue;
		docker_put_comma(&b);
		docker_put_volume(&b, all[i], NULL);
	}
	buf_adds(&b, "],\"Warnings\":null}");
	docker_reply(r, 200, &b);
}

static void reply_volume(struct api_request *r, int status, const struct volume *v)
{
	auto_buf struct buf b = BUF_INIT;

	docker_put_volume(&b, v, NULL);
	docker_reply(r, status, &b);
}

static void get_volume(struct api_request *r)
{
	const struct volume *v = volume_get(r->daemon->volumes, r->params[0]);

	if (v)
		reply_volume(r, 200, v);
	else
		docker_fail(r, 404, "get %s: no such volume", r->params[0]);
}

/* ---- create */

struct creation {
	char *name, *driver;
	json_t *options, *labels;
};

#define V(key, kind, member)                                                                       \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct creation, member), NULL, NULL, NULL            \
	}

static const struct docker_field create_fields[] = {
	V("Name", STR, name),
	V("Driver", STR, driver),
	V("DriverOpts", VALUE, options),
	V("Labels", VALUE, labels),
	{"ClusterVolumeSpec", DOCKER_CONST, 0, NULL, NULL, docker_refuse},
	{0},
};

static void create(struct api_request *r, const struct creation *c)
{
	const struct volume_args args = {
		.name = c->name,
		.driver = c->driver,
		.driver_opts = c->options,
		.labels = c->labels,
		.anonymous = !c->name,
	};
	struct error err = ERROR_INIT;
	struct volume *v;
	bool created;

	if (c->name && (!str_valid_name(c->name) || strlen(c->name) < 2))
		docker_fail(
			r, 400,
			"create %s: \"%s\" includes invalid characters for a local volume name, "
			"only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a "
			"host directory, use absolute path",
			c->name, c->name);
	else if (volume_create(r->daemon->volumes, &args, &v, &created, &err) < 0)
		api_reply_error(r, &err);
	else {
		if (created)
			events_emit(r->daemon->events, "volume", "create", v->name, NULL);
		reply_volume(r, 201, v);
	}
}

static void post_create(struct api_request *r)
{
	struct error err = ERROR_INIT;
	struct docker_input in = {.daemon = r->daemon, .key = "body", .err = &err};
	struct creation c = {0};

	if (r->body && docker_read(&in, create_fields, r->body, &c) < 0)
		api_reply_error(r, &err);
	else
		create(r, &c);
	free(c.name);
	free(c.driver);
	json_decref(c.options);
	json_decref(c.labels);
}

/* ---- remove */

static void put_users(struct buf *b, const struct daemon *d, const char *name)
{
	struct map_iter it = {0};
	size_t i;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->config.mount_count; i++)
			if (str_eq(c->config.mounts[i].type, "volume") &&
			    str_eq(c->config.mounts[i].source, name))
				buf_addf(b, "%s%s", b->len ? ", " : "", c->id);
	}
}

static void delete_volume(struct api_request *r)
{
	const char *name = r->params[0];
	struct volume *v = volume_get(r->daemon->volumes, name);
	auto_buf struct buf users = BUF_INIT;
	struct error err = ERROR_INIT;

	put_users(&users, r->daemon, name);
	if (!v && docker_flag(r, "force"))
		api_reply_empty(r, 204);
	else if (!v)
		docker_fail(r, 404, "get %s: no such volume", name);
	else if (users.len)
		docker_fail(r, 409, "remove %s: volume is in use - [%s]", name, users.data);
	else if (volume_remove(r->daemon->volumes, name, false, volume_users, r->daemon, &err) < 0)
		api_reply_error(r, &err);
	else {
		events_emit(r->daemon->events, "volume", "destroy", name, NULL);
		api_reply_empty(r, 204);
	}
}

static void post_prune(struct api_request *r)
{
	static const char *const known[] = {"label", "label!", "all", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	AUTO(strv_free) char **removed = NULL;
	auto_free struct volume **list = NULL;
	auto_buf struct buf b = BUF_INIT;
	struct error ignored = ERROR_INIT;
	char *const *all;
	bool every;
	size_t i;

	if (!docker_filters_read(r, known, &filters))
		return;
	all = docker_filter(filters, "all");
	every = all && (!strcmp(*all, "1") || !strcasecmp(*all, "true"));
	list = volume_list(r->daemon->volumes);
	for (i = 0; list[i]; i++) {
		auto_free char *name = xstrdup(list[i]->name);

		if ((!list[i]->anonymous && !every && r->docker >= 142) ||
		    !docker_filter_labels(filters, list[i]->labels) ||
		    volume_remove(r->daemon->volumes, name, false, volume_users, r->daemon,
				  &ignored) < 0)
			continue;
		events_emit(r->daemon->events, "volume", "destroy", name, NULL);
		strv_push(&removed, steal_ptr(&name));
	}
	buf_adds(&b, "{\"VolumesDeleted\":");
	docker_put_strv(&b, removed, "null");
	buf_adds(&b, ",\"SpaceReclaimed\":0}");
	docker_reply(r, 200, &b);
}

const struct docker_route docker_volume_routes[] = {
	DOCKER_ROUTE("GET", "/volumes", get_volumes),
	DOCKER_ROUTE("GET", "/volumes/{}", get_volume),
	DOCKER_ROUTE("POST", "/volumes/create", post_create),
	DOCKER_ROUTE("DELETE", "/volumes/{}", delete_volume),
	DOCKER_ROUTE_PARTLY("POST", "/volumes/prune", post_prune, "the space is not computed"),
	DOCKER_ROUTE_END,
};
