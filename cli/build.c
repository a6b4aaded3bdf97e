/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See build.h, and cmp image build. */
#include "cli/build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "base/reference.h"
#include "cli/auth.h"
#include "cli/client.h"
#include "cli/context.h"
#include "cli/progress.h"
#include "cli/verbs.h"

#define CHUNK	       ((size_t)1 << 20)
#define DOCKERFILE_MAX ((size_t)4 << 20)
#define IGNORE_MAX     ((size_t)16 << 20)
#define SECRET_MAX     ((size_t)1 << 20)
#define TICK_MS	       100

/* ---- one of several that run */

struct running {
	struct build_request *request;
	struct client *client;
	struct build_show *show;
	bool open, failed;
	char *message;
};

struct build_show {
	struct cli *cli;
	struct progress *progress;
	bool several;
};

void build_request_release(struct build_request *r)
{
	free(r->context);
	free(r->dockerfile);
	free(r->image);
	json_decref(r->options);
}

/* ---- sending */

static int send_options(struct client *c, const json_t *options, struct error *err)
{
	auto_free char *text = json_text(options), *head = xasprintf("%zu\n", strlen(text));
	int r = client_send_chunked(c, "POST", "/cmp/v1/build", err);

	if (r == 0)
		r = client_send_chunk(c, head, strlen(head), err);
	return r == 0 ? client_send_chunk(c, text, strlen(text), err) : r;
}

static int send_stream(struct client *c, int fd, const char *what, struct error *err)
{
	auto_free char *data = xmalloc(CHUNK);
	ssize_t n;

	for (;;) {
		n = read(fd, data, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", what);
		if (client_send_chunk(c, data, (size_t)n, err) < 0)
			return -err->code;
		if (!n)
			return 0;
	}
}

/* The .dockerignore beside the Dockerfile comes before the one of the context; NULL: none. */
static int read_ignore(const struct build_request *r, struct buf *ret, struct error *err)
{
	auto_free char *beside = r->dockerfile ? xasprintf("%s.dockerignore", r->dockerfile) : NULL;
	auto_free char *usual = xasprintf("%s/.dockerignore", r->context);
	const char *path = beside && file_exists(AT_FDCWD, beside) ? beside : usual;

	if (!file_exists(AT_FDCWD, path))
		return 0;
	return file_read(AT_FDCWD, path, IGNORE_MAX, ret, err);
}

static int send_context(struct client *c, const struct build_request *r, struct error *err)
{
	auto_buf struct buf ignore = {.max = IGNORE_MAX + 1};
	struct error ended = ERROR_INIT;
	auto_fd int fd = -1;
	pid_t pid = 0;
	int code;

	if (!strcmp(r->context, "-"))
		return send_stream(c, STDIN_FILENO, "standard input", err);
	if (read_ignore(r, &ignore, err) < 0)
		return -err->code;
	fd = context_open(r->context, ignore.data, &pid, err);
	if (fd < 0)
		return fd;
	code = send_stream(c, fd, r->context, err);
	close(steal_fd(&fd));
	if (context_finish(pid, r->context, &ended) < 0 && code == 0) {
		*err = ended;
		code = -err->code;
	}
	return code;
}

static int start_one(struct running *run, struct error *err)
{
	struct build_request *r = run->request;
	struct error sending = ERROR_INIT;
	struct stat st;

	/* What is wrong here is said before anything is sent. */
	if (strcmp(r->context, "-") != 0 && (stat(r->context, &st) < 0 || !S_ISDIR(st.st_mode)))
		return error_set(err, ENOENT, "the build context %s is no directory", r->context);
	if (client_open(run->show->cli->socket_path, true, &run->client, err) < 0 ||
	    send_options(run->client, r->options, err) < 0)
		return -err->code;
	/* When the supervisor refuses in the middle, its answer is the better message. */
	if (send_context(run->client, r, &sending) < 0 && sending.code != EPIPE &&
	    sending.code != ECONNRESET) {
		*err = sending;
		return -err->code;
	}
	run->open = true;
	return 0;
}

/* ---- showing */

static void show_line(struct running *run, json_t *event, const char *id)
{
	enum progress_mode mode = progress_mode_of(run->show->progress);

	if (mode == PROGRESS_PLAIN)
		fprintf(stderr, " %s | %s\n", id, json_get_str(event, "text") ?: "");
	if (mode != PROGRESS_TTY && mode != PROGRESS_JSON)
		return;
	/* The last line stands behind the step. */
	if (mode == PROGRESS_TTY) {
		json_set_new(event, "details", json_str(json_get_str(event, "text")));
		json_set_str(event, "type", "progress");
		json_set_str(event, "status", "Working");
		json_set_str(event, "text", "Working");
	}
	progress_event(run->show->progress, event);
}

static int on_line(void *arg, json_t *event)
{
	struct running *run = arg;
	const char *type = json_get_str(event, "type"), *id = json_get_str(event, "id");
	auto_free char *named = NULL;

	if (id && run->show->several) {
		named = xasprintf("%s %s", run->request->name, id);
		json_set_new(event, "id", json_str(named));
		id = named;
	}
	if (str_eq(type, "error")) {
		run->failed = true;
		run->message = xstrdup(json_get_str(event, "message"));
	} else if (str_eq(type, "end")) {
		run->request->image = xstrdup(json_get_str(event, "image"));
	} else if (str_eq(type, "log")) {
		show_line(run, event, id ?: "");
	} else {
		progress_event(run->show->progress, event);
	}
	return 0;
}

static void read_one(struct running *run)
{
	static const struct client_events events = {.on_line = on_line};
	struct error err = ERROR_INIT;
	int r = client_read(run->client, &events, run, &err);

	if (r > 0)
		return;
	run->open = false;
	if (r < 0 || (!run->failed && !run->request->image)) {
		run->failed = true;
		free(run->message);
		run->message = xstrdup(err.code ? err.msg : "the build ended without a result");
	}
}

static void watch(struct running *list, size_t count, struct progress *progress)
{
	struct pollfd *fds = xcalloc(count, sizeof(*fds));
	size_t left;

	do {
		left = 0;
		for (size_t i = 0; i < count; i++) {
			fds[i] =
				(struct pollfd){.fd = list[i].open ? client_fd(list[i].client) : -1,
						.events = POLLIN};
			left += list[i].open;
		}
		if (left && poll(fds, count, TICK_MS) == 0)
			progress_tick(progress);
		for (size_t i = 0; i < count; i++)
			if (list[i].open && fds[i].revents)
				read_one(&list[i]);
	} while (left);
	free(fds);
}

static void say(struct cli *cli, const struct running *run)
{
	bool color = cli->color_err;

	fprintf(stderr, "%s%s%s%s%s\n", color ? "\033[31m" : "",
		run->show->several ? run->request->name : "", run->show->several ? ": " : "",
		run->message ?: "failed", color ? "\033[0m" : "");
}

static int run_all(struct cli *cli, struct build_show *show, struct build_request *requests,
		   size_t count)
{
	struct running *list = xcalloc(count, sizeof(*list));
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		struct error err = ERROR_INIT;

		list[i].request = &requests[i];
		list[i].show = show;
		if (start_one(&list[i], &err) < 0) {
			list[i].failed = true;
			list[i].message = xstrdup(err.msg);
		}
	}
	watch(list, count, show->progress);
	progress_free(steal_ptr(&show->progress));
	for (size_t i = 0; i < count; i++) {
		if (list[i].failed) {
			say(cli, &list[i]);
			status = 1;
		}
		client_free(list[i].client);
		free(list[i].message);
	}
	free(list);
	return status;
}

