/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-copy PLAN: looks at, packs or unpacks a place in a container's tree.  PLAN is a JSON
 *object
 *	{"op": "stat" | "get" | "put", "path": "/clean/absolute", "inside": bool, "keep_kinds":
 *bool, "user": "name or number, as the container has it", "name": what entries begin with, if not
 *	 the last component, "whole": without other file systems,
 *	 "namespace": number of a descriptor of the container's mount namespace, or, when it does
 *not run: "parent", "options", "target", "read_only" of an overlay mount, and "mounts": [{"source",
 *"target", "read_only"}] in the order in which they are made} "inside": the path ended with a
 *slash, what it leads to is meant.  put reads a tar stream, plain or compressed, from standard
 *input; get writes one to descriptor 3.  Standard output gets one line: the stat of the place,
 *{"name", "size", "mode", "mtime_ns", "link"}, or {"error", "code"}.
 */
#include <errno.h>
#include <iconv.h>
#include <locale.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/json.h"
#include "images/copy/copy.h"

static int run(const json_t *plan, json_t **ret, struct error *err)
{
	const char *op = json_get_str(plan, "op"), *path = json_get_str(plan, "path");
	struct archive_place place = {.parent = -1, .fd = -1};
	auto_fd int root = archive_enter(plan, err);
	int r;

	if (root < 0)
		return root;
	if (!op || !path)
		return error_set(err, EINVAL, "the plan has no op or no path");
	r = archive_find(root, path, json_get_bool(plan, "inside") || !strcmp(op, "put"), &place,
			 err);
	if (r == 0 && json_get_str(plan, "name")) {
		free(place.name);
		place.name = xstrdup(json_get_str(plan, "name"));
	}
	if (r == 0 && !strcmp(op, "get"))
		r = archive_pack(&place, json_get_bool(plan, "whole"), err);
	else if (r == 0 && !strcmp(op, "put"))
		r = archive_unpack(root, &place, plan, err);
	if (r == 0)
		*ret = archive_stat(&place);
	archive_place_release(&place);
	return r;
}

int main(int argc, char **argv)
{
	auto_json json_t *plan = NULL, *answer = NULL;
	struct error err = ERROR_INIT;
	auto_free char *text = NULL;

	/* Names in archives are UTF-8; nothing is loaded later, when files are the container's. */
	setlocale(LC_CTYPE, "C.UTF-8");
	iconv_close(iconv_open("UTF-8", "UTF-8"));
	umask(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 2 || json_load_text(argv[1], strlen(argv[1]), &plan, &err) < 0) {
		fprintf(stderr, "usage: cmp-copy PLAN\n");
		return 2;
	}
	if (run(plan, &answer, &err) < 0) {
		answer = json_object();
		json_set_str(answer, "error", err.msg);
		json_set_int(answer, "code", err.code);
	}
	text = json_text(answer);
	return printf("%s\n", text) < 0 || fflush(stdout) != 0;
}
