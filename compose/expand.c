/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short syntax to long, one function per form.  Each is given a value of an accepted shape and
 * returns its long form, or NULL after reporting what is wrong with it.  Relative paths become
 * absolute here, where it is still known which file they come from.
 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "compose/schema.h"
#include "compose/yaml.h"

static struct compose_node *new_map(struct compose_ctx *c, const struct compose_node *like)
{
	return node_new(c->arena, COMPOSE_MAP, like->mark);
}

static struct compose_node *new_list(struct compose_ctx *c, const struct compose_node *like)
{
	return node_new(c->arena, COMPOSE_LIST, like->mark);
}

static struct compose_node *new_bool(struct compose_ctx *c, bool value, struct compose_mark mark)
{
	struct compose_node *n = node_new(c->arena, COMPOSE_BOOL, mark);

	n->boolean = value;
	return n;
}

static struct compose_node *new_int(struct compose_ctx *c, int64_t value, struct compose_mark mark)
{
	struct compose_node *n = node_new(c->arena, COMPOSE_INT, mark);

	n->integer = value;
	return n;
}

static void set_default(struct compose_ctx *c, struct compose_node *map, const char *key,
			struct compose_node *value)
{
	if (map->kind == COMPOSE_MAP && !node_pair(map, key))
		node_put(c->arena, map, key, map->mark, value);
}

/* ---- paths */

const char *path_clean(struct arena *a, const char *path)
{
	auto_buf struct buf out = BUF_INIT;
	bool rooted = *path == '/';
	size_t len, floor = rooted;

	if (rooted)
		buf_addc(&out, '/');
	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!len || (len == 1 && *path == '.'))
			continue;
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			if (out.len > floor) {
				while (out.len > floor && out.data[out.len - 1] != '/')
					out.data[--out.len] = '\0';
				if (out.len > floor)
					out.data[--out.len] = '\0';
				continue;
			}
			if (rooted)
				continue;
			floor = out.len + (out.len ? 3 : 2);
		}
		if (out.len && out.data[out.len - 1] != '/')
			buf_addc(&out, '/');
		buf_add(&out, path, len);
	}
	return arena_strdup(a, out.len ? out.data : ".");
}

static bool windows_path(const char *path)
{
	bool drive = ((path[0] | 32) >= 'a' && (path[0] | 32) <= 'z') && path[1] == ':';

	return (path[0] == '\\' && path[1] == '\\') ||
	       (drive && (path[2] == '\\' || path[2] == '/'));
}

const char *path_resolve(const struct compose_ctx *c, const char *path)
{
	const char *home = map_get(c->env, "HOME");

	if (c->options->no_path_resolution || windows_path(path))
		return path;
	if (path[0] == '~' && (path[1] == '/' || !path[1]) && home)
		return path_clean(c->arena, arena_printf(c->arena, "%s/%s", home, path + 1));
	if (path[0] == '/')
		return path_clean(c->arena, path);
	return path_clean(c->arena, arena_printf(c->arena, "%s/%s", c->dir, path));
}

struct compose_node *expand_path(struct compose_ctx *c, const struct compose_path *path,
				 struct compose_node *n)
{
	if (!*n->text) {
		problem_at(c, DIAG_VALUE, path, n->mark, "the path is empty");
		return NULL;
	}
	n->text = path_resolve(c, n->text);
	return n;
}

static bool remote_context(const char *text)
{
	static const char *const prefixes[] = {"git@", "github.com/",
					       "service:", "docker-image://"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_starts(text, prefixes[i]))
			return true;
	return strstr(text, "://");
}

/* A variable without a value may stand for the file: only a container that wants it suffers. */
struct compose_node *expand_file(struct compose_ctx *c, const struct compose_path *path,
				 struct compose_node *n)
{
	if (!*n->text)
		warning_at(c, DIAG_VALUE, path, n->mark,
			   "the path is empty, which is the project directory");
	n->text = path_resolve(c, n->text);
	return n;
}

