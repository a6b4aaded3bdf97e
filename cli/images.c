/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp image ls, cmp images (of a project), cmp rmi (image rm), cmp import. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/http.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool quiet, all, force, no_prune, no_trunc, digests;
	char *format, *message, *platform, **changes;
};

static char *image_target(const char *name)
{
	auto_buf struct buf target = BUF_INIT;

	buf_adds(&target, "/cmp/v1/images/");
	http_percent_encode(&target, name);
	return buf_steal(&target);
}

/* ---- images */

static const struct option_def images_options[] = {
	{'a', "all", OPTION_FLAG, offsetof(struct values, all), NULL, NULL},
	{0, "digests", OPTION_FLAG, offsetof(struct values, digests), NULL,
	 "Show what registries call them"},
	{0, "format", OPTION_STR, offsetof(struct values, format), "table|json|TEMPLATE",
	 "Format of the output; a template is like \"{{.Repository}}\""},
	{0, "no-trunc", OPTION_FLAG, offsetof(struct values, no_trunc), NULL,
	 "Do not shorten the ids"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show only ids"},
	{0},
};

/* The digest by which a registry knows the repository of `tag`. */
static const char *digest_of_tag(const json_t *im, const char *tag, size_t repository_len)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_get_arr(im, "digests"), i, name) {
		const char *text = json_string_value(name);

		if (text && !strncmp(text, tag, repository_len) && text[repository_len] == '@')
			return text + repository_len + 1;
	}
	return "<none>";
}

/* `name`: REPOSITORY:TAG, REPOSITORY@DIGEST, or NULL for an image without any. */
static json_t *image_row(const json_t *im, const char *name, bool no_trunc)
{
	const char *id = json_get_str(im, "id"), *at = name ? strchr(name, '@') : NULL,
		   *colon = name && !at ? strrchr(name, ':') : NULL;
	char size[32], ago[64];
	json_t *r = json_object();
	int len = at ? (int)(at - name) : colon ? (int)(colon - name) : 0;

	str_human_bytes((uint64_t)json_get_int(im, "size_bytes", 0), size, sizeof(size));
	out_ago(json_get_int(im, "created_ns", 0), ago, sizeof(ago));
	json_set_strf(r, "Repository", "%.*s", len ? len : 6, len ? name : "<none>");
	json_set_str(r, "Tag", colon ? colon + 1 : "<none>");
	json_set_str(r, "Digest",
		     at	     ? at + 1
		     : colon ? digest_of_tag(im, name, (size_t)len)
			     : "<none>");
	if (no_trunc)
		json_set_str(r, "ID", id);
	else
		json_set_strf(r, "ID", "%.12s",
			      str_skip(id, "sha256:") ? str_skip(id, "sha256:") : id);
	json_set_str(r, "CreatedSince", ago);
	json_set_str(r, "Size", size);
	return r;
}

static bool name_matches(const char *name, const char *wanted)
{
	const char *rest = name && wanted ? str_skip(name, wanted) : NULL;

	return !wanted || (rest && (!*rest || *rest == ':' || *rest == '@'));
}

/* A row for each tag; without one for each digest. */
static json_t *image_rows(const json_t *list, const char *wanted, bool no_trunc)
{
	json_t *rows = json_array(), *im, *name;
	size_t i, k;

	json_array_foreach ((json_t *)(uintptr_t)list, i, im) {
		json_t *names = json_get_arr(im, "tags");

		if (!json_array_size(names))
			names = json_get_arr(im, "digests");
		if (!json_array_size(names) && !wanted)
			json_array_append_new(rows, image_row(im, NULL, no_trunc));
		json_array_foreach (names, k, name)
			if (name_matches(json_string_value(name), wanted))
				json_array_append_new(
					rows, image_row(im, json_string_value(name), no_trunc));
	}
	return rows;
}

