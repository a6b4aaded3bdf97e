/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a container as ps shows them, read from the host's /proc: nothing is executed.
 * What ps can be asked for is a table of columns, and three ways to choose from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "engine/api/routes.h"
#include "engine/container.h"

#define PROC_MAX    ((size_t)64 << 10)
#define COMMAND_MAX 4096

struct process {
	pid_t pid, ppid;
	unsigned uid;
	uint64_t ticks, start_ticks, virtual_bytes, resident_pages, threads;
	int tty;
	char state;
	char *name, *command;
};

static int read_proc(pid_t pid, const char *name, struct buf *ret)
{
	auto_free char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	struct error ignored = ERROR_INIT;

	return file_read(AT_FDCWD, path, PROC_MAX, ret, &ignored);
}

/* Fields of /proc/PID/stat count from behind the name, which may hold anything. */
static bool read_stat(struct process *p)
{
	auto_buf struct buf text = {.max = PROC_MAX};
	AUTO(strv_free) char **fields = NULL;
	uint64_t user = 0, system = 0;
	int64_t ppid = 0, tty = 0;
	const char *open, *close;

	if (read_proc(p->pid, "stat", &text) < 0 || !text.data)
		return false;
	open = strchr(text.data, '(');
	close = strrchr(text.data, ')');
	if (!open || !close || close < open)
		return false;
	fields = strv_split(close + 1, " \n");
	if (strv_len(fields) < 22 || parse_i64(fields[1], &ppid) < 0 ||
	    parse_i64(fields[4], &tty) < 0 || parse_u64(fields[11], &user) < 0 ||
	    parse_u64(fields[12], &system) < 0 || parse_u64(fields[19], &p->start_ticks) < 0 ||
	    parse_u64(fields[17], &p->threads) < 0 ||
	    parse_u64(fields[20], &p->virtual_bytes) < 0 ||
	    parse_u64(fields[21], &p->resident_pages) < 0)
		return false;
	p->ppid = (pid_t)ppid;
	p->tty = (int)tty;
	p->ticks = user + system;
	p->state = fields[0][0];
	p->name = xstrndup(open + 1, (size_t)(close - open - 1));
	p->command = xasprintf("[%s]", p->name);
	return true;
}

static void read_command(struct process *p)
{
	auto_buf struct buf text = {.max = PROC_MAX};
	size_t i;

	if (read_proc(p->pid, "cmdline", &text) < 0 || !text.len)
		return; /* a kernel thread or a zombie keeps its name in brackets */
	while (text.len && !text.data[text.len - 1])
		text.len--;
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < ' ')
			text.data[i] = ' ';
	free(p->command);
	p->command = xstrndup(text.data, MIN(text.len, (size_t)COMMAND_MAX));
}

static void read_owner(struct process *p)
{
	auto_free char *path = xasprintf("/proc/%d", (int)p->pid);
	struct stat st;

	if (stat(path, &st) == 0)
		p->uid = st.st_uid;
}

/* ---- columns */

static int64_t age_s(const struct process *p)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return time_boot_ns() / NS_PER_SEC - (int64_t)(p->start_ticks / hz);
}

static uint64_t used_s(const struct process *p)
{
	return p->ticks / (uint64_t)sysconf(_SC_CLK_TCK);
}

static char *column_user(const struct process *p)
{
	return p->uid ? xasprintf("%u", p->uid) : xstrdup("root");
}

static char *column_uid(const struct process *p)
{
	return xasprintf("%u", p->uid);
}

static char *column_pid(const struct process *p)
{
	return xasprintf("%d", (int)p->pid);
}

static char *column_ppid(const struct process *p)
{
	return xasprintf("%d", (int)p->ppid);
}

static char *column_c(const struct process *p)
{
	int64_t age = age_s(p);

	return xasprintf("%lld", (long long)(age > 0 ? (int64_t)used_s(p) * 100 / age : 0));
}

static char *column_pcpu(const struct process *p)
{
	int64_t age = age_s(p);

	return xasprintf("%.1f", age > 0 ? 100.0 * (double)used_s(p) / (double)age : 0.0);
}

