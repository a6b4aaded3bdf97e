/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floor N ROOTFS WORKDIR: what the kernel itself charges for N containers on one bridge.
 *
 * Each has its own mount, pid, ipc, uts, network and cgroup namespace, an overlay on ROOTFS, proc,
 * sysfs, a /dev with its nodes, a veth on the bridge with address and default route, and cgroups;
 * each executes "/bin/busybox sleep 1000".  No supervision, no logs, no names, no state: whatever
 * an engine does beyond this is measured against it.  Prints "UP DOWN" in milliseconds: until all
 * have executed, and until nothing is left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BRIDGE	"flbr0"
#define NETWORK 0x0a3c0000u /* 10.60.0.0/16 */
#define FLAGS                                                                                      \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP)

struct cell {
	pid_t pid;
	int go;	      /* closed when the child may begin */
	int executed; /* at its end when the child has executed its program */
};

static int netlink = -1;
static union {
	struct nlmsghdr head;
	char bytes[1024];
} msg;

static NORETURN void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerrordesc_np(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* ---- netlink: a message is begun, given attributes, sent and acknowledged */

static void *begin(unsigned short type, unsigned short flags, size_t size)
{
	memset(&msg, 0, sizeof(msg));
	msg.head.nlmsg_type = type;
	msg.head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
	msg.head.nlmsg_len = (unsigned int)NLMSG_LENGTH(size);
	return NLMSG_DATA(&msg.head);
}

static struct rtattr *put(int type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)(msg.bytes + NLMSG_ALIGN(msg.head.nlmsg_len));

	a->rta_type = (unsigned short)type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	msg.head.nlmsg_len =
		(unsigned int)(NLMSG_ALIGN(msg.head.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

static void put_text(int type, const char *text)
{
	put(type, text, strlen(text) + 1);
}

static void close_nest(struct rtattr *a)
{
	a->rta_len = (unsigned short)(msg.bytes + msg.head.nlmsg_len - (char *)a);
}

static int talk(void)
{
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} reply;

	if (send(netlink, &msg, msg.head.nlmsg_len, 0) < 0 ||
	    recv(netlink, &reply, sizeof(reply), 0) < 0)
		return -errno;
	return ((struct nlmsgerr *)NLMSG_DATA(&reply.head))->error;
}

static void must(const char *what)
{
	errno = -talk();
	if (errno)
		die(what);
}

static void link_up(struct ifinfomsg *i)
{
	i->ifi_flags = i->ifi_change = IFF_UP;
}

static void make_bridge(void)
{
	struct rtattr *info;

	link_up(begin(RTM_NEWLINK, NLM_F_CREATE, sizeof(struct ifinfomsg)));
	put_text(IFLA_IFNAME, BRIDGE);
	info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_KIND, "bridge");
	close_nest(info);
	must("bridge");
}

static void make_veth(int k, pid_t pid)
{
	unsigned int bridge = if_nametoindex(BRIDGE);
	struct rtattr *info, *data, *peer;
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "flv%d", k);
	link_up(begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg)));
	put_text(IFLA_IFNAME, name);
	put(IFLA_MASTER, &bridge, sizeof(bridge));
	info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_KIND, "veth");
	data = put(IFLA_INFO_DATA, NULL, 0);
	peer = put(VETH_INFO_PEER, NULL, 0);
	msg.head.nlmsg_len += (unsigned int)sizeof(struct ifinfomsg);
	put_text(IFLA_IFNAME, "eth0");
	put(IFLA_NET_NS_PID, &pid, sizeof(pid));
	close_nest(peer);
	close_nest(data);
	close_nest(info);
	must("veth");
}

static void remove_link(const char *name)
{
	begin(RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	put_text(IFLA_IFNAME, name);
	talk();
}

/* In the child's namespace: both links up, an address and the route by the first one. */
static void set_up_network(int k)
{
	uint32_t addr = htonl(NETWORK + 2 + (uint32_t)k), gateway = htonl(NETWORK + 1);
	static const char *const links[] = {"lo", "eth0"};
	struct ifaddrmsg *a;
	struct rtmsg *r;
	size_t i;
	unsigned int index = if_nametoindex("eth0");

	close(netlink);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (i = 0; i < ARRAY_LEN(links); i++) {
		link_up(begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg)));
		put_text(IFLA_IFNAME, links[i]);
		must("link up");
	}
	a = begin(RTM_NEWADDR, NLM_F_CREATE, sizeof(*a));
	a->ifa_family = AF_INET;
	a->ifa_prefixlen = 16;
	a->ifa_index = index;
	put(IFA_LOCAL, &addr, sizeof(addr));
	put(IFA_ADDRESS, &addr, sizeof(addr));
	must("address");
	r = begin(RTM_NEWROUTE, NLM_F_CREATE, sizeof(*r));
	r->rtm_family = AF_INET;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_type = RTN_UNICAST;
	put(RTA_GATEWAY, &gateway, sizeof(gateway));
	put(RTA_OIF, &index, sizeof(index));
	must("route");
}

/* ---- cgroups of both versions */

