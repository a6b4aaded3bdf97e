/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices that a container gets besides the harmless ones.  The user names nodes or whole
 * directories of them ("/dev/dri"); a privileged container gets what the host has.  What there is,
 * is looked at here, once, for the nodes in /dev and for the device cgroup alike.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/compile_int.h"

#define DEPTH_MAX 8
#define NODES_MAX 4096

/* In every /dev of ours; the console is the terminal, if there is one. */
static const struct {
	const char *name;
	unsigned major, minor;
} usual[] = {{"null", 1, 3},   {"zero", 1, 5},	  {"full", 1, 7},
	     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
static const char *const taken[] = {"console", "ptmx", "pts", "shm", "mqueue", "fd", "core"};

static bool is_usual(const char *target)
{
	const char *name = str_skip(target, "/dev/");
	size_t i;

	for (i = 0; name && i < ARRAY_LEN(usual); i++)
		if (str_eq(name, usual[i].name))
			return true;
	for (i = 0; name && i < ARRAY_LEN(taken); i++)
		if (str_eq(name, taken[i]))
			return true;
	return false;
}

/* ---- looking */

static int add_node(struct assembler *a, const char *source, const char *target,
		    const char *permissions, const struct stat *st)
{
	if (a->node_count == NODES_MAX)
		return error_set(a->err, E2BIG, "device %s: more than %d devices", source,
				 NODES_MAX);
	a->nodes = xreallocarray(a->nodes, a->node_count + 1, sizeof(*a->nodes));
	a->nodes[a->node_count++] = (struct device_node){
		.source = xstrdup(source),
		.target = xstrdup(target),
		.permissions = str_empty(permissions) ? "rwm" : permissions,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = st->st_rdev,
	};
	return 0;
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* What is in a directory, links aside; what vanishes meanwhile was not there. */
static int add_directory(struct assembler *a, const char *source, const char *target,
			 const char *permissions, unsigned depth)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(source) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return 0;
	while (r == 0 && (entry = readdir(dir))) {
		auto_free char *from = xasprintf("%s/%s", source, entry->d_name);
		auto_free char *to = xasprintf("%s/%s", target, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || is_usual(to) || lstat(from, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			r = add_directory(a, from, to, permissions, depth + 1);
		else if (is_device(&st))
			r = add_node(a, from, to, permissions, &st);
	}
	closedir(dir);
	return r;
}

static int add_device(struct assembler *a, const struct runtime_device *d)
{
	const char *target = str_empty(d->target) ? d->source : d->target;
	const char *permissions = d->permissions ? d->permissions : "";
	struct stat st;

	if (target[0] != '/' || strstr(target, "/../") || str_ends(target, "/.."))
		return error_set(a->err, EINVAL, "device %s is no plain absolute path", target);
	if (strlen(permissions) > 3 || permissions[strspn(permissions, "rwm")])
		return error_set(a->err, EINVAL, "device %s: permissions \"%s\": use r, w and m",
				 d->source, permissions);
	if (stat(d->source, &st) < 0)
		return error_sys(a->err, errno, "device %s", d->source);
	if (S_ISDIR(st.st_mode))
		return add_directory(a, d->source, target, permissions, 0);
	if (!is_device(&st))
		return error_set(a->err, EINVAL, "%s is not a device", d->source);
	return add_node(a, d->source, target, permissions, &st);
}

static int by_target(const void *x, const void *y)
{
	return strcmp(((const struct device_node *)x)->target,
		      ((const struct device_node *)y)->target);
}

int compile_devices(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	size_t i;
	int r = 0;

	for (i = 0; i < s->device_count && r == 0; i++)
		r = add_device(a, &s->devices[i]);
	if (r == 0 && s->privileged && a->host->dev_dir)
		r = add_directory(a, a->host->dev_dir, "/dev", NULL, 0);
	if (a->node_count)
		qsort(a->nodes, a->node_count, sizeof(*a->nodes), by_target);
	return r;
}

void compile_devices_release(struct assembler *a)
{
	size_t i;

	for (i = 0; i < a->node_count; i++) {
		free(a->nodes[i].source);
		free(a->nodes[i].target);
	}
	free(a->nodes);
}

/* ---- making */

static void make_usual(struct assembler *a)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(usual); i++)
		as_op(a, OP_MKNOD, 0, as_strf(a, "make the device /dev/%s", usual[i].name),
		      SLOT_DEV, as_str(a, usual[i].name), S_IFCHR | 0666,
		      (uint32_t)makedev(usual[i].major, usual[i].minor), 0, 0);
}

bool device_is_below_dev(const struct device_node *node)
{
	return str_starts(node->target, "/dev/");
}

void compile_nodes(struct assembler *a)
{
	auto_free char *last_parent = NULL;
	uint32_t parent_slot = SLOT_DEV;
	size_t i;

	make_usual(a);
	for (i = 0; i < a->node_count; i++) {
		const struct device_node *n = &a->nodes[i];
		const char *name = n->target + strlen("/dev/"), *slash = strrchr(name, '/');
		uint32_t sentence, dir = SLOT_DEV;

		if (!device_is_below_dev(n) || is_usual(n->target) ||
		    (i && str_eq(n->target, a->nodes[i - 1].target)))
			continue;
		sentence = as_strf(a, "make the device %s", n->target);
		if (slash) {
			auto_free char *parent = xstrndup(name, (size_t)(slash - name));

			if (parent_slot == SLOT_DEV)
				parent_slot = as_slot(a);
			if (!str_eq(parent, last_parent)) {
				as_op(a, OP_DIR, OP_REAL, sentence, SLOT_DEV, as_str(a, parent),
				      0755, parent_slot);
				free(last_parent);
				last_parent = steal_ptr(&parent);
			}
			dir = parent_slot;
		}
		as_op(a, OP_MKNOD, 0, sentence, dir, as_str(a, slash ? slash + 1 : name), n->mode,
		      (uint32_t)n->rdev, n->uid, n->gid);
	}
}
