package cli

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
)

// A flag that names a file means the same in every command: the file is read, written, or a folder. A new flag for a file must be
// added to one of these lists.
var (
	inputFlags  = []string{"text", "file", "tokens-file", "in-file", "vocab", "lora", "lora-init", "merge-state", "state", "imatrix", "sensitivity", "tools"}
	outputFlags = []string{"output", "html", "answers", "base-logits"}
	folderFlags = []string{"ggml", "work"} // folders; no named file is read or written in them
)

// inputs returns the paths of all files that a command reads, as far as the command line tells: the named files, and the files
// that are read with them, such as the parts of a model or the configuration beside it. Some may not exist.
func inputs(c *urfave.Context) []string {
	var named []string
	for i, arg := range c.Args().Slice() {
		if !readsArgument(c.Command.Name, i) {
			continue
		}
		if path, err := modelPath(arg); err == nil {
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
		all = append(append(all, path), readWith(path)...)
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

// The files that are read from a folder, and the files that are read beside another file. They are patterns of path.Match, in
// lower case.
var (
	inFolderFiles = []string{"*.safetensors", "*.st", "*.json", "*.txt", "*.csv", "*.pth", "*.pt", "*.bin"}
	besideFiles   = []string{"config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "rwkv_vocab_*.txt"}
	partFiles     = []string{"*.safetensors", "*.index.json"}
)

// partOfGGUF matches the end of the name of one part of a GGUF model.
var partOfGGUF = regexp.MustCompile(`-\d{5}-of-\d{5}\.gguf$`)

// readWith returns the files that may be read together with a named one: the files in a folder, the parts of a model, and the
// files that describe it.
func readWith(name string) []string {
	folder, patterns := filepath.Dir(name), besideFiles
	base := strings.ToLower(filepath.Base(name))
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		folder, patterns = name, inFolderFiles
	} else if strings.HasSuffix(base, ".safetensors") || strings.HasSuffix(base, ".json") {
		patterns = slices.Concat(besideFiles, partFiles)
	} else if end := partOfGGUF.FindStringIndex(base); end != nil {
		patterns = append(slices.Clip(besideFiles), base[:end[0]]+"-*-of-*.gguf")
	}
	entries, _ := os.ReadDir(folder)
	var files []string
	for _, e := range entries {
		matches := func(pattern string) bool {
			ok, _ := path.Match(pattern, strings.ToLower(e.Name()))
			return ok
		}
		if slices.ContainsFunc(patterns, matches) {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	return files
}
