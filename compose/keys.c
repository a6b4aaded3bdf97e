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
/* Free for the programs that read it: whatever shape it has. */
static const struct compose_type anything = {.shapes = SHAPE_ANY};
static const struct compose_type extension = {
	.shapes = SHAPE_ANY, .wanted = "a mapping", .value = &anything};
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
static const struct compose_type content_file = {
	.shapes = SHAPE_STRING, .expand = expand_file, .finish = finish_string};
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
						  .flags = TYPE_UNIQUE,
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
					.flags = TYPE_UNIQUE,
					.wanted = "a list of \"default\" or ID=PATH",
					.item = &text,
					.expand = expand_ssh,
					.finish = finish_list};
static const struct compose_type text_map = {
	.shapes = SHAPE_MAP, .value = &text_or_number, .finish = finish_mapping};
static const struct compose_type text_number_or_null = {
	.shapes = SHAPE_STRING | SHAPE_NUMBER | SHAPE_NULL, .finish = finish_string};
static const struct compose_type text_map_or_null = {
	.shapes = SHAPE_MAP, .value = &text_number_or_null, .finish = finish_mapping};
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
	{"soft", &integer, KEY_REQUIRED, NULL, "The limit that is in force; -1 is none."},
	{"hard", &integer, KEY_REQUIRED, NULL,
	 "How far a process may raise the soft limit; -1 is without end."},
	{0},
};
static const struct compose_type ulimit = {.shapes = SHAPE_INT | SHAPE_STRING | SHAPE_MAP,
					   .wanted = "a number, or soft and hard",
					   .cast = CAST_INT,
					   .keys = ulimit_keys,
					   .finish = finish_ulimit};
static const struct compose_type ulimits = {
	.shapes = SHAPE_MAP, .value = &ulimit, .finish = finish_mapping};

static const struct compose_key mount_keys[] = {
	{"source", &text, 0, NULL, "Name of the secret or config at the top level of the file."},
	{"target", &text, 0, NULL,
	 "Where it is in the container: a path, or a name below /run/secrets (secrets) "
	 "or / (configs). The same name if not given."},
	{"uid", &text, 0, NULL,
	 "Number of the user that owns the file, 0 if not given A file of the host stays as it is."},
	{"gid", &text, 0, NULL,
	 "Number of the group that owns the file, 0 if not given A file of the host stays as it is."},
	{"mode", &mode, 0, NULL,
	 "Permissions of the file in octal, 0444 if not given A file of the host stays as it is."},
	{0},
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
	{"context", &build_context, 0, NULL,
	 "Directory that the build sees, the project directory if not given. Addresses of "
	 "repositories and archives are refused."},
	{"dockerfile", &text, 0, NULL, "The Dockerfile, seen from the context."},
	{"dockerfile_inline", &text, 0, NULL,
	 "The text of the Dockerfile itself; excludes dockerfile."},
	{"entitlements", &texts_any, 0, NULL, "Privileges that the build may use."},
	{"args", &assignments, 0, NULL,
	 "Values for the ARG instructions; one without a value takes it from the "
	 "environment."},
	{"provenance", &text_or_bool, KEY_IGNORED, NULL,
	 "Whether, and how, the image says where it comes from."},
	{"sbom", &text_or_bool, KEY_IGNORED, NULL, "Whether, and how, the image lists its parts."},
	{"ssh", &ssh, 0, NULL, "Keys and agents that RUN --mount=type=ssh sees; refused."},
	{"labels", &labels, 0, NULL, "Labels of the image."},
	{"cache_from", &texts_any, KEY_IGNORED, NULL, "Where the build looks for cached layers."},
	{"cache_to", &texts_any, KEY_IGNORED, NULL, "Where the build leaves its cache."},
	{"no_cache", &boolean, 0, NULL, "Build every step again."},
	{"no_cache_filter", &text_or_texts, 0, NULL,
	 "Stages that are built again whatever the cache has."},
	{"additional_contexts", &contexts, 0, NULL,
	 "Further contexts by name: a directory, an address, or service:NAME for the "
	 "image of another service; refused."},
	{"pull", &boolean, 0, NULL, "Fetch the base images again."},
	{"extra_hosts", &extra_hosts, 0, NULL,
	 "Names and addresses that the build adds to /etc/hosts."},
	{"isolation", &text, 0, NULL, "Isolation of the build on Windows; refused."},
	{"network", &text, 0, NULL, "Network of RUN instructions: default, host or none."},
	{"target", &text, 0, NULL, "The stage of the Dockerfile that becomes the image."},
	{"secrets", &build_secrets, 0, NULL, "Secrets that RUN --mount=type=secret sees."},
	{"shm_size", &bytes, 0, NULL, "Size of /dev/shm while RUN instructions run."},
	{"tags", &texts_once, 0, NULL, "Further names of the image."},
	{"ulimits", &ulimits, 0, NULL, "Limits of the processes of the build."},
	{"platforms", &texts_once, 0, NULL,
	 "Platforms that the image is built for: only this machine's."},
	{"privileged", &boolean, 0, NULL, "Allow RUN --security=insecure."},
	{0},
};
static const struct compose_type build = {.shapes = SHAPE_STRING | SHAPE_MAP,
					  .wanted = "a directory or a mapping",
					  .keys = build_keys,
					  .expand = expand_build,
					  .finish = finish_struct};

/* ---- deploy */

