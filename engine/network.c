/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network objects: records in the state, one bridge each, address pools.  The bridge is made with
 * the record and completed again whenever a container needs it, so that one that somebody deleted
 * comes back.  What containers have on a network is in endpoint.c.
 */
#include "engine/network.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/events.h"
#include "engine/state.h"

#define OPT_BRIDGE     "com.docker.network.bridge.name"
#define OPT_ICC	       "com.docker.network.bridge.enable_icc"
#define OPT_MASQUERADE "com.docker.network.bridge.enable_ip_masquerade"
#define OPT_MTU	       "com.docker.network.driver.mtu"
#define LABEL_PROJECT  "com.docker.compose.project"
#define ID_SHOWN       12

static const int families[2] = {AF_INET, AF_INET6};

struct network *network_ref(struct network *n)
{
	n->refs++;
	return n;
}

void network_unref(struct network *n)
{
	size_t i;

	if (!n || --n->refs)
		return;
	for (i = 0; i < 2; i++)
		net_pool_free(n->pools[i]);
	free(n->name);
	free(n->driver);
	free(n->project);
	json_decref(n->labels);
	json_decref(n->options);
	json_decref(n->ipam);
	free(n);
}

/* ---- finding */

static bool is_prefix_of(const struct network *n, const char *ref)
{
	return strlen(ref) >= 4 && str_starts(n->id, ref);
}

static struct network *by_name(struct daemon *d, const char *name)
{
	struct map_iter it = {0};
	struct network *n;

	while (map_next(d->networks, &it)) {
		n = it.value;
		if (str_eq(n->name, name))
			return n;
	}
	return NULL;
}

int network_find(struct daemon *d, const char *ref, struct network **ret, struct error *err)
{
	struct network *found = map_get(d->networks, ref);
	struct map_iter it = {0};

	if (!found)
		found = by_name(d, ref);
	while (!found && map_next(d->networks, &it))
		if (is_prefix_of(it.value, ref))
			found = it.value;
	if (!found)
		return error_set(err, ENOENT, "no such network: %s", ref);
	*ret = found;
	return 0;
}

/* ---- reading what was asked for */

static bool option_on(const struct network *n, const char *key, bool fallback)
{
	const char *value = json_get_str(n->options, key);

	if (!value)
		return fallback;
	return !strcmp(value, "true") || !strcmp(value, "1");
}

static int take_options(struct network *n, struct error *err)
{
	const char *bridge = json_get_str(n->options, OPT_BRIDGE);
	const char *mtu = json_get_str(n->options, OPT_MTU);
	uint32_t value;

	if (bridge && !str_copy(n->net.bridge, sizeof(n->net.bridge), bridge))
		return error_set(err, EINVAL,
				 "%s is \"%s\": an interface name has at most %d bytes", OPT_BRIDGE,
				 bridge, NET_IFNAME_MAX - 1);
	if (!bridge)
		snprintf(n->net.bridge, sizeof(n->net.bridge), "%sb%.*s", n->daemon->tag,
			 (int)(NET_IFNAME_MAX - 2 - strlen(n->daemon->tag)), n->id);
	if (mtu && (parse_u32(mtu, &value) < 0 || value < 68 || value > 65535))
		return error_set(err, EINVAL, "%s is \"%s\": must be a number from 68 to 65535",
				 OPT_MTU, mtu);
	n->net.mtu = mtu ? value : 0;
	n->net.icc = option_on(n, OPT_ICC, true);
	n->net.masquerade = option_on(n, OPT_MASQUERADE, true) && !n->internal;
	n->net.internal = n->internal;
	return 0;
}

/* Subnets of the other networks, which a new one must not touch. */
static struct net_prefix *used_subnets(struct daemon *d, size_t *ret_count)
{
	struct net_prefix *used = xcalloc(2 * map_len(d->networks) + 1, sizeof(*used));
	struct map_iter it = {0};
	size_t i;

