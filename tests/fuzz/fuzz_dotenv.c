/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: env files, plain and raw, and with them the grammar of variable references. */
#include <assert.h>

#include "compose/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *arg, const char *name)
{
	(void)arg;
	return name[0] == 'A' ? "a" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct compose_mark nowhere = {NULL, 0, 0};
	struct dotenv d = {.arena = a,
			   .diags = diag_list_new(a),
			   .lookup = lookup,
			   .raw = size && data[0] == '#'};
	struct compose_source source = {"/e", "e", "/", arena_strndup(a, (const char *)data, size),
					size};
	struct compose_node *out = node_new(a, COMPOSE_MAP, nowhere);
	auto_buf struct buf text = BUF_INIT;
	bool good = dotenv_parse(&d, &source, out);

	assert(good == !diag_errors(d.diags));
	diag_render(d.diags, false, &text);
	return 0;
}
