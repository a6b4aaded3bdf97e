/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-layer [--overlay] [--verbatim] [--passing] ROOT BLOB [MAX-BYTES]: unpacks the tar stream on
 * standard input (plain or compressed) into the existing directory ROOT and keeps it in the new
 *file BLOB ("-": nowhere).  --overlay: there are layers below, whiteouts hide what they have.
 * --verbatim: BLOB is the stream byte for byte.  --passing: nobody keeps it, nothing is put on
 *disk. On success one JSON line on standard output, written after everything is on disk:
 *	{"diff_id", "digest", "media_type", "blob_bytes", "tree_bytes"}
 * cmp-layer --step: one step of a build, see step.h.
 * On failure one sentence on standard error and exit status 1; the caller removes what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "images/layer/confine.h"
#include "images/layer/source.h"
#include "images/layer/step.h"
#include "images/layer/unpack.h"

#define MAX_BYTES_DEFAULT ((uint64_t)100 << 30)
#define EXIT_USAGE	  2

struct options {
	bool overlay, verbatim, passing;
	const char *root, *blob;
	uint64_t max_bytes;
};

static int parse_options(int argc, char **argv, struct options *o)
{
	int at = 1;

	o->max_bytes = MAX_BYTES_DEFAULT;
	for (; at < argc && str_starts(argv[at], "--"); at++) {
		o->overlay |= !strcmp(argv[at], "--overlay");
		o->verbatim |= !strcmp(argv[at], "--verbatim");
		o->passing |= !strcmp(argv[at], "--passing");
	}
	if (argc - at < 2 || argc - at > 3)
		return -EINVAL;
	o->root = argv[at++];
	o->blob = argv[at++];
	return at < argc ? parse_u64(argv[at], &o->max_bytes) : 0;
}

static int report(const struct layer_digests *d, const struct unpack_result *u, struct error *err)
{
	auto_json json_t *line = json_object();
	auto_free char *text = NULL;

	json_set_str(line, "diff_id", d->diff_id);
	json_set_str(line, "digest", d->digest);
	json_set_str(line, "media_type", d->media_type);
	json_set_int(line, "blob_bytes", (int64_t)d->blob_bytes);
	json_set_int(line, "tree_bytes", (int64_t)u->tree_bytes);
	text = json_text(line);
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		return error_sys(err, errno, "report the result");
	return 0;
}

static int run(const struct options *o, struct error *err)
{
	struct confine_args confinement = {
		.root = o->root, .file_bytes = o->max_bytes, .overlay = o->overlay};
	struct layer_source_args stream = {
		.fd = STDIN_FILENO, .verbatim = o->verbatim, .max_bytes = o->max_bytes};
	struct unpack_args args = {
		.max_bytes = o->max_bytes, .pad = o->verbatim, .overlay = o->overlay};
	AUTO(layer_source_free) struct layer_source *source = NULL;
	struct unpack_result result;
	struct layer_digests digests;
	auto_fd int blob = -1, root = -1;

	if (strcmp(o->blob, "-") != 0)
		blob = open(o->blob, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (blob < 0 && strcmp(o->blob, "-") != 0)
		return error_sys(err, errno, "create %s", o->blob);
	root = confine(&confinement, err);
	if (root < 0)
		return root;
	stream.blob_fd = blob;
	args.root = root;
	if (layer_source_new(&stream, &source, err) < 0)
		return -err->code;
	args.source = source;
	if (unpack(&args, &result, err) < 0 || layer_source_finish(source, &digests, err) < 0)
		return -err->code;
	if ((!o->passing && syncfs(root) < 0) || (blob >= 0 && fsync(blob) < 0))
		return error_sys(err, errno, "write to disk");
	return report(&digests, &result, err);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct error err = ERROR_INIT;

	/* Names in archives are UTF-8; the table is built in, nothing is loaded later. */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0);
	/* Nobody waits for the result of an orphan. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 2 && !strcmp(argv[1], "--step")) {
		if (step_run(&err) == 0)
			return EXIT_SUCCESS;
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILURE;
	}
	if (parse_options(argc, argv, &o) < 0) {
		fprintf(stderr,
			"usage: cmp-layer [--overlay] [--verbatim] [--passing] ROOT BLOB [MAX-BYTES] "
			"< TAR\n");
		return EXIT_USAGE;
	}
	if (run(&o, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
