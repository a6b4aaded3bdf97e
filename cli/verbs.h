/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every verb's command, one a file; the table of them is in commands.c. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

extern const struct command cmd_build, cmd_builder, cmd_complete, cmd_config, cmd_create, cmd_down,
	cmd_events, cmd_exec, cmd_explain, cmd_help, cmd_image, cmd_image_build, cmd_image_load,
	cmd_image_ls, cmd_image_pull, cmd_image_push, cmd_image_rm, cmd_image_save, cmd_images,
	cmd_import, cmd_inspect, cmd_kill, cmd_lint, cmd_login, cmd_logout, cmd_logs, cmd_ls,
	cmd_network, cmd_pause, cmd_plan, cmd_port, cmd_ps, cmd_pull, cmd_restart, cmd_rm, cmd_rmi,
	cmd_run, cmd_scale, cmd_shutdown, cmd_start, cmd_stop, cmd_top, cmd_unpause, cmd_up,
	cmd_version, cmd_volume, cmd_wait;

#endif
