/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model as text.  JSON is the tree itself.  YAML is written for people: block style, plain
 * scalars where they mean the same string to every reader, literal blocks for several lines; what
 * the model always has and nobody needs to see (null commands, empty ipam) is left out.  In both
 * forms that go to a file every "$" is doubled, so that loading them gives the same model.
 */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "compose/compose.h"

json_t *compose_model_json(const struct compose_project *p)
{
	return node_to_json(p->model);
}

/* ---- doubling */

static char *doubled(const char *text)
{
	auto_buf struct buf out = BUF_INIT;

	for (; *text; text++) {
		buf_addc(&out, *text);
		if (*text == '$')
			buf_addc(&out, '$');
	}
	return buf_steal(&out);
}

static json_t *escape_string(const char *text)
{
	auto_free char *copy = doubled(text);

	return json_str(copy);
}

json_t *compose_model_escape(const json_t *value)
{
	const char *key;
	json_t *item, *out;
	size_t i;

	if (json_is_string(value))
		return escape_string(json_string_value(value));
	if (json_is_array(value)) {
		out = json_array();
		json_array_foreach (value, i, item)
			json_array_append_new(out, compose_model_escape(item));
		return out;
	}
	if (json_is_object(value)) {
		out = json_object();
		json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
			auto_free char *name = doubled(key);

			json_set_new(out, name, compose_model_escape(item));
		}
		return out;
	}
	return json_incref((json_t *)(uintptr_t)value);
}

/* ---- scalars of YAML */

