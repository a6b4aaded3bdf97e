/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions: name, flags, arguments.  One table row an instruction says how its arguments are
 * written, how many there may be and which flags it takes.
 */
#include <errno.h>
#include <strings.h>

#include "images/builder/dockerfile.h"

#define NEAREST_MAX 32

enum form {
	FORM_STRING,  /* the whole rest is one argument */
	FORM_WORDS,   /* blanks separate */
	FORM_LIST,    /* a JSON array, or words */
	FORM_COMMAND, /* a JSON array, or the whole rest */
	FORM_PAIRS,   /* NAME=VALUE …, or NAME VALUE */
	FORM_QUOTED,  /* words with quotes: ARG */
	FORM_HEALTH,  /* NONE, or CMD and a command */
	FORM_TRIGGER, /* another instruction */
};

enum flag_kind { FLAG_STRING = 1, FLAG_BOOL, FLAG_LIST };
struct flag_def {
	const char *name;
	enum flag_kind kind;
};

struct instruction_def {
	const char *name;
	enum form form;
	size_t min, max; /* arguments; max 0: any number */
	const char *wanted;
	const struct flag_def *flags;
	bool heredocs;
};

static const struct flag_def add_flags[] = {
	{"chown", FLAG_STRING},	     {"chmod", FLAG_STRING},
	{"link", FLAG_BOOL},	     {"checksum", FLAG_STRING},
	{"keep-git-dir", FLAG_BOOL}, {"unpack", FLAG_BOOL},
	{"exclude", FLAG_LIST},	     {0},
};
static const struct flag_def copy_flags[] = {
	{"from", FLAG_STRING},
	{"chown", FLAG_STRING},
	{"chmod", FLAG_STRING},
	{"link", FLAG_BOOL},
	{"parents", FLAG_BOOL},
	{"exclude", FLAG_LIST},
	{0},
};
static const struct flag_def from_flags[] = {{"platform", FLAG_STRING}, {0}};
static const struct flag_def run_flags[] = {{"mount", FLAG_LIST},
					    {"network", FLAG_STRING},
					    {"security", FLAG_STRING},
					    {"device", FLAG_LIST},
					    {0}};
static const struct flag_def health_flags[] = {
	{"interval", FLAG_STRING},	 {"timeout", FLAG_STRING}, {"start-period", FLAG_STRING},
	{"start-interval", FLAG_STRING}, {"retries", FLAG_STRING}, {0},
};

static const struct instruction_def defs[DOCKERFILE_KIND_MAX] = {
	[DOCKERFILE_ADD] = {"ADD", FORM_LIST, 2, 0, "at least one source and a destination",
			    add_flags, true},
	[DOCKERFILE_ARG] = {"ARG", FORM_QUOTED, 1, 0, "at least one NAME or NAME=VALUE", NULL,
			    false},
	[DOCKERFILE_CMD] = {"CMD", FORM_COMMAND, 0, 0, NULL, NULL, false},
	[DOCKERFILE_COPY] = {"COPY", FORM_LIST, 2, 0, "at least one source and a destination",
			     copy_flags, true},
	[DOCKERFILE_ENTRYPOINT] = {"ENTRYPOINT", FORM_COMMAND, 0, 0, NULL, NULL, false},
	[DOCKERFILE_ENV] = {"ENV", FORM_PAIRS, 2, 0, "at least one NAME=VALUE", NULL, false},
	[DOCKERFILE_EXPOSE] = {"EXPOSE", FORM_WORDS, 1, 0, "at least one port", NULL, false},
	[DOCKERFILE_FROM] = {"FROM", FORM_WORDS, 1, 3, "IMAGE or IMAGE AS NAME", from_flags, false},
	[DOCKERFILE_HEALTHCHECK] = {"HEALTHCHECK", FORM_HEALTH, 1, 0, "NONE, or CMD and a command",
				    health_flags, false},
	[DOCKERFILE_LABEL] = {"LABEL", FORM_PAIRS, 2, 0, "at least one NAME=VALUE", NULL, false},
	[DOCKERFILE_MAINTAINER] = {"MAINTAINER", FORM_STRING, 1, 1, "one argument", NULL, false},
	[DOCKERFILE_ONBUILD] = {"ONBUILD", FORM_TRIGGER, 0, 0, "an instruction", NULL, false},
	[DOCKERFILE_RUN] = {"RUN", FORM_COMMAND, 0, 0, NULL, run_flags, true},
	[DOCKERFILE_SHELL] = {"SHELL", FORM_COMMAND, 1, 0,
			      "a JSON array like [\"/bin/sh\", \"-c\"]", NULL, false},
	[DOCKERFILE_STOPSIGNAL] = {"STOPSIGNAL", FORM_STRING, 1, 1, "one signal", NULL, false},
	[DOCKERFILE_USER] = {"USER", FORM_STRING, 1, 1, "one user", NULL, false},
	[DOCKERFILE_VOLUME] = {"VOLUME", FORM_LIST, 1, 0, "at least one path", NULL, false},
	[DOCKERFILE_WORKDIR] = {"WORKDIR", FORM_STRING, 1, 1, "one path", NULL, false},
};

