/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a container's configuration and its image to a running shim: the specification is filled,
 * compiled and handed over.  Mounts and files are in launch_mounts.c.  Everything that the
 * specification borrows lives in `struct draft` until it has been compiled.
 */
#include "engine/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/exec.h"
#include "engine/launch_int.h"
#include "engine/network.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SECCOMP_MAX  ((size_t)1 << 20)
#define SHORT_ID     12

/* ---- command and environment */

static const json_t *image_config(const struct container *c)
{
	return c->image ? c->image->config : NULL;
}

static void append_all(char ***to, char *const *from)
{
	for (; from && *from; from++)
		strv_push(to, xstrdup(*from));
}

char **launch_argv(const struct container *c)
{
	const struct container_config *o = &c->config;
	AUTO(strv_free)
	char **entrypoint = json_to_strv(json_get_arr(image_config(c), "Entrypoint"));
	AUTO(strv_free) char **command = json_to_strv(json_get_arr(image_config(c), "Cmd"));
	char **argv = NULL;

	append_all(&argv, o->entrypoint_set ? o->entrypoint : entrypoint);
	if (o->command_set)
		append_all(&argv, o->command);
	else if (!o->entrypoint_set)
		append_all(&argv,
			   command); /* an entrypoint of one's own clears the image's command */
	return argv;
}

void launch_env_set(char ***env, const char *setting)
{
	size_t len = strcspn(setting, "="), i, count = strv_len(*env);

	for (i = 0; i < count; i++)
		if (!strncmp((*env)[i], setting, len) && (*env)[i][len] == '=')
			break;
	if (i < count)
		free((*env)[i]);
	if (i < count && setting[len])
		(*env)[i] = xstrdup(setting);
	else if (i < count)
		memmove(&(*env)[i], &(*env)[i + 1], (count - i) * sizeof(**env));
	else if (setting[len])
		strv_push(env, xstrdup(setting));
}

static void env_set_all(char ***env, char *const *settings)
{
	for (; settings && *settings; settings++)
		launch_env_set(env, *settings);
}

/* As docker has it: who shares a network has the name that belongs to it. */
char *launch_hostname(const struct container *c)
{
	const char *mode = c->config.network_mode;
	const char *other = mode ? str_skip(mode, "container:") : NULL;
	char host[HOST_NAME_MAX + 1] = {0};
	struct error ignored = ERROR_INIT;
	struct container *owner;

	if (c->config.hostname)
		return xstrdup(c->config.hostname);
	if (str_eq(mode, "host") && gethostname(host, sizeof(host) - 1) == 0)
		return xstrdup(host);
	if (other && container_find(c->daemon, other, &owner, &ignored) == 0 &&
	    owner->config.hostname)
		return xstrdup(owner->config.hostname);
	return xstrndup(other ? other : c->id, SHORT_ID);
}

char **launch_env(const struct container *c)
{
	AUTO(strv_free) char **from_image = json_to_strv(json_get_arr(image_config(c), "Env"));
	auto_free char *hostname = launch_hostname(c),
		       *setting = xasprintf("HOSTNAME=%s", hostname);
	char **env = NULL;

	launch_env_set(&env, PATH_DEFAULT);
	launch_env_set(&env, setting);
	if (c->config.tty)
		launch_env_set(&env, "TERM=xterm");
	env_set_all(&env, from_image);
	env_set_all(&env, c->config.env);
	return env;
}

static const char *user_of(const struct container *c)
{
	const char *from_image = json_get_str(image_config(c), "User");

	return c->config.user ? c->config.user : from_image ? from_image : "";
}

static const char *cwd_of(const struct container *c)
{
	const char *from_image = json_get_str(image_config(c), "WorkingDir");

	return c->config.working_dir   ? c->config.working_dir
	       : str_empty(from_image) ? "/"
				       : from_image;
}

/* ---- capabilities and security options */

static int capability_set(char *const *names, uint64_t *ret, bool *ret_all, struct error *err)
{
	uint64_t bit;
	int r;

	*ret = 0;
	*ret_all = false;
	for (; names && *names; names++) {
		if (!strcasecmp(*names, "ALL") || !strcasecmp(*names, "CAP_ALL")) {
			*ret_all = true;
			continue;
		}
		r = runtime_capability(*names, &bit, err);
		if (r < 0)
			return r;
		*ret |= bit;
	}
	return 0;
}

