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
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

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
	int stdio[3];	   /* become 0, 1, 2; -1: our null device, for the time being */
	int join_pidfd;	   /* pid 1 of the container, for JOIN */
	int empty;	   /* the mount that MASK covers directories with; -1: not made yet */
	int address_query; /* socket for names of interfaces; -1 */
	bool null_is_null; /* MASK has looked at its null device */
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
int op_open(struct machine *m, const struct program_op *op);
int op_write(struct machine *m, const struct program_op *op);
int op_dir(struct machine *m, const struct program_op *op);
int op_target(struct machine *m, const struct program_op *op);
int op_mknod(struct machine *m, const struct program_op *op);
int op_symlink(struct machine *m, const struct program_op *op);
int op_chdir(struct machine *m, const struct program_op *op);
int op_copy_up(struct machine *m, const struct program_op *op); /* copyup.c */
/* ops_cgroup.c */
int op_rmdir(struct machine *m, const struct program_op *op);
int op_oom(struct machine *m, const struct program_op *op);
int op_bpf_device(struct machine *m, const struct program_op *op);
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
int op_no_new_privs(struct machine *m, const struct program_op *op);
int op_seccomp(struct machine *m, const struct program_op *op);
int op_identity(struct machine *m, const struct program_op *op);
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

/* The entries of a directory, without "." and "..". */
struct dir_reader {
	int fd;
	long len, at;
	_Alignas(8) char buf[4096];
};
/* 1 and the next name (valid until the call after), 0 at the end, -errno. */
int dir_next(struct dir_reader *d, const char **ret_name, unsigned char *ret_type);

/* user.c.  `groups`: count strings one after the other. */
int user_lookup(int root, const char *spec, const char *groups, unsigned count,
		struct user_ids *ret, char detail[DETAIL_MAX]);

/* tty.c: a new terminal of a devpts directory; the peer is opened by TIOCGPTPEER. */
int tty_open(int pts_dir, unsigned rows, unsigned columns, int *ret_master, int *ret_peer);

/* init.c: pid 1 for PROGRAM_INIT: forwards signals to `child`, reaps; ends with its status. */
_Noreturn void init_main(pid_t child);

/* ---- what a child says to the shim before its exec (child.c) */
enum child_word {
	CHILD_FAILED = 1, /* op, code, detail */
	CHILD_DNS,	  /* fds: UDP, TCP */
	CHILD_TERMINAL,	  /* fds: master, and the peer if the shim is to hold the terminal open */
	CHILD_JOINED, /* said by the process that is in the container; its pid is the sender's */
};
struct child_message {
	uint32_t word, op;
	int32_t code;
	char detail[DETAIL_MAX];
};
struct child_news {
	struct child_message say;
	pid_t sender; /* as the shim sees it; of further processes only */
	int fds[SHIM_FDS_MAX];
	unsigned fd_count;
};
int child_say(struct machine *m, enum child_word word, int code, const int *fds, unsigned count);
/* One message, without waiting.  1, 0 at the end, -errno. */
int child_hear(int status, struct child_news *ret);
/* Forks with `flags` of clone; the child executes its section and never returns.  *ret_status is
 * the shim's end of what it says; *ret_pidfd as CLONE_PIDFD.  pid or -errno. */
pid_t child_start(struct machine *m, uint64_t flags, int *ret_status, int *ret_pidfd);

/* ---- the shim */

struct process {
	uint32_t number; /* 0: the container's first one, or a free place */
	uint32_t seq;	 /* of the request that started it */
	pid_t pid;	 /* 0: not known yet, or none */
	int status;	 /* what it says before its exec; -1: nothing more to come */
	int master;	 /* of a further process's terminal, until the supervisor has it; -1 */
	bool failed;	 /* its start has failed */
	bool gone;	 /* it has ended before the news of its start had been heard out: */
	struct shim_exit end;
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
	int pidfd, dns[2];
	int in, out, err;   /* our ends; with a terminal `out` is its master */
	int peer;	    /* of the terminal: it stays when nobody in the container has it open */
	int64_t started_ns; /* 0: it is being started */
	bool ended;
	struct child_message failure; /* of its start */
	struct shim_exit end;
	struct process processes[1 + SHIM_EXECS_MAX]; /* [0] is the container's pid 1 */
	unsigned starting;			      /* how many have a `status` */
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
/* Takes what a stream has at this moment. */
enum log_taken { LOG_SOME, LOG_NOTHING_NOW, LOG_ENDED };
enum log_taken log_take(struct log *l, int fd, int kind);

/* launch.c.  A start goes on in the background: launch_heard is called when a process's `status` is
 * readable, and says what came of it. */
int launch(struct shim *s); /* -errno: it has failed, said so and cleaned up */
void launch_exec(struct shim *s, const struct shim_message *m, const int *fds, unsigned count);
void launch_heard(struct shim *s, struct process *p);
struct process *find_process(struct shim *s, uint32_t number); /* a further one, or NULL */
void reap(struct shim *s);				       /* after SIGCHLD */
void finish(struct shim *s); /* the container has ended: log, teardown, record */

/* control.c */
/* One packet with descriptors; false: the socket is broken. */
bool send_packet(int sock, const struct iovec *iov, size_t iov_count, const int *fds,
		 unsigned count);
/* Takes descriptors, and the sender's pid if the socket passes credentials, from what recvmsg got.
 */
unsigned take_control(struct msghdr *msg, int fds[SHIM_FDS_MAX], pid_t *ret_sender);
int control_send(struct shim *s, const struct shim_message *m, const void *payload, const int *fds,
		 unsigned count);
void control_say(struct shim *s, uint32_t type, uint32_t seq, uint32_t process, int32_t arg);
void control_fail(struct shim *s, uint32_t seq, uint32_t process, uint32_t op, int code,
		  const char *detail);
void control_read(struct shim *s);
void control_accept(struct shim *s);
void control_limit(int fd); /* no send takes longer than some seconds */
int control_listen(struct shim *s);
void control_drop_kept(struct shim *s); /* before the end is told; ends the receiving */
void control_unlisten(struct shim *s);	/* before the end is told: the next shim binds there, too */

/* respawn.c */
void respawn_want(struct shim *s); /* the supervisor is gone */
void respawn_cancel(struct shim *s);
int respawn_timeout_ms(const struct shim *s); /* for poll; -1: none */
void respawn_try(struct shim *s);

int64_t now_ns(void);
int64_t boot_ms(void);

#endif
