/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RUN --mount: comma-separated keys, each a table row that says which types take it. */
#include <errno.h>
#include <strings.h>

#include "images/builder/dockerfile.h"

#define T(x) (1u << DOCKERFILE_MOUNT_##x)
#define ALL  (T(BIND) | T(CACHE) | T(TMPFS) | T(SECRET) | T(SSH))

static const char *const type_names[DOCKERFILE_MOUNT_MAX] = {"bind", "cache", "tmpfs", "secret",
							     "ssh"};
static const char *const sharing_names[] = {"shared", "private", "locked"};

struct parsing {
	struct arena *arena;
	struct dockerfile_mount *m;
	bool access_set; /* ro or rw was said */
};

struct key {
	const char *name;
	unsigned types;
	size_t offset;
	int (*take)(struct parsing *p, const struct key *k, const char *value, struct error *err);
	bool flag; /* may stand without a value */
};

static int bad_value(struct error *err, const struct key *k, const char *value, const char *wanted)
{
	return error_set(err, EINVAL, "invalid %s \"%s\" of a mount: %s", k->name, value, wanted);
}

static int word(const char *const *names, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(names[i], value))
			return (int)i;
	return -1;
}

static int take_type(struct parsing *p, const struct key *k, const char *value, struct error *err)
{
	int type = word(type_names, DOCKERFILE_MOUNT_MAX, value);

	if (type < 0)
		return bad_value(err, k, value, "bind, cache, tmpfs, secret or ssh");
	p->m->type = (enum dockerfile_mount_type)type;
	return 0;
}

static int take_text(struct parsing *p, const struct key *k, const char *value, struct error *err)
{
	(void)err;
	*(char **)((char *)p->m + k->offset) = arena_strdup(p->arena, value);
	return 0;
}

static int take_number(struct parsing *p, const struct key *k, const char *value, struct error *err)
{
	int64_t *to = (int64_t *)((char *)p->m + k->offset);
	uint32_t number;

	if (parse_u32(value, &number) < 0)
		return bad_value(err, k, value, "a number");
	*to = number;
	return 0;
}

static int take_mode(struct parsing *p, const struct key *k, const char *value, struct error *err)
{
	uint32_t mode;

	if (parse_octal(value, &mode) < 0 || mode > 07777)
		return bad_value(err, k, value, "an octal mode");
	p->m->mode = mode;
	return 0;
}

static int take_size(struct parsing *p, const struct key *k, const char *value, struct error *err)
{
	if (parse_bytes(value, &p->m->size_bytes) < 0)
		return bad_value(err, k, value, "a size like 64m");
	return 0;
}

static int take_sharing(struct parsing *p, const struct key *k, const char *value,
			struct error *err)
{
	int sharing = word(sharing_names, ARRAY_LEN(sharing_names), value);

	if (sharing < 0)
		return bad_value(err, k, value, "shared, private or locked");
	p->m->sharing = (enum dockerfile_sharing)sharing;
	return 0;
}

static int truth(const struct key *k, const char *value, bool *ret, struct error *err)
{
	static const char *const words[] = {"0", "f", "false", "1", "t", "true"};
	int i = value ? word(words, ARRAY_LEN(words), value) : 3;

	if (i < 0)
		return bad_value(err, k, value, "true or false");
	*ret = i >= 3;
	return 0;
}

static int take_readonly(struct parsing *p, const struct key *k, const char *value,
			 struct error *err)
{
	p->access_set = true;
	return truth(k, value, &p->m->read_only, err);
}

static int take_readwrite(struct parsing *p, const struct key *k, const char *value,
			  struct error *err)
{
	bool yes = true;
	int r = truth(k, value, &yes, err);

	p->access_set = true;
	p->m->read_only = !yes;
	return r;
}

static int take_required(struct parsing *p, const struct key *k, const char *value,
			 struct error *err)
{
	return truth(k, value, &p->m->required, err);
}

