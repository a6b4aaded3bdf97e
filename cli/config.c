/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp config: the model that the files give. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reference.h"
#include "cli/auth.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/project.h"
#include "cli/verbs.h"
#include "compose/compose.h"
#include "compose/node.h"

struct values {
	bool quiet, strict, services, volumes, networks, images, profiles, environment, variables,
		models, no_interpolate, no_normalize, no_path_resolution, no_consistency,
		no_env_resolution, resolve_digests, lock_digests;
	char *format, *hash, *output;
};

static const struct option_def options[] = {
	{0, "environment", OPTION_FLAG, offsetof(struct values, environment), NULL,
	 "Print the variables that interpolation sees"},
	{0, "format", OPTION_STR, offsetof(struct values, format), "yaml|json",
	 "Format of the model, yaml if not given; with --quiet json: the problems, as a list"},
	{0, "hash", OPTION_STR, offsetof(struct values, hash), "SERVICE,...",
	 "Print the hash of each of these services, \"*\" for all"},
	{0, "images", OPTION_FLAG, offsetof(struct values, images), NULL, "Print the image names"},
	{0, "lock-image-digests", OPTION_FLAG, offsetof(struct values, lock_digests), NULL,
	 "Print an override file with the digests of the images alone"},
	{0, "models", OPTION_FLAG, offsetof(struct values, models), NULL, "Print the model names"},
	{0, "networks", OPTION_FLAG, offsetof(struct values, networks), NULL,
	 "Print the network names"},
	{0, "no-consistency", OPTION_FLAG, offsetof(struct values, no_consistency), NULL,
	 "Do not check references between parts of the model"},
	{0, "no-env-resolution", OPTION_FLAG, offsetof(struct values, no_env_resolution), NULL,
	 "Do not read the services' env files"},
	{0, "no-interpolate", OPTION_FLAG, offsetof(struct values, no_interpolate), NULL,
	 "Leave variables as they are"},
	{0, "no-normalize", OPTION_FLAG, offsetof(struct values, no_normalize), NULL,
	 "Do not add what the format implies"},
	{0, "no-path-resolution", OPTION_FLAG, offsetof(struct values, no_path_resolution), NULL,
	 "Leave relative paths as they are"},
	{'o', "output", OPTION_STR, offsetof(struct values, output), "FILE", "Write to this file"},
	{0, "profiles", OPTION_FLAG, offsetof(struct values, profiles), NULL,
	 "Print the profile names"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Only check"},
	{0, "resolve-image-digests", OPTION_FLAG, offsetof(struct values, resolve_digests), NULL,
	 "Pin images to the digests that their registries have now"},
	{0, "services", OPTION_FLAG, offsetof(struct values, services), NULL,
	 "Print the service names"},
	{0, "strict", OPTION_FLAG, offsetof(struct values, strict), NULL, "Warnings are errors"},
	{0, "variables", OPTION_FLAG, offsetof(struct values, variables), NULL,
	 "Print the variables that the files mention, with their defaults"},
	{0, "volumes", OPTION_FLAG, offsetof(struct values, volumes), NULL,
	 "Print the volume names"},
	{0},
};

/* ---- lists */

static void print_keys(const json_t *model, const char *section, struct buf *out)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_get_obj(model, section), name, value)
		buf_addf(out, "%s\n", name);
}

static void print_sorted(char **names, struct buf *out)
{
	size_t i;

	strv_sort(names);
	for (i = 0; i < strv_len(names); i++)
		if (!i || strcmp(names[i], names[i - 1]))
			buf_addf(out, "%s\n", names[i]);
	strv_free(names);
}

static void print_images(const struct compose_project *p, const json_t *model, struct buf *out)
{
	char **names = NULL;
	const char *service;
	json_t *value;

	json_object_foreach (json_get_obj(model, "services"), service, value) {
		if (json_get_str(value, "image"))
			strv_push(&names, xstrdup(json_get_str(value, "image")));
		else
			strv_pushf(&names, "%s-%s", p->name, service);
	}
	print_sorted(names, out);
}

