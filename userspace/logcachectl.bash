# SPDX-License-Identifier: GPL-2.0-only
# bash completion for logcachectl; commands and options come from its --help.

# First words of the indented lines of a help text, up to its second part.
_logcachectl_words() {
	logcachectl "$@" --help 2>/dev/null |
		sed -n '/^Options of the /q; s/^  \(--[a-z-]*\|[a-z-]\+\) .*/\1/p'
}

_logcachectl_target_options() {
	logcachectl create --help 2>/dev/null |
		sed -n '1,/^Options of the target/d; s/^  \([a-z_]\+\) .*/\1/p'
}

_logcachectl_store_options() {
	logcachectl format --help 2>/dev/null |
		sed -n '1,/^Options of the store/d; s/^  \([a-z_]\+\) .*/\1/p'
}

_logcachectl_volumes() {
	logcachectl list 2>/dev/null | sed -n '1d; s/ .*//p'
}

_logcachectl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd=${COMP_WORDS[1]}
	local words

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_logcachectl_words)" -- "$cur")
		return
	fi
	case $prev in
	--cache | --origin)
		mapfile -t COMPREPLY < <(compgen -f -- "${cur:-/dev/}")
		return ;;
	--segment-size)
		mapfile -t COMPREPLY < <(compgen -W "1M 2M 4M" -- "$cur")
		return ;;
	--option)
		mapfile -t COMPREPLY < <(compgen -S = -W "$(_logcachectl_target_options)" -- "$cur")
		return ;;
	--store-option)
		mapfile -t COMPREPLY < <(compgen -S = -W "$(_logcachectl_store_options)" -- "$cur")
		return ;;
	esac
	case $cmd in
	remove | status | set | flush | drain | scrub | query | snapshot | snapshots | \
		snapshot-delete | rollback | clone | clone-gone | grow | limit)
		[ "$COMP_CWORD" -eq 2 ] && words=$(_logcachectl_volumes) ;;
	esac
	if [ "$cmd" = set ] && [ "$COMP_CWORD" -eq 3 ]; then
		words=$(_logcachectl_target_options)
	fi
	case $cur in
	-*) words="$(_logcachectl_words "$cmd" | grep -e '^--') --help" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _logcachectl logcachectl
