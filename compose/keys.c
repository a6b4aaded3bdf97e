/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of the format: every key, with its type.  The order of a table is the order in which
 * the model is printed.
 */
#include <string.h>

#include "compose/schema.h"

/* ---- scalars */

static const struct compose_type text = {.shapes = SHAPE_STRING, .finish = finish_string};
static const struct compose_type text_or_null = {.shapes = SHAPE_STRING | SHAPE_NULL,
						 .finish = finish_string};
static const struct compose_type text_or_number = {.shapes = SHAPE_STRING | SHAPE_NUMBER,
						   .finish = finish_string};
static const struct compose_type text_or_bool = {.shapes = SHAPE_STRING | SHAPE_BOOL,
						 .finish = finish_string};
static const struct compose_type scalar = {.shapes = SHAPE_SCALAR | SHAPE_NULL,
					   .finish = finish_string};
static const struct compose_type anything = {.shapes = SHAPE_ANY};
/* Values of environment: nothing is not the same as the empty string. */
static const struct compose_type scalar_or_null = {.shapes = SHAPE_SCALAR | SHAPE_NULL,
						   .finish = finish_nullable};
static const struct compose_type integer = {.shapes = SHAPE_NUMBER | SHAPE_STRING,
					    .wanted = "a whole number",
					    .cast = CAST_INT,
					    .finish = finish_int};
static const struct compose_type number = {.shapes = SHAPE_NUMBER | SHAPE_STRING,
					   .wanted = "a number",
					   .cast = CAST_FLOAT,
					   .finish = finish_float};
static const struct compose_type boolean = {.shapes = SHAPE_BOOL | SHAPE_STRING,
					    .wanted = "true or false",
					    .cast = CAST_BOOL,
					    .finish = finish_bool};
static const struct compose_type bytes = {.shapes = SHAPE_NUMBER | SHAPE_STRING,
					  .wanted = "a size like \"64m\"",
					  .finish = finish_bytes};
static const struct compose_type whole_bytes = {.shapes = SHAPE_INT | SHAPE_STRING,
						.wanted = "a size like \"64m\"",
						.finish = finish_bytes};
/* Under deploy a number needs its unit, or quotes. */
static const struct compose_type memory = {
	.shapes = SHAPE_STRING, .wanted = "a size in quotes like \"64m\"", .finish = finish_bytes};
static const struct compose_type plain_integer = {
	.shapes = SHAPE_INT, .wanted = "a number without quotes, like 0755", .finish = finish_int};
static const struct compose_type duration = {
	.shapes = SHAPE_STRING, .wanted = "a duration like \"10s\"", .finish = finish_duration};
static const struct compose_type path = {
	.shapes = SHAPE_STRING, .expand = expand_path, .finish = finish_string};
static const struct compose_type mode = {.shapes = SHAPE_NUMBER | SHAPE_STRING,
					 .wanted = "a file mode like 0440",
					 .expand = expand_mode,
					 .finish = finish_string};
static const struct compose_type device_count = {.shapes = SHAPE_INT | SHAPE_STRING,
						 .wanted = "a whole number or \"all\"",
						 .finish = finish_count};

/* ---- lists and free mappings */

static const struct compose_type unique_text = {
	.shapes = SHAPE_STRING, .index = index_text, .finish = finish_string};
static const struct compose_type unique_scalar = {
	.shapes = SHAPE_STRING | SHAPE_NUMBER, .index = index_text, .finish = finish_string};
static const struct compose_type unique_assignment = {
	.shapes = SHAPE_STRING, .index = index_assignment, .finish = finish_string};

static const struct compose_type texts = {.shapes = SHAPE_LIST,
					  .flags = TYPE_UNIQUE,
					  .wanted = "a list of strings",
					  .item = &text,
					  .finish = finish_list};
static const struct compose_type texts_any = {
	.shapes = SHAPE_LIST, .wanted = "a list of strings", .item = &text, .finish = finish_list};
static const struct compose_type texts_once = {.shapes = SHAPE_LIST,
					       .wanted = "a list of strings",
					       .item = &unique_text,
					       .finish = finish_list};
static const struct compose_type texts_or_numbers = {.shapes = SHAPE_LIST,
						     .flags = TYPE_UNIQUE,
						     .wanted = "a list of strings",
						     .item = &text_or_number,
						     .finish = finish_list};
static const struct compose_type exposed = {.shapes = SHAPE_LIST,
					    .wanted = "a list of ports, like \"8080\"",
					    .item = &unique_scalar,
					    .finish = finish_list};
static const struct compose_type text_or_texts = {.shapes = SHAPE_STRING | SHAPE_LIST,
						  .wanted = "a string or a list of strings",
						  .item = &text,
						  .expand = expand_list,
						  .finish = finish_list};
static const struct compose_type text_or_texts_once = {.shapes = SHAPE_STRING | SHAPE_LIST,
						       .wanted = "a string or a list of strings",
						       .item = &unique_text,
						       .expand = expand_list,
						       .finish = finish_list};
