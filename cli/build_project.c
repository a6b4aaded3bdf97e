/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp build: the images of a project's services, and what up, create and run need of them. */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/build.h"
#include "cli/project.h"
#include "cli/verbs.h"
#include "compose/compose.h"

struct values {
	char **args, **ssh, **tags, *progress, *builder, *memory, *file;
	bool no_cache, pull, push, quiet, with_dependencies, check, print, compress, force_rm,
		no_rm;
};

/* What the command line adds to every service. */
struct extra {
	char *const *args;
	bool no_cache, pull;
};

static const struct option_def options[] = {
	{0, "build-arg", OPTION_STRV, offsetof(struct values, args), "NAME[=VALUE]",
	 "Value of an ARG, for all services (repeatable)"},
	{0, "builder", OPTION_STR, offsetof(struct values, builder), NULL, NULL},
	{0, "check", OPTION_FLAG, offsetof(struct values, check), NULL, NULL},
	{0, "compress", OPTION_FLAG, offsetof(struct values, compress), NULL, NULL},
	{'f', "file", OPTION_STR, offsetof(struct values, file), NULL, NULL},
	{0, "force-rm", OPTION_FLAG, offsetof(struct values, force_rm), NULL, NULL},
	{'m', "memory", OPTION_STR, offsetof(struct values, memory), NULL, NULL},
	{0, "no-cache", OPTION_FLAG, offsetof(struct values, no_cache), NULL,
	 "Make every layer anew"},
	{0, "no-rm", OPTION_FLAG, offsetof(struct values, no_rm), NULL, NULL},
	{0, "print", OPTION_FLAG, offsetof(struct values, print), NULL, NULL},
	{0, "progress", OPTION_STR, offsetof(struct values, progress), "KIND",
	 "Progress output: auto, tty, plain, json or quiet"},
	{0, "pull", OPTION_FLAG, offsetof(struct values, pull), NULL,
	 "Ask the registries for newer base images"},
	{0, "push", OPTION_FLAG, offsetof(struct values, push), NULL, NULL},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Print nothing"},
	{0, "ssh", OPTION_STRV, offsetof(struct values, ssh), NULL, NULL},
	{'t', "tag", OPTION_STRV, offsetof(struct values, tags), NULL, NULL},
	{0, "with-dependencies", OPTION_FLAG, offsetof(struct values, with_dependencies), NULL,
	 "Build what the services depend on, too"},
	{0},
};

/* ---- one service: each key of `build`, or a word about it */

static int refuse(const json_t *build, struct error *err)
{
	static const char *const keys[] = {"additional_contexts", "ssh", "isolation"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const json_t *value = json_object_get(build, keys[i]);

		if (value && !json_is_false(value) && !json_is_null(value))
			return error_set(err, EOPNOTSUPP, "build.%s is not supported", keys[i]);
	}
	return 0;
}

static void warn_ignored(struct cli *cli, const char *service, const json_t *build)
{
	static const char *const keys[] = {"cache_from", "cache_to", "provenance", "sbom"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const json_t *value = json_object_get(build, keys[i]);

		if (value && !json_is_false(value) && !json_is_null(value))
			cli_warn(cli, "service %s: build.%s is ignored", service, keys[i]);
	}
}

static int add_secrets(const json_t *model, const json_t *build, json_t *to, struct error *err)
{
	json_t *list = json_get_arr(build, "secrets"), *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		const char *source = json_is_string(entry) ? json_string_value(entry)
							   : json_get_str(entry, "source");
		const char *target = json_is_string(entry) ? NULL : json_get_str(entry, "target");
		const json_t *defined =
			source ? json_get_obj(json_get_obj(model, "secrets"), source) : NULL;
		const char *file = json_get_str(defined, "file"),
			   *env = json_get_str(defined, "environment");

		if (!file && !env)
			return error_set(err, EOPNOTSUPP,
					 "build secret %s comes neither from a file nor from a "
					 "variable",
					 source ?: "(without a source)");
		if (build_add_secret(to, target ?: source, file, env, err) < 0)
			return -err->code;
	}
	return 0;
}

static json_t *ulimits_of(const json_t *build)
{
	json_t *list = json_array(), *value, *o;
	const char *name;

	json_object_foreach (json_get_obj(build, "ulimits"), name, value) {
		int64_t both = json_is_integer(value) ? json_integer_value(value) : 0;

		o = json_object();
		json_set_str(o, "name", name);
		json_set_int(o, "soft", json_get_int(value, "soft", both));
		json_set_int(o, "hard", json_get_int(value, "hard", both));
		json_array_append_new(list, o);
	}
	return list;
}

