/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of volumes and networks. */
#include <errno.h>

#include "base/json.h"
#include "engine/api/routes.h"
#include "engine/events.h"
#include "engine/network.h"

static void reply(struct api_request *r, int rc, json_t *value, const struct error *err)
{
	if (rc < 0) {
		json_decref(value);
		api_reply_error(r, err);
	} else {
		api_reply_json(r, 200, value ? value : json_object());
	}
}

/* ---- volumes */

static void get_volumes(struct api_request *r)
{
	struct volume **all = volume_list(r->daemon->volumes);
	json_t *list = json_array();
	size_t i;

	for (i = 0; all[i]; i++)
		json_array_append_new(list, volume_inspect(all[i]));
	free(all);
	api_reply_json(r, 200, list);
}

static void get_volume(struct api_request *r)
{
	struct volume *v = volume_get(r->daemon->volumes, r->params[0]);
	struct error err = ERROR_INIT;
	int rc = v ? 0 : error_set(&err, ENOENT, "no such volume: %s", r->params[0]);

	reply(r, rc, v ? volume_inspect(v) : NULL, &err);
}

/* What a body may say, and nothing of another type; an absent body is an empty one. */
static int check_body(const json_t *body, const char *const *strings, const char *const *objects,
		      struct error *err)
{
	if (body && !json_is_object(body))
		return error_set(err, EINVAL, "the request's body must be an object");
	for (; *strings; strings++)
		if (json_object_get(body, *strings) && !json_get_str(body, *strings))
			return error_set(err, EINVAL, "%s must be a string", *strings);
	for (; *objects; objects++)
		if (json_object_get(body, *objects) && !json_get_obj(body, *objects))
			return error_set(err, EINVAL, "%s must be an object", *objects);
	return 0;
}

static void post_volume(struct api_request *r)
{
	static const char *const strings[] = {"name", "driver", NULL};
	static const char *const objects[] = {"driver_opts", "labels", NULL};
	struct volume_args args = {
		.name = json_get_str(r->body, "name"),
		.driver = json_get_str(r->body, "driver"),
		.driver_opts = json_get_obj(r->body, "driver_opts"),
		.labels = json_get_obj(r->body, "labels"),
	};
	struct error err = ERROR_INIT;
	struct volume *v = NULL;
	bool created = false;
	int rc = check_body(r->body, strings, objects, &err);

	if (rc == 0)
		rc = volume_create(r->daemon->volumes, &args, &v, &created, &err);

	if (rc == 0 && created)
		events_emit(r->daemon->events, "volume", "create", v->name, NULL);
	reply(r, rc, rc == 0 ? volume_inspect(v) : NULL, &err);
}

static void delete_volume(struct api_request *r)
{
	struct error err = ERROR_INIT;
	int rc = volume_remove(r->daemon->volumes, r->params[0], api_query_flag(r, "force"),
			       volume_users, r->daemon, &err);

	if (rc == 0)
		events_emit(r->daemon->events, "volume", "destroy", r->params[0], NULL);
	reply(r, rc, NULL, &err);
}

static void prune_volumes(struct api_request *r)
{
	AUTO(strv_free) char **names = NULL;
	struct error err = ERROR_INIT;
	json_t *o = json_object();
	int rc = volume_prune(r->daemon->volumes, api_query_flag(r, "all"), volume_users, r->daemon,
			      &names, &err);

	json_set_new(o, "removed", json_strv(names));
	reply(r, rc, o, &err);
}

/* ---- networks */

static void get_networks(struct api_request *r)
{
	struct map_iter it = {0};
	json_t *list = json_array();

	while (map_next(r->daemon->networks, &it))
		json_array_append_new(list, network_summary(it.value));
	api_reply_json(r, 200, list);
}

static void get_network(struct api_request *r)
{
	struct error err = ERROR_INIT;
	struct network *n = NULL;
	int rc = network_find(r->daemon, r->params[0], &n, &err);

	reply(r, rc, rc == 0 ? network_inspect(n) : NULL, &err);
}

static void post_network(struct api_request *r)
{
	static const char *const strings[] = {"name", "driver", NULL};
	static const char *const objects[] = {"labels", "options", "ipam", NULL};
	struct network_args args = {
		.name = json_get_str(r->body, "name"),
		.driver = json_get_str(r->body, "driver"),
		.labels = json_get_obj(r->body, "labels"),
		.options = json_get_obj(r->body, "options"),
		.ipam = json_get_obj(r->body, "ipam"),
		.internal = json_get_bool(r->body, "internal"),
		.attachable = json_get_bool(r->body, "attachable"),
		.enable_ipv6 = json_get_bool(r->body, "enable_ipv6"),
	};
	struct error err = ERROR_INIT;
	struct network *n = NULL;
	int rc = check_body(r->body, strings, objects, &err);

	if (rc == 0)
		rc = network_create(r->daemon, &args, &n, &err);

	reply(r, rc, rc == 0 ? network_summary(n) : NULL, &err);
}

static void delete_network(struct api_request *r)
{
	struct error err = ERROR_INIT;
	struct network *n = NULL;
	int rc = network_find(r->daemon, r->params[0], &n, &err);

	if (rc == 0)
		rc = network_remove(n, &err);
	reply(r, rc, NULL, &err);
}

const struct api_route object_routes[] = {
	{"GET", "/cmp/v1/volumes", get_volumes, false},
	{"GET", "/cmp/v1/volumes/{}", get_volume, false},
	{"POST", "/cmp/v1/volumes/prune", prune_volumes, false},
	{"POST", "/cmp/v1/volumes", post_volume, false},
	{"DELETE", "/cmp/v1/volumes/{}", delete_volume, false},
	{"GET", "/cmp/v1/networks", get_networks, false},
	{"GET", "/cmp/v1/networks/{}", get_network, false},
	{"POST", "/cmp/v1/networks", post_network, false},
	{"DELETE", "/cmp/v1/networks/{}", delete_network, false},
	{0},
};
