/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames: kind, flags, container index, length, timestamp, payload (see engine/logs.h).  See
 * logview.h. */
#include "cli/logview.h"

#include <errno.h>

#include "base/json.h"
#include "base/time.h"

#define FRAME_HEAD 16
#define FRAME_MAX  ((size_t)8 << 20)

enum { KIND_ANNOUNCE, KIND_STDOUT, KIND_STDERR, KIND_EXITED };
#define FLAG_PARTIAL 1

struct source {
	char *name;	  /* without the project */
	const char *tint; /* "" without colour */
	bool open[3];	  /* a partial line of that stream is on the screen */
};

struct logview {
	struct logview_options options;
	struct source *sources;
	size_t count, width;
	struct buf pending; /* an unfinished frame */
};

/* cyan yellow green magenta blue, then bold: never red, white or grey */
static const char *const palette[] = {
	"\033[36m",   "\033[33m",   "\033[32m",	  "\033[35m",	"\033[34m",
	"\033[36;1m", "\033[33;1m", "\033[32;1m", "\033[35;1m", "\033[34;1m",
};

struct logview *logview_new(const struct logview_options *options)
{
	struct logview *v = xcalloc(1, sizeof(*v));

	v->options = *options;
	buf_init(&v->pending, FRAME_MAX + FRAME_HEAD);
	return v;
}

void logview_free(struct logview *v)
{
	size_t i;

	if (!v)
		return;
	for (i = 0; i < v->count; i++)
		free(v->sources[i].name);
	free(v->sources);
	buf_release(&v->pending);
	free(v);
}

static const char *short_name(const struct logview *v, const char *container)
{
	const char *rest = v->options.project ? str_skip(container, v->options.project) : NULL;

	return rest && (*rest == '-' || *rest == '_') && rest[1] ? rest + 1 : container;
}

void logview_expect(struct logview *v, const char *container)
{
	v->width = MAX(v->width, strlen(short_name(v, container)));
}

/* The service's share of the name ("web" of "web-2") chooses the colour. */
static const char *tint_of(const struct logview *v, const char *name)
{
	const char *dash = strrchr(name, '-');
	size_t i, len = dash && dash != name ? (size_t)(dash - name) : strlen(name);
	uint32_t hash = 2166136261u;

	if (!v->options.color)
		return "";
	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return palette[(hash ^ (hash >> 15)) % ARRAY_LEN(palette)];
}

static void announce(struct logview *v, size_t index, const char *payload, size_t len)
{
	auto_free char *full = xstrndup(payload, len);

	if (index >= 65535)
		return;
	if (index >= v->count) {
		v->sources = xreallocarray(v->sources, index + 1, sizeof(*v->sources));
		memset(v->sources + v->count, 0, (index + 1 - v->count) * sizeof(*v->sources));
		v->count = index + 1;
	}
	free(v->sources[index].name);
	v->sources[index].name = xstrdup(short_name(v, full));
	v->sources[index].tint = tint_of(v, v->sources[index].name);
	v->width = MAX(v->width, strlen(v->sources[index].name));
}

static void print_prefix(const struct logview *v, const struct source *s, int64_t ts, FILE *stream)
{
	char when[TIME_TEXT_MAX];

	if (v->options.prefix)
		fprintf(stream, "%s%-*s | %s", s->tint, (int)v->width + 1, s->name,
			*s->tint ? "\033[0m" : "");
	if (v->options.timestamps) {
		time_format(ts, when);
		fprintf(stream, "%s ", when);
	}
}

/* The unfinished line of another source ends here; what follows of it gets a prefix of its own. */
static void end_other_line(struct logview *v, const struct source *s)
{
	size_t i;

	for (i = 0; i < v->count; i++) {
		struct source *other = &v->sources[i];

		if (other == s || (!other->open[KIND_STDOUT] && !other->open[KIND_STDERR]))
			continue;
		fputc('\n', stdout);
		other->open[KIND_STDOUT] = other->open[KIND_STDERR] = false;
	}
}

