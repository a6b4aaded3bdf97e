/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See archive.h: this file makes the plan, images/copy/ carries it out. */
#include "engine/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "engine/container_int.h"
#include "images/helper.h"

#define OPTIONS_MAX    4000 /* of overlay: the kernel takes a page */
#define NAMESPACE_LOOK 0    /* the descriptor of the mount namespace: standard input … */
#define NAMESPACE_PUT  3    /* … unless that is the stream */

struct archive {
	struct container *container; /* referenced */
	struct archive_args args;    /* strings in it are not used after the start */
	struct image_helper *helper;
	bool holds; /* starts of the container wait */
};

/* ---- the tree of a container that does not run */

/* Layers are named from the state directory on: the options must fit into a page. */
static int add_layer(const struct daemon *d, struct buf *options, const char *layer,
		     struct error *err)
{
	const char *rest = str_skip(layer, d->state_dir);

	if (!rest || rest[0] != '/' || rest[strcspn(rest, ":,\\")])
		return error_set(err, EINVAL, "layer %s is out of place", layer);
	buf_addf(options, "%s%s", options->data[options->len - 1] == '=' ? "" : ":", rest + 1);
	return 0;
}

static int put_overlay(const struct container *c, json_t *plan, struct error *err)
{
	const struct daemon *d = c->daemon;
	auto_buf struct buf options = BUF_INIT;
	static const char *const needed[] = {"upper", "work"};
	size_t i = c->image ? strv_len(c->image->layers) : 0;
	int r = 0;

	if (!c->image)
		return error_set(err, ENOENT, "its image is not there any more");
	buf_adds(&options, "lowerdir=");
	while (i-- > 0 && r == 0)
		r = add_layer(d, &options, c->image->layers[i], err);
	if (r == 0)
		r = add_layer(d, &options, d->skeleton, err);
	buf_addf(&options, ",upperdir=%s/upper,workdir=%s/work", c->dir, c->dir);
	if (r == 0 && options.len > OPTIONS_MAX)
		r = error_set(err, E2BIG, "the image has too many layers");
	for (i = 0; i < ARRAY_LEN(needed) && r == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", c->dir, needed[i]);

		r = file_mkdir_p(path, i ? 0700 : 0755, err);
	}
	json_set_str(plan, "parent", d->state_dir);
	json_set_str(plan, "options", options.data);
	json_set_str(plan, "target", d->mount_dir);
	json_set_bool(plan, "read_only", c->config.read_only);
	return r;
}

static int by_target(const void *a, const void *b)
{
	const struct config_mount *x = *(const struct config_mount *const *)a;
	const struct config_mount *y = *(const struct config_mount *const *)b;

	return strcmp(x->target ? x->target : "", y->target ? y->target : "");
}

/* Where a mount comes from; owned, NULL: it is left out. */
static char *source_of(const struct container *c, const struct config_mount *m)
{
	struct volume_store *store = c->daemon->volumes;
	struct volume *v =
		str_eq(m->type, "volume") && m->source ? volume_get(store, m->source) : NULL;
	struct error ignored = ERROR_INIT;
	char *path;

	if (str_eq(m->type, "bind"))
		return xstrdup(m->source);
	if (!v || !str_empty(m->subpath) || volume_mount(store, v, &path, &ignored) < 0)
		return NULL;
	return path;
}

static void put_mounts(const struct container *c, json_t *plan)
{
	size_t i, count = c->config.mount_count;
	auto_free const struct config_mount **sorted =
		xcalloc(count + 1, sizeof(const struct config_mount *));
	json_t *list = json_array();

	for (i = 0; i < count; i++)
		sorted[i] = &c->config.mounts[i];
	qsort(sorted, count, sizeof(*sorted), by_target); /* what is mounted on goes first */
	for (i = 0; i < count; i++) {
		auto_free char *source = source_of(c, sorted[i]);
		json_t *o;

		if (!source)
			continue;
		o = json_object();
		json_set_str(o, "source", source);
		json_set_str(o, "target", sorted[i]->target);
		json_set_bool(o, "read_only", sorted[i]->read_only);
		json_array_append_new(list, o);
	}
	json_set_new(plan, "mounts", list);
}

/* ---- the path */