static const struct compose_type servers = {.shapes = SHAPE_STRING | SHAPE_LIST,
					    .wanted = "a string or a list of strings",
					    .item = &unique_text,
					    .expand = expand_servers,
					    .finish = finish_list};
static const struct compose_type tmpfs = {.shapes = SHAPE_STRING | SHAPE_LIST,
					  .wanted = "a string or a list of strings",
					  .item = &unique_assignment,
					  .expand = expand_list,
					  .finish = finish_list};
static const struct compose_type command = {.shapes = SHAPE_NULL | SHAPE_STRING | SHAPE_LIST,
					    .wanted = "a string or a list of strings",
					    .item = &text,
					    .expand = expand_command,
					    .finish = finish_list};
static const struct compose_type probe = {.shapes = SHAPE_STRING | SHAPE_LIST,
					  .wanted = "a string or a list of strings",
					  .item = &text,
					  .expand = expand_probe,
					  .finish = finish_list};
/* KEY=VALUE lists and mappings. */
static const struct compose_type assignments = {.shapes = SHAPE_MAP | SHAPE_LIST,
						.flags = TYPE_NULL_WINS,
						.wanted =
							"a mapping or a list of KEY=VALUE strings",
						.value = &scalar_or_null,
						.expand = expand_mapping,
						.finish = finish_mapping};
static const struct compose_type labels = {.shapes = SHAPE_MAP | SHAPE_LIST,
					   .flags = TYPE_NULL_WINS,
					   .wanted = "a mapping or a list of KEY=VALUE strings",
					   .value = &scalar,
					   .expand = expand_mapping,
					   .finish = finish_mapping};
static const struct compose_type contexts = {.shapes = SHAPE_MAP | SHAPE_LIST,
					     .flags = TYPE_NULL_WINS,
					     .wanted =
						     "a mapping or a list of NAME=CONTEXT strings",
					     .value = &scalar,
					     .expand = expand_contexts,
					     .finish = finish_mapping};
static const struct compose_type ssh = {.shapes = SHAPE_MAP | SHAPE_LIST | SHAPE_STRING,
					.wanted = "a list of \"default\" or ID=PATH",
					.item = &text,
					.expand = expand_ssh,
					.finish = finish_list};
static const struct compose_type text_map = {
	.shapes = SHAPE_MAP, .value = &text_or_number, .finish = finish_mapping};
static const struct compose_type scalar_map = {
	.shapes = SHAPE_MAP, .value = &scalar, .finish = finish_mapping};
static const struct compose_type extra_hosts = {
	.shapes = SHAPE_MAP | SHAPE_LIST,
	.wanted = "a mapping or a list like \"name=10.0.0.1\"",
	.item = &unique_text,
	.expand = expand_extra_hosts,
	.finish = finish_hosts};

/* ---- build */

static const struct compose_key ulimit_keys[] = {
	{"soft", &integer, KEY_REQUIRED | KEY_KEEP, NULL},
	{"hard", &integer, KEY_REQUIRED | KEY_KEEP, NULL},
	{0},
};
static const struct compose_type ulimit = {.shapes = SHAPE_INT | SHAPE_STRING | SHAPE_MAP,
					   .wanted = "a number, or soft and hard",
					   .keys = ulimit_keys,
					   .finish = finish_ulimit};
static const struct compose_type ulimits = {
	.shapes = SHAPE_MAP, .value = &ulimit, .finish = finish_mapping};

static const struct compose_key mount_keys[] = {
	{"source", &text, 0, NULL}, {"target", &text, 0, NULL}, {"uid", &text, 0, NULL},
	{"gid", &text, 0, NULL},    {"mode", &mode, 0, NULL},	{0},
};
static const struct compose_type secret_mount = {.shapes = SHAPE_STRING | SHAPE_MAP,
						 .keys = mount_keys,
						 .index = index_target,
						 .finish = finish_struct};
static const struct compose_type secret_mounts = {.shapes = SHAPE_LIST,
						  .wanted = "a list of secrets",
						  .item = &secret_mount,
						  .expand = expand_secrets,
						  .finish = finish_list};
static const struct compose_type config_mounts = {.shapes = SHAPE_LIST,
						  .wanted = "a list of configs",
						  .item = &secret_mount,
						  .expand = expand_configs,
						  .finish = finish_list};
static const struct compose_type build_secrets = {.shapes = SHAPE_LIST,
						  .wanted = "a list of secrets",
						  .item = &secret_mount,
						  .expand = expand_configs,
						  .finish = finish_list};

static const struct compose_type build_context = {
	.shapes = SHAPE_STRING, .expand = expand_build_context, .finish = finish_string};