/* "name=ip" of the model is "name:ip" in a container. */
static json_t *hosts_of(const json_t *build)
{
	AUTO(strv_free) char **list = json_to_strv(json_get_arr(build, "extra_hosts"));

	for (char **h = list; h && *h; h++) {
		char *equals = strchr(*h, '=');

		if (equals)
			*equals = ':';
	}
	return json_strv(list);
}

static json_t *args_of(const json_t *build, const struct extra *x)
{
	json_t *args = json_get_obj(build, "args"), *more = build_pairs(x->args, true);

	args = args ? json_copy(args) : json_object();
	json_object_update(args, more);
	json_decref(more);
	build_set_epoch(args);
	return args;
}

static json_t *labels_of(const json_t *build, const char *project, const char *service)
{
	json_t *labels = json_get_obj(build, "labels");

	labels = labels ? json_copy(labels) : json_object();
	json_set_str(labels, "com.docker.compose.project", project);
	json_set_str(labels, "com.docker.compose.service", service);
	json_set_str(labels, "com.docker.compose.version", PACKAGE_VERSION);
	return labels;
}

static char *image_of(const char *project, const char *service, const json_t *definition)
{
	const char *image = json_get_str(definition, "image");

	return image ? xstrdup(image) : xasprintf("%s-%s", project, service);
}

static json_t *tags_of(const json_t *build, const char *image)
{
	json_t *tags = json_array(), *more = json_get_arr(build, "tags");

	json_array_append_new(tags, json_str(image));
	if (more)
		json_array_extend(tags, more);
	return tags;
}

static int64_t bytes_of(const json_t *value)
{
	uint64_t bytes = 0;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (!json_is_string(value) || parse_bytes(json_string_value(value), &bytes) < 0)
		return 0;
	return (int64_t)bytes;
}

/* What RUN may ask for. */
static json_t *allowed(const json_t *build)
{
	json_t *list = json_get_arr(build, "entitlements");

	list = list ? json_copy(list) : json_array();
	if (json_get_bool(build, "privileged"))
		json_array_append_new(list, json_str("security.insecure"));
	return list;
}

static void set_options(json_t *o, const json_t *build, const struct extra *x)
{
	json_t *platforms = json_get_arr(build, "platforms"),
	       *filter = json_get_arr(build, "no_cache_filter");

	if (filter)
		json_object_set(o, "no_cache_filter", filter);
	json_set_new(o, "allow", allowed(build));
	json_set_str(o, "target", json_get_str(build, "target"));
	json_set_str(o, "network", json_get_str(build, "network"));
	json_set_bool(o, "no_cache", x->no_cache || json_get_bool(build, "no_cache"));
	json_set_bool(o, "pull", x->pull || json_get_bool(build, "pull"));
	json_set_int(o, "shm_bytes", bytes_of(json_object_get(build, "shm_size")));
	json_set_new(o, "ulimits", ulimits_of(build));
	json_set_new(o, "add_hosts", hosts_of(build));
	if (json_array_size(platforms))
		json_set_str(o, "platform", json_string_value(json_array_get(platforms, 0)));
}

static char *dockerfile_of(const json_t *build, const char *context)
{
	const char *file = json_get_str(build, "dockerfile") ?: "Dockerfile";

	return *file == '/' ? xstrdup(file) : xasprintf("%s/%s", context, file);
}

static int make_request(struct cli *cli, const json_t *model, const char *project,
			const char *service, const struct extra *x, struct build_request *r,
			struct error *err)
{
	const json_t *definition = json_get_obj(json_get_obj(model, "services"), service);
	const json_t *build = json_get_obj(definition, "build");
	auto_free char *image = image_of(project, service, definition), *file = NULL;
	const char *context = json_get_str(build, "context") ?: ".",
		   *inlined = json_get_str(build, "dockerfile_inline");
	json_t *o = json_object(), *secrets = json_object();

	r->name = service;
	r->options = o;
	r->context = xstrdup(context);
	json_set_new(o, "secrets", secrets);
	json_set_new(o, "build_args", args_of(build, x));
	json_set_new(o, "labels", labels_of(build, project, service));
	json_set_new(o, "tags", tags_of(build, image));
	set_options(o, build, x);
	if (!json_get_str(o, "platform"))
		json_set_str(o, "platform", json_get_str(definition, "platform"));
	if (build_is_remote(context))
		return error_set(err, EOPNOTSUPP, "building from %s is not supported", context);
	if (json_array_size(json_get_arr(build, "platforms")) > 1)
		return error_set(err, EOPNOTSUPP,
				 "building for several platforms is not supported");
	if (refuse(build, err) < 0 || add_secrets(model, build, secrets, err) < 0)
		return -err->code;
	warn_ignored(cli, service, build);
	if (inlined) {
		json_set_str(o, "dockerfile", inlined);
		json_set_str(o, "dockerfile_name", "dockerfile_inline");
	} else {
		file = dockerfile_of(build, context);
		if (build_set_dockerfile(file, r, err) < 0)
			return -err->code;
	}
	return build_add_auths(cli, o, err);
}

