/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's files: /containers/{}/archive, which `docker cp` and compose's configs and secrets
 * are made of, export, changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/archive.h"
#include "engine/changes.h"
#include "engine/container_int.h"

#define READ_BYTES ((size_t)64 << 10)
#define QUEUE_HIGH ((size_t)1 << 20)

struct transfer {
	struct api_request *request; /* NULL: the client is gone */
	struct container *container; /* referenced */
	char *path;
	struct archive *archive; /* NULL: it has ended */
	uv_pipe_t pipe;		 /* the tar stream, ours end */
	bool piping, eof, whole;
	size_t queued;
	struct error error;
	char chunk[READ_BYTES];
};

/* ---- what a place looks like */

/* Go's bits of a file mode. */
static uint64_t go_mode(int64_t mode)
{
	static const struct {
		unsigned format;
		uint64_t bits;
	} formats[] = {{S_IFDIR, 1ull << 31},  {S_IFLNK, 1ull << 27},
		       {S_IFBLK, 1ull << 26},  {S_IFIFO, 1ull << 25},
		       {S_IFSOCK, 1ull << 24}, {S_IFCHR, 1ull << 26 | 1ull << 21}};
	uint64_t bits = (uint64_t)mode & 0777;
	size_t i;

	for (i = 0; i < ARRAY_LEN(formats); i++)
		if (((unsigned)mode & S_IFMT) == formats[i].format)
			bits |= formats[i].bits;
	bits |= mode & S_ISUID ? 1ull << 23 : 0;
	bits |= mode & S_ISGID ? 1ull << 22 : 0;
	bits |= mode & S_ISVTX ? 1ull << 20 : 0;
	return bits;
}

static char *base64(const char *text, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf b = BUF_INIT;
	size_t i, k;

	for (i = 0; i < len; i += 3) {
		uint32_t three = 0;

		for (k = 0; k < 3; k++)
			three = three << 8 | (i + k < len ? (unsigned char)text[i + k] : 0);
		for (k = 0; k < 4; k++)
			buf_addc(&b, i + k > len ? '=' : digits[three >> (18 - 6 * k) & 63]);
	}
	return buf_steal(&b);
}

static void stat_header(struct api_request *r, const json_t *stat)
{
	const char *name = json_get_str(stat, "name");
	auto_buf struct buf b = BUF_INIT;
	auto_free char *text = NULL;

	buf_adds(&b, "{\"name\":");
	docker_put_str(&b, str_eq(name, ".") ? "/" : name);
	buf_addf(&b, ",\"size\":%lld,\"mode\":%llu,\"mtime\":",
		 (long long)json_get_int(stat, "size", 0),
		 (unsigned long long)go_mode(json_get_int(stat, "mode", 0)));
	docker_put_time(&b, json_get_int(stat, "mtime_ns", 0));
	buf_adds(&b, ",\"linkTarget\":");
	docker_put_str(&b, json_get_str(stat, "link"));
	buf_addc(&b, '}');
	text = base64(b.data, b.len);
	api_header(r, "X-Docker-Container-Path-Stat", text);
}

/* ---- what they share */

static struct transfer *transfer_new(struct api_request *r, struct container *c)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->request = r;
	t->container = container_ref(c);
	t->path = xstrdup(api_query(r, "path"));
	return t;
}

static void maybe_free(struct transfer *t)
{
	if (t->archive || t->piping)
		return;
	container_unref(t->container);
	free(t->path);
	free(t);
}

static void failed(struct api_request *r, const struct transfer *t, const struct error *err)
{
	bool put = str_eq(r->method, "PUT");

	if (put && err->code == ENOTDIR)
		docker_fail(r, 400, "extraction point is not a directory");
	else if (err->code == ENOENT || err->code == ENOTDIR || err->code == ELOOP)
		docker_fail(r, 404, "Could not find the file %s in container %s", t->path,
			    r->params[0]);
	else if (err->code == EROFS)
		docker_fail(r, 403, "container rootfs is marked read-only");
	else
		api_reply_error(r, err);
}

static struct container *wanted(struct api_request *r)
{
	struct container *c = docker_container(r);

	if (!c || !str_empty(api_query(r, "path")))
		return c;
	docker_fail(r, 400, "bad parameter: pathcannot be empty");
	return NULL;
}

static void on_pipe_closed(uv_handle_t *h)
{
	struct transfer *t = container_of((uv_pipe_t *)(void *)h, struct transfer, pipe);

	t->piping = false;
	maybe_free(t);
}

static void close_pipe(struct transfer *t)
{
	if (t->piping && !uv_is_closing((uv_handle_t *)&t->pipe))
		uv_close((uv_handle_t *)&t->pipe, on_pipe_closed);
}