static const struct compose_key build_keys[] = {
	{"context", &build_context, 0, NULL},
	{"dockerfile", &text, 0, NULL},
	{"dockerfile_inline", &text, 0, NULL},
	{"entitlements", &texts_any, 0, NULL},
	{"args", &assignments, 0, NULL},
	{"provenance", &text_or_bool, 0, NULL},
	{"sbom", &text_or_bool, 0, NULL},
	{"ssh", &ssh, 0, NULL},
	{"labels", &labels, 0, NULL},
	{"cache_from", &texts_any, 0, NULL},
	{"cache_to", &texts_any, 0, NULL},
	{"no_cache", &boolean, 0, NULL},
	{"no_cache_filter", &text_or_texts, 0, NULL},
	{"additional_contexts", &contexts, 0, NULL},
	{"pull", &boolean, 0, NULL},
	{"extra_hosts", &extra_hosts, 0, NULL},
	{"isolation", &text, 0, NULL},
	{"network", &text, 0, NULL},
	{"target", &text, 0, NULL},
	{"secrets", &build_secrets, 0, NULL},
	{"shm_size", &bytes, 0, NULL},
	{"tags", &texts_once, 0, NULL},
	{"ulimits", &ulimits, 0, NULL},
	{"platforms", &texts, 0, NULL},
	{"privileged", &boolean, 0, NULL},
	{0},
};
static const struct compose_type build = {.shapes = SHAPE_STRING | SHAPE_MAP,
					  .wanted = "a directory or a mapping",
					  .keys = build_keys,
					  .expand = expand_build,
					  .finish = finish_struct};

/* ---- deploy */

static const struct compose_key request_keys[] = {
	{"capabilities", &texts_any, 0, NULL}, {"driver", &text, 0, NULL},
	{"count", &device_count, 0, NULL},     {"device_ids", &texts_any, 0, NULL},
	{"options", &labels, 0, NULL},	       {0},
};
static const struct compose_type request = {
	.shapes = SHAPE_MAP, .keys = request_keys, .finish = finish_struct};
static const struct compose_type requests = {
	.shapes = SHAPE_LIST, .item = &request, .expand = expand_requests, .finish = finish_list};
static const struct compose_type gpus = {.shapes = SHAPE_STRING | SHAPE_LIST,
					 .wanted = "\"all\" or a list",
					 .item = &request,
					 .expand = expand_gpus,
					 .finish = finish_list};

static const struct compose_key discrete_keys[] = {
	{"kind", &text, 0, NULL}, {"value", &number, 0, NULL}, {0}};
static const struct compose_type discrete = {
	.shapes = SHAPE_MAP, .keys = discrete_keys, .finish = finish_struct};
static const struct compose_key generic_keys[] = {{"discrete_resource_spec", &discrete, 0, NULL},
						  {0}};
static const struct compose_type generic = {
	.shapes = SHAPE_MAP, .keys = generic_keys, .finish = finish_struct};
static const struct compose_type generics = {
	.shapes = SHAPE_LIST, .item = &generic, .finish = finish_list};
static const struct compose_key limit_keys[] = {
	{"cpus", &number, 0, NULL}, {"memory", &memory, 0, NULL}, {"pids", &integer, 0, NULL}, {0}};
static const struct compose_key reservation_keys[] = {
	{"cpus", &number, 0, NULL},
	{"memory", &memory, 0, NULL},
	{"devices", &requests, 0, NULL},
	{"generic_resources", &generics, 0, NULL},
	{0},
};
static const struct compose_type limits = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = limit_keys, .finish = finish_struct};
static const struct compose_type reservations = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = reservation_keys, .finish = finish_struct};
static const struct compose_key resources_keys[] = {
	{"limits", &limits, 0, NULL}, {"reservations", &reservations, 0, NULL}, {0}};
static const struct compose_type resources = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = resources_keys, .finish = finish_struct};

static const struct compose_key update_keys[] = {
	{"parallelism", &integer, KEY_KEEP, NULL},
	{"delay", &duration, 0, NULL},
	{"failure_action", &text, 0, NULL},
	{"monitor", &duration, 0, NULL},
	{"max_failure_ratio", &number, 0, NULL},
	{"order", &text, 0, "start-first|stop-first"},
	{0},
};
static const struct compose_type update = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = update_keys, .finish = finish_struct};
static const struct compose_key restart_keys[] = {
	{"condition", &text, 0, NULL},
	{"delay", &duration, KEY_KEEP, NULL},
	{"max_attempts", &integer, KEY_KEEP, NULL},
	{"window", &duration, KEY_KEEP, NULL},
	{0},
};
static const struct compose_type restart_policy = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = restart_keys, .finish = finish_struct};
static const struct compose_key preference_keys[] = {{"spread", &text, 0, NULL}, {0}};
static const struct compose_type preference = {
	.shapes = SHAPE_MAP, .keys = preference_keys, .finish = finish_struct};
static const struct compose_type preferences = {
	.shapes = SHAPE_LIST, .item = &preference, .finish = finish_list};
static const struct compose_key placement_keys[] = {
	{"constraints", &texts_any, 0, NULL},
	{"preferences", &preferences, 0, NULL},
	{"max_replicas_per_node", &integer, 0, NULL},
	{0},
};
static const struct compose_type placement = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = placement_keys, .finish = finish_struct};