/* ---- all of them */

static int run_services(struct cli *cli, const json_t *model, const char *project,
			char *const *services, const struct extra *x, bool quiet)
{
	size_t count = strv_len(services);
	struct build_request *list = xcalloc(count + 1, sizeof(*list));
	struct error err = ERROR_INIT;
	int status = 0;

	for (size_t i = 0; i < count && !status; i++)
		if (make_request(cli, model, project, services[i], x, &list[i], &err) < 0) {
			error_wrap(&err, "service %s", services[i]);
			status = cli_fail(cli, &err);
		}
	if (!status)
		status = build_run_all(cli, list, count, quiet);
	for (size_t i = 0; i < count; i++)
		build_request_release(&list[i]);
	free(list);
	return status;
}

/* Those with a build section; `force` unset: whose image is not there. */
static int choose(struct cli *cli, const json_t *model, const char *project, char *const *services,
		  bool with_deps, bool force, char ***ret, struct error *err)
{
	AUTO(strv_free) char **order = NULL;

	if (compose_order(model, strv_len(services) ? services : NULL, with_deps, &order, err) < 0)
		return -err->code;
	for (char **s = order; s && *s; s++) {
		const json_t *definition = json_get_obj(json_get_obj(model, "services"), *s);
		auto_free char *image = image_of(project, *s, definition);

		if (!json_get_obj(definition, "build"))
			continue;
		if (force || str_eq(json_get_str(definition, "pull_policy"), "build") ||
		    !build_image_exists(cli, image))
			strv_push(ret, xstrdup(*s));
	}
	return 0;
}

int build_for_model(struct cli *cli, const json_t *body, char *const *services, bool with_deps,
		    bool force)
{
	const json_t *model = json_get_obj(body, "model");
	const char *project = json_get_str(model, "name");
	AUTO(strv_free) char **wanted = NULL;
	const struct extra none = {.args = NULL};
	struct error err = ERROR_INIT;

	if (!model || !project)
		return 0;
	/* What is wrong with the services' names is said by the verb itself. */
	if (choose(cli, model, project, services, with_deps, force, &wanted, &err) < 0)
		return 0;
	if (cli->dry_run) {
		for (char **w = wanted; w && *w; w++)
			fprintf(stderr, " DRY-RUN MODE -  Service %s Building\n", *w);
		return 0;
	}
	return run_services(cli, model, project, wanted, &none, false);
}

/* ---- cmp build */

/* What looks like `docker build` means the other verb. */
static bool means_directory(const struct values *v, int argc, char **argv)
{
	return v->tags || v->file || (argc == 1 && (argv[0][0] == '.' || strchr(argv[0], '/')));
}

static int check_options(struct cli *cli, const struct values *v, int argc, char **argv)
{
	const struct {
		bool given;
		const char *name;
	} refused[] = {{v->push, "--push"},
		       {v->ssh != NULL, "--ssh"},
		       {v->check, "--check"},
		       {v->print, "--print"},
		       {v->memory != NULL, "--memory"}};

	if (means_directory(v, argc, argv))
		return cli_usage(cli,
				 "\"cmp build\" builds the services of a Compose file; to build a "
				 "directory: cmp image build [OPTIONS] PATH");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (refused[i].given)
			return cli_usage(cli, "cmp build: %s is not supported", refused[i].name);
	return 0;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	const struct extra x = {.args = v->args, .no_cache = v->no_cache, .pull = v->pull};
	auto_free char *project = NULL;
	auto_free char **services = xcalloc((size_t)argc + 1, sizeof(*services));
	auto_json json_t *body = json_object();
	AUTO(strv_free) char **wanted = NULL;
	struct error err = ERROR_INIT;
	int status = check_options(cli, v, argc, argv);

	if (!status)
		status = cli_project_model(cli, MODEL_MAKES, body, &project, argc, argv);
	if (status)
		return status;
	memcpy(services, argv, (size_t)argc * sizeof(*services));
	if (v->progress) {
		free(cli->progress);
		cli->progress = xstrdup(v->progress);
	}
	if (choose(cli, json_get_obj(body, "model"), project, services, v->with_dependencies, true,
		   &wanted, &err) < 0)
		return cli_fail(cli, &err);
	if (!strv_len(wanted)) {
		cli_warn(cli, "no service has a build section");
		return 0;
	}
	return run_services(cli, json_get_obj(body, "model"), project, wanted, &x, v->quiet);
}

const struct command cmd_build = {
	.name = "build",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Build the images of services",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
};
