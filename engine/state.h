/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the supervisor remembers: STATE/cmp.db (SQLite, WAL), shared with images/ and volumes/, each
 * with a connection and tables of its own.  A record is a JSON document under a key.
 *
 * Losing this process loses nothing that was committed.  Losing the machine could lose the last
 * commits, until state_sync has made them durable: what is acknowledged to a client is synced
 * first.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <jansson.h>

#include "base/error.h"

struct uv_loop_s;
struct state;

/* Opens or makes it.  -EPROTONOSUPPORT when a newer cmp has written it. */
int state_open(const char *state_dir, struct uv_loop_s *loop, struct state **ret, struct error *err)
	MUST_CHECK;
void state_close(struct state *s); /* accepts NULL */

/* Writes between begin and the matching commit are one transaction; they nest. */
int state_begin(struct state *s, struct error *err) MUST_CHECK;
int state_commit(struct state *s, struct error *err) MUST_CHECK;

/* Flushes what has been committed to the disk, in a worker. */
void state_sync(struct state *s, void (*done)(void *arg, const struct error *err), void *arg);

/* Called for each record, in the order of creation; a negative result ends the walk. */
typedef int (*state_each_fn)(void *arg, const char *key, const json_t *doc, struct error *err);

int state_container_put(struct state *s, const char *id, const json_t *doc, struct error *err)
	MUST_CHECK;
int state_container_delete(struct state *s, const char *id, struct error *err) MUST_CHECK;
int state_containers_each(struct state *s, state_each_fn each, void *arg, struct error *err)
	MUST_CHECK;
int state_network_put(struct state *s, const char *id, const json_t *doc, struct error *err)
	MUST_CHECK;
int state_network_delete(struct state *s, const char *id, struct error *err) MUST_CHECK;
int state_networks_each(struct state *s, state_each_fn each, void *arg, struct error *err)
	MUST_CHECK;
int state_project_put(struct state *s, const char *name, const json_t *doc, struct error *err)
	MUST_CHECK;
int state_project_delete(struct state *s, const char *name, struct error *err) MUST_CHECK;
int state_projects_each(struct state *s, state_each_fn each, void *arg, struct error *err)
	MUST_CHECK;

/* Small facts: the boot id of the last run.  NULL: unknown. */
int state_fact_put(struct state *s, const char *name, const char *value, struct error *err)
	MUST_CHECK;
char *state_fact(struct state *s, const char *name); /* owned */

#endif
