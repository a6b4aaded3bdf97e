/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container uses, once a second: every sample comes with the one before it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "base/file.h"
#include "base/time.h"
#include "engine/api/docker.h"

#define SAMPLE_MS    1000
#define PROC_MAX     ((size_t)256 << 10)
#define CPU_FIELDS   7			 /* of the first line of /proc/stat: user … softirq */
#define NO_LIMIT_MIN ((uint64_t)1 << 60) /* what v1 says when there is no limit */

struct sample {
	int64_t time_ns;
	uint64_t system_ns; /* of all processors */
	struct runtime_stats used;
};

struct stats_stream {
	struct container *container; /* referenced */
	struct api_request *request;
	uv_timer_t timer;
	struct sample last;
	bool once, has_last;
};

/* ---- measuring */

static bool read_proc(const char *path, struct buf *ret)
{
	struct error ignored = ERROR_INIT;

	return file_read(AT_FDCWD, path, PROC_MAX, ret, &ignored) == 0 && ret->data;
}

static uint64_t system_ns(void)
{
	uint64_t tick_ns = (uint64_t)(NS_PER_SEC / sysconf(_SC_CLK_TCK)), sum = 0, ticks;
	auto_buf struct buf text = {.max = PROC_MAX};
	AUTO(strv_free) char **fields = NULL;
	size_t i;

	if (!read_proc("/proc/stat", &text))
		return 0;
	text.data[strcspn(text.data, "\n")] = '\0';
	fields = strv_split(text.data, " ");
	for (i = 1; i <= CPU_FIELDS && i < strv_len(fields); i++)
		if (parse_u64(fields[i], &ticks) == 0)
			sum += ticks;
	return sum * tick_ns;
}

static void take(const struct container *c, struct sample *ret)
{
	struct error ignored = ERROR_INIT;

	*ret = (struct sample){.time_ns = time_now_ns(), .system_ns = system_ns()};
	if (c->pid &&
	    runtime_cgroup_stats(&c->daemon->host, c->daemon->tag, c->id, &ret->used, &ignored) < 0)
		ret->used = (struct runtime_stats){0}; /* it has just ended */
}

/* ---- writing */

static void put_number(struct buf *b, const char *key, uint64_t n)
{
	docker_put_key(b, key);
	buf_addf(b, "%llu", (unsigned long long)n);
}

static void put_cpu(struct buf *b, const char *key, const struct sample *s)
{
	const struct runtime_stats *u = &s->used;

	docker_put_key(b, key);
	buf_adds(b, "{\"cpu_usage\":{");
	put_number(b, "total_usage", u->cpu_ns);
	put_number(b, "usage_in_kernelmode", u->cpu_system_ns);
	put_number(b, "usage_in_usermode", u->cpu_user_ns);
	buf_addc(b, '}');
	if (s->system_ns) {
		put_number(b, "system_cpu_usage", s->system_ns);
		put_number(b, "online_cpus", (uint64_t)get_nprocs());
	}
	buf_adds(b, ",\"throttling_data\":{");
	put_number(b, "periods", u->periods);
	put_number(b, "throttled_periods", u->throttled);
	put_number(b, "throttled_time", u->throttled_ns);
	buf_adds(b, "}}");
}

/* The lines "key number" of memory.stat. */
static void put_memory_stat(struct buf *b, const char *text)
{
	AUTO(strv_free) char **lines = strv_split(text ? text : "", "\n");
	uint64_t n;
	size_t i;

	buf_adds(b, ",\"stats\":{");
	for (i = 0; i < strv_len(lines); i++) {
		char *space = strchr(lines[i], ' ');

		if (!space || parse_u64(space + 1, &n) < 0)
			continue;
		*space = '\0';
		put_number(b, lines[i], n);
	}
	buf_addc(b, '}');
}

static void put_memory(struct buf *b, const struct runtime_stats *u)
{
	struct sysinfo host = {0};
	uint64_t all;

	sysinfo(&host);
	all = (uint64_t)host.totalram * host.mem_unit;
	buf_adds(b, ",\"memory_stats\":{");
	if (u->memory_bytes) {
		put_number(b, "usage", u->memory_bytes);
		put_number(b, "max_usage", u->memory_peak_bytes);
		put_memory_stat(b, u->memory_stat);
		put_number(b, "limit",
			   !u->memory_limit_bytes || u->memory_limit_bytes >= NO_LIMIT_MIN
				   ? all
				   : u->memory_limit_bytes);
	}
	buf_addc(b, '}');
}

