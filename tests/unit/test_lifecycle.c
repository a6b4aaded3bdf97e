/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a container in a world where nothing is started: every cell of the table is walked,
 * and the requests are made with a shim that says what the test wants.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "engine/container_int.h"
#include "engine/health.h"
#include "engine/network.h"
#include "engine/sweep.h"

static struct daemon world;
static struct buf happened; /* "start die=0 …" */
static bool refuse_launch, refuse_ports;
static int destroyed, destroyed_volumes;

/* ---- what the life cycle calls */

static void note(const char *word)
{
	buf_addf(&happened, "%s%s", happened.len ? " " : "", word);
}

int container_launch(struct container *c, const struct shim_events *events, struct error *err)
{
	(void)events;
	if (refuse_launch)
		return error_set(err, ENOENT, "exec nothing: No such file or directory");
	c->shim = (struct shim *)c; /* never looked into */
	note("launch");
	return 0;
}

void shim_free(struct shim *s)
{
	(void)s;
}

void shim_kill(struct shim *s)
{
	(void)s;
	note("kill-shim");
}

void container_reach(struct container *c)
{
	(void)c;
	note("reach");
}

int shim_signal(struct shim *s, uint32_t process, int signo, struct error *err)
{
	char word[32];

	(void)s;
	(void)process;
	(void)err;
	snprintf(word, sizeof(word), "signal=%d", signo);
	note(word);
	return 0;
}

int runtime_cgroup_act(const struct runtime_host *host, const char *parent, const char *id,
		       enum runtime_cgroup_event what, struct error *err)
{
	static const char *const words[] = {"freeze", "thaw", "kill"};

	(void)host;
	(void)parent;
	(void)id;
	(void)err;
	note(words[what]);
	return 0;
}

void sweep_cgroup(struct daemon *d, const char *id, void (*done)(void *arg), void *arg)
{
	(void)d;
	(void)id;
	note("sweep");
	done(arg);
}

int publish_acquire(struct container *c, struct error *err)
{
	(void)c;
	return refuse_ports ? error_set(err, EADDRINUSE, "port 80 is taken") : 0;
}

void publish_release(struct container *c)
{
	(void)c;
}

void publish_refresh(struct container *c)
{
	(void)c;
}

void publish_keep(struct container *c)
{
	(void)c;
}

void publish_adopt(struct container *c, const char *name, int fd)
{
	(void)c;
	(void)name;
	(void)fd;
}

void endpoints_up(struct container *c, int dns_udp_fd, int dns_tcp_fd)
{
	(void)c;
	(void)dns_udp_fd;
	(void)dns_tcp_fd;
}

void endpoints_down(struct container *c)
{
	(void)c;
}

void health_start(struct container *c)
{
	(void)c;
}

void health_stop(struct container *c)
{
	(void)c;
}

void container_set_populated(struct container *c)
{
	(void)c;
}

void container_save_or_log(struct container *c)
{
	(void)c;
}

void container_notify(struct container *c, enum container_change what)
{
	(void)c;
	(void)what;
}

void container_emit(struct container *c, const char *action, const char *key, const char *detail)
{
	auto_free char *word = key ? xasprintf("%s=%s", action, detail) : xstrdup(action);

	(void)c;
	note(word);
}

int container_stop_signal(const struct container *c)
{
	(void)c;
	return SIGTERM;
}

void container_destroy(struct container *c, bool volumes)
{
	c->state = CONTAINER_REMOVING;
	destroyed++;
	destroyed_volumes += volumes;
	note("destroy");
	life_free(c);
	container_unref(c);
}

struct container *container_ref(struct container *c)
{
	c->refs++;
	return c;
}

void container_unref(struct container *c)
{
	if (--c->refs)
		return;
	life_free(c);
	free(c->error);
	free(c->config.restart.policy);
	free(c);
}

/* ---- the test's own */

static struct container *make(enum container_state state)
{
	struct container *c = xcalloc(1, sizeof(*c));

	c->daemon = &world;
	c->refs = 2; /* the map's and ours */
	c->name = (char *)(uintptr_t) "web";
	c->state = state;
	c->life = life_new(c);
	if (state >= CONTAINER_STARTING && state <= CONTAINER_STOPPING)
		c->shim = (struct shim *)c;
	buf_reset(&happened);
	return c;
}

static void set_policy(struct container *c, const char *policy, int64_t max)
{
	c->config.restart.policy = xstrdup(policy);
	c->config.restart.max = max;
}

static void drop(struct container *c)
{
	assert_int_equal(c->refs, c->state == CONTAINER_REMOVING ? 1 : 2);
	c->refs = 1;
	container_unref(c);
	uv_run(world.loop, UV_RUN_NOWAIT);
}

