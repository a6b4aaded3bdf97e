/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a registry take these credentials?  A cmp-registry asks; what it has to say comes as its
 * end. */
#include <errno.h>

#include "base/file.h"
#include "images/store_int.h"
#include "images/talk.h"

struct check {
	struct image_store *store;
	char *tmp; /* below the store */
	void (*done)(void *arg, const struct error *err);
	void *arg;
};

/* A directory that was mounted on, and is empty. */
static void check_free(struct check *c)
{
	struct error ignored = ERROR_INIT;

	(void)!file_remove_tree(c->store->dir, c->tmp, &ignored);
	free(c->tmp);
	free(c);
}

static void on_frame(void *arg, enum registry_frame kind, const char *data, size_t len)
{
	(void)arg;
	(void)kind;
	(void)data;
	(void)len;
}

static void on_end(void *arg, const struct error *err)
{
	struct check *c = arg;
	struct check copy = *c;

	copy.store->imports--;
	check_free(c);
	copy.done(copy.arg, err);
}

/* docker.io is the one whose paths get longer. */
static int check_name(const char *registry, struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_free char *name = xasprintf("%s/x", registry ?: "");
	struct error bad = ERROR_INIT;

	if (!str_empty(registry) && image_reference_parse(name, &r, &bad) == 0 &&
	    (!strcmp(r.path, "x") || !strcmp(registry, "docker.io")))
		return 0;
	return error_set(err, EINVAL, "this is no registry: %s",
			 registry && str_printable(registry) ? registry : "");
}

int image_registry_check(struct image_store *s, const char *registry, const json_t *auth,
			 void (*done)(void *arg, const struct error *err), void *arg,
			 struct error *err)
{
	struct check *c;
	struct image_talk *talk;
	auto_free char *root = NULL;
	json_t *request;
	char id[DIGEST_HEX_MAX];

	if (check_name(registry, err) < 0)
		return -err->code;
	c = xcalloc(1, sizeof(*c));
	digest_random_id(id);
	*c = (struct check){
		.store = s, .tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id), .done = done, .arg = arg};
	root = xasprintf("%s/%s", s->root, c->tmp);
	if (image_talk_start(s->loop,
			     &(struct image_talk_args){
				     .root = root, .frame = on_frame, .done = on_end, .arg = c},
			     &talk, err) < 0) {
		check_free(c);
		return -err->code;
	}
	s->imports++;
	request = json_object();
	json_set_str(request, "registry", registry);
	json_set_new(request, "auth", json_incref((json_t *)(uintptr_t)auth));
	if (image_talk_send(talk, REGISTRY_CHECK, request, -1, err) < 0)
		image_talk_kill(talk); /* its end says so */
	*err = ERROR_INIT;
	return 0;
}
