/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: volumes and devices in short syntax.  What is accepted has its parts, and the long
 * syntax of it is left as it is. */
#include "tests/fuzz/fuzz_short.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct compose_node *again(struct short_case *s, compose_expand_fn *expand,
				  const struct compose_node *entry)
{
	struct compose_node *list = node_new(s->c.arena, COMPOSE_LIST, entry->mark);
	size_t errors = diag_errors(s->c.diags);

	node_append(s->c.arena, list, node_copy(s->c.arena, entry));
	list = expand(&s->c, NULL, list);
	assert(list && list->list.count == 1 && diag_errors(s->c.diags) == errors);
	return list->list.items[0];
}

static void volume(struct short_case *s, const char *text)
{
	struct compose_node *list = short_expand(s, expand_volumes, text), *entry;
	const char *type, *source;

	if (!list)
		return;
	assert(list->list.count == 1);
	entry = list->list.items[0];
	type = short_text(entry, "type");
	source = short_text(entry, "source");
	assert(type && short_text(entry, "target"));
	if (!strcmp(type, "bind"))
		assert(source && (source[0] == '/' || source[0] == '\\' || source[1] == ':'));
	else
		assert(!strcmp(type, "volume") && (!source || source[0] != '/'));
	assert(node_equal(again(s, expand_volumes, entry), entry));
}

static void device(struct short_case *s, const char *text)
{
	struct compose_node *list = short_expand(s, expand_devices, text), *entry;

	if (!list)
		return;
	assert(list->list.count == 1);
	entry = list->list.items[0];
	assert(short_text(entry, "source") && short_text(entry, "target"));
	assert(node_equal(again(s, expand_devices, entry), entry));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct short_case s;
	const char *text;

	short_init(&s);
	text = arena_strndup(s.c.arena, (const char *)data, size);
	volume(&s, text);
	device(&s, text);
	short_release(&s);
	return 0;
}
