/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the routes_*.c files, and what they share. */
#ifndef ENGINE_API_ROUTES_H
#define ENGINE_API_ROUTES_H

#include "engine/api/api.h"

struct container;

extern const struct api_route project_routes[], container_routes[], image_routes[], object_routes[],
	build_routes[];

/* stream.c: the two-way streams of exec and attach. */
void stream_exec(struct api_request *r, struct container *c);
void stream_attach(struct api_request *r, struct container *c);
/* routes_projects.c: logs of a project or of one container (id), by the request's query. */
void stream_logs(struct api_request *r, const char *project, const char *container);
/* top.c: {titles, processes} of a running container; ps_args: "-ef" (NULL), "aux", "-o pid,args".
 */
int container_top(struct container *c, const char *ps_args, json_t **ret, struct error *err)
	MUST_CHECK;

/* Who uses an image: the shape of image_remove_args.in_use; `arg` is the daemon. */
enum image_use image_users(void *arg, const char *image_id, char **ret_by);

#endif
