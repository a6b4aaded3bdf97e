/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp events: what happens to the project's containers. */
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct values {
	bool json;
	char *since, *until;
};

static const struct option_def options[] = {
	{0, "json", OPTION_FLAG, offsetof(struct values, json), NULL, "Print an object a line"},
	{0, "since", OPTION_STR, offsetof(struct values, since), "TIME",
	 "Also what happened since then"},
	{0, "until", OPTION_STR, offsetof(struct values, until), "TIME", "End then"},
	{0},
};

struct printing {
	bool json;
	char **services; /* empty: all */
};

static void print_plain(const json_t *event, const json_t *attributes)
{
	char when[TIME_TEXT_MAX];
	const char *key;
	json_t *value;
	bool first = true;

	time_format(json_get_int(event, "time_ns", 0), when);
	printf("%.19s.%.6s %s %s %s (", when, when + 20, json_get_str(event, "type"),
	       json_get_str(event, "action"), json_get_str(event, "id"));
	json_object_foreach ((json_t *)(uintptr_t)attributes, key, value) {
		printf("%s%s=%s", first ? "" : ", ", key, json_string_value(value));
		first = false;
	}
	printf(")\n");
}

static int on_line(void *arg, json_t *event)
{
	const struct printing *p = arg;
	const json_t *attributes = json_get_obj(event, "attributes");
	const char *service = json_get_str(attributes, "com.docker.compose.service");
	char when[TIME_TEXT_MAX];

	if (strv_len(p->services) && (!service || !strv_has(p->services, service)))
		return 0;
	if (p->json) {
		auto_json json_t *o = json_object();

		time_format(json_get_int(event, "time_ns", 0), when);
		json_set_str(o, "time", when);
		json_set_str(o, "type", json_get_str(event, "type"));
		json_set_str(o, "service", service);
		json_set_str(o, "id", json_get_str(event, "id"));
		json_set_str(o, "action", json_get_str(event, "action"));
		json_set_new(o, "attributes", json_incref((json_t *)(uintptr_t)attributes));
		out_json_line(o, stdout);
	} else {
		print_plain(event, attributes);
	}
	fflush(stdout);
	return 0;
}

static int add_time(struct buf *target, const char *name, const char *text, struct error *err)
{
	int64_t ns;
	int r = text ? time_parse(text, time_now_ns(), &ns, err) : 0;

	if (text && r == 0)
		buf_addf(target, "&%s=%lld", name, (long long)ns);
	return r;
}

static int run(struct cli *cli, const void *values, int argc, char **argv)
{
	static const struct client_events events = {.on_line = on_line};
	const struct values *v = values;
	struct printing p = {.json = v->json};
	auto_free char *project = NULL;
	auto_buf struct buf target = BUF_INIT;
	struct error err = ERROR_INIT;
	struct client *c = NULL;
	int i, r = cli_project_name(cli, &project);

	if (r)
		return r;
	for (i = 0; i < argc; i++)
		strv_push(&p.services, xstrdup(argv[i]));
	buf_adds(&target, "/cmp/v1/events?project=");
	http_percent_encode(&target, project);
	r = add_time(&target, "since", v->since, &err);
	if (r == 0)
		r = add_time(&target, "until", v->until, &err);
	if (r == 0)
		r = client_open(cli->socket_path, true, &c, &err);
	if (r == 0)
		r = client_send(c, "GET", target.data, NULL, false, &err);
	if (r == 0)
		r = client_drain(c, &events, &p, &err);
	client_free(c);
	strv_free(p.services);
	return r < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_events = {
	.name = "events",
	.usage = "[OPTIONS] [SERVICE...]",
	.summary = "Show what happens to the project's containers",
	.options = options,
	.values_size = sizeof(struct values),
	.run = run,
	.dry_run = DRY_READS,
};
