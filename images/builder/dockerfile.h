/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language of Dockerfiles as the reference front end reads it: lines with continuation,
 * comments, directives and heredocs become instructions of a typed form, each of which knows its
 * place in the file.  Pure: no I/O, no state.  Everything belongs to one arena.
 *
 * Foreign bytes: every size has a limit, and all problems of a file are collected.
 */
#ifndef IMAGES_BUILDER_DOCKERFILE_H
#define IMAGES_BUILDER_DOCKERFILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

#define DOCKERFILE_MAX	    ((size_t)4 << 20)
#define DOCKERFILE_LINE_MAX ((size_t)1 << 20) /* of one instruction, lines joined */

struct dockerfile_mark {
	unsigned line, column; /* from 1; column in bytes; line 0: nowhere */
};

/* ---- problems */

struct dockerfile_problem {
	struct dockerfile_mark mark;
	const char *text; /* lower case, no full stop; with its hint */
};
struct dockerfile_problems {
	struct dockerfile_problem *list;
	size_t count, room;
};
struct dockerfile;
void dockerfile_problem(struct dockerfile *f, struct dockerfile_mark mark, const char *fmt, ...)
	PRINTF(3, 4);
/* "NAME:3:1: error: unknown instruction …", the source line, a caret; for each problem. */
void dockerfile_render(const struct dockerfile *f, struct buf *out);
/* The same for one message about one place: what a build says when a step fails. */
void dockerfile_render_at(const struct dockerfile *f, struct dockerfile_mark mark, const char *text,
			  struct buf *out);

/* ---- instructions */

enum dockerfile_kind {
	DOCKERFILE_ADD,
	DOCKERFILE_ARG,
	DOCKERFILE_CMD,
	DOCKERFILE_COPY,
	DOCKERFILE_ENTRYPOINT,
	DOCKERFILE_ENV,
	DOCKERFILE_EXPOSE,
	DOCKERFILE_FROM,
	DOCKERFILE_HEALTHCHECK,
	DOCKERFILE_LABEL,
	DOCKERFILE_MAINTAINER,
	DOCKERFILE_ONBUILD,
	DOCKERFILE_RUN,
	DOCKERFILE_SHELL,
	DOCKERFILE_STOPSIGNAL,
	DOCKERFILE_USER,
	DOCKERFILE_VOLUME,
	DOCKERFILE_WORKDIR,
	DOCKERFILE_KIND_MAX,
};
const char *dockerfile_kind_name(enum dockerfile_kind k); /* "RUN" */

struct dockerfile_word {
	char *text;
	size_t at; /* offset in the instruction's text */
};
struct dockerfile_words {
	struct dockerfile_word *list;
	size_t count, room;
};

struct dockerfile_heredoc {
	char *name, *content; /* content with its last newline; tabs are stripped for <<- */
	bool chomp;	      /* <<-: leading tabs are not part of it */
	bool expand;	      /* the name was not quoted */
	unsigned fd;
	unsigned line; /* of its first line */
};

/* A flag: "--chown=1:2" is {"chown", "1:2"}; without a value NULL. */
struct dockerfile_flag {
	const char *name;
	char *value;
	size_t at;
};

/* A place where the text of an instruction goes on in another line of the file. */
struct dockerfile_segment {
	size_t at;     /* offset in the text */
	unsigned line; /* from 1 */
	unsigned column;
};

struct dockerfile_instruction {
	enum dockerfile_kind kind;
	struct dockerfile_mark mark;
	unsigned last_line;
	char *text; /* joined lines, trimmed: what the history shows */
	char *rest; /* within text: after the name and the flags */
	struct dockerfile_segment *segments;
	size_t segment_count;
	struct dockerfile_flag *flags;
	size_t flag_count;
	struct dockerfile_words args; /* by kind; ENV and LABEL: name, value, name, value … */
	bool exec_form;		      /* the arguments were a JSON array */
	bool legacy;		      /* ENV NAME VALUE */
	struct dockerfile_heredoc *heredocs;
	size_t heredoc_count;
	struct dockerfile_instruction *trigger; /* of ONBUILD */
	bool broken;				/* a problem has been reported */
};
/* NULL without it; "" for a flag without a value. */
const char *dockerfile_flag(const struct dockerfile_instruction *in, const char *name);
/* Is a boolean flag set (--link, --link=true)? */
bool dockerfile_flag_on(const struct dockerfile_instruction *in, const char *name);
struct dockerfile_mark dockerfile_place(const struct dockerfile_instruction *in, size_t at);

struct dockerfile_stage {
	struct dockerfile_instruction *from;
	const char *base;     /* as written; variables are not expanded yet */
	const char *name;     /* lower case, or NULL */
	const char *platform; /* as written, or NULL */
	struct dockerfile_instruction **list;
	size_t count, room;
};

