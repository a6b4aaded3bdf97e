/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further processes by Docker's two steps: an object that says what to run, then its start.  The
 * object stays for a while after the end, because clients ask for the exit code then.
 */
#include <errno.h>

#include "engine/api/docker.h"
#include "engine/api/stream.h"
#include "engine/container_int.h"
#include "engine/exec.h"

#define EXECS_KEPT 512

struct docker_exec {
	char id[DIGEST_HEX_MAX];
	struct container *container; /* referenced */
	char **cmd, **env;
	char *user, *working_dir, *detach_keys;
	bool tty, privileged, in, out, err;
	/* since its start */
	bool started, running, detach;
	int pid;
	int64_t exit_code;
	struct exec *exec;	     /* while it runs */
	struct api_request *request; /* whoever is attached, or waits for the start; or NULL */
	enum stream_style style;
	struct detach_keys keys;
};

/* ---- objects */

static void exec_free(struct docker_exec *x)
{
	container_unref(x->container);
	strv_free(x->cmd);
	strv_free(x->env);
	free(x->user);
	free(x->working_dir);
	free(x->detach_keys);
	free(x);
}

/* The oldest ones that have ended, or were never started, make room. */
static void make_room(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_len(d->execs) >= EXECS_KEPT && map_next(d->execs, &it)) {
		struct docker_exec *x = it.value;

		if (x->running || x->request)
			continue;
		map_take(d->execs, it.key);
		exec_free(x);
	}
}

static struct docker_exec *wanted(struct api_request *r)
{
	struct docker_exec *x = map_get(r->daemon->execs, r->params[0]);

	if (!x)
		docker_fail(r, 404, "No such exec instance: %s", r->params[0]);
	return x;
}

void docker_put_exec_ids(struct buf *b, const struct container *c)
{
	struct map_iter it = {0};
	size_t start = b->len;

	while (map_next(c->daemon->execs, &it)) {
		const struct docker_exec *x = it.value;

		if (x->container != c || !x->running)
			continue;
		if (b->len == start)
			buf_addc(b, '[');
		docker_put_comma(b);
		docker_put_str(b, x->id);
	}
	buf_adds(b, b->len > start ? "]" : "null");
}

static void emit(const struct docker_exec *x, const char *what, bool command)
{
	auto_free char *words = strv_join(x->cmd, " ");
	auto_free char *action = command ? xasprintf("%s: %s", what, words) : xstrdup(what);

	container_emit(x->container, action, "execID", x->id);
}

/* ---- create */

#define X(key, kind, member)                                                                       \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct docker_exec, member), NULL, NULL, NULL         \
	}

static const struct docker_field create_fields[] = {
	X("User", STR, user),
	X("Privileged", BOOL, privileged),
	X("Tty", BOOL, tty),
	X("AttachStdin", BOOL, in),
	X("AttachStdout", BOOL, out),
	X("AttachStderr", BOOL, err),
	X("DetachKeys", STR, detach_keys),
	X("Env", STRV, env),
	X("WorkingDir", STR, working_dir),
	X("Cmd", STRV, cmd),
	{0},
};

static bool may_exec(struct api_request *r, const struct container *c)
{
	if (c->state == CONTAINER_PAUSED)
		docker_fail(r, 409, "Container %s is paused, unpause the container before exec",
			    c->name);
	else if (c->state != CONTAINER_RUNNING)
		docker_fail(r, 409, "container %s is not running", c->id);
	else
		return true;
	return false;
}

static void post_create(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct docker_exec *x;
	struct error err = ERROR_INIT;
	struct docker_input in = {.daemon = r->daemon, .key = "body", .err = &err};
	auto_buf struct buf b = BUF_INIT;

	if (!c)
		return;
	x = xcalloc(1, sizeof(*x));
	x->container = container_ref(c);
	digest_random_id(x->id);
	if (docker_read(&in, create_fields, r->body, x) < 0)
		api_reply_error(r, &err);
	else if (!strv_len(x->cmd))
		docker_fail(r, 400, "No exec command specified");
	else if (detach_keys_parse(x->detach_keys, &x->keys, &err) < 0)
		api_reply_error(r, &err);
	else if (may_exec(r, c)) {
		make_room(r->daemon);
		map_set(r->daemon->execs, x->id, x);
		emit(x, "exec_create", true);
		buf_addf(&b, "{\"Id\":\"%s\"}", x->id);
		docker_reply(r, 201, &b);
		return;
	}
	exec_free(x);
}

