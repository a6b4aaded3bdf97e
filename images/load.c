/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load: an archive of images goes to a cmp-archive, which spools it in tmp/ and says what is in it;
 * from there each image comes into the store the way a pulled one does (pull.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "images/feed.h"
#include "images/store_int.h"

#define LIST_MAX ((size_t)16 << 20)

struct loaded {
	struct image_load *load;
	struct image_pull *pull; /* NULL: it has ended */
	json_t *names;		 /* borrowed from the list */
	struct buf manifest, config;
};

struct image_load {
	struct image_op op;
	struct image_store *store;
	struct image_load_args args;
	char *tmp; /* below the store: tmp/<id> */
	struct image_feed *feed;
	bool cancelled;
	json_t *list; /* of cmp-archive */
	struct loaded *images;
	size_t count, left;
	json_t *result;
	struct error failure;
};

/* ---- the end */

static int clean_work(struct image_op *op, struct error *err)
{
	struct image_load *l = container_of(op, struct image_load, op);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */

	(void)err;
	(void)!file_remove_tree(op->store->dir, l->tmp, &ignored);
	return 0;
}

static void clean_finish(struct image_op *op)
{
	struct image_load *l = container_of(op, struct image_load, op);

	op->store->imports--;
	l->args.done(l->args.arg, l->failure.code ? NULL : l->result,
		     l->failure.code ? &l->failure : NULL);
	for (size_t i = 0; i < l->count; i++) {
		buf_release(&l->images[i].manifest);
		buf_release(&l->images[i].config);
	}
	json_decref(l->result);
	json_decref(l->list);
	free(l->images);
	free(l->tmp);
	free(l);
}

static void end(struct image_load *l)
{
	static const struct image_op_kind kind = {NULL, clean_work, NULL, clean_finish};

	image_op_start(l->store, &l->op, &kind);
}

/* ---- the images */

static void ignore_end(void *arg, const struct error *err)
{
	(void)arg;
	(void)err;
}

static void on_image_done(void *arg, struct image *im, bool changed, const struct error *err)
{
	struct loaded *one = arg;
	struct image_load *l = one->load;
	json_t *o;

	(void)changed;
	one->pull = NULL;
	if (im) {
		/* Its first name it has; their turn comes before the end of the load. */
		for (size_t i = 1; i < json_array_size(one->names); i++)
			image_tag(l->store, im->id,
				  json_string_value(json_array_get(one->names, i)), ignore_end,
				  NULL);
		o = json_object();
		json_set_str(o, "id", im->id);
		json_set_new(o, "names", json_incref(one->names));
		json_array_append_new(l->result, o);
	} else if (!l->failure.code) {
		l->failure = *err;
	}
	if (!--l->left)
		end(l);
}

static void start_image(struct image_load *l, struct loaded *one, const json_t *description)
{
	auto_free char *spool = xasprintf("%s/spool", l->tmp);
	const struct image_spooled from = {.dir = spool,
					   .layers = json_get_arr(description, "layers"),
					   .manifest = &one->manifest,
					   .config = &one->config};
	const struct image_pull_args args = {
		.name = json_string_value(json_array_get(one->names, 0)),
		.done = on_image_done,
		.arg = one,
	};

	image_pull_spooled(l->store, &from, &args, &one->pull);
}

/* ---- what the archive has */

static int read_blob(const struct image_load *l, const json_t *description, const char *key,
		     struct buf *ret, struct error *err)
{
	const char *digest = json_get_str(description, key);
	auto_free char *path = NULL;

	buf_init(ret, IMAGE_CONFIG_MAX + 1);
	if (!digest || !digest_valid(digest))
		return error_set(err, EBADMSG, "cmp-archive told of an impossible image");
	path = xasprintf("%s/spool/%s", l->tmp, digest + strlen("sha256:"));
	return file_read(l->store->dir, path, IMAGE_CONFIG_MAX, ret, err);
}

static int read_work(struct image_op *op, struct error *err)
{
	struct image_load *l = container_of(op, struct image_load, op);
	auto_free char *path = xasprintf("%s/spool/images.json", l->tmp);
	auto_buf struct buf text;
	size_t n;

	buf_init(&text, LIST_MAX + 1);
	if (file_read(op->store->dir, path, LIST_MAX, &text, err) < 0 ||
	    json_load_text(text.data ?: "", text.len, &l->list, err) < 0)
		return error_wrap(err, "what cmp-archive told");
	n = json_array_size(l->list);
	l->images = xcalloc(n + 1, sizeof(*l->images));
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(l->list, i);
		struct loaded *one = &l->images[l->count++];

		one->load = l;
		one->names = json_get_arr(o, "names");
		if (read_blob(l, o, "manifest", &one->manifest, err) < 0 ||
		    read_blob(l, o, "config", &one->config, err) < 0)
			return -err->code;
	}
	return n ? 0 : error_set(err, EBADMSG, "the archive has no images");
}

static void read_finish(struct image_op *op)
{
	struct image_load *l = container_of(op, struct image_load, op);

	if (l->cancelled && !op->error.code)
		error_set(&op->error, ECANCELED, "the load was cancelled");
	if (op->error.code) {
		l->failure = op->error;
		end(l);
		return;
	}
	l->left = l->count;
	for (size_t i = 0; i < l->count; i++)
		start_image(l, &l->images[i], json_array_get(l->list, i));
}

static void on_spooled(void *arg, const char *output, const struct error *err)
{
	static const struct image_op_kind kind = {NULL, read_work, NULL, read_finish};
	struct image_load *l = arg;

	(void)output;
	l->feed = NULL;
	if (err) {
		l->failure = *err;
		end(l);
	} else {
		image_op_start(l->store, &l->op, &kind);
	}
}

/* ---- the beginning, and feeding */

static void on_drain(void *arg)
{
	struct image_load *l = arg;

	if (l->args.on_drain)
		l->args.on_drain(l->args.arg);
}

int image_load_start(struct image_store *s, const struct image_load_args *args,
		     struct image_load **ret, struct error *err)
{
	struct image_load *l = xcalloc(1, sizeof(*l));
	auto_free char *spool = NULL, *max = NULL;
	char id[DIGEST_HEX_MAX];

	digest_random_id(id);
	l->store = s;
	l->args = *args;
	l->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	spool = xasprintf("%s/%s/spool", s->root, l->tmp);
	max = xasprintf("%llu", (unsigned long long)image_quota(s));
	if (file_mkdir_p(spool, 0700, err) < 0 ||
	    image_feed_start(s->loop,
			     &(struct image_feed_args){.program = "cmp-archive",
						       .argv = (const char *[]){spool, max, NULL},
						       .on_drain = on_drain,
						       .done = on_spooled,
						       .arg = l},
			     &l->feed, err) < 0) {
		free(l->tmp);
		free(l);
		return -err->code;
	}
	l->result = json_array();
	s->imports++;
	*ret = l;
	return 0;
}

int image_load_write(struct image_load *l, const char *data, size_t len)
{
	return l->feed ? image_feed_write(l->feed, data, len) : 0;
}

void image_load_eof(struct image_load *l)
{
	if (l->feed)
		image_feed_eof(l->feed);
}

void image_load_cancel(struct image_load *l)
{
	l->cancelled = true;
	if (l->feed)
		image_feed_kill(l->feed);
	for (size_t i = 0; i < l->count && l->left; i++)
		if (l->images[i].pull)
			image_pull_cancel(l->images[i].pull);
}
