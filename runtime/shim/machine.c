/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: checks a program once and executes it.  The table below is the whole instruction
 * set: what each operand is, for the check, and the function.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/shim/shim.h"

/* Kinds of operands: - number, S slot or none, R result slot, P string or 0, D data whose length is
 * the next operand (L), W 16 bytes of data, I BPF instructions whose count is next (N), V strings
 * whose count is next (N), o offset into the message or none */
static const struct {
	op_fn run;
	char operands[PROGRAM_OPERANDS + 1];
} table[OP_CODE_MAX] = {
	[OP_PRIVATE] = {op_private, ""},
	[OP_MKDIR] = {op_mkdir, "P-"},
	[OP_RMDIR] = {op_rmdir, "P"},
	[OP_OPEN] = {op_open, "SP-R"},
	[OP_WRITE] = {op_write, "SPDL"},
	[OP_OVERLAY] = {op_overlay, "PPPR"},
	[OP_MOUNT_NEW] = {op_mount_new, "PP-R"},
	[OP_OPEN_TREE] = {op_open_tree, "SP-R"},
	[OP_MOUNT_ATTR] = {op_mount_attr, "S---"},
	[OP_MOVE_MOUNT] = {op_move_mount, "SS"},
	[OP_DIR] = {op_dir, "SP-R"},
	[OP_TARGET] = {op_target, "SPSR"},
	[OP_MKNOD] = {op_mknod, "SP----"},
	[OP_SYMLINK] = {op_symlink, "SPP"},
	[OP_MASK] = {op_mask, "SPS"},
	[OP_READONLY] = {op_readonly, "SP"},
	[OP_PIVOT] = {op_pivot, "S"},
	[OP_COPY_UP] = {op_copy_up, "SS"},
	[OP_SOCKET] = {op_socket, "--R"},
	[OP_NETNS] = {op_netns, "R"},
	[OP_NETLINK] = {op_netlink, "SDLooP"},
	[OP_NFT] = {op_nft, "DL"},
	[OP_SETNS] = {op_setns, "P-"},
	[OP_UNSHARE] = {op_unshare, "-"},
	[OP_SETNS_PID] = {op_setns_pid, "P"},
	[OP_JOIN] = {op_join, "-"},
	[OP_HOSTNAME] = {op_hostname, "P"},
	[OP_DOMAINNAME] = {op_domainname, "P"},
	[OP_USER] = {op_user, "SPVN"},
	[OP_RLIMIT] = {op_rlimit, "-W"},
	[OP_CHDIR] = {op_chdir, "P"},
	[OP_CONSOLE] = {op_console, ""},
	[OP_BPF_DEVICE] = {op_bpf_device, "SIN"},
	[OP_NO_NEW_PRIVS] = {op_no_new_privs, ""},
	[OP_SECCOMP] = {op_seccomp, "IN"},
	[OP_IDENTITY] = {op_identity, "--"},
	[OP_OOM] = {op_oom, "P"},
	[OP_EXEC] = {op_exec, "VNVN"},
};

/* `count` strings from an offset on, all inside the data. */
static bool strings_fit(const struct machine *m, uint32_t offset, uint32_t count)
{
	uint32_t left = m->program->data_len;

	while (count--) {
		const char *end;

		if (offset >= left)
			return false;
		end = memchr(m->data + offset, '\0', left - offset);
		if (!end)
			return false;
		offset = (uint32_t)(end - m->data) + 1;
	}
	return true;
}

static bool bytes_fit(const struct machine *m, uint32_t offset, uint64_t len)
{
	return offset <= m->program->data_len && len <= m->program->data_len - offset;
}

static bool operand_valid(const struct machine *m, const char *kinds, const uint32_t *a)
{
	switch (*kinds) {
	case 'S':
		return *a == PROGRAM_SLOT_NONE || *a < PROGRAM_SLOTS;
	case 'R':
		return *a < PROGRAM_SLOTS;
	case 'P':
		return strings_fit(m, *a, 1);
	case 'D':
		return bytes_fit(m, *a, a[1]);
	case 'W':
		return bytes_fit(m, *a, 16) && *a % 8 == 0;
	case 'I':
		return bytes_fit(m, *a, (uint64_t)a[1] * 8) && *a % 8 == 0;
	case 'V':
		return strings_fit(m, *a, a[1]);
	default:
		return true;
	}
}

static bool op_valid(const struct machine *m, const struct program_op *op)
{
	const char *kinds;
	unsigned i;

	if (op->code >= OP_CODE_MAX || !table[op->code].run || !strings_fit(m, op->sentence, 1))
		return false;
	kinds = table[op->code].operands;
	for (i = 0; kinds[i]; i++)
		if (!operand_valid(m, kinds + i, op->a + i))
			return false;
	return true;
}

int machine_load(struct machine *m, const void *image, size_t len)
{
	const struct program_header *h = image;
	unsigned i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < PROGRAM_SLOTS; i++)
		m->slots[i] = -1;
	m->status = m->join_pidfd = m->empty = m->address_query = -1;
	for (i = 0; i < 3; i++)
		m->stdio[i] = -1;
	if (len < sizeof(*h) || len > PROGRAM_MAX || h->magic != PROGRAM_MAGIC ||
	    h->version != PROGRAM_VERSION || h->len != len)
		return -EBADMSG;
	if (h->op_count > (len - sizeof(*h)) / sizeof(*m->ops) || h->parent_end > h->child_end ||
	    h->child_end > h->op_count || h->data_offset > len ||
	    h->data_len > len - h->data_offset || h->data_offset % 8 || !h->data_len)
		return -EBADMSG;
	m->program = h;
	m->ops = (const struct program_op *)(h + 1);
	m->data = (const char *)image + h->data_offset;
	if (m->data[h->data_len - 1])
		return -EBADMSG;
	for (i = 0; i < h->op_count; i++)
		if (!op_valid(m, &m->ops[i]))
			return -EBADMSG;
	return 0;
}

/* An operand that an optional operation left empty makes the operations on it void. */
static bool lacks_slot(const struct machine *m, const struct program_op *op)
{
	const char *kinds = table[op->code].operands;
	unsigned i;

	for (i = 0; kinds[i]; i++)
		if (kinds[i] == 'S' && op->a[i] != PROGRAM_SLOT_NONE && m->slots[op->a[i]] < 0)
			return true;
	return false;
}

int machine_run(struct machine *m, unsigned from, unsigned to)
{
	int r;

	for (m->at = from; m->at < to; m->at++) {
		const struct program_op *op = &m->ops[m->at];

		if (lacks_slot(m, op)) {
			if (op->flags & OP_OPTIONAL)
				continue;
			return -EBADF;
		}
		m->detail[0] = '\0';
		r = table[op->code].run(m, op);
		if (r == -ENOENT && (op->flags & OP_OPTIONAL))
			continue;
		if (r < 0)
			return r;
	}
	return 0;
}

void set_slot(struct machine *m, uint32_t slot, int fd)
{
	if (m->slots[slot] >= 0)
		close(m->slots[slot]);
	m->slots[slot] = fd;
}

void machine_close_slots(struct machine *m)
{
	uint32_t i;

	for (i = 0; i < PROGRAM_SLOTS; i++)
		set_slot(m, i, -1);
}

void set_detail(struct machine *m, const char *text)
{
	size_t len = strnlen(text, DETAIL_MAX - 1);

	memcpy(m->detail, text, len);
	m->detail[len] = '\0';
}