const char *dockerfile_kind_name(enum dockerfile_kind k)
{
	return defs[k].name;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t name_bytes(const char *text)
{
	size_t n = 0;

	while (text[n] && !is_blank(text[n]))
		n++;
	return n;
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool find_kind(const char *name, size_t len, enum dockerfile_kind *ret)
{
	for (size_t i = 0; i < DOCKERFILE_KIND_MAX; i++)
		if (strlen(defs[i].name) == len && !strncasecmp(defs[i].name, name, len)) {
			*ret = (enum dockerfile_kind)i;
			return true;
		}
	return false;
}

bool dockerfile_takes_heredocs(const char *text)
{
	enum dockerfile_kind kind;
	size_t len = name_bytes(text);

	if (!find_kind(text, len, &kind))
		return false;
	if (kind == DOCKERFILE_ONBUILD)
		return dockerfile_takes_heredocs(skip_blanks(text + len));
	return defs[kind].heredocs;
}

/* ---- places */

struct dockerfile_mark dockerfile_place(const struct dockerfile_instruction *in, size_t at)
{
	const struct dockerfile_segment *s = in->segments;
	size_t i;

	for (i = 1; i < in->segment_count && in->segments[i].at <= at; i++)
		s = &in->segments[i];
	return (struct dockerfile_mark){s->line, s->column + (unsigned)(at - s->at)};
}

#define problem(f, in, at, ...)                                                                    \
	do {                                                                                       \
		(in)->broken = true;                                                               \
		dockerfile_problem(f, dockerfile_place(in, at), __VA_ARGS__);                      \
	} while (0)

/* ---- flags */

static const struct flag_def *find_flag(const struct flag_def *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static void unknown_flag(struct dockerfile *f, struct dockerfile_instruction *in, const char *name,
			 size_t at)
{
	const struct instruction_def *def = &defs[in->kind];
	const char *names[NEAREST_MAX], *near;
	size_t count = 0;

	for (const struct flag_def *d = def->flags; d && d->name; d++)
		names[count++] = d->name;
	near = str_nearest(name, names, count);
	if (near)
		problem(f, in, at, "%s has no flag --%s (did you mean --%s?)", def->name, name,
			near);
	else
		problem(f, in, at, "%s has no flag --%s", def->name, name);
}

static bool is_bool_text(const char *s)
{
	return !strcasecmp(s, "true") || !strcasecmp(s, "false");
}

static void check_flag(struct dockerfile *f, struct dockerfile_instruction *in,
		       struct dockerfile_flag *flag)
{
	const struct flag_def *def = find_flag(defs[in->kind].flags, flag->name);

	if (!def) {
		unknown_flag(f, in, flag->name, flag->at);
		return;
	}
	flag->name = def->name;
	if (def->kind != FLAG_BOOL && !flag->value)
		problem(f, in, flag->at, "--%s needs a value: --%s=…", flag->name, flag->name);
	else if (def->kind == FLAG_BOOL && flag->value && !is_bool_text(flag->value))
		problem(f, in, flag->at, "--%s takes true or false, not \"%s\"", flag->name,
			flag->value);
	if (def->kind == FLAG_LIST)
		return;
	for (size_t i = 0; &in->flags[i] != flag; i++)
		if (!strcmp(in->flags[i].name, flag->name))
			problem(f, in, flag->at, "--%s is given twice", flag->name);
}

/* One word; quotes are taken away, a backslash protects the next character. */
static const char *flag_word(const char *s, struct buf *ret)
{
	char quote = '\0';

	for (; *s && (quote || !is_blank(*s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && s[1])
			buf_addc(ret, *++s);
		else if (*s != '\\')
			buf_addc(ret, *s);
	}
	return s;
}

/* "--name=value" words before the arguments; "--" ends them. */
static void take_flags(struct dockerfile *f, struct dockerfile_instruction *in, const char *s)
{
	size_t room = 0, at;
	char *name, *equals;

	for (s = skip_blanks(s); s[0] == '-' && s[1] == '-'; s = skip_blanks(s)) {
		auto_buf struct buf word = BUF_INIT;

		at = (size_t)(s - in->text);
		s = flag_word(s, &word);
		if (word.len == 2) {
			s = skip_blanks(s);
			break;
		}
		name = arena_strndup(f->arena, word.data + 2, word.len - 2);
		equals = strchr(name, '=');
		if (equals)
			*equals = '\0';
		DOCKERFILE_GROW(f->arena, in->flags, in->flag_count, room);
		in->flags[in->flag_count++] =
			(struct dockerfile_flag){name, equals ? equals + 1 : NULL, at};
	}
	in->rest = in->text + (s - in->text);
	for (size_t i = 0; i < in->flag_count; i++)
		check_flag(f, in, &in->flags[i]);
}

const char *dockerfile_flag(const struct dockerfile_instruction *in, const char *name)
{
	for (size_t i = 0; i < in->flag_count; i++)
		if (!strcmp(in->flags[i].name, name))
			return in->flags[i].value ?: "";
	return NULL;
}

bool dockerfile_flag_on(const struct dockerfile_instruction *in, const char *name)
{
	const char *value = dockerfile_flag(in, name);

	return value && strcasecmp(value, "false") != 0;
}

/* ---- arguments */

static bool take_json(struct dockerfile *f, struct dockerfile_instruction *in, const char *text)
{
	size_t at = (size_t)(text - in->text);
	int r = dockerfile_exec_form(f->arena, text, at, &in->args);

	if (r < 0)
		problem(f, in, at, "a JSON array here may hold strings only");
	in->exec_form = r > 0;
	return r != 0;
}

static void take_string(struct dockerfile *f, struct dockerfile_instruction *in, const char *text)
{
	if (*text)
		dockerfile_word_add(f->arena, &in->args, text, strlen(text),
				    (size_t)(text - in->text));
}

static void take_pairs(struct dockerfile *f, struct dockerfile_instruction *in)
{
	struct dockerfile_words words = {0};
	const char *name = defs[in->kind].name;
	size_t at = (size_t)(in->rest - in->text), len;

	dockerfile_split(f->arena, in->rest, at, f->escape, &words);
	if (!words.count)
		return;
	if (!strchr(words.list[0].text, '=')) {
		len = name_bytes(in->rest);
		if (words.count < 2) {
			problem(f, in, at, "%s %s has no value: write %s %s=VALUE", name,
				words.list[0].text, name, words.list[0].text);
			return;
		}
		in->legacy = true;
		dockerfile_word_add(f->arena, &in->args, in->rest, len, at);
		take_string(f, in, skip_blanks(in->rest + len));
		return;
	}
	for (size_t i = 0; i < words.count; i++) {
		const struct dockerfile_word *w = &words.list[i];

		len = strcspn(w->text, "=");
		if (!w->text[len]) {
			problem(f, in, w->at, "\"%s\" is not NAME=VALUE (quote values with blanks)",
				w->text);
			continue;
		}
		if (!len)
			problem(f, in, w->at, "the name before = is missing");
		dockerfile_word_add(f->arena, &in->args, w->text, len, w->at);
		dockerfile_word_add(f->arena, &in->args, w->text + len + 1,
				    strlen(w->text + len + 1), w->at + len + 1);
	}
}

static void take_health(struct dockerfile *f, struct dockerfile_instruction *in)
{
	size_t len = name_bytes(in->rest), at = (size_t)(in->rest - in->text);
	const char *command = skip_blanks(in->rest + len);

	if (!len)
		return;
	dockerfile_word_add(f->arena, &in->args, in->rest, len, at);
	if (!strcasecmp(in->args.list[0].text, "NONE")) {
		if (*command)
			problem(f, in, (size_t)(command - in->text),
				"HEALTHCHECK NONE takes no arguments");
	} else if (strcasecmp(in->args.list[0].text, "CMD") != 0) {
		problem(f, in, at, "HEALTHCHECK takes NONE or CMD, not \"%s\"",
			in->args.list[0].text);
	} else if (!*command) {
		problem(f, in, at, "HEALTHCHECK CMD has no command");
	} else if (!take_json(f, in, command)) {
		take_string(f, in, command);
	}
}

static void take_trigger(struct dockerfile *f, struct dockerfile_instruction *in,
			 const struct dockerfile_raw *raw)
{
	static const enum dockerfile_kind refused[] = {DOCKERFILE_ONBUILD, DOCKERFILE_FROM,
						       DOCKERFILE_MAINTAINER};
	size_t at = (size_t)(in->rest - in->text), i;
	struct dockerfile_raw inner = *raw;

	if (!*in->rest) {
		problem(f, in, 0, "ONBUILD takes an instruction");
		return;
	}
	inner.text = in->rest;
	inner.mark = dockerfile_place(in, at);
	inner.segments = arena_alloc(f->arena, raw->segment_count * sizeof(*inner.segments));
	for (i = 0; i < raw->segment_count; i++) {
		inner.segments[i] = raw->segments[i];
		inner.segments[i].at -= MIN(at, inner.segments[i].at);
	}
	inner.segments[0].column += (unsigned)at;
	in->trigger = dockerfile_instruction(f, &inner);
	for (i = 0; in->trigger && i < ARRAY_LEN(refused); i++)
		if (in->trigger->kind == refused[i])
			problem(f, in, at, "ONBUILD may not hold %s", defs[refused[i]].name);
	if (!in->trigger || in->trigger->broken)
		in->broken = true;
}

static void take_args(struct dockerfile *f, struct dockerfile_instruction *in,
		      const struct dockerfile_raw *raw)
{
	size_t at = (size_t)(in->rest - in->text);

	switch (defs[in->kind].form) {
	case FORM_STRING:
		take_string(f, in, in->rest);
		return;
	case FORM_WORDS:
		dockerfile_split_plain(f->arena, in->rest, at, &in->args);
		return;
	case FORM_LIST:
		if (!take_json(f, in, in->rest))
			dockerfile_split_plain(f->arena, in->rest, at, &in->args);
		return;
	case FORM_COMMAND:
		if (!take_json(f, in, in->rest))
			take_string(f, in, in->rest);
		return;
	case FORM_PAIRS:
		take_pairs(f, in);
		return;
	case FORM_QUOTED:
		dockerfile_split(f->arena, in->rest, at, f->escape, &in->args);
		return;
	case FORM_HEALTH:
		take_health(f, in);
		return;
	case FORM_TRIGGER:
		take_trigger(f, in, raw);
		return;
	}
}

/* ---- what a table cannot say */

static bool stage_name_valid(const char *s)
{
	if (*s < 'a' || *s > 'z')
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

static void check_from(struct dockerfile *f, struct dockerfile_instruction *in)
{
	struct dockerfile_word *w = in->args.list;

	if (in->args.count == 1)
		return;
	if (in->args.count != 3 || strcasecmp(w[1].text, "AS") != 0) {
		problem(f, in, w[1].at, "FROM takes IMAGE or IMAGE AS NAME");
		return;
	}
	str_lower(w[2].text);
	if (!stage_name_valid(w[2].text))
		problem(f, in, w[2].at,
			"invalid stage name \"%s\": a letter, then letters, digits, - _ and .",
			w[2].text);
}

static void check_arg(struct dockerfile *f, struct dockerfile_instruction *in)
{
	for (size_t i = 0; i < in->args.count; i++)
		if (in->args.list[i].text[0] == '=')
			problem(f, in, in->args.list[i].at, "the name before = is missing");
}

static void check_copy(struct dockerfile *f, struct dockerfile_instruction *in)
{
	const struct dockerfile_word *last = &in->args.list[in->args.count - 1];
	struct dockerfile_heredoc h;

	if (!in->exec_form && dockerfile_heredoc_parse(f->arena, last->text, &h))
		problem(f, in, last->at, "a heredoc cannot be the destination");
}

static void check_run(struct dockerfile *f, struct dockerfile_instruction *in)
{
	const char *network = dockerfile_flag(in, "network");
	const char *security = dockerfile_flag(in, "security");

	if (!in->args.count && !in->broken)
		problem(f, in, 0, "RUN has no command");
	if (network && strcmp(network, "default") && strcmp(network, "none") &&
	    strcmp(network, "host"))
		problem(f, in, 0, "invalid --network \"%s\": default, none or host", network);
	if (security && strcmp(security, "sandbox") && strcmp(security, "insecure"))
		problem(f, in, 0, "invalid --security \"%s\": sandbox or insecure", security);
	if (dockerfile_flag(in, "device"))
		problem(f, in, 0, "RUN --device is not supported");
}

static void check_shell(struct dockerfile *f, struct dockerfile_instruction *in)
{
	if (!in->exec_form)
		problem(f, in, in->args.list[0].at,
			"SHELL takes a JSON array like [\"/bin/sh\", \"-c\"]");
}

static void check_health(struct dockerfile *f, struct dockerfile_instruction *in)
{
	for (size_t i = 0; i < in->flag_count; i++) {
		const struct dockerfile_flag *flag = &in->flags[i];
		int64_t ns, number;

		if (!flag->value)
			continue;
		if (!strcmp(flag->name, "retries")) {
			if (parse_i64(flag->value, &number) < 0 || number < 0)
				problem(f, in, flag->at, "invalid --retries \"%s\": a number",
					flag->value);
		} else if (parse_duration_ns(flag->value, &ns) < 0 || ns < 0 ||
			   (ns && ns < 1000000)) {
			problem(f, in, flag->at,
				"invalid --%s \"%s\": a duration of at least 1ms, like 30s",
				flag->name, flag->value);
		}
	}
}

static void check(struct dockerfile *f, struct dockerfile_instruction *in)
{
	static void (*const checks[DOCKERFILE_KIND_MAX])(struct dockerfile *,
							 struct dockerfile_instruction *) = {
		[DOCKERFILE_FROM] = check_from,
		[DOCKERFILE_ARG] = check_arg,
		[DOCKERFILE_COPY] = check_copy,
		[DOCKERFILE_ADD] = check_copy,
		[DOCKERFILE_RUN] = check_run,
		[DOCKERFILE_SHELL] = check_shell,
		[DOCKERFILE_HEALTHCHECK] = check_health,
	};
	const struct instruction_def *def = &defs[in->kind];

	if (in->args.count < def->min || (def->max && in->args.count > def->max)) {
		if (!in->broken)
			problem(f, in, 0, "%s takes %s", def->name, def->wanted);
		return;
	}
	if (checks[in->kind])
		checks[in->kind](f, in);
}

/* ---- */

static void unknown_instruction(struct dockerfile *f, const struct dockerfile_raw *raw)
{
	auto_free char *name = xstrndup(raw->text, name_bytes(raw->text));
	auto_free char *upper = xstrdup(name);
	const char *names[DOCKERFILE_KIND_MAX], *near;

	for (char *c = upper; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	for (size_t i = 0; i < DOCKERFILE_KIND_MAX; i++)
		names[i] = defs[i].name;
	near = str_nearest(upper, names, DOCKERFILE_KIND_MAX);
	if (near)
		dockerfile_problem(f, raw->mark, "unknown instruction %s (did you mean %s?)", name,
				   near);
	else
		dockerfile_problem(f, raw->mark, "unknown instruction %s", name);
}

struct dockerfile_instruction *dockerfile_instruction(struct dockerfile *f,
						      const struct dockerfile_raw *raw)
{
	struct dockerfile_instruction *in;
	size_t len = name_bytes(raw->text);
	enum dockerfile_kind kind;

	if (!find_kind(raw->text, len, &kind)) {
		unknown_instruction(f, raw);
		return NULL;
	}
	in = arena_alloc(f->arena, sizeof(*in));
	*in = (struct dockerfile_instruction){
		.kind = kind,
		.mark = raw->mark,
		.last_line = raw->last_line,
		.text = raw->text,
		.segments = raw->segments,
		.segment_count = raw->segment_count,
		.heredocs = raw->heredocs,
		.heredoc_count = raw->heredoc_count,
	};
	take_flags(f, in, raw->text + len);
	take_args(f, in, raw);
	if (kind != DOCKERFILE_ONBUILD)
		check(f, in);
	return in;
}

struct dockerfile_instruction *dockerfile_parse_trigger(struct dockerfile *f, const char *text,
							struct dockerfile_mark mark)
{
	struct dockerfile inner = {.arena = f->arena,
				   .name = f->name,
				   .text = arena_strdup(f->arena, text),
				   .len = strlen(text),
				   .escape = '\\'};
	struct dockerfile_reader *r = dockerfile_reader_new(&inner);
	struct dockerfile_instruction *in = NULL;
	struct dockerfile_raw raw;

	if (dockerfile_read(r, &raw))
		in = dockerfile_instruction(&inner, &raw);
	if (inner.problems.count) {
		dockerfile_problem(f, mark, "ONBUILD %s of the base image: %s", text,
				   inner.problems.list[0].text);
		return NULL;
	}
	if (in) {
		/* It has no place in this file but that of FROM. */
		in->mark = mark;
		in->segments = arena_alloc(f->arena, sizeof(*in->segments));
		in->segments[0] = (struct dockerfile_segment){0, mark.line, mark.column};
		in->segment_count = 1;
	}
	return in;
}

/* ---- the file */

static void add_stage(struct dockerfile *f, struct dockerfile_instruction *in)
{
	struct dockerfile_stage *s;

	DOCKERFILE_GROW(f->arena, f->stages, f->stage_count, f->stage_room);
	s = &f->stages[f->stage_count++];
	*s = (struct dockerfile_stage){
		.from = in,
		.base = in->args.count ? in->args.list[0].text : "",
		.name = in->args.count == 3 ? in->args.list[2].text : NULL,
		.platform = dockerfile_flag(in, "platform"),
	};
	for (size_t i = 0; s->name && i + 1 < f->stage_count; i++)
		if (str_eq(f->stages[i].name, s->name))
			problem(f, in, in->args.list[2].at,
				"the stage name \"%s\" is used already in line %u", s->name,
				f->stages[i].from->mark.line);
}

static void add(struct dockerfile *f, struct dockerfile_instruction *in)
{
	struct dockerfile_stage *s;

	if (in->kind == DOCKERFILE_FROM) {
		add_stage(f, in);
	} else if (f->stage_count) {
		s = &f->stages[f->stage_count - 1];
		DOCKERFILE_GROW(f->arena, s->list, s->count, s->room);
		s->list[s->count++] = in;
	} else if (in->kind == DOCKERFILE_ARG) {
		DOCKERFILE_GROW(f->arena, f->args, f->arg_count, f->arg_room);
		f->args[f->arg_count++] = in;
	} else {
		dockerfile_problem(f, in->mark, "%s comes before the first FROM: only ARG may",
				   defs[in->kind].name);
	}
}

struct dockerfile *dockerfile_parse(struct arena *a, const char *name, const char *text, size_t len)
{
	struct dockerfile *f = arena_alloc(a, sizeof(*f));
	struct dockerfile_instruction *in;
	struct dockerfile_reader *r;
	struct dockerfile_raw raw;
	bool any = false;

	f->arena = a;
	f->name = arena_strdup(a, name);
	f->text = arena_strndup(a, text ?: "", MIN(len, DOCKERFILE_MAX));
	f->len = MIN(len, DOCKERFILE_MAX);
	f->escape = '\\';
	if (len > DOCKERFILE_MAX)
		dockerfile_problem(f, (struct dockerfile_mark){0},
				   "the file is larger than %zu bytes", DOCKERFILE_MAX);
	r = dockerfile_reader_new(f);
	while (dockerfile_read(r, &raw)) {
		any = true;
		in = dockerfile_instruction(f, &raw);
		if (in)
			add(f, in);
	}
	if (!any)
		dockerfile_problem(f, (struct dockerfile_mark){0}, "the file has no instructions");
	else if (!f->stage_count && !f->problems.count)
		dockerfile_problem(f, (struct dockerfile_mark){0}, "the file has no FROM");
	return f;
}
