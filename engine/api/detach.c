/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Detach keys, and the names of Docker's stream types. */
#include <errno.h>

#include "engine/api/stream.h"

#define DEFAULT_KEYS "ctrl-p,ctrl-q"

const char *stream_type(enum stream_style style)
{
	return style == STREAM_MUX ? "application/vnd.docker.multiplexed-stream"
				   : "application/vnd.docker.raw-stream";
}

static int parse_key(const char *text, char *ret)
{
	const char *key = str_skip(text, "ctrl-");

	if (!key && strlen(text) == 1) {
		*ret = text[0];
		return 0;
	}
	if (!key || strlen(key) != 1)
		return -EINVAL;
	if (key[0] >= 'a' && key[0] <= 'z')
		*ret = (char)(key[0] - 'a' + 1);
	else if (key[0] >= '@' && key[0] <= '_')
		*ret = (char)(key[0] - '@');
	else
		return -EINVAL;
	return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err)
{
	const char *whole = str_empty(text) ? DEFAULT_KEYS : text;
	AUTO(strv_free) char **names = strv_split(whole, ",");
	struct detach_keys k = {.count = strv_len(names)};
	size_t i;

	if (!k.count || k.count > DETACH_KEYS_MAX)
		return error_set(err, EINVAL, "Invalid detach keys (%s) provided", whole);
	for (i = 0; i < k.count; i++)
		if (parse_key(names[i], &k.keys[i]) < 0)
			return error_set(err, EINVAL, "Invalid detach keys (%s) provided", whole);
	*ret = k;
	return 0;
}

bool detach_keys_feed(struct detach_keys *k, const char *data, size_t len, struct buf *passed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (k->count && data[i] == k->keys[k->matched]) {
			if (++k->matched == k->count)
				return true;
			continue;
		}
		buf_add(passed, k->keys, k->matched);
		k->matched = k->count && data[i] == k->keys[0] ? 1 : 0;
		if (!k->matched)
			buf_addc(passed, data[i]);
	}
	return false;
}
