/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks.  "host" and "none" are none to the engine, and "bridge" may not have been made yet:
 * they are shown all the same. */
#include <errno.h>

#include "base/digest.h"
#include "base/time.h"
#include "engine/api/docker.h"

/* ---- writing */

static void put_ipam_entry(struct buf *b, const json_t *entry)
{
	static const char *const keys[][2] = {
		{"subnet", "Subnet"}, {"ip_range", "IPRange"}, {"gateway", "Gateway"}};
	const json_t *aux = json_get_obj(entry, "aux_addresses");
	size_t i;

	docker_put_comma(b);
	buf_addc(b, '{');
	for (i = 0; i < ARRAY_LEN(keys); i++) {
		const char *value = json_get_str(entry, keys[i][0]);

		if (!value)
			continue;
		docker_put_key(b, keys[i][1]);
		docker_put_str(b, value);
	}
	if (json_object_size(aux)) {
		docker_put_key(b, "AuxiliaryAddresses");
		docker_put_value(b, aux);
	}
	buf_addc(b, '}');
}

static void put_member(struct buf *b, const struct container *c, const struct container_endpoint *e)
{
	char v4[NET_ADDR_TEXT] = "", v6[NET_ADDR_TEXT] = "";
	const struct net_network *net = &e->network->net;

	if (e->link.addrs[0].family)
		net_addr_text(&e->link.addrs[0], v4);
	if (e->link.addrs[1].family)
		net_addr_text(&e->link.addrs[1], v6);
	docker_put_key(b, c->id);
	buf_adds(b, "{\"Name\":");
	docker_put_str(b, c->name);
	buf_adds(b, ",\"EndpointID\":");
	docker_put_endpoint_id(b, c, e);
	buf_adds(b, ",\"MacAddress\":");
	docker_put_mac(b, e);
	buf_addf(b, ",\"IPv4Address\":\"%s", v4);
	if (*v4)
		buf_addf(b, "/%u", net->subnets[0].bits);
	buf_addf(b, "\",\"IPv6Address\":\"%s", v6);
	if (*v6)
		buf_addf(b, "/%u", net->subnets[1].bits);
	buf_adds(b, "\"}");
}

static void put_members(struct buf *b, const struct network *n)
{
	struct map_iter it = {0};
	size_t i;

	while (map_next(n->daemon->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->endpoint_count; i++)
			if (c->endpoints[i].network == n && c->endpoints[i].attached)
				put_member(b, c, &c->endpoints[i]);
	}
}

static void put_network(struct buf *b, const struct network *n, bool members)
{
	auto_json json_t *shown = network_summary(n);
	const json_t *ipam = json_get_obj(shown, "ipam");
	json_t *entry;
	size_t i;

	buf_adds(b, "{\"Name\":");
	docker_put_str(b, n->name);
	buf_addf(b, ",\"Id\":\"%s\",\"Created\":", n->id);
	docker_put_time(b, n->created_ns);
	buf_addf(b,
		 ",\"Scope\":\"local\",\"Driver\":\"%s\",\"EnableIPv4\":%s,\"EnableIPv6\":%s,"
		 "\"IPAM\":{\"Driver\":\"default\",\"Options\":null,\"Config\":[",
		 n->driver, n->enable_ipv4 ? "true" : "false", n->enable_ipv6 ? "true" : "false");
	json_array_foreach (json_get_arr(ipam, "config"), i, entry)
		put_ipam_entry(b, entry);
	buf_addf(b,
		 "]},\"Internal\":%s,\"Attachable\":%s,\"Ingress\":false,\"ConfigFrom\":"
		 "{\"Network\":\"\"},\"ConfigOnly\":false,\"Containers\":{",
		 n->internal ? "true" : "false", n->attachable ? "true" : "false");
	if (members)
		put_members(b, n);
	buf_adds(b, "},\"Options\":");
	docker_put_value(b, n->options);
	buf_adds(b, ",\"Labels\":");
	docker_put_value(b, n->labels);
	buf_addc(b, '}');
}

/* ---- the predefined ones */

struct predefined {
	const char *name, *driver;
};

static const struct predefined predefined[] = {
	{NETWORK_DEFAULT, "bridge"}, {"host", "host"}, {"none", "null"}};

static void predefined_id(const struct daemon *d, const char *name, char ret[DIGEST_HEX_MAX])
{
	auto_free char *text = xasprintf("%s %s", name, d->state_dir);

	if (!strcmp(name, NETWORK_DEFAULT))
		network_default_id(d, ret);
	else
		digest_of(text, strlen(text), ret);
}

