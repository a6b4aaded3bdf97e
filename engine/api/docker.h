/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Docker's Engine API over the same objects as the native routes.  Nothing below engine/api/ knows
 * its names: each docker_*.c translates one kind of object, by tables of fields that are written
 * straight into text (`struct docker_field`) and, for what clients send, read by the same rows.
 */
#ifndef ENGINE_API_DOCKER_H
#define ENGINE_API_DOCKER_H

#include "base/json.h"
#include "engine/api/api.h"
#include "engine/container.h"
#include "engine/network.h"

#define DOCKER_FILTER_VALUES_MAX 1000
#define DOCKER_ENTRIES_MAX	 4096 /* of a list that is more than strings */
#define DOCKER_SHORT_ID		 12

/* ---- routes */

/* How much of an endpoint is there: for the table in docs/docker-api.md. */
enum docker_state { DOCKER_DONE, DOCKER_PARTLY, DOCKER_REFUSED };

struct docker_route {
	struct api_route route;
	enum docker_state state;
	const char *note; /* what is missing or why, or NULL */
};
#define DOCKER_ROUTE(method, pattern, handler)                                                     \
	{                                                                                          \
		{method, pattern, handler, false}, DOCKER_DONE, NULL                               \
	}
#define DOCKER_ROUTE_PARTLY(method, pattern, handler, note)                                        \
	{                                                                                          \
		{method, pattern, handler, false}, DOCKER_PARTLY, note                             \
	}
#define DOCKER_ROUTE_REFUSED(method, pattern, handler, note)                                       \
	{                                                                                          \
		{method, pattern, handler, false}, DOCKER_REFUSED, note                            \
	}
#define DOCKER_ROUTE_END                                                                           \
	{                                                                                          \
		{0}, 0, 0                                                                          \
	}

extern const struct docker_route docker_system_routes[], docker_container_routes[],
	docker_exec_routes[], docker_image_routes[], docker_pull_routes[], docker_archive_routes[],
	docker_network_routes[], docker_volume_routes[], docker_refused_routes[];
/* The table of endpoints as docs/docker-api.md has it. */
void docker_describe_routes(struct buf *b);

/* ---- answers */

/* Answers with a status and a message of Docker's own. */
void docker_fail(struct api_request *r, int status, const char *fmt, ...) PRINTF(3, 4);
void docker_reply(struct api_request *r, int status, struct buf *json); /* adds the newline */
/* Missing, "", 0, no, false and none are false, everything else is true. */
bool docker_flag(const struct api_request *r, const char *name);
/* Unix seconds with a fraction, 0 when absent: nanoseconds.  Answers the request when it is none.
 */
bool docker_time(struct api_request *r, const char *name, int64_t *ret_ns);
/* h and w of a resize; answers the request when they are no numbers. */
bool docker_size(struct api_request *r, uint16_t *ret_rows, uint16_t *ret_columns);
/* The object that the request's first parameter names; NULL: the request has been answered. */
struct container *docker_container(struct api_request *r);
struct container *docker_container_named(struct api_request *r, const char *ref);
struct network *docker_network(struct api_request *r, const char *ref);

/* ---- writing */

void docker_put_str(struct buf *b, const char *s); /* NULL: "" */
void docker_put_int(struct buf *b, int64_t n);
void docker_put_bool(struct buf *b, bool value);
void docker_put_time(struct buf *b, int64_t ns); /* 0: Docker's zero time */
void docker_put_strv(struct buf *b, char *const *v, const char *empty);
void docker_put_value(struct buf *b, const json_t *value); /* NULL: null */
/* "," unless the list or object has just been opened, then "key": when there is one. */
void docker_put_key(struct buf *b, const char *key);
void docker_put_comma(struct buf *b);

enum docker_kind {
	DOCKER_CONST, /* always `empty` */
	DOCKER_STR,
	DOCKER_BOOL,
	DOCKER_INT,
	DOCKER_STRV,
	DOCKER_VALUE, /* json_t * */
	DOCKER_TIME,  /* int64_t, ns */
	DOCKER_PUT,   /* by `put`; which writes nothing when the key is to be left out */
};

struct docker_input;
struct docker_field {
	const char *key;
	enum docker_kind kind;
	size_t offset;
	/* JSON that is shown when the member is unset; NULL: the key is left out. */
	const char *empty;
	void (*put)(struct buf *b, const void *object);
	/* Reads what a client sent: NULL by the kind; DOCKER_CONST and DOCKER_PUT without it are
	 * ignored. Not called for null. */
	int (*set)(struct docker_input *in, const json_t *value, void *object);
};
void docker_put(struct buf *b, const struct docker_field *fields, const void *object);
/* The fields alone, into an object that is open. */
void docker_put_fields(struct buf *b, const struct docker_field *fields, const void *object);

