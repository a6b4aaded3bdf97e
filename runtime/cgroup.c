/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroups of containers, on both versions.  A container has one directory on v2, and one in
 * each v1 hierarchy: ROOT[/CONTROLLER]/PARENT/ID.  The machine makes and removes them; this file
 * acts on those of running containers and finds what a crash left.  Everything walks by
 * descriptors, in trees that only root can change.
 *
 * On v1 the freezer tells which processes belong to a container, or memory where there is none.
 */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"

#define ID_LEN	    64
#define DEPTH_MAX   32
#define PROCS_MAX   ((size_t)4 << 20) /* bytes of one cgroup.procs */
#define EVENTS_MAX  ((size_t)4096)
#define KILL_ROUNDS 16

/* ---- paths */

/* "cmp", "system.slice", "a/b": relative, plain, and of no other meaning to a cgroup file system.
 */
static bool valid_parent(const char *parent)
{
	AUTO(strv_free) char **parts = strv_split(parent, "/");

	if (!parts || !*parts || strlen(parent) > 512 || !str_printable(parent))
		return false;
	for (char **part = parts; *part; part++) {
		if (str_eq(*part, ".") || str_eq(*part, ".."))
			return false;
	}
	return true;
}

int runtime_cgroup_path(const struct runtime_host *host, const char *controller, const char *parent,
			const char *id, char **ret, struct error *err)
{
	const char *p = parent ? parent : RUNTIME_CGROUP_PARENT;
	size_t len;

	while (*p == '/')
		p++;
	if (!valid_parent(p))
		return error_set(err, EINVAL, "cgroup parent %s is no plain path", parent);
	len = strlen(p);
	while (len && p[len - 1] == '/')
		len--;
	*ret = xasprintf("%s%s%s/%.*s%s%s", host->cgroup_root, controller ? "/" : "",
			 controller ? controller : "", (int)len, p, id ? "/" : "", id ? id : "");
	return 0;
}

/* The hierarchy whose cgroup.procs is believed; NULL: v2. */
static const char *main_controller(const struct runtime_host *host)
{
	if (host->cgroup_v2)
		return NULL;
	if (host->v1_freezer)
		return host->v1_freezer;
	return strv_has(host->v1_controllers, "memory") ? "memory" : host->v1_controllers[0];
}

/* The directory of a container, O_PATH; -ENOENT when there is none. */
static int open_cgroup(const struct runtime_host *host, const char *controller, const char *parent,
		       const char *id, struct error *err)
{
	auto_free char *path = NULL;
	int fd, r = runtime_cgroup_path(host, controller, parent, id, &path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}

/* ---- walking */

/* Visits a cgroup and those below it, children first.  `fd` stays the caller's. */
typedef int (*visit_fn)(int parent_fd, const char *name, int fd, void *arg, struct error *err);

static int walk_children(int fd, visit_fn visit, void *arg, unsigned depth, struct error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct dirent *entry;
	DIR *dir;

	if (depth > DEPTH_MAX)
		r = error_set(err, ELOOP, "more than %d levels of cgroups", DEPTH_MAX);
	dir = copy < 0 || r < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		if (copy >= 0)
			close(copy);
		return r < 0 ? r : error_sys(err, errno, "read a cgroup");
	}
	while (r == 0 && (entry = readdir(dir))) {
		auto_fd int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue; /* it has just gone */
		r = walk_children(child, visit, arg, depth + 1, err);
		if (r == 0)
			r = visit(fd, entry->d_name, child, arg, err);
	}
	closedir(dir);
	return r;
}

/* ---- processes */

struct pids {
	pid_t *pid;
	size_t count, cap;
};

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->pid = xreallocarray(p->pid, p->cap, sizeof(*p->pid));
	}
	p->pid[p->count++] = pid;
}

static int visit_pids(int parent_fd, const char *name, int fd, void *arg, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	AUTO(strv_free) char **lines = NULL;
	int r = file_read(fd, "cgroup.procs", PROCS_MAX, &text, err);

	(void)parent_fd;
	(void)name;
	if (r == -EOPNOTSUPP || r == -ENODEV || r == -ENOENT)
		return 0; /* a threaded cgroup (its processes are its parent's), or one that has
			     gone */
	if (r < 0)
		return r;
	lines = strv_split(text.data ?: "", "\n");
	for (char **line = lines; line && *line; line++) {
		uint32_t pid;

		if (parse_u32(*line, &pid) == 0 && pid > 0)
			pids_add(arg, (pid_t)pid);
	}
	return 0;
}

static int read_pids(int fd, struct pids *ret, struct error *err)
{
	int r = visit_pids(-1, NULL, fd, ret, err);

	return r < 0 ? r : walk_children(fd, visit_pids, ret, 0, err);
}

int runtime_cgroup_pids(const struct runtime_host *host, const char *parent, const char *id,
			pid_t **ret, size_t *ret_count, struct error *err)
{
	struct pids pids = {.pid = NULL};
	auto_fd int fd = open_cgroup(host, main_controller(host), parent, id, err);
	int r = fd < 0 ? fd : read_pids(fd, &pids, err);

	if (r < 0) {
		free(pids.pid);
		return error_wrap(err, "list the processes of the container");
	}
	*ret = pids.pid;
	*ret_count = pids.count;
	return 0;
}

