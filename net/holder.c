/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a port that could not be taken: the kernel's table of sockets gives an inode, and the
 * descriptors of all processes are searched for it.  Only for a message, so the search has a limit
 * and silence is an answer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "net/proxy.h"

#define TABLE_MAX   ((size_t)4 << 20)
#define LINKS_MAX   20000
#define LISTENING   10 /* TCP_LISTEN in the table */
#define FIELD_LOCAL 1
#define FIELD_STATE 3
#define FIELD_INODE 9

struct lookup {
	const struct net_port_spec *spec;
	bool six;
	uint64_t inode;
};

static bool parse_hex(const char *s, uint64_t *ret)
{
	char *end;

	*ret = strtoull(s, &end, 16);
	return *s && !*end;
}

/* "0100007F:1F90": the address as words in the machine's order. */
static bool same_local(const struct lookup *l, char *local)
{
	const struct net_addr *want = &l->spec->host;
	char *colon = strchr(local, ':');
	uint64_t port, word;
	char any[] = "00000000";

	if (!colon || !parse_hex(colon + 1, &port) || port != l->spec->port)
		return false;
	*colon = '\0';
	if (l->six || !want->family)
		return true; /* near enough: the kernel said that it collides */
	return !strcmp(local, any) || (want->family == AF_INET && parse_hex(local, &word) &&
				       (uint32_t)word == want->v4.s_addr);
}

static void look_at_line(struct lookup *l, const char *line)
{
	AUTO(strv_free) char **fields = strv_split(line, " ");
	uint64_t state, inode;

	if (strv_len(fields) <= FIELD_INODE || !same_local(l, fields[FIELD_LOCAL]) ||
	    !parse_hex(fields[FIELD_STATE], &state) || parse_u64(fields[FIELD_INODE], &inode) < 0 ||
	    !inode)
		return;
	if (l->spec->protocol == IPPROTO_TCP && state != LISTENING)
		return;
	l->inode = inode;
}

/* In the namespace of the port. */
static int find_inode(void *arg)
{
	struct lookup *l = arg;
	const char *name = l->spec->protocol == IPPROTO_UDP ? "udp" : "tcp";
	auto_free char *path = xasprintf("/proc/thread-self/net/%s%s", name, l->six ? "6" : "");
	auto_buf struct buf table = BUF_INIT;
	struct error ignored = ERROR_INIT;
	char *line, *end;

	if (file_read(AT_FDCWD, path, TABLE_MAX, &table, &ignored) < 0)
		return -ignored.code;
	for (line = table.data; line && *line && !l->inode; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		look_at_line(l, line);
	}
	return l->inode ? 0 : -ENOENT;
}

/* Does this process hold the socket?  Links are counted against the limit. */
static bool holds(int proc, const char *pid, const char *socket_name, unsigned *left)
{
	auto_free char *path = xasprintf("%s/fd", pid);
	int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool found = false;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && *left && (e = readdir(dir))) {
		char target[64];
		ssize_t n = readlinkat(fd, e->d_name, target, sizeof(target) - 1);

		--*left;
		if (n < 0)
			continue;
		target[n] = '\0';
		found = !strcmp(target, socket_name);
	}
	closedir(dir);
	return found;
}

static void describe(int proc, const char *pid, char *ret, size_t size)
{
	auto_free char *path = xasprintf("%s/comm", pid);
	auto_buf struct buf comm = BUF_INIT;
	struct error ignored = ERROR_INIT;

	if (file_read(proc, path, 32, &comm, &ignored) < 0 || !str_printable(str_trim(comm.data)))
		snprintf(ret, size, " by process %s", pid);
	else
		snprintf(ret, size, " by %s (pid %s)", str_trim(comm.data), pid);
}

static void search(uint64_t inode, char *ret, size_t size)
{
	auto_free char *name = xasprintf("socket:[%llu]", (unsigned long long)inode);
	unsigned left = LINKS_MAX;
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	uint64_t pid;

	if (!proc)
		return;
	while (left && (e = readdir(proc))) {
		if (parse_u64(e->d_name, &pid) < 0 || !holds(dirfd(proc), e->d_name, name, &left))
			continue;
		describe(dirfd(proc), e->d_name, ret, size);
		break;
	}
	closedir(proc);
}

void port_holder(struct net *n, const struct net_port_spec *spec, char *ret, size_t size)
{
	struct lookup l = {.spec = spec, .six = spec->host.family == AF_INET6};

	*ret = '\0';
	if (net_inside(n->netns_fd, find_inode, &l) < 0 && !l.six) {
		l.six = true; /* a socket of IPv6 may serve both */
		if (net_inside(n->netns_fd, find_inode, &l) < 0)
			return;
	}
	if (l.inode)
		search(l.inode, ret, size);
}
