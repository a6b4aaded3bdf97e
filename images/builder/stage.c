/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stage: its variables, its configuration, its history. */
#include "images/builder/stage_int.h"

#include <errno.h>

#include "base/pattern.h"

#define HISTORY_COMMENT "buildkit.dockerfile.v0" /* what tools that read histories know */

/* ---- beginning and end */

void builder_stage_init(struct builder_stage *s, const struct builder *b, size_t index,
			const json_t *document)
{
	const json_t *config = json_get_obj(document, "config");
	const json_t *history = json_get_arr(document, "history");

	*s = (struct builder_stage){.builder = b, .index = index};
	s->config = config ? json_deep_copy(config) : json_object();
	s->history = history ? json_deep_copy(history) : json_array();
	s->author = xstrdup(json_get_str(document, "author"));
	if (!document)
		json_set_new(s->config, "Env",
			     json_pack("[s]", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
					      "/usr/bin:/sbin:/bin"));
}

void builder_stage_inherit(struct builder_stage *s, const struct builder *b, size_t index,
			   const struct builder_stage *base)
{
	*s = (struct builder_stage){
		.builder = b,
		.index = index,
		.config = json_deep_copy(base->config),
		.history = json_deep_copy(base->history),
		.author = xstrdup(base->author),
		.args = strv_dup(base->args),
	};
}

void builder_stage_release(struct builder_stage *s)
{
	json_decref(s->config);
	json_decref(s->history);
	free(s->author);
	strv_free(s->args);
	*s = (struct builder_stage){0};
}

json_t *builder_stage_triggers(struct builder_stage *s)
{
	json_t *list = json_get_arr(s->config, "OnBuild");

	list = list ? json_incref(list) : json_array();
	json_object_del(s->config, "OnBuild");
	return list;
}

/* ---- variables */

static const char *in_list(const char *setting, const char *name, size_t len)
{
	return setting && !strncmp(setting, name, len) && setting[len] == '=' ? setting + len + 1
									      : NULL;
}

static const char *env_value(const struct builder_stage *s, const char *name)
{
	const json_t *env = json_get_arr(s->config, "Env");
	size_t len = strlen(name);

	for (size_t i = json_array_size(env); i > 0; i--) {
		const char *value =
			in_list(json_string_value(json_array_get(env, i - 1)), name, len);

		if (value)
			return value;
	}
	return NULL;
}

const char *stage_value(const struct builder_stage *s, const char *name)
{
	const char *value = env_value(s, name);
	size_t len = strlen(name);

	for (char **a = s->args; !value && a && *a; a++)
		value = in_list(*a, name, len);
	return value;
}

char **stage_environment(const struct builder_stage *s)
{
	AUTO(strv_free) char **list = json_to_strv(json_get_arr(s->config, "Env"));

	for (char **a = s->args; a && *a; a++) {
		auto_free char *name = xstrndup(*a, strcspn(*a, "="));

		if (strchr(*a, '=') && !env_value(s, name))
			strv_push(&list, xstrdup(*a));
	}
	return stage_strv(s, list);
}

static const char *lookup(void *arg, const char *name)
{
	return stage_value(arg, name);
}

static int expand(const struct builder_stage *s, const char *word, bool raw, const char **ret,
		  struct error *err)
{
	const struct expansion x = {
		.escape = s->builder->file->escape,
		.keep_quotes = raw,
		.lookup = lookup,
		.arg = (void *)(uintptr_t)s,
	};
	auto_free char *text = NULL;

	if (expand_word(&x, word, &text, err) < 0)
		return -err->code;
	*ret = arena_strdup(s->builder->arena, text);
	return 0;
}

int stage_expand(const struct builder_stage *s, const char *word, const char **ret,
		 struct error *err)
{
	return expand(s, word, false, ret, err);
}

int stage_expand_raw(const struct builder_stage *s, const char *word, const char **ret,
		     struct error *err)
{
	return expand(s, word, true, ret, err);
}

