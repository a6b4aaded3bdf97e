/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminals: made in the container's own devpts, never opened by a name under /dev/pts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

int tty_open(int pts_dir, unsigned rows, unsigned columns, int *ret_master, int *ret_peer)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	struct statfs fs;
	int master, peer, unlock = 0, r;

	if (fstatfs(pts_dir, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -EINVAL;
	master = openat(pts_dir, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (master < 0)
		return -errno;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		goto fail;
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		goto fail;
	if (rows && columns)
		ioctl(master, TIOCSWINSZ, &size);
	*ret_master = master;
	*ret_peer = peer;
	return 0;
fail:
	r = -errno;
	close(master);
	return r;
}
