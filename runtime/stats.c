/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a running container uses, as its cgroups count it.  On v1 containers are in no hierarchy
 * that counts processor time (entering one would cost more than it is worth at every start): there
 * it is the time of the processes that live and of the children that they have waited for, in
 * ticks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "runtime/cgroup.h"

#define STAT_MAX   ((size_t)256 << 10)
#define NS_PER_SEC 1000000000ull
#define NS_PER_US  1000ull
#define FIELD_TIME 11 /* of /proc/PID/stat, counted from behind the name: utime, stime, … */

static bool read_text(const char *dir, const char *file, struct buf *ret)
{
	auto_free char *path = xasprintf("%s/%s", dir, file);
	struct error ignored = ERROR_INIT;

	buf_reset(ret);
	return file_read(AT_FDCWD, path, STAT_MAX, ret, &ignored) == 0 && ret->data;
}

/* A file of one number; "max" and what is not there are 0. */
static uint64_t read_number(const char *dir, const char *file)
{
	auto_buf struct buf text = {.max = STAT_MAX};
	uint64_t n = 0;

	if (!read_text(dir, file, &text) || parse_u64(str_trim(text.data), &n) < 0)
		return 0;
	return n;
}

/* The number behind "key " at the beginning of a line; 0 when there is none. */
static uint64_t keyed(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text && *text; text = strchr(text, '\n'), text += text != NULL) {
		auto_free char *value = NULL;
		uint64_t n;

		if (strncmp(text, key, len) || text[len] != ' ')
			continue;
		value = xstrndup(text + len + 1, strcspn(text + len + 1, "\n"));
		return parse_u64(value, &n) == 0 ? n : 0;
	}
	return 0;
}

/* ---- processor time of processes */

static void add_process(struct runtime_stats *s, pid_t pid, uint64_t tick_ns)
{
	auto_free char *dir = xasprintf("/proc/%d", (int)pid);
	auto_buf struct buf text = {.max = STAT_MAX};
	AUTO(strv_free) char **fields = NULL;
	uint64_t ticks[4] = {0};
	const char *close;
	size_t i;

	if (!read_text(dir, "stat", &text))
		return; /* it has just ended */
	close = strrchr(text.data, ')');
	fields = strv_split(close ? close + 1 : "", " \n");
	if (strv_len(fields) < FIELD_TIME + 4)
		return;
	for (i = 0; i < 4; i++)
		if (parse_u64(fields[FIELD_TIME + i], &ticks[i]) < 0)
			return;
	s->cpu_user_ns += (ticks[0] + ticks[2]) * tick_ns;
	s->cpu_system_ns += (ticks[1] + ticks[3]) * tick_ns;
}

static int time_of_processes(const struct runtime_host *host, const char *parent, const char *id,
			     struct runtime_stats *s, struct error *err)
{
	uint64_t tick_ns = NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
	auto_free pid_t *pids = NULL;
	size_t i, count = 0;
	int r = runtime_cgroup_pids(host, parent, id, &pids, &count, err);

	for (i = 0; r == 0 && i < count; i++)
		add_process(s, pids[i], tick_ns);
	s->cpu_ns = s->cpu_user_ns + s->cpu_system_ns;
	return r;
}

/* ---- both versions */

static int stats_v2(const struct runtime_host *host, const char *parent, const char *id,
		    struct runtime_stats *s, struct error *err)
{
	auto_buf struct buf text = {.max = STAT_MAX};
	auto_free char *dir = NULL;
	int r = runtime_cgroup_path(host, NULL, parent, id, &dir, err);

	if (r < 0)
		return r;
	if (read_text(dir, "cpu.stat", &text)) {
		s->cpu_ns = keyed(text.data, "usage_usec") * NS_PER_US;
		s->cpu_user_ns = keyed(text.data, "user_usec") * NS_PER_US;
		s->cpu_system_ns = keyed(text.data, "system_usec") * NS_PER_US;
		s->periods = keyed(text.data, "nr_periods");
		s->throttled = keyed(text.data, "nr_throttled");
		s->throttled_ns = keyed(text.data, "throttled_usec") * NS_PER_US;
	}
	s->memory_bytes = read_number(dir, "memory.current");
	s->memory_peak_bytes = read_number(dir, "memory.peak");
	s->memory_limit_bytes = read_number(dir, "memory.max");
	s->pids = read_number(dir, "pids.current");
	s->pids_limit = read_number(dir, "pids.max");
	if (read_text(dir, "memory.stat", &text))
		s->memory_stat = buf_steal(&text);
	return 0;
}

static int stats_v1(const struct runtime_host *host, const char *parent, const char *id,
		    struct runtime_stats *s, struct error *err)
{
	auto_buf struct buf text = {.max = STAT_MAX};
	auto_free char *memory = NULL, *pids = NULL, *cpu = NULL;
	int r = runtime_cgroup_path(host, "memory", parent, id, &memory, err);

	if (r == 0)
		r = runtime_cgroup_path(host, "pids", parent, id, &pids, err);
	if (r == 0)
		r = runtime_cgroup_path(host, "cpu", parent, id, &cpu, err);
	if (r == 0)
		r = time_of_processes(host, parent, id, s, err);
	if (r < 0)
		return r;
	if (read_text(cpu, "cpu.stat", &text)) {
		s->periods = keyed(text.data, "nr_periods");
		s->throttled = keyed(text.data, "nr_throttled");
		s->throttled_ns = keyed(text.data, "throttled_time");
	}
	s->memory_bytes = read_number(memory, "memory.usage_in_bytes");
	s->memory_peak_bytes = read_number(memory, "memory.max_usage_in_bytes");
	s->memory_limit_bytes = read_number(memory, "memory.limit_in_bytes");
	s->pids = read_number(pids, "pids.current");
	s->pids_limit = read_number(pids, "pids.max");
	if (read_text(memory, "memory.stat", &text))
		s->memory_stat = buf_steal(&text);
	return 0;
}

int runtime_cgroup_stats(const struct runtime_host *host, const char *parent, const char *id,
			 struct runtime_stats *ret, struct error *err)
{
	struct runtime_stats s = {0};
	int r = host->cgroup_v2 ? stats_v2(host, parent, id, &s, err)
				: stats_v1(host, parent, id, &s, err);

	if (r == 0)
		*ret = s;
	else
		runtime_stats_release(&s);
	return r;
}

void runtime_stats_release(struct runtime_stats *s)
{
	free(s->memory_stat);
	*s = (struct runtime_stats){0};
}
