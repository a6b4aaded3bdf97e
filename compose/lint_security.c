/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about what a container may do to its host, and who may reach what. */
#include <string.h>

#include "compose/lint_rules.h"

/* ---- the host's own */

void lint_engine_socket(struct lint *l, const struct lint_service *s)
{
	static const char *const sockets[] = {"/docker.sock", "/podman.sock", "/containerd.sock",
					      "/crio.sock", "/cmp.sock"};
	const struct compose_node *list = node_get(s->n, "volumes"), *item;
	const char *source;
	size_t i, k;

	for (i = 0; i < lint_length(list); i++) {
		item = list->list.items[i];
		source = lint_text(item, "source");
		for (k = 0; source && k < ARRAY_LEN(sockets); k++)
			if (str_ends(source, sockets[k]) &&
			    lint_find(
				    l, s, "volumes", item->mark,
				    "whoever reaches this socket controls the host, also read-only"))
				diag_hint(
					l->p->diags,
					"put a proxy before it that lets only the needed requests through");
	}
	if (lint_true(s->n, "use_api_socket"))
		lint_find(l, s, "use_api_socket", node_pair(s->n, "use_api_socket")->key_mark,
			  "whoever reaches the engine's socket controls the host");
}

static void powers(struct lint *l, const struct lint_service *s)
{
	static const char *const all[] = {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"};
	const struct compose_node *list = node_get(s->n, "cap_add");
	const char *name, *plain;
	size_t i, k;

	for (i = 0; i < lint_length(list); i++) {
		name = list->list.items[i]->text;
		plain = name && str_skip(name, "CAP_") ? str_skip(name, "CAP_") : name;
		for (k = 0; plain && k < ARRAY_LEN(all); k++)
			if (!strcmp(plain, all[k]))
				lint_find(l, s, "cap_add", list->list.items[i]->mark,
					  "%s is as good as root on the host", name);
	}
}

void lint_privileged(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *list = node_get(s->n, "security_opt");
	const char *text;
	size_t i;

	if (lint_true(s->n, "privileged") &&
	    lint_find(l, s, NULL, node_pair(s->n, "privileged")->key_mark,
		      "a privileged container is root on the host"))
		diag_hint(l->p->diags, "give it what it needs with \"cap_add:\" and \"devices:\"");
	powers(l, s);
	for (i = 0; i < lint_length(list); i++) {
		text = list->list.items[i]->text;
		if (text &&
		    (str_ends(text, "seccomp:unconfined") || str_ends(text, "seccomp=unconfined")))
			lint_find(l, s, "security_opt", list->list.items[i]->mark,
				  "every system call of the kernel is open to the container");
	}
}

void lint_host_namespaces(struct lint *l, const struct lint_service *s)
{
	static const struct {
		const char *key, *what;
	} all[] = {
		{"network_mode", "the container sees the host's network, and whatever listens on "
				 "127.0.0.1 there"},
		{"pid", "the container sees and may signal the processes of the host"},
		{"ipc", "the container sees the shared memory of the host's programs"},
		{"uts", "the container may change the name of the host"},
		{"userns_mode", "root in the container is root on the host"},
	};
	const struct compose_pair *pair;
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++) {
		pair = node_pair(s->n, all[i].key);
		if (pair && pair->value->kind == COMPOSE_STRING &&
		    !strcmp(pair->value->text, "host"))
			lint_find(l, s, NULL, pair->key_mark, "with \"%s: host\" %s", all[i].key,
				  all[i].what);
	}
}

void lint_system_directories(struct lint *l, const struct lint_service *s)
{
	static const char *const all[] = {
		"/",	   "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64",	"/proc",
		"/root",   "/run", "/sbin", "/sys", "/usr", "/var", "/var/lib", "/var/lib/docker",
		"/var/run"};
	const struct compose_node *list = node_get(s->n, "volumes"), *item;
	const char *source;
	size_t i, k;

	for (i = 0; i < lint_length(list); i++) {
		item = list->list.items[i];
		source = lint_text(item, "source");
		if (!str_eq(lint_text(item, "type"), "bind") || lint_true(item, "read_only"))
			continue;
		for (k = 0; source && k < ARRAY_LEN(all); k++)
			if (!strcmp(source, all[k]) &&
			    lint_find(l, s, "volumes", item->mark,
				      "the container may write to %s of the host", source))
				diag_hint(l->p->diags, "mount only what it needs, or add \":ro\"");
	}
}

/* ---- who may reach it */

static bool everywhere(const struct compose_node *port)
{
	const char *ip = lint_text(port, "host_ip");

	return str_empty(ip) || !strcmp(ip, "0.0.0.0") || !strcmp(ip, "::");
}

static bool is_port(const struct lint_database *d, int64_t port)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(d->ports); i++)
		if (d->ports[i] && d->ports[i] == port)
			return true;
	return false;
}

void lint_open_database(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *list = node_get(s->n, "ports"), *target;
	const struct lint_database *d;
	const char *published;
	bool official;
	size_t i;

	d = lint_database(lint_text(s->n, "image"), &official);
	for (i = 0; d && i < lint_length(list); i++) {
		target = node_get(list->list.items[i], "target");
		published = lint_text(list->list.items[i], "published");
		if (!target || target->kind != COMPOSE_INT || !is_port(d, target->integer) ||
		    !everywhere(list->list.items[i]))
			continue;
		if (!lint_find(l, s, "ports", list->list.items[i]->mark,
			       "the database is open to every machine that reaches this host"))
			continue;
		diag_hint(
			l->p->diags,
			"services need no published port; for this host alone write \"127.0.0.1:%s:%lld\"",
			str_empty(published) ? "" : published, (long long)target->integer);
	}
}

/* ---- secrets */

static bool names_secret(const char *name)
{
	static const char *const ends[] = {"PASSWORD",	  "PASSWD",	 "SECRET",     "TOKEN",
					   "API_KEY",	  "APIKEY",	 "SECRET_KEY", "ACCESS_KEY",
					   "PRIVATE_KEY", "CREDENTIALS", "PASSPHRASE"};
	auto_free char *upper = xstrdup(name);
	size_t i;

	for (i = 0; upper[i]; i++)
		if (upper[i] >= 'a' && upper[i] <= 'z')
			upper[i] = (char)(upper[i] - 'a' + 'A');
	for (i = 0; i < ARRAY_LEN(ends); i++)
		if (str_ends(upper, ends[i]))
			return true;
	return false;
}

/* A switch, a path or a placeholder is no secret. */
static bool is_secret(const char *value)
{
	static const char *const words[] = {"",	   "0",	 "1",  "true", "false",
					    "yes", "no", "on", "off",  "none"};
	auto_free char *lower = str_lower(xstrdup(value));
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(lower, words[i]))
			return false;
	return value[0] != '/' && value[0] != '<';
}

void lint_plain_secrets(struct lint *l, const struct lint_service *s)
{
	const struct compose_node *map = node_get(s->n, "environment");
	size_t i;

	for (i = 0; i < lint_length(map); i++) {
		const struct compose_pair *pair = &map->map.pairs[i];

		if (pair->value->kind != COMPOSE_STRING || pair->value->outside ||
		    !names_secret(pair->key) || !is_secret(pair->value->text))
			continue;
		if (lint_find(l, s, "environment", pair->value->mark,
			      "the value of %s is readable for all who see this file", pair->key))
			diag_hint(l->p->diags, "use a secret, or ${%s} with the value in .env",
				  pair->key);
	}
}
