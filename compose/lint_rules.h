/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the linter share.  A rule looks and reports; it changes nothing. */
#ifndef COMPOSE_LINT_RULES_H
#define COMPOSE_LINT_RULES_H

#include "base/map.h"
#include "compose/lint.h"

struct lint {
	struct compose_project *p;
	const struct compose_node *services; /* of the model */
	const struct lint_rule *rule;	     /* that is looking */
	struct map *seen; /* places of findings: what is shared by services is said once */
};

/* One service, enabled or not. */
struct lint_service {
	const struct compose_pair *pair;
	const struct compose_node *n;
	const char *name;
};

struct lint_rule {
	struct diag_explanation about;
	void (*service)(struct lint *l, const struct lint_service *s); /* or NULL */
	void (*project)(struct lint *l);			       /* or NULL */
};

/*
 * Reports by the rule that is looking; `key` is a key of the service, "ports", or NULL.  False when
 * it is switched off or was said before: then there is no last problem to give a hint on.
 */
bool lint_find(struct lint *l, const struct lint_service *s, const char *key,
	       struct compose_mark mark, const char *fmt, ...) PRINTF(5, 6);

const struct compose_node *lint_find_service(const struct lint *l, const char *name);
const char *lint_text(const struct compose_node *map, const char *key); /* or NULL */
bool lint_true(const struct compose_node *map, const char *key);
/* Items of a list or pairs of a mapping; 0 when it is neither. */
size_t lint_length(const struct compose_node *n);
/* What was made of a short syntax has one place. */
bool lint_same_place(struct compose_mark x, struct compose_mark y);
/* Is there a health check that runs? */
bool lint_has_probe(const struct compose_node *service);

/* ---- lint_images.c */

/* Images of databases, by the last part of their name. */
struct lint_database {
	const char *names;  /* separated by "|" */
	const char *data;   /* directory of its data; NULL: it keeps none that matters */
	const char *advice; /* where to mount a volume; NULL: there */
	uint16_t ports[3];  /* that must not be open to everyone */
};
/* The row for this image; *ret_official: it has no owner, as in "postgres:16".  Or NULL. */
const struct lint_database *lint_database(const char *image, bool *ret_official);

/* ---- the rules */
typedef void lint_service_fn(struct lint *l, const struct lint_service *s);
typedef void lint_project_fn(struct lint *l);
/* lint_security.c */
lint_service_fn lint_engine_socket, lint_privileged, lint_host_namespaces, lint_system_directories,
	lint_open_database, lint_plain_secrets;
/* lint_service.c */
lint_service_fn lint_image_version, lint_probe_words, lint_quoted_values, lint_host_network_ports,
	lint_lost_data, lint_links, lint_cluster;
/* lint_project.c */
lint_service_fn lint_healthy_without_probe, lint_not_waiting, lint_short_patience,
	lint_never_completes;
lint_project_fn lint_unused, lint_same_port;

#endif
