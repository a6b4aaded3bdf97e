/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports: [[IP]:][HOST]:CONTAINER[/PROTOCOL], each side a port or a range.  Ranges of
 * equal length give one entry per port; a range of the host for one port of the container stays a
 * range.
 */
#include <arpa/inet.h>
#include <string.h>

#include "compose/schema.h"
#include "compose/yaml.h"

#define PORT_ENTRIES_MAX 70000 /* of one service: every port there is, and some */

struct spec {
	const char *whole; /* as written */
	const char *ip, *host, *container, *protocol;
	uint16_t host_first, host_last, first, last;
};

static bool parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = strchr(text, '-');
	char first[8];
	size_t len = dash ? (size_t)(dash - text) : strlen(text);

	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	if (parse_u16(first, ret_first) < 0)
		return false;
	*ret_last = *ret_first;
	return !dash || (parse_u16(dash + 1, ret_last) == 0 && *ret_last >= *ret_first);
}

static bool valid_ip(const char *text)
{
	struct in6_addr room;

	return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1;
}

/* Cuts "IP:HOST:CONTAINER/PROTOCOL" into its parts. */
static void split(struct arena *a, const char *text, struct spec *ret)
{
	char *rest = arena_strdup(a, text), *at;
	size_t len;

	*ret = (struct spec){.whole = text, .ip = "", .host = "", .protocol = "tcp"};
	at = strchr(rest, '/');
	if (at) {
		*at = '\0';
		ret->protocol = at[1] ? str_lower(at + 1) : "tcp";
	}
	at = strrchr(rest, ':');
	ret->container = at ? at + 1 : rest;
	if (!at)
		return;
	*at = '\0';
	at = strrchr(rest, ':');
	ret->host = at ? at + 1 : rest;
	if (!at)
		return;
	*at = '\0';
	ret->ip = rest;
	len = strlen(rest);
	if (rest[0] == '[' && len > 1 && rest[len - 1] == ']') {
		rest[len - 1] = '\0';
		ret->ip = rest + 1;
	}
}

/* What is wrong with the parts, or NULL. */
static const char *fault(struct arena *a, struct spec *s)
{
	if (!*s->container)
		return "the container's port is missing";
	if (!parse_range(s->container, &s->first, &s->last) || !s->first)
		return arena_printf(a, "\"%s\" is not a port of the container (1 to 65535)",
				    s->container);
	if (*s->host && !parse_range(s->host, &s->host_first, &s->host_last))
		return arena_printf(a, "\"%s\" is not a port of the host (1 to 65535)", s->host);
	if (*s->ip && !valid_ip(s->ip))
		return arena_printf(a, "\"%s\" is not an IP address", s->ip);
	if (*s->host && s->first != s->last && s->host_last - s->host_first != s->last - s->first)
		return arena_printf(a, "the ranges %s and %s differ in length", s->host,
				    s->container);
	if (strcmp(s->protocol, "tcp") != 0 && strcmp(s->protocol, "udp") != 0 &&
	    strcmp(s->protocol, "sctp") != 0)
		return arena_printf(a, "\"%s\" is not a protocol: tcp, udp or sctp", s->protocol);
	return NULL;
}

static void set(struct compose_ctx *c, struct compose_node *map, const char *key, const char *text)
{
	node_put(c->arena, map, key, map->mark, node_text(c->arena, text, map->mark));
}

static struct compose_node *entry(struct compose_ctx *c, const struct spec *s, uint16_t target,
				  struct compose_mark mark)
{
	struct compose_node *map = node_new(c->arena, COMPOSE_MAP, mark);
	struct compose_node *number = node_new(c->arena, COMPOSE_INT, mark);

	number->integer = target;
	set(c, map, "mode", "ingress");
	if (*s->ip)
		set(c, map, "host_ip", s->ip);
	node_put(c->arena, map, "target", mark, number);
	if (*s->host && s->first == s->last && s->host_first != s->host_last)
		set(c, map, "published",
		    arena_printf(c->arena, "%u-%u", s->host_first, s->host_last));
	else if (*s->host)
		set(c, map, "published",
		    arena_printf(c->arena, "%u", (unsigned)(s->host_first + (target - s->first))));
	set(c, map, "protocol", s->protocol);
	return map;
}

static void expand_short(struct compose_ctx *c, const struct compose_path *path,
			 struct compose_node *out, const struct compose_node *item)
{
	const char *text = yaml_scalar_text(c->arena, item), *wrong;
	struct spec s;
	uint32_t port;

	split(c->arena, text, &s);
	wrong = fault(c->arena, &s);
	if (wrong) {
		problem_at(c, DIAG_VALUE, path, item->mark, "port \"%s\": %s", text, wrong);
		if (*s.ip && !valid_ip(s.ip))
			diag_hint(c->diags,
				  "write [IP:][HOST:]CONTAINER[/PROTOCOL], like \"8080:80\"");
		return;
	}
	if (s.last > s.first && !ctx_room(c, item->mark))
		return;
	for (port = s.first; port <= s.last && out->list.count < PORT_ENTRIES_MAX; port++)
		node_append(c->arena, out, entry(c, &s, (uint16_t)port, item->mark));
}

static void expand_long(struct compose_ctx *c, const struct compose_path *path,
			struct compose_node *out, struct compose_node *item)
{
	const struct compose_node *ip = node_get(item, "host_ip"),
				  *target = node_get(item, "target");

	if (!node_pair(item, "target"))
		problem_at(c, DIAG_REQUIRED, path, item->mark, "target is missing");
	if (ip && ip->kind == COMPOSE_STRING && *ip->text && !is_opaque(c, ip) &&
	    !valid_ip(ip->text))
		problem_at(c, DIAG_VALUE, path, ip->mark, "\"%s\" is not an IP address", ip->text);
	if (target && target->kind == COMPOSE_INT &&
	    (target->integer < 1 || target->integer > UINT16_MAX))
		problem_at(c, DIAG_VALUE, path, target->mark,
			   "\"%s\" is not a port of the container (1 to 65535)", target->text);
	if (!node_pair(item, "protocol"))
		set(c, item, "protocol", "tcp");
	if (!node_pair(item, "mode"))
		set(c, item, "mode", "ingress");
	node_append(c->arena, out, item);
}

struct compose_node *expand_ports(struct compose_ctx *c, const struct compose_path *path,
				  struct compose_node *n)
{
	struct compose_node *out = node_new(c->arena, COMPOSE_LIST, n->mark);
	size_t i;

	for (i = 0; i < n->list.count; i++) {
		struct compose_path at = {path, NULL, i};
		struct compose_node *item = n->list.items[i];

		if (!want_shape(c, &at, item, SHAPE_MAP | SHAPE_STRING | SHAPE_NUMBER,
				"a port like \"8080:80\" or a mapping"))
			continue;
		if (is_opaque(c, item))
			node_append(c->arena, out, item);
		else if (item->kind == COMPOSE_MAP)
			expand_long(c, &at, out, item);
		else
			expand_short(c, &at, out, item);
	}
	return out;
}
