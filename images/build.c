/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See build.h. */
#include "images/build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "images/store_int.h"

#define MARKER_MAX     ((size_t)64 << 10)
#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"

struct image_build {
	struct image_op op;
	struct list link; /* in store.builds */
	struct image_store *store;
	char *tmp, *dir; /* "tmp/ID", and absolute */
	struct image_layer **layers;
	size_t layer_count;
	struct image **bases; /* referenced */
	size_t base_count;
	/* the end */
	struct image_build_result result;
	char **asked; /* names as given */
	char **names; /* full */
	char id[DIGEST_TEXT_MAX], manifest[DIGEST_TEXT_MAX];
	struct image_entry *entry; /* made by the worker */
	struct image_entry *known; /* was there before, referenced */
	void (*done)(void *arg, struct image *im, const struct error *err);
	void *arg;
};

/* ---- the session */

int image_build_new(struct image_store *s, struct image_build **ret, struct error *err)
{
	struct image_build *b = xcalloc(1, sizeof(*b));
	char id[DIGEST_HEX_MAX];

	digest_random_id(id);
	b->store = s;
	b->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	b->dir = xasprintf("%s/%s", s->root, b->tmp);
	if (file_mkdir_p(b->dir, 0700, err) < 0) {
		free(b->tmp);
		free(b->dir);
		free(b);
		return -err->code;
	}
	list_append(&s->builds, &b->link);
	s->imports++;
	*ret = b;
	return 0;
}

const char *image_build_dir(const struct image_build *b)
{
	return b->dir;
}

static void build_free(struct image_build *b)
{
	list_remove(&b->link);
	b->store->imports--;
	for (size_t i = 0; i < b->layer_count; i++) {
		struct image_layer *l = b->layers[i];

		json_decref(l->result);
		free(l->path);
		free(l->tmp);
		free(l->key);
		free(l->text);
		free(l);
	}
	for (size_t i = 0; i < b->base_count; i++)
		image_unref(b->bases[i]);
	free(b->layers);
	free(b->bases);
	json_decref(b->result.document);
	free(b->result.layers);
	strv_free(b->asked);
	strv_free(b->names);
	free(b->tmp);
	free(b->dir);
	free(b);
}

static struct image_layer *new_layer(struct image_build *b)
{
	struct image_layer *l = xcalloc(1, sizeof(*l));

	b->layers = xreallocarray(b->layers, b->layer_count + 1, sizeof(struct image_layer *));
	b->layers[b->layer_count++] = l;
	return l;
}

void image_build_base(struct image_build *b, struct image *im, struct image_layer ***ret,
		      size_t *ret_count)
{
	const struct image_entry *e = image_entry_of(im);
	size_t count = strv_len(im->layers);
	struct image_layer **list = xcalloc(count + 1, sizeof(struct image_layer *));

	b->bases = xreallocarray(b->bases, b->base_count + 1, sizeof(struct image *));
	b->bases[b->base_count++] = image_ref(im);
	for (size_t i = 0; i < count; i++) {
		list[i] = new_layer(b);
		list[i]->path = xstrdup(im->layers[i]);
		str_copy(list[i]->chain, sizeof(list[i]->chain), e->chains[i]);
		str_copy(list[i]->diff_id, sizeof(list[i]->diff_id), im->diff_ids[i]);
	}
	*ret = list;
	*ret_count = count;
}

struct image *image_build_draft(struct image_build *b, char *const *paths)
{
	struct image_entry *e = xcalloc(1, sizeof(*e));

	(void)b;
	list_init(&e->link);
	e->im.refs = 1;
	e->im.document = json_object();
	json_set_new(e->im.document, "config", json_object());
	e->im.config = json_get_obj(e->im.document, "config");
	e->im.layers = strv_dup(paths);
	snprintf(e->im.id, sizeof(e->im.id), "sha256:%064d", 0);
	return &e->im;
}

/* ---- the cache */

