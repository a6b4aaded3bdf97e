/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch: containers without a supervisor.  Builds a specification from its options, compiles it,
 * starts cmp-shim as the protocol says, and waits.  For trying the machine, for the tests of the
 * sandbox, and for measuring against what the kernel itself charges (-n COUNT -k -N, and the times
 * it prints on standard error).
 *
 *	launch [OPTION...] LAYER[:LAYER...] DIR COMMAND [ARGUMENT...]
 *
 *	-n COUNT	so many containers at once		-k	kill them when all have
 *started -l		print the program, start nothing	-N	a bridge, and a veth for
 *each -d		DNS sockets				-H	the host's network -p
 *privileged				-i	an init -t		a terminal
 *-r	read-only root -u USER		-w DIRECTORY	-m BYTES of memory	-e NAME=VALUE -v
 *SOURCE:TARGET	bind				-V SOURCE:TARGET	volume, populated -s
 *NAME=VALUE	sysctl					-S PROFILE	seccomp, or "unconfined" -x
 *COMMAND	runs this by the image's sh, too, and prints what it says
 *
 * In DIR each container gets a directory of its own, which is removed.  Prints the containers'
 * output; exits with the status of the last one.  $CMP_SHIM: the shim's path, else ./cmp-shim.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "base/time.h"
#include "runtime/cgroup.h"
#include "runtime/protocol.h"
#include "runtime/runtime.h"

#define COUNT_MAX     1000
#define MOUNTS_MAX    16
#define FIRST_FD      16 /* above those that the shim is to find */
#define LOG_MAX	      ((size_t)64 << 20)
#define MESSAGES      4
#define BRIDGE	      "br-cmptrc"
#define CGROUP_PARENT "cmp-launch"

struct one {
	int control;
	pid_t shim;
	int state_dir;
	char *dir, id[65];
	bool started, ended;
	struct shim_exit end;
	struct buf program;
};

struct options {
	unsigned count;
	bool kill, list, network;
	const char *exec;
	char **env, **sysctls;
	struct runtime_mount mounts[MOUNTS_MAX];
	struct runtime_device devices[MOUNTS_MAX];
	struct runtime_spec spec;
};

static NORETURN void die(const char *what, const struct error *err)
{
	fprintf(stderr, "launch: %s: %s\n", what, err ? err->msg : strerror(errno));
	exit(125);
}

/* ---- netlink messages, as net/ makes them */

struct message {
	_Alignas(8) char bytes[512];
};

