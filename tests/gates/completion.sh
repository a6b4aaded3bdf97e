#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Gate: what --help shows, the manual page and the completion are the same; and the completion of each shell that is
# installed gives what it should for some typed lines.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}" "${top_builddir:=$top_srcdir/build}"
build=$(cd "$top_builddir" && pwd) top=$(cd "$top_srcdir" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
PATH=$build:$PATH
export PATH CMP_RUN_DIR="$work/run" HOME="$work"
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES CMP_HOST
number=0
report() { # report STATUS NAME: with the lines of $work/wrong
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		sed 's/^/# /' "$work/wrong"
		echo "not ok $number - $2"
	fi
	: >"$work/wrong"
}
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }
: >"$work/wrong"

# ---- tables: every command and option that --help shows is offered, and is in the manual page

words() { cmp __complete -- "$@" | cut -f1; }
commands() { sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'; }
options() { sed -n 's/^  \(-., \|    \)\(--[a-z-]*\).*/\2/p; s/^  \(-[a-zA-Z]\)  .*/\1/p'; }
roff() { sed 's/-/\\\\-/g'; } # as a pattern for grep
same() { # same WHAT HELP COMPLETION
	echo "$2" | tr ' ' '\n' | sed '/^$/d' | sort -u >"$work/help"
	echo "$3" | tr ' ' '\n' | sed '/^$/d' | sort -u >"$work/offered"
	diff -u "$work/help" "$work/offered" >"$work/diff" || { echo "$1:"; sed 1,3d "$work/diff"; } >>"$work/wrong"
}
check_command() { # check_command WORD...: options of a command, and its own commands
	help=$(cmp "$@" --help)
	offered=$(words "$@" --)
	single=$(echo "$help" | options | grep -c '^-[a-zA-Z]$')
	[ "$single" = 0 ] || offered=$offered$(printf '\n'; words "$@" - | grep -x -- '-[a-zA-Z]')
	same "cmp $*" "--help $(echo "$help" | options)" "$offered"
	for o in $(echo "$help" | options); do
		grep -q -- "\\\\fB$(echo "$o" | roff)\\\\fR" "$build/cmp.1" || echo "cmp.1 lacks $* $o" >>"$work/wrong"
	done
	for v in $(echo "$help" | commands); do check_command "$@" "$v"; done
}
all=$(cmp --help | commands)
same cmp "$all" "$(words '')"
same "cmp -" "$(cmp --help | options)" "$(words -)"
for c in $all; do
	check_command "$c"
	grep -q "^.SS \"$c\\( \\|\"\\)" "$build/cmp.1" || echo "cmp.1 lacks $c" >>"$work/wrong"
done
[ "$(echo "$all" | wc -l)" -gt 25 ] || echo "only these commands: $all" >>"$work/wrong"
report "$(wc -l <"$work/wrong")" "commands and options are completed and in cmp.1"

keys=$(sed -n '/^## services.NAME$/,/^## services.NAME./s/^\* \*\*\([a-z_]*\)\*\*.*/\1/p' "$top/docs/compose.md")
offered=" $(words explain '' | tr '\n' ' ')"
for k in $keys; do
	case $offered in *" $k "*) ;; *) echo "explain: $k is not offered" >>"$work/wrong" ;; esac
	cmp explain "services.web.$k" >"$work/out" || echo "explain: services.web.$k" >>"$work/wrong"
	grep -q "^\\.B $(echo "$k" | roff)\$" "$build/cmp-compose.5" || echo "cmp-compose.5 lacks $k" >>"$work/wrong"
done
[ "$(echo "$keys" | wc -l)" -gt 80 ] || echo "only these keys: $keys" >>"$work/wrong"
for e in $(words explain E); do cmp explain "$e" >/dev/null || echo "explain: $e" >>"$work/wrong"; done
report "$(wc -l <"$work/wrong")" "keys and codes are completed and in cmp-compose.5"

# ---- typed lines: what stands before "|" gives the words behind it

