/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML to nodes, on libyaml's events.  Every node counts against one limit, copies that aliases
 * make included; an alias inside its own anchor is an error.  After a problem in one mapping
 * parsing goes on, so that all duplicate keys are reported; only libyaml's own errors end it.
 */
#include "compose/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/str.h"
#include "compose/syntax.h"

#define PAIRS_UNINDEXED 16 /* more keys than this are looked up in a map */

struct parser {
	struct arena *arena;
	struct diag_list *diags;
	const struct compose_source *source;
	yaml_parser_t yaml;
	struct map *anchors;	    /* name to node, of this document */
	struct compose_node *spare; /* of a key, which is only a text in the end */
	size_t nodes;
	bool limit;  /* reached and reported */
	bool broken; /* an alias or a merge stands for nothing */
};

/* What an anchor stands for until its node is complete. */
static struct compose_node unfinished;

static struct compose_node *parse_node(struct parser *p, yaml_event_t *ev, unsigned depth);

static struct compose_mark mark_of(const struct parser *p, const yaml_mark_t *m)
{
	return (struct compose_mark){p->source, (unsigned)m->line + 1, (unsigned)m->column + 1};
}

static void syntax_error(struct parser *p)
{
	struct syntax_problem problem = {
		.what = p->yaml.problem ? p->yaml.problem : "cannot be parsed",
		.context = p->yaml.context ? p->yaml.context : "",
		.mark = mark_of(p, &p->yaml.problem_mark),
		.context_mark = mark_of(p, &p->yaml.context_mark),
	};

	if (p->yaml.error == YAML_READER_ERROR)
		problem.mark = (struct compose_mark){p->source, 0, 0};
	syntax_report(p->diags, &problem);
}

static bool next(struct parser *p, yaml_event_t *ev)
{
	if (yaml_parser_parse(&p->yaml, ev))
		return true;
	syntax_error(p);
	memset(ev, 0, sizeof(*ev));
	return false;
}

static bool count_node(struct parser *p, struct compose_mark mark)
{
	if (++p->nodes <= YAML_NODES_MAX)
		return true;
	if (!p->limit)
		diag_add(p->diags, DIAG_ERROR, DIAG_LIMIT, mark, NULL,
			 "more than %d values, with aliases expanded", YAML_NODES_MAX);
	p->limit = true;
	return false;
}

/* ---- scalars */