static void cgroup_each(int k, pid_t pid)
{
	static const char *const v1[] = {"memory/", "pids/", "cpu/"};
	static const char *const v2[] = {""};
	bool pure = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	const char *const *list = pure ? v2 : v1;
	size_t i, count = pure ? ARRAY_LEN(v2) : ARRAY_LEN(v1);
	char path[128], text[16];

	for (i = 0; i < count; i++) {
		int fd, len;

		snprintf(path, sizeof(path), "/sys/fs/cgroup/%sfloor%d", list[i], k);
		if (!pid) {
			rmdir(path);
			continue;
		}
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%sfloor%d/cgroup.procs", list[i], k);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		len = snprintf(text, sizeof(text), "%d", (int)pid);
		if (fd < 0 || write(fd, text, (size_t)len) != len)
			die(path);
		close(fd);
	}
}

/* ---- the child */

static void mount_at(const char *type, const char *target, unsigned long flags, const char *data)
{
	mkdir(target, 0755);
	if (mount(type, target, type, flags, data) < 0)
		die(target);
}

static void make_dev(void)
{
	static const struct {
		const char *path;
		unsigned int minor;
	} nodes[] = {{"dev/null", 3},	{"dev/zero", 5},    {"dev/full", 7},
		     {"dev/random", 8}, {"dev/urandom", 9}, {"dev/tty", 0}};
	size_t i;

	mount_at("tmpfs", "dev", MS_NOSUID, "mode=755,size=64k");
	for (i = 0; i < ARRAY_LEN(nodes); i++)
		mknod(nodes[i].path, S_IFCHR | 0666,
		      nodes[i].minor ? makedev(1, nodes[i].minor) : makedev(5, 0));
	mount_at("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
	mount_at("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, "size=64m");
}

static NORETURN void child(int k, const char *rootfs, const char *work, int go)
{
	char text[512], byte;
	ssize_t n = read(go, &byte, 1); /* end of file: the parent has done its part */

	if (n < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	snprintf(text, sizeof(text), "%s/%d", work, k);
	if (chdir(text) < 0)
		die(text);
	snprintf(text, sizeof(text), "lowerdir=%s,upperdir=upper,workdir=work", rootfs);
	mount_at("overlay", "merged", 0, text);
	if (chdir("merged") < 0)
		die("merged");
	mount_at("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	make_dev();
	mount_at("sysfs", "sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	set_up_network(k);
	if (sethostname("floor", 5) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
	execl("/bin/busybox", "busybox", "sleep", "1000", (char *)NULL);
	die("/bin/busybox");
}

/* ---- the parent */

static void start(struct cell *c, int k, const char *rootfs, const char *work)
{
	static const char *const dirs[] = {"", "/upper", "/work", "/merged"};
	int go[2], executed[2];
	char path[512];
	size_t i;

	for (i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%d%s", work, k, dirs[i]);
		mkdir(path, 0755);
	}
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(executed, O_CLOEXEC) < 0)
		die("pipe");
	c->pid = (pid_t)syscall(SYS_clone, SIGCHLD | FLAGS, 0, 0, 0, 0);
	if (c->pid < 0)
		die("clone");
	if (c->pid == 0) {
		close(go[1]);
		child(k, rootfs, work, go[0]);
	}
	close(go[0]);
	close(executed[1]);
	c->executed = executed[0];
	cgroup_each(k, c->pid);
	make_veth(k, c->pid);
	close(go[1]);
}

static void stop(struct cell *c, int k, const char *work)
{
	static const char *const dirs[] = {"/work/work", "/work",      "/merged", "/upper/proc",
					   "/upper/dev", "/upper/sys", "/upper",  ""};
	char path[512];
	size_t i;

	waitpid(c->pid, NULL, 0);
	snprintf(path, IFNAMSIZ, "flv%d", k);
	remove_link(path);
	cgroup_each(k, 0);
	for (i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%d%s", work, k, dirs[i]);
		rmdir(path);
	}
}

int main(int argc, char **argv)
{
	int k, n = argc == 4 ? (int)strtod(argv[1], NULL) : 0;
	double begun, up, down;
	struct cell *cells;
	char byte;

	if (n < 1) {
		fprintf(stderr, "usage: floor N ROOTFS WORKDIR\n");
		return 2;
	}
	cells = calloc((size_t)n, sizeof(*cells));
	mkdir(argv[3], 0755);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	begun = now_ms();
	make_bridge();
	for (k = 0; k < n; k++)
		start(&cells[k], k, argv[2], argv[3]);
	for (k = 0; k < n; k++)
		if (read(cells[k].executed, &byte, 1) < 0)
			die("wait");
	up = now_ms();
	for (k = 0; k < n; k++)
		kill(cells[k].pid, SIGKILL);
	for (k = 0; k < n; k++)
		stop(&cells[k], k, argv[3]);
	remove_link(BRIDGE);
	rmdir(argv[3]);
	down = now_ms();
	printf("%.1f %.1f\n", up - begun, down - up);
	free(cells);
	return 0;
}
