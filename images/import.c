/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Import: the stream goes to a cmp-layer of its own, which unpacks it in tmp/; when it has ended
 * well, one operation of the queue moves layer and blob to their places, writes config and
 * manifest, and records the image.  Ends are many (the program, its two outputs, the caller's
 * cancel): they are counted in `pending`, and the last one starts the operation.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/time.h"
#include "images/change.h"
#include "images/store_int.h"

#define HIGH_BYTES ((size_t)4 << 20) /* asks the caller to stop */
#define LOW_BYTES  ((size_t)1 << 20)
#define REPLY_MAX  ((size_t)16 << 10)

#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"

/* One output of cmp-layer, collected. */
struct reply {
	uv_pipe_t pipe;
	struct buf text;
	char chunk[4096];
};

struct image_import {
	struct image_op op;
	struct image_store *store;
	char *full; /* the name, or NULL */
	json_t *document;
	int64_t created_ns;
	void (*on_drain)(void *arg);
	void (*done)(void *arg, const char *id, const struct error *err);
	void *arg;

	char *tmp; /* below the store: tmp/<id> */
	uv_process_t process;
	uv_pipe_t input;
	struct reply out, log;
	unsigned pending; /* handles that are open */
	size_t queued_bytes;
	bool started; /* the caller waits for done */
	bool asked_to_stop, ended, cancelled;
	bool refused; /* cancelled before its turn came */
	int64_t exit_status;
	int signal;

	char id[DIGEST_TEXT_MAX];
	struct image_entry *entry; /* loaded by the worker */
};

/* ---- the end: a turn in the queue */

static int write_document(const struct image_store *s, const json_t *doc, char id[DIGEST_TEXT_MAX],
			  size_t *ret_len, struct error *err)
{
	auto_free char *text = json_text(doc), *path = NULL;
	char hex[DIGEST_HEX_MAX];

	*ret_len = strlen(text);
	digest_of(text, *ret_len, hex);
	snprintf(id, DIGEST_TEXT_MAX, "sha256:%s", hex);
	path = xasprintf(IMAGE_BLOB_DIR "/%s", hex);
	if (file_exists(s->dir, path))
		return 0;
	return file_write_atomic(s->dir, path, text, *ret_len, 0600, err);
}

static json_t *descriptor(const char *media_type, const char *digest, int64_t size)
{
	json_t *o = json_object();

	json_set_str(o, "mediaType", media_type);
	json_set_str(o, "digest", digest);
	json_set_int(o, "size", size);
	return o;
}

static json_t *manifest_of(const char *config, size_t config_len, const json_t *result)
{
	json_t *o = json_object(), *layers = json_array();

	json_array_append_new(layers, descriptor(json_get_str(result, "media_type"),
						 json_get_str(result, "digest"),
						 json_get_int(result, "blob_bytes", 0)));
	json_set_int(o, "schemaVersion", 2);
	json_set_str(o, "mediaType", MEDIA_MANIFEST);
	json_set_new(o, "config", descriptor(MEDIA_CONFIG, config, (int64_t)config_len));
	json_set_new(o, "layers", layers);
	return o;
}

/* Moves `from` to `to` unless that exists, and puts the move on disk. */
static int move_into(const struct image_store *s, const char *from, const char *place,
		     const char *hex, struct error *err)
{
	auto_free char *to = xasprintf("%s/%s", place, hex);
	auto_fd int dir = -1;

	if (file_exists(s->dir, to))
		return 0;
	if (renameat(s->dir, from, s->dir, to) < 0)
		return error_sys(err, errno, "move %s", to);
	dir = openat(s->dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) < 0)
		return error_sys(err, errno, "write %s to disk", place);
	return 0;
}

/* The result of cmp-layer, checked: it has handled foreign bytes. */
static int parse_result(struct image_import *im, json_t **ret, struct error *err)
{
	const char *diff, *digest;

	if (json_load_text(im->out.text.data ?: "", im->out.text.len, ret, err) < 0)
		return error_wrap(err, "result of cmp-layer");
	diff = json_get_str(*ret, "diff_id");
	digest = json_get_str(*ret, "digest");
	if (!diff || !digest || !digest_valid(diff) || !digest_valid(digest) ||
	    !json_get_str(*ret, "media_type"))
		return error_set(err, EPROTO, "cmp-layer gave an incomplete result");
	return 0;
}

