/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces with what is set in them, and the last steps of a process: user, limits, directory,
 * filter, capabilities, command.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "runtime/compile_int.h"
#include "runtime/seccomp.h"

#define NOFILE_DEFAULT 1024

/* ---- namespaces */

static void join(struct assembler *a, const struct runtime_namespace *ns, uint32_t flag,
		 const char *what)
{
	if (ns->mode == RT_NS_PATH)
		as_op(a, OP_SETNS, 0,
		      as_strf(a, "join the %s namespace of another container", what),
		      as_str(a, ns->path), flag);
}

static void loopback(struct assembler *a, uint32_t sock)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} up = {
		.head = {.nlmsg_len = sizeof(up),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.info = {.ifi_family = AF_UNSPEC,
			 .ifi_index = 1,
			 .ifi_flags = IFF_UP,
			 .ifi_change = IFF_UP},
	};

	as_op(a, OP_NETLINK, 0, as_str(a, "bring up the loopback interface"), sock,
	      as_data(a, &up, sizeof(up)), sizeof(up), PROGRAM_NO_OFFSET, PROGRAM_NO_OFFSET, 0);
}

static uint32_t offset_or_none(int offset)
{
	return offset < 0 ? PROGRAM_NO_OFFSET : (uint32_t)offset;
}

static void send_messages(struct assembler *a, uint32_t host, uint32_t own)
{
	size_t i;

	for (i = 0; i < a->spec->netlink_count; i++) {
		const struct runtime_netlink *n = &a->spec->netlink[i];

		as_op(a, OP_NETLINK, 0, as_str(a, n->sentence), n->in_host ? host : own,
		      as_data(a, n->message, n->len), (uint32_t)n->len,
		      offset_or_none(n->netns_fd_offset), offset_or_none(n->ifindex_offset),
		      as_str(a, n->ifname));
	}
}

