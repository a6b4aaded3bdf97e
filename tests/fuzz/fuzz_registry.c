/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: what a registry answers: a challenge, an index or manifest, a configuration, by the
 * first byte. */
#include <assert.h>

#include "base/json.h"
#include "images/registry/challenge.h"
#include "images/registry/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void challenge(const char *text)
{
	auto_challenge struct challenge c = {0};
	struct error err = ERROR_INIT;

	if (challenge_parse(text, &c, &err) == 0 && c.scheme == CHALLENGE_BEARER) {
		auto_free char *url = challenge_token_url(&c, "repository:a:pull", "me");

		assert(str_starts(url, c.realm));
	}
}

static void document(const char *text, size_t len)
{
	auto_free struct descriptor *layers = NULL;
	auto_json json_t *doc = NULL;
	struct error err = ERROR_INIT;
	enum document_kind kind;
	struct descriptor d;
	struct platform host;
	size_t count;
	int r = document_read(text, len, &kind, &doc, &err);

	platform_host(&host);
	if (r == 0 && kind == DOCUMENT_INDEX)
		r = document_choose(doc, &host, &d, &err);
	else if (r == 0)
		r = document_parts(doc, &d, &layers, &count, &err);
	if (r == 0)
		assert(digest_valid(d.digest));
	else
		assert(str_printable(err.msg));
}

static void configuration(const char *text, size_t len)
{
	auto_json json_t *diffs = NULL;
	struct error err = ERROR_INIT;

	if (document_config(text, len, 1, NULL, &diffs, &err) == 0)
		assert(json_array_size(diffs) == 1);
	else
		assert(str_printable(err.msg));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = NULL;

	if (!size)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	if (*data % 3 == 0)
		challenge(text);
	else if (*data % 3 == 1)
		document((const char *)data + 1, size - 1);
	else
		configuration((const char *)data + 1, size - 1);
	return 0;
}