static int read_marker(const struct image_store *s, const char *chain, json_t **ret)
{
	auto_free char *path = xasprintf(IMAGE_LAYER_DIR "/%s/done", chain);
	auto_buf struct buf text = BUF_INIT;
	struct error ignored = ERROR_INIT;
	const char *diff, *digest;

	if (file_read(s->dir, path, MARKER_MAX, &text, &ignored) < 0 ||
	    json_load_text(text.data ?: "", text.len, ret, &ignored) < 0)
		return -ignored.code;
	diff = json_get_str(*ret, "diff_id");
	digest = json_get_str(*ret, "digest");
	return diff && digest && digest_valid(diff) && digest_valid(digest) ? 0 : -EINVAL;
}

/* The chain that a key leads to. */
static bool read_link(const struct image_store *s, const char *key, char ret[DIGEST_HEX_MAX])
{
	auto_free char *path = xasprintf(IMAGE_CACHE_DIR "/%s", key);
	ssize_t n = readlinkat(s->dir, path, ret, DIGEST_HEX_MAX);

	if (n != DIGEST_HEX_MAX - 1)
		return false;
	ret[n] = '\0';
	return image_reference_is_id(ret);
}

static struct image_layer *made_here(const struct image_build *b, const char *key)
{
	for (size_t i = 0; i < b->layer_count; i++)
		if (b->layers[i]->tmp && str_eq(b->layers[i]->key, key))
			return b->layers[i];
	return NULL;
}

struct image_layer *image_build_cached(struct image_build *b, const char *key)
{
	const struct image_store *s = b->store;
	struct image_layer *l = made_here(b, key);
	auto_free char *path = xasprintf(IMAGE_CACHE_DIR "/%s", key);
	auto_json json_t *marker = NULL;
	char chain[DIGEST_HEX_MAX];

	if (l || s->pruning || !read_link(s, key, chain) || read_marker(s, chain, &marker) < 0 ||
	    !image_blob_exists(s, json_get_str(marker, "digest")))
		return l;
	/* When it was last of use is the time of the link. */
	(void)!utimensat(s->dir, path, NULL, AT_SYMLINK_NOFOLLOW);
	l = new_layer(b);
	str_copy(l->chain, sizeof(l->chain), chain);
	str_copy(l->diff_id, sizeof(l->diff_id), json_get_str(marker, "diff_id"));
	l->path = xasprintf("%s/" IMAGE_LAYER_DIR "/%s/fs", s->root, chain);
	l->created_ns = json_get_int(marker, "created_ns", 0);
	return l;
}

int image_build_add(struct image_build *b, const char *below, const char *key, const char *text,
		    const char *dir, const char *result, struct image_layer **ret,
		    struct error *err)
{
	const char *relative = str_skip(dir, b->store->root);
	auto_json json_t *doc = NULL;
	struct image_layer *l;

	if (image_layer_result(result, &doc, err) < 0)
		return -err->code;
	l = new_layer(b);
	l->created_ns = time_now_ns();
	json_set_str(doc, "created_by", text);
	json_set_int(doc, "created_ns", l->created_ns);
	str_copy(l->chain, sizeof(l->chain), below);
	str_copy(l->diff_id, sizeof(l->diff_id), json_get_str(doc, "diff_id"));
	image_chain_next(l->chain, l->diff_id);
	l->path = xasprintf("%s/layer/fs", dir);
	l->tmp = xstrdup(relative ? relative + 1 : dir);
	l->key = xstrdup(key);
	l->text = xstrdup(text);
	l->result = steal_ptr(&doc);
	*ret = l;
	return 0;
}

/* ---- what is needed */

void image_builds_live(const struct image_store *s, void (*chain)(void *arg, const char *hex),
		       void *arg)
{
	const struct image_build *b;

	list_for_each (b, &s->builds, link)
		for (size_t i = 0; i < b->layer_count; i++)
			chain(arg, b->layers[i]->chain);
}