static void put_predefined(struct buf *b, const struct daemon *d, const struct predefined *p)
{
	char id[DIGEST_HEX_MAX];

	predefined_id(d, p->name, id);
	buf_addf(b, "{\"Name\":\"%s\",\"Id\":\"%s\",\"Created\":", p->name, id);
	docker_put_time(b, d->started_ns);
	buf_addf(
		b,
		",\"Scope\":\"local\",\"Driver\":\"%s\",\"EnableIPv4\":true,\"EnableIPv6\":false,"
		"\"IPAM\":{\"Driver\":\"default\",\"Options\":null,\"Config\":[]},\"Internal\":false,"
		"\"Attachable\":false,\"Ingress\":false,\"ConfigFrom\":{\"Network\":\"\"},"
		"\"ConfigOnly\":false,\"Containers\":{},\"Options\":{},\"Labels\":{}}",
		p->driver);
}

/* The predefined network that is no object now; NULL: none of that name or id. */
static const struct predefined *find_predefined(const struct daemon *d, const char *ref)
{
	char id[DIGEST_HEX_MAX];
	size_t i;

	for (i = 0; i < ARRAY_LEN(predefined); i++) {
		predefined_id(d, predefined[i].name, id);
		if (!strcmp(ref, predefined[i].name) ||
		    (strlen(ref) >= DOCKER_SHORT_ID && str_starts(id, ref)))
			return &predefined[i];
	}
	return NULL;
}

/* ---- list, inspect */

struct listed {
	const char *name, *id, *driver;
	const json_t *labels;
	bool custom, used;
};

static bool is_wanted(const struct docker_filters *f, const struct listed *n)
{
	char *const *ids = docker_filter(f, "id"), *const *dangling = docker_filter(f, "dangling");
	bool found = !ids;

	for (; ids && *ids; ids++)
		found |= str_starts(n->id, *ids);
	if (dangling &&
	    (!n->used && n->custom) != (!strcmp(*dangling, "1") || !strcasecmp(*dangling, "true")))
		return false;
	return found && docker_filter_in(f, "name", n->name) &&
	       docker_filter_is(f, "driver", n->driver) && docker_filter_is(f, "scope", "local") &&
	       docker_filter_is(f, "type", n->custom ? "custom" : "builtin") &&
	       docker_filter_labels(f, n->labels);
}

static const struct container *active_on(const struct network *n)
{
	struct map_iter it = {0};
	size_t i;

	while (map_next(n->daemon->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->endpoint_count; i++)
			if (c->endpoints[i].network == n)
				return c;
	}
	return NULL;
}

static void put_list(struct buf *b, const struct daemon *d, const struct docker_filters *f)
{
	struct map_iter it = {0};
	bool has_default = false;
	size_t i;

	while (map_next(d->networks, &it)) {
		const struct network *n = it.value;
		const struct listed l = {n->name,   n->id,	 n->driver,
					 n->labels, !n->implied, active_on(n) != NULL};

		has_default |= !strcmp(n->name, NETWORK_DEFAULT);
		if (!is_wanted(f, &l))
			continue;
		docker_put_comma(b);
		put_network(b, n, false);
	}
	for (i = has_default; i < ARRAY_LEN(predefined); i++) {
		char id[DIGEST_HEX_MAX];
		struct listed l = {
			predefined[i].name, id, predefined[i].driver, NULL, false, false};

		predefined_id(d, predefined[i].name, id);
		if (!is_wanted(f, &l))
			continue;
		docker_put_comma(b);
		put_predefined(b, d, &predefined[i]);
	}
}

