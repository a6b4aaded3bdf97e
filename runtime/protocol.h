/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the supervisor and a shim.  Plain C, no dependencies: the shim includes it.
 *
 * Start.  The supervisor runs `cmp-shim ID` with these descriptors; others are closed by the shim:
 *	3  the launch program (sealed memfd)
 *	4  the control connection: one end of a SOCK_SEQPACKET pair
 *	5  the container's run directory (RUN/containers/ID, 0700): the shim binds `shim.sock` there
 *	   (SOCK_SEQPACKET, mode 0600) and writes `shim.pid` and, at the end, `exit`
 *	6  the directory of the container's log (STATE/containers/ID): files `log`, `log.1` ...
 * standard input, output: /dev/null; standard error: the supervisor's log.
 * Environment: CMP_RUN_DIR, CMP_STATE_DIR, CMP_HOST as the supervisor has them, and CMPD with the
 * path of the supervisor's program, for starting it again.
 *
 * The program file.  A process that is about to become one of the container's can be seen from
 * there, and /proc/PID/exe leads to its program.  So the supervisor keeps one copy of cmp-shim in a
 * memfd with all seals (SEAL, SHRINK, GROW, WRITE) and executes /proc/self/fd/N for every
 * container: what a container can reach is then a copy that nobody can write to.  The shim uses no
 * path of its own.
 *
 * Life.  The shim runs in a session of its own, sets PR_SET_CHILD_SUBREAPER, executes the program
 * and says STARTED or FAILED.  Requests are served meanwhile (a SIGNAL ends a start that hangs);
 * shim.sock is answered only after STARTED.  When the container's pid 1 has ended it drains the
 *output, completes the log, kills what is left, removes the cgroups, writes `exit` (struct
 *shim_exit, by temporary name and rename), says EXITED, and ends.  Before the record is written
 *the kept descriptors are closed and requests are no longer received (EPIPE).
 *
 * Losing the supervisor.  When the control connection breaks without GOODBYE, the shim goes on, and
 * starts a supervisor: flock(RUN/start.lock, LOCK_EX | LOCK_NB); who wins, and finds nobody
 * answering at RUN/cmp.sock, runs $CMPD with the lock as descriptor 3 named in CMP_START_LOCK=3
 *(the supervisor closes it once it listens); everybody else waits.  Tried again with back-off (50
 *ms … 5 s) until a supervisor has connected to shim.sock.  One control connection at a time: a new
 *one replaces the old.  Peers are checked with SO_PEERCRED: uid 0 (or our own) only.
 *
 * Messages are single packets: a struct shim_message, then `len` bytes of payload (at most
 * SHIM_PAYLOAD_MAX), descriptors by SCM_RIGHTS (at most SHIM_FDS_MAX).  Numbers are native.
 * A request has a `seq` != 0, the answer carries the same.  Whatever does not parse closes the
 * connection.
 */
#ifndef RUNTIME_PROTOCOL_H
#define RUNTIME_PROTOCOL_H

#include <stdint.h>

#define SHIM_VERSION	 1
#define SHIM_FD_PROGRAM	 3
#define SHIM_FD_CONTROL	 4
#define SHIM_FD_RUN	 5
#define SHIM_FD_LOG	 6
#define SHIM_PAYLOAD_MAX 4096
#define SHIM_FDS_MAX	 8
#define SHIM_EXECS_MAX	 256 /* further processes at a time */
#define SHIM_KEPT_MAX	 512 /* descriptors kept */
#define SHIM_NO_OP	 0xffffffffu

enum shim_type {
	/* supervisor → shim */
	SHIM_HELLO = 1, /* first packet on shim.sock; answered by STATE, KEPT…, STATE_END */
	SHIM_SIGNAL,	/* process, arg = signal; answered by DONE */
	SHIM_EXEC,	/* process = new number chosen by the supervisor (> 0); fds: program, then 3
			   descriptors for stdin/stdout/stderr unless the program asks for a terminal
			   (exactly these); answered by EXEC_STARTED or FAILED, not always in the order
			   of the requests; then EXITED */
	SHIM_RESIZE, /* process 0, arg = rows << 16 | columns (the terminal of a further process is
			the supervisor's: it has the master) */
	SHIM_STDIN,  /* process 0: gives the write end of standard input (or the terminal's master);
			answered by DONE with one fd, or FAILED */
	SHIM_STDIN_CLOSE, /* process 0: closes the shim's copy of the write end: EOF for the
			     container once the supervisor has closed its own */
	SHIM_KEEP, /* payload: name (without NUL); one fd.  Replaces one of that name. Answered by
		      DONE */
	SHIM_DROP, /* payload: name */
	SHIM_GOODBYE, /* the supervisor ends on purpose: do not start another */

	/* shim → supervisor */
	SHIM_STARTED = 64, /* after a launch: arg = pid 1 as the host sees it; fds: pidfd of it,
			      then the DNS sockets (UDP, TCP) if the program made them */
	SHIM_FAILED, /* arg = errno, process = number; payload: struct shim_failure and detail text
		      */
	SHIM_EXEC_STARTED, /* process; arg = pid on the host; fd: master of the terminal, if any */
	SHIM_EXITED,	   /* process (0: the container); payload: struct shim_exit */
	SHIM_STATE,	   /* answer to HELLO: arg = pid 1 (0: it ended), fds as in STARTED;
			      payload: struct shim_state */
	SHIM_KEPT,	   /* payload: name; one fd */
	SHIM_STATE_END,
	SHIM_DONE, /* answer to a request: arg = 0 or errno */
};

struct shim_message {
	uint32_t type; /* enum shim_type */
	uint32_t seq;
	uint32_t process;
	int32_t arg;
	uint32_t len; /* of the payload */
	uint32_t reserved;
};

/* Followed by detail text, e.g. the path that could not be executed. */
struct shim_failure {
	uint32_t op;  /* index into the program; SHIM_NO_OP: the shim's own work, see the detail */
	int32_t code; /* errno */
};

struct shim_exit {
	int32_t status; /* as waitid: exit code, or 128 + signal */
	int32_t signal; /* 0, or the signal that ended it */
	uint32_t oom_killed;
	uint32_t reserved;
	int64_t started_ns, finished_ns; /* CLOCK_REALTIME */
};

struct shim_state {
	uint32_t version; /* SHIM_VERSION */
	uint32_t reserved;
	int64_t started_ns;
	uint64_t program_digest; /* first 8 bytes of the SHA-256 of the program; 0: not computed */
};

/*
 * The log: frames, each a head of 16 bytes and `len` bytes of text.  One frame is one line, at most
 * SHIM_LINE_MAX bytes without its newline; a longer line, or one that was not finished when the
 * writer paused, is split and all but the last piece are marked PARTIAL.  Big-endian numbers.
 *	0	kind: 1 standard output (and terminals), 2 standard error
 *	1	flags: SHIM_LOG_PARTIAL
 *	2..3	source, always 0 in files
 *	4..7	len
 *	8..15	CLOCK_REALTIME, ns
 * The text includes the newline that ended the line, if any.
 */
#define SHIM_LOG_HEAD	 16
#define SHIM_LOG_PARTIAL 1
#define SHIM_LINE_MAX	 16384
#define SHIM_LOG_STDOUT	 1
#define SHIM_LOG_STDERR	 2

#endif
