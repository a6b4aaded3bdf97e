/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that make a layer: what exactly is to be run or copied. */
#include <errno.h>

#include "base/pattern.h"
#include "images/builder/stage_int.h"

#define MOUNTS_MAX 100

static const char *keep(const struct builder_stage *s, struct buf *b)
{
	return arena_strndup(s->builder->arena, b->data ?: "", b->len);
}

/* Texts of the key are told apart by their lengths. */
static void add_key(struct buf *key, const char *name, const char *text)
{
	buf_addf(key, "%s %zu:%s\n", name, text ? strlen(text) : 0, text ?: "");
}

static void add_keys(struct buf *key, const char *name, char *const *list)
{
	for (; list && *list; list++)
		add_key(key, name, *list);
}

/* ---- RUN */

/* A lone heredoc is the command itself, or a script of its own when it begins with #!; any other is
 * put back together for the shell. */
static void heredoc_command(struct builder_stage *s, const struct dockerfile_instruction *in,
			    struct builder_action *a, struct buf *command)
{
	const struct dockerfile_heredoc *h = in->heredocs;
	const char *line = in->args.list[0].text;
	struct dockerfile_heredoc alone;

	if (in->heredoc_count == 1 && dockerfile_heredoc_parse(s->builder->arena, line, &alone)) {
		if (str_starts(h->content, "#!"))
			a->script = (struct builder_content){
				arena_printf(s->builder->arena, "/dev/pipes/%s", h->name),
				h->content};
		buf_adds(command, h->content);
		return;
	}
	buf_adds(command, line);
	for (size_t i = 0; i < in->heredoc_count; i++)
		buf_addf(command, "\n%s%s", h[i].content, h[i].name);
}

static void set_argv(struct builder_stage *s, const struct dockerfile_instruction *in,
		     struct builder_action *a)
{
	AUTO(strv_free) char **argv = NULL;
	auto_buf struct buf command = BUF_INIT;

	if (in->exec_form) {
		for (size_t i = 0; i < in->args.count; i++)
			strv_push(&argv, xstrdup(in->args.list[i].text));
	} else {
		if (in->heredoc_count)
			heredoc_command(s, in, a, &command);
		else
			buf_adds(&command, in->args.list[0].text);
		if (!a->script.name)
			for (char **w = stage_shell(s); *w; w++)
				strv_push(&argv, xstrdup(*w));
		strv_push(&argv, xstrdup(a->script.name ?: command.data ?: ""));
	}
	a->argv = stage_strv(s, argv);
}

/* "|2 A=1 B=2 /bin/sh -c make": the arguments in force come first, as Docker writes them. */
static const char *run_text(struct builder_stage *s, const struct builder_action *a)
{
	auto_free char *command = strv_join(a->argv, " ");
	auto_buf struct buf line = BUF_INIT;

	buf_adds(&line, "RUN ");
	if (strv_len(s->args))
		buf_addf(&line, "|%zu ", strv_len(s->args));
	for (char **arg = s->args; arg && *arg; arg++) {
		auto_free char *name = xstrndup(*arg, strcspn(*arg, "="));

		buf_addf(&line, "%s=%s ", name, stage_value(s, name) ?: "");
	}
	buf_addf(&line, "%s # buildkit", a->script.name ? a->script.data : command);
	return keep(s, &line);
}

static int set_mounts(struct builder_stage *s, const struct dockerfile_instruction *in,
		      struct builder_action *a, struct buf *key, struct error *err)
{
	const char *text;

	a->mounts = arena_alloc(s->builder->arena, (in->flag_count + 1) * sizeof(*a->mounts));
	for (size_t i = 0; i < in->flag_count; i++) {
		struct dockerfile_mount *m = &a->mounts[a->mount_count];

		if (strcmp(in->flags[i].name, "mount") != 0)
			continue;
		if (a->mount_count == MOUNTS_MAX)
			return error_set(err, E2BIG, "more than %d mounts", MOUNTS_MAX);
		if (stage_expand_raw(s, in->flags[i].value, &text, err) < 0 ||
		    dockerfile_mount_parse(s->builder->arena, text, m, err) < 0)
			return error_wrap(err, "--mount");
		if (m->target)
			m->target = (char *)(uintptr_t)stage_path(s, m->target);
		add_key(key, "mount", text);
		a->mount_count++;
	}
	return 0;
}

