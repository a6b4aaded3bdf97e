/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A launch program in words: for `cmp inspect --launch`, for the goldens, and for saying what
 * failed. One operation a line: its number, its name and operands, and after a semicolon what it is
 * for. Images come from our own compiler, yet an index may come from a shim: everything is checked.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>

#include "base/digest.h"
#include "runtime/program.h"
#include "runtime/runtime.h"

#define TEXT_SHOWN 400 /* bytes of one text */

/* Operands, one letter each: n number, o octal, x hexadecimal, c CLONE_NEW flags, s slot, r result
 * slot, p string, d data (its length is next), f filter (its instruction count is next), v strings
 * (their count is next), w two 64-bit numbers, k kind of socket, u owner (two operands), i offset
 * of a patch or none; . not shown */
static const struct {
	const char *name, *operands;
} table[OP_CODE_MAX] = {
	[OP_NONE] = {"none", ""},
	[OP_PRIVATE] = {"private", ""},
	[OP_MKDIR] = {"mkdir", "po"},
	[OP_RMDIR] = {"rmdir", "p"},
	[OP_OPEN] = {"open", "spxr"},
	[OP_WRITE] = {"write", "spd."},
	[OP_OVERLAY] = {"overlay", "pppr"},
	[OP_MOUNT_NEW] = {"mount-new", "ppxr"},
	[OP_OPEN_TREE] = {"open-tree", "sp.r"},
	[OP_MOUNT_ATTR] = {"mount-attr", "sxxx"},
	[OP_MOVE_MOUNT] = {"move-mount", "ss"},
	[OP_DIR] = {"dir", "spor"},
	[OP_TARGET] = {"target", "spsr"},
	[OP_MKNOD] = {"mknod", "spoxu."},
	[OP_SYMLINK] = {"symlink", "spp"},
	[OP_MASK] = {"mask", "sps"},
	[OP_READONLY] = {"read-only", "sp"},
	[OP_PIVOT] = {"pivot", "s"},
	[OP_COPY_UP] = {"copy-up", "ss"},
	[OP_SOCKET] = {"socket", "knr"},
	[OP_NETNS] = {"netns", "r"},
	[OP_NETLINK] = {"netlink", "sd.iip"},
	[OP_NFT] = {"nft", "d."},
	[OP_SETNS] = {"setns", "pc"},
	[OP_UNSHARE] = {"unshare", "c"},
	[OP_SETNS_PID] = {"setns-pid", "p"},
	[OP_JOIN] = {"join", "c"},
	[OP_HOSTNAME] = {"hostname", "p"},
	[OP_DOMAINNAME] = {"domainname", "p"},
	[OP_USER] = {"user", "spv."},
	[OP_RLIMIT] = {"rlimit", "nw"},
	[OP_CHDIR] = {"chdir", "p"},
	[OP_CONSOLE] = {"console", ""},
	[OP_BPF_DEVICE] = {"bpf-device", "sf."},
	[OP_NO_NEW_PRIVS] = {"no-new-privs", ""},
	[OP_SECCOMP] = {"seccomp", "f."},
	[OP_IDENTITY] = {"identity", "xx"},
	[OP_OOM] = {"oom", "p"},
	[OP_EXEC] = {"exec", "v.v."},
};

static const char *const slot_names[SLOT_FREE] = {
	[SLOT_ROOT] = "root",	    [SLOT_CGROUP] = "cgroup", [SLOT_DNS_UDP] = "dns-udp",
	[SLOT_DNS_TCP] = "dns-tcp", [SLOT_NETNS] = "netns",   [SLOT_DEV] = "dev",
	[SLOT_PTS] = "pts",
};

static const struct {
	uint32_t flag;
	const char *name;
} clone_names[] =
	{
		{CLONE_NEWNS, "mount"},	 {CLONE_NEWPID, "pid"}, {CLONE_NEWNET, "network"},
		{CLONE_NEWIPC, "ipc"},	 {CLONE_NEWUTS, "uts"}, {CLONE_NEWCGROUP, "cgroup"},
		{CLONE_NEWUSER, "user"},
},
  flag_names[] =
	  {
		  {PROGRAM_TTY, "tty"},
		  {PROGRAM_STDIN_OPEN, "stdin"},
		  {PROGRAM_INIT, "init"},
		  {PROGRAM_EXEC, "exec"},
},
  op_flag_names[] = {
	  {OP_OPTIONAL, "optional"},
	  {OP_RECURSIVE, "recursive"},
	  {OP_REAL, "real"},
	  {OP_BUSY_OK, "busy-ok"},
};

