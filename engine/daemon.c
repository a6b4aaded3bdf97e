/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start and end of the supervisor.  The order of the start: state, images, volumes, network,
 * records, the socket, and only then what runs is taken over; whoever has connected meanwhile waits
 * in the socket's queue for the few milliseconds that it takes.
 */
#include "engine/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/api/api.h"
#include "engine/build.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/network.h"
#include "engine/project.h"
#include "engine/shim.h"
#include "engine/socket.h"
#include "engine/state.h"
#include "engine/trash.h"

#define STATE_DEFAULT "/var/lib/cmp"
#define RUN_DEFAULT   "/run/cmp"
#define SHIM_MAX      ((size_t)64 << 20)
#define LOCK_SECONDS  2

struct start {	  /* what only the start needs */
	int lock; /* of the state directory; held to the end */
	int listen_fd;
	uv_signal_t signals[3];
};

/* ---- surroundings */

static char *directory_of(const char *variable, const char *fallback)
{
	const char *dir = getenv(variable);

	return xstrdup(str_empty(dir) ? fallback : dir);
}

static void make_tag(struct daemon *d)
{
	char hex[DIGEST_HEX_MAX];

	if (!strcmp(d->state_dir, STATE_DEFAULT)) {
		str_copy(d->tag, sizeof(d->tag), "cmp");
		return;
	}
	digest_of(d->state_dir, strlen(d->state_dir), hex);
	snprintf(d->tag, sizeof(d->tag), "c%.5s", hex);
}

static int set_paths(struct daemon *d, struct error *err)
{
	const char *host = getenv("CMP_HOST");
	char dir[4096];
	int r = file_program_dir(dir, sizeof(dir), err);

	if (r < 0)
		return r;
	d->program = xasprintf("%s/cmpd", dir);
	d->state_dir = directory_of("CMP_STATE_DIR", STATE_DEFAULT);
	d->run_dir = directory_of("CMP_RUN_DIR", RUN_DEFAULT);
	if (d->state_dir[0] != '/' || d->run_dir[0] != '/')
		return error_set(err, EINVAL,
				 "CMP_STATE_DIR and CMP_RUN_DIR must be absolute paths");
	if (str_empty(host))
		d->socket_path = xasprintf("%s/cmp.sock", d->run_dir);
	else if (str_starts(host, "unix:///"))
		d->socket_path = xstrdup(host + strlen("unix://"));
	else
		return error_set(err, EINVAL, "CMP_HOST is \"%s\": only unix:///PATH is supported",
				 host);
	make_tag(d);
	return 0;
}

/*
 * Nothing of the shell that happened to start us lives on in us and the shims, except what the next
 * supervisor, which a shim may start, needs as well.
 */
static void clean_environment(struct daemon *d)
{
	static const char *const kept[] = {
		"PATH",		  "HOME",	  "TZ",		  "LANG",	   "TMPDIR",
		"CMP_DEBUG",	  "HTTP_PROXY",	  "HTTPS_PROXY",  "NO_PROXY",	   "ALL_PROXY",
		"http_proxy",	  "https_proxy",  "no_proxy",	  "all_proxy",	   "JOURNAL_STREAM",
		"CMP_CONFIG_DIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
	};
	char *values[ARRAY_LEN(kept)];
	auto_free char *host = xasprintf("unix://%s", d->socket_path);
	size_t i;

	d->notify_socket = xstrdup(getenv("NOTIFY_SOCKET"));
	for (i = 0; i < ARRAY_LEN(kept); i++)
		values[i] = xstrdup(getenv(kept[i]));
	clearenv();
	for (i = 0; i < ARRAY_LEN(kept); i++) {
		if (values[i])
			setenv(kept[i], values[i], 1);
		free(values[i]);
	}
	setenv("CMP_STATE_DIR", d->state_dir, 1);
	setenv("CMP_RUN_DIR", d->run_dir, 1);
	setenv("CMP_HOST", host, 1);
	setenv("CMPD", d->program, 1);
}

/*
 * What every root needs to have things mounted on, as a layer below all images: making it in each
 * container's own layer would cost more than all the mounts.
 */