struct compose_node *expand_build_context(struct compose_ctx *c, const struct compose_path *path,
					  struct compose_node *n)
{
	(void)path;
	if (*n->text && !remote_context(n->text))
		n->text = path_resolve(c, n->text);
	return n;
}

/* ---- lists and mappings */

/* One "KEY=VALUE" or "KEY", which stands for nothing. */
static void add_assignment(struct compose_ctx *c, const struct compose_path *path,
			   struct compose_node *map, const struct compose_node *item)
{
	const char *text = yaml_scalar_text(c->arena, item), *equals = strchr(text, '=');
	const char *key = equals ? arena_strndup(c->arena, text, (size_t)(equals - text)) : text;
	const struct compose_pair *before = node_pair(map, key);
	struct compose_node *value;

	if (equals)
		value = node_text(c->arena, equals + 1, item->mark);
	else
		value = node_new(c->arena, COMPOSE_NULL, item->mark);
	value->outside = item->outside;
	if (before && !node_equal(before->value, value)) {
		warning_at(c, DIAG_CONFLICT, path, item->mark,
			   "%s is set twice, the later value counts", key);
		diag_note(c->diags, before->key_mark, "set here before");
	}
	node_put(c->arena, map, key, item->mark, value);
}

struct compose_node *expand_mapping(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	struct compose_node *map;
	size_t i;

	if (n->kind != COMPOSE_LIST)
		return n;
	map = new_map(c, n);
	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};

		if (want_shape(c, &at, n->list.items[i], SHAPE_STRING, "KEY=VALUE"))
			add_assignment(c, path, map, n->list.items[i]);
	}
	return map;
}

struct compose_node *expand_contexts(struct compose_ctx *c, const struct compose_path *path,
				     struct compose_node *n)
{
	size_t i;

	n = expand_mapping(c, path, n);
	for (i = 0; i < n->map.count; i++) {
		struct compose_node *value = n->map.pairs[i].value;

		if (value->kind == COMPOSE_STRING)
			expand_build_context(c, path, value);
	}
	return n;
}

struct compose_node *expand_list(struct compose_ctx *c, const struct compose_path *path,
				 struct compose_node *n)
{
	struct compose_node *list;

	(void)path;
	if (n->kind == COMPOSE_LIST || n->kind == COMPOSE_NULL)
		return n;
	list = new_list(c, n);
	node_append(c->arena, list, n);
	return list;
}

/* No server is no server, not one without a name. */
struct compose_node *expand_servers(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	if (n->kind == COMPOSE_STRING && !*n->text)
		return new_list(c, n);
	return expand_list(c, path, n);
}

/* A list of names as a mapping of names to nothing. */
struct compose_node *expand_names(struct compose_ctx *c, const struct compose_path *path,
				  struct compose_node *n)
{
	struct compose_node *map;
	size_t i;

	if (n->kind != COMPOSE_LIST)
		return n;
	check_twice(c, path, n);
	map = new_map(c, n);
	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};
		const struct compose_node *item = n->list.items[i];

		if (want_shape(c, &at, item, SHAPE_STRING, NULL))
			node_put(c->arena, map, item->text, item->mark,
				 node_new(c->arena, COMPOSE_NULL, item->mark));
	}
	return map;
}

struct compose_node *expand_ssh(struct compose_ctx *c, const struct compose_path *path,
				struct compose_node *n)
{
	struct compose_node *list;
	size_t i;

	if (n->kind != COMPOSE_MAP)
		return expand_list(c, path, n);
	list = new_list(c, n);
	for (i = 0; i < n->map.count; i++) {
		const struct compose_pair *pair = &n->map.pairs[i];
		const char *value = yaml_scalar_text(c->arena, pair->value);

		node_append(c->arena, list,
			    node_string(c->arena,
					*value ? arena_printf(c->arena, "%s=%s", pair->key, value)
					       : pair->key,
					pair->key_mark));
	}
	return list;
}