static void get_networks(struct api_request *r)
{
	static const char *const known[] = {"name",  "id",   "driver",	 "label", "label!",
					    "scope", "type", "dangling", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	auto_buf struct buf b = BUF_INIT;

	if (!docker_filters_read(r, known, &filters))
		return;
	buf_addc(&b, '[');
	put_list(&b, r->daemon, filters);
	buf_addc(&b, ']');
	docker_reply(r, 200, &b);
}

static void get_network(struct api_request *r)
{
	const struct predefined *p = find_predefined(r->daemon, r->params[0]);
	auto_buf struct buf b = BUF_INIT;
	struct error ignored = ERROR_INIT;
	struct network *n;

	if (network_find(r->daemon, r->params[0], &n, &ignored) == 0)
		put_network(&b, n, true);
	else if (p)
		put_predefined(&b, r->daemon, p);
	else {
		docker_fail(r, 404, "network %s not found", r->params[0]);
		return;
	}
	docker_reply(r, 200, &b);
}

/* ---- create */

struct creation {
	char *name, *driver;
	json_t *options, *labels, *ipam;
	bool internal, attachable, ipv6, no_ipv4;
};

static int set_ipv4(struct docker_input *in, const json_t *value, void *creation)
{
	if (!json_is_boolean(value))
		return docker_wrong(in, "true or false");
	((struct creation *)creation)->no_ipv4 = json_is_false(value);
	return 0;
}

static int set_ipam(struct docker_input *in, const json_t *value, void *creation)
{
	static const char *const keys[][2] = {
		{"Subnet", "subnet"}, {"IPRange", "ip_range"}, {"Gateway", "gateway"}};
	struct creation *c = creation;
	json_t *list = json_array(), *entry;
	const char *driver = json_get_str(value, "Driver");
	size_t i, k;

	c->ipam = json_object();
	json_set_str(c->ipam, "driver", str_empty(driver) ? NULL : driver);
	json_set_new(c->ipam, "config", list);
	if (!json_is_object(value))
		return docker_wrong(in, "an object");
	json_array_foreach (json_get_arr(value, "Config"), i, entry) {
		json_t *o = json_object();
		const json_t *aux = json_get_obj(entry, "AuxiliaryAddresses");

		json_array_append_new(list, o);
		for (k = 0; k < ARRAY_LEN(keys); k++) {
			const char *text = json_get_str(entry, keys[k][0]);

			json_set_str(o, keys[k][1], str_empty(text) ? NULL : text);
		}
		if (aux)
			json_set_new(o, "aux_addresses", json_deep_copy(aux));
	}
	return 0;
}

#define N(key, kind, member)                                                                       \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct creation, member), NULL, NULL, NULL            \
	}
#define NO(key, set)                                                                               \
	{                                                                                          \
		key, DOCKER_CONST, 0, NULL, NULL, set                                              \
	}

static const struct docker_field create_fields[] = {
	N("Name", STR, name),
	N("Driver", STR, driver),
	N("Options", VALUE, options),
	N("Labels", VALUE, labels),
	N("Internal", BOOL, internal),
	N("Attachable", BOOL, attachable),
	N("EnableIPv6", BOOL, ipv6),
	NO("EnableIPv4", set_ipv4),
	NO("IPAM", set_ipam),
	NO("Ingress", docker_refuse),
	NO("ConfigOnly", docker_refuse),
	{0},
};

static void create_failed(struct api_request *r, const struct creation *c, const struct error *err)
{
	if (strstr(err->msg, "overlaps"))
		docker_fail(r, 403,
			    "invalid pool request: Pool overlaps with other one on this "
			    "address space");
	else if (err->code == EOPNOTSUPP)
		docker_fail(r, 404, "could not find a network driver: %s: %s",
			    c->driver ? c->driver : "", err->msg);
	else if (err->code == EINVAL)
		docker_fail(r, 400, "invalid network config:\n%s", err->msg);
	else
		api_reply_error(r, err);
}

static void create(struct api_request *r, const struct creation *c)
{
	const struct network_args args = {
		.name = c->name,
		.driver = c->driver,
		.labels = c->labels,
		.options = c->options,
		.ipam = c->ipam,
		.internal = c->internal,
		.attachable = c->attachable,
		.enable_ipv6 = c->ipv6,
		.disable_ipv4 = c->no_ipv4,
	};
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	auto_buf struct buf b = BUF_INIT;
	struct network *n;
	size_t i;

	if (str_empty(c->name)) {
		docker_fail(r, 400, "invalid name: name is empty");
		return;
	}
	for (i = 0; i < ARRAY_LEN(predefined); i++)
		if (!strcmp(c->name, predefined[i].name)) {
			docker_fail(r, 403, "operation is not permitted on predefined %s network ",
				    c->name);
			return;
		}
	if (network_find(r->daemon, c->name, &n, &ignored) == 0 && !strcmp(n->name, c->name)) {
		docker_fail(r, 409, "network with name %s already exists", c->name);
		return;
	}
	if (network_create(r->daemon, &args, &n, &err) < 0) {
		create_failed(r, c, &err);
		return;
	}
	buf_addf(&b, "{\"Id\":\"%s\",\"Warning\":\"\"}", n->id);
	docker_reply(r, 201, &b);
}

static void post_create(struct api_request *r)
{
	struct error err = ERROR_INIT;
	struct docker_input in = {.daemon = r->daemon, .key = "body", .err = &err};
	struct creation c = {0};

	if (docker_read(&in, create_fields, r->body, &c) < 0)
		api_reply_error(r, &err);
	else
		create(r, &c);
	free(c.name);
	free(c.driver);
	json_decref(c.options);
	json_decref(c.labels);
	json_decref(c.ipam);
}

/* ---- connect, disconnect */

