# bash completion for gosling: source <(gosling completion bash)
_gosling() {
	local cur=${COMP_WORDS[COMP_CWORD]} line files=
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then files=1; else COMPREPLY+=("$line"); fi
	done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [[ ( -n $files || ${#COMPREPLY[@]} -eq 0 ) && $cur != -* ]]; then
		type compopt &>/dev/null && compopt -o filenames 2>/dev/null
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -f -- "$cur")
	fi
}
complete -F _gosling gosling
