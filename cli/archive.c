/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp image save, cmp image load: images as archives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "cli/client.h"
#include "cli/verbs.h"

#define TAR_END 1024 /* zeros at the end of every tar */

struct values {
	char *input, *output;
	bool quiet;
};

/* ---- save */

static const struct option_def save_options[] = {
	{'o', "output", OPTION_STR, offsetof(struct values, output), "FILE",
	 "Write to a file (default: standard output)"},
	{0},
};

struct download {
	int fd;
	size_t zeros; /* at the end of what has come */
};

static int on_data(void *arg, const char *data, size_t len)
{
	struct download *d = arg;
	struct error err = ERROR_INIT;
	size_t zeros = 0;

	while (zeros < len && !data[len - 1 - zeros])
		zeros++;
	d->zeros = zeros == len ? d->zeros + len : zeros;
	return file_write_all(d->fd, data, len, &err) < 0 ? err.code : 0;
}

static int download(struct cli *cli, const char *target, int fd, struct error *err)
{
	static const struct client_events events = {.on_data = on_data};
	struct download d = {.fd = fd};
	struct client *c = NULL;
	int r = client_open(cli->socket_path, true, &c, err);

	if (r == 0)
		r = client_send(c, "GET", target, NULL, false, err);
	if (r == 0)
		r = client_drain(c, &events, &d, err);
	client_free(c);
	if (r == 0 && d.zeros < TAR_END)
		r = error_set(err, EIO, "the archive broke off; the supervisor's log says why");
	return r;
}

static int save_to_file(struct cli *cli, const char *target, const char *path, struct error *err)
{
	auto_free char *part = xasprintf("%s.part", path);
	auto_fd int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = fd < 0 ? error_sys(err, errno, "create %s", part) : download(cli, target, fd, err);

	if (r == 0 && rename(part, path) < 0)
		r = error_sys(err, errno, "create %s", path);
	if (r < 0 && fd >= 0)
		unlink(part);
	return r;
}

static int save_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_buf struct buf target = BUF_INIT;
	struct error err = ERROR_INIT;
	int r;

	if (!argc)
		return cli_usage(cli, "\"cmp image save\" requires at least 1 argument: IMAGE");
	if (!v->output && isatty(STDOUT_FILENO))
		return cli_usage(cli,
				 "an archive is nothing for a terminal: use -o FILE, or a pipe");
	buf_adds(&target, "/cmp/v1/images/save?names=");
	for (int i = 0; i < argc; i++) {
		http_percent_encode(&target, argv[i]);
		if (i + 1 < argc)
			buf_addc(&target, ',');
	}
	r = v->output ? save_to_file(cli, target.data, v->output, &err)
		      : download(cli, target.data, STDOUT_FILENO, &err);
	return r < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_image_save = {
	.name = "save",
	.usage = "[OPTIONS] IMAGE...",
	.summary = "Write images to an archive",
	.options = save_options,
	.values_size = sizeof(struct values),
	.run = save_run,
};

/* ---- load */

static const struct option_def load_options[] = {
	{'i', "input", OPTION_STR, offsetof(struct values, input), "FILE",
	 "Read a file (default: standard input)"},
	{'q', "quiet", OPTION_FLAG, offsetof(struct values, quiet), NULL, "Print only ids"},
	{0},
};

static void print_loaded(const json_t *loaded, bool quiet)
{
	json_t *image, *name;
	size_t i, k;

	json_array_foreach ((json_t *)(uintptr_t)loaded, i, image) {
		const json_t *names = json_get_arr(image, "names");

		if (quiet)
			puts(json_get_str(image, "id"));
		else if (!json_array_size(names))
			printf("Loaded image ID: %s\n", json_get_str(image, "id"));
		else
			json_array_foreach ((json_t *)(uintptr_t)names, k, name)
				printf("Loaded image: %s\n", json_string_value(name));
	}
}

static int load_run(struct cli *cli, const void *values, int argc, char **argv)
{
	const struct values *v = values;
	auto_json json_t *loaded = NULL;
	struct error err = ERROR_INIT;
	auto_fd int fd = -1;

	(void)argv;
	if (argc)
		return cli_usage(cli, "\"cmp image load\" takes no argument: use -i FILE");
	if (!v->input && isatty(STDIN_FILENO))
		return cli_usage(
			cli, "an archive does not come from a terminal: use -i FILE, or a pipe");
	fd = v->input ? open(v->input, O_RDONLY | O_CLOEXEC)
		      : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		error_sys(&err, errno, "open %s", v->input ?: "standard input");
	else if (cli_upload(cli, "/cmp/v1/images/load", fd, v->input ?: "standard input", &loaded,
			    &err) < 0)
		error_wrap(&err, "load %s", v->input ?: "standard input");
	if (err.code)
		return cli_fail(cli, &err);
	print_loaded(loaded, v->quiet);
	return 0;
}

const struct command cmd_image_load = {
	.name = "load",
	.usage = "[OPTIONS]",
	.summary = "Read images from an archive of docker save, or an OCI layout",
	.options = load_options,
	.values_size = sizeof(struct values),
	.run = load_run,
};