static const struct compose_key deploy_keys[] = {
	{"mode", &text, 0, NULL},
	{"replicas", &integer, KEY_KEEP, NULL},
	{"labels", &labels, 0, NULL},
	{"update_config", &update, 0, NULL},
	{"rollback_config", &update, 0, NULL},
	{"resources", &resources, KEY_ALWAYS_MAP, NULL},
	{"restart_policy", &restart_policy, 0, NULL},
	{"placement", &placement, KEY_ALWAYS_MAP, NULL},
	{"endpoint_mode", &text, 0, NULL},
	{0},
};
static const struct compose_type deploy = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = deploy_keys, .finish = finish_struct};

/* ---- develop, hooks, provider, models */

static const struct compose_key hook_keys[] = {
	{"command", &command, KEY_ALWAYS_NULL, NULL},
	{"user", &text, 0, NULL},
	{"privileged", &boolean, 0, NULL},
	{"working_dir", &text, 0, NULL},
	{"environment", &assignments, 0, NULL},
	{"image", &text, 0, NULL},
	{"per_replica", &boolean, 0, NULL},
	{0},
};
static const struct compose_type hook = {
	.shapes = SHAPE_MAP, .keys = hook_keys, .finish = finish_struct};
static const struct compose_type hooks = {
	.shapes = SHAPE_LIST, .wanted = "a list of hooks", .item = &hook, .finish = finish_list};

static const struct compose_key watch_keys[] = {
	{"path", &path, KEY_REQUIRED, NULL},
	{"action", &text, KEY_REQUIRED, "rebuild|sync|restart|sync+restart|sync+exec"},
	{"target", &text, 0, NULL},
	{"exec", &hook, KEY_ALWAYS_MAP, NULL},
	{"include", &text_or_texts, 0, NULL},
	{"ignore", &text_or_texts, 0, NULL},
	{"initial_sync", &boolean, 0, NULL},
	{0},
};
static const struct compose_type watch_rule = {
	.shapes = SHAPE_MAP, .keys = watch_keys, .finish = finish_struct};
static const struct compose_type watch = {.shapes = SHAPE_LIST | SHAPE_NULL,
					  .wanted = "a list of rules",
					  .item = &watch_rule,
					  .finish = finish_list};
static const struct compose_key develop_keys[] = {{"watch", &watch, 0, NULL}, {0}};
static const struct compose_type develop = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = develop_keys, .finish = finish_struct};

static const struct compose_type option_values = {.shapes = SHAPE_SCALAR | SHAPE_LIST,
						  .item = &scalar,
						  .expand = expand_list,
						  .finish = finish_list};
static const struct compose_type provider_options = {
	.shapes = SHAPE_MAP, .value = &option_values, .finish = finish_mapping};
static const struct compose_key provider_keys[] = {
	{"type", &text, KEY_REQUIRED, NULL}, {"options", &provider_options, 0, NULL}, {0}};
static const struct compose_type provider = {
	.shapes = SHAPE_MAP, .keys = provider_keys, .finish = finish_struct};

static const struct compose_key service_model_keys[] = {
	{"endpoint_var", &text, 0, NULL}, {"model_var", &text, 0, NULL}, {0}};
static const struct compose_type service_model = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = service_model_keys, .finish = finish_struct};
static const struct compose_type service_models = {.shapes = SHAPE_LIST | SHAPE_MAP,
						   .wanted = "a list of models or a mapping",
						   .value = &service_model,
						   .expand = expand_names,
						   .finish = finish_mapping};

/* ---- services */

static const struct compose_key weight_keys[] = {
	{"path", &text, 0, NULL}, {"weight", &integer, 0, NULL}, {0}};
static const struct compose_type weight = {
	.shapes = SHAPE_MAP, .flags = TYPE_CAPITALS, .keys = weight_keys, .finish = finish_struct};
static const struct compose_type weights = {
	.shapes = SHAPE_LIST, .item = &weight, .finish = finish_list};
static const struct compose_key rate_keys[] = {
	{"path", &text, 0, NULL}, {"rate", &bytes, 0, NULL}, {0}};
static const struct compose_type rate = {
	.shapes = SHAPE_MAP, .flags = TYPE_CAPITALS, .keys = rate_keys, .finish = finish_struct};
static const struct compose_type rates = {
	.shapes = SHAPE_LIST, .item = &rate, .finish = finish_list};
static const struct compose_key blkio_keys[] = {
	{"weight", &integer, 0, NULL},
	{"weight_device", &weights, 0, NULL},
	{"device_read_bps", &rates, 0, NULL},
	{"device_read_iops", &rates, 0, NULL},
	{"device_write_bps", &rates, 0, NULL},
	{"device_write_iops", &rates, 0, NULL},
	{0},
};
static const struct compose_type blkio = {
	.shapes = SHAPE_MAP, .keys = blkio_keys, .finish = finish_struct};

static const struct compose_key credential_keys[] = {
	{"config", &text, 0, NULL}, {"file", &text, 0, NULL}, {"registry", &text, 0, NULL}, {0}};