/* Ours becomes the stream, theirs is the caller's to close. */
static int open_pipe(struct transfer *t, bool reading, int *ret_theirs, struct error *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	uv_pipe_init(t->container->daemon->loop, &t->pipe, 0);
	t->piping = true;
	if (uv_pipe_open(&t->pipe, p[!reading]) < 0) {
		close(p[0]);
		close(p[1]);
		close_pipe(t);
		return error_set(err, EIO, "open a pipe");
	}
	*ret_theirs = p[reading];
	return 0;
}

static void leave(struct transfer *t)
{
	t->request->on_hangup = NULL;
	t->request->on_data = NULL;
	t->request->on_end = t->request->on_drain = NULL;
	t->request = NULL;
}

static void on_hangup(void *arg)
{
	struct transfer *t = arg;

	t->request = NULL;
	if (t->archive)
		archive_kill(t->archive);
	close_pipe(t);
}

/* ---- HEAD, and the first half of GET */

static void send_tree(struct transfer *t);

static void on_stat(void *arg, const json_t *stat, const struct error *err)
{
	struct transfer *t = arg;
	struct api_request *r = t->request;

	t->archive = NULL;
	if (r && err) {
		leave(t);
		failed(r, t, err);
	} else if (r) {
		stat_header(r, stat);
		if (strcmp(r->method, "HEAD")) {
			send_tree(t);
			return;
		}
		leave(t);
		api_reply_empty(r, 200);
	}
	maybe_free(t);
}

static void get_archive(struct api_request *r)
{
	struct container *c = wanted(r);
	struct archive_args args = {.op = "stat", .input = -1, .output = -1, .done = on_stat};
	struct error err = ERROR_INIT;
	struct transfer *t;

	if (!c)
		return;
	t = transfer_new(r, c);
	args.path = t->path;
	args.arg = t;
	if (archive_start(c, &args, &t->archive, &err) < 0) {
		failed(r, t, &err);
		maybe_free(t);
		return;
	}
	r->arg = t;
	r->on_hangup = on_hangup;
}

/* ---- the second half: the tree */

/* The stream is complete when both the program and its output have ended. */
static void finish_get(struct transfer *t)
{
	struct api_request *r = t->request;

	if (t->archive || t->piping)
		return;
	if (r) {
		leave(t);
		if (t->error.code)
			api_stream_abort(r);
		else
			api_stream_end(r);
	}
	maybe_free(t);
}

static void on_output_closed(uv_handle_t *h)
{
	struct transfer *t = container_of((uv_pipe_t *)(void *)h, struct transfer, pipe);

	t->piping = false;
	finish_get(t);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct transfer *t = container_of((uv_pipe_t *)(void *)h, struct transfer, pipe);

	(void)size;
	*buf = uv_buf_init(t->chunk, sizeof(t->chunk));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct transfer *t = container_of((uv_pipe_t *)(void *)stream, struct transfer, pipe);

	if (n < 0 && !uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_output_closed);
	else if (n > 0 && t->request && !api_stream_write(t->request, buf->base, (size_t)n))
		uv_read_stop(stream);
}

static void on_output_drain(void *arg)
{
	struct transfer *t = arg;

	if (t->piping && !uv_is_closing((uv_handle_t *)&t->pipe))
		uv_read_start((uv_stream_t *)&t->pipe, on_alloc, on_output);
}

static void on_packed(void *arg, const json_t *stat, const struct error *err)
{
	struct transfer *t = arg;

	(void)stat;
	t->archive = NULL;
	if (err)
		t->error = *err;
	finish_get(t);
}

static void send_tree(struct transfer *t)
{
	struct api_request *r = t->request;
	struct archive_args args = {.op = "get",
				    .path = t->path,
				    .whole = t->whole,
				    .input = -1,
				    .output = -1,
				    .done = on_packed,
				    .arg = t};
	struct error err = ERROR_INIT;
	int rc = open_pipe(t, true, &args.output, &err);

	if (rc == 0) {
		rc = archive_start(t->container, &args, &t->archive, &err);
		close(args.output);
	}
	if (rc < 0) {
		leave(t);
		failed(r, t, &err);
		close_pipe(t);
		maybe_free(t);
		return;
	}
	container_emit(t->container, t->whole ? "export" : "archive-path", "path", t->path);
	r->on_drain = on_output_drain;
	api_stream_start(r, t->whole ? "application/octet-stream" : "application/x-tar");
	uv_read_start((uv_stream_t *)&t->pipe, on_alloc, on_output);
}

static void get_export(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct transfer *t;

	if (!c)
		return;
	t = transfer_new(r, c);
	free(t->path);
	t->path = xstrdup("/");
	t->whole = true;
	r->arg = t;
	r->on_hangup = on_hangup;
	send_tree(t);
}

/* ---- PUT */

struct piece {
	uv_write_t write;
	struct transfer *transfer;
	size_t len;
	char data[];
};

