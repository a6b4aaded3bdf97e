/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container is asked to be: Config and HostConfig, one row a field, read at creation and
 * shown by inspect.  The object of all rows is the container_config.  What the engine cannot do is
 * refused when the container would not be what was asked for, otherwise the client is warned.
 */
#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/launch.h"
#include "engine/translate_int.h"
#include "runtime/runtime.h"

#define MEMORY_MIN	((int64_t)6 << 20)
#define SHM_DEFAULT	((int64_t)64 << 20)
#define CPU_PERIOD_US	100000
#define NANO_PER_CPU_US (NS_PER_SEC / CPU_PERIOD_US)
#define FOREVER_NS	(100LL * 365 * 24 * 3600 * NS_PER_SEC)
#define PATH_SETTING	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define M(key, kind, member, empty)                                                                \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct container_config, member), empty, NULL, NULL   \
	}
#define SET(key, kind, member, empty, set)                                                         \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct container_config, member), empty, NULL, set    \
	}
#define BOTH(key, empty, put, set)                                                                 \
	{                                                                                          \
		key, DOCKER_PUT, 0, empty, put, set                                                \
	}
#define ALWAYS(key, empty, set)                                                                    \
	{                                                                                          \
		key, DOCKER_CONST, 0, empty, NULL, set                                             \
	}
#define END                                                                                        \
	{                                                                                          \
		0                                                                                  \
	}

/* The object of the rows is the config in a container. */
static const struct container *owner(const void *config)
{
	return (const void *)((const char *)config - offsetof(struct container, config));
}

static const json_t *image_value(const struct container *c, const char *key)
{
	return c->image ? json_object_get(c->image->config, key) : NULL;
}

/* ---- Config: the program */

static void put_hostname(struct buf *b, const void *config)
{
	auto_free char *name = launch_hostname(owner(config));

	docker_put_str(b, name);
}

static void put_with_image(struct buf *b, const char *own, const struct container *c,
			   const char *key)
{
	docker_put_str(b, own ? own : json_string_value(image_value(c, key)));
}

static void put_user(struct buf *b, const void *config)
{
	put_with_image(b, owner(config)->config.user, owner(config), "User");
}

static void put_working_dir(struct buf *b, const void *config)
{
	put_with_image(b, owner(config)->config.working_dir, owner(config), "WorkingDir");
}

static void put_stop_signal(struct buf *b, const void *config)
{
	const struct container *c = owner(config);

	if (c->config.stop_signal || image_value(c, "StopSignal"))
		put_with_image(b, c->config.stop_signal, c, "StopSignal");
}

static void put_env(struct buf *b, const void *config)
{
	const struct container *c = owner(config);
	AUTO(strv_free) char **from_image = json_to_strv(image_value(c, "Env"));
	char **env = NULL, *const * setting;
	bool has_path = false;

	for (setting = from_image; *setting; setting++)
		launch_env_set(&env, *setting);
	for (setting = c->config.env; setting && *setting; setting++)
		launch_env_set(&env, *setting);
	for (setting = env; setting && *setting; setting++)
		has_path |= str_starts(*setting, "PATH=");
	if (!has_path)
		strv_push(&env, xstrdup(PATH_SETTING));
	docker_put_strv(b, env, "[]");
	strv_free(env);
}

static void put_words(struct buf *b, char *const *own, bool set, const struct container *c,
		      const char *key)
{
	AUTO(strv_free) char **from_image = json_to_strv(image_value(c, key));

	docker_put_strv(b, set ? own : from_image, "null");
}

static void put_cmd(struct buf *b, const void *config)
{
	const struct container_config *o = config;

	/* An entrypoint of one's own clears the image's command. */
	put_words(b, o->command, o->command_set || o->entrypoint_set, owner(o), "Cmd");
}

static void put_entrypoint(struct buf *b, const void *config)
{
	const struct container_config *o = config;

	put_words(b, o->entrypoint, o->entrypoint_set, owner(o), "Entrypoint");
}

static int set_words(struct docker_input *in, const json_t *value, char ***ret, bool *ret_set)
{
	const struct docker_field row = {in->key, DOCKER_STRV, 0, NULL, NULL, NULL};
	const struct docker_field rows[] = {row, END};
	auto_json json_t *one = json_object();

	json_object_set(one, in->key, (json_t *)(uintptr_t)value);
	if (docker_read(in, rows, one, ret) < 0)
		return -in->err->code;
	*ret_set = true;
	return 0;
}

/* An empty command is as good as none. */
static int set_cmd(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;

	return docker_blank(value) ? 0 : set_words(in, value, &o->command, &o->command_set);
}

/* [""] clears the image's entrypoint, as [] does. */
static int set_entrypoint(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;
	int r = set_words(in, value, &o->entrypoint, &o->entrypoint_set);

	if (r < 0 || strv_len(o->entrypoint) != 1 || *o->entrypoint[0])
		return r;
	free(o->entrypoint[0]);
	o->entrypoint[0] = NULL;
	return 0;
}

static void put_stop_timeout(struct buf *b, const void *config)
{
	const struct container_config *o = config;

	if (o->stop_grace_ns)
		docker_put_int(b,
			       o->stop_grace_ns == FOREVER_NS ? -1 : o->stop_grace_ns / NS_PER_SEC);
}

