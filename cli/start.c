/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor is started by socket activation: under a lock in the run directory the client
 * binds and listens, then runs cmpd with that socket as descriptor 3 (LISTEN_FDS=1), detached from
 * the terminal, its standard error in RUN/cmpd.log.  The client's own connection waits in the queue
 * meanwhile.
 */
#include "cli/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"

#define LISTEN_QUEUE 1024
#define LOG_SHOWN    400		/* of a line, in a message */
#define LOG_HEAD     80			/* of a line: where its level is */
#define LOG_READ     ((int64_t)1 << 16) /* of its end, for the reason of a death */
#define LOG_KEPT     ((int64_t)1 << 20) /* a larger one makes place when a supervisor is started */

static const char *run_dir(void)
{
	const char *dir = getenv("CMP_RUN_DIR");

	return str_empty(dir) ? "/run/cmp" : dir;
}

static char *log_path(void)
{
	return xasprintf("%s/cmpd.log", run_dir());
}

/* The socket of our own run directory: only there a supervisor is started. */
static bool is_default(const char *socket_path)
{
	auto_free char *own = xasprintf("%s/cmp.sock", run_dir());

	return !strcmp(own, socket_path);
}

int start_socket_path(char **ret, struct error *err)
{
	const char *host = getenv("CMP_HOST"), *path;

	if (str_empty(host)) {
		*ret = xasprintf("%s/cmp.sock", run_dir());
		return 0;
	}
	path = str_skip(host, "unix://");
	if (!path || *path != '/')
		return error_set(err, EINVAL, "CMP_HOST is \"%s\": only unix:///PATH is supported",
				 host);
	*ret = xstrdup(path);
	return 0;
}

static int address(const char *path, struct sockaddr_un *ret, struct error *err)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!str_copy(ret->sun_path, sizeof(ret->sun_path), path))
		return error_set(err, ENAMETOOLONG, "the socket's path %s is longer than %zu bytes",
				 path, sizeof(ret->sun_path) - 1);
	return 0;
}

static int try_connect(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0) {
		int code = errno;

		close(fd);
		return -code;
	}
	return fd;
}

/* Path of cmpd: beside this program, else where it was installed. */
static char *find_supervisor(void)
{
	struct error err = ERROR_INIT;
	char dir[4096];
	char *path;

	if (file_program_dir(dir, sizeof(dir), &err) == 0) {
		path = xasprintf("%s/cmpd", dir);
		if (file_exists(AT_FDCWD, path))
			return path;
		free(path);
	}
	return xstrdup(SBINDIR "/cmpd");
}

/* In the grandchild: descriptor 3 is the socket, 2 the log, nothing of the terminal is left. */
static NORETURN void run_supervisor(const char *program, int listener, int log)
{
	char pid[24];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (null < 0 || dup3(null, 0, 0) < 0 || dup3(null, 1, 0) < 0 || dup3(log, 2, 0) < 0)
		_exit(127);
	if (listener == 3) {
		if (fcntl(3, F_SETFD, 0) < 0)
			_exit(127);
	} else if (dup3(listener, 3, 0) < 0) {
		_exit(127);
	}
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
	close_range(4, ~0U, 0);
	execl(program, "cmpd", (char *)NULL);
	dprintf(2, "cmp: run %s: %s\n", program, strerrordesc_np(errno));
	_exit(127);
}

