/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See logfile.h.  Frames carry no length at their end, so the last lines are found by looking for a
 * place before the end from which a chain of well-formed frames leads exactly to the end.
 */
#include "engine/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/protocol.h"

#define BLOCK	    ((size_t)256 << 10)
#define FILES_MAX   1000
#define TAIL_WINDOW ((off_t)128 << 10)
#define FRAME_MAX   (SHIM_LOG_HEAD + SHIM_LINE_MAX + 1)
#define CHAIN_SURE                                                                                 \
	8 /* frames in a row that are no accident, if they do not reach the end at once */

struct logfile {
	char *dir;
	int fd;
	ino_t inode;
	off_t at; /* of the byte after what is in the block */
	char *block;
	size_t used, len; /* in the block: taken, filled */
	bool started;
};

struct logfile *logfile_new(const char *dir)
{
	struct logfile *f = xcalloc(1, sizeof(*f));

	f->dir = xstrdup(dir);
	f->fd = -1;
	return f;
}

void logfile_free(struct logfile *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->block);
	free(f->dir);
	free(f);
}

/* ---- files: number 0 is `log`, k is `log.k`, older with growing k */

static char *file_path(const struct logfile *f, int number)
{
	return number ? xasprintf("%s/log.%d", f->dir, number) : xasprintf("%s/log", f->dir);
}

static int oldest(const struct logfile *f)
{
	int number = 0;
	struct stat st;

	while (number < FILES_MAX) {
		auto_free char *path = file_path(f, number + 1);

		if (stat(path, &st) < 0)
			break;
		number++;
	}
	return number;
}

static int open_number(struct logfile *f, int number, struct error *err)
{
	auto_free char *path = file_path(f, number);
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(err, EINVAL, "%s is not a regular file", path);
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->inode = st.st_ino;
	f->at = 0;
	f->used = f->len = 0;
	return 0;
}

/* The number that our open file has by now; -1: it was rotated away. */
static int current_number(const struct logfile *f)
{
	struct stat st;
	int number;

	for (number = 0; number < FILES_MAX; number++) {
		auto_free char *path = file_path(f, number);

		if (stat(path, &st) < 0)
			return -1;
		if (st.st_ino == f->inode)
			return number;
	}
	return -1;
}

