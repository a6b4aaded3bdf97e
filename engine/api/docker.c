/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the routes of Docker's API share: answers, query parameters, finding objects. */
#include "engine/api/docker.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/time.h"

/* ---- answers */

void docker_fail(struct api_request *r, int status, const char *fmt, ...)
{
	auto_free char *text = NULL;
	json_t *o = json_object();
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_set_new(o, "message", json_str(text));
	api_reply_json(r, status, o);
}

void docker_reply(struct api_request *r, int status, struct buf *json)
{
	buf_addc(json, '\n');
	if (json->overflow)
		docker_fail(r, 500, "the answer is larger than %zu bytes", json->max);
	else
		api_reply_body(r, status, json->data, json->len);
}

/* ---- parameters */

bool docker_flag(const struct api_request *r, const char *name)
{
	static const char *const no[] = {"", "0", "no", "false", "none"};
	const char *value = api_query(r, name);
	size_t i;

	for (i = 0; value && i < ARRAY_LEN(no); i++)
		if (!strcasecmp(value, no[i]))
			return false;
	return value != NULL;
}

static int parse_time(const char *text, int64_t *ret_ns)
{
	size_t len = strcspn(text, ".");
	auto_free char *seconds = xstrndup(text, len);
	const char *fraction = text[len] ? text + len + 1 : "";
	int64_t ns = 0, s;
	size_t i;

	if (parse_i64(seconds, &s) < 0 || s < 0 || s > INT64_MAX / NS_PER_SEC - 1)
		return -EINVAL;
	for (i = 0; i < 9; i++) {
		if (*fraction && !isdigit((unsigned char)*fraction))
			return -EINVAL;
		ns = ns * 10 + (*fraction ? *fraction++ - '0' : 0);
	}
	*ret_ns = s * NS_PER_SEC + ns;
	return 0;
}

bool docker_time(struct api_request *r, const char *name, int64_t *ret_ns)
{
	const char *text = api_query(r, name);

	*ret_ns = 0;
	if (str_empty(text) || parse_time(text, ret_ns) == 0)
		return true;
	docker_fail(r, 500, "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
	return false;
}

bool docker_size(struct api_request *r, uint16_t *ret_rows, uint16_t *ret_columns)
{
	const char *h = api_query(r, "h"), *w = api_query(r, "w");

	if (!h || parse_u16(h, ret_rows) < 0)
		docker_fail(r, 400, "invalid resize height \"%s\": invalid syntax", h ? h : "");
	else if (!w || parse_u16(w, ret_columns) < 0)
		docker_fail(r, 400, "invalid resize width \"%s\": invalid syntax", w ? w : "");
	else
		return true;
	return false;
}

/* ---- objects */

struct container *docker_container_named(struct api_request *r, const char *ref)
{
	struct error err = ERROR_INIT;
	struct container *c;
	const char *name = ref[0] == '/' ? ref + 1 : ref;

	if (container_find(r->daemon, name, &c, &err) == 0)
		return c;
	if (err.code == ENOENT)
		docker_fail(r, 404, "No such container: %s", ref);
	else
		docker_fail(r, 400, "multiple IDs found with provided prefix: %s", ref);
	return NULL;
}

struct container *docker_container(struct api_request *r)
{
	return docker_container_named(r, r->params[0]);
}

struct network *docker_network(struct api_request *r, const char *ref)
{
	struct error err = ERROR_INIT;
	struct network *n;

	if (network_find(r->daemon, ref, &n, &err) == 0)
		return n;
	docker_fail(r, 404, "network %s not found", ref);
	return NULL;
}

/* ---- the table of endpoints */

static const char *const state_words[] = {
	[DOCKER_DONE] = "done",
	[DOCKER_PARTLY] = "partly",
	[DOCKER_REFUSED] = "refused",
};

void docker_describe_routes(struct buf *b)
{
	const struct api_table *table;

	buf_addf(
		b,
		"# Endpoints of Docker's Engine API\n\n"
		"Version %u.%u, at least %u.%u. Written by `cmpd --routes`; a gate keeps it current. "
		"What is refused answers with the\nstatus and the words that Docker's clients "
		"understand.\n\n| request | state | |\n|---|---|---|\n",
		API_TEXT(API_DOCKER), API_TEXT(API_DOCKER_MIN));
	for (table = api_tables; table->rows; table++) {
		const struct docker_route *row = (const void *)table->rows;

		for (; table->docker && row->route.method; row++)
			buf_addf(b, "| `%s %s` | %s | %s |\n", row->route.method,
				 row->route.pattern, state_words[row->state],
				 row->note ? row->note : "");
	}
}