static struct nlmsghdr *head(struct message *m)
{
	return (struct nlmsghdr *)(void *)m->bytes;
}
static void *begin(struct message *m, uint16_t type, uint16_t flags, size_t body)
{
	memset(m, 0, sizeof(*m));
	head(m)->nlmsg_type = type;
	head(m)->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	head(m)->nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	return NLMSG_DATA(head(m));
}
static struct rtattr *put(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (void *)(m->bytes + NLMSG_ALIGN(head(m)->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	head(m)->nlmsg_len = (uint32_t)(NLMSG_ALIGN(head(m)->nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}
static void end(struct message *m, struct rtattr *a)
{
	a->rta_len = (uint16_t)(m->bytes + head(m)->nlmsg_len - (char *)a);
}

static int talk(struct message *m)
{
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[512];
	} answer;

	if (fd < 0 || send(fd, m->bytes, head(m)->nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.h.nlmsg_type == NLMSG_ERROR ? answer.e.error : 0;
}

static int bridge_make(void)
{
	struct message m;
	struct ifinfomsg *i = begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i));
	struct rtattr *info;

	i->ifi_flags = i->ifi_change = IFF_UP;
	put(&m, IFLA_IFNAME, BRIDGE, sizeof(BRIDGE));
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "bridge", 6);
	end(&m, info);
	talk(&m);
	return (int)if_nametoindex(BRIDGE);
}

static void bridge_remove(void)
{
	struct message m;

	begin(&m, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	put(&m, IFLA_IFNAME, BRIDGE, sizeof(BRIDGE));
	talk(&m);
}

/* veth on the bridge; the peer's namespace is filled in by the machine. */
static void plan_link(struct message *m, struct runtime_netlink *plan, unsigned k, int bridge)
{
	struct rtattr *info, *data, *peer, *fd;
	struct ifinfomsg *i = begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i));
	uint32_t zero = 0;
	char name[24];

	snprintf(name, sizeof(name), "cmptrc%u", k);
	i->ifi_flags = i->ifi_change = IFF_UP;
	put(m, IFLA_IFNAME, name, strlen(name) + 1);
	put(m, IFLA_MASTER, &bridge, 4);
	info = put(m, IFLA_LINKINFO, NULL, 0);
	put(m, IFLA_INFO_KIND, "veth", 4);
	data = put(m, IFLA_INFO_DATA, NULL, 0);
	peer = put(m, VETH_INFO_PEER, NULL, 0);
	head(m)->nlmsg_len += (uint32_t)sizeof(*i); /* not up: its peer is not there yet */
	put(m, IFLA_IFNAME, "eth0", 5);
	fd = put(m, IFLA_NET_NS_FD, &zero, 4);
	end(m, peer);
	end(m, data);
	end(m, info);
	*plan = (struct runtime_netlink){
		.in_host = true,
		.netns_fd_offset = (int)((char *)RTA_DATA(fd) - m->bytes),
		.ifindex_offset = -1,
		.sentence = "connect eth0 to " BRIDGE,
	};
}

static void plan_network(struct message m[MESSAGES], struct runtime_netlink plan[MESSAGES],
			 unsigned k, int bridge)
{
	uint32_t zero = 0, address = htonl(0x0ad80002u + k), gateway = htonl(0x0ad80001u);
	struct ifaddrmsg *a = begin(&m[1], RTM_NEWADDR, NLM_F_CREATE, sizeof(*a));
	struct rtmsg *r = begin(&m[2], RTM_NEWROUTE, NLM_F_CREATE, sizeof(*r));
	struct ifinfomsg *i = begin(&m[3], RTM_NEWLINK, 0, sizeof(*i));
	static const int order[MESSAGES] = {0, 3, 1, 2}; /* link, up, address, route */
	struct rtattr *oif;

	plan_link(&m[0], &plan[0], k, bridge);
	i->ifi_flags = i->ifi_change = IFF_UP;
	plan[1] = (struct runtime_netlink){
		.netns_fd_offset = -1,
		.ifindex_offset = (int)((char *)&i->ifi_index - m[3].bytes),
		.ifname = "eth0",
		.sentence = "bring up eth0",
	};
	a->ifa_family = AF_INET;
	a->ifa_prefixlen = 16;
	put(&m[1], IFA_LOCAL, &address, 4);
	put(&m[1], IFA_ADDRESS, &address, 4);
	plan[2] = (struct runtime_netlink){
		.netns_fd_offset = -1,
		.ifindex_offset = (int)((char *)&a->ifa_index - m[1].bytes),
		.ifname = "eth0",
		.sentence = "set the address of eth0",
	};
	r->rtm_family = AF_INET;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_type = RTN_UNICAST;
	put(&m[2], RTA_GATEWAY, &gateway, 4);
	oif = put(&m[2], RTA_OIF, &zero, 4);
	plan[3] = (struct runtime_netlink){
		.netns_fd_offset = -1,
		.ifindex_offset = (int)((char *)RTA_DATA(oif) - m[2].bytes),
		.ifname = "eth0",
		.sentence = "set the default route",
	};
	for (int n = 0; n < MESSAGES; n++) {
		plan[n].message = m[order[n]].bytes;
		plan[n].len = head(&m[order[n]])->nlmsg_len;
	}
}

/* ---- starting */

static int program_fd(const struct buf *program)
{
	struct error err = ERROR_INIT;
	int fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || file_write_all(fd, program->data, program->len, &err) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		die("write the program", NULL);
	return fd;
}

static NORETURN void become_shim(const char *id, int program, int control, int run, int state)
{
	const char *path = getenv("CMP_SHIM") ?: "./cmp-shim";
	int from[] = {program, control, run, state};

	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FIRST_FD);
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		if (dup3(from[i], SHIM_FD_PROGRAM + (int)i, 0) < 0)
			_exit(126);
	}
	execl(path, "cmp-shim", id, (char *)NULL);
	fprintf(stderr, "launch: %s: %s\n", path, strerror(errno));
	_exit(127);
}