/* A checked view of an image. */
struct view {
	const struct program_header *h;
	const struct program_op *ops;
	const char *data;
};

static bool view_open(struct view *v, const void *program, size_t len)
{
	const struct program_header *h = program;

	if (len < sizeof(*h) || h->magic != PROGRAM_MAGIC || h->version != PROGRAM_VERSION ||
	    h->len != len || h->op_count > (len - sizeof(*h)) / sizeof(struct program_op) ||
	    h->data_offset > len || h->data_len > len - h->data_offset || h->data_len == 0)
		return false;
	v->h = h;
	v->ops = (const struct program_op *)(const void *)(h + 1);
	v->data = (const char *)program + h->data_offset;
	return v->data[h->data_len - 1] == '\0';
}

static const char *view_text(const struct view *v, uint32_t offset)
{
	return offset < v->h->data_len ? v->data + offset : "?";
}

/* ---- operands */

static void add_quoted(struct buf *out, const char *text, size_t len)
{
	size_t shown = MIN(len, TEXT_SHOWN);

	buf_addc(out, '"');
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			buf_adds(out, "\\n");
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_adds(out, shown < len ? "…\"" : "\"");
}

/* Text as it is, everything else as its size and the beginning of its digest. */
static void add_data(struct buf *out, const struct view *v, uint32_t offset, uint64_t len,
		     const char *unit, uint64_t count)
{
	char hex[DIGEST_HEX_MAX];
	bool text = len > 0;

	if (offset > v->h->data_len || len > v->h->data_len - offset) {
		buf_adds(out, " ?");
		return;
	}
	for (uint64_t i = 0; i < len && text; i++)
		text = (unsigned char)v->data[offset + i] >= ' ' || v->data[offset + i] == '\n';
	if (text) {
		buf_addc(out, ' ');
		add_quoted(out, v->data + offset, len);
		return;
	}
	digest_of(v->data + offset, len, hex);
	buf_addf(out, " [%" PRIu64 " %s %.8s]", count, unit, hex);
}

static void add_slot(struct buf *out, uint32_t slot, const char *arrow)
{
	if (slot == PROGRAM_SLOT_NONE)
		buf_addf(out, " %s-", arrow);
	else if (slot < SLOT_FREE && slot_names[slot])
		buf_addf(out, " %s%s", arrow, slot_names[slot]);
	else
		buf_addf(out, " %s%u", arrow, slot);
}

static void add_strings(struct buf *out, const struct view *v, uint32_t offset, uint32_t count)
{
	buf_adds(out, " [");
	for (uint32_t i = 0; i < count && offset < v->h->data_len; i++) {
		size_t len = strlen(v->data + offset);

		buf_adds(out, i ? " " : "");
		add_quoted(out, v->data + offset, len);
		offset += (uint32_t)len + 1;
	}
	buf_addc(out, ']');
}

static void add_clone_flags(struct buf *out, uint32_t flags)
{
	for (size_t i = 0; i < ARRAY_LEN(clone_names); i++) {
		if (flags & clone_names[i].flag)
			buf_addf(out, " %s", clone_names[i].name);
	}
}

static void add_limits(struct buf *out, const struct view *v, uint32_t offset)
{
	uint64_t value[2];

	if (offset > v->h->data_len || sizeof(value) > v->h->data_len - offset)
		return;
	memcpy(value, v->data + offset, sizeof(value));
	for (size_t i = 0; i < 2; i++) {
		if (value[i] == UINT64_MAX)
			buf_adds(out, " unlimited");
		else
			buf_addf(out, " %" PRIu64, value[i]);
	}
}

static void add_socket(struct buf *out, uint32_t kind)
{
	static const char *const kinds[] = {
		[PROGRAM_SOCKET_ROUTE] = "route",
		[PROGRAM_SOCKET_DNS_UDP] = "dns-udp",
		[PROGRAM_SOCKET_DNS_TCP] = "dns-tcp",
	};

	buf_addf(out, " %s", kind < ARRAY_LEN(kinds) ? kinds[kind] : "?");
}

