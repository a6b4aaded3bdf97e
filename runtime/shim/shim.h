/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-shim: the parent of one container.  It executes the launch program, keeps the container's
 * standard streams, writes its log, starts further processes in it and records its end.  Single
 * threaded, static, no heap: everything it needs is in `struct shim`.
 *
 * Functions return 0 or -errno.  In the machine (machine.c, ops_*.c) what went wrong in words that
 * the errno does not say (a path, a user) is left in `detail`.
 */
#ifndef RUNTIME_SHIM_SHIM_H
#define RUNTIME_SHIM_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/program.h"
#include "runtime/protocol.h"

#define DETAIL_MAX 256
#define GROUPS_MAX 64
#define KEPT_NAME  128

/* ---- the machine */

struct user_ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t group_count;
	char home[256];
};

struct machine {
	const struct program_header *program;
	const struct program_op *ops;
	const char *data;
	int slots[PROGRAM_SLOTS]; /* -1: empty */
	unsigned at;		  /* the operation under way */
	char detail[DETAIL_MAX];
	struct user_ids user;
	/* of a child */
	int status;	   /* socket to the shim; closed by a successful exec */
	int stdio[3];	   /* become 0, 1, 2; -1: as they are */
	int join_pidfd;	   /* pid 1 of the container, for JOIN */
	bool has_terminal; /* CONSOLE has set 0, 1, 2 */
	bool oom_killed;   /* OOM has found so */
};

/* Checks the image: every operand that is an offset, a slot or a count.  -EBADMSG. */
int machine_load(struct machine *m, const void *image, size_t len);
/* Executes ops[from, to). On failure m->at is the operation. */
int machine_run(struct machine *m, unsigned from, unsigned to);
void machine_close_slots(struct machine *m);

typedef int (*op_fn)(struct machine *m, const struct program_op *op);
/* ops_fs.c */
int op_mkdir(struct machine *m, const struct program_op *op);
int op_rmdir(struct machine *m, const struct program_op *op);
int op_open(struct machine *m, const struct program_op *op);
int op_write(struct machine *m, const struct program_op *op);
int op_dir(struct machine *m, const struct program_op *op);
int op_target(struct machine *m, const struct program_op *op);
int op_mknod(struct machine *m, const struct program_op *op);
int op_symlink(struct machine *m, const struct program_op *op);
int op_chdir(struct machine *m, const struct program_op *op);
int op_copy_up(struct machine *m, const struct program_op *op); /* copyup.c */
/* ops_mount.c */
int op_private(struct machine *m, const struct program_op *op);
int op_overlay(struct machine *m, const struct program_op *op);
int op_mount_new(struct machine *m, const struct program_op *op);
int op_open_tree(struct machine *m, const struct program_op *op);
int op_mount_attr(struct machine *m, const struct program_op *op);
int op_move_mount(struct machine *m, const struct program_op *op);
int op_mask(struct machine *m, const struct program_op *op);
int op_readonly(struct machine *m, const struct program_op *op);
int op_pivot(struct machine *m, const struct program_op *op);
/* ops_net.c */
int op_socket(struct machine *m, const struct program_op *op);
int op_netns(struct machine *m, const struct program_op *op);
int op_netlink(struct machine *m, const struct program_op *op);
int op_nft(struct machine *m, const struct program_op *op);
/* ops_process.c */
int op_setns(struct machine *m, const struct program_op *op);
int op_unshare(struct machine *m, const struct program_op *op);
int op_setns_pid(struct machine *m, const struct program_op *op);
int op_join(struct machine *m, const struct program_op *op);
int op_hostname(struct machine *m, const struct program_op *op);
int op_domainname(struct machine *m, const struct program_op *op);
int op_user(struct machine *m, const struct program_op *op);
int op_rlimit(struct machine *m, const struct program_op *op);
int op_console(struct machine *m, const struct program_op *op);
int op_bpf_device(struct machine *m, const struct program_op *op);
int op_no_new_privs(struct machine *m, const struct program_op *op);
int op_seccomp(struct machine *m, const struct program_op *op);
int op_identity(struct machine *m, const struct program_op *op);
int op_oom(struct machine *m, const struct program_op *op); /* ops_fs.c */
int op_exec(struct machine *m, const struct program_op *op);

