/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See change.h.  One table row an instruction.  Words are split as the Dockerfile parser does:
 * blanks separate, double and single quotes and backslashes protect.
 */
#include "images/change.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/json.h"
#include "base/time.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

struct instruction {
	const char *name;
	int (*apply)(json_t *config, const struct instruction *in, const char *rest,
		     struct error *err);
	const char *key;
};

static int malformed(const struct instruction *in, struct error *err, const char *why)
{
	return error_set(err, EINVAL, "%s %s", in->name, why);
}

/* ---- words */

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Takes one word, without its quotes; NULL when a quote is left open. */
static char *next_word(const char **at)
{
	auto_buf struct buf b = BUF_INIT;
	const char *s = *at;
	char quote = 0;

	for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? 0 : *s;
			continue;
		}
		if (*s == '\\' && quote != '\'' && s[1])
			s++;
		buf_addc(&b, *s);
	}
	*at = skip_blanks(s);
	return quote ? NULL : buf_steal(&b);
}

static int words(const struct instruction *in, const char *rest, char ***ret, struct error *err)
{
	char *word;

	while (*rest) {
		word = next_word(&rest);
		if (!word)
			return malformed(in, err, "has a quote that is not closed");
		strv_push(ret, word);
	}
	return 0;
}

/* The JSON array of strings that `rest` is, or NULL. */
static json_t *exec_form(const char *rest)
{
	struct error ignored = ERROR_INIT;
	json_t *value = NULL;

	if (*rest != '[' || json_load_text(rest, strlen(rest), &value, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_string(json_array_get(value, i))) {
			json_decref(value);
			return NULL;
		}
	return value;
}

static json_t *command(const char *rest)
{
	return exec_form(rest) ?: json_pack("[s, s, s]", "/bin/sh", "-c", rest);
}

static json_t *member(json_t *config, const char *key, json_t *(*make)(void))
{
	json_t *value = json_object_get(config, key);

	if (!value || json_is_null(value)) {
		value = make();
		json_set_new(config, key, value);
	}
	return value;
}

/* ---- instructions */

static int apply_command(json_t *config, const struct instruction *in, const char *rest,
			 struct error *err)
{
	json_t *value = command(rest);

	if (!value)
		return malformed(in, err, "is not valid UTF-8");
	json_set_new(config, in->key, value);
	return 0;
}

static int apply_text(json_t *config, const struct instruction *in, const char *rest,
		      struct error *err)
{
	AUTO(strv_free) char **v = NULL;

	if (words(in, rest, &v, err) < 0)
		return -err->code;
	if (strv_len(v) != 1)
		return malformed(in, err, "takes one argument");
	json_set_new(config, in->key, json_str(v[0]));
	return 0;
}

/* A relative directory is below the one before. */
static int apply_workdir(json_t *config, const struct instruction *in, const char *rest,
			 struct error *err)
{
	const char *old = json_get_str(config, in->key);
	auto_free char *before = xstrdup(str_empty(old) ? "/" : old);

	if (apply_text(config, in, rest, err) < 0)
		return -err->code;
	rest = json_get_str(config, in->key);
	if (*rest != '/') {
		auto_free char *path =
			xasprintf("%s%s%s", before, str_ends(before, "/") ? "" : "/", rest);

		json_set_new(config, in->key, json_str(path));
	}
	return 0;
}

static void set_env(json_t *list, const char *name, const char *value)
{
	auto_free char *text = xasprintf("%s=%s", name, value);
	size_t len = strlen(name) + 1;
	const char *old;

	for (size_t i = 0; i < json_array_size(list); i++) {
		old = json_string_value(json_array_get(list, i));
		if (old && !strncmp(old, text, len)) {
			json_array_set_new(list, i, json_str(text));
			return;
		}
	}
	json_array_append_new(list, json_str(text));
}

static void set_pair(json_t *config, const struct instruction *in, const char *name,
		     const char *value)
{
	if (!strcmp(in->key, "Env"))
		set_env(member(config, in->key, json_array), name, value);
	else
		json_set_str(member(config, in->key, json_object), name, value);
}

/* NAME=VALUE NAME=VALUE …, or the old form NAME VALUE. */
static int apply_pairs(json_t *config, const struct instruction *in, const char *rest,
		       struct error *err)
{
	AUTO(strv_free) char **v = NULL;
	size_t name_len = strcspn(rest, "= \t");
	char *equals;

	if (rest[name_len] != '=') {
		auto_free char *name = xstrndup(rest, name_len);

		if (!name_len || !rest[name_len])
			return malformed(in, err, "takes NAME=VALUE");
		set_pair(config, in, name, skip_blanks(rest + name_len));
		return 0;
	}
	if (words(in, rest, &v, err) < 0)
		return -err->code;
	for (char **w = v; w && *w; w++) {
		equals = strchr(*w, '=');
		if (!equals || equals == *w)
			return malformed(in, err, "takes NAME=VALUE");
		*equals = '\0';
		set_pair(config, in, *w, equals + 1);
	}
	return 0;
}

static int add_ports(json_t *ports, const char *text)
{
	const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
	auto_free char *range = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	char *dash = strchr(range, '-');
	uint16_t first, last;

	if (strcasecmp(protocol, "tcp") != 0 && strcasecmp(protocol, "udp") != 0 &&
	    strcasecmp(protocol, "sctp") != 0)
		return -EINVAL;
	if (dash)
		*dash = '\0';
	if (parse_u16(range, &first) < 0 || parse_u16(dash ? dash + 1 : range, &last) < 0 ||
	    !first || last < first)
		return -EINVAL;
	for (unsigned port = first; port <= last; port++) {
		auto_free char *lower = xstrdup(protocol);
		auto_free char *key = xasprintf("%u/%s", port, str_lower(lower));

		json_set_new(ports, key, json_object());
	}
	return 0;
}

static int apply_expose(json_t *config, const struct instruction *in, const char *rest,
			struct error *err)
{
	json_t *ports = member(config, in->key, json_object);
	AUTO(strv_free) char **v = NULL;

	if (words(in, rest, &v, err) < 0)
		return -err->code;
	for (char **w = v; w && *w; w++)
		if (add_ports(ports, *w) < 0)
			return error_set(err, EINVAL,
					 "EXPOSE %s: takes PORT[-PORT][/tcp|/udp|/sctp]", *w);
	return 0;
}

static int apply_volume(json_t *config, const struct instruction *in, const char *rest,
			struct error *err)
{
	json_t *set = member(config, in->key, json_object);
	auto_json json_t *array = exec_form(rest);
	AUTO(strv_free) char **v = NULL;

	if (array)
		v = json_to_strv(array);
	else if (words(in, rest, &v, err) < 0)
		return -err->code;
	for (char **w = v; w && *w; w++) {
		if (!**w)
			return malformed(in, err, "has an empty path");
		json_set_new(set, *w, json_object());
	}
	return 0;
}

static const struct {
	const char *option, *key;
	bool duration;
} health_options[] = {
	{"--interval=", "Interval", true},	  {"--timeout=", "Timeout", true},
	{"--start-period=", "StartPeriod", true}, {"--start-interval=", "StartInterval", true},
	{"--retries=", "Retries", false},
};

static int health_option(json_t *health, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(health_options); i++) {
		const char *text = str_skip(word, health_options[i].option);
		int64_t value;

		if (!text)
			continue;
		if ((health_options[i].duration ? parse_duration_ns(text, &value)
						: parse_i64(text, &value)) < 0 ||
		    value < 0)
			return -EINVAL;
		json_set_int(health, health_options[i].key, value);
		return 0;
	}
	return -EINVAL;
}