static int store_layer(struct image_import *im, const json_t *result, struct error *err)
{
	const struct image_store *s = im->store;
	auto_free char *layer = xasprintf("%s/layer", im->tmp),
		       *blob = xasprintf("%s/blob", im->tmp);
	auto_free char *marker = xasprintf("%s/done", layer), *text = json_text(result);

	/* cmp-layer has put the tree on disk; the marker comes after it, the move after both. */
	if (file_write_atomic(s->dir, marker, text, strlen(text), 0600, err) < 0 ||
	    move_into(s, layer, IMAGE_LAYER_DIR, json_get_str(result, "diff_id") + 7, err) < 0)
		return -err->code;
	return move_into(s, blob, IMAGE_BLOB_DIR, json_get_str(result, "digest") + 7, err);
}

static int record(struct image_import *im, const char *manifest, struct error *err)
{
	char created[32];
	const char *const row[IMAGE_DB_PARAMS] = {im->id, manifest, created};
	const char *const name[IMAGE_DB_PARAMS] = {im->full, im->id};
	struct sqlite3 *db = im->store->db;
	int r = image_db_begin(db, err);

	if (r < 0)
		return r;
	snprintf(created, sizeof(created), "%lld", (long long)im->created_ns);
	r = image_db_run(db, "INSERT OR REPLACE INTO image_images VALUES (?1, ?2, ?3)", row, NULL,
			 NULL, err);
	if (r == 0 && im->full)
		r = image_db_run(db, "INSERT OR REPLACE INTO image_names VALUES (?1, ?2)", name,
				 NULL, NULL, err);
	return image_db_end(db, r, err);
}

static int commit(struct image_import *im, struct error *err)
{
	json_t *diffs = json_get_path(im->document, "rootfs.diff_ids");
	auto_json json_t *result = NULL, *manifest = NULL;
	char digest[DIGEST_TEXT_MAX];
	size_t len;

	if (parse_result(im, &result, err) < 0 || store_layer(im, result, err) < 0)
		return -err->code;
	json_array_append_new(diffs, json_str(json_get_str(result, "diff_id")));
	if (write_document(im->store, im->document, im->id, &len, err) < 0)
		return -err->code;
	manifest = manifest_of(im->id, len, result);
	if (write_document(im->store, manifest, digest, &len, err) < 0 ||
	    image_entry_load(im->store, im->id, digest, im->created_ns, &im->entry, err) < 0)
		return -err->code;
	return record(im, digest, err);
}

/* Why cmp-layer did not do it. */
static int outcome(const struct image_import *im, struct error *err)
{
	auto_free char *text = xstrdup(im->log.text.data ?: "");
	char *line = str_trim(text);

	if (im->refused)
		return error_set(err, ECANCELED, "the import was cancelled");
	if (!im->exit_status && !im->signal)
		return 0;
	if (im->signal)
		return error_set(err, EIO, "cmp-layer was killed by signal %d", im->signal);
	line[strcspn(line, "\n")] = '\0';
	return error_set(err, EBADMSG, "%s",
			 *line && str_printable(line) ? line : "cmp-layer failed");
}

static int import_decide(struct image_op *op, struct error *err)
{
	struct image_import *im = container_of(op, struct image_import, op);

	(void)err;
	im->refused = im->cancelled;
	return 0;
}

static int import_work(struct image_op *op, struct error *err)
{
	struct image_import *im = container_of(op, struct image_import, op);
	struct error ignored = ERROR_INIT; /* what stays in tmp/ goes at the next open */
	int r = outcome(im, err);

	if (r == 0)
		r = commit(im, err);
	(void)!file_remove_tree(im->store->dir, im->tmp, &ignored);
	return r;
}

static void import_apply(struct image_op *op)
{
	struct image_import *im = container_of(op, struct image_import, op);
	struct image_entry *e = image_entry_insert(im->store, steal_ptr(&im->entry));

	if (im->full)
		image_name_set(im->store, e, im->full);
}

static void import_free(struct image_import *im)
{
	if (im->entry)
		image_unref(&im->entry->im);
	json_decref(im->document);
	buf_release(&im->out.text);
	buf_release(&im->log.text);
	free(im->full);
	free(im->tmp);
	free(im);
}

static void import_finish(struct image_op *op)
{
	struct image_import *im = container_of(op, struct image_import, op);

	im->store->imports--;
	im->done(im->arg, op->error.code ? NULL : im->id, op->error.code ? &op->error : NULL);
	import_free(im);
}

/* ---- the program and its pipes */

