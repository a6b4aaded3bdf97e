/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See source.h.  Decompression is libarchive's (format raw over its filters) for everything but the
 * plain stream, which is passed through untouched.
 */
#include "images/layer/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "images/layer/recorder.h"

#define HEAD_BYTES 6 /* enough to tell the compressions apart */

struct layer_source {
	struct layer_source_args args;
	struct recorder *recorder;
	struct archive *raw; /* NULL: the stream is plain */
	const char *media_type;
	bool verbatim; /* the blob is the stream as it came */
	char *block;
	size_t head_bytes; /* already read into block, not yet passed on */
	size_t data_at;
	uint64_t total_bytes;
	bool ended;
	struct error error; /* of the read callback */
};

static const struct compression {
	const char *magic;
	size_t len;
	bool verbatim;
	const char *media_type;
} compressions[] = {
	{"\x1f\x8b", 2, true, "application/vnd.oci.image.layer.v1.tar+gzip"},
	{"\x28\xb5\x2f\xfd", 4, true, "application/vnd.oci.image.layer.v1.tar+zstd"},
	{"\xfd"
	 "7zXZ",
	 5, false, NULL},
	{"BZh", 3, false, NULL},
};

/* The next bytes as they come in, at most a block. */
static ssize_t read_in(struct layer_source *s, char *at, size_t room, struct error *err)
{
	ssize_t n;

	if (s->args.fd < 0) {
		n = (ssize_t)MIN(room, s->args.len - s->data_at);
		if (n)
			memcpy(at, (const char *)s->args.data + s->data_at, (size_t)n);
		s->data_at += (size_t)n;
		return n;
	}
	do
		n = read(s->args.fd, at, room);
	while (n < 0 && errno == EINTR);
	return n < 0 ? error_sys(err, errno, "read the layer") : n;
}

/* Fills the block with a bit more than a pipe gives at once: fewer, larger steps behind it. */
static ssize_t fill_block(struct layer_source *s, struct error *err)
{
	size_t have = s->head_bytes;
	ssize_t n;

	s->head_bytes = 0;
	while (have < RECORDER_BLOCK) {
		n = read_in(s, s->block + have, RECORDER_BLOCK - have, err);
		if (n < 0)
			return n;
		if (!n)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* The next block as it came in. */
static ssize_t next_raw(struct layer_source *s, struct error *err)
{
	ssize_t n = fill_block(s, err);

	if (n > 0 && s->verbatim)
		recorder_put(s->recorder, RECORDER_RAW, s->block, (size_t)n);
	return n;
}

static la_ssize_t on_raw_read(struct archive *a, void *arg, const void **ret)
{
	struct layer_source *s = arg;
	ssize_t n = next_raw(s, &s->error);

	if (n < 0) {
		archive_set_error(a, s->error.code, "%s", s->error.msg);
		return -1;
	}
	*ret = s->block;
	return n;
}

static int archive_failed(struct layer_source *s, struct error *err)
{
	if (s->error.code) {
		*err = s->error;
		return -err->code;
	}
	return error_set(err, EBADMSG, "decompress the layer: %s",
			 archive_error_string(s->raw) ?: "the stream is damaged");
}

static int raw_open(struct layer_source *s, struct error *err)
{
	struct archive_entry *e;

	s->raw = archive_read_new();
	if (!s->raw)
		abort();
	archive_read_support_format_raw(s->raw);
	archive_read_support_filter_gzip(s->raw);
	archive_read_support_filter_zstd(s->raw);
	archive_read_support_filter_xz(s->raw);
	archive_read_support_filter_bzip2(s->raw);
	if (archive_read_open(s->raw, s, NULL, on_raw_read, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(s->raw, &e) != ARCHIVE_OK)
		return archive_failed(s, err);
	return 0;
}

/* Looks at the first bytes and decides how the stream is read and kept. */
static int start(struct layer_source *s, struct error *err)
{
	const struct compression *c = NULL;
	ssize_t n;
	int r;

	while (s->head_bytes < HEAD_BYTES) {
		n = read_in(s, s->block + s->head_bytes, RECORDER_BLOCK - s->head_bytes, err);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
		s->head_bytes += (size_t)n;
	}
	for (size_t i = 0; i < ARRAY_LEN(compressions); i++)
		if (s->head_bytes >= compressions[i].len &&
		    !memcmp(s->block, compressions[i].magic, compressions[i].len))
			c = &compressions[i];
	s->verbatim = s->args.verbatim || (c && c->verbatim);
	s->media_type = c && c->verbatim ? c->media_type : compressions[1].media_type;
	r = recorder_start(s->args.blob_fd, !s->verbatim, &s->recorder, err);
	if (r < 0)
		return r;
	return c ? raw_open(s, err) : 0;
}

int layer_source_new(const struct layer_source_args *args, struct layer_source **ret,
		     struct error *err)
{
	AUTO(layer_source_free) struct layer_source *s = xcalloc(1, sizeof(*s));
	int r;

	s->args = *args;
	s->block = xmalloc(RECORDER_BLOCK);
	r = start(s, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(&s);
	return 0;
}

void layer_source_free(struct layer_source *s)
{
	if (!s)
		return;
	if (s->raw)
		archive_read_free(s->raw);
	recorder_free(s->recorder);
	free(s->block);
	free(s);
}

static ssize_t next_plain(struct layer_source *s, const void **ret, struct error *err)
{
	la_int64_t offset;
	size_t n;
	int r;

	if (!s->raw) {
		*ret = s->block;
		return next_raw(s, err);
	}
	do {
		r = archive_read_data_block(s->raw, ret, &n, &offset);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return archive_failed(s, err);
	} while (!n);
	return (ssize_t)n;
}

ssize_t layer_source_read(struct layer_source *s, const void **ret, struct error *err)
{
	ssize_t n;

	if (s->ended) {
		*ret = s->block;
		return 0;
	}
	n = next_plain(s, ret, err);
	if (n < 0)
		return n;
	if (!n) {
		s->ended = true;
		return 0;
	}
	s->total_bytes += (uint64_t)n;
	if (s->total_bytes > s->args.max_bytes)
		return error_set(err, EFBIG, "the layer is larger than the limit of %llu bytes",
				 (unsigned long long)s->args.max_bytes);
	recorder_put(s->recorder, RECORDER_PLAIN, *ret, (size_t)n);
	return n;
}

int layer_source_finish(struct layer_source *s, struct layer_digests *ret, struct error *err)
{
	const void *data;
	ssize_t n;

	do {
		n = layer_source_read(s, &data, err);
		if (n < 0)
			return (int)n;
	} while (n);
	/* What follows the compressed stream belongs to the blob all the same. */
	while (s->verbatim) {
		n = next_raw(s, err);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
	}
	ret->media_type = s->media_type;
	return recorder_finish(s->recorder, ret->diff_id, ret->digest, &ret->blob_bytes, err);
}