static const struct compose_key request_keys[] = {
	{"capabilities", &texts, 0, NULL, "What the device must be able to do, like gpu."},
	{"driver", &text, 0, NULL, "Driver that provides the device."},
	{"count", &device_count, 0, NULL, "How many devices, or all; excludes device_ids."},
	{"device_ids", &texts_any, 0, NULL, "Which devices."},
	{"options", &labels, 0, NULL, "Options for the driver."},
	{0},
};
static const struct compose_type request = {
	.shapes = SHAPE_MAP, .keys = request_keys, .finish = finish_struct};
static const struct compose_type requests = {
	.shapes = SHAPE_LIST, .item = &request, .expand = expand_requests, .finish = finish_list};
static const struct compose_type gpus = {.shapes = SHAPE_STRING | SHAPE_LIST,
					 .wanted = "\"all\" or a list",
					 .item = &request,
					 .merge = merge_gpus,
					 .expand = expand_gpus,
					 .finish = finish_list};

static const struct compose_key discrete_keys[] = {
	{"kind", &text, 0, NULL, "What the resource is called."},
	{"value", &number, 0, NULL, "How much of it."},
	{0},
};
static const struct compose_type discrete = {
	.shapes = SHAPE_MAP, .keys = discrete_keys, .finish = finish_struct};
static const struct compose_key generic_keys[] = {
	{"discrete_resource_spec", &discrete, 0, NULL, "One resource that is counted in units."},
	{0},
};
static const struct compose_type generic = {
	.shapes = SHAPE_MAP, .keys = generic_keys, .finish = finish_struct};
static const struct compose_type generics = {
	.shapes = SHAPE_LIST, .item = &generic, .finish = finish_list};
static const struct compose_key limit_keys[] = {
	{"cpus", &number, 0, NULL, "Processor time at most, in processors: 0.5 is half of one."},
	{"memory", &memory, 0, NULL, "Memory at most."},
	{"pids", &integer, 0, NULL, "Processes and threads at most."},
	{0},
};
static const struct compose_key reservation_keys[] = {
	{"cpus", &number, KEY_IGNORED, NULL, "Processor time that is kept free for it."},
	{"memory", &memory, 0, NULL, "Memory that it keeps when the machine runs short."},
	{"devices", &requests, KEY_REFUSED, NULL, "Devices that the container must get."},
	{"generic_resources", &generics, KEY_IGNORED, NULL, "Countable resources of a cluster."},
	{0},
};
static const struct compose_type limits = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = limit_keys, .finish = finish_struct};
static const struct compose_type reservations = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = reservation_keys, .finish = finish_struct};
static const struct compose_key resources_keys[] = {
	{"limits", &limits, 0, NULL, "What each container may use at most."},
	{"reservations", &reservations, 0, NULL, "What each container can count on."},
	{0},
};
static const struct compose_type resources = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = resources_keys, .finish = finish_struct};

static const struct compose_key update_keys[] = {
	{"parallelism", &integer, KEY_KEEP, NULL, "Containers that are replaced at a time."},
	{"delay", &duration, 0, NULL, "Time between two groups."},
	{"failure_action", &text, 0, NULL,
	 "What to do when one fails: continue, rollback or pause."},
	{"monitor", &duration, 0, NULL,
	 "How long after its update a container is watched for failure."},
	{"max_failure_ratio", &number, 0, NULL, "Part of the containers that may fail."},
	{"order", &text, 0, "start-first|stop-first",
	 "Whether the new container starts before the old one stops."},
	{0},
};
static const struct compose_type update = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = update_keys, .finish = finish_struct};
static const struct compose_key restart_keys[] = {
	{"condition", &text, 0, NULL,
	 "When a container that ended is started again: none, on-failure or any."},
	{"delay", &duration, KEY_KEEP | KEY_IGNORED, NULL, "Time between two attempts."},
	{"max_attempts", &integer, KEY_KEEP, NULL,
	 "Attempts at most when the condition is on-failure; 0 is without end."},
	{"window", &duration, KEY_KEEP | KEY_IGNORED, NULL,
	 "Time after which a start counts as successful."},
	{0},
};
static const struct compose_type restart_policy = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = restart_keys, .finish = finish_struct};
static const struct compose_key preference_keys[] = {
	{"spread", &text, 0, NULL, "Label of machines over whose values containers are spread."},
	{0},
};
static const struct compose_type preference = {
	.shapes = SHAPE_MAP, .keys = preference_keys, .finish = finish_struct};
static const struct compose_type preferences = {
	.shapes = SHAPE_LIST, .item = &preference, .finish = finish_list};
static const struct compose_key placement_keys[] = {
	{"constraints", &texts_any, 0, NULL, "Properties that a machine must have."},
	{"preferences", &preferences, 0, NULL, "Properties that decide between machines."},
	{"max_replicas_per_node", &integer, 0, NULL, "Containers on one machine at most."},
	{0},
};
static const struct compose_type placement = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = placement_keys, .finish = finish_struct};

static const struct compose_key deploy_keys[] = {
	{"mode", &text, KEY_IGNORED, NULL, "replicated, or global: one container on each machine."},
	{"replicas", &integer, KEY_KEEP, NULL,
	 "Number of containers; the same as scale, which excludes another value here."},
	{"labels", &labels, KEY_IGNORED, NULL, "Labels of the service, not of its containers."},
	{"update_config", &update, KEY_IGNORED, NULL,
	 "How containers are replaced when the service changes."},
	{"rollback_config", &update, KEY_IGNORED, NULL,
	 "How containers are replaced when an update is taken back."},
	{"resources", &resources, KEY_ALWAYS_MAP, NULL, "What each container may use."},
	{"restart_policy", &restart_policy, 0, NULL,
	 "What happens when a container ends; wins over restart."},
	{"placement", &placement, KEY_ALWAYS_MAP | KEY_IGNORED, NULL,
	 "On which machines of a cluster containers run."},
	{"endpoint_mode", &text, KEY_IGNORED, NULL,
	 "How a cluster makes the service reachable: vip or dnsrr."},
	{0},
};
static const struct compose_type deploy = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = deploy_keys, .finish = finish_struct};

