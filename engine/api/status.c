/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table from error codes to HTTP statuses. */
#include <errno.h>

#include "engine/api/api.h"

static const struct {
	int code, status;
} statuses[] = {
	{EINVAL, 400},	   {ERANGE, 400}, {ELOOP, 400},	     {EMSGSIZE, 413}, {EBADMSG, 400},
	{EACCES, 403},	   {EPERM, 403},  {ENOENT, 404},     {EEXIST, 409},   {EBUSY, 409},
	{EADDRINUSE, 409}, {ENOSYS, 501}, {EOPNOTSUPP, 501}, {EAGAIN, 503},   {ETIMEDOUT, 504},
};

int api_status(const struct error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].code == err->code)
			return statuses[i].status;
	return 500;
}