static char *column_pmem(const struct process *p)
{
	long all = sysconf(_SC_PHYS_PAGES);

	return xasprintf("%.1f", all > 0 ? 100.0 * (double)p->resident_pages / (double)all : 0.0);
}

static char *column_start(const struct process *p)
{
	time_t started = (time_t)(time_now_ns() / NS_PER_SEC - age_s(p));
	char when[16] = "";
	struct tm tm;

	if (localtime_r(&started, &tm))
		strftime(when, sizeof(when), "%H:%M", &tm);
	return xstrdup(when);
}

static char *column_tty(const struct process *p)
{
	return p->tty ? xasprintf("pts/%d", p->tty & 0xff) : xstrdup("?");
}

static char *column_time(const struct process *p)
{
	uint64_t s = used_s(p);

	return xasprintf("%02llu:%02llu:%02llu", (unsigned long long)s / 3600,
			 (unsigned long long)s / 60 % 60, (unsigned long long)s % 60);
}

static char *column_vsz(const struct process *p)
{
	return xasprintf("%llu", (unsigned long long)p->virtual_bytes / 1024);
}

static char *column_rss(const struct process *p)
{
	return xasprintf("%llu", (unsigned long long)p->resident_pages *
					 (unsigned long long)sysconf(_SC_PAGESIZE) / 1024);
}

static char *column_state(const struct process *p)
{
	return xasprintf("%c", p->state);
}

static char *column_threads(const struct process *p)
{
	return xasprintf("%llu", (unsigned long long)p->threads);
}

static char *column_elapsed(const struct process *p)
{
	int64_t s = age_s(p);

	return s < 3600 ? xasprintf("%02lld:%02lld", (long long)s / 60, (long long)s % 60)
			: xasprintf("%02lld:%02lld:%02lld", (long long)s / 3600,
				    (long long)s / 60 % 60, (long long)s % 60);
}

static char *column_name(const struct process *p)
{
	return xstrdup(p->name);
}

static char *column_command(const struct process *p)
{
	return xstrdup(p->command);
}

static const struct column {
	const char *name, *title;
	char *(*text)(const struct process *p);
} columns[] = {
	{"pid", "PID", column_pid},
	{"ppid", "PPID", column_ppid},
	{"uid", "UID", column_uid},
	{"euid", "EUID", column_uid},
	{"user", "USER", column_user},
	{"euser", "EUSER", column_user},
	{"uname", "USER", column_user},
	{"c", "C", column_c},
	{"pcpu", "%CPU", column_pcpu},
	{"%cpu", "%CPU", column_pcpu},
	{"pmem", "%MEM", column_pmem},
	{"%mem", "%MEM", column_pmem},
	{"stime", "STIME", column_start},
	{"start", "START", column_start},
	{"tty", "TT", column_tty},
	{"tt", "TT", column_tty},
	{"tname", "TTY", column_tty},
	{"time", "TIME", column_time},
	{"cputime", "TIME", column_time},
	{"etime", "ELAPSED", column_elapsed},
	{"vsz", "VSZ", column_vsz},
	{"rss", "RSS", column_rss},
	{"s", "S", column_state},
	{"stat", "STAT", column_state},
	{"state", "S", column_state},
	{"nlwp", "NLWP", column_threads},
	{"comm", "COMMAND", column_name},
	{"ucmd", "CMD", column_name},
	{"args", "COMMAND", column_command},
	{"cmd", "CMD", column_command},
	{"command", "COMMAND", column_command},
};

/* `ps -ef` has the name of the user under UID. */
static const struct column full[] = {
	{NULL, "UID", column_user},  {NULL, "PID", column_pid},	    {NULL, "PPID", column_ppid},
	{NULL, "C", column_c},	     {NULL, "STIME", column_start}, {NULL, "TTY", column_tty},
	{NULL, "TIME", column_time}, {NULL, "CMD", column_command}, {NULL, NULL, NULL}};
