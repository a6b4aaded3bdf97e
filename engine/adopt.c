/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a start: what the records say is compared with what is there.  Shims that answer are taken
 * over, ends that happened meanwhile are caught up on, and what belongs to no record is removed.
 * After a reboot nothing runs, whatever the records say.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/health.h"
#include "engine/network.h"
#include "engine/state.h"
#include "engine/trash.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static bool same_boot(struct daemon *d)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *last = state_fact(d->state, "boot_id");
	struct error err = ERROR_INIT;
	const char *now;

	if (file_read(AT_FDCWD, BOOT_ID, 64, &text, &err) < 0)
		return true;
	now = str_trim(text.data);
	if (str_eq(last, now))
		return true;
	if (state_fact_put(d->state, "boot_id", now, &err) < 0)
		log_warn("adopt", "%s", err.msg);
	return !last;
}

static bool recorded_as_running(const struct container *c)
{
	return c->state == CONTAINER_STARTING || c->state == CONTAINER_RUNNING ||
	       c->state == CONTAINER_PAUSED || c->state == CONTAINER_STOPPING;
}

/* The end that nobody told us of: from the shim's record, else as killed. */
static void settle(struct container *c)
{
	struct error err = ERROR_INIT;

	if (shim_read_exit(c->daemon, c->id, &c->life->exit) < 0) {
		c->life->exit = (struct shim_exit){.status = 137, .signal = SIGKILL};
		if (runtime_cgroup_act(&c->daemon->host, c->daemon->tag, c->id, RT_CGROUP_KILL,
				       &err) < 0)
			log_debug("adopt", "%s", err.msg);
		if (runtime_cgroup_remove(&c->daemon->host, c->daemon->tag, c->id, &err) < 0)
			log_debug("adopt", "%s", err.msg);
	}
	container_event(c, EVENT_ENDED);
}

/* While connecting, "started" means that the shim has answered. */
static void adopted_started(void *arg, int pid, int dns_udp_fd, int dns_tcp_fd)
{
	struct container *c = arg;

	c->pid = pid;
	endpoints_up(c, dns_udp_fd, dns_tcp_fd);
}

/* Takes over a running container; what it holds (sockets, names) is served again. */
static int take_over(struct container *c, struct error *err)
{
	struct shim_events events = container_shim_events;
	int r;

	events.on_started = adopted_started;
	r = shim_connect(c->daemon, c->id, &events, c, &c->shim, err);
	if (r < 0)
		return r;
	if (!c->pid)
		return error_set(err, ESRCH, "its process has ended");
	if (publish_acquire(c, err) < 0)
		log_warn("adopt", "ports of container %s: %s", c->name, err->msg);
	publish_keep(c);
	if (c->state == CONTAINER_STARTING)
		c->state = CONTAINER_RUNNING;
	publish_refresh(c);
	if (c->state == CONTAINER_RUNNING)
		health_start(c);
	if (c->state == CONTAINER_STOPPING) { /* the time to stop begins anew */
		c->state = CONTAINER_RUNNING;
		container_stop(c, NULL, -1, NULL, NULL);
	}
	container_save_or_log(c);
	return 0;
}

static void adopt_one(struct container *c)
{
	struct error err = ERROR_INIT;

	if (take_over(c, &err) == 0)
		return;
	log_info("adopt", "container %s does not run any more (%s)", c->name, err.msg);
	shim_free(c->shim);
	c->shim = NULL;
	endpoints_down(c);
	settle(c);
}

/* ---- what belongs to nothing */

static void sweep_cgroups(struct daemon *d)
{
	AUTO(strv_free) char **ids = NULL;
	struct error err = ERROR_INIT;
	size_t i;

	if (runtime_cgroup_list(&d->host, d->tag, &ids, &err) < 0) {
		log_debug("adopt", "%s", err.msg);
		return;
	}
	for (i = 0; i < strv_len(ids); i++) {
		const struct container *c = map_get(d->containers, ids[i]);

		if (c && c->pid)
			continue;
		log_info("adopt", "removing the cgroup %s, which belongs to nothing", ids[i]);
		if (runtime_cgroup_act(&d->host, d->tag, ids[i], RT_CGROUP_KILL, &err) < 0 ||
		    runtime_cgroup_remove(&d->host, d->tag, ids[i], &err) < 0)
			log_debug("adopt", "%s", err.msg);
	}
}

/* Directories below BASE/containers without a container. */
static void sweep_directories(struct daemon *d, const char *base)
{
	auto_free char *dir = xasprintf("%s/containers", base);
	DIR *entries = opendir(dir);
	struct dirent *e;

	while (entries && (e = readdir(entries))) {
		auto_free char *path = NULL;

		if (e->d_name[0] == '.' || map_has(d->containers, e->d_name))
			continue;
		path = xasprintf("%s/%s", dir, e->d_name);
		trash_put(d, path);
	}
	if (entries)
		closedir(entries);
}

static void sweep_run(struct daemon *d)
{
	auto_free char *dir = xasprintf("%s/containers", d->run_dir);
	DIR *entries = opendir(dir);
	struct error err = ERROR_INIT;
	struct dirent *e;

	while (entries && (e = readdir(entries))) {
		if (e->d_name[0] == '.' || map_has(d->containers, e->d_name))
			continue;
		if (file_remove_tree(dirfd(entries), e->d_name, &err) < 0)
			log_warn("adopt", "%s", err.msg);
	}
	if (entries)
		closedir(entries);
}

static bool policy_wants_at_start(const struct container *c)
{
	const char *policy = c->config.restart.policy;

	return str_eq(policy, "always") ||
	       (str_eq(policy, "unless-stopped") && !c->stopped_by_user);
}

static void start_again(struct container *c)
{
	container_start(c, NULL, NULL);
}

/* A cursor over ids: what happens in a call may take containers away. */
static struct container **snapshot(struct daemon *d)
{
	struct container **all = xcalloc(map_len(d->containers) + 1, sizeof(struct container *));
	struct map_iter it = {0};
	size_t n = 0;

	while (map_next(d->containers, &it))
		all[n++] = container_ref(it.value);
	return all;
}

void containers_adopt(struct daemon *d)
{
	bool same = same_boot(d);
	struct container **all = snapshot(d);
	size_t i;

	for (i = 0; all[i]; i++) {
		struct container *c = all[i];

		if (!same && (recorded_as_running(c) || c->state == CONTAINER_RESTARTING)) {
			c->life->exit = (struct shim_exit){.status = 137, .signal = SIGKILL};
			c->state = CONTAINER_EXITED;
			c->exit_code = 137;
			c->finished_ns = time_now_ns();
			container_save_or_log(c);
			if (policy_wants_at_start(c))
				start_again(c);
		} else if (recorded_as_running(c)) {
			adopt_one(c);
		} else if (c->state == CONTAINER_RESTARTING) {
			container_event(c, EVENT_RESTART_DUE);
		}
	}
	for (i = 0; all[i]; i++)
		container_unref(all[i]);
	free(all);
	sweep_cgroups(d);
	sweep_run(d);
	sweep_directories(d, d->state_dir);
	networks_sweep(d);
	trash_empty(d);
}
