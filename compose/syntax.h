/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with the YAML itself, in words of people who write compose files. */
#ifndef COMPOSE_SYNTAX_H
#define COMPOSE_SYNTAX_H

#include "compose/diag.h"

/* An error of the parser. */
struct syntax_problem {
	const char *what, *context;	  /* in the parser's words */
	struct compose_mark mark;	  /* where it noticed; line 0: not known */
	struct compose_mark context_mark; /* where what it was reading began */
};

/* Adds the problem, at the place and in the words of its likely cause. */
void syntax_report(struct diag_list *diags, const struct syntax_problem *p);

#endif
