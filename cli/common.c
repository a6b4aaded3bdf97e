/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several verbs share: errors, the project, requests with progress.  See cli.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/progress.h"

#define EXIT_INTERRUPTED 130
#define CHUNK		 ((size_t)1 << 20)

int cli_fail(struct cli *cli, const struct error *err)
{
	(void)cli;
	fflush(stdout);
	fprintf(stderr, "%s\n", err->msg);
	return err->code == EINTR ? EXIT_INTERRUPTED : 1;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	struct error err = ERROR_INIT;
	va_list ap;

	va_start(ap, fmt);
	error_setv(&err, EINVAL, fmt, ap);
	va_end(ap);
	return cli_fail(cli, &err);
}

void cli_warn(struct cli *cli, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	fprintf(stderr, "%swarning: %s%s\n", cli->color_err ? "\033[33m" : "", text,
		cli->color_err ? "\033[0m" : "");
}

json_t *cli_service_options(int argc, char **argv)
{
	json_t *options = json_object(), *services = json_array();
	int i;

	for (i = 0; i < argc; i++)
		json_array_append_new(services, json_str(argv[i]));
	json_set_new(options, "services", services);
	return options;
}

char *cli_project_target(const char *project, const char *verb)
{
	auto_buf struct buf target = BUF_INIT;

	buf_adds(&target, "/cmp/v1/projects/");
	http_percent_encode(&target, project);
	if (verb)
		buf_addf(&target, "/%s", verb);
	return buf_steal(&target);
}

/* ---- a stream with progress */

struct progress_run {
	struct progress *progress;
};

static int on_line(void *arg, json_t *line)
{
	struct progress_run *run = arg;

	progress_event(run->progress, line);
	return 0;
}

/* Reads the stream to its end; a signal ends the watching (the operation is told by the hang-up).
 */
static int watch(struct client *c, struct progress *progress, int signals, struct error *err)
{
	static const struct client_events events = {.on_line = on_line};
	struct progress_run run = {progress};
	struct signalfd_siginfo info;
	int r = 1;

	while (r > 0) {
		struct pollfd fds[] = {
			{.fd = client_fd(c), .events = POLLIN},
			{.fd = signals, .events = POLLIN},
		};
		int n = poll(fds, ARRAY_LEN(fds), 100);

		if (n < 0 && errno != EINTR)
			return error_sys(err, errno, "wait for the supervisor");
		if (n == 0)
			progress_tick(progress);
		if (n > 0 && fds[1].revents && read(signals, &info, sizeof(info)) > 0)
			return error_set(err, EINTR, "interrupted");
		if (n > 0 && fds[0].revents)
			r = client_read(c, &events, &run, err);
	}
	return r;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool cli_confirm(struct cli *cli, const char *what)
{
	char answer[8] = "";

	if (!isatty(STDIN_FILENO)) {
		cli_usage(cli,
			  "prune asks before it removes, and there is no terminal: add --force");
		return false;
	}
	printf("This removes %s. Are you sure? [y/N] ", what);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cli_stream(struct cli *cli, const char *target, const json_t *body, const char *title,
	       json_t **ret_end)
{
	struct error err = ERROR_INIT;
	struct progress *progress = NULL;
	struct client *c = NULL;
	int r, status = 1, signals = -1;

	r = progress_new(cli, title, &progress, &err);
	if (r == 0)
		r = client_open(cli->socket_path, true, &c, &err);
	if (r == 0)
		r = client_send(c, "POST", target, body, false, &err);
	if (r == 0) {
		signals = signals_open();
		r = watch(c, progress, signals, &err);
	}
	if (r == 0) {
		status = progress_exit(progress);
		if (ret_end)
			*ret_end = json_incref((json_t *)(uintptr_t)progress_end(progress));
	}
	progress_free(progress);
	client_free(c);
	if (signals >= 0)
		close(signals);
	return r < 0 ? cli_fail(cli, &err) : status;
}

int cli_project_stream_end(struct cli *cli, const char *project, const char *verb,
			   const json_t *body, const char *title, json_t **ret_end)
{
	bool planned = cli->dry_run && strcmp(verb, "plan") != 0;
	auto_free char *dry = planned ? xasprintf("dry-%s", verb) : NULL;
	auto_free char *target = cli_project_target(project, dry ?: verb);

	return cli_stream(cli, target, body, title, ret_end);
}

int cli_project_stream(struct cli *cli, const char *project, const char *verb, const json_t *body,
		       const char *title)
{
	return cli_project_stream_end(cli, project, verb, body, title, NULL);
}

int cli_get(struct cli *cli, const char *target, json_t **ret)
{
	struct error err = ERROR_INIT;

	if (client_call(cli->socket_path, true, "GET", target, NULL, ret, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

char *cli_containers_target(const char *project, bool all, bool one_offs, char *const *services,
			    int count)
{
	auto_buf struct buf target = BUF_INIT;
	int i;

	buf_adds(&target, "/cmp/v1/containers?");
	if (project) {
		buf_adds(&target, "project=");
		http_percent_encode(&target, project);
		buf_addc(&target, '&');
	}
	buf_addf(&target, "all=%d%s", all, one_offs ? "" : "&oneoff=0");
	for (i = 0; i < count; i++) {
		buf_adds(&target, i ? "," : "&service=");
		http_percent_encode(&target, services[i]);
	}
	return buf_steal(&target);
}

static int send_file(struct client *c, int fd, const char *path, struct error *err)
{
	auto_free char *data = xmalloc(CHUNK);
	ssize_t n;
	int r = 0;

	while (r == 0) {
		n = read(fd, data, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", path);
		r = client_send_chunk(c, data, (size_t)n, err);
		if (n == 0)
			break;
	}
	return r;
}

int cli_upload(struct cli *cli, const char *target, int fd, const char *path, json_t **ret,
	       struct error *err)
{
	struct error sending = ERROR_INIT;
	struct client *c = NULL;
	int r = client_open(cli->socket_path, true, &c, err);

	if (r >= 0)
		r = client_send_chunked(c, "POST", target, err);
	if (r >= 0) {
		/* When the supervisor refuses in the middle, its answer is the better message. */
		r = send_file(c, fd, path, &sending);
		if (r == 0 || sending.code == EPIPE || sending.code == ECONNRESET)
			r = client_reply(c, ret, err);
		else
			*err = sending;
	}
	client_free(c);
	return r;
}
