/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the table as it should be.  Every change of networks, ports and backends only says that
 * something changed; then one transaction at a time runs in a worker, with the text of the state at
 * its start.  Changes meanwhile make one more, however many they are.  The worker owns `text` and
 * `result` while `running`; everything else belongs to the loop thread.
 *
 * The context of libnftables lives as long as there is something to do.  Closing one after every
 * transaction would make each wait until the kernel has destroyed what was replaced, some 15 ms;
 * keeping it would keep what it has cached, half a megabyte for every table of the host.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <uv.h>

#include <nftables/libnftables.h>

#include "base/log.h"
#include "net/firewall.h"
#include "net/net_int.h"

#define IDLE_MS 1000 /* then the context goes */

struct waiter {
	struct list link;
	uint64_t version;
	void (*done)(void *arg, const struct error *err);
	void *arg;
};

struct firewall {
	struct net *net;
	uv_async_t wake;
	uv_timer_t idle;
	uv_work_t work;
	struct net_network *networks;
	size_t network_count;
	uint64_t wanted, applied; /* versions of the state */
	uint64_t version;	  /* of the transaction that runs */
	bool running, asked;
	bool networks_changed;
	struct net_backend *leaving; /* served UDP and do no more */
	size_t leaving_count;
	struct list waiters;
	struct error last; /* of the last transaction */
	char *in_force;	   /* text of the last that succeeded */

	/* the worker's */
	struct nft_ctx *ctx;  /* under the lock; NULL: not needed for a while */
	pthread_mutex_t lock; /* against net_firewall_destroy */
	bool destroyed;	      /* under the lock */
	char *text;
	bool guest; /* the networks have changed */
	char **bridges;
	struct net_backend *gone;
	size_t gone_count;
	struct error result;
};

/* ---- in the worker */

static int make_context(void *arg)
{
	struct firewall *f = arg;

	f->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!f->ctx)
		return -ENOMEM;
	nft_ctx_buffer_error(f->ctx);
	nft_ctx_buffer_output(f->ctx);
	return 0;
}

static int need_context(struct firewall *f, struct error *err)
{
	int r = f->ctx ? 0 : net_inside(f->net->netns_fd, make_context, f);

	return r < 0 ? error_sys(err, -r, "open the firewall") : 0;
}

int firewall_run(struct nft_ctx *ctx, const char *commands, bool handles, struct buf *out,
		 struct error *err)
{
	const char *why;

	nft_ctx_output_set_flags(ctx, handles ? NFT_CTX_OUTPUT_HANDLE : 0);
	if (nft_run_cmd_from_buffer(ctx, commands)) {
		why = nft_ctx_get_error_buffer(ctx);
		return error_set(err, EIO, "firewall: %.*s", (int)strcspn(why, "\n"), why);
	}
	why = nft_ctx_get_output_buffer(ctx); /* empties it */
	if (out)
		buf_adds(out, why);
	return 0;
}

static void on_work(uv_work_t *work)
{
	struct firewall *f = container_of(work, struct firewall, work);

	size_t i;

	f->result = ERROR_INIT;
	pthread_mutex_lock(&f->lock);
	if (!f->destroyed && need_context(f, &f->result) == 0) {
		if (firewall_run(f->ctx, f->text, false, NULL, &f->result) < 0)
			log_debug("firewall", "refused:\n%s", f->text);
		if (f->guest) {
			firewall_guest(f->ctx, f->net->table, f->bridges);
			firewall_guard(f->ctx, f->net->table, f->bridges);
		}
		for (i = 0; i < f->gone_count; i++)
			firewall_forget(f->net->netns_fd, &f->gone[i]);
	}
	pthread_mutex_unlock(&f->lock);
}

static void drop_context(struct firewall *f)
{
	if (f->ctx)
		nft_ctx_free(f->ctx);
	f->ctx = NULL;
	malloc_trim(0); /* the caches were many small pieces */
}

static void on_drop(uv_work_t *work)
{
	struct firewall *f = container_of(work, struct firewall, work);

	pthread_mutex_lock(&f->lock);
	drop_context(f);
	pthread_mutex_unlock(&f->lock);
}

/* ---- in the loop */

static void firewall_step(struct firewall *f);

