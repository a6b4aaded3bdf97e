/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making containers, and making them anew.  The new one is recorded first, under a temporary name,
 * with the anonymous volumes of the old one; only then the old one is stopped and removed and its
 * name goes over: whatever fails before leaves the old container as it was.  An address that was
 * asked for can have one holder only, so there the old container has to go first.
 */
#include <errno.h>

#include "base/digest.h"
#include "engine/executor_int.h"
#include "engine/project.h"

/* Of several containers of a service the one that this plan makes, else the first that exists. */
static const char *find_service(void *arg, const char *service)
{
	struct executor *x = arg;
	struct container **list, *found = NULL;
	size_t i;

	for (i = 0; i < x->plan.count; i++) {
		const struct plan_op *op = &x->plan.ops[i];

		if ((op->action == PLAN_CREATE || op->action == PLAN_RECREATE) && !op->one_off &&
		    x->tasks[i].c && str_eq(op->key, service))
			return x->tasks[i].c->id;
	}
	list = project_containers(x->args.daemon, x->args.translate.project, false);
	for (i = 0; list[i] && !found; i++)
		if (str_eq(list[i]->service, service))
			found = list[i];
	free(list);
	return found ? found->id : NULL;
}

static struct config_mount *mount_at(struct container_config *config, const char *target)
{
	size_t i;

	for (i = 0; i < config->mount_count; i++)
		if (str_eq(config->mounts[i].target, target))
			return &config->mounts[i];
	return NULL;
}

/* Only where the service or the image still wants one. */
static void inherit_mount(struct container_config *config, const struct config_mount *old,
			  const json_t *image_volumes)
{
	struct config_mount *m = mount_at(config, old->target);

	if (!m && !json_object_get(image_volumes, old->target))
		return;
	if (!m) {
		config->mounts = xreallocarray(config->mounts, config->mount_count + 1,
					       sizeof(*config->mounts));
		m = &config->mounts[config->mount_count++];
		*m = (struct config_mount){.type = xstrdup("volume"),
					   .target = xstrdup(old->target),
					   .from_image = old->from_image};
	} else if (!str_eq(m->type, "volume") || !str_empty(m->source)) {
		return; /* the service says something else now */
	}
	free(m->source);
	m->source = xstrdup(old->source);
}

/* The anonymous volumes follow the container. */
static void inherit_volumes(struct executor *x, struct container_config *config,
			    const struct container *old)
{
	struct error ignored = ERROR_INIT; /* an image that is not there fails the creation */
	struct image *image = NULL;
	size_t i;

	if (image_resolve(x->args.daemon->images, config->image ? config->image : "", &image,
			  &ignored) < 0)
		return;
	for (i = 0; i < old->config.mount_count; i++) {
		const struct config_mount *m = &old->config.mounts[i];
		const struct volume *v;

		if (!str_eq(m->type, "volume") || str_empty(m->source))
			continue;
		v = volume_get(x->args.daemon->volumes, m->source);
		if (v && v->anonymous)
			inherit_mount(config, m, json_get_obj(image->config, "Volumes"));
	}
	image_unref(image);
}

static int translate(struct task *t, struct container_config *ret, struct error *err)
{
	struct executor *x = t->x;
	struct translate_args args = x->args.translate;

	args.service = t->op->key;
	args.number = t->op->number;
	args.one_off = t->op->one_off;
	args.definition = t->op->one_off ? x->args.one_off : NULL;
	args.config_hash = json_string_value(json_object_get(x->args.hashes, t->op->key));
	args.image_id = json_string_value(json_object_get(x->args.images, t->op->key));
	args.find = find_service;
	args.arg = x;
	return translate_service(&args, ret, err);
}

/* Makes t->c; t->old gives its volumes.  The name is the old one's as soon as that is gone. */
int make_container(struct task *t, struct error *err)
{
	struct container_config config;
	struct container_create_args args = {.config = &config};
	auto_free char *temporary = NULL;
	char id[DIGEST_HEX_MAX];
	struct container *c;
	int r = translate(t, &config, err);

	if (r < 0)
		return r;
	if (t->op->one_off)
		config.auto_remove = t->x->args.one_off_remove;
	if (t->old && !t->x->args.renew_anon_volumes)
		inherit_volumes(t->x, &config, t->old);
	if (t->old && t->op->inherits == PLAN_NONE) {
		digest_random_id(id);
		temporary = xasprintf("%.*s_%s", PLAN_TEMPORARY_LEN - 1, id, t->op->name);
	}
	args.name = temporary ? temporary : t->op->name;
	r = container_create(t->x->args.daemon, &args, &c, err);
	container_config_release(&config);
	if (r < 0)
		return error_wrap(err, "service %s", t->op->key);
	t->c = container_ref(c);
	if (t->op->one_off) {
		free(t->x->one_off);
		t->x->one_off = xstrdup(c->id);
	}
	return 0;
}

void run_create(struct task *t)
{
	struct error err = ERROR_INIT;
	int r;

	if (t->op->inherits != PLAN_NONE)
		t->old = container_ref(t->x->tasks[t->op->inherits].c);
	r = make_container(t, &err);

	task_end(t, r < 0 ? &err : NULL);
}

/* ---- recreation: step by step, each one called back by the one before */

static void ignore_done(void *arg UNUSED, const struct error *err UNUSED)
{
}

/* The old one stays: so the new one must not. */
static void give_up(struct task *t, const struct error *err)
{
	if (t->c)
		container_remove(t->c, true, false, ignore_done, NULL);
	task_end(t, err);
}

static void on_old_removed(void *arg, const struct error *failed)
{
	struct task *t = arg;
	struct error err = ERROR_INIT;
	int r;

	if (failed) {
		give_up(t, failed);
		return;
	}
	r = container_rename(t->c, t->op->name, &err);
	task_end(t, r < 0 ? &err : NULL);
}

static void on_old_stopped(void *arg, const struct error *err)
{
	struct task *t = arg;

	if (err)
		give_up(t, err);
	else
		container_remove(t->old, true, t->x->args.renew_anon_volumes, on_old_removed, t);
}

static void begin_old(struct task *t)
{
	if (t->old->pid)
		container_stop(t->old, NULL, t->x->args.timeout_ns, on_old_stopped, t);
	else
		container_remove(t->old, true, t->x->args.renew_anon_volumes, on_old_removed, t);
}

/* Called twice: among the quick tasks, where the new container is recorded, and among the slow
 * ones. */
void run_recreate(struct task *t)
{
	struct error err = ERROR_INIT;
	struct container *old;
	int r;

	if (t->slow_part) {
		begin_old(t);
		return;
	}
	r = container_find(t->x->args.daemon, t->op->container, &old, &err);
	if (r == 0) {
		t->old = container_ref(old);
		r = make_container(t, &err);
	}
	if (r == 0) {
		r = container_rehearse(t->c, &err);
		if (r < 0)
			(void)!error_wrap(&err, "service %s", t->op->key);
	}
	if (r < 0) {
		give_up(t, &err);
		return;
	}
	t->slow_part = true;
	t->state = TASK_READY;
	list_append(&t->x->slow, &t->link);
}
