/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See step.h.  The job comes from the supervisor and is trusted; the trees are not.  Order: mount
 * and open, give everything up, then look at the first foreign byte.
 */
#include "images/layer/step.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/file.h"
#include "base/json.h"
#include "images/layer/commit.h"
#include "images/layer/confine.h"
#include "images/layer/copy.h"

#define JOB_MAX	    ((size_t)64 << 20)
#define FILES_MAX   2048
#define MAX_BYTES   ((uint64_t)100 << 30)
#define OPTIONS_MAX ((size_t)4000) /* mount(2) takes a page */

struct step {
	json_t *job;
	int target, source, upper, blob;
	const char *where;
};

/* ---- trees */

/* The directory that all paths are below, so that the options of the mount stay short. */
static char *common_parent(const json_t *layers)
{
	const char *first = json_string_value(json_array_get(layers, 0)), *slash, *path;
	size_t len = (size_t)(strrchr(first, '/') - first), at;

	for (size_t i = 1; i < json_array_size(layers); i++) {
		path = json_string_value(json_array_get(layers, i));
		for (at = 0; at <= len && first[at] == path[at];)
			at++;
		/* They differ at `at`: the last slash before it ends what they share. */
		while (at <= len && at > 0 && first[at - 1] != '/')
			at--;
		if (at <= len)
			len = at ? at - 1 : 0;
	}
	slash = first + len;
	return len ? xstrndup(first, (size_t)(slash - first)) : xstrdup("/");
}

static int overlay_options(const json_t *tree, const char *parent, struct buf *options,
			   struct error *err)
{
	json_t *layers = json_get_arr(tree, "layers");
	const char *upper = json_get_str(tree, "upper");
	size_t skip = parent[1] ? strlen(parent) + 1 : 1;

	buf_adds(options, "lowerdir=");
	for (size_t i = json_array_size(layers); i > 0; i--)
		buf_addf(options, "%s%s", i < json_array_size(layers) ? ":" : "",
			 json_string_value(json_array_get(layers, i - 1)) + skip);
	if (upper)
		buf_addf(options, ",upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off", upper,
			 json_get_str(tree, "work"));
	if (options->len > OPTIONS_MAX)
		return error_set(err, E2BIG, "there are too many layers (%zu)",
				 json_array_size(layers));
	return 0;
}

static int mount_overlay(const json_t *tree, const char *on, struct error *err)
{
	auto_free char *parent = common_parent(json_get_arr(tree, "layers"));
	auto_fd int dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_buf struct buf options = BUF_INIT;

	if (overlay_options(tree, parent, &options, err) < 0)
		return -err->code;
	if (dir < 0 || fchdir(dir) < 0)
		return error_sys(err, errno, "open %s", parent);
	if (mount("overlay", on, "overlay", 0, options.data) < 0)
		return error_sys(err, errno, "mount the layers");
	return 0;
}

static int open_tree_of(const json_t *job, const char *key, struct error *err)
{
	const json_t *tree = json_get_obj(job, key);
	json_t *layers = json_get_arr(tree, "layers");
	const char *path = json_get_str(tree, "path");
	auto_free char *on = NULL;
	int fd;

	if (!tree)
		return -1;
	/* Overlay wants two directories, or one and an upper one. */
	if (json_array_size(layers) == 1 && !json_get_str(tree, "upper"))
		path = json_string_value(json_array_get(layers, 0));
	if (!path) {
		on = xasprintf("%s/%s", json_get_str(job, "place"), key);
		if (mkdir(on, 0700) < 0 && errno != EEXIST)
			return error_sys(err, errno, "create %s", on);
		if (mount_overlay(tree, on, err) < 0)
			return -err->code;
		path = on;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}

static int open_all(struct step *s, struct error *err)
{
	const json_t *commit = json_get_obj(s->job, "commit");

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	s->target = open_tree_of(s->job, "target", err);
	if (err->code)
		return -err->code;
	s->source = open_tree_of(s->job, "source", err);
	if (err->code || !commit)
		return -err->code;
	s->upper = open(json_get_str(commit, "upper"),
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	s->blob = open(json_get_str(commit, "blob"),
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->upper < 0 || s->blob < 0)
		return error_sys(err, errno, "open the new layer");
	return 0;
}

/* ---- actions */

static int owner_of(const struct step *s, const json_t *action, struct tree_owner *ret,
		    struct error *err)
{
	const char *text = json_get_str(action, "owner");

	*ret = (struct tree_owner){0};
	if (!text)
		return 0;
	if (tree_owner(s->target, text, ret, err) < 0)
		return error_wrap(err, "%s", json_get_str(action, "owner_of") ?: "owner");
	return 0;
}

static int mode_of(const json_t *action, int64_t *ret, struct error *err)
{
	const char *text = json_get_str(action, "mode");
	uint32_t mode;

	*ret = -1;
	if (!text)
		return 0;
	if (parse_octal(text, &mode) < 0 || mode > 07777)
		return error_set(err, EINVAL,
				 "--chmod=%s is not supported: it must be an octal mode like 755",
				 text);
	*ret = mode;
	return 0;
}

static int do_copy(const struct step *s, const json_t *action, struct error *err)
{
	AUTO(strv_free) char **sources = json_to_strv(json_get_arr(action, "sources"));
	AUTO(strv_free) char **patterns = json_to_strv(json_get_arr(action, "excludes"));
	AUTO(pattern_list_free) struct pattern_list *excludes = NULL;
	struct copy_args args = {
		.source = s->source,
		.target = s->target,
		.where = s->where,
		.sources = sources,
		.dest = json_get_str(action, "dest"),
		.parents = json_get_bool(action, "parents"),
		.unpack = json_get_bool(action, "unpack"),
		.max_bytes = MAX_BYTES,
	};

	if (owner_of(s, action, &args.owner, err) < 0 || mode_of(action, &args.mode, err) < 0 ||
	    pattern_list_new(patterns, &excludes, err) < 0)
		return -err->code;
	args.excludes = excludes;
	return tree_copy(&args, err);
}

static int do_write(const struct step *s, const json_t *action, struct error *err)
{
	struct write_args args = {
		.target = s->target,
		.dest = json_get_str(action, "dest"),
		.name = json_get_str(action, "name"),
		.data = json_get_str(action, "data"),
	};

	if (owner_of(s, action, &args.owner, err) < 0 || mode_of(action, &args.mode, err) < 0)
		return -err->code;
	return tree_write(&args, err);
}

static int do_mkdir(const struct step *s, const json_t *action, struct error *err)
{
	struct tree_owner owner;

	if (owner_of(s, action, &owner, err) < 0)
		return -err->code;
	return tree_mkdir(s->target, json_get_str(action, "dest"), &owner, err);
}

static int act(const struct step *s, const json_t *action, struct error *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct step *s, const json_t *action, struct error *err);
	} table[] = {{"copy", do_copy}, {"write", do_write}, {"mkdir", do_mkdir}};
	const char *name = json_get_str(action, "do");

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(table[i].name, name))
			return table[i].run(s, action, err);
	return error_set(err, EINVAL, "unknown action \"%s\"", name ?: "");
}

