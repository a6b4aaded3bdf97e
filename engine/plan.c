/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan as a value: adding operations, comparing definitions, showing.  See plan.h. */
#include "engine/plan.h"

#include <errno.h>

#include "base/json.h"

#define DIFFERENCES_SHOWN 3

static const struct {
	const char *name, *kind;
	bool changes;
} actions[PLAN_ACTION_MAX] = {
	[PLAN_NETWORK_CREATE] = {"create", "Network", true},
	[PLAN_NETWORK_REMOVE] = {"remove", "Network", true},
	[PLAN_VOLUME_CREATE] = {"create", "Volume", true},
	[PLAN_VOLUME_REMOVE] = {"remove", "Volume", true},
	[PLAN_IMAGE_REMOVE] = {"remove", "Image", true},
	[PLAN_CREATE] = {"create", "Container", true},
	[PLAN_RECREATE] = {"recreate", "Container", true},
	[PLAN_START] = {"start", "Container", true},
	[PLAN_RUNNING] = {"keep", "Container", false},
	[PLAN_WAIT] = {"wait", "Container", false},
	[PLAN_STOP] = {"stop", "Container", true},
	[PLAN_RESTART] = {"restart", "Container", true},
	[PLAN_KILL] = {"kill", "Container", true},
	[PLAN_PAUSE] = {"pause", "Container", true},
	[PLAN_UNPAUSE] = {"unpause", "Container", true},
	[PLAN_REMOVE] = {"remove", "Container", true},
};

const char *plan_action_name(enum plan_action a)
{
	return actions[a].name;
}

bool plan_action_changes(enum plan_action a)
{
	return actions[a].changes;
}

size_t plan_add(struct plan *p, enum plan_action action, const char *name, const char *key,
		char *cause)
{
	struct plan_op *op;

	if ((p->count & (p->count - 1)) == 0)
		p->ops = xreallocarray(p->ops, p->count ? p->count * 2 : 1, sizeof(*p->ops));
	op = &p->ops[p->count];
	*op = (struct plan_op){.action = action, .made = PLAN_NONE, .inherits = PLAN_NONE};
	op->name = xstrdup(name);
	op->key = xstrdup(key);
	op->cause = cause;
	return p->count++;
}

void plan_need(struct plan *p, size_t op, size_t needed, enum plan_need_kind kind)
{
	struct plan_op *at = &p->ops[op];
	size_t n = at->need_count;

	if (needed == PLAN_NONE)
		return;
	if ((n & (n - 1)) == 0)
		at->needs = xreallocarray(at->needs, n ? n * 2 : 1, sizeof(*at->needs));
	at->needs[at->need_count++] = (struct plan_need){needed, kind};
}

void plan_release(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		struct plan_op *op = &p->ops[i];

		free(op->name);
		free(op->key);
		free(op->cause);
		free(op->container);
		free(op->needs);
	}
	free(p->ops);
	strv_free(p->warnings);
	strv_free(p->services);
	*p = (struct plan){0};
}

bool plan_selected(char *const *services, const char *service)
{
	return !strv_len(services) || strv_has(services, service);
}

int plan_check_services(const struct plan_input *in, char *const *services, struct error *err)
{
	json_t *all = json_get_obj(in->model, "services"), *service;
	const char *name, *nearest, **names;
	size_t n = 0;

	for (; services && *services; services++)
		if (!json_object_get(all, *services))
			break;
	if (!services || !*services)
		return 0;
	names = xcalloc(json_object_size(all) + 1, sizeof(*names));
	json_object_foreach (all, name, service)
		names[n++] = name;
	nearest = str_nearest(*services, names, n);
	free(names);
	if (nearest)
		return error_set(err, ENOENT, "no such service: %s (did you mean %s?)", *services,
				 nearest);
	return error_set(err, ENOENT, "no such service: %s", *services);
}

const char *plan_object_name(const json_t *model, const char *kind, const char *key)
{
	return json_get_str(json_get_obj(json_get_obj(model, kind), key), "name");
}

/* ---- differences in words */

struct difference {
	struct buf text;
	unsigned count;
};

static void add_difference(struct difference *d, const char *what, const char *key, const char *how)
{
	if (d->count++ < DIFFERENCES_SHOWN)
		buf_addf(&d->text, "%s%s%s%s %s", d->count > 1 ? ", " : "", what ? what : "",
			 what ? " " : "", key, how);
}

static void compare_maps(struct difference *d, const char *what, const json_t *old,
			 const json_t *new);

/* Maps of which each entry is worth naming. */
static const struct {
	const char *key, *word;
} named_maps[] = {
	{"environment", "env"}, {"labels", "label"},	 {"sysctls", "sysctl"},
	{"ulimits", "ulimit"},	{"networks", "network"},
};

static void compare_value(struct difference *d, const char *what, const char *key,
			  const json_t *old, const json_t *new)
{
	size_t i;

	for (i = 0; !what && i < ARRAY_LEN(named_maps); i++) {
		if (!strcmp(key, named_maps[i].key) && json_is_object(old) && json_is_object(new)) {
			compare_maps(d, named_maps[i].word, old, new);
			return;
		}
	}
	if (!json_equal(old, new))
		add_difference(d, what, key, "changed");
}

static void compare_maps(struct difference *d, const char *what, const json_t *old,
			 const json_t *new)
{
	static const char *const no_matter[] = {"build",      "pull_policy", "scale",
						"depends_on", "profiles",    "develop"};
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t) new, key, value) {
		const json_t *before = json_object_get(old, key);

		for (i = 0; !what && i < ARRAY_LEN(no_matter); i++)
			if (!strcmp(key, no_matter[i]))
				break;
		if (!what && i < ARRAY_LEN(no_matter))
			continue;
		if (before)
			compare_value(d, what, key, before, value);
		else
			add_difference(d, what, key, "added");
	}
	json_object_foreach ((json_t *)(uintptr_t)old, key, value)
		if (!json_object_get(new, key))
			add_difference(d, what, key, "removed");
}

char *plan_difference(const json_t *old, const json_t *new)
{
	struct difference d = {.text = BUF_INIT};

	if (old && new)
		compare_maps(&d, NULL, old, new);
	if (!d.count)
		buf_adds(&d.text, "configuration changed");
	if (d.count > DIFFERENCES_SHOWN)
		buf_addf(&d.text, " and %u more", d.count - DIFFERENCES_SHOWN);
	return buf_steal(&d.text);
}

/* ---- showing */

char *plan_op_id(const struct plan_op *op)
{
	return xasprintf("%s %s", actions[op->action].kind, op->name);
}

void plan_text(const struct plan *p, struct buf *out)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct plan_op *op = &p->ops[i];

		if (!plan_action_changes(op->action))
			continue;
		buf_addf(out, "%s %s  %s", actions[op->action].kind, op->name,
			 actions[op->action].name);
		if (op->cause)
			buf_addf(out, "  <- %s", op->cause);
		buf_addc(out, '\n');
	}
}

json_t *plan_json(const struct plan *p)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct plan_op *op = &p->ops[i];
		auto_free char *id = plan_op_id(op);
		json_t *o;

		if (!plan_action_changes(op->action))
			continue;
		o = json_object();
		json_set_str(o, "id", id);
		json_set_str(o, "action", actions[op->action].name);
		json_set_str(o, "cause", op->cause);
		json_array_append_new(list, o);
	}
	return list;
}