static int capabilities_of(const struct container *c, uint64_t *ret, struct error *err)
{
	uint64_t add, drop, caps = runtime_default_capabilities();
	bool add_all, drop_all;
	int r = capability_set(c->config.cap_add, &add, &add_all, err);

	if (r == 0)
		r = capability_set(c->config.cap_drop, &drop, &drop_all, err);
	if (r < 0)
		return r;
	if (c->config.privileged || add_all)
		caps = c->daemon->host.capabilities;
	if (drop_all)
		caps = 0;
	*ret = (caps | add) & ~(drop & ~add);
	if (add_all)
		*ret = c->daemon->host.capabilities & ~drop;
	return 0;
}

static int read_profile(struct draft *f, const char *value, struct error *err)
{
	struct buf text = BUF_INIT;
	int r;

	if (!strcmp(value, "unconfined") || value[0] == '{') {
		f->seccomp = xstrdup(value);
		return 0;
	}
	r = file_read(AT_FDCWD, value, SECCOMP_MAX, &text, err);
	if (r < 0)
		return error_wrap(err, "seccomp profile");
	f->seccomp = buf_steal(&text);
	return 0;
}

static int security_option(struct draft *f, struct runtime_spec *spec, const char *option,
			   struct error *err)
{
	size_t len = strcspn(option, "=:");
	const char *value = option[len] ? option + len + 1 : "";
	auto_free char *key = xstrndup(option, len);

	if (!strcmp(key, "no-new-privileges")) {
		spec->process.no_new_privileges = strcmp(value, "false") != 0;
		return 0;
	}
	if (!strcmp(key, "seccomp"))
		return read_profile(f, value, err);
	if (!strcmp(key, "apparmor")) {
		f->apparmor = strcmp(value, "unconfined") ? xstrdup(value) : NULL;
		return 0;
	}
	if (!strcmp(key, "systempaths")) {
		spec->unmask = !strcmp(value, "unconfined");
		return 0;
	}
	if (!strcmp(key, "label"))
		return 0; /* SELinux: nothing to do where it is not in force */
	return error_set(err, EINVAL, "unknown security option \"%s\"", option);
}

static int security(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	const struct container *c = f->container;
	char *const *option;
	int r = capabilities_of(c, &spec->process.capabilities, err);

	for (option = c->config.security_opt; option && *option && r == 0; option++)
		r = security_option(f, spec, *option, err);
	spec->seccomp = f->seccomp;
	spec->apparmor = f->apparmor;
	spec->privileged = spec->process.privileged = c->config.privileged;
	return r;
}

/* ---- namespaces */

static int join_container(struct draft *f, const char *mode, const char *kind,
			  struct runtime_namespace *ret, struct error *err)
{
	struct container *other;
	int r = container_find(f->container->daemon, str_skip(mode, "container:"), &other, err);

	if (r < 0)
		return error_wrap(err, "%s namespace", kind);
	if (!other->pid)
		return error_set(err, EBUSY, "%s namespace: container %s is not running", kind,
				 other->name);
	strv_pushf(&f->strings, "/proc/%d/ns/%s", other->pid, kind);
	ret->mode = RT_NS_PATH;
	ret->path = f->strings[strv_len(f->strings) - 1];
	return 0;
}

static int namespace_of(struct draft *f, const char *mode, const char *kind,
			struct runtime_namespace *ret, struct error *err)
{
	if (str_empty(mode) || !strcmp(mode, "private") || !strcmp(mode, "shareable"))
		return 0;
	if (!strcmp(mode, "host")) {
		ret->mode = RT_NS_HOST;
		return 0;
	}
	if (str_starts(mode, "container:"))
		return f->rehearsal ? 0 : join_container(f, mode, kind, ret, err);
	return error_set(err, EINVAL, "unknown mode \"%s\" of the %s namespace", mode, kind);
}

static const char *network_mode(const struct container *c)
{
	const char *mode = c->config.network_mode;

	return str_empty(mode) || !strcmp(mode, "networks") || !strcmp(mode, "none") ||
			       !strcmp(mode, "bridge") || !strcmp(mode, "default")
		       ? NULL
		       : mode;
}

static int namespaces(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	const struct container_config *o = &f->container->config;
	int r = namespace_of(f, network_mode(f->container), "net", &spec->network, err);

	if (r == 0)
		r = namespace_of(f, o->pid_mode, "pid", &spec->pid, err);
	if (r == 0)
		r = namespace_of(f, o->ipc_mode, "ipc", &spec->ipc, err);
	if (r == 0)
		r = namespace_of(f, o->uts_mode, "uts", &spec->uts, err);
	if (r == 0)
		r = namespace_of(f, o->cgroup_mode, "cgroup", &spec->cgroup, err);
	return r;
}

