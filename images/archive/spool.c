/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See spool.h.  Nothing of the archive but its bytes gets to the disk: no names, owners, modes. */
#include "images/archive/spool.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/map.h"
#include "images/layer/name.h"

#define ENTRIES_MAX 100000
#define LINKS_MAX   8
#define READ_BYTES  ((size_t)256 << 10)
#define PART	    "part"

struct spool {
	int dir;
	uint64_t bytes, max_bytes;
	struct map *files; /* name -> struct spool_file */
	struct map *blobs; /* digest -> struct spool_file, borrowed from files */
	struct map *links; /* name -> name */
};

static struct spool *spool_new(int dir, uint64_t max_bytes)
{
	struct spool *s = xcalloc(1, sizeof(*s));

	s->dir = dir;
	s->max_bytes = max_bytes;
	s->files = map_new(free);
	s->blobs = map_new(NULL);
	s->links = map_new(free);
	return s;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	map_free(s->blobs);
	map_free(s->files);
	map_free(s->links);
	free(s);
}

/* ---- looking */

const struct spool_file *spool_find(const struct spool *s, const char *name)
{
	auto_free char *normal = NULL;
	struct error ignored = ERROR_INIT;
	const char *at;

	if (layer_name_normal(name, &normal, &ignored) < 0)
		return NULL;
	at = normal;
	for (int i = 0; i < LINKS_MAX && at; i++) {
		const struct spool_file *f = map_get(s->files, at);

		if (f)
			return f;
		at = map_get(s->links, at);
	}
	return NULL;
}

const struct spool_file *spool_blob(const struct spool *s, const char *digest)
{
	return map_get(s->blobs, digest);
}

int spool_text(const struct spool *s, const struct spool_file *f, size_t max, struct buf *ret,
	       struct error *err)
{
	return file_read(s->dir, f->digest + strlen("sha256:"), max, ret, err);
}

/* ---- filling */

static int create_part(const struct spool *s, struct error *err)
{
	int fd = openat(s->dir, PART, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? error_sys(err, errno, "create a file") : fd;
}

/* The part is complete: it gets its name, `name` leads to it. */
static int keep_part(struct spool *s, const char *name, struct digest *d, uint64_t size,
		     const char head[4], const struct spool_file **ret, struct error *err)
{
	struct spool_file *f = xcalloc(1, sizeof(*f));
	char hex[DIGEST_HEX_MAX];

	digest_hex(d, hex);
	snprintf(f->digest, sizeof(f->digest), "sha256:%s", hex);
	f->size = size;
	memcpy(f->head, head, sizeof(f->head));
	if (renameat(s->dir, PART, s->dir, hex) < 0) {
		free(f);
		return error_sys(err, errno, "keep a file");
	}
	map_set(s->blobs, f->digest, f);
	map_set(s->files, name, f); /* an older file of the name is gone now */
	if (ret)
		*ret = f;
	return 0;
}

int spool_add(struct spool *s, const char *name, const void *data, size_t len,
	      const struct spool_file **ret, struct error *err)
{
	auto_fd int fd = create_part(s, err);
	struct digest d;

	if (fd < 0 || file_write_all(fd, data, len, err) < 0)
		return -err->code;
	digest_init(&d);
	digest_add(&d, data, len);
	return keep_part(s, name, &d, len, "\0\0\0", ret, err);
}

static int archive_failed(struct archive *a, struct error *err)
{
	const char *text = archive_error_string(a);

	return error_set(err, EBADMSG, "this is no archive of images: %s",
			 text && str_printable(text) ? text : "it is damaged");
}

static int copy_content(struct spool *s, struct archive *a, int fd, struct digest *d,
			uint64_t *ret_size, char head[4], struct error *err)
{
	la_int64_t offset;
	const void *data;
	size_t len;
	int r;

	*ret_size = 0;
	while ((r = archive_read_data_block(a, &data, &len, &offset)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK)
			return archive_failed(a, err);
		/* Sparse files have no place in such archives. */
		if (offset < 0 || (uint64_t)offset != *ret_size)
			return error_set(err, EBADMSG, "the archive has a file with holes");
		for (size_t i = 0; i < len && *ret_size + i < 4; i++)
			head[*ret_size + i] = ((const char *)data)[i];
		s->bytes += len;
		*ret_size += len;
		if (s->bytes > s->max_bytes)
			return error_set(err, EFBIG,
					 "the archive is larger than the limit of %llu bytes",
					 (unsigned long long)s->max_bytes);
		digest_add(d, data, len);
		if (file_write_all(fd, data, len, err) < 0)
			return -err->code;
	}
	return 0;
}

static int add_file(struct spool *s, struct archive *a, const char *name, struct error *err)
{
	auto_fd int fd = create_part(s, err);
	struct digest d;
	uint64_t size;
	char head[4] = {0};

	digest_init(&d);
	if (fd < 0 || copy_content(s, a, fd, &d, &size, head, err) < 0)
		return -err->code;
	return keep_part(s, name, &d, size, head, NULL, err);
}

/* Where a link leads, as a name of the archive; what leaves it leads nowhere. */
static char *link_target(struct archive_entry *e, const char *name)
{
	const char *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e),
		   *slash = strrchr(name, '/');
	auto_free char *up = NULL;
	char *normal = NULL;
	struct error ignored = ERROR_INIT;

	if (hard)
		return layer_name_normal(hard, &normal, &ignored) < 0 ? NULL : normal;
	if (!soft)
		return NULL;
	/* "../ID/layer.tar", in a directory at the top: what `docker save` writes for what it has
	 * said. */
	if (str_starts(soft, "../") && slash && !memchr(name, '/', (size_t)(slash - name)))
		up = xstrdup(soft + strlen("../"));
	else
		up = xasprintf("%.*s%s", slash ? (int)(slash - name) + 1 : 0, name, soft);
	return layer_name_normal(up, &normal, &ignored) < 0 ? NULL : normal;
}

static int add_entry(struct spool *s, struct archive *a, struct archive_entry *e, struct error *err)
{
	const char *text = archive_entry_pathname(e) ?: archive_entry_pathname_utf8(e);
	auto_free char *name = NULL;
	char *target;

	if (!text)
		return error_set(err, EBADMSG, "the archive has an entry without a name");
	if (layer_name_normal(text, &name, err) < 0)
		return -err->code;
	target = link_target(e, name);
	if (target)
		free(map_set(s->links, name, target));
	else if (archive_entry_filetype(e) == AE_IFREG && *name)
		return add_file(s, a, name, err);
	return 0;
}

static int read_all(struct spool *s, struct archive *a, int input, struct error *err)
{
	struct archive_entry *e;
	int r, entries = 0;

	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_bzip2(a);
	if (archive_read_open_fd(a, input, READ_BYTES) != ARCHIVE_OK)
		return archive_failed(a, err);
	while ((r = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_failed(a, err);
		if (++entries > ENTRIES_MAX)
			return error_set(err, E2BIG, "the archive has more than %d entries",
					 ENTRIES_MAX);
		if (add_entry(s, a, e, err) < 0)
			return -err->code;
	}
	return 0;
}

int spool_read(int input, int dir, uint64_t max_bytes, struct spool **ret, struct error *err)
{
	AUTO(spool_free) struct spool *s = spool_new(dir, max_bytes);
	struct archive *a = archive_read_new();
	int r;

	if (!a)
		abort();
	r = read_all(s, a, input, err);
	archive_read_free(a);
	if (r == 0)
		*ret = steal_ptr(&s);
	return r;
}
