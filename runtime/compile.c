/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler's frame: the assembler, and the order of everything.  What the order rests on:
 * cgroups before the process exists; namespaces and their settings while the host's /proc is still
 * the one we see; mounts before pivot_root; then only what makes the process less.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "runtime/compile_int.h"

/* ---- the assembler */

uint32_t as_str(struct assembler *a, const char *s)
{
	uint32_t offset = (uint32_t)a->data.len;

	if (str_empty(s))
		return 0;
	buf_add(&a->data, s, strlen(s) + 1);
	return offset;
}

uint32_t as_strf(struct assembler *a, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return as_str(a, text);
}

uint32_t as_data(struct assembler *a, const void *data, size_t len)
{
	static const char zero[8];
	uint32_t offset;

	buf_add(&a->data, zero, (8 - a->data.len % 8) % 8);
	offset = (uint32_t)a->data.len;
	buf_add(&a->data, data, len);
	return offset;
}

uint32_t as_strv(struct assembler *a, char *const *v, uint32_t *ret_count)
{
	uint32_t offset = (uint32_t)a->data.len;

	*ret_count = (uint32_t)strv_len(v);
	for (; v && *v; v++)
		buf_add(&a->data, *v, strlen(*v) + 1);
	return *ret_count ? offset : 0;
}

uint32_t as_slot(struct assembler *a)
{
	if (a->next_slot < PROGRAM_SLOTS)
		return a->next_slot++;
	if (!a->err->code)
		error_set(a->err, E2BIG, "too many mounts and devices");
	return PROGRAM_SLOTS - 1;
}

void as_emit(struct assembler *a, enum program_code code, unsigned flags, uint32_t sentence,
	     const uint32_t operands[PROGRAM_OPERANDS])
{
	struct program_op op = {
		.code = (uint16_t)code, .flags = (uint16_t)flags, .sentence = sentence};

	memcpy(op.a, operands, sizeof(op.a));
	buf_add(&a->ops, &op, sizeof(op));
	a->header.op_count++;
}

void as_write(struct assembler *a, unsigned flags, uint32_t sentence, const char *path,
	      const char *text)
{
	as_op(a, OP_WRITE, flags, sentence, PROGRAM_SLOT_NONE, as_str(a, path), as_str(a, text),
	      (uint32_t)strlen(text));
}

static void begin(struct assembler *a, const struct runtime_host *host,
		  const struct runtime_spec *spec, struct error *err)
{
	*a = (struct assembler){.host = host,
				.spec = spec,
				.err = err,
				.next_slot = SLOT_FREE,
				.host_socket = PROGRAM_SLOT_NONE};
	buf_init(&a->ops, PROGRAM_MAX);
	buf_init(&a->data, PROGRAM_MAX);
	buf_addc(&a->data, '\0'); /* offset 0 is the empty string */
	a->header = (struct program_header){
		.magic = PROGRAM_MAGIC,
		.version = PROGRAM_VERSION,
		.log_max_bytes = (uint64_t)spec->log_max_bytes,
		.log_max_files = (uint32_t)spec->log_max_files,
	};
}

/* Puts header, operations and data together. */
static int finish(struct assembler *a, int r, struct buf *ret)
{
	struct program_header *h = &a->header;

	buf_addc(&a->data, '\0');
	h->data_offset = (uint32_t)(sizeof(*h) + a->ops.len);
	h->data_offset += (8 - h->data_offset % 8) % 8;
	h->data_len = (uint32_t)a->data.len;
	h->len = h->data_offset + h->data_len;
	if (r == 0 && a->err->code)
		r = -a->err->code;
	if (r == 0 && (a->ops.overflow || a->data.overflow || h->len > PROGRAM_MAX))
		r = error_set(a->err, E2BIG, "the container's configuration is too large");
	if (r == 0) {
		static const char zero[8];

		buf_add(ret, h, sizeof(*h));
		buf_add(ret, a->ops.data, a->ops.len);
		buf_add(ret, zero, h->data_offset - sizeof(*h) - a->ops.len);
		buf_add(ret, a->data.data, a->data.len);
	}
	buf_release(&a->ops);
	buf_release(&a->data);
	compile_devices_release(a);
	strv_free(a->targets);
	free(a->mounts);
	return r;
}

/* ---- the order */