int build_run_all(struct cli *cli, struct build_request *list, size_t count, bool quiet)
{
	struct build_show show = {.cli = cli, .several = count > 1};
	char *progress = cli->progress, said_quiet[] = "quiet";
	struct error err = ERROR_INIT;
	int r;

	if (!count)
		return 0;
	if (quiet)
		cli->progress = said_quiet;
	r = progress_new(cli, "build", &show.progress, &err);
	cli->progress = progress;
	return r < 0 ? cli_fail(cli, &err) : run_all(cli, &show, list, count);
}

/* ---- cmp image build */

struct values {
	char *file, *target, *iidfile, *network, *platform, *progress, *shm_size, *output;
	char **tags, **args, **labels, **secrets, **add_hosts, **allow, **no_cache_filter,
		**ulimits;
	char **contexts, **ssh, **cache_from, **cache_to;
	bool no_cache, pull, quiet, push, load, rm, force_rm;
};

static const struct option_def options[] = {
	{0, "add-host", OPTION_STRV, offsetof(struct values, add_hosts), "NAME:IP",
	 "Name for /etc/hosts while building (repeatable)"},
	{0, "allow", OPTION_STRV, offsetof(struct values, allow), "PERMISSION",
	 "network.host or security.insecure for RUN (repeatable)"},
	{0, "build-arg", OPTION_STRV, offsetof(struct values, args), "NAME[=VALUE]",
	 "Value of an ARG (repeatable)"},
	{0, "build-context", OPTION_STRV, offsetof(struct values, contexts), NULL, NULL},
	{0, "cache-from", OPTION_STRV, offsetof(struct values, cache_from), NULL, NULL},
	{0, "cache-to", OPTION_STRV, offsetof(struct values, cache_to), NULL, NULL},
	{'f', "file", OPTION_STR, offsetof(struct values, file), "FILE",
	 "The Dockerfile (default: PATH/Dockerfile; \"-\": standard input)"},
	{0, "force-rm", OPTION_FLAG, offsetof(struct values, force_rm), NULL, NULL},
	{0, "iidfile", OPTION_STR, offsetof(struct values, iidfile), "FILE",
	 "Write the image's id to this file"},
	{0, "label", OPTION_STRV, offsetof(struct values, labels), "NAME=VALUE",
	 "Label of the image (repeatable)"},
	{0, "load", OPTION_FLAG, offsetof(struct values, load), NULL, NULL},
	{0, "network", OPTION_STR, offsetof(struct values, network), "MODE",
	 "Network of RUN: default, none or host"},
	{0, "no-cache", OPTION_FLAG, offsetof(struct values, no_cache), NULL,
	 "Make every layer anew"},
	{0, "no-cache-filter", OPTION_STRV, offsetof(struct values, no_cache_filter), "STAGE",
	 "Make the layers of this stage anew (repeatable)"},
	{'o', "output", OPTION_STR, offsetof(struct values, output), NULL, NULL},
	{0, "platform", OPTION_STR, offsetof(struct values, platform), "OS/ARCH",
	 "Platform of the image (only this machine's)"},
	{0, "progress", OPTION_STR, offsetof(struct values, progress), "KIND",
	 "Progress output: auto, tty, plain, json or quiet"},
	{0, "pull", OPTION_FLAG, offsetof(struct values, pull), NULL,
	 "Ask the registries for newer base images"},
	{0, "push", OPTION_FLAG, offsetof(struct values, push), NULL, NULL},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL,
	 "Print only the image's id"},
	{0, "rm", OPTION_FLAG, offsetof(struct values, rm), NULL, NULL},
	{0, "secret", OPTION_STRV, offsetof(struct values, secrets), "id=ID[,src=FILE|,env=NAME]",
	 "Secret for RUN --mount=type=secret (repeatable)"},
	{0, "shm-size", OPTION_STR, offsetof(struct values, shm_size), "SIZE",
	 "Size of /dev/shm of RUN"},
	{0, "ssh", OPTION_STRV, offsetof(struct values, ssh), NULL, NULL},
	{'t', "tag", OPTION_STRV, offsetof(struct values, tags), "NAME[:TAG]",
	 "Name of the image (repeatable)"},
	{0, "target", OPTION_STR, offsetof(struct values, target), "STAGE", "Build this stage"},
	{0, "ulimit", OPTION_STRV, offsetof(struct values, ulimits), "NAME=SOFT[:HARD]",
	 "Limit of RUN (repeatable)"},
	{0},
};

