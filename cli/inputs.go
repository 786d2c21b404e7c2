package cli

import (
	"slices"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/internal/outfile"
)

// A flag that names a file means the same in every command: the file is read, written, or a folder. A new flag for a file must be
// added to one of these lists.
var (
	inputFlags  = []string{"text", "file", "tokens-file", "in-file", "vocab", "lora", "lora-init", "merge-state", "state", "imatrix", "calibration", "sensitivity", "tools", "json-schema", "grammar", "tls-cert", "tls-key", "api-key-file"}
	outputFlags = []string{"output", "html", "answers", "base-logits"}
	folderFlags = []string{"ggml", "work", "state-dir"} // folders; no named file is read or written in them
)

// inputs returns the paths of all files that a command reads, as far as the command line tells: the named files, and the files
// that are read with them, such as the parts of a model or the configuration beside it. Some may not exist.
func inputs(c *urfave.Context) []string {
	var named []string
	for i, arg := range c.Args().Slice() {
		if !readsArgument(c.Command.Name, i) {
			continue
		}
		if path, err := storedPath(arg); err == nil {
			named = append(named, path)
		}
		if text, err := demo.Text(); arg == demo.Name && err == nil {
			named = append(named, text)
		}
	}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !slices.Contains(inputFlags, name) || !c.IsSet(name) {
			continue
		}
		if list, ok := f.(*urfave.StringSliceFlag); ok {
			named = append(named, c.StringSlice(list.Name)...)
		} else {
			named = append(named, c.String(name))
		}
	}
	var all []string
	for _, path := range named {
		all = append(append(all, path), outfile.ReadWith(path)...)
	}
	return all
}

// readsArgument reports whether a command reads the argument as a file. Other arguments are outputs, texts or names of tasks.
func readsArgument(command string, index int) bool {
	switch command {
	case "eval":
		return index == 1
	case "compare", "bench":
		return true
	default:
		return index == 0
	}
}