static void end(struct container *c, int status)
{
	c->life->exit = (struct shim_exit){.status = status};
	container_event(c, EVENT_ENDED);
}

struct answer {
	int count, code;
	char msg[200];
};

static void on_done(void *arg, const struct error *err)
{
	struct answer *a = arg;

	a->count++;
	a->code = err ? err->code : 0;
	str_copy(a->msg, sizeof(a->msg), err ? err->msg : "");
}

/* Lets pass what is due now. */
static void turn(void)
{
	uv_run(world.loop, UV_RUN_NOWAIT);
	uv_run(world.loop, UV_RUN_NOWAIT);
}

static int make_world(void **state)
{
	(void)state;
	world.loop = uv_default_loop();
	buf_init(&happened, 4096);
	list_init(&world.container_watchers);
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	buf_release(&happened);
	uv_run(world.loop, UV_RUN_NOWAIT);
	return uv_loop_close(world.loop);
}

/* ---- every cell */

/* What state an event leads to, from which; "" stays.  Events in the order of their enum. */
static const char *const expected[CONTAINER_STATE_MAX][CONTAINER_EVENT_MAX] = {
	/* clang-format off */
	/* START       STARTED    FAILED    ENDED     STOP       LATE DUE        PAUSE     UNPAUSE    REMOVE */
	{"starting",   "",        "",       "",       "",        "",  "",        "",       "",        "removing"},
	{"",           "running", "exited", "exited", "",        "",  "",        "",       "",        ""},
	{"",           "",        "",       "exited", "stopping", "", "",        "paused", "",        ""},
	{"",           "",        "",       "exited", "stopping", "", "",        "",       "running", ""},
	{"",           "",        "",       "exited", "",        "",  "",        "",       "",        ""},
	{"starting",   "",        "",       "",       "exited",  "",  "starting", "",      "",        "removing"},
	{"starting",   "",        "",       "",       "",        "",  "",        "",       "",        "removing"},
	{"",           "",        "",       "",       "",        "",  "",        "",       "",        "removing"},
	{"",           "",        "",       "",       "",        "",  "",        "",       "",        ""},
	/* clang-format on */
};

static const char *word_of(enum container_state s)
{
	return s == CONTAINER_STOPPING ? "stopping" : container_state_name(s);
}

static void test_all_cells(void **state)
{
	int s, e;

	(void)state;
	for (s = 0; s < CONTAINER_STATE_MAX; s++)
		for (e = 0; e < CONTAINER_EVENT_MAX; e++) {
			struct container *c = make((enum container_state)s);
			const char *then = expected[s][e];

			error_set(&c->life->failure, ENOENT, "no");
			if (s == CONTAINER_REMOVING)
				life_free(c);
			container_event(c, (enum container_event)e);
			if (strcmp(word_of(c->state),
				   *then ? then : word_of((enum container_state)s)))
				fail_msg("%s, %s: is %s", word_of((enum container_state)s),
					 container_event_name((enum container_event)e),
					 word_of(c->state));
			if (s == CONTAINER_REMOVING)
				c->refs = 1;
			drop(c);
		}
}

/* Every state has a name, every event too, and no cell is out of range. */
static void test_names(void **state)
{
	int s, e;

	(void)state;
	for (s = 0; s < CONTAINER_STATE_MAX; s++)
		assert_non_null(container_state_name((enum container_state)s));
	for (e = 0; e < CONTAINER_EVENT_MAX; e++)
		assert_non_null(container_event_name((enum container_event)e));
	assert_int_equal(container_event_action(CONTAINER_CREATED, EVENT_PAUSE), -1);
	assert_int_equal(container_event_action(CONTAINER_CREATED, EVENT_ENDED), 0);
}

/* ---- requests */

static void test_start(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0}, again = {0};

	(void)state;
	container_start(c, on_done, &a);
	container_start(c, on_done, &again);
	turn();
	assert_int_equal(a.count + again.count, 0);
	container_event(c, EVENT_STARTED);
	assert_int_equal(a.count, 1);
	assert_int_equal(again.count, 1);
	assert_int_equal(a.code, 0);
	container_start(c, on_done, &a); /* runs already */
	assert_int_equal(a.count, 1);
	turn();
	assert_int_equal(a.count, 2);
	assert_string_equal(happened.data, "launch start");
	drop(c);
}

