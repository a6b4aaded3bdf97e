/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cmp-registry reads before it trusts anything: challenges, documents, platforms, settings,
 * frames. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/json.h"
#include "images/registry/challenge.h"
#include "images/registry/document.h"
#include "images/registry/protocol.h"
#include "images/registry/settings.h"

/* ---- challenges */

static void challenges(void **state)
{
	static const struct {
		const char *header;
		enum challenge_scheme scheme;
		const char *realm, *service;
	} rows[] = {
		{"Basic realm=\"x\"", CHALLENGE_BASIC, "x", NULL},
		{"bearer realm=\"https://a/t\",service=\"s\",scope=\"r:p:pull\"", CHALLENGE_BEARER,
		 "https://a/t", "s"},
		{"Bearer  realm = \"https://a/t\" , service=s", CHALLENGE_BEARER, "https://a/t",
		 "s"},
		{"Basic realm=x, Bearer realm=\"https://a\"", CHALLENGE_BEARER, "https://a", NULL},
		{"Bearer realm=\"https://a\", Basic realm=x", CHALLENGE_BEARER, "https://a", NULL},
		{"Bearer service=\"no realm\"", CHALLENGE_NONE, NULL, NULL},
		{"Negotiate, Basic realm=\"a \\\"b\\\" \\\\\"", CHALLENGE_BASIC, "a \"b\" \\",
		 NULL},
		{"Digest qop=\"auth,auth-int\", nonce=x", CHALLENGE_NONE, NULL, NULL},
		{"", CHALLENGE_NONE, NULL, NULL},
	};
	static const char *const bad[] = {"Basic realm=\"open", "=x",
					  "Basic realm=\"x\"y", "Bearer realm=\"\x01\"",
					  "Basic realm=",	"B@sic realm=x"};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_challenge struct challenge c = {0};

		assert_int_equal(challenge_parse(rows[i].header, &c, &err), 0);
		assert_int_equal(c.scheme, rows[i].scheme);
		assert_true(str_eq(c.realm, rows[i].realm));
		assert_true(str_eq(c.service, rows[i].service));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_challenge struct challenge c = {0};

		assert_int_equal(challenge_parse(bad[i], &c, &err), -EBADMSG);
	}
}

static void token_urls(void **state)
{
	struct challenge c = {.realm = (char *)(uintptr_t) "https://a/t?x=1",
			      .service = (char *)(uintptr_t) "s s"};
	auto_free char *with = challenge_token_url(&c, "repository:a/b:pull", "me"),
		       *without = NULL;

	(void)state;
	assert_string_equal(with, "https://a/t?x=1&account=me&scope=repository%3Aa%2Fb%3Apull&"
				  "service=s%20s");
	c.realm = (char *)(uintptr_t) "https://a/t";
	c.service = NULL;
	without = challenge_token_url(&c, "x", NULL);
	assert_string_equal(without, "https://a/t?scope=x");
}

/* ---- documents */

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OCI   "application/vnd.oci.image."
#define ENTRY(hex, platform)                                                                       \
	"{\"digest\":\"sha256:" hex "\",\"size\":7,\"platform\":{" platform "}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"
#define LAYER(type, more)                                                                          \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX_B "\",\"size\":5" more "}"
#define IMAGE(config, layers)                                                                      \
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" config "\",\"digest\":\"sha256:" HEX_A \
	"\",\"size\":9},\"layers\":[" layers "]}"

static int read_document(const char *text, enum document_kind *kind, json_t **ret,
			 struct error *err)
{
	return document_read(text, strlen(text), kind, ret, err);
}

static void refused_documents(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "no valid JSON"},
		{"[]", "no JSON object"},
		{"{\"schemaVersion\":1,\"fsLayers\":[]}", "schema 1"},
		{"{\"schemaVersion\":3}", "schemaVersion"},
		{"{\"schemaVersion\":2}", "neither"},
		{"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":{}}", "neither"},
		{"{\"schemaVersion\":2,\"manifests\":[],\"layers\":7}", "neither"},
		{"{\"a\":\"\x1b\"}", "no valid JSON"},
	};
	struct error err = ERROR_INIT;
	enum document_kind kind;
	auto_buf struct buf deep = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *doc = NULL;

		assert_true(read_document(rows[i].text, &kind, &doc, &err) < 0);
		assert_non_null(strstr(err.msg, rows[i].why));
		assert_true(str_printable(err.msg));
	}
	for (int i = 0; i < DOCUMENT_DEPTH_MAX + 1; i++)
		buf_adds(&deep, "[\"]\",");
	assert_true(read_document(deep.data, &kind, &(json_t *){NULL}, &err) < 0);
	assert_non_null(strstr(err.msg, "nested"));
}

