/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading in rounds.  A round runs in a worker and owns the readers: it merges the frames of all
 * sources by time into one block.  The loop thread passes the block on and starts the next round
 * when there may be more: at once if the block was full, otherwise when a file has changed.  What
 * the loop thread learns meanwhile (new containers, exits) waits until the round is over.
 */
#include "engine/logs.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "engine/logfile.h"
#include "engine/project.h"
#include "runtime/protocol.h"

#define ROUND_BYTES ((size_t)1 << 20)
#define FRAME_HEAD  SHIM_LOG_HEAD
#define SOURCES_MAX 65535

enum frame_kind { FRAME_ANNOUNCE = 0, FRAME_EXITED = 3 };

struct source {
	struct list link;
	struct logs *logs;
	struct container *container; /* referenced */
	char *name, *dir;	     /* copies, which the worker reads */
	unsigned index;
	bool announced;
	bool ended; /* the container does not run any more; said once its log is drained */
	int exit_code;
	bool restarting, exit_due;
	bool watching, closing;
	uv_fs_event_t watch; /* of its directory */
	/* the worker's */
	struct logfile *file;
	int64_t tail;
	bool failed, past_until;
};

struct logs {
	struct daemon *daemon;
	char *project, *container;
	char **services;
	struct logs_args args; /* the strings in it are not used */
	struct list sources;
	struct source **order; /* of the round: the sources as they were at its start */
	size_t order_count;
	unsigned next_index;
	struct container_watch watch;
	uv_work_t work;
	struct buf block;
	bool round_full, reading, delivering, changed, paused, closing, finished;
	unsigned handles; /* open uv handles and the round under way */
	struct error error;
};

/* ---- frames */

static void put_head(struct buf *b, int kind, int flags, unsigned index, size_t len,
		     int64_t time_ns)
{
	unsigned char h[FRAME_HEAD] = {(unsigned char)kind, (unsigned char)flags,
				       (unsigned char)(index >> 8), (unsigned char)index};
	int i;

	for (i = 0; i < 4; i++)
		h[4 + i] = (unsigned char)(len >> (24 - 8 * i));
	for (i = 0; i < 8; i++)
		h[8 + i] = (unsigned char)((uint64_t)time_ns >> (56 - 8 * i));
	buf_add(b, h, sizeof(h));
}

static void put_announce(struct buf *b, struct source *s)
{
	put_head(b, FRAME_ANNOUNCE, 0, s->index, strlen(s->name), 0);
	buf_adds(b, s->name);
	s->announced = true;
}

static void put_exit(struct buf *b, struct source *s)
{
	auto_json json_t *info = json_object();
	auto_free char *text = NULL;

	json_set_int(info, "exit_code", s->exit_code);
	json_set_bool(info, "restarting", s->restarting);
	text = json_text(info);
	put_head(b, FRAME_EXITED, 0, s->index, strlen(text), 0);
	buf_adds(b, text);
}

/* ---- the worker's part */

static bool wanted(const struct logs *l, const struct logfile_frame *frame)
{
	if (l->args.since_ns && frame->time_ns < l->args.since_ns)
		return false;
	if (l->args.stdout_only && frame->head[0] != SHIM_LOG_STDOUT)
		return false;
	return !l->args.stderr_only || frame->head[0] == SHIM_LOG_STDERR;
}

static int open_source(struct source *s, struct error *err)
{
	if (s->file)
		return 0;
	s->file = logfile_new(s->dir);
	return logfile_seek_tail(s->file, s->tail, err);
}

/* The next frame of a source that is to be shown. 0: none for now. */
static int peek_wanted(struct logs *l, struct source *s, struct logfile_frame *ret,
		       struct error *err)
{
	int r;

	while ((r = logfile_peek(s->file, ret, err)) > 0) {
		if (l->args.until_ns && ret->time_ns > l->args.until_ns) {
			s->past_until = true;
			return 0;
		}
		if (wanted(l, ret))
			return 1;
		logfile_next(s->file);
	}
	return r;
}

static void copy_frame(struct buf *b, const struct source *s, const struct logfile_frame *frame)
{
	size_t at = b->len;

	buf_add(b, frame->head, frame->len);
	if (b->overflow)
		return;
	b->data[at + 2] = (char)(s->index >> 8);
	b->data[at + 3] = (char)s->index;
}

/* The source whose next frame is the oldest; NULL when none has any. */
static struct source *oldest_source(struct logs *l, struct logfile_frame *ret)
{
	struct logfile_frame frame;
	struct source *best = NULL;
	size_t i;
	int r;

	for (i = 0; i < l->order_count; i++) {
		struct source *s = l->order[i];

		if (s->failed || s->past_until)
			continue;
		r = open_source(s, &l->error);
		if (r == 0)
			r = peek_wanted(l, s, &frame, &l->error);
		if (r < 0)
			s->failed = true;
		if (r <= 0 || (best && frame.time_ns >= ret->time_ns))
			continue;
		best = s;
		*ret = frame;
	}
	return best;
}

