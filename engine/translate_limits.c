/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service may use and how it is kept alive: resources, deploy, ulimits, healthcheck,
 * restart. `deploy` comes after the older keys and wins where both say something.
 */
#include <errno.h>
#include <math.h>

#include "engine/translate_int.h"

#define CPU_PERIOD_US 100000

/* ---- resources */

static int set_cpus(struct translate *t, const json_t *value, void *field UNUSED)
{
	struct config_resources *r = &t->c->resources;
	auto_free char *text = scalar_text(value);
	double cpus;

	if (parse_double(text, &cpus) < 0 || cpus < 0 || cpus > 1e6)
		return error_set(t->err, EINVAL, "\"%s\" is not a number of processors",
				 text ? text : "");
	if (cpus == 0)
		return 0;
	r->cpu_period_us = CPU_PERIOD_US;
	r->cpu_quota_us = llround(cpus * CPU_PERIOD_US);
	return 0;
}

static int set_limits(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct translate_row rows[] = {
		TRANSLATE_ROW("cpus", set_cpus, resources),
		TRANSLATE_ROW("memory", set_bytes, resources.memory_bytes),
		TRANSLATE_ROW("pids", set_int, resources.pids_limit),
		{0},
	};

	return translate_rows(t, value, rows, t->c);
}

/* Refused, not ignored: the program would look for a device that is not there. */
static int set_device_requests(struct translate *t, const json_t *value, void *field UNUSED)
{
	if (json_array_size(value))
		return error_set(t->err, EOPNOTSUPP, "requests for devices are not supported");
	return 0;
}

static int set_reservations(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct translate_row rows[] = {
		TRANSLATE_ROW("memory", set_bytes, resources.memory_reservation_bytes),
		{"devices", set_device_requests, 0},
		{0},
	};

	return translate_rows(t, value, rows, t->c);
}

static int set_resources(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct translate_row rows[] = {
		{"limits", set_limits, 0},
		{"reservations", set_reservations, 0},
		{0},
	};

	return translate_rows(t, value, rows, t->c);
}

/* ---- restart */

/* "on-failure:3" */
static int set_restart(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};
	struct config_restart *r = &t->c->restart;
	const char *text = json_string_value(value), *colon = text ? strchr(text, ':') : NULL;
	size_t i;

	if (!text)
		return error_set(t->err, EINVAL, "must be a string");
	free(r->policy);
	r->policy = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	if (colon && (parse_i64(colon + 1, &r->max) < 0 || r->max < 0))
		return error_set(t->err, EINVAL, "\"%s\" is not a number of attempts", colon + 1);
	for (i = 0; i < ARRAY_LEN(policies); i++)
		if (!strcmp(r->policy, policies[i]))
			return 0;
	return error_set(t->err, EINVAL, "unknown policy \"%s\"", r->policy);
}

static int set_restart_policy(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct {
		const char *condition, *policy;
	} conditions[] = {{"none", "no"},
			  {"no", "no"},
			  {"any", "always"},
			  {"always", "always"},
			  {"unless-stopped", "unless-stopped"},
			  {"on-failure", "on-failure"}};
	const char *condition = json_get_str(value, "condition");
	struct config_restart *r = &t->c->restart;
	size_t i;

	if (!condition)
		condition = "any";
	for (i = 0; i < ARRAY_LEN(conditions); i++) {
		if (strcmp(condition, conditions[i].condition) != 0)
			continue;
		free(r->policy);
		r->policy = xstrdup(conditions[i].policy);
		r->max = json_get_int(value, "max_attempts", 0);
		return 0;
	}
	return error_set(t->err, EINVAL, "unknown condition \"%s\"", condition);
}

static int set_deploy(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct translate_row rows[] = {
		{"resources", set_resources, 0},
		{"restart_policy", set_restart_policy, 0},
		{0},
	};

	return translate_rows(t, value, rows, t->c);
}

/* ---- ulimits */

