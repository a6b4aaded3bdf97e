/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame is drawn over itself: cursor up by the lines drawn last, each line cleared to its end,
 * hidden cursor meanwhile, everything in one write.
 */
#include "cli/progress.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "cli/out.h"

struct task {
	struct list link;
	char *id, *text, *details;
	bool done, failed, warned;
	bool part; /* of another task: a layer of an image; shown indented, not counted */
	int64_t current, total; /* bytes; total 0: no bar */
	int64_t moving_ns;	/* when they began to move */
	int64_t started_ns, ended_ns;
};

struct progress {
	enum progress_mode mode;
	char *title;
	FILE *stream;
	bool color, muted, dry_run, ended;
	struct list tasks;
	struct map *by_id; /* id, or "parent id", to struct task */
	size_t total, finished;
	unsigned drawn; /* lines of the frame on the screen */
	int exit;
	json_t *end;
};

static const char *const mode_names[] = {
	[PROGRESS_TTY] = "tty",
	[PROGRESS_PLAIN] = "plain",
	[PROGRESS_JSON] = "json",
	[PROGRESS_QUIET] = "quiet",
};

static int choose_mode(struct cli *cli, FILE *stream, enum progress_mode *ret, struct error *err)
{
	const char *name = cli->progress ? cli->progress : getenv("COMPOSE_PROGRESS");
	size_t i;

	if (str_empty(name) || !strcmp(name, "auto")) {
		*ret = isatty(fileno(stream)) && !str_eq(cli->ansi, "never") ? PROGRESS_TTY
									     : PROGRESS_PLAIN;
		return 0;
	}
	for (i = 0; i < ARRAY_LEN(mode_names); i++) {
		if (!strcmp(name, mode_names[i])) {
			*ret = (enum progress_mode)i;
			return 0;
		}
	}
	return error_set(err, EINVAL,
			 "unsupported --progress value \"%s\": use auto, tty, plain, json or quiet",
			 name);
}

int progress_new(struct cli *cli, const char *title, struct progress **ret, struct error *err)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	int r;

	p->stream = str_eq(getenv("COMPOSE_STATUS_STDOUT"), "1") ? stdout : stderr;
	r = choose_mode(cli, p->stream, &p->mode, err);
	if (r < 0) {
		free(p);
		return r;
	}
	p->title = xstrdup(title);
	p->color = out_color(cli, p->stream);
	p->dry_run = cli->dry_run;
	p->exit = 1;
	list_init(&p->tasks);
	p->by_id = map_new(NULL);
	*ret = p;
	return 0;
}

enum progress_mode progress_mode_of(const struct progress *p)
{
	return p->mode;
}

/* ---- the frame */

static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

#define BAR_CELLS 20
#define DRY_MARK  "DRY-RUN MODE - " /* as Compose has it */

/* "[========>           ]  12.1MB/48.6MB  24MB/s 2s" */
static void describe_bytes(const struct task *t, int64_t now_ns, char *ret, size_t size)
{
	double seconds = (double)(now_ns - t->moving_ns) / 1e9;
	int filled = (int)((double)t->current / (double)t->total * BAR_CELLS);
	double rate = seconds > 0.3 ? (double)t->current / seconds : 0;
	char bar[BAR_CELLS + 1], done[32], all[32], speed[32], rest[64] = "";

	for (int i = 0; i < BAR_CELLS; i++)
		bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
	bar[BAR_CELLS] = '\0';
	str_human_bytes((uint64_t)t->current, done, sizeof(done));
	str_human_bytes((uint64_t)t->total, all, sizeof(all));
	if (rate > 0) {
		str_human_bytes((uint64_t)rate, speed, sizeof(speed));
		snprintf(rest, sizeof(rest), "  %s/s %.0fs", speed,
			 (double)(t->total - t->current) / rate);
	}
	snprintf(ret, size, " [%s] %s/%s%s", bar, done, all, rest);
}

