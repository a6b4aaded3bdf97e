/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a reviewer would object to in files that load well.  Every finding has a code, L001, that
 * never changes its meaning, and can be switched off in the files:
 *
 *	x-cmp:
 *	  lint:
 *	    L003: the proxy finds its containers through the socket
 *
 * at the top level for the project, in a service for it alone.  `off` or any reason switches off,
 * `on` switches on again.
 */
#ifndef COMPOSE_LINT_H
#define COMPOSE_LINT_H

#include "compose/compose.h"

/* Adds findings to the problems of a project that was loaded with all_resources. */
void compose_lint(struct compose_project *p);

/* Of the rule at this place of the table; NULL: there are no more. */
const struct diag_explanation *lint_explanation(size_t index);
/* Of L001, in whatever case, or NULL. */
const struct diag_explanation *lint_explain(const char *code);

#endif