static bool full(const struct logs *l)
{
	return l->block.len + FRAME_HEAD + SHIM_LINE_MAX + 512 > ROUND_BYTES;
}

/* One source alone needs no comparing: frames are copied as they come. */
static void read_single(struct logs *l, struct source *s)
{
	struct logfile_frame frame;
	int r = s->failed ? 0 : open_source(s, &l->error);

	while (r == 0 && !s->failed && !s->past_until && !full(l)) {
		r = peek_wanted(l, s, &frame, &l->error);
		if (r <= 0)
			break;
		if (!s->announced)
			put_announce(&l->block, s);
		copy_frame(&l->block, s, &frame);
		logfile_next(s->file);
		r = 0;
	}
	s->failed |= r < 0;
}

static void round_work(uv_work_t *work)
{
	struct logs *l = container_of(work, struct logs, work);
	struct logfile_frame frame;
	struct source *s;

	if (l->order_count == 1) {
		read_single(l, l->order[0]);
	} else {
		while (!full(l) && (s = oldest_source(l, &frame))) {
			if (!s->announced)
				put_announce(&l->block, s);
			copy_frame(&l->block, s, &frame);
			logfile_next(s->file);
		}
	}
	l->round_full = full(l);
}

/* ---- the loop's part */

static void start_round(struct logs *l);
static void maybe_free(struct logs *l);

static bool may_still_write(const struct container *c)
{
	switch (c->state) {
	case CONTAINER_STARTING:
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
	case CONTAINER_STOPPING:
	case CONTAINER_RESTARTING:
		return true;
	default:
		return false;
	}
}

static bool anything_runs(const struct logs *l)
{
	const struct source *s;

	list_for_each (s, &l->sources, link)
		if (may_still_write(s->container))
			return true;
	return false;
}

static void source_free(struct source *s)
{
	list_remove(&s->link);
	logfile_free(s->file);
	container_unref(s->container);
	free(s->name);
	free(s->dir);
	free(s);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct source *s = container_of((uv_fs_event_t *)(void *)handle, struct source, watch);
	struct logs *l = s->logs;

	source_free(s);
	l->handles--;
	maybe_free(l);
}

static void close_source(struct source *s)
{
	if (!s->watching) {
		source_free(s);
		return;
	}
	if (s->closing)
		return;
	s->closing = true;
	uv_close((uv_handle_t *)&s->watch, on_watch_closed);
}

static void maybe_free(struct logs *l)
{
	struct source *s, *next;

	if (!l->closing || l->reading || l->delivering)
		return;
	list_for_each_safe (s, next, &l->sources, link)
		close_source(s);
	if (l->handles || !list_empty(&l->sources))
		return;
	buf_release(&l->block);
	strv_free(l->services);
	free(l->project);
	free(l->container);
	free(l->order);
	free(l);
}

void logs_stop(struct logs *l)
{
	if (l->closing)
		return;
	l->closing = true;
	container_watch_remove(&l->watch);
	maybe_free(l);
}

static void finish(struct logs *l)
{
	void (*on_end)(void *, const struct error *) = l->args.on_end;
	struct error err = l->error;

	if (l->closing)
		return;
	on_end(l->args.arg, err.code ? &err : NULL);
	logs_stop(l);
}

/* Passes the block on.  False when the reader left in the call: `l` is gone. */
static bool deliver(struct logs *l)
{
	if (!l->block.len)
		return true;
	l->delivering = true;
	if (!l->args.on_data(l->args.arg, l->block.data, l->block.len))
		l->paused = true;
	l->delivering = false;
	buf_reset(&l->block);
	if (!l->closing)
		return true;
	maybe_free(l);
	return false;
}

/* After a round that found nothing more: exits are due, or the end is. */
static void settle(struct logs *l)
{
	struct source *s;

	list_for_each (s, &l->sources, link) {
		if (!s->exit_due)
			continue;
		s->exit_due = false;
		if (!l->args.events)
			continue;
		if (!s->announced)
			put_announce(&l->block, s);
		put_exit(&l->block, s);
	}
	if (!deliver(l))
		return;
	if (!l->args.follow || (l->args.until_exit && !anything_runs(l)))
		l->finished = true;
	if (l->finished && !l->paused)
		finish(l);
}

static void after_round(uv_work_t *work, int status)
{
	struct logs *l = container_of(work, struct logs, work);
	bool more = l->round_full;

	(void)status;
	l->reading = false;
	if (l->closing) {
		maybe_free(l);
		return;
	}
	if (!deliver(l))
		return;
	if (more || l->changed)
		start_round(l);
	else
		settle(l);
}

static void start_round(struct logs *l)
{
	struct source *s;

	if (l->reading || l->paused || l->closing || l->finished) {
		l->changed = true;
		return;
	}
	l->changed = false;
	l->reading = true;
	l->order_count = 0;
	list_for_each (s, &l->sources, link) {
		l->order = xreallocarray(l->order, l->order_count + 1, sizeof(struct source *));
		l->order[l->order_count++] = s;
	}
	if (uv_queue_work(l->daemon->loop, &l->work, round_work, after_round) < 0) {
		l->reading = false;
		error_set(&l->error, EIO, "read logs: no worker");
		l->finished = true;
	}
}

