/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three connections and a signalfd in one poll loop: the progress of `up`, the logs of the project
 * from that moment on, and, once the user or an exit asks for it, the progress of `stop`.
 */
#include "cli/attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "base/http.h"
#include "base/json.h"
#include "base/map.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/logview.h"
#include "cli/out.h"
#include "cli/progress.h"

#define EXIT_INTERRUPTED 130
#define TICK_MS		 100

enum connection { CONN_UP, CONN_LOGS, CONN_STOP, CONN_COUNT };

struct attached {
	struct cli *cli;
	const char *project;
	const struct attach_options *options;
	struct client *conns[CONN_COUNT]; /* NULL: not open (any more) */
	struct progress *progress, *stop_progress;
	struct logview *view;
	struct map *running; /* containers that the project is waiting for, by short name */
	int signals;
	unsigned interrupts;
	bool up_done, logs_shown, stopping;
	int exit; /* of the whole */
	bool exit_known;
	struct error *err;
};

/* ---- stopping */

static int open_stop(struct attached *a, const char *verb)
{
	auto_free char *target = cli_project_target(a->project, verb);
	auto_json json_t *body = json_object();
	json_t *options = json_object();
	int r;

	json_set_new(body, "options", options);
	if (a->options->timeout_s >= 0)
		json_set_int(options, "timeout_s", a->options->timeout_s);
	client_free(a->conns[CONN_STOP]);
	a->conns[CONN_STOP] = NULL;
	if (!a->stop_progress) {
		r = progress_new(a->cli, "stop", &a->stop_progress, a->err);
		if (r < 0)
			return r;
	}
	r = client_open(a->cli->socket_path, true, &a->conns[CONN_STOP], a->err);
	return r < 0 ? r : client_send(a->conns[CONN_STOP], "POST", target, body, false, a->err);
}

static int begin_stop(struct attached *a)
{
	if (a->stopping)
		return 0;
	a->stopping = true;
	return open_stop(a, "stop");
}

