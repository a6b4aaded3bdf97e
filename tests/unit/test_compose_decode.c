/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose/decode.c, expand.c, finish.c, check.c: from what people write to the model, and what they
 * are told. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/compose_case.h"

#define A(text) "services:\n  a:\n    image: i\n" text

static void short_forms(void **state)
{
	static const struct compose_case cases[] = {
		{{A("    ports: [\"127.0.0.1:8080:80/UDP\", 53]\n")},
		 0,
		 "services.a.ports",
		 "[{\"mode\":\"ingress\",\"host_ip\":\"127.0.0.1\",\"target\":80,\"published\":\"8080\","
		 "\"protocol\":\"udp\"},{\"mode\":\"ingress\",\"target\":53,\"protocol\":\"tcp\"}]",
		 {0}},
		{{A("    ports: [\"8000-8001:80-81\"]\n")},
		 0,
		 "services.a.ports",
		 "[{\"mode\":\"ingress\",\"target\":80,\"published\":\"8000\",\"protocol\":\"tcp\"},"
		 "{\"mode\":\"ingress\",\"target\":81,\"published\":\"8001\",\"protocol\":\"tcp\"}]",
		 {0}},
		{{A("    command: a 'b c' \"d\\\"e\" f\\ g ; h\n")},
		 0,
		 "services.a.command",
		 "[\"a\",\"b c\",\"d\\\"e\",\"f g\"]",
		 {0}},
		{{A("    healthcheck: {test: curl x, interval: 90s, retries: 3}\n")},
		 0,
		 "services.a.healthcheck",
		 "{\"test\":[\"CMD-SHELL\",\"curl x\"],\"interval\":\"1m30s\",\"retries\":3}",
		 {0}},
		{{A("    build: /src\n")},
		 0,
		 "services.a.build",
		 "{\"context\":\"/src\",\"dockerfile\":\"Dockerfile\"}",
		 {0}},
		{{A("    depends_on: [b]\n  b:\n    image: i\n")},
		 0,
		 "services.a.depends_on",
		 "{\"b\":{\"condition\":\"service_started\",\"required\":true}}",
		 {0}},
		{{A("    devices: [/dev/fuse, \"/dev/a:/dev/b:r\"]\n")},
		 0,
		 "services.a.devices",
		 "[{\"source\":\"/dev/fuse\",\"target\":\"/dev/fuse\",\"permissions\":\"rwm\"},"
		 "{\"source\":\"/dev/a\",\"target\":\"/dev/b\",\"permissions\":\"r\"}]",
		 {0}},
		{{A("    gpus: all\n")}, 0, "services.a.gpus", "[{\"count\":-1}]", {0}},
		{{A("    networks: [n]\n") "networks: {n: }\n"},
		 0,
		 "services.a.networks",
		 "{\"n\":null}",
		 {0}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void volumes(void **state)
{
	static const struct compose_case cases[] = {
		{{A("    volumes: [/data, \"vol:/x:ro\", \"/h:/y:z\"]\n") "volumes: {vol: }\n"},
		 0,
		 "services.a.volumes",
		 "[{\"type\":\"volume\",\"target\":\"/data\",\"volume\":{}},"
		 "{\"type\":\"volume\",\"source\":\"vol\",\"target\":\"/x\",\"read_only\":true,\"volume\":{}},"
		 "{\"type\":\"bind\",\"source\":\"/h\",\"target\":\"/y\",\"bind\":{\"selinux\":\"z\","
		 "\"create_host_path\":true}}]",
		 {0}},
		/* Names of one letter are drives of Windows, and what is that short has no options.
		 */
		{{A("    volumes: [\"v:/x\", /u]\n")},
		 0,
		 "services.a.volumes",
		 "[{\"type\":\"volume\",\"target\":\"v:/x\",\"volume\":{}},{\"type\":\"volume\",\"target\":\"/u\"}]",
		 {0}},
		{{A("    volumes: [\"vol:/x\", \"vol:/x:ro\"]\n") "volumes: {vol: }\n"},
		 0,
		 "services.a.volumes",
		 "[{\"type\":\"volume\",\"source\":\"vol\",\"target\":\"/x\",\"read_only\":true,"
		 "\"volume\":{}}]",
		 {0}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void values(void **state)
{
	static const struct compose_case cases[] = {
		{{A("    environment: [A=1, B, FROM]\n")},
		 0,
		 "services.a.environment",
		 "{\"A\":\"1\",\"B\":null,\"FROM\":\"environment\"}",
		 {0}},
		{{A("    environment: {A: 1.50, B: 1e21, C: true, D: 0x10, E: 010}\n")},
		 0,
		 "services.a.environment",
		 "{\"A\":\"1.5\",\"B\":\"1e+21\",\"C\":\"true\",\"D\":\"16\",\"E\":\"8\"}",
		 {0}},
		{{A("    labels: [a, b=c=d]\n")},
		 0,
		 "services.a.labels",
		 "{\"a\":\"\",\"b\":\"c=d\"}",
		 {0}},
		{{A("    mem_limit: 1.5g\n")}, 0, "services.a.mem_limit", "\"1610612736\"", {0}},
		{{A("    scale: \"3\"\n")}, 0, "services.a.scale", "3", {0}},
		{{A("    stop_grace_period: 1d2h\n")},
		 0,
		 "services.a.stop_grace_period",
		 "\"26h0m0s\"",
		 {0}},
		{{A("    ulimits: {nofile: 5, core: {soft: 1, hard: 2}}\n")},
		 0,
		 "services.a.ulimits",
		 "{\"nofile\":5,\"core\":{\"soft\":1,\"hard\":2}}",
		 {0}},
		{{A("    extra_hosts: {b: [\"::1\", 1.2.3.4], a: host-gateway}\n")},
		 0,
		 "services.a.extra_hosts",
		 "[\"a=host-gateway\",\"b=1.2.3.4\",\"b=::1\"]",
		 {0}},
		{{A("    deploy: {}\n")},
		 0,
		 "services.a.deploy",
		 "{\"resources\":{},\"placement\":{}}",
		 {0}},
		{{A("    x-any: {b: 1}\n    privileged: false\n")},
		 0,
		 "services.a",
		 "{\"command\":null,\"entrypoint\":null,\"image\":\"i\",\"networks\":{\"default\":null}}",
		 {0}},
		{{A("    links: [\"b:c\"]\n    volumes_from: [d]\n    ipc: service:e\n  b: {image: i}\n"
		    "  d: {image: i}\n  e: {image: i}\n")},
		 0,
		 "services.a.depends_on",
		 "{\"b\":{\"condition\":\"service_started\",\"restart\":true,\"required\":true},"
		 "\"d\":{\"condition\":\"service_started\",\"required\":true},"
		 "\"e\":{\"condition\":\"service_started\",\"restart\":true,\"required\":true}}",
		 {0}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void top_level(void **state)
{
	static const struct compose_case cases[] = {
		{{A("") "networks: {default: {driver: bridge}}\n"},
		 0,
		 "networks",
		 "{\"default\":{\"name\":\"p_default\",\"driver\":\"bridge\",\"ipam\":{}}}",
		 {0}},
		{{A("    volumes: [\"data:/d\"]\n") "volumes: {data: {external: {name: x}}}\n"},
		 0,
		 "volumes",
		 "{\"data\":{\"name\":\"x\",\"external\":true}}",
		 {0}},
		{{A("    secrets: [s]\n") "secrets: {s: {environment: FROM}}\n"},
		 0,
		 "services.a.secrets",
		 "[{\"source\":\"s\",\"target\":\"/run/secrets/s\"}]",
		 {0}},
		{{A("    profiles: [debug]\n")}, 0, "services", "{}", {0}},
		{{A("") "x-free: {b: [1]}\n"}, 0, "x-free", "{\"b\":[1]}", {0}},
	};

	(void)state;
	CASES_CHECK(cases);
}

/* Everything that is wrong is said at once, where it stands, with what was meant. */
static void messages(void **state)
{
	static const struct compose_case cases[] = {
		{{"services:\n  web:\n    imge: nginx\n  b:\n    image: i\n    ports: 80\n    depends_on: [wep]\n"},
		 0,
		 NULL,
		 NULL,
		 {"a.yaml:3:5: error: services.web: unknown key \"imge\" (did you mean \"image\"?)",
		  "a.yaml:6:12: error: services.b.ports: must be a list of ports",
		  "depends on undefined service \"wep\" (did you mean \"web\"?)"}},
		{{"web:\n  image: nginx\n"}, 0, NULL, NULL, {"put services under \"services:\""}},
		{{A("    ports: [\"70000:80\"]\n    mem_limit: 10Q\n    healthcheck: {test: [x], interval: 10sec}\n")},
		 0,
		 NULL,
		 NULL,
		 {"services.a.ports[0]: ", "services.a.mem_limit: ",
		  "services.a.healthcheck.interval: "}},
		{{A("    volumes: [\"dta:/x\"]\n    networks: [bak]\n") "volumes: {data: }\nnetworks: {back: }\n"},
		 0,
		 NULL,
		 NULL,
		 {"refers to undefined volume \"dta\" (did you mean \"data\"?)",
		  "refers to undefined network \"bak\" (did you mean \"back\"?)"}},
		{{A("    depends_on: [b]\n  b:\n    image: i\n    depends_on: [a]\n")},
		 0,
		 NULL,
		 NULL,
		 {"dependency cycle: a -> b -> a"}},
		{{A("    network_mode: host\n    networks: [n]\n") "networks: {n: }\n"},
		 0,
		 NULL,
		 NULL,
		 {"network_mode and networks exclude each other"}},
		{{A("    container_name: xx\n    scale: 2\n  b:\n    image: i\n    container_name: xx\n")},
		 0,
		 NULL,
		 NULL,
		 {"container_name allows one container only", "already in use by service \"a\""}},
		{{A("    tmpfs: [/x]\n    volumes: [/x]\n")},
		 0,
		 NULL,
		 NULL,
		 {"/x is already mounted by tmpfs[0]"}},
		{{A("    scale: 2\n    cpus: 1\n    deploy: {replicas: 3, resources: {limits: {cpus: 2}}}\n")},
		 0,
		 NULL,
		 NULL,
		 {"scale and deploy.replicas differ",
		  "cpus and deploy.resources.limits.cpus differ"}},
		{{A("    secrets: [s]\n    configs: [c]\n") "secrets: {s: {file: /x, environment: Y}}\n"
							    "configs: {c: {}}\nvolumes: {v: {external: true, driver: x}}\n"},
		 0,
		 NULL,
		 NULL,
		 {"only one of file and environment can be given",
		  "one of file, environment and content must be set",
		  "external and driver exclude each other"}},
		{{A("    depends_on: [b]\n  b:\n    image: i\n    profiles: [debug]\n")},
		 0,
		 NULL,
		 NULL,
		 {"it belongs to profile debug"}},
		{{A("    depends_on: {b: {condition: service_helthy}}\n  b: {image: i}\n")},
		 0,
		 NULL,
		 NULL,
		 {"(did you mean \"service_healthy\"?)"}},
		{{A("    image: 1\n")}, 0, NULL, NULL, {"a.yaml:4:5: "}},
	};

	(void)state;
	CASES_CHECK(cases);
}

static void refused(void **state)
{
	static const struct compose_case cases[] = {
		{{A("    cpu_percent: 200\n    oom_score_adj: -2000\n")},
		 0,
		 NULL,
		 NULL,
		 {"cpu_percent: must be between 0 and 100", "oom_score_adj: must be between"}},
		{{A("    pull_policy: sometimes\n    container_name: \"-\"\n")},
		 0,
		 NULL,
		 NULL,
		 {"services.a.pull_policy: must be", "services.a.container_name: must"}},
		{{A("    ulimits: {A_b: 1}\n    environment: {\"A \": b}\n")},
		 0,
		 NULL,
		 NULL,
		 {"\"A_b\" is not the name of a limit", "\"A \" is a variable with a blank"}},
		{{A("    post_start: [{user: x}]\n")},
		 0,
		 NULL,
		 NULL,
		 {"post_start[0]: command is missing"}},
		{{A("    deploy: {resources: {limits: {memory: 5}}}\n")},
		 0,
		 NULL,
		 NULL,
		 {"limits.memory: must be a size in quotes"}},
		{{A("    volumes: [{type: tmpfs, target: /x, tmpfs: {size: -1}}]\n")},
		 0,
		 NULL,
		 NULL,
		 {"tmpfs.size cannot be negative"}},
		{{A("    user:\n")}, 0, NULL, NULL, {"services.a.user: must be a string"}},
		{{A("") "networks: {n: {external: {name: a}, name: b}}\n"},
		 0,
		 NULL,
		 NULL,
		 {"name and external.name conflict"}},
		{{A("    models: [m]\n")}, 0, NULL, NULL, {"refers to undefined model \"m\""}},
	};

	(void)state;
	CASES_CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_forms), cmocka_unit_test(volumes),
		cmocka_unit_test(values),      cmocka_unit_test(top_level),
		cmocka_unit_test(messages),    cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