static void on_closed(uv_handle_t *handle)
{
	static const struct image_op_kind kind = {import_decide, import_work, import_apply,
						  import_finish};
	struct image_import *im = handle->data;

	if (--im->pending)
		return;
	if (im->started)
		image_op_start(im->store, &im->op, &kind);
	else
		import_free(im);
}

static void close_once(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct image_import *im = process->data;

	im->exit_status = status;
	im->signal = signal;
	im->ended = true; /* writes are dropped from now on */
	close_once(&im->process);
	close_once(&im->input);
	if (im->asked_to_stop && im->on_drain) {
		im->asked_to_stop = false;
		im->on_drain(im->arg);
	}
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct reply *r = container_of((uv_pipe_t *)handle, struct reply, pipe);

	(void)suggested;
	*ret = uv_buf_init(r->chunk, sizeof(r->chunk));
}

static void on_reply(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
	struct reply *r = container_of((uv_pipe_t *)stream, struct reply, pipe);

	if (n < 0)
		close_once(stream);
	else
		buf_add(&r->text, chunk->base, (size_t)n); /* beyond REPLY_MAX: dropped */
}

static int find_program(char *ret, size_t size, struct error *err)
{
	char dir[PATH_MAX];

	if (file_program_dir(dir, sizeof(dir), err) < 0)
		return -err->code;
	snprintf(ret, size, "%s/cmp-layer", dir);
	if (!file_exists(AT_FDCWD, ret))
		snprintf(ret, size, "%s/cmp-layer", PKGLIBEXECDIR);
	return 0;
}

static void init_pipe(struct image_import *im, uv_pipe_t *pipe)
{
	uv_pipe_init(im->store->loop, pipe, 0);
	pipe->data = im;
	im->pending++;
}

static int start_program(struct image_import *im, struct error *err)
{
	char program[PATH_MAX + 16];
	auto_free char *fs = xasprintf("%s/%s/layer/fs", im->store->root, im->tmp);
	auto_free char *blob = xasprintf("%s/%s/blob", im->store->root, im->tmp);
	char *argv[] = {program, fs, blob, NULL}, *env[] = {NULL};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (void *)&im->input},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (void *)&im->out.pipe},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (void *)&im->log.pipe},
	};
	uv_process_options_t options = {.file = program,
					.args = argv,
					.env = env,
					.stdio = stdio,
					.stdio_count = 3,
					.exit_cb = on_exit_of};
	int r;

	if (find_program(program, sizeof(program), err) < 0 || file_mkdir_p(fs, 0755, err) < 0)
		return -err->code;
	init_pipe(im, &im->input);
	init_pipe(im, &im->out.pipe);
	init_pipe(im, &im->log.pipe);
	im->process.data = im;
	im->pending++;
	r = uv_spawn(im->store->loop, &im->process, &options);
	return r < 0 ? error_sys(err, -r, "start %s", program) : 0;
}

/* The program did not start: frees the import, handles first. */
static void abandon(struct image_import *im)
{
	struct error ignored = ERROR_INIT;

	(void)!file_remove_tree(im->store->dir, im->tmp, &ignored);
	if (!im->pending) {
		import_free(im);
		return;
	}
	close_once(&im->input);
	close_once(&im->out.pipe);
	close_once(&im->log.pipe);
	close_once(&im->process);
}

/* ---- arguments */

static const char *host_architecture(void)
{
	static const struct {
		const char *machine, *architecture;
	} known[] = {{"x86_64", "amd64"},   {"aarch64", "arm64"},   {"i686", "386"},
		     {"armv7l", "arm"},	    {"ppc64le", "ppc64le"}, {"s390x", "s390x"},
		     {"riscv64", "riscv64"}};
	struct utsname host;

	for (size_t i = 0; uname(&host) == 0 && i < ARRAY_LEN(known); i++)
		if (!strcmp(host.machine, known[i].machine))
			return known[i].architecture;
	return "unknown";
}

static int set_platform(json_t *document, const char *platform, struct error *err)
{
	AUTO(strv_free) char **parts = NULL;

	if (str_empty(platform)) {
		json_set_str(document, "architecture", host_architecture());
		json_set_str(document, "os", "linux");
		return 0;
	}
	parts = strv_split(platform, "/");
	if (strv_len(parts) < 2 || strv_len(parts) > 3 || strcmp(parts[0], "linux") != 0 ||
	    !str_printable(platform))
		return error_set(err, EINVAL, "invalid platform %s: linux/ARCHITECTURE[/VARIANT]",
				 platform);
	json_set_str(document, "architecture", parts[1]);
	json_set_str(document, "os", parts[0]);
	json_set_str(document, "variant", parts[2]);
	return 0;
}

