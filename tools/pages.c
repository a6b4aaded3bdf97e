/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the pages that come from tables: `pages compose.md` and `pages cmp-compose.5` from that of
 * the format, `pages cmp.1` from those of the command line.  Runs while the tree is built.
 */
#include <ctype.h>
#include <stdio.h>

#include "cli/cli.h"
#include "compose/reference.h"
#include "compose/schema.h"

#define MD_WIDTH 150

struct page {
	struct buf out;
	const struct reference_section *const *all;
	size_t count;
};

static const char *title(const struct reference_section *s)
{
	return *s->path ? s->path : "The file";
}

/* Where the keys of a part are described. */
static const struct reference_section *
described(const struct page *p, const struct reference_section *s, const struct compose_key *key)
{
	const struct reference_section *part = reference_part(p->all, p->count, s, key);

	while (part && part->same)
		part = part->same;
	return part;
}

/* "a duration like "10s"; override: replaced; required" */
static void add_facts(struct buf *out, const struct reference_section *s,
		      const struct compose_key *key)
{
	const char *remark = reference_remark(key, false);

	reference_value(out, key);
	buf_addf(out, "; override: %s", reference_merge(s->type, key));
	if (remark && !s->ignored)
		buf_addf(out, "; %s", remark);
}

/* ---- docs/compose.md */

static const char md_head[] =
	"# The Compose format as cmp reads it\n\n"
	"<!-- Made by tools/pages from the tables in compose/keys.c: do not edit. -->\n\n"
	"Every key with what it means, the value that it takes, and what happens when a later file, or a service that "
	"extends\n"
	"another one, gives it again (*override*). NAME stands for a name of your choice, `[]` for the items of a list. "
	"`cmp explain\n"
	"services.web.ports` prints one entry. `cmp config` shows what becomes of a file.\n\n"
	"* Values are strings, numbers, true and false, lists and mappings; where a number or true is wanted, a string "
	"with it will do,\n"
	"  so that a variable can give it.\n"
	"* `$NAME` and `${NAME}` in a value stand for a variable of the environment or of `.env`; `${NAME:-word}` has a "
	"default,\n"
	"  `${NAME:?message}` must be set, `${NAME:+word}` is word if NAME is set, `$$` is a dollar sign. Without the colon "
	"an empty variable\n"
	"  counts as set.\n"
	"* Durations are numbers with units: `1h30m`, `10s`, `500ms`; also us, ns, d and w. Sizes have b, k, m, g, t or "
	"p, each 1024 times\n"
	"  the one before: `512m`, `1.5g`.\n"
	"* In an override, mappings are merged key by key, lists are appended, anything else is replaced, if nothing "
	"else is said.\n"
	"  `!reset` before a value removes what was there, `!override` replaces it whole.\n"
	"* Keys that begin with `x-` are allowed everywhere and mean nothing to cmp, but for `x-cmp`, which speaks to `cmp lint`.\n"
	"* Relative paths start in the directory of the first file, or in `--project-directory`.\n"
	"* *cmp ignores it*: the key is read and checked and has no effect. *cmp refuses it*: no container is made from "
	"such a service.\n";

/* As web pages make names of headings. */
static void add_anchor(struct buf *out, const char *heading)
{
	for (; *heading; heading++)
		if (isalnum((unsigned char)*heading) || strchr("-_ ", *heading))
			buf_addc(out,
				 *heading == ' ' ? '-' : (char)tolower((unsigned char)*heading));
}

static void md_key(struct page *p, const struct reference_section *s, const struct compose_key *key)
{
	const struct reference_section *part = described(p, s, key);
	auto_buf struct buf facts = BUF_INIT;

	buf_addf(&p->out, "* **%s** ", key->name);
	buf_wrap(&p->out, key->help, 2, MD_WIDTH);
	buf_adds(&p->out, "\\\n  ");
	add_facts(&facts, s, key);
	buf_addf(&p->out, "*%s*", facts.data);
	if (part) {
		buf_addf(&p->out, " → [%s](#", title(part));
		add_anchor(&p->out, title(part));
		buf_addc(&p->out, ')');
	}
	buf_addc(&p->out, '\n');
}

static void md_section(struct page *p, const struct reference_section *s)
{
	const struct compose_key *const *key;
	const char *remark = reference_remark(s->key, s->ignored);

	buf_addf(&p->out, "\n## %s\n\n", title(s));
	if (remark && s->key->flags & (KEY_IGNORED | KEY_REFUSED))
		buf_addf(&p->out, "*%s.*\n\n", remark);
	else if (s->ignored)
		buf_adds(&p->out, "*cmp ignores all of this.*\n\n");
	for (key = s->sorted; *key; key++)
		md_key(p, s, *key);
}

