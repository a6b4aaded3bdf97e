/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that change the image's configuration and nothing else. */
#include <errno.h>
#include <strings.h>

#include "images/builder/stage_int.h"

#define PORTS_MAX 65536

static const char *keep(const struct builder_stage *s, struct buf *b)
{
	return arena_strndup(s->builder->arena, b->data ?: "", b->len);
}

/* "a" "b" as Go prints a list of quoted strings: ["a" "b"]. */
static void add_quoted(struct buf *b, const json_t *list)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < json_array_size(list); i++) {
		auto_free char *text =
			json_dumps(json_array_get(list, i), JSON_ENCODE_ANY | JSON_COMPACT);

		buf_addf(b, "%s%s", i ? " " : "", text ?: "\"\"");
	}
	buf_addc(b, ']');
}

static void add_plain(struct buf *b, char *const *list)
{
	auto_free char *joined = strv_join(list, " ");

	buf_addf(b, "[%s]", joined);
}

/* ---- ENV, LABEL, ARG */

static void set_env(json_t *config, const char *name, const char *value)
{
	json_t *list = stage_member(config, "Env", json_array);
	auto_free char *text = xasprintf("%s=%s", name, value);
	size_t len = strlen(name) + 1;
	const char *old;

	for (size_t i = 0; i < json_array_size(list); i++) {
		old = json_string_value(json_array_get(list, i));
		if (old && !strncmp(old, text, len)) {
			json_array_set_new(list, i, json_str(text));
			return;
		}
	}
	json_array_append_new(list, json_str(text));
}

/* All values are expanded before the first is set: a line sees what was before it. */
static int pairs(struct builder_stage *s, const struct dockerfile_instruction *in,
		 struct builder_action *a, struct error *err)
{
	size_t count = in->args.count / 2;
	const char **text = arena_alloc(s->builder->arena, 2 * count * sizeof(*text));
	auto_buf struct buf line = BUF_INIT;

	for (size_t i = 0; i < 2 * count; i++)
		if (stage_expand(s, in->args.list[i].text, &text[i], err) < 0)
			return -err->code;
	buf_adds(&line, dockerfile_kind_name(in->kind));
	for (size_t i = 0; i < count; i++) {
		const char *name = text[2 * i], *value = text[2 * i + 1];

		if (!*name)
			return error_set(err, EINVAL, "a name is empty");
		if (in->kind == DOCKERFILE_ENV)
			set_env(s->config, name, value);
		else
			json_set_new(stage_member(s->config, "Labels", json_object), name,
				     json_str(value));
		buf_addf(&line, " %s=%s", name, value);
	}
	a->created_by = keep(s, &line);
	return 0;
}

static void set_arg(struct builder_stage *s, const char *name, const char *value)
{
	char *text = value ? xasprintf("%s=%s", name, value) : xstrdup(name);
	size_t len = strlen(name);

	for (char **old = s->args; old && *old; old++)
		if (!strncmp(*old, name, len) && ((*old)[len] == '=' || !(*old)[len])) {
			free(*old);
			*old = text;
			return;
		}
	strv_push(&s->args, text);
}

static int argument(struct builder_stage *s, const struct dockerfile_instruction *in,
		    struct builder_action *a, struct error *err)
{
	auto_buf struct buf line = BUF_INIT;

	buf_adds(&line, "ARG");
	for (size_t i = 0; i < in->args.count; i++) {
		const char *text = in->args.list[i].text, *value;
		size_t len = strcspn(text, "=");
		auto_free char *name = xstrndup(text, len);
		bool global = false;

		value = map_get(s->builder->build_args, name);
		if (!value && text[len]) {
			if (stage_expand(s, text + len + 1, &value, err) < 0)
				return -err->code;
		} else if (!value) {
			value = map_get(s->builder->globals, name);
			global = value != NULL;
		}
		set_arg(s, name, value);
		buf_addf(&line, " %s", name);
		if (value && !global)
			buf_addf(&line, "=%s", value);
	}
	a->created_by = keep(s, &line);
	return 0;
}

/* ---- one text */

static int text(struct builder_stage *s, const struct dockerfile_instruction *in,
		struct builder_action *a, struct error *err)
{
	const char *key = in->kind == DOCKERFILE_USER ? "User" : "StopSignal", *value;

