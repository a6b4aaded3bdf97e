/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who we are to the registry: the answer to a challenge.  Basic: the user's name and password go
 * with every request from now on.  Bearer: they are exchanged for a token at the server that the
 * registry names.
 */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "images/registry/client_int.h"

#define TOKEN_MAX	((size_t)32 << 10)
#define TOKEN_REPLY_MAX ((size_t)256 << 10)
#define CLIENT_ID	"cmp"

/*
 * Credentials go to a server without TLS only where the registry itself is spoken to without, on
 * the same host or on this machine.
 */
static int check_realm(const struct registry_client *c, const char *realm, struct error *err)
{
	bool open = str_starts(realm, "http://"), here = false;
	CURLU *url = curl_url();
	char *host = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, realm, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		here = registry_is_loopback(host) || registry_same_host(realm, c->base);
	curl_free(host);
	curl_url_cleanup(url);
	if (str_starts(realm, "https://") || (open && here && str_starts(c->base, "http://")))
		return 0;
	return error_set(err, EACCES, "the token server that it names has no TLS: %s",
			 str_printable(realm) ? realm : "(unprintable)");
}

static size_t take_reply(char *data, size_t size, size_t n, void *arg)
{
	struct buf *reply = arg;

	buf_add(reply, data, size * n);
	return reply->overflow ? 0 : size * n;
}

/* The form of the exchange of a long-lived token. */
static char *token_form(const struct registry_client *c, const struct challenge *ch, CURL *easy,
			const char *scope)
{
	const char *values[] = {"grant_type",	 "refresh_token",   "client_id", CLIENT_ID,
				"refresh_token", c->identity_token, "scope",	 scope,
				"service",	 ch->service};
	auto_buf struct buf form = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(values); i += 2) {
		char *escaped = curl_easy_escape(easy, values[i + 1] ?: "", 0);

		buf_addf(&form, "%s%s=%s", i ? "&" : "", values[i], escaped ?: "");
		curl_free(escaped);
	}
	return buf_steal(&form);
}

static int read_token(struct registry_client *c, const struct buf *reply, const char *url,
		      struct error *err)
{
	auto_json json_t *doc = NULL;
	struct error bad = ERROR_INIT;
	const char *token = NULL;

	if (json_load_text(reply->data ?: "", reply->len, &doc, &bad) == 0)
		token = json_get_str(doc, "token") ?: json_get_str(doc, "access_token");
	if (str_empty(token) || strlen(token) > TOKEN_MAX || !str_printable(token) ||
	    strpbrk(token, " \t"))
		return error_set(err, EBADMSG, "GET %.*s: the answer has no token",
				 (int)strcspn(url, "?"), url);
	free(c->token);
	c->token = xstrdup(token);
	return 0;
}

static int request_token(struct registry_client *c, const struct challenge *ch, CURL *easy,
			 struct error *err)
{
	auto_free char *scope =
		*c->path ? xasprintf("repository:%s:pull%s", c->path, c->push ? ",push" : "")
			 : NULL;
	auto_free char *url = c->identity_token ? xstrdup(ch->realm)
						: challenge_token_url(ch, scope, c->username);
	auto_free char *form = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	auto_buf struct buf reply;
	long status = 0;
	CURLcode code;

	buf_init(&reply, TOKEN_REPLY_MAX);
	client_configure(c, easy, url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
	if (c->identity_token) {
		form = token_form(c, ch, easy, scope);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form);
	} else if (c->username) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, c->username);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password);
	}
	code = curl_easy_perform(easy);
	if (code != CURLE_OK)
		return client_failed(code, c->identity_token ? "POST" : "GET", url, detail, err);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return client_refused(status, c->identity_token ? "POST" : "GET", url, &reply, err);
	return read_token(c, &reply, url, err);
}

static int fetch_token(struct registry_client *c, const struct challenge *ch, struct error *err)
{
	CURL *easy;
	int r;

	if (check_realm(c, ch->realm, err) < 0)
		return -err->code;
	easy = curl_easy_init();
	if (!easy)
		abort();
	r = request_token(c, ch, easy, err);
	curl_easy_cleanup(easy);
	return r;
}

int client_authenticate(struct registry_client *c, const struct challenge *ch, struct error *err)
{
	if (ch->scheme == CHALLENGE_BASIC && c->username) {
		c->scheme = CHALLENGE_BASIC;
		return 0;
	}
	if (ch->scheme != CHALLENGE_BEARER)
		return error_set(err, EACCES, "credentials are needed");
	if (fetch_token(c, ch, err) < 0)
		return -err->code;
	c->scheme = CHALLENGE_BEARER;
	return 0;
}
