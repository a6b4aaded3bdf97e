/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lifecycle hooks (https://docs.docker.com/compose/how-tos/lifecycle/).  They belong to what the
 * command line asks for, not to the container: a restart by its policy runs none.
 */
#include "engine/hooks.h"

#include <errno.h>

#include "base/json.h"
#include "engine/exec.h"

#define TAIL_LINES 10
#define TAIL_BYTES 2048

struct hooks {
	struct container *container; /* referenced */
	const char *which;
	json_t *list; /* referenced */
	size_t next;
	struct buf output[2]; /* of the one that runs: stdout, stderr */
	hooks_done done;
	void *arg;
};

static void run_next(struct hooks *h);

/* ---- its output: the end of it is kept, to be shown when it fails */

static bool on_output(void *arg, int fd, const char *data, size_t len)
{
	struct hooks *h = arg;
	struct buf *b = &h->output[fd == 2];

	buf_add(b, data, len);
	if (b->len > 2 * TAIL_BYTES)
		buf_consume(b, b->len - TAIL_BYTES);
	return true;
}

/* The last lines, of its errors if there are any. */
static char *tail(const struct hooks *h)
{
	const struct buf *b = &h->output[h->output[1].len ? 1 : 0];
	size_t end = b->len, start, i, lines = 0;

	while (end && (b->data[end - 1] == '\n' || b->data[end - 1] == '\r'))
		end--;
	start = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
	for (i = end; i > start; i--)
		if (b->data[i - 1] == '\n' && ++lines == TAIL_LINES)
			start = i;
	return xstrndup(end ? b->data + start : "", end - start);
}

static void end(struct hooks *h, const struct error *err)
{
	hooks_done done = h->done;
	void *arg = h->arg;
	auto_free char *text = tail(h);

	container_unref(h->container);
	json_decref(h->list);
	buf_release(&h->output[0]);
	buf_release(&h->output[1]);
	free(h);
	done(arg, err, text);
}

/* ---- one after the other */

static void on_hook_exit(void *arg, int exit_code, const struct error *err)
{
	struct hooks *h = arg;
	const char *name = h->container->service ? h->container->service : h->container->name;
	struct error failure = ERROR_INIT;

	if (!err && exit_code == 0) {
		run_next(h);
		return;
	}
	if (err)
		failure = *err;
	else
		(void)!error_set(&failure, ECANCELED, "exited with status %d", exit_code);
	(void)!error_wrap(&failure, "service %s: %s hook %zu", name, h->which, h->next);
	end(h, &failure);
}

static char **environment(const json_t *hook)
{
	json_t *map = json_get_obj(hook, "environment");
	char **env = NULL;
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value)
		if (json_is_string(value))
			strv_pushf(&env, "%s=%s", key, json_string_value(value));
	return env;
}

static void run_next(struct hooks *h)
{
	const json_t *hook = json_array_get(h->list, h->next);
	AUTO(strv_free) char **cmd = json_to_strv(json_get_arr(hook, "command"));
	AUTO(strv_free) char **env = hook ? environment(hook) : NULL;
	struct error err = ERROR_INIT;
	struct exec *exec;
	struct exec_args args = {
		.cmd = cmd,
		.env = env,
		.user = json_get_str(hook, "user"),
		.working_dir = json_get_str(hook, "working_dir"),
		.privileged = json_get_bool(hook, "privileged"),
		.on_output = on_output,
		.on_exit = on_hook_exit,
		.arg = h,
	};

	if (!hook) {
		end(h, NULL);
		return;
	}
	h->next++;
	buf_reset(&h->output[0]);
	buf_reset(&h->output[1]);
	if (exec_start(h->container, &args, &exec, &err) < 0)
		on_hook_exit(h, 0, &err);
}

void hooks_run(struct container *c, const char *which, const json_t *hooks, hooks_done done,
	       void *arg)
{
	struct hooks *h;

	if (!json_array_size(hooks)) {
		done(arg, NULL, "");
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->container = container_ref(c);
	buf_init(&h->output[0], BUF_MAX_DEFAULT);
	buf_init(&h->output[1], BUF_MAX_DEFAULT);
	h->which = which;
	h->list = json_incref((json_t *)(uintptr_t)hooks);
	h->done = done;
	h->arg = arg;
	run_next(h);
}
