/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removes what belongs to nothing: after a crash, or when a shim was killed and could not clean up
 * behind its container.  Killing is waited for by pidfd, in a worker, so that a cgroup is empty
 * when it is removed.
 */
#include "engine/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/log.h"
#include "engine/container.h"
#include "engine/trash.h"

#define ID_LEN	 64
#define DEATH_MS 10000 /* a killed process is gone by then, or hangs in the kernel */
#define ROUNDS	 4     /* of killing what was forked meanwhile */

struct sweeping {
	uv_work_t work;
	const struct runtime_host *host;
	char *parent, *id;
	void (*done)(void *arg);
	void *arg;
	struct error err;
};

/* ---- one cgroup, in a worker */

static void wait_for(int *pidfds, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct pollfd p = {.fd = pidfds[i], .events = POLLIN};

		if (pidfds[i] < 0)
			continue;
		if (poll(&p, 1, DEATH_MS) < 0 && errno == EINTR)
			i--; /* once more */
		else
			close(pidfds[i]);
	}
}

/* 1 when there was something to kill. */
static int kill_round(struct sweeping *s, struct error *err)
{
	auto_free pid_t *pids = NULL;
	auto_free int *fds = NULL;
	size_t count = 0, i;
	int r = runtime_cgroup_pids(s->host, s->parent, s->id, &pids, &count, err);

	if (r < 0 || !count)
		return r == -ENOENT ? 0 : r;
	fds = xcalloc(count, sizeof(*fds));
	for (i = 0; i < count; i++)
		fds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
	r = runtime_cgroup_act(s->host, s->parent, s->id, RT_CGROUP_KILL, err);
	wait_for(fds, r < 0 ? 0 : count);
	return r < 0 ? r : 1;
}

static void sweep_work(uv_work_t *work)
{
	struct sweeping *s = container_of(work, struct sweeping, work);
	struct error ignored = ERROR_INIT;
	int round, r = 1;

	for (round = 0; round < ROUNDS && r > 0; round++)
		r = kill_round(s, &ignored);
	if (runtime_cgroup_remove(s->host, s->parent, s->id, &s->err) == 0)
		s->err.code = 0;
}

static void sweep_done(uv_work_t *work, int status)
{
	struct sweeping *s = container_of(work, struct sweeping, work);

	(void)status;
	if (s->err.code)
		log_warn("sweep", "%s", s->err.msg);
	if (s->done)
		s->done(s->arg);
	free(s->parent);
	free(s->id);
	free(s);
}

void sweep_cgroup(struct daemon *d, const char *id, void (*done)(void *arg), void *arg)
{
	struct sweeping *s = xcalloc(1, sizeof(*s));

	s->host = &d->host;
	s->parent = xstrdup(d->tag);
	s->id = xstrdup(id);
	s->done = done;
	s->arg = arg;
	/* It fails for bad arguments only. */
	if (uv_queue_work(d->loop, &s->work, sweep_work, sweep_done) < 0)
		abort();
}

/* ---- everything */

static void sweep_cgroups(struct daemon *d, const struct map *keep)
{
	AUTO(strv_free) char **ids = NULL;
	struct error err = ERROR_INIT;
	size_t i;

	if (runtime_cgroup_list(&d->host, d->tag, &ids, &err) < 0) {
		log_warn("sweep", "list the cgroups of containers: %s", err.msg);
		return;
	}
	for (i = 0; ids && ids[i]; i++) {
		const struct container *c = map_get(d->containers, ids[i]);

		if ((c && c->shim) || map_has(keep, ids[i]))
			continue;
		log_info("sweep", "removing the cgroup of %.12s, which belongs to nothing", ids[i]);
		sweep_cgroup(d, ids[i], NULL, NULL);
	}
}

static bool is_id(const char *name)
{
	return strlen(name) == ID_LEN && strspn(name, "0123456789abcdef") == ID_LEN;
}

static void remove_run_dir(struct daemon *d, const char *path)
{
	struct error err = ERROR_INIT;

	(void)d;
	if (file_remove_tree(AT_FDCWD, path, &err) < 0)
		log_warn("sweep", "%s", err.msg);
}

static void sweep_dirs(struct daemon *d, const char *top,
		       void (*remove)(struct daemon *d, const char *path))
{
	auto_free char *dir = xasprintf("%s/containers", top);
	DIR *entries = opendir(dir);
	struct dirent *e;

	while (entries && (e = readdir(entries))) {
		auto_free char *path = NULL;

		if (!is_id(e->d_name) || map_has(d->containers, e->d_name))
			continue;
		path = xasprintf("%s/%s", dir, e->d_name);
		remove(d, path);
	}
	if (entries)
		closedir(entries);
}

void sweep(struct daemon *d, const struct map *keep)
{
	sweep_cgroups(d, keep);
	sweep_dirs(d, d->run_dir, remove_run_dir);
	sweep_dirs(d, d->state_dir, trash_put);
	trash_empty(d);
}