static void chosen_platforms(void **state)
{
	static const struct {
		const char *entries, *want, *digest;
	} rows[] = {
		{ENTRY(HEX_A, "\"os\":\"linux\",\"architecture\":\"amd64\""), "linux/amd64", HEX_A},
		{ENTRY(HEX_A, "\"os\":\"windows\",\"architecture\":\"amd64\"") "," ENTRY(
			 HEX_B, "\"os\":\"linux\",\"architecture\":\"amd64\""),
		 "linux/amd64", HEX_B},
		{ENTRY(HEX_A, "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"") "," ENTRY(
			 HEX_B, "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\""),
		 "linux/arm/v7", HEX_B},
		{ENTRY(HEX_A, "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"") "," ENTRY(
			 HEX_B, "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\""),
		 "linux/arm/v6", HEX_A},
		{ENTRY(HEX_A, "\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\""),
		 "linux/amd64", NULL},
		{ENTRY(HEX_A, "\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\""),
		 "aarch64", HEX_A},
		{ENTRY(HEX_A, "\"os\":\"unknown\",\"architecture\":\"unknown\""), "linux/amd64",
		 NULL},
		{"{\"digest\":\"sha256:" HEX_A "\",\"size\":1}", "linux/amd64", HEX_A},
		{"{\"digest\":\"sha256:short\",\"size\":1}", "linux/amd64", NULL},
		{"{\"digest\":\"sha256:" HEX_A "\",\"size\":-1}", "linux/amd64", NULL},
		{"7,null", "linux/amd64", NULL},
		{"", "linux/amd64", NULL},
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *text = xasprintf(INDEX("%s"), rows[i].entries);
		auto_json json_t *doc = NULL;
		enum document_kind kind;
		struct platform want;
		struct descriptor d;
		int r;

		assert_int_equal(platform_parse(rows[i].want, &want, &err), 0);
		assert_int_equal(read_document(text, &kind, &doc, &err), 0);
		assert_int_equal(kind, DOCUMENT_INDEX);
		r = document_choose(doc, &want, &d, &err);
		assert_int_equal(r == 0, rows[i].digest != NULL);
		if (rows[i].digest)
			assert_string_equal(d.digest + strlen("sha256:"), rows[i].digest);
	}
}

static void manifests(void **state)
{
	static const struct {
		const char *text;
		size_t layers;
		const char *why;
	} rows[] = {
		{IMAGE(OCI "config.v1+json",
		       LAYER(OCI "layer.v1.tar+gzip", "") "," LAYER(OCI "layer.v1.tar+zstd", "")),
		 2, NULL},
		{IMAGE("application/vnd.docker.container.image.v1+json",
		       LAYER("application/vnd.docker.image.rootfs.diff.tar.gzip", "")),
		 1, NULL},
		{IMAGE(OCI "config.v1+json", ""), 0, NULL},
		{IMAGE("application/vnd.cncf.helm.config.v1+json", ""), 0, "artifact"},
		{IMAGE(OCI "config.v1+json", LAYER(OCI "layer.v1.tar+lz4", "")), 0, "lz4"},
		{IMAGE(OCI "config.v1+json",
		       LAYER(OCI "layer.v1.tar", ",\"urls\":[\"https://x\"]")),
		 0, "foreign"},
		{IMAGE(OCI "config.v1+json", LAYER(OCI "layer.nondistributable.v1.tar+gzip", "")),
		 0, "foreign"},
		{IMAGE(OCI "config.v1+json", "{}"), 0, "(none)"},
		{IMAGE(OCI "config.v1+json", "\"x\""), 0, "(none)"},
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_json json_t *doc = NULL;
		auto_free struct descriptor *layers = NULL;
		struct descriptor config;
		enum document_kind kind;
		size_t count = 0;
		int r;

		assert_int_equal(read_document(rows[i].text, &kind, &doc, &err), 0);
		r = document_parts(doc, &config, &layers, &count, &err);
		assert_int_equal(r < 0, rows[i].why != NULL);
		if (rows[i].why)
			assert_non_null(strstr(err.msg, rows[i].why));
		else
			assert_int_equal(count, rows[i].layers);
	}
}

