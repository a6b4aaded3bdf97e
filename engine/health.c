/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Health checks.  Docker's rules decide the verdict: a failure counts once an interval, not at all
 * during the start period, and `retries` of them in a row make a container unhealthy.  Between
 * those a starting container is probed much more often, first after 20 ms and then with growing
 * pauses, so that what waits for it goes on as soon as it is ready.
 */
#include "engine/health.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/exec.h"
#include "engine/network.h"

#define DEFAULT_INTERVAL_NS	  (30 * NS_PER_SEC)
#define DEFAULT_TIMEOUT_NS	  (30 * NS_PER_SEC)
#define DEFAULT_START_INTERVAL_NS (5 * NS_PER_SEC)
#define DEFAULT_RETRIES		  3
#define FIRST_PROBE_NS		  (20 * NS_PER_MS)
#define OUTPUT_MAX		  4096
#define LOG_KEPT		  5

struct probe_result {
	int64_t start_ns, end_ns;
	int exit_code;
	char *output;
};

struct health {
	struct container *container;
	char **test;
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries;

	uv_timer_t timer; /* the next probe, or the end of the current one's time */
	struct exec *probe;
	bool timed_out;
	int64_t started_boot_ns,
		counted_boot_ns; /* of the start; of the last failure that counted */
	int64_t pause_ns;	 /* of a starting container, doubles */
	int64_t streak;
	int64_t probe_start_ns;
	struct buf output;
	struct probe_result log[LOG_KEPT]; /* newest first */
	size_t log_count;
};

