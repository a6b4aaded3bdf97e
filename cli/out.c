/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables, templates and JSON on standard output: see out.h. */
#include "cli/out.h"

#include <errno.h>
#include <wchar.h>

#include "base/json.h"
#include "base/time.h"

bool out_color(const struct cli *cli, FILE *stream)
{
	const char *ansi = cli->ansi ? cli->ansi : getenv("COMPOSE_ANSI");

	if (str_eq(ansi, "never"))
		return false;
	if (str_eq(ansi, "always"))
		return true;
	return str_empty(getenv("NO_COLOR")) && isatty(fileno(stream));
}

/* ---- tables */

struct table {
	size_t columns, count, cap;
	const char *const *heads;
	char **cells;
};

struct table *table_new(const char *const *heads)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->heads = heads;
	while (heads[t->columns])
		t->columns++;
	return t;
}

void table_free(struct table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static void add_owned(struct table *t, char *text)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->cells = xreallocarray(t->cells, t->cap, sizeof(*t->cells));
	}
	t->cells[t->count++] = text;
}

void table_cell(struct table *t, const char *text)
{
	add_owned(t, xstrdup(text ? text : ""));
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_owned(t, xvasprintf(fmt, ap));
	va_end(ap);
}

/* Columns a text takes: UTF-8 continuation bytes take none. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_row(const struct table *t, const char *const *row, const size_t *widths,
		      FILE *stream)
{
	size_t c;

	for (c = 0; c < t->columns; c++) {
		fputs(row[c], stream);
		if (c + 1 < t->columns)
			fprintf(stream, "%*s", (int)(widths[c] - text_width(row[c]) + 3), "");
	}
	fputc('\n', stream);
}

void table_print(const struct table *t, FILE *stream)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths)), i, w;

	for (i = 0; i < t->columns; i++)
		widths[i] = text_width(t->heads[i]);
	for (i = 0; i < t->count; i++) {
		w = text_width(t->cells[i]);
		widths[i % t->columns] = MAX(widths[i % t->columns], w);
	}
	print_row(t, t->heads, widths, stream);
	for (i = 0; i + t->columns <= t->count; i += t->columns)
		print_row(t, (const char *const *)(t->cells + i), widths, stream);
	free(widths);
}

/* ---- JSON and templates */

/* As strv_split, but empty pieces count. */
static char **split_all(const char *text, char separator)
{
	char **pieces = NULL;
	const char *end;

	for (; (end = strchr(text, separator)); text = end + 1)
		strv_push(&pieces, xstrndup(text, (size_t)(end - text)));
	strv_push(&pieces, xstrdup(text));
	return pieces;
}

void out_json_line(const json_t *value, FILE *stream)
{
	auto_free char *text = json_text(value);

	fprintf(stream, "%s\n", text);
}

void out_json_pretty(const json_t *value, FILE *stream)
{
	auto_free char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

	fprintf(stream, "%s\n", text ? text : "null");
}

int format_parse(const char *format, enum format_kind *ret, struct error *err)
{
	const char *p;

	if (str_empty(format) || !strcmp(format, "table") || !strcmp(format, "pretty"))
		*ret = FORMAT_TABLE;
	else if (!strcmp(format, "json"))
		*ret = FORMAT_JSON;
	else
		*ret = FORMAT_TEMPLATE;
	for (p = format; *ret == FORMAT_TEMPLATE && (p = strstr(p, "{{")); p += 2)
		if (!strstr(p, "}}"))
			return error_set(err, EINVAL, "the format \"%s\" has a {{ without }}",
					 format);
	if (*ret == FORMAT_TEMPLATE && !strstr(format, "{{"))
		return error_set(
			err, EINVAL,
			"format value \"%s\" could not be parsed: table, json or a template",
			format);
	return 0;
}

/* The member of a row, whatever the case of its name; NULL: there is none. */
static const json_t *field_of(const json_t *row, const char *name)
{
	const json_t *value = json_get_path(row, name);
	const char *key;
	json_t *other;

	json_object_foreach ((json_t *)(uintptr_t)row, key, other)
		if (!value && !strcasecmp(key, name))
			value = other;
	return value;
}

/* "CreatedAt" as the head of a column: "CREATED AT". */
static void add_head(struct buf *out, const char *name)
{
	static const char *const created[] = {"RunningFor", "CreatedSince"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(created); i++)
		if (!strcmp(created[i], name))
			name = "Created";
	for (i = 0; name[i]; i++) {
		if (i && name[i] >= 'A' && name[i] <= 'Z' && name[i - 1] >= 'a')
			buf_addc(out, ' ');
		buf_addc(out,
			 name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i]);
	}
}

/* What stands between braces: of a row, or, without one, of the line of heads. */
static void place(const char *text, size_t len, const json_t *row, struct buf *out)
{
	auto_free char *copy = xstrndup(text, len), *value_text = NULL;
	const char *field = str_trim(copy);
	const json_t *value = row;

	if (str_skip(field, "json "))
		field = str_skip(field, "json ");
	if (!row) {
		add_head(out, field + (*field == '.'));
		return;
	}
	if (*field == '.' && field[1])
		value = field_of(row, field + 1);
	if (json_is_string(value)) {
		buf_adds(out, json_string_value(value));
	} else if (value) {
		value_text = json_text(value);
		buf_adds(out, value_text);
	}
}