static void print_table(const json_t *rows, bool digests)
{
	static const char *const heads[] = {"REPOSITORY", "TAG",  "IMAGE ID",
					    "CREATED",	  "SIZE", NULL};
	static const char *const more_heads[] = {"REPOSITORY", "TAG",  "DIGEST", "IMAGE ID",
						 "CREATED",    "SIZE", NULL};
	static const char *const cells[] = {"Repository", "Tag",	  "Digest",
					    "ID",	  "CreatedSince", "Size"};
	struct table *t = table_new(digests ? more_heads : heads);
	json_t *r;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, r)
		for (size_t k = 0; k < ARRAY_LEN(cells); k++)
			if (digests || strcmp(cells[k], "Digest") != 0)
				table_cell(t, json_get_str(r, cells[k]));
	table_print(t, stdout);
	table_free(t);
}

static int images_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *list = NULL, *rows = NULL;
	struct error err = ERROR_INIT;
	enum format_kind kind;
	size_t i;
	json_t *r;

	if (format_parse(v->format, &kind, &err) < 0)
		return cli_fail(cli, &err);
	if (cli_get(cli, "/cmp/v1/images", &list))
		return 1;
	rows = image_rows(list, argc ? argv[0] : NULL, v->no_trunc);
	json_array_foreach (rows, i, r) {
		if (v->quiet)
			puts(json_get_str(r, "ID"));
		else if (kind == FORMAT_JSON)
			out_json_line(r, stdout);
	}
	if (!v->quiet && kind == FORMAT_TEMPLATE && format_rows(v->format, rows, stdout, &err) < 0)
		return cli_fail(cli, &err);
	if (!v->quiet && kind == FORMAT_TABLE)
		print_table(rows, v->digests);
	return 0;
}

/* ---- the images of the project's containers */

static const struct option_def project_options[] = {
	{0, "format", OPTION_STR, offsetof(struct values, format), "table|json|TEMPLATE",
	 "Format of the output; a template is like \"{{.Repository}}\""},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Show only ids"},
	{0},
};

static const json_t *image_by_id(const json_t *list, const char *id)
{
	json_t *im;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, im)
		if (str_eq(json_get_str(im, "id"), id))
			return im;
	return NULL;
}

/* The name by which the container knows its image, if the image still has it; else its first. */
static const char *name_of(const json_t *im, const char *wanted)
{
	json_t *tags = json_get_arr(im, "tags"), *tag;
	size_t i;

	json_array_foreach (tags, i, tag)
		if (name_matches(json_string_value(tag), wanted))
			return json_string_value(tag);
	return json_string_value(json_array_get(tags, 0));
}

/* In the shape of compose's JSON, with what the table shows besides. */
static json_t *used_row(const json_t *c, const json_t *images)
{
	const char *id = json_get_str(c, "image_id");
	const json_t *im = image_by_id(images, id);
	json_t *r = image_row(im, im ? name_of(im, json_get_str(c, "image")) : NULL, true);

	json_set_str(r, "ID", id);
	json_set_str(r, "ContainerName", json_get_str(c, "name"));
	json_set_strf(r, "Platform", "linux/%s", json_get_str(im, "architecture") ?: "unknown");
	json_object_del(r, "Digest");
	return r;
}

static void print_used(const json_t *rows)
{
	static const char *const heads[] = {"CONTAINER", "REPOSITORY", "TAG",	  "PLATFORM",
					    "IMAGE ID",	 "SIZE",       "CREATED", NULL};
	static const char *const cells[] = {"ContainerName", "Repository",  "Tag", "Platform", "ID",
					    "Size",	     "CreatedSince"};
	struct table *t = table_new(heads);
	json_t *r;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, r)
		for (size_t k = 0; k < ARRAY_LEN(cells); k++) {
			const char *text = json_get_str(r, cells[k]),
				   *hex = str_skip(text ?: "", "sha256:");

			table_cellf(t, "%.*s", hex ? 12 : 4096, hex ?: text ?: "");
		}
	table_print(t, stdout);
	table_free(t);
}

