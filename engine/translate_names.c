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

char *translate_ignored(const json_t *definition)
{
	static const char *const keys[] = {
		"blkio_config",	  "cpu_count",	     "cpu_percent",    "cpu_rt_period",
		"cpu_rt_runtime", "credential_spec", "external_links", "isolation",
		"mem_swappiness", "models",	     "pre_start",      "runtime",
		"storage_opt",	  "use_api_socket",  "userns_mode",
	};
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(definition, keys[i]))
			buf_addf(&b, "%s%s", b.len ? ", " : "", keys[i]);
	return b.len ? buf_steal(&b) : NULL;
}
