/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan needs to know of a service without translating it. */
#include "base/json.h"
#include "engine/translate.h"

char *translate_image(const char *project, const char *service, const json_t *definition)
{
	const char *image = json_get_str(definition, "image");

	return image ? xstrdup(image) : xasprintf("%s-%s", project, service);
}

int64_t translate_replicas(const json_t *definition)
{
	int64_t scale = json_get_int(definition, "scale", -1);
	const json_t *deploy = json_get_obj(definition, "deploy");

	return scale >= 0 ? scale : MAX(json_get_int(deploy, "replicas", 1), 0);
}