struct dockerfile {
	struct arena *arena;
	const char *name; /* as messages show it */
	const char *text; /* whole text, NUL-terminated */
	size_t len;
	char escape;			      /* \ or ` */
	const char *syntax;		      /* of the directive, or NULL */
	struct dockerfile_instruction **args; /* ARG before the first FROM */
	size_t arg_count, arg_room;
	struct dockerfile_stage *stages;
	size_t stage_count, stage_room;
	struct dockerfile_problems problems;
};

/*
 * Parses.  Never fails as such: problems are in ret->problems, and what could be understood is
 * there.  `text` is copied into the arena.
 */
struct dockerfile *dockerfile_parse(struct arena *a, const char *name, const char *text,
				    size_t len);
/* One instruction of a base image's ONBUILD list; NULL with problems in `f`. */
struct dockerfile_instruction *dockerfile_parse_trigger(struct dockerfile *f, const char *text,
							struct dockerfile_mark mark);
/* The tree for goldens and tests; new reference. */
json_t *dockerfile_json(const struct dockerfile *f);

/* ---- RUN --mount */

enum dockerfile_mount_type {
	DOCKERFILE_MOUNT_BIND,
	DOCKERFILE_MOUNT_CACHE,
	DOCKERFILE_MOUNT_TMPFS,
	DOCKERFILE_MOUNT_SECRET,
	DOCKERFILE_MOUNT_SSH,
	DOCKERFILE_MOUNT_MAX,
};
enum dockerfile_sharing { DOCKERFILE_SHARED, DOCKERFILE_PRIVATE, DOCKERFILE_LOCKED };
struct dockerfile_mount {
	enum dockerfile_mount_type type;
	char *from, *source, *target, *id, *env;
	bool read_only, required;
	enum dockerfile_sharing sharing;
	int64_t mode, uid, gid; /* -1: default */
	uint64_t size_bytes;
};
/* Parses the value of one --mount whose variables have been expanded.  Strings belong to the
 * arena.  EINVAL with the reason and a hint. */
int dockerfile_mount_parse(struct arena *a, const char *text, struct dockerfile_mount *ret,
			   struct error *err) MUST_CHECK;

/* ---- words (words.c, lines.c; used by each other) */

/* Splits at blanks; quotes are kept in the words. */
void dockerfile_split(struct arena *a, const char *text, size_t at, char escape,
		      struct dockerfile_words *ret);
/* Splits at blanks without looking at quotes. */
void dockerfile_split_plain(struct arena *a, const char *text, size_t at,
			    struct dockerfile_words *ret);
void dockerfile_word_add(struct arena *a, struct dockerfile_words *w, const char *text, size_t len,
			 size_t at);
/* 1: a JSON array of strings; 0: none; -EINVAL: an array with something else in it. */
int dockerfile_exec_form(struct arena *a, const char *text, size_t at, struct dockerfile_words *ret)
	MUST_CHECK;
/* Is the word a heredoc ("<<EOF", "3<<-'X'")?  The name is in the arena. */
bool dockerfile_heredoc_parse(struct arena *a, const char *word, struct dockerfile_heredoc *ret);

/* lines.c → parse.c: one instruction with lines joined and heredocs taken. */
struct dockerfile_raw {
	char *text;
	struct dockerfile_mark mark;
	unsigned last_line;
	struct dockerfile_segment *segments;
	size_t segment_count, segment_room;
	struct dockerfile_heredoc *heredocs;
	size_t heredoc_count;
};
struct dockerfile_reader;
struct dockerfile_reader *dockerfile_reader_new(struct dockerfile *f);
/* false at the end. */
bool dockerfile_read(struct dockerfile_reader *r, struct dockerfile_raw *ret);
/* May the instruction of this text have heredocs? */
bool dockerfile_takes_heredocs(const char *text);
/* parse.c */
struct dockerfile_instruction *dockerfile_instruction(struct dockerfile *f,
						      const struct dockerfile_raw *raw);

/* Room for one more in an array of the arena; the old array is left behind. */
#define DOCKERFILE_GROW(arena, array, count, room)                                                 \
	do {                                                                                       \
		if ((count) == (room)) {                                                           \
			void *grown_;                                                              \
                                                                                                   \
			(room) = (room) ? (room)*2 : 4;                                            \
			grown_ = arena_alloc(arena, (room) * sizeof(*(array)));                    \
			if (count)                                                                 \
				memcpy(grown_, array, (count) * sizeof(*(array)));                 \
			(array) = grown_;                                                          \
		}                                                                                  \
	} while (0)

#endif