static DIR *open_cache(const struct image_store *s, struct error *err)
{
	int fd = openat(s->dir, IMAGE_CACHE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		error_sys(err, errno, "open %s", IMAGE_CACHE_DIR);
	return d;
}

int image_cache_live(const struct image_store *s, void (*blob)(void *arg, const char *hex),
		     void (*chain)(void *arg, const char *hex), void *arg, struct error *err)
{
	DIR *d = open_cache(s, err);
	struct dirent *e;

	if (!d)
		return -err->code;
	while ((e = readdir(d))) {
		auto_json json_t *marker = NULL;
		char hex[DIGEST_HEX_MAX];

		if (e->d_name[0] == '.' || !read_link(s, e->d_name, hex) ||
		    read_marker(s, hex, &marker) < 0)
			continue;
		chain(arg, hex);
		blob(arg, strchr(json_get_str(marker, "digest"), ':') + 1);
	}
	closedir(d);
	return 0;
}

/* ---- the end */

static int put_link(const struct image_store *s, const struct image_layer *l, struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_CACHE_DIR "/%s", l->key);
	auto_free char *temporary = xasprintf(IMAGE_CACHE_DIR "/.%s", l->key);

	unlinkat(s->dir, temporary, 0);
	if (symlinkat(l->chain, s->dir, temporary) < 0 ||
	    renameat(s->dir, temporary, s->dir, path) < 0)
		return error_sys(err, errno, "remember a layer");
	return 0;
}

static int put_layers(struct image_build *b, struct error *err)
{
	bool synced = false;

	for (size_t i = 0; i < b->layer_count; i++) {
		const struct image_layer *l = b->layers[i];

		if (!l->tmp)
			continue;
		if (!synced && syncfs(b->store->dir) < 0)
			return error_sys(err, errno, "put the layers on disk");
		synced = true;
		if (image_layer_put(b->store, l->tmp, l->chain, l->result, err) < 0 ||
		    put_link(b->store, l, err) < 0)
			return -err->code;
	}
	return 0;
}

static json_t *descriptor(const char *media_type, const char *digest, int64_t size)
{
	json_t *o = json_object();

	json_set_str(o, "mediaType", media_type);
	json_set_str(o, "digest", digest);
	json_set_int(o, "size", size);
	return o;
}

static int make_manifest(struct image_build *b, size_t config_bytes, json_t **ret,
			 struct error *err)
{
	json_t *o = json_object(), *layers = json_array();

	*ret = o;
	json_set_int(o, "schemaVersion", 2);
	json_set_str(o, "mediaType", MEDIA_MANIFEST);
	json_set_new(o, "config", descriptor(MEDIA_CONFIG, b->id, (int64_t)config_bytes));
	json_set_new(o, "layers", layers);
	for (size_t i = 0; i < b->result.layer_count; i++) {
		auto_json json_t *m = NULL;

		if (read_marker(b->store, b->result.layers[i]->chain, &m) < 0)
			return error_set(err, EIO, "layer %s has no valid record",
					 b->result.layers[i]->chain);
		json_array_append_new(layers, descriptor(json_get_str(m, "media_type"),
							 json_get_str(m, "digest"),
							 json_get_int(m, "blob_bytes", 0)));
	}
	return 0;
}

static int put_image(struct image_build *b, struct error *err)
{
	auto_free char *text = json_text(b->result.document), *manifest_text = NULL;
	auto_json json_t *manifest = NULL;
	struct image_row row = {.created_ns = b->result.created_ns};

	if (image_blob_put(b->store, text, strlen(text), b->id, err) < 0 ||
	    make_manifest(b, strlen(text), &manifest, err) < 0)
		return -err->code;
	manifest_text = json_text(manifest);
	if (image_blob_put(b->store, manifest_text, strlen(manifest_text), b->manifest, err) < 0 ||
	    image_entry_load(b->store, b->id, b->manifest, row.created_ns, &b->entry, err) < 0)
		return -err->code;
	row.id = b->id;
	row.manifest = b->manifest;
	row.name = b->names ? b->names[0] : NULL;
	if (image_record(b->store, &row, err) < 0)
		return -err->code;
	for (char **n = b->names ? b->names + 1 : NULL; n && *n; n++) {
		row.name = *n;
		if (image_record(b->store, &row, err) < 0)
			return -err->code;
	}
	return 0;
}

