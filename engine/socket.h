/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's listening socket. */
#ifndef ENGINE_SOCKET_H
#define ENGINE_SOCKET_H

#include "engine/daemon.h"

/*
 * The one that was inherited (LISTEN_FDS), else bound at d->socket_path; the state must be locked,
 * so that nobody else listens there.  Then gives up the lock under which a shim has started us.
 * Returns the descriptor.
 */
int socket_open(const struct daemon *d, struct error *err) MUST_CHECK;

#endif