/* ---- results */

static int digest(const struct step *s, json_t *result, struct error *err)
{
	const json_t *what = json_get_obj(s->job, "digest");
	AUTO(strv_free) char **sources = json_to_strv(json_get_arr(what, "sources"));
	AUTO(strv_free) char **patterns = json_to_strv(json_get_arr(what, "excludes"));
	AUTO(pattern_list_free) struct pattern_list *excludes = NULL;
	struct content_args args = {
		.source = s->source,
		.where = s->where,
		.sources = sources,
		.owners = json_get_bool(what, "owners"),
	};
	char hex[65];

	if (!what)
		return 0;
	if (pattern_list_new(patterns, &excludes, err) < 0)
		return -err->code;
	args.excludes = excludes;
	if (tree_digest(&args, hex, err) < 0)
		return -err->code;
	json_set_str(result, "content", hex);
	return 0;
}

static int commit(const struct step *s, json_t *result, struct error *err)
{
	const json_t *what = json_get_obj(s->job, "commit");
	struct commit_args args = {.upper = s->upper, .blob_fd = s->blob, .max_bytes = MAX_BYTES};
	struct unpack_result size;
	struct layer_digests d;

	if (!what)
		return 0;
	args.epoch_s = json_get_int(what, "epoch_s", -1);
	if (commit_layer(&args, &d, &size, err) < 0)
		return -err->code;
	json_set_str(result, "diff_id", d.diff_id);
	json_set_str(result, "digest", d.digest);
	json_set_str(result, "media_type", d.media_type);
	json_set_int(result, "blob_bytes", (int64_t)d.blob_bytes);
	json_set_int(result, "tree_bytes", (int64_t)size.tree_bytes);
	return 0;
}

static int work(const struct step *s, struct error *err)
{
	json_t *actions = json_get_arr(s->job, "actions");
	auto_json json_t *result = json_object();
	auto_free char *text = NULL;

	for (size_t i = 0; i < json_array_size(actions); i++)
		if (act(s, json_array_get(actions, i), err) < 0)
			return -err->code;
	if (digest(s, result, err) < 0 || commit(s, result, err) < 0)
		return -err->code;
	text = json_text(result);
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		return error_sys(err, errno, "report the result");
	return 0;
}

int step_run(struct error *err)
{
	struct step s = {.target = -1, .source = -1, .upper = -1, .blob = -1};
	struct confine_args confinement = {
		.file_bytes = MAX_BYTES, .overlay = true, .files = FILES_MAX};
	auto_json json_t *job = NULL;
	auto_buf struct buf text = {.max = JOB_MAX};
	auto_free char *empty = NULL;
	int root;

	if (file_read_fd(STDIN_FILENO, JOB_MAX, &text, err) < 0 ||
	    json_load_text(text.data, text.len, &job, err) < 0)
		return error_wrap(err, "read the job");
	s.job = job;
	s.where = json_get_str(job, "where") ?: "the source";
	if (open_all(&s, err) < 0)
		return -err->code;
	empty = xasprintf("%s/empty", json_get_str(job, "place"));
	if (mkdir(empty, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "create %s", empty);
	confinement.root = empty;
	root = confine(&confinement, err);
	return root < 0 ? root : work(&s, err);
}
