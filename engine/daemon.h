/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor's one state: everything hangs off `struct daemon`, passed explicitly, touched on
 * the loop thread only.
 */
#ifndef ENGINE_DAEMON_H
#define ENGINE_DAEMON_H

#include <uv.h>

#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "images/images.h"
#include "net/net.h"
#include "runtime/runtime.h"
#include "volumes/volumes.h"

struct state;
struct events;
struct api_server;

struct daemon {
	uv_loop_t *loop;
	char *state_dir, *run_dir, *socket_path;
	char *program;	     /* path of cmpd, for the shims */
	char *notify_socket; /* of the service manager, or NULL */
	char *skeleton; /* STATE/skeleton: the mount points that every root has, as the lowest layer
			 */
	char *mount_dir; /* STATE/root: where each container, in its own namespace, mounts its root
			  */
	/*
	 * What names of kernel objects begin with, so that two supervisors never touch each
	 * other's: "cmp" for the default state directory, otherwise "c" and five hex digits of its
	 * path's digest.  Bridges are TAGb<hex>, veths TAGv<hex>, the nft table and the cgroup
	 * parent TAG.
	 */
	char tag[8];
	int shim_fd; /* sealed memfd of cmp-shim, spawned from /proc/self/fd/N */
	int64_t started_ns;
	bool stopping;

	struct state *state;
	struct image_store *images;
	struct volume_store *volumes;
	struct net *net;
	struct net_dns *dns;
	struct runtime_host host;
	struct events *events;
	struct api_server *api;

	struct map *containers;		/* id -> struct container, in order of creation */
	struct map *container_names;	/* name -> struct container */
	struct map *networks;		/* id -> struct network */
	struct map *projects;		/* name -> struct project */
	struct map *execs;		/* id -> what api/docker_exec.c keeps */
	struct list published;		/* struct publish of publish.c */
	struct list container_watchers; /* see container.h */
	struct list builds;		/* struct build of build_int.h */
	struct map *build_caches;	/* cache mounts in use; build_mounts.c */
	struct list shims_leaving;	/* processes to be waited for; shim.c */
};

/* Reads the environment, opens everything, adopts what runs, serves until told to stop. */
int daemon_run(struct error *err) MUST_CHECK;
/* Ends the loop; containers go on. */
void daemon_stop(struct daemon *d);

#endif