static int make_skeleton(struct daemon *d, struct error *err)
{
	static const char *const dirs[] = {"", "/proc", "/sys", "/dev", "/etc"};
	static const char *const files[] = {"hosts", "hostname", "resolv.conf"};
	size_t i;
	int r = 0;

	d->skeleton = xasprintf("%s/skeleton", d->state_dir);
	d->mount_dir = xasprintf("%s/root", d->state_dir);
	for (i = 0; i < ARRAY_LEN(dirs) && r == 0; i++) {
		auto_free char *path = xasprintf("%s%s", d->skeleton, dirs[i]);

		r = file_mkdir_p(path, 0755, err);
	}
	for (i = 0; i < ARRAY_LEN(files) && r == 0; i++) {
		auto_free char *path = xasprintf("%s/etc/%s", d->skeleton, files[i]);
		auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

		r = fd < 0 ? error_sys(err, errno, "create %s", path) : 0;
	}
	return r < 0 ? r : file_mkdir_p(d->mount_dir, 0700, err);
}

static int make_directories(struct daemon *d, struct error *err)
{
	static const char *const below_state[] = {"", "/containers", "/trash"};
	auto_free char *run = xasprintf("%s/containers", d->run_dir);
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_LEN(below_state) && r == 0; i++) {
		auto_free char *path = xasprintf("%s%s", d->state_dir, below_state[i]);

		r = file_mkdir_p(path, 0700, err);
	}
	if (r == 0)
		r = make_skeleton(d, err);
	if (r == 0)
		r = file_mkdir_p(d->run_dir, 0700, err);
	return r < 0 ? r : file_mkdir_p(run, 0700, err);
}

static void on_alarm(int signo)
{
	(void)signo; /* it ends the waiting, that is all */
}

/* A supervisor that is just ending gives its lock up a moment after its connections have closed:
 * waiting for that is part of coming back. */
static int lock_in_time(int fd)
{
	const struct itimerval limit = {.it_value.tv_sec = LOCK_SECONDS}, none = {0};
	const struct sigaction wake = {.sa_handler = on_alarm};
	struct sigaction before;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	sigaction(SIGALRM, &wake, &before);
	setitimer(ITIMER_REAL, &limit, NULL);
	r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r;
}

static int lock_state(struct daemon *d, int *ret, struct error *err)
{
	auto_free char *path = xasprintf("%s/lock", d->state_dir);
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return error_sys(err, errno, "create %s", path);
	r = lock_in_time(fd);
	if (r == -EINTR)
		return error_set(err, EBUSY, "another cmpd runs with the state in %s",
				 d->state_dir);
	if (r < 0)
		return error_sys(err, -r, "lock %s", path);
	*ret = steal_fd(&fd);
	return 0;
}

/* Many descriptors for us; what the containers get is their own matter. */
static void raise_limits(void)
{
	struct rlimit files;
	struct error ignored = ERROR_INIT;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (file_poke(AT_FDCWD, "/proc/self/oom_score_adj", "-500", &ignored) < 0)
		log_debug("daemon", "%s", ignored.msg);
}