/* First: stop and watch the rest of the logs. Again: kill.  Before anything runs: leave. */
static int on_interrupt(struct attached *a)
{
	struct signalfd_siginfo info;

	if (read(a->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	a->exit = EXIT_INTERRUPTED;
	a->exit_known = true;
	if (++a->interrupts == 1) {
		progress_mute(a->progress);
		client_free(
			a->conns[CONN_UP]); /* what is under way there is ended by the hang-up */
		a->conns[CONN_UP] = NULL;
		a->up_done = true;
		fflush(stdout);
		fputs("\nGracefully stopping... (press Ctrl+C again to force)\n", stderr);
		return begin_stop(a);
	}
	return open_stop(a, "kill");
}

/* ---- what arrives */

static void on_exit_frame(void *arg, const char *container, int exit_code, bool restarting)
{
	struct attached *a = arg;
	const struct attach_options *o = a->options;
	auto_free char *note = NULL;

	if (restarting) {
		note = xasprintf("%s exited with code %d (restarting)", container, exit_code);
		logview_note(a->view, note);
		return;
	}
	note = xasprintf("%s exited with code %d", container, exit_code);
	logview_note(a->view, note);
	map_remove(a->running, container);
	if (o->exit_code_from) {
		const char *rest = str_skip(container, o->exit_code_from);

		if (rest && *rest == '-' && !a->exit_known) {
			a->exit = exit_code;
			a->exit_known = true;
		}
	}
	if (o->abort_on_exit || (o->abort_on_failure && exit_code)) {
		if (!a->exit_known && !o->exit_code_from) {
			a->exit = exit_code;
			a->exit_known = true;
		}
		if (!a->stopping)
			fputs("Aborting on container exit...\n", stderr);
		begin_stop(a);
	}
}

static int on_log_data(void *arg, const char *data, size_t len)
{
	struct attached *a = arg;

	if (!a->logs_shown && len) {
		progress_mute(a->progress);
		a->logs_shown = true;
	}
	return logview_feed(a->view, data, len, a->err);
}

static int on_up_line(void *arg, json_t *line)
{
	struct attached *a = arg;

	progress_event(a->progress, line);
	return 0;
}

static int on_stop_line(void *arg, json_t *line)
{
	struct attached *a = arg;

	progress_event(a->stop_progress, line);
	return 0;
}

/* What `up` is about: names as the log view shows them. */
static void take_containers(struct attached *a)
{
	const json_t *end = progress_end(a->progress);
	size_t i;
	json_t *c;

	json_array_foreach (json_get_arr(end, "containers"), i, c) {
		const char *full = json_get_str(c, "name");
		const char *name = full ? str_skip(full, a->project) : NULL;

		name = name && name[0] == '-' && name[1] ? name + 1 : full;
		if (!name)
			continue;
		logview_expect(a->view, full);
		if (!json_get_bool(c, "exited"))
			map_set(a->running, name, a);
	}
}

static int up_ended(struct attached *a)
{
	a->up_done = true;
	if (progress_exit(a->progress)) {
		a->exit = progress_exit(a->progress);
		a->exit_known = true;
		client_free(a->conns[CONN_LOGS]);
		a->conns[CONN_LOGS] = NULL;
		return 0;
	}
	take_containers(a);
	return 0;
}

static int on_readable(struct attached *a, enum connection which)
{
	static const struct client_events up_events = {.on_line = on_up_line};
	static const struct client_events log_events = {.on_data = on_log_data};
	static const struct client_events stop_events = {.on_line = on_stop_line};
	static const struct client_events *const events[] = {&up_events, &log_events, &stop_events};
	struct client *c = a->conns[which];
	int r = client_read(c, events[which], a, a->err);

	if (which == CONN_LOGS)
		fflush(stdout);
	if (r > 0 || (r < 0 && a->conns[which] != c))
		return 0;
	if (r < 0)
		return r;
	client_free(c);
	a->conns[which] = NULL;
	return which == CONN_UP ? up_ended(a) : 0;
}

static bool finished(const struct attached *a)
{
	if (!a->up_done)
		return false;
	if (a->stopping)
		return !a->conns[CONN_STOP];
	return !a->conns[CONN_LOGS] || !map_len(a->running);
}

static int loop(struct attached *a)
{
	int r = 0;

	while (r == 0 && !finished(a)) {
		struct pollfd fds[CONN_COUNT + 1];
		int i, n;

		for (i = 0; i < CONN_COUNT; i++)
			fds[i] = (struct pollfd){
				.fd = a->conns[i] ? client_fd(a->conns[i]) : -1,
				.events = POLLIN,
			};
		fds[CONN_COUNT] = (struct pollfd){.fd = a->signals, .events = POLLIN};
		n = poll(fds, ARRAY_LEN(fds), TICK_MS);
		if (n < 0 && errno != EINTR)
			return error_sys(a->err, errno, "wait for the supervisor");
		if (!a->up_done)
			progress_tick(a->progress);
		for (i = 0; i < CONN_COUNT && n > 0 && r == 0; i++)
			if (fds[i].revents && a->conns[i] && fds[i].fd == client_fd(a->conns[i]))
				r = on_readable(a, (enum connection)i);
		if (n > 0 && r == 0 && fds[CONN_COUNT].revents)
			r = on_interrupt(a);
	}
	return r;
}

/* Bytes of the log that are on their way when everything has stopped. */
static void drain_logs(struct attached *a)
{
	struct pollfd fd = {.events = POLLIN};

	while (a->conns[CONN_LOGS]) {
		fd.fd = client_fd(a->conns[CONN_LOGS]);
		if (poll(&fd, 1, TICK_MS) <= 0 || on_readable(a, CONN_LOGS) < 0)
			break;
	}
}

/* ---- opening */

static char *logs_target(const struct attached *a, const json_t *body)
{
	auto_free char *path = cli_project_target(a->project, "logs");
	auto_buf struct buf target = BUF_INIT;
	const struct attach_options *o = a->options;
	const char *name;
	json_t *service;
	bool first = true;

	buf_addf(&target, "%s?follow=1&exits=1&hold=1&since=%lld", path, (long long)time_now_ns());
	json_object_foreach (json_get_path(body, "model.services"), name, service) {
		if (strv_len(o->attach) && !strv_has(o->attach, name))
			continue;
		if (strv_has(o->no_attach, name) ||
		    (json_object_get(service, "attach") && !json_get_bool(service, "attach")))
			continue;
		buf_adds(&target, first ? "&service=" : ",");
		http_percent_encode(&target, name);
		first = false;
	}
	return buf_steal(&target);
}

static int open_all(struct attached *a, const json_t *body)
{
	auto_free char *up = cli_project_target(a->project, "up");
	auto_free char *logs = logs_target(a, body);
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = client_open(a->cli->socket_path, true, &a->conns[CONN_LOGS], a->err);
	if (r == 0)
		r = client_send(a->conns[CONN_LOGS], "GET", logs, NULL, false, a->err);
	if (r == 0)
		r = client_open(a->cli->socket_path, true, &a->conns[CONN_UP], a->err);
	return r < 0 ? r : client_send(a->conns[CONN_UP], "POST", up, body, false, a->err);
}

/* The column is as wide as the longest name from the first line on. */
static void expect_services(struct attached *a, const json_t *body)
{
	const char *service;
	json_t *definition;

	json_object_foreach (json_get_path(body, "model.services"), service, definition) {
		const char *own = json_get_str(definition, "container_name");
		auto_free char *name =
			own ? xstrdup(own) : xasprintf("%s-%s-1", a->project, service);

		logview_expect(a->view, name);
	}
}

int attach_up(struct cli *cli, const char *project, const json_t *body,
	      const struct attach_options *options)
{
	struct error err = ERROR_INIT;
	struct attached a = {
		.cli = cli,
		.project = project,
		.options = options,
		.signals = -1,
		.err = &err,
	};
	struct logview_options view = {
		.prefix = !options->no_prefix,
		.color = !options->no_color && cli->color_out,
		.timestamps = options->timestamps,
		.split_streams = true,
		.project = project,
		.on_exit = on_exit_frame,
		.arg = &a,
	};
	int i, r;

	a.running = map_new(NULL);
	a.view = logview_new(&view);
	expect_services(&a, body);
	r = progress_new(cli, "up", &a.progress, &err);
	if (r == 0)
		r = open_all(&a, body);
	if (r == 0)
		r = loop(&a);
	if (r == 0)
		drain_logs(&a);
	for (i = 0; i < CONN_COUNT; i++)
		client_free(a.conns[i]);
	progress_free(a.progress);
	progress_free(a.stop_progress);
	logview_free(a.view);
	map_free(a.running);
	if (a.signals >= 0)
		close(a.signals);
	return r < 0 ? cli_fail(cli, &err) : a.exit;
}
