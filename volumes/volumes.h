/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes: named trees that outlive containers, under `<state_dir>/volumes/<name>/data`, with their
 * record in `<state_dir>/volumes.db`; preparation of bind sources; tmpfs options.
 *
 * Threads: the loop thread only.  Records are answered from memory.  Creating and removing make one
 * short transaction and one mkdir or rename; trees are deleted in a worker out of `trash/`.  The
 * content of a volume is foreign: it is never walked here, only by confined programs.
 */
#ifndef VOLUMES_VOLUMES_H
#define VOLUMES_VOLUMES_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct uv_loop_s; /* uv_loop_t */
struct volume_store;

/* A record; borrowed from the store, valid until the volume is removed. */
struct volume {
	char *name;	     /* as the user says; anonymous ones are 64 hex digits */
	char *driver;	     /* "local" */
	json_t *driver_opts; /* object of strings: type, o, device; never NULL */
	json_t *labels;	     /* object of strings; never NULL */
	char *mountpoint;    /* absolute path of the data directory, as `inspect` shows it */
	int64_t created_ns;
	bool populated; /* content was copied from an image, or need not be */
	bool anonymous;
	bool bound; /* made for a container and never let go: nobody else knows of it */
};

struct volume_args {
	const char *name;	   /* NULL: anonymous, a name is made */
	const char *driver;	   /* NULL or "local" */
	const json_t *driver_opts; /* object of strings or NULL */
	const json_t *labels;	   /* object of strings or NULL */
	bool anonymous; /* removed by prune without --all, and with its container by rm -v */
	bool bound;	/* it is anonymous and nothing without its container; see volume_let_go */
};

/* Opens, makes directories and the table, removes half-made volumes.  Blocking; at start only. */
int volume_store_open(const char *state_dir, struct uv_loop_s *loop, struct volume_store **ret,
		      struct error *err) MUST_CHECK;
void volume_store_free(struct volume_store *s); /* accepts NULL; waits for nothing */

/*
 * Makes a volume.  One that exists is returned as it is (*ret_created false) when driver and
 * options agree, otherwise EEXIST.  EINVAL for a bad name or bad options.
 */
int volume_create(struct volume_store *s, const struct volume_args *args, struct volume **ret,
		  bool *ret_created, struct error *err) MUST_CHECK;
struct volume *volume_get(struct volume_store *s, const char *name); /* NULL when unknown */
/* All, by name: NULL-terminated array of borrowed pointers; free() the array. */
struct volume **volume_list(struct volume_store *s);
/* {name, driver, mountpoint, created_ns, scope, labels, options, anonymous}; new reference. */
json_t *volume_inspect(const struct volume *v);

/* Who uses it: returns true and an owned name for the message. */
typedef bool (*volume_in_use_fn)(void *arg, const char *name, char **ret_by);
/* EBUSY while in use.  ENOENT when unknown, unless `force`. */
int volume_remove(struct volume_store *s, const char *name, bool force, volume_in_use_fn in_use,
		  void *arg, struct error *err) MUST_CHECK;
/* Removes the unused volumes: anonymous ones, or all.  *ret_names: owned vector of removed names.
 */
int volume_prune(struct volume_store *s, bool all, volume_in_use_fn in_use, void *arg,
		 char ***ret_names, struct error *err) MUST_CHECK;

/* Its container goes and it stays, as the user wished: volumes_sweep leaves it. */
int volume_let_go(struct volume_store *s, struct volume *v, struct error *err) MUST_CHECK;
/* At start: removes the bound volumes that nobody uses.  Their containers were never recorded. */
void volumes_sweep(struct volume_store *s, volume_in_use_fn in_use, void *arg);

/* Population from the image on first use: the launch program copies, the flag is kept here. */
bool volume_needs_populate(const struct volume *v);
int volume_set_populated(struct volume_store *s, struct volume *v, struct error *err) MUST_CHECK;

/* ---- what is mounted ---- */

/* The data directory as O_PATH descriptor (of the bound directory for `type: none, o: bind`). */
int volume_open(struct volume_store *s, const struct volume *v, struct error *err) MUST_CHECK;
/*
 * Makes the volume ready for mounting and tells the directory to bind (owned path).  For plain
 * volumes that is the data directory, for `o: bind` the named one; a file system of its own (tmpfs,
 * nfs, ext4 …) is mounted on the data directory unless it is already.
 */
int volume_mount(struct volume_store *s, struct volume *v, char **ret_path, struct error *err)
	MUST_CHECK;
/* Undoes the mount of a file system of its own; nothing for others.  When no running container uses
 * the volume any more. */
int volume_unmount(struct volume_store *s, struct volume *v, struct error *err) MUST_CHECK;

/*
 * Checks the source of a bind mount, an absolute path of the host.  When it is missing and
 * `create`, makes it a directory (0755, root) with its parents, as Compose does; otherwise ENOENT
 * with the words Docker users know.  Returns an O_PATH descriptor.
 */
int volume_bind_prepare(const char *source, bool create, struct error *err) MUST_CHECK;

/* ---- tmpfs: "/run:size=64m,mode=1777,uid=5,noexec" ---- */

struct volume_tmpfs {
	char *target;
	uint64_t size_bytes; /* 0: the kernel's default */
	uint64_t nr_inodes;  /* 0: the kernel's default */
	mode_t mode;	     /* (mode_t)-1: 01777 */
	uid_t uid;	     /* 0 unless said */
	gid_t gid;
	unsigned long attr; /* MOUNT_ATTR_* for mount_setattr; nosuid,nodev,noexec by default */
};
int volume_tmpfs_parse(const char *text, struct volume_tmpfs *ret, struct error *err) MUST_CHECK;
void volume_tmpfs_release(struct volume_tmpfs *t);
/* The data of mount(2) for it: "size=67108864,mode=1777"; owned. */
char *volume_tmpfs_data(const struct volume_tmpfs *t);

#endif