static void make_dirs(struct one *o, const char *work, unsigned k)
{
	struct error err = ERROR_INIT;
	auto_free char *run = NULL;

	snprintf(o->id, sizeof(o->id), "%08x%056x", (unsigned)getpid(), k);
	o->dir = xasprintf("%s/%s", work, o->id);
	run = xasprintf("%s/run", o->dir);
	if (file_mkdir_p(run, 0700, &err) < 0)
		die("make the directories", &err);
	o->state_dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void start(struct one *o)
{
	int pair[2];
	auto_fd int program = program_fd(&o->program), run = -1;

	run = openat(o->state_dir, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("start", NULL);
	o->shim = vfork();
	if (o->shim < 0)
		die("fork", NULL);
	if (o->shim == 0)
		become_shim(o->id, program, pair[1], run, o->state_dir);
	close(pair[1]);
	o->control = pair[0];
}

/* ---- the conversation */

struct packet {
	struct shim_message m;
	char payload[SHIM_PAYLOAD_MAX];
	int fds[SHIM_FDS_MAX];
	size_t fd_count;
};

/* False at the end of the conversation. */
static bool hear(struct one *o, struct packet *p)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)];
	struct iovec iov[2] = {{&p->m, sizeof(p->m)}, {p->payload, sizeof(p->payload)}};
	struct msghdr msg = {.msg_iov = iov,
			     .msg_iovlen = 2,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(o->control, &msg, MSG_CMSG_CLOEXEC);

	p->fd_count = 0;
	if (n < (ssize_t)sizeof(p->m) || p->m.len > sizeof(p->payload))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		p->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(p->fds, CMSG_DATA(c), p->fd_count * sizeof(int));
	}
	return true;
}

static void close_fds(struct packet *p)
{
	for (size_t i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
}

static void explain(const struct buf *program, const struct packet *p)
{
	struct error err = ERROR_INIT;
	struct shim_failure f = {0};
	char detail[256] = "";

	if (p->m.len >= sizeof(f)) {
		memcpy(&f, p->payload, sizeof(f));
		snprintf(detail, sizeof(detail), "%.*s", (int)(p->m.len - sizeof(f)),
			 p->payload + sizeof(f));
	}
	runtime_explain(program->data, program->len, f.op, p->m.arg, detail, &err);
	fprintf(stderr, "launch: %s\n", err.msg);
}

/* Hears until a message of that type for that process; what else is said is noted. */
static bool hear_until(struct one *o, uint32_t type, uint32_t process, const struct buf *program,
		       struct packet *p)
{
	while (hear(o, p)) {
		close_fds(p);
		if (p->m.type == SHIM_EXITED && p->m.process == 0) {
			memcpy(&o->end, p->payload, sizeof(o->end));
			o->ended = true;
		}
		if (p->m.type == type && p->m.process == process)
			return true;
		if (p->m.type == SHIM_FAILED) {
			explain(program, p);
			o->end.status = p->m.arg == ENOENT ? 127 : 126;
			return false;
		}
	}
	return false;
}

static void say(struct one *o, uint32_t type, uint32_t process, int32_t arg, const int *fds,
		size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MAX)] = {0};
	struct shim_message m = {.type = type, .seq = 1, .process = process, .arg = arg};
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	if (sendmsg(o->control, &msg, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "launch: the shim does not listen: %s\n", strerror(errno));
}

/* A further process by the image's sh; its output goes to ours. */
static void run_exec(struct one *o, const struct runtime_host *host, struct options *opt)
{
	char *const args[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
			      (char *)(uintptr_t)opt->exec, NULL};
	struct runtime_process process = opt->spec.process;
	auto_buf struct buf program = BUF_INIT, out = BUF_INIT;
	struct error err = ERROR_INIT;
	struct packet p;
	int64_t begun_ns = time_boot_ns();
	int pipes[2];
	auto_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC), image = -1;

	process.args = args;
	process.tty = false;
	opt->spec.id = o->id;
	if (runtime_compile_exec(host, &opt->spec, &process, &program, &err) < 0)
		die("compile the further process", &err);
	if (null < 0 || pipe2(pipes, O_CLOEXEC) < 0)
		die("pipe", NULL);
	image = program_fd(&program);
	say(o, SHIM_EXEC, 1, 0, (int[]){image, null, pipes[1], pipes[1]}, 4);
	close(pipes[1]);
	if (hear_until(o, SHIM_EXEC_STARTED, 1, &program, &p) && !o->ended &&
	    hear_until(o, SHIM_EXITED, 1, &program, &p)) {
		struct shim_exit e;

		memcpy(&e, p.payload, sizeof(e));
		if (file_read_fd(pipes[0], LOG_MAX, &out, &err) == 0)
			fwrite(out.data, 1, out.len, stdout);
		fprintf(stderr, "launch exec status=%d ms=%.2f\n", e.status,
			(double)(time_boot_ns() - begun_ns) / 1e6);
	}
	close(pipes[0]);
}