/* ---- reading */

struct docker_input {
	struct daemon *daemon;
	struct container_config *config;
	char **warnings;
	const char *key; /* the field that is read */
	struct error *err;
};
/* -errno with a message in in->err. */
int docker_read(struct docker_input *in, const struct docker_field *fields, const json_t *object,
		void *ret) MUST_CHECK;
bool docker_blank(const json_t *value); /* null, "", 0, false, [], {} and lists of such */
int docker_wrong(struct docker_input *in, const char *want); /* "X must be a string": -EINVAL */
/* Setters for what the engine cannot do: a value that is not blank is refused, or warned about. */
int docker_refuse(struct docker_input *in, const json_t *value, void *object);
int docker_warn(struct docker_input *in, const json_t *value, void *object);

/* ---- filters: {"label": ["a", "b=c"]} or {"label": {"a": true}} */

struct docker_filters;
/* NULL-terminated `known` keys.  Answers the request and returns false when it is malformed. */
bool docker_filters_read(struct api_request *r, const char *const *known,
			 struct docker_filters **ret);
void docker_filters_free(struct docker_filters *f); /* accepts NULL */
DEFINE_AUTO(struct docker_filters, docker_filters_free)
/* The values of a key; NULL when it is not asked for. */
char *const *docker_filter(const struct docker_filters *f, const char *key);
/* No such filter, or one of its values is `value`. */
bool docker_filter_is(const struct docker_filters *f, const char *key, const char *value);
/* No such filter, or one of its values is part of `value`. */
bool docker_filter_in(const struct docker_filters *f, const char *key, const char *value);
/* Every value of "label", and none of "label!": "k" or "k=v". */
bool docker_filter_labels(const struct docker_filters *f, const json_t *labels);
/* "until": unix time or a duration before now; 0 when absent. Answers the request when malformed.
 */
bool docker_filter_until(struct api_request *r, const struct docker_filters *f, int64_t *ret_ns);

/* ---- the objects */

/* docker_config.c: the body of a creation, and the same shown again. */
int docker_config_read(struct docker_input *in, const json_t *body) MUST_CHECK;
int docker_update_read(struct docker_input *in, const json_t *body) MUST_CHECK; /* of an update */
void docker_put_config(struct buf *b, const struct container *c);
void docker_put_host_config(struct buf *b, const struct container *c);
const char *docker_network_mode(const struct container *c);
/* docker_mounts.c */
int docker_set_binds(struct docker_input *in, const json_t *value, void *config);
int docker_set_mounts(struct docker_input *in, const json_t *value, void *config);
int docker_set_tmpfs(struct docker_input *in, const json_t *value, void *config);
int docker_set_volumes(struct docker_input *in, const json_t *value, void *config);
void docker_put_binds(struct buf *b, const void *container);
void docker_put_mounts(struct buf *b, const void *container); /* of HostConfig */
void docker_put_tmpfs(struct buf *b, const void *container);
void docker_put_mount_points(struct buf *b, const void *container);
/* docker_endpoint.c */
int docker_endpoint_read(struct docker_input *in, const json_t *value, struct config_network *ret)
	MUST_CHECK;
/* Names for other containers on the same network: ["db:database"]. */
int docker_links_read(struct docker_input *in, const json_t *list, const char *network) MUST_CHECK;
void docker_put_endpoint_id(struct buf *b, const struct container *c,
			    const struct container_endpoint *e);
void docker_put_mac(struct buf *b, const struct container_endpoint *e);
void docker_put_networks(struct buf *b, const void *container);
void docker_put_network_settings(struct buf *b, const void *container);
void docker_put_ports(struct buf *b, const struct container *c);
/* docker_show.c */
void docker_put_container(struct buf *b, const struct container *c);
void docker_put_summary(struct buf *b, const struct container *c);
const char *docker_status(const struct container *c);
void docker_put_exec_ids(struct buf *b, const struct container *c); /* docker_exec.c */
void docker_list_containers(struct api_request *r);
/* docker_image.c, docker_volume.c: one entry of a list */
void docker_put_image_summary(struct buf *b, const struct daemon *d, const struct image *im);
void docker_put_volume(struct buf *b, const struct volume *v, const struct daemon *usage);
/* docker_life.c */
void docker_create(struct api_request *r);

/* ---- streams (docker_stream.c) */
void docker_logs(struct api_request *r);
void docker_attach(struct api_request *r);
void docker_events(struct api_request *r);
void docker_stats(struct api_request *r);

#endif
