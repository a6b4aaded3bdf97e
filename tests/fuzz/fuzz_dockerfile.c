/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: Dockerfiles (parsed, every instruction worked out, problems rendered), and the same
 * bytes as a .dockerignore. */
#include "base/json.h"
#include "base/pattern.h"
#include "images/builder/builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void work_out(struct dockerfile *f)
{
	struct builder_stage *stages = xcalloc(f->stage_count + 1, sizeof(*stages));
	AUTO(map_free) struct map *args = map_new(NULL);
	struct builder b;

	map_set(args, "A", (void *)(uintptr_t) "a/b:c");
	builder_init(&b, f->arena, f, args, "linux/arm64/v8", "");
	for (size_t i = 0; i < f->stage_count; i++) {
		struct error err = ERROR_INIT;
		const char *image;
		size_t base;

		if (builder_base(&b, i, &base, &image, &err) < 0 || base == BUILDER_NO_STAGE)
			builder_stage_init(&stages[i], &b, i, NULL);
		else
			builder_stage_inherit(&stages[i], &b, i, &stages[base]);
		for (size_t k = 0; k < f->stages[i].count; k++) {
			struct builder_action a;

			err = ERROR_INIT;
			if (!f->stages[i].list[k]->broken &&
			    builder_dispatch(&stages[i], f->stages[i].list[k], &a, &err) == 0)
				builder_stage_commit(&stages[i], &a, NULL);
		}
	}
	for (size_t i = 0; i < f->stage_count; i++)
		builder_stage_release(&stages[i]);
	free(stages);
	builder_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(pattern_list_free) struct pattern_list *list = NULL;
	AUTO(strv_free) char **lines = NULL;
	auto_free char *text = xstrndup((const char *)data, size);
	auto_buf struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	struct dockerfile *f;

	if (size > 16384)
		return 0;
	f = dockerfile_parse(a, "Dockerfile", (const char *)data, size);
	work_out(f);
	json_decref(dockerfile_json(f));
	dockerfile_render(f, &out);
	lines = pattern_lines(text);
	if (pattern_list_new(lines, &list, &err) == 0)
		(void)pattern_list_match(list, "src/a/b.c");
	return 0;
}