static int set_stop_timeout(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;
	int64_t s = json_integer_value(value);

	if (!json_is_integer(value))
		return docker_wrong(in, "a whole number");
	o->stop_grace_ns = s < 0 || s > FOREVER_NS / NS_PER_SEC ? FOREVER_NS
			   : s					? s * NS_PER_SEC
								: 1;
	return 0;
}

static int set_stop_signal(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;
	const char *name = json_string_value(value);
	struct error ignored = ERROR_INIT;
	int signo;

	if (str_empty(name))
		return json_is_string(value) ? 0 : docker_wrong(in, "a string");
	if (runtime_signal(name, &signo, &ignored) < 0)
		return error_set(in->err, EINVAL, "invalid signal: %s", name);
	free(o->stop_signal);
	o->stop_signal = xstrdup(name);
	return 0;
}

/* ---- Config: health check */

#define H(key, kind, member)                                                                       \
	{                                                                                          \
		key, DOCKER_##kind, offsetof(struct config_health, member), NULL, NULL, NULL       \
	}

static const struct docker_field health_fields[] = {
	H("Test", STRV, test),
	H("Interval", INT, interval_ns),
	H("Timeout", INT, timeout_ns),
	H("StartPeriod", INT, start_period_ns),
	H("StartInterval", INT, start_interval_ns),
	H("Retries", INT, retries),
	END,
};

static void put_healthcheck(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	const json_t *from_image = image_value(owner(o), "Healthcheck");

	if (strv_len(o->health.test))
		docker_put(b, health_fields, &o->health);
	else if (from_image)
		docker_put_value(b, from_image);
}

static int set_healthcheck(struct docker_input *in, const json_t *value, void *config)
{
	static const char *const kinds[] = {"NONE", "CMD", "CMD-SHELL"};
	struct config_health *h = &((struct container_config *)config)->health;
	size_t i;

	if (docker_read(in, health_fields, value, h) < 0)
		return -in->err->code;
	if (!strv_len(h->test)) {
		strv_free(h->test);
		h->test = NULL;
		return 0;
	}
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(h->test[0], kinds[i]))
			return 0;
	return error_set(in->err, EINVAL, "Unknown type '%s' in healthcheck", h->test[0]);
}

/* ---- Config: ports and volumes */

static void put_set_member(struct buf *b, json_t *seen, const char *key)
{
	if (json_object_get(seen, key))
		return;
	json_object_set_new(seen, key, json_true());
	docker_put_key(b, key);
	buf_adds(b, "{}");
}

static void put_exposed(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	auto_json json_t *seen = json_object();
	size_t start = b->len, i;
	const char *key;
	json_t *value;

	buf_addc(b, '{');
	json_object_foreach ((json_t *)(uintptr_t)image_value(owner(o), "ExposedPorts"), key, value)
		put_set_member(b, seen, key);
	for (i = 0; i < strv_len(o->expose); i++)
		put_set_member(b, seen, o->expose[i]);
	for (i = 0; i < o->port_count; i++) {
		auto_free char *port =
			xasprintf("%lld/%s", (long long)o->ports[i].container_port,
				  o->ports[i].protocol ? o->ports[i].protocol : "tcp");

		put_set_member(b, seen, port);
	}
	buf_addc(b, '}');
	if (!json_object_size(seen))
		b->len = start;
}

/* "80", "80/tcp", "8000-8002/udp" */
static int parse_port(struct docker_input *in, const char *text, uint16_t *ret_first,
		      uint16_t *ret_last, char **ret_protocol)
{
	size_t len = strcspn(text, "/");
	auto_free char *ports = xstrndup(text, len);
	const char *protocol = text[len] ? text + len + 1 : "tcp";
	char *dash = strchr(ports, '-');

	if (dash)
		*dash++ = '\0';
	if (parse_u16(ports, ret_first) < 0 || !*ret_first ||
	    parse_u16(dash ? dash : ports, ret_last) < 0 || *ret_last < *ret_first)
		return error_set(in->err, EINVAL, "invalid port specification: \"%s\"", text);
	if (strcasecmp(protocol, "tcp") && strcasecmp(protocol, "udp"))
		return error_set(in->err, EINVAL,
				 "invalid proto \"%s\": only tcp and udp can be "
				 "published",
				 protocol);
	*ret_protocol = str_lower(xstrdup(protocol));
	return 0;
}

static int set_exposed(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;
	const char *key;
	json_t *ignored;

	if (!json_is_object(value))
		return docker_wrong(in, "an object");
	json_object_foreach ((json_t *)(uintptr_t)value, key, ignored) {
		auto_free char *protocol = NULL;
		uint16_t first, last;
		uint32_t port;

		if (parse_port(in, key, &first, &last, &protocol) < 0)
			return -in->err->code;
		for (port = first; port <= last; port++)
			strv_pushf(&o->expose, "%u/%s", port, protocol);
	}
	return 0;
}

/* Those that nobody gave a name. */
static void put_volumes(struct buf *b, const void *config)
{
	const struct container *c = owner(config);
	size_t start = b->len, i;

	for (i = 0; i < c->config.mount_count; i++) {
		const struct config_mount *m = &c->config.mounts[i];
		const struct volume *v = str_eq(m->type, "volume") && m->source
						 ? volume_get(c->daemon->volumes, m->source)
						 : NULL;

		if (!v || !v->anonymous)
			continue;
		if (b->len == start)
			buf_addc(b, '{');
		docker_put_key(b, m->target);
		buf_adds(b, "{}");
	}
	if (b->len > start)
		buf_addc(b, '}');
}