/* ---- commands */

struct words {
	struct arena *arena;
	struct compose_node *list;
	struct compose_mark mark;
	struct buf word;
	bool open; /* a word has begun, perhaps an empty one */
};

static void end_word(struct words *w)
{
	if (w->open)
		node_append(w->arena, w->list,
			    node_string(w->arena, w->word.data ? w->word.data : "", w->mark));
	buf_reset(&w->word);
	if (w->word.data)
		w->word.data[0] = '\0';
	w->open = false;
}

/* Reads one quoted part; returns what follows its closing quote, or NULL. */
static const char *quoted_part(struct words *w, const char *at)
{
	char quote = *at++;

	w->open = true;
	for (; *at && *at != quote; at++) {
		if (*at == '\\' && quote == '"' && at[1])
			at++;
		buf_addc(&w->word, *at);
	}
	return *at ? at + 1 : NULL;
}

static const char *next_part(struct words *w, const char *at)
{
	if (*at == '\'' || *at == '"')
		return quoted_part(w, at);
	if (strchr(" \t\r\n", *at)) {
		end_word(w);
		return at + 1;
	}
	if (*at == '\\' && !*++at)
		return NULL;
	w->open = true;
	buf_addc(&w->word, *at);
	return at + 1;
}

struct compose_node *split_words(struct arena *a, const char *text, struct compose_mark mark)
{
	struct words w = {.arena = a,
			  .list = node_new(a, COMPOSE_LIST, mark),
			  .mark = mark,
			  .word = BUF_INIT};

	/* What only a shell understands ends the command, as in the reference. */
	while (text && *text && !strchr(";&|<>", *text))
		text = *text == '(' && !w.open ? NULL : next_part(&w, text);
	end_word(&w);
	buf_release(&w.word);
	return text ? w.list : NULL;
}

struct compose_node *expand_command(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	struct compose_node *words;

	if (n->kind != COMPOSE_STRING)
		return n;
	words = split_words(c->arena, n->text, n->mark);
	if (!words)
		problem_at(c, DIAG_VALUE, path, n->mark,
			   "cannot be split into words: a quote is not closed");
	return words;
}

struct compose_node *expand_probe(struct compose_ctx *c, const struct compose_path *path,
				  struct compose_node *n)
{
	struct compose_node *list;

	(void)path;
	if (n->kind != COMPOSE_STRING)
		return n;
	list = new_list(c, n);
	node_append(c->arena, list, node_string(c->arena, "CMD-SHELL", n->mark));
	node_append(c->arena, list, n);
	return list;
}

/* ---- extra_hosts */

static void add_hosts(struct compose_ctx *c, struct compose_node *list, const char *host,
		      const char *addresses, struct compose_mark mark)
{
	size_t len;

	for (;; addresses += len + 1) {
		const char *start = addresses, *end;

		len = strcspn(addresses, ",");
		end = start + len;
		if (*start == '[' && end > start && end[-1] == ']') {
			start++;
			end--;
		}
		node_append(c->arena, list,
			    node_string(c->arena,
					arena_printf(c->arena, "%s=%.*s", host, (int)(end - start),
						     start),
					mark));
		if (!addresses[len])
			return;
	}
}

static void host_item(struct compose_ctx *c, const struct compose_path *path,
		      struct compose_node *list, const struct compose_node *item)
{
	const char *split;

	if (!want_shape(c, path, item, SHAPE_STRING, "HOST=ADDRESS"))
		return;
	split = strchr(item->text, '=');
	split = split ? split : strchr(item->text, ':');
	if (!split || split == item->text)
		problem_at(c, DIAG_VALUE, path, item->mark,
			   "must be HOST=ADDRESS, like \"db=10.0.0.2\", not \"%s\"", item->text);
	else
		add_hosts(c, list,
			  arena_strndup(c->arena, item->text, (size_t)(split - item->text)),
			  split + 1, item->mark);
}

