/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See auth.h. */
#include "cli/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/http.h"
#include "base/json.h"
#include "base/reference.h"
#include "cli/client.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)256 << 10)
#define DOCKER_HUB "https://index.docker.io/v1/"
#define TOKEN_USER "<token>" /* what a helper calls the owner of an identity token */

/* Owned; NULL: there is no home. */
static char *config_dir(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (!str_empty(dir))
		return xstrdup(dir);
	return str_empty(home) ? NULL : xasprintf("%s/.docker", home);
}

/* *ret stays NULL when there is no file. */
static int load_config(json_t **ret, struct error *err)
{
	auto_free char *dir = config_dir(), *path = dir ? xasprintf("%s/config.json", dir) : NULL;
	auto_buf struct buf text;

	buf_init(&text, CONFIG_MAX + 1);
	*ret = NULL;
	if (!path || !file_exists(AT_FDCWD, path))
		return 0;
	if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, err) < 0)
		return -err->code;
	if (json_load_text(text.data ?: "{}", text.len ? text.len : 2, ret, err) < 0)
		return error_wrap(err, "%s", path);
	return 0;
}

/* ---- in the file */

/* The host of a key, which may have a scheme and a path: "https://registry.example.com/v1/". Owned.
 */
static char *host_of_key(const char *key)
{
	const char *at = str_skip(key, "https://") ?: str_skip(key, "http://") ?: key;

	return xstrndup(at, strcspn(at, "/"));
}

static const json_t *find_entry(const json_t *auths, const char *server)
{
	const json_t *entry = json_get_obj(auths, server);
	const char *key;
	json_t *value;

	if (entry)
		return entry;
	json_object_foreach ((json_t *)(uintptr_t)auths, key, value) {
		auto_free char *host = host_of_key(key);

		if (!strcmp(host, server) && json_is_object(value))
			return value;
	}
	return NULL;
}

/* "user:password" in base64. */
static int decode(const char *text, json_t *ret, struct error *err)
{
	size_t len = strlen(text), room = BASE64_DECODE_LENGTH(len);
	auto_free uint8_t *plain = xcalloc(1, room + 1);
	struct base64_decode_ctx ctx;
	char *colon;

	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &room, plain, len, text) || !base64_decode_final(&ctx))
		return error_set(err, EINVAL, "\"auth\" is not base64");
	plain[room] = '\0';
	colon = strchr((char *)plain, ':');
	if (!colon)
		return error_set(err, EINVAL, "\"auth\" is not user:password");
	*colon = '\0';
	json_set_str(ret, "username", (char *)plain);
	json_set_str(ret, "password", colon + 1);
	return 0;
}

static int from_file(const json_t *config, const char *server, json_t **ret, struct error *err)
{
	const json_t *entry = find_entry(json_get_obj(config, "auths"), server);
	const char *auth = json_get_str(entry, "auth");
	auto_json json_t *o = json_object();
	int r = 0;

	if (!str_empty(json_get_str(entry, "identitytoken")))
		json_set_str(o, "identitytoken", json_get_str(entry, "identitytoken"));
	else if (!str_empty(json_get_str(entry, "registrytoken")))
		json_set_str(o, "registrytoken", json_get_str(entry, "registrytoken"));
	else if (!str_empty(auth))
		r = decode(auth, o, err);
	else if (!str_empty(json_get_str(entry, "username"))) {
		json_set_str(o, "username", json_get_str(entry, "username"));
		json_set_str(o, "password", json_get_str(entry, "password") ?: "");
	}
	if (r < 0)
		return error_wrap(err, "credentials of %s in docker's config.json", server);
	if (json_object_size(o))
		*ret = steal_ptr(&o);
	return 0;
}

/* ---- from a helper */

