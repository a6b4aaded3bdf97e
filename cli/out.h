/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user sees on standard output: tables, colours, --format. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"

/* Colours are on when the stream is a terminal, unless NO_COLOR, --ansi or COMPOSE_ANSI say
 * otherwise. */
bool out_color(const struct cli *cli, FILE *stream);

/* A table of text cells: columns padded to their widest cell plus three blanks, as docker prints
 * them. */
struct table;
struct table *table_new(const char *const *heads); /* NULL-terminated */
void table_free(struct table *t);
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) PRINTF(2, 3);
void table_print(const struct table *t, FILE *stream);

/*
 * --format of the listing verbs: "table" (or NULL), "json" (an object a line) or a template of
 * literal text and {{.Field}} places, {{json .}} and \t \n escapes.  Checks it.
 */
enum format_kind { FORMAT_TABLE, FORMAT_JSON, FORMAT_TEMPLATE };
int format_parse(const char *format, enum format_kind *ret, struct error *err) MUST_CHECK;
/* A line for each row of the array; "table TEMPLATE": in columns, with heads.  -EINVAL: no row has
 * such a field. */
int format_rows(const char *template, const json_t *rows, FILE *stream, struct error *err)
	MUST_CHECK;
void out_json_line(const json_t *value, FILE *stream);
void out_json_pretty(const json_t *value, FILE *stream);

/* "3 minutes ago" for a point of real time in ns. */
void out_ago(int64_t then_ns, char *ret, size_t size);
/* 0.0.0.0:8080->80/tcp, joined as docker ps does, from
 * [{host_ip,host_port,container_port,protocol}]. */
void out_ports(const json_t *ports, struct buf *ret);

#endif
