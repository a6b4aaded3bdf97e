/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log.  What the container writes is cut into frames, one a line, and appended; nothing is kept
 * back: a line that is not finished goes out as a partial frame.  A full disk loses log, never the
 * container: what cannot be written is dropped and counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

#define READ_BYTES 32768
#define OUT_BYTES  49152

static char input[READ_BYTES], output[OUT_BYTES];

int log_open(struct log *l, int dir, uint64_t max_bytes, uint32_t max_files)
{
	struct stat st;

	l->dir = dir;
	l->max_bytes = max_bytes;
	l->max_files = max_files ? max_files : 1;
	l->fd = openat(dir, "log", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (l->fd < 0)
		return -errno;
	l->size = fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

/* log.1 becomes log.2 and so on; the oldest one goes. */
static void rotate(struct log *l)
{
	char from[16] = "log", to[16];
	uint32_t i;

	for (i = l->max_files - 1; i > 0; i--) {
		snprintf(to, sizeof(to), "log.%u", i);
		if (i > 1)
			snprintf(from, sizeof(from), "log.%u", i - 1);
		else
			memcpy(from, "log", 4);
		renameat(l->dir, from, l->dir, to);
	}
	if (l->max_files == 1)
		unlinkat(l->dir, "log", 0);
	close(l->fd);
	log_open(l, l->dir, l->max_bytes, l->max_files);
}

static void append(struct log *l, const char *data, size_t len)
{
	size_t done = 0;

	if (l->fd < 0) /* there was no room for a new file */
		log_open(l, l->dir, l->max_bytes, l->max_files);
	while (done < len) {
		ssize_t n = write(l->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done < len) {
		/* Half a frame would damage the file. */
		l->dropped += len;
		if (done && ftruncate(l->fd, (off_t)l->size) < 0)
			l->dropped += done;
		return;
	}
	l->size += len;
	if (l->max_bytes && l->size >= l->max_bytes)
		rotate(l);
}

static void put_head(char *out, int kind, int flags, size_t len, int64_t time_ns)
{
	int i;

	out[0] = (char)kind;
	out[1] = (char)flags;
	out[2] = out[3] = 0;
	for (i = 0; i < 4; i++)
		out[4 + i] = (char)(len >> (24 - 8 * i));
	for (i = 0; i < 8; i++)
		out[8 + i] = (char)((uint64_t)time_ns >> (56 - 8 * i));
}

size_t log_frames(int kind, int64_t time_ns, const char *data, size_t len, char *out, size_t room,
		  size_t *ret_out)
{
	size_t used = 0, at = 0;

	while (used < len) {
		size_t left = len - used;
		const char *eol =
			memchr(data + used, '\n', left < SHIM_LINE_MAX ? left : SHIM_LINE_MAX);
		size_t piece = eol		      ? (size_t)(eol - data) - used + 1
			       : left < SHIM_LINE_MAX ? left
						      : SHIM_LINE_MAX;

		if (at + SHIM_LOG_HEAD + piece > room)
			break;
		put_head(out + at, kind, eol ? 0 : SHIM_LOG_PARTIAL, piece, time_ns);
		memcpy(out + at + SHIM_LOG_HEAD, data + used, piece);
		at += SHIM_LOG_HEAD + piece;
		used += piece;
	}
	*ret_out = at;
	return used;
}

void log_add(struct log *l, int kind, const char *data, size_t len)
{
	int64_t time_ns = now_ns();

	while (len) {
		size_t out,
			used = log_frames(kind, time_ns, data, len, output, sizeof(output), &out);

		append(l, output, out);
		data += used;
		len -= used;
	}
}

enum log_taken log_take(struct log *l, int fd, int kind)
{
	ssize_t n = read(fd, input, sizeof(input));

	if (n > 0) {
		log_add(l, kind, input, (size_t)n);
		return LOG_SOME;
	}
	/* EIO: a terminal that was hung up */
	return n < 0 && (errno == EINTR || errno == EAGAIN) ? LOG_NOTHING_NOW : LOG_ENDED;
}
