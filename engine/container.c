/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Container objects: made, found, recorded, shown, removed.  What happens in between is in
 * lifecycle.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/events.h"
#include "engine/health.h"
#include "engine/network.h"
#include "engine/state.h"
#include "engine/trash.h"

#define SHORT_ID      12
#define ID_PREFIX_MIN 4
#define LABEL	      "com.docker.compose."

/* ---- memory */

static struct container *container_new(struct daemon *d, const char *id, const char *name)
{
	struct container *c = xcalloc(1, sizeof(*c));

	c->daemon = d;
	c->refs = 1;
	str_copy(c->id, sizeof(c->id), id);
	c->name = xstrdup(name);
	c->dir = xasprintf("%s/containers/%s", d->state_dir, id);
	list_init(&c->kept_sockets);
	c->life = life_new(c);
	return c;
}

struct container *container_ref(struct container *c)
{
	c->refs++;
	return c;
}

void container_unref(struct container *c)
{
	if (!c || --c->refs)
		return;
	life_free(c);
	health_free(c);
	shim_free(c->shim);
	container_config_release(&c->config);
	image_unref(c->image);
	free(c->image_id);
	free(c->name);
	free(c->project);
	free(c->service);
	free(c->config_hash);
	free(c->error);
	free(c->unusable);
	free(c->dir);
	free(c);
}

static void take_labels(struct container *c)
{
	const json_t *labels = c->config.labels;
	const char *number = json_get_str(labels, LABEL "container-number");
	const char *one_off = json_get_str(labels, LABEL "oneoff");

	c->project = xstrdup(json_get_str(labels, LABEL "project"));
	c->service = xstrdup(json_get_str(labels, LABEL "service"));
	c->config_hash = xstrdup(json_get_str(labels, LABEL "config-hash"));
	c->one_off = one_off && !strcasecmp(one_off, "true");
	if (!number || parse_i64(number, &c->number) < 0)
		c->number = 0;
}

/* ---- finding */

int container_find(struct daemon *d, const char *ref, struct container **ret, struct error *err)
{
	struct container *found = map_get(d->containers, ref);
	struct map_iter it = {0};
	size_t matches = 0;

	if (!found)
		found = map_get(d->container_names, ref);
	if (!found && strlen(ref) >= ID_PREFIX_MIN)
		while (map_next(d->containers, &it))
			if (str_starts(it.key, ref)) {
				found = it.value;
				matches++;
			}
	if (matches > 1)
		return error_set(err, EINVAL, "%s is the beginning of more than one container's id",
				 ref);
	if (!found)
		return error_set(err, ENOENT, "no such container: %s", ref);
	*ret = found;
	return 0;
}

/* ---- the record */

static json_t *document(const struct container *c)
{
	json_t *doc = json_object();

	json_set_str(doc, "name", c->name);
	json_set_new(doc, "config", container_config_encode(&c->config));
	json_set_str(doc, "image_id", c->image_id);
	json_set_int(doc, "state", c->state);
	json_set_int(doc, "created_ns", c->created_ns);
	json_set_int(doc, "started_ns", c->started_ns);
	json_set_int(doc, "finished_ns", c->finished_ns);
	json_set_int(doc, "exit_code", c->exit_code);
	json_set_bool(doc, "oom_killed", c->oom_killed);
	json_set_bool(doc, "stopped_by_user", c->stopped_by_user);
	json_set_str(doc, "error", c->error);
	json_set_int(doc, "restart_count", c->restart_count);
	json_set_new(doc, "endpoints", endpoints_encode(c));
	return doc;
}

int container_save(struct container *c, struct error *err)
{
	auto_json json_t *doc = c->unusable ? NULL : document(c);

	if (!doc)
		return 0; /* the record knows more than we do */
	return state_container_put(c->daemon->state, c->id, doc, err);
}

void container_save_or_log(struct container *c)
{
	struct error err = ERROR_INIT;

	if (container_save(c, &err) < 0)
		log_err("container", "record of %s: %s", c->name, err.msg);
}

/*
 * A record that does not fit any more (a network without its record, after a crash on a full disk)
 * is still a container: it is shown and can be removed, with all that it has; `up` makes it anew.
 */
