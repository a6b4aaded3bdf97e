/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short forms that the command line of `run` brings along, as entries of the model. */
#include <errno.h>

#include "base/json.h"
#include "engine/translate.h"

/* ---- "[[IP:]HOST:]CONTAINER[/PROTOCOL]" */

int translate_short_port(const char *text, json_t **ret, struct error *err)
{
	auto_free char *copy = xstrdup(text);
	char *slash = strrchr(copy, '/'), *target, *published = NULL, *ip = NULL, *colon;
	uint16_t number;
	json_t *entry;

	if (slash)
		*slash++ = '\0';
	colon = strrchr(copy, ':');
	target = colon ? colon + 1 : copy;
	if (colon) {
		*colon = '\0';
		colon = strrchr(copy, ':');
		published = colon ? colon + 1 : copy;
		if (colon) {
			*colon = '\0';
			ip = copy;
		}
	}
	if (parse_u16(target, &number) < 0 || !number)
		return error_set(err, EINVAL, "publish %s: \"%s\" is not a port", text, target);
	if (ip && ip[0] == '[' && str_ends(ip, "]")) {
		ip[strlen(ip) - 1] = '\0';
		ip++;
	}
	entry = json_object();
	json_set_str(entry, "mode", "ingress");
	json_set_str(entry, "host_ip", str_empty(ip) ? NULL : ip);
	json_set_str(entry, "published", str_empty(published) ? NULL : published);
	json_set_int(entry, "target", number);
	json_set_str(entry, "protocol", slash ? str_lower(slash) : "tcp");
	*ret = entry;
	return 0;
}

/* ---- "TARGET", "SOURCE:TARGET[:ro,nocopy]" */

static void volume_options(json_t *entry, const char *text)
{
	AUTO(strv_free) char **options = strv_split(text, ",");
	json_t *volume = json_object();

	json_set_bool(volume, "nocopy", strv_has(options, "nocopy"));
	json_set_bool(entry, "read_only", strv_has(options, "ro"));
	json_set_new(entry, "volume", volume);
}

static json_t *bind_options(void)
{
	json_t *bind = json_object();

	json_set_bool(bind, "create_host_path", true);
	return bind;
}

int translate_short_volume(const char *text, const char *cwd, json_t **ret, struct error *err)
{
	AUTO(strv_free) char **parts = strv_split(text, ":");
	size_t n = strv_len(parts);
	const char *source = n > 1 ? parts[0] : NULL;
	json_t *entry;

	if (!n || n > 3)
		return error_set(err, EINVAL, "volume %s: must be SOURCE:TARGET[:OPTIONS]", text);
	entry = json_object();
	json_set_str(entry, "target", n > 1 ? parts[1] : parts[0]);
	if (source && (source[0] == '/' || source[0] == '.')) {
		json_set_str(entry, "type", "bind");
		json_set_new(entry, "bind", bind_options());
		if (source[0] == '/')
			json_set_str(entry, "source", source);
		else
			json_set_strf(entry, "source", "%s/%s", cwd ? cwd : "", source);
	} else {
		json_set_str(entry, "type", "volume");
		json_set_str(entry, "source", source);
	}
	if (n > 2)
		volume_options(entry, parts[2]);
	*ret = entry;
	return 0;
}

/* ---- "sh -c 'echo hi'" */

/* Adds one word of *text to `word` and moves past it; -EINVAL for a quote without end. */
static int next_word(const char **text, struct buf *word)
{
	const char *s = *text;
	char quote = '\0';

	for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			buf_addc(word, *++s);
		else
			buf_addc(word, *s);
	}
	*text = s;
	return quote ? -EINVAL : 0;
}

int translate_words(const char *text, json_t **ret, struct error *err)
{
	auto_json json_t *words = json_array();
	const char *s = text;

	for (s += strspn(s, " \t\n"); *s; s += strspn(s, " \t\n")) {
		auto_buf struct buf word = BUF_INIT;

		if (next_word(&s, &word) < 0)
			return error_set(err, EINVAL, "%s: a quote has no end", text);
		json_array_append_new(words, json_str(word.data ? word.data : ""));
	}
	*ret = json_incref(words);
	return 0;
}
