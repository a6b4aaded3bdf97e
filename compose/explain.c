/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `cmp explain` says about the codes of problems; those of findings are in lint.c. */
#include <string.h>

#include "compose/diag.h"

static const struct diag_explanation explanations[] = {
	{"E001", "not valid YAML",
	 "Look at the marked line and the one before it.  Usual causes are a tab in the\n"
	 "indentation (only spaces are allowed), a missing blank after \":\" or \"-\", a\n"
	 "quote that is not closed, and lines that are indented unevenly."},
	{"E002", "a file cannot be read",
	 "It is missing, is a directory, or its permissions do not allow it.  Paths in a\n"
	 "file are relative to the project's directory; those of an included file, and of\n"
	 "one that a service extends from, to that file's own."},
	{"E003", "a limit is passed",
	 "Limits protect against files made to exhaust memory: 100 levels of nesting,\n"
	 "200000 values after all aliases have been expanded, 16 MiB of text; and for a\n"
	 "project 4000 files, 50 levels of include, 200 of extends and 512 MiB of memory."},
	{"E004", "a key stands twice in one mapping",
	 "One of the two would be lost: remove one, or put both values under one key.\n"
	 "This often happens when a service is copied and its name is not changed."},
	{"E005", "a variable reference is wrong, or a required variable has no value",
	 "  $NAME ${NAME}        the value\n"
	 "  ${NAME:-word}        word when NAME is unset or empty (${NAME-word}: when unset)\n"
	 "  ${NAME:?message}     an error when NAME is unset or empty\n"
	 "  ${NAME:+word}        word when NAME is set and not empty\n"
	 "  $$                   a dollar sign\n"
	 "Values come from the environment of cmp, then from .env or --env-file."},
	{"W006", "a variable is not set",
	 "It is set neither in the environment nor in .env or an --env-file, and stands for\n"
	 "the empty string.  Give it a value, a default (${NAME:-default}), or demand one\n"
	 "(${NAME:?set NAME in .env}).  A dollar sign that is meant as such is written $$."},
	{"E007", "a line of an env file is wrong",
	 "A line is NAME=VALUE, a comment that starts with \"#\", or empty.  Names have no\n"
	 "blanks; a value in quotes must end with the same quote."},
	{"E012", "a key that is not part of the format at this place",
	 "Check its spelling and its indentation.  Keys that start with \"x-\" are free for\n"
	 "your own use."},
	{"E013", "a value of the wrong shape",
	 "A string stands where a list belongs, a list where a mapping belongs, and so on.\n"
	 "  a list               - one\n"
	 "                       - two\n"
	 "  a mapping            one: 1\n"
	 "                       two: 2\n"
	 "  a string             \"1\"\n"
	 "Without quotes 1, 0.5, true and null are no strings."},
	{"E014", "a value that cannot be understood",
	 "It has the right shape, but is no port, duration, size, number, or none of the\n"
	 "words that are allowed.\n"
	 "  durations   10s, 1m30s, 500ms\n"
	 "  sizes       64m, 1.5g, 512k\n"
	 "  ports       80, 8080:80, 127.0.0.1:8080:80/tcp, 9000-9005:9000-9005\n"
	 "  volumes     NAME:/path, ./directory:/path:ro"},
	{"E015", "a key is missing",
	 "A service needs an image or a build context, a bind mount its source, a secret a\n"
	 "file or a variable, a hook its command."},
	{"E016", "settings that exclude each other",
	 "Two keys cannot be used together, say different things about one limit, or a\n"
	 "name, a target or a variable of a list is used twice."},
	{"E017", "a name that stands for nothing",
	 "A service names a network, volume, secret, config or service that the files do not\n"
	 "define.  Those of the first four kinds are defined at the top level, under the key\n"
	 "of that name:\n"
	 "  volumes:\n"
	 "    data:\n"
	 "A directory of the host starts with \".\", \"/\" or \"~\": ./data:/data."},
	{"E018", "a circle",
	 "Services that depend on each other, directly or by way of others, could never be\n"
	 "started; services that extend and files that include each other have no end.\n"
	 "Remove one of the steps."},
	{"W019", "an obsolete key", "It has no meaning any more and is ignored: remove it."},
	{"E020", "known to the format, but not done by cmp",
	 "As a warning: the key is ignored, and containers run without it.  With --strict that\n"
	 "is an error.  As an error: going on without it would be wrong."},
	{"E021", "a name with characters that are not allowed",
	 "Names consist of letters, digits, \"_\", \".\" and \"-\"; names of projects of\n"
	 "lower-case letters, digits, \"_\" and \"-\", and start with a letter or digit."},
	{"E022", "no project, or not the one that is meant",
	 "No compose file was found, it has no services, no name could be derived from its\n"
	 "directory; or there are several files of which only one is used."},
};

const struct diag_explanation *diag_explanations(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(explanations);
	return explanations;
}

const struct diag_explanation *diag_explain(const char *code)
{
	size_t i;

	/* A problem that is an error here and a warning there has one number. */
	if (!code || !*code || !strchr("EeWw", code[0]))
		return NULL;
	for (i = 0; i < ARRAY_LEN(explanations); i++)
		if (!strcmp(explanations[i].code + 1, code + 1))
			return &explanations[i];
	return NULL;
}
