/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Env files: .env, env_file, label_file. */
#ifndef COMPOSE_DOTENV_H
#define COMPOSE_DOTENV_H

#include "compose/diag.h"
#include "compose/node.h"

struct dotenv {
	struct arena *arena;
	struct diag_list *diags;
	const char *(*lookup)(void *arg, const char *name); /* wins over earlier lines */
	void *arg;
	bool raw; /* as docker run --env-file: no quotes, no references, no inline comments */
};

/* Adds NAME to string pairs to the map `out`; later lines replace earlier ones.  False after
 * errors, which are in diags. */
bool dotenv_parse(struct dotenv *d, const struct compose_source *source, struct compose_node *out);

#endif