static int spawn(int listener, int log, struct error *err)
{
	auto_free char *program = find_supervisor();
	int status;
	pid_t pid;

	if (!file_exists(AT_FDCWD, program))
		return error_set(err, ENOENT, "start the supervisor: %s does not exist", program);
	pid = fork();
	if (pid < 0)
		return error_sys(err, errno, "start the supervisor");
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			run_supervisor(program, listener, log);
		_exit(pid < 0 ? 1 : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int listen_at(const struct sockaddr_un *sa, struct error *err)
{
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(sa->sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return error_sys(err, errno, "bind the supervisor's socket %s", sa->sun_path);
	if (fchmodat(AT_FDCWD, sa->sun_path, 0660, 0) < 0 || listen(fd, LISTEN_QUEUE) < 0)
		return error_sys(err, errno, "listen on %s", sa->sun_path);
	return steal_fd(&fd);
}

/* What earlier ones said is kept; a long log becomes cmpd.log.1 first. */
static int open_log(struct error *err)
{
	auto_free char *path = log_path(), *old = xasprintf("%s.1", path);
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0 && st.st_size > LOG_KEPT && rename(path, old) < 0)
		return error_sys(err, errno, "rename %s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}

/* Starts the supervisor unless somebody else has done so meanwhile; returns a connected socket. */
static int start_supervisor(const struct sockaddr_un *sa, struct error *err)
{
	auto_free char *lock_path = xasprintf("%s/start.lock", run_dir());
	auto_fd int lock = -1, log = -1, listener = -1;
	int fd, r;

	if (geteuid() != 0)
		return error_set(err, EPERM,
				 "no supervisor answers at %s, and only root can start one",
				 sa->sun_path);
	r = file_mkdir_p(run_dir(), 0700, err);
	if (r < 0)
		return error_wrap(err, "start the supervisor");
	lock = open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return error_sys(err, errno, "lock %s", lock_path);
	fd = try_connect(sa);
	if (fd >= 0)
		return fd;
	log = open_log(err);
	if (log < 0)
		return log;
	listener = listen_at(sa, err);
	if (listener < 0)
		return listener;
	r = spawn(listener, log, err);
	if (r < 0) {
		unlink(sa->sun_path);
		return r;
	}
	fd = try_connect(sa);
	return fd >= 0 ? fd : error_sys(err, -fd, "connect to the supervisor at %s", sa->sun_path);
}

int start_connect(const char *socket_path, bool start, struct error *err)
{
	struct sockaddr_un sa;
	int r = address(socket_path, &sa, err);

	if (r < 0)
		return r;
	r = try_connect(&sa);
	if (r >= 0)
		return r;
	if (r == -EACCES)
		return error_set(
			err, EACCES,
			"connect to the supervisor at %s: permission denied (run as root, or join the group cmp)",
			socket_path);
	if (!start || !is_default(socket_path) || (r != -ENOENT && r != -ECONNREFUSED))
		return error_sys(err, -r, "connect to the supervisor at %s", socket_path);
	return start_supervisor(&sa, err);
}

int64_t start_log_end(const char *socket_path)
{
	auto_free char *path = log_path();
	struct stat st;

	if (!is_default(socket_path))
		return -1;
	return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* A line that says why: not one of the log that is no error. */
static bool tells_a_reason(const char *line)
{
	static const char *const harmless[] = {"Z warning ",	     "Z info ",
					       "Z debug ",	     "\"level\":\"warning\"",
					       "\"level\":\"info\"", "\"level\":\"debug\""};
	auto_free char *head = xstrndup(line, LOG_HEAD);
	size_t i;

	for (i = 0; i < ARRAY_LEN(harmless); i++)
		if (strstr(head, harmless[i]))
			return false;
	return *line != '\0';
}

/* The last reason in the log behind `since`, or NULL. */
static char *last_reason(int64_t since)
{
	auto_free char *path = log_path(), *text = xmalloc(LOG_READ + 1);
	auto_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(strv_free) char **lines = NULL;
	struct stat st;
	ssize_t n;
	size_t i;

	if (since < 0 || fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (since > st.st_size)
		since = 0; /* a new file meanwhile */
	n = pread(fd, text, LOG_READ, MAX(since, (int64_t)st.st_size - LOG_READ));
	text[MAX(n, 0)] = '\0';
	lines = strv_split(text, "\n");
	for (i = strv_len(lines); i-- > 0;)
		if (tells_a_reason(lines[i]))
			return xstrndup(lines[i], LOG_SHOWN);
	return NULL;
}

int start_explain_death(int64_t since, struct error *err)
{
	auto_free char *reason = last_reason(since);

	if (!reason)
		return error_set(err, ECONNRESET, "the supervisor went away");
	return error_set(err, ECONNRESET, "the supervisor died: %s", reason);
}
