/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that up, create and plan share, and their form in a request. */
#ifndef CLI_UPOPTS_H
#define CLI_UPOPTS_H

#include "cli/cli.h"

struct up_options {
	bool force_recreate, no_recreate, remove_orphans, renew_anon_volumes, always_recreate_deps,
		no_deps, no_build, build, quiet_pull, yes;
	char **scale, *pull;
	int timeout;
};

#define UP_OPTIONS_DEFAULT                                                                         \
	{                                                                                          \
		.timeout = -1                                                                      \
	}

/* Rows for an option table whose values struct has a member `up`. */
#define UP_OPTION(letter, name, kind, member, arg, help)                                           \
	{                                                                                          \
		letter, name, kind, offsetof(struct values, up.member), arg, help                  \
	}
#define UP_OPTION_ROWS                                                                             \
	UP_OPTION(0, "always-recreate-deps", OPTION_FLAG, always_recreate_deps, NULL,              \
		  "Recreate dependent containers too"),                                            \
		UP_OPTION(0, "build", OPTION_FLAG, build, NULL, "Build images first"),             \
		UP_OPTION(0, "force-recreate", OPTION_FLAG, force_recreate, NULL,                  \
			  "Recreate containers even if nothing changed"),                          \
		UP_OPTION(0, "no-build", OPTION_FLAG, no_build, NULL,                              \
			  "Do not build an image, even if it is missing"),                         \
		UP_OPTION(0, "no-deps", OPTION_FLAG, no_deps, NULL,                                \
			  "Leave the services it depends on alone"),                               \
		UP_OPTION(0, "no-recreate", OPTION_FLAG, no_recreate, NULL,                        \
			  "Keep existing containers as they are"),                                 \
		UP_OPTION(0, "pull", OPTION_STR, pull, "always|missing|never",                     \
			  "When to pull images"),                                                  \
		UP_OPTION(0, "quiet-pull", OPTION_FLAG, quiet_pull, NULL,                          \
			  "Pull without progress"),                                                \
		UP_OPTION(0, "remove-orphans", OPTION_FLAG, remove_orphans, NULL,                  \
			  "Remove containers of services that are not in the files"),              \
		UP_OPTION('V', "renew-anon-volumes", OPTION_FLAG, renew_anon_volumes, NULL,        \
			  "New anonymous volumes instead of the old containers' ones"),            \
		UP_OPTION(0, "scale", OPTION_STRV, scale, "SERVICE=NUM",                           \
			  "Run this many containers of a service"),                                \
		UP_OPTION('t', "timeout", OPTION_UINT, timeout, "SECONDS",                         \
			  "Seconds to wait before a container that is replaced is killed"),        \
		UP_OPTION('y', "yes", OPTION_FLAG, yes, NULL, NULL)

#define PULL_USAGE "unsupported --pull value \"%s\": use always, missing, never or policy"
bool is_pull_option(const char *value); /* of --pull */
/* Adds them to {"services": …}; 0 or an exit status. */
int up_options_request(struct cli *cli, const struct up_options *o, json_t *options);

/* Builds what must be built before: all with --build, what is missing otherwise.  0 or an exit
 * status. */
int up_build(struct cli *cli, const struct up_options *o, const json_t *body, int argc,
	     char **argv);

#endif
