/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services become container configurations: each attribute, and the sentences of what is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "engine/translate.h"

#define LABEL(name) "com.docker.compose." name

static const char top_level[] =
	"\"networks\":{\"default\":{\"name\":\"app_default\"},\"back\":{\"name\":\"lan\"}},"
	"\"volumes\":{\"data\":{\"name\":\"app_data\"}},"
	"\"secrets\":{\"file\":{\"file\":\"/s\"},\"env\":{\"environment\":\"S\"},"
	"\"out\":{\"external\":true,\"name\":\"out\"}},"
	"\"configs\":{\"text\":{\"content\":\"hello\"}}";

static const char *find(void *arg UNUSED, const char *service)
{
	return str_eq(service, "db") ? "0123456789ab" : NULL;
}

static json_t *model_of(const char *service, const char *others)
{
	auto_free char *text =
		xasprintf("{\"services\":{\"web\":{\"image\":\"busybox\"%s%s}%s},%s}",
			  *service ? "," : "", service, others, top_level);
	struct error err = ERROR_INIT;
	json_t *model = NULL;

	if (json_load_text(text, strlen(text), &model, &err) < 0)
		fail_msg("%s: %s", err.msg, text);
	return model;
}

static int translate_in(json_t *model, struct container_config *c, struct error *err)
{
	auto_json json_t *secrets = json_pack("{s:s}", "env", "secret");
	auto_json json_t *files = json_pack("[s,s]", "/a.yaml", "/b.yaml");
	struct translate_args args = {
		.project = "app",
		.model = model,
		.service = "web",
		.number = 3,
		.config_hash = "hash",
		.image_id = "sha256:1",
		.files = files,
		.working_dir = "/dir",
		.secrets = secrets,
		.find = find,
	};

	return translate_service(&args, c, err);
}

static void translate(const char *service, struct container_config *c)
{
	auto_json json_t *model = model_of(service, "");
	struct error err = ERROR_INIT;

	if (translate_in(model, c, &err) < 0)
		fail_msg("%s", err.msg);
}

static void refuse(const char *service, const char *message)
{
	auto_json json_t *model = model_of(service, "");
	struct error err = ERROR_INIT;
	struct container_config c;

	assert_true(translate_in(model, &c, &err) < 0);
	assert_string_equal(err.msg, message);
}

static void plain(void **state UNUSED)
{
	struct container_config c;

	translate(
		"\"command\":[\"a\",\"b\"],\"environment\":{\"A\":\"1\",\"GONE\":null,\"E\":\"\"},"
		"\"user\":\"1:2\",\"working_dir\":\"/w\",\"hostname\":\"h\",\"tty\":true,"
		"\"init\":true,\"cap_add\":[\"NET_ADMIN\"],\"stop_grace_period\":\"1m30s\","
		"\"sysctls\":{\"net.core.somaxconn\":\"1024\"},\"group_add\":[\"mail\",0],"
		"\"logging\":{\"driver\":\"none\",\"options\":{\"max-size\":\"10m\"}}",
		&c);
	assert_string_equal(c.image, "busybox");
	assert_true(c.command_set && !c.entrypoint_set);
	assert_string_equal(c.command[1], "b");
	assert_null(c.entrypoint);
	assert_int_equal(strv_len(c.env), 2);
	assert_string_equal(c.env[0], "A=1");
	assert_string_equal(c.env[1], "E=");
	assert_string_equal(c.user, "1:2");
	assert_true(c.tty && c.init && !c.stdin_open);
	assert_true(c.stop_grace_ns == 90 * NS_PER_SEC);
	assert_string_equal(json_get_str(c.sysctls, "net.core.somaxconn"), "1024");
	assert_string_equal(c.group_add[1], "0");
	assert_string_equal(c.log_driver, "none");
	assert_string_equal(json_get_str(c.log_options, "max-size"), "10m");
	container_config_release(&c);
}

static void empty_command(void **state UNUSED)
{
	struct container_config c;

	translate("\"command\":[],\"entrypoint\":[]", &c);
	assert_true(c.command_set && c.entrypoint_set);
	assert_int_equal(strv_len(c.command), 0);
	container_config_release(&c);
	translate("\"command\":null,\"entrypoint\":null", &c);
	assert_true(!c.command_set && !c.entrypoint_set);
	container_config_release(&c);
}

