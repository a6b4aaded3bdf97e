/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that are not used here, with what to use instead.  Included before everything else on
 * the command line; tools/check-banned finds what a macro cannot.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* System headers first, so that their own declarations are not hit. */
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With fortified headers some of them are macros, which cannot be poisoned. */
#undef basename
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef stpcpy
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat stpcpy /* str_copy, struct buf */
#pragma GCC poison sprintf vsprintf			/* snprintf, buf_addf */
#pragma GCC poison strtok				/* strv_split */
#pragma GCC poison atoi atol atoll                                                                 \
	sscanf /* parse_u64 and friends; strtol: linux/bpf.h has it, see check-banned */

#endif