static void queue(struct firewall *f, uv_work_cb work, uv_after_work_cb worked)
{
	f->running = true;
	if (uv_queue_work(f->net->loop, &f->work, work, worked) < 0)
		abort(); /* only without a callback */
}

static void on_dropped(uv_work_t *work, UNUSED int status)
{
	struct firewall *f = container_of(work, struct firewall, work);

	f->running = false;
	firewall_step(f);
}

static void on_idle(uv_timer_t *idle)
{
	struct firewall *f = container_of(idle, struct firewall, idle);

	if (!f->running && !f->net->closing) /* what runs starts the timer again */
		queue(f, on_drop, on_dropped);
}

static void idle_from_now(struct firewall *f)
{
	(void)!uv_timer_start(&f->idle, on_idle, IDLE_MS, 0);
	uv_unref((uv_handle_t *)&f->idle);
}

static void drop_work(struct firewall *f)
{
	free(f->text);
	strv_free(f->bridges);
	free(f->gone);
	f->text = NULL;
	f->bridges = NULL;
	f->gone = NULL;
	f->gone_count = 0;
}

static void on_worked(uv_work_t *work, UNUSED int status)
{
	struct firewall *f = container_of(work, struct firewall, work);

	f->running = false;
	f->applied = f->version;
	f->last = f->result;
	free(f->in_force);
	f->in_force = f->last.code || f->destroyed ? NULL : steal_ptr(&f->text);
	drop_work(f);
	if (f->last.code)
		log_err("firewall", "%s", f->last.msg);
	idle_from_now(f);
	firewall_step(f);
}

static void firewall_release(struct firewall *f)
{
	struct waiter *w, *next;

	list_for_each_safe (w, next, &f->waiters, link)
		free(w);
	drop_context(f);
	pthread_mutex_destroy(&f->lock);
	drop_work(f);
	free(f->networks);
	free(f->leaving);
	free(f->in_force);
	free(f);
}

static void on_idle_closed(uv_handle_t *handle)
{
	struct firewall *f = container_of((uv_timer_t *)handle, struct firewall, idle);
	struct net *n = f->net;

	n->firewall = NULL;
	firewall_release(f);
	net_unref(n);
}

static void on_wake_closed(uv_handle_t *handle)
{
	struct firewall *f = container_of((uv_async_t *)handle, struct firewall, wake);

	uv_close((uv_handle_t *)&f->idle, on_idle_closed);
}

static char *wanted_text(const struct firewall *f)
{
	struct firewall_state s = {
		.table = f->net->table,
		.networks = f->networks,
		.network_count = f->network_count,
		.ports = &f->net->ports,
		.owns_forwarding = f->net->owns_forwarding,
	};
	struct buf text = BUF_INIT;

	firewall_text(&s, &text);
	return buf_steal(&text);
}

static void start(struct firewall *f)
{
	auto_free char *text = wanted_text(f);

	size_t i;

	f->version = f->wanted;
	if (str_eq(text, f->in_force)) {
		f->applied = f->version;
		return;
	}
	f->text = steal_ptr(&text);
	f->guest = f->networks_changed;
	f->networks_changed = false;
	for (i = 0; i < f->network_count; i++)
		strv_push(&f->bridges, xstrdup(f->networks[i].bridge));
	f->gone = steal_ptr(&f->leaving);
	f->gone_count = f->leaving_count;
	f->leaving_count = 0;
	queue(f, on_work, on_worked);
}

static void tell_waiters(struct firewall *f)
{
	struct list ready = LIST_INIT(ready);
	struct waiter *w, *next;

	list_for_each_safe (w, next, &f->waiters, link) {
		if (w->version > f->applied)
			continue;
		list_remove(&w->link);
		list_append(&ready, &w->link);
	}
	list_for_each_safe (w, next, &ready, link) {
		w->done(w->arg, f->last.code ? &f->last : NULL);
		free(w);
	}
}

static void firewall_step(struct firewall *f)
{
	if (f->running)
		return;
	if (f->net->closing) {
		uv_close((uv_handle_t *)&f->wake, on_wake_closed);
		return;
	}
	if (f->wanted != f->applied)
		start(f);
	tell_waiters(f);
	if (!f->asked)
		uv_unref((uv_handle_t *)&f->wake); /* a worker keeps the loop by itself */
}

