/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems as SARIF 2.1.0, the form in which code hosts take what checkers find.  Made of the list
 * for editors: the same fields under other names.
 */
#include "cli/sarif.h"

#include "base/json.h"
#include "compose/lint.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *text_object(const char *text)
{
	json_t *o = json_object();

	json_set_str(o, "text", text);
	return o;
}

/* Adds where it is to `ret`, when that is known. */
static void set_place(json_t *ret, const char *cwd, const json_t *place)
{
	static const struct {
		const char *from, *to;
	} numbers[] = {{"line", "startLine"},
		       {"column", "startColumn"},
		       {"end_line", "endLine"},
		       {"end_column", "endColumn"}};
	const char *file = json_get_str(place, "file"), *inside = file ? str_skip(file, cwd) : NULL;
	json_t *physical, *artifact, *region;
	size_t i;

	if (!file)
		return;
	physical = json_object();
	artifact = json_object();
	json_set_str(artifact, "uri", inside && *inside == '/' ? inside + 1 : file);
	json_set_new(physical, "artifactLocation", artifact);
	if (json_object_get(place, "line")) {
		region = json_object();
		for (i = 0; i < ARRAY_LEN(numbers); i++)
			json_set_int(region, numbers[i].to,
				     json_get_int(place, numbers[i].from, 1));
		json_set_new(physical, "region", region);
	}
	json_set_new(ret, "physicalLocation", physical);
}

static json_t *places(const char *cwd, const json_t *list)
{
	json_t *out = json_array(), *one;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *place = json_array_get(list, i);

		one = json_object();
		set_place(one, cwd, place);
		json_set_new(one, "message", text_object(json_get_str(place, "message")));
		json_array_append_new(out, one);
	}
	return out;
}

static json_t *result(const char *cwd, const json_t *problem)
{
	const char *hint = json_get_str(problem, "hint");
	auto_free char *text = xasprintf("%s%s%s", json_get_str(problem, "message"),
					 hint ? ": " : "", hint ? hint : "");
	json_t *one = json_object(), *where = json_object(), *locations = json_array();

	json_set_str(one, "ruleId", json_get_str(problem, "code"));
	json_set_str(one, "level", json_get_str(problem, "severity"));
	json_set_new(one, "message", text_object(text));
	set_place(where, cwd, problem);
	json_array_append_new(locations, where);
	json_set_new(one, "locations", locations);
	if (json_get_arr(problem, "notes"))
		json_set_new(one, "relatedLocations", places(cwd, json_get_arr(problem, "notes")));
	return one;
}

/* The codes that occur, once each. */
static json_t *rules(const json_t *problems)
{
	json_t *out = json_array(), *seen = json_object(), *rule;
	size_t i;

	for (i = 0; i < json_array_size(problems); i++) {
		const char *code = json_get_str(json_array_get(problems, i), "code");
		const struct diag_explanation *about = diag_explain(code);

		about = about ? about : lint_explain(code);
		if (json_object_get(seen, code) || !about)
			continue;
		json_set_bool(seen, code, true);
		rule = json_object();
		json_set_str(rule, "id", code);
		json_set_new(rule, "shortDescription", text_object(about->title));
		json_set_new(rule, "fullDescription", text_object(about->text));
		json_array_append_new(out, rule);
	}
	json_decref(seen);
	return out;
}

json_t *sarif_log(const char *cwd, const json_t *problems)
{
	json_t *log = json_object(), *runs = json_array(), *run = json_object();
	json_t *tool = json_object(), *driver = json_object(), *results = json_array();
	size_t i;

	json_set_str(driver, "name", "cmp");
	json_set_str(driver, "version", PACKAGE_VERSION);
	json_set_new(driver, "rules", rules(problems));
	json_set_new(tool, "driver", driver);
	for (i = 0; i < json_array_size(problems); i++)
		json_array_append_new(results, result(cwd, json_array_get(problems, i)));
	json_set_new(run, "tool", tool);
	json_set_str(run, "columnKind", "unicodeCodePoints");
	json_set_new(run, "results", results);
	json_array_append_new(runs, run);
	json_set_str(log, "$schema", SCHEMA);
	json_set_str(log, "version", "2.1.0");
	json_set_new(log, "runs", runs);
	return log;
}