static void take_what_can_be(struct container *c, const json_t *doc, const struct error *why)
{
	const json_t *config = json_get_obj(doc, "config");
	auto_json json_t *rest = json_object();
	struct error ignored = ERROR_INIT;

	c->unusable = xstrdup(why->msg);
	log_err("container", "the record of %s cannot be used: %s", c->name, why->msg);
	if (c->config.labels) /* what was wrong came after it */
		return;
	json_object_set(rest, "labels", json_get_obj(config, "labels"));
	json_set_str(rest, "image", json_get_str(config, "image"));
	if (container_config_decode(rest, &c->config, &ignored) < 0)
		c->config.labels = json_object();
}

static int load_one(void *arg, const char *id, const json_t *doc, struct error *err)
{
	struct daemon *d = arg;
	const char *name = json_get_str(doc, "name");
	struct container *c = container_new(d, id, name ? name : id);
	int64_t state = json_get_int(doc, "state", CONTAINER_EXITED);

	if (container_config_decode(json_get_obj(doc, "config"), &c->config, err) < 0 ||
	    endpoints_restore(c, json_get_arr(doc, "endpoints"), err) < 0) {
		take_what_can_be(c, doc, err);
		*err = ERROR_INIT;
	}
	take_labels(c);
	if (c->unusable)
		free(steal_ptr(&c->config_hash)); /* it is as nobody wants it */
	c->image_id = xstrdup(json_get_str(doc, "image_id"));
	c->state = state >= 0 && state < CONTAINER_STATE_MAX ? (enum container_state)state
							     : CONTAINER_EXITED;
	c->created_ns = json_get_int(doc, "created_ns", 0);
	c->started_ns = json_get_int(doc, "started_ns", 0);
	c->finished_ns = json_get_int(doc, "finished_ns", 0);
	c->exit_code = (int)json_get_int(doc, "exit_code", 0);
	c->oom_killed = json_get_bool(doc, "oom_killed");
	c->stopped_by_user = json_get_bool(doc, "stopped_by_user");
	c->error = xstrdup(json_get_str(doc, "error"));
	c->restart_count = json_get_int(doc, "restart_count", 0);
	if (c->image_id && image_resolve(d->images, c->image_id, &c->image, err) < 0)
		*err = ERROR_INIT; /* gone: said when it is to be started */
	map_set(d->containers, c->id, c);
	map_set(d->container_names, c->name, c);
	return 0;
}

int containers_load(struct daemon *d, struct error *err)
{
	return state_containers_each(d->state, load_one, d, err);
}

void containers_free(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		struct container *c = it.value;

		net_dns_client_remove(c->dns);
		c->dns = NULL;
		publish_release(c);
		endpoints_release(c);
		container_unref(c);
	}
	map_free(d->containers);
	map_free(d->container_names);
}

/* ---- making */

static void make_name(struct daemon *d, const char *id, char **ret)
{
	static const char *const left[] = {"brave",  "calm",  "clever", "eager", "gentle",
					   "happy",  "jolly", "keen",	"lucid", "merry",
					   "nimble", "proud", "quiet",	"swift"};
	static const char *const right[] = {"curie",   "darwin",  "euler",  "fermi",
					    "gauss",   "hopper",  "kepler", "lovelace",
					    "maxwell", "noether", "pascal", "turing"};
	unsigned hash = 0, i;

	for (i = 0; i < 8; i++)
		hash = hash * 31 + (unsigned char)id[i];
	*ret = xasprintf("%s_%s", left[hash % ARRAY_LEN(left)],
			 right[hash / ARRAY_LEN(left) % ARRAY_LEN(right)]);
	if (!map_has(d->container_names, *ret))
		return;
	free(*ret);
	*ret = xasprintf("%s_%s_%.6s", left[hash % ARRAY_LEN(left)], right[hash % ARRAY_LEN(right)],
			 id);
}

static int check_name(struct daemon *d, const char *name, struct error *err)
{
	const struct container *other = map_get(d->container_names, name);

	if (!str_valid_name(name))
		return error_set(err, EINVAL,
				 "invalid container name \"%s\": use letters, digits, _ . and -",
				 name);
	return other ? error_set(err, EEXIST,
				 "the container name \"%s\" is already in use by container %.*s",
				 name, SHORT_ID, other->id)
		     : 0;
}

/* Those of the image, under its own; an image does not say which project a container belongs to. */
static void add_image_labels(struct container *c)
{
	json_t *labels = json_object(), *value;
	const char *key;

	json_object_foreach (json_get_obj(c->image->config, "Labels"), key, value)
		if (!str_starts(key, LABEL) && json_is_string(value))
			json_set_new(labels, key, json_incref(value));
	json_object_update(labels, c->config.labels);
	json_decref(c->config.labels);
	c->config.labels = labels;
}