/* ---- develop, hooks, provider, models */

static const struct compose_key hook_keys[] = {
	{"command", &command, KEY_ALWAYS_NULL, NULL,
	 "What to run; a string is split into words without a shell."},
	{"user", &text, 0, NULL, "User that runs it."},
	{"privileged", &boolean, 0, NULL, "Run it with all privileges."},
	{"working_dir", &text, 0, NULL, "Directory that it starts in."},
	{"environment", &assignments, 0, NULL, "Variables in addition to those of the service."},
	{"image", &text, 0, NULL,
	 "Image for a container of its own (pre_start only), that of the service if not "
	 "given; newer than Compose 2.40."},
	{"per_replica", &boolean, 0, NULL,
	 "Run it for each container, not once (pre_start only); newer than Compose "
	 "2.40."},
	{0},
};
static const struct compose_type hook = {
	.shapes = SHAPE_MAP, .keys = hook_keys, .finish = finish_struct};
static const struct compose_type hooks = {
	.shapes = SHAPE_LIST, .wanted = "a list of hooks", .item = &hook, .finish = finish_list};

static const struct compose_key watch_keys[] = {
	{"path", &path, KEY_REQUIRED, NULL,
	 "File or directory that is watched, seen from the project directory."},
	{"action", &text, KEY_REQUIRED, "rebuild|sync|restart|sync+restart|sync+exec",
	 "What to do after a change."},
	{"target", &text, 0, NULL,
	 "Where the files go in the container; needed by all actions but rebuild and "
	 "restart."},
	{"exec", &hook, KEY_ALWAYS_MAP, NULL, "What sync+exec runs in the container afterwards."},
	{"include", &text_or_texts, 0, NULL, "Only files that match these patterns count."},
	{"ignore", &text_or_texts, 0, NULL, "Files that match these patterns do not count."},
	{"initial_sync", &boolean, 0, NULL, "Copy everything once when watching begins."},
	{0},
};
static const struct compose_type watch_rule = {
	.shapes = SHAPE_MAP, .keys = watch_keys, .finish = finish_struct};
static const struct compose_type watch = {.shapes = SHAPE_LIST | SHAPE_NULL,
					  .wanted = "a list of rules",
					  .item = &watch_rule,
					  .finish = finish_list};
static const struct compose_key develop_keys[] = {
	{"watch", &watch, 0, NULL, "Rules: which files are watched, and what a change leads to."},
	{0},
};
static const struct compose_type develop = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = develop_keys, .finish = finish_struct};

static const struct compose_type option_values = {.shapes = SHAPE_SCALAR | SHAPE_LIST,
						  .item = &scalar,
						  .expand = expand_list,
						  .finish = finish_list};
static const struct compose_type provider_options = {
	.shapes = SHAPE_MAP, .value = &option_values, .finish = finish_mapping};
static const struct compose_key provider_keys[] = {
	{"type", &text, KEY_REQUIRED, NULL, "The program that provides the service."},
	{"options", &provider_options, 0, NULL, "Options for it."},
	{0},
};
static const struct compose_type provider = {
	.shapes = SHAPE_MAP, .keys = provider_keys, .finish = finish_struct};

static const struct compose_key service_model_keys[] = {
	{"endpoint_var", &text, 0, NULL,
	 "Variable that tells the container where the model answers."},
	{"model_var", &text, 0, NULL, "Variable that tells the container the name of the model."},
	{0},
};
static const struct compose_type service_model = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = service_model_keys, .finish = finish_struct};
static const struct compose_type service_models = {.shapes = SHAPE_LIST | SHAPE_MAP,
						   .wanted = "a list of models or a mapping",
						   .value = &service_model,
						   .expand = expand_names,
						   .finish = finish_mapping};

/* ---- services */

static const struct compose_key weight_keys[] = {
	{"path", &text, 0, NULL, "The device, like /dev/sda."},
	{"weight", &integer, 0, NULL, "Share of its time, 10 to 1000."},
	{0},
};
static const struct compose_type weight = {
	.shapes = SHAPE_MAP, .flags = TYPE_CAPITALS, .keys = weight_keys, .finish = finish_struct};
static const struct compose_type weights = {
	.shapes = SHAPE_LIST, .item = &weight, .finish = finish_list};
static const struct compose_key rate_keys[] = {
	{"path", &text, 0, NULL, "The device, like /dev/sda."},
	{"rate", &bytes, 0, NULL, "Bytes, or operations, in a second."},
	{0},
};
static const struct compose_type rate = {
	.shapes = SHAPE_MAP, .flags = TYPE_CAPITALS, .keys = rate_keys, .finish = finish_struct};
static const struct compose_type rates = {
	.shapes = SHAPE_LIST, .item = &rate, .finish = finish_list};
static const struct compose_key blkio_keys[] = {
	{"weight", &integer, 0, NULL, "Share of the time of all block devices, 10 to 1000."},
	{"weight_device", &weights, 0, NULL, "Share of the time of single devices."},
	{"device_read_bps", &rates, 0, NULL, "Bytes in a second that may be read from a device."},
	{"device_read_iops", &rates, 0, NULL, "Reads in a second from a device."},
	{"device_write_bps", &rates, 0, NULL, "Bytes in a second that may be written to a device."},
	{"device_write_iops", &rates, 0, NULL, "Writes in a second to a device."},
	{0},
};
static const struct compose_type blkio = {
	.shapes = SHAPE_MAP, .keys = blkio_keys, .finish = finish_struct};