static int set_env(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return docker_wrong(in, "a list of strings");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		const char *text = json_string_value(item);

		if (!text)
			return docker_wrong(in, "a list of strings");
		if (!*text || *text == '=')
			return error_set(in->err, EINVAL, "invalid environment variable: %s", text);
		strv_push(&o->env, xstrdup(text));
	}
	return 0;
}

static const struct docker_field config_fields[] = {
	{"Hostname", DOCKER_PUT, 0, "\"\"", put_hostname, NULL},
	M("Domainname", STR, domainname, "\"\""),
	{"User", DOCKER_PUT, 0, "\"\"", put_user, NULL},
	ALWAYS("AttachStdin", "false", NULL),
	ALWAYS("AttachStdout", "false", NULL),
	ALWAYS("AttachStderr", "false", NULL),
	BOTH("ExposedPorts", NULL, put_exposed, set_exposed),
	M("Tty", BOOL, tty, "false"),
	M("OpenStdin", BOOL, stdin_open, "false"),
	M("StdinOnce", BOOL, stdin_once, "false"),
	BOTH("Env", "[]", put_env, set_env),
	BOTH("Cmd", "null", put_cmd, set_cmd),
	BOTH("Healthcheck", NULL, put_healthcheck, set_healthcheck),
	M("Image", STR, image, "\"\""),
	BOTH("Volumes", "null", put_volumes, NULL), /* read last */
	{"WorkingDir", DOCKER_PUT, 0, "\"\"", put_working_dir, NULL},
	BOTH("Entrypoint", "null", put_entrypoint, set_entrypoint),
	ALWAYS("OnBuild", "null", NULL),
	M("Labels", VALUE, labels, "{}"),
	BOTH("StopSignal", NULL, put_stop_signal, set_stop_signal),
	BOTH("StopTimeout", NULL, put_stop_timeout, set_stop_timeout),
	END,
};

/* Of these, what is shown comes from the image too: they are read by rows of their own. */
static const struct docker_field config_more[] = {
	M("Hostname", STR, hostname, NULL),
	M("User", STR, user, NULL),
	M("WorkingDir", STR, working_dir, NULL),
	ALWAYS("NetworkDisabled", NULL, docker_refuse),
	END,
};

/* ---- HostConfig: setters */

static int set_log(struct docker_input *in, const json_t *value, void *config)
{
	static const struct docker_field rows[] = {
		M("Type", STR, log_driver, NULL),
		M("Config", VALUE, log_options, NULL),
		END,
	};
	struct container_config *o = config;

	if (docker_read(in, rows, value, config) < 0)
		return -in->err->code;
	if (!o->log_driver || !strcmp(o->log_driver, "none"))
		return 0;
	if (strcmp(o->log_driver, "json-file") && strcmp(o->log_driver, "local"))
		return error_set(in->err, EINVAL, "logger: no log driver named '%s' is registered",
				 o->log_driver);
	return 0;
}

static void put_log(struct buf *b, const void *config)
{
	const struct container_config *o = config;

	buf_adds(b, "{\"Type\":");
	docker_put_str(b, o->log_driver ? o->log_driver : "json-file");
	buf_adds(b, ",\"Config\":");
	if (o->log_options)
		docker_put_value(b, o->log_options);
	else
		buf_adds(b, "{}");
	buf_addc(b, '}');
}

static int set_restart(struct docker_input *in, const json_t *value, void *config)
{
	static const struct docker_field rows[] = {
		M("Name", STR, restart.policy, NULL),
		M("MaximumRetryCount", INT, restart.max, NULL),
		END,
	};
	static const char *const policies[] = {"no", "always", "on-failure", "unless-stopped"};
	struct container_config *o = config;
	size_t i;

	if (docker_read(in, rows, value, config) < 0)
		return -in->err->code;
	if (o->restart.max < 0)
		return error_set(in->err, EINVAL,
				 "invalid restart policy: maximum retry count cannot be negative");
	if (!o->restart.policy)
		return 0;
	for (i = 0; i < ARRAY_LEN(policies); i++)
		if (!strcmp(o->restart.policy, policies[i]))
			break;
	if (i == ARRAY_LEN(policies))
		return error_set(in->err, EINVAL,
				 "invalid restart policy: unknown policy '%s'; use one of 'no', "
				 "'always', 'on-failure', or 'unless-stopped'",
				 o->restart.policy);
	if (o->restart.max && i != 2)
		return error_set(in->err, EINVAL,
				 "invalid restart policy: maximum retry count can only be used "
				 "with 'on-failure'");
	return 0;
}

static void put_restart(struct buf *b, const void *config)
{
	const struct config_restart *r = &((const struct container_config *)config)->restart;

	buf_adds(b, "{\"Name\":");
	docker_put_str(b, r->policy ? r->policy : "no");
	buf_addf(b, ",\"MaximumRetryCount\":%lld}", (long long)r->max);
}