static void print_lines(struct logview *v, struct source *s, int kind, bool partial, int64_t ts,
			const char *text, size_t len)
{
	FILE *stream = kind == KIND_STDERR && v->options.split_streams ? stderr : stdout;
	bool bare = !v->options.prefix && !v->options.timestamps;

	if (bare) { /* nothing to put before the lines: as they are */
		fwrite(text, 1, len, stream);
		if (!partial && len && text[len - 1] != '\n')
			fputc('\n', stream);
		return;
	}
	end_other_line(v, s);
	while (len) {
		const char *eol = memchr(text, '\n', len);
		size_t piece = eol ? (size_t)(eol - text) + 1 : len;

		if (!s->open[kind])
			print_prefix(v, s, ts, stream);
		fwrite(text, 1, piece, stream);
		s->open[kind] = !eol && partial;
		if (!eol && !partial)
			fputc('\n', stream);
		text += piece;
		len -= piece;
	}
}

static int exited(struct logview *v, const struct source *s, const char *payload, size_t len,
		  struct error *err)
{
	auto_json json_t *info = NULL;
	int r = json_load_text(payload, len, &info, err);

	if (r < 0)
		return r;
	fflush(stdout);
	if (v->options.on_exit)
		v->options.on_exit(v->options.arg, s->name, (int)json_get_int(info, "exit_code", 0),
				   json_get_bool(info, "restarting"));
	return 0;
}

static int frame(struct logview *v, const unsigned char *head, const char *payload, size_t len,
		 struct error *err)
{
	size_t index = (size_t)head[2] << 8 | head[3];
	uint64_t ts = 0;
	int i;

	for (i = 8; i < 16; i++)
		ts = ts << 8 | head[i];
	if (head[0] == KIND_ANNOUNCE) {
		announce(v, index, payload, len);
		return 0;
	}
	if (index >= v->count || !v->sources[index].name || head[0] > KIND_EXITED)
		return error_set(err, EBADMSG, "the supervisor's log stream is damaged");
	if (head[0] == KIND_EXITED)
		return exited(v, &v->sources[index], payload, len, err);
	print_lines(v, &v->sources[index], head[0], head[1] & FLAG_PARTIAL, (int64_t)ts, payload,
		    len);
	return 0;
}

/* Takes whole frames off the front; returns the bytes taken or -errno. */
static ssize_t frames(struct logview *v, const char *data, size_t len, struct error *err)
{
	size_t at = 0;

	while (len - at >= FRAME_HEAD) {
		const unsigned char *h = (const unsigned char *)data + at;
		size_t size = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
		int r;

		if (size > FRAME_MAX)
			return error_set(err, EBADMSG, "the supervisor's log stream is damaged");
		if (len - at - FRAME_HEAD < size)
			break;
		r = frame(v, h, data + at + FRAME_HEAD, size, err);
		if (r < 0)
			return r;
		at += FRAME_HEAD + size;
	}
	return (ssize_t)at;
}

int logview_feed(struct logview *v, const char *data, size_t len, struct error *err)
{
	ssize_t used;

	if (v->pending.len) {
		buf_add(&v->pending, data, len);
		used = frames(v, v->pending.data, v->pending.len, err);
		if (used > 0)
			buf_consume(&v->pending, (size_t)used);
	} else {
		used = frames(v, data, len, err);
		if (used >= 0)
			buf_add(&v->pending, data + used, len - (size_t)used);
	}
	if (used < 0)
		return (int)used;
	return v->pending.overflow
		       ? error_set(err, EBADMSG, "the supervisor's log stream is damaged")
		       : 0;
}

void logview_note(struct logview *v, const char *text)
{
	(void)v;
	fflush(stdout);
	fprintf(stdout, "%s\n", text);
	fflush(stdout);
}