static void test_start_fails_at_once(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0};

	(void)state;
	refuse_launch = true;
	container_start(c, on_done, &a);
	refuse_launch = false;
	assert_int_equal(a.count, 0);
	turn();
	assert_int_equal(a.count, 1);
	assert_int_equal(a.code, ENOENT);
	assert_string_equal(a.msg, "start container web: exec nothing: No such file or directory");
	assert_int_equal(c->state, CONTAINER_EXITED);
	assert_int_equal(c->exit_code, 127);
	drop(c);
}

static void test_start_fails_later(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0};

	(void)state;
	set_policy(c, "always", 0);
	container_start(c, on_done, &a);
	container_shim_events.on_failed(c, &(struct error){EACCES, "exec x: Permission denied"});
	assert_int_equal(a.count, 1);
	assert_string_equal(a.msg, "start container web: exec x: Permission denied");
	assert_int_equal(c->exit_code, 126);
	assert_int_equal(c->state, CONTAINER_EXITED); /* a first start is not tried again */
	drop(c);
}

static void test_start_auto_remove_fails(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0};

	(void)state;
	c->config.auto_remove = true;
	c->refs = 1; /* nobody else holds it */
	refuse_launch = true;
	container_start(c, on_done, &a);
	refuse_launch = false;
	turn();
	assert_int_equal(a.count, 1);
	assert_int_equal(a.code, ENOENT);
	assert_string_equal(happened.data, "destroy");
	turn();
}

static void test_ports_taken(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0};

	(void)state;
	refuse_ports = true;
	container_start(c, on_done, &a);
	refuse_ports = false;
	turn();
	assert_string_equal(a.msg, "start container web: port 80 is taken");
	assert_int_equal(c->state, CONTAINER_CREATED);
	drop(c);
}

static void test_stop(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct answer a = {0}, b = {0};

	(void)state;
	set_policy(c, "always", 0);
	container_stop(c, NULL, -1, on_done, &a);
	container_stop(c, NULL, -1, on_done, &b);
	assert_int_equal(c->state, CONTAINER_STOPPING);
	container_event(c, EVENT_STOP_LATE);
	assert_int_equal(a.count, 0);
	end(c, 137);
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 1);
	assert_int_equal(c->state, CONTAINER_EXITED); /* whatever the policy says */
	assert_string_equal(happened.data,
			    "kill=SIGTERM signal=15 kill=SIGKILL signal=9 die=137 stop");
	container_stop(c, "SIGNONE", -1, on_done, &a);
	turn();
	assert_int_equal(a.code, EINVAL);
	container_stop(c, NULL, -1, on_done, &a);
	turn();
	assert_int_equal(a.count, 3);
	assert_int_equal(a.code, 0);
	drop(c);
}

static void test_stop_while_starting(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer a = {0}, s = {0};

	(void)state;
	container_start(c, on_done, &s);
	container_stop(c, "INT", 0, on_done, &a);
	container_event(c, EVENT_STARTED);
	assert_int_equal(s.count, 1);
	assert_int_equal(c->state, CONTAINER_STOPPING);
	end(c, 0);
	assert_int_equal(a.count, 1);
	assert_string_equal(happened.data, "launch start kill=SIGINT signal=2 die=0 stop");
	drop(c);
}

static void test_restart_request(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct answer a = {0};

	(void)state;
	container_restart(c, 0, on_done, &a);
	end(c, 0);
	turn();
	assert_int_equal(c->state, CONTAINER_STARTING);
	assert_int_equal(a.count, 0);
	container_event(c, EVENT_STARTED);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.code, 0);
	assert_false(c->stopped_by_user);
	drop(c);
}

static void test_policy(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);

	(void)state;
	set_policy(c, "on-failure", 2);
	c->started_ns = time_now_ns();
	end(c, 1);
	assert_int_equal(c->state, CONTAINER_RESTARTING);
	assert_int_equal(c->life->pause_ns, 100 * NS_PER_MS);
	container_event(c, EVENT_RESTART_DUE);
	container_event(c, EVENT_STARTED);
	end(c, 1);
	assert_int_equal(c->state, CONTAINER_RESTARTING);
	assert_int_equal(c->life->pause_ns, 200 * NS_PER_MS);
	container_event(c, EVENT_RESTART_DUE);
	container_event(c, EVENT_STARTED);
	end(c, 1);
	assert_int_equal(c->state, CONTAINER_EXITED); /* twice was enough */
	container_start(c, NULL, NULL);
	assert_int_equal(c->restart_count, 0);
	container_event(c, EVENT_STARTED);
	end(c, 0);
	assert_int_equal(c->state, CONTAINER_EXITED); /* that was no failure */
	drop(c);
}