static void print_ids(const json_t *rows)
{
	char **seen = NULL;
	json_t *r;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, r) {
		const char *id = json_get_str(r, "ID") ?: "", *hex = str_skip(id, "sha256:");

		if (strv_has(seen, id))
			continue;
		strv_push(&seen, xstrdup(id));
		puts(hex ?: id);
	}
	strv_free(seen);
}

static int project_images_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_free char *project = NULL, *target = NULL;
	auto_json json_t *containers = NULL, *images = NULL, *rows = json_array();
	struct error err = ERROR_INIT;
	enum format_kind kind;
	json_t *c;
	size_t i;
	int r;

	if (format_parse(v->format, &kind, &err) < 0)
		return cli_fail(cli, &err);
	r = cli_project_name(cli, &project);
	if (!r && argc && !cli->project_name)
		r = cli_check_services(cli, NULL, argc, argv);
	if (r)
		return r;
	target = cli_containers_target(project, true, true, argv, argc);
	r = cli_get(cli, target, &containers);
	if (!r)
		r = cli_get(cli, "/cmp/v1/images", &images);
	if (r)
		return r;
	json_array_foreach (containers, i, c)
		json_array_append_new(rows, used_row(c, images));
	if (v->quiet)
		print_ids(rows);
	else if (kind == FORMAT_JSON)
		out_json_line(rows, stdout);
	else if (kind == FORMAT_TABLE)
		print_used(rows);
	else if (format_rows(v->format, rows, stdout, &err) < 0)
		return cli_fail(cli, &err);
	return 0;
}

const struct command cmd_images = {
	.name = "images",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "List the images of the project's containers",
	.options = project_options,
	.values_size = sizeof(struct values),
	.run = project_images_run,
	.dry_run = DRY_READS,
};

/* ---- rmi */

static const struct option_def rmi_options[] = {
	{'f', "force", OPTION_FLAG, offsetof(struct values, force), NULL,
	 "Also when stopped containers use it, or by id when it has several names"},
	{0, "no-prune", OPTION_FLAG, offsetof(struct values, no_prune), NULL,
	 "Keep layers that nothing refers to any more"},
	{0},
};

static int rmi_one(struct cli *cli, const struct values *v, const char *name)
{
	auto_free char *path = image_target(name);
	auto_free char *target = xasprintf("%s?force=%d&no_prune=%d", path, v->force, v->no_prune);
	auto_json json_t *removed = NULL;
	struct error err = ERROR_INIT;
	const char *key;
	json_t *entry, *value;
	size_t i;

	if (client_call(cli->socket_path, true, "DELETE", target, NULL, &removed, &err) < 0)
		return cli_fail(cli, &err);
	json_array_foreach (removed, i, entry)
		json_object_foreach (entry, key, value)
			printf("%s: %s\n", !strcmp(key, "deleted") ? "Deleted" : "Untagged",
			       json_string_value(value));
	return 0;
}

static int rmi_run(struct cli *cli, const void *values, int argc, char **argv)
{
	int i, status = 0;

	if (!argc)
		return cli_usage(cli, "\"cmp rmi\" requires at least 1 argument: IMAGE");
	for (i = 0; i < argc; i++)
		status |= rmi_one(cli, values, argv[i]);
	return status;
}

const struct command cmd_rmi = {
	.name = "rmi",
	.usage = "[OPTIONS] IMAGE...",
	.summary = "Remove images",
	.options = rmi_options,
	.values_size = sizeof(struct values),
	.run = rmi_run,
};

/* ---- import */

static const struct option_def import_options[] = {
	{'c', "change", OPTION_STRV, offsetof(struct values, changes), "INSTRUCTION",
	 "Dockerfile instruction to apply, like 'CMD [\"/app\"]' (repeatable)"},
	{'m', "message", OPTION_STR, offsetof(struct values, message), "TEXT",
	 "Comment of the image"},
	{0, "platform", OPTION_STR, offsetof(struct values, platform), "OS/ARCH",
	 "Platform of the image (default: this machine's)"},
	{0},
};

