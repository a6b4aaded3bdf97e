/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Push: a cmp-registry sends what the registry lacks; it asks for the files, and gets descriptors
 * of the store's blobs, which go out byte for byte.  What was pushed is recorded as a source of the
 * image.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/time.h"
#include "images/store_int.h"
#include "images/talk.h"

struct blob {
	char digest[DIGEST_TEXT_MAX];
	int64_t size;
};

struct image_push {
	struct image_op op;
	struct image_store *store;
	struct image_push_args args;
	char *name, *repository, *registry, *path, *reference, *tmp;
	struct image *im;   /* referenced */
	struct blob *blobs; /* and the manifest behind them */
	size_t count;
	json_t *request;
	struct image_talk *talk;
	bool pushed, cancelled;
	int64_t now_ns;
	struct error failure;
};

/* ---- the end */

static void push_free(struct image_push *p)
{
	image_unref(p->im);
	json_decref(p->request);
	free(p->blobs);
	free(p->name);
	free(p->repository);
	free(p->registry);
	free(p->path);
	free(p->reference);
	free(p->tmp);
	free(p);
}

static char *source_of(const struct image_push *p)
{
	return xasprintf("%s@%s", p->repository, p->im->manifest);
}

static int end_work(struct image_op *op, struct error *err)
{
	struct image_push *p = container_of(op, struct image_push, op);
	auto_free char *source = source_of(p);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */

	(void)!file_remove_tree(op->store->dir, p->tmp, &ignored);
	if (!p->pushed) {
		*err = p->failure;
		return -err->code;
	}
	return image_record(op->store,
			    &(struct image_row){.id = p->im->id,
						.manifest = p->im->manifest,
						.source = source,
						.created_ns = p->im->created_ns,
						.pulled_ns = p->now_ns,
						.keep_manifest = true},
			    err);
}

static void end_apply(struct image_op *op)
{
	struct image_push *p = container_of(op, struct image_push, op);
	auto_free char *source = source_of(p);

	if (!p->im->removing)
		image_source_set(op->store, image_entry_of(p->im), source, p->now_ns);
}

static void end_finish(struct image_op *op)
{
	struct image_push *p = container_of(op, struct image_push, op);

	op->store->imports--;
	if (op->error.code)
		error_wrap(&op->error, "push %s", p->name);
	p->args.done(p->args.arg, op->error.code ? NULL : p->im->manifest,
		     op->error.code ? &op->error : NULL);
	push_free(p);
}

static void on_end(void *arg, const struct error *err)
{
	static const struct image_op_kind kind = {NULL, end_work, end_apply, end_finish};
	struct image_push *p = arg;

	p->talk = NULL;
	p->now_ns = time_now_ns();
	if (!p->pushed && !p->failure.code) {
		if (err)
			p->failure = *err;
		else
			error_set(&p->failure, EIO, "cmp-registry ended before its work was done");
	}
	image_op_start(p->store, &p->op, &kind);
}

/* ---- the conversation */

static void tell(struct image_push *p, int64_t blob, const char *text, bool done, int64_t current)
{
	struct image_progress progress = {.text = text, .done = done, .current_bytes = current};
	char id[13] = "";

	if (blob >= 0 && (size_t)blob < p->count) {
		str_copy(id, sizeof(id), p->blobs[blob].digest + strlen("sha256:"));
		progress.layer = id;
		progress.total_bytes = current ? p->blobs[blob].size : 0;
	}
	if (p->args.progress && !p->cancelled && progress.layer)
		p->args.progress(p->args.arg, &progress);
}

