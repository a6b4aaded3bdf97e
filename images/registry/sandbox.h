/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cmp-registry gives up before it opens its first connection: the file system (a read-only
 * tmpfs with a few files takes its place), its user, all capabilities, new privileges, most system
 * calls, and sockets that are not of the Internet.  The network stays.
 */
#ifndef IMAGES_REGISTRY_SANDBOX_H
#define IMAGES_REGISTRY_SANDBOX_H

#include "base/error.h"
#include "base/str.h"
#include "images/registry/settings.h"

/* Where the certificates are then. */
#define SANDBOX_CA   "/ca.pem"
#define SANDBOX_CERT "/client.cert"
#define SANDBOX_KEY  "/client.key"

/*
 * `root`: an empty directory to mount on.  `system_ca`: path of the system's bundle, NULL: none.
 * What the C library needs to resolve names is copied.  Call with one thread.
 */
int sandbox_enter(const char *root, const char *system_ca, const struct registry_settings *s,
		  struct error *err) MUST_CHECK;

#endif
