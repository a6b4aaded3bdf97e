/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's file system: overlay root, /proc, /dev, /sys, what is hidden.
 * Every mount is made detached, gets its attributes, and is attached onto a descriptor that was
 * resolved in the root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/compile_int.h"

#define SHM_DEFAULT ((uint64_t)64 << 20)
#define OPTIONS_MAX 4000 /* of overlay: the kernel takes a page */
#define ATTR_PSEUDO (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* ---- the root */

/* The longest directory that all layers are below, or "": what is left keeps the options short. */
static char *common_parent(char *const *layers)
{
	size_t i, len, last;
	const char *slash;

	if (!strv_len(layers))
		return xstrdup("");
	slash = strrchr(layers[0], '/');
	len = slash ? (size_t)(slash - layers[0]) : 0;
	for (i = 1; layers[i]; i++) {
		for (last = 0, slash = layers[0]; (size_t)(slash - layers[0]) <= len; slash++) {
			size_t at = (size_t)(slash - layers[0]);

			if (*slash != layers[i][at])
				break;
			if (*slash == '/')
				last = at;
		}
		len = MIN(len, last);
	}
	return xstrndup(layers[0], len);
}

static int add_lower(struct assembler *a, struct buf *options, const char *path)
{
	if (path[strcspn(path, ":,\\")])
		return error_set(a->err, EINVAL, "layer %s: overlay takes no path with : , or \\",
				 path);
	buf_addf(options, "%s%s", options->data[options->len - 1] == '=' ? "" : ":", path);
	return 0;
}

static int overlay_options(struct assembler *a, const char *parent, struct buf *options)
{
	const char *dir = a->spec->container_dir;
	size_t i, skip = *parent ? strlen(parent) + 1 : 0, count = strv_len(a->spec->layers);
	int r = 0;

	buf_adds(options, "lowerdir=");
	if (!count) { /* an image without layers: an empty directory stands for them */
		auto_free char *none = xasprintf("%s/none", dir);

		as_op(a, OP_MKDIR, 0, as_str(a, "make the container's directory"), as_str(a, none),
		      0700);
		r = add_lower(a, options, none);
	}
	for (i = count; i > 0 && r == 0; i--)
		r = add_lower(a, options, a->spec->layers[i - 1] + skip);
	buf_addf(options, ",upperdir=%s/upper,workdir=%s/work", dir, dir);
	if (r == 0 && options->len > OPTIONS_MAX)
		r = error_set(a->err, E2BIG, "the image has too many layers (%zu)", count);
	return r;
}

int compile_root(struct assembler *a)
{
	const char *dir = a->spec->container_dir;
	auto_buf struct buf options = BUF_INIT;
	auto_free char *parent = common_parent(a->spec->layers), *own = NULL;
	const char *target = a->spec->mount_dir;
	uint32_t sentence = as_str(a, "make the container's directory");
	int r;

	as_op(a, OP_PRIVATE, 0, as_str(a, "make the mount namespace private"), 0);
	as_op(a, OP_MKDIR, 0, sentence, as_strf(a, "%s/upper", dir), 0755);
	as_op(a, OP_MKDIR, 0, sentence, as_strf(a, "%s/work", dir), 0700);
	if (!target) {
		target = own = xasprintf("%s/merged", dir);
		as_op(a, OP_MKDIR, 0, sentence, as_str(a, own), 0700);
	}
	r = overlay_options(a, parent, &options);
	if (r < 0)
		return r;
	as_op(a, OP_OVERLAY, 0, as_str(a, "mount the root file system (overlay)"),
	      as_str(a, parent), as_str(a, options.data), as_str(a, target), SLOT_ROOT);
	return 0;
}

/* ---- /proc, /dev, /sys */

/* A new file system on a directory of `dir` that must really be one. */
static uint32_t mount_new(struct assembler *a, uint32_t dir, const char *path, const char *shown,
			  const char *type, const char *options, unsigned attr, uint32_t slot)
{
	uint32_t target = as_slot(a), sentence = as_strf(a, "mount %s on %s", type, shown);

	as_op(a, OP_MOUNT_NEW, 0, sentence, as_str(a, type), as_str(a, options), attr, slot);
	as_op(a, OP_DIR, OP_REAL, sentence, dir, as_str(a, path), 0755, target);
	as_op(a, OP_MOVE_MOUNT, 0, sentence, slot, target);
	return target;
}

