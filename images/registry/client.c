/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See client.h.  A transfer is one GET in as many exchanges as it takes: with another scheme, with
 * credentials, at the place that a redirect names, again after a failure, from where it broke off.
 * Redirects are followed here and not by libcurl, because what may be sent where is our decision.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/http.h"
#include "base/json.h"
#include "base/time.h"
#include "images/registry/client_int.h"
#include "images/registry/sandbox.h"

#define CONNECT_TIMEOUT_MS 15000L
#define PROBE_TIMEOUT_MS   5000L /* for an insecure registry to show which scheme it speaks */
#define STALL_SECONDS	   30L
#define RECEIVE_BYTES	   (256L << 10)
#define CONNECTIONS_MAX	   16L
#define REDIRECTS_MAX	   10
#define CHALLENGES_MAX	   2	 /* of one transfer */
#define TRIES_MAX	   5	 /* without a byte of progress */
#define EXCHANGES_MAX	   100	 /* of one transfer, whatever happens */
#define BACKOFF_MS	   250	 /* doubled each time */
#define RETRY_AFTER_MAX_MS 60000 /* longest wait that a registry can ask for */

struct transfer {
	struct list link;
	struct registry_client *client;
	struct transfer_args args;
	CURL *easy;
	char *path;
	char *target;	 /* of an upload, NULL: below the repository */
	char *elsewhere; /* where a redirect has led, NULL: at the registry */
	char *location;	 /* of the answer */
	uint64_t offset; /* bytes passed on */
	uint64_t skip;	 /* bytes that come once more */
	uint64_t sent;	 /* of the body, in this exchange */
	long status;	 /* of the exchange; 0: no answer yet */
	struct buf refusal;
	unsigned redirects, challenges, tries, exchanges;
	uint64_t tried_at; /* offset when tries began to count */
	int64_t start_ns;  /* of the next exchange; 0: under way */
	struct curl_slist *headers;
	struct error error;
	char detail[CURL_ERROR_SIZE];
};

/* ---- the registry */

static char *take_string(const json_t *auth, const char *key)
{
	const char *value = json_get_str(auth, key);

	return str_empty(value) ? NULL : xstrdup(value);
}

int registry_client_new(const struct registry_client_args *args, struct registry_client **ret,
			struct error *err)
{
	struct registry_client *c = xcalloc(1, sizeof(*c));

	c->multi = curl_multi_init();
	if (!c->multi)
		abort();
	list_init(&c->transfers);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_MAX);
	c->registry = xstrdup(args->registry);
	c->path = xstrdup(args->path);
	c->insecure = args->insecure;
	/* On this machine nobody listens on the way, and few have certificates there. */
	c->base = xasprintf(
		"%s://%s", c->insecure && registry_is_loopback(c->registry) ? "http" : "https",
		!strcmp(args->registry, "docker.io") ? "registry-1.docker.io" : args->registry);
	c->client_cert = args->client_cert;
	c->push = args->push;
	c->username = take_string(args->auth, "username");
	c->password = take_string(args->auth, "password");
	c->identity_token = take_string(args->auth, "identitytoken");
	c->token = take_string(args->auth, "registrytoken");
	if (c->token)
		c->scheme = CHALLENGE_BEARER;
	*ret = c;
	return c->username && strchr(c->username, ':')
		       ? error_set(err, EINVAL, "a user name cannot have a colon")
		       : 0;
}

static void transfer_free(struct transfer *t)
{
	curl_multi_remove_handle(t->client->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	list_remove(&t->link);
	buf_release(&t->refusal);
	free(t->path);
	free(t->target);
	free(t->location);
	free(t->elsewhere);
	free(t);
}

void registry_client_free(struct registry_client *c)
{
	struct transfer *t, *next;

	if (!c)
		return;
	list_for_each_safe (t, next, &c->transfers, link)
		transfer_free(t);
	curl_multi_cleanup(c->multi);
	free(c->registry);
	free(c->path);
	free(c->base);
	free(c->username);
	free(c->password);
	free(c->identity_token);
	free(c->token);
	free(c);
}

void client_configure(const struct registry_client *c, CURL *easy, const char *url)
{
	bool own = registry_same_host(url, c->base), trusted = own && c->insecure;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, c->insecure ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cmp/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 c->insecure && !c->settled ? PROBE_TIMEOUT_MS : CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CAINFO, SANDBOX_CA);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, trusted ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, trusted ? 0L : 2L);
	if (own && registry_is_loopback(c->registry))
		curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none */
	if (own && c->client_cert) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, SANDBOX_CERT);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, SANDBOX_KEY);
	}
}

