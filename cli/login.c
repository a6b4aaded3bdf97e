/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmp login, cmp logout: credentials go where docker keeps them, after the registry has taken them.
 */
#include <errno.h>
#include <stdio.h>
#include <termios.h>

#include "base/json.h"
#include "cli/auth.h"
#include "cli/client.h"
#include "cli/verbs.h"

#define HUB	   "docker.io"
#define ANSWER_MAX ((size_t)64 << 10)

struct values {
	char *username, *password;
	bool password_stdin;
};

static const struct option_def login_options[] = {
	{'p', "password", OPTION_STR, offsetof(struct values, password), "TEXT",
	 "Password or token (others can see it: better --password-stdin)"},
	{0, "password-stdin", OPTION_FLAG, offsetof(struct values, password_stdin), NULL,
	 "Read the password from standard input"},
	{'u', "username", OPTION_STR, offsetof(struct values, username), "NAME", "User name"},
	{0},
};

/* "https://registry.example.com/v2/" as people paste it. */
static char *registry_of(const char *text)
{
	const char *at = str_skip(text, "https://") ?: str_skip(text, "http://") ?: text;
	char *host = xstrndup(at, strcspn(at, "/"));

	str_lower(host);
	if (!strcmp(host, "index.docker.io") || !strcmp(host, "registry-1.docker.io")) {
		free(host);
		host = xstrdup(HUB);
	}
	return host;
}

/* A line of standard input, without its end.  Owned; NULL: there is none. */
static char *read_line(void)
{
	char line[4096];

	if (!fgets(line, sizeof(line), stdin))
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return xstrdup(line);
}

static char *ask(const char *what, bool secret)
{
	struct termios before, silent;
	char *answer;

	printf("%s: ", what);
	fflush(stdout);
	if (!secret || tcgetattr(STDIN_FILENO, &before) < 0)
		return read_line();
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	answer = read_line();
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	putchar('\n');
	return answer;
}

/* Sets *ret_user and *ret_password; 0 or an exit status. */
static int credentials(struct cli *cli, const struct values *v, char **ret_user,
		       char **ret_password)
{
	bool terminal = isatty(STDIN_FILENO);

	if (v->password && v->password_stdin)
		return cli_usage(cli, "--password and --password-stdin are incompatible");
	if (v->password_stdin && !v->username)
		return cli_usage(cli, "--password-stdin needs --username");
	if (!terminal && !v->password_stdin && (!v->username || !v->password))
		return cli_usage(cli, "there is no terminal to ask at: use --username and "
				      "--password-stdin");
	*ret_user = v->username ? xstrdup(v->username) : ask("Username", false);
	*ret_password = v->password	    ? xstrdup(v->password)
			: v->password_stdin ? read_line()
					    : ask("Password", true);
	if (str_empty(*ret_user) || str_empty(*ret_password))
		return cli_usage(cli, "user name and password may not be empty");
	return 0;
}

static int login_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_free char *registry = registry_of(argc ? argv[0] : HUB), *user = NULL,
		       *password = NULL;
	auto_json json_t *body = json_object(), *reply = NULL;
	struct error err = ERROR_INIT;
	json_t *auth = json_object();
	int r;

	json_set_new(body, "auth", auth);
	if (argc > 1)
		return cli_usage(cli, "\"cmp login\" takes at most 1 argument: REGISTRY");
	r = credentials(cli, values, &user, &password);
	if (r)
		return r;
	json_set_str(body, "registry", registry);
	json_set_str(auth, "username", user);
	json_set_str(auth, "password", password);
	if (client_call(cli->socket_path, true, "POST", "/cmp/v1/auth", body, &reply, &err) < 0) {
		error_wrap(&err, "login to %s", registry);
		return cli_fail(cli, &err);
	}
	if (auth_store(cli, registry, user, password, &err) < 0)
		return cli_fail(cli, &err);
	puts("Login Succeeded");
	return 0;
}

static int logout_run(struct cli *cli, const void *values, int argc, char **argv)
{
	auto_free char *registry = registry_of(argc ? argv[0] : HUB);
	struct error err = ERROR_INIT;
	bool was = false;

	(void)values;
	if (argc > 1)
		return cli_usage(cli, "\"cmp logout\" takes at most 1 argument: REGISTRY");
	if (auth_erase(registry, &was, &err) < 0)
		return cli_fail(cli, &err);
	if (was)
		printf("Removing login credentials for %s\n", registry);
	else
		printf("Not logged in to %s\n", registry);
	return 0;
}

const struct command cmd_login = {
	.name = "login",
	.usage = "[OPTIONS] [REGISTRY]",
	.summary = "Log in to a registry",
	.options = login_options,
	.values_size = sizeof(struct values),
	.run = login_run,
};

const struct command cmd_logout = {
	.name = "logout",
	.usage = "[REGISTRY]",
	.summary = "Log out of a registry",
	.run = logout_run,
};