static void make_links(struct assembler *a)
{
	static const char *const links[][2] = {
		{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
		{"ptmx", "pts/ptmx"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(links); i++)
		as_op(a, OP_SYMLINK, 0, as_strf(a, "make the link /dev/%s", links[i][0]), SLOT_DEV,
		      as_str(a, links[i][0]), as_str(a, links[i][1]));
}

/* Who shares the host's IPC shares its POSIX shared memory. */
static void host_shm(struct assembler *a)
{
	uint32_t tree = as_slot(a), target = as_slot(a);
	uint32_t sentence = as_str(a, "mount the host's /dev/shm on /dev/shm");

	as_op(a, OP_OPEN_TREE, 0, sentence, PROGRAM_SLOT_NONE, as_str(a, "/dev/shm"), 0, tree);
	as_op(a, OP_MOUNT_ATTR, 0, sentence, tree, ATTR_PSEUDO, 0, MS_PRIVATE);
	as_op(a, OP_DIR, OP_REAL, sentence, SLOT_DEV, as_str(a, "shm"), 0755, target);
	as_op(a, OP_MOVE_MOUNT, 0, sentence, tree, target);
}

static void compile_dev(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	auto_free char *shm =
		xasprintf("mode=1777,size=%llu",
			  (unsigned long long)(s->shm_bytes ? s->shm_bytes : SHM_DEFAULT));

	mount_new(a, SLOT_ROOT, "dev", "/dev", "tmpfs", "mode=755,size=65536k", MOUNT_ATTR_NOSUID,
		  SLOT_DEV);
	compile_nodes(a);
	make_links(a);
	mount_new(a, SLOT_DEV, "pts", "/dev/pts", "devpts",
		  "newinstance,ptmxmode=0666,mode=0620,gid=5",
		  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, SLOT_PTS);
	if (s->ipc.mode == RT_NS_HOST)
		host_shm(a);
	else
		mount_new(a, SLOT_DEV, "shm", "/dev/shm", "tmpfs", shm, ATTR_PSEUDO, as_slot(a));
	mount_new(a, SLOT_DEV, "mqueue", "/dev/mqueue", "mqueue", NULL, ATTR_PSEUDO, as_slot(a));
	a->slot_null = as_slot(a);
	as_op(a, OP_OPEN, 0, as_str(a, "open /dev/null"), SLOT_DEV, as_str(a, "null"),
	      O_PATH | O_NOFOLLOW, a->slot_null);
}

static int compile_pseudo(struct assembler *a)
{
	a->slot_proc = as_slot(a);
	a->slot_sys = as_slot(a);
	mount_new(a, SLOT_ROOT, "proc", "/proc", "proc", NULL, ATTR_PSEUDO, a->slot_proc);
	compile_dev(a);
	mount_new(a, SLOT_ROOT, "sys", "/sys", "sysfs", NULL,
		  ATTR_PSEUDO | (a->spec->privileged ? 0 : MOUNT_ATTR_RDONLY), a->slot_sys);
	return compile_cgroup_mounts(a);
}

int compile_mounts(struct assembler *a)
{
	int r = compile_pseudo(a);

	if (r < 0)
		return r;
	compile_attach(a);
	compile_masks(a);
	as_op(a, OP_PIVOT, 0, as_str(a, "change to the container's root"), SLOT_ROOT);
	return 0;
}

/* ---- what is hidden (sandbox: Docker's list, and what that leaves open) */

void compile_masks(struct assembler *a)
{
	static const char *const proc_hidden[] = {
		"acpi",	       "asound", "interrupts", "kcore",	       "keys",	   "latency_stats",
		"sched_debug", "scsi",	 "timer_list", "timer_stats",  "pressure", "slabinfo",
		"vmallocinfo", "iomem",	 "config.gz",  "pagetypeinfo",
	};
	static const char *const proc_readonly[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
	static const char *const sys_hidden[] = {"firmware", "devices/virtual/powercap",
						 "kernel/slab", "kernel/notes",
						 "kernel/vmcoreinfo"};
	size_t i;

	if (a->spec->privileged || a->spec->unmask)
		return;
	for (i = 0; i < ARRAY_LEN(proc_hidden); i++)
		as_op(a, OP_MASK, 0, as_strf(a, "hide /proc/%s", proc_hidden[i]), a->slot_proc,
		      as_str(a, proc_hidden[i]), a->slot_null);
	for (i = 0; i < ARRAY_LEN(proc_readonly); i++)
		as_op(a, OP_READONLY, 0, as_strf(a, "make /proc/%s read-only", proc_readonly[i]),
		      a->slot_proc, as_str(a, proc_readonly[i]));
	for (i = 0; i < ARRAY_LEN(sys_hidden); i++)
		as_op(a, OP_MASK, 0, as_strf(a, "hide /sys/%s", sys_hidden[i]), a->slot_sys,
		      as_str(a, sys_hidden[i]), a->slot_null);
	for (i = 0; i < a->host->thermal_cpus; i++)
		as_op(a, OP_MASK, 0, as_strf(a, "hide thermal_throttle of cpu%zu", i), a->slot_sys,
		      as_strf(a, "devices/system/cpu/cpu%zu/thermal_throttle", i), a->slot_null);
}