static int end_work(struct image_op *op, struct error *err)
{
	struct image_build *b = container_of(op, struct image_build, op);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */
	int r = b->known ? 0 : put_layers(b, err);

	if (r == 0 && b->result.document && !b->known)
		r = put_image(b, err);
	(void)!file_remove_tree(b->store->dir, b->tmp, &ignored);
	return r;
}

static void end_apply(struct image_op *op)
{
	struct image_build *b = container_of(op, struct image_build, op);

	if (!b->entry)
		return;
	b->entry = image_entry_insert(b->store, b->entry);
	for (char **n = b->names; n && *n; n++)
		image_name_set(b->store, b->entry, *n);
}

static void end_finish(struct image_op *op)
{
	struct image_build *b = container_of(op, struct image_build, op);

	if (op->error.code && b->entry)
		image_unref(&b->entry->im);
	if (op->error.code)
		b->done(b->arg, NULL, &op->error);
	else
		b->done(b->arg, b->known ? &b->known->im : b->entry ? &b->entry->im : NULL, NULL);
	if (b->known)
		image_unref(&b->known->im);
	build_free(b);
}

static int full_names(struct image_build *b, char *const *names, struct error *err)
{
	for (; names && *names; names++) {
		auto_reference struct image_reference r = {0};

		if (image_reference_parse(*names, &r, err) < 0)
			return -err->code;
		if (r.digest)
			return error_set(err, EINVAL,
					 "a name for an image may not have a digest: %s", *names);
		strv_push(&b->names, image_reference_full(&r));
	}
	return 0;
}

/* Everything was found, and the image has been made and named before: nothing is to be written. */
static struct image_entry *made_before(const struct image_build *b)
{
	auto_free char *text = NULL;
	char id[DIGEST_TEXT_MAX] = "sha256:";
	struct image_entry *e;

	for (size_t i = 0; i < b->layer_count; i++)
		if (b->layers[i]->tmp)
			return NULL;
	if (!b->result.document)
		return NULL;
	text = json_text(b->result.document);
	digest_of(text, strlen(text), id + strlen(id));
	e = image_entry_find(b->store, id);
	for (char **n = b->names; e && n && *n; n++)
		if (map_get(b->store->names, *n) != e)
			return NULL;
	return e;
}

static int end_decide(struct image_op *op, struct error *err)
{
	struct image_build *b = container_of(op, struct image_build, op);

	if (full_names(b, b->asked, err) < 0)
		return -err->code;
	b->known = made_before(b);
	if (b->known)
		image_ref(&b->known->im);
	return 0;
}

void image_build_end(struct image_build *b, const struct image_build_result *r,
		     void (*done)(void *arg, struct image *im, const struct error *err), void *arg)
{
	static const struct image_op_kind kind = {end_decide, end_work, end_apply, end_finish};

	b->result = *r;
	b->result.layers = xcalloc(r->layer_count + 1, sizeof(struct image_layer *));
	for (size_t i = 0; i < r->layer_count; i++)
		b->result.layers[i] = r->layers[i];
	b->result.names = NULL;
	b->asked = strv_dup(r->names);
	b->done = done;
	b->arg = arg;
	image_op_start(b->store, &b->op, &kind);
}

/* ---- du and prune */

struct cache_op {
	struct image_op op;
	json_t *entries;
	struct map *used; /* chains of images and of builds */
	void (*done)(void *arg, const json_t *entries, const struct error *err);
	void *arg;
};

static char yes;

static int list_decide(struct image_op *op, struct error *err)
{
	struct cache_op *c = container_of(op, struct cache_op, op);
	struct image_entry *e;

	(void)err;
	c->used = map_new(NULL);
	list_for_each (e, &op->store->images, link)
		for (char **chain = e->chains; chain && *chain; chain++)
			map_set(c->used, *chain, &yes);
	return 0;
}