static int network(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	struct container *c = f->container;
	size_t i;
	int r;

	spec->loopback = true;
	spec->no_ipv6 = true;
	for (i = 0; i < c->endpoint_count; i++)
		spec->no_ipv6 &= !c->endpoints[i].link.addrs[1].family;
	if (spec->network.mode != RT_NS_PRIVATE || !c->endpoint_count)
		return 0;
	r = endpoints_messages(c, &f->messages, err);
	if (r < 0)
		return r;
	f->netlink = xcalloc(f->messages.count, sizeof(*f->netlink));
	for (i = 0; i < f->messages.count; i++) {
		const struct net_message *m = &f->messages.items[i];

		f->netlink[i] = (struct runtime_netlink){
			.in_host = m->in_host,
			.message = m->data,
			.len = m->len,
			.netns_fd_offset = m->netns_fd_offset,
			.ifindex_offset = m->ifindex_offset,
			.ifname = m->ifname,
			.sentence = m->sentence,
		};
	}
	spec->netlink = f->netlink;
	spec->netlink_count = f->messages.count;
	spec->dns = true;
	return 0;
}

/* ---- limits */

static int rlimits(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	const struct container_config *o = &f->container->config;
	size_t i;
	int r;

	f->rlimits = xcalloc(o->ulimit_count + 1, sizeof(*f->rlimits));
	for (i = 0; i < o->ulimit_count; i++) {
		const struct config_ulimit *u = &o->ulimits[i];

		r = runtime_rlimit(u->name, &f->rlimits[i].resource, err);
		if (r < 0)
			return r;
		f->rlimits[i].soft = u->soft < 0 ? RLIM_INFINITY : (uint64_t)u->soft;
		f->rlimits[i].hard = u->hard < 0 ? RLIM_INFINITY : (uint64_t)u->hard;
	}
	spec->rlimits = f->rlimits;
	spec->rlimit_count = o->ulimit_count;
	return 0;
}

static void resources(const struct container_config *o, struct runtime_resources *ret)
{
	const struct config_resources *r = &o->resources;

	*ret = (struct runtime_resources){
		.memory_bytes = r->memory_bytes,
		.memory_reservation_bytes = r->memory_reservation_bytes,
		.memory_swap_bytes = r->memory_swap_bytes,
		.cpu_quota_us = r->cpu_quota_us,
		.cpu_period_us = r->cpu_period_us,
		.cpu_shares = r->cpu_shares,
		.cpuset_cpus = r->cpuset_cpus,
		.cpuset_mems = r->cpuset_mems,
		.pids_limit = r->pids_limit,
		.oom_kill_disable = r->oom_kill_disable,
	};
}

static int log_limits(const struct container_config *o, struct runtime_spec *spec,
		      struct error *err)
{
	const char *size = json_get_str(o->log_options, "max-size");
	const char *files = json_get_str(o->log_options, "max-file");
	uint64_t bytes;
	uint32_t count = 1;

	if (size && parse_bytes(size, &bytes) < 0)
		return error_set(err, EINVAL, "logging: max-size \"%s\" is not a size", size);
	if (files && parse_u32(files, &count) < 0)
		return error_set(err, EINVAL, "logging: max-file \"%s\" is not a number", files);
	spec->log_max_bytes = size ? (int64_t)bytes : 0;
	spec->log_max_files = (int)count;
	return 0;
}

static void sysctls(struct draft *f, struct runtime_spec *spec)
{
	const char *name;
	json_t *value;

	json_object_foreach (f->container->config.sysctls, name, value)
		strv_pushf(&f->sysctls, "%s=%s", name,
			   json_is_string(value) ? json_string_value(value) : "");
	spec->sysctls = f->sysctls;
}

static void devices(struct draft *f, struct runtime_spec *spec)
{
	const struct container_config *o = &f->container->config;
	size_t i;

	f->devices = xcalloc(o->device_count + 1, sizeof(*f->devices));
	for (i = 0; i < o->device_count; i++)
		f->devices[i] = (struct runtime_device){o->devices[i].source, o->devices[i].target,
							o->devices[i].permissions};
	spec->devices = f->devices;
	spec->device_count = o->device_count;
	spec->device_rules = o->device_cgroup_rules;
}

/* ---- the specification */

static void process(struct draft *f, struct runtime_spec *spec)
{
	const struct container *c = f->container;

	f->argv = launch_argv(c);
	f->env = launch_env(c);
	f->hostname = launch_hostname(c);
	spec->process.args = f->argv;
	spec->process.env = f->env;
	spec->process.cwd = cwd_of(c);
	spec->process.user = user_of(c);
	spec->process.additional_groups = c->config.group_add;
	spec->process.tty = c->config.tty;
	spec->process.stdin_open = c->config.stdin_open;
	spec->init = c->config.init;
	spec->hostname = f->hostname;
	spec->domainname = c->config.domainname;
}