static int refuse_unsupported(const struct values *v, struct error *err)
{
	const struct {
		bool given;
		const char *what;
	} list[] = {
		{v->contexts != NULL, "--build-context"}, {v->ssh != NULL, "--ssh"},
		{v->cache_from != NULL, "--cache-from"},  {v->cache_to != NULL, "--cache-to"},
		{v->output != NULL, "--output"},	  {v->push, "--push"},
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (list[i].given)
			return error_set(err, EOPNOTSUPP, "%s is not supported", list[i].what);
	return 0;
}

/* NAME=VALUE; NAME alone takes this process's value, or is left out. */
json_t *build_pairs(char *const *list, bool from_environment)
{
	json_t *o = json_object();

	for (; list && *list; list++) {
		size_t len = strcspn(*list, "=");
		auto_free char *name = xstrndup(*list, len);
		const char *value = (*list)[len]       ? *list + len + 1
				    : from_environment ? getenv(name)
						       : "";

		if (value)
			json_set_new(o, name, json_str(value));
	}
	return o;
}

static int read_secret_file(const char *path, char **ret, struct error *err)
{
	struct buf text = {.max = SECRET_MAX + 1};

	if (file_read(AT_FDCWD, path, SECRET_MAX, &text, err) < 0) {
		buf_release(&text);
		return -err->code;
	}
	*ret = buf_steal(&text);
	return 0;
}

int build_add_secret(json_t *to, const char *id, const char *file, const char *env,
		     struct error *err)
{
	auto_free char *text = NULL;
	json_t *value;

	if (file) {
		if (read_secret_file(file, &text, err) < 0)
			return error_wrap(err, "secret %s", id);
	} else if (getenv(env)) {
		text = xstrdup(getenv(env));
	} else {
		return error_set(err, ENOENT, "secret %s: the variable %s is not set", id, env);
	}
	value = json_string(text);
	if (!value)
		return error_set(err, EINVAL, "secret %s: only text (UTF-8) is supported", id);
	json_object_set_new(to, id, value);
	return 0;
}

/* id=ID[,type=file|env][,src=FILE][,env=NAME] */
static int parse_secret(const char *spec, json_t *to, struct error *err)
{
	AUTO(strv_free) char **fields = strv_split(spec, ",");
	const char *id = NULL, *file = NULL, *env = NULL, *type = NULL, *value;

	for (char **f = fields; f && *f; f++) {
		if ((value = str_skip(*f, "id=")))
			id = value;
		else if ((value = str_skip(*f, "src=")) || (value = str_skip(*f, "source=")))
			file = value;
		else if ((value = str_skip(*f, "env=")))
			env = value;
		else if ((value = str_skip(*f, "type=")))
			type = value;
		else
			return error_set(err, EINVAL, "--secret %s: unknown field \"%s\"", spec,
					 *f);
	}
	if (str_empty(id))
		return error_set(err, EINVAL, "--secret %s: the id is missing", spec);
	if (str_eq(type, "env") && file && !env) {
		env = file;
		file = NULL;
	}
	return build_add_secret(to, id, file, env ?: id, err);
}

static int parse_ulimit(const char *spec, json_t *to, struct error *err)
{
	size_t len = strcspn(spec, "=");
	auto_free char *soft =
		spec[len] ? xstrndup(spec + len + 1, strcspn(spec + len + 1, ":")) : xstrdup("");
	const char *colon = strchr(spec + len, ':');
	int64_t low, high;
	json_t *o;

	if (parse_i64(soft, &low) < 0 || (colon && parse_i64(colon + 1, &high) < 0))
		return error_set(err, EINVAL, "--ulimit %s: must be NAME=SOFT[:HARD]", spec);
	o = json_object();
	json_set_strf(o, "name", "%.*s", (int)len, spec);
	json_set_int(o, "soft", low);
	json_set_int(o, "hard", colon ? high : low);
	json_array_append_new(to, o);
	return 0;
}

static int set_lists(const struct values *v, json_t *o, struct error *err)
{
	json_t *secrets = json_object(), *limits = json_array();
	uint64_t bytes;

	json_set_new(o, "secrets", secrets);
	json_set_new(o, "ulimits", limits);
	for (char **s = v->secrets; s && *s; s++)
		if (parse_secret(*s, secrets, err) < 0)
			return -err->code;
	for (char **u = v->ulimits; u && *u; u++)
		if (parse_ulimit(*u, limits, err) < 0)
			return -err->code;
	if (!v->shm_size)
		return 0;
	if (parse_bytes(v->shm_size, &bytes) < 0)
		return error_set(err, EINVAL, "--shm-size %s: must be a size like 64m",
				 v->shm_size);
	json_set_int(o, "shm_bytes", (int64_t)bytes);
	return 0;
}

bool build_image_exists(struct cli *cli, const char *image)
{
	auto_buf struct buf target = BUF_INIT;
	auto_json json_t *reply = NULL;
	struct error ignored = ERROR_INIT;

	buf_adds(&target, "/cmp/v1/images/");
	http_percent_encode(&target, image);
	return client_call(cli->socket_path, true, "GET", target.data, NULL, &reply, &ignored) == 0;
}

/* Credentials for one base image that must be fetched. */
static int add_auth(struct cli *cli, const char *image, bool pull, json_t *auths, struct error *err)
{
	auto_reference struct image_reference r = {0};
	struct error ignored = ERROR_INIT;
	json_t *auth = NULL;

	if (image_reference_parse(image, &r, &ignored) < 0 ||
	    (!pull && build_image_exists(cli, image)))
		return 0;
	if (auth_for_image(cli, image, &auth, err) < 0)
		return -err->code;
	if (auth)
		json_object_set_new(auths, r.registry, auth);
	return 0;
}

/* The images that the stages begin with, as far as they can be read without expanding variables. */
int build_add_auths(struct cli *cli, json_t *request, struct error *err)
{
	const char *text = json_get_str(request, "dockerfile");
	bool pull = json_get_bool(request, "pull");
	json_t *auths = json_object();

	json_set_new(request, "auths", auths);
	for (const char *at = text; at && *at;
	     at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		auto_free char *line = xstrndup(at, strcspn(at, "\n"));
		AUTO(strv_free) char **words = strv_split(line, " \t\r");
		size_t i = 1;

		if (strv_len(words) < 2 || strcasecmp(words[0], "FROM") != 0)
			continue;
		while (words[i] && str_starts(words[i], "--"))
			i++;
		if (words[i] && strcmp(words[i], "scratch") != 0 &&
		    add_auth(cli, words[i], pull, auths, err) < 0)
			return -err->code;
	}
	return 0;
}

int build_set_dockerfile(const char *file, struct build_request *r, struct error *err)
{
	auto_buf struct buf text = {.max = DOCKERFILE_MAX + 1};
	int code;

	if (!strcmp(r->context, "-") && !file)
		return 0; /* it is in the tar stream */
	if (str_eq(file, "-")) {
		if (!strcmp(r->context, "-"))
			return error_set(err, EINVAL,
					 "the Dockerfile and the context cannot both come from "
					 "standard input");
		code = file_read_fd(STDIN_FILENO, DOCKERFILE_MAX, &text, err);
	} else if (!strcmp(r->context, "-")) {
		json_set_str(r->options, "dockerfile_path", file);
		return 0;
	} else {
		r->dockerfile = file ? xstrdup(file) : xasprintf("%s/Dockerfile", r->context);
		code = file_read(AT_FDCWD, r->dockerfile, DOCKERFILE_MAX, &text, err);
	}
	if (code < 0)
		return code;
	json_set_new(r->options, "dockerfile", json_str(text.data ?: ""));
	json_set_str(r->options, "dockerfile_name",
		     str_eq(file, "-")		       ? "Dockerfile (standard input)"
		     : str_starts(r->dockerfile, "./") ? r->dockerfile + 2
						       : r->dockerfile);
	return 0;
}

void build_set_epoch(json_t *args)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	if (!str_empty(epoch) && !json_object_get(args, "SOURCE_DATE_EPOCH"))
		json_set_str(args, "SOURCE_DATE_EPOCH", epoch);
}