void logs_resume(struct logs *l)
{
	if (!l->paused)
		return;
	l->paused = false;
	if (l->finished)
		finish(l);
	else
		start_round(l);
}

static void on_file_event(uv_fs_event_t *watch, const char *name, int events, int status)
{
	struct source *s = container_of(watch, struct source, watch);

	(void)events;
	if (status == 0 && (!name || str_starts(name, "log")))
		start_round(s->logs);
}

/* ---- sources */

static bool concerns(const struct logs *l, const struct container *c)
{
	if (l->container)
		return !strcmp(c->id, l->container);
	return str_eq(c->project, l->project) && (l->args.one_offs || !c->one_off) &&
	       (!l->services || strv_has(l->services, c->service)) &&
	       (!l->args.index || c->number == l->args.index);
}

static struct source *find_source(const struct logs *l, const struct container *c)
{
	struct source *s;

	list_for_each (s, &l->sources, link)
		if (s->container == c)
			return s;
	return NULL;
}

/* A container may have run and gone before the first round has begun. */
static void open_now(struct source *s)
{
	struct logs *l = s->logs;

	s->file = logfile_new(s->dir);
	if (logfile_seek_tail(s->file, s->tail, &l->error) < 0 ||
	    logfile_open(s->file, &l->error) < 0)
		s->failed = true;
}

static struct source *add_source(struct logs *l, struct container *c, int64_t tail)
{
	struct source *s;

	if (l->next_index >= SOURCES_MAX)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->logs = l;
	s->container = container_ref(c);
	s->name = xstrdup(c->name);
	s->dir = xstrdup(c->dir);
	s->index = l->next_index++;
	s->tail = tail;
	list_append(&l->sources, &s->link);
	if (!l->args.follow)
		return s;
	if (tail <= 0)
		open_now(s);
	uv_fs_event_init(l->daemon->loop, &s->watch);
	l->handles++;
	s->watching = true;
	if (uv_fs_event_start(&s->watch, on_file_event, c->dir, 0) < 0)
		error_set(&l->error, EIO, "watch the log of container %s", c->name);
	return s;
}

static void on_changed(struct container_watch *w, struct container *c, enum container_change what)
{
	struct logs *l = container_of(w, struct logs, watch);
	struct source *s;

	if (what == CONTAINER_CHANGED_HEALTH || !concerns(l, c))
		return;
	s = find_source(l, c);
	if (!s && c->state == CONTAINER_STARTING && l->args.follow)
		s = add_source(l, c, -1);
	if (!s)
		return;
	if (what == CONTAINER_CHANGED_REMOVED || c->state == CONTAINER_EXITED ||
	    c->state == CONTAINER_RESTARTING || c->state == CONTAINER_DEAD) {
		s->exit_due |= !s->ended; /* a removal soon after does not take it back */
		s->ended = c->state != CONTAINER_RESTARTING;
		s->restarting = c->state == CONTAINER_RESTARTING;
		s->exit_code = c->exit_code;
	} else {
		s->ended = false;
	}
	start_round(l);
}

static void add_present(struct logs *l)
{
	struct map_iter it = {0};

	while (map_next(l->daemon->containers, &it))
		if (concerns(l, it.value))
			add_source(l, it.value, l->args.tail);
}

int logs_start(struct daemon *d, const struct logs_args *args, struct logs **ret, struct error *err)
{
	struct container *c = NULL;
	struct logs *l;
	int r = args->container ? container_find(d, args->container, &c, err) : 0;

	if (r < 0)
		return r;
	if (c && !args->attached && str_eq(c->config.log_driver, "none"))
		return error_set(err, EINVAL, "container %s keeps no log (logging driver none)",
				 c->name);
	l = xcalloc(1, sizeof(*l));
	l->daemon = d;
	l->args = *args;
	l->container = c ? xstrdup(c->id) : NULL;
	l->project = xstrdup(args->project);
	l->services = strv_len(args->services) ? strv_dup(args->services) : NULL;
	list_init(&l->sources);
	buf_init(&l->block, ROUND_BYTES + ((size_t)1 << 20));
	l->watch.changed = on_changed;
	add_present(l);
	container_watch_add(d, &l->watch);
	start_round(l);
	*ret = l;
	return 0;
}

/* ---- the end of a log as text */

char *logs_tail_text(const struct container *c, int lines)
{
	struct logfile *f = logfile_new(c->dir);
	auto_buf struct buf text = {.max = (size_t)64 << 10};
	struct logfile_frame frame;
	struct error err = ERROR_INIT;

	if (logfile_seek_tail(f, lines, &err) == 0)
		while (logfile_peek(f, &frame, &err) > 0) {
			buf_add(&text, frame.head + FRAME_HEAD, frame.len - FRAME_HEAD);
			logfile_next(f);
		}
	logfile_free(f);
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	return buf_steal(&text);
}
