/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/api/docker.h"

void docker_stats(struct api_request *r)
{
	docker_fail(r, 501, "%s is not supported", api_path(r));
}