static int check_caps(struct docker_input *in, char *const *names)
{
	struct error ignored = ERROR_INIT;
	uint64_t bit;

	for (; names && *names; names++) {
		auto_free char *upper = NULL;
		char *s;

		if (!strcasecmp(*names, "ALL") || !strcasecmp(*names, "CAP_ALL") ||
		    runtime_capability(*names, &bit, &ignored) == 0)
			continue;
		upper = xasprintf("%s%s", strncasecmp(*names, "CAP_", 4) ? "CAP_" : "", *names);
		for (s = upper; *s; s++)
			*s = (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
		return error_set(in->err, EINVAL, "invalid %s: unknown capability: \"%s\"", in->key,
				 upper);
	}
	return 0;
}

static int set_caps(struct docker_input *in, const json_t *value, void *list)
{
	bool set;
	int r = set_words(in, value, list, &set);

	return r < 0 ? r : check_caps(in, *(char ***)list);
}

static int add_bindings(struct docker_input *in, const char *key, const json_t *list)
{
	static const struct docker_field rows[] = {
		{"HostIp", DOCKER_STR, offsetof(struct config_port, host_ip), NULL, NULL, NULL},
		{"HostPort", DOCKER_STR, offsetof(struct config_port, host_port), NULL, NULL, NULL},
		END,
	};
	auto_free char *protocol = NULL;
	uint16_t first, last;
	struct config_port *p;
	json_t *item;
	size_t i;

	if (parse_port(in, key, &first, &last, &protocol) < 0)
		return -in->err->code;
	if (first != last)
		return error_set(in->err, EINVAL, "invalid port specification: \"%s\"", key);
	json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
		p = ARRAY_GROW(in->config->ports, &in->config->port_count);
		p->container_port = first;
		p->protocol = xstrdup(protocol);
		if (docker_read(in, rows, item, p) < 0)
			return -in->err->code;
		if (str_eq(p->host_port, "0")) {
			free(p->host_port);
			p->host_port = NULL;
		}
	}
	return 0;
}

static int set_port_bindings(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const char *key;
	json_t *list;

	if (!json_is_object(value))
		return docker_wrong(in, "an object");
	json_object_foreach ((json_t *)(uintptr_t)value, key, list)
		if (add_bindings(in, key, list) < 0)
			return -in->err->code;
	return 0;
}

static bool same_port(const struct config_port *a, const struct config_port *b)
{
	return a->container_port == b->container_port && str_eq(a->protocol, b->protocol);
}

/* All bindings of the first port, of the next one that is not a repetition, … */
static void put_port_bindings(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	size_t i, k;

	buf_addc(b, '{');
	for (i = 0; i < o->port_count; i++) {
		const struct config_port *p = &o->ports[i];
		auto_free char *key = xasprintf("%lld/%s", (long long)p->container_port,
						p->protocol ? p->protocol : "tcp");

		for (k = 0; k < i && !same_port(&o->ports[k], p); k++)
			;
		if (k < i)
			continue;
		docker_put_key(b, key);
		buf_addc(b, '[');
		for (k = i; k < o->port_count; k++) {
			if (!same_port(&o->ports[k], p))
				continue;
			docker_put_comma(b);
			buf_adds(b, "{\"HostIp\":");
			docker_put_str(b, o->ports[k].host_ip);
			buf_adds(b, ",\"HostPort\":");
			docker_put_str(b, o->ports[k].host_port);
			buf_addc(b, '}');
		}
		buf_addc(b, ']');
	}
	buf_addc(b, '}');
}

static int set_ulimits(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	static const struct docker_field rows[] = {
		{"Name", DOCKER_STR, offsetof(struct config_ulimit, name), NULL, NULL, NULL},
		{"Soft", DOCKER_INT, offsetof(struct config_ulimit, soft), NULL, NULL, NULL},
		{"Hard", DOCKER_INT, offsetof(struct config_ulimit, hard), NULL, NULL, NULL},
		END,
	};
	struct config_ulimit *u;
	json_t *item;
	size_t i;
	int number;

	if (!json_is_array(value))
		return docker_wrong(in, "a list");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		u = ARRAY_GROW(in->config->ulimits, &in->config->ulimit_count);
		if (docker_read(in, rows, item, u) < 0)
			return -in->err->code;
		if (!u->name || runtime_rlimit(u->name, &number, in->err) < 0)
			return error_set(in->err, EINVAL, "invalid ulimit type: %s",
					 u->name ? u->name : "");
		if (u->hard >= 0 && (u->soft > u->hard || u->soft < 0))
			return error_set(in->err, EINVAL,
					 "ulimit soft limit must be less than or equal to hard "
					 "limit: %lld > %lld",
					 (long long)u->soft, (long long)u->hard);
	}
	return 0;
}

static void put_ulimits(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	size_t i;

	if (!o->ulimit_count)
		return;
	buf_addc(b, '[');
	for (i = 0; i < o->ulimit_count; i++) {
		docker_put_comma(b);
		buf_adds(b, "{\"Name\":");
		docker_put_str(b, o->ulimits[i].name);
		buf_addf(b, ",\"Hard\":%lld,\"Soft\":%lld}", (long long)o->ulimits[i].hard,
			 (long long)o->ulimits[i].soft);
	}
	buf_addc(b, ']');
}