static int copy_config(const struct container_config *from, struct container_config *to,
		       struct error *err)
{
	auto_json json_t *doc = container_config_encode(from);

	return container_config_decode(doc, to, err);
}

/* Words of /etc/hosts and /etc/resolv.conf. */
static int check_lines(const char *key, char *const *list, struct error *err)
{
	size_t i;
	const char *at;

	for (i = 0; i < strv_len(list); i++)
		for (at = list[i]; *at; at++)
			if ((unsigned char)*at < ' ' || *at == 0x7f)
				return error_set(err, EINVAL, "%s[%zu]: a control character", key,
						 i);
	return 0;
}

/* Names end up in files of the container and in packets: nothing that could break out of a line. */
static int check_config(const struct container_config *c, struct error *err)
{
	int signo;

	if (c->hostname && !str_valid_hostname(c->hostname))
		return error_set(err, EINVAL, "invalid hostname \"%s\"", c->hostname);
	if (c->domainname && !str_valid_hostname(c->domainname))
		return error_set(err, EINVAL, "invalid domainname \"%s\"", c->domainname);
	if (check_lines("extra_hosts", c->extra_hosts, err) < 0 ||
	    check_lines("dns_search", c->dns_search, err) < 0 ||
	    check_lines("dns_opt", c->dns_opt, err) < 0)
		return -err->code;
	if (c->stop_signal && runtime_signal(c->stop_signal, &signo, err) < 0)
		return error_wrap(err, "stop_signal");
	return 0;
}

/* The log is there from the start: whoever attaches before the container runs has it open, and
 * reads it to its end even when the container is removed the moment it ends. */
static int make_directory(struct container *c, struct error *err)
{
	auto_free char *log = xasprintf("%s/log", c->dir);
	auto_fd int fd = -1;
	int r = file_mkdir_p(c->dir, 0700, err);

	if (r < 0)
		return r;
	fd = open(log, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	return fd < 0 ? error_sys(err, errno, "create %s", log) : 0;
}

int container_create(struct daemon *d, const struct container_create_args *args,
		     struct container **ret, struct error *err)
{
	char id[DIGEST_HEX_MAX];
	auto_free char *name = NULL;
	struct container *c;
	int r;

	digest_random_id(id);
	if (args->name)
		name = xstrdup(args->name);
	else
		make_name(d, id, &name);
	r = check_name(d, name, err);
	if (r < 0)
		return r;
	c = container_new(d, id, name);
	r = copy_config(args->config, &c->config, err);
	if (r == 0)
		r = check_config(&c->config, err);
	if (r == 0 && args->image)
		c->image = image_ref(args->image);
	else if (r == 0)
		r = image_resolve(d->images, c->config.image ? c->config.image : "", &c->image,
				  err);
	if (r < 0)
		goto fail;
	c->image_id = xstrdup(c->image->id);
	c->created_ns = time_now_ns();
	c->state = CONTAINER_CREATED;
	add_image_labels(c);
	take_labels(c);
	r = endpoints_allocate(c, err);
	if (r < 0)
		goto fail;
	r = container_prepare_volumes(c, err);
	if (r == 0)
		r = make_directory(c, err);
	if (r == 0)
		r = container_save(c, err);
	if (r < 0)
		goto fail_endpoints;
	map_set(d->containers, c->id, c);
	map_set(d->container_names, c->name, c);
	container_emit(c, "create", NULL, NULL);
	container_notify(c, CONTAINER_CHANGED_STATE);
	*ret = c;
	return 0;

fail_endpoints:
	endpoints_release(c);
fail:
	error_wrap(err, "create container %s", name);
	container_unref(c);
	return r;
}

int container_rename(struct container *c, const char *name, struct error *err)
{
	struct daemon *d = c->daemon;
	int r = check_name(d, name, err);

	if (r < 0)
		return r;
	map_take(d->container_names, c->name);
	free(c->name);
	c->name = xstrdup(name);
	map_set(d->container_names, c->name, c);
	container_emit(c, "rename", NULL, NULL);
	return container_save(c, err);
}

/* ---- removing */

/* A container that has the volume mounted, running or not. */
bool volume_users(void *arg, const char *name, char **ret_by)
{
	const struct daemon *d = arg;
	struct map_iter it = {0};
	size_t i;

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		for (i = 0; i < c->config.mount_count; i++) {
			const struct config_mount *m = &c->config.mounts[i];

			if (!str_eq(m->type, "volume") || !str_eq(m->source, name))
				continue;
			*ret_by = xstrdup(c->name);
			return true;
		}
	}
	return false;
}

