/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The linter: the table of its rules, which of them are switched off where, and the walk.  A rule
 * that objects to what ordinary files do is worse than none; what is a matter of taste is not here.
 */
#include "compose/lint.h"

#include <string.h>

#include "compose/lint_rules.h"

static const struct lint_rule rules[] = {
	{{"L001", "an image without a version",
	  "Without a tag, or with \"latest\", the same file gives another program tomorrow, on\n"
	  "another machine, or after \"docker image prune\"; a failure cannot be traced to a\n"
	  "change.  Name a version: image: postgres:16, or a digest.\n"
	  "Images that are built here, and references with variables, are not looked at."},
	 lint_image_version,
	 NULL},
	{{"L002", "waiting for health that nobody checks",
	  "\"condition: service_healthy\" waits for a health check.  The service has none in\n"
	  "these files; unless its image brings one, the start fails.  Add one:\n"
	  "  healthcheck:\n"
	  "    test: [\"CMD\", \"pg_isready\", \"-U\", \"postgres\"]\n"
	  "    interval: 5s\n"
	  "    start_period: 30s\n"
	  "If the image has one, switch the rule off for the service that waits."},
	 lint_healthy_without_probe,
	 NULL},
	{{"L003", "the socket of a container engine in a container",
	  "Whoever can send requests to this socket can start a container that has the host's\n"
	  "root directory, and so controls the host; \":ro\" only protects the socket's file.\n"
	  "Mount it where nothing else works, keep such a service away from the internet, and\n"
	  "consider a proxy that lets only the needed requests through."},
	 lint_engine_socket,
	 NULL},
	{{"L004", "a container with the powers of the host's root",
	  "privileged, some capabilities (ALL, SYS_ADMIN, SYS_MODULE, SYS_RAWIO) and\n"
	  "seccomp:unconfined remove what separates the container from the host.  Mostly one\n"
	  "device or one smaller capability is all that is needed:\n"
	  "  cap_add: [NET_ADMIN]\n"
	  "  devices: [/dev/net/tun]"},
	 lint_privileged,
	 NULL},
	{{"L005", "a namespace of the host",
	  "The container shares the host's network, processes, memory segments, names or users.\n"
	  "With network_mode: host it also reaches what listens on 127.0.0.1 only.  Publish\n"
	  "ports instead, or share the namespace of one other service: pid: service:web."},
	 lint_host_namespaces,
	 NULL},
	{{"L006", "a database that is open to everyone",
	  "A port published without an address is open on all interfaces of the host, and a\n"
	  "firewall in front of the host's own programs does not stop it.  Services of the\n"
	  "project reach the database by its name without any published port.  For tools on\n"
	  "this host: ports: [\"127.0.0.1:5432:5432\"]."},
	 lint_open_database,
	 NULL},
	{{"L007", "something that is defined and not used",
	  "A volume, network, secret or config is defined at the top level, but no service uses\n"
	  "it, not even one of a profile: often a slip in a name.  A volume that is not listed\n"
	  "under the service's \"volumes:\" holds no data."},
	 NULL,
	 lint_unused},
	{{"L008", "a secret in plain text",
	  "What is written in the file ends in its history, and the environment of a container\n"
	  "is shown by inspect.  Keep the value out of the file: ${DB_PASSWORD} with a line in\n"
	  ".env that is not committed; or better a secret, for which many images have a variable\n"
	  "that ends with _FILE:\n"
	  "  environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db}\n"
	  "  secrets: [db]"},
	 lint_plain_secrets,
	 NULL},
	{{"L009", "a system directory of the host that the container may change",
	  "With write access to /etc, /usr, /dev and the like a container can take over the\n"
	  "host.  Mount the one file or directory that is needed, or add \":ro\"."},
	 lint_system_directories,
	 NULL},
	{{"L010", "a port of the host that two services want",
	  "Only one of them can have it: the other will not start.  Services of which only one\n"
	  "is meant to run at a time belong to different profiles."},
	 NULL,
	 lint_same_port},
	{{"L011", "a health check that is not waited for",
	  "The short form of depends_on waits until the other service has been started, not until\n"
	  "it works.  It has a health check, so the wait can be exact:\n"
	  "  depends_on:\n"
	  "    db:\n"
	  "      condition: service_healthy\n"
	  "If this order is all that is needed, say so: condition: service_started."},
	 lint_not_waiting,
	 NULL},
	{{"L012", "little time to become healthy",
	  "Other services wait until this one is healthy.  It counts as unhealthy after interval\n"
	  "times retries, and then the start of the others fails: on a slow disk, or when a\n"
	  "database initialises itself, a few seconds are not enough.  Probes that fail during\n"
	  "start_period do not count, and one that succeeds ends it at once: it costs nothing."},
	 lint_short_patience,
	 NULL},
	{{"L013", "links",
	  "All services of a network reach each other by name.  A link without a name of its own\n"
	  "does nothing but order the start, which depends_on says more clearly."},
	 lint_links,
	 NULL},
	{{"L014", "data that is lost with the container",
	  "The database writes into an anonymous volume or the container itself.  When the\n"
	  "container is made anew, after a change of the file or a down, it starts empty.\n"
	  "  services:\n"
	  "    db:\n"
	  "      image: postgres:16\n"
	  "      volumes: [data:/var/lib/postgresql/data]\n"
	  "  volumes:\n"
	  "    data:\n"
	  "For a database whose data is not worth keeping, a tmpfs says so and is faster."},
	 lint_lost_data,
	 NULL},
	{{"L015", "published ports in the host's network",
	  "With network_mode: host there is nothing to publish: the program listens on the host\n"
	  "itself, on the port that it chooses, and on all addresses unless told otherwise."},
	 lint_host_network_ports,
	 NULL},
	{{"L016", "a health check written for a shell that is not there",
	  "CMD runs a program with arguments, each an item of the list, without a shell: \"||\" is\n"
	  "an argument, and \"curl -f http://localhost\" the name of one program.  Either\n"
	  "  test: [\"CMD\", \"curl\", \"-f\", \"http://localhost\"]\n"
	  "or, with a shell,\n"
	  "  test: curl -f http://localhost || exit 1"},
	 lint_probe_words,
	 NULL},
	{{"L017", "quotes that become part of a value",
	  "In a list of variables everything after \"=\" is the value: - NAME=\"x\" sets NAME to\n"
	  "\"x\" with the quotes.  Leave them out, or put them around the whole item, or write a\n"
	  "mapping: NAME: \"x\"."},
	 lint_quoted_values,
	 NULL},
	{{"L018", "waiting for the end of a service that is started again",
	  "service_completed_successfully waits until the other service has ended well, but its\n"
	  "restart policy starts it again then, for ever.  Use restart: on-failure, or none."},
	 lint_never_completes,
	 NULL},
	{{"L019", "settings that only a cluster knows",
	  "On one host there is nowhere to place containers but here, and a new version replaces\n"
	  "the old one as a whole.  placement, update_config, rollback_config, endpoint_mode and\n"
	  "mode: global are for swarm; they have no effect here."},
	 lint_cluster,
	 NULL},
};

