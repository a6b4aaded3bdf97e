/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of keys.c in words: see reference.h. */
#include "compose/reference.h"

#include <string.h>

#include "compose/schema.h"

#define SECTIONS_MAX  256
#define EXPLAIN_WIDTH 79
#define NAME_WIDTH    20

/* ---- words */

/* " or nothing" where an empty value has a meaning of its own. */
static void add_nothing(struct buf *out, const struct compose_type *type)
{
	if (type->shapes & SHAPE_NULL)
		buf_adds(out, ", or nothing");
}

static void add_shapes(struct buf *out, const struct compose_type *type)
{
	auto_buf struct buf words = BUF_INIT;

	shape_words(&words, type->shapes);
	buf_adds(out, words.data ? words.data : "anything");
}

static void add_words(struct buf *out, const char *values)
{
	const char *at, *end;

	for (at = values; at; at = *end ? end + 1 : NULL) {
		end = at + strcspn(at, "|");
		buf_adds(out, at == values ? "" : *end ? ", " : " or ");
		buf_add(out, at, (size_t)(end - at));
	}
}

void reference_value(struct buf *out, const struct compose_key *key)
{
	const struct compose_type *type = key->type, *part = type->item ? type->item : type->value;

	if (key->values)
		add_words(out, key->values);
	else if (type->wanted)
		buf_adds(out, type->wanted);
	else if (type->shapes == SHAPE_LIST && part)
		buf_adds(out, part->keys ? "a list of mappings" : "a list of strings");
	else if ((type->shapes | SHAPE_NULL) == (SHAPE_MAP | SHAPE_NULL) && type->value)
		buf_adds(out, part->keys ? "a mapping of names to mappings"
					 : "a mapping of names to values");
	else
		add_shapes(out, type);
	add_nothing(out, type);
}