static void print_log(struct one *o)
{
	auto_buf struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;
	size_t at = 0;

	if (file_read(o->state_dir, "log", LOG_MAX, &text, &err) < 0)
		return;
	while (at + SHIM_LOG_HEAD <= text.len) {
		uint32_t len;

		memcpy(&len, text.data + at + 4, sizeof(len));
		len = ntohl(len);
		if (len > text.len - at - SHIM_LOG_HEAD)
			break;
		fwrite(text.data + at + SHIM_LOG_HEAD, 1, len,
		       text.data[at] == SHIM_LOG_STDERR ? stderr : stdout);
		at += SHIM_LOG_HEAD + len;
	}
}

/* ---- options */

static void add_mount(struct options *o, char *text, bool volume)
{
	struct runtime_mount *m = &o->mounts[o->spec.mount_count];
	char *target = strchr(text, ':'), *propagation;

	if (!target || o->spec.mount_count == MOUNTS_MAX)
		die(text, &(struct error){.msg = "a mount is SOURCE:TARGET"});
	*target++ = '\0';
	propagation = strchr(target, ':');
	if (propagation)
		*propagation++ = '\0';
	*m = (struct runtime_mount){.kind = volume ? RT_MOUNT_VOLUME : RT_MOUNT_BIND,
				    .source = text,
				    .target = target,
				    .propagation = propagation,
				    .populate = volume};
	o->spec.mount_count++;
}

static void add_device(struct options *o, char *text)
{
	char *target = strchr(text, ':');

	if (o->spec.device_count == MOUNTS_MAX)
		die(text, &(struct error){.msg = "too many devices"});
	if (target)
		*target++ = '\0';
	o->devices[o->spec.device_count++] = (struct runtime_device){text, target, "rw"};
}

static uint64_t number(const char *text, uint64_t max)
{
	uint64_t n;

	if (parse_u64(text, &n) < 0 || n == 0 || n > max)
		die(text, &(struct error){.msg = "is no such number"});
	return n;
}

static void set_value(struct options *o, int c)
{
	switch (c) {
	case 'n':
		o->count = (unsigned)number(optarg, COUNT_MAX);
		break;
	case 'm':
		o->spec.resources.memory_bytes = (int64_t)number(optarg, INT64_MAX);
		break;
	case 'v':
	case 'V':
		add_mount(o, optarg, c == 'V');
		break;
	case 'c':
		add_device(o, optarg);
		break;
	case 'e':
		strv_push(&o->env, xstrdup(optarg));
		break;
	case 's':
		strv_push(&o->sysctls, xstrdup(optarg));
		break;
	case 'S':
		o->spec.seccomp = optarg;
		break;
	case 'u':
		o->spec.process.user = optarg;
		break;
	case 'w':
		o->spec.process.cwd = optarg;
		break;
	case 'x':
		o->exec = optarg;
		break;
	default:
		exit(2);
	}
}

static void set_switch(struct options *o, int c)
{
	bool *const switches[128] = {
		['k'] = &o->kill,
		['l'] = &o->list,
		['N'] = &o->network,
		['d'] = &o->spec.dns,
		['p'] = &o->spec.privileged,
		['i'] = &o->spec.init,
		['r'] = &o->spec.readonly_root,
		['t'] = &o->spec.process.tty,
	};

	if (c == 'p') {
		o->spec.process.privileged = true;
		o->spec.process.capabilities = UINT64_MAX;
	}
	if (c == 'H') {
		o->spec.network.mode = RT_NS_HOST;
		o->spec.loopback = false;
	} else {
		*switches[c] = true;
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+n:klNdHpitrc:u:w:m:e:v:V:s:S:x:")) >= 0) {
		if (strchr("klNdHpitr", c))
			set_switch(o, c);
		else
			set_value(o, c);
	}
	if (argc - optind < 3) {
		fprintf(stderr, "usage: launch [OPTION...] LAYER[:LAYER...] DIR COMMAND...\n");
		exit(2);
	}
}

/* ---- the whole */

static void compile_one(struct one *o, const struct runtime_host *host, struct options *opt,
			unsigned k, int bridge)
{
	struct runtime_netlink plan[MESSAGES];
	struct message messages[MESSAGES];
	struct error err = ERROR_INIT;

	opt->spec.id = o->id;
	opt->spec.container_dir = o->dir;
	if (opt->network) {
		plan_network(messages, plan, k, bridge);
		opt->spec.netlink = plan;
		opt->spec.netlink_count = MESSAGES;
	}
	buf_init(&o->program, BUF_MAX_DEFAULT);
	if (runtime_compile(host, &opt->spec, &o->program, &err) < 0)
		die("compile", &err);
	opt->spec.netlink = NULL;
	opt->spec.netlink_count = 0;
}