static void on_want(struct image_push *p, const json_t *o)
{
	int64_t n = json_get_int(o, "blob", -1);
	struct error err = ERROR_INIT;
	auto_free char *path = NULL;
	auto_fd int fd = -1;

	if (n < 0 || (size_t)n > p->count)
		return;
	path = xasprintf(IMAGE_BLOB_DIR "/%s", p->blobs[n].digest + strlen("sha256:"));
	fd = openat(p->store->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		error_sys(&err, errno, "open the blob %s", p->blobs[n].digest);
	if (!err.code)
		(void)!image_talk_send(p->talk, REGISTRY_GIVE, json_object(), fd, &err);
	if (!err.code)
		return;
	p->failure = err;
	image_talk_kill(p->talk);
}

static void on_state(struct image_push *p, const json_t *o)
{
	const char *text = json_get_str(o, "text");

	if (text && str_printable(text))
		tell(p, json_get_int(o, "blob", -1), text, json_get_bool(o, "done"), 0);
}

static void on_sent(struct image_push *p, const json_t *o)
{
	tell(p, json_get_int(o, "blob", -1), "Pushing", false, json_get_int(o, "bytes", 0));
}

static void on_note(struct image_push *p, const json_t *o)
{
	const char *text = json_get_str(o, "text");
	struct image_progress progress = {.text = text, .retry = true};

	if (text && str_printable(text) && p->args.progress && !p->cancelled)
		p->args.progress(p->args.arg, &progress);
}

static void on_pushed(struct image_push *p, const json_t *o)
{
	(void)o;
	p->pushed = !p->failure.code;
	image_talk_kill(p->talk);
}

static void on_failed(struct image_push *p, const json_t *o)
{
	const char *message = json_get_str(o, "message");

	if (!p->failure.code)
		error_set(&p->failure, (int)MIN(MAX(json_get_int(o, "code", EIO), 1), 4095), "%s",
			  message && str_printable(message) ? message : "cmp-registry failed");
	image_talk_kill(p->talk);
}

static void on_frame(void *arg, enum registry_frame kind, const char *data, size_t len)
{
	static void (*const handlers[REGISTRY_FRAME_MAX])(struct image_push *, const json_t *) = {
		[REGISTRY_WANT] = on_want,     [REGISTRY_STATE] = on_state,
		[REGISTRY_SENT] = on_sent,     [REGISTRY_NOTE] = on_note,
		[REGISTRY_PUSHED] = on_pushed, [REGISTRY_FAILED] = on_failed,
	};
	struct image_push *p = arg;
	auto_json json_t *o = NULL;
	struct error err = ERROR_INIT;

	if (handlers[kind] && json_load_text(data, len, &o, &err) == 0) {
		handlers[kind](p, o);
		return;
	}
	error_set(&p->failure, EBADMSG, "the conversation with cmp-registry is damaged");
	image_talk_kill(p->talk);
}

/* ---- the request */

/* A repository of the same registry from which an image with this blob was pulled, or to which it
 * was pushed. */
static char *mount_source(const struct image_push *p, const char *digest)
{
	auto_free char *prefix = xasprintf("%s/", p->registry);
	const char *hex = digest + strlen("sha256:");
	struct image_entry *e;

	list_for_each (e, &p->store->images, link) {
		if (e->im.removing || !strv_has(e->blobs, hex))
			continue;
		for (char **s = e->sources; s && *s; s++) {
			const char *rest = str_skip(*s, prefix);
			size_t len = rest ? strcspn(rest, "@") : 0;

			if (rest && (strlen(p->path) != len || strncmp(rest, p->path, len) != 0))
				return xstrndup(rest, len);
		}
	}
	return NULL;
}

static void add_blob(struct image_push *p, json_t *list, const json_t *descriptor)
{
	const char *digest = json_get_str(descriptor, "digest");
	auto_free char *mount = NULL;
	json_t *o;

	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->blobs[i].digest, digest))
			return;
	if (!digest || !digest_valid(digest))
		return; /* checked when the image was loaded */
	mount = mount_source(p, digest);
	str_copy(p->blobs[p->count].digest, DIGEST_TEXT_MAX, digest);
	p->blobs[p->count++].size = json_get_int(descriptor, "size", 0);
	o = json_object();
	json_set_str(o, "digest", digest);
	json_set_int(o, "size", json_get_int(descriptor, "size", 0));
	json_set_str(o, "mount", mount);
	json_array_append_new(list, o);
}

