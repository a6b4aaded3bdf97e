/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See protocol.h. */
#include "images/registry/protocol.h"

#include <errno.h>
#include <sys/socket.h>

static void head(unsigned char ret[REGISTRY_HEAD], enum registry_frame kind, size_t len)
{
	memset(ret, 0, REGISTRY_HEAD);
	ret[0] = (unsigned char)kind;
	for (int i = 0; i < 4; i++)
		ret[4 + i] = (unsigned char)(len >> (24 - 8 * i));
}

static int parse_head(const unsigned char *h, size_t max, enum registry_frame *ret_kind,
		      size_t *ret_len, struct error *err)
{
	size_t len = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

	if (h[0] >= REGISTRY_FRAME_MAX || len > max)
		return error_set(err, EBADMSG, "the conversation with cmp-registry is damaged");
	*ret_kind = (enum registry_frame)h[0];
	*ret_len = len;
	return 0;
}

void registry_frame_add(struct buf *out, enum registry_frame kind, const void *data, size_t len)
{
	unsigned char h[REGISTRY_HEAD];

	head(h, kind, len);
	buf_add(out, h, sizeof(h));
	if (len)
		buf_add(out, data, len);
}

int registry_frame_next(const struct buf *in, enum registry_frame *ret_kind, const char **ret_data,
			size_t *ret_len, struct error *err)
{
	if (in->len < REGISTRY_HEAD)
		return 0;
	if (parse_head((const unsigned char *)in->data, REGISTRY_CONFIG_MAX, ret_kind, ret_len,
		       err) < 0)
		return -err->code;
	*ret_data = in->data + REGISTRY_HEAD;
	return in->len - REGISTRY_HEAD >= *ret_len;
}

void registry_frame_drop(struct buf *in)
{
	const unsigned char *h = (const unsigned char *)in->data;

	buf_consume(in, REGISTRY_HEAD + ((size_t)h[4] << 24 | (size_t)h[5] << 16 |
					 (size_t)h[6] << 8 | h[7]));
}

int registry_frame_send(int socket, enum registry_frame kind, const void *data, size_t len, int fd,
			struct error *err)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	unsigned char h[REGISTRY_HEAD];
	struct iovec parts[] = {{.iov_base = h, .iov_len = sizeof(h)},
				{.iov_base = (void *)(uintptr_t)data, .iov_len = len}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	struct cmsghdr *c;
	ssize_t n;

	if (len > REGISTRY_REQUEST_MAX)
		return error_set(err, EMSGSIZE, "a request to cmp-registry is too long");
	head(h, kind, len);
	if (fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(err, errno, "send to cmp-registry");
	/* The socket takes far more than the few requests of a pull. */
	if ((size_t)n != sizeof(h) + len)
		return error_set(err, EAGAIN, "cmp-registry does not listen");
	return 0;
}

/* The descriptor of the message; surplus ones are closed. */
static void take_descriptor(struct msghdr *msg, int *ret_fd)
{
	struct cmsghdr *c;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len < CMSG_LEN(sizeof(int)))
			continue;
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (*ret_fd >= 0)
			close(*ret_fd);
		*ret_fd = fd;
	}
}

/* 0 at the end of the stream before the first byte. */
static ssize_t read_whole(int socket, char *at, size_t len, int *ret_fd, struct error *err)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		struct iovec part = {.iov_base = at + got, .iov_len = len - got};
		struct msghdr msg = {.msg_iov = &part,
				     .msg_iovlen = 1,
				     .msg_control = control.space,
				     .msg_controllen = sizeof(control.space)};

		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "listen to the supervisor");
		take_descriptor(&msg, ret_fd);
		if (!n && !got)
			return 0;
		if (!n)
			return error_set(err, ECONNRESET, "the supervisor has gone");
		got += (size_t)n;
	}
	return (ssize_t)len;
}

int registry_frame_receive(int socket, enum registry_frame *ret_kind, struct buf *ret, int *ret_fd,
			   struct error *err)
{
	unsigned char h[REGISTRY_HEAD];
	ssize_t n = read_whole(socket, (char *)h, sizeof(h), ret_fd, err);
	size_t len = 0;
	char *at;

	if (n <= 0)
		return (int)n;
	if (parse_head(h, REGISTRY_REQUEST_MAX, ret_kind, &len, err) < 0)
		return -err->code;
	buf_reset(ret);
	if (!len)
		return 1;
	at = buf_reserve(ret, len);
	if (!at)
		return error_set(err, EMSGSIZE, "a request is too long");
	n = read_whole(socket, at, len, ret_fd, err);
	if (n <= 0)
		return n < 0 ? (int)n : error_set(err, ECONNRESET, "the supervisor has gone");
	ret->len += len;
	ret->data[ret->len] = '\0';
	return 1;
}
