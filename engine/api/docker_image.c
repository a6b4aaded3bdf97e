/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are there: list, inspect, history, tags, removal. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "base/reference.h"
#include "base/time.h"
#include "engine/api/docker.h"
#include "engine/api/routes.h"
#include "engine/events.h"

/* ---- finding */

static struct image *wanted(struct api_request *r)
{
	auto_reference struct image_reference ref = {0};
	struct error err = ERROR_INIT;
	auto_free char *full = NULL;
	struct image *im;

	if (image_resolve(r->daemon->images, r->params[0], &im, &err) == 0)
		return im;
	if (err.code == ENOENT && image_reference_parse(r->params[0], &ref, &err) == 0)
		full = image_reference_familiar(&ref);
	if (full)
		docker_fail(r, 404, "No such image: %s", full);
	else
		docker_fail(r, err.code == ENOENT ? 404 : 400, "%s", err.msg);
	return NULL;
}

static size_t users_of(const struct daemon *d, const struct image *im)
{
	struct map_iter it = {0};
	size_t count = 0;

	while (map_next(d->containers, &it))
		count += str_eq(((const struct container *)it.value)->image_id, im->id);
	return count;
}

/* ---- writing */

void docker_put_image_summary(struct buf *b, const struct daemon *d, const struct image *im)
{
	buf_addf(b,
		 "{\"Containers\":%zu,\"Created\":%lld,\"Id\":\"%s\",\"Labels\":", users_of(d, im),
		 (long long)(im->created_ns / NS_PER_SEC), im->id);
	docker_put_value(b, json_get_obj(im->config, "Labels"));
	buf_adds(b, ",\"ParentId\":\"\",\"RepoDigests\":");
	docker_put_strv(b, im->digests, "[]");
	buf_adds(b, ",\"RepoTags\":");
	docker_put_strv(b, im->tags, "[]");
	buf_addf(b, ",\"SharedSize\":-1,\"Size\":%lld}", (long long)im->size_bytes);
}

static const char *document_text(const struct image *im, const char *key)
{
	const char *text = json_get_str(im->document, key);

	return text ? text : "";
}

static void put_inspect(struct buf *b, const struct image *im)
{
	size_t i = strv_len(im->layers);

	buf_addf(b, "{\"Id\":\"%s\",\"RepoTags\":", im->id);
	docker_put_strv(b, im->tags, "[]");
	buf_adds(b, ",\"RepoDigests\":");
	docker_put_strv(b, im->digests, "[]");
	buf_adds(b, ",\"Parent\":\"\",\"Comment\":");
	docker_put_str(b, document_text(im, "comment"));
	buf_adds(b, ",\"Created\":");
	docker_put_time(b, im->created_ns);
	buf_adds(b, ",\"DockerVersion\":\"\",\"Author\":");
	docker_put_str(b, document_text(im, "author"));
	buf_adds(b, ",\"Architecture\":");
	docker_put_str(b, document_text(im, "architecture"));
	if (*document_text(im, "variant")) {
		buf_adds(b, ",\"Variant\":");
		docker_put_str(b, document_text(im, "variant"));
	}
	buf_adds(b, ",\"Os\":");
	docker_put_str(b, document_text(im, "os"));
	buf_addf(b, ",\"Size\":%lld,\"GraphDriver\":{\"Data\":{\"UpperDir\":",
		 (long long)im->size_bytes);
	docker_put_str(b, i ? im->layers[i - 1] : "");
	buf_adds(b, "},\"Name\":\"overlay2\"},\"RootFS\":{\"Type\":\"layers\",\"Layers\":");
	docker_put_strv(b, im->diff_ids, "[]");
	buf_adds(b, "},\"Metadata\":{\"LastTagTime\":");
	docker_put_time(b, im->created_ns);
	buf_adds(b, "},\"Config\":");
	docker_put_value(b, im->config);
	buf_addc(b, '}');
}

/* ---- list */

struct bounds {
	int64_t before_ns, since_ns, until_ns;
};

/* "busy*", "busybox:1.*": against NAME:TAG, or NAME alone. */
static bool matches_reference(const struct docker_filters *f, const struct image *im)
{
	char *const *v = docker_filter(f, "reference"), *const * tag;

	if (!v)
		return true;
	for (; *v; v++) {
		for (tag = im->tags; tag && *tag; tag++) {
			auto_free char *name = xstrndup(
				*tag, (size_t)(strrchr(*tag, ':') ? strrchr(*tag, ':') - *tag : 0));

			if (fnmatch(*v, *tag, FNM_PATHNAME) == 0 ||
			    fnmatch(*v, name, FNM_PATHNAME) == 0)
				return true;
		}
	}
	return false;
}

