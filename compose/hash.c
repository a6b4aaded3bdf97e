/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fingerprint of a service: equal as long as its containers would be equal.  Keys that only
 * say how the image comes about, how many containers there are or what comes first are left out.
 * Members are sorted, so that the order in the file does not count.
 */
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "compose/compose.h"

/* deploy without replicas, or NULL when nothing is left of it. */
static json_t *without_replicas(const json_t *deploy)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)deploy), *value;
	const char *key;
	bool empty = true;

	json_object_del(copy, "replicas");
	json_object_foreach (copy, key, value)
		empty = empty && json_is_object(value) && json_object_size(value) == 0;
	if (!empty)
		return copy;
	json_decref(copy);
	return NULL;
}

void compose_service_hash(const json_t *service, char ret[65])
{
	static const char *const ignored[] = {"build",	    "pull_policy", "scale",
					      "depends_on", "profiles",	   "deploy"};
	auto_json json_t *copy = json_copy((json_t *)(uintptr_t)service);
	const json_t *deploy = json_get_obj(service, "deploy");
	auto_free char *text = NULL;
	json_t *rest = deploy ? without_replicas(deploy) : NULL;
	size_t i;

	for (i = 0; i < ARRAY_LEN(ignored); i++)
		json_object_del(copy, ignored[i]);
	if (rest)
		json_set_new(copy, "deploy", rest);
	text = json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT);
	digest_of(text ? text : "", text ? strlen(text) : 0, ret);
}