int stage_run(struct builder_stage *s, const struct dockerfile_instruction *in,
	      struct builder_action *a, struct error *err)
{
	static const char *const proxies[] = {
		"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
		"ftp_proxy",  "NO_PROXY",   "no_proxy",	   "ALL_PROXY",	  "all_proxy"};
	auto_buf struct buf key = BUF_INIT;
	AUTO(strv_free) char **env = NULL;
	const char *user = json_get_str(s->config, "User");

	a->kind = BUILDER_RUN;
	a->user = arena_strdup(s->builder->arena, user ?: "");
	a->workdir = arena_strdup(s->builder->arena, stage_workdir(s));
	a->network = dockerfile_flag(in, "network") ?: "default";
	a->insecure = str_eq(dockerfile_flag(in, "security"), "insecure");
	set_argv(s, in, a);
	a->created_by = run_text(s, a);
	env = strv_dup(stage_environment(s));
	buf_adds(&key, "run\n");
	add_keys(&key, "argv", a->argv);
	add_keys(&key, "env", env);
	add_key(&key, "user", a->user);
	add_key(&key, "workdir", a->workdir);
	add_key(&key, "network", a->network);
	add_key(&key, "script", a->script.data);
	if (set_mounts(s, in, a, &key, err) < 0)
		return -err->code;
	a->key = keep(s, &key);
	/* What is only about how to reach the world makes no other layer. */
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
		const char *value = map_get(s->builder->build_args, proxies[i]);

		if (value && !stage_value(s, proxies[i]))
			strv_pushf(&env, "%s=%s", proxies[i], value);
	}
	a->env = stage_strv(s, env);
	return 0;
}

/* ---- WORKDIR */

int stage_mkdir(struct builder_stage *s, const struct dockerfile_instruction *in,
		struct builder_action *a, struct error *err)
{
	const char *path;
	char *clean;

	if (stage_expand(s, in->args.list[0].text, &path, err) < 0)
		return -err->code;
	if (!*path)
		return error_set(err, EINVAL, "the path is empty after expansion");
	clean = (char *)(uintptr_t)stage_path(s, path);
	if (clean[1] && str_ends(clean, "/"))
		clean[strlen(clean) - 1] = '\0';
	json_set_new(s->config, "WorkingDir", json_str(clean));
	a->created_by = arena_printf(s->builder->arena, "WORKDIR %s", clean);
	a->workdir = clean;
	a->user = arena_strdup(s->builder->arena, json_get_str(s->config, "User") ?: "");
	a->key = arena_printf(s->builder->arena, "mkdir %s\n%s", clean, a->user);
	a->kind = clean[1] ? BUILDER_MKDIR : BUILDER_NOTHING;
	return 0;
}

/* ---- COPY, ADD */

static int set_contents(struct builder_stage *s, const struct dockerfile_instruction *in,
			struct builder_action *a, struct error *err)
{
	struct builder_content *c;

	a->contents = arena_alloc(s->builder->arena, (in->heredoc_count + 1) * sizeof(*c));
	for (size_t i = 0; i < in->heredoc_count; i++) {
		const struct dockerfile_heredoc *h = &in->heredocs[i];

		c = &a->contents[a->content_count++];
		*c = (struct builder_content){h->name, h->content};
		if (h->expand && stage_expand_raw(s, h->content, &c->data, err) < 0)
			return error_wrap(err, "heredoc %s", h->name);
	}
	return 0;
}

/* The words that are no heredocs, expanded; the last one is the destination. */
static int set_sources(struct builder_stage *s, const struct dockerfile_instruction *in,
		       struct builder_action *a, struct error *err)
{
	size_t count = in->args.count;
	struct dockerfile_heredoc h;
	const char *text;

	a->sources = arena_alloc(s->builder->arena, count * sizeof(*a->sources));
	for (size_t i = 0, n = 0; i + 1 < count; i++) {
		if (in->heredoc_count &&
		    dockerfile_heredoc_parse(s->builder->arena, in->args.list[i].text, &h))
			continue;
		if (stage_expand(s, in->args.list[i].text, &text, err) < 0)
			return -err->code;
		if (!*text)
			return error_set(err, EINVAL, "a source is empty after expansion");
		a->sources[n++] = (char *)(uintptr_t)text;
	}
	if (stage_expand(s, in->args.list[count - 1].text, &text, err) < 0)
		return -err->code;
	a->dest = stage_path(s, text);
	/* Several sources need a directory: said here, where nothing has been done yet. */
	if (strv_len(a->sources) + a->content_count > 1 && !str_ends(a->dest, "/"))
		return error_set(err, EINVAL,
				 "the destination of several sources must be a directory and end "
				 "with a /");
	return 0;
}