static void list_one(const struct one *o)
{
	auto_buf struct buf text = BUF_INIT;

	runtime_describe(o->program.data, o->program.len, &text);
	fwrite(text.data, 1, text.len, stdout);
}

static void release(struct one *o, const char *work)
{
	struct error err = ERROR_INIT;
	auto_fd int dir = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (o->control > 0)
		close(o->control);
	close(o->state_dir);
	if (o->shim > 0)
		waitpid(o->shim, NULL, 0);
	if (file_remove_tree(dir, o->id, &err) < 0)
		fprintf(stderr, "launch: %s\n", err.msg);
	buf_release(&o->program);
	free(o->dir);
}

static int end_all(struct one *all, const struct runtime_host *host, struct options *opt)
{
	struct packet p;
	int status = 0;

	for (unsigned k = 0; k < opt->count; k++) {
		if (all[k].started && opt->exec)
			run_exec(&all[k], host, opt);
		if (all[k].started && opt->kill && !all[k].ended)
			say(&all[k], SHIM_SIGNAL, 0, 9, NULL, 0);
	}
	for (unsigned k = 0; k < opt->count; k++) {
		if (all[k].started && !all[k].ended &&
		    !hear_until(&all[k], SHIM_EXITED, 0, &all[k].program, &p))
			all[k].end.status = 125;
		status = all[k].end.status;
	}
	return status;
}

static int run_all(struct one *all, const struct runtime_host *host, struct options *opt,
		   const char *work)
{
	int64_t t0 = time_boot_ns(), t1, t2;
	int bridge = opt->network ? bridge_make() : 0, status;
	struct packet p;

	for (unsigned k = 0; k < opt->count; k++) {
		make_dirs(&all[k], work, k);
		compile_one(&all[k], host, opt, k, bridge);
		start(&all[k]);
	}
	for (unsigned k = 0; k < opt->count; k++)
		all[k].started = hear_until(&all[k], SHIM_STARTED, 0, &all[k].program, &p);
	t1 = time_boot_ns();
	status = end_all(all, host, opt);
	t2 = time_boot_ns();
	for (unsigned k = 0; k < opt->count; k++) {
		print_log(&all[k]);
		release(&all[k], work);
	}
	if (opt->network)
		bridge_remove();
	fprintf(stderr, "launch n=%u up_ms=%.1f down_ms=%.1f up_each_ms=%.2f\n", opt->count,
		(double)(t1 - t0) / 1e6, (double)(t2 - t1) / 1e6,
		(double)(t1 - t0) / 1e6 / opt->count);
	return status;
}

/* The parent's cgroups; others may still be in use by another launch. */
static void remove_parents(const struct runtime_host *host)
{
	static char *const v2[] = {NULL, NULL};
	char *const *c = host->cgroup_v2 ? v2 : host->v1_controllers;
	struct error err = ERROR_INIT;

	do {
		auto_free char *path = NULL;

		if (runtime_cgroup_path(host, *c, CGROUP_PARENT, NULL, &path, &err) == 0)
			rmdir(path);
	} while (*c && *++c);
}

int main(int argc, char **argv)
{
	AUTO(strv_free) char **layers = NULL;
	struct options opt = {.count = 1};
	struct runtime_host host;
	struct error err = ERROR_INIT;
	struct one *all;
	int status = 0;

	strv_push(&opt.env,
		  xstrdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	opt.spec = (struct runtime_spec){
		.hostname = "launch",
		.loopback = true,
		.mounts = opt.mounts,
		.devices = opt.devices,
		.cgroup_parent = CGROUP_PARENT,
		.process = {.user = "", .cwd = "/", .capabilities = runtime_default_capabilities()},
	};
	read_options(&opt, argc, argv);
	layers = strv_split(argv[optind], ":");
	opt.spec.layers = layers;
	opt.spec.process.env = opt.env;
	opt.spec.sysctls = opt.sysctls;
	opt.spec.process.args = argv + optind + 2;
	if (runtime_host_probe(&host, &err) < 0 ||
	    runtime_cgroup_prepare(&host, CGROUP_PARENT, &err) < 0)
		die("look at the host", &err);
	all = xcalloc(opt.count, sizeof(*all));
	if (opt.list) {
		make_dirs(&all[0], argv[optind + 1], 0);
		compile_one(&all[0], &host, &opt, 0, 1);
		list_one(&all[0]);
		release(&all[0], argv[optind + 1]);
	} else {
		status = run_all(all, &host, &opt, argv[optind + 1]);
	}
	free(all);
	strv_free(opt.env);
	strv_free(opt.sysctls);
	remove_parents(&host);
	runtime_host_release(&host);
	return status;
}
