/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns of paths as Dockerfiles write them: the wildcards of COPY, and lists of patterns like
 * those of .dockerignore.  Pure.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>

#include "base/error.h"

#define PATTERN_MAX  4096   /* bytes of one */
#define PATTERNS_MAX 100000 /* of one list */

/* Does the path match?  * and ? stand for any characters but /, [a-z] and [^a] for one of a set, a
 * backslash protects.  A malformed pattern matches nothing. */
bool pattern_match(const char *pattern, const char *path);
/* EINVAL for a malformed one. */
int pattern_check(const char *pattern, struct error *err) MUST_CHECK;
bool pattern_has_wildcards(const char *text);
/* "a//b/./c/../d/" as "a/b/d"; "." for nothing.  Owned. */
char *pattern_clean(const char *path);

/* ---- lists: later ones win, "!" takes back, ** stands for any number of directories, and what
 * matches a directory matches everything below it. */
struct pattern_list;
/* EINVAL names the malformed pattern.  `patterns` may be NULL. */
int pattern_list_new(char *const *patterns, struct pattern_list **ret, struct error *err)
	MUST_CHECK;
void pattern_list_free(struct pattern_list *l); /* accepts NULL */
DEFINE_AUTO(struct pattern_list, pattern_list_free)
/* `path` is relative, without . and .. */
bool pattern_list_match(const struct pattern_list *l, const char *path);
/* Is there a "!"?  If not, nothing below a directory that matches need be looked at. */
bool pattern_list_takes_back(const struct pattern_list *l);
/* The lines of a .dockerignore: comments and blanks are dropped, paths cleaned; owned. */
char **pattern_lines(const char *text);

#endif