/* How a task stands: its mark and the colour of that. */
static void mark_of(const struct task *t, int64_t now_ns, const char **ret_mark,
		    const char **ret_tint)
{
	if (t->failed) {
		*ret_mark = "✘";
		*ret_tint = "\033[31m";
	} else if (t->warned) {
		*ret_mark = "!";
		*ret_tint = "\033[33m";
	} else if (t->done) {
		*ret_mark = "✔";
		*ret_tint = "\033[32m";
	} else {
		*ret_mark = spinner[(now_ns / 100000000) % 10];
		*ret_tint = "\033[34m";
	}
}

static void add_task_line(const struct task *t, const char *before, unsigned columns,
			  int64_t now_ns, bool color, size_t id_width, struct buf *out)
{
	double seconds = (double)((t->done ? t->ended_ns : now_ns) - t->started_ns) / 1e9;
	char timer[32], left[512], bytes[160] = "";
	const char *mark, *tint;
	int used, pad, indent = t->part ? 2 : 0;

	mark_of(t, now_ns, &mark, &tint);
	snprintf(timer, sizeof(timer), "%.1fs", seconds > 0 ? seconds : 0);
	if (t->total && !t->done)
		describe_bytes(t, now_ns, bytes, sizeof(bytes));
	used = snprintf(left, sizeof(left), "%s%*s%-*s %s%s%s%s", before, indent, "",
			(int)id_width - indent, t->id, t->text, bytes,
			str_empty(t->details) ? "" : " ", t->details ? t->details : "");
	used = MIN(used, (int)sizeof(left) - 1);
	if (columns > 16 && used > (int)columns - 14)
		left[used = (int)columns - 14] = '\0';
	pad = (int)columns - 3 - used - (int)strlen(timer) - 1;
	buf_addf(out, " %s%s%s %s%*s%s%s%s\033[K\n", color ? tint : "", mark,
		 color ? "\033[0m" : "", left, pad > 1 ? pad : 1, "", color ? "\033[2m" : "", timer,
		 color ? "\033[0m" : "");
}

void progress_render(const struct progress *p, unsigned columns, unsigned rows, int64_t now_ns,
		     bool color, struct buf *out)
{
	unsigned room = rows > 3 ? rows - 2 : 1, shown = 0;
	size_t id_width = 0, hidden = 0;
	const struct task *t;

	list_for_each (t, &p->tasks, link)
		id_width = MAX(id_width, strlen(t->id) + (t->part ? 2 : 0));
	buf_addf(out, "%s[+] %s %zu/%zu%s\033[K\n", color ? "\033[1m" : "", p->title, p->finished,
		 p->total, color ? "\033[0m" : "");
	list_for_each (t, &p->tasks, link) {
		/* On a small screen what is finished gives way first. */
		if (p->total > room && t->done && !t->failed && p->finished > p->total - room) {
			if (hidden < p->total - room + 1) {
				hidden++;
				continue;
			}
		}
		if (shown + (p->total > room) >= room) {
			hidden++;
			continue;
		}
		add_task_line(t, p->dry_run ? DRY_MARK : "", columns, now_ns, color, id_width, out);
		shown++;
	}
	if (hidden)
		buf_addf(out, " ... %zu more\033[K\n", hidden);
}

static void draw(struct progress *p)
{
	auto_buf struct buf out = BUF_INIT;
	struct winsize ws = {0};
	const char *c;
	unsigned lines = 0;
	size_t start;

	if (p->mode != PROGRESS_TTY || p->muted || list_empty(&p->tasks))
		return;
	if (ioctl(fileno(p->stream), TIOCGWINSZ, &ws) < 0 || !ws.ws_col)
		ws = (struct winsize){.ws_col = 80, .ws_row = 24};
	buf_adds(&out, "\033[?25l");
	if (p->drawn)
		buf_addf(&out, "\033[%uA\r", p->drawn);
	start = out.len;
	progress_render(p, ws.ws_col, ws.ws_row, time_boot_ns(), p->color, &out);
	for (c = out.data + start; *c; c++)
		lines += *c == '\n';
	if (lines < p->drawn)
		buf_adds(&out, "\033[J");
	buf_adds(&out, "\033[?25h");
	p->drawn = lines;
	fwrite(out.data, 1, out.len, p->stream);
	fflush(p->stream);
}

void progress_tick(struct progress *p)
{
	if (p->finished < p->total)
		draw(p);
}