static int set_options(struct builder_stage *s, const struct dockerfile_instruction *in,
		       struct builder_action *a, struct error *err)
{
	AUTO(strv_free) char **excludes = NULL;
	const char *text;

	a->add = in->kind == DOCKERFILE_ADD;
	a->unpack = a->add && (!dockerfile_flag(in, "unpack") || dockerfile_flag_on(in, "unpack"));
	a->from = dockerfile_flag(in, "from");
	a->link = dockerfile_flag_on(in, "link");
	a->parents = dockerfile_flag_on(in, "parents");
	a->chown = dockerfile_flag(in, "chown");
	a->chmod = dockerfile_flag(in, "chmod");
	if (a->chown && stage_expand(s, a->chown, &a->chown, err) < 0)
		return error_wrap(err, "--chown");
	if (a->chmod && stage_expand(s, a->chmod, &a->chmod, err) < 0)
		return error_wrap(err, "--chmod");
	for (size_t i = 0; i < in->flag_count; i++) {
		if (strcmp(in->flags[i].name, "exclude") != 0)
			continue;
		if (stage_expand(s, in->flags[i].value, &text, err) < 0 ||
		    pattern_check(text, err) < 0)
			return error_wrap(err, "--exclude");
		strv_push(&excludes, xstrdup(text));
	}
	a->excludes = stage_strv(s, excludes);
	return 0;
}

static int check_supported(const struct dockerfile_instruction *in, const struct builder_action *a,
			   struct error *err)
{
	if (str_empty(a->from) && dockerfile_flag(in, "from"))
		return error_set(err, EINVAL, "--from is empty");
	for (char **src = a->sources; a->add && *src; src++)
		if (str_starts(*src, "http://") || str_starts(*src, "https://") ||
		    str_starts(*src, "git@") || str_starts(*src, "git://") ||
		    str_starts(*src, "ssh://"))
			return error_set(err, EOPNOTSUPP,
					 "ADD from %s is not supported: only files of the build "
					 "context can be added",
					 *src);
	if (a->add && (dockerfile_flag(in, "checksum") || dockerfile_flag_on(in, "keep-git-dir")))
		return error_set(err, EOPNOTSUPP,
				 "--checksum and --keep-git-dir are for sources that are not "
				 "supported: URLs and git repositories");
	return 0;
}

static const char *copy_text(struct builder_stage *s, const struct builder_action *a)
{
	auto_buf struct buf line = BUF_INIT;

	buf_adds(&line, a->add ? "ADD" : "COPY");
	if (a->parents)
		buf_adds(&line, " --parents");
	if (a->chown)
		buf_addf(&line, " --chown=%s", a->chown);
	if (a->chmod)
		buf_addf(&line, " --chmod=%s", a->chmod);
	for (char **src = a->sources; *src; src++)
		buf_addf(&line, " %s", *src);
	for (size_t i = 0; i < a->content_count; i++)
		buf_addf(&line, " <<%s", a->contents[i].name);
	buf_addf(&line, " %s # buildkit", a->dest);
	return keep(s, &line);
}

static const char *copy_key(struct builder_stage *s, const struct builder_action *a)
{
	auto_buf struct buf key = BUF_INIT;

	buf_adds(&key, a->add ? "add\n" : "copy\n");
	add_keys(&key, "source", a->sources);
	add_keys(&key, "exclude", a->excludes);
	for (size_t i = 0; i < a->content_count; i++) {
		add_key(&key, "name", a->contents[i].name);
		add_key(&key, "data", a->contents[i].data);
	}
	add_key(&key, "dest", a->dest);
	add_key(&key, "chown", a->chown);
	add_key(&key, "chmod", a->chmod);
	add_key(&key, "parents", a->parents ? "1" : "");
	add_key(&key, "unpack", a->unpack ? "1" : "");
	return keep(s, &key);
}

int stage_copy(struct builder_stage *s, const struct dockerfile_instruction *in,
	       struct builder_action *a, struct error *err)
{
	a->kind = BUILDER_COPY;
	if (set_contents(s, in, a, err) < 0 || set_options(s, in, a, err) < 0 ||
	    set_sources(s, in, a, err) < 0 || check_supported(in, a, err) < 0)
		return -err->code;
	a->created_by = copy_text(s, a);
	a->key = copy_key(s, a);
	return 0;
}