/* A directory is packed by the system's tar. */
static int open_directory(const char *path, pid_t *ret_pid, struct error *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "read %s", path);
	pid = fork();
	if (pid == 0) {
		if (dup3(fds[1], STDOUT_FILENO, 0) < 0)
			_exit(127);
		execlp("tar", "tar", "--numeric-owner", "--xattrs", "-C", path, "-cf", "-", ".",
		       (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return error_sys(err, errno, "run tar");
	}
	*ret_pid = pid;
	return fds[0];
}

static int open_source(const char *path, pid_t *ret_pid, struct error *err)
{
	struct stat st;
	int fd;

	if (!strcmp(path, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, errno, "open %s", path);
	if (!S_ISDIR(st.st_mode))
		return fd;
	close(fd);
	return open_directory(path, ret_pid, err);
}

static char *import_target(const struct values *v, const char *name)
{
	auto_json json_t *changes = json_strv(v->changes);
	auto_free char *text = json_text(changes);
	auto_buf struct buf target = BUF_INIT;
	const char *values[] = {"name",	    name,	 "message", v->message,
				"platform", v->platform, "change",  text};
	size_t i;

	buf_adds(&target, "/cmp/v1/images/import?");
	for (i = 0; i < ARRAY_LEN(values); i += 2) {
		if (!values[i + 1])
			continue;
		buf_addf(&target, "%s=", values[i]);
		http_percent_encode(&target, values[i + 1]);
		buf_addc(&target, '&');
	}
	return buf_steal(&target);
}

static int check_tar(pid_t pid, const char *path, struct error *err)
{
	int status = 0;

	if (pid <= 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, EIO, "tar could not read all of %s", path);
}

static int import(struct cli *cli, const struct values *v, const char *path, const char *name,
		  json_t **ret, struct error *err)
{
	auto_free char *target = import_target(v, name);
	struct error ignored = ERROR_INIT;
	pid_t pid = 0;
	auto_fd int fd = open_source(path, &pid, err);
	int r = fd < 0 ? fd : cli_upload(cli, target, fd, path, ret, err);

	if (fd >= 0)
		close(steal_fd(&fd));
	if (r >= 0)
		r = check_tar(pid, path, err);
	else if (pid > 0)
		check_tar(pid, path, &ignored);
	return r;
}

static int import_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_json json_t *reply = NULL;
	struct error err = ERROR_INIT;

	if (argc < 1 || argc > 2)
		return cli_usage(
			cli, "\"cmp import\" requires 1 or 2 arguments: DIR|TAR|- [NAME[:TAG]]");
	if (import(cli, values, argv[0], argc > 1 ? argv[1] : NULL, &reply, &err) < 0) {
		error_wrap(&err, "import %s", argv[0]);
		return cli_fail(cli, &err);
	}
	puts(json_get_str(reply, "id"));
	return 0;
}

const struct command cmd_import = {
	.name = "import",
	.usage = "[OPTIONS] DIR|TAR|- [NAME[:TAG]]",
	.summary = "Make an image from a directory or a tar file",
	.options = import_options,
	.values_size = sizeof(struct values),
	.run = import_run,
};

/* ---- the same as verbs of cmp image */

const struct command cmd_image_ls = {
	.name = "ls",
	.usage = "[OPTIONS] [NAME]",
	.summary = "List images",
	.options = images_options,
	.values_size = sizeof(struct values),
	.run = images_run,
	.dry_run = DRY_READS,
};

const struct command cmd_image_rm = {
	.name = "rm",
	.usage = "[OPTIONS] IMAGE...",
	.summary = "Remove images",
	.options = rmi_options,
	.values_size = sizeof(struct values),
	.run = rmi_run,
};
