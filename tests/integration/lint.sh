#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is said about files without running anything: config --strict, problems for editors, lint.
. "$(dirname "$0")/../lib.sh"

mkdir -p "$WORK/files"; cd "$WORK/files"
cat >good.yaml <<'Y'
services:
  web: {image: "web:1"}
Y
cat >old.yaml <<'Y'
version: "3"
services:
  web: {image: "web:1"}
Y
cat >bad.yaml <<'Y'
services:
  web: {imge: "web:1"}
Y
cat >found.yaml <<'Y'
services:
  web: {image: web, privileged: true}
  off: {image: "web:1", privileged: true, x-cmp: {lint: {L004: off}}}
Y

it 'warnings are errors with --strict, before and after the verb' <<'E'
cmp -f old.yaml config -q 2>err
has "$(cat err)" 'old.yaml:1:1: warning: "version" is obsolete'
exits 1 cmp -f old.yaml config -q --strict 2>err
has "$(cat err)" 'old.yaml:1:1: error: "version" is obsolete'
exits 1 cmp --strict -f old.yaml config -q 2>err
exits 1 cmp --strict -f old.yaml up -d 2>err
has "$(cat err)" 'error: "version" is obsolete'
cmp --strict -f good.yaml config -q
E
it 'an editor gets a list, whatever is wrong' <<'E'
eq "$(cmp -f good.yaml config -q --format json)" '[]'
exits 1 cmp -f good.yaml config -q --format json nosuch 2>err
has "$(cat err)" nosuch
cmp -f old.yaml config -q --format json | jq -e '.[0].severity == "warning" and .[0].code == "W019"'
exits 1 cmp -f bad.yaml config -q --format json >out 2>err
eq "$(cat err)" ''
jq -e '.[0] | .line == 2 and .column == 9 and .end_column == 13 and .replacement == "image"' out
jq -e --arg f "$PWD/bad.yaml" '.[0].file == $f' out
exits 1 cmp -f - config -q --format json <bad.yaml >out
jq -e '.[0].file == "-"' out
exits 1 cmp -f none.yaml config -q --format json >out
jq -e '.[0].code == "E002" and (.[0] | has("line") | not)' out
E
it 'lint: 0 nothing, 3 findings, 1 an error' <<'E'
cmp -f good.yaml lint 2>err
eq "$(cat err)" ''
exits 3 cmp -f found.yaml lint 2>err
has "$(cat err)" 'found.yaml:2:16: warning: services.web.image'
has "$(cat err)" 'found.yaml:2:21: warning: services.web: a privileged container'
hasnt "$(cat err)" services.off
exits 3 cmp -f found.yaml lint -q 2>err
eq "$(cat err)" ''
exits 3 cmp -f found.yaml lint --format json >out 2>err
eq "$(cat err)" ''
eq "$(jq -r '.[].code' out | tr '\n' ' ')" 'L001 L004 '
eq "$(cmp -f good.yaml lint --format json)" '[]'
exits 1 cmp -f bad.yaml lint 2>err
has "$(cat err)" 'did you mean "image"'
exits 1 cmp -f good.yaml lint --format xml
exits 1 cmp -f good.yaml lint web
E
it 'lint as SARIF' <<'E'
exits 3 cmp -f found.yaml lint --format sarif >out 2>err
eq "$(cat err)" ''
jq -e '.version == "2.1.0" and .runs[0].columnKind == "unicodeCodePoints"' out
eq "$(jq -r '[.runs[0].tool.driver.rules[].id] | join(" ")' out)" 'L001 L004'
jq -e '.runs[0].results[0] | .ruleId == "L001" and .level == "warning"' out
jq -e '.runs[0].results[0].locations[0].physicalLocation | .artifactLocation.uri == "found.yaml" and .region.startColumn == 16' out
eq "$(cmp -f good.yaml lint --format sarif | jq '.runs[0].results | length')" 0
exits 1 cmp -f none.yaml lint --format sarif >out
jq -e '.runs[0].results[0].ruleId == "E002"' out
E
it 'every code is explained' <<'E'
cmp explain >codes
for code in $(cut -d' ' -f1 codes); do cmp explain $code >text; has "$(head -1 text)" "$code: "; done
has "$(cmp explain w012)" 'E012: '
exits 1 cmp explain E999
E
finish