/* ---- freezing and killing */

static int freeze(const struct runtime_host *host, int fd, bool frozen, struct error *err)
{
	if (host->cgroup_v2)
		return file_poke(fd, "cgroup.freeze", frozen ? "1" : "0", err);
	if (!host->v1_freezer)
		return error_set(err, EOPNOTSUPP, "the freezer hierarchy is not mounted");
	return file_poke(fd, "freezer.state", frozen ? "FROZEN" : "THAWED", err);
}

/* Round by round, until nothing is left that was not killed before.  While it is frozen nothing new
 * appears; without a freezer a fork bomb may need some rounds. */
static int kill_by_pid(const struct runtime_host *host, int fd, struct error *err)
{
	struct error ignored = ERROR_INIT;
	bool frozen = freeze(host, fd, true, &ignored) == 0;
	size_t before = 0;
	int r = 0;

	for (int round = 0; r == 0 && round < KILL_ROUNDS; round++) {
		struct pids pids = {.pid = NULL};

		r = read_pids(fd, &pids, err);
		for (size_t i = 0; i < pids.count; i++)
			kill(pids.pid[i], SIGKILL);
		free(pids.pid);
		if (pids.count == 0 || pids.count == before)
			break;
		before = pids.count;
	}
	if (frozen && freeze(host, fd, false, &ignored) < 0 && r == 0)
		r = error_set(err, ignored.code, "%s", ignored.msg);
	return r;
}

static int kill_all(const struct runtime_host *host, int fd, struct error *err)
{
	struct error ignored = ERROR_INIT;

	if (host->cgroup_v2 && file_poke(fd, "cgroup.kill", "1", &ignored) == 0)
		return 0;
	return kill_by_pid(host, fd, err);
}

int runtime_cgroup_act(const struct runtime_host *host, const char *parent, const char *id,
		       enum runtime_cgroup_event what, struct error *err)
{
	static const char *const words[] = {[RT_CGROUP_FREEZE] = "freeze",
					    [RT_CGROUP_THAW] = "thaw",
					    [RT_CGROUP_KILL] = "kill"};
	auto_fd int fd = open_cgroup(host, main_controller(host), parent, id, err);
	int r = fd;

	if (fd >= 0)
		r = what == RT_CGROUP_KILL ? kill_all(host, fd, err)
					   : freeze(host, fd, what == RT_CGROUP_FREEZE, err);
	return r < 0 ? error_wrap(err, "%s the container", words[what]) : 0;
}

/* ---- the parent */

/* A cpuset takes no process before it has CPUs and memory nodes; its children then copy them. */
static void prepare_cpuset(int fd)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	struct error ignored = ERROR_INIT;
	auto_fd int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_buf struct buf own = BUF_INIT, text = BUF_INIT;

		if (file_read(fd, files[i], EVENTS_MAX, &own, &ignored) < 0 ||
		    (own.len && own.data[0] != '\n'))
			continue;
		if (above >= 0 && file_read(above, files[i], EVENTS_MAX, &text, &ignored) == 0 &&
		    text.len)
			(void)!file_poke(fd, files[i], text.data, &ignored);
	}
	(void)!file_poke(fd, "cgroup.clone_children", "1", &ignored);
}

/* Every controller that this cgroup has is passed on to those below it. */
static int pass_controllers(int fd, const char *name, struct error *err)
{
	auto_buf struct buf text = BUF_INIT;
	AUTO(strv_free) char **controllers = NULL;
	int r = file_read(fd, "cgroup.controllers", EVENTS_MAX, &text, err);

	if (r < 0)
		return r;
	controllers = strv_split(text.data ?: "", " \n");
	for (char **c = controllers; c && *c; c++) {
		auto_free char *plus = xasprintf("+%s", *c);

		r = file_poke(fd, "cgroup.subtree_control", plus, err);
		if (r == -EBUSY && (str_eq(*c, "memory") || str_eq(*c, "pids")))
			return error_set(err, EBUSY,
					 "cgroup %s has processes of its own and can pass no "
					 "controllers on to containers",
					 name);
	}
	*err = ERROR_INIT;
	return 0;
}