/* Words that some reader of YAML takes for something else than a string. */
static bool is_word(const char *text)
{
	static const char *const words[] = {"null",  "true", "false", "yes", "no",   "on",
					    "off",   "y",    "n",     "~",   ".inf", "-.inf",
					    "+.inf", ".nan", "<<",    "="};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

/* Numbers, dates and times of day in any of their forms. */
static bool looks_like_number(const char *text)
{
	const char *s = text + (*text == '-' || *text == '+');

	if (*s == '.')
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	return strspn(s, "0123456789abcdefABCDEFxXoO_.:+-TZ ") == strlen(s);
}

/* The code of a character that ends a line, is no text or is dropped: only an escape can hold it.
 * 0: it is none. */
static unsigned special(const unsigned char *s)
{
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return s[1];
	if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 0x2000 | (s[2] & 0x3fu);
	if (s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf)
		return 0xfeff;
	if (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
		return 0xffc0 | (s[2] & 0x3fu);
	return 0;
}

/* A beginning or an end that means something to YAML. */
static bool is_marked(const char *text, size_t len)
{
	if (len == 0 || strchr(" \t,[]{}#&*!|>'\"%@`", text[0]) || text[len - 1] == ' ' ||
	    text[len - 1] == ':')
		return true;
	if (strchr("-?:", text[0]) && (text[1] == ' ' || text[1] == '\0'))
		return true;
	return !strncmp(text, "---", 3) || !strncmp(text, "...", 3) || !strcmp(text, "<<");
}

static bool is_plain(const char *text)
{
	const unsigned char *s;

	if (is_marked(text, strlen(text)) || is_word(text) || looks_like_number(text))
		return false;
	for (s = (const unsigned char *)text; *s; s++)
		if (*s < 0x20 || *s == 0x7f || special(s) || (*s == ':' && s[1] == ' ') ||
		    (*s == ' ' && s[1] == '#'))
			return false;
	return str_printable(text);
}

static void put_quoted(struct buf *out, const char *text)
{
	static const char letters[] = "abtnvfr"; /* of the codes 7 to 13 */
	const unsigned char *s;
	unsigned code;

	buf_addc(out, '"');
	for (s = (const unsigned char *)text; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addf(out, "\\%c", *s);
		else if (*s >= 7 && *s <= 13)
			buf_addf(out, "\\%c", letters[*s - 7]);
		else if (*s < 0x20 || *s == 0x7f)
			buf_addf(out, "\\x%02x", *s);
		else if ((code = special(s))) {
			buf_addf(out, "\\u%04x", code);
			s += code < 0x800 ? 1 : 2;
		} else
			buf_addc(out, (char)*s);
	}
	buf_addc(out, '"');
}

/* Several lines that a literal block holds as they are. */
static bool is_block(const char *text)
{
	const unsigned char *s;

	if (!strchr(text, '\n') || text[0] == ' ' || text[0] == '\n' || text[0] == '\t')
		return false;
	for (s = (const unsigned char *)text; *s; s++)
		if ((*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f || special(s))
			return false;
	return true;
}

static void put_indent(struct buf *out, unsigned depth)
{
	while (depth-- > 0)
		buf_adds(out, "  ");
}

static void put_block(struct buf *out, const char *text, unsigned depth)
{
	size_t len = strlen(text), line;

	buf_addc(out, '|');
	if (text[len - 1] != '\n')
		buf_addc(out, '-');
	else if (len > 1 && text[len - 2] == '\n')
		buf_addc(out, '+');
	while (*text) {
		line = strcspn(text, "\n");
		buf_addc(out, '\n');
		if (line)
			put_indent(out, depth);
		buf_add(out, text, line);
		text += line + (text[line] == '\n');
	}
}

/* Variables may hold bytes that are not UTF-8: they become what they become in JSON. */
static char *as_utf8(const char *text)
{
	auto_json json_t *string = json_str(text);

	return xstrdup(json_string_value(string));
}

static void put_string(struct buf *out, const char *text, unsigned depth, bool escape, bool key)
{
	auto_free char *valid = as_utf8(text);
	auto_free char *copy = escape ? doubled(valid) : xstrdup(valid);

	if (is_plain(copy))
		buf_adds(out, copy);
	else if (!key && is_block(copy))
		put_block(out, copy, depth);
	else
		put_quoted(out, copy);
}

static void put_scalar(struct buf *out, const struct compose_node *n, unsigned depth, bool escape)
{
	json_t *value;
	double again;
	char *text;

	if (n->kind == COMPOSE_STRING) {
		put_string(out, n->text ? n->text : "", depth, escape, false);
		return;
	}
	value = node_to_json(n);
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	/* Fifteen digits give back what people write, seventeen every number there is. */
	if (n->kind == COMPOSE_FLOAT && text &&
	    (parse_double(text, &again) < 0 || again < n->real || again > n->real)) {
		free(text);
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	}
	buf_adds(out, text ? text : "null");
	free(text);
	json_decref(value);
}

/* ---- structure */

struct writer {
	struct buf *out;
	bool escape;
	const char *section; /* key at the top */
	const char *parent;  /* key one level up */
};

static void put_value(struct writer *w, const struct compose_node *n, unsigned depth);

/* What the model always has although it says nothing. */
static bool is_noise(const struct writer *w, const char *key, const struct compose_node *n,
		     unsigned depth)
{
	bool service = depth >= 2 && str_eq(w->section, "services");
	bool empty = n->kind == COMPOSE_MAP && n->map.count == 0;

	if (service && depth == 2 && n->kind == COMPOSE_NULL)
		return !strcmp(key, "command") || !strcmp(key, "entrypoint");
	if (service && depth == 3 && empty && str_eq(w->parent, "deploy"))
		return !strcmp(key, "resources") || !strcmp(key, "placement");
	return depth == 2 && empty && str_eq(w->section, "networks") && !strcmp(key, "ipam");
}

static bool is_container(const struct compose_node *n)
{
	return (n->kind == COMPOSE_MAP && n->map.count > 0) ||
	       (n->kind == COMPOSE_LIST && n->list.count > 0);
}

/* deploy with nothing but noise is still deploy, not null. */
static bool is_all_noise(const struct writer *w, const struct compose_node *n, unsigned depth)
{
	size_t i;

	if (n->kind != COMPOSE_MAP)
		return false;
	for (i = 0; i < n->map.count; i++)
		if (!is_noise(w, n->map.pairs[i].key, n->map.pairs[i].value, depth))
			return false;
	return true;
}

static void put_pair(struct writer *w, const struct compose_pair *pair, unsigned depth)
{
	const struct compose_node *value = pair->value;

	put_string(w->out, pair->key, depth, w->escape, true);
	buf_addc(w->out, ':');
	if (is_all_noise(w, value, depth + 1)) {
		buf_adds(w->out, " {}\n");
	} else if (is_container(value)) {
		buf_addc(w->out, '\n');
		put_value(w, value, depth + 1);
	} else {
		buf_addc(w->out, ' ');
		put_value(w, value, depth + 1);
		buf_addc(w->out, '\n');
	}
}

/* Of the two limits of ulimits the model leaves out one that is 0, and the format wants both: the
 * name of what is not there, or NULL.  No other mapping of services has such a number alone. */
static const char *left_out(const struct writer *w, const struct compose_node *map)
{
	const struct compose_pair *only = map->map.pairs;

	if (map->map.count != 1 || only->value->kind != COMPOSE_INT ||
	    !str_eq(w->section, "services"))
		return NULL;
	return !strcmp(only->key, "soft") ? "hard" : !strcmp(only->key, "hard") ? "soft" : NULL;
}

/* `hanging`: the first line is indented already (an item of a list). */
static void put_map(struct writer *w, const struct compose_node *n, unsigned depth, bool hanging)
{
	const char *parent = w->parent;
	const struct compose_pair *pair;

	for (pair = n->map.pairs; pair < n->map.pairs + n->map.count; pair++) {
		if (depth == 0)
			w->section = pair->key;
		w->parent = parent;
		if (!hanging && is_noise(w, pair->key, pair->value, depth))
			continue;
		if (!hanging || pair > n->map.pairs)
			put_indent(w->out, depth);
		w->parent = pair->key;
		put_pair(w, pair, depth);
	}
	w->parent = parent;
	if (left_out(w, n)) {
		put_indent(w->out, depth);
		buf_addf(w->out, "%s: 0\n", left_out(w, n));
	}
}

static void put_list(struct writer *w, const struct compose_node *n, unsigned depth)
{
	const struct compose_node *item;
	size_t i;

	for (i = 0; i < n->list.count; i++) {
		item = n->list.items[i];
		put_indent(w->out, depth);
		buf_adds(w->out, "- ");
		if (item->kind == COMPOSE_MAP && item->map.count > 0) {
			put_map(w, item, depth + 1, true);
		} else if (is_container(item)) {
			buf_addc(w->out, '\n');
			put_list(w, item, depth + 1);
		} else {
			put_value(w, item, depth + 1);
			buf_addc(w->out, '\n');
		}
	}
}

static void put_value(struct writer *w, const struct compose_node *n, unsigned depth)
{
	if (n->kind == COMPOSE_MAP && n->map.count > 0)
		put_map(w, n, depth, false);
	else if (n->kind == COMPOSE_LIST && n->list.count > 0)
		put_list(w, n, depth);
	else if (n->kind == COMPOSE_MAP)
		buf_adds(w->out, "{}");
	else if (n->kind == COMPOSE_LIST)
		buf_adds(w->out, "[]");
	else
		put_scalar(w->out, n, depth, w->escape);
}

static void write_model(const struct compose_node *model, bool escape, struct buf *out)
{
	struct writer w = {.out = out, .escape = escape};

	if (!model)
		return;
	put_value(&w, model, 0);
	if (!is_container(model))
		buf_addc(out, '\n');
}

void compose_model_yaml(const struct compose_node *model, struct buf *out)
{
	write_model(model, true, out);
}

void compose_model_yaml_raw(const struct compose_node *model, struct buf *out)
{
	write_model(model, false, out);
}