static void md_page(struct page *p)
{
	size_t i;

	buf_adds(&p->out, md_head);
	for (i = 0; i < p->count; i++)
		if (!p->all[i]->same)
			md_section(p, p->all[i]);
}

/* ---- manual pages */

/* One line of text: what roff would understand is taken as it is. */
static void roff(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_adds(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			buf_adds(out, "\\e");
		else if (*text == '-')
			buf_adds(out, "\\-");
		else
			buf_addc(out, *text);
	}
}

static void roff_line(struct buf *out, const char *macro, const char *text)
{
	buf_addf(out, "%s%s", macro, *macro ? " " : "");
	roff(out, text);
	buf_addc(out, '\n');
}

/* An argument of a macro: a quote in it is written twice. */
static void roff_quoted(struct buf *out, const char *macro, const char *text)
{
	const char *quote;

	buf_addf(out, "%s \"", macro);
	for (; (quote = strchr(text, '"')); text = quote + 1) {
		auto_free char *part = xstrndup(text, (size_t)(quote - text));

		roff(out, part);
		buf_adds(out, "\"\"");
	}
	roff(out, text);
	buf_adds(out, "\"\n");
}

static void man_key(struct page *p, const struct reference_section *s,
		    const struct compose_key *key)
{
	const struct reference_section *part = described(p, s, key);
	auto_buf struct buf facts = BUF_INIT;

	buf_adds(&p->out, ".TP\n");
	roff_line(&p->out, ".B", key->name);
	roff_line(&p->out, "", key->help);
	add_facts(&facts, s, key);
	if (part)
		buf_addf(&facts, "; see %s", title(part));
	buf_adds(&p->out, ".br\n");
	roff_quoted(&p->out, ".I", facts.data);
}

/* The text of the page of the web, without its marks. */
static void man_head(struct page *p)
{
	const char *line, *end;

	for (line = strstr(md_head, "Every key"); *line; line = *end ? end + 1 : end) {
		auto_buf struct buf text = BUF_INIT;
		bool item = str_starts(line, "* ");
		const char *at;

		end = line + strcspn(line, "\n");
		for (at = line + (item ? 2 : strspn(line, " ")); at < end; at++)
			if (*at != '*' && *at != '`')
				buf_addc(&text, *at);
		if (!text.len)
			continue;
		if (item)
			buf_adds(&p->out, ".IP \\(bu 2\n");
		roff_line(&p->out, "", text.data);
	}
}

static void man_compose(struct page *p)
{
	const struct compose_key *const *key;
	size_t i;

	buf_adds(&p->out, ".TH CMP\\-COMPOSE 5 \"\" \"cmp " PACKAGE_VERSION "\"\n"
			  ".SH NAME\ncmp\\-compose \\- the Compose format as cmp reads it\n"
			  ".SH DESCRIPTION\n.ad l\n.nh\n");
	man_head(p);
	for (i = 0; i < p->count; i++) {
		const struct reference_section *s = p->all[i];
		const char *remark = reference_remark(s->key, s->ignored);

		if (s->same)
			continue;
		roff_quoted(&p->out, ".SH", title(s));
		if (s->ignored || (s->key && s->key->flags & KEY_REFUSED)) {
			roff(&p->out, remark);
			buf_adds(&p->out, ".\n");
		}
		for (key = s->sorted; *key; key++)
			man_key(p, s, *key);
	}
	buf_adds(&p->out, ".SH SEE ALSO\n.BR cmp (1)\n");
}

static void man_options(struct page *p, const struct option_def *o)
{
	for (; o && (o->name || o->letter); o++) {
		if (!o->help)
			continue;
		buf_adds(&p->out, ".TP\n");
		if (o->letter)
			buf_addf(&p->out, "\\fB\\-%c\\fR%s", o->letter, o->name ? ", " : "");
		if (o->name) {
			buf_adds(&p->out, "\\fB\\-\\-");
			roff(&p->out, o->name);
			buf_adds(&p->out, "\\fR");
		}
		if (o->arg) {
			buf_adds(&p->out, " \\fI");
			roff(&p->out, o->arg);
			buf_adds(&p->out, "\\fR");
		}
		buf_addc(&p->out, '\n');
		roff_line(&p->out, "", o->help);
	}
}

