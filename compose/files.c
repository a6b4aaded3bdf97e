/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files a project consists of and what its environment is.  The two depend on each other: an
 * .env of the current directory may name the files, and the directory of the files has an .env of
 * its own, which is weaker.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "compose/dotenv.h"
#include "compose/load.h"
#include "compose/yaml.h"

#define ENV_BYTES_MAX ((size_t)1 << 20)

static const char *const file_names[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
					 "docker-compose.yaml"};
static const char *const override_names[] = {"compose.override.yml", "compose.override.yaml",
					     "docker-compose.override.yml",
					     "docker-compose.override.yaml"};

const char *files_lookup(void *arg, const char *name)
{
	return map_get(((struct loader *)arg)->env, name);
}

bool files_remote(const char *path)
{
	return strstr(path, "://") || str_starts(path, "git@");
}

static const char *env(struct loader *l, const char *name)
{
	const char *value = files_lookup(l, name);

	return str_empty(value) ? NULL : value;
}

const char *files_absolute(struct loader *l, const char *path)
{
	if (path[0] == '/')
		return path_clean(l->c.arena, path);
	return path_clean(l->c.arena, arena_printf(l->c.arena, "%s/%s", l->c.options->cwd, path));
}

static const char *dir_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path ? arena_strndup(a, path, (size_t)(slash - path)) : "/";
}

/* ---- reading */