static const struct compose_type credential = {
	.shapes = SHAPE_MAP, .keys = credential_keys, .finish = finish_struct};

static const struct compose_key dependency_keys[] = {
	{"condition", &text, KEY_REQUIRED,
	 "service_started|service_healthy|service_completed_successfully"},
	{"restart", &boolean, 0, NULL},
	{"required", &boolean, KEY_KEEP, NULL},
	{0},
};
static const struct compose_type dependency = {
	.shapes = SHAPE_MAP, .keys = dependency_keys, .finish = finish_dependency};
static const struct compose_type depends_on = {.shapes = SHAPE_LIST | SHAPE_MAP,
					       .wanted = "a list of services or a mapping",
					       .value = &dependency,
					       .expand = expand_depends_on,
					       .finish = finish_mapping};

static const struct compose_key device_keys[] = {
	{"source", &text, KEY_REQUIRED, NULL},
	{"target", &text, 0, NULL},
	{"permissions", &text, 0, NULL},
	{0},
};
static const struct compose_type device = {.shapes = SHAPE_STRING | SHAPE_MAP,
					   .keys = device_keys,
					   .index = index_target,
					   .finish = finish_struct};
static const struct compose_type devices = {.shapes = SHAPE_LIST,
					    .wanted = "a list of devices, like \"/dev/a:/dev/b\"",
					    .item = &device,
					    .expand = expand_devices,
					    .finish = finish_list};

static const struct compose_key env_file_keys[] = {
	{"path", &path, KEY_REQUIRED, NULL},
	{"required", &boolean, KEY_KEEP, NULL},
	{"format", &text, 0, NULL},
	{0},
};
static const struct compose_type env_file = {.shapes = SHAPE_MAP | SHAPE_STRING,
					     .keys = env_file_keys,
					     .index = index_path,
					     .finish = finish_struct};
static const struct compose_type env_files = {.shapes = SHAPE_STRING | SHAPE_LIST,
					      .wanted = "a file or a list of files",
					      .item = &env_file,
					      .expand = expand_env_file,
					      .finish = finish_list};
static const struct compose_type label_files = {.shapes = SHAPE_STRING | SHAPE_LIST,
						.wanted = "a file or a list of files",
						.item = &path,
						.expand = expand_list,
						.finish = finish_list};

static const struct compose_key extends_keys[] = {
	{"service", &text, KEY_REQUIRED, NULL}, {"file", &text, 0, NULL}, {0}};
static const struct compose_type extends = {.shapes = SHAPE_STRING | SHAPE_MAP,
					    .wanted = "a service or a mapping",
					    .keys = extends_keys,
					    .expand = expand_extends,
					    .finish = finish_struct};

static const struct compose_key healthcheck_keys[] = {
	{"test", &probe, KEY_REPLACE, NULL},
	{"timeout", &duration, KEY_KEEP, NULL},
	{"interval", &duration, KEY_KEEP, NULL},
	{"retries", &integer, KEY_KEEP, NULL},
	{"start_period", &duration, KEY_KEEP, NULL},
	{"start_interval", &duration, KEY_KEEP, NULL},
	{"disable", &boolean, 0, NULL},
	{0},
};
static const struct compose_type healthcheck = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = healthcheck_keys, .finish = finish_struct};

static const struct compose_key logging_keys[] = {
	{"driver", &text, 0, NULL}, {"options", &scalar_map, 0, NULL}, {0}};
static const struct compose_type logging = {
	.shapes = SHAPE_MAP, .keys = logging_keys, .merge = merge_logging, .finish = finish_struct};

static const struct compose_key endpoint_keys[] = {
	{"aliases", &texts_once, 0, NULL},	  {"driver_opts", &text_map, 0, NULL},
	{"gw_priority", &number, 0, NULL},	  {"interface_name", &text, 0, NULL},
	{"ipv4_address", &text, 0, NULL},	  {"ipv6_address", &text, 0, NULL},
	{"link_local_ips", &texts_once, 0, NULL}, {"mac_address", &text, 0, NULL},
	{"priority", &number, 0, NULL},		  {0},
};
static const struct compose_type endpoint = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = endpoint_keys, .finish = finish_struct};
static const struct compose_type endpoints = {.shapes = SHAPE_LIST | SHAPE_MAP,
					      .wanted = "a list of networks or a mapping",
					      .value = &endpoint,
					      .expand = expand_names,
					      .finish = finish_mapping};

static const struct compose_key port_keys[] = {
	{"name", &text, 0, NULL},
	{"mode", &text, 0, NULL},
	{"host_ip", &text, 0, NULL},
	{"target", &integer, 0, NULL},
	{"published", &text_or_number, 0, NULL},
	{"protocol", &text, 0, NULL},
	{"app_protocol", &text, 0, NULL},
	{0},
};
static const struct compose_type port = {.shapes = SHAPE_MAP | SHAPE_STRING | SHAPE_NUMBER,
					 .keys = port_keys,
					 .index = index_port,
					 .finish = finish_struct};