static void labels(void **state UNUSED)
{
	struct container_config c;

	translate("\"labels\":{\"own\":\"x\"},\"depends_on\":{\"db\":{\"condition\":"
		  "\"service_healthy\",\"restart\":true}}",
		  &c);
	assert_string_equal(json_get_str(c.labels, "own"), "x");
	assert_string_equal(json_get_str(c.labels, LABEL("project")), "app");
	assert_string_equal(json_get_str(c.labels, LABEL("service")), "web");
	assert_string_equal(json_get_str(c.labels, LABEL("container-number")), "3");
	assert_string_equal(json_get_str(c.labels, LABEL("oneoff")), "False");
	assert_string_equal(json_get_str(c.labels, LABEL("config-hash")), "hash");
	assert_string_equal(json_get_str(c.labels, LABEL("image")), "sha256:1");
	assert_string_equal(json_get_str(c.labels, LABEL("depends_on")), "db:service_healthy:true");
	assert_string_equal(json_get_str(c.labels, LABEL("project.config_files")),
			    "/a.yaml,/b.yaml");
	assert_string_equal(json_get_str(c.labels, LABEL("project.working_dir")), "/dir");
	container_config_release(&c);
}

static void mounts(void **state UNUSED)
{
	struct container_config c;

	translate(
		"\"volumes\":[{\"type\":\"bind\",\"source\":\"/h\",\"target\":\"/t\",\"read_only\":true,"
		"\"bind\":{\"create_host_path\":true,\"propagation\":\"rslave\"}},"
		"{\"type\":\"bind\",\"source\":\"/h\",\"target\":\"/u\",\"bind\":{}},"
		"{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\",\"volume\":{\"nocopy\":true,"
		"\"subpath\":\"x\"}},{\"type\":\"volume\",\"target\":\"/anon\"},"
		"{\"type\":\"tmpfs\",\"target\":\"/run\",\"tmpfs\":{\"size\":\"67108864\","
		"\"mode\":1023}}],\"tmpfs\":[\"/tmp:size=1m\",\"/var\"]",
		&c);
	assert_int_equal(c.mount_count, 7);
	assert_true(c.mounts[0].read_only && !c.mounts[0].no_create && c.mounts[1].no_create);
	assert_string_equal(c.mounts[0].propagation, "rslave");
	assert_string_equal(c.mounts[2].source, "app_data");
	assert_true(c.mounts[2].no_copy);
	assert_string_equal(c.mounts[2].subpath, "x");
	assert_string_equal(c.mounts[3].source, "");
	assert_string_equal(c.mounts[4].tmpfs_options, "size=67108864,mode=1777");
	assert_string_equal(c.mounts[5].target, "/tmp");
	assert_string_equal(c.mounts[5].tmpfs_options, "size=1m");
	assert_null(c.mounts[6].tmpfs_options);
	container_config_release(&c);
}

static void secrets(void **state UNUSED)
{
	struct container_config c;

	translate("\"secrets\":[{\"source\":\"file\",\"target\":\"/run/secrets/file\"},"
		  "{\"source\":\"env\",\"target\":\"own\",\"uid\":\"5\",\"mode\":\"0440\"}],"
		  "\"configs\":[{\"source\":\"text\"}]",
		  &c);
	assert_int_equal(c.file_count, 3);
	assert_string_equal(c.files[0].source, "/s");
	assert_true(c.files[0].mode == -1);
	assert_string_equal(c.files[1].content, "secret");
	assert_string_equal(c.files[1].target, "/run/secrets/own");
	assert_string_equal(c.files[1].uid, "5");
	assert_true(c.files[1].mode == 0440);
	assert_string_equal(c.files[2].content, "hello");
	assert_string_equal(c.files[2].target, "/text");
	container_config_release(&c);
}