/* Makes ROOT/a/b step by step. */
static int make_steps(const struct runtime_host *host, const char *controller, const char *parent,
		      struct error *err)
{
	const char *top = parent ? parent : RUNTIME_CGROUP_PARENT;
	AUTO(strv_free) char **parts = strv_split(top, "/");
	auto_free char *path = controller ? xasprintf("%s/%s", host->cgroup_root, controller)
					  : xstrdup(host->cgroup_root);
	auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	for (char **part = parts; part && *part; part++) {
		int next, r = controller ? 0 : pass_controllers(fd, path, err);

		if (r < 0)
			return r;
		if (mkdirat(fd, *part, 0755) < 0 && errno != EEXIST)
			return error_sys(err, errno, "make cgroup %s in %s", *part, path);
		next = openat(fd, *part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return error_sys(err, errno, "open cgroup %s in %s", *part, path);
		close(fd);
		fd = next;
		if (controller && str_eq(controller, "cpuset"))
			prepare_cpuset(fd);
	}
	return controller ? 0 : pass_controllers(fd, top, err);
}

int runtime_cgroup_prepare(const struct runtime_host *host, const char *parent, struct error *err)
{
	auto_free char *checked = NULL;
	int r = runtime_cgroup_path(host, NULL, parent, NULL, &checked, err);

	if (r == 0 && host->cgroup_v2)
		r = make_steps(host, NULL, parent, err);
	for (char *const *c = host->v1_controllers; r == 0 && c && *c; c++)
		r = make_steps(host, *c, parent, err);
	return r < 0 ? error_wrap(err, "prepare the cgroups of containers") : 0;
}

/* ---- removing */

static int visit_remove(int parent_fd, const char *name, int fd, void *arg, struct error *err)
{
	(void)fd;
	(void)arg;
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_sys(err, errno, "remove cgroup %s", name);
	return 0;
}

/* Children are looked for only when the directory itself cannot be removed. */
static int remove_in(const struct runtime_host *host, const char *controller, const char *parent,
		     const char *id, struct error *err)
{
	auto_fd int dir = open_cgroup(host, controller, parent, NULL, err), fd = -1;
	int r;

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	if (unlinkat(dir, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return error_sys(err, errno, "remove cgroup %s", id);
	fd = openat(dir, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "open cgroup %s", id);
	r = walk_children(fd, visit_remove, NULL, 0, err);
	return r < 0 ? r : visit_remove(dir, id, fd, NULL, err);
}

int runtime_cgroup_remove(const struct runtime_host *host, const char *parent, const char *id,
			  struct error *err)
{
	int first = 0;

	if (host->cgroup_v2)
		return remove_in(host, NULL, parent, id, err);
	for (char *const *c = host->v1_controllers; *c; c++) {
		struct error one = ERROR_INIT;
		int r = remove_in(host, *c, parent, id, &one);

		if (r < 0 && first == 0) { /* the others are tried all the same */
			*err = one;
			first = r;
		}
	}
	return first;
}

/* ---- finding */

static bool is_id(const char *name)
{
	return strlen(name) == ID_LEN && strspn(name, "0123456789abcdef") == ID_LEN;
}

static int list_in(const struct runtime_host *host, const char *controller, const char *parent,
		   char ***names, struct error *err)
{
	int fd = open_cgroup(host, controller, parent, NULL, err);
	struct dirent *entry;
	DIR *dir;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return error_sys(err, errno, "read the cgroups");
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type == DT_DIR && is_id(entry->d_name))
			strv_push(names, xstrdup(entry->d_name));
	}
	closedir(dir);
	return 0;
}

static void drop_duplicates(char **v)
{
	size_t kept = 0;

	for (size_t i = 0; v && v[i]; i++) {
		if (kept && str_eq(v[i], v[kept - 1]))
			free(v[i]);
		else
			v[kept++] = v[i];
	}
	if (v)
		v[kept] = NULL;
}

int runtime_cgroup_list(const struct runtime_host *host, const char *parent, char ***ret,
			struct error *err)
{
	AUTO(strv_free) char **names = NULL;
	int r = 0;

	if (host->cgroup_v2)
		r = list_in(host, NULL, parent, &names, err);
	else
		for (char *const *c = host->v1_controllers; r == 0 && *c; c++)
			r = list_in(host, *c, parent, &names, err);
	if (r < 0)
		return error_wrap(err, "list the containers' cgroups");
	if (!names)
		names = xcalloc(1, sizeof(*names));
	strv_sort(names);
	drop_duplicates(names);
	*ret = steal_ptr(&names);
	return 0;
}

bool runtime_cgroup_oom_killed(const struct runtime_host *host, const char *parent, const char *id)
{
	struct error ignored = ERROR_INIT;
	auto_buf struct buf text = BUF_INIT;
	AUTO(strv_free) char **lines = NULL;
	auto_fd int fd = open_cgroup(host, host->cgroup_v2 ? NULL : "memory", parent, id, &ignored);

	if (fd < 0 || file_read(fd, host->cgroup_v2 ? "memory.events" : "memory.oom_control",
				EVENTS_MAX, &text, &ignored) < 0)
		return false;
	lines = strv_split(text.data ?: "", "\n");
	for (char **line = lines; line && *line; line++) {
		const char *count = str_skip(*line, "oom_kill ");

		if (count)
			return !str_eq(count, "0");
	}
	return false;
}

static void forget_in(const struct runtime_host *host, const char *controller, const char *parent)
{
	auto_free char *dir = NULL;
	struct error ignored = ERROR_INIT;

	if (runtime_cgroup_path(host, controller, parent, NULL, &dir, &ignored) == 0)
		rmdir(dir); /* EBUSY: something still runs there */
}

void runtime_cgroup_forget(const struct runtime_host *host, const char *parent)
{
	char *const *controller;

	if (host->cgroup_v2)
		forget_in(host, NULL, parent);
	for (controller = host->v1_controllers; controller && *controller; controller++)
		forget_in(host, *controller, parent);
}