/* Of all there are and, by that, of all to come; a sysctl of the user comes later and wins. */
static void without_ipv6(struct assembler *a)
{
	as_write(a, OP_OPTIONAL, as_str(a, "turn off IPv6"),
		 "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
}

/* Docker's settings that make dropping NET_RAW and low ports bearable. */
static void default_sysctls(struct assembler *a)
{
	as_write(a, OP_OPTIONAL, as_str(a, "allow every group to ping"),
		 "/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	as_write(a, OP_OPTIONAL, as_str(a, "allow every user to bind low ports"),
		 "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

static bool in_namespace(const struct runtime_spec *s, const char *name)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb",	    "kernel.msgmni",
					  "kernel.sem",	   "kernel.shmall",	    "kernel.shmmax",
					  "kernel.shmmni", "kernel.shm_rmid_forced"};
	size_t i;

	if (str_starts(name, "net."))
		return s->network.mode != RT_NS_HOST;
	if (str_starts(name, "fs.mqueue."))
		return s->ipc.mode != RT_NS_HOST;
	for (i = 0; i < ARRAY_LEN(ipc); i++)
		if (!strcmp(ipc[i], name))
			return s->ipc.mode != RT_NS_HOST;
	return !strcmp(name, "kernel.domainname") && s->uts.mode != RT_NS_HOST;
}

static int user_sysctl(struct assembler *a, const char *setting)
{
	size_t len = strcspn(setting, "=");
	auto_free char *name = xstrndup(setting, len), *path = NULL;
	char *c;

	if (!setting[len])
		return error_set(a->err, EINVAL, "sysctl \"%s\" has no value", setting);
	if (!str_printable(setting))
		return error_set(a->err, EINVAL, "sysctl %s: the value has control characters",
				 name);
	if (strstr(name, "..") || strchr(name, '/') || !in_namespace(a->spec, name))
		return error_set(a->err, EINVAL, "sysctl %s is not in a namespace of the container",
				 name);
	path = xasprintf("/proc/sys/%s", name);
	for (c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.')
			*c = '/';
	as_write(a, 0, as_strf(a, "set sysctl %s to %s", name, setting + len + 1), path,
		 setting + len + 1);
	return 0;
}

static int network(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	uint32_t own;
	size_t i;
	bool host = false;

	if (!is_private(&s->network))
		return 0;
	for (i = 0; i < s->netlink_count; i++)
		host |= s->netlink[i].in_host;
	if (host && a->host_socket == PROGRAM_SLOT_NONE)
		return error_set(a->err, EINVAL, "no socket of the host's network");
	own = as_slot(a);
	as_op(a, OP_SOCKET, 0, as_str(a, "open a netlink socket"), PROGRAM_SOCKET_ROUTE, 0, own);
	if (host)
		as_op(a, OP_NETNS, 0, as_str(a, "open the network namespace"), SLOT_NETNS);
	if (s->no_ipv6)
		without_ipv6(a);
	loopback(a, own);
	send_messages(a, a->host_socket, own);
	compile_dns(a);
	default_sysctls(a);
	return 0;
}

/* The child of a machine that goes on after JOIN takes these along. */
void compile_self(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;

	if (s->oom_score_adj || s->reset_oom_score) {
		auto_free char *text = xasprintf("%d", s->oom_score_adj);

		as_write(a, 0, as_strf(a, "set oom_score_adj to %s", text),
			 "/proc/self/oom_score_adj", text);
	}
	if (!str_empty(s->apparmor)) {
		auto_free char *text = xasprintf("exec %s", s->apparmor);

		as_write(a, 0, as_strf(a, "apply the AppArmor profile %s", s->apparmor),
			 "/proc/self/attr/exec", text);
	}
}

int compile_namespaces(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	char *const *setting;
	int r;

	compile_self(a);
	join(a, &s->network, CLONE_NEWNET, "network");
	join(a, &s->ipc, CLONE_NEWIPC, "ipc");
	join(a, &s->uts, CLONE_NEWUTS, "uts");
	r = network(a);
	if (is_private(&s->uts) && !str_empty(s->hostname))
		as_op(a, OP_HOSTNAME, 0, as_strf(a, "set the host name to %s", s->hostname),
		      as_str(a, s->hostname));
	if (is_private(&s->uts) && !str_empty(s->domainname))
		as_op(a, OP_DOMAINNAME, 0, as_strf(a, "set the domain name to %s", s->domainname),
		      as_str(a, s->domainname));
	for (setting = s->sysctls; setting && *setting && r == 0; setting++)
		r = user_sysctl(a, *setting);
	return r;
}

/* ---- the process */

static void look_up_user(struct assembler *a, const struct runtime_process *p)
{
	uint32_t count, groups = as_strv(a, p->additional_groups, &count);

	as_op(a, OP_USER, 0,
	      as_strf(a, "find the user%s%s", str_empty(p->user) ? "" : " ",
		      str_empty(p->user) ? "" : p->user),
	      SLOT_ROOT, as_str(a, p->user), groups, count);
}

static void limit(struct assembler *a, int resource, uint64_t soft, uint64_t hard)
{
	const uint64_t values[2] = {soft, hard};

	as_op(a, OP_RLIMIT, 0,
	      as_strf(a, "set the resource limit %s", runtime_rlimit_name(resource)),
	      (uint32_t)resource, as_data(a, values, sizeof(values)));
}

static bool has_limit(const struct runtime_spec *s, int resource)
{
	size_t i;

	for (i = 0; i < s->rlimit_count; i++)
		if (s->rlimits[i].resource == resource)
			return true;
	return false;
}

/*
 * What nobody set: cores of a container would be handled by whatever the host's core_pattern names,
 * and the supervisor's own limit of descriptors is raised, which programs that close all of theirs,
 * or use select, do not bear.
 */
static void rlimits(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	size_t i;

	if (!has_limit(s, RLIMIT_CORE))
		limit(a, RLIMIT_CORE, 0, a->host->core_hard);
	if (!has_limit(s, RLIMIT_NOFILE))
		limit(a, RLIMIT_NOFILE, MIN(NOFILE_DEFAULT, a->host->nofile_hard),
		      a->host->nofile_hard);
	for (i = 0; i < s->rlimit_count; i++)
		limit(a, s->rlimits[i].resource, s->rlimits[i].soft, s->rlimits[i].hard);
}

static int seccomp(struct assembler *a, uint64_t capabilities)
{
	const char *profile = a->spec->seccomp;
	const struct sock_filter *filter;
	size_t count;
	int r;

	if (str_eq(profile, "unconfined"))
		return 0;
	r = runtime_seccomp_filter(profile, capabilities, &filter, &count, a->err);
	if (r < 0)
		return r;
	as_op(a, OP_SECCOMP, 0, as_str(a, "load the seccomp filter"),
	      as_data(a, filter, count * sizeof(*filter)), (uint32_t)count);
	return 0;
}

/*
 * Without no_new_privs a filter can only be loaded while there is CAP_SYS_ADMIN; with it, it comes
 * last.
 */
static int confine(struct assembler *a, const struct runtime_process *p)
{
	bool privileged = a->spec->privileged || p->privileged;
	uint64_t caps =
		privileged ? a->host->capabilities : p->capabilities & a->host->capabilities;
	uint32_t sentence = as_str(a, "drop privileges");
	int r = 0;

	if (p->no_new_privileges)
		as_op(a, OP_NO_NEW_PRIVS, 0, as_str(a, "set no_new_privs"), 0);
	else if (!privileged)
		r = seccomp(a, caps);
	as_op(a, OP_IDENTITY, 0, sentence, (uint32_t)caps, (uint32_t)(caps >> 32));
	if (r == 0 && p->no_new_privileges && !privileged)
		r = seccomp(a, caps);
	return r;
}

static void terminal(struct assembler *a, bool further)
{
	uint32_t sentence = as_str(a, "open a terminal");

	if (further)
		as_op(a, OP_OPEN, 0, sentence, SLOT_ROOT, as_str(a, "/dev/pts"),
		      O_PATH | O_DIRECTORY, SLOT_PTS);
	as_op(a, OP_CONSOLE, 0, sentence, 0);
}

/* The container's own is made when it is missing, that of a further process must be there. */
static void change_directory(struct assembler *a, const char *cwd, bool further)
{
	uint32_t sentence = as_strf(a, "change to the working directory %s", cwd);

	if (further)
		as_op(a, OP_OPEN, 0, sentence, SLOT_ROOT, as_str(a, cwd), O_PATH | O_DIRECTORY,
		      as_slot(a));
	as_op(a, OP_CHDIR, 0, sentence, as_str(a, cwd));
}

int compile_process(struct assembler *a, const struct runtime_process *p, bool further)
{
	uint32_t argc, envc, argv = as_strv(a, p->args, &argc), env = as_strv(a, p->env, &envc);
	const char *cwd = str_empty(p->cwd) ? "/" : p->cwd;
	int r;

	if (further)
		as_op(a, OP_OPEN, OP_OPTIONAL, as_str(a, "open /dev"), SLOT_ROOT, as_str(a, "/dev"),
		      O_PATH | O_DIRECTORY, SLOT_DEV);
	if (p->tty)
		terminal(a, further);
	look_up_user(a, p);
	rlimits(a);
	change_directory(a, cwd, further);
	if (!further && a->spec->readonly_root) /* only now: the directory may have been made */
		as_op(a, OP_MOUNT_ATTR, 0, as_str(a, "make the root file system read-only"),
		      SLOT_ROOT, MOUNT_ATTR_RDONLY, 0, 0);
	r = confine(a, p);
	as_op(a, OP_EXEC, 0, as_strf(a, "exec %s", p->args[0]), argv, argc, env, envc);
	return r;
}
