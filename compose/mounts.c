/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes and devices of services: TARGET, SOURCE:TARGET[:OPTIONS], SRC[:DST[:PERMISSIONS]].  A
 * source that looks like a path is a bind, anything else the name of a volume.
 */
#include <ctype.h>
#include <string.h>

#include "compose/schema.h"

#define PARTS_MAX 4

static void set(struct compose_ctx *c, struct compose_node *map, const char *key, const char *text)
{
	node_put(c->arena, map, key, map->mark, node_string(c->arena, text, map->mark));
}

static void set_true(struct compose_ctx *c, struct compose_node *map, const char *key)
{
	struct compose_node *n = node_new(c->arena, COMPOSE_BOOL, map->mark);

	n->boolean = true;
	node_put(c->arena, map, key, map->mark, n);
}

/* The mapping `key` of the volume, made when it is not there. */
static struct compose_node *section(struct compose_ctx *c, struct compose_node *map,
				    const char *key)
{
	struct compose_node *n = node_get(map, key);

	if (!n) {
		n = node_new(c->arena, COMPOSE_MAP, map->mark);
		node_put(c->arena, map, key, map->mark, n);
	}
	return n;
}

/*
 * Cuts at ":" outside of ${…} and not after a drive letter.  Returns how many parts there are, at
 * most PARTS_MAX.
 */
static size_t split(struct arena *a, const char *text, const char *parts[PARTS_MAX])
{
	size_t count = 0, depth = 0;
	const char *start = text, *at;

	for (at = text; count < PARTS_MAX; at++) {
		if (at[0] == '$' && at[1] == '{')
			depth++;
		if (*at == '}' && depth)
			depth--;
		if (*at == ':' && (depth || (at - start == 1 && isalpha((unsigned char)*start))))
			continue;
		if (*at && *at != ':')
			continue;
		parts[count++] = arena_strndup(a, start, (size_t)(at - start));
		if (!*at)
			break;
		start = at + 1;
	}
	return count;
}

static bool path_like(const char *source)
{
	bool drive = isalpha((unsigned char)source[0]) && source[1] == ':';

	return (*source && strchr("./~", *source)) || drive ||
	       (source[0] == '\\' && source[1] == '\\');
}

static void add_option(struct compose_ctx *c, struct compose_node *mount, const char *option)
{
	static const char *const propagations[] = {"private", "rprivate", "shared",
						   "rshared", "slave",	  "rslave"};
	size_t i;

	if (!strcmp(option, "ro"))
		set_true(c, mount, "read_only");
	else if (!strcmp(option, "nocopy"))
		set_true(c, section(c, mount, "volume"), "nocopy");
	else if (!strcmp(option, "z") || !strcmp(option, "Z"))
		set(c, section(c, mount, "bind"), "selinux", option);
	for (i = 0; i < ARRAY_LEN(propagations); i++)
		if (!strcmp(option, propagations[i]))
			set(c, section(c, mount, "bind"), "propagation", option);
}

static const char *volume_fault(const char *text, const char *const *parts, size_t count)
{
	size_t i;

	if (!*text)
		return "is empty";
	for (i = 0; i < count; i++)
		if (!*parts[i])
			return "has nothing between two colons: write SOURCE:TARGET[:OPTIONS]";
	return count > 3 ? "has too many colons: write SOURCE:TARGET[:OPTIONS]" : NULL;
}

static struct compose_node *short_volume(struct compose_ctx *c, const struct compose_path *path,
					 const struct compose_node *item)
{
	struct compose_node *mount = node_new(c->arena, COMPOSE_MAP, item->mark);
	const char *parts[PARTS_MAX] = {0}, *wrong, *source;
	size_t i, count, len = strlen(item->text);
	AUTO(strv_free) char **options = NULL;

	if (len == 1 || len == 2) {
		set(c, mount, "type", "volume");
		set(c, mount, "target", item->text);
		return mount;
	}
	count = split(c->arena, item->text, parts);
	wrong = volume_fault(item->text, parts, count);
	if (wrong) {
		problem_at(c, DIAG_VALUE, path, item->mark, "volume \"%s\" %s", item->text, wrong);
		return NULL;
	}
	source = count > 1 ? parts[0] : "";
	set(c, mount, "type", path_like(source) ? "bind" : "volume");
	if (*source)
		set(c, mount, "source", source);
	set(c, mount, "target", parts[count > 1 ? 1 : 0]);
	options = strv_split(count > 2 ? parts[2] : "", ",");
	for (i = 0; i < strv_len(options); i++)
		add_option(c, mount, options[i]);
	if (path_like(source))
		set_true(c, section(c, mount, "bind"), "create_host_path");
	else
		section(c, mount, "volume");
	return mount;
}

static bool is_type(const struct compose_node *mount, const char *type)
{
	const struct compose_node *n = node_get(mount, "type");

	return n && n->kind == COMPOSE_STRING && !strcmp(n->text, type);
}

static void complete_volume(struct compose_ctx *c, const struct compose_path *path,
			    struct compose_node *mount)
{
	struct compose_node *source = node_get(mount, "source"),
			    *target = node_get(mount, "target");

	if (!target)
		problem_at(c, DIAG_REQUIRED, path, mount->mark, "target is missing");
	else if (target->kind == COMPOSE_STRING && *target->text && !is_opaque(c, target) &&
		 !c->options->no_normalize)
		target->text = path_clean(c->arena, target->text);
	if (!is_type(mount, "bind"))
		return;
	if (source && source->kind == COMPOSE_STRING && *source->text != '/' &&
	    !is_opaque(c, source))
		source->text = path_resolve(c, source->text);
}

struct compose_node *expand_volumes(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	struct compose_node *out = node_new(c->arena, COMPOSE_LIST, n->mark);
	size_t i;

	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};
		struct compose_node *item = n->list.items[i];

		if (!want_shape(c, &at, item, SHAPE_MAP | SHAPE_STRING,
				"a volume like \"data:/data\" or a mapping"))
			continue;
		if (item->kind == COMPOSE_STRING)
			item = short_volume(c, &at, item);
		if (!item)
			continue;
		complete_volume(c, &at, item);
		node_append(c->arena, out, item);
	}
	return out;
}

/* ---- devices */

static struct compose_node *short_device(struct compose_ctx *c, const struct compose_path *path,
					 const struct compose_node *item)
{
	struct compose_node *device = node_new(c->arena, COMPOSE_MAP, item->mark);
	AUTO(strv_free) char **parts = strv_split(item->text, ":");
	size_t count = strv_len(parts);

	if (strchr(item->text, '=')) { /* the qualified name of a CDI device */
		set(c, device, "source", item->text);
		set(c, device, "target", item->text);
		set(c, device, "permissions", "rwm");
		return device;
	}
	if (count < 1 || count > 3) {
		problem_at(c, DIAG_VALUE, path, item->mark,
			   "device \"%s\" must be SOURCE[:TARGET[:PERMISSIONS]]", item->text);
		return NULL;
	}
	set(c, device, "source", parts[0]);
	set(c, device, "target", count > 1 ? parts[1] : parts[0]);
	set(c, device, "permissions", count > 2 ? parts[2] : "rwm");
	return device;
}

struct compose_node *expand_devices(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	size_t i, kept = 0;

	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};
		struct compose_node *item = n->list.items[i];

		if (item->kind == COMPOSE_STRING && !is_opaque(c, item))
			item = short_device(c, &at, item);
		if (item)
			n->list.items[kept++] = item;
	}
	n->list.count = kept;
	return n;
}
