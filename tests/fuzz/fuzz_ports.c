/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: published ports in short syntax.  What is accepted is in range, and written out entry
 * by entry it means the same. */
#include <stdlib.h>

#include "tests/fuzz/fuzz_short.h"

#define LOOKED_AT 16 /* entries of a range */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(struct short_case *s, const struct compose_node *entry)
{
	const char *ip = short_text(entry, "host_ip"), *published = short_text(entry, "published"),
		   *protocol = short_text(entry, "protocol");
	const struct compose_node *target = node_get(entry, "target"), *same;

	assert(target && target->kind == COMPOSE_INT);
	assert(target->integer >= 1 && target->integer <= UINT16_MAX);
	assert(protocol && strlen(protocol) >= 3);
	same = short_expand(s, expand_ports,
			    arena_printf(s->c.arena, "%s%s%s%s%s%u/%s", ip ? "[" : "", ip ? ip : "",
					 ip ? "]:" : "", published ? published : "",
					 ip || published ? ":" : "", (unsigned)target->integer,
					 protocol));
	assert(same && same->list.count == 1);
	assert(node_equal(same->list.items[0], entry));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct short_case s;
	struct compose_node *list;
	size_t i;

	short_init(&s);
	list = short_expand(&s, expand_ports, arena_strndup(s.c.arena, (const char *)data, size));
	assert(!list || list->list.count);
	for (i = 0; list && i < MIN(list->list.count, (size_t)LOOKED_AT); i++)
		again(&s, list->list.items[i]);
	short_release(&s);
	return 0;
}