#define M(member) offsetof(struct dockerfile_mount, member)
static const struct key keys[] = {
	{"type", ALL, 0, take_type, false},
	{"from", T(BIND) | T(CACHE), M(from), take_text, false},
	{"source", T(BIND) | T(CACHE) | T(SECRET), M(source), take_text, false},
	{"src", T(BIND) | T(CACHE) | T(SECRET), M(source), take_text, false},
	{"target", ALL, M(target), take_text, false},
	{"dst", ALL, M(target), take_text, false},
	{"destination", ALL, M(target), take_text, false},
	{"id", T(CACHE) | T(SECRET) | T(SSH), M(id), take_text, false},
	{"env", T(SECRET), M(env), take_text, false},
	{"mode", T(CACHE) | T(SECRET) | T(SSH), 0, take_mode, false},
	{"uid", T(CACHE) | T(SECRET) | T(SSH), M(uid), take_number, false},
	{"gid", T(CACHE) | T(SECRET) | T(SSH), M(gid), take_number, false},
	{"size", T(TMPFS), 0, take_size, false},
	{"sharing", T(CACHE), 0, take_sharing, false},
	{"readonly", T(BIND) | T(CACHE) | T(TMPFS), 0, take_readonly, true},
	{"ro", T(BIND) | T(CACHE) | T(TMPFS), 0, take_readonly, true},
	{"readwrite", T(BIND) | T(CACHE) | T(TMPFS), 0, take_readwrite, true},
	{"rw", T(BIND) | T(CACHE) | T(TMPFS), 0, take_readwrite, true},
	{"required", T(SECRET) | T(SSH), 0, take_required, true},
};

static int unknown_key(struct error *err, const char *name)
{
	const char *names[ARRAY_LEN(keys)], *near;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		names[i] = keys[i].name;
	near = str_nearest(name, names, ARRAY_LEN(keys));
	if (near)
		return error_set(err, EINVAL,
				 "unknown key \"%s\" of a mount (did you mean \"%s\"?)", name,
				 near);
	return error_set(err, EINVAL, "unknown key \"%s\" of a mount", name);
}

/* The type comes first whatever its place, because it decides about the other keys. */
static int take_field(struct parsing *p, char *field, bool types, struct error *err)
{
	char *equals = strchr(field, '='), *value = equals ? equals + 1 : NULL;

	if (equals)
		*equals = '\0';
	str_lower(field);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		if (strcmp(k->name, field) != 0)
			continue;
		if (types != (k->take == take_type))
			return 0;
		if (!value && !k->flag)
			return error_set(err, EINVAL, "the key \"%s\" of a mount needs a value",
					 field);
		if (!(k->types & (1u << p->m->type)))
			return error_set(err, EINVAL, "a mount of type %s has no key \"%s\"",
					 type_names[p->m->type], field);
		return k->take(p, k, value, err);
	}
	return unknown_key(err, field);
}

/* One field of a comma-separated line; one in double quotes may hold commas. */
static const char *next_field(const char *s, struct buf *ret)
{
	bool quoted = *s == '"';

	for (s += quoted; *s && (quoted || *s != ','); s++) {
		if (quoted && *s == '"') {
			if (s[1] != '"') {
				quoted = false;
				continue;
			}
			s++;
		}
		buf_addc(ret, *s);
	}
	return *s == ',' ? s + 1 : s;
}

static int take_fields(struct parsing *p, const char *text, bool types, struct error *err)
{
	int r = 0;

	while (*text && r == 0) {
		auto_buf struct buf b = BUF_INIT;
		auto_free char *field = NULL;

		text = next_field(text, &b);
		field = buf_steal(&b);
		r = take_field(p, field, types, err);
	}
	return r;
}

static int complete(struct parsing *p, struct error *err)
{
	struct dockerfile_mount *m = p->m;

	if (!p->access_set)
		m->read_only = m->type == DOCKERFILE_MOUNT_BIND;
	if (m->type == DOCKERFILE_MOUNT_SECRET) {
		if (m->source && m->id)
			return error_set(err, EINVAL, "a secret mount has both source and id");
		if (!m->id)
			m->id = m->source;
		m->source = NULL;
		if (!m->id && str_empty(m->target))
			return error_set(err, EINVAL, "a secret mount needs an id or a target");
		return 0;
	}
	if (str_empty(m->target) && m->type != DOCKERFILE_MOUNT_SSH)
		return error_set(err, EINVAL, "a mount of type %s needs a target",
				 type_names[m->type]);
	return 0;
}

int dockerfile_mount_parse(struct arena *a, const char *text, struct dockerfile_mount *ret,
			   struct error *err)
{
	struct parsing p = {.arena = a, .m = ret};

	*ret = (struct dockerfile_mount){.mode = -1, .uid = -1, .gid = -1};
	if (take_fields(&p, text, true, err) < 0 || take_fields(&p, text, false, err) < 0)
		return -err->code;
	return complete(&p, err);
}
