/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the targets of the short syntaxes share: a list of one text, expanded as in a file. */
#ifndef TESTS_FUZZ_FUZZ_SHORT_H
#define TESTS_FUZZ_FUZZ_SHORT_H

#include <assert.h>
#include <string.h>

#include "base/map.h"
#include "compose/schema.h"

struct short_case {
	struct compose_options options;
	struct map *env;
	struct compose_ctx c;
};

static inline void short_init(struct short_case *s)
{
	*s = (struct short_case){.c = {.arena = arena_new(), .options = &s->options, .dir = "/d"}};
	s->c.diags = diag_list_new(s->c.arena);
	s->env = map_new(NULL);
	s->c.env = s->env;
}

static inline void short_release(struct short_case *s)
{
	map_free(s->env);
	arena_free(s->c.arena);
}

/* The entries of "- TEXT", NULL when something is wrong with it, which is said then. */
static inline struct compose_node *short_expand(struct short_case *s, compose_expand_fn *expand,
						const char *text)
{
	struct compose_mark nowhere = {NULL, 0, 0};
	struct compose_node *list = node_new(s->c.arena, COMPOSE_LIST, nowhere);
	auto_buf struct buf said = BUF_INIT;
	size_t before = diag_errors(s->c.diags);

	node_append(s->c.arena, list, node_string(s->c.arena, text, nowhere));
	list = expand(&s->c, NULL, list);
	assert(list);
	if (diag_errors(s->c.diags) == before)
		return list;
	diag_render(s->c.diags, false, &said);
	assert(said.len);
	return NULL;
}

static inline const char *short_text(const struct compose_node *entry, const char *key)
{
	const struct compose_node *n = node_get(entry, key);

	return n ? n->text : NULL;
}

#endif
