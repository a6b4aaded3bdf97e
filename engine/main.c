/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmpd: the supervisor.  Started by cmp when none answers, by a shim when one has gone, or by hand.
 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "engine/api/docker.h"
#include "engine/daemon.h"

#define MMAP_FROM_BYTES (64 << 10)

static const struct option options[] = {
	{"debug", no_argument, NULL, 'D'},
	{"help", no_argument, NULL, 'h'},
	{"log-format", required_argument, NULL, 'l'},
	{"routes", no_argument, NULL, 'r'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

/*
 * Memory that was needed for a moment goes back to the system: one arena for all threads, because
 * every one of its own keeps what its busiest moment needed, and large pieces mapped on their own.
 */
static void be_frugal(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES);
	mallopt(M_TRIM_THRESHOLD, MMAP_FROM_BYTES);
}

static int usage(FILE *to, int status)
{
	fprintf(to,
		"Usage:  cmpd [--debug] [--log-format plain|json] [--routes] [--version]\n\n"
		"The supervisor of cmp.  Environment: CMP_HOST, CMP_STATE_DIR, CMP_RUN_DIR, CMP_DEBUG.\n");
	return status;
}

/* The endpoints of Docker's API: what docs/docker-api.md is. */
static int print_routes(void)
{
	struct error err = ERROR_INIT;
	auto_buf struct buf text = BUF_INIT;

	docker_describe_routes(&text);
	return file_write_all(STDOUT_FILENO, text.data, text.len, &err) < 0;
}

int main(int argc, char **argv)
{
	enum log_level level = getenv("CMP_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	enum log_format format = LOG_FORMAT_PLAIN;
	struct error err = ERROR_INIT;
	int option;

	while ((option = getopt_long(argc, argv, "Dhv", options, NULL)) != -1) {
		switch (option) {
		case 'D':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'l':
			format = str_eq(optarg, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_PLAIN;
			break;
		case 'r':
			return print_routes();
		case 'v':
			printf("cmpd %s\n", PACKAGE_VERSION); /* banned-ok: asked for */
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	be_frugal();
	log_setup(level, format);
	if (geteuid() != 0) {
		log_err("daemon", "cmpd must run as root");
		return 1;
	}
	if (daemon_run(&err) < 0) {
		log_err("daemon", "%s", err.msg);
		return 1;
	}
	return 0;
}