/* ---- helpers of the rules */

const char *lint_text(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_STRING ? n->text : NULL;
}

bool lint_true(const struct compose_node *map, const char *key)
{
	const struct compose_node *n = node_get(map, key);

	return n && n->kind == COMPOSE_BOOL && n->boolean;
}

size_t lint_length(const struct compose_node *n)
{
	if (n && n->kind == COMPOSE_LIST)
		return n->list.count;
	return n && n->kind == COMPOSE_MAP ? n->map.count : 0;
}

const struct compose_node *lint_find_service(const struct lint *l, const char *name)
{
	const struct compose_node *n = node_get(l->services, name);

	return n ? n : node_get(l->p->disabled, name);
}

bool lint_same_place(struct compose_mark x, struct compose_mark y)
{
	return x.source == y.source && x.line == y.line && x.column == y.column;
}

bool lint_has_probe(const struct compose_node *service)
{
	const struct compose_node *health = node_get(service, "healthcheck"),
				  *test = node_get(health, "test");

	return lint_length(test) && test->kind == COMPOSE_LIST && !lint_true(health, "disable") &&
	       !str_eq(test->list.items[0]->text, "NONE");
}

/* ---- what is switched off */

/* -1: nothing is said about this code. */
static int switched_off(const struct compose_node *extension, const char *code)
{
	const struct compose_node *n = node_get(node_get(extension, "lint"), code);

	if (!n)
		return -1;
	if (n->kind == COMPOSE_BOOL)
		return !n->boolean;
	return n->kind == COMPOSE_STRING && strcmp(n->text, "on") != 0;
}

static const struct compose_node *extension_of(const struct lint *l, const char *service)
{
	return node_get(service ? node_get(l->p->merged, service) : l->p->model, "x-cmp");
}

static bool is_off(const struct lint *l, const struct lint_service *s, const char *code)
{
	int off = s ? switched_off(extension_of(l, s->name), code) : -1;

	return off >= 0 ? off : switched_off(extension_of(l, NULL), code) > 0;
}

static const char *nearest_code(const char *code)
{
	const char *names[ARRAY_LEN(rules)];
	size_t i;

	for (i = 0; i < ARRAY_LEN(rules); i++)
		names[i] = rules[i].about.code;
	return str_nearest(code, names, ARRAY_LEN(rules));
}