static const struct compose_type ports = {.shapes = SHAPE_LIST,
					  .wanted = "a list of ports, like - \"8080:80\"",
					  .item = &port,
					  .expand = expand_ports,
					  .finish = finish_list};

static const struct compose_key bind_keys[] = {
	{"selinux", &text, 0, "z|Z"},
	{"propagation", &text, 0, NULL},
	{"create_host_path", &boolean, 0, NULL},
	{"recursive", &text, 0, "enabled|disabled|writable|readonly"},
	{0},
};
static const struct compose_type bind_options = {
	.shapes = SHAPE_MAP, .keys = bind_keys, .finish = finish_struct};
static const struct compose_key volume_option_keys[] = {{"labels", &labels, 0, NULL},
							{"nocopy", &boolean, 0, NULL},
							{"subpath", &text, 0, NULL},
							{0}};
static const struct compose_type volume_options = {
	.shapes = SHAPE_MAP, .keys = volume_option_keys, .finish = finish_struct};
static const struct compose_key tmpfs_keys[] = {
	{"size", &whole_bytes, 0, NULL}, {"mode", &plain_integer, 0, NULL}, {0}};
static const struct compose_type tmpfs_options = {
	.shapes = SHAPE_MAP, .keys = tmpfs_keys, .finish = finish_struct};
static const struct compose_key image_keys[] = {{"subpath", &text, 0, NULL}, {0}};
static const struct compose_type image_options = {
	.shapes = SHAPE_MAP, .keys = image_keys, .finish = finish_struct};
static const struct compose_key volume_keys[] = {
	{"type", &text, KEY_REQUIRED, "bind|volume|tmpfs|cluster|npipe|image"},
	{"source", &text, 0, NULL},
	{"target", &text, 0, NULL},
	{"read_only", &boolean, 0, NULL},
	{"consistency", &text, 0, NULL},
	{"bind", &bind_options, 0, NULL},
	{"volume", &volume_options, 0, NULL},
	{"tmpfs", &tmpfs_options, 0, NULL},
	{"image", &image_options, 0, NULL},
	{0},
};
static const struct compose_type volume_mount = {.shapes = SHAPE_MAP | SHAPE_STRING,
						 .keys = volume_keys,
						 .index = index_target,
						 .finish = finish_struct};
static const struct compose_type volume_mounts = {
	.shapes = SHAPE_LIST,
	.wanted = "a list of volumes, like - \"data:/var/lib/data\"",
	.item = &volume_mount,
	.expand = expand_volumes,
	.finish = finish_list};