static int make_document(struct image_import *im, const struct image_import_args *args,
			 struct error *err)
{
	json_t *doc = json_object(), *config = json_object(), *history = json_object();
	char created[TIME_TEXT_MAX];

	im->document = doc;
	time_format(im->created_ns, created);
	json_set_str(doc, "created", created);
	json_set_new(doc, "config", config);
	json_set_new(doc, "rootfs", json_pack("{s:s, s:[]}", "type", "layers", "diff_ids"));
	json_set_str(history, "created", created);
	if (args->message)
		json_set_new(history, "comment", json_str(args->message));
	json_set_new(doc, "history", json_pack("[o]", history));
	for (char *const *c = args->changes; c && *c; c++)
		if (image_change_apply(config, *c, err) < 0)
			return -err->code;
	return set_platform(doc, args->platform, err);
}

static int take_args(struct image_import *im, const struct image_import_args *args,
		     struct error *err)
{
	auto_reference struct image_reference r = {0};
	char id[DIGEST_HEX_MAX];

	if (!str_empty(args->name)) {
		if (image_reference_parse(args->name, &r, err) < 0)
			return -err->code;
		if (r.digest)
			return error_set(err, EINVAL,
					 "a name for an image may not have a digest: %s",
					 args->name);
		im->full = image_reference_full(&r);
	}
	im->created_ns = time_now_ns();
	im->on_drain = args->on_drain;
	im->done = args->done;
	im->arg = args->arg;
	digest_random_id(id);
	im->tmp = xasprintf(IMAGE_TMP_DIR "/%.16s", id);
	buf_init(&im->out.text, REPLY_MAX);
	buf_init(&im->log.text, REPLY_MAX);
	return make_document(im, args, err);
}

int image_import_start(struct image_store *s, const struct image_import_args *args,
		       struct image_import **ret, struct error *err)
{
	struct image_import *im = xcalloc(1, sizeof(*im));

	im->store = s;
	if (take_args(im, args, err) < 0) {
		import_free(im);
		return -err->code;
	}
	if (start_program(im, err) < 0) {
		abandon(im);
		return -err->code;
	}
	im->started = true;
	s->imports++;
	uv_read_start((uv_stream_t *)&im->out.pipe, give_chunk, on_reply);
	uv_read_start((uv_stream_t *)&im->log.pipe, give_chunk, on_reply);
	*ret = im;
	return 0;
}

/* ---- feeding */

struct chunk {
	uv_write_t request;
	struct image_import *im;
	size_t len;
	char data[];
};

static void on_written(uv_write_t *request, int status)
{
	struct chunk *c = container_of(request, struct chunk, request);
	struct image_import *im = c->im;

	(void)status; /* that the program is gone is told by its exit */
	im->queued_bytes -= c->len;
	free(c);
	if (im->asked_to_stop && im->queued_bytes <= LOW_BYTES) {
		im->asked_to_stop = false;
		if (im->on_drain)
			im->on_drain(im->arg);
	}
}

int image_import_write(struct image_import *im, const char *data, size_t len)
{
	struct chunk *c;
	uv_buf_t buf;

	if (im->ended || !len)
		return 0;
	c = xmalloc(sizeof(*c) + len);
	c->im = im;
	c->len = len;
	memcpy(c->data, data, len);
	buf = uv_buf_init(c->data, (unsigned)len);
	if (uv_write(&c->request, (uv_stream_t *)&im->input, &buf, 1, on_written) < 0) {
		free(c);
		return 0;
	}
	im->queued_bytes += len;
	im->asked_to_stop = im->queued_bytes > HIGH_BYTES;
	return im->asked_to_stop;
}

static void on_shut(uv_shutdown_t *request, int status)
{
	struct image_import *im = request->data;

	(void)status;
	free(request);
	close_once(&im->input);
}

void image_import_eof(struct image_import *im)
{
	uv_shutdown_t *request;

	if (im->ended)
		return;
	im->ended = true;
	request = xcalloc(1, sizeof(*request));
	request->data = im;
	if (uv_shutdown(request, (uv_stream_t *)&im->input, on_shut) < 0) {
		free(request);
		close_once(&im->input);
	}
}

void image_import_cancel(struct image_import *im)
{
	im->cancelled = true;
	im->ended = true;
	if (!uv_is_closing((uv_handle_t *)&im->process))
		uv_process_kill(&im->process, SIGKILL);
}
