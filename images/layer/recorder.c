/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See recorder.h.  One producer, one consumer, a ring of SLOTS blocks under a mutex; the consumer
 * owns the digests, the compressor and the blob, nobody else touches them before it has been
 * joined.
 */
#include "images/layer/recorder.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/file.h"

#define SLOTS 8

struct slot {
	enum recorder_kind kind;
	size_t len;
	char *data;
};

struct recorder {
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct slot slots[SLOTS];
	unsigned head, count; /* head: the oldest slot */
	bool ended;

	/* the consumer's */
	int blob_fd;
	struct archive *zstd; /* NULL: the blob is the RAW stream */
	struct digest diff, blob;
	uint64_t blob_bytes;
	struct error error;
};

static int blob_add(struct recorder *r, const void *data, size_t len)
{
	digest_add(&r->blob, data, len);
	r->blob_bytes += len;
	if (r->blob_fd < 0)
		return 0;
	return file_write_all(r->blob_fd, data, len, &r->error);
}

static la_ssize_t on_compressed(struct archive *a, void *arg, const void *data, size_t len)
{
	struct recorder *r = arg;

	if (blob_add(r, data, len) < 0) {
		archive_set_error(a, r->error.code, "%s", r->error.msg);
		return -1;
	}
	return (la_ssize_t)len;
}

static int consume(struct recorder *r, const struct slot *s)
{
	if (s->kind == RECORDER_RAW)
		return blob_add(r, s->data, s->len);
	digest_add(&r->diff, s->data, s->len);
	if (r->zstd && archive_write_data(r->zstd, s->data, s->len) != (la_ssize_t)s->len)
		return r->error.code ? -r->error.code
				     : error_set(&r->error, EIO, "compress the layer: %s",
						 archive_error_string(r->zstd));
	return 0;
}

static void *run(void *arg)
{
	struct recorder *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct slot *s = &r->slots[r->head];

		while (!r->count && !r->ended)
			pthread_cond_wait(&r->more, &r->lock);
		if (!r->count)
			break;
		pthread_mutex_unlock(&r->lock);
		/* After an error the blocks are still taken, so that the producer never waits for
		 * ever. */
		if (!r->error.code)
			(void)consume(r, s);
		pthread_mutex_lock(&r->lock);
		r->head = (r->head + 1) % SLOTS;
		r->count--;
		pthread_cond_signal(&r->room);
	}
	pthread_mutex_unlock(&r->lock);
	if (r->zstd && archive_write_close(r->zstd) != ARCHIVE_OK && !r->error.code)
		error_set(&r->error, EIO, "compress the layer: %s", archive_error_string(r->zstd));
	return NULL;
}

static struct archive *compressor_new(struct recorder *r)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	int ok;

	if (!a || !e)
		abort();
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_pathname(e, "layer");
	ok = archive_write_set_format_raw(a) == ARCHIVE_OK &&
	     archive_write_add_filter_zstd(a) == ARCHIVE_OK &&
	     archive_write_set_filter_option(a, "zstd", "compression-level", "1") == ARCHIVE_OK &&
	     archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
	     archive_write_open(a, r, NULL, on_compressed, NULL) == ARCHIVE_OK &&
	     archive_write_header(a, e) == ARCHIVE_OK;
	archive_entry_free(e);
	if (!ok) {
		error_set(&r->error, EIO, "set up zstd: %s", archive_error_string(a));
		archive_write_free(a);
		return NULL;
	}
	return a;
}

int recorder_start(int blob_fd, bool compress, struct recorder **ret, struct error *err)
{
	struct recorder *r = xcalloc(1, sizeof(*r));
	int code;

	r->blob_fd = blob_fd;
	digest_init(&r->diff);
	digest_init(&r->blob);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	pthread_cond_init(&r->room, NULL);
	if (compress && blob_fd >= 0) {
		r->zstd = compressor_new(r);
		if (!r->zstd) {
			*err = r->error;
			recorder_free(r);
			return -err->code;
		}
	}
	code = pthread_create(&r->thread, NULL, run, r);
	if (code) {
		recorder_free(r);
		return error_sys(err, code, "start a thread");
	}
	r->running = true;
	*ret = r;
	return 0;
}

static void put_block(struct recorder *r, enum recorder_kind kind, const void *data, size_t len)
{
	struct slot *s;

	pthread_mutex_lock(&r->lock);
	while (r->count == SLOTS)
		pthread_cond_wait(&r->room, &r->lock);
	s = &r->slots[(r->head + r->count) % SLOTS];
	pthread_mutex_unlock(&r->lock);
	/* The slot is free and only we fill slots. */
	if (!s->data)
		s->data = xmalloc(RECORDER_BLOCK);
	memcpy(s->data, data, len);
	s->len = len;
	s->kind = kind;
	pthread_mutex_lock(&r->lock);
	r->count++;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
}

void recorder_put(struct recorder *r, enum recorder_kind kind, const void *data, size_t len)
{
	const char *at = data;
	size_t n;

	for (; len; at += n, len -= n) {
		n = MIN(len, RECORDER_BLOCK);
		put_block(r, kind, at, n);
	}
}

static void stop(struct recorder *r)
{
	if (!r->running)
		return;
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->running = false;
}

static void digest_text(struct digest *d, char ret[DIGEST_TEXT_MAX])
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(d, hex);
	snprintf(ret, DIGEST_TEXT_MAX, "sha256:%s", hex);
}

int recorder_finish(struct recorder *r, char diff_id[DIGEST_TEXT_MAX], char digest[DIGEST_TEXT_MAX],
		    uint64_t *ret_blob_bytes, struct error *err)
{
	stop(r);
	if (r->error.code) {
		*err = r->error;
		return -err->code;
	}
	digest_text(&r->diff, diff_id);
	digest_text(&r->blob, digest);
	*ret_blob_bytes = r->blob_bytes;
	return 0;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	stop(r);
	if (r->zstd)
		archive_write_free(r->zstd);
	for (size_t i = 0; i < SLOTS; i++)
		free(r->slots[i].data);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->more);
	pthread_cond_destroy(&r->room);
	free(r);
}
