/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the administrator says about a registry, in the files that Docker and Podman users have
 *already: certs.d/HOST[:PORT]/{*.crt, *.cert + *.key}	further CAs, client certificate daemon.json
 *"insecure-registries" below $CMP_CONFIG_DIR (default /etc/cmp), /etc/docker and, for certs.d,
 * /etc/containers; the first place that has something decides.
 */
#ifndef IMAGES_REGISTRY_SETTINGS_H
#define IMAGES_REGISTRY_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct registry_settings {
	bool insecure;		  /* certificates are not checked, plain HTTP serves too */
	struct buf ca, cert, key; /* PEM; empty: none */
};

/* `registry` as in a reference.  Loopback addresses are insecure without being listed. */
int registry_settings_read(const char *registry, struct registry_settings *ret, struct error *err)
	MUST_CHECK;
void registry_settings_release(struct registry_settings *s);

/* Pure: is the host of "HOST[:PORT]" this machine? */
bool registry_is_loopback(const char *registry);
/* Pure: does an entry of insecure-registries mean this registry?  HOST, HOST:PORT or an IPv4 CIDR.
 */
bool registry_matches(const char *entry, const char *registry);

#endif