/* "eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop …" */
static void put_interface(struct buf *b, char *line)
{
	static const char *const names[] = {"rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
					    "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"};
	AUTO(strv_free) char **fields = NULL;
	char *colon = strchr(line, ':'), *name;
	uint64_t n;
	size_t i;

	if (!colon)
		return;
	*colon = '\0';
	name = str_trim(line);
	fields = strv_split(colon + 1, " ");
	if (!strcmp(name, "lo") || strv_len(fields) < 12)
		return;
	docker_put_key(b, name);
	buf_addc(b, '{');
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (parse_u64(fields[i < 4 ? i : i + 4], &n) == 0)
			put_number(b, names[i], n);
	buf_addc(b, '}');
}

static void put_networks(struct buf *b, const struct container *c)
{
	auto_free char *path = xasprintf("/proc/%d/net/dev", c->pid);
	auto_buf struct buf text = {.max = PROC_MAX};
	AUTO(strv_free) char **lines = NULL;
	size_t i;

	if (!c->pid || !c->endpoint_count || !read_proc(path, &text))
		return;
	lines = strv_split(text.data, "\n");
	buf_adds(b, ",\"networks\":{");
	for (i = 2; i < strv_len(lines); i++) /* behind two lines of titles */
		put_interface(b, lines[i]);
	buf_addc(b, '}');
}

static void put_sample(struct buf *b, const struct container *c, const struct sample *now,
		       const struct sample *before)
{
	auto_free char *name = xasprintf("/%s", c->name);

	buf_adds(b, "{\"name\":");
	docker_put_str(b, name);
	buf_addf(b, ",\"id\":\"%s\",\"read\":", c->id);
	docker_put_time(b, c->pid ? now->time_ns : 0);
	buf_adds(b, ",\"preread\":");
	docker_put_time(b, before->time_ns);
	buf_adds(b, ",\"pids_stats\":{");
	if (now->used.pids)
		put_number(b, "current", now->used.pids);
	if (now->used.pids_limit)
		put_number(b, "limit", now->used.pids_limit);
	buf_adds(b, "},\"blkio_stats\":{\"io_service_bytes_recursive\":null},\"num_procs\":0,"
		    "\"storage_stats\":{}");
	put_cpu(b, "cpu_stats", now);
	put_cpu(b, "precpu_stats", before);
	put_memory(b, &now->used);
	put_networks(b, c);
	buf_adds(b, "}\n");
}

/* ---- the stream */

static void on_timer_closed(uv_handle_t *h)
{
	struct stats_stream *s = container_of((uv_timer_t *)(void *)h, struct stats_stream, timer);

	runtime_stats_release(&s->last.used);
	container_unref(s->container);
	free(s);
}

static void stats_stop(void *arg)
{
	struct stats_stream *s = arg;

	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void finish(struct stats_stream *s)
{
	s->request->on_hangup = NULL;
	api_stream_end(s->request);
	stats_stop(s);
}

static void send_sample(struct stats_stream *s)
{
	auto_buf struct buf b = BUF_INIT;
	struct sample now;

	take(s->container, &now);
	put_sample(&b, s->container, &now, &s->last);
	runtime_stats_release(&s->last.used);
	s->last = now;
	/* Somebody that slow does not need every one: the next is a second away. */
	api_stream_write(s->request, b.data, b.len);
}

static void on_timer(uv_timer_t *timer)
{
	struct stats_stream *s = container_of(timer, struct stats_stream, timer);

	send_sample(s);
	if (s->once || s->container->state == CONTAINER_REMOVING)
		finish(s);
}

void docker_stats(struct api_request *r)
{
	struct container *c = docker_container(r);
	const char *stream = api_query(r, "stream");
	bool one_shot = docker_flag(r, "one-shot");
	struct stats_stream *s;

	if (!c)
		return;
	s = xcalloc(1, sizeof(*s));
	s->container = container_ref(c);
	s->request = r;
	s->once = (stream && !docker_flag(r, "stream")) || one_shot;
	uv_timer_init(r->daemon->loop, &s->timer);
	r->arg = s;
	r->on_hangup = stats_stop;
	api_stream_start(r, "application/json");
	if (one_shot) {
		send_sample(s);
		finish(s);
		return;
	}
	if (s->once)
		take(c, &s->last);
	else
		send_sample(s);
	uv_timer_start(&s->timer, on_timer, SAMPLE_MS, SAMPLE_MS);
}