/* The shim's program as a sealed memfd: no container can ever reach the file on disk. */
static int load_shim(struct daemon *d, struct error *err)
{
	char dir[4096];
	auto_free char *near = NULL;
	auto_buf struct buf image = {.max = SHIM_MAX};
	auto_fd int fd = memfd_create("cmp-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int high, r = file_program_dir(dir, sizeof(dir), err);

	if (r < 0)
		return r;
	near = xasprintf("%s/cmp-shim", dir);
	r = file_read(AT_FDCWD, file_exists(AT_FDCWD, near) ? near : PKGLIBEXECDIR "/cmp-shim",
		      SHIM_MAX, &image, err);
	if (r < 0)
		return error_wrap(err, "load cmp-shim");
	if (fd < 0)
		return error_sys(err, errno, "make room for cmp-shim");
	r = file_write_all(fd, image.data, image.len, err);
	if (r < 0)
		return r;
	if (fchmod(fd, 0500) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return error_sys(err, errno, "seal cmp-shim");
	/* Out of the way of the numbers that a shim is started with. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, SHIM_FD_LOG + 1);
	if (high < 0)
		return error_sys(err, errno, "keep cmp-shim");
	d->shim_fd = high;
	return 0;
}

/* ---- the service manager */

static void notify_ready(const struct daemon *d)
{
	static const char ready[] = "READY=1";
	const char *path = d->notify_socket;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	auto_fd int fd = -1;

	if (!path || !str_copy(sa.sun_path, sizeof(sa.sun_path), path))
		return;
	if (sa.sun_path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    sendto(fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL, (const struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		log_debug("daemon", "notify: %s", strerrordesc_np(errno));
}

/* ---- parts */

static int open_network(struct daemon *d, struct error *err)
{
	const struct net_options options = {.loop = d->loop, .netns_fd = -1, .table = d->tag};
	struct net_dns_zone zone = network_dns_zone;
	int r = net_open(&options, &d->net, err);

	if (r < 0)
		return error_wrap(err, "open the network");
	zone.arg = d;
	d->dns = net_dns_new(d->net, &zone);
	return 0;
}

static int open_parts(struct daemon *d, struct error *err)
{
	int r = runtime_host_probe(&d->host, err);

	if (r == 0)
		r = runtime_cgroup_prepare(&d->host, d->tag, err);
	if (r == 0)
		r = load_shim(d, err);
	if (r == 0)
		r = state_open(d->state_dir, d->loop, &d->state, err);
	if (r == 0)
		r = image_store_open(d->state_dir, d->loop, &d->images, err);
	if (r == 0)
		r = volume_store_open(d->state_dir, d->loop, &d->volumes, err);
	if (r == 0)
		r = open_network(d, err);
	if (r == 0)
		r = networks_load(d, err);
	if (r == 0)
		r = containers_load(d, err);
	return r < 0 ? r : projects_load(d, err);
}

static void init(struct daemon *d, uv_loop_t *loop)
{
	*d = (struct daemon){.loop = loop, .shim_fd = -1, .started_ns = time_now_ns()};
	d->containers = map_new(NULL);
	d->container_names = map_new(NULL);
	d->networks = map_new(NULL);
	d->projects = map_new(NULL);
	d->execs = map_new(NULL);
	d->events = events_new();
	list_init(&d->published);
	list_init(&d->container_watchers);
	list_init(&d->shims_leaving);
	list_init(&d->builds);
	d->build_caches = map_new(NULL);
}

/* ---- the end */

static void say_goodbye(struct daemon *d)
{
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		if (c->shim)
			shim_goodbye(c->shim);
	}
}

/* Nothing runs and no network is left: then nothing of ours stays in the kernel either. */
static void leave(struct daemon *d)
{
	struct error err = ERROR_INIT;

	runtime_cgroup_forget(&d->host, d->tag);
	networks_leave(d);
	if (!map_len(d->networks) && net_firewall_destroy(d->net, &err) < 0)
		log_warn("daemon", "%s", err.msg);
}

void daemon_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	builds_stop(d);
	say_goodbye(d);
	leave(d);
	if (!d->notify_socket) /* a service manager goes on listening there */
		unlink(d->socket_path);
	uv_stop(d->loop);
}

static void on_signal(uv_signal_t *handle, int signo)
{
	log_info("daemon", "ending after signal %d; containers go on", signo);
	daemon_stop(handle->data);
}

static void on_child(uv_signal_t *handle, int signo)
{
	(void)signo;
	shims_reap(handle->data);
}

static void watch_signals(struct daemon *d, struct start *s)
{
	static const struct {
		int signo;
		uv_signal_cb call;
	} watched[] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGCHLD, on_child}};
	size_t i;

	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	for (i = 0; i < ARRAY_LEN(watched); i++) {
		uv_signal_init(d->loop, &s->signals[i]);
		s->signals[i].data = d;
		uv_signal_start(&s->signals[i], watched[i].call, watched[i].signo);
		uv_unref((uv_handle_t *)&s->signals[i]);
	}
}

static int serve(struct daemon *d, struct start *s, struct error *err)
{
	int r = set_paths(d, err);

	if (r == 0)
		r = make_directories(d, err);
	if (r == 0)
		r = lock_state(d, &s->lock, err);
	if (r < 0)
		return r;
	s->listen_fd = socket_open(d, err);
	if (s->listen_fd < 0)
		return s->listen_fd;
	clean_environment(d);
	raise_limits();
	watch_signals(d, s);
	r = open_parts(d, err);
	if (r == 0)
		r = api_server_start(d, s->listen_fd, err);
	if (r < 0)
		return r;
	containers_adopt(d);
	builds_sweep(d);
	notify_ready(d);
	log_info("daemon", "serving %s, state in %s", d->socket_path, d->state_dir);
	uv_run(d->loop, UV_RUN_DEFAULT);
	return 0;
}

int daemon_run(struct error *err)
{
	static struct daemon d;
	struct start s = {.lock = -1, .listen_fd = -1};
	static uv_loop_t loop;
	int r;

	uv_loop_init(&loop);
	init(&d, &loop);
	r = serve(&d, &s, err);
	/*
	 * The process ends here and its memory with it.  What matters has been recorded when it
	 * happened: this end and SIGKILL leave the same behind.
	 */
	if (d.state)
		state_close(d.state);
	return r;
}