struct compose_node *expand_extra_hosts(struct compose_ctx *c, const struct compose_path *path,
					struct compose_node *n)
{
	struct compose_node *list = new_list(c, n);
	size_t i, k;

	if (n->kind == COMPOSE_LIST) {
		check_twice(c, path, n);
		for (i = 0; i < n->list.count; i++) {
			struct compose_path at = {path, NULL, i};

			host_item(c, &at, list, n->list.items[i]);
		}
	}
	for (i = 0; n->kind == COMPOSE_MAP && i < n->map.count; i++) {
		const struct compose_pair *pair = &n->map.pairs[i];
		const struct compose_node *value = pair->value;

		if (value->kind != COMPOSE_LIST)
			add_hosts(c, list, pair->key, yaml_scalar_text(c->arena, value),
				  pair->key_mark);
		for (k = 0; value->kind == COMPOSE_LIST && k < value->list.count; k++)
			add_hosts(c, list, pair->key,
				  yaml_scalar_text(c->arena, value->list.items[k]), pair->key_mark);
	}
	return list;
}

/* ---- parts of services */

/* The short form of a mapping: a string stands for its one key. */
static struct compose_node *string_as(struct compose_ctx *c, struct compose_node *n,
				      const char *key)
{
	struct compose_node *map;

	if (n->kind != COMPOSE_STRING)
		return n;
	map = new_map(c, n);
	node_set(c->arena, map, key, n->mark, n);
	return map;
}

struct compose_node *expand_build(struct compose_ctx *c, const struct compose_path *path,
				  struct compose_node *n)
{
	(void)path;
	return string_as(c, n, "context");
}

struct compose_node *expand_depends_on(struct compose_ctx *c, const struct compose_path *path,
				       struct compose_node *n)
{
	bool list = n->kind == COMPOSE_LIST;
	struct compose_node *one;
	size_t i;

	n = expand_names(c, path, n);
	for (i = 0; list && i < n->map.count; i++) {
		struct compose_pair *pair = &n->map.pairs[i];

		one = new_map(c, pair->value);
		node_put(c->arena, one, "condition", pair->key_mark,
			 node_string(c->arena, "service_started", pair->key_mark));
		node_put(c->arena, one, "required", pair->key_mark,
			 new_bool(c, true, pair->key_mark));
		pair->value = one;
	}
	return n;
}

struct compose_node *expand_env_file(struct compose_ctx *c, const struct compose_path *path,
				     struct compose_node *n)
{
	struct compose_node *item;
	size_t i;

	n = expand_list(c, path, n);
	for (i = 0; n->kind == COMPOSE_LIST && i < n->list.count; i++) {
		item = string_as(c, n->list.items[i], "path");
		n->list.items[i] = item;
		set_default(c, item, "required", new_bool(c, true, item->mark));
	}
	return n;
}

struct compose_node *expand_extends(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	(void)path;
	return string_as(c, n, "service");
}

struct compose_node *expand_requests(struct compose_ctx *c, const struct compose_path *path,
				     struct compose_node *n)
{
	size_t i;

	(void)path;
	for (i = 0; n->kind == COMPOSE_LIST && i < n->list.count; i++) {
		struct compose_node *item = n->list.items[i];

		if (item->kind == COMPOSE_MAP && !node_pair(item, "device_ids"))
			set_default(c, item, "count", new_int(c, -1, item->mark));
	}
	return n;
}

struct compose_node *expand_gpus(struct compose_ctx *c, const struct compose_path *path,
				 struct compose_node *n)
{
	struct compose_node *list;