	if (stage_expand(s, in->args.list[0].text, &value, err) < 0)
		return -err->code;
	if (!*value)
		return error_set(err, EINVAL, "the value is empty after expansion");
	json_set_new(s->config, key, json_str(value));
	a->created_by =
		arena_printf(s->builder->arena, "%s %s", dockerfile_kind_name(in->kind), value);
	return 0;
}

static int maintainer(struct builder_stage *s, const struct dockerfile_instruction *in,
		      struct builder_action *a, struct error *err)
{
	const char *value;

	if (stage_expand(s, in->args.list[0].text, &value, err) < 0)
		return -err->code;
	free(s->author);
	s->author = xstrdup(value);
	a->created_by = arena_printf(s->builder->arena, "MAINTAINER %s", value);
	return 0;
}

/* ---- commands */

static json_t *command_json(const struct builder_stage *s, const struct dockerfile_instruction *in,
			    size_t first, bool shell)
{
	json_t *list = json_array();
	char **words = shell && !in->exec_form ? stage_shell(s) : NULL;

	for (; words && *words; words++)
		json_array_append_new(list, json_str(*words));
	for (size_t i = first; i < in->args.count; i++)
		json_array_append_new(list, json_str(in->args.list[i].text));
	return list;
}

static int command(struct builder_stage *s, const struct dockerfile_instruction *in,
		   struct builder_action *a, struct error *err)
{
	bool entrypoint = in->kind == DOCKERFILE_ENTRYPOINT;
	auto_buf struct buf line = BUF_INIT;
	json_t *list = command_json(s, in, 0, in->args.count > 0);

	(void)err;
	buf_addf(&line, "%s ", dockerfile_kind_name(in->kind));
	add_quoted(&line, list);
	if (entrypoint && !s->cmd_set)
		json_object_del(s->config, "Cmd"); /* it was meant for another entrypoint */
	s->cmd_set |= !entrypoint;
	if (json_array_size(list)) {
		json_set_new(s->config, entrypoint ? "Entrypoint" : "Cmd", list);
	} else {
		json_object_del(s->config, entrypoint ? "Entrypoint" : "Cmd");
		json_decref(list);
	}
	json_set_bool(s->config, "ArgsEscaped", true);
	a->created_by = keep(s, &line);
	return 0;
}

static int shell(struct builder_stage *s, const struct dockerfile_instruction *in,
		 struct builder_action *a, struct error *err)
{
	json_t *list = command_json(s, in, 0, false);
	AUTO(strv_free) char **words = json_to_strv(list);
	auto_buf struct buf line = BUF_INIT;

	(void)err;
	json_set_new(s->config, "Shell", list);
	buf_adds(&line, "SHELL ");
	add_plain(&line, words);
	a->created_by = keep(s, &line);
	return 0;
}

static int health(struct builder_stage *s, const struct dockerfile_instruction *in,
		  struct builder_action *a, struct error *err)
{
	static const struct {
		const char *flag, *key;
	} options[] = {{"interval", "Interval"},
		       {"timeout", "Timeout"},
		       {"start-period", "StartPeriod"},
		       {"start-interval", "StartInterval"},
		       {"retries", "Retries"}};
	bool none = !strcasecmp(in->args.list[0].text, "NONE");
	json_t *h = json_object(), *test = none ? json_array() : command_json(s, in, 1, false);
	int64_t number;

	(void)err;
	json_array_insert_new(test, 0,
			      json_string(none		  ? "NONE"
					  : in->exec_form ? "CMD"
							  : "CMD-SHELL"));
	json_set_new(h, "Test", test);
	for (size_t i = 0; !none && i < ARRAY_LEN(options); i++) {
		const char *value = dockerfile_flag(in, options[i].flag);

		/* They were checked by the parser. */
		if (!value ||
		    (i == 4 ? parse_i64(value, &number) : parse_duration_ns(value, &number)) < 0)
			continue;
		if (number)
			json_set_int(h, options[i].key, number);
	}
	json_set_new(s->config, "Healthcheck", h);
	a->created_by = in->text;
	return 0;
}

/* ---- EXPOSE, VOLUME */