/* ---- start */

static bool on_output(void *arg, int fd, const char *data, size_t len)
{
	struct docker_exec *x = arg;

	if (!x->request || x->detach || (fd == 2 ? !x->err && !x->tty : !x->out))
		return true;
	return stream_output(x->request, x->style, fd, data, len);
}

static void on_started(void *arg, int pid)
{
	struct docker_exec *x = arg;

	x->pid = pid;
	emit(x, "exec_start", true);
	if (!x->detach || !x->request)
		return;
	x->request->on_hangup = NULL;
	api_reply_empty(x->request, 200);
	x->request = NULL;
}

static char *failure_text(const struct docker_exec *x, const struct error *err)
{
	static const char begin[] =
		"OCI runtime exec failed: exec failed: unable to start container "
		"process: exec: ";

	if (err->code == ENOENT && strchr(x->cmd[0], '/'))
		return xasprintf("%s\"%s\": stat %s: no such file or directory", begin, x->cmd[0],
				 x->cmd[0]);
	if (err->code == ENOENT)
		return xasprintf("%s\"%s\": executable file not found in $PATH", begin, x->cmd[0]);
	if (err->code == EACCES)
		return xasprintf("%s\"%s\": permission denied", begin, x->cmd[0]);
	return xasprintf("OCI runtime exec failed: %s", err->msg);
}

static void leave(struct docker_exec *x)
{
	struct api_request *r = x->request;

	x->request = NULL;
	r->on_hangup = NULL;
	r->on_data = NULL;
	r->on_end = r->on_drain = NULL;
	api_stream_end(r);
}

/* The exit code is known before the stream ends: clients ask for it at once. */
static void on_ended(void *arg, int exit_code, const struct error *err)
{
	struct docker_exec *x = arg;
	auto_free char *text = err ? failure_text(x, err) : NULL;

	x->running = false;
	x->exec = NULL;
	x->exit_code = exit_code;
	emit(x, "exec_die", false);
	if (!x->request)
		return;
	if (x->detach) {
		x->request->on_hangup = NULL;
		docker_fail(x->request, exit_code == 126 || exit_code == 127 ? 400 : 500, "%s",
			    text ? text : "it has ended");
		x->request = NULL;
		return;
	}
	if (text) {
		auto_free char *line = xasprintf("%s\r\n", text);

		stream_output(x->request, x->style, 2, line, strlen(line));
	}
	leave(x);
}

static void on_input_drain(void *arg)
{
	struct docker_exec *x = arg;

	if (x->request)
		api_pause(x->request, false);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct docker_exec *x = arg;
	auto_buf struct buf passed = BUF_INIT;
	bool pressed = false;

	if (x->tty)
		pressed = detach_keys_feed(&x->keys, data, len, &passed);
	else
		buf_add(&passed, data, len);
	if (passed.len && x->exec && !exec_write(x->exec, passed.data, passed.len, on_input_drain))
		api_pause(x->request, true);
	if (pressed)
		leave(x);
}

static void on_end(void *arg)
{
	struct docker_exec *x = arg;

	if (x->exec)
		exec_close_stdin(x->exec);
}

static void on_drain(void *arg)
{
	struct docker_exec *x = arg;

	if (x->exec)
		exec_resume(x->exec);
}

/* The process goes on; its input has ended, and nobody reads what it says. */
static void on_hangup(void *arg)
{
	struct docker_exec *x = arg;

	x->request = NULL;
	if (!x->exec)
		return;
	exec_close_stdin(x->exec);
	exec_resume(x->exec);
}

static int run(struct docker_exec *x, uint16_t rows, uint16_t columns, struct error *err)
{
	const struct exec_args args = {
		.cmd = x->cmd,
		.env = x->env,
		.user = x->user,
		.working_dir = x->working_dir,
		.tty = x->tty,
		.stdin_open = x->in && !x->detach,
		.privileged = x->privileged,
		.rows = rows,
		.columns = columns,
		.on_output = on_output,
		.on_started = on_started,
		.on_exit = on_ended,
		.arg = x,
	};

	return exec_start(x->container, &args, &x->exec, err);
}

static void attach(struct api_request *r, struct docker_exec *x)
{
	x->style = x->tty ? STREAM_RAW : STREAM_MUX;
	r->on_data = on_data;
	r->on_end = on_end;
	r->on_drain = on_drain;
	api_hijack(r, stream_type(x->style));
}