/* 1: a newer file is open; 0: there is none. */
static int open_newer(struct logfile *f, struct error *err)
{
	int number = current_number(f), r;

	if (number == 0)
		return 0;
	r = open_number(f, number < 0 ? oldest(f) : number - 1, err);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* ---- frames */

static size_t frame_len(const unsigned char *head)
{
	return SHIM_LOG_HEAD +
	       ((size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7]);
}

static bool plausible(const unsigned char *head)
{
	return (head[0] == SHIM_LOG_STDOUT || head[0] == SHIM_LOG_STDERR) &&
	       head[1] <= SHIM_LOG_PARTIAL && !head[2] && !head[3] && frame_len(head) <= FRAME_MAX;
}

static int64_t frame_time(const unsigned char *head)
{
	uint64_t t = 0;
	int i;

	for (i = 8; i < 16; i++)
		t = t << 8 | head[i];
	return (int64_t)t;
}

/* Reads more behind what is in the block. Bytes read, 0 at the end. */
static ssize_t fill(struct logfile *f, struct error *err)
{
	ssize_t n;

	if (!f->block)
		f->block = xmalloc(BLOCK);
	memmove(f->block, f->block + f->used, f->len - f->used);
	f->len -= f->used;
	f->used = 0;
	do
		n = pread(f->fd, f->block + f->len, BLOCK - f->len, f->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(err, errno, "read the log in %s", f->dir);
	f->at += n;
	f->len += (size_t)n;
	return n;
}

static bool complete(const struct logfile *f)
{
	const unsigned char *head = (const unsigned char *)f->block + f->used;

	return f->len - f->used >= SHIM_LOG_HEAD && f->len - f->used >= frame_len(head);
}

static int begin(struct logfile *f, struct error *err)
{
	int r = open_number(f, oldest(f), err);

	if (r == 0)
		f->started = true;
	return r;
}

int logfile_open(struct logfile *f, struct error *err)
{
	int r = f->started ? 0 : begin(f, err);

	return r == -ENOENT ? 0 : r;
}

int logfile_peek(struct logfile *f, struct logfile_frame *ret, struct error *err)
{
	ssize_t n;
	int r;

	if (!f->started) {
		r = begin(f, err);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
	while (!f->block || !complete(f)) {
		if (f->block && f->len - f->used >= SHIM_LOG_HEAD &&
		    !plausible((const unsigned char *)f->block + f->used))
			return error_set(err, EBADMSG, "the log in %s is damaged", f->dir);
		n = fill(f, err);
		if (n < 0)
			return (int)n;
		if (n > 0)
			continue;
		r = open_newer(f, err); /* half a frame at the end of a rotated file is dropped */
		if (r <= 0)
			return r;
	}
	ret->head = (const unsigned char *)f->block + f->used;
	if (!plausible(ret->head))
		return error_set(err, EBADMSG, "the log in %s is damaged", f->dir);
	ret->len = frame_len(ret->head);
	ret->time_ns = frame_time(ret->head);
	return 1;
}

void logfile_next(struct logfile *f)
{
	f->used += frame_len((const unsigned char *)f->block + f->used);
}

/* ---- the last lines */

/* Walks frames from `at`; counts whole lines.  True when the chain holds to the end of `data`. */
static bool chain(const unsigned char *data, size_t len, size_t at, int64_t *ret_lines)
{
	int64_t frames = 0;

	*ret_lines = 0;
	while (at < len) {
		if (len - at < SHIM_LOG_HEAD)
			return frames >= CHAIN_SURE; /* the writer is in the middle of one */
		if (!plausible(data + at))
			return false;
		frames++;
		*ret_lines += !(data[at + 1] & SHIM_LOG_PARTIAL);
		if (frame_len(data + at) > len - at)
			return frames > CHAIN_SURE;
		at += frame_len(data + at);
	}
	return true;
}

/* Offset in data from which `lines` lines are left, given that frames begin at `at`. */
static size_t skip_lines(const unsigned char *data, size_t len, size_t at, int64_t skip)
{
	while (skip > 0 && len - at >= SHIM_LOG_HEAD && frame_len(data + at) <= len - at) {
		skip -= !(data[at + 1] & SHIM_LOG_PARTIAL);
		at += frame_len(data + at);
	}
	return at;
}

/* Looks in the last `window` bytes; true when that was enough. */
static bool tail_window(struct logfile *f, off_t size, off_t window, int64_t *lines, off_t *ret)
{
	off_t start = size > window ? size - window : 0;
	size_t len = (size_t)(size - start), at = 0;
	auto_free unsigned char *data = xmalloc(len ? len : 1);
	int64_t found = 0;
	ssize_t n = pread(f->fd, data, len, start);

	if (n < 0 || (size_t)n < len)
		len = n < 0 ? 0 : (size_t)n;
	while (at < len && !chain(data, len, at, &found))
		at += start ? 1 : len; /* from the very beginning there is nothing to look for */
	if (at >= len)
		found = 0;
	if (found < *lines && start > 0)
		return false;
	*ret = start + (off_t)skip_lines(data, len, at, found - *lines);
	*lines -= MIN(found, *lines);
	return true;
}

/* Places the reader in file `number`; *lines is what is still missing from older ones. */
static int tail_file(struct logfile *f, int number, int64_t *lines, off_t *ret_at,
		     struct error *err)
{
	struct stat st;
	off_t window = TAIL_WINDOW, at = 0;
	int r = open_number(f, number, err);

	if (r < 0)
		return r;
	if (fstat(f->fd, &st) < 0)
		return error_sys(err, errno, "read the log in %s", f->dir);
	while (!tail_window(f, st.st_size, window, lines, &at))
		window *= 4;
	*ret_at = at;
	return 0;
}

int logfile_seek_tail(struct logfile *f, int64_t lines, struct error *err)
{
	int number = 0, r;
	off_t at = 0;

	if (lines < 0)
		return 0;
	r = tail_file(f, 0, &lines, &at, err);
	while (r == 0 && lines > 0) {
		r = tail_file(f, ++number, &lines, &at, err);
		if (r == -ENOENT) { /* fewer lines than asked for: all of them */
			r = open_number(f, number - 1, err);
			at = 0;
			break;
		}
	}
	if (r < 0)
		return r == -ENOENT ? 0 : r; /* no log yet: everything that comes */
	f->at = at;
	f->started = true;
	return 0;
}
