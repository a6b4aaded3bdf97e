/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exists of a project, as the plain data that plans are made from. */
#ifndef ENGINE_OBSERVE_H
#define ENGINE_OBSERVE_H

#include "base/digest.h"
#include "engine/plan.h"
#include "engine/project.h"

/* Owns what `input` borrows, besides the model. */
struct observation {
	struct plan_input input;
	char **order;
	json_t *hashes, *images;
	struct container **containers; /* in the order of `items` */
	struct plan_container *items;
	struct map *networks, *volumes, *changed;
	char **warnings; /* about objects that are not as the model says */
};
/*
 * Looks at project `name` for a plan of `model` (may be NULL: what exists is all there is to know)
 * about the services `wanted` (NULL: all), with what they need if `with_deps`.  `old_model`: of the
 * last `up`, to say what changed; may be NULL.  Everything is borrowed until observation_release.
 */
int observe(struct daemon *d, const char *name, const json_t *model, const json_t *old_model,
	    char *const *wanted, bool with_deps, struct observation *ret, struct error *err)
	MUST_CHECK;
/* sha256 over the definition of a network or volume: its label com.docker.compose.config-hash. */
void observe_object_hash(const json_t *definition, char ret[DIGEST_HEX_MAX]);
/* A model from the labels of the containers of a project: services with depends_on; new reference.
 */
json_t *observe_labels(struct daemon *d, const char *name);
void observation_release(struct observation *o);

#endif
