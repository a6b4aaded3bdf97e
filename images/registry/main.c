/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-registry DIR: talks to one registry for the supervisor, over the socket that is descriptor 3
 * (protocol.h).  DIR is an empty directory that the sandbox is mounted on.  The first frame says
 * what to do.  What fails is told over the socket; on standard error only that it could not even
 * begin.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "images/registry/protocol.h"
#include "images/registry/pull.h"
#include "images/registry/push.h"
#include "images/registry/sandbox.h"

#define SOCKET	   3
#define EXIT_USAGE 2

static bool is_complete(enum registry_frame kind, const json_t *request)
{
	if (!json_get_str(request, "registry"))
		return false;
	return kind == REGISTRY_CHECK ||
	       ((kind == REGISTRY_PULL || kind == REGISTRY_PUSH) && json_get_str(request, "path") &&
		json_get_str(request, "reference"));
}

static int read_request(enum registry_frame *ret_kind, json_t **ret, struct error *err)
{
	auto_buf struct buf text;
	int fd = -1, r;

	buf_init(&text, REGISTRY_REQUEST_MAX + 1);
	r = registry_frame_receive(SOCKET, ret_kind, &text, &fd, err);
	if (fd >= 0)
		close(fd);
	if (r <= 0)
		return r < 0 ? r : error_set(err, ECANCELED, "the supervisor has gone");
	if (json_load_text(text.data ?: "", text.len, ret, err) < 0 ||
	    !is_complete(*ret_kind, *ret))
		return error_set(err, EBADMSG, "an unknown request");
	return 0;
}

/* libcurl's own idea of where the system keeps its CAs. */
static char *system_ca(void)
{
	CURL *easy = curl_easy_init();
	const char *path = NULL;
	char *copy;

	if (!easy)
		abort();
	curl_easy_getinfo(easy, CURLINFO_CAINFO, &path);
	copy = xstrdup(path);
	curl_easy_cleanup(easy);
	return copy;
}

static int enter(const char *dir, enum registry_frame kind, const json_t *request,
		 struct registry_client **ret, struct error *err)
{
	auto_free char *ca = system_ca();
	struct registry_settings settings;
	struct registry_client_args args = {
		.registry = json_get_str(request, "registry"),
		.path = json_get_str(request, "path") ?: "",
		.auth = json_get_obj(request, "auth"),
		.push = kind == REGISTRY_PUSH,
	};
	int r = registry_settings_read(args.registry, &settings, err);

	args.insecure = settings.insecure;
	args.client_cert = settings.cert.len > 0;
	if (r == 0)
		r = sandbox_enter(dir, ca, &settings, err);
	registry_settings_release(&settings);
	return r < 0 ? r : registry_client_new(&args, ret, err);
}

static int run(const char *dir, struct error *err)
{
	struct registry_client *client = NULL;
	auto_json json_t *request = NULL;
	enum registry_frame kind;
	int r = read_request(&kind, &request, err);

	if (r == 0)
		r = enter(dir, kind, request, &client, err);
	if (r == 0 && kind == REGISTRY_CHECK)
		r = registry_check(client, err);
	if (r < 0)
		fprintf(stderr, "%s\n", err->msg);
	else if (kind == REGISTRY_PULL)
		r = registry_pull(client, request, SOCKET, err);
	else if (kind == REGISTRY_PUSH)
		r = registry_push(client, request, SOCKET, err);
	registry_client_free(client);
	return r;
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	umask(0);
	/* Nobody waits for the result of an orphan. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGPIPE, &ignore, NULL);
	if (argc != 2) {
		fprintf(stderr, "usage: cmp-registry DIR 3<>SOCKET\n");
		return EXIT_USAGE;
	}
	/* libcurl reads only the other form, because a web server may set this one for a request.
	 */
	if (getenv("HTTP_PROXY"))
		setenv("http_proxy", getenv("HTTP_PROXY"), 0);
	if (curl_global_init(CURL_GLOBAL_ALL) != 0)
		return EXIT_FAILURE;
	return run(argv[1], &err) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
