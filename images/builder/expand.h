/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables and quotes in the words of a Dockerfile, as the reference expands them: $NAME, ${NAME},
 * the modifiers :- - :+ + :? ? # ## % %% / //, single and double quotes, the escape character.
 * Pure.
 */
#ifndef IMAGES_BUILDER_EXPAND_H
#define IMAGES_BUILDER_EXPAND_H

#include "base/error.h"
#include "base/str.h"

struct expansion {
	char escape;	  /* \ or ` */
	bool keep_quotes; /* quotes are ordinary characters (heredocs, --mount) */
	const char *(*lookup)(void *arg, const char *name); /* NULL: unset */
	void *arg;
};
/* The word with everything replaced; owned.  EINVAL with the reason. */
int expand_word(const struct expansion *x, const char *word, char **ret, struct error *err)
	MUST_CHECK;
/* The same, split afterwards at the blanks that were not in quotes; owned, NULL when none. */
int expand_words(const struct expansion *x, const char *word, char ***ret, struct error *err)
	MUST_CHECK;

#endif