static void networks(void **state UNUSED)
{
	auto_json json_t *model = model_of(
		"\"networks\":{\"default\":null,\"back\":{\"aliases\":[\"w\"],\"ipv4_address\":"
		"\"10.0.0.9\",\"priority\":10,\"gw_priority\":1}},\"mac_address\":"
		"\"02:42:ac:11:65:43\"",
		",\"other\":{\"links\":[\"web:site\",\"web\",\"webs:no\"]}");
	struct error err = ERROR_INIT;
	struct container_config c;

	assert_int_equal(translate_in(model, &c, &err), 0);
	assert_int_equal(c.network_count, 2);
	assert_string_equal(c.networks[0].network, "lan");
	assert_string_equal(c.networks[0].ipv4, "10.0.0.9");
	assert_string_equal(c.networks[0].mac, "02:42:ac:11:65:43");
	assert_string_equal(c.networks[0].aliases[0], "w");
	assert_string_equal(c.networks[0].aliases[1], "site");
	assert_int_equal(strv_len(c.networks[0].aliases), 2);
	assert_string_equal(c.networks[1].network, "app_default");
	assert_null(c.networks[1].mac);
	container_config_release(&c);
}

static void namespaces(void **state UNUSED)
{
	struct container_config c;

	translate("\"network_mode\":\"service:db\",\"pid\":\"host\",\"ipc\":\"service:db\","
		  "\"volumes_from\":[\"db:ro\",\"container:x:rw\"]",
		  &c);
	assert_string_equal(c.network_mode, "container:0123456789ab");
	assert_string_equal(c.pid_mode, "host");
	assert_string_equal(c.ipc_mode, "container:0123456789ab");
	assert_string_equal(c.volumes_from[0], "0123456789ab:ro");
	assert_string_equal(c.volumes_from[1], "x:rw");
	container_config_release(&c);
	refuse("\"network_mode\":\"service:nobody\"",
	       "service web: network_mode: service nobody has no container");
}

static void ports(void **state UNUSED)
{
	struct container_config c;

	translate(
		"\"ports\":[{\"mode\":\"ingress\",\"host_ip\":\"127.0.0.1\",\"target\":80,\"published\":"
		"\"8000-8010\",\"protocol\":\"tcp\"},{\"target\":53,\"protocol\":\"UDP\"}],"
		"\"expose\":[\"90-91\",\"53/udp\"]",
		&c);
	assert_int_equal(c.port_count, 2);
	assert_string_equal(c.ports[0].host_ip, "127.0.0.1");
	assert_string_equal(c.ports[0].host_port, "8000-8010");
	assert_string_equal(c.ports[1].protocol, "udp");
	assert_null(c.ports[1].host_port);
	assert_int_equal(strv_len(c.expose), 3);
	assert_string_equal(c.expose[1], "91/tcp");
	container_config_release(&c);
}

static void limits(void **state UNUSED)
{
	struct container_config c;

	translate(
		"\"mem_limit\":\"1048576\",\"memswap_limit\":\"-1\",\"cpus\":0.5,\"pids_limit\":7,"
		"\"ulimits\":{\"nofile\":{\"soft\":1,\"hard\":2},\"nproc\":9},\"restart\":"
		"\"on-failure:3\",\"shm_size\":\"65536\",\"deploy\":{\"resources\":{\"limits\":"
		"{\"memory\":\"2097152\"},\"reservations\":{\"memory\":\"1024\"}}}",
		&c);
	assert_true(c.resources.memory_bytes == 2097152);
	assert_true(c.resources.memory_swap_bytes == -1);
	assert_true(c.resources.memory_reservation_bytes == 1024);
	assert_true(c.resources.cpu_quota_us == 50000 && c.resources.cpu_period_us == 100000);
	assert_true(c.resources.pids_limit == 7 && c.shm_bytes == 65536);
	assert_int_equal(c.ulimit_count, 2);
	assert_true(c.ulimits[0].hard == 2 && c.ulimits[1].soft == 9);
	assert_string_equal(c.restart.policy, "on-failure");
	assert_true(c.restart.max == 3);
	container_config_release(&c);
	translate("\"restart\":\"always\",\"deploy\":{\"restart_policy\":{\"condition\":\"none\"}}",
		  &c);
	assert_string_equal(c.restart.policy, "no");
	container_config_release(&c);
}