static void connect_container(struct api_request *r, struct network *n, struct container *c)
{
	struct config_network asked = {.network = xstrdup(n->id)};
	struct error err = ERROR_INIT;
	struct docker_input in = {.daemon = r->daemon, .key = "EndpointConfig", .err = &err};
	const json_t *endpoint = json_get_obj(r->body, "EndpointConfig");

	if (endpoint && docker_endpoint_read(&in, endpoint, &asked) < 0)
		api_reply_error(r, &err);
	else if ((asked.ipv4 || asked.ipv6) && !json_array_size(json_get_arr(n->ipam, "config")))
		docker_fail(r, 400,
			    "invalid endpoint settings:\nuser specified IP address is supported "
			    "only when connecting to networks with user configured subnets");
	else if (endpoint_connect(c, &asked, &err) == 0)
		api_reply_empty(r, 200);
	else if (err.code == EEXIST)
		docker_fail(r, 403, "endpoint with name %s already exists in network %s", c->name,
			    n->name);
	else
		api_reply_error(r, &err);
	strv_free(in.warnings);
	config_network_release(&asked);
}

static void post_connect(struct api_request *r)
{
	const char *ref = json_get_str(r->body, "Container");
	const struct predefined *p = find_predefined(r->daemon, r->params[0]);
	struct error err = ERROR_INIT;
	struct container *c;
	struct network *n;

	if (p && strcmp(p->name, NETWORK_DEFAULT)) {
		docker_fail(r, 400,
			    "cannot connect container to %s network - container must be "
			    "created in %s network mode",
			    p->name, p->name);
		return;
	}
	if (p && network_default(r->daemon, &n, &err) < 0) {
		api_reply_error(r, &err);
		return;
	}
	n = p ? n : docker_network(r, r->params[0]);
	c = n ? docker_container_named(r, ref ? ref : "") : NULL;
	if (c)
		connect_container(r, n, c);
}

static void post_disconnect(struct api_request *r)
{
	const char *ref = json_get_str(r->body, "Container");
	struct network *n = docker_network(r, r->params[0]);
	struct container *c = n ? docker_container_named(r, ref ? ref : "") : NULL;
	struct error err = ERROR_INIT;

	if (!c)
		return;
	if (endpoint_disconnect(c, n, &err) == 0)
		api_reply_empty(r, 200);
	else if (err.code == ENOENT)
		docker_fail(r, 500, "container %s is not connected to network %s", c->id, n->name);
	else
		api_reply_error(r, &err);
}

/* ---- remove */

static void delete_network(struct api_request *r)
{
	const struct predefined *p = find_predefined(r->daemon, r->params[0]);
	const struct container *user;
	struct error err = ERROR_INIT;
	struct network *n;

	if (p) {
		docker_fail(r, 403, "%s is a pre-defined network and cannot be removed", p->name);
		return;
	}
	n = docker_network(r, r->params[0]);
	user = n ? active_on(n) : NULL;
	if (user)
		docker_fail(r, 403,
			    "error while removing network: network %s has active endpoints "
			    "(name:\"%s\" id:\"%.*s\")",
			    n->name, user->name, DOCKER_SHORT_ID, user->id);
	else if (n && network_remove(n, &err) < 0)
		api_reply_error(r, &err);
	else if (n)
		api_reply_empty(r, 204);
}

static void post_prune(struct api_request *r)
{
	static const char *const known[] = {"until", "label", "label!", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	AUTO(strv_free) char **removed = NULL;
	auto_buf struct buf b = BUF_INIT;
	struct error ignored = ERROR_INIT;
	struct map_iter it = {0};
	int64_t until_ns;

	if (!docker_filters_read(r, known, &filters) || !docker_filter_until(r, filters, &until_ns))
		return;
	while (map_next(r->daemon->networks, &it)) {
		struct network *n = it.value;
		auto_free char *name = xstrdup(n->name);

		if (n->implied || active_on(n) || (until_ns && n->created_ns >= until_ns) ||
		    !docker_filter_labels(filters, n->labels) || network_remove(n, &ignored) < 0)
			continue;
		strv_push(&removed, steal_ptr(&name));
	}
	buf_adds(&b, "{\"NetworksDeleted\":");
	docker_put_strv(&b, removed, "null");
	buf_addc(&b, '}');
	docker_reply(r, 200, &b);
}

const struct docker_route docker_network_routes[] = {
	DOCKER_ROUTE("GET", "/networks", get_networks),
	DOCKER_ROUTE("GET", "/networks/{}", get_network),
	DOCKER_ROUTE("POST", "/networks/create", post_create),
	DOCKER_ROUTE("POST", "/networks/prune", post_prune),
	DOCKER_ROUTE("POST", "/networks/{}/connect", post_connect),
	DOCKER_ROUTE("POST", "/networks/{}/disconnect", post_disconnect),
	DOCKER_ROUTE("DELETE", "/networks/{}", delete_network),
	DOCKER_ROUTE_END,
};