/* [rows, columns] */
static void console_size(const json_t *body, uint16_t *ret_rows, uint16_t *ret_columns)
{
	const json_t *size = json_get_arr(body, "ConsoleSize");

	*ret_rows = (uint16_t)json_integer_value(json_array_get(size, 0));
	*ret_columns = (uint16_t)json_integer_value(json_array_get(size, 1));
}

static void post_start(struct api_request *r)
{
	struct docker_exec *x = wanted(r);
	struct error err = ERROR_INIT;
	uint16_t rows, columns;

	if (!x)
		return;
	if (x->started) {
		docker_fail(r, 409, "exec instance %s %s", x->id,
			    x->running ? "is already running" : "has already run");
		return;
	}
	if (!may_exec(r, x->container))
		return;
	x->detach = json_get_bool(r->body, "Detach");
	console_size(r->body, &rows, &columns);
	if (run(x, rows, columns, &err) < 0) {
		x->started = true;
		x->exit_code = 126;
		api_reply_error(r, &err);
		return;
	}
	x->started = x->running = true;
	x->request = r;
	r->arg = x;
	r->on_hangup = on_hangup;
	if (!x->detach)
		attach(r, x);
}

/* ---- resize, inspect */

static void post_resize(struct api_request *r)
{
	struct docker_exec *x = wanted(r);
	uint16_t rows, columns;

	if (!x || !docker_size(r, &rows, &columns))
		return;
	if (!x->running) {
		docker_fail(r, 409, "exec instance %s is not running", x->id);
		return;
	}
	if (x->exec)
		exec_resize(x->exec, rows, columns);
	api_reply_empty(r, 200);
}

static void put_id(struct buf *b, const void *exec)
{
	docker_put_str(b, ((const struct docker_exec *)exec)->id);
}

static void put_exit_code(struct buf *b, const void *exec)
{
	const struct docker_exec *x = exec;

	if (x->started && !x->running)
		docker_put_int(b, x->exit_code);
}

static void put_process(struct buf *b, const void *exec)
{
	const struct docker_exec *x = exec;

	buf_addf(b, "{\"tty\":%s,\"entrypoint\":", x->tty ? "true" : "false");
	docker_put_str(b, x->cmd[0]);
	buf_adds(b, ",\"arguments\":");
	docker_put_strv(b, x->cmd + 1, "[]");
	buf_addf(b, ",\"privileged\":%s", x->privileged ? "true" : "false");
	if (x->user) {
		buf_adds(b, ",\"user\":");
		docker_put_str(b, x->user);
	}
	buf_addc(b, '}');
}

static void put_container(struct buf *b, const void *exec)
{
	docker_put_str(b, ((const struct docker_exec *)exec)->container->id);
}

static void put_pid(struct buf *b, const void *exec)
{
	docker_put_int(b, ((const struct docker_exec *)exec)->pid);
}

#define SHOW(key, kind, member, empty)                                                             \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct docker_exec, member), empty, NULL, NULL        \
	}

static const struct docker_field inspect_fields[] = {
	{"ID", DOCKER_PUT, 0, NULL, put_id, NULL},
	SHOW("Running", BOOL, running, "false"),
	{"ExitCode", DOCKER_PUT, 0, "null", put_exit_code, NULL},
	{"ProcessConfig", DOCKER_PUT, 0, NULL, put_process, NULL},
	SHOW("OpenStdin", BOOL, in, "false"),
	SHOW("OpenStderr", BOOL, err, "false"),
	SHOW("OpenStdout", BOOL, out, "false"),
	{"CanRemove", DOCKER_CONST, 0, "false", NULL, NULL},
	{"ContainerID", DOCKER_PUT, 0, NULL, put_container, NULL},
	SHOW("DetachKeys", STR, detach_keys, "\"\""),
	{"Pid", DOCKER_PUT, 0, NULL, put_pid, NULL},
	{0},
};

static void get_exec(struct api_request *r)
{
	struct docker_exec *x = wanted(r);
	auto_buf struct buf b = BUF_INIT;

	if (!x)
		return;
	docker_put(&b, inspect_fields, x);
	docker_reply(r, 200, &b);
}

const struct docker_route docker_exec_routes[] = {
	DOCKER_ROUTE("POST", "/containers/{}/exec", post_create),
	DOCKER_ROUTE("POST", "/exec/{}/start", post_start),
	DOCKER_ROUTE("POST", "/exec/{}/resize", post_resize),
	DOCKER_ROUTE("GET", "/exec/{}/json", get_exec),
	DOCKER_ROUTE_END,
};