static int add_ports(json_t *ports, const char *spec, char ***shown)
{
	const char *slash = strchr(spec, '/'), *protocol = slash ? slash + 1 : "tcp";
	auto_free char *range = slash ? xstrndup(spec, (size_t)(slash - spec)) : xstrdup(spec);
	auto_free char *lower = xstrdup(protocol);
	char *dash = strchr(range, '-');
	uint16_t first, last;

	str_lower(lower);
	if (strcmp(lower, "tcp") && strcmp(lower, "udp") && strcmp(lower, "sctp"))
		return -EINVAL;
	if (dash)
		*dash = '\0';
	if (parse_u16(range, &first) < 0 || parse_u16(dash ? dash + 1 : range, &last) < 0 ||
	    !first || last < first)
		return -EINVAL;
	for (unsigned port = first; port <= last; port++) {
		auto_free char *key = xasprintf("%u/%s", port, lower);

		json_set_new(ports, key, json_object());
		strv_push(shown, xstrdup(key));
	}
	return 0;
}

static int expose(struct builder_stage *s, const struct dockerfile_instruction *in,
		  struct builder_action *a, struct error *err)
{
	json_t *ports = stage_member(s->config, "ExposedPorts", json_object);
	AUTO(strv_free) char **shown = NULL;
	auto_buf struct buf line = BUF_INIT;

	for (size_t i = 0; i < in->args.count; i++) {
		AUTO(strv_free) char **words = NULL;

		if (stage_expand_words(s, in->args.list[i].text, &words, err) < 0)
			return -err->code;
		for (char **w = words; w && *w; w++)
			if (add_ports(ports, *w, &shown) < 0 || strv_len(shown) > PORTS_MAX)
				return error_set(
					err, EINVAL,
					"invalid port \"%s\": PORT[-PORT][/tcp|/udp|/sctp]", *w);
	}
	strv_sort(shown);
	buf_adds(&line, "EXPOSE ");
	add_plain(&line, shown);
	a->created_by = keep(s, &line);
	return 0;
}

static int volume(struct builder_stage *s, const struct dockerfile_instruction *in,
		  struct builder_action *a, struct error *err)
{
	json_t *set = stage_member(s->config, "Volumes", json_object);
	AUTO(strv_free) char **shown = NULL;
	auto_buf struct buf line = BUF_INIT;
	const char *path;

	for (size_t i = 0; i < in->args.count; i++) {
		if (stage_expand(s, in->args.list[i].text, &path, err) < 0)
			return -err->code;
		if (!*path)
			return error_set(err, EINVAL, "a path is empty");
		json_set_new(set, path, json_object());
		strv_push(&shown, xstrdup(path));
	}
	buf_adds(&line, "VOLUME ");
	add_plain(&line, shown);
	a->created_by = keep(s, &line);
	return 0;
}

static int onbuild(struct builder_stage *s, const struct dockerfile_instruction *in,
		   struct builder_action *a, struct error *err)
{
	auto_buf struct buf expression = BUF_INIT;

	(void)err;
	buf_adds(&expression, in->rest);
	for (size_t i = 0; i < in->trigger->heredoc_count; i++)
		buf_addf(&expression, "\n%s%s", in->trigger->heredocs[i].content,
			 in->trigger->heredocs[i].name);
	json_array_append_new(stage_member(s->config, "OnBuild", json_array),
			      json_str(expression.data ?: ""));
	a->created_by = arena_printf(s->builder->arena, "ONBUILD %s", expression.data ?: "");
	return 0;
}

int stage_configure(struct builder_stage *s, const struct dockerfile_instruction *in,
		    struct builder_action *a, struct error *err)
{
	static int (*const table[DOCKERFILE_KIND_MAX])(struct builder_stage *,
						       const struct dockerfile_instruction *,
						       struct builder_action *, struct error *) = {
		[DOCKERFILE_ARG] = argument,	   [DOCKERFILE_CMD] = command,
		[DOCKERFILE_ENTRYPOINT] = command, [DOCKERFILE_ENV] = pairs,
		[DOCKERFILE_EXPOSE] = expose,	   [DOCKERFILE_HEALTHCHECK] = health,
		[DOCKERFILE_LABEL] = pairs,	   [DOCKERFILE_MAINTAINER] = maintainer,
		[DOCKERFILE_ONBUILD] = onbuild,	   [DOCKERFILE_SHELL] = shell,
		[DOCKERFILE_STOPSIGNAL] = text,	   [DOCKERFILE_USER] = text,
		[DOCKERFILE_VOLUME] = volume,
	};

	return table[in->kind] ? table[in->kind](s, in, a, err) : 1;
}
