/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container of `cmp run`: the service's definition with what the command line says, as a
 * definition of its own.  Also the two short forms that the command line brings along.
 */
#include <errno.h>

#include "engine/job_int.h"
#include "engine/translate.h"

/* ---- the definition */

static json_t *list_of(json_t *definition, const char *key)
{
	json_t *list = json_get_arr(definition, key);

	if (!list) {
		list = json_array();
		json_object_set_new(definition, key, list);
	}
	return list;
}

static json_t *map_of(json_t *definition, const char *key)
{
	json_t *map = json_get_obj(definition, key);

	if (!map) {
		map = json_object();
		json_object_set_new(definition, key, map);
	}
	return map;
}

static void append(json_t *definition, const char *key, char *const *values)
{
	json_t *list = list_of(definition, key);

	for (; values && *values; values++)
		json_array_append_new(list, json_str(*values));
}

static void set_environment(json_t *definition, char *const *env)
{
	json_t *map = map_of(definition, "environment");

	for (; env && *env; env++) {
		size_t len = strcspn(*env, "=");
		auto_free char *key = xstrndup(*env, len);

		if ((*env)[len])
			json_set_str(map, key, *env + len + 1);
	}
}

static int set_lists(const struct job_request *r, json_t *definition, struct error *err)
{
	const struct job_options *o = &r->options;
	char *const *at;
	json_t *entry;

	if (!o->service_ports)
		json_object_set_new(definition, "ports", json_array());
	for (at = o->publish; at && *at; at++) {
		if (translate_short_port(*at, &entry, err) < 0)
			return -err->code;
		json_array_append_new(list_of(definition, "ports"), entry);
	}
	for (at = o->mounts; at && *at; at++) {
		if (translate_short_volume(*at, r->working_dir, &entry, err) < 0)
			return -err->code;
		json_array_append_new(list_of(definition, "volumes"), entry);
	}
	append(definition, "cap_add", o->cap_add);
	append(definition, "cap_drop", o->cap_drop);
	return 0;
}

/* A one-off answers to its own name only, unless asked. */
static void drop_aliases(json_t *definition)
{
	const char *key;
	json_t *options;

	json_object_foreach (json_get_obj(definition, "networks"), key, options)
		json_object_del(options, "aliases");
}

/* A new entrypoint clears the service's command, as it does the image's. */
static int set_words(const struct job_options *o, json_t *definition, struct error *err)
{
	json_t *words;

	if (o->entrypoint) {
		if (translate_words(o->entrypoint, &words, err) < 0)
			return error_wrap(err, "entrypoint");
		json_object_set_new(definition, "entrypoint", words);
		json_object_set_new(definition, "command", json_array());
	}
	if (json_is_array(o->command))
		json_object_set(definition, "command", o->command);
	return 0;
}

int one_off_definition(const struct job_request *r, const json_t *service, json_t **ret,
		       struct error *err)
{
	static const char *const dropped[] = {"restart", "container_name", "scale"};
	const struct job_options *o = &r->options;
	json_t *d = json_deep_copy(service);
	size_t i;

	for (i = 0; i < ARRAY_LEN(dropped); i++)
		json_object_del(d, dropped[i]);
	json_object_del(json_get_obj(d, "deploy"), "restart_policy");
	if (!o->use_aliases)
		drop_aliases(d);
	set_environment(d, o->env);
	json_object_update(map_of(d, "labels"), json_is_object(o->labels) ? o->labels : NULL);
	json_set_str(d, "user", o->user);
	json_set_str(d, "working_dir", o->working_dir);
	json_set_bool(d, "tty", o->tty);
	json_set_bool(d, "stdin_open", o->stdin_open);
	if (set_words(o, d, err) < 0 || set_lists(r, d, err) < 0) {
		json_decref(d);
		return -err->code;
	}
	*ret = d;
	return 0;
}