static const struct compose_key service_keys[] = {
	{"profiles", &texts_once, 0, NULL},
	{"annotations", &labels, KEY_IGNORED, NULL},
	{"attach", &boolean, KEY_KEEP, NULL},
	{"build", &build, 0, NULL},
	{"develop", &develop, 0, NULL},
	{"blkio_config", &blkio, KEY_IGNORED, NULL},
	{"cap_add", &texts_once, 0, NULL},
	{"cap_drop", &texts_once, 0, NULL},
	{"cgroup_parent", &text, 0, NULL},
	{"cgroup", &text, 0, "host|private"},
	{"cpu_count", &integer, KEY_IGNORED, NULL},
	{"cpu_percent", &number, KEY_IGNORED, NULL},
	{"cpu_period", &integer, 0, NULL},
	{"cpu_quota", &integer, 0, NULL},
	{"cpu_rt_period", &integer, KEY_IGNORED, NULL},
	{"cpu_rt_runtime", &integer, KEY_IGNORED, NULL},
	{"cpus", &number, 0, NULL},
	{"cpuset", &text, 0, NULL},
	{"cpu_shares", &integer, 0, NULL},
	{"command", &command, KEY_REPLACE | KEY_ALWAYS_NULL, NULL},
	{"configs", &config_mounts, 0, NULL},
	{"container_name", &text, 0, NULL},
	{"credential_spec", &credential, KEY_IGNORED, NULL},
	{"depends_on", &depends_on, 0, NULL},
	{"deploy", &deploy, 0, NULL},
	{"device_cgroup_rules", &texts, 0, NULL},
	{"devices", &devices, 0, NULL},
	{"dns", &servers, 0, NULL},
	{"dns_opt", &texts_once, 0, NULL},
	{"dns_search", &text_or_texts_once, 0, NULL},
	{"domainname", &text, 0, NULL},
	{"entrypoint", &command, KEY_REPLACE | KEY_ALWAYS_NULL, NULL},
	{"provider", &provider, 0, NULL},
	{"environment", &assignments, 0, NULL},
	{"env_file", &env_files, KEY_HIDDEN, NULL},
	{"expose", &exposed, 0, NULL},
	{"extends", &extends, KEY_HIDDEN, NULL},
	{"external_links", &texts, KEY_IGNORED, NULL},
	{"extra_hosts", &extra_hosts, 0, NULL},
	{"group_add", &texts_or_numbers, 0, NULL},
	{"gpus", &gpus, 0, NULL},
	{"hostname", &text, 0, NULL},
	{"healthcheck", &healthcheck, 0, NULL},
	{"image", &text, 0, NULL},
	{"init", &boolean, KEY_KEEP, NULL},
	{"ipc", &text, 0, NULL},
	{"isolation", &text, KEY_IGNORED, NULL},
	{"labels", &labels, 0, NULL},
	{"label_file", &label_files, KEY_HIDDEN, NULL},
	{"links", &texts_once, 0, NULL},
	{"logging", &logging, 0, NULL},
	{"mem_limit", &bytes, 0, NULL},
	{"mem_reservation", &bytes, 0, NULL},
	{"memswap_limit", &bytes, 0, NULL},
	{"mem_swappiness", &bytes, KEY_IGNORED, NULL},
	{"mac_address", &text, 0, NULL},
	{"models", &service_models, KEY_IGNORED, NULL},
	{"network_mode", &text, 0, NULL},
	{"networks", &endpoints, 0, NULL},
	{"oom_kill_disable", &boolean, 0, NULL},
	{"oom_score_adj", &integer, 0, NULL},
	{"pid", &text_or_null, 0, NULL},
	{"pids_limit", &integer, 0, NULL},
	{"platform", &text, 0, NULL},
	{"ports", &ports, 0, NULL},
	{"privileged", &boolean, 0, NULL},
	{"pull_policy", &text, 0, NULL},
	{"pull_refresh_after", &text, KEY_HIDDEN, NULL},
	{"read_only", &boolean, 0, NULL},
	{"restart", &text, 0, NULL},
	{"runtime", &text, KEY_IGNORED, NULL},
	{"scale", &integer, KEY_KEEP, NULL},
	{"secrets", &secret_mounts, 0, NULL},
	{"security_opt", &texts, 0, NULL},
	{"shm_size", &bytes, 0, NULL},
	{"stdin_open", &boolean, 0, NULL},
	{"stop_grace_period", &duration, KEY_KEEP, NULL},
	{"stop_signal", &text, 0, NULL},
	{"storage_opt", &scalar_map, KEY_IGNORED, NULL},
	{"sysctls", &labels, 0, NULL},
	{"tmpfs", &tmpfs, 0, NULL},
	{"tty", &boolean, 0, NULL},
	{"ulimits", &ulimits, 0, NULL},
	{"use_api_socket", &boolean, KEY_IGNORED, NULL},
	{"user", &text, 0, NULL},
	{"userns_mode", &text, KEY_IGNORED, NULL},
	{"uts", &text, 0, NULL},
	{"volumes", &volume_mounts, 0, NULL},
	{"volumes_from", &texts, 0, NULL},
	{"working_dir", &text, 0, NULL},
	{"pre_start", &hooks, KEY_IGNORED, NULL},
	{"post_start", &hooks, KEY_IGNORED, NULL},
	{"pre_stop", &hooks, KEY_IGNORED, NULL},
	{"x-cmp", &anything, KEY_HIDDEN, NULL}, /* ours: see lint.h */
	{0},
};
const struct compose_type type_service = {
	.shapes = SHAPE_MAP, .keys = service_keys, .finish = finish_struct};
static const struct compose_type services = {.shapes = SHAPE_MAP | SHAPE_NULL,
					     .flags = TYPE_NAMES,
					     .wanted = "a mapping of services",
					     .value = &type_service,
					     .finish = finish_mapping};

/* ---- networks, volumes, secrets, configs, models */

static const struct compose_key pool_keys[] = {
	{"subnet", &text, 0, NULL},
	{"gateway", &text, 0, NULL},
	{"ip_range", &text, 0, NULL},
	{"aux_addresses", &scalar_map, 0, NULL},
	{0},
};
static const struct compose_type pool = {
	.shapes = SHAPE_MAP, .keys = pool_keys, .index = index_subnet, .finish = finish_struct};
static const struct compose_type pools = {
	.shapes = SHAPE_LIST, .item = &pool, .finish = finish_list};
static const struct compose_key ipam_keys[] = {{"driver", &text, 0, NULL},
					       {"config", &pools, 0, NULL},
					       {"options", &scalar_map, KEY_HIDDEN, NULL},
					       {0}};
static const struct compose_type ipam = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = ipam_keys, .finish = finish_struct};

static const struct compose_key network_keys[] = {
	{"name", &text, 0, NULL},
	{"driver", &text, 0, NULL},
	{"driver_opts", &text_map, 0, NULL},
	{"ipam", &ipam, KEY_ALWAYS_MAP, NULL},
	{"external", &boolean, 0, NULL},
	{"internal", &boolean, 0, NULL},
	{"attachable", &boolean, 0, NULL},
	{"labels", &labels, 0, NULL},
	{"enable_ipv4", &boolean, KEY_KEEP, NULL},
	{"enable_ipv6", &boolean, KEY_KEEP, NULL},
	{0},
};
static const struct compose_type network = {.shapes = SHAPE_MAP | SHAPE_NULL,
					    .keys = network_keys,
					    .expand = expand_external,
					    .finish = finish_struct};