static void on_written(uv_write_t *write, int status)
{
	struct piece *piece = container_of(write, struct piece, write);
	struct transfer *t = piece->transfer;

	t->queued -= piece->len;
	free(piece);
	if (status < 0 || (t->eof && !t->queued))
		close_pipe(t); /* it has ended; why is told by itself */
	if (t->request && t->queued <= QUEUE_HIGH / 2)
		api_pause(t->request, false);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct transfer *t = arg;
	struct piece *piece;
	uv_buf_t buf;

	if (!t->piping || uv_is_closing((uv_handle_t *)&t->pipe))
		return; /* the rest of the body passes */
	piece = xmalloc(sizeof(*piece) + len);
	piece->transfer = t;
	piece->len = len;
	memcpy(piece->data, data, len);
	buf = uv_buf_init(piece->data, (unsigned)len);
	t->queued += len;
	if (uv_write(&piece->write, (uv_stream_t *)&t->pipe, &buf, 1, on_written) < 0) {
		t->queued -= len;
		free(piece);
		close_pipe(t);
	} else if (t->queued > QUEUE_HIGH) {
		api_pause(t->request, true);
	}
}

static void on_end(void *arg)
{
	struct transfer *t = arg;

	t->eof = true;
	if (!t->queued)
		close_pipe(t);
}

static void on_unpacked(void *arg, const json_t *stat, const struct error *err)
{
	struct transfer *t = arg;
	struct api_request *r = t->request;

	(void)stat;
	t->archive = NULL;
	close_pipe(t);
	if (!err)
		container_emit(t->container, "extract-to-dir", "path", t->path);
	if (r) {
		api_pause(r, false);
		leave(t);
		if (err)
			failed(r, t, err);
		else
			api_reply_empty(r, 200);
	}
	maybe_free(t);
}

static void put_archive(struct api_request *r)
{
	struct container *c = wanted(r);
	struct archive_args args = {.op = "put",
				    .keep_kinds = docker_flag(r, "noOverwriteDirNonDir"),
				    .chown = docker_flag(r, "copyUIDGID"),
				    .input = -1,
				    .output = -1,
				    .done = on_unpacked};
	struct error err = ERROR_INIT;
	struct transfer *t;
	int rc;

	if (!c)
		return;
	t = transfer_new(r, c);
	args.path = t->path;
	args.arg = t;
	rc = open_pipe(t, false, &args.input, &err);
	if (rc == 0) {
		rc = archive_start(c, &args, &t->archive, &err);
		close(args.input);
	}
	if (rc < 0) {
		failed(r, t, &err);
		t->request = NULL;
		close_pipe(t);
		maybe_free(t);
		return;
	}
	r->arg = t;
	r->on_data = on_data;
	r->on_end = on_end;
	r->on_hangup = on_hangup;
}

/* ---- changes */

struct changes {
	struct api_request *request; /* NULL: the client is gone */
};

static void on_changes_hangup(void *arg)
{
	((struct changes *)arg)->request = NULL;
}

static void on_changes(void *arg, const struct change *list, size_t count, const struct error *err)
{
	struct changes *w = arg;
	struct api_request *r = w->request;
	auto_buf struct buf b = BUF_INIT;
	size_t i;

	free(w);
	if (!r)
		return;
	r->on_hangup = NULL;
	if (err) {
		api_reply_error(r, err);
		return;
	}
	buf_adds(&b, count ? "[" : "null");
	for (i = 0; i < count; i++) {
		docker_put_comma(&b);
		buf_adds(&b, "{\"Path\":");
		docker_put_str(&b, list[i].path);
		buf_addf(&b, ",\"Kind\":%u}", (unsigned)list[i].kind);
	}
	buf_adds(&b, count ? "]" : "");
	docker_reply(r, 200, &b);
}

static void get_changes(struct api_request *r)
{
	struct container *c = docker_container(r);
	struct error err = ERROR_INIT;
	struct changes *w;

	if (!c)
		return;
	w = xcalloc(1, sizeof(*w));
	w->request = r;
	if (container_changes(c, on_changes, w, &err) < 0) {
		free(w);
		api_reply_error(r, &err);
		return;
	}
	r->arg = w;
	r->on_hangup = on_changes_hangup;
}

const struct docker_route docker_archive_routes[] = {
	DOCKER_ROUTE("HEAD", "/containers/{}/archive", get_archive),
	DOCKER_ROUTE("GET", "/containers/{}/archive", get_archive),
	DOCKER_ROUTE("GET", "/containers/{}/export", get_export),
	DOCKER_ROUTE("GET", "/containers/{}/changes", get_changes),
	{{"PUT", "/containers/{}/archive", put_archive, true}, DOCKER_DONE, NULL},
	DOCKER_ROUTE_END,
};
