/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a container as `ps -ef` shows them, read from the host's /proc: nothing of the
 * container is executed.
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
	uint64_t ticks, start_ticks;
	int tty;
	char *command;
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
	if (strv_len(fields) < 20 || parse_i64(fields[1], &ppid) < 0 ||
	    parse_i64(fields[4], &tty) < 0 || parse_u64(fields[11], &user) < 0 ||
	    parse_u64(fields[12], &system) < 0 || parse_u64(fields[19], &p->start_ticks) < 0)
		return false;
	p->ppid = (pid_t)ppid;
	p->tty = (int)tty;
	p->ticks = user + system;
	p->command = xasprintf("[%.*s]", (int)(close - open - 1), open + 1);
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

static json_t *row(const struct process *p)
{
	long hz = sysconf(_SC_CLK_TCK);
	int64_t up_ns = time_boot_ns(),
		age_s = up_ns / NS_PER_SEC - (int64_t)(p->start_ticks / (uint64_t)hz);
	uint64_t seconds = p->ticks / (uint64_t)hz;
	time_t started = (time_t)(time_now_ns() / NS_PER_SEC - age_s);
	char when[16] = "", name[32];
	json_t *cells = json_array();
	struct tm tm;

	if (localtime_r(&started, &tm))
		strftime(when, sizeof(when), "%H:%M", &tm);
	snprintf(name, sizeof(name), p->uid ? "%u" : "root", p->uid);
	json_array_append_new(cells, json_string(name));
	json_array_append_new(cells, json_sprintf("%d", (int)p->pid));
	json_array_append_new(cells, json_sprintf("%d", (int)p->ppid));
	json_array_append_new(
		cells,
		json_sprintf("%lld", (long long)(age_s > 0 ? (int64_t)seconds * 100 / age_s : 0)));
	json_array_append_new(cells, json_string(when));
	json_array_append_new(cells,
			      p->tty ? json_sprintf("pts/%d", p->tty & 0xff) : json_string("?"));
	json_array_append_new(cells, json_sprintf("%02llu:%02llu:%02llu",
						  (unsigned long long)seconds / 3600,
						  (unsigned long long)seconds / 60 % 60,
						  (unsigned long long)seconds % 60));
	json_array_append_new(cells, json_str(p->command));
	return cells;
}

int container_top(struct container *c, json_t **ret, struct error *err)
{
	static const char *const titles[] = {"UID",   "PID", "PPID", "C",
					     "STIME", "TTY", "TIME", "CMD"};
	json_t *heads = json_array(), *rows = json_array();
	auto_free pid_t *pids = NULL;
	size_t i, count = 0;
	int r;

	if (!c->pid)
		r = error_set(err, EBUSY, "container %s is not running", c->name);
	else
		r = container_pids(c, &pids, &count, err);
	if (r < 0) {
		json_decref(heads);
		json_decref(rows);
		return r;
	}
	for (i = 0; i < ARRAY_LEN(titles); i++)
		json_array_append_new(heads, json_string(titles[i]));
	for (i = 0; i < count; i++) {
		struct process p = {.pid = pids[i]};

		if (!read_stat(&p))
			continue; /* it has just ended */
		read_command(&p);
		read_owner(&p);
		json_array_append_new(rows, row(&p));
		free(p.command);
	}
	*ret = json_pack("{s:o, s:o}", "titles", heads, "processes", rows);
	return 0;
}
