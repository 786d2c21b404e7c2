#compdef gosling
# zsh completion for gosling: source <(gosling completion zsh), or a file _gosling in a folder of $fpath
_gosling() {
	local -a found
	found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ "${found[-1]}" == :files ]]; then
		compadd -- "${(@)found[1,-2]}"
		_files
	elif [[ -n "${found[1]}" ]]; then
		compadd -- "${found[@]}"
	else
		_files
	fi
}
if [[ "${funcstack[1]}" == _gosling ]]; then
	_gosling "$@" # the file was loaded as the function when it was first called
else
	compdef _gosling gosling
fi