static const struct compose_key credential_keys[] = {
	{"config", &text, 0, NULL, "Config with the specification."},
	{"file", &text, 0, NULL, "File with the specification."},
	{"registry", &text, 0, NULL, "Entry of the Windows registry with the specification."},
	{0},
};
static const struct compose_type credential = {
	.shapes = SHAPE_MAP, .keys = credential_keys, .finish = finish_struct};

static const struct compose_key dependency_keys[] = {
	{"condition", &text, KEY_REQUIRED,
	 "service_started|service_healthy|service_completed_successfully",
	 "What the other service must have reached: started, passed its health check, "
	 "or ended with exit status 0."},
	{"restart", &boolean, 0, NULL,
	 "Restart this service when cmp restarts or recreates the other one."},
	{"required", &boolean, KEY_KEEP, NULL,
	 "false: go on, with a warning, when the other service is not there or fails. "
	 "true if not given."},
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
	{"source", &text, KEY_REQUIRED, NULL, "The device on the host."},
	{"target", &text, 0, NULL, "Its name in the container, the same if not given."},
	{"permissions", &text, 0, NULL,
	 "r to read, w to write, m to make the node; rwm if not given."},
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
	{"path", &path, KEY_REQUIRED, NULL, "The file, seen from the project directory."},
	{"required", &boolean, KEY_KEEP, NULL,
	 "false: a missing file is no error. true if not given."},
	{"format", &text, 0, NULL,
	 "raw: values are taken as they are, without quotes, comments and references."},
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
	{"service", &text, KEY_REQUIRED, NULL, "The service to start from."},
	{"file", &text, 0, NULL, "The file that has it, this one if not given. Only local files."},
	{0},
};
static const struct compose_type extends = {.shapes = SHAPE_STRING | SHAPE_MAP,
					    .wanted = "a service or a mapping",
					    .keys = extends_keys,
					    .expand = expand_extends,
					    .finish = finish_struct};

static const struct compose_key healthcheck_keys[] = {
	{"test", &probe, KEY_REPLACE, NULL,
	 "The command: a string for a shell, or a list that begins with CMD, CMD-SHELL "
	 "or NONE. Exit status 0 is healthy."},
	{"timeout", &duration, KEY_KEEP, NULL, "How long one check may take, 30s if not given."},
	{"interval", &duration, KEY_KEEP, NULL, "Time between two checks, 30s if not given."},
	{"retries", &integer, KEY_KEEP, NULL,
	 "Failures in a row that make the container unhealthy, 3 if not given."},
	{"start_period", &duration, KEY_KEEP, NULL,
	 "Time after the start in which failures do not count."},
	{"start_interval", &duration, KEY_KEEP, NULL,
	 "Time between two checks in the start period, 5s if not given. cmp looks more "
	 "often until the container is healthy, but counts failures as if it did not."},
	{"disable", &boolean, 0, NULL, "true: no checks, whatever the image says."},
	{0},
};
static const struct compose_type healthcheck = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = healthcheck_keys, .finish = finish_struct};

static const struct compose_key logging_keys[] = {
	{"driver", &text, 0, NULL,
	 "none: no output can be shown. With any other driver cmp keeps the output in "
	 "files of its own."},
	{"options", &text_map_or_null, 0, NULL,
	 "max-size: the size at which a log file is closed and another begun, no limit "
	 "if not given. max-file: how many are kept. Others have no effect."},
	{0},
};
static const struct compose_type logging = {
	.shapes = SHAPE_MAP, .keys = logging_keys, .merge = merge_logging, .finish = finish_struct};

static const struct compose_key endpoint_keys[] = {
	{"aliases", &texts_once, 0, NULL, "Further names of the service on this network."},
	{"driver_opts", &text_map, KEY_IGNORED, NULL, "Options for the driver of the network."},
	{"gw_priority", &number, 0, NULL, "The network with the highest gives the default route."},
	{"interface_name", &text, 0, NULL,
	 "Name of the interface in the container, instead of eth0, eth1 and so on."},
	{"ipv4_address", &text, 0, NULL, "Fixed address, from a subnet that the network names."},
	{"ipv6_address", &text, 0, NULL, "Fixed address, from a subnet that the network names."},
	{"link_local_ips", &texts_once, KEY_IGNORED, NULL, "Further addresses of the interface."},
	{"mac_address", &text, 0, NULL, "Hardware address of the interface."},
	{"priority", &number, 0, NULL,
	 "Networks are connected in this order, the highest first, then by name."},
	{0},
};
static const struct compose_type endpoint = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = endpoint_keys, .finish = finish_struct};
static const struct compose_type endpoints = {.shapes = SHAPE_LIST | SHAPE_MAP,
					      .wanted = "a list of networks or a mapping",
					      .value = &endpoint,
					      .expand = expand_names,
					      .finish = finish_mapping};

