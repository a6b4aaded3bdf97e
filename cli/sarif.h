/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_SARIF_H
#define CLI_SARIF_H

#include <jansson.h>

/* A SARIF log (new reference) of the list that diag_json gives; paths below `cwd` are relative. */
json_t *sarif_log(const char *cwd, const json_t *problems);

#endif
