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
/* From now on warnings are errors; their code still begins with W. */
void diag_strict(struct diag_list *l);
/* Text is "where: what" in lower case without full stop; `where` may be NULL ("services.web"). */
void diag_add(struct diag_list *l, enum diag_severity severity, enum diag_code code,
	      struct compose_mark mark, const char *where, const char *fmt, ...) PRINTF(6, 7);
/* A warning with a code of its own, "L001", which outlives the list. */
void diag_finding(struct diag_list *l, const char *code, struct compose_mark mark,
		  const char *where, const char *fmt, ...) PRINTF(5, 6);

/* ---- about the problem that was added last */

/* How to mend it.  Shown after the text: "…: put it in quotes"; a question in parentheses. */
void diag_hint(struct diag_list *l, const char *fmt, ...) PRINTF(2, 3);
/* "did you mean x?", where x is to replace what is marked; NULL: nothing is near. */
void diag_mean(struct diag_list *l, const char *near);
/* Another place that has to do with it: "first defined here". */
void diag_note(struct diag_list *l, struct compose_mark mark, const char *fmt, ...) PRINTF(3, 4);

/* ---- the list */

/* Forgets the warnings with this code. */
void diag_drop(struct diag_list *l, const char *code);
size_t diag_errors(const struct diag_list *l);
size_t diag_warnings(const struct diag_list *l);
/* Whether an error of this kind is among them. */
bool diag_has(const struct diag_list *l, enum diag_code code);
/* Everything, by file, line and column, duplicates dropped, with source lines and carets. */
void diag_render(const struct diag_list *l, bool color, struct buf *out);
/*
 * The same for editors, a list (new reference) of {severity, code, message, file, line, column,
 * end_line, end_column, hint, replacement, notes: [{message, file, line …}]}.  Lines and columns
 * count from 1, columns in characters; the end is the first character that is not marked.  Without
 * a place there is neither file nor line, without a hint no hint.
 */
json_t *diag_json(const struct diag_list *l);

/* ---- explain.c */

/* What `cmp explain` says about a code. */
struct diag_explanation {
	const char *code, *title, *text;
};
/* All of them, in the order of their codes. */
const struct diag_explanation *diag_explanations(size_t *ret_count);
/* Of E012 or W012, in whatever case; NULL: there is no such code. */
const struct diag_explanation *diag_explain(const char *code);

/* ---- span.c */

/* Where what is written at the mark ends: the place after its last character, in the same file. */
struct compose_mark diag_span_end(struct compose_mark start);
/* The line of this number, without its end; false: there is none. */
bool diag_source_line(const struct compose_source *s, unsigned number, const char **ret,
		      size_t *ret_len);
/* Bytes that this many characters of the text take. */
size_t diag_chars_bytes(const char *text, size_t len, size_t chars);

#endif
