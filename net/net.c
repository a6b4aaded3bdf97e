/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handle, and the way into another network namespace.  Entering is done by a thread that ends
 * there: setns(2) of a network namespace concerns the calling thread alone, allocates nothing and
 * takes no lock of libc, so it is safe beside other threads, and nothing has to be restored.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "base/file.h"
#include "net/net_int.h"

#define INSIDE_STACK ((size_t)1 << 20)

struct inside {
	int netns_fd;
	int (*fn)(void *arg);
	void *arg;
	int result;
};

static void *inside_main(void *arg)
{
	struct inside *in = arg;

	in->result = setns(in->netns_fd, CLONE_NEWNET) < 0 ? -errno : in->fn(in->arg);
	return NULL;
}

int net_inside(int netns_fd, int (*fn)(void *arg), void *arg)
{
	struct inside in = {.netns_fd = netns_fd, .fn = fn, .arg = arg};
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (netns_fd < 0)
		return fn(arg);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, INSIDE_STACK);
	r = pthread_create(&thread, &attr, inside_main, &in);
	pthread_attr_destroy(&attr);
	if (r)
		return -r;
	pthread_join(thread, NULL);
	return in.result;
}

struct socket_request {
	int family, type, protocol;
	int fd;
};

static int make_socket(void *arg)
{
	struct socket_request *q = arg;

	q->fd = socket(q->family, q->type | SOCK_CLOEXEC, q->protocol);
	return q->fd < 0 ? -errno : 0;
}

int net_socket_in(int netns_fd, int family, int type, int protocol)
{
	struct socket_request q = {.family = family, .type = type, .protocol = protocol, .fd = -1};
	int r = net_inside(netns_fd, make_socket, &q);

	return r < 0 ? r : q.fd;
}

struct sysctl_request {
	const char *path, *value;
};

/* /proc/sys/net shows the namespace of the thread that opens it. */
static int write_sysctl(void *arg)
{
	const struct sysctl_request *q = arg;
	auto_free char *path = xasprintf("/proc/sys/net/%s", q->path);
	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = strlen(q->value);

	if (fd < 0)
		return -errno;
	return write(fd, q->value, len) == (ssize_t)len ? 0 : -errno;
}

int net_sysctl(const struct net *n, const char *path, const char *value)
{
	struct sysctl_request q = {.path = path, .value = value};

	return net_inside(n->netns_fd, write_sysctl, &q);
}

void net_unref(struct net *n)
{
	if (--n->refs)
		return;
	if (n->netns_fd >= 0)
		close(n->netns_fd);
	if (n->route_fd >= 0)
		close(n->route_fd);
	free(n);
}

int net_open(const struct net_options *options, struct net **ret, struct error *err)
{
	struct net *n = xcalloc(1, sizeof(*n));
	int r;

	n->loop = options->loop;
	n->refs = 1;
	n->netns_fd = n->route_fd = -1;
	list_init(&n->ports);
	if (!str_copy(n->table, sizeof(n->table), options->table)) {
		r = error_set(err, EINVAL, "name of the nft table \"%s\" is too long",
			      options->table);
		goto fail;
	}
	if (options->netns_fd >= 0) {
		n->netns_fd = fcntl(options->netns_fd, F_DUPFD_CLOEXEC, 3);
		if (n->netns_fd < 0) {
			r = error_sys(err, errno, "keep the network namespace");
			goto fail;
		}
	}
	n->route_fd = net_netlink_open(n->netns_fd, err);
	if (n->route_fd < 0) {
		r = n->route_fd;
		goto fail;
	}
	r = firewall_open(n, err);
	if (r < 0)
		goto fail;
	*ret = n;
	return 0;
fail:
	net_unref(n);
	return r;
}

void net_free(struct net *n)
{
	if (!n)
		return;
	n->closing = true;
	proxy_close(n);
	firewall_close(n);
	net_unref(n);
}
