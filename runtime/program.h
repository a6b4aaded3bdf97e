/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The launch program: what runtime/ compiles and cmp-shim executes.  A flat image without pointers:
 *
 *	struct program_header | struct program_op[op_count] | data (strings, messages, filters)
 *
 * Operands are numbers, slots (indices into the machine's table of descriptors) or offsets into the
 * data, which ends with a NUL.  Operations stand in three sections:
 *
 *	PARENT		in the shim, before the process exists (cgroups)
 *	CHILD		in the new process, up to EXEC
 *	TEARDOWN	in the shim, when the container has ended or could not be started
 *
 * The first operation that fails ends the program; it is reported as its index and an errno, which
 * the compiler's sentence turns into words.  Native byte order; both ends are of one build.
 */
#ifndef RUNTIME_PROGRAM_H
#define RUNTIME_PROGRAM_H

#include <stdint.h>

#define PROGRAM_MAGIC	  0x31504d43u /* "CMP1" */
#define PROGRAM_VERSION	  1
#define PROGRAM_MAX	  (1u << 20) /* bytes */
#define PROGRAM_SLOTS	  256
#define PROGRAM_SLOT_NONE 0xffffffffu /* instead of a slot: the path is absolute, or the cwd */
#define PROGRAM_NO_OFFSET 0xffffffffu
#define PROGRAM_OPERANDS  6

/* Slots with a meaning of their own. */
enum program_slot {
	SLOT_ROOT,   /* the container's root (O_PATH), valid before and after PIVOT */
	SLOT_CGROUP, /* v2: the cgroup that the child is born into, if it is open; not the child's
		      */
	SLOT_DNS_UDP,
	SLOT_DNS_TCP, /* handed to the supervisor */
	SLOT_NETNS,   /* the container's network namespace */
	SLOT_DEV,     /* the new /dev, not attached yet */
	SLOT_PTS,     /* the new devpts */
	SLOT_FREE,    /* the compiler's own begin here */
};

enum program_flag {
	PROGRAM_TTY = 1,
	PROGRAM_STDIN_OPEN = 2,
	PROGRAM_INIT = 4, /* the machine stays as pid 1 and runs the command as its child */
	PROGRAM_EXEC = 8, /* a further process: JOIN is in its CHILD section */
};

struct program_header {
	uint32_t magic, version;
	uint32_t len; /* of everything */
	uint32_t flags;
	uint32_t clone_flags; /* CLONE_NEW* of the child */
	uint32_t op_count, parent_end,
		child_end; /* ends of the sections; TEARDOWN goes to op_count */
	uint32_t data_offset, data_len;
	uint32_t rows, columns; /* of the terminal; 0: unset */
	uint32_t log_max_files;
	uint32_t reserved;
	uint64_t log_max_bytes; /* 0: no rotation */
};

enum program_op_flag {
	OP_OPTIONAL = 1,  /* ENOENT is no failure; the result slot stays empty and uses of it are
			     skipped */
	OP_RECURSIVE = 2, /* OPEN_TREE, MOUNT_ATTR */
	OP_REAL = 4,	  /* DIR: no component may be a link (targets of proc, sys, dev) */
	OP_BUSY_OK = 8,	  /* RMDIR: retried while processes are being reaped, then left */
};

struct program_op {
	uint16_t code; /* enum program_code */
	uint16_t flags;
	uint32_t sentence; /* offset of what it does, in words: "mount tmpfs on /dev" */
	uint32_t a[PROGRAM_OPERANDS];
};

/* Operands in the order of a[].  S: slot, P: offset of a path or other string, N: number, D: offset
 * of data, L: its length, R: result slot. */
enum program_code {
	OP_NONE,
	OP_PRIVATE, /* -: the mount namespace is cut off from the host's: propagation private
		       everywhere */
	OP_MKDIR,   /* P path, N mode: one of our own directories; existing is fine */
	OP_RMDIR,   /* P path */
	OP_OPEN,    /* S dir, P path, N flags, R: openat2 confined to dir (RESOLVE_IN_ROOT); S none:
		       plain open of a path of ours */
	OP_WRITE,   /* S dir, P path, D text, L: one write to an existing file, never through a link
		     */
	OP_OVERLAY, /* P chdir or 0, P options, P target, R: mount(2) of overlay on a directory of
		       ours, opened */
	OP_MOUNT_NEW,  /* P type, P options "k=v,k" or 0, N attr, R: a detached mount */
	OP_OPEN_TREE,  /* S source or none, P path in it or absolute, -, R: a detached clone of a
			  tree */
	OP_MOUNT_ATTR, /* S, N set, N clear, N propagation (MS_*), flags RECURSIVE */
	OP_MOVE_MOUNT, /* S detached, S target */
	OP_DIR, /* S root, P path, N mode, R: makes what is missing of a directory in a root; opened
		   O_PATH */
	OP_TARGET,  /* S root, P path, S source, R: as DIR, but a file when the source is none a
		       directory */
	OP_MKNOD,   /* S dir, P name, N mode, N device, N uid, N gid */
	OP_SYMLINK, /* S dir, P name, P target */
	OP_MASK, /* S root, P path, S null device: covers a file, or a directory with an empty one,
		    if it exists */
	OP_READONLY, /* S root, P path: read-only over itself if it exists */
	OP_PIVOT,    /* S root */
	OP_COPY_UP, /* S source, S destination: if that is empty, everything of the source is copied
		       there */
	OP_SOCKET,  /* N kind (enum program_socket), N port, R */
	OP_NETNS,   /* R: opens the network namespace of this process */
	OP_NETLINK, /* S socket, D message, L, N offset for the netns fd, N offset for the ifindex,
		       P ifname: sent and acknowledged */
	OP_NFT,	    /* D batch, L: sent on a netfilter socket of this namespace */
	OP_SETNS,   /* P path, N CLONE_NEW*: joins */
	OP_UNSHARE, /* N CLONE_NEW* */
	OP_SETNS_PID, /* P path: in PARENT: the child is born into this pid namespace */
	OP_JOIN, /* N CLONE_NEW*: joins the namespaces of the container's pid 1, then goes on in a
		    child there */
	OP_HOSTNAME,   /* P name */
	OP_DOMAINNAME, /* P name */
	OP_USER,    /* S root, P user or 0, D groups (NUL-separated), N count: looks up ids in the
		       image */
	OP_RLIMIT,  /* N resource, D struct { uint64_t soft, hard } */
	OP_CHDIR,   /* P path: in the container, made when missing */
	OP_CONSOLE, /* -: a terminal of SLOT_PTS becomes the process's, bound on /dev/console of
		       SLOT_ROOT */
	OP_BPF_DEVICE,	 /* S cgroup, D instructions, N count */
	OP_NO_NEW_PRIVS, /* - */
	OP_SECCOMP,	 /* D filter, N count of instructions */
	OP_IDENTITY, /* N caps low, N caps high: bounding set, ids of USER, permitted and effective
			set */
	OP_OOM,	 /* P file with a line "oom_kill N": in TEARDOWN: was anything killed for want of
		    memory */
	OP_EXEC, /* D argv, N count, D env, N count: NUL-separated strings; found by PATH */
	OP_CODE_MAX,
};

enum program_socket {
	PROGRAM_SOCKET_ROUTE,	/* NETLINK_ROUTE in the namespace of this moment */
	PROGRAM_SOCKET_DNS_UDP, /* bound to 127.0.0.11 */
	PROGRAM_SOCKET_DNS_TCP, /* bound and listening */
};

#endif
