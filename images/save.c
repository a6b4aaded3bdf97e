/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Save: images as one tar that is both an OCI layout and what `docker load` has always read.  The
 * blobs go out byte for byte, so the same images give the same archive.  A worker reads a block,
 * the loop hands it on; the reader's pace is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "images/store_int.h"

#define BLOCK	   512
#define READ_BYTES ((size_t)256 << 10)
#define TYPE_OCI   "application/vnd.oci.image.manifest.v1+json"

/* One file of the archive: text, or a blob of the store. */
struct part {
	char *name, *text;
	int64_t size;
};

struct image_save {
	uv_work_t request;
	struct image_store *store;
	struct image_save_args args;
	struct image **images; /* referenced */
	size_t image_count;
	struct part *parts;
	size_t count, at; /* the part that is being written */
	int fd;		  /* of its blob; -1: not begun */
	int64_t done_bytes;
	struct buf block; /* what the worker has made */
	bool working, waiting, cancelled;
	struct error error; /* the worker's */
};

/* ---- what goes in */

static void add_part(struct image_save *s, const char *name, char *text, int64_t size)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->parts[i].name, name) != 0)
			continue;
		free(text);
		return;
	}
	if ((s->count & (s->count - 1)) == 0)
		s->parts = xreallocarray(s->parts, s->count ? s->count * 2 : 1, sizeof(*s->parts));
	s->parts[s->count++] = (struct part){.name = xstrdup(name), .text = text, .size = size};
}

static int add_blob(struct image_save *s, const char *hex, int64_t *ret_size, struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_BLOB_DIR "/%s", hex), *name = NULL;
	struct stat st;

	if (fstatat(s->store->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "blob sha256:%s", hex);
	name = xasprintf("blobs/sha256/%s", hex);
	add_part(s, name, NULL, st.st_size);
	*ret_size = st.st_size;
	return 0;
}

static char *blob_name(const char *digest)
{
	return xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
}

/* The entry of index.json for one name; `full`: NULL for an image without. */
static json_t *index_entry(const struct image *im, const char *type, int64_t size, const char *full)
{
	json_t *o = json_object(), *notes = json_object();

	json_set_str(o, "mediaType", type);
	json_set_str(o, "digest", im->manifest);
	json_set_int(o, "size", size);
	json_set_str(notes, "io.containerd.image.name", full);
	json_set_str(notes, "org.opencontainers.image.ref.name",
		     full ? strrchr(full, ':') + 1 : NULL);
	if (full)
		json_set_new(o, "annotations", notes);
	else
		json_decref(notes);
	return o;
}

/* What manifest.json says of it: docker's form. */
static json_t *docker_entry(const struct image *im, const json_t *manifest, const char *familiar)
{
	auto_free char *config = blob_name(im->id);
	json_t *o = json_object(), *layers = json_array(), *layer;
	size_t i;

	json_array_foreach (json_get_arr(manifest, "layers"), i, layer) {
		auto_free char *name = blob_name(json_get_str(layer, "digest"));

		json_array_append_new(layers, json_str(name));
	}
	json_set_str(o, "Config", config);
	json_set_new(o, "RepoTags", familiar ? json_pack("[s]", familiar) : json_null());
	json_set_new(o, "Layers", layers);
	return o;
}

/* The same image under several names is one entry with all of them. */
static void add_docker_entry(json_t *list, json_t *entry)
{
	json_t *other, *tags = json_get_arr(entry, "RepoTags");
	size_t i;

	json_array_foreach (list, i, other) {
		json_t *all = json_get_arr(other, "RepoTags");

		if (!str_eq(json_get_str(other, "Config"), json_get_str(entry, "Config")))
			continue;
		if (all && tags)
			json_array_extend(all, tags);
		else if (tags)
			json_set_new(other, "RepoTags", json_incref(tags));
		json_decref(entry);
		return;
	}
	json_array_append_new(list, entry);
}

