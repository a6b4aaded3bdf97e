# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of cmp: the program itself says what may follow (cmp __complete).
_cmp()
{
	local line=${COMP_LINE:0:COMP_POINT} lines word current prefix
	local -a words

	COMPREPLY=()
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	current=${words[${#words[@]} - 1]}
	# What bash replaces begins after the last of these.
	prefix=${current%"${current##*[=:]}"}
	if ! lines=$("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null); then
		compopt -o default # another program of this name
		return
	fi
	while IFS= read -r word; do
		case $word in
		'') ;;
		:files) compopt -o default ;;
		:dirs) compopt -o dirnames ;;
		:nospace) compopt -o nospace ;;
		*)
			word=${word%%$'\t'*}
			COMPREPLY+=("${word#"$prefix"}")
			;;
		esac
	done <<<"$lines"
}
complete -F _cmp cmp