	*ret_count = 0;
	while (map_next(d->networks, &it)) {
		const struct network *n = it.value;

		for (i = 0; i < 2; i++)
			if (n->net.subnets[i].addr.family)
				used[(*ret_count)++] = n->net.subnets[i];
	}
	return used;
}

static int refuse_overlap(struct network *n, const struct net_prefix *subnet, struct error *err)
{
	struct map_iter it = {0};
	char text[NET_PREFIX_TEXT];
	size_t i;

	while (map_next(n->daemon->networks, &it)) {
		const struct network *other = it.value;

		for (i = 0; i < 2; i++) {
			if (other == n ||
			    other->net.subnets[i].addr.family != subnet->addr.family ||
			    !net_prefix_overlaps(&other->net.subnets[i], subnet))
				continue;
			net_prefix_text(subnet, text);
			return error_set(err, EEXIST, "subnet %s overlaps with that of network %s",
					 text, other->name);
		}
	}
	return 0;
}

/* One entry of ipam.config becomes the subnet, gateway and pool of its family. */
static int take_ipam_entry(struct network *n, const json_t *entry, struct error *err)
{
	const char *subnet = json_get_str(entry, "subnet"),
		   *range = json_get_str(entry, "ip_range");
	const char *gateway = json_get_str(entry, "gateway"), *name;
	struct net_prefix prefix, part;
	struct net_addr gw, aux;
	json_t *value;
	int r, slot;

	if (!subnet)
		return gateway || range ? error_set(err, EINVAL, "ipam config needs a subnet") : 0;
	r = net_prefix_parse(subnet, &prefix, err);
	if (r == 0 && range)
		r = net_prefix_parse(range, &part, err);
	if (r == 0 && gateway)
		r = net_addr_parse(gateway, &gw, err);
	if (r == 0)
		r = refuse_overlap(n, &prefix, err);
	if (r < 0)
		return r;
	slot = prefix.addr.family == AF_INET6;
	if (n->pools[slot])
		return error_set(err, EOPNOTSUPP,
				 "more than one subnet of a family is not supported");
	if (gateway && !net_prefix_contains(&prefix, &gw))
		return error_set(err, EINVAL, "gateway %s is not in subnet %s", gateway, subnet);
	n->net.subnets[slot] = prefix;
	n->pools[slot] = net_pool_new(&prefix, range ? &part : NULL, gateway ? &gw : NULL);
	json_object_foreach (json_get_obj(entry, "aux_addresses"), name, value) {
		r = net_addr_parse(json_is_string(value) ? json_string_value(value) : "", &aux,
				   err);
		if (r == 0)
			r = net_pool_claim(n->pools[slot], &aux, err);
		if (r < 0)
			return error_wrap(err, "aux_addresses %s", name);
	}
	return 0;
}