/* ---- sentences */

static int errno_of(long status)
{
	static const struct {
		long status;
		int code;
	} table[] = {{401, EACCES}, {403, EACCES}, {404, ENOENT}, {429, EBUSY}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].status == status)
			return table[i].code;
	return EIO;
}

/* What {"errors": [{code, message}]} or {"details": …} says, or NULL. */
static const char *reason_of(const json_t *doc)
{
	const json_t *first = json_array_get(json_get_arr(doc, "errors"), 0);
	const char *text = json_get_str(first, "message") ?: json_get_str(first, "code");

	text = text ?: json_get_str(doc, "details") ?: json_get_str(doc, "message");
	return text && *text && strlen(text) < 200 && str_printable(text) ? text : NULL;
}

/* Up to the query: what a redirect has there may be a key. */
static int shown(const char *url)
{
	return (int)MIN(strcspn(url, "?"), (size_t)300);
}

int client_refused(long status, const char *method, const char *url, const struct buf *body,
		   struct error *err)
{
	auto_json json_t *doc = NULL;
	struct error no_json = ERROR_INIT;
	const char *reason = NULL, *text = http_status_text((int)status);

	if (json_load_text(body->data ?: "", body->len, &doc, &no_json) == 0)
		reason = reason_of(doc);
	return error_set(err, errno_of(status), "the registry answered %ld%s%s%s%s%s to %s %.*s",
			 status, text ? " " : "", text ?: "", reason ? " (" : "", reason ?: "",
			 reason ? ")" : "", method, shown(url), url);
}

int client_failed(CURLcode code, const char *method, const char *url, const char *detail,
		  struct error *err)
{
	const char *hint = "";

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		hint = "; the CA of a private registry belongs in /etc/cmp/certs.d/HOST:PORT/ca.crt";
	else if (code == CURLE_SSL_CONNECT_ERROR && strstr(detail, "wrong version number"))
		hint = "; a registry without TLS must be listed in \"insecure-registries\" of "
		       "/etc/cmp/daemon.json";
	return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO, "%s %.*s: %s%s",
			 method, shown(url), url,
			 *detail && str_printable(detail) ? detail : curl_easy_strerror(code),
			 hint);
}

static bool same_parts(const char *a, const char *b, const CURLUPart *parts, size_t count)
{
	CURLU *x = curl_url(), *y = curl_url();
	bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK;

	for (size_t i = 0; i < count && same; i++) {
		char *one = NULL, *other = NULL;

		same = curl_url_get(x, parts[i], &one, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       curl_url_get(y, parts[i], &other, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       !strcasecmp(one, other);
		curl_free(one);
		curl_free(other);
	}
	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

bool registry_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};

	return same_parts(a, b, parts, ARRAY_LEN(parts));
}

bool registry_same_host(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_HOST};

	return same_parts(a, b, parts, ARRAY_LEN(parts));
}

/* ---- one exchange */

static const char *method_of(const struct transfer *t)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PUT"};

	return names[t->args.method];
}

static char *url_of(const struct transfer *t)
{
	const struct registry_client *c = t->client;

	if (t->elsewhere)
		return xstrdup(t->elsewhere);
	if (t->target)
		return *t->target == '/' ? xasprintf("%s%s", c->base, t->target)
					 : xstrdup(t->target);
	return *c->path ? xasprintf("%s/v2/%s/%s", c->base, c->path, t->path)
			: xasprintf("%s/v2/", c->base);
}

/* The first byte of an answer: does it begin where we are? */
static int check_start(struct transfer *t)
{
	struct curl_header *h;
	auto_free char *expected = xasprintf("bytes %llu-", (unsigned long long)t->offset);

	t->skip = 0;
	if (t->status == 200) {
		t->skip = t->offset;
		return 0;
	}
	if (curl_easy_header(t->easy, "Content-Range", 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
	    str_starts(h->value, expected))
		return 0;
	return error_set(&t->error, EBADMSG,
			 "the registry answered with another part than was asked for");
}

static int pass_on(struct transfer *t, const char *data, size_t len)
{
	size_t skip = (size_t)MIN(t->skip, (uint64_t)len);
	int r = 0;

	if (len - skip > t->args.size - t->offset)
		return error_set(&t->error, EBADMSG,
				 t->args.up_to ? "the registry sent more than %llu bytes"
					       : "the registry sent more than the %llu bytes that "
						 "its manifest says",
				 (unsigned long long)t->args.size);
	if (len > skip)
		r = t->args.on_data(t->args.arg, data + skip, len - skip, &t->error);
	if (r)
		return r;
	t->skip -= skip;
	t->offset += len - skip;
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;
	int r;

	if (!t->status) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
		if (t->args.method == TRANSFER_GET && (t->status == 200 || t->status == 206) &&
		    check_start(t) < 0)
			return 0;
	}
	if (t->args.method != TRANSFER_GET || (t->status != 200 && t->status != 206)) {
		buf_add(&t->refusal, data, len); /* what is over the limit is dropped */
		return len;
	}
	r = pass_on(t, data, len);
	if (r > 0)
		return CURL_WRITEFUNC_PAUSE;
	return r < 0 ? 0 : len;
}