static void add_operand(struct buf *out, const struct view *v, char kind, const uint32_t *a)
{
	const char *text;

	switch (kind) {
	case 'n':
		buf_addf(out, " %u", *a);
		break;
	case 'o':
		buf_addf(out, " %#o", *a);
		break;
	case 'x':
		buf_addf(out, " %#x", *a);
		break;
	case 'c':
		add_clone_flags(out, *a);
		break;
	case 's':
		add_slot(out, *a, "@");
		break;
	case 'r':
		add_slot(out, *a, "-> @");
		break;
	case 'p':
		text = view_text(v, *a);
		buf_addc(out, ' ');
		add_quoted(out, text, strlen(text));
		break;
	case 'd':
		add_data(out, v, a[0], a[1], "bytes", a[1]);
		break;
	case 'f':
		add_data(out, v, a[0], (uint64_t)a[1] * 8, "instructions", a[1]);
		break;
	case 'v':
		add_strings(out, v, a[0], a[1]);
		break;
	case 'w':
		add_limits(out, v, *a);
		break;
	case 'k':
		add_socket(out, *a);
		break;
	case 'u':
		if (a[0] || a[1])
			buf_addf(out, " owner %u:%u", a[0], a[1]);
		break;
	case 'i':
		if (*a != PROGRAM_NO_OFFSET)
			buf_addf(out, " patch+%u", *a);
		break;
	default:
		break;
	}
}

/* ---- lines */

static void add_op(struct buf *out, const struct view *v, uint32_t at)
{
	const struct program_op *op = &v->ops[at];
	const char *operands = "", *sentence = view_text(v, op->sentence);

	buf_addf(out, "%5u  ", at);
	if (op->code < OP_CODE_MAX && table[op->code].name) {
		buf_adds(out, table[op->code].name);
		operands = table[op->code].operands;
	} else {
		buf_addf(out, "operation %u", op->code);
	}
	for (size_t i = 0; operands[i] && i < PROGRAM_OPERANDS; i++)
		add_operand(out, v, operands[i], &op->a[i]);
	for (size_t i = 0; i < ARRAY_LEN(op_flag_names); i++) {
		if (op->flags & op_flag_names[i].flag)
			buf_addf(out, " %s", op_flag_names[i].name);
	}
	if (*sentence)
		buf_addf(out, "  ; %s", sentence);
	buf_addc(out, '\n');
}

static void add_section(struct buf *out, const struct view *v, const char *name, uint32_t from,
			uint32_t to)
{
	if (from >= to)
		return;
	buf_addf(out, "%s:\n", name);
	for (uint32_t at = from; at < to && at < v->h->op_count; at++)
		add_op(out, v, at);
}

static void add_header(struct buf *out, const struct view *v)
{
	const struct program_header *h = v->h;

	buf_addf(out, "launch program, version %u\n", h->version);
	if (h->flags) {
		buf_adds(out, "flags:");
		for (size_t i = 0; i < ARRAY_LEN(flag_names); i++) {
			if (h->flags & flag_names[i].flag)
				buf_addf(out, " %s", flag_names[i].name);
		}
		buf_addc(out, '\n');
	}
	if (h->clone_flags) {
		buf_adds(out, "namespaces:");
		add_clone_flags(out, h->clone_flags);
		buf_addc(out, '\n');
	}
	if (h->rows || h->columns)
		buf_addf(out, "terminal: %u rows, %u columns\n", h->rows, h->columns);
	if (h->log_max_bytes)
		buf_addf(out, "log: %u files of at most %" PRIu64 " bytes\n", h->log_max_files,
			 h->log_max_bytes);
}

void runtime_describe(const void *program, size_t len, struct buf *out)
{
	struct view v;

	if (!view_open(&v, program, len)) {
		buf_adds(out, "no launch program of this version\n");
		return;
	}
	add_header(out, &v);
	add_section(out, &v, "parent", 0, v.h->parent_end);
	add_section(out, &v, "child", v.h->parent_end, v.h->child_end);
	add_section(out, &v, "teardown", v.h->child_end, v.h->op_count);
}

void runtime_explain(const void *program, size_t len, unsigned op, int code, const char *detail,
		     struct error *err)
{
	const char *sentence = "";
	struct view v;

	if (view_open(&v, program, len) && op < v.h->op_count)
		sentence = view_text(&v, v.ops[op].sentence);
	if (str_empty(sentence))
		sentence = "start the container";
	if (str_empty(detail) || strstr(sentence, detail))
		error_sys(err, code, "%s", sentence);
	else if (code == ENOENT && str_skip(detail, "the image has no "))
		error_set(err, code, "%s: %s", sentence, detail); /* says all */
	else
		error_sys(err, code, "%s: %s", sentence, detail);
}
