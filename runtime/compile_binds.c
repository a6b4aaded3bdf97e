/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user and the engine mount: binds, volumes, tmpfs, files, and devices that are wanted
 * elsewhere than in /dev.  In two steps: the sources are
 * cloned first, while the mount namespace still is what the host's is, so that one which is to
 * follow the host's mounts ("rslave") or share them ("rshared") stays in their peer group; they are
 * attached when the container's root is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "runtime/compile_int.h"

struct placed {
	struct runtime_mount mount; /* target: cleaned, owned by assembler.targets */
	uint32_t tree;		    /* slot of the detached mount */
	uint32_t source;	    /* of a volume that is to be populated; NONE */
};

static const struct {
	const char *name;
	uint32_t flags;
} propagations[] = {
	{"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE}, {"shared", MS_SHARED},
	{"rshared", MS_SHARED},	 {"slave", MS_SLAVE},	   {"rslave", MS_SLAVE},
};

static int find_propagation(struct assembler *a, const struct runtime_mount *m, uint32_t *ret)
{
	size_t i;

	*ret = MS_PRIVATE;
	if (str_empty(m->propagation))
		return 0;
	for (i = 0; i < ARRAY_LEN(propagations); i++)
		if (!strcmp(propagations[i].name, m->propagation)) {
			*ret = propagations[i].flags;
			return 0;
		}
	return error_set(a->err, EINVAL, "mount on %s: unknown propagation \"%s\"", m->target,
			 m->propagation);
}

/* "/a//b/../c/" as "/a/c": what it says, whatever links the image has.  Owned; NULL and an error
 * for what nothing may be mounted on. */
static char *clean_target(struct assembler *a, const char *target)
{
	AUTO(strv_free) char **parts = strv_split(target ? target : "", "/");
	auto_buf struct buf clean = BUF_INIT;

	if (str_empty(target) || target[0] != '/') {
		error_set(a->err, EINVAL, "mount target \"%s\" is not an absolute path",
			  target ? target : "");
		return NULL;
	}
	for (char **part = parts; part && *part; part++) {
		if (str_eq(*part, ".."))
			while (clean.len && clean.data[--clean.len] != '/')
				;
		else if (!str_eq(*part, "."))
			buf_addf(&clean, "/%s", *part);
	}
	if (!clean.len) {
		error_set(a->err, EINVAL, "mount on %s: nothing can be mounted on / itself",
			  target);
		return NULL;
	}
	clean.data[clean.len] = '\0';
	if (str_eq(clean.data, "/proc") || str_starts(clean.data, "/proc/")) {
		error_set(a->err, EINVAL, "mount on %s: nothing can be mounted on or below /proc",
			  target);
		return NULL;
	}
	return buf_steal(&clean);
}

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Stable, outer mounts first. */
static void sort_by_depth(struct placed *p, size_t count)
{
	size_t i, j;

	for (i = 1; i < count; i++) {
		struct placed moved = p[i];

		for (j = i; j > 0 && depth(p[j - 1].mount.target) > depth(moved.mount.target); j--)
			p[j] = p[j - 1];
		p[j] = moved;
	}
}

/* The user's mounts and the engine's files in one row, so that a file is seen on whatever is
 * mounted around it, and the user's is seen on a file's place. */
static int collect(struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	size_t i, n = 0;
	char *target;

	a->mounts = xcalloc(s->mount_count + s->file_count + a->node_count + 1, sizeof(*a->mounts));
	for (i = 0; i < s->file_count; i++)
		a->mounts[n++].mount = (struct runtime_mount){
			.kind = RT_MOUNT_BIND,
			.source = s->files[i].source,
			.target = s->files[i].target,
			.attr = s->files[i].readonly ? MOUNT_ATTR_RDONLY : 0,
		};
	for (i = 0; i < a->node_count; i++)
		if (!device_is_below_dev(&a->nodes[i]))
			a->mounts[n++].mount = (struct runtime_mount){
				.kind = RT_MOUNT_BIND,
				.source = a->nodes[i].source,
				.target = a->nodes[i].target,
			};
	for (i = 0; i < s->mount_count; i++)
		a->mounts[n++].mount = s->mounts[i];
	for (i = 0; i < n; i++) {
		target = clean_target(a, a->mounts[i].mount.target);
		if (!target)
			return -a->err->code;
		strv_push(&a->targets, target);
		a->mounts[i].mount.target = target;
	}
	a->mount_count = n;
	sort_by_depth(a->mounts, n);
	return 0;
}

/* ---- sources */

static uint32_t sentence_of(struct assembler *a, const struct runtime_mount *m)
{
	if (m->kind == RT_MOUNT_TMPFS)
		return as_strf(a, "mount tmpfs on %s", m->target);
	return as_strf(a, "mount %s on %s", m->source, m->target);
}

static int bind_source(struct assembler *a, struct placed *p)
{
	const struct runtime_mount *m = &p->mount;
	uint32_t sentence = sentence_of(a, m), source = PROGRAM_SLOT_NONE, propagation;
	const char *path = m->source;
	int r = find_propagation(a, m, &propagation);

	if (r < 0)
		return r;
	if (m->populate || !str_empty(m->subpath)) {
		source = as_slot(a);
		as_op(a, OP_OPEN, 0, sentence, PROGRAM_SLOT_NONE, as_str(a, m->source), O_PATH,
		      source);
		path = str_empty(m->subpath) ? "" : m->subpath;
	}
	if (m->populate)
		p->source = source;
	p->tree = as_slot(a);
	as_op(a, OP_OPEN_TREE, OP_RECURSIVE, sentence, source, as_str(a, path), 0, p->tree);
	as_op(a, OP_MOUNT_ATTR, OP_RECURSIVE, sentence, p->tree, (uint32_t)m->attr, 0, propagation);
	return 0;
}

int compile_sources(struct assembler *a)
{
	int r = collect(a);
	size_t i;

	for (i = 0; i < a->mount_count && r == 0; i++) {
		a->mounts[i].source = PROGRAM_SLOT_NONE;
		if (a->mounts[i].mount.kind != RT_MOUNT_TMPFS)
			r = bind_source(a, &a->mounts[i]);
	}
	return r;
}

/* ---- attaching */

static void populate(struct assembler *a, const struct placed *p, uint32_t image)
{
	const struct runtime_mount *m = &p->mount;
	uint32_t sentence = as_strf(a, "copy %s of the image to its volume", m->target);

	as_op(a, OP_OPEN, OP_OPTIONAL, sentence, SLOT_ROOT, as_str(a, m->target),
	      O_PATH | O_DIRECTORY, image);
	as_op(a, OP_COPY_UP, OP_OPTIONAL, sentence, image, p->source);
}

void compile_attach(struct assembler *a)
{
	uint32_t target = as_slot(a);
	size_t i;

	for (i = 0; i < a->mount_count; i++) {
		struct placed *p = &a->mounts[i];
		const struct runtime_mount *m = &p->mount;
		uint32_t sentence = sentence_of(a, m);

		if (m->kind == RT_MOUNT_TMPFS) {
			p->tree = as_slot(a);
			as_op(a, OP_MOUNT_NEW, 0, sentence, as_str(a, "tmpfs"), as_str(a, m->data),
			      (uint32_t)m->attr, p->tree);
		} else if (p->source != PROGRAM_SLOT_NONE) {
			populate(a, p, as_slot(a));
		}
		as_op(a, OP_TARGET, 0, sentence, SLOT_ROOT, as_str(a, m->target), p->tree, target);
		as_op(a, OP_MOVE_MOUNT, 0, sentence, p->tree, target);
	}
}
