/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one container without a supervisor: compiles a specification from the command line, starts
 * ./cmp-shim by the protocol and waits for its end.  For tests and measurements.
 *
 *	tests/launch [-t] [-i] [-p] [-d] [-n COUNT] LAYER DIR COMMAND [ARG...]
 *
 * DIR holds what the container writes, its log and its run directory.  Prints the exit status; -n
 * starts so many, one after the other, and prints the time of each start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/time.h"
#include "runtime/protocol.h"
#include "runtime/runtime.h"

static struct runtime_host host;

static _Noreturn void die(const struct error *err)
{
	fprintf(stderr, "launch: %s\n", err->msg);
	exit(1);
}

static int directory(const char *path)
{
	struct error err = ERROR_INIT;
	int fd;

	if (file_mkdir_p(path, 0700, &err) < 0)
		die(&err);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		exit(1);
	return fd;
}

static pid_t start(const char *id, int program, int control, int dir)
{
	pid_t pid = fork();
	int fds[4] = {program, control, dir, dir}, i;

	if (pid)
		return pid;
	for (i = 0; i < 4; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 10);
	for (i = 0; i < 4; i++)
		dup3(fds[i], 3 + i, 0);
	close_range(7, ~0U, 0);
	execl("./cmp-shim", "cmp-shim", id, (char *)NULL);
	_exit(127);
}

static int watch(const void *program, size_t len, int control, int64_t begun_ns, bool quiet)
{
	struct {
		struct shim_message m;
		char payload[SHIM_PAYLOAD_MAX];
	} in;

	for (;;) {
		ssize_t n = recv(control, &in, sizeof(in), 0);

		if (n < (ssize_t)sizeof(in.m))
			return -1;
		if (in.m.type == SHIM_STARTED && !quiet)
			fprintf(stderr, "started pid %d after %.2f ms\n", in.m.arg,
				(double)(time_boot_ns() - begun_ns) / 1e6);
		if (in.m.type == SHIM_FAILED) {
			struct error err = ERROR_INIT;
			struct shim_failure *f = (struct shim_failure *)in.payload;

			in.payload[in.m.len] = '\0';
			runtime_explain(program, len, f->op, f->code, (char *)(f + 1), &err);
			fprintf(stderr, "failed: %s\n", err.msg);
			return f->code == ENOENT ? 127 : 126;
		}
		if (in.m.type == SHIM_EXITED)
			return ((struct shim_exit *)in.payload)->status;
	}
}

static int run(const struct runtime_spec *spec, bool quiet)
{
	auto_buf struct buf program = BUF_INIT;
	struct error err = ERROR_INIT;
	int64_t begun_ns = time_boot_ns();
	int sp[2], memfd, dir, status;
	pid_t pid;

	if (runtime_compile(&host, spec, &program, &err) < 0)
		die(&err);
	memfd = memfd_create("program", MFD_CLOEXEC);
	if (memfd < 0 || write(memfd, program.data, program.len) != (ssize_t)program.len ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
		exit(1);
	dir = directory(spec->container_dir);
	pid = start(spec->id, memfd, sp[1], dir);
	close(sp[1]);
	close(memfd);
	status = watch(program.data, program.len, sp[0], begun_ns, quiet);
	close(sp[0]);
	waitpid(pid, NULL, 0);
	close(dir);
	return status;
}

int main(int argc, char **argv)
{
	char id[DIGEST_HEX_MAX], *layers[2] = {NULL};
	char path_env[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = {path_env, NULL};
	struct error err = ERROR_INIT;
	struct runtime_spec spec = {
		.id = id,
		.layers = layers,
		.hostname = "launch",
		.process = {.env = env, .cwd = "/", .capabilities = runtime_default_capabilities()},
		.cgroup_parent = "cmp-launch",
	};
	uint32_t count = 0, i;
	int option, status = 0;

	while ((option = getopt(argc, argv, "+tipdn:")) != -1) {
		spec.process.tty |= option == 't';
		spec.init |= option == 'i';
		spec.privileged |= option == 'p';
		spec.dns |= option == 'd';
		if (option == 'n' && parse_u32(optarg, &count) < 0)
			return 2;
	}
	if (argc - optind < 3)
		return 2;
	layers[0] = argv[optind];
	spec.container_dir = argv[optind + 1];
	spec.process.args = argv + optind + 2;
	if (runtime_host_probe(&host, &err) < 0 ||
	    runtime_cgroup_prepare(&host, spec.cgroup_parent, &err) < 0)
		die(&err);
	for (i = 0; i < (count ? count : 1); i++) {
		int64_t begun_ns = time_boot_ns();

		digest_random_id(id);
		status = run(&spec, count != 0);
		if (count)
			printf("%.2f ms\n", (double)(time_boot_ns() - begun_ns) / 1e6);
	}
	runtime_host_release(&host);
	return status;
}