static const char *const status_names[] = {
	[HEALTH_NONE] = "",
	[HEALTH_STARTING] = "starting",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_status_name(enum health_status s)
{
	return status_names[s];
}

/* ---- what to run: the config over the image */

static int64_t first_of(int64_t a, int64_t b, int64_t fallback)
{
	return a > 0 ? a : b > 0 ? b : fallback;
}

static char **test_command(char *const *test)
{
	char **command = NULL;
	size_t i;

	if (!strv_len(test) || !strcmp(test[0], "NONE"))
		return NULL;
	if (!strcmp(test[0], "CMD-SHELL")) {
		strv_push(&command, xstrdup("/bin/sh"));
		strv_push(&command, xstrdup("-c"));
		strv_push(&command, strv_join(test + 1, " "));
		return command;
	}
	for (i = strcmp(test[0], "CMD") ? 0 : 1; test[i]; i++)
		strv_push(&command, xstrdup(test[i]));
	return command;
}

static void read_rules(struct health *h)
{
	const struct config_health *own = &h->container->config.health;
	const json_t *image = h->container->image
				      ? json_get_obj(h->container->image->config, "Healthcheck")
				      : NULL;
	AUTO(strv_free) char **from_image = json_to_strv(json_get_arr(image, "Test"));

	h->test = test_command(strv_len(own->test) ? own->test : from_image);
	h->interval_ns =
		first_of(own->interval_ns, json_get_int(image, "Interval", 0), DEFAULT_INTERVAL_NS);
	h->timeout_ns =
		first_of(own->timeout_ns, json_get_int(image, "Timeout", 0), DEFAULT_TIMEOUT_NS);
	h->start_period_ns =
		first_of(own->start_period_ns, json_get_int(image, "StartPeriod", 0), 0);
	h->start_interval_ns =
		first_of(own->start_interval_ns, json_get_int(image, "StartInterval", 0),
			 DEFAULT_START_INTERVAL_NS);
	h->retries = first_of(own->retries, json_get_int(image, "Retries", 0), DEFAULT_RETRIES);
}

/* ---- verdict */

static void set_status(struct health *h, enum health_status status)
{
	struct container *c = h->container;
	auto_free char *action = NULL;

	if (c->health_status == status)
		return;
	c->health_status = status;
	log_debug("health", "container %s is %s", c->name, health_status_name(status));
	action = xasprintf("health_status: %s", health_status_name(status));
	container_emit(c, action, NULL, NULL);
	publish_refresh(c);
	container_notify(c, CONTAINER_CHANGED_HEALTH);
}

static void on_failure(struct health *h)
{
	int64_t now = time_boot_ns();

	if (h->container->health_status == HEALTH_STARTING) {
		if (now - h->started_boot_ns < h->start_period_ns)
			return;
		if (now - h->counted_boot_ns < h->interval_ns)
			return;
	}
	h->counted_boot_ns = now;
	if (++h->streak >= h->retries)
		set_status(h, HEALTH_UNHEALTHY);
}

static int64_t next_pause(struct health *h)
{
	int64_t now = time_boot_ns(), longest = h->interval_ns, due;

	if (h->container->health_status != HEALTH_STARTING)
		return h->interval_ns;
	if (now - h->started_boot_ns < h->start_period_ns)
		longest = MIN(longest, h->start_interval_ns);
	h->pause_ns = MIN(h->pause_ns * 2, longest);
	/* The probe that will count comes in time. */
	due = h->counted_boot_ns + h->interval_ns - now;
	return due > NS_PER_MS && due < h->pause_ns ? due + NS_PER_MS : h->pause_ns;
}

/* ---- probing */

static void on_timer(uv_timer_t *timer);

static void wait_for(struct health *h, int64_t pause_ns)
{
	uv_timer_start(&h->timer, on_timer, (uint64_t)((pause_ns + NS_PER_MS - 1) / NS_PER_MS), 0);
}

static void remember(struct health *h, int exit_code)
{
	struct probe_result *r;

	if (h->log_count == LOG_KEPT)
		free(h->log[LOG_KEPT - 1].output);
	else
		h->log_count++;
	memmove(h->log + 1, h->log, (h->log_count - 1) * sizeof(*h->log));
	r = &h->log[0];
	r->start_ns = h->probe_start_ns;
	r->end_ns = time_now_ns();
	r->exit_code = exit_code;
	r->output = buf_steal(&h->output);
}

static void finish_probe(struct health *h, int exit_code)
{
	h->probe = NULL;
	if (h->timed_out) {
		char text[TIME_TEXT_MAX];

		time_format_duration(h->timeout_ns, text);
		buf_reset(&h->output);
		buf_addf(&h->output, "Health check exceeded timeout (%s)", text);
		exit_code = -1;
	}
	remember(h, exit_code);
	if (exit_code == 0) {
		h->streak = 0;
		set_status(h, HEALTH_HEALTHY);
	} else {
		on_failure(h);
	}
	wait_for(h, next_pause(h));
}

static bool on_output(void *arg, int fd, const char *data, size_t len)
{
	struct health *h = arg;

	(void)fd;
	buf_add(&h->output, data, MIN(len, OUTPUT_MAX - h->output.len));
	return true;
}

static void on_exit_status(void *arg, int exit_code, const struct error *err)
{
	struct health *h = arg;

	if (err) {
		buf_reset(&h->output);
		buf_adds(&h->output, err->msg);
		exit_code = -1;
	}
	finish_probe(h, exit_code);
}

static void start_probe(struct health *h)
{
	struct exec_args args = {
		.cmd = h->test,
		.on_output = on_output,
		.on_exit = on_exit_status,
		.arg = h,
	};
	struct error err = ERROR_INIT;

	h->timed_out = false;
	h->probe_start_ns = time_now_ns();
	buf_reset(&h->output);
	if (exec_start(h->container, &args, &h->probe, &err) < 0) {
		on_exit_status(h, -1, &err);
		return;
	}
	wait_for(h, h->timeout_ns);
}

static void on_timer(uv_timer_t *timer)
{
	struct health *h = container_of(timer, struct health, timer);
	struct error err = ERROR_INIT;

	if (!h->probe && h->container->state == CONTAINER_RUNNING) {
		start_probe(h);
	} else if (h->probe) {
		h->timed_out = true;
		if (exec_signal(h->probe, SIGKILL, &err) < 0)
			log_debug("health", "probe of container %s: %s", h->container->name,
				  err.msg);
	} else {
		wait_for(h, h->interval_ns); /* paused */
	}
}

/* ---- life */

static void on_closed(uv_handle_t *handle)
{
	struct health *h = container_of((uv_timer_t *)(void *)handle, struct health, timer);
	size_t i;

	for (i = 0; i < h->log_count; i++)
		free(h->log[i].output);
	buf_release(&h->output);
	strv_free(h->test);
	free(h);
}

void health_free(struct container *c)
{
	struct health *h = c->health;

	if (!h)
		return;
	health_stop(c);
	c->health = NULL;
	uv_close((uv_handle_t *)&h->timer, on_closed);
}

void health_start(struct container *c)
{
	struct health *h;

	health_free(c);
	c->health_status = HEALTH_NONE;
	h = xcalloc(1, sizeof(*h));
	h->container = c;
	read_rules(h);
	if (!h->test) {
		free(h);
		return;
	}
	buf_init(&h->output, OUTPUT_MAX + 1);
	uv_timer_init(c->daemon->loop, &h->timer);
	c->health = h;
	h->started_boot_ns = h->counted_boot_ns = time_boot_ns();
	h->pause_ns = FIRST_PROBE_NS;
	set_status(h, HEALTH_STARTING);
	wait_for(h, FIRST_PROBE_NS);
}

void health_stop(struct container *c)
{
	struct health *h = c->health;

	if (!h)
		return;
	uv_timer_stop(&h->timer);
	if (h->probe)
		exec_detach(h->probe);
	h->probe = NULL;
}

json_t *health_inspect(const struct container *c)
{
	const struct health *h = c->health;
	json_t *o, *log;
	size_t i;

	if (!h)
		return NULL;
	o = json_object();
	log = json_array();
	json_set_str(o, "status", health_status_name(c->health_status));
	json_set_int(o, "failing_streak", h->streak);
	for (i = h->log_count; i > 0; i--) {
		const struct probe_result *r = &h->log[i - 1];
		json_t *entry = json_object();

		json_set_int(entry, "start_ns", r->start_ns);
		json_set_int(entry, "end_ns", r->end_ns);
		json_set_int(entry, "exit_code", r->exit_code);
		json_set_new(entry, "output", json_str(r->output));
		json_array_append_new(log, entry);
	}
	json_set_new(o, "log", log);
	return o;
}

char *health_explain(const struct container *c)
{
	const struct health *h = c->health;
	auto_free char *command = NULL, *output = NULL;
	char *text;

	if (!h || !h->log_count)
		return NULL;
	command = strv_join(h->test, " ");
	output = xstrdup(h->log[0].output);
	text = str_trim(output);
	return xasprintf("its health check \"%s\" %s %d%s%s", command, "ended with status",
			 h->log[0].exit_code, *text ? ": " : "", text);
}