void progress_mute(struct progress *p)
{
	draw(p);
	p->muted = true;
	p->drawn = 0;
}

void progress_free(struct progress *p)
{
	struct task *t, *next;

	if (!p)
		return;
	draw(p);
	list_for_each_safe (t, next, &p->tasks, link) {
		free(t->id);
		free(t->text);
		free(t->details);
		free(t);
	}
	map_free(p->by_id);
	json_decref(p->end);
	free(p->title);
	free(p);
}

/* ---- events */

/* A part stands behind the task that it belongs to, and behind that one's other parts. */
static void place(struct progress *p, struct task *t, const char *parent)
{
	struct task *whole = parent ? map_get(p->by_id, parent) : NULL;
	struct list *at;

	t->part = whole != NULL;
	if (!whole) {
		list_append(&p->tasks, &t->link);
		p->total++;
		return;
	}
	at = whole->link.next;
	while (at != &p->tasks && list_entry(at, struct task, link)->part)
		at = at->next;
	list_append(at, &t->link);
}

static struct task *find_task(struct progress *p, const char *id, const char *parent)
{
	auto_free char *key = parent ? xasprintf("%s %s", parent, id) : xstrdup(id);
	struct task *t = map_get(p->by_id, key);

	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->id = xstrdup(id);
	t->started_ns = time_boot_ns();
	place(p, t, parent);
	map_set(p->by_id, key, t);
	return t;
}

static void on_progress(struct progress *p, const json_t *event)
{
	const char *id = json_get_str(event, "id"), *status = json_get_str(event, "status");
	const char *text = json_get_str(event, "text"), *details = json_get_str(event, "details");
	struct task *t;

	if (!id || !text)
		return;
	t = find_task(p, id, json_get_str(event, "parent"));
	/* What moves is for terminals. */
	if (p->mode == PROGRESS_PLAIN && !p->muted && !(t->part && str_eq(t->text, text)))
		fprintf(p->stream, "%s %s %s%s%s\n", p->dry_run ? " " DRY_MARK : "", id, text,
			str_empty(details) ? "" : " ", details ? details : "");
	t->current = json_get_int(event, "current", 0);
	t->total = MAX(json_get_int(event, "total", 0), t->current);
	if (t->total && !t->moving_ns)
		t->moving_ns = time_boot_ns();
	free(t->text);
	free(t->details);
	t->text = xstrdup(text);
	t->details = xstrdup(details);
	if (t->done && !t->part)
		p->finished--;
	t->failed = str_eq(status, "Error");
	t->warned = str_eq(status, "Warning");
	t->done = !str_eq(status, "Working");
	t->ended_ns = time_boot_ns();
	p->finished += t->done && !t->part;
	draw(p);
}

/* A message between frames: the frame is left where it is and drawn anew below. */
static void say(struct progress *p, const char *tint, const char *text)
{
	if (p->mode == PROGRESS_JSON)
		return;
	draw(p);
	p->drawn = 0;
	fprintf(p->stream, "%s%s%s\n", p->color ? tint : "", text, p->color ? "\033[0m" : "");
	fflush(p->stream);
}

bool progress_event(struct progress *p, const json_t *event)
{
	const char *type = json_get_str(event, "type"), *message = json_get_str(event, "message");

	if (p->mode == PROGRESS_JSON)
		out_json_line(event, p->stream);
	if (str_eq(type, "progress")) {
		on_progress(p, event);
	} else if (str_eq(type, "warning") && message && p->mode != PROGRESS_QUIET) {
		auto_free char *text = xasprintf("warning: %s", message);

		say(p, "\033[33m", text);
	} else if (str_eq(type, "error")) {
		say(p, "\033[31m", message ? message : "failed");
		p->exit = (int)json_get_int(event, "exit", 1);
		p->ended = true;
	} else if (str_eq(type, "end")) {
		p->exit = (int)json_get_int(event, "exit", 0);
		json_decref(p->end);
		p->end = json_incref((json_t *)(uintptr_t)event);
		p->ended = true;
	}
	return !p->ended;
}

int progress_exit(const struct progress *p)
{
	return p->exit;
}

const json_t *progress_end(const struct progress *p)
{
	return p->end;
}
