/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUN: a container on the layers so far; its output is passed on line by line, and when it has
 * ended well, what it has written (the upper directory of its overlay) becomes the layer.  The
 * container is removed in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/build_int.h"
#include "engine/container.h"
#include "engine/logs.h"
#include "engine/network.h"

#define FRAME_HEAD     16
#define LINE_MAX_BYTES ((size_t)64 << 10)

struct build_run {
	struct build_stage *stage;
	struct container *container; /* referenced */
	struct container_watch watch;
	struct logs *logs; /* NULL: read to the end */
	struct buf frames; /* that are not complete yet */
	char *tail[BUILD_TAIL];
	size_t tail_count;
	bool exited, handled;
	struct error start_error;
};

/* ---- the end of the container */

static void run_free(struct build_run *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->tail); i++)
		free(r->tail[i]);
	buf_release(&r->frames);
	container_unref(r->container);
	free(r);
}

static char *tail_text(const struct build_run *r)
{
	auto_buf struct buf text = BUF_INIT;
	size_t first = r->tail_count > BUILD_TAIL ? r->tail_count - BUILD_TAIL : 0;

	for (size_t i = first; i < r->tail_count; i++)
		buf_addf(&text, "  %s\n", r->tail[i % BUILD_TAIL]);
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	return buf_steal(&text);
}

static void on_removed(void *arg, const struct error *err)
{
	struct build_run *r = arg;
	struct build_stage *s = r->stage;

	if (err)
		log_warn("build", "%s", err->msg);
	container_watch_remove(&r->watch);
	run_free(r);
	s->run = NULL;
	build_mounts_unlock(s);
	if (build_op_end(s->build)) {
		struct error failure = ERROR_INIT;
		json_t *job = json_object();

		json_set_strf(job, "place", "%s/place", s->dir);
		json_set_new(job, "commit", build_commit_json(s));
		if (build_helper(s, job, build_step_committed, &failure) < 0)
			build_fail(s->build, s->in, &failure, NULL);
	}
}

static void remove_container(struct build_run *r)
{
	r->handled = true;
	container_remove(r->container, true, true, on_removed, r);
}

/* What it has written is moved to where the layer is made. */
static int take_upper(const struct build_run *r, struct error *err)
{
	const struct build_stage *s = r->stage;
	auto_free char *from = xasprintf("%s/upper", r->container->dir),
		       *to = xasprintf("%s/layer/fs", s->dir);

	if (rmdir(to) < 0 || rename(from, to) < 0)
		return error_sys(err, errno, "take what the command has written");
	return 0;
}

static void judge(struct build_run *r)
{
	struct build_stage *s = r->stage;
	const struct container *c = r->container;
	auto_free char *tail = tail_text(r);
	struct error err = ERROR_INIT;

	if (r->handled)
		return;
	if (!s->build->ending) {
		if (c->error)
			error_set(&err, EIO, "%s",
				  strstr(c->error, ": ") ? strstr(c->error, ": ") + 2 : c->error);
		else if (c->oom_killed)
			error_set(&err, ENOMEM, "the command was killed: out of memory");
		else if (c->exit_code)
			error_set(&err, EIO, "the command ended with exit code %d", c->exit_code);
		else
			(void)!take_upper(r, &err);
		if (err.code)
			build_fail(s->build, s->in, &err, tail);
	}
	if (!r->handled)
		remove_container(r);
}

static void maybe_judge(struct build_run *r)
{
	if (r->exited && !r->logs)
		judge(r);
}

static void on_changed(struct container_watch *w, struct container *c, enum container_change what)
{
	struct build_run *r = container_of(w, struct build_run, watch);

	if (c != r->container || what != CONTAINER_CHANGED_STATE || r->exited)
		return;
	if (c->state != CONTAINER_EXITED && c->state != CONTAINER_DEAD)
		return;
	r->exited = true;
	maybe_judge(r);
}