static const struct compose_type networks = {.shapes = SHAPE_MAP | SHAPE_NULL,
					     .flags = TYPE_NAMES,
					     .wanted = "a mapping of networks",
					     .value = &network,
					     .finish = finish_mapping};

static const struct compose_key volume_object_keys[] = {
	{"name", &text, 0, NULL},
	{"driver", &text, 0, NULL},
	{"driver_opts", &text_map, 0, NULL},
	{"external", &boolean, 0, NULL},
	{"labels", &labels, 0, NULL},
	{0},
};
static const struct compose_type volume_object = {.shapes = SHAPE_MAP | SHAPE_NULL,
						  .keys = volume_object_keys,
						  .expand = expand_volume_object,
						  .finish = finish_struct};
static const struct compose_type volumes = {.shapes = SHAPE_MAP | SHAPE_NULL,
					    .flags = TYPE_NAMES,
					    .wanted = "a mapping of volumes",
					    .value = &volume_object,
					    .finish = finish_mapping};

static const struct compose_key secret_keys[] = {
	{"name", &text, 0, NULL},
	{"file", &path, 0, NULL},
	{"environment", &text, 0, NULL},
	{"external", &boolean, 0, NULL},
	{"labels", &labels, 0, NULL},
	{"driver", &text, 0, NULL},
	{"driver_opts", &text_map, 0, NULL},
	{"template_driver", &text, 0, NULL},
	{0},
};
static const struct compose_key config_keys[] = {
	{"name", &text, 0, NULL},
	{"file", &path, 0, NULL},
	{"environment", &text, 0, NULL},
	{"content", &text, 0, NULL},
	{"external", &boolean, 0, NULL},
	{"labels", &labels, 0, NULL},
	{"driver", &text, 0, NULL},
	{"driver_opts", &text_map, 0, NULL},
	{"template_driver", &text, 0, NULL},
	{0},
};
static const struct compose_type secret_object = {.shapes = SHAPE_MAP,
						  .keys = secret_keys,
						  .expand = expand_external,
						  .finish = finish_struct};
static const struct compose_type config_object = {.shapes = SHAPE_MAP,
						  .keys = config_keys,
						  .expand = expand_external,
						  .finish = finish_struct};
static const struct compose_type secrets = {.shapes = SHAPE_MAP | SHAPE_NULL,
					    .flags = TYPE_NAMES,
					    .wanted = "a mapping of secrets",
					    .value = &secret_object,
					    .finish = finish_mapping};
static const struct compose_type configs = {.shapes = SHAPE_MAP | SHAPE_NULL,
					    .flags = TYPE_NAMES,
					    .wanted = "a mapping of configs",
					    .value = &config_object,
					    .finish = finish_mapping};

static const struct compose_key model_keys[] = {
	{"name", &text, 0, NULL},
	{"model", &text, 0, NULL},
	{"context_size", &integer, 0, NULL},
	{"runtime_flags", &texts_any, 0, NULL},
	{0},
};
static const struct compose_type model_object = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = model_keys, .finish = finish_struct};
static const struct compose_type models = {.shapes = SHAPE_MAP | SHAPE_NULL,
					   .flags = TYPE_NAMES,
					   .wanted = "a mapping of models",
					   .value = &model_object,
					   .finish = finish_mapping};

/* ---- include, the file */

static const struct compose_key include_keys[] = {
	{"path", &text_or_texts, KEY_REQUIRED, NULL},
	{"project_directory", &text, 0, NULL},
	{"env_file", &text_or_texts, 0, NULL},
	{0},
};
static const struct compose_type include_entry = {
	.shapes = SHAPE_STRING | SHAPE_MAP, .keys = include_keys, .expand = expand_include};
static const struct compose_type includes = {
	.shapes = SHAPE_LIST, .wanted = "a list of files", .item = &include_entry};

static const struct compose_key file_keys[] = {
	{"version", &text, KEY_HIDDEN | KEY_OBSOLETE, NULL},
	{"name", &text, 0, NULL},
	{"include", &includes, KEY_HIDDEN, NULL},
	{"services", &services, KEY_ALWAYS_MAP, NULL},
	{"networks", &networks, 0, NULL},
	{"volumes", &volumes, 0, NULL},
	{"secrets", &secrets, 0, NULL},
	{"configs", &configs, 0, NULL},
	{"models", &models, KEY_HIDDEN, NULL},
	{0},
};
const struct compose_type type_file = {
	.shapes = SHAPE_MAP, .keys = file_keys, .finish = finish_struct};

const struct compose_key *schema_key(const struct compose_type *type, const char *name)
{
	const struct compose_key *key;

	for (key = type->keys; key && key->name; key++)
		if (key->name[0] == name[0] && !strcmp(key->name, name))
			return key;
	return NULL;
}