/* Those of the container alone go, or stay for whoever comes after it. */
static void settle_volumes(struct container *c, bool remove)
{
	struct volume_store *store = c->daemon->volumes;
	size_t i;

	for (i = 0; i < c->config.mount_count; i++) {
		const struct config_mount *m = &c->config.mounts[i];
		struct volume *v = str_eq(m->type, "volume") && m->source
					   ? volume_get(store, m->source)
					   : NULL;
		struct error err = ERROR_INIT;
		auto_free char *by = NULL;
		int r = 0;

		if (!v || !v->anonymous || volume_users(c->daemon, m->source, &by))
			continue;
		if (remove)
			r = volume_remove(store, m->source, true, NULL, NULL, &err);
		else
			r = volume_let_go(store, v, &err);
		if (r < 0)
			log_warn("container", "%s", err.msg);
	}
}

/*
 * What a crash in the middle of a creation has left; not where records could not be read, nor where
 * there is none at all: the database may have been lost, and the volumes are all that is left.
 */
void containers_sweep_volumes(struct daemon *d)
{
	struct map_iter it = {0};

	if (!map_len(d->containers))
		return;
	while (map_next(d->containers, &it))
		if (((const struct container *)it.value)->unusable)
			return;
	volumes_sweep(d->volumes, volume_users, d);
}

void container_destroy(struct container *c, bool volumes)
{
	struct daemon *d = c->daemon;
	struct error err = ERROR_INIT;
	auto_free char *run = xasprintf("%s/containers/%s", d->run_dir, c->id);

	if (c->state == CONTAINER_REMOVING)
		return;
	container_ref(c);
	c->state = CONTAINER_REMOVING;
	health_free(c);
	publish_release(c);
	/* From here on it is not found any more; its files go in the background. */
	map_take(d->containers, c->id);
	map_take(d->container_names, c->name);
	endpoints_release(c);
	settle_volumes(c, volumes);
	trash_put(d, c->dir);
	if (file_remove_tree(AT_FDCWD, run, &err) < 0)
		log_warn("container", "%s", err.msg);
	if (state_container_delete(d->state, c->id, &err) < 0)
		log_err("container", "record of %s: %s", c->name, err.msg);
	container_emit(c, "destroy", NULL, NULL);
	container_notify(c, CONTAINER_CHANGED_REMOVED);
	life_free(c);
	container_unref(c);
	container_unref(c); /* the map's */
}

/* ---- watching */

void container_watch_add(struct daemon *d, struct container_watch *w)
{
	list_append(&d->container_watchers, &w->link);
}

void container_watch_remove(struct container_watch *w)
{
	list_remove(&w->link);
}

/* A call may remove any watch, its own too: a cursor in the list holds the place. */
void container_notify(struct container *c, enum container_change what)
{
	struct list *head = &c->daemon->container_watchers, *at;
	struct container_watch cursor = {.changed = NULL};

	container_ref(c);
	list_init(&cursor.link);
	for (at = head->next; at != head;) {
		struct container_watch *w = list_entry(at, struct container_watch, link);

		list_insert_before(w->link.next, &cursor.link);
		if (w->changed)
			w->changed(w, c, what);
		at = cursor.link.next;
		list_remove(&cursor.link);
	}
	container_unref(c);
}

void container_emit(struct container *c, const char *action, const char *detail_key,
		    const char *detail)
{
	json_t *attributes = json_copy(c->config.labels);

	json_set_str(attributes, "name", c->name);
	json_set_str(attributes, "image", c->config.image);
	if (detail_key)
		json_set_str(attributes, detail_key, detail);
	events_emit(c->daemon->events, "container", action, c->id, attributes);
}

int container_stop_signal(const struct container *c)
{
	struct error ignored = ERROR_INIT;
	const char *name = c->config.stop_signal;
	int signo = SIGTERM;

	if (!name && c->image)
		name = json_get_str(c->image->config, "StopSignal");
	if (name && runtime_signal(name, &signo, &ignored) < 0)
		return SIGTERM;
	return signo;
}

int container_pids(const struct container *c, pid_t **ret, size_t *ret_count, struct error *err)
{
	return runtime_cgroup_pids(&c->daemon->host, c->daemon->tag, c->id, ret, ret_count, err);
}
