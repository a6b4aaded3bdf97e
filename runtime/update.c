/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of a running container, changed: the same files as the launch program writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "runtime/cgroup.h"

struct change {
	const struct runtime_host *host;
	const char *parent, *id;
	struct error *err;
};

/* One file of the container's cgroup; on v2 the controller does not matter. */
static int put(const struct change *c, const char *controller, const char *file, const char *text)
{
	auto_free char *dir = NULL, *path = NULL;
	int r = runtime_cgroup_path(c->host, c->host->cgroup_v2 ? NULL : controller, c->parent,
				    c->id, &dir, c->err);

	if (r < 0)
		return r;
	path = xasprintf("%s/%s", dir, file);
	if (!c->host->cgroup_v2 && !file_exists(AT_FDCWD, dir))
		return error_set(
			c->err, EOPNOTSUPP,
			"set %s: on cgroup v1 only a container that was started with such a "
			"limit can get another one",
			file);
	return file_poke(AT_FDCWD, path, text, c->err);
}

static int put_number(const struct change *c, const char *controller, const char *file,
		      int64_t number)
{
	char text[32];

	if (number < 0)
		snprintf(text, sizeof(text), "%s", c->host->cgroup_v2 ? "max" : "-1");
	else
		snprintf(text, sizeof(text), "%lld", (long long)number);
	return number ? put(c, controller, file, text) : 0;
}

/* Memory alone is never more than memory and swap: which one goes first depends on the direction.
 */
static int v1_memory(const struct change *c, const struct runtime_resources *r)
{
	static const char memory[] = "memory.limit_in_bytes";
	static const char both[] = "memory.memsw.limit_in_bytes";
	int64_t swap = r->memory_swap_bytes ? r->memory_swap_bytes : 2 * r->memory_bytes;
	int rc = put_number(c, "memory", memory, r->memory_bytes);

	if (rc == 0 || rc == -EINVAL) {
		*c->err = ERROR_INIT;
		rc = put_number(c, "memory", both, swap);
		if (rc == -ENOENT)
			rc = 0; /* a kernel without swap accounting */
	}
	if (rc == 0)
		rc = put_number(c, "memory", memory, r->memory_bytes);
	return rc;
}

static int v1_limits(const struct change *c, const struct runtime_resources *r)
{
	int rc = v1_memory(c, r);

	if (rc == 0)
		rc = put_number(c, "memory", "memory.soft_limit_in_bytes",
				r->memory_reservation_bytes);
	if (rc == 0)
		rc = put_number(c, "cpu", "cpu.cfs_period_us", r->cpu_period_us);
	if (rc == 0)
		rc = put_number(c, "cpu", "cpu.cfs_quota_us", r->cpu_quota_us);
	if (rc == 0)
		rc = put_number(c, "cpu", "cpu.shares", r->cpu_shares);
	return rc;
}

static int v2_cpu(const struct change *c, const struct runtime_resources *r)
{
	char text[64];

	if (!r->cpu_quota_us)
		return 0;
	snprintf(text, sizeof(text), "%lld %lld", (long long)r->cpu_quota_us,
		 (long long)(r->cpu_period_us ? r->cpu_period_us : 100000));
	return put(c, NULL, "cpu.max", r->cpu_quota_us < 0 ? "max" : text);
}

static int v2_limits(const struct change *c, const struct runtime_resources *r)
{
	int64_t swap = r->memory_swap_bytes > 0 ? r->memory_swap_bytes - r->memory_bytes
						: r->memory_swap_bytes;
	int rc = put_number(c, NULL, "memory.max", r->memory_bytes);

	if (rc == 0)
		rc = put_number(c, NULL, "memory.low", r->memory_reservation_bytes);
	if (rc == 0) {
		rc = put_number(c, NULL, "memory.swap.max", swap);
		if (rc == -ENOENT)
			rc = 0; /* a kernel without swap accounting */
	}
	if (rc == 0)
		rc = v2_cpu(c, r);
	if (rc == 0 && r->cpu_shares >= 2)
		rc = put_number(c, NULL, "cpu.weight", 1 + (r->cpu_shares - 2) * 9999 / 262142);
	return rc;
}

int runtime_cgroup_update(const struct runtime_host *host, const char *parent, const char *id,
			  const struct runtime_resources *r, struct error *err)
{
	const struct change c = {.host = host, .parent = parent, .id = id, .err = err};
	char pids[32];
	int rc = host->cgroup_v2 ? v2_limits(&c, r) : v1_limits(&c, r);

	if (rc == 0 && !str_empty(r->cpuset_cpus))
		rc = put(&c, "cpuset", "cpuset.cpus", r->cpuset_cpus);
	if (rc == 0 && !str_empty(r->cpuset_mems))
		rc = put(&c, "cpuset", "cpuset.mems", r->cpuset_mems);
	snprintf(pids, sizeof(pids), "%lld", (long long)r->pids_limit);
	if (rc == 0 && r->pids_limit)
		rc = put(&c, "pids", "pids.max", r->pids_limit < 0 ? "max" : pids);
	if (rc == 0)
		*err = ERROR_INIT;
	return rc;
}
