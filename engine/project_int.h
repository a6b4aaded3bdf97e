/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Projects, for the jobs that change them. */
#ifndef ENGINE_PROJECT_INT_H
#define ENGINE_PROJECT_INT_H

#include "engine/project.h"

struct project *project_ensure(struct daemon *d, const char *name);
/* Records the desired state; references are taken, NULL clears. */
int project_store(struct project *p, const json_t *model, const json_t *files,
		  const char *working_dir, const json_t *scale, struct error *err) MUST_CHECK;
/* The record goes; the object stays until project_settle. */
int project_forget(struct project *p, struct error *err) MUST_CHECK;
/* Frees a project that nothing is recorded of and that no job works on. */
void project_settle(struct project *p);

#endif
