/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML to nodes.  Anchors, aliases and merge keys are resolved (aliases are copies), scalars are
 * typed as YAML 1.2's core schema with the reference's liberties: yes, no, on, off are strings,
 * 010 is eight.
 */
#ifndef COMPOSE_YAML_H
#define COMPOSE_YAML_H

#include "compose/diag.h"
#include "compose/node.h"

#define YAML_DEPTH_MAX 100
#define YAML_NODES_MAX 200000
#define YAML_BYTES_MAX ((size_t)16 << 20)

/*
 * Parses every document of the source into the list *ret (a COMPOSE_LIST of documents).  Problems
 * go to diags; false when the text cannot be used at all.
 */
bool yaml_parse(struct arena *a, struct diag_list *diags, const struct compose_source *source,
		struct compose_node **ret) MUST_CHECK;

/* Sets kind and value of a plain scalar from its text. */
void yaml_resolve(struct compose_node *n);

/* The text that the reference gives a scalar where a string is wanted: 1.50 is "1.5", 0x10 "16". */
const char *yaml_scalar_text(struct arena *a, const struct compose_node *n);
/* Shortest digits that give the same double (or float), as Go prints them. */
void yaml_float_text(double value, bool single, char ret[40]);

#endif
