/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The project of the current directory, as the verbs need it. */
#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include "cli/cli.h"

enum model_use {
	MODEL_LOOKS, /* removes, pulls, plans */
	MODEL_MAKES, /* makes containers: the values of secrets are needed */
};

/*
 * Adds the model to a request when the files can be found; with -p NAME alone the supervisor's
 * stored model serves.  Checks that the named services exist.  0 or an exit status.
 */
int cli_project_model(struct cli *cli, enum model_use use, json_t *body, char **ret_name, int argc,
		      char **argv);
/* "web=5" into {"web": 5}; -EINVAL. */
int scale_parse(const char *text, json_t *scale);

#endif
