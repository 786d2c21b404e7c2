// Package completion has the scripts that let shells complete the program's command lines. They call the program's hidden command for
// candidates.
package completion

import _ "embed"

//go:embed gosling.bash
var bash string

//go:embed gosling.zsh
var zsh string

//go:embed gosling.fish
var fish string

//go:embed gosling.ps1
var powershell string

// Shells are the names of the shells.
var Shells = []string{"bash", "zsh", "fish", "powershell"}

// Script returns the script for a shell, and whether there is one.
func Script(shell string) (script string, ok bool) {
	script, ok = map[string]string{"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}[shell]
	return script, ok
}