static const struct compose_key port_keys[] = {
	{"name", &text, KEY_IGNORED, NULL, "A name for people to read."},
	{"mode", &text, KEY_IGNORED, NULL, "ingress or host."},
	{"host_ip", &text, 0, NULL,
	 "Address of the host to listen on; all if not given. 127.0.0.1 is reachable "
	 "from the host only."},
	{"target", &integer, 0, NULL, "Port in the container."},
	{"published", &text_or_number, 0, NULL,
	 "Port of the host, or a range of which a free one is taken; any free port if "
	 "not given. Containers of a service share a fixed one."},
	{"protocol", &text, 0, NULL,
	 "tcp or udp, tcp if not given; sctp is refused when the container is made."},
	{"app_protocol", &text, KEY_IGNORED, NULL, "What is spoken on the port."},
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
	{"selinux", &text, KEY_IGNORED, "z|Z", "z or Z: labels for SELinux, shared or private."},
	{"propagation", &text, 0, NULL,
	 "Whether mounts below pass to the other side: private, rprivate, shared, "
	 "rshared, slave or rslave."},
	{"create_host_path", &boolean, 0, NULL,
	 "Make the directory on the host when it is missing; true if bind is not given, "
	 "or in short syntax."},
	{"recursive", &text, KEY_IGNORED, "enabled|disabled|writable|readonly",
	 "What happens to mounts below the source."},
	{0},
};
static const struct compose_type bind_options = {
	.shapes = SHAPE_MAP, .keys = bind_keys, .finish = finish_struct};
static const struct compose_key volume_option_keys[] = {
	{"labels", &labels, 0, NULL, "Labels of the volume if it is an anonymous one."},
	{"nocopy", &boolean, 0, NULL,
	 "Do not fill an empty volume with what the image has at the target."},
	{"subpath", &text, 0, NULL,
	 "Directory inside the volume that is mounted instead of all of it."},
	{0},
};
static const struct compose_type volume_options = {
	.shapes = SHAPE_MAP, .keys = volume_option_keys, .finish = finish_struct};
static const struct compose_key tmpfs_keys[] = {
	{"size", &whole_bytes, 0, NULL, "Size at most."},
	{"mode", &plain_integer, 0, NULL, "Permissions of its top directory, a number like 0700."},
	{0},
};
static const struct compose_type tmpfs_options = {
	.shapes = SHAPE_MAP, .keys = tmpfs_keys, .finish = finish_struct};
static const struct compose_key image_keys[] = {
	{"subpath", &text, 0, NULL, "Directory inside the image."},
	{0},
};
static const struct compose_type image_options = {
	.shapes = SHAPE_MAP, .keys = image_keys, .finish = finish_struct};
