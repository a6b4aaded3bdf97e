/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compose/: YAML with positions → interpolation → merge → table-driven decode → model → graph.
 * Pure: no root, no loop, no kernel objects; reads only the project's files.
 *
 * The model is the canonical tree that `cmp config --format json` prints, exactly as the reference
 * implementation does.  It is what the supervisor is given; it never sees the files.
 */
#ifndef COMPOSE_COMPOSE_H
#define COMPOSE_COMPOSE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "compose/diag.h"
#include "compose/node.h"

struct compose_options {
	char *const *
		files; /* -f, NULL: COMPOSE_FILE, else discovery upwards from `cwd`; "-" is stdin */
	char *const *profiles;	/* --profile and COMPOSE_PROFILES; "*" means all */
	char *const *env_files; /* --env-file, NULL: COMPOSE_ENV_FILES, else .env of the project */
	const char *project_name;      /* -p, or NULL */
	const char *project_directory; /* --project-directory, or NULL */
	const char *cwd;	       /* absolute */
	char *const *environment;      /* "K=V" vector of the process */
	char *const
		*services; /* names on the command line: their profiles are enabled; may be NULL */
	bool no_interpolate, no_normalize, no_path_resolution, no_consistency;
	bool no_env_resolution; /* --no-env-resolution */
	bool all_resources;	/* also networks, volumes … that no active service uses */
	bool strict;		/* warnings are errors */
	bool name_only; /* stop as soon as the project's name is known: ps, logs, down by name */
};

struct compose_project {
	struct arena *arena;
	struct diag_list *diags; /* also warnings of a project that loaded well */
	const char *name;
	const char *working_dir; /* absolute */
	char **files;		 /* absolute paths in order, "-" for stdin */
	char **env_files;	 /* that were read, absolute */
	struct compose_node
		*model; /* canonical; NULL after errors.  Disabled services are left out */
	/* All services as merged, with keys that the model leaves out, for the linter; may be NULL.
	 */
	const struct compose_node *merged;
	struct compose_node *disabled; /* map of the services that no profile enables */
	char **profiles;	       /* active ones */
	/* Variables that the files mention: map name -> {default, required}; for config
	 * --variables. */
	struct compose_node *variables;
	char **environment; /* what interpolation saw, "K=V", sorted */
};

/* Of a project. */
bool compose_valid_name(const char *name);
#define COMPOSE_BAD_NAME                                                                           \
	"invalid project name \"%s\": it must consist of lower-case letters, digits, \"-\" and \"_\", and start with a letter or digit"

/*
 * Loads a project.  Every problem of every file is in diags.  Returns 0 when the model is there;
 * -EINVAL when diags has errors (err says how many and where: "3 errors in compose.yaml");
 * -ENOENT when no file was found.  *ret is set in each of these cases and must be freed.
 */
int compose_load(const struct compose_options *options, struct compose_project **ret,
		 struct error *err) MUST_CHECK;
void compose_project_free(struct compose_project *p); /* accepts NULL */
DEFINE_AUTO(struct compose_project, compose_project_free)

/* The model as JSON (new reference): the values themselves, as the engine takes them. */
json_t *compose_model_json(const struct compose_project *p);
/* A copy (new reference) in which every "$" of keys and values is doubled: what `config --format
 * json` prints, so that loading it gives the same model.  Not with --no-interpolate. */
json_t *compose_model_escape(const json_t *value);
/* The model as YAML that is pleasant to read and loads back to the same model ("$" is doubled). */
void compose_model_yaml(const struct compose_node *model, struct buf *out);
/* The same with every "$" as it is: for a model whose variables were left alone. */
void compose_model_yaml_raw(const struct compose_node *model, struct buf *out);

/* Leaves only these services, what they need, and the objects that they use.  Errors as those of
 * compose_order. */
int compose_project_restrict(struct compose_project *p, char *const *services, struct error *err)
	MUST_CHECK;

/* sha256 (64 hex digits) over what makes a container different: the service's canonical JSON with
 * members sorted, without build, pull_policy, scale, deploy.replicas, depends_on, profiles: what
 * `config --hash` prints and the label com.docker.compose.config-hash holds.  Deterministic. */
void compose_service_hash(const json_t *service, char ret[65]);

/* ---- graph over a model in JSON form (used by both ends) */

/*
 * Names of the services in `model`, dependencies first, ties by name.  `wanted` (may be NULL: all)
 * restricts to these and, with `with_deps`, what they need.  -ELOOP with the path of the cycle "a
 * -> b -> a", -ENOENT "no such service: x (did you mean y?)".
 */
int compose_order(const json_t *model, char *const *wanted, bool with_deps, char ***ret,
		  struct error *err) MUST_CHECK;

#endif
