/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format in words, from its tables: for docs/compose.md, cmp-compose(5) and `cmp explain KEY`.
 * A place is written services.NAME.ports[].target: NAME stands for a name of the user's, [] for the
 * items of a list.
 */
#ifndef COMPOSE_REFERENCE_H
#define COMPOSE_REFERENCE_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/str.h"

struct compose_key;
struct compose_type;

/* A mapping with keys.  What has the same keys as a section before it is only named there. */
struct reference_section {
	const char *path; /* "" is the file itself */
	const struct compose_type *type;
	const struct compose_key *key;		 /* that leads here; NULL for the file */
	const struct reference_section *same;	 /* where its keys are described, NULL: here */
	const struct compose_key *const *sorted; /* its keys by name, NULL-terminated */
	bool ignored; /* it, or what it is a part of, is without effect */
};

/* All sections, each before its parts; in the arena. */
const struct reference_section *const *reference_sections(struct arena *a, size_t *ret_count);
/* The section that the key of a section leads to, or NULL. */
const struct reference_section *reference_part(const struct reference_section *const *all,
					       size_t count,
					       const struct reference_section *section,
					       const struct compose_key *key);
/* "a list of ports, like - "8080:80"", "true or false", "host or private" */
void reference_value(struct buf *out, const struct compose_key *key);
/* What becomes of a key of `in` in an override: "replaced", "merged key by key", "appended" … */
const char *reference_merge(const struct compose_type *in, const struct compose_key *key);
/* What else there is to say: "required", "cmp ignores it" …, or NULL. */
const char *reference_remark(const struct compose_key *key, bool ignored);

/*
 * The entry for a place as people write it: services.web.ports[0].target, services.ports.target,
 * ports.target.  False when there is none; *ret_near is then a place that is spelled alike, or NULL
 * (owned by the caller).
 */
bool reference_explain(const char *path, struct buf *out, char **ret_near);

#endif
