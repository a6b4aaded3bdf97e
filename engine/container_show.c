/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers as the native API shows them: see docs/internals/native-api.md. */
#include <stdio.h>

#include "base/json.h"
#include "base/time.h"
#include "engine/container_int.h"
#include "engine/health.h"
#include "engine/launch.h"
#include "engine/network.h"

/* "Up 3 minutes (healthy)", "Exited (0) 2 hours ago", as docker says it. */
char *container_status_text(const struct container *c)
{
	int64_t now = time_now_ns();
	char up[64], ago[64];

	str_human_duration((now - c->started_ns) / NS_PER_SEC, up, sizeof(up));
	str_human_duration((now - c->finished_ns) / NS_PER_SEC, ago, sizeof(ago));
	switch (c->state) {
	case CONTAINER_RUNNING:
	case CONTAINER_STOPPING:
		if (c->out_of_reach)
			return xasprintf("Up %s (its shim does not answer)", up);
		if (c->health_status == HEALTH_STARTING)
			return xasprintf("Up %s (health: starting)", up);
		if (c->health_status != HEALTH_NONE)
			return xasprintf("Up %s (%s)", up, health_status_name(c->health_status));
		return xasprintf("Up %s", up);
	case CONTAINER_PAUSED:
		return xasprintf("Up %s (Paused)", up);
	case CONTAINER_RESTARTING:
		return xasprintf("Restarting (%d) %s ago", c->exit_code, ago);
	case CONTAINER_EXITED:
		return xasprintf("Exited (%d) %s ago", c->exit_code, ago);
	case CONTAINER_DEAD:
		return xstrdup("Dead");
	case CONTAINER_REMOVING:
		return xstrdup("Removal In Progress");
	default:
		return xstrdup("Created");
	}
}

static json_t *networks(const struct container *c)
{
	json_t *all = json_object();
	size_t i, k;

	for (i = 0; i < c->endpoint_count; i++) {
		const struct container_endpoint *e = &c->endpoints[i];
		json_t *o = json_object();
		char text[NET_ADDR_TEXT];

		for (k = 0; k < 2; k++) {
			if (!e->link.addrs[k].family)
				continue;
			net_addr_text(&e->link.addrs[k], text);
			json_set_str(o, k ? "ipv6" : "ipv4", text);
		}
		json_set_new(o, "aliases", json_strv(e->aliases));
		json_set_str(o, "interface", e->link.ifname);
		json_set_new(all, e->network->name, o);
	}
	return all;
}

json_t *container_summary(const struct container *c)
{
	AUTO(strv_free) char **argv = launch_argv(c);
	auto_free char *command = strv_join(argv, " "), *state = container_status_text(c);
	json_t *o = json_object();

	json_set_str(o, "id", c->id);
	json_set_str(o, "name", c->name);
	json_set_str(o, "image", c->config.image);
	json_set_str(o, "image_id", c->image_id);
	json_set_new(o, "command", json_str(command));
	json_set_int(o, "created_ns", c->created_ns);
	json_set_str(o, "status", container_state_name(c->state));
	json_set_str(o, "state", state);
	json_set_int(o, "exit_code", c->exit_code);
	json_set_str(o, "health", health_status_name(c->health_status));
	json_set_new(o, "ports", publish_list(c));
	json_set_new(o, "labels", json_incref(c->config.labels));
	json_set_str(o, "project", c->project);
	json_set_str(o, "service", c->service);
	json_set_int(o, "number", c->number);
	json_set_bool(o, "one_off", c->one_off);
	json_set_new(o, "networks", networks(c));
	json_set_int(o, "pid", c->pid);
	return o;
}

json_t *container_inspect(const struct container *c)
{
	json_t *o = container_summary(c), *health = health_inspect(c);

	json_set_int(o, "started_ns", c->started_ns);
	json_set_int(o, "finished_ns", c->finished_ns);
	json_set_int(o, "restart_count", c->restart_count);
	json_set_bool(o, "oom_killed", c->oom_killed);
	json_set_str(o, "error", c->error);
	json_set_str(o, "directory", c->dir);
	json_set_new(o, "config", container_config_encode(&c->config));
	if (health)
		json_set_new(o, "health_check", health);
	return o;
}

int container_describe_launch(struct container *c, struct buf *out, struct error *err)
{
	auto_buf struct buf program = BUF_INIT;
	int r = container_compile(c, &program, err);

	if (r < 0)
		return error_wrap(err, "launch program of container %s", c->name);
	runtime_describe(program.data, program.len, out);
	return 0;
}
