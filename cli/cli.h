/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one verb a file, each a const `struct command` whose option table gives
 * parsing, help and completion.  A verb's run function returns the process's exit status; an error
 * is printed once, by cli_fail.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct client;
struct compose_options;
struct compose_project;

/* ---- options */

enum option_kind {
	OPTION_FLAG, /* bool; --name=false clears it */
	OPTION_STR,  /* char *, the last one wins */
	OPTION_STRV, /* char **, repeatable */
	OPTION_INT,  /* int */
	OPTION_TRI,  /* int: -1 not given (set by defaults), 0, 1 */
};

struct option_def {
	char letter;	  /* 0: none */
	const char *name; /* without dashes; NULL: only the letter.  {0} ends a table */
	enum option_kind kind;
	size_t offset;	  /* in the verb's values struct */
	const char *arg;  /* what the help shows for the value: "SERVICE=NUM" */
	const char *help; /* NULL: accepted but not shown */
};

struct cli {
	/* global options */
	char **files, **profiles, **env_files;
	char *project_name, *project_directory, *ansi, *progress;
	int parallel;
	bool all_resources, compatibility, dry_run, strict, verbose, version, help;
	/* derived */
	bool color_out, color_err;
	const char *program;
	struct client *client; /* opened on first use */
	char *socket_path, *cwd;
};

/* What becomes of a command under --dry-run. */
enum dry_run {
	DRY_REFUSED, /* it changes something and has no plan to show */
	DRY_READS,   /* it changes nothing anyway */
	DRY_PLANS,   /* cli_project_stream asks for the plan of its verb */
};

struct command {
	const char *name;
	const char *const *aliases; /* NULL-terminated, or NULL */
	const char *usage;	    /* after the verb's name: "[OPTIONS] [SERVICE...]" */
	const char *summary;	    /* NULL: not shown anywhere */
	const char *more;	    /* shown below the options of its help, or NULL */
	const struct option_def *options;
	size_t values_size;
	const void *defaults;  /* initial values, or NULL for zero */
	bool stop_at_argument; /* options end at the first argument (run, exec) */
	enum dry_run dry_run;
	const struct command *const
		*verbs; /* second-level verbs (volume ls), NULL-terminated; run is NULL then */
	int (*run)(struct cli *cli, const void *values, int argc, char **argv);
};

/* Parses argv[0..argc) by the table; *ret_rest is where the arguments are (argv is permuted so that
 * they are contiguous at the end).  Errors read "unknown flag: --zzz (did you mean --…?)". */
int options_parse(const struct option_def *table, void *values, int argc, char **argv,
		  bool stop_at_argument, int *ret_rest, struct error *err) MUST_CHECK;
void options_release(const struct option_def *table, void *values);
/* The "Options:" part of a help text, at most 80 columns. */
void options_help(struct buf *out, const struct option_def *table);
void command_help(struct buf *out, const char *prefix, const struct command *cmd);

/* ---- shared by the verbs */

/* Prints "text" on standard error (once), returns exit status 1. */
int cli_fail(struct cli *cli, const struct error *err);
int cli_usage(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);
void cli_warn(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);

/* "This removes WHAT. Are you sure? [y/N]"; false without a terminal, and says to use --force. */
bool cli_confirm(struct cli *cli, const char *what);

/* Loads and checks the project's files; every problem is printed with its place.  0 or an exit
 * status. */
int cli_load(struct cli *cli, char *const *services, struct compose_project **ret);
/* What the global options say about loading; the result borrows from `cli`.  0 or an exit status.
 */
int cli_compose_options(struct cli *cli, char *const *services, struct compose_options *ret);
/* The same with options of the caller's own (config). */
int cli_load_options(struct cli *cli, const struct compose_options *options,
		     struct compose_project **ret);
/* The same, but nothing is printed, and *ret is set and must be freed whatever the status. */
int cli_load_silently(struct cli *cli, const struct compose_options *options,
		      struct compose_project **ret);
/* The project's problems: text on standard error, or a JSON list on standard output. */
void cli_print_problems(struct cli *cli, const struct compose_project *p, bool as_json);
/* The project's name: -p, else that of the files.  0 or an exit status. */
int cli_project_name(struct cli *cli, char **ret);
/* {"services": [..]} from arguments; other options are added by the verb. */
json_t *cli_service_options(int argc, char **argv);
/* The services named in argv exist in the project (else "no such service: x"). */
int cli_check_services(struct cli *cli, const struct compose_project *project, int argc,
		       char **argv);
/* Target "/cmp/v1/projects/NAME/verb"; owned by the caller. */
char *cli_project_target(const char *project, const char *verb);
/* POSTs and shows the progress that comes back; the exit status of the stream.  *ret_end (may be
 * NULL) is its last object, new reference, may be NULL. */
int cli_stream(struct cli *cli, const char *target, const json_t *body, const char *title,
	       json_t **ret_end);
/* Sends a project verb and shows its progress; the exit status of the stream.  Under --dry-run
 * nothing is done: the lines are what would be. */
int cli_project_stream(struct cli *cli, const char *project, const char *verb, const json_t *body,
		       const char *title);

/* The same; *ret_end is the last object of the stream (new reference, may be NULL). */
int cli_project_stream_end(struct cli *cli, const char *project, const char *verb,
			   const json_t *body, const char *title, json_t **ret_end);
/* GET with a JSON answer; an error is printed.  0 or an exit status. */
int cli_get(struct cli *cli, const char *target, json_t **ret);
/* POSTs the file `fd` (called `path`) in chunks; *ret is the JSON answer. */
int cli_upload(struct cli *cli, const char *target, int fd, const char *path, json_t **ret,
	       struct error *err) MUST_CHECK;
/* Target of the container list; owned by the caller. */
char *cli_containers_target(const char *project, bool all, bool one_offs, char *const *services,
			    int count);

/* -e values as a list of "K=V"; a bare K takes this process's value, or is left out. */
json_t *env_list(char *const *env);

/* ---- the verbs (cli/NAME.c) */
extern const struct command *const cli_commands[]; /* NULL-terminated, in cli/commands.c */
extern const struct option_def cli_global_options[];
const struct command *cli_find_command(const char *name);
/* Whether Compose or Docker have a verb of that name and cmp has not; *ret_instead: what to say for
 * it here, or NULL. */
bool cli_foreign_command(const char *word, const char **ret_instead);
/* The command that a word may be a slip of the finger for, or NULL. */
const char *cli_nearest_command(const char *word);
void cli_help(struct buf *out); /* the overview */

#endif
