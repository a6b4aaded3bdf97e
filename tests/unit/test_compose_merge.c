/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/merge.c and extends.c: several files, and services over services. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/compose_case.h"

#define S(text) "services:\n  a:\n" text
#define I(text) S("    image: i\n" text)

static void files(void **state)
{
	static const struct compose_case cases[] = {
		{{I("    environment: {A: 1, B: 2}\n"), S("    environment: [B=3, C]\n")},
		 0,
		 "services.a.environment",
		 "{\"A\":\"1\",\"B\":\"3\",\"C\":null}",
		 {0}},
		{{I("    ports: [\"80:80\"]\n"), S("    ports: [\"80:80\", \"81:81\"]\n")},
		 0,
		 "services.a.ports",
		 "[{\"mode\":\"ingress\",\"target\":80,\"published\":\"80\",\"protocol\":\"tcp\"},"
		 "{\"mode\":\"ingress\",\"target\":81,\"published\":\"81\",\"protocol\":\"tcp\"}]",
		 {0}},
		{{I("    volumes: [\"/x:/t\", /uu]\n"), S("    volumes: [\"/y:/t\"]\n")},
		 0,
		 "services.a.volumes",
		 "[{\"type\":\"bind\",\"source\":\"/y\",\"target\":\"/t\",\"bind\":{\"create_host_path\":true}},"
		 "{\"type\":\"volume\",\"target\":\"/uu\",\"volume\":{}}]",
		 {0}},
		{{I("    command: [x, y]\n    dns: [\"1.1.1.1\"]\n"),
		  S("    command: [z]\n    dns: 8.8.8.8\n")},
		 0,
		 "services.a.command",
		 "[\"z\"]",
		 {0}},
		{{I("    dns: [\"1.1.1.1\"]\n"), S("    dns: 8.8.8.8\n")},
		 0,
		 "services.a.dns",
		 "[\"1.1.1.1\",\"8.8.8.8\"]",
		 {0}},
		{{I("    command: [x]\n"), S("    command:\n")},
		 0,
		 "services.a.command",
		 "null",
		 {0}},
		{{I("    user: me\n"), S("    user:\n")}, 0, "services.a.user", "\"me\"", {0}},
		{{I("    build: /x\n"), S("    build: {target: t}\n")},
		 0,
		 "services.a.build",
		 "{\"context\":\"/x\",\"dockerfile\":\"Dockerfile\",\"target\":\"t\"}",
		 {0}},
		{{I("    depends_on: {b: {condition: service_healthy, required: false}}\n  b: {image: i}\n"),
		  S("    depends_on: {b: {condition: service_started}}\n")},
		 0,
		 "services.a.depends_on",
		 "{\"b\":{\"condition\":\"service_started\",\"required\":false}}",
		 {0}},
		{{I("    logging: {driver: x, options: {k: v}}\n"),
		  S("    logging: {options: {l: w}}\n")},
		 0,
		 "services.a.logging",
		 "{\"driver\":\"x\",\"options\":{\"k\":\"v\",\"l\":\"w\"}}",
		 {0}},
		{{I("    logging: {driver: x, options: {k: v}}\n"),
		  S("    logging: {driver: y}\n")},
		 0,
		 "services.a.logging",
		 "{\"driver\":\"y\"}",
		 {0}},
		{{I("") "networks: {default: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}\n",
		  "networks: {default: {ipam: {config: [{subnet: 10.0.0.0/8, gateway: 10.0.0.1}]}}}\n"},
		 0,
		 "networks.default.ipam",
		 "{\"config\":[{\"subnet\":\"10.0.0.0/8\",\"gateway\":\"10.0.0.1\"}]}",
		 {0}},
		{{I("---\nservices: {a: {user: me}}\n")}, 0, "services.a.user", "\"me\"", {0}},
		{{I("    ports: [\"80:80\"]\n"), S("    ports: x\n")},
		 0,
		 NULL,
		 NULL,
		 {"services.a.ports: "}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void tags(void **state)
{
	static const struct compose_case cases[] = {
		{{I("    dns: [\"1.1.1.1\"]\n    user: me\n"),
		  S("    dns: !reset []\n    user: !reset x\n")},
		 0,
		 "services.a",
		 "{\"command\":null,\"entrypoint\":null,\"image\":\"i\",\"networks\":{\"default\":null}}",
		 {0}},
		{{I("    dns: [\"1.1.1.1\"]\n"), S("    dns: !override [\"8.8.8.8\"]\n")},
		 0,
		 "services.a.dns",
		 "[\"8.8.8.8\"]",
		 {0}},
		{{I("    environment: {A: x, B: y}\n"), S("    environment: {A: !reset null}\n")},
		 0,
		 "services.a.environment",
		 "{\"B\":\"y\"}",
		 {0}},
		{{I("    dns: !override [\"8.8.8.8\"]\n    user: !reset me\n")},
		 0,
		 "services.a.dns",
		 "[\"8.8.8.8\"]",
		 {0}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void extends(void **state)
{
	static const struct compose_case cases[] = {
		{{I("    environment: {A: x}\n  b:\n    extends: a\n    environment: {B: y}\n")},
		 0,
		 "services.b.environment",
		 "{\"A\":\"x\",\"B\":\"y\"}",
		 {0}},
		{{S("    extends: b\n    image: i\n  b:\n    extends: c\n    image: j\n    user: u\n  c: {image: k, tty: true}\n")},
		 0,
		 "services.a",
		 "{\"command\":null,\"entrypoint\":null,\"image\":\"i\",\"networks\":{\"default\":null},"
		 "\"user\":\"u\",\"tty\":true}",
		 {0}},
		{{S("    extends: {service: base, file: b.yaml}\n    hostname: h\n"),
		  "services:\n  base: {image: i, user: u}\n  other: {imge: wrong}\n"},
		 1,
		 "services.a",
		 "{\"command\":null,\"entrypoint\":null,\"hostname\":\"h\",\"image\":\"i\","
		 "\"networks\":{\"default\":null},\"user\":\"u\"}",
		 {0}},
		{{I("    ports: [\"80:80\"]\n  b:\n    extends: a\n    ports: !reset []\n")},
		 0,
		 "services.b",
		 "{\"command\":null,\"entrypoint\":null,\"image\":\"i\",\"networks\":{\"default\":null}}",
		 {0}},
		{{S("    extends: b\n  b: {extends: a}\n")}, 0, NULL, NULL, {"extends cycle: "}},
		{{S("    image: i\n    extends: basee\n  base: {image: i}\n")},
		 0,
		 NULL,
		 NULL,
		 {"\"basee\"", "base"}},
		{{S("    image: i\n    extends: {service: x, file: missing.yaml}\n")},
		 0,
		 NULL,
		 NULL,
		 {"missing.yaml"}},
	};

	(void)state;
	CASES_CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(tags),
		cmocka_unit_test(extends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