static int add_image(struct image_save *s, struct image *im, const char *full, const char *familiar,
		     json_t *index, json_t *docker, struct error *err)
{
	auto_free char *path = xasprintf(IMAGE_BLOB_DIR "/%s", im->manifest + strlen("sha256:"));
	auto_json json_t *manifest = NULL;
	auto_buf struct buf text = BUF_INIT;
	int64_t size, ignored;
	json_t *layer;
	size_t i;

	if (file_read(s->store->dir, path, IMAGE_MANIFEST_MAX, &text, err) < 0 ||
	    json_load_text(text.data ?: "", text.len, &manifest, err) < 0 ||
	    add_blob(s, im->manifest + strlen("sha256:"), &size, err) < 0 ||
	    add_blob(s, im->id + strlen("sha256:"), &ignored, err) < 0)
		return -err->code;
	json_array_foreach (json_get_arr(manifest, "layers"), i, layer)
		if (add_blob(s, json_get_str(layer, "digest") + strlen("sha256:"), &ignored, err) <
		    0)
			return -err->code;
	json_array_append_new(
		index,
		index_entry(im, json_get_str(manifest, "mediaType") ?: TYPE_OCI, size, full));
	add_docker_entry(docker, docker_entry(im, manifest, familiar));
	return 0;
}

static int add_reference(struct image_save *s, const char *ref, json_t *index, json_t *docker,
			 struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_free char *full = NULL, *familiar = NULL;
	struct error ignored = ERROR_INIT;
	struct image *im;

	if (image_resolve(s->store, ref, &im, err) < 0)
		return -err->code;
	s->images[s->image_count++] = im;
	if (image_reference_parse(ref, &r, &ignored) == 0 && !r.digest) {
		full = image_reference_full(&r);
		/* An id can look like a name. */
		if (map_get(s->store->names, full) == image_entry_of(im))
			familiar = image_reference_familiar(&r);
		else
			free(steal_ptr(&full));
	}
	if (add_image(s, im, full, familiar, index, docker, err) < 0)
		return error_wrap(err, "save %s", ref);
	return 0;
}