static const struct compose_key volume_keys[] = {
	{"type", &text, KEY_REQUIRED, "bind|volume|tmpfs|cluster|npipe|image",
	 "Kind of the mount; image, npipe and cluster are refused when the container is "
	 "made."},
	{"source", &text, 0, NULL,
	 "A path on the host (bind), or the name of a volume of the top level; without "
	 "one a volume is anonymous."},
	{"target", &text, 0, NULL, "Path in the container."},
	{"read_only", &boolean, 0, NULL, "Do not let the container write to it."},
	{"consistency", &text, KEY_IGNORED, NULL, "For the host systems of others."},
	{"bind", &bind_options, 0, NULL, "Options of type bind."},
	{"volume", &volume_options, 0, NULL, "Options of type volume."},
	{"tmpfs", &tmpfs_options, 0, NULL, "Options of type tmpfs."},
	{"image", &image_options, KEY_REFUSED, NULL, "Options of type image."},
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
	{"profiles", &texts_once, 0, NULL,
	 "Profiles that enable the service: --profile, COMPOSE_PROFILES, or naming it "
	 "in a command. Without any it is always enabled."},
	{"annotations", &labels, KEY_IGNORED | KEY_WARNED, NULL, "Annotations for an OCI runtime."},
	{"attach", &boolean, KEY_KEEP, NULL,
	 "false: up does not show what the service prints, unless it is asked with "
	 "--attach."},
	{"build", &build, 0, NULL,
	 "How the image is made. Its name is that of image, or PROJECT-SERVICE; up, create and run "
	 "build it when it is not there."},
	{"develop", &develop, KEY_IGNORED, NULL,
	 "What happens when files change while one works on them."},
	{"blkio_config", &blkio, KEY_IGNORED | KEY_WARNED, NULL,
	 "Shares and limits of block devices."},
	{"cap_add", &texts_once, 0, NULL,
	 "Capabilities in addition to the usual ones, with or without CAP_; ALL for "
	 "all."},
	{"cap_drop", &texts_once, 0, NULL, "Capabilities to take away; ALL for all."},
	{"cgroup_parent", &text, KEY_IGNORED, NULL,
	 "The control group above that of the container. Those of cmp lie together."},
	{"cgroup", &text, 0, "host|private",
	 "The namespace of control groups: private, or that of the host."},
	{"cpu_count", &integer, KEY_IGNORED | KEY_WARNED, NULL, "Processors on Windows."},
	{"cpu_percent", &number, KEY_IGNORED | KEY_WARNED, NULL,
	 "Part of the processors on Windows."},
	{"cpu_period", &integer, 0, NULL,
	 "Length of a period of the CPU scheduler, in microseconds."},
	{"cpu_quota", &integer, 0, NULL, "Processor time in each cpu_period, in microseconds."},
	{"cpu_rt_period", &integer, KEY_IGNORED | KEY_WARNED, NULL,
	 "Period of the real-time scheduler."},
	{"cpu_rt_runtime", &integer, KEY_IGNORED | KEY_WARNED, NULL,
	 "Time in each period for the real-time scheduler."},
	{"cpus", &number, 0, NULL,
	 "Processor time at most, in processors: 0.5 is half of one. The same as "
	 "deploy.resources.limits.cpus."},
	{"cpuset", &text, 0, NULL, "Processors that may be used, like 0-3,5."},
	{"cpu_shares", &integer, 0, NULL,
	 "Share of the processor when there is not enough, 1024 is the normal one."},
	{"command", &command, KEY_REPLACE | KEY_ALWAYS_NULL, NULL,
	 "Arguments, instead of those of the image. A string is split into words "
	 "without a shell; an empty list is no argument."},
	{"configs", &config_mounts, 0, NULL,
	 "Configs that the container sees as files. A string is the name of one."},
	{"container_name", &text, 0, NULL,
	 "Name of the container, instead of PROJECT-SERVICE-NUMBER; excludes a second "
	 "container."},
	{"credential_spec", &credential, KEY_IGNORED | KEY_WARNED, NULL,
	 "Credentials for a domain of Windows."},
	{"depends_on", &depends_on, 0, NULL,
	 "Services that come first. A list waits until they have been started."},
	{"deploy", &deploy, 0, NULL,
	 "Replicas, limits and restarts; what only a cluster can do has no effect."},
	{"device_cgroup_rules", &texts, 0, NULL, "Rules for access to devices, like \"c 1:3 mr\"."},
	{"devices", &devices, 0, NULL, "Devices of the host, SOURCE[:TARGET[:PERMISSIONS]]."},
	{"dns", &servers, 0, NULL,
	 "Name servers for names outside the project, instead of those of the host."},
	{"dns_opt", &texts_once, 0, NULL, "Options of the resolver, like ndots:2."},
	{"dns_search", &text_or_texts_once, 0, NULL, "Domains in which short names are looked up."},
	{"domainname", &text, 0, NULL, "Domain of the host name."},
	{"entrypoint", &command, KEY_REPLACE | KEY_ALWAYS_NULL, NULL,
	 "The program, instead of that of the image, whose arguments are dropped then. "
	 "A string is split into words without a shell."},
	{"provider", &provider, KEY_REFUSED, NULL,
	 "A program that provides the service instead of a container."},
	{"environment", &assignments, 0, NULL,
	 "Variables of the process. One without a value takes it from the environment "
	 "of cmp, and is left out when it has none there."},
	{"env_file", &env_files, KEY_HIDDEN, NULL,
	 "Files with variables; environment wins over them, a later file over an "
	 "earlier one."},
	{"expose", &exposed, 0, NULL,
	 "Ports that other containers use, PORT[-PORT][/PROTOCOL]. Only informative: "
	 "containers of one network reach each other on every port."},
	{"extends", &extends, KEY_HIDDEN, NULL,
	 "Start from another service; what is said here is merged over it."},
	{"external_links", &texts, KEY_IGNORED | KEY_WARNED, NULL,
	 "Names of containers outside the project."},
	{"extra_hosts", &extra_hosts, 0, NULL,
	 "Lines for /etc/hosts, NAME=ADDRESS; host-gateway stands for the host."},
	{"group_add", &texts_or_numbers, 0, NULL,
	 "Further groups of the process, names or numbers."},
	{"gpus", &gpus, KEY_REFUSED, NULL, "Graphics processors that the container must get."},
	{"hostname", &text, 0, NULL,
	 "Host name, the first twelve digits of the container's id if not given."},
	{"healthcheck", &healthcheck, 0, NULL,
	 "A test that tells whether the container works; a condition of depends_on can "
	 "wait for it. What is not given comes from the image."},
	{"image", &text, 0, NULL, "The image. PROJECT-SERVICE if only build is given."},
	{"init", &boolean, KEY_KEEP, NULL,
	 "Run the process below a small init, which passes on signals and takes away "
	 "orphans."},
	{"ipc", &text, 0, NULL,
	 "Shared memory and semaphores: private, shareable, host, service:NAME or "
	 "container:NAME."},
	{"isolation", &text, KEY_IGNORED | KEY_WARNED, NULL, "Kind of isolation on Windows."},
	{"labels", &labels, 0, NULL, "Labels of the containers."},
	{"label_file", &label_files, KEY_HIDDEN, NULL, "Files with labels; labels wins over them."},
	{"links", &texts_once, 0, NULL,
	 "SERVICE[:ALIAS]: gives the service a further name, and depends on it."},
	{"logging", &logging, 0, NULL, "What happens with the output of the container."},
	{"mem_limit", &bytes, 0, NULL,
	 "Memory at most; deploy.resources.limits.memory must say the same."},
	{"mem_reservation", &bytes, 0, NULL, "Memory that it keeps when the machine runs short."},
	{"memswap_limit", &bytes, 0, NULL, "Memory and swap space together; -1 is no limit."},
	{"mem_swappiness", &bytes, KEY_IGNORED | KEY_WARNED, NULL,
	 "How readily memory is swapped out."},
	{"mac_address", &text, 0, NULL, "Hardware address on the main network."},
	{"models", &service_models, KEY_IGNORED | KEY_WARNED, NULL,
	 "Language models that the service uses."},
	{"network_mode", &text, 0, NULL,
	 "none, host, service:NAME, container:NAME, or a network that exists; excludes "
	 "networks."},
	{"networks", &endpoints, 0, NULL,
	 "Networks that the containers join; default if neither this nor network_mode "
	 "is given."},
	{"oom_kill_disable", &boolean, 0, NULL,
	 "Let the processes wait instead of killing one when memory runs out; only with "
	 "cgroup v1."},
	{"oom_score_adj", &integer, 0, NULL,
	 "How readily the kernel kills it when memory runs out, -1000 to 1000."},
	{"pid", &text_or_null, 0, NULL,
	 "Processes that it sees: its own if not given, host, service:NAME or "
	 "container:NAME."},
	{"pids_limit", &integer, 0, NULL, "Processes and threads at most; -1 is no limit."},
	{"platform", &text, 0, NULL,
	 "The platform for which the image is pulled, like linux/arm64; that of the machine if not "
	 "given."},
	{"ports", &ports, 0, NULL,
	 "Ports of the host that lead to the container: "
	 "[[IP:][HOST]:]CONTAINER[/PROTOCOL], each a port or a range."},
	{"privileged", &boolean, 0, NULL,
	 "All capabilities, devices and paths: root in the container is root on the "
	 "host."},
	{"pull_policy", &text, 0, NULL,
	 "When the image is pulled: missing, which is what counts if not given, always or "
	 "refresh, never, build, daily, weekly or every_TIME, like every_12h."},
	{"pull_refresh_after", &text, KEY_HIDDEN | KEY_IGNORED, NULL,
	 "How old an image may become before it is pulled again."},
	{"read_only", &boolean, 0, NULL, "Do not let the container write to its root file system."},
	{"restart", &text, 0, NULL,
	 "What happens when the container ends: no, always, on-failure[:ATTEMPTS] or "
	 "unless-stopped; \"no\" if not given."},
	{"runtime", &text, KEY_IGNORED | KEY_WARNED, NULL, "The OCI runtime; cmp is its own."},
	{"scale", &integer, KEY_KEEP, NULL, "Number of containers, 1 if not given."},
	{"secrets", &secret_mounts, 0, NULL,
	 "Secrets that the container sees as files. A string is the name of one."},
	{"security_opt", &texts, 0, NULL,
	 "no-new-privileges, seccomp:FILE|unconfined with a path from the project's directory, "
	 "apparmor:PROFILE|unconfined, systempaths=unconfined. label: has no effect."},
	{"shm_size", &bytes, 0, NULL, "Size of /dev/shm, 64m if not given."},
	{"stdin_open", &boolean, 0, NULL, "Keep standard input open."},
	{"stop_grace_period", &duration, KEY_KEEP, NULL,
	 "Time between the stop signal and SIGKILL, 10s if not given."},
	{"stop_signal", &text, 0, NULL,
	 "The signal that asks the process to end; that of the image, or SIGTERM, if "
	 "not given."},
	{"storage_opt", &scalar_map, KEY_IGNORED | KEY_WARNED, NULL,
	 "Options of the storage driver."},
	{"sysctls", &labels, 0, NULL,
	 "Kernel parameters of the container's namespaces, like net.core.somaxconn."},
	{"tmpfs", &tmpfs, 0, NULL, "Directories in memory, PATH[:OPTIONS], like /run:size=64m."},
	{"tty", &boolean, 0, NULL, "Give the process a terminal."},
	{"ulimits", &ulimits, 0, NULL,
	 "Limits of the process by name, like nofile or nproc: a number, or soft and "
	 "hard."},
	{"use_api_socket", &boolean, KEY_IGNORED | KEY_WARNED, NULL,
	 "Give the container access to the engine."},
	{"user", &text, 0, NULL,
	 "USER[:GROUP] of the process, names or numbers; that of the image if not "
	 "given."},
	{"userns_mode", &text, KEY_IGNORED | KEY_WARNED, NULL, "The user namespace."},
	{"uts", &text, 0, NULL, "host: the host name is that of the host."},
	{"volumes", &volume_mounts, 0, NULL,
	 "Volumes and directories that the container sees: TARGET, or "
	 "SOURCE:TARGET[:OPTIONS]. A SOURCE that begins with . / or ~ is a directory of "
	 "the host; OPTIONS are ro, rw, nocopy, z, Z and those of propagation."},
	{"volumes_from", &texts, 0, NULL,
	 "Take the volumes of another service, SERVICE[:ro|rw], or of container:NAME."},
	{"working_dir", &text, 0, NULL,
	 "Directory that the process starts in; that of the image if not given."},
	{"pre_start", &hooks, KEY_IGNORED | KEY_WARNED, NULL,
	 "Commands before the containers start; newer than Compose 2.40."},
	{"post_start", &hooks, 0, NULL,
	 "Commands in the container after up, start or restart has started it, before what depends on "
	 "it goes on."},
	{"pre_stop", &hooks, 0, NULL,
	 "Commands in the container before stop, down or restart stops it; if one fails it runs on."},
	{"x-cmp", &extension, KEY_HIDDEN, NULL,
	 "What `cmp lint` leaves alone here: lint is a mapping of codes to off, or to the "
	 "reason."},
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
	{"subnet", &text, 0, NULL,
	 "The addresses of the network, like 10.5.0.0/24. One subnet for IPv4, one for "
	 "IPv6."},
	{"gateway", &text, 0, NULL,
	 "The address of the host, the first of the subnet if not given."},
	{"ip_range", &text, 0, NULL, "The part of the subnet that containers get addresses from."},
	{"aux_addresses", &scalar_map, 0, NULL, "Addresses that no container gets."},
	{0},
};
static const struct compose_type pool = {
	.shapes = SHAPE_MAP, .keys = pool_keys, .index = index_subnet, .finish = finish_struct};