/* -1 stands for unlimited. */
static int set_ulimit(struct translate *t, const json_t *value, struct config_ulimit *u)
{
	static const struct translate_row rows[] = {
		{"soft", set_int, offsetof(struct config_ulimit, soft)},
		{"hard", set_int, offsetof(struct config_ulimit, hard)},
		{0},
	};

	if (json_is_object(value))
		return translate_rows(t, value, rows, u);
	if (set_int(t, value, &u->soft) < 0)
		return -t->err->code;
	u->hard = u->soft;
	return 0;
}

static int set_ulimits(struct translate *t, const json_t *value, void *field UNUSED)
{
	const char *name;
	json_t *limit;

	if (!json_is_object(value) || json_object_size(value) > TRANSLATE_ENTRIES_MAX)
		return error_set(t->err, EINVAL, "must be a mapping");
	json_object_foreach ((json_t *)(uintptr_t)value, name, limit) {
		struct config_ulimit *u = ARRAY_GROW(t->c->ulimits, &t->c->ulimit_count);

		u->name = xstrdup(name);
		if (set_ulimit(t, limit, u) < 0)
			return error_wrap(t->err, "%s", name);
	}
	return 0;
}

/* ---- health */

static int set_health_test(struct translate *t, const json_t *value, void *field)
{
	static const char *const kinds[] = {"NONE", "CMD", "CMD-SHELL"};
	char ***test = field;
	size_t i;

	if (json_is_string(value))
		strv_push(test, xstrdup("CMD-SHELL"));
	if (set_strv(t, value, test) < 0)
		return -t->err->code;
	if (!strv_len(*test))
		return 0;
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp((*test)[0], kinds[i]))
			return 0;
	return error_set(t->err, EINVAL, "must start with \"CMD\", \"CMD-SHELL\" or \"NONE\"");
}

static int set_healthcheck(struct translate *t, const json_t *value, void *field UNUSED)
{
	static const struct translate_row rows[] = {
		TRANSLATE_ROW("test", set_health_test, health.test),
		TRANSLATE_ROW("interval", set_duration, health.interval_ns),
		TRANSLATE_ROW("timeout", set_duration, health.timeout_ns),
		TRANSLATE_ROW("start_period", set_duration, health.start_period_ns),
		TRANSLATE_ROW("start_interval", set_duration, health.start_interval_ns),
		TRANSLATE_ROW("retries", set_int, health.retries),
		{0},
	};

	if (json_get_bool(value, "disable")) {
		strv_push(&t->c->health.test, xstrdup("NONE"));
		return 0;
	}
	return translate_rows(t, value, rows, t->c);
}

const struct translate_row translate_limit_rows[] = {
	TRANSLATE_ROW("shm_size", set_bytes, shm_bytes),
	TRANSLATE_ROW("oom_score_adj", set_int, oom_score_adj),
	TRANSLATE_ROW("mem_limit", set_bytes, resources.memory_bytes),
	TRANSLATE_ROW("mem_reservation", set_bytes, resources.memory_reservation_bytes),
	TRANSLATE_ROW("memswap_limit", set_bytes, resources.memory_swap_bytes),
	TRANSLATE_ROW("cpu_quota", set_int, resources.cpu_quota_us),
	TRANSLATE_ROW("cpu_period", set_int, resources.cpu_period_us),
	TRANSLATE_ROW("cpus", set_cpus, resources),
	TRANSLATE_ROW("cpu_shares", set_int, resources.cpu_shares),
	TRANSLATE_ROW("cpuset", set_str, resources.cpuset_cpus),
	TRANSLATE_ROW("pids_limit", set_int, resources.pids_limit),
	TRANSLATE_ROW("oom_kill_disable", set_bool, resources.oom_kill_disable),
	TRANSLATE_ROW("ulimits", set_ulimits, ulimits),
	TRANSLATE_ROW("healthcheck", set_healthcheck, health),
	TRANSLATE_ROW("restart", set_restart, restart),
	{"deploy", set_deploy, 0},
	{"gpus", set_device_requests, 0},
	{0},
};