static json_t *health_test(const char *rest)
{
	json_t *test = exec_form(rest);

	if (!test)
		return json_pack("[s, s]", "CMD-SHELL", rest);
	json_array_insert_new(test, 0, json_string("CMD"));
	return test;
}

static int apply_healthcheck(json_t *config, const struct instruction *in, const char *rest,
			     struct error *err)
{
	auto_json json_t *health = json_object();
	json_t *test;

	while (str_starts(rest, "--")) {
		auto_free char *word = next_word(&rest);

		if (!word || health_option(health, word) < 0)
			return error_set(err, EINVAL, "HEALTHCHECK has an invalid option: %s",
					 word ?: "(open quote)");
	}
	if (!strcasecmp(rest, "NONE")) {
		json_set_new(health, "Test", json_pack("[s]", "NONE"));
	} else {
		if (strncasecmp(rest, "CMD", 3) != 0 || (rest[3] != ' ' && rest[3] != '\t'))
			return malformed(in, err, "takes NONE or CMD and a command");
		test = health_test(skip_blanks(rest + 3));
		if (!test)
			return malformed(in, err, "is not valid UTF-8");
		json_set_new(health, "Test", test);
	}
	json_object_set(config, in->key, health);
	return 0;
}

static int apply_onbuild(json_t *config, const struct instruction *in, const char *rest,
			 struct error *err)
{
	static const char *const refused[] = {"ONBUILD", "FROM", "MAINTAINER"};
	size_t len = strcspn(rest, " \t");

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (len == strlen(refused[i]) && !strncasecmp(rest, refused[i], len))
			return error_set(err, EINVAL, "ONBUILD may not hold %s", refused[i]);
	(void)in;
	json_array_append_new(member(config, in->key, json_array), json_str(rest));
	return 0;
}

static const struct instruction instructions[] = {
	{"CMD", apply_command, "Cmd"},
	{"ENTRYPOINT", apply_command, "Entrypoint"},
	{"ENV", apply_pairs, "Env"},
	{"EXPOSE", apply_expose, "ExposedPorts"},
	{"USER", apply_text, "User"},
	{"VOLUME", apply_volume, "Volumes"},
	{"WORKDIR", apply_workdir, "WorkingDir"},
	{"LABEL", apply_pairs, "Labels"},
	{"STOPSIGNAL", apply_text, "StopSignal"},
	{"HEALTHCHECK", apply_healthcheck, "Healthcheck"},
	{"ONBUILD", apply_onbuild, "OnBuild"},
};

int image_change_apply(json_t *config, const char *line, struct error *err)
{
	auto_free char *copy = NULL;
	char *text, *rest;
	size_t len;

	if (strlen(line) > LINE_MAX_BYTES)
		return error_set(err, E2BIG, "an instruction is longer than %zu bytes",
				 LINE_MAX_BYTES);
	copy = xstrdup(line);
	text = str_trim(copy);
	len = strcspn(text, " \t");
	rest = text + len;
	if (*rest)
		*rest++ = '\0';
	rest += strspn(rest, " \t");
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
		if (strcasecmp(text, instructions[i].name) != 0)
			continue;
		if (!*rest)
			return malformed(&instructions[i], err, "requires an argument");
		return instructions[i].apply(config, &instructions[i], rest, err);
	}
	return error_set(err, EINVAL, "%s is no instruction that changes an image", text);
}
