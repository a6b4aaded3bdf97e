/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems of compose files, collected, sorted and reported together:
 *
 *	compose.yaml:12:5: error: services.web: unknown key "imge" (did you mean "image"?) [E012]
 *	  12 |     imge: nginx
 *	     |     ^~~~
 *
 * Codes are stable; the table of them with explanations is in diag.c.
 */
#ifndef COMPOSE_DIAG_H
#define COMPOSE_DIAG_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"
#include "compose/node.h"

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

enum diag_code {		  /* DIAG_x is printed as Ennn or Wnnn; values never change */
		 DIAG_SYNTAX = 1, /* the YAML itself */
		 DIAG_READ = 2,	  /* a file cannot be read */
		 DIAG_LIMIT = 3,  /* too deep, too large, too many aliases */
		 DIAG_DUPLICATE_KEY = 4,
		 DIAG_INTERPOLATION = 5, /* bad ${…} or a required variable is missing */
		 DIAG_UNSET = 6,	 /* warning: a variable is not set */
		 DIAG_DOTENV = 7,	 /* bad line of an env file */
		 DIAG_UNKNOWN_KEY = 12,
		 DIAG_TYPE = 13,     /* wrong shape: a string where a list belongs … */
		 DIAG_VALUE = 14,    /* right shape, bad value: port, duration, size, enum … */
		 DIAG_REQUIRED = 15, /* a key that must be there */
		 DIAG_CONFLICT = 16, /* keys that exclude each other, a name or target used twice */
		 DIAG_REFERENCE = 17,	/* names a service, network, volume, secret, config that is
					   not there */
		 DIAG_CYCLE = 18,	/* depends_on, extends, include */
		 DIAG_OBSOLETE = 19,	/* warning: ignored or obsolete */
		 DIAG_UNSUPPORTED = 20, /* known, but cmp does not do it */
		 DIAG_NAME = 21,	/* a name with characters that are not allowed */
		 DIAG_PROJECT = 22,	/* no file, no service, no project name */
};

struct diag_list;
struct diag_list *diag_list_new(struct arena *a);
/* Text is "where: what" in lower case without full stop; `where` may be NULL ("services.web"). */
void diag_add(struct diag_list *l, enum diag_severity severity, enum diag_code code,
	      struct compose_mark mark, const char *where, const char *fmt, ...) PRINTF(6, 7);
size_t diag_errors(const struct diag_list *l);
size_t diag_warnings(const struct diag_list *l);
/* Whether an error of this kind is among them. */
bool diag_has(const struct diag_list *l, enum diag_code code);
/* Everything, by file, line and column, duplicates dropped, with source lines and carets. */
void diag_render(const struct diag_list *l, bool color, struct buf *out);
/* [{file,line,column,severity,code,message}] for editors; new reference. */
json_t *diag_json(const struct diag_list *l);
/* A paragraph for `cmp explain E012`, or NULL. */
const char *diag_explain(const char *code);

#endif
