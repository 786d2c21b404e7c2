#!/bin/sh
# install.sh install|uninstall PREFIX: implements "make install" and "make uninstall". PREFIX includes DESTDIR.
#
# It installs the program, ggml's libraries, the manual pages and the shell completions where a Linux or macOS user expects them.
# lib/gosling/installed lists every file and every folder that it created (folders end with a slash), so that uninstall removes
# exactly these.
set -eu
export LC_ALL=C

prefix=$2
list=lib/gosling/installed

# put FILE AS: copies a file.
put() {
	folder "$(dirname "$2")"
	cp -RPf "$1" "$prefix/$2"
	echo "$2" >>"$made"
}

# folder NAME: creates a folder below the prefix, and records new ones.
folder() {
	[ -d "$prefix/$1" ] && return
	[ "$1" = . ] || folder "$(dirname "$1")"
	mkdir -p "$prefix/$1"
	echo "$1/" >>"$made"
}

# libraries: lists those built here, or else all that were downloaded for this platform.
libraries() {
	platform=$(uname -sm | sed -e 's/Linux x86_64/linux-x64/' -e 's/Linux aarch64/linux-arm64/' \
		-e 's/Darwin x86_64/mac-x64/' -e 's/Darwin arm64/mac-arm64/' -e 's/MINGW.* x86_64/win-x64/')
	set -- third_party/lib/*ggml*
	[ -e "$1" ] || set -- third_party/node_modules/@node-llama-cpp/"$platform"*/bins/*/*ggml* \
		third_party/*/node_modules/@node-llama-cpp/"$platform"*/bins/*/*ggml*
	found=
	for file; do
		[ -e "$file" ] || continue
		found=yes
		put "$file" "lib/gosling/$(basename "$file")"
	done
	for file in third_party/*/node_modules/@node-llama-cpp/"$platform"*/bins/*/fallback/*; do
		[ -z "$found" ] || [ ! -e "$file" ] || put "$file" "lib/gosling/fallback/$(basename "$file")"
	done
	[ -n "$found" ] || echo "install: no ggml libraries to install: the program will need GOSLING_GGML" >&2
}

install() {
	uninstall
	made=$(mktemp)
	trap 'rm -rf "$made" "$made.d"' EXIT
	mkdir "$made.d"
	for exe in gosling gosling.exe; do [ ! -e $exe ] || put $exe bin/$exe; done
	folder lib/gosling
	libraries
	./gosling man "$made.d"
	for page in "$made.d"/*.1; do put "$page" "share/man/man1/$(basename "$page")"; done
	for shell in bash zsh fish; do ./gosling completion $shell >"$made.d/$shell"; done
	put "$made.d/bash" share/bash-completion/completions/gosling
	put "$made.d/zsh" share/zsh/site-functions/_gosling
	put "$made.d/fish" share/fish/vendor_completions.d/gosling.fish
	for file in LICENSE NOTICE third_party/LICENSE.ggml; do put $file "share/doc/gosling/$(basename $file)"; done
	echo $list >>"$made"
	cat "$made" >"$prefix/$list"
}

# uninstall removes the files first. It then removes the folders, innermost first, if they are empty.
uninstall() {
	[ -e "$prefix/$list" ] || return 0
	made=$(mktemp)
	cp "$prefix/$list" "$made"
	while IFS= read -r name; do
		case $name in */) ;; *) rm -f "$prefix/$name" ;; esac
	done <"$made"
	sort -r "$made" | while IFS= read -r name; do
		case $name in */) rmdir "$prefix/${name%./}" 2>/dev/null || : ;; esac
	done
	rm -f "$made"
}

case $1 in
install) install ;;
uninstall)
	[ -e "$prefix/$list" ] || { echo "uninstall: $prefix/$list is not there: nothing to remove" >&2; exit 1; }
	uninstall
	;;
esac