static int read_manifest(struct image_push *p, struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_BLOB_DIR "/%s", p->im->manifest + strlen("sha256:"));
	auto_json json_t *manifest = NULL;
	auto_buf struct buf text = BUF_INIT;
	json_t *list = json_array(), *about = json_object(), *layer;
	size_t i;

	json_set_new(p->request, "blobs", list);
	json_set_new(p->request, "manifest", about);
	if (file_read(p->store->dir, path, IMAGE_MANIFEST_MAX, &text, err) < 0 ||
	    json_load_text(text.data ?: "", text.len, &manifest, err) < 0)
		return -err->code;
	p->blobs =
		xcalloc(json_array_size(json_get_arr(manifest, "layers")) + 2, sizeof(*p->blobs));
	json_array_foreach (json_get_arr(manifest, "layers"), i, layer)
		add_blob(p, list, layer);
	add_blob(p, list, json_get_obj(manifest, "config"));
	str_copy(p->blobs[p->count].digest, DIGEST_TEXT_MAX, p->im->manifest);
	json_set_str(about, "type",
		     json_get_str(manifest, "mediaType")
			     ?: "application/vnd.oci.image.manifest.v1+json");
	json_set_int(about, "size", (int64_t)text.len);
	return 0;
}

static int take_args(struct image_push *p, const char *name, const json_t *auth, struct error *err)
{
	auto_reference struct image_reference r = {0};
	char id[DIGEST_HEX_MAX];

	if (image_reference_parse(name, &r, err) < 0)
		return -err->code;
	if (r.digest)
		return error_set(err, EINVAL, "a push needs a name with a tag, not a digest: %s",
				 name);
	if (image_resolve(p->store, name, &p->im, err) < 0)
		return -err->code;
	digest_random_id(id);
	p->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	p->name = xstrdup(name);
	p->repository = xasprintf("%s/%s", r.registry, r.path);
	p->registry = steal_ptr(&r.registry);
	p->path = steal_ptr(&r.path);
	p->reference = steal_ptr(&r.tag);
	json_set_str(p->request, "registry", p->registry);
	json_set_str(p->request, "path", p->path);
	json_set_str(p->request, "reference", p->reference);
	if (auth)
		json_set_new(p->request, "auth", json_incref((json_t *)(uintptr_t)auth));
	return read_manifest(p, err);
}

static int start(struct image_push *p, struct error *err)
{
	auto_free char *root = xasprintf("%s/%s/root", p->store->root, p->tmp);
	struct image_talk_args args = {.root = root, .frame = on_frame, .done = on_end, .arg = p};

	if (image_talk_start(p->store->loop, &args, &p->talk, err) < 0)
		return -err->code;
	if (image_talk_send(p->talk, REGISTRY_PUSH, steal_ptr(&p->request), -1, &p->failure) < 0)
		image_talk_kill(p->talk);
	return 0;
}

int image_push_start(struct image_store *s, const struct image_push_args *args,
		     struct image_push **ret, struct error *err)
{
	struct image_push *p = xcalloc(1, sizeof(*p));

	p->store = s;
	p->args = *args;
	p->request = json_object();
	if (take_args(p, args->name, args->auth, err) < 0 || start(p, err) < 0) {
		error_wrap(err, "push %s", args->name);
		push_free(p);
		return -err->code;
	}
	s->imports++;
	*ret = p;
	return 0;
}

void image_push_cancel(struct image_push *p)
{
	p->cancelled = true;
	if (!p->talk)
		return;
	if (!p->failure.code)
		error_set(&p->failure, ECANCELED, "the push was cancelled");
	image_talk_kill(p->talk);
}