bool build_is_remote(const char *context)
{
	return strstr(context, "://") || str_starts(context, "git@") ||
	       str_starts(context, "github.com/");
}

static int make_request(const struct values *v, const char *context, struct build_request *r,
			struct error *err)
{
	json_t *o = json_object(), *args = build_pairs(v->args, true);

	r->options = o;
	if (build_is_remote(context)) {
		json_decref(args);
		return error_set(err, EOPNOTSUPP,
				 "building from %s is not supported: only from a directory, or a "
				 "tar on standard input",
				 context);
	}
	r->context = xstrdup(context);
	build_set_epoch(args);
	json_set_new(o, "build_args", args);
	json_set_new(o, "labels", build_pairs(v->labels, false));
	json_set_new(o, "tags", json_strv(v->tags));
	json_set_new(o, "allow", json_strv(v->allow));
	json_set_new(o, "add_hosts", json_strv(v->add_hosts));
	json_set_new(o, "no_cache_filter", json_strv(v->no_cache_filter));
	json_set_str(o, "target", v->target);
	json_set_str(o, "network", v->network);
	json_set_str(o, "platform", v->platform);
	json_set_bool(o, "no_cache", v->no_cache);
	json_set_bool(o, "pull", v->pull);
	if (refuse_unsupported(v, err) < 0 || set_lists(v, o, err) < 0)
		return -err->code;
	return build_set_dockerfile(v->file, r, err);
}

static int write_iid(const char *path, const char *id, struct error *err)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_sys(err, errno, "write %s", path);
	return file_write_all(fd, id, strlen(id), err);
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	struct build_request request = {.name = NULL};
	struct error err = ERROR_INIT;
	int status;

	if (argc != 1)
		return cli_usage(cli, "\"cmp image build\" requires 1 argument: PATH, or - for a "
				      "tar on standard input");
	if (v->progress) {
		free(cli->progress);
		cli->progress = xstrdup(v->progress);
	}
	if (make_request(v, argv[0], &request, &err) < 0 ||
	    build_add_auths(cli, request.options, &err) < 0)
		status = cli_fail(cli, &err);
	else
		status = build_run_all(cli, &request, 1, v->quiet);
	if (!status && v->quiet)
		puts(request.image);
	if (!status && v->iidfile && write_iid(v->iidfile, request.image, &err) < 0)
		status = cli_fail(cli, &err);
	build_request_release(&request);
	return status;
}

const struct command cmd_image_build = {
	.name = "build",
	.usage = "[OPTIONS] PATH|-",
	.summary = "Build an image from a Dockerfile",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
};