static void print_profiles(const struct compose_project *p, const json_t *model, struct buf *out)
{
	auto_json json_t *disabled = p->disabled ? node_to_json(p->disabled) : json_object();
	json_t *maps[] = {json_get_obj(model, "services"), disabled}, *value, *profile;
	char **names = NULL;
	const char *service;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(maps); k++)
		json_object_foreach (maps[k], service, value)
			json_array_foreach (json_get_arr(value, "profiles"), i, profile)
				strv_push(&names, xstrdup(json_string_value(profile)));
	print_sorted(names, out);
}

static void print_variables(const struct compose_project *p, struct buf *out)
{
	auto_json json_t *all = p->variables ? node_to_json(p->variables) : json_object();
	const char *name;
	json_t *value;

	buf_addf(out, "%-24s%-10s%s\n", "NAME", "REQUIRED", "DEFAULT VALUE");
	json_object_foreach (all, name, value)
		buf_addf(out, "%-24s%-10s%s\n", name,
			 json_get_bool(value, "required") ? "true" : "false",
			 json_get_str(value, "default") ? json_get_str(value, "default") : "");
}

static int print_hashes(struct cli *cli, const json_t *model, const char *wanted, struct buf *out)
{
	AUTO(strv_free) char **names = strcmp(wanted, "*") ? strv_split(wanted, ",") : NULL;
	json_t *services = json_get_obj(model, "services"), *service;
	char hash[65];
	const char *name;
	size_t i;

	for (i = 0; i < strv_len(names); i++)
		if (!json_object_get(services, names[i]))
			return cli_usage(cli, "no such service: %s", names[i]);
	json_object_foreach (services, name, service) {
		if (names && !strv_has(names, name))
			continue;
		compose_service_hash(service, hash);
		buf_addf(out, "%s %s\n", name, hash);
	}
	return 0;
}