static json_t *cache_entry(const struct image_store *s, DIR *d, const char *key,
			   const struct map *used)
{
	auto_json json_t *marker = NULL;
	char chain[DIGEST_HEX_MAX];
	struct stat st;
	json_t *o;

	if (!read_link(s, key, chain) || read_marker(s, chain, &marker) < 0 ||
	    fstatat(dirfd(d), key, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	o = json_object();
	json_set_str(o, "key", key);
	json_set_str(o, "chain", chain);
	json_set_str(o, "text", json_get_str(marker, "created_by"));
	json_set_int(o, "size_bytes", json_get_int(marker, "tree_bytes", 0));
	json_set_int(o, "used_ns", st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec);
	json_set_bool(o, "in_use", map_has(used, chain));
	return o;
}

static int list_work(struct image_op *op, struct error *err)
{
	struct cache_op *c = container_of(op, struct cache_op, op);
	DIR *d = open_cache(op->store, err);
	struct dirent *e;
	json_t *entry;

	if (!d)
		return -err->code;
	c->entries = json_array();
	while ((e = readdir(d))) {
		entry = e->d_name[0] == '.' ? NULL : cache_entry(op->store, d, e->d_name, c->used);
		if (entry)
			json_array_append_new(c->entries, entry);
	}
	closedir(d);
	return 0;
}

static void list_finish(struct image_op *op)
{
	struct cache_op *c = container_of(op, struct cache_op, op);

	c->done(c->arg, c->entries, op->error.code ? &op->error : NULL);
	json_decref(c->entries);
	map_free(c->used);
	free(c);
}

void image_cache_list(struct image_store *s,
		      void (*done)(void *arg, const json_t *entries, const struct error *err),
		      void *arg)
{
	static const struct image_op_kind kind = {list_decide, list_work, NULL, list_finish};
	struct cache_op *c = xcalloc(1, sizeof(*c));

	c->done = done;
	c->arg = arg;
	image_op_start(s, &c->op, &kind);
}

struct prune_op {
	struct image_op op;
	int64_t before_ns;
	void (*done)(void *arg, int64_t freed_bytes, const struct error *err);
	void *arg;
};

static int prune_decide(struct image_op *op, struct error *err)
{
	(void)err;
	op->store->pruning++;
	return 0;
}

/* Only the links go here; what they led to is what the removal of unused layers then finds. */
static int prune_work(struct image_op *op, struct error *err)
{
	struct prune_op *p = container_of(op, struct prune_op, op);
	DIR *d = open_cache(op->store, err);
	struct dirent *e;
	struct stat st;

	if (!d)
		return -err->code;
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!p->before_ns || st.st_mtim.tv_sec * NS_PER_SEC < p->before_ns)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return 0;
}

static void on_pruned(void *arg, const json_t *removed, int64_t freed_bytes,
		      const struct error *err)
{
	struct prune_op *p = arg;

	(void)removed;
	p->op.store->pruning--;
	p->done(p->arg, freed_bytes, err);
	free(p);
}

static void prune_finish(struct image_op *op)
{
	const struct image_prune_args unused = {.images = false};
	struct prune_op *p = container_of(op, struct prune_op, op);

	if (op->error.code)
		on_pruned(p, NULL, 0, &op->error);
	else
		image_prune(op->store, &unused, on_pruned, p);
}

void image_cache_prune(struct image_store *s, int64_t before_ns,
		       void (*done)(void *arg, int64_t freed_bytes, const struct error *err),
		       void *arg)
{
	static const struct image_op_kind kind = {prune_decide, prune_work, NULL, prune_finish};
	struct prune_op *p = xcalloc(1, sizeof(*p));

	p->before_ns = before_ns;
	p->done = done;
	p->arg = arg;
	image_op_start(s, &p->op, &kind);
}