static void on_wake(uv_async_t *wake)
{
	struct firewall *f = container_of(wake, struct firewall, wake);

	f->asked = false;
	firewall_step(f);
}

static void ask(struct firewall *f)
{
	if (!f->asked)
		uv_async_send(&f->wake);
	f->asked = true;
	uv_ref((uv_handle_t *)&f->wake); /* the loop does not end before this is done */
}

void firewall_touch(struct net *n)
{
	if (!n->firewall || n->closing)
		return;
	n->firewall->wanted++;
	ask(n->firewall);
}

void firewall_leaves(struct net *n, const struct net_backend *backend)
{
	struct firewall *f = n->firewall;

	if (!f || n->closing)
		return;
	f->leaving = xreallocarray(f->leaving, f->leaving_count + 1, sizeof(*backend));
	f->leaving[f->leaving_count++] = *backend;
}

void net_firewall_networks(struct net *n, const struct net_network *networks, size_t count)
{
	struct firewall *f = n->firewall;
	size_t i;

	free(f->networks);
	f->networks = xcalloc(count + 1, sizeof(*networks));
	f->network_count = 0;
	for (i = 0; i < count; i++)
		if (net_ifname_valid(networks[i].bridge)) /* no other has a bridge */
			f->networks[f->network_count++] = networks[i];
	f->networks_changed = true;
	pthread_mutex_lock(&f->lock);
	f->destroyed = false;
	pthread_mutex_unlock(&f->lock);
	firewall_touch(n);
}

void net_firewall_sync(struct net *n, void (*done)(void *arg, const struct error *err), void *arg)
{
	struct firewall *f = n->firewall;
	struct waiter *w = xcalloc(1, sizeof(*w));

	if (f->last.code && !f->running && f->wanted == f->applied)
		f->wanted++; /* the last one failed: once more */
	w->version = f->wanted;
	w->done = done;
	w->arg = arg;
	list_append(&f->waiters, &w->link);
	ask(f);
}

int net_firewall_destroy(struct net *n, struct error *err)
{
	struct firewall *f = n->firewall;
	auto_free char *text =
		xasprintf("table inet %s {\n}\ndelete table inet %s\n", n->table, n->table);
	int r;

	pthread_mutex_lock(&f->lock);
	f->destroyed = true;
	r = need_context(f, err);
	if (r == 0) {
		r = firewall_run(f->ctx, text, false, NULL, err);
		firewall_guest(f->ctx, n->table, NULL);
		firewall_guard(f->ctx, n->table, false);
	}
	pthread_mutex_unlock(&f->lock);
	idle_from_now(f);
	free(f->networks);
	f->networks = NULL;
	f->network_count = 0;
	if (!f->running) {
		free(f->in_force);
		f->in_force = NULL;
	}
	return r;
}

/* A table of ours that has this chain was made by a supervisor that turned forwarding on. */
static bool left_owning(struct net *n)
{
	auto_free char *text = xasprintf("list chain inet %s cmp_foreign", n->table);
	struct error none = ERROR_INIT;

	return firewall_run(n->firewall->ctx, text, false, NULL, &none) == 0;
}

int firewall_open(struct net *n, struct error *err)
{
	struct firewall *f;
	int r;

	if (!n->loop)
		return 0;
	f = xcalloc(1, sizeof(*f));
	f->net = n;
	list_init(&f->waiters);
	pthread_mutex_init(&f->lock, NULL);
	r = need_context(f, err);
	if (r == 0) {
		r = uv_async_init(n->loop, &f->wake, on_wake);
		if (r < 0)
			r = error_sys(err, -r, "open the firewall");
	}
	if (r < 0) {
		firewall_release(f);
		return r;
	}
	uv_unref((uv_handle_t *)&f->wake);
	(void)!uv_timer_init(n->loop, &f->idle); /* never fails */
	idle_from_now(f);
	n->refs++;
	n->firewall = f;
	n->owns_forwarding = left_owning(n);
	return 0;
}

void firewall_close(struct net *n)
{
	if (n->firewall && !n->firewall->running)
		firewall_step(n->firewall);
}