/* ---- its output */

static bool one_line(struct build_run *r, const char *text, size_t len)
{
	char **slot = &r->tail[r->tail_count++ % BUILD_TAIL];
	json_t *event = json_object();

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	free(*slot);
	*slot = xstrndup(text, MIN(len, LINE_MAX_BYTES));
	json_set_str(event, "type", "log");
	json_set_new(event, "id", json_str(r->stage->shown));
	json_set_new(event, "text", json_str(*slot));
	return build_event(r->stage->build, event);
}

static uint32_t get_u32(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool on_log_data(void *arg, const char *data, size_t len)
{
	struct build_run *r = arg;
	size_t at = 0, text;
	bool room = true;

	buf_add(&r->frames, data, len);
	while (r->frames.len - at >= FRAME_HEAD) {
		const char *frame = r->frames.data + at;

		text = get_u32(frame + 4);
		if (r->frames.len - at < FRAME_HEAD + text)
			break;
		if (frame[0] == 1 || frame[0] == 2)
			room &= one_line(r, frame + FRAME_HEAD, text);
		at += FRAME_HEAD + text;
	}
	buf_consume(&r->frames, at);
	return room;
}

static void on_log_end(void *arg, const struct error *err)
{
	struct build_run *r = arg;

	(void)err;
	r->logs = NULL;
	maybe_judge(r);
}

/* ---- the beginning */

static void on_started(void *arg, const struct error *err)
{
	(void)arg;
	(void)err; /* the container's state tells, too */
}

static int set_network(struct build_stage *s, struct container_config *c, struct error *err)
{
	const json_t *o = s->build->options;
	const char *asked = s->action.network, *global = json_get_str(o, "network");
	AUTO(strv_free) char **allow = json_to_strv(json_get_arr(o, "allow"));

	if (!strcmp(asked, "host") && !strv_has(allow, "network.host") && !str_eq(global, "host"))
		return error_set(err, EPERM,
				 "RUN --network=host needs a permission: --allow network.host");
	if (!strcmp(asked, "default") && !str_empty(global))
		asked = global;
	if (!strcmp(asked, "none") || !strcmp(asked, "host")) {
		c->network_mode = xstrdup(asked);
		return 0;
	}
	if (strcmp(asked, "default") != 0)
		return error_set(err, EINVAL,
				 "--network=%s is not supported: default, none or host", asked);
	c->networks = xcalloc(1, sizeof(*c->networks));
	c->networks[0].network = xstrdup(NETWORK_DEFAULT);
	c->network_count = 1;
	return 0;
}

static int set_limits(const json_t *o, struct container_config *c, struct error *err)
{
	json_t *ulimits = json_get_arr(o, "ulimits"), *u;
	size_t i;

	c->shm_bytes = json_get_int(o, "shm_bytes", 0);
	c->extra_hosts = json_to_strv(json_get_arr(o, "add_hosts"));
	c->ulimits = xcalloc(json_array_size(ulimits) + 1, sizeof(*c->ulimits));
	json_array_foreach (ulimits, i, u) {
		const char *name = json_get_str(u, "name");

		if (!name)
			return error_set(err, EINVAL, "a ulimit has no name");
		c->ulimits[c->ulimit_count++] = (struct config_ulimit){
			xstrdup(name), json_get_int(u, "soft", 0), json_get_int(u, "hard", 0)};
	}
	return 0;
}

static int set_config(struct build_stage *s, struct container_config *c, const char *stubs,
		      struct error *err)
{
	const struct builder_action *a = &s->action;
	AUTO(strv_free) char **allow = json_to_strv(json_get_arr(s->build->options, "allow"));

	c->image = xstrdup("build");
	c->entrypoint_set = c->command_set = true;
	c->command = strv_dup(a->argv);
	c->env = strv_dup(a->env);
	c->user = xstrdup(a->user);
	c->working_dir = xstrdup(a->workdir);
	c->hostname = xstrdup("buildkitsandbox");
	c->labels = json_object();
	json_set_str(c->labels, BUILD_LABEL, s->shown);
	c->health.test = NULL;
	strv_push(&c->health.test, xstrdup("NONE"));
	if (a->insecure && !strv_has(allow, "security.insecure"))
		return error_set(err, EPERM,
				 "RUN --security=insecure needs a permission: --allow "
				 "security.insecure");
	c->privileged = a->insecure;
	if (set_limits(s->build->options, c, err) < 0 || build_mounts_set(s, c, stubs, err) < 0)
		return -err->code;
	return set_network(s, c, err);
}

static struct image *make_image(struct build_stage *s, const char *stubs)
{
	AUTO(strv_free) char **own = build_stage_paths(s);
	AUTO(strv_free) char **all = NULL;

	strv_push(&all, xstrdup(stubs));
	for (char **p = own; p && *p; p++)
		strv_push(&all, xstrdup(*p));
	return image_build_draft(s->build->session, all);
}

static int create(struct build_stage *s, struct build_run *r, struct error *err)
{
	auto_free char *stubs = xasprintf("%s/stubs", s->dir);
	struct container_config config = {0};
	AUTO(image_unref) struct image *im = NULL;
	struct container_create_args args = {.config = &config};
	struct container *c;
	int code = file_mkdir_p(stubs, 0755, err);

	if (code == 0)
		code = set_config(s, &config, stubs, err);
	if (code == 0) {
		im = make_image(s, stubs);
		args.image = im;
		code = container_create(s->build->daemon, &args, &c, err);
		if (code == 0)
			r->container = container_ref(c);
	}
	container_config_release(&config);
	return code;
}

static int start(struct build_stage *s, struct error *err)
{
	struct build_run *r = xcalloc(1, sizeof(*r));
	struct logs_args logs = {
		.follow = true, .tail = -1, .on_data = on_log_data, .on_end = on_log_end, .arg = r};

	r->stage = s;
	buf_init(&r->frames, (size_t)16 << 20);
	if (create(s, r, err) < 0) {
		run_free(r);
		build_mounts_unlock(s);
		return -err->code;
	}
	s->run = r;
	build_op_begin(s->build);
	r->watch.changed = on_changed;
	container_watch_add(s->build->daemon, &r->watch);
	logs.container = r->container->id;
	logs.until_exit = true;
	if (logs_start(s->build->daemon, &logs, &r->logs, err) < 0) {
		/* It is removed, and that ends the operation. */
		struct error failure = *err;

		*err = ERROR_INIT;
		build_fail(s->build, s->in, &failure, NULL);
		return 0;
	}
	container_start(r->container, on_started, NULL);
	return 0;
}

/* What must be copied for the mounts comes first, one after the other. */
static void prepare(struct build_stage *s, const char *result)
{
	struct error err = ERROR_INIT;
	json_t *job;

	(void)result;
	job = build_mounts_copy(s, &s->mount_at, &err);
	if (job) {
		if (build_helper(s, job, prepare, &err) < 0)
			build_fail(s->build, s->in, &err, NULL);
	} else if (err.code || start(s, &err) < 0) {
		build_fail(s->build, s->in, &err, NULL);
	}
}

int build_run_start(struct build_stage *s, struct error *err)
{
	int r = build_mounts_lock(s, err);

	if (r) /* 1: whoever has the lock calls again */
		return MIN(r, 0);
	s->mount_at = 0;
	prepare(s, NULL);
	return 0;
}

void build_run_cancel(struct build_stage *s)
{
	struct build_run *r = s->run;

	if (r->handled)
		return;
	if (r->logs)
		logs_stop(steal_ptr(&r->logs));
	remove_container(r);
}

void build_run_resume(struct build_stage *s)
{
	if (s->run->logs)
		logs_resume(s->run->logs);
}