static void test_policy_pauses(void **state)
{
	struct container *c = make(CONTAINER_EXITED);
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		restart_pause_ns(c);
	assert_int_equal(restart_pause_ns(c), 60 * NS_PER_SEC);
	c->started_ns = 0;
	c->finished_ns = 11 * NS_PER_SEC;
	assert_int_equal(restart_pause_ns(c), 100 * NS_PER_MS);
	drop(c);
}

static void test_stop_cancels_a_restart(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct answer a = {0};

	(void)state;
	set_policy(c, "always", 0);
	end(c, 1);
	container_stop(c, NULL, -1, on_done, &a);
	turn();
	assert_int_equal(a.count, 1);
	assert_int_equal(c->state, CONTAINER_EXITED);
	drop(c);
}

static void test_kill_out_of_reach(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct error err = ERROR_INIT;

	(void)state;
	c->out_of_reach = true;
	assert_int_equal(container_kill(c, SIGTERM, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "its shim does not answer"));
	assert_int_equal(container_kill(c, SIGKILL, &err), 0);
	assert_false(c->out_of_reach);
	assert_null(c->shim);
	drop(c);
}

static void test_kill(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct error err = ERROR_INIT;

	(void)state;
	set_policy(c, "always", 0);
	c->pid = 5;
	assert_int_equal(container_kill(c, SIGUSR1, &err), 0);
	assert_false(c->stopped_by_user);
	assert_int_equal(container_kill(c, SIGKILL, &err), 0);
	end(c, 137);
	assert_int_equal(c->state, CONTAINER_EXITED);
	assert_int_equal(container_kill(c, SIGKILL, &err), -EBUSY);
	assert_string_equal(err.msg, "cannot kill container web: it is not running");
	drop(c);
}

static void test_pause(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(container_pause(c, false, &err), -EBUSY);
	assert_int_equal(container_pause(c, true, &err), 0);
	assert_int_equal(c->state, CONTAINER_PAUSED);
	container_stop(c, NULL, 0, NULL, NULL);
	end(c, 143);
	assert_string_equal(happened.data, "freeze pause thaw kill=SIGTERM signal=15 die=143 stop");
	drop(c);
}

static void test_remove(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);
	struct answer a = {0}, b = {0};

	(void)state;
	destroyed = destroyed_volumes = 0;
	container_remove(c, false, false, on_done, &a);
	turn();
	assert_int_equal(a.code, EBUSY);
	container_remove(c, true, true, on_done, &a);
	container_remove(c, true, true, on_done, &b);
	assert_int_equal(a.count, 1);
	end(c, 137);
	assert_int_equal(a.count, 2);
	assert_int_equal(b.count, 1);
	assert_int_equal(a.code, 0);
	assert_int_equal(destroyed, 1);
	assert_int_equal(destroyed_volumes, 1);
	/* Somebody still holds it. */
	container_remove(c, true, false, on_done, &a);
	container_stop(c, NULL, 0, on_done, &b);
	turn();
	assert_int_equal(a.count, 3);
	assert_int_equal(b.count, 2);
	drop(c);
}

static void test_remove_while_starting(void **state)
{
	struct container *c = make(CONTAINER_CREATED);
	struct answer s = {0}, r = {0};

	(void)state;
	container_start(c, on_done, &s);
	container_remove(c, true, false, on_done, &r);
	container_shim_events.on_failed(c, &(struct error){EIO, "no"});
	assert_int_equal(s.count, 1);
	assert_int_equal(s.code, EIO);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.code, 0);
	drop(c);
}

static void test_auto_remove(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);

	(void)state;
	destroyed = destroyed_volumes = 0;
	c->config.auto_remove = true;
	end(c, 0);
	assert_int_equal(destroyed, 1);
	assert_int_equal(destroyed_volumes, 1);
	drop(c);
}

static void test_lost_shim(void **state)
{
	struct container *c = make(CONTAINER_RUNNING);

	(void)state;
	set_policy(c, "unless-stopped", 0);
	container_shim_events.on_gone(c, NULL);
	assert_int_equal(c->state, CONTAINER_RESTARTING);
	assert_int_equal(c->exit_code, 137);
	assert_string_equal(happened.data, "sweep die=137");
	drop(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cells),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_start_fails_at_once),
		cmocka_unit_test(test_start_fails_later),
		cmocka_unit_test(test_start_auto_remove_fails),
		cmocka_unit_test(test_ports_taken),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_while_starting),
		cmocka_unit_test(test_restart_request),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_pauses),
		cmocka_unit_test(test_stop_cancels_a_restart),
		cmocka_unit_test(test_kill_out_of_reach),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_remove_while_starting),
		cmocka_unit_test(test_auto_remove),
		cmocka_unit_test(test_lost_shim),
	};

	return cmocka_run_group_tests(tests, make_world, free_world);
}
