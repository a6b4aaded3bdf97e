/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a registry take these credentials?  A cmp-registry asks; what it has to say comes as its
 * end. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "images/helper.h"
#include "images/registry/protocol.h"
#include "images/store_int.h"

struct check {
	struct image_store *store;
	char *tmp; /* below the store */
	int socket;
	void (*done)(void *arg, const struct error *err);
	void *arg;
};

/* A directory that was mounted on, and is empty. */
static void remove_root(struct check *c)
{
	struct error ignored = ERROR_INIT;

	(void)!file_remove_tree(c->store->dir, c->tmp, &ignored);
}

static void check_free(struct check *c)
{
	if (c->socket >= 0)
		close(c->socket);
	free(c->tmp);
	free(c);
}

static void on_end(void *arg, const char *output, const struct error *err)
{
	struct check *c = arg;

	(void)output;
	c->store->imports--;
	remove_root(c);
	c->done(c->arg, err);
	check_free(c);
}

static int start(struct check *c, const char *registry, const json_t *auth, struct error *err)
{
	auto_free char *root = xasprintf("%s/%s", c->store->root, c->tmp), *text = NULL;
	const char *const argv[] = {root, NULL};
	struct image_helper_args args = {.program = "cmp-registry",
					 .argv = argv,
					 .pass = image_registry_environment,
					 .input = -1,
					 .done = on_end,
					 .arg = c};
	auto_json json_t *request = json_object();
	struct image_helper *helper;
	int fds[2], r;

	json_set_str(request, "registry", registry);
	json_set_new(request, "auth", json_incref((json_t *)(uintptr_t)auth));
	text = json_text(request);
	if (file_mkdir_p(root, 0755, err) < 0)
		return -err->code;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, errno, "make a socket");
	c->socket = fds[0];
	args.socket = fds[1];
	r = registry_frame_send(fds[0], REGISTRY_CHECK, text, strlen(text), -1, err);
	if (r >= 0)
		r = image_helper_start(c->store->loop, &args, &helper, err);
	close(fds[1]);
	return r;
}

int image_registry_check(struct image_store *s, const char *registry, const json_t *auth,
			 void (*done)(void *arg, const struct error *err), void *arg,
			 struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_free char *name = xasprintf("%s/x", registry ?: "");
	struct check *c = xcalloc(1, sizeof(*c));
	char id[DIGEST_HEX_MAX];

	c->store = s;
	c->socket = -1;
	c->done = done;
	c->arg = arg;
	digest_random_id(id);
	c->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	if (str_empty(registry) || image_reference_parse(name, &r, err) < 0 ||
	    strcmp(r.path, "x") != 0) {
		/* docker.io is the one whose paths get longer. */
		if (!str_eq(registry, "docker.io")) {
			error_set(err, EINVAL, "this is no registry: %s",
				  registry && str_printable(registry) ? registry : "");
			check_free(c);
			return -err->code;
		}
		*err = ERROR_INIT;
	}
	if (start(c, registry, auth, err) < 0) {
		remove_root(c);
		check_free(c);
		return -err->code;
	}
	s->imports++;
	return 0;
}