static bool one_of(const char *text, const char *const *words, size_t count)
{
	while (count--)
		if (!strcmp(text, words[count]))
			return true;
	return false;
}
#define ONE_OF(text, ...)                                                                          \
	one_of(text, (const char *const[]){__VA_ARGS__},                                           \
	       ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* Go's ParseInt with base 0: prefixes 0x, 0o, 0b, 0. */
static bool resolve_int(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int base = 10;
	char *end;

	text += *text == '-' || *text == '+';
	if (text[0] == '0' && text[1]) {
		base = 8;
		text++;
		if (*text == 'x' || *text == 'X')
			base = 16;
		else if (*text == 'b' || *text == 'B')
			base = 2;
		text += base != 8 || *text == 'o' || *text == 'O';
	}
	if (!*text || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return false;
	errno = 0;
	*ret = strtoll(text, &end, base);
	if (errno || *end)
		return false;
	if (negative)
		*ret = -*ret;
	return true;
}

static bool resolve_float(const char *text, double *ret)
{
	size_t digits, i = strspn(text, "+-");
	char *end;

	if (ONE_OF(text + (i == 1), ".inf", ".Inf", ".INF")) {
		*ret = *text == '-' ? -__builtin_inf() : __builtin_inf();
		return true;
	}
	if (ONE_OF(text, ".nan", ".NaN", ".NAN")) {
		*ret = __builtin_nan("");
		return true;
	}
	digits = strspn(text + MIN(i, (size_t)1), "0123456789.");
	if (i > 1 || !digits || strspn(text, "0123456789.eE+-") != strlen(text) ||
	    (digits == 1 && text[i] == '.'))
		return false;
	*ret = strtod(text, &end);
	return !*end;
}

/* Numbers may have "_" between their digits. */
static const char *without_underscores(const char *text, char *room, size_t size)
{
	size_t len = 0;

	if (!strchr(text, '_') || strlen(text) >= size)
		return text;
	for (; *text; text++)
		if (*text != '_')
			room[len++] = *text;
	room[len] = '\0';
	return room;
}

void yaml_resolve(struct compose_node *n)
{
	const char *text = n->text;
	char room[64];

	n->kind = COMPOSE_STRING;
	if (ONE_OF(text, "", "~", "null", "Null", "NULL")) {
		n->kind = COMPOSE_NULL;
	} else if (ONE_OF(text, "true", "True", "TRUE", "false", "False", "FALSE")) {
		n->kind = COMPOSE_BOOL;
		n->boolean = text[0] == 't' || text[0] == 'T';
	} else if (strchr("0123456789+-.", text[0])) {
		text = without_underscores(text, room, sizeof(room));
		if (resolve_int(text, &n->integer))
			n->kind = COMPOSE_INT;
		else if (resolve_float(text, &n->real))
			n->kind = COMPOSE_FLOAT;
	}
}

/* Digits and decimal exponent of the shortest form: value = 0.DIGITS * 10^exponent. */
static int shortest(double value, bool single, char digits[24])
{
	char text[40];
	int precision, exponent;
	size_t len = 0, i;
	char *e;

	for (precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, value);
		if (single ? !((float)value < strtof(text, NULL)) &&
				     !((float)value > strtof(text, NULL))
			   : !(value < strtod(text, NULL)) && !(value > strtod(text, NULL)))
			break;
	}
	e = strchr(text, 'e');
	exponent = (int)strtod(e + 1, NULL);
	for (i = 0; text + i < e; i++)
		if (text[i] >= '0' && text[i] <= '9')
			digits[len++] = text[i];
	digits[len] = '\0';
	return exponent + 1;
}

void yaml_float_text(double value, bool single, char ret[40])
{
	char digits[24], *at = ret; /* at most 17 digits */
	int point, len, i;

	if (single)
		value = (double)(float)value;
	if (__builtin_isnan(value) || __builtin_isinf(value)) {
		str_copy(ret, 40, __builtin_isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (value < 0)
		*at++ = '-';
	point = shortest(value < 0 ? -value : value, single, digits);
	len = (int)strlen(digits);
	if (point - 1 < -4 || point - 1 >= 21) {
		snprintf(at, 39, "%c%s%se%c%02d", digits[0], len > 1 ? "." : "", digits + 1,
			 point - 1 < 0 ? '-' : '+', abs(point - 1));
		return;
	}
	if (point <= 0)
		at += snprintf(at, 8, "0.");
	for (i = point; i < 0; i++)
		*at++ = '0';
	for (i = 0; i < MAX(len, point); i++) {
		if (i == point && i)
			*at++ = '.';
		*at++ = i < len ? digits[i] : '0';
	}
	*at = '\0';
}

const char *yaml_scalar_text(struct arena *a, const struct compose_node *n)
{
	char text[40];

	switch (n->kind) {
	case COMPOSE_BOOL:
		return n->boolean ? "true" : "false";
	case COMPOSE_INT:
		return arena_printf(a, "%lld", (long long)n->integer);
	case COMPOSE_FLOAT:
		yaml_float_text(n->real, false, text);
		return arena_strdup(a, text);
	case COMPOSE_STRING:
		return n->text;
	case COMPOSE_NULL:
	case COMPOSE_LIST:
	case COMPOSE_MAP:
		break;
	}
	return "";
}

#define CORE_TAG "tag:yaml.org,2002:"

static void set_tag(struct compose_node *n, const yaml_char_t *tag)
{
	const char *name = (const char *)tag, *core = name ? str_skip(name, CORE_TAG) : NULL;

	if (!name)
		return;
	if (!strcmp(name, "!reset"))
		n->tag = COMPOSE_TAG_RESET;
	else if (!strcmp(name, "!override"))
		n->tag = COMPOSE_TAG_OVERRIDE;
	else if (!core || !strcmp(core, "str") || !strcmp(core, "binary"))
		n->quoted = true;
}

static struct compose_node *parse_scalar(struct parser *p, const yaml_event_t *ev)
{
	struct compose_node *n = p->spare ? p->spare : arena_alloc(p->arena, sizeof(*n));

	p->spare = NULL;
	*n = (struct compose_node){.kind = COMPOSE_STRING, .mark = mark_of(p, &ev->start_mark)};
	n->text = arena_strndup(p->arena, (const char *)ev->data.scalar.value,
				ev->data.scalar.length);
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	set_tag(n, ev->data.scalar.tag);
	if (!n->quoted)
		yaml_resolve(n);
	return n;
}

/* ---- mappings */

struct mapping {
	struct compose_node *node;
	struct map *index;	    /* keys, when there are many */
	struct compose_node *merge; /* value of "<<" */
	struct compose_mark merge_mark;
};

static bool mapping_has(struct mapping *m, const char *key, struct compose_mark *ret_first)
{
	const struct compose_pair *pair = NULL;
	size_t i;

	if (m->index) {
		uintptr_t at = (uintptr_t)map_get(m->index, key);

		pair = at ? &m->node->map.pairs[at - 1] : NULL;
	} else {
		for (i = 0; i < m->node->map.count && !pair; i++)
			if (!strcmp(m->node->map.pairs[i].key, key))
				pair = &m->node->map.pairs[i];
	}
	if (pair)
		*ret_first = pair->key_mark;
	return pair;
}

/* The pairs are on the heap until the mapping is complete. */
static void mapping_add(struct mapping *m, const char *key, struct compose_mark mark,
			struct compose_node *value)
{
	struct compose_node *n = m->node;
	size_t i;

	if (n->map.count == n->map.room) {
		n->map.room = MAX(n->map.room * 2, 8u);
		n->map.pairs = xreallocarray(n->map.pairs, n->map.room, sizeof(*n->map.pairs));
	}
	n->map.pairs[n->map.count++] = (struct compose_pair){key, mark, value};
	if (m->index) {
		map_set(m->index, key, (void *)(uintptr_t)n->map.count);
	} else if (n->map.count > PAIRS_UNINDEXED) {
		m->index = map_new(NULL);
		for (i = 0; i < n->map.count; i++)
			map_set(m->index, n->map.pairs[i].key, (void *)(uintptr_t)(i + 1));
	}
}

static void merge_map(struct parser *p, struct mapping *m, const struct compose_node *from)
{
	struct compose_mark first;
	size_t i;

	if (from->kind == COMPOSE_NULL && p->broken)
		return; /* an alias that was reported */
	if (from->kind != COMPOSE_MAP) {
		p->broken = true;
		diag_add(p->diags, DIAG_ERROR, DIAG_SYNTAX, from->mark, NULL,
			 "\"<<\" merges a mapping or a list of mappings");
		return;
	}
	for (i = 0; i < from->map.count; i++) {
		const struct compose_pair *pair = &from->map.pairs[i];

		/* As in the reference, a !reset does not travel: it means the place where it
		 * stands. */
		if (pair->value->tag != COMPOSE_TAG_RESET && !mapping_has(m, pair->key, &first))
			mapping_add(m, pair->key, pair->key_mark, pair->value);
	}
}

static void merge_all(struct parser *p, struct mapping *m)
{
	size_t i;

	if (!m->merge)
		return;
	if (m->merge->kind != COMPOSE_LIST) {
		merge_map(p, m, m->merge);
		return;
	}
	for (i = 0; i < m->merge->list.count; i++)
		merge_map(p, m, m->merge->list.items[i]);
}

static void duplicate_key(struct parser *p, const struct compose_node *key,
			  struct compose_mark first, const char *hint)
{
	diag_add(p->diags, DIAG_ERROR, DIAG_DUPLICATE_KEY, key->mark, NULL,
		 "key \"%s\" is already defined at line %u", key->text, first.line);
	diag_hint(p->diags, "%s", hint);
	diag_note(p->diags, first, "first defined here");
}

/* Reads the value of one key.  False at errors that end parsing. */
static bool parse_pair(struct parser *p, struct mapping *m, const struct compose_node *key,
		       unsigned depth)
{
	struct compose_node *value;
	struct compose_mark first;
	yaml_event_t ev;

	if (!next(p, &ev))
		return false;
	value = parse_node(p, &ev, depth + 1);
	yaml_event_delete(&ev);
	if (!value)
		return false;
	if (key->kind == COMPOSE_LIST || key->kind == COMPOSE_MAP)
		diag_add(p->diags, DIAG_ERROR, DIAG_TYPE, key->mark, NULL,
			 "a key must be a string");
	else if (key->kind != COMPOSE_STRING)
		diag_add(p->diags, DIAG_ERROR, DIAG_TYPE, key->mark, NULL,
			 "a key must be a string: write \"%s\" in quotes", key->text);
	else if (!strcmp(key->text, "<<") && !key->quoted && !m->merge) {
		m->merge = value;
		m->merge_mark = key->mark;
	} else if (!strcmp(key->text, "<<") && !key->quoted)
		duplicate_key(p, key, m->merge_mark, "give it a list");
	else if (mapping_has(m, key->text, &first))
		duplicate_key(p, key, first, "remove one of them");
	else
		mapping_add(m, key->text, key->mark, value);
	return true;
}

/* Moves the pairs into the arena, as many as there are. */
static struct compose_node *mapping_end(struct parser *p, struct mapping *m)
{
	struct compose_node *n = m->node;
	struct compose_pair *pairs = n->map.pairs;

	n->map.pairs = NULL;
	n->map.room = 0;
	node_reserve(p->arena, n, n->map.count);
	if (n->map.count)
		memcpy(n->map.pairs, pairs, n->map.count * sizeof(*pairs));
	free(pairs);
	map_free(m->index);
	node_index(p->arena, n);
	return n;
}

static struct compose_node *parse_mapping(struct parser *p, const yaml_event_t *start,
					  unsigned depth)
{
	struct mapping m = {
		.node = node_new(p->arena, COMPOSE_MAP, mark_of(p, &start->start_mark))};
	bool going = true, plain;

	set_tag(m.node, start->data.mapping_start.tag);
	while (going) {
		struct compose_node *key;
		yaml_event_t ev;

		going = next(p, &ev);
		if (going && ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			merge_all(p, &m);
			return mapping_end(p, &m);
		}
		key = going ? parse_node(p, &ev, depth + 1) : NULL;
		plain = going && ev.type == YAML_SCALAR_EVENT && !ev.data.scalar.anchor;
		yaml_event_delete(&ev);
		going = key && parse_pair(p, &m, key, depth);
		if (going && plain)
			p->spare = key;
	}
	(void)mapping_end(p, &m);
	return NULL;
}

/* ---- lists, aliases */

/* Moves the items into the arena. */
static void list_end(struct parser *p, struct compose_node *n)
{
	struct compose_node **items = n->list.items;

	n->list.items = NULL;
	n->list.room = 0;
	node_reserve(p->arena, n, n->list.count);
	if (n->list.count)
		memcpy(n->list.items, items, n->list.count * sizeof(*items));
	free(items);
}

static void list_add(struct compose_node *n, struct compose_node *item)
{
	if (n->list.count == n->list.room) {
		n->list.room = MAX(n->list.room * 2, 8u);
		n->list.items = xreallocarray(n->list.items, n->list.room, sizeof(*n->list.items));
	}
	n->list.items[n->list.count++] = item;
}

static struct compose_node *parse_list(struct parser *p, const yaml_event_t *start, unsigned depth)
{
	struct compose_node *n = node_new(p->arena, COMPOSE_LIST, mark_of(p, &start->start_mark));
	bool end = false, good = true;

	set_tag(n, start->data.sequence_start.tag);
	while (good && !end) {
		struct compose_node *item;
		yaml_event_t ev;

		good = next(p, &ev);
		if (!good)
			break;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		item = end ? NULL : parse_node(p, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (item)
			list_add(n, item);
		good = end || item;
	}
	list_end(p, n);
	return good ? n : NULL;
}

static size_t count_nodes(const struct compose_node *n, size_t limit)
{
	size_t i, count = 1;

	if (n->kind == COMPOSE_LIST)
		for (i = 0; i < n->list.count && count <= limit; i++)
			count += count_nodes(n->list.items[i], limit);
	else if (n->kind == COMPOSE_MAP)
		for (i = 0; i < n->map.count && count <= limit; i++)
			count += count_nodes(n->map.pairs[i].value, limit);
	return count;
}

static struct compose_node *parse_alias(struct parser *p, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct compose_node *n = map_get(p->anchors, name);
	struct compose_mark mark = mark_of(p, &ev->start_mark);

	if (!n || n == &unfinished) {
		diag_add(p->diags, DIAG_ERROR, DIAG_SYNTAX, mark, NULL,
			 n ? "anchor \"%s\" contains itself" : "unknown anchor \"%s\"", name);
		p->broken = true;
		return node_new(p->arena, COMPOSE_NULL, mark);
	}
	p->nodes += count_nodes(n, YAML_NODES_MAX);
	if (!count_node(p, mark))
		return NULL;
	return node_copy(p->arena, n);
}

static const char *anchor_of(const yaml_event_t *ev)
{
	if (ev->type == YAML_SCALAR_EVENT)
		return (const char *)ev->data.scalar.anchor;
	if (ev->type == YAML_MAPPING_START_EVENT)
		return (const char *)ev->data.mapping_start.anchor;
	return (const char *)ev->data.sequence_start.anchor;
}

static struct compose_node *parse_node(struct parser *p, yaml_event_t *ev, unsigned depth)
{
	struct compose_mark mark = mark_of(p, &ev->start_mark);
	struct compose_node *n = NULL;
	const char *anchor;

	if (depth > YAML_DEPTH_MAX) {
		diag_add(p->diags, DIAG_ERROR, DIAG_LIMIT, mark, NULL,
			 "more than %d levels of nesting", YAML_DEPTH_MAX);
		return NULL;
	}
	if (!count_node(p, mark))
		return NULL;
	if (ev->type == YAML_ALIAS_EVENT)
		return parse_alias(p, ev);
	anchor = anchor_of(ev);
	if (anchor)
		map_set(p->anchors, anchor, &unfinished);
	if (ev->type == YAML_SCALAR_EVENT)
		n = parse_scalar(p, ev);
	else if (ev->type == YAML_MAPPING_START_EVENT)
		n = parse_mapping(p, ev, depth);
	else if (ev->type == YAML_SEQUENCE_START_EVENT)
		n = parse_list(p, ev, depth);
	if (anchor && n)
		map_set(p->anchors, anchor, n);
	return n;
}

/* ---- the text */

static size_t utf8_length(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char mask, lead;
		unsigned least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	size_t i, k;

	for (i = 0; i < ARRAY_LEN(forms); i++) {
		unsigned value = s[0] & (unsigned char)~forms[i].mask;

		if ((s[0] & forms[i].mask) != forms[i].lead || len <= i)
			continue;
		for (k = 1; k <= i; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (s[k] & 0x3f);
		}
		if (value < forms[i].least || value > 0x10ffff || (value & ~0x7ffu) == 0xd800)
			return 0;
		return i + 1;
	}
	return 0;
}

/* Reports the first byte that cannot be in a text. */
static bool check_text(struct parser *p)
{
	const unsigned char *s = (const unsigned char *)p->source->text;
	struct compose_mark mark = {p->source, 1, 1};
	size_t i, step;

	for (i = 0; i < p->source->len; i += step) {
		step = utf8_length(s + i, p->source->len - i);
		if (!step || !s[i]) {
			diag_add(p->diags, DIAG_ERROR, DIAG_SYNTAX, mark, NULL,
				 step ? "a NUL byte is not allowed" : "the text is not UTF-8");
			return false;
		}
		mark.column = s[i] == '\n' ? 1 : mark.column + 1;
		mark.line += s[i] == '\n';
	}
	return true;
}

static bool parse_documents(struct parser *p, struct compose_node *documents)
{
	struct compose_node *root;
	yaml_event_t ev;

	for (;;) {
		if (!next(p, &ev))
			return false;
		if (ev.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&ev);
			return true;
		}
		root = documents;
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			map_free(p->anchors);
			p->anchors = map_new(NULL);
		} else if (ev.type != YAML_STREAM_START_EVENT &&
			   ev.type != YAML_DOCUMENT_END_EVENT) {
			root = parse_node(p, &ev, 1);
			if (root)
				node_append(p->arena, documents, root);
		}
		yaml_event_delete(&ev);
		if (!root)
			return false;
	}
}

bool yaml_parse(struct arena *a, struct diag_list *diags, const struct compose_source *source,
		struct compose_node **ret)
{
	struct parser p = {.arena = a, .diags = diags, .source = source};
	struct compose_mark mark = {source, 1, 1};
	bool good;

	*ret = node_new(a, COMPOSE_LIST, mark);
	if (!check_text(&p) || !yaml_parser_initialize(&p.yaml))
		return false;
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)source->text, source->len);
	good = parse_documents(&p, *ret);
	yaml_parser_delete(&p.yaml);
	map_free(p.anchors);
	return good && !p.broken;
}