int stage_expand_words(const struct builder_stage *s, const char *word, char ***ret,
		       struct error *err)
{
	const struct expansion x = {
		.escape = s->builder->file->escape,
		.lookup = lookup,
		.arg = (void *)(uintptr_t)s,
	};

	return expand_words(&x, word, ret, err);
}

/* ---- what the configuration says */

char **stage_strv(const struct builder_stage *s, char *const *v)
{
	size_t count = strv_len(v);
	char **copy = arena_alloc(s->builder->arena, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(s->builder->arena, v[i]);
	return copy;
}

char **stage_shell(const struct builder_stage *s)
{
	static const char *const usual[] = {"/bin/sh", "-c", NULL};
	AUTO(strv_free) char **shell = json_to_strv(json_get_arr(s->config, "Shell"));

	return stage_strv(s, strv_len(shell) ? shell : (char *const *)(uintptr_t)usual);
}

const char *stage_workdir(const struct builder_stage *s)
{
	const char *dir = json_get_str(s->config, "WorkingDir");

	return str_empty(dir) ? "/" : dir;
}

const char *stage_path(const struct builder_stage *s, const char *path)
{
	bool slash = str_ends(path, "/") || !strcmp(path, ".") || str_ends(path, "/.") || !*path;
	auto_free char *joined =
		*path == '/' ? xstrdup(path) : xasprintf("/%s/%s", stage_workdir(s), path);
	auto_free char *clean = pattern_clean(joined);

	return arena_printf(s->builder->arena, "%s%s", clean, slash && clean[1] ? "/" : "");
}

json_t *stage_member(json_t *config, const char *key, json_t *(*make)(void))
{
	json_t *value = json_object_get(config, key);

	if (!value || json_is_null(value)) {
		value = make();
		json_set_new(config, key, value);
	}
	return value;
}

/* ---- the loop's view */

int builder_dispatch(struct builder_stage *s, const struct dockerfile_instruction *in,
		     struct builder_action *ret, struct error *err)
{
	int r;

	*ret = (struct builder_action){
		.in = in, .shown = in->text, .created_by = in->text, .key = in->text};
	r = stage_configure(s, in, ret, err);
	if (r <= 0)
		return r;
	if (in->kind == DOCKERFILE_RUN)
		return stage_run(s, in, ret, err);
	if (in->kind == DOCKERFILE_WORKDIR)
		return stage_mkdir(s, in, ret, err);
	return stage_copy(s, in, ret, err);
}

/* A build that finds everything in the cache makes the same image again: its times are those of the
 * layers. */
static const char *last_time(const struct builder_stage *s)
{
	const json_t *last = json_array_get(s->history, json_array_size(s->history) - 1);

	return json_get_str(last, "created") ?: s->builder->created;
}

void builder_stage_commit(struct builder_stage *s, const struct builder_action *a,
			  const char *created)
{
	json_t *entry = json_object();

	json_set_str(entry, "created", created ?: last_time(s));
	json_set_new(entry, "created_by", json_str(a->created_by));
	json_set_str(entry, "author", s->author);
	json_set_str(entry, "comment", HISTORY_COMMENT);
	if (a->kind == BUILDER_NOTHING)
		json_set_bool(entry, "empty_layer", true);
	json_array_append_new(s->history, entry);
}

json_t *builder_stage_document(const struct builder_stage *s, char *const *diff_ids,
			       const char *architecture, const char *variant)
{
	json_t *o = json_object(), *rootfs = json_object();

	json_set_str(o, "architecture", architecture);
	json_set_str(o, "variant", str_empty(variant) ? NULL : variant);
	json_set_str(o, "os", "linux");
	json_set_str(o, "created", last_time(s));
	json_set_str(o, "author", s->author);
	json_set_new(o, "config", json_incref(s->config));
	json_set_str(rootfs, "type", "layers");
	json_set_new(rootfs, "diff_ids", json_strv(diff_ids));
	json_set_new(o, "rootfs", rootfs);
	json_set_new(o, "history", json_incref(s->history));
	return o;
}