static const struct docker_field device_fields[] = {
	{"PathOnHost", DOCKER_STR, offsetof(struct config_device, source), "\"\"", NULL, NULL},
	{"PathInContainer", DOCKER_STR, offsetof(struct config_device, target), "\"\"", NULL, NULL},
	{"CgroupPermissions", DOCKER_STR, offsetof(struct config_device, permissions), "\"\"", NULL,
	 NULL},
	END,
};

static int set_devices(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	struct config_device *d;
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return docker_wrong(in, "a list");
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		d = ARRAY_GROW(in->config->devices, &in->config->device_count);
		if (docker_read(in, device_fields, item, d) < 0)
			return -in->err->code;
		if (!d->source)
			return error_set(in->err, EINVAL, "a device has no PathOnHost");
		if (!d->target)
			d->target = xstrdup(d->source);
		if (!d->permissions)
			d->permissions = xstrdup("rwm");
	}
	return 0;
}

static void put_devices(struct buf *b, const void *config)
{
	const struct container_config *o = config;
	size_t i;

	if (!o->device_count)
		return;
	buf_addc(b, '[');
	for (i = 0; i < o->device_count; i++) {
		docker_put_comma(b);
		docker_put(b, device_fields, &o->devices[i]);
	}
	buf_addc(b, ']');
}

/* "container:NAME" is kept by its id: the name may change. */
static int set_mode(struct docker_input *in, const json_t *value, void *mode)
{
	const char *text = json_string_value(value), *ref = text ? str_skip(text, "container:") : 0;
	struct error ignored = ERROR_INIT;
	struct container *other;

	if (!text)
		return docker_wrong(in, "a string");
	free(*(char **)mode);
	*(char **)mode = *text ? xstrdup(text) : NULL;
	if (!ref)
		return 0;
	if (container_find(in->daemon, ref, &other, &ignored) < 0)
		return error_set(in->err, ENOENT, "No such container: %s", ref);
	free(*(char **)mode);
	*(char **)mode = xasprintf("container:%s", other->id);
	return 0;
}

static int set_volumes_from(struct docker_input *in, const json_t *value, void *ret)
{
	AUTO(strv_free) char **list = NULL;
	struct container *other;
	bool set;
	size_t i;

	if (set_words(in, value, &list, &set) < 0)
		return -in->err->code;
	for (i = 0; i < strv_len(list); i++) {
		size_t len = strcspn(list[i], ":");
		auto_free char *ref = xstrndup(list[i], len);

		if (container_find(in->daemon, ref, &other, in->err) < 0)
			return error_set(in->err, ENOENT, "No such container: %s", ref);
		strv_pushf(ret, "%s%s", other->id, !strcmp(list[i] + len, ":ro") ? ":ro" : "");
	}
	return 0;
}

/* A list that is empty on purpose: nothing of /proc and /sys is hidden. */
static int set_masked(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;

	if (!json_is_array(value))
		return docker_wrong(in, "a list of strings");
	if (json_array_size(value)) {
		strv_pushf(&in->warnings, "%s is not supported, it has no effect", in->key);
		return 0;
	}
	if (!strv_has(o->security_opt, "systempaths=unconfined"))
		strv_push(&o->security_opt, xstrdup("systempaths=unconfined"));
	return 0;
}

static bool unmasked(const struct container_config *o)
{
	return o->privileged || strv_has(o->security_opt, "systempaths=unconfined");
}

static void put_masked(struct buf *b, const void *config)
{
	buf_adds(b,
		 unmasked(config)
			 ? "null"
			 : "[\"/proc/asound\",\"/proc/acpi\",\"/proc/interrupts\",\"/proc/kcore\","
			   "\"/proc/keys\",\"/proc/latency_stats\",\"/proc/timer_list\","
			   "\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\","
			   "\"/sys/firmware\",\"/sys/devices/virtual/powercap\"]");
}

static void put_readonly(struct buf *b, const void *config)
{
	buf_adds(b, unmasked(config) ? "null"
				     : "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
				       "\"/proc/sysrq-trigger\"]");
}

static int set_runtime(struct docker_input *in, const json_t *value, void *config UNUSED)
{
	const char *name = json_string_value(value);

	if (!name)
		return docker_wrong(in, "a string");
	if (!*name || !strcmp(name, "runc") || !strcmp(name, "io.containerd.runc.v2"))
		return 0;
	return error_set(in->err, EINVAL, "unknown or invalid runtime name: %s", name);
}

/* One of two words that mean what happens anyway. */
static int set_default(struct docker_input *in, const json_t *value, void *config)
{
	const char *word = json_string_value(value);

	return str_eq(word, "default") || str_eq(word, "host") || str_eq(word, "local")
		       ? 0
		       : docker_refuse(in, value, config);
}

/* What set_masked has added stays. */
static int set_security(struct docker_input *in, const json_t *value, void *ret)
{
	AUTO(strv_free) char **list = NULL;
	bool set;
	size_t i;

	if (set_words(in, value, &list, &set) < 0)
		return -in->err->code;
	for (i = 0; i < strv_len(list); i++)
		strv_push(ret, xstrdup(list[i]));
	return 0;
}

static void put_mode_or(struct buf *b, const char *mode, const char *fallback)
{
	docker_put_str(b, mode ? mode : fallback);
}

static void put_ipc(struct buf *b, const void *config)
{
	put_mode_or(b, ((const struct container_config *)config)->ipc_mode, "private");
}

