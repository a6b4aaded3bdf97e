/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See name.h. */
#include "images/layer/name.h"

#include <errno.h>
#include <limits.h>

#include "base/str.h"

#define WHITEOUT ".wh."
#define META	 ".wh..wh."
#define OPAQUE	 ".wh..wh..opq"

int layer_name_normal(const char *name, char **ret, struct error *err)
{
	auto_buf struct buf b = BUF_INIT;
	size_t len;

	if (strlen(name) >= PATH_MAX)
		return error_set(err, EBADMSG, "the archive has a name longer than %d bytes",
				 PATH_MAX);
	for (; *name; name += len) {
		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (len == 2 && !memcmp(name, "..", 2))
			return error_set(err, EBADMSG, "the archive has a name with ..");
		if (len > NAME_MAX)
			return error_set(err, EBADMSG,
					 "the archive has a file name longer than %d bytes",
					 NAME_MAX);
		if (!len || (len == 1 && *name == '.'))
			continue;
		if (b.len)
			buf_addc(&b, '/');
		buf_add(&b, name, len);
	}
	*ret = buf_steal(&b);
	return 0;
}

enum layer_whiteout layer_name_whiteout(const char *name, const char **ret_hidden)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name, *hidden;

	if (!strcmp(last, OPAQUE))
		return LAYER_WHITEOUT_OPAQUE;
	if (str_starts(last, META))
		return LAYER_WHITEOUT_META;
	hidden = str_skip(last, WHITEOUT);
	if (!hidden)
		return LAYER_WHITEOUT_NO;
	if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
		return LAYER_WHITEOUT_BAD;
	*ret_hidden = hidden;
	return LAYER_WHITEOUT_FILE;
}