/* Runs `docker-credential-NAME VERB` with `input` for it. */
static int run_helper(const char *program, const char *verb, const char *input, struct buf *answer,
		      bool *ret_ok, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int in[2], out[2], status = 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return error_sys(err, errno, "run %s", program);
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return error_sys(err, errno, "run %s", program);
	}
	pid = fork();
	if (pid == 0) {
		if (dup3(in[0], STDIN_FILENO, 0) >= 0 && dup3(out[1], STDOUT_FILENO, 0) >= 0)
			execlp(program, program, verb, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	/* Who does not read gives a status. */
	sigaction(SIGPIPE, &ignore, &before);
	if (pid > 0)
		(void)!file_write_all(in[1], input, strlen(input), err);
	sigaction(SIGPIPE, &before, NULL);
	close(in[1]);
	*err = ERROR_INIT;
	if (pid > 0)
		(void)!file_read_fd(out[0], ANSWER_MAX, answer, err);
	close(out[0]);
	if (pid < 0)
		return error_sys(err, errno, "run %s", program);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return -err->code;
}

static int from_helper(struct cli *cli, const char *helper, const char *server, json_t **ret,
		       struct error *err)
{
	auto_free char *program = xasprintf("docker-credential-%s", helper);
	auto_json json_t *answer = NULL;
	const char *user, *secret;
	auto_buf struct buf text;
	bool ok = false;

	buf_init(&text, ANSWER_MAX + 1);
	if (run_helper(program, "get", server, &text, &ok, err) < 0)
		return -err->code;
	if (!ok) {
		/* It says so on its output when it has none. */
		if (!text.data || !strstr(text.data, "not found"))
			cli_warn(cli, "%s could not be asked for the credentials of %s", program,
				 server);
		return 0;
	}
	if (json_load_text(text.data ?: "", text.len, &answer, err) < 0)
		return error_wrap(err, "answer of %s", program);
	user = json_get_str(answer, "Username");
	secret = json_get_str(answer, "Secret");
	if (str_empty(user) || !secret)
		return 0;
	*ret = json_object();
	if (!strcmp(user, TOKEN_USER)) {
		json_set_str(*ret, "identitytoken", secret);
	} else {
		json_set_str(*ret, "username", user);
		json_set_str(*ret, "password", secret);
	}
	return 0;
}

/* How a registry is called in docker's files. */
static const char *server_of(const char *registry)
{
	return !strcmp(registry, "docker.io") ? DOCKER_HUB : registry;
}

static const char *helper_of(const json_t *config, const char *server)
{
	const char *helper = json_get_str(json_get_obj(config, "credHelpers"), server);

	return helper ?: json_get_str(config, "credsStore");
}

static int find(struct cli *cli, const json_t *config, const struct image_reference *r,
		json_t **ret, struct error *err)
{
	const char *server = server_of(r->registry), *helper = helper_of(config, server);

	if (!str_empty(helper) && (from_helper(cli, helper, server, ret, err) < 0 || *ret))
		return -err->code;
	return from_file(config, server, ret, err);
}

int auth_for_image(struct cli *cli, const char *image, json_t **ret, struct error *err)
{
	auto_reference struct image_reference r = {0};
	auto_json json_t *config = NULL;

	*ret = NULL;
	if (image_reference_parse(image, &r, err) < 0 || load_config(&config, err) < 0)
		return -err->code;
	return config ? find(cli, config, &r, ret, err) : 0;
}

/* ---- for a project */

static bool is_there(struct cli *cli, const char *image)
{
	auto_buf struct buf target = BUF_INIT;
	auto_json json_t *reply = NULL;
	struct error ignored = ERROR_INIT;

	buf_adds(&target, "/cmp/v1/images/");
	http_percent_encode(&target, image);
	return client_call(cli->socket_path, true, "GET", target.data, NULL, &reply, &ignored) == 0;
}

/* Is it sure that no registry will be asked? */
static bool is_settled(struct cli *cli, const json_t *service, const char *image)
{
	const char *policy = json_get_str(service, "pull_policy") ?: "missing";

	if (!strcmp(policy, "never") || !strcmp(policy, "build"))
		return true;
	return (!strcmp(policy, "missing") || !strcmp(policy, "if_not_present")) &&
	       is_there(cli, image);
}

static int add_service(struct cli *cli, const json_t *config, const json_t *service, bool always,
		       json_t *auths, struct error *err)
{
	const char *image = json_get_str(service, "image");
	auto_reference struct image_reference r = {0};
	struct error malformed = ERROR_INIT; /* the supervisor says it, with the service's name */
	json_t *auth = NULL;

	if (!image || image_reference_parse(image, &r, &malformed) < 0 ||
	    json_object_get(auths, r.registry))
		return 0;
	if (!str_empty(helper_of(config, server_of(r.registry))) && !always &&
	    is_settled(cli, service, image))
		return 0;
	if (find(cli, config, &r, &auth, err) < 0)
		return -err->code;
	if (auth)
		json_set_new(auths, r.registry, auth);
	return 0;
}

int auth_for_model(struct cli *cli, json_t *body, bool always)
{
	json_t *services = json_get_path(body, "model.services"), *auths = json_object(), *service;
	auto_json json_t *config = NULL;
	struct error err = ERROR_INIT;
	const char *name;
	int r = load_config(&config, &err);

	json_set_new(body, "auths", auths);
	json_object_foreach (services, name, service)
		if (r == 0 && config)
			r = add_service(cli, config, service, always, auths, &err);
	return r < 0 ? cli_fail(cli, &err) : 0;
}

/* ---- keeping and forgetting */

static int write_config(const json_t *config, struct error *err)
{
	auto_free char *dir = config_dir(), *path = NULL, *text = NULL;

	if (!dir)
		return error_set(err, ENOENT,
				 "there is no home directory for docker's config.json");
	path = xasprintf("%s/config.json", dir);
	text = json_dumps(config, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	if (file_mkdir_p(dir, 0700, err) < 0)
		return -err->code;
	return file_write_atomic(AT_FDCWD, path, text ?: "{}", text ? strlen(text) : 2, 0600, err);
}

/* Tells the helper of a server; *ret_was: it says that it did. */
static int tell_helper(const char *helper, const char *verb, const char *input, bool *ret_ok,
		       struct error *err)
{
	auto_free char *program = xasprintf("docker-credential-%s", helper);
	auto_buf struct buf answer;

	buf_init(&answer, ANSWER_MAX + 1);
	return run_helper(program, verb, input, &answer, ret_ok, err);
}

static json_t *auth_entry(const char *user, const char *password)
{
	auto_free char *plain = xasprintf("%s:%s", user, password);
	size_t len = strlen(plain);
	auto_free char *text = xcalloc(1, BASE64_ENCODE_RAW_LENGTH(len) + 1);

	base64_encode_raw(text, len, (const uint8_t *)plain);
	return json_pack("{s:s}", "auth", text);
}

static int store_in_helper(const char *helper, const char *server, const char *user,
			   const char *password, struct error *err)
{
	auto_json json_t *o = json_pack("{s:s, s:s, s:s}", "ServerURL", server, "Username", user,
					"Secret", password);
	auto_free char *text = json_text(o);
	bool ok = false;

	if (tell_helper(helper, "store", text, &ok, err) < 0)
		return -err->code;
	return ok ? 0
		  : error_set(err, EIO, "docker-credential-%s did not keep the credentials",
			      helper);
}

int auth_store(struct cli *cli, const char *registry, const char *user, const char *password,
	       struct error *err)
{
	const char *server = server_of(registry), *helper;
	auto_json json_t *config = NULL;
	json_t *auths;

	if (load_config(&config, err) < 0)
		return -err->code;
	if (!config)
		config = json_object();
	helper = helper_of(config, server);
	if (!str_empty(helper) && store_in_helper(helper, server, user, password, err) < 0)
		return -err->code;
	auths = json_get_obj(config, "auths");
	if (!auths) {
		auths = json_object();
		json_set_new(config, "auths", auths);
	}
	/* docker names the server in the file even when a helper has the secret. */
	json_set_new(auths, server, str_empty(helper) ? auth_entry(user, password) : json_object());
	if (write_config(config, err) < 0)
		return -err->code;
	if (str_empty(helper))
		cli_warn(
			cli,
			"the credentials are kept unencrypted in docker's config.json; a credential "
			"helper (credsStore) would protect them");
	return 0;
}

int auth_erase(const char *registry, bool *ret_was, struct error *err)
{
	const char *server = server_of(registry), *helper, *key;
	auto_json json_t *config = NULL;
	json_t *auths, *value;
	void *next;
	bool helped = false, was = false;

	if (load_config(&config, err) < 0)
		return -err->code;
	helper = helper_of(config, server);
	if (!str_empty(helper) && tell_helper(helper, "erase", server, &helped, err) < 0)
		return -err->code;
	auths = json_get_obj(config, "auths");
	json_object_foreach_safe (auths, next, key, value) {
		auto_free char *host = host_of_key(key);

		if (strcmp(key, server) != 0 && strcmp(host, server) != 0)
			continue;
		json_object_del(auths, key);
		was = true;
	}
	*ret_was = was || helped;
	return was ? write_config(config, err) : 0;
}