mkdir "$work/project" "$work/project/sub" && cd "$work/project" || exit 1
cat >compose.yaml <<'Y'
services:
  web: {image: x}
  worker: {image: x}
  db: {image: x, profiles: [data, '$(reboot)', "a b"]}
Y
echo 'services: {other: {image: x}}' >other.yaml
cat >lines <<'L'
cmp u|unpause up
cmp up w|web worker
cmp up |db web worker
cmp logs web w|web worker
cmp up --de|--detach
cmp --progress p|plain
cmp --progress=p|plain
cmp -f other.yaml up |other
cmp --file=other.yaml up |other
cmp exec web |
cmp exec -T w|web worker
cmp up --scale w|web= worker=
cmp up --scale=w|web= worker=
cmp scale d|db=
cmp --profile |data
cmp volume p|prune
cmp volume |create inspect ls prune rm
cmp config --format |json yaml
cmp explain E012|E012
cmp explain healthc|healthcheck
cmp help sc|scale
cmp nothing of ours |FILES
cmp comp|FILES
cmp -f |FILES
cmp --project-directory |DIRS
cmp -p x up --no-such --|--abort-on-container-exit
cmp kill -s SIGT|SIGTERM
L
# A row with an unknown option would list too much: it is cut to the first word.
cat >try.bash <<'B'
. "$1/completion/cmp.bash"
compopt() { case $2 in default) extra=FILES ;; dirnames) extra=DIRS ;; esac; }
while IFS='|' read -r COMP_LINE expected; do
	COMP_POINT=${#COMP_LINE} extra=
	_cmp
	found=$(printf '%s\n' "${COMPREPLY[@]}" $extra | sed '/^$/d' | LC_ALL=C sort | tr '\n' ' ')
	case $COMP_LINE in *--no-such*) found=${found%% *} ;; esac
	[ "${found% }" = "$expected" ] || echo "\"$COMP_LINE\": \"${found% }\", not \"$expected\""
done <lines
B
if command -v bash >/dev/null; then
	bash try.bash "$top" >>"$work/wrong" 2>&1
	bash -c ". '$top/completion/cmp.bash'; complete -p cmp" >/dev/null 2>>"$work/wrong" || echo "not set" >>"$work/wrong"
	report "$(wc -l <"$work/wrong")" "bash completes typed lines"
else
	skip "bash completes typed lines" "no bash"
fi

# fish can be asked itself.
if command -v fish >/dev/null; then
	grep -v 'FILES\|DIRS\|no-such\|^[^|]*=' lines | while IFS='|' read -r line expected; do
		found=$(fish --no-config -c "source $top/completion/cmp.fish; complete -C '$line'" 2>&1 | cut -f1 | LC_ALL=C sort | tr '\n' ' ')
		[ "${found% }" = "$expected" ] || echo "\"$line\": \"${found% }\", not \"$expected\""
	done >>"$work/wrong"
	report "$(wc -l <"$work/wrong")" "fish completes typed lines"
else
	skip "fish completes typed lines" "no fish"
fi

if command -v zsh >/dev/null; then
	cat >try.zsh <<'Z'
compadd() {
	local suffix=${argv[(i)-S]}
	print -l -- "${(@P)argv[-1]}"
	(( suffix > $# )) || [[ -z $argv[suffix+1] ]] || print -r -- "-S $argv[suffix+1]"
}
_files() { print FILES; }
while IFS='|' read -r line expected; do
	words=("${(@s: :)line}") CURRENT=${#words}
	found=$(source $1/completion/_cmp | LC_ALL=C sort | tr '\n' ' ')
	[[ ${found% } == "$expected" ]] || print -r -- "\"$line\": \"${found% }\", not \"$expected\""
done
Z
	grep -v 'DIRS\|no-such\|^[^|]*=' lines | zsh -f try.zsh "$top" >>"$work/wrong" 2>&1
	report "$(wc -l <"$work/wrong")" "zsh completes typed lines"
else
	skip "zsh completes typed lines" "no zsh"
fi
echo "1..$number"