static size_t on_send(char *at, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t room = (size_t)MIN((uint64_t)(size * n), t->args.body_size - t->sent);
	ssize_t got = pread(t->args.body_fd, at, room, (off_t)t->sent);

	if (got < 0 || (!got && room)) {
		error_sys(&t->error, got < 0 ? errno : EIO, "read what is sent");
		return CURL_READFUNC_ABORT;
	}
	t->sent += (uint64_t)got;
	if (t->args.on_sent)
		t->args.on_sent(t->args.arg, t->sent);
	return (size_t)got;
}

/* libcurl begins anew, because a connection that it used again was closed. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void set_method(struct transfer *t)
{
	t->sent = 0;
	switch (t->args.method) {
	case TRANSFER_GET:
		break;
	case TRANSFER_HEAD:
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
		break;
	case TRANSFER_POST:
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, 0L);
		break;
	case TRANSFER_PUT:
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_rewind);
		curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BYTES);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->args.body_size);
		break;
	}
}

static void set_credentials(struct transfer *t)
{
	const struct registry_client *c = t->client;

	auto_free char *url = url_of(t);

	if (!registry_same_origin(url, c->base))
		return;
	if (c->scheme == CHALLENGE_BASIC) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, c->username);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, c->password);
	} else if (c->scheme == CHALLENGE_BEARER) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(t->easy, CURLOPT_XOAUTH2_BEARER, c->token);
	}
}

static void begin_exchange(struct transfer *t)
{
	auto_free char *url = url_of(t);

	t->start_ns = 0;
	t->status = 0;
	t->exchanges++;
	*t->detail = '\0';
	buf_reset(&t->refusal);
	curl_easy_reset(t->easy);
	client_configure(t->client, t->easy, url);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	if (t->offset) {
		auto_free char *range = xasprintf("%llu-", (unsigned long long)t->offset);

		curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	}
	set_method(t);
	set_credentials(t);
	if (curl_multi_add_handle(t->client->multi, t->easy) != CURLM_OK)
		abort();
}

/* ---- what an exchange has led to */

static void end(struct transfer *t, const struct error *err)
{
	struct transfer_args args = t->args;
	struct error copy = err ? *err : ERROR_INIT;

	if (!err && args.method != TRANSFER_GET)
		args.on_answer(args.arg, t->status, t->location);
	transfer_free(t);
	args.on_done(args.arg, err ? &copy : NULL);
}

static void again(struct transfer *t, int64_t delay_ms)
{
	t->start_ns = time_boot_ns() + delay_ms * NS_PER_MS;
}

/* After a failure that may pass. */
static void retry(struct transfer *t, const struct error *why, int64_t asked_ms)
{
	int64_t delay_ms;

	if (t->offset > t->tried_at)
		t->tries = 0;
	t->tried_at = t->offset;
	if (++t->tries >= TRIES_MAX || t->exchanges >= EXCHANGES_MAX) {
		struct error err = *why;

		error_set(&err, why->code, "%s; gave up after %u attempts", why->msg,
			  t->tries >= TRIES_MAX ? t->tries : t->exchanges);
		end(t, &err);
		return;
	}
	delay_ms = MAX((int64_t)BACKOFF_MS << (t->tries - 1),
		       MIN(asked_ms, (int64_t)RETRY_AFTER_MAX_MS));
	/* Where a redirect led may have been good for a while only. */
	free(steal_ptr(&t->elsewhere));
	t->redirects = 0;
	if (t->args.on_retry) {
		auto_free char *text = xasprintf("%s; trying again in %.1f seconds", why->msg,
						 (double)delay_ms / 1000);

		t->args.on_retry(t->args.arg, text);
	}
	again(t, delay_ms);
}