static bool is_switch(const struct compose_node *n)
{
	return n->kind == COMPOSE_BOOL || (n->kind == COMPOSE_STRING && *n->text);
}

/* What cannot be meant is worth a warning: it would switch nothing off. */
static void check_switches(struct lint *l, const char *service)
{
	const struct compose_pair *x =
		node_pair(service ? node_get(l->p->merged, service) : l->p->model, "x-cmp");
	const struct compose_pair *lint = x ? node_pair(x->value, "lint") : NULL;
	struct diag_list *diags = l->p->diags;
	auto_free char *where = NULL;
	size_t i;

	if (!lint)
		return;
	where = service ? xasprintf("services.%s.x-cmp.lint", service) : xstrdup("x-cmp.lint");
	if (lint->value->kind != COMPOSE_MAP) {
		diag_add(diags, DIAG_WARNING, DIAG_TYPE, lint->key_mark, where,
			 "must be a mapping of codes");
		diag_hint(diags, "write \"L001: off\", or the reason instead of \"off\"");
		return;
	}
	for (i = 0; i < lint->value->map.count; i++) {
		const struct compose_pair *pair = &lint->value->map.pairs[i];

		if (!diag_explain(pair->key) && !lint_explain(pair->key)) {
			diag_add(diags, DIAG_WARNING, DIAG_UNKNOWN_KEY, pair->key_mark, where,
				 "there is no code \"%s\"", pair->key);
			diag_mean(diags, nearest_code(pair->key));
		} else if (!is_switch(pair->value)) {
			diag_add(diags, DIAG_WARNING, DIAG_TYPE, pair->key_mark, where,
				 "%s must be on, off or the reason why it is off", pair->key);
		}
	}
}

/* Warnings of loading are switched off in the same way, at the top level. */
static void drop_warnings(struct lint *l)
{
	const struct compose_node *codes = node_get(extension_of(l, NULL), "lint");
	size_t i;

	for (i = 0; codes && codes->kind == COMPOSE_MAP && i < codes->map.count; i++)
		if (codes->map.pairs[i].key[0] == 'W' &&
		    switched_off(extension_of(l, NULL), codes->map.pairs[i].key) > 0)
			diag_drop(l->p->diags, codes->map.pairs[i].key);
}

/* ---- findings */

bool lint_find(struct lint *l, const struct lint_service *s, const char *key,
	       struct compose_mark mark, const char *fmt, ...)
{
	const char *code = l->rule->about.code;
	auto_free char *place = NULL, *text = NULL, *where = NULL;
	va_list ap;

	if (is_off(l, s, code))
		return false;
	place = xasprintf("%s:%u:%u:%s", code, mark.line, mark.column,
			  mark.source ? mark.source->path : "");
	if (mark.source && map_has(l->seen, place))
		return false;
	map_set(l->seen, place, l);
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (s)
		where = xasprintf("services.%s%s%s", s->name, key ? "." : "", key ? key : "");
	diag_finding(l->p->diags, code, mark, where, "%s", text);
	return true;
}

static void look_at(struct lint *l, const struct compose_node *services)
{
	size_t i, k;

	for (i = 0; i < lint_length(services); i++) {
		const struct compose_pair *pair = &services->map.pairs[i];
		struct lint_service s = {pair, pair->value, pair->key};

		check_switches(l, s.name);
		for (k = 0; k < ARRAY_LEN(rules) && s.n->kind == COMPOSE_MAP; k++) {
			l->rule = &rules[k];
			if (l->rule->service)
				l->rule->service(l, &s);
		}
	}
}

void compose_lint(struct compose_project *p)
{
	struct lint l = {.p = p, .services = node_get(p->model, "services"), .seen = map_new(NULL)};
	size_t i;

	check_switches(&l, NULL);
	drop_warnings(&l);
	/* What is set at the moment, here, says nothing about the files. */
	diag_drop(p->diags, "W006");
	look_at(&l, l.services);
	look_at(&l, p->disabled);
	for (i = 0; i < ARRAY_LEN(rules); i++) {
		l.rule = &rules[i];
		if (l.rule->project)
			l.rule->project(&l);
	}
	map_free(l.seen);
}

/* ---- explanations */

const struct diag_explanation *lint_explanation(size_t index)
{
	return index < ARRAY_LEN(rules) ? &rules[index].about : NULL;
}

const struct diag_explanation *lint_explain(const char *code)
{
	size_t i;

	if (!code || !*code || !strchr("Ll", code[0]))
		return NULL;
	for (i = 0; i < ARRAY_LEN(rules); i++)
		if (!strcmp(rules[i].about.code + 1, code + 1))
			return &rules[i].about;
	return NULL;
}