static bool is_true(const char *value)
{
	return !strcmp(value, "1") || !strcasecmp(value, "true");
}

static bool is_wanted(const struct docker_filters *f, const struct bounds *bounds,
		      const struct image *im)
{
	char *const *dangling = docker_filter(f, "dangling");

	if (dangling && is_true(*dangling) != !strv_len(im->tags))
		return false;
	if ((bounds->before_ns && im->created_ns >= bounds->before_ns) ||
	    (bounds->since_ns && im->created_ns <= bounds->since_ns) ||
	    (bounds->until_ns && im->created_ns >= bounds->until_ns))
		return false;
	return matches_reference(f, im) &&
	       docker_filter_labels(f, json_get_obj(im->config, "Labels"));
}

static bool take_bound(struct api_request *r, const struct docker_filters *f, const char *key,
		       int64_t *ret_ns)
{
	char *const *v = docker_filter(f, key);
	AUTO(image_unref) struct image *im = NULL;
	struct error err = ERROR_INIT;

	if (!v)
		return true;
	if (image_resolve(r->daemon->images, *v, &im, &err) < 0) {
		docker_fail(r, 404, "No such image: %s", *v);
		return false;
	}
	*ret_ns = im->created_ns;
	return true;
}

static void get_images(struct api_request *r)
{
	static const char *const known[] = {"dangling", "label", "label!",    "before",
					    "since",	"until", "reference", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	auto_free struct image **all = NULL;
	auto_buf struct buf b = BUF_INIT;
	struct bounds bounds = {0};
	size_t i;

	if (!docker_filters_read(r, known, &filters) ||
	    !take_bound(r, filters, "before", &bounds.before_ns) ||
	    !take_bound(r, filters, "since", &bounds.since_ns) ||
	    !docker_filter_until(r, filters, &bounds.until_ns))
		return;
	all = image_list(r->daemon->images);
	buf_addc(&b, '[');
	for (i = 0; all[i]; i++) {
		if (!is_wanted(filters, &bounds, all[i]))
			continue;
		docker_put_comma(&b);
		docker_put_image_summary(&b, r->daemon, all[i]);
	}
	buf_addc(&b, ']');
	docker_reply(r, 200, &b);
}

static void get_image(struct api_request *r)
{
	AUTO(image_unref) struct image *im = wanted(r);
	auto_buf struct buf b = BUF_INIT;

	if (!im)
		return;
	put_inspect(&b, im);
	docker_reply(r, 200, &b);
}

/* ---- history */

static int64_t created_of(const json_t *entry)
{
	const char *text = json_get_str(entry, "created");
	struct error ignored = ERROR_INIT;
	int64_t ns = 0;

	return text && time_parse(text, 0, &ns, &ignored) == 0 ? ns / NS_PER_SEC : 0;
}

static void put_history(struct buf *b, const struct image *im, const json_t *entry, bool newest)
{
	const char *by = json_get_str(entry, "created_by"),
		   *comment = json_get_str(entry, "comment");

	docker_put_comma(b);
	buf_adds(b, "{\"Comment\":");
	docker_put_str(b, comment);
	buf_addf(b, ",\"Created\":%lld,\"CreatedBy\":", (long long)created_of(entry));
	docker_put_str(b, by);
	buf_adds(b, ",\"Id\":");
	docker_put_str(b, newest ? im->id : "<missing>");
	/* The sizes of single layers are not kept apart: the whole stands at the newest entry. */
	buf_addf(b, ",\"Size\":%lld,\"Tags\":", (long long)(newest ? im->size_bytes : 0));
	docker_put_strv(b, newest ? im->tags : NULL, "null");
	buf_addc(b, '}');
}

static void get_history(struct api_request *r)
{
	AUTO(image_unref) struct image *im = wanted(r);
	auto_buf struct buf b = BUF_INIT;
	const json_t *history;
	size_t i;

	if (!im)
		return;
	history = json_get_arr(im->document, "history");
	buf_addc(&b, '[');
	for (i = json_array_size(history); i--;)
		put_history(&b, im, json_array_get(history, i), i + 1 == json_array_size(history));
	buf_addc(&b, ']');
	docker_reply(r, 200, &b);
}

/* ---- changing */

struct changing {
	struct api_request *request; /* NULL: the client is gone */
	struct daemon *daemon;
	char *name;
	char id[DIGEST_TEXT_MAX];
};

static void on_hangup(void *arg)
{
	((struct changing *)arg)->request = NULL;
}

static struct changing *changing_new(struct api_request *r, const char *name)
{
	struct changing *c = xcalloc(1, sizeof(*c));

	c->request = r;
	c->daemon = r->daemon;
	c->name = xstrdup(name);
	r->arg = c;
	r->on_hangup = on_hangup;
	return c;
}

static void changing_free(struct changing *c)
{
	free(c->name);
	free(c);
}

static void emit(const struct changing *c, const char *action, const char *id, const char *name)
{
	json_t *attributes = json_object();

	json_set_str(attributes, "name", name ? name : id);
	events_emit(c->daemon->events, "image", action, id ? id : name, attributes);
}

static void on_tagged(void *arg, const struct error *err)
{
	struct changing *c = arg;
	struct api_request *r = c->request;

	if (r)
		r->on_hangup = NULL;
	if (!err)
		emit(c, "tag", c->name, c->name);
	changing_free(c);
	if (!r)
		return;
	if (err)
		api_reply_error(r, err);
	else
		api_reply_empty(r, 201);
}

static void post_tag(struct api_request *r)
{
	AUTO(image_unref) struct image *im = wanted(r);
	const char *repo = api_query(r, "repo"), *tag = api_query(r, "tag");
	auto_reference struct image_reference ref = {0};
	auto_free char *name = NULL;
	struct error err = ERROR_INIT;

	if (!im)
		return;
	name = xasprintf("%s%s%s", repo ? repo : "", str_empty(tag) ? "" : ":", tag ? tag : "");
	if (image_reference_parse(name, &ref, &err) < 0)
		docker_fail(r, 400, "invalid reference format: %s", err.msg);
	else
		image_tag(r->daemon->images, im->id, name, on_tagged, changing_new(r, name));
}

static const struct container *user_of(const struct daemon *d, const char *image_id)
{
	const struct container *found = NULL;
	struct map_iter it = {0};

	while (map_next(d->containers, &it)) {
		const struct container *c = it.value;

		if (str_eq(c->image_id, image_id) && (!found || c->pid))
			found = c;
	}
	return found;
}

/* Docker's words for who is in the way. */
static void remove_failed(struct changing *c, const struct error *err)
{
	const struct container *user = user_of(c->daemon, c->id);
	const char *hex = strchr(c->id, ':') ? strchr(c->id, ':') + 1 : c->id;

	if (err->code != EBUSY)
		api_reply_error(c->request, err);
	else if (user && user->pid)
		docker_fail(c->request, 409,
			    "conflict: unable to delete %.*s (cannot be forced) - image is being "
			    "used by running container %.*s",
			    DOCKER_SHORT_ID, hex, DOCKER_SHORT_ID, user->id);
	else if (user)
		docker_fail(c->request, 409,
			    "conflict: unable to remove repository reference \"%s\" (must force) - "
			    "container %.*s is using its referenced image %.*s",
			    c->name, DOCKER_SHORT_ID, user->id, DOCKER_SHORT_ID, hex);
	else
		docker_fail(
			c->request, 409,
			"conflict: unable to delete %.*s (must be forced) - image is referenced in "
			"multiple repositories",
			DOCKER_SHORT_ID, hex);
}

static void on_removed(void *arg, const json_t *removed, const struct error *err)
{
	struct changing *c = arg;
	struct api_request *r = c->request;
	auto_buf struct buf b = BUF_INIT;
	json_t *entry;
	size_t i;

	if (r)
		r->on_hangup = NULL;
	buf_addc(&b, '[');
	json_array_foreach ((json_t *)(uintptr_t)removed, i, entry) {
		const char *tag = json_get_str(entry, "untagged"),
			   *id = json_get_str(entry, "deleted");

		emit(c, tag ? "untag" : "delete", id, tag);
		docker_put_comma(&b);
		buf_addf(&b, "{\"%s\":", tag ? "Untagged" : "Deleted");
		docker_put_str(&b, tag ? tag : id);
		buf_addc(&b, '}');
	}
	buf_addc(&b, ']');
	if (r && err)
		remove_failed(c, err);
	else if (r)
		docker_reply(r, 200, &b);
	changing_free(c);
}

static void delete_image(struct api_request *r)
{
	AUTO(image_unref) struct image *im = wanted(r);
	struct image_remove_args args = {
		.ref = r->params[0],
		.force = docker_flag(r, "force"),
		.no_prune = docker_flag(r, "noprune"),
		.in_use = image_users,
		.arg = r->daemon,
	};
	struct changing *c;

	if (!im)
		return;
	c = changing_new(r, r->params[0]);
	str_copy(c->id, sizeof(c->id), im->id);
	image_remove(r->daemon->images, &args, on_removed, c);
}

/* ---- prune */

struct pruning {
	struct api_request *request; /* NULL: the client is gone */
	struct buf removed;
	int64_t bytes;
	size_t left; /* removals under way */
};

static void on_prune_hangup(void *arg)
{
	((struct pruning *)arg)->request = NULL;
}

static void prune_done(struct pruning *p)
{
	auto_buf struct buf b = BUF_INIT;

	if (--p->left)
		return;
	if (p->request) {
		p->request->on_hangup = NULL;
		buf_adds(&b, "{\"ImagesDeleted\":");
		if (p->removed.len)
			buf_addf(&b, "[%s]", p->removed.data);
		else
			buf_adds(&b, "null");
		buf_addf(&b, ",\"SpaceReclaimed\":%lld}", (long long)p->bytes);
		docker_reply(p->request, 200, &b);
	}
	buf_release(&p->removed);
	free(p);
}

static void on_pruned(void *arg, const json_t *removed, const struct error *err UNUSED)
{
	struct pruning *p = arg;
	json_t *entry;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)removed, i, entry) {
		const char *tag = json_get_str(entry, "untagged");
		const char *id = json_get_str(entry, "deleted");

		buf_addf(&p->removed, "%s{\"%s\":", p->removed.len ? "," : "",
			 tag ? "Untagged" : "Deleted");
		docker_put_str(&p->removed, tag ? tag : id);
		buf_addc(&p->removed, '}');
	}
	prune_done(p);
}

