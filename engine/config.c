/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The codec tables of container_config; one row a member.  See config.h. */
#include "engine/config.h"

#define F(type, member, kind)                                                                      \
	{                                                                                          \
#member, JSON_K_##kind, offsetof(struct type, member), 0, 0, NULL, 0               \
	}
#define SUB(type, member, table)                                                                   \
	{                                                                                          \
#member, JSON_K_STRUCT, offsetof(struct type, member), 0, 0, table, 0              \
	}
#define LIST(member, count, item, table)                                                           \
	{                                                                                          \
#member, JSON_K_LIST, offsetof(struct container_config, member),                   \
			offsetof(struct container_config, count), sizeof(struct item), table, 0    \
	}

static const struct json_field mount_fields[] = {
	F(config_mount, type, STR),
	F(config_mount, source, STR),
	F(config_mount, target, STR),
	F(config_mount, read_only, BOOL),
	F(config_mount, no_copy, BOOL),
	F(config_mount, no_create, BOOL),
	F(config_mount, subpath, STR),
	F(config_mount, propagation, STR),
	F(config_mount, tmpfs_options, STR),
	F(config_mount, from_image, BOOL),
	F(config_mount, volume_labels, VALUE),
	{0},
};

static const struct json_field port_fields[] = {
	F(config_port, host_ip, STR),
	F(config_port, host_port, STR),
	F(config_port, container_port, INT),
	F(config_port, protocol, STR),
	{0},
};

static const struct json_field network_fields[] = {
	F(config_network, network, STR),
	F(config_network, aliases, STRV),
	F(config_network, ipv4, STR),
	F(config_network, ipv6, STR),
	F(config_network, mac, STR),
	F(config_network, priority, INT),
	F(config_network, gw_priority, INT),
	F(config_network, interface_name, STR),
	{0},
};

static const struct json_field file_fields[] = {
	F(config_file, source, STR),
	F(config_file, content, STR),
	F(config_file, target, STR),
	F(config_file, uid, STR),
	F(config_file, gid, STR),
	F(config_file, mode, INT),
	{0},
};

static const struct json_field ulimit_fields[] = {
	F(config_ulimit, name, STR),
	{"soft", JSON_K_INT, offsetof(struct config_ulimit, soft), 0, 0, NULL, JSON_F_ALWAYS},
	{"hard", JSON_K_INT, offsetof(struct config_ulimit, hard), 0, 0, NULL, JSON_F_ALWAYS},
	{0},
};

static const struct json_field device_fields[] = {
	F(config_device, source, STR),
	F(config_device, target, STR),
	F(config_device, permissions, STR),
	{0},
};

static const struct json_field health_fields[] = {
	F(config_health, test, STRV),
	F(config_health, interval_ns, INT),
	F(config_health, timeout_ns, INT),
	F(config_health, start_period_ns, INT),
	F(config_health, start_interval_ns, INT),
	F(config_health, retries, INT),
	{0},
};

static const struct json_field restart_fields[] = {
	F(config_restart, policy, STR),
	F(config_restart, max, INT),
	{0},
};

static const struct json_field resource_fields[] = {
	F(config_resources, memory_bytes, INT),
	F(config_resources, memory_reservation_bytes, INT),
	F(config_resources, memory_swap_bytes, INT),
	F(config_resources, cpu_quota_us, INT),
	F(config_resources, cpu_period_us, INT),
	F(config_resources, cpu_shares, INT),
	F(config_resources, pids_limit, INT),
	F(config_resources, cpuset_cpus, STR),
	F(config_resources, cpuset_mems, STR),
	F(config_resources, oom_kill_disable, BOOL),
	{0},
};

#define C(member, kind) F(container_config, member, kind)

const struct json_field container_config_fields[] = {
	C(image, STR),
	C(entrypoint, STRV),
	C(command, STRV),
	C(entrypoint_set, BOOL),
	C(command_set, BOOL),
	C(env, STRV),
	C(working_dir, STR),
	C(user, STR),
	C(hostname, STR),
	C(domainname, STR),
	C(group_add, STRV),
	C(labels, VALUE),
	C(tty, BOOL),
	C(stdin_open, BOOL),
	C(stdin_once, BOOL),
	C(init, BOOL),
	C(read_only, BOOL),
	C(privileged, BOOL),
	C(auto_remove, BOOL),
	C(stop_signal, STR),
	C(stop_grace_ns, INT),
	SUB(container_config, restart, restart_fields),
	SUB(container_config, health, health_fields),
	LIST(mounts, mount_count, config_mount, mount_fields),
	C(volumes_from, STRV),
	LIST(ports, port_count, config_port, port_fields),
	C(expose, STRV),
	C(network_mode, STR),
	LIST(networks, network_count, config_network, network_fields),
	C(pid_mode, STR),
	C(ipc_mode, STR),
	C(uts_mode, STR),
	C(cgroup_mode, STR),
	C(cgroup_parent, STR),
	C(cap_add, STRV),
	C(cap_drop, STRV),
	C(security_opt, STRV),
	LIST(devices, device_count, config_device, device_fields),
	C(device_cgroup_rules, STRV),
	C(sysctls, VALUE),
	LIST(ulimits, ulimit_count, config_ulimit, ulimit_fields),
	C(extra_hosts, STRV),
	C(dns, STRV),
	C(dns_search, STRV),
	C(dns_opt, STRV),
	C(shm_bytes, INT),
	C(oom_score_adj, INT),
	SUB(container_config, resources, resource_fields),
	LIST(files, file_count, config_file, file_fields),
	C(log_driver, STR),
	C(log_options, VALUE),
	C(runtime_platform, STR),
	{0},
};

int container_config_decode(const json_t *object, struct container_config *ret, struct error *err)
{
	int r;

	*ret = (struct container_config){0};
	r = json_decode(object, container_config_fields, ret, "", err);
	if (r < 0) {
		container_config_release(ret);
		return r;
	}
	if (!ret->labels)
		ret->labels = json_object();
	return 0;
}

json_t *container_config_encode(const struct container_config *c)
{
	return json_encode(container_config_fields, c);
}

void config_network_release(struct config_network *n)
{
	json_release(network_fields, n);
	*n = (struct config_network){0};
}

void container_config_release(struct container_config *c)
{
	json_release(container_config_fields, c);
	*c = (struct container_config){0};
}