/* Absolute, without "." and ".." as words: what they mean is decided before links are. */
static char *clean_path(const char *path)
{
	AUTO(strv_free) char **words = strv_split(path, "/");
	char **kept = NULL, *text;
	size_t i, count = 0;
	auto_free char *joined = NULL;

	for (i = 0; i < strv_len(words); i++) {
		if (!strcmp(words[i], "."))
			continue;
		if (strcmp(words[i], "..")) {
			strv_push(&kept, xstrdup(words[i]));
			count++;
		} else if (count) {
			free(kept[--count]);
			kept[count] = NULL;
		}
	}
	joined = strv_join(kept, "/");
	text = xasprintf("/%s", joined ? joined : "");
	strv_free(kept);
	return text;
}

static void put_path(json_t *plan, const char *path)
{
	auto_free char *clean = clean_path(path);

	json_set_str(plan, "path", clean);
	json_set_bool(plan, "inside", str_ends(path, "/") || str_ends(path, "/."));
	if (str_ends(path, "/."))
		json_set_str(plan, "name", ".");
}

/* ---- running */

static void on_done(void *arg, const char *output, const struct error *err)
{
	struct archive *a = arg;
	auto_json json_t *answer = NULL;
	struct error problem = ERROR_INIT;

	if (a->holds)
		container_files_done(a->container);
	if (err)
		problem = *err;
	else if (json_load_text(output, strlen(output), &answer, &problem) < 0)
		error_wrap(&problem, "answer of cmp-copy");
	else if (json_get_str(answer, "error"))
		error_set(&problem, (int)json_get_int(answer, "code", EIO), "%s",
			  json_get_str(answer, "error"));
	a->args.done(a->args.arg, problem.code ? NULL : answer, problem.code ? &problem : NULL);
	container_unref(a->container);
	free(a);
}

static int make_plan(const struct container *c, const struct archive_args *args, json_t *plan,
		     int ns_number, struct error *err)
{
	const char *user = c->config.user
				   ? c->config.user
				   : json_get_str(c->image ? c->image->config : NULL, "User");

	json_set_str(plan, "op", args->op);
	put_path(plan, args->path);
	json_set_bool(plan, "keep_kinds", args->keep_kinds);
	json_set_bool(plan, "whole", args->whole);
	if (args->whole)
		json_set_str(plan, "name", "");
	if (args->chown)
		json_set_str(plan, "user", user ? user : "");
	if (c->pid) {
		json_set_int(plan, "namespace", ns_number);
		return 0;
	}
	if (!args->whole)
		put_mounts(c, plan);
	return put_overlay(c, plan, err);
}

static int launch(struct archive *a, const struct archive_args *args, int ns, const char *plan,
		  struct error *err)
{
	bool put = !strcmp(args->op, "put"), get = !strcmp(args->op, "get");
	const char *const argv[] = {plan, NULL};
	const struct image_helper_args helper = {
		.program = "cmp-copy",
		.argv = argv,
		.input = put ? args->input : ns,
		.socket = put	? ns
			  : get ? args->output
				: -1,
		.done = on_done,
		.arg = a,
	};

	return image_helper_start(a->container->daemon->loop, &helper, &a->helper, err);
}

int archive_start(struct container *c, const struct archive_args *args, struct archive **ret,
		  struct error *err)
{
	int ns_number = !strcmp(args->op, "put") ? NAMESPACE_PUT : NAMESPACE_LOOK;
	auto_json json_t *plan = json_object();
	auto_free char *text = NULL, *path = NULL;
	auto_fd int ns = -1;
	struct archive *a;

	if (c->out_of_reach)
		return error_set(err, EBUSY, "container %s: its shim does not answer", c->name);
	if (!c->pid && (c->state == CONTAINER_STARTING || c->state == CONTAINER_RESTARTING))
		return error_set(err, EBUSY, "container %s is being started", c->name);
	if (c->pid) {
		path = xasprintf("/proc/%d/ns/mnt", c->pid);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0)
			return error_sys(err, errno, "open %s", path);
	}
	if (make_plan(c, args, plan, ns_number, err) < 0)
		return -err->code;
	text = json_text(plan);
	a = xcalloc(1, sizeof(*a));
	a->container = container_ref(c);
	a->args = *args;
	if (launch(a, args, ns, text, err) < 0) {
		container_unref(a->container);
		free(a);
		return -err->code;
	}
	a->holds = !c->pid;
	c->files_busy += a->holds;
	*ret = a;
	return 0;
}

void archive_kill(struct archive *a)
{
	image_helper_kill(a->helper);
}