/* Unless asked otherwise, only those that have no name. */
static bool is_prunable(const struct daemon *d, const struct docker_filters *f, int64_t until_ns,
			const struct image *im)
{
	char *const *dangling = docker_filter(f, "dangling");

	if (user_of(d, im->id) || (until_ns && im->created_ns >= until_ns))
		return false;
	if ((!dangling || is_true(*dangling)) && strv_len(im->tags))
		return false;
	return docker_filter_labels(f, json_get_obj(im->config, "Labels"));
}

static void post_prune(struct api_request *r)
{
	static const char *const known[] = {"dangling", "label", "label!", "until", NULL};
	AUTO(docker_filters_free) struct docker_filters *filters = NULL;
	auto_free struct image **all = NULL;
	int64_t until_ns;
	struct pruning *p;
	size_t i;

	if (!docker_filters_read(r, known, &filters) || !docker_filter_until(r, filters, &until_ns))
		return;
	p = xcalloc(1, sizeof(*p));
	p->request = r;
	p->left = 1;
	buf_init(&p->removed, BUF_MAX_DEFAULT);
	r->arg = p;
	r->on_hangup = on_prune_hangup;
	all = image_list(r->daemon->images);
	for (i = 0; all[i]; i++) {
		struct image_remove_args args = {
			.ref = all[i]->id, .force = true, .in_use = image_users, .arg = r->daemon};

		if (!is_prunable(r->daemon, filters, until_ns, all[i]))
			continue;
		p->left++;
		p->bytes += all[i]->size_bytes;
		image_remove(r->daemon->images, &args, on_pruned, p);
	}
	prune_done(p);
}

const struct docker_route docker_image_routes[] = {
	DOCKER_ROUTE("GET", "/images/json", get_images),
	DOCKER_ROUTE("GET", "/images/{}/json", get_image),
	DOCKER_ROUTE_PARTLY("GET", "/images/{}/history", get_history,
			    "the size of the whole image stands at the newest entry"),
	DOCKER_ROUTE("POST", "/images/prune", post_prune),
	DOCKER_ROUTE("POST", "/images/{}/tag", post_tag),
	DOCKER_ROUTE("DELETE", "/images/{}", delete_image),
	DOCKER_ROUTE_END,
};
