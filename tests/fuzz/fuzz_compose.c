/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer: compose files, from text to model, hash and the YAML of it, which must load again; and
 * the linter.  Seeds: tests/golden/compose-errors, compose-models and compose-lint.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/json.h"
#include "compose/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct compose_project *load(const void *text, size_t size, int *ret)
{
	static char tag[] = "TAG=1", cwd[] = "/nowhere", name[] = "p";
	char *environment[] = {tag, NULL}, path[32], *files[] = {path, NULL};
	struct compose_options options = {
		.files = files, .cwd = cwd, .project_name = name, .environment = environment};
	auto_fd int fd = memfd_create("compose", MFD_CLOEXEC);
	struct compose_project *p = NULL;
	struct error err = ERROR_INIT;

	assert(fd >= 0 && file_write_all(fd, text, size, &err) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret = compose_load(&options, &p, &err);
	assert(p && (*ret == 0) == (p->model != NULL));
	return p;
}

static void look(const struct compose_project *p)
{
	auto_buf struct buf text = BUF_INIT, yaml = BUF_INIT;
	auto_json json_t *model = NULL, *same = NULL;
	struct compose_project *again;
	char hash[65];
	int r;

	diag_render(p->diags, true, &text);
	if (!p->model)
		return;
	model = compose_model_json(p);
	compose_service_hash(model, hash);
	compose_model_yaml(p->model, &yaml);
	again = load(yaml.data ? yaml.data : "", yaml.len, &r);
	if (r == 0)
		same = compose_model_json(again);
	/* Dollar signs of keys are doubled, as the reference does, though they mean nothing there.
	 */
	if ((r < 0 || !json_equal(model, same)) && !strchr(yaml.data, '$')) {
		fprintf(stderr, "does not load to the same model:\n%s", yaml.data);
		abort();
	}
	compose_project_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *problems = NULL;
	struct compose_project *p;
	int r;

	p = load(data, size, &r);
	look(p);
	if (p->model)
		compose_lint(p);
	problems = diag_json(p->diags);
	assert(json_is_array(problems));
	compose_project_free(p);
	return 0;
}