static bool may_pass(const struct transfer *t, CURLcode code)
{
	static const CURLcode codes[] = {
		CURLE_RECV_ERROR,	  CURLE_SEND_ERROR,  CURLE_PARTIAL_FILE,
		CURLE_GOT_NOTHING,	  CURLE_HTTP2,	     CURLE_HTTP2_STREAM,
		CURLE_OPERATION_TIMEDOUT, CURLE_WRITE_ERROR, CURLE_SSL_CONNECT_ERROR};

	/* Who has never answered is not there. */
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		return t->client->answered;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] == code)
			return code != CURLE_SSL_CONNECT_ERROR || t->client->answered;
	return false;
}

/* An insecure registry that has not understood the one scheme is asked with the other, once. */
static bool try_other_scheme(struct transfer *t)
{
	struct registry_client *c = t->client;
	auto_free char *old = NULL;
	const char *rest;

	if (c->settled || !c->insecure || t->elsewhere)
		return false;
	c->settled = true;
	old = c->base;
	rest = str_skip(old, "https://");
	c->base = rest ? xasprintf("http://%s", rest)
		       : xasprintf("https://%s", old + strlen("http://"));
	again(t, 0);
	return true;
}

static void after_failure(struct transfer *t, CURLcode code)
{
	auto_free char *url = url_of(t);
	struct error err = ERROR_INIT;

	/* Where nobody listens there is no other scheme either, unless it has another port. */
	if ((code != CURLE_COULDNT_CONNECT || !strchr(t->client->registry, ':')) &&
	    try_other_scheme(t))
		return;
	(void)!client_failed(code, method_of(t), url, t->detail, &err);
	if (may_pass(t, code))
		retry(t, &err, 0);
	else
		end(t, &err);
}

static void after_data(struct transfer *t)
{
	struct error err = ERROR_INIT;
	auto_free char *url = NULL;

	if (t->args.up_to || t->offset == t->args.size) {
		end(t, NULL);
		return;
	}
	url = url_of(t);
	error_set(&err, EBADMSG, "GET %.*s: the answer ended after %llu of %llu bytes", shown(url),
		  url, (unsigned long long)t->offset, (unsigned long long)t->args.size);
	retry(t, &err, 0);
}

static void follow(struct transfer *t)
{
	auto_free char *from = url_of(t);
	struct error err = ERROR_INIT;
	char *to = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
	if (str_empty(to) || !str_printable(to))
		error_set(&err, EBADMSG, "%s %.*s: a redirect to nowhere", method_of(t),
			  shown(from), from);
	else if (++t->redirects > REDIRECTS_MAX)
		error_set(&err, ELOOP, "%s %.*s: more than %d redirects", method_of(t), shown(from),
			  from, REDIRECTS_MAX);
	else if (!t->client->insecure && !str_starts(to, "https://"))
		error_set(&err, EACCES, "%s %.*s: a redirect to a place without TLS: %.*s",
			  method_of(t), shown(from), from, shown(to), to);
	if (err.code) {
		end(t, &err);
		return;
	}
	free(t->elsewhere);
	t->elsewhere = xstrdup(to);
	again(t, 0);
}