static int fill(struct draft *f, struct runtime_spec *spec, struct error *err)
{
	const struct container *c = f->container;
	int r;

	/* The skeleton is the lowest layer: mount points need not be made in every container. */
	strv_push(&f->layers, xstrdup(c->daemon->skeleton));
	append_all(&f->layers, c->image->layers);
	*spec = (struct runtime_spec){
		.id = c->id,
		.layers = f->layers,
		.container_dir = c->dir,
		.mount_dir = c->daemon->mount_dir,
		.readonly_root = c->config.read_only,
		.oom_score_adj = (int)c->config.oom_score_adj,
		.reset_oom_score = true,
		.shm_bytes = (uint64_t)c->config.shm_bytes,
		.cgroup_parent = c->daemon->tag,
	};
	process(f, spec);
	resources(&c->config, &spec->resources);
	sysctls(f, spec);
	devices(f, spec);
	r = security(f, spec, err);
	if (r == 0)
		r = namespaces(f, spec, err);
	if (r == 0)
		r = rlimits(f, spec, err);
	if (r == 0)
		r = log_limits(&c->config, spec, err);
	if (r == 0)
		r = launch_mounts(f, spec, err);
	return r;
}

static void draft_release(struct draft *f)
{
	strv_free(f->layers);
	strv_free(f->argv);
	strv_free(f->env);
	strv_free(f->strings);
	strv_free(f->sysctls);
	free(f->hostname);
	free(f->seccomp);
	free(f->apparmor);
	free(f->rlimits);
	free(f->devices);
	free(f->netlink);
	net_messages_release(&f->messages);
	free(f->mounts);
	free(f->files);
}

static int need_image(struct container *c, struct error *err)
{
	if (c->image)
		return 0;
	if (!c->image_id || image_resolve(c->daemon->images, c->image_id, &c->image, err) < 0)
		return error_set(err, ENOENT, "its image %s is not there any more",
				 c->config.image);
	return 0;
}

static int compile(struct container *c, bool rehearsal, struct buf *program, struct error *err)
{
	struct draft f = {.container = c, .rehearsal = rehearsal};
	struct runtime_spec spec;
	int r = need_image(c, err);

	if (r == 0)
		r = fill(&f, &spec, err);
	if (r == 0)
		r = network(&f, &spec, err);
	if (r == 0)
		r = runtime_compile(&c->daemon->host, &spec, program, err);
	draft_release(&f);
	return r;
}

int container_compile(struct container *c, struct buf *program, struct error *err)
{
	return compile(c, false, program, err);
}

int container_rehearse(struct container *c, struct error *err)
{
	auto_buf struct buf program = BUF_INIT;

	return compile(c, true, &program, err);
}

int container_compile_exec(struct container *c, const struct exec_args *args, struct buf *program,
			   struct error *err)
{
	struct draft f = {.container = c};
	struct runtime_spec spec;
	struct runtime_process p;
	char **env = NULL;
	int r = need_image(c, err);

	if (r == 0)
		r = fill(&f, &spec, err);
	if (r == 0) {
		env = launch_env(c);
		if (args->tty)
			launch_env_set(&env, "TERM=xterm");
		env_set_all(&env, args->env);
		p = spec.process;
		p.args = args->cmd;
		p.env = env;
		p.cwd = args->working_dir ? args->working_dir : spec.process.cwd;
		p.user = args->user ? args->user : spec.process.user;
		p.tty = args->tty;
		p.rows = args->rows;
		p.columns = args->columns;
		p.stdin_open = args->stdin_open;
		p.privileged = args->privileged || spec.process.privileged;
		r = runtime_compile_exec(&c->daemon->host, &spec, &p, program, err);
	}
	strv_free(env);
	draft_release(&f);
	return r;
}

int container_launch(struct container *c, const struct shim_events *events, struct error *err)
{
	auto_buf struct buf program = {.max = (size_t)4 << 20};
	int r = publish_acquire(c, err); /* a restart: it may have been given up */

	if (r == 0)
		r = launch_files(c, err);
	if (r == 0)
		r = container_compile(c, &program, err);
	if (r == 0)
		r = container_save(c,
				   err); /* the link's name is recorded before the link is made */
	if (r == 0)
		r = shim_spawn(c->daemon, c->id, c->dir, program.data, program.len, events, c,
			       &c->shim, err);
	return r;
}