static void put_cgroupns(struct buf *b, const void *config)
{
	const struct container *c = owner(config);

	put_mode_or(b, c->config.cgroup_mode, "private");
}

static void put_network_mode(struct buf *b, const void *config)
{
	docker_put_str(b, docker_network_mode(owner(config)));
}

static void put_shm(struct buf *b, const void *config)
{
	const struct container_config *o = config;

	docker_put_int(b, o->shm_bytes ? o->shm_bytes : SHM_DEFAULT);
}

/* ---- HostConfig: resources */

static int set_memory(struct docker_input *in, const json_t *value, void *config)
{
	struct container_config *o = config;

	if (!json_is_integer(value))
		return docker_wrong(in, "a whole number");
	o->resources.memory_bytes = json_integer_value(value);
	if (o->resources.memory_bytes > 0 && o->resources.memory_bytes < MEMORY_MIN)
		return error_set(in->err, EINVAL, "Minimum memory limit allowed is 6MB");
	return 0;
}

static int set_nano_cpus(struct docker_input *in, const json_t *value, void *config)
{
	struct config_resources *r = &((struct container_config *)config)->resources;
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0)
		return docker_wrong(in, "a whole number");
	if (!n)
		return 0;
	r->cpu_period_us = CPU_PERIOD_US;
	r->cpu_quota_us = n / NANO_PER_CPU_US;
	if (r->cpu_quota_us < 1000)
		return error_set(in->err, EINVAL,
				 "NanoCPUs are less than one hundredth of a processor");
	return 0;
}

static bool in_nano(const struct config_resources *r)
{
	return r->cpu_quota_us > 0 && r->cpu_period_us == CPU_PERIOD_US;
}

static void put_nano_cpus(struct buf *b, const void *config)
{
	const struct config_resources *r = &((const struct container_config *)config)->resources;

	docker_put_int(b, in_nano(r) ? r->cpu_quota_us * NANO_PER_CPU_US : 0);
}

static void put_cpu_quota(struct buf *b, const void *config)
{
	const struct config_resources *r = &((const struct container_config *)config)->resources;

	docker_put_int(b, in_nano(r) ? 0 : r->cpu_quota_us);
}

static void put_cpu_period(struct buf *b, const void *config)
{
	const struct config_resources *r = &((const struct container_config *)config)->resources;

	docker_put_int(b, in_nano(r) ? 0 : r->cpu_period_us);
}

static void put_swap(struct buf *b, const void *config)
{
	const struct config_resources *r = &((const struct container_config *)config)->resources;

	docker_put_int(b, r->memory_swap_bytes ? r->memory_swap_bytes : 2 * r->memory_bytes);
}

static void put_pids(struct buf *b, const void *config)
{
	const struct config_resources *r = &((const struct container_config *)config)->resources;

	if (r->pids_limit)
		docker_put_int(b, r->pids_limit);
}

static int set_pids(struct docker_input *in, const json_t *value, void *config)
{
	struct config_resources *r = &((struct container_config *)config)->resources;

	if (!json_is_integer(value))
		return docker_wrong(in, "a whole number");
	r->pids_limit = json_integer_value(value);
	return 0;
}

/* -1 is the kernel's own. */
static int set_swappiness(struct docker_input *in, const json_t *value, void *config)
{
	return json_integer_value(value) == -1 ? 0 : docker_warn(in, value, config);
}

static int set_cpu_number(struct docker_input *in, const json_t *value, void *field)
{
	if (!json_is_integer(value))
		return docker_wrong(in, "a whole number");
	if (json_integer_value(value)) /* 0 says nothing, and must not undo NanoCpus */
		*(int64_t *)field = json_integer_value(value);
	return 0;
}

static void put_memory(struct buf *b, const void *config)
{
	docker_put_int(b, ((const struct container_config *)config)->resources.memory_bytes);
}