static const struct compose_type pools = {
	.shapes = SHAPE_LIST, .item = &pool, .finish = finish_list};
static const struct compose_key ipam_keys[] = {
	{"driver", &text, 0, NULL, "Only default."},
	{"config", &pools, 0, NULL, "The subnets; free ones are chosen if none is given."},
	{"options", &scalar_map, KEY_HIDDEN | KEY_IGNORED, NULL, "Options for the driver."},
	{0},
};
static const struct compose_type ipam = {
	.shapes = SHAPE_MAP | SHAPE_NULL, .keys = ipam_keys, .finish = finish_struct};

static const struct compose_key network_keys[] = {
	{"name", &text, 0, NULL,
	 "Name of the network, PROJECT_KEY if not given, or KEY of an external one."},
	{"driver", &text, 0, NULL, "Only bridge."},
	{"driver_opts", &text_map, 0, NULL,
	 "com.docker.network.bridge.name, com.docker.network.bridge.enable_icc, "
	 "com.docker.network.bridge.enable_ip_masquerade and "
	 "com.docker.network.driver.mtu; others have no effect."},
	{"ipam", &ipam, KEY_ALWAYS_MAP, NULL, "Subnets and addresses."},
	{"external", &boolean, 0, NULL,
	 "The network is there already: it is neither made nor removed."},
	{"internal", &boolean, 0, NULL,
	 "No way out: only the containers of the network reach each other."},
	{"attachable", &boolean, KEY_IGNORED, NULL,
	 "Whether containers outside the project may join; with cmp they may."},
	{"labels", &labels, 0, NULL, "Labels of the network."},
	{"enable_ipv4", &boolean, KEY_KEEP, NULL, "false: no IPv4. true if not given."},
	{"enable_ipv6", &boolean, KEY_KEEP, NULL, "Give the network IPv6 too."},
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
	{"name", &text, 0, NULL,
	 "Name of the volume, PROJECT_KEY if not given, or KEY of an external one."},
	{"driver", &text, 0, NULL, "Only local."},
	{"driver_opts", &text_map, 0, NULL,
	 "type, o and device: a file system or directory that is mounted instead of an "
	 "own directory."},
	{"external", &boolean, 0, NULL,
	 "The volume is there already: it is neither made nor removed."},
	{"labels", &labels, 0, NULL, "Labels of the volume."},
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
	{"name", &text, 0, NULL, "Name, PROJECT_KEY if not given."},
	{"file", &content_file, 0, NULL, "File of the host with the content."},
	{"environment", &text, 0, NULL, "Variable of the environment of cmp with the content."},
	{"external", &boolean, KEY_REFUSED, NULL,
	 "It is there already, outside the project. cmp has no place for these."},
	{"labels", &labels, KEY_IGNORED, NULL, "Labels."},
	{"driver", &text, KEY_IGNORED, NULL, "Where it is kept."},
	{"driver_opts", &text_map, KEY_IGNORED, NULL, "Options for the driver."},
	{"template_driver", &text, KEY_IGNORED, NULL, "How the content is filled in."},
	{0},
};
static const struct compose_key config_keys[] = {
	{"name", &text, 0, NULL, "Name, PROJECT_KEY if not given."},
	{"file", &content_file, 0, NULL, "File of the host with the content."},
	{"environment", &text, 0, NULL, "Variable of the environment of cmp with the content."},
	{"content", &text, 0, NULL, "The content itself."},
	{"external", &boolean, KEY_REFUSED, NULL,
	 "It is there already, outside the project. cmp has no place for these."},
	{"labels", &labels, KEY_IGNORED, NULL, "Labels."},
	{"driver", &text, KEY_IGNORED, NULL, "Where it is kept."},
	{"driver_opts", &text_map, KEY_IGNORED, NULL, "Options for the driver."},
	{"template_driver", &text, KEY_IGNORED, NULL, "How the content is filled in."},
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
	{"name", &text, 0, NULL, "Name of the model in the engine."},
	{"model", &text, 0, NULL, "Which model: a name like ai/smollm2."},
	{"context_size", &integer, 0, NULL, "Tokens that it takes at once, at most."},
	{"runtime_flags", &texts_any, 0, NULL, "Flags for the program that runs it."},
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
	{"path", &text_or_texts, KEY_REQUIRED, NULL,
	 "The file; of several the first counts, and the others are merged over it. "
	 "Only local files."},
	{"project_directory", &text, 0, NULL,
	 "Where relative paths in it start; the directory of the file if not given."},
	{"env_file", &text_or_texts, 0, NULL,
	 "Files with variables for it, below the environment; .env of its project "
	 "directory if not given."},
	{0},
};
static const struct compose_type include_entry = {
	.shapes = SHAPE_STRING | SHAPE_MAP, .keys = include_keys, .expand = expand_include};
static const struct compose_type includes = {
	.shapes = SHAPE_LIST, .wanted = "a list of files", .item = &include_entry};

static const struct compose_key file_keys[] = {
	{"version", &text, KEY_HIDDEN | KEY_OBSOLETE, NULL, "Has no meaning any more."},
	{"name", &text, 0, NULL,
	 "Name of the project; that of its directory if not given. -p and "
	 "COMPOSE_PROJECT_NAME win."},
	{"include", &includes, KEY_HIDDEN, NULL,
	 "Other Compose files whose services and objects become part of this one. A "
	 "string is a path."},
	{"services", &services, KEY_ALWAYS_MAP, NULL,
	 "What runs: each is an image, and how containers of it are set up."},
	{"networks", &networks, 0, NULL,
	 "Networks between containers. One called default is there by itself."},
	{"volumes", &volumes, 0, NULL, "Data that outlives containers."},
	{"secrets", &secrets, 0, NULL, "Confidential files that services can ask for."},
	{"configs", &configs, 0, NULL, "Other files that services can ask for."},
	{"models", &models, KEY_HIDDEN | KEY_IGNORED, NULL,
	 "Language models that services can ask for."},
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
