/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of a Dockerfile as JSON: for goldens and tests. */
#include "base/json.h"
#include "images/builder/dockerfile.h"

static json_t *heredocs_json(const struct dockerfile_instruction *in)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < in->heredoc_count; i++) {
		const struct dockerfile_heredoc *h = &in->heredocs[i];

		o = json_object();
		json_set_str(o, "name", h->name);
		json_set_new(o, "content", json_str(h->content));
		json_set_int(o, "line", h->line);
		if (h->chomp)
			json_set_bool(o, "chomp", true);
		if (!h->expand)
			json_set_bool(o, "quoted", true);
		if (h->fd)
			json_set_int(o, "fd", h->fd);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *flags_json(const struct dockerfile_instruction *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < in->flag_count; i++) {
		const struct dockerfile_flag *f = &in->flags[i];
		auto_free char *text =
			f->value ? xasprintf("%s=%s", f->name, f->value) : xstrdup(f->name);

		json_array_append_new(list, json_str(text));
	}
	return list;
}

static json_t *instruction_json(const struct dockerfile_instruction *in)
{
	json_t *o = json_object(), *args = json_array();

	json_set_str(o, "name", dockerfile_kind_name(in->kind));
	json_set_strf(o, "at", "%u:%u", in->mark.line, in->mark.column);
	if (in->last_line != in->mark.line)
		json_set_int(o, "last_line", in->last_line);
	if (in->flag_count)
		json_set_new(o, "flags", flags_json(in));
	for (size_t i = 0; i < in->args.count; i++)
		json_array_append_new(args, json_str(in->args.list[i].text));
	if (in->trigger)
		json_decref(args);
	else
		json_set_new(o, "args", args);
	if (in->exec_form)
		json_set_bool(o, "exec", true);
	if (in->legacy)
		json_set_bool(o, "legacy", true);
	if (in->heredoc_count)
		json_set_new(o, "heredocs", heredocs_json(in));
	if (in->trigger)
		json_set_new(o, "trigger", instruction_json(in->trigger));
	return o;
}

static json_t *list_json(struct dockerfile_instruction *const *list, size_t count)
{
	json_t *a = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, instruction_json(list[i]));
	return a;
}

json_t *dockerfile_json(const struct dockerfile *f)
{
	json_t *o = json_object(), *stages = json_array(), *s;

	if (f->escape != '\\')
		json_set_strf(o, "escape", "%c", f->escape);
	json_set_str(o, "syntax", f->syntax);
	if (f->arg_count)
		json_set_new(o, "args", list_json(f->args, f->arg_count));
	for (size_t i = 0; i < f->stage_count; i++) {
		s = json_object();
		json_set_str(s, "base", f->stages[i].base);
		json_set_str(s, "name", f->stages[i].name);
		json_set_str(s, "platform", f->stages[i].platform);
		json_set_new(s, "instructions", list_json(f->stages[i].list, f->stages[i].count));
		json_array_append_new(stages, s);
	}
	json_set_new(o, "stages", stages);
	return o;
}