static int take_ipam(struct network *n, struct error *err)
{
	json_t *config = json_get_arr(n->ipam, "config"), *entry;
	const char *driver = json_get_str(n->ipam, "driver");
	size_t i;
	int r;

	if (driver && strcmp(driver, "default"))
		return error_set(err, EOPNOTSUPP, "ipam driver \"%s\" is not supported", driver);
	json_array_foreach (config, i, entry) {
		r = take_ipam_entry(n, entry, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Families that are wanted and have no subnet yet get a free one. */
static int choose_subnets(struct network *n, struct error *err)
{
	bool wanted[2] = {n->enable_ipv4, n->enable_ipv6};
	auto_free struct net_prefix *used = NULL;
	size_t i, count;
	int r;

	used = used_subnets(n->daemon, &count);
	for (i = 0; i < 2; i++) {
		if (!wanted[i] || n->pools[i])
			continue;
		r = net_subnet_choose(n->daemon->net, families[i], used, count, &n->net.subnets[i],
				      err);
		if (r < 0)
			return r;
		n->pools[i] = net_pool_new(&n->net.subnets[i], NULL, NULL);
	}
	for (i = 0; i < 2; i++)
		if (n->pools[i])
			n->net.gateways[i] = *net_pool_gateway(n->pools[i]);
	return 0;
}

/* ---- the record */

static json_t *ipam_as_made(const struct network *n)
{
	json_t *ipam = json_deep_copy(n->ipam), *config = json_array();
	char text[NET_PREFIX_TEXT];
	size_t i, k;
	json_t *asked;

	for (i = 0; i < 2; i++) {
		json_t *entry = json_object();

		if (!n->pools[i]) {
			json_decref(entry);
			continue;
		}
		net_prefix_text(&n->net.subnets[i], text);
		json_array_foreach (json_get_arr(n->ipam, "config"), k, asked)
			if (str_eq(json_get_str(asked, "subnet"), text))
				json_object_update(entry, asked);
		json_set_str(entry, "subnet", text);
		net_addr_text(&n->net.gateways[i], text);
		json_set_str(entry, "gateway", text);
		json_array_append_new(config, entry);
	}
	json_set_new(ipam, "config", config);
	return ipam;
}

json_t *network_summary(const struct network *n)
{
	json_t *o = json_object();

	json_set_str(o, "id", n->id);
	json_set_str(o, "name", n->name);
	json_set_str(o, "driver", n->driver);
	json_set_str(o, "scope", "local");
	json_set_str(o, "bridge", n->net.bridge);
	json_set_bool(o, "internal", n->internal);
	json_set_bool(o, "attachable", n->attachable);
	json_set_bool(o, "enable_ipv4", n->enable_ipv4);
	json_set_bool(o, "enable_ipv6", n->enable_ipv6);
	if (n->implied)
		json_set_bool(o, "implied", true);
	json_set_int(o, "created_ns", n->created_ns);
	json_set_new(o, "labels", json_incref(n->labels));
	json_set_new(o, "options", json_incref(n->options));
	json_set_new(o, "ipam", ipam_as_made(n));
	return o;
}

json_t *network_inspect(const struct network *n)
{
	json_t *o = network_summary(n), *containers = json_object();
	struct map_iter it = {0};
	char text[NET_ADDR_TEXT];
	size_t i, k;

	while (map_next(n->daemon->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->endpoint_count; i++) {
			json_t *e;

			if (c->endpoints[i].network != n || !c->endpoints[i].attached)
				continue;
			e = json_object();
			json_set_str(e, "name", c->name);
			for (k = 0; k < 2; k++) {
				if (!c->endpoints[i].link.addrs[k].family)
					continue;
				net_addr_text(&c->endpoints[i].link.addrs[k], text);
				json_set_str(e, k ? "ipv6" : "ipv4", text);
			}
			json_set_new(containers, c->id, e);
		}
	}
	json_set_new(o, "containers", containers);
	return o;
}

static struct network *network_new(struct daemon *d, const char *id, const char *name)
{
	struct network *n = xcalloc(1, sizeof(*n));

	n->daemon = d;
	n->refs = 1;
	str_copy(n->id, sizeof(n->id), id);
	n->name = xstrdup(name);
	return n;
}

static json_t *object_or_empty(const json_t *value)
{
	return json_is_object(value) ? json_deep_copy(value) : json_object();
}

/* What the firewall has to know, whenever the set of networks changed. */
static void tell_firewall(struct daemon *d)
{
	struct net_network *all = xcalloc(map_len(d->networks) + 1, sizeof(*all));
	struct map_iter it = {0};
	size_t count = 0;

	while (map_next(d->networks, &it))
		all[count++] = ((struct network *)it.value)->net;
	net_firewall_networks(d->net, all, count);
	free(all);
}

int network_complete(struct network *n, struct error *err)
{
	int r;

	if (n->up && net_link_exists(n->daemon->net, n->net.bridge))
		return 0;
	r = net_bridge_create(n->daemon->net, &n->net, err);
	if (r < 0)
		return error_wrap(err, "network %s", n->name);
	n->up = true;
	return 0;
}

static void emit(struct network *n, const char *action)
{
	json_t *attributes = json_object();

	json_set_str(attributes, "name", n->name);
	json_set_str(attributes, "type", n->driver);
	json_set_str(attributes, LABEL_PROJECT, n->project);
	events_emit(n->daemon->events, "network", action, n->id, attributes);
}

static int check_args(struct daemon *d, const struct network_args *args, struct error *err)
{
	struct network *other;

	if (str_empty(args->name) || !str_valid_name(args->name))
		return error_set(err, EINVAL,
				 "invalid network name \"%s\": use letters, digits, _ . and -",
				 args->name ? args->name : "");
	if (!strcmp(args->name, "host") || !strcmp(args->name, "none"))
		return error_set(err, EINVAL, "the name \"%s\" is taken by a network mode",
				 args->name);
	if (args->driver && strcmp(args->driver, "bridge") && strcmp(args->driver, "default"))
		return error_set(err, EOPNOTSUPP,
				 "network %s: driver \"%s\" is not supported, only bridge is",
				 args->name, args->driver);
	other = by_name(d, args->name);
	return other ? error_set(err, EEXIST, "network with name %s already exists (%.*s)",
				 args->name, ID_SHOWN, other->id)
		     : 0;
}

int network_create(struct daemon *d, const struct network_args *args, struct network **ret,
		   struct error *err)
{
	char id[DIGEST_HEX_MAX];
	struct network *n;
	json_t *doc = NULL;
	int r = check_args(d, args, err);

	if (r < 0)
		return r;
	if (args->id)
		str_copy(id, sizeof(id), args->id);
	else
		digest_random_id(id);
	n = network_new(d, id, args->name);
	n->implied = args->implied;
	n->driver = xstrdup("bridge");
	n->labels = object_or_empty(args->labels);
	n->options = object_or_empty(args->options);
	n->ipam = object_or_empty(args->ipam);
	n->internal = args->internal;
	n->attachable = args->attachable;
	n->enable_ipv4 = !args->disable_ipv4;
	n->enable_ipv6 = args->enable_ipv6;
	n->created_ns = time_now_ns();
	n->project = xstrdup(json_get_str(n->labels, LABEL_PROJECT));
	r = take_options(n, err);
	if (r == 0)
		r = take_ipam(n, err);
	if (r == 0)
		r = choose_subnets(n, err);
	if (r < 0)
		goto fail;
	doc = network_summary(n);
	r = state_network_put(d->state, n->id, doc, err);
	if (r < 0)
		goto fail;
	r = network_complete(n, err);
	if (r < 0)
		goto fail_record;
	map_set(d->networks, n->id, n);
	tell_firewall(d);
	emit(n, "create");
	json_decref(doc);
	*ret = n;
	return 0;

fail_record : {
	struct error ignored = ERROR_INIT;

	if (net_bridge_destroy(d->net, n->net.bridge, &ignored) < 0 ||
	    state_network_delete(d->state, n->id, &ignored) < 0)
		log_warn("network", "undo of %s: %s", n->name, ignored.msg);
}
fail:
	json_decref(doc);
	error_wrap(err, "create network %s", args->name);
	network_unref(n);
	return r;
}

void network_default_id(const struct daemon *d, char ret[DIGEST_HEX_MAX])
{
	auto_free char *text = xasprintf(NETWORK_DEFAULT " %s", d->state_dir);

	digest_of(text, strlen(text), ret);
}

int network_default(struct daemon *d, struct network **ret, struct error *err)
{
	char id[DIGEST_HEX_MAX];
	const struct network_args args = {.name = NETWORK_DEFAULT, .id = id, .implied = true};
	struct network *found = by_name(d, NETWORK_DEFAULT);

	if (found) {
		*ret = found;
		return 0;
	}
	network_default_id(d, id);
	return network_create(d, &args, ret, err);
}

void network_settled(struct network *n, container_done done, void *arg)
{
	net_firewall_sync(n->daemon->net, done, arg);
}

/* A container that holds an endpoint on it, running ones first. */
static const struct container *user_of(const struct network *n)
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

int network_remove(struct network *n, struct error *err)
{
	struct daemon *d = n->daemon;
	const struct container *user = user_of(n);
	int r;

	if (user)
		return error_set(err, EBUSY, "network %s is in use by container %s", n->name,
				 user->name);
	r = net_bridge_destroy(d->net, n->net.bridge, err);
	if (r == 0)
		r = state_network_delete(d->state, n->id, err);
	if (r < 0)
		return error_wrap(err, "remove network %s", n->name);
	map_take(d->networks, n->id);
	tell_firewall(d);
	emit(n, "destroy");
	network_unref(n);
	return 0;
}

void networks_leave(struct daemon *d)
{
	struct error err = ERROR_INIT;
	struct map_iter it = {0};

	while (map_next(d->networks, &it)) {
		struct network *n = it.value;

		if (n->implied && !user_of(n) && network_remove(n, &err) < 0)
			log_warn("network", "%s", err.msg);
	}
}

/* ---- at start and end */

static int load_one(void *arg, const char *id, const json_t *doc, struct error *err)
{
	struct daemon *d = arg;
	struct network *n = network_new(d, id, json_get_str(doc, "name"));
	int r;

	n->driver = xstrdup(json_get_str(doc, "driver"));
	n->labels = object_or_empty(json_get_obj(doc, "labels"));
	n->options = object_or_empty(json_get_obj(doc, "options"));
	n->ipam = object_or_empty(json_get_obj(doc, "ipam"));
	n->internal = json_get_bool(doc, "internal");
	n->attachable = json_get_bool(doc, "attachable");
	n->enable_ipv4 = json_get_bool(doc, "enable_ipv4");
	n->enable_ipv6 = json_get_bool(doc, "enable_ipv6");
	n->implied = json_get_bool(doc, "implied");
	n->created_ns = json_get_int(doc, "created_ns", 0);
	n->project = xstrdup(json_get_str(n->labels, LABEL_PROJECT));
	r = take_options(n, err);
	if (r == 0)
		r = take_ipam(n, err);
	if (r == 0)
		r = choose_subnets(n,
				   err); /* the record has the subnets: only the gateways are set */
	if (r < 0) {
		log_err("network", "record of %s is left out: %s", n->name ? n->name : id,
			err->msg);
		network_unref(n);
		return 0;
	}
	map_set(d->networks, n->id, n);
	return 0;
}

int networks_load(struct daemon *d, struct error *err)
{
	struct map_iter it = {0};
	struct error problem = ERROR_INIT;
	int r = state_networks_each(d->state, load_one, d, err);

	if (r < 0)
		return r;
	while (map_next(d->networks, &it))
		if (network_complete(it.value, &problem) < 0)
			log_err("network", "%s", problem.msg);
	tell_firewall(d);
	return 0;
}

static bool link_wanted(const struct daemon *d, const char *name)
{
	struct map_iter it = {0};

	while (map_next(d->networks, &it))
		if (str_eq(((struct network *)it.value)->net.bridge, name))
			return true;
	it = (struct map_iter){0};
	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		if ((c->pid || c->out_of_reach) && endpoint_owns_link(c, name))
			return true;
	}
	return false;
}

void networks_sweep(struct daemon *d)
{
	static const char kinds[] = "bv";
	struct error err = ERROR_INIT;
	const char *kind;

	for (kind = kinds; *kind; kind++) {
		auto_free char *prefix = xasprintf("%s%c", d->tag, *kind);
		AUTO(strv_free) char **names = NULL;
		size_t i;

		if (net_link_list(d->net, prefix, &names, &err) < 0) {
			log_warn("network", "list links: %s", err.msg);
			continue;
		}
		for (i = 0; i < strv_len(names); i++) {
			if (link_wanted(d, names[i]))
				continue;
			log_info("network", "removing link %s, which belongs to nothing", names[i]);
			if (net_link_destroy(d->net, names[i], &err) < 0)
				log_warn("network", "%s", err.msg);
		}
	}
}

void networks_free(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_next(d->networks, &it))
		network_unref(it.value);
	map_free(d->networks);
	d->networks = NULL;
}