static void configurations(void **state)
{
	static const char good[] = "{\"os\":\"linux\",\"architecture\":\"arm64\",\"config\":{},"
				   "\"rootfs\":{\"diff_ids\":[\"sha256:" HEX_A "\"]}}";
	static const char *const bad[] = {
		"{\"rootfs\":{\"diff_ids\":[]}}",
		"{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}",
		"{\"rootfs\":{\"diff_ids\":[1]}}",
		"{\"config\":[],\"rootfs\":{\"diff_ids\":[\"sha256:" HEX_A "\"]}}",
		"{\"os\":\"windows\",\"rootfs\":{\"diff_ids\":[\"sha256:" HEX_A "\"]}}",
		"{}",
		"[]",
	};
	struct error err = ERROR_INIT;
	auto_json json_t *diffs = NULL;
	struct platform want;

	(void)state;
	assert_int_equal(platform_parse("linux/arm64", &want, &err), 0);
	assert_int_equal(document_config(good, strlen(good), 1, &want, &diffs, &err), 0);
	assert_int_equal(json_array_size(diffs), 1);
	assert_int_equal(platform_parse("linux/amd64", &want, &err), 0);
	assert_int_equal(document_config(good, strlen(good), 1, &want, &diffs, &err), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(document_config(bad[i], strlen(bad[i]), 1, NULL, &diffs, &err) < 0);
}

/* ---- platforms, registries */

static void platforms(void **state)
{
	static const char *const bad[] = {"",	     "windows/amd64", "linux/", "linux/a/b/c",
					  "linux/A", "linux/amd64\n"};
	char text[PLATFORM_TEXT_MAX];
	struct error err = ERROR_INIT;
	struct platform p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (strcmp(bad[i], "linux/") != 0)
			assert_int_equal(platform_parse(bad[i], &p, &err), -EINVAL);
	assert_int_equal(platform_parse("linux/armhf", &p, &err), 0);
	platform_text(&p, text);
	assert_string_equal(text, "linux/arm/v7");
	platform_host(&p);
	assert_true(platform_rank(&p, &p) > 0);
}

static void registries(void **state)
{
	(void)state;
	assert_true(registry_is_loopback("localhost"));
	assert_true(registry_is_loopback("a.localhost:5000"));
	assert_true(registry_is_loopback("127.9.9.9:5000"));
	assert_true(registry_is_loopback("[::1]:5000"));
	assert_false(registry_is_loopback("127.example.com"));
	assert_false(registry_is_loopback("10.0.0.1"));
	assert_false(registry_is_loopback("[fd00::1]:5000"));
	assert_true(registry_matches("10.0.0.0/8", "10.1.2.3:5000"));
	assert_false(registry_matches("10.0.0.0/8", "11.1.2.3:5000"));
	assert_false(registry_matches("10.0.0.0/99", "10.1.2.3:5000"));
	assert_true(registry_matches("0.0.0.0/0", "11.1.2.3"));
	assert_false(registry_matches("0.0.0.0/0", "example.com"));
	assert_true(registry_matches("example.com", "example.com:5000"));
	assert_true(registry_matches("example.com:5000", "example.com:5000"));
	assert_false(registry_matches("example.com:5001", "example.com:5000"));
	assert_false(registry_matches("ample.com", "example.com:5000"));
}

/* ---- frames */

static void frames(void **state)
{
	auto_buf struct buf in = BUF_INIT, text = BUF_INIT;
	struct error err = ERROR_INIT;
	enum registry_frame kind;
	const char *data;
	int fds[2], fd = -1;
	size_t len;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(registry_frame_send(fds[0], REGISTRY_FETCH, "{}", 2, fds[1], &err), 0);
	assert_int_equal(registry_frame_receive(fds[1], &kind, &text, &fd, &err), 1);
	assert_int_equal(kind, REGISTRY_FETCH);
	assert_string_equal(text.data, "{}");
	assert_true(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	close(fds[0]);
	assert_int_equal(registry_frame_receive(fds[1], &kind, &text, &fd, &err), 0);
	close(fds[1]);

	registry_frame_add(&in, REGISTRY_NOTE, "abc", 3);
	registry_frame_add(&in, REGISTRY_INDEX, "", 0);
	assert_int_equal(registry_frame_next(&in, &kind, &data, &len, &err), 1);
	assert_int_equal(kind, REGISTRY_NOTE);
	assert_int_equal(len, 3);
	registry_frame_drop(&in);
	assert_int_equal(registry_frame_next(&in, &kind, &data, &len, &err), 1);
	assert_int_equal(kind, REGISTRY_INDEX);
	in.len--;
	assert_int_equal(registry_frame_next(&in, &kind, &data, &len, &err), 0);
	in.len++;
	in.data[0] = 99;
	assert_int_equal(registry_frame_next(&in, &kind, &data, &len, &err), -EBADMSG);
	in.data[0] = REGISTRY_NOTE;
	in.data[4] = 99;
	assert_int_equal(registry_frame_next(&in, &kind, &data, &len, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges),
		cmocka_unit_test(token_urls),
		cmocka_unit_test(refused_documents),
		cmocka_unit_test(chosen_platforms),
		cmocka_unit_test(manifests),
		cmocka_unit_test(configurations),
		cmocka_unit_test(platforms),
		cmocka_unit_test(registries),
		cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