static int add_all(struct image_save *s, char *const *refs, struct error *err)
{
	auto_json json_t *index = json_object(), *docker = json_array();
	json_t *entries = json_array();
	char *text;

	json_set_int(index, "schemaVersion", 2);
	json_set_str(index, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_set_new(index, "manifests", entries);
	s->images = xcalloc(strv_len(refs) + 1, sizeof(struct image *));
	for (; *refs; refs++)
		if (add_reference(s, *refs, entries, docker, err) < 0)
			return -err->code;
	text = json_text(index);
	add_part(s, "index.json", text, (int64_t)strlen(text));
	text = json_text(docker);
	add_part(s, "manifest.json", text, (int64_t)strlen(text));
	text = xstrdup("{\"imageLayoutVersion\":\"1.0.0\"}");
	add_part(s, "oci-layout", text, (int64_t)strlen(text));
	return 0;
}

/* ---- the tar */

/* Sizes from 8 GiB on do not fit into octal digits. */
static void put_size(char field[12], int64_t size)
{
	if (size < (int64_t)8 << 30) {
		snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	for (int i = 11; i >= 0; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
	field[0] = (char)0x80;
}

static void put_header(struct buf *out, const struct part *p)
{
	struct {
		char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type,
			link[100], magic[6], version[2], user[32], group[32], major[8], minor[8],
			prefix[155], pad[12];
	} h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	unsigned sum = 0;

	str_copy(h.name, sizeof(h.name), p->name);
	str_copy(h.mode, sizeof(h.mode), "0000644");
	str_copy(h.uid, sizeof(h.uid), "0000000");
	str_copy(h.gid, sizeof(h.gid), "0000000");
	str_copy(h.mtime, sizeof(h.mtime), "00000000000");
	put_size(h.size, p->size);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	snprintf(h.sum, sizeof(h.sum), "%06o", sum);
	buf_add(out, &h, sizeof(h));
}

static void put_zeros(struct buf *out, size_t len)
{
	static const char zeros[2 * BLOCK];

	buf_add(out, zeros, len);
}

static int open_part(struct image_save *s, const struct part *p, struct error *err)
{
	auto_free char *path = NULL;

	put_header(&s->block, p);
	s->done_bytes = 0;
	if (p->text)
		return 0;
	path = xasprintf("%s/%s", "blobs", p->name + strlen("blobs/"));
	s->fd = openat(s->store->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return s->fd < 0 ? error_sys(err, errno, "open %s", p->name) : 0;
}

static int put_content(struct image_save *s, const struct part *p, struct error *err)
{
	size_t want = (size_t)MIN((int64_t)READ_BYTES, p->size - s->done_bytes);
	char *at;
	ssize_t n;

	if (p->text) {
		buf_add(&s->block, p->text, (size_t)p->size);
		s->done_bytes = p->size;
		return 0;
	}
	at = buf_reserve(&s->block, want);
	n = at ? read(s->fd, at, want) : -1;
	if (n < 0)
		return error_sys(err, errno, "read %s", p->name);
	if (!n && want)
		return error_set(err, EIO, "read %s: it has become shorter", p->name);
	s->block.len += (size_t)n;
	s->done_bytes += n;
	return 0;
}

/* Makes the next block; an empty one at the end. */
static void make_block(uv_work_t *request)
{
	struct image_save *s = container_of(request, struct image_save, request);
	bool begun = s->done_bytes >= 0;

	buf_reset(&s->block);
	while (s->at < s->count && s->block.len < READ_BYTES) {
		const struct part *p = &s->parts[s->at];

		if (!begun && open_part(s, p, &s->error) < 0)
			return;
		begun = true;
		if (put_content(s, p, &s->error) < 0)
			return;
		if (s->done_bytes < p->size)
			continue;
		put_zeros(&s->block, (size_t)(-p->size & (BLOCK - 1)));
		if (s->fd >= 0)
			close(steal_fd(&s->fd));
		s->done_bytes = -1;
		begun = false;
		if (++s->at == s->count)
			put_zeros(&s->block, (size_t)2 * BLOCK);
	}
}

/* ---- the loop's side */

static void save_free(struct image_save *s)
{
	for (size_t i = 0; i < s->image_count; i++)
		image_unref(s->images[i]);
	for (size_t i = 0; i < s->count; i++) {
		free(s->parts[i].name);
		free(s->parts[i].text);
	}
	if (s->fd >= 0)
		close(s->fd);
	buf_release(&s->block);
	free(s->parts);
	free(s->images);
	free(s);
}

static void next(struct image_save *s);

static void on_block(uv_work_t *request, int status)
{
	struct image_save *s = container_of(request, struct image_save, request);

	s->working = false;
	if (status < 0 && !s->error.code)
		error_sys(&s->error, -status, "read the images");
	if (!s->cancelled && !s->error.code && s->block.len) {
		if (s->args.write(s->args.arg, s->block.data, s->block.len))
			next(s);
		else
			s->waiting = true;
		return;
	}
	s->store->imports--;
	if (!s->cancelled)
		s->args.done(s->args.arg, s->error.code ? &s->error : NULL);
	save_free(s);
}

static void next(struct image_save *s)
{
	s->working = true;
	/* Fails for a missing callback only. */
	if (uv_queue_work(s->store->loop, &s->request, make_block, on_block) < 0)
		abort();
}

int image_save_start(struct image_store *store, char *const *refs,
		     const struct image_save_args *args, struct image_save **ret, struct error *err)
{
	struct image_save *s = xcalloc(1, sizeof(*s));

	s->store = store;
	s->args = *args;
	s->fd = -1;
	s->done_bytes = -1;
	buf_init(&s->block, (size_t)64 << 20);
	if (add_all(s, refs, err) < 0) {
		save_free(s);
		return -err->code;
	}
	store->imports++;
	*ret = s;
	next(s);
	return 0;
}

void image_save_resume(struct image_save *s)
{
	if (!s->waiting)
		return;
	s->waiting = false;
	next(s);
}

void image_save_cancel(struct image_save *s)
{
	s->cancelled = true;
	s->waiting = false;
	if (!s->working)
		next(s); /* ends in the worker's turn */
}