	if (n->kind == COMPOSE_LIST)
		return expand_requests(c, path, n);
	if (strcmp(n->text, "all") != 0) {
		problem_at(c, DIAG_VALUE, path, n->mark, "must be \"all\" or a list, not \"%s\"",
			   n->text);
		return NULL;
	}
	list = new_list(c, n);
	node_append(c->arena, list, new_map(c, n));
	return expand_requests(c, path, list);
}

static struct compose_node *expand_mounts(struct compose_ctx *c, struct compose_node *n,
					  const char *target_dir)
{
	const struct compose_node *source;
	struct compose_node *item;
	size_t i;

	for (i = 0; n->kind == COMPOSE_LIST && i < n->list.count; i++) {
		item = string_as(c, n->list.items[i], "source");
		n->list.items[i] = item;
		source = node_get(item, "source");
		if (target_dir && source && source->kind == COMPOSE_STRING)
			set_default(c, item, "target",
				    node_string(c->arena,
						arena_printf(c->arena, "%s%s", target_dir,
							     source->text),
						source->mark));
	}
	return n;
}

struct compose_node *expand_secrets(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	(void)path;
	return expand_mounts(c, n, "/run/secrets/");
}

struct compose_node *expand_configs(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	(void)path;
	return expand_mounts(c, n, NULL);
}

/* A number is what YAML made of octal digits; a string holds them. */
struct compose_node *expand_mode(struct compose_ctx *c, const struct compose_path *path,
				 struct compose_node *n)
{
	uint32_t mode = 0;

	if (n->kind == COMPOSE_INT && n->integer >= 0 && n->integer <= UINT32_MAX) {
		mode = (uint32_t)n->integer;
	} else if (n->kind != COMPOSE_STRING || parse_octal(n->text, &mode) < 0) {
		problem_at(c, DIAG_VALUE, path, n->mark, "must be a file mode like 0440");
		return NULL;
	}
	return node_string(c->arena, arena_printf(c->arena, "0%o", mode), n->mark);
}

/* ---- top level */

struct compose_node *expand_external(struct compose_ctx *c, const struct compose_path *path,
				     struct compose_node *n)
{
	struct compose_node *external = node_get(n, "external"), *name;

	if (n->kind == COMPOSE_NULL)
		return new_map(c, n);
	if (!external || external->kind != COMPOSE_MAP)
		return n;
	name = node_get(external, "name");
	warning_at(c, DIAG_OBSOLETE, path, node_pair(n, "external")->key_mark,
		   "external.name is obsolete");
	diag_hint(c->diags, "write \"external: true\" and \"name\"");
	node_set(c->arena, n, "external", external->mark, new_bool(c, true, external->mark));
	if (name && node_pair(n, "name"))
		problem_at(c, DIAG_CONFLICT, path, external->mark,
			   "name and external.name conflict: only use name");
	else if (name && name->kind == COMPOSE_STRING)
		node_set(c->arena, n, "name", name->mark, name);
	return n;
}

struct compose_node *expand_volume_object(struct compose_ctx *c, const struct compose_path *path,
					  struct compose_node *n)
{
	const struct compose_node *driver, *options, *o;
	struct compose_node *device;

	n = expand_external(c, path, n);
	driver = node_get(n, "driver");
	options = node_get(n, "driver_opts");
	o = node_get(options, "o");
	device = node_get(options, "device");
	if ((!driver || (driver->kind == COMPOSE_STRING && !strcmp(driver->text, "local"))) && o &&
	    o->kind == COMPOSE_STRING && strstr(o->text, "bind") && device &&
	    device->kind == COMPOSE_STRING && *device->text)
		device->text = path_resolve(c, device->text);
	return n;
}

struct compose_node *expand_include(struct compose_ctx *c, const struct compose_path *path,
				    struct compose_node *n)
{
	struct compose_node *map;

	(void)path;
	if (n->kind != COMPOSE_STRING)
		return n;
	map = new_map(c, n);
	node_set(c->arena, map, "path", n->mark, n);
	return map;
}