static void fill(const char *template, const json_t *row, struct buf *out)
{
	const char *p = template, *end;

	while (*p) {
		if (str_skip(p, "{{") && (end = strstr(p, "}}"))) {
			place(p + 2, (size_t)(end - p - 2), row, out);
			p = end + 2;
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			buf_addc(out, p[1] == 't' ? '\t' : '\n');
			p += 2;
		} else {
			buf_addc(out, *p++);
		}
	}
}

/* Every field is one that some row has. */
static int check_fields(const char *template, const json_t *rows, struct error *err)
{
	const char *p = template, *end;
	size_t i;

	for (; json_array_size(rows) && (p = strstr(p, "{{")) && (end = strstr(p, "}}")); p = end) {
		auto_free char *copy = xstrndup(p + 2, (size_t)(end - p - 2));
		const char *field = str_trim(copy);
		bool known = false;

		field = str_skip(field, "json ") ? str_skip(field, "json ") : field;
		if (*field != '.')
			return error_set(err, EINVAL,
					 "the format has \"{{%s}}\": a field is like {{.Name}}",
					 field);
		for (i = 0; i < json_array_size(rows) && !known; i++)
			known = !field[1] || field_of(json_array_get(rows, i), field + 1);
		if (!known)
			return error_set(err, EINVAL,
					 "the format has the field \"%s\", which there is not: "
					 "--format json shows all",
					 field);
	}
	return 0;
}

static char **table_line(const char *template, const json_t *row)
{
	auto_buf struct buf text = BUF_INIT;

	fill(template, row, &text);
	return split_all(text.data ? text.data : "", '\t');
}

static void print_aligned(const char *template, const json_t *rows, FILE *stream)
{
	AUTO(strv_free) char **heads = table_line(template, NULL);
	struct table *t = table_new((const char *const *)heads);
	size_t i, k;

	for (i = 0; i < json_array_size(rows); i++) {
		AUTO(strv_free) char **cells = table_line(template, json_array_get(rows, i));

		for (k = 0; heads[k]; k++)
			table_cell(t, k < strv_len(cells) ? cells[k] : "");
	}
	table_print(t, stream);
	table_free(t);
}

int format_rows(const char *template, const json_t *rows, FILE *stream, struct error *err)
{
	const char *aligned = str_skip(template, "table ");
	size_t i;
	int r = check_fields(template, rows, err);

	if (r < 0)
		return r;
	if (aligned) {
		print_aligned(aligned, rows, stream);
		return 0;
	}
	for (i = 0; i < json_array_size(rows); i++) {
		auto_buf struct buf line = BUF_INIT;

		fill(template, json_array_get(rows, i), &line);
		fprintf(stream, "%s\n", line.data ? line.data : "");
	}
	return 0;
}

void out_ago(int64_t then_ns, char *ret, size_t size)
{
	char text[48];

	str_human_duration((time_now_ns() - then_ns) / NS_PER_SEC, text, sizeof(text));
	snprintf(ret, size, "%s ago", text);
}

/* ---- ports */

static bool goes_on(const json_t *p, const json_t *next)
{
	int64_t host = json_get_int(p, "host_port", 0);

	return next && str_eq(json_get_str(p, "host_ip"), json_get_str(next, "host_ip")) &&
	       str_eq(json_get_str(p, "protocol"), json_get_str(next, "protocol")) &&
	       json_get_int(next, "host_port", 0) == (host ? host + 1 : 0) &&
	       json_get_int(next, "container_port", 0) == json_get_int(p, "container_port", 0) + 1;
}

static void add_range(struct buf *out, int64_t from, int64_t to)
{
	buf_addf(out, "%lld", (long long)from);
	if (to != from)
		buf_addf(out, "-%lld", (long long)to);
}

void out_ports(const json_t *ports, struct buf *ret)
{
	size_t i;

	for (i = 0; i < json_array_size(ports); i++) {
		const json_t *first = json_array_get(ports, i), *last = first;
		const char *ip = json_get_str(first, "host_ip"),
			   *protocol = json_get_str(first, "protocol");
		bool v6 = ip && strchr(ip, ':');

		while (goes_on(last, json_array_get(ports, i + 1)))
			last = json_array_get(ports, ++i);
		if (ret->len)
			buf_adds(ret, ", ");
		if (json_get_int(first, "host_port", 0)) {
			buf_addf(ret, "%s%s%s:", v6 ? "[" : "", str_empty(ip) ? "0.0.0.0" : ip,
				 v6 ? "]" : "");
			add_range(ret, json_get_int(first, "host_port", 0),
				  json_get_int(last, "host_port", 0));
			buf_adds(ret, "->");
		}
		add_range(ret, json_get_int(first, "container_port", 0),
			  json_get_int(last, "container_port", 0));
		buf_addf(ret, "/%s", protocol ? protocol : "tcp");
	}
}
