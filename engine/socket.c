/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening socket: from socket activation, or bound here.
 *
 * Members of the group "cmp", where there is one, may use it; that makes them as good as root.
 */
#include "engine/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"

#define LISTEN_QUEUE	 1024
#define LISTEN_FDS_START 3
#define GROUP		 "cmp"
#define GROUP_FILE_MAX	 ((size_t)4 << 20)

static int bind_socket(const struct daemon *d, struct error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!str_copy(sa.sun_path, sizeof(sa.sun_path), d->socket_path))
		return error_set(err, ENAMETOOLONG, "the socket's path %s is longer than %zu bytes",
				 d->socket_path, sizeof(sa.sun_path) - 1);
	unlink(d->socket_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    fchmodat(AT_FDCWD, d->socket_path, 0660, 0) < 0 || listen(fd, LISTEN_QUEUE) < 0)
		return error_sys(err, errno, "listen on %s", d->socket_path);
	return steal_fd(&fd);
}

/* Descriptor 3 of socket activation, if it is meant for us; -1. */
static int inherited_socket(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint32_t n = 0, owner = 0;

	if (!fds || !pid || parse_u32(fds, &n) < 0 || parse_u32(pid, &owner) < 0 || n != 1 ||
	    owner != (uint32_t)getpid())
		return -1;
	fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC);
	return LISTEN_FDS_START;
}

static void release_start_lock(void)
{
	const char *text = getenv("CMP_START_LOCK");
	uint32_t fd;

	if (text && parse_u32(text, &fd) == 0 && fd > STDERR_FILENO)
		close((int)fd);
}

/* From the file: no name service is asked, which might be one of our containers. */
static bool find_group(gid_t *ret)
{
	auto_buf struct buf text = BUF_INIT;
	struct error ignored = ERROR_INIT;
	AUTO(strv_free) char **lines = NULL;
	size_t i;

	if (file_read(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, &ignored) < 0 || !text.len)
		return false;
	lines = strv_split(text.data, "\n");
	for (i = 0; i < strv_len(lines); i++) {
		AUTO(strv_free) char **fields = strv_split(lines[i], ":");
		size_t n = strv_len(fields);

		/* NAME:PASSWORD:GID:MEMBERS; an empty password leaves three or two fields. */
		if (n < 2 || strcmp(fields[0], GROUP))
			continue;
		return parse_u32(fields[1], ret) == 0 || (n > 2 && parse_u32(fields[2], ret) == 0);
	}
	return false;
}

/* They reach the socket, and nothing else in the run directory. */
static void open_to_group(const struct daemon *d)
{
	gid_t gid;

	if (!find_group(&gid))
		return;
	if (lchown(d->socket_path, 0, gid) < 0)
		log_warn("daemon", "give %s to the group %s: %s", d->socket_path, GROUP,
			 strerrordesc_np(errno));
	if (str_starts(d->socket_path, d->run_dir) && fchmodat(AT_FDCWD, d->run_dir, 0711, 0) < 0)
		log_warn("daemon", "open %s: %s", d->run_dir, strerrordesc_np(errno));
}

int socket_open(const struct daemon *d, struct error *err)
{
	int fd = inherited_socket();

	if (fd < 0)
		fd = bind_socket(d, err);
	if (fd < 0)
		return fd;
	open_to_group(d);
	release_start_lock();
	return fd;
}