static int read_challenge(struct transfer *t, struct challenge *ret, struct error *err)
{
	struct curl_header *h;

	for (size_t i = 0;
	     curl_easy_header(t->easy, "WWW-Authenticate", i, CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++)
		if (challenge_parse(h->value, ret, err) < 0)
			return -err->code;
	return 0;
}

static void identify(struct transfer *t)
{
	auto_challenge struct challenge ch = {0};
	auto_free char *url = url_of(t);
	struct error err = ERROR_INIT, why = ERROR_INIT, refusal = ERROR_INIT;
	bool ours = registry_same_origin(url, t->client->base);

	(void)!client_refused(t->status, method_of(t), url, &t->refusal, &refusal);
	err = refusal;
	if (ours && ++t->challenges <= CHALLENGES_MAX) {
		if (read_challenge(t, &ch, &why) == 0 &&
		    client_authenticate(t->client, &ch, &why) == 0) {
			again(t, 0);
			return;
		}
		error_set(&err, why.code, "%s: %s", refusal.msg, why.msg);
	}
	end(t, &err);
}

/* Of what is no GET: the answer is all there is. */
static bool is_answered(const struct transfer *t)
{
	return t->args.method != TRANSFER_GET &&
	       (t->status / 100 == 2 || (t->args.method == TRANSFER_HEAD && t->status == 404));
}

static void keep_location(struct transfer *t)
{
	struct curl_header *h;

	if (curl_easy_header(t->easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
	    str_printable(h->value)) {
		free(t->location);
		t->location = xstrdup(h->value);
	}
}

static void after_answer(struct transfer *t)
{
	auto_free char *url = url_of(t);
	struct error err = ERROR_INIT;
	curl_off_t wait_s = 0;

	if (is_answered(t)) {
		keep_location(t);
		end(t, NULL);
		return;
	}
	(void)!client_refused(t->status, method_of(t), url, &t->refusal, &err);
	switch (t->status) {
	case 200:
	case 206:
		after_data(t);
		return;
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		follow(t);
		return;
	case 401:
		identify(t);
		return;
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait_s);
		retry(t, &err, MIN(MAX(wait_s, 0), RETRY_AFTER_MAX_MS) * 1000);
		return;
	default:
		end(t, &err);
	}
}

static void on_exchange(struct transfer *t, CURLcode code)
{
	if (!t->status)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	curl_multi_remove_handle(t->client->multi, t->easy);
	/* What a TLS server says to plain text. */
	if (t->status == 400 && str_starts(t->client->base, "http://") && try_other_scheme(t))
		return;
	if (t->status)
		t->client->answered = t->client->settled = true;
	if (t->error.code)
		end(t, &t->error);
	else if (code != CURLE_OK)
		after_failure(t, code);
	else
		after_answer(t);
}

/* ---- for the caller */

struct transfer *transfer_start(struct registry_client *c, const struct transfer_args *args)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->client = c;
	t->args = *args;
	t->path = xstrdup(args->path);
	t->target = xstrdup(args->url);
	t->easy = curl_easy_init();
	if (!t->easy)
		abort();
	if (args->accept)
		t->headers = curl_slist_append(NULL, args->accept);
	if (args->body_type)
		t->headers = curl_slist_append(t->headers, args->body_type);
	/* Who would wait for 100 Continue waits in vain with some. */
	if (args->method == TRANSFER_PUT)
		t->headers = curl_slist_append(t->headers, "Expect:");
	buf_init(&t->refusal, REFUSAL_MAX);
	list_append(&c->transfers, &t->link);
	again(t, 0);
	return t;
}

void transfer_resume(struct transfer *t)
{
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

/* Begins what is due; the time until the next one is, at most `timeout_ms`. */
static int begin_due(struct registry_client *c, int timeout_ms)
{
	int64_t now = time_boot_ns();
	struct transfer *t;

	list_for_each (t, &c->transfers, link) {
		if (t->start_ns && t->start_ns <= now)
			begin_exchange(t);
		else if (t->start_ns)
			timeout_ms =
				(int)MIN((int64_t)timeout_ms, (t->start_ns - now) / NS_PER_MS + 1);
	}
	return timeout_ms;
}

/* Ends what has ended. */
static bool take_messages(struct registry_client *c)
{
	bool any = false;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		CURLcode code = m->data.result;
		struct transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		on_exchange(t, code);
		any = true;
	}
	return any;
}

int registry_client_wait(struct registry_client *c, struct registry_wait *waits, size_t count,
			 int timeout_ms, struct error *err)
{
	struct curl_waitfd *extra = xcalloc(count + 1, sizeof(*extra));
	struct pollfd *now = xcalloc(count + 1, sizeof(*now));
	CURLMcode code;

	for (size_t i = 0; i < count; i++) {
		extra[i].fd = now[i].fd = waits[i].fd;
		extra[i].events = waits[i].writable ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN;
		now[i].events = waits[i].writable ? POLLOUT : POLLIN;
	}
	code = curl_multi_poll(c->multi, extra, (unsigned)count, timeout_ms, NULL);
	/* libcurl does not tell of a pipe whose other end is gone. */
	if (count && poll(now, count, 0) > 0)
		for (size_t i = 0; i < count; i++)
			waits[i].ready = now[i].revents != 0;
	free(extra);
	free(now);
	return code == CURLM_OK ? 0
				: error_set(err, EIO, "wait for the registry: %s",
					    curl_multi_strerror(code));
}

int registry_client_work(struct registry_client *c, int *timeout_ms, struct error *err)
{
	CURLMcode code;
	int running;

	*timeout_ms = begin_due(c, *timeout_ms);
	code = curl_multi_perform(c->multi, &running);
	if (code != CURLM_OK)
		return error_set(err, EIO, "talk to the registry: %s", curl_multi_strerror(code));
	if (take_messages(c))
		*timeout_ms = 0;
	return 0;
}