static inline const char *text_of(const struct machine *m, uint32_t offset)
{
	return m->data + offset;
}
static inline int slot_of(const struct machine *m, uint32_t slot)
{
	return slot == PROGRAM_SLOT_NONE ? -1 : m->slots[slot];
}
void set_slot(struct machine *m, uint32_t slot, int fd); /* closes what was there */
void set_detail(struct machine *m, const char *text);
/* openat2 in a root, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS; EAGAIN is retried.  fd or -errno. */
int open_inroot(int root, const char *path, uint64_t flags, uint64_t extra_resolve);
/* Opens or makes, component by component; the fd is O_PATH. */
int make_dir_inroot(int root, const char *path, mode_t mode, bool real);

/* user.c.  `groups`: count strings one after the other. */
int user_lookup(int root, const char *spec, const char *groups, unsigned count,
		struct user_ids *ret, char detail[DETAIL_MAX]);

/* tty.c: a new terminal of a devpts directory; the peer is opened by TIOCGPTPEER. */
int tty_open(int pts_dir, unsigned rows, unsigned columns, int *ret_master, int *ret_peer);

/* init.c: pid 1 for PROGRAM_INIT: forwards signals to `child`, reaps; ends with its status. */
_Noreturn void init_main(pid_t child);

/* ---- what a child says to the shim before its exec */
enum child_word { CHILD_FAILED = 1, CHILD_FDS, CHILD_MASTER, CHILD_PID };
struct child_message {
	uint32_t word, op;
	int32_t code;
	char detail[DETAIL_MAX];
};
int child_say(struct machine *m, enum child_word word, int code, const int *fds, unsigned count);
/* One message; *ret_count descriptors (at most SHIM_FDS_MAX). 1, 0 at the end, -errno. */
int child_hear(int status, struct child_message *ret, int *fds, unsigned *ret_count);

/* ---- the shim */

struct further {	 /* a process started by SHIM_EXEC */
	uint32_t number; /* 0: free */
	pid_t pid;
};

struct kept {
	int fd;
	uint16_t len;
	char name[KEPT_NAME];
};

struct log {
	int dir, fd;
	uint64_t size, max_bytes;
	uint32_t max_files;
	uint64_t dropped; /* bytes that did not fit on the disk */
};

struct shim {
	const char *id;
	struct machine machine;
	int control, listener, run_dir, signals;
	bool goodbye;
	/* the container */
	pid_t child;
	int pidfd, dns[2];
	int in, out, err; /* our ends; with a terminal `out` is its master */
	int64_t started_ns;
	bool ended;
	struct shim_exit end;
	struct further further[SHIM_EXECS_MAX];
	struct kept kept[SHIM_KEPT_MAX];
	struct log log;
	/* respawn.c */
	int64_t respawn_at_ms; /* 0: not wanted */
	int respawn_delay_ms;
};

/* log.c */
int log_open(struct log *l, int dir, uint64_t max_bytes, uint32_t max_files);
void log_add(struct log *l, int kind, const char *data, size_t len);
/* Builds frames into `out`; returns bytes used of data (whole frames only). Pure. */
size_t log_frames(int kind, int64_t now_ns, const char *data, size_t len, char *out, size_t room,
		  size_t *ret_out);
/* Takes what a stream has; 1: more may come, 0: it has ended. */
int log_take(struct log *l, int fd, int kind);

/* launch.c */
int launch(struct shim *s); /* runs the program; says STARTED or FAILED */
void launch_exec(struct shim *s, const struct shim_message *m, const int *fds, unsigned count);
void reap(struct shim *s);   /* after SIGCHLD */
void finish(struct shim *s); /* the container has ended: log, teardown, record */

/* control.c */
int control_send(struct shim *s, const struct shim_message *m, const void *payload, const int *fds,
		 unsigned count);
void control_say(struct shim *s, uint32_t type, uint32_t seq, uint32_t process, int32_t arg);
void control_fail(struct shim *s, uint32_t seq, uint32_t process, uint32_t op, int code,
		  const char *detail);
void control_read(struct shim *s);
void control_accept(struct shim *s);
int control_listen(struct shim *s);

/* respawn.c */
void respawn_want(struct shim *s); /* the supervisor is gone */
void respawn_cancel(struct shim *s);
int respawn_timeout_ms(const struct shim *s); /* for poll; -1: none */
void respawn_try(struct shim *s);

int64_t now_ns(void);
int64_t boot_ms(void);

#endif