static const struct docker_field host_fields[] = {
	BOTH("Binds", "null", docker_put_binds, docker_set_binds),
	ALWAYS("ContainerIDFile", "\"\"", NULL), /* the client writes it */
	BOTH("LogConfig", NULL, put_log, set_log),
	{"NetworkMode", DOCKER_PUT, 0, NULL, put_network_mode, NULL},
	BOTH("PortBindings", NULL, put_port_bindings, set_port_bindings),
	BOTH("RestartPolicy", NULL, put_restart, set_restart),
	M("AutoRemove", BOOL, auto_remove, "false"),
	ALWAYS("VolumeDriver", "\"\"", set_default),
	SET("VolumesFrom", STRV, volumes_from, "null", set_volumes_from),
	ALWAYS("ConsoleSize", "[0,0]", NULL), /* resize follows */
	ALWAYS("Annotations", NULL, docker_warn),
	SET("CapAdd", STRV, cap_add, "null", set_caps),
	SET("CapDrop", STRV, cap_drop, "null", set_caps),
	{"CgroupnsMode", DOCKER_PUT, 0, NULL, put_cgroupns, NULL},
	M("Dns", STRV, dns, "null"),
	M("DnsOptions", STRV, dns_opt, "null"),
	M("DnsSearch", STRV, dns_search, "null"),
	M("ExtraHosts", STRV, extra_hosts, "null"),
	M("GroupAdd", STRV, group_add, "null"),
	{"IpcMode", DOCKER_PUT, 0, NULL, put_ipc, NULL},
	ALWAYS("Cgroup", "\"\"", docker_refuse),
	ALWAYS("Links", "null", NULL), /* docker_config_read */
	M("OomScoreAdj", INT, oom_score_adj, "0"),
	SET("PidMode", STR, pid_mode, "\"\"", set_mode),
	M("Privileged", BOOL, privileged, "false"),
	ALWAYS("PublishAllPorts", "false", NULL), /* docker_config_read */
	M("ReadonlyRootfs", BOOL, read_only, "false"),
	SET("SecurityOpt", STRV, security_opt, "null", set_security),
	ALWAYS("StorageOpt", NULL, docker_refuse),
	BOTH("Tmpfs", NULL, docker_put_tmpfs, docker_set_tmpfs),
	SET("UTSMode", STR, uts_mode, "\"\"", set_mode),
	ALWAYS("UsernsMode", "\"\"", set_default),
	{"ShmSize", DOCKER_PUT, 0, NULL, put_shm, NULL},
	M("Sysctls", VALUE, sysctls, NULL),
	ALWAYS("Runtime", "\"runc\"", set_runtime),
	ALWAYS("Isolation", "\"\"", set_default),
	M("CpuShares", INT, resources.cpu_shares, "0"),
	BOTH("Memory", NULL, put_memory, set_memory),
	BOTH("NanoCpus", NULL, put_nano_cpus, set_nano_cpus),
	ALWAYS("CgroupParent", "\"\"", docker_warn),
	ALWAYS("BlkioWeight", "0", docker_warn),
	ALWAYS("BlkioWeightDevice", "null", docker_warn),
	ALWAYS("BlkioDeviceReadBps", "null", docker_warn),
	ALWAYS("BlkioDeviceWriteBps", "null", docker_warn),
	ALWAYS("BlkioDeviceReadIOps", "null", docker_warn),
	ALWAYS("BlkioDeviceWriteIOps", "null", docker_warn),
	{"CpuPeriod", DOCKER_PUT, 0, NULL, put_cpu_period, NULL},
	{"CpuQuota", DOCKER_PUT, 0, NULL, put_cpu_quota, NULL},
	ALWAYS("CpuRealtimePeriod", "0", docker_warn),
	ALWAYS("CpuRealtimeRuntime", "0", docker_warn),
	M("CpusetCpus", STR, resources.cpuset_cpus, "\"\""),
	M("CpusetMems", STR, resources.cpuset_mems, "\"\""),
	BOTH("Devices", "null", put_devices, set_devices),
	M("DeviceCgroupRules", STRV, device_cgroup_rules, "null"),
	ALWAYS("DeviceRequests", "null", docker_refuse),
	ALWAYS("KernelMemory", NULL, docker_warn),
	M("MemoryReservation", INT, resources.memory_reservation_bytes, "0"),
	{"MemorySwap", DOCKER_PUT, 0, NULL, put_swap, NULL},
	ALWAYS("MemorySwappiness", "null", set_swappiness),
	M("OomKillDisable", BOOL, resources.oom_kill_disable, "false"),
	BOTH("PidsLimit", "null", put_pids, set_pids),
	BOTH("Ulimits", "null", put_ulimits, set_ulimits),
	ALWAYS("CpuCount", "0", docker_warn),
	ALWAYS("CpuPercent", "0", docker_warn),
	ALWAYS("IOMaximumIOps", "0", docker_warn),
	ALWAYS("IOMaximumBandwidth", "0", docker_warn),
	BOTH("Mounts", NULL, docker_put_mounts, docker_set_mounts),
	BOTH("MaskedPaths", NULL, put_masked, set_masked),
	BOTH("ReadonlyPaths", NULL, put_readonly, set_masked),
	M("Init", BOOL, init, NULL),
	END,
};

/* As config_more. */
static const struct docker_field host_more[] = {
	SET("NetworkMode", STR, network_mode, NULL, set_mode),
	SET("IpcMode", STR, ipc_mode, NULL, set_mode),
	M("CgroupnsMode", STR, cgroup_mode, NULL),
	M("ShmSize", INT, shm_bytes, NULL),
	SET("CpuPeriod", INT, resources.cpu_period_us, NULL, set_cpu_number),
	SET("CpuQuota", INT, resources.cpu_quota_us, NULL, set_cpu_number),
	M("MemorySwap", INT, resources.memory_swap_bytes, NULL),
	END,
};

/* What can be changed later. */
static const struct docker_field update_fields[] = {
	BOTH("RestartPolicy", NULL, NULL, set_restart),
	M("CpuShares", INT, resources.cpu_shares, NULL),
	BOTH("Memory", NULL, NULL, set_memory),
	BOTH("NanoCpus", NULL, NULL, set_nano_cpus),
	SET("CpuPeriod", INT, resources.cpu_period_us, NULL, set_cpu_number),
	SET("CpuQuota", INT, resources.cpu_quota_us, NULL, set_cpu_number),
	M("CpusetCpus", STR, resources.cpuset_cpus, NULL),
	M("CpusetMems", STR, resources.cpuset_mems, NULL),
	M("MemoryReservation", INT, resources.memory_reservation_bytes, NULL),
	M("MemorySwap", INT, resources.memory_swap_bytes, NULL),
	BOTH("PidsLimit", NULL, NULL, set_pids),
	ALWAYS("BlkioWeight", NULL, docker_warn),
	ALWAYS("CpuRealtimePeriod", NULL, docker_warn),
	ALWAYS("CpuRealtimeRuntime", NULL, docker_warn),
	ALWAYS("KernelMemory", NULL, docker_warn),
	END,
};