static void man_command(struct page *p, const char *prefix, const struct command *c)
{
	auto_free char *line = xasprintf("%s%s %s", prefix, c->name, c->usage),
		       *deeper = xasprintf("%s%s ", prefix, c->name);
	const struct command *const *sub;
	size_t i;

	if (!c->summary)
		return;
	if (c->verbs) {
		for (sub = c->verbs; *sub; sub++)
			man_command(p, deeper, *sub);
		return;
	}
	roff_quoted(&p->out, ".SS", line);
	buf_addf(&p->out, "%s.\n", c->summary);
	for (i = 0; c->aliases && c->aliases[i]; i++)
		buf_addf(&p->out, "%s\\fB%s\\fR", i ? ", " : "Also: ", c->aliases[i]);
	if (i)
		buf_addc(&p->out, '\n');
	man_options(p, c->options);
	if (!c->more)
		return;
	buf_adds(&p->out, ".PP\n.nf\n");
	roff(&p->out, c->more);
	buf_adds(&p->out, "\n.fi\n");
}

static const char man_cmp_head[] =
	".TH CMP 1 \"\" \"cmp " PACKAGE_VERSION "\"\n"
	".SH NAME\ncmp \\- run the services of a Compose file as containers\n"
	".SH SYNOPSIS\n.B cmp\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
	".SH DESCRIPTION\n.ad l\n.nh\n"
	".B cmp\nreads a Compose file\n(see\n.BR cmp\\-compose (5))\n"
	"and runs its services as isolated containers on this machine.\n"
	"Without\n.B \\-f\nit looks for compose.yaml, compose.yml, docker\\-compose.yml or docker\\-compose.yaml in the\n"
	"current directory and in those above it, and takes compose.override.yml beside it along.\n"
	"A supervisor, cmpd, is started when none answers; containers go on without it.\n"
	".PP\nGlobal options stand before the command. A call that looks like one of\n.BR cmp (1)\n"
	"of diffutils, like \"cmp \\-s A B\", goes to the next cmp on PATH.\n"
	".SH OPTIONS\n";

static const char man_cmp_tail[] =
	".SH EXIT STATUS\n0, or 1 after an error; 2 for an unknown command; 3 when lint found something; 130 when interrupted.\n"
	"\\fBrun\\fR and \\fBexec\\fR give that of their process.\n"
	".SH ENVIRONMENT\n"
	".TP\n.B COMPOSE_FILE\nFiles instead of \\fB\\-f\\fR, separated by colons, or by \\fBCOMPOSE_PATH_SEPARATOR\\fR.\n"
	".TP\n.B COMPOSE_PROJECT_NAME\nName of the project, as \\fB\\-p\\fR.\n"
	".TP\n.B COMPOSE_PROFILES\nProfiles to enable, separated by commas.\n"
	".TP\n.B COMPOSE_ENV_FILES\nFiles with variables, as \\fB\\-\\-env\\-file\\fR, separated by commas.\n"
	".TP\n.B COMPOSE_DISABLE_ENV_FILE\ntrue: .env is not read.\n"
	".TP\n.B CMP_HOST\nWhere the supervisor listens, unix:///run/cmp/cmp.sock if not set.\n"
	".TP\n.B CMP_STATE_DIR\nWhere images, volumes and containers are, /var/lib/cmp if not set.\n"
	".TP\n.B CMP_RUN_DIR\nWhere sockets are, /run/cmp if not set.\n"
	".SH SEE ALSO\n.BR cmp\\-compose (5)\n";

static void man_cmp(struct page *p)
{
	size_t i;

	buf_adds(&p->out, man_cmp_head);
	man_options(p, cli_global_options);
	buf_adds(&p->out, ".SH COMMANDS\n");
	for (i = 0; cli_commands[i]; i++)
		man_command(p, "", cli_commands[i]);
	buf_adds(&p->out, man_cmp_tail);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(struct page *p);
	} pages[] = {{"compose.md", md_page}, {"cmp-compose.5", man_compose}, {"cmp.1", man_cmp}};
	AUTO(arena_free) struct arena *a = arena_new();
	struct page p = {.out = BUF_INIT};
	size_t i;

	p.all = reference_sections(a, &p.count);
	for (i = 0; i < ARRAY_LEN(pages); i++)
		if (argc == 2 && !strcmp(argv[1], pages[i].name))
			pages[i].write(&p);
	if (!p.out.len)
		fprintf(stderr, "usage: pages compose.md|cmp-compose.5|cmp.1\n");
	else
		fwrite(p.out.data, 1, p.out.len, stdout);
	i = p.out.len;
	buf_release(&p.out);
	return i && fflush(stdout) == 0 ? 0 : 1;
}
