/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Projects: the desired state as the last `up` said it, and what exists of it. */
#ifndef ENGINE_PROJECT_H
#define ENGINE_PROJECT_H

#include "engine/container.h"
#include "engine/job.h"

struct project {
	struct daemon *daemon;
	char *name;
	json_t *model; /* canonical compose model of the last up/create; NULL when never */
	json_t *files; /* array of paths */
	char *working_dir;
	json_t *scale;	  /* service -> replicas as the user last said */
	struct list jobs; /* queue: the first one runs */
};

/* NULL when the supervisor knows neither containers nor a model of that name. */
struct project *project_get(struct daemon *d, const char *name);
/* [{name, status: "running(3)", config_files}] as `ls` shows; new reference. */
json_t *projects_list(struct daemon *d);
int projects_load(struct daemon *d, struct error *err) MUST_CHECK;
void projects_free(struct daemon *d);

/* Containers of a project in the order service, number; NULL-terminated, free() the array. */
struct container **project_containers(struct daemon *d, const char *name, bool one_offs);

#endif
