/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The digest that a name stands for at its registry now, without fetching the image: a cmp-registry
 * is asked as for a pull and sent away as soon as it has shown the index, or the manifest where
 * there is no index.
 */
#include <errno.h>

#include "base/file.h"
#include "images/store_int.h"
#include "images/talk.h"

struct resolving {
	struct image_store *store;
	struct image_talk *talk;
	char *tmp; /* below the store */
	char digest[DIGEST_TEXT_MAX];
	struct error failure;
	image_resolved done;
	void *arg;
};

static void end(struct resolving *r)
{
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */
	const struct error *err = r->failure.code ? &r->failure : NULL;

	(void)!file_remove_tree(r->store->dir, r->tmp, &ignored);
	r->done(r->arg, err ? NULL : r->digest, err);
	free(r->tmp);
	free(r);
}

static void on_frame(void *arg, enum registry_frame kind, const char *data, size_t len)
{
	struct resolving *r = arg;
	auto_json json_t *failed = NULL;
	char hex[DIGEST_HEX_MAX];

	if (kind == REGISTRY_INDEX || kind == REGISTRY_MANIFEST) {
		digest_of(data, len, hex);
		snprintf(r->digest, sizeof(r->digest), "sha256:%s", hex);
		image_talk_kill(r->talk);
	} else if (kind == REGISTRY_FAILED &&
		   json_load_text(data, len, &failed, &r->failure) == 0) {
		(void)!error_set(&r->failure, (int)json_get_int(failed, "code", EIO), "%s",
				 json_get_str(failed, "message") ?: "the registry failed");
	}
}

static void on_talk_end(void *arg, const struct error *err)
{
	struct resolving *r = arg;

	if (!*r->digest && !r->failure.code && err)
		r->failure = *err;
	if (!*r->digest && !r->failure.code)
		(void)!error_set(&r->failure, EIO, "the registry showed no manifest");
	end(r);
}

static json_t *request_of(const struct image_reference *ref, const json_t *auth)
{
	json_t *o = json_object();

	json_set_str(o, "registry", ref->registry);
	json_set_str(o, "path", ref->path);
	json_set_str(o, "reference", ref->digest ?: ref->tag);
	if (auth)
		json_set_new(o, "auth", json_incref((json_t *)(uintptr_t)auth));
	return o;
}

int image_digest(struct image_store *s, const char *name, const json_t *auth, image_resolved done,
		 void *arg, struct error *err)
{
	auto_reference struct image_reference ref = {0};
	struct resolving *r;
	auto_free char *root = NULL;
	struct image_talk_args args = {.frame = on_frame, .done = on_talk_end};
	char id[DIGEST_HEX_MAX];

	if (image_reference_parse(name, &ref, err) < 0)
		return -err->code;
	r = xcalloc(1, sizeof(*r));
	r->store = s;
	r->done = done;
	r->arg = arg;
	digest_random_id(id);
	r->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	root = xasprintf("%s/%s/root", s->root, r->tmp);
	args.root = root;
	args.arg = r;
	if (image_talk_start(s->loop, &args, &r->talk, err) < 0) {
		free(r->tmp);
		free(r);
		return -err->code;
	}
	if (image_talk_send(r->talk, REGISTRY_PULL, request_of(&ref, auth), -1, &r->failure) < 0)
		image_talk_kill(r->talk); /* its end is told by `done` */
	return 0;
}