static int print_model(struct cli *cli, const struct values *v, const struct compose_project *p,
		       const json_t *model, struct buf *out)
{
	auto_json json_t *printed = NULL;
	auto_free char *text = NULL;

	if (str_empty(v->format) || !strcmp(v->format, "yaml")) {
		if (v->no_interpolate)
			compose_model_yaml_raw(p->model, out);
		else
			compose_model_yaml(p->model, out);
		return 0;
	}
	if (strcmp(v->format, "json"))
		return cli_usage(cli, "unsupported format \"%s\": use yaml or json", v->format);
	printed = v->no_interpolate ? json_deep_copy(model) : compose_model_escape(model);
	/* Fifteen digits give back what was written: 0.1, not 0.10000000000000001. */
	text = json_dumps(printed, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	buf_addf(out, "%s\n", text);
	return 0;
}

/* ---- digests: an image by what its name stands for at the registry now */

static int ask_registry(struct cli *cli, const char *image, char **ret, struct error *err)
{
	auto_json json_t *body = json_object(), *reply = NULL;
	json_t *auth = NULL;
	int r = auth_for_image(cli, image, &auth, err);

	json_set_str(body, "name", image);
	json_set_new(body, "auth", auth ? auth : json_null());
	if (r == 0)
		r = client_call(cli->socket_path, true, "POST", "/cmp/v1/images/digest", body,
				&reply, err);
	if (r == 0)
		*ret = xstrdup(json_get_str(reply, "digest") ?: "");
	return r;
}

static int pin(struct cli *cli, struct arena *arena, struct compose_node *image, struct error *err)
{
	auto_reference struct image_reference ref = {0};
	int r = image_reference_parse(image->text, &ref, err);

	if (r == 0 && !ref.digest)
		r = ask_registry(cli, image->text, &ref.digest, err);
	if (r == 0)
		image->text = arena_printf(arena, "%s/%s%s%s@%s", ref.registry, ref.path,
					   ref.tag ? ":" : "", ref.tag ?: "", ref.digest);
	return r;
}

/* A mapping with nothing but this key, if it has it. */
static void keep_only(struct compose_node *map, const char *key)
{
	const struct compose_pair *pair = node_pair(map, key);

	if (pair)
		map->map.pairs[0] = *pair;
	map->map.count = pair != NULL;
}

/* `lock`: what is left is an override with nothing but the images. */
static int resolve_digests(struct cli *cli, struct compose_project *p, bool lock)
{
	struct compose_node *services = node_get(p->model, "services");
	struct error err = ERROR_INIT;
	size_t i;

	for (i = 0; services && services->kind == COMPOSE_MAP && i < services->map.count; i++) {
		struct compose_pair *service = &services->map.pairs[i];
		struct compose_node *image = node_get(service->value, "image");

		if (image && pin(cli, p->arena, image, &err) < 0) {
			error_wrap(&err, "service %s: resolve image %s", service->key, image->text);
			return cli_fail(cli, &err);
		}
		if (lock)
			keep_only(service->value, "image");
	}
	if (lock)
		keep_only(p->model, "services");
	return 0;
}

static int render(struct cli *cli, const struct values *v, const struct compose_project *p,
		  struct buf *out)
{
	static const struct {
		size_t offset;
		const char *section;
	} sections[] = {
		{offsetof(struct values, services), "services"},
		{offsetof(struct values, volumes), "volumes"},
		{offsetof(struct values, networks), "networks"},
		{offsetof(struct values, models), "models"},
	};
	auto_json json_t *model = compose_model_json(p);
	size_t i;

	for (i = 0; i < ARRAY_LEN(sections); i++)
		if (*(const bool *)((const char *)v + sections[i].offset)) {
			print_keys(model, sections[i].section, out);
			return 0;
		}
	if (v->images)
		print_images(p, model, out);
	else if (v->profiles)
		print_profiles(p, model, out);
	else if (v->variables)
		print_variables(p, out);
	else if (v->hash)
		return print_hashes(cli, model, v->hash, out);
	else
		return print_model(cli, v, p, model, out);
	return 0;
}

static int write_out(struct cli *cli, const char *path, const struct buf *text)
{
	struct error err = ERROR_INIT;
	auto_fd int fd = -1;

	if (!path) {
		fwrite(text->data ? text->data : "", 1, text->len, stdout);
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		error_sys(&err, errno, "create %s", path);
		return cli_fail(cli, &err);
	}
	if (file_write_all(fd, text->data ? text->data : "", text->len, &err) < 0) {
		error_wrap(&err, "write %s", path);
		return cli_fail(cli, &err);
	}
	return 0;
}

/* For editors: warnings, too, and an empty list when nothing is wrong. */
static int load_for_editor(struct cli *cli, const struct compose_options *opts,
			   struct compose_project **ret)
{
	int r = cli_load_silently(cli, opts, ret);

	cli_print_problems(cli, *ret, true);
	return r;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char **services = xcalloc((size_t)argc + 1, sizeof(*services));
	AUTO(compose_project_free) struct compose_project *p = NULL;
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	struct compose_options opts;
	size_t i;
	int r;

	memcpy(services, argv, (size_t)argc * sizeof(*services));
	if (cli->dry_run && v->output)
		return cli_usage(cli, "--output does not go together with --dry-run");
	r = cli_compose_options(cli, services, &opts);
	if (r)
		return r;
	opts.no_interpolate = v->no_interpolate;
	opts.no_normalize = v->no_normalize;
	opts.no_path_resolution = v->no_path_resolution;
	opts.no_consistency = v->no_consistency;
	opts.no_env_resolution = v->no_env_resolution;
	opts.strict |= v->strict;
	if (v->quiet && str_eq(v->format, "json"))
		r = load_for_editor(cli, &opts, &p);
	else
		r = cli_load_options(cli, &opts, &p);
	if (!r && argc)
		r = cli_check_services(cli, p, argc, argv);
	if (!r && argc && compose_project_restrict(p, services, &err) < 0)
		r = cli_fail(cli, &err);
	if (r || v->quiet)
		return r;
	if (v->resolve_digests || v->lock_digests)
		r = resolve_digests(cli, p, v->lock_digests);
	if (r)
		return r;
	if (v->environment)
		for (i = 0; p->environment && p->environment[i]; i++)
			buf_addf(&text, "%s\n", p->environment[i]);
	else
		r = render(cli, v, p, &text);
	return r ? r : write_out(cli, v->output, &text);
}

static const char *const aliases[] = {"convert", NULL};

const struct command cmd_config = {
	.name = "config",
	.aliases = aliases,
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Check the files and print the model they give",
	.more = "With \"--quiet --format json\" the problems are printed instead, as a list of\n"
		"objects: severity, code, message, file, line, column, end_line, end_column,\n"
		"hint, replacement, notes.  Lines and columns count from 1, columns in\n"
		"characters; a list without errors goes with exit status 0.",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