static int read_text(const char *path, struct buf *ret, struct error *err)
{
	auto_fd int fd = -1;
	struct stat st;
	int r;

	if (!strcmp(path, "-")) {
		r = file_read_fd(STDIN_FILENO, YAML_BYTES_MAX, ret, err);
		return r < 0 ? error_wrap(err, "cannot read standard input") : 0;
	}
	/* Pipes are welcome, -f <(generate), but none that nobody writes to: that is the end at
	 * once. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, O_RDONLY) < 0)
		return error_sys(err, errno, "cannot read %s", path);
	if (S_ISDIR(st.st_mode))
		return error_sys(err, EISDIR, "cannot read %s", path);
	if (file_read_fd(fd, YAML_BYTES_MAX, ret, err) < 0)
		return error_wrap(err, "cannot read %s", path);
	/* A pipe with a name, not what a shell puts in place of <(…), which may well be empty. */
	if (!ret->len && lstat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		return error_set(err, ENODATA, "cannot read %s: it is a pipe that nobody writes to",
				 path);
	return 0;
}

const char *files_shown(struct loader *l, const char *path)
{
	const char *inside = str_skip(path, l->c.options->cwd);

	return inside && *inside == '/' ? inside + 1 : path;
}

bool files_room(struct loader *l, struct compose_mark from)
{
	if (l->shared->reads <= LOAD_FILES_MAX)
		return ctx_room(&l->c, from);
	if (!diag_has(l->c.diags, DIAG_LIMIT))
		diag_add(l->c.diags, DIAG_ERROR, DIAG_LIMIT, from, NULL,
			 "more than %d files are read", LOAD_FILES_MAX);
	return false;
}

struct compose_source *files_read(struct loader *l, const char *path, struct compose_mark from,
				  bool optional)
{
	auto_buf struct buf text = {.max = YAML_BYTES_MAX + 1};
	struct error err = ERROR_INIT;
	struct compose_source *source;
	int r;

	l->shared->reads++;
	if (!files_room(l, from))
		return NULL;
	r = read_text(path, &text, &err);
	if (r < 0) {
		if (!optional || (r != -ENOENT && r != -EISDIR && r != -ENOTDIR))
			diag_add(l->c.diags, DIAG_ERROR, r == -EFBIG ? DIAG_LIMIT : DIAG_READ, from,
				 NULL, "%s", err.msg);
		return NULL;
	}
	source = arena_alloc(l->c.arena, sizeof(*source));
	source->path = arena_strdup(l->c.arena, path);
	source->shown = !strcmp(path, "-") ? "stdin" : files_shown(l, source->path);
	source->dir = !strcmp(path, "-") ? l->c.options->cwd : dir_of(l->c.arena, path);
	source->text = arena_strndup(l->c.arena, text.data ? text.data : "", text.len);
	source->len = text.len;
	return source;
}

/* ---- env files */

bool files_read_env(struct loader *l, const char *path, struct compose_mark from, bool optional,
		    struct compose_node *vars)
{
	struct dotenv d = {
		.arena = l->c.arena, .diags = l->c.diags, .lookup = files_lookup, .arg = l};
	struct compose_source *source = files_read(l, path, from, optional);

	if (!source)
		return optional;
	if (source->len > ENV_BYTES_MAX) {
		diag_add(l->c.diags, DIAG_ERROR, DIAG_LIMIT, (struct compose_mark){source, 0, 0},
			 NULL, "more than %zu bytes", ENV_BYTES_MAX);
		return false;
	}
	strv_push(&l->project->env_files, xstrdup(path));
	return dotenv_parse(&d, source, vars);
}

void files_add_env(struct loader *l, const struct compose_node *vars)
{
	size_t i;

	for (i = 0; i < vars->map.count; i++)
		if (!map_has(l->env, vars->map.pairs[i].key))
			map_set(l->env, vars->map.pairs[i].key,
				(void *)(uintptr_t)vars->map.pairs[i].value->text);
}

static struct compose_node *new_vars(struct loader *l)
{
	return node_new(l->c.arena, COMPOSE_MAP, (struct compose_mark){NULL, 0, 0});
}

static void explicit_env_files(struct loader *l, char *const *files)
{
	struct compose_node *vars = new_vars(l);
	size_t i;

	for (i = 0; i < strv_len(files); i++)
		files_read_env(l, files_absolute(l, files[i]), (struct compose_mark){NULL, 0, 0},
			       false, vars);
	files_add_env(l, vars);
}

/* As Go's ParseBool; anything else is an error. */
static bool env_file_disabled(struct loader *l)
{
	static const char *const words[] = {"0", "f", "F", "false", "FALSE", "False",
					    "1", "t", "T", "true",  "TRUE",  "True"};
	const char *text = env(l, "COMPOSE_DISABLE_ENV_FILE");
	size_t i;

	for (i = 0; text && i < ARRAY_LEN(words); i++)
		if (!strcmp(text, words[i]))
			return i >= ARRAY_LEN(words) / 2;
	if (text)
		diag_add(l->c.diags, DIAG_ERROR, DIAG_VALUE, (struct compose_mark){NULL, 0, 0},
			 "COMPOSE_DISABLE_ENV_FILE", "must be true or false, not \"%s\"", text);
	return text;
}

static void default_env_file(struct loader *l, const char *dir)
{
	struct compose_node *vars = new_vars(l);

	if (env_file_disabled(l))
		return;
	files_read_env(l, arena_printf(l->c.arena, "%s/.env", str_eq(dir, "/") ? "" : dir),
		       (struct compose_mark){NULL, 0, 0}, true, vars);
	files_add_env(l, vars);
}

static void process_environment(struct loader *l)
{
	char *const *at;

	for (at = l->c.options->environment; at && *at; at++) {
		const char *equals = strchr(*at, '=');

		if (equals && equals != *at)
			map_set(l->env, arena_strndup(l->c.arena, *at, (size_t)(equals - *at)),
				arena_strdup(l->c.arena, equals + 1));
	}
	if (!map_has(l->env, "PWD"))
		map_set(l->env, "PWD", (void *)(uintptr_t)l->c.options->cwd);
}

/* ---- discovery */

static bool find_in(struct loader *l, const char *dir, const char *const *names, size_t count)
{
	const char *first = NULL, *path;
	size_t i;

	for (i = 0; i < count; i++) {
		path = arena_printf(l->c.arena, "%s/%s", str_eq(dir, "/") ? "" : dir, names[i]);
		if (!file_exists(AT_FDCWD, path))
			continue;
		if (first)
			diag_add(l->c.diags, DIAG_WARNING, DIAG_PROJECT,
				 (struct compose_mark){NULL, 0, 0}, NULL,
				 "%s is ignored: %s is used", path, first);
		else
			strv_push(&l->paths, xstrdup(path));
		first = first ? first : path;
	}
	return first;
}

/* Looks in the directory and those above. */
static const char *discover(struct loader *l, const char *dir)
{
	for (;; dir = dir_of(l->c.arena, dir)) {
		if (find_in(l, dir, file_names, ARRAY_LEN(file_names))) {
			find_in(l, dir, override_names, ARRAY_LEN(override_names));
			return dir;
		}
		if (!strcmp(dir, "/"))
			return NULL;
	}
}

static void named_files(struct loader *l, char *const *files)
{
	size_t i;

	for (i = 0; i < strv_len(files); i++) {
		if (files_remote(files[i]))
			diag_add(l->c.diags, DIAG_ERROR, DIAG_UNSUPPORTED,
				 (struct compose_mark){NULL, 0, 0}, NULL,
				 "\"%s\" is not a local file: fetch it first", files[i]);
		else
			strv_push(&l->paths,
				  xstrdup(!strcmp(files[i], "-") ? "-"
								 : files_absolute(l, files[i])));
	}
}

/* Of the first file that has one. */
static const char *dir_of_files(struct loader *l)
{
	size_t i;

	for (i = 0; i < strv_len(l->paths); i++)
		if (strcmp(l->paths[i], "-") != 0)
			return dir_of(l->c.arena, l->paths[i]);
	return l->c.options->cwd;
}

static int not_found(const char *dir, struct error *err)
{
	return error_set(err, ENOENT, "no compose file found in %s or the directories above", dir);
}

/* The variables of the env files that were asked for, or of the directory's own; false: the latter.
 */
static bool first_env_files(struct loader *l, const char *dir)
{
	const struct compose_options *o = l->c.options;
	const char *list = env(l, "COMPOSE_ENV_FILES");
	AUTO(strv_free) char **named = NULL;

	named = o->env_files ? strv_dup(o->env_files) : strv_split(list ? list : "", ",");
	if (named && named[0])
		explicit_env_files(l, named);
	else
		default_env_file(l, dir);
	return named && named[0];
}

int files_locate(struct loader *l, struct error *err)
{
	const struct compose_options *o = l->c.options;
	const char *list, *separator, *first, *dir;
	AUTO(strv_free) char **files = NULL;
	bool named_env;

	process_environment(l);
	named_files(l, o->files);
	dir = o->project_directory ? files_absolute(l, o->project_directory) : dir_of_files(l);
	first = dir;
	named_env = first_env_files(l, first);
	list = env(l, "COMPOSE_FILE");
	separator = env(l, "COMPOSE_PATH_SEPARATOR");
	if (!o->files && list) {
		files = strv_split(list, separator ? separator : ":");
		named_files(l, files);
	} else if (!o->files && !discover(l, dir)) {
		return not_found(dir, err);
	}
	l->c.dir = o->project_directory ? dir : dir_of_files(l);
	if (!named_env && strcmp(l->c.dir, first) != 0)
		default_env_file(l, l->c.dir);
	return 0;
}
