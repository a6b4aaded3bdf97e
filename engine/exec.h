/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Further processes in running containers, and the streams of the main one. */
#ifndef ENGINE_EXEC_H
#define ENGINE_EXEC_H

#include "engine/container.h"

struct exec;

struct exec_args {
	char *const *cmd;
	char *const *env;		/* added to the container's */
	const char *user, *working_dir; /* NULL: the container's */
	bool tty, stdin_open, privileged;
	unsigned short rows, columns;
	/* Output as it arrives (fd 1 or 2); return false to stop reading until exec_resume. */
	bool (*on_output)(void *arg, int fd, const char *data, size_t len);
	/* It runs: pid on the host.  May be NULL. */
	void (*on_started)(void *arg, int pid);
	/* Once, at the end: exit status, or err when it could not be started.  The exec is freed
	 * afterwards. */
	void (*on_exit)(void *arg, int exit_code, const struct error *err);
	void *arg;
};
/* Strings are copied.  -EINVAL unless the container runs. */
int exec_start(struct container *c, const struct exec_args *args, struct exec **ret,
	       struct error *err) MUST_CHECK;
/* Bytes for its standard input (copied, queued); false: too much is waiting, stop for now. */
bool exec_write(struct exec *e, const char *data, size_t len, void (*on_drain)(void *arg));
void exec_close_stdin(struct exec *e);
void exec_resize(struct exec *e, unsigned rows, unsigned columns);
int exec_signal(struct exec *e, int signo, struct error *err) MUST_CHECK;
void exec_resume(struct exec *e);
/* Nobody listens any more: output is dropped, on_exit is not called.  The process goes on. */
void exec_detach(struct exec *e);

/* ---- standard input of the main process (attach) */
struct attach_input;
int attach_input_open(struct container *c, struct attach_input **ret, struct error *err) MUST_CHECK;
bool attach_input_write(struct attach_input *a, const char *data, size_t len,
			void (*on_drain)(void *arg), void *arg);
/* EOF for the container when `eof`; otherwise just detaches. */
void attach_input_close(struct attach_input *a, bool eof);
void container_resize(struct container *c, unsigned rows, unsigned columns);

#endif
