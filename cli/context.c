/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See context.h. */
#include "cli/context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/pattern.h"

#define DEPTH_MAX   400
#define NAMES_BYTES ((size_t)1 << 30)

struct listing {
	struct pattern_list *ignore;
	struct buf names; /* NUL after each */
	bool all;	  /* nothing is ignored */
};

static int list_dir(struct listing *l, int dirfd, const char *prefix, unsigned depth,
		    struct error *err);

static int list_entry(struct listing *l, int dirfd, const char *name, const char *prefix,
		      unsigned depth, struct error *err)
{
	auto_free char *path = *prefix ? xasprintf("%s/%s", prefix, name) : xstrdup(name);
	bool out = !l->all && pattern_list_match(l->ignore, path), is_dir;
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "look at %s", path);
	is_dir = S_ISDIR(st.st_mode);
	if (out && (!is_dir || !pattern_list_takes_back(l->ignore)))
		return 0;
	if (!S_ISSOCK(st.st_mode) && !out) {
		buf_adds(&l->names, "./");
		buf_add(&l->names, path, strlen(path) + 1);
	}
	if (!is_dir)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	return list_dir(l, fd, path, depth + 1, err);
}

/* Takes the descriptor. */
static int list_dir(struct listing *l, int dirfd, const char *prefix, unsigned depth,
		    struct error *err)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(dirfd);
		return error_sys(err, errno, "read %s", prefix);
	}
	if (depth > DEPTH_MAX)
		r = error_set(err, E2BIG, "%s: directories are nested too deeply", prefix);
	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		r = list_entry(l, dirfd, e->d_name, prefix, depth, err);
		if (r == 0 && l->names.overflow)
			r = error_set(err, E2BIG, "the build context has too many files");
	}
	if (r == 0 && errno)
		r = error_sys(err, errno, "read %s", *prefix ? prefix : "the build context");
	closedir(d);
	return r;
}

/* The names as a file that tar reads. */
static int names_fd(const struct buf *names, struct error *err)
{
	int fd = memfd_create("names", MFD_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "make room for names");
	if (file_write_all(fd, names->data ?: "", names->len, err) < 0) {
		close(fd);
		return -err->code;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int spawn_tar(const char *dir, int names, pid_t *ret_pid, struct error *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "read %s", dir);
	pid = fork();
	if (pid == 0) {
		if (dup3(fds[1], STDOUT_FILENO, 0) < 0 || dup3(names, STDIN_FILENO, 0) < 0)
			_exit(127);
		execlp("tar", "tar", "--numeric-owner", "--owner=0", "--group=0", "--no-recursion",
		       "--format=gnu", "--null", "-C", dir, "-cf", "-", "-T", "-", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return error_sys(err, errno, "run tar");
	}
	*ret_pid = pid;
	return fds[0];
}

int context_open(const char *dir, const char *ignore, pid_t *ret_pid, struct error *err)
{
	AUTO(strv_free) char **lines = ignore ? pattern_lines(ignore) : NULL;
	struct listing l = {.names = {.max = NAMES_BYTES}, .all = !lines};
	auto_fd int names = -1;
	int top, r = pattern_list_new(lines, &l.ignore, err);

	if (r < 0)
		return error_wrap(err, ".dockerignore");
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = top < 0 ? error_sys(err, errno, "open the build context %s", dir)
		    : list_dir(&l, top, "", 0, err);
	if (r == 0)
		r = names = names_fd(&l.names, err);
	if (r >= 0)
		r = spawn_tar(dir, names, ret_pid, err);
	pattern_list_free(l.ignore);
	buf_release(&l.names);
	return r;
}

int context_finish(pid_t pid, const char *dir, struct error *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* 1: a file changed while it was read; what was read is sent. */
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, ENOENT, "the program tar is needed to read %s", dir);
	return error_set(err, EIO, "tar could not read all of %s", dir);
}