static uint32_t clone_flags(const struct assembler *a)
{
	const struct runtime_spec *s = a->spec;
	const struct {
		const struct runtime_namespace *ns;
		uint32_t flag;
	} namespaces[] = {
		{&s->pid, CLONE_NEWPID},
		{&s->network, CLONE_NEWNET},
		{&s->ipc, CLONE_NEWIPC},
		{&s->uts, CLONE_NEWUTS},
	};
	uint32_t flags = CLONE_NEWNS;
	size_t i;

	for (i = 0; i < ARRAY_LEN(namespaces); i++)
		if (is_private(namespaces[i].ns))
			flags |= namespaces[i].flag;
	/* On v1 the process is moved to its cgroups first, and gets its namespace then. */
	if (is_private(&s->cgroup) && a->host->cgroup_v2 && a->host->clone_into_cgroup)
		flags |= CLONE_NEWCGROUP;
	return flags;
}

static int check(const struct runtime_spec *s, struct error *err)
{
	if (!strv_len(s->process.args) || str_empty(s->process.args[0]))
		return error_set(err, EINVAL, "no command is given, and the image has none");
	if (str_empty(s->id) || str_empty(s->container_dir))
		return error_set(err, EINVAL, "the container has no id or no directory");
	if (s->process.cwd && s->process.cwd[0] != '/')
		return error_set(err, EINVAL, "working directory %s is not an absolute path",
				 s->process.cwd);
	return 0;
}

int runtime_compile(const struct runtime_host *host, const struct runtime_spec *spec,
		    struct buf *ret, struct error *err)
{
	struct assembler a;
	int r = check(spec, err);

	if (r < 0)
		return r;
	begin(&a, host, spec, err);
	a.header.flags = (spec->process.tty ? PROGRAM_TTY : 0) |
			 (spec->process.stdin_open ? PROGRAM_STDIN_OPEN : 0) |
			 (spec->init ? PROGRAM_INIT : 0);
	a.header.clone_flags = clone_flags(&a);
	a.header.rows = spec->process.rows;
	a.header.columns = spec->process.columns;
	if (spec->netlink_count) {
		a.host_socket = as_slot(&a);
		as_op(&a, OP_SOCKET, 0, as_str(&a, "open a netlink socket"), PROGRAM_SOCKET_ROUTE,
		      0, a.host_socket);
	}
	if (spec->pid.mode == RT_NS_PATH)
		as_op(&a, OP_SETNS_PID, 0,
		      as_str(&a, "join the pid namespace of another container"),
		      as_str(&a, spec->pid.path));
	r = compile_devices(&a);
	if (r == 0)
		r = compile_cgroup_parent(&a);
	a.header.parent_end = a.header.op_count;
	if (r == 0)
		r = compile_cgroup_child(&a);
	if (r == 0)
		r = compile_namespaces(&a);
	if (r == 0)
		r = compile_sources(&a);
	if (r == 0)
		r = compile_root(&a);
	if (r == 0)
		r = compile_mounts(&a);
	if (r == 0)
		r = compile_process(&a, &spec->process, false);
	a.header.child_end = a.header.op_count;
	if (r == 0)
		r = compile_cgroup_teardown(&a);
	return finish(&a, r, ret);
}

int runtime_compile_exec(const struct runtime_host *host, const struct runtime_spec *spec,
			 const struct runtime_process *process, struct buf *ret, struct error *err)
{
	struct assembler a;
	uint32_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			      CLONE_NEWUTS | CLONE_NEWCGROUP;
	int r;

	if (!strv_len(process->args) || str_empty(process->args[0]))
		return error_set(err, EINVAL, "no command is given");
	begin(&a, host, spec, err);
	a.header.flags = PROGRAM_EXEC | (process->tty ? PROGRAM_TTY : 0) |
			 (process->stdin_open ? PROGRAM_STDIN_OPEN : 0);
	a.header.rows = process->rows;
	a.header.columns = process->columns;
	r = compile_cgroup_exec(&a);
	a.header.parent_end = a.header.op_count;
	if (r == 0)
		r = compile_cgroup_child(&a);
	compile_self(&a);
	as_op(&a, OP_JOIN, 0, as_str(&a, "enter the container's namespaces"), namespaces);
	as_op(&a, OP_OPEN, 0, as_str(&a, "open the container's root"), PROGRAM_SLOT_NONE,
	      as_str(&a, "/"), O_PATH | O_DIRECTORY, SLOT_ROOT);
	if (r == 0)
		r = compile_process(&a, process, true);
	a.header.child_end = a.header.op_count;
	return finish(&a, r, ret);
}
