/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's end of runtime/protocol.h: one connection per running container. */
#ifndef ENGINE_SHIM_H
#define ENGINE_SHIM_H

#include "engine/daemon.h"
#include "runtime/protocol.h"

struct shim;
struct container;

struct shim_events {
	/* fds are taken by the callee; -1: absent */
	void (*on_started)(void *arg, int pid, int dns_udp_fd, int dns_tcp_fd);
	void (*on_failed)(void *arg, const struct error *err); /* the sentence of the operation */
	void (*on_exited)(void *arg, const struct shim_exit *exit);
	void (*on_kept)(void *arg, const char *name, int fd); /* after shim_connect */
	/* The connection is gone; `exit` when the shim's exit record was found, else NULL: lost. */
	void (*on_gone)(void *arg, const struct shim_exit *exit);
};

/* Spawns a shim with a program (a buffer that is copied into a sealed memfd). */
int shim_spawn(struct daemon *d, const char *id, const char *container_dir, const void *program,
	       size_t len, const struct shim_events *events, void *arg, struct shim **ret,
	       struct error *err) MUST_CHECK;
/*
 * Connects to the shim of a container that runs already and hears its state: events.on_started is
 * called before this returns 0.  -ENOENT, -ECONNREFUSED when there is none.  -ETIMEDOUT: it has
 * not answered in time; *ret is set, and on_started comes when it does, or on_gone.
 */
int shim_connect(struct daemon *d, const char *id, int wait_ms, const struct shim_events *events,
		 void *arg, struct shim **ret, struct error *err) MUST_CHECK;
/* Reads RUN/containers/ID/exit; -ENOENT. */
int shim_read_exit(struct daemon *d, const char *id, struct shim_exit *ret);
void shim_kill(struct shim *s);	   /* the shim itself, when it does not answer */
void shim_goodbye(struct shim *s); /* we end on purpose */
void shim_free(struct shim *s);	   /* closes the connection; the shim goes on */
/* On SIGCHLD: waits for those that have ended behind their connections. */
void shims_reap(struct daemon *d);

int shim_signal(struct shim *s, uint32_t process, int signo, struct error *err) MUST_CHECK;
int shim_resize(struct shim *s, uint32_t process, unsigned rows, unsigned columns);
int shim_keep(struct shim *s, const char *name, int fd, struct error *err)
	MUST_CHECK; /* fd is copied */
void shim_drop(struct shim *s, const char *name);
/* Starts a further process; `done` tells its pid (and the terminal's master) or the failure;
 * `exited` its end.  fds: the container's ends of stdin, stdout, stderr (borrowed), or NULL with a
 * terminal. */
struct shim_exec_args {
	const void *program;
	size_t len;
	const int *fds;
	void (*started)(void *arg, int pid, int terminal_fd, const struct error *err);
	void (*exited)(void *arg, const struct shim_exit *exit);
	void *arg;
};
int shim_exec(struct shim *s, const struct shim_exec_args *args, uint32_t *ret_process,
	      struct error *err) MUST_CHECK;
/* The write end of standard input or the terminal's master; `done` takes the fd. */
int shim_stdin(struct shim *s, void (*done)(void *arg, int fd, const struct error *err), void *arg,
	       struct error *err) MUST_CHECK;
void shim_stdin_close(struct shim *s);

#endif
