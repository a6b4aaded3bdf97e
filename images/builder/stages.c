/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: which is meant by a name, what they begin with, what they need; and the arguments that
 * stand before the first of them. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "images/builder/builder.h"
#include "images/builder/expand.h"

#define NEAREST_MAX 64

/* ---- global arguments */

static const char *global(void *arg, const char *name)
{
	const struct builder *b = arg;

	return map_get(b->globals, name);
}

static int expand_global(const struct builder *b, const char *word, char **ret, struct error *err)
{
	struct expansion x = {
		.escape = b->file->escape, .lookup = global, .arg = (void *)(uintptr_t)b};

	return expand_word(&x, word, ret, err);
}

static void set_global(struct builder *b, const char *name, const char *value)
{
	map_set(b->globals, name, xstrdup(value));
}

static void set_platform(struct builder *b, const char *platform)
{
	static const char *const sides[] = {"TARGET", "BUILD"};
	AUTO(strv_free) char **parts = strv_split(platform, "/");
	size_t count = strv_len(parts);

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		const char *const values[][2] = {
			{"PLATFORM", platform},
			{"OS", count ? parts[0] : ""},
			{"ARCH", count > 1 ? parts[1] : ""},
			{"VARIANT", count > 2 ? parts[2] : ""},
		};

		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			char name[32];

			snprintf(name, sizeof(name), "%s%s", sides[i], values[k][0]);
			set_global(b, name, values[k][1]);
		}
	}
}

static void declare(struct builder *b, const struct dockerfile_instruction *in,
		    const struct dockerfile_word *w)
{
	size_t len = strcspn(w->text, "=");
	auto_free char *name = xstrndup(w->text, len), *value = NULL;
	const char *given = map_get(b->build_args, name);
	struct error err = ERROR_INIT;

	if (given) {
		set_global(b, name, given);
	} else if (w->text[len]) {
		if (expand_global(b, w->text + len + 1, &value, &err) < 0)
			dockerfile_problem(b->file, dockerfile_place(in, w->at), "ARG %s: %s", name,
					   err.msg);
		else
			set_global(b, name, value);
	}
}

void builder_init(struct builder *b, struct arena *a, struct dockerfile *f, struct map *build_args,
		  const char *platform, const char *created)
{
	*b = (struct builder){
		.arena = a,
		.file = f,
		.build_args = build_args,
		.globals = map_new(free),
		.created = arena_strdup(a, created),
	};
	set_platform(b, platform);
	for (size_t i = 0; i < f->arg_count; i++)
		for (size_t k = 0; k < f->args[i]->args.count; k++)
			declare(b, f->args[i], &f->args[i]->args.list[k]);
}

void builder_release(struct builder *b)
{
	map_free(b->globals);
	b->globals = NULL;
}

/* ---- names */

size_t builder_stage_find(const struct dockerfile *f, const char *name, size_t before)
{
	uint32_t number;

	for (size_t i = MIN(before, f->stage_count); i > 0; i--)
		if (f->stages[i - 1].name && !strcasecmp(f->stages[i - 1].name, name))
			return i - 1;
	if (parse_u32(name, &number) == 0 && number < before && number < f->stage_count)
		return number;
	return BUILDER_NO_STAGE;
}

int builder_target(const struct dockerfile *f, const char *name, size_t *ret, struct error *err)
{
	const char *names[NEAREST_MAX], *near;
	size_t count = 0;

	if (!f->stage_count)
		return error_set(err, EINVAL, "%s: the file has no FROM", f->name);
	*ret = str_empty(name) ? f->stage_count - 1 : builder_stage_find(f, name, f->stage_count);
	if (*ret != BUILDER_NO_STAGE)
		return 0;
	for (size_t i = 0; i < f->stage_count && count < NEAREST_MAX; i++)
		if (f->stages[i].name)
			names[count++] = f->stages[i].name;
	near = str_nearest(name, names, count);
	if (near)
		return error_set(err, ENOENT, "%s has no stage \"%s\" (did you mean \"%s\"?)",
				 f->name, name, near);
	return error_set(err, ENOENT, "%s has no stage \"%s\"", f->name, name);
}

int builder_base(const struct builder *b, size_t stage, size_t *ret_stage, const char **ret_image,
		 struct error *err)
{
	const char *written = b->file->stages[stage].base;
	auto_free char *base = NULL;
	uint32_t number;

	if (expand_global(b, written, &base, err) < 0)
		return -err->code;
	if (!*base)
		return error_set(err, EINVAL, "the image name \"%s\" is empty", written);
	*ret_image = NULL;
	*ret_stage = parse_u32(base, &number) == 0 ? BUILDER_NO_STAGE
						   : builder_stage_find(b->file, base, stage);
	if (*ret_stage == BUILDER_NO_STAGE)
		*ret_image = arena_strdup(b->arena, base);
	return 0;
}

int builder_platform(const struct builder *b, size_t stage, const char **ret, struct error *err)
{
	const char *written = b->file->stages[stage].platform;
	auto_free char *platform = NULL;

	*ret = NULL;
	if (!written)
		return 0;
	if (expand_global(b, written, &platform, err) < 0)
		return -err->code;
	*ret = arena_strdup(b->arena, platform);
	return 0;
}

/* ---- needs */

/* The value of "from" in a mount whose variables are not expanded: it may have none. */
static char *mount_from(struct arena *a, const char *text)
{
	struct dockerfile_mount m;
	struct error ignored = ERROR_INIT;

	return dockerfile_mount_parse(a, text, &m, &ignored) < 0 ? NULL : m.from;
}

static void needs_of(const struct builder *b, size_t stage, const struct dockerfile_instruction *in,
		     void (*need)(void *arg, size_t stage), void *arg)
{
	for (size_t i = 0; i < in->flag_count; i++) {
		const struct dockerfile_flag *f = &in->flags[i];
		const char *from = NULL;
		size_t other;

		if (!f->value)
			continue;
		if (!strcmp(f->name, "from"))
			from = f->value;
		else if (!strcmp(f->name, "mount"))
			from = mount_from(b->arena, f->value);
		other = from ? builder_stage_find(b->file, from, stage) : BUILDER_NO_STAGE;
		if (other != BUILDER_NO_STAGE)
			need(arg, other);
	}
}

void builder_stage_needs(const struct builder *b, size_t stage,
			 void (*need)(void *arg, size_t stage), void *arg)
{
	const struct dockerfile_stage *s = &b->file->stages[stage];

	for (size_t i = 0; i < s->count; i++)
		needs_of(b, stage, s->list[i], need, arg);
}