static const struct column bsd[] = {{NULL, "USER", column_user},       {NULL, "PID", column_pid},
				    {NULL, "%CPU", column_pcpu},       {NULL, "%MEM", column_pmem},
				    {NULL, "VSZ", column_vsz},	       {NULL, "RSS", column_rss},
				    {NULL, "TTY", column_tty},	       {NULL, "STAT", column_state},
				    {NULL, "START", column_start},     {NULL, "TIME", column_time},
				    {NULL, "COMMAND", column_command}, {NULL, NULL, NULL}};

/* ---- choosing */

#define CHOSEN_MAX 32

static int choose(const char *list, struct column chosen[CHOSEN_MAX], size_t *count,
		  struct error *err)
{
	AUTO(strv_free) char **names = strv_split(list, ",");
	size_t i, k;

	for (i = 0; i < strv_len(names); i++) {
		for (k = 0; k < ARRAY_LEN(columns); k++)
			if (!strcmp(names[i], columns[k].name))
				break;
		if (k == ARRAY_LEN(columns) || *count + 1 >= CHOSEN_MAX)
			return error_set(err, EINVAL, "ps: unknown column \"%s\"", names[i]);
		chosen[(*count)++] = columns[k];
	}
	return 0;
}

static bool has_pid(const struct column *c)
{
	while (c->title && c->text != column_pid)
		c++;
	return c->title != NULL;
}

/* The words of ps: -e and a change nothing, the processes are those of the container anyway. */
static int parse(const char *args, struct column chosen[CHOSEN_MAX], struct error *err)
{
	AUTO(strv_free) char **words = strv_split(str_empty(args) ? "-ef" : args, " ");
	const struct column *preset = NULL;
	size_t i, len, count = 0;
	int r = 0;

	for (i = 0; i < strv_len(words) && r == 0; i++) {
		const char *word = words[i] + (words[i][0] == '-');

		len = strlen(word);
		if (len && word[len - 1] == 'o' && strspn(word, "aeAxo") == len && words[i + 1])
			r = choose(words[++i], chosen, &count, err);
		else if (len && strspn(word, "aeAxfu") == len)
			preset = strchr(word, 'u') ? bsd : strchr(word, 'f') ? full : preset;
		else
			r = error_set(err, EINVAL, "ps: the argument \"%s\" is not supported",
				      words[i]);
	}
	if (r < 0)
		return r;
	if (!count)
		for (preset = preset ? preset : full; preset->title; preset++)
			chosen[count++] = *preset;
	chosen[count] = (struct column){0};
	return has_pid(chosen) ? 0 : error_set(err, EIO, "Couldn't find PID field in ps output");
}

/* ---- the whole */

static json_t *row(pid_t pid, const struct column *c)
{
	struct process p = {.pid = pid};
	json_t *cells;

	if (!read_stat(&p))
		return NULL; /* it has just ended */
	read_command(&p);
	read_owner(&p);
	cells = json_array();
	for (; c->title; c++) {
		auto_free char *text = c->text(&p);

		json_array_append_new(cells, json_str(text));
	}
	free(p.name);
	free(p.command);
	return cells;
}

int container_top(struct container *c, const char *ps_args, json_t **ret, struct error *err)
{
	struct column chosen[CHOSEN_MAX];
	json_t *heads, *rows, *cells;
	auto_free pid_t *pids = NULL;
	size_t i, count = 0;

	if (!c->pid)
		return error_set(err, EBUSY, "container %s is not running", c->name);
	if (parse(ps_args, chosen, err) < 0 || container_pids(c, &pids, &count, err) < 0)
		return -err->code;
	heads = json_array();
	rows = json_array();
	for (i = 0; chosen[i].title; i++)
		json_array_append_new(heads, json_string(chosen[i].title));
	for (i = 0; i < count; i++) {
		cells = row(pids[i], chosen);
		if (cells)
			json_array_append_new(rows, cells);
	}
	*ret = json_pack("{s:o, s:o}", "titles", heads, "processes", rows);
	return 0;
}