static void health(void **state UNUSED)
{
	struct container_config c;

	translate(
		"\"healthcheck\":{\"test\":[\"CMD\",\"true\"],\"interval\":\"1.5s\",\"retries\":4,"
		"\"start_period\":\"1h0m0s\"}",
		&c);
	assert_string_equal(c.health.test[0], "CMD");
	assert_true(c.health.interval_ns == 1500 * NS_PER_MS && c.health.retries == 4);
	assert_true(c.health.start_period_ns == 3600 * NS_PER_SEC);
	container_config_release(&c);
	translate("\"healthcheck\":{\"disable\":true}", &c);
	assert_string_equal(c.health.test[0], "NONE");
	container_config_release(&c);
}

static void refused(void **state UNUSED)
{
	refuse("\"mem_limit\":\"10Q\"", "service web: mem_limit: \"10Q\" is not a size");
	refuse("\"ports\":[{\"target\":70000}]",
	       "service web: ports: [0]: target 70000 is not a port");
	refuse("\"ports\":[{\"target\":80,\"published\":\"90-80\"}]",
	       "service web: ports: [0]: \"90-80\" is not a range of ports");
	refuse("\"restart\":\"sometimes\"", "service web: restart: unknown policy \"sometimes\"");
	refuse("\"secrets\":[{\"source\":\"out\"}]",
	       "service web: secrets: [0]: unsupported external secret out");
	refuse("\"volumes\":[{\"type\":\"npipe\",\"target\":\"/x\"}]",
	       "service web: volumes: [0]: mounts of type \"npipe\" are not supported");
	refuse("\"healthcheck\":{\"interval\":\"soon\"}",
	       "service web: healthcheck: interval: \"soon\" is not a duration");
	refuse("\"networks\":{\"nope\":null}", "service web: networks: undefined network nope");
	refuse("\"gpus\":[{\"count\":-1}]",
	       "service web: gpus: requests for devices are not supported");
}

static void check_short_volume(const char *text, const char *type, const char *source,
			       const char *target)
{
	struct error err = ERROR_INIT;
	auto_json json_t *entry = NULL;

	assert_int_equal(translate_short_volume(text, "/cwd", &entry, &err), 0);
	assert_string_equal(json_get_str(entry, "type"), type);
	assert_true(str_eq(json_get_str(entry, "source"), source));
	assert_string_equal(json_get_str(entry, "target"), target);
}

static void short_forms(void **state UNUSED)
{
	struct error err = ERROR_INIT;
	json_t *entry = NULL;

	check_short_volume("/anon", "volume", NULL, "/anon");
	check_short_volume("data:/d:ro", "volume", "data", "/d");
	check_short_volume("./x:/d", "bind", "/cwd/./x", "/d");
	assert_true(translate_short_volume("a:b:c:d", NULL, &entry, &err) < 0);
	assert_int_equal(translate_short_port("[::1]:80:8080/udp", &entry, &err), 0);
	assert_string_equal(json_get_str(entry, "host_ip"), "::1");
	assert_string_equal(json_get_str(entry, "published"), "80");
	assert_string_equal(json_get_str(entry, "protocol"), "udp");
	json_decref(entry);
	assert_true(translate_short_port("80:http", &entry, &err) < 0);
}

static void words(void **state UNUSED)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "[]"},
		{" sh  -c 'echo \"hi\"' ", "[\"sh\",\"-c\",\"echo \\\"hi\\\"\"]"},
		{"a\\ b \"c d\"e ''", "[\"a b\",\"c de\",\"\"]"},
	};
	struct error err = ERROR_INIT;
	json_t *list;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = NULL;

		assert_int_equal(translate_words(cases[i].text, &list, &err), 0);
		text = json_text(list);
		assert_string_equal(text, cases[i].words);
		json_decref(list);
	}
	assert_int_equal(translate_words("'a", &list, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),      cmocka_unit_test(empty_command),
		cmocka_unit_test(labels),     cmocka_unit_test(mounts),
		cmocka_unit_test(secrets),    cmocka_unit_test(networks),
		cmocka_unit_test(namespaces), cmocka_unit_test(ports),
		cmocka_unit_test(limits),     cmocka_unit_test(health),
		cmocka_unit_test(refused),    cmocka_unit_test(short_forms),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