static const char *merge_list(const struct compose_type *list)
{
	static const struct {
		const char *(*index)(struct arena *a, const struct compose_node *item);
		const char *words;
	} kinds[] = {
		{index_text, "appended, equal items once"},
		{index_assignment, "appended, equal items once"},
		{index_target, "joined, by target"},
		{index_path, "joined, by path"},
		{index_port, "joined, by host_ip, published, target and protocol"},
		{index_subnet, "joined and merged, by subnet"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (list->item && list->item->index == kinds[i].index)
			return kinds[i].words;
	return list->flags & TYPE_UNIQUE ? "appended, equal items are an error" : "appended";
}

/* What is resolved in the file where it stands, before files are merged. */
static bool of_one_file(const struct compose_type *type)
{
	return type->expand == expand_extends || type->expand == expand_include ||
	       (type->item && type->item->expand == expand_include);
}

const char *reference_merge(const struct compose_type *in, const struct compose_key *key)
{
	const struct compose_type *type = key->type;

	if (of_one_file(type) || of_one_file(in))
		return "each file has its own";
	if (key->flags & KEY_REPLACE)
		return "replaced";
	if (type->merge == merge_logging)
		return "merged key by key, replaced if the drivers differ";
	if (type->keys || type->value)
		return "merged key by key";
	return type->item ? merge_list(type) : "replaced";
}

const char *reference_remark(const struct compose_key *key, bool ignored)
{
	unsigned flags = key ? key->flags : 0;

	if (flags & KEY_REFUSED)
		return "cmp refuses it";
	if (ignored || flags & KEY_IGNORED)
		return "cmp ignores it";
	if (flags & KEY_OBSOLETE)
		return "obsolete";
	return flags & KEY_REQUIRED ? "required" : NULL;
}

/* ---- sections */

struct gathering {
	struct arena *arena;
	struct reference_section *all[SECTIONS_MAX]; /* breadth first while they are gathered */
	size_t count;
};

static int compare_keys(const void *x, const void *y)
{
	return strcmp((*(const struct compose_key *const *)x)->name,
		      (*(const struct compose_key *const *)y)->name);
}

static const struct compose_key *const *sorted_keys(struct arena *a,
						    const struct compose_type *type)
{
	const struct compose_key **keys;
	size_t i, count = 0;

	while (type->keys[count].name)
		count++;
	keys = arena_alloc(a, (count + 1) * sizeof(const struct compose_key *));
	for (i = 0; i < count; i++)
		keys[i] = &type->keys[i];
	qsort(keys, count, sizeof(const struct compose_key *), compare_keys);
	return keys;
}

static void gather(struct gathering *g, const char *path, const struct compose_type *type,
		   const struct compose_key *key, bool ignored)
{
	struct reference_section *s = arena_alloc(g->arena, sizeof(*s));
	size_t i;

	if (g->count == SECTIONS_MAX)
		return;
	*s = (struct reference_section){.path = path,
					.type = type,
					.key = key,
					.sorted = sorted_keys(g->arena, type),
					.ignored = ignored || (key && key->flags & KEY_IGNORED)};
	/* The place that has an effect is the one to describe. */
	for (i = 0; i < g->count && !s->same; i++)
		if (g->all[i]->type->keys == type->keys && !g->all[i]->same) {
			if (g->all[i]->ignored && !s->ignored)
				g->all[i]->same = s;
			else
				s->same = g->all[i];
		}
	g->all[g->count++] = s;
}

/* The mapping with keys that a type comes down to, or NULL; its place is added to the path. */
static const struct compose_type *inner(const struct compose_type *type, struct buf *path)
{
	while (type && !type->keys) {
		if (path)
			buf_adds(path, type->item ? "[]" : type->value ? ".NAME" : "");
		type = type->item ? type->item : type->value;
	}
	return type;
}

static void gather_parts(struct gathering *g, const struct reference_section *s)
{
	const struct compose_key *key;

	for (key = s->type->keys; key->name; key++) {
		auto_buf struct buf path = BUF_INIT;
		const struct compose_type *type;

		buf_addf(&path, "%s%s%s", s->path, *s->path ? "." : "", key->name);
		type = inner(key->type, &path);
		if (type)
			gather(g, arena_strdup(g->arena, path.data), type, key, s->ignored);
	}
}

/* Where the first word of a path stands in the table of the file. */
static size_t rank(const char *path)
{
	size_t i, len = strcspn(path, ".[");

	for (i = 0; len && type_file.keys[i].name; i++)
		if (strlen(type_file.keys[i].name) == len &&
		    !strncmp(type_file.keys[i].name, path, len))
			return i + 1;
	return 0;
}

static int compare_sections(const void *x, const void *y)
{
	const char *a = (*(struct reference_section *const *)x)->path,
		   *b = (*(struct reference_section *const *)y)->path;
	size_t i = rank(a), k = rank(b);

	return i != k ? (i > k) - (i < k) : strcmp(a, b);
}

const struct reference_section *const *reference_sections(struct arena *a, size_t *ret_count)
{
	struct gathering *g = arena_alloc(a, sizeof(*g));
	size_t i;

	g->arena = a;
	gather(g, "", &type_file, NULL, false);
	for (i = 0; i < g->count; i++)
		if (!g->all[i]->same)
			gather_parts(g, g->all[i]);
	qsort(g->all, g->count, sizeof(g->all[0]), compare_sections);
	*ret_count = g->count;
	return (const struct reference_section *const *)g->all;
}

const struct reference_section *reference_part(const struct reference_section *const *all,
					       size_t count,
					       const struct reference_section *section,
					       const struct compose_key *key)
{
	size_t i, len = strlen(section->path);

	for (i = 0; i < count; i++)
		if (all[i]->key == key && !strncmp(all[i]->path, section->path, len))
			return all[i];
	return NULL;
}

/* ---- one entry */

/* Where a search has come to; what failed deepest is what the hint is about. */
struct search {
	struct buf path;
	const struct compose_key *key;
	const struct compose_type *in, *type; /* what the key is a key of; what it leads to */
	bool ignored;
	const char *input;
	char *near; /* owned */
	size_t deepest;
};

static bool search(struct search *s, const struct compose_type *type, const char *rest);

/* `word`, in the input, is no key of the type: what it may have been meant to be. */
static void note_near(struct search *s, const struct compose_type *type, const char *word,
		      size_t len)
{
	const char *names[128], *near;
	auto_free char *text = xstrndup(word, len);
	size_t count = 0, depth = (size_t)(word - s->input);

	for (; type->keys[count].name && count < ARRAY_LEN(names); count++)
		names[count] = type->keys[count].name;
	near = str_nearest(text, names, count);
	if (!near || (s->near && depth <= s->deepest))
		return;
	s->deepest = depth;
	free(s->near);
	s->near = xasprintf("%.*s%s%s", (int)depth, s->input, near, word + len);
}

static void cut(struct search *s, size_t len)
{
	s->path.len = len;
	if (s->path.data)
		s->path.data[len] = '\0';
}

static bool search_key(struct search *s, const struct compose_type *type, const char *rest)
{
	size_t len = strcspn(rest, ".["), before = s->path.len;
	auto_free char *word = xstrndup(rest, len);
	const struct compose_key *key = schema_key(type, word);
	struct search outer = *s;

	if (!key) {
		note_near(s, type, rest, len);
		return false;
	}
	buf_addf(&s->path, "%s%s", before ? "." : "", key->name);
	s->ignored |= key->flags & KEY_IGNORED;
	s->key = key;
	s->in = type;
	if (search(s, key->type, rest + len))
		return true;
	cut(s, before);
	s->ignored = outer.ignored;
	s->key = outer.key;
	s->in = outer.in;
	return false;
}

/* Below a mapping of names the name may be left out. */
static bool search_name(struct search *s, const struct compose_type *type, const char *rest)
{
	size_t before = s->path.len;

	buf_adds(&s->path, ".NAME");
	if (type->value->keys && search_key(s, type->value, rest))
		return true;
	if (search(s, type->value, rest + strcspn(rest, ".[")))
		return true;
	cut(s, before);
	return false;
}

static bool search(struct search *s, const struct compose_type *type, const char *rest)
{
	size_t before = s->path.len;

	rest += *rest == '.';
	if (*rest == '[' && !type->item)
		return false;
	if (*rest == '[')
		rest += strcspn(rest, ".");
	else if (!*rest) {
		s->type = type;
		return true;
	}
	rest += *rest == '.';
	if (type->keys)
		return search_key(s, type, rest);
	if (type->item) {
		buf_adds(&s->path, "[]");
		if (search(s, type->item, rest))
			return true;
		cut(s, before);
		return false;
	}
	return type->value && search_name(s, type, rest);
}

static void explain_keys(struct buf *out, const struct compose_type *type, bool ignored)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct compose_key *const *key = sorted_keys(a, type);

	buf_adds(out, "\n  keys:\n");
	for (; *key; key++) {
		const char *stop = strstr((*key)->help, ". ");
		const char *remark = ignored ? NULL : reference_remark(*key, false);
		size_t len = stop ? (size_t)(stop - (*key)->help + 1) : strlen((*key)->help);
		auto_free char *first =
			xasprintf("%.*s%s%s%s", (int)len, (*key)->help, remark ? " (" : "",
				  remark ? remark : "", remark ? ")" : "");

		buf_addf(out, "    %-*s ", NAME_WIDTH, (*key)->name);
		buf_wrap(out, first, NAME_WIDTH + 5, EXPLAIN_WIDTH);
		buf_addc(out, '\n');
	}
}

static void explain(struct buf *out, const struct search *s)
{
	const char *remark = reference_remark(s->key, s->ignored);
	const struct compose_type *keys = inner(s->type, NULL);

	buf_addf(out, "%s%s%s%s\n\n  ", s->path.data, remark ? " (" : "", remark ? remark : "",
		 remark ? ")" : "");
	buf_wrap(out, s->key->help, 2, EXPLAIN_WIDTH);
	buf_adds(out, "\n\n  value:    ");
	if (s->type == s->key->type)
		reference_value(out, s->key);
	else
		add_shapes(out, s->type);
	if (s->type == s->key->type)
		buf_addf(out, "\n  override: %s", reference_merge(s->in, s->key));
	buf_addc(out, '\n');
	if (keys)
		explain_keys(out, keys, s->ignored);
}

bool reference_explain(const char *path, struct buf *out, char **ret_near)
{
	struct search s = {.path = BUF_INIT, .input = path};
	bool found = search(&s, &type_file, path);

	if (!found) {
		buf_adds(&s.path, "services.NAME");
		found = search(&s, &type_service, path);
	}
	found = found && s.key;
	if (found)
		explain(out, &s);
	buf_release(&s.path);
	*ret_near = found ? NULL : s.near;
	if (found)
		free(s.near);
	return found;
}