int docker_update_read(struct docker_input *in, const json_t *body)
{
	return docker_read(in, update_fields, body, in->config);
}

/* ---- networks */

static bool is_default(const char *mode)
{
	return str_empty(mode) || !strcmp(mode, "default") || !strcmp(mode, "bridge");
}

static bool names_main(const char *key, const char *main)
{
	return !strcmp(key, main) || (is_default(main) && is_default(key));
}

static int add_network(struct docker_input *in, const char *name, const json_t *endpoint)
{
	struct config_network *n = ARRAY_GROW(in->config->networks, &in->config->network_count);

	n->network = xstrdup(is_default(name) ? "bridge" : name);
	return endpoint && !json_is_null(endpoint) ? docker_endpoint_read(in, endpoint, n) : 0;
}

/* The network of NetworkMode is the first, those of EndpointsConfig follow. */
static int set_networks(struct docker_input *in, const json_t *endpoints)
{
	struct container_config *o = in->config;
	auto_free char *mode = o->network_mode;
	const char *main = is_default(mode) ? "bridge" : mode, *key;
	json_t *endpoint, *own = NULL;

	o->network_mode = NULL;
	if (json_object_size(endpoints) > DOCKER_ENTRIES_MAX)
		return error_set(in->err, EINVAL, "EndpointsConfig has more than %d entries",
				 DOCKER_ENTRIES_MAX);
	if (!strcmp(main, "host") || !strcmp(main, "none") || str_starts(main, "container:")) {
		o->network_mode = steal_ptr(&mode);
		return 0;
	}
	json_object_foreach ((json_t *)(uintptr_t)endpoints, key, endpoint)
		if (names_main(key, main))
			own = endpoint;
	if ((own || !is_default(mode) || !json_object_size(endpoints)) &&
	    add_network(in, main, own) < 0)
		return -in->err->code;
	json_object_foreach ((json_t *)(uintptr_t)endpoints, key, endpoint)
		if (!names_main(key, main) && add_network(in, key, endpoint) < 0)
			return -in->err->code;
	return 0;
}

const char *docker_network_mode(const struct container *c)
{
	if (c->config.network_mode && strcmp(c->config.network_mode, "networks"))
		return c->config.network_mode;
	return c->endpoint_count ? c->endpoints[0].network->name : "none";
}

/* ---- the whole */

static int read_part(struct docker_input *in, const struct docker_field *fields,
		     const struct docker_field *more, const json_t *object)
{
	int r = docker_read(in, fields, object, in->config);

	return r < 0 ? r : docker_read(in, more, object, in->config);
}

/* Those of the main network. */
static int set_host_links(struct docker_input *in, const json_t *host)
{
	const json_t *links = json_object_get(host, "Links");

	in->key = "Links";
	if (docker_blank(links))
		return 0;
	if (!in->config->network_count)
		return error_set(in->err, EINVAL,
				 "conflicting options: links and the network mode");
	return docker_links_read(in, links, in->config->networks[0].network);
}

/* The old place of the address: that of the main network. */
static int set_old_mac(struct docker_input *in, const json_t *body)
{
	const char *mac = json_get_str(body, "MacAddress");
	struct container_config *o = in->config;

	if (str_empty(mac))
		return 0;
	if (!o->network_count)
		return error_set(in->err, EINVAL,
				 "conflicting options: mac-address and the network mode");
	if (!o->networks[0].mac)
		o->networks[0].mac = xstrdup(mac);
	return 0;
}

int docker_config_read(struct docker_input *in, const json_t *body)
{
	const json_t *host = json_object_get(body, "HostConfig");
	const json_t *networking = json_get_obj(body, "NetworkingConfig");
	const json_t *volumes = json_object_get(body, "Volumes");
	struct container_config *o = in->config;

	if (read_part(in, config_fields, config_more, body) < 0)
		return -in->err->code;
	if (host && !json_is_null(host)) {
		in->key = "HostConfig";
		if (read_part(in, host_fields, host_more, host) < 0)
			return -in->err->code;
	}
	in->key = "Volumes";
	if (volumes && !json_is_null(volumes) && docker_set_volumes(in, volumes, o) < 0)
		return -in->err->code;
	if (!o->labels)
		o->labels = json_object();
	if (set_networks(in, json_get_obj(networking, "EndpointsConfig")) < 0 ||
	    set_old_mac(in, body) < 0 || set_host_links(in, host) < 0)
		return -in->err->code;
	if (o->auto_remove && o->restart.policy && strcmp(o->restart.policy, "no"))
		return error_set(in->err, EINVAL,
				 "can't create 'AutoRemove' container with restart policy");
	return 0;
}

void docker_put_config(struct buf *b, const struct container *c)
{
	docker_put(b, config_fields, &c->config);
}

void docker_put_host_config(struct buf *b, const struct container *c)
{
	docker_put(b, host_fields, &c->config);
}
