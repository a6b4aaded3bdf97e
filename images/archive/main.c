/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-archive DIR [MAX-BYTES]: reads an archive of images from standard input into the empty
 * directory DIR, every file under the hex of its digest, and writes into DIR/images.json what
 * images there are (describe.h).  On failure one sentence on standard error and exit status 1; the
 * caller removes what is there.
 *
 * It has no user, no network, no capability, and sees nothing but DIR.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "images/archive/describe.h"
#include "images/confine.h"

#define NOBODY		  65534
#define MEMORY_MAX	  ((uint64_t)1 << 30)
#define MAX_BYTES_DEFAULT ((uint64_t)100 << 30)
#define EXIT_USAGE	  2

static const int allowed_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pread64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(openat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fcntl),
	SCMP_SYS(renameat),
	SCMP_SYS(fchmod),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlinkat),
	SCMP_SYS(fsync),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
};

static int set_limits(uint64_t max_bytes, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGXFSZ, &ignore, NULL);
	if (confine_limit(RLIMIT_FSIZE, max_bytes, err) < 0 ||
	    confine_limit(RLIMIT_CORE, 0, err) < 0)
		return -err->code;
	return confine_sanitized() ? 0 : confine_limit(RLIMIT_AS, MEMORY_MAX, err);
}

/* The descriptor of the directory. */
static int confine_all(const char *path, uint64_t max_bytes, struct error *err)
{
	auto_fd int dir = confine_root(path, err);

	if (dir >= 0 && fchown(dir, NOBODY, NOBODY) < 0)
		return error_sys(err, errno, "take over %s", path);
	if (dir < 0 || set_limits(max_bytes, err) < 0 ||
	    confine_capabilities((const int[]){CAP_SETUID, CAP_SETGID}, 2, err) < 0)
		return -err->code;
	/* With the user go all capabilities. */
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return error_sys(err, errno, "change the user");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten with the user */
	if (confine_privileges(err) < 0 || confine_filter(allowed_calls, ARRAY_LEN(allowed_calls),
							  SCMP_ACT_ERRNO(ENOSYS), NULL, err) < 0)
		return -err->code;
	return steal_fd(&dir);
}

static int run(const char *path, uint64_t max_bytes, struct error *err)
{
	AUTO(spool_free) struct spool *spool = NULL;
	auto_json json_t *images = NULL;
	auto_free char *text = NULL;
	auto_fd int dir = confine_all(path, max_bytes, err);

	if (dir < 0 || spool_read(STDIN_FILENO, dir, max_bytes, &spool, err) < 0 ||
	    archive_describe(spool, &images, err) < 0)
		return -err->code;
	text = json_text(images);
	return file_write_atomic(dir, "images.json", text, strlen(text), 0600, err);
}

int main(int argc, char **argv)
{
	uint64_t max_bytes = MAX_BYTES_DEFAULT;
	struct error err = ERROR_INIT;

	/* Names in archives are UTF-8; the table is built in, nothing is loaded later. */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0);
	/* Nobody waits for the result of an orphan. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 2 || argc > 3 || (argc == 3 && parse_u64(argv[2], &max_bytes) < 0)) {
		fprintf(stderr, "usage: cmp-archive DIR [MAX-BYTES] < ARCHIVE\n");
		return EXIT_USAGE;
	}
	if (run(argv[1], max_bytes, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
