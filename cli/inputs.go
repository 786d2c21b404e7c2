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

// Flags that name files say what is done with them by their names, which mean the same in every command. A flag for another file
// belongs into one of these lists.
var (
	inputFlags  = []string{"text", "file", "tokens-file", "in-file", "vocab", "lora", "lora-init", "merge-state", "state", "imatrix", "sensitivity", "tools"}
	outputFlags = []string{"output", "html", "answers", "base-logits"}
	folderFlags = []string{"ggml", "work"} // in which no named file is read or written
)

// inputs are the paths of all files that a command reads, as far as its command line tells: what it names, and what is read with
// that, such as the parts of a model and the configuration beside it. Some may not exist.
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

// readsArgument reports whether a command's argument is a file that it reads, and no output, text, or name of a task.
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

// What is read of a folder, and what beside a file. They are patterns of path.Match, in lower case.
var (
	inFolderFiles = []string{"*.safetensors", "*.st", "*.json", "*.txt", "*.csv", "*.pth", "*.pt", "*.bin"}
	besideFiles   = []string{"config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "rwkv_vocab_*.txt"}
	partFiles     = []string{"*.safetensors", "*.index.json"}
)

// partOfGGUF is the end of the name of one of several GGUF files that are one model.
var partOfGGUF = regexp.MustCompile(`-\d{5}-of-\d{5}\.gguf$`)

// readWith are the files that may be read with a named one: those in a folder, the parts of a model, and what describes it.
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
